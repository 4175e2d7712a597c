//! Whatever lies in a tree, and whatever happens to a run: a report or a clear error with the right exit code, never a
//! panic, never a hang, never a gap that nobody is told of.
//!
//! `cargo test --test bad_input -- --table` runs the whole table with the real binary and prints a line for each case.
//! This target has a `main` of its own because some cases need what a machine may lack (FIFOs, a user who may not read
//! everything); such a case counts as ignored, and a line says why.

#[path = "bad_input/texts.rs"]
mod texts;
#[cfg(unix)]
#[path = "bad_input/trust.rs"]
mod trust;
#[cfg(unix)]
#[path = "bad_input/world.rs"]
mod world;

#[path = "support/command.rs"]
mod command;

use command::tplint as command;
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// A DLL with a wait in DllMain: what lies beside bad input is still read, and its finding still told.
const DLL: &str = "#include <windows.h>
static HANDLE g_thread;
BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    if (reason == DLL_PROCESS_DETACH) {
        WaitForSingleObject(g_thread, INFINITE);
    }
    return TRUE;
}
";
/// A DLL with a finding that has a fix.
#[cfg(unix)]
const FIXABLE: &str = "#include <windows.h>
static HMODULE g_self;
static DWORD WINAPI Work(LPVOID context)
{
    Sleep(10);
    FreeLibrary(g_self);
    return 0;
}
__declspec(dllexport) void Start(void)
{
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)Work, &g_self);
    CloseHandle(CreateThread(NULL, 0, Work, NULL, 0, NULL));
}
";
/// The line of the wait.
const LINE: usize = 6;
/// Also for the largest case in a build that is not optimised, on a busy machine.
const TOO_LONG: Duration = Duration::from_secs(240);

/// What a case says about itself for the table.
type Outcome = Result<String, Failed>;

pub struct Case {
    name: String,
    run: Box<dyn Fn(&Path) -> Outcome + Send + Sync>,
    /// Why it cannot be tried here.
    missing: Option<String>,
}

impl Case {
    fn new(name: &str, run: impl Fn(&Path) -> Outcome + Send + Sync + 'static) -> Case {
        Case {
            name: name.to_string(),
            run: Box::new(run),
            missing: None,
        }
    }
}

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().collect();
    let is_table = words.iter().any(|word| word == "--table");
    words.retain(|word| word != "--table");
    let arguments = Arguments::from_iter(words);
    let mut cases = texts::cases();
    #[cfg(unix)]
    {
        cases.extend(world::cases());
        cases.extend(trust::cases());
    }
    if is_table {
        let code = table(cases);
        let _ = fs::remove_dir_all(root());
        return code;
    }
    if !arguments.list {
        for case in &cases {
            if let Some(why) = &case.missing {
                println!("bad input: {} was not tried: {why}", case.name);
            }
        }
    }
    let trials = cases.into_iter().map(|case| {
        let Case { name, run, missing } = case;
        Trial::test(name.clone(), move || run(&folder(&name)).map(drop))
            .with_ignored_flag(missing.is_some())
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let _ = fs::remove_dir_all(root());
    conclusion.exit_code()
}

/// Where the cases have their folders: outside of any repository, whose root reports would name paths from.
fn root() -> PathBuf {
    std::env::temp_dir().join(format!("tplint-bad-input-{}", std::process::id()))
}

/// Runs all, one after the other, and prints a line for each.
fn table(cases: Vec<Case>) -> ExitCode {
    println!("| bad input | what comes of it |\n|---|---|");
    let mut failed = 0;
    for case in cases {
        let told = match &case.missing {
            Some(why) => format!("not tried: {why}"),
            None => (case.run)(&folder(&case.name)).unwrap_or_else(|problem| {
                failed += 1;
                format!("FAILED: {}", problem.message().unwrap_or("?"))
            }),
        };
        println!(
            "| {} | {} |",
            case.name,
            told.replace('\n', " ").replace('|', "\\|")
        );
    }
    println!("\n{failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// A new folder for a case.
fn folder(case: &str) -> PathBuf {
    let name: String = case
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let folder = root().join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a run came to.
pub struct Run {
    /// None: ended by a signal.
    code: Option<i32>,
    out: String,
    err: String,
    took: Duration,
    /// The most memory it had, in MiB, where the system says it.
    peak: Option<u64>,
}

impl Run {
    /// The line for the table: exit code, time, memory, and the last line to standard error.
    fn told(&self) -> String {
        let code = self
            .code
            .map_or("a signal".to_string(), |code| code.to_string());
        let peak = self
            .peak
            .map_or(String::new(), |peak| format!(", {peak} MiB"));
        let line = self.err.lines().last().unwrap_or("nothing is said");
        format!(
            "exit code {code}, {:.1} s{peak}: {line}",
            self.took.as_secs_f32()
        )
    }

    /// The run ended with this code, without a panic, and said all of this on standard error.
    fn must(&self, code: i32, said: &[&str]) -> Result<(), Failed> {
        let tail: String = self.err.chars().take(2000).collect();
        if self.code != Some(code) || self.err.contains("panicked") {
            return Err(format!("exit code {:?} in place of {code}: {tail}", self.code).into());
        }
        match said.iter().find(|text| !self.err.contains(**text)) {
            Some(text) => Err(format!("`{text}` is not said: {tail}").into()),
            None => Ok(()),
        }
    }

    /// The finding of `DLL` in this file was told, in the concise format.
    fn must_find(&self, file: &str) -> Result<(), Failed> {
        let place = format!("{file}:{LINE}:");
        let is_there = |line: &str| line.starts_with(&place) && line.contains("wait_in_dll_main");
        if self.out.lines().any(is_there) {
            return Ok(());
        }
        let out: String = self.out.chars().take(2000).collect();
        Err(format!("no finding at {place} in: {out}").into())
    }
}

/// Runs it to its end, which must come in time.
fn run(folder: &Path, arguments: &[&str]) -> Result<Run, Failed> {
    finish(command(folder, arguments), folder)
}

/// Output goes to files beside the folder, so that nobody has to empty a pipe.
fn finish(mut command: Command, folder: &Path) -> Result<Run, Failed> {
    let (out, err) = (folder.with_extension("out"), folder.with_extension("err"));
    command
        .stdout(fs::File::create(&out)?)
        .stderr(fs::File::create(&err)?);
    let start = Instant::now();
    let (code, peak) = wait(command.spawn()?, start)?;
    Ok(Run {
        code,
        out: String::from_utf8_lossy(&fs::read(out)?).into_owned(),
        err: String::from_utf8_lossy(&fs::read(err)?).into_owned(),
        took: start.elapsed(),
        peak,
    })
}

fn wait(mut child: Child, start: Instant) -> Result<(Option<i32>, Option<u64>), Failed> {
    let mut peak = None;
    loop {
        peak = memory(child.id()).or(peak);
        if let Some(status) = child.try_wait()? {
            return Ok((status.code(), peak));
        }
        if start.elapsed() > TOO_LONG {
            child.kill()?;
            child.wait()?;
            return Err(format!("still running after {TOO_LONG:?}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The most memory a process has had, in MiB; Linux only.
fn memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
