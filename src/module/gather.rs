//! Sources that no build file lists: which folders are modules, and which files are shared between them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::index::Facts;
use crate::source::{FileId, Lang};

use super::tree::{Tree, file_name, is_below, parent};
use super::{
    DLL_ENTRIES, Draft, EXE_ENTRIES, Kind, common_folder, has_entry, is_border, is_test_folder,
};

/// Finds a module for every source in `free`: one that the build files made, or a new one.
pub fn place(
    tree: &Tree,
    facts: &[Facts],
    build_files: &[FileId],
    free: Vec<FileId>,
    drafts: &mut Vec<Draft>,
) {
    let mut borders: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
    for &id in build_files {
        if is_border(tree.path(id)) {
            borders.entry(parent(tree.path(id))).or_default().push(id);
        }
    }
    let mut made: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if draft.build.is_some() {
            made.entry(draft.folder.clone()).or_default().push(index);
        }
    }
    // The nearest border of a folder, asked once.
    let mut border_of: HashMap<&str, Option<&str>> = HashMap::new();
    let mut left: BTreeMap<Option<&str>, Vec<FileId>> = BTreeMap::new();
    for id in free {
        let folder = parent(tree.path(id));
        let border = *border_of.entry(folder).or_insert_with(|| {
            let mut above = folder;
            loop {
                if let Some((border, _)) = borders.get_key_value(above) {
                    return Some(*border);
                }
                if above.is_empty() {
                    return None;
                }
                above = parent(above);
            }
        });
        let adopter = border
            .and_then(|border| made.get(border))
            .and_then(|candidates| adopter(tree, facts, drafts, candidates, id));
        match adopter {
            Some(index) => {
                drafts[index].own.insert(id);
            }
            None => left.entry(border).or_default().push(id),
        }
    }
    for (border, files) in left {
        let build = border.and_then(|border| borders.get(border));
        drafts.extend(without_build(
            tree,
            facts,
            border,
            build.map_or(&[][..], |list| list),
            files,
        ));
    }
}

/// The module of the border's folder that an unlisted source belongs to.
fn adopter(
    tree: &Tree,
    facts: &[Facts],
    drafts: &[Draft],
    candidates: &[usize],
    id: FileId,
) -> Option<usize> {
    let path = tree.path(id);
    let rust = tree.lang(id) == Some(Lang::Rust);
    let border = &drafts[*candidates.first()?].folder;
    let below = path.get(border.len()..).unwrap_or(path);
    if is_test_folder(parent(below)) || starts(facts, id) {
        // An unlisted program, or a listed one whose list was not understood.
        let alone = candidates.len() == 1 && drafts[candidates[0]].own.is_empty();
        return (alone && !is_test_folder(parent(below))).then(|| candidates[0]);
    }
    if rust {
        // A module that is declared inside some macro.
        return candidates.iter().copied().find(|&index| {
            drafts[index].own.iter().any(|&own| {
                file_name(tree.path(own)) == "lib.rs" && is_below(path, parent(tree.path(own)))
            })
        });
    }
    if candidates.len() == 1 {
        return Some(candidates[0]);
    }
    // C code of a Cargo package is compiled by its build script and linked to its library.
    if let Some(&index) = candidates.iter().find(|&&index| {
        drafts[index]
            .own
            .iter()
            .any(|&own| file_name(tree.path(own)) == "lib.rs")
    }) {
        return Some(index);
    }
    let beside: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|&index| {
            drafts[index].own.is_empty()
                || drafts[index]
                    .own
                    .iter()
                    .any(|&own| parent(tree.path(own)) == parent(path))
        })
        .collect();
    match beside[..] {
        [only] => Some(only),
        _ => None,
    }
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
    let module = value("MODULE")?;
    let ending = module.rsplit_once('.').map_or("", |(_, ending)| ending);
    let kind = match ending {
        "dll" | "drv" | "ocx" | "cpl" | "acm" | "ax" | "ds" | "vxd" => Some(Kind::Dll),
        "exe" | "com" => Some(Kind::Exe),
        _ if value("IMPORTLIB").is_some() => Some(Kind::Dll),
        _ => None,
    };
    Some((module, kind))
}

/// Modules of files below one border, or of a tree without any.
fn without_build(
    tree: &Tree,
    facts: &[Facts],
    border: Option<&str>,
    build: &[FileId],
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
    let named = |folder: &str| match folder {
        "" => "(top)".to_string(),
        folder => folder.to_string(),
    };
    let mut by_folder: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
    for &id in &files {
        by_folder.entry(parent(tree.path(id))).or_default().push(id);
    }
    let starters: BTreeMap<&str, Vec<FileId>> = by_folder
        .iter()
        .filter_map(|(&folder, files)| {
            let entries: Vec<FileId> = files
                .iter()
                .copied()
                .filter(|&id| starts(facts, id))
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
    // Folders without an entry belong to the nearest folder above that has one; if there is none they are shared.
    let mut held: BTreeMap<&str, Vec<FileId>> = BTreeMap::new();
    let mut common: Vec<FileId> = Vec::new();
    for (&folder, files) in &by_folder {
        let mut above = folder;
        let holder = loop {
            if let Some((&holder, _)) = starters.get_key_value(above) {
                break Some(holder);
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
    let mut drafts: Vec<Draft> = Vec::new();
    for (&folder, starting) in &starters {
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
                evidence: vec![evidence.clone()],
                own,
                ..Draft::default()
            });
        }
    }
    if common.is_empty() {
        return drafts;
    }
    for draft in &mut drafts {
        draft.shared.extend(&common);
    }
    let mut rest = whole(common);
    rest.name = format!("{} (shared files)", rest.name);
    // Code that only programs can use is a program's.
    let starters: Vec<FileId> = starters.into_values().flatten().collect();
    let all = |names: &[&str]| {
        starters.iter().all(|id| {
            facts[id.0 as usize]
                .entries
                .iter()
                .all(|entry| !entry_is_other(&entry.name, names))
        })
    };
    if all(&DLL_ENTRIES) {
        rest.kind = Some(Kind::Dll);
        rest.evidence
            .push("all modules round it are DLLs".to_string());
    } else if all(&EXE_ENTRIES) {
        rest.kind = Some(Kind::Exe);
        rest.evidence
            .push("all modules round it are programs".to_string());
    }
    rest.shared = drafts.iter().flat_map(|draft| draft.own.clone()).collect();
    drafts.push(rest);
    drafts
}

fn entry_is_other(name: &str, names: &[&str]) -> bool {
    (DLL_ENTRIES.contains(&name) || EXE_ENTRIES.contains(&name)) && !names.contains(&name)
}
