//! A thread pool callback that ends the pool's thread. See `rules/exit_thread_in_callback.md`.

use super::{Engines, Finding, Findings, others, the_callback};
use crate::api::Effect;
use crate::diagnostic::Role;
use crate::program::Site;
use std::collections::BTreeMap;

const REASON: &str = "the pool never learns that the callback has ended: whoever waits for it waits for ever, and what the pool does \
    when a callback returns (set an event, leave a critical section, free a library) is not done";

pub fn check(engines: &Engines, findings: &mut Findings) {
    let mut places: BTreeMap<Site, Vec<(usize, usize, usize)>> = BTreeMap::new();
    for (number, _) in engines.entries_of(|kind| kind.is_pool()) {
        let walk = engines.walk(number);
        for hit in &walk.hits {
            let ends = match hit.effect.effect() {
                Effect::ExitThread
                | Effect::ModuleUnref {
                    exits_thread: true, ..
                } => true,
                Effect::Terminate { target } => hit
                    .site
                    .is_some_and(|site| is_current_thread(engines, site, *target)),
                _ => false,
            };
            if let (true, Some(site), Some(node)) = (ends, hit.site, hit.node) {
                places
                    .entry(site)
                    .or_default()
                    .push((walk.path(node).len(), number, node));
            }
        }
    }
    for (site, mut found) in places {
        found.sort();
        let (_, entry, node) = found[0];
        let count = found
            .iter()
            .map(|found| found.1)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            - 1;
        let callback = &engines.entries[entry].name;
        let callee = engines.callee(site);
        let walk = engines.walk(entry);
        let place = engines.labelled(&walk.path(node), site, |caller| {
            walk.nodes
                .iter()
                .any(|node| node.function == caller.function)
        });
        let mut related = Vec::new();
        if let Some(start) = engines.entries[entry].registered {
            related.push(engines.label(
                start,
                format!("{callback} is handed to the thread pool here"),
                Role::Related,
            ));
        }
        findings.add(Finding {
            rule: "exit_thread_in_callback",
            message: format!("`{callee}` ends a thread that belongs to the thread pool, in {}", the_callback(callback)),
            primary: engines.label(place, "ends the pool's thread", Role::Primary),
            steps: engines.steps(entry, Some(node)),
            related,
            help: "return from the callback: the pool keeps the thread for its next callback; to drop a reference on the DLL call FreeLibraryWhenCallbackReturns and return".to_string(),
            notes: [REASON.to_string()]
                .into_iter()
                .chain(others(count, "callback"))
                .collect(),
            minor: false,
        });
    }
}

fn is_current_thread(engines: &Engines, site: Site, target: crate::api::Arg) -> bool {
    let value = engines.program.argument_value(site, target);
    // GetCurrentThread() is the pseudo handle -2: https://learn.microsoft.com/en-us/windows/win32/api/processthreadsapi/nf-processthreadsapi-getcurrentthread
    engines
        .program
        .constant(site.function, &value)
        .and_then(|constant| constant.number())
        == Some(-2)
}
