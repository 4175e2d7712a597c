//! From text to IR. In comes one decoded file, out comes its `Unit`; nothing else is looked at.
//!
//! Syntax kinds (tree-sitter's and syn's) stay in this folder. Lowering never fails: what it cannot read becomes an
//! opaque region of the unit.

pub mod blank;
pub mod c;
pub mod configure;
pub mod rust;

use crate::ir::Unit;
use crate::source::{FileId, Lang, Sources};

/// Lowers one file. `None` for a file that is no C, C++ or Rust.
pub fn lower(sources: &Sources, file: FileId) -> Option<Unit> {
    let source = sources.file(file);
    Some(match source.lang? {
        Lang::C => c::lower(file, Lang::C, &source.text),
        Lang::Cpp => c::lower(file, Lang::Cpp, &source.text),
        Lang::Rust => rust::lower(file, &source.text),
    })
}
