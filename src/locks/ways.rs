//! How another thread gets to a function: the shortest chain of callers up to one that nobody calls, or that a thread,
//! the pool or the outside runs.

use super::{Lock, LockRoot, Locks};
use crate::api::Effect;
use crate::ir::{FunctionKind, Linkage, Place, Root, StmtKind, Value};
use crate::program::{FnId, Key, Site};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeSet, VecDeque};

/// A search gives up after so many functions.
const MOST_CALLERS: usize = 4096;

/// A call path to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub root: FnId,
    /// The calls from the root down.
    pub calls: Vec<Site>,
}

/// What a way has to be like.
pub struct Wanted<'w> {
    /// What is run by threads, the pool or the system.
    pub entries: &'w FxHashSet<FnId>,
    /// What the way does not lead through: functions that only the loader runs.
    pub avoided: &'w FxHashSet<FnId>,
    /// The calls below the function: nothing that is handed down may rule them out.
    pub below: &'w [Site],
    /// Locks that are not held on the way.
    pub without: &'w BTreeSet<Key>,
}

impl Locks<'_, '_> {
    /// The shortest way into a function that is as it is wanted.
    pub fn way_to(&self, function: FnId, wanted: &Wanted) -> Option<Way> {
        let program = self.program;
        let mut below: FxHashMap<FnId, Option<(Site, FnId)>> =
            [(function, None)].into_iter().collect();
        let mut queue = VecDeque::from([function]);
        while let Some(next) = queue.pop_front() {
            if wanted.avoided.contains(&next) {
                continue;
            }
            let body = program.function(next);
            if body.kind == FunctionKind::Initializer
                && !body.has_this
                && program.lang(next) != Lang::Rust
            {
                continue;
            }
            let callers: Vec<Site> = self
                .callers(next)
                .chain(program.calls_of_overridden(next).iter().copied())
                .filter(|site| site.function != next)
                .collect();
            if callers.is_empty()
                || body.linkage == Linkage::Exported
                || wanted.entries.contains(&next)
            {
                let mut calls = Vec::new();
                let mut current = next;
                while let Some(Some((site, callee))) = below.get(&current) {
                    calls.push(*site);
                    current = *callee;
                }
                let whole: Vec<Site> = calls.iter().chain(wanted.below).copied().collect();
                if whole.is_empty() || self.can_run(&whole) {
                    return Some(Way { root: next, calls });
                }
            }
            for site in callers {
                if below.len() < MOST_CALLERS
                    && !below.contains_key(&site.function)
                    && !self.is_held_at(site, wanted.without)
                {
                    below.insert(site.function, Some((site, next)));
                    queue.push_back(site.function);
                }
            }
        }
        None
    }

    /// Whether a lock is a member of an object that nobody else has: a constructor takes it, or a destructor, or a method
    /// that only these call. A constructor that hands its object on before it ends is not looked into.
    pub fn is_unshared(&self, function: FnId, lock: &Lock) -> bool {
        lock.root == LockRoot::This && self.only_constructs(function, 3)
    }

    fn only_constructs(&self, function: FnId, depth: u8) -> bool {
        let program = self.program;
        let body = program.function(function);
        if self.hands_on(function) {
            return false;
        }
        if program.is_constructing(function) {
            return true;
        }
        let mut callers = self.callers(function).peekable();
        depth > 0
            && body.kind == FunctionKind::Method
            && body.has_this
            && !body.is_virtual
            && body.linkage != Linkage::Exported
            && callers.peek().is_some()
            && callers.all(|site| {
                site.function != function
                    && program.owner(site.function) == program.owner(function)
                    && program.is_call_on_this(site)
                    && self.only_constructs(site.function, depth - 1)
            })
    }

    /// Whether a function gets its object, or a closure, to somebody who may use it at once: another thread, a
    /// registration, a static.
    fn hands_on(&self, function: FnId) -> bool {
        let program = self.program;
        let this = Value::Place(Place::of(Root::This));
        let starts = program.calls(function).iter().any(|call| {
            call.effects.iter().any(|effect| {
                matches!(
                    effect.effect(),
                    Effect::Spawn { .. }
                        | Effect::TpCreate { .. }
                        | Effect::RunsLater { .. }
                        | Effect::AtExit { .. }
                        | Effect::Hook { .. }
                )
            })
        });
        starts
            || program
                .function(function)
                .stmts
                .iter()
                .any(|stmt| match &stmt.kind {
                    StmtKind::Assign { value, .. } => *value == this,
                    StmtKind::Call { args, .. } => args.contains(&this),
                    _ => false,
                })
    }

    /// Whether one of these locks is held at a call.
    pub fn is_held_at(&self, site: Site, locks: &BTreeSet<Key>) -> bool {
        !locks.is_empty()
            && self.held(site).iter().any(|held| {
                self.identity(site.function, &held.lock)
                    .is_some_and(|key| locks.contains(&key))
            })
    }
}
