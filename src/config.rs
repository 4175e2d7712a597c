//! Policy: `tplint.toml`, the levels of the command line, and what becomes of a finding under both.
//!
//! In come the text of a configuration file, the flags in the order they were written, and the findings of an analysis;
//! out go findings with their final level, and the counts of those that were left out. Nothing here reads a file: the
//! callers find the configuration and say where it lies. Paths are patterns as in `.gitignore`, relative to the folder
//! of the file; the last `[[override]]` that holds a path and a rule wins.

use crate::api::Row;
use crate::diagnostic::{self, Diagnostic, Level};
use crate::module::{ConfiguredModule, Kind};
use crate::rules::page;
use crate::source::Sources;
use crate::suppress::Suppressions;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// The name under which the file is looked for, upward.
pub const FILE_NAME: &str = "tplint.toml";

/// Folders of other people's code: read and linked, not reported.
const QUIET: [&str; 5] = [
    "third_party",
    "3rdparty",
    "vendor",
    "vcpkg_installed",
    "_deps",
];

/// A configuration, checked: every rule in it exists, every pattern can be matched.
#[derive(Debug, Clone)]
pub struct Config {
    base: Base,
    exclude: Gitignore,
    quiet: Gitignore,
    /// Whether notes are shown.
    pub notes: bool,
    rules: Vec<(&'static str, Level)>,
    overrides: Vec<Override>,
    /// The user's API rows, short forms written out.
    pub api: Vec<Row>,
    modules: Vec<Module>,
}

/// Where a configuration lies: both are absolute, with `/` between the parts and none at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// The folder that the patterns are relative to.
    pub folder: String,
    /// The folder that the paths of `Sources` are relative to.
    pub working: String,
}

#[derive(Debug, Clone)]
struct Override {
    paths: Gitignore,
    rules: Vec<(&'static str, Level)>,
}

#[derive(Debug, Clone)]
struct Module {
    name: String,
    paths: Gitignore,
    kind: Option<Kind>,
}

/// The file as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    exclude: Vec<Spanned<String>>,
    quiet: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    notes: bool,
    #[serde(default)]
    rules: BTreeMap<Spanned<String>, WrittenLevel>,
    #[serde(default, rename = "override")]
    overrides: Vec<WrittenOverride>,
    #[serde(default)]
    api: Vec<Spanned<toml::Table>>,
    #[serde(default, rename = "module")]
    modules: Vec<WrittenModule>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WrittenLevel {
    Deny,
    Warn,
    Allow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOverride {
    paths: Vec<Spanned<String>>,
    rules: BTreeMap<Spanned<String>, WrittenLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenModule {
    name: String,
    paths: Vec<Spanned<String>>,
    kind: Option<WrittenKind>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WrittenKind {
    Dll,
    Exe,
}

/// What is wrong, and where in the text.
type Fault = (Range<usize>, String);

impl Default for Config {
    fn default() -> Config {
        Config {
            base: Base::default(),
            exclude: Gitignore::empty(),
            quiet: patterns(QUIET.iter().map(|name| (0..0, *name))).unwrap_or(Gitignore::empty()),
            notes: false,
            rules: Vec::new(),
            overrides: Vec::new(),
            api: Vec::new(),
            modules: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the text of a `tplint.toml`.
    ///
    /// # Errors
    /// `line:column: message`, both counted from 1 in code points; the message says what is allowed there.
    pub fn parse(text: &str, base: Base) -> Result<Config, String> {
        read(text, base).map_err(|(span, message)| {
            let (line, column) = position(text, span.start);
            let message = message.trim_end().replace('\n', ", ");
            format!("{line}:{column}: {message}")
        })
    }

    /// Whether a file or folder is not to be read.
    pub fn excludes(&self, path: &str, folder: bool) -> bool {
        self.holds(&self.exclude, path, folder)
    }

    /// Whether a file is read and linked, but not reported.
    pub fn is_quiet(&self, path: &str) -> bool {
        self.holds(&self.quiet, path, false)
    }

    /// What `[[module]]` lays down, in the order of the file: each with the sources that its paths match.
    pub fn modules(&self, sources: &Sources) -> Vec<ConfiguredModule> {
        self.modules
            .iter()
            .map(|module| ConfiguredModule {
                name: module.name.clone(),
                kind: module.kind,
                files: sources
                    .ids()
                    .filter(|&id| sources.file(id).lang.is_some())
                    .filter(|&id| self.holds(&module.paths, &sources.file(id).path, false))
                    .collect(),
            })
            .collect()
    }

    fn holds(&self, patterns: &Gitignore, path: &str, folder: bool) -> bool {
        !patterns.is_empty()
            && patterns
                .matched_path_or_any_parents(self.local(path), folder)
                .is_ignore()
    }

    /// The path as the patterns see it: relative to the folder of the configuration. A path outside of it keeps what
    /// is left when the steps upward are taken off, so that folder names match there too.
    fn local(&self, path: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        let working = if is_absolute(path) {
            ""
        } else {
            &self.base.working
        };
        for part in working.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                _ => parts.push(part),
            }
        }
        let folder: Vec<&str> = self
            .base
            .folder
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        match parts.strip_prefix(&folder[..]) {
            Some(below) => below.join("/"),
            None => path
                .split('/')
                .filter(|part| !matches!(*part, "" | "." | ".."))
                .collect::<Vec<_>>()
                .join("/"),
        }
    }
}

fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.as_bytes().get(1) == Some(&b':')
}

fn read(text: &str, base: Base) -> Result<Config, Fault> {
    let written: Written = toml::from_str(text)
        .map_err(|error| (error.span().unwrap_or(0..0), error.message().to_string()))?;
    let mut config = Config {
        base,
        notes: written.notes,
        exclude: spanned_patterns(&written.exclude)?,
        rules: levels(written.rules)?,
        ..Config::default()
    };
    if let Some(quiet) = &written.quiet {
        config.quiet = spanned_patterns(quiet)?;
    }
    for written in written.overrides {
        config.overrides.push(Override {
            paths: spanned_patterns(&written.paths)?,
            rules: levels(written.rules)?,
        });
    }
    for module in written.modules {
        config.modules.push(Module {
            name: module.name,
            paths: spanned_patterns(&module.paths)?,
            kind: module.kind.map(|kind| match kind {
                WrittenKind::Dll => Kind::Dll,
                WrittenKind::Exe => Kind::Exe,
            }),
        });
    }
    for row in written.api {
        let span = row.span();
        config
            .api
            .push(api_row(row.into_inner()).map_err(|message| (span, message))?);
    }
    Ok(config)
}

fn spanned_patterns(written: &[Spanned<String>]) -> Result<Gitignore, Fault> {
    patterns(
        written
            .iter()
            .map(|pattern| (pattern.span(), pattern.get_ref().as_str())),
    )
}

fn patterns<'a>(
    written: impl Iterator<Item = (Range<usize>, &'a str)>,
) -> Result<Gitignore, Fault> {
    let mut builder = GitignoreBuilder::new("");
    for (span, pattern) in written {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        builder
            .add_line(None, pattern)
            .map_err(|error| (span, format!("`{pattern}` is no pattern: {error}")))?;
    }
    builder.build().map_err(|error| (0..0, error.to_string()))
}

fn levels(
    written: BTreeMap<Spanned<String>, WrittenLevel>,
) -> Result<Vec<(&'static str, Level)>, Fault> {
    written
        .into_iter()
        .map(|(name, level)| {
            let rule = page::find(name.get_ref()).map_err(|message| (name.span(), message))?;
            let level = match level {
                WrittenLevel::Deny => Level::Deny,
                WrittenLevel::Warn => Level::Warn,
                WrittenLevel::Allow => Level::Allow,
            };
            Ok((rule, level))
        })
        .collect()
}

/// A row of `[[api]]`. `effect = "wait"` and `effect = { kind = "wait", … }` are short for a list of one; a wait of
/// which no more is said is one on the receiver, for whatever can be waited on.
fn api_row(mut table: toml::Table) -> Result<Row, String> {
    use toml::Value;
    if let Some(effect) = table.remove("effect") {
        if table.contains_key("effects") {
            return Err("`effect` is short for `effects` with one entry: write only one".into());
        }
        let mut effect = match effect {
            Value::String(kind) => {
                let mut effect = toml::Table::new();
                if kind == "wait" {
                    effect.insert("on".into(), Value::String("this".into()));
                }
                effect.insert("kind".into(), Value::String(kind));
                effect
            }
            Value::Table(effect) => effect,
            _ => return Err("`effect` is a kind, as in \"wait\", or a table with `kind`".into()),
        };
        let is_wait = effect.get("kind").and_then(Value::as_str) == Some("wait");
        if is_wait && !effect.contains_key("class") {
            effect.insert("class".into(), Value::String("handle".into()));
        }
        table.insert("effects".into(), Value::Array(vec![Value::Table(effect)]));
    }
    let row = Row::deserialize(table).map_err(|error| error.message().to_string())?;
    if row.name.trim().is_empty() {
        return Err("`name` is empty".into());
    }
    Ok(row)
}

/// Line and column of an offset, from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// One of `-D`, `-W`, `-A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    pub level: Level,
    pub subject: Subject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Rule(&'static str),
    All,
    /// Every rule that would be `warn`.
    Warnings,
}

impl Flag {
    /// Reads what stands behind `-D`, `-W` or `-A`.
    ///
    /// # Errors
    /// A message with the nearest name.
    pub fn new(level: Level, word: &str) -> Result<Flag, String> {
        let subject = match word {
            "all" => Subject::All,
            "warnings" if level == Level::Deny => Subject::Warnings,
            "warnings" => return Err("`warnings` can only be denied: -D warnings".into()),
            _ => Subject::Rule(page::find(word)?),
        };
        Ok(Flag { level, subject })
    }
}

/// A configuration and the flags of the command line, which stand above it.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    pub config: &'a Config,
    /// In the order of the command line.
    pub flags: &'a [Flag],
    /// `--notes`.
    pub notes: bool,
}

impl Policy<'_> {
    /// The level of a rule at a path: the page's, then `[rules]`, then the last `[[override]]`, then the flags.
    pub fn level(&self, rule: &str, path: &str) -> Level {
        let set_there = self
            .config
            .overrides
            .iter()
            .rev()
            .filter(|over| self.config.holds(&over.paths, path, false))
            .find_map(|over| setting(&over.rules, rule));
        self.flagged(
            rule,
            set_there.unwrap_or_else(|| self.level_in_general(rule)),
        )
    }

    /// The level of a rule where no `[[override]]` says otherwise.
    pub fn general_level(&self, rule: &str) -> Level {
        self.flagged(rule, self.level_in_general(rule))
    }

    /// Whether a rule is on, be it for some paths only.
    pub fn enables(&self, rule: &str) -> bool {
        let overrides = self.config.overrides.iter();
        std::iter::once(self.level_in_general(rule))
            .chain(overrides.filter_map(|over| setting(&over.rules, rule)))
            .any(|level| self.flagged(rule, level) != Level::Allow)
    }

    /// Whether notes are shown.
    pub fn shows_notes(&self) -> bool {
        let warn_all = Flag {
            level: Level::Warn,
            subject: Subject::All,
        };
        self.notes || self.config.notes || self.flags.contains(&warn_all)
    }

    fn level_in_general(&self, rule: &str) -> Level {
        setting(&self.config.rules, rule)
            .unwrap_or_else(|| page::of(rule).map_or(Level::Deny, |page| page.level))
    }

    /// A named rule wins over a group, wherever it stands on the command line. Of groups `all` comes first, in the
    /// order written; `warnings` is about what they have left.
    fn flagged(&self, rule: &str, mut level: Level) -> Level {
        let named = self
            .flags
            .iter()
            .rev()
            .find(|flag| matches!(flag.subject, Subject::Rule(name) if name == rule));
        if let Some(flag) = named {
            return flag.level;
        }
        for flag in self
            .flags
            .iter()
            .filter(|flag| flag.subject == Subject::All)
        {
            level = match flag.level {
                // Asking for all warnings must not make a rule that fails the run harmless.
                Level::Warn => level.max(Level::Warn),
                other => other,
            };
        }
        let deny_warnings = self
            .flags
            .iter()
            .any(|flag| flag.subject == Subject::Warnings);
        if deny_warnings && level == Level::Warn {
            level = Level::Deny;
        }
        level
    }
}

fn setting(rules: &[(&'static str, Level)], rule: &str) -> Option<Level> {
    rules
        .iter()
        .find(|(name, _)| *name == rule)
        .map(|(_, level)| *level)
}

/// What is shown, and the number of findings that are not.
#[derive(Debug, Default)]
pub struct Judged {
    /// Sorted, with their final levels.
    pub findings: Vec<Diagnostic>,
    pub notes_hidden: usize,
    pub suppressed: usize,
}

/// Gives each finding its level and leaves out what nobody wants to see: rules that are `allow`, notes unless they are
/// asked for, suppressed findings, and whatever `in_view` refuses (quiet folders, files that were not asked about).
pub fn judge(
    mut diagnostics: Vec<Diagnostic>,
    sources: &Sources,
    policy: &Policy,
    in_view: impl Fn(&Diagnostic) -> bool,
) -> Judged {
    let mut suppressions = Suppressions::find(sources);
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
            judged.notes_hidden += usize::from(!suppressed);
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
    for mut diagnostic in suppressions.unused(sources, is_off) {
        diagnostic.level = policy.level(page::UNUSED_SUPPRESSION, path_of(&diagnostic));
        if diagnostic.level != Level::Allow && in_view(&diagnostic) {
            judged.findings.push(diagnostic);
        }
    }
    diagnostic::sort(&mut judged.findings);
    judged
}
