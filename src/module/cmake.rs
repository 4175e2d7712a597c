//! CMake.

use crate::source::FileId;

use super::Target;
use super::tree::Tree;

pub fn targets(_tree: &Tree, _build_files: &[FileId]) -> Vec<Target> {
    Vec::new()
}
