//! `--build DIR`: what a build folder says about the analysed files.
//!
//! Read are the files of CMake's reply by the names that the folder has, or `compile_commands.json`, and nothing that
//! they name: a build can say which of the given files make a module, and not that others be read. Links are not followed.

use super::paths::resolved;
use super::read::{LARGEST_MADE, bytes_up_to};
use crate::module::built::{self, Built};
use crate::source::{FileId, Sources};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

const REPLY: &str = ".cmake/api/v1/reply";
const COMMANDS: &str = "compile_commands.json";

/// The targets of a build folder with their sources. `roots` are the given folders as they are shown. Also says what to
/// tell, where the build is about other files.
///
/// # Errors
/// A message for people: the folder cannot be read, or says nothing.
pub fn read(
    folder: &Path,
    sources: &Sources,
    roots: &[&str],
    working: &Path,
) -> Result<(Vec<Built<FileId>>, Option<String>), String> {
    // Whoever names the file means its folder.
    let folder = match folder.file_name() {
        Some(name) if name == COMMANDS && folder.is_file() => match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        },
        _ => folder,
    };
    let shown = folder.display();
    std::fs::read_dir(folder).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let reply = reply(&folder.join(REPLY));
    let found = if reply.is_empty() {
        let text = text_of(&folder.join(COMMANDS)).ok_or_else(|| {
            format!("`{shown}` holds neither a reply of CMake's file API ({REPLY}) nor {COMMANDS}; configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON, or with an empty file .cmake/api/v1/query/codemodel-v2 in it")
        })?;
        built::of_commands(&text)
    } else {
        built::of_cmake(&reply)
    };
    let targets = found.map_err(|error| format!("`{shown}`: {error}"))?;
    let files = files(&targets, sources, roots, working);
    let is_about =
        |target: &Built<String>| target.resolved(|path| files.get(&folded(path)).copied());
    let targets: Vec<Built<FileId>> = targets.iter().map(is_about).collect();
    let is_idle = targets.iter().all(|target| target.sources.is_empty());
    let warning = is_idle.then(|| {
        format!("the build in `{shown}` tells of no source among the given paths: it is not used")
    });
    Ok((targets, warning))
}

/// The files of a reply, by name.
fn reply(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let text = text_of(&entry.path()).filter(|_| name.ends_with(".json"))?;
            Some((name, text))
        })
        .collect()
}

/// The text of a file that is no link.
fn text_of(path: &Path) -> Option<String> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST_MADE {
        return None;
    }
    String::from_utf8(bytes_up_to(path, LARGEST_MADE).ok()?).ok()
}

/// The analysed files by the paths that the build has for them.
fn files(
    targets: &[Built<String>],
    sources: &Sources,
    roots: &[&str],
    working: &Path,
) -> HashMap<String, FileId> {
    let real = std::fs::canonicalize(working).unwrap_or_else(|_| working.to_path_buf());
    let mut files = HashMap::new();
    for id in sources.ids().filter(|&id| sources.file(id).lang.is_some()) {
        for working in [working, &real] {
            let path = resolved(working, &sources.file(id).path);
            files.insert(folded(&path), id);
        }
    }
    let paths: Vec<&str> = targets
        .iter()
        .flat_map(|target| target.sources.iter().map(String::as_str))
        .collect();
    if paths.iter().any(|path| files.contains_key(&folded(path))) {
        return files;
    }
    // Built elsewhere, in a container perhaps: the same tree below another folder.
    let moved = |root: &str, cut: usize| -> HashMap<String, FileId> {
        paths
            .iter()
            .filter_map(|path| {
                let below = path.split('/').skip(cut).collect::<Vec<_>>().join("/");
                let here = if root.is_empty() {
                    below
                } else {
                    format!("{root}/{below}")
                };
                Some((folded(path), sources.find(&here)?))
            })
            .collect()
    };
    let deepest = paths.iter().map(|path| path.split('/').count()).max();
    let mut best = HashMap::new();
    for root in roots {
        for cut in 0..deepest.unwrap_or(0) {
            let found = moved(root, cut);
            if found.len() > best.len() {
                best = found;
            }
        }
    }
    best
}

/// A path to look up: Windows does not mind the case.
fn folded(path: &str) -> String {
    let is_windows = path.get(1..3).is_some_and(|rest| rest == ":/");
    if is_windows {
        path.to_lowercase()
    } else {
        path.to_string()
    }
}
