//! What of the findings is shown, and at which level: the configuration's levels and the sources' suppressions together.

use crate::config::Policy;
use crate::diagnostic::{self, Diagnostic, Level};
use crate::source::Sources;
use crate::suppress::Suppressions;

/// What is shown, and the number of findings that are not.
#[derive(Debug, Default)]
pub struct Judged {
    /// Sorted, with their final levels.
    pub findings: Vec<Diagnostic>,
    /// Notes that nobody asked for: what the baseline knows of them is in use all the same.
    pub hidden_notes: Vec<Diagnostic>,
    pub suppressed: usize,
}

/// Gives each finding its level and leaves out what nobody wants to see: rules that are `allow`, notes unless they are
/// asked for, suppressed findings, and whatever `in_view` refuses (quiet folders, files that were not asked about).
pub fn judge(
    diagnostics: Vec<Diagnostic>,
    sources: &Sources,
    policy: &Policy,
    in_view: impl Fn(&Diagnostic) -> bool,
) -> Judged {
    let suppressions = Suppressions::find(sources);
    judge_with(suppressions, diagnostics, sources, policy, in_view)
}

/// The same with the sources' comments, which somebody has found already.
pub fn judge_with(
    mut suppressions: Suppressions,
    mut diagnostics: Vec<Diagnostic>,
    sources: &Sources,
    policy: &Policy,
    in_view: impl Fn(&Diagnostic) -> bool,
) -> Judged {
    let mut judged = Judged::default();
    let path_of = |diagnostic: &Diagnostic| &sources.file(diagnostic.primary().span.file).path;
    diagnostic::sort(&mut diagnostics);
    for mut diagnostic in diagnostics {
        let level = policy.level(diagnostic.rule, path_of(&diagnostic));
        if level == Level::Allow {
            continue;
        }
        // A comment is in use even where its finding is not shown for another reason.
        let suppressed = suppressions.cover(&diagnostic, sources);
        if !in_view(&diagnostic) {
            continue;
        }
        if diagnostic.level == Level::Note && !policy.shows_notes() {
            if !suppressed {
                judged.hidden_notes.push(diagnostic);
            }
        } else if suppressed {
            judged.suppressed += 1;
        } else {
            if diagnostic.level != Level::Note {
                diagnostic.level = level;
            }
            judged.findings.push(diagnostic);
        }
    }
    let is_off = |rule: &str, path: &str| policy.level(rule, path) == Level::Allow;
    for mut diagnostic in suppressions.findings(sources, is_off) {
        diagnostic.level = policy.level(diagnostic.rule, path_of(&diagnostic));
        if diagnostic.level != Level::Allow && in_view(&diagnostic) {
            judged.findings.push(diagnostic);
        }
    }
    diagnostic::sort(&mut judged.findings);
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flag};
    use crate::diagnostic::sample;
    use crate::rules::page;
    use crate::source::{FileId, Span};

    const DENIED: &str = "wait_in_dll_main";
    const WARNED: &str = page::UNUSED_SUPPRESSION;

    /// Three findings in lines 1 to 3, the last of them a note.
    fn judged(
        text: &str,
        flags: &[(Level, &str)],
        notes: bool,
    ) -> (Vec<(Level, u32)>, usize, usize) {
        let sources = Sources::new(vec![("a.c".into(), text.as_bytes().to_vec())]);
        let finding = |line: u32, level| {
            let range = sources.file(FileId(0)).line_range(line - 1).unwrap();
            let span = Span::new(FileId(0), range.start, range.start + 1);
            sample::finding(DENIED, level, span)
        };
        let findings = vec![
            finding(3, Level::Note),
            finding(2, Level::Deny),
            finding(1, Level::Deny),
        ];
        let config = Config::default();
        let flags: Vec<Flag> = flags
            .iter()
            .map(|(level, word)| Flag::new(*level, word).unwrap())
            .collect();
        let policy = Policy {
            config: &config,
            flags: &flags,
            notes,
        };
        let judged = judge(findings, &sources, &policy, |finding| {
            sources.start(finding.primary().span).line != 2
        });
        let shown = judged
            .findings
            .iter()
            .map(|finding| (finding.level, sources.start(finding.primary().span).line));
        (
            shown.collect(),
            judged.hidden_notes.len(),
            judged.suppressed,
        )
    }

    #[test]
    fn what_is_shown() {
        use Level::{Allow, Deny, Note, Warn};
        let plain = "a\nb\nc\n";
        assert_eq!(judged(plain, &[], false), (vec![(Deny, 1)], 1, 0));
        assert_eq!(judged(plain, &[], true), (vec![(Deny, 1), (Note, 3)], 0, 0));
        assert_eq!(
            judged(plain, &[(Warn, "all")], false),
            (vec![(Deny, 1), (Note, 3)], 0, 0)
        );
        assert_eq!(
            judged(plain, &[(Warn, DENIED)], false),
            (vec![(Warn, 1)], 1, 0)
        );
        assert_eq!(judged(plain, &[(Allow, DENIED)], true), (vec![], 0, 0));

        let allow = "// tplint: allow(wait_in_dll_main)";
        let first = format!("a {allow}\nb\nc\n");
        assert_eq!(judged(&first, &[], false), (vec![], 1, 1));
        // Used by a finding out of view, and by a hidden note: neither is told as unused.
        let others = format!("a\nb {allow}\nc {allow}\n");
        assert_eq!(judged(&others, &[], false), (vec![(Deny, 1)], 0, 0));
        assert_eq!(judged(&others, &[], true), (vec![(Deny, 1)], 0, 1));
        let unused = format!("a\nb\nc\nd {allow}\n");
        assert_eq!(
            judged(&unused, &[], false),
            (vec![(Deny, 1), (Warn, 4)], 1, 0)
        );
        assert_eq!(judged(&unused, &[(Allow, DENIED)], false), (vec![], 0, 0));
        assert_eq!(
            judged(&unused, &[(Allow, WARNED)], false),
            (vec![(Deny, 1)], 1, 0)
        );
    }
}
