//! Teardowns: what happens to an object on the way to one of its events and after it, callers included.
//!
//! In comes an event, for example a close; out go the call paths that lead to it, and which other events of the same
//! object lie before and after it on such a path. What a callee does has no order of its own here: it happens where it
//! is called.

use super::{Event, Flow, What};
use crate::api::{Arg, Effect};
use crate::ir::{Callee, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, FnId, Key, KeyRoot, Site};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

/// Where a call path passes a function: the statement that leads on, and what the object is called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    pub function: FnId,
    pub stmt: StmtId,
    pub key: Key,
}

/// The way to an event, from the call itself outwards.
pub type Way = Vec<Stand>;

/// An event on a way: how far out it stands, and the event.
pub type Met<'f> = (usize, &'f Event);

impl Flow<'_, '_> {
    /// The events of a kind that are to be judged in this function: its own, and those of a wrapper that does them to
    /// its parameter. What it does to a parameter of its own is judged where it is called, if anybody calls it.
    pub fn judged(&self, function: FnId, what: What) -> impl Iterator<Item = &Event> {
        let called = !self.program.callers(function).is_empty();
        self.events(function).iter().filter(move |event| {
            if event.what != what {
                return false;
            }
            if called && matches!(event.key.root, KeyRoot::Param(owner, _) if owner == function) {
                return false;
            }
            event.site.function == function
                || self
                    .events(event.site.function)
                    .iter()
                    .find(|inner| inner.what == what && inner.site == event.site)
                    .is_some_and(|inner| matches!(inner.key.root, KeyRoot::Param(..)))
        })
    }

    /// The call paths that lead to an event of a function.
    pub fn ways(&self, function: FnId, event: &Event) -> Vec<Way> {
        let mut inner = Vec::new();
        if event.site.function != function {
            let own = self
                .events(event.site.function)
                .iter()
                .find(|inner| inner.what == event.what && inner.site == event.site);
            inner.extend(own.map(|own| Stand {
                function: own.site.function,
                stmt: own.stmt,
                key: own.key.clone(),
            }));
        }
        inner.push(Stand {
            function,
            stmt: event.stmt,
            key: event.key.clone(),
        });
        self.caller_chains(function)
            .into_iter()
            .map(|chain| {
                let mut way = inner.clone();
                for site in chain {
                    let key = self
                        .events(site.function)
                        .iter()
                        .find(|outer| {
                            outer.what == event.what
                                && outer.site == event.site
                                && outer.stmt == site.stmt
                        })
                        .map_or_else(|| event.key.clone(), |outer| outer.key.clone());
                    way.push(Stand {
                        function: site.function,
                        stmt: site.stmt,
                        key,
                    });
                }
                way
            })
            .collect()
    }

    /// The events of a kind on the object that come before the end of a way.
    pub fn met_before(&self, way: &[Stand], what: What) -> Vec<Met<'_>> {
        self.met(way, what, |stand, event| {
            self.leads_to(stand, event.stmt, stand.stmt)
        })
    }

    /// The events of a kind on the object that come after the end of a way.
    pub fn met_after(&self, way: &[Stand], what: What) -> Vec<Met<'_>> {
        self.met(way, what, |stand, event| {
            self.leads_to(stand, stand.stmt, event.stmt)
        })
    }

    fn met(
        &self,
        way: &[Stand],
        what: What,
        ordered: impl Fn(&Stand, &Event) -> bool,
    ) -> Vec<Met<'_>> {
        let mut met = Vec::new();
        for (level, stand) in way.iter().enumerate() {
            met.extend(
                self.events(stand.function)
                    .iter()
                    .filter(|event| {
                        event.what == what
                            && event.key == stand.key
                            && event.stmt != stand.stmt
                            && ordered(stand, event)
                    })
                    .map(|event| (level, event)),
            );
        }
        met
    }

    /// Whether one event comes before another on a way.
    pub fn comes_before(&self, way: &[Stand], first: Met, then: Met) -> bool {
        if first.0 != then.0 {
            return first.0 > then.0;
        }
        if first.1.stmt != then.1.stmt {
            return self.leads_to(&way[first.0], first.1.stmt, then.1.stmt);
        }
        // Both in one callee: in the order of that function, where both stand in it directly.
        first.1.site.function != then.1.site.function
            || self.can_follow(first.1.site.function, first.1.site.stmt, then.1.site.stmt)
    }

    /// Whether a path leads from one statement to another on which the object is not closed: the next round of a loop
    /// speaks of another object.
    fn leads_to(&self, stand: &Stand, first: StmtId, then: StmtId) -> bool {
        self.path_without(stand.function, first, then, |stmt| {
            self.events(stand.function).iter().any(|event| {
                event.what == What::Close && event.stmt == stmt && event.key == stand.key
            })
        })
    }

    /// The statements on a way that write one of these places before its end, themselves or in what they call: how far
    /// out, and the statement.
    pub fn writes_before(
        &self,
        way: &[Stand],
        keys: &BTreeSet<Key>,
        writers: &FxHashSet<FnId>,
    ) -> Vec<(usize, StmtId)> {
        let mut found = Vec::new();
        for (level, stand) in way.iter().enumerate() {
            let body = self.program.function(stand.function);
            for number in 0..body.stmts.len() as u32 {
                let stmt = StmtId(number);
                if stmt != stand.stmt
                    && self.writes(stand.function, stmt, keys, writers)
                    && self.can_follow(stand.function, stmt, stand.stmt)
                {
                    found.push((level, stmt));
                }
            }
        }
        found
    }

    fn writes(
        &self,
        function: FnId,
        stmt: StmtId,
        keys: &BTreeSet<Key>,
        writers: &FxHashSet<FnId>,
    ) -> bool {
        self.writes_itself(function, stmt, keys)
            || self
                .program
                .call(Site { function, stmt })
                .is_some_and(|call| {
                    call.targets
                        .iter()
                        .any(|target| writers.contains(&target.function))
                })
    }

    fn writes_itself(&self, function: FnId, stmt: StmtId, keys: &BTreeSet<Key>) -> bool {
        let site = Site { function, stmt };
        let is_one = |place: &Place| {
            !matches!(place.root, Root::Local(_) if place.path.is_empty())
                && self
                    .program
                    .key(function, place)
                    .is_some_and(|key| keys.contains(&key) || keys.contains(&key.without_index()))
                || self.is_given(function, place, keys)
        };
        match &self.program.function(function).stmt(stmt).kind {
            StmtKind::Assign { to, value } => {
                is_one(to)
                    || (!matches!(value, Value::Result(_)) && self.guards(function, to, keys))
            }
            StmtKind::Call { callee, args } => {
                let Some(call) = self.program.call(site) else {
                    return false;
                };
                if call.effects.iter().any(|effect| match effect.effect() {
                    // An event that is asked is a flag, too: SetEvent sets it, and ResetEvent the other way.
                    Effect::Stores { into: on, .. }
                    | Effect::Signal { on, .. }
                    | Effect::Resets { on } => self
                        .program
                        .argument_value(site, *on)
                        .place()
                        .is_some_and(|place| is_one(&place)),
                    _ => false,
                }) {
                    return true;
                }
                // `m_items.clear()`, `InterlockedOr(&m_stop, 1)`: what is not known to read only, writes.
                if !call.targets.is_empty() || reads_only(call) {
                    return false;
                }
                let on = match callee {
                    Callee::Method { receiver, .. } => receiver.place(),
                    _ => None,
                };
                on.is_some_and(|place| is_one(&place))
                    || args
                        .iter()
                        .any(|arg| matches!(arg, Value::AddressOf(place) if is_one(place)))
            }
            _ => false,
        }
    }

    /// Whether a place is what a call gives, and leads to one of these places: `*self.guard() = true`.
    fn is_given(&self, function: FnId, place: &Place, keys: &BTreeSet<Key>) -> bool {
        let mut behind = BTreeSet::new();
        if matches!(place.root, Root::Result(_)) && place.path.is_empty() {
            self.keys_behind(function, &Value::Place(place.clone()), 5, &mut behind);
        }
        !behind.is_disjoint(keys)
    }

    /// Whether a local is the guard of a lock around one of these places: assigning to it writes the place.
    fn guards(&self, function: FnId, local: &Place, keys: &BTreeSet<Key>) -> bool {
        let mut assigned = self.assigned_to(function, local).into_iter();
        assigned.any(|value| self.is_guard_of(function, value, keys, 2))
    }

    /// Whether a value is the guard of a lock around one of these places, perhaps unwrapped, or given by a function of the
    /// program.
    fn is_guard_of(&self, function: FnId, value: &Value, keys: &BTreeSet<Key>, depth: u8) -> bool {
        let gives_one = |given: FnId| {
            let body = self.program.function(given);
            body.stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Return { value: Some(value) }
                    if self.is_guard_of(given, value, keys, depth - 1))
            })
        };
        let found = self.call_behind(function, value, |site, call| {
            let mut effects = call.effects.iter();
            if effects.any(|effect| matches!(effect.effect(), Effect::Acquire { .. })) {
                let on = self.program.argument_value(site, Arg::This).place();
                let key = on.and_then(|on| self.program.key(function, &on));
                return Some(key.is_some_and(|key| keys.contains(&key)));
            }
            let mut targets = call.targets.iter();
            (!call.targets.is_empty())
                .then(|| depth > 0 && targets.any(|target| gives_one(target.function)))
        });
        found == Some(true)
    }

    /// Follows a value through locals, and through calls to what they are called on, until one of them answers.
    fn call_behind<R>(
        &self,
        function: FnId,
        value: &Value,
        ask: impl Fn(Site, &Call) -> Option<R>,
    ) -> Option<R> {
        let mut value = value.clone();
        for _ in 0..4 {
            let Value::Result(stmt) = value else {
                let assigned = self.assigned_to(function, &value.place()?);
                let [only] = assigned[..] else {
                    return None;
                };
                value = only.clone();
                continue;
            };
            let site = Site { function, stmt };
            if let Some(answer) = self.program.call(site).and_then(|call| ask(site, call)) {
                return Some(answer);
            }
            value = self.program.argument_value(site, Arg::This);
        }
        None
    }

    /// The functions that write one of these places, themselves or in what they call.
    pub fn writers(&self, keys: &BTreeSet<Key>) -> FxHashSet<FnId> {
        let mut writers: FxHashSet<FnId> = FxHashSet::default();
        if keys.is_empty() {
            return writers;
        }
        let mut pending: Vec<FnId> = Vec::new();
        for id in self.program.ids() {
            let body = self.program.function(id);
            if (0..body.stmts.len() as u32).any(|stmt| self.writes_itself(id, StmtId(stmt), keys)) {
                writers.insert(id);
                pending.push(id);
            }
        }
        while let Some(next) = pending.pop() {
            for caller in self.program.callers(next) {
                if writers.insert(caller.function) {
                    pending.push(caller.function);
                }
            }
        }
        writers
    }

    /// Whether a lock is held at a statement: taken before it in this function, and not given back on the way.
    pub fn is_locked(&self, function: FnId, stmt: StmtId) -> bool {
        let releases = |taken: StmtId| {
            move |at: StmtId| match &self.program.function(function).stmt(at).kind {
                StmtKind::Drop { place, .. } => {
                    self.holds_result(function, place, taken)
                        && !self.is_written_through(function, at, place, taken)
                }
                StmtKind::Call { .. } => self
                    .program
                    .call(Site { function, stmt: at })
                    .is_some_and(|call| {
                        call.effects
                            .iter()
                            .any(|effect| matches!(effect.effect(), Effect::Release { .. }))
                    }),
                _ => false,
            }
        };
        self.program.calls(function).iter().any(|call| {
            call.stmt != stmt
                && self.takes_lock(call, 3)
                && self.path_without(function, call.stmt, stmt, releases(call.stmt))
        })
    }

    /// Whether a lock is held at an event, taken in the function or in a callee on the way to the event's own call.
    pub fn is_event_locked(&self, function: FnId, event: &Event) -> bool {
        self.is_event_locked_deep(function, event, 4)
    }

    fn is_event_locked_deep(&self, function: FnId, event: &Event, depth: u8) -> bool {
        if self.is_locked(function, event.stmt) {
            return true;
        }
        if depth == 0 || event.site.function == function {
            return false;
        }
        let call = self.program.call(Site {
            function,
            stmt: event.stmt,
        });
        call.is_some_and(|call| {
            call.targets.iter().any(|target| {
                self.events(target.function)
                    .iter()
                    .filter(|inner| inner.what == event.what && inner.site == event.site)
                    .any(|inner| self.is_event_locked_deep(target.function, inner, depth - 1))
            })
        })
    }

    /// Whether a call takes a lock that is still held when it returns: itself, or because it gives the guard back.
    fn takes_lock(&self, call: &Call, depth: u8) -> bool {
        let acquires = call
            .effects
            .iter()
            .any(|effect| matches!(effect.effect(), Effect::Acquire { try_: false, .. }));
        let gives_guard = || match &call.targets[..] {
            [only] if depth > 0 => self
                .program
                .function(only.function)
                .stmts
                .iter()
                .any(|stmt| match &stmt.kind {
                    StmtKind::Return { value: Some(value) } => {
                        self.is_guard(only.function, value, depth - 1)
                    }
                    _ => false,
                }),
            _ => false,
        };
        acquires || gives_guard()
    }

    /// Whether a value is what taking a lock gave, perhaps unwrapped.
    fn is_guard(&self, function: FnId, value: &Value, depth: u8) -> bool {
        let takes = |_, call: &Call| self.takes_lock(call, depth).then_some(());
        self.call_behind(function, value, takes).is_some()
    }

    /// `*guard = value` of Rust ends the old value behind the guard, and not the guard: the assignment follows at once.
    fn is_written_through(
        &self,
        function: FnId,
        dropped: StmtId,
        place: &Place,
        taken: StmtId,
    ) -> bool {
        let body = self.program.function(function);
        let next = self
            .place(function, dropped)
            .and_then(|(block, index)| body.block(block).stmts.get(index + 1))
            .map(|&next| &body.stmt(next).kind);
        matches!(next, Some(StmtKind::Assign { to, value })
            if to == place && !value.place().is_some_and(|value| self.holds_result(function, &value, taken)))
    }

    /// Whether a local has the result of a call, directly or unwrapped.
    fn holds_result(&self, function: FnId, place: &Place, taken: StmtId) -> bool {
        if place.root == Root::Result(taken) {
            return true;
        }
        let body = self.program.function(function);
        body.stmts.iter().any(|stmt| match &stmt.kind {
            StmtKind::Assign { to, value } if to == place => {
                let mut value = value.clone();
                for _ in 0..4 {
                    let Value::Result(from) = value else {
                        return false;
                    };
                    if from == taken {
                        return true;
                    }
                    let site = Site {
                        function,
                        stmt: from,
                    };
                    value = self.program.argument_value(site, Arg::This);
                }
                false
            }
            _ => false,
        })
    }
}

/// A call that only hands a value on, or asks for it under a lock.
fn reads_only(call: &Call) -> bool {
    !call.effects.is_empty()
        && call.effects.iter().all(|effect| {
            matches!(
                effect.effect(),
                Effect::Passes { .. }
                    | Effect::Reads { .. }
                    | Effect::Acquire { .. }
                    | Effect::Release { .. }
            )
        })
}
