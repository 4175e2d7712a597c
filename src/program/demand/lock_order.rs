//! Which functions can hold one lock while they take another, told by how often their bodies name what takes one.
//!
//! In comes a body and what its words do to locks; out come the words that take one, where there are at least two places
//! that do. Whether the first lock is still held at the second place is for the engine to say: `goto`, arms of the
//! preprocessor, macros and callees that give back what they did not take decide about it.

use crate::index::words;
use crate::source::Lang;
use std::ops::Range;

/// What a word does to locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Does {
    /// Takes one, at least in what it calls.
    pub takes: bool,
    /// Leaves it held.
    pub leaves: bool,
    /// Takes one only where a loop stands around it: an exchange.
    pub in_loop: bool,
    /// Begins a loop.
    pub loops: bool,
}

/// The words of a body, by their numbers, that take a lock, each once and sorted; none where only one place takes one.
pub fn taken_together(
    text: &str,
    body: Range<usize>,
    lang: Lang,
    mut does: impl FnMut(&str) -> Option<(u32, Does)>,
) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    // Exchanges before the first loop: only a jump back can make a loop around them.
    let mut before: Vec<u32> = Vec::new();
    let (mut in_loop, mut jumps) = (false, false);
    words::each(text, body, lang, |place, _| {
        let Some(name) = text.get(place) else {
            return;
        };
        let Some((word, does)) = does(name) else {
            return;
        };
        in_loop |= does.loops;
        jumps |= does.loops && name == "goto";
        if does.takes {
            let to = match does.in_loop && !in_loop {
                true => &mut before,
                false => &mut found,
            };
            to.push(word);
        }
    });
    if jumps {
        found.append(&mut before);
    }
    if found.len() < 2 {
        return Vec::new();
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::{Does, taken_together};
    use crate::source::Lang;

    /// Whether two places of a body take locks: `Enter`, or `g`, which calls it.
    fn is_nested(body: &str) -> bool {
        let does = |word: &str| {
            let takes = Does {
                takes: true,
                ..Does::default()
            };
            let does = match word {
                "Enter" => Does {
                    leaves: true,
                    ..takes
                },
                "Exchange" => Does {
                    leaves: true,
                    in_loop: true,
                    ..takes
                },
                "g" => takes,
                "while" | "for" | "goto" => Does {
                    loops: true,
                    ..Does::default()
                },
                _ => return None,
            };
            Some((0, does))
        };
        !taken_together(body, 0..body.len(), Lang::C, does).is_empty()
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
            assert!(!is_nested(body), "{body}");
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
            assert!(is_nested(body), "{body}");
        }
    }
}
