//! C and C++ to IR, over tree-sitter.

use crate::ir::Unit;
use crate::source::{FileId, Lang};

/// Lowers the text of one C or C++ file.
pub fn lower(file: FileId, lang: Lang, _text: &str) -> Unit {
    Unit::new(file, lang)
}
