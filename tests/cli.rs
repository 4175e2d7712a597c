//! The command as people and CI run it: the real binary on folders made for each test. What is found is other tests'
//! concern: `unused_suppression`, which needs no analysis, stands for every rule here.

#[path = "support/command.rs"]
mod command;
#[path = "cli/configuration.rs"]
mod configuration;
#[path = "support/files.rs"]
mod files;
#[path = "cli/known.rs"]
mod known;
#[path = "cli/paths.rs"]
mod paths;

use command::tplint as command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

const UNUSED: &str = "int x; // tplint: allow(wait_in_dll_main) old\n";

/// A folder of its own for a test, with these files.
fn folder(test: &str, files: &[(&str, &str)]) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).unwrap();
    files::write(&root, files);
    root
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn finished(output: Output) -> Run {
    Run {
        code: output.status.code().expect("no signal"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    finished(command(folder, arguments).output().unwrap())
}

/// The places of a concise report.
fn places(run: &Run) -> Vec<String> {
    let place = |line: &str| line.split(": ").next().unwrap().to_string();
    run.out.lines().map(place).collect()
}

#[test]
fn sarif_knows_the_repository() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let packed = format!("# pack-refs with: peeled\n{commit} refs/heads/topic/x\n");
    let root = folder(
        "repository",
        &[
            (".git/HEAD", "ref: refs/heads/topic/x\n"),
            (
                ".git/config",
                "[remote \"origin\"]\n\turl = git@example.com:o/n.git\n",
            ),
            (".git/packed-refs", &packed),
            (".git/worktrees/w/HEAD", commit),
            (".git/worktrees/w/commondir", "../..\n"),
            ("sub/a.c", UNUSED),
            ("added/.git", "gitdir: ../.git/worktrees/w\n"),
            ("added/a.c", UNUSED),
        ],
    );
    for (folder, path, uri, branch) in [
        ("sub", ".", "sub/a.c", Value::from("topic/x")),
        ("added", ".", "a.c", Value::Null),
        // The repository is that of the sources, wherever tplint is run.
        ("..", "repository/sub", "sub/a.c", Value::from("topic/x")),
    ] {
        let run = run(&root.join(folder), &["--format", "sarif", path]);
        let log: Value = serde_json::from_str(&run.out).unwrap();
        let run = &log["runs"][0];
        let known = &run["versionControlProvenance"][0];
        assert_eq!(
            known["repositoryUri"], "https://example.com/o/n",
            "{folder}"
        );
        assert_eq!(known["revisionId"], commit, "{folder}");
        assert_eq!(known["branch"], branch, "{folder}");
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], uri);
    }
}

#[test]
fn exit_codes() {
    let root = folder("exit_codes", &[("a.c", UNUSED), ("clean/b.c", "int y;\n")]);
    let code = |arguments: &[&str]| run(&root, arguments).code;
    assert_eq!(code(&["clean"]), 0);
    assert_eq!(code(&[]), 0, "a warning does not fail the run");
    assert_eq!(code(&["-D", "unused_suppression"]), 1);
    assert_eq!(code(&["-D", "warnings"]), 1);
    assert_eq!(code(&["-D", "all"]), 1);
    assert_eq!(code(&["-D", "all", "clean"]), 0);
    assert_eq!(code(&["-D", "unused_suppression", "--exit-zero"]), 0);
    assert_eq!(code(&["-W", "unused_suppression", "-D", "warnings"]), 1);
    assert_eq!(code(&["-D", "warnings", "-W", "unused_suppression"]), 1);
    assert_eq!(code(&["-D", "warnings", "-A", "unused_suppression"]), 0);
    assert_eq!(code(&["--max-warnings", "1"]), 0);
    assert_eq!(code(&["--max-warnings", "0"]), 1);
    assert_eq!(code(&["--max-warnings", "0", "--exit-zero"]), 0);
    assert_eq!(code(&["--no-such-option"]), 2);
    assert_eq!(code(&["--help"]), 0);
    assert_eq!(code(&["--version"]), 0);
}

#[test]
fn the_report_goes_to_standard_output_and_the_summary_to_standard_error() {
    let root = folder("streams", &[("a.c", UNUSED)]);
    let run = run(&root, &["--format", "concise"]);
    assert_eq!(
        run.out,
        "a.c:1:25: warning[unused_suppression]: `allow(wait_in_dll_main)` accepts nothing\n"
    );
    assert!(run.err.starts_with("1 file read, "), "{}", run.err);
    assert!(run.err.contains("1 finding (1 warning)"), "{}", run.err);
    assert_eq!(
        run.err.lines().count(),
        1,
        "no bar without a terminal: {}",
        run.err
    );
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let root = folder(
        "errors",
        &[
            ("a.c", "int x;"),
            ("broken/tplint.toml", "notes = true\nquite = []\n"),
            ("broken/a.c", "int x;"),
            ("wrong/tplint.toml", "[rules]\nwait_in_dllmain = \"deny\"\n"),
            ("wrong/a.c", "int x;"),
            (
                "row/tplint.toml",
                "notes = true\n\n[[api]]\nname = \"f\"\neffect = \"wiat\"\n",
            ),
            ("row/a.c", "int x;"),
        ],
    );
    for (arguments, parts) in [
        (
            &["nowhere"][..],
            &["cannot read `nowhere`", "that exists"][..],
        ),
        (&["a.c", "nowhere"], &["cannot read `nowhere`"]),
        (&["rule"], &["`tplint rules`"]),
        (
            &["-W", "wait_in_dllmain"],
            &["no rule is called `wait_in_dllmain`", "`wait_in_dll_main`"],
        ),
        (&["-A", "zzz"], &["`tplint rules`"]),
        (&["-W", "warnings"], &["-D warnings"]),
        (&["explain", "wait_in_dll_mian"], &["`wait_in_dll_main`"]),
        (
            &["explain", "terminate"],
            &["is `terminate_thread_at_unload` meant?"],
        ),
        (&["help", "modlues"], &["`modules`"]),
        (&["help", "unguarded-rearm"], &["`unguarded_rearm`"]),
        (&["help", "baseline", "prnue"], &["`prnue`"]),
        (&["--fix", "--diff"], &["cannot be used with '--diff'"]),
        (
            &["row"],
            &[
                "row/tplint.toml:5:10:",
                "[[api]] `f`: unknown variant `wiat`",
            ],
        ),
        (
            &["broken"],
            &["broken/tplint.toml:2:1:", "`quite`", "`quiet`"],
        ),
        (
            &["wrong"],
            &[
                "wrong/tplint.toml:2:1:",
                "the nearest is `wait_in_dll_main`",
            ],
        ),
        (&["--config", "none.toml"], &["cannot read `none.toml`"]),
        (&["modules", "nowhere"], &["cannot read `nowhere`"]),
        (
            &["--output", "no/folder/x"],
            &["cannot write `no/folder/x`"],
        ),
    ] {
        let run = run(&root, arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.err.starts_with("error: "), "{}", run.err);
        for part in parts {
            assert!(run.err.contains(part), "{arguments:?}: {}", run.err);
        }
    }
}

#[test]
fn a_tree_without_sources_is_told() {
    let root = folder(
        "no_sources",
        &[("README.md", "text"), ("CMakeLists.txt", "")],
    );
    let run = run(&root, &["--format", "json"]);
    assert_eq!(run.code, 0);
    assert!(
        run.err.contains("warning: no C, C++ or Rust source found"),
        "{}",
        run.err
    );
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["findings"], serde_json::json!([]));
}

#[test]
fn rules_are_listed() {
    let root = folder("rules", &[]);
    let text = run(&root, &["rules"]).out;
    let document: Value =
        serde_json::from_str(&run(&root, &["rules", "--format", "json"]).out).unwrap();
    let rules = document["rules"].as_array().unwrap();
    let checks = document["checks"].as_array().unwrap();
    assert_eq!(rules.len(), 21);
    assert_eq!(rules.len() + checks.len(), text.lines().count());
    for rule in rules {
        let articles = rule["articles"].as_array().unwrap();
        assert!(
            articles
                .iter()
                .any(|article| article["address"].as_str().is_some()),
            "{rule}"
        );
        let line = text
            .lines()
            .find(|line| line.split_whitespace().next() == rule["name"].as_str())
            .unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(rule["name"], words[0]);
        assert_eq!(rule["level"], words[1]);
        assert!(line.ends_with(rule["summary"].as_str().unwrap()));
    }
    let wait = rules
        .iter()
        .find(|rule| rule["name"] == "wait_in_dll_main")
        .unwrap();
    assert_eq!(wait["level"], "deny");
    assert!(!wait["articles"].as_array().unwrap().is_empty());
}

#[test]
fn rules_are_explained() {
    let root = folder("explain", &[]);
    let run = run(&root, &["explain", "wait_in_dll_main"]);
    assert_eq!(run.code, 0);
    assert!(run.out.starts_with("# wait_in_dll_main\n"), "{}", run.out);
    let (_, links) = run.out.split_once("## See also\n").unwrap();
    assert!(
        links.contains("- [Dynamic-Link Library Best Practices](https://"),
        "{links}"
    );
}

/// The marks by which the examples are tested mean nothing to a reader.
#[test]
fn pages_show_no_marks_of_tests() {
    let root = folder("marks", &[]);
    let page = run(&root, &["explain", "terminate_thread_at_unload"]).out;
    assert!(!page.contains("//~"), "{page}");
    assert!(page.contains("// ← terminate_thread_at_unload"), "{page}");
}

#[test]
fn help_is_given_for_commands_and_rules() {
    let root = folder("help", &[]);
    let printed = |arguments: &[&str]| {
        let run = run(&root, arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run.out
    };
    for words in [&[][..], &["baseline"], &["baseline", "write"], &["lsp"]] {
        let asked = printed(&[&["help"], words].concat());
        assert_eq!(asked, printed(&[words, &["--help"]].concat()), "{words:?}");
        assert!(asked.contains("Usage: tplint"), "{asked}");
    }
    assert_eq!(
        printed(&["help", "unguarded_rearm"]),
        printed(&["explain", "unguarded_rearm"])
    );
    // A language server and a baseline fail no run.
    for words in [&["lsp"][..], &["baseline", "write"], &["baseline", "prune"]] {
        let text = printed(&[&["help"], words].concat());
        assert!(
            text.contains("--deny") && !text.contains("fail"),
            "{words:?}: {text}"
        );
    }
}

#[test]
fn modules_are_listed() {
    let main = "#include <windows.h>\nBOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID p) { Elsewhere(); return TRUE; }\n\
        __declspec(dllexport) void Start(void) {}\n\
        void Broken(void)\n{ int = = ; ) }\n";
    let root = folder("modules", &[("plug/a.c", main), ("modules/b.c", "int x;")]);
    let text = run(&root, &["modules", "plug"]);
    assert_eq!(text.code, 0);
    assert!(text.out.contains("plug/a.c"), "{}", text.out);
    let document: Value =
        serde_json::from_str(&run(&root, &["modules", "plug", "--format", "json"]).out).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["modules"][0]["sources"][0], "plug/a.c");
    assert_eq!(document["modules"][0]["exports"][0]["name"], "Start");
    assert_eq!(document["modules"][0]["exports"][0]["line"], 3);
    assert_eq!(document["modules"][0]["opaque"][0]["line"], 5);
    for line in [
        "plug (a DLL)",
        "    plug/a.c:2:13: DLL entry point DllMain",
        "    plug/a.c:3:28: Start",
        "       1 × Elsewhere",
        "    plug/a.c:5:",
    ] {
        assert!(text.out.contains(line), "{line}: {}", text.out);
    }
    // A folder with the name of a command.
    let json = run(&root, &["./modules", "--format", "json"]);
    let document: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["summary"]["files"], 1);
}

#[test]
fn what_is_read() {
    let root = folder(
        "what_is_read",
        &[
            // Ignore files above the folder that is asked about count within a repository.
            (".git/HEAD", ""),
            ("a.c", UNUSED),
            (".hidden/b.c", UNUSED),
            // What lies above a repository is not asked.
            (".git/HEAD", ""),
            (".gitignore", "/out\n*.gen.c\n"),
            ("out/c.c", UNUSED),
            ("sub/d.gen.c", UNUSED),
            ("sub/e.cpp", UNUSED),
            ("sub/f.txt", UNUSED),
            ("third_party/g.c", UNUSED),
        ],
    );
    let run = |arguments: &[&str]| {
        let arguments = [&["--format", "concise"], arguments].concat();
        places(&run(&root, &arguments))
    };
    assert_eq!(run(&[]), ["a.c:1:25", "sub/e.cpp:1:25"]);
    assert_eq!(
        run(&["--no-ignore"]),
        [
            "a.c:1:25",
            "out/c.c:1:25",
            "sub/d.gen.c:1:25",
            "sub/e.cpp:1:25"
        ]
    );
    assert_eq!(run(&["sub", "./sub/", "sub/../sub"]), ["sub/e.cpp:1:25"]);
    let absolute = root.join("sub");
    assert_eq!(run(&[absolute.to_str().unwrap()]), ["sub/e.cpp:1:25"]);
    // What is named is meant.
    assert_eq!(run(&["third_party"]), ["third_party/g.c:1:25"]);
    assert_eq!(run(&["sub/d.gen.c"]), ["sub/d.gen.c:1:25"]);
    assert_eq!(run(&["out/c.c", "a.c"]), ["a.c:1:25", "out/c.c:1:25"]);
}

#[test]
fn the_configuration_is_found_upward_and_obeyed() {
    let root = folder(
        "configuration",
        &[
            (
                "tplint.toml",
                "exclude = [\"/src/gen\"]\nquiet = [\"old\"]\n[rules]\nunused_suppression = \"deny\"\n\
                 [[override]]\npaths = [\"*.h\"]\nrules = { unused_suppression = \"allow\" }\n\
                 [[module]]\nname = \"none\"\npaths = [\"nowhere\"]\n",
            ),
            ("src/a.c", UNUSED),
            ("src/a.h", UNUSED),
            ("src/gen/b.c", UNUSED),
            ("src/old/c.c", UNUSED),
            ("other.toml", ""),
        ],
    );
    let src = root.join("src");
    let found = run(&src, &["--format", "concise"]);
    assert_eq!(found.code, 1);
    assert_eq!(places(&found), ["a.c:1:25"]);
    assert!(
        found
            .err
            .contains("no file matches the paths of [[module]] `none`"),
        "{}",
        found.err
    );
    // The other configuration excludes nothing and has the default list of quiet folders.
    let other = run(&src, &["--format", "concise", "--config", "../other.toml"]);
    assert_eq!(other.code, 0);
    assert_eq!(
        places(&other),
        ["a.c:1:25", "a.h:1:25", "gen/b.c:1:25", "old/c.c:1:25"]
    );
}

#[test]
fn timings_tell_how_much_was_looked_into() {
    // More than 200 kB of a body that no rule asks for.
    let body = "    x += x * 31 + (x >> 3);\n".repeat(8000);
    let waits = format!(
        "#include <windows.h>\nint sum_of(int x)\n{{\n{body}    return x;\n}}\nBOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *event)\n{{\n    if (reason == DLL_THREAD_DETACH)\n        WaitForSingleObject(event, INFINITE);\n    return TRUE;\n}}\n"
    );
    let root = folder(
        "timings",
        &[
            ("one/CMakeLists.txt", "add_library(one SHARED a.c)\n"),
            ("one/a.c", &waits),
            ("two/CMakeLists.txt", "add_library(two SHARED b.c)\n"),
            ("two/b.c", "int twice(int x) { return 2 * x; }\n"),
        ],
    );
    let timed = run(&root, &["--timings"]);
    assert_eq!(timed.code, 1);
    assert!(timed.err.contains(" s  in all\n"), "{}", timed.err);
    assert!(
        timed.err.ends_with(
            "     0.0 MB parsed, of 0.2 MB in files that were looked into\n       1 of 2 modules looked into\n"
        ),
        "{}",
        timed.err
    );
    // Nothing of it without being asked.
    assert!(!run(&root, &[]).err.contains("looked into"));
}

#[test]
fn output_is_written_whole() {
    let root = folder("output", &[("a.c", UNUSED), ("report.json", "old")]);
    let run = run(&root, &["--format", "json", "--output", "report.json"]);
    assert_eq!((run.code, &*run.out), (0, ""));
    let text = std::fs::read_to_string(root.join("report.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["findings"][0]["path"], "a.c");
    let mut names: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.c", "report.json"], "nothing is left beside it");
}

#[test]
fn colour() {
    let root = folder("colour", &[("a.c", UNUSED)]);
    let is_coloured = |arguments: &[&str]| run(&root, arguments).out.contains('\u{1b}');
    assert!(!is_coloured(&[]), "no terminal, no colour");
    assert!(is_coloured(&["--color", "always"]));
    assert!(!is_coloured(&["--color", "never"]));
    assert!(!is_coloured(&["--color", "always", "--format", "sarif"]));
    let links = |arguments: &[&str]| {
        let arguments = [&["-W", "all"], arguments].concat();
        run(&root, &arguments).out.matches("\u{1b}]8;;").count()
    };
    assert_eq!(links(&[]), 0, "no terminal, no links");
    assert_eq!(links(&["--hyperlinks", "always"]), 2);
    assert_eq!(links(&["--hyperlinks", "never"]), 0);
    assert_eq!(links(&["--hyperlinks", "always", "--format", "json"]), 0);
}

#[test]
fn the_same_bytes_on_any_number_of_threads() {
    let names: Vec<String> = (0..50)
        .map(|number| format!("d{}/f{number}.cpp", number % 7))
        .collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, UNUSED)).collect();
    let root = folder("threads", &files);
    for format in ["text", "concise", "json", "sarif", "github", "gitlab"] {
        let one = run(&root, &["--threads", "1", "--format", format]);
        let four = run(&root, &["--threads", "4", "--format", format]);
        assert_eq!(one.code, 0);
        assert!(one.out.matches("accepts nothing").count() >= 50, "{format}");
        assert!(one.out == four.out, "{format}");
        assert_eq!(one.err, four.err);
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_failure() {
    let names: Vec<String> = (0..500).map(|number| format!("f{number}.cpp")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, UNUSED)).collect();
    let root = folder("pipe", &files);
    let mut child = command(&root, &["--format", "sarif"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = finished(child.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        !run.err.contains("panicked") && !run.err.contains("error"),
        "{}",
        run.err
    );
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_text_and_links() {
    use std::os::unix::ffi::OsStrExt;
    let root = folder("names", &[("a b/é.c", UNUSED), ("real/x.c", UNUSED)]);
    let name = std::ffi::OsStr::from_bytes(b"bad\xFF.c");
    std::fs::write(root.join(name), UNUSED).unwrap();
    std::os::unix::fs::symlink("nowhere.c", root.join("dangling.c")).unwrap();
    std::os::unix::fs::symlink(".", root.join("loop")).unwrap();
    std::os::unix::fs::symlink("real", root.join("link")).unwrap();
    let found = run(&root, &["--format", "concise"]);
    assert_eq!(
        places(&found),
        ["a b/é.c:1:25", "bad\u{FFFD}.c:1:25", "real/x.c:1:25"]
    );
    assert!(
        found
            .err
            .contains("not UTF-8 and is shown as `bad\u{FFFD}.c`"),
        "{}",
        found.err
    );
    let sarif = run(&root, &["--format", "sarif"]).out;
    // Seen from the root of the repository that the test runs in.
    assert!(sarif.contains("a%20b/%C3%A9.c\""), "{sarif}");
    assert_eq!(
        places(&run(&root, &["--format", "concise", "link"])),
        ["link/x.c:1:25"]
    );
}

#[test]
fn files_that_are_no_text() {
    let root = folder("no_text", &[(".git/HEAD", ""), ("ok.c", UNUSED)]);
    std::fs::write(root.join("zeros.c"), b"int a;\0\x01\x02").unwrap();
    std::fs::write(root.join("empty.c"), b"").unwrap();
    // What has the ending of a build file by chance is no matter for a warning.
    std::fs::write(root.join("index.pri"), b"mrm_pri2\0\0\x01\0").unwrap();
    std::fs::write(
        root.join("legacy.c"),
        b"// \x95\xB6 tplint: no\nint a; // tplint: allow(x)\r",
    )
    .unwrap();
    let found = run(&root, &["--format", "concise"]);
    assert_eq!(places(&found), ["legacy.c:2:25", "ok.c:1:25"]);
    assert!(
        found
            .err
            .starts_with("warning: cannot read `zeros.c`: it holds NUL bytes"),
        "{}",
        found.err
    );
    assert!(
        found.err.contains("3 files read, 1 unreadable"),
        "{}",
        found.err
    );
    let named = run(&root, &["zeros.c"]);
    assert_eq!(named.code, 2, "{}", named.err);
}

/// However Windows lets a path be written, it is the same file, and shown as it lies below the working directory.
#[test]
#[cfg(windows)]
fn paths_of_windows() {
    let root = folder(
        "windows_paths",
        &[
            ("tplint.toml", ""),
            ("src/a.c", UNUSED),
            ("src/sub/b.c", UNUSED),
        ],
    );
    let root = std::fs::canonicalize(root).unwrap();
    let literal = root.to_string_lossy().into_owned();
    let plain = literal.strip_prefix(r"\\?\").expect("a drive").to_string();
    assert_eq!(plain.as_bytes()[1], b':');
    let lower = plain[..1].to_lowercase() + &plain[1..];
    for path in [
        r"src\a.c".to_string(),
        "src/a.c".to_string(),
        r".\src\sub\..\a.c".to_string(),
        format!(r"{plain}\src\a.c"),
        format!(r"{lower}\src\a.c"),
        format!(r"{literal}\src\a.c"),
        plain.replace('\\', "/") + "/src/a.c",
    ] {
        let run = run(&root, &["--format", "concise", &path]);
        assert_eq!(places(&run), ["src/a.c:1:25"], "{path}: {}", run.err);
    }
    for path in [r"src\".to_string(), format!(r"{literal}\src"), plain] {
        let run = run(&root, &["--format", "concise", &path]);
        assert_eq!(
            places(&run),
            ["src/a.c:1:25", "src/sub/b.c:1:25"],
            "{path}: {}",
            run.err
        );
    }
}

/// A configuration and sources that were written on Windows: CRLF and byte order marks.
#[test]
fn configurations_and_sources_of_windows() {
    let unused = UNUSED.replace('\n', "\r\n");
    let root = folder(
        "windows_files",
        &[
            (
                "tplint.toml",
                "\u{FEFF}exclude = [\"old/gone\"]\r\n[[override]]\r\npaths = [\"src/sub\"]\r\nrules = { unused_suppression = \"allow\" }\r\n",
            ),
            ("src/a.c", &format!("int y;\r\n{unused}")),
            ("src/sub/b.c", &unused),
            ("old/gone/c.c", &unused),
        ],
    );
    let run = run(&root, &["--format", "concise"]);
    assert_eq!(places(&run), ["src/a.c:2:25"], "{}", run.err);
}
