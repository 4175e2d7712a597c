//! What is known already: the findings of the baseline file, and those of an earlier revision.
//!
//! Finds and reads the baseline, takes from the findings of a run what is known, and carries out `tplint baseline`.

use super::paths::{resolved, shown_file, slashed};
use super::read::{Input, LARGEST_MADE, bytes_up_to};
use super::since;
use super::walk::may_be_read;
use crate::baseline::{Baseline, Entry, FILE_NAME, Verdict, World};
use crate::config::{Base, Policy};
use crate::diagnostic::{Diagnostic, Level};
use crate::report::counted;
use crate::source::Sources;
use crate::suppress::judge::Judged;
use std::path::{Path, PathBuf};

/// Entries that are listed when they accept nothing; the rest is counted.
const LISTED: usize = 10;

/// A baseline file, read.
pub struct File {
    /// To open it.
    pub path: PathBuf,
    /// For messages.
    pub shown: String,
    /// From where its paths are seen, and those of the sources.
    base: Base,
    /// None where there is no such file yet.
    pub baseline: Option<Baseline>,
}

/// What is asked about what is known.
#[derive(Debug, Default, Clone)]
pub struct Asked {
    /// The baseline file, where it is not to be looked for.
    pub baseline: Option<PathBuf>,
    pub no_baseline: bool,
    /// A revision of git whose findings are known.
    pub since: Option<String>,
}

/// What a run does not have to report.
#[derive(Default)]
pub struct Known {
    pub file: Option<File>,
    /// The findings of the revision of `--since`.
    pub since: Option<Baseline>,
}

/// How much of what a run has found is known.
#[derive(Default)]
pub struct Taken {
    /// By the baseline.
    pub accepted: usize,
    /// Since before the revision of `--since`.
    pub old: usize,
    /// Entries of the baseline that accept nothing.
    pub stale: Vec<Entry>,
}

/// The baseline file of a run: the one that is named, else the one that the configuration names, else the one that lies
/// beside the configuration, or upward from the first path where there is none.
///
/// # Errors
/// A message, without "error:": a file that cannot be read or is none.
pub fn file(named: Option<&Path>, input: &Input) -> Result<File, String> {
    let folder = Path::new(&input.config.base().folder);
    let path = match (named, &input.config.baseline) {
        (Some(named), _) => named.to_path_buf(),
        (None, Some(written)) => folder.join(written),
        (None, None) if !folder.as_os_str().is_empty() => folder.join(FILE_NAME),
        (None, None) => {
            let folders = input.start.ancestors();
            let mut files = folders.map(|folder| folder.join(FILE_NAME));
            files
                .find(|file| file.symlink_metadata().is_ok_and(|there| !there.is_dir()))
                .unwrap_or_else(|| input.working.join(FILE_NAME))
        }
    };
    // Seen by its folder, which is there before the file is.
    let shown = shown_file(&path, &input.working);
    let shown_folder = shown.rsplit_once('/').map_or("", |(folder, _)| folder);
    let base = Base {
        folder: resolved(&input.working, shown_folder),
        working: slashed(&input.working),
    };
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(format!("cannot read `{shown}`: it is no file"));
    }
    if named.is_none() {
        may_be_read(&path, "--baseline")
            .map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    }
    let is_there = match path.metadata() {
        Ok(_) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(format!("cannot read `{shown}`: {error}")),
    };
    let baseline = if is_there {
        let bytes = bytes_up_to(&path, LARGEST_MADE)
            .map_err(|error| format!("cannot read `{shown}`: {error}"))?;
        let text =
            String::from_utf8(bytes).map_err(|_| format!("{shown}: the file is not UTF-8"))?;
        Some(Baseline::parse(&text).map_err(|error| format!("{shown}:{error}"))?)
    } else {
        None
    };
    Ok(File {
        path,
        shown,
        base,
        baseline,
    })
}

/// The baseline, and the findings of an earlier revision.
///
/// # Errors
/// A message, without "error:": a baseline that cannot be read or is named and not there, a revision that git cannot give.
pub fn read(asked: &Asked, input: &Input, policy: &Policy) -> Result<Known, String> {
    let mut known = Known::default();
    if !asked.no_baseline {
        let file = file(asked.baseline.as_deref(), input)?;
        let is_named = asked.baseline.is_some() || input.config.baseline.is_some();
        if is_named && file.baseline.is_none() {
            let shown = &file.shown;
            return Err(format!(
                "cannot read the baseline `{shown}`: there is none; `tplint baseline write` makes it"
            ));
        }
        known.file = Some(file);
    }
    if let Some(revision) = &asked.since {
        let old = since::tree(revision, input)?;
        let judged = super::find(&old, input, policy, |_| true)?.judged;
        let all = judged.findings.iter().chain(&judged.hidden_notes);
        known.since = Some(Baseline::of(all, &old, &Base::default()));
    }
    Ok(known)
}

impl File {
    /// Holds findings against the file; one that does not exist accepts nothing.
    pub fn judge(
        &self,
        findings: &[&Diagnostic],
        sources: &Sources,
        input: &Input,
        policy: &Policy,
    ) -> Verdict {
        let empty = Baseline::default();
        let baseline = self.baseline.as_ref().unwrap_or(&empty);
        self.with_world(sources, input, policy, |world| {
            baseline.judge(findings, world)
        })
    }

    /// The baseline after `tplint baseline write`: what this run has found, and what it could not judge.
    pub fn rewritten(&self, judged: &Judged, input: &Input, policy: &Policy) -> Baseline {
        let all = judged.findings.iter().chain(&judged.hidden_notes);
        let new = Baseline::of(all, &input.sources, &self.base);
        let old = self.baseline.clone().unwrap_or_default();
        self.with_world(&input.sources, input, policy, |world| {
            old.replaced(new, world)
        })
    }

    fn with_world<T>(
        &self,
        sources: &Sources,
        input: &Input,
        policy: &Policy,
        ask: impl FnOnce(&World) -> T,
    ) -> T {
        let folder = Path::new(&self.base.folder);
        let back = Base {
            folder: self.base.working.clone(),
            working: self.base.folder.clone(),
        };
        ask(&World {
            sources,
            base: &self.base,
            is_gone: &|path| !folder.join(path).exists(),
            is_judged: &|entry| {
                let shown = back.seen(&entry.path);
                policy.level(&entry.rule, &shown) != Level::Allow && input.asks_about(&shown)
            },
        })
    }
}

impl Known {
    /// Takes from the findings what is known.
    pub fn take(
        &self,
        judged: &mut Judged,
        sources: &Sources,
        input: &Input,
        policy: &Policy,
    ) -> Taken {
        let mut taken = Taken::default();
        if let Some(file) = self.file.as_ref().filter(|file| file.baseline.is_some()) {
            let verdict = file.judge(&all(judged), sources, input, policy);
            for (finding, alike) in judged.findings.iter_mut().zip(&verdict.alike) {
                if *alike > 0 {
                    let others = counted(*alike, "finding", "s");
                    finding.notes.push(format!(
                        "{others} with this text in this function {} accepted by the baseline, and there are more now",
                        if *alike == 1 { "is" } else { "are" }
                    ));
                }
            }
            taken.accepted = keep_unknown(judged, &verdict);
            taken.stale = verdict.stale;
        }
        if let Some(since) = &self.since {
            let base = Base::default();
            let world = World {
                sources,
                base: &base,
                is_gone: &|path| sources.find(path).is_none(),
                is_judged: &|_| false,
            };
            let verdict = since.judge(&all(judged), &world);
            taken.old = keep_unknown(judged, &verdict);
        }
        taken
    }
}

/// All findings, those that are shown first.
fn all(judged: &Judged) -> Vec<&Diagnostic> {
    let all = judged.findings.iter().chain(&judged.hidden_notes);
    all.collect()
}

/// Leaves what is not accepted; gives the number of those that would have been shown.
fn keep_unknown(judged: &mut Judged, verdict: &Verdict) -> usize {
    let mut accepted = verdict.accepted.iter();
    let mut is_new = |_: &Diagnostic| accepted.next().is_none_or(|accepted| !accepted);
    let before = judged.findings.len();
    judged.findings.retain(&mut is_new);
    judged.hidden_notes.retain(&mut is_new);
    before - judged.findings.len()
}

/// Says which entries of the baseline accept nothing any more; none where all do.
pub fn stale_text(file: &File, stale: &[Entry]) -> Option<String> {
    let entries = match stale.len() {
        0 => return None,
        1 => "1 entry accepts more than there is".to_string(),
        count => format!("{count} entries accept more than there is"),
    };
    let shown = &file.shown;
    let mut lines = vec![format!(
        "warning: {shown}: {entries} (`tplint baseline prune` takes it out):"
    )];
    let listed = stale.iter().take(LISTED);
    lines.extend(listed.map(|entry| format!("  {}", described(entry))));
    if stale.len() > LISTED {
        lines.push(format!("  and {} more", stale.len() - LISTED));
    }
    Some(lines.join("\n"))
}

/// An entry for people.
pub fn described(entry: &Entry) -> String {
    let Entry {
        path, rule, text, ..
    } = entry;
    let times = match entry.count {
        1 => String::new(),
        count => format!(" ({count} times)"),
    };
    let function = match &*entry.function {
        "" => String::new(),
        function => format!(" in `{function}`"),
    };
    format!("{path}: {rule}{function}: {text}{times}")
}
