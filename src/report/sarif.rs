//! SARIF 2.1.0, as GitHub code scanning, Visual Studio and the SARIF viewers read it.
//!
//! Own structs: the members that are used here, in the order in which they are written. Every rule that is on is listed
//! with its help, whether it found anything or not. Paths are relative to the working directory, percent-encoded, and
//! never absolute; a region never goes beyond one line, as GitHub shows a finding on a pull request only if all its
//! lines are in the change. Suppressed findings are left out: GitHub would open alerts for them.

use super::{Report, extent, first_line, pretty, severity};
use crate::diagnostic::{Diagnostic, Label, Level, Role};
use crate::rules::page::{self, Page, capitalised};
use crate::source::{Sources, Span};
use serde::Serialize;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name of the folder that all paths are relative to; where it lies is the reader's to know.
const ROOT: &str = "SRCROOT";
/// GitHub cuts descriptions here.
const DESCRIPTION: usize = 1024;
/// A snippet longer than this is cut: minified code would fill the file.
const SNIPPET: usize = 400;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    automation_details: Id,
    invocations: [Invocation; 1],
    original_uri_base_ids: Roots,
    column_kind: &'static str,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    full_name: String,
    version: &'static str,
    semantic_version: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    information_uri: &'static str,
    short_description: Text,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
struct Id {
    id: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

fn text(text: impl Into<String>) -> Text {
    Text { text: text.into() }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
    locations: [ArtifactOnly; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactOnly {
    physical_location: ArtifactOnlyPlace,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactOnlyPlace {
    artifact_location: Artifact,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
struct Roots {
    #[serde(rename = "SRCROOT")]
    root: Described,
}

#[derive(Serialize)]
struct Described {
    description: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: String,
    short_description: Text,
    full_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'static str>,
    help: Help,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    enabled: bool,
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: Vec<String>,
    precision: &'static str,
    #[serde(rename = "problem.severity")]
    severity: &'static str,
}

/// SARIF calls it a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    code_flows: Vec<CodeFlow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "tplint/v1")]
    ours: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_region: Option<Lines>,
}

/// Whole lines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lines {
    start_line: u32,
    end_line: u32,
    snippet: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeFlow {
    thread_flows: Vec<ThreadFlow>,
}

#[derive(Serialize)]
struct ThreadFlow {
    id: &'static str,
    locations: Vec<FlowLocation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FlowLocation {
    location: Location,
    nesting_level: usize,
    execution_order: usize,
    importance: &'static str,
}

/// Writes the log.
pub fn render(report: &Report) -> String {
    let sources = report.sources;
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: driver(report),
            },
            automation_details: Id { id: "tplint/" },
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: notifications(report),
            }],
            original_uri_base_ids: Roots {
                root: Described {
                    description: text("The folder in which tplint was run."),
                },
            },
            column_kind: "unicodeCodePoints",
            results: report
                .findings
                .iter()
                .map(|finding| outcome(finding, sources, report.rules))
                .collect(),
        }],
    };
    pretty(&log)
}

fn driver(report: &Report) -> Driver {
    let described = |&(name, level): &(&'static str, Level)| {
        page::of(name).map(|page| descriptor(name, level, page))
    };
    Driver {
        name: super::TOOL.name,
        full_name: format!("{} {}", super::TOOL.name, super::TOOL.version),
        version: super::TOOL.version,
        semantic_version: super::TOOL.version,
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        short_description: text(concat!(env!("CARGO_PKG_DESCRIPTION"), ".")),
        rules: report.rules.iter().filter_map(described).collect(),
    }
}

fn descriptor(name: &'static str, level: Level, page: &Page) -> Descriptor {
    let markdown = page.markdown(name);
    Descriptor {
        id: name,
        name: pascal_case(name),
        short_description: text(format!("{}.", capitalised(page.summary))),
        full_description: text(shortened(&plain(&page.why()))),
        help_uri: page.address(),
        help: Help {
            text: plain_page(page),
            markdown,
        },
        default_configuration: Configuration {
            enabled: true,
            level: severity(level),
        },
        properties: Properties {
            tags: tags(page),
            // A rule stays silent where it is not sure; those that are off by default have exceptions that no source
            // shows.
            precision: if page.level == Level::Allow {
                "medium"
            } else {
                "high"
            },
            severity: match level {
                Level::Deny => "error",
                Level::Warn => "warning",
                Level::Note | Level::Allow => "recommendation",
            },
        },
    }
}

/// `WaitInDllMain` of `wait_in_dll_main`.
fn pascal_case(name: &str) -> String {
    name.split('_').map(capitalised).collect()
}

/// What GitHub filters by; CWE numbers in the form it knows.
fn tags(page: &Page) -> Vec<String> {
    let mut tags = vec!["correctness".to_string(), "windows".to_string()];
    for (title, _) in page.links() {
        let Some((_, rest)) = title.split_once("CWE-") else {
            continue;
        };
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let tag = format!("external/cwe/cwe-{:0>3}", &rest[..end]);
        if end > 0 && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// Markdown's code marks and links taken off, for members that are plain text.
fn plain(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some(place) = rest.find("](") {
        let (before, after) = rest.split_at(place);
        let Some((open, end)) = before.rfind('[').zip(after.find(')')) else {
            break;
        };
        out.push_str(&before[..open]);
        out.push_str(&before[open + 1..]);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    out.replace(['`', '*'], "")
}

/// The page as plain text: examples stay as they are.
fn plain_page(page: &Page) -> String {
    let mut out = format!("{}.\n", capitalised(page.summary));
    let mut fenced = false;
    if !page.body.is_empty() {
        out.push('\n');
    }
    for line in page.body.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            out.push_str(&format!("    {line}\n"));
        } else {
            out.push_str(&plain(line.trim_start_matches('#').trim_start()));
            out.push('\n');
        }
    }
    for (index, (title, address)) in page.links().enumerate() {
        if index == 0 {
            out.push_str("\nSee also\n\n");
        }
        out.push_str(format!("- {title} {address}").trim_end());
        out.push('\n');
    }
    out
}

/// At most so long as GitHub keeps, with a full stop.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(DESCRIPTION - 1).collect();
    if short.len() < text.len() {
        let end = short.rfind(". ").map_or(short.len(), |end| end + 1);
        short.truncate(end);
    }
    if !short.ends_with('.') {
        short.push('.');
    }
    short
}

fn notifications(report: &Report) -> Vec<Notification> {
    let notification = |level, path: &str, message: String| Notification {
        level,
        message: text(message),
        locations: [ArtifactOnly {
            physical_location: ArtifactOnlyPlace {
                artifact_location: artifact(path),
            },
        }],
    };
    let unread = report.summary.unread.iter().map(|(path, why)| {
        notification(
            "warning",
            path,
            format!("The file could not be read: {why}."),
        )
    });
    let partly = report.summary.partly.iter().map(|&(file, regions)| {
        let regions = super::counted(regions, "region", "s");
        let message = format!("The file was parsed in part: {regions} could not be read.");
        notification("note", &report.sources.file(file).path, message)
    });
    unread.chain(partly).collect()
}

fn outcome<'a>(
    finding: &'a Diagnostic,
    sources: &Sources,
    rules: &[(&'static str, Level)],
) -> Outcome<'a> {
    let primary = finding.primary();
    let related = |label: &&Label| label.role == Role::Related;
    // The first sentence is GitHub's title; the remedy has no place of its own in a result.
    let mut message = format!("{}.", finding.message.trim_end_matches('.'));
    if !finding.help.is_empty() {
        let help = finding.help.trim_end_matches('.');
        message.push_str(&format!(" {}.", capitalised(help)));
    }
    Outcome {
        rule_id: finding.rule,
        rule_index: rules.iter().position(|(name, _)| *name == finding.rule),
        level: severity(finding.level),
        message: text(message),
        locations: [location(primary, sources, None, false)],
        code_flows: code_flows(finding, sources),
        related_locations: (1..)
            .zip(finding.labels.iter().filter(related))
            .map(|(id, label)| location(label, sources, Some(id), true))
            .collect(),
        partial_fingerprints: Fingerprints {
            ours: finding.fingerprint(sources),
        },
    }
}

fn location(label: &Label, sources: &Sources, id: Option<usize>, told: bool) -> Location {
    let function = &label.function;
    let logical = Logical {
        name: function.rsplit("::").next().unwrap_or(function).to_string(),
        fully_qualified_name: function.clone(),
        kind: "function",
    };
    Location {
        id,
        physical_location: Physical {
            artifact_location: artifact(&sources.file(label.span.file).path),
            region: region(sources, label.span),
            context_region: (label.role == Role::Primary)
                .then(|| context(sources, label.span))
                .flatten(),
        },
        logical_locations: if function.is_empty() {
            Vec::new()
        } else {
            vec![logical]
        },
        message: (told && !label.message.is_empty()).then(|| text(label.message.as_str())),
    }
}

fn region(sources: &Sources, span: Span) -> Region {
    let (start, end) = extent(sources, span);
    let snippet: String = sources
        .text(first_line(sources, span))
        .chars()
        .take(SNIPPET)
        .collect();
    Region {
        start_line: start.line,
        start_column: start.column,
        end_line: end.line,
        end_column: end.column,
        snippet: (!snippet.is_empty()).then(|| text(snippet)),
    }
}

/// The line of a place with one before and one after; none where that is too much.
fn context(sources: &Sources, span: Span) -> Option<Lines> {
    let file = sources.file(span.file);
    let line = file.line_of(first_line(sources, span).start);
    let first = line.saturating_sub(1);
    let last = (line + 1).min(file.line_count().saturating_sub(1));
    let bytes = file.line_range(first)?.start..file.line_range(last)?.end;
    let lines = file
        .text
        .get(bytes)
        .filter(|lines| lines.len() <= 3 * SNIPPET)?;
    Some(Lines {
        start_line: first + 1,
        end_line: last + 1,
        snippet: text(lines),
    })
}

/// The call path: the steps of each thread, the primary label as the last of the first. None without steps: a flow of
/// one place tells nothing.
fn code_flows(finding: &Diagnostic, sources: &Sources) -> Vec<CodeFlow> {
    let mut flows = Vec::new();
    for (flow, id) in [(0, "path"), (1, "other thread")] {
        let mut labels: Vec<&Label> = finding.steps(flow).collect();
        if flow == 0 {
            labels.push(finding.primary());
        }
        if !labels.is_empty() {
            flows.push(ThreadFlow {
                id,
                locations: flow_locations(&labels, sources),
            });
        }
    }
    if finding.labels.iter().all(|label| label.role != Role::Step) {
        return Vec::new();
    }
    vec![CodeFlow {
        thread_flows: flows,
    }]
}

fn flow_locations(labels: &[&Label], sources: &Sources) -> Vec<FlowLocation> {
    // A step in a function that is on the stack already is there again; any other one is a call further in.
    let mut stack: Vec<&str> = Vec::new();
    let mut locations = Vec::new();
    for (label, order) in labels.iter().zip(1..) {
        match stack
            .iter()
            .position(|function| *function == label.function)
        {
            Some(depth) => stack.truncate(depth + 1),
            None => stack.push(&label.function),
        }
        locations.push(FlowLocation {
            location: location(label, sources, None, true),
            nesting_level: stack.len() - 1,
            execution_order: order,
            importance: if order == labels.len() {
                "essential"
            } else {
                "important"
            },
        });
    }
    locations
}

fn artifact(path: &str) -> Artifact {
    Artifact {
        uri: uri(path),
        uri_base_id: ROOT,
    }
}

/// A relative reference: everything but what may stand in a path is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path
        .trim_start_matches("./")
        .trim_start_matches('/')
        .bytes()
    {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_relative_and_encoded() {
        assert_eq!(uri("./src/a b.cpp"), "src/a%20b.cpp");
        assert_eq!(uri("c++/100%/é#.c"), "c++/100%25/%C3%A9%23.c");
        assert_eq!(uri("/etc/x.c"), "etc/x.c");
        assert_eq!(uri("../x.c"), "../x.c");
        assert_eq!(uri("C:/x.c"), "C%3A/x.c");
    }

    #[test]
    fn descriptions_are_plain_and_end_with_a_full_stop() {
        assert_eq!(
            plain("`A` [waits](https://x) **now**, a[1]"),
            "A waits now, a[1]"
        );
        assert_eq!(plain("a ](b"), "a ](b");
        let long = "One sentence. ".repeat(200);
        let short = shortened(&long);
        assert!(
            short.len() <= DESCRIPTION && short.ends_with("sentence."),
            "{short}"
        );
        assert_eq!(shortened("no stop"), "no stop.");
        let wide = shortened(&"é".repeat(3000));
        assert_eq!(wide.chars().count(), DESCRIPTION);
    }

    #[test]
    fn cwe_numbers_are_tags() {
        let page = Page {
            summary: "x",
            level: Level::Deny,
            articles: vec![("A", "")],
            see: vec![
                ("CWE-833: Deadlock", "https://x"),
                ("CWE-20", ""),
                ("CWE-", ""),
            ],
            body: "",
        };
        assert_eq!(
            tags(&page),
            [
                "correctness",
                "windows",
                "external/cwe/cwe-833",
                "external/cwe/cwe-020"
            ]
        );
    }
}
