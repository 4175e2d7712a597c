//! Which sources make up which module.

use crate::source::FileId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Dll,
    Exe,
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Module {
    pub name: String,
    pub kind: Kind,
    pub evidence: Vec<String>,
    pub sources: Vec<FileId>,
    pub headers: Vec<FileId>,
    pub shared: Vec<FileId>,
    pub entry_names: Vec<String>,
    pub kind_is_msvc: Option<bool>,
}
