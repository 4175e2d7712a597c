//! A callback that arms its own object again without asking whether it should stop. See `rules/unguarded_rearm.md`.

use super::{Engines, Finding, Findings, outer_label, the_callback};
use crate::api::PoolObject;
use crate::diagnostic::Role;
use crate::flow::What;
use crate::program::{FnId, Key, Site};
use crate::source::Span;

pub fn check(engines: &Engines, findings: &mut Findings) {
    for rearm in engines.rearms() {
        // Each I/O is announced to its object anew; that arms nothing by itself.
        if rearm.guarded || matches!(rearm.kind, PoolObject::Io | PoolObject::LegacyIo) {
            continue;
        }
        let Some(close) = rearm
            .own
            .as_ref()
            .and_then(|own| teardown(engines, own, rearm.creation))
        else {
            continue;
        };
        let creation = engines
            .flow
            .pool
            .iter()
            .find(|creation| creation.site == rearm.creation);
        let path = engines.walk(rearm.entry).path(rearm.node);
        let place = engines.labelled(&path, rearm.site, |caller| {
            let kind = (caller.function == rearm.callback).then_some(rearm.kind);
            creation
                .is_some_and(|creation| engines.flow.is_inside_callback(creation, caller.function))
                && !engines.flow.is_guarded(caller.function, caller.stmt, kind)
        });
        report(
            engines,
            findings,
            rearm.entry,
            rearm.node,
            place,
            rearm.kind,
            close,
        );
    }
}

/// What closes the object.
enum Close {
    Call(Site),
    /// The destructor of a library's owner, which is this member.
    Member(Span),
}

/// Where somebody else than the callback closes the object.
fn teardown(engines: &Engines, own: &Key, start: Site) -> Option<Close> {
    if let Some((member, _)) = engines.flow.closed_by_owner(own) {
        return Some(Close::Member(member.span));
    }
    let creation = engines
        .flow
        .pool
        .iter()
        .find(|creation| creation.site == start)?;
    let closes: Vec<(FnId, Site)> = engines
        .flow
        .everywhere(What::Close, own)
        .filter(|(function, _)| !engines.flow.is_inside_callback(creation, *function))
        .map(|(function, event)| (function, event.site))
        .collect();
    // Where every teardown turns the signal source off and then waits, no callback comes that could arm it again.
    let quiet = |function: FnId, site: Site| {
        let drain = engines.flow.before(function, site.stmt, What::Drain, own);
        drain.is_some_and(|drain| {
            let disarm = engines.flow.before(function, drain.stmt, What::Disarm, own);
            let first = disarm.map_or(drain.stmt, |disarm| disarm.stmt);
            engines.program.calls(function).iter().any(|call| {
                call.stmt != first
                    && engines.flow.can_follow(function, call.stmt, first)
                    && engines.turns_source_off(Site {
                        function,
                        stmt: call.stmt,
                    })
            })
        })
    };
    if closes
        .iter()
        .all(|(function, site)| quiet(*function, *site))
    {
        return None;
    }
    closes.first().map(|(_, site)| Close::Call(*site))
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    entry: usize,
    node: usize,
    site: Site,
    kind: PoolObject,
    close: Close,
) {
    let callback = &engines.entries[entry].name;
    let callee = engines.callee(site);
    let object = match kind {
        PoolObject::Wait | PoolObject::LegacyWait => "wait",
        PoolObject::Timer | PoolObject::LegacyTimer => "timer",
        PoolObject::Io | PoolObject::LegacyIo => "I/O object",
        _ => "work object",
    };
    let is_work = object == "work object";
    let (arms, armed) = if is_work {
        ("submit", "submitted")
    } else {
        ("arm", "armed")
    };
    findings.add(Finding {
        rule: "unguarded_rearm",
        message: format!("{} {arms}s its own {object} again with `{callee}` without asking whether it should stop", the_callback(callback)),
        primary: engines.label(site, format!("{armed} again, whatever the teardown has done"), Role::Primary),
        steps: engines.steps(entry, Some(node)),
        related: vec![match close {
            Close::Call(site) => engines.label(site, format!("the {object} is closed here, while the callback may be about to {arms} it again"), Role::Related),
            Close::Member(span) => outer_label(span, format!("the destructor of this member closes the {object}, while the callback may be about to {arms} it again"), Role::Related),
        }],
        help: if is_work {
            "test a stop flag before submitting again; in the teardown set the flag, wait for the callbacks, then close"
        } else {
            "test a stop flag before arming again; in the teardown set the flag, wait for the callbacks, disarm, wait again, then close"
        }
        .to_string(),
        notes: vec![if is_work {
            "each run of the callback brings the next one: the teardown's wait for the callbacks never ends, or one more of them comes after it and uses what is freed by then".to_string()
        } else {
            format!("a callback that is just before this line when the teardown disarms the {object} arms it again: a further callback comes after the teardown has waited, and uses what is freed by then")
        }],
        minor: false,
    });
}
