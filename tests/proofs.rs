//! The proofs: fixtures that are built into real DLLs and run, to show that what tplint flags is broken and that the
//! remedy works.
//!
//! A fixture is a proof if one of its sources begins with one of these lines:
//!
//! ```text
//! // proof: hangs              the host is still running after a deadline that the survivors beat tenfold
//! // proof: crashes            the process ends by an exception that nobody handles
//! // proof: survives           the host loads the DLL, plays its scenario, frees it, and ends with exit code 0
//! // proof: hangs at exit      as above, but the process ends while the DLL is loaded
//! // proof: survives at exit
//! ```
//!
//! A source whose second line is `// fixed: survives` is also proved as `tplint --fix` leaves it: the finding is gone, and
//! the host survives. No proof that has a fix may lack this line.
//!
//! The folder is built with mingw-w64 (C, C++) or rustc (Rust) for Windows, and run under Wine by `proofs/host.c`, which
//! says what a scenario gets. Nothing is left to luck: a fixture holds its threads and callbacks at the bad place by
//! events, and frees contexts with VirtualFree, after which a late access faults.
//!
//! Without the tools the proofs are counted as ignored, which is why this target has a `main` of its own: the standard
//! harness can only pass or fail a test that finds out at run time that it can't be run.
//! `cargo test --test proofs -- --table` prints what was expected and seen.

use libtest_mimic::{Arguments, Failed, Trial};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A hang is one only if it lasts this long, and ten times as long as the slowest survivor took.
const HANG_AT_LEAST: Duration = Duration::from_secs(4);
/// What a proof that has to end is given, on however busy a machine; also the longest a hang is watched.
const PATIENCE: Duration = Duration::from_secs(60);
/// `timeout` ends a host that this program could not end because it was killed itself.
const LAST_RESORT_SECONDS: &str = "200";
/// Hanging costs no processor time, but building and starting do.
const AT_A_TIME: usize = 2;

const TARGET: &str = "x86_64-pc-windows-gnu";
const PACKAGES: &str =
    "wine64 gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix rustc libstd-rust-dev-windows";

fn main() -> ExitCode {
    // libtest-mimic knows the arguments of the standard harness, and refuses all others.
    let mut arguments: Vec<String> = std::env::args().collect();
    let table = arguments.iter().any(|argument| argument == "--table");
    arguments.retain(|argument| argument != "--table");
    let mut arguments = Arguments::from_iter(arguments);
    arguments.test_threads.get_or_insert(AT_A_TIME);

    let proofs = match proofs() {
        Ok(proofs) => proofs,
        Err(problem) => {
            eprintln!("proofs: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let tools = Tools::find();
    if !arguments.list {
        tools.tell_what_is_missing(&proofs);
    }

    let session: &'static Session = Box::leak(Box::new(Session::new(tools)));
    let fixed_ones: Vec<Proof> = proofs
        .iter()
        .filter(|proof| proof.has_fix)
        .map(|proof| session.fixed(proof))
        .collect();
    let unfixed = proofs.iter().filter(|proof| !proof.has_fix).cloned();
    let mut trials: Vec<Trial> = unfixed
        .filter(|proof| proof.expected.fate != Fate::Survives)
        .map(|proof| {
            let name = format!("{} has no fix", proof.name());
            Trial::test(name, move || session.has_no_fix(&proof))
        })
        .collect();
    let originals = proofs
        .iter()
        .filter(|proof| proof.has_fix)
        .map(|proof| (proof.name(), proof.folder.clone()))
        .collect::<Vec<_>>();
    trials.extend(
        fixed_ones
            .iter()
            .zip(originals)
            .map(|(proof, (_, original))| {
                let runnable = session.tools.missing_for(proof.language).is_empty();
                let proof = proof.clone();
                Trial::test(proof.name(), move || {
                    session.fix(&original, &proof)?;
                    session.prove(&proof)
                })
                .with_kind("fixed")
                .with_ignored_flag(!runnable)
            }),
    );
    trials.extend(proofs.iter().map(|proof| {
        let runnable = session.tools.missing_for(proof.language).is_empty();
        let proof = proof.clone();
        Trial::test(proof.name(), {
            let proof = proof.clone();
            move || session.prove(&proof)
        })
        .with_kind(proof.expected.to_string())
        .with_ignored_flag(!runnable)
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    session.close();
    if table {
        print!("{}", session.table(&[proofs, fixed_ones].concat()));
    }
    conclusion.exit_code()
}

// What is to be proved

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Language {
    C,
    Cpp,
    Rust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// First in the order in which proofs are run: how long survivors take sets the deadline of those that hang.
    Survives,
    Crashes,
    Hangs,
}

/// What a proof line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    fate: Fate,
    /// The process ends while the DLL is loaded; else the DLL is freed.
    at_exit: bool,
}

impl Expected {
    /// Reads the text after `// proof:`.
    fn parse(text: &str) -> Option<Expected> {
        let (fate, at_exit) = match text.strip_suffix("at exit") {
            Some(fate) => (fate, true),
            None => (text, false),
        };
        let fate = match fate.trim() {
            "survives" => Fate::Survives,
            "crashes" => Fate::Crashes,
            "hangs" => Fate::Hangs,
            _ => return None,
        };
        Some(Expected { fate, at_exit })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fate {
            Fate::Survives => "survives",
            Fate::Crashes => "crashes",
            Fate::Hangs => "hangs",
        })?;
        f.write_str(if self.at_exit { " at exit" } else { "" })
    }
}

#[derive(Debug, Clone)]
struct Proof {
    rule: String,
    case: String,
    folder: PathBuf,
    sources: Vec<PathBuf>,
    language: Language,
    expected: Expected,
    /// What its fix has to lead to is written in its second line.
    has_fix: bool,
}

impl Proof {
    fn name(&self) -> String {
        format!("{}/{}", self.rule, self.case)
    }
}

/// All proofs among the fixtures, survivors first.
fn proofs() -> Result<Vec<Proof>, String> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all = Vec::new();
    for rule in entries(&fixtures) {
        for folder in entries(&rule) {
            let mut sources = Vec::new();
            collect_sources(&folder, &mut sources);
            let (mut expected, mut has_fix) = (None, false);
            for source in &sources {
                let text =
                    String::from_utf8_lossy(&fs::read(source).unwrap_or_default()).into_owned();
                let Some(said) = text
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix("// proof:"))
                else {
                    continue;
                };
                has_fix |= text.lines().nth(1) == Some("// fixed: survives");
                let place = source.display();
                let parsed = Expected::parse(said.trim())
                    .ok_or_else(|| format!("{place}: no such proof: {said}"))?;
                if expected
                    .replace(parsed)
                    .is_some_and(|other| other != parsed)
                {
                    return Err(format!("{place}: another source says something else"));
                }
            }
            let Some(expected) = expected else { continue };
            let has = |extension| {
                sources
                    .iter()
                    .any(|source| source.extension().is_some_and(|e| e == extension))
            };
            let language = match () {
                () if has("rs") => Language::Rust,
                () if has("cpp") => Language::Cpp,
                () => Language::C,
            };
            all.push(Proof {
                rule: file_name(&rule),
                case: file_name(&folder),
                folder,
                sources,
                language,
                expected,
                has_fix,
            });
        }
    }
    for proof in &all {
        // What a proof shows is what tplint flags: tests/rules.rs holds the markers against the findings.
        let marker = format!("//~ {}", proof.rule);
        let marked = proof.sources.iter().any(|source| {
            fs::read_to_string(source)
                .unwrap_or_default()
                .contains(&marker)
        });
        let survives = proof.expected.fate == Fate::Survives;
        if marked == survives {
            return Err(format!(
                "{}: {} and has {} marker of the rule",
                proof.name(),
                proof.expected,
                if marked { "a" } else { "no" }
            ));
        }
        let of_the_same_rule = |other: &&Proof| other.rule == proof.rule;
        if !all
            .iter()
            .filter(of_the_same_rule)
            .any(|other| (other.expected.fate == Fate::Survives) != survives)
        {
            return Err(format!(
                "{}: there is no proof of the contrary",
                proof.name()
            ));
        }
    }
    all.sort_by_key(|proof| (proof.expected.fate, proof.name()));
    Ok(all)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    all.sort();
    all
}

fn collect_sources(folder: &Path, sources: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        if path.is_dir() {
            collect_sources(&path, sources);
        } else if path
            .extension()
            .is_some_and(|e| ["c", "cpp", "rs", "def"].iter().any(|known| e == *known))
        {
            sources.push(path);
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

// What is needed

/// The programs that proofs need, where they are there.
struct Tools {
    wine: Option<PathBuf>,
    wineserver: Option<PathBuf>,
    timeout: Option<PathBuf>,
    c: Option<PathBuf>,
    cpp: Option<PathBuf>,
    /// A compiler that has the standard library for Windows.
    rust: Option<PathBuf>,
}

impl Tools {
    fn find() -> Tools {
        if !cfg!(unix) {
            return Tools {
                wine: None,
                wineserver: None,
                timeout: None,
                c: None,
                cpp: None,
                rust: None,
            };
        }
        Tools {
            wine: find(&["wine64", "/usr/lib/wine/wine64", "wine"]),
            wineserver: find(&["wineserver", "/usr/lib/wine/wineserver"]),
            timeout: find(&["timeout"]),
            // Only the variant with POSIX threads has std::thread.
            c: find(&["x86_64-w64-mingw32-gcc-posix", "x86_64-w64-mingw32-gcc"]),
            cpp: find(&["x86_64-w64-mingw32-g++-posix", "x86_64-w64-mingw32-g++"]),
            rust: ["rustc", "/usr/bin/rustc"]
                .iter()
                .filter_map(|name| find(&[name]))
                .find(|rustc| has_windows_library(rustc)),
        }
    }

    fn missing_for(&self, language: Language) -> Vec<&'static str> {
        let compiler = match language {
            Language::C => (&self.c, "x86_64-w64-mingw32-gcc"),
            Language::Cpp => (&self.cpp, "x86_64-w64-mingw32-g++"),
            Language::Rust => (
                &self.rust,
                "a rustc with the library of x86_64-pc-windows-gnu",
            ),
        };
        [
            (&self.wine, "wine64"),
            (&self.wineserver, "wineserver"),
            (&self.timeout, "timeout"),
            (&self.c, "x86_64-w64-mingw32-gcc"), // it builds the host and links Rust too
            compiler,
        ]
        .into_iter()
        .filter(|(tool, _)| tool.is_none())
        .map(|(_, name)| name)
        .collect()
    }

    fn tell_what_is_missing(&self, proofs: &[Proof]) {
        let mut names: Vec<&str> = Vec::new();
        let mut ignored = 0;
        for proof in proofs {
            let missing = self.missing_for(proof.language);
            ignored += usize::from(!missing.is_empty());
            names.extend(missing);
        }
        if ignored == 0 {
            return;
        }
        names.sort_unstable();
        names.dedup();
        println!(
            "proofs: {ignored} of {} were not run, because these are missing: {}; on Debian, `apt-get install {PACKAGES}`, then `cargo test --test proofs`",
            proofs.len(),
            names.join(", ")
        );
    }
}

/// The first of the names that is a program: a path, or found on PATH.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    })
}

fn has_windows_library(rustc: &Path) -> bool {
    let Ok(output) = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::null())
        .output()
    else {
        return false;
    };
    entries(Path::new(String::from_utf8_lossy(&output.stdout).trim()))
        .iter()
        .any(|path| file_name(path).starts_with("libstd-"))
}

// The run

/// What became of a proof.
#[derive(Debug, Clone)]
enum Seen {
    Survived(Duration),
    Crashed(String),
    Hung(Duration),
    Else(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Survived(after) => write!(f, "exit code 0 after {} ms", after.as_millis()),
            Seen::Crashed(exception) => f.write_str(exception),
            Seen::Hung(after) => write!(f, "still running after {:.1} s", after.as_secs_f32()),
            Seen::Else(what) => f.write_str(what),
        }
    }
}

/// One run of this program: a Wine prefix, a host, and what the proofs have shown so far.
struct Session {
    tools: Tools,
    /// Build results, and the prefix; in the target folder.
    folder: PathBuf,
    ready: OnceLock<Result<(), String>>,
    seen: Mutex<Vec<(String, Seen)>>,
}

impl Session {
    fn new(tools: Tools) -> Session {
        Session {
            tools,
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("proofs"),
            ready: OnceLock::new(),
            seen: Mutex::new(Vec::new()),
        }
    }

    /// Builds and runs one proof; fails if it does not do what its line says.
    fn prove(&self, proof: &Proof) -> Result<(), Failed> {
        let missing = self.tools.missing_for(proof.language);
        if !missing.is_empty() {
            return Err(format!("missing: {}", missing.join(", ")).into());
        }
        self.ready.get_or_init(|| self.prepare()).clone()?;
        let library = self.build(proof)?;
        let seen = self.run(&library, proof.expected)?;
        self.seen.lock().unwrap().push((proof.name(), seen.clone()));
        match (proof.expected.fate, &seen) {
            (Fate::Survives, Seen::Survived(_))
            | (Fate::Crashes, Seen::Crashed(_))
            | (Fate::Hangs, Seen::Hung(_)) => Ok(()),
            _ => Err(format!("expected: {}; seen: {seen}", proof.expected).into()),
        }
    }

    /// The proof that a fixed fixture has to be: its sources are made by `fix`.
    fn fixed(&self, proof: &Proof) -> Proof {
        let folder = self
            .folder
            .join("fixed")
            .join(&proof.rule)
            .join(&proof.case);
        let sources = proof.sources.iter().map(|source| {
            let below = source.strip_prefix(&proof.folder).unwrap_or(source);
            folder.join(below)
        });
        Proof {
            case: format!("{} fixed", proof.case),
            sources: sources.collect(),
            expected: Expected {
                fate: Fate::Survives,
                ..proof.expected
            },
            folder,
            ..proof.clone()
        }
    }

    /// Copies a fixture and has tplint fix the copy; fails unless that is silent then.
    fn fix(&self, original: &Path, fixed: &Proof) -> Result<(), Failed> {
        copy(original, &fixed.folder)?;
        let run = |arguments: &[&str]| tplint(&fixed.folder, arguments);
        run(&["--fix", "--no-ignore", "."])?;
        let report = run(&["--no-ignore", "--format", "concise", "."])?;
        if !report.trim().is_empty() {
            return Err(format!("tplint is not silent about the fixed text:\n{report}").into());
        }
        Ok(())
    }

    /// Fails if a fixture without the line about its fix has one.
    fn has_no_fix(&self, proof: &Proof) -> Result<(), Failed> {
        let diff = tplint(&proof.folder, &["--diff", "--no-ignore", "."])?;
        if !diff.is_empty() {
            return Err(format!("has a fix that nothing proves:\n{diff}").into());
        }
        Ok(())
    }

    /// Makes the prefix and builds the host.
    fn prepare(&self) -> Result<(), String> {
        fs::create_dir_all(&self.folder).map_err(|error| error.to_string())?;
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proofs");
        let flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-static"];
        build(
            Command::new(tool(&self.tools.c))
                .args(flags)
                .arg("-o")
                .arg(self.folder.join("host.exe"))
                .arg(sources.join("host.c")),
        )?;
        build(
            Command::new(tool(&self.tools.c))
                .args(flags)
                .args(["-shared", "-o"])
                .arg(self.folder.join("bcryptprimitives.dll"))
                .arg(sources.join("bcryptprimitives.c"))
                .arg("-ladvapi32"),
        )?;

        let made = self.folder.join("prefix/made-for-proofs-2");
        if !made.exists() {
            let _ = fs::remove_dir_all(self.prefix());
            fs::create_dir_all(self.prefix()).map_err(|error| error.to_string())?;
        }
        // The server outlives the programs, so that each starts quickly, by a minute only, should nobody end it.
        self.wine(tool(&self.tools.wineserver), &["-p60"])
            .status()
            .map_err(|error| error.to_string())?;
        if !made.exists() {
            // Freed memory is filled, so that a freed object can't be used by luck (`gflags /i host.exe +hfc`).
            let options = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion\Image File Execution Options\host.exe";
            let free_checking = ["/v", "GlobalFlag", "/t", "REG_DWORD", "/d", "0x20", "/f"];
            for arguments in [
                vec!["wineboot", "--init"],
                [&["reg", "add", options], &free_checking[..]].concat(),
            ] {
                let status = self
                    .wine(tool(&self.tools.wine), &arguments)
                    .status()
                    .map_err(|error| error.to_string())?;
                if !status.success() {
                    return Err(format!("{} in a new Wine prefix: {status}", arguments[0]));
                }
            }
            fs::write(made, "").map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn prefix(&self) -> PathBuf {
        self.folder.join("prefix")
    }

    /// A command of Wine's for the prefix, quiet, with no display and nothing downloaded.
    fn wine(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("WINEPREFIX", self.prefix())
            .env("WINEDEBUG", "-all")
            .env("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe=")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Builds a proof's folder into a DLL and gives its file name.
    fn build(&self, proof: &Proof) -> Result<String, String> {
        let name = format!("{}-{}.dll", proof.rule, proof.case.replace(' ', "-"));
        let output = self.folder.join(&name);
        // Not optimised: a last call must stay a call, and not become a jump that never comes back to freed code.
        let mut command = match proof.language {
            Language::Rust => {
                let mut command = Command::new(tool(&self.tools.rust));
                command
                    .args([
                        "--edition",
                        "2021",
                        "--crate-type",
                        "cdylib",
                        "--crate-name",
                        "proof",
                        "--target",
                        TARGET,
                    ])
                    .args(["-C", "panic=abort", "--cap-lints", "allow"])
                    .arg(format!("-Clinker={}", tool(&self.tools.c).display()))
                    .arg(proof.folder.join("src/lib.rs"));
                command
            }
            language => {
                let compiler = if language == Language::C {
                    &self.tools.c
                } else {
                    &self.tools.cpp
                };
                let mut command = Command::new(tool(compiler));
                command
                    .args([
                        "-O0",
                        "-Wall",
                        "-D_WIN32_WINNT=0x0A00",
                        "-shared",
                        "-static",
                    ])
                    .arg(if language == Language::C {
                        "-std=gnu17"
                    } else {
                        "-std=gnu++20"
                    })
                    .args(&proof.sources);
                command
            }
        };
        command.arg("-o").arg(&output);

        // Building takes most of the time; what was built from the same text in the same way is used again.
        let mut recipe = format!("{command:?}\n").into_bytes();
        for source in &proof.sources {
            recipe.extend(fs::read(source).map_err(|error| error.to_string())?);
        }
        let stamp = output.with_extension("recipe");
        if !output.exists() || fs::read(&stamp).ok().as_ref() != Some(&recipe) {
            build(&mut command)?;
            fs::write(&stamp, recipe).map_err(|error| error.to_string())?;
        }
        Ok(name)
    }

    fn run(&self, library: &str, expected: Expected) -> Result<Seen, String> {
        let log = self.folder.join(library).with_extension("log");
        // A file and not a pipe: what Wine starts in the background may keep its end of a pipe open.
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let wine = tool(&self.tools.wine).to_string_lossy();
        let mode = if expected.at_exit { "exit" } else { "free" };
        let arguments = [
            "-s",
            "KILL",
            LAST_RESORT_SECONDS,
            &wine,
            "host.exe",
            mode,
            library,
        ];
        let mut command = self.wine(tool(&self.tools.timeout), &arguments);
        command.stdout(output);
        own_process_group(&mut command);
        let mut host = Host(
            command
                .spawn()
                .map_err(|error| format!("{wine}: {error}"))?,
        );

        let spawned = Instant::now();
        let mut started = None;
        let deadline = if expected.fate == Fate::Hangs {
            self.hang_deadline()
        } else {
            PATIENCE
        };
        let status = loop {
            // In this order: what a host that has ended had to say has been said.
            let ended = host.0.try_wait().map_err(|error| error.to_string())?;
            if started.is_none() && said().contains("started") {
                started = Some(Instant::now());
            }
            if let Some(status) = ended {
                break status;
            }
            match started {
                Some(started) if started.elapsed() >= deadline => {
                    return Ok(Seen::Hung(started.elapsed()));
                }
                None if spawned.elapsed() >= PATIENCE => {
                    return Err("the host did not start".to_string());
                }
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let said = said();
        let exception = said.lines().find(|line| line.starts_with("exception"));
        let complete = expected.at_exit || said.lines().any(|line| line == "ended");
        Ok(match (exception, status.code()) {
            (Some(exception), _) => Seen::Crashed(exception.to_string()),
            (None, Some(0)) if complete => {
                Seen::Survived(started.map(|started| started.elapsed()).unwrap_or_default())
            }
            (None, Some(91)) => Seen::Else("the DLL could not be loaded".to_string()),
            _ => Seen::Else(format!("{status}, output {said:?}")),
        })
    }

    /// Ten times what the slowest survivor has taken until now.
    fn hang_deadline(&self) -> Duration {
        let seen = self.seen.lock().unwrap();
        // A fixed callback is waited for on purpose.
        let seen = seen.iter().filter(|(name, _)| !name.ends_with(" fixed"));
        let slowest = seen.filter_map(|(_, seen)| match seen {
            Seen::Survived(after) => Some(*after),
            _ => None,
        });
        (slowest.max().unwrap_or_default() * 10).clamp(HANG_AT_LEAST, PATIENCE)
    }

    /// Ends the prefix's server and all that runs in it.
    fn close(&self) {
        if self.ready.get().is_none() {
            return;
        }
        if let Some(wineserver) = &self.tools.wineserver {
            let _ = self.wine(wineserver, &["-k"]).status();
            let _ = self.wine(wineserver, &["-w"]).status();
        }
    }

    /// The proofs as a Markdown table, by rule.
    fn table(&self, proofs: &[Proof]) -> String {
        let seen = self.seen.lock().unwrap();
        let mut rows: Vec<[String; 4]> = proofs
            .iter()
            .map(|proof| {
                let name = proof.name();
                let seen = seen
                    .iter()
                    .find(|(of, _)| *of == name)
                    .map(|(_, seen)| seen.to_string());
                let seen = seen.unwrap_or_else(|| "not run".to_string());
                [
                    proof.rule.clone(),
                    proof.case.clone(),
                    proof.expected.to_string(),
                    seen,
                ]
            })
            .collect();
        rows.sort();
        rows.insert(
            0,
            ["rule", "fixture", "expected", "seen"].map(str::to_string),
        );
        let widths: [usize; 4] = std::array::from_fn(|column| {
            rows.iter().map(|row| row[column].len()).max().unwrap_or(0)
        });
        rows.insert(1, widths.map(|width| "-".repeat(width)));
        let mut text = String::new();
        for row in rows {
            for (cell, width) in row.iter().zip(widths) {
                text.push_str(&format!("| {cell:width$} "));
            }
            text.push_str("|\n");
        }
        text
    }
}

/// What tplint prints about a folder; fails unless it exits with 0 or 1.
fn tplint(folder: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies a folder to a place where nothing else stays.
fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to)?;
    for path in entries(from) {
        let target = to.join(file_name(&path));
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, target)?;
        }
    }
    Ok(())
}

/// A tool that `missing_for` has said is there.
fn tool(tool: &Option<PathBuf>) -> &Path {
    tool.as_deref().unwrap_or(Path::new("missing"))
}

fn build(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

#[cfg(unix)]
fn own_process_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn own_process_group(_command: &mut Command) {}

/// A running host; ends with this value, and so do `timeout` and whatever else is in its process group.
struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        // The shell has `kill` built in; a minimal system need not have the program.
        let _ = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -s KILL -- -{}", self.0.id()))
            .status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
