//! One body, walked from one state: what is known at the start of each of its blocks, and what calls hand on.
//!
//! Both the search of what an entry reaches and the judgement of call paths between two locks go by it.

use super::state::{Abstract, Env, State, reads_through};
use crate::api::{Arg, Effect};
use crate::ir::{Callee, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, CallEffect, FnId, Program, Site};
use std::cell::OnceCell;
use std::collections::VecDeque;

/// What is known at the start of each block, `None` where the state rules the block out.
pub fn environments(program: &Program, function: FnId, state: &State) -> Vec<Option<Env>> {
    let body = program.function(function);
    let mut at_start: Vec<Option<Env>> = vec![None; body.blocks.len()];
    if body.blocks.is_empty() {
        return at_start;
    }
    at_start[0] = Some(Env::new(state));
    let mut pending: VecDeque<usize> = VecDeque::from([0]);
    let mut is_pending = vec![false; body.blocks.len()];
    let mut visits = vec![0u8; body.blocks.len()];
    let loops = OnceCell::new();
    while let Some(block) = pending.pop_front() {
        is_pending[block] = false;
        visits[block] = visits[block].saturating_add(1);
        let Some(mut env) = at_start[block].clone() else {
            continue;
        };
        let mut ended = false;
        for &stmt in &body.blocks[block].stmts {
            if transfer(program, function, stmt, &mut env) {
                ended = true;
                break;
            }
        }
        if ended {
            continue;
        }
        for edge in &body.blocks[block].next {
            let next = edge.to.0 as usize;
            let assumed = |env: Env| {
                edge.when
                    .iter()
                    .try_fold(env, |env, guard| env.assume(program, function, guard))
            };
            let loops = || loops.get_or_init(|| Loops::of(program, function));
            let after = assumed(env.clone())
                .or_else(|| {
                    // What a test has shown ends no loop: the loop runs until it is so no longer.
                    let mut open = env.clone();
                    (open.forget_shown() && loops().lead_out(block, next))
                        .then(|| assumed(open))
                        .flatten()
                })
                .or_else(|| {
                    // What a loop waits for is changed by another thread.
                    loops()
                        .end_polling(block, next)
                        .then(|| assumed(env.clone().without_shared()))
                        .flatten()
                });
            let Some(after) = after else {
                continue;
            };
            let joined = match &at_start[next] {
                Some(before) if visits[next] > 8 => before.join(&after).without_values(),
                Some(before) => before.join(&after),
                None => after,
            };
            if at_start[next].as_ref() != Some(&joined) {
                at_start[next] = Some(joined);
                if !std::mem::replace(&mut is_pending[next], true) {
                    pending.push_back(next);
                }
            }
        }
    }
    at_start
}

/// The loops of a body.
struct Loops {
    /// By block: the same for all blocks of a loop, loops inside of it included.
    number: Vec<u32>,
    /// By number: whether what runs there can come there again.
    comes_again: Vec<bool>,
    /// By number: whether it waits, too.
    polls: Vec<bool>,
}

impl Loops {
    /// Finds the strongly connected components of the blocks, by Tarjan's algorithm without recursion.
    fn of(program: &Program, function: FnId) -> Loops {
        const NONE: u32 = u32::MAX;
        let body = program.function(function);
        let count = body.blocks.len();
        let mut number = vec![NONE; count];
        let (mut comes_again, mut polls) = (Vec::new(), Vec::new());
        let (mut met, mut low) = (vec![NONE; count], vec![NONE; count]);
        let (mut next_met, mut open) = (0, Vec::new());
        for start in 0..count {
            if met[start] != NONE {
                continue;
            }
            let mut trail: Vec<(usize, usize)> = vec![(start, 0)];
            while let Some((block, edge)) = trail.pop() {
                if edge == 0 {
                    met[block] = next_met;
                    low[block] = next_met;
                    next_met += 1;
                    open.push(block);
                }
                if let Some(edge_taken) = body.blocks[block].next.get(edge) {
                    trail.push((block, edge + 1));
                    let to = edge_taken.to.0 as usize;
                    if met[to] == NONE {
                        trail.push((to, 0));
                    } else if number[to] == NONE {
                        low[block] = low[block].min(met[to]);
                    }
                    continue;
                }
                if low[block] == met[block] {
                    let first = open.iter().rposition(|&other| other == block).unwrap_or(0);
                    let inside = open.split_off(first);
                    for &member in &inside {
                        number[member] = polls.len() as u32;
                    }
                    let is_loop = inside.len() > 1
                        || (body.blocks[block].next.iter()).any(|edge| edge.to.0 as usize == block);
                    comes_again.push(is_loop);
                    polls.push(is_loop && waits_in(program, function, &inside));
                }
                if let Some(&(around, _)) = trail.last() {
                    low[around] = low[around].min(low[block]);
                }
            }
        }
        Loops {
            number,
            comes_again,
            polls,
        }
    }

    /// Whether an edge leads out of a loop.
    fn lead_out(&self, from: usize, to: usize) -> bool {
        self.number[from] != self.number[to] && self.comes_again[self.number[from] as usize]
    }

    /// Whether an edge leads out of a loop that waits between its tests.
    fn end_polling(&self, from: usize, to: usize) -> bool {
        self.number[from] != self.number[to] && self.polls[self.number[from] as usize]
    }
}

fn waits_in(program: &Program, function: FnId, blocks: &[usize]) -> bool {
    let body = program.function(function);
    blocks
        .iter()
        .flat_map(|&block| &body.blocks[block].stmts)
        .filter_map(|&stmt| program.call(Site { function, stmt }))
        .any(|call| {
            call.effects
                .iter()
                .any(|effect| matches!(effect.effect(), Effect::Wait { .. }))
        })
}

/// What a statement does to the environment. True where the path ends.
pub fn transfer(program: &Program, function: FnId, stmt: StmtId, env: &mut Env) -> bool {
    match &program.function(function).stmt(stmt).kind {
        StmtKind::Assign { to, value } => {
            let through = match to.root {
                Root::Local(index) if to.path.is_empty() => program
                    .function(function)
                    .locals
                    .get(index as usize)
                    .is_some_and(|local| reads_through(program, function, value, &local.type_text)),
                _ => false,
            };
            let value = if through {
                Abstract::Unknown
            } else {
                env.evaluate(program, function, value)
            };
            env.assign(program, function, to, value);
        }
        StmtKind::Call { args, callee } => {
            let site = Site { function, stmt };
            let call = program.call(site);
            let read = call.and_then(|call| read_by(program, site, call));
            let given = read.as_ref().map_or(Abstract::Unknown, |place| {
                env.value_of(program, function, place)
            });
            let stored = call.map_or_else(Vec::new, |call| stores(program, site, call, env));
            for arg in args {
                if let Value::AddressOf(place) = arg
                    // Reading alone changes nothing.
                    && (read.as_ref() != Some(place) || !stored.is_empty())
                {
                    env.assign(program, function, place, Abstract::Unknown);
                }
            }
            if can_change(callee, call) {
                env.forget_shown();
            }
            env.set_result(stmt, given);
            for (place, value) in stored {
                env.assign(program, function, &place, value);
            }
            if call.is_some_and(Call::never_returns) {
                return true;
            }
        }
        _ => {}
    }
    false
}

/// Whether statics and members can be others after a call: a function of the program ran, or another thread while this
/// one waited. What stands in no source of the program knows nothing of them.
fn can_change(callee: &Callee, call: Option<&Call>) -> bool {
    let Some(call) = call else {
        return !matches!(callee, Callee::Named(_));
    };
    let waits = |effect: &CallEffect| {
        matches!(
            effect.effect(),
            Effect::Wait { .. } | Effect::Acquire { .. } | Effect::RunsHere { .. }
        )
    };
    !call.targets.is_empty()
        || call.effects.iter().any(waits)
        || (call.effects.is_empty() && !matches!(callee, Callee::Named(_)))
}

/// The place whose value a call gives: `ReadAcquire(&flag)`, `flag.load()`.
pub(super) fn read_by(program: &Program, site: Site, call: &Call) -> Option<Place> {
    if !call.targets.is_empty() {
        return None;
    }
    call.effects
        .iter()
        .find_map(|effect| match effect.effect() {
            Effect::Reads { from } => pointee(program, site, *from),
            _ => None,
        })
}

/// What a call writes to places that it gets the address of. A place that gets 0 is left open: that is how a thread
/// prepares what another one is going to set, and no test of it tells anything.
fn stores(program: &Program, site: Site, call: &Call, env: &Env) -> Vec<(Place, Abstract)> {
    let mut stored = Vec::new();
    if !call.targets.is_empty() {
        return stored;
    }
    let evaluated = |arg: Arg| match program.argument(site, arg) {
        Some(value) => env.evaluate(program, site.function, value),
        None => Abstract::Unknown,
    };
    for effect in &call.effects {
        if let Effect::Tells { about, into } = effect.effect()
            && let Some(place) = pointee(program, site, *into)
        {
            stored.push((place, env.told(*about)));
        }
        let Effect::Stores {
            into,
            value,
            constant,
            expected,
            spurious,
            bits,
        } = effect.effect()
        else {
            continue;
        };
        let Some(place) = pointee(program, site, *into) else {
            continue;
        };
        let new = match (value, constant) {
            (_, Some(constant)) => Abstract::Number(*constant),
            (Some(value), None) => evaluated(*value),
            (None, None) => Abstract::Unknown,
        };
        let set = new.truth() == Some(true);
        let after = match expected {
            // Where it was not what was expected, it was not zero either.
            Some(expected) if set && !spurious && evaluated(*expected).truth() == Some(false) => {
                Abstract::NotZero
            }
            None if set && *bits => Abstract::NotZero,
            None if set => new,
            _ => Abstract::Unknown,
        };
        if let Some(Value::Place(found)) = expected.and_then(|arg| program.argument(site, arg))
            && matches!(found.root, Root::Local(_))
        {
            // A failed exchange writes what it found there.
            stored.push((found.clone(), Abstract::Unknown));
        }
        stored.push((place, after));
    }
    stored
}

/// The object that an argument is the address of, or that a method is called on.
fn pointee(program: &Program, site: Site, arg: Arg) -> Option<Place> {
    match (program.argument(site, arg)?, arg) {
        (Value::AddressOf(place), _) => Some(place.clone()),
        (Value::Place(place), Arg::This)
            if !place.path.is_empty() || matches!(place.root, Root::Global(_)) =>
        {
            Some(place.clone())
        }
        _ => None,
    }
}

/// What the parameters of a function are that a call runs.
pub fn given_params(program: &Program, site: Site, target: FnId, env: &Env) -> Vec<Abstract> {
    let args: &[Value] = match &program.function(site.function).stmt(site.stmt).kind {
        StmtKind::Call { args, .. } => args,
        _ => &[],
    };
    let body = program.function(target);
    let skip = program.arguments_before_params(site, target);
    (0..body.params.len())
        .map(|index| match args.get(index + skip) {
            Some(value)
                if reads_through(program, site.function, value, &body.params[index].type_text) =>
            {
                Abstract::Unknown
            }
            Some(value) => env.evaluate(program, site.function, value),
            None => default_param(program, target, index),
        })
        .collect()
}

/// What the parameters of a function are that is called without arguments.
pub fn default_params(program: &Program, target: FnId) -> Vec<Abstract> {
    (0..program.function(target).params.len())
        .map(|index| default_param(program, target, index))
        .collect()
}

fn default_param(program: &Program, target: FnId, index: usize) -> Abstract {
    match &program.function(target).params[index].default {
        Some(default) => program.constant(target, default),
        None => program.default_argument(target, index),
    }
    .map_or(Abstract::Unknown, Abstract::from)
}

/// What a closure has captured.
pub fn captures(program: &Program, function: FnId, closure: FnId, env: &Env) -> Vec<Abstract> {
    program
        .function(closure)
        .captures
        .iter()
        .map(|capture| env.evaluate(program, function, &capture.value))
        .collect()
}

/// Whether the condition of an effect is met. What is not known meets none but "lacks a flag" and "perhaps".
pub fn holds(program: &Program, site: Site, effect: &CallEffect, env: &Env) -> bool {
    let Some(when) = effect.when() else {
        return true;
    };
    let value = match program.argument(site, when.arg) {
        Some(value) => env.evaluate(program, site.function, value),
        // An argument that is not written has its default, which is NULL or 0 wherever it matters.
        None => Abstract::Null,
    };
    value.meets(when.is, when.flag)
}
