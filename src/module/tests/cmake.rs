//! CMake.

use super::*;

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
