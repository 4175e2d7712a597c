//! Sources that no build file lists.

use super::*;

#[test]
fn tests_and_sources_for_other_systems_are_nobodys() {
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", "add_library(m SHARED a.c)"),
            ("a.c", ""),
            ("more/b.c", ""),
            ("posix/p.c", ""),
            ("tests/t.c", ""),
            ("thread_linux.c", ""),
        ]),
        [
            "Dll m: a.c more/b.c",
            "Unknown (top): posix/p.c tests/t.c thread_linux.c",
        ]
    );
}

/// What lies in no listed folder is of the library whose list was not understood; of several, it is in the one DLL that
/// is made of them.
#[test]
fn libraries_whose_lists_are_not_understood() {
    let of = |libraries: &str, links: &str| {
        let list = format!(
            "{libraries}\nadd_library(m SHARED m/m.c)\ntarget_link_libraries(m {links})\nadd_executable(t t/t.c)\n"
        );
        shown(&[
            ("CMakeLists.txt", &list),
            ("m/m.c", ""),
            ("t/t.c", MAIN),
            ("more/b.c", ""),
        ])
    };
    let one = "add_library(core STATIC ${CORE})";
    let two = "add_library(one STATIC ${ONE})\nadd_library(two STATIC ${TWO})";
    let of_the_dll = ["Dll m: m/m.c more/b.c", "Exe t: t/t.c"];
    assert_eq!(of(one, "core"), of_the_dll);
    assert_eq!(of(two, "one two"), of_the_dll);
    // Nothing tells which of the two it is.
    let apart = ["Dll m: m/m.c", "Exe t: t/t.c", "Unknown (top): more/b.c"];
    assert_eq!(of(two, ""), apart);
}

#[test]
fn sources_that_only_include_each_other() {
    let files = [
        ("a.c", "#include \"b.c\""),
        ("b.c", "#include \"a.c\""),
        ("main.c", MAIN),
        ("sub/c.c", "#include \"d.c\""),
        ("sub/d.c", "#include \"c.c\""),
    ];
    assert_eq!(
        shown(&files),
        [
            "Exe (top): main.c",
            "Unknown (top) #2: a.c b.c",
            "Unknown sub: sub/c.c sub/d.c",
        ]
    );
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[2].evidence, ["included only by each other"]);
}

/// In a collection of many programs each resolves into what stands near it only.
#[test]
fn collections_of_samples() {
    let of = |count: usize| {
        let mains: Vec<String> = (0..count)
            .map(|number| {
                let folder = if number < 2 { "one" } else { "other" };
                format!("{folder}/s{number:02}/main.c")
            })
            .collect();
        let mut files = vec![("lib/v.c", ""), ("one/common/u.c", "")];
        files.extend(mains.iter().map(|path| (path.as_str(), MAIN)));
        let mut lines = shown(&files);
        assert_eq!(lines.len(), count + 1);
        let rest = lines.pop();
        assert_eq!(
            rest.as_deref(),
            Some("Unknown (top) (shared files): lib/v.c one/common/u.c")
        );
        (lines.remove(0), lines.pop())
    };
    let (first, last) = of(64);
    assert_eq!(
        first,
        "Exe one/s00: one/s00/main.c ~ one/common/u.c lib/v.c"
    );
    assert_eq!(
        last.as_deref(),
        Some("Exe other/s63: other/s63/main.c ~ lib/v.c one/common/u.c")
    );
    let (first, last) = of(65);
    assert_eq!(
        first,
        "Exe one/s00: one/s00/main.c ~ one/common/u.c lib/v.c"
    );
    assert_eq!(
        last.as_deref(),
        Some("Exe other/s64: other/s64/main.c ~ lib/v.c")
    );
}

/// Why several modules that no build file makes are what they are.
#[test]
fn reasons_of_unlisted_modules() {
    let reasons = |files: &[(&str, &str)]| -> Vec<Vec<String>> {
        let (_, modules) = find_in(files, &[]);
        modules.into_iter().map(|module| module.evidence).collect()
    };
    assert_eq!(
        reasons(&[("a/dllmain.c", DLL_MAIN), ("b/main.c", MAIN)]),
        [
            vec!["no build file", "DllMain in a/dllmain.c"],
            vec!["no build file", "main in b/main.c"],
        ]
    );
    // The makefile names one entry point.
    let makefile = "DLL = part.dll\nLDFLAGS = -Wl,-e,part_start\n";
    assert_eq!(
        reasons(&[
            ("Makefile", makefile),
            ("part/more.c", "void f() { }"),
            (
                "part/start.c",
                "int part_start(void *h, int r, void *p) { return 1; }"
            ),
            ("tool/main.c", MAIN),
        ]),
        [
            vec!["entry point part_start in Makefile"],
            vec!["unlisted sources below Makefile", "main in tool/main.c"],
        ]
    );
}

/// In such a collection what lies below a folder with several programs is near to each of them.
#[test]
fn collections_in_one_folder() {
    let mains: Vec<String> = (0..65)
        .map(|number| format!("tools/t{number:02}.c"))
        .collect();
    let mut files = vec![("lib/v.c", ""), ("tools/common/u.c", "")];
    files.extend(mains.iter().map(|path| (path.as_str(), MAIN)));
    let lines = shown(&files);
    assert_eq!(lines.len(), 66);
    assert_eq!(
        lines[0],
        "Exe tools/t00.c: tools/t00.c ~ tools/common/u.c lib/v.c"
    );
    assert_eq!(
        lines[65],
        "Unknown (top) (shared files): lib/v.c tools/common/u.c"
    );
}
