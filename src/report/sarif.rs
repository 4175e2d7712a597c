//! SARIF 2.1.0, as GitHub code scanning, Visual Studio and the SARIF viewers read it.
//!
//! Own structs: the members that are used here, in the order in which they are written. Every rule that is on is listed
//! with its help, whether it found anything or not. Paths are relative to the repository's root where there is one,
//! else to the working directory, percent-encoded, and never absolute; a region never goes beyond one line, as GitHub
//! shows a finding on a pull request only if all its lines are in the change. Suppressed findings and those that the
//! baseline accepts are left out: GitHub would open alerts for them.

mod line_hash;
mod model;
mod weaknesses;

use super::{Report, extent, first_line, pretty, severity};
use crate::diagnostic::{Diagnostic, Fix, Label, Level, Role};
use crate::rules::page::{self, Page, capitalised};
use crate::source::{FileId, Sources, Span};
use model::*;
use std::collections::BTreeMap;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name of the folder that all paths are relative to; where it lies is the reader's to know.
const ROOT: &str = "SRCROOT";
/// GitHub cuts descriptions here.
const DESCRIPTION: usize = 1024;
/// A snippet longer than this is cut: minified code would fill the file.
const SNIPPET: usize = 400;
/// Where one reads about tplint: the address that the package names. As long as it names none this is the package itself,
/// as a package URL (<https://github.com/package-url/purl-spec>), for Microsoft's validator warns of logs without any.
const ABOUT: &str = if env!("CARGO_PKG_REPOSITORY").is_empty() {
    concat!("pkg:generic/tplint@", env!("CARGO_PKG_VERSION"))
} else {
    env!("CARGO_PKG_REPOSITORY")
};

/// What the writing of a result needs to know.
struct Context<'a> {
    report: &'a Report<'a>,
    /// Of each file with a finding, the hash of every line.
    line_hashes: BTreeMap<FileId, Vec<String>>,
}

/// Writes the log.
pub fn render(report: &Report) -> String {
    let files = report
        .findings
        .iter()
        .map(|finding| finding.primary().span.file);
    let files: std::collections::BTreeSet<FileId> = files.collect();
    let context = Context {
        report,
        line_hashes: files
            .into_iter()
            .map(|file| (file, line_hash::of(report.sources.file(file))))
            .collect(),
    };
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: driver(report),
            },
            taxonomies: weaknesses::taxonomies(report),
            automation_details: Id { id: "tplint/" },
            version_control_provenance: provenance(report),
            invocations: [Invocation {
                execution_successful: true,
                exit_code: report.exit_code,
                tool_execution_notifications: notifications(report),
            }],
            original_uri_base_ids: Roots {
                root: Described {
                    description: text(match report.origin.root {
                        Some(_) => "The root of the repository.",
                        None => "The folder in which tplint was run.",
                    }),
                },
            },
            column_kind: "unicodeCodePoints",
            results: report
                .findings
                .iter()
                .map(|finding| outcome(finding, &context))
                .collect(),
        }],
    };
    pretty(&log)
}

fn provenance(report: &Report) -> Vec<VersionControl> {
    let origin = report.origin;
    let known = origin.repository.iter().map(|repository| VersionControl {
        repository_uri: repository.clone(),
        revision_id: origin.revision.clone(),
        branch: origin.branch.clone(),
        mapped_to: Base { uri_base_id: ROOT },
    });
    known.collect()
}

fn driver(report: &Report) -> Driver {
    let known = weaknesses::all(report);
    let described = |&(name, level): &(&'static str, Level)| {
        let page = page::of(name)?;
        let mut descriptor = descriptor(name, level, page);
        descriptor.relationships = weaknesses::relationships(page, &known);
        Some(descriptor)
    };
    Driver {
        name: super::TOOL.name,
        full_name: format!("{} {}", super::TOOL.name, super::TOOL.version),
        version: super::TOOL.version,
        semantic_version: super::TOOL.version,
        information_uri: ABOUT,
        short_description: text(concat!(env!("CARGO_PKG_DESCRIPTION"), ".")),
        supported_taxonomies: weaknesses::supported(&known),
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
        relationships: Vec::new(),
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
    for weakness in weaknesses::of(page) {
        let tag = format!("external/cwe/cwe-{:0>3}", weakness.number);
        if !tags.contains(&tag) {
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

/// The page as plain text: examples stay as they are, with the marks of the tests in words.
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
            out.push_str(&format!("    {}\n", page::readable_mark(line)));
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
                artifact_location: artifact(report, path),
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

fn outcome<'a>(finding: &'a Diagnostic, context: &Context) -> Outcome<'a> {
    let report = context.report;
    let sources = report.sources;
    let primary = finding.primary();
    let related = |label: &&Label| label.role == Role::Related;
    let related: Vec<(usize, &Label)> = (1..).zip(finding.labels.iter().filter(related)).collect();
    let line = sources.start(primary.span).line as usize;
    let hashes = context.line_hashes.get(&primary.span.file);
    Outcome {
        rule_id: finding.rule,
        rule_index: report
            .rules
            .iter()
            .position(|(name, _)| *name == finding.rule),
        level: severity(finding.level),
        message: text(message(finding, &related)),
        locations: [location(primary, report, None, false)],
        code_flows: code_flows(finding, report),
        related_locations: related
            .iter()
            .map(|(id, label)| location(label, report, Some(*id), true))
            .collect(),
        partial_fingerprints: Fingerprints {
            line: hashes.and_then(|hashes| hashes.get(line - 1).cloned()),
            ours: finding.fingerprint(sources),
        },
        fixes: finding
            .fix
            .iter()
            .map(|fix| remedy(fix, primary.span.file, report))
            .collect(),
    }
}

/// The fact, the remedy, and links to what else is worth a look. The first sentence is GitHub's title; the remedy has no
/// place of its own in a result.
fn message(finding: &Diagnostic, related: &[(usize, &Label)]) -> String {
    let mut message = format!("{}.", finding.message.trim_end_matches('.'));
    if !finding.help.is_empty() {
        let help = finding.help.trim_end_matches('.');
        message.push_str(&format!(" {}.", capitalised(help)));
    }
    // What looks like a link and is none, an array of lambdas perhaps, must not become one.
    let mut message = message.replace("](", "] (");
    let links: Vec<String> = related
        .iter()
        .filter(|(_, label)| !label.message.is_empty())
        .map(|(id, label)| {
            let shown = label.message.replace('\\', "\\\\");
            let shown = shown.replace('[', "\\[").replace(']', "\\]");
            format!("[{shown}]({id})")
        })
        .collect();
    if !links.is_empty() {
        message.push_str(&format!(" See also: {}.", links.join(", ")));
    }
    message
}

fn remedy(fix: &Fix, file: FileId, report: &Report) -> FixOut {
    let sources = report.sources;
    let replacements = fix.edits.iter().map(|edit| {
        let start = sources.position(edit.span.file, edit.span.start);
        let end = sources.position(edit.span.file, edit.span.end);
        Replacement {
            deleted_region: Region {
                start_line: start.line,
                start_column: start.column,
                end_line: end.line,
                end_column: end.column,
                snippet: None,
            },
            inserted_content: (!edit.replacement.is_empty())
                .then(|| text(edit.replacement.as_str())),
        }
    });
    FixOut {
        description: text(format!("{}.", capitalised(&fix.title))),
        artifact_changes: [Change {
            artifact_location: artifact(report, &sources.file(file).path),
            replacements: replacements.collect(),
        }],
    }
}

fn location(label: &Label, report: &Report, id: Option<usize>, told: bool) -> Location {
    let sources = report.sources;
    let function = &label.function;
    let logical = Logical {
        name: function.rsplit("::").next().unwrap_or(function).to_string(),
        fully_qualified_name: function.clone(),
        kind: "function",
    };
    Location {
        id,
        physical_location: Physical {
            artifact_location: artifact(report, &sources.file(label.span.file).path),
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
fn code_flows(finding: &Diagnostic, report: &Report) -> Vec<CodeFlow> {
    let mut flows = Vec::new();
    for (flow, id) in [(0, "path"), (1, "other thread")] {
        let mut labels: Vec<&Label> = finding.steps(flow).collect();
        if flow == 0 {
            labels.push(finding.primary());
        }
        if !labels.is_empty() {
            flows.push(ThreadFlow {
                id,
                locations: flow_locations(&labels, report),
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

fn flow_locations(labels: &[&Label], report: &Report) -> Vec<FlowLocation> {
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
            location: location(label, report, None, true),
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

fn artifact(report: &Report, path: &str) -> Artifact {
    Artifact {
        uri: uri(&report.origin.path(path)),
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
