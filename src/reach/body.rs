//! One body, walked from one state: what is known at the start of each of its blocks, and what calls hand on.
//!
//! Both the search of what an entry reaches and the judgement of call paths between two locks go by it.

use super::state::{Abstract, Env, State, reads_through};
use crate::api::{Arg, Effect};
use crate::ir::{Callee, Function, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, CallEffect, FnId, Program, Site};
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
    let mut visits = vec![0u8; body.blocks.len()];
    while let Some(block) = pending.pop_front() {
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
            let after = assumed(env.clone())
                .or_else(|| {
                    // What a test has shown ends no loop: the loop runs until it is so no longer.
                    let mut open = env.clone();
                    (open.forget_shown() && leads_out(body, block, next))
                        .then(|| assumed(open))
                        .flatten()
                })
                .or_else(|| {
                    // What a loop waits for is changed by another thread.
                    ends_polling(program, function, block, next)
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
                if !pending.contains(&next) {
                    pending.push_back(next);
                }
            }
        }
    }
    at_start
}

/// Whether an edge leads out of a loop.
fn leads_out(body: &Function, from: usize, to: usize) -> bool {
    reachable(body, from)[from] && !reachable(body, to)[from]
}

/// Whether an edge leads out of a loop that waits between its tests.
fn ends_polling(program: &Program, function: FnId, from: usize, to: usize) -> bool {
    let body = program.function(function);
    if !leads_out(body, from, to) {
        return false;
    }
    let after = reachable(body, from);
    (0..body.blocks.len())
        .filter(|&block| after[block] && reachable(body, block)[from])
        .flat_map(|block| &body.blocks[block].stmts)
        .filter_map(|&stmt| program.call(Site { function, stmt }))
        .any(|call| {
            call.effects
                .iter()
                .any(|effect| matches!(effect.effect(), Effect::Wait { .. }))
        })
}

/// The blocks that come after a block.
fn reachable(body: &Function, start: usize) -> Vec<bool> {
    let mut seen = vec![false; body.blocks.len()];
    let mut pending: Vec<usize> = vec![start];
    while let Some(next) = pending.pop() {
        for edge in &body.blocks[next].next {
            let to = edge.to.0 as usize;
            if !std::mem::replace(&mut seen[to], true) {
                pending.push(to);
            }
        }
    }
    seen
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
            if let Some(call) = call
                && call.effects.iter().any(|effect| {
                    matches!(
                        effect.effect(),
                        Effect::NoReturn
                            | Effect::ExitThread
                            | Effect::ExitProcess
                            | Effect::ModuleUnref {
                                exits_thread: true,
                                ..
                            }
                    )
                })
            {
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
    let (args, receiver_offset): (&[Value], usize) =
        match &program.function(site.function).stmt(site.stmt).kind {
            StmtKind::Call { args, callee } => (
                args,
                usize::from(matches!(callee, Callee::Named(name) if name.contains("::"))),
            ),
            _ => (&[], 0),
        };
    let body = program.function(target);
    // `Type::method(object, …)` of Rust: the object is no parameter.
    let skip = if body.has_this && args.len() > body.params.len() {
        receiver_offset
    } else {
        0
    };
    (0..body.params.len())
        .map(|index| match args.get(index + skip) {
            Some(value)
                if reads_through(program, site.function, value, &body.params[index].type_text) =>
            {
                Abstract::Unknown
            }
            Some(value) => env.evaluate(program, site.function, value),
            None => match &body.params[index].default {
                Some(default) => program
                    .constant(target, default)
                    .map_or(Abstract::Unknown, Abstract::from),
                None => program
                    .default_argument(target, index)
                    .map_or(Abstract::Unknown, Abstract::from),
            },
        })
        .collect()
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
