//! Which declarations outside functions are read, in C: those that something which is read asks for by name.
//!
//! In come the words of all files and the functions whose bodies are read; out goes, for each file that only modules in C
//! read, which of its declarations and of the heads of its other functions can matter. A declaration that is read asks
//! for what it names in its turn. Classes, templates and objects with destructors act without being named; so of modules
//! with C++ or Rust everything is read, and of those that link libraries in which the loader calls something: any name may
//! take in such an object file.

use super::Kept;
use super::declarations::items;
use super::graph::is_loaders;
use super::seeds::{ALWAYS, Lists, Tree};
use crate::api::{Api, Effect};
use crate::index::defines::starts_line;
use crate::index::{Facts, FunctionFact, line_end, words};
use crate::module::Module;
use crate::source::{FileId, Lang, Sources};
use aho_corasick::AhoCorasick;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is read of a file besides bodies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// By declaration, in the order of `items`.
    #[serde(with = "super::bits")]
    items: Vec<bool>,
    /// By function: whether its head is.
    #[serde(with = "super::bits")]
    heads: Vec<bool>,
}

impl Outside {
    /// Reads what another one reads, too, where it speaks of as much.
    pub fn join(&mut self, other: &Outside) {
        let both = [
            (&mut self.items, &other.items),
            (&mut self.heads, &other.heads),
        ];
        for (to, from) in both {
            if to.len() == from.len() {
                for (to, &from) in to.iter_mut().zip(from) {
                    *to |= from;
                }
            } else if to.is_empty() {
                // Its words are not there.
                to.clone_from(from);
            }
        }
    }
}

/// By file: whether only modules in C read it.
pub fn files_in_c<'m>(
    sources: &Sources,
    facts: &[Facts],
    api: &Api,
    modules: impl IntoIterator<Item = &'m Module>,
) -> Vec<bool> {
    // What the loader calls in an object file of a library counts only where the linker takes that in, and any name may
    // make it do so.
    let exits = api.names_with(|effect| matches!(effect, Effect::AtExit { .. }));
    let exits = AhoCorasick::new(exits).ok();
    let is_quiet = |file: &FileId| {
        let entries = &facts[file.0 as usize].entries;
        let text = &*sources.file(*file).text;
        !entries.iter().any(is_loaders) && exits.as_ref().is_some_and(|exits| !exits.is_match(text))
    };
    let mut is_c: Vec<bool> = sources
        .ids()
        .map(|id| sources.file(id).lang != Some(Lang::Rust))
        .collect();
    for module in modules {
        let mut files = module.sources.iter().chain(&module.shared);
        let all_c = files.all(|&file| sources.file(file).lang != Some(Lang::Rust))
            && module
                .sources
                .iter()
                .all(|&file| sources.file(file).lang == Some(Lang::C))
            && module.from_libraries.iter().all(is_quiet);
        if !all_c {
            for file in module.files() {
                is_c[file.0 as usize] = false;
            }
        }
    }
    is_c
}

/// Adds to what is kept of each file what is read of it outside bodies.
pub fn select(tree: &Tree, is_c: &[bool], kept: &mut [Option<Kept>]) {
    let sources = tree.sources;
    let files = || sources.ids().filter(|id| is_c[id.0 as usize]);
    // Declarations are numbered through all files, functions behind them.
    let mut first_item: Vec<u32> = Vec::with_capacity(sources.len() + 1);
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut holders: Vec<(FileId, u32)> = Vec::new();
    let mut roots: Vec<u32> = Vec::new();
    for id in sources.ids() {
        first_item.push(holders.len() as u32);
        let asked_by = &tree.files[id.0 as usize].asked_by;
        for number in 0..asked_by.len() {
            let holder = holders.len() as u32;
            holders.push((id, number as u32));
            for &word in asked_by.row(number) {
                if word == ALWAYS {
                    roots.push(holder);
                } else {
                    pairs.push((word, holder));
                }
            }
        }
    }
    let items = holders.len();
    for id in files() {
        let functions = &tree.facts[id.0 as usize].functions;
        for (number, function) in functions.iter().enumerate() {
            if let Some(word) = tree.dictionary.get(&function.name) {
                pairs.push((word, holders.len() as u32));
            }
            holders.push((id, number as u32));
        }
    }
    let bearers = Lists::group(tree.dictionary.len(), &pairs);
    drop(pairs);
    let mut asked = vec![false; tree.dictionary.len()];
    let mut work: Vec<u32> = Vec::new();
    let mut ask = |word: u32, work: &mut Vec<u32>| {
        if !std::mem::replace(&mut asked[word as usize], true) {
            work.push(word);
        }
    };
    // All that is read of files that are read whole asks, too.
    for id in sources.ids() {
        let words = &tree.files[id.0 as usize];
        let Some(kept) = &kept[id.0 as usize] else {
            continue;
        };
        let functions = &tree.facts[id.0 as usize].functions;
        for (number, _) in kept.functions.iter().enumerate().filter(|(_, kept)| **kept) {
            let mentions = words.functions[number].iter();
            mentions.for_each(|mention| ask(mention.word(), &mut work));
            // By which tables that hold it are found.
            let name = tree.dictionary.get(&functions[number].name);
            name.into_iter().for_each(|word| ask(word, &mut work));
        }
    }
    let mut is_read = vec![false; holders.len()];
    let mut found: Vec<words::Mention> = Vec::new();
    let mut open = roots;
    loop {
        while let Some(holder) = open.pop() {
            if std::mem::replace(&mut is_read[holder as usize], true) {
                continue;
            }
            let (id, number) = holders[holder as usize];
            if (holder as usize) < items {
                let row = tree.files[id.0 as usize].asks_for.row(number as usize);
                row.iter().for_each(|&word| ask(word, &mut work));
                continue;
            }
            let function = &tree.facts[id.0 as usize].functions[number as usize];
            let head = function.start as usize..function.body as usize;
            found.clear();
            let text = &sources.file(id).text;
            words::mentions(text, head, Lang::C, &tree.dictionary, &mut found);
            found
                .iter()
                .for_each(|mention| ask(mention.word(), &mut work));
        }
        let Some(word) = work.pop() else { break };
        open.extend(bearers.of(word));
    }
    let mut next_head = items;
    for id in files() {
        let functions = tree.facts[id.0 as usize].functions.len();
        let first = first_item[id.0 as usize] as usize;
        let count = tree.files[id.0 as usize].asked_by.len();
        if let Some(kept) = &mut kept[id.0 as usize] {
            kept.outside = Some(Outside {
                items: is_read[first..first + count].to_vec(),
                heads: is_read[next_head..next_head + functions].to_vec(),
            });
        }
        next_head += functions;
    }
}

/// The words of a file's `#if`s and their kin.
fn in_conditions(text: &str) -> FxHashSet<&str> {
    let bytes = text.as_bytes();
    let mut words = FxHashSet::default();
    for at in memchr::memchr_iter(b'#', bytes) {
        let rest = bytes[at + 1..].trim_ascii_start();
        if (rest.starts_with(b"if") || rest.starts_with(b"elif")) && starts_line(bytes, at) {
            words::each(text, at..line_end(bytes, at, true), Lang::C, |word, _| {
                words.insert(&text[word]);
            });
        }
    }
    words
}

/// The pieces of a file that are left out with all that stands in them, in their order.
pub fn left_out(
    text: &str,
    lang: Lang,
    functions: &[FunctionFact],
    kept: &Kept,
) -> Vec<Range<usize>> {
    let Some(outside) = &kept.outside else {
        return Vec::new();
    };
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let items = items(text, lang, functions);
    if items.len() == outside.items.len() {
        let asked = in_conditions(text);
        let unread = items.into_iter().zip(&outside.items);
        for (item, _) in unread.filter(|(_, is_read)| !**is_read) {
            let Some(start) = item.directive else {
                pieces.extend(item.ranges);
                continue;
            };
            // One that says whether the header has been read before counts by being there.
            if !item
                .names
                .iter()
                .any(|name| asked.contains(&text[name.clone()]))
            {
                let ranges = item.ranges.iter();
                pieces.extend(ranges.map(|range| start..range.end));
            }
        }
    }
    if functions.len() == outside.heads.len() {
        for (number, function) in functions.iter().enumerate() {
            if !outside.heads[number] && !kept.functions[number] {
                pieces.push(function.start as usize..function.end as usize);
            }
        }
    }
    pieces.sort_by_key(|piece| piece.start);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_macros_are_left_out_but_those_that_conditions_name() {
        let text = "#ifndef ONE_H\n#define ONE_H\n#define UNREAD(x) f(x)\n  # define LONG 1 + \\\n 2\n\
                    #if defined(WIDE) && LEVEL \\\n > 2\n#define READ 1\n#endif\n#define LEVEL 3\nint unread(void);\n#endif\n";
        let all = items(text, Lang::C, &[]);
        let is_read = |name: &Range<usize>| &text[name.clone()] == "READ";
        let kept = Kept {
            functions: Vec::new(),
            outside: Some(Outside {
                items: all
                    .iter()
                    .map(|item| item.names.iter().any(is_read))
                    .collect(),
                heads: Vec::new(),
            }),
        };
        let mut rest = text.to_string();
        let pieces = left_out(text, Lang::C, &[], &kept);
        for piece in pieces.into_iter().rev() {
            rest.replace_range(piece, "");
        }
        assert_eq!(
            rest.replace("\n\n", "\n").trim_start(),
            "#ifndef ONE_H\n#define ONE_H\n#if defined(WIDE) && LEVEL \\\n > 2\n#define READ 1\n#endif\n#define LEVEL 3\n#endif\n"
        );
    }
}
