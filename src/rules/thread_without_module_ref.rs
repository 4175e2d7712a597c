//! Threads that outlive their DLL. See `rules/thread_without_module_ref.md`.

use super::keeps_loaded::{
    Fate, can_hold, fate_of, gives_own_back, is_own_procedure, is_referenced, takers,
    takes_reference,
};
use super::{Engines, Finding, Findings};
use crate::api::{Arg, Effect, ThreadRef};
use crate::diagnostic::Role;
use crate::entry::EntryKind;
use crate::ir::{FunctionKind, Linkage, Value};
use crate::program::{FnId, Site};

/// CREATE_SUSPENDED: https://learn.microsoft.com/en-us/windows/win32/api/processthreadsapi/nf-processthreadsapi-createthread
const CREATE_SUSPENDED: i64 = 4;

pub fn check(engines: &Engines, findings: &mut Findings) {
    // A pinned module is never unmapped.
    if !engines.may_be_dll() || engines.handles.pinned {
        return;
    }
    let program = engines.program;
    let mut known = None;
    for id in program.own_ids() {
        for call in program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            for effect in &call.effects {
                let Effect::Spawn {
                    entry,
                    handle,
                    flags,
                    reference: reference @ (ThreadRef::None | ThreadRef::Ucrt),
                    pool: false,
                    joined: false,
                    ..
                } = effect.effect()
                else {
                    continue;
                };
                let procedure = program.argument_value(site, *entry);
                if !can_hold(engines, site, effect)
                    || !(is_own_procedure(engines, id, &procedure)
                        || is_given_by_callers(engines, id, &procedure, 3))
                {
                    continue;
                }
                let suspended = flags
                    .and_then(|flags| engines.origins.flags(site, flags))
                    .is_some_and(|flags| flags & CREATE_SUSPENDED != 0);
                let known = known.get_or_insert_with(|| takers(engines));
                if is_referenced(engines, known, site, suspended) {
                    continue;
                }
                let fate = match handle {
                    Some(handle) => fate_of(engines, site, *handle),
                    None => Fate::Discarded,
                };
                report(engines, findings, site, &procedure, *reference, &fate);
            }
        }
    }
}

/// Whether a procedure is a parameter, and every caller hands in one of the own module; an exported function has
/// callers that nobody sees.
fn is_given_by_callers(engines: &Engines, function: FnId, value: &Value, depth: u8) -> bool {
    let program = engines.program;
    let Some(index) = program.parameter_of(function, value) else {
        return false;
    };
    let callers = program.callers(function);
    depth > 0
        && !callers.is_empty()
        && callers.len() <= 64
        && program.function(function).linkage != Linkage::Exported
        && callers.iter().all(|&caller| {
            program
                .argument(caller, Arg::Index(index as u8))
                .is_some_and(|value| {
                    is_own_procedure(engines, caller.function, value)
                        || is_given_by_callers(engines, caller.function, value, depth - 1)
                })
        })
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    site: Site,
    procedure: &Value,
    reference: ThreadRef,
    fate: &Fate,
) {
    let program = engines.program;
    let is_rust = program.lang(site.function) == crate::source::Lang::Rust;
    let short = match fate {
        Fate::Kept => return,
        // An object that is not detached is joined, or ends the program; and the CRT's reference outlasts the wait.
        Fate::WaitedUnderLock(_) | Fate::NeverWaited if is_rust || reference == ThreadRef::Ucrt => {
            return;
        }
        Fate::Discarded if reference == ThreadRef::Ucrt && !gives_raw_handle(engines, site) => {
            return;
        }
        Fate::Discarded => "nobody keeps the handle, and nothing keeps the DLL loaded",
        Fate::Closed(_) => "nobody can wait for this thread, and nothing keeps the DLL loaded",
        Fate::WaitedUnderLock(_) => {
            "nobody waits for this thread in time, and nothing keeps the DLL loaded"
        }
        Fate::NeverWaited => "nobody waits for this thread, and nothing keeps the DLL loaded",
    };
    let by_callers: Vec<Site> = program
        .handed_in(site, procedure, &|function, value| {
            is_own_procedure(engines, function, value)
        })
        .into_iter()
        .map(|(caller, _)| caller)
        .collect();
    let mut too_late = None;
    for (number, _) in engines
        .entries_of(|kind| matches!(kind, EntryKind::ThreadProcedure(_)))
        .filter(|(_, entry)| {
            entry
                .registered
                .is_some_and(|at| at == site || by_callers.contains(&at))
        })
    {
        let walk = engines.walk(number);
        let inside = walk.hits.iter().find_map(|hit| {
            hit.site
                .filter(|&at| takes_reference(engines, at, hit.effect.effect()))
        });
        let owns = gives_own_back(engines, number);
        // Who gives a reference back owns one; one that it takes itself comes too late.
        match inside {
            Some(at) => too_late = Some(at),
            None if owns => return,
            None => {}
        }
    }
    let mut related = Vec::new();
    match fate {
        Fate::Closed(at) => {
            related.push(engines.label(*at, "the handle is given up here", Role::Related));
        }
        Fate::WaitedUnderLock(at) => {
            related.push(engines.label(
                *at,
                "the only wait for it runs under the loader lock",
                Role::Related,
            ));
        }
        _ => {}
    }
    let mut notes = Vec::new();
    if let Some(at) = too_late {
        related.push(engines.label(at, "this reference is taken too late", Role::Related));
        notes.push("a reference that the thread takes itself comes too late: the DLL can be gone before the thread's first instruction".to_string());
    }
    if matches!(fate, Fate::WaitedUnderLock(_)) {
        notes.push("a wait in DllMain or in a static's destructor is no help: under the loader lock the thread cannot end, so the wait hangs, or gives up with the thread still alive".to_string());
    }
    if reference == ThreadRef::Ucrt {
        notes.push("this is safe only because the UCRT of Visual Studio 2015 and later keeps the module of the thread procedure loaded; older and other runtimes do not".to_string());
    } else {
        notes.push("when the host frees the DLL, the thread goes on executing at addresses where nothing is mapped any more, and crashes where no symbol names the DLL".to_string());
    }
    if !engines.is_surely_dll() {
        notes.push(super::NO_DLL.to_string());
    }
    // Nothing is reported inside a macro: its use is the place.
    let mut shown = site;
    while program.function(shown.function).kind == FunctionKind::Macro
        && let Some(&caller) = program.callers(shown.function).first()
        && caller != shown
    {
        shown = caller;
    }
    let help = if is_rust {
        "keep the JoinHandle and join it in an exported stop function; or take a reference with GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, …) before the start and end the thread with FreeLibraryAndExitThread"
    } else {
        "take a reference with GetModuleHandleEx(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, …) before the start, release it if the start fails, and end the thread with FreeLibraryAndExitThread; or keep the handle and wait for it in an exported stop function"
    };
    findings.add(Finding {
        rule: "thread_without_module_ref",
        message: format!(
            "{} starts a thread in its own DLL, and the DLL can be freed while the thread runs",
            program.describe(shown.function)
        ),
        primary: engines.label(shown, short, Role::Primary),
        steps: Vec::new(),
        related,
        help: help.to_string(),
        notes,
        minor: reference == ThreadRef::Ucrt || !engines.is_surely_dll(),
    });
}

/// Whether a start gives a handle and not an object that ends the program when it is thrown away unjoined.
fn gives_raw_handle(engines: &Engines, site: Site) -> bool {
    matches!(
        &engines.program.function(site.function).stmt(site.stmt).kind,
        crate::ir::StmtKind::Call {
            callee: crate::ir::Callee::Named(_),
            ..
        }
    )
}
