//! Small trees of real shape.

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
fn projects_contain_the_static_libraries_that_they_reference() {
    let dll = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"dllmain.cpp\"/><ClCompile Include=\"$(ProjectDir)..\\shared\\*.cpp\"/>\
         <ClInclude Include=\"a.h\"/><ProjectReference Include=\"..\\lib\\Lib.vcxproj\"/>",
    );
    let lib = vcxproj(
        "StaticLibrary",
        "<ClCompile Include=\"stop.cpp\"/><ClCompile Include=\"old.cpp\">\
         <ExcludedFromBuild>true</ExcludedFromBuild></ClCompile>",
    );
    let exe = vcxproj("Application", "<ClCompile Include=\"main.cpp\"/>");
    assert_eq!(
        shown(&[
            ("dll/dll.vcxproj", &dll),
            ("dll/dllmain.cpp", DLL_MAIN),
            ("dll/a.h", ""),
            ("shared/s.cpp", "#include \"../inc/s.h\"\nvoid s() {}"),
            ("inc/s.h", "#include \"t.h\""),
            ("inc/t.h", ""),
            ("lib/lib.vcxproj", &lib),
            ("lib/stop.cpp", "void stop() {}"),
            ("exe/exe.vcxproj", &exe),
            ("exe/main.cpp", MAIN),
        ]),
        [
            "Dll dll: dll/dllmain.cpp lib/stop.cpp shared/s.cpp | dll/a.h inc/s.h inc/t.h",
            "Exe exe: exe/main.cpp",
        ]
    );
}

/// What a project in the folder `app` defines for a source in all configurations, with more files around it.
fn common(groups: &str, items: &str, more: &[(&str, &str)]) -> String {
    let project = format!(
        "<Project><ItemGroup><ProjectConfiguration Include=\"Debug|x64\"/><ProjectConfiguration Include=\"Release|x64\"/>\
         </ItemGroup><PropertyGroup><ConfigurationType>DynamicLibrary</ConfigurationType></PropertyGroup>{groups}<ItemGroup>\
         {items}</ItemGroup></Project>"
    );
    let mut files = vec![
        ("app/app.vcxproj", project.as_str()),
        ("app/a.cpp", DLL_MAIN),
    ];
    files.extend(more);
    let files = files.iter();
    let files = files.map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()));
    let sources = Sources::new(files.collect());
    let mut ids = sources.ids();
    let source = ids.find(|&id| &*sources.file(id).path == "app/a.cpp");
    let build_files: Vec<FileId> = sources
        .ids()
        .filter(|&id| is_build_file(&sources.file(id).path))
        .collect();
    let found = msbuild::definitions(&Tree::new(&sources), &build_files);
    let found = source.and_then(|id| found.get(&id));
    let shown = found.into_iter().flatten();
    let shown: Vec<String> = shown
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    shown.join(" ")
}

#[test]
fn definitions_that_all_configurations_share() {
    let group = |condition: &str, definitions: &str| {
        let condition = match condition {
            "" => String::new(),
            text => format!(" Condition=\"{text}\""),
        };
        format!(
            "<ItemDefinitionGroup{condition}><ClCompile><PreprocessorDefinitions>{definitions}</PreprocessorDefinitions>\
             </ClCompile></ItemDefinitionGroup>"
        )
    };
    let source = "<ClCompile Include=\"a.cpp\"/>";
    let all = group("", "X;Y=2;%(PreprocessorDefinitions)");
    let debug = group("'$(Configuration)|$(Platform)'=='Debug|x64'", "X;D");
    let release = group(" '$(Configuration)' == 'RELEASE' ", "R;X");
    let shown = |groups: &str| common(groups, source, &[]);
    assert_eq!(shown(&all), "X=1 Y=2");
    assert_eq!(shown(&format!("{debug}{release}")), "X=1");
    assert_eq!(shown(&debug), "");
    // What comes later and inherits nothing stands in place of all.
    assert_eq!(shown(&format!("{all}{debug}")), "X=1");
    assert_eq!(shown(&format!("{all}{}", group("", "Z"))), "Z=1");
    // What is not understood, or takes back, leaves nothing certain.
    for unclear in [
        group("'$(Configuration)'!='Debug'", "Z"),
        group("$(Configuration.StartsWith('Rel'))", "Z;%(PreprocessorDefinitions)"),
        format!("<Choose><When Condition=\"'$(Configuration)'=='Debug'\">{all}</When></Choose>"),
        "<ItemDefinitionGroup><ClCompile><UndefinePreprocessorDefinitions>X</UndefinePreprocessorDefinitions></ClCompile>\
         </ItemDefinitionGroup>"
            .to_string(),
        "<ItemDefinitionGroup><ClCompile><AdditionalOptions>/W4 /UX</AdditionalOptions></ClCompile></ItemDefinitionGroup>"
            .to_string(),
    ] {
        assert_eq!(shown(&format!("{all}{unclear}")), "", "{unclear}");
    }
    let sheet = |definitions: &str| {
        let text = format!("<Project>{}</Project>", group("", definitions));
        let import = "<Import Project=\"app.props\"/>";
        common(
            &format!("{all}{import}"),
            source,
            &[("app/app.props", &text)],
        )
    };
    assert_eq!(sheet("Z;%(PreprocessorDefinitions)"), "X=1 Y=2");
    assert_eq!(sheet("Z"), "");
    // A source with definitions of its own, and one of two projects.
    let own = |attribute: &str| {
        format!(
            "{source}<ClCompile {attribute}=\"a.cpp\"><PreprocessorDefinitions>Y=5;%(PreprocessorDefinitions)\
             </PreprocessorDefinitions></ClCompile>"
        )
    };
    assert_eq!(common(&all, &own("Include"), &[]), "");
    assert_eq!(common(&all, &own("Update"), &[]), "");
    let other = "<Project><ItemGroup><ProjectConfiguration Include=\"Debug|x64\"/><ClCompile Include=\"a.cpp\"/></ItemGroup>\
                 <ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>X</PreprocessorDefinitions></ClCompile>\
                 </ItemDefinitionGroup></Project>";
    assert_eq!(common(&all, source, &[("app/b.vcxproj", other)]), "X=1");
}

#[test]
fn project_imports_and_old_projects() {
    let shared = "<Project><ItemGroup><ClCompile Include=\"$(MSBuildThisFileDirectory)a.cpp\"/></ItemGroup></Project>";
    let project = vcxproj(
        "DynamicLibrary",
        "</ItemGroup><ItemDefinitionGroup><Link><EntryPointSymbol>_Start@12</EntryPointSymbol>\
         <ModuleDefinitionFile>x.def</ModuleDefinitionFile></Link></ItemDefinitionGroup>\
         <Import Project=\"..\\shared\\shared.vcxitems\"/><ItemGroup>",
    );
    let old = "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><VisualStudioProject><Configurations>\
         <Configuration ConfigurationType=\"1\"/></Configurations><Files><Filter Name=\"x\">\
         <File RelativePath=\".\\b.cpp\"/></Filter></Files></VisualStudioProject>";
    let files = [
        ("p/p.vcxproj", project.as_str()),
        ("shared/shared.vcxitems", shared),
        ("shared/a.cpp", "int a() { }"),
        ("old/o.vcproj", old),
        ("old/b.cpp", MAIN),
    ];
    assert_eq!(shown(&files), ["Exe o: old/b.cpp", "Dll p: shared/a.cpp"]);
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[1].entry_names, ["Start"]);
    assert_eq!(modules[1].kind_is_msvc, Some(true));
    assert!(modules[1].evidence[0].contains("DynamicLibrary"));
}

#[test]
fn project_macros() {
    let project = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"$(ProjectName)_main.cpp\"/>",
    );
    let tool = vcxproj("Application", "<ClCompile Include=\"main.cpp\"/>");
    assert_eq!(
        shown(&[
            ("p/hook.vcxproj", &project),
            ("p/hook_main.cpp", DLL_MAIN),
            ("p/tool.vcxproj", &tool),
            ("p/main.cpp", MAIN),
        ]),
        ["Dll hook: p/hook_main.cpp", "Exe tool: p/main.cpp"]
    );
}

#[test]
fn cmake_lists_variables_and_links() {
    let top = "project(Top)\nset(COMMON common/a.c \"${CMAKE_CURRENT_SOURCE_DIR}/common/b.c\")\n\
        if(UNIX)\n list(APPEND COMMON common/unix.c)\nelse()\n list(APPEND COMMON common/win.c)\nendif()\n\
        add_subdirectory(core)\nadd_subdirectory(plugin)\n\
        add_executable(tool ${COMMON} tool.c)\ntarget_link_libraries(tool PRIVATE Core::core)\n";
    let core = "file(GLOB SRC CONFIGURE_DEPENDS *.cpp)\nadd_library(core STATIC ${SRC})\nadd_library(Core::core ALIAS core)\n";
    let plugin = "add_library(plugin MODULE)\ntarget_sources(plugin PRIVATE plugin.c $<$<PLATFORM_ID:Windows>:win.c> ${PROJECT_SOURCE_DIR}/common/a.c)\n\
        target_link_libraries(plugin PRIVATE core)\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", top),
            ("core/CMakeLists.txt", core),
            ("plugin/CMakeLists.txt", plugin),
            ("common/a.c", ""),
            ("common/b.c", ""),
            ("common/win.c", ""),
            ("core/x.cpp", ""),
            ("core/y.cpp", ""),
            ("plugin/plugin.c", DLL_MAIN),
            ("plugin/win.c", ""),
            ("tool.c", MAIN),
        ]),
        [
            "Exe tool: common/a.c common/b.c common/win.c core/x.cpp core/y.cpp tool.c",
            "Dll plugin: common/a.c core/x.cpp core/y.cpp plugin/plugin.c plugin/win.c",
        ]
    );
}

#[test]
fn cmake_functions_and_foreign_commands() {
    let top = "include(cmake/Wrap.cmake)\nmy_library(one SOURCES one.c TYPE SHARED)\n\
        foo_add_executable(NAME two SOURCES two.c)\nfoo_add_plugin(three three.c)\npybind11_add_module(four four.cpp)\n\
        foreach(test t1 t2)\n add_executable(${test} ${test}.c)\nendforeach()\n";
    let wrap = "function(my_library name)\n cmake_parse_arguments(ARG \"\" \"TYPE\" \"SOURCES\" ${ARGN})\n \
        add_library(${name} ${ARG_TYPE} ${ARG_SOURCES})\nendfunction()\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", top),
            ("cmake/Wrap.cmake", wrap),
            ("one.c", ""),
            ("two.c", ""),
            ("three.c", ""),
            ("four.cpp", ""),
            ("t1.c", MAIN),
            ("t2.c", MAIN),
        ]),
        [
            "Dll four: four.cpp",
            "Dll one: one.c",
            "Exe t1: t1.c",
            "Exe t2: t2.c",
            "Dll three: three.c",
            "Exe two: two.c",
        ]
    );
}

/// `return()` ends a list where it is sure to be met: not in an arm that another decides about, nor in what follows it.
#[test]
fn cmake_lists_that_return() {
    let of = |above: &str| {
        let list = format!("{above}\nadd_library(a SHARED a.c)\n");
        shown(&[("CMakeLists.txt", &list), ("a.c", "")])
    };
    for sure in [
        "return()",
        "if(WIN32)\n return()\nendif()",
        "if(UNIX)\nelse()\n return()\nendif()",
    ] {
        assert_eq!(of(sure), ["Unknown (top): a.c"], "{sure}");
    }
    for open in [
        "if(WITH_A)\n return()\nendif()",
        "if(WITH_A)\nelse()\n return()\nendif()",
        "if(WITH_A)\nelseif(WIN32)\n return()\nendif()",
        "if(UNIX)\n return()\nendif()",
    ] {
        assert_eq!(of(open), ["Dll a: a.c"], "{open}");
    }
}

/// What a list leaves out for another reason than the system may be built all the same.
#[test]
fn cmake_folders_that_are_left_out() {
    let of = |condition: &str| {
        let top = format!("if({condition})\n add_subdirectory(part)\nendif()\n");
        shown(&[
            ("CMakeLists.txt", &top),
            ("part/CMakeLists.txt", "add_library(part SHARED part.c)\n"),
            ("part/part.c", ""),
        ])
    };
    assert_eq!(of("WIN32"), ["Dll part: part/part.c"]);
    assert_eq!(of("FALSE"), ["Dll part: part/part.c"]);
}

/// What lists hold is followed as far as it is sure.
#[test]
fn cmake_lists_that_change() {
    let of = |commands: &str| {
        let top = format!(
            "set(FILES a.c b.c)\n{commands}\nadd_library(m SHARED ${{FILES}})\n\
             add_executable(t t.c b.c)\n"
        );
        shown(&[
            ("CMakeLists.txt", &top),
            ("a.c", ""),
            ("b.c", ""),
            ("src/a.c", ""),
            ("t.c", MAIN),
        ])
        .remove(0)
    };
    assert_eq!(of(""), "Dll m: a.c b.c");
    assert_eq!(of("list(REMOVE_ITEM FILES b.c)"), "Dll m: a.c");
    let option = "if(LEAN)\n list(REMOVE_ITEM FILES b.c)\nendif()";
    assert_eq!(of(option), "Dll m: a.c b.c");
    let glob = "if(EXTRAS)\n file(GLOB FILES src/*.c)\nendif()";
    assert_eq!(of(glob), "Dll m: a.c b.c src/a.c");
    let moved = "set(FILES a.c)\nlist(TRANSFORM FILES PREPEND src/)";
    assert_eq!(of(moved), "Dll m: src/a.c");
    for system in [
        "CMAKE_SYSTEM_NAME",
        "CMAKE_HOST_SYSTEM_NAME",
        "\"${CMAKE_SYSTEM_NAME}\"",
    ] {
        let other =
            format!("if({system} STREQUAL \"Linux\")\n list(APPEND FILES src/a.c)\nendif()");
        assert_eq!(of(&other), "Dll m: a.c b.c", "{system}");
    }
}

/// A library whose name comes from elsewhere is called as its folder.
#[test]
fn cmake_names_from_elsewhere() {
    assert_eq!(
        shown(&[
            (
                "CMakeLists.txt",
                "add_subdirectory(part/hook)\nadd_library(x SHARED x.c)"
            ),
            ("part/hook/CMakeLists.txt", "add_library(${name} hook.c)"),
            ("part/hook/hook.c", ""),
            ("x.c", ""),
        ]),
        ["Dll x: x.c", "Unknown hook: part/hook/hook.c"]
    );
}

/// A command that nobody defines makes what its name says, and a library of no known kind where it says no more.
#[test]
fn cmake_foreign_libraries() {
    let of = |command: &str| {
        shown(&[
            ("CMakeLists.txt", &format!("{command}(a a.c)\n")),
            ("a.c", ""),
        ])
    };
    assert_eq!(of("foo_add_library"), ["Unknown a: a.c"]);
    assert_eq!(of("foo_plugin"), ["Dll a: a.c"]);
    assert_eq!(of("foo_add_module"), ["Dll a: a.c"]);
    assert_eq!(of("foo_add_executable"), ["Exe a: a.c"]);
}

#[test]
fn cmake_libraries_without_a_type() {
    let shared = "option(BUILD_SHARED_LIBS \"\" ON)\nadd_library(a a.c)";
    assert_eq!(
        shown(&[("CMakeLists.txt", shared), ("a.c", "")]),
        ["Dll a: a.c"]
    );
    let plain = "add_library(a a.c)";
    assert_eq!(
        shown(&[("CMakeLists.txt", plain), ("a.c", "")]),
        ["Unknown a: a.c"]
    );
    // It has a DllMain: whoever links it does not contain it.
    let linked = "add_library(a a.c)\nadd_executable(b b.c)\ntarget_link_libraries(b a)";
    let files = [("CMakeLists.txt", linked), ("a.c", DLL_MAIN), ("b.c", MAIN)];
    assert_eq!(shown(&files), ["Dll a: a.c", "Exe b: b.c"]);
    let static_only = [("CMakeLists.txt", linked), ("a.c", ""), ("b.c", MAIN)];
    assert_eq!(shown(&static_only), ["Exe b: a.c b.c"]);
}

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
    assert!(shown(&[]).is_empty());
}

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

/// Of a static library the linker takes what is needed, unless it is told to take everything.
#[test]
fn cmake_whole_archives() {
    let parts = |link: &str| {
        let list = format!("add_library(core STATIC c.c)\nadd_library(p SHARED p.c)\n{link}\n");
        let files = [("CMakeLists.txt", list.as_str()), ("c.c", ""), ("p.c", "")];
        let (_, modules) = find_in(&files, &[]);
        assert_eq!(modules.len(), 1, "{link}");
        assert_eq!(modules[0].sources.len(), 2, "{link}");
        modules[0].from_libraries.len()
    };
    assert_eq!(parts("target_link_libraries(p PRIVATE core)"), 1);
    for option in [
        "-Wl,--whole-archive",
        "$<LINK_LIBRARY:WHOLE_ARCHIVE,core>",
        "/WHOLEARCHIVE:core",
        "-Wl,-force_load",
        "-Wl,-all_load",
    ] {
        let with = format!("target_link_libraries(p PRIVATE {option} core)");
        assert_eq!(parts(&with), 0, "{option}");
        let apart = format!(
            "target_link_libraries(p PRIVATE core)\ntarget_link_options(p PRIVATE {option})"
        );
        assert_eq!(parts(&apart), 0, "{option}");
    }
    // What is linked as objects is there as a whole.
    assert_eq!(parts("target_sources(p PRIVATE $<TARGET_OBJECTS:core>)"), 0);
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
    // A DLL and a test program made of the same files are two modules.
    let two = "add_library(x SHARED a.c b.c)\nadd_executable(t a.c b.c)";
    assert_eq!(
        shown(&[("CMakeLists.txt", two), ("a.c", ""), ("b.c", "")]),
        ["Exe t: a.c b.c", "Dll x: a.c b.c"]
    );
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
    for (name, text) in [
        ("CMakeLists.txt", nested.as_str()),
        ("CMakeLists.txt", recursive),
        (
            "CMakeLists.txt",
            "include(CMakeLists.txt)\nadd_subdirectory(.)\nadd_library()\ntarget_sources()\nif()\nelse",
        ),
        (
            "x.vcxproj",
            "<Project><ItemGroup><ClCompile Include='$($(A)*",
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
