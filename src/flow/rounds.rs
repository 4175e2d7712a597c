//! How often a loop goes round that counts: `for (i = 0; i < 40; i++)`.
//!
//! In comes a statement in a loop, out goes the number of rounds where the first value, the step and the limit are
//! numbers and nothing else changes the counter. A loop within a loop has no number here.

use super::Flow;
use super::guards::exits;
use crate::ir::{BlockId, Cond, Function, Guard, Op, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Constant, FnId, Site};

impl Flow<'_, '_> {
    /// How often the loop around a statement goes round at most; none where there is no loop, or nobody can tell.
    pub fn rounds(&self, function: FnId, stmt: StmtId) -> Option<i64> {
        let body = self.program.function(function);
        let members = self.loop_around(function, stmt)?;
        let home = members
            .iter()
            .copied()
            .find(|&member| body.block(member).stmts.contains(&stmt))?;
        exits(body, &members)
            .filter(|(head, _)| !goes_round_without(body, home, *head))
            .find_map(|(_, guard)| self.counted(function, guard, &members, home))
            .filter(|rounds| *rounds > 0)
    }

    /// The rounds until a counter meets the condition under which the loop is left.
    fn counted(
        &self,
        function: FnId,
        exit: &Guard,
        members: &[BlockId],
        home: BlockId,
    ) -> Option<i64> {
        let Cond::Compare { left, op, right } = &exit.cond else {
            return None;
        };
        let local = |value: &Value| match value {
            Value::Place(place)
                if matches!(place.root, Root::Local(_)) && place.path.is_empty() =>
            {
                Some(place.clone())
            }
            _ => None,
        };
        let (counter, op, limit) = match local(left) {
            Some(counter) => (counter, *op, right),
            None => (local(right)?, op.mirrored(), left),
        };
        let goes_on = if exit.holds { op.negated()? } else { op };
        let limit = self.number(function, limit)?;
        let (first, step) = self.counts(function, &counter, members, home)?;
        let distance = match (goes_on, step > 0) {
            (Op::Lt, true) => limit - first,
            (Op::Le, true) => limit - first + 1,
            (Op::Gt, false) => first - limit,
            (Op::Ge, false) => first - limit + 1,
            (Op::Ne, _) => (limit - first).abs(),
            _ => return None,
        };
        let step = step.abs();
        Some((distance + step - 1) / step)
    }

    /// The first value of a counter and its step, where there is one of each, every round through `home` makes the step,
    /// and no call gets the counter's address.
    fn counts(
        &self,
        function: FnId,
        counter: &Place,
        members: &[BlockId],
        home: BlockId,
    ) -> Option<(i64, i64)> {
        let body = self.program.function(function);
        let (mut first, mut step) = (None, None);
        for (block, number) in body.blocks.iter().zip(0..) {
            for &stmt in &block.stmts {
                let (to, value) = match &body.stmt(stmt).kind {
                    StmtKind::Assign { to, value } => (to, value),
                    StmtKind::Call { args, .. }
                        if args.contains(&Value::AddressOf(counter.clone())) =>
                    {
                        return None;
                    }
                    _ => continue,
                };
                if to != counter {
                    continue;
                }
                let (known, new) = match members.contains(&BlockId(number)) {
                    true if goes_round_without(body, home, BlockId(number)) => return None,
                    true => (&mut step, self.step(Site { function, stmt })?),
                    false => (&mut first, self.number(function, value)?),
                };
                if known.replace(new).is_some() {
                    return None;
                }
            }
        }
        Some((first?, step?)).filter(|(_, step)| *step != 0)
    }

    fn number(&self, function: FnId, value: &Value) -> Option<i64> {
        match self.program.constant(function, value)? {
            Constant::Number(number) if number.abs() < 1 << 32 => Some(number),
            Constant::Null => Some(0),
            _ => None,
        }
    }

    /// By how much a statement changes its variable, by its text: the program keeps no sums.
    fn step(&self, site: Site) -> Option<i64> {
        let span = self.program.stmt_span(site);
        let text: String = self.program.sources.text(span).split_whitespace().collect();
        let text = text.trim_end_matches(';');
        let number = |digits: &str| {
            digits
                .parse()
                .ok()
                .filter(|step| *step > 0 && *step < 1 << 32)
        };
        if text.starts_with("++") || text.ends_with("++") {
            Some(1)
        } else if text.starts_with("--") || text.ends_with("--") {
            Some(-1)
        } else if let Some((_, step)) = text.split_once("+=") {
            number(step)
        } else if let Some((_, step)) = text.split_once("-=") {
            number(step).map(|step: i64| -step)
        } else {
            None
        }
    }
}

/// Whether a block can come back to itself without passing another one: then that one is no test of its loop.
fn goes_round_without(body: &Function, home: BlockId, avoided: BlockId) -> bool {
    if home == avoided {
        return false;
    }
    let mut seen = vec![false; body.blocks.len()];
    let mut pending = vec![home];
    while let Some(block) = pending.pop() {
        for edge in &body.block(block).next {
            if edge.to == home {
                return true;
            }
            if edge.to != avoided && !std::mem::replace(&mut seen[edge.to.0 as usize], true) {
                pending.push(edge.to);
            }
        }
    }
    false
}
