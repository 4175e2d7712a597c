//! What is told about a file without its bodies, as a hash: what modules, and the choice of bodies, take from it.

use crate::index::Facts;
use crate::program::demand::{KnownNames, read_of};
use crate::source::SourceFile;

/// The hash of what the choice of bodies takes from a file, if it knows these names. Where it is the same for all files,
/// and the modules are the same, so is the choice.
pub fn outline(file: &SourceFile, facts: &Facts, known: &KnownNames) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let Some(lang) = file.lang else {
        return hasher.finalize();
    };
    hasher.update(read_of(&file.text, lang, &facts.functions, known).as_bytes());
    // Where an entry stands among the functions: that all move with a body is no difference.
    let place = |at: u32| {
        let before = facts.functions.partition_point(|found| found.start <= at);
        let offset = match before.checked_sub(1).map(|last| &facts.functions[last]) {
            None => (0, at),
            Some(last) if at <= last.body => (1, at - last.start),
            Some(last) if at < last.end => (2, 0),
            Some(last) => (3, at - last.end),
        };
        (before, offset)
    };
    let Facts {
        functions,
        entries,
        dllexport,
        includes,
        linker_options,
        mods,
        entry_macros,
        // Where they make an entry, it is among them.
        macro_uses: _,
        // For conditions, which the choice does not look at.
        macros: _,
        // Said of the file where it is read.
        is_torn: _,
    } = facts;
    let functions: Vec<_> = functions
        .iter()
        .map(|found| (&found.scope, &found.name, found.exported))
        .collect();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            let is_long = entry.end - entry.start > 4096;
            (&entry.name, place(entry.start), place(entry.end), is_long)
        })
        .collect();
    let all = (functions, entries, dllexport, includes);
    let all = format!("{all:?} {linker_options:?} {mods:?} {entry_macros:?}");
    hasher.update(all.as_bytes());
    hasher.finalize()
}
