//! tplint's own JSON: everything that a finding holds, resolved to paths, lines and columns.
//!
//! `version` counts up when a member changes its meaning or goes away; new members may come without that.

use super::{Link, Report, TOOL, Tool, articles_of, counts, extent, pretty, severity};
use crate::diagnostic::{Diagnostic, Edit, Label, Role};
use crate::source::{Sources, Span};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

/// The version of the format.
pub const VERSION: u32 = 1;

#[derive(Serialize, JsonSchema)]
#[schemars(title = "A report of tplint")]
struct Document<'a> {
    /// Counts up when a member changes its meaning or goes away.
    version: u32,
    tool: Tool,
    /// Sorted by path and place.
    findings: Vec<Finding<'a>>,
    summary: Summary<'a>,
}

/// A finding; its place is the first line of what its primary label marks.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule: &'a str,
    /// error, warning or note.
    level: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    /// The function that it stands in; empty at namespace scope.
    function: &'a str,
    labels: Vec<JsonLabel<'a>>,
    /// The remedy.
    help: &'a str,
    notes: &'a [String],
    articles: Vec<Link>,
    /// Stays the same when lines move: of rule, path, function and text.
    fingerprint: String,
    /// The remedy as edits, where it is mechanical.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<JsonFix<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct JsonFix<'a> {
    title: &'a str,
    /// In the finding's file, by place, none of them overlapping.
    edits: Vec<JsonEdit<'a>>,
}

/// The text from the first place up to the second gives way to another one; here both can be on different lines.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct JsonEdit<'a> {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    replacement: &'a str,
}

// The first line of a span.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    path: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    /// Behind the last letter.
    end_column: u32,
}

/// A place that belongs to the finding: the primary label first, then the steps of its call path in the order in which
/// they run, then related places.
#[derive(Serialize, JsonSchema)]
struct JsonLabel<'a> {
    /// primary, step or related.
    role: &'static str,
    /// Only steps belong to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<u8>,
    #[serde(flatten)]
    place: Place<'a>,
    function: &'a str,
    message: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    files: usize,
    partly_parsed: Vec<Partly<'a>>,
    unreadable: Vec<Unreadable<'a>>,
    modules: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    notes_hidden: usize,
    suppressed: usize,
    /// By the baseline.
    accepted: usize,
    /// Entries of the baseline that accept more than there is.
    stale: usize,
    /// Findings that the revision of `--since` has, too.
    known: usize,
}

#[derive(Serialize, JsonSchema)]
struct Partly<'a> {
    path: &'a str,
    regions: usize,
}

#[derive(Serialize, JsonSchema)]
struct Unreadable<'a> {
    path: &'a str,
    message: &'a str,
}

/// The JSON schema of the document.
pub fn schema() -> String {
    let settings = SchemaSettings::draft07().for_serialize();
    pretty(&settings.into_generator().into_root_schema_for::<Document>())
}

/// Writes the document.
pub fn render(report: &Report) -> String {
    let sources = report.sources;
    let summary = report.summary;
    let [errors, warnings, notes] = counts(report.findings);
    let document = Document {
        version: VERSION,
        tool: TOOL,
        findings: report
            .findings
            .iter()
            .map(|finding| json_finding(finding, sources))
            .collect(),
        summary: Summary {
            files: summary.files,
            partly_parsed: summary
                .partly
                .iter()
                .map(|&(file, regions)| Partly {
                    path: &sources.file(file).path,
                    regions,
                })
                .collect(),
            unreadable: summary
                .unread
                .iter()
                .map(|(path, message)| Unreadable { path, message })
                .collect(),
            modules: summary.modules,
            errors,
            warnings,
            notes,
            notes_hidden: summary.notes_hidden,
            suppressed: summary.suppressed,
            accepted: summary.accepted,
            stale: summary.stale,
            known: summary.known,
        },
    };
    pretty(&document)
}

fn json_finding<'a>(finding: &'a Diagnostic, sources: &'a Sources) -> Finding<'a> {
    let primary = finding.primary();
    Finding {
        rule: finding.rule,
        level: severity(finding.level),
        message: &finding.message,
        place: place(sources, primary.span),
        function: &primary.function,
        labels: finding
            .labels
            .iter()
            .map(|label| json_label(label, sources))
            .collect(),
        help: &finding.help,
        notes: &finding.notes,
        articles: articles_of(finding.rule),
        fingerprint: finding.fingerprint(sources),
        fix: finding.fix.as_ref().map(|fix| JsonFix {
            title: &fix.title,
            edits: fix
                .edits
                .iter()
                .map(|edit| json_edit(edit, sources))
                .collect(),
        }),
    }
}

fn json_edit<'a>(edit: &'a Edit, sources: &Sources) -> JsonEdit<'a> {
    let start = sources.position(edit.span.file, edit.span.start);
    let end = sources.position(edit.span.file, edit.span.end);
    JsonEdit {
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        replacement: &edit.replacement,
    }
}

fn json_label<'a>(label: &'a Label, sources: &'a Sources) -> JsonLabel<'a> {
    JsonLabel {
        role: match label.role {
            Role::Primary => "primary",
            Role::Step => "step",
            Role::Related => "related",
        },
        flow: (label.role == Role::Step).then_some(label.flow),
        place: place(sources, label.span),
        function: &label.function,
        message: &label.message,
    }
}

fn place(sources: &Sources, span: Span) -> Place<'_> {
    let (start, end) = extent(sources, span);
    Place {
        path: &sources.file(span.file).path,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}
