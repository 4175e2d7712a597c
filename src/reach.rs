//! Reach: what runs when an entry runs, on the same thread, and the shortest call path to it.
//!
//! In comes an entry, out comes a `Walk`: the functions that it reaches, each in a few states, and the calls with an
//! effect that run in them. A state is the contexts (reason code, `lpReserved`) that are left, what the parameters are,
//! and what is known of statics and `#if` conditions. Branches that a state rules out are not taken; what is passed to
//! another thread or kept for later is not entered. A function gets at most 64 states, then one that joins them.

pub mod beginning;
pub mod blocking;
mod body;
mod compared;
pub mod idle;
mod lent;
pub mod once;
mod state;

use body::read_by;
pub use body::{captures, default_params, environments, given_params, holds, transfer};
pub use state::{Abstract, Env, State, add_config, agreed};

use crate::api::{Effect, Predicate, is_for_ever};
use crate::entry::{Contexts, Entry, EntryKind, Runs};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, CallEffect, FnId, Key, KeyRoot, Meaning, Program, Site, TypeId};
use once::Once;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a wait lasts at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    Zero,
    /// Milliseconds.
    Finite(i64),
    /// Finite, but nobody knows how long.
    Bounded,
    Infinite,
    Unknown,
}

/// A function that runs, in one state.
#[derive(Debug)]
pub struct Node {
    pub function: FnId,
    pub state: State,
    /// The node and the call that led here; `None` for the entry itself.
    pub parent: Option<(usize, Site)>,
    /// What a reader must know about the call: `when the object is a `Sub``.
    pub note: Option<Name>,
}

/// A call with an effect that runs.
#[derive(Debug)]
pub struct Hit {
    /// Index in `Walk::nodes`; `None` where the entry is itself a library destructor.
    pub node: Option<usize>,
    pub site: Option<Site>,
    pub effect: CallEffect,
    /// The contexts in which it is reached.
    pub contexts: Contexts,
    /// For waits.
    pub timeout: Timeout,
    /// The open `#if` conditions that hold or do not hold here.
    pub config: BTreeMap<Name, bool>,
}

/// All that an entry reaches.
#[derive(Debug, Default)]
pub struct Walk {
    pub nodes: Vec<Node>,
    pub hits: Vec<Hit>,
    /// Calls of functions that were asked for, each time they run: with the node, the target, and the contexts.
    pub watched: Vec<(usize, Site, FnId, Contexts)>,
    /// Calls that nothing resolves: name and place.
    pub unresolved: Vec<(Name, Site)>,
    /// Further calls of functions that are already among the nodes in such a state: the node that calls, and where.
    pub repeated: Vec<(usize, Site, FnId)>,
    /// Statements, of what the loader calls, that give statics a value while process attach is possible.
    pub sets: BTreeSet<Site>,
    /// Statics that a run of the entry sets for certain, to what: `g_terminating = lpReserved != NULL`.
    pub facts: BTreeMap<Key, Abstract>,
}

const MOST_STATES: usize = 64;
const MOST_NODES: usize = 20_000;

/// Runs an entry. `facts` are known of statics before it runs, `initial` as long as only process attach is left; calls
/// of what `watches` names are listed one by one. What runs once has run before the teardown.
pub fn from(
    program: &Program,
    entry: &Entry,
    facts: &BTreeMap<Key, Abstract>,
    initial: &Arc<BTreeMap<Key, Abstract>>,
    watches: &dyn Fn(FnId) -> bool,
    once: &Once,
) -> Walk {
    let mut walk = Walk::default();
    let function = match &entry.runs {
        Runs::Function(function) => *function,
        Runs::Effect(effect) => {
            let timeout = match effect.effect() {
                Effect::Wait { bounded: true, .. } => Timeout::Bounded,
                _ => Timeout::Infinite,
            };
            walk.hits.push(Hit {
                node: None,
                site: None,
                effect: effect.clone(),
                contexts: entry.contexts,
                timeout,
                config: around_entry(program, entry).unwrap_or_default(),
            });
            return walk;
        }
    };
    let Some(config) = around_entry(program, entry) else {
        return walk;
    };
    let body = program.function(function);
    // An object that is declared without arguments.
    let is_by_default =
        entry.kind == EntryKind::StaticInitializer && body.kind == FunctionKind::Ctor;
    let mut params = match is_by_default {
        true => default_params(program, function),
        false => vec![Abstract::Unknown; body.params.len()],
    };
    if let Some(reason) = entry.reason {
        params[reason as usize] = Abstract::Reason;
    }
    if let Some(reserved) = entry.reserved {
        params[reserved as usize] = Abstract::Truth(Contexts::RESERVED);
    }
    let state = State {
        contexts: entry.contexts,
        params,
        captures: Vec::new(),
        statics: facts.clone(),
        shown: BTreeMap::new(),
        initial: initial.clone(),
        config,
        partial: program
            .is_constructing(function)
            .then(|| program.owner(function))
            .flatten(),
        under_loader_lock: entry.kind.is_dll_main() || entry.kind.is_destructor(),
    };
    let mut search = Search {
        program,
        entry,
        watches,
        once,
        walk: &mut walk,
        states: FxHashMap::default(),
        queue: VecDeque::new(),
    };
    search.enter(function, state, None, entry.note.clone());
    while let Some(node) = search.queue.pop_front() {
        search.run(node);
        if search.walk.nodes.len() > MOST_NODES {
            break;
        }
    }
    walk
}

/// What DllMain leaves statics with that tells the two ends of a DLL apart: `if (lpReserved) g_exiting = TRUE;`. The
/// destructors of statics run after it. Only statics count that nothing but DllMain sets. `None` for other entries: of
/// those that take DllMain's place the CRT's may run first.
pub fn told_at_detach(program: &Program, entry: &Entry) -> Option<BTreeMap<Key, Abstract>> {
    let (Runs::Function(function), Some(reason), Some(reserved)) =
        (&entry.runs, entry.reason, entry.reserved)
    else {
        return None;
    };
    if &*program.function(*function).name != "DllMain" {
        return None;
    }
    let ends = [Contexts::UNLOAD, Contexts::PROCESS_EXIT];
    let left: Vec<BTreeMap<Key, Abstract>> = ends
        .iter()
        .map(|&contexts| {
            let params = program.function(*function).params.len();
            let mut state = State::unknown(contexts, params);
            state.params[reason as usize] = Abstract::Reason;
            state.params[reserved as usize] = Abstract::Truth(Contexts::RESERVED);
            state.under_loader_lock = true;
            left_by(program, *function, environments(program, *function, &state))
        })
        .collect();
    let keys: BTreeSet<&Key> = left.iter().flat_map(BTreeMap::keys).collect();
    let mut told: BTreeMap<Key, Abstract> = keys
        .into_iter()
        .filter(|key| matches!(key.root, KeyRoot::Static(_)))
        .filter_map(|key| {
            let value = |index: usize| left[index].get(key).cloned().unwrap_or(Abstract::Unknown);
            let values = [(ends[0], value(0)), (ends[1], value(1))];
            Some((key.clone(), Abstract::told_by(&values)?))
        })
        .collect();
    if !told.is_empty() {
        for id in program.ids() {
            let sets_first =
                id == *function || program.function(id).kind == FunctionKind::Initializer;
            forget_handled(program, id, sets_first, &mut told);
        }
    }
    Some(told)
}

/// Forgets what a function sets, unless its assignments are known, and what it hands to somebody who may set it.
fn forget_handled(
    program: &Program,
    function: FnId,
    is_known: bool,
    told: &mut BTreeMap<Key, Abstract>,
) {
    let body = program.function(function);
    let refers = |text: &str| text.trim_end().ends_with('&');
    for (stmt, statement) in (0..).map(StmtId).zip(&body.stmts) {
        let site = Site { function, stmt };
        let mut handled: Vec<Place> = Vec::new();
        let mut hand_on = |value: &Value, by_reference: bool| match value {
            Value::AddressOf(place) => handled.push(place.clone()),
            Value::Place(place) if by_reference => handled.push(place.clone()),
            _ => {}
        };
        match &statement.kind {
            StmtKind::Assign { to, value } => {
                let is_reference = match to.root {
                    Root::Local(local) => body
                        .locals
                        .get(local as usize)
                        .is_some_and(|local| refers(&local.type_text)),
                    _ => false,
                };
                hand_on(value, is_reference);
                if !is_known {
                    handled.push(to.clone());
                }
            }
            StmtKind::Return { value: Some(value) } => {
                hand_on(value, refers(&body.return_type));
            }
            StmtKind::Call { callee, args } => {
                args.iter().for_each(|arg| hand_on(arg, true));
                if let Callee::Method { receiver, .. } = callee {
                    hand_on(receiver, true);
                }
                let read = program
                    .call(site)
                    .and_then(|call| read_by(program, site, call));
                handled.retain(|place| Some(place) != read.as_ref());
            }
            _ => continue,
        }
        for place in handled {
            if matches!(place.root, Root::Global(_))
                && let Some(key) = program.key(function, &place)
            {
                told.remove(&key);
            }
        }
    }
}

/// What is known of statics at all ends of a body.
fn left_by(
    program: &Program,
    function: FnId,
    at_start: Vec<Option<Env>>,
) -> BTreeMap<Key, Abstract> {
    let body = program.function(function);
    let ends = at_start.into_iter().enumerate().filter_map(|(block, env)| {
        let mut env = env?;
        let block = &body.blocks[block];
        let ended = block
            .stmts
            .iter()
            .any(|&stmt| transfer(program, function, stmt, &mut env));
        (!ended && block.next.is_empty()).then(|| env.statics().clone())
    });
    ends.reduce(|one, other| state::agreed(&one, &other))
        .unwrap_or_default()
}

/// The `#if` conditions without which there is no such entry: those around the static, and around the function that
/// registers it. `None` where they contradict each other.
fn around_entry(program: &Program, entry: &Entry) -> Option<BTreeMap<Name, bool>> {
    let object = entry
        .object
        .map_or(&[][..], |object| &program.static_def(object).when);
    let registered = entry
        .registered
        .map_or(&[][..], |site| &program.function(site.function).when);
    let mut config = BTreeMap::new();
    [object, registered]
        .into_iter()
        .all(|guards| state::add_config(&mut config, guards))
        .then_some(config)
}

impl Walk {
    /// The calls that lead to a node, from the entry on: each with the node that it leads to.
    pub fn path(&self, node: usize) -> Vec<(usize, Site)> {
        let mut path = Vec::new();
        let mut current = node;
        while let Some((parent, site)) = self.nodes[current].parent {
            path.push((current, site));
            current = parent;
        }
        path.reverse();
        path
    }
}

struct Search<'s, 'a> {
    program: &'s Program<'a>,
    entry: &'s Entry,
    watches: &'s dyn Fn(FnId) -> bool,
    once: &'s Once,
    walk: &'s mut Walk,
    states: FxHashMap<FnId, Vec<State>>,
    queue: VecDeque<usize>,
}

impl Search<'_, '_> {
    fn enter(
        &mut self,
        function: FnId,
        mut state: State,
        parent: Option<(usize, Site)>,
        note: Option<Name>,
    ) {
        // A definition under conditions that this path rules out is not the one that is called.
        if !state::add_config(&mut state.config, &self.program.function(function).when) {
            return;
        }
        let known = self.states.entry(function).or_default();
        if known
            .iter()
            .any(|other| other.covers(&state, self.program, function))
        {
            if let Some((node, site)) = parent
                && self.walk.repeated.len() < MOST_NODES
            {
                self.walk.repeated.push((node, site, function));
            }
            return;
        }
        let state = if known.len() >= MOST_STATES {
            let joined = known.iter().fold(state, |joined, other| joined.join(other));
            if known.contains(&joined) {
                return;
            }
            joined
        } else {
            state
        };
        known.push(state.clone());
        self.walk.nodes.push(Node {
            function,
            state,
            parent,
            note,
        });
        self.queue.push_back(self.walk.nodes.len() - 1);
    }

    /// Walks the body of one node, block by block, until the environments no longer change; then takes the calls.
    fn run(&mut self, node: usize) {
        let function = self.walk.nodes[node].function;
        let program = self.program;
        let body = program.function(function);
        if body.blocks.is_empty() {
            return;
        }
        let at_start = environments(program, function, &self.walk.nodes[node].state);
        let mut exits: Option<BTreeMap<Key, Abstract>> = None;
        for (block, env) in at_start.into_iter().enumerate() {
            let Some(mut env) = env else { continue };
            let mut ended = false;
            for &stmt in &body.blocks[block].stmts {
                self.take(node, function, stmt, &env);
                if transfer(program, function, stmt, &mut env) {
                    ended = true;
                    break;
                }
            }
            if !ended && body.blocks[block].next.is_empty() && node == 0 {
                exits = Some(match exits {
                    None => env.statics().clone(),
                    Some(before) => state::agreed(&before, env.statics()),
                });
            }
        }
        if node == 0 {
            self.walk.facts = exits.unwrap_or_default();
        }
    }

    /// Records the effects of a statement that runs, and enters what it calls.
    fn take(&mut self, node: usize, function: FnId, stmt: StmtId, env: &Env) {
        let program = self.program;
        let site = Site { function, stmt };
        if self.entry.kind.is_dll_main() && env.contexts().has(Contexts::PROCESS_ATTACH) {
            let sets = match &program.function(function).stmt(stmt).kind {
                StmtKind::Assign { to, .. } => matches!(to.root, Root::Global(_)),
                StmtKind::Call { .. } => program.call(site).is_some_and(|call| {
                    let stores =
                        |effect: &CallEffect| matches!(effect.effect(), Effect::Stores { .. });
                    call.effects.iter().any(stores)
                }),
                _ => false,
            };
            if sets {
                self.walk.sets.insert(site);
            }
        }
        self.force_lazy_statics(node, function, stmt, env);
        let Some(call) = program.call(site) else {
            return;
        };
        if self.is_over(node, site, env) {
            return;
        }
        // `g_engine = nullptr`, while the module is being loaded: most often there is no object yet.
        let begins = self.entry.kind.is_dll_main()
            && program.function(function).kind != FunctionKind::Dtor
            && env.contexts().has(Contexts::PROCESS_ATTACH)
            && matches!(
                program.function(function).stmt(stmt).kind,
                StmtKind::Assign { .. }
            );
        let later = begins.then(|| env.outside(Contexts::PROCESS_ATTACH));
        let env = match &later {
            None => env,
            Some(Some(later)) => later,
            Some(None) => return,
        };
        for effect in &call.effects {
            if !holds(program, site, effect, env) {
                continue;
            }
            match effect.effect() {
                Effect::RunsHere { argument } => {
                    let value = program.argument_value(site, *argument);
                    for target in self.functions(function, &value, env) {
                        let state = self.closure_state(function, target, &value, env);
                        self.enter(target, state, Some((node, site)), None);
                    }
                }
                Effect::RunsLater { .. }
                | Effect::Passes { .. }
                | Effect::Reads { .. }
                | Effect::Disarms { .. }
                | Effect::Swaps { .. }
                | Effect::Tells { .. }
                | Effect::Duration { .. }
                | Effect::Creates { .. }
                | Effect::Once
                | Effect::Clock { .. }
                | Effect::KeepsNothing => {}
                what => {
                    let timeout = match what {
                        Effect::Wait { .. } => self.timeout(site, what, env),
                        _ => Timeout::Unknown,
                    };
                    self.walk.hits.push(Hit {
                        node: Some(node),
                        site: Some(site),
                        effect: effect.clone(),
                        contexts: env.contexts(),
                        timeout,
                        config: env.config().clone(),
                    });
                }
            }
        }
        self.enter_targets(node, site, call, env);
        if call.unresolved {
            self.walk.unresolved.push((call.name.clone(), site));
        }
    }

    /// Whether a call belongs to the first use of something, and the process is past that: teardown code that uses a
    /// thing is not the first to do so. What the entry itself or a destructor keeps for itself may be used first there.
    fn is_over(&self, node: usize, site: Site, env: &Env) -> bool {
        let tears_down = self.entry.kind.is_destructor()
            || self.entry.kind == EntryKind::DllMain
                && env.contexts().within(Contexts::PROCESS_DETACH);
        tears_down
            && self.walk.nodes[node].parent.is_some()
            && !matches!(
                self.program.function(site.function).kind,
                FunctionKind::Dtor | FunctionKind::Drop
            )
            && self.once.runs_once(self.program, site)
    }

    fn enter_targets(&mut self, node: usize, site: Site, call: &Call, env: &Env) {
        let program = self.program;
        let mut targets: Vec<(FnId, Option<Name>)> = call
            .targets
            .iter()
            .map(|target| (target.function, target.note.clone()))
            .collect();
        if targets.is_empty()
            && let StmtKind::Call { callee, .. } =
                &program.function(site.function).stmt(site.stmt).kind
        {
            let called = match callee {
                Callee::Indirect(value) => self.functions(site.function, value, env),
                Callee::Named(name) if name.starts_with('$') => self
                    .entry
                    .bindings
                    .iter()
                    .filter(|(bound, _)| bound == name)
                    .flat_map(|(_, functions)| functions.clone())
                    .collect(),
                _ => Vec::new(),
            };
            targets.extend(called.into_iter().map(|function| (function, None)));
        }
        // The user's function, which a library's callback calls, has the methods of what it is given.
        if targets.is_empty() && self.entry.kind.is_pool() {
            for method in program.handed_methods(site) {
                let unknown = vec![Abstract::Unknown; program.function(method).params.len()];
                let state = env.state(unknown, Vec::new());
                let note = Some(Name::from(
                    "through a function of which only the pointer is known",
                ));
                self.enter(method, state, Some((node, site)), note);
            }
        }
        let implied = call.implied.iter();
        let implied = implied.map(|target| (target.function, target.note.clone(), true));
        let targets = targets
            .into_iter()
            .map(|(target, note)| (target, note, false));
        for (target, note, is_implied) in targets.chain(implied) {
            let body = program.function(target);
            // What is true under the conditions around the definition is true in it.
            let Some(env) = body
                .when
                .iter()
                .try_fold(env.clone(), |env, guard| env.assume(program, target, guard))
            else {
                continue;
            };
            if !self.is_of_object(node, site, target) {
                continue;
            }
            if (self.watches)(target) {
                self.walk.watched.push((node, site, target, env.contexts()));
            }
            let params = if is_implied {
                default_params(program, target)
            } else {
                given_params(program, site, target, &env)
            };
            let captures = if program.enclosing(target) == Some(site.function) {
                captures(program, site.function, target, &env)
            } else {
                Vec::new()
            };
            let state = State {
                partial: self.partial_in(node, site, target),
                shown: env.shown_to(program, site, target),
                ..env.state(params, captures)
            };
            self.enter(target, state, Some((node, site)), note);
        }
    }

    /// The class that `this` is while its constructor or destructor runs, in what that calls on it.
    fn partial_in(&self, node: usize, site: Site, target: FnId) -> Option<TypeId> {
        let program = self.program;
        if program.is_constructing(target) {
            return program.owner(target);
        }
        self.walk.nodes[node]
            .state
            .partial
            .filter(|_| program.function(target).has_this && program.is_call_on_this(site))
    }

    /// Whether the object that a call is made on can have this method: until a constructor is done, and once a
    /// destructor has begun, virtual calls do not go to derived classes.
    fn is_of_object(&self, node: usize, site: Site, target: FnId) -> bool {
        let program = self.program;
        let (Some(class), Some(owner)) =
            (self.walk.nodes[node].state.partial, program.owner(target))
        else {
            return true;
        };
        let body = program.function(target);
        body.kind != FunctionKind::Method
            || !body.has_this
            || !program.is_call_on_this(site)
            || !program.is_virtual(class, &body.name)
            || program.class_chain(class).contains(&owner)
    }

    fn closure_state(&self, function: FnId, target: FnId, _value: &Value, env: &Env) -> State {
        let params = vec![Abstract::Unknown; self.program.function(target).params.len()];
        let captures = if self.program.enclosing(target) == Some(function) {
            captures(self.program, function, target, env)
        } else {
            Vec::new()
        };
        env.state(params, captures)
    }

    /// The functions that a value is here: as the environment knows it, else as the program does.
    fn functions(&self, function: FnId, value: &Value, env: &Env) -> Vec<FnId> {
        if let Abstract::Function(found) = env.evaluate(self.program, function, value) {
            return vec![found];
        }
        if let Value::Place(Place {
            root: Root::Global(name),
            ..
        }) = value
            && name.starts_with('$')
        {
            return self
                .entry
                .bindings
                .iter()
                .filter(|(bound, _)| bound == name)
                .flat_map(|(_, functions)| functions.clone())
                .collect();
        }
        self.program.functions_of(function, value)
    }

    /// A lazily initialised static runs its initializer where it is used first.
    fn force_lazy_statics(&mut self, node: usize, function: FnId, stmt: StmtId, env: &Env) {
        let program = self.program;
        if program.lang(function) != crate::source::Lang::Rust {
            return;
        }
        let mut names: Vec<Name> = Vec::new();
        let mut note = |value: &Value| {
            if let Value::Place(place) | Value::AddressOf(place) = value
                && let Root::Global(name) = &place.root
            {
                names.push(name.clone());
            }
        };
        match &program.function(function).stmt(stmt).kind {
            StmtKind::Call { callee, args } => {
                if let Callee::Method { receiver, .. } = callee {
                    note(receiver);
                }
                args.iter().for_each(&mut note);
            }
            StmtKind::Assign { value, .. } => note(value),
            _ => {}
        }
        let mut initializers = Vec::new();
        for name in names {
            if let Meaning::Static(id) = program.meaning(function, &name)
                && program
                    .static_def(id)
                    .attributes
                    .iter()
                    .any(|attribute| &**attribute == "lazy")
                && let Some(index) = program.static_def(id).initializer
            {
                initializers.push(program.function_in(program.static_unit(id), index));
            }
        }
        for initializer in initializers {
            self.enter(
                initializer,
                env.state(Vec::new(), Vec::new()),
                Some((node, Site { function, stmt })),
                None,
            );
        }
    }

    fn timeout(&self, site: Site, effect: &Effect, env: &Env) -> Timeout {
        let Effect::Wait {
            timeout,
            timeout_pointer,
            bounded,
            ..
        } = effect
        else {
            return Timeout::Unknown;
        };
        if let Some(arg) = timeout {
            let Some(value) = self.program.argument(site, *arg) else {
                return Timeout::Infinite;
            };
            return match env.evaluate(self.program, site.function, value) {
                Abstract::Null | Abstract::Number(0) => Timeout::Zero,
                Abstract::Number(number) if is_for_ever(number) => Timeout::Infinite,
                Abstract::Number(milliseconds)
                | Abstract::UpTo(milliseconds)
                | Abstract::AtMost(milliseconds) => Timeout::Finite(milliseconds),
                _ if *bounded => Timeout::Bounded,
                _ => Timeout::Unknown,
            };
        }
        if let Some(arg) = timeout_pointer {
            return match self
                .program
                .argument(site, *arg)
                .map(|value| env.evaluate(self.program, site.function, value))
            {
                Some(Abstract::Null | Abstract::Number(0)) | None => Timeout::Infinite,
                _ => Timeout::Unknown,
            };
        }
        if *bounded {
            Timeout::Bounded
        } else {
            Timeout::Infinite
        }
    }
}

impl Abstract {
    /// Whether a value meets a predicate for certain.
    pub fn meets(&self, predicate: Predicate, flag: Option<i64>) -> bool {
        let number = match self {
            Abstract::Number(number) => Some(*number),
            Abstract::Null => Some(0),
            _ => None,
        };
        match predicate {
            Predicate::Null | Predicate::Zero => number == Some(0),
            Predicate::NotNull | Predicate::NotZero => {
                number.is_some_and(|number| number != 0)
                    || matches!(self, Abstract::NotZero | Abstract::Function(_))
            }
            Predicate::PerhapsNotNull => number != Some(0),
            Predicate::InvalidHandle => number.is_some_and(|number| {
                number == -1 || number == 0xFFFF_FFFF || number as u64 == u64::MAX
            }),
            Predicate::RealHandle => matches!(self, Abstract::NotZero),
            Predicate::HasFlag => number
                .zip(flag)
                .is_some_and(|(number, flag)| number & flag != 0),
            Predicate::LacksFlag => number
                .zip(flag)
                .is_none_or(|(number, flag)| number & flag == 0),
        }
    }
}
