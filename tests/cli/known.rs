//! Old code bases: the baseline, and findings since a revision.

use super::{UNUSED, folder, places, run};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONCISE: [&str; 2] = ["--format", "concise"];

/// A wait under the loader lock in `Stop`, which DllMain calls if it is told to.
const STOP: &str = "#include <windows.h>\nHANDLE g_thread;\nvoid Stop() { WaitForSingleObject(g_thread, INFINITE); }\n";
const CALLS: &str = "#include <windows.h>\nvoid Stop();\nBOOL WINAPI DllMain(HINSTANCE h, DWORD reason, LPVOID r) \
    {\n  if (reason == DLL_PROCESS_DETACH) { Stop(); }\n  return TRUE;\n}\n";
const CALLS_NOT: &str = "#include <windows.h>\nvoid Stop();\nBOOL WINAPI DllMain(HINSTANCE h, DWORD reason, LPVOID r) \
    {\n  return TRUE;\n}\n";

fn entries(root: &Path) -> Vec<(String, u64)> {
    let text = fs::read_to_string(root.join("tplint-baseline.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let entries = document["findings"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let path = entry["path"].as_str().unwrap().to_string();
            (path, entry["count"].as_u64().unwrap())
        })
        .collect()
}

fn entry(path: &str, count: u64) -> (String, u64) {
    (path.to_string(), count)
}

#[test]
fn a_baseline_hides_what_it_accepts_and_tells_what_is_stale() {
    let root = folder(
        "baseline",
        &[
            ("tplint.toml", "[rules]\nunused_suppression = \"deny\"\n"),
            ("src/a.c", UNUSED),
            ("src/b.c", UNUSED),
            ("other/c.c", UNUSED),
        ],
    );
    assert_eq!(run(&root, &[]).code, 1);
    let written = run(&root, &["baseline", "write"]);
    assert_eq!(written.code, 0);
    assert!(
        written
            .err
            .ends_with("tplint-baseline.json: 3 findings accepted, 0 before\n"),
        "{}",
        written.err
    );
    assert_eq!(
        entries(&root),
        [
            entry("other/c.c", 1),
            entry("src/a.c", 1),
            entry("src/b.c", 1)
        ]
    );
    let quiet = run(&root, &CONCISE);
    assert_eq!((quiet.code, &*quiet.out), (0, ""));
    assert!(
        quiet.err.contains("3 accepted by the baseline"),
        "{}",
        quiet.err
    );
    assert_eq!(quiet.err.lines().count(), 1, "{}", quiet.err);
    assert_eq!(run(&root, &["--no-baseline"]).code, 1);

    // From another folder, and for one file: the same baseline, and no word about what was not asked.
    let src = root.join("src");
    for arguments in [&[][..], &["../src"], &["a.c"]] {
        let run = run(&src, arguments);
        assert_eq!(run.code, 0, "{arguments:?} {}", run.out);
        assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    }

    // Lines move: known. One more of the kind: told, and the other is named.
    fs::write(src.join("a.c"), format!("int y;\n\n{UNUSED}")).unwrap();
    assert_eq!(run(&root, &[]).code, 0);
    fs::write(src.join("a.c"), format!("{UNUSED}int y;\n{UNUSED}")).unwrap();
    let more = run(&root, &[]);
    assert_eq!(more.code, 1);
    assert!(more.out.contains("src/a.c:3:"), "{}", more.out);
    assert!(
        more.out
            .contains("1 finding with this text in this function is accepted by the baseline"),
        "{}",
        more.out
    );

    // Mended: stale, told where it was asked about, and pruned.
    fs::write(src.join("a.c"), "int x;\n").unwrap();
    let stale = run(&root, &CONCISE);
    assert_eq!(stale.code, 0);
    assert!(
        stale.err.contains("1 entry accepts more than there is"),
        "{}",
        stale.err
    );
    assert!(
        stale.err.contains("  src/a.c: unused_suppression"),
        "{}",
        stale.err
    );
    let json = run(&root, &["--format", "json"]);
    let document: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(document["summary"]["accepted"], 2);
    assert_eq!(document["summary"]["stale"], 1);
    assert!(!run(&root, &["other"]).err.contains("accepts more"));
    assert!(!run(&root, &["-A", "all"]).err.contains("accepts more"));
    assert_eq!(run(&root, &["baseline", "prune", "--check"]).code, 1);
    assert_eq!(entries(&root).len(), 3, "a check changes nothing");
    let pruned = run(&root, &["baseline", "prune"]);
    assert_eq!(pruned.code, 0, "{}", pruned.err);
    assert_eq!(entries(&root), [entry("other/c.c", 1), entry("src/b.c", 1)]);
    assert_eq!(run(&root, &["baseline", "prune", "--check"]).code, 0);

    // A part is written anew, the rest stays.
    fs::write(src.join("b.c"), format!("{UNUSED}{UNUSED}")).unwrap();
    fs::write(root.join("other/c.c"), "int x;\n").unwrap();
    assert_eq!(run(&root, &["baseline", "write", "src"]).code, 0);
    assert_eq!(entries(&root), [entry("other/c.c", 1), entry("src/b.c", 2)]);
}

#[test]
fn a_baseline_follows_files_that_have_moved() {
    let root = folder("moved", &[("a.c", UNUSED), ("b.c", "int x;")]);
    assert_eq!(run(&root, &["baseline", "write"]).code, 0);
    fs::create_dir(root.join("sub")).unwrap();
    fs::rename(root.join("a.c"), root.join("sub/a2.c")).unwrap();
    let found = run(&root, &CONCISE);
    assert_eq!(found.out, "");
    assert!(!found.err.contains("accepts more"), "{}", found.err);
    assert_eq!(run(&root, &["baseline", "prune"]).code, 0);
    assert_eq!(entries(&root), [entry("sub/a2.c", 1)]);
    // Copied: the old one is still there, so the copy is new.
    fs::write(root.join("b.c"), UNUSED).unwrap();
    assert_eq!(places(&run(&root, &CONCISE)), ["b.c:1:25"]);
}

#[test]
fn which_baseline_is_used() {
    let root = folder(
        "which_baseline",
        &[
            ("tplint.toml", "baseline = \"ci/known.json\"\n"),
            ("ci/x.txt", ""),
            ("a.c", UNUSED),
        ],
    );
    let missing = run(&root, &[]);
    assert_eq!(missing.code, 2);
    assert!(
        missing
            .err
            .contains("`ci/known.json`: there is none; `tplint baseline write` makes it"),
        "{}",
        missing.err
    );
    assert_eq!(run(&root, &["baseline", "write"]).code, 0);
    assert_eq!(run(&root, &CONCISE).out, "");
    let text = fs::read_to_string(root.join("ci/known.json")).unwrap();
    assert!(text.contains("\"path\":\"../a.c\""), "{text}");
    assert_eq!(run(&root, &["--baseline", "none.json"]).code, 2);
    fs::write(
        root.join("empty.json"),
        "{\"version\": 1, \"findings\": []}",
    )
    .unwrap();
    let named = run(
        &root,
        &[&CONCISE[..], &["--baseline", "empty.json"]].concat(),
    );
    assert_eq!(places(&named), ["a.c:1:25"]);
    fs::write(
        root.join("ci/known.json"),
        "{\n  \"version\": 1,\n  \"findings\": 3\n}",
    )
    .unwrap();
    let broken = run(&root, &[]);
    assert_eq!(broken.code, 2);
    assert!(
        broken.err.starts_with("error: ci/known.json:3:"),
        "{}",
        broken.err
    );
}

#[test]
fn suppressions_can_be_made_to_give_a_reason() {
    let root = folder(
        "reasons",
        &[
            (
                "strict/tplint.toml",
                "[rules]\nsuppression_without_reason = \"deny\"\n",
            ),
            (
                "strict/a.c",
                "int x; // tplint: allow(unused_suppression)\n",
            ),
            (
                "strict/b.c",
                "int x; // tplint: allow(unused_suppression) the host says so\n",
            ),
            ("plain/a.c", "int x; // tplint: allow(unused_suppression)\n"),
        ],
    );
    let strict = run(&root, &[&CONCISE[..], &["strict"]].concat());
    assert_eq!(strict.code, 1);
    assert_eq!(
        strict.out,
        "strict/a.c:1:11: error[suppression_without_reason]: a suppression comment gives no reason\n"
    );
    assert_eq!(run(&root, &["plain"]).code, 0);
}

/// A repository with these trees as commits, the last one checked out; none where git is missing, which is told.
fn repository(test: &str, trees: &[&[(&str, &str)]]) -> Option<PathBuf> {
    let root = folder(test, &[]);
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(&root)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .output();
        output.is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        // Not by a macro, whose text would be kept from whoever looks at a test that passes.
        let mut out = std::io::stderr().lock();
        let _ = writeln!(out, "git is missing: --since is not tested ({test})");
        return None;
    }
    for tree in trees {
        assert!(git(&["rm", "-rqf", "--ignore-unmatch", "."]));
        for (path, text) in *tree {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert!(git(&["add", "-A"]));
        assert!(git(&["commit", "-q", "--allow-empty", "-m", "x"]));
    }
    Some(root)
}

#[test]
fn since_reports_what_is_new_wherever_the_cause_was_edited() {
    let old = [
        ("dll/stop.cpp", STOP),
        ("dll/main.cpp", CALLS_NOT),
        ("x.c", UNUSED),
    ];
    let moved = format!("\n\n{UNUSED}");
    let new = [
        ("dll/stop.cpp", STOP),
        ("dll/main.cpp", CALLS),
        ("y.c", &*moved),
    ];
    let Some(root) = repository("since", &[&old, &new]) else {
        return;
    };
    let all = run(&root, &CONCISE);
    assert_eq!(places(&all), ["dll/stop.cpp:3:15", "y.c:3:25"]);
    // The wait stands in a file that nobody has touched; the file that has moved is no news.
    let since = run(&root, &[&CONCISE[..], &["--since", "HEAD~1"]].concat());
    assert_eq!(places(&since), ["dll/stop.cpp:3:15"], "{}", since.err);
    assert_eq!(since.code, 1);
    assert!(since.err.contains("1 not new"), "{}", since.err);
    let since = run(
        &root.join("dll"),
        &[&CONCISE[..], &["--since", "HEAD~1", ".."]].concat(),
    );
    assert_eq!(places(&since), ["../dll/stop.cpp:3:15"], "{}", since.err);
    let same = run(&root, &["--since", "HEAD"]);
    assert_eq!((same.code, &*same.out), (0, ""));
    let left = run(&root, &[&CONCISE[..], &["--since", "HEAD~1..."]].concat());
    assert_eq!(places(&left), ["dll/stop.cpp:3:15"], "{}", left.err);
    // From outside of the repository.
    let outside = [root.to_str().unwrap(), "--since", "HEAD~1"];
    let since = run(root.parent().unwrap(), &[&CONCISE[..], &outside].concat());
    assert_eq!(places(&since), ["since/dll/stop.cpp:3:15"], "{}", since.err);
    // What is not committed counts, and what git ignores does not.
    fs::write(root.join("z.c"), UNUSED).unwrap();
    fs::write(root.join("ignored.c"), UNUSED).unwrap();
    fs::write(root.join(".gitignore"), "/ignored.c\n").unwrap();
    let working = run(&root, &[&CONCISE[..], &["--since", "HEAD"]].concat());
    assert_eq!(places(&working), ["z.c:1:25"]);
    // The work tree is as it was.
    assert!(root.join("y.c").exists() && !root.join("x.c").exists());

    let none = folder("since_nothing", &[(".git", "nothing\n"), ("a.c", UNUSED)]);
    let none = run(&none, &["--since", "HEAD"]);
    assert_eq!(none.code, 2);
    assert!(
        none.err.starts_with("error: --since HEAD: "),
        "{}",
        none.err
    );
    let unknown = run(&root, &["--since", "nowhere"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.starts_with("error: --since nowhere: "),
        "{}",
        unknown.err
    );
    let option = run(&root, &["--since", "--output=x"]);
    assert_eq!(option.code, 2);
    assert!(!root.join("x").exists());
}

/// A build knows the sources of today; the old tree is told from them by their paths.
/// What a build machine gives where the variable of the revision is not set.
#[test]
fn a_revision_that_is_empty_is_an_error() {
    let root = folder("since_nothing", &[("a.c", UNUSED)]);
    for revision in ["", "...", " "] {
        let run = run(&root, &["--since", revision]);
        assert_eq!((run.code, &*run.out), (2, ""), "{revision}: {}", run.err);
        assert!(run.err.contains("names no revision"), "{}", run.err);
    }
}

#[test]
fn since_knows_the_modules_of_a_build() {
    let old = [
        ("src/stop.cpp", STOP),
        ("src/main.cpp", CALLS_NOT),
        ("src/more.cpp", "int x;\n"),
    ];
    let new = [("src/stop.cpp", STOP), ("src/main.cpp", CALLS)];
    let Some(root) = repository("since_build", &[&old, &new]) else {
        return;
    };
    let command = |file: &str| {
        serde_json::json!({
            "directory": root.join("build"),
            "file": root.join("src").join(file),
            "command": format!("cl /c ../src/{file}"),
            "output": format!("CMakeFiles/plug.dir/src/{file}.obj"),
        })
    };
    let database = serde_json::json!([command("stop.cpp"), command("main.cpp")]);
    fs::create_dir(root.join("build")).unwrap();
    fs::write(
        root.join("build/compile_commands.json"),
        database.to_string(),
    )
    .unwrap();
    let arguments = ["--since", "HEAD~1", "--build", "build"];
    let found = run(&root, &[&CONCISE[..], &arguments].concat());
    assert_eq!(places(&found), ["src/stop.cpp:3:15"], "{}", found.err);
    let same = run(&root, &["--since", "HEAD", "--build", "build"]);
    assert_eq!((same.code, &*same.out), (0, ""), "{}", same.err);
}

#[test]
fn since_and_the_baseline_go_together() {
    let old = [("a.c", UNUSED), ("b.c", "int x;\n")];
    let Some(root) = repository("since_baseline", &[&old]) else {
        return;
    };
    assert_eq!(run(&root, &["baseline", "write"]).code, 0);
    fs::write(root.join("b.c"), UNUSED).unwrap();
    let found = run(&root, &[&CONCISE[..], &["--since", "HEAD"]].concat());
    assert_eq!(places(&found), ["b.c:1:25"]);
    assert!(!found.err.contains("accepts more"), "{}", found.err);
    assert!(
        found.err.contains("1 accepted by the baseline"),
        "{}",
        found.err
    );
}
