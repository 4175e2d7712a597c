//! Threads that are killed under the loader lock. See `rules/terminate_thread_at_unload.md`.

use super::forbidden_call_in_dll_main::{
    Place, doubt, far, labels, meanwhile, reached_places, subject,
};
use super::{Engines, Finding, Findings, others};
use crate::api::{Effect, WaitClass};
use crate::diagnostic::Role;
use crate::entry::{Contexts, Entry, EntryKind};
use crate::flow::Leads;
use crate::program::{Key, Site};
use crate::reach::{Hit, Timeout};

pub fn check(engines: &Engines, findings: &mut Findings) {
    let places = reached_places(engines, |entry, hit| {
        if !matches!(hit.effect.effect(), Effect::Terminate { .. }) {
            return None;
        }
        // At process exit the other threads are gone already: then nobody is killed.
        if matches!(entry.kind, EntryKind::DllMain | EntryKind::TlsCallback)
            && hit.contexts.within(Contexts::PROCESS_EXIT)
        {
            return None;
        }
        if kills_only_ended(engines, entry, hit) {
            return None;
        }
        Some(is_parked(engines, hit) && !hit.contexts.has(Contexts::PROCESS_EXIT))
    });
    for place in places {
        report(engines, findings, &place);
    }
}

fn report(engines: &Engines, findings: &mut Findings, place: &Place) {
    let waited = waited_before(engines, place);
    let parked = is_parked(engines, place.hit);
    let always = matches!(waited, Some((.., Leads::Always)));
    let short = if always {
        "a thread that still runs is killed here, each time: the wait before has not let it end"
    } else {
        "the thread is killed wherever it stands"
    };
    let (primary, steps) = labels(engines, place, short);
    let mut notes = Vec::new();
    let mut related = Vec::new();
    if let Some((wait, timeout, _)) = waited {
        let length = match timeout {
            Timeout::Finite(milliseconds) => format!("{milliseconds} ms"),
            _ => "a limited time".to_string(),
        };
        related.push(engines.label(
            wait,
            format!("waits for the same thread for {length} first"),
            Role::Related,
        ));
        let end = if always {
            "the wait runs to its end and the thread is killed, on every FreeLibrary"
        } else {
            "where the kill comes after the wait, the thread is still alive"
        };
        notes.push(format!(
            "a thread that still runs cannot end during the wait of {length} before: on its way out it takes the loader lock, which this code holds; so {end}"
        ));
    }
    if parked {
        notes.push("the thread has said that it is done and only waits to be killed: this is the way out that the Best Practices name".to_string());
        if place.hit.contexts.has(Contexts::PROCESS_EXIT) {
            let remedy = match engines.entries[place.entry].kind {
                EntryKind::DllMain | EntryKind::TlsCallback => {
                    ": return at once when lpReserved is not NULL"
                }
                _ => "",
            };
            notes.push(format!("at process exit the thread was killed before it could say so, and the wait for its answer never ends{remedy}"));
        }
    } else {
        notes.push("a killed thread gives nothing back: the lock of the heap, a critical section or the loader's own data stay as they were at that moment, and the next thread that needs them hangs or crashes".to_string());
    }
    if let Some(note) = others(place.others, "entry") {
        notes.push(note.replace("entrys", "entries"));
    }
    let far = far(engines, place);
    notes.extend(far.clone());
    notes.extend(doubt(engines));
    let callee = place
        .hit
        .site
        .map_or_else(String::new, |site| engines.callee(site));
    findings.add(Finding {
        rule: "terminate_thread_at_unload",
        message: format!(
            "{} kills a thread with `{callee}` {}",
            subject(engines, place),
            meanwhile(engines, place)
        ),
        primary,
        steps,
        related,
        help: format!(
            "let an exported function, which the host calls before FreeLibrary, ask the thread to end and wait for it; {} leave threads alone",
            match engines.entries[place.entry].kind {
                EntryKind::DllMain => "in DLL_PROCESS_DETACH",
                EntryKind::StaticDestructor | EntryKind::ThreadLocalDestructor => "in destructors",
                EntryKind::AtExit => "in exit functions",
                _ => "here",
            }
        ),
        notes,
        minor: place.note || far.is_some() || !engines.is_surely_dll(),
    });
}

/// The handle of the thread that is killed.
fn target(engines: &Engines, hit: &Hit) -> Option<(Site, Key)> {
    let (Effect::Terminate { target }, Some(site)) = (hit.effect.effect(), hit.site) else {
        return None;
    };
    Some((site, engines.flow.key_of(site, *target)?))
}

/// The waits with a time limit for the thread that is killed, earlier in the same function: where, how long, and whether
/// one that has timed out leads to the kill.
fn limited_waits(engines: &Engines, hits: &[Hit], hit: &Hit) -> Vec<(Site, Timeout, Leads)> {
    let Some((site, key)) = target(engines, hit) else {
        return Vec::new();
    };
    hits.iter()
        .filter_map(|hit| {
            let Effect::Wait { on: Some(on), .. } = hit.effect.effect() else {
                return None;
            };
            let wait = hit.site?;
            let limited = matches!(hit.timeout, Timeout::Finite(_) | Timeout::Bounded);
            (limited
                && wait.function == site.function
                && engines.flow.can_follow(site.function, wait.stmt, site.stmt)
                && engines.flow.key_of(wait, *on).as_ref() == Some(&key))
            .then(|| {
                let leads = engines.flow.leads_when_timed_out(wait, site.stmt);
                (wait, hit.timeout, leads)
            })
        })
        .collect()
}

/// The wait that tells most about the kill: one that always leads there when it has timed out, else one that can.
fn waited_before(engines: &Engines, place: &Place) -> Option<(Site, Timeout, Leads)> {
    let waits = limited_waits(engines, &engines.walk(place.entry).hits, place.hit);
    let of = |wanted: Leads| waits.iter().find(|(.., leads)| *leads == wanted);
    of(Leads::Always).or_else(|| of(Leads::Sometimes)).copied()
}

/// Whether the kill comes only after a wait that has seen the thread's end: then nobody is killed.
fn kills_only_ended(engines: &Engines, entry: &Entry, hit: &Hit) -> bool {
    let Some(site) = hit.site else { return false };
    engines
        .entries
        .iter()
        .position(|other| std::ptr::eq(other, entry))
        .is_some_and(|number| {
            limited_waits(engines, &engines.walk(number).hits, hit)
                .iter()
                .any(|(wait, _, leads)| {
                    *leads == Leads::Never
                        && engines
                            .flow
                            .always_passes(site.function, wait.stmt, site.stmt)
                })
        })
}

/// Whether the thread sets an event as its last act and then waits to be killed, and the killer waits for that event.
fn is_parked(engines: &Engines, hit: &Hit) -> bool {
    let Some((site, key)) = target(engines, hit) else {
        return false;
    };
    let program = engines.program;
    let awaited: Vec<Key> = program
        .calls(site.function)
        .iter()
        .filter(|call| engines.flow.can_follow(site.function, call.stmt, site.stmt))
        .flat_map(|call| {
            let wait = Site {
                function: site.function,
                stmt: call.stmt,
            };
            call.effects
                .iter()
                .filter_map(move |effect| match effect.effect() {
                    Effect::Wait { on: Some(on), .. } => engines.flow.key_of(wait, *on),
                    _ => None,
                })
        })
        .filter(|awaited| *awaited != key)
        .collect();
    if awaited.is_empty() {
        return false;
    }
    engines
        .entries_of(|kind| matches!(kind, EntryKind::ThreadProcedure(_)))
        .filter(|(_, entry)| {
            entry.registered.is_some_and(|start| {
                program.call(start).is_some_and(|call| {
                    call.effects.iter().any(|effect| match effect.effect() {
                        Effect::Spawn {
                            handle: Some(handle),
                            ..
                        } => engines.flow.key_of(start, *handle).as_ref() == Some(&key),
                        _ => false,
                    })
                })
            })
        })
        .any(|(number, _)| {
            let walk = engines.walk(number);
            walk.hits.iter().any(|answer| {
                let (Effect::Signal { on }, Some(at)) = (answer.effect.effect(), answer.site)
                else {
                    return false;
                };
                engines
                    .flow
                    .key_of(at, *on)
                    .is_some_and(|key| awaited.contains(&key))
                    && walk.hits.iter().any(|wait| {
                        matches!(
                            wait.effect.effect(),
                            Effect::Wait {
                                class: WaitClass::Sleep | WaitClass::Handle | WaitClass::Signal,
                                ..
                            }
                        ) && wait.timeout == Timeout::Infinite
                            && wait.site.is_some_and(|wait| {
                                wait.function == at.function
                                    && engines.flow.can_follow(at.function, at.stmt, wait.stmt)
                            })
                    })
            })
        })
}
