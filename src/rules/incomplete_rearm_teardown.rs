//! The teardown of an object whose callback arms it again, in an order that lets one more callback through. See
//! `rules/incomplete_rearm_teardown.md`.

use super::{Engines, Finding, Findings, outer_label, stop_rearming, the_callback};
use crate::api::PoolObject;
use crate::diagnostic::{Label, Role};
use crate::flow::rearm::Rearm;
use crate::flow::teardown::{Met, Way};
use crate::flow::{Event, PoolSite, What};
use crate::ir::StmtId;
use crate::program::{FnId, Key, KeyRoot, Site};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with a teardown.
enum Gap {
    /// The callback tests nothing that the teardown could set.
    NoFlag,
    /// It tests a flag, and nobody sets it.
    FlagNotSet,
    /// It tests a flag, which the teardown sets only after it has waited.
    FlagLate,
    /// Waited, and closed while the callback that was running has armed it again.
    NoDisarm,
    /// Disarmed once and waited once: a callback between its test and its arming undoes the disarm.
    OneRound,
}

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut by_object: BTreeMap<&Key, Vec<&Rearm>> = BTreeMap::new();
    for rearm in engines.rearms() {
        if matches!(
            rearm.kind,
            PoolObject::Timer | PoolObject::Wait | PoolObject::Work
        ) && let Some(own) = &rearm.own
        {
            by_object.entry(own).or_default().push(rearm);
        }
    }
    if by_object.is_empty() {
        return;
    }
    let mut reported = BTreeSet::new();
    for (own, rearms) in by_object {
        for id in engines.program.own_ids() {
            let closes: Vec<&Event> = engines
                .flow
                .judged(id, What::Close)
                .filter(|close| close.key == *own)
                .collect();
            for close in closes {
                if !reported.contains(&close.site) && judge(engines, findings, id, close, &rearms) {
                    reported.insert(close.site);
                }
            }
        }
        judge_member(engines, findings, own, &rearms);
    }
}

/// Looks at a member whose own destructor is the whole teardown. That waits once: of callbacks that test something it is
/// not known who sets it.
fn judge_member(engines: &Engines, findings: &mut Findings, own: &Key, rearms: &[&Rearm]) {
    let Some(rearm) = rearms.iter().find(|rearm| !rearm.guarded) else {
        return;
    };
    let Some((member, owner)) = engines.flow.closed_by_owner(own) else {
        return;
    };
    if !owner.waits || !engines.program.is_own_file(member.span.file) {
        return;
    }
    let end = outer_label(
        member.span,
        format!(
            "its destructor waits for the callbacks and closes, whether it is {} again or not",
            armed(rearm)
        ),
        Role::Primary,
    );
    let by = format!("the destructor of `{}`", member.name);
    report(
        engines,
        findings,
        (by, end),
        Vec::new(),
        rearm,
        &Gap::NoFlag,
        false,
    );
}

/// Looks at one close; true if it was reported.
fn judge(
    engines: &Engines,
    findings: &mut Findings,
    function: FnId,
    close: &Event,
    rearms: &[&Rearm],
) -> bool {
    let flow = &engines.flow;
    let creations: Vec<&PoolSite> = flow.creations(&close.key).collect();
    for way in flow.ways(function, close) {
        let outermost = way.last().map_or(function, |stand| stand.function);
        // Closed by a callback of its own: nobody else is there to race with.
        if creations
            .iter()
            .any(|creation| flow.is_inside_callback(creation, outermost))
        {
            continue;
        }
        // Made here and not armed since: the way back out of a failure.
        let made = flow.met_before(&way, What::Create);
        if !made.is_empty() && flow.met_before(&way, What::Arm).is_empty() {
            continue;
        }
        if let Some((rearm, gap, minor)) = rearms
            .iter()
            .find_map(|rearm| gap(engines, &way, rearm).map(|(gap, minor)| (*rearm, gap, minor)))
        {
            let end = engines.label(
                close.site,
                format!(
                    "closed here, though the callback may have {} it again",
                    armed(rearm)
                ),
                Role::Primary,
            );
            let by = engines.program.describe(close.site.function);
            let steps = steps(engines, &way);
            report(engines, findings, (by, end), steps, rearm, &gap, minor);
            return true;
        }
    }
    false
}

/// What a teardown lacks against a callback, and whether only little.
fn gap(engines: &Engines, way: &Way, rearm: &Rearm) -> Option<(Gap, bool)> {
    let flow = &engines.flow;
    let drains = flow.met_before(way, What::Drain);
    // With no wait at all it is `close_threadpool_without_wait` that has something to say.
    if drains.is_empty() {
        return None;
    }
    let disarms = flow.met_before(way, What::Disarm);
    if source_is_off_before(engines, way, &drains) {
        return None;
    }
    if !rearm.guarded {
        return Some((Gap::NoFlag, false));
    }
    let is_given = |flag| engines.handles.is_given(flag);
    let flags = if rearm.flags.is_empty() || rearm.flags.iter().any(is_given) {
        // Something is tested that has no name here, or an event of the host: whoever set it did so in time.
        Flags::Before
    } else {
        flag_order(engines, way, rearm, &drains)
    };
    match flags {
        Flags::Never => return Some((Gap::FlagNotSet, false)),
        Flags::After => return Some((Gap::FlagLate, false)),
        Flags::Before => {}
    }
    // A work object knows no disarm: the wait covers what a running callback has submitted.
    if rearm.kind == PoolObject::Work {
        return None;
    }
    // Wait, disarm, wait: the first wait lets the last callback that has not seen the flag finish.
    let two_rounds = drains.iter().any(|first| {
        disarms.iter().any(|disarm| {
            flow.comes_before(way, *first, *disarm)
                && drains.iter().any(|second| {
                    second.1.stmt != first.1.stmt && flow.comes_before(way, *disarm, *second)
                })
        })
    });
    if two_rounds {
        return None;
    }
    let disarmed_first = disarms.iter().any(|disarm| {
        drains
            .iter()
            .any(|drain| flow.comes_before(way, *disarm, *drain))
    });
    if !disarmed_first {
        // What another function of the class or file disarms counts as done before.
        let functions: Vec<FnId> = way.iter().map(|stand| stand.function).collect();
        let outermost = &way[way.len() - 1];
        if flow.elsewhere(way[0].function, What::Disarm, &outermost.key, &functions) {
            return None;
        }
        return Some((Gap::NoDisarm, false));
    }
    // Flag and disarm under the lock that the callback tests and arms under.
    let locked = rearm.locked
        && disarms
            .iter()
            .any(|(level, disarm)| flow.is_event_locked(way[*level].function, disarm));
    (!locked).then_some((Gap::OneRound, true))
}

enum Flags {
    Before,
    After,
    Never,
}

/// When the teardown sets what the callback tests. What another function sets, apart from the one that starts it all,
/// counts as done before.
fn flag_order(engines: &Engines, way: &Way, rearm: &Rearm, drains: &[Met]) -> Flags {
    let flow = &engines.flow;
    let writers = flow.writers(&rearm.flags);
    let writes = flow.writes_before(way, &rearm.flags, &writers);
    let first_wait = |&(level, stmt): &(usize, StmtId)| {
        drains.iter().all(|(at, drain)| {
            level > *at
                || (level == *at
                    && (stmt == drain.stmt
                        || flow.can_follow(way[level].function, stmt, drain.stmt)))
        })
    };
    if writes.iter().any(first_wait) {
        return Flags::Before;
    }
    let on_way: FxHashSet<FnId> = way.iter().map(|stand| stand.function).collect();
    let creation = rearm.creation.function;
    let elsewhere = writers.iter().any(|&writer| {
        let starts = writer == creation
            || engines.flow.events(writer).iter().any(|event| {
                matches!(event.what, What::Create | What::Arm)
                    && Some(&event.key) == rearm.own.as_ref()
            });
        !starts
            && !makes_owner(engines, writer, &rearm.flags)
            && !on_way.contains(&writer)
            && !matches!(
                engines.program.function(writer).kind,
                crate::ir::FunctionKind::Ctor
            )
    });
    match (elsewhere, writes.is_empty()) {
        (true, _) => Flags::Before,
        (false, false) => Flags::After,
        (false, true) => Flags::Never,
    }
}

/// Whether a function gives a new object of the class that a flag is a member of: what it writes there is the value
/// that the flag begins with.
fn makes_owner(engines: &Engines, function: FnId, flags: &BTreeSet<Key>) -> bool {
    let program = engines.program;
    let text = &program.function(function).return_type;
    let unit = program.unit_number(function);
    let made = match text.trim() {
        "Self" => program.owner(function),
        text => program.led_class(text, unit),
    };
    made.is_some_and(|class| flags.iter().any(|flag| flag.root == KeyRoot::Object(class)))
}

/// Whether the signal source is turned off before a wait: then that wait sees the last callback.
fn source_is_off_before(engines: &Engines, way: &Way, drains: &[Met]) -> bool {
    drains.iter().any(|(level, drain)| {
        let function = way[*level].function;
        engines.program.calls(function).iter().any(|call| {
            call.stmt != drain.stmt
                && engines.turns_source_off(Site {
                    function,
                    stmt: call.stmt,
                })
                && engines.flow.can_follow(function, call.stmt, drain.stmt)
        })
    })
}

/// What it is called that a callback does to its object.
fn armed(rearm: &Rearm) -> &'static str {
    match rearm.kind {
        PoolObject::Work => "submitted",
        _ => "armed",
    }
}

/// The calls that lead to a close, and what is done to the object on the way.
fn steps(engines: &Engines, way: &Way) -> Vec<Label> {
    let program = engines.program;
    let flow = &engines.flow;
    let mut steps = Vec::new();
    for (outer, inner) in way.iter().rev().zip(way.iter().rev().skip(1)) {
        let site = Site {
            function: outer.function,
            stmt: outer.stmt,
        };
        let message = format!(
            "{} calls {}",
            program.describe(outer.function),
            program.describe(inner.function)
        );
        steps.push(engines.label(site, message, Role::Step));
    }
    let mut before: Vec<(Met, &str)> = flow
        .met_before(way, What::Drain)
        .into_iter()
        .map(|met| (met, "waits for the callbacks here"))
        .chain(
            flow.met_before(way, What::Disarm)
                .into_iter()
                .map(|met| (met, "disarms here")),
        )
        .collect();
    before.sort_by_key(|((level, event), _)| {
        (std::cmp::Reverse(*level), event.stmt, event.site.stmt)
    });
    before.dedup_by_key(|((_, event), _)| event.site);
    for ((_, event), what) in before {
        steps.push(engines.label(event.site, what, Role::Step));
    }
    steps
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    (by, end): (String, Label),
    steps: Vec<Label>,
    rearm: &Rearm,
    gap: &Gap,
    minor: bool,
) {
    let program = engines.program;
    let callback = program.describe(rearm.callback);
    let is_work = rearm.kind == PoolObject::Work;
    let (object, disarm) = match rearm.kind {
        PoolObject::Timer => ("timer", "SetThreadpoolTimer(timer, NULL, 0, 0)"),
        PoolObject::Wait => ("wait object", "SetThreadpoolWait(wait, NULL, NULL)"),
        _ => ("work object", ""),
    };
    let arms = if is_work { "submits" } else { "arms" };
    let why = match gap {
        Gap::NoFlag => format!(
            "{callback} does so without asking whether it should stop: neither waiting nor disarming holds it back"
        ),
        Gap::FlagNotSet => format!(
            "nothing sets what {callback} tests before it {arms} the {object} again: neither waiting nor disarming holds it back"
        ),
        Gap::FlagLate => format!(
            "what {callback} tests before it {arms} the {object} again is set only after the wait: a run that came before has {arms_past} it by then",
            arms_past = if is_work { "submitted" } else { "armed" }
        ),
        Gap::NoDisarm => format!(
            "a run of {callback} that has tested the flag before it was set arms the {object} while this function waits, and nothing takes that back before the close"
        ),
        Gap::OneRound => format!(
            "a run of {callback} that stands between its test of the flag and its arming while the {object} is disarmed arms it once more: the wait ends with that run, and the {object} is armed at the close"
        ),
    };
    let help = match gap {
        Gap::NoFlag | Gap::FlagNotSet if is_work => {
            "test a stop flag before submitting again; in the teardown set the flag, then wait for the callbacks, then close"
                .to_string()
        }
        Gap::FlagLate if is_work => {
            "set the flag first, then wait for the callbacks, then close".to_string()
        }
        Gap::NoFlag | Gap::FlagNotSet => stop_rearming(disarm),
        Gap::FlagLate => format!(
            "set the flag first; then wait for the callbacks, disarm with {disarm}, wait again, then close"
        ),
        Gap::NoDisarm => format!(
            "after the wait disarm with {disarm} and wait again, then close"
        ),
        Gap::OneRound => "wait once before the disarm as well: set the flag, wait, disarm, wait again, then close; or set the flag and disarm under a lock that the callback holds from its test to its arming".to_string(),
    };
    findings.add(Finding {
        rule: "incomplete_rearm_teardown",
        message: format!(
            "{by} waits for {} and closes its {object}, but {callback} {arms} the {object} again: one more callback can run after the close",
            the_callback(&callback)
        ),
        primary: end,
        steps,
        related: vec![engines.label(
            rearm.site,
            format!("{callback} {arms} the {object} again here"),
            Role::Related,
        )],
        help,
        notes: vec![why],
        minor,
    });
}
