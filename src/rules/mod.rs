//! The rules: the list, their pages, and how a rule adds a finding.
//!
//! In comes a `Program`, out go `Diagnostic`s. A rule is a query on an engine (`reach`, `flow`); where it needs more
//! than that, an engine lacks a question. Wording stands here and in `rules/*.md` only.

pub mod page;

use crate::diagnostic::Diagnostic;
use crate::program::Program;
pub use page::Page;

mod wait_in_dll_main;

/// A rule of the catalogue.
pub struct Rule {
    pub name: &'static str,
    /// The text of its page, front matter included.
    pub page: &'static str,
    pub check: fn(&Program, &mut Findings),
}

macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        /// All rules, by name.
        pub static RULES: &[Rule] = &[$(Rule {
            name: stringify!($name),
            page: include_str!(concat!("../../rules/", stringify!($name), ".md")),
            check: $name::check,
        }),*];
    };
}

rules![wait_in_dll_main];

/// What the rules found in one module.
#[derive(Debug, Default)]
pub struct Findings {
    pub diagnostics: Vec<Diagnostic>,
}
