//! Analysing again after an edit: what the edit cannot have changed is kept.
//!
//! In come sources that differ from the last ones in some texts; out come the findings that a new analysis of them all
//! would come to. Kept are the facts of the index, the modules as long as no fact that they rest on has changed, the
//! findings of the modules that neither hold a changed file nor read one of another module, and the lowered units of the
//! others' unchanged files. What a macro is worth is judged by all files together: where a definition or a condition of
//! the preprocessor has changed, every module is looked at again.
//!
//! What holds the changed file is looked at first; what only may rest on it can wait until there is time. A stopped
//! analysis keeps the modules that it has finished.

use crate::api::Api;
use crate::diagnostic::{self, Diagnostic};
use crate::index::{self, Facts, FunctionFact, Names};
use crate::ir::Unit;
use crate::module::Includes;
use crate::module::imports::Exports;
use crate::module::macros::{self, Macros};
use crate::module::{self, Module};
use crate::program::demand::{self, Demand, KnownNames, Part};
use crate::source::{FileId, Sources};
use crate::{Found, Gate, Options, Run, STOPPED, Units, Watch, names_to_find};
use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// More units than these are not kept.
const MOST_UNITS: usize = 4000;

/// What is known of some sources.
pub struct Base {
    sources: Sources,
    api: Api,
    names: Names,
    gate: Gate,
    /// By file.
    facts: Vec<Facts>,
    includes: Includes,
    /// By file: whether it includes a file which is not there.
    incomplete: Vec<bool>,
    modules: Vec<Module>,
    /// By module: the files that it can read.
    files: Vec<Vec<FileId>>,
    exports: Exports,
    /// What was read at last.
    demand: Option<Demand>,
    /// By module: whether that is still what has to be read of it.
    demanded: Vec<bool>,
    /// The names that have decided about it.
    known: KnownNames,
    /// By module.
    found: Vec<Option<Found>>,
    /// By module: whether it has to be looked at again.
    stale: Vec<Stale>,
    /// Of the modules that were looked at last.
    units: HashMap<FileId, Kept>,
    /// By module: other modules whose words it takes to say what of it is needed.
    asked: BTreeMap<usize, BTreeSet<usize>>,
}

/// Whether what was found in a module holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stale {
    No,
    /// Something that it may rest on has changed, and no file of its own.
    Perhaps,
    /// It holds a changed file, or reads one.
    Yes,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// These are other files, or a build file has changed: a new base is needed.
    No,
    /// The findings are those of a new analysis.
    Whole,
    /// Those around the edit are; others may be still those from before it.
    Near,
}

/// A lowered file, with what it was lowered from.
struct Kept {
    text: Arc<str>,
    read: Option<demand::Kept>,
    unit: Arc<Unit>,
}

fn going_on(options: &Options) -> Result<(), String> {
    match options
        .watch
        .as_ref()
        .is_some_and(|watch| watch.is_stopped())
    {
        true => Err(STOPPED.into()),
        false => Ok(()),
    }
}

impl Base {
    /// Reads what modules and macros rest on; nothing is analysed yet. The options are those of every later call.
    ///
    /// # Errors
    /// A message when the table of API facts cannot be read; `STOPPED`.
    pub fn new(sources: &Sources, options: &Options) -> Result<Base, String> {
        let api = Api::new(&options.api)?;
        let names = names_to_find(&api);
        let gate = Gate::new(&api)?;
        let facts = index::scan_all(sources, &names);
        going_on(options)?;
        let (modules, includes) =
            module::find_with_includes(sources, &facts, &options.modules, &options.build);
        going_on(options)?;
        Ok(Base {
            incomplete: macros::incomplete(sources, &facts),
            files: modules.iter().map(Module::files).collect(),
            exports: Exports::collect(&modules, &facts),
            demand: None,
            demanded: vec![false; modules.len()],
            known: KnownNames::default(),
            found: modules.iter().map(|_| None).collect(),
            stale: vec![Stale::Yes; modules.len()],
            sources: sources.clone(),
            api,
            names,
            gate,
            facts,
            includes,
            modules,
            units: HashMap::new(),
            asked: BTreeMap::new(),
        })
    }

    /// Takes in these sources; with `all` everything that can have changed is looked at again, else only what is near.
    /// What the modules of open files consist of is kept, for the next edits will be there.
    ///
    /// # Errors
    /// `STOPPED`.
    pub fn take(
        &mut self,
        sources: &Sources,
        options: &Options,
        open: &BTreeSet<FileId>,
        all: bool,
    ) -> Result<Taken, String> {
        let Some(changed) = self.sources.changed(sources) else {
            return Ok(Taken::No);
        };
        if changed
            .iter()
            .any(|&file| sources.file(file).lang.is_none())
        {
            return Ok(Taken::No);
        }
        self.update(sources, &changed, options);
        let least = if all { Stale::Perhaps } else { Stale::Yes };
        self.run(options, open, least)?;
        Ok(if self.is_whole() {
            Taken::Whole
        } else {
            Taken::Near
        })
    }

    /// Whether nothing is left to be looked at again.
    pub fn is_whole(&self) -> bool {
        self.stale.iter().all(|stale| *stale == Stale::No)
    }

    /// The findings of all modules.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let found = self.found.iter().flatten();
        let mut all: Vec<Diagnostic> = found.flat_map(|found| found.diagnostics.clone()).collect();
        diagnostic::sort(&mut all);
        all
    }

    /// Takes in other texts, and forgets what does not hold any more.
    fn update(&mut self, sources: &Sources, changed: &[FileId], options: &Options) {
        let before = std::mem::replace(&mut self.sources, sources.clone());
        let mut macros_differ = false;
        let mut outlines_differ = false;
        let mut words_differ = false;
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut old: Vec<(FileId, Facts)> = Vec::new();
        for &file in changed {
            let source = sources.file(file);
            let Some(lang) = source.lang else { continue };
            let new = index::scan(&source.text, lang, &self.names);
            let facts = std::mem::replace(&mut self.facts[file.0 as usize], new);
            old.push((file, facts));
        }
        if !changed.is_empty() {
            index::link_macros(sources, &mut self.facts);
        }
        for (file, old) in &old {
            let (file, new) = (*file, &self.facts[file.0 as usize]);
            let (text_before, text) = (&before.file(file).text, &sources.file(file).text);
            macros_differ |= macro_outline(old, text_before) != macro_outline(new, text);
            if let Some(lang) = sources.file(file).lang {
                words_differ |= demand::read_of(text_before, lang, &old.functions, &self.known)
                    != demand::read_of(text, lang, &new.functions, &self.known);
            }
            if outline(old, text_before) != outline(new, text) {
                outlines_differ = true;
                let free = |facts: &Facts| -> BTreeSet<String> {
                    let functions = facts.functions.iter();
                    functions
                        .filter(|function| function.scope.is_empty())
                        .map(|function| function.name.clone())
                        .collect()
                };
                names.extend(free(old).symmetric_difference(&free(new)).cloned());
            }
        }
        if outlines_differ {
            let (modules, includes) =
                module::find_with_includes(sources, &self.facts, &options.modules, &options.build);
            self.exports = Exports::collect(&modules, &self.facts);
            self.includes = includes;
            self.incomplete = macros::incomplete(sources, &self.facts);
            self.follow(modules);
            self.doubt_users(&names);
        }
        if macros_differ || outlines_differ || words_differ {
            self.demanded = vec![false; self.modules.len()];
        }
        for (files, stale) in self.files.iter().zip(&mut self.stale) {
            if changed.iter().any(|file| files.binary_search(file).is_ok()) {
                *stale = Stale::Yes;
            } else if macros_differ {
                *stale = (*stale).max(Stale::Perhaps);
            }
        }
        if macros_differ || outlines_differ {
            self.units.clear();
        }
        self.doubt_readers();
    }

    /// Goes over to other modules; those that are the same as before keep what was found.
    fn follow(&mut self, modules: Vec<Module>) {
        if modules == self.modules {
            return;
        }
        let mut known: HashMap<String, (Module, Option<Found>, Stale)> = HashMap::new();
        let stale: Vec<Stale> = std::mem::take(&mut self.stale);
        let old_names: Vec<String> = self
            .modules
            .iter()
            .map(|module| module.name.clone())
            .collect();
        let old = self.modules.drain(..).zip(self.found.drain(..)).zip(stale);
        for ((module, found), stale) in old {
            known.insert(module.name.clone(), (module, found, stale));
        }
        let places: HashMap<&str, usize> = modules
            .iter()
            .enumerate()
            .map(|(number, module)| (module.name.as_str(), number))
            .collect();
        for module in &modules {
            let same = known.remove(&module.name).filter(|(old, ..)| old == module);
            let kept = same.and_then(|(_, found, stale)| {
                let mut found = found?;
                let moved = found.providers.iter();
                found.providers = moved
                    .map(|&old| places.get(old_names[old].as_str()).copied())
                    .collect::<Option<_>>()?;
                Some((found, stale))
            });
            let (found, stale) = match kept {
                Some((found, stale)) => (Some(found), stale),
                None => (None, Stale::Yes),
            };
            self.found.push(found);
            self.stale.push(stale);
        }
        self.asked.clear();
        self.files = modules.iter().map(Module::files).collect();
        self.modules = modules;
    }

    /// Doubts the modules that mention functions which came or went: they may call them.
    fn doubt_users(&mut self, names: &BTreeSet<String>) {
        let names: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !name.is_empty())
            .collect();
        let Ok(search) = AhoCorasick::new(&names) else {
            return;
        };
        if names.is_empty() {
            return;
        }
        let mentions: Vec<bool> = self
            .sources
            .ids()
            .collect::<Vec<FileId>>()
            .par_iter()
            .map(|&file| search.is_match(&*self.sources.file(file).text))
            .collect();
        for (files, stale) in self.files.iter().zip(&mut self.stale) {
            if files.iter().any(|file| mentions[file.0 as usize]) {
                *stale = (*stale).max(Stale::Perhaps);
            }
        }
    }

    /// A module that reads another one may rest on what has changed there; it can wait.
    fn doubt_readers(&mut self) {
        loop {
            let mut is_settled = true;
            for number in 0..self.found.len() {
                let providers = self.found[number].iter().flat_map(|found| &found.providers);
                let worst = providers
                    .map(|&provider| self.stale[provider].min(Stale::Perhaps))
                    .max();
                if worst.is_some_and(|worst| worst > self.stale[number]) {
                    self.stale[number] = worst.unwrap_or(Stale::Yes);
                    is_settled = false;
                }
            }
            if is_settled {
                return;
            }
        }
    }

    /// Looks again at what is this stale.
    fn run(
        &mut self,
        options: &Options,
        open: &BTreeSet<FileId>,
        least: Stale,
    ) -> Result<(), String> {
        let wanted: Vec<bool> = self.stale.iter().map(|stale| *stale >= least).collect();
        let numbers: Vec<usize> = (0..wanted.len()).filter(|&number| wanted[number]).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        let unused = Watch::default();
        let watch = options.watch.as_deref().unwrap_or(&unused);
        watch.total.store(numbers.len() as u32, Ordering::Relaxed);
        let known = self
            .demand
            .take_if(|_| numbers.iter().all(|&number| self.demanded[number]));
        let demand = match known {
            Some(demand) => demand,
            None => {
                let demand = self.demand(options, &wanted, &numbers);
                for &number in &numbers {
                    self.demanded[number] = true;
                }
                demand
            }
        };
        if let Err(stopped) = going_on(options) {
            self.demand = Some(demand);
            return Err(stopped);
        }
        let functions: Vec<_> = self
            .facts
            .iter_mut()
            .map(|facts| std::mem::take(&mut facts.functions))
            .collect();
        let torn: Vec<bool> = self.facts.iter().map(|facts| facts.is_torn).collect();
        let said = self.facts.iter_mut();
        let said = said
            .map(|facts| std::mem::take(&mut facts.macros))
            .collect();
        let includes = std::mem::take(&mut self.includes);
        let macros = Macros::of_parts(&self.sources, said, includes, self.incomplete.clone());
        let units = Units::new(
            &self.sources,
            &macros,
            std::iter::empty(),
            (&functions, &torn),
            &demand,
            &options.timings,
        );
        let is_part = numbers.len() < self.modules.len();
        for (&file, kept) in &self.units {
            if kept.text == self.sources.file(file).text && kept.read.as_ref() == demand.kept(file)
            {
                *slot(&units, file) = Some(Arc::clone(&kept.unit));
            }
        }
        for number in &numbers {
            for file in &self.files[*number] {
                units.users[file.0 as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
        let is_open = |number: usize| {
            let mut files = self.files[number].iter();
            files.any(|file| open.contains(file))
        };
        // Given back once less, so that they stay.
        let mut files: Vec<FileId> = numbers
            .iter()
            .filter(|&&number| is_part || is_open(number))
            .flat_map(|&number| self.files[number].iter().copied())
            .collect();
        // Those of open files' modules that are not looked at now.
        let others = (0..self.modules.len()).filter(|&number| is_open(number));
        let others: BTreeSet<FileId> = others
            .flat_map(|number| self.files[number].iter().copied())
            .collect();
        files.extend(self.units.keys().filter(|file| others.contains(file)));
        files.sort();
        files.dedup();
        files.truncate(MOST_UNITS);
        for file in &files {
            units.users[file.0 as usize].fetch_add(1, Ordering::Relaxed);
        }
        let run = Run {
            sources: &self.sources,
            options,
            api: &self.api,
            modules: &self.modules,
            exports: &self.exports,
            demand: &demand,
            units: &units,
            gate: &self.gate,
            watch,
        };
        let results: Vec<(usize, Option<Found>)> = numbers
            .into_par_iter()
            .map(|number| (number, run.module(number)))
            .collect();
        self.units = files
            .into_iter()
            .filter_map(|file| {
                let unit = slot(&units, file).take()?;
                let kept = Kept {
                    text: Arc::clone(&self.sources.file(file).text),
                    read: demand.kept(file).cloned(),
                    unit,
                };
                Some((file, kept))
            })
            .collect();
        drop(units);
        self.demand = Some(demand);
        let (said, includes) = macros.into_facts();
        self.includes = includes;
        for ((facts, functions), macros) in self.facts.iter_mut().zip(functions).zip(said) {
            (facts.functions, facts.macros) = (functions, macros);
        }
        // What was stopped stays stale.
        for (number, found) in results.into_iter().filter(|(_, found)| found.is_some()) {
            self.found[number] = found;
            self.stale[number] = Stale::No;
        }
        going_on(options)
    }

    /// What of the wanted modules has to be read.
    fn demand(&mut self, options: &Options, wanted: &[bool], numbers: &[usize]) -> Demand {
        if options.whole || options.summaries {
            return Demand::all(&self.sources, &self.modules);
        }
        if numbers.len() == self.modules.len() {
            let mut known = std::mem::take(&mut self.known);
            let demand = self.select(&self.sources, &self.facts, options, None, &mut known);
            self.known = known;
            return demand;
        }
        let mut known = std::mem::take(&mut self.known);
        let is_c = demand::files_in_c(&self.sources, &self.facts, &self.api, &self.modules);
        loop {
            let mut files = vec![false; self.sources.len()];
            for number in numbers {
                let others = self.asked.get(number).into_iter().flatten();
                for &module in others.chain([number]) {
                    for file in &self.files[module] {
                        files[file.0 as usize] = true;
                    }
                }
            }
            let masked = self.sources.masked(&files);
            let called = self.called(&masked);
            let mut facts: Vec<Facts> = files.iter().map(|_| Facts::default()).collect();
            index::swap_facts(&files, &mut self.facts, &mut facts);
            // One of the files that are not there stands for all of them.
            if let Some(other) = files.iter().position(|there| !there) {
                facts[other].functions = called;
            }
            let part = Part {
                modules: wanted,
                files: &files,
                is_c: &is_c,
                missing: Mutex::default(),
            };
            let mut demand = self.select(&masked, &facts, options, Some(&part), &mut known);
            if let Some(other) = files.iter().position(|there| !there) {
                demand.forget(FileId(other as u32));
            }
            index::swap_facts(&files, &mut self.facts, &mut facts);
            let missing = part
                .missing
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner);
            if missing.is_empty() {
                if let Some(before) = &self.demand {
                    demand.join(before);
                }
                self.known = known;
                return demand;
            }
            for number in numbers {
                self.asked.entry(*number).or_default().extend(&missing);
            }
        }
    }

    fn select(
        &self,
        sources: &Sources,
        facts: &[Facts],
        options: &Options,
        part: Option<&Part>,
        known: &mut KnownNames,
    ) -> Demand {
        let (modules, exports) = (&self.modules, &self.exports);
        Demand::select(
            sources,
            facts,
            modules,
            exports,
            &self.api,
            &options.rules,
            part,
            Some(known),
        )
    }

    /// The functions that DLLs of the tree define, as far as some sources mention their names.
    fn called(&self, sources: &Sources) -> Vec<FunctionFact> {
        let ids: Vec<FileId> = sources
            .ids()
            .filter(|&id| sources.file(id).lang.is_some())
            .collect();
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let names: BTreeSet<&str> = ids
            .par_iter()
            .flat_map_iter(|&id| {
                let words = sources.file(id).text.split(move |letter| !is_word(letter));
                words
                    .filter(|word| self.exports.knows(word))
                    .collect::<BTreeSet<&str>>()
            })
            .collect();
        let function = |name: &str| FunctionFact {
            name: name.to_string(),
            scope: String::new(),
            start: 0,
            body: 0,
            end: 0,
            exported: false,
        };
        names.into_iter().map(function).collect()
    }
}

fn slot<'u>(units: &'u Units, file: FileId) -> std::sync::MutexGuard<'u, Option<Arc<Unit>>> {
    units.slots[file.0 as usize]
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What modules rest on, without the places that every edit moves.
fn outline(facts: &Facts, text: &str) -> impl PartialEq {
    let functions: Vec<(String, String, bool, bool)> = facts
        .functions
        .iter()
        .map(|function| {
            let head = text.get(function.start as usize..).unwrap_or("");
            let is_static = head.starts_with("static");
            (
                function.scope.clone(),
                function.name.clone(),
                function.exported,
                is_static,
            )
        })
        .collect();
    let entries: Vec<String> = facts
        .entries
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    (
        functions,
        entries,
        facts.dllexport,
        facts.includes.clone(),
        facts.linker_options.clone(),
        facts.mods.clone(),
        facts.entry_macros.clone(),
    )
}

/// What macros are made of, likewise.
fn macro_outline(facts: &Facts, text: &str) -> impl PartialEq {
    let part = |start: u32, end: u32| {
        text.get(start as usize..end as usize)
            .unwrap_or("")
            .to_string()
    };
    let define = |define: &index::defines::Define| {
        (
            part(define.start, define.name_end),
            part(define.name_end, define.end),
            define.arm,
        )
    };
    let macros = &facts.macros;
    (
        macros.defines.iter().map(define).collect::<Vec<_>>(),
        macros.undefines.iter().map(define).collect::<Vec<_>>(),
        macros
            .disabled
            .iter()
            .map(|define| (part(define.start, define.end), define.alone))
            .collect::<Vec<_>>(),
        macros
            .arms
            .iter()
            .map(|arm| {
                let place = (arm.parent, arm.previous, arm.last, arm.guard);
                (arm.test, part(arm.start, arm.end), place)
            })
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze;
    use crate::module::tests::fixtures;

    fn assert_same(base: &Base, sources: &Sources, what: &str) -> usize {
        let new = analyze(sources, &Options::default()).unwrap().diagnostics;
        assert_eq!(base.diagnostics(), new, "{what}");
        new.len()
    }

    /// Edits of a text: one that moves everything, and some that take a line away.
    fn edits(text: &str, seed: usize) -> Vec<String> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let without = |place: usize| {
            let place = place % lines.len().max(1);
            let kept = lines.iter().enumerate().filter(|(line, _)| *line != place);
            kept.map(|(_, text)| *text).collect::<String>()
        };
        vec![
            format!("\n// \u{1F600}\n{text}"),
            without(seed * 7),
            without(seed * 13 + 5),
            format!("{text}\nvoid one_more(void) {{ }}\n"),
        ]
    }

    /// After every edit, and after taking it back, the findings are those of an analysis from the start. Gives how many
    /// modules were left for later.
    fn follows(folder: &str, stride: usize) -> usize {
        let sources = fixtures(folder);
        let options = Options::default();
        let open: BTreeSet<FileId> = sources.ids().step_by(5).collect();
        let mut base = Base::new(&sources, &options).unwrap();
        assert_eq!(base.take(&sources, &options, &open, true), Ok(Taken::Whole));
        let total = assert_same(&base, &sources, folder);
        assert!(total > 0);
        let mut kept = 0;
        for id in sources
            .ids()
            .filter(|&id| sources.file(id).lang.is_some())
            .step_by(stride)
        {
            for (number, text) in edits(&sources.file(id).text, id.0 as usize)
                .into_iter()
                .enumerate()
            {
                let edited = sources.with_texts(&BTreeMap::from([(id, text)]));
                // What is near is enough where nothing is left; the rest is looked at when there is time.
                let near = base.take(&edited, &options, &open, false).unwrap();
                assert_ne!(near, Taken::No);
                let left = base
                    .stale
                    .iter()
                    .filter(|stale| **stale != Stale::No)
                    .count();
                assert_eq!(left == 0, near == Taken::Whole);
                kept += left;
                assert_eq!(base.take(&edited, &options, &open, true), Ok(Taken::Whole));
                let path = &sources.file(id).path;
                assert_same(&base, &edited, &format!("{folder}/{path}, edit {number}"));
            }
        }
        // An edit in a body concerns the modules that hold the file.
        let id = sources
            .ids()
            .find(|&id| sources.file(id).lang.is_some())
            .unwrap();
        let text = format!("\n{}", sources.file(id).text);
        base.update(
            &sources.with_texts(&BTreeMap::from([(id, text)])),
            &[id],
            &options,
        );
        let stale = base
            .stale
            .iter()
            .filter(|stale| **stale != Stale::No)
            .count();
        assert!(stale > 0 && (stale < base.modules.len() || base.modules.len() == 1));
        assert_eq!(base.take(&sources, &options, &open, true), Ok(Taken::Whole));
        assert_same(&base, &sources, folder);
        kept
    }

    #[test]
    fn edits_are_followed_exactly() {
        follows("wait_in_dll_main", 9);
        follows("demo", 1);
    }

    #[test]
    fn calls_into_other_modules_are_followed() {
        assert!(follows("engine", 17) > 0);
    }

    #[test]
    fn other_files_and_build_files_need_a_new_base() {
        let sources = fixtures("demo");
        let options = Options::default();
        let mut base = Base::new(&sources, &options).unwrap();
        let build = sources.find("CMakeLists.txt").unwrap();
        let other = sources.with_texts(&BTreeMap::from([(build, String::new())]));
        assert_eq!(
            base.take(&other, &options, &BTreeSet::new(), true),
            Ok(Taken::No)
        );
        assert_eq!(
            base.take(&Sources::default(), &options, &BTreeSet::new(), true),
            Ok(Taken::No)
        );
    }

    #[test]
    fn a_stopped_run_goes_on_where_it_was() {
        let sources = fixtures("demo");
        let watch = Arc::new(Watch::default());
        watch.stop();
        let stopped = Options {
            watch: Some(watch),
            ..Options::default()
        };
        let mut base = Base::new(&sources, &Options::default()).unwrap();
        assert_eq!(
            base.take(&sources, &stopped, &BTreeSet::new(), true),
            Err(STOPPED.to_string())
        );
        assert_eq!(
            base.take(&sources, &Options::default(), &BTreeSet::new(), true),
            Ok(Taken::Whole)
        );
        assert_same(&base, &sources, "demo");
    }
}
