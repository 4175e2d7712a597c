//! Workflow commands: GitHub turns each line into an annotation at its place in the sources.
//!
//! https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands: `::error file=…,line=…::text`. A
//! line end in a text, and what separates the parts of a command, is written as a percent code. GitHub shows ten of each
//! kind for a step; the log holds all of them.

use super::{Report, extent};
use crate::diagnostic::{Diagnostic, Level};
use std::fmt::Write;

/// Writes one command for each finding.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings {
        let span = finding.primary().span;
        let (start, end) = extent(report.sources, span);
        let path = report.origin.path(&report.sources.file(span.file).path);
        let command = match finding.level {
            Level::Deny => "error",
            Level::Warn => "warning",
            Level::Note | Level::Allow => "notice",
        };
        let _ = writeln!(
            out,
            "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            property(&path),
            start.line,
            end.line,
            start.column,
            // GitHub counts the last column in, and an annotation needs one.
            end.column.saturating_sub(1).max(start.column),
            property(&format!("tplint: {}", finding.rule)),
            data(&told(finding, report)),
        );
    }
    out
}

/// The fact, the way there, and the remedy, each on a line.
fn told(finding: &Diagnostic, report: &Report) -> String {
    let sources = report.sources;
    let mut text = finding.message.clone();
    let two_flows = finding.steps(1).next().is_some();
    for flow in 0..=1 {
        let prefix = match (two_flows, flow) {
            (false, _) => "",
            (true, 0) => "A",
            (true, _) => "B",
        };
        for (number, step) in (1..).zip(finding.steps(flow)) {
            let path = report.origin.path(&sources.file(step.span.file).path);
            let line = sources.start(step.span).line;
            let _ = write!(text, "\n{prefix}{number}. {path}:{line}: {}", step.message);
        }
    }
    if !finding.help.is_empty() {
        let _ = write!(text, "\nhelp: {}", finding.help);
    }
    for note in &finding.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
