//! Cargo.

use super::*;

#[test]
fn cargo_targets_follow_their_module_trees() {
    let workspace = "[workspace]\nmembers = [\"dll\", \"util\"]\n[workspace.dependencies]\nutil = { path = \"util\" }\n";
    let dll = "[package]\nname = \"hook\"\n[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nutil.workspace = true\nserde = \"1\"\n";
    let util = "[package]\nname = \"util\"\n";
    let dll_main = "mod worker; #[cfg(windows)] #[path = \"win/sys.rs\"] mod sys; mod a { mod b; }\n\
        #[unsafe(no_mangle)] extern \"system\" fn DllMain() { }";
    assert_eq!(
        shown(&[
            ("Cargo.toml", workspace),
            ("dll/Cargo.toml", dll),
            ("dll/src/lib.rs", dll_main),
            ("dll/src/worker.rs", "mod inner;"),
            ("dll/src/worker/inner.rs", ""),
            ("dll/src/win/sys.rs", ""),
            ("dll/src/a/b.rs", ""),
            (
                "dll/build.rs",
                "fn main() { println!(\"cargo:rustc-cdylib-link-arg=/ENTRY:Start\"); }"
            ),
            ("dll/native/n.c", "void n() {}"),
            ("dll/tests/t.rs", "#[test] fn t() {}"),
            ("util/Cargo.toml", util),
            ("util/src/lib.rs", "pub fn f() { }"),
            ("util/src/main.rs", "fn main() { }"),
        ]),
        [
            "Dll hook: dll/native/n.c dll/src/a/b.rs dll/src/lib.rs dll/src/win/sys.rs dll/src/worker.rs \
             dll/src/worker/inner.rs util/src/lib.rs",
            "Exe hook build script: dll/build.rs",
            "Exe t: dll/tests/t.rs ~ util/src/lib.rs",
            "Exe util: util/src/lib.rs util/src/main.rs",
        ]
    );
}

/// C gets into a crate by a build script only: seeds of a fuzzer or fixtures are no part of it.
#[test]
fn c_without_a_build_script_is_no_part_of_a_crate() {
    let plain = "[package]\nname = \"a\"\n";
    let files = |script| {
        [
            ("Cargo.toml", plain),
            ("src/lib.rs", ""),
            ("seeds/s.c", "void s() {}"),
            (script, "fn main() { }"),
        ]
    };
    assert_eq!(
        shown(&files("build.rs")),
        [
            "Unknown a: seeds/s.c src/lib.rs",
            "Exe a build script: build.rs"
        ]
    );
    assert_eq!(
        shown(&files("other.rs")),
        ["Unknown a: src/lib.rs", "Exe (top): other.rs seeds/s.c"]
    );
}

#[test]
fn cargo_kinds() {
    let rlib = "[package]\nname = \"a\"\n";
    assert_eq!(
        shown(&[("Cargo.toml", rlib), ("src/lib.rs", "")]),
        ["Unknown a: src/lib.rs"]
    );
    for other in ["rlib", "lib", "staticlib"] {
        let both =
            format!("[package]\nname = \"a\"\n[lib]\ncrate-type = [\"cdylib\", \"{other}\"]\n");
        assert_eq!(
            shown(&[
                ("Cargo.toml", &both),
                ("src/lib.rs", ""),
                ("src/bin/b.rs", "fn main() {}")
            ]),
            ["Dll a: src/lib.rs", "Exe b: src/bin/b.rs ~ src/lib.rs"]
        );
    }
    let derive = "[package]\nname = \"a\"\n[lib]\nproc-macro = true\n";
    assert_eq!(
        shown(&[("Cargo.toml", derive), ("src/lib.rs", "")]),
        ["Exe a: src/lib.rs"]
    );
}
