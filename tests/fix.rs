//! Fixes: which findings have one, what `--fix` and `--diff` do with it, and what becomes of the files.
//!
//! That a fixed program survives where the one before crashes is shown in `proofs.rs`.

#[path = "support/command.rs"]
mod command;
#[path = "support/files.rs"]
mod files;

use std::path::{Path, PathBuf};
use tplint::source::Sources;
use tplint::{Options, analyze};

/// A thread procedure, with `//B` for its end.
const THREAD: &str = r#"#include <windows.h>
static HMODULE g_self;
static DWORD WINAPI Work(LPVOID context)
{
    Sleep(10);
//B
}
__declspec(dllexport) void Start(void)
{
    HANDLE thread;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)Work, &g_self);
    thread = CreateThread(NULL, 0, Work, NULL, 0, NULL);
    CloseHandle(thread);
}
"#;

/// A callback, with `//P` for its parameters and `//B` for its body.
const CALLBACK: &str = r#"#include <windows.h>
static HMODULE g_self;
static void CALLBACK Notify(//P)
{
//B
}
__declspec(dllexport) void Start(void *context)
{
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)Notify, &g_self);
    TrySubmitThreadpoolCallback(Notify, context, NULL);
}
"#;

/// The body of a teardown of `TIMER` in its order.
const TORN_DOWN: &str = "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    CloseThreadpoolTimer(self->timer);\n    free(self);";

/// An object with a timer, with `//C` in the callback and `//B` for the teardown.
const TIMER: &str = r#"#include <windows.h>
#include <stdlib.h>
typedef struct session { PTP_TIMER timer; HANDLE stop; CRITICAL_SECTION lock; long beats; } session;
static HMODULE g_self;
static void CALLBACK Beat(PTP_CALLBACK_INSTANCE instance, void *context, PTP_TIMER timer)
{
    session *self = context;
    self->beats++;
//C
}
__declspec(dllexport) session *Open(void)
{
    session *self = calloc(1, sizeof *self);
    FILETIME due = {0, 0};
    self->timer = CreateThreadpoolTimer(Beat, self, NULL);
    SetThreadpoolTimer(self->timer, &due, 1000, 0);
    return self;
}
__declspec(dllexport) void Close(session *self)
{
//B
}
"#;

/// The findings of one file: rule and whether there is a fix, with the fixed text where there is one.
fn fixes(path: &str, text: &str) -> Vec<(&'static str, Option<String>)> {
    let sources = Sources::new(vec![(path.to_string(), text.as_bytes().to_vec())]);
    let analysis = analyze(&sources, &Options::default()).unwrap();
    analysis
        .diagnostics
        .iter()
        .map(|finding| {
            let fixed = finding.fix.as_ref().map(|fix| {
                assert!(!fix.title.is_empty() && !fix.edits.is_empty());
                let mut text = text.to_string();
                let mut end = u32::MAX;
                for edit in fix.edits.iter().rev() {
                    assert!(edit.span.end <= end, "edits overlap or are not in order");
                    assert_eq!(edit.span.file, finding.primary().span.file);
                    end = edit.span.start;
                    text.replace_range(edit.span.range(), &edit.replacement);
                }
                text
            });
            (finding.rule, fixed)
        })
        .collect()
}

/// The fix of the only finding of a rule, which must be there.
fn fix_of(rule: &str, path: &str, text: &str) -> Option<String> {
    let all = fixes(path, text);
    let mut found = all.iter().filter(|(name, _)| *name == rule);
    let one = found
        .next()
        .unwrap_or_else(|| panic!("no {rule} in\n{text}\n{all:?}"));
    assert_eq!(found.next(), None, "{text}");
    one.1.clone()
}

#[track_caller]
fn assert_fixed(rule: &str, path: &str, text: &str, expected: &str) {
    let fixed = fix_of(rule, path, text).unwrap_or_else(|| panic!("no fix of\n{text}"));
    assert_eq!(fixed, expected);
    let left = fixes(path, &fixed);
    assert!(
        left.iter().all(|(name, _)| *name != rule),
        "{left:?}\n{fixed}"
    );
}

#[track_caller]
fn assert_unfixed(rule: &str, path: &str, text: &str) {
    assert_eq!(fix_of(rule, path, text), None, "{text}");
}

#[test]
fn a_thread_that_frees_its_module_ends_with_it() {
    let rule = "free_library_then_return";
    let fixed = |body: &str, expected: &str| {
        let text = |body| THREAD.replace("//B", body);
        assert_fixed(rule, "a.c", &text(body), &text(expected));
        assert_fixed(rule, "a.cpp", &text(body), &text(expected));
    };
    fixed(
        "    FreeLibrary(g_self);\n    return 0;",
        "    FreeLibraryAndExitThread(g_self, 0);",
    );
    fixed(
        "    FreeLibrary(g_self); // ours\n\n    return ERROR_SUCCESS; // done",
        "    FreeLibraryAndExitThread(g_self, ERROR_SUCCESS); // ours\n\n    // done",
    );
    fixed(
        "    if (g_self)\n        FreeLibrary(g_self);\n    return 0;",
        "    if (g_self)\n        FreeLibraryAndExitThread(g_self, 0);\n    return 0;",
    );
    // Without a `return`, and with a sign.
    fixed(
        "    FreeLibrary(g_self);",
        "    FreeLibraryAndExitThread(g_self, 0);",
    );
    fixed(
        "    FreeLibrary(g_self);\n    return -1;",
        "    FreeLibraryAndExitThread(g_self, -1);",
    );
    for body in [
        // The value is used.
        "    BOOL freed = FreeLibrary(g_self);\n    return freed;",
        "    return FreeLibrary(g_self);",
        "    if (!FreeLibrary(g_self))\n        Sleep(1);\n    return 0;",
        // Something comes after it.
        "    FreeLibrary(g_self);\n    Sleep(1);\n    return 0;",
        "    FreeLibrary(g_self);\n    return (DWORD)(UINT_PTR)context;",
        "    FreeLibrary(g_self);\n    return Left();",
        // Conditions of the preprocessor, and what a macro makes of it.
        "#ifdef FREES\n    FreeLibrary(g_self);\n#endif\n    return 0;",
        "    FreeLibrary(g_self);\n#ifdef TRACE\n    trace();\n#endif\n    return 0;",
        "#define LEAVE() FreeLibrary(g_self)\n    LEAVE();\n    return 0;",
        // It leaves a block that has to be left in order.
        "    __try {\n        FreeLibrary(g_self);\n    } __finally {\n    }\n    return 0;",
    ] {
        let text = THREAD.replace("//B", body);
        for path in ["a.c", "a.cpp"] {
            assert!(
                fixes(path, &text).iter().all(|(_, fix)| fix.is_none()),
                "{path} {body}"
            );
        }
    }
    let good = THREAD.replace("//B", "    FreeLibrary(g_self);\n    return 0;");
    // Others call it, too.
    assert_unfixed(
        rule,
        "a.c",
        &format!("{good}__declspec(dllexport) void Now(void) {{ Work(NULL); }}\n"),
    );
    // A destructor has still to run.
    assert_unfixed(
        rule,
        "a.cpp",
        &good.replace("    Sleep(10);", "    std::string name = Name();"),
    );
    // A procedure without a name for its parameter, in a class.
    let member = |body: &str| {
        format!(
            "#include <windows.h>\nstatic HMODULE g_self;\nclass Worker {{\npublic:\n    static DWORD WINAPI Run(LPVOID)\n    {{\n{body}\n    }}\n    void Start()\n    {{\n        GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)Run, &g_self);\n        CloseHandle(CreateThread(nullptr, 0, Run, nullptr, 0, nullptr));\n    }}\n}};\nextern \"C\" __declspec(dllexport) void Start() {{ static Worker worker; worker.Start(); }}\n"
        )
    };
    assert_fixed(
        rule,
        "a.cpp",
        &member("        ::FreeLibrary(g_self);\n        return 0;"),
        &member("        ::FreeLibraryAndExitThread(g_self, 0);"),
    );
    // Not the function of Windows.
    assert_unfixed(
        rule,
        "a.c",
        &good.replace(
            "static HMODULE",
            "static void (*FreeLibraryAndExitThread)(HMODULE);\nstatic HMODULE",
        ),
    );
    // The type of a lambda comes from its `return`.
    let lambda = good
        .replace(
            "static DWORD WINAPI Work(LPVOID context)\n{",
            "static const auto Work = [](LPVOID context)\n{",
        )
        .replace("    return 0;\n}\n", "    return 0ul;\n};\n");
    assert!(fixes("a.cpp", &lambda).iter().all(|(_, fix)| fix.is_none()));
    // A label in front of it is none in the way.
    assert_fixed(
        rule,
        "a.c",
        &good.replace("    FreeLibrary", "end:\n    FreeLibrary"),
        &THREAD.replace("//B", "end:\n    FreeLibraryAndExitThread(g_self, 0);"),
    );
    // The UCRT's threads end by returning.
    let text = good.replace("CreateThread(", "(HANDLE)_beginthreadex(");
    assert_unfixed(rule, "a.c", &text);
    // A procedure that gives nothing back.
    let void = |body: &str| {
        THREAD
            .replace("//B", body)
            .replace("DWORD WINAPI Work", "void WINAPI Work")
            .replace("0, Work", "0, (LPTHREAD_START_ROUTINE)Work")
    };
    assert_fixed(
        rule,
        "a.c",
        &void("    FreeLibrary(g_self);\n    return;"),
        &void("    FreeLibraryAndExitThread(g_self, 0);"),
    );
    // Its type comes from its `return`.
    assert_unfixed(rule, "a.cpp", &good.replace("static DWORD", "static auto"));
    // The host can call it.
    assert_unfixed(
        rule,
        "a.c",
        &good.replace("static DWORD", "__declspec(dllexport) DWORD"),
    );
    // The thread ends with a lock, which this fix would hide.
    assert_unfixed(
        rule,
        "a.c",
        &good
            .replace(
                "static HMODULE",
                "static CRITICAL_SECTION g_lock;\nstatic HMODULE",
            )
            .replace("    Sleep(10);", "    EnterCriticalSection(&g_lock);"),
    );
}

#[test]
fn a_callback_has_the_pool_free_its_module() {
    let rule = "free_library_in_callback";
    let text =
        |parameters: &str, body: &str| CALLBACK.replace("//P", parameters).replace("//B", body);
    let named = "PTP_CALLBACK_INSTANCE instance, void *context";
    assert_fixed(
        rule,
        "a.c",
        &text(named, "    if (g_self)\n        FreeLibrary( g_self );"),
        &text(
            named,
            "    if (g_self)\n        FreeLibraryWhenCallbackReturns( instance, g_self );",
        ),
    );
    assert_fixed(
        rule,
        "a.cpp",
        &text(named, "    ::FreeLibrary(g_self);"),
        &text(
            named,
            "    ::FreeLibraryWhenCallbackReturns(instance, g_self);",
        ),
    );
    let free = "    FreeLibrary(g_self);";
    assert_unfixed(
        rule,
        "a.cpp",
        &text("PTP_CALLBACK_INSTANCE, void *context", free),
    );
    assert_unfixed(rule, "a.c", &text("void *instance, void *context", free));
    assert_unfixed(
        rule,
        "a.c",
        &text(named, "    int instance = 1;\n    FreeLibrary(g_self);"),
    );
    assert_unfixed(
        rule,
        "a.c",
        &text(
            named,
            "    FreeLibraryWhenCallbackReturns(instance, g_self);\n    FreeLibrary(g_self);",
        ),
    );
    let called =
        text(named, free) + "__declspec(dllexport) void Now(void) { Notify(NULL, NULL); }\n";
    assert_unfixed(rule, "a.c", &called);
    // In a helper that does not know the instance.
    let helper = text(named, "    Leave();").replace(
        "static void CALLBACK",
        "static void Leave(void) { FreeLibrary(g_self); }\nstatic void CALLBACK",
    );
    assert_unfixed(rule, "a.c", &helper);
    // Other spellings of the instance.
    for parameters in [
        "struct _TP_CALLBACK_INSTANCE *instance, void *context",
        "TP_CALLBACK_INSTANCE *instance, void *context",
    ] {
        assert_fixed(
            rule,
            "a.c",
            &text(parameters, free),
            &text(
                parameters,
                "    FreeLibraryWhenCallbackReturns(instance, g_self);",
            ),
        );
    }
    // The pool takes one module; on another branch it is another run.
    assert_unfixed(
        rule,
        "a.c",
        &text(
            named,
            "    FreeLibrary(g_self);\n    FreeLibraryWhenCallbackReturns(instance, g_self);",
        ),
    );
    let either = |call: &str| {
        text(
            named,
            &format!(
                "    if (context) {{\n        {call};\n    }} else {{\n        FreeLibraryWhenCallbackReturns(instance, g_self);\n    }}"
            ),
        )
    };
    assert_fixed(
        rule,
        "a.c",
        &either("FreeLibrary(g_self)"),
        &either("FreeLibraryWhenCallbackReturns(instance, g_self)"),
    );
    // The old pool calls it, too, and has no instance for it.
    for call in [
        "QueueUserWorkItem((LPTHREAD_START_ROUTINE)Notify, context, 0)",
        "RegisterWaitForSingleObject(&g_wait, g_event, (WAITORTIMERCALLBACK)Notify, context, INFINITE, 0)",
        "CreateTimerQueueTimer(&g_timer, NULL, (WAITORTIMERCALLBACK)Notify, context, 10, 0, 0)",
        "BindIoCompletionCallback(g_file, (LPOVERLAPPED_COMPLETION_ROUTINE)Notify, 0)",
    ] {
        let old =
            text(named, free).replace("    TrySubmit", &format!("    {call};\n    TrySubmit"));
        assert_unfixed(rule, "a.c", &old);
    }
    // The host can call it.
    assert_unfixed(
        rule,
        "a.c",
        &text(named, free).replace(
            "static void CALLBACK",
            "__declspec(dllexport) void CALLBACK",
        ),
    );
}

#[test]
fn a_close_gets_the_wait_that_it_lacks() {
    let rule = "close_threadpool_without_wait";
    let text = |body: &str| TIMER.replace("//C", "").replace("//B", body);
    assert_fixed(
        rule,
        "a.c",
        &text("    CloseThreadpoolTimer(self->timer);\n    free(self);"),
        &text(TORN_DOWN),
    );
    assert_fixed(
        rule,
        "a.c",
        &text(
            "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    if (self->timer)\n        CloseThreadpoolTimer(self->timer);\n    free(self);",
        ),
        &text(
            "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    if (self->timer) {\n        WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n        CloseThreadpoolTimer(self->timer);\n    }\n    free(self);",
        ),
    );
    let close = "    CloseThreadpoolTimer(self->timer);\n    free(self);";
    assert_fixed(rule, "a.cpp", &text(close), &text(TORN_DOWN));
    for body in [
        // A wait with the lock held may wait for a callback that waits for the lock.
        "    EnterCriticalSection(&self->lock);\n    CloseThreadpoolTimer(self->timer);\n    LeaveCriticalSection(&self->lock);\n    free(self);",
        // The context is gone already.
        "    PTP_TIMER timer = self->timer;\n    free(self);\n    CloseThreadpoolTimer(timer);",
        // Naming the object twice would do it twice.
        "    CloseThreadpoolTimer(take(&self->timer));\n    free(self);",
        "    if (self->timer)\n        CloseThreadpoolTimer(self->timer);\n    else\n        Sleep(1);\n    free(self);",
        "#if TIMERS\n    CloseThreadpoolTimer(self->timer);\n#endif\n    free(self);",
    ] {
        assert!(
            fixes("a.c", &text(body))
                .iter()
                .all(|(_, fix)| fix.is_none()),
            "{body}"
        );
    }
    // The callback waits for something that may come only after the close.
    assert_unfixed(
        rule,
        "a.c",
        &TIMER
            .replace("//C", "    WaitForSingleObject(self->stop, INFINITE);")
            .replace("//B", close),
    );
    // A wrapper's other callers may not want to wait.
    let wrapped = text("    End(self->timer);\n    free(self);").replace(
        "__declspec(dllexport) void Close",
        "static void End(PTP_TIMER timer) { CloseThreadpoolTimer(timer); }\n__declspec(dllexport) void Close",
    );
    assert!(fixes("a.c", &wrapped).iter().all(|(_, fix)| fix.is_none()));
    // Under the loader lock a wait is the next hazard.
    assert_unfixed(
        rule,
        "a.c",
        &(text(close)
            + "static session *g_session;\nBOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved) { if (reason == DLL_PROCESS_DETACH) Close(g_session); return TRUE; }\n"),
    );
    // What the callback waits for comes by itself, or it waits for other callbacks.
    for (waits, is_fixed) in [
        ("    Sleep(100);", true),
        ("    WaitForSingleObject(self->stop, 100);", true),
        (
            "    WaitForThreadpoolTimerCallbacks(self->other, TRUE);",
            false,
        ),
    ] {
        let text = TIMER.replace("//C", waits).replace("//B", close).replace(
            "PTP_TIMER timer; HANDLE",
            "PTP_TIMER timer; PTP_TIMER other; HANDLE",
        );
        assert_eq!(fix_of(rule, "a.c", &text).is_some(), is_fixed, "{waits}");
    }
    // In a function that one caller calls with a lock held.
    let helper = |body: &str| {
        text(body).replace(
            "__declspec(dllexport) void Close",
            &format!("static CRITICAL_SECTION g_lock;\nstatic void End(session *self)\n{{\n{close}\n}}\n__declspec(dllexport) void Close"),
        )
    };
    assert!(fix_of(rule, "a.c", &helper("    End(self);")).is_some());
    assert_unfixed(
        rule,
        "a.c",
        &helper(
            "    EnterCriticalSection(&g_lock);\n    End(self);\n    LeaveCriticalSection(&g_lock);",
        ),
    );
    // What stands beside the call in its line would come into the braces.
    for line in [
        "CloseThreadpoolTimer(self->timer); self->beats = 0; /* all */",
        "CloseThreadpoolTimer(self->timer); /* all */ self->beats = 0;",
    ] {
        assert_unfixed(
            rule,
            "a.c",
            &text(&format!(
                "    if (self->timer)\n        {line}\n    free(self);"
            )),
        );
    }
}

#[test]
fn an_armed_object_is_disarmed_before_the_wait() {
    let text = |body: &str| TIMER.replace("//C", "").replace("//B", body);
    assert_fixed(
        "wait_without_cancel",
        "a.cpp",
        &text("\t::WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n\t::CloseThreadpoolTimer(self->timer);\n\tfree(self);")
            .replace("NULL", "nullptr"),
        &text("\t::SetThreadpoolTimer(self->timer, nullptr, 0, 0);\n\t::WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n\t::CloseThreadpoolTimer(self->timer);\n\tfree(self);")
            .replace("NULL", "nullptr"),
    );
    assert_unfixed(
        "wait_without_cancel",
        "a.c",
        &text("    WaitForThreadpoolTimerCallbacks(*timer_of(self), TRUE);\n    CloseThreadpoolTimer(self->timer);\n    free(self);")
            .replace("__declspec(dllexport) void Close", "static PTP_TIMER *timer_of(session *self) { return &self->timer; }\n__declspec(dllexport) void Close")
            .replace("*timer_of(self)", "(PTP_TIMER)self->timer"),
    );
}

/// Who only wants to see the callbacks through must not find the timer stopped.
#[test]
fn a_wait_in_a_helper_stays_what_it_is() {
    let text = TIMER
        .replace("//C", "")
        .replace("//B", "    Settle(self->timer);\n    CloseThreadpoolTimer(self->timer);\n    free(self);")
        .replace(
            "__declspec(dllexport) void Close",
            "static void Settle(PTP_TIMER timer) { WaitForThreadpoolTimerCallbacks(timer, TRUE); }\n__declspec(dllexport) void Close",
        );
    assert_unfixed("wait_without_cancel", "a.c", &text);
}

#[test]
fn a_wait_behind_the_close_is_moved() {
    let rule = "use_after_close_threadpool";
    let text = |body: &str| TIMER.replace("//C", "").replace("//B", body);
    for (bad, good) in [
        (
            "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    CloseThreadpoolTimer(self->timer); /* end */\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE); // all\n    free(self);",
            "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE); // all\n    CloseThreadpoolTimer(self->timer); /* end */\n    free(self);",
        ),
        // What nobody has disarmed is disarmed before the wait that is moved.
        (
            "    CloseThreadpoolTimer(self->timer);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    free(self);",
            TORN_DOWN,
        ),
        // A disarm is moved as it is.
        (
            "    CloseThreadpoolTimer(self->timer);\n    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    free(self);",
            "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    CloseThreadpoolTimer(self->timer);\n    free(self);",
        ),
    ] {
        assert_fixed(rule, "a.c", &text(bad), &text(good));
    }
    // Where the disarm stands behind the close, too, both would have to move.
    let both = text(
        "    CloseThreadpoolTimer(self->timer);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    free(self);",
    );
    let found = fixes("a.c", &both);
    assert_eq!(found.iter().filter(|(name, _)| *name == rule).count(), 2);
    assert!(found.iter().all(|(_, fixed)| fixed.is_none()), "{found:?}");
    for body in [
        // What stands between may be what the wait is for.
        "    CloseThreadpoolTimer(self->timer);\n    SetEvent(self->stop);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    free(self);",
        "    CloseThreadpoolTimer(self->timer);\n    if (self->beats)\n        WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    free(self);",
        "    CloseThreadpoolTimer(self->timer);\n    SetThreadpoolTimer(self->timer, &g_due, 0, 0);\n    free(self);",
        // The close is on one branch only.
        "    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    if (self->beats)\n        CloseThreadpoolTimer(self->timer);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    free(self);",
    ] {
        let text = text(body).replace(
            "static HMODULE g_self;",
            "static HMODULE g_self;\nstatic FILETIME g_due;",
        );
        assert_unfixed(rule, "a.c", &text);
    }
}

/// What runs elsewhere is no reason against a fix: other entries that do not lead to it.
#[test]
fn entries_that_lead_elsewhere_do_not_count() {
    let attach = "static session *g_session;\nBOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved) { if (reason == DLL_PROCESS_ATTACH) g_session = Open(); return TRUE; }\n";
    let timer = |body: &str| TIMER.replace("//C", "").replace("//B", body) + attach;
    assert_fixed(
        "close_threadpool_without_wait",
        "a.c",
        &timer("    CloseThreadpoolTimer(self->timer);\n    free(self);"),
        &timer(TORN_DOWN),
    );
    let other = "static DWORD WINAPI Other(LPVOID context)\n{\n    Sleep(20);\n    return 0;\n}\n__declspec(dllexport) HANDLE StartOther(void) { return CreateThread(NULL, 0, Other, NULL, 0, NULL); }\n";
    assert_fixed(
        "free_library_then_return",
        "a.c",
        &(bad_thread() + other),
        &(good_thread() + other),
    );
    let attach = "static CRITICAL_SECTION g_lock;\nBOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved) { if (reason == DLL_PROCESS_ATTACH) InitializeCriticalSection(&g_lock); return TRUE; }\n";
    let callback = |body: &str| {
        CALLBACK
            .replace("//P", "PTP_CALLBACK_INSTANCE instance, void *context")
            .replace("//B", body)
            + attach
    };
    assert_fixed(
        "free_library_in_callback",
        "a.c",
        &callback("    FreeLibrary(g_self);"),
        &callback("    FreeLibraryWhenCallbackReturns(instance, g_self);"),
    );
}

/// What would be written must mean the function of Windows.
#[test]
fn names_of_the_program_are_not_written() {
    let rule = "close_threadpool_without_wait";
    let close = "    CloseThreadpoolTimer(self->timer);\n    free(self);";
    let text = |body: &str| TIMER.replace("//C", "").replace("//B", body);
    for own in [
        "static void (*WaitForThreadpoolTimerCallbacks)(PTP_TIMER, BOOL);",
        "static void (*SetThreadpoolTimer)(PTP_TIMER, FILETIME *, DWORD, DWORD);",
    ] {
        let own = format!("static HMODULE g_self;\n{own}");
        let text = text(close).replace("static HMODULE g_self;", &own);
        assert_unfixed(rule, "a.c", &text);
    }
    assert_unfixed(
        rule,
        "a.c",
        &text(&format!(
            "    BOOL WaitForThreadpoolTimerCallbacks = TRUE;\n{close}"
        )),
    );
    assert_unfixed(
        rule,
        "a.c",
        &(text(close)
            + "void WaitForThreadpoolTimerCallbacks(PTP_TIMER timer, BOOL cancel) { while (IsBusy(timer)) Sleep(cancel); }\n"),
    );
}

// The command line

/// A folder of its own for a test, with these files.
fn folder(test: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fix")
        .join(test);
    let _ = std::fs::remove_dir_all(&root);
    files::write(&root, files);
    root
}

/// Exit code, standard output, standard error.
fn run(root: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command::tplint(root, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().expect("no signal"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn bad_thread() -> String {
    THREAD.replace("//B", "    FreeLibrary(g_self);\n    return 0;")
}

fn good_thread() -> String {
    THREAD.replace("//B", "    FreeLibraryAndExitThread(g_self, 0);")
}

#[test]
fn the_diff_changes_nothing_and_tells_by_its_exit_code() {
    let root = folder("diff", &[("src/a.c", bad_thread().as_bytes())]);
    let (code, out, err) = run(&root, &["--diff"]);
    assert_eq!(
        out,
        "--- a/src/a.c\n+++ b/src/a.c\n@@ -3,8 +3,7 @@\n static DWORD WINAPI Work(LPVOID context)\n {\n     Sleep(10);\n-    FreeLibrary(g_self);\n-    return 0;\n+    FreeLibraryAndExitThread(g_self, 0);\n }\n __declspec(dllexport) void Start(void)\n {\n"
    );
    assert_eq!((code, &*err), (1, "1 finding in 1 file would be fixed\n"));
    assert_eq!(
        std::fs::read_to_string(root.join("src/a.c")).unwrap(),
        bad_thread()
    );
    assert_eq!(run(&root, &["--diff", "--exit-zero"]).0, 0);
    assert_eq!(run(&root, &["--diff", "--format", "json"]).0, 2);
    // Rules that are off, or suppressed findings, are not fixed.
    let off = run(&root, &["--diff", "-A", "free_library_then_return"]);
    assert_eq!((off.0, &*off.1), (0, ""));
    std::fs::write(
        root.join("src/a.c"),
        bad_thread().replace(
            "(g_self);\n",
            "(g_self); // tplint: allow(free_library_then_return) tested\n",
        ),
    )
    .unwrap();
    let suppressed = run(&root, &["--diff"]);
    assert_eq!((suppressed.0, &*suppressed.1), (0, ""));
    assert_eq!(suppressed.2, "nothing to fix\n");
    // Nor what a baseline accepts.
    std::fs::write(root.join("src/a.c"), bad_thread()).unwrap();
    assert_eq!(run(&root, &["baseline", "write"]).0, 0);
    let accepted = run(&root, &["--fix"]);
    assert_eq!((accepted.0, &*accepted.1), (0, ""), "{}", accepted.2);
    assert_eq!(
        std::fs::read_to_string(root.join("src/a.c")).unwrap(),
        bad_thread()
    );
}

#[test]
fn fixes_are_written_and_what_is_left_is_reported() {
    let left = CALLBACK
        .replace("//P", "PTP_CALLBACK_INSTANCE, void *context")
        .replace("//B", "    FreeLibrary(g_self);")
        .replace("Start", "Notifications");
    let root = folder(
        "write",
        &[
            ("one/a.c", bad_thread().as_bytes()),
            ("two/b.cpp", left.as_bytes()),
            ("three/c.c", bad_thread().as_bytes()),
        ],
    );
    let (code, out, err) = run(&root, &["--fix", "--format", "concise", "one", "two"]);
    assert_eq!(code, 1);
    assert!(
        out.starts_with("two/b.cpp:5:5: error[free_library_in_callback]"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(err.starts_with("1 finding in 1 file fixed\n"), "{err}");
    assert!(err.contains("1 finding (1 error)"), "{err}");
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(text("one/a.c"), good_thread());
    assert_eq!(text("two/b.cpp"), left);
    assert_eq!(text("three/c.c"), bad_thread(), "nobody asked for it");
    let (code, out, err) = run(&root, &["--fix", "one"]);
    assert_eq!((code, &*out), (0, ""));
    assert!(err.starts_with("nothing to fix\n"), "{err}");
    assert_eq!(run(&root, &["--fix", "three"]).0, 0, "all is fixed");
}

#[test]
fn encoding_line_ends_and_permissions_are_kept() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = "\u{FEFF}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let crlf = |text: String| text.replace('\n', "\r\n");
    // `// 表示`, whose second byte in Shift-JIS is a backslash.
    let japanese =
        |text: String| [b"/* \x95\x5c\x8e\xa6 */\r\n".to_vec(), text.into_bytes()].concat();
    let marked = |text: String| [b"\xEF\xBB\xBF".to_vec(), text.into_bytes()].concat();
    type Encoded = Vec<u8>;
    let cases: [(&str, Encoded, Encoded); 4] = [
        (
            "crlf.c",
            crlf(bad_thread()).into(),
            crlf(good_thread()).into(),
        ),
        (
            "bom.c",
            marked(crlf(bad_thread())),
            marked(crlf(good_thread())),
        ),
        (
            "utf16.c",
            utf16(&crlf(bad_thread())),
            utf16(&crlf(good_thread())),
        ),
        (
            "sjis.c",
            japanese(crlf(bad_thread())),
            japanese(crlf(good_thread())),
        ),
    ];
    for (name, bad, good) in cases {
        let root = folder(&format!("encoding-{name}"), &[(name, &bad)]);
        #[cfg(unix)]
        std::fs::set_permissions(
            root.join(name),
            std::os::unix::fs::PermissionsExt::from_mode(0o640),
        )
        .unwrap();
        let (code, _, err) = run(&root, &["--fix"]);
        assert_eq!(code, 0, "{name}: {err}");
        assert_eq!(std::fs::read(root.join(name)).unwrap(), good, "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(root.join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o640);
        }
        assert_eq!(
            std::fs::read_dir(&root).unwrap().count(),
            1,
            "nothing else is left behind"
        );
    }
}

#[test]
fn a_file_that_would_lose_bytes_is_refused() {
    let mut broken = b"\xEF\xBB\xBF// \x95\x5c\n".to_vec();
    broken.extend(bad_thread().bytes());
    let root = folder(
        "lossy",
        &[
            ("a/broken.c", &broken),
            ("b/whole.c", bad_thread().as_bytes()),
        ],
    );
    let (code, _, err) = run(&root, &["--fix"]);
    assert_eq!(code, 1, "one is left");
    assert!(
        err.contains("warning: cannot fix `a/broken.c`: the file holds bytes that are no text"),
        "{err}"
    );
    assert!(err.contains("1 finding in 1 file fixed"), "{err}");
    assert_eq!(std::fs::read(root.join("a/broken.c")).unwrap(), broken);
    assert_eq!(
        std::fs::read_to_string(root.join("b/whole.c")).unwrap(),
        good_thread()
    );
}

#[test]
fn fixes_that_make_room_for_others_take_rounds() {
    let text = |body: &str| TIMER.replace("//C", "").replace("//B", body);
    let bad = text(
        "    CloseThreadpoolTimer(self->timer);\n    SetThreadpoolTimer(self->timer, NULL, 0, 0);\n    WaitForThreadpoolTimerCallbacks(self->timer, TRUE);\n    free(self);",
    );
    let good = text(TORN_DOWN);
    let root = folder("rounds", &[("a.c", bad.as_bytes())]);
    let (code, out, err) = run(&root, &["--fix"]);
    assert_eq!((code, &*out), (0, ""), "{err}");
    assert_eq!(std::fs::read_to_string(root.join("a.c")).unwrap(), good);
}
