//! The baseline: findings that a project has accepted, so that only new ones are reported.
//!
//! In come the text of a baseline file and the findings of a run, out go those that it does not accept, and the entries
//! that accept nothing any more. An entry is what a fingerprint is made of, written so that people can read it in a
//! review: rule, path, function, and the text of the finding, with the number of findings that it stands for. There is
//! no line in it, so that it holds when lines move. `--since` compares two trees by the same means.
//!
//! Nothing here reads a file: which paths are gone, and which entries this run can judge, is asked of the caller.

use crate::config::Base;
use crate::diagnostic::{self, Diagnostic};
use crate::source::Sources;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name under which a baseline lies beside the configuration.
pub const FILE_NAME: &str = "tplint-baseline.json";
/// The version of the format.
const VERSION: u32 = 1;
/// A longer text is cut, and told apart by a hash.
const LONGEST: usize = 160;

/// Accepted findings that look alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Seen from the folder of the baseline, with `/` between the parts.
    pub path: String,
    /// The function that the finding stands in, empty at namespace scope.
    pub function: String,
    pub rule: String,
    /// What the finding marks, white space collapsed.
    pub text: String,
    /// How many there are.
    pub count: usize,
    /// Marks of the lines around, to tell alike findings of two trees apart. Not written: lines move.
    #[serde(skip)]
    surroundings: Vec<u64>,
}

/// What an entry is known by wherever its file lies.
type Key = (String, String, String);

impl Entry {
    fn key(&self) -> Key {
        (self.rule.clone(), self.function.clone(), self.text.clone())
    }

    fn place(&self) -> (String, Key) {
        (self.path.clone(), self.key())
    }
}

/// Accepted findings, by path, function, rule and text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    pub entries: Vec<Entry>,
}

/// What the caller knows about the world.
pub struct World<'a> {
    pub sources: &'a Sources,
    /// From where the paths of the baseline are seen, and those of the sources.
    pub base: &'a Base,
    /// Whether there is no file any more at the path of an entry.
    pub is_gone: &'a dyn Fn(&str) -> bool,
    /// Whether this run would show a finding of this entry: its rule is on, and its path was asked about.
    pub is_judged: &'a dyn Fn(&Entry) -> bool,
}

/// What a baseline makes of the findings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Of each finding, in their order.
    pub accepted: Vec<bool>,
    /// Of each finding that is reported, how many others like it are accepted.
    pub alike: Vec<usize>,
    /// Entries that stand for more findings than there are, with the number that is too many.
    pub stale: Vec<Entry>,
    /// The baseline as it would be without what is stale, files that have moved at their new places.
    pub pruned: Baseline,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    findings: Vec<Entry>,
}

impl Baseline {
    /// Reads a baseline file.
    ///
    /// # Errors
    /// `line:column: message`, or a message about its version.
    pub fn parse(text: &str) -> Result<Baseline, String> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let failed = |error: serde_json::Error| {
            let (line, column, text) = (error.line(), error.column(), error.to_string());
            let told = text.split(" at line ").next().unwrap_or("").to_string();
            format!("{line}:{column}: {told}")
        };
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let head: Head = serde_json::from_str(text).map_err(failed)?;
        if head.version != VERSION {
            return Err(format!(
                "1:1: version {} is none that this tplint reads; delete the file and run `tplint baseline write`",
                head.version
            ));
        }
        let written: Written = serde_json::from_str(text).map_err(failed)?;
        Ok(Baseline::gathered(written.findings))
    }

    /// Writes a baseline file: one entry a line and in order, so that two branches that accept different findings can be
    /// merged.
    pub fn render(&self) -> String {
        let mut text = format!("{{\n  \"version\": {VERSION},\n  \"findings\": [");
        for (index, entry) in self.entries.iter().enumerate() {
            text.push_str(if index == 0 { "\n    " } else { ",\n    " });
            // Strings and numbers cannot fail.
            text.push_str(&serde_json::to_string(entry).unwrap_or_default());
        }
        text.push_str(if self.entries.is_empty() {
            "]\n}\n"
        } else {
            "\n  ]\n}\n"
        });
        text
    }

    /// The baseline that accepts all of these findings.
    pub fn of<'a>(
        findings: impl IntoIterator<Item = &'a Diagnostic>,
        sources: &Sources,
        base: &Base,
    ) -> Baseline {
        let entries = findings
            .into_iter()
            .map(|finding| entry(finding, sources, base));
        Baseline::gathered(entries.collect())
    }

    /// In order, entries that look alike put together.
    fn gathered(mut entries: Vec<Entry>) -> Baseline {
        entries.sort();
        let mut all: Vec<Entry> = Vec::new();
        for entry in entries.into_iter().filter(|entry| entry.count > 0) {
            match all.last_mut() {
                Some(last) if last.place() == entry.place() => {
                    last.count = last.count.saturating_add(entry.count);
                    last.surroundings.extend(entry.surroundings);
                }
                _ => all.push(entry),
            }
        }
        Baseline { entries: all }
    }

    /// How many findings it accepts.
    pub fn count(&self) -> usize {
        let counts = self.entries.iter().map(|entry| entry.count);
        counts.fold(0, usize::saturating_add)
    }

    /// The entries of another baseline in place of those that this run judges.
    pub fn replaced(&self, new: Baseline, world: &World) -> Baseline {
        let kept = self
            .entries
            .iter()
            .filter(|entry| !(world.is_judged)(entry));
        Baseline::gathered(kept.cloned().chain(new.entries).collect())
    }

    /// Holds findings against the baseline.
    ///
    /// Where there are more findings of one kind than it accepts, those with the lines around them that they had are
    /// accepted first, then those that come first. An entry whose file is gone accepts findings of equal rule, function
    /// and text in another file, if there is one such file only, or one only that bears the old file's name.
    pub fn judge(&self, findings: &[&Diagnostic], world: &World) -> Verdict {
        let found: Vec<Entry> = findings
            .iter()
            .map(|finding| entry(finding, world.sources, world.base))
            .collect();
        let mut open: BTreeMap<(String, Key), Entry> = self
            .entries
            .iter()
            .map(|entry| (entry.place(), entry.clone()))
            .collect();
        let mut accepted = vec![false; found.len()];
        for with_surroundings in [true, false] {
            for (finding, accepted) in found.iter().zip(&mut accepted) {
                let Some(entry) = open.get_mut(&finding.place()) else {
                    continue;
                };
                if *accepted || entry.count == 0 {
                    continue;
                }
                if with_surroundings {
                    let here = finding.surroundings.first();
                    let known = entry
                        .surroundings
                        .iter()
                        .position(|mark| Some(mark) == here);
                    let Some(known) = known else { continue };
                    entry.surroundings.swap_remove(known);
                }
                entry.count -= 1;
                *accepted = true;
            }
        }
        let moved = moved(&open, &found, &accepted, world);
        for ((old, key), new) in &moved {
            let Some(entry) = open.get_mut(&(old.clone(), key.clone())) else {
                continue;
            };
            for (finding, accepted) in found.iter().zip(&mut accepted) {
                if entry.count > 0 && !*accepted && finding.path == *new && finding.key() == *key {
                    entry.count -= 1;
                    *accepted = true;
                }
            }
        }
        let stale: Vec<Entry> = open
            .into_values()
            .filter(|entry| entry.count > 0 && (world.is_judged)(entry))
            .collect();
        let mut alike: BTreeMap<(String, Key), usize> = BTreeMap::new();
        for (finding, _) in found.iter().zip(&accepted).filter(|(_, yes)| **yes) {
            *alike.entry(finding.place()).or_default() += 1;
        }
        let alike = found
            .iter()
            .map(|finding| alike.get(&finding.place()).copied().unwrap_or(0));
        let too_many: BTreeMap<(String, Key), usize> = stale
            .iter()
            .map(|entry| (entry.place(), entry.count))
            .collect();
        let kept = self.entries.iter().map(|entry| {
            let gone = too_many.get(&entry.place()).copied().unwrap_or(0);
            Entry {
                count: entry.count.saturating_sub(gone),
                path: moved.get(&entry.place()).unwrap_or(&entry.path).to_string(),
                ..entry.clone()
            }
        });
        Verdict {
            alike: alike.collect(),
            pruned: Baseline::gathered(kept.collect()),
            accepted,
            stale,
        }
    }
}

/// Where files that are gone have gone to, told by their entries.
fn moved(
    open: &BTreeMap<(String, Key), Entry>,
    found: &[Entry],
    accepted: &[bool],
    world: &World,
) -> BTreeMap<(String, Key), String> {
    // Of each kind of finding, the paths that miss one, and those that have one too many.
    let mut kinds: BTreeMap<Key, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for ((path, key), entry) in open {
        if entry.count > 0 && (world.is_gone)(path) {
            kinds.entry(key.clone()).or_default().0.insert(path);
        }
    }
    for (finding, _) in found
        .iter()
        .zip(accepted)
        .filter(|(_, accepted)| !**accepted)
    {
        if let Some((_, new)) = kinds.get_mut(&finding.key()) {
            new.insert(&finding.path);
        }
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
    let mut moved = BTreeMap::new();
    for (key, (mut old, mut new)) in kinds {
        let names: BTreeSet<String> = old.iter().map(|path| name(path)).collect();
        for shared in names {
            let of_name = |paths: &BTreeSet<&str>| -> Option<String> {
                let mut all = paths.iter().filter(|path| name(path) == shared);
                all.next()
                    .filter(|_| all.next().is_none())
                    .map(ToString::to_string)
            };
            if let (Some(from), Some(to)) = (of_name(&old), of_name(&new)) {
                old.remove(&*from);
                new.remove(&*to);
                moved.insert((from, key.clone()), to);
            }
        }
        if let (1, 1, Some(from), Some(to)) = (old.len(), new.len(), old.first(), new.first()) {
            moved.insert(((*from).to_string(), key), (*to).to_string());
        }
    }
    moved
}

fn entry(finding: &Diagnostic, sources: &Sources, base: &Base) -> Entry {
    let primary = finding.primary();
    let file = sources.file(primary.span.file);
    let mut text = finding.text(sources);
    if text.chars().count() > LONGEST {
        let mark = diagnostic::hash([text.as_str()]);
        text = text.chars().take(LONGEST).collect();
        text.push_str(&format!("… {mark:016x}"));
    }
    let line = file.line_of(primary.span.start);
    let around = (line.saturating_sub(1)..=line + 1)
        .filter_map(|line| file.line_range(line))
        .flat_map(|range| file.text[range].split_whitespace());
    Entry {
        path: base.seen(&file.path),
        function: primary.function.clone(),
        rule: finding.rule.to_string(),
        text,
        count: 1,
        surroundings: vec![diagnostic::hash(around)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Label, Level, Role};
    use crate::source::{FileId, Span};

    /// Files of lines; a line `f: wait x` is a finding in the function `f` at `wait x`.
    fn tree(files: &[(&str, &str)]) -> (Sources, Vec<Diagnostic>) {
        let bytes = |(path, text): &(&str, &str)| (path.to_string(), text.as_bytes().to_vec());
        let sources = Sources::new(files.iter().map(bytes).collect());
        let mut findings = Vec::new();
        for id in sources.ids() {
            let text = &sources.file(id).text;
            for (colon, _) in text.match_indices(": ") {
                let start = text[..colon].rfind('\n').map_or(0, |end| end + 1);
                let end = text[colon..].find('\n').map_or(text.len(), |at| colon + at);
                findings.push(finding(id, colon + 2..end, text[start..colon].trim()));
            }
        }
        (sources, findings)
    }

    fn finding(file: FileId, range: std::ops::Range<usize>, function: &str) -> Diagnostic {
        Diagnostic {
            rule: "wait_in_dll_main",
            level: Level::Deny,
            message: "waits".into(),
            labels: vec![Label {
                span: Span::new(file, range.start, range.end),
                message: String::new(),
                role: Role::Primary,
                flow: 0,
                function: function.into(),
            }],
            help: String::new(),
            notes: Vec::new(),
            fix: None,
        }
    }

    /// The lines (`path:line`) that are reported on the second tree when all of the first is accepted, the entries that
    /// are stale, and the pruned baseline's entries.
    fn compared(
        old: &[(&str, &str)],
        new: &[(&str, &str)],
    ) -> (Vec<String>, Vec<String>, Vec<String>) {
        let base = Base::default();
        let (sources, findings) = tree(old);
        let baseline = Baseline::of(&findings, &sources, &base);
        assert_eq!(baseline.count(), findings.len());
        // What a file holds is what is compared, but for the surroundings.
        let read = Baseline::parse(&baseline.render()).unwrap();
        assert_eq!(read.render(), baseline.render());
        let (sources, findings) = tree(new);
        let world = World {
            sources: &sources,
            base: &base,
            is_gone: &|path| sources.find(path).is_none(),
            is_judged: &|_| true,
        };
        let all: Vec<&Diagnostic> = findings.iter().collect();
        let verdict = baseline.judge(&all, &world);
        let reported = all.iter().zip(&verdict.accepted).filter(|(_, yes)| !**yes);
        let reported = reported.map(|(finding, _)| {
            let span = finding.primary().span;
            let line = sources.start(span).line;
            format!("{}:{line}", sources.file(span.file).path)
        });
        let shown = |entries: &[Entry]| -> Vec<String> {
            let shown = entries.iter().map(|entry| {
                let Entry {
                    path,
                    function,
                    count,
                    ..
                } = entry;
                format!("{path} {function} {count}")
            });
            shown.collect()
        };
        // Pruned once, there is nothing left to prune, and the same findings are accepted.
        let again = verdict.pruned.judge(&all, &world);
        assert_eq!(
            again.accepted.iter().filter(|yes| **yes).count(),
            verdict.accepted.iter().filter(|yes| **yes).count()
        );
        assert_eq!(again.stale, []);
        (
            reported.collect(),
            shown(&verdict.stale),
            shown(&verdict.pruned.entries),
        )
    }

    fn reported(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
        compared(old, new).0
    }

    const NONE: [String; 0] = [];

    #[test]
    fn lines_and_white_space_move_freely() {
        let old = [("a.c", "f: wait(x,  y)\n")];
        assert_eq!(reported(&old, &old), NONE);
        assert_eq!(
            reported(&old, &[("a.c", "\n\n\nint x;\nf: wait(x, y)\nint z;")]),
            NONE
        );
        assert_eq!(reported(&old, &[("a.c", "f: wait(x, z)\n")]), ["a.c:1"]);
        assert_eq!(reported(&old, &[("a.c", "g: wait(x, y)\n")]), ["a.c:1"]);
        assert_eq!(reported(&[], &old), ["a.c:1"]);
    }

    #[test]
    fn alike_findings_are_counted() {
        let one = [("a.c", "f: wait\n")];
        let two = [("a.c", "f: wait\nf: wait\n")];
        assert_eq!(reported(&one, &two), ["a.c:2"]);
        let (shown, stale, pruned) = compared(&two, &one);
        assert_eq!(shown, NONE);
        assert_eq!(stale, ["a.c f 1"]);
        assert_eq!(pruned, ["a.c f 1"]);
    }

    #[test]
    fn of_alike_findings_the_one_with_its_old_neighbours_is_known() {
        let old = [("a.c", "begin\nf: wait\nend\n")];
        let new = [("a.c", "other\nf: wait\nnew\nbegin\nf: wait\nend\n")];
        assert_eq!(reported(&old, &new), ["a.c:2"]);
    }

    #[test]
    fn files_that_have_moved_are_followed_when_there_is_one_way_only() {
        let old = [("a.c", "f: wait\n"), ("b.c", "g: wait\n")];
        let (shown, stale, pruned) =
            compared(&old, &[("x/a.c", "f: wait\n"), ("c.c", "g: wait\n")]);
        assert_eq!((shown, stale), (vec![], vec![]));
        assert_eq!(pruned, ["c.c g 1", "x/a.c f 1"]);
        // Still there: it has not moved, and the other file's finding is new.
        let copied = [("a.c", ""), ("b.c", "g: wait\n"), ("c.c", "f: wait\n")];
        let (shown, stale, pruned) = compared(&old, &copied);
        assert_eq!(
            (shown, stale),
            (vec!["c.c:1".into()], vec!["a.c f 1".into()])
        );
        assert_eq!(pruned, ["b.c g 1"]);
        // Two candidates: the one of the same name, or neither.
        let old = [("a.c", "f: wait\n")];
        let named = [("x/a.c", "f: wait\n"), ("y/b.c", "f: wait\n")];
        assert_eq!(reported(&old, &named), ["y/b.c:1"]);
        let either = [("x/b.c", "f: wait\n"), ("y/c.c", "f: wait\n")];
        let (shown, stale, _) = compared(&old, &either);
        assert_eq!(shown, ["x/b.c:1", "y/c.c:1"]);
        assert_eq!(stale, ["a.c f 1"]);
        // Two files that are gone, one that has come: no telling which.
        let two = [("a.c", "f: wait\n"), ("b.c", "f: wait\n")];
        assert_eq!(reported(&two, &[("c.c", "f: wait\n")]), ["c.c:1"]);
    }

    #[test]
    fn entries_that_are_not_judged_stay() {
        let base = Base::default();
        let (sources, findings) = tree(&[("a.c", "f: wait\n"), ("b.c", "f: wait\n")]);
        let baseline = Baseline::of(&findings, &sources, &base);
        let world = World {
            sources: &sources,
            base: &base,
            is_gone: &|_| true,
            is_judged: &|entry| entry.path == "a.c",
        };
        let verdict = baseline.judge(&[], &world);
        assert_eq!(verdict.stale.len(), 1);
        assert_eq!(verdict.pruned.entries.len(), 1);
        assert_eq!(verdict.pruned.entries[0].path, "b.c");
        let replaced = baseline.replaced(Baseline::default(), &world);
        assert_eq!(replaced, verdict.pruned);
    }

    #[test]
    fn long_texts_are_cut_and_told_apart() {
        let long = "x".repeat(500);
        let old = format!("f: {long}a\n");
        assert_eq!(reported(&[("a.c", &old)], &[("a.c", &old)]), NONE);
        let new = format!("f: {long}b\n");
        assert_eq!(reported(&[("a.c", &old)], &[("a.c", &new)]), ["a.c:1"]);
    }

    #[test]
    fn broken_files_are_refused_with_a_place() {
        for (text, message) in [
            ("", "1:0: EOF"),
            (
                "{\n  \"version\": 1,\n  \"findings\": [{}]\n}",
                "3:17: missing field `path`",
            ),
            (
                "{\"version\": 9}",
                "1:1: version 9 is none that this tplint reads",
            ),
            ("{\"findings\": []}", "1:16: missing field `version`"),
        ] {
            let error = Baseline::parse(text).expect_err(text);
            assert!(error.starts_with(message), "{text}: {error}");
        }
        let empty = Baseline::default();
        assert_eq!(Baseline::parse(&empty.render()), Ok(empty));
        // More than can be counted, twice.
        let entry = format!(
            r#"{{"path":"a.c","function":"f","rule":"r","text":"t","count":{}}}"#,
            usize::MAX
        );
        let text = format!("{{\"version\": 1, \"findings\": [{entry}, {entry}]}}");
        assert_eq!(Baseline::parse(&text).unwrap().count(), usize::MAX);
    }
}
