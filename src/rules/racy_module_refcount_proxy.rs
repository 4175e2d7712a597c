//! One module reference shared through a counter. See `rules/racy_module_refcount_proxy.md`.

use super::keeps_loaded::takes_reference;
use super::{Engines, Finding, Findings};
use crate::api::Effect;
use crate::diagnostic::Role;
use crate::ir::{Cond, Guard, Root, StmtId, StmtKind, Value};
use crate::locks::holds;
use crate::program::origin::Origin;
use crate::program::{FnId, Key, Site};

pub fn check(engines: &Engines, findings: &mut Findings) {
    if !engines.may_be_dll() {
        return;
    }
    let mut taken: Vec<(Key, Site)> = Vec::new();
    let mut given: Vec<(Key, Site)> = Vec::new();
    for id in engines.program.own_ids() {
        for call in engines.program.calls(id) {
            let count = Site {
                function: id,
                stmt: call.stmt,
            };
            for effect in &call.effects {
                let Effect::RefCount { object, up } = effect.effect() else {
                    continue;
                };
                if !holds(engines.program, count, effect) {
                    continue;
                }
                let Some(key) = engines.flow.key_of(count, *object) else {
                    continue;
                };
                let wanted = |site: Site, effect: &Effect| {
                    if *up {
                        takes_reference(engines, site, effect)
                    } else {
                        gives_back(engines, site, effect)
                    }
                };
                if let Some(site) = decided_by(engines, count, wanted) {
                    if *up { &mut taken } else { &mut given }.push((key, site));
                }
            }
        }
    }
    for (key, release) in given {
        if let Some((_, reference)) = taken.iter().find(|(other, _)| *other == key) {
            report(engines, findings, *reference, release);
        }
    }
}

fn gives_back(engines: &Engines, site: Site, effect: &Effect) -> bool {
    let Effect::ModuleUnref { module, .. } = effect else {
        return false;
    };
    let value = engines.program.argument_value(site, *module);
    engines.origins.of(site.function, &value) == Origin::Own
}

/// A call that is made only where a counter's new value is the first or the last one.
fn decided_by(
    engines: &Engines,
    count: Site,
    wanted: impl Fn(Site, &Effect) -> bool,
) -> Option<Site> {
    engines
        .program
        .calls(count.function)
        .iter()
        .find_map(|call| {
            let site = Site {
                function: count.function,
                stmt: call.stmt,
            };
            (call
                .effects
                .iter()
                .any(|effect| wanted(site, effect.effect()))
                && engines
                    .flow
                    .can_follow(count.function, count.stmt, call.stmt)
                && is_decided(engines, count.function, count.stmt, call.stmt))
            .then_some(site)
        })
}

/// Whether every way to a statement passes a comparison of a call's result with 0 or 1.
fn is_decided(engines: &Engines, function: FnId, count: StmtId, stmt: StmtId) -> bool {
    let body = engines.program.function(function);
    let is_end = |value: &Value| matches!(value, Value::Const(0 | 1) | Value::Null);
    let compares = |cond: &Cond, is_count: &dyn Fn(&Value) -> bool| match cond {
        Cond::Compare { left, right, .. } => {
            (is_count(left) && is_end(right)) || (is_count(right) && is_end(left))
        }
        _ => false,
    };
    let is_result = |value: &Value| *value == Value::Result(count);
    // The result, or a local that keeps it, or keeps what the comparison says.
    let is_count = |value: &Value| match value {
        Value::Place(place) if matches!(place.root, Root::Local(_)) => {
            body.stmts.iter().any(|other| match &other.kind {
                StmtKind::Assign { to, value } if to == place => match value {
                    Value::Cond(cond) => compares(cond, &is_result),
                    value => is_result(value),
                },
                _ => false,
            })
        }
        value => is_result(value),
    };
    let tests = |guard: &Guard| compares(&guard.cond, &is_count);
    body.block_of(stmt)
        .is_none_or(|block| !body.leads_to(block, |_, edge| !edge.when.iter().any(tests)))
}

fn report(engines: &Engines, findings: &mut Findings, reference: Site, release: Site) {
    let program = engines.program;
    let mut notes = vec![
        "the thread whose count is not the last one still has to leave the DLL's code, while the one that counts down to zero frees the module under it".to_string(),
        "and the thread that counts up second goes on before the first one has taken the reference".to_string(),
        "a lock around both does not help: the way out of the DLL's code comes after the lock".to_string(),
    ];
    if !engines.is_surely_dll() {
        notes.push(super::NO_DLL.to_string());
    }
    findings.add(Finding {
        rule: "racy_module_refcount_proxy",
        message: format!(
            "{} gives back the one reference on its module that all threads share through a counter",
            program.describe(release.function)
        ),
        primary: engines.label(
            release,
            "other threads that count as gone are still in the module",
            Role::Primary,
        ),
        steps: vec![engines.label(
            reference,
            format!(
                "{} takes the reference only when it counts first",
                program.describe(reference.function)
            ),
            Role::Step,
        )],
        related: Vec::new(),
        help: "take one reference for each thread or callback, GetModuleHandleEx is cheap, and let each end with FreeLibraryAndExitThread or FreeLibraryWhenCallbackReturns; or pin the module".to_string(),
        notes,
        minor: !engines.is_surely_dll(),
    });
}
