//! Who keeps the own module loaded while a thread or a callback runs: references on it, and handles that somebody waits
//! for. `thread_without_module_ref`, `callback_without_module_ref` and `racy_module_refcount_proxy` ask it.

use super::Engines;
use crate::api::{Arg, Effect, ModuleSource};
use crate::entry::Runs;
use crate::flow::What;
use crate::ir::{Callee, FunctionKind, Place, Root, StmtId, StmtKind, Value};
use crate::program::origin::{Origin, flags};
use crate::program::{CallEffect, FnId, Key, Meaning, Program, Site, TypeId};
use crate::reach::blocking::loads_own_path;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

/// Whether a call takes a counted reference on the module in which it stands.
pub(super) fn takes_reference(engines: &Engines, site: Site, effect: &Effect) -> bool {
    let Effect::ModuleRef { source, flags, .. } = effect else {
        return false;
    };
    let own = || engines.origins.of_reference(site, effect) == Origin::Own;
    match source {
        ModuleSource::Ex => {
            let bits = flags
                .and_then(|flags| engines.origins.flags(site, flags))
                .unwrap_or(0);
            // An address that is only handed in may well be an own one.
            bits & flags::UNCHANGED_REFCOUNT == 0 && (own() || bits & flags::FROM_ADDRESS != 0)
        }
        ModuleSource::AddRef => own(),
        ModuleSource::Load => {
            own() || loads_own_path(engines.program, site, effect, &engines.origins)
        }
        _ => false,
    }
}

/// The functions that take a reference on the own module, themselves or through what they call.
pub(super) fn takers(engines: &Engines) -> FxHashSet<FnId> {
    let program = engines.program;
    let mut pending: Vec<FnId> = program
        .ids()
        .filter(|&id| {
            program.calls(id).iter().any(|call| {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                call.effects
                    .iter()
                    .any(|effect| takes_reference(engines, site, effect.effect()))
            })
        })
        .collect();
    let mut all: FxHashSet<FnId> = pending.iter().copied().collect();
    while let Some(id) = pending.pop() {
        for caller in program.callers(id) {
            if all.insert(caller.function) {
                pending.push(caller.function);
            }
        }
    }
    all
}

/// Whether a reference on the own module is taken before a statement, in its function or on the way to it.
/// A thread that is created suspended has not run before the function's end.
pub(super) fn is_referenced(
    engines: &Engines,
    takers: &FxHashSet<FnId>,
    site: Site,
    suspended: bool,
) -> bool {
    let program = engines.program;
    let mut at = vec![site];
    let mut seen = vec![site.function];
    while let Some(here) = at.pop() {
        let taken = program.calls(here.function).iter().any(|call| {
            let other = Site {
                function: here.function,
                stmt: call.stmt,
            };
            other != here
                && (call
                    .effects
                    .iter()
                    .any(|effect| takes_reference(engines, other, effect.effect()))
                    || call
                        .targets
                        .iter()
                        .any(|target| takers.contains(&target.function))
                    || makes_taker(engines, takers, other))
                && ((suspended && here == site)
                    || engines.flow.can_follow(here.function, call.stmt, here.stmt))
        });
        if taken {
            return true;
        }
        for &caller in program.callers(here.function) {
            if seen.len() < 64 && !seen.contains(&caller.function) {
                seen.push(caller.function);
                at.push(caller);
            }
        }
    }
    false
}

/// Whether a call makes an object whose constructor, or a member's, takes a reference: `std::make_unique<Job>()`.
fn makes_taker(engines: &Engines, takers: &FxHashSet<FnId>, site: Site) -> bool {
    let program = engines.program;
    let constructs = program
        .call(site)
        .is_some_and(|call| call.targets.is_empty());
    if takers.is_empty() || !constructs {
        return false;
    }
    let Some((text, unit)) = program.type_of_value(site.function, &Value::Result(site.stmt)) else {
        return false;
    };
    let takes = |class: TypeId| {
        program
            .methods(class)
            .iter()
            .any(|id| program.function(*id).kind == FunctionKind::Ctor && takers.contains(id))
    };
    program.led_class(&text, unit).is_some_and(|class| {
        takes(class)
            || program.type_def(class).fields.iter().any(|field| {
                program
                    .class_of_text(&field.type_text, program.type_unit(class))
                    .is_some_and(takes)
            })
    })
}

/// Whether what runs on a thread or in a callback gives back a reference on the own module: then it owns one.
/// A callback whose FreeLibrary takes the host's reference does not, so of those only the end of the thread counts.
pub(super) fn gives_own_back(engines: &Engines, entry: usize) -> bool {
    let is_pool = engines.entries[entry].kind.is_pool();
    engines.walk(entry).hits.iter().any(|hit| {
        let (
            Effect::ModuleUnref {
                module,
                exits_thread,
            },
            Some(at),
        ) = (hit.effect.effect(), hit.site)
        else {
            return false;
        };
        let value = engines.program.argument_value(at, *module);
        match engines.origins.of(at.function, &value) {
            Origin::Own => *exits_thread || !is_pool,
            Origin::Unknown => *exits_thread,
            _ => false,
        }
    })
}

/// Whether a function is a macro that nobody uses.
fn runs_nowhere(program: &Program, id: FnId) -> bool {
    program.callers(id).is_empty() && program.function(id).kind == FunctionKind::Macro
}

/// Whether a function runs only under the loader lock: whatever leads to it begins in DllMain, a static's destructor
/// or their kin.
pub(super) fn only_under_loader_lock(engines: &Engines, function: FnId) -> bool {
    let program = engines.program;
    let under_lock = |id: FnId| {
        engines.entries.iter().any(|entry| {
            (entry.kind.is_dll_main() || entry.kind.is_destructor())
                && matches!(entry.runs, Runs::Function(entry) if entry == id)
        })
    };
    let mut pending = vec![function];
    let mut seen: FxHashSet<_> = [function].into_iter().collect();
    let mut found = false;
    while let Some(id) = pending.pop() {
        let callers = program.callers(id);
        let entered = under_lock(id);
        found |= entered;
        let exported = program.function(id).linkage == crate::ir::Linkage::Exported;
        if !entered && !runs_nowhere(program, id) && (callers.is_empty() || exported) {
            return false;
        }
        for caller in callers {
            if seen.len() < 512 && seen.insert(caller.function) {
                pending.push(caller.function);
            }
        }
    }
    found
}

/// Whether a thread procedure or callback is code of this module. What the table knows is another module's, and what
/// only a name tells is taken for code that is linked in.
pub(super) fn is_own_procedure(engines: &Engines, function: FnId, value: &Value) -> bool {
    let program = engines.program;
    if !program.functions_of(function, value).is_empty() {
        return true;
    }
    match value {
        Value::Place(place) | Value::AddressOf(place) if place.path.is_empty() => {
            matches!(&place.root, Root::Global(name)
                if !program.api.knows(crate::api::last_segment(name))
                    && program.declares(name)
                    && !matches!(program.meaning(function, name), Meaning::Static(_)))
        }
        _ => false,
    }
}

/// What becomes of a handle.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fate {
    /// Nobody looks at it.
    Discarded,
    /// Only closed or detached.
    Closed(Site),
    /// Somebody waits for it and is free to: or nobody knows where it goes.
    Kept,
    /// Only DllMain or a destructor waits for it, under the loader lock.
    WaitedUnderLock(Site),
    /// Kept in a static or member that nobody ever waits for.
    NeverWaited,
}

/// Follows the handle that a call gives.
pub(super) fn fate_of(engines: &Engines, site: Site, handle: Arg) -> Fate {
    let program = engines.program;
    let mut closed = None;
    if let Arg::Index(_) = handle {
        let Some(key) = engines.flow.key_of(site, handle) else {
            return Fate::Kept;
        };
        return if key.is_global() {
            fate_of_key(engines, &key)
        } else {
            match program.argument_value(site, handle).place() {
                Some(place) => fate_in_function(engines, site, vec![place], &mut closed),
                None => Fate::Kept,
            }
        };
    }
    fate_in_function(engines, site, Vec::new(), &mut closed)
}

fn fate_in_function(
    engines: &Engines,
    site: Site,
    mut names: Vec<Place>,
    closed: &mut Option<Site>,
) -> Fate {
    let program = engines.program;
    let function = program.function(site.function);
    let mut results: BTreeSet<StmtId> = BTreeSet::from([site.stmt]);
    let mut places: BTreeSet<Key> = BTreeSet::new();
    // Only statements that name it can do anything to it.
    let uses = engines.flow.uses(site.function);
    let mut naming: BTreeSet<StmtId> = uses
        .of_root(&Root::Result(site.stmt))
        .iter()
        .copied()
        .collect();
    for name in &names {
        naming.extend(uses.of_root(&name.root));
    }
    // Twice, because a loop's body may use what stands further down.
    for _ in 0..2 {
        let mut next = StmtId(0);
        while let Some(&stmt_id) = naming.range(next..).next() {
            next = StmtId(stmt_id.0 + 1);
            let stmt = function.stmt(stmt_id);
            let is_handle = |value: &Value| match value {
                Value::Result(stmt) => results.contains(stmt),
                Value::Place(place) | Value::AddressOf(place) => {
                    names.contains(place)
                        || matches!(place.root, Root::Result(stmt) if results.contains(&stmt))
                }
                _ => false,
            };
            match &stmt.kind {
                StmtKind::Assign { to, value } if is_handle(value) => match to.root {
                    Root::Local(local) if to.path.is_empty() => {
                        // The first value of a reference binds it; what is put into it then goes to what it stands for.
                        let is_reference = function
                            .locals
                            .get(local as usize)
                            .is_some_and(|local| local.type_text.trim_end().ends_with('&'));
                        let mut before = function.stmts.iter().take(stmt_id.0 as usize);
                        let is_bound = is_reference
                            && before.any(|stmt| {
                                matches!(&stmt.kind, StmtKind::Assign { to: bound, .. } if bound == to)
                            });
                        if is_bound {
                            return Fate::Kept;
                        }
                        if !names.contains(to) {
                            naming.extend(uses.of_root(&to.root));
                            names.push(to.clone());
                        }
                    }
                    _ => match program.key_of_target(site.function, to) {
                        Some(key) if key.is_global() => {
                            places.insert(key);
                        }
                        _ => return Fate::Kept,
                    },
                },
                StmtKind::Return { value: Some(value) } if is_handle(value) => {
                    return match result_of(engines, site.function) {
                        Some(outer) => fate_in_function(engines, outer, Vec::new(), closed),
                        None => Fate::Kept,
                    };
                }
                StmtKind::Call { callee, args } if stmt_id != site.stmt => {
                    let by_receiver =
                        matches!(callee, Callee::Method { receiver, .. } if is_handle(receiver));
                    if !by_receiver && !args.iter().any(is_handle) {
                        continue;
                    }
                    let here = Site {
                        function: site.function,
                        stmt: stmt_id,
                    };
                    match use_of(engines, here) {
                        Use::Closes => *closed = Some(here),
                        Use::Passes => {
                            naming.extend(uses.of_root(&Root::Result(stmt_id)));
                            results.insert(stmt_id);
                        }
                        Use::Looks => {}
                        Use::Other => return Fate::Kept,
                    }
                }
                StmtKind::Drop { place, .. } if names.contains(place) => {
                    // A destructor that waits.
                    let here = Site {
                        function: site.function,
                        stmt: stmt_id,
                    };
                    if program.call(here).is_some_and(|call| {
                        call.effects
                            .iter()
                            .any(|effect| matches!(effect.effect(), Effect::Wait { .. }))
                    }) {
                        return Fate::Kept;
                    }
                }
                _ => {}
            }
        }
    }
    // A lambda that holds it.
    let captured = program.ids().any(|id| {
        program.enclosing(id) == Some(site.function)
            && program
                .function(id)
                .captures
                .iter()
                .any(|capture| match &capture.value {
                    Value::Place(place) | Value::AddressOf(place) => names.contains(place),
                    Value::Result(stmt) => results.contains(stmt),
                    _ => false,
                })
    });
    if captured {
        return Fate::Kept;
    }
    if let Some(key) = places.into_iter().next() {
        return fate_of_key(engines, &key);
    }
    match *closed {
        Some(site) => Fate::Closed(site),
        None => Fate::Discarded,
    }
}

/// The call that runs a closure of Rust and gives back what it gives: `catch_unwind(|| thread::spawn(run))`.
fn result_of(engines: &Engines, closure: FnId) -> Option<Site> {
    let program = engines.program;
    if program.lang(closure) != crate::source::Lang::Rust {
        return None;
    }
    let around = program.enclosing(closure)?;
    program.calls(around).iter().find_map(|call| {
        let site = Site {
            function: around,
            stmt: call.stmt,
        };
        let StmtKind::Call {
            callee: Callee::Named(_),
            ..
        } = &program.function(around).stmt(call.stmt).kind
        else {
            return None;
        };
        let [effect] = &call.effects[..] else {
            return None;
        };
        let Effect::RunsHere { argument } = effect.effect() else {
            return None;
        };
        (program.functions_of(around, &program.argument_value(site, *argument)) == [closure])
            .then_some(site)
    })
}

enum Use {
    Closes,
    Passes,
    /// It keeps nothing of it.
    Looks,
    Other,
}

fn use_of(engines: &Engines, site: Site) -> Use {
    let Some(call) = engines.program.call(site) else {
        return Use::Other;
    };
    if !call.targets.is_empty() || call.effects.is_empty() {
        return Use::Other;
    }
    let mut found = Use::Looks;
    for effect in &call.effects {
        match effect.effect() {
            Effect::CloseHandle { .. } | Effect::Detach { .. } => found = Use::Closes,
            Effect::Passes { .. } => found = Use::Passes,
            Effect::KeepsNothing | Effect::Reads { .. } | Effect::Terminate { .. } => {}
            _ => return Use::Other,
        }
    }
    found
}

fn fate_of_key(engines: &Engines, key: &Key) -> Fate {
    let program = engines.program;
    let key = key.clone().without_index();
    let mut under_lock = None;
    for id in program.ids().filter(|&id| !runs_nowhere(program, id)) {
        for event in engines.flow.events(id) {
            if event.what == What::Wait && event.key.clone().without_index() == key {
                if !only_under_loader_lock(engines, id) {
                    return Fate::Kept;
                }
                under_lock = Some(event.site);
            }
        }
    }
    if let Some(site) = under_lock {
        return Fate::WaitedUnderLock(site);
    }
    let mut closed = None;
    for id in program.ids() {
        for call in program.calls(id) {
            let StmtKind::Call { callee, args } = &program.function(id).stmt(call.stmt).kind else {
                continue;
            };
            let is_handle = |value: &Value| {
                value.place().is_some_and(|place| {
                    matches!(
                        place.root,
                        Root::Global(_) | Root::This | Root::Local(_) | Root::Param(_)
                    ) && program
                        .key(id, &place)
                        .is_some_and(|other| other.clone().without_index() == key)
                })
            };
            let by_receiver =
                matches!(callee, Callee::Method { receiver, .. } if is_handle(receiver));
            // What starts a thread only puts the handle there.
            let starts = || {
                let mut effects = call.effects.iter();
                effects.any(|effect| matches!(effect.effect(), Effect::Spawn { .. }))
            };
            if (!by_receiver && !args.iter().any(is_handle)) || starts() {
                continue;
            }
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            match use_of(engines, site) {
                Use::Closes => closed = Some(site),
                Use::Looks => {}
                Use::Passes | Use::Other => return Fate::Kept,
            }
        }
    }
    match closed {
        Some(site) => Fate::Closed(site),
        None => Fate::NeverWaited,
    }
}

/// Whether an effect's condition holds as far as constants tell.
pub(super) fn can_hold(engines: &Engines, site: Site, effect: &CallEffect) -> bool {
    effect.when().is_none_or(|when| {
        engines
            .program
            .argument(site, when.arg)
            .and_then(|value| engines.program.constant(site.function, value))
            .is_none_or(|constant| crate::reach::Abstract::from(constant).meets(when.is, when.flag))
    })
}
