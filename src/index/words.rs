//! Which known names a text mentions, and how: without parsing, and without a second look at anything else.
//!
//! In come a text and a `Dictionary`; out come the words of the dictionary that stand in the text outside comments and
//! strings. What a word means there (a call, a member, a local of the same name) is not decided: in doubt it is a
//! mention.

use super::{WORD, find, line_end, quoted_end, word_end};
use crate::source::Lang;
use std::ops::Range;

/// A map by names or numbers of names. The keys are those of the analysed files: many equal hashes would cost time, not
/// correctness.
pub type NameMap<K, V> = rustc_hash::FxHashMap<K, V>;

/// Known names, by number.
#[derive(Default)]
pub struct Dictionary<'t> {
    numbers: NameMap<&'t [u8], u32>,
}

impl<'t> Dictionary<'t> {
    /// The number of a name, which is a new one if need be.
    pub fn add(&mut self, name: &'t str) -> u32 {
        let next = (self.numbers.len() as u32).min(MOST_WORDS);
        *self.numbers.entry(name.as_bytes()).or_insert(next)
    }

    pub fn get(&self, name: &str) -> Option<u32> {
        self.numbers.get(name.as_bytes()).copied()
    }

    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// All names with their numbers, in no order.
    pub fn names(&self) -> impl Iterator<Item = (&'t [u8], u32)> + '_ {
        self.numbers.iter().map(|(&name, &number)| (name, number))
    }
}

/// How a word stands in a text. Bits, since several places are taken together.
pub mod how {
    /// Behind it stands `(`, or `)(`: `(*table->stop)()`.
    pub const CALLED: u8 = 1;
    /// It is given a value, its address is taken, or a method is called on it.
    pub const WRITTEN: u8 = 2;
    /// Before it stands `.`, `->` or `::`.
    pub const MEMBER: u8 = 4;
    /// Before it stands neither: it is the name itself.
    pub const PLAIN: u8 = 8;
    /// The same, and a member is given just this: `x.done = f;`, `.done = f,`.
    pub const GIVEN: u8 = 16;
}

/// A word and how it is mentioned, in four bytes: of a large tree there are millions. They are ordered by their
/// words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention(u32);

/// For `how`.
const HOW_BITS: u32 = 5;

/// What comes behind so many words of a dictionary is one word: whatever bears its number is kept together.
const MOST_WORDS: u32 = u32::MAX >> HOW_BITS;

impl Mention {
    pub fn new(word: u32, how: u8) -> Mention {
        Mention(word << HOW_BITS | u32::from(how))
    }

    /// The word, by its number in the dictionary.
    pub fn word(self) -> u32 {
        self.0 >> HOW_BITS
    }

    /// Bits of `how`.
    pub fn how(self) -> u8 {
        (self.0 & ((1 << HOW_BITS) - 1)) as u8
    }
}

/// The words of mentions and how they stand.
pub fn parts(mentions: &[Mention]) -> impl Iterator<Item = (u32, u8)> + '_ {
    mentions
        .iter()
        .map(|mention| (mention.word(), mention.how()))
}

/// Hands every word of a range to `take`: its range and how it stands there.
pub fn each(text: &str, range: Range<usize>, lang: Lang, mut take: impl FnMut(Range<usize>, u8)) {
    let bytes = &text.as_bytes()[..range.end.min(text.len())];
    let mut at = range.start;
    while at < bytes.len() {
        let byte = bytes[at];
        if WORD[byte as usize] {
            let end = word_end(bytes, at);
            if byte.is_ascii_digit() {
                at = end;
                continue;
            }
            let next = bytes.get(end).copied();
            if matches!(next, Some(b'"')) {
                // The prefix of a literal.
                at = literal_end(bytes, at, end, lang);
                continue;
            }
            take(at..end, standing(bytes, at, end));
            at = end;
            continue;
        }
        match byte {
            b'/' => match bytes.get(at + 1) {
                Some(b'/') => at = line_end(bytes, at, lang != Lang::Rust),
                Some(b'*') => at = find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2),
                _ => at += 1,
            },
            b'"' => at = quoted_end(bytes, at, lang != Lang::Rust),
            b'\'' if lang == Lang::Rust => {
                // A lifetime is no literal.
                let is_char = match bytes.get(at + 1) {
                    Some(b'\\') => true,
                    Some(_) => {
                        let wide = text.get(at + 1..).and_then(|rest| rest.chars().next());
                        bytes.get(at + 1 + wide.map_or(1, char::len_utf8)) == Some(&b'\'')
                    }
                    None => false,
                };
                at = if is_char {
                    quoted_end(bytes, at, false)
                } else {
                    at + 1
                };
            }
            b'\'' => {
                let number = at > 0 && bytes[at - 1].is_ascii_hexdigit() && {
                    let start = word_start(bytes, at);
                    bytes[start].is_ascii_digit()
                };
                at = if number {
                    at + 1
                } else {
                    quoted_end(bytes, at, true)
                };
            }
            _ => at += 1,
        }
    }
}

/// Where the number around `at` starts, as far as a number goes.
fn word_start(bytes: &[u8], mut at: usize) -> usize {
    let floor = at.saturating_sub(super::LONGEST_NUMBER);
    while at > floor && (WORD[bytes[at - 1] as usize] || bytes[at - 1] == b'\'') {
        at -= 1;
    }
    at
}

/// The end of a literal with a prefix: `L"…"`, `R"x(…)x"`, `br#"…"#`, `include_str` is none.
fn literal_end(bytes: &[u8], start: usize, quote: usize, lang: Lang) -> usize {
    let raw = bytes[start..quote].ends_with(if lang == Lang::Rust { b"r" } else { b"R" });
    if raw && lang == Lang::Rust {
        return find(bytes, quote + 1, b"\"").map_or(bytes.len(), |end| end + 1);
    }
    if raw && let Some(length) = bytes[quote + 1..].iter().take(17).position(|&b| b == b'(') {
        let close = [b")", &bytes[quote + 1..quote + 1 + length], b"\""].concat();
        return find(bytes, quote + 2 + length, &close)
            .map_or(bytes.len(), |end| end + close.len());
    }
    quoted_end(bytes, quote, lang != Lang::Rust)
}

fn standing(bytes: &[u8], start: usize, end: usize) -> u8 {
    let mut how = 0;
    let mut after = end;
    while matches!(bytes.get(after), Some(b' ' | b'\t')) {
        after += 1;
    }
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    match (byte(after), byte(after + 1)) {
        (b'(', _) | (b')', b'(') => how |= how::CALLED,
        (b'=', next) if next != b'=' => how |= how::WRITTEN,
        (b'+', b'+' | b'=') | (b'-', b'-' | b'=') | (b'|' | b'&' | b'^', b'=') => {
            how |= how::WRITTEN;
        }
        (b'.', _) | (b'-', b'>') => how |= how::WRITTEN,
        (b'[', _) => how |= how::WRITTEN,
        _ => {}
    }
    let mut before = start;
    while before > 0 && matches!(bytes[before - 1], b' ' | b'\t') {
        before -= 1;
    }
    let back = |by: usize| before.checked_sub(by).map_or(0, |at| bytes[at]);
    match (back(1), back(2)) {
        (b'.', _) | (b'>', b'-') | (b':', b':') => return how | how::MEMBER,
        (b'&', other) if other != b'&' => how |= how::WRITTEN,
        (b'+', b'+') | (b'-', b'-') => how |= how::WRITTEN,
        _ => {}
    }
    if how & how::CALLED == 0 && is_given(bytes, before, after) {
        return how | how::GIVEN;
    }
    how | how::PLAIN
}

/// Whether what stands between two places is all that a member is given.
fn is_given(bytes: &[u8], start: usize, end: usize) -> bool {
    let behind = bytes[end..].iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(behind, Some(b';' | b',' | b'}')) {
        return false;
    }
    let mut left = bytes[..start].trim_ascii_end();
    left = left.strip_suffix(b"&").unwrap_or(left).trim_ascii_end();
    // A cast.
    if let Some(inside) = left.strip_suffix(b")") {
        let Some(open) = inside.iter().rposition(|byte| matches!(byte, b'(' | b')')) else {
            return false;
        };
        if inside[open] == b')' {
            return false;
        }
        left = inside[..open].trim_ascii_end();
    }
    let Some(left) = left.strip_suffix(b"=") else {
        return false;
    };
    let left = left.trim_ascii_end();
    let length = left
        .iter()
        .rev()
        .take_while(|byte| WORD[**byte as usize])
        .count();
    let left = left[..left.len() - length].trim_ascii_end();
    length > 0 && (left.ends_with(b".") || left.ends_with(b"->"))
}

/// The words of a dictionary that a range mentions, sorted, each once.
pub fn mentions(
    text: &str,
    range: Range<usize>,
    lang: Lang,
    dictionary: &Dictionary,
    found: &mut Vec<Mention>,
) {
    let bytes = text.as_bytes();
    each(text, range, lang, |word, how| {
        if let Some(&number) = dictionary.numbers.get(&bytes[word]) {
            found.push(Mention::new(number, how));
        }
    });
}

/// Sorts mentions and joins those of the same word.
pub fn merge(found: &mut Vec<Mention>) {
    found.sort_unstable();
    found.dedup_by(|next, kept| {
        let same = next.word() == kept.word();
        if same {
            *kept = Mention::new(kept.word(), kept.how() | next.how());
        }
        same
    });
}
