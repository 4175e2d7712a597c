//! `#define`: constants, and macros whose body is statements, an expression or whole functions.

use super::fields::{Fields, NodeField};
use super::functions::Head;
use super::preprocessor::Directive;
use super::{Lowering, Slice, children, literals, names};
use crate::ir::{Constant, FunctionKind, Linkage, Place, Root, Value, Var};
use crate::source::Span;
use crate::syntax::blank;
use std::ops::Range;
use tree_sitter::Node;

/// A `#define` made ready for the parser.
#[derive(Debug)]
pub struct Macro {
    name: String,
    name_range: Range<usize>,
    range: Range<usize>,
    /// `None` for an object-like macro.
    params: Option<Vec<String>>,
    /// The body with a semicolon after it.
    text: String,
    /// Where the body begins in the file.
    at: usize,
    noise: blank::Noise,
    /// The body ended with a semicolon of its own.
    is_statement: bool,
}

/// Picks the `#define`s that may mean something.
pub fn prepare(directives: &[Directive], cpp: bool) -> Vec<Macro> {
    let mut macros: Vec<Macro> = directives
        .iter()
        .filter(|directive| directive.name == "define" && !directive.dead)
        .filter_map(|directive| read(directive, cpp))
        .collect();
    // `#undef X` of a macro of another file: here the name means itself.
    for directive in directives
        .iter()
        .filter(|directive| directive.name == "undef" && !directive.dead)
    {
        let name = directive.rest.trim();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && macros.iter().all(|definition| definition.name != name) {
            macros.push(itself(directive, name, cpp));
        }
    }
    macros
}

/// `#define X X`.
fn itself(directive: &Directive, name: &str, cpp: bool) -> Macro {
    let mut bytes = format!("{name};").into_bytes();
    let noise = blank::repair(&mut bytes, cpp);
    Macro {
        name_range: directive.range.clone(),
        name: name.to_string(),
        range: directive.range.clone(),
        params: None,
        text: super::into_text(bytes),
        at: directive.rest_at,
        noise,
        is_statement: false,
    }
}

fn read(directive: &Directive, cpp: bool) -> Option<Macro> {
    let rest = &directive.rest;
    let start = rest.len() - rest.trim_start().len();
    let length = rest[start..]
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len() - start);
    let name = rest.get(start..start + length)?.to_string();
    if name.is_empty() {
        return None;
    }
    let mut body_at = start + length;
    let mut params = None;
    if rest[body_at..].starts_with('(') {
        let close = rest[body_at..].find(')')? + body_at;
        params = Some(
            rest[body_at + 1..close]
                .split(',')
                .map(|param| param.trim().to_string())
                .filter(|param| !param.is_empty())
                .collect(),
        );
        body_at = close + 1;
    }
    let body = rest.get(body_at..)?;
    let trimmed = body.trim();
    if trimmed.is_empty() || trimmed.contains("##") {
        return None;
    }
    let is_statement = trimmed.ends_with([';', '}']);
    let mut bytes = body.trim_end().as_bytes().to_vec();
    if !trimmed.ends_with(';') {
        bytes.push(b';');
    }
    let noise = blank::repair(&mut bytes, cpp);
    Some(Macro {
        name_range: directive.rest_at + start..directive.rest_at + start + length,
        name,
        range: directive.range.clone(),
        params,
        text: super::into_text(bytes),
        at: directive.rest_at + body_at,
        noise,
        is_statement,
    })
}

impl<'t> Lowering<'t> {
    /// Lowers the macros of a file.
    pub(super) fn macros(&mut self, macros: &'t [Macro]) {
        for definition in macros {
            if definition.params.is_none()
                && let Some(value) =
                    self.simple_constant(definition.text.trim_end_matches(';').trim())
            {
                self.add_constant(definition, value);
                continue;
            }
            self.macro_body(definition);
        }
    }

    fn add_constant(&mut self, definition: &Macro, value: Value) {
        let name = self.name(&definition.name);
        let scope = self.name("");
        let when = self.arms.when(definition.range.start);
        self.unit.constants.push(Constant {
            name,
            scope,
            value,
            when,
        });
    }

    /// Numbers, strings and names need no parser.
    fn simple_constant(&mut self, mut text: &str) -> Option<Value> {
        while let Some(inner) = text
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'))
        {
            if inner.contains(['(', ')']) {
                break;
            }
            text = inner.trim();
        }
        let first = text.bytes().next()?;
        if first.is_ascii_digit() {
            return literals::integer(text).map(Value::Const);
        }
        let is_name = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':');
        if !is_name || first == b':' && !text.starts_with("::") {
            return None;
        }
        match text {
            "NULL" | "nullptr" => return Some(Value::Null),
            "true" => return Some(Value::Const(1)),
            "false" => return Some(Value::Const(0)),
            "return" | "break" | "continue" | "static" | "inline" | "const" | "extern"
            | "virtual" | "else" | "private" | "public" | "protected" | "struct" | "class"
            | "__try" | "try" | "throw" => return None,
            _ => {}
        }
        let name = self.name(&names::plain(text));
        Some(Value::Place(Place::of(Root::Global(name))))
    }

    fn macro_body(&mut self, definition: &'t Macro) {
        let Some(tree) = super::parse(&mut self.parser, self.cpp, &definition.text) else {
            return;
        };
        let root = tree.root_node();
        if root.has_error() || root.named_child_count() == 0 {
            return;
        }
        let outer = self.slice;
        self.slice = Slice {
            text: &definition.text,
            base: definition.at,
            marks: &definition.noise.marks,
            blocks: &definition.noise.blocks,
            arguments: &definition.noise.arguments,
            nothing: outer.nothing,
        };
        let items = children(root);
        let defines = items.iter().any(|item| {
            item.kind() == "function_definition" && item.field(NodeField::Type).is_some()
                || item.kind() == "linkage_specification"
        });
        if defines {
            self.macro_of_functions(definition, root);
        } else if !items.iter().all(|item| is_declaration(*item)) {
            self.macro_of_statements(definition, &items);
        }
        self.slice = outer;
    }

    fn macro_of_functions(&mut self, definition: &Macro, root: Node) {
        let params = definition.params.clone().unwrap_or_default();
        self.macro_params = params.iter().map(|param| self.name(param)).collect();
        let first = self.unit.functions.len();
        self.collect_types(root);
        self.items(root);
        let attribute = self.name(&format!("macro:{}({})", definition.name, params.join(",")));
        for function in &mut self.unit.functions[first..] {
            if function.kind != FunctionKind::Lambda {
                function.attributes.push(attribute.clone());
            }
        }
        self.macro_params.clear();
    }

    fn macro_of_statements(&mut self, definition: &Macro, items: &[Node]) {
        let file = self.unit.file;
        let span = Span::new(file, definition.range.start, definition.range.end);
        let name_span = Span::new(file, definition.name_range.start, definition.name_range.end);
        let head = Head {
            name: self.name(&definition.name),
            scope: self.name(""),
            kind: FunctionKind::Macro,
            has_this: false,
            class: None,
            name_span,
        };
        let functions = self.unit.functions.len();
        let mut function = self.new_function(&head, span);
        function.linkage = Linkage::Internal;
        function.when = self.arms.when(definition.range.start);
        let params = definition.params.clone().unwrap_or_default();
        for param in params {
            if param.ends_with("...") {
                function.variadic = true;
                continue;
            }
            let var = Var {
                name: self.name(&param),
                type_text: self.name(""),
                default: None,
                span: name_span,
            };
            function.params.push(var);
        }
        self.open_function(function, None);
        let single = match items {
            [item] if item.kind() == "expression_statement" && !definition.is_statement => {
                item.named_child(0)
            }
            _ => None,
        };
        match single {
            Some(expression) => {
                let value = self.expression(expression);
                let plain = self.frame().statements == 0
                    && definition.params.is_none()
                    && self.unit.functions.len() == functions + 1;
                if plain {
                    self.frames.pop();
                    self.unit.functions.pop();
                    if !matches!(value, Value::Unknown | Value::Cond(_)) {
                        self.add_constant(definition, value);
                    }
                    return;
                }
                self.frame().cfg.return_value(Some(value), span);
            }
            None => {
                for item in items {
                    self.statement(*item);
                }
            }
        }
        self.close_function(span);
    }
}

/// A body that declares something, as `extern "C"` marks and types do, runs nothing.
fn is_declaration(item: Node) -> bool {
    match item.kind() {
        "type_definition"
        | "struct_specifier"
        | "class_specifier"
        | "union_specifier"
        | "enum_specifier"
        | "using_declaration"
        | "static_assert_declaration"
        | ";" => true,
        "declaration" => {
            let declarators = super::declarators::all(item);
            declarators.iter().all(|declarator| {
                declarator.kind() != "init_declarator" && declarator.kind() != "identifier"
            })
        }
        _ => false,
    }
}
