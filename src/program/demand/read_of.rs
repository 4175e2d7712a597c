//! What the choice of bodies reads of a file, in short: two texts for which it is the same are chosen from in the same way.
//!
//! In come a text, the functions in it and the names that the last choices knew; out comes a hash over everything outside
//! bodies, and over which of these names each body has and how they stand there. An edit inside a body that brings no such
//! name and takes none leaves it as it was. A body in which an object with static storage is declared counts as it is:
//! where its declaration ends decides which names belong to it. Of one that names what takes a lock, the names count in
//! their order, and whether it is short: how often it takes one, and where loops stand, decides what is read.

use super::SMALL;
use super::declarations::STATIC_WORDS;
use super::graph::{LONG, MOST_WORDS, TAIL};
use crate::index::FunctionFact;
use crate::index::words::{self, Dictionary};
use crate::source::Lang;
use rustc_hash::{FxHashSet, FxHasher};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// The names that choices have known, by their hashes: where two have the same, a choice is made once too often.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct KnownNames {
    /// Empty: nothing has been chosen, and every word may be one.
    hashes: Hashes,
    /// Those of them that may take a lock.
    taking: Hashes,
}

#[derive(Debug, Default)]
struct Hashes(FxHashSet<u32>);

/// As the differences of the sorted hashes, which are short.
impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut hashes: Vec<u32> = self.0.iter().copied().collect();
        hashes.sort_unstable();
        let mut last = 0;
        serializer.collect_seq(
            hashes
                .into_iter()
                .map(|hash| hash - std::mem::replace(&mut last, hash)),
        )
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hashes, D::Error> {
        let differences = Vec::<u32>::deserialize(deserializer)?;
        let mut last = 0_u32;
        let hashes = differences.into_iter().map(|difference| {
            last = last.wrapping_add(difference);
            last
        });
        Ok(Hashes(hashes.collect()))
    }
}

impl KnownNames {
    /// Takes in the names of a choice, and which of them may take a lock.
    pub fn add(&mut self, names: &Dictionary, takes: impl Fn(u32) -> bool) {
        for (name, number) in names.names() {
            let hash = half(hash_of(name));
            self.hashes.0.insert(hash);
            if takes(number) {
                self.taking.0.insert(hash);
            }
        }
    }

    fn has(&self, hash: u64) -> bool {
        self.hashes.0.is_empty() || self.hashes.0.contains(&half(hash))
    }

    fn may_take(&self, hash: u64) -> bool {
        self.taking.0.contains(&half(hash))
    }
}

/// The half of a hash that is spread best.
fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn hash_of(name: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The hash.
pub fn read_of(
    text: &str,
    lang: Lang,
    functions: &[FunctionFact],
    known: &KnownNames,
) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    for function in functions {
        let (body, end) = (function.body as usize, function.end as usize);
        // Functions stand in the order of their starts, and one can stand in another.
        if body > at {
            hasher.update(text.as_bytes().get(at..body).unwrap_or_default());
        }
        at = at.max(end);
        let size = end.saturating_sub(body);
        let is_at_most = [SMALL - 1, LONG, 10 * SMALL - 1].map(|most| u8::from(size <= most));
        hasher.update(&[0]).update(&is_at_most);
        let start = function.start as usize;
        take_words(&mut hasher, text, lang, start..end, body, known);
        if size > LONG {
            hasher.update(&[1]);
            let mut start = end - TAIL;
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            take_words(&mut hasher, text, lang, start..end, body, known);
        }
    }
    hasher.update(text.as_bytes().get(at..).unwrap_or_default());
    hasher.finalize()
}

/// Takes in which known names stand in a range of a function whose body begins there, and how.
fn take_words(
    hasher: &mut blake3::Hasher,
    text: &str,
    lang: Lang,
    range: Range<usize>,
    body: usize,
    known: &KnownNames,
) {
    let mut found: Vec<(u64, u8)> = Vec::new();
    let (mut counts_as_it_is, mut counts_in_order) = (false, false);
    let mut all = 0;
    words::each(text, range.clone(), lang, |place, how| {
        let is_inside = place.start >= body;
        all += usize::from(is_inside);
        let word = text.as_bytes().get(place).unwrap_or_default();
        counts_as_it_is |= lang != Lang::C
            && is_inside
            && STATIC_WORDS.iter().any(|known| known.as_bytes() == word);
        let hash = hash_of(word);
        if known.has(hash) {
            found.push((hash, how));
            counts_in_order |= is_inside && known.may_take(hash);
        }
    });
    if counts_as_it_is {
        hasher.update(text.as_bytes().get(range).unwrap_or_default());
        return;
    }
    if counts_in_order {
        hasher.update(&[2, u8::from(all > MOST_WORDS)]);
    } else {
        found.sort_unstable();
        found.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 |= next.1;
            }
            is_same
        });
    }
    hasher.update(&(found.len() as u64).to_le_bytes());
    for (word, how) in found {
        hasher.update(&word.to_le_bytes());
        hasher.update(&[how]);
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownNames, read_of};
    use crate::index;
    use crate::index::words::Dictionary;
    use crate::source::Lang;

    /// Known names, and the one of them that takes a lock.
    fn known(names: &[&'static str], taking: Option<&str>) -> KnownNames {
        let mut dictionary = Dictionary::default();
        for name in names {
            dictionary.add(name);
        }
        let taking = taking.and_then(|name| dictionary.get(name));
        let mut known = KnownNames::default();
        known.add(&dictionary, |number| taking == Some(number));
        known
    }

    /// What is read of a text with one function.
    fn hash(text: &str, lang: Lang, known: &KnownNames) -> blake3::Hash {
        let facts = index::scan(text, lang, &index::Names::default());
        assert_eq!(facts.functions.len(), 1, "{text}");
        read_of(text, lang, &facts.functions, known)
    }

    #[test]
    fn only_known_names_count_inside_bodies() {
        let known = known(&["f", "n", "stop", "wait"], None);
        let of = |text: &str| hash(text, Lang::C, &known);
        let base = of("int n;\nvoid f(void) { stop(n); }\n");
        assert_eq!(
            base,
            of("int n;\nvoid f(void) {\n  stop(n);; /* why */ }\n")
        );
        assert_eq!(
            base,
            of("int n;\nvoid f(void) { int other; stop(n); stop(n); }\n")
        );
        assert_ne!(base, of("int n;\nvoid f(void) { stop(n); wait(n); }\n"));
        assert_ne!(base, of("int n;\nvoid f(void) { n = stop; }\n"));
        assert_ne!(base, of("int n; \nvoid f(void) { stop(n); }\n"));
        let long = format!("int n;\nvoid f(void) {{ stop(n); {} }}\n", ";".repeat(400));
        assert_ne!(base, of(&long));
    }

    #[test]
    fn where_a_lock_is_taken_the_order_counts() {
        let known = known(&["enter", "leave", "f", "g"], Some("enter"));
        let of = |text: &str| hash(text, Lang::C, &known);
        assert_ne!(
            of("void f(void) { enter(); leave(); }"),
            of("void f(void) { enter(); leave(); enter(); leave(); }")
        );
        assert_ne!(
            of("void f(void) { enter(); leave(); g(); }"),
            of("void f(void) { enter(); g(); leave(); }")
        );
        assert_eq!(
            of("void f(void) { enter(); leave(); }"),
            of("void f(void) { enter();\n\n x = 1; leave(); }")
        );
        let long = format!(
            "void f(void) {{ enter(); {} leave(); }}",
            "x++; ".repeat(50)
        );
        assert_ne!(of("void f(void) { enter(); leave(); }"), of(&long));
        assert_eq!(
            of("void f(void) { leave(); g(); }"),
            of("void f(void) { g(); leave(); }")
        );
    }

    #[test]
    fn before_the_first_choice_every_word_counts() {
        let known = KnownNames::default();
        let of = |text: &str| hash(text, Lang::C, &known);
        assert_ne!(of("void f(void) { }"), of("void f(void) { int other; }"));
    }

    #[test]
    fn where_a_static_object_is_declared_everything_counts() {
        let known = known(&["A", "B", "static"], None);
        let of = |text: &str| hash(text, Lang::Cpp, &known);
        assert_ne!(
            of("void f() { static A a; B b; }"),
            of("void f() { static B b; A a; }")
        );
        assert_ne!(
            of("void f() { static A a; B b; }"),
            of("void f() { static A a, B b; }")
        );
        assert_eq!(of("void f() { A a; B b; }"), of("void f() { B b; A a; }"));
    }
}
