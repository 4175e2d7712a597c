//! Parameters by whose worth a call decides what it does: how long it waits, or whether it waits at all.
//!
//! In comes a linked program; out comes, for every function, which of its parameters it hands to such an argument, itself
//! or through what it calls. A call with a known value of such a parameter is another one than a call with an unknown
//! value.

use super::{FnId, Program, Site};
use crate::api::Effect;
use crate::ir::{StmtKind, Value};

/// A set of a function's parameters, by their index; those behind the 64th are in none.
pub(super) type Params = u64;

impl Program<'_> {
    /// Whether a parameter decides what some call does.
    pub fn is_deciding(&self, function: FnId, param: usize) -> bool {
        param < 64
            && self
                .deciding
                .get(function.0 as usize)
                .is_some_and(|params| params >> param & 1 != 0)
    }

    pub(super) fn find_deciding(&self) -> Vec<Params> {
        let mut deciding: Vec<Params> = vec![0; self.functions.len()];
        let mut pending: Vec<FnId> = Vec::new();
        for (site, effect) in self.effects() {
            let timeout = match effect.effect() {
                Effect::Wait { timeout, .. } => *timeout,
                _ => None,
            };
            let asked = effect.when().map(|when| when.arg);
            let decides = [timeout, asked]
                .into_iter()
                .flatten()
                .filter_map(|arg| self.argument(site, arg))
                .fold(0, |params, value| {
                    params | self.param_of(site.function, value)
                });
            let known = &mut deciding[site.function.0 as usize];
            if decides & !*known != 0 {
                *known |= decides;
                pending.push(site.function);
            }
        }
        while let Some(target) = pending.pop() {
            let params = deciding[target.0 as usize];
            for &site in self.callers(target) {
                let decides = self.handed_to(site, target, params);
                let known = &mut deciding[site.function.0 as usize];
                if decides & !*known != 0 {
                    *known |= decides;
                    pending.push(site.function);
                }
            }
        }
        deciding
    }

    /// Which parameters of the calling function a call hands to these of its target.
    fn handed_to(&self, site: Site, target: FnId, params: Params) -> Params {
        let StmtKind::Call { args, .. } = &self.function(site.function).stmt(site.stmt).kind else {
            return 0;
        };
        let skip = self.arguments_before_params(site, target);
        args.iter()
            .skip(skip)
            .take(64)
            .enumerate()
            .filter(|(index, _)| params >> index & 1 != 0)
            .fold(0, |handed, (_, value)| {
                handed | self.param_of(site.function, value)
            })
    }

    /// The parameter that a value is, itself or by a local that is made from it.
    fn param_of(&self, function: FnId, value: &Value) -> Params {
        match value {
            Value::Place(place) if place.path.is_empty() => self
                .parameter_of(function, value)
                .filter(|index| *index < 64)
                .map_or(0, |index| 1 << index),
            _ => 0,
        }
    }
}
