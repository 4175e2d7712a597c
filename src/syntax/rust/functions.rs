//! Functions: signature, attributes and body.

use super::body::{self, Body, Target, body, cfg};
use super::{Context, closures, expressions, names, patterns, types};
use crate::ir::{
    Callee, Function, FunctionIndex, FunctionKind, Guard, Linkage, MethodDecl, Name, Place, Root,
    StmtId, StmtKind, Value, Var,
};
use crate::source::Span;
use quote::ToTokens;
use syn::{Attribute, FnArg, Meta, Pat, ReceiverKind, Signature, Visibility};

/// What stands around a function and decides what it is.
pub(super) struct Role {
    pub(super) kind: FunctionKind,
    pub(super) is_virtual: bool,
    pub(super) is_public: bool,
}

/// A function without statements, so that what is nested in it can refer to it.
pub(super) fn reserve(
    cx: &mut Context,
    name: Name,
    kind: FunctionKind,
    span: Span,
    name_span: Span,
) -> FunctionIndex {
    let index = FunctionIndex(cx.unit.functions.len() as u32);
    let function = Function {
        name,
        scope: cx.scope(),
        kind,
        params: Vec::new(),
        variadic: false,
        has_this: false,
        is_virtual: false,
        is_template: false,
        return_type: "".into(),
        locals: Vec::new(),
        captures: Vec::new(),
        enclosing: cx.bodies.last().map(|body| body.function),
        linkage: Linkage::Internal,
        export_name: None,
        attributes: Vec::new(),
        when: cx.when.clone(),
        stmts: Vec::new(),
        blocks: Vec::new(),
        is_cut: false,
        span,
        name_span,
    };
    cx.unit.functions.push(function);
    index
}

pub(super) fn function(cx: &mut Context, index: FunctionIndex) -> &mut Function {
    &mut cx.unit.functions[index.0 as usize]
}

/// Ends the innermost body and stores it in its function.
pub(super) fn finish(cx: &mut Context, end: Span) {
    let Some(body) = cx.bodies.pop() else { return };
    let (stmts, blocks) = body.cfg.finish(end);
    let function = function(cx, body.function);
    function.params = body.params;
    function.locals = body.locals;
    function.captures = body.captures;
    function.stmts = stmts;
    function.blocks = blocks;
}

/// Lowers a function with its body.
pub(super) fn lower(
    cx: &mut Context,
    attributes: &[Attribute],
    signature: &Signature,
    block: &syn::Block,
    role: Role,
) -> FunctionIndex {
    let end = cx.span(block.brace_token.span.close());
    let span = cx.span(first_token(signature)).to(end);
    let name_span = cx.span(signature.ident.span());
    let name = names::ident_name(&signature.ident);
    let index = reserve(cx, name, role.kind, span, name_span);
    let is_async = signature.asyncness.is_some();
    let return_type = types::return_text(cx, &signature.output);
    let macro_attribute = cx.macro_attribute.clone();
    let function = function(cx, index);
    function.return_type = return_type.clone();
    function.variadic = signature.variadic.is_some();
    function.is_virtual = role.is_virtual;
    if role.is_public {
        function.linkage = Linkage::External;
    }
    if is_async {
        function.attributes.push("async".into());
    }
    function.attributes.extend(macro_attribute);
    apply_attributes(function, &super::cfg::attributes(attributes));
    function.has_this = matches!(signature.inputs.first(), Some(FnArg::Receiver(_)));

    cx.bodies.push(Body::new(index));
    body(cx).returns_value = !return_type.is_empty() && &*return_type != "!";
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(receiver) => bind_receiver(cx, receiver, !is_async),
            FnArg::Typed(typed) => {
                let text = types::text(cx, &typed.ty);
                patterns::bind_parameter(cx, &typed.pat, text, !is_async);
            }
        }
    }
    if is_async {
        let closure = closures::lower_async_body(cx, block, span);
        cfg(cx).return_value(Some(Value::Closure(closure)), end);
    } else {
        lower_block(cx, block, end);
    }
    finish(cx, end);
    index
}

/// `self` by value is dropped like a parameter.
fn bind_receiver(cx: &mut Context, receiver: &syn::Receiver, drops: bool) {
    let is_value = match &receiver.kind {
        ReceiverKind::Value => true,
        ReceiverKind::Typed(_, ty) => ownership_of_receiver(cx, ty),
        _ => false,
    };
    let type_text = cx.owner.clone().unwrap_or_default();
    body::bind(
        cx,
        body::Binding {
            name: "self".into(),
            root: Root::This,
            type_text: type_text.clone(),
            is_owned: is_value,
        },
    );
    if is_value && drops {
        cfg(cx).declare(Place::of(Root::This), type_text);
    }
}

/// `self: Box<Self>` owns, `self: &Arc<Self>` and `self: Pin<&mut Self>` do not.
fn ownership_of_receiver(cx: &mut Context, ty: &syn::Type) -> bool {
    let text = types::text(cx, ty);
    !types::is_scalar(&text) && !text.contains('&')
}

/// The statements of a function's outermost block; what its tail gives is returned.
pub(super) fn lower_block(cx: &mut Context, block: &syn::Block, end: Span) {
    if !body(cx).returns_value {
        body::block(cx, block, None);
        return;
    }
    let has_branches = body::tail(&block.stmts).is_some_and(has_branches);
    match has_branches {
        false => body::returning(cx, &block.stmts, end),
        true => {
            let place = body::new_local(cx, "{return}".into(), "".into(), end);
            body::block(cx, block, Some(&place));
            if cfg(cx).is_live() {
                cfg(cx).return_value(Some(Value::Place(place)), end);
            }
        }
    }
}

/// A tail with branches needs a place in which they meet; any other tail is returned as it is.
fn has_branches(tail: &syn::Expr) -> bool {
    use syn::Expr;
    let block = match tail {
        _ if is_conditional(tail) => return true,
        Expr::If(_) | Expr::Match(_) | Expr::Loop(_) => return true,
        Expr::Block(inner) if inner.label.is_some() => return true,
        Expr::Block(inner) => &inner.block,
        Expr::Unsafe(inner) => &inner.block,
        Expr::Const(inner) => &inner.block,
        Expr::TryBlock(inner) => &inner.block,
        _ => return false,
    };
    super::control::only_tail(block).is_none_or(has_branches)
}

/// Whether the tail stands under an open `cfg`.
fn is_conditional(tail: &syn::Expr) -> bool {
    match super::cfg::of_attributes(expressions::attributes(tail)) {
        super::cfg::Config::False => false,
        super::cfg::Config::When(guards) => !guards.is_empty(),
    }
}

/// An expression as the whole body: of a closure, of an initializer.
pub(super) fn lower_expression_body(cx: &mut Context, expr: &syn::Expr) {
    let end = expressions::span(cx, expr);
    match expr {
        syn::Expr::Block(inner) if inner.label.is_none() => {
            let end = cx.span(inner.block.brace_token.span.close());
            lower_block(cx, &inner.block, end);
        }
        _ => {
            cfg(cx).enter_scope();
            let value = expressions::lower_to(cx, expr, Target::Fresh);
            body::moved(cx, expr, &value);
            if cfg(cx).is_live() {
                cfg(cx).return_value(Some(value), end);
            }
            cfg(cx).leave_scope(end);
        }
    }
}

fn first_token(signature: &Signature) -> proc_macro2::Span {
    if let Some(token) = &signature.constness {
        return token.span;
    }
    if let Some(token) = &signature.asyncness {
        return token.span;
    }
    if let syn::Safety::Unsafe(token) = &signature.safety {
        return token.span;
    }
    match &signature.abi {
        Some(abi) => abi.extern_token.span,
        None => signature.fn_token.span,
    }
}

/// Whether `pub` in any form.
pub(super) fn is_public(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

/// Linkage, exported name and the attributes that a rule may ask for.
fn apply_attributes(function: &mut Function, metas: &[Meta]) {
    let mut exported = Exported::default();
    for meta in metas {
        exported.read(meta);
        attribute_names(meta, &mut function.attributes);
    }
    if exported.is_exported {
        function.linkage = Linkage::Exported;
        function.export_name = exported.name;
    }
}

#[derive(Default)]
pub(super) struct Exported {
    pub(super) is_exported: bool,
    name: Option<Name>,
}

impl Exported {
    pub(super) fn read(&mut self, meta: &Meta) {
        match meta {
            Meta::Path(path) if path.is_ident("no_mangle") => self.is_exported = true,
            Meta::NameValue(pair) if pair.path.is_ident("export_name") => {
                self.is_exported = true;
                self.name = string(&pair.value);
            }
            Meta::List(list) if list.path.is_ident("unsafe") => {
                if let Ok(inner) = syn::parse2::<Meta>(list.tokens.clone()) {
                    self.read(&inner);
                }
            }
            _ => {}
        }
    }
}

fn string(expr: &syn::Expr) -> Option<Name> {
    match expr {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value().into()),
        _ => None,
    }
}

/// The last path segment in lower case, and the whole path where there is more of it.
pub(super) fn attribute_names(meta: &Meta, attributes: &mut Vec<Name>) {
    if let Meta::List(list) = meta
        && list.path.is_ident("unsafe")
    {
        if let Ok(inner) = syn::parse2::<Meta>(list.tokens.clone()) {
            attribute_names(&inner, attributes);
        }
        return;
    }
    let path = meta.path();
    let Some(last) = path.segments.last() else {
        return;
    };
    let last = last.ident.to_string().to_lowercase();
    if path
        .segments
        .first()
        .is_some_and(|first| first.ident == "rustfmt" || first.ident == "clippy")
    {
        return;
    }
    match (last.as_str(), meta) {
        ("link_section", Meta::NameValue(pair)) => {
            if let Some(section) = string(&pair.value) {
                attributes.push(format!("section:{section}").into());
            }
        }
        (
            "cfg" | "doc" | "allow" | "warn" | "deny" | "expect" | "inline" | "must_use"
            | "no_mangle" | "export_name" | "rustfmt" | "derive" | "cold" | "deprecated",
            _,
        ) => {}
        _ => {
            attributes.push(last.into());
            if path.segments.len() > 1 {
                let mut full = String::new();
                types::write_tokens(path.to_token_stream(), &mut full);
                attributes.push(full.into());
            }
        }
    }
}

/// A method as the head of its type, trait or impl names it.
pub(super) fn method_declaration(
    cx: &Context,
    signature: &Signature,
    is_virtual: bool,
) -> MethodDecl {
    MethodDecl {
        name: names::ident_name(&signature.ident),
        is_virtual,
        is_static: !matches!(signature.inputs.first(), Some(FnArg::Receiver(_))),
        return_type: types::return_text(cx, &signature.output),
        params: parameters(cx, signature),
    }
}

/// The parameters of a function without a body.
pub(super) fn parameters(cx: &Context, signature: &Signature) -> Vec<Var> {
    signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(typed) => Some(Var {
                name: match &*typed.pat {
                    Pat::Ident(ident) => names::ident_name(&ident.ident),
                    _ => "_".into(),
                },
                type_text: types::text(cx, &typed.ty),
                default: None,
                span: cx.span(signature.ident.span()),
            }),
        })
        .collect()
}

/// Whether a statement is the use of a macro.
pub(super) fn is_macro_call(body: &Body, id: StmtId) -> bool {
    matches!(
        body.cfg.stmt(id),
        Some(StmtKind::Call {
            callee: Callee::Macro(_),
            ..
        })
    )
}

/// Adds conditions for the items inside, and gives back what to remove.
pub(super) fn with_conditions<T>(
    cx: &mut Context,
    guards: Vec<Guard>,
    inner: impl FnOnce(&mut Context) -> T,
) -> T {
    let before = cx.when.len();
    cx.when.extend(guards);
    let result = inner(cx);
    cx.when.truncate(before);
    result
}
