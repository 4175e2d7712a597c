//! Calls: what is called, with which arguments.

use super::expressions::{address_of, first};
use super::fields::{Fields, NodeField};
use super::{Lowering, children, names};
use crate::ir::{Callee, Place, Root, StmtKind, Value};
use crate::source::Span;
use tree_sitter::Node;

impl<'t> Lowering<'t> {
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
                    if let Some(value) = argument.field(NodeField::Value) {
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
    pub(super) fn temporary(&mut self, value: &Value) {
        if let Value::Result(id) = value
            && self.cpp
        {
            let type_text = self.name("");
            self.frame()
                .cfg
                .declare(Place::of(Root::Result(*id)), type_text);
        }
    }

    /// A local whose value is moved away or released does not end it.
    pub(super) fn given_up(&mut self, value: &Value) {
        if let Value::Place(place) = value
            && matches!(place.root, Root::Local(_))
            && place.path.is_empty()
        {
            self.frame().cfg.forget(place);
        }
    }

    pub(super) fn call(&mut self, node: Node) -> Value {
        let span = self.span(node);
        let Some(function) = node.field(NodeField::Function) else {
            return Value::Unknown;
        };
        let list = node.field(NodeField::Arguments);
        match function.kind() {
            "identifier" | "qualified_identifier" | "template_function" | "dependent_name" => {
                let text = self.text(function);
                let name = names::plain(text);
                let args = self.call_arguments(list);
                match names::made_type(text) {
                    // What `make_unique<T>` makes is known from its arguments alone.
                    Some(made) => {
                        let name = self.name(&format!("{name}<{made}>"));
                        let callee = Callee::Named(name);
                        Value::Result(self.push(StmtKind::Call { callee, args }, span))
                    }
                    None => self.call_by_name(&name, args, span),
                }
            }
            "field_expression" => {
                let (Some(argument), Some(field)) = (
                    function.field(NodeField::Argument),
                    function.field(NodeField::Field),
                ) else {
                    return Value::Unknown;
                };
                let receiver = self.expression(argument);
                let name = names::plain(self.text(field));
                if matches!(name.as_str(), "release" | "Detach") {
                    // The owner gives up what it owns: its end ends nothing.
                    self.given_up(&receiver);
                } else {
                    self.temporary(&receiver);
                }
                let args = self.call_arguments(list);
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
            "std::move" if args.len() == 1 => {
                let value = args.into_iter().next().unwrap_or(Value::Unknown);
                // What was moved away is not ended by the local that held it.
                self.given_up(&value);
                return value;
            }
            "static_cast" | "reinterpret_cast" | "const_cast" | "dynamic_cast" | "std::forward"
            | "std::as_const" | "__builtin_expect" | "std::bit_cast"
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
