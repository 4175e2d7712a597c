//! Expressions: their statements in evaluation order, and the value that is left.

use super::body::{self, Target, assign, call, cfg, moved};
use super::{Context, calls, closures, conditions, control, literals, macros, names, types};
use crate::ir::{Callee, Cond, Guard, Op, Place, Root, Value};
use crate::source::Span;
use syn::spanned::Spanned;
use syn::{Expr, Member, UnOp};

/// Lists longer than this are tables of data; nothing in them is tracked.
const LONGEST_LIST: usize = 64;

/// Lowers an expression whose value is used.
pub(super) fn lower(cx: &mut Context, expr: &Expr) -> Value {
    lower_to(cx, expr, Target::Fresh)
}

/// Lowers an expression; those with blocks in them bring their value where `target` says.
pub(super) fn lower_to(cx: &mut Context, expr: &Expr, target: Target) -> Value {
    match expr {
        Expr::Lit(lit) => literals::value(&lit.lit),
        Expr::Path(path) => path_value(cx, path),
        Expr::Paren(inner) => lower_to(cx, &inner.expr, target),
        Expr::Group(inner) => lower_to(cx, &inner.expr, target),
        Expr::Cast(cast) => {
            let value = cast_value(lower(cx, &cast.expr), &cast.ty);
            match &*cast.ty {
                syn::Type::Ptr(pointer) => {
                    let span = span(cx, expr);
                    pointer_to(cx, value, &pointer.elem, span)
                }
                _ => value,
            }
        }
        Expr::Reference(reference) => address(cx, &reference.expr),
        Expr::RawAddr(address_of) => address(cx, &address_of.expr),
        Expr::Field(field) => field_value(cx, field),
        Expr::Index(index) => {
            let base = lower(cx, &index.expr);
            body::borrowed(cx, &base);
            lower(cx, &index.index);
            part(&base, "[]")
        }
        Expr::Unary(unary) => lower_unary(cx, unary),
        Expr::Binary(binary) => lower_binary(cx, expr, binary, target),
        Expr::Assign(assignment) => {
            lower_assign(cx, expr, assignment);
            Value::Unknown
        }
        Expr::Call(call) => calls::lower_call(cx, expr, call, target),
        Expr::MethodCall(call) => calls::lower_method(cx, expr, call),
        Expr::Macro(mac) => macros::lower(cx, &mac.mac, target),
        Expr::Try(inner) => lower_try(cx, expr, inner),
        Expr::Await(inner) => {
            let value = lower(cx, &inner.base);
            moved(cx, &inner.base, &value);
            let span = span(cx, expr);
            call(cx, Callee::Named("await".into()), vec![value], span)
        }
        Expr::Closure(closure) => closures::lower(cx, closure),
        Expr::Async(inner) => closures::lower_async(cx, inner),
        Expr::Block(inner) => {
            let label = inner.label.as_ref();
            control::lower_block(cx, expr, label, &inner.block, target)
        }
        Expr::Unsafe(inner) => control::lower_block(cx, expr, None, &inner.block, target),
        Expr::Const(inner) => control::lower_block(cx, expr, None, &inner.block, target),
        Expr::TryBlock(inner) => control::lower_block(cx, expr, None, &inner.block, target),
        Expr::If(branch) => control::lower_if(cx, expr, branch, target),
        Expr::Match(branches) => control::lower_match(cx, expr, branches, target),
        Expr::Loop(inner) => control::lower_loop(cx, expr, inner, target),
        Expr::While(inner) => {
            control::lower_while(cx, inner);
            Value::Unknown
        }
        Expr::ForLoop(inner) => {
            control::lower_for(cx, inner);
            Value::Unknown
        }
        Expr::Let(_) => conditions::lower_as_value(cx, expr, target),
        Expr::Break(exit) => control::lower_break(cx, expr, exit),
        Expr::Continue(exit) => control::lower_continue(cx, expr, exit),
        Expr::Return(exit) => control::lower_return(cx, expr, exit),
        Expr::Struct(literal) => lower_struct(cx, expr, literal, target),
        Expr::Tuple(tuple) => lower_tuple(cx, expr, tuple, target),
        Expr::Array(array) => {
            let elements = array.elems.iter().map(|elem| (None, elem));
            lower_list(cx, expr, "{array}", elements, target)
        }
        Expr::Repeat(repeat) => {
            let elements = std::iter::once((None, &*repeat.expr));
            lower_list(cx, expr, "{array}", elements, target)
        }
        Expr::Range(range) => {
            for end in [&range.start, &range.end].into_iter().flatten() {
                lower(cx, end);
            }
            Value::Unknown
        }
        Expr::Yield(inner) => {
            if let Some(inner) = &inner.expr {
                lower(cx, inner);
            }
            Value::Unknown
        }
        Expr::Verbatim(tokens) => {
            let span = span(cx, expr);
            macros::opaque(cx, tokens.clone(), span);
            Value::Unknown
        }
        _ => Value::Unknown,
    }
}

fn path_value(cx: &mut Context, path: &syn::ExprPath) -> Value {
    if path.qself.is_none()
        && let Some(ident) = path.path.get_ident()
    {
        let name = names::ident_name(ident);
        if let Some(binding) = body::variable(cx, &name) {
            return Value::Place(Place::of(binding.root));
        }
        if &*name == "None" {
            return Value::Null;
        }
        if &*name == "self" {
            return Value::Place(Place::of(Root::This));
        }
    }
    let name = names::path_name(cx, path.qself.as_ref(), &path.path);
    if &*name == "Option::None" {
        return Value::Null;
    }
    literals::limit(&name).unwrap_or_else(|| Value::Place(Place::of(Root::Global(name))))
}

/// `-1i32 as u32` and the like keep the bits; a value that fits stays as it is.
fn cast_value(value: Value, ty: &syn::Type) -> Value {
    let syn::Type::Path(path) = ty else {
        return value;
    };
    let Value::Const(number) = value else {
        return value;
    };
    match path.path.get_ident().map(ToString::to_string).as_deref() {
        Some("u32") => Value::Const(i64::from(number as u32)),
        Some("u16") => Value::Const(i64::from(number as u16)),
        Some("u8") => Value::Const(i64::from(number as u8)),
        Some("i32") => Value::Const(i64::from(number as i32)),
        _ => value,
    }
}

/// A pointer that was cast. What a pointer to a type of the program points to is known from here on, so a local bears
/// the type; any other cast leaves the value as it is.
pub(super) fn pointer_to(cx: &mut Context, value: Value, pointee: &syn::Type, span: Span) -> Value {
    let syn::Type::Path(path) = pointee else {
        return value;
    };
    // Capitals only are handles, a single one is a generic parameter.
    let names_class = path.path.segments.last().is_some_and(|last| {
        let name = last.ident.to_string();
        names::is_upper(&name) && name.len() > 1 && !names::is_all_caps(&name)
    });
    let holds = match &value {
        Value::Result(_) => true,
        Value::Place(place) => !matches!(place.root, Root::Global(_) | Root::Unknown),
        _ => false,
    };
    if !names_class || !holds {
        return value;
    }
    let type_text = format!("*mut {}", types::text(cx, pointee));
    let local = body::new_local(cx, "{cast}".into(), type_text.into(), span);
    body::assign(cx, local.clone(), value, span);
    Value::Place(local)
}

/// `&x`. A constant is itself; a call's result lives to the end of the statement.
pub(super) fn address(cx: &mut Context, inner: &Expr) -> Value {
    let value = lower(cx, inner);
    body::borrowed(cx, &value);
    address_of(value)
}

pub(super) fn address_of(value: Value) -> Value {
    match value {
        Value::Place(place) => Value::AddressOf(place),
        Value::Result(id) => Value::AddressOf(Place::of(Root::Result(id))),
        other => other,
    }
}

/// A part of what a value is, points to, or came from.
pub(super) fn part(base: &Value, name: &str) -> Value {
    match base.place() {
        Some(place) => Value::Place(place.field(name)),
        None => Value::Unknown,
    }
}

fn field_value(cx: &mut Context, field: &syn::ExprField) -> Value {
    let base = lower(cx, &field.base);
    body::borrowed(cx, &base);
    match &field.member {
        Member::Named(name) => part(&base, &names::ident_name(name)),
        Member::Unnamed(index) => {
            // The number within a handle is the handle.
            if index.index == 0
                && let Some(place) = base.place()
            {
                let text = body::type_of(cx, &place);
                let head = types::head(&text);
                if names::is_all_caps(head) && head.len() > 1 {
                    return base;
                }
            }
            part(&base, &index.index.to_string())
        }
    }
}

fn lower_unary(cx: &mut Context, unary: &syn::ExprUnary) -> Value {
    let value = lower(cx, &unary.expr);
    match unary.op {
        UnOp::Deref(_) => {
            // `*x.lock().unwrap()` is used while the guard lives.
            body::borrowed(cx, &value);
            match value {
                Value::AddressOf(place) => Value::Place(place),
                Value::Result(id) => Value::Place(Place::of(Root::Result(id))),
                other => other,
            }
        }
        UnOp::Neg(_) => match value {
            Value::Const(number) => Value::Const(number.wrapping_neg()),
            _ => Value::Unknown,
        },
        UnOp::Not(_) => match value {
            Value::Const(number) => literals::not(number, &unary.expr),
            Value::Cond(cond) => conditions::negated(*cond),
            Value::Place(_) | Value::Result(_) => Value::Cond(Box::new(Cond::Compare {
                left: value,
                op: Op::Eq,
                right: Value::Const(0),
            })),
            _ => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}

fn lower_binary(cx: &mut Context, expr: &Expr, binary: &syn::ExprBinary, target: Target) -> Value {
    use syn::BinOp;
    match &binary.op {
        BinOp::And(_) | BinOp::Or(_) => conditions::lower_as_value(cx, expr, target),
        BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
            let cond = conditions::comparison(cx, binary);
            Value::Cond(Box::new(cond))
        }
        BinOp::BitOr(_) => {
            let left = lower(cx, &binary.left);
            let right = lower(cx, &binary.right);
            literals::bit_or(left, right)
        }
        BinOp::Add(_)
        | BinOp::Sub(_)
        | BinOp::Mul(_)
        | BinOp::Div(_)
        | BinOp::Rem(_)
        | BinOp::BitXor(_)
        | BinOp::BitAnd(_)
        | BinOp::Shl(_)
        | BinOp::Shr(_) => {
            let left = lower(cx, &binary.left);
            body::borrowed(cx, &left);
            let right = lower(cx, &binary.right);
            body::borrowed(cx, &right);
            literals::fold(&left, &binary.op, &right)
        }
        // `a += b` and the like: the new value is not tracked.
        _ => {
            lower(cx, &binary.right);
            let to = lower(cx, &binary.left);
            let span = span(cx, expr);
            if let Value::Place(to) = to {
                assign(cx, to, Value::Unknown, span);
            }
            Value::Unknown
        }
    }
}

fn lower_assign(cx: &mut Context, expr: &Expr, assignment: &syn::ExprAssign) {
    let span = span(cx, expr);
    let right = &assignment.right;
    let mut left = &*assignment.left;
    while let Expr::Paren(inner) = left {
        left = &inner.expr;
    }
    match left {
        Expr::Infer(_) => {
            let value = lower(cx, right);
            body::discard(cx, &value);
            return;
        }
        Expr::Tuple(tuple) => {
            let value = lower(cx, right);
            for (index, elem) in tuple.elems.iter().enumerate() {
                if matches!(elem, Expr::Infer(_)) {
                    continue;
                }
                if let Some(to) = lower(cx, elem).place() {
                    assign(cx, to, part(&value, &index.to_string()), span);
                }
            }
            return;
        }
        _ => {}
    }
    let value = lower(cx, right);
    moved(cx, right, &value);
    let to = lower(cx, left);
    let Some(to) = to.place() else { return };
    // `*guard = None` ends what the guard leads to, and not the guard. With something new it is as often the first value.
    let old = match left {
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Deref(_)) && value == Value::Null => {
            to.field("[]")
        }
        _ => to.clone(),
    };
    drop_old(cx, &old, right, &value, span);
    assign(cx, to, value, span);
}

/// An assignment first drops what was there, if that can be something with a destructor.
fn drop_old(cx: &mut Context, to: &Place, right: &Expr, value: &Value, span: Span) {
    let replaces = *value == Value::Null && matches!(right, Expr::Path(_))
        || super::ownership::is_owned(cx, right);
    if !replaces || matches!(to.root, Root::Unknown) {
        return;
    }
    let is_whole_local = to.path.is_empty() && matches!(to.root, Root::Local(_) | Root::Param(_));
    if is_whole_local && !cfg(cx).will_drop(to) {
        return;
    }
    let type_text = body::type_of(cx, to);
    if types::is_scalar(&type_text) {
        return;
    }
    let kind = crate::ir::StmtKind::Drop {
        place: to.clone(),
        type_text,
    };
    body::push(cx, kind, span);
}

/// `x?`: the value goes on, or the function returns.
fn lower_try(cx: &mut Context, expr: &Expr, inner: &syn::ExprTry) -> Value {
    let value = lower(cx, &inner.expr);
    let span = span(cx, expr);
    let returned = body::body(cx).returns_value.then_some(Value::Unknown);
    let cfg = cfg(cx);
    let good = cfg.new_block();
    let bad = cfg.new_block();
    cfg.edge(bad, vec![Guard::holds(Cond::Unknown)]);
    cfg.edge(good, vec![Guard::fails(Cond::Unknown)]);
    cfg.start(bad);
    cfg.return_value(returned, span);
    cfg.start(good);
    value
}

fn lower_struct(cx: &mut Context, expr: &Expr, literal: &syn::ExprStruct, target: Target) -> Value {
    let span = span(cx, expr);
    let mut type_text = String::new();
    types::write_path(cx, &literal.path, &mut type_text);
    let place = struct_place(cx, &type_text, target, span);
    if let Some(rest) = &literal.rest {
        // `..rest` gives what is not named; it is assigned first, so that the named fields win.
        let value = lower(cx, rest);
        moved(cx, rest, &value);
        if matches!(value, Value::Place(_)) {
            assign(cx, place.clone(), value, span);
        }
    }
    for field in &literal.fields {
        if super::cfg::of_attributes(&field.attrs).is_false() {
            continue;
        }
        let name = match &field.member {
            Member::Named(name) => names::ident_name(name),
            Member::Unnamed(index) => index.index.to_string().into(),
        };
        let value = lower(cx, &field.expr);
        moved(cx, &field.expr, &value);
        let span = self::span(cx, &field.expr);
        assign(cx, place.field(name), value, span);
    }
    Value::Place(place)
}

/// The place in which a struct is put together.
pub(super) fn struct_place(cx: &mut Context, type_text: &str, target: Target, span: Span) -> Place {
    let place = match target {
        Target::Into(place) => place,
        Target::Fresh | Target::Discard => {
            body::new_local(cx, "{struct}".into(), type_text.into(), span)
        }
    };
    name_type(cx, &place, type_text);
    place
}

/// A local without a written type gets the one that its first value names.
pub(super) fn name_type(cx: &mut Context, place: &Place, type_text: &str) {
    if let (Root::Local(index), true) = (&place.root, place.path.is_empty())
        && let Some(local) = body::body(cx).locals.get_mut(*index as usize)
        && local.type_text.is_empty()
    {
        local.type_text = type_text.into();
    }
}

fn lower_tuple(cx: &mut Context, expr: &Expr, tuple: &syn::ExprTuple, target: Target) -> Value {
    if tuple.elems.is_empty() {
        return Value::Unknown;
    }
    let elements = tuple
        .elems
        .iter()
        .enumerate()
        .map(|(index, elem)| (Some(index.to_string()), elem));
    lower_list(cx, expr, "{tuple}", elements, target)
}

/// Elements of a tuple (with their names) or an array, each assigned to its place.
fn lower_list<'a>(
    cx: &mut Context,
    expr: &Expr,
    name: &str,
    elements: impl ExactSizeIterator<Item = (Option<String>, &'a Expr)>,
    target: Target,
) -> Value {
    let span = span(cx, expr);
    let is_table = elements.len() > LONGEST_LIST;
    let mut values = Vec::new();
    for (field, elem) in elements {
        let value = lower(cx, elem);
        moved(cx, elem, &value);
        if !is_table && !matches!(value, Value::Unknown) {
            values.push((field, value));
        }
    }
    let is_data = values
        .iter()
        .all(|(field, value)| field.is_none() && matches!(value, Value::Const(_)));
    if values.is_empty() || is_data {
        return Value::Unknown;
    }
    let place = match target {
        Target::Into(place) => place,
        _ => body::new_local(cx, name.into(), "".into(), span),
    };
    for (field, value) in values {
        let to = place.field(field.as_deref().unwrap_or("[]"));
        assign(cx, to, value, span);
    }
    Value::Place(place)
}

/// Lowers a list of arguments; those given by value are moved.
pub(super) fn arguments<'a>(
    cx: &mut Context,
    arguments: impl Iterator<Item = &'a Expr>,
) -> Vec<Value> {
    arguments
        .map(|argument| {
            let value = lower(cx, argument);
            moved(cx, argument, &value);
            value
        })
        .collect()
}

/// The attributes of those expressions that can stand as a statement.
pub(super) fn attributes(expr: &Expr) -> &[syn::Attribute] {
    match expr {
        Expr::Block(e) => &e.attrs,
        Expr::Unsafe(e) => &e.attrs,
        Expr::If(e) => &e.attrs,
        Expr::Match(e) => &e.attrs,
        Expr::Loop(e) => &e.attrs,
        Expr::While(e) => &e.attrs,
        Expr::ForLoop(e) => &e.attrs,
        Expr::Call(e) => &e.attrs,
        Expr::MethodCall(e) => &e.attrs,
        Expr::Macro(e) => &e.attrs,
        Expr::Assign(e) => &e.attrs,
        Expr::Return(e) => &e.attrs,
        Expr::Path(e) => &e.attrs,
        Expr::Lit(e) => &e.attrs,
        Expr::Await(e) => &e.attrs,
        Expr::Try(e) => &e.attrs,
        Expr::Binary(e) => &e.attrs,
        Expr::Unary(e) => &e.attrs,
        Expr::Field(e) => &e.attrs,
        Expr::Struct(e) => &e.attrs,
        Expr::Paren(e) => &e.attrs,
        Expr::Tuple(e) => &e.attrs,
        Expr::Cast(e) => &e.attrs,
        Expr::Reference(e) => &e.attrs,
        _ => &[],
    }
}

/// The bytes of an expression. syn's own `span()` prints the whole subtree to find its ends.
pub(super) fn span(cx: &Context, expr: &Expr) -> Span {
    cx.span_between(first_token(expr), last_token(expr))
}

fn first_token(expr: &Expr) -> proc_macro2::Span {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Assign(e) => &e.left,
            Expr::Await(e) => &e.base,
            Expr::Binary(e) => &e.left,
            Expr::Call(e) => &e.func,
            Expr::Cast(e) => &e.expr,
            Expr::Field(e) => &e.base,
            Expr::Group(e) => &e.expr,
            Expr::Index(e) => &e.expr,
            Expr::MethodCall(e) => &e.receiver,
            Expr::Try(e) => &e.expr,
            Expr::Array(e) => return e.bracket_token.span.open(),
            Expr::Async(e) => return e.async_token.span,
            Expr::Block(e) => {
                return e
                    .label
                    .as_ref()
                    .map_or(e.block.brace_token.span.open(), |label| {
                        label.name.apostrophe
                    });
            }
            Expr::Break(e) => return e.break_token.span,
            Expr::Closure(e) => {
                return e
                    .capture
                    .as_ref()
                    .map_or(e.inputs_begin.span, |capture| capture.span);
            }
            Expr::ForLoop(e) => return e.for_token.span,
            Expr::If(e) => return e.if_token.span,
            Expr::Let(e) => return e.let_token.span,
            Expr::Loop(e) => return e.loop_token.span,
            Expr::Macro(e) => return path_start(&e.mac.path),
            Expr::Match(e) => return e.match_token.span,
            Expr::Paren(e) => return e.paren_token.span.open(),
            Expr::Path(e) if e.qself.is_none() => return path_start(&e.path),
            Expr::Reference(e) => return e.and_token.span,
            Expr::RawAddr(e) => return e.and_token.span,
            Expr::Return(e) => return e.return_token.span,
            Expr::Struct(e) if e.qself.is_none() => return path_start(&e.path),
            Expr::Tuple(e) => return e.paren_token.span.open(),
            Expr::Unary(e) => return e.op.span(),
            Expr::Unsafe(e) => return e.unsafe_token.span,
            Expr::While(e) => return e.while_token.span,
            Expr::Lit(e) => return e.lit.span(),
            other => return other.span(),
        };
    }
}

/// The first token of a path.
pub(super) fn path_start(path: &syn::Path) -> proc_macro2::Span {
    match (&path.leading_colon, path.segments.first()) {
        (Some(colon), _) => colon.spans[0],
        (None, Some(segment)) => segment.ident.span(),
        (None, None) => path.span(),
    }
}

fn last_token(expr: &Expr) -> proc_macro2::Span {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Assign(e) => &e.right,
            Expr::Binary(e) => &e.right,
            Expr::Closure(e) => &e.body,
            Expr::Group(e) => &e.expr,
            Expr::Let(e) => &e.expr,
            Expr::Reference(e) => &e.expr,
            Expr::RawAddr(e) => &e.expr,
            Expr::Unary(e) => &e.expr,
            Expr::Break(e) if e.expr.is_some() => match &e.expr {
                Some(inner) => inner,
                None => return e.break_token.span,
            },
            Expr::Return(e) => match &e.expr {
                Some(inner) => inner,
                None => return e.return_token.span,
            },
            Expr::If(e) => match &e.else_branch {
                Some((_, inner)) => inner,
                None => return e.then_branch.brace_token.span.close(),
            },
            Expr::Array(e) => return e.bracket_token.span.close(),
            Expr::Async(e) => return e.block.brace_token.span.close(),
            Expr::Await(e) => return e.await_token.span,
            Expr::Block(e) => return e.block.brace_token.span.close(),
            Expr::Call(e) => return e.paren_token.span.close(),
            Expr::Field(e) => {
                return match &e.member {
                    Member::Named(name) => name.span(),
                    Member::Unnamed(index) => index.span,
                };
            }
            Expr::ForLoop(e) => return e.body.brace_token.span.close(),
            Expr::Index(e) => return e.bracket_token.span.close(),
            Expr::Lit(e) => return e.lit.span(),
            Expr::Loop(e) => return e.body.brace_token.span.close(),
            Expr::Macro(e) => return e.mac.delimiter.span().close(),
            Expr::Match(e) => return e.brace_token.span.close(),
            Expr::MethodCall(e) => return e.paren_token.span.close(),
            Expr::Paren(e) => return e.paren_token.span.close(),
            Expr::Path(e) => {
                return match e.path.segments.last() {
                    Some(segment) if segment.arguments.is_none() => segment.ident.span(),
                    _ => e.path.span(),
                };
            }
            Expr::Struct(e) => return e.brace_token.span.close(),
            Expr::Try(e) => return e.question_token.span,
            Expr::Tuple(e) => return e.paren_token.span.close(),
            Expr::Unsafe(e) => return e.block.brace_token.span.close(),
            Expr::While(e) => return e.body.brace_token.span.close(),
            other => return other.span(),
        };
    }
}
