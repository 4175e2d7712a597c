/* The host program of the proofs: loads one DLL, plays its scenario, and lets go of it.
 *
 *     host.exe free library.dll     frees the library, as a program does that is done with a plug-in
 *     host.exe exit library.dll     ends the process while the library is loaded
 *
 * The library's exported scenario(host_freed, last) is called if there is one; a scenario that needs neither is
 * declared without parameters.
 *     host_freed   an event that is set as soon as the host's FreeLibrary has come back
 *     last         what the host waits for after that, before it ends: the handle of a thread, for example.
 *                  NULL, as it is when the scenario begins, if there is nothing to wait for.
 *
 * What it prints goes to tests/proofs.rs: "started" (the clock runs from there), "exception CODE" for what nobody
 * handled, "ended" as the last line in the mode free. */
#include <windows.h>
#include <stdio.h>
#include <string.h>

enum { OUTCOME_USAGE = 90, OUTCOME_NOT_LOADED = 91, OUTCOME_CRASHED = 92 };

typedef void (*scenario_function)(HANDLE host_freed, HANDLE *last);

static void say(const char *text)
{
    /* Past the CRT's buffers and locks, so that it works wherever the process stands. */
    DWORD written;

    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)strlen(text), &written, NULL);
}

static LONG WINAPI on_unhandled(EXCEPTION_POINTERS *exception)
{
    char line[64];

    sprintf(line, "exception 0x%08lx\n", (unsigned long)exception->ExceptionRecord->ExceptionCode);
    say(line);
    TerminateProcess(GetCurrentProcess(), OUTCOME_CRASHED);
    return EXCEPTION_EXECUTE_HANDLER;
}

int main(int argc, char **argv)
{
    HMODULE library;
    HANDLE freed;
    HANDLE last = NULL;
    scenario_function scenario;

    if (argc != 3 || (strcmp(argv[1], "free") && strcmp(argv[1], "exit")))
        return OUTCOME_USAGE;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    SetUnhandledExceptionFilter(on_unhandled);
    freed = CreateEventW(NULL, TRUE, FALSE, NULL);

    say("started\n");
    library = LoadLibraryA(argv[2]);
    if (!library)
        return OUTCOME_NOT_LOADED;
    scenario = (scenario_function)(void (*)(void))GetProcAddress(library, "scenario");
    if (scenario)
        scenario(freed, &last);
    if (!strcmp(argv[1], "exit"))
        ExitProcess(0);

    FreeLibrary(library);
    SetEvent(freed);
    if (last)
        WaitForSingleObject(last, INFINITE);
    say("ended\n");
    return 0;
}
