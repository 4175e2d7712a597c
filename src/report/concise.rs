//! One line a finding: `path:line:column: level[rule]: message`, as editors and `grep` users read it.

use super::{printable, severity};
use crate::diagnostic::Diagnostic;
use crate::source::Sources;
use std::fmt::Write;

/// Writes one line for each finding.
pub fn render(findings: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for finding in findings {
        let span = finding.primary().span;
        let at = sources.start(span);
        let _ = writeln!(
            out,
            "{}:{}:{}: {}[{}]: {}",
            printable(&sources.file(span.file).path).replace(['\n', '\r'], "?"),
            at.line,
            at.column,
            severity(finding.level),
            finding.rule,
            finding.message.replace(['\n', '\r'], " "),
        );
    }
    out
}
