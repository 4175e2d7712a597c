//! A thread pool object that is used after its close. See `rules/use_after_close_threadpool.md`.

use super::{Engines, Finding, Findings, remedy};
use crate::api::PoolObject;
use crate::diagnostic::Role;
use crate::flow::{Event, What};
use crate::ir::{Block, Callee, Cond, Function, Place, Root, StmtId, StmtKind, Value};
use crate::program::{FnId, Site};
use std::collections::BTreeSet;

pub fn check(engines: &Engines, findings: &mut Findings) {
    for id in engines.program.own_ids() {
        let events = engines.flow.events(id);
        for close in events
            .iter()
            .filter(|event| matches!(event.what, What::Close | What::CloseGroup))
        {
            for used in events.iter().filter(|event| {
                matches!(
                    event.what,
                    What::Arm | What::Disarm | What::Drain | What::Close | What::Use
                )
            }) {
                if close == used {
                    if closes_again(engines, id, close) {
                        report(engines, findings, id, close, used);
                    }
                    continue;
                }
                // What one call arms or disarms, as it is asked to, it arms.
                let also_arms = used.what == What::Disarm
                    && events.contains(&Event {
                        what: What::Arm,
                        ..used.clone()
                    });
                if also_arms
                    || close.stmt == used.stmt
                    || close.site == used.site
                    || !concerns(engines, close, used)
                {
                    continue;
                }
                // Both in one callee: reported there.
                if close.site.function == used.site.function && close.site.function != id {
                    continue;
                }
                if is_of_element(engines, id, close)
                    || is_of_element(engines, id, used)
                    || !same_object(engines, id, close, used)
                    || is_renewed(engines, id, close, used)
                {
                    continue;
                }
                report(engines, findings, id, close, used);
            }
        }
    }
}

/// Whether a statement names an element of an array, or calls a method of one: which one it is nobody knows.
fn is_of_element(engines: &Engines, function: FnId, event: &Event) -> bool {
    let StmtKind::Call { args, .. } = &engines.program.function(function).stmt(event.stmt).kind
    else {
        return false;
    };
    let is_element = |place: &Place| place.path.iter().any(|part| &**part == "[]");
    let means = |place: &Place| engines.program.key(function, place).as_ref() == Some(&event.key);
    args.iter()
        .filter_map(Value::place)
        .any(|place| is_element(&place) && means(&place))
        || receivers(engines, function, event)
            .iter()
            .flatten()
            .any(is_element)
}

/// Whether the close ends the object that is used: the object itself, or the cleanup group that it is a member of.
fn concerns(engines: &Engines, close: &Event, used: &Event) -> bool {
    if used.key.path.iter().any(|part| &**part == "[]") {
        return false;
    }
    match close.what {
        What::Close => close.key == used.key,
        _ => engines
            .flow
            .creations(&used.key)
            .any(|creation| engines.flow.groups_of(creation).contains(&close.key)),
    }
}

/// Keys stand for any object of a class; here it must be one and the same.
fn same_object(engines: &Engines, function: FnId, close: &Event, used: &Event) -> bool {
    let direct = |event: &Event| event.site.function == function;
    if direct(close) && direct(used) {
        let first = |stmt: StmtId| match &engines.program.function(function).stmt(stmt).kind {
            StmtKind::Call { args, .. } => args
                .iter()
                .filter_map(Value::place)
                .find(|place| engines.program.key(function, place).as_ref() == Some(&used.key)),
            _ => None,
        };
        return close.what == What::CloseGroup || first(close.stmt) == first(used.stmt);
    }
    // In callees a test before the use may be the very one that knows of the close.
    let guarded = |event: &Event| {
        let function = engines.program.function(event.site.function);
        !direct(event)
            && function.kind != crate::ir::FunctionKind::Macro
            && engines
                .flow
                .is_guarded(event.site.function, event.site.stmt, None)
    };
    if guarded(used) || guarded(close) {
        return false;
    }
    let closed = receivers(engines, function, close);
    receivers(engines, function, used)
        .iter()
        .any(|receiver| closed.contains(receiver))
}

/// The objects whose member a statement may mean; none for the own one and for what is no member.
fn receivers(engines: &Engines, function: FnId, event: &Event) -> Vec<Option<Place>> {
    let StmtKind::Call { callee, args } = &engines.program.function(function).stmt(event.stmt).kind
    else {
        return vec![None];
    };
    let own = |place: Place| Some(place).filter(|place| *place != Place::of(Root::This));
    let named = args
        .iter()
        .filter_map(Value::place)
        .find(|place| engines.program.key(function, place).as_ref() == Some(&event.key));
    if let Some(mut place) = named {
        let is_member = place.path.pop().is_some();
        return vec![own(place).filter(|_| is_member)];
    }
    match callee {
        Callee::Method { receiver, .. } => vec![receiver.place().and_then(own)],
        _ => std::iter::once(None)
            .chain(args.iter().filter_map(Value::place).map(Some))
            .collect(),
    }
}

/// Whether the next round of a loop closes what this one has closed. Where anything but the loop itself decides about
/// the way round, the close may well be what ends it.
fn closes_again(engines: &Engines, function: FnId, close: &Event) -> bool {
    let body = engines.program.function(function);
    let is_call = engines
        .program
        .call(close.site)
        .is_some_and(|call| call.targets.is_empty());
    if close.what != What::Close
        || close.site.function != function
        || !is_call
        || close.key.path.iter().any(|part| &**part == "[]")
        || receivers(engines, function, close) != [None]
        || !engines.flow.can_follow(function, close.stmt, close.stmt)
        || is_renewed(engines, function, close, close)
    {
        return false;
    }
    let Some(home) = body
        .blocks
        .iter()
        .position(|block| block.stmts.contains(&close.stmt))
    else {
        return false;
    };
    let around: Vec<usize> = reached(body, home)
        .into_iter()
        .filter(|&block| reached(body, block).contains(&home))
        .collect();
    let decisions: Vec<&Block> = around
        .iter()
        .map(|&block| &body.blocks[block])
        .filter(|block| block.next.len() > 1)
        .collect();
    // A block behind an unknown macro may be no loop at all.
    let known = decisions.iter().all(|block| {
        block
            .next
            .iter()
            .flat_map(|edge| &edge.when)
            .all(|guard| guard.cond != Cond::Unknown)
    });
    known && decisions.len() <= 1
}

/// The blocks that can run after a block.
fn reached(body: &Function, from: usize) -> BTreeSet<usize> {
    let after = |block: usize| {
        body.blocks[block]
            .next
            .iter()
            .map(|edge| edge.to.0 as usize)
    };
    let mut seen = BTreeSet::new();
    let mut pending: Vec<usize> = after(from).collect();
    while let Some(block) = pending.pop() {
        if seen.insert(block) {
            pending.extend(after(block));
        }
    }
    seen
}

/// The variables that a place is read through, the outermost first.
fn ways_to(place: &Place) -> impl Iterator<Item = Place> + '_ {
    (0..place.path.len()).map(|depth| Place {
        root: place.root.clone(),
        path: place.path[..depth].to_vec(),
    })
}

/// What leads to the object that is used: `queue` and `queue->head` to `queue->head->work`, and what both the close and the
/// use are methods of, or are given to helpers.
fn leads_to(engines: &Engines, function: FnId, close: &Event, used: &Event) -> Vec<Place> {
    let mut leads: Vec<Place> = Vec::new();
    if let StmtKind::Call { args, .. } = &engines.program.function(function).stmt(used.stmt).kind {
        for place in args.iter().filter_map(Value::place) {
            leads.extend(ways_to(&place));
        }
    }
    let closed = receivers(engines, function, close);
    let both = receivers(engines, function, used)
        .into_iter()
        .filter(|receiver| closed.contains(receiver));
    for place in both.flatten() {
        leads.extend(ways_to(&place));
        leads.push(place);
    }
    leads
}

/// The functions below this one on the way to where an event comes about, each with its statement that leads there.
fn callees_to(engines: &Engines, function: FnId, event: &Event) -> Vec<(FnId, StmtId)> {
    let program = engines.program;
    let is_same = |inner: &&Event| {
        inner.site == event.site && inner.what == event.what && inner.key == event.key
    };
    let next = |at: Site| {
        program.call(at)?.targets.iter().find_map(|target| {
            let inner = engines.flow.events(target.function).iter().find(is_same)?;
            Some((target.function, inner.stmt))
        })
    };
    let mut found: Vec<(FnId, StmtId)> = Vec::new();
    let mut at = (function, event.stmt);
    while at.0 != event.site.function && found.len() < 8 {
        let (function, stmt) = at;
        let Some(inner) = next(Site { function, stmt }) else {
            // Its key is another one further down.
            found.push((event.site.function, event.site.stmt));
            break;
        };
        found.push(inner);
        at = inner;
    }
    found
}

/// Whether the variable gets a new value after the close, on every way to the use: itself, or one that leads to it, such
/// as the one that a loop over all objects sets in each round.
fn is_renewed(engines: &Engines, function: FnId, close: &Event, event: &Event) -> bool {
    let (key, used) = (&event.key, event.stmt);
    // Where no way leads there, there is none without a new value.
    if !engines.flow.can_follow(function, close.stmt, used) {
        return true;
    }
    let creates = |event: &&Event| event.what == What::Create && event.key == *key;
    let events = engines.flow.events(function).iter();
    let made: BTreeSet<StmtId> = events.filter(creates).map(|event| event.stmt).collect();
    let leads = leads_to(engines, function, close, event);
    let outer = function;
    let program = engines.program;
    let stmts = |function: FnId| (0..program.function(function).stmts.len() as u32).map(StmtId);
    // What is given the address of the variable, or of one that leads to it, may put another object there.
    let is_put = |value: &Value| match value {
        Value::AddressOf(place) => {
            leads.contains(place) || program.key(outer, place).as_ref() == Some(key)
        }
        _ => false,
    };
    let assigns = |function: FnId, stmt: StmtId| match &program.function(function).stmt(stmt).kind {
        StmtKind::Assign { to, .. } => {
            let is_seen = function == outer || matches!(to.root, Root::Global(_));
            (is_seen && leads.contains(to))
                || program.key(function, to).as_ref() == Some(key)
                || program.key_of_target(function, to).as_ref() == Some(key)
        }
        kind if function == outer => {
            let gives = || match kind {
                StmtKind::Call { args, .. } => args.iter().any(is_put),
                _ => false,
            };
            made.contains(&stmt) || gives()
        }
        _ => {
            let mut events = engines.flow.events(function).iter();
            events.any(|event| event.stmt == stmt && creates(&event))
        }
    };
    let can_follow = |function: FnId, first: StmtId, then: StmtId| {
        first != then && engines.flow.can_follow(function, first, then)
    };
    // Behind the close in what closes it, and in front of the use in what uses it: in the callees on the way to it.
    let renewed_behind = callees_to(engines, function, close)
        .into_iter()
        .any(|(below, closed)| {
            stmts(below).any(|stmt| assigns(below, stmt) && can_follow(below, closed, stmt))
        });
    let renewed_before = callees_to(engines, function, event)
        .into_iter()
        .any(|(below, used)| {
            stmts(below).any(|stmt| assigns(below, stmt) && can_follow(below, stmt, used))
        });
    if renewed_behind || renewed_before {
        return true;
    }
    // A callee may assign it: any assignment in a function that is called between counts.
    let renews = |stmt: StmtId| {
        assigns(function, stmt)
            || program.call(Site { function, stmt }).is_some_and(|call| {
                let mut targets = call.targets.iter();
                targets
                    .any(|target| stmts(target.function).any(|stmt| assigns(target.function, stmt)))
            })
    };
    !engines
        .flow
        .path_without(function, close.stmt, used, renews)
}

fn report(engines: &Engines, findings: &mut Findings, function: FnId, close: &Event, used: &Event) {
    let mut creations = engines.flow.creations(&used.key);
    let submits = used.what == What::Arm && creations.any(|made| made.kind == PoolObject::Work);
    let verb = match used.what {
        What::Close => "closes",
        What::Drain => "waits for",
        What::Arm if submits => "submits",
        What::Arm => "arms",
        What::Use => "asks about",
        _ => "disarms",
    };
    let name = engines.program.describe(function);
    let mut steps = vec![engines.label(
        Site {
            function,
            stmt: close.stmt,
        },
        "closed here",
        Role::Step,
    )];
    if close.site.function != function {
        steps.push(engines.label(
            close.site,
            format!("`{}` closes it", engines.callee(close.site)),
            Role::Step,
        ));
    }
    if used.site.function != function {
        steps.push(engines.label(
            Site {
                function,
                stmt: used.stmt,
            },
            "used again here",
            Role::Step,
        ));
    }
    let (what, why) = match close.what {
        What::CloseGroup => (
            "a thread pool object that its cleanup group has already closed",
            "CloseThreadpoolCleanupGroupMembers has released all members of the group: the pointer leads to freed memory",
        ),
        _ => (
            "a thread pool object after it was closed",
            "once it is closed and idle the pool has freed it: the pointer leads to freed memory",
        ),
    };
    let fix = remedy::move_before_close(engines, function, close, used);
    let finding = Finding {
        rule: "use_after_close_threadpool",
        message: format!("{name} {verb} {what}"),
        primary: engines.label(used.site, format!("{verb} what is closed"), Role::Primary),
        steps,
        related: Vec::new(),
        help: match (&close.what, &used.what) {
            (What::CloseGroup, What::Close) => {
                "leave this call out: CloseThreadpoolCleanupGroupMembers closes each member of the group"
            }
            (_, What::Close) => "close the object once, and clear the variable when that is done",
            // Moved before the close it would queue a callback that nobody waits for.
            (_, What::Arm) => {
                "leave this call out: a teardown first ends what arms or submits the object, then waits for its callbacks, closes it, and clears the variable"
            }
            _ => "move this call before the close, and clear the variable when the object is closed",
        }
        .to_string(),
        notes: vec![why.to_string()],
        minor: false,
    };
    findings.add_with(finding, fix);
}
