//! Whether an expression gives a value that somebody must drop.
//!
//! Without types this is a guess by shape; where it is wrong, a `Drop` of a type that has no destructor appears, which
//! means nothing. A reference that were taken for an owned value would mean something, so in doubt `.as_ref()` and the
//! like decide.

use super::{Context, body, control, names, types};
use syn::{Expr, UnOp};

/// Whether the value is not evidently a scalar, a reference or a pointer.
pub(super) fn is_owned(cx: &mut Context, expr: &Expr) -> bool {
    match expr {
        Expr::Reference(_)
        | Expr::RawAddr(_)
        | Expr::Cast(_)
        | Expr::Lit(_)
        | Expr::Binary(_)
        | Expr::Closure(_)
        | Expr::Range(_)
        | Expr::Let(_)
        | Expr::Assign(_)
        | Expr::Return(_)
        | Expr::Break(_)
        | Expr::Continue(_)
        | Expr::While(_)
        | Expr::ForLoop(_)
        | Expr::Index(_) => false,
        Expr::Unary(unary) => !matches!(unary.op, UnOp::Deref(_) | UnOp::Not(_) | UnOp::Neg(_)),
        Expr::Paren(inner) => is_owned(cx, &inner.expr),
        Expr::Group(inner) => is_owned(cx, &inner.expr),
        Expr::Try(inner) => is_owned(cx, &inner.expr),
        Expr::Field(field) => is_owned_field(cx, &field.base),
        Expr::Path(path) => {
            let Some(ident) = path.path.get_ident() else {
                // Constants and functions; `State::Idle` may own nothing either.
                return false;
            };
            match body::variable(cx, &names::ident_name(ident)) {
                Some(binding) => binding.is_owned,
                None => false,
            }
        }
        Expr::MethodCall(call) => {
            if borrows(&call.method.to_string()) {
                return false;
            }
            match keeps(&call.method.to_string()) {
                true => is_owned(cx, &call.receiver),
                false => true,
            }
        }
        Expr::Call(call) => match (&*call.func, call.args.first()) {
            (Expr::Path(path), Some(argument)) if call.args.len() == 1 => {
                let name = names::path_name(cx, path.qself.as_ref(), &path.path);
                // What it holds is never dropped.
                if name.ends_with("ManuallyDrop::new") {
                    return false;
                }
                match names::last_segment(&name) {
                    "Some" | "Ok" | "Err" => is_owned(cx, argument),
                    _ => true,
                }
            }
            _ => true,
        },
        Expr::If(branch) => {
            is_owned_block(cx, &branch.then_branch)
                || branch
                    .else_branch
                    .as_ref()
                    .is_some_and(|(_, other)| is_owned(cx, other))
        }
        Expr::Match(branches) => branches.arms.iter().any(|arm| match &*arm.body {
            // The arm's own variables are out of sight here.
            Expr::Path(path) => path
                .path
                .get_ident()
                .is_some_and(|ident| !names::is_upper(&ident.to_string())),
            body => is_owned(cx, body),
        }),
        Expr::Block(inner) => is_owned_block(cx, &inner.block),
        Expr::Unsafe(inner) => is_owned_block(cx, &inner.block),
        _ => true,
    }
}

fn is_owned_block(cx: &mut Context, block: &syn::Block) -> bool {
    if let Some(tail) = control::only_tail(block) {
        return is_owned(cx, tail);
    }
    match body::tail(&block.stmts) {
        // The block's own variables are out of sight here.
        Some(Expr::Path(path)) if path.path.get_ident().is_some() => true,
        Some(tail) => is_owned(cx, tail),
        None => matches!(block.stmts.last(), Some(syn::Stmt::Macro(_))),
    }
}

/// A field moves out of an owned variable; through a reference it can only be copied.
fn is_owned_field(cx: &mut Context, base: &Expr) -> bool {
    match base {
        Expr::Field(inner) => is_owned_field(cx, &inner.base),
        Expr::Paren(inner) => is_owned_field(cx, &inner.expr),
        other => is_owned(cx, other),
    }
}

/// Whether a variable of this type owns something; the type of a local may be unknown.
pub(super) fn owns(type_text: &str) -> bool {
    !types::is_scalar(type_text)
}

/// Whether a value of this type is known to be moved, not copied.
pub(super) fn moves(type_text: &str) -> bool {
    !type_text.is_empty()
        && !types::is_scalar(type_text)
        && !names::is_all_caps(types::head(type_text))
}

/// Methods that give a reference into their receiver, or a scalar.
fn borrows(method: &str) -> bool {
    matches!(
        method,
        "as_ref"
            | "as_mut"
            | "as_deref"
            | "as_deref_mut"
            | "as_ptr"
            | "as_mut_ptr"
            | "as_slice"
            | "as_mut_slice"
            | "as_str"
            | "as_bytes"
            | "as_path"
            | "as_bool"
            | "as_raw"
            | "as_raw_handle"
            | "borrow"
            | "borrow_mut"
            | "deref"
            | "deref_mut"
            | "get_mut"
            | "get_ref"
            | "get"
            | "iter"
            | "iter_mut"
            | "len"
            | "first"
            | "last"
            | "is_some"
            | "is_none"
            | "is_ok"
            | "is_err"
            | "is_null"
            | "is_empty"
            | "is_invalid"
            | "contains"
            | "contains_key"
            | "cast"
            | "cast_mut"
            | "cast_const"
            | "values"
            | "values_mut"
            | "keys"
    )
}

/// Methods whose result owns something if their receiver did.
fn keeps(method: &str) -> bool {
    matches!(
        method,
        "unwrap"
            | "expect"
            | "unwrap_or"
            | "unwrap_or_default"
            | "ok"
            | "inspect"
            | "inspect_err"
            | "into"
            | "ok_or"
            | "ok_or_else"
            | "enumerate"
            | "rev"
            | "skip"
            | "skip_while"
            | "take_while"
            | "step_by"
            | "filter"
            | "peekable"
            | "chain"
            | "fuse"
            | "by_ref"
    )
}
