//! What a rule says: plain data, no rendering.
//!
//! In come rule, message, labels and help; out go sorted, deduplicated diagnostics with fingerprints.
//! Levels are set by policy (`config`), not here.

use crate::source::{Sources, Span};
use std::cmp::Ordering;

/// How much a finding weighs. Users set it per rule; a note is never more than a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Off.
    Allow,
    /// Real, but minor: shown with `--notes`, never fails a run.
    Note,
    /// Shown.
    Warn,
    /// Shown, and the run fails.
    Deny,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Allow => "allow",
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Deny => "deny",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Where the finding stands; exactly one label.
    Primary,
    /// A step of a call path, in execution order.
    Step,
    /// Something else worth a look: a definition, the macro, the start of a thread.
    Related,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    /// Lower case, no full stop.
    pub message: String,
    pub role: Role,
    /// Which of the (one or two) flows a step belongs to: 0, or 1 for the other thread's.
    pub flow: u8,
    /// The function in which the span lies, as people name it; empty at namespace scope.
    pub function: String,
}

/// A mechanical remedy: what to write where. Only offered where the text that comes out compiles and does nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an order: lower case, no full stop.
    pub title: String,
    /// All in the primary label's file, by place, none of them overlapping; at least one.
    pub edits: Vec<Edit>,
}

/// The text of a span gives way to another one; an empty span is an insertion, an empty replacement a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub replacement: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub rule: &'static str,
    /// Set by policy; a rule sets `Note` for a minor finding and `Deny` for all others ("as the rule's level says").
    pub level: Level,
    /// Lower case, no full stop; states the fact and names the thing.
    pub message: String,
    /// The primary label, then the steps in execution order, then related ones. The last step of flow 0 leads to the
    /// primary label.
    pub labels: Vec<Label>,
    /// The article's remedy.
    pub help: String,
    /// Further facts for the reader: why the other thread cannot go on, what a finite timeout means.
    pub notes: Vec<String>,
    /// The remedy as edits, where it is mechanical.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    pub fn primary(&self) -> &Label {
        self.labels
            .iter()
            .find(|label| label.role == Role::Primary)
            .unwrap_or(&self.labels[0])
    }

    pub fn steps(&self, flow: u8) -> impl Iterator<Item = &Label> {
        self.labels
            .iter()
            .filter(move |label| label.role == Role::Step && label.flow == flow)
    }

    /// What the primary label marks, white space collapsed.
    pub fn text(&self, sources: &Sources) -> String {
        let words = sources.text(self.primary().span).split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    }

    /// Stays the same when lines move, wording changes or levels are set anew: rule, path, function, and the text of
    /// the primary span with white space collapsed.
    pub fn fingerprint(&self, sources: &Sources) -> String {
        let primary = self.primary();
        let path = &sources.file(primary.span.file).path;
        let text = self.text(sources);
        format!("{:016x}", hash([self.rule, path, &primary.function, &text]))
    }
}

/// FNV-1a, 64 bits, of several texts: short, stable, and nobody attacks a fingerprint.
pub fn hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// Sorted by path, line, column, rule; of several with one rule and place the one with the shortest path stays.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        key(a)
            .cmp(&key(b))
            .then_with(|| b.level.cmp(&a.level))
            .then_with(|| a.labels.len().cmp(&b.labels.len()))
            .then_with(|| a.message.cmp(&b.message))
            .then_with(|| steps(a, b))
    });
    diagnostics.dedup_by(|later, first| {
        let same = key(later) == key(first);
        // What is no remedy in one module is none for the file.
        if same && later.fix != first.fix {
            first.fix = None;
        }
        same
    });
}

fn key(diagnostic: &Diagnostic) -> (Span, &'static str) {
    // Files are numbered in the order of their paths, so the span sorts by path, then offset.
    (diagnostic.primary().span, diagnostic.rule)
}

fn steps(a: &Diagnostic, b: &Diagnostic) -> Ordering {
    let spans = |d: &Diagnostic| d.labels.iter().map(|label| label.span).collect::<Vec<_>>();
    spans(a).cmp(&spans(b))
}

/// Findings for tests.
#[cfg(test)]
pub(crate) mod sample {
    use super::{Diagnostic, Label, Level, Role};
    use crate::source::Span;

    /// A finding of a rule with one label and nothing to say.
    pub fn finding(rule: &'static str, level: Level, span: Span) -> Diagnostic {
        Diagnostic {
            rule,
            level,
            message: String::new(),
            labels: vec![Label {
                span,
                message: String::new(),
                role: Role::Primary,
                flow: 0,
                function: String::new(),
            }],
            help: String::new(),
            notes: Vec::new(),
            fix: None,
        }
    }
}
