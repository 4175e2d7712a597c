//! Expressions: values, calls, assignments, conditions.

use super::declarators::with_suffix;
use super::{Lowering, children, literals, names};
use crate::ir::{BlockId, Callee, Cond, Guard, Op, Place, Root, StmtKind, Value};
use crate::source::Span;
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
                if let Some(argument) = node.child_by_field_name("argument") {
                    let value = self.expression(argument);
                    return self.modify(value, node);
                }
                Value::Unknown
            }
            "assignment_expression" => self.assignment(node),
            "binary_expression" => self.binary(node),
            "conditional_expression" => self.conditional(node),
            "cast_expression" => match node.child_by_field_name("value") {
                Some(value) => self.expression(value),
                None => Value::Unknown,
            },
            "call_expression" => self.call(node),
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
                if let Some(left) = node.child_by_field_name("left") {
                    let value = self.expression(left);
                    self.discard(&value);
                }
                match node.child_by_field_name("right") {
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
                match node.child_by_field_name("pattern").or_else(|| first(node)) {
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
            .child_by_field_name("operator")
            .map_or("", |operator| self.text(operator));
        let Some(argument) = node.child_by_field_name("argument") else {
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
            .child_by_field_name("operator")
            .map_or("", |operator| self.text(operator));
        let Some(argument) = node.child_by_field_name("argument") else {
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

    /// `x++`, `x += y`: the place keeps an unknown value.
    fn modify(&mut self, target: Value, node: Node) -> Value {
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
        let (Some(left), Some(right)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
        ) else {
            return Value::Unknown;
        };
        let operator = node
            .child_by_field_name("operator")
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
            node.child_by_field_name("operator")
                .map_or("", |operator| self.text(operator)),
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
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
                let left = self.expression(left);
                let right = self.expression(right);
                match comparison(operator, left, right) {
                    Some(cond) => Value::Cond(Box::new(cond)),
                    None => Value::Unknown,
                }
            }
        }
    }

    /// `(HANDLE)-1`, `(LPVOID)&x`: without the headers the grammar takes the type for a value.
    fn cast_with_sign(&mut self, operator: &str, left: Node, right: Node) -> Option<Value> {
        self.parenthesized_type(left)?;
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
    fn parenthesized_type(&mut self, node: Node) -> Option<()> {
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
        let Some(condition) = node.child_by_field_name("condition") else {
            return Value::Unknown;
        };
        let span = self.span(node);
        let yes = self.frame().cfg.new_block();
        let no = self.frame().cfg.new_block();
        let join = self.frame().cfg.new_block();
        self.condition(condition, yes, no);
        let local = self.new_local("{choice}", "auto", span);
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
            node.child_by_field_name("argument"),
            node.child_by_field_name("field"),
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
        let Some(argument) = node.child_by_field_name("argument") else {
            return Value::Unknown;
        };
        let base = self.expression(argument);
        if let Some(indices) = node.child_by_field_name("indices") {
            for index in children(indices) {
                self.expression(index);
            }
        } else if let Some(index) = node.child_by_field_name("index") {
            self.expression(index);
        }
        match base.place() {
            Some(place) => Value::Place(place.field(self.name("[]"))),
            None => Value::Unknown,
        }
    }

    fn new_object(&mut self, node: Node) -> Value {
        if let Some(placement) = node.child_by_field_name("placement") {
            self.arguments(placement);
        }
        let mut type_text = node
            .child_by_field_name("type")
            .map(|ty| self.type_name(ty))
            .unwrap_or_default();
        if let Some(declarator) = node.child_by_field_name("declarator") {
            for inner in children(declarator) {
                self.expression(inner);
            }
            type_text = with_suffix(type_text, "[]");
        }
        let args = match node.child_by_field_name("arguments") {
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
            .child_by_field_name("type")
            .map(|ty| self.type_name(ty))
            .unwrap_or_default();
        let args = match node.child_by_field_name("value") {
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

    /// The values of an argument or initializer list.
    pub(super) fn arguments(&mut self, list: Node) -> Vec<Value> {
        let mut values = Vec::new();
        for argument in children(list) {
            if argument.kind() == "number_literal"
                && let Some(text) = self.slice.arguments.get(&argument.start_byte())
            {
                let value = self.statements_argument(argument.start_byte(), text);
                values.push(value);
                continue;
            }
            match argument.kind() {
                "ERROR" => {
                    self.expression(argument);
                }
                "comment" => {}
                "compound_statement" => {
                    let span = self.span(argument);
                    values.push(self.block_argument(span, |this| this.compound(argument)));
                }
                "initializer_pair" => {
                    if let Some(value) = argument.child_by_field_name("value") {
                        values.push(self.expression(value));
                    }
                }
                "parameter_declaration" => values.push(self.parameter_as_value(argument)),
                _ => values.push(self.expression(argument)),
            }
        }
        values
    }

    /// A by-value result that is only used to reach into it ends with the full expression.
    fn temporary(&mut self, value: &Value) {
        if let Value::Result(id) = value
            && self.cpp
        {
            let type_text = self.name("");
            self.frame()
                .cfg
                .declare(Place::of(Root::Result(*id)), type_text);
        }
    }

    fn call(&mut self, node: Node) -> Value {
        let span = self.span(node);
        let Some(function) = node.child_by_field_name("function") else {
            return Value::Unknown;
        };
        let list = node.child_by_field_name("arguments");
        match function.kind() {
            "identifier" | "qualified_identifier" | "template_function" | "dependent_name" => {
                let name = names::plain(self.text(function));
                let args = self.call_arguments(list);
                self.call_by_name(&name, args, span)
            }
            "field_expression" => {
                let (Some(argument), Some(field)) = (
                    function.child_by_field_name("argument"),
                    function.child_by_field_name("field"),
                ) else {
                    return Value::Unknown;
                };
                let receiver = self.expression(argument);
                self.temporary(&receiver);
                let args = self.call_arguments(list);
                let name = names::plain(self.text(field));
                let callee = Callee::Method {
                    receiver,
                    name: self.name(&name),
                };
                Value::Result(self.push(StmtKind::Call { callee, args }, span))
            }
            "primitive_type" | "sized_type_specifier" | "placeholder_type_specifier" => {
                let args = self.call_arguments(list);
                args.into_iter().next().unwrap_or(Value::Const(0))
            }
            "lambda_expression" => {
                let Value::Closure(index) = self.lambda(function) else {
                    return Value::Unknown;
                };
                let args = self.call_arguments(list);
                let callee = Callee::Closure(index);
                Value::Result(self.push(StmtKind::Call { callee, args }, span))
            }
            _ => {
                if self.parenthesized_type(function).is_some() {
                    // `(DWORD)(x)`
                    let args = self.call_arguments(list);
                    return args.into_iter().next_back().unwrap_or(Value::Unknown);
                }
                let target = self.expression(function);
                let args = self.call_arguments(list);
                let callee = match target {
                    Value::Closure(index) => Callee::Closure(index),
                    Value::Place(Place {
                        root: Root::Global(name),
                        path,
                    }) if path.is_empty()
                        && function.kind() == "parenthesized_expression"
                        && !is_dereference(function) =>
                    {
                        Callee::Named(name)
                    }
                    Value::AddressOf(Place {
                        root: Root::Global(name),
                        path,
                    }) if path.is_empty() => Callee::Named(name),
                    target => Callee::Indirect(target),
                };
                Value::Result(self.push(StmtKind::Call { callee, args }, span))
            }
        }
    }

    fn call_arguments(&mut self, list: Option<Node>) -> Vec<Value> {
        match list {
            Some(list) => self.arguments(list),
            None => Vec::new(),
        }
    }

    /// A call of a plain name: a function, a cast, a constructor, a variable that holds a function.
    pub(super) fn call_by_name(&mut self, name: &str, args: Vec<Value>, span: Span) -> Value {
        match name {
            "static_cast" | "reinterpret_cast" | "const_cast" | "dynamic_cast" | "std::move"
            | "std::forward" | "std::as_const" | "__builtin_expect" | "std::bit_cast"
                if !args.is_empty() =>
            {
                return args.into_iter().next().unwrap_or(Value::Unknown);
            }
            "std::ref" | "std::cref" | "std::addressof" | "__builtin_addressof"
                if args.len() == 1 =>
            {
                let value = args.into_iter().next().unwrap_or(Value::Unknown);
                return address_of(value);
            }
            "typeid" | "decltype" | "__typeof__" | "typeof" | "_countof" | "ARRAYSIZE" => {
                return Value::Unknown;
            }
            _ => {}
        }
        let interned = self.name(name);
        let callee = match self.resolve(&interned) {
            Some(place) if !is_method_of_this(&place) || self.is_field_call(name) => {
                Callee::Indirect(Value::Place(place))
            }
            _ if self.macro_params.contains(&interned) => {
                Callee::Named(self.name(&format!("${name}")))
            }
            _ if self.cpp && self.names_class(name) => {
                if !self.is_class_type(name) {
                    let count = args.len();
                    return args
                        .into_iter()
                        .next()
                        .filter(|_| count == 1)
                        .unwrap_or(Value::Const(0));
                }
                Callee::Construct {
                    type_text: interned,
                    heap: false,
                }
            }
            _ if self.cpp && args.len() <= 1 && is_scalar_cast(name) => {
                return args.into_iter().next().unwrap_or(Value::Const(0));
            }
            _ => Callee::Named(interned),
        };
        Value::Result(self.push(StmtKind::Call { callee, args }, span))
    }

    /// A name that is a field wins over a method of that name only if the class has no such method.
    fn is_field_call(&self, name: &str) -> bool {
        let Some(class) = self.frames.last().and_then(|frame| frame.class) else {
            return true;
        };
        !self.unit.types[class]
            .methods
            .iter()
            .any(|method| &*method.name == name)
    }

    /// Whether a called name is a class or alias of this file, and no function of it.
    fn names_class(&self, name: &str) -> bool {
        self.find_class(name).is_some_and(|class| {
            let ty = &self.unit.types[class];
            let in_itself = self
                .frames
                .last()
                .is_some_and(|frame| frame.class == Some(class));
            in_itself || &*ty.name == names::split(name).1
        }) && !self.values.contains(name)
    }

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
                if let Some(initializer) = node.child_by_field_name("initializer") {
                    self.statement(initializer);
                }
                return match node.child_by_field_name("value") {
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
                    .child_by_field_name("operator")
                    .map_or("", |operator| self.text(operator));
                if matches!(operator, "!" | "not")
                    && let Some(argument) = node.child_by_field_name("argument")
                {
                    return self.condition(argument, no, yes);
                }
            }
            "binary_expression" => {
                let operator = node
                    .child_by_field_name("operator")
                    .map_or("", |operator| self.text(operator));
                if let (Some(left), Some(right)) = (
                    node.child_by_field_name("left"),
                    node.child_by_field_name("right"),
                ) {
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
                    .child_by_field_name("declarator")
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
            .child_by_field_name("operator")
            .filter(|_| node.kind() == "binary_expression")
            .map(|operator| self.text(operator));
        let bits = match (
            operator,
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
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
            None => self.expression(node),
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
        if let Some(initializer) = node.child_by_field_name("initializer") {
            self.statement(initializer);
        }
        match node.child_by_field_name("value") {
            Some(value) if value.kind() == "declaration" => {
                self.local_declaration(value);
                let name = value
                    .child_by_field_name("declarator")
                    .and_then(|declarator| self.declarator(declarator).name)
                    .map(|name| self.text(name));
                name.map_or(Value::Unknown, |name| self.name_value(name))
            }
            Some(value) => self.expression(value),
            None => Value::Unknown,
        }
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
            "cast_expression" => self.constant_at(node.child_by_field_name("value")?, depth + 1),
            "unary_expression" => {
                let value = self.constant_at(node.child_by_field_name("argument")?, depth + 1)?;
                match self.text(node.child_by_field_name("operator")?) {
                    "-" => value.checked_neg(),
                    "+" => Some(value),
                    "~" => Some(!value),
                    _ => None,
                }
            }
            "binary_expression" => {
                let left = self.constant_at(node.child_by_field_name("left")?, depth + 1)?;
                let right = self.constant_at(node.child_by_field_name("right")?, depth + 1)?;
                match self.text(node.child_by_field_name("operator")?) {
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
fn first(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    let found = node
        .named_children(&mut cursor)
        .find(|child| !child.is_error() && child.kind() != "comment");
    found
}

fn is_dereference(node: Node) -> bool {
    first(node).is_some_and(|inner| inner.kind() == "pointer_expression")
}

fn is_method_of_this(place: &Place) -> bool {
    place.root == Root::This && place.path.len() == 1
}

/// `DWORD(x)`, `size_t(x)`: scalar typedefs that are called like a function. All-capital names may be macros.
fn is_scalar_cast(name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or(name);
    matches!(
        last,
        "DWORD"
            | "HANDLE"
            | "HMODULE"
            | "HINSTANCE"
            | "BOOL"
            | "UINT"
            | "INT"
            | "LONG"
            | "ULONG"
            | "BYTE"
            | "WORD"
            | "LPVOID"
            | "PVOID"
            | "HWND"
            | "HRESULT"
            | "LPARAM"
            | "WPARAM"
            | "LRESULT"
            | "DWORD_PTR"
            | "ULONG_PTR"
            | "LONG_PTR"
            | "UINT_PTR"
            | "INT_PTR"
            | "SIZE_T"
            | "WCHAR"
            | "CHAR"
            | "ULONGLONG"
            | "LONGLONG"
            | "size_t"
            | "ptrdiff_t"
            | "intptr_t"
            | "uintptr_t"
            | "int8_t"
            | "int16_t"
            | "int32_t"
            | "int64_t"
            | "uint8_t"
            | "uint16_t"
            | "uint32_t"
            | "uint64_t"
    )
}

fn address_of(value: Value) -> Value {
    match value {
        Value::Place(place) => Value::AddressOf(place),
        Value::Result(id) => Value::AddressOf(Place::of(Root::Result(id))),
        other => other,
    }
}

fn is_constant(value: &Value) -> bool {
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
    let op = match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        other => other,
    };
    Some(Cond::Compare {
        left: right,
        op,
        right: left,
    })
}
