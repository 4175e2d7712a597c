//! What a build folder says, in the place of what build files do.

use super::*;
use crate::module::built::{Built, BuiltKind, of_cmake, of_commands};

const DLL: BuiltKind = BuiltKind::Module(Kind::Dll);

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
    let files = ["one/src/a.c", "two/src/a.c"];
    let sources = Sources::new(
        files
            .iter()
            .map(|path| (path.to_string(), Vec::new()))
            .collect(),
    );
    let names = Names {
        entries: Vec::new(),
        attributes: Vec::new(),
    };
    let facts = scan_all(&sources, &names);
    let build: Vec<Built<FileId>> = sources
        .ids()
        .map(|id| Built {
            name: "hook".to_string(),
            kind: DLL,
            sources: vec![id],
            links: None,
            entry_names: Vec::new(),
            evidence: "its object files in compile_commands.json".to_string(),
        })
        .collect();
    let (modules, _) = find_with_includes(&sources, &facts, &[], &build);
    let shown: Vec<(&str, Kind, &[FileId])> = modules
        .iter()
        .map(|module| (module.name.as_str(), module.kind, &module.sources[..]))
        .collect();
    assert_eq!(
        shown,
        [
            ("hook (one/src)", Kind::Dll, &[FileId(0)][..]),
            ("hook (two/src)", Kind::Dll, &[FileId(1)][..]),
        ]
    );
}
