//! Re-arming: which callbacks arm their own object again, what they test before, and under which circumstances.

use super::{Flow, What};
use crate::api::{Arg, Effect, PoolObject};
use crate::entry::{self, Entry, EntryKind, Runs};
use crate::ir::{Callee, Cond, Guard, Place, Root, StmtId, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Site};
use crate::reach::Walk;
use std::collections::BTreeSet;

/// A call in a callback that arms the callback's own object.
#[derive(Clone, Debug)]
pub struct Rearm {
    /// The number of the callback's entry.
    pub entry: usize,
    pub callback: FnId,
    pub kind: PoolObject,
    /// The node of the entry's walk that holds the call.
    pub node: usize,
    pub site: Site,
    /// Where the object is created.
    pub creation: Site,
    /// Where the object is kept.
    pub own: Option<Key>,
    /// Some state is tested on the path to the call.
    pub guarded: bool,
    /// The state that is tested, as far as it is known.
    pub flags: BTreeSet<Key>,
    /// A lock is held around the call.
    pub locked: bool,
}

/// All calls in callbacks that arm the callback's own object, by entry.
pub fn find<'w>(flow: &Flow, entries: &[Entry], walk: impl Fn(usize) -> &'w Walk) -> Vec<Rearm> {
    let program = flow.program;
    let mut found: Vec<Rearm> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let (EntryKind::PoolCallback(kind), Runs::Function(callback), Some(creation)) =
            (entry.kind, &entry.runs, entry.registered)
        else {
            continue;
        };
        let walk = walk(number);
        for hit in &walk.hits {
            let (Effect::TpArm { object, value, .. }, Some(site), Some(node)) =
                (hit.effect.effect(), hit.site, hit.node)
            else {
                continue;
            };
            let disarms = value.is_some_and(|value| {
                is_zero_at_entry(flow, walk, node, site, program.argument_value(site, value))
            });
            if disarms
                || found
                    .iter()
                    .any(|known| known.site == site && known.creation == creation)
            {
                continue;
            }
            let Some(armed) = flow
                .key_of(site, *object)
                .and_then(|key| at_entry(flow, walk, node, key))
            else {
                continue;
            };
            let own = flow
                .pool
                .iter()
                .find(|made| made.site == creation)
                .and_then(|made| made.key.clone());
            let is_parameter = entry::object_parameter(kind)
                .is_some_and(|index| armed == Key::of(KeyRoot::Param(*callback, index)));
            if !is_parameter
                && (own.as_ref() != Some(&armed) || is_new(flow, walk, node, site, &armed))
            {
                continue;
            }
            let mut rearm = Rearm {
                entry: number,
                callback: *callback,
                kind,
                node,
                site,
                creation,
                own,
                guarded: false,
                flags: BTreeSet::new(),
                locked: false,
            };
            let path = walk.path(node);
            for on_path in std::iter::once(site).chain(path.iter().map(|(_, site)| *site)) {
                // Only the callback itself gets its parameters from the pool.
                let kind = (on_path.function == *callback).then_some(kind);
                rearm.guarded |= flow.is_guarded(on_path.function, on_path.stmt, kind);
                rearm.locked |= flow.is_locked(on_path.function, on_path.stmt);
                flow.tested_before(on_path.function, on_path.stmt, kind, &mut rearm.flags);
            }
            found.push(rearm);
        }
    }
    found
}

/// The key of an object in terms of the entry: parameters of helpers are followed up the path.
pub fn at_entry(flow: &Flow, walk: &Walk, node: usize, key: Key) -> Option<Key> {
    let mut key = key;
    for (at, site) in walk.path(node).into_iter().rev() {
        let KeyRoot::Param(function, index) = key.root else {
            return Some(key);
        };
        if function != walk.nodes[at].function {
            return Some(key);
        }
        let value = flow.program.argument(site, Arg::Index(index as u8))?;
        let mut above = flow.program.key_of_value(site.function, value)?;
        above.path.extend(key.path);
        key = above;
    }
    Some(key)
}

/// Whether the callback has made the object that it arms: the next one of its kind, and not its own.
fn is_new(flow: &Flow, walk: &Walk, node: usize, site: Site, armed: &Key) -> bool {
    std::iter::once(site)
        .chain(walk.path(node).into_iter().map(|(_, call)| call))
        .any(|at| {
            flow.before(at.function, at.stmt, What::Create, armed)
                .is_some()
        })
}

/// Whether a value is NULL on the way from the entry: what helpers get as a parameter is followed up the path.
fn is_zero_at_entry(flow: &Flow, walk: &Walk, node: usize, site: Site, value: Value) -> bool {
    let mut value = value;
    let mut function = site.function;
    for (at, call) in walk.path(node).into_iter().rev() {
        let Some(index) = super::parameter(&value) else {
            break;
        };
        let above = flow.program.argument(call, Arg::Index(index as u8));
        let Some(above) = above.filter(|_| walk.nodes[at].function == function) else {
            break;
        };
        value = above.clone();
        function = call.function;
    }
    flow.program
        .constant(function, &value)
        .is_some_and(|constant| constant.is_zero())
}

impl Flow<'_, '_> {
    /// The state that is tested before a statement, where a condition names it.
    fn tested_before(
        &self,
        function: FnId,
        stmt: StmtId,
        kind: Option<PoolObject>,
        into: &mut BTreeSet<Key>,
    ) {
        let body = self.program.function(function);
        let Some((target, _)) = self.place(function, stmt) else {
            return;
        };
        for edge in body
            .blocks
            .iter()
            .filter(|block| {
                // What is tested behind the statement is tested before it only on the next round.
                let mut next = block.next.iter();
                next.any(|edge| self.block_reaches(function, edge.to.0 as usize, target.0 as usize))
            })
            .flat_map(|block| &block.next)
        {
            for guard in &edge.when {
                if self.tests_state_or_event(function, guard, kind)
                    && let Cond::Compare { left, right, .. } = &guard.cond
                {
                    for value in [left, right] {
                        self.keys_behind(function, value, 5, into);
                    }
                }
            }
        }
    }

    /// What a local is assigned, as a whole, and what its elements are.
    pub(super) fn assigned_to(&self, function: FnId, place: &Place) -> Vec<&Value> {
        if !matches!(place.root, Root::Local(_)) || !place.path.is_empty() {
            return Vec::new();
        }
        self.program
            .function(function)
            .stmts
            .iter()
            .filter_map(|stmt| match &stmt.kind {
                StmtKind::Assign { to, value }
                    if to.root == place.root && to.path.iter().all(|part| &**part == "[]") =>
                {
                    Some(value)
                }
                _ => None,
            })
            .collect()
    }

    fn block_reaches(&self, function: FnId, from: usize, to: usize) -> bool {
        let body = self.program.function(function);
        let mut seen = vec![false; body.blocks.len()];
        let mut pending = vec![from];
        while let Some(next) = pending.pop() {
            if next == to {
                return true;
            }
            if !std::mem::replace(&mut seen[next], true) {
                pending.extend(body.blocks[next].next.iter().map(|edge| edge.to.0 as usize));
            }
        }
        false
    }

    /// The places that a tested value comes from: itself, the object of an atomic's `load`, the event that
    /// a wait of a limited time asks, what a predicate returns.
    pub(super) fn keys_behind(
        &self,
        function: FnId,
        value: &Value,
        depth: u8,
        into: &mut BTreeSet<Key>,
    ) {
        if depth == 0 {
            return;
        }
        match value {
            Value::Result(stmt) => {
                let site = Site {
                    function,
                    stmt: *stmt,
                };
                if let StmtKind::Call { callee, args } =
                    &self.program.function(function).stmt(*stmt).kind
                {
                    if let Callee::Method { receiver, .. } = callee {
                        self.keys_behind(function, receiver, depth - 1, into);
                    }
                    for arg in args {
                        if matches!(arg, Value::AddressOf(_)) {
                            self.keys_behind(function, arg, depth - 1, into);
                        }
                    }
                    if let Some(handle) = self.asked_by_wait(site) {
                        self.keys_behind(function, handle, depth - 1, into);
                    }
                }
                for target in self
                    .program
                    .call(site)
                    .iter()
                    .flat_map(|call| &call.targets)
                {
                    for stmt in &self.program.function(target.function).stmts {
                        if let StmtKind::Return { value: Some(value) } = &stmt.kind {
                            self.keys_behind(target.function, value, depth - 1, into);
                        }
                    }
                }
            }
            Value::Cond(cond) => {
                if let Cond::Compare { left, right, .. } = &**cond {
                    self.keys_behind(function, left, depth - 1, into);
                    self.keys_behind(function, right, depth - 1, into);
                }
            }
            Value::Or(values) => {
                for value in values {
                    self.keys_behind(function, value, depth - 1, into);
                }
            }
            Value::Place(place) | Value::AddressOf(place) => {
                let key = self.program.key(function, place);
                match key.filter(|key| key.is_global() || !key.path.is_empty()) {
                    Some(key) => {
                        into.insert(key);
                    }
                    // What a call gives (`*self.guard()`), a local that has read it, or a guard.
                    None => {
                        if let Root::Result(stmt) = place.root {
                            self.keys_behind(function, &Value::Result(stmt), depth - 1, into);
                        }
                        for value in self.assigned_to(function, place) {
                            self.keys_behind(function, value, depth - 1, into);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a statement is reached only past a test of something else than the object itself: "is there one" is no
    /// question about who waits.
    pub fn is_guarded_otherwise(&self, function: FnId, stmt: StmtId, own: &[Key]) -> bool {
        self.is_guarded_by(function, stmt, |guard: &Guard| {
            if let Cond::Compare { left, right, .. } = &guard.cond
                && [left, right].into_iter().any(|value| {
                    self.program
                        .key_of_value(function, value)
                        .is_some_and(|key| own.contains(&key))
                })
            {
                return false;
            }
            self.tests_state(function, guard, None)
        })
    }
}
