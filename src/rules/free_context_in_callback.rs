//! A callback that frees what somebody else uses, or what its next run needs. See `rules/free_context_in_callback.md`.

use super::{Engines, Finding, Findings, the_callback};
use crate::api::{Arg, Effect, PoolObject};
use crate::diagnostic::Role;
use crate::flow::{PoolSite, What};
use crate::ir::{Callee, Cond, FunctionKind, Place, Root, StmtId, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Site};
use crate::reach::Walk;
use std::collections::BTreeSet;

/// Why the free is wrong.
enum Other {
    /// A teardown outside the callback uses or frees the same memory.
    Teardown(Site),
    /// The timer is periodic.
    Period(Site),
    /// The work is submitted again before the callback has run.
    Submitted(Site),
    /// The callback arms the object again after the free.
    Rearm(Site),
}

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for (number, _, callback, creation) in engines.pool_callbacks() {
        let walk = engines.walk(number);
        for (node, site, key) in frees(engines, walk) {
            if !belongs_to(engines, creation, &key) || is_counted(engines, walk, node, site, &key) {
                continue;
            }
            let Some(other) = other_user(engines, creation, callback, site, &key) else {
                continue;
            };
            // Against a teardown a count of the project's own decides who frees; a countdown of runs decides nothing else.
            if matches!(other, Other::Teardown(_)) && is_counted_by_hand(engines, walk, node, site)
            {
                continue;
            }
            if reported.insert(site) {
                report(engines, findings, number, node, site, creation, &other);
            }
        }
    }
}

/// What a walk frees: the node, the call, and the object.
fn frees(engines: &Engines, walk: &Walk) -> Vec<(usize, Site, Key)> {
    let mut all = Vec::new();
    for hit in &walk.hits {
        if let (Effect::Free { pointer }, Some(site), Some(node)) =
            (hit.effect.effect(), hit.site, hit.node)
            && let Some(key) = engines.flow.lifetime_key(
                site.function,
                &engines.program.argument_value(site, *pointer),
            )
            && matches!(key.root, KeyRoot::Object(_))
            && !is_fresh(engines, site, *pointer)
        {
            all.push((node, site, key));
        }
    }
    all
}

/// Whether the function that frees has made what it frees: the next object that a callback begins, and gives up where
/// that fails.
fn is_fresh(engines: &Engines, site: Site, pointer: Arg) -> bool {
    let body = engines.program.function(site.function);
    let Some(place) = engines.program.argument_value(site, pointer).place() else {
        return false;
    };
    body.stmts.iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign {
            to,
            value: Value::Result(made),
        } if *to == place => {
            let constructs = matches!(
                body.stmt(*made).kind,
                StmtKind::Call {
                    callee: Callee::Construct { heap: true, .. },
                    ..
                }
            );
            // `calloc` and the like: a call of somebody else's code that hands nothing on.
            constructs
                || engines
                    .program
                    .call(Site {
                        function: site.function,
                        stmt: *made,
                    })
                    .is_some_and(|call| call.targets.is_empty() && call.effects.is_empty())
        }
        _ => false,
    })
}

/// Whether what is freed is the callback's context, or the object that the thread pool object is kept in (the
/// OVERLAPPED of an I/O callback, a session).
fn belongs_to(engines: &Engines, creation: &PoolSite, key: &Key) -> bool {
    let context = creation
        .context
        .as_ref()
        .and_then(|context| engines.flow.lifetime_key(creation.site.function, context));
    context.as_ref() == Some(key)
        || (key.path.is_empty()
            && creation
                .key
                .as_ref()
                .is_some_and(|own| own.root == key.root && !own.path.is_empty()))
}

/// A reference count decides: the free stands under the test of a count, or in a destructor that a counted pointer runs.
fn is_counted(engines: &Engines, walk: &Walk, node: usize, site: Site, key: &Key) -> bool {
    let counts = |function: FnId| {
        engines.program.calls(function).iter().any(|call| {
            call.effects
                .iter()
                .any(|effect| matches!(effect.effect(), Effect::RefCount { up: false, .. }))
        }) || engines
            .program
            .counts(&engines.program.function(function).name, true)
            || matches!(
                engines.program.function(function).kind,
                FunctionKind::Dtor | FunctionKind::Drop
            )
            || engines
                .program
                .counts(&engines.program.function(function).name, false)
    };
    counts(site.function)
        || walk
            .path(node)
            .iter()
            .any(|(_, call)| counts(call.function))
        || engines
            .flow
            .events(site.function)
            .iter()
            .any(|event| event.what == What::Counted && event.key == *key)
}

/// Whether the free, or a call on the way to it, stands behind a count that the code keeps in a member.
fn is_counted_by_hand(engines: &Engines, walk: &Walk, node: usize, site: Site) -> bool {
    std::iter::once(site)
        .chain(walk.path(node).into_iter().map(|(_, call)| call))
        .any(|call| is_behind_count(engines, call.function, call.stmt))
}

/// Whether a statement runs only where a count that the function has just changed says so: `if (--references == 0)`.
fn is_behind_count(engines: &Engines, function: FnId, stmt: StmtId) -> bool {
    let body = engines.program.function(function);
    let is_counted = |place: &Place| {
        let shared = !place.path.is_empty() || matches!(place.root, Root::Global(_));
        shared
            && body.stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { to, value: Value::Unknown } if to == place)
            })
    };
    // Or a local that it was copied to, to be asked where the lock is no longer held.
    let is_copy = |local: &Place| {
        matches!(local.root, Root::Local(_))
            && local.path.is_empty()
            && body.stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { to, value: Value::Place(from) }
                    if to == local && is_counted(from))
            })
    };
    let is_changed = |value: &Value| match value {
        Value::Place(place) => is_counted(place) || is_copy(place),
        _ => false,
    };
    engines
        .flow
        .is_guarded_by(function, stmt, |guard| match &guard.cond {
            Cond::Compare { left, right, .. } => {
                (is_changed(left) && matches!(right, Value::Const(0 | 1)))
                    || (is_changed(right) && matches!(left, Value::Const(0 | 1)))
            }
            _ => false,
        })
}

/// Who else uses the object, or when the callback comes again.
fn other_user(
    engines: &Engines,
    creation: &PoolSite,
    callback: FnId,
    site: Site,
    key: &Key,
) -> Option<Other> {
    let flow = &engines.flow;
    // Armed again after the free: in one function, or at calls of the callback that lead to both.
    let at = |wanted: Site| {
        let mut events = flow.events(callback).iter();
        events.find_map(|event| (event.site == wanted).then_some(event.stmt))
    };
    let rearm = engines.rearms().iter().find(|rearm| {
        let (function, freed, armed) = if rearm.site.function == site.function {
            (site.function, Some(site.stmt), Some(rearm.site.stmt))
        } else {
            (callback, at(site), at(rearm.site))
        };
        rearm.creation == creation.site
            && freed
                .zip(armed)
                .is_some_and(|(freed, armed)| flow.can_follow(function, freed, armed))
    });
    if let Some(rearm) = rearm {
        return Some(Other::Rearm(rearm.site));
    }
    let own = creation.key.as_ref()?;
    if let Some(period) = periodic(engines, creation, own) {
        let closes = flow
            .events(callback)
            .iter()
            .chain(flow.events(site.function))
            .any(|event| matches!(event.what, What::Disarm | What::Close));
        if !closes {
            return Some(Other::Period(period));
        }
    }
    // A teardown that waits for the callbacks or closes the object, and then uses or frees the same memory.
    for id in engines.program.own_ids() {
        if flow.is_inside_callback(creation, id) {
            continue;
        }
        let events = flow.events(id);
        let Some(torn) = events.iter().find(|event| {
            let is_called = || {
                let site = Site {
                    function: id,
                    stmt: event.stmt,
                };
                engines.program.call(site).is_some_and(|call| {
                    let mut targets = call.targets.iter();
                    targets.any(|target| target.function == event.site.function)
                })
            };
            matches!(event.what, What::Close | What::Drain)
                && event.key == *own
                && (event.site.function == id
                    || is_called() && !flow.is_inside_callback(creation, event.site.function))
        }) else {
            continue;
        };
        // Undoing a creation that failed.
        if flow.before(id, torn.stmt, What::Create, own).is_some()
            && !flow.armed_since(id, torn.stmt, own)
        {
            continue;
        }
        // On one path with the close or the wait, and not where the creation has failed.
        let freed = events.iter().find(|event| {
            event.what == What::Free
                && event.key == *key
                && (event.stmt == torn.stmt
                    || flow.can_follow(id, torn.stmt, event.stmt)
                    || flow.can_follow(id, event.stmt, torn.stmt))
                && (flow.before(id, event.stmt, What::Create, own).is_none()
                    || flow.armed_since(id, event.stmt, own))
        });
        if let Some(freed) = freed {
            return Some(Other::Teardown(Site {
                function: id,
                stmt: freed.stmt,
            }));
        }
    }
    if creation.kind == PoolObject::Work
        && let Some(again) = submitted_again(engines, creation, own)
    {
        return Some(Other::Submitted(again));
    }
    None
}

/// Where the timer is given a period: where it is armed, or with the old API where it is created.
fn periodic(engines: &Engines, creation: &PoolSite, own: &Key) -> Option<Site> {
    let created = engines.program.call(creation.site).is_some_and(|call| {
        call.effects.iter().any(|effect| match effect.effect() {
            Effect::TpCreate {
                period: Some(period),
                ..
            } => is_not_zero(engines, creation.site, *period),
            _ => false,
        })
    });
    if created {
        return Some(creation.site);
    }
    engines
        .flow
        .everywhere(What::Arm, own)
        .find(|(_, event)| {
            engines.program.call(event.site).is_some_and(|call| {
                call.effects.iter().any(|effect| match effect.effect() {
                    Effect::TpArm {
                        period: Some(period),
                        ..
                    } => is_not_zero(engines, event.site, *period),
                    _ => false,
                })
            })
        })
        .map(|(_, event)| event.site)
}

fn is_not_zero(engines: &Engines, site: Site, arg: Arg) -> bool {
    engines
        .program
        .argument(site, arg)
        .and_then(|value| engines.program.constant(site.function, value))
        .is_some_and(|constant| !constant.is_zero())
}

/// A second submission that can follow the first in one run of a function, with no wait between.
fn submitted_again(engines: &Engines, creation: &PoolSite, own: &Key) -> Option<Site> {
    let flow = &engines.flow;
    let made = creation.site.function;
    let arms: Vec<_> = flow
        .events(made)
        .iter()
        .filter(|event| event.what == What::Arm && event.key == *own)
        .collect();
    let stops = |stmt| {
        flow.events(made).iter().any(|event| {
            event.stmt == stmt
                && event.key == *own
                && matches!(event.what, What::Drain | What::Create)
        })
    };
    arms.iter()
        .find(|second| {
            arms.iter()
                .any(|first| flow.path_without(made, first.stmt, second.stmt, stops))
        })
        .map(|second| second.site)
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    entry: usize,
    node: usize,
    site: Site,
    creation: &PoolSite,
    other: &Other,
) {
    let callback = &engines.entries[entry].name;
    let (why, at, note) = match other {
        Other::Teardown(at) => (
            "which a teardown outside the callback uses and frees as well",
            *at,
            "whichever comes second works on freed memory; that the teardown waits for the callback does not help, since the callback has freed the object by then",
        ),
        Other::Period(at) => (
            "but its timer is periodic: the next run uses what this one has freed",
            *at,
            "the callbacks of a periodic timer can even overlap",
        ),
        Other::Submitted(at) => (
            "but its work object is submitted more than once: the next run uses what this one has freed",
            *at,
            "each submission runs the callback once, and they can overlap",
        ),
        Other::Rearm(at) => (
            "and then arms its thread pool object again: the next run uses what this one has freed",
            *at,
            "the thread pool object keeps the context pointer that it was created with",
        ),
    };
    let label = match other {
        Other::Teardown(_) => "the teardown frees it here",
        Other::Period(_) => "the timer gets its period here",
        Other::Submitted(_) => "submitted again here",
        Other::Rearm(_) => "armed again here",
    };
    // A helper that others call too frees rightly for them: then the callback's call is the place.
    let path = engines.walk(entry).path(node);
    let place = engines.labelled(&path, site, |caller| {
        engines.flow.is_inside_callback(creation, caller.function)
    });
    let mut steps = engines.steps(entry, Some(node));
    if place != site {
        steps.push(engines.label(site, "and frees it here", Role::Step));
    }
    let help = match other {
        Other::Teardown(_) => {
            "let one side own the context: cancel, wait for the callbacks and free it in the teardown only; or count references, and let each side give back its own"
        }
        Other::Period(_) => {
            "cancel, wait for the callbacks and free the context outside; or give the timer no period, and arm it again in the callback where it is to go on"
        }
        Other::Submitted(_) => {
            "free the context outside, after a wait for the callbacks; or give each submission a context of its own"
        }
        Other::Rearm(_) => {
            "arm again only where the context is kept, and free it where the object is closed"
        }
    };
    findings.add(Finding {
        rule: "free_context_in_callback",
        message: format!("{} frees its context, {why}", the_callback(callback)),
        primary: engines.label(place, "freed by the callback", Role::Primary),
        steps,
        related: vec![
            engines.label(at, label, Role::Related),
            engines.label(
                creation.site,
                format!("{callback} becomes the callback here"),
                Role::Related,
            ),
        ],
        help: help.to_string(),
        notes: vec![note.to_string()],
        minor: false,
    });
}
