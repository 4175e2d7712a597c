//! `cargo tplint` on a workspace, called by cargo itself: which packages count, and that it finds there what tplint finds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const DLL: &str = "[lib]\ncrate-type = [\"cdylib\"]\n";

/// A DllMain that waits for a thread by a function of another crate.
fn dll(helper: &str) -> String {
    format!(
        "use std::ffi::c_void;\n\
         #[no_mangle]\n\
         pub extern \"system\" fn DllMain(_: *mut c_void, reason: u32, _: *mut c_void) -> i32 {{\n    \
             if reason == 0 {{\n        {helper}::worker::stop();\n    }}\n    1\n}}\n\
         #[no_mangle]\n\
         pub extern \"C\" fn start() {{\n    {helper}::worker::start();\n}}\n"
    )
}

/// What joins a thread that a static holds.
const HELPER: &str = "\
use std::thread::JoinHandle;
static mut WORKER: Option<JoinHandle<()>> = None;
pub fn start() {
    unsafe { WORKER = Some(std::thread::spawn(|| {})) };
}
pub fn stop() {
    if let Some(worker) = unsafe { WORKER.take() } {
        let _ = worker.join();
    }
}
";

/// An EXE with a hazard of its own: the destructor of a thread_local joins a thread.
const TOOL: &str = "\
use std::cell::RefCell;
use std::thread::JoinHandle;
struct Worker(Option<JoinHandle<()>>);
impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(worker) = self.0.take() {
            let _ = worker.join();
        }
    }
}
thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker(None));
}
fn main() {
    WORKER.with(|worker| worker.borrow_mut().0 = Some(std::thread::spawn(|| {})));
}
";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn package(root: &Path, folder: &str, name: &str, rest: &str) {
    let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    write(
        root,
        &format!("{folder}/Cargo.toml"),
        &format!("{head}{rest}"),
    );
}

/// A folder of its own for a test, with a workspace `suite` of two DLLs, what they link, and an EXE; one of what they
/// link lies outside of the workspace, and one is named by the workspace.
fn workspace(test: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("cargo")
        .join(test);
    let _ = fs::remove_dir_all(&root);
    write(
        &root,
        "suite/Cargo.toml",
        "[workspace]\nmembers = [\"plugin\", \"viewer\", \"common\", \"tool\"]\nresolver = \"2\"\n\
         [workspace.dependencies]\nsuite-common = { path = \"common\" }\n",
    );
    let links = "[dependencies]\nsuite-common.workspace = true\n";
    package(&root, "suite/plugin", "plugin", &format!("{DLL}{links}"));
    write(&root, "suite/plugin/src/lib.rs", &dll("suite_common"));
    let links = "[dependencies]\nshared = { path = \"../../shared\" }\n";
    package(&root, "suite/viewer", "viewer", &format!("{DLL}{links}"));
    write(&root, "suite/viewer/src/lib.rs", &dll("shared"));
    package(&root, "suite/common", "suite-common", "");
    write(&root, "suite/common/src/lib.rs", "pub mod worker;\n");
    write(&root, "suite/common/src/worker.rs", HELPER);
    package(&root, "suite/tool", "tool", "");
    write(&root, "suite/tool/src/main.rs", TOOL);
    package(&root, "shared", "shared", "");
    write(&root, "shared/src/lib.rs", "pub mod worker;\n");
    write(&root, "shared/src/worker.rs", HELPER);
    root
}

fn run(mut command: Command, folder: &Path) -> Output {
    let bin = Path::new(env!("CARGO_BIN_EXE_cargo-tplint"))
        .parent()
        .unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&path));
    command
        .env_remove("CARGO_TARGET_DIR")
        .env("PATH", std::env::join_paths(paths).unwrap())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// `cargo tplint` as a user calls it: by cargo, which finds it on PATH.
fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.arg("tplint").args(arguments);
    run(command, folder)
}

fn tplint(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tplint"));
    command.args(arguments);
    run(command, folder)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\r', "")
}

/// The path and the rule of each finding.
fn found(output: &Output) -> Vec<(String, String)> {
    let report = text(&output.stdout);
    let finding = |line: &str| {
        let (path, rest) = line.split_once(':').unwrap();
        let rule = rest.split_once('[').unwrap().1.split_once(']').unwrap().0;
        (path.to_string(), rule.to_string())
    };
    report.lines().map(finding).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(path, rule): &(&str, &str)| (path.to_string(), rule.to_string());
    pairs.iter().map(own).collect()
}

#[test]
fn the_dlls_of_a_workspace_have_the_findings_that_tplint_has() {
    let suite = workspace("whole").join("suite");
    let arguments = ["--", "-W", "all", "--format", "concise"];
    let output = cargo(&suite, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let wait = "wait_in_dll_main";
    let shown: Vec<_> = found(&output)
        .into_iter()
        .filter(|(_, rule)| rule == wait)
        .collect();
    let wanted = [
        ("../shared/src/worker.rs", wait),
        ("common/src/worker.rs", wait),
    ];
    assert_eq!(shown, pairs(&wanted), "{}", text(&output.stdout));
    // tplint itself, which has to be told of the crate outside, and which reads the EXE, too.
    let whole = tplint(
        &suite,
        &[".", "../shared", "-W", "all", "--format", "concise"],
    );
    let lines = |output: &Output| -> Vec<String> {
        let report = text(&output.stdout);
        report.lines().map(String::from).collect()
    };
    let (of_tool, others): (Vec<String>, Vec<String>) = lines(&whole)
        .into_iter()
        .partition(|line| line.starts_with("tool/"));
    assert!(
        !of_tool.is_empty(),
        "the EXE has a finding that is left out"
    );
    assert_eq!(lines(&output), others);
}

#[test]
fn packages_are_chosen_as_cargo_chooses_them() {
    let root = workspace("chosen");
    let suite = root.join("suite");
    let wait = "wait_in_dll_main";
    let common = ("common/src/worker.rs", wait);
    let concise = |folder: &Path, arguments: &[&str]| {
        found(&cargo(
            folder,
            &[arguments, &["--", "--format", "concise"]].concat(),
        ))
    };
    assert_eq!(concise(&suite, &["-p", "plugin"]), pairs(&[common]));
    assert_eq!(
        concise(&suite, &["--workspace", "--exclude", "viewer"]),
        pairs(&[common])
    );
    assert_eq!(concise(&suite, &["--workspace"]).len(), 2);
    assert_eq!(concise(&suite, &["--all"]).len(), 2);
    // In a member's folder the member, and its paths are seen from there.
    assert_eq!(
        concise(&suite.join("plugin"), &[]),
        pairs(&[("../common/src/worker.rs", wait)])
    );
    assert_eq!(
        concise(&root, &["--manifest-path", "suite/viewer/Cargo.toml"]),
        pairs(&[("shared/src/worker.rs", wait)])
    );
    // Of the others nothing is read: a DLL, the EXE, what is built.
    write(&suite, "target/debug/build/x/out/a.rs", "fn a() {}");
    let output = cargo(&suite, &["-p", "plugin", "--", "--show-files"]);
    let files = text(&output.stdout);
    assert!(files.contains("common/src/worker.rs"), "{files}");
    for other in ["viewer", "tool", "target"] {
        assert!(!files.contains(other), "{files}");
    }
}

#[test]
fn a_package_at_the_root_is_shown_without_its_members() {
    let root = workspace("root");
    let suite = root.join("suite");
    let manifest = fs::read_to_string(suite.join("Cargo.toml")).unwrap();
    let links = "[dependencies]\nsuite-common.workspace = true\n";
    package(&suite, ".", "suite", &format!("{DLL}{links}{manifest}"));
    write(&suite, "src/lib.rs", &dll("suite_common"));
    let output = cargo(&suite, &["--", "--format", "concise"]);
    let wanted = [("common/src/worker.rs", "wait_in_dll_main")];
    assert_eq!(found(&output), pairs(&wanted), "{}", text(&output.stderr));
}

#[test]
fn an_example_that_is_a_dll_counts() {
    let root = workspace("example");
    let example = "[[example]]\nname = \"hook\"\ncrate-type = [\"cdylib\"]\n";
    package(&root, "samples", "samples", example);
    write(&root, "samples/src/lib.rs", "");
    let hook = format!("mod worker {{\n{HELPER}}}\n{}", dll("crate"));
    write(&root, "samples/examples/hook.rs", &hook);
    let output = cargo(&root.join("samples"), &["--", "--format", "concise"]);
    let wanted = [("examples/hook.rs", "wait_in_dll_main")];
    assert_eq!(found(&output), pairs(&wanted), "{}", text(&output.stderr));
}

#[test]
fn arguments_behind_the_dashes_are_those_of_tplint() {
    let suite = workspace("arguments").join("suite");
    let code = |arguments: &[&str]| cargo(&suite, arguments).status.code();
    assert_eq!(code(&[]), Some(1));
    assert_eq!(code(&["--", "-A", "all"]), Some(0));
    assert_eq!(code(&["--", "-W", "wait_in_dll_main"]), Some(0));
    assert_eq!(code(&["--", "--exit-zero"]), Some(0));
    // The workspace's configuration counts, wherever one stands in it.
    write(
        &suite,
        "tplint.toml",
        "[rules]\nwait_in_dll_main = \"warn\"\n",
    );
    assert_eq!(code(&[]), Some(0));
    assert_eq!(code(&["--", "-D", "warnings"]), Some(1));
    // That of a member does not stand for the others.
    write(
        &suite,
        "plugin/tplint.toml",
        "[rules]\nwait_in_dll_main = \"deny\"\n",
    );
    assert_eq!(code(&[]), Some(0));
    assert_eq!(cargo(&suite.join("plugin"), &[]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_done_is_told() {
    let suite = workspace("told").join("suite");
    for (arguments, code, message) in [
        (&["-p", "plugim"][..], 2, "the nearest is `plugin`"),
        (&["--workspace", "--exclude", "none-such"], 2, "`none-such`"),
        (&["-p", "tool"], 0, "warning: no chosen package makes a DLL"),
        (&["--manifest-path", "none/Cargo.toml"], 2, "error: "),
        (&["--", "src"], 2, "-p NAME"),
        (&["--", "rules"], 2, "without cargo"),
        (&["--", "--no-such"], 2, "--no-such"),
        (&["--no-such"], 2, "--no-such"),
        (&["-p", "tool", "--workspace"], 2, "--workspace"),
    ] {
        let output = cargo(&suite, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{said}");
        assert!(said.contains(message), "{arguments:?}\n{said}");
        assert!(!said.contains("error: error:"), "{said}");
        assert!(output.stdout.is_empty());
    }
    // Without a workspace, cargo says it.
    let outside = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .ancestors()
        .last()
        .unwrap();
    let output = cargo(outside, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("Cargo.toml"));
    // Called by its own name it is the same.
    let command = Command::new(env!("CARGO_BIN_EXE_cargo-tplint"));
    assert_eq!(run(command, &suite).status.code(), Some(1));
}
