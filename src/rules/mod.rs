//! The rules: the list, their pages, and how a rule adds a finding.
//!
//! In come the engines' answers on one program, out go `Diagnostic`s. A rule is a query on an engine (`reach`, `flow`);
//! where it needs more than that, an engine lacks a question. Wording stands here and in `rules/*.md` only. Each file
//! beside this one is a rule, of the same stem as its page; what serves several has a folder.

pub mod page;
mod remedy;
pub mod timings;

use crate::api::{Effect, PoolObject};
use crate::diagnostic::{Diagnostic, Fix, Label, Level, Role};
use crate::entry::{self, Contexts, Entries, Entry, EntryKind, Runs};
use crate::flow::Flow;
use crate::flow::rearm::{self, Rearm};
use crate::ir::{Callee, StmtKind, Value};
use crate::locks::Locks;
use crate::module::Kind;
use crate::program::endings::Ending;
use crate::program::origin::Origins;
use crate::program::{CallEffect, FnId, Key, Program, Site, TypeId};
use crate::reach::blocking::Handles;
use crate::reach::once::Once;
use crate::reach::{self, Abstract, Walk, beginning, idle};
use crate::rules::timings::{Stage, Timings};
use crate::source::{FileId, Span};
use crate::syntax::c::places::Statements;
pub use page::Page;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

mod callback_without_module_ref;
mod close_threadpool_without_wait;
mod costly_callback_library;
mod exit_thread_in_callback;
mod forbidden_call_in_dll_main;
mod free_context_in_callback;
mod free_library_in_callback;
mod free_library_then_return;
mod incomplete_rearm_teardown;
mod keeps_loaded;
mod lock_order_inversion;
mod lock_under_loader_lock;
mod racy_module_refcount_proxy;
mod terminate_thread_at_unload;
mod thread_without_module_ref;
mod unguarded_rearm;
mod use_after_close_threadpool;
mod wait_in_dll_main;
mod wait_in_own_callback;
mod wait_in_static_destructor;
mod wait_while_holding_callback_lock;
mod wait_without_cancel;
mod waiting;

/// What a finding says, as a note of its own, in a module that nothing tells to be a DLL.
pub const NO_DLL: &str =
    "nothing tells whether these sources make up a DLL; in a program there is no hazard";

/// A rule of the catalogue.
pub struct Rule {
    pub name: &'static str,
    /// The text of its page, front matter included.
    pub page: &'static str,
    pub check: fn(&Engines, &mut Findings),
}

macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        /// All rules, by name.
        pub static RULES: &[Rule] = &[$(Rule {
            name: stringify!($name),
            page: include_str!(concat!("../../rules/", stringify!($name), ".md")),
            check: $name::check,
        }),*];
    };
}

rules![
    callback_without_module_ref,
    close_threadpool_without_wait,
    costly_callback_library,
    exit_thread_in_callback,
    forbidden_call_in_dll_main,
    free_context_in_callback,
    free_library_in_callback,
    free_library_then_return,
    incomplete_rearm_teardown,
    lock_order_inversion,
    lock_under_loader_lock,
    racy_module_refcount_proxy,
    terminate_thread_at_unload,
    thread_without_module_ref,
    unguarded_rearm,
    use_after_close_threadpool,
    wait_in_dll_main,
    wait_in_own_callback,
    wait_in_static_destructor,
    wait_while_holding_callback_lock,
    wait_without_cancel,
];

/// The engines of one program, each run once for all rules.
pub struct Engines<'p, 'a> {
    pub program: &'p Program<'a>,
    timings: &'p Timings,
    pub entries: Vec<Entry>,
    pub flow: Flow<'p, 'a>,
    pub origins: Origins<'p, 'a>,
    pub handles: Handles,
    pub locks: Locks<'p, 'a>,
    pub once: Once,
    /// What DllMain finds out about the contexts and keeps in statics.
    facts: BTreeMap<Key, Abstract>,
    /// What DllMain's detach tells the destructors that run after it; where there are several, what all of them do.
    told: BTreeMap<Key, Abstract>,
    walks: Vec<OnceLock<Walk>>,
    rearms: OnceLock<Vec<Rearm>>,
    frees_itself: OnceLock<bool>,
    /// The file that a remedy was last written for.
    statements: RefCell<Option<(FileId, Rc<Statements>)>>,
}

/// How many calls of a call path are shown. Of a longer one the middle is left out, and a step says so.
const MOST_STEPS: usize = 64;

/// From so many calls below its entry on, a finding is a note.
const FAR: usize = 6;

/// How often DllMain is walked again until nothing that it runs contradicts what its statics are taken to be.
const MOST_ROUNDS: usize = 4;

impl<'p, 'a> Engines<'p, 'a> {
    pub fn new(program: &'p Program<'a>, timings: &'p Timings) -> Self {
        let Entries {
            all: entries,
            seeds,
        } = timings.time(Stage::Entries, || entry::find(program));
        let flow = timings.time(Stage::Flow, || Flow::new(program));
        let origins = Origins::new(program, seeds);
        let mut handles = Handles::collect(program, &flow);
        let locks = timings.time(Stage::Locks, || Locks::new(program, &handles));
        let once = Once::of(program);
        let walks: Vec<OnceLock<Walk>> = entries.iter().map(|_| OnceLock::new()).collect();
        let mut facts = BTreeMap::new();
        let mut told: Option<BTreeMap<Key, Abstract>> = None;
        let run = |entry: &Entry, initial: &Arc<BTreeMap<Key, Abstract>>| {
            timings.time(Stage::Walks, || {
                let watches = |id| locks.passes_on(id);
                reach::from(program, entry, &BTreeMap::new(), initial, &watches, &once)
            })
        };
        // What the loader calls is walked once to see what runs at attach, and again with what statics are until then.
        let mut first: Vec<(usize, Walk)> = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.kind == EntryKind::DllMain)
            .map(|(number, entry)| (number, run(entry, &Arc::default())))
            .collect();
        let seen = |walks: &[(usize, Walk)]| {
            let walks: Vec<&Walk> = walks.iter().map(|(_, walk)| walk).collect();
            beginning::first_values(program, &walks)
        };
        let forget = |values: &mut BTreeMap<Key, Abstract>, walks: &[(usize, Walk)]| {
            let walks: Vec<&Walk> = walks.iter().map(|(_, walk)| walk).collect();
            beginning::forget_set(program, values, &walks)
        };
        let mut values = seen(&first);
        // Initializers run before; what they set is not known any more.
        if !values.is_empty() {
            let before: Vec<(usize, Walk)> = entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.kind.is_dll_main() && entry.kind != EntryKind::DllMain)
                .map(|(number, entry)| (number, run(entry, &Arc::default())))
                .collect();
            forget(&mut values, &before);
            for (number, walk) in before {
                let _ = walks[number].set(walk);
            }
        }
        for round in 0..=MOST_ROUNDS {
            if round == MOST_ROUNDS {
                // What nothing sets, whatever statics are.
                forget(&mut values, &first);
            }
            if values.is_empty() {
                break;
            }
            let initial = Arc::new(values.clone());
            let again: Vec<(usize, Walk)> = first
                .iter()
                .map(|(number, _)| (*number, run(&entries[*number], &initial)))
                .collect();
            if !forget(&mut values, &again) {
                first = again;
                break;
            }
        }
        for (number, walk) in first {
            let _ = walks[number].set(walk);
        }
        for (entry, walk) in entries.iter().zip(&walks) {
            if let Some(walk) = walk.get().filter(|_| entry.kind == EntryKind::DllMain) {
                handles.find_pin(&flow, entry, walk, &origins);
                // A static that only DllMain sets to what it learns from lpReserved tells the destructors the same.
                let learned = walk
                    .facts
                    .iter()
                    .filter(|(_, value)| matches!(value, Abstract::Truth(_)));
                facts.extend(learned.map(|(key, value)| (key.clone(), value.clone())));
                if let Some(here) = reach::told_at_detach(program, entry) {
                    told = Some(match told {
                        None => here,
                        Some(before) => reach::agreed(&before, &here),
                    });
                }
            }
        }
        Engines {
            program,
            timings,
            entries,
            flow,
            origins,
            handles,
            locks,
            once,
            facts,
            told: told.unwrap_or_default(),
            walks,
            rearms: OnceLock::new(),
            frees_itself: OnceLock::new(),
            statements: RefCell::new(None),
        }
    }

    /// What an entry reaches.
    pub fn walk(&self, entry: usize) -> &Walk {
        self.walks[entry].get_or_init(|| {
            self.timings
                .time(Stage::Walks, || self.walk_from(&self.entries[entry]))
        })
    }

    fn walk_from(&self, entry: &Entry) -> Walk {
        let mut facts = match entry.kind {
            EntryKind::StaticDestructor | EntryKind::AtExit => self.told.clone(),
            _ => BTreeMap::new(),
        };
        facts.extend(self.facts.clone());
        facts.extend(beginning::of_entry(self.program, entry));
        let watches = |id| self.locks.passes_on(id);
        let mut walk = reach::from(
            self.program,
            entry,
            &facts,
            &Arc::default(),
            &watches,
            &self.once,
        );
        idle::drop_idle(self.program, &self.flow, entry, &mut walk);
        walk
    }

    /// The calls in callbacks that arm the callback's own object again.
    pub fn rearms(&self) -> &[Rearm] {
        self.rearms
            .get_or_init(|| rearm::find(&self.flow, &self.entries, |entry| self.walk(entry)))
    }

    /// The callbacks of thread pool objects: the number of the entry, the kind, the function, and where the object is made.
    pub fn pool_callbacks(
        &self,
    ) -> impl Iterator<Item = (usize, PoolObject, FnId, &crate::flow::PoolSite)> {
        self.entries
            .iter()
            .enumerate()
            .filter_map(|(number, entry)| {
                let (EntryKind::PoolCallback(kind), Runs::Function(callback), Some(start)) =
                    (entry.kind, &entry.runs, entry.registered)
                else {
                    return None;
                };
                let made = self.flow.pool.iter().find(|made| made.site == start)?;
                Some((number, kind, *callback, made))
            })
    }

    /// Whether a call turns off what signals a wait object.
    pub fn turns_source_off(&self, site: Site) -> bool {
        self.program.call(site).is_some_and(|call| {
            call.effects.iter().any(|effect| {
                matches!(effect.effect(), Effect::SourceOff)
                    && effect.when().is_none_or(|when| {
                        self.program
                            .argument(site, when.arg)
                            .and_then(|value| self.program.constant(site.function, value))
                            .map_or(Abstract::Unknown, Abstract::from)
                            .meets(when.is, when.flag)
                    })
            })
        })
    }

    /// The entries of some kinds, each with its number.
    pub fn entries_of(
        &self,
        wanted: impl Fn(EntryKind) -> bool,
    ) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries
            .iter()
            .enumerate()
            .filter(move |(_, entry)| wanted(entry.kind))
    }

    /// Why a finding is a note that stands far below its entry. On so long a way there are conditions which nothing
    /// decides and which have to hold all together: of the findings on real code that were read, five in six were wrong.
    pub fn far(&self, entry: usize, path: &[(usize, Site)]) -> Option<String> {
        let walk = self.walk(entry);
        let calls = path
            .iter()
            .filter(|(node, _)| {
                self.program.function(walk.nodes[*node].function).kind
                    != crate::ir::FunctionKind::Macro
            })
            .count();
        (calls >= FAR).then(|| {
            format!(
                "{calls} calls lead from {} to this place: it is reached only where each condition on the way holds",
                self.entries[entry].name
            )
        })
    }

    /// The steps from an entry to a node of its walk, in execution order.
    pub fn steps(&self, entry: usize, node: Option<usize>) -> Vec<Label> {
        match node {
            Some(node) => self.steps_along(entry, &self.walk(entry).path(node)),
            None => self.steps_along(entry, &[]),
        }
    }

    /// The steps along calls of an entry's walk, each with the node that it leads to.
    pub fn steps_along(&self, entry: usize, path: &[(usize, Site)]) -> Vec<Label> {
        let mut steps = vec![self.entry_step(&self.entries[entry], self.entries[entry].contexts)];
        steps.extend(self.member_steps(&self.entries[entry]));
        let walk = self.walk(entry);
        let left_out = path.len().saturating_sub(MOST_STEPS);
        let shown = path.iter().enumerate();
        for (number, &(node, site)) in shown
            .clone()
            .take(MOST_STEPS / 2)
            .chain(shown.skip(MOST_STEPS / 2 + left_out))
        {
            let reached = &walk.nodes[node];
            let mut step = self.call_step(site, reached.function, reached.note.as_deref());
            // In which of DllMain's contexts: told once, where DllMain makes the call.
            if number == 0 && self.entries[entry].reason.is_some() {
                step.message.push(' ');
                step.message.push_str(reached.state.contexts.describe());
            }
            if left_out > 0 && number == MOST_STEPS / 2 + left_out {
                let message = format!("{left_out} calls further down: {}", step.message);
                step.message = message;
            }
            steps.push(step);
        }
        steps
    }

    /// The members of a static whose end runs what the entry stands for, from the outermost inward: where nobody has
    /// written a destructor, they are the way there.
    fn member_steps(&self, entry: &Entry) -> Vec<Label> {
        let program = self.program;
        let (true, Some(object)) = (entry.kind.is_destructor(), entry.object) else {
            return Vec::new();
        };
        let Some(text) = entry::static_type(program, object) else {
            return Vec::new();
        };
        let wanted = |ending: &Ending| match &entry.runs {
            Runs::Function(function) => ending
                .targets
                .iter()
                .any(|target| target.function == *function),
            Runs::Effect(effect) => has_effect(ending, effect),
        };
        let members = program.ending_members(&text, program.static_unit(object), &wanted);
        let runs = match &entry.runs {
            Runs::Function(function) => Some(*function),
            Runs::Effect(_) => None,
        };
        self.ended_members(&members, runs)
    }

    /// The members that lead to what a library's destructor does where a statement ends an object: `delete p` of a class
    /// without a written destructor.
    pub fn member_steps_at(&self, site: Site, effect: &CallEffect) -> Vec<Label> {
        let program = self.program;
        if !matches!(effect, CallEffect::Type(..)) {
            return Vec::new();
        }
        let typed = match &program.function(site.function).stmt(site.stmt).kind {
            StmtKind::Drop { place, type_text } => {
                if crate::program::types::is_inferred(type_text) {
                    program.type_of_place(site.function, place)
                } else {
                    let unit = program.unit_number(site.function);
                    Some((type_text.to_string(), unit))
                }
            }
            StmtKind::Call {
                callee: Callee::Named(name),
                args,
            } if name.starts_with("delete") => args
                .first()
                .and_then(Value::place)
                .and_then(|place| program.type_of_place(site.function, &place)),
            _ => None,
        };
        let Some((text, unit)) = typed else {
            return Vec::new();
        };
        let text = text.trim_end_matches([' ', '*', '&']);
        let members = program.ending_members(text, unit, &|ending| has_effect(ending, effect));
        self.ended_members(&members, None)
    }

    /// A step for each member that ends; the last one says what that runs.
    fn ended_members(&self, members: &[(TypeId, usize)], runs: Option<FnId>) -> Vec<Label> {
        let program = self.program;
        let last = members.len().saturating_sub(1);
        members
            .iter()
            .enumerate()
            .map(|(number, &(class, index))| {
                let field = &program.type_def(class).fields[index];
                let name = &field.name;
                let message = match runs {
                    Some(function) if number == last => format!(
                        "its member `{name}` ends, which runs {}",
                        program.describe(function)
                    ),
                    None if number == last => {
                        format!("its member `{name}` ends, a `{}`", field.type_text)
                    }
                    _ => format!("its member `{name}` ends"),
                };
                outer_label(field.span, message, Role::Step)
            })
            .collect()
    }

    /// Who calls an entry, and when: in these of its contexts.
    pub fn entry_step(&self, entry: &Entry, contexts: Contexts) -> Label {
        let when = if contexts.has(Contexts::UNLOAD) && contexts.has(Contexts::PROCESS_EXIT) {
            "when the DLL is unloaded or the process exits"
        } else if contexts.has(Contexts::PROCESS_EXIT) {
            "when the process exits"
        } else {
            "when the DLL is unloaded"
        };
        let message = match entry.kind {
            EntryKind::DllMain => {
                format!("the loader calls {} with the loader lock held", entry.name)
            }
            EntryKind::TlsCallback => format!(
                "the loader calls {} as a TLS callback, with the loader lock held",
                entry.name
            ),
            EntryKind::StaticInitializer if entry.object.is_none() => format!(
                "{} runs while the DLL is loaded, with the loader lock held",
                entry.name
            ),
            EntryKind::StaticInitializer => format!(
                "{} is initialized while the DLL is loaded, with the loader lock held",
                entry.name
            ),
            EntryKind::StaticDestructor => {
                format!(
                    "{} is destroyed {when}, with the loader lock held",
                    entry.name
                )
            }
            // `__cxa_thread_atexit` destroys nothing itself.
            EntryKind::ThreadLocalDestructor if entry.object.is_none() => format!(
                "{} runs when a thread ends, with the loader lock held",
                entry.name
            ),
            EntryKind::ThreadLocalDestructor => format!(
                "{} is destroyed when a thread ends, with the loader lock held",
                entry.name
            ),
            EntryKind::AtExit => {
                format!("{} runs {when}, with the loader lock held", entry.name)
            }
            EntryKind::ThreadProcedure(_) => format!("{} runs on a thread of its own", entry.name),
            EntryKind::PoolCallback(_) | EntryKind::PoolTask => format!(
                "{} runs as a callback on a thread of the thread pool",
                entry.name
            ),
        };
        Label {
            span: entry.span,
            message,
            role: Role::Step,
            flow: 0,
            function: String::new(),
        }
    }

    /// The step of a call on a path that no walk has made: a method that is not of the object's written type says so.
    fn step_on_way(&self, site: Site, callee: FnId) -> Label {
        let mut targets = self
            .program
            .call(site)
            .into_iter()
            .flat_map(|call| &call.targets);
        let note = match targets.find(|target| target.function == callee) {
            Some(target) => target.note.clone(),
            None => {
                let overrides = self.program.calls_of_overridden(callee).contains(&site);
                let owner = self.program.owner(callee).filter(|_| overrides);
                owner.map(|owner| self.program.note_of_class(owner))
            }
        };
        self.call_step(site, callee, note.as_deref())
    }

    fn call_step(&self, site: Site, callee: FnId, note: Option<&str>) -> Label {
        let caller = self.program.describe(site.function);
        let called = self.program.describe(callee);
        let destroys = matches!(
            self.program.function(callee).kind,
            crate::ir::FunctionKind::Dtor | crate::ir::FunctionKind::Drop
        );
        let verb = if destroys {
            "ends an object, which runs"
        } else {
            "calls"
        };
        let mut message = format!("{caller} {verb} {called}");
        if let Some(note) = note {
            message.push_str(&format!(" {note}"));
        }
        self.label(site, message, Role::Step)
    }

    /// A label at a statement.
    pub fn label(&self, site: Site, message: impl Into<String>, role: Role) -> Label {
        Label {
            span: self.program.stmt_span(site),
            message: message.into(),
            role,
            flow: 0,
            function: self.program.function(site.function).qualified_name(),
        }
    }

    /// Where the label of a call stands that a path leads to: at the call itself, or, where it stands in a helper that
    /// others call too, at the call of the helper. `concerned` says which calls of the helper have the hazard.
    pub fn labelled(
        &self,
        path: &[(usize, Site)],
        site: Site,
        concerned: impl Fn(Site) -> bool,
    ) -> Site {
        let mut place = site;
        for (_, call) in path.iter().rev() {
            if self.program.function(place.function).kind != crate::ir::FunctionKind::Macro
                && self
                    .program
                    .callers(place.function)
                    .iter()
                    .all(|&caller| concerned(caller))
            {
                break;
            }
            place = *call;
        }
        place
    }

    /// The name of what a statement calls, without its path: `WaitForSingleObject`.
    pub fn callee(&self, site: Site) -> String {
        self.program.call(site).map_or_else(String::new, |call| {
            crate::api::last_segment(&crate::program::types::split_template(&call.name).0)
                .to_string()
        })
    }

    /// The same, with the type or module before a word that says little by itself: `Library::new` and `thread::spawn`,
    /// but `LoadLibraryW` for `winapi::LoadLibraryW`.
    pub fn callee_in_full(&self, site: Site) -> String {
        let written = self.program.call(site).map(|call| {
            let name = crate::program::types::split_template(&call.name).0;
            crate::program::last_parts(&name, 2)
        });
        written
            .filter(|name| {
                crate::api::last_segment(name).starts_with(|first: char| first.is_lowercase())
            })
            .unwrap_or_else(|| self.callee(site))
    }

    /// Whether the module ends by its own will: its code gives back a reference that it has not taken itself.
    pub fn frees_itself(&self) -> bool {
        *self
            .frees_itself
            .get_or_init(|| free_library_then_return::frees_itself(self))
    }

    /// A DLL for certain, or a module that may be one: then every finding is a note.
    pub fn may_be_dll(&self) -> bool {
        self.program.module.kind != Kind::Exe
    }

    pub fn is_surely_dll(&self) -> bool {
        self.program.module.kind == Kind::Dll
    }
}

/// What the rules found in one module.
#[derive(Debug, Default)]
pub struct Findings {
    pub diagnostics: Vec<Diagnostic>,
}

/// A finding in the making.
#[derive(Debug)]
pub struct Finding {
    pub rule: &'static str,
    pub message: String,
    pub primary: Label,
    /// In execution order.
    pub steps: Vec<Label>,
    pub related: Vec<Label>,
    pub help: String,
    pub notes: Vec<String>,
    /// Real, but minor.
    pub minor: bool,
}

impl Findings {
    pub fn add(&mut self, finding: Finding) {
        self.add_with(finding, None);
    }

    /// Adds a finding with its remedy as edits.
    pub fn add_with(&mut self, finding: Finding, fix: Option<Fix>) {
        let mut labels = vec![Label {
            role: Role::Primary,
            ..finding.primary
        }];
        labels.extend(finding.steps);
        labels.extend(finding.related);
        self.diagnostics.push(Diagnostic {
            rule: finding.rule,
            level: if finding.minor {
                Level::Note
            } else {
                Level::Deny
            },
            message: finding.message,
            labels,
            help: finding.help,
            notes: finding.notes,
            fix,
        });
    }
}

/// What to write where a callback arms its own object again; in comes the call that disarms that.
pub(super) fn stop_rearming(disarm: &str) -> String {
    format!(
        "test a stop flag before arming again; in the teardown set the flag, wait for the callbacks, disarm with {disarm}, wait again, then close"
    )
}

/// Whether the end of an object does this by a library's destructor.
fn has_effect(ending: &Ending, effect: &CallEffect) -> bool {
    let by_itself = ending.effects.iter().map(|(effect, _)| effect);
    let started = ending.started.iter().map(|(effect, ..)| effect);
    by_itself
        .chain(started)
        .any(|other| other.effect() == effect.effect())
}

/// A label of a span that lies in no function.
pub fn outer_label(span: Span, message: impl Into<String>, role: Role) -> Label {
    Label {
        span,
        message: message.into(),
        role,
        flow: 0,
        function: String::new(),
    }
}

/// `and 3 more paths`, for findings that stand for several.
pub fn others(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("one more {what} leads here")),
        count => Some(format!("{count} more {what}s lead here")),
    }
}

/// A callback by its description, to go on a sentence with: `the callback `OnEnd``, `the callback (the lambda in `Run`)`.
pub fn the_callback(description: &str) -> String {
    if description.starts_with("the ") {
        format!("the callback ({description})")
    } else {
        format!("the callback {description}")
    }
}
