//! What answers about macros rest on, as hashes: where they are the same, so are the answers.
//!
//! In come the macros of all files; out come one hash for what every file's answers can rest on, and one for each file
//! for what only those answers rest on whose files include it. Places count only by their order, so an edit that moves
//! everything changes no hash. Build files are not taken in.

use super::{Macros, reached};
use crate::index::defines::Define;
use crate::module::Includes;
use crate::source::FileId;
use rayon::prelude::*;

/// A number and then so many bytes: what follows cannot be taken for a part of it.
fn take(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

fn take_numbers(hasher: &mut blake3::Hasher, numbers: impl Iterator<Item = u32>) {
    let bytes: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
    take(hasher, &bytes);
}

impl Macros<'_> {
    /// What each file includes.
    pub fn includes(&self) -> &Includes {
        &self.includes
    }

    /// What all answers can rest on, besides the build files.
    pub fn hash(&self) -> blake3::Hash {
        let ids: Vec<FileId> = self.sources.ids().collect();
        let files: Vec<Option<blake3::Hash>> =
            ids.par_iter().map(|&id| self.hash_of_file(id)).collect();
        let mut hasher = blake3::Hasher::new();
        for (id, hash) in ids.iter().zip(files) {
            if let Some(hash) = hash {
                hasher.update(&id.0.to_le_bytes());
                hasher.update(hash.as_bytes());
            }
        }
        let mut names: Vec<&str> = self.names.keys().copied().collect();
        names.sort_unstable();
        for name in names {
            take(&mut hasher, name.as_bytes());
            let first = name.split_once('_').map_or("", |(first, _)| first);
            hasher.update(&[u8::from(self.vocabulary.contains(first))]);
        }
        // Who is reached from the definitions of these is asked for every file.
        for name in ["DEBUG", "DBG"] {
            for (file, _) in self.names.get(name).iter().flat_map(|known| &known.defines) {
                let reached = reached(&self.includes, [*file].into_iter());
                take_numbers(&mut hasher, reached.iter().map(|file| file.0));
            }
        }
        hasher.finalize()
    }

    /// The conditions of a file, and its definitions of what some condition asks for, in their order.
    fn hash_of_file(&self, id: FileId) -> Option<blake3::Hash> {
        let text = &self.sources.file(id).text;
        let facts = &self.files[id.0 as usize];
        let part = |start: u32, end: u32| text.get(start as usize..end as usize).unwrap_or("");
        let is_asked =
            |define: &&Define| self.names.contains_key(part(define.start, define.name_end));
        let mut all: Vec<(u32, u8, &str, &str, [u32; 5])> = Vec::new();
        for (number, list) in [(0, &facts.defines), (1, &facts.undefines)] {
            for define in list.iter().filter(is_asked) {
                let (name, value) = (
                    part(define.start, define.name_end),
                    part(define.name_end, define.end),
                );
                all.push((define.start, number, name, value, [define.arm, 0, 0, 0, 0]));
            }
        }
        for define in &facts.disabled {
            let name = part(define.start, define.end);
            if self.names.contains_key(name) {
                let numbers = [u32::from(define.alone), 0, 0, 0, 0];
                all.push((define.start, 3, name, "", numbers));
            }
        }
        for arm in &facts.arms {
            let numbers = [
                arm.test as u32,
                arm.parent,
                arm.previous,
                arm.last,
                u32::from(arm.guard),
            ];
            all.push((arm.start, 2, part(arm.start, arm.end), "", numbers));
        }
        if all.is_empty() {
            return None;
        }
        // Arms that begin at one place stay in their order.
        all.sort_by_key(|(start, kind, ..)| (*start, *kind));
        let mut hasher = blake3::Hasher::new();
        for (_, kind, name, value, numbers) in all {
            hasher.update(&[kind]);
            take(&mut hasher, name.as_bytes());
            take(&mut hasher, value.as_bytes());
            take_numbers(&mut hasher, numbers.into_iter());
        }
        Some(hasher.finalize())
    }

    /// By file: what answers of the files that lead to it rest on besides.
    pub fn hashes_of_includes(&self) -> Vec<blake3::Hash> {
        let ids: Vec<FileId> = self.sources.ids().collect();
        ids.par_iter()
            .map(|id| {
                let number = id.0 as usize;
                let mut hasher = blake3::Hasher::new();
                take_numbers(&mut hasher, self.includes[number].iter().map(|file| file.0));
                let (included, incomplete) = (self.included[number], self.incomplete[number]);
                hasher.update(&[u8::from(included), u8::from(incomplete)]);
                hasher.finalize()
            })
            .collect()
    }
}
