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

/// The script is the one that the manifest names, and no other; options of the linker come from it and from Cargo's
/// configuration.
#[test]
fn cargo_build_scripts_and_configuration() {
    let script = "fn main() { println!(\"cargo::rustc-link-arg=/ENTRY:FromScript\"); }";
    let of = |build: &str| {
        let manifest =
            format!("[package]\nname = \"a\"\nbuild = {build}\n[lib]\ncrate-type = [\"cdylib\"]\n");
        let files = [
            ("Cargo.toml", manifest.as_str()),
            (
                ".cargo/config.toml",
                "[build]\nrustflags = [\"-C\", \"link-arg=/ENTRY:FromConfig\"]\n",
            ),
            ("src/lib.rs", ""),
            ("make/gen.rs", script),
            ("native/n.c", ""),
        ];
        let (_, modules) = find_in(&files, &[]);
        (shown(&files), modules[0].entry_names.clone())
    };
    let (modules, entries) = of("\"make/gen.rs\"");
    assert_eq!(
        modules,
        [
            "Dll a: native/n.c src/lib.rs",
            "Exe a build script: make/gen.rs"
        ]
    );
    assert_eq!(entries, ["FromConfig", "FromScript"]);
    let (modules, entries) = of("false");
    assert_eq!(
        modules,
        ["Dll a: src/lib.rs", "Exe (top): make/gen.rs native/n.c"]
    );
    assert_eq!(entries, ["FromConfig"]);
}

#[test]
fn cargo_targets_by_their_places() {
    let found = "[package]\nname = \"a\"\n";
    assert_eq!(
        shown(&[
            ("Cargo.toml", found),
            ("src/main.rs", "fn main() { }"),
            ("src/bin/y/main.rs", "mod part; fn main() { }"),
            ("src/bin/y/part.rs", ""),
            ("src/bin/z.rs", "fn main() { }"),
        ]),
        [
            "Exe a: src/main.rs",
            "Exe y: src/bin/y/main.rs src/bin/y/part.rs",
            "Exe z: src/bin/z.rs",
        ]
    );
    // Without what Cargo finds by itself only what the manifest lists is a target.
    let listed = "[package]\nname = \"a\"\nautobins = false\nautoexamples = false\n\
        [[bin]]\nname = \"tool\"\npath = \"tool/entry.rs\"\n[[bin]]\nname = \"gone\"\npath = \"tool/gone.rs\"\n\
        [[example]]\nname = \"plug\"\ncrate-type = [\"cdylib\"]\n";
    let files = [
        ("Cargo.toml", listed),
        ("src/main.rs", "fn main() { }"),
        ("tool/entry.rs", "fn main() { }"),
        ("examples/plug.rs", ""),
        ("examples/other.rs", "fn main() { }"),
    ];
    assert_eq!(
        shown(&files),
        [
            "Dll plug: examples/plug.rs",
            "Exe tool: tool/entry.rs",
            "Exe examples: examples/other.rs",
            "Exe src: src/main.rs",
        ]
    );
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(
        modules[0].evidence,
        ["example with crate-type = [\"cdylib\"] in Cargo.toml"]
    );
    assert_eq!(modules[1].evidence, ["binary of Cargo.toml"]);
}

#[test]
fn cargo_dependencies_of_a_system() {
    let hook = "[package]\nname = \"hook\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
        [target.'cfg(windows)'.dependencies]\nwin = { path = \"../win\" }\n";
    assert_eq!(
        shown(&[
            ("hook/Cargo.toml", hook),
            ("hook/src/lib.rs", ""),
            ("win/Cargo.toml", "[package]\nname = \"win\"\n"),
            ("win/src/lib.rs", ""),
        ]),
        ["Dll hook: hook/src/lib.rs win/src/lib.rs"]
    );
}

/// What `include!` brings in, and a module that a macro declares; what is not there is passed over.
#[test]
fn cargo_files_that_no_mod_leads_to() {
    let hook = "[package]\nname = \"hook\"\n[lib]\ncrate-type = [\"cdylib\"]\n[[bin]]\nname = \"tool\"\npath = \"tool/tool.rs\"\n";
    assert_eq!(
        shown(&[
            ("Cargo.toml", hook),
            (
                "src/lib.rs",
                "wrap! { declare hidden } #[path = \"gone.rs\"] mod gone;"
            ),
            ("src/hidden.rs", ""),
            ("other/hidden.rs", ""),
            (
                "tool/tool.rs",
                "include!(\"parts/one.rs\"); include!(\"gone.rs\"); fn main() { }"
            ),
            ("tool/parts/one.rs", "mod two;"),
            ("tool/parts/two.rs", ""),
        ]),
        [
            "Dll hook: src/hidden.rs src/lib.rs",
            "Exe tool: tool/parts/one.rs tool/parts/two.rs tool/tool.rs",
            "Unknown (top): other/hidden.rs",
        ]
    );
}
