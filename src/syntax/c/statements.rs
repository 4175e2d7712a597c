//! Statements: control flow.

use super::fields::{Fields, NodeField};
use super::functions::Binding;
use super::{Lowering, children};
use crate::ir::{BlockId, Callee, Cond, FunctionKind, Guard, Op, Place, Root, StmtKind, Value};
use tree_sitter::Node;

/// A statement, or a `case` label whose statements follow it in the list.
#[derive(Clone, Copy)]
enum Part<'n> {
    Label(Node<'n>),
    Statement(Node<'n>),
}

impl<'n> Part<'n> {
    fn node(&self) -> Node<'n> {
        match self {
            Part::Label(node) | Part::Statement(node) => *node,
        }
    }
}

impl<'t> Lowering<'t> {
    /// A block with a scope of its own.
    pub(super) fn compound(&mut self, node: Node) {
        self.enter_scope();
        self.block_statements(node);
        let end = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        self.leave_scope(end);
    }

    /// The statements of a block, in the scope that is open.
    pub(super) fn block_statements(&mut self, node: Node) {
        let context = self.arms.at(self.offset(node));
        self.statements_below(node, context);
    }

    /// The statements that are a node's children; `context` is the arm that the node stands in.
    pub(super) fn statements_below(&mut self, node: Node, context: Option<u32>) {
        let mut parts = Vec::new();
        self.flatten(node, &mut parts, 0);
        self.parts(&parts, context);
    }

    fn flatten<'n>(&self, node: Node<'n>, parts: &mut Vec<Part<'n>>, depth: usize) {
        for statement in children(node) {
            if statement.kind() == "case_statement" && depth < 50 {
                parts.push(Part::Label(statement));
                let value = statement.field(NodeField::Value).map(|value| value.id());
                let mut inner = Vec::new();
                self.flatten(statement, &mut inner, depth + 1);
                parts.extend(
                    inner
                        .into_iter()
                        .filter(|part| Some(part.node().id()) != value),
                );
            } else {
                parts.push(Part::Statement(statement));
            }
        }
    }

    /// Lowers a list of statements; those in arms of open preprocessor conditions become branches.
    fn parts(&mut self, parts: &[Part], context: Option<u32>) {
        let mut at = 0;
        while at < parts.len() {
            let Some(arm) = self.arm_below(parts[at].node(), context) else {
                self.part(parts[at]);
                at += 1;
                continue;
            };
            let group = self.arms.arm(arm).group;
            let mut end = at;
            while end < parts.len()
                && self
                    .arm_below(parts[end].node(), context)
                    .is_some_and(|arm| self.arms.arm(arm).group == group)
            {
                end += 1;
            }
            let from = self.frame().cfg.current();
            let join = self.frame().cfg.new_block();
            for arm in self.arms.group(group).arms.clone() {
                let when = self.arms.arm(arm).when.clone();
                let first = parts[at..end]
                    .iter()
                    .position(|part| self.arm_below(part.node(), context) == Some(arm));
                let Some(first) = first else {
                    self.frame().cfg.edge_from(from, join, when);
                    continue;
                };
                let own = parts[at + first..end]
                    .iter()
                    .take_while(|part| self.arm_below(part.node(), context) == Some(arm))
                    .count();
                let block = self.frame().cfg.new_block();
                self.frame().cfg.edge_from(from, block, when);
                self.frame().cfg.start(block);
                self.parts(&parts[at + first..at + first + own], Some(arm));
                self.frame().cfg.edge(join, Vec::new());
            }
            if let Some(otherwise) = self.arms.group(group).otherwise.clone() {
                self.frame().cfg.edge_from(from, join, otherwise);
            }
            self.frame().cfg.start(join);
            at = end;
        }
    }

    /// The arm directly below `context` in which a node stands.
    fn arm_below(&self, node: Node, context: Option<u32>) -> Option<u32> {
        let mut arm = self.arms.at(self.offset(node))?;
        if Some(arm) == context {
            return None;
        }
        loop {
            let parent = self.arms.parent(arm);
            if parent == context {
                return Some(arm);
            }
            arm = parent?;
        }
    }

    fn part(&mut self, part: Part) {
        match part {
            Part::Statement(node) => self.statement(node),
            Part::Label(node) => {
                if let Some(&block) = self.frame().cases.get(&node.id()) {
                    self.frame().cfg.flow_into(block);
                }
            }
        }
    }

    pub(super) fn statement(&mut self, node: Node) {
        if self.depth > super::DEEPEST {
            return self.opaque(node);
        }
        self.depth += 1;
        self.statement_inner(node);
        self.depth -= 1;
    }

    fn statement_inner(&mut self, node: Node) {
        match node.kind() {
            "compound_statement" => {
                if self.slice.blocks.contains(&node.start_byte()) {
                    self.macro_block(node);
                } else {
                    self.compound(node);
                }
            }
            "expression_statement" => self.expression_statement(node),
            "declaration" => {
                self.local_declaration(node);
                self.errors_below(node);
            }
            "return_statement" | "co_return_statement" => self.return_statement(node),
            "if_statement" => self.if_statement(node),
            "while_statement" => self.while_statement(node),
            "do_statement" => self.do_statement(node),
            "for_statement" => self.for_statement(node),
            "for_range_loop" => self.range_loop(node),
            "switch_statement" => self.switch_statement(node),
            "case_statement" => {
                // Outside the flat list of a switch: below an inner block.
                if let Some(&block) = self.frame().cases.get(&node.id()) {
                    self.frame().cfg.flow_into(block);
                }
                let value = node.field(NodeField::Value).map(|value| value.id());
                for inner in children(node) {
                    if Some(inner.id()) != value {
                        self.statement(inner);
                    }
                }
            }
            "labeled_statement" => {
                if let Some(label) = node.field(NodeField::Label) {
                    let name = self.name(self.text(label));
                    let block = self.frame().cfg.label(&name);
                    self.frame().cfg.flow_into(block);
                }
                let label = node.field(NodeField::Label).map(|label| label.id());
                for inner in children(node) {
                    if Some(inner.id()) != label {
                        self.statement(inner);
                    }
                }
            }
            "goto_statement" => self.goto_statement(node),
            "break_statement" => {
                let target = self.frame().breaks.last().copied();
                self.leave_to(target, node);
            }
            "continue_statement" => {
                let target = self.frame().continues.last().copied();
                self.leave_to(target, node);
            }
            "throw_statement" => self.throw(node),
            "try_statement" => self.try_statement(node),
            "seh_try_statement" => self.seh_try_statement(node),
            "seh_leave_statement" => {
                let target = self.frame().handlers.last().copied();
                self.leave_to(target, node);
            }
            "co_yield_statement" => {
                for inner in children(node) {
                    self.expression(inner);
                }
            }
            "attributed_statement" => {
                for inner in children(node) {
                    if inner.kind() != "attribute_declaration" {
                        self.statement(inner);
                    }
                }
            }
            "else_clause" | "init_statement" | "linkage_specification" => {
                for inner in children(node) {
                    self.statement(inner);
                }
            }
            "using_declaration" | "namespace_alias_definition" => self.using(node),
            "class_specifier"
            | "struct_specifier"
            | "union_specifier"
            | "enum_specifier"
            | "type_definition"
            | "alias_declaration"
            | "template_declaration" => self.local_type(node),
            "function_definition" => self.nested_function(node),
            "static_assert_declaration"
            | "comment"
            | ";"
            | "attribute_declaration"
            | "empty_statement"
            | "template_instantiation"
            | "attribute_specifier"
            | "friend_declaration" => {}
            // A bracket that is left over says nothing.
            "ERROR" if self.text(node).trim().len() <= 1 => {}
            "ERROR" => self.opaque(node),
            kind if kind.ends_with("_expression") || kind == "identifier" => {
                self.expression(node);
            }
            _ => self.opaque(node),
        }
    }

    /// Errors inside a statement that was understood otherwise: calls in them are not lost.
    fn errors_below(&mut self, node: Node) {
        if !node.has_error() {
            return;
        }
        let mut cursor = node.walk();
        loop {
            let inner = cursor.node();
            let leaf =
                inner.is_error() || !inner.has_error() || inner.kind() == "lambda_expression";
            if inner.is_error() {
                let names = self.called_names(self.text(inner));
                if !names.is_empty() {
                    let span = self.span(inner);
                    self.unit.opaque.push(span);
                    self.push(StmtKind::Opaque { names }, span);
                }
            }
            if !leaf && cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() || cursor.node() == node {
                    return;
                }
            }
        }
    }

    fn leave_to(&mut self, target: Option<(BlockId, usize)>, node: Node) {
        let span = self.span(node);
        match target {
            Some((block, depth)) => self.frame().cfg.jump_out(block, depth, span),
            // A macro body's `break` leaves the loop of its user.
            None => self.frame().cfg.return_value(None, span),
        }
    }

    fn goto_statement(&mut self, node: Node) {
        let Some(label) = node.field(NodeField::Label) else {
            return self.opaque(node);
        };
        let text = self.text(label);
        let name = self.name(text);
        let block = self.frame().cfg.label(&name);
        let depth = self.label_depth(node, text);
        let span = self.span(node);
        let depth = depth.min(self.frame().cfg.depth());
        self.frame().cfg.jump_out(block, depth, span);
    }

    /// How many scopes stay open at a label: those of the function's body where the label stands in the outermost
    /// block, else all that are open here.
    fn label_depth(&mut self, node: Node, label: &str) -> usize {
        let mut body = node;
        while let Some(parent) = body.parent() {
            if matches!(parent.kind(), "function_definition" | "lambda_expression") {
                break;
            }
            body = parent;
        }
        let here = self.frame().cfg.depth();
        let outermost = children(body).iter().any(|statement| {
            let mut at = *statement;
            for _ in 0..8 {
                if at.kind() != "labeled_statement" {
                    return false;
                }
                if at
                    .field(NodeField::Label)
                    .is_some_and(|name| self.text(name) == label)
                {
                    return true;
                }
                match children(at).last() {
                    Some(inner) => at = *inner,
                    None => return false,
                }
            }
            false
        });
        if outermost {
            self.frame().body_depth + 1
        } else {
            here
        }
    }

    /// `stream >> level >> name;`: what is read gets another value. Nobody shifts a number for nothing.
    fn read_from_stream(&mut self, node: Node) {
        let mut node = node;
        while let (true, "binary_expression", Some(left), Some(right)) = (
            self.cpp,
            node.kind(),
            node.field(NodeField::Left),
            node.field(NodeField::Right),
        ) {
            let operator = node.field(NodeField::Operator);
            if operator.is_none_or(|operator| self.text(operator) != ">>") {
                return;
            }
            if matches!(right.kind(), "identifier" | "qualified_identifier") {
                let read = self.expression(right);
                self.modify(read, right);
            }
            node = left;
        }
    }

    fn expression_statement(&mut self, node: Node) {
        let Some(expression) = node.named_child(0) else {
            return;
        };
        let span = self.span(node);
        if expression.kind() == "identifier" && self.is_macro_param(expression) {
            let callee = Callee::Named(self.name(&format!("${}", self.text(expression))));
            let args = Vec::new();
            self.push(StmtKind::Call { callee, args }, span);
            return;
        }
        if expression.kind() == "identifier" && self.is_macro_frame() {
            // A parameter that stands as a statement is code that the macro runs.
            let name = self.name(self.text(expression));
            if let Some(place) = self.resolve(&name) {
                let callee = Callee::Indirect(Value::Place(place));
                let args = Vec::new();
                self.push(StmtKind::Call { callee, args }, span);
                return;
            }
        }
        self.enter_scope();
        let value = self.expression(expression);
        self.discard(&value);
        self.read_from_stream(expression);
        self.errors_below(node);
        self.leave_scope(span);
    }

    fn is_macro_frame(&mut self) -> bool {
        let index = self.frame().index.0 as usize;
        self.unit.functions[index].kind == FunctionKind::Macro
    }

    /// The result of a call that nobody keeps ends with the full expression.
    pub(super) fn discard(&mut self, value: &Value) {
        if let Value::Result(id) = value
            && self.cpp
        {
            let name = self.name("");
            self.frame().cfg.declare(Place::of(Root::Result(*id)), name);
        }
    }

    fn return_statement(&mut self, node: Node) {
        let span = self.span(node);
        let expression = children(node).into_iter().find(|child| !child.is_error());
        // What this return gives away still ends on the other ways out.
        let pending = self.frame().cfg.pending_drops();
        let value = expression.map(|expression| {
            self.enter_scope();
            let value = if expression.kind() == "initializer_list" {
                let args = self.arguments(expression);
                if args.len() == 1 {
                    args.into_iter().next()
                } else {
                    None
                }
                .unwrap_or(Value::Unknown)
            } else {
                self.expression(expression)
            };
            self.leave_scope(span);
            value
        });
        self.errors_below(node);
        if let Some(value) = &value {
            self.given_up(value);
        }
        self.frame().cfg.return_value(value, span);
        self.frame().cfg.set_pending_drops(pending);
    }

    fn if_statement(&mut self, node: Node) {
        // `else if` chains may be long: this loop follows them. Each link opens a scope for its declarations.
        let end_span = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        let join = self.frame().cfg.new_block();
        let mut link = Some(node);
        let mut scopes = 0;
        while let Some(node) = link.take() {
            let then_block = self.frame().cfg.new_block();
            let else_block = self.frame().cfg.new_block();
            self.enter_scope();
            scopes += 1;
            match node.field(NodeField::Condition) {
                Some(condition) => self.condition(condition, then_block, else_block),
                None => self.unknown_branch(then_block, else_block),
            }
            self.frame().cfg.start(then_block);
            if let Some(consequence) = node.field(NodeField::Consequence) {
                self.scoped(consequence);
            }
            self.frame().cfg.edge(join, Vec::new());
            self.frame().cfg.start(else_block);
            if let Some(alternative) = node.field(NodeField::Alternative) {
                let inner = children(alternative)
                    .into_iter()
                    .find(|child| !child.is_error());
                match inner {
                    Some(inner) if inner.kind() == "if_statement" && scopes < 100_000 => {
                        link = Some(inner)
                    }
                    Some(inner) if alternative.kind() == "else_clause" => self.scoped(inner),
                    _ => {}
                }
            }
        }
        self.frame().cfg.edge(join, Vec::new());
        self.frame().cfg.start(join);
        for _ in 0..scopes {
            self.leave_scope(end_span);
        }
    }

    /// A statement that is the body of another one.
    fn scoped(&mut self, node: Node) {
        if node.kind() == "compound_statement" {
            return self.statement(node);
        }
        self.enter_scope();
        self.statement(node);
        let end = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        self.leave_scope(end);
    }

    pub(super) fn unknown_branch(&mut self, yes: BlockId, no: BlockId) {
        self.frame().cfg.edge(yes, Self::maybe(true));
        self.frame().cfg.edge(no, Self::maybe(false));
    }

    fn loop_body(&mut self, body: Option<Node>, exit: BlockId, again: BlockId) {
        let depth = self.frame().cfg.depth();
        self.frame().breaks.push((exit, depth));
        self.frame().continues.push((again, depth));
        if let Some(body) = body {
            self.scoped(body);
        }
        self.frame().breaks.pop();
        self.frame().continues.pop();
    }

    fn while_statement(&mut self, node: Node) {
        let head = self.frame().cfg.new_block();
        let body = self.frame().cfg.new_block();
        let exit = self.frame().cfg.new_block();
        let end = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        self.frame().cfg.flow_into(head);
        self.enter_scope();
        match node.field(NodeField::Condition) {
            Some(condition) => self.condition(condition, body, exit),
            None => self.unknown_branch(body, exit),
        }
        self.frame().cfg.start(body);
        self.loop_body(node.field(NodeField::Body), exit, head);
        self.frame().cfg.edge(head, Vec::new());
        self.frame().cfg.start(exit);
        self.leave_scope(end);
    }

    fn do_statement(&mut self, node: Node) {
        let body = self.frame().cfg.new_block();
        let test = self.frame().cfg.new_block();
        let exit = self.frame().cfg.new_block();
        self.frame().cfg.flow_into(body);
        self.loop_body(node.field(NodeField::Body), exit, test);
        self.frame().cfg.flow_into(test);
        match node.field(NodeField::Condition) {
            Some(condition) => self.condition(condition, body, exit),
            None => self.unknown_branch(body, exit),
        }
        self.frame().cfg.start(exit);
    }

    fn for_statement(&mut self, node: Node) {
        let end = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        self.enter_scope();
        if let Some(initializer) = node.field(NodeField::Initializer) {
            match initializer.kind() {
                "declaration" | "init_statement" | "type_definition" | "alias_declaration" => {
                    self.statement(initializer);
                }
                _ => {
                    self.expression(initializer);
                }
            }
        }
        let head = self.frame().cfg.new_block();
        let body = self.frame().cfg.new_block();
        let step = self.frame().cfg.new_block();
        let exit = self.frame().cfg.new_block();
        self.frame().cfg.flow_into(head);
        match node.field(NodeField::Condition) {
            Some(condition) => self.condition(condition, body, exit),
            None => self.frame().cfg.edge(body, Vec::new()),
        }
        self.frame().cfg.start(body);
        self.loop_body(node.field(NodeField::Body), exit, step);
        self.frame().cfg.flow_into(step);
        if let Some(update) = node.field(NodeField::Update) {
            self.expression(update);
        }
        self.frame().cfg.edge(head, Vec::new());
        self.frame().cfg.start(exit);
        self.leave_scope(end);
    }

    fn range_loop(&mut self, node: Node) {
        let end = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        self.enter_scope();
        if let Some(initializer) = node.field(NodeField::Initializer) {
            self.statement(initializer);
        }
        let sequence = match node.field(NodeField::Right) {
            Some(right) if right.kind() == "initializer_list" => {
                self.arguments(right);
                Value::Unknown
            }
            Some(right) => self.expression(right),
            None => Value::Unknown,
        };
        let element = match sequence.place() {
            Some(place) => Value::Place(place.field(self.name("[]"))),
            None => Value::Unknown,
        };
        let head = self.frame().cfg.new_block();
        let body = self.frame().cfg.new_block();
        let exit = self.frame().cfg.new_block();
        self.frame().cfg.flow_into(head);
        self.unknown_branch(body, exit);
        self.frame().cfg.start(body);
        self.enter_scope();
        if let Some(declarator) = node.field(NodeField::Declarator) {
            let base = self.base_type(node);
            let declarator = self.declarator(declarator);
            let type_text = super::declarators::with_suffix(base, &declarator.suffix);
            for binding in declarator.bindings.iter().chain(&declarator.name) {
                let span = self.span(*binding);
                let name = self.text(*binding);
                let local = self.new_local(name, &type_text, span);
                self.bind(name, Binding::Local(local));
                let to = Place::of(Root::Local(local));
                let value = element.clone();
                self.push(
                    StmtKind::Assign {
                        to: to.clone(),
                        value,
                    },
                    span,
                );
                if declarator.bindings.is_empty() && self.cpp && self.is_class_type(&type_text) {
                    let type_text = self.name(&type_text);
                    self.frame().cfg.declare(to, type_text);
                }
            }
        }
        // `continue` ends the element's life before the next turn.
        let depth = self.frame().cfg.depth() - 1;
        self.frame().breaks.push((exit, depth));
        self.frame().continues.push((head, depth));
        if let Some(body) = node.field(NodeField::Body) {
            self.scoped(body);
        }
        self.frame().breaks.pop();
        self.frame().continues.pop();
        self.leave_scope(end);
        self.frame().cfg.edge(head, Vec::new());
        self.frame().cfg.start(exit);
        self.leave_scope(end);
    }

    /// A block after a macro call: it may run never, once or often.
    fn macro_block(&mut self, node: Node) {
        let head = self.frame().cfg.new_block();
        let body = self.frame().cfg.new_block();
        let exit = self.frame().cfg.new_block();
        self.frame().cfg.flow_into(head);
        self.unknown_branch(body, exit);
        self.frame().cfg.start(body);
        let depth = self.frame().cfg.depth();
        self.frame().breaks.push((exit, depth));
        self.frame().continues.push((head, depth));
        self.compound(node);
        self.frame().breaks.pop();
        self.frame().continues.pop();
        self.frame().cfg.edge(head, Vec::new());
        self.frame().cfg.start(exit);
    }

    fn switch_statement(&mut self, node: Node) {
        let end = self.span_of(node.end_byte().saturating_sub(1)..node.end_byte());
        self.enter_scope();
        let scrutinee = match node.field(NodeField::Condition) {
            Some(condition) => self.condition_value(condition),
            None => Value::Unknown,
        };
        let from = self.frame().cfg.current();
        let exit = self.frame().cfg.new_block();
        let body = node.field(NodeField::Body);
        let labels = body.map(case_labels).unwrap_or_default();
        let outside = self.arms.when(self.offset(node)).len();
        let mut fails = Vec::new();
        let mut default = None;
        for label in &labels {
            let block = self.frame().cfg.new_block();
            self.frame().cases.insert(label.id(), block);
            let Some(value) = label.field(NodeField::Value) else {
                default = Some(block);
                continue;
            };
            let cond = Cond::Compare {
                left: scrutinee.clone(),
                op: Op::Eq,
                right: self.expression(value),
            };
            let mut when = vec![Guard::holds(cond.clone())];
            when.extend(
                self.arms
                    .when(self.offset(*label))
                    .into_iter()
                    .skip(outside),
            );
            if when.len() == 1 {
                fails.push(Guard::fails(cond));
            }
            self.frame().cfg.edge_from(from, block, when);
        }
        self.frame()
            .cfg
            .edge_from(from, default.unwrap_or(exit), fails);
        // Statements before the first label are reached by nobody.
        let nowhere = self.frame().cfg.new_block();
        self.frame().cfg.start(nowhere);
        let depth = self.frame().cfg.depth();
        self.frame().breaks.push((exit, depth));
        if let Some(body) = body {
            self.statement(body);
        }
        self.frame().breaks.pop();
        self.frame().cfg.flow_into(exit);
        self.leave_scope(end);
    }

    /// A type that is defined inside a function; its methods are functions of their own.
    fn local_type(&mut self, node: Node) {
        self.collect_type_node(node);
        if node.kind() == "type_definition" || node.kind() == "alias_declaration" {
            self.collect_local_alias(node);
        }
        let ty = node.field(NodeField::Type).unwrap_or(node);
        self.local_class(ty);
    }

    pub(super) fn local_class(&mut self, node: Node) {
        self.class_members(node);
    }

    /// What the grammar takes for a function inside a function: a macro with a block.
    fn nested_function(&mut self, node: Node) {
        let declarator = node
            .field(NodeField::Declarator)
            .map(|declarator| self.declarator(declarator))
            .unwrap_or_default();
        let (Some(name), Some(body)) = (declarator.name, node.field(NodeField::Body)) else {
            return self.opaque(node);
        };
        if node.field(NodeField::Type).is_some() && !self.cpp {
            return self.function_definition(node);
        }
        let span = self.span(node);
        let mut args = Vec::new();
        if let Some(list) = declarator
            .function
            .and_then(|function| function.field(NodeField::Parameters))
        {
            for parameter in children(list) {
                args.push(self.parameter_as_value(parameter));
            }
        }
        let callee = Callee::Named(self.name(&super::names::plain(self.text(name))));
        self.push(StmtKind::Call { callee, args }, span);
        self.macro_block(body);
    }
}

/// The labels of a switch, without those of switches in it.
fn case_labels(body: Node) -> Vec<Node> {
    let mut labels = Vec::new();
    let mut cursor = body.walk();
    if !cursor.goto_first_child() {
        return labels;
    }
    let mut depth = 1;
    loop {
        let node = cursor.node();
        if node.kind() == "case_statement" {
            labels.push(node);
        }
        let holds_statements = matches!(
            node.kind(),
            "case_statement"
                | "compound_statement"
                | "labeled_statement"
                | "if_statement"
                | "else_clause"
                | "while_statement"
                | "for_statement"
                | "do_statement"
                | "try_statement"
                | "attributed_statement"
        );
        if holds_statements && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return labels;
            }
            depth -= 1;
            if depth == 0 {
                return labels;
            }
        }
    }
}
