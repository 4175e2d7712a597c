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
    let other = "if(TRUE)\n add_subdirectory(more)\nelse()\n add_subdirectory(part)\nendif()\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", other),
            ("more/CMakeLists.txt", "add_library(more SHARED more.c)\n"),
            ("more/more.c", ""),
            ("part/CMakeLists.txt", "add_library(part SHARED part.c)\n"),
            ("part/part.c", ""),
        ]),
        ["Dll more: more/more.c", "Dll part: part/part.c"]
    );
}

/// What lists hold is followed as far as it is sure.
#[test]
fn cmake_lists_that_change() {
    let of = |commands: &str| {
        let top = format!(
            "set(FILES a.c b.c)\n{commands}\nadd_library(m SHARED ${{FILES}})\n\
             add_executable(t t.c b.c src/a.c)\n"
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

/// A library whose name comes from elsewhere is called as its folder, of which the topmost has none.
#[test]
fn cmake_names_from_elsewhere() {
    assert_eq!(
        shown(&[
            (
                "CMakeLists.txt",
                "add_subdirectory(part/hook)\nadd_library(x SHARED x.c)\nadd_library(${name} SHARED y.c)"
            ),
            ("part/hook/CMakeLists.txt", "add_library(${name} hook.c)"),
            ("part/hook/hook.c", ""),
            ("x.c", ""),
            ("y.c", ""),
        ]),
        [
            "Dll (top): y.c",
            "Dll x: x.c",
            "Unknown hook: part/hook/hook.c"
        ]
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

/// What a condition says on Windows; where that depends on the build, both lists count.
#[test]
fn cmake_conditions() {
    let of = |condition: &str| {
        let list = format!(
            "set(FILES a.c)\nif({condition})\n set(FILES b.c)\nendif()\nadd_library(m SHARED ${{FILES}})\n\
             add_executable(t t.c a.c b.c)\n"
        );
        shown(&[
            ("CMakeLists.txt", &list),
            ("a.c", ""),
            ("b.c", ""),
            ("t.c", MAIN),
        ])
        .remove(0)
    };
    // As deep as brackets are followed.
    let nested = format!("{}WIN32{}", "(".repeat(32), ")".repeat(32));
    for holds in [
        "WIN32 OR WITH_X",
        "WITH_X OR WIN32",
        "WIN32 AND NOT UNIX",
        "NOT (UNIX OR APPLE)",
        "NOT (WITH_X AND UNIX)",
        "UNIX AND WITH_X OR WIN32",
        nested.as_str(),
    ] {
        assert_eq!(of(holds), "Dll m: b.c", "{holds}");
    }
    for fails in [
        "UNIX OR APPLE",
        "UNIX AND WITH_X",
        "WITH_X AND UNIX",
        "(UNIX)",
        "NOT DEFINED X AND UNIX",
        "MSVC_VERSION GREATER 1900 AND UNIX",
        "NOT (WITH_X OR WIN32)",
    ] {
        assert_eq!(of(fails), "Dll m: a.c", "{fails}");
    }
    let deep = format!("{}WIN32{}", "(".repeat(40), ")".repeat(40));
    for open in [
        "UNIX OR WITH_X",
        "WIN32 AND WITH_X",
        "TARGET zlib",
        "NOT EXISTS x.c",
        "MSVC_VERSION GREATER 1900",
        "WITH_X OR WITH_Y",
        "WITH_X AND WITH_Y",
        deep.as_str(),
    ] {
        assert_eq!(of(open), "Dll m: a.c b.c", "{open}");
    }
}

#[test]
fn cmake_loops() {
    let of = |commands: &str| {
        let list = format!("{commands}\nadd_executable(z z.c a.c b.c c.c)\n");
        shown(&[
            ("CMakeLists.txt", &list),
            ("a.c", ""),
            ("b.c", ""),
            ("c.c", ""),
            ("z.c", MAIN),
        ])
    };
    let lists = "set(A a.c)\nset(B b.c)\nforeach(file IN LISTS A B ITEMS c.c)\n list(APPEND FILES ${file})\n\
        endforeach()\nadd_library(m SHARED ${FILES})";
    assert_eq!(of(lists)[0], "Dll m: a.c b.c c.c");
    let until = "set(FILES a.c)\nwhile(NOT DONE)\n list(APPEND FILES b.c)\n set(DONE TRUE)\nendwhile()\n\
        add_library(m SHARED ${FILES})";
    assert_eq!(of(until)[0], "Dll m: a.c b.c");
    // Nobody knows whether it is entered.
    let open = "set(FILES a.c)\nwhile(WITH_B)\n set(FILES b.c)\nendwhile()\nadd_library(m SHARED ${FILES})";
    assert_eq!(of(open)[0], "Dll m: a.c b.c");
    let first = "function(first)\n foreach(name ${ARGN})\n  add_library(${name} SHARED ${name}.c)\n  return()\n \
        endforeach()\nendfunction()\nfirst(a b)";
    assert_eq!(of(first), ["Dll a: a.c", "Exe z: a.c b.c c.c z.c"]);
    let left = "function(first)\n foreach(name a)\n  return()\n endforeach()\n add_library(m SHARED a.c)\nendfunction()\n\
        first()";
    assert_eq!(of(left), ["Exe z: a.c b.c c.c z.c"]);
    let numbers = "foreach(n RANGE 1 3 2)\n add_library(m${n} SHARED m${n}.c)\nendforeach()";
    let numbered = shown(&[
        ("CMakeLists.txt", numbers),
        ("m1.c", ""),
        ("m2.c", ""),
        ("m3.c", ""),
    ]);
    assert_eq!(numbered[..2], ["Dll m1: m1.c", "Dll m3: m3.c"]);
    // A step of none leads nowhere.
    let none = "foreach(n RANGE 1 3 0)\n add_library(m${n} SHARED m${n}.c)\nendforeach()";
    let found = shown(&[("CMakeLists.txt", none), ("m1.c", ""), ("m2.c", "")]);
    assert_eq!(found, ["Unknown (top): m1.c m2.c"]);
}

#[test]
fn cmake_names_from_files_and_macros() {
    let list = "macro(parse)\n cmake_parse_arguments(ARG \"\" \"NAME\" \"SOURCES\" ${ARGN})\nendmacro()\n\
        function(plugin)\n parse(${ARGN})\n add_library(${ARG_NAME} SHARED ${ARG_SOURCES})\nendfunction()\n\
        plugin(NAME m SOURCES a.c)\n\
        file(GLOB files RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} src/*.c)\nforeach(file ${files})\n \
        string(REPLACE \".c\" \"\" name ${file})\n add_executable(${name} ${file})\nendforeach()\n";
    let files = [("CMakeLists.txt", list), ("a.c", ""), ("src/one.c", MAIN)];
    assert_eq!(shown(&files), ["Dll m: a.c", "Exe src/one: src/one.c"]);
}

#[test]
fn cmake_blocks_that_nothing_ends() {
    // Each would look for its end through all of the rest.
    let list = "foreach(x a b)\n".repeat(3000);
    let started = std::time::Instant::now();
    shown(&[("CMakeLists.txt", &list), ("main.c", MAIN)]);
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn cmake_parts_of_names() {
    let list = "foreach(file tools/one.x.c tools/two.c)\n get_filename_component(name ${file} NAME_WE)\n \
        get_filename_component(stem ${file} NAME_WLE)\n \
        add_executable(${name} ${file} tools/${stem}.h.c)\nendforeach()\n\
        get_filename_component(HERE ${CMAKE_CURRENT_LIST_FILE} DIRECTORY)\n\
        get_filename_component(FULL src/f.c ABSOLUTE)\n\
        get_filename_component(LEAF other/l.c NAME)\n\
        string(REPLACE \"-debug\" \"\" PLAIN src/hook-debug.c)\n\
        add_library(m SHARED ${HERE}/m.c ${FULL} ${LEAF} ${PLAIN})\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", list),
            ("tools/one.x.c", MAIN),
            ("tools/one.x.h.c", ""),
            ("tools/two.c", MAIN),
            ("m.c", ""),
            ("l.c", ""),
            ("src/f.c", ""),
            ("src/hook.c", ""),
        ]),
        [
            "Dll m: l.c m.c src/f.c src/hook.c",
            "Exe one: tools/one.x.c tools/one.x.h.c",
            "Exe two: tools/two.c",
        ]
    );
}

/// The names of the outermost project and of the nearest one.
#[test]
fn cmake_projects_below_projects() {
    let part = "project(Small)\naux_source_directory(src FILES)\n\
        add_library(${CMAKE_PROJECT_NAME}_${PROJECT_NAME} SHARED ${FILES})\n\
        add_library(other SHARED ${Big_SOURCE_DIR}/o.c)\n";
    assert_eq!(
        shown(&[
            (
                "CMakeLists.txt",
                "project(Big)\nadd_subdirectory(absent)\nadd_subdirectory(part)\n"
            ),
            ("part/CMakeLists.txt", part),
            ("o.c", ""),
            ("part/src/p.c", ""),
            ("part/src/q.cpp", ""),
        ]),
        [
            "Dll Big_Small: part/src/p.c part/src/q.cpp",
            "Dll other: o.c",
        ]
    );
}

#[test]
fn cmake_globs() {
    let top = "add_subdirectory(part)\nfile(WRITE A b.c)\nfile(GLOB A ${QT_DIR}/*.c a.c)\nadd_library(a SHARED ${A})\n\
        file(GLOB_RECURSE DEEP deep.c)\nadd_library(deep SHARED ${DEEP})\n";
    let part = "file(GLOB FILES LIST_DIRECTORIES false RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.c)\n\
        foreach(file ${FILES})\n string(REPLACE \".c\" \"\" name ${file})\n add_executable(${name} ${file})\nendforeach()\n\
        file(GLOB MORE RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ../common/*.c)\nadd_library(common SHARED ${MORE})\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", top),
            ("part/CMakeLists.txt", part),
            ("a.c", ""),
            ("deep.c", ""),
            ("x/deep.c", ""),
            ("x/y/deep.c", ""),
            ("common/c.c", ""),
            ("part/one.c", MAIN),
            ("part/two.c", MAIN),
        ]),
        [
            "Dll a: a.c",
            "Dll deep: deep.c x/deep.c x/y/deep.c",
            "Dll common: common/c.c",
            "Exe one: part/one.c",
            "Exe two: part/two.c",
        ]
    );
}

/// What functions and macros leave behind for their caller, and what they read of their arguments.
#[test]
fn cmake_results_of_functions_and_macros() {
    let top = "include(Wrap)\ncollect(FILES)\ngather()\nadd_library(m SHARED ${FILES} ${MORE})\n\
        set(KIND_TRUE MODULE)\nset(KIND_FALSE STATIC)\nmy_add(plugin LOADABLE SOURCES p.c q.c LEAN t.c)\n\
        my_add(parts SOURCES s.c LEAN u.c)\ntarget_link_libraries(plugin parts)\n";
    // A word behind an option belongs to no keyword.
    let wrap = "function(collect out)\n set(${out} a.c b.c PARENT_SCOPE)\nendfunction()\n\
        macro(gather)\n set(MORE c.c)\nendmacro()\n\
        function(my_add name)\n cmake_parse_arguments(PARSE_ARGV 1 MY \"LOADABLE;LEAN\" \"\" \"SOURCES\")\n \
        add_library(${name} ${KIND_${MY_LOADABLE}} ${MY_SOURCES})\n \
        add_executable(${name}_test ${MY_UNPARSED_ARGUMENTS})\nendfunction()\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", top),
            ("cmake/Wrap.cmake", wrap),
            ("a.c", ""),
            ("b.c", ""),
            ("c.c", ""),
            ("p.c", ""),
            ("q.c", ""),
            ("s.c", ""),
            ("t.c", MAIN),
            ("u.c", MAIN),
        ]),
        [
            "Dll m: a.c b.c c.c",
            "Exe parts_test: u.c",
            "Dll plugin: p.c q.c s.c",
            "Exe plugin_test: t.c",
        ]
    );
}

/// A foreign command that is given no source sets something of a target, and makes none.
#[test]
fn cmake_foreign_commands_with_a_type_or_without_sources() {
    let list = "foo_add_library(a SHARED a.c)\nfoo_add_library(b STATIC b.c)\nadd_executable(t t.c)\n\
        target_link_libraries(t b)\ninstall_plugin(t DESTINATION lib)\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", list),
            ("a.c", ""),
            ("b.c", ""),
            ("t.c", MAIN),
        ]),
        ["Dll a: a.c", "Exe t: b.c t.c"]
    );
}

/// What another build made, and what has neither a name nor sources, is no module that could hold a file.
#[test]
fn cmake_commands_that_make_nothing() {
    let list = "add_library(${NAME})\npybind11_add_module(${OTHER})\nadd_library(zlib SHARED IMPORTED)\n\
        add_executable(t t/t.c)\n";
    assert_eq!(
        shown(&[("CMakeLists.txt", list), ("t/t.c", MAIN), ("u/u.c", "")]),
        ["Exe t: t/t.c u/u.c"]
    );
}

/// A target that two arms make is one, and a property of it is found by its name.
#[test]
fn cmake_targets_that_are_made_twice() {
    let list = "if(WITH_STATIC)\n add_library(a STATIC a.c)\nelse()\n add_library(a SHARED a.c b.c)\nendif()\n\
        if(WITH_B)\n add_executable(t t.c b.c)\nelse()\n add_executable(t t.c made.c)\nendif()\n\
        set_property(TARGET a PROPERTY LINK_FLAGS \"/ENTRY:Start\")\n\
        set_property(TARGET absent PROPERTY LINK_FLAGS \"/ENTRY:Other\")\n\
        set_target_properties(absent PROPERTIES FOLDER x)\ntarget_link_libraries(absent t)\n";
    let files = [
        ("CMakeLists.txt", list),
        ("a.c", ""),
        ("b.c", ""),
        ("t.c", MAIN),
    ];
    assert_eq!(shown(&files), ["Dll a: a.c b.c", "Exe t: b.c t.c"]);
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[0].entry_names, ["Start"]);
    assert_eq!(
        modules[0].evidence,
        [
            "add_library(a STATIC …) in CMakeLists.txt",
            "add_library(a SHARED …) in CMakeLists.txt",
        ]
    );
    assert!(modules[1].entry_names.is_empty());
    assert_eq!(modules[1].evidence.len(), 1);
}

/// A module definition file among the sources of a library without a type makes a DLL of it, and one without may be one
/// where the lists speak of BUILD_SHARED_LIBS.
#[test]
fn cmake_definition_files() {
    let libraries = "add_library(a a.c)\nadd_library(d d.c def/d.def)\nadd_library(s STATIC s.c def/s.def)\n\
        add_executable(t t.c)\ntarget_link_libraries(t a d s)\n";
    let shared = format!("if(BUILD_SHARED_LIBS)\n add_definitions(-DX)\nendif()\n{libraries}");
    let of = |list: &str| {
        let files = [
            ("CMakeLists.txt", list),
            ("a.c", ""),
            ("d.c", ""),
            ("s.c", ""),
            ("def/d.def", "EXPORTS\n f\n"),
            ("def/s.def", "EXPORTS\n f\n"),
            ("t.c", MAIN),
        ];
        let (_, modules) = find_in(&files, &[]);
        let dll = modules.iter().find(|module| module.name == "d");
        let evidence = dll.map(|module| module.evidence.join(", "));
        assert_eq!(
            evidence.as_deref(),
            Some("add_library(d …) in CMakeLists.txt, module definition file def/d.def")
        );
        shown(&files)
    };
    assert_eq!(of(libraries), ["Dll d: d.c", "Exe t: a.c s.c t.c"]);
    assert_eq!(
        of(&shared),
        ["Unknown a: a.c", "Dll d: d.c", "Exe t: a.c s.c t.c"]
    );
}

#[test]
fn cmake_paths_and_their_escapes() {
    let list = "#[1] add_library(n SHARED b.c)\nset(B b.c)\nset(FILES a.c b.c)\nlist(REMOVE_ITEM FILES [[${B}]])\n\
        add_library(m SHARED ${FILES} win\\\\w.c my\\ file.c)\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", list),
            ("a.c", ""),
            ("b.c", ""),
            ("win/w.c", ""),
            ("my file.c", ""),
        ]),
        ["Dll m: a.c b.c my file.c win/w.c"]
    );
    // Of a path below a folder that is not known the last parts are looked for.
    let unknown = "add_library(m SHARED made.c ${TOP}/src/s.c lib.${EXT})\nadd_library(o SHARED o/o.c)\n\
        add_library(p SHARED ${TOP}/more/deep/p.c)\n";
    assert_eq!(
        shown(&[
            ("CMakeLists.txt", unknown),
            ("o/o.c", ""),
            ("p.c", MAIN),
            ("src/s.c", ""),
            ("x/more/deep/p.c", ""),
        ]),
        [
            "Dll m: src/s.c",
            "Dll o: o/o.c",
            "Dll p: x/more/deep/p.c",
            "Exe (top): p.c",
        ]
    );
}

/// Of many folders side by side none stands deeper than the others.
#[test]
fn cmake_many_folders() {
    let names: Vec<String> = (10..40).map(|number| format!("part{number}")).collect();
    let mut files: Vec<(String, String)> = Vec::new();
    let mut top = String::new();
    for name in &names {
        top.push_str(&format!("add_subdirectory({name})\n"));
        files.push((
            format!("{name}/CMakeLists.txt"),
            format!("add_library({name} SHARED p.c)\n"),
        ));
        files.push((format!("{name}/p.c"), String::new()));
    }
    files.push(("CMakeLists.txt".to_string(), top));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let expected: Vec<String> = names
        .iter()
        .map(|name| format!("Dll {name}: {name}/p.c"))
        .collect();
    assert_eq!(shown(&files), expected);
}
