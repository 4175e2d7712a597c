//! Which statement of a function names what: where several calls ask the same, nobody reads the whole function for each.

use crate::api::{Arg, Effect};
use crate::ir::{BlockId, Callee, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, FnId, Program, Site};
use rustc_hash::FxHashMap;

/// What the statements of one function name.
#[derive(Debug, Default)]
pub struct Uses {
    /// By statement, where it stands: block and index in it.
    places: Vec<Option<(BlockId, usize)>>,
    /// The blocks that end in the middle: where a call stands that never returns.
    ends: FxHashMap<BlockId, usize>,
    /// The first statement that assigns a call's result, by the call.
    stored: FxHashMap<StmtId, StmtId>,
    /// The calls that put a result somewhere, and the argument that says where.
    put_by_calls: FxHashMap<StmtId, Vec<(StmtId, Arg)>>,
    /// The statements that have something as a value, argument or receiver, in their order.
    by_root: FxHashMap<Root, Vec<StmtId>>,
}

impl Uses {
    pub(super) fn of(program: &Program, function: FnId) -> Uses {
        let body = program.function(function);
        let mut uses = Uses {
            places: vec![None; body.stmts.len()],
            ..Uses::default()
        };
        for (number, block) in body.blocks.iter().enumerate() {
            for (index, stmt) in block.stmts.iter().enumerate() {
                if let Some(place) = uses.places.get_mut(stmt.0 as usize) {
                    place.get_or_insert((BlockId(number as u32), index));
                }
                let site = Site {
                    function,
                    stmt: *stmt,
                };
                if program.call(site).is_some_and(Call::never_returns) {
                    let block = BlockId(number as u32);
                    uses.ends.entry(block).or_insert(index);
                }
            }
        }
        for (number, stmt) in body.stmts.iter().enumerate() {
            let id = StmtId(number as u32);
            match &stmt.kind {
                StmtKind::Assign { value, .. } => {
                    uses.add(value, id);
                    if let Some(Place {
                        root: Root::Result(result),
                        path,
                    }) = value.place()
                        && path.is_empty()
                        && result <= id
                    {
                        uses.stored.entry(result).or_insert(id);
                    }
                }
                StmtKind::Return { value: Some(value) } => uses.add(value, id),
                StmtKind::Call { callee, args } => {
                    if let Callee::Method { receiver, .. } = callee {
                        uses.add(receiver, id);
                    }
                    args.iter().for_each(|arg| uses.add(arg, id));
                }
                StmtKind::Drop { place, .. } => uses.add_root(&place.root, id),
                _ => {}
            }
        }
        for (site, into, value) in stored_by_calls(program, function) {
            if let Value::Result(result) = program.argument_value(site, value) {
                let puts = uses.put_by_calls.entry(result).or_default();
                puts.push((site.stmt, into));
            }
        }
        uses
    }

    fn add(&mut self, value: &Value, stmt: StmtId) {
        match value {
            Value::Result(result) => self.add_root(&Root::Result(*result), stmt),
            Value::Place(place) | Value::AddressOf(place) => self.add_root(&place.root, stmt),
            _ => {}
        }
    }

    fn add_root(&mut self, root: &Root, stmt: StmtId) {
        let known = self.by_root.entry(root.clone()).or_default();
        if known.last() != Some(&stmt) {
            known.push(stmt);
        }
    }

    /// Where a statement stands: its block, and which one of it.
    pub fn place(&self, stmt: StmtId) -> Option<(BlockId, usize)> {
        self.places.get(stmt.0 as usize).copied().flatten()
    }

    /// Whether a call that never returns stands in a block between two of its statements, the first one included.
    pub fn ends_between(&self, block: BlockId, from: usize, to: usize) -> bool {
        self.ends
            .get(&block)
            .is_some_and(|end| (from..to).contains(end))
    }

    /// Whether it stands in a block from a statement on, so that nothing follows the block.
    pub fn ends_from(&self, block: BlockId, from: usize) -> bool {
        self.ends_between(block, from, usize::MAX)
    }

    /// The first statement that assigns what a call gives.
    pub fn stored(&self, call: StmtId) -> Option<StmtId> {
        self.stored.get(&call).copied()
    }

    /// The calls that put what another call gives somewhere, with the argument that says where.
    pub fn put_by_calls(&self, call: StmtId) -> &[(StmtId, Arg)] {
        self.put_by_calls.get(&call).map_or(&[], Vec::as_slice)
    }

    /// The statements that assign, return, end, or call with what begins with this.
    pub fn of_root(&self, root: &Root) -> &[StmtId] {
        self.by_root.get(root).map_or(&[], Vec::as_slice)
    }
}

/// What the calls of a function put somewhere: the call, the argument that says where, and the one that says what.
pub(super) fn stored_by_calls<'p>(
    program: &'p Program,
    function: FnId,
) -> impl Iterator<Item = (Site, Arg, Arg)> + 'p {
    program.calls(function).iter().flat_map(move |call| {
        let site = Site {
            function,
            stmt: call.stmt,
        };
        call.effects
            .iter()
            .filter_map(move |effect| match effect.effect() {
                Effect::Stores {
                    into,
                    value: Some(value),
                    ..
                } => Some((site, *into, *value)),
                _ => None,
            })
    })
}
