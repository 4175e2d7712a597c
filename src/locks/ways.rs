//! How another thread gets to a function: the shortest chain of callers up to one that nobody calls, or that a thread,
//! the pool or the outside runs.

use super::Locks;
use crate::ir::{FunctionKind, Linkage};
use crate::program::{FnId, Site};
use crate::source::Lang;
use std::collections::{HashMap, HashSet, VecDeque};

/// A search gives up after so many functions.
const MOST_CALLERS: usize = 4096;

/// A call path to a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub root: FnId,
    /// The calls from the root down.
    pub calls: Vec<Site>,
}

impl Locks<'_, '_> {
    /// The shortest way into a function that does not lead through one of `avoided` (what only the loader runs).
    /// `entries` are run by threads, the pool or the system.
    pub fn way_to(
        &self,
        function: FnId,
        entries: &HashSet<FnId>,
        avoided: &HashSet<FnId>,
    ) -> Option<Way> {
        let program = self.program;
        let mut below: HashMap<FnId, Option<(Site, FnId)>> = HashMap::from([(function, None)]);
        let mut queue = VecDeque::from([function]);
        while let Some(next) = queue.pop_front() {
            if avoided.contains(&next) {
                continue;
            }
            let body = program.function(next);
            if body.kind == FunctionKind::Initializer && program.lang(next) != Lang::Rust {
                continue;
            }
            let callers: Vec<Site> = self
                .callers(next)
                .filter(|site| site.function != next)
                .collect();
            if callers.is_empty() || body.linkage == Linkage::Exported || entries.contains(&next) {
                let mut calls = Vec::new();
                let mut current = next;
                while let Some(Some((site, callee))) = below.get(&current) {
                    calls.push(*site);
                    current = *callee;
                }
                return Some(Way { root: next, calls });
            }
            for site in callers {
                if below.len() < MOST_CALLERS && !below.contains_key(&site.function) {
                    below.insert(site.function, Some((site, next)));
                    queue.push_back(site.function);
                }
            }
        }
        None
    }
}
