//! Conditions as control flow: `&&`, `||`, `!`, `let` and comparisons become edges with guards.

use super::body::{
    self, Bound, Target, assign, cfg, close_join, end_path, open_join, result_place, result_value,
    start_path,
};
use super::{Context, control, expressions, names, patterns};
use crate::ir::{BlockId, Cond, Guard, Op, Place, Root, Value};
use syn::{BinOp, Expr, ExprBinary, UnOp};

/// Ends the current block with edges to `then` and `other`. What patterns bind is in sight of the innermost scope of
/// variables; what they take is for the caller to apply in `then`.
pub(super) fn branch(cx: &mut Context, expr: &Expr, then: BlockId, other: BlockId) -> Bound {
    match expr {
        Expr::Paren(inner) => branch(cx, &inner.expr, then, other),
        Expr::Group(inner) => branch(cx, &inner.expr, then, other),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
            branch(cx, &unary.expr, other, then);
            Bound::default()
        }
        Expr::Binary(binary) if matches!(binary.op, BinOp::And(_)) => {
            let middle = cfg(cx).new_block();
            let mut bound = branch(cx, &binary.left, middle, other);
            cfg(cx).start(middle);
            let more = branch(cx, &binary.right, then, other);
            bound.declared.extend(more.declared);
            bound.moved.extend(more.moved);
            bound
        }
        Expr::Binary(binary) if matches!(binary.op, BinOp::Or(_)) => {
            let middle = cfg(cx).new_block();
            branch(cx, &binary.left, then, middle);
            cfg(cx).start(middle);
            branch(cx, &binary.right, then, other);
            Bound::default()
        }
        Expr::Let(binding) => {
            let scrutinee = patterns::scrutinee(cx, &binding.expr);
            let tests = patterns::tests(cx, &binding.pat, &scrutinee);
            let middle = cfg(cx).new_block();
            control::edges(cx, &tests, middle, other);
            cfg(cx).start(middle);
            let bound = patterns::bind(cx, &binding.pat, &scrutinee, None);
            cfg(cx).edge(then, Vec::new());
            bound
        }
        Expr::Macro(mac) if is_named(&mac.mac, "cfg") => {
            match super::cfg::of_tokens(mac.mac.tokens.clone()) {
                super::cfg::Config::False => cfg(cx).edge(other, Vec::new()),
                super::cfg::Config::When(guards) => control::edges(cx, &[guards], then, other),
            }
            Bound::default()
        }
        Expr::Macro(mac) if is_named(&mac.mac, "matches") => {
            match super::macros::parse_matches(&mac.mac) {
                Some((scrutinee, pattern)) => {
                    lower_matches(cx, &scrutinee, &pattern, then, other);
                }
                None => value_branch(cx, expr, then, other),
            }
            Bound::default()
        }
        _ => {
            value_branch(cx, expr, then, other);
            Bound::default()
        }
    }
}

/// Whether a macro has this name, however it is qualified: `std::matches!`.
fn is_named(mac: &syn::Macro, name: &str) -> bool {
    *super::macros::name(mac) == *name
}

/// `matches!(x, pattern if guard)`.
fn lower_matches(
    cx: &mut Context,
    scrutinee: &Expr,
    pattern: &syn::Pat,
    then: BlockId,
    other: BlockId,
) {
    body::enter_bindings(cx);
    let (pattern, guard) = patterns::split_guard(pattern);
    let scrutinee = patterns::scrutinee(cx, scrutinee);
    let tests = patterns::tests(cx, pattern, &scrutinee);
    match guard {
        None => control::edges(cx, &tests, then, other),
        Some(guard) => {
            let middle = cfg(cx).new_block();
            control::edges(cx, &tests, middle, other);
            cfg(cx).start(middle);
            patterns::bind(cx, pattern, &scrutinee, None);
            branch(cx, guard, then, other);
        }
    }
    body::leave_bindings(cx);
}

/// A plain condition: its temporaries end before the branch is taken.
fn value_branch(cx: &mut Context, expr: &Expr, then: BlockId, other: BlockId) {
    let span = expressions::span(cx, expr);
    let value = body::scoped(cx, span, |cx| expressions::lower(cx, expr));
    match guard(value) {
        Decided::Always(true) => cfg(cx).edge(then, Vec::new()),
        Decided::Always(false) => cfg(cx).edge(other, Vec::new()),
        Decided::By(cond) => {
            let cfg = cfg(cx);
            cfg.edge(then, vec![Guard::holds(cond.clone())]);
            cfg.edge(other, vec![Guard::fails(cond)]);
        }
    }
}

enum Decided {
    Always(bool),
    By(Cond),
}

fn guard(value: Value) -> Decided {
    match value {
        Value::Const(number) => Decided::Always(number != 0),
        Value::Cond(cond) => Decided::By(*cond),
        Value::Unknown => Decided::By(Cond::Unknown),
        value => Decided::By(Cond::Compare {
            left: value,
            op: Op::Ne,
            right: Value::Const(0),
        }),
    }
}

/// `a == b`, with the constant on the right.
pub(super) fn comparison(cx: &mut Context, binary: &ExprBinary) -> Cond {
    let op = match binary.op {
        BinOp::Eq(_) => Op::Eq,
        BinOp::Ne(_) => Op::Ne,
        BinOp::Lt(_) => Op::Lt,
        BinOp::Le(_) => Op::Le,
        BinOp::Gt(_) => Op::Gt,
        _ => Op::Ge,
    };
    // `flags & BIT != 0`.
    if let (Op::Eq | Op::Ne, Some((flags, bits))) = (op, bit_test(&binary.left)) {
        let left = operand(cx, flags);
        let right = operand(cx, bits);
        let zero = operand(cx, &binary.right);
        return match (zero == Value::Const(0), op) {
            (true, Op::Ne) => Cond::Compare {
                left,
                op: Op::HasBits,
                right,
            },
            // The negation of "has bits" has no operator of its own.
            _ => Cond::Unknown,
        };
    }
    let left = operand(cx, &binary.left);
    let right = operand(cx, &binary.right);
    if is_constant(&left) && !is_constant(&right) {
        return Cond::Compare {
            left: right,
            op: op.mirrored(),
            right: left,
        };
    }
    match (left, op, right) {
        // `(a == b) == true` and its kin.
        (Value::Cond(cond), Op::Eq, Value::Const(1))
        | (Value::Cond(cond), Op::Ne, Value::Const(0)) => *cond,
        (Value::Cond(cond), Op::Eq, Value::Const(0))
        | (Value::Cond(cond), Op::Ne, Value::Const(1)) => match negated(*cond) {
            Value::Cond(cond) => *cond,
            _ => Cond::Unknown,
        },
        (Value::Unknown, _, _) => Cond::Unknown,
        (left, op, right) => Cond::Compare { left, op, right },
    }
}

fn bit_test(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::Paren(inner) => bit_test(&inner.expr),
        Expr::Group(inner) => bit_test(&inner.expr),
        Expr::Binary(binary) if matches!(binary.op, BinOp::BitAnd(_)) => {
            Some((&binary.left, &binary.right))
        }
        _ => None,
    }
}

fn operand(cx: &mut Context, expr: &Expr) -> Value {
    let value = expressions::lower(cx, expr);
    body::borrowed(cx, &value);
    value
}

fn is_constant(value: &Value) -> bool {
    match value {
        Value::Const(_) | Value::Null | Value::Text(_) => true,
        Value::Place(Place {
            root: Root::Global(name),
            path,
        }) => path.is_empty() && names::is_all_caps(names::last_segment(name)),
        _ => false,
    }
}

/// The opposite of a condition, where it has an operator.
pub(super) fn negated(cond: Cond) -> Value {
    let Cond::Compare { left, op, right } = cond else {
        return Value::Unknown;
    };
    let Some(op) = op.negated() else {
        return Value::Unknown;
    };
    Value::Cond(Box::new(Cond::Compare { left, op, right }))
}

/// `a && b`, `matches!(…)` used as a value: 1 or 0, by the path.
pub(super) fn lower_as_value(cx: &mut Context, expr: &Expr, target: Target) -> Value {
    let span = expressions::span(cx, expr);
    let place = result_place(cx, &target, "{condition}", span);
    body::enter_bindings(cx);
    cfg(cx).enter_scope();
    let then = cfg(cx).new_block();
    let other = cfg(cx).new_block();
    let bound = branch(cx, expr, then, other);
    let mut join = open_join(cx);
    for (block, number) in [(then, 1), (other, 0)] {
        start_path(cx, &join, block);
        if let Some(place) = &place {
            assign(cx, place.clone(), Value::Const(number), span);
        }
        end_path(cx, &mut join);
    }
    close_join(cx, join);
    // Nothing that the pattern bound is used, so nothing of it is dropped apart from the scrutinee.
    drop(bound);
    cfg(cx).leave_scope(span);
    body::leave_bindings(cx);
    result_value(place)
}
