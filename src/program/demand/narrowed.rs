//! What a run sees of files besides bodies when it looks at a few modules only and takes the others from an earlier run.
//!
//! In come the choice for the whole tree and the modules that are looked at; out goes the same choice of bodies, with
//! those declarations outside functions for which these modules' own functions ask. A header of a library that a whole
//! tree uses is a few lines then.

use super::seeds::Tree;
use super::{Demand, Kept, files_in_c, outside};
use crate::api::Api;
use crate::index::{Facts, swap_facts};
use crate::module::Module;
use crate::source::Sources;

/// No more than this part of the tree's bytes is looked at anew: for most of it the choice for all is as good.
const PART: usize = 4;

/// The choice for `looked_at` alone: these modules, and those whose functions they call under the loader lock. Only files
/// that `may_narrow` names, by their numbers, come out with less. None where nothing would be gained.
pub fn narrowed(
    demand: &Demand,
    (sources, facts): (&Sources, &mut [Facts]),
    api: &Api,
    looked_at: &[&Module],
    may_narrow: &[bool],
) -> Option<Demand> {
    let mut files = vec![false; sources.len()];
    for module in looked_at {
        for file in module.files() {
            files[file.0 as usize] = true;
        }
    }
    let bytes = |wanted: &dyn Fn(usize) -> bool| -> usize {
        let ids = sources.ids().filter(|id| wanted(id.0 as usize));
        ids.map(|id| sources.file(id).text.len()).sum()
    };
    if bytes(&|file| files[file]) * PART > bytes(&|_| true) {
        return None;
    }
    let masked = sources.masked(&files);
    // The names of other files are none here.
    let mut theirs: Vec<Facts> = files.iter().map(|_| Facts::default()).collect();
    swap_facts(&files, facts, &mut theirs);
    let is_c = files_in_c(&masked, &theirs, api, looked_at.iter().copied());
    let is_narrowed = |file: usize| files[file] && may_narrow[file] && is_c[file];
    let kept = (0..files.len())
        .any(is_narrowed)
        .then(|| kept_of(demand, &masked, &theirs, api, &files, &is_c))
        .flatten();
    swap_facts(&files, facts, &mut theirs);
    let kept = kept?;
    let mut narrowed = demand.clone();
    for (number, kept) in kept.into_iter().enumerate() {
        if is_narrowed(number) {
            narrowed.kept[number] = kept;
        }
    }
    Some(narrowed)
}

/// By file: what is read of it, as far as it is one of these. None where the choice is one for other texts.
fn kept_of(
    demand: &Demand,
    sources: &Sources,
    facts: &[Facts],
    api: &Api,
    files: &[bool],
    is_c: &[bool],
) -> Option<Vec<Option<Kept>>> {
    let mut kept: Vec<Option<Kept>> = vec![None; files.len()];
    for id in sources.ids().filter(|id| files[id.0 as usize]) {
        let all = demand.kept(id)?;
        if all.functions.len() != facts[id.0 as usize].functions.len() {
            return None;
        }
        kept[id.0 as usize] = Some(Kept {
            functions: all.functions.clone(),
            outside: None,
        });
    }
    let tree = Tree::words(sources, facts, api, is_c);
    outside::select(&tree, is_c, &mut kept);
    Some(kept)
}
