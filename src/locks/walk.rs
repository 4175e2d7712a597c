//! One function, walked over its blocks: which locks are held at its calls, which it takes and leaves.
//!
//! In come the summaries of its callees, out comes its own. Where paths meet, only what all of them hold stays certain.

use super::{
    Held, Left, Lock, LockRoot, Locks, MOST_RELEASES, MOST_TAKES, Summary, Take, holds, identity,
    longer, mapped_take,
};
use crate::api::{Arg, Effect, WaitClass, is_for_ever};
use crate::ir::{Place, Root, StmtKind, Value};
use crate::program::{FnId, Site};
use crate::reach::blocking::Handles;
use crate::source::Lang;
use std::collections::VecDeque;

/// One function's walk.
pub(super) struct Judge<'l, 'p, 'a> {
    pub locks: &'l Locks<'p, 'a>,
    pub handles: &'l Handles,
    pub id: FnId,
}

impl Judge<'_, '_, '_> {
    pub fn run(&self) -> Summary {
        let program = self.locks.program;
        let body = program.function(self.id);
        let mut summary = Summary::default();
        let mut at_start: Vec<Option<Vec<Held>>> = vec![None; body.blocks.len()];
        if body.blocks.is_empty() {
            return summary;
        }
        at_start[0] = Some(Vec::new());
        let mut pending: VecDeque<usize> = VecDeque::from([0]);
        let mut is_pending = vec![false; body.blocks.len()];
        let mut visits = vec![0u8; body.blocks.len()];
        while let Some(block) = pending.pop_front() {
            is_pending[block] = false;
            visits[block] = visits[block].saturating_add(1);
            let Some(mut held) = at_start[block].clone() else {
                continue;
            };
            let mut ended = false;
            for index in 0..body.blocks[block].stmts.len() {
                if self.transfer(block, index, &mut held, &mut Summary::default()) {
                    ended = true;
                    break;
                }
            }
            if ended || visits[block] > 16 {
                continue;
            }
            for edge in &body.blocks[block].next {
                let next = edge.to.0 as usize;
                let joined = match &at_start[next] {
                    Some(before) => join(before, &held),
                    None => held.clone(),
                };
                if at_start[next].as_ref() != Some(&joined) {
                    at_start[next] = Some(joined);
                    if !std::mem::replace(&mut is_pending[next], true) {
                        pending.push_back(next);
                    }
                }
            }
        }
        let mut exit: Option<Vec<Held>> = None;
        let mut returned: Vec<Lock> = Vec::new();
        for (block, held) in at_start.into_iter().enumerate() {
            let Some(mut held) = held else { continue };
            let mut ended = false;
            for (index, &stmt) in body.blocks[block].stmts.iter().enumerate() {
                let site = Site {
                    function: self.id,
                    stmt,
                };
                if program.call(site).is_some() {
                    let certain: Vec<Held> =
                        held.iter().filter(|held| held.must).cloned().collect();
                    if !certain.is_empty() {
                        summary.held.insert(stmt, certain);
                    }
                }
                if let StmtKind::Return { value: Some(value) } = &body.stmt(stmt).kind
                    && let Some(place) = value.place()
                {
                    for held in held.iter().filter(|held| held.guards.contains(&place)) {
                        returned.push(held.lock.clone());
                    }
                }
                if self.transfer(block, index, &mut held, &mut summary) {
                    ended = true;
                    break;
                }
            }
            if !ended && body.blocks[block].next.is_empty() {
                exit = Some(match exit {
                    None => held,
                    Some(before) => join(&before, &held),
                });
            }
        }
        for held in exit.unwrap_or_default() {
            // A guard that nobody keeps ends with the function.
            let is_returned = returned.contains(&held.lock);
            let dies = !held.guards.is_empty()
                && held
                    .guards
                    .iter()
                    .all(|guard| matches!(guard.root, Root::Local(_) | Root::Result(_)));
            if dies && !is_returned {
                continue;
            }
            summary.leaves.push(Left {
                held,
                returned: is_returned,
            });
        }
        // Short ways first; of several ways to one lock the shortest, and where that takes it as a reader, also the
        // shortest that does not.
        summary.takes.sort_by_key(|take| take.chain.len());
        let mut kept: Vec<Take> = Vec::new();
        for take in std::mem::take(&mut summary.takes) {
            if kept.len() < MOST_TAKES && !kept.iter().any(|other| other.covers(&take)) {
                kept.push(take);
            }
        }
        summary.takes = kept;
        self.as_one_lock(&mut summary);
        summary
    }

    /// A function that takes some members of an object made of such locks and keeps one of them takes the object: the
    /// readers' side of a hand-made lock for readers and writers takes it in parts, and the first of them for all.
    fn as_one_lock(&self, summary: &mut Summary) {
        if self.locks.spins.whole.is_empty() {
            return;
        }
        let whole = |lock: &Lock| self.locks.whole_of(self.id, lock);
        let mut objects: Vec<Lock> = summary
            .takes
            .iter()
            .map(|take| &take.lock)
            .chain(&summary.releases)
            .filter_map(whole)
            .collect();
        objects.sort();
        objects.dedup();
        for object in objects {
            let is_part = |lock: &Lock| whole(lock).as_ref() == Some(&object);
            let first = summary
                .takes
                .iter()
                .find(|take| is_part(&take.lock))
                .cloned();
            let kept: Vec<bool> = summary
                .leaves
                .iter()
                .filter(|left| is_part(&left.held.lock))
                .map(|left| left.held.must)
                .collect();
            let frees = summary.releases.iter().any(is_part);
            if !kept.is_empty() {
                let parts = summary.takes.iter().filter(|take| is_part(&take.lock));
                summary
                    .parts
                    .extend(parts.filter_map(|take| take.chain.first().copied()));
            }
            summary.takes.retain(|take| !is_part(&take.lock));
            summary.leaves.retain(|left| !is_part(&left.held.lock));
            summary.releases.retain(|lock| !is_part(lock));
            if let (Some(first), false) = (first, kept.is_empty()) {
                let shared = !kept.contains(&true);
                summary.takes.push(Take {
                    lock: object.clone(),
                    chain: first.chain.clone(),
                    shared,
                });
                summary.leaves.push(Left {
                    held: Held {
                        lock: object,
                        chain: first.chain,
                        shared,
                        must: true,
                        guards: Vec::new(),
                    },
                    returned: false,
                });
            } else if frees {
                summary.releases.push(object);
            }
        }
    }

    /// What a statement does. True where the path ends.
    fn transfer(
        &self,
        block: usize,
        index: usize,
        held: &mut Vec<Held>,
        summary: &mut Summary,
    ) -> bool {
        let program = self.locks.program;
        let body = program.function(self.id);
        let stmt = body.blocks[block].stmts[index];
        let site = Site {
            function: self.id,
            stmt,
        };
        match &body.stmt(stmt).kind {
            StmtKind::Assign { to, value } => {
                if let Some(lock) = self.locks.spins.freed_by(self.locks, self.id, to, value) {
                    self.release(&lock, held, summary);
                }
                let from = match value {
                    Value::Place(place) => Some(place.clone()),
                    Value::Result(stmt) => Some(Place::of(Root::Result(*stmt))),
                    _ => None,
                };
                let comes_from =
                    |held: &Held| from.as_ref().is_some_and(|from| held.guards.contains(from));
                // What a guard has held until now ends; in Rust that is a drop of its own.
                if program.lang(self.id) == Lang::Cpp {
                    held.retain(|held| !held.guards.contains(to) || comes_from(held));
                }
                for held in held.iter_mut() {
                    if comes_from(held) && !held.guards.contains(to) {
                        held.guards.push(to.clone());
                    }
                }
                return false;
            }
            StmtKind::Drop { place, .. } => {
                // What is returned is not dropped.
                let moved_out = body.blocks[block].stmts[index..].iter().any(|&later| {
                    matches!(&body.stmt(later).kind, StmtKind::Return { value: Some(Value::Place(given)) } if given == place)
                });
                if moved_out || self.is_written_through(block, index, place, held) {
                    return false;
                }
                let before = held.len();
                held.retain(|held| !held.guards.contains(place));
                if held.len() != before || self.is_disarmed(place) {
                    return false;
                }
            }
            StmtKind::Opaque { .. } => {
                held.clear();
                return false;
            }
            StmtKind::Return { .. } => return false,
            StmtKind::Call { .. } => {}
        }
        let Some(call) = program.call(site) else {
            return false;
        };
        for effect in &call.effects {
            match effect.effect() {
                Effect::Acquire {
                    lock,
                    try_,
                    shared,
                    guard,
                } if holds(program, site, effect) => {
                    let guard = guard.and_then(|guard| self.guard_place(site, guard));
                    self.acquire(site, *lock, *try_, *shared, guard, held, summary);
                }
                Effect::Release {
                    lock,
                    when_callback_returns: false,
                } => {
                    let before = held.len();
                    if let Some(guard) = identity::argument_place(program, site, *lock) {
                        held.retain(|held| !held.guards.contains(&guard));
                    }
                    match self.locks.lock_of(site, *lock) {
                        _ if held.len() < before => {}
                        Some(lock) => self.release(&lock, held, summary),
                        None => {
                            held.clear();
                            summary.releases_unknown = true;
                        }
                    }
                }
                Effect::Swaps { one, other } => {
                    let place = |arg| identity::argument_place(program, site, arg);
                    if let (Some(one), Some(other)) = (place(*one), place(*other)) {
                        // Whichever of them ends first gives the lock back.
                        for held in held.iter_mut() {
                            for (from, to) in [(&one, &other), (&other, &one)] {
                                if held.guards.contains(from) && !held.guards.contains(to) {
                                    held.guards.push(to.clone());
                                }
                            }
                        }
                    }
                }
                Effect::Disarms { guard } => {
                    if let Some(place) = identity::argument_place(program, site, *guard) {
                        // All that stand for this guard: the lock is held from here on with none.
                        for held in held.iter_mut().filter(|held| held.guards.contains(&place)) {
                            held.guards.clear();
                        }
                    }
                }
                Effect::Wait {
                    class: WaitClass::Handle,
                    on: Some(on),
                    timeout: Some(timeout),
                    count: None,
                    ..
                } => {
                    if let Some(place) = identity::argument_place(program, site, *on)
                        && let Some(key) = program.key(self.id, &place)
                        && self.handles.is_mutex(&key)
                    {
                        let endless = program
                            .argument(site, *timeout)
                            .and_then(|value| program.constant(self.id, value))
                            .and_then(|constant| constant.number())
                            .is_some_and(is_for_ever);
                        self.acquire(site, *on, !endless, false, None, held, summary);
                    }
                }
                _ => {}
            }
        }
        if call.never_returns() {
            return true;
        }
        if let Some(lock) = self.locks.spins.taken.get(&site) {
            self.take(site, lock.clone(), false, false, None, held, summary);
        } else if let Some(lock) = self.locks.spins.freed.get(&site) {
            self.release(&lock.clone(), held, summary);
        }
        let targets = self.locks.runs(site);
        let single = targets.len() == 1;
        for &target in &targets {
            self.apply(site, target, single, held, summary);
            self.end_given(site, target, held);
        }
        self.keep_for_later(site, &targets, held);
        false
    }

    /// `auto leave = scope_exit([&] { LeaveCriticalSection(&lock); })`: the object that keeps the closure is a guard.
    fn keep_for_later(&self, site: Site, run: &[FnId], held: &mut [Held]) {
        if held.is_empty() {
            return;
        }
        for closure in self.locks.closures(site) {
            let Some(below) = self
                .locks
                .summaries
                .get(&closure)
                .filter(|_| !run.contains(&closure))
            else {
                continue;
            };
            for released in &below.releases {
                let Some(lock) = self.locks.mapped(site, closure, released) else {
                    continue;
                };
                for held in held.iter_mut() {
                    if self.locks.same_here(self.id, &lock, &held.lock) {
                        held.guards.push(Place::of(Root::Result(site.stmt)));
                    }
                }
            }
        }
    }

    /// A guard that is moved into a parameter ends with the called function, at the latest.
    fn end_given(&self, site: Site, target: FnId, held: &mut Vec<Held>) {
        let program = self.locks.program;
        let StmtKind::Call { args, .. } = &program.function(self.id).stmt(site.stmt).kind else {
            return;
        };
        let unit = program.unit_number(target);
        let skip = program.arguments_before_params(site, target);
        let params = &program.function(target).params;
        for (arg, param) in args.iter().skip(skip).zip(params) {
            let Some(place) = arg.place() else { continue };
            if held.iter().any(|held| held.guards.contains(&place))
                && !param.type_text.contains(['&', '*'])
                && program.is_guard(&param.type_text, unit)
            {
                held.retain(|held| !held.guards.contains(&place));
            }
        }
    }

    /// `*guard = value` of Rust ends the old value behind the guard, and not the guard.
    fn is_written_through(&self, block: usize, index: usize, place: &Place, held: &[Held]) -> bool {
        let body = self.locks.program.function(self.id);
        let next = body.blocks[block].stmts.get(index + 1);
        let Some(StmtKind::Assign { to, value }) = next.map(|&next| &body.stmt(next).kind) else {
            return false;
        };
        to == place
            && held.iter().any(|held| held.guards.contains(place))
            && !value
                .place()
                .is_some_and(|value| held.iter().any(|held| held.guards.contains(&value)))
    }

    /// Whether a guard is told somewhere to keep its lock: its end gives nothing back then.
    fn is_disarmed(&self, guard: &Place) -> bool {
        let program = self.locks.program;
        program.calls(self.id).iter().any(|call| {
            let site = Site {
                function: self.id,
                stmt: call.stmt,
            };
            call.effects.iter().any(|effect| match effect.effect() {
                Effect::Disarms { guard: arg } => {
                    identity::argument_place(program, site, *arg).as_ref() == Some(guard)
                }
                _ => false,
            })
        })
    }

    /// Where the guard of an acquisition lives.
    fn guard_place(&self, site: Site, guard: Arg) -> Option<Place> {
        match guard {
            Arg::Result => Some(Place::of(Root::Result(site.stmt))),
            other => identity::argument_place(self.locks.program, site, other),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn acquire(
        &self,
        site: Site,
        arg: Arg,
        try_: bool,
        shared: bool,
        guard: Option<Place>,
        held: &mut Vec<Held>,
        summary: &mut Summary,
    ) {
        let Some(lock) = self.locks.lock_of(site, arg) else {
            return;
        };
        // `guard.lock()` of a guard that exists already.
        let guard = guard.or_else(|| {
            let place = identity::argument_place(self.locks.program, site, arg)?;
            (matches!(place.root, Root::Local(_))
                && place.path.is_empty()
                && lock.root != LockRoot::Local(self.id, local_index(&place)?))
            .then_some(place)
        });
        self.take(site, lock, try_, shared, guard, held, summary);
    }

    #[allow(clippy::too_many_arguments)]
    fn take(
        &self,
        site: Site,
        lock: Lock,
        try_: bool,
        shared: bool,
        guard: Option<Place>,
        held: &mut Vec<Held>,
        summary: &mut Summary,
    ) {
        if !try_ {
            summary.takes.push(Take {
                lock: lock.clone(),
                chain: vec![site],
                shared,
            });
        }
        insert(
            held,
            Held {
                lock,
                chain: vec![site],
                shared,
                must: !try_,
                guards: guard.into_iter().collect(),
            },
        );
    }

    fn release(&self, lock: &Lock, held: &mut Vec<Held>, summary: &mut Summary) {
        let before = held.len();
        held.retain(|held| !self.locks.same_here(self.id, lock, &held.lock));
        if held.len() == before && summary.releases.len() < MOST_RELEASES {
            if !summary.releases.contains(lock) {
                summary.releases.push(lock.clone());
            }
        } else if summary.releases.len() >= MOST_RELEASES {
            summary.releases_unknown = true;
        }
    }

    /// What a callee does.
    fn apply(
        &self,
        site: Site,
        target: FnId,
        single: bool,
        held: &mut Vec<Held>,
        summary: &mut Summary,
    ) {
        let Some(below) = self.locks.summaries.get(&target) else {
            return;
        };
        for take in &below.takes {
            if let Some(mapped) = mapped_take(self.locks, site, target, take) {
                summary.takes.push(mapped);
            }
        }
        if below.releases_unknown {
            held.clear();
            summary.releases_unknown = true;
        }
        for released in &below.releases {
            match self.locks.mapped(site, target, released) {
                Some(lock) => self.release(&lock, held, summary),
                // A lock that this function cannot name is none of its own.
                None => held.retain(|held| held.lock.is_single()),
            }
        }
        let makes = self.locks.program.function(target).kind == crate::ir::FunctionKind::Ctor;
        for left in &below.leaves {
            let Some(lock) = self.locks.mapped(site, target, &left.held.lock) else {
                continue;
            };
            let guards = if left.returned || makes {
                vec![Place::of(Root::Result(site.stmt))]
            } else {
                Vec::new()
            };
            insert(
                held,
                Held {
                    lock,
                    chain: longer(site, &left.held.chain),
                    shared: left.held.shared,
                    must: left.held.must && single,
                    guards,
                },
            );
        }
    }
}

fn local_index(place: &Place) -> Option<u32> {
    match place.root {
        Root::Local(index) => Some(index),
        _ => None,
    }
}

/// Adds a lock; one that is held already gets the new guard.
fn insert(held: &mut Vec<Held>, new: Held) {
    match held.iter_mut().find(|held| held.lock == new.lock) {
        Some(known) => {
            known.must |= new.must;
            for guard in new.guards {
                if !known.guards.contains(&guard) {
                    known.guards.push(guard);
                }
            }
        }
        None => held.push(new),
    }
}

/// What is held after two paths have met: for certain only what both hold.
fn join(one: &[Held], other: &[Held]) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    for held in one {
        let mut joined = held.clone();
        match other.iter().find(|other| other.lock == held.lock) {
            Some(other) => {
                joined.must &= other.must;
                for guard in &other.guards {
                    if !joined.guards.contains(guard) {
                        joined.guards.push(guard.clone());
                    }
                }
            }
            None => joined.must = false,
        }
        all.push(joined);
    }
    for held in other {
        if !all.iter().any(|known| known.lock == held.lock) {
            let mut joined = held.clone();
            joined.must = false;
            all.push(joined);
        }
    }
    all
}
