//! What holds of every analysis, whatever was read: it ends, and every place that it names is a part of its text. Shared by
//! the tests with mutants and the fuzzing targets.

use tplint::diagnostic::Diagnostic;
use tplint::report::{self, Format, Origin, Report, Style, Summary};
use tplint::source::{FileId, Sources, Span};
use tplint::{Options, analyze};

/// That of the command's threads.
pub const STACK: usize = 16 << 20;

/// Files by path.
pub type Files = Vec<(String, Vec<u8>)>;

/// What is wrong with a span, or nothing.
pub fn check_span(sources: &Sources, span: Span, what: &str) -> Result<(), String> {
    let text = match sources.ids().find(|id| *id == span.file) {
        Some(id) => &sources.file(id).text,
        None => return Err(format!("{what} is in no file")),
    };
    match text.get(span.range()) {
        Some(_) => Ok(()),
        None => Err(format!(
            "{what} is {}..{}, which is no part of the text ({} bytes)",
            span.start,
            span.end,
            text.len()
        )),
    }
}

pub fn check_finding(sources: &Sources, finding: &Diagnostic) -> Result<(), String> {
    for label in &finding.labels {
        check_span(sources, label.span, &format!("a label of {}", finding.rule))?;
    }
    for edit in finding.fix.iter().flat_map(|fix| &fix.edits) {
        check_span(sources, edit.span, &format!("an edit of {}", finding.rule))?;
    }
    Ok(())
}

/// Analyses files and looks at what comes out; gives the number of findings.
pub fn analysed(files: Files, whole: bool) -> Result<usize, String> {
    let sources = Sources::new(files);
    let options = Options {
        summaries: whole,
        ..Options::default()
    };
    let analysis = analyze(&sources, &options)?;
    for finding in &analysis.diagnostics {
        check_finding(&sources, finding)?;
    }
    if let Some((file, _)) = analysis
        .partly
        .iter()
        .find(|(file, _)| !holds(&sources, *file))
    {
        return Err(format!("file {} is read in part, and is none", file.0));
    }
    for entry in analysis.modules.iter().flat_map(|module| &module.entries) {
        check_span(&sources, entry.2, &format!("the entry {}", entry.1))?;
    }
    let report = Report {
        sources: &sources,
        findings: &analysis.diagnostics,
        rules: &[],
        summary: &Summary::default(),
        origin: &Origin::default(),
        exit_code: 0,
    };
    for format in [Format::Text, Format::Sarif, Format::Github] {
        report::render(format, &report, Style::default());
    }
    Ok(analysis.diagnostics.len())
}

fn holds(sources: &Sources, file: FileId) -> bool {
    (file.0 as usize) < sources.len()
}
