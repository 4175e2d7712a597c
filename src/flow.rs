//! Flow: in which order things happen to an object.
//!
//! In comes a linked program, out go, for each function, the events that its statements bring about on keyed objects,
//! those of its callees included and mapped to its own places; and answers to "before", "after" and "guarded by".
//! It judges order inside one function by the control flow graph, and between functions by their visible callers. Where
//! none is visible, what another function of the same class or file does counts as done before (open world).

use crate::api::{Arg, Effect, PoolObject, WaitClass};
use crate::entry;
use crate::ir::{BlockId, Callee, Cond, FunctionKind, Guard, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Constant, FnId, Key, KeyRoot, Program, Site};
use crate::reach::Abstract;
use std::collections::{HashMap, HashSet, VecDeque};

pub mod rearm;
pub mod teardown;

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

/// A thread pool object's creation.
#[derive(Clone, Debug)]
pub struct PoolSite {
    pub kind: PoolObject,
    pub site: Site,
    /// Where the object is kept; none for fire-and-forget work.
    pub key: Option<Key>,
    pub callbacks: Vec<FnId>,
    pub context: Option<Value>,
    /// Creating it arms it.
    pub armed: bool,
    /// Its environment, where it has one.
    pub env: Option<Value>,
}

/// The events of all functions.
pub struct Flow<'p, 'a> {
    program: &'p Program<'a>,
    events: Vec<Vec<Event>>,
    pub pool: Vec<PoolSite>,
    /// What runs when a callback runs, by callback.
    below: HashMap<FnId, HashSet<FnId>>,
}

const ROUNDS: usize = 3;
const MOST_EVENTS: usize = 96;

impl<'p, 'a> Flow<'p, 'a> {
    pub fn new(program: &'p Program<'a>) -> Self {
        let mut flow = Flow {
            program,
            events: vec![Vec::new(); program.ids().count()],
            pool: Vec::new(),
            below: HashMap::new(),
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
                    events.push(Event {
                        what,
                        key,
                        stmt: call.stmt,
                        site,
                        kind: match effect.effect() {
                            Effect::TpArm { object_kind, .. }
                            | Effect::TpDrain { object_kind, .. } => *object_kind,
                            _ => None,
                        },
                        armed_with: match effect.effect() {
                            Effect::TpArm {
                                value: Some(value), ..
                            } => parameter(&self.program.argument_value(site, *value)),
                            _ => None,
                        },
                    });
                }
            }
        }
        events
    }

    /// The object that an argument of a call is. A result is the place it is stored to.
    pub fn key_of(&self, site: Site, arg: Arg) -> Option<Key> {
        if arg == Arg::Result {
            let stored = self
                .program
                .function(site.function)
                .stmts
                .iter()
                .skip(site.stmt.0 as usize)
                .find_map(|stmt| match &stmt.kind {
                    StmtKind::Assign { to, value }
                        if value.place() == Some(Place::of(Root::Result(site.stmt))) =>
                    {
                        Some(to)
                    }
                    _ => None,
                });
            return match stored {
                // A local that is then stored in a member is that member.
                Some(place) => self
                    .forwarded(site.function, place)
                    .or_else(|| self.program.key_of_target(site.function, place)),
                None => Some(
                    self.stored_by_call(site)
                        .unwrap_or_else(|| Key::of(KeyRoot::Result(site.function, site.stmt))),
                ),
            };
        }
        let value = self.program.argument_value(site, arg);
        let place = value.place()?;
        self.forwarded(site.function, &place)
            .or_else(|| self.program.key(site.function, &place))
    }

    /// The place that an atomic store or exchange puts a call's result into.
    fn stored_by_call(&self, made: Site) -> Option<Key> {
        self.program.calls(made.function).iter().find_map(|call| {
            let site = Site {
                function: made.function,
                stmt: call.stmt,
            };
            call.effects
                .iter()
                .find_map(|effect| match effect.effect() {
                    Effect::Stores { into, value }
                        if self.program.argument_value(site, *value)
                            == Value::Result(made.stmt) =>
                    {
                        self.program.key(
                            made.function,
                            &self.program.argument_value(site, *into).place()?,
                        )
                    }
                    _ => None,
                })
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
        self.program.key(function, &place)
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
            let here = call.targets.iter().map(|target| target.function);
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
                    if !events.contains(&mapped) {
                        events.push(mapped);
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
                let mut mapped = self
                    .forwarded(site.function, &place)
                    .or_else(|| self.program.key(site.function, &place))?;
                mapped.path.extend(key.path.iter().cloned());
                Some(mapped)
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

    fn find_pool(&mut self) {
        let program = self.program;
        let mut pool = Vec::new();
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    let Effect::TpCreate {
                        object_kind,
                        object,
                        callback,
                        context,
                        env,
                        armed,
                        ..
                    } = effect.effect()
                    else {
                        continue;
                    };
                    let key = object.and_then(|object| self.key_of(site, object));
                    let env = env.map(|env| program.argument_value(site, env));
                    pool.push(PoolSite {
                        kind: *object_kind,
                        site,
                        key,
                        callbacks: program
                            .functions_of(id, &program.argument_value(site, *callback)),
                        context: context.map(|context| program.argument_value(site, context)),
                        armed: *armed,
                        env: env.filter(|env| {
                            program
                                .constant(id, env)
                                .is_none_or(|constant| !constant.is_zero())
                        }),
                    });
                }
            }
        }
        for site in &pool {
            for &callback in &site.callbacks {
                self.below
                    .entry(callback)
                    .or_insert_with(|| below(program, callback));
            }
        }
        self.pool = pool;
    }

    /// The creations of an object.
    pub fn creations(&self, key: &Key) -> impl Iterator<Item = &PoolSite> {
        self.pool
            .iter()
            .filter(move |site| site.key.as_ref() == Some(key))
    }

    /// The cleanup groups that the environment of a creation names.
    pub fn groups_of(&self, creation: &PoolSite) -> Vec<Key> {
        let program = self.program;
        let Some(env) = &creation.env else {
            return Vec::new();
        };
        let Some(env) = program.key_of_value(creation.site.function, env) else {
            return Vec::new();
        };
        // A timer of the old API names its queue, which ends it as a group ends its members.
        if creation.kind == PoolObject::LegacyTimer {
            return vec![env];
        }
        let mut groups = Vec::new();
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    if let Effect::TpEnv {
                        env: set,
                        group: Some(group),
                        ..
                    } = effect.effect()
                        && self.key_of(site, *set).as_ref() == Some(&env)
                        && let Some(group) = self.key_of(site, *group)
                    {
                        groups.push(group);
                    }
                }
            }
        }
        groups
    }

    /// Whether the environment of a creation keeps a module loaded while callbacks run.
    pub fn has_library(&self, creation: &PoolSite) -> bool {
        let program = self.program;
        let env = creation
            .env
            .as_ref()
            .and_then(|env| program.key_of_value(creation.site.function, env));
        env.is_some_and(|env| {
            program.ids().any(|id| {
                program.calls(id).iter().any(|call| {
                    let site = Site {
                        function: id,
                        stmt: call.stmt,
                    };
                    call.effects.iter().any(|effect| match effect.effect() {
                        Effect::TpEnv {
                            env: set,
                            library: Some(_),
                            ..
                        } => self.key_of(site, *set).as_ref() == Some(&env),
                        _ => false,
                    })
                })
            })
        })
    }

    /// Whether a function runs inside a callback of this creation.
    pub fn is_inside_callback(&self, site: &PoolSite, function: FnId) -> bool {
        site.callbacks.iter().any(|callback| {
            self.below
                .get(callback)
                .is_some_and(|below| below.contains(&function))
        })
    }

    /// The functions that run inside a callback of the pool, sorted.
    pub fn inside_callbacks(&self) -> Vec<FnId> {
        let mut all: Vec<FnId> = self.below.values().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether one statement can run after another in one run of the function.
    pub fn can_follow(&self, function: FnId, first: StmtId, then: StmtId) -> bool {
        self.path_without(function, first, then, |_| false)
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
        let Some((block, index)) = locate(body, first) else {
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
            if stopped {
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

    /// Whether every way from the function's start to a statement passes a test of some state: a flag, a member, a
    /// static, the result of a function of the program. The success of a system call and a callback's wait result are
    /// no state.
    pub fn is_guarded(&self, function: FnId, stmt: StmtId, kind: Option<PoolObject>) -> bool {
        self.is_guarded_by(function, stmt, |guard| {
            self.tests_state(function, guard, kind)
        })
    }

    /// Whether every way from the function's start to a statement passes a condition of this sort that decides about it:
    /// one whose other outcome leads past the statement.
    fn is_guarded_by(&self, function: FnId, stmt: StmtId, tests: impl Fn(&Guard) -> bool) -> bool {
        let body = self.program.function(function);
        let Some((target, _)) = locate(body, stmt) else {
            return true;
        };
        let avoids = blocks_that_avoid(body, target);
        let mut seen = vec![false; body.blocks.len()];
        let mut pending = vec![BlockId(0)];
        seen[0] = true;
        while let Some(block) = pending.pop() {
            if block == target {
                return false;
            }
            for edge in &body.block(block).next {
                let guarded = avoids[block.0 as usize] && edge.when.iter().any(&tests);
                if !guarded && !std::mem::replace(&mut seen[edge.to.0 as usize], true) {
                    pending.push(edge.to);
                }
            }
        }
        true
    }

    fn tests_state(&self, function: FnId, guard: &Guard, kind: Option<PoolObject>) -> bool {
        match &guard.cond {
            Cond::Unknown => true,
            Cond::Config(_) => false,
            Cond::Compare { left, right, .. } => {
                self.is_state(function, left, kind, 4) || self.is_state(function, right, kind, 4)
            }
        }
    }

    fn is_state(&self, function: FnId, value: &Value, kind: Option<PoolObject>, depth: u8) -> bool {
        if depth == 0 {
            return true;
        }
        match value {
            Value::Place(place) | Value::AddressOf(place) => match &place.root {
                Root::Global(_) => !matches!(
                    self.program.constant(function, value),
                    Some(Constant::Number(_) | Constant::Null | Constant::Text(_))
                ),
                Root::This => true,
                Root::Param(_) | Root::Capture(_) if !place.path.is_empty() => true,
                Root::Param(index) => {
                    // In the callback itself the parameters are the pool's: no state. In a helper they may carry one.
                    kind.is_none()
                        || Some(*index)
                            == kind.map(|kind| {
                                entry::context_parameter(
                                    kind,
                                    self.program.function(function).params.len(),
                                )
                            })
                }
                Root::Capture(_) => true,
                Root::Local(_) if !place.path.is_empty() => self
                    .program
                    .key(function, place)
                    .is_some_and(|key| key.is_global()),
                Root::Local(_) => {
                    let mut assigned =
                        self.program
                            .function(function)
                            .stmts
                            .iter()
                            .filter_map(|stmt| match &stmt.kind {
                                StmtKind::Assign { to, value } if to == place => Some(value),
                                _ => None,
                            });
                    assigned.any(|value| self.is_state(function, value, kind, depth - 1))
                }
                Root::Result(stmt) => {
                    self.is_state(function, &Value::Result(*stmt), kind, depth - 1)
                }
                Root::Unknown => true,
            },
            Value::Result(stmt) => {
                let site = Site {
                    function,
                    stmt: *stmt,
                };
                let Some(call) = self.program.call(site) else {
                    return true;
                };
                if !call.targets.is_empty() {
                    return true;
                }
                match &self.program.function(function).stmt(*stmt).kind {
                    StmtKind::Call {
                        callee: Callee::Named(_),
                        args,
                    } => {
                        // InterlockedCompareExchange(&m_stop, …) and the like read state through a pointer.
                        args.iter().any(|arg| {
                            matches!(arg, Value::AddressOf(_))
                                && call.effects.iter().all(|effect| {
                                    matches!(
                                        effect.effect(),
                                        Effect::Passes { .. } | Effect::Stores { .. }
                                    )
                                })
                                && self.is_state(function, arg, kind, depth - 1)
                        })
                    }
                    StmtKind::Call {
                        callee: Callee::Method { receiver, .. },
                        ..
                    } if !call.effects.is_empty()
                        && call.effects.iter().all(|effect| {
                            matches!(
                                effect.effect(),
                                Effect::Passes { .. } | Effect::Stores { .. }
                            )
                        }) =>
                    {
                        self.is_state(function, receiver, kind, depth - 1)
                    }
                    // What a mutex guards, in Rust: `*self.stopped.lock().unwrap()`.
                    StmtKind::Call {
                        callee: Callee::Method { receiver, .. },
                        args,
                    } if args.is_empty()
                        && call
                            .effects
                            .iter()
                            .any(|effect| matches!(effect.effect(), Effect::Acquire { .. })) =>
                    {
                        self.is_state(function, receiver, kind, depth - 1)
                    }
                    _ => call.effects.is_empty(),
                }
            }
            Value::Cond(cond) => self.tests_state(function, &Guard::holds((**cond).clone()), kind),
            Value::Or(values) => values
                .iter()
                .any(|value| self.is_state(function, value, kind, depth - 1)),
            Value::Unknown => true,
            Value::Const(_) | Value::Null | Value::Text(_) | Value::Closure(_) => false,
        }
    }

    /// Whether a statement stands in a loop, and what the loop's exits test: shared state, so that another thread ends
    /// it, or only locals.
    pub fn loop_of(&self, function: FnId, stmt: StmtId) -> Option<Loop> {
        let body = self.program.function(function);
        let (block, _) = locate(body, stmt)?;
        let reachable_from = |start: BlockId| {
            let mut seen = vec![false; body.blocks.len()];
            let mut pending: Vec<BlockId> =
                body.block(start).next.iter().map(|edge| edge.to).collect();
            while let Some(next) = pending.pop() {
                if !std::mem::replace(&mut seen[next.0 as usize], true) {
                    pending.extend(body.block(next).next.iter().map(|edge| edge.to));
                }
            }
            seen
        };
        let from_here = reachable_from(block);
        if !from_here[block.0 as usize] {
            return None;
        }
        let members: Vec<BlockId> = (0..body.blocks.len() as u32)
            .map(BlockId)
            .filter(|&other| {
                from_here[other.0 as usize]
                    && (other == block || reachable_from(other)[block.0 as usize])
            })
            .collect();
        let mut shared = false;
        let mut counted = false;
        for &member in &members {
            for edge in body
                .block(member)
                .next
                .iter()
                .filter(|edge| !members.contains(&edge.to))
            {
                for guard in &edge.when {
                    if self.tests_state(function, guard, None) {
                        shared = true;
                    } else {
                        counted = true;
                    }
                }
            }
        }
        Some(if counted {
            Loop::Counted
        } else if shared {
            Loop::Shared
        } else {
            Loop::Endless
        })
    }

    /// Whether a function runs one of these, not counting what a destructor does.
    pub fn runs(&self, function: FnId, wanted: &[FnId], skips: impl Fn(FnId) -> bool) -> bool {
        let mut seen = HashSet::from([function]);
        let mut pending = vec![function];
        while let Some(next) = pending.pop() {
            if wanted.contains(&next) {
                return true;
            }
            for call in self.program.calls(next) {
                for target in &call.targets {
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

/// What ends a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// A local: it ends by itself.
    Counted,
    /// Something that another thread changes.
    Shared,
    Endless,
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

fn locate(body: &crate::ir::Function, stmt: StmtId) -> Option<(BlockId, usize)> {
    body.blocks.iter().enumerate().find_map(|(number, block)| {
        let index = block.stmts.iter().position(|&other| other == stmt)?;
        Some((BlockId(number as u32), index))
    })
}

/// The blocks from which the function can end without passing a block.
fn blocks_that_avoid(body: &crate::ir::Function, target: BlockId) -> Vec<bool> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); body.blocks.len()];
    for (number, block) in body.blocks.iter().enumerate() {
        for edge in &block.next {
            before[edge.to.0 as usize].push(number);
        }
    }
    let mut avoids = vec![false; body.blocks.len()];
    let mut pending: Vec<usize> = body
        .blocks
        .iter()
        .enumerate()
        .filter(|(number, block)| block.next.is_empty() && *number != target.0 as usize)
        .map(|(number, _)| number)
        .collect();
    while let Some(next) = pending.pop() {
        if std::mem::replace(&mut avoids[next], true) {
            continue;
        }
        pending.extend(
            before[next]
                .iter()
                .copied()
                .filter(|&number| number != target.0 as usize && !avoids[number]),
        );
    }
    avoids
}

/// Everything that runs when a function runs.
fn below(program: &Program, function: FnId) -> HashSet<FnId> {
    let mut all = HashSet::from([function]);
    let mut pending = vec![function];
    while let Some(next) = pending.pop() {
        for call in program.calls(next) {
            let site = Site {
                function: next,
                stmt: call.stmt,
            };
            let run_here = call
                .effects
                .iter()
                .filter_map(|effect| match effect.effect() {
                    Effect::RunsHere { argument } => {
                        Some(program.functions_of(next, &program.argument_value(site, *argument)))
                    }
                    _ => None,
                });
            let targets: Vec<FnId> = call
                .targets
                .iter()
                .map(|target| target.function)
                .chain(run_here.flatten())
                .collect();
            for target in targets {
                if all.len() < 4096 && all.insert(target) {
                    pending.push(target);
                }
            }
        }
    }
    all
}
