//! What a build folder says: CMake's file API, or `compile_commands.json` where there is no reply of it.
//!
//! In come the texts of the files, out go targets with the paths of their sources as the build wrote them; which of the
//! analysed files these are, the caller finds out. Nothing that is named here is ever opened.

use super::entry_symbols;
use super::tree::{Tree, file_name, parent};
use super::{Kind, Target, TargetKind};
use crate::source::FileId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a build makes of a target's sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltKind {
    /// A DLL or an EXE.
    Module(Kind),
    /// A static or object library.
    Part,
    /// The build does not say.
    Unknown,
}

/// A target of a build. `S` is what stands for a source: a path, and then a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built<S> {
    pub name: String,
    pub kind: BuiltKind,
    pub sources: Vec<S>,
    /// Names of the static and object libraries that it holds; `None` where the build does not say.
    pub links: Option<Vec<String>>,
    /// Entry points that linker options name.
    pub entry_names: Vec<String>,
    /// For people: `SHARED_LIBRARY in CMake's file API`.
    pub evidence: String,
}

impl<S> Built<S> {
    /// The same with files in place of paths; what is none of the files goes.
    pub fn resolved<F>(&self, mut file: impl FnMut(&S) -> Option<F>) -> Built<F> {
        Built {
            name: self.name.clone(),
            kind: self.kind,
            sources: self.sources.iter().filter_map(&mut file).collect(),
            links: self.links.clone(),
            entry_names: self.entry_names.clone(),
            evidence: self.evidence.clone(),
        }
    }
}

/// Reads the reply of CMake's file API: the texts of the files of `.cmake/api/v1/reply`, by name.
///
/// # Errors
/// A message for people: no index, or one without a code model.
pub fn of_cmake(reply: &BTreeMap<String, String>) -> Result<Vec<Built<String>>, String> {
    let read = |name: &str| -> Option<Value> { serde_json::from_str(reply.get(name)?).ok() };
    // The last one by name is the current one, says CMake.
    let index = reply
        .keys()
        .rev()
        .find(|name| name.starts_with("index-") && name.ends_with(".json"))
        .and_then(|name| read(name))
        .ok_or("the reply of CMake's file API has no index")?;
    let objects = index["objects"].as_array().map_or(&[][..], Vec::as_slice);
    let model = objects
        .iter()
        .find(|object| object["kind"] == "codemodel" && object["version"]["major"] == 2)
        .and_then(|object| read(object["jsonFile"].as_str()?))
        .ok_or("the reply of CMake's file API holds no code model of version 2; query `codemodel-v2` and configure again")?;
    let top = text(&model["paths"]["source"]).to_string();
    // Of several configurations the first one: they differ in options, and hardly in sources.
    let entries = model["configurations"][0]["targets"].as_array();
    let targets: Vec<(String, Value)> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some((
                text(&entry["id"]).to_string(),
                read(entry["jsonFile"].as_str()?)?,
            ))
        })
        .collect();
    let kinds: BTreeMap<&str, (&str, &str)> = targets
        .iter()
        .map(|(id, target)| (id.as_str(), (text(&target["name"]), text(&target["type"]))))
        .collect();
    Ok(targets
        .iter()
        .filter_map(|(_, target)| {
            let word = text(&target["type"]);
            let kind = match word {
                "EXECUTABLE" => BuiltKind::Module(Kind::Exe),
                "SHARED_LIBRARY" | "MODULE_LIBRARY" => BuiltKind::Module(Kind::Dll),
                "STATIC_LIBRARY" | "OBJECT_LIBRARY" => BuiltKind::Part,
                _ => return None,
            };
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            // What must be built first is less than what is linked; CMake tells the latter only of late.
            let tells_links = target["linkLibraries"].is_array();
            let mut links: Vec<String> = list(&target["linkLibraries"])
                .iter()
                .chain(&list(&target["dependencies"]))
                .filter_map(|dependency| kinds.get(text(&dependency["id"])))
                .filter(|(_, kind)| *kind == "OBJECT_LIBRARY" || *kind == "STATIC_LIBRARY")
                .map(|(name, _)| name.to_string())
                .collect();
            if tells_links {
                let linked: Vec<&str> = list_of_ids(&target["linkLibraries"])
                    .filter_map(|id| kinds.get(id))
                    .map(|(name, _)| *name)
                    .collect();
                let is_object =
                    |name: &str| kinds.values().any(|kind| *kind == (name, "OBJECT_LIBRARY"));
                links.retain(|name| linked.contains(&name.as_str()) || is_object(name));
            }
            links.sort();
            links.dedup();
            let fragments = list(&target["link"]["commandFragments"]);
            Some(Built {
                name: text(&target["name"]).to_string(),
                kind,
                sources: list(&target["sources"])
                    .iter()
                    .map(|source| absolute(&top, text(&source["path"])))
                    .collect(),
                links: Some(links),
                entry_names: fragments
                    .iter()
                    .flat_map(|fragment| entry_symbols(text(&fragment["fragment"])))
                    .collect(),
                evidence: format!("{word} in CMake's file API"),
            })
        })
        .collect())
}

/// Reads `compile_commands.json`. The folder of an object tells its target, as CMake (`CMakeFiles/name.dir`) and Meson
/// (`name.dll.p`) write it; commands without one are left out.
///
/// # Errors
/// A message for people: no list of commands.
pub fn of_commands(json: &str) -> Result<Vec<Built<String>>, String> {
    let commands: Vec<Value> = serde_json::from_str(json)
        .map_err(|error| format!("compile_commands.json is not what it should be: {error}"))?;
    let mut targets: BTreeMap<String, Built<String>> = BTreeMap::new();
    for command in &commands {
        let words = words_of(command);
        let directory = text(&command["directory"]);
        let Some((name, told)) =
            output_of(command, &words).and_then(|output| target_of(&absolute(directory, &output)))
        else {
            continue;
        };
        let built = targets.entry(name.clone()).or_insert_with(|| Built {
            name: name.clone(),
            kind: told,
            sources: Vec::new(),
            links: None,
            entry_names: Vec::new(),
            evidence: "its object files in compile_commands.json".to_string(),
        });
        if built.kind == BuiltKind::Unknown && words.iter().any(|word| defines_dll(word, &name)) {
            built.kind = BuiltKind::Module(Kind::Dll);
            built.evidence = "compiled as part of a DLL in compile_commands.json".to_string();
        }
        built
            .sources
            .push(absolute(directory, text(&command["file"])));
    }
    Ok(targets.into_values().collect())
}

fn list_of_ids(value: &Value) -> impl Iterator<Item = &str> {
    let items = value.as_array().into_iter().flatten();
    items.map(|item| text(&item["id"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A path as seen from a folder, with `/` between its parts and without `.` and `..`.
fn absolute(folder: &str, path: &str) -> String {
    let path = path.replace('\\', "/");
    let is_rooted = path.starts_with('/') || path.get(1..3).is_some_and(|rest| rest == ":/");
    let whole = if is_rooted {
        path
    } else {
        format!("{}/{path}", folder.replace('\\', "/"))
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." => {
                if parts.len() > 1 {
                    parts.pop();
                }
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The arguments of a command: a list, or a line as a shell or cl.exe reads it.
fn words_of(command: &Value) -> Vec<String> {
    if let Some(arguments) = command["arguments"].as_array() {
        return arguments
            .iter()
            .map(|word| text(word).to_string())
            .collect();
    }
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quote, mut is_open) = (None, false);
    for letter in text(&command["command"]).chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            Some(_) => word.push(letter),
            None if letter == '"' || letter == '\'' => (quote, is_open) = (Some(letter), true),
            None if letter.is_whitespace() => {
                if is_open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                is_open = false;
            }
            None => word.push(letter),
        }
    }
    if is_open || !word.is_empty() {
        words.push(word);
    }
    words
}

/// The object that a command makes.
fn output_of(command: &Value, words: &[String]) -> Option<String> {
    if let Some(output) = command["output"].as_str() {
        return Some(output.to_string());
    }
    let next = |index: usize| words.get(index + 1).cloned();
    words.iter().enumerate().find_map(|(index, word)| {
        match word
            .strip_prefix("/Fo")
            .or_else(|| word.strip_prefix("-Fo"))
        {
            Some("") => next(index),
            Some(path) => Some(path.trim_start_matches(':').to_string()),
            None if word == "-o" => next(index),
            None => None,
        }
    })
}

/// The target whose folder an object stands in, and what the folder's name tells about it.
fn target_of(object: &str) -> Option<(String, BuiltKind)> {
    let mut parts = object.split('/').rev().skip(1).peekable();
    while let Some(part) = parts.next() {
        if let Some(name) = part.strip_suffix(".dir")
            && parts.peek() == Some(&"CMakeFiles")
        {
            return Some((name.to_string(), BuiltKind::Unknown));
        }
        let Some(artifact) = part.strip_suffix(".p") else {
            continue;
        };
        let (stem, ending) = artifact.rsplit_once('.').unwrap_or((artifact, ""));
        let kind = match ending {
            "dll" | "so" => BuiltKind::Module(Kind::Dll),
            "exe" => BuiltKind::Module(Kind::Exe),
            "a" | "lib" => BuiltKind::Part,
            _ => BuiltKind::Unknown,
        };
        return Some((stem.to_string(), kind));
    }
    None
}

/// Whether an argument defines what only the sources of a DLL are compiled with: `name_EXPORTS`, which CMake defines,
/// `_USRDLL`, `_WINDLL`.
fn defines_dll(word: &str, target: &str) -> bool {
    let Some(name) = word.strip_prefix("-D").or_else(|| word.strip_prefix("/D")) else {
        return false;
    };
    let name = name.split('=').next().unwrap_or(name);
    let own: String = target
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    name == "_USRDLL" || name == "_WINDLL" || name.strip_suffix("_EXPORTS") == Some(&own)
}

/// Puts a build's targets in the place of those that build files were read for: what is built is known, what is not
/// built keeps the sources that no target of the build has.
pub(super) fn apply(tree: &Tree, build: &[Built<FileId>], targets: &mut Vec<Target>) {
    let is_cmake = |target: &Target| {
        let name = file_name(tree.path(target.build)).to_ascii_lowercase();
        name == "cmakelists.txt" || name == "meson.build" || name.ends_with(".cmake")
    };
    let claimed: BTreeSet<FileId> = build
        .iter()
        .flat_map(|built| built.sources.iter().copied())
        .collect();
    // Of several of the name the one that lists most of the same sources, else one whose list was not understood.
    let twin = |built: &Built<FileId>, targets: &[Target]| {
        let common = |target: &Target| {
            let sources = target.sources.iter();
            sources.filter(|id| built.sources.contains(id)).count()
        };
        targets
            .iter()
            .enumerate()
            .filter(|(_, target)| target.name == built.name && is_cmake(target))
            .filter(|(_, target)| target.sources.is_empty() || common(target) > 0)
            .max_by_key(|&(index, target)| (common(target), usize::MAX - index))
            .map(|(index, _)| index)
    };
    let keys: BTreeMap<&str, String> = build
        .iter()
        .map(|built| {
            let key = twin(built, targets)
                .map(|index| targets[index].key.clone())
                .filter(|key| !key.is_empty());
            let key = key.unwrap_or_else(|| format!("built:{}", built.name));
            (built.name.as_str(), key)
        })
        .collect();
    let mut made = Vec::new();
    for built in build.iter().filter(|built| !built.sources.is_empty()) {
        let twin = twin(built, targets).map(|index| targets.remove(index));
        let mut target = match twin {
            Some(target) => target,
            None => Target::new(build_file(tree, &built.sources)),
        };
        target.name.clone_from(&built.name);
        target.key.clone_from(&keys[built.name.as_str()]);
        target.sources.clone_from(&built.sources);
        target.is_complete = true;
        target.elsewhere = false;
        target.entry_names.extend(built.entry_names.iter().cloned());
        if built.kind != BuiltKind::Unknown {
            target.untyped = false;
            target.evidence = vec![built.evidence.clone()];
        } else {
            target.evidence.push(built.evidence.clone());
        }
        match built.kind {
            BuiltKind::Module(kind) => target.kind = TargetKind::Made(Some(kind)),
            BuiltKind::Part => target.kind = TargetKind::Contained,
            BuiltKind::Unknown => {}
        }
        if let Some(links) = &built.links {
            let links = links.iter();
            target.links = links
                .filter_map(|name| keys.get(name.as_str()).cloned())
                .collect();
        }
        made.push(target);
    }
    for target in targets.iter_mut() {
        let before = target.sources.len();
        target.sources.retain(|id| !claimed.contains(id));
        // Another build file's list of the same sources: nothing of it is left.
        if target.sources.is_empty() && before > 0 {
            target.elsewhere = true;
        }
    }
    targets.extend(made);
}

/// The CMakeLists.txt or meson.build next above all the sources, else the first of them.
fn build_file(tree: &Tree, sources: &[FileId]) -> FileId {
    let common = super::common_folder(tree, sources.iter().copied());
    let mut folder = common.as_str();
    loop {
        for name in ["CMakeLists.txt", "meson.build"] {
            if let Some(id) = tree.find(&super::tree::join(folder, name)) {
                return id;
            }
        }
        if folder.is_empty() || folder == "/" {
            return sources[0];
        }
        folder = parent(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_tell_their_targets() {
        let json = r#"[
          {"directory": "/b", "file": "/s/a.c", "output": "CMakeFiles/hook.dir/a.c.obj",
           "command": "cc -Dhook_EXPORTS \"-DX=a b\" -o CMakeFiles/hook.dir/a.c.obj -c /s/a.c"},
          {"directory": "C:\\b", "file": "..\\s\\b.cpp",
           "arguments": ["cl", "/D_WINDLL", "/FoCMakeFiles\\net.dir\\b.obj", "/c", "..\\s\\b.cpp"]},
          {"directory": "/b", "file": "../s/c.c", "command": "cc -o app.exe.p/c.c.obj -c ../s/c.c"},
          {"directory": "/b", "file": "d.c", "command": "cc -o libpart.a.p/d.c.obj -c d.c"},
          {"directory": "/b", "file": "e.c", "command": "cc -o CMakeFiles/tool.dir/e.c.o -c e.c"},
          {"directory": "/b", "file": "f.c", "command": "cc -c f.c"}
        ]"#;
        let found: Vec<(String, BuiltKind, Vec<String>)> = of_commands(json)
            .unwrap()
            .into_iter()
            .map(|built| (built.name, built.kind, built.sources))
            .collect();
        let dll = BuiltKind::Module(Kind::Dll);
        let expected = [
            ("app", BuiltKind::Module(Kind::Exe), "/s/c.c"),
            ("hook", dll, "/s/a.c"),
            ("libpart", BuiltKind::Part, "/b/d.c"),
            ("net", dll, "C:/s/b.cpp"),
            ("tool", BuiltKind::Unknown, "/b/e.c"),
        ];
        let expected =
            expected.map(|(name, kind, source)| (name.to_string(), kind, vec![source.to_string()]));
        assert_eq!(found, expected);
        assert!(of_commands("{}").is_err() && of_commands("[").is_err());
    }

    #[test]
    fn a_reply_without_its_parts_is_told_or_passed_over() {
        let reply = |files: &[(&str, &str)]| -> BTreeMap<String, String> {
            files
                .iter()
                .map(|(name, text)| (name.to_string(), text.to_string()))
                .collect()
        };
        assert!(of_cmake(&reply(&[])).unwrap_err().contains("no index"));
        let index = |file: &str| {
            format!(
                r#"{{"objects": [{{"kind": "codemodel", "version": {{"major": 2}}, "jsonFile": "{file}"}}]}}"#
            )
        };
        let missing = reply(&[("index-1.json", &index("../../secret.json"))]);
        assert!(of_cmake(&missing).unwrap_err().contains("no code model"));
        let model = r#"{"paths": {"source": "/s"}, "configurations": [{"targets": [
            {"id": "a", "jsonFile": "target-a.json"}, {"id": "gone", "jsonFile": "target-gone.json"}]}]}"#;
        let target = r#"{"name": "a", "type": "SHARED_LIBRARY", "sources": [{"path": "a.c"}, {"path": "/else/b.c"}],
            "link": {"commandFragments": [{"fragment": "/ENTRY:Start"}]}}"#;
        let found = of_cmake(&reply(&[
            ("index-1.json", "not the current one"),
            ("index-2.json", &index("model.json")),
            ("model.json", model),
            ("target-a.json", target),
        ]))
        .unwrap();
        let [built] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(built.sources, ["/s/a.c", "/else/b.c"]);
        assert_eq!(built.entry_names, ["Start"]);
    }

    /// What has a space in it stands in quotes of either kind, whole or in part.
    #[test]
    fn words_in_quotes() {
        let of = |command: &str| words_of(&serde_json::json!({ "command": command }));
        assert_eq!(
            of(r#"cl "/FoCMakeFiles\hook.dir\my part\a.obj" /DNAME="it's a b" /c  a.c"#),
            [
                "cl",
                r"/FoCMakeFiles\hook.dir\my part\a.obj",
                "/DNAME=it's a b",
                "/c",
                "a.c"
            ]
        );
        assert_eq!(
            of("cc '-o' 'my hook.dll.p/a\".o' \"\" a.c "),
            ["cc", "-o", "my hook.dll.p/a\".o", "", "a.c"]
        );
    }
}
