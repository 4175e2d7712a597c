//! Expressions: values, calls, assignments, conditions.

use super::declarators::with_suffix;
use super::fields::{Fields, NodeField};
use super::{Lowering, children, literals, names};
use crate::ir::{CHOICE, Callee, Cond, Op, Place, Root, StmtKind, Value};
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// Lowers an expression: its calls and assignments become statements, its value is returned.
    pub(super) fn expression(&mut self, node: Node) -> Value {
        if self.depth > super::DEEPEST {
            self.opaque(node);
            return Value::Unknown;
        }
        self.depth += 1;
        let value = self.expression_inner(node);
        self.depth -= 1;
        value
    }

    fn expression_inner(&mut self, node: Node) -> Value {
        match node.kind() {
            "identifier" | "field_identifier" | "type_identifier" | "namespace_identifier" => {
                let name = self.text(node);
                self.name_value(name)
            }
            "qualified_identifier" | "template_function" | "template_type" | "operator_name" => {
                let name = names::plain(self.text(node));
                self.name_value(&name)
            }
            "this" => Value::Place(Place::of(Root::This)),
            "number_literal" => {
                literals::integer(self.text(node)).map_or(Value::Unknown, Value::Const)
            }
            "char_literal" => {
                literals::character(self.text(node)).map_or(Value::Unknown, Value::Const)
            }
            "string_literal" | "raw_string_literal" => {
                let text = literals::string(self.text(node));
                Value::Text(self.name(&text))
            }
            "concatenated_string" => {
                let mut text = String::new();
                for part in children(node) {
                    if part.kind().ends_with("string_literal") {
                        text.push_str(&literals::string(self.text(part)));
                    }
                }
                Value::Text(self.name(&text))
            }
            "true" => Value::Const(1),
            "false" => Value::Const(0),
            "null" | "nullptr" => Value::Null,
            "parenthesized_expression" => match first(node) {
                Some(inner) => self.expression(inner),
                None => Value::Unknown,
            },
            "compound_statement" => {
                // `({ … })`: the last statement's value is lost.
                self.compound(node);
                Value::Unknown
            }
            "unary_expression" => self.unary(node),
            "pointer_expression" => self.pointer(node),
            "update_expression" => {
                if let Some(argument) = node.field(NodeField::Argument) {
                    let value = self.expression(argument);
                    return self.modify(value, node);
                }
                Value::Unknown
            }
            "assignment_expression" => self.assignment(node),
            "binary_expression" => self.binary(node),
            "conditional_expression" => self.conditional(node),
            "cast_expression" => match node.field(NodeField::Value) {
                Some(operand) => {
                    let value = self.expression(operand);
                    let text = node
                        .field(NodeField::Type)
                        .map_or(String::new(), |node| self.text(node).to_string());
                    self.typed(value, &text, node)
                }
                None => Value::Unknown,
            },
            "call_expression" => match self.named_cast(node) {
                Some((text, operand)) => {
                    let value = self.expression(operand);
                    self.typed(value, &text, node)
                }
                None => self.call(node),
            },
            "field_expression" => self.field(node),
            "subscript_expression" => self.subscript(node),
            "new_expression" => self.new_object(node),
            "delete_expression" => {
                let operand = children(node).into_iter().next_back();
                let args = match operand {
                    Some(operand) => vec![self.expression(operand)],
                    None => Vec::new(),
                };
                let callee = Callee::Named(self.name("delete"));
                let span = self.span(node);
                self.push(StmtKind::Call { callee, args }, span);
                Value::Unknown
            }
            "lambda_expression" => self.lambda(node),
            "compound_literal_expression" => self.compound_literal(node),
            "initializer_list" => {
                let values = self.arguments(node);
                match values.as_slice() {
                    [] => Value::Const(0),
                    [value] => value.clone(),
                    _ => Value::Unknown,
                }
            }
            "comma_expression" => {
                if let Some(left) = node.field(NodeField::Left) {
                    let value = self.expression(left);
                    self.discard(&value);
                }
                match node.field(NodeField::Right) {
                    Some(right) => self.expression(right),
                    None => Value::Unknown,
                }
            }
            "co_await_expression" | "co_yield_expression" => {
                let operand = children(node).into_iter().next_back();
                let args = match operand {
                    Some(operand) => vec![self.expression(operand)],
                    None => Vec::new(),
                };
                let word = if node.kind() == "co_await_expression" {
                    "co_await"
                } else {
                    "co_yield"
                };
                let callee = Callee::Named(self.name(word));
                let span = self.span(node);
                Value::Result(self.push(StmtKind::Call { callee, args }, span))
            }
            "parameter_pack_expansion" | "extension_expression" | "user_defined_literal" => {
                match node.field(NodeField::Pattern).or_else(|| first(node)) {
                    Some(inner) => self.expression(inner),
                    None => Value::Unknown,
                }
            }
            "parameter_declaration" => self.parameter_as_value(node),
            "declaration" => {
                self.local_declaration(node);
                Value::Unknown
            }
            "throw_expression" | "throw_statement" => {
                self.statement(node);
                Value::Unknown
            }
            "sizeof_expression"
            | "alignof_expression"
            | "offsetof_expression"
            | "requires_expression"
            | "requires_clause"
            | "type_descriptor"
            | "primitive_type"
            | "generic_expression"
            | "comment"
            | "gnu_asm_expression"
            | "sized_type_specifier"
            | "fold_expression"
            | "placeholder_type_specifier"
            | "type_requirement" => Value::Unknown,
            "ERROR" => {
                let names = self.called_names(self.text(node));
                if !names.is_empty() {
                    let span = self.span(node);
                    self.unit.opaque.push(span);
                    self.push(StmtKind::Opaque { names }, span);
                }
                Value::Unknown
            }
            kind if kind.ends_with("_statement") => {
                self.statement(node);
                Value::Unknown
            }
            _ => {
                self.opaque(node);
                Value::Unknown
            }
        }
    }

    pub(super) fn is_macro_param(&self, node: Node) -> bool {
        !self.macro_params.is_empty() && {
            let text = self.text(node);
            self.macro_params.iter().any(|param| &**param == text)
        }
    }

    /// The value of a plain name.
    pub(super) fn name_value(&mut self, name: &str) -> Value {
        match name {
            "NULL" | "nullptr" | "__null" => return Value::Null,
            "true" | "TRUE" => return Value::Const(1),
            "false" | "FALSE" => return Value::Const(0),
            _ => {}
        }
        let name = self.name(name);
        if let Some(place) = self.resolve(&name) {
            return Value::Place(place);
        }
        if self.macro_params.contains(&name) {
            let name = self.name(&format!("${name}"));
            return Value::Place(Place::of(Root::Global(name)));
        }
        Value::Place(Place::of(Root::Global(name)))
    }

    fn unary(&mut self, node: Node) -> Value {
        if let Some(number) = self.constant(node) {
            return Value::Const(number);
        }
        let operator = node
            .field(NodeField::Operator)
            .map_or("", |operator| self.text(operator));
        let Some(argument) = node.field(NodeField::Argument) else {
            return Value::Unknown;
        };
        if matches!(operator, "!" | "not") {
            return self.truth(node);
        }
        let value = self.expression(argument);
        match (operator, value) {
            ("+", value) => value,
            ("-", Value::Const(number)) => Value::Const(number.wrapping_neg()),
            ("~", Value::Const(number)) => Value::Const(!number),
            _ => Value::Unknown,
        }
    }

    fn pointer(&mut self, node: Node) -> Value {
        let operator = node
            .field(NodeField::Operator)
            .map_or("", |operator| self.text(operator));
        let Some(argument) = node.field(NodeField::Argument) else {
            return Value::Unknown;
        };
        let value = self.expression(argument);
        if operator == "&" {
            return address_of(value);
        }
        match value {
            Value::AddressOf(place) => Value::Place(place),
            value => value,
        }
    }

    /// A value that is compared: what a pointer points to is told apart from the pointer, as its first element.
    pub(super) fn operand(&mut self, node: Node) -> Value {
        let value = self.expression(node);
        if !is_dereference(self, node) {
            return value;
        }
        match value {
            Value::Place(place) => Value::Place(place.field(self.name("[]"))),
            Value::Result(stmt) => {
                Value::Place(Place::of(Root::Result(stmt)).field(self.name("[]")))
            }
            value => value,
        }
    }

    /// `x++`, `x += y`: the place keeps an unknown value.
    pub(super) fn modify(&mut self, target: Value, node: Node) -> Value {
        let span = self.span(node);
        match target {
            Value::Place(to) => {
                let value = Value::Unknown;
                self.push(
                    StmtKind::Assign {
                        to: to.clone(),
                        value,
                    },
                    span,
                );
                Value::Place(to)
            }
            other => other,
        }
    }

    fn assignment(&mut self, node: Node) -> Value {
        let (Some(left), Some(right)) = (node.field(NodeField::Left), node.field(NodeField::Right))
        else {
            return Value::Unknown;
        };
        let operator = node
            .field(NodeField::Operator)
            .map_or("=", |operator| self.text(operator));
        if operator != "=" {
            self.expression(right);
            let target = self.expression(left);
            return self.modify(target, node);
        }
        let span = self.span(node);
        if right.kind() == "initializer_list" {
            let target = self.expression(left);
            let place = target.place().unwrap_or_else(Place::unknown);
            let mut elements = Vec::new();
            self.elements(place.clone(), "", right, &mut elements);
            if elements.is_empty() {
                let to = place.clone();
                let value = Value::Const(0);
                self.push(StmtKind::Assign { to, value }, span);
            }
            for (to, value, span) in elements {
                self.push(StmtKind::Assign { to, value }, span);
            }
            return Value::Place(place);
        }
        let value = self.expression(right);
        let target = self.expression(left);
        let to = target.place().unwrap_or_else(Place::unknown);
        self.push(
            StmtKind::Assign {
                to: to.clone(),
                value,
            },
            span,
        );
        Value::Place(to)
    }

    fn binary(&mut self, node: Node) -> Value {
        if let Some(number) = self.constant(node) {
            return Value::Const(number);
        }
        let (operator, Some(left), Some(right)) = (
            node.field(NodeField::Operator)
                .map_or("", |operator| self.text(operator)),
            node.field(NodeField::Left),
            node.field(NodeField::Right),
        ) else {
            return Value::Unknown;
        };
        if matches!(operator, "-" | "+" | "&" | "*")
            && let Some(value) = self.cast_with_sign(operator, left, right)
        {
            return value;
        }
        match operator {
            "&&" | "||" | "and" | "or" => self.truth(node),
            "|" | "bitor" => {
                let mut values = Vec::new();
                for value in [self.expression(left), self.expression(right)] {
                    match value {
                        Value::Or(inner) => values.extend(inner),
                        value => values.push(value),
                    }
                }
                Value::Or(values)
            }
            _ => {
                let left = self.operand(left);
                let right = self.operand(right);
                match comparison(operator, left, right) {
                    Some(cond) => Value::Cond(Box::new(cond)),
                    None => Value::Unknown,
                }
            }
        }
    }

    /// `(HANDLE)-1`, `(LPVOID)&x`: without the headers the grammar takes the type for a value.
    /// The type and the operand of `static_cast<T *>(x)` and `reinterpret_cast<T *>(x)`.
    fn named_cast<'n>(&self, node: Node<'n>) -> Option<(String, Node<'n>)> {
        let function = node.field(NodeField::Function)?;
        if function.kind() != "template_function" {
            return None;
        }
        let name = self.text(function.field(NodeField::Name)?);
        if !matches!(name, "static_cast" | "reinterpret_cast" | "dynamic_cast") {
            return None;
        }
        let arguments = function.field(NodeField::Arguments)?;
        let text = self
            .text(arguments)
            .trim_start_matches('<')
            .trim_end_matches('>')
            .trim();
        let operand = node.field(NodeField::Arguments)?.named_child(0)?;
        Some((text.to_string(), operand))
    }

    /// A value that was cast. What a pointer to a class points to is known from here on, so a local bears the type;
    /// any other cast leaves the value as it is.
    fn typed(&mut self, value: Value, text: &str, node: Node) -> Value {
        let Some(pointee) = text.trim().strip_suffix('*') else {
            return value;
        };
        if !matches!(value, Value::Place(_) | Value::Result(_)) || !names::is_class_like(pointee) {
            return value;
        }
        let span = self.span(node);
        let local = self.new_local(
            "{cast}",
            &text.split_whitespace().collect::<Vec<_>>().join(" "),
            span,
        );
        let to = Place::of(Root::Local(local));
        self.push(
            StmtKind::Assign {
                to: to.clone(),
                value,
            },
            span,
        );
        Value::Place(to)
    }

    /// `(A)` or `(A)(B)`, which the grammar takes for a value or a call.
    fn is_only_casts(&mut self, node: Node) -> bool {
        if self.parenthesized_type(node).is_some() {
            return true;
        }
        let (head, last) = match node.kind() {
            "call_expression" => (
                node.field(NodeField::Function),
                node.field(NodeField::Arguments),
            ),
            "cast_expression" => (Some(node), node.field(NodeField::Value)),
            _ => return false,
        };
        let Some((head, last)) = head.zip(last) else {
            return false;
        };
        match node.kind() {
            "cast_expression" => self.is_only_casts(last),
            _ => self.parenthesized_type(head).is_some() && last.named_child_count() == 1,
        }
    }

    fn cast_with_sign(&mut self, operator: &str, left: Node, right: Node) -> Option<Value> {
        if !self.is_only_casts(left) {
            return None;
        }
        let value = self.expression(right);
        Some(match (operator, value) {
            ("&", value) => address_of(value),
            ("*", Value::AddressOf(place)) => Value::Place(place),
            ("-", Value::Const(number)) => Value::Const(number.wrapping_neg()),
            ("-", _) => Value::Unknown,
            (_, value) => value,
        })
    }

    /// `(NAME)` where the name is evidently a type.
    pub(super) fn parenthesized_type(&mut self, node: Node) -> Option<()> {
        let inner = first(node).filter(|_| node.kind() == "parenthesized_expression")?;
        if inner.kind() != "identifier" && inner.kind() != "qualified_identifier" {
            return None;
        }
        let name = names::plain(self.text(inner));
        let interned = self.name(&name);
        let is_type = names::is_scalar(&name) || self.find_class(&name).is_some();
        (is_type && self.resolve(&interned).is_none() && !self.values.contains(&interned))
            .then_some(())
    }

    /// A condition used as a value: a local that is set to 1 or 0.
    fn truth(&mut self, node: Node) -> Value {
        let span = self.span(node);
        let local = self.new_local("{truth}", "bool", span);
        let place = Place::of(Root::Local(local));
        let yes = self.frame().cfg.new_block();
        let no = self.frame().cfg.new_block();
        let join = self.frame().cfg.new_block();
        self.condition(node, yes, no);
        for (block, number) in [(yes, 1), (no, 0)] {
            self.frame().cfg.start(block);
            let to = place.clone();
            let value = Value::Const(number);
            self.push(StmtKind::Assign { to, value }, span);
            self.frame().cfg.edge(join, Vec::new());
        }
        self.frame().cfg.start(join);
        Value::Place(place)
    }

    fn conditional(&mut self, node: Node) -> Value {
        let Some(condition) = node.field(NodeField::Condition) else {
            return Value::Unknown;
        };
        let span = self.span(node);
        let yes = self.frame().cfg.new_block();
        let no = self.frame().cfg.new_block();
        let join = self.frame().cfg.new_block();
        self.condition(condition, yes, no);
        let local = self.new_local(CHOICE, "auto", span);
        let place = Place::of(Root::Local(local));
        for (block, field) in [(yes, "consequence"), (no, "alternative")] {
            self.frame().cfg.start(block);
            // GNU C allows the first to be left out.
            let arm = node.child_by_field_name(field).unwrap_or(condition);
            if arm.kind() == "throw_statement" || arm.kind() == "throw_expression" {
                self.statement(arm);
                continue;
            }
            let value = self.expression(arm);
            let to = place.clone();
            self.push(StmtKind::Assign { to, value }, span);
            self.frame().cfg.edge(join, Vec::new());
        }
        self.frame().cfg.start(join);
        Value::Place(place)
    }

    fn field(&mut self, node: Node) -> Value {
        let (Some(argument), Some(field)) = (
            node.field(NodeField::Argument),
            node.field(NodeField::Field),
        ) else {
            return Value::Unknown;
        };
        let base = self.expression(argument);
        self.temporary(&base);
        let name = names::plain(self.text(field));
        let name = self.name(&name);
        match base.place() {
            Some(place) => Value::Place(place.field(name)),
            None => Value::Unknown,
        }
    }

    fn subscript(&mut self, node: Node) -> Value {
        let Some(argument) = node.field(NodeField::Argument) else {
            return Value::Unknown;
        };
        let base = self.expression(argument);
        if let Some(indices) = node.field(NodeField::Indices) {
            for index in children(indices) {
                self.expression(index);
            }
        } else if let Some(index) = node.field(NodeField::Index) {
            self.expression(index);
        }
        match base.place() {
            Some(place) => Value::Place(place.field(self.name("[]"))),
            None => Value::Unknown,
        }
    }

    fn new_object(&mut self, node: Node) -> Value {
        if let Some(placement) = node.field(NodeField::Placement) {
            self.arguments(placement);
        }
        let mut type_text = node
            .field(NodeField::Type)
            .map(|ty| self.type_name(ty))
            .unwrap_or_default();
        if let Some(declarator) = node.field(NodeField::Declarator) {
            for inner in children(declarator) {
                self.expression(inner);
            }
            type_text = with_suffix(type_text, "[]");
        }
        let args = match node.field(NodeField::Arguments) {
            Some(list) => self.arguments(list),
            None => Vec::new(),
        };
        let callee = Callee::Construct {
            type_text: self.name(&type_text),
            heap: true,
        };
        let span = self.span(node);
        Value::Result(self.push(StmtKind::Call { callee, args }, span))
    }

    fn compound_literal(&mut self, node: Node) -> Value {
        let type_text = node
            .field(NodeField::Type)
            .map(|ty| self.type_name(ty))
            .unwrap_or_default();
        let args = match node.field(NodeField::Value) {
            Some(list) => self.arguments(list),
            None => Vec::new(),
        };
        if !self.is_class_type(&type_text) {
            let count = args.len();
            return args
                .into_iter()
                .next()
                .filter(|_| count == 1)
                .unwrap_or(Value::Unknown);
        }
        let callee = Callee::Construct {
            type_text: self.name(type_text.trim_start_matches("::")),
            heap: false,
        };
        let span = self.span(node);
        Value::Result(self.push(StmtKind::Call { callee, args }, span))
    }

    /// The number that an expression of literals is.
    pub(super) fn constant(&self, node: Node) -> Option<i64> {
        self.constant_at(node, 0)
    }

    fn constant_at(&self, node: Node, depth: usize) -> Option<i64> {
        if depth > 32 {
            return None;
        }
        match node.kind() {
            "number_literal" => literals::integer(self.text(node)),
            "char_literal" => literals::character(self.text(node)),
            "true" => Some(1),
            "false" => Some(0),
            "parenthesized_expression" => self.constant_at(first(node)?, depth + 1),
            "cast_expression" => self.constant_at(node.field(NodeField::Value)?, depth + 1),
            "unary_expression" => {
                let value = self.constant_at(node.field(NodeField::Argument)?, depth + 1)?;
                match self.text(node.field(NodeField::Operator)?) {
                    "-" => value.checked_neg(),
                    "+" => Some(value),
                    "~" => Some(!value),
                    _ => None,
                }
            }
            "binary_expression" => {
                let left = self.constant_at(node.field(NodeField::Left)?, depth + 1)?;
                let right = self.constant_at(node.field(NodeField::Right)?, depth + 1)?;
                match self.text(node.field(NodeField::Operator)?) {
                    "+" => left.checked_add(right),
                    "-" => left.checked_sub(right),
                    "*" => left.checked_mul(right),
                    "/" => left.checked_div(right),
                    "|" => Some(left | right),
                    "&" => Some(left & right),
                    "<<" => left.checked_shl(u32::try_from(right).ok()?),
                    ">>" => left.checked_shr(u32::try_from(right).ok()?),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The first child that is no comment or error.
pub(super) fn first(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .find(|child| !child.is_error() && child.kind() != "comment")
}

pub(super) fn address_of(value: Value) -> Value {
    match value {
        Value::Place(place) => Value::AddressOf(place),
        Value::Result(id) => Value::AddressOf(Place::of(Root::Result(id))),
        other => other,
    }
}

pub(super) fn is_constant(value: &Value) -> bool {
    match value {
        Value::Const(_) | Value::Null | Value::Text(_) => true,
        Value::Place(Place {
            root: Root::Global(name),
            path,
        }) => path.is_empty() && super::super::blank::is_capitals(names::split(name).1.as_bytes()),
        _ => false,
    }
}

/// A comparison, the constant on its right; `None` for another operator.
fn comparison(operator: &str, left: Value, right: Value) -> Option<Cond> {
    let op = match operator {
        "==" => Op::Eq,
        "!=" | "not_eq" => Op::Ne,
        "<" => Op::Lt,
        "<=" => Op::Le,
        ">" => Op::Gt,
        ">=" => Op::Ge,
        _ => return None,
    };
    if !is_constant(&left) || is_constant(&right) && !matches!(left, Value::Const(_) | Value::Null)
    {
        return Some(Cond::Compare { left, op, right });
    }
    Some(Cond::Compare {
        left: right,
        op: op.mirrored(),
        right: left,
    })
}

/// Whether a value is written as `*p`, casts and parentheses aside, and not as `*&x`.
fn is_dereference(lowering: &Lowering, node: Node) -> bool {
    let mut node = node;
    loop {
        let inner = match node.kind() {
            "parenthesized_expression" => first(node),
            "cast_expression" => node.field(NodeField::Value),
            "pointer_expression" => {
                let operator = node
                    .field(NodeField::Operator)
                    .map_or("", |operator| lowering.text(operator));
                let mut argument = node.field(NodeField::Argument);
                while let Some(inner) =
                    argument.filter(|inner| inner.kind() == "parenthesized_expression")
                {
                    argument = first(inner);
                }
                return operator == "*"
                    && argument.is_some_and(|inner| inner.kind() != "pointer_expression");
            }
            _ => return false,
        };
        match inner {
            Some(inner) => node = inner,
            None => return false,
        }
    }
}
