//! What a build folder says, in the place of what build files do.

use super::*;
use crate::module::built::{Built, BuiltKind, of_cmake, of_commands};

const DLL: BuiltKind = BuiltKind::Module(Kind::Dll);

/// A target that a build tells of: name, kind, sources.
type Told<'t> = (&'t str, BuiltKind, &'t [&'t str]);

/// The modules of a tree of which a build tells targets: `kind name: sources`.
fn shown_of_build(files: &[(&str, &str)], build: &[Told<'_>]) -> Vec<String> {
    let sources = Sources::new(
        files
            .iter()
            .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()))
            .collect(),
    );
    let names = Names {
        entries: Vec::new(),
        attributes: Vec::new(),
    };
    let facts = scan_all(&sources, &names);
    let build: Vec<Built<FileId>> = build
        .iter()
        .map(|(name, kind, paths)| Built {
            name: name.to_string(),
            kind: *kind,
            sources: paths
                .iter()
                .map(|path| sources.find(path).unwrap())
                .collect(),
            links: None,
            entry_names: Vec::new(),
            evidence: "its object files in compile_commands.json".to_string(),
        })
        .collect();
    let (modules, _) = find_with_includes(&sources, &facts, &[], &build);
    modules
        .iter()
        .map(|module| {
            let paths: Vec<&str> = module
                .sources
                .iter()
                .map(|&id| &*sources.file(id).path)
                .collect();
            format!("{:?} {}: {}", module.kind, module.name, paths.join(" "))
        })
        .collect()
}

/// Of libraries that a target waits for it holds only those that it links, and object libraries, which it is made of.
#[test]
fn libraries_that_are_linked_and_libraries_that_are_built_before() {
    let links = |linked: &str| {
        let target = |name: &str, kind: &str, more: &str| {
            format!(
                r#"{{"name": "{name}", "type": "{kind}", "sources": [{{"path": "{name}.c"}}]{more}}}"#
            )
        };
        let more = format!(
            r#", "dependencies": [{{"id": "core-id"}}, {{"id": "tables-id"}}, {{"id": "parts-id"}}, {{"id": "tool-id"}}]{linked}"#
        );
        let entry = |name: &str| format!(r#"{{"id": "{name}-id", "jsonFile": "{name}.json"}}"#);
        let names = ["core", "tables", "parts", "tool", "hook"];
        let entries = names.map(entry).join(", ");
        let reply = [
            (
                "index-1.json",
                r#"{"objects": [{"kind": "codemodel", "version": {"major": 2}, "jsonFile": "model.json"}]}"#
                    .to_string(),
            ),
            (
                "model.json",
                format!(
                    r#"{{"paths": {{"source": "/s"}}, "configurations": [{{"targets": [{entries}]}}]}}"#
                ),
            ),
            ("core.json", target("core", "STATIC_LIBRARY", "")),
            ("tables.json", target("tables", "STATIC_LIBRARY", "")),
            ("parts.json", target("parts", "OBJECT_LIBRARY", "")),
            ("tool.json", target("tool", "EXECUTABLE", "")),
            ("hook.json", target("hook", "SHARED_LIBRARY", &more)),
        ];
        let reply = reply.map(|(name, text)| (name.to_string(), text));
        let built = of_cmake(&BTreeMap::from(reply)).unwrap();
        let hook = built.into_iter().find(|target| target.name == "hook");
        hook.unwrap().links.unwrap()
    };
    let linked =
        r#", "linkLibraries": [{"id": "core-id"}, {"fragment": "user32.lib"}, {"id": "gone-id"}]"#;
    assert_eq!(links(linked), ["core", "parts"]);
    assert_eq!(links(r#", "linkLibraries": []"#), ["parts"]);
    // An older CMake does not tell.
    assert_eq!(links(""), ["core", "parts", "tables"]);
}

#[test]
fn commands_and_the_folders_of_their_objects() {
    let json = r#"[
      {"directory": "/b", "file": "../../s/a.c",
       "command": "cc -Dmy_hook_EXPORTS -o CMakeFiles/my-hook.dir/a.c.obj -c ../../s/a.c "},
      {"directory": "/b", "file": "/s/b.c", "command": "cc -Dmy_hook_EXPORTS -o CMakeFiles/other.dir/b.c.o -c /s/b.c"},
      {"directory": "/b", "file": "/s/c.c", "command": "cc -o tool.p/c.c.o -c /s/c.c"},
      {"directory": "/b", "file": "/s/d.c", "command": "cc -o objects/d.o -c /s/d.c"}
    ]"#;
    let found: Vec<(String, BuiltKind, Vec<String>)> = of_commands(json)
        .unwrap()
        .into_iter()
        .map(|built| (built.name, built.kind, built.sources))
        .collect();
    let expected = [
        ("my-hook", DLL, "/s/a.c"),
        ("other", BuiltKind::Unknown, "/s/b.c"),
        ("tool", BuiltKind::Unknown, "/s/c.c"),
    ];
    let expected =
        expected.map(|(name, kind, source)| (name.to_string(), kind, vec![source.to_string()]));
    assert_eq!(found, expected);
}

/// A target of a build stands where its sources do if no build file stands above them.
#[test]
fn targets_of_a_build_without_build_files() {
    let files = [("one/src/a.c", ""), ("two/src/a.c", "")];
    let build: [Told<'_>; 2] = [
        ("hook", DLL, &["one/src/a.c"]),
        ("hook", DLL, &["two/src/a.c"]),
    ];
    assert_eq!(
        shown_of_build(&files, &build),
        [
            "Dll hook (one/src): one/src/a.c",
            "Dll hook (two/src): two/src/a.c",
        ]
    );
}

/// Each compiler names its output in its own way, and each generator the folder in which it stands.
#[test]
fn outputs_in_the_ways_of_compilers_and_generators() {
    let of = |command: &str| -> Vec<(String, BuiltKind)> {
        let command = command.replace('\\', "\\\\");
        let json = format!(r#"[{{"directory": "/b", "file": "a.c", "command": "{command}"}}]"#);
        let built = of_commands(&json).unwrap().into_iter();
        built.map(|built| (built.name, built.kind)).collect()
    };
    let cases = [
        (
            r"clang-cl -FoCMakeFiles\hook.dir\a.obj -D_USRDLL a.c",
            "hook",
            DLL,
        ),
        (
            "cl /Fo CMakeFiles/hook.dir/a.obj /D_WINDLL=1 a.c",
            "hook",
            DLL,
        ),
        (
            "cl /Fo:CMakeFiles/hook.dir/a.obj /DUSRDLL a.c",
            "hook",
            BuiltKind::Unknown,
        ),
        (
            "cc -U_WINDLL -o CMakeFiles/hook.dir/a.o a.c",
            "hook",
            BuiltKind::Unknown,
        ),
        ("cc -o hook.so.p/a.o a.c", "hook", DLL),
        ("cc -o part.lib.p/a.o a.c", "part", BuiltKind::Part),
    ];
    for (command, name, kind) in cases {
        assert_eq!(of(command), [(name.to_string(), kind)], "{command}");
    }
    for command in [
        "cc a.c -o",
        "cc -o objects/hook.dir/a.o a.c",
        "cl /c a.c /Fo",
    ] {
        assert!(of(command).is_empty(), "{command}");
    }
}

/// Where a build does not say what it makes of sources, the list of the same name does that has some of them.
#[test]
fn kinds_of_built_targets_from_their_lists() {
    fn hook<'t>(sources: &'t [&'t str]) -> [Told<'t>; 1] {
        [("hook", BuiltKind::Unknown, sources)]
    }
    // Meson.
    let files = [
        ("hook.c", ""),
        ("meson.build", "shared_module('hook', 'hook.c')\n"),
    ];
    assert_eq!(
        shown_of_build(&files, &hook(&["hook.c"])),
        ["Dll hook: hook.c"]
    );
    // Another project's target of that name is another one.
    let files = [
        ("one/CMakeLists.txt", "add_library(hook SHARED a.c)\n"),
        ("one/a.c", ""),
        ("two/b.c", ""),
    ];
    assert_eq!(
        shown_of_build(&files, &hook(&["two/b.c"])),
        ["Dll hook (one): one/a.c", "Unknown hook (two): two/b.c"]
    );
    // One whose list is not understood may be the one, if no other has the sources.
    let open = ("one/CMakeLists.txt", "add_library(hook SHARED ${LIST})\n");
    let files = [open, ("two/b.c", "")];
    assert_eq!(
        shown_of_build(&files, &hook(&["two/b.c"])),
        ["Dll hook: two/b.c"]
    );
    let files = [
        open,
        ("two/CMakeLists.txt", "add_library(hook STATIC b.c)\n"),
        ("two/b.c", ""),
    ];
    assert_eq!(
        shown_of_build(&files, &hook(&["two/b.c"])),
        ["Unknown hook: two/b.c"]
    );
}

/// What the lists keep for other systems counts where it has been built.
#[test]
fn built_targets_of_other_systems() {
    let files = [
        (
            "CMakeLists.txt",
            "if(UNIX)\n add_subdirectory(nix)\nendif()\nadd_library(m SHARED m.c)\n",
        ),
        ("m.c", ""),
        ("nix/CMakeLists.txt", "add_library(n SHARED n.c)\n"),
        ("nix/n.c", ""),
    ];
    let build: [Told<'_>; 1] = [("n", BuiltKind::Unknown, &["nix/n.c"])];
    assert_eq!(
        shown_of_build(&files, &build),
        ["Dll m: m.c", "Dll n: nix/n.c"]
    );
}

/// The index tells of other objects too, of which some have the code model's version.
#[test]
fn the_code_model_among_other_objects() {
    let of = |objects: &[(&str, u32, &str)]| {
        let objects: Vec<String> = objects
            .iter()
            .map(|(kind, major, file)| {
                format!(
                    r#"{{"kind": "{kind}", "version": {{"major": {major}, "minor": 0}}, "jsonFile": "{file}"}}"#
                )
            })
            .collect();
        let index = format!(r#"{{"objects": [{}]}}"#, objects.join(", "));
        let reply = [
            ("index-1.json", index.as_str()),
            ("cache.json", r#"{"kind": "cache", "entries": []}"#),
            (
                "model.json",
                r#"{"paths": {"source": "/s"}, "configurations": [{"targets": [{"id": "a", "jsonFile": "a.json"}]}]}"#,
            ),
            (
                "a.json",
                r#"{"name": "a", "type": "SHARED_LIBRARY", "sources": [{"path": "a.c"}]}"#,
            ),
        ];
        let reply = reply.map(|(name, text)| (name.to_string(), text.to_string()));
        of_cmake(&BTreeMap::from(reply))
    };
    let cache = ("cache", 2, "cache.json");
    let old = ("codemodel", 1, "model.json");
    let found = of(&[
        cache,
        ("codemodel", 1, "gone.json"),
        ("codemodel", 2, "model.json"),
    ]);
    let sources: Vec<Vec<String>> = found
        .unwrap()
        .into_iter()
        .map(|built| built.sources)
        .collect();
    assert_eq!(sources, [["/s/a.c"]]);
    assert!(of(&[cache, old]).unwrap_err().contains("no code model"));
}
