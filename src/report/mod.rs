//! Reports: what a run found, in the format that was asked for.
//!
//! In come findings with their final levels and the sources they lie in; out goes one text, the same bytes for the same
//! input. Nothing here writes, and nothing here decides what is shown. Lines and columns count from 1, columns in
//! Unicode code points of the decoded text, in every format.

pub mod concise;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod listing;
pub mod sarif;
pub mod text;

use crate::config::Base;
use crate::diagnostic::{Diagnostic, Level};
use crate::rules::page::{self, Page};
use crate::source::{FileId, Position, Sources, Span};
use serde::Serialize;
use std::borrow::Cow;

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Snippets of the source with the call path, for people.
    Text,
    /// One line a finding: `path:line:column: level[rule]: message`.
    Concise,
    /// tplint's own versioned format.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands that GitHub shows as annotations.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
}

/// What makes the text format more than text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Links to the pages, as terminals know them (OSC 8).
    pub links: bool,
}

/// Which repository the sources are from, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its address, as one opens it in a browser; never with a password, never a place on this machine.
    pub repository: Option<String>,
    /// The commit that is checked out.
    pub revision: Option<String>,
    pub branch: Option<String>,
    /// Its folder, and the one that the paths of `Sources` are seen from; neither is ever shown. None: no repository.
    pub root: Option<Base>,
}

impl Origin {
    /// A path of `Sources` as platforms want it that know the repository only: seen from its root.
    pub fn path(&self, path: &str) -> String {
        match &self.root {
            Some(root) => root.seen(path),
            None => path.strip_prefix("./").unwrap_or(path).to_string(),
        }
    }
}

/// What a report is made of.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    pub sources: &'a Sources,
    /// Sorted, with their final levels.
    pub findings: &'a [Diagnostic],
    /// The rules that are on, by name, with the level each has where no path says otherwise.
    pub rules: &'a [(&'static str, Level)],
    pub summary: &'a Summary,
    pub origin: &'a Origin,
    /// What the run ends with.
    pub exit_code: u8,
}

/// What a run did, in numbers; the same in every format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// C, C++ and Rust files read.
    pub files: usize,
    /// Files of which a part could not be parsed, with the number of regions.
    pub partly: Vec<(FileId, usize)>,
    /// Files that could not be read: path and why.
    pub unread: Vec<(String, String)>,
    pub modules: usize,
    pub notes_hidden: usize,
    pub suppressed: usize,
    /// Findings that the baseline accepts.
    pub accepted: usize,
    /// Entries of the baseline that accept more than there is.
    pub stale: usize,
    /// Findings that the revision of `--since` has, too.
    pub known: usize,
}

/// Writes the report in a format. The style is for the text format and means nothing to the others.
pub fn render(format: Format, report: &Report, style: Style) -> String {
    match format {
        Format::Text => text::render(report.findings, report.sources, style),
        Format::Concise => concise::render(report.findings, report.sources),
        Format::Json => json::render(report),
        Format::Sarif => sarif::render(report),
        Format::Github => github::render(report),
        Format::Gitlab => gitlab::render(report),
    }
}

/// The word for a level in reports.
pub fn severity(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Note | Level::Allow => "note",
    }
}

/// How many findings there are at deny, at warn, and as notes.
pub fn counts(findings: &[Diagnostic]) -> [usize; 3] {
    [Level::Deny, Level::Warn, Level::Note].map(|level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    })
}

/// The summary as a line for people, without a line end.
pub fn summary_line(summary: &Summary, findings: &[Diagnostic]) -> String {
    let mut line = counted(summary.files, "file", "s");
    line.push_str(" read");
    if !summary.partly.is_empty() {
        line.push_str(&format!(" ({} in part)", summary.partly.len()));
    }
    if !summary.unread.is_empty() {
        line.push_str(&format!(", {} unreadable", summary.unread.len()));
    }
    line.push_str(&format!(
        ", {}: {}",
        counted(summary.modules, "module", "s"),
        counted(findings.len(), "finding", "s")
    ));
    let kinds: Vec<String> = counts(findings)
        .into_iter()
        .zip(["error", "warning", "note"])
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word, "s"))
        .collect();
    if !kinds.is_empty() {
        line.push_str(&format!(" ({})", kinds.join(", ")));
    }
    if summary.notes_hidden > 0 {
        line.push_str(&format!(
            ", {} hidden (--notes shows them)",
            counted(summary.notes_hidden, "note", "s")
        ));
    }
    if summary.suppressed > 0 {
        line.push_str(&format!(", {} suppressed", summary.suppressed));
    }
    if summary.accepted > 0 {
        line.push_str(&format!(", {} accepted by the baseline", summary.accepted));
    }
    if summary.known > 0 {
        line.push_str(&format!(", {} not new", summary.known));
    }
    line
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, word: &str, plural: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { plural })
}

/// The part of a span that lies on its first line, without the line end: what people look at, and what a pull request
/// must contain for GitHub to show a finding. Inside the text whatever the span says.
pub(crate) fn first_line(sources: &Sources, span: Span) -> Span {
    let file = sources.file(span.file);
    let length = file.text.len() as u32;
    let start = span.start.min(length);
    let line = file
        .line_range(file.line_of(start))
        .unwrap_or(0..file.text.len());
    let content = file.text[line.clone()].trim_end_matches(['\r', '\n']);
    let end_of_line = (line.start + content.len()) as u32;
    let start = start.min(end_of_line);
    Span {
        file: span.file,
        start,
        end: span.end.clamp(start, end_of_line),
    }
}

/// Where the first line of a span starts and ends; the end is the place behind the last letter.
pub(crate) fn extent(sources: &Sources, span: Span) -> (Position, Position) {
    let span = first_line(sources, span);
    (
        sources.position(span.file, span.start),
        sources.position(span.file, span.end),
    )
}

/// The text with every character that a terminal would obey (escape sequences, bidirectional overrides) replaced by one
/// of the same length, so that offsets stay true. Tabs and line ends stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let is_harmful = |letter: char| {
        (letter.is_control() && !matches!(letter, '\t' | '\n' | '\r'))
            || matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    // Everything harmful has a byte that plain source text lacks: this is what makes the check cheap.
    let suspicious =
        |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte >= 0x7F;
    if !text.bytes().any(suspicious) || !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let replace = |letter: char| match letter.len_utf8() {
        _ if !is_harmful(letter) => letter,
        1 => '?',
        2 => '\u{B7}',
        _ => '\u{FFFD}',
    };
    Cow::Owned(text.chars().map(replace).collect())
}

/// A link of a rule's page. The address is left out where none is known.
#[derive(Serialize, schemars::JsonSchema, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    title: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'static str>,
}

pub(crate) fn articles(page: &Page) -> Vec<Link> {
    page.articles
        .iter()
        .map(|&(title, address)| Link {
            title,
            address: Some(address).filter(|address| !address.is_empty()),
        })
        .collect()
}

pub(crate) fn articles_of(rule: &str) -> Vec<Link> {
    page::of(rule).map(articles).unwrap_or_default()
}

/// Name and version, in the formats for machines.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

pub(crate) const TOOL: Tool = Tool {
    name: "tplint",
    version: env!("CARGO_PKG_VERSION"),
};

/// Serialized with two spaces of indentation and a line end.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // Maps with keys that are no strings are all that can fail, and there is none.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
