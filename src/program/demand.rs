//! Which functions a run has to look into, told by names alone.
//!
//! In come the facts of all files and the modules; out goes, for every file, the functions whose bodies a finding can
//! depend on. Everything else of a file is read, but the other bodies are left out before a parser sees them; a module
//! in which nothing can be found is not read at all. What is in doubt is kept: a name means every function, macro and
//! object of the module that bears it, and a finding needs
//!
//! - what runs under the loader lock, down to a call that has no place there; or
//! - a call of the thread pool, and who leads to it; or
//! - a call that frees a module, in a module that has a handle of itself; or
//! - a function that takes a lock and something further that takes another,
//!
//! and round these the functions that tell what their objects, locks and flags are. `--no-index` keeps all.

mod bits;
mod declarations;
mod graph;
mod narrowed;
mod outside;
mod read_of;
mod seeds;

use crate::api::Api;
use crate::index::{Facts, FunctionFact};
use crate::module::imports::{Exports, with_imports};
use crate::module::{Kind, Module};
use crate::source::{FileId, Lang, Sources};
use graph::{Graph, is_loaders};
pub use narrowed::narrowed;
use outside::Outside;
pub use outside::files_in_c;
use rayon::prelude::*;
pub use read_of::{KnownNames, read_of};
use seeds::{Tree, category};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, OnceLock};

/// Function bodies that are shorter than this are kept where something that is kept calls them: what they give back or
/// set is cheaper to read than to guess. Bytes.
const SMALL: usize = 400;

/// What has to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// By module: whether anything can be found in it.
    #[serde(with = "bits")]
    modules: Vec<bool>,
    /// By file; `None`: all of it.
    kept: Vec<Option<Kept>>,
    /// By file: what `files_in_c` said.
    #[serde(with = "bits")]
    is_c: Vec<bool>,
    /// By module: the DLLs that its code under the loader lock may call. Of a choice that was kept this is not known: it
    /// only tells for how long what is lowered will be asked for.
    #[serde(skip)]
    called: Vec<Vec<usize>>,
}

/// The functions whose bodies a module needs; none where nothing can be found in it.
type Wanted = Option<Vec<(FileId, u32)>>;

/// What is read of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// By function: whether its body is.
    #[serde(with = "bits")]
    pub functions: Vec<bool>,
    /// `None`: everything besides bodies.
    outside: Option<Outside>,
}

impl Kept {
    /// The pieces of the file that are left out with all that stands in them, in their order. Bytes.
    pub fn left_out(
        &self,
        text: &str,
        lang: Lang,
        functions: &[FunctionFact],
    ) -> Vec<Range<usize>> {
        outside::left_out(text, lang, functions, self)
    }
}

/// A part of a tree: for a run that looks at some modules only.
pub struct Part<'p> {
    /// By module: whether it is asked about.
    pub modules: &'p [bool],
    /// By file: whether its words are there.
    pub files: &'p [bool],
    /// By file: what `files_in_c` says of the whole tree.
    pub is_c: &'p [bool],
    /// Modules whose words would have been needed: with them the answer is another one.
    pub missing: Mutex<BTreeSet<usize>>,
}

impl Demand {
    /// Everything.
    pub fn all(sources: &Sources, modules: &[Module]) -> Demand {
        Demand {
            modules: vec![true; modules.len()],
            kept: vec![None; sources.len()],
            is_c: vec![false; sources.len()],
            called: Vec::new(),
        }
    }

    /// What the rules can need. The names that decide about it are taken in, where somebody asks for them.
    #[allow(clippy::too_many_arguments)]
    pub fn select(
        sources: &Sources,
        facts: &[Facts],
        modules: &[Module],
        exports: &Exports,
        api: &Api,
        rules: &[&str],
        part: Option<&Part>,
        known: Option<&mut KnownNames>,
    ) -> Demand {
        // What starts threads matters by itself to one rule only.
        let asks_for_threads = rules.is_empty() || rules.contains(&"thread_without_module_ref");
        let is_c = match part {
            Some(part) => part.is_c.to_vec(),
            None => files_in_c(sources, facts, api, modules),
        };
        let tree = Tree::new(sources, facts, api, &is_c);
        if let Some(known) = known {
            let takers = tree.takers();
            known.add(&tree.dictionary, |word| takers[word as usize]);
        }
        let blocking: Vec<OnceLock<Vec<u32>>> = modules.iter().map(|_| OnceLock::new()).collect();
        let (wanted, called): (Vec<Wanted>, Vec<Vec<usize>>) = modules
            .par_iter()
            .enumerate()
            .map(|(number, module)| {
                if part.is_some_and(|part| !part.modules[number])
                    || !may_matter(&tree, module, asks_for_threads)
                {
                    return (None, Vec::new());
                }
                let graph = Graph::new(&tree, module);
                let called = if module.kind == Kind::Dll {
                    providers(&tree, modules, &blocking, exports, module, &graph, part)
                } else {
                    Vec::new()
                };
                if called.is_empty() {
                    return (select_in(module, &graph, asks_for_threads), called);
                }
                let providers: Vec<&Module> =
                    called.iter().map(|&number| &modules[number]).collect();
                let extended = with_imports(module, &providers);
                let graph = Graph::new(&tree, &extended);
                (select_in(&extended, &graph, asks_for_threads), called)
            })
            .unzip();
        let mut kept: Vec<Option<Kept>> = facts
            .iter()
            .map(|facts| {
                Some(Kept {
                    functions: vec![false; facts.functions.len()],
                    outside: None,
                })
            })
            .collect();
        for &(file, function) in wanted.iter().flatten().flatten() {
            if let Some(kept) = &mut kept[file.0 as usize] {
                kept.functions[function as usize] = true;
            }
        }
        outside::select(&tree, &is_c, &mut kept);
        Demand {
            modules: wanted.iter().map(Option::is_some).collect(),
            kept,
            is_c,
            called,
        }
    }

    /// Reads what another one reads, too, of files whose functions are as many, or are not known here.
    pub fn join(&mut self, other: &Demand) {
        for (kept, others) in self.kept.iter_mut().zip(&other.kept) {
            match (kept, others) {
                (Some(kept), Some(others)) if kept.functions.len() == others.functions.len() => {
                    let functions = kept.functions.iter_mut().zip(&others.functions);
                    for (kept, others) in functions {
                        *kept |= others;
                    }
                    match (&mut kept.outside, &others.outside) {
                        (Some(kept), Some(others)) => kept.join(others),
                        (kept, _) => *kept = None,
                    }
                }
                (Some(kept), others) if kept.functions.is_empty() => {
                    *kept = others.clone().unwrap_or_default()
                }
                _ => {}
            }
        }
    }

    /// Knows nothing of a file's functions.
    pub fn forget(&mut self, file: FileId) {
        self.kept[file.0 as usize] = Some(Kept::default());
    }

    /// Whether anything can be found in a module.
    pub fn wants(&self, module: usize) -> bool {
        self.modules[module]
    }

    /// The DLLs that a module's code under the loader lock may call, by number, as far as that is known.
    pub fn called(&self, module: usize) -> &[usize] {
        self.called.get(module).map_or(&[], Vec::as_slice)
    }

    /// What `files_in_c` said when this was chosen.
    pub fn is_c(&self) -> &[bool] {
        &self.is_c
    }

    /// Whether this speaks of as many modules and files.
    pub fn is_of(&self, modules: usize, files: usize) -> bool {
        self.modules.len() == modules && self.kept.len() == files
    }

    /// What is read of a file; `None`: all.
    pub fn kept(&self, file: FileId) -> Option<&Kept> {
        self.kept[file.0 as usize].as_ref()
    }
}

/// Whether a module can have findings at all, told by what its files mention.
fn may_matter(tree: &Tree, module: &Module, asks_for_threads: bool) -> bool {
    use category::*;
    let all = module.files();
    let files = || all.iter();
    let bits = files().fold(0, |bits, file| {
        bits | tree.files[file.0 as usize].categories
    });
    // A lock that is made by hand is taken with an exchange.
    let bits = match bits & EXCHANGE {
        0 => bits,
        _ => bits | LOADER | ACQUIRE,
    };
    // So is a mutex, by waiting for it.
    let bits = match makes_mutexes(tree, module) {
        false => bits,
        true => bits | ACQUIRE,
    };
    let may_be_dll = module.kind != Kind::Exe;
    let has_classes = module
        .sources
        .iter()
        .any(|&file| tree.sources.file(file).lang == Some(Lang::Cpp));
    let has_entries = !module.entry_names.is_empty()
        || bits & (ATEXIT | ENTRY | SECTION) != 0
        || (bits & STATIC != 0
            && files().any(|&file| tree.sources.file(file).lang == Some(Lang::Rust)))
        || files().any(|&file| {
            let facts = &tree.facts[file.0 as usize];
            !facts.entry_macros.is_empty() || facts.entries.iter().any(is_loaders)
        })
        || has_classes;
    (has_entries && (bits & LOADER != 0 || module.kind == Kind::Dll))
        || (has_classes && bits & TYPE != 0)
        || bits & POOL != 0
        || bits & ACQUIRE != 0
        || (may_be_dll && bits & UNREF != 0 && (has_entries || bits & REF != 0))
        || (may_be_dll && asks_for_threads && bits & SPAWN != 0)
}

/// Whether a module's own sources make mutexes. A header that does is read by many that have nothing to do with it.
fn makes_mutexes(tree: &Tree, module: &Module) -> bool {
    let mut own = module.sources.iter();
    own.any(|file| tree.files[file.0 as usize].categories & category::MUTEX != 0)
}

/// The DLLs of the tree that code of the module under the loader lock may call, and that may block then, by number.
fn providers(
    tree: &Tree,
    modules: &[Module],
    blocking: &[OnceLock<Vec<u32>>],
    exports: &Exports,
    module: &Module,
    graph: &Graph,
    part: Option<&Part>,
) -> Vec<usize> {
    let under_lock = graph.reached_from(&graph.loader_entries());
    let mut found: Vec<usize> = Vec::new();
    for word in graph.unknown_words(&under_lock) {
        let Some(name) = tree.function_name(word).filter(|name| exports.knows(name)) else {
            continue;
        };
        let declared_in: Vec<FileId> = graph
            .files
            .iter()
            .copied()
            .filter(|&file| tree.files[file.0 as usize].mentions_outside(word))
            .collect();
        let Some(provider) = exports.provider(modules, module, name, &declared_in) else {
            continue;
        };
        let number = modules
            .iter()
            .position(|other| std::ptr::eq(other, provider))
            .unwrap_or_default();
        if let Some(part) = part
            && provider
                .files()
                .iter()
                .any(|file| !part.files[file.0 as usize])
        {
            let missing = part.missing.lock();
            missing
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(number);
            continue;
        }
        let blocks = blocking[number]
            .get_or_init(|| Graph::new(tree, provider).names_leading_to(category::LOADER))
            .binary_search(&word)
            .is_ok();
        if blocks && !found.contains(&number) {
            found.push(number);
        }
    }
    found
}

/// The functions of a module whose bodies matter; `None` where nothing can be found.
fn select_in(module: &Module, graph: &Graph, asks_for_threads: bool) -> Wanted {
    use category::*;
    let mut core = graph.none();
    let may_be_dll = module.kind != Kind::Exe;
    let bits = graph.all_direct();
    // Under the loader lock.
    let entries = graph.loader_entries();
    let under_lock = graph.reached_from(&entries);
    let blocking = graph.leading_within(LOADER, &under_lock);
    graph.add(&mut core, &blocking);
    graph.add(&mut core, &graph.static_holders(&blocking));
    let has_objects = graph.has_blocking_objects();
    // The thread pool.
    if bits & POOL != 0 {
        graph.add(&mut core, &graph.leading_to(POOL));
    }
    let guarded = core.clone();
    // The module's own end.
    if may_be_dll && bits & UNREF != 0 {
        graph.add(&mut core, &graph.callers_of(&graph.own_frees()));
    }
    if may_be_dll && asks_for_threads && bits & SPAWN != 0 {
        graph.add(&mut core, &graph.leading_to(SPAWN));
    }
    // Two locks.
    let (mut holders, mut nested) = (graph.none(), graph.none());
    // A program that starts no thread, and has nothing that runs at its end, has one only.
    let starts = SPAWN | POOL | ATEXIT | ENTRY;
    let has_threads = may_be_dll
        || graph.has_static_destructors()
        || entries.contains(&true)
        || (bits & starts != 0 && (!graph.has_classes() || graph.may_run_on_threads()));
    if bits & ACQUIRE != 0 && has_threads {
        (holders, nested) = graph.nested_locks();
    }
    let ends = core.contains(&true);
    if !has_objects && !ends && !nested.contains(&true) {
        return None;
    }
    // What keeps the module loaded.
    graph.add(&mut core, &graph.leading_within(OWN, &under_lock));
    let mut kept = core.clone();
    graph.add(&mut kept, &nested);
    if !may_be_dll && nested.contains(&true) {
        // Whether a program has threads at all is for those to say who start them.
        graph.add(&mut kept, &graph.leading_to(SPAWN | POOL | ATEXIT));
    }
    // What deals with the same objects: it names a member or a static that such a call names, and does something to
    // handles or locks. In C an object is a member or a static; else it may be in the hands of anything that calls the
    // system.
    let dealing = if graph.has_classes() { LOADER } else { BLOCKS };
    let calls = graph
        .select(|node| core[node] && graph.direct(node) & (dealing | POOL | UNREF | SPAWN) != 0);
    let objects = graph.state_of(&calls);
    let locks = graph.select(|node| blocking[node] && graph.direct(node) & ACQUIRE != 0);
    let lock_words = graph.state_of(&locks);
    // Whether a short function that only passes such a call on has other callers, too, decides where it is reported.
    let wrappers = graph.select(|node| {
        blocking[node] && graph.direct(node) & LOADER != 0 && graph.size(node) < SMALL
    });
    graph.add_direct_callers(&mut kept, &wrappers);
    // What is waited for with a lock held is another lock where it is made as a mutex.
    let waited = graph.state_of(&nested);
    let mutexes =
        graph.select(|node| graph.direct(node) & MUTEX != 0 && graph.mentions_any(node, &waited));
    graph.add(&mut kept, &mutexes);
    let asking = graph.leading_to(ASKS);
    let mut takers = graph.none();
    if locks.contains(&true) {
        // A lock that a callee takes for it.
        let holding = graph.holding_through_others();
        takers = graph.select(|node| asking[node] && holding[node]);
        graph.add(&mut kept, &takers);
        graph.add(&mut kept, &graph.named_leaving(&takers));
    }
    for node in graph.nodes() {
        let direct = graph.direct(node);
        if direct & ACQUIRE != 0 && graph.mentions_any(node, &lock_words) {
            kept[node] = true;
            takers[node] |= asking[node];
        }
        if (direct & (SPAWN | ATEXIT | OWN) != 0 && (ends || has_objects))
            || (direct & (HANDLE | ACQUIRE | REF | UNREF | POOL | dealing) != 0
                && graph.mentions_any(node, &objects))
        {
            kept[node] = true;
        }
    }
    if asks_for_threads {
        // Who leads to a wait for a thread decides whether it comes in time.
        let waits = graph
            .select(|node| graph.direct(node) & LOADER != 0 && graph.mentions_any(node, &objects));
        graph.add(&mut kept, &graph.callers_of(&waits));
        // What hands a thread's handle to somebody unknown under the loader lock may wait for it.
        let spawning = graph.select(|node| graph.direct(node) & SPAWN != 0);
        let handles = graph.state_of(&spawning);
        for node in graph.nodes() {
            kept[node] |= under_lock[node] && graph.mentions_any(node, &handles);
        }
    }
    graph.add(&mut kept, &graph.callers_of(&takers));
    graph.add_callees(&mut takers, |node| asking[node], usize::MAX);
    graph.add(&mut kept, &takers);
    // Who sets the members and statics that they ask.
    let pool = graph.select(|node| core[node] && graph.direct(node) & POOL != 0);
    let mut asked = graph.statics_of(&guarded);
    asked.add(&graph.state_of(&pool));
    let writers = graph.select(|node| graph.writes_any(node, &asked));
    graph.add(&mut kept, &writers);
    // What such a one is handed comes from its callers.
    let mut handing = graph.none();
    graph.add_direct_callers(&mut handing, &writers);
    for node in graph.nodes() {
        kept[node] |= handing[node] && graph.direct(node) & (HANDLE | REF | SPAWN | POOL) != 0;
    }
    // What they call, as far as it does anything that counts or is short.
    let stops = graph.never_returning();
    let counting = match (graph.has_classes(), may_be_dll) {
        (true, _) => POOL | UNREF | ASKS,
        (false, true) => POOL | UNREF,
        (false, false) => POOL,
    };
    let is_read_anyway = |node: usize| graph.has_classes() && graph.size(node) < SMALL;
    let effects = graph.select(|node| {
        let direct = graph.direct(node);
        direct & counting != 0
            || stops[node]
            || (direct & dealing != 0
                && (blocking[node] || is_read_anyway(node) || graph.mentions_any(node, &objects)))
    });
    let effects = graph.callers_of(&effects);
    graph.add_callees(&mut core, |node| effects[node], 32);
    // How a thread or a callback ends is shown, whatever it does.
    let starts =
        graph.select(|node| (core[node] || kept[node]) && graph.direct(node) & (SPAWN | POOL) != 0);
    graph.add_named(&mut kept, &starts);
    // Whether they ever begin is for those to say who lead there.
    graph.add(&mut kept, &graph.callers_of(&starts));
    graph.add_callees(&mut nested, |node| stops[node], 32);
    graph.add(&mut core, &nested);
    graph.add_callees(&mut core, |node| graph.size(node) < SMALL, 2);
    graph.add(&mut kept, &core);
    graph.add(&mut kept, &graph.constructors_of(&core));
    // How others get to where two locks are taken, and whether one is held on the way, is for all callers to say.
    graph.add(&mut kept, &graph.callers_of(&holders));
    // What ends the process ends the way of whoever calls it.
    graph.add_callees(&mut kept, |node| stops[node], 32);
    Some(graph.functions_in(&kept))
}
