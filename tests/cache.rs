//! What an earlier run has found is found again without looking, and only for the very same files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

const BAD: &str = "#include <windows.h>\nstatic HANDLE g_thread;\n\
    BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved)\n{\n\
    if (reason == DLL_PROCESS_DETACH)\n        WaitForSingleObject(g_thread, INFINITE);\n    return TRUE;\n}\n";

/// A folder of its own for a test, with a source and a place for the cache beside it.
fn folders(test: &str, source: &str) -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("cache")
        .join(test);
    let _ = std::fs::remove_dir_all(&root);
    let tree = root.join("tree");
    std::fs::create_dir_all(&tree).unwrap();
    std::fs::write(tree.join("a.c"), source).unwrap();
    (tree, root.join("kept"))
}

fn command(tree: &Path, cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tplint"));
    command
        .current_dir(tree)
        .arg("--cache-dir")
        .arg(cache)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Exit code and report, messages included.
fn run(tree: &Path, cache: &Path, arguments: &[&str]) -> (i32, String) {
    let output = command(tree, cache, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let told = text(output.stdout) + &text(output.stderr);
    (output.status.code().expect("no signal"), told)
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(cache) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

const FORMATS: [&[&str]; 4] = [
    &[],
    &["--format", "json"],
    &["--format", "sarif"],
    &["--format", "concise", "--notes"],
];

#[test]
fn the_same_report_comes_from_what_was_kept() {
    for (number, format) in FORMATS.iter().enumerate() {
        let (tree, cache) = folders(&format!("same{number}"), BAD);
        let first = run(&tree, &cache, format);
        assert_eq!(first.0, 1);
        assert!(first.1.contains("wait_in_dll_main"), "{}", first.1);
        let kept = entries(&cache);
        assert_eq!(kept.len(), 1);
        // It is read: what is used is the youngest.
        let old = SystemTime::now() - Duration::from_secs(1000);
        let file = std::fs::File::options()
            .append(true)
            .open(&kept[0])
            .unwrap();
        file.set_modified(old).unwrap();
        drop(file);
        assert_eq!(run(&tree, &cache, format), first);
        assert_eq!(entries(&cache), kept);
        let used = kept[0].metadata().unwrap().modified().unwrap();
        assert!(used > old + Duration::from_secs(500));
    }
}

#[test]
fn policy_is_not_kept() {
    let (tree, cache) = folders("policy", BAD);
    assert_eq!(run(&tree, &cache, &[]).0, 1);
    assert_eq!(run(&tree, &cache, &["--exit-zero"]).0, 0);
    let (code, told) = run(&tree, &cache, &["-W", "wait_in_dll_main"]);
    assert_eq!(code, 0);
    assert!(told.contains("warning[wait_in_dll_main]"), "{told}");
    assert_eq!(entries(&cache).len(), 1);
}

#[test]
fn an_edit_and_its_way_back_are_seen() {
    let (tree, cache) = folders("edit", BAD);
    let bad = run(&tree, &cache, &[]);
    std::fs::write(tree.join("a.c"), BAD.replace("INFINITE", "0")).unwrap();
    let good = run(&tree, &cache, &[]);
    assert!(!good.1.contains("wait_in_dll_main"), "{}", good.1);
    std::fs::write(tree.join("a.c"), BAD).unwrap();
    assert_eq!(run(&tree, &cache, &[]), bad);
    // A further file that changes nothing is another key all the same.
    std::fs::write(tree.join("b.c"), "int x;\n").unwrap();
    run(&tree, &cache, &[]);
    assert_eq!(entries(&cache).len(), 3);
}

#[test]
fn a_damaged_entry_is_none_and_is_written_anew() {
    let (tree, cache) = folders("damaged", BAD);
    let first = run(&tree, &cache, &[]);
    let entry = entries(&cache).remove(0);
    let whole = std::fs::read(&entry).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x20;
    for damaged in [&b""[..], b"\n", b"{}", &whole[..whole.len() / 2], &flipped] {
        std::fs::write(&entry, damaged).unwrap();
        assert_eq!(run(&tree, &cache, &[]), first);
        assert_eq!(std::fs::read(&entry).unwrap(), whole);
    }
}

#[test]
fn where_nothing_can_be_kept_the_report_is_the_same() {
    let (tree, cache) = folders("unwritable", BAD);
    let first = run(&tree, &cache, &[]);
    // A file stands where the folder should be.
    let file = cache.with_file_name("file");
    std::fs::write(&file, "x").unwrap();
    assert_eq!(run(&tree, &file, &[]), first);
    assert_eq!(run(&tree, &file.join("below"), &[]), first);
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

#[test]
fn without_a_cache_nothing_is_written() {
    let (tree, cache) = folders("without", BAD);
    let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
        .current_dir(&tree)
        .arg("--no-cache")
        .env("XDG_CACHE_HOME", &cache)
        .env("LOCALAPPDATA", &cache)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!cache.exists());
    // Nor what is found so fast that it is not worth it.
    Command::new(env!("CARGO_BIN_EXE_tplint"))
        .current_dir(&tree)
        .env("XDG_CACHE_HOME", &cache)
        .env("LOCALAPPDATA", &cache)
        .output()
        .unwrap();
    let fast = entries(&cache.join("tplint"));
    assert!(fast.len() <= 1, "{fast:?}");
}

#[test]
fn runs_at_the_same_time_do_not_disturb_each_other() {
    let (tree, cache) = folders("together", BAD);
    let alone = run(&tree, &cache, &[]);
    std::fs::remove_dir_all(&cache).unwrap();
    let runs: Vec<_> = (0..8)
        .map(|_| {
            let mut command = command(&tree, &cache, &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        assert_eq!(text(output.stdout) + &text(output.stderr), alone.1);
    }
    assert_eq!(entries(&cache).len(), 1);
    assert_eq!(run(&tree, &cache, &[]), alone);
}

#[test]
fn no_more_is_kept_than_is_said() {
    let (tree, cache) = folders("bounded", BAD);
    std::fs::create_dir_all(&cache).unwrap();
    let old = SystemTime::now() - Duration::from_secs(1000);
    for number in 0..100 {
        let path = cache.join(format!("{number:064x}"));
        std::fs::write(&path, "old").unwrap();
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(old + Duration::from_secs(number))
            .unwrap();
    }
    // What is no entry is not tplint's to take away.
    std::fs::write(cache.join("notes.txt"), "mine").unwrap();
    let first = run(&tree, &cache, &[]);
    let kept = entries(&cache);
    assert_eq!(kept.len(), 64 + 1);
    assert!(kept.contains(&cache.join("notes.txt")));
    assert!(!kept.contains(&cache.join(format!("{:064x}", 0))));
    assert!(kept.contains(&cache.join(format!("{:064x}", 99))));
    assert_eq!(run(&tree, &cache, &[]), first);
}
