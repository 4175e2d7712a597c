//! What runs at most once in the life of a process: the initializers of statics that stand in functions, what
//! `std::call_once` runs, and what stands behind an exchange that leads from "not begun" over "begun" to "done".
//!
//! In comes a program, out comes whether a call belongs to such an initializer. The first use of a thing that teardown
//! code uses has nearly always been long before: what its initializer does is no part of the teardown.

use crate::api::Effect;
use crate::flow::spins::{may_exchange, once_begun_at};
use crate::program::{FnId, Program, Site};
use crate::source::Span;
use rustc_hash::FxHashMap;

/// The initializers of all statics that stand in functions.
#[derive(Debug, Default)]
pub struct Once {
    spans: FxHashMap<FnId, Vec<Span>>,
    /// Of functions with a once of their own make: which blocks are that.
    blocks: FxHashMap<FnId, Vec<bool>>,
}

impl Once {
    pub fn of(program: &Program) -> Once {
        let mut once = Once::default();
        for id in program.static_ids() {
            let object = program.static_def(id);
            // A thread's own static is initialized by each thread.
            if let Some(index) = object.function.filter(|_| !object.thread_local) {
                let function = program.function_in(program.static_unit(id), index);
                once.spans.entry(function).or_default().push(object.span);
            }
        }
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                if may_exchange(program, site)
                    && let Some(begun) = once_begun_at(program, site)
                {
                    let blocks = once
                        .blocks
                        .entry(id)
                        .or_insert_with(|| vec![false; begun.len()]);
                    for (block, begun) in blocks.iter_mut().zip(begun) {
                        *block |= begun;
                    }
                }
            }
        }
        once
    }

    /// Whether a call stands in the initializer of a static of the function around it.
    pub fn initializes_static(&self, program: &Program, site: Site) -> bool {
        let Some(spans) = self.spans.get(&site.function) else {
            return false;
        };
        let span = program.stmt_span(site);
        spans.iter().any(|object| {
            object.file == span.file && object.start <= span.start && span.end <= object.end
        })
    }

    /// Whether a call stands behind an exchange that only one thread wins, and once.
    fn is_in_own_once(&self, program: &Program, site: Site) -> bool {
        self.blocks.get(&site.function).is_some_and(|once| {
            program
                .function(site.function)
                .blocks
                .iter()
                .zip(once)
                .any(|(block, once)| *once && block.stmts.contains(&site.stmt))
        })
    }

    /// Whether what a call runs runs once: there, through `std::call_once` and its kin, or in a once of own make.
    pub fn runs_once(&self, program: &Program, site: Site) -> bool {
        let through_call = || {
            program.call(site).is_some_and(|call| {
                call.effects
                    .iter()
                    .any(|effect| matches!(effect.effect(), Effect::Once))
            })
        };
        self.initializes_static(program, site)
            || through_call()
            || self.is_in_own_once(program, site)
    }
}
