//! What takes locks in a module, told by names: loops around exchanges, what takes a lock for its caller, and functions that
//! may hold one lock while they take another.
//!
//! Of a body in C counts how many places take one. Whether the first lock is still held at the second place is for the
//! engine to say: `goto`, arms of the preprocessor, macros and callees that give back what they did not take decide about
//! it.

use super::super::SMALL;
use super::super::seeds::{MOST_PASSED_ON, Node, category};
use super::{Graph, NodeSet};
use crate::index::words::{self, NameMap};
use crate::source::Lang;
use std::ops::Range;

/// A function of four statements has not more words, and not more than ten times the bytes of a small one.
pub const MOST_WORDS: usize = 48;

impl Graph<'_> {
    /// Finds the loops around exchanges: these are called there by their names, or are what a short function or a macro
    /// does that is. Those can have other names, and so can what they call.
    pub(super) fn find_spins(&mut self) {
        use category::{EXCHANGE, LOOP};
        self.spins = self.none();
        let direct = |node: usize| self.tree.direct(self.nodes[node], self.has_classes);
        if !self.nodes().any(|node| direct(node) & EXCHANGE != 0) {
            return;
        }
        let is_exchange = |word: u32| {
            let says = |lang: Lang| self.tree.category(lang, word) & EXCHANGE != 0;
            match self.has_classes {
                true => says(Lang::Cpp) || says(Lang::Rust),
                false => says(Lang::C),
            }
        };
        let mut exchanges = self.no_words();
        for (number, &word) in self.words.iter().enumerate().skip(1) {
            exchanges[number] = is_exchange(word);
        }
        let mentions_one = |node: usize, exchanges: &[bool]| {
            let mut mentions = self.mentions(node).iter();
            mentions.any(|mention| exchanges[self.local(mention.word()) as usize])
        };
        for round in 0..MOST_PASSED_ON {
            let mut passing: Vec<u32> = Vec::new();
            for node in self.nodes() {
                // Macros, one function, and macros.
                let may_pass = match self.node(node) {
                    Node::Function(..) => round == 1 && self.is_short(node),
                    Node::Chunk(..) => self.tree.is_macro(self.nodes[node]),
                };
                if may_pass && mentions_one(node, &exchanges) {
                    let names = self.tree.names_of.of(self.nodes[node]).iter();
                    passing.extend(names.map(|&name| self.local(name)));
                }
            }
            for name in passing {
                exchanges[name as usize] = true;
            }
        }
        exchanges[0] = false;
        self.spins = self.select(|node| direct(node) & LOOP != 0 && mentions_one(node, &exchanges));
        self.exchanges = exchanges;
    }

    /// Whether a function does little but to give back what it has got from one that it calls: the engine follows functions
    /// of four statements, without declarations.
    fn is_short(&self, node: usize) -> bool {
        let Node::Function(file, number) = self.node(node) else {
            return false;
        };
        let function = &self.tree.facts[file.0 as usize].functions[number as usize];
        let body = function.body as usize..function.end as usize;
        let source = self.tree.sources.file(file);
        let Some(lang) = source.lang.filter(|_| body.len() < 10 * SMALL) else {
            return false;
        };
        let mut count = 0;
        words::each(&source.text, body, lang, |_, _| count += 1);
        count <= MOST_WORDS
    }

    /// Whether a node takes a lock and does not give it back: it takes it for its caller.
    fn leaves_a_lock(&self, node: usize) -> bool {
        use category::{ACQUIRE, RELEASE};
        let direct = self.direct(node);
        direct & ACQUIRE != 0 && (direct & RELEASE == 0 || self.has_classes)
    }

    /// What a set names that takes a lock for its caller.
    pub fn named_leaving(&self, set: &NodeSet) -> NodeSet {
        let mut found = self.none();
        for node in self.nodes().filter(|&node| set[node]) {
            for word in self.names(node) {
                for other in self.named(word) {
                    found[other] |= self.leaves_a_lock(other);
                }
            }
        }
        found
    }

    /// Functions in whose bodies a call leaves a lock held.
    pub fn holding_through_others(&self) -> NodeSet {
        let mut leaving = NameMap::<u32, bool>::default();
        let mut leaves = |word: u32| {
            *leaving
                .entry(word)
                .or_insert_with(|| self.named(word).any(|node| self.leaves_a_lock(node)))
        };
        self.select(|node| {
            let own = self.tree.names_of.of(self.nodes[node]);
            self.names(node)
                .any(|word| !own.contains(&word) && leaves(word))
        })
    }

    /// Functions that may hold a lock where they take another, or call what does; and these with what they call, and all
    /// that takes locks below it.
    pub fn nested_locks(&self) -> (NodeSet, NodeSet) {
        let taking = self.leading_to(category::ACQUIRE);
        let mut known = NameMap::<u32, Does>::default();
        let mut does = |word: u32| {
            *known
                .entry(word)
                .or_insert_with(|| self.does_to_locks(word, &taking))
        };
        let holders = self.select(|node| taking[node] && self.may_hold_two(node, &mut does));
        let mut below = self.none();
        let mut seen = self.no_words();
        for node in self.nodes().filter(|&node| holders[node]) {
            for word in self.mentions(node).iter().map(|mention| mention.word()) {
                if std::mem::replace(&mut seen[self.local(word) as usize], true) {
                    continue;
                }
                let given = self.given_to(word).filter(|_| !self.has_classes);
                for word in std::iter::once(word).chain(given) {
                    let passes_on = self.exchanges[self.local(word) as usize];
                    for other in self.named(word) {
                        below[other] |= taking[other]
                            || passes_on
                            || matches!(self.node(other), Node::Chunk(..));
                    }
                }
            }
        }
        self.add_callees(&mut below, |node| taking[node], usize::MAX);
        self.add(&mut below, &holders);
        (holders, below)
    }

    /// What a word does to locks, where these nodes lead to what takes one.
    fn does_to_locks(&self, word: u32, taking: &NodeSet) -> Does {
        let lang = if self.has_classes { Lang::Cpp } else { Lang::C };
        let category = self.tree.category(lang, word);
        let itself = category & self.acquires != 0;
        let is_exchange = self.exchanges[self.local(word) as usize];
        let is_taking = |word: u32| self.named(word).any(|node| taking[node]);
        Does {
            takes: itself || is_exchange || is_taking(word) || self.given_to(word).any(is_taking),
            leaves: itself || is_exchange || self.named(word).any(|node| self.leaves_a_lock(node)),
            // What has a loop of its own needs none around it.
            in_loop: is_exchange && !itself && !self.named(word).any(|node| self.spins[node]),
            loops: category & category::LOOP != 0,
        }
    }

    /// Whether a function may hold a lock in one place and take one in another.
    fn may_hold_two(&self, node: usize, mut does: impl FnMut(u32) -> Does) -> bool {
        let Node::Function(file, number) = self.node(node) else {
            return false;
        };
        let takes_itself = self.direct(node) & category::ACQUIRE != 0;
        if !takes_itself && !self.names(node).any(|word| does(word).leaves) {
            return false;
        }
        if self.has_classes {
            // What ends with a block is not named there: the function's own name stands for it.
            let own = self.tree.names_of.of(self.nodes[node]);
            let taken = self.names(node).filter(|&word| {
                let does = does(word);
                does.takes && (takes_itself || !does.in_loop || own.contains(&word))
            });
            return taken.count() >= 2;
        }
        let function = &self.tree.facts[file.0 as usize].functions[number as usize];
        let body = function.body as usize..function.end as usize;
        let text = &self.tree.sources.file(file).text;
        places_that_take(text, body, |name| {
            self.tree
                .dictionary
                .get(name)
                .map(&mut does)
                .unwrap_or_default()
        }) >= 2
    }
}

/// What a word does to locks.
#[derive(Clone, Copy, Debug, Default)]
struct Does {
    /// Takes one, at least in what it calls.
    takes: bool,
    /// Leaves it held.
    leaves: bool,
    /// Takes one only where a loop stands around it: an exchange.
    in_loop: bool,
    /// Begins a loop.
    loops: bool,
}

/// How many places of a body in C take a lock. A lock that is taken in a loop counts once.
fn places_that_take(text: &str, body: Range<usize>, mut does: impl FnMut(&str) -> Does) -> usize {
    // Exchanges before the first loop: only a jump back can make a loop around them.
    let (mut places, mut before) = (0, 0);
    let (mut in_loop, mut jumps) = (false, false);
    words::each(text, body, Lang::C, |place, _| {
        let name = text.get(place).unwrap_or_default();
        let does = does(name);
        in_loop |= does.loops;
        jumps |= does.loops && name == "goto";
        if does.takes && (in_loop || !does.in_loop) {
            places += 1;
        } else if does.takes {
            before += 1;
        }
    });
    if jumps { places + before } else { places }
}

#[cfg(test)]
mod tests {
    use super::{Does, places_that_take};

    /// In how many places a body takes a lock: with `Enter`, or with `g`, which calls it.
    fn places(body: &str) -> usize {
        places_that_take(body, 0..body.len(), |word| Does {
            takes: matches!(word, "Enter" | "Exchange" | "g"),
            in_loop: word == "Exchange",
            loops: matches!(word, "while" | "for" | "goto"),
            leaves: false,
        })
    }

    #[test]
    fn one_place_takes_one_lock() {
        for body in [
            "{ g(); }",
            "{ Enter(&a); x = 1; Leave(&a); }",
            "{ while (x) { Enter(&a); Leave(&a); } }",
            "{ do x = y; while (Exchange(&a, 1)); }",
            "{ x = Exchange(&a, 1); while (Exchange(&b, 1)) ; }",
            "{ Enter(&a); /* g(); */ puts(\"g()\"); }",
        ] {
            assert_eq!(places(body), 1, "{body}");
        }
    }

    #[test]
    fn two_places_may_take_two() {
        for body in [
            "{ Enter(&a); g(); Leave(&a); }",
            "{ Enter(&a); Enter(&b); Leave(&b); Leave(&a); }",
            "{ for (;;) { Enter(&a); if (x) break; Leave(&a); } g(); }",
            "{ Enter(&a); if (x) goto locked; Leave(&a); return; locked: g(); }",
            "{ void (*f)(void) = g; Enter(&a); f(); }",
            "{ while (Exchange(&a, 1)) ; while (Exchange(&b, 1)) ; }",
            "{ again: if (Exchange(&a, 1)) goto again; g(); }",
        ] {
            assert_eq!(places(body), 2, "{body}");
        }
    }
}
