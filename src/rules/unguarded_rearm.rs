//! A callback that arms its own object again without asking whether it should stop. See `rules/unguarded_rearm.md`.

use super::{Engines, Finding, Findings};
use crate::api::{Effect, PoolObject};
use crate::diagnostic::Role;
use crate::entry::{self, EntryKind};
use crate::flow::What;
use crate::program::{FnId, Key, KeyRoot, Site};
use crate::reach::Walk;

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut reported = std::collections::BTreeSet::new();
    for (number, entry) in engines.entries.iter().enumerate() {
        let EntryKind::PoolCallback(kind) = entry.kind else {
            continue;
        };
        let (entry::Runs::Function(callback), Some(start)) = (&entry.runs, entry.registered) else {
            continue;
        };
        let walk = engines.walk(number);
        for hit in &walk.hits {
            let (Effect::TpArm { object, value, .. }, Some(site), Some(node)) =
                (hit.effect.effect(), hit.site, hit.node)
            else {
                continue;
            };
            let disarms = value.is_some_and(|value| {
                let value = engines.program.argument_value(site, value);
                engines
                    .program
                    .constant(site.function, &value)
                    .is_some_and(|constant| constant.is_zero())
            });
            if disarms || reported.contains(&(site, start)) {
                continue;
            }
            let Some(armed) = engines
                .flow
                .key_of(site, *object)
                .and_then(|key| at_entry(engines, walk, node, key))
            else {
                continue;
            };
            let creation = engines
                .flow
                .pool
                .iter()
                .find(|creation| creation.site == start);
            let own = creation.and_then(|creation| creation.key.clone());
            let is_parameter = entry::object_parameter(kind)
                .is_some_and(|index| armed == Key::of(KeyRoot::Param(*callback, index)));
            if !is_parameter && own.as_ref() != Some(&armed) {
                continue;
            }
            let path = walk.path(node);
            let guarded = std::iter::once(site)
                .chain(path.iter().map(|(_, site)| *site))
                .any(|site| {
                    // Only the callback itself gets its parameters from the pool.
                    let kind = (site.function == *callback).then_some(kind);
                    engines.flow.is_guarded(site.function, site.stmt, kind)
                });
            let Some(close) = own.as_ref().and_then(|own| teardown(engines, own, start)) else {
                continue;
            };
            if guarded {
                continue;
            }
            reported.insert((site, start));
            let place = engines.labelled(&path, site, |caller| {
                creation.is_some_and(|creation| engines.flow.is_inside_callback(creation, caller))
            });
            report(engines, findings, number, node, place, kind, close);
        }
    }
}

/// The key of an armed object in terms of the callback: parameters of helpers are followed up the path.
fn at_entry(engines: &Engines, walk: &Walk, node: usize, key: Key) -> Option<Key> {
    let mut key = key;
    for (at, site) in walk.path(node).into_iter().rev() {
        let KeyRoot::Param(function, index) = key.root else {
            return Some(key);
        };
        if function != walk.nodes[at].function {
            return Some(key);
        }
        let value = engines
            .program
            .argument(site, crate::api::Arg::Index(index as u8))?;
        let mut above = engines.program.key_of_value(site.function, value)?;
        above.path.extend(key.path);
        key = above;
    }
    Some(key)
}

/// Where somebody else than the callback closes the object.
fn teardown(engines: &Engines, own: &Key, start: Site) -> Option<Site> {
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
            engines
                .flow
                .before(function, drain.stmt, What::Disarm, own)
                .is_none()
                && engines.program.calls(function).iter().any(|call| {
                    call.stmt != drain.stmt
                        && engines.flow.can_follow(function, call.stmt, drain.stmt)
                        && call
                            .effects
                            .iter()
                            .any(|effect| matches!(effect.effect(), Effect::SourceOff))
                })
        })
    };
    if closes
        .iter()
        .all(|(function, site)| quiet(*function, *site))
    {
        return None;
    }
    closes.first().map(|(_, site)| *site)
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    entry: usize,
    node: usize,
    site: Site,
    kind: PoolObject,
    close: Site,
) {
    let callback = &engines.entries[entry].name;
    let callee = engines.callee(site);
    let object = match kind {
        PoolObject::Wait | PoolObject::LegacyWait => "wait",
        PoolObject::Timer | PoolObject::LegacyTimer => "timer",
        PoolObject::Io | PoolObject::LegacyIo => "I/O object",
        _ => "work",
    };
    findings.add(Finding {
        rule: "unguarded_rearm",
        message: format!("the callback {callback} arms its own {object} again with `{callee}` without asking whether it should stop"),
        primary: engines.label(site, "armed again, whatever the teardown has done", Role::Primary),
        steps: engines.steps(entry, Some(node)),
        related: vec![engines.label(close, format!("the {object} is closed here, while the callback may be about to arm it again"), Role::Related)],
        help: "test a stop flag before arming again; in the teardown set the flag, wait for the callbacks, disarm, wait again, then close".to_string(),
        notes: vec![format!(
            "a callback that is just before this line when the teardown disarms the {object} arms it again: a further callback comes after the teardown has waited, and uses what is freed by then"
        )],
        minor: false,
    });
}
