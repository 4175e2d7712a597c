//! A bad world around the texts: what the file system, the user and other processes do to a run.

use super::{Case, DLL, FIXABLE, Outcome, command, finish, folder, memory, run};
use libtest_mimic::Failed;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The user `nobody`, for a test that root runs.
pub(super) const NOBODY: u32 = 65534;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("links in a circle", circle),
        Case::new("names that are not UTF-8", names),
        Case::new("a socket in the tree", socket),
        Case::new("files that come and go", vanishing),
        Case::new("--output to a folder", |folder| {
            refused_output(folder, "below", "cannot write `below`")
        }),
        Case::new("--output into a folder that is not there", |folder| {
            refused_output(folder, "none/a.txt", "cannot write `none/a.txt`")
        }),
        Case::new("standard output that nobody reads", closed_pipe),
        needs(
            Case::new("Ctrl-C", interrupted),
            !ignores_interrupts(),
            "this process was started with SIGINT ignored, as jobs in the background are",
        ),
        Case::new("two runs at once", two_runs),
        needs(
            Case::new("--output to a disk that becomes full", disk_becomes_full),
            Command::new("bash").arg("--version").output().is_ok(),
            "there is no bash, which limits the size of files",
        ),
        Case::new("a path that is a device", |folder| {
            fs::write(folder.join("dll.c"), DLL)?;
            let told = run(folder, &["/dev/zero"])?;
            told.must(
                2,
                &["error: cannot read `/dev/zero`: it is neither a file nor a folder"],
            )?;
            Ok(told.told())
        }),
        device(),
        Case::new("a .gitignore of 70 MB", |folder| {
            large_ignore_file(folder, ".gitignore")
        }),
        Case::new("an .ignore of 70 MB above the folder", |folder| {
            fs::create_dir_all(folder.join("sub/.git"))?;
            fs::write(folder.join("sub/dll.c"), DLL)?;
            fs::write(
                folder.join(".ignore"),
                "**/a*b*c*/?[a-z]*x\n".repeat(3_000_000),
            )?;
            let told = run(&folder.join("sub"), &["--format", "concise", "."])?;
            told.must(
                1,
                &["an ignore file above the analysed folder", "1 file read"],
            )?;
            told.must_find("dll.c")?;
            Ok(told.told())
        }),
        without_writing(
            "--output into a folder that nobody may write to",
            &["--output", "sub/report.txt"],
            "cannot write `sub/report.txt`",
        ),
        without_writing(
            "--fix in a folder that nobody may write to",
            &["--fix"],
            "cannot write `sub/dll.c`",
        ),
        unreadable("an unreadable file", "bad.c"),
        unreadable("an unreadable folder", "bad"),
        full(
            "--output to a full disk",
            &["--output", "/dev/full"],
            "cannot write `/dev/full`",
        ),
        full(
            "standard output to a full disk",
            &[],
            "the report cannot be written",
        ),
    ];
    for name in [
        "a.c",
        "a.h",
        "CMakeLists.txt",
        ".gitignore",
        ".ignore",
        "tplint.toml",
        "tplint-baseline.json",
    ] {
        cases.push(fifo(name));
    }
    cases
}

pub(super) fn needs(mut case: Case, is_there: bool, why: &str) -> Case {
    if !is_there {
        case.missing = Some(why.to_string());
    }
    case
}

fn circle(folder: &Path) -> Outcome {
    fs::write(folder.join("dll.c"), DLL)?;
    symlink(".", folder.join("here"))?;
    symlink("there", folder.join("back"))?;
    symlink("back", folder.join("there"))?;
    symlink("none.c", folder.join("dangling.c"))?;
    symlink("self.c", folder.join("self.c"))?;
    symlink("dll.c", folder.join("again.c"))?;
    let told = run(folder, &["--format", "concise", "."])?;
    told.must(1, &["1 file read"])?;
    told.must_find("dll.c")?;
    if told.out.lines().count() != 1 {
        return Err(format!("more than one finding: {}", told.out).into());
    }
    let named = run(folder, &["self.c"])?;
    named.must(2, &["error: cannot read `self.c`"])?;
    Ok(told.told())
}

/// All that lies below a folder, with when it was changed.
pub(super) fn listing(
    folder: &Path,
) -> std::io::Result<Vec<(std::path::PathBuf, std::time::SystemTime)>> {
    let mut all = Vec::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let metadata = path.symlink_metadata()?;
            all.push((path.clone(), metadata.modified()?));
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    all.sort();
    Ok(all)
}

fn names(folder: &Path) -> Outcome {
    fs::write(folder.join("dll.c"), DLL)?;
    let name = OsStr::from_bytes(b"a\xff.c");
    if fs::write(folder.join(name), DLL).is_err() {
        return Ok("the file system takes no such name".into());
    }
    fs::write(folder.join("line\nend\x1b[31m.c"), DLL)?;
    let told = run(folder, &["--format", "concise", "."])?;
    told.must(
        1,
        &[
            "3 files read",
            "a path is not UTF-8 and is shown as `a\u{FFFD}.c`",
        ],
    )?;
    told.must_find("dll.c")?;
    told.must_find("a\u{FFFD}.c")?;
    if told.out.contains('\x1b') || told.out.lines().count() != 3 {
        return Err(format!("a name breaks the report: {:?}", told.out).into());
    }
    let mut named = command(folder, &["--format", "concise"]);
    named.arg(name);
    let named = finish(named, folder)?;
    named.must(1, &[])?;
    let sarif = run(folder, &["--format", "sarif", "."])?;
    sarif.must(1, &[])?;
    serde_json::from_str::<serde_json::Value>(&sarif.out)?;
    Ok(told.told())
}

fn socket(folder: &Path) -> Outcome {
    fs::write(folder.join("dll.c"), DLL)?;
    // The path of a socket is short by law: a link makes it so.
    let short = std::env::temp_dir().join(format!("tplint-{}", std::process::id()));
    symlink(folder, &short)?;
    let bound = std::os::unix::net::UnixListener::bind(short.join("a.c"));
    fs::remove_file(&short)?;
    let _socket = bound?;
    let told = run(folder, &["--format", "concise", "."])?;
    told.must(
        1,
        &[
            "1 file read, 1 unreadable",
            "cannot read `a.c`: it is neither a file nor a folder",
        ],
    )?;
    told.must_find("dll.c")?;
    run(folder, &["a.c"])?.must(
        2,
        &["error: cannot read `a.c`: it is neither a file nor a folder"],
    )?;
    Ok(told.told())
}

fn fifo(file: &'static str) -> Case {
    let case = Case::new(&format!("a FIFO called {file}"), move |folder| {
        fs::write(folder.join("dll.c"), DLL)?;
        let made = Command::new("mkfifo").arg(folder.join(file)).status()?;
        if !made.success() {
            return Err("mkfifo failed".into());
        }
        let told = run(folder, &["--format", "concise", "."])?;
        if file.starts_with("tplint") {
            let said = format!("error: cannot read `{file}`: it is no file");
            told.must(2, &[&said])?;
        } else if file.starts_with('.') {
            let said = format!("`{file}` is no file");
            told.must(1, &[&said, "1 file read"])?;
            told.must_find("dll.c")?;
        } else {
            let said = format!("cannot read `{file}`: it is neither a file nor a folder");
            told.must(1, &["1 file read, 1 unreadable", &said])?;
            told.must_find("dll.c")?;
        }
        Ok(told.told())
    });
    let has_mkfifo = Command::new("mkfifo").arg("--version").output().is_ok();
    needs(case, has_mkfifo, "there is no mkfifo")
}

/// Files are written and taken away all the time while tplint reads.
fn vanishing(folder: &Path) -> Outcome {
    fs::write(folder.join("dll.c"), DLL)?;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0_usize;
            while !is_over.load(Ordering::Relaxed) {
                let (file, below) = (
                    folder.join(format!("a{}.c", round % 50)),
                    folder.join("below"),
                );
                // Some fail when both are at it; the next round does it.
                match round / 50 % 3 {
                    0 => drop(fs::write(&file, DLL.repeat(round % 7 + 1))),
                    1 => drop(
                        fs::create_dir_all(&below).and_then(|()| fs::write(below.join("b.c"), DLL)),
                    ),
                    _ => drop((fs::remove_file(&file), fs::remove_dir_all(&below))),
                }
                round += 1;
            }
        });
        let runs = (0..30).map(|_| -> Result<usize, Failed> {
            let told = run(folder, &["--format", "concise", "."])?;
            told.must(1, &["read"])?;
            told.must_find("dll.c")?;
            // What was listed and is gone is told, each with its reason.
            let unread = told
                .err
                .lines()
                .filter(|line| line.starts_with("warning: cannot read"))
                .count();
            let counted = format!(", {unread} unreadable");
            if told.err.contains("unreadable") != (unread > 0)
                || unread > 0 && !told.err.contains(&counted)
            {
                return Err(format!("{unread} are told: {}", told.err).into());
            }
            Ok(unread)
        });
        let result: Result<Vec<usize>, Failed> = runs.collect();
        is_over.store(true, Ordering::Relaxed);
        let gone: usize = result?.iter().sum();
        Ok(format!(
            "30 runs with exit code 1; {gone} files were gone between listing and reading, and told"
        ))
    })
}

fn refused_output(folder: &Path, output: &str, said: &str) -> Outcome {
    fs::create_dir_all(folder.join("below"))?;
    fs::write(folder.join("dll.c"), DLL)?;
    let before = listing(folder)?;
    let told = run(folder, &["--output", output, "."])?;
    told.must(2, &["error: ", said])?;
    let names = |all: &[(std::path::PathBuf, _)]| {
        all.iter().map(|entry| entry.0.clone()).collect::<Vec<_>>()
    };
    if names(&listing(folder)?) != names(&before) {
        return Err("something is left".into());
    }
    Ok(told.told())
}

fn full(name: &str, arguments: &'static [&str], said: &'static str) -> Case {
    let case = Case::new(name, move |folder| {
        fs::write(folder.join("dll.c"), DLL)?;
        let mut command = command(folder, arguments);
        command.arg(".").stderr(Stdio::piped());
        if arguments.is_empty() {
            command.stdout(fs::OpenOptions::new().write(true).open("/dev/full")?);
        }
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(2) || !text.contains(said) || text.contains("panicked") {
            return Err(format!("{:?}: {text}", output.status).into());
        }
        Ok(format!("exit code 2: {}", text.trim_end()))
    });
    needs(
        case,
        Path::new("/dev/full").exists(),
        "there is no /dev/full",
    )
}

/// A report that only begins to be written, in place of an old one: the old one stays.
fn disk_becomes_full(folder: &Path) -> Outcome {
    for n in 0..20 {
        fs::write(folder.join(format!("a{n}.c")), DLL)?;
    }
    let report = folder.join("report.txt");
    fs::write(&report, "the old one")?;
    let before = names_below(folder)?;
    let mut limited = Command::new("bash");
    // One block of 1,024 bytes; who ignores the signal gets an error in place of the bytes.
    limited
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 1; exec \"$0\" --output report.txt .",
        ])
        .arg(env!("CARGO_BIN_EXE_tplint"))
        .current_dir(folder);
    let output = limited.output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(2)
        || !text.contains("cannot write `report.txt`: File too large")
    {
        return Err(format!("{:?}: {text}", output.status).into());
    }
    if fs::read_to_string(&report)? != "the old one" || names_below(folder)? != before {
        return Err("a part was written".into());
    }
    Ok(format!(
        "exit code 2, and the old report as it was: {}",
        text.trim_end()
    ))
}

fn names_below(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    Ok(listing(folder)?.into_iter().map(|entry| entry.0).collect())
}

/// A device with the name of a source, from which zeros come for ever.
fn device() -> Case {
    let made = |file: &Path| {
        let mut command = Command::new("mknod");
        command
            .arg(file)
            .args(["c", "1", "5"])
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let probe = folder("can devices be made").join("zero");
    let can = is_root() && made(&probe);
    let case = Case::new("a device in the tree", move |folder| {
        fs::write(folder.join("dll.c"), DLL)?;
        made(&folder.join("a.c"));
        let told = run(folder, &["--format", "concise", "."])?;
        let said = "cannot read `a.c`: it is neither a file nor a folder";
        told.must(1, &["1 file read, 1 unreadable", said])?;
        told.must_find("dll.c")?;
        Ok(told.told())
    });
    needs(case, can, "devices can't be made here")
}

fn large_ignore_file(folder: &Path, name: &str) -> Outcome {
    fs::write(folder.join("dll.c"), DLL)?;
    fs::write(folder.join(name), "**/a*b*c*/?[a-z]*x\n".repeat(3_000_000))?;
    let told = run(folder, &["--format", "concise", "."])?;
    let said = format!("`{name}` is no file of its folder, or larger than 1 MiB");
    told.must(1, &[&said, "1 file read"])?;
    told.must_find("dll.c")?;
    Ok(told.told())
}

/// Something would be written to a folder `sub` that belongs to somebody else; root becomes nobody for it.
fn without_writing(name: &str, arguments: &'static [&'static str], said: &'static str) -> Case {
    let case = Case::new(name, move |folder| {
        let sub = folder.join("sub");
        fs::create_dir_all(&sub)?;
        fs::write(sub.join("dll.c"), FIXABLE)?;
        fs::set_permissions(&sub, fs::Permissions::from_mode(0o555))?;
        let mut command = command(folder, arguments);
        command.arg("sub");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let told = finish(command, folder);
        fs::set_permissions(&sub, fs::Permissions::from_mode(0o755))?;
        let told = told?;
        told.must(2, &["error: ", said])?;
        if names_below(&sub)? != [sub.join("dll.c")]
            || fs::read_to_string(sub.join("dll.c"))? != FIXABLE
        {
            return Err("something was written".into());
        }
        Ok(told.told())
    });
    needs(case, can_be_nobody(), NOT_NOBODY)
}

fn closed_pipe(folder: &Path) -> Outcome {
    fs::write(folder.join("dll.c"), DLL)?;
    for n in 0..300 {
        fs::write(folder.join(format!("a{n}.c")), DLL)?;
    }
    let mut told = Vec::new();
    for both in [false, true] {
        let mut command = command(folder, &["."]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        drop(child.stdout.take());
        if both {
            drop(child.stderr.take());
        }
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(1) || text.contains("panicked") {
            return Err(format!("{:?}: {text}", output.status).into());
        }
        told.extend(text.lines().last().map(str::to_string));
    }
    Ok(format!("exit code 1: {}", told.concat()))
}

/// A tree that takes a while.
fn long_tree(folder: &Path) -> std::io::Result<()> {
    let body = "    if (a(1)) { WaitForSingleObject(g_thread, 5); }\n".repeat(20_000);
    let text = DLL.replace("    return TRUE;\n", &format!("{body}    return TRUE;\n"));
    fs::write(folder.join("dll.c"), text)
}

/// Whether SIGINT is ignored, which a child inherits.
fn ignores_interrupts() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 2 != 0)
}

fn interrupted(folder: &Path) -> Outcome {
    long_tree(folder)?;
    fs::write(folder.join("report.txt"), "the old one")?;
    let mut ended = 0;
    for wait in [5, 50, 200] {
        let mut command = command(folder, &["--output", "report.txt", "."]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        std::thread::sleep(Duration::from_millis(wait));
        let kill = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .output()?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if start.elapsed() > Duration::from_secs(10) {
                child.kill()?;
                return Err("it does not end".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let text = fs::read_to_string(folder.join("report.txt"))?;
        if status.signal() == Some(2) {
            ended += 1;
            if text != "the old one" {
                return Err(format!("a part was written: {text}").into());
            }
        } else if status.code() != Some(1) || kill.status.success() && ended == 0 && wait < 50 {
            return Err(format!("{status:?}").into());
        }
    }
    if ended == 0 {
        return Err("no run could be interrupted".into());
    }
    Ok(format!(
        "{ended} of 3 runs ended by the signal, and the old report left as it was"
    ))
}

fn two_runs(folder: &Path) -> Outcome {
    for n in 0..40 {
        fs::write(folder.join(format!("a{n}.c")), DLL)?;
    }
    let expected = run(folder, &["--format", "json", "."])?;
    expected.must(1, &[])?;
    for _ in 0..5 {
        let mut children = Vec::new();
        for _ in 0..2 {
            let mut command = command(
                folder,
                &["--format", "json", "--output", "report.json", "."],
            );
            command.stdout(Stdio::null()).stderr(Stdio::null());
            children.push(command.spawn()?);
        }
        for mut child in children {
            // The memory is not asked for: only that each ends well.
            let _ = memory(child.id());
            let status = child.wait()?;
            if status.code() != Some(1) {
                return Err(format!("{status:?}").into());
            }
        }
        let mut text = String::new();
        fs::File::open(folder.join("report.json"))?.read_to_string(&mut text)?;
        if text != expected.out {
            return Err("the report is not whole".into());
        }
        let left = listing(folder)?
            .into_iter()
            .filter(|entry| entry.0.to_string_lossy().contains(".tplint-"));
        if left.count() > 0 {
            return Err("something is left".into());
        }
    }
    Ok("five times two runs with exit code 1, each report whole".into())
}

/// Something that the user may not read. Root may read all, so that root becomes nobody for it.
fn unreadable(name: &str, bad: &'static str) -> Case {
    let case = Case::new(name, move |folder| {
        fs::write(folder.join("dll.c"), DLL)?;
        let bad_path = folder.join(bad);
        if bad.ends_with(".c") {
            fs::write(&bad_path, DLL)?;
        } else {
            fs::create_dir(&bad_path)?;
            fs::write(bad_path.join("a.c"), DLL)?;
        }
        fs::set_permissions(&bad_path, fs::Permissions::from_mode(0o000))?;
        let go = |arguments: &[&str]| {
            let mut command = command(folder, arguments);
            if is_root() {
                command.uid(NOBODY).gid(NOBODY);
            }
            finish(command, folder)
        };
        let result = go(&["--format", "concise", "."]).and_then(|told| {
            let said = format!("cannot read `{bad}`: ");
            told.must(1, &["1 file read, 1 unreadable", &said, "ermission denied"])?;
            told.must_find("dll.c")?;
            let said = format!("error: cannot read `{bad}`: ");
            go(&[bad])?.must(2, &[&said, "ermission denied"])?;
            Ok(told.told())
        });
        // Else the next run cannot make the folder anew.
        fs::set_permissions(&bad_path, fs::Permissions::from_mode(0o755))?;
        result
    });
    needs(case, can_be_nobody(), NOT_NOBODY)
}

const NOT_NOBODY: &str = "root may do everything, and nobody may not run the built tplint here";

/// Whether tplint can be run by a user who may not do everything.
fn can_be_nobody() -> bool {
    !is_root() || {
        let mut command = command(&folder("can nobody run it"), &["--version"]);
        command
            .uid(NOBODY)
            .gid(NOBODY)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// Whether this is a user who may read everything.
pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}
