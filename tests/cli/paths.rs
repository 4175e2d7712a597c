//! What can be named on the command line, and what is read with it.

use super::{UNUSED, folder, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How many files a run has read, and the paths of its findings.
fn read(root: &Path, arguments: &[&str]) -> (u64, Vec<String>) {
    let run = run(root, &[&["--format", "json"], arguments].concat());
    let document: Value = serde_json::from_str(&run.out).expect(&run.err);
    let findings = document["findings"].as_array().unwrap().iter();
    (
        document["summary"]["files"].as_u64().unwrap(),
        findings
            .map(|finding| finding["path"].as_str().unwrap().to_string())
            .collect(),
    )
}

#[test]
fn what_is_no_source_is_refused_with_the_remedy() {
    let root = folder(
        "no_source",
        &[
            ("all.sln", "Microsoft Visual Studio Solution File\n"),
            ("plug/plug.vcxproj", "<Project></Project>\n"),
            ("plug/a.c", UNUSED),
            ("plug/CMakeLists.txt", "add_library(plug SHARED a.c)\n"),
            ("rust/Cargo.toml", "[package]\nname = \"r\"\n"),
            ("rust/src/lib.rs", ""),
            ("build/compile_commands.json", "[]\n"),
            ("tplint.toml", ""),
            ("readme.txt", "text\n"),
            ("odd", "text\n"),
        ],
    );
    for (arguments, parts) in [
        (
            &["all.sln"][..],
            &["`all.sln` is no source", "`tplint .`"][..],
        ),
        (&["plug/plug.vcxproj"], &["`tplint plug`", "build file"]),
        (&["plug/CMakeLists.txt"], &["`tplint plug`"]),
        (
            &["rust/Cargo.toml"],
            &[
                "`tplint rust`",
                "`cargo tplint --manifest-path rust/Cargo.toml`",
            ],
        ),
        (&["build/compile_commands.json"], &["--build build"]),
        (&["tplint.toml"], &["--config tplint.toml"]),
        (&["readme.txt"], &["`readme.txt` is no source", "a folder"]),
        (&["odd"], &["its ending"]),
        // One of several, and of the other commands that take paths.
        (&["plug/a.c", "readme.txt"], &["`readme.txt`"]),
        (&["modules", "all.sln"], &["`tplint .`"]),
        (&["baseline", "write", "all.sln"], &["`tplint .`"]),
        (&["--show-files", "all.sln"], &["`tplint .`"]),
    ] {
        let run = run(&root, arguments);
        assert_eq!((run.code, &*run.out), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.starts_with("error: "), "{}", run.err);
        for part in parts {
            assert!(run.err.contains(part), "{arguments:?}: {}", run.err);
        }
    }
    // The remedies are none that fail.
    for path in [".", "plug", "rust", "plug/a.c"] {
        assert_eq!(run(&root, &[path]).code, 0, "{path}");
    }
}

#[test]
fn a_file_is_read_with_its_project() {
    let root = folder(
        "file_path",
        &[
            ("configured/tplint.toml", ""),
            ("configured/src/Makefile", ""),
            ("configured/src/a.c", UNUSED),
            ("configured/b.c", UNUSED),
            ("built/CMakeLists.txt", ""),
            ("built/src/a.c", UNUSED),
            ("built/b.c", UNUSED),
            ("kept/.git/HEAD", ""),
            ("kept/src/a.c", UNUSED),
            ("kept/src/b.c", UNUSED),
            ("kept/c.c", UNUSED),
        ],
    );
    for (path, files) in [
        ("configured/src/a.c", 2),
        ("built/src/a.c", 2),
        ("kept/src/a.c", 3),
    ] {
        // Only findings in the file are shown.
        assert_eq!(read(&root, &[path]), (files, vec![path.to_string()]));
    }
}

/// A folder with no project around it: none below the build's own folder, which lies in a repository.
struct Outside(PathBuf);

impl Outside {
    fn new(name: &str, files: &[(&str, &str)]) -> Outside {
        let name = format!("tplint-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&root);
        super::files::write(&root, files);
        Outside(root)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_without_a_project_is_read_with_its_own_folder_alone() {
    let outside = Outside::new(
        "alone",
        &[
            ("a.c", UNUSED),
            ("b.c", UNUSED),
            ("below/c.c", UNUSED),
            ("odd/index.pri", "mrm_pri2"),
            ("odd/deep/d.c", UNUSED),
            ("odd/deep/deeper/e.c", UNUSED),
        ],
    );
    let root = &outside.0;
    assert_eq!(read(root, &["a.c"]), (2, vec!["a.c".into()]));
    let whole = root.join("a.c");
    assert_eq!(read(root, &[whole.to_str().unwrap()]).0, 2);
    // A file that is a build file by chance makes no project of what is below.
    assert_eq!(read(root, &["odd/deep/d.c"]).0, 1);
    assert_eq!(read(root, &["a.c", "below/c.c"]).0, 3);
    assert_eq!(read(root, &["."]).0, 5);
    // A source from standard input, also where no folder is.
    assert_eq!(read(root, &["--stdin-filename", "new.c", "-"]).0, 3);
    assert_eq!(read(root, &["--stdin-filename", "none/there/x.c"]).0, 1);
}

#[test]
fn runs_that_have_nothing_to_check_say_so() {
    let root = folder(
        "nothing_to_check",
        &[
            ("win/a.c", "#include <windows.h>\nint a;\n"),
            ("portable/b.cpp", "#include <vector>\nstd::vector<int> b;\n"),
            ("empty/readme.txt", "text\n"),
            ("other/notes.txt", "text\n"),
            (
                "accepted/c.c",
                "int x; // tplint: allow(wait_in_dll_main, unused_suppression) old\n",
            ),
        ],
    );
    let said = |arguments: &[&str]| {
        let run = run(&root, arguments);
        assert_eq!(run.code, 0, "{}", run.err);
        run.err
    };
    let nothing = "no C, C++ or Rust source";
    // One folder of several, each by its name, and all of them.
    let err = said(&["win", "empty", "other"]);
    assert!(
        err.contains("source in `empty`: nothing was checked"),
        "{err}"
    );
    assert!(err.contains("source in `other`"), "{err}");
    assert!(!err.contains("`win`"), "{err}");
    assert!(said(&["empty"]).contains("nothing was checked"));
    assert!(!said(&["win"]).contains(nothing));
    // Code that is not for Windows.
    let windows = "mentions Windows";
    assert!(said(&["portable"]).contains(windows));
    for arguments in [&["win"][..], &["win", "portable"], &["empty"]] {
        assert!(!said(arguments).contains(windows), "{arguments:?}");
    }
}

#[test]
fn what_a_build_makes_for_itself_is_not_read() {
    let probe = "build/CMakeFiles/4.0.2/CompilerIdC/CMakeCCompilerId.c";
    let root = folder(
        "cmake_files",
        &[
            (".git/HEAD", ""),
            ("a.c", UNUSED),
            (probe, UNUSED),
            ("build/made.c", UNUSED),
        ],
    );
    assert_eq!(read(&root, &["."]).1, ["a.c", "build/made.c"]);
    assert_eq!(read(&root, &[probe]).1, [probe], "what is named is meant");
}

#[test]
fn notes_that_hide_for_want_of_a_dll_are_told() {
    let source = "#include <windows.h>\n#include <thread>\nstruct Worker {\n    std::thread thread;\n    ~Worker() { thread.join(); }\n};\nstatic Worker g_worker;\n";
    let root = folder(
        "perhaps_a_dll",
        &[
            ("soft/a.cpp", source),
            ("dll/a.cpp", source),
            (
                "dll/tplint.toml",
                "[[module]]\nname = \"a\"\npaths = [\".\"]\nkind = \"dll\"\n",
            ),
        ],
    );
    let unsure = run(&root, &["soft"]);
    assert_eq!(unsure.code, 0, "{}", unsure.out);
    assert!(
        unsure
            .err
            .contains("1 note hidden because nothing tells whether the sources make up a DLL"),
        "{}",
        unsure.err
    );
    assert!(!run(&root, &["--notes", "soft"]).err.contains("because"));
    // What the line says helps.
    let sure = run(&root, &["dll"]);
    assert_eq!(sure.code, 1, "{}", sure.err);
    assert!(!sure.err.contains("nothing tells"), "{}", sure.err);
}
