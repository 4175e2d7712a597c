//! Guards: whether a statement is reached only past a test of some state, and what ends a loop.

use super::Flow;
use crate::api::{Effect, PoolObject};
use crate::entry;
use crate::ir::{BlockId, Callee, Cond, Guard, Op, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Constant, FnId, Key, Site};
use std::collections::BTreeSet;

/// What ends a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// A local: it ends by itself.
    Counted,
    /// Something that another thread changes.
    Shared,
    Endless,
}

/// Whether one statement leads to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    Always,
    Sometimes,
    Never,
}

/// What counts as state.
#[derive(Clone, Copy)]
struct Asked {
    /// In the callback of such an object, whose parameters are the pool's.
    kind: Option<PoolObject>,
    /// Also an event.
    events: bool,
}

impl Flow<'_, '_> {
    /// Whether every way from the function's start to a statement passes a test of some state: a flag, a member, a
    /// static, the result of a function of the program, an event that is asked without waiting for ever. The success of
    /// another system call and a callback's wait result are no state.
    pub fn is_guarded(&self, function: FnId, stmt: StmtId, kind: Option<PoolObject>) -> bool {
        self.is_guarded_by(function, stmt, |guard| {
            self.tests_state_or_event(function, guard, kind)
        })
    }

    /// Whether every way from the function's start to a statement passes a condition of this sort that decides about it:
    /// one whose other outcome leads past the statement.
    pub fn is_guarded_by(
        &self,
        function: FnId,
        stmt: StmtId,
        tests: impl Fn(&Guard) -> bool,
    ) -> bool {
        self.is_guarded_by_except(function, stmt, &[], tests)
    }

    /// The same, where a test that chooses between the statement and some others decides nothing.
    pub fn is_guarded_by_except(
        &self,
        function: FnId,
        stmt: StmtId,
        others: &[StmtId],
        tests: impl Fn(&Guard) -> bool,
    ) -> bool {
        let body = self.program.function(function);
        let Some((target, _)) = self.place(function, stmt) else {
            return true;
        };
        // A test that only chooses between two ways to do the same holds nothing back.
        let mut targets = vec![target];
        targets.extend(
            self.alternatives(function, stmt)
                .into_iter()
                .chain(others.iter().copied())
                .filter_map(|other| self.place(function, other).map(|(block, _)| block)),
        );
        let avoids = blocks_that_avoid(body, &targets);
        !body.leads_to(target, |block, edge| {
            !(avoids[block.0 as usize] && edge.when.iter().any(&tests))
        })
    }

    /// The other statements of a function that arm the same object as this one does.
    fn alternatives(&self, function: FnId, stmt: StmtId) -> Vec<StmtId> {
        let arms = |event: &&super::Event| event.what == super::What::Arm;
        let events = self.events(function);
        let own: Vec<_> = events
            .iter()
            .filter(arms)
            .filter(|event| event.stmt == stmt)
            .map(|event| &event.key)
            .collect();
        events
            .iter()
            .filter(arms)
            .filter(|event| event.stmt != stmt && own.contains(&&event.key))
            .map(|event| event.stmt)
            .collect()
    }

    /// Whether a guard tests some state, as `is_guarded` means it.
    pub fn tests_state(&self, function: FnId, guard: &Guard, kind: Option<PoolObject>) -> bool {
        let asked = Asked {
            kind,
            events: false,
        };
        self.asks(function, guard, asked)
    }

    /// The same, or asks an event without waiting for ever.
    pub(super) fn tests_state_or_event(
        &self,
        function: FnId,
        guard: &Guard,
        kind: Option<PoolObject>,
    ) -> bool {
        self.asks(function, guard, Asked { kind, events: true })
    }

    fn asks(&self, function: FnId, guard: &Guard, asked: Asked) -> bool {
        match &guard.cond {
            Cond::Unknown => true,
            Cond::Config(_) => false,
            Cond::Compare { left, right, .. } => {
                self.is_state(function, left, asked, 4) || self.is_state(function, right, asked, 4)
            }
        }
    }

    fn is_state(&self, function: FnId, value: &Value, asked: Asked, depth: u8) -> bool {
        if depth == 0 {
            return true;
        }
        match value {
            Value::Place(place) | Value::AddressOf(place) => match &place.root {
                Root::Global(_) => !matches!(
                    self.program.constant(function, value),
                    Some(Constant::Number(_) | Constant::Null | Constant::Text(_))
                ),
                Root::This => !self.is_of_one_run(function, place),
                Root::Param(_) | Root::Capture(_) if !place.path.is_empty() => true,
                Root::Param(index) => {
                    // In the callback itself the parameters are the pool's: no state. In a helper they may carry one.
                    asked.kind.is_none()
                        || Some(*index)
                            == asked.kind.map(|kind| {
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
                    let assigned = self.assigned_to(function, place);
                    // A number that is computed anew is a counter.
                    let counts = assigned.iter().any(|value| {
                        matches!(
                            self.program.constant(function, value),
                            Some(Constant::Number(_))
                        )
                    });
                    assigned.into_iter().any(|value| {
                        !(counts && *value == Value::Unknown)
                            && self.is_state(function, value, asked, depth - 1)
                    })
                }
                Root::Result(stmt) => {
                    self.is_state(function, &Value::Result(*stmt), asked, depth - 1)
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
                // Another thread sets the event that `WaitForSingleObject(stop, 0)` asks.
                if asked.events
                    && self
                        .asked_by_wait(site)
                        .is_some_and(|handle| self.is_state(function, handle, asked, depth - 1))
                {
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
                                        Effect::Passes { .. }
                                            | Effect::Reads { .. }
                                            | Effect::Stores { .. }
                                    )
                                })
                                && self.is_state(function, arg, asked, depth - 1)
                        })
                    }
                    StmtKind::Call {
                        callee: Callee::Method { receiver, .. },
                        ..
                    } if !call.effects.is_empty()
                        && call.effects.iter().all(|effect| {
                            // `map_or` and the like ask what a lock guards.
                            matches!(
                                effect.effect(),
                                Effect::Passes { .. }
                                    | Effect::Reads { .. }
                                    | Effect::Stores { .. }
                                    | Effect::RunsHere { .. }
                                    | Effect::Acquire { .. }
                            )
                        }) =>
                    {
                        self.is_state(function, receiver, asked, depth - 1)
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
                        self.is_state(function, receiver, asked, depth - 1)
                    }
                    _ => call.effects.is_empty(),
                }
            }
            Value::Cond(cond) => self.asks(function, &Guard::holds((**cond).clone()), asked),
            Value::Or(values) => values
                .iter()
                .any(|value| self.is_state(function, value, asked, depth - 1)),
            Value::Unknown => true,
            Value::Const(_) | Value::Null | Value::Text(_) | Value::Closure(_) => false,
        }
    }

    /// Whether a member belongs to an object that lives for one run of a callback: nobody else sets it.
    fn is_of_one_run(&self, function: FnId, place: &Place) -> bool {
        let Some(class) = self.program.owner(function) else {
            return false;
        };
        let makers = self.program.makers(class);
        !makers.is_empty()
            && self.program.is_own_member(class, &place.path)
            && makers
                .iter()
                .all(|&maker| self.below.values().any(|below| below.contains(&maker)))
    }

    /// Whether a call that gave this value leads to another statement of its function: always, sometimes or never. What is
    /// tested of it is the result itself, or a local that holds nothing else after the call.
    pub fn after_result(&self, call: Site, result: i64, stmt: StmtId) -> Leads {
        let program = self.program;
        let body = program.function(call.function);
        let (Some((from, at)), Some((target, position))) = (
            self.place(call.function, call.stmt),
            self.place(call.function, stmt),
        ) else {
            return Leads::Sometimes;
        };
        if from == target && at < position {
            return Leads::Always;
        }
        let holds =
            |value: &Value| match value {
                Value::Result(stmt) => *stmt == call.stmt,
                Value::Place(place)
                    if matches!(place.root, Root::Local(_)) && place.path.is_empty() =>
                {
                    let assigned = body.stmts.iter().enumerate().filter_map(|(number, stmt)| {
                        match &stmt.kind {
                            StmtKind::Assign { to, value } if to == place => {
                                Some((StmtId(number as u32), value))
                            }
                            _ => None,
                        }
                    });
                    let (own, others): (Vec<_>, Vec<_>) =
                        assigned.partition(|(_, value)| **value == Value::Result(call.stmt));
                    !own.is_empty()
                        && others
                            .iter()
                            .all(|(other, _)| !self.can_follow(call.function, call.stmt, *other))
                }
                _ => false,
            };
        let contradicts = |guard: &Guard| {
            let Cond::Compare { left, op, right } = &guard.cond else {
                return false;
            };
            let right =
                program
                    .constant(call.function, right)
                    .and_then(|constant| match constant {
                        Constant::Number(number) => Some(number),
                        Constant::Null => Some(0),
                        _ => None,
                    });
            holds(left) && right.is_some_and(|right| op.holds(result, right) != guard.holds)
        };
        let mut seen = vec![false; body.blocks.len()];
        let mut pending = vec![from];
        let (mut reached, mut ends) = (false, false);
        while let Some(block) = pending.pop() {
            let next = &body.block(block).next;
            ends |= next.is_empty();
            for edge in next
                .iter()
                .filter(|edge| !edge.when.iter().any(contradicts))
            {
                if edge.to == target {
                    reached = true;
                } else if !std::mem::replace(&mut seen[edge.to.0 as usize], true) {
                    pending.push(edge.to);
                }
            }
        }
        match (reached, ends) {
            (true, false) => Leads::Always,
            (true, true) => Leads::Sometimes,
            (false, _) => Leads::Never,
        }
    }

    /// Whether every way from the function's start to a statement passes another one.
    pub fn always_passes(&self, function: FnId, first: StmtId, stmt: StmtId) -> bool {
        let body = self.program.function(function);
        let (Some((passed, at)), Some((target, position))) =
            (self.place(function, first), self.place(function, stmt))
        else {
            return false;
        };
        if passed == target {
            return at < position;
        }
        let uses = self.uses(function);
        !body.leads_to(target, |block, _| {
            block != passed && !uses.ends_from(block, 0)
        })
    }

    /// Whether a statement stands in a loop that takes a lock that is made by hand.
    pub fn is_taking(&self, site: Site) -> bool {
        super::spins::is_taking(self.program, site)
    }

    /// Whether a statement stands in a loop, and what the loop's exits test: shared state, so that another thread ends
    /// it, or only locals.
    pub fn loop_of(&self, function: FnId, stmt: StmtId) -> Option<Loop> {
        let body = self.program.function(function);
        let members = self.loop_around(function, stmt)?;
        let mut shared = false;
        let mut counted = false;
        let mut timed = false;
        let only_waits = self.only_waits(function, &members);
        for (_, guard) in exits(body, &members) {
            if let Some(is_known) = self.asks_clock(function, guard) {
                counted |= !is_known;
                timed |= is_known;
            } else if self.tests_state(function, guard, None)
                || (only_waits && self.is_left_alone(function, guard, &members))
            {
                shared = true;
            } else {
                counted = true;
            }
        }
        Some(if counted || (timed && !shared) {
            Loop::Counted
        } else if shared {
            // How long it lasts at most, `time_limit` tells.
            Loop::Shared
        } else {
            Loop::Endless
        })
    }

    /// What ends the loop around a statement after some time at the latest: the value that a clock is compared with, and
    /// whether it is a number of milliseconds. The clock stands in the loop, and one of the loop's exits compares what
    /// was computed from it.
    pub fn time_limit(&self, function: FnId, stmt: StmtId) -> Option<(Value, bool)> {
        let program = self.program;
        let body = program.function(function);
        let members = self.loop_around(function, stmt)?;
        let clock_in = |block: BlockId| {
            body.block(block).stmts.iter().find_map(|&stmt| {
                let call = program.call(Site { function, stmt })?;
                call.effects
                    .iter()
                    .find_map(|effect| match effect.effect() {
                        Effect::Clock { milliseconds } => Some((stmt, *milliseconds)),
                        _ => None,
                    })
            })
        };
        // Where the time that has passed is kept: computed beside the clock.
        let is_passed = |value: &Value, block: BlockId| -> Option<bool> {
            match value {
                Value::Unknown => clock_in(block).map(|(_, milliseconds)| milliseconds),
                Value::Place(place) if matches!(place.root, Root::Local(_)) => {
                    members.iter().find_map(|&member| {
                        let (_, milliseconds) = clock_in(member)?;
                        body.block(member)
                            .stmts
                            .iter()
                            .any(|&stmt| {
                                matches!(&body.stmt(stmt).kind,
                                    StmtKind::Assign { to, value: Value::Unknown } if to == place)
                            })
                            .then_some(milliseconds)
                    })
                }
                _ => None,
            }
        };
        // The time itself, against a point of time.
        let is_now = |value: &Value| {
            matches!(value, Value::Result(stmt) if members.iter().any(|&member| {
                clock_in(member).is_some_and(|(clock, _)| clock == *stmt)
            }))
        };
        exits(body, &members).find_map(|(member, guard)| {
            let Cond::Compare { left, op, right } = &guard.cond else {
                return None;
            };
            if !matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge) {
                return None;
            }
            [(left, right), (right, left)]
                .into_iter()
                .find_map(|(time, limit)| {
                    if is_now(time) {
                        return Some((Value::Unknown, false));
                    }
                    let milliseconds = is_passed(time, member)?;
                    Some((limit.clone(), milliseconds))
                })
        })
    }

    /// The call of which the program knows no more than its name and that alone lets a loop around a statement end:
    /// `while (!IsReady()) Sleep(1)`. `None` where something in the loop counts, or asks for the time.
    pub fn asked_by_loop(&self, function: FnId, stmt: StmtId) -> Option<Site> {
        let body = self.program.function(function);
        let members = self.loop_around(function, stmt)?;
        let mut asked = None;
        for (_, guard) in exits(body, &members) {
            let Cond::Compare {
                left,
                op: Op::Eq | Op::Ne,
                ..
            } = &guard.cond
            else {
                return None;
            };
            let Value::Result(stmt) = left else {
                return None;
            };
            let site = Site {
                function,
                stmt: *stmt,
            };
            let call = self.program.call(site)?;
            let here = members
                .iter()
                .any(|&member| body.block(member).stmts.contains(stmt));
            if !here || !call.targets.is_empty() || asked.is_some_and(|other| other != site) {
                return None;
            }
            asked = Some(site);
        }
        asked
    }

    /// Whether a guard compares the time by less and more: what a clock gives (`Some(true)`), or a call without arguments
    /// of which nothing is known.
    fn asks_clock(&self, function: FnId, guard: &Guard) -> Option<bool> {
        let Cond::Compare {
            left,
            op: Op::Lt | Op::Le | Op::Gt | Op::Ge,
            right,
        } = &guard.cond
        else {
            return None;
        };
        [left, right].into_iter().find_map(|value| {
            let Value::Result(stmt) = value else {
                return None;
            };
            let site = Site {
                function,
                stmt: *stmt,
            };
            let call = self.program.call(site)?;
            let mut effects = call.effects.iter();
            if effects.any(|effect| matches!(effect.effect(), Effect::Clock { .. })) {
                return Some(true);
            }
            let is_bare = matches!(
                &self.program.function(function).stmt(*stmt).kind,
                StmtKind::Call { callee: Callee::Named(_), args } if args.is_empty()
            );
            (is_bare && call.targets.is_empty() && call.effects.is_empty()).then_some(false)
        })
    }

    /// Whether nothing is called in some blocks but what waits and what reads.
    fn only_waits(&self, function: FnId, members: &[BlockId]) -> bool {
        let body = self.program.function(function);
        let mut stmts = members
            .iter()
            .flat_map(|&member| &body.block(member).stmts)
            .copied();
        stmts.all(|stmt| match &body.stmt(stmt).kind {
            StmtKind::Call { .. } => {
                self.program
                    .call(Site { function, stmt })
                    .is_some_and(|call| {
                        call.targets.is_empty()
                            && !call.effects.is_empty()
                            && call.effects.iter().all(|effect| {
                                matches!(
                                    effect.effect(),
                                    Effect::Wait { on: None, .. }
                                        | Effect::Reads { .. }
                                        | Effect::Passes { .. }
                                )
                            })
                    })
            }
            StmtKind::Opaque { .. } => false,
            _ => true,
        })
    }

    /// Whether a guard tests nothing but locals that a loop does not change: then it is for another thread to change
    /// them.
    fn is_left_alone(&self, function: FnId, guard: &Guard, members: &[BlockId]) -> bool {
        match &guard.cond {
            Cond::Compare { left, right, .. } => {
                let values = [left, right];
                let is_constant = |value: &&Value| {
                    matches!(value, Value::Const(_) | Value::Null | Value::Text(_))
                };
                values.iter().any(|value| !is_constant(value))
                    && values.iter().all(|value| {
                        is_constant(value) || self.is_unchanged(function, value, members, 4)
                    })
            }
            _ => false,
        }
    }

    fn is_unchanged(&self, function: FnId, value: &Value, members: &[BlockId], depth: u8) -> bool {
        let body = self.program.function(function);
        let inside = || {
            members
                .iter()
                .flat_map(|&member| &body.block(member).stmts)
                .copied()
        };
        match value {
            Value::Place(place) | Value::AddressOf(place) => match place.root {
                Root::Local(_) | Root::Param(_) => {
                    let mut set = inside().filter_map(|stmt| match &body.stmt(stmt).kind {
                        StmtKind::Assign { to, value } if to.root == place.root => Some(value),
                        _ => None,
                    });
                    set.next().is_none()
                }
                Root::Result(stmt) => {
                    depth > 0
                        && self.is_unchanged(function, &Value::Result(stmt), members, depth - 1)
                }
                _ => false,
            },
            // `stopped.load()`: what a read gives is what is read.
            Value::Result(stmt) if depth > 0 && inside().any(|other| other == *stmt) => {
                match &body.stmt(*stmt).kind {
                    StmtKind::Call {
                        callee: Callee::Method { receiver, .. },
                        ..
                    } => self.is_unchanged(function, receiver, members, depth - 1),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether a statement stands in the waiting arm of a once that the function makes itself: the loop looks at a
    /// variable that the same function takes from its first value by an exchange, and sets to a last value when it is
    /// done. That is what a local static and InitOnceExecuteOnce do.
    pub fn is_in_own_once(&self, function: FnId, stmt: StmtId) -> bool {
        let program = self.program;
        let body = program.function(function);
        let Some(members) = self.loop_around(function, stmt) else {
            return false;
        };
        let mut tested = BTreeSet::new();
        for (_, guard) in exits(body, &members) {
            if let Cond::Compare { left, right, .. } = &guard.cond {
                self.keys_behind(function, left, 5, &mut tested);
                self.keys_behind(function, right, 5, &mut tested);
            }
        }
        let number = |value: &Value| match program.constant(function, value)? {
            Constant::Number(number) => Some(number),
            Constant::Null => Some(0),
            _ => None,
        };
        // What the function stores there: the value, and the one that is expected.
        let mut stored: Vec<(Key, i64, Option<i64>)> = Vec::new();
        for (index, stmt) in body.stmts.iter().enumerate() {
            if let StmtKind::Assign { to, value } = &stmt.kind
                && let (Some(key), Some(value)) = (program.key(function, to), number(value))
            {
                stored.push((key, value, None));
            }
            let site = Site {
                function,
                stmt: StmtId(index as u32),
            };
            for effect in program.call(site).iter().flat_map(|call| &call.effects) {
                if let Effect::Stores {
                    into,
                    value,
                    expected,
                    ..
                } = effect.effect()
                    && let Some(place) = program.argument_value(site, *into).place()
                    && let Some(key) = program.key(function, &place)
                    && let Some(value) = value
                        .and_then(|value| program.argument(site, value))
                        .and_then(&number)
                {
                    let expected = expected
                        .and_then(|expected| program.argument(site, expected))
                        .and_then(&number);
                    stored.push((key, value, expected));
                }
            }
        }
        stored.iter().any(|(key, taken, expected)| {
            expected.is_some_and(|first| {
                tested.contains(key)
                    && stored
                        .iter()
                        .any(|(other, last, _)| other == key && last != taken && *last != first)
            })
        })
    }

    /// The blocks of the loops around a statement.
    pub(super) fn loop_around(&self, function: FnId, stmt: StmtId) -> Option<Vec<BlockId>> {
        let body = self.program.function(function);
        let (block, _) = self.place(function, stmt)?;
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
        Some(members)
    }
}

/// The conditions under which a loop is left.
pub(super) fn exits<'b>(
    body: &'b crate::ir::Function,
    members: &'b [BlockId],
) -> impl Iterator<Item = (BlockId, &'b Guard)> {
    members.iter().flat_map(move |&member| {
        let next = body.block(member).next.iter();
        next.filter(|edge| !members.contains(&edge.to))
            .flat_map(move |edge| edge.when.iter().map(move |guard| (member, guard)))
    })
}

/// The blocks from which the function can end without passing one of these blocks.
fn blocks_that_avoid(body: &crate::ir::Function, targets: &[BlockId]) -> Vec<bool> {
    let is_target = |number: usize| targets.iter().any(|target| target.0 as usize == number);
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
        .filter(|(number, block)| block.next.is_empty() && !is_target(*number))
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
                .filter(|&number| !is_target(number) && !avoids[number]),
        );
    }
    avoids
}
