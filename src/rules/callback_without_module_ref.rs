//! Thread pool callbacks that outlive their DLL. See `rules/callback_without_module_ref.md`.

use super::keeps_loaded::{
    gives_own_back, is_own_procedure, is_referenced, only_under_loader_lock, takers,
};
use super::{Engines, Finding, Findings};
use crate::api::{Effect, PoolObject};
use crate::diagnostic::Role;
use crate::entry;
use crate::flow::{PoolSite, What};
use crate::ir::{Callee, FunctionKind, StmtKind, Value};
use crate::program::{Key, KeyRoot, Site};

pub fn check(engines: &Engines, findings: &mut Findings) {
    // A pinned module is never unmapped.
    if !engines.may_be_dll() || engines.handles.pinned {
        return;
    }
    let mut known = None;
    for creation in &engines.flow.pool {
        let site = creation.site;
        if !engines
            .program
            .is_own_file(engines.program.file(site.function))
            || !is_own_callback(engines, site)
            || is_kept_by_environment(engines, creation)
            || gives_reference_back(engines, site)
        {
            continue;
        }
        let Some(why) = unprotected(engines, creation) else {
            continue;
        };
        let known = known.get_or_insert_with(|| takers(engines));
        if !is_referenced(engines, known, site, false) {
            report(engines, findings, creation, &why);
        }
    }
}

/// Why nothing waits for the callbacks.
enum Why {
    /// There is no object to wait on.
    NoObject,
    /// The object is closed at once.
    Closed(Site),
    /// Only code under the loader lock waits.
    UnderLock(Site),
    /// Nobody waits.
    Never,
}

fn is_own_callback(engines: &Engines, site: Site) -> bool {
    engines.program.call(site).is_some_and(|call| {
        call.effects.iter().any(|effect| match effect.effect() {
            Effect::TpCreate { callback, .. } => is_own_procedure(
                engines,
                site.function,
                &engines.program.argument_value(site, *callback),
            ),
            _ => false,
        })
    })
}

/// A callback library keeps the module; a cleanup group's owner waits for its members; of an environment that comes
/// from elsewhere nobody knows.
fn is_kept_by_environment(engines: &Engines, creation: &PoolSite) -> bool {
    let Some(env) = &creation.env else {
        return false;
    };
    // The queue of an old timer keeps nothing by itself; who ends it and waits does.
    if creation.kind == PoolObject::LegacyTimer {
        let queues = engines.flow.groups_of(creation);
        return queues.iter().any(|queue| {
            let mut ends = engines.flow.everywhere(What::CloseGroup, queue);
            ends.next().is_some()
        });
    }
    engines.flow.has_library(creation)
        || !engines.flow.groups_of(creation).is_empty()
        || engines
            .program
            .key_of_value(creation.site.function, env)
            .is_none_or(|key| matches!(key.root, KeyRoot::Param(..) | KeyRoot::Name(_)))
}

/// Whether the callback hands a reference to the pool: then one was taken for it.
fn gives_reference_back(engines: &Engines, site: Site) -> bool {
    engines
        .entries_of(|kind| kind.is_pool())
        .filter(|(_, entry)| entry.registered == Some(site))
        .any(|(number, _)| {
            engines
                .walk(number)
                .hits
                .iter()
                .any(|hit| matches!(hit.effect.effect(), Effect::FreeModuleOnReturn { .. }))
                || gives_own_back(engines, number)
        })
}

fn unprotected(engines: &Engines, creation: &PoolSite) -> Option<Why> {
    let flow = &engines.flow;
    let site = creation.site;
    // Who waits for anything after the submission waits for the callback's answer.
    let waits_after = flow.events(site.function).iter().any(|event| {
        matches!(event.what, What::Wait | What::Drain | What::CloseGroup)
            && flow.can_follow(site.function, site.stmt, event.stmt)
    });
    if waits_after {
        return None;
    }
    match creation.kind {
        PoolObject::Simple | PoolObject::LegacyWork | PoolObject::LegacyIo => {
            return Some(Why::NoObject);
        }
        _ => {}
    }
    let key = creation.key.as_ref()?;
    if !key.is_global() {
        // A member of an object that only this function knows by name, or what a call gives the address of.
        let elsewhere = !key.path.is_empty()
            || matches!(key.root, KeyRoot::Result(_, stmt) if stmt != site.stmt);
        if elsewhere || escapes(engines, site, key) {
            return None;
        }
        let closed = flow
            .events(site.function)
            .iter()
            .find(|event| event.what == What::Close && event.key == *key);
        let armed = creation.armed
            || flow
                .events(site.function)
                .iter()
                .any(|event| event.what == What::Arm && event.key == *key);
        return match closed {
            _ if !armed => None,
            Some(event) => Some(Why::Closed(event.site)),
            None => Some(Why::Never),
        };
    }
    if is_owned_by_type(engines, site) {
        return None;
    }
    let mut under_lock = None;
    for id in engines.program.ids() {
        for event in flow.events(id) {
            if matches!(event.what, What::Drain | What::CloseGroup) && event.key == *key {
                if !only_under_loader_lock(engines, id) {
                    return None;
                }
                under_lock = Some(event.site);
            }
        }
    }
    if let Some(site) = under_lock {
        return Some(Why::UnderLock(site));
    }
    // Objects of a pool of objects are known by other names too: only what is closed under this name is judged.
    let closed = engines.program.ids().any(|id| {
        flow.events(id)
            .iter()
            .any(|event| event.what == What::Close && event.key == *key)
    });
    (closed || is_closed_by_callback(engines, creation)).then_some(Why::Never)
}

/// Whether a callback closes its own object, by the parameter that it gets.
fn is_closed_by_callback(engines: &Engines, creation: &PoolSite) -> bool {
    creation.callbacks.iter().any(|&callback| {
        let own = entry::object_parameter(creation.kind)
            .map(|index| Key::of(KeyRoot::Param(callback, index)));
        engines
            .flow
            .events(callback)
            .iter()
            .any(|event| event.what == What::Close && Some(&event.key) == own.as_ref())
    })
}

/// Whether a local object is handed on to where nobody sees what becomes of it.
fn escapes(engines: &Engines, site: Site, key: &Key) -> bool {
    let program = engines.program;
    let is_object = |value: &Value| match value {
        Value::Result(stmt) => *stmt == site.stmt,
        Value::Place(place) | Value::AddressOf(place) => {
            program.key(site.function, place).as_ref() == Some(key)
        }
        _ => false,
    };
    let function = program.function(site.function);
    function.stmts.iter().enumerate().any(|(index, stmt)| {
        let here = Site {
            function: site.function,
            stmt: crate::ir::StmtId(index as u32),
        };
        match &stmt.kind {
            StmtKind::Return { value: Some(value) } => is_object(value),
            StmtKind::Assign { to, value } if is_object(value) => program
                .key_of_target(site.function, to)
                .is_none_or(|key| key.is_global()),
            StmtKind::Call { callee, args } if here != site => {
                let used = args.iter().any(is_object)
                    || matches!(callee, Callee::Method { receiver, .. } if is_object(receiver));
                used && program.call(here).is_none_or(|call| {
                    !call.targets.is_empty()
                        || !call.effects.iter().any(|effect| {
                            matches!(
                                effect.effect(),
                                Effect::TpArm { .. }
                                    | Effect::TpDisarm { .. }
                                    | Effect::TpClose { .. }
                                    | Effect::TpDrain { .. }
                            )
                        })
                })
            }
            _ => false,
        }
    })
}

/// Whether the place that takes the object is one of a library's owners, whose destructor waits.
fn is_owned_by_type(engines: &Engines, site: Site) -> bool {
    let program = engines.program;
    program.function(site.function).stmts.iter().any(|stmt| {
        matches!(&stmt.kind, StmtKind::Assign { to, value: Value::Result(made) }
        if *made == site.stmt
            && program.type_of_place(site.function, to).is_some_and(|(text, unit)| {
                program.type_row(&text, unit).is_some()
            }))
    })
}

fn report(engines: &Engines, findings: &mut Findings, creation: &PoolSite, why: &Why) {
    let program = engines.program;
    // Where the object is submitted or armed, if that is in the same function.
    let submitted = creation.key.as_ref().and_then(|key| {
        engines
            .flow
            .events(creation.site.function)
            .iter()
            .find(|event| event.what == What::Arm && event.key == *key)
            .filter(|event| event.site.function == creation.site.function)
            .map(|event| event.site)
    });
    let mut shown = submitted.unwrap_or(creation.site);
    let callee = engines.callee(shown);
    // Nothing is reported inside a macro: its use is the place.
    while program.function(shown.function).kind == FunctionKind::Macro
        && let Some(&caller) = program.callers(shown.function).first()
        && caller != shown
    {
        shown = caller;
    }
    let mut related = Vec::new();
    let mut notes = Vec::new();
    let short = match why {
        Why::NoObject => "there is nothing to wait on, and nothing keeps the DLL loaded",
        Why::Closed(at) => {
            related.push(engines.label(
                *at,
                "closed without a wait for the callback",
                Role::Related,
            ));
            "nobody waits for the callback, and nothing keeps the DLL loaded"
        }
        Why::UnderLock(at) => {
            related.push(engines.label(
                *at,
                "the only wait for it runs under the loader lock",
                Role::Related,
            ));
            notes.push("a wait in DllMain or in a static's destructor is no help: a callback that needs the loader lock cannot end, and at process exit the pool's threads are gone".to_string());
            "nobody waits for the callbacks in time, and nothing keeps the DLL loaded"
        }
        Why::Never => "nobody waits for the callbacks, and nothing keeps the DLL loaded",
    };
    notes.push("when the host frees the DLL before the callback has returned, the pool's thread goes on executing at addresses where nothing is mapped any more".to_string());
    if !engines.is_surely_dll() {
        notes.push(super::NO_DLL.to_string());
    }
    let legacy = matches!(
        creation.kind,
        PoolObject::LegacyWork
            | PoolObject::LegacyWait
            | PoolObject::LegacyTimer
            | PoolObject::LegacyIo
    );
    let help = match (legacy, why) {
        (true, Why::NoObject) => {
            "use TrySubmitThreadpoolCallback: call GetModuleHandleEx before submitting and FreeLibraryWhenCallbackReturns in the callback; the old calls have no way to give a reference back after the callback"
        }
        (true, _) => {
            "wait for the callbacks in an exported stop function, with UnregisterWaitEx or DeleteTimerQueueTimer and INVALID_HANDLE_VALUE, which the host calls before FreeLibrary"
        }
        (false, _) => {
            "call GetModuleHandleEx before submitting and FreeLibraryWhenCallbackReturns in the callback, or wait for the callbacks in an exported stop function"
        }
    };
    let in_object = creation
        .key
        .as_ref()
        .is_some_and(|key| matches!(key.root, KeyRoot::Object(_)));
    findings.add(Finding {
        rule: "callback_without_module_ref",
        message: format!(
            "{} hands a callback of its own DLL to the thread pool with `{callee}`, and the DLL can be freed before the callback has run",
            program.describe(shown.function)
        ),
        primary: engines.label(shown, short, Role::Primary),
        steps: Vec::new(),
        related,
        help: help.to_string(),
        notes,
        minor: in_object || !engines.is_surely_dll(),
    });
}
