//! tplint finds the code that hangs or crashes Windows processes at the edges of a DLL's life.
//!
//! # What flows
//!
//! ```text
//! files ─source─▶ Sources ─index─▶ module ─syntax─▶ ir::Unit ─program─▶ Program (per module) ─rules─▶ [Diagnostic] ─config─▶ report
//! ```
//!
//! Plain data in one direction. Nothing below `project` reads a file, a clock or the environment; the same sources
//! give the same bytes out, whatever the number of threads. Lowering never fails and never skips a file: what it cannot
//! read is opaque and counted.
//!
//! Lowering looks at one file alone. What a condition of the preprocessor is worth when all files are looked at
//! together, `module::macros` knows; `syntax::configure` then takes out of each unit what is certainly not compiled.
//!
//! Three vocabularies, one home each: syntax kinds in `syntax`; API names in `rules/apis.toml`, read by `api`; wording in
//! `rules/*.rs` and `rules/*.md`.
//!
//! A file uses only what stands above it: source, index, module, ir, syntax, api, program, entry, reach, flow and locks,
//! diagnostic, rules, earlier, config, suppress and baseline, report, project, lsp, cli.
//!
//! The design knew no `project`: the command line and the language server were to be the only places that touch the
//! world. Both read a project, its configuration and what is known of it in the very same way, and neither can stand above
//! the other, so what reads stands below both. Writing, arguments and messages are theirs. Nor did it know `earlier`, by
//! which a run takes over what an earlier one has found: it compares what modules' findings rest on, and knows of no disk.
//!
//! Which functions are read at all (`program::demand`) is not the index's business, as the design had it: it takes
//! modules, the table of API facts and what DLLs import from each other, which the index comes before.
//!
//! # Engines
//!
//! - `reach` answers "does it run when this entry runs, and on which call path?".
//! - `flow` answers "what happens to this object before and after?", `flow::teardown` along the call paths to an event,
//!   `flow::rearm` for callbacks that arm their own object again.
//! - `locks` answers "which locks are held here, and in which order are they taken?".
//!
//! `flow` asks whether an event *can* come before another, through callees and visible callers, and keeps no facts that
//! must hold on all paths. A wait or a disarm that only some paths pass is, in real code, skipped by a condition that
//! belongs to the object ("is there a timer", "was it started"); a solver over places cannot tell that from a gap. Taking
//! it as done costs a missed finding, asking for it on all paths costs false ones.
//!
//! A rule gets them through `rules::Engines` (and not the bare `Program`), because several rules ask the same walk.
//!
//! Where a remedy is mechanical, `rules::remedy` makes edits of it, with what `syntax::c::places` knows of the statements
//! around a call; `cli::fix` applies them in rounds and analyses each before anything is written.
//!
//! Code under the loader lock that calls another DLL of the same tree is followed into that DLL (`module::imports`).
#![forbid(unsafe_code)]

pub mod api;
pub mod baseline;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod earlier;
pub mod entry;
pub mod flow;
pub mod index;
pub mod ir;
pub mod locks;
pub mod lsp;
pub mod module;
pub mod program;
pub mod project;
pub mod reach;
pub mod report;
pub mod rules;
pub mod source;
pub mod suppress;
pub mod syntax;

use diagnostic::Diagnostic;
use earlier::Chosen;
use ir::Unit;
use module::Module;
use module::imports::{Exports, with_imports};
use program::Program;
use program::demand::{self, Demand, KnownNames};
use rayon::prelude::*;
use rules::timings::{Stage, Timings};
use source::{FileId, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// What `analyze` is asked for.
#[derive(Debug, Default)]
pub struct Options {
    /// The user's `[[api]]` rows.
    pub api: Vec<api::Row>,
    /// The user's `[[module]]` entries.
    pub modules: Vec<module::ConfiguredModule>,
    /// What a build makes of which files.
    pub build: Vec<module::built::Built<FileId>>,
    /// Rules to run, by name; empty: all.
    pub rules: Vec<&'static str>,
    /// Read every function of every module, also where nothing can be found.
    pub whole: bool,
    /// Fill what of `ModuleSummary` only `tplint modules` shows.
    pub summaries: bool,
    /// What notes where the time goes.
    pub timings: Arc<Timings>,
    /// By which another thread follows the analysis, or stops it.
    pub watch: Option<Arc<Watch>>,
}

/// How far an analysis is, and whether it shall end.
#[derive(Debug, Default)]
pub struct Watch {
    stopped: AtomicBool,
    /// Modules.
    done: AtomicU32,
    /// 0: not known yet.
    total: AtomicU32,
}

/// What `analyze` fails with when it was stopped.
pub const STOPPED: &str = "the analysis was stopped";

impl Watch {
    /// Lets the analysis end at its next stage or module, with the error `STOPPED`.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How many modules are done, and how many there are; 0 as long as that is not known.
    pub fn progress(&self) -> (u32, u32) {
        let read = |count: &AtomicU32| count.load(Ordering::Relaxed);
        (read(&self.done), read(&self.total))
    }
}

/// What `analyze` found, before policy: every finding has level `Deny`, or `Note` where it is minor.
#[derive(Debug, Default)]
pub struct Analysis {
    pub diagnostics: Vec<Diagnostic>,
    pub modules: Vec<ModuleSummary>,
    /// Files of which a part could not be read, with the number of opaque regions.
    pub partly: Vec<(FileId, usize)>,
}

/// One module, for `tplint modules`.
#[derive(Debug, Default, Clone)]
pub struct ModuleSummary {
    pub name: String,
    /// `dll`, `exe`, `unknown`.
    pub kind: &'static str,
    /// Why this kind, for people.
    pub evidence: Vec<String>,
    pub sources: Vec<FileId>,
    /// Other DLLs of the tree that code under the loader lock calls.
    pub imports: Vec<String>,
    /// What the loader, the CRT, the thread pool or the system calls: kind (`DllMain`, `static destructor`, …), name, place.
    pub entries: Vec<(String, String, Span)>,
    /// Names that are called on a path from an entry and that nothing defines or knows, with the number of calls.
    pub unresolved: Vec<(String, usize)>,
    /// The functions that the host can call by name: `__declspec(dllexport)`, `#[no_mangle]`.
    pub exports: Vec<(String, Span)>,
    /// What of the files that were read could not be understood.
    pub opaque: Vec<Span>,
}

impl ModuleSummary {
    /// What is known of a module without a look into its files.
    fn of(module: &Module, imports: &[String]) -> ModuleSummary {
        ModuleSummary {
            name: module.name.clone(),
            kind: match module.kind {
                module::Kind::Dll => "dll",
                module::Kind::Exe => "exe",
                module::Kind::Unknown => "unknown",
            },
            evidence: module.evidence.clone(),
            sources: module.sources.clone(),
            imports: imports.to_vec(),
            ..ModuleSummary::default()
        }
    }
}

/// Runs every rule on every module of the sources.
///
/// # Errors
/// A message when the table of API facts cannot be read; `STOPPED`.
pub fn analyze(sources: &Sources, options: &Options) -> Result<Analysis, String> {
    Ok(analyze_after(sources, options, None)?.analysis)
}

/// What an analysis leaves to the next one.
#[derive(Default)]
pub struct Recorded {
    pub analysis: Analysis,
    /// Where it was asked for.
    pub record: Option<earlier::Earlier>,
    /// How many modules were looked at.
    pub looked_at: usize,
}

/// The same, taking from an earlier run what holds. The result does not depend on it. A run whose options ask for all, or
/// for summaries, takes nothing and leaves nothing.
///
/// # Errors
/// Those of `analyze`.
pub fn analyze_after(
    sources: &Sources,
    options: &Options,
    record: Option<earlier::Record>,
) -> Result<Recorded, String> {
    let unused = Watch::default();
    let watch = options.watch.as_deref().unwrap_or(&unused);
    let going_on = || match watch.is_stopped() {
        true => Err(STOPPED.to_string()),
        false => Ok(()),
    };
    let api = api::Api::new(&options.api)?;
    let names = names_to_find(&api);
    let timings = &*options.timings;
    let mut facts = timings.time(Stage::Index, || index::scan_all(sources, &names));
    going_on()?;
    let (modules, includes) = timings.time(Stage::Modules, || {
        module::find_with_includes(sources, &facts, &options.modules, &options.build)
    });
    watch.total.store(modules.len() as u32, Ordering::Relaxed);
    going_on()?;
    let exports = Exports::collect(&modules, &facts);
    let whole = options.whole || options.summaries;
    let mut record = record.filter(|_| !whole);
    let chosen = timings.time(Stage::Demand, || {
        let select = |known: Option<&mut KnownNames>| {
            let rules = &options.rules;
            Demand::select(
                sources, &facts, &modules, &exports, &api, rules, None, known,
            )
        };
        match &mut record {
            Some(record) => {
                let is_c = demand::files_in_c(sources, &facts, &api, &modules);
                let kept = record.chosen(sources, &facts, &modules, &is_c);
                kept.unwrap_or_else(|| {
                    let mut known = KnownNames::default();
                    let demand = select(Some(&mut known));
                    Chosen::new(sources, &facts, demand, known)
                })
            }
            None if whole => Chosen::from(Demand::all(sources, &modules)),
            None => Chosen::from(select(None)),
        }
    });
    let demand = &chosen.demand;
    going_on()?;
    let torn: Vec<bool> = facts.iter().map(|facts| facts.is_torn).collect();
    let macros = timings.time(Stage::Modules, || {
        module::macros::Macros::new(sources, &mut facts, includes)
    });
    let again = record.map(|record| {
        timings.time(Stage::Modules, || {
            earlier::Again::new(record, sources, &modules, &exports, &macros, demand)
        })
    });
    let numbers = match &again {
        Some(again) => again.stale(),
        None => (0..modules.len()).collect(),
    };
    watch.total.store(numbers.len() as u32, Ordering::Relaxed);
    let narrowed = timings.time(Stage::Demand, || {
        let again = again.as_ref().filter(|_| !numbers.is_empty())?;
        narrowed_to(
            &numbers,
            again,
            demand,
            (sources, &mut facts),
            &modules,
            &api,
        )
    });
    let functions: Vec<Vec<index::FunctionFact>> =
        facts.into_iter().map(|facts| facts.functions).collect();
    let gate = Gate::new(&api)?;
    let look = |few: Option<&Few>| -> Looked {
        let demand = few.map_or(demand, |few| &few.demand);
        // Of a few modules all files stay lowered to the end.
        let all = few.iter().flat_map(|few| &few.modules);
        let all = all.flat_map(|&number| modules[number].files());
        let asked = numbers
            .iter()
            .flat_map(|&number| files_asked(&modules, demand, number));
        let units = Units::new(
            sources,
            &macros,
            asked.chain(all),
            (&functions, &torn),
            demand,
            timings,
        );
        let run = Run {
            sources,
            options,
            api: &api,
            modules: &modules,
            exports: &exports,
            demand,
            units: &units,
            gate: &gate,
            watch,
        };
        if let Some(few) = few {
            let is_read = |number: &&usize| !numbers.contains(number) || !run.is_skipped(**number);
            run.lower_all(few.modules.iter().filter(is_read).copied());
        }
        let results = numbers
            .par_iter()
            .filter_map(|&number| Some((number, run.module(number)?)))
            .collect();
        (results, units.partly())
    };
    let looked_at = numbers.len();
    let (mut results, mut partly) = look(narrowed.as_ref());
    if let Some(few) = narrowed {
        // A module whose functions are called for the first time asks for declarations, too.
        let mut providers = results.iter().flat_map(|(_, found)| &found.providers);
        if !providers.all(|provider| few.modules.contains(provider)) {
            going_on()?;
            (results, partly) = look(None);
        }
    }
    going_on()?;
    let (found, partly, record) = match again {
        Some(again) => {
            let (found, partly, record) = again.join(results, partly, &modules, chosen);
            (found, partly, Some(record))
        }
        None => {
            let found = results.into_iter().map(|(_, found)| found);
            (found.collect(), partly, None)
        }
    };
    let mut analysis = Analysis {
        partly,
        ..Analysis::default()
    };
    for found in found {
        analysis.diagnostics.extend(found.diagnostics);
        analysis.modules.push(found.summary);
    }
    diagnostic::sort(&mut analysis.diagnostics);
    Ok(Recorded {
        analysis,
        record,
        looked_at,
    })
}

/// What was found, by module, and in which files how many regions could not be read.
type Looked = (Vec<(usize, Found)>, Vec<(FileId, usize)>);

/// A choice for a few modules.
struct Few {
    demand: Demand,
    /// Their numbers, and those of the modules that are read with them.
    modules: BTreeSet<usize>,
}

/// The choice for the modules of these numbers, where it is worth while.
fn narrowed_to(
    numbers: &[usize],
    again: &earlier::Again,
    demand: &Demand,
    files: (&Sources, &mut [index::Facts]),
    modules: &[Module],
    api: &api::Api,
) -> Option<Few> {
    let mut few: BTreeSet<usize> = numbers.iter().copied().collect();
    for &number in numbers {
        let providers = again.providers(&modules[number].name);
        let is_one = |module: &Module| providers.contains(&module.name);
        few.extend((0..modules.len()).filter(|&other| is_one(&modules[other])));
    }
    let looked_at: Vec<&Module> = few.iter().map(|&number| &modules[number]).collect();
    let demand = demand::narrowed(demand, files, api, &looked_at, again.is_lowered())?;
    Some(Few {
        demand,
        modules: few,
    })
}

/// What the index looks for.
fn names_to_find(api: &api::Api) -> index::Names {
    index::Names {
        entries: api.entries().iter().map(|row| row.name.clone()).collect(),
        attributes: ["ctor", "dtor", "constructor", "destructor"]
            .map(String::from)
            .to_vec(),
    }
}

/// What the analysis of single modules rests on.
struct Run<'a> {
    sources: &'a Sources,
    options: &'a Options,
    api: &'a api::Api,
    modules: &'a [Module],
    exports: &'a Exports,
    demand: &'a Demand,
    units: &'a Units<'a>,
    gate: &'a Gate,
    watch: &'a Watch,
}

/// What one module has come to.
#[derive(Default)]
struct Found {
    diagnostics: Vec<Diagnostic>,
    summary: ModuleSummary,
    /// The modules whose files were read with it.
    providers: Vec<usize>,
    /// What decided about them.
    asked: Vec<earlier::Asked>,
    /// Whether its files were lowered.
    is_read: bool,
}

impl Run<'_> {
    /// Lowers the files of modules that have many in common: who links them need not wait for another one that lowers the
    /// same.
    fn lower_all(&self, modules: impl Iterator<Item = usize>) {
        let files: BTreeSet<FileId> = modules
            .flat_map(|number| self.modules[number].files())
            .collect();
        let mut files: Vec<FileId> = files.into_iter().collect();
        files.sort_by_key(|&file| std::cmp::Reverse(self.sources.file(file).text.len()));
        files.par_iter().with_max_len(1).for_each(|&file| {
            if !self.watch.is_stopped() {
                self.units.get(file);
            }
        });
    }

    /// Whether nothing can be found in a module.
    fn is_skipped(&self, number: usize) -> bool {
        let whole = self.options.whole || self.options.summaries;
        let module = &self.modules[number];
        !whole
            && (!self.demand.wants(number)
                || !self.gate.may_matter(self.sources, module, &module.files()))
    }

    /// Links a module and runs the rules on it; none where the analysis was stopped before.
    fn module(&self, number: usize) -> Option<Found> {
        let Run { sources, units, .. } = *self;
        if self.watch.is_stopped() {
            return None;
        }
        let timings = &*self.options.timings;
        let module = &self.modules[number];
        let files = module.files();
        let skipped = self.is_skipped(number);
        timings.passes(!skipped);
        let linked: Vec<Arc<Unit>> = if skipped {
            Vec::new()
        } else {
            files
                .par_iter()
                .filter_map(|&file| units.get(file))
                .collect()
        };
        let opaque: Vec<Span> = if self.options.summaries {
            linked
                .iter()
                .flat_map(|unit| &unit.opaque)
                .copied()
                .collect()
        } else {
            Vec::new()
        };
        let program = timings.time(Stage::Link, || {
            Program::link(sources, self.api, module, linked)
        });
        if self.watch.is_stopped() {
            return None;
        }
        let engines = rules::Engines::new(&program, timings);
        let (providers, asked) = imported(&engines, self.modules, self.exports);
        let (diagnostics, summary) = if providers.is_empty() {
            check(&engines, self.options, &opaque, &providers)
        } else {
            drop(engines);
            let mut linked = program.units;
            let extended = with_imports(module, &providers);
            let mut further = extended.files();
            further.retain(|file| files.binary_search(file).is_err());
            linked.extend(further.iter().filter_map(|&file| units.borrow(file)));
            let program = timings.time(Stage::Link, || {
                Program::link(sources, self.api, &extended, linked)
            });
            let result = check(
                &rules::Engines::new(&program, timings),
                self.options,
                &opaque,
                &providers,
            );
            drop(program);
            for file in further {
                units.give_back(file);
            }
            result
        };
        for file in files_asked(self.modules, self.demand, number) {
            units.give_back(file);
        }
        self.watch.done.fetch_add(1, Ordering::Relaxed);
        let place = |provider: &&Module| {
            self.modules
                .iter()
                .position(|module| std::ptr::eq(module, *provider))
        };
        Some(Found {
            diagnostics,
            summary,
            providers: providers.iter().filter_map(place).collect(),
            asked,
            is_read: !skipped,
        })
    }
}

/// The files of a module, and of the DLLs that it may call, as far as they are known.
fn files_asked(modules: &[Module], demand: &Demand, number: usize) -> Vec<FileId> {
    let module = &modules[number];
    let called = demand.called(number).iter();
    let called: Vec<&Module> = called.map(|&number| &modules[number]).collect();
    if called.is_empty() {
        return module.files();
    }
    with_imports(module, &called).files()
}

/// What the sources of a module must hold for any rule to apply, told by names alone.
///
/// Of an EXE only thread_local destructors and TLS callbacks run under the loader lock, and what is left are the thread
/// pool's rules and the order of locks. C and Rust have no static destructors: without an entry point, an exit function,
/// a thread pool call, a lock or a call that frees a module there is nothing to report. C++ statics need no name at all, so a DLL with C++ sources is
/// always read.
struct Gate {
    program: aho_corasick::AhoCorasick,
    library: aho_corasick::AhoCorasick,
    /// Takes locks, and starts threads.
    locks: aho_corasick::AhoCorasick,
    threads: aho_corasick::AhoCorasick,
}

impl Gate {
    fn new(api: &api::Api) -> Result<Gate, String> {
        use api::Effect;
        let build = |names: Vec<&str>| {
            aho_corasick::AhoCorasick::builder()
                .match_kind(aho_corasick::MatchKind::LeftmostFirst)
                .build(names)
                .map_err(|error| error.to_string())
        };
        let mut names = api.names_with(|effect| {
            matches!(
                effect,
                Effect::TpClose { .. }
                    | Effect::TpCloseGroup { .. }
                    // A callback that waits for itself or frees its context needs no close.
                    | Effect::TpCreate { .. }
                    | Effect::TpDrain { .. }
                    | Effect::TpEnv {
                        library: Some(_),
                        ..
                    }
                    | Effect::ExitThread
                    | Effect::Terminate { .. }
                    | Effect::ModuleUnref {
                        exits_thread: true,
                        ..
                    }
            )
        });
        names.extend(["thread_local", "__declspec(thread", "__thread", ".CRT$X"]);
        let program = build(names.clone())?;
        names.extend(api.names_with(|effect| {
            matches!(
                effect,
                Effect::ModuleUnref { .. }
                    | Effect::AtExit { .. }
                    | Effect::Spawn { .. }
                    | Effect::TpCreate { .. }
            )
        }));
        names.extend(
            api.entries()
                .iter()
                .filter(|row| !row.program)
                .map(|row| row.name.as_str()),
        );
        names.extend(["ctor", "dtor", "constructor", "destructor"]);
        let threads = api.names_with(|effect| matches!(effect, Effect::Spawn { .. }));
        Ok(Gate {
            program,
            library: build(names)?,
            locks: build(api.lock_names())?,
            threads: build(threads)?,
        })
    }

    fn may_matter(&self, sources: &Sources, module: &Module, files: &[FileId]) -> bool {
        let has_statics = module
            .sources
            .iter()
            .any(|&file| sources.file(file).lang == Some(source::Lang::Cpp));
        let gate = match module.kind {
            module::Kind::Exe => &self.program,
            _ if has_statics || !module.entry_names.is_empty() => return true,
            _ => &self.library,
        };
        let shows = |gate: &aho_corasick::AhoCorasick| {
            files
                .iter()
                .any(|&file| gate.is_match(&*sources.file(file).text))
        };
        // Two locks can be taken in both orders wherever there are threads; others run a library's code on theirs.
        shows(gate)
            || (shows(&self.locks) && (module.kind == module::Kind::Dll || shows(&self.threads)))
    }
}

/// The other DLLs of the tree that code under the loader lock calls: what such a call blocks on blocks DllMain. With them
/// come the names that lead there, and those that lead nowhere.
fn imported<'m>(
    engines: &rules::Engines,
    modules: &'m [Module],
    exports: &Exports,
) -> (Vec<&'m Module>, Vec<earlier::Asked>) {
    let program = engines.program;
    if !program.is_dll() {
        return (Vec::new(), Vec::new());
    }
    let mut names: Vec<&ir::Name> = engines
        .entries_of(|kind| kind.is_dll_main() || kind.is_destructor())
        .flat_map(|(number, _)| &engines.walk(number).unresolved)
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut providers: Vec<&Module> = Vec::new();
    let mut asked: Vec<earlier::Asked> = Vec::new();
    for name in names {
        if !exports.knows(name) {
            asked.push(earlier::Asked::unknown(name));
            continue;
        }
        let declared_in: Vec<FileId> = program
            .units
            .iter()
            .filter(|unit| {
                unit.declarations
                    .iter()
                    .any(|declaration| declaration.name == *name)
            })
            .map(|unit| unit.file)
            .collect();
        let provider = exports.provider(modules, program.module, name, &declared_in);
        asked.push(earlier::Asked::known(name, &declared_in, provider));
        if let Some(provider) = provider
            && !providers.iter().any(|known| known.name == provider.name)
        {
            providers.push(provider);
        }
    }
    (providers, asked)
}

fn check(
    engines: &rules::Engines,
    options: &Options,
    opaque: &[Span],
    imports: &[&Module],
) -> (Vec<Diagnostic>, ModuleSummary) {
    let program = engines.program;
    let mut findings = rules::Findings::default();
    for (number, rule) in rules::RULES.iter().enumerate() {
        if options.rules.is_empty() || options.rules.contains(&rule.name) {
            let timings = &options.timings;
            timings.time(Stage::Rule(number), || (rule.check)(engines, &mut findings));
        }
    }
    let module = program.module;
    let imports: Vec<String> = imports.iter().map(|module| module.name.clone()).collect();
    let mut summary = ModuleSummary {
        opaque: opaque.to_vec(),
        ..ModuleSummary::of(module, &imports)
    };
    if options.summaries {
        let mut unresolved: BTreeMap<String, usize> = BTreeMap::new();
        for (number, entry) in engines.entries.iter().enumerate() {
            summary.entries.push((
                entry.kind.name().to_string(),
                entry.name.clone(),
                entry.span,
            ));
            for (name, _) in &engines.walk(number).unresolved {
                *unresolved
                    .entry(program::types::split_template(name).0)
                    .or_default() += 1;
            }
        }
        summary.exports = program
            .own_ids()
            .filter(|&id| program.function(id).linkage == ir::Linkage::Exported)
            .map(|id| {
                let function = program.function(id);
                let name = function.export_name.as_ref().unwrap_or(&function.name);
                (name.to_string(), function.name_span)
            })
            .collect();
        summary.unresolved = unresolved.into_iter().collect();
        summary
            .unresolved
            .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    }
    (findings.diagnostics, summary)
}

/// Units, lowered when the first module asks and dropped when the last one has given them back.
struct Units<'a> {
    sources: &'a Sources,
    macros: &'a module::macros::Macros<'a>,
    functions: &'a [Vec<index::FunctionFact>],
    /// By file: whether its functions are guesses, since braces do not close.
    torn: &'a [bool],
    demand: &'a Demand,
    timings: &'a Timings,
    slots: Vec<Mutex<Option<Arc<Unit>>>>,
    users: Vec<AtomicU32>,
    opaque: Vec<AtomicU32>,
}

impl<'a> Units<'a> {
    fn new(
        sources: &'a Sources,
        macros: &'a module::macros::Macros<'a>,
        asked: impl Iterator<Item = FileId>,
        (functions, torn): (&'a [Vec<index::FunctionFact>], &'a [bool]),
        demand: &'a Demand,
        timings: &'a Timings,
    ) -> Units<'a> {
        let units = Units {
            sources,
            macros,
            functions,
            torn,
            demand,
            timings,
            slots: sources.ids().map(|_| Mutex::new(None)).collect(),
            users: sources.ids().map(|_| AtomicU32::new(0)).collect(),
            opaque: sources.ids().map(|_| AtomicU32::new(0)).collect(),
        };
        for file in asked {
            units.users[file.0 as usize].fetch_add(1, Ordering::Relaxed);
        }
        units
    }

    fn get(&self, file: FileId) -> Option<Arc<Unit>> {
        let mut slot = self.slots[file.0 as usize]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if slot.is_none() {
            let unit = self.timings.time(Stage::Lower, || self.lower(file))?;
            let torn = u32::from(self.torn[file.0 as usize]);
            let opaque = (unit.opaque.len() as u32).max(torn);
            self.opaque[file.0 as usize].store(opaque, Ordering::Relaxed);
            *slot = Some(Arc::new(unit));
        }
        slot.clone()
    }

    fn lower(&self, file: FileId) -> Option<Unit> {
        let mut unit = match self.demand.kept(file) {
            Some(kept) => {
                let functions = &self.functions[file.0 as usize];
                let source = self.sources.file(file);
                let left_out = kept.left_out(&source.text, source.lang?, functions);
                let kept = &kept.functions;
                let (unit, bytes) =
                    syntax::lower_kept(self.sources, file, functions, kept, &left_out)?;
                self.timings.lowers(bytes, source.text.len());
                unit
            }
            None => {
                let bytes = self.sources.file(file).text.len();
                self.timings.lowers(bytes, bytes);
                syntax::lower(self.sources, file)?
            }
        };
        if unit.lang != source::Lang::Rust {
            syntax::configure::configure(&mut unit, self.macros);
        }
        Some(unit)
    }

    /// A unit for a module that was not counted as its user.
    fn borrow(&self, file: FileId) -> Option<Arc<Unit>> {
        self.users[file.0 as usize].fetch_add(1, Ordering::Relaxed);
        self.get(file)
    }

    fn give_back(&self, file: FileId) {
        if self.users[file.0 as usize].fetch_sub(1, Ordering::Relaxed) == 1 {
            *self.slots[file.0 as usize]
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        }
    }

    fn partly(&self) -> Vec<(FileId, usize)> {
        self.sources
            .ids()
            .filter_map(
                |file| match self.opaque[file.0 as usize].load(Ordering::Relaxed) {
                    0 => None,
                    count => Some((file, count as usize)),
                },
            )
            .collect()
    }
}
