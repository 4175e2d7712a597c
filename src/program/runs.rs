//! What a function can run, as far as all of it is known: what none of that sets stays as it is.

use super::{FnId, Meaning, Program};
use crate::api::Effect;
use crate::ir::{Callee, StmtKind};
use rustc_hash::FxHashSet;

/// More functions than these are not looked through.
const MOST_RUN: usize = 64;

impl Program<'_> {
    /// The functions that run when this one does, itself included. `None` where they are many, where one calls through a
    /// pointer or what nobody knows as a method, and where one waits, so that other threads run meanwhile.
    pub fn runs(&self, function: FnId) -> Option<&FxHashSet<FnId>> {
        self.runs[function.0 as usize]
            .get_or_init(|| self.find_runs(function))
            .as_ref()
    }

    fn find_runs(&self, function: FnId) -> Option<FxHashSet<FnId>> {
        let mut found: FxHashSet<FnId> = [function].into_iter().collect();
        let mut queue = vec![function];
        while let Some(next) = queue.pop() {
            for call in self.calls(next) {
                let lets_others_run = call.effects.iter().any(|effect| {
                    matches!(
                        effect.effect(),
                        Effect::Wait { .. } | Effect::Acquire { .. } | Effect::RunsHere { .. }
                    )
                });
                // What stands in no source of the program knows nothing of its statics.
                let is_unknown = call.targets.is_empty()
                    && call.effects.is_empty()
                    && match &self.function(next).stmt(call.stmt).kind {
                        StmtKind::Call {
                            callee: Callee::Named(name),
                            ..
                        } => matches!(
                            self.meaning(next, name),
                            Meaning::Static(_) | Meaning::Field
                        ),
                        StmtKind::Call { .. } => true,
                        _ => false,
                    };
                if lets_others_run || is_unknown {
                    return None;
                }
                for target in &call.targets {
                    if found.insert(target.function) {
                        if found.len() > MOST_RUN {
                            return None;
                        }
                        queue.push(target.function);
                    }
                }
            }
        }
        Some(found)
    }
}
