//! Declarations inside functions.

use super::declarators::with_suffix;
use super::fields::{Fields, NodeField};
use super::functions::Binding;
use super::{Lowering, children, names};
use crate::ir::{Callee, Member, Place, Root, Slot, Static, StmtKind, Value};
use crate::source::Span;
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// `T x = …, *y;` inside a function.
    pub(super) fn local_declaration(&mut self, node: Node) {
        if let Some(ty) = node.field(NodeField::Type)
            && ty.field(NodeField::Body).is_some()
        {
            self.collect_type_node(ty);
            self.local_class(ty);
        }
        let base = self.base_type(node);
        let base = self.shadowed(base);
        let is_static = self.has_word(node, "static") || self.is_thread_local(node);
        let is_extern = self.has_word(node, "extern");
        let declarators = super::declarators::all(node);
        for declarator_node in declarators {
            let declarator = self.declarator(declarator_node);
            // `if (T x = f())` keeps the value beside the declarator.
            let value = declarator_node.field(NodeField::Value).or_else(|| {
                declarator_node.next_named_sibling().filter(|next| {
                    node.field(NodeField::Value)
                        .is_some_and(|value| value == *next)
                })
            });
            if !declarator.bindings.is_empty() {
                self.structured_binding(&declarator.bindings, value, node);
                continue;
            }
            let Some(name) = declarator.name else {
                continue;
            };
            let mut type_text = with_suffix(base.clone(), &declarator.suffix);
            let mut value = value;
            if let Some(function) = declarator.function {
                if is_extern || !self.is_construction(&type_text, function) {
                    self.prototype(node, declarator_node, name, function);
                    continue;
                }
                value = function.field(NodeField::Parameters);
            }
            if is_extern || value.is_some_and(|value| self.is_parameter_list(&type_text, value)) {
                // The name means the object or the function outside.
                continue;
            }
            if type_text.is_empty() {
                type_text = "auto".into();
            }
            if is_static {
                self.local_static(node, name, &type_text, value);
            } else {
                self.local(node, declarator_node, name, &type_text, value);
            }
        }
    }

    /// Whether `T x(a, b)` is an object with arguments, although the grammar takes it for a function.
    fn is_construction(&mut self, type_text: &str, function: Node) -> bool {
        if !self.cpp {
            return false;
        }
        let Some(list) = function.field(NodeField::Parameters) else {
            return false;
        };
        let parameters = children(list);
        if parameters.is_empty() {
            return false;
        }
        let class = self.is_class_type(type_text);
        parameters.iter().all(|parameter| {
            let Some(ty) = parameter.field(NodeField::Type) else {
                return false;
            };
            if parameter.kind() != "parameter_declaration"
                || !matches!(
                    ty.kind(),
                    "type_identifier" | "qualified_identifier" | "template_type"
                )
                || super::child(*parameter, "type_qualifier").is_some()
            {
                return false;
            }
            let text = self.text(ty);
            match parameter.field(NodeField::Declarator) {
                Some(declarator) => declarator.kind() == "abstract_function_declarator",
                None => {
                    let name = self.name(text);
                    self.resolve(&name).is_some()
                        || self.values.contains(text)
                        || (class && !names::is_scalar(text) && self.find_class(text).is_none())
                }
            }
        })
    }

    /// An argument that the grammar took for a parameter: `a`, `Call(x)`, `ns::f(g())`.
    pub(super) fn parameter_as_value(&mut self, parameter: Node) -> Value {
        let Some(ty) = parameter.field(NodeField::Type) else {
            return if parameter.kind() == "parameter_declaration" || self.frames.is_empty() {
                Value::Unknown
            } else {
                self.expression(parameter)
            };
        };
        let name = names::plain(self.text(ty));
        let declarator = parameter.field(NodeField::Declarator);
        let Some(declarator) =
            declarator.filter(|node| node.kind() == "abstract_function_declarator")
        else {
            if declarator.is_some() {
                return Value::Unknown;
            }
            return self.name_value(&name);
        };
        if self.depth > super::DEEPEST {
            return Value::Unknown;
        }
        self.depth += 1;
        let mut args = Vec::new();
        if let Some(list) = declarator.field(NodeField::Parameters) {
            for inner in children(list) {
                args.push(self.parameter_as_value(inner));
            }
        }
        self.depth -= 1;
        let span = self.span(parameter);
        self.call_by_name(&name, args, span)
    }

    fn structured_binding(&mut self, bindings: &[Node], value: Option<Node>, node: Node) {
        let span = self.span(node);
        self.enter_scope();
        let value = match value {
            Some(value) => self.expression(value),
            None => Value::Unknown,
        };
        self.leave_scope(span);
        for (position, binding) in bindings.iter().enumerate() {
            let name = self.text(*binding);
            let binding_span = self.span(*binding);
            let local = self.new_local(name, "auto", binding_span);
            self.bind(name, Binding::Local(local));
            let value = match value.place() {
                Some(place) => Value::Place(place.field(self.name(&position.to_string()))),
                None => Value::Unknown,
            };
            let to = Place::of(Root::Local(local));
            self.push(StmtKind::Assign { to, value }, span);
        }
    }

    /// A local object.
    fn local(
        &mut self,
        node: Node,
        declarator: Node,
        name: Node,
        type_text: &str,
        value: Option<Node>,
    ) {
        let span = self.span(declarator);
        let text = self.text(name);
        // The arms of an `#if` may declare the same name twice in one scope: that is one local.
        let shared = self.arms.at(self.offset(node)).is_some();
        let known = shared.then(|| self.frame().declared_here(text)).flatten();
        let redeclared = known.is_some();
        let local = known.unwrap_or_else(|| self.new_local(text, type_text, self.span(name)));
        let place = Place::of(Root::Local(local));
        let is_array = type_text.ends_with(']');
        let element = if is_array {
            type_text.split('[').next().unwrap_or("").trim_end()
        } else {
            type_text
        };
        let class = self.cpp && self.is_class_type(element);
        // A function's local is in scope in its own initializer: `T x = { &x }`.
        if !redeclared {
            self.bind(text, Binding::Local(local));
        }
        self.initialize(&place, type_text, element, is_array, class, value, span);
        if class && !redeclared {
            let dropped = if is_array {
                place.field(self.name("[]"))
            } else {
                place
            };
            let element = self.name(element);
            self.frame().cfg.declare(dropped, element);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn initialize(
        &mut self,
        place: &Place,
        type_text: &str,
        element: &str,
        is_array: bool,
        class: bool,
        value: Option<Node>,
        span: Span,
    ) {
        let Some(value) = value else {
            let default = class && element != "auto" && !is_array && !self.is_aggregate(element);
            if default {
                let callee = Callee::Construct {
                    type_text: self.name(element),
                    heap: false,
                };
                let args = Vec::new();
                let id = self.push(StmtKind::Call { callee, args }, span);
                self.assign(place, Value::Result(id), span);
            }
            return;
        };
        self.enter_scope();
        match value.kind() {
            "initializer_list" | "argument_list" | "parameter_list" => {
                let list = value.kind() == "initializer_list";
                let aggregate = is_array
                    || (list && (!class || self.is_aggregate(element) || is_designated(value)));
                if element == "auto" || (!class && (!list || (!is_array && single(value)))) {
                    // `int x(1)`, `HANDLE h{nullptr}`
                    let args = self.arguments(value);
                    let count = args.len();
                    if let Some(first) = args.into_iter().next().filter(|_| count == 1) {
                        self.assign(place, first, span);
                    }
                } else if aggregate {
                    let mut elements = Vec::new();
                    self.elements(place.clone(), type_text, value, &mut elements);
                    for (to, value, span) in elements {
                        self.push(StmtKind::Assign { to, value }, span);
                    }
                } else {
                    let args = self.arguments(value);
                    let callee = Callee::Construct {
                        type_text: self.name(element),
                        heap: false,
                    };
                    let id = self.push(StmtKind::Call { callee, args }, span);
                    self.assign(place, Value::Result(id), span);
                }
            }
            _ => {
                let value = self.expression(value);
                self.assign(place, value, span);
            }
        }
        self.leave_scope(span);
    }

    fn assign(&mut self, to: &Place, value: Value, span: Span) {
        let to = to.clone();
        self.push(StmtKind::Assign { to, value }, span);
    }

    /// Whether a type is a class of this file without constructors: a braced list fills its fields.
    pub(super) fn is_aggregate(&self, type_text: &str) -> bool {
        let Some(class) = self.class_of_type(type_text) else {
            return false;
        };
        let ty = &self.unit.types[class];
        !ty.methods.iter().any(|method| method.name == ty.name) && ty.bases.is_empty()
    }

    /// The elements of a braced list, with the places that they initialize.
    pub(super) fn elements(
        &mut self,
        place: Place,
        type_text: &str,
        list: Node,
        elements: &mut Vec<(Place, Value, Span)>,
    ) {
        if self.depth > super::DEEPEST {
            return self.opaque(list);
        }
        self.depth += 1;
        let is_array = type_text.ends_with(']');
        let class = if is_array {
            None
        } else {
            self.class_of_type(type_text)
        };
        let mut position = 0;
        for item in children(list) {
            let mut value = item;
            let mut target = None;
            let mut member = Some(Member::At(position as u32));
            if item.kind() == "initializer_pair" {
                let Some(inner) = item.field(NodeField::Value) else {
                    continue;
                };
                value = inner;
                let mut cursor = item.walk();
                let mut path = place.clone();
                for designator in item.children_by_field_name("designator", &mut cursor) {
                    let part = match designator.kind() {
                        "field_designator" => self.text(designator).trim_start_matches('.').trim(),
                        "field_identifier" => self.text(designator),
                        _ => "[]",
                    };
                    path = path.field(self.name(part));
                }
                member = path.path[place.path.len().min(path.path.len())..]
                    .first()
                    .filter(|part| &***part != "[]" && path.path.len() == place.path.len() + 1)
                    .map(|part| Member::Named(part.clone()));
                target = Some((path, String::new()));
            }
            let (target, inner_type) = target.unwrap_or_else(|| {
                let field = class.and_then(|class| {
                    let field = self.unit.types[class].fields.get(position)?;
                    Some((field.name.clone(), field.type_text.to_string()))
                });
                match field {
                    Some((name, ty)) => (place.field(name), ty),
                    None => {
                        let element = type_text.split('[').next().unwrap_or("").trim_end();
                        (place.field(self.name("[]")), element.to_string())
                    }
                }
            });
            position += 1;
            if value.kind() == "initializer_list" {
                self.elements(target, &inner_type, value, elements);
                continue;
            }
            let span = self.span(value);
            let value = self.expression(value);
            if let Some(member) = member.filter(|_| !is_array && !type_text.is_empty())
                && let Value::Place(named) | Value::AddressOf(named) = &value
                && matches!(named.root, Root::Global(_))
                && named.path.is_empty()
            {
                let type_text = self.name(type_text);
                let value = value.clone();
                self.unit.slots.push(Slot {
                    type_text,
                    member,
                    value,
                });
            }
            // A long table of numbers says nothing.
            if !(matches!(value, Value::Const(_)) && elements.len() > 64) {
                elements.push((target, value, span));
            }
        }
        self.depth -= 1;
    }

    /// A static inside a function: it is constructed by whoever comes first.
    fn local_static(&mut self, node: Node, name: Node, type_text: &str, value: Option<Node>) {
        let text = self.text(name);
        let scope = self.frame().qualified.clone();
        let qualified = self.name(&names::join(&scope, text));
        let place = Place::of(Root::Global(qualified.clone()));
        let span = self.span(node);
        self.bind(text, Binding::Static(qualified));
        let mut init = Vec::new();
        let element = type_text.split('[').next().unwrap_or("").trim_end();
        let is_array = type_text.ends_with(']');
        let class = self.cpp && self.is_class_type(element);
        let plain = match value {
            None => !class || is_array || element == "auto" || self.is_aggregate(element),
            Some(value) => {
                !is_list(value) && {
                    match self.plain_value(value) {
                        Some(plain) => {
                            init.push(plain);
                            !class
                        }
                        None => false,
                    }
                }
            }
        };
        if !plain {
            let once = self.frame().cfg.new_block();
            let join = self.frame().cfg.new_block();
            self.unknown_branch(once, join);
            self.frame().cfg.start(once);
            match value {
                Some(value) => {
                    self.enter_scope();
                    let mut values = Vec::new();
                    self.static_value(&place, type_text, value, &mut values);
                    for value in &values {
                        let to = if values.len() == 1 && !is_list_like(type_text) {
                            place.clone()
                        } else {
                            place.field("[]")
                        };
                        let value = value.clone();
                        self.push(StmtKind::Assign { to, value }, span);
                    }
                    if values
                        .iter()
                        .all(|value| !matches!(value, Value::Result(_) | Value::Unknown))
                    {
                        init = values;
                    }
                    self.leave_scope(span);
                }
                None => self.initialize(&place, type_text, element, is_array, class, None, span),
            }
            self.frame().cfg.edge(join, Vec::new());
            self.frame().cfg.start(join);
        }
        let object = Static {
            name: self.name(text),
            scope,
            type_text: self.name(type_text),
            thread_local: self.is_thread_local(node),
            internal: true,
            is_extern: false,
            function: Some(self.frame().index),
            initializer: None,
            init,
            attributes: self.object_attributes(node),
            when: self.arms.when(span.start as usize),
            span,
            name_span: self.span(name),
        };
        self.unit.statics.push(object);
    }
}

fn is_list(node: Node) -> bool {
    matches!(
        node.kind(),
        "initializer_list" | "argument_list" | "parameter_list"
    )
}

/// Whether a braced list names fields: only aggregates take that.
pub(super) fn is_designated(list: Node) -> bool {
    super::child(list, "initializer_pair").is_some()
}

fn is_list_like(type_text: &str) -> bool {
    type_text.ends_with(']')
}

fn single(list: Node) -> bool {
    list.named_child_count() == 1
        && list
            .named_child(0)
            .is_some_and(|item| !matches!(item.kind(), "initializer_pair" | "initializer_list"))
}
