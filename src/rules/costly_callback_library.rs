//! The callback library of a thread pool environment, which costs. See `rules/costly_callback_library.md`.

use super::{Engines, Finding, Findings};
use crate::api::{Effect, ModuleSource};
use crate::diagnostic::Role;
use crate::program::Site;
use crate::program::origin::Origin;

pub fn check(engines: &Engines, findings: &mut Findings) {
    let program = engines.program;
    for id in program.own_ids() {
        for call in program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            for effect in &call.effects {
                let Effect::TpEnv {
                    library: Some(library),
                    ..
                } = effect.effect()
                else {
                    continue;
                };
                let value = program.argument_value(site, *library);
                let own = engines.origins.of(id, &value) == Origin::Own;
                let uncounted = own
                    && !program.calls(id).iter().any(|other| {
                        let other = Site {
                            function: id,
                            stmt: other.stmt,
                        };
                        program.call(other).is_some_and(|call| {
                            call.effects.iter().any(|effect| {
                                matches!(effect.effect(), Effect::ModuleRef { source, .. }
                                if !matches!(source, ModuleSource::Name | ModuleSource::Own))
                            })
                        })
                    });
                let mut notes = vec!["Windows looks for the library at every callback, which its documentation calls processor-intensive".to_string()];
                if uncounted {
                    notes.push("the pool takes over a reference on the library, and no reference is taken here: when the pool gives it back, it gives back the host's".to_string());
                }
                findings.add(Finding {
                    rule: "costly_callback_library",
                    message: format!(
                        "{} keeps a DLL loaded for every callback of a thread pool environment, at a cost for each",
                        program.describe(id)
                    ),
                    primary: engines.label(site, "each callback pays for it", Role::Primary),
                    steps: Vec::new(),
                    related: Vec::new(),
                    help: "take a reference with GetModuleHandleEx for each submission and give it back with FreeLibraryWhenCallbackReturns; keep this call where a callback takes the loader lock and is waited for".to_string(),
                    notes,
                    minor: false,
                });
            }
        }
    }
}
