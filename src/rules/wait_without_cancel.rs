//! A teardown that waits for the callbacks of an object which is still armed. See `rules/wait_without_cancel.md`.

use super::{Engines, Finding, Findings, remedy, stop_rearming, the_callback};
use crate::api::{Effect, PoolObject};
use crate::diagnostic::{Label, Role};
use crate::flow::teardown::{Stand, Way};
use crate::flow::{Event, PoolSite, What};
use crate::program::{FnId, KeyRoot, Site};
use std::collections::BTreeSet;

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for id in engines.program.own_ids() {
        let drains: Vec<&Event> = engines.flow.judged(id, What::Drain).collect();
        for drain in drains {
            if !reported.contains(&drain.site) && judge(engines, findings, id, drain) {
                reported.insert(drain.site);
            }
        }
    }
}

/// Looks at one wait; true if it was reported.
fn judge(engines: &Engines, findings: &mut Findings, function: FnId, drain: &Event) -> bool {
    let flow = &engines.flow;
    let creations: Vec<&PoolSite> = flow.creations(&drain.key).collect();
    let Some(kind) = kind_of(drain, &creations) else {
        return false;
    };
    if !may_be_armed(engines, drain, &creations, kind) {
        return false;
    }
    let grouped = creations.iter().any(|creation| {
        flow.groups_of(creation)
            .iter()
            .any(|group| flow.everywhere(What::CloseGroup, group).next().is_some())
    });
    if grouped {
        return false;
    }
    for way in flow.ways(function, drain) {
        let outermost = way.last().map_or(function, |stand| stand.function);
        if creations
            .iter()
            .any(|creation| flow.is_inside_callback(creation, outermost))
        {
            continue;
        }
        let Some(close) = closed_next(engines, &way) else {
            continue;
        };
        if !flow.met_before(&way, What::Disarm).is_empty()
            || disarmed_elsewhere(engines, &way, kind)
        {
            continue;
        }
        if has_run(engines, &way, &creations) {
            continue;
        }
        report(engines, findings, drain, &way, close, kind, &creations);
        return true;
    }
    false
}

/// The kind of the object, for those that a disarm exists for: a work object has none, an I/O object's is cancelling
/// the I/O, and the legacy calls disarm and wait in one.
fn kind_of(drain: &Event, creations: &[&PoolSite]) -> Option<PoolObject> {
    let kind = drain
        .kind
        .or_else(|| creations.first().map(|creation| creation.kind))?;
    matches!(kind, PoolObject::Timer | PoolObject::Wait).then_some(kind)
}

/// Whether anybody arms the object. One that nobody in sight creates is judged by what is armed of its kind.
fn may_be_armed(
    engines: &Engines,
    drain: &Event,
    creations: &[&PoolSite],
    kind: PoolObject,
) -> bool {
    let flow = &engines.flow;
    if creations.is_empty() && matches!(drain.key.root, KeyRoot::Param(..)) {
        return engines.program.ids().any(|id| {
            flow.events(id)
                .iter()
                .any(|event| event.what == What::Arm && event.kind == Some(kind))
        });
    }
    engines.program.ids().any(|id| {
        flow.events(id)
            .iter()
            .any(|event| event.what == What::Arm && event.key == drain.key)
    })
}

/// The close that follows the wait with no further wait between: then this is the wait that counts, in a teardown.
fn closed_next(engines: &Engines, way: &Way) -> Option<Site> {
    let flow = &engines.flow;
    way.iter().enumerate().find_map(|(level, stand)| {
        // A wait further in that another one follows is not the last.
        if level > 0 && waits_again(engines, &way[..level]) {
            return None;
        }
        flow.events(stand.function)
            .iter()
            .find(|event| {
                event.what == What::Close
                    && event.key == stand.key
                    && event.stmt != stand.stmt
                    && !waits_before_it_closes(engines, stand, event)
                    && flow.path_without(stand.function, stand.stmt, event.stmt, |stmt| {
                        flow.events(stand.function).iter().any(|other| {
                            other.what == What::Drain
                                && other.key == stand.key
                                && other.stmt == stmt
                        })
                    })
            })
            .map(|event| event.site)
    })
}

/// Whether the call that closes waits itself before it does: a helper for the end of every teardown.
fn waits_before_it_closes(engines: &Engines, stand: &Stand, close: &Event) -> bool {
    let flow = &engines.flow;
    flow.events(stand.function).iter().any(|other| {
        other.what == What::Drain
            && other.key == stand.key
            && other.stmt == close.stmt
            && other.site != close.site
            && (other.site.function != close.site.function
                || flow.can_follow(close.site.function, other.site.stmt, close.site.stmt))
    })
}

fn waits_again(engines: &Engines, inner: &[Stand]) -> bool {
    !engines.flow.met_after(inner, What::Drain).is_empty()
}

/// Open world: what another function of the class or file disarms counts as done before, unless it runs in a callback.
/// Where the object is a mere parameter, any disarm of its kind does.
fn disarmed_elsewhere(engines: &Engines, way: &Way, kind: PoolObject) -> bool {
    let flow = &engines.flow;
    let mut skipped: Vec<FnId> = way.iter().map(|stand| stand.function).collect();
    let Some(outermost) = way.last() else {
        return false;
    };
    if matches!(outermost.key.root, KeyRoot::Param(..)) {
        return engines.program.ids().any(|id| {
            flow.events(id)
                .iter()
                .any(|event| event.what == What::Disarm && event.kind.is_none_or(|of| of == kind))
        });
    }
    skipped.extend(flow.inside_callbacks());
    flow.elsewhere(way[0].function, What::Disarm, &outermost.key, &skipped)
}

/// A one-shot object whose callback has told that it ran: it is armed no more.
fn has_run(engines: &Engines, way: &Way, creations: &[&PoolSite]) -> bool {
    let flow = &engines.flow;
    !creations.is_empty()
        && creations.iter().all(|creation| {
            !engines
                .rearms()
                .iter()
                .any(|rearm| rearm.creation == creation.site)
        })
        && !is_periodic(engines, creations)
        && way
            .iter()
            .any(|stand| flow.waited_between(stand.function, stand.stmt, &stand.key))
}

/// Whether an arming call of the object gives a period.
fn is_periodic(engines: &Engines, creations: &[&PoolSite]) -> bool {
    creations
        .iter()
        .filter_map(|creation| creation.key.as_ref())
        .any(|key| {
            engines
                .flow
                .everywhere(What::Arm, key)
                .any(|(_, event)| period_of(engines, event.site))
        })
}

fn period_of(engines: &Engines, site: Site) -> bool {
    engines.program.call(site).is_some_and(|call| {
        call.effects.iter().any(|effect| match effect.effect() {
            Effect::TpArm {
                period: Some(period),
                ..
            } => engines
                .program
                .argument(site, *period)
                .is_some_and(|value| {
                    engines
                        .program
                        .constant(site.function, value)
                        .is_none_or(|constant| !constant.is_zero())
                }),
            _ => false,
        })
    })
}

/// Whether the teardown turns the signal source off before it waits: that stops the callbacks as well as a disarm does,
/// if it is the source.
fn source_is_off(engines: &Engines, way: &Way) -> bool {
    way.iter().any(|stand| {
        engines.program.calls(stand.function).iter().any(|call| {
            call.stmt != stand.stmt
                && engines.turns_source_off(Site {
                    function: stand.function,
                    stmt: call.stmt,
                })
                && engines
                    .flow
                    .can_follow(stand.function, call.stmt, stand.stmt)
        })
    })
}

/// Whether the teardown sets a flag before it waits that the callback tests.
fn flag_is_set(engines: &Engines, way: &Way, creations: &[&PoolSite]) -> bool {
    let flags: BTreeSet<_> = engines
        .rearms()
        .iter()
        .filter(|rearm| {
            rearm.guarded
                && creations
                    .iter()
                    .any(|creation| creation.site == rearm.creation)
        })
        .flat_map(|rearm| rearm.flags.iter().cloned())
        .collect();
    let writers = engines.flow.writers(&flags);
    !engines.flow.writes_before(way, &flags, &writers).is_empty()
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    drain: &Event,
    way: &Way,
    close: Site,
    kind: PoolObject,
    creations: &[&PoolSite],
) {
    let program = engines.program;
    let function = program.describe(drain.site.function);
    let callee = engines.callee(drain.site);
    let (object, disarm) = match kind {
        PoolObject::Timer => ("timer", "SetThreadpoolTimer(timer, NULL, 0, 0)"),
        _ => ("wait object", "SetThreadpoolWait(wait, NULL, NULL)"),
    };
    let periodic = is_periodic(engines, creations);
    let rearmed = engines.rearms().iter().find(|rearm| {
        creations
            .iter()
            .any(|creation| creation.site == rearm.creation)
    });
    let why = if periodic {
        "the timer is periodic: the pool queues the next callback while, or right after, this call waits for the last one".to_string()
    } else if let Some(rearm) = rearmed {
        format!(
            "{} arms the {object} again itself: what it arms last is still armed when this call returns",
            the_callback(&program.describe(rearm.callback))
        )
    } else if kind == PoolObject::Timer {
        "a timer that is not due yet has no callback to wait for: the call returns at once, and the timer comes due before or while it is closed".to_string()
    } else {
        "while the handle is not signalled there is no callback to wait for: the call returns at once, and the handle is signalled before or while the object is closed".to_string()
    };
    let mut steps: Vec<Label> = way
        .iter()
        .rev()
        .zip(way.iter().rev().skip(1))
        .map(|(outer, inner)| {
            engines.label(
                Site {
                    function: outer.function,
                    stmt: outer.stmt,
                },
                format!(
                    "{} calls {}",
                    program.describe(outer.function),
                    program.describe(inner.function)
                ),
                Role::Step,
            )
        })
        .collect();
    steps.push(engines.label(
        drain.site,
        format!("`{callee}` does not wait for callbacks that are queued after it has begun"),
        Role::Step,
    ));
    steps.push(engines.label(
        close,
        "closed here, while a callback that has come since can be running",
        Role::Step,
    ));
    let mut related = Vec::new();
    if let Some(rearm) = rearmed {
        related.push(engines.label(
            rearm.site,
            format!("the callback arms the {object} again here"),
            Role::Related,
        ));
    } else if let Some((_, arm)) = creations
        .first()
        .and_then(|creation| creation.key.as_ref())
        .and_then(|key| engines.flow.everywhere(What::Arm, key).next())
    {
        related.push(engines.label(arm.site, "armed here", Role::Related));
    }
    let late = engines.flow.met_after(way, What::Disarm);
    if let Some((_, late)) = late.first() {
        related.push(engines.label(
            late.site,
            "disarmed only here, when nobody waits any more",
            Role::Related,
        ));
    }
    let (source_off, flag_set) = (
        source_is_off(engines, way),
        flag_is_set(engines, way, creations),
    );
    let mut notes = vec![why];
    if source_off {
        notes.push(format!(
            "a call before the wait turns off what can signal the {object}: if nothing else does, no callback is left out"
        ));
    } else if flag_set {
        notes.push(
            "the flag that is set before keeps the callback from arming it again, but not what is armed already"
                .to_string(),
        );
    }
    // What the callback arms again itself needs more than one disarm.
    let fix = rearmed
        .is_none()
        .then(|| remedy::disarm_before_wait(engines, drain, close))
        .flatten();
    let finding = Finding {
        rule: "wait_without_cancel",
        message: format!(
            "{function} waits for the callbacks of a {object} that is still armed, and then closes it: the next callback can start in between, and nobody waits for that one"
        ),
        primary: engines.label(
            drain.site,
            format!("the {object} is still armed here"),
            Role::Primary,
        ),
        steps,
        related,
        // Behind a disarm alone the callback arms it once more.
        help: match rearmed {
            Some(_) => stop_rearming(disarm),
            None => {
                format!(
                    "disarm first: call {disarm}, then `{callee}` with TRUE, then close, then free"
                )
            }
        },
        notes,
        minor: source_off || flag_set,
    };
    findings.add_with(finding, fix);
}
