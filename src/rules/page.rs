//! A rule's page, read: the front matter and the sections of `rules/<rule>.md`.

use crate::diagnostic::Level;

/// A page. Its parts borrow from the compiled-in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// One line, lower case, no full stop.
    pub summary: &'static str,
    pub level: Level,
    /// Title and address; the address is empty where none is known.
    pub articles: Vec<(&'static str, &'static str)>,
    /// CWE, Application Verifier stops, Microsoft's pages: title and address.
    pub see: Vec<(&'static str, &'static str)>,
    /// Everything after the front matter.
    pub body: &'static str,
}
