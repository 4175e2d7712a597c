//! `throw`, `try` and the structured exceptions of Windows.

use super::fields::{Fields, NodeField};
use super::functions::Binding;
use super::{Lowering, children};
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    pub(super) fn throw(&mut self, node: Node) {
        for inner in children(node) {
            self.expression(inner);
        }
        let span = self.span(node);
        match self.frame().handlers.last().copied() {
            Some((block, depth)) => self.frame().cfg.jump_out(block, depth, span),
            None => self.frame().cfg.diverge(span),
        }
    }

    pub(super) fn try_statement(&mut self, node: Node) {
        let handlers: Vec<Node> = children(node)
            .into_iter()
            .filter(|child| child.kind() == "catch_clause")
            .collect();
        let body = self.frame().cfg.new_block();
        let dispatch = self.frame().cfg.new_block();
        let join = self.frame().cfg.new_block();
        self.unknown_branch(dispatch, body);
        self.frame().cfg.start(body);
        let depth = self.frame().cfg.depth();
        self.frame().handlers.push((dispatch, depth));
        if let Some(body) = node.field(NodeField::Body) {
            self.statement(body);
        }
        self.frame().handlers.pop();
        self.unknown_branch(dispatch, join);
        for handler in handlers {
            let block = self.frame().cfg.new_block();
            self.frame()
                .cfg
                .edge_from(dispatch, block, Self::maybe(true));
            self.frame().cfg.start(block);
            self.enter_scope();
            if let Some(parameters) = handler.field(NodeField::Parameters) {
                for parameter in children(parameters) {
                    let base = self.base_type(parameter);
                    let Some(declarator) = parameter.field(NodeField::Declarator) else {
                        continue;
                    };
                    let declarator = self.declarator(declarator);
                    if let Some(name) = declarator.name {
                        let type_text = super::declarators::with_suffix(base, &declarator.suffix);
                        let span = self.span(name);
                        let local = self.new_local(self.text(name), &type_text, span);
                        self.bind(self.text(name), Binding::Local(local));
                    }
                }
            }
            let end = self.span_of(handler.end_byte().saturating_sub(1)..handler.end_byte());
            if let Some(body) = handler.field(NodeField::Body) {
                self.statement(body);
            }
            self.leave_scope(end);
            self.frame().cfg.edge(join, Vec::new());
        }
        self.frame().cfg.start(join);
    }

    /// `__try` with `__except` (a handler) or `__finally` (runs on both paths).
    pub(super) fn seh_try_statement(&mut self, node: Node) {
        let body = self.frame().cfg.new_block();
        let handler = self.frame().cfg.new_block();
        let join = self.frame().cfg.new_block();
        self.unknown_branch(handler, body);
        self.frame().cfg.start(body);
        let clause = children(node)
            .into_iter()
            .find(|child| matches!(child.kind(), "seh_except_clause" | "seh_finally_clause"));
        let finally = clause.is_some_and(|clause| clause.kind() == "seh_finally_clause");
        let depth = self.frame().cfg.depth();
        // `__leave` goes to the end of the block.
        let leave = if finally { handler } else { join };
        self.frame().handlers.push((leave, depth));
        if let Some(body) = node.field(NodeField::Body) {
            self.statement(body);
        }
        self.frame().handlers.pop();
        if finally {
            self.frame().cfg.edge(handler, Vec::new());
        } else {
            self.unknown_branch(handler, join);
        }
        self.frame().cfg.start(handler);
        if let Some(clause) = clause {
            for inner in children(clause) {
                if inner.kind() == "compound_statement" {
                    self.statement(inner);
                } else if !inner.is_error() {
                    self.expression(inner);
                }
            }
        }
        self.frame().cfg.flow_into(join);
    }
}
