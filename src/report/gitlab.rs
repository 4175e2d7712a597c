//! GitLab's code quality report, which its merge requests show: https://docs.gitlab.com/ci/testing/code_quality/.
//!
//! A list in JSON, without a byte order mark. GitLab takes findings with one fingerprint for one finding, so that
//! further ones with the same get a number.

use super::{Report, extent, pretty};
use crate::diagnostic::Level;
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// Writes the report.
pub fn render(report: &Report) -> String {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let issues: Vec<Issue> = report
        .findings
        .iter()
        .map(|finding| {
            let span = finding.primary().span;
            let (start, end) = extent(report.sources, span);
            let fingerprint = finding.fingerprint(report.sources);
            let count = seen.entry(fingerprint.clone()).or_default();
            *count += 1;
            let mut description = finding.message.clone();
            if !finding.help.is_empty() {
                description.push_str(&format!("; {}", finding.help));
            }
            Issue {
                description,
                check_name: finding.rule,
                fingerprint: match *count {
                    1 => fingerprint,
                    count => format!("{fingerprint}-{count}"),
                },
                severity: match finding.level {
                    Level::Deny => "critical",
                    Level::Warn => "major",
                    Level::Note | Level::Allow => "info",
                },
                location: Location {
                    path: report.origin.path(&report.sources.file(span.file).path),
                    lines: Lines {
                        begin: start.line,
                        end: end.line,
                    },
                },
            }
        })
        .collect();
    pretty(&issues)
}
