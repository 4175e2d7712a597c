//! Locks that are made by hand: which variables they are, and where they are taken and freed.

use super::{Lock, LockRoot, Locks};
use crate::api::Effect;
use crate::flow::spins::{freed_at, may_exchange, taken_at};
use crate::ir::{Place, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Site, TypeId};
use rustc_hash::{FxHashMap, FxHashSet};

/// Callers that are asked which variable they hand in.
const MOST_CALLERS: usize = 64;
/// A lock of several variables has not more members than these.
const MOST_MEMBERS: usize = 6;

/// The hand-made locks of a program.
#[derive(Default)]
pub(super) struct Spins {
    /// Calls that take such a lock, with the lock seen from the function of the call.
    pub taken: FxHashMap<Site, Lock>,
    pub freed: FxHashMap<Site, Lock>,
    /// The variables, where they are known.
    keys: FxHashSet<Key>,
    /// Classes of which several members are such locks: one object is one lock.
    pub whole: FxHashSet<TypeId>,
}

impl Spins {
    /// The lock that a plain assignment of the free value gives back.
    pub fn freed_by(
        &self,
        locks: &Locks,
        function: FnId,
        to: &Place,
        value: &Value,
    ) -> Option<Lock> {
        let is_zero = || {
            let constant = locks.program.constant(function, value);
            constant.is_some_and(|constant| constant.is_zero())
        };
        if self.keys.is_empty() || !is_zero() {
            return None;
        }
        let lock = locks.lock_at(function, to, super::identity::DEEPEST)?;
        self.keys
            .contains(&locks.identity(function, &lock)?)
            .then_some(lock)
    }
}

impl Locks<'_, '_> {
    /// The lock that a call takes in a loop of its own.
    pub fn taken_by_hand(&self, site: Site) -> Option<&Lock> {
        self.spins.taken.get(&site)
    }

    /// Finds the loops that take a variable, the variables, and what frees them.
    pub(super) fn find_spins(&mut self) {
        let program = self.program;
        let mut exchanges: Vec<Site> = Vec::new();
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                if may_exchange(program, site) {
                    exchanges.push(site);
                }
            }
        }
        for &site in &exchanges {
            if let Some(place) = taken_at(program, site)
                && let Some(lock) = self.lock_at(site.function, &place, super::identity::DEEPEST)
            {
                self.spins.taken.insert(site, lock);
            }
        }
        if self.spins.taken.is_empty() {
            return;
        }
        let mut keys = FxHashSet::default();
        for (site, lock) in &self.spins.taken {
            self.keys_of(site.function, lock, 3, &mut keys);
        }
        let mut members: FxHashMap<TypeId, usize> = FxHashMap::default();
        for key in &keys {
            if let (KeyRoot::Object(class), [_]) = (&key.root, &key.path[..]) {
                *members.entry(*class).or_default() += 1;
            }
        }
        self.spins.whole = members
            .into_iter()
            .filter(|&(class, count)| {
                count > 1 && program.type_def(class).fields.len() <= MOST_MEMBERS
            })
            .map(|(class, _)| class)
            .collect();
        self.spins.keys = keys;
        let mut freed = FxHashMap::default();
        for &site in &exchanges {
            if let Some(place) = freed_at(program, site)
                && let Some(lock) = self.lock_at(site.function, &place, super::identity::DEEPEST)
                && self.is_made_by_hand(site.function, &lock)
            {
                freed.insert(site, lock);
            }
        }
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    if let Effect::RefCount { object, up: false } = effect.effect()
                        && let Some(lock) = self.lock_of(site, *object)
                        && self.is_made_by_hand(id, &lock)
                    {
                        freed.insert(site, lock);
                    }
                }
            }
        }
        self.spins.freed = freed;
    }

    /// The variables that a lock of a function can be.
    fn keys_of(&self, function: FnId, lock: &Lock, depth: u8, keys: &mut FxHashSet<Key>) {
        if let Some(key) = self.identity(function, lock) {
            keys.insert(key);
            return;
        }
        let callers = self.program.callers(function);
        if depth == 0 || callers.len() > MOST_CALLERS {
            return;
        }
        for &caller in callers {
            if let Some(above) = self.mapped(caller, function, lock) {
                self.keys_of(caller.function, &above, depth - 1, keys);
            }
        }
    }

    /// Whether a variable is such a lock, or can be one that a caller hands in.
    fn is_made_by_hand(&self, function: FnId, lock: &Lock) -> bool {
        match self.identity(function, lock) {
            Some(key) => self.spins.keys.contains(&key),
            None => matches!(lock.root, LockRoot::Param(..)),
        }
    }

    /// The functions that take or free such locks.
    pub(super) fn by_hand(&self) -> FxHashSet<FnId> {
        let spins = &self.spins;
        let mut all: FxHashSet<FnId> = spins
            .taken
            .keys()
            .chain(spins.freed.keys())
            .map(|site| site.function)
            .collect();
        if spins.keys.is_empty() {
            return all;
        }
        for id in self.program.ids() {
            let frees = self.program.function(id).stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { to, value } if spins.freed_by(self, id, to, value).is_some())
            });
            if frees {
                all.insert(id);
            }
        }
        all
    }

    /// The object of several such locks that a lock is a member of.
    pub(super) fn whole_of(&self, function: FnId, lock: &Lock) -> Option<Lock> {
        let key = self.identity(function, lock)?;
        match (&key.root, &key.path[..]) {
            (KeyRoot::Object(class), [_]) if self.spins.whole.contains(class) => {
                let mut object = lock.clone();
                object.path.pop()?;
                Some(object)
            }
            _ => None,
        }
    }
}
