//! What the choice of bodies reads of a file, in short: two texts for which it is the same are chosen from in the same way.
//!
//! In come a text and the functions in it, out comes a hash over everything outside bodies, and over the words of each
//! body and how they stand there. An edit inside a body that brings no word and takes none leaves it as it was.

use super::SMALL;
use super::graph::{LONG, TAIL};
use crate::index::{FunctionFact, words};
use crate::source::Lang;
use std::ops::Range;

/// The hash.
pub fn read_of(text: &str, lang: Lang, functions: &[FunctionFact]) -> blake3::Hash {
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
        hasher.update(&[0, u8::from(size < SMALL), u8::from(size <= LONG)]);
        take_words(&mut hasher, text, lang, body..end);
        if size > LONG {
            hasher.update(&[1]);
            take_words(&mut hasher, text, lang, end - TAIL..end);
        }
    }
    hasher.update(text.as_bytes().get(at..).unwrap_or_default());
    hasher.finalize()
}

fn take_words(hasher: &mut blake3::Hasher, text: &str, lang: Lang, range: Range<usize>) {
    words::each(text, range, lang, |word, how| {
        hasher.update(text.as_bytes().get(word).unwrap_or_default());
        hasher.update(&[0, how]);
    });
}

#[cfg(test)]
mod tests {
    use super::read_of;
    use crate::index;
    use crate::source::Lang;

    #[test]
    fn only_words_count_inside_bodies() {
        let of = |text: &str| {
            let facts = index::scan(text, Lang::C, &index::Names::default());
            assert_eq!(facts.functions.len(), 1, "{text}");
            read_of(text, Lang::C, &facts.functions)
        };
        let base = of("int n;\nvoid f(void) { stop(n); }\n");
        assert_eq!(
            base,
            of("int n;\nvoid f(void) {\n  stop(n);; /* why */ }\n")
        );
        assert_ne!(base, of("int n;\nvoid f(void) { stop(n); wait(n); }\n"));
        assert_ne!(base, of("int n;\nvoid f(void) { n = stop; }\n"));
        assert_ne!(base, of("int n; \nvoid f(void) { stop(n); }\n"));
        let long = format!("int n;\nvoid f(void) {{ stop(n); {} }}\n", ";".repeat(400));
        assert_ne!(base, of(&long));
    }
}
