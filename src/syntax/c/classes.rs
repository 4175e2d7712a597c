//! The first walk: types, with their fields and methods.

use super::declarators::with_suffix;
use super::fields::{Fields, NodeField};
use super::{Lowering, ScopePart, children, names};
use crate::ir::{Constant, Field, MethodDecl, Name, Place, Root, TypeDef, TypeKind, Value};
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// Collects the types below a list of items, so that methods know fields that are declared after them.
    pub(super) fn collect_types(&mut self, node: Node) {
        if self.depth > super::DEEPEST {
            return;
        }
        self.depth += 1;
        for item in children(node) {
            self.collect_item(item);
        }
        self.depth -= 1;
    }

    fn collect_item(&mut self, item: Node) {
        match item.kind() {
            "namespace_definition" => {
                let pushed = self.enter_namespace(item);
                if let Some(part) = self.scope.last() {
                    let last = names::split(&part.name).1.to_string();
                    let last = self.name(&last);
                    self.namespaces.insert(last);
                }
                if let Some(body) = item.field(NodeField::Body) {
                    self.collect_types(body);
                }
                self.scope.truncate(self.scope.len() - pushed);
            }
            "linkage_specification" => {
                if let Some(body) = item.field(NodeField::Body) {
                    if body.kind() == "declaration_list" {
                        self.collect_types(body);
                    } else {
                        self.collect_item(body);
                    }
                }
            }
            "template_declaration" | "declaration_list" | "ERROR" | "export_declaration" => {
                self.collect_types(item);
            }
            "declaration" | "function_definition" => {
                if let Some(ty) = item.field(NodeField::Type) {
                    self.collect_type_node(ty);
                }
                for declarator in super::declarators::all(item) {
                    let declarator = self.declarator(declarator);
                    let defines =
                        declarator.function.is_none() || item.kind() == "function_definition";
                    if let Some(name) = declarator.name
                        && defines
                    {
                        let plain = names::plain(self.text(name));
                        let name = self.name(names::split(&plain).1);
                        self.values.insert(name);
                    }
                }
            }
            "type_definition" => self.collect_typedef(item),
            "alias_declaration" => self.collect_alias(item),
            _ => self.collect_type_node(item),
        }
    }

    /// A class, struct, union or enum where it stands as a type.
    pub(super) fn collect_type_node(&mut self, node: Node) {
        match node.kind() {
            "class_specifier" | "struct_specifier" | "union_specifier"
                if node.field(NodeField::Body).is_some() =>
            {
                let name = self.type_name(node);
                self.collect_class(node, &name);
            }
            "enum_specifier" => self.collect_enum(node),
            _ => {}
        }
    }

    fn collect_typedef(&mut self, item: Node) {
        let Some(ty) = item.field(NodeField::Type) else {
            return;
        };
        let declarators = super::declarators::all(item);
        let mut base = self.base_type(item);
        let has_body = ty.field(NodeField::Body).is_some();
        let anonymous = ty.field(NodeField::Name).is_none();
        // The first plain name of `typedef struct { … } Foo, *PFoo;` is the struct's own.
        let own = declarators
            .iter()
            .find(|node| node.kind() == "type_identifier")
            .map(|node| self.text(*node).to_string());
        match ty.kind() {
            "struct_specifier" | "class_specifier" | "union_specifier" if has_body => {
                let name = match &own {
                    Some(own) if anonymous => own.clone(),
                    _ => self.type_name(ty),
                };
                self.collect_class(ty, &name);
                base = name;
            }
            "enum_specifier" => {
                self.collect_enum(ty);
                for node in &declarators {
                    let name = self.name(self.text(*node));
                    self.enums.insert(name);
                }
                return;
            }
            _ => {}
        }
        for node in declarators {
            let declarator = self.declarator(node);
            let Some(name) = declarator.name else {
                continue;
            };
            let name = self.text(name).to_string();
            if name == base {
                continue;
            }
            let mut target = with_suffix(base.clone(), &declarator.suffix);
            if declarator.function.is_some() {
                target.push_str(" ()");
            }
            self.add_alias(item, &name, &target);
        }
    }

    fn collect_alias(&mut self, item: Node) {
        let (Some(name), Some(ty)) = (item.field(NodeField::Name), item.field(NodeField::Type))
        else {
            return;
        };
        if let Some(inner) = ty.field(NodeField::Type) {
            self.collect_type_node(inner);
        }
        let target = self.type_name(ty);
        let name = self.text(name).to_string();
        self.add_alias(item, &name, &target);
    }

    fn add_alias(&mut self, item: Node, name: &str, target: &str) {
        let ty = TypeDef {
            name: self.name(name),
            scope: self.scope_name(),
            kind: TypeKind::Alias,
            bases: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
            alias: Some(self.name(target)),
            template_params: Vec::new(),
            span: self.span(item),
        };
        self.add_type(ty);
    }

    pub(super) fn add_type(&mut self, ty: TypeDef) -> usize {
        let index = self.unit.types.len();
        let qualified = self.name(&names::join(&ty.scope, &ty.name));
        let short = ty.name.clone();
        self.unit.types.push(ty);
        // A class beats an alias of its name, the first definition any later one.
        let span = self.unit.types[index].span;
        self.types_by_span.insert((span.start, span.end), index);
        self.classes.entry(qualified).or_insert(index);
        self.classes_by_name.entry(short).or_default().push(index);
        index
    }

    pub(super) fn collect_enum(&mut self, node: Node) {
        let name = node
            .field(NodeField::Name)
            .map(|name| names::plain(self.text(name)));
        if let Some(name) = &name {
            let name = self.name(name);
            self.enums.insert(name);
        }
        let Some(body) = node.field(NodeField::Body) else {
            return;
        };
        let outer = self.scope_name();
        let scoped = self
            .text(node)
            .split_whitespace()
            .nth(1)
            .is_some_and(|word| matches!(word, "class" | "struct"));
        let scope = match &name {
            Some(name) if scoped => self.name(&names::join(&outer, name)),
            _ => outer,
        };
        let mut next = Some(0i64);
        for enumerator in children(body) {
            if enumerator.kind() != "enumerator" {
                continue;
            }
            let Some(name) = enumerator.field(NodeField::Name) else {
                continue;
            };
            let value = match enumerator.field(NodeField::Value) {
                None => next.map_or(Value::Unknown, Value::Const),
                Some(value) => match self.constant(value) {
                    Some(number) => {
                        next = Some(number);
                        Value::Const(number)
                    }
                    None => {
                        next = None;
                        match value.kind() {
                            "identifier" | "qualified_identifier" => {
                                let name = self.name(&names::plain(self.text(value)));
                                Value::Place(Place::of(Root::Global(name)))
                            }
                            _ => Value::Unknown,
                        }
                    }
                },
            };
            next = next.and_then(|number| number.checked_add(1));
            let name = self.name(self.text(name));
            self.unit.constants.push(Constant {
                name,
                scope: scope.clone(),
                value,
                when: Vec::new(),
            });
        }
    }

    fn template_params(&mut self, class: Node) -> Vec<Name> {
        let Some(template) = class
            .parent()
            .filter(|parent| parent.kind() == "template_declaration")
        else {
            return Vec::new();
        };
        let Some(parameters) = template.field(NodeField::Parameters) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for parameter in children(parameters) {
            let name = match parameter.kind() {
                "type_parameter_declaration" | "variadic_type_parameter_declaration" => {
                    parameter.named_child(0)
                }
                "optional_type_parameter_declaration" => parameter.field(NodeField::Name),
                _ => parameter
                    .field(NodeField::Declarator)
                    .and_then(|declarator| self.declarator(declarator).name),
            };
            if let Some(name) = name {
                found.push(self.name(self.text(name)));
            }
        }
        found
    }

    fn collect_class(&mut self, node: Node, name: &str) {
        let Some(body) = node.field(NodeField::Body) else {
            return;
        };
        if self.depth > super::DEEPEST {
            let range = self.span(node).range();
            self.opaque_region(range);
            return;
        }
        let plain = if name.starts_with('{') {
            name.to_string()
        } else {
            names::plain(name)
        };
        let (qualifier, last) = names::split(&plain);
        let outer = self.scope_name();
        let scope = names::join(&outer, qualifier);
        let scope = scope.trim_end_matches(':').to_string();
        let mut bases = Vec::new();
        if let Some(clause) = super::child(node, "base_class_clause") {
            for base in children(clause) {
                if matches!(
                    base.kind(),
                    "type_identifier" | "qualified_identifier" | "template_type"
                ) {
                    let text = names::collapse(self.text(base));
                    bases.push(self.name(text.trim_start_matches("::")));
                }
            }
        }
        let ty = TypeDef {
            name: self.name(last),
            scope: self.name(&scope),
            kind: TypeKind::Class,
            bases,
            fields: Vec::new(),
            methods: Vec::new(),
            alias: None,
            template_params: self.template_params(node),
            span: self.span(node),
        };
        let index = self.add_type(ty);
        self.depth += 1;
        self.enter_class(index, &plain);
        self.collect_members(body, index);
        if node.kind() == "union_specifier" {
            self.mark_union(index, 0);
        }
        self.scope.pop();
        self.depth -= 1;
    }

    /// The class's own scope.
    pub(super) fn enter_class(&mut self, index: usize, plain: &str) {
        let name = self.name(plain);
        self.scope.push(ScopePart {
            name,
            class: Some(index),
            internal: false,
        });
    }

    /// The fields of a class from one on stand in a union.
    fn mark_union(&mut self, class: usize, from: usize) {
        for field in &mut self.unit.types[class].fields[from..] {
            field.in_union = true;
        }
    }

    fn collect_members(&mut self, body: Node, index: usize) {
        for member in children(body) {
            self.collect_member(member, index);
        }
    }

    fn collect_member(&mut self, member: Node, index: usize) {
        match member.kind() {
            "template_declaration" => {
                for inner in children(member) {
                    self.collect_member(inner, index);
                }
            }
            "alias_declaration" => self.collect_alias(member),
            "type_definition" => self.collect_typedef(member),
            "field_declaration" | "declaration" | "function_definition" => {
                self.collect_field(member, index);
            }
            _ => self.collect_type_node(member),
        }
    }

    fn collect_field(&mut self, member: Node, index: usize) {
        let ty = member.field(NodeField::Type);
        let has_declarator = member.field(NodeField::Declarator).is_some();
        if let Some(ty) = ty
            && (has_declarator
                || ty.field(NodeField::Name).is_some()
                || ty.kind() == "enum_specifier")
        {
            self.collect_type_node(ty);
        }
        let base = self.base_type(member);
        let is_static = self.has_word(member, "static");
        let is_virtual = self.has_word(member, "virtual") || self.has_word(member, "override");
        let declarators = super::declarators::all(member);
        if declarators.is_empty()
            && let Some(ty) = ty
            && ty.field(NodeField::Name).is_none()
            && let Some(body) = ty.field(NodeField::Body)
            && ty.kind() != "enum_specifier"
        {
            // The members of an anonymous struct or union are the class's own.
            let before = self.unit.types[index].fields.len();
            for inner in children(body) {
                self.collect_member(inner, index);
            }
            if ty.kind() == "union_specifier" {
                self.mark_union(index, before);
            }
            return;
        }
        for node in declarators {
            let declarator = self.declarator(node);
            let Some(name) = declarator.name else {
                continue;
            };
            let plain = if name.kind() == "operator_cast" {
                self.conversion_name(name)
            } else {
                names::plain(self.text(name))
            };
            let last = self.name(names::split(&plain).1);
            if let Some(function) = declarator.function {
                let method = MethodDecl {
                    name: last,
                    is_virtual: is_virtual || self.has_word(function, "override"),
                    is_static,
                    return_type: self.name(&with_suffix(base.clone(), &declarator.suffix)),
                    params: self.parameters(function).0,
                };
                self.unit.types[index].methods.push(method);
                continue;
            }
            if is_static || member.kind() == "function_definition" {
                continue;
            }
            let init = self.field_init(node);
            let field = Field {
                name: last,
                type_text: self.name(&with_suffix(base.clone(), &declarator.suffix)),
                init,
                initializer: None,
                in_union: false,
                span: self.span(node),
            };
            self.unit.types[index].fields.push(field);
        }
    }

    /// A default member initializer: a plain value, or unknown where it is more than that.
    fn field_init(&mut self, declarator: Node) -> Option<Value> {
        let mut value = default_initializer(declarator)?;
        if value.kind() == "initializer_list" {
            match value.named_child_count() {
                0 => return Some(Value::Const(0)),
                1 => value = value.named_child(0)?,
                _ => {}
            }
        }
        self.plain_value(value).or(Some(Value::Unknown))
    }

    /// `operator bool` of a conversion.
    pub(super) fn conversion_name(&self, node: Node) -> String {
        let text = self.text(node);
        let end = text.find('(').unwrap_or(text.len());
        names::plain(text[..end].trim_end())
    }

    /// Whether a declaration carries a keyword such as `static` among its direct children.
    pub(super) fn has_word(&self, node: Node, word: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).any(|child| {
            (matches!(
                child.kind(),
                "storage_class_specifier" | "virtual_specifier" | "type_qualifier" | "virtual"
            ) || child.kind() == word)
                && self.text(child) == word
        })
    }

    /// A class by a name as written at the present place.
    pub(super) fn find_class(&self, name: &str) -> Option<usize> {
        let plain = names::plain(name);
        let parts: Vec<&str> = self
            .scope
            .iter()
            .map(|part| &*part.name)
            .filter(|part| !part.is_empty())
            .collect();
        for count in (0..=parts.len()).rev() {
            let scope = parts[..count].join("::");
            if let Some(&index) = self.classes.get(names::join(&scope, &plain).as_str()) {
                return Some(index);
            }
        }
        let last = names::split(&plain).1;
        match self.classes_by_name.get(last)?.as_slice() {
            [index] => {
                let ty = &self.unit.types[*index];
                let qualified = names::join(&ty.scope, &ty.name);
                qualified.ends_with(&plain).then_some(*index)
            }
            _ => None,
        }
    }

    /// The class that a type text names, through aliases of this file.
    pub(super) fn class_of_type(&self, type_text: &str) -> Option<usize> {
        let mut text = type_text.to_string();
        for _ in 0..8 {
            let bare = names::bare(&text)
                .trim_end_matches(['*', '&', ' '])
                .to_string();
            let index = self.find_class(&bare)?;
            match &self.unit.types[index].alias {
                Some(alias) => text = alias.to_string(),
                None => return Some(index),
            }
        }
        None
    }

    /// Whether objects of a type have a constructor or destructor that may matter.
    pub(super) fn is_class_type(&self, type_text: &str) -> bool {
        if type_text.ends_with(['*', '&', ')', ']']) {
            return false;
        }
        let mut text = type_text.to_string();
        for _ in 0..8 {
            let bare = names::bare(&text).to_string();
            if self.enums.contains(names::split(&bare).1) {
                return false;
            }
            match self.find_class(&bare) {
                Some(index) => match &self.unit.types[index].alias {
                    Some(alias) => text = alias.to_string(),
                    None => return true,
                },
                None => return names::is_class_like(&text),
            }
        }
        false
    }

    /// Whether a class or one of its bases in this file has a field of this name.
    pub(super) fn has_field(&self, class: usize, name: &str) -> bool {
        let mut pending = vec![class];
        let mut seen = Vec::new();
        while let Some(index) = pending.pop() {
            if seen.contains(&index) || seen.len() > 32 {
                continue;
            }
            seen.push(index);
            let ty = &self.unit.types[index];
            if ty.fields.iter().any(|field| &*field.name == name) {
                return true;
            }
            for base in &ty.bases {
                pending.extend(self.class_of_type(base));
            }
        }
        false
    }
}

impl<'t> Lowering<'t> {
    /// An alias inside a function.
    pub(super) fn collect_local_alias(&mut self, node: Node) {
        match node.kind() {
            "type_definition" => self.collect_typedef(node),
            _ => self.collect_alias(node),
        }
    }
}

/// What a member is given for want of an initializer in the constructor: the node behind its declarator.
pub(super) fn default_initializer<'t>(declarator: Node<'t>) -> Option<Node<'t>> {
    let mut at = declarator.next_named_sibling();
    while let Some(node) = at {
        if node.kind().ends_with("declarator") || node.kind() == "field_identifier" {
            return None;
        }
        if node.kind() != "bitfield_clause" {
            return Some(node);
        }
        at = node.next_named_sibling();
    }
    None
}
