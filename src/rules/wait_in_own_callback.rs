//! A callback that waits for itself. See `rules/wait_in_own_callback.md`.

use super::lock_under_loader_lock::called;
use super::{Engines, Finding, Findings, the_callback};
use crate::api::{Effect, PoolObject};
use crate::diagnostic::Role;
use crate::entry;
use crate::flow::rearm;
use crate::ir::{Callee, FunctionKind, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Site};
use crate::reach::{Hit, Walk};
use std::collections::BTreeSet;

/// What makes the callback wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// A call that waits for the callbacks of an object, with a choice to cancel those that are queued.
    Call,
    /// The end of an owner, which waits for them; or a legacy call.
    Owner,
    /// The end of a group.
    Group,
}

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for (number, kind, callback, creation) in engines.pool_callbacks() {
        let mut own: Vec<Key> = creation.key.iter().cloned().collect();
        own.extend(
            entry::object_parameter(kind).map(|index| Key::of(KeyRoot::Param(callback, index))),
        );
        let groups = engines.flow.groups_of(creation);
        let walk = engines.walk(number);
        for hit in &walk.hits {
            let (Some(site), Some(node)) = (hit.site, hit.node) else {
                continue;
            };
            let (waited, what) = match hit.effect.effect() {
                Effect::TpDrain {
                    object,
                    cancel: Some(_),
                    ..
                } => (*object, Waits::Call),
                Effect::TpDrain { object, .. } => (*object, Waits::Owner),
                Effect::TpCloseGroup { group } => (*group, Waits::Group),
                _ => continue,
            };
            let Some(key) = ended(engines, site)
                .or_else(|| engines.flow.key_of(site, waited))
                .and_then(|key| rearm::at_entry(&engines.flow, walk, node, key))
            else {
                continue;
            };
            let is_group = what == Waits::Group;
            let concerned = if is_group {
                groups.contains(&key)
            } else {
                own.contains(&key) || ends_owner(engines, &key, &own)
            };
            if !concerned
                || (!is_group && is_disassociated(engines, walk, hit))
                || is_asked_for(engines, walk, node, site, &own, callback)
                || !reported.insert((site, callback))
            {
                continue;
            }
            report(engines, findings, number, node, site, what);
        }
    }
}

/// The object whose end a statement is, with what it owns: a `delete`, or the end of a scope.
fn ended(engines: &Engines, site: Site) -> Option<Key> {
    let program = engines.program;
    let value = match &program.function(site.function).stmt(site.stmt).kind {
        StmtKind::Drop { place, .. } => Value::Place(place.clone()),
        StmtKind::Call {
            callee: Callee::Named(name),
            args,
        } if name.starts_with("delete") => args.first()?.clone(),
        _ => return None,
    };
    let (text, unit) = program.type_of_value(site.function, &value)?;
    let class = program.led_class(&text, unit)?;
    Some(Key::of(KeyRoot::Object(class)))
}

/// Whether the end of an object ends a member of it that owns the callback's own object, and waits.
fn ends_owner(engines: &Engines, key: &Key, own: &[Key]) -> bool {
    let program = engines.program;
    let KeyRoot::Object(class) = key.root else {
        return false;
    };
    key.path.is_empty()
        && own.iter().any(|own| {
            let (KeyRoot::Object(owner), [member]) = (&own.root, &own.path[..]) else {
                return false;
            };
            program.class_chain(class).contains(owner)
                && program.field(*owner, member).is_some_and(|found| {
                    program
                        .type_row(&found.field.type_text, program.type_unit(found.owner))
                        .is_some_and(|row| {
                            row.destructor
                                .iter()
                                .any(|end| matches!(end.effect, Effect::TpDrain { .. }))
                        })
                })
        })
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
    what: Waits,
) {
    let is_group = what == Waits::Group;
    let callback = &engines.entries[entry].name;
    let callee = called(engines, site);
    let walk = engines.walk(entry);
    let path = walk.path(node);
    let start = engines.entries[entry].registered;
    let place = engines.labelled(&path, site, |caller| {
        engines.flow.pool.iter().any(|creation| {
            Some(creation.site) == start
                && engines.flow.is_inside_callback(creation, caller.function)
        })
    });
    let is_legacy = engines.flow.pool.iter().any(|creation| {
        Some(creation.site) == start
            && matches!(
                creation.kind,
                PoolObject::LegacyTimer | PoolObject::LegacyWait
            )
    });
    let (whom, exception) = if is_legacy {
        (
            if is_group {
                "the timer queue that its timer is in"
            } else {
                "its own object"
            },
            "INVALID_HANDLE_VALUE is what makes the call wait for the callbacks",
        )
    } else if is_group {
        (
            "the group that its object is in",
            "DisassociateCurrentThreadFromCallback does not help here: the group waits for a disassociated callback all the same",
        )
    } else {
        (
            "its own object",
            match what {
                Waits::Call => {
                    "cancelling does not help: TRUE drops callbacks that are queued, and this one is running"
                }
                _ => "the owner waits for the callbacks before it closes the object",
            },
        )
    };
    let mut steps = engines.steps(entry, Some(node));
    if place != site {
        steps.push(engines.label(
            site,
            format!("{callee} waits here for the callbacks"),
            Role::Step,
        ));
    }
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
            "{} waits with {callee} until the callbacks of {whom} have returned, and is one of them: it waits for itself, for ever",
            the_callback(callback)
        ),
        primary: engines.label(place, "returns only after the callback that calls it has returned", Role::Primary),
        steps,
        related,
        help: if is_legacy {
            "give NULL in place of INVALID_HANDLE_VALUE here, which ends the object without waiting; or end it on another thread"
                .to_string()
        } else if is_group {
            "end the group on another thread, never in a callback of one of its objects"
                .to_string()
        } else {
            "do the teardown on another thread, or call DisassociateCurrentThreadFromCallback first and keep the context alive until the callback returns; disarming and closing without a wait are allowed here".to_string()
        },
        notes: vec![exception.to_string()],
        minor: false,
    });
}
