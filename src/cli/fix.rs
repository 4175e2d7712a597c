//! `--fix` and `--diff`: the fixes of the findings that are shown, applied in rounds.
//!
//! In come sources with what is found in them, out go sources with what is found then. Each round applies fixes that do
//! not touch each other and analyses the result; a round that leads to a finding that was not there before is taken
//! back, and its fixes are tried one by one. So a fix that would be none in its surroundings is never written.

use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::project::known::Taken;
use crate::source::{self, FileId, Sources};
use crate::suppress::judge::Judged;
use similar::TextDiff;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Each round fixes something; a fix that makes room for the next is rare.
const MOST_ROUNDS: usize = 64;

/// What is found in some sources.
pub struct State {
    pub partly: Vec<(FileId, usize)>,
    pub modules: usize,
    pub judged: Judged,
    /// What was known of it and is not in `judged`.
    pub taken: Taken,
}

/// What became of the fixes.
pub struct Fixed {
    /// The files with their new texts.
    pub sources: Sources,
    pub state: State,
    /// How many findings are fixed.
    pub count: usize,
    /// Findings whose fix leads to another one, as they are shown.
    pub declined: Vec<String>,
    /// Files that cannot be written in their encoding: path and why.
    pub refused: BTreeMap<String, String>,
}

/// Applies all fixes that can be applied. `may_write` says whether a path was asked for, `find` analyses.
///
/// # Errors
/// Those of `find`.
pub fn apply(
    sources: &Sources,
    mut state: State,
    may_write: &dyn Fn(&str) -> bool,
    find: &dyn Fn(&Sources) -> Result<State, String>,
) -> Result<Fixed, String> {
    let original = sources;
    let mut sources = original.clone();
    let mut writable = BTreeMap::new();
    let mut refused = BTreeMap::new();
    let (mut tried, mut declined) = (BTreeSet::new(), Vec::new());
    let (mut count, mut one_by_one) = (0, false);
    for _ in 0..MOST_ROUNDS {
        let mut is_writable = |file: FileId| {
            *writable.entry(file).or_insert_with(|| {
                let source = original.file(file);
                may_write(&source.path)
                    && match encoded(&source.path, &source.text, &source.text) {
                        Ok(_) => true,
                        Err(why) => {
                            refused.insert(source.path.to_string(), why);
                            false
                        }
                    }
            })
        };
        let mut batch: Vec<&Diagnostic> = Vec::new();
        for finding in &state.judged.findings {
            let Some(fix) = &finding.fix else { continue };
            if !tried.contains(&finding.fingerprint(&sources))
                && is_writable(finding.primary().span.file)
                && batch.iter().all(|other| !overlap(other.fix.as_ref(), fix))
            {
                batch.push(finding);
            }
        }
        if one_by_one {
            batch.truncate(1);
        }
        if batch.is_empty() {
            break;
        }
        let next_sources = sources.with_texts(&edited(&sources, &batch));
        let next = find(&next_sources)?;
        if is_better((&state, &sources), &batch, (&next, &next_sources)) {
            count += batch.len();
            (state, sources) = (next, next_sources);
        } else if batch.len() > 1 {
            one_by_one = true;
        } else {
            let place = sources.start(batch[0].primary().span);
            let path = &sources.file(batch[0].primary().span.file).path;
            declined.push(format!(
                "{path}:{}:{}: {}",
                place.line, place.column, batch[0].rule
            ));
            tried.insert(batch[0].fingerprint(&sources));
        }
    }
    Ok(Fixed {
        sources,
        state,
        count,
        declined,
        refused,
    })
}

/// Whether the ranges of two fixes touch each other, from their first to their last edit.
fn overlap(one: Option<&Fix>, other: &Fix) -> bool {
    let range = |fix: &Fix| {
        let (first, last) = (fix.edits.first()?.span, fix.edits.last()?.span);
        Some((first.file, first.start, last.end))
    };
    match (one.and_then(range), range(other)) {
        (Some(one), Some(other)) => one.0 == other.0 && one.1 <= other.2 && other.1 <= one.2,
        _ => true,
    }
}

/// The new texts of the files that some fixes are about. The fixes do not overlap.
fn edited(sources: &Sources, batch: &[&Diagnostic]) -> BTreeMap<FileId, String> {
    let mut edits: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in batch
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .flat_map(|fix| &fix.edits)
    {
        edits.entry(edit.span.file).or_default().push(edit);
    }
    edits
        .into_iter()
        .map(|(file, mut edits)| {
            // From the end, so that offsets stay true; of two at one place the one that came first stands first.
            edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
            let mut text = sources.file(file).text.to_string();
            for edit in edits.into_iter().rev() {
                text.replace_range(edit.span.range(), &edit.replacement);
            }
            (file, text)
        })
        .collect()
}

/// Whether the findings of a batch are gone and no other one has come.
fn is_better(
    (before, old): (&State, &Sources),
    batch: &[&Diagnostic],
    (after, new): (&State, &Sources),
) -> bool {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &before.judged.findings {
        *left.entry(finding.fingerprint(old)).or_default() += 1;
    }
    for finding in batch {
        if let Some(count) = left.get_mut(&finding.fingerprint(old)) {
            *count -= 1;
        }
    }
    after.judged.findings.iter().all(|finding| {
        left.get_mut(&finding.fingerprint(new))
            .is_some_and(|count| {
                let is_known = *count > 0;
                *count = count.saturating_sub(1);
                is_known
            })
    })
}

/// The paths whose text has changed, with both texts.
fn changes<'s>(
    old: &'s Sources,
    new: &'s Sources,
) -> impl Iterator<Item = (&'s str, &'s str, &'s str)> {
    old.ids()
        .map(|id| (old.file(id), new.file(id)))
        .filter(|(old, new)| old.text != new.text)
        .map(|(old, new)| (&*old.path, &*old.text, &*new.text))
}

/// How many files have changed.
pub fn changed(old: &Sources, new: &Sources) -> usize {
    changes(old, new).count()
}

/// The changes as one unified diff that `git apply` and `patch -p1` take, in UTF-8.
pub fn diff(old: &Sources, new: &Sources) -> String {
    changes(old, new)
        .map(|(path, old, new)| {
            TextDiff::from_lines(old, new)
                .unified_diff()
                .header(&format!("a/{path}"), &format!("b/{path}"))
                .to_string()
        })
        .collect()
}

/// Writes the files that have changed, each whole or not at all, in its encoding.
///
/// # Errors
/// The first file that cannot be written; those before it are.
pub fn write(old: &Sources, new: &Sources) -> Result<(), String> {
    for (path, old, new) in changes(old, new) {
        let bytes =
            encoded(path, old, new).map_err(|why| format!("cannot write `{path}`: {why}"))?;
        super::write_whole(Path::new(path), &bytes)?;
    }
    Ok(())
}

/// The bytes of a file for a new text.
fn encoded(path: &str, old: &str, new: &str) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    source::encode(bytes, old, new).map_err(str::to_string)
}
