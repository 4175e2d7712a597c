//! Calls: what is called, what is only wrapped, and what is moved.

use super::body::{self, Target, borrowed, call, cfg, moved, push};
use super::{Context, closures, expressions, names, types};
use crate::ir::{Callee, Cond, Op, Place, Root, StmtKind, Value};
use syn::{Expr, ExprCall, ExprMethodCall};

/// `f(x)`, `T::f(x)`, `(self.f)(x)`, `(|| …)()`.
pub(super) fn lower_call(cx: &mut Context, expr: &Expr, site: &ExprCall, target: Target) -> Value {
    let span = expressions::span(cx, expr);
    let mut func = &*site.func;
    while let Expr::Paren(inner) = func {
        func = &inner.expr;
    }
    match func {
        Expr::Path(path) => {
            if path.qself.is_none()
                && let Some(ident) = path.path.get_ident()
                && let Some(binding) = body::variable(cx, &names::ident_name(ident))
            {
                let args = expressions::arguments(cx, site.args.iter());
                let callee = Callee::Indirect(Value::Place(Place::of(binding.root)));
                return call(cx, callee, args, span);
            }
            let name = names::path_name(cx, path.qself.as_ref(), &path.path);
            if let Some(value) = special(cx, expr, &name, site) {
                return value;
            }
            if let Some(type_text) = tuple_type(cx, &name) {
                return lower_tuple_struct(cx, expr, &type_text, site, target);
            }
            let args = expressions::arguments(cx, site.args.iter());
            call(cx, Callee::Named(name), args, span)
        }
        Expr::Closure(closure) => {
            let index = closures::lower_function(cx, closure);
            let args = expressions::arguments(cx, site.args.iter());
            call(cx, Callee::Closure(index), args, span)
        }
        other => {
            let callee = expressions::lower(cx, other);
            borrowed(cx, &callee);
            let args = expressions::arguments(cx, site.args.iter());
            call(cx, Callee::Indirect(callee), args, span)
        }
    }
}

/// What a call by name is when it is no call: a wrapper, a null pointer, a move.
fn special(cx: &mut Context, expr: &Expr, name: &str, site: &ExprCall) -> Option<Value> {
    let argument = site.args.first();
    match (site.args.len(), argument) {
        (0, _) => is_null(name).then_some(Value::Null),
        (1, Some(argument)) => {
            if is_drop(name) {
                lower_drop(cx, expr, argument);
                return Some(Value::Unknown);
            }
            if is_forget(name) {
                let value = expressions::lower(cx, argument);
                moved(cx, argument, &value);
                return Some(value);
            }
            if is_wrapper(name) {
                let value = expressions::lower(cx, argument);
                return Some(value);
            }
            None
        }
        _ => None,
    }
}

fn is_null(name: &str) -> bool {
    matches!(
        name,
        "null"
            | "null_mut"
            | "ptr::null"
            | "ptr::null_mut"
            | "std::ptr::null"
            | "std::ptr::null_mut"
            | "core::ptr::null"
            | "core::ptr::null_mut"
    )
}

fn is_drop(name: &str) -> bool {
    matches!(
        name,
        "drop" | "mem::drop" | "std::mem::drop" | "core::mem::drop"
    )
}

/// What takes a value and never drops it.
fn is_forget(name: &str) -> bool {
    matches!(
        name,
        "mem::forget" | "std::mem::forget" | "core::mem::forget" | "forget"
    ) || two_last(name) == ("ManuallyDrop", "new")
}

/// The last two segments.
fn two_last(name: &str) -> (&str, &str) {
    match name.rsplit_once("::") {
        Some((rest, last)) => (names::last_segment(rest), last),
        None => ("", name),
    }
}

/// The type that a call puts together: a tuple struct or an enum of this file. Windows functions are spelled in the
/// same case as tuple structs, so of other files none are known.
fn tuple_type(cx: &Context, name: &str) -> Option<String> {
    let (owner, last) = two_last(name);
    if !names::is_upper(last) {
        return None;
    }
    if cx.known.tuples.contains(&format!("{owner}::{last}")) {
        return Some(name[..name.len() - last.len() - 2].to_string());
    }
    cx.known.tuples.contains(last).then(|| name.to_string())
}

/// `Guard(handle)` as the struct literal that it is.
fn lower_tuple_struct(
    cx: &mut Context,
    expr: &Expr,
    type_text: &str,
    site: &ExprCall,
    target: Target,
) -> Value {
    let span = expressions::span(cx, expr);
    let place = expressions::struct_place(cx, type_text, target, span);
    for (index, argument) in site.args.iter().enumerate() {
        let value = expressions::lower(cx, argument);
        moved(cx, argument, &value);
        body::assign(cx, place.field(index.to_string()), value, span);
    }
    Value::Place(place)
}

/// Whether a call with one argument only wraps it: what std defines for that, and handles.
pub(super) fn is_wrapper(name: &str) -> bool {
    match two_last(name) {
        ("", "Some" | "Ok" | "Err" | "Wrapping" | "Reverse" | "AssertUnwindSafe") => true,
        (_, "Some" | "Ok" | "Err") => true,
        (owner, "new") => matches!(
            owner,
            "Box"
                | "Arc"
                | "Rc"
                | "Mutex"
                | "RwLock"
                | "ReentrantMutex"
                | "RefCell"
                | "Cell"
                | "UnsafeCell"
                | "SyncUnsafeCell"
                | "Pin"
                | "AtomicPtr"
                | "AtomicUsize"
                | "AtomicIsize"
                | "AtomicBool"
                | "AtomicU32"
                | "AtomicI32"
                | "AtomicU64"
                | "AtomicI64"
                | "AtomicU8"
        ),
        ("Box", "pin") => true,
        (_, "transmute" | "addr_of") => true,
        (_, last) if names::is_all_caps(last) && last.len() > 1 => true,
        _ => false,
    }
}

/// `drop(x)` is the drop itself.
fn lower_drop(cx: &mut Context, expr: &Expr, argument: &Expr) {
    let span = expressions::span(cx, expr);
    let value = expressions::lower(cx, argument);
    let Some(place) = value.place() else { return };
    // Dropping a reference does nothing.
    if matches!(value, Value::AddressOf(_)) {
        return;
    }
    let type_text = body::type_of(cx, &place);
    body::give_away(cx, &place);
    push(cx, StmtKind::Drop { place, type_text }, span);
}

/// `x.f(y)`.
pub(super) fn lower_method(cx: &mut Context, expr: &Expr, site: &ExprMethodCall) -> Value {
    let method = names::ident_name(&site.method);
    let receiver = expressions::lower(cx, &site.receiver);
    if is_peeled(&method, site.args.len()) {
        for argument in &site.args {
            expressions::lower(cx, argument);
        }
        // `context.cast::<Worker>()`
        if method == "cast".into()
            && let Some(turbofish) = &site.turbofish
            && let Some(syn::GenericArgument::Type(pointee)) = turbofish.args.first()
        {
            let pointer: syn::Type = syn::parse_quote!(*mut #pointee);
            return expressions::typed(cx, receiver, &pointer, expr);
        }
        return receiver;
    }
    if site.args.is_empty()
        && let Some(op) = null_test(&method)
    {
        borrowed(cx, &receiver);
        return Value::Cond(Box::new(Cond::Compare {
            left: receiver,
            op,
            right: Value::Null,
        }));
    }
    if is_consuming(&method) {
        moved(cx, &site.receiver, &receiver);
        if let Value::Place(place) = &receiver
            && matches!(place.root, Root::Result(_))
        {
            cfg(cx).forget(place);
        }
    } else {
        borrowed(cx, &receiver);
    }
    let args = expressions::arguments(cx, site.args.iter());
    // The name is where the reader looks, but the receiver belongs to the call as well.
    let span = expressions::span(cx, expr);
    let callee = Callee::Method {
        receiver,
        name: method,
    };
    call(cx, callee, args, span)
}

/// Methods that leave the value as it is: only its type changes.
fn is_peeled(method: &str, arguments: usize) -> bool {
    match arguments {
        0 => matches!(
            method,
            "unwrap"
                | "unwrap_or_default"
                | "unwrap_unchecked"
                | "ok"
                | "as_ref"
                | "as_mut"
                | "as_deref"
                | "as_deref_mut"
                | "as_bool"
                | "into"
                | "cast"
                | "cast_mut"
                | "cast_const"
                | "as_ptr"
                | "as_mut_ptr"
                | "as_raw_handle"
                | "as_raw"
                | "to_owned"
                | "borrow"
                | "borrow_mut"
                | "deref"
                | "deref_mut"
                | "get_mut"
        ),
        1 => matches!(method, "expect" | "unwrap_or" | "inspect" | "inspect_err"),
        _ => false,
    }
}

fn null_test(method: &str) -> Option<Op> {
    match method {
        "is_null" | "is_none" | "is_invalid" => Some(Op::Eq),
        "is_some" => Some(Op::Ne),
        _ => None,
    }
}

/// Methods that take their receiver by value.
fn is_consuming(method: &str) -> bool {
    matches!(method, "join" | "close" | "await") || method.starts_with("into_")
}

/// Gives a local the type that a wrapping call names: `let h = HANDLE(x)`.
pub(super) fn wrapped_type(cx: &mut Context, expr: &Expr) -> Option<String> {
    let Expr::Call(site) = expr else { return None };
    let Expr::Path(path) = &*site.func else {
        return None;
    };
    let name = names::path_name(cx, path.qself.as_ref(), &path.path);
    let (_, last) = two_last(&name);
    let names_type = names::is_upper(last)
        && !matches!(last, "Some" | "Ok" | "Err")
        && site.args.len() == 1
        && is_wrapper(&name);
    names_type.then(|| types::head(&name).to_string())
}
