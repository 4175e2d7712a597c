//! `tplint.toml`, read and checked; what becomes of a finding under it stands in `policy`.
//!
//! In comes the text of a configuration file with the folder that it lies in, out goes a `Config` whose rules exist and
//! whose patterns can be matched, or the line and column of what is wrong. Nothing here reads a file. Paths are patterns
//! as in `.gitignore`, relative to the folder of the file; the last `[[override]]` that holds a path and a rule wins.

mod policy;
mod schema;

pub use policy::{Flag, Policy, Subject};
pub use schema::schema;

use crate::api::Row;
use crate::diagnostic::Level;
use crate::module::{ConfiguredModule, Kind};
use crate::rules::page;
use crate::source::Sources;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use schemars::JsonSchema;
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
    /// The baseline file, as it is written: seen from the folder of the configuration.
    pub baseline: Option<String>,
    rules: Vec<(&'static str, Level)>,
    overrides: Vec<Override>,
    /// The user's API rows, short forms written out.
    pub api: Vec<Row>,
    modules: Vec<Module>,
    /// The file as it was written, for `--show-config`.
    document: toml::Table,
}

/// Where a configuration lies: both are absolute, with `/` between the parts and none at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base {
    /// The folder that the patterns are relative to.
    pub folder: String,
    /// The folder that the paths of `Sources` are relative to.
    pub working: String,
}

impl Base {
    /// A path of `Sources` as it is seen from the folder. Another drive stays what it is.
    pub fn seen(&self, path: &str) -> String {
        fn parts(path: &str) -> Vec<&str> {
            path.split('/').filter(|part| !part.is_empty()).collect()
        }
        if is_absolute(path) {
            return path.to_string();
        }
        let mut to = parts(&self.working);
        for part in parts(path) {
            match part {
                "." => {}
                ".." if !to.is_empty() => {
                    to.pop();
                }
                part => to.push(part),
            }
        }
        let from = parts(&self.folder);
        let common = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n("..", from.len() - common);
        up.chain(to[common..].iter().copied())
            .collect::<Vec<_>>()
            .join("/")
    }
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

/// The configuration of tplint. All of it is optional.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "tplint.toml")]
struct Written {
    /// Paths that are not read at all: patterns as in .gitignore, relative to the folder of this file.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    exclude: Vec<Spanned<String>>,
    /// Paths that are read and linked, but not reported on; this replaces the default list: third_party, 3rdparty,
    /// vendor, vcpkg_installed, _deps.
    #[schemars(with = "Option<Vec<String>>")]
    quiet: Option<Vec<Spanned<String>>>,
    /// Whether minor findings are shown.
    #[serde(default)]
    notes: bool,
    /// The file of accepted findings, relative to the folder of this file; without this key tplint-baseline.json, if it
    /// is there. `tplint baseline write` makes it.
    #[schemars(with = "Option<String>")]
    baseline: Option<Spanned<String>>,
    /// What rules do, by name.
    #[serde(default)]
    #[schemars(with = "schema::Levels")]
    rules: BTreeMap<Spanned<String>, WrittenLevel>,
    /// Other levels for some paths; of several the last one wins.
    #[serde(default, rename = "override")]
    overrides: Vec<WrittenOverride>,
    /// What functions do whose source is not there to be read.
    #[serde(default)]
    #[schemars(with = "Vec<schema::ShortRow>")]
    api: Vec<Spanned<BTreeMap<Spanned<String>, Spanned<toml::Value>>>>,
    /// Which sources make up a module, where the build files do not say it.
    #[serde(default, rename = "module")]
    modules: Vec<WrittenModule>,
}

#[derive(Deserialize, Clone, Copy, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum WrittenLevel {
    /// Findings are shown, and the run fails.
    Deny,
    /// Findings are shown.
    Warn,
    /// The rule is off.
    Allow,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenOverride {
    /// Patterns as in .gitignore, relative to the folder of this file.
    #[schemars(with = "Vec<String>")]
    paths: Vec<Spanned<String>>,
    /// What rules do there, by name.
    #[schemars(with = "schema::Levels")]
    rules: BTreeMap<Spanned<String>, WrittenLevel>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenModule {
    /// The name of the DLL or program, for `tplint modules`.
    name: String,
    /// Its sources: patterns as in .gitignore, relative to the folder of this file.
    #[schemars(with = "Vec<String>")]
    paths: Vec<Spanned<String>>,
    /// What it is, where that is not seen from its sources.
    kind: Option<WrittenKind>,
}

#[derive(Deserialize, Clone, Copy, JsonSchema)]
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
            baseline: None,
            rules: Vec::new(),
            overrides: Vec::new(),
            api: Vec::new(),
            modules: Vec::new(),
            document: toml::Table::new(),
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

    /// Where the configuration lies; both empty where there is none.
    pub fn base(&self) -> &Base {
        &self.base
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
        // What can be read into `Written` is a table.
        document: text.parse().unwrap_or_default(),
        base,
        notes: written.notes,
        baseline: written.baseline.map(file_below).transpose()?,
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
        config.api.push(spanned_row(span, row.into_inner())?);
    }
    Ok(config)
}

/// A file below the folder of the configuration: a tree that is only looked at must not name others.
fn file_below(path: Spanned<String>) -> Result<String, Fault> {
    let leads_away = path.get_ref().split(['/', '\\']).any(|part| part == "..");
    if leads_away || is_absolute(path.get_ref()) || path.get_ref().starts_with('\\') {
        let message = "the file must lie below the folder of the configuration".to_string();
        return Err((path.span(), message));
    }
    Ok(path.into_inner())
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
        // The folder of the configuration, which no ignore file can name: all in it, and nothing outside.
        let lines = match pattern {
            "." | "./" => &["/*", "!/.."][..],
            pattern => &[pattern.strip_prefix("./").unwrap_or(pattern)],
        };
        for line in lines {
            builder
                .add_line(None, line)
                .map_err(|error| (span.clone(), format!("`{pattern}` is no pattern: {error}")))?;
        }
    }
    builder.build().map_err(|error| (0..0, error.to_string()))
}

fn levels(
    written: BTreeMap<Spanned<String>, WrittenLevel>,
) -> Result<Vec<(&'static str, Level)>, Fault> {
    written
        .into_iter()
        .map(|(name, level)| {
            let rule = match name.get_ref().as_str() {
                group @ ("all" | "warnings") => Err(format!(
                    "`{group}` stands for rules on the command line only (-D, -W, -A); name each rule here"
                )),
                name => page::find(name),
            };
            let rule = rule.map_err(|message| (name.span(), message))?;
            let level = match level {
                WrittenLevel::Deny => Level::Deny,
                WrittenLevel::Warn => Level::Warn,
                WrittenLevel::Allow => Level::Allow,
            };
            Ok((rule, level))
        })
        .collect()
}

/// A row of `[[api]]` with the places of its keys: an error stands at the value without which there is none, else at the
/// row, and names the row.
fn spanned_row(
    span: Range<usize>,
    written: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
) -> Result<Row, Fault> {
    let table_without = |left_out: Option<&str>| -> toml::Table {
        written
            .iter()
            .filter(|(key, _)| left_out != Some(key.get_ref()))
            .map(|(key, value)| (key.get_ref().clone(), value.get_ref().clone()))
            .collect()
    };
    api_row(table_without(None)).map_err(|message| {
        let named = |(key, _): &(&Spanned<String>, &Spanned<toml::Value>)| {
            message.contains(&format!("`{}`", key.get_ref()))
        };
        // Without a key that is needed there is another error.
        let decides = |(key, _): &(&Spanned<String>, &Spanned<toml::Value>)| match api_row(
            table_without(Some(key.get_ref())),
        ) {
            Ok(_) => true,
            Err(other) => other != message && other.starts_with("missing field"),
        };
        let fault = written
            .iter()
            .find(named)
            .or_else(|| written.iter().find(decides));
        let span = match fault {
            Some((key, _)) if message.starts_with("unknown field") => key.span(),
            Some((_, value)) => value.span(),
            None => span,
        };
        let name = written
            .iter()
            .find(|(key, _)| key.get_ref() == "name")
            .and_then(|(_, value)| value.get_ref().as_str())
            .filter(|name| !name.trim().is_empty());
        // The short form is taken apart before the row is read.
        let message = message.replacen("of `name`, `also`", "of `name`, `effect`, `also`", 1);
        let message = match name {
            Some(name) => format!("[[api]] `{name}`: {message}"),
            None => format!("[[api]]: {message}"),
        };
        (span, message)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

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
                "[rules]\nall = \"deny\"",
                "2:1:",
                "on the command line only",
            ),
            (
                "[[api]]\nname = \"f\"\nkind = \"wait\"",
                "3:1:",
                "expected one of `name`, `effect`, `also`",
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
                "4:10:",
                "[[api]] `f`: unknown variant `dance`",
            ),
            (
                "[[api]]\nname = \"f\"\nefect = \"wait\"\neffects = []",
                "3:1:",
                "[[api]] `f`: unknown field `efect`",
            ),
            (
                "[[api]]\nname = \"f\"\nparams = \"two\"\neffects = []",
                "3:10:",
                "[[api]] `f`: invalid type",
            ),
            (
                "[[api]]\nname = \"f\"\neffect = \"acquire\"",
                "3:10:",
                "missing field `lock`",
            ),
            ("[[api]]\neffects = []", "1:1:", "missing field `name`"),
            ("baseline = \"../known.json\"", "1:12:", "must lie below"),
            ("baseline = \"/known.json\"", "1:12:", "must lie below"),
            ("baseline = 'C:\\known.json'", "1:12:", "must lie below"),
            (
                "[[api]]\nname = \"\"\neffects = []",
                "2:8:",
                "`name` is empty",
            ),
            ("[[api]]\nname = \"f\"\neffect = 1", "3:10:", "or a table"),
            (
                "[[api]]\nname = \"f\"\neffect = \"wait\"\neffects = []",
                "3:10:",
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
    fn the_folder_of_the_configuration_can_be_named() {
        for written in [".", "./"] {
            let base = Base {
                folder: "/r".into(),
                working: "/r".into(),
            };
            let config = Config::parse(&format!("quiet = [\"{written}\"]"), base).unwrap();
            assert!(
                config.is_quiet("x.c") && config.is_quiet("src/x.c"),
                "{written}"
            );
            assert!(!config.is_quiet("../other/x.c"), "{written}");
        }
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

    #[test]
    fn paths_are_seen_from_another_folder() {
        let base = |folder: &str, working: &str| Base {
            folder: folder.into(),
            working: working.into(),
        };
        for (folder, working, path, seen) in [
            ("/r", "/r", "a.c", "a.c"),
            ("/r", "/r/s", "a.c", "s/a.c"),
            ("/r", "/r/s", "../a.c", "a.c"),
            ("/r/s", "/r", "t/a.c", "../t/a.c"),
            ("C:/r", "C:/r/s", "a.c", "s/a.c"),
            ("/r", "/r", "/etc/a.c", "/etc/a.c"),
            ("C:/r", "C:/r", "D:/a.c", "D:/a.c"),
            ("", "", "x/../a.c", "a.c"),
        ] {
            assert_eq!(base(folder, working).seen(path), seen);
        }
    }
}
