//! Bodies that nobody looks into and declarations that nobody asks for are left out before a parser sees them.
//!
//! In come a text, which of its functions matter and which pieces do not; out comes a shorter text, in which the other
//! functions have empty bodies and the pieces are empty lines, and a map of its offsets to those of the file.

use crate::index::FunctionFact;
use crate::ir::Unit;
use crate::source::Span;
use std::ops::Range;

/// A shorter text.
pub struct Cut {
    pub text: String,
    /// Where pieces begin: in the shorter text, and in the file.
    pieces: Vec<(u32, u32)>,
    /// Where the bodies end that were left out, in the file.
    ends: Vec<u32>,
    is_shorter: bool,
}

impl Cut {
    /// Leaves out the bodies of the functions that are not kept, and pieces that stand in their order. `None` where
    /// nothing is worth leaving out.
    pub fn new(
        text: &str,
        functions: &[FunctionFact],
        kept: &[bool],
        left_out: &[Range<usize>],
    ) -> Option<Cut> {
        let mut cut = Cut {
            text: String::new(),
            pieces: Vec::new(),
            ends: Vec::new(),
            is_shorter: false,
        };
        let mut bodies = functions
            .iter()
            .zip(kept)
            .filter(|(_, kept)| !**kept)
            .map(|(function, _)| function)
            .peekable();
        let mut at = 0;
        let mut left_out = left_out.iter().peekable();
        loop {
            let body = bodies.peek().map(|function| function.start as usize);
            let piece = left_out.peek().map(|piece| piece.start);
            match (body, piece) {
                (None, None) => break,
                (body, Some(start)) if body.is_none_or(|body| start <= body) => {
                    let Some(piece) = left_out.next() else { break };
                    if start < at || piece.end <= start {
                        continue;
                    }
                    let whole = bodies.peek().filter(|body| {
                        body.start as usize == start && body.end as usize == piece.end
                    });
                    if whole.is_some_and(|function| {
                        !can_go(text, function) || has_directive(text, function)
                    }) {
                        continue;
                    }
                    cut.piece(text, at, start);
                    // What follows may have to stand at the beginning of a line.
                    cut.pieces.push((cut.text.len() as u32, start as u32));
                    cut.text.push('\n');
                    at = piece.end;
                    cut.is_shorter = true;
                }
                _ => {
                    let Some(function) = bodies.next() else { break };
                    let (body, end) = (function.body as usize, function.end as usize);
                    if body < at || end < body + 3 || !can_go(text, function) {
                        continue;
                    }
                    cut.piece(text, at, body + 1);
                    at = end - 1;
                    cut.ends.push(function.end);
                    cut.is_shorter = true;
                }
            }
        }
        if !cut.is_shorter {
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

/// Whether a directive of the preprocessor stands before the body.
fn has_directive(text: &str, function: &FunctionFact) -> bool {
    let head = text.get(function.start as usize..function.body as usize);
    head.is_none_or(|head| head.contains('#'))
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
