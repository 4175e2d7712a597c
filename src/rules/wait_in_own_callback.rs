//! A callback that waits for itself. See `rules/wait_in_own_callback.md`.

use super::{Engines, Finding, Findings};
use crate::api::Effect;
use crate::diagnostic::Role;
use crate::entry::{self, EntryKind, Runs};
use crate::flow::rearm;
use crate::ir::FunctionKind;
use crate::program::{FnId, Key, KeyRoot, Site};
use crate::reach::{Hit, Walk};
use std::collections::BTreeSet;

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for (number, entry) in engines.entries.iter().enumerate() {
        let (EntryKind::PoolCallback(kind), Runs::Function(callback), Some(start)) =
            (entry.kind, &entry.runs, entry.registered)
        else {
            continue;
        };
        let Some(creation) = engines
            .flow
            .pool
            .iter()
            .find(|creation| creation.site == start)
        else {
            continue;
        };
        let mut own: Vec<Key> = creation.key.iter().cloned().collect();
        own.extend(
            entry::object_parameter(kind).map(|index| Key::of(KeyRoot::Param(*callback, index))),
        );
        let groups = engines.flow.groups_of(creation);
        let walk = engines.walk(number);
        for hit in &walk.hits {
            let (Some(site), Some(node)) = (hit.site, hit.node) else {
                continue;
            };
            let (waited, is_group) = match hit.effect.effect() {
                Effect::TpDrain { object, .. } => (*object, false),
                Effect::TpCloseGroup { group } => (*group, true),
                _ => continue,
            };
            let Some(key) = engines
                .flow
                .key_of(site, waited)
                .and_then(|key| rearm::at_entry(&engines.flow, walk, node, key))
            else {
                continue;
            };
            let concerned = if is_group {
                groups.contains(&key)
            } else {
                own.contains(&key)
            };
            if !concerned
                || !(is_group || !is_disassociated(engines, walk, hit))
                || is_asked_for(engines, walk, node, site, &own, *callback)
                || !reported.insert((site, *callback))
            {
                continue;
            }
            report(engines, findings, number, node, site, is_group);
        }
    }
}

/// Whether the callback has told the pool, on the way to the wait, that nobody shall wait for it. A cleanup group waits
/// all the same.
/// https://learn.microsoft.com/en-us/windows/win32/api/threadpoolapiset/nf-threadpoolapiset-disassociatecurrentthreadfromcallback
fn is_disassociated(engines: &Engines, walk: &Walk, hit: &Hit) -> bool {
    let (Some(site), Some(node)) = (hit.site, hit.node) else {
        return false;
    };
    let disassociates = |function: FnId| {
        walk.hits.iter().any(|other| {
            matches!(other.effect.effect(), Effect::Disassociate)
                && other.site.is_some_and(|at| at.function == function)
        })
    };
    std::iter::once(site)
        .chain(walk.path(node).iter().map(|(_, site)| *site))
        .any(|on_path| {
            engines.program.calls(on_path.function).iter().any(|call| {
                let does = call
                    .effects
                    .iter()
                    .any(|effect| matches!(effect.effect(), Effect::Disassociate))
                    || call
                        .targets
                        .iter()
                        .any(|target| disassociates(target.function));
                does && call.stmt != on_path.stmt
                    && engines
                        .flow
                        .can_follow(on_path.function, call.stmt, on_path.stmt)
            })
        })
}

/// Whether some state is asked before the wait, such as "is this the callback's own thread". Whether there is an object
/// at all, and whether this was the last reference to it, is not that question.
fn is_asked_for(
    engines: &Engines,
    walk: &Walk,
    node: usize,
    site: Site,
    own: &[Key],
    callback: FnId,
) -> bool {
    let path = walk.path(node);
    let destroys = |function: FnId| {
        matches!(
            engines.program.function(function).kind,
            FunctionKind::Dtor | FunctionKind::Drop
        )
    };
    // What leads to a destructor asks for the last reference; what stands in it and below can ask who waits.
    let mut asked = engines
        .flow
        .is_guarded_otherwise(site.function, site.stmt, own);
    let mut inside = site.function;
    for (_, call) in path.iter().rev() {
        if destroys(inside) {
            return asked;
        }
        asked |= call.function != callback
            && engines
                .flow
                .is_guarded_otherwise(call.function, call.stmt, own);
        inside = call.function;
    }
    asked && inside != site.function
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    entry: usize,
    node: usize,
    site: Site,
    is_group: bool,
) {
    let callback = &engines.entries[entry].name;
    let callee = engines.callee(site);
    let walk = engines.walk(entry);
    let path = walk.path(node);
    let start = engines.entries[entry].registered;
    let place = engines.labelled(&path, site, |caller| {
        engines.flow.pool.iter().any(|creation| {
            Some(creation.site) == start && engines.flow.is_inside_callback(creation, caller)
        })
    });
    let (whom, exception) = if is_group {
        (
            "the cleanup group that it is a member of",
            "DisassociateCurrentThreadFromCallback does not help here: the group waits for the callback all the same",
        )
    } else {
        (
            "its own object",
            "cancelling does not help: TRUE drops callbacks that are queued, and this one is running",
        )
    };
    let mut related = Vec::new();
    if let Some(start) = start {
        related.push(engines.label(
            start,
            format!("{callback} becomes the callback of the object here"),
            Role::Related,
        ));
    }
    findings.add(Finding {
        rule: "wait_in_own_callback",
        message: format!(
            "the callback {callback} waits for the callbacks of {whom} with `{callee}`: it waits for itself, for ever"
        ),
        primary: engines.label(place, "returns only when this callback has returned", Role::Primary),
        steps: engines.steps(entry, Some(node)),
        related,
        help: if is_group {
            "close the group's members on another thread, never in a callback of the group"
                .to_string()
        } else {
            "do the teardown on another thread, or call DisassociateCurrentThreadFromCallback first and keep the context alive; disarming and closing are allowed in the callback".to_string()
        },
        notes: vec![exception.to_string()],
        minor: false,
    });
}
