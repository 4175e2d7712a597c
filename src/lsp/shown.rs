//! Findings as an editor shows them: diagnostics and hovers.
//!
//! In come findings with the sources they lie in; out go the protocol's types. What is shown is decided in `judge`,
//! what is said in `rules`.

use super::documents::{self, Encoding};
use crate::diagnostic::{Diagnostic, Label, Level, Role};
use crate::report::{first_line, severity};
use crate::rules::page::{self, UNUSED_SUPPRESSION, capitalised};
use crate::source::{FileId, SourceFile, Sources, Span};
use lsp_types::{
    CodeDescription, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location,
    NumberOrString, Position, Range, Uri,
};
use std::str::FromStr;

/// What a client can show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shows {
    pub encoding: Encoding,
    /// Places that belong to a finding; where it can't, they are told in its message.
    pub related: bool,
    /// Code that does nothing, greyed out.
    pub tags: bool,
    pub markdown: bool,
}

/// A finding as a diagnostic. `address` gives the address of a file; a place without one is left out.
pub fn diagnostic(
    finding: &Diagnostic,
    sources: &Sources,
    shows: Shows,
    address: &dyn Fn(FileId) -> Option<Uri>,
) -> lsp_types::Diagnostic {
    let page = page::of(finding.rule);
    let href = page.and_then(|page| Uri::from_str(page.address()?).ok());
    let further = further(finding);
    let mut message = finding.message.clone();
    if !shows.related {
        for (text, label) in &further {
            let file = sources.file(label.span.file);
            let line = file.line_of(label.span.start) + 1;
            message.push_str(&format!("\n{text} ({}:{line})", file.path));
        }
    }
    if !finding.help.is_empty() {
        message.push_str(&format!("\nhelp: {}", finding.help));
    }
    for note in &finding.notes {
        message.push_str(&format!("\nnote: {note}"));
    }
    let related = further.into_iter().filter_map(|(text, label)| {
        Some(DiagnosticRelatedInformation {
            location: Location::new(
                address(label.span.file)?,
                place(sources, label.span, shows.encoding),
            ),
            message: text,
        })
    });
    lsp_types::Diagnostic {
        range: place(sources, finding.primary().span, shows.encoding),
        severity: Some(match finding.level {
            Level::Deny => DiagnosticSeverity::ERROR,
            Level::Warn => DiagnosticSeverity::WARNING,
            Level::Note | Level::Allow => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.rule.into())),
        code_description: href.map(|href| CodeDescription { href }),
        source: Some("tplint".into()),
        message,
        related_information: shows.related.then(|| related.collect()),
        tags: (shows.tags && finding.rule == UNUSED_SUPPRESSION)
            .then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: None,
    }
}

/// Where a finding is shown: the first line of what it marks.
pub fn place(sources: &Sources, span: Span, encoding: Encoding) -> Range {
    documents::range(sources, first_line(sources, span), encoding)
}

/// The message of the primary label, then the steps in the order in which they run, numbered as in the text report,
/// then related places.
fn further(finding: &Diagnostic) -> Vec<(String, &Label)> {
    let primary = finding.primary();
    let mut further = Vec::new();
    if !primary.message.is_empty() {
        further.push((primary.message.clone(), primary));
    }
    let has_two = finding.steps(1).next().is_some();
    for flow in 0..=1 {
        let prefix = match (has_two, flow) {
            (false, _) => "",
            (true, 0) => "A",
            (true, _) => "B",
        };
        for (number, label) in (1..).zip(finding.steps(flow)) {
            further.push((format!("{prefix}{number}. {}", label.message), label));
        }
    }
    let related = finding
        .labels
        .iter()
        .filter(|label| label.role == Role::Related);
    further.extend(related.map(|label| (label.message.clone(), label)));
    further
}

/// What is said over findings at a place: each with its remedy, then the page of each rule. Markdown, and the range.
pub fn hover(
    findings: &[&Diagnostic],
    sources: &Sources,
    encoding: Encoding,
) -> Option<(String, Range)> {
    let first = findings.first()?;
    let mut text = String::new();
    for finding in findings {
        let level = severity(finding.level);
        text.push_str(&format!(
            "**{level}[{}]**: {}\n\n",
            finding.rule, finding.message
        ));
        if !finding.help.is_empty() {
            text.push_str(&format!("{}.\n\n", capitalised(&finding.help)));
        }
        for note in &finding.notes {
            text.push_str(&format!("{}.\n\n", capitalised(note)));
        }
    }
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule).collect();
    rules.dedup();
    for rule in rules {
        if let Some(page) = page::of(rule) {
            text.push_str("---\n\n");
            text.push_str(&page.markdown(rule));
        }
    }
    Some((text, place(sources, first.primary().span, encoding)))
}

/// The page of the rule whose name stands at a place, where that is a suppression comment or a configuration.
pub fn named_rule(text: &str, at: Position, encoding: Encoding, is_config: bool) -> Option<String> {
    let at = documents::offset(text, at, encoding);
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let start = text[..at]
        .rfind(|letter| !is_word(letter))
        .map_or(0, |place| {
            place + text[place..].chars().next().map_or(1, char::len_utf8)
        });
    let end = text[at..]
        .find(|letter| !is_word(letter))
        .map_or(text.len(), |end| at + end);
    let line = text[..start].rsplit(['\n', '\r']).next()?;
    if !is_config && !line.contains("tplint:") {
        return None;
    }
    let word = &text[start..end];
    page::of(word).map(|page| page.markdown(word))
}

/// Whether two ranges have a place in common.
pub fn touch(one: Range, other: Range) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// The file's line, without its end.
pub fn line_text(file: &SourceFile, line: u32) -> &str {
    let range = file.line_range(line).unwrap_or(0..0);
    file.text[range].trim_end_matches(['\r', '\n'])
}
