//! What shells and `man` get: the completion scripts are read by the shells that there are, bash completes with one, and
//! the manual pages have no mistake that groff or mandoc sees. What is missing on a machine is told in a line.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tplint(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tplint"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = tplint(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// What a program makes of a text on its standard input; none, with a line that says so, where it is missing.
fn fed(program: &str, arguments: &[&str], text: &str) -> Option<Output> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            println!("not tried with {program}: {error}");
            return None;
        }
    };
    let mut input = child.stdin.take().unwrap();
    // Who has seen a mistake reads no further.
    let _ = input.write_all(text.as_bytes());
    drop(input);
    Some(child.wait_with_output().unwrap())
}

fn is_silent(program: &str, arguments: &[&str], text: &str) {
    if let Some(output) = fed(program, arguments, text) {
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(
            output.status.success() && said.is_empty(),
            "{program}: {said}"
        );
    }
}

#[test]
fn every_shell_reads_its_completions() {
    for (shell, program, arguments) in [
        ("bash", "bash", &["-n"][..]),
        ("zsh", "zsh", &["-n"]),
        ("fish", "fish", &["--no-execute"]),
        ("elvish", "elvish", &["-compileonly", "/dev/stdin"]),
    ] {
        let script = printed(&["completions", shell]);
        // Elvish is not told of values.
        let value = if shell == "elvish" {
            "explain"
        } else {
            "wait_in_dll_main"
        };
        for word in ["tplint", value, "hyperlinks", "baseline"] {
            assert!(script.contains(word), "{shell}: {word} is missing");
        }
        is_silent(program, arguments, &script);
    }
    // PowerShell can't be asked on all systems; the script is there.
    assert!(printed(&["completions", "powershell"]).contains("Register-ArgumentCompleter"));
    let wrong = tplint(&["completions", "basch"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("bash"), "{said}");
}

/// bash with the script loaded, asked as the Tab key asks.
#[test]
fn bash_completes_commands_options_and_rules() {
    let script = printed(&["completions", "bash"]);
    for (words, wanted, unwanted) in [
        (&["tplint", "mod"][..], "modules", "explain"),
        (&["tplint", "--stat"], "--statistics", "--fix"),
        (
            &["tplint", "explain", "wait_in_dll"],
            "wait_in_dll_main",
            "all",
        ),
        (&["tplint", "-D", "wa"], "warnings", "unguarded_rearm"),
        (&["tplint", "--allow", "un"], "unguarded_rearm", "warnings"),
        (&["tplint", "--format", "s"], "sarif", "json"),
        (
            &["tplint", "baseline", "write", "-W", "wait_in_own"],
            "wait_in_own_callback",
            "all",
        ),
    ] {
        let last = words.len() - 1;
        let before = words[last - 1];
        let current = words[last];
        let ask = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n_tplint tplint '{current}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            words.join(" ")
        );
        let Some(output) = fed("bash", &["--norc"], &ask) else {
            return;
        };
        let said = String::from_utf8(output.stdout).unwrap();
        let offered: Vec<&str> = said.lines().collect();
        assert!(offered.contains(&wanted), "{words:?}: {offered:?}");
        assert!(!offered.contains(&unwanted), "{words:?}: {offered:?}");
    }
}

#[test]
fn manual_pages_are_whole_and_without_mistakes() {
    let page = printed(&["man"]);
    for part in [
        ".SH NAME",
        ".SH SYNOPSIS",
        ".SH OPTIONS",
        "max\\-warnings",
        "Exit code 0",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    let _ = std::fs::remove_dir_all(&folder);
    assert!(printed(&["man", "--dir", folder.to_str().unwrap()]).is_empty());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let page = std::fs::read_to_string(&path).unwrap();
        is_silent("groff", &["-man", "-ww", "-z", "-Tutf8"], &page);
        is_silent("mandoc", &["-T", "lint", "-W", "error"], &page);
        names.push(path.file_stem().unwrap().to_str().unwrap().to_string());
    }
    names.sort();
    assert_eq!(
        std::fs::read_to_string(folder.join("tplint.1")).unwrap(),
        page
    );
    for wanted in [
        "cargo-tplint",
        "tplint",
        "tplint-baseline-write",
        "tplint-explain",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
    // A folder that cannot be made.
    let file = folder.join("tplint.1");
    let output = tplint(&["man", "--dir", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("error: the manual pages")
    );
}
