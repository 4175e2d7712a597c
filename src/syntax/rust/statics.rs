//! Statics, constants, and the functions that initialize the lazy ones.

use super::body::{self, Body, body, cfg};
use super::{Context, expressions, functions, literals, names, types};
use crate::ir::{Callee, Constant, FunctionIndex, FunctionKind, Name, Static, Value};
use crate::source::Span;
use syn::{Expr, ItemStatic};

/// `const X: T = value;`: kept where the value is plain.
pub(super) fn lower_const(cx: &mut Context, name: Name, expr: &Expr) {
    if let Some(value) = plain(cx, expr) {
        let scope = cx.scope();
        cx.unit.constants.push(Constant {
            name,
            scope,
            value,
            when: Vec::new(),
        });
    }
}

/// The value of an expression that needs no statement.
pub(super) fn plain(cx: &mut Context, expr: &Expr) -> Option<Value> {
    let expr = tail_only(expr);
    let functions = cx.unit.functions.len();
    let statics = cx.unit.statics.len();
    let depth = cx.bodies.len();
    let mut scratch = Body::new(FunctionIndex(u32::MAX));
    scratch.returns_value = true;
    cx.bodies.push(scratch);
    let value = expressions::lower(cx, expr);
    let is_plain = {
        let scratch = body(cx);
        !scratch.cfg.has_stmts()
            && scratch.locals.is_empty()
            && cx.unit.functions.len() == functions
    };
    cx.bodies.truncate(depth);
    cx.unit.functions.truncate(functions);
    cx.unit.statics.truncate(statics);
    (is_plain && !matches!(value, Value::Unknown | Value::Closure(_))).then_some(value)
}

/// `const { x }` and `{ x }` are `x`.
fn tail_only(expr: &Expr) -> &Expr {
    let block = match expr {
        Expr::Const(inner) => &inner.block,
        Expr::Unsafe(inner) => &inner.block,
        Expr::Block(inner) if inner.label.is_none() => &inner.block,
        _ => return expr,
    };
    match &block.stmts[..] {
        [syn::Stmt::Expr(tail, None)] => tail_only(tail),
        _ => expr,
    }
}

/// The elements of an initializer where each is plain.
fn plain_list(cx: &mut Context, expr: &Expr) -> Vec<Value> {
    let elements: Vec<&Expr> = match tail_only(expr) {
        Expr::Array(array) => array.elems.iter().collect(),
        Expr::Tuple(tuple) => tuple.elems.iter().collect(),
        Expr::Struct(literal) => literal.fields.iter().map(|field| &field.expr).collect(),
        Expr::Reference(inner) => return plain_list(cx, &inner.expr),
        Expr::Paren(inner) => return plain_list(cx, &inner.expr),
        other => return plain(cx, other).into_iter().collect(),
    };
    if elements.len() > 256 {
        return Vec::new();
    }
    elements
        .into_iter()
        .map(|elem| plain(cx, elem).unwrap_or(Value::Unknown))
        .collect()
}

/// `static X: T = value;`
pub(super) fn lower_static(cx: &mut Context, item: &ItemStatic) {
    let name = names::ident_name(&item.ident);
    let type_text = types::text(cx, &item.ty);
    let mut attributes = Vec::new();
    let mut exported = functions::Exported::default();
    for meta in &super::cfg::attributes(&item.attrs) {
        exported.read(meta);
        functions::attribute_names(meta, &mut attributes);
    }
    let is_thread_local = attributes.iter().any(|name| &**name == "thread_local");
    let span = cx.span_between(item.static_token.span, item.semi_token.span);
    let name_span = cx.span(item.ident.span());
    let lazy = is_lazy(&type_text);
    let mut init = Vec::new();
    let mut initializer = None;
    if lazy {
        attributes.push("lazy".into());
        initializer = lower_lazy(cx, &name, &item.expr, name_span);
    } else {
        init = plain_list(cx, &item.expr);
    }
    push(
        cx,
        Static {
            name,
            scope: "".into(),
            type_text,
            thread_local: is_thread_local,
            internal: !functions::is_public(&item.vis) && !exported.is_exported,
            is_extern: false,
            function: None,
            initializer,
            init,
            attributes,
            when: Vec::new(),
            span,
            name_span,
        },
    );
}

/// `static X: T;` of an `extern` block.
pub(super) fn lower_extern(cx: &mut Context, item: &syn::ForeignItemStatic) {
    let name_span = cx.span(item.ident.span());
    let span = cx.span_between(item.static_token.span, item.semi_token.span);
    let object = Static {
        name: names::ident_name(&item.ident),
        scope: "".into(),
        type_text: types::text(cx, &item.ty),
        thread_local: false,
        internal: false,
        is_extern: true,
        function: None,
        initializer: None,
        init: Vec::new(),
        attributes: Vec::new(),
        when: Vec::new(),
        span,
        name_span,
    };
    push(cx, object);
}

fn push(cx: &mut Context, mut object: Static) {
    object.scope = cx.scope();
    object.function = cx.bodies.last().map(|body| body.function);
    object.when = cx.when.clone();
    cx.unit.statics.push(object);
}

fn is_lazy(type_text: &str) -> bool {
    matches!(
        types::head(type_text),
        "Lazy" | "LazyLock" | "LazyCell" | "SyncLazy"
    )
}

/// `Lazy::new(|| …)`, `LazyLock::new(f)`: what runs at the first use.
fn lower_lazy(
    cx: &mut Context,
    name: &Name,
    expr: &Expr,
    name_span: Span,
) -> Option<FunctionIndex> {
    let Expr::Call(call) = expr else { return None };
    let argument = call.args.first()?;
    Some(lower_initializer(cx, name, argument, true, name_span))
}

/// The function that makes a static's value. `is_function`: the expression is called for it.
fn lower_initializer(
    cx: &mut Context,
    name: &Name,
    expr: &Expr,
    is_function: bool,
    name_span: Span,
) -> FunctionIndex {
    let span = expressions::span(cx, expr);
    let initializer: Name = format!("{{init {name}}}").into();
    let index = functions::reserve(cx, initializer, FunctionKind::Initializer, span, name_span);
    let mut inner = Body::new(index);
    inner.returns_value = true;
    cx.bodies.push(inner);
    match expr {
        Expr::Closure(closure) if is_function => {
            functions::lower_expression_body(cx, &closure.body);
        }
        _ if is_function => {
            let callee = match expressions::lower(cx, expr) {
                Value::Place(place) if place.path.is_empty() => match place.root {
                    crate::ir::Root::Global(name) => Callee::Named(name),
                    root => Callee::Indirect(Value::Place(crate::ir::Place::of(root))),
                },
                other => Callee::Indirect(other),
            };
            let value = body::call(cx, callee, Vec::new(), span);
            cfg(cx).return_value(Some(value), span);
        }
        _ => functions::lower_expression_body(cx, expr),
    }
    functions::finish(cx, span);
    index
}

/// One static of `thread_local!` or `lazy_static!`.
pub(super) struct LazyItem {
    pub(super) attributes: Vec<syn::Attribute>,
    pub(super) is_public: bool,
    pub(super) name: proc_macro2::Ident,
    pub(super) ty: syn::Type,
    pub(super) value: Expr,
}

/// `thread_local! { static X: T = value; }` and `lazy_static! { static ref X: T = value; }`.
pub(super) fn lower_lazy_item(cx: &mut Context, item: &LazyItem, thread_local: bool) {
    let super::cfg::Config::When(guards) = super::cfg::of_attributes(&item.attributes) else {
        return;
    };
    functions::with_conditions(cx, guards, |cx| {
        let name = names::ident_name(&item.name);
        let name_span = cx.span(item.name.span());
        let span = name_span.to(expressions::span(cx, &item.value));
        let init = plain_list(cx, &item.value);
        let is_plain = !init.is_empty() && !init.contains(&Value::Unknown);
        let initializer = if is_plain {
            None
        } else {
            // Inside of a function the initializer is no part of the function's own statements.
            Some(lower_initializer(cx, &name, &item.value, false, name_span))
        };
        let type_text = types::text(cx, &item.ty);
        let object = Static {
            name,
            scope: "".into(),
            type_text,
            thread_local,
            internal: !item.is_public,
            is_extern: false,
            function: None,
            initializer,
            init: if is_plain { init } else { Vec::new() },
            attributes: vec!["lazy".into()],
            when: Vec::new(),
            span,
            name_span,
        };
        push(cx, object);
    });
}

/// Arguments of a macro that stands among items: plain values, names, or closures that run where the macro puts them.
pub(super) fn invocation_argument(cx: &mut Context, expr: &Expr) -> Value {
    match expr {
        Expr::Lit(literal) => return literals::value(&literal.lit),
        Expr::Path(path) => {
            let name = names::path_name(cx, path.qself.as_ref(), &path.path);
            return Value::Place(crate::ir::Place::of(crate::ir::Root::Global(name)));
        }
        Expr::Closure(closure) => return super::closures::lower(cx, closure),
        _ => {}
    }
    if let Some(value) = plain(cx, expr) {
        return value;
    }
    let span = expressions::span(cx, expr);
    let index = functions::reserve(cx, "{lambda}".into(), FunctionKind::Lambda, span, span);
    let mut inner = Body::new(index);
    inner.is_closure = true;
    inner.returns_value = true;
    cx.bodies.push(inner);
    functions::lower_expression_body(cx, expr);
    functions::finish(cx, span);
    Value::Closure(index)
}
