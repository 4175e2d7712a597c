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

/// What a Meson target takes of a library that it links, and what it tells the linker.
#[test]
fn meson_options_of_targets() {
    let list = "project('x', 'c', meson_version: '>=0.50')\ndescription = '''it's (a\nhook'''  # é\n\
        if description == 'é'\n  subdir('absent')\nendif\nsubdir('part')\n\
        core = static_library('core', 'c.c')\n\
        shared_library('whole', 'w.c', 'w.h', link_whole: core, link_args: ['/ENTRY:Start', flag], name_suffix: '/ENTRY:No')\n\
        shared_library('some', 's.c', link_with: core)\nlibrary('either', 'e.c')\n";
    let files = [
        ("meson.build", list),
        ("part/meson.build", "executable(name, ['n.c'])\n"),
        ("part/n.c", MAIN),
        ("c.c", ""),
        ("e.c", ""),
        ("s.c", ""),
        ("w.c", ""),
        ("w.h", ""),
    ];
    assert_eq!(
        shown(&files),
        [
            "Unknown either: e.c",
            "Dll some: c.c s.c",
            "Dll whole: c.c w.c | w.h",
            "Exe part: part/n.c",
        ]
    );
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[1].from_libraries.len(), 1);
    assert!(modules[2].from_libraries.is_empty());
    assert_eq!(modules[2].entry_names, ["Start"]);
    assert_eq!(
        modules[3].evidence,
        ["executable('part') in part/meson.build"]
    );
}

/// A qmake project that only leads to others makes nothing, and what another file lists counts for who includes it.
#[test]
fn qmake_subdirs_and_includes() {
    let project = "include(../common.pri)\ninclude(../gone.pri)\nwin32 { SOURCES += \"w.cpp\" }\nunix:message(x)\n\
        HEADERS += ../b/a.h notes.txt\nSOURCES += $$PWD/a.cpp\nTEMPLATE = lib\n";
    assert_eq!(
        shown(&[
            ("p.pro", "TEMPLATE = subdirs\nSUBDIRS = a\n"),
            ("x.cpp", ""),
            ("a/a.pro", project),
            ("a/a.cpp", ""),
            ("a/w.cpp", ""),
            ("b/a.h", ""),
            ("common.pri", "SOURCES += $$PWD/shared/s.cpp\n"),
            ("shared/s.cpp", ""),
        ]),
        [
            "Dll a: a/a.cpp a/w.cpp shared/s.cpp | b/a.h",
            "Unknown (top): x.cpp",
        ]
    );
}

/// In Wine's makefiles an import library is one of a DLL, whatever the module is called.
#[test]
fn makefiles_of_modules_by_other_names() {
    let of = |text: &str| {
        shown(&[
            ("dlls/foo/Makefile.in", text),
            ("dlls/foo/a.c", "int f() { }"),
        ])
    };
    assert_eq!(
        of("MODULE = foo.x\nIMPORTLIB = foo\n"),
        ["Dll foo.x: dlls/foo/a.c"]
    );
    assert_eq!(of("MODULE = foo.sys\n"), ["Unknown foo.sys: dlls/foo/a.c"]);
    assert_eq!(
        of("STATICLIB = libfoo.a\n"),
        ["Unknown libfoo.a: dlls/foo/a.c"]
    );
}

/// The entry point that a makefile names is a DLL's where the makefile speaks of one.
#[test]
fn entry_points_of_makefiles() {
    let of = |output: &str| {
        let makefile = format!("{output}:\n\t$(LD) -e start a.o\n");
        shown(&[
            ("Makefile", "all:\n\t$(MAKE) -C a\n"),
            ("a/Makefile", &makefile),
            ("a/a.c", "void start() { }"),
            ("b/main.c", MAIN),
        ])
    };
    assert_eq!(of("hook.dll"), ["Dll a: a/a.c", "Exe b: b/main.c"]);
    assert_eq!(of("hook.bin"), ["Exe (top): a/a.c b/main.c"]);
}

/// A file whose last word no line break follows.
#[test]
fn meson_ends_with_a_word() {
    let meson = "project('x', 'c')\nshared_library('hook', 'hook.c')\nif is_debug\n  subdir('tests')\nendif";
    assert_eq!(
        shown(&[("meson.build", meson), ("hook.c", "")]),
        ["Dll hook: hook.c"]
    );
}

/// What Meson adds for other systems is no part of what is built on Windows.
#[test]
fn meson_for_other_systems() {
    let files = |condition: &str| {
        let list = format!(
            "os = host_machine.system()\nis_windows = os == 'windows'\nsrc = ['a.c']\n{condition}\n  src += files('win.c')\nelse\n  \
             src += [\n    'other.c'\n  ]\n  subdir('others')\nendif\nshared_module('m', src)\n\
             executable('t', ['t.c', 'other.c', 'others/n.c'])\n"
        );
        shown(&[
            ("meson.build", list.as_str()),
            ("others/meson.build", "shared_module('n', 'n.c')\n"),
            ("others/n.c", ""),
            ("a.c", ""),
            ("win.c", ""),
            ("other.c", ""),
            ("t.c", MAIN),
        ])
        .into_iter()
        .filter(|module| module.starts_with("Dll"))
        .collect::<Vec<_>>()
    };
    for condition in [
        "if host_machine.system() == 'windows'",
        "if is_windows",
        "if os in ['cygwin', 'windows']",
        "if os != 'linux' and is_windows",
        "if os == 'darwin' or not (os != 'windows')\nelif is_windows",
        "if os == 'linux'\n  src += 'other.c'\nelif is_windows",
    ] {
        assert_eq!(files(condition), ["Dll m: a.c win.c"], "{condition}");
    }
    // What else decides is not known.
    for condition in [
        "if get_option('win')",
        "if is_windows and get_option('win')",
    ] {
        assert_eq!(
            files(condition),
            ["Dll m: a.c other.c win.c", "Dll n: others/n.c"],
            "{condition}"
        );
    }
    // What is set by a condition may be something else.
    let again = "os = host_machine.system()\nif get_option('fake')\n  os = 'linux'\nendif\nsrc = ['a.c']\nif os == 'linux'\n  \
        src += 'other.c'\nendif\nshared_module('m', src)\n";
    assert_eq!(
        shown(&[("meson.build", again), ("a.c", ""), ("other.c", "")]),
        ["Dll m: a.c other.c"]
    );
}
