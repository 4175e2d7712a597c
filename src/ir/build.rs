//! The only maker of basic blocks.
//!
//! A lowering walks its syntax tree in evaluation order and says what it meets: statements, jumps, scopes. In comes
//! that order, out go `stmts` and `blocks` without unreachable blocks. It knows no syntax and resolves no name.

use super::{Block, BlockId, Edge, Guard, Name, Place, Stmt, StmtId, StmtKind};
use crate::source::Span;
use rustc_hash::FxHashMap;

/// Builds the body of one function. A new builder stands in block 0, in one open scope (the function's own).
#[derive(Debug)]
pub struct CfgBuilder {
    stmts: Vec<Stmt>,
    blocks: Vec<Block>,
    current: BlockId,
    scopes: Vec<Vec<Droppable>>,
    labels: FxHashMap<Name, BlockId>,
    /// Which blocks have an edge from a reachable block, as far as the walk has come.
    entered: Vec<bool>,
}

/// What the open scopes would drop: taken before a branch, handed back before the next one.
#[derive(Debug, Clone)]
pub struct PendingDrops(Vec<Vec<Droppable>>);

impl PendingDrops {
    /// Keeps what both paths still have to drop.
    pub fn meet(&mut self, other: &PendingDrops) {
        for (scope, others) in self.0.iter_mut().zip(&other.0) {
            scope.retain(|kept| others.iter().any(|other| other.place == kept.place));
        }
    }
}

#[derive(Debug, Clone)]
struct Droppable {
    place: Place,
    type_text: Name,
}

impl Default for CfgBuilder {
    fn default() -> Self {
        CfgBuilder::new()
    }
}

impl CfgBuilder {
    pub fn new() -> CfgBuilder {
        CfgBuilder {
            stmts: Vec::new(),
            blocks: vec![Block::default()],
            current: BlockId(0),
            scopes: vec![Vec::new()],
            labels: FxHashMap::default(),
            entered: vec![true],
        }
    }

    /// Appends a statement to the current block.
    pub fn push(&mut self, kind: StmtKind, span: Span) -> StmtId {
        let id = StmtId(self.stmts.len() as u32);
        self.stmts.push(Stmt { kind, span });
        self.blocks[self.current.0 as usize].stmts.push(id);
        id
    }

    pub fn new_block(&mut self) -> BlockId {
        let id = BlockId(self.blocks.len() as u32);
        self.blocks.push(Block::default());
        self.entered.push(false);
        id
    }

    pub fn current(&self) -> BlockId {
        self.current
    }

    /// Goes on in another block; the one before keeps the edges that it has.
    pub fn start(&mut self, block: BlockId) {
        self.current = block;
    }

    /// An edge from the current block, taken when all guards hold. The current block stays.
    pub fn edge(&mut self, to: BlockId, when: Vec<Guard>) {
        self.edge_from(self.current, to, when);
    }

    pub fn edge_from(&mut self, from: BlockId, to: BlockId, when: Vec<Guard>) {
        if self.entered[from.0 as usize] {
            self.entered[to.0 as usize] = true;
        }
        self.blocks[from.0 as usize].next.push(Edge { to, when });
    }

    /// Whether the current block can be reached, as far as the edges to it are known.
    pub fn is_live(&self) -> bool {
        self.entered[self.current.0 as usize]
    }

    pub fn has_stmts(&self) -> bool {
        !self.stmts.is_empty()
    }

    /// A statement that was pushed before.
    pub fn stmt(&self, id: StmtId) -> Option<&StmtKind> {
        self.stmts.get(id.0 as usize).map(|stmt| &stmt.kind)
    }

    pub fn pending_drops(&self) -> PendingDrops {
        PendingDrops(self.scopes.clone())
    }

    /// Goes back to what was to be dropped at another point; as many scopes must be open as there.
    pub fn set_pending_drops(&mut self, drops: PendingDrops) {
        debug_assert_eq!(self.scopes.len(), drops.0.len());
        self.scopes = drops.0;
    }

    /// Whether an open scope will drop this place.
    pub fn will_drop(&self, place: &Place) -> bool {
        self.scopes
            .iter()
            .flatten()
            .any(|droppable| droppable.place == *place)
    }

    /// Falls through to `to` and goes on there.
    pub fn flow_into(&mut self, to: BlockId) {
        self.edge(to, Vec::new());
        self.start(to);
    }

    /// An unconditional jump; what follows is unreachable until somebody jumps there or a block is started.
    pub fn jump(&mut self, to: BlockId) {
        self.edge(to, Vec::new());
        self.current = self.new_block();
    }

    /// The end of the path without a return: `throw`, `panic!`, a call that never returns. Drops run first.
    pub fn diverge(&mut self, span: Span) {
        self.drop_down_to(0, span);
        self.current = self.new_block();
    }

    /// A block for a label; the same for every `goto` and the label itself.
    pub fn label(&mut self, name: &Name) -> BlockId {
        if let Some(&block) = self.labels.get(name) {
            return block;
        }
        let block = self.new_block();
        self.labels.insert(name.clone(), block);
        block
    }

    /// Opens a scope: a block, a loop body, a statement with temporaries.
    pub fn enter_scope(&mut self) {
        self.scopes.push(Vec::new());
    }

    /// Closes it: emits `Drop` for what was declared in it, last first.
    pub fn leave_scope(&mut self, span: Span) {
        self.drop_down_to(self.scopes.len().saturating_sub(1), span);
        self.scopes.pop();
    }

    /// How many scopes are open; remember it where a `break` or `continue` may lead.
    pub fn depth(&self) -> usize {
        self.scopes.len()
    }

    /// A value that ends with the innermost open scope.
    pub fn declare(&mut self, place: Place, type_text: Name) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(Droppable { place, type_text });
        }
    }

    /// The value was moved away or dropped by hand: its scope does not drop it. Says whether it was declared here.
    pub fn forget(&mut self, place: &Place) -> bool {
        for scope in self.scopes.iter_mut().rev() {
            if let Some(index) = scope
                .iter()
                .rposition(|droppable| droppable.place == *place)
            {
                scope.remove(index);
                return true;
            }
        }
        false
    }

    /// `break`, `continue`, `goto`: drops what was declared deeper than `depth` scopes, then jumps.
    pub fn jump_out(&mut self, to: BlockId, depth: usize, span: Span) {
        self.drop_down_to(depth, span);
        self.jump(to);
    }

    /// Drops everything, then returns.
    pub fn return_value(&mut self, value: Option<super::Value>, span: Span) {
        self.drop_down_to(0, span);
        self.push(StmtKind::Return { value }, span);
        self.current = self.new_block();
    }

    /// Emits the drops of all scopes but the outer `depth`, which stay open.
    fn drop_down_to(&mut self, depth: usize, span: Span) {
        let drops: Vec<Droppable> = self
            .scopes
            .iter()
            .skip(depth)
            .flatten()
            .rev()
            .cloned()
            .collect();
        for Droppable { place, type_text } in drops {
            self.push(StmtKind::Drop { place, type_text }, span);
        }
    }

    /// Closes the function's scope and removes what cannot be reached. Blocks are numbered in the order of their making.
    pub fn finish(mut self, end: Span) -> (Vec<Stmt>, Vec<Block>) {
        while !self.scopes.is_empty() {
            self.leave_scope(end);
        }
        let mut reachable = vec![false; self.blocks.len()];
        let mut pending = vec![BlockId(0)];
        while let Some(block) = pending.pop() {
            if !std::mem::replace(&mut reachable[block.0 as usize], true) {
                pending.extend(
                    self.blocks[block.0 as usize]
                        .next
                        .iter()
                        .map(|edge| edge.to),
                );
            }
        }
        let mut renumbered = vec![BlockId(0); self.blocks.len()];
        let mut count = 0;
        for (index, &reached) in reachable.iter().enumerate() {
            if reached {
                renumbered[index] = BlockId(count);
                count += 1;
            }
        }
        let blocks = self
            .blocks
            .into_iter()
            .zip(&reachable)
            .filter(|(_, reached)| **reached)
            .map(|(mut block, _)| {
                for edge in &mut block.next {
                    edge.to = renumbered[edge.to.0 as usize];
                }
                block
            })
            .collect();
        (self.stmts, blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Callee, Root};
    use super::*;
    use crate::source::FileId;

    fn span() -> Span {
        Span::new(FileId(0), 0, 0)
    }

    fn call(name: &str) -> StmtKind {
        StmtKind::Call {
            callee: Callee::Named(name.into()),
            args: Vec::new(),
        }
    }

    #[test]
    fn a_return_drops_what_lives_and_ends_the_path() {
        let mut cfg = CfgBuilder::new();
        cfg.declare(Place::of(Root::Local(0)), "A".into());
        cfg.enter_scope();
        cfg.declare(Place::of(Root::Local(1)), "B".into());
        cfg.return_value(None, span());
        cfg.push(call("dead"), span());
        let (stmts, blocks) = cfg.finish(span());
        assert_eq!(blocks.len(), 1);
        let kinds: Vec<String> = blocks[0]
            .stmts
            .iter()
            .map(|id| stmts[id.0 as usize].kind.to_string())
            .collect();
        assert_eq!(kinds, ["drop l1: B", "drop l0: A", "return"]);
    }

    #[test]
    fn a_moved_value_is_not_dropped() {
        let mut cfg = CfgBuilder::new();
        cfg.declare(Place::of(Root::Local(0)), "A".into());
        assert!(cfg.forget(&Place::of(Root::Local(0))));
        assert!(!cfg.forget(&Place::of(Root::Local(0))));
        let (stmts, _) = cfg.finish(span());
        assert!(stmts.is_empty());
    }
}
