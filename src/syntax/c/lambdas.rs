//! Lambdas, and statements that are given to macros.

use super::fields::{Fields, NodeField};
use super::functions::{Binding, Head};
use super::{Lowering, Slice, children};
use crate::ir::{Capture, FunctionKind, Linkage, Name, Root, Value};
use crate::source::Span;
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// A lambda expression. Its captures are evaluated in the function around it.
    pub(super) fn lambda(&mut self, node: Node) -> Value {
        let Some(body) = node.field(NodeField::Body) else {
            return Value::Unknown;
        };
        if self.depth > super::DEEPEST {
            self.opaque(node);
            return Value::Unknown;
        }
        let mut captures = Vec::new();
        let mut default = None;
        if let Some(list) = node.field(NodeField::Captures) {
            let mut cursor = list.walk();
            let mut by_ref = false;
            for item in list.children(&mut cursor) {
                match item.kind() {
                    "lambda_default_capture" => default = Some(self.text(item) == "&"),
                    "&" => {
                        by_ref = true;
                        continue;
                    }
                    "identifier" => {
                        captures.push(self.capture(item, item, by_ref));
                    }
                    "lambda_capture_initializer" => {
                        if let (Some(left), Some(right)) =
                            (item.field(NodeField::Left), item.field(NodeField::Right))
                        {
                            let by_ref = self.text(item).starts_with('&');
                            captures.push(self.capture(left, right, by_ref));
                        }
                    }
                    _ => {}
                }
                by_ref = false;
            }
        }
        let name = self.name("{lambda}");
        let scope = self.scope_name();
        let class = self.frames.last().and_then(|frame| frame.class);
        let head = Head {
            name,
            scope,
            kind: FunctionKind::Lambda,
            has_this: false,
            class,
            name_span: self.span_of(node.start_byte()..node.start_byte() + 1),
        };
        let mut function = self.new_function(&head, self.span(node));
        function.linkage = Linkage::Internal;
        if let Some(declarator) = node.field(NodeField::Declarator) {
            (function.params, function.variadic) = self.parameters(declarator);
            if let Some(trailing) = super::child(declarator, "trailing_return_type")
                && let Some(ty) = trailing.named_child(0)
            {
                function.return_type = {
                    let text = self.type_name(ty);
                    self.name(&text)
                };
            }
        }
        let index = self.open_function(function, class);
        let frame = self.frame();
        frame.capture_default = default;
        for (position, capture) in captures.iter().enumerate() {
            frame
                .names
                .push((capture.name.clone(), Binding::Capture(position as u32)));
        }
        frame.captures = captures;
        self.depth += 1;
        self.compound(body);
        self.depth -= 1;
        let end = self.span_of(body.end_byte().saturating_sub(1)..body.end_byte());
        self.close_function(end);
        Value::Closure(index)
    }

    fn capture(&mut self, name: Node, value: Node, by_ref: bool) -> Capture {
        let value = self.expression(value);
        let type_text = self.type_of(&value);
        Capture {
            name: self.name(self.text(name)),
            type_text,
            by_ref,
            value,
        }
    }

    /// The declared type of a plain local, parameter or capture; `` otherwise.
    fn type_of(&mut self, value: &Value) -> Name {
        let frame = self.frame();
        let index = frame.index.0 as usize;
        let text = match value {
            Value::Place(place) if place.path.is_empty() => match place.root {
                Root::Local(local) => frame
                    .locals
                    .get(local as usize)
                    .map(|var| var.type_text.clone()),
                Root::Capture(capture) => frame
                    .captures
                    .get(capture as usize)
                    .map(|capture| capture.type_text.clone()),
                Root::Param(param) => self.unit.functions[index]
                    .params
                    .get(param as usize)
                    .map(|var| var.type_text.clone()),
                _ => None,
            },
            _ => None,
        };
        text.unwrap_or_else(|| self.name(""))
    }

    /// Statements given to a macro as an argument: a lambda that sees everything and runs where the macro puts it.
    pub(super) fn block_argument(&mut self, span: Span, lower: impl FnOnce(&mut Self)) -> Value {
        let class = self.frames.last().and_then(|frame| frame.class);
        let head = Head {
            name: self.name("{lambda}"),
            scope: self.scope_name(),
            kind: FunctionKind::Lambda,
            has_this: false,
            class,
            name_span: span,
        };
        let mut function = self.new_function(&head, span);
        function.linkage = Linkage::Internal;
        let index = self.open_function(function, class);
        self.frame().capture_default = Some(true);
        lower(self);
        self.close_function(span);
        Value::Closure(index)
    }

    /// Statements that were cut out of a macro's arguments.
    pub(super) fn statements_argument(&mut self, at: usize, text: &'t str) -> Value {
        let span = self.span_of(at..at + text.len());
        let Some(tree) = super::parse(&mut self.parser, self.cpp, text) else {
            return Value::Unknown;
        };
        let outer = self.slice;
        self.slice = Slice {
            text,
            base: outer.base + at,
            ..Slice::empty(outer)
        };
        let value = self.block_argument(span, |this| {
            this.enter_scope();
            for statement in children(tree.root_node()) {
                this.statement(statement);
            }
            this.leave_scope(span);
        });
        self.slice = outer;
        value
    }
}
