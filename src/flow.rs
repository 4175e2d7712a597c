//! Flow: in which order things happen to an object.
//!
//! In comes a linked program, out go, for each function, the events that its statements bring about on keyed objects,
//! those of its callees included and mapped to its own places; and answers to "before", "after" and "guarded by".
//! It judges order inside one function by the control flow graph, and between functions by their visible callers. Where
//! none is visible, what another function of the same class or file does counts as done before (open world).

use crate::api::{Arg, Effect, PoolObject, WaitClass};
use crate::ir::{BlockId, Callee, FunctionKind, Place, Root, StmtId, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Program, Site};
use crate::reach::Abstract;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use std::sync::OnceLock;

mod guards;
mod polls;
mod pool;
pub mod rearm;
mod rounds;
pub mod spins;
pub mod teardown;
mod uses;

pub use guards::{Leads, Loop};
pub use pool::PoolSite;
pub use uses::Uses;

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    Create,
    /// Armed or submitted: a callback will come.
    Arm,
    Disarm,
    /// Its callbacks were waited for.
    Drain,
    Close,
    /// Asked for its state.
    Use,
    /// A cleanup group: its members were waited for and closed.
    CloseGroup,
    /// Memory ends.
    Free,
    /// A reference was taken.
    Counted,
    /// Something else was waited for: an event, a semaphore, a thread.
    Wait,
}

/// One event of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub what: What,
    pub key: Key,
    /// The statement of this function.
    pub stmt: StmtId,
    /// The call itself, in this function or below it.
    pub site: Site,
    /// The kind of the thread pool object, where the call's name tells it.
    pub kind: Option<PoolObject>,
    /// The parameter of this function that says with what it is armed: the caller that gives NULL disarms.
    pub armed_with: Option<u32>,
}

/// The events of all functions.
pub struct Flow<'p, 'a> {
    program: &'p Program<'a>,
    events: Vec<Vec<Event>>,
    pub pool: Vec<PoolSite>,
    /// What runs when a callback runs, by callback.
    below: FxHashMap<FnId, FxHashSet<FnId>>,
    /// Places that hold the same object as another place.
    aliases: FxHashMap<Key, Key>,
    /// Which statement of a function names what, by function.
    uses: Vec<OnceLock<Uses>>,
    /// What mutexes are kept in.
    mutexes: OnceLock<FxHashSet<Key>>,
}

const ROUNDS: usize = 3;
const MOST_EVENTS: usize = 96;

impl<'p, 'a> Flow<'p, 'a> {
    pub fn new(program: &'p Program<'a>) -> Self {
        let mut flow = Flow {
            program,
            events: vec![Vec::new(); program.ids().count()],
            pool: Vec::new(),
            below: FxHashMap::default(),
            aliases: pool::find_aliases(program),
            uses: program.ids().map(|_| OnceLock::new()).collect(),
            mutexes: OnceLock::new(),
        };
        for id in program.ids() {
            flow.events[id.0 as usize] = flow.own_events(id);
        }
        let own: Vec<Vec<Event>> = flow.events.clone();
        for _ in 0..ROUNDS {
            let mut changed = false;
            for id in program.ids() {
                let mut all = own[id.0 as usize].clone();
                flow.add_callees(id, &mut all);
                if all.len() != flow.events[id.0 as usize].len() {
                    changed = true;
                    flow.events[id.0 as usize] = all;
                }
            }
            if !changed {
                break;
            }
        }
        flow.find_pool();
        flow
    }

    /// The program that this is about.
    pub fn program(&self) -> &'p Program<'a> {
        self.program
    }

    /// The events of a function, its callees' included, by statement.
    pub fn events(&self, function: FnId) -> &[Event] {
        &self.events[function.0 as usize]
    }

    /// All events of a kind on an object, at their own calls, anywhere in the program.
    pub fn everywhere(&self, what: What, key: &Key) -> impl Iterator<Item = (FnId, &Event)> {
        let key = key.clone();
        self.program.ids().flat_map(move |id| {
            let key = key.clone();
            self.events(id)
                .iter()
                .filter(move |event| {
                    event.what == what && event.key == key && event.site.function == id
                })
                .map(move |event| (id, event))
        })
    }

    fn own_events(&self, id: FnId) -> Vec<Event> {
        let mut events = Vec::new();
        for call in self.program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            // `owner.reset()`, `owner = nullptr`.
            if let Some(owner) = self.program.ended_owner(site)
                && let Some(key) = self.lifetime_key(id, &owner)
            {
                events.push(Event {
                    what: What::Free,
                    key,
                    stmt: call.stmt,
                    site,
                    kind: None,
                    armed_with: None,
                });
            }
            // An `AddRef` of the program's own counts as everybody's.
            if !call.targets.is_empty()
                && self.program.counts(&call.name, true)
                && let Some(key) = self
                    .program
                    .argument(site, Arg::This)
                    .and_then(|receiver| self.lifetime_key(id, receiver))
            {
                events.push(Event {
                    what: What::Counted,
                    key,
                    stmt: call.stmt,
                    site,
                    kind: None,
                    armed_with: None,
                });
            }
            for effect in &call.effects {
                if effect.when().is_some_and(|when| {
                    let value = self
                        .program
                        .argument(site, when.arg)
                        .and_then(|value| self.program.constant(id, value));
                    value
                        .is_some_and(|constant| !Abstract::from(constant).meets(when.is, when.flag))
                }) {
                    continue;
                }
                let (what, arg) = match effect.effect() {
                    Effect::TpCreate {
                        object: Some(object),
                        ..
                    } => (What::Create, *object),
                    Effect::TpArm { object, value, .. } => {
                        let value = value.and_then(|value| self.program.argument(site, value));
                        let disarms = value.is_some_and(|value| {
                            self.program
                                .constant(id, value)
                                .is_some_and(|constant| constant.is_zero())
                        });
                        (if disarms { What::Disarm } else { What::Arm }, *object)
                    }
                    Effect::TpDisarm { object } => (What::Disarm, *object),
                    Effect::TpDrain { object, .. } => (What::Drain, *object),
                    Effect::TpClose { object } => (What::Close, *object),
                    Effect::TpUse { object } => (What::Use, *object),
                    Effect::TpCloseGroup { group } => (What::CloseGroup, *group),
                    Effect::Free { pointer } => (What::Free, *pointer),
                    Effect::RefCount { object, up: true } => (What::Counted, *object),
                    Effect::Leak { pointer } => (What::Counted, *pointer),
                    Effect::Wait {
                        class: WaitClass::Handle | WaitClass::Signal | WaitClass::Thread,
                        on: Some(on),
                        ..
                    } => (What::Wait, *on),
                    _ => continue,
                };
                let key = match what {
                    // What is freed or counted is the object behind the pointer.
                    What::Free | What::Counted => {
                        self.lifetime_key(id, &self.program.argument_value(site, arg))
                    }
                    _ => self.key_of(site, arg),
                };
                if let Some(key) = key {
                    let armed_with = match effect.effect() {
                        Effect::TpArm {
                            value: Some(value), ..
                        } => self.program.argument(site, *value),
                        _ => None,
                    };
                    let event = Event {
                        what,
                        key,
                        stmt: call.stmt,
                        site,
                        kind: match effect.effect() {
                            Effect::TpArm { object_kind, .. }
                            | Effect::TpDrain { object_kind, .. } => *object_kind,
                            _ => None,
                        },
                        armed_with: armed_with.and_then(parameter),
                    };
                    events.extend(self.with_disarm(site, event, armed_with));
                }
            }
        }
        events
    }

    /// An event, and before it the disarm that the same call may be instead, if it arms with this value.
    fn with_disarm(
        &self,
        site: Site,
        event: Event,
        value: Option<&Value>,
    ) -> impl Iterator<Item = Event> + use<> {
        let also_disarms =
            event.what == What::Arm && value.is_some_and(|value| self.can_be_null(site, value));
        let disarm = also_disarms.then(|| Event {
            what: What::Disarm,
            ..event.clone()
        });
        disarm.into_iter().chain([event])
    }

    /// Whether what an object is armed with is NULL on some of the ways to a statement: `on ? &due : NULL`. There the same
    /// call disarms.
    fn can_be_null(&self, site: Site, value: &Value) -> bool {
        let Site { function, stmt } = site;
        let Value::Place(place) = value else {
            return false;
        };
        if !matches!(place.root, Root::Local(_)) || !place.path.is_empty() {
            return false;
        }
        let body = self.program.function(function);
        let set = |at: StmtId| match &body.stmt(at).kind {
            StmtKind::Assign { to, value } if to == place => Some(value),
            _ => None,
        };
        (0..body.stmts.len() as u32).map(StmtId).any(|at| {
            set(at).is_some_and(|value| matches!(value, Value::Null | Value::Const(0)))
                && self.path_without(function, at, stmt, |other| set(other).is_some())
        })
    }

    /// The object that an argument of a call is. A result is the place it is stored to; of several places that hold the
    /// same object one stands for all.
    pub fn key_of(&self, site: Site, arg: Arg) -> Option<Key> {
        self.place_key(site, arg).map(|key| self.canonical(key))
    }

    fn canonical(&self, key: Key) -> Key {
        self.aliases.get(&key).cloned().unwrap_or(key)
    }

    fn place_key(&self, site: Site, arg: Arg) -> Option<Key> {
        if arg == Arg::Result {
            return match self.stored_in(site) {
                // A local that is then stored in a member is that member.
                Some(place) => self
                    .forwarded(site.function, place)
                    .or_else(|| self.program.key_of_target(site.function, place)),
                None => Some(
                    self.stored_by_call(site)
                        .or_else(|| self.stored_by_callee(site))
                        .or_else(|| self.stored_in_owner(site))
                        .unwrap_or_else(|| Key::of(KeyRoot::Result(site.function, site.stmt))),
                ),
            };
        }
        let value = self.program.argument_value(site, arg);
        let place = value.place()?;
        self.forwarded(site.function, &place)
            .or_else(|| self.program.key(site.function, &place))
    }

    /// The place that a call's result is first assigned to.
    fn stored_in(&self, made: Site) -> Option<&'p Place> {
        let stmt = self.uses(made.function).stored(made.stmt)?;
        match &self.program.function(made.function).stmt(stmt).kind {
            StmtKind::Assign { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The place that an atomic store or exchange puts a call's result into.
    fn stored_by_call(&self, made: Site) -> Option<Key> {
        self.uses(made.function)
            .put_by_calls(made.stmt)
            .iter()
            .find_map(|&(stmt, into)| {
                let site = Site {
                    function: made.function,
                    stmt,
                };
                let place = self.program.argument_value(site, into).place()?;
                self.program.key(made.function, &place)
            })
    }

    /// The member or static in which a function that gets a call's result keeps it: `UniqueWork(CreateThreadpoolWork(…))`.
    fn stored_by_callee(&self, made: Site) -> Option<Key> {
        let program = self.program;
        let result = Value::Result(made.stmt);
        let uses = self.uses(made.function).of_root(&Root::Result(made.stmt));
        uses.iter().find_map(|&stmt| {
            let StmtKind::Call { args, .. } = &program.function(made.function).stmt(stmt).kind
            else {
                return None;
            };
            let call = program.call(Site {
                function: made.function,
                stmt,
            })?;
            let index = args.iter().position(|arg| *arg == result)?;
            let [target] = &call.targets[..] else {
                return None;
            };
            let body = program.function(target.function);
            body.stmts.iter().find_map(|stmt| match &stmt.kind {
                StmtKind::Assign { to, value }
                    if program.parameter_of(target.function, value) == Some(index as u32) =>
                {
                    program
                        .key_of_target(target.function, to)
                        .filter(Key::is_global)
                }
                _ => None,
            })
        })
    }

    /// The owner of a library that a function puts a call's result into: `owner.reset(CreateThreadpoolTimer(…))`,
    /// `owner_(CreateThreadpoolTimer(…), f)`.
    fn stored_in_owner(&self, made: Site) -> Option<Key> {
        let program = self.program;
        let body = program.function(made.function);
        let result = Value::Result(made.stmt);
        let ends_by_deleter = |text: &str, unit: u32, method: Option<&str>| {
            program.type_row(text, unit).is_some_and(|row| {
                row.ended_by.is_some()
                    && method.is_none_or(|name| row.ends.iter().any(|ends| **ends == *name))
            })
        };
        let later = body.stmts.iter().enumerate();
        later
            .skip(made.stmt.0 as usize + 1)
            .find_map(|(index, stmt)| {
                let StmtKind::Call { callee, args } = &stmt.kind else {
                    return None;
                };
                if args.first() != Some(&result) {
                    return None;
                }
                let place = match callee {
                    Callee::Method { receiver, name } => {
                        let (text, unit) = program.type_of_value(made.function, receiver)?;
                        ends_by_deleter(&text, unit, Some(name)).then(|| receiver.place())?
                    }
                    Callee::Construct {
                        type_text,
                        heap: false,
                    } => {
                        let unit = program.unit_number(made.function);
                        let built = Value::Result(StmtId(index as u32));
                        let to = body.stmts.iter().find_map(|stmt| match &stmt.kind {
                            StmtKind::Assign { to, value } if *value == built => Some(to),
                            _ => None,
                        })?;
                        let typed = program.type_of_place(made.function, to);
                        let by_place =
                            typed.is_some_and(|(text, unit)| ends_by_deleter(&text, unit, None));
                        (by_place || ends_by_deleter(type_text, unit, None)).then(|| to.clone())
                    }
                    _ => None,
                }?;
                program.key_of_target(made.function, &place)
            })
    }

    /// The object whose life a pointer's target has: an object of its class where that is known, else the place itself.
    pub fn lifetime_key(&self, function: FnId, value: &Value) -> Option<Key> {
        let place = value.place()?;
        if let Some((text, unit)) = self.program.type_of_place(function, &place)
            && let Some(class) = self.program.led_class(&text, unit)
            && self.program.type_def(class).kind != crate::ir::TypeKind::Alias
        {
            return Some(Key::of(KeyRoot::Object(class)));
        }
        self.forwarded(function, &place)
            .or_else(|| self.program.key(function, &place))
    }

    /// The member or static that a local's value ends up in: `auto timer = Create…(); m_timer = timer;`.
    fn forwarded(&self, function: FnId, place: &Place) -> Option<Key> {
        if !matches!(place.root, Root::Local(_)) || !place.path.is_empty() {
            return None;
        }
        self.program
            .function(function)
            .stmts
            .iter()
            .find_map(|stmt| match &stmt.kind {
                StmtKind::Assign {
                    to,
                    value: Value::Place(from),
                } if from == place && to != place => {
                    self.program.key(function, to).filter(Key::is_global)
                }
                _ => None,
            })
    }

    /// Adds what the callees of a function do to objects that the function can name.
    fn add_callees(&self, id: FnId, events: &mut Vec<Event>) {
        for call in self.program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            let here = call.runs().map(|target| target.function);
            let run_here = call
                .effects
                .iter()
                .filter_map(|effect| match effect.effect() {
                    Effect::RunsHere { argument } => Some(
                        self.program
                            .functions_of(id, &self.program.argument_value(site, *argument)),
                    ),
                    _ => None,
                });
            let targets: Vec<FnId> = here.chain(run_here.flatten()).collect();
            for target in targets {
                for event in self.events(target) {
                    if events.len() >= MOST_EVENTS {
                        return;
                    }
                    let Some(key) = self.mapped(site, target, &event.key) else {
                        continue;
                    };
                    let value = event
                        .armed_with
                        .and_then(|index| self.program.argument(site, Arg::Index(index as u8)));
                    let disarms = value.is_some_and(|value| {
                        self.program
                            .constant(id, value)
                            .is_some_and(|constant| constant.is_zero())
                    });
                    let mapped = Event {
                        what: if disarms { What::Disarm } else { event.what },
                        key,
                        stmt: call.stmt,
                        site: event.site,
                        kind: event.kind,
                        armed_with: value.and_then(parameter),
                    };
                    for event in self.with_disarm(site, mapped, value) {
                        if !events.contains(&event) {
                            events.push(event);
                        }
                    }
                }
            }
        }
    }

    /// A callee's key in terms of the caller.
    fn mapped(&self, site: Site, target: FnId, key: &Key) -> Option<Key> {
        match key.root {
            KeyRoot::Static(_) | KeyRoot::Name(_) | KeyRoot::Object(_) => Some(key.clone()),
            KeyRoot::Param(function, index) if function == target => {
                let value = self.program.argument(site, Arg::Index(index as u8))?;
                let place = value.place()?;
                // A macro does not know whose member it names: `(queue)->work`.
                let mut whole = place.clone();
                whole.path.extend(key.path.iter().cloned());
                if !key.path.is_empty()
                    && whole.path.len() <= Place::DEEPEST
                    && let Some(found) = self.program.key(site.function, &whole)
                    && found.is_global()
                {
                    return Some(self.canonical(found));
                }
                let mut mapped = self
                    .forwarded(site.function, &place)
                    .or_else(|| self.program.key(site.function, &place))?;
                mapped.path.extend(key.path.iter().cloned());
                Some(self.canonical(mapped))
            }
            // A lambda that runs here speaks of the locals around it.
            KeyRoot::Local(function, _) | KeyRoot::Param(function, _)
                if function == site.function =>
            {
                Some(key.clone())
            }
            _ => None,
        }
    }

    /// Whether one statement can run after another in one run of the function.
    pub fn can_follow(&self, function: FnId, first: StmtId, then: StmtId) -> bool {
        let uses = self.uses(function);
        let (Some((from, first)), Some((to, then))) = (uses.place(first), uses.place(then)) else {
            return false;
        };
        if from == to && first < then {
            return !uses.ends_between(from, first, then);
        }
        if uses.ends_from(from, first) || uses.ends_between(to, 0, then) {
            return false;
        }
        let body = self.program.function(function);
        let mut seen = vec![false; body.blocks.len()];
        let mut pending = vec![from];
        while let Some(block) = pending.pop() {
            if block != from && uses.ends_from(block, 0) {
                continue;
            }
            for edge in &body.block(block).next {
                if edge.to == to {
                    return true;
                }
                if !std::mem::replace(&mut seen[edge.to.0 as usize], true) {
                    pending.push(edge.to);
                }
            }
        }
        false
    }

    /// Where a statement stands: its block, and which one of it.
    fn place(&self, function: FnId, stmt: StmtId) -> Option<(BlockId, usize)> {
        self.uses(function).place(stmt)
    }

    /// Which statement of a function names what.
    pub fn uses(&self, function: FnId) -> &Uses {
        self.uses[function.0 as usize].get_or_init(|| Uses::of(self.program, function))
    }

    /// Whether a path leads from just after one statement to another without a statement that `stops` it.
    pub fn path_without(
        &self,
        function: FnId,
        first: StmtId,
        then: StmtId,
        stops: impl Fn(StmtId) -> bool,
    ) -> bool {
        let body = self.program.function(function);
        let uses = self.uses(function);
        let Some((block, index)) = uses.place(first) else {
            return false;
        };
        let mut seen = vec![false; body.blocks.len()];
        let mut pending = vec![(block, index + 1)];
        while let Some((block, from)) = pending.pop() {
            let mut stopped = false;
            for &stmt in body.block(block).stmts.iter().skip(from) {
                if stmt == then {
                    return true;
                }
                if stops(stmt) {
                    stopped = true;
                    break;
                }
            }
            if stopped || uses.ends_from(block, from) {
                continue;
            }
            for edge in &body.block(block).next {
                if !std::mem::replace(&mut seen[edge.to.0 as usize], true) {
                    pending.push((edge.to, 0));
                }
            }
        }
        false
    }

    /// Whether anything was waited for between the making of an object and a statement: a callback that has signalled is
    /// past its work, if not past its last instruction.
    pub fn waited_between(&self, function: FnId, stmt: StmtId, key: &Key) -> bool {
        self.events(function).iter().any(|event| {
            event.what == What::Wait
                && self.can_follow(function, event.stmt, stmt)
                && self.events(function).iter().any(|made| {
                    matches!(made.what, What::Create | What::Arm)
                        && made.key == *key
                        && self.can_follow(function, made.stmt, event.stmt)
                })
        })
    }

    /// An event of a kind on an object that can come before a statement of the function.
    pub fn before(&self, function: FnId, stmt: StmtId, what: What, key: &Key) -> Option<&Event> {
        self.events(function).iter().find(|event| {
            event.what == what
                && event.key == *key
                && event.stmt != stmt
                && self.can_follow(function, event.stmt, stmt)
        })
    }

    /// Whether an object may be armed when a statement of the function runs, by an arming in the function since it was
    /// made there: a loop's round makes another one.
    pub fn armed_since(&self, function: FnId, stmt: StmtId, key: &Key) -> bool {
        let events = self.events(function);
        let makes = |at: StmtId| {
            events
                .iter()
                .any(|event| event.stmt == at && event.what == What::Create && event.key == *key)
        };
        events.iter().any(|event| {
            event.what == What::Arm
                && event.key == *key
                && event.stmt != stmt
                && self.path_without(function, event.stmt, stmt, makes)
        })
    }

    /// An event of a kind on an object that can come after a statement of the function.
    pub fn after(&self, function: FnId, stmt: StmtId, what: What, key: &Key) -> Option<&Event> {
        self.events(function).iter().find(|event| {
            event.what == what
                && event.key == *key
                && event.stmt != stmt
                && self.can_follow(function, stmt, event.stmt)
        })
    }

    /// Chains of callers of a function up to one that nobody calls, at most so many: each from the function itself
    /// upwards, as the call sites.
    pub fn caller_chains(&self, function: FnId) -> Vec<Vec<Site>> {
        let mut chains = Vec::new();
        let mut pending: VecDeque<Vec<Site>> = VecDeque::from([Vec::new()]);
        while let Some(chain) = pending.pop_front() {
            let top = chain.last().map_or(function, |site: &Site| site.function);
            let callers: Vec<Site> = self
                .program
                .callers(top)
                .iter()
                .copied()
                .filter(|site| {
                    site.function != top
                        && site.function != function
                        && !chain.iter().any(|other| other.function == site.function)
                })
                .collect();
            if callers.is_empty() || chain.len() >= 6 {
                chains.push(chain);
            } else {
                for caller in callers {
                    let mut longer = chain.clone();
                    longer.push(caller);
                    pending.push_back(longer);
                }
            }
            if chains.len() + pending.len() > 48 {
                chains.extend(pending.drain(..));
                break;
            }
        }
        chains
    }

    /// Whether another function of the class or file of `function` brings about an event on the object.
    pub fn elsewhere(&self, function: FnId, what: What, key: &Key, not_in: &[FnId]) -> bool {
        let owner = self.program.owner(function);
        let file = self.program.file(function);
        self.program.ids().any(|other| {
            !not_in.contains(&other)
                && (self.program.file(other) == file
                    || (owner.is_some() && self.program.owner(other) == owner))
                && self
                    .events(other)
                    .iter()
                    .any(|event| event.what == what && event.key == *key)
        })
    }

    /// Whether a function runs one of these, not counting what a destructor does.
    pub fn runs(&self, function: FnId, wanted: &[FnId], skips: impl Fn(FnId) -> bool) -> bool {
        let mut seen: FxHashSet<_> = [function].into_iter().collect();
        let mut pending = vec![function];
        while let Some(next) = pending.pop() {
            if wanted.contains(&next) {
                return true;
            }
            for call in self.program.calls(next) {
                for target in call.runs() {
                    if !skips(target.function) && seen.len() < 1024 && seen.insert(target.function)
                    {
                        pending.push(target.function);
                    }
                }
            }
        }
        false
    }

    /// The destructors, and the functions that free, which end the life of objects of the class of a key.
    pub fn is_destructor_of(&self, function: FnId, key: &Key) -> bool {
        let KeyRoot::Object(class) = key.root else {
            return false;
        };
        matches!(
            self.program.function(function).kind,
            FunctionKind::Dtor | FunctionKind::Drop
        ) && self.program.owner(function).is_some_and(|owner| {
            owner == class
                || self.program.class_chain(owner).contains(&class)
                || self.program.class_chain(class).contains(&owner)
        })
    }
}

/// The parameter that a value is.
fn parameter(value: &Value) -> Option<u32> {
    match value {
        Value::Place(Place {
            root: Root::Param(index),
            path,
        }) if path.is_empty() => Some(*index),
        _ => None,
    }
}
