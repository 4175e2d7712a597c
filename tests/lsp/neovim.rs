//! The server with a real editor: Neovim without a screen.

use crate::session::folder;
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("neovim.lua");

#[test]
fn neovim_shows_and_mends_a_finding() {
    let is_there = Command::new("nvim")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !is_there.is_ok_and(|status| status.success()) {
        // Not through the harness, which hides what tests that pass have printed.
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "not tried with Neovim: nvim is missing");
        return;
    }
    let text = crate::FREES.replace("    Sleep(10);\n", "    Sleep(10); /* \u{1F600} */\n");
    let text = text.replace(
        "    FreeLibrary(g_self);",
        "    /* \u{1F600} */ FreeLibrary(g_self);",
    );
    let root = folder("neovim", &[("a.c", &text), ("script.lua", SCRIPT)]);
    let run = Command::new("nvim")
        .args([
            "--headless",
            "--clean",
            "-i",
            "NONE",
            "-c",
            "luafile script.lua",
        ])
        .current_dir(&root)
        .env("TPLINT", env!("CARGO_BIN_EXE_tplint"))
        .env("HOME", &root)
        .env("XDG_STATE_HOME", &root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&run.stdout).replace('\r', "");
    let expected = "found tplint free_library_then_return 5:15\n\
                    hover page\n\
                    actions 2\n\
                    line     /* \u{1F600} */ FreeLibraryAndExitThread(g_self, 0);\n\
                    again\n";
    let told = String::from_utf8_lossy(&run.stderr);
    assert_eq!(out, expected, "{told}");
    assert!(run.status.success(), "{told}");
}
