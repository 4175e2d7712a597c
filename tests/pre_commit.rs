//! The hooks, tried with the real pre-commit: a commit of a DLL with a hazard is refused, and one without passes.
//!
//! Where pre-commit or git is missing the tests are counted as ignored and a line says so, which is why this target has a
//! `main` of its own. `pip install pre-commit` in a virtual environment on PATH is all that is needed.

use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const BAD: &str = r#"#include <windows.h>
static HMODULE g_self;
static DWORD WINAPI Work(LPVOID context)
{
    FreeLibrary(g_self);
    return 0;
}
__declspec(dllexport) void Start(void)
{
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, (LPCWSTR)Work, &g_self);
    CloseHandle(CreateThread(NULL, 0, Work, NULL, 0, NULL));
}
"#;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing: Vec<&str> = ["git", "pre-commit"]
        .into_iter()
        .filter(|name| !runs(name))
        .collect();
    if !missing.is_empty() && !arguments.list {
        println!(
            "pre-commit: the hooks were not tried, because these are missing: {}; `pip install pre-commit` in a virtual environment on PATH, then `cargo test --test pre_commit`",
            missing.join(", ")
        );
    }
    let is_runnable = missing.is_empty();
    let trials = [
        (
            "the manifest is valid",
            manifest as fn() -> Result<(), Failed>,
        ),
        ("tplint-system", || hook("tplint-system")),
        ("tplint, built from source", || hook("tplint")),
    ]
    .map(|(name, test)| Trial::test(name, test).with_ignored_flag(!is_runnable));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn runs(name: &str) -> bool {
    let mut command = Command::new(name);
    command.arg("--version").stdin(Stdio::null());
    command.output().is_ok_and(|output| output.status.success())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn manifest() -> Result<(), Failed> {
    let hooks = root().join(".pre-commit-hooks.yaml");
    let (passes, text) = run(
        &root(),
        "pre-commit",
        &["validate-manifest", &hooks.to_string_lossy()],
    )?;
    if passes { Ok(()) } else { Err(text.into()) }
}

/// Uses a hook in a new repository.
fn hook(id: &str) -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("pre-commit")
        .join(id);
    let _ = fs::remove_dir_all(&folder);
    let (hooks, project) = (folder.join("hooks"), folder.join("project"));
    let revision = hooks_repository(&hooks)?;
    fs::create_dir_all(&project)?;
    git(&project, &["init", "-q"])?;
    fs::write(
        project.join(".pre-commit-config.yaml"),
        format!(
            "repos:\n  - repo: {}\n    rev: {revision}\n    hooks:\n      - id: {id}\n",
            hooks.display()
        ),
    )?;
    let check = |expected_pass: bool, expected: &str| -> Result<(), Failed> {
        git(&project, &["add", "."])?;
        let (passes, text) = run(&project, "pre-commit", &["run", "--verbose"])?;
        if passes != expected_pass || !text.contains(expected) {
            return Err(
                format!("expected {expected:?} and passing {expected_pass}:\n{text}").into(),
            );
        }
        Ok(())
    };
    fs::write(project.join("notes.txt"), "no source\n")?;
    check(true, "Skipped")?;
    fs::write(project.join("work.c"), BAD)?;
    check(false, "error[free_library_then_return]")?;
    let fixed = BAD.replace(
        "    FreeLibrary(g_self);\n    return 0;\n",
        "    FreeLibraryAndExitThread(g_self, 0);\n",
    );
    fs::write(project.join("work.c"), fixed)?;
    check(true, "Passed")
}

/// A repository of the hooks with what is needed to build them, as somebody would clone it; gives its commit.
fn hooks_repository(folder: &Path) -> Result<String, Failed> {
    fs::create_dir_all(folder)?;
    for name in [
        ".pre-commit-hooks.yaml",
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "src",
        "rules",
        "tests",
    ] {
        copy(&root().join(name), &folder.join(name))?;
    }
    git(folder, &["init", "-q"])?;
    git(folder, &["add", "."])?;
    git(folder, &["commit", "-q", "-m", "hooks"])?;
    Ok(git(folder, &["rev-parse", "HEAD"])?.trim().to_string())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let (passes, text) = run(folder, "git", &[&identity, arguments].concat())?;
    if passes { Ok(text) } else { Err(text.into()) }
}

/// Runs a program with the built tplint first on PATH; whether it succeeded, and what it printed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<(bool, String), Failed> {
    let built = Path::new(env!("CARGO_BIN_EXE_tplint"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = built
        .parent()
        .map(Path::to_path_buf)
        .into_iter()
        .chain(std::env::split_paths(&path));
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pre-commit");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders)?)
        .env("PRE_COMMIT_HOME", cache.join("home"))
        // What has been built once is built again in seconds, and need not be fast.
        .env("CARGO_TARGET_DIR", cache.join("target"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        // A hook of the repository around this one must not be meant.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(Stdio::null())
        .output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}
