//! Locks: which ones are held where, in which order they are taken, and around which calls.
//!
//! In comes a linked program, out come, for each function, the locks that are held for certain at its calls, the locks
//! that it takes itself or through callees, and those that it leaves held; and for the program the pairs "holds A,
//! takes B" and the locks that are held around calls that ask for the loader lock. A lock is held for certain only if
//! every path to a statement took it and none gave it back: whatever is not clear counts as released. Guards give their
//! lock back where they are dropped. Only functions that take a lock, or call one that does, are looked at, callees
//! first and each once. Who runs a function, and under the loader lock or not, is the rules' question.

mod handed;
mod identity;
mod paths;
mod spins;
mod walk;
mod ways;

pub use identity::{Lock, LockRoot};
pub use ways::{Wanted, Way};

use crate::api::Effect;
use crate::ir::{Callee, Place, Root, StmtId, StmtKind, Value};
use crate::program::{CallEffect, FnId, Key, Program, Site, TypeId};
use crate::reach::Abstract;
use crate::reach::blocking::Handles;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// A lock that is held at a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Seen from the function of the statement.
    pub lock: Lock,
    /// From the statement of this function that took it down to the call that did.
    pub chain: Vec<Site>,
    pub shared: bool,
    /// On every path; else only on some.
    must: bool,
    /// The locals, members or results whose end gives it back.
    guards: Vec<Place>,
}

/// A lock that a function takes, and waits for if it has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// Seen from this function.
    pub lock: Lock,
    /// From the statement of this function down to the call that takes it.
    pub chain: Vec<Site>,
    pub shared: bool,
}

impl Held {
    /// The function that takes it, for itself and not for its caller.
    pub fn taker(&self, locks: &Locks) -> FnId {
        taker(locks, &self.chain)
    }
}

impl Take {
    /// The function that takes it, for itself and not for its caller.
    pub fn taker(&self, locks: &Locks) -> FnId {
        taker(locks, &self.chain)
    }

    /// Whether this says all that another one would: the same lock, and not as a reader only where that takes it alone.
    fn covers(&self, other: &Take) -> bool {
        self.lock == other.lock && (other.shared || !self.shared)
    }

    /// Where it is taken: the call, or the call of a wrapper that takes it for its caller.
    pub fn place(&self, locks: &Locks) -> Option<Site> {
        locks.visible(&self.chain).last().copied()
    }
}

fn taker(locks: &Locks, chain: &[Site]) -> FnId {
    locks
        .visible(chain)
        .last()
        .map_or(FnId(0), |site| site.function)
}

/// How many functions a parameter is handed on through to where it is called.
const DEEPEST_HANDED: u8 = 2;

/// What a call of a function does to locks.
#[derive(Clone, Debug, Default)]
struct Summary {
    takes: Vec<Take>,
    leaves: Vec<Left>,
    releases: Vec<Lock>,
    releases_unknown: bool,
    /// What is held for certain at calls.
    held: BTreeMap<StmtId, Vec<Held>>,
    /// Where the parts of a lock are taken that this function takes as a whole for its caller.
    parts: Vec<Site>,
}

/// A lock that is held when a function returns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Left {
    held: Held,
    /// The guard is what the function gives back.
    returned: bool,
}

/// One lock is held while another is taken.
#[derive(Clone, Debug)]
pub struct Pair {
    pub function: FnId,
    pub first: Held,
    pub second: Take,
}

/// A lock is held around a call that asks for the loader lock.
#[derive(Clone, Debug)]
pub struct Asked {
    pub function: FnId,
    pub held: Held,
    /// From the statement of this function down to the call that asks.
    pub chain: Vec<Site>,
}

/// The locks of a program.
pub struct Locks<'p, 'a> {
    program: &'p Program<'a>,
    summaries: FxHashMap<FnId, Summary>,
    /// Small classes around one lock.
    bare: FxHashSet<TypeId>,
    /// "Holds the first, takes the second", by identity.
    pub pairs: BTreeMap<(Key, Key), Vec<Pair>>,
    /// Pairs of which the callers tell which locks they are, by the function that takes them.
    handed: FxHashMap<FnId, Vec<Pair>>,
    /// Locks held around calls that ask for the loader lock.
    pub asked: BTreeMap<Key, Vec<Asked>>,
    /// Where functions run that are passed to what runs them at once.
    run_by: FxHashMap<FnId, Vec<Site>>,
    /// The way to the nearest call that asks for the loader lock.
    asks: FxHashMap<FnId, (Site, Option<FnId>)>,
    paths: paths::Paths,
    /// Locks that are made by hand.
    spins: spins::Spins,
}

/// So many locks of a function are kept.
const MOST_TAKES: usize = 24;
const MOST_RELEASES: usize = 24;
/// Longer call paths are not followed.
const LONGEST_CHAIN: usize = 10;
/// So many places of one pair or one ask are kept.
const MOST_PLACES: usize = 16;

impl<'p, 'a> Locks<'p, 'a> {
    /// Looks at all functions that have to do with locks. `handles` tells which handles are mutexes.
    pub fn new(program: &'p Program<'a>, handles: &Handles) -> Self {
        let mut locks = Locks {
            program,
            summaries: FxHashMap::default(),
            bare: FxHashSet::default(),
            pairs: BTreeMap::new(),
            handed: FxHashMap::default(),
            asked: BTreeMap::new(),
            run_by: FxHashMap::default(),
            asks: FxHashMap::default(),
            paths: paths::Paths::default(),
            spins: spins::Spins::default(),
        };
        locks.find_spins();
        let by_hand = locks.by_hand();
        let mut touching: Vec<FnId> = Vec::new();
        for id in program.ids() {
            let mut touches = by_hand.contains(&id);
            for call in program.calls(id) {
                locks.note_run_in_place(Site {
                    function: id,
                    stmt: call.stmt,
                });
                for effect in &call.effects {
                    match effect.effect() {
                        Effect::Acquire { .. } | Effect::Release { .. } => touches = true,
                        Effect::RunsHere { argument } => {
                            let site = Site {
                                function: id,
                                stmt: call.stmt,
                            };
                            let value = program.argument_value(site, *argument);
                            for function in program.functions_of(id, &value) {
                                locks.run_by.entry(function).or_default().push(site);
                            }
                        }
                        _ => {}
                    }
                }
            }
            if touches {
                touching.push(id);
            }
        }
        if touching.is_empty() {
            return locks;
        }
        locks.find_bare(&touching);
        let relevant = locks.with_callers(&touching);
        locks.find_asks();
        for id in locks.callees_first(&relevant) {
            let summary = walk::Judge {
                locks: &locks,
                handles,
                id,
            }
            .run();
            locks.summaries.insert(id, summary);
            let handed = locks.handed_up(id);
            if !handed.is_empty() {
                locks.handed.insert(id, handed);
            }
        }
        let mut ordered: Vec<FnId> = relevant.into_iter().collect();
        ordered.sort();
        for id in ordered {
            locks.collect(id);
        }
        locks
    }

    /// The locks that a function takes, itself or through what it calls.
    pub fn takes(&self, function: FnId) -> &[Take] {
        self.summaries
            .get(&function)
            .map_or(&[], |summary| &summary.takes)
    }

    /// The locks that are held for certain just before a statement, taken by this function itself.
    pub fn held(&self, site: Site) -> &[Held] {
        self.summaries
            .get(&site.function)
            .and_then(|summary| summary.held.get(&site.stmt))
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a call of this function takes a lock that it does not give back: the caller holds it then.
    pub fn passes_on(&self, function: FnId) -> bool {
        self.summaries
            .get(&function)
            .is_some_and(|summary| summary.leaves.iter().any(|left| left.held.must))
    }

    /// Whether the lock taken at a statement is passed on to the function's callers.
    pub fn is_passed_on(&self, site: Site) -> bool {
        self.summaries.get(&site.function).is_some_and(|summary| {
            summary.parts.contains(&site)
                || summary
                    .leaves
                    .iter()
                    .any(|left| left.held.must && left.held.chain.first() == Some(&site))
        })
    }

    /// A chain of calls without its end in wrappers that take a lock for their callers, and in macros.
    pub fn visible<'c>(&self, chain: &'c [Site]) -> &'c [Site] {
        let mut length = chain.len();
        while length > 1
            && (self.is_passed_on(chain[length - 1])
                || self.program.function(chain[length - 1].function).kind
                    == crate::ir::FunctionKind::Macro)
        {
            length -= 1;
        }
        &chain[..length]
    }

    /// The locks that a call of a function leaves held, seen from the caller.
    pub fn passed_on(&self, site: Site, target: FnId) -> Vec<Take> {
        let Some(summary) = self.summaries.get(&target) else {
            return Vec::new();
        };
        summary
            .leaves
            .iter()
            .filter(|left| left.held.must)
            .filter_map(|left| {
                Some(Take {
                    lock: self.mapped(site, target, &left.held.lock)?,
                    chain: longer(site, &left.held.chain),
                    shared: left.held.shared,
                })
            })
            .collect()
    }

    /// Whether a call of a function can give this lock of the caller back.
    pub fn may_release(&self, site: Site, target: FnId, lock: &Lock) -> bool {
        let Some(summary) = self.summaries.get(&target) else {
            return false;
        };
        summary.releases_unknown
            || summary.releases.iter().any(|released| {
                self.mapped(site, target, released)
                    .is_none_or(|released| self.same_here(site.function, &released, lock))
            })
    }

    /// Whether two locks of one function can be the same object.
    fn same_here(&self, function: FnId, one: &Lock, other: &Lock) -> bool {
        if one == other {
            return true;
        }
        if one.is_single() && other.is_single() {
            return false;
        }
        match (self.identity(function, one), self.identity(function, other)) {
            (Some(one), Some(other)) => one == other,
            _ => !(one.is_single() || other.is_single()),
        }
    }

    pub(in crate::locks) fn is_bare_lock(&self, class: TypeId) -> bool {
        self.bare.contains(&class)
    }

    /// Small classes with a method that takes a lock of their own and does not give it back.
    fn find_bare(&mut self, touching: &[FnId]) {
        let program = self.program;
        for &id in touching {
            let Some(class) = program.owner(id) else {
                continue;
            };
            if self.bare.contains(&class)
                || program.type_def(class).fields.len() > 3
                || matches!(
                    program.function(id).kind,
                    crate::ir::FunctionKind::Lambda
                        | crate::ir::FunctionKind::Ctor
                        | crate::ir::FunctionKind::Dtor
                )
            {
                continue;
            }
            let own = |effect: &CallEffect, site: Site, takes: bool| {
                let arg = match effect.effect() {
                    Effect::Acquire {
                        lock, guard: None, ..
                    } if takes => *lock,
                    Effect::Release { lock, .. } if !takes => *lock,
                    _ => return false,
                };
                identity::argument_place(program, site, arg).is_some_and(|place| {
                    place.root == Root::This
                        || matches!(&place.root, Root::Global(name) if program.field(class, name).is_some())
                })
            };
            let does = |takes: bool| {
                let by_hand = if takes {
                    &self.spins.taken
                } else {
                    &self.spins.freed
                };
                by_hand
                    .iter()
                    .any(|(site, lock)| site.function == id && lock.root == LockRoot::This)
                    || program.calls(id).iter().any(|call| {
                        let site = Site {
                            function: id,
                            stmt: call.stmt,
                        };
                        call.effects.iter().any(|effect| own(effect, site, takes))
                    })
            };
            let small = program
                .methods(class)
                .iter()
                .all(|&method| program.calls(method).len() <= 8);
            if does(true) && !does(false) && small {
                self.bare.insert(class);
            }
        }
    }

    /// The functions that call one of these, and themselves.
    fn with_callers(&self, functions: &[FnId]) -> FxHashSet<FnId> {
        let mut all: FxHashSet<FnId> = functions.iter().copied().collect();
        let mut pending: Vec<FnId> = functions.to_vec();
        while let Some(next) = pending.pop() {
            for site in self.callers(next) {
                if all.insert(site.function) {
                    pending.push(site.function);
                }
            }
        }
        all
    }

    /// Where a function runs: its callers, and where it is passed to what runs it at once.
    pub fn callers(&self, function: FnId) -> impl Iterator<Item = Site> + '_ {
        self.program
            .callers(function)
            .iter()
            .chain(self.run_by.get(&function).into_iter().flatten())
            .copied()
    }

    /// A closure that is handed to a function of the program, which calls that parameter: it runs where it is written.
    fn note_run_in_place(&mut self, site: Site) {
        let program = self.program;
        let closures = self.closures(site);
        let (Some(call), StmtKind::Call { args, .. }) = (
            program.call(site),
            &program.function(site.function).stmt(site.stmt).kind,
        ) else {
            return;
        };
        for closure in closures {
            let position = args.iter().position(|arg| {
                matches!(arg, Value::Closure(index) if program.sibling(site.function, *index) == closure)
            });
            let Some(position) = position else { continue };
            let runs = call
                .targets
                .iter()
                .any(|target| self.runs_parameter(target.function, position, DEEPEST_HANDED));
            if runs {
                self.run_by.entry(closure).or_default().push(site);
            }
        }
    }

    /// Whether a function calls one of its parameters, by itself or in a function that it hands it on to.
    fn runs_parameter(&self, function: FnId, position: usize, depth: u8) -> bool {
        let program = self.program;
        let is_it = |value: &Value| {
            matches!(
                value.place().map(|place| place.root),
                Some(Root::Param(index)) if index as usize == position
            )
        };
        let body = program.function(function);
        (0..body.stmts.len() as u32).map(StmtId).any(|stmt| {
            let StmtKind::Call { callee, args } = &body.stmt(stmt).kind else {
                return false;
            };
            let called = match callee {
                Callee::Indirect(called) => is_it(called),
                Callee::Method { receiver, name } => is_it(receiver) && &**name == "operator()",
                _ => false,
            };
            called
                || depth > 0
                    && program.call(Site { function, stmt }).is_some_and(|call| {
                        args.iter().enumerate().any(|(handed, arg)| {
                            is_it(arg)
                                && call.targets.iter().any(|target| {
                                    self.runs_parameter(target.function, handed, depth - 1)
                                })
                        })
                    })
        })
    }

    /// What a statement runs: the targets of a call, and what it is given to run at once.
    fn runs(&self, site: Site) -> Vec<FnId> {
        let Some(call) = self.program.call(site) else {
            return Vec::new();
        };
        let mut all: Vec<FnId> = call.runs().map(|target| target.function).collect();
        for effect in &call.effects {
            if let Effect::RunsHere { argument } = effect.effect() {
                let value = self.program.argument_value(site, *argument);
                all.extend(self.program.functions_of(site.function, &value));
            }
        }
        all
    }

    /// The closures that are written as arguments of a call.
    fn closures(&self, site: Site) -> Vec<FnId> {
        match &self.program.function(site.function).stmt(site.stmt).kind {
            StmtKind::Call { args, .. } => args
                .iter()
                .filter_map(|arg| match arg {
                    Value::Closure(index) => Some(self.program.sibling(site.function, *index)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A list of functions with callees before callers, as far as there is such an order.
    fn callees_first(&self, relevant: &FxHashSet<FnId>) -> Vec<FnId> {
        let mut roots: Vec<FnId> = relevant.iter().copied().collect();
        roots.sort();
        let mut seen: FxHashSet<FnId> = FxHashSet::default();
        let mut order = Vec::with_capacity(roots.len());
        for root in roots {
            if !seen.insert(root) {
                continue;
            }
            let mut stack = vec![(root, self.relevant_callees(root, relevant), 0usize)];
            while let Some((id, callees, next)) = stack.last_mut() {
                if let Some(&callee) = callees.get(*next) {
                    *next += 1;
                    if seen.insert(callee) {
                        let below = self.relevant_callees(callee, relevant);
                        stack.push((callee, below, 0));
                    }
                } else {
                    order.push(*id);
                    stack.pop();
                }
            }
        }
        order
    }

    fn relevant_callees(&self, id: FnId, relevant: &FxHashSet<FnId>) -> Vec<FnId> {
        let mut all: Vec<FnId> = self
            .program
            .calls(id)
            .iter()
            .flat_map(|call| {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                let mut all = self.runs(site);
                all.extend(self.closures(site));
                all
            })
            .filter(|callee| relevant.contains(callee))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// From every function the shortest way to a call that asks for the loader lock, breadth first from those calls.
    fn find_asks(&mut self) {
        let program = self.program;
        let mut queue = VecDeque::new();
        for id in program.ids() {
            let direct = program.calls(id).iter().find(|call| {
                call.effects.iter().any(|effect| {
                    *effect.effect() == Effect::AsksLoaderLock
                        && holds(
                            program,
                            Site {
                                function: id,
                                stmt: call.stmt,
                            },
                            effect,
                        )
                })
            });
            if let Some(call) = direct {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                self.asks.insert(id, (site, None));
                queue.push_back(id);
            }
        }
        while let Some(next) = queue.pop_front() {
            let callers: Vec<Site> = self.callers(next).collect();
            for site in callers {
                if let Entry::Vacant(place) = self.asks.entry(site.function) {
                    place.insert((site, Some(next)));
                    queue.push_back(site.function);
                }
            }
        }
    }

    /// The calls from a statement down to one that asks for the loader lock, where there are some that can run.
    fn asks_at(&self, site: Site) -> Option<Vec<Site>> {
        let nearest = self.nearest_ask(site)?;
        let asks = self.at_end(&nearest).is_some_and(|env| {
            nearest
                .last()
                .is_some_and(|&last| self.asks_here(last, &env))
        });
        if asks {
            return Some(nearest);
        }
        self.find_below(site, &|site, env| self.asks_here(site, env), &|function| {
            self.asks.contains_key(&function)
        })
    }

    /// The calls down to the nearest one that asks for the loader lock, whatever is handed on.
    fn nearest_ask(&self, site: Site) -> Option<Vec<Site>> {
        let call = self.program.call(site)?;
        if call.effects.iter().any(|effect| {
            *effect.effect() == Effect::AsksLoaderLock && holds(self.program, site, effect)
        }) {
            return Some(vec![site]);
        }
        self.runs(site)
            .into_iter()
            .filter_map(|target| {
                let mut chain = vec![site];
                let mut current = target;
                loop {
                    let (next, below) = self.asks.get(&current)?;
                    chain.push(*next);
                    match below {
                        Some(below) if chain.len() < LONGEST_CHAIN => current = *below,
                        Some(_) => return None,
                        None => return Some(chain),
                    }
                }
            })
            .min_by_key(Vec::len)
    }

    /// The pairs and asks of one function.
    fn collect(&mut self, id: FnId) {
        let Some(summary) = self.summaries.get(&id) else {
            return;
        };
        let mut pairs = Vec::new();
        let mut asked = Vec::new();
        for (&stmt, held) in &summary.held {
            let site = Site { function: id, stmt };
            let taken = summary.takes_at(self, site);
            let asks = self.asks_at(site);
            for first in held {
                let Some(first_key) = self.identity(id, &first.lock) else {
                    continue;
                };
                for second in &taken {
                    let Some(second_key) = self.identity(id, &second.lock) else {
                        continue;
                    };
                    if first_key == second_key || self.gives_back(site, &first.lock) {
                        continue;
                    }
                    let Some(second) = self.possible(second, &second_key) else {
                        continue;
                    };
                    pairs.push((
                        (first_key.clone(), second_key),
                        Pair {
                            function: id,
                            first: first.clone(),
                            second,
                        },
                    ));
                }
                if let Some(chain) = &asks
                    && !self.gives_back(site, &first.lock)
                {
                    asked.push((
                        first_key,
                        Asked {
                            function: id,
                            held: first.clone(),
                            chain: chain.clone(),
                        },
                    ));
                }
            }
        }
        for pair in self.given_pairs(id) {
            let keys = [&pair.first.lock, &pair.second.lock].map(|lock| self.identity(id, lock));
            if let [Some(first), Some(second)] = keys
                && first != second
                && self.can_run(&pair.second.chain)
            {
                pairs.push(((first, second), pair));
            }
        }
        for (key, pair) in pairs {
            let known = self.pairs.entry(key).or_default();
            if known.len() < MOST_PLACES {
                known.push(pair);
            }
        }
        for (key, ask) in asked {
            let known = self.asked.entry(key).or_default();
            if known.len() < MOST_PLACES {
                known.push(ask);
            }
        }
    }

    /// A way to take a lock that what is handed on does not rule out: the one that is known, or another.
    fn possible(&self, take: &Take, key: &Key) -> Option<Take> {
        if self.can_run(&take.chain) {
            return Some(take.clone());
        }
        let takes_it = |site: Site| {
            self.summaries.get(&site.function).and_then(|summary| {
                summary.takes.iter().find(|other| {
                    other.chain == [site]
                        && self.identity(site.function, &other.lock).as_ref() == Some(key)
                })
            })
        };
        let chain = self.find_below(
            *take.chain.first()?,
            &|site, _| takes_it(site).is_some(),
            &|function| !self.takes(function).is_empty(),
        )?;
        let shared = takes_it(*chain.last()?)?.shared;
        Some(Take {
            lock: take.lock.clone(),
            chain,
            shared,
        })
    }

    /// Whether what a statement calls gives a lock of the caller back on the way.
    pub fn gives_back(&self, site: Site, lock: &Lock) -> bool {
        self.runs(site)
            .into_iter()
            .any(|target| self.may_release(site, target, lock))
    }

    /// The locks that a statement takes, itself or through what it calls.
    pub fn taken_at(&self, site: Site) -> Vec<Take> {
        self.summaries
            .get(&site.function)
            .map_or_else(Vec::new, |summary| summary.takes_at(self, site))
    }
}

impl Summary {
    fn takes_at(&self, locks: &Locks, site: Site) -> Vec<Take> {
        let mut all: Vec<Take> = self
            .takes
            .iter()
            .filter(|take| take.chain.first() == Some(&site))
            .cloned()
            .collect();
        // A lock that is taken twice is kept with its first place only.
        for target in locks.runs(site) {
            for take in locks.takes(target) {
                if let Some(mapped) = mapped_take(locks, site, target, take)
                    && !all.iter().any(|other| other.covers(&mapped))
                {
                    all.push(mapped);
                }
            }
        }
        all
    }
}

fn mapped_take(locks: &Locks, site: Site, target: FnId, take: &Take) -> Option<Take> {
    if take.chain.len() >= LONGEST_CHAIN {
        return None;
    }
    Some(Take {
        lock: locks.mapped(site, target, &take.lock)?,
        chain: longer(site, &take.chain),
        shared: take.shared,
    })
}

fn longer(site: Site, chain: &[Site]) -> Vec<Site> {
    std::iter::once(site).chain(chain.iter().copied()).collect()
}

/// Whether the condition of an effect is met, as far as constants tell.
pub fn holds(program: &Program, site: Site, effect: &CallEffect) -> bool {
    let Some(when) = effect.when() else {
        return true;
    };
    match program.argument(site, when.arg) {
        Some(value) => program
            .constant(site.function, value)
            .map_or(Abstract::Unknown, Abstract::from),
        None => Abstract::Null,
    }
    .meets(when.is, when.flag)
}
