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

    /// The path as the patterns see it: relative to the folder of the configuration. One outside of it is put below
    /// `..`, where names of folders match and patterns with a place do not; only the parts that it was shown with count,
    /// for where the whole tree lies is nobody's choice.
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
            None => {
                let is_name = |part: &&str| !matches!(*part, "" | "." | "..");
                let parts: Vec<&str> = [".."]
                    .into_iter()
                    .chain(path.split('/').filter(is_name))
                    .collect();
                parts.join("/")
            }
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
    builder.allow_unclosed_class(false);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Label, Role};
    use crate::source::{FileId, Span};

    const DENIED: &str = "wait_in_dll_main";
    const WARNED: &str = page::UNUSED_SUPPRESSION;

    fn config(text: &str) -> Config {
        let base = Base {
            folder: "/r".into(),
            working: "/r".into(),
        };
        Config::parse(text, base).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn error(text: &str) -> String {
        Config::parse(text, Base::default()).expect_err(text)
    }

    fn level(text: &str, flags: &[(Level, &str)], rule: &str, path: &str) -> Level {
        let config = config(text);
        let flags: Vec<Flag> = flags
            .iter()
            .map(|(level, word)| Flag::new(*level, word).expect(word))
            .collect();
        let policy = Policy {
            config: &config,
            flags: &flags,
            notes: false,
        };
        let level = policy.level(rule, path);
        assert!(level == Level::Allow || policy.enables(rule));
        level
    }

    #[test]
    fn errors_name_the_place_and_the_remedy() {
        for (text, place, remedy) in [
            ("quite = []", "1:1:", "expected one of `exclude`, `quiet`"),
            (
                "notes = true\n[rules]\nwait_in_dllmain = \"deny\"",
                "3:1:",
                "nearest is `wait_in_dll_main`",
            ),
            (
                "[rules]\nwait_in_dll_main = \"error\"",
                "2:20:",
                "`deny`, `warn`, `allow`",
            ),
            (
                "[[override]]\npaths = [\"a\"]\n",
                "1:1:",
                "missing field `rules`",
            ),
            ("exclude = [\"ä\", \"a[\"]", "1:17:", "`a[` is no pattern"),
            (
                "[[module]]\nname = \"x\"\npaths = []\nkind = \"lib\"",
                "4:8:",
                "`dll` or `exe`",
            ),
            (
                "\n[[api]]\nname = \"f\"\neffect = \"dance\"",
                "2:1:",
                "unknown variant `dance`",
            ),
            (
                "[[api]]\nname = \"f\"\neffect = \"acquire\"",
                "1:1:",
                "missing field `lock`",
            ),
            ("[[api]]\neffects = []", "1:1:", "missing field `name`"),
            (
                "[[api]]\nname = \"\"\neffects = []",
                "1:1:",
                "`name` is empty",
            ),
            ("[[api]]\nname = \"f\"\neffect = 1", "1:1:", "or a table"),
            (
                "[[api]]\nname = \"f\"\neffect = \"wait\"\neffects = []",
                "1:1:",
                "write only one",
            ),
            ("notes =", "1:8:", ""),
            ("notes = \"yes\"", "1:9:", "expected a boolean"),
        ] {
            let error = error(text);
            assert!(
                error.starts_with(place) && error.contains(remedy),
                "{text}: {error}"
            );
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn folder_names_match_at_any_depth_and_paths_from_the_folder_of_the_file() {
        let config = config("exclude = [\"gen\", \"/top\", \"a/**/b\", \"*.inl\", \"./out\"]");
        for path in [
            "gen/x.c",
            "a/gen/x.c",
            "top/x.c",
            "a/1/2/b/x.c",
            "x.inl",
            "out/x.c",
        ] {
            assert!(config.excludes(path, false), "{path}");
        }
        for path in ["generated/x.c", "a/top/x.c", "b/x.c", "x.inline"] {
            assert!(!config.excludes(path, false), "{path}");
        }
        assert!(config.is_quiet("a/third_party/x.c") && config.is_quiet("vendor/x.c"));
        assert!(!config.is_quiet("vendor.c") && !config.is_quiet("src/x.c"));
        let loud = self::config("quiet = []");
        assert!(!loud.is_quiet("vendor/x.c"));
    }

    #[test]
    fn patterns_are_relative_to_the_file_wherever_the_run_is() {
        let at = |folder: &str, working: &str, path: &str| {
            let base = Base {
                folder: folder.into(),
                working: working.into(),
            };
            Config::parse("exclude = [\"/src/gen\", \"deep\"]", base)
                .unwrap()
                .excludes(path, false)
        };
        assert!(at("/r", "/r", "src/gen/x.c"));
        assert!(at("/r", "/r/src", "gen/x.c"));
        assert!(at("/r", "/r/src/gen", "x.c"));
        assert!(at("/r", "/r/lib", "../src/gen/x.c"));
        assert!(at("/r/sub", "/r", "sub/src/gen/x.c"));
        assert!(!at("/r/sub", "/r", "src/gen/x.c"));
        assert!(at("/r", "/r", "/r/src/gen/x.c"));
        assert!(at("C:/r", "C:/r", "src/gen/x.c"));
        assert!(at("/r", "/other", "../r/src/gen/x.c"));
        assert!(at("/r", "/other", "../elsewhere/deep/x.c"));
        assert!(!at("/r", "/other", "src/gen/x.c"));
        assert!(!at("/cfg", "/deep/r", "src/a.c"));
        assert!(!at("/r", "/r", ""));
        assert!(!at("/r", "/r", "../../../.."));
    }

    #[test]
    fn levels_from_the_page_to_the_command_line() {
        use Level::{Allow, Deny, Warn};
        let rules = "[rules]\nwait_in_dll_main = \"warn\"\n";
        let over = "[rules]\nwait_in_dll_main = \"warn\"\n\
            [[override]]\npaths = [\"old\"]\nrules = { wait_in_dll_main = \"allow\" }\n\
            [[override]]\npaths = [\"old/new\"]\nrules = { wait_in_dll_main = \"deny\" }\n";
        for (text, flags, path, expected) in [
            ("", &[][..], "a.c", Deny),
            (rules, &[], "a.c", Warn),
            (over, &[], "a.c", Warn),
            (over, &[], "old/a.c", Allow),
            (over, &[], "old/new/a.c", Deny),
            (over, &[(Warn, DENIED)], "old/new/a.c", Warn),
            // A group stands above the file, a name above a group, and the last name above the others.
            (rules, &[(Deny, "all")], "a.c", Deny),
            ("", &[(Allow, "all")], "a.c", Allow),
            ("", &[(Warn, "all")], "a.c", Deny),
            (over, &[(Warn, "all")], "old/a.c", Warn),
            ("", &[(Allow, DENIED), (Warn, "all")], "a.c", Allow),
            ("", &[(Warn, DENIED), (Allow, "all")], "a.c", Warn),
            ("", &[(Allow, DENIED), (Warn, DENIED)], "a.c", Warn),
            ("", &[(Warn, "all"), (Allow, "all")], "a.c", Allow),
            // What is warn in the end is denied, wherever the flag stands, unless it is named.
            (rules, &[(Deny, "warnings")], "a.c", Deny),
            (over, &[(Deny, "warnings"), (Warn, "all")], "old/a.c", Deny),
            (over, &[(Deny, "warnings")], "old/a.c", Allow),
            ("", &[(Warn, DENIED), (Deny, "warnings")], "a.c", Warn),
        ] {
            assert_eq!(
                level(text, flags, DENIED, path),
                expected,
                "{text}{flags:?} {path}"
            );
        }
        assert_eq!(level("", &[], WARNED, "a.c"), Warn);
        assert_eq!(level("", &[(Deny, "warnings")], WARNED, "a.c"), Deny);
        assert!(Flag::new(Warn, "warnings").is_err());
        assert!(Flag::new(Warn, "wait_in_dll").is_err());
    }

    #[test]
    fn short_forms_of_api_rows() {
        let config = config(
            "[[api]]\nname = \"Event::Wait\"\neffect = \"wait\"\n\
             [[api]]\nname = \"Pause\"\nparams = 1\neffect = { kind = \"wait\", timeout = 0 }\n\
             [[api]]\nname = \"Quit\"\neffect = \"exit_thread\"\n\
             [[api]]\nname = \"Get\"\neffects = [{ kind = \"wait\", class = \"signal\", on = 0 }]\n",
        );
        use crate::api::{Arg, Effect, WaitClass};
        let effect = |index: usize| config.api[index].effects[0].effect.clone();
        let wait = |class, on, timeout| Effect::Wait {
            class,
            on,
            timeout,
            timeout_pointer: None,
            bounded: false,
            count: None,
            releases: None,
        };
        assert_eq!(effect(0), wait(WaitClass::Handle, Some(Arg::This), None));
        assert_eq!(
            effect(1),
            wait(WaitClass::Handle, None, Some(Arg::Index(0)))
        );
        assert_eq!(effect(2), Effect::ExitThread);
        assert_eq!(
            effect(3),
            wait(WaitClass::Signal, Some(Arg::Index(0)), None)
        );
    }

    #[test]
    fn modules_get_their_sources() {
        let config = config(
            "[[module]]\nname = \"a.dll\"\nkind = \"dll\"\npaths = [\"src/a/**\", \"common\"]\n\
             [[module]]\nname = \"b\"\npaths = [\"common\"]\n",
        );
        let file = |path: &str| (path.to_string(), Vec::new());
        let sources = Sources::new(vec![
            file("common/c.c"),
            file("common/Makefile"),
            file("src/a/x/y.c"),
            file("src/b.c"),
        ]);
        let modules = config.modules(&sources);
        let paths = |index: usize| -> Vec<&str> {
            let files = &modules[index].files;
            files.iter().map(|&id| &*sources.file(id).path).collect()
        };
        assert_eq!(
            (&*modules[0].name, modules[0].kind),
            ("a.dll", Some(Kind::Dll))
        );
        assert_eq!(paths(0), ["common/c.c", "src/a/x/y.c"]);
        assert_eq!((&*modules[1].name, modules[1].kind), ("b", None));
        assert_eq!(paths(1), ["common/c.c"]);
    }

    /// Three findings in lines 1 to 3, the last of them a note.
    fn judged(
        text: &str,
        flags: &[(Level, &str)],
        notes: bool,
    ) -> (Vec<(Level, u32)>, usize, usize) {
        let sources = Sources::new(vec![("a.c".into(), text.as_bytes().to_vec())]);
        let finding = |line: u32, level| Diagnostic {
            rule: DENIED,
            level,
            message: "waits".into(),
            labels: vec![Label {
                span: {
                    let range = sources.file(FileId(0)).line_range(line - 1).unwrap();
                    Span::new(FileId(0), range.start, range.start + 1)
                },
                message: String::new(),
                role: Role::Primary,
                flow: 0,
                function: String::new(),
            }],
            help: String::new(),
            notes: Vec::new(),
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
        (shown.collect(), judged.notes_hidden, judged.suppressed)
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
