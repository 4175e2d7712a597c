//! `if`, `match`, loops and jumps.

use super::body::{
    self, Loop, Target, apply, block, body, cfg, close_join, end_path, lower_into, moved,
    open_join, result_place, result_value, start_path,
};
use super::{Context, conditions, expressions, patterns};
use crate::ir::{BlockId, Callee, Cond, Guard, Op, Place, Value};
use syn::{Expr, Label};

/// Alternatives, each of which holds when all its guards hold. An empty list never holds, an empty alternative always.
pub(super) type Tests = [Vec<Guard>];

/// More alternatives than this are not written out.
const MOST_ALTERNATIVES: usize = 32;

/// So many arms are told apart by the edges of one block; the next ones begin where those have failed.
const MOST_FAILED: usize = 128;

/// Ends the current block: `then` under the tests, `other` in all other cases.
pub(super) fn edges(cx: &mut Context, tests: &Tests, then: BlockId, other: BlockId) {
    let cfg = cfg(cx);
    for test in tests {
        cfg.edge(then, joined(test, &[]));
    }
    for test in failing(tests) {
        cfg.edge(other, joined(&test, &[]));
    }
}

/// The opposite of some tests.
fn failing(tests: &Tests) -> Vec<Vec<Guard>> {
    let mut result: Vec<Vec<Guard>> = vec![Vec::new()];
    for test in tests {
        let mut next = Vec::new();
        for so_far in &result {
            for (index, guard) in test.iter().enumerate() {
                let mut guards = so_far.clone();
                guards.extend(test[..index].iter().cloned());
                guards.push(Guard {
                    cond: guard.cond.clone(),
                    holds: !guard.holds,
                });
                next.push(guards);
            }
        }
        if next.len() > MOST_ALTERNATIVES {
            return vec![Vec::new()];
        }
        result = next;
    }
    result
}

/// The tail of a block that holds nothing else: `unsafe { f() }`.
pub(super) fn only_tail(block: &syn::Block) -> Option<&Expr> {
    match &block.stmts[..] {
        [syn::Stmt::Expr(tail, None)] if expressions::attributes(tail).is_empty() => Some(tail),
        _ => None,
    }
}

/// A block that stands as an expression, perhaps with a label that `break` names.
pub(super) fn lower_block(
    cx: &mut Context,
    expr: &Expr,
    label: Option<&Label>,
    inner: &syn::Block,
    target: Target,
) -> Value {
    if let (None, Some(tail)) = (label, only_tail(inner)) {
        return expressions::lower_to(cx, tail, target);
    }
    let span = expressions::span(cx, expr);
    // A block without a tail has no value.
    let has_value = body::tail(&inner.stmts).is_some()
        || matches!(
            inner.stmts.last(),
            Some(syn::Stmt::Macro(syn::StmtMacro {
                semi_token: None,
                ..
            }))
        )
        || label.is_some();
    let target = if has_value { target } else { Target::Discard };
    let place = result_place(cx, &target, "{block}", span);
    let Some(label) = label else {
        block(cx, inner, place.as_ref());
        return result_value(place);
    };
    let end = cfg(cx).new_block();
    let depth = cfg(cx).depth();
    body(cx).loops.push(Loop {
        label: Some(label.name.ident.to_string()),
        end,
        again: None,
        depth,
        result: place.clone(),
    });
    block(cx, inner, place.as_ref());
    body(cx).loops.pop();
    cfg(cx).flow_into(end);
    result_value(place)
}

/// `if c {…} else {…}`; temporaries of a `let` in `c` live to the end.
pub(super) fn lower_if(
    cx: &mut Context,
    expr: &Expr,
    branch: &syn::ExprIf,
    target: Target,
) -> Value {
    let span = expressions::span(cx, expr);
    let target = match &branch.else_branch {
        Some(_) => target,
        None => Target::Discard,
    };
    let place = result_place(cx, &target, "{if}", span);
    if_chain(cx, branch, place.as_ref());
    result_value(place)
}

fn if_chain(cx: &mut Context, branch: &syn::ExprIf, place: Option<&Place>) {
    let end = cx.span(branch.then_branch.brace_token.span.close());
    cfg(cx).enter_scope();
    body::enter_bindings(cx);
    let then = cfg(cx).new_block();
    let other = cfg(cx).new_block();
    let bound = conditions::branch(cx, &branch.cond, then, other);
    let mut join = open_join(cx);
    start_path(cx, &join, then);
    body::scoped(cx, end, |cx| {
        apply(cx, bound);
        block(cx, &branch.then_branch, place);
    });
    body::leave_bindings(cx);
    end_path(cx, &mut join);
    start_path(cx, &join, other);
    if let Some((_, other)) = &branch.else_branch {
        match &**other {
            Expr::If(inner) => if_chain(cx, inner, place),
            Expr::Block(inner) if inner.label.is_none() => block(cx, &inner.block, place),
            other => lower_into(cx, other, place),
        }
    }
    end_path(cx, &mut join);
    close_join(cx, join);
    cfg(cx).leave_scope(end);
}

/// `match`: constants are tested from one block; an arm with a condition of its own begins another.
pub(super) fn lower_match(
    cx: &mut Context,
    expr: &Expr,
    branches: &syn::ExprMatch,
    target: Target,
) -> Value {
    let span = expressions::span(cx, expr);
    let end = cx.span(branches.brace_token.span.close());
    let place = result_place(cx, &target, "{match}", span);
    cfg(cx).enter_scope();
    let scrutinee = patterns::scrutinee(cx, &branches.expr);
    let mut join = open_join(cx);
    let arms: Vec<(&syn::Arm, Vec<Guard>)> = branches
        .arms
        .iter()
        .filter_map(|arm| match super::cfg::of_attributes(&arm.attrs) {
            super::cfg::Config::False => None,
            super::cfg::Config::When(guards) => Some((arm, guards)),
        })
        .collect();
    let mut test_block = cfg(cx).current();
    // What has failed so far in `test_block`.
    let mut failed: Vec<Guard> = Vec::new();
    let mut is_exhausted = false;
    for (index, (arm, configured)) in arms.iter().enumerate() {
        if is_exhausted {
            break;
        }
        start_path(cx, &join, test_block);
        body::enter_bindings(cx);
        let (pattern, condition) = patterns::split_guard(&arm.pat);
        let mut tests = patterns::tests(cx, pattern, &scrutinee);
        for test in &mut tests {
            test.extend(configured.iter().cloned());
        }
        let then = cfg(cx).new_block();
        // A match is exhaustive: the last arm takes what the others leave.
        let is_last = index + 1 == arms.len() && condition.is_none() && configured.is_empty();
        for test in &tests {
            let when = arm_guards(&failed, test, is_last);
            cfg(cx).edge(then, when);
        }
        let failures = failing(&tests);
        match (&failures[..], condition) {
            _ if is_last => is_exhausted = true,
            ([], None) => is_exhausted = true,
            ([one], None) if failed.len() < MOST_FAILED => failed.extend(one.iter().cloned()),
            _ => {
                let next = cfg(cx).new_block();
                for failure in failures {
                    let when = joined(&failed, &failure);
                    cfg(cx).edge(next, when);
                }
                failed.clear();
                test_block = next;
            }
        }
        cfg(cx).start(then);
        lower_arm(
            cx,
            arm,
            condition,
            pattern,
            &scrutinee,
            test_block,
            place.as_ref(),
        );
        body::leave_bindings(cx);
        end_path(cx, &mut join);
    }
    if !is_exhausted && !arms.is_empty() {
        // The last arm has a condition, so the arms before it cover everything; the edges must say something.
        start_path(cx, &join, test_block);
        let cfg_builder = cfg(cx);
        let rest = cfg_builder.new_block();
        cfg_builder.edge(rest, joined(&failed, &[]));
        cfg_builder.start(rest);
        end_path(cx, &mut join);
    }
    close_join(cx, join);
    cfg(cx).leave_scope(end);
    result_value(place)
}

/// The guards of an arm: its own tests, after those before it have failed.
fn arm_guards(failed: &[Guard], test: &[Guard], is_last: bool) -> Vec<Guard> {
    let is_constant = test.first().is_some_and(is_equality)
        && failed
            .iter()
            .all(|guard| !guard.holds && matches!(guard.cond, Cond::Compare { op: Op::Eq, .. }));
    if is_constant {
        // A constant that equals says already that it equals no other.
        return test.to_vec();
    }
    if is_last && test.iter().all(|guard| guard.cond == Cond::Unknown) {
        return joined(failed, &[]);
    }
    joined(failed, test)
}

/// Two lists of guards that must all hold. Each unknown condition is another one, so "it fails" and then "it holds"
/// must not look like a contradiction: only the last of them is kept.
fn joined(failed: &[Guard], test: &[Guard]) -> Vec<Guard> {
    let mut guards: Vec<Guard> = Vec::new();
    for guard in failed.iter().chain(test) {
        if guard.cond == Cond::Unknown {
            guards.retain(|kept| kept.cond != Cond::Unknown);
        }
        if !guards.contains(guard) {
            guards.push(guard.clone());
        }
    }
    guards
}

fn is_equality(guard: &Guard) -> bool {
    guard.holds && matches!(guard.cond, Cond::Compare { op: Op::Eq, .. })
}

fn lower_arm(
    cx: &mut Context,
    arm: &syn::Arm,
    condition: Option<&Expr>,
    pattern: &syn::Pat,
    scrutinee: &patterns::Scrutinee,
    test_block: BlockId,
    place: Option<&Place>,
) {
    let end = expressions::span(cx, &arm.body);
    body::scoped(cx, end, |cx| {
        let mut bound = patterns::bind(cx, pattern, scrutinee, None);
        if let Some(condition) = condition {
            let passed = cfg(cx).new_block();
            let more = conditions::branch(cx, condition, passed, test_block);
            bound.declared.extend(more.declared);
            bound.moved.extend(more.moved);
            cfg(cx).start(passed);
        }
        apply(cx, bound);
        match &*arm.body {
            Expr::Block(inner) if inner.label.is_none() => block(cx, &inner.block, place),
            other => lower_into(cx, other, place),
        }
    });
}

fn push_loop(
    cx: &mut Context,
    label: Option<&Label>,
    end: BlockId,
    again: BlockId,
    result: Option<Place>,
) {
    let depth = cfg(cx).depth();
    body(cx).loops.push(Loop {
        label: label.map(|label| label.name.ident.to_string()),
        end,
        again: Some(again),
        depth,
        result,
    });
}

/// `loop {…}`; its value is what `break` gives.
pub(super) fn lower_loop(
    cx: &mut Context,
    expr: &Expr,
    inner: &syn::ExprLoop,
    target: Target,
) -> Value {
    let span = expressions::span(cx, expr);
    let place = result_place(cx, &target, "{loop}", span);
    let again = cfg(cx).new_block();
    let end = cfg(cx).new_block();
    push_loop(cx, inner.label.as_ref(), end, again, place.clone());
    cfg(cx).flow_into(again);
    let before = cfg(cx).pending_drops();
    block(cx, &inner.body, None);
    cfg(cx).edge(again, Vec::new());
    body(cx).loops.pop();
    let cfg = cfg(cx);
    cfg.set_pending_drops(before);
    cfg.start(end);
    result_value(place)
}

/// `while c {…}`; temporaries of a `let` in `c` live through each round.
pub(super) fn lower_while(cx: &mut Context, inner: &syn::ExprWhile) {
    let end_span = cx.span(inner.body.brace_token.span.close());
    let again = cfg(cx).new_block();
    let end = cfg(cx).new_block();
    push_loop(cx, inner.label.as_ref(), end, again, None);
    cfg(cx).flow_into(again);
    cfg(cx).enter_scope();
    body::enter_bindings(cx);
    let then = cfg(cx).new_block();
    let other = cfg(cx).new_block();
    let bound = conditions::branch(cx, &inner.cond, then, other);
    let at_branch = cfg(cx).pending_drops();
    cfg(cx).start(then);
    body::scoped(cx, end_span, |cx| {
        apply(cx, bound);
        block(cx, &inner.body, None);
    });
    cfg(cx).leave_scope(end_span);
    cfg(cx).edge(again, Vec::new());
    body::leave_bindings(cx);
    body(cx).loops.pop();
    let cfg = cfg(cx);
    cfg.enter_scope();
    cfg.set_pending_drops(at_branch);
    cfg.start(other);
    cfg.leave_scope(end_span);
    cfg.flow_into(end);
}

/// `for x in y {…}`: each round asks for the next element.
pub(super) fn lower_for(cx: &mut Context, inner: &syn::ExprForLoop) {
    let end_span = cx.span(inner.body.brace_token.span.close());
    let head_span = expressions::span(cx, &inner.expr);
    cfg(cx).enter_scope();
    let collection = expressions::lower(cx, &inner.expr);
    let is_owned = super::ownership::is_owned(cx, &inner.expr) && !is_range(&inner.expr);
    if is_owned {
        moved(cx, &inner.expr, &collection);
    }
    let again = cfg(cx).new_block();
    let end = cfg(cx).new_block();
    push_loop(cx, inner.label.as_ref(), end, again, None);
    cfg(cx).flow_into(again);
    if collection.place().is_some() {
        let callee = Callee::Method {
            receiver: collection.clone(),
            name: "next".into(),
        };
        body::call(cx, callee, Vec::new(), head_span);
    }
    let then = cfg(cx).new_block();
    let other = cfg(cx).new_block();
    edges(cx, &[vec![Guard::holds(Cond::Unknown)]], then, other);
    let before = cfg(cx).pending_drops();
    cfg(cx).start(then);
    body::enter_bindings(cx);
    body::scoped(cx, end_span, |cx| {
        let element = patterns::Scrutinee {
            value: expressions::part(&collection, "[]"),
            parts: Vec::new(),
            is_owned: is_owned && collection.place().is_some(),
        };
        let bound = patterns::bind(cx, &inner.pat, &element, None);
        apply(cx, bound);
        block(cx, &inner.body, None);
    });
    cfg(cx).edge(again, Vec::new());
    body::leave_bindings(cx);
    body(cx).loops.pop();
    let cfg = cfg(cx);
    cfg.set_pending_drops(before);
    cfg.start(other);
    cfg.flow_into(end);
    cfg.leave_scope(end_span);
}

fn is_range(expr: &Expr) -> bool {
    match expr {
        Expr::Range(_) => true,
        Expr::Paren(inner) => is_range(&inner.expr),
        Expr::MethodCall(call) => is_range(&call.receiver),
        _ => false,
    }
}

fn target_of<'a>(
    cx: &'a mut Context,
    label: Option<&syn::Lifetime>,
    is_continue: bool,
) -> Option<&'a Loop> {
    let label = label.map(|label| label.ident.to_string());
    body(cx)
        .loops
        .iter()
        .rev()
        .find(|candidate| match &label {
            Some(label) => candidate.label.as_deref() == Some(label),
            None => candidate.again.is_some(),
        })
        .filter(|found| !is_continue || found.again.is_some())
}

/// `break`, perhaps with a value.
pub(super) fn lower_break(cx: &mut Context, expr: &Expr, exit: &syn::ExprBreak) -> Value {
    let span = expressions::span(cx, expr);
    let found = target_of(cx, exit.label.as_ref(), false)
        .map(|found| (found.end, found.depth, found.result.clone()));
    let Some((end, depth, result)) = found else {
        // In a macro's body: it leaves a loop of the caller.
        cfg(cx).diverge(span);
        return Value::Unknown;
    };
    if let Some(inner) = &exit.expr {
        let value = expressions::lower(cx, inner);
        match &result {
            Some(place) => body::store(cx, inner, place, value, span),
            None => body::discard(cx, &value),
        }
    }
    cfg(cx).jump_out(end, depth, span);
    Value::Unknown
}

pub(super) fn lower_continue(cx: &mut Context, expr: &Expr, exit: &syn::ExprContinue) -> Value {
    let span = expressions::span(cx, expr);
    let found = target_of(cx, exit.label.as_ref(), true).map(|found| (found.again, found.depth));
    match found {
        Some((Some(again), depth)) => cfg(cx).jump_out(again, depth, span),
        _ => cfg(cx).diverge(span),
    }
    Value::Unknown
}

pub(super) fn lower_return(cx: &mut Context, expr: &Expr, exit: &syn::ExprReturn) -> Value {
    let span = expressions::span(cx, expr);
    let value = exit.expr.as_ref().map(|inner| {
        let value = expressions::lower(cx, inner);
        moved(cx, inner, &value);
        value
    });
    cfg(cx).return_value(value, span);
    Value::Unknown
}
