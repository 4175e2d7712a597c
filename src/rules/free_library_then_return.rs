//! A module that frees itself and goes on executing. See `rules/free_library_then_return.md`.

use super::{Engines, Finding, Findings, keeps_loaded, remedy};
use crate::api::{Arg, Effect, ModuleSource, ThreadRef};
use crate::diagnostic::Role;
use crate::entry::{EntryKind, Runs};
use crate::flow::Loop;
use crate::ir::{BlockId, Cond, Guard, Op, Value};
use crate::program::origin::{Origin, flags};
use crate::program::{FnId, KeyRoot, Site};

pub fn check(engines: &Engines, findings: &mut Findings) {
    let program = engines.program;
    if !engines.may_be_dll() || engines.handles.pinned {
        return;
    }
    for id in program.own_ids() {
        for call in program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            for effect in &call.effects {
                let Effect::ModuleUnref {
                    module,
                    exits_thread: false,
                } = effect.effect()
                else {
                    continue;
                };
                let value = program.argument_value(site, *module);
                for place in own_frees(engines, site, &value, 3) {
                    if program.is_own_file(program.file(place.function))
                        && !gives_back_several(engines, place)
                    {
                        judge(engines, findings, site, place);
                    }
                }
            }
        }
    }
}

/// Whether the module ends by its own will: its code gives back a reference that it has not taken itself.
pub(super) fn frees_itself(engines: &Engines) -> bool {
    let program = engines.program;
    if engines.handles.pinned || takes_references(engines) {
        return false;
    }
    let frees = |site: Site| {
        let effects = program.call(site).map_or(&[][..], |call| &call.effects);
        effects.iter().any(|effect| {
            let Effect::ModuleUnref { module, .. } = effect.effect() else {
                return false;
            };
            let value = program.argument_value(site, *module);
            let places = own_frees(engines, site, &value, 3);
            places
                .into_iter()
                .any(|place| !is_balanced(engines, place) && !gives_back_several(engines, place))
        })
    };
    program.own_ids().any(|function| {
        let mut calls = program.calls(function).iter();
        calls.any(|call| {
            frees(Site {
                function,
                stmt: call.stmt,
            })
        })
    })
}

/// Where the own module is given to a call that frees a module: the call itself, or, where that stands in a helper that
/// frees other modules too, those calls of the helper that hand it the own one.
pub(super) fn own_frees(engines: &Engines, site: Site, value: &Value, depth: u8) -> Vec<Site> {
    if engines.origins.of(site.function, value) == Origin::Own {
        return vec![site];
    }
    let program = engines.program;
    let Some(KeyRoot::Param(helper, index)) = program
        .key_of_value(site.function, value)
        .filter(|key| key.path.is_empty())
        .map(|key| key.root)
    else {
        return Vec::new();
    };
    if depth == 0 || helper != site.function {
        return Vec::new();
    }
    program
        .callers(helper)
        .iter()
        .filter_map(|&caller| {
            let value = program.argument(caller, Arg::Index(index as u8))?;
            Some(own_frees(engines, caller, value, depth - 1))
        })
        .flatten()
        .collect()
}

/// Judges the free of the own module by `free`, or by its helper at `site`.
fn judge(engines: &Engines, findings: &mut Findings, free: Site, site: Site) {
    let program = engines.program;
    let taker = taker(engines, site);
    let mut thread: Option<(usize, usize, usize, ThreadRef)> = None;
    let mut in_dll_main = false;
    for (number, entry) in engines.entries.iter().enumerate() {
        let walk = engines.walk(number);
        let reached = walk
            .hits
            .iter()
            .filter(|hit| hit.site == Some(free))
            .filter_map(|hit| hit.node)
            .filter(|&node| free == site || walk.path(node).iter().any(|step| step.1 == site));
        for node in reached {
            match entry.kind {
                // A rule of its own.
                kind if kind.is_pool() => return,
                EntryKind::ThreadProcedure(reference) => {
                    if taker.is_some_and(|taker| !is_last_reference(engines, number, node, taker)) {
                        continue;
                    }
                    let found = (walk.path(node).len(), number, node, reference);
                    if thread.as_ref().is_none_or(|known| found.0 < known.0) {
                        thread = Some(found);
                    }
                }
                _ => in_dll_main = true,
            }
        }
    }
    // Under the loader lock FreeLibrary is forbidden, but frees nothing that is executing.
    if thread.is_none() && (in_dll_main || taker.is_some() || takes_references(engines)) {
        return;
    }
    let callee = engines.callee(site);
    let function = program.describe(site.function);
    let mut related = Vec::new();
    let mut notes = Vec::new();
    let mut steps = Vec::new();
    if free != site {
        related.push(engines.label(
            free,
            format!("`{}` frees it", engines.callee(free)),
            Role::Related,
        ));
    }
    let mut help = "end the thread with FreeLibraryAndExitThread instead of freeing and returning; destroy locals with destructors in an inner scope before it";
    let mut minor = !engines.is_surely_dll();
    if taker.is_some() {
        notes.push("the thread takes this reference itself: if the host has freed the DLL meanwhile, it is the last one".to_string());
    }
    match thread {
        Some((_, entry, node, reference)) => {
            steps = engines.steps(entry, Some(node));
            if let Some(start) = engines.entries[entry].registered {
                related.push(engines.label(start, "the thread is started here", Role::Related));
            }
            if reference == ThreadRef::Ucrt {
                minor = true;
                help = "simply return from the thread procedure: the UCRT of Visual Studio 2015 and later frees its own reference after the procedure has returned";
                notes.push("the UCRT of Visual Studio 2015 and later keeps the module of a `_beginthreadex` or std::thread procedure loaded; older and other runtimes do not".to_string());
            }
        }
        None => {
            help = "let the code outside the DLL free it, or start a thread that ends with FreeLibraryAndExitThread"
        }
    }
    notes.push("when this was the last reference the code after the call is no longer mapped: the thread crashes where no symbol names the DLL".to_string());
    let fix = (free == site && thread.is_some())
        .then(|| remedy::end_thread(engines, site))
        .flatten();
    let finding = Finding {
        rule: "free_library_then_return",
        message: format!(
            "{function} frees its own module with `{callee}` and then goes on executing in it"
        ),
        primary: engines.label(
            site,
            "the code after this call is unmapped when this was the last reference",
            Role::Primary,
        ),
        steps,
        related,
        help: help.to_string(),
        notes,
        minor,
    };
    findings.add_with(finding, fix);
}

/// Whether the free stands in a loop that goes on after it has succeeded: it gives back a number of references that
/// somebody has counted, and nobody can say that the last one is among them. `while (!FreeLibrary(self))` does not.
fn gives_back_several(engines: &Engines, site: Site) -> bool {
    let function = engines.program.function(site.function);
    if engines
        .flow
        .loop_of(site.function, site.stmt)
        .is_none_or(|kind| kind == Loop::Endless)
    {
        return false;
    }
    let result = Value::Result(site.stmt);
    let succeeded = |guard: &Guard| match &guard.cond {
        Cond::Compare { left, op, right } if *left == result || *right == result => match op {
            Op::Eq => Some(!guard.holds),
            Op::Ne => Some(guard.holds),
            _ => None,
        },
        _ => None,
    };
    // Where its result decides, only the way of success counts.
    let stops = |from: BlockId, to: BlockId| {
        function.block(from).next.iter().any(|edge| {
            edge.to == to
                && edge
                    .when
                    .iter()
                    .any(|guard| succeeded(guard) == Some(false))
        })
    };
    let home = function
        .blocks
        .iter()
        .position(|block| block.stmts.contains(&site.stmt));
    let Some(home) = home.map(|index| BlockId(index as u32)) else {
        return false;
    };
    let mut seen = vec![false; function.blocks.len()];
    let mut pending = vec![home];
    while let Some(block) = pending.pop() {
        for edge in &function.block(block).next {
            if stops(block, edge.to) || std::mem::replace(&mut seen[edge.to.0 as usize], true) {
                continue;
            }
            if edge.to == home {
                return true;
            }
            pending.push(edge.to);
        }
    }
    false
}

/// Whether a reference on the own module is taken earlier in the same function or on the way to it: then this free only
/// gives it back, and the caller's reference stays.
pub(super) fn is_balanced(engines: &Engines, site: Site) -> bool {
    taker(engines, site).is_some()
}

/// The function that takes the reference on the own module which is given back here: the same one, or one on the way to it.
pub(super) fn taker(engines: &Engines, site: Site) -> Option<FnId> {
    let mut at = vec![site];
    let mut seen = vec![site.function];
    while let Some(site) = at.pop() {
        let taken = engines.program.calls(site.function).iter().any(|call| {
            let other = Site {
                function: site.function,
                stmt: call.stmt,
            };
            call.effects
                .iter()
                .any(|effect| takes_own_reference(engines, other, effect.effect()))
                && engines.flow.can_follow(site.function, call.stmt, site.stmt)
        });
        if taken {
            return Some(site.function);
        }
        for &caller in engines.program.callers(site.function) {
            if seen.len() < 32 && !seen.contains(&caller.function) {
                seen.push(caller.function);
                at.push(caller);
            }
        }
    }
    None
}

/// Whether a reference that a thread or a callback takes and gives back itself, the one in `taker`, the other at a node of
/// its walk, can be the last one: the host may free the DLL in between. It can't where whoever starts it has taken one for
/// it, or where it ends with the call that frees the module behind its last instruction.
pub(super) fn is_last_reference(engines: &Engines, entry: usize, node: usize, taker: FnId) -> bool {
    let program = engines.program;
    let walk = engines.walk(entry);
    let is_inside = matches!(engines.entries[entry].runs, Runs::Function(first) if first == taker)
        || walk.path(node).iter().any(|&(_, call)| {
            call.function == taker
                || program
                    .call(call)
                    .is_some_and(|call| call.targets.iter().any(|to| to.function == taker))
        });
    let owns = || {
        walk.hits.iter().any(|hit| {
            let effect = hit.effect.effect();
            matches!(
                effect,
                Effect::ModuleUnref {
                    exits_thread: true,
                    ..
                }
            )
        })
    };
    let is_given = || {
        engines.entries[entry].registered.is_none_or(|start| {
            keeps_loaded::is_referenced(engines, &keeps_loaded::takers(engines), start, false)
        })
    };
    is_inside && !owns() && !is_given()
}

/// Whether the program anywhere takes a reference on its own module.
fn takes_references(engines: &Engines) -> bool {
    engines.program.ids().any(|id| {
        engines.program.calls(id).iter().any(|call| {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            call.effects
                .iter()
                .any(|effect| takes_own_reference(engines, site, effect.effect()))
        })
    })
}

fn takes_own_reference(engines: &Engines, site: Site, effect: &Effect) -> bool {
    let Effect::ModuleRef { source, flags, .. } = effect else {
        return false;
    };
    match source {
        ModuleSource::Ex => {
            let bits = flags
                .and_then(|flags| engines.origins.flags(site, flags))
                .unwrap_or(0);
            // An address that is only handed in may well be an own one.
            bits & flags::UNCHANGED_REFCOUNT == 0
                && (engines.origins.of_reference(site, effect) == Origin::Own
                    || bits & flags::FROM_ADDRESS != 0)
        }
        ModuleSource::AddRef => engines.origins.of_reference(site, effect) == Origin::Own,
        ModuleSource::Load => engines.origins.of_reference(site, effect) == Origin::Own,
        _ => false,
    }
}
