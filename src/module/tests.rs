//! Small trees of real shape.

mod built;
mod cargo;
mod cmake;
mod macros;
mod msbuild;
mod small;
mod unlisted;

use super::*;
use crate::index::{Names, scan_all};

const DLL_MAIN: &str =
    "BOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID p) { stop(); return TRUE; }";
const MAIN: &str = "int main() { return 0; }";

fn find_in(files: &[(&str, &str)], configured: &[ConfiguredModule]) -> (Sources, Vec<Module>) {
    let sources = Sources::new(
        files
            .iter()
            .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()))
            .collect(),
    );
    let names = Names {
        entries: DLL_ENTRIES
            .iter()
            .chain(&EXE_ENTRIES)
            .map(|name| name.to_string())
            .collect(),
        attributes: Vec::new(),
    };
    let facts = scan_all(&sources, &names);
    let modules = find(&sources, &facts, configured);
    for id in sources.ids() {
        let path = &sources.file(id).path;
        if sources.file(id).lang.is_some() {
            assert!(
                modules
                    .iter()
                    .any(|module| module.sources.contains(&id) || module.headers.contains(&id)),
                "{path} is in no module"
            );
        }
    }
    let mut unique: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), modules.len(), "names repeat");
    (sources, modules)
}

/// The sources of a folder of fixtures.
pub(crate) fn fixtures(folder: &str) -> Sources {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    let mut files = Vec::new();
    for entry in ignore::Walk::new(&root) {
        let path = entry.unwrap().into_path();
        let shown = path.strip_prefix(&root).unwrap().to_str().unwrap();
        let shown = shown.replace('\\', "/");
        if path.is_file() && (Lang::of_path(&shown).is_some() || super::is_build_file(&shown)) {
            files.push((shown, std::fs::read(&path).unwrap()));
        }
    }
    assert!(!files.is_empty());
    Sources::new(files)
}

/// One line per module: `kind name: sources | headers | shared`, empty parts left out.
fn shown(files: &[(&str, &str)]) -> Vec<String> {
    let (sources, modules) = find_in(files, &[]);
    modules
        .iter()
        .map(|module| {
            let mut line = format!("{:?} {}:", module.kind, module.name);
            for (mark, ids) in [
                ("", &module.sources),
                (" |", &module.headers),
                (" ~", &module.shared),
            ] {
                if !ids.is_empty() {
                    line.push_str(mark);
                }
                for id in ids {
                    line.push(' ');
                    line.push_str(&sources.file(*id).path);
                }
            }
            line
        })
        .collect()
}

fn vcxproj(kind: &str, items: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Project DefaultTargets=\"Build\" \
         xmlns=\"http://schemas.microsoft.com/developer/msbuild/2003\">\
         <PropertyGroup Condition=\"'$(Configuration)'=='Debug'\" Label=\"Configuration\">\
         <ConfigurationType>{kind}</ConfigurationType></PropertyGroup><ItemGroup>{items}</ItemGroup></Project>"
    )
}

#[test]
fn trees_without_a_build_file() {
    assert_eq!(
        shown(&[
            ("a/dllmain.c", DLL_MAIN),
            ("a/b/stop.c", ""),
            ("inc/x.h", "")
        ]),
        ["Dll (top): a/dllmain.c a/b/stop.c | inc/x.h"].map(|line| line
            .replace("a/dllmain.c a/b/stop.c", "a/b/stop.c a/dllmain.c")
            .replace("(top)", "a"))
    );
    assert_eq!(
        shown(&[
            ("dll/dllmain.c", DLL_MAIN),
            ("dll/sub/part.c", ""),
            ("exe/main.c", MAIN),
            ("common/u.c", ""),
        ]),
        [
            "Dll dll: dll/dllmain.c dll/sub/part.c ~ common/u.c",
            "Exe exe: exe/main.c ~ common/u.c dll/sub/part.c",
            "Unknown (top) (shared files): common/u.c",
        ]
    );
    assert_eq!(
        shown(&[("s/a.c", MAIN), ("s/b.c", DLL_MAIN), ("s/util.c", "")]),
        ["Exe s/a.c: s/a.c s/util.c", "Dll s/b.c: s/b.c s/util.c"]
    );
    assert_eq!(
        shown(&[("a.c", "int f() { }"), ("b/c.cpp", "")]),
        ["Unknown (top): a.c b/c.cpp"]
    );
    // A file that is built as the one or as the other says neither.
    assert_eq!(
        shown(&[("a.c", &format!("{DLL_MAIN}\n{MAIN}"))]),
        ["Unknown (top): a.c"]
    );
    assert_eq!(
        shown(&[("a.c", "__declspec(dllexport) int f() { }")]),
        ["Dll (top): a.c"]
    );
    assert_eq!(
        shown(&[("a.c", ""), ("x.def", "LIBRARY x\nEXPORTS\n f\n")]),
        ["Dll (top): a.c"]
    );
    // A definition file speaks for its own folder, not for a pool of files; `NAME` is a program's.
    assert_eq!(
        shown(&[
            ("a/a.c", ""),
            ("b/b.c", ""),
            ("b/b.def", "LIBRARY b\nEXPORTS\n f\n")
        ]),
        ["Unknown (top): a/a.c b/b.c"]
    );
    assert_eq!(
        shown(&[("a.c", ""), ("x.def", "NAME x\nEXPORTS\n f\n")]),
        ["Unknown (top): a.c"]
    );
    assert_eq!(shown(&[("a.h", "")]), ["Unknown headers: | a.h"]);
    let (_, modules) = find_in(&[("a.h", "")], &[]);
    assert_eq!(modules[0].evidence, ["headers only"]);
    assert!(shown(&[]).is_empty());
}

#[test]
fn what_lies_with_an_unlisted_program_is_not_the_librarys() {
    // The list is not complete: what is in `${more}` is not known.
    let list = "add_library(x SHARED src/a.c ${more})";
    let main = "int main() { }";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", list),
            ("src/a.c", ""),
            ("more/b.c", ""),
            ("replay/main.c", main),
            ("replay/parts/c.c", ""),
        ]),
        [
            "Dll x: more/b.c src/a.c",
            "Exe (top): replay/main.c replay/parts/c.c"
        ]
    );
    // Where the library has sources of its own there, a program beside them says nothing.
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", list),
            ("src/a.c", ""),
            ("src/try.c", main),
            ("src/b.c", ""),
        ])
        .first()
        .map(String::as_str),
        Some("Dll x: src/a.c src/b.c")
    );
}

#[test]
fn two_build_systems_make_one_module() {
    let project = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"a.c\"/><ClCompile Include=\"b.c\"/>",
    );
    let files = [
        ("CMakeLists.txt", "add_library(x a.c b.c)"),
        ("x.vcxproj", project.as_str()),
        ("a.c", ""),
        ("b.c", ""),
    ];
    assert_eq!(shown(&files), ["Dll x: a.c b.c"]);
    assert_eq!(find_in(&files, &[]).1[0].evidence.len(), 2);
    // Nor is a program of a single file two.
    let project = vcxproj("Application", "<ClCompile Include=\"a.c\"/>");
    let files = [
        ("CMakeLists.txt", "add_executable(x a.c)"),
        ("x.vcxproj", project.as_str()),
        ("a.c", MAIN),
    ];
    assert_eq!(shown(&files), ["Exe x: a.c"]);
    assert_eq!(find_in(&files, &[]).1[0].evidence.len(), 2);
    // A DLL and a test program made of the same files are two modules.
    let two = "add_library(x SHARED a.c b.c)\nadd_executable(t a.c b.c)";
    assert_eq!(
        shown(&[("CMakeLists.txt", two), ("a.c", ""), ("b.c", "")]),
        ["Exe t: a.c b.c", "Dll x: a.c b.c"]
    );
}

/// Programs of nearly the same files are one, which has what any of them has, and says each reason once.
#[test]
fn nearly_the_same_files_make_one_module() {
    let sources = "<ClCompile Include=\"a.c;b.c;c.c;d.c;e.c\"/>";
    let project = vcxproj("Application", sources);
    let files = [
        ("CMakeLists.txt", "add_executable(x a.c b.c c.c d.c)"),
        ("x.vcxproj", project.as_str()),
        ("y.vcxproj", project.as_str()),
        ("a.c", MAIN),
        ("b.c", ""),
        ("c.c", ""),
        ("d.c", ""),
        ("e.c", ""),
    ];
    assert_eq!(shown(&files), ["Exe x: a.c b.c c.c d.c e.c"]);
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[0].evidence.len(), 3);
    assert_eq!(modules[0].kind_is_msvc, None);
    let project = vcxproj("DynamicLibrary", "<ClCompile Include=\"a.c;b.c\"/>");
    let files = [
        ("x.vcxproj", project.as_str()),
        ("x14.vcxproj", project.as_str()),
        ("a.c", DLL_MAIN),
        ("b.c", ""),
    ];
    assert_eq!(shown(&files), ["Dll x: a.c b.c"]);
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[0].kind_is_msvc, Some(true));
    let entries = modules[0]
        .evidence
        .iter()
        .filter(|line| line.starts_with("DllMain"));
    assert_eq!(entries.count(), 1);
}

/// Where a DLL contains static libraries, what the definition files near it name is exported from them.
#[test]
fn words_of_definition_files() {
    let of = |kind: &str, folder: &str| {
        let list = format!(
            "add_library(core {kind} core/c.c)\nadd_library(p SHARED p.c)\ntarget_link_libraries(p core)\n"
        );
        let definition = format!("{folder}/p.def");
        let files = [
            ("lib/CMakeLists.txt", list.as_str()),
            ("lib/core/c.c", ""),
            ("lib/p.c", ""),
            (definition.as_str(), "LIBRARY p\nEXPORTS\n go @1\n go_on\n"),
        ];
        let (_, modules) = find_in(&files, &[]);
        assert_eq!(modules.len(), 1, "{kind}");
        modules[0].exports.clone()
    };
    let words = ["1", "EXPORTS", "LIBRARY", "go", "go_on", "p"];
    assert_eq!(of("STATIC", "lib/def"), words);
    assert!(of("STATIC", "other").is_empty());
    // What is linked as a whole needs no export.
    assert!(of("OBJECT", "lib/def").is_empty());
}

#[test]
fn modules_of_one_name() {
    let one = "add_library(x SHARED x.c)";
    assert_eq!(
        shown(&[
            ("a/CMakeLists.txt", one),
            ("a/x.c", ""),
            ("b/CMakeLists.txt", one),
            ("b/x.c", ""),
        ]),
        ["Dll x (a): a/x.c", "Dll x (b): b/x.c"]
    );
    let program = vcxproj("Application", "<ClCompile Include=\"y.c\"/>");
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", one),
            ("x.c", ""),
            ("x.vcxproj", &program),
            ("y.c", MAIN),
        ]),
        ["Dll x: x.c", "Exe x #2: y.c"]
    );
}

#[test]
fn included_sources_belong_to_the_module() {
    let project = vcxproj("DynamicLibrary", "<ClCompile Include=\"all.cpp\"/>");
    assert_eq!(
        shown(&[
            ("x.vcxproj", &project),
            ("all.cpp", "#include \"part/one.cpp\"\n#include <inc/two.h>"),
            ("part/one.cpp", DLL_MAIN),
            ("lib/inc/two.h", ""),
            ("other/inc/two.hpp", ""),
        ]),
        ["Dll x: all.cpp part/one.cpp | lib/inc/two.h other/inc/two.hpp"]
    );
}

#[test]
fn the_configuration_comes_first() {
    let files = [
        ("CMakeLists.txt", "add_executable(x src/a.c b.c)"),
        ("src/a.c", ""),
        ("b.c", MAIN),
    ];
    // CMakeLists.txt, b.c, src/a.c
    let configured = ConfiguredModule {
        name: "mine".into(),
        files: vec![FileId(0), FileId(2)],
        kind: Some(Kind::Dll),
    };
    let (_, modules) = find_in(&files, &[configured]);
    assert_eq!(
        (modules[0].name.as_str(), modules[0].kind),
        ("mine", Kind::Dll)
    );
    assert_eq!(modules[0].sources, [FileId(2)]);
    assert_eq!(
        (modules[1].name.as_str(), &modules[1].sources[..]),
        ("x", &[FileId(1)][..])
    );
}

#[test]
fn entry_points_of_linker_options() {
    for (options, symbol) in [
        ("/OPT:REF /ENTRY:Start /X", "Start"),
        ("-Wl,-e,start", "start"),
        ("-Wl,--entry=_start@12", "start"),
        ("cargo::rustc-link-arg=/ENTRY:dll_start", "dll_start"),
        // Of a C++ name the signs are no decoration that hides another name.
        ("/ENTRY:?Start@@YGHPAXK0@Z", "?Start@@YGHPAXK0@Z"),
    ] {
        assert_eq!(entry_symbols(options), [symbol], "{options}");
    }
    assert!(entry_symbols("-export foo --entrypoint").is_empty());
}

#[test]
fn broken_build_files_are_survived() {
    let nested = format!(
        "{}{}",
        "if(A)\n".repeat(3000),
        "foreach(x a b)\n".repeat(3000)
    );
    let recursive = "function(f)\n f()\n f()\nendfunction()\nmacro(g)\n g()\nendmacro()\nf()\ng()\nset(X ${X}${X}a)\nadd_library(x ${x${${} a.c)";
    let growing = format!("set(X aaaa)\n{}", "set(X ${X}${X})\n".repeat(30));
    let loops = "foreach(x a)\n".repeat(3000);
    for (name, text) in [
        ("CMakeLists.txt", nested.as_str()),
        ("CMakeLists.txt", recursive),
        (
            "CMakeLists.txt",
            "include(CMakeLists.txt)\nadd_subdirectory(.)\nadd_library()\ntarget_sources()\nif()\nelse",
        ),
        (
            "CMakeLists.txt",
            "function()\nendfunction()\nforeach()\nendforeach()\nset()\nfile()\ncmake_parse_arguments()\nadd_library(x ${X a.c)",
        ),
        ("CMakeLists.txt", growing.as_str()),
        ("CMakeLists.txt", loops.as_str()),
        (
            "x.vcxproj",
            "<Project><ItemGroup><ClCompile Include='$($(A)*",
        ),
        (
            "x.vcxproj",
            "<ClCompile><PreprocessorDefinitions>X</PreprocessorDefinitions></ClCompile>",
        ),
        (
            "x.vcxproj",
            "<Project><Import Project='x.vcxproj'/><ClCompile Include='$('/></Project>",
        ),
        (
            "Cargo.toml",
            "[package]\nname = 3\nbuild = 7\n[lib]\npath = [1]\n[[bin]]\n",
        ),
        ("Cargo.toml", "[package"),
        ("meson.build", "subdir('.')\nx = [\nlibrary("),
        ("p.pro", "include(p.pro)\nSOURCES += **\\"),
    ] {
        shown(&[
            (name, text),
            ("a.c", ""),
            ("src/lib.rs", "mod lib; #[path = \"lib.rs\"] mod x;"),
        ]);
    }
}
