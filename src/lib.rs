//! tplint finds the code that hangs or crashes Windows processes at the edges of a DLL's life.
#![forbid(unsafe_code)]

pub mod api;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod ir;
pub mod program;
pub mod report;
pub mod rules;
pub mod source;
pub mod suppress;
pub mod syntax;

use diagnostic::Diagnostic;
use source::{FileId, Sources, Span};

/// What `analyze` is asked for.
#[derive(Debug, Default)]
pub struct Options {
    /// The user's `[[api]]` rows.
    pub api: Vec<api::Row>,
    /// Rules to run, by name; empty: all.
    pub rules: Vec<&'static str>,
    /// The user's `[[module]]` tables, in order: they claim their files before any build file does.
    pub modules: Vec<ModuleClaim>,
}

/// A module that the user's configuration lays down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleClaim {
    pub name: String,
    /// `dll` or `exe`; `None`: to be found out.
    pub kind: Option<&'static str>,
    /// Its files, sorted, build files included; may be empty.
    pub files: Vec<FileId>,
}

/// What `analyze` found, before policy: every finding has level `Deny`, or `Note` where it is minor.
#[derive(Debug, Default)]
pub struct Analysis {
    pub diagnostics: Vec<Diagnostic>,
    pub modules: Vec<ModuleSummary>,
    /// Files of which a part could not be read, with the number of opaque regions.
    pub partly: Vec<(FileId, usize)>,
}

/// One module, for `tplint modules`.
#[derive(Debug, Default, Clone)]
pub struct ModuleSummary {
    pub name: String,
    /// `dll`, `exe`, `unknown`.
    pub kind: &'static str,
    /// Why this kind, for people.
    pub evidence: Vec<String>,
    pub sources: Vec<FileId>,
    /// What the loader, the CRT, the thread pool or the system calls: kind (`DllMain`, `static destructor`, …), name, place.
    pub entries: Vec<(String, String, Span)>,
    /// Names that are called on a path from an entry and that nothing defines or knows, with the number of calls.
    pub unresolved: Vec<(String, usize)>,
    pub opaque_regions: usize,
}

/// Runs every rule on every module of the sources.
///
/// # Errors
/// A message when the table of API facts cannot be read.
pub fn analyze(_sources: &Sources, options: &Options) -> Result<Analysis, String> {
    let _api = api::Api::new(&options.api)?;
    Ok(Analysis::default())
}
