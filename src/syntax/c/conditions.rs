//! Conditions: short circuits and comparisons become edges.

use super::Lowering;
use super::expressions::{first, is_constant};
use super::fields::{Fields, NodeField};
use crate::ir::{BlockId, Cond, Guard, Op, Value};
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// Lowers a condition: goes to `yes` where it holds, to `no` where it fails. The current block is left open.
    pub(super) fn condition(&mut self, node: Node, yes: BlockId, no: BlockId) {
        if self.depth > super::DEEPEST {
            self.opaque(node);
            return self.unknown_branch(yes, no);
        }
        self.depth += 1;
        self.condition_inner(node, yes, no);
        self.depth -= 1;
    }

    fn condition_inner(&mut self, node: Node, yes: BlockId, no: BlockId) {
        match node.kind() {
            "condition_clause" => {
                if let Some(initializer) = node.field(NodeField::Initializer) {
                    self.statement(initializer);
                }
                return match node.field(NodeField::Value) {
                    Some(value) => self.condition(value, yes, no),
                    None => self.unknown_branch(yes, no),
                };
            }
            "parenthesized_expression" => {
                if let Some(inner) = first(node) {
                    return self.condition(inner, yes, no);
                }
            }
            "unary_expression" => {
                let operator = node
                    .field(NodeField::Operator)
                    .map_or("", |operator| self.text(operator));
                if matches!(operator, "!" | "not")
                    && let Some(argument) = node.field(NodeField::Argument)
                {
                    return self.condition(argument, no, yes);
                }
            }
            "binary_expression" => {
                let operator = node
                    .field(NodeField::Operator)
                    .map_or("", |operator| self.text(operator));
                if let (Some(left), Some(right)) =
                    (node.field(NodeField::Left), node.field(NodeField::Right))
                {
                    let next = match operator {
                        "&&" | "and" => {
                            let next = self.frame().cfg.new_block();
                            self.condition(left, next, no);
                            next
                        }
                        "||" | "or" => {
                            let next = self.frame().cfg.new_block();
                            self.condition(left, yes, next);
                            next
                        }
                        _ => return self.leaf_condition(node, yes, no),
                    };
                    self.frame().cfg.start(next);
                    return self.condition(right, yes, no);
                }
            }
            "declaration" => {
                self.local_declaration(node);
                let declared = self.frame().locals.len().checked_sub(1);
                let name = node
                    .field(NodeField::Declarator)
                    .and_then(|declarator| self.declarator(declarator).name)
                    .map(|name| self.text(name));
                let value = match (name, declared) {
                    (Some(name), Some(_)) => self.name_value(name),
                    _ => Value::Unknown,
                };
                return self.branch_on(value, yes, no);
            }
            _ => {}
        }
        self.leaf_condition(node, yes, no);
    }

    fn leaf_condition(&mut self, node: Node, yes: BlockId, no: BlockId) {
        let span = self.span(node);
        self.enter_scope();
        let operator = node
            .field(NodeField::Operator)
            .filter(|_| node.kind() == "binary_expression")
            .map(|operator| self.text(operator));
        let bits = match (
            operator,
            node.field(NodeField::Left),
            node.field(NodeField::Right),
        ) {
            (Some("&" | "bitand"), Some(left), Some(right)) if self.constant(node).is_none() => {
                let (mut left, mut right) = (self.expression(left), self.expression(right));
                if is_constant(&left) && !is_constant(&right) {
                    std::mem::swap(&mut left, &mut right);
                }
                Some(Cond::Compare {
                    left,
                    op: Op::HasBits,
                    right,
                })
            }
            _ => None,
        };
        let value = match bits {
            Some(cond) => Value::Cond(Box::new(cond)),
            None => self.operand(node),
        };
        self.leave_scope(span);
        self.branch_on(value, yes, no);
    }

    fn branch_on(&mut self, value: Value, yes: BlockId, no: BlockId) {
        let cond = match value {
            Value::Const(number) => {
                let to = if number != 0 { yes } else { no };
                return self.frame().cfg.edge(to, Vec::new());
            }
            Value::Null => return self.frame().cfg.edge(no, Vec::new()),
            Value::Text(_) | Value::AddressOf(_) | Value::Closure(_) => {
                return self.frame().cfg.edge(yes, Vec::new());
            }
            Value::Cond(cond) => *cond,
            Value::Unknown => Cond::Unknown,
            value => Cond::Compare {
                left: value,
                op: Op::Ne,
                right: Value::Const(0),
            },
        };
        self.frame().cfg.edge(yes, vec![Guard::holds(cond.clone())]);
        self.frame().cfg.edge(no, vec![Guard::fails(cond)]);
    }

    /// The value that a `switch` looks at.
    pub(super) fn condition_value(&mut self, node: Node) -> Value {
        if node.kind() != "condition_clause" {
            return self.expression(node);
        }
        if let Some(initializer) = node.field(NodeField::Initializer) {
            self.statement(initializer);
        }
        match node.field(NodeField::Value) {
            Some(value) if value.kind() == "declaration" => {
                self.local_declaration(value);
                let name = value
                    .field(NodeField::Declarator)
                    .and_then(|declarator| self.declarator(declarator).name)
                    .map(|name| self.text(name));
                name.map_or(Value::Unknown, |name| self.name_value(name))
            }
            Some(value) => self.expression(value),
            None => Value::Unknown,
        }
    }
}
