//! Waits for callbacks while a lock is held that they take. See `rules/wait_while_holding_callback_lock.md`.

use super::lock_under_loader_lock::{called, chain};
use super::{Engines, Finding, Findings, outer_label, the_callback};
use crate::api::{Arg, Effect, PoolObject};
use crate::diagnostic::{Label, Role};
use crate::flow::{Event, PoolSite, What};
use crate::ir::FunctionKind;
use crate::locks::{Held, Take};
use crate::program::{FnId, KeyRoot, Site, StaticId};
use std::collections::BTreeMap;

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut places: BTreeMap<Site, Vec<Found>> = BTreeMap::new();
    for id in engines.program.own_ids() {
        for event in engines.flow.events(id) {
            if !matches!(event.what, What::Drain | What::CloseGroup) {
                continue;
            }
            let here = Site {
                function: id,
                stmt: event.stmt,
            };
            // A lock is held here, or where the wait stands in a helper that gets the object from here.
            let inner = Some(event.site).filter(|inner| *inner != here);
            for site in std::iter::once(here).chain(inner) {
                for held in engines.locks.held(site) {
                    if engines.locks.gives_back(site, &held.lock) {
                        continue;
                    }
                    if let Some(found) = judge(engines, site.function, event, held) {
                        places.entry(event.site).or_default().push(found);
                    }
                }
            }
        }
    }
    for (_, mut found) in places {
        found.sort_by_key(|found| (found.minor, found.function != found.event.site.function));
        report(engines, findings, &found[0]);
    }
}

/// A wait for callbacks with one of their locks held.
struct Found<'e> {
    function: FnId,
    event: &'e Event,
    held: &'e Held,
    creation: &'e PoolSite,
    callback: FnId,
    take: &'e Take,
    minor: bool,
}

fn judge<'e>(
    engines: &'e Engines,
    function: FnId,
    event: &'e Event,
    held: &'e Held,
) -> Option<Found<'e>> {
    let locks = &engines.locks;
    let flow = &engines.flow;
    let key = locks.identity(function, &held.lock)?;
    let creations: Vec<&PoolSite> = match event.what {
        What::Drain => flow.creations(&event.key).collect(),
        _ => flow
            .pool
            .iter()
            .filter(|creation| flow.groups_of(creation).contains(&event.key))
            .collect(),
    };
    let waited = object_of(engines, event.site);
    for creation in creations {
        // A callback that waits for itself is another rule's.
        if flow.is_inside_callback(creation, function) {
            continue;
        }
        let made = flow.static_around(creation.site, Arg::Result);
        if waited
            .zip(made)
            .is_some_and(|(waited, made)| waited != made)
        {
            continue;
        }
        for &callback in &creation.callbacks {
            for take in locks.takes(callback) {
                if locks.identity(callback, &take.lock).as_ref() != Some(&key)
                    || (take.shared && held.shared)
                {
                    continue;
                }
                let single = take.lock.is_single() && held.lock.is_single();
                if single && take.lock != held.lock {
                    continue;
                }
                if event.what == What::Drain && leaves_the_pool_first(engines, callback, take) {
                    continue;
                }
                return Some(Found {
                    function,
                    event,
                    held,
                    creation,
                    callback,
                    take,
                    minor: !single && !is_the_context(engines, creation, &key.root),
                });
            }
        }
    }
    None
}

/// The static that holds the object of a wait, where the wait names it.
fn object_of(engines: &Engines, wait: Site) -> Option<StaticId> {
    let call = engines.program.call(wait)?;
    let object = call
        .effects
        .iter()
        .find_map(|effect| match effect.effect() {
            Effect::TpDrain { object, .. } => Some(*object),
            _ => None,
        })?;
    engines.flow.static_around(wait, object)
}

/// Whether the lock is a member of what the callback gets: then it is the same object for both. A callback without a
/// context reaches all through statics.
fn is_the_context(engines: &Engines, creation: &PoolSite, lock: &KeyRoot) -> bool {
    let KeyRoot::Object(class) = lock else {
        return true;
    };
    let Some(context) = &creation.context else {
        return true;
    };
    let Some(context) = engines.flow.lifetime_key(creation.site.function, context) else {
        return true;
    };
    match context.root {
        KeyRoot::Object(given) => {
            given == *class
                || engines.program.class_chain(given).contains(class)
                || engines.program.class_chain(*class).contains(&given)
        }
        _ => false,
    }
}

/// Whether the callback tells the pool not to wait for it before it takes the lock (hazards F12).
fn leaves_the_pool_first(engines: &Engines, callback: FnId, take: &Take) -> bool {
    take.chain.iter().any(|site| {
        engines.program.calls(site.function).iter().any(|call| {
            call.effects
                .iter()
                .any(|effect| *effect.effect() == Effect::Disassociate)
                && call.stmt != site.stmt
                && engines.flow.can_follow(site.function, call.stmt, site.stmt)
        })
    }) || engines.program.calls(callback).iter().any(|call| {
        // A helper that does nothing else.
        call.targets.iter().any(|target| {
            engines.program.calls(target.function).iter().any(|call| {
                call.effects
                    .iter()
                    .any(|effect| *effect.effect() == Effect::Disassociate)
            })
        }) && take
            .chain
            .first()
            .is_some_and(|first| engines.flow.can_follow(callback, call.stmt, first.stmt))
    })
}

fn report(engines: &Engines, findings: &mut Findings, found: &Found) {
    let program = engines.program;
    let lock = format!(
        "`{}`",
        engines.locks.name_of(found.function, &found.held.lock)
    );
    let callback = program.describe(found.callback);
    let function = program.describe(found.function);
    let wait = called(engines, found.event.site);
    let mut steps = held_steps(engines, found, &lock);
    steps.push(Label {
        flow: 1,
        ..outer_label(
            program.function(found.callback).name_span,
            format!("{callback} runs as a callback on another thread"),
            Role::Step,
        )
    });
    let taker = program.describe(found.take.taker(&engines.locks));
    steps.extend(chain(
        engines,
        &found.take.chain,
        format!("{taker} waits for {lock}, which {function} holds"),
        1,
    ));
    let created = engines.label(
        found.creation.site,
        format!("{} is set here", the_callback(&callback)),
        Role::Related,
    );
    let remedy = match found.creation.kind {
        PoolObject::Timer | PoolObject::Wait => {
            "disarm the object under the lock, release the lock, then wait"
        }
        _ => "release the lock, then wait",
    };
    findings.add(Finding {
        rule: "wait_while_holding_callback_lock",
        message: format!(
            "{function} waits for {} while it holds {lock}, which the callback takes",
            the_callback(&callback)
        ),
        primary: engines.label(
            primary_site(engines, found),
            format!("waits for {callback} with {lock} held"),
            Role::Primary,
        ),
        steps,
        related: vec![created],
        help: format!("{remedy}; what the wait needs can be moved into a local under the lock"),
        notes: vec![format!(
            "a callback that has begun waits for {lock}, and {} waits for the callback with {lock} held: neither goes on",
            if wait.is_empty() { "this call".to_string() } else { wait }
        )],
        minor: found.minor,
    });
}

/// Where the lock was taken, and the calls from there down to the wait.
fn held_steps(engines: &Engines, found: &Found, lock: &str) -> Vec<Label> {
    let taker = found.held.taker(&engines.locks);
    let mut steps = chain(
        engines,
        &found.held.chain,
        format!("{} takes {lock}", engines.program.describe(taker)),
        0,
    );
    if found.function != found.event.site.function {
        let call = Site {
            function: found.function,
            stmt: found.event.stmt,
        };
        steps.push(engines.call_step(call, found.event.site.function, None));
    }
    steps
}

/// Nothing is reported inside a macro: the finding stands at its use.
fn primary_site(engines: &Engines, found: &Found) -> Site {
    let kind = engines.program.function(found.event.site.function).kind;
    if kind == FunctionKind::Macro {
        Site {
            function: found.function,
            stmt: found.event.stmt,
        }
    } else {
        found.event.site
    }
}
