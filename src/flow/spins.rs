//! Locks that are made by hand: a loop that goes on until its own exchange has taken a variable from free to taken.
//!
//! In comes a call, out comes the variable that it takes or frees. A loop that waits for what somebody else sets tests
//! without writing, or writes the free value; such a loop is no lock.

use crate::api::{Arg, Effect};
use crate::ir::{Callee, Cond, Function, Guard, Op, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, FnId, Program, Site};
use crate::source::Lang;

/// A call that puts a value into a variable in one go.
struct Exchange {
    variable: Place,
    value: Option<i64>,
    /// Only where the variable holds this.
    expected: Option<i64>,
    /// It gives what was there before, and not whether it succeeded.
    gives_old: bool,
    has_expected: bool,
}

/// The variable that a call takes, where the loop around it ends with that.
pub fn taken_at(program: &Program, site: Site) -> Option<Place> {
    let exchange = exchange_at(program, site, true)?;
    let frees = exchange.value == Some(0);
    let from_free = if exchange.has_expected {
        exchange.expected == Some(0)
    } else {
        exchange.value.is_some()
    };
    if frees || !from_free {
        return None;
    }
    let members = loop_around(program.function(site.function), site.stmt)?;
    (ends_when_taken(program, site, &members, &exchange) && !is_once(program, site, &exchange))
        .then_some(exchange.variable)
}

/// Whether the function that takes a variable sets it to a last value, which is neither free nor taken: what comes after
/// finds it done, and nobody takes it twice. A value that is followed by the free one tells only what is done just now.
fn is_once(program: &Program, site: Site, taking: &Exchange) -> bool {
    let taken = taking.value.unwrap_or(1);
    let body = program.function(site.function);
    let assigned = |stmt: StmtId| match &body.stmt(stmt).kind {
        StmtKind::Assign { to, value } if *to == taking.variable => program
            .constant(site.function, value)
            .and_then(|constant| constant.number()),
        _ => None,
    };
    let exchanged = |stmt: StmtId| {
        let other = Site {
            function: site.function,
            stmt,
        };
        exchange_at(program, other, false)
            .filter(|exchange| stmt != site.stmt && exchange.variable == taking.variable)
    };
    let is_last = |value: Option<i64>| value.is_some_and(|value| value != 0 && value != taken);
    let ends = |stmt: StmtId| {
        is_last(assigned(stmt))
            || exchanged(stmt).is_some_and(|exchange| {
                is_last(exchange.value)
                    && exchange.expected.is_none_or(|expected| expected == taken)
                    && (exchange.has_expected || loop_around(body, stmt).is_none())
            })
    };
    let frees = |stmt: StmtId| {
        assigned(stmt) == Some(0)
            || exchanged(stmt).is_some_and(|exchange| exchange.value == Some(0))
    };
    let stmts = || (0..body.stmts.len() as u32).map(StmtId);
    stmts()
        .filter(|&stmt| ends(stmt))
        .any(|last| !stmts().any(|free| frees(free) && leads_to(body, last, free)))
}

/// Whether a statement can follow another one.
fn leads_to(body: &Function, first: StmtId, then: StmtId) -> bool {
    let (Some(from), Some(to)) = (body.block_of(first), body.block_of(then)) else {
        return false;
    };
    let place = |stmt: StmtId| body.block(from).stmts.iter().position(|&at| at == stmt);
    from == to && place(first) < place(then)
        || reachable(body, from.0 as usize, false)[to.0 as usize]
}

/// The variable that a call sets to the free value.
pub fn freed_at(program: &Program, site: Site) -> Option<Place> {
    let exchange = exchange_at(program, site, false)?;
    (exchange.value == Some(0)).then_some(exchange.variable)
}

/// Whether a statement stands in a loop that takes such a lock.
pub fn is_taking(program: &Program, site: Site) -> bool {
    let body = program.function(site.function);
    let Some(members) = loop_around(body, site.stmt) else {
        return false;
    };
    members
        .iter()
        .enumerate()
        .filter(|(_, inside)| **inside)
        .flat_map(|(block, _)| &body.blocks[block].stmts)
        .any(|&stmt| {
            let other = Site {
                function: site.function,
                stmt,
            };
            taken_at(program, other).is_some()
                || tries_lock(program, other) && ends_on(program, other, &members, 1, 0)
        })
}

/// Whether a call tries to take a lock without waiting for it, itself or in a function that is written for that.
fn tries_lock(program: &Program, site: Site) -> bool {
    let tries = |call: &Call| {
        call.effects
            .iter()
            .any(|effect| matches!(effect.effect(), Effect::Acquire { try_: true, .. }))
    };
    program.call(site).is_some_and(|call| {
        tries(call)
            || call.targets.iter().any(|target| {
                let target = target.function;
                program.function(target).stmts.len() <= MOST_OF_WRAPPER
                    && program.calls(target).iter().any(tries)
            })
    })
}

/// Statements of a function that does little but to try a lock.
const MOST_OF_WRAPPER: usize = 16;

/// The exchange that a call is, itself or as the only thing that its target does.
fn exchange_at(program: &Program, site: Site, asks: bool) -> Option<Exchange> {
    let call = program.call(site)?;
    let StmtKind::Call { callee, args } = &program.function(site.function).stmt(site.stmt).kind
    else {
        return None;
    };
    if call.targets.is_empty() {
        return direct(program, site, asks);
    }
    call.targets.iter().find_map(|target| {
        let target = target.function;
        let body = program.function(target);
        if body.stmts.len() > 4 || (body.params.is_empty() && !body.has_this) {
            return None;
        }
        let inner = program.calls(target).iter().find_map(|call| {
            let inner = Site {
                function: target,
                stmt: call.stmt,
            };
            direct(program, inner, asks).map(|exchange| (inner, exchange))
        });
        let (inner, exchange) = inner?;
        let given_back = body.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Return { value: Some(value) } => gives(program, inner, value),
            _ => None,
        });
        if asks && given_back.is_none() {
            return None;
        }
        let (value, expected) = stored_values(program, inner);
        let handed = |value: Option<&Value>| match value.and_then(|value| parameter(body, value)) {
            Some(index) => program
                .constant(site.function, args.get(index)?)
                .and_then(|constant| constant.number()),
            None => value
                .and_then(|value| program.constant(target, value))
                .and_then(|constant| constant.number()),
        };
        let variable = if exchange.variable.root == Root::This {
            // A member of the object that the method is called on.
            let mut object = match callee {
                Callee::Method { receiver, .. } => receiver.place()?,
                _ => Place::of(Root::This),
            };
            object.path.extend(exchange.variable.path.iter().cloned());
            if object.path.len() > Place::DEEPEST {
                return None;
            }
            object
        } else {
            let index = parameter(body, &Value::Place(exchange.variable.clone()))?;
            args.get(index)?.place()?
        };
        Some(Exchange {
            variable,
            value: handed(value).or(exchange.value),
            expected: handed(expected).or(exchange.expected),
            gives_old: exchange.gives_old != (given_back == Some(Given::Opposite)),
            ..exchange
        })
    })
}

/// What a value says about the result of a call.
#[derive(Clone, Copy, PartialEq)]
enum Given {
    /// The result itself, or whether it is true.
    Same,
    /// Whether it is false.
    Opposite,
}

/// What a value is in terms of a call's result: that itself, `!result`, and in Rust `result.is_ok()` and `is_err()`.
fn gives(program: &Program, site: Site, value: &Value) -> Option<Given> {
    let is_result = |value: &Value| value.place() == Some(Place::of(Root::Result(site.stmt)));
    if is_result(value) {
        return Some(Given::Same);
    }
    let tested = |cond: &Cond, holds: bool| match cond {
        Cond::Compare {
            left,
            op: op @ (Op::Eq | Op::Ne),
            right: Value::Const(0) | Value::Null,
        } if is_result(left) => Some(if (*op == Op::Ne) == holds {
            Given::Same
        } else {
            Given::Opposite
        }),
        _ => None,
    };
    match value {
        Value::Cond(cond) => tested(cond, true),
        // `!result` is a local that is 1 in one arm and 0 in the other.
        Value::Place(place) if matches!(place.root, Root::Local(_)) && place.path.is_empty() => {
            let body = program.function(site.function);
            let set = |wanted: i64| {
                let mut set = body.stmts.iter().enumerate().filter(|(_, stmt)| {
                    matches!(&stmt.kind, StmtKind::Assign { to, value: Value::Const(number) } if to == place && *number == wanted)
                });
                let (number, _) = set.next()?;
                set.next().is_none().then_some(StmtId(number as u32))
            };
            let (yes, _) = (set(1)?, set(0)?);
            let arm = body
                .blocks
                .iter()
                .position(|block| block.stmts.contains(&yes))?;
            let mut into = body
                .blocks
                .iter()
                .flat_map(|block| &block.next)
                .filter(|edge| edge.to.0 as usize == arm);
            match (into.next()?.when.as_slice(), into.next()) {
                ([guard], None) => tested(&guard.cond, guard.holds),
                _ => None,
            }
        }
        Value::Result(asked) => {
            let StmtKind::Call {
                callee: Callee::Method { receiver, name },
                ..
            } = &program
                .function(site.function)
                .stmts
                .get(asked.0 as usize)?
                .kind
            else {
                return None;
            };
            if program.lang(site.function) != Lang::Rust || !is_result(receiver) {
                return None;
            }
            match &**name {
                "is_ok" => Some(Given::Same),
                "is_err" => Some(Given::Opposite),
                _ => None,
            }
        }
        _ => None,
    }
}

fn direct(program: &Program, site: Site, asks: bool) -> Option<Exchange> {
    let call = program.call(site)?;
    if !call.targets.is_empty() {
        return None;
    }
    // What sets a known bit gives that one.
    let gives_old = call.effects.iter().any(|effect| {
        matches!(
            effect.effect(),
            Effect::Reads { .. }
                | Effect::Stores {
                    constant: Some(_),
                    bits: true,
                    ..
                }
        )
    });
    call.effects
        .iter()
        .find_map(|effect| match effect.effect() {
            Effect::Stores {
                into,
                expected,
                constant,
                bits,
                ..
            } if (!bits || constant.is_some()) && (gives_old || expected.is_some() || !asks) => {
                let (value, wanted) = stored_values(program, site);
                let number = |value: Option<&Value>| {
                    value
                        .and_then(|value| program.constant(site.function, value))
                        .and_then(|constant| constant.number())
                };
                Some(Exchange {
                    variable: program.argument(site, *into)?.place()?,
                    value: constant.or_else(|| number(value)),
                    expected: number(wanted).or_else(|| zero_before(program, site, wanted)),
                    gives_old,
                    has_expected: expected.is_some(),
                })
            }
            _ => None,
        })
}

/// What a call stores, and what has to be there before.
fn stored_values<'p>(program: &'p Program, site: Site) -> (Option<&'p Value>, Option<&'p Value>) {
    let Some(call) = program.call(site) else {
        return (None, None);
    };
    for effect in &call.effects {
        if let Effect::Stores {
            value, expected, ..
        } = effect.effect()
        {
            let argument = |arg: Option<Arg>| arg.and_then(|arg| program.argument(site, arg));
            return (argument(*value), argument(*expected));
        }
    }
    (None, None)
}

/// `expected` of `compare_exchange_weak`: a local that is never set to anything but the free value.
fn zero_before(program: &Program, site: Site, value: Option<&Value>) -> Option<i64> {
    let Value::Place(place) = value? else {
        return None;
    };
    if !matches!(place.root, Root::Local(_)) {
        return None;
    }
    let mut seen = false;
    for stmt in &program.function(site.function).stmts {
        if let StmtKind::Assign { to, value } = &stmt.kind
            && to == place
        {
            seen = true;
            if program.constant(site.function, value)?.number() != Some(0) {
                return None;
            }
        }
    }
    seen.then_some(0)
}

/// The parameter that a value is, or that a local was made from (a union that changes the pointer's type).
fn parameter(body: &Function, value: &Value) -> Option<usize> {
    let place = value.place()?;
    match place.root {
        Root::Param(index) if place.path.is_empty() => Some(index as usize),
        Root::Local(_) => body.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign { to, value } if to.root == place.root => match value {
                Value::Result(made) => match &body.stmts.get(made.0 as usize)?.kind {
                    StmtKind::Call { args, .. } => args.iter().find_map(given),
                    _ => None,
                },
                value => given(value),
            },
            _ => None,
        }),
        _ => None,
    }
}

fn given(value: &Value) -> Option<usize> {
    match value {
        Value::Place(Place {
            root: Root::Param(index),
            path,
        }) if path.is_empty() => Some(*index as usize),
        _ => None,
    }
}

/// The blocks of the loop that a statement stands in.
fn loop_around(body: &Function, stmt: StmtId) -> Option<Vec<bool>> {
    let block = body
        .blocks
        .iter()
        .position(|block| block.stmts.contains(&stmt))?;
    let after = reachable(body, block, false);
    if !after[block] {
        return None;
    }
    let before = reachable(body, block, true);
    Some(
        after
            .into_iter()
            .zip(before)
            .map(|(after, before)| after && before)
            .collect(),
    )
}

/// The blocks that come after a block, or before it.
fn reachable(body: &Function, start: usize, backwards: bool) -> Vec<bool> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); body.blocks.len()];
    for (block, from) in body.blocks.iter().enumerate() {
        for edge in &from.next {
            let to = edge.to.0 as usize;
            if backwards {
                next[to].push(block);
            } else {
                next[block].push(to);
            }
        }
    }
    let mut seen = vec![false; body.blocks.len()];
    let mut pending = vec![start];
    while let Some(block) = pending.pop() {
        for &to in &next[block] {
            if !std::mem::replace(&mut seen[to], true) {
                pending.push(to);
            }
        }
    }
    seen
}

/// Whether the loop goes on while the variable was taken already, and some exit is passed when it was free.
fn ends_when_taken(program: &Program, site: Site, members: &[bool], exchange: &Exchange) -> bool {
    let (free, taken) = if exchange.gives_old {
        (0, exchange.value.filter(|&value| value != 0).unwrap_or(1))
    } else {
        (1, 0)
    };
    ends_on(program, site, members, free, taken)
}

/// Whether some exit of a loop is passed where a call gives `free`, and not where it gives `taken`.
fn ends_on(program: &Program, site: Site, members: &[bool], free: i64, taken: i64) -> bool {
    let results = results_of(program, site);
    program
        .function(site.function)
        .blocks
        .iter()
        .enumerate()
        .filter(|(block, _)| members[*block])
        .flat_map(|(_, block)| &block.next)
        .filter(|edge| !members[edge.to.0 as usize])
        .flat_map(|edge| &edge.when)
        .any(|guard| is_only_for(program, site.function, &results, guard, free, taken))
}

/// The places that hold what a call gives, or the opposite.
fn results_of(program: &Program, site: Site) -> Vec<(Place, Given)> {
    let body = program.function(site.function);
    let mut results = vec![(Place::of(Root::Result(site.stmt)), Given::Same)];
    for (number, stmt) in body.stmts.iter().enumerate() {
        match &stmt.kind {
            StmtKind::Assign { to, value } => {
                results.extend(gives(program, site, value).map(|given| (to.clone(), given)));
            }
            StmtKind::Call { .. } => {
                let asked = StmtId(number as u32);
                let given = gives(program, site, &Value::Result(asked));
                if asked != site.stmt {
                    results.extend(given.map(|given| (Place::of(Root::Result(asked)), given)));
                }
            }
            _ => {}
        }
    }
    results
}

/// Whether a guard lets pass where one of these places is `free`, and not where it is `taken`.
fn is_only_for(
    program: &Program,
    function: FnId,
    results: &[(Place, Given)],
    guard: &Guard,
    free: i64,
    taken: i64,
) -> bool {
    let Cond::Compare { left, op, right } = &guard.cond else {
        return false;
    };
    let Some(place) = left.place() else {
        return false;
    };
    let Some((_, given)) = results.iter().find(|(known, _)| *known == place) else {
        return false;
    };
    let Some(right) = program
        .constant(function, right)
        .and_then(|constant| constant.number())
    else {
        return false;
    };
    let passes = |result: i64| {
        let left = match given {
            Given::Same => result,
            Given::Opposite => i64::from(result == 0),
        };
        op.holds(left, right) == guard.holds
    };
    passes(free) && !passes(taken)
}

/// The once that a call begins: the blocks of its function that only the one reaches for whom it was free.
pub fn once_begun_at(program: &Program, site: Site) -> Option<Vec<bool>> {
    let exchange = exchange_at(program, site, true)?;
    let taken = exchange.value.filter(|&value| value != 0)?;
    if exchange.expected != Some(0) || !is_once(program, site, &exchange) {
        return None;
    }
    let (free, taken) = if exchange.gives_old {
        (0, taken)
    } else {
        (1, 0)
    };
    let body = program.function(site.function);
    let results = results_of(program, site);
    let mut seen = vec![false; body.blocks.len()];
    let mut pending = vec![0];
    while let Some(block) = pending.pop() {
        if std::mem::replace(&mut seen[block], true) {
            continue;
        }
        pending.extend(
            body.blocks[block]
                .next
                .iter()
                .filter(|edge| {
                    !edge.when.iter().any(|guard| {
                        is_only_for(program, site.function, &results, guard, free, taken)
                    })
                })
                .map(|edge| edge.to.0 as usize),
        );
    }
    Some(seen.into_iter().map(|seen| !seen).collect())
}

/// A quick look that spares most calls the rest.
pub fn may_exchange(program: &Program, site: Site) -> bool {
    let stores = |site: Site| {
        program.call(site).is_some_and(|call| {
            call.effects
                .iter()
                .any(|effect| matches!(effect.effect(), Effect::Stores { .. }))
        })
    };
    stores(site)
        || program.call(site).is_some_and(|call| {
            call.targets.iter().any(|target| {
                program.function(target.function).stmts.len() <= 4
                    && program.calls(target.function).iter().any(|call| {
                        stores(Site {
                            function: target.function,
                            stmt: call.stmt,
                        })
                    })
            })
        })
}
