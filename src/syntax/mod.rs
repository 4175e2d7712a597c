//! From text to IR. In comes one decoded file, out comes its `Unit`; nothing else is looked at.
//!
//! Syntax kinds (tree-sitter's and syn's) stay in this folder. Lowering never fails: what it cannot read becomes an
//! opaque region of the unit.

pub mod blank;
pub mod c;
pub mod configure;
pub mod cut;
pub mod rust;

use crate::index::FunctionFact;
use crate::ir::Unit;
use crate::source::{FileId, Lang, Sources};
use std::ops::Range;

/// Lowers one file. `None` for a file that is no C, C++ or Rust.
pub fn lower(sources: &Sources, file: FileId) -> Option<Unit> {
    let source = sources.file(file);
    Some(lower_text(file, source.lang?, &source.text))
}

/// Lowers one file, but only the bodies of those of its functions that are kept, one by one as the index lists them, and
/// without the pieces that are left out, which stand in their order. Bytes. With the unit comes how many were parsed.
pub fn lower_kept(
    sources: &Sources,
    file: FileId,
    functions: &[FunctionFact],
    kept: &[bool],
    left_out: &[Range<usize>],
) -> Option<(Unit, usize)> {
    let source = sources.file(file);
    let Some(cut) = cut::Cut::new(&source.text, functions, kept, left_out) else {
        return Some((lower(sources, file)?, source.text.len()));
    };
    let mut unit = lower_text(file, source.lang?, &cut.text);
    cut.restore(&mut unit);
    Some((unit, cut.text.len()))
}

fn lower_text(file: FileId, lang: Lang, text: &str) -> Unit {
    match lang {
        Lang::C => c::lower(file, Lang::C, text),
        Lang::Cpp => c::lower(file, Lang::Cpp, text),
        Lang::Rust => rust::lower(file, text),
    }
}
