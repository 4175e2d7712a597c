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
        // The findings, and the record for the next run.
        let kept = entries(&cache);
        assert_eq!(kept.len(), 2);
        // The findings are read: what is used is the youngest. The record is not.
        let old = SystemTime::now() - Duration::from_secs(1000);
        for entry in &kept {
            let file = std::fs::File::options().append(true).open(entry).unwrap();
            file.set_modified(old).unwrap();
        }
        assert_eq!(run(&tree, &cache, format), first);
        assert_eq!(entries(&cache), kept);
        let is_used = |entry: &&PathBuf| {
            let used = entry.metadata().unwrap().modified().unwrap();
            used > old + Duration::from_secs(500)
        };
        assert_eq!(kept.iter().filter(is_used).count(), 1);
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
    assert_eq!(entries(&cache).len(), 2);
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
    // Findings of three states, and a record for each of two sets of files.
    assert_eq!(entries(&cache).len(), 5);
}

#[test]
fn a_damaged_entry_is_none_and_is_written_anew() {
    let (tree, cache) = folders("damaged", BAD);
    let first = run(&tree, &cache, &[]);
    let kept = entries(&cache);
    let wholes: Vec<Vec<u8>> = kept
        .iter()
        .map(|entry| std::fs::read(entry).unwrap())
        .collect();
    for way in 0..5 {
        for (entry, whole) in kept.iter().zip(&wholes) {
            std::fs::write(entry, damaged(whole, way)).unwrap();
        }
        assert_eq!(run(&tree, &cache, &[]), first);
        for (entry, whole) in kept.iter().zip(&wholes) {
            assert!(std::fs::read(entry).unwrap() == *whole, "way {way}");
        }
    }
}

/// The bytes of an entry, damaged in one of five ways.
fn damaged(whole: &[u8], way: usize) -> Vec<u8> {
    let mut flipped = whole.to_vec();
    flipped[whole.len() / 2] ^= 0x20;
    match way {
        0 => Vec::new(),
        1 => b"\n".to_vec(),
        2 => b"{}".to_vec(),
        3 => whole[..whole.len() / 2].to_vec(),
        _ => flipped,
    }
}

/// A tree of several DLLs, of which two have something to find, and one is called by another under the loader lock.
fn several(test: &str) -> (PathBuf, PathBuf) {
    let (tree, cache) = folders(test, BAD);
    let quiet = BAD.replace("INFINITE", "0");
    for (folder, text) in [("b", BAD), ("c", &quiet), ("d", &quiet)] {
        std::fs::create_dir_all(tree.join(folder)).unwrap();
        std::fs::write(tree.join(folder).join("x.c"), text).unwrap();
        let build = format!("add_library({folder} SHARED x.c)\n");
        std::fs::write(tree.join(folder).join("CMakeLists.txt"), build).unwrap();
    }
    (tree, cache)
}

#[test]
fn a_changed_file_is_looked_at_again_and_the_rest_is_taken_from_the_record() {
    let (tree, cache) = several("changed");
    let file = tree.join("c").join("x.c");
    let quiet = std::fs::read_to_string(&file).unwrap();
    let without_cache = |format: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
            .current_dir(&tree)
            .arg("--no-cache")
            .args(format)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let told = text(output.stdout) + &text(output.stderr);
        (output.status.code().expect("no signal"), told)
    };
    let edits = [
        quiet.replace("    return", "\n    return"),
        BAD.to_string(),
        quiet.replace("#include <windows.h>", "#include \"none.h\"\n#define N 1"),
        format!("{quiet}\nvoid more(void) {{ ;;; ) broken\n"),
        format!("{quiet}\n__declspec(dllexport) void more(void) {{ }}\n"),
        quiet.replace("g_thread", "g_other"),
        String::new(),
    ];
    for format in FORMATS {
        std::fs::write(&file, &quiet).unwrap();
        let first = run(&tree, &cache, format);
        assert_eq!(first, without_cache(format));
        for (number, edit) in edits.iter().enumerate() {
            std::fs::write(&file, edit).unwrap();
            let expected = without_cache(format);
            assert_eq!(run(&tree, &cache, format), expected, "edit {number}");
            // From what was kept, too.
            assert_eq!(run(&tree, &cache, format), expected, "edit {number}");
        }
        std::fs::remove_dir_all(&cache).unwrap();
    }
}

#[test]
fn a_damaged_record_is_none() {
    let (tree, cache) = several("record");
    let file = tree.join("c").join("x.c");
    let quiet = std::fs::read_to_string(&file).unwrap();
    run(&tree, &cache, &[]);
    let kept = entries(&cache);
    assert_eq!(kept.len(), 2);
    let wholes: Vec<Vec<u8>> = kept
        .iter()
        .map(|entry| std::fs::read(entry).unwrap())
        .collect();
    std::fs::write(&file, BAD).unwrap();
    let (_, other) = folders("record_other", BAD);
    let expected = run(&tree, &other, &[]);
    for way in 0..5 {
        let _ = std::fs::remove_dir_all(&cache);
        std::fs::create_dir_all(&cache).unwrap();
        for (entry, whole) in kept.iter().zip(&wholes) {
            std::fs::write(entry, damaged(whole, way)).unwrap();
        }
        assert_eq!(run(&tree, &cache, &[]), expected, "way {way}");
    }
    std::fs::write(&file, quiet).unwrap();
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
    assert!(fast.len() <= 2, "{fast:?}");
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
    assert_eq!(entries(&cache).len(), 2);
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
