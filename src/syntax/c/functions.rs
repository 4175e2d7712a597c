//! Functions: heads, parameters, frames, lambdas, constructor initializers.

use super::declarators::with_suffix;
use super::fields::{Fields, NodeField};
use super::{Lowering, children, names};
use crate::ir::build::CfgBuilder;
use crate::ir::{
    BlockId, Callee, Capture, Declaration, Function, FunctionIndex, FunctionKind, Guard, Linkage,
    Name, Place, Root, StmtId, StmtKind, Value, Var,
};
use crate::source::Span;
use rustc_hash::FxHashMap;
use tree_sitter::Node;

/// What a name means inside a function.
#[derive(Debug, Clone)]
pub enum Binding {
    Local(u32),
    Param(u32),
    Capture(u32),
    /// A function-local static, by its qualified name.
    Static(Name),
}

/// The function that is being lowered.
#[derive(Debug)]
pub struct Frame {
    pub index: FunctionIndex,
    pub cfg: CfgBuilder,
    pub locals: Vec<Var>,
    pub captures: Vec<Capture>,
    pub names: Vec<(Name, Binding)>,
    /// How many names each open scope began with.
    pub scopes: Vec<usize>,
    /// The class whose fields are visible without `this->`.
    pub class: Option<usize>,
    pub is_lambda: bool,
    /// `[&]` (true) or `[=]` (false).
    pub capture_default: Option<bool>,
    /// Targets of `break` and `continue`, with the number of scopes that stay open.
    pub breaks: Vec<(BlockId, usize)>,
    pub continues: Vec<(BlockId, usize)>,
    /// Where a `throw` goes.
    pub handlers: Vec<(BlockId, usize)>,
    /// The blocks of the case labels, by node.
    pub cases: FxHashMap<usize, BlockId>,
    pub statements: u32,
    /// The qualified name: the scope of function-local statics.
    pub qualified: Name,
    /// Scopes that are open in the function's own body.
    pub body_depth: usize,
}

/// How many names back the declaration in another arm is looked for.
const MOST_BETWEEN_ARMS: usize = 256;

impl Frame {
    /// The local that the innermost open scope has declared under a name, not long before.
    pub fn declared_here(&self, name: &str) -> Option<u32> {
        let first = self.scopes.last().copied().unwrap_or(0);
        let here = self.names[first.min(self.names.len())..].iter();
        match here
            .rev()
            .take(MOST_BETWEEN_ARMS)
            .find(|(known, _)| &**known == name)
        {
            Some((_, Binding::Local(index))) => Some(*index),
            _ => None,
        }
    }
}

/// What the head of a function says.
pub struct Head {
    pub name: Name,
    pub scope: Name,
    pub kind: FunctionKind,
    pub has_this: bool,
    pub class: Option<usize>,
    pub name_span: Span,
}

impl<'t> Lowering<'t> {
    pub(super) fn frame(&mut self) -> &mut Frame {
        // Every caller lowers inside a function; items never call this.
        self.frames.last_mut().expect("a function is being lowered")
    }

    pub(super) fn push(&mut self, kind: StmtKind, span: Span) -> StmtId {
        let frame = self.frame();
        frame.statements += 1;
        frame.cfg.push(kind, span)
    }

    pub(super) fn enter_scope(&mut self) {
        let frame = self.frame();
        frame.cfg.enter_scope();
        frame.scopes.push(frame.names.len());
    }

    pub(super) fn leave_scope(&mut self, span: Span) {
        let frame = self.frame();
        frame.cfg.leave_scope(span);
        if let Some(count) = frame.scopes.pop() {
            frame.names.truncate(count);
        }
    }

    /// Opens a function: its place in the unit is taken now, because lambdas in it refer to it.
    pub(super) fn open_function(
        &mut self,
        mut function: Function,
        class: Option<usize>,
    ) -> FunctionIndex {
        let index = FunctionIndex(self.unit.functions.len() as u32);
        let is_lambda = function.kind == FunctionKind::Lambda;
        let qualified = self.name(&function.qualified_name());
        let mut bindings = Vec::new();
        for (position, param) in function.params.iter().enumerate() {
            if !param.name.is_empty() {
                bindings.push((param.name.clone(), Binding::Param(position as u32)));
            }
        }
        function.enclosing = function
            .enclosing
            .or(self.frames.last().map(|frame| frame.index));
        self.unit.functions.push(function);
        self.frames.push(Frame {
            index,
            cfg: CfgBuilder::new(),
            locals: Vec::new(),
            captures: Vec::new(),
            names: bindings,
            scopes: Vec::new(),
            class,
            is_lambda,
            capture_default: None,
            breaks: Vec::new(),
            continues: Vec::new(),
            handlers: Vec::new(),
            cases: FxHashMap::default(),
            statements: 0,
            qualified,
            body_depth: 1,
        });
        index
    }

    pub(super) fn close_function(&mut self, end: Span) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        let (mut stmts, blocks) = frame.cfg.finish(end);
        for stmt in &mut stmts {
            // A drop is reported where the object is declared.
            if let StmtKind::Drop { place, .. } = &stmt.kind
                && let Root::Local(local) = place.root
                && let Some(var) = frame.locals.get(local as usize)
            {
                stmt.span = var.span;
            }
        }
        let function = &mut self.unit.functions[frame.index.0 as usize];
        function.stmts = stmts;
        function.blocks = blocks;
        function.locals = frame.locals;
        function.captures = frame.captures;
    }

    pub(super) fn new_function(&self, head: &Head, span: Span) -> Function {
        Function {
            name: head.name.clone(),
            scope: head.scope.clone(),
            kind: head.kind,
            params: Vec::new(),
            variadic: false,
            has_this: head.has_this,
            is_virtual: false,
            is_template: self.templates.iter().any(|names| !names.is_empty()),
            return_type: "".into(),
            locals: Vec::new(),
            captures: Vec::new(),
            enclosing: None,
            linkage: Linkage::External,
            export_name: None,
            attributes: Vec::new(),
            when: Vec::new(),
            stmts: Vec::new(),
            blocks: Vec::new(),
            is_cut: false,
            span,
            name_span: head.name_span,
        }
    }

    /// The parameters of a function declarator, and whether more may follow.
    pub(super) fn parameters(&mut self, function: Node) -> (Vec<Var>, bool) {
        let mut params = Vec::new();
        let Some(list) = function
            .field(NodeField::Parameters)
            .or_else(|| super::child(function, "parameter_list"))
        else {
            return (params, false);
        };
        let mut variadic = false;
        let mut cursor = list.walk();
        for node in list.children(&mut cursor) {
            match node.kind() {
                "parameter_declaration"
                | "optional_parameter_declaration"
                | "variadic_parameter_declaration"
                | "explicit_object_parameter_declaration" => {
                    let base = self.base_type(node);
                    let base = self.shadowed(base);
                    let declarator = node
                        .field(NodeField::Declarator)
                        .map(|declarator| self.declarator(declarator))
                        .unwrap_or_default();
                    // `f(VOID)` of windows.h says the same as `f(void)`.
                    if matches!(base.as_str(), "void" | "VOID")
                        && declarator.name.is_none()
                        && declarator.suffix.is_empty()
                        && declarator.function.is_none()
                    {
                        continue;
                    }
                    let default = node
                        .field(NodeField::DefaultValue)
                        .map(|value| self.plain_value(value).unwrap_or(Value::Unknown));
                    let mut suffix = declarator.suffix.clone();
                    if declarator.function.is_some() {
                        suffix.push_str("(*)()");
                    }
                    let name = declarator.name.map_or("", |name| self.text(name));
                    let span = declarator
                        .name
                        .map_or(self.span(node), |name| self.span(name));
                    params.push(Var {
                        name: self.name(name),
                        type_text: self.name(&with_suffix(base, &suffix)),
                        default,
                        span,
                    });
                }
                // `f(a, b)` of the old days.
                "identifier" => params.push(Var {
                    name: self.name(self.text(node)),
                    type_text: self.name(""),
                    default: None,
                    span: self.span(node),
                }),
                "variadic_parameter" | "..." => variadic = true,
                _ => {}
            }
        }
        (params, variadic)
    }

    /// The name, scope and kind of a function by its declarator.
    pub(super) fn head(&mut self, name: Node, function: Option<Node>, node: Node) -> Head {
        let plain = if name.kind() == "operator_cast" {
            self.conversion_name(name)
        } else {
            names::plain(self.text(name))
        };
        let (qualifier, last) = names::split(&plain);
        let outer = self.scope_name();
        let scope = names::join(&outer, qualifier);
        let scope = scope.trim_end_matches(':').to_string();
        let inside = self.scope.last().and_then(|part| part.class);
        let class = if qualifier.is_empty() {
            inside
        } else {
            self.find_class(qualifier)
        };
        let owner = names::split(&scope).1;
        let has_type = node.field(NodeField::Type).is_some();
        let is_static = self.has_word(node, "static");
        let is_friend = node
            .parent()
            .is_some_and(|parent| parent.kind() == "friend_declaration");
        let is_const = function.is_some_and(|function| {
            children(function).iter().any(|child| {
                matches!(
                    child.kind(),
                    "type_qualifier" | "virtual_specifier" | "ref_qualifier"
                )
            })
        });
        let known_namespace = self.namespaces.contains(names::split(qualifier).1);
        let (kind, has_this) = if last.starts_with('~') {
            (FunctionKind::Dtor, true)
        } else if !owner.is_empty() && last == owner && !has_type {
            (FunctionKind::Ctor, true)
        } else if is_friend {
            (FunctionKind::Free, false)
        } else if class.is_some() {
            let declared_static = class.is_some_and(|class| {
                let mut methods = self.unit.types[class]
                    .methods
                    .iter()
                    .filter(|method| &*method.name == last)
                    .peekable();
                methods.peek().is_some() && methods.all(|method| method.is_static)
            });
            (FunctionKind::Method, !is_static && !declared_static)
        } else if !qualifier.is_empty() && (is_const || !known_namespace) {
            (FunctionKind::Method, true)
        } else {
            (FunctionKind::Free, false)
        };
        Head {
            name: self.name(last),
            scope: self.name(&scope),
            kind,
            has_this,
            class,
            name_span: self.span(name),
        }
    }

    /// A function definition at namespace scope, in a class head, or (a GNU extension) in a function.
    pub(super) fn function_definition(&mut self, node: Node) {
        let Some(declarator_node) = node.field(NodeField::Declarator) else {
            return self.opaque_item(node);
        };
        let declarator = self.declarator(declarator_node);
        let body = node
            .field(NodeField::Body)
            .or_else(|| super::child(node, "try_statement"));
        let (Some(name), Some(body)) = (declarator.name, body) else {
            if super::child(node, "delete_method_clause").is_none()
                && super::child(node, "default_method_clause").is_none()
            {
                self.opaque_item(node);
            }
            return;
        };
        let begin = self.offset(body);
        let cut_short = self
            .ends
            .get(&begin)
            .is_some_and(|&end| end != self.slice.base + body.end_byte());
        if cut_short && !self.recovering {
            // The tree lets the function end at the wrong brace. It is read alone later.
            return;
        }
        let head = self.head(name, declarator.function, node);
        let mut start = node;
        if let Some(template) = node
            .parent()
            .filter(|parent| parent.kind() == "template_declaration")
        {
            start = template;
        }
        let marks = self.marks(start.start_byte(), body.start_byte());
        let mut span = self.span(start).to(self.span(body));
        if let Some(first) = marks.first() {
            span.start = span.start.min((self.slice.base + first.range.start) as u32);
        }
        let mut function = self.new_function(&head, span);
        if let Some(declarator) = declarator.function {
            (function.params, function.variadic) = self.parameters(declarator);
            function.return_type =
                self.return_type(node, declarator, &self.declarator(declarator_node).suffix);
            self.old_parameter_types(node, &mut function.params);
            function.is_virtual = self.has_word(node, "virtual")
                || children(declarator)
                    .iter()
                    .any(|child| child.kind() == "virtual_specifier");
        }
        let in_class = head.class.is_some() || head.kind != FunctionKind::Free;
        if (self.has_word(node, "static") && !in_class) || self.is_internal_scope() {
            function.linkage = Linkage::Internal;
        }
        for mark in marks {
            match mark.name.as_str() {
                "dllexport" => function.linkage = Linkage::Exported,
                "dllimport" | "extern_c" => {}
                name => function.attributes.push(name.into()),
            }
        }
        function.when = self.when(node);
        let range = self.span(body).range();
        self.bodies.push(range);
        let outer = self.frames.last().map(|frame| frame.index);
        let frames = std::mem::take(&mut self.frames);
        function.enclosing = outer;
        self.open_function(function, head.class.filter(|_| head.has_this));
        if let Some(list) = super::child(node, "field_initializer_list")
            .or_else(|| super::child(body, "field_initializer_list"))
        {
            self.constructor_initializers(list, head.class);
        }
        if body.kind() == "try_statement" {
            self.statement(body);
        } else if let Some(tree) = self.interior.take() {
            self.enter_scope();
            self.statements_below(tree.root_node(), self.arms.at(begin));
            let end = self.span(body);
            self.leave_scope(end);
        } else if cut_short {
            self.compound_and_rest(node, body);
        } else {
            self.compound(body);
        }
        let end = self.span_of(body.end_byte().saturating_sub(1)..body.end_byte());
        self.close_function(end);
        self.frames = frames;
    }

    /// A body that the grammar ends too early: the statements after it stand beside the function.
    fn compound_and_rest(&mut self, node: Node, body: Node) {
        self.enter_scope();
        self.block_statements(body);
        let mut next = node.next_named_sibling();
        while let Some(statement) = next {
            self.statement(statement);
            next = statement.next_named_sibling();
        }
        let end = self.span(body);
        self.leave_scope(end);
    }

    /// `int f(a, b) int a; char *b; { … }`
    fn old_parameter_types(&mut self, node: Node, params: &mut [Var]) {
        for declaration in children(node) {
            if declaration.kind() != "declaration" {
                continue;
            }
            let base = self.base_type(declaration);
            for declarator in super::declarators::all(declaration) {
                let declarator = self.declarator(declarator);
                let name = declarator.name.map_or("", |name| self.text(name));
                if let Some(param) = params.iter_mut().find(|param| &*param.name == name) {
                    param.type_text = self.name(&with_suffix(base.clone(), &declarator.suffix));
                }
            }
        }
    }

    pub(super) fn return_type(&mut self, node: Node, function: Node, suffix: &str) -> Name {
        if let Some(trailing) = super::child(function, "trailing_return_type")
            && let Some(ty) = trailing.named_child(0)
        {
            let text = self.type_name(ty);
            return self.name(&text);
        }
        if node.field(NodeField::Type).is_none() {
            return self.name("");
        }
        let text = with_suffix(self.base_type(node), suffix);
        self.name(match text.as_str() {
            "STDAPI" | "STDMETHODIMP" | "IFACEMETHODIMP" => "HRESULT",
            text => text,
        })
    }

    /// A prototype.
    pub(super) fn prototype(&mut self, node: Node, declarator: Node, name: Node, function: Node) {
        let plain = names::plain(self.text(name));
        let (qualifier, last) = names::split(&plain);
        let outer = self.scope_name();
        let scope = names::join(&outer, qualifier);
        let scope = scope.trim_end_matches(':').to_string();
        let (params, variadic) = self.parameters(function);
        let suffix = self.declarator(declarator).suffix;
        let marks = self.marks(node.start_byte(), node.end_byte());
        let linkage = if marks.iter().any(|mark| mark.name == "dllexport") {
            Linkage::Exported
        } else if self.has_word(node, "static") || self.is_internal_scope() {
            Linkage::Internal
        } else {
            Linkage::External
        };
        let declaration = Declaration {
            name: self.name(last),
            scope: self.name(&scope),
            params,
            variadic,
            return_type: self.return_type(node, function, &suffix),
            linkage,
            span: self.span(node),
        };
        self.unit.declarations.push(declaration);
    }

    fn constructor_initializers(&mut self, list: Node, class: Option<usize>) {
        for initializer in children(list) {
            if initializer.kind() != "field_initializer" {
                continue;
            }
            let Some(target) = initializer.named_child(0) else {
                continue;
            };
            let arguments = initializer.named_child(1);
            let written = names::collapse(self.text(target));
            let plain = names::plain(&written);
            let span = self.span(initializer);
            self.enter_scope();
            let braced = arguments.is_some_and(|node| node.kind() == "initializer_list");
            let args = match arguments {
                Some(node) => self.arguments(node),
                None => Vec::new(),
            };
            let field_type = class.and_then(|class| self.field_type(class, &plain));
            let is_field = field_type.is_some()
                || target.kind() == "field_identifier" && !self.is_base(class, &plain);
            if !is_field {
                let callee = Callee::Construct {
                    type_text: self.name(written.trim_start_matches("::")),
                    heap: false,
                };
                self.push(StmtKind::Call { callee, args }, span);
                self.leave_scope(span);
                continue;
            }
            let to = Place::of(Root::This).field(self.name(&plain));
            let construct = match &field_type {
                Some(type_text) => self.is_class_type(type_text),
                None => args.len() != 1 || braced,
            };
            let value = if construct && self.cpp {
                let callee = Callee::Construct {
                    type_text: field_type.unwrap_or_else(|| self.name("")),
                    heap: false,
                };
                Value::Result(self.push(StmtKind::Call { callee, args }, span))
            } else {
                args.into_iter().next().unwrap_or(Value::Const(0))
            };
            self.push(StmtKind::Assign { to, value }, span);
            self.leave_scope(span);
        }
    }

    fn field_type(&self, class: usize, name: &str) -> Option<Name> {
        self.unit.types[class]
            .fields
            .iter()
            .find(|field| &*field.name == name)
            .map(|field| field.type_text.clone())
    }

    /// Whether a constructor initializer names a base class or the class itself.
    fn is_base(&self, class: Option<usize>, name: &str) -> bool {
        let last = names::split(name).1;
        match class {
            Some(class) => {
                let ty = &self.unit.types[class];
                &*ty.name == last
                    || ty
                        .bases
                        .iter()
                        .any(|base| names::split(&names::plain(base)).1 == last)
            }
            // Without the class: fields rarely begin like types.
            None => {
                name.contains("::")
                    || self.find_class(name).is_some()
                    || (name.starts_with(|c: char| c.is_ascii_uppercase())
                        && !name.contains('_')
                        && self.frames.last().is_some_and(|frame| {
                            names::split(names::split(&frame.qualified).0).1 == last
                        }))
            }
        }
    }

    /// What an unqualified name means here.
    pub(super) fn resolve(&mut self, name: &Name) -> Option<Place> {
        let depth = self.frames.len().checked_sub(1)?;
        self.resolve_in(depth, name)
    }

    fn resolve_in(&mut self, depth: usize, name: &Name) -> Option<Place> {
        let frame = &self.frames[depth];
        let found = frame
            .names
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, binding)| binding.clone());
        match found {
            Some(Binding::Local(index)) => return Some(Place::of(Root::Local(index))),
            Some(Binding::Param(index)) => return Some(Place::of(Root::Param(index))),
            Some(Binding::Capture(index)) => return Some(Place::of(Root::Capture(index))),
            Some(Binding::Static(name)) => return Some(Place::of(Root::Global(name))),
            None => {}
        }
        if frame.is_lambda && depth > 0 {
            let default = frame.capture_default;
            let outer = self.resolve_in(depth - 1, name)?;
            if matches!(outer.root, Root::Global(_) | Root::This) {
                return Some(outer);
            }
            let frame = &mut self.frames[depth];
            let index = frame.captures.len() as u32;
            frame.captures.push(Capture {
                name: name.clone(),
                type_text: "".into(),
                by_ref: default.unwrap_or(true),
                value: Value::Place(outer.clone()),
            });
            // Visible in the whole lambda: below the names of its scopes.
            frame
                .names
                .insert(0, (name.clone(), Binding::Capture(index)));
            for count in &mut frame.scopes {
                *count += 1;
            }
            let type_text = self.type_in(depth - 1, &outer);
            if let Some(capture) = self.frames[depth].captures.last_mut() {
                capture.type_text = type_text;
            }
            return Some(Place::of(Root::Capture(index)));
        }
        let class = frame.class?;
        self.has_field(class, name)
            .then(|| Place::of(Root::This).field(name.clone()))
    }

    fn type_in(&mut self, depth: usize, place: &Place) -> Name {
        let frame = &self.frames[depth];
        let text = match place.root {
            _ if !place.path.is_empty() => None,
            Root::Local(local) => frame
                .locals
                .get(local as usize)
                .map(|var| var.type_text.clone()),
            Root::Capture(capture) => frame
                .captures
                .get(capture as usize)
                .map(|capture| capture.type_text.clone()),
            Root::Param(param) => self.unit.functions[frame.index.0 as usize]
                .params
                .get(param as usize)
                .map(|var| var.type_text.clone()),
            _ => None,
        };
        text.unwrap_or_else(|| self.name(""))
    }

    /// A new local of the function; it is not in scope until `bind`.
    pub(super) fn new_local(&mut self, name: &str, type_text: &str, span: Span) -> u32 {
        let var = Var {
            name: self.name(name),
            type_text: self.name(type_text),
            default: None,
            span,
        };
        let frame = self.frame();
        frame.locals.push(var);
        frame.locals.len() as u32 - 1
    }

    pub(super) fn bind(&mut self, name: &str, binding: Binding) {
        let name = self.name(name);
        self.frame().names.push((name, binding));
    }

    /// A condition that nobody knows, on an edge.
    pub(super) fn maybe(holds: bool) -> Vec<Guard> {
        vec![Guard {
            cond: crate::ir::Cond::Unknown,
            holds,
        }]
    }
}
