//! The second walk: functions, objects and the rest of what stands at namespace scope.

use super::declarators::with_suffix;
use super::fields::{Fields, NodeField};
use super::functions::Head;
use super::{Lowering, ScopePart, children, names, recovery};
use crate::ir::{
    FunctionIndex, FunctionKind, Import, Invocation, Linkage, Name, Place, Root, Static, StmtKind,
    Value,
};
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// Lowers a list of items.
    pub(super) fn items(&mut self, node: Node) {
        if self.depth > super::DEEPEST {
            let range = self.span(node).range();
            return self.opaque_region(range);
        }
        self.depth += 1;
        for item in children(node) {
            self.item(item);
        }
        self.depth -= 1;
    }

    /// Pushes the parts of a namespace's name; says how many.
    pub(super) fn enter_namespace(&mut self, node: Node) -> usize {
        let name = node
            .field(NodeField::Name)
            .map(|name| names::plain(self.text(name)));
        match name {
            Some(name) => {
                let name = self.name(name.strip_prefix("inline").unwrap_or(&name).trim());
                self.scope.push(ScopePart {
                    name,
                    class: None,
                    internal: false,
                });
            }
            None => {
                let name = self.name("");
                self.scope.push(ScopePart {
                    name,
                    class: None,
                    internal: true,
                });
            }
        }
        1
    }

    pub(super) fn item(&mut self, item: Node) {
        match item.kind() {
            "namespace_definition" => {
                let pushed = self.enter_namespace(item);
                if let Some(body) = item.field(NodeField::Body) {
                    self.items(body);
                }
                self.scope.truncate(self.scope.len() - pushed);
            }
            "linkage_specification" => {
                if let Some(body) = item.field(NodeField::Body) {
                    if body.kind() == "declaration_list" {
                        self.items(body);
                    } else {
                        self.item(body);
                    }
                }
            }
            "template_declaration" => self.in_template(item, Self::items),
            "declaration_list" | "export_declaration" => self.items(item),
            "function_definition" => {
                if let Some(ty) = item.field(NodeField::Type) {
                    self.class_members(ty);
                }
                self.function_definition(item);
            }
            "declaration" => self.namespace_declaration(item),
            "type_definition" => {
                if let Some(ty) = item.field(NodeField::Type) {
                    self.class_members(ty);
                }
            }
            "class_specifier" | "struct_specifier" | "union_specifier" => self.class_members(item),
            "using_declaration" | "namespace_alias_definition" => self.using(item),
            "alias_declaration"
            | "enum_specifier"
            | "static_assert_declaration"
            | "concept_definition"
            | "template_parameter_list"
            | "requires_clause"
            | "template_instantiation"
            | "friend_declaration"
            | "comment"
            | "import_declaration"
            | "module_declaration"
            | "gnu_asm_expression"
            | ";" => {}
            "expression_statement" => self.invocation(item),
            "compound_statement" => self.loose_block(item),
            "ERROR" => self.error_item(item),
            _ => self.opaque_item(item),
        }
    }

    /// What an error node holds may still be items.
    fn error_item(&mut self, item: Node) {
        let text = self.text(item);
        if item.byte_range().len() > 1 && text.bytes().any(|byte| byte == b'(' || byte == b'{') {
            let range = self.span(item).range();
            self.opaque_region(range);
        }
        if self.depth > super::DEEPEST {
            return;
        }
        self.depth += 1;
        for inner in children(item) {
            if matches!(
                inner.kind(),
                "function_definition"
                    | "namespace_definition"
                    | "class_specifier"
                    | "struct_specifier"
                    | "union_specifier"
                    | "linkage_specification"
                    | "template_declaration"
                    | "declaration"
                    | "type_definition"
                    | "using_declaration"
                    | "ERROR"
            ) {
                self.item(inner);
            }
        }
        self.depth -= 1;
    }

    pub(super) fn opaque_item(&mut self, item: Node) {
        let range = self.span(item).range();
        self.opaque_region(range);
    }

    pub(super) fn using(&mut self, item: Node) {
        if item.kind() == "namespace_alias_definition" {
            let parts = children(item);
            if let [name, target] = parts.as_slice() {
                let name = self.name(self.text(*name));
                let target = self.name(&names::plain(self.text(*target)));
                self.unit.imports.push(Import::Alias(name, target));
            }
            return;
        }
        let whole = self.text(item);
        let Some(target) = item.named_child(0) else {
            return;
        };
        let target = names::plain(self.text(target));
        let rest = whole
            .trim_start()
            .strip_prefix("using")
            .unwrap_or("")
            .trim_start();
        let full = self.name(&target);
        if rest.starts_with("namespace") {
            self.unit.imports.push(Import::Namespace(full));
        } else if !rest.starts_with("enum") {
            let short = self.name(names::split(&target).1);
            self.unit.imports.push(Import::Alias(short, full));
        }
    }

    /// Methods and static members in a class head.
    pub(super) fn class_members(&mut self, node: Node) {
        if !matches!(
            node.kind(),
            "class_specifier" | "struct_specifier" | "union_specifier"
        ) {
            return;
        }
        let Some(body) = node.field(NodeField::Body) else {
            return;
        };
        let start = self.span(node);
        let Some(&index) = self.types_by_span.get(&(start.start, start.end)) else {
            return;
        };
        if self.depth > super::DEEPEST {
            return;
        }
        self.depth += 1;
        let own = self.unit.types[index].name.to_string();
        let outer = self.scope_name();
        let scope = self.unit.types[index].scope.clone();
        // `struct Outer::Inner { … }` has a longer scope than where it stands.
        let extra = scope
            .strip_prefix(&*outer)
            .map(|rest| rest.trim_start_matches("::"))
            .unwrap_or("");
        let plain = names::join(extra, &own);
        self.enter_class(index, &plain);
        for member in children(body) {
            self.member(member);
        }
        self.scope.pop();
        self.depth -= 1;
    }

    fn member(&mut self, member: Node) {
        match member.kind() {
            "template_declaration" => self.in_template(member, |this, template| {
                for inner in children(template) {
                    this.member(inner);
                }
            }),
            "friend_declaration" => {
                for inner in children(member) {
                    if inner.kind() == "function_definition" {
                        self.function_definition(inner);
                    }
                }
            }
            "function_definition" => self.function_definition(member),
            "field_declaration" | "declaration" | "type_definition" => {
                if let Some(ty) = member.field(NodeField::Type) {
                    self.class_members(ty);
                }
                if self.has_word(member, "static") {
                    self.static_member(member);
                } else if self.cpp && member.kind() == "field_declaration" {
                    self.default_initializers(member);
                }
            }
            "class_specifier" | "struct_specifier" | "union_specifier" => {
                self.class_members(member)
            }
            "ERROR" => self.error_item(member),
            _ => {}
        }
    }

    /// `inline static T x = …;`, `static constexpr T x = …;`, `static T x;`
    fn static_member(&mut self, member: Node) {
        let base = self.base_type(member);
        let declarators = super::declarators::all(member);
        for node in declarators {
            let declarator = self.declarator(node);
            let Some(name) = declarator.name else {
                continue;
            };
            if declarator.function.is_some() {
                continue;
            }
            let defined = self.has_word(member, "inline")
                || self.has_word(member, "constexpr")
                || node.next_named_sibling().is_some_and(|value| {
                    !value.kind().ends_with("declarator") && value.kind() != "field_identifier"
                });
            let mut value = node.next_named_sibling().filter(|value| {
                !value.kind().ends_with("declarator") && value.kind() != "field_identifier"
            });
            if node.kind() == "init_declarator" {
                value = node.field(NodeField::Value);
            }
            let type_text = with_suffix(base.clone(), &declarator.suffix);
            self.object(member, name, &type_text, value, !defined);
        }
    }

    /// A declaration at namespace scope: prototypes and objects.
    pub(super) fn namespace_declaration(&mut self, item: Node) {
        if let Some(ty) = item.field(NodeField::Type) {
            self.class_members(ty);
        }
        let base = self.base_type(item);
        let base = self.shadowed(base);
        let is_deeper = self.is_deeper(item);
        let declarators = super::declarators::all(item);
        for node in declarators {
            let declarator = self.declarator(node);
            let Some(name) = declarator.name else {
                continue;
            };
            // What a template declares is an object only as the definition of a class's static member; else it is a
            // function whose head was not understood.
            let no_object = is_deeper
                || self.in_own_template()
                    && (name.kind() != "qualified_identifier" || names_template(name));
            if is_deeper
                || no_object
                    && (declarator.function.is_none() || node.kind() != "function_declarator")
            {
                continue;
            }
            let type_text = with_suffix(base.clone(), &declarator.suffix);
            if let Some(function) = declarator.function {
                if self.cpp
                    && !no_object
                    && node.kind() == "function_declarator"
                    && self.names_values(function)
                    && !base.is_empty()
                {
                    self.object(
                        item,
                        name,
                        &type_text,
                        function.field(NodeField::Parameters),
                        false,
                    );
                } else if base.is_empty() && self.is_macro_call(name) {
                    self.invoke(name, function.field(NodeField::Parameters), item);
                } else {
                    self.prototype(item, node, name, function);
                }
                continue;
            }
            let value = node.field(NodeField::Value);
            if value.is_some_and(|value| self.is_parameter_list(&type_text, value)) {
                continue;
            }
            let is_extern = self.has_word(item, "extern") && value.is_none();
            self.object(item, name, &type_text, value, is_extern);
        }
    }

    /// Whether an item that the tree shows at namespace scope stands in the body of a function or class, by the braces
    /// of a file that could not be read as a whole.
    fn is_deeper(&self, item: Node) -> bool {
        if self.bodies_by_braces.is_empty() || self.slice.base != 0 {
            return false;
        }
        match recovery::enclosed(&self.bodies_by_braces, self.offset(item)) {
            // `inline static T x;` defines an object, whatever the tree made of the class around it.
            Some(true) => !(self.has_word(item, "static") && self.has_word(item, "inline")),
            Some(false) => true,
            None => false,
        }
    }

    /// Whether what the grammar takes for constructor arguments are parameters: there are no objects of type `void`, and
    /// `int (*f)(T *)` is a pointer to a function, not the call of a number.
    pub(super) fn is_parameter_list(&self, type_text: &str, value: Node) -> bool {
        if value.kind() != "argument_list" {
            return false;
        }
        let points = |argument: Node| {
            argument.kind() == "call_expression"
                && argument
                    .field(NodeField::Function)
                    .filter(|inner| inner.kind() == "call_expression")
                    .is_some_and(|inner| {
                        let named = inner.field(NodeField::Function).is_some_and(|ty| {
                            matches!(ty.kind(), "primitive_type" | "sized_type_specifier")
                                || names::is_scalar(self.text(ty))
                        });
                        let pointer = inner.field(NodeField::Arguments).is_some_and(|list| {
                            matches!(&children(list)[..], [only] if only.kind() == "pointer_expression")
                        });
                        named && pointer
                    })
        };
        names::bare(type_text) == "void" || children(value).into_iter().any(points)
    }

    fn is_macro_call(&self, name: Node) -> bool {
        name.kind() == "identifier" && super::super::blank::is_capitals(self.text(name).as_bytes())
    }

    /// Whether what looks like a parameter list names functions or objects of this file: then it is an argument list.
    fn names_values(&self, function: Node) -> bool {
        let Some(list) = function.field(NodeField::Parameters) else {
            return false;
        };
        let parameters = children(list);
        !parameters.is_empty()
            && parameters.iter().all(|parameter| {
                parameter.kind() == "parameter_declaration"
                    && parameter.field(NodeField::Declarator).is_none()
                    && parameter
                        .field(NodeField::Type)
                        .is_some_and(|ty| self.values.contains(self.text(ty)))
            })
    }

    /// An object with static storage outside functions.
    fn object(
        &mut self,
        item: Node,
        name: Node,
        type_text: &str,
        value: Option<Node>,
        is_extern: bool,
    ) {
        let plain = names::plain(self.text(name));
        let (qualifier, last) = names::split(&plain);
        let outer = self.scope_name();
        let scope = names::join(&outer, qualifier);
        let scope = scope.trim_end_matches(':').to_string();
        let qualified = self.name(&names::join(&scope, last));
        let class = if qualifier.is_empty() {
            self.scope.last().and_then(|part| part.class)
        } else {
            self.find_class(qualifier)
        };
        let span = self.span(item);
        let name_span = self.span(name);
        let mut init = Vec::new();
        let mut initializer = None;
        if let Some(value) = value {
            let head = Head {
                name: self.name(&format!("{{init {last}}}")),
                scope: self.name(&scope),
                kind: FunctionKind::Initializer,
                has_this: false,
                class,
                name_span,
            };
            let place = Place::of(Root::Global(qualified.clone()));
            (initializer, init) = self.initializer(&head, item, place, type_text, value);
        }
        let object = Static {
            name: self.name(last),
            scope: self.name(&scope),
            type_text: self.name(type_text),
            thread_local: self.is_thread_local(item),
            internal: self.is_internal_scope()
                || (class.is_none() && self.has_word(item, "static")),
            is_extern,
            function: None,
            initializer,
            init,
            attributes: self.object_attributes(item),
            when: self.when(item),
            span,
            name_span,
        };
        self.unit.statics.push(object);
    }

    pub(super) fn is_thread_local(&self, item: Node) -> bool {
        self.has_word(item, "thread_local")
            || self
                .marks(item.start_byte(), item.end_byte())
                .iter()
                .any(|mark| mark.name == "thread")
    }

    pub(super) fn object_attributes(&mut self, item: Node) -> Vec<Name> {
        let mut attributes: Vec<Name> = Vec::new();
        for word in ["const", "constexpr", "constinit"] {
            if self.has_word(item, word) {
                attributes.push(self.name(word));
            }
        }
        for mark in self.marks(item.start_byte(), item.end_byte()) {
            if mark.name == "no_destroy"
                || mark.name.starts_with("section:")
                || mark.name == "dllexport"
            {
                attributes.push(self.name(&mark.name));
            }
        }
        let offset = self.offset(item);
        let before = self.sections.partition_point(|(at, _)| *at <= offset);
        if let Some((_, Some(section))) = before.checked_sub(1).and_then(|at| self.sections.get(at))
        {
            let section = format!("section:{section}");
            if !attributes.iter().any(|known| known.starts_with("section:")) {
                attributes.push(self.name(&section));
            }
        }
        attributes
    }

    /// The function that gives an object of static storage, or a member, its first value, and plain values that need none.
    fn initializer(
        &mut self,
        head: &Head,
        item: Node,
        place: Place,
        type_text: &str,
        value: Node,
    ) -> (Option<FunctionIndex>, Vec<Value>) {
        let span = self.span(item);
        let mut init = Vec::new();
        let mut function = self.new_function(head, span);
        function.linkage = Linkage::Internal;
        function.when = self.when(item);
        let index = self.open_function(function, head.class.filter(|_| head.has_this));
        self.static_value(&place, type_text, value, &mut init);
        let own = self.unit.functions.len() as u32 == index.0 + 1;
        if self.frame().statements == 0 && own {
            self.frames.pop();
            self.unit.functions.pop();
            return (None, init);
        }
        let values = std::mem::take(&mut init);
        if self.frame().statements == 0 {
            // Plain, but a lambda in it refers to this function.
            for value in &values {
                let to = place.clone();
                self.push(
                    StmtKind::Assign {
                        to,
                        value: value.clone(),
                    },
                    span,
                );
            }
            init = values;
        } else if values.len() == 1 {
            let value = values.into_iter().next().unwrap_or(Value::Unknown);
            self.push(StmtKind::Assign { to: place, value }, span);
        } else {
            for value in values {
                let to = place.field("[]");
                self.push(StmtKind::Assign { to, value }, span);
            }
        }
        self.close_function(span);
        (Some(index), init)
    }

    /// The default member initializers of a declaration, as far as they are more than plain values.
    fn default_initializers(&mut self, member: Node) {
        let Some(class) = self.scope.last().and_then(|part| part.class) else {
            return;
        };
        let base = self.base_type(member);
        let declarators = super::declarators::all(member);
        for node in declarators {
            let Some(value) = super::classes::default_initializer(node) else {
                continue;
            };
            if !self.text(value).contains(['(', '{']) && value.kind() != "new_expression" {
                continue;
            }
            let declarator = self.declarator(node);
            let Some(name) = declarator.name.filter(|_| declarator.function.is_none()) else {
                continue;
            };
            let last = self.name(&names::plain(self.text(name)));
            let scope = self.scope_name();
            let head = Head {
                name: self.name(&format!("{{init {last}}}")),
                scope: self.name(&scope),
                kind: FunctionKind::Initializer,
                has_this: true,
                class: Some(class),
                name_span: self.span(name),
            };
            let place = Place::of(Root::This).field(last.clone());
            let type_text = with_suffix(base.clone(), &declarator.suffix);
            let (index, _) = self.initializer(&head, member, place, &type_text, value);
            let fields = &mut self.unit.types[class].fields;
            if let Some(field) = fields.iter_mut().find(|field| field.name == last) {
                field.initializer = index;
            }
        }
    }

    /// Evaluates the initializer of a static in the current function. What is no plain value becomes statements; plain
    /// values are left in `init`.
    pub(super) fn static_value(
        &mut self,
        place: &Place,
        type_text: &str,
        value: Node,
        init: &mut Vec<Value>,
    ) {
        let span = self.span(value);
        match value.kind() {
            "initializer_list" | "argument_list" | "parameter_list" => {
                let is_array = type_text.ends_with(']');
                let construct = self.cpp
                    && !is_array
                    && self.is_class_type(type_text)
                    && !(value.kind() == "initializer_list"
                        && (self.is_aggregate(type_text) || super::locals::is_designated(value)));
                if construct {
                    let args = self.arguments(value);
                    let callee = crate::ir::Callee::Construct {
                        type_text: self.name(type_text),
                        heap: false,
                    };
                    let id = self.push(StmtKind::Call { callee, args }, span);
                    let to = place.clone();
                    self.push(
                        StmtKind::Assign {
                            to,
                            value: Value::Result(id),
                        },
                        span,
                    );
                    return;
                }
                let before = self.frame().statements;
                let mut elements = Vec::new();
                self.elements(place.clone(), type_text, value, &mut elements);
                if self.frame().statements == before {
                    init.extend(elements.into_iter().map(|(_, value, _)| value));
                } else {
                    for (to, value, span) in elements {
                        self.push(StmtKind::Assign { to, value }, span);
                    }
                }
            }
            _ => {
                let value = self.expression(value);
                init.push(value);
            }
        }
    }

    /// A macro call at namespace scope.
    fn invocation(&mut self, item: Node) {
        let Some(call) = item.named_child(0) else {
            return;
        };
        if call.kind() == "identifier" {
            return;
        }
        let function = call.field(NodeField::Function);
        match function {
            Some(name) if call.kind() == "call_expression" && name.kind() == "identifier" => {
                self.invoke(name, call.field(NodeField::Arguments), item);
            }
            _ => self.opaque_item(item),
        }
    }

    fn invoke(&mut self, name: Node, arguments: Option<Node>, item: Node) {
        let span = self.span(item);
        let mut args = Vec::new();
        if let Some(list) = arguments {
            for argument in children(list) {
                args.push(self.invocation_argument(argument));
            }
        }
        let name = self.name(self.text(name));
        self.unit.invocations.push(Invocation { name, args, span });
    }

    fn invocation_argument(&mut self, argument: Node) -> Value {
        let span = self.span(argument);
        match argument.kind() {
            "identifier" | "qualified_identifier" | "type_identifier" => {
                let name = self.name(&names::plain(self.text(argument)));
                Value::Place(Place::of(Root::Global(name)))
            }
            "parameter_declaration" => {
                let name = self.name(&names::plain(self.text(argument)));
                if name.contains('(') {
                    return self.block_argument(span, |this| {
                        this.parameter_as_value(argument);
                    });
                }
                Value::Place(Place::of(Root::Global(name)))
            }
            "lambda_expression"
            | "call_expression"
            | "assignment_expression"
            | "comma_expression"
            | "compound_statement" => self.block_argument(span, |this| {
                if argument.kind() == "compound_statement" {
                    this.compound(argument);
                } else {
                    this.expression(argument);
                }
            }),
            "number_literal" if self.slice.arguments.contains_key(&argument.start_byte()) => {
                match self.slice.arguments.get(&argument.start_byte()) {
                    Some(text) => self.statements_argument(argument.start_byte(), text),
                    None => Value::Unknown,
                }
            }
            _ => self.plain_value(argument).unwrap_or(Value::Unknown),
        }
    }

    /// A block at namespace scope belongs to the macro call before it: `TEST(a, b) { … }`.
    fn loose_block(&mut self, item: Node) {
        if !self.slice.blocks.contains(&item.start_byte()) {
            return self.opaque_item(item);
        }
        let span = self.span(item);
        let range = span.range();
        self.bodies.push(range);
        let value = self.block_argument(span, |this| this.compound(item));
        match self.unit.invocations.last_mut() {
            Some(invocation) => invocation.args.push(value),
            None => self.opaque_item(item),
        }
    }

    /// A value that needs no statement; `None` where it has calls.
    pub(super) fn plain_value(&mut self, node: Node) -> Option<Value> {
        match node.kind() {
            "number_literal"
            | "char_literal"
            | "true"
            | "false"
            | "null"
            | "nullptr"
            | "string_literal"
            | "concatenated_string"
            | "raw_string_literal"
            | "unary_expression"
            | "cast_expression"
            | "parenthesized_expression"
            | "binary_expression"
            | "identifier"
            | "qualified_identifier"
            | "pointer_expression"
            | "field_expression" => {}
            _ => return None,
        }
        if let Some(number) = self.constant(node) {
            return Some(Value::Const(number));
        }
        let head = Head {
            name: self.name(""),
            scope: self.name(""),
            kind: FunctionKind::Initializer,
            has_this: false,
            class: None,
            name_span: self.span(node),
        };
        let function = self.new_function(&head, self.span(node));
        let functions = self.unit.functions.len();
        let opaque = self.unit.opaque.len();
        let frames = std::mem::take(&mut self.frames);
        self.open_function(function, None);
        let value = self.expression(node);
        let plain = self.frame().statements == 0 && self.frame().locals.is_empty();
        self.frames = frames;
        self.unit.functions.truncate(functions);
        self.unit.opaque.truncate(opaque);
        (plain && !matches!(value, Value::Unknown)).then_some(value)
    }
}

/// Whether the last part of a qualified name has template arguments: `boost::forward<A>`.
fn names_template(name: Node) -> bool {
    let mut last = name;
    while let Some(inner) = last.field(NodeField::Name) {
        if last.kind() != "qualified_identifier" {
            break;
        }
        last = inner;
    }
    matches!(
        last.kind(),
        "template_function" | "template_type" | "template_method"
    )
}
