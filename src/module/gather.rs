//! Sources that no build file lists: which folders are modules, and which files are shared between them.

use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

use crate::index::Facts;
use crate::source::{FileId, Lang};

use super::headers::Includes;
use super::tree::{Tree, file_name, is_below, named, parent};
use super::{
    DLL_ENTRIES, Draft, EXE_ENTRIES, Kind, Target, TargetKind, common_folder, entry_symbols,
    has_entry, is_border, is_of_another_system, is_test_folder,
};

/// Folders that a build file makes a module of their own.
pub struct Borders<'a> {
    folders: BTreeMap<&'a str, Vec<FileId>>,
}

impl<'a> Borders<'a> {
    pub fn new(tree: &Tree<'a>, build_files: &[FileId]) -> Borders<'a> {
        let mut folders: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
        for &id in build_files {
            if is_border(tree.path(id)) {
                folders.entry(parent(tree.path(id))).or_default().push(id);
            }
        }
        Borders { folders }
    }

    /// The nearest such folder at or above `folder`.
    fn above(&self, folder: &str) -> Option<&'a str> {
        let mut above = folder;
        loop {
            if let Some((border, _)) = self.folders.get_key_value(above) {
                return Some(*border);
            }
            if above.is_empty() {
                return None;
            }
            above = parent(above);
        }
    }

    /// The top of a tree of makefiles that call each other: which of them makes what is not known.
    fn outermost(&self, tree: &Tree, border: &'a str) -> &'a str {
        let mut outermost = border;
        while self.is_weak(tree, outermost)
            && !outermost.is_empty()
            && let Some(next) = self.above(parent(outermost))
            && self.is_weak(tree, next)
        {
            outermost = next;
        }
        outermost
    }

    /// The entry points that makefiles at or below a folder name, and where.
    fn symbols(&self, tree: &Tree, folder: &'a str) -> Vec<(String, FileId)> {
        self.folders
            .range(folder..)
            .take_while(|(below, _)| below.starts_with(folder))
            .filter(|(below, _)| **below == folder || is_below(below, folder))
            .flat_map(|(_, files)| files)
            .filter(|&&id| {
                let name = file_name(tree.path(id)).to_ascii_lowercase();
                name.starts_with("makefile") || name.starts_with("gnumakefile")
            })
            .flat_map(|&id| {
                let symbols = entry_symbols(tree.text(id));
                symbols.into_iter().map(move |symbol| (symbol, id))
            })
            .collect()
    }

    /// Only files that are not read for what they make.
    fn is_weak(&self, tree: &Tree, border: &str) -> bool {
        self.folders.get(border).is_some_and(|files| {
            files.iter().all(|&id| {
                let name = file_name(tree.path(id)).to_ascii_lowercase();
                let read = [
                    "cmakelists.txt",
                    "cargo.toml",
                    "meson.build",
                    ".vcxproj",
                    ".vcproj",
                    ".pro",
                ];
                !read.iter().any(|ending| name.ends_with(ending))
                    && wine_module(tree.text(id)).is_none()
            })
        })
    }
}

/// Gives sources that nothing lists to the target that the nearest build file makes, if it is clear which; returns
/// the others by border.
pub fn adopt<'a>(
    tree: &Tree<'a>,
    facts: &[Facts],
    borders: &Borders<'a>,
    free: Vec<FileId>,
    targets: &mut [Target],
) -> BTreeMap<Option<&'a str>, Vec<FileId>> {
    let mut made: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    let adopting = |(_, target): &(usize, &Target)| !target.is_complete;
    for (index, target) in targets.iter().enumerate().filter(adopting) {
        made.entry(parent(tree.path(target.build)))
            .or_default()
            .push(index);
    }
    // What the build files list, before anything is added: else the first adopted file would draw the next.
    let listed: Vec<BTreeSet<&str>> = targets
        .iter()
        .map(|target| {
            target
                .sources
                .iter()
                .map(|&id| parent(tree.path(id)))
                .collect()
        })
        .collect();
    // Names that the listed sources of a target define.
    let mut defined: FxHashMap<usize, BTreeSet<String>> = FxHashMap::default();
    let free_files: BTreeSet<FileId> = free.iter().copied().collect();
    // Folders that are a program's: what begins in `main.c` is made of more, and no test beside its sources.
    let programs: BTreeSet<&str> = free
        .iter()
        .filter(|&&id| {
            let name = file_name(tree.path(id)).to_ascii_lowercase();
            let is_main =
                ["main", "winmain", "wmain"].contains(&name.split('.').next().unwrap_or(""));
            is_main && has_entry(facts, id, &EXE_ENTRIES)
        })
        .map(|&id| parent(tree.path(id)))
        .collect();
    let mut border_of: FxHashMap<&str, Option<&str>> = FxHashMap::default();
    let mut left: BTreeMap<Option<&str>, Vec<FileId>> = BTreeMap::new();
    for id in free {
        let folder = parent(tree.path(id));
        let border = *border_of
            .entry(folder)
            .or_insert_with(|| borders.above(folder));
        let adopter = border
            .and_then(|border| Some((border, made.get(border)?)))
            .and_then(|(border, among)| adopter(tree, facts, targets, &listed, border, among, id))
            .filter(|&index| {
                // What lies with a program belongs to that, unless the target has sources there.
                let listed = &listed[index];
                let lies_in =
                    |folder: &str, program: &str| folder == program || is_below(folder, program);
                listed.is_empty()
                    || !programs.iter().any(|&program| {
                        border.is_some_and(|border| program != border && is_below(program, border))
                            && lies_in(folder, program)
                            && !listed.iter().any(|listed| lies_in(listed, program))
                    })
            })
            .filter(|&index| {
                let defined = defined.entry(index).or_insert_with(|| {
                    let sources = targets[index].sources.iter();
                    let known = sources.filter(|&&id| !free_files.contains(&id));
                    known
                        .flat_map(|&id| outside_names(tree, facts, id))
                        .collect()
                });
                !redefines(&outside_names(tree, facts, id), defined)
            });
        match adopter {
            Some(index) => targets[index].sources.push(id),
            None => left.entry(border).or_default().push(id),
        }
    }
    left
}

/// The functions of a C or C++ file that other files can call. Those of anonymous namespaces are among them.
fn outside_names(tree: &Tree, facts: &[Facts], id: FileId) -> BTreeSet<String> {
    if tree.lang(id) == Some(Lang::Rust) {
        return BTreeSet::new();
    }
    let functions = facts
        .get(id.0 as usize)
        .map_or(&[][..], |facts| &facts.functions);
    functions
        .iter()
        .filter(|function| {
            let head = tree.text(id).get(function.start as usize..);
            !head.is_some_and(|head| head.starts_with("static"))
        })
        .map(|function| format!("{}::{}", function.scope, function.name))
        .collect()
}

/// Whether a source cannot be linked with others, because they define the same functions. Some names may be those of
/// overloads and of helpers with internal linkage, but not half of them.
fn redefines(own: &BTreeSet<String>, others: &BTreeSet<String>) -> bool {
    let common = own.iter().filter(|name| others.contains(*name)).count();
    common > 0 && common * 2 >= own.len()
}

/// The target of the border's folder that an unlisted source belongs to.
fn adopter(
    tree: &Tree,
    facts: &[Facts],
    targets: &[Target],
    listed: &[BTreeSet<&str>],
    border: &str,
    among: &[usize],
    id: FileId,
) -> Option<usize> {
    let path = tree.path(id);
    let below = path.get(border.len()..).unwrap_or(path);
    // What is listed for another system only was left out with that arm of the build file.
    if is_test_folder(parent(below)) || is_of_another_system(below) {
        return None;
    }
    // A project that names it says that it is no part.
    let is_left_out = |&index: &usize| targets[index].left_out.contains(&id);
    if among.iter().any(is_left_out) {
        return None;
    }
    let is_rust = tree.lang(id) == Some(Lang::Rust);
    let among: Vec<usize> = among
        .iter()
        .copied()
        .filter(|&index| is_rust || !targets[index].only_rust)
        .collect();
    if starts(facts, id) {
        // An unlisted program, or the listed one whose list was not understood.
        return match among[..] {
            [only] if listed[only].is_empty() => Some(only),
            _ => None,
        };
    }
    let library = among.iter().copied().find(|&index| {
        targets[index]
            .sources
            .first()
            .is_some_and(|&root| file_name(tree.path(root)) == "lib.rs")
    });
    if is_rust {
        // A module that is declared inside some macro.
        return library.filter(|&index| {
            targets[index]
                .sources
                .first()
                .is_some_and(|&root| is_below(path, parent(tree.path(root))))
        });
    }
    if let [only] = among[..] {
        return Some(only);
    }
    // C code of a Cargo package is compiled by its build script and linked to its library.
    if library.is_some() {
        return library;
    }
    let only = |wanted: &dyn Fn(usize) -> bool| {
        let mut found = among.iter().copied().filter(|&index| wanted(index));
        found.next().filter(|_| found.next().is_none())
    };
    let folder = parent(path);
    let is_library = |index: usize| targets[index].kind != TargetKind::Made(Some(Kind::Exe));
    only(&|index| listed[index].contains(folder))
        .or_else(|| only(&|index| listed[index].contains(folder) && is_library(index)))
        // A list that was not understood belongs to the library that is made of no other library, or, where there are
        // several such, to the one DLL that is made of them.
        .or_else(|| {
            only(&|index| {
                let links = &targets[index].links;
                is_library(index)
                    && listed[index].is_empty()
                    && !among
                        .iter()
                        .any(|&other| links.contains(&targets[other].key))
            })
        })
        .or_else(|| {
            only(&|index| {
                let links = &targets[index].links;
                targets[index].kind == TargetKind::Made(Some(Kind::Dll))
                    && among.iter().any(|&other| {
                        listed[other].is_empty()
                            && is_library(other)
                            && links.contains(&targets[other].key)
                    })
            })
        })
}

/// Drops what another of these files includes: it is no unit of its own.
pub fn not_included<'a>(
    includes: &Includes,
    left: BTreeMap<Option<&'a str>, Vec<FileId>>,
) -> BTreeMap<Option<&'a str>, Vec<FileId>> {
    let all: BTreeSet<FileId> = left.values().flatten().copied().collect();
    let mut parts: BTreeSet<FileId> = BTreeSet::new();
    for &id in &all {
        let included = includes.get(id.0 as usize).map_or(&[][..], |list| list);
        parts.extend(included.iter().filter(|part| all.contains(part)));
    }
    left.into_iter()
        .map(|(border, mut files)| {
            files.retain(|id| !parts.contains(id));
            (border, files)
        })
        .filter(|(_, files)| !files.is_empty())
        .collect()
}

/// Sources that are still in no module, by their top folder: nothing is left out silently.
pub fn last_resort(tree: &Tree, drafts: &[Draft], foreign: &BTreeSet<FileId>) -> Vec<Draft> {
    let held: BTreeSet<FileId> = drafts
        .iter()
        .flat_map(|draft| draft.own.iter().chain(&draft.linked).copied())
        .collect();
    let mut by_folder: BTreeMap<&str, BTreeSet<FileId>> = BTreeMap::new();
    for id in tree.sources.ids() {
        if tree.is_source(id) && !held.contains(&id) && !foreign.contains(&id) {
            let top = tree.path(id).split_once('/').map_or("", |(top, _)| top);
            by_folder.entry(top).or_default().insert(id);
        }
    }
    by_folder
        .into_iter()
        .map(|(folder, own)| Draft {
            name: named(folder),
            folder: folder.to_string(),
            evidence: vec!["included only by each other".to_string()],
            own,
            ..Draft::default()
        })
        .collect()
}

/// Modules of what is left.
pub fn modules<'a>(
    tree: &Tree<'a>,
    facts: &[Facts],
    borders: &Borders<'a>,
    left: BTreeMap<Option<&'a str>, Vec<FileId>>,
) -> Vec<Draft> {
    let mut groups: BTreeMap<Option<&str>, Vec<FileId>> = BTreeMap::new();
    for (border, files) in left {
        let border = border.map(|border| borders.outermost(tree, border));
        groups.entry(border).or_default().extend(files);
    }
    groups
        .into_iter()
        .flat_map(|(border, files)| {
            let build = border.and_then(|border| borders.folders.get(border));
            let build = build.map_or(&[][..], |list| list);
            let symbols = border.map_or(Vec::new(), |border| borders.symbols(tree, border));
            without_build(tree, facts, border, build, &symbols, files)
        })
        .collect()
}

fn starts(facts: &[Facts], id: FileId) -> bool {
    has_entry(facts, id, &DLL_ENTRIES) || has_entry(facts, id, &EXE_ENTRIES)
}

/// What a Makefile of Wine says it makes.
fn wine_module(text: &str) -> Option<(&str, Option<Kind>)> {
    let value = |key: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim())
        })
    };
    if let Some(test) = value("TESTDLL") {
        return Some((test, Some(Kind::Exe)));
    }
    let module = value("MODULE")
        .or_else(|| value("EXTLIB"))
        .or_else(|| value("STATICLIB"))?;
    let ending = module.rsplit_once('.').map_or("", |(_, ending)| ending);
    let kind = match ending {
        "dll" | "drv" | "ocx" | "cpl" | "acm" | "ax" | "ds" | "vxd" | "dll16" | "drv16" => {
            Some(Kind::Dll)
        }
        // A static library, of Wine's own.
        "a" => None,
        "exe" | "com" | "exe16" => Some(Kind::Exe),
        _ if value("IMPORTLIB").is_some() => Some(Kind::Dll),
        _ => None,
    };
    Some((module, kind))
}

/// More programs than this without a build file are a collection of samples.
const COLLECTION: usize = 64;

/// Modules of files below one border, or of a tree without any.
fn without_build(
    tree: &Tree,
    facts: &[Facts],
    border: Option<&str>,
    build: &[FileId],
    symbols: &[(String, FileId)],
    files: Vec<FileId>,
) -> Vec<Draft> {
    let root = match border {
        Some(border) => border.to_string(),
        None => common_folder(tree, files.iter().copied()),
    };
    for &id in build {
        if file_name(tree.path(id))
            .to_ascii_lowercase()
            .starts_with("makefile")
            && let Some((name, kind)) = wine_module(tree.text(id))
        {
            let said = if kind == Some(Kind::Exe) && file_name(&root) == "tests" {
                format!("TESTDLL = {name} in {}", tree.path(id))
            } else {
                format!("MODULE = {name} in {}", tree.path(id))
            };
            return vec![Draft {
                name: if said.starts_with("TESTDLL") {
                    format!("{name} tests")
                } else {
                    name.to_string()
                },
                folder: root,
                kind,
                evidence: vec![said],
                own: files.into_iter().collect(),
                ..Draft::default()
            }];
        }
    }
    let evidence = match build.first() {
        Some(&id) => format!("unlisted sources below {}", tree.path(id)),
        None => "no build file".to_string(),
    };
    let mut by_folder: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
    for &id in &files {
        by_folder.entry(parent(tree.path(id))).or_default().push(id);
    }
    // A DLL's entry point may have any name that the linker is told.
    let named_entry = |id: FileId| -> Option<(&str, FileId)> {
        let functions = facts.get(id.0 as usize).map(|facts| &facts.functions)?;
        symbols.iter().find_map(|(symbol, makefile)| {
            let plain = symbol.trim_start_matches('_');
            if !symbol.to_lowercase().contains("dll") && !tree.text(*makefile).contains(".dll") {
                return None;
            }
            let function = functions
                .iter()
                .find(|function| function.name.trim_start_matches('_') == plain)?;
            Some((function.name.as_str(), *makefile))
        })
    };
    let starters: BTreeMap<&str, Vec<FileId>> = by_folder
        .iter()
        .filter_map(|(&folder, files)| {
            let entries: Vec<FileId> = files
                .iter()
                .copied()
                .filter(|&id| starts(facts, id) || named_entry(id).is_some())
                .collect();
            (!entries.is_empty()).then_some((folder, entries))
        })
        .collect();
    let whole = |files: Vec<FileId>| Draft {
        name: named(&root),
        folder: root.clone(),
        evidence: vec![evidence.clone()],
        own: files.into_iter().collect(),
        ..Draft::default()
    };
    let entries: usize = starters.values().map(Vec::len).sum();
    if entries <= 1 {
        return vec![whole(files)];
    }
    // Folders without an entry belong to the nearest folder above that has exactly one; every module resolves into
    // them.
    let mut held: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
    let mut common: Vec<FileId> = Vec::new();
    let mut shared: Vec<FileId> = Vec::new();
    for (&folder, files) in &by_folder {
        if starters.contains_key(folder) {
            held.entry(folder).or_default().extend(files);
            continue;
        }
        shared.extend(files);
        let mut above = folder;
        let holder = loop {
            if let Some((&holder, entries)) = starters.get_key_value(above) {
                break (entries.len() == 1).then_some(holder);
            }
            if above.is_empty() || above == root {
                break None;
            }
            above = parent(above);
        };
        match holder {
            Some(holder) => held.entry(holder).or_default().extend(files),
            None => common.extend(files),
        }
    }
    // In a collection of samples only what stands near is meant: below the nearest folder that holds any entry.
    let holds_starter = |folder: &str| {
        let inside = format!("{folder}/");
        starters.contains_key(folder)
            || starters
                .range(inside.as_str()..)
                .next()
                .is_some_and(|(start, _)| start.starts_with(&inside))
    };
    let many = starters.values().map(Vec::len).sum::<usize>() > COLLECTION;
    let mut reach: FxHashMap<&str, &str> = FxHashMap::default();
    if many {
        for &id in &shared {
            reach
                .entry(parent(tree.path(id)))
                .or_insert_with_key(|folder| {
                    let mut above = *folder;
                    while !above.is_empty() && !holds_starter(above) {
                        above = parent(above);
                    }
                    above
                });
        }
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for (&folder, starting) in &starters {
        let near: BTreeSet<FileId> = shared
            .iter()
            .copied()
            .filter(|&id| {
                let above = reach.get(parent(tree.path(id))).copied().unwrap_or("");
                !many || folder == above || is_below(folder, above)
            })
            .collect();
        let members = held.remove(folder).unwrap_or_default();
        let others: Vec<FileId> = members
            .iter()
            .copied()
            .filter(|id| !starting.contains(id))
            .collect();
        for &start in starting {
            let mut own: BTreeSet<FileId> = others.iter().copied().collect();
            own.insert(start);
            let name = match starting.len() {
                1 => named(folder),
                _ => tree.path(start).to_string(),
            };
            drafts.push(Draft {
                name,
                folder: folder.to_string(),
                kind: named_entry(start).map(|_| Kind::Dll),
                evidence: match named_entry(start) {
                    Some((name, makefile)) => {
                        vec![format!("entry point {name} in {}", tree.path(makefile))]
                    }
                    None => vec![evidence.clone()],
                },
                entry_names: named_entry(start)
                    .map(|(name, _)| name.to_string())
                    .into_iter()
                    .collect(),
                own,
                shared: near.clone(),
                ..Draft::default()
            });
        }
    }
    if common.is_empty() {
        return drafts;
    }
    let mut rest = whole(common);
    rest.name = format!("{} (shared files)", rest.name);
    // Code that only DLLs use is a DLL's; a library beside its test programs may become either.
    let mut starting = starters.into_values().flatten();
    if starting.all(|id| !has_entry(facts, id, &EXE_ENTRIES)) {
        rest.kind = Some(Kind::Dll);
        rest.evidence
            .push("all modules round it are DLLs".to_string());
    }
    drafts.push(rest);
    drafts
}
