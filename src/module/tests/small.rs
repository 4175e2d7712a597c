//! Makefiles, Meson and qmake.

use super::*;

#[test]
fn makefiles_are_borders() {
    let dll = "MODULE    = foo.dll\nIMPORTLIB = foo\nC_SRCS = \\\n\tmain.c\n";
    assert_eq!(
        shown(&[
            ("dlls/foo/Makefile.in", dll),
            ("dlls/foo/main.c", "int f() { }"),
            ("dlls/foo/tests/Makefile.in", "TESTDLL   = foo.dll\n"),
            ("dlls/foo/tests/t.c", ""),
            ("programs/bar/Makefile.in", "MODULE = bar.exe\n"),
            ("programs/bar/main.c", MAIN),
            ("libs/x/Makefile", "all:\n"),
            ("libs/x/x.c", ""),
        ]),
        [
            "Dll foo.dll: dlls/foo/main.c",
            "Exe foo.dll tests: dlls/foo/tests/t.c",
            "Unknown libs/x: libs/x/x.c",
            "Exe bar.exe: programs/bar/main.c",
        ]
    );
}

#[test]
fn meson_and_qmake() {
    let meson = "project('x', 'c')\nsrc = files(\n  'a.c', # one\n  'b.c')\nlib = static_library('core', src)\n\
        subdir('dll')\nexecutable('tool', ['tool.c'], link_with: lib)\n";
    assert_eq!(
        shown(&[
            ("meson.build", meson),
            (
                "dll/meson.build",
                "shared_library(\n 'hook', 'hook.c', link_with : lib)\n"
            ),
            ("a.c", ""),
            ("b.c", ""),
            ("dll/hook.c", DLL_MAIN),
            ("tool.c", MAIN),
        ]),
        ["Dll hook: a.c b.c dll/hook.c", "Exe tool: a.c b.c tool.c"]
    );
    // A folder adds to the list of the one around it.
    let around = "src = files('a.c')\nsubdir('more')\nshared_module('m', src)\n";
    assert_eq!(
        shown(&[
            ("meson.build", around),
            ("more/meson.build", "src += files('b.c')\n"),
            ("a.c", ""),
            ("more/b.c", ""),
        ]),
        ["Dll m: a.c more/b.c"]
    );
    assert_eq!(
        shown(&[
            (
                "p.pro",
                "TEMPLATE = lib\nwin32:SOURCES += a.cpp \\\n  b.cpp\nHEADERS = a.h\n"
            ),
            ("a.cpp", ""),
            ("b.cpp", ""),
            ("a.h", ""),
        ]),
        ["Dll p: a.cpp b.cpp | a.h"]
    );
}

#[test]
fn qmake_names_and_static_libraries() {
    let named = |target: &str| {
        let project = format!("TEMPLATE = lib\nTARGET = {target}\nSOURCES = a.cpp\n");
        shown(&[("p.pro", &project), ("a.cpp", "")])
    };
    assert_eq!(named("hook"), ["Dll hook: a.cpp"]);
    // A name that only qmake knows.
    assert_eq!(named("$$qtLibraryTarget(hook)"), ["Dll p: a.cpp"]);
    let of = |template: &str| {
        let project = format!("{template}\nSOURCES = a.cpp\n");
        shown(&[("p.pro", &project), ("a.cpp", "")])
    };
    assert_eq!(of("TEMPLATE = lib\nCONFIG += plugin"), ["Dll p: a.cpp"]);
    assert_eq!(
        of("TEMPLATE = lib\nCONFIG += plugin staticlib"),
        ["Unknown p: a.cpp"]
    );
    assert_eq!(of("TEMPLATE = app"), ["Exe p: a.cpp"]);
    assert_eq!(of("CONFIG += qt"), ["Exe p: a.cpp"]);
}

#[test]
fn makefiles_that_call_each_other_make_one_tree() {
    assert_eq!(
        shown(&[
            ("Makefile", "all:\n\t$(MAKE) -C exports\n"),
            (
                "exports/Makefile",
                "x.dll:\n\t$(LD) --entry _dllinit@12 --entry $(FU)dllinit\n"
            ),
            (
                "exports/dllinit.c",
                "BOOL APIENTRY dllinit(HINSTANCE h) { stop(); }"
            ),
            ("driver/Makefile", ""),
            ("driver/server.c", "void stop() { }"),
            ("bench/Makefile", ""),
            ("bench/a.c", MAIN),
        ]),
        [
            "Exe bench: bench/a.c ~ driver/server.c",
            "Dll exports: exports/dllinit.c ~ driver/server.c",
            "Unknown (top) (shared files): driver/server.c",
        ]
    );
}
