//! Which file an `#include` means, and what a module reaches through its includes.

use std::collections::BTreeSet;

use crate::index::Facts;
use crate::source::{FileId, Lang};

use super::Draft;
use super::tree::{Tree, is_header, join, nearness, parent};

/// For every file what it includes, as far as the tree has it.
pub type Includes = Vec<Vec<FileId>>;

pub fn resolve(tree: &Tree, facts: &[Facts]) -> Includes {
    use rayon::prelude::*;
    let ids: Vec<FileId> = tree.sources.ids().collect();
    ids.par_iter()
        .map(|&id| {
            let from = tree.path(id);
            let (Some(facts), Some(Lang::C | Lang::Cpp)) =
                (facts.get(id.0 as usize), tree.lang(id))
            else {
                return Vec::new();
            };
            let mut found: Vec<FileId> = facts
                .includes
                .iter()
                .filter_map(|include| {
                    let angle = include.strip_prefix('<').and_then(|i| i.strip_suffix('>'));
                    let name = angle.unwrap_or(include);
                    let beside = match angle {
                        None => tree.find(&join(parent(from), name)),
                        Some(_) => None,
                    };
                    beside.or_else(|| tree.find_suffix(from, name))
                })
                .filter(|&found| found != id && tree.lang(found).is_some())
                .collect();
            found.sort();
            found.dedup();
            found
        })
        .collect()
}

/// What these files lead to, themselves included.
pub fn reached(includes: &Includes, starts: impl Iterator<Item = FileId>) -> BTreeSet<FileId> {
    let mut seen: BTreeSet<FileId> = starts.collect();
    let mut work: Vec<FileId> = seen.iter().copied().collect();
    while let Some(id) = work.pop() {
        for &next in includes.get(id.0 as usize).map_or(&[][..], |list| list) {
            if seen.insert(next) {
                work.push(next);
            }
        }
    }
    seen
}

/// `#include "foo.cpp"` makes foo.cpp part of the module.
pub fn add_included_sources(tree: &Tree, includes: &Includes, draft: &mut Draft) {
    for id in reached(includes, draft.own.iter().copied()) {
        if !is_header(tree.path(id)) && !draft.own.contains(&id) {
            draft.linked.insert(id);
        }
    }
}

pub fn add_headers(tree: &Tree, includes: &Includes, draft: &mut Draft) {
    let starts: Vec<FileId> = draft
        .own
        .iter()
        .chain(&draft.linked)
        .chain(&draft.headers)
        .copied()
        .collect();
    for id in reached(includes, starts.into_iter()) {
        if is_header(tree.path(id)) {
            draft.headers.insert(id);
        } else {
            draft.linked.insert(id);
        }
    }
}

/// Headers that nothing includes go to the nearest module, so that no file is left out.
pub fn adopt_orphans(tree: &Tree, drafts: &mut Vec<Draft>) {
    let held: BTreeSet<FileId> = drafts
        .iter()
        .flat_map(|draft| draft.headers.iter().chain(&draft.own).copied())
        .collect();
    let orphans: Vec<FileId> = tree
        .sources
        .ids()
        .filter(|id| tree.lang(*id).is_some() && is_header(tree.path(*id)) && !held.contains(id))
        .collect();
    if orphans.is_empty() {
        return;
    }
    if drafts.is_empty() {
        drafts.push(Draft {
            name: "headers".to_string(),
            evidence: vec!["headers only".to_string()],
            ..Draft::default()
        });
    }
    // Folder by folder: the answer is the same for all files of one.
    let mut nearest: rustc_hash::FxHashMap<&str, usize> = Default::default();
    for id in orphans {
        let folder = parent(tree.path(id));
        let index = *nearest.entry(folder).or_insert_with(|| {
            let path = tree.path(id);
            (0..drafts.len())
                .max_by_key(|&index| {
                    let near = nearness(path, &format!("{}/", drafts[index].folder));
                    let depth = drafts[index].folder.split('/').count();
                    // Nearest first; then the one that is least far down another branch; then the first.
                    (near, usize::MAX - depth, usize::MAX - index)
                })
                .unwrap_or(0)
        });
        drafts[index].headers.insert(id);
    }
}
