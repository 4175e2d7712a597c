//! Blocking waits in destructors and exit functions that run under the loader lock. See
//! `rules/wait_in_static_destructor.md`. `wait_in_dll_main` reports the same waits for its entries through
//! `report_waits`.

use super::{Engines, Finding, Findings, others, outer_label, waiting};
use crate::api::{Arg, Effect, ThreadRef, is_for_ever};
use crate::diagnostic::{Label, Role};
use crate::entry::{Contexts, Entry, EntryKind, Runs};
use crate::flow::What;
use crate::ir::{Cond, FunctionKind, Linkage, Place, Root, StmtId, StmtKind, Value};
use crate::program::{CallEffect, FnId, Key, KeyRoot, Program, Site, StaticId, TypeId};
use crate::reach::Hit;
use crate::reach::blocking::{self, Blocking, WaitsFor};
use crate::source::Lang;
use std::collections::{BTreeMap, BTreeSet};

pub fn check(engines: &Engines, findings: &mut Findings) {
    let exe = !engines.may_be_dll();
    // In an EXE only thread_local destructors run under the loader lock (hazards F1).
    report_waits(engines, findings, "wait_in_static_destructor", |kind| {
        kind.is_destructor() && (!exe || kind == EntryKind::ThreadLocalDestructor)
    });
}

/// One blocking call, reached from one entry.
struct Found<'e> {
    entry: usize,
    hit: &'e Hit,
    blocking: Blocking,
    length: usize,
}

/// Reports the blocking calls that the wanted entries reach, each place once, with the shortest path.
pub(super) fn report_waits(
    engines: &Engines,
    findings: &mut Findings,
    rule: &'static str,
    wanted: impl Fn(EntryKind) -> bool,
) {
    // By place: the call, or the static's declaration where a library's destructor blocks.
    let mut places: Places = BTreeMap::new();
    for (number, entry) in engines.entries_of(wanted) {
        let walk = engines.walk(number);
        for hit in &walk.hits {
            let blocking = blocking::judge(&engines.flow, &engines.handles, entry, walk, hit);
            let Some(blocking) = blocking else {
                continue;
            };
            let length = hit.node.map_or(0, |node| walk.path(node).len());
            let place = (
                hit.site,
                if hit.site.is_some() {
                    0
                } else {
                    entry.span.start ^ entry.span.file.0.rotate_left(20)
                },
            );
            places.entry(place).or_default().push(Found {
                entry: number,
                hit,
                blocking,
                length,
            });
        }
    }
    drop_repeated_joins(engines, &mut places);
    drop_waited_in_dll_main(engines, &mut places);
    for (_, mut found) in places {
        // A finding that is more than a note comes first, then the shortest path.
        found.sort_by_key(|found| (found.blocking.note, found.length, found.entry));
        let count = found
            .iter()
            .map(|found| found.entry)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            - 1;
        report(engines, findings, rule, &found[0], count);
    }
}

type Places<'e> = BTreeMap<(Option<Site>, u32), Vec<Found<'e>>>;

/// A destructor that joins what the same entries have joined before by other calls finds a thread that has ended: the
/// first join is the finding.
fn drop_repeated_joins(engines: &Engines, places: &mut Places) {
    let joined = |site: Site, found: &[Found]| -> Option<(Key, BTreeSet<usize>)> {
        let first = found.first()?;
        if !matches!(first.blocking.waits_for, WaitsFor::ThreadEnd(_)) {
            return None;
        }
        let on = blocking::waited_on(first.hit.effect.effect())?;
        let key = engines.flow.key_of(site, on).filter(Key::is_global)?;
        Some((key, found.iter().map(|found| found.entry).collect()))
    };
    let in_destructor = |site: Site| {
        matches!(
            engines.program.function(site.function).kind,
            FunctionKind::Dtor | FunctionKind::Drop
        )
    };
    let mut by_key: BTreeMap<Key, Vec<BTreeSet<usize>>> = BTreeMap::new();
    for ((site, _), found) in places.iter() {
        if let Some(site) = site.filter(|&site| !in_destructor(site))
            && let Some((key, entries)) = joined(site, found)
        {
            by_key.entry(key).or_default().push(entries);
        }
    }
    places.retain(|(site, _), found| {
        let Some(site) = site.filter(|&site| in_destructor(site)) else {
            return true;
        };
        joined(site, found).is_none_or(|(key, entries)| {
            !by_key
                .get(&key)
                .is_some_and(|others| others.iter().any(|other| entries.is_subset(other)))
        })
    });
}

/// DllMain runs before the static destructors: where it has a static wait for its threads at process detach, the static's
/// destructor comes to the same wait with nothing left to wait for. The wait in DllMain is the finding.
fn drop_waited_in_dll_main(engines: &Engines, places: &mut Places) {
    let sites: BTreeSet<Site> = places
        .iter()
        .filter(|(_, found)| {
            let mut entries = found.iter().map(|found| &engines.entries[found.entry]);
            entries.all(|entry| entry.kind == EntryKind::StaticDestructor && entry.object.is_some())
        })
        .filter_map(|((site, _), _)| *site)
        .collect();
    if sites.is_empty() {
        return;
    }
    // By place: the statics that DllMain deals with on its way there.
    let mut waited: BTreeSet<(Site, StaticId)> = BTreeSet::new();
    for (number, entry) in engines.entries_of(|kind| kind == EntryKind::DllMain) {
        let walk = engines.walk(number);
        for hit in &walk.hits {
            let (Some(site), Some(node)) = (hit.site.filter(|site| sites.contains(site)), hit.node)
            else {
                continue;
            };
            let path = walk.path(node);
            let calls = || path.iter().map(|(_, site)| *site);
            let is_reported = engines.far(number, &path).is_none()
                && blocking::judge(&engines.flow, &engines.handles, entry, walk, hit).is_some_and(
                    |blocking| !blocking.note && blocking.contexts.has(Contexts::PROCESS_DETACH),
                );
            // What only some state leads to may be left to the destructor; why DllMain is called is no state.
            let tells_why = |value: &Value| match value {
                Value::Place(Place {
                    root: Root::Param(index),
                    ..
                }) => [entry.reason, entry.reserved].contains(&Some(*index)),
                _ => false,
            };
            let is_held_back =
                |call: Site| {
                    engines.flow.is_guarded_by(call.function, call.stmt, |guard| {
                    let told = matches!(
                        &guard.cond,
                        Cond::Compare { left, right, .. } if tells_why(left) || tells_why(right)
                    );
                    !told && engines.flow.tests_state(call.function, guard, None)
                })
                };
            let is_certain = !calls().any(is_held_back);
            if !is_reported || !is_certain {
                continue;
            }
            let objects = calls().filter_map(|call| engines.flow.key_of(call, Arg::This));
            waited.extend(objects.filter_map(|key| Some((site, static_of(engines, &key)?))));
        }
    }
    for ((site, _), found) in places.iter_mut() {
        let Some(site) = *site else { continue };
        if sites.contains(&site) {
            found.retain(|found| {
                let object = engines.entries[found.entry].object;
                object.is_none_or(|object| !waited.contains(&(site, object)))
            });
        }
    }
    places.retain(|_, found| !found.is_empty());
}

/// The static that a key is; by its name, where only one bears it.
fn static_of(engines: &Engines, key: &Key) -> Option<StaticId> {
    let program = engines.program;
    match &key.root {
        KeyRoot::Static(object) => Some(*object),
        KeyRoot::Name(name) => {
            let mut named = program.static_ids().filter(|&id| {
                let object = program.static_def(id);
                !object.is_extern && object.name == *name
            });
            named.next().filter(|_| named.next().is_none())
        }
        _ => None,
    }
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    rule: &'static str,
    found: &Found,
    other_entries: usize,
) {
    let entry = &engines.entries[found.entry];
    let blocking = &found.blocking;
    let what = waiting::waited_for(blocking);
    let holder = holder(entry);
    let (primary, message) = match found.hit.site {
        Some(site) => {
            let subject = subject_of(engines, entry, site);
            let message = if subject == entry.name && entry.kind == EntryKind::DllMain {
                format!("{subject} {what} while it holds the loader lock")
            } else {
                format!("{subject} {what} while {holder}")
            };
            let length = waiting::length_of(engines, blocking, found.hit.site);
            let label = match found.hit.effect {
                CallEffect::Type(..) => format!("an object ends here, and its destructor {length}"),
                CallEffect::Row(..) => length,
            };
            (engines.label(site, label, Role::Primary), message)
        }
        None => {
            let message = format!(
                "{} {what} when it is destroyed under the loader lock",
                entry.name
            );
            (
                outer_label(
                    entry.span,
                    format!(
                        "its destructor {}",
                        waiting::length_of(engines, blocking, found.hit.site)
                    ),
                    Role::Primary,
                ),
                message,
            )
        }
    };
    let mut steps = engines.steps(found.entry, found.hit.node);
    if let Some(first) = steps
        .first_mut()
        .filter(|_| blocking.contexts.has(Contexts::PROCESS_DETACH))
    {
        *first = engines.entry_step(entry, waiting::harmful(entry, blocking));
    }
    if let Some(site) = found.hit.site {
        steps.extend(engines.member_steps_at(site, &found.hit.effect));
    }
    steps.extend(other_side(engines, found));
    let mut notes = waiting::reasons(engines, entry, blocking, starts_thread(engines, found));
    let rust_thread_local = entry.kind == EntryKind::ThreadLocalDestructor
        && engines
            .program
            .units
            .first()
            .is_some_and(|unit| unit.lang == Lang::Rust);
    if let Some(note) = others(other_entries, "entry") {
        notes.push(note.replace("entrys", "entries"));
    }
    let far = found
        .hit
        .node
        .and_then(|node| engines.far(found.entry, &engines.walk(found.entry).path(node)));
    notes.extend(far.clone());
    let is_destructor = entry.kind.is_destructor();
    let forgotten = is_destructor
        .then(|| forgotten_stop(engines, found))
        .flatten();
    notes.extend(forgotten.map(str::to_string));
    let minor = forgotten.is_some()
        || blocking.note
        || far.is_some()
        || (!engines.is_surely_dll() && (engines.may_be_dll() || rust_thread_local));
    if !engines.is_surely_dll() && engines.may_be_dll() {
        notes.push(super::NO_DLL.to_string());
    }
    let mut help = waiting::help(entry, blocking, found.hit);
    if help.contains(waiting::BY_THE_HOST) && engines.frees_itself() {
        // No host frees it, so none has to call anything before.
        help = help.replace(waiting::BY_THE_HOST, "before the DLL frees itself");
    }
    findings.add(Finding {
        rule,
        message,
        primary,
        steps,
        related: Vec::new(),
        help,
        notes,
        minor,
    });
}

/// The path of the one that is waited for, up to where it cannot go on: the second flow.
fn other_side(engines: &Engines, found: &Found) -> Vec<Label> {
    let (Some(site), Some(on)) = (
        found.hit.site,
        blocking::waited_on(found.hit.effect.effect()),
    ) else {
        return Vec::new();
    };
    let Some(key) = engines.flow.key_of(site, on) else {
        return Vec::new();
    };
    let mut steps = match found.blocking.waits_for {
        WaitsFor::ThreadEnd(reference) => {
            let begins_late = found.blocking.contexts.within(Contexts::PROCESS_ATTACH)
                && starts_thread(engines, found);
            ending_thread(engines, &key, reference, begins_late)
        }
        WaitsFor::Signal => signalling_thread(engines, found, &key),
        WaitsFor::Callbacks => pool_callback(engines, &key),
        _ => Vec::new(),
    };
    for step in &mut steps {
        step.flow = 1;
    }
    steps
}

/// Whether the entry that waits for a thread starts it, too.
fn starts_thread(engines: &Engines, found: &Found) -> bool {
    let on = blocking::waited_on(found.hit.effect.effect());
    let key = on.and_then(|on| engines.flow.key_of(found.hit.site?, on));
    key.is_some_and(|key| {
        let starts = engines.handles.starts(&key);
        let hits = &engines.walk(found.entry).hits;
        hits.iter()
            .any(|hit| hit.site.is_some_and(|site| starts.contains(&site)))
    })
}

/// The thread whose end is waited for: it asks for the loader lock in a call, or at the latest when it ends; one that the
/// load starts does not begin.
fn ending_thread(
    engines: &Engines,
    key: &Key,
    reference: ThreadRef,
    begins_late: bool,
) -> Vec<Label> {
    let Some((number, procedure)) = engines.handles.starts(key).iter().find_map(|&start| {
        engines
            .entries_of(|kind| matches!(kind, EntryKind::ThreadProcedure(_)))
            .find(|(_, entry)| entry.registered == Some(start))
            .and_then(|(number, entry)| match entry.runs {
                Runs::Function(function) => Some((number, function)),
                Runs::Effect(_) => None,
            })
    }) else {
        return Vec::new();
    };
    if begins_late {
        let thread =
            "the thread that is waited for, and does not begin before the loader lock is free";
        return vec![runs_on(engines, number, thread)];
    }
    let mut steps = vec![runs_on(engines, number, "the thread that is waited for")];
    if let Some(asks) = asking_call(engines, number) {
        steps.extend(asks);
        return steps;
    }
    let body = engines.program.function(procedure);
    let end = (0..body.stmts.len() as u32)
        .rev()
        .map(StmtId)
        .find(|&stmt| matches!(body.stmt(stmt).kind, StmtKind::Return { .. }));
    let message = match reference {
        ThreadRef::Ucrt => {
            "on its way out the thread asks for the loader lock (DLL_THREAD_DETACH), or, with the UCRT, frees the DLL and comes to the wait itself"
        }
        _ => {
            "on its way out the thread asks for the loader lock (DLL_THREAD_DETACH), and waits for it"
        }
    };
    match end {
        Some(stmt) => steps.push(engines.label(
            Site {
                function: procedure,
                stmt,
            },
            message,
            Role::Step,
        )),
        None => steps.push(outer_label(
            engines.entries[number].span,
            message,
            Role::Step,
        )),
    }
    steps
}

/// The thread or callback that should signal.
fn signalling_thread(engines: &Engines, found: &Found, key: &Key) -> Vec<Label> {
    let signals = engines.handles.signals(key);
    let other = engines
        .entries_of(|kind| matches!(kind, EntryKind::ThreadProcedure(_)) || kind.is_pool())
        .find_map(|(number, _)| {
            let walk = engines.walk(number);
            let hit = walk.hits.iter().find(|hit| {
                matches!(hit.effect.effect(), Effect::Signal { .. })
                    && hit.site.is_some_and(|site| signals.contains(&site))
            })?;
            Some((number, hit.node?, hit.site?))
        });
    let Some((number, node, signal)) = other else {
        return Vec::new();
    };
    let mut steps = vec![runs_on(engines, number, "another thread")];
    // The loader call that stands before the signal in one function.
    let asks = engines.walk(number).hits.iter().find_map(|hit| {
        let site = hit.site?;
        (*hit.effect.effect() == Effect::AsksLoaderLock
            && site.function == signal.function
            && site.stmt != signal.stmt
            && engines
                .flow
                .can_follow(site.function, site.stmt, signal.stmt))
        .then_some(site)
    });
    steps.extend(engines.steps(number, Some(node)).into_iter().skip(1));
    if let Some(asks) = asks {
        let callee = engines.callee(asks);
        steps.push(engines.label(
            asks,
            format!("`{callee}` asks for the loader lock, and waits for it"),
            Role::Step,
        ));
        steps.push(engines.label(signal, "it would signal only then", Role::Step));
        return steps;
    }
    let contexts = found.blocking.contexts;
    let message = if contexts.has(Contexts::PROCESS_ATTACH) {
        "it would signal here, but a new thread does not run before the loader lock is free"
    } else if contexts.has(Contexts::PROCESS_EXIT) {
        "it would signal here, but at process exit this thread is gone before it gets here"
    } else {
        "it signals here, if it needs nothing from the loader before"
    };
    steps.push(engines.label(signal, message, Role::Step));
    steps
}

/// The callback that is waited for, if it asks for the loader lock.
fn pool_callback(engines: &Engines, key: &Key) -> Vec<Label> {
    for creation in engines.flow.creations(key) {
        for (number, _) in engines
            .entries_of(EntryKind::is_pool)
            .filter(|(_, entry)| entry.registered == Some(creation.site))
        {
            if let Some(asks) = asking_call(engines, number) {
                let mut steps = vec![runs_on(engines, number, "a thread of the thread pool")];
                steps.extend(asks);
                return steps;
            }
        }
    }
    Vec::new()
}

fn runs_on(engines: &Engines, entry: usize, thread: &str) -> Label {
    let entry = &engines.entries[entry];
    outer_label(
        entry.span,
        format!("{} runs on {thread}", entry.name),
        Role::Step,
    )
}

/// The shortest way of an entry to a call that asks for the loader lock.
fn asking_call(engines: &Engines, entry: usize) -> Option<Vec<Label>> {
    let walk = engines.walk(entry);
    let (_, node, site) = walk
        .hits
        .iter()
        .filter(|hit| *hit.effect.effect() == Effect::AsksLoaderLock)
        .filter_map(|hit| Some((walk.path(hit.node?).len(), hit.node?, hit.site?)))
        .min_by_key(|&(length, node, site)| (length, site, node))?;
    let mut steps: Vec<Label> = engines
        .steps(entry, Some(node))
        .into_iter()
        .skip(1)
        .collect();
    let callee = engines.callee(site);
    steps.push(engines.label(
        site,
        format!("`{callee}` asks for the loader lock, and waits for it"),
        Role::Step,
    ));
    Some(steps)
}

/// What there is to say where the wait is skipped when something was stopped already, and an exported function stops it, or
/// any function where the module frees itself: then no host can forget to call it.
fn forgotten_stop(engines: &Engines, found: &Found) -> Option<&'static str> {
    let (site, node) = (found.hit.site?, found.hit.node?);
    let path = engines.walk(found.entry).path(node);
    let guarded = std::iter::once(site)
        .chain(path.iter().map(|(_, site)| *site))
        .any(|site| engines.flow.is_guarded(site.function, site.stmt, None));
    if !guarded {
        return None;
    }
    let destroys = |id: FnId| {
        matches!(
            engines.program.function(id).kind,
            FunctionKind::Dtor | FunctionKind::Drop
        )
    };
    // The function that waits, or the one that a destructor on the path calls for it.
    let mut stops: Vec<FnId> = std::iter::once(site.function)
        .chain(path.iter().map(|(_, site)| site.function))
        .filter(|&id| !destroys(id))
        .collect();
    stops.extend(stops_elsewhere(engines, found, site).filter(|&id| !destroys(id)));
    let is_stop = |id: FnId| engines.flow.runs(id, &stops, destroys);
    let program = engines.program;
    let is_exported = |id: &FnId| program.function(*id).linkage == Linkage::Exported;
    if program.own_ids().filter(is_exported).any(is_stop) {
        return Some(
            "an exported function stops it too, and the wait is skipped when that was called: this hangs only when the host \
             forgets the call",
        );
    }
    // Something else than the destructor has to run it.
    let on_path: Vec<FnId> = path.iter().map(|(_, site)| site.function).collect();
    let is_run = |&stop: &FnId| {
        let callers = program.callers(stop).iter();
        let mut others = callers
            .map(|caller| caller.function)
            .filter(|&caller| !destroys(caller) && !on_path.contains(&caller) && caller != stop);
        others.next().is_some() || overrides(program, stop)
    };
    (engines.frees_itself() && stops.iter().any(is_run)).then_some(
        "the DLL frees itself, and another function stops this before: the wait is skipped when that was called, and this \
         hangs only on a way to the unload that leaves it out",
    )
}

/// Whether a method stands for one of a base class, through which anybody may call it.
fn overrides(program: &Program, method: FnId) -> bool {
    let Some(class) = program.owner(method) else {
        return false;
    };
    let name = &program.function(method).name;
    let declares = |base: &TypeId| {
        let methods = &program.type_def(*base).methods;
        methods.iter().any(|declared| declared.name == *name)
    };
    program.class_chain(class).iter().skip(1).any(declares)
}

/// Other functions that wait for the same thread or event. One that starts it anew is none: something runs behind it.
fn stops_elsewhere(engines: &Engines, found: &Found, site: Site) -> impl Iterator<Item = FnId> {
    let waited = blocking::waited_on(found.hit.effect.effect());
    let key = waited.and_then(|arg| engines.flow.key_of(site, arg));
    let starts: Vec<FnId> = key
        .iter()
        .flat_map(|key| engines.handles.starts(key))
        .map(|start| start.function)
        .collect();
    let waits = key
        .iter()
        .flat_map(|key| engines.flow.everywhere(What::Wait, key));
    let waits: Vec<FnId> = waits
        .filter(|(_, event)| waits_for_long(engines.program, event.site))
        .map(|(function, _)| function)
        .filter(|&function| !engines.flow.runs(function, &starts, |_| false))
        .collect();
    waits.into_iter()
}

/// Whether a call waits without a time limit: what asks whether a thread has ended is no stop.
fn waits_for_long(program: &Program, site: Site) -> bool {
    let effects = program.call(site).map_or(&[][..], |call| &call.effects);
    effects.iter().any(|effect| match effect.effect() {
        Effect::Wait { timeout, .. } => timeout.is_none_or(|timeout| {
            let limit = program.argument_value(site, timeout);
            program
                .constant(site.function, &limit)
                .and_then(|limit| limit.number())
                .is_some_and(is_for_ever)
        }),
        _ => false,
    })
}

/// Who does what a statement does: the entry itself, or the function that it stands in.
pub(super) fn subject_of(engines: &Engines, entry: &Entry, site: Site) -> String {
    let function = engines.program.describe(site.function);
    if entry.name.trim_matches('`') == function.trim_matches('`') {
        entry.name.clone()
    } else {
        function
    }
}

/// Who holds the loader lock meanwhile.
pub(super) fn holder(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::DllMain => "DllMain holds the loader lock".to_string(),
        EntryKind::TlsCallback => "a TLS callback holds the loader lock".to_string(),
        // `#[ctor]` and the like construct no object.
        EntryKind::StaticInitializer if entry.object.is_none() => {
            "the initializers run under the loader lock".to_string()
        }
        EntryKind::StaticInitializer => {
            format!("{} is initialized under the loader lock", entry.name)
        }
        EntryKind::ThreadLocalDestructor if entry.object.is_none() => {
            format!("{} runs under the loader lock", entry.name)
        }
        EntryKind::StaticDestructor | EntryKind::ThreadLocalDestructor => {
            format!("{} is destroyed under the loader lock", entry.name)
        }
        _ => "the exit functions run under the loader lock".to_string(),
    }
}
