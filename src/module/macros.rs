//! What is known of macros when all files of a run are looked at together.
//!
//! In come the `#define`s and conditions of every file and what it includes; out come answers to "is this condition
//! true for what this file is compiled into?", where that is certain for every build for Windows. Nothing is expanded.
//!
//! A macro that a build file mentions is open: nobody knows which configuration is built. So is one that a user of the
//! project may set: a macro counts as undefined only where its definitions are all for other platforms, or where it is
//! a name of the project's own that nothing defines and that does not read like an option, or that only a comment defines
//! (`//#define TRACE`: a switch that is off). What a file gives it for want of another definition (`#ifndef X`, `#define X
//! 0`) is what it is, where nothing else in the project defines it; so is what a Visual Studio project gives a source in all
//! its configurations.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;

use crate::index::Facts;
use crate::index::defines::{Arm, Define, MacroFacts, OUTSIDE, Test};
use crate::index::preprocessor::{self, Macro, condition_with};
use crate::source::{FileId, Sources};

use super::headers::{Includes, reached};
use super::is_build_file;
use super::msbuild::{self, Definitions};
use super::tree::{Tree, file_name, is_header, parent};

mod hashed;

/// How many macros deep one is evaluated.
const DEEPEST: usize = 8;
/// How many conditions one answer may cost.
const MOST_STEPS: u32 = 2000;

/// All definitions of the macros that some condition asks for.
pub struct Macros<'a> {
    sources: &'a Sources,
    files: Vec<MacroFacts>,
    includes: Includes,
    names: FxHashMap<&'a str, Known>,
    /// The first words of macros that the project defines: `PM` of `PM_LOG`.
    vocabulary: FxHashSet<&'a str>,
    /// Some build file has a header included that no source names.
    forced: bool,
    /// Headers, and what else is included: nobody knows what stands before them.
    included: Vec<bool>,
    /// Files that include a file of the project which is not there: it may be made by the build.
    incomplete: Vec<bool>,
    /// What sources are compiled with, whatever the configuration.
    built: FxHashMap<FileId, Definitions>,
}

#[derive(Default)]
struct Known {
    defines: Vec<(FileId, Define)>,
    undefined: bool,
    /// The files in which a comment holds a definition, and whether it does nothing else: one in a header that does may
    /// explain it to those who include it.
    disabled: Vec<(FileId, bool)>,
    in_build: bool,
}

impl<'a> Macros<'a> {
    /// Takes in what the files say, and takes it out of their facts, which are in the order of the files.
    pub fn new(sources: &'a Sources, facts: &mut [Facts], includes: Includes) -> Macros<'a> {
        let incomplete = incomplete(sources, facts);
        let files = facts
            .iter_mut()
            .map(|facts| std::mem::take(&mut facts.macros));
        let files = files.collect();
        Macros::of_parts(sources, files, includes, incomplete)
    }

    /// The same, where it is known which files are `incomplete`.
    pub fn of_parts(
        sources: &'a Sources,
        files: Vec<MacroFacts>,
        includes: Includes,
        incomplete: Vec<bool>,
    ) -> Macros<'a> {
        let mut included: Vec<bool> = sources
            .ids()
            .map(|id| is_header(&sources.file(id).path))
            .collect();
        for id in includes.iter().flatten() {
            included[id.0 as usize] = true;
        }
        let mut macros = Macros {
            sources,
            files,
            includes,
            names: FxHashMap::default(),
            vocabulary: FxHashSet::default(),
            forced: false,
            included,
            incomplete,
            built: built_with(sources),
        };
        macros.collect();
        macros
    }

    /// What the files say, in their order, and what they include.
    pub fn into_facts(self) -> (Vec<MacroFacts>, Includes) {
        (self.files, self.includes)
    }

    fn collect(&mut self) {
        let sources = self.sources;
        let mut names: FxHashMap<&'a str, Known> = FxHashMap::default();
        for (id, facts) in sources.ids().zip(&self.files) {
            let text = &sources.file(id).text;
            for arm in &facts.arms {
                let condition = text.get(arm.start as usize..arm.end as usize);
                for word in words(condition.unwrap_or("")) {
                    names.entry(word).or_default();
                }
            }
        }
        for (id, facts) in sources.ids().zip(&self.files) {
            let text = &sources.file(id).text;
            let name = |define: &Define| {
                text.get(define.start as usize..define.name_end as usize)
                    .unwrap_or("")
            };
            for define in &facts.defines {
                let name = name(define);
                if let Some((first, _)) = name.split_once('_')
                    && !first.is_empty()
                {
                    self.vocabulary.insert(first);
                }
                if let Some(known) = names.get_mut(name) {
                    known.defines.push((id, *define));
                }
            }
            for define in &facts.undefines {
                if let Some(known) = names.get_mut(name(define)) {
                    known.undefined = true;
                }
            }
            for define in &facts.disabled {
                let name = text.get(define.start as usize..define.end as usize);
                if let Some(known) = names.get_mut(name.unwrap_or("")) {
                    known.disabled.push((id, define.alone));
                }
            }
        }
        for id in sources.ids().filter(|&id| sources.file(id).lang.is_none()) {
            self.forced |= ["ForcedInclude", "precompile_headers", "-include ", "/FI"]
                .iter()
                .any(|mark| sources.file(id).text.contains(mark));
            for word in words(&sources.file(id).text) {
                // `-DNAME=1`
                for word in [Some(word), word.strip_prefix('D')].into_iter().flatten() {
                    if let Some(known) = names.get_mut(word) {
                        known.in_build = true;
                    }
                }
            }
        }
        self.names = names;
    }

    /// Answers for one file.
    pub fn of(&self, file: FileId) -> Reader<'_> {
        Reader {
            macros: self,
            file,
            reached: None,
            answers: FxHashMap::default(),
            trail: Vec::new(),
            steps: 0,
        }
    }
}

/// What Visual Studio projects define for their sources in all configurations, where nothing else builds these: no build
/// file of another kind stands in their folder or above.
fn built_with(sources: &Sources) -> FxHashMap<FileId, Definitions> {
    let is_build = |&id: &FileId| {
        let file = sources.file(id);
        file.lang.is_none() && is_build_file(&file.path)
    };
    let build_files: Vec<FileId> = sources.ids().filter(is_build).collect();
    let lower = |id: &FileId| sources.file(*id).path.to_lowercase();
    if !build_files.iter().any(|id| lower(id).ends_with(".vcxproj")) {
        return FxHashMap::default();
    }
    let mut definitions = msbuild::definitions(&Tree::new(sources), &build_files);
    let is_other = |id: &&FileId| !msbuild::ENDINGS.iter().any(|end| lower(id).ends_with(end));
    let others = build_files.iter().filter(is_other);
    let folders: FxHashSet<&str> = others.map(|&id| parent(&sources.file(id).path)).collect();
    definitions.retain(|&id, definitions| {
        let mut above = parent(&sources.file(id).path);
        while !folders.contains(above) && !above.is_empty() {
            above = parent(above);
        }
        !definitions.is_empty() && !folders.contains(above)
    });
    definitions
}

/// Of every file: whether it includes a file of the project which is not there.
pub fn incomplete(sources: &Sources, facts: &[Facts]) -> Vec<bool> {
    let there: FxHashSet<String> = sources
        .ids()
        .map(|id| file_name(&sources.file(id).path).to_lowercase())
        .collect();
    let is_missing = |include: &String| {
        !include.starts_with('<') && !there.contains(&file_name(include).to_lowercase())
    };
    facts
        .iter()
        .map(|facts| facts.includes.iter().any(is_missing))
        .collect()
}

/// What is known of macros where one file is compiled.
pub struct Reader<'m> {
    macros: &'m Macros<'m>,
    file: FileId,
    reached: Option<BTreeSet<FileId>>,
    /// By name, and by place where the file itself defines it somewhere on the way.
    answers: FxHashMap<(&'m str, Option<u32>), Macro>,
    /// The macros that are being evaluated, likewise.
    trail: Vec<(&'m str, Option<u32>)>,
    steps: u32,
}

impl<'m> Reader<'m> {
    /// Whether a condition, as it stands in the program, holds at an offset of the file.
    pub fn condition(&mut self, text: &str, at: u32) -> Option<bool> {
        self.steps = 0;
        self.judge(text, self.file, at)
    }

    fn judge(&mut self, text: &str, file: FileId, at: u32) -> Option<bool> {
        // Where numbers are compared, a platform's name may be one of them: `PLATFORM == PLATFORM_LINUX`.
        let bare = text.split("/*").next().unwrap_or("");
        let bare = bare.split("//").next().unwrap_or("");
        let yes_or_no = !bare.contains(['=', '<', '>', '+', '-', '*']);
        condition_with(text, &mut |name| {
            let platform = if yes_or_no {
                os_of(self.macros, name)
            } else {
                None
            };
            match platform {
                Some(true) => Macro::Number(1),
                Some(false) => Macro::Undefined,
                None => self.value(name, file, at),
            }
        })
    }

    /// Whether a macro stands for a debug build only: all that defines it is under `_DEBUG`. `DEBUG` and `DBG` may be
    /// set by the build besides.
    pub fn is_debug_switch(&mut self, name: &str) -> bool {
        let macros = self.macros;
        let Some(known) = macros.names.get(name) else {
            return false;
        };
        let of_debug = |&(file, define): &(FileId, Define)| {
            let mut arm = define.arm;
            for _ in 0..64 {
                let Some(found) = macros.files[file.0 as usize].arms.get(arm as usize) else {
                    return false;
                };
                let mut words = words(macros.condition_text(file, found));
                let (word, more) = (words.next().unwrap_or(""), words.next().is_some());
                let negated = found.test == Test::NotDefined
                    || macros.condition_text(file, found).contains('!');
                match (word, negated, more) {
                    ("_DEBUG", false, false) | ("NDEBUG", true, false) => return true,
                    _ => arm = found.parent,
                }
            }
            false
        };
        if matches!(name, "DEBUG" | "DBG") {
            known.defines.iter().any(|define| {
                of_debug(define)
                    && (self.reaches(define.0)
                        || reached(&macros.includes, [define.0].into_iter()).contains(&self.file))
            })
        } else {
            !known.in_build && !known.defines.is_empty() && known.defines.iter().all(of_debug)
        }
    }

    fn reaches(&mut self, file: FileId) -> bool {
        let (macros, own) = (self.macros, self.file);
        self.reached
            .get_or_insert_with(|| reached(&macros.includes, [own].into_iter()))
            .contains(&file)
    }

    fn is_complete(&mut self) -> bool {
        self.reaches(self.file);
        let incomplete = &self.macros.incomplete;
        self.reached
            .iter()
            .flatten()
            .all(|file| !incomplete[file.0 as usize])
    }

    /// The meaning of a name in a condition of `file`, when the reader's own file is compiled.
    fn value(&mut self, name: &str, file: FileId, at: u32) -> Macro {
        match preprocessor::defined(name) {
            Some(true) => return Macro::Number(1),
            Some(false) => return Macro::Undefined,
            None => {}
        }
        let macros = self.macros;
        let Some((&name, known)) = macros.names.get_key_value(name) else {
            return Macro::Open;
        };
        // What a source defines further down is not defined yet.
        let own = file == self.file && !macros.included[file.0 as usize];
        let place = Some(at).filter(|_| own && known.defines.iter().any(|&(id, _)| id == file));
        if let Some(&answer) = self.answers.get(&(name, place)) {
            return answer;
        }
        self.steps += 1;
        let comes_back = self.trail.iter().any(|&(other, before)| {
            other == name
                && !matches!((place, before), (Some(place), Some(before)) if place < before)
        });
        if self.trail.len() >= DEEPEST || comes_back || self.steps > MOST_STEPS {
            return Macro::Open;
        }
        self.trail.push((name, place));
        let answer = self.evaluate(name, known, file, at, place);
        self.trail.pop();
        // Inside another evaluation the answer may be open only because of where one came from.
        if self.trail.is_empty() || answer != Macro::Open {
            self.answers.insert((name, place), answer);
        }
        answer
    }

    /// `until`: from where on the file's own definitions do not count.
    fn evaluate(
        &mut self,
        name: &str,
        known: &Known,
        file: FileId,
        at: u32,
        until: Option<u32>,
    ) -> Macro {
        let macros = self.macros;
        if !macros.included[self.file.0 as usize]
            && known.defines.is_empty()
            && !known.undefined
            && let Some(value) = macros
                .built
                .get(&self.file)
                .and_then(|built| built.get(name))
        {
            return number(value).map_or(Macro::Defined, Macro::Number);
        }
        if known.undefined || is_reserved(name) && known.defines.is_empty() {
            return Macro::Open;
        }
        let mut sure: Vec<(FileId, Define)> = Vec::new();
        let included = macros.included[self.file.0 as usize];
        let mut elsewhere = 0;
        let mut defaults = 0;
        let is_later = |place: FileId, define: &Define| {
            place == file && until.is_some_and(|until| define.start >= until)
        };
        let count = known
            .defines
            .iter()
            .filter(|(place, define)| !is_later(*place, define))
            .count();
        for &(place, define) in &known.defines {
            if is_later(place, &define) {
                continue;
            }
            match self.holds(place, define.arm) {
                Some(true) => {
                    defaults += usize::from(macros.is_default(place, &define, name));
                    sure.push((place, define));
                }
                Some(false) => elsewhere += 1,
                // What this file does not see is no definition for it; who includes a header is not known.
                None if included || self.reaches(place) => {
                    return Macro::Open;
                }
                None => {}
            }
        }
        if known.in_build {
            return Macro::Open;
        }
        // What a configure step finds out stands in a header that it makes.
        let found_out = name
            .split('_')
            .any(|word| matches!(word, "HAVE" | "CONFIG"));
        // Who includes the file may have another definition than the default.
        if defaults > 0
            && (included && defaults + elsewhere < count || found_out && !self.is_complete())
        {
            return Macro::Open;
        }
        if sure.is_empty() && elsewhere > 0 && elsewhere == count {
            return match found_out && !self.is_complete() {
                true => Macro::Open,
                false => Macro::Undefined,
            };
        }
        sure.retain(|&(place, define)| {
            if place == file {
                define.start < at
            } else {
                self.reaches(place)
            }
        });
        let mut values = sure.iter().map(|(place, define)| {
            let text = &macros.sources.file(*place).text;
            number(
                text.get(define.name_end as usize..define.end as usize)
                    .unwrap_or(""),
            )
        });
        let Some(first) = values.next() else {
            // `//#define TRACE` here, or in a header, and no other definition anywhere.
            let is_off = known.disabled.iter().any(|&(place, alone)| {
                place == self.file && (alone || !included)
                    || alone && self.reaches(place) && self.is_complete()
            });
            if is_off && known.defines.is_empty() && !found_out {
                return Macro::Undefined;
            }
            let nowhere = known.defines.is_empty() || !included && !macros.forced;
            return match nowhere && is_private(macros, name) && self.is_complete() {
                true => Macro::Undefined,
                false => Macro::Open,
            };
        };
        match values.all(|value| value == first) {
            true => first.map_or(Macro::Defined, Macro::Number),
            false => Macro::Open,
        }
    }

    /// Whether an arm is compiled, with all around it.
    fn holds(&mut self, file: FileId, arm: u32) -> Option<bool> {
        let macros = self.macros;
        let arms = &macros.files[file.0 as usize].arms;
        let mut verdict = Some(true);
        let mut at = arm;
        for _ in 0..64 {
            if at == OUTSIDE {
                return verdict;
            }
            let arm = arms.get(at as usize)?;
            match self.arm(file, arm) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => verdict = None,
            }
            at = arm.parent;
        }
        None
    }

    /// Whether an arm is the one of its `#if`, not looking at what is around it.
    fn arm(&mut self, file: FileId, arm: &Arm) -> Option<bool> {
        let macros = self.macros;
        let arms = &macros.files[file.0 as usize].arms;
        if macros.is_other_platforms(file, arm) {
            return Some(false);
        }
        let mut verdict = self.test(file, arm);
        if verdict == Some(false) {
            return verdict;
        }
        let mut at = arm.previous;
        for _ in 0..64 {
            let Some(earlier) = arms.get(at as usize) else {
                return verdict;
            };
            match self.test(file, earlier) {
                Some(true) if !macros.is_other_platforms(file, earlier) => return Some(false),
                Some(_) => {}
                None if macros.is_other_platforms(file, earlier) => {}
                None => verdict = None,
            }
            at = earlier.previous;
        }
        None
    }

    fn test(&mut self, file: FileId, arm: &Arm) -> Option<bool> {
        if arm.test == Test::Else || arm.guard {
            return Some(true);
        }
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return None;
        }
        let text = self.macros.condition_text(file, arm);
        if let Some(name) = absent(arm, text)
            && self.trail.last().is_some_and(|(last, _)| *last == name)
        {
            // The definition that is looked at is the one for want of another.
            return Some(true);
        }
        let first = words(text).next().unwrap_or("");
        let defined = |value: Macro| match value {
            Macro::Undefined => Some(false),
            Macro::Open => None,
            _ => Some(true),
        };
        match arm.test {
            Test::Defined => {
                os_of(self.macros, first).or_else(|| defined(self.value(first, file, arm.start)))
            }
            Test::NotDefined => os_of(self.macros, first)
                .or_else(|| defined(self.value(first, file, arm.start)))
                .map(|truth| !truth),
            _ => self.judge(text, file, arm.start),
        }
    }
}

impl Macros<'_> {
    fn condition_text(&self, file: FileId, arm: &Arm) -> &str {
        let text = &self.sources.file(file).text;
        text.get(arm.start as usize..arm.end as usize).unwrap_or("")
    }

    /// Whether a definition is the one for want of another: it stands under a test that there is none.
    fn is_default(&self, file: FileId, define: &Define, name: &str) -> bool {
        let arms = &self.files[file.0 as usize].arms;
        let mut at = define.arm;
        for _ in 0..64 {
            let Some(arm) = arms.get(at as usize) else {
                return false;
            };
            if absent(arm, self.condition_text(file, arm)) == Some(name) && !arm.guard {
                return true;
            }
            at = arm.parent;
        }
        false
    }

    /// `#elif TARGET_BOARD` where another arm of the same `#if` is `TARGET_WINDOWS`: one of a list of platforms.
    fn is_other_platforms(&self, file: FileId, arm: &Arm) -> bool {
        if arm.test == Test::Else {
            return false;
        }
        let arms = &self.files[file.0 as usize].arms;
        let mine: Vec<&str> = words(self.condition_text(file, arm)).collect();
        let mut at = arm.last;
        for _ in 0..64 {
            let Some(other) = arms.get(at as usize) else {
                return false;
            };
            let mut windows = words(self.condition_text(file, other));
            if let (Some(name), None) = (windows.next(), windows.next())
                && os_of(self, name) == Some(true)
                && let Some((prefix, _)) = name.rsplit_once('_')
            {
                return !mine.is_empty()
                    && !self.condition_text(file, arm).contains('!')
                    && mine.iter().all(|word| {
                        *word != name
                            && word
                                .strip_prefix(prefix)
                                .is_some_and(|rest| rest.starts_with('_'))
                    });
            }
            at = other.previous;
        }
        false
    }
}

/// The macro whose absence an arm asks for, and nothing else: `#ifndef X`, `#if !defined(X)`.
fn absent<'t>(arm: &Arm, text: &'t str) -> Option<&'t str> {
    let mut words = words(text).filter(|word| *word != "defined");
    let (Some(name), None) = (words.next(), words.next()) else {
        return None;
    };
    let asks = match arm.test {
        Test::NotDefined => true,
        Test::Condition => text.starts_with('!') && text.contains("defined"),
        _ => false,
    };
    (asks && arm.previous == OUTSIDE).then_some(name)
}

/// Whether a name says the platform, in the way that projects do: a word for "platform", then its name. Not where the
/// project numbers its platforms: `#define PLATFORM_LINUX 2`.
fn os_of(macros: &Macros, name: &str) -> Option<bool> {
    let mut parts = name.trim_matches('_').rsplit('_');
    let windows = match parts.next()? {
        "WINDOWS" | "WIN" => true,
        "LINUX" | "MAC" | "MACOS" | "MACOSX" | "OSX" | "DARWIN" | "APPLE" | "IOS" | "IPHONE"
        | "ANDROID" | "UNIX" | "POSIX" | "BSD" | "FREEBSD" | "OPENBSD" | "NETBSD" | "SOLARIS"
        | "HAIKU" | "FUCHSIA" | "EMSCRIPTEN" | "QNX" => false,
        _ => return None,
    };
    if !matches!(parts.next()?, "TARGET" | "PLATFORM" | "OS" | "SYSTEM") {
        return None;
    }
    let numbered = macros.names.get(name).is_some_and(|known| {
        known.defines.iter().any(|(file, define)| {
            let text = &macros.sources.file(*file).text;
            let value = text.get(define.name_end as usize..define.end as usize);
            define.arm == OUTSIDE || !matches!(number(value.unwrap_or("")), None | Some(0 | 1))
        })
    });
    (!numbered).then_some(windows)
}

/// Names of the compiler and of the SDK, which no file of a project defines.
fn is_reserved(name: &str) -> bool {
    name.starts_with('_')
        || [
            "WIN", "NTDDI", "UNICODE", "MSC", "GCC", "STRICT", "NDEBUG", "DEBUG", "DBG",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Words of names that are meant to be set from outside: by a build script, or by who includes the header.
fn is_option(name: &str) -> bool {
    name.split('_').any(|word| {
        matches!(
            word,
            "HAVE"
                | "HAS"
                | "USE"
                | "USES"
                | "USING"
                | "ENABLE"
                | "ENABLED"
                | "ENABLES"
                | "WITH"
                | "WITHOUT"
                | "NO"
                | "NOT"
                | "DISABLE"
                | "DISABLED"
                | "CONFIG"
                | "BUILD"
                | "BUILDING"
                | "BUILT"
                | "COMPILE"
                | "EXPORT"
                | "EXPORTS"
                | "IMPORT"
                | "IMPORTS"
                | "DLL"
                | "STATIC"
                | "SHARED"
                | "LIB"
                | "LIBRARY"
                | "IMPLEMENTATION"
                | "IMPL"
                | "API"
                | "MAIN"
                | "DLLMAIN"
                | "TEST"
                | "TESTS"
                | "TESTING"
                | "DEBUG"
                | "TRACE"
                | "OPTION"
                | "SUPPORT"
                | "SUPPORTS"
                | "FEATURE"
                | "CUSTOM"
                | "OVERRIDE"
                | "ALLOW"
                | "VERSION"
                | "SDK"
        )
    })
}

/// A name of the project's own vocabulary that nobody is asked to set.
fn is_private(macros: &Macros, name: &str) -> bool {
    !is_reserved(name)
        && !is_option(name)
        && name
            .split_once('_')
            .is_some_and(|(first, _)| first.len() > 1 && macros.vocabulary.contains(first))
}

/// The value of an object-like macro, where it is a number.
fn number(text: &str) -> Option<i64> {
    let text = text.split("//").next()?.split("/*").next()?.trim();
    let text = text.trim_start_matches('(').trim_end_matches(')').trim();
    let digits = text.trim_end_matches(['u', 'U', 'l', 'L']);
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| {
            word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && *word != "defined"
        })
}
