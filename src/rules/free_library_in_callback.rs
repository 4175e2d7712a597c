//! A thread pool callback that frees its own module. See `rules/free_library_in_callback.md`.

use super::free_library_then_return::{is_last_reference, own_frees, taker};
use super::{Engines, Finding, Findings, others, remedy, the_callback};
use crate::api::{Effect, PoolObject};
use crate::diagnostic::Role;
use crate::entry::EntryKind;
use crate::program::Site;
use std::collections::{BTreeMap, BTreeSet};

pub fn check(engines: &Engines, findings: &mut Findings) {
    if engines.may_be_dll() {
        frees_own_module(engines, findings);
    }
    releases_twice(engines, findings);
}

fn frees_own_module(engines: &Engines, findings: &mut Findings) {
    let mut places: BTreeMap<Site, Vec<(usize, usize, usize)>> = BTreeMap::new();
    for (number, _) in engines.entries_of(EntryKind::is_pool) {
        let walk = engines.walk(number);
        for hit in &walk.hits {
            if let (
                Effect::ModuleUnref {
                    module,
                    exits_thread: false,
                },
                Some(site),
                Some(node),
            ) = (hit.effect.effect(), hit.site, hit.node)
            {
                let value = engines.program.argument_value(site, *module);
                let path = walk.path(node);
                // The call that frees, or the call of its helper on this path.
                let place = own_frees(engines, site, &value, 3)
                    .into_iter()
                    .find(|place| *place == site || path.iter().any(|step| step.1 == *place));
                if let Some(place) = place
                    && taker(engines, place)
                        .is_none_or(|taker| is_last_reference(engines, number, node, taker))
                {
                    places
                        .entry(place)
                        .or_default()
                        .push((path.len(), number, node));
                }
            }
        }
    }
    for (site, mut found) in places {
        found.sort();
        let (_, entry, node) = found[0];
        let count = found
            .iter()
            .map(|found| found.1)
            .collect::<BTreeSet<_>>()
            .len()
            - 1;
        let callback = &engines.entries[entry].name;
        let callee = engines.callee(site);
        // The pool keeps the callback library while the callback runs.
        let kept = engines.flow.pool.iter().any(|creation| {
            Some(creation.site) == engines.entries[entry].registered
                && engines.flow.has_library(creation)
        });
        let mut related = Vec::new();
        if let Some(start) = engines.entries[entry].registered {
            related.push(engines.label(
                start,
                format!("{callback} is handed to the thread pool here"),
                Role::Related,
            ));
        }
        let legacy = matches!(
            engines.entries[entry].kind,
            EntryKind::PoolTask
                | EntryKind::PoolCallback(
                    PoolObject::LegacyWork
                        | PoolObject::LegacyWait
                        | PoolObject::LegacyTimer
                        | PoolObject::LegacyIo
                )
        );
        let help = if legacy {
            "a callback of the old thread pool calls has no instance to free the module with: move it to TrySubmitThreadpoolCallback or CreateThreadpool*, call FreeLibraryWhenCallbackReturns there and return"
        } else {
            "call FreeLibraryWhenCallbackReturns with the callback's instance and return: the pool drops the reference after the callback has left the DLL's code"
        };
        let fix = (!kept)
            .then(|| remedy::free_on_return(engines, site))
            .flatten();
        let finding = Finding {
            rule: "free_library_in_callback",
            message: format!(
                "{} frees its own module with `{callee}` and then goes on executing in it",
                the_callback(callback)
            ),
            primary: engines.label(
                site,
                "the code after this call is unmapped when this was the last reference",
                Role::Primary,
            ),
            steps: engines.steps(entry, Some(node)),
            related,
            help: help.to_string(),
            notes: others(count, "callback").into_iter().collect(),
            minor: !engines.is_surely_dll() || kept,
        };
        findings.add_with(finding, fix);
    }
}

/// SetThreadpoolCallbackLibrary hands the reference to the pool; a FreeLibrary of the same handle gives it back twice.
fn releases_twice(engines: &Engines, findings: &mut Findings) {
    let program = engines.program;
    let given: Vec<_> = program
        .effects()
        .filter_map(|(site, effect)| match effect.effect() {
            Effect::TpEnv {
                library: Some(library),
                ..
            } => Some((engines.flow.key_of(site, *library)?, site)),
            _ => None,
        })
        .collect();
    for (key, start) in given {
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    let Effect::ModuleUnref { module, .. } = effect.effect() else {
                        continue;
                    };
                    if engines.flow.key_of(site, *module).as_ref() != Some(&key) {
                        continue;
                    }
                    if id == start.function && !engines.flow.can_follow(id, start.stmt, call.stmt) {
                        continue;
                    }
                    findings.add(Finding {
                        rule: "free_library_in_callback",
                        message: format!("{} frees a module whose reference SetThreadpoolCallbackLibrary has taken over", program.describe(id)),
                        primary: engines.label(site, "gives back the same reference a second time", Role::Primary),
                        steps: vec![engines.label(start, "the pool takes over the reference here", Role::Step)],
                        related: Vec::new(),
                        help: "leave this reference to the pool, which frees it with the last callback; take one of your own with GetModuleHandleEx if you need the module longer".to_string(),
                        notes: vec!["the count reaches zero while somebody still relies on a reference: the module is unmapped under code that runs in it".to_string()],
                        minor: false,
                    });
                }
            }
        }
    }
}
