//! Pairs of locks that a function is given: which ones they are, its callers tell.
//!
//! In comes a function with the pairs of what it calls, out come the pairs that it names itself, and those that it hands
//! up. A function that asks how its two locks are ordered, or changes what it was given, hands up none.

use super::{Held, LONGEST_CHAIN, Lock, LockRoot, Locks, Pair, identity, longer, mapped_take};
use crate::ir::{Cond, Place, Root, StmtId, StmtKind};
use crate::program::{FnId, Site};

/// So many pairs of a function are handed up.
const MOST_HANDED: usize = 8;

impl Locks<'_, '_> {
    /// The pairs of what a function calls, with their locks as the function names them.
    pub(super) fn given_pairs(&self, id: FnId) -> Vec<Pair> {
        if self.handed.is_empty() {
            return Vec::new();
        }
        let mut given = Vec::new();
        for call in self.program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            for target in call.runs().map(|target| target.function) {
                for pair in self.handed.get(&target).into_iter().flatten() {
                    given.extend(self.given_pair(site, target, pair));
                }
            }
        }
        given
    }

    fn given_pair(&self, site: Site, target: FnId, pair: &Pair) -> Option<Pair> {
        let (first, second) = (&pair.first, &pair.second);
        if first.chain.len() >= LONGEST_CHAIN {
            return None;
        }
        Some(Pair {
            function: site.function,
            first: Held {
                lock: self.mapped(site, target, &first.lock)?,
                chain: longer(site, &first.chain),
                shared: first.shared,
                must: true,
                guards: Vec::new(),
            },
            second: mapped_take(self, site, target, second)?,
        })
    }

    /// The pairs of a function of which it was given a lock without a name.
    pub(super) fn handed_up(&self, id: FnId) -> Vec<Pair> {
        let takes_params = !self.program.function(id).params.is_empty();
        let Some(summary) = self.summaries.get(&id).filter(|_| takes_params) else {
            return Vec::new();
        };
        let own = summary.held.iter().flat_map(|(&stmt, held)| {
            let site = Site { function: id, stmt };
            let taken = summary.takes_at(self, site);
            held.iter().flat_map(move |first| {
                let takes = taken.clone().into_iter();
                takes.map(move |second| (site, first.clone(), second))
            })
        });
        let own = own
            .filter(|(site, first, second)| {
                first.lock != second.lock && !self.gives_back(*site, &first.lock)
            })
            .map(|(_, first, second)| Pair {
                function: id,
                first,
                second,
            });
        let mut pairs: Vec<Pair> = own
            .chain(self.given_pairs(id))
            .filter(|pair| self.is_handed_up(id, &pair.first.lock, &pair.second.lock))
            .collect();
        let orders: Vec<(Lock, Lock)> = pairs
            .iter()
            .map(|pair| (pair.first.lock.clone(), pair.second.lock.clone()))
            .collect();
        // In both orders: then something decides between them.
        pairs.retain(|pair| {
            !orders
                .iter()
                .any(|(one, other)| *one == pair.second.lock && *other == pair.first.lock)
        });
        pairs.truncate(MOST_HANDED);
        pairs
    }

    /// Whether a caller can name two locks of a function that it cannot name itself.
    fn is_handed_up(&self, id: FnId, first: &Lock, second: &Lock) -> bool {
        let locks = [first, second];
        let is_given = |lock: &Lock| matches!(lock.root, LockRoot::Param(of, _) if of == id);
        let is_named = |lock: &Lock| is_given(lock) || self.identity(id, lock).is_some();
        locks.iter().all(|lock| is_named(lock))
            && locks.iter().any(|lock| self.identity(id, lock).is_none())
            && !self.orders(id, locks)
    }

    /// Whether a function asks how two locks are ordered, or changes one that it was given.
    fn orders(&self, id: FnId, locks: [&Lock; 2]) -> bool {
        let body = self.program.function(id);
        let is_one = |place: &Place| {
            self.lock_at(id, place, identity::DEEPEST)
                .is_some_and(|lock| locks.contains(&&lock))
        };
        let compares = body
            .blocks
            .iter()
            .flat_map(|block| &block.next)
            .flat_map(|edge| &edge.when)
            .any(|guard| match &guard.cond {
                Cond::Compare { left, right, .. } => [left, right]
                    .into_iter()
                    .all(|value| value.place().is_some_and(|place| is_one(&place))),
                _ => false,
            });
        let is_unknown = |stmt: usize| {
            let stmt = StmtId(stmt as u32);
            self.program
                .call(Site { function: id, stmt })
                .is_none_or(|call| call.targets.is_empty() && call.effects.is_empty())
        };
        let mut stmts = body.stmts.iter().enumerate();
        let changes = stmts.any(|(number, stmt)| match &stmt.kind {
            StmtKind::Assign { to, .. } => matches!(to.root, Root::Param(_)) && is_one(to),
            // `std::swap(first, second)`
            StmtKind::Call { args, .. } => {
                let given = args.iter().filter_map(|arg| arg.place());
                is_unknown(number) && given.filter(|place| is_one(place)).count() > 1
            }
            _ => false,
        });
        compares || changes
    }
}
