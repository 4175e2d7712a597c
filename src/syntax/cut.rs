//! Bodies that nobody looks into are left out before a parser sees them.
//!
//! In come a text and which of its functions matter; out comes a shorter text, in which the others have empty bodies,
//! and a map of its offsets to those of the file.

use crate::index::FunctionFact;
use crate::ir::Unit;
use crate::source::Span;

/// A shorter text.
pub struct Cut {
    pub text: String,
    /// Where pieces begin: in the shorter text, and in the file.
    pieces: Vec<(u32, u32)>,
    /// Where the bodies end that were left out, in the file.
    ends: Vec<u32>,
}

impl Cut {
    /// Leaves out the bodies of the functions that are not kept. `None` where nothing is worth leaving out.
    pub fn new(text: &str, functions: &[FunctionFact], kept: &[bool]) -> Option<Cut> {
        let mut cut = Cut {
            text: String::new(),
            pieces: Vec::new(),
            ends: Vec::new(),
        };
        let mut at = 0;
        for (function, _) in functions.iter().zip(kept).filter(|(_, kept)| !**kept) {
            let (body, end) = (function.body as usize, function.end as usize);
            if body < at || end < body + 3 || !can_go(text, function) {
                continue;
            }
            cut.piece(text, at, body + 1);
            at = end - 1;
            cut.ends.push(function.end);
        }
        if cut.ends.is_empty() {
            return None;
        }
        cut.piece(text, at, text.len());
        Some(cut)
    }

    fn piece(&mut self, text: &str, from: usize, to: usize) {
        self.pieces.push((self.text.len() as u32, from as u32));
        self.text.push_str(&text[from..to]);
    }

    fn offset(&self, at: u32) -> u32 {
        let index = self.pieces.partition_point(|piece| piece.0 <= at);
        let (new, old) = self.pieces[index.max(1) - 1];
        old + (at - new)
    }

    /// Gives a unit that was made of the shorter text the offsets of the file.
    pub fn restore(&self, unit: &mut Unit) {
        unit.map_spans(&|span: Span| {
            if span.end > span.start {
                Span {
                    start: self.offset(span.start),
                    end: self.offset(span.end - 1) + 1,
                    ..span
                }
            } else {
                let at = self.offset(span.start);
                Span {
                    start: at,
                    end: at,
                    ..span
                }
            }
        });
        for function in &mut unit.functions {
            function.is_cut = self.ends.binary_search(&function.span.end).is_ok();
        }
    }
}

/// Whether a text stays well-formed without a body.
fn can_go(text: &str, function: &FunctionFact) -> bool {
    let bytes = text.as_bytes();
    let (body, end) = (function.body as usize, function.end as usize);
    if bytes.get(body) != Some(&b'{') || bytes.get(end - 1) != Some(&b'}') {
        return false;
    }
    // `f() try { } catch (…) { }`
    if bytes[..body].trim_ascii_end().ends_with(b"try") {
        return false;
    }
    // Conditions that are open at its end, and macros that others use.
    let mut depth = 0;
    let mut at = body;
    while let Some(next) = bytes[at..end].iter().position(|&byte| byte == b'#') {
        at += next;
        let before = bytes[..at]
            .iter()
            .rev()
            .find(|byte| !matches!(byte, b' ' | b'\t'));
        if before == Some(&b'\n') {
            let word = bytes[at + 1..end].trim_ascii_start();
            if word.starts_with(b"if") {
                depth += 1;
            } else if word.starts_with(b"endif") {
                depth -= 1;
                if depth < 0 {
                    return false;
                }
            } else if word.starts_with(b"el") {
                if depth == 0 {
                    return false;
                }
            } else if [&b"define"[..], b"undef", b"include", b"pragma"]
                .iter()
                .any(|directive| word.starts_with(directive))
            {
                return false;
            }
        }
        at += 1;
    }
    depth == 0
}
