//! Closures and `async` blocks: functions of their own that see the variables around them.

use super::body::{self, Body, body};
use super::{Context, expressions, functions, patterns, types};
use crate::ir::{FunctionIndex, FunctionKind, Value};
use crate::source::Span;
use syn::{Block, ExprAsync, ExprClosure};

/// A closure as a value.
pub(super) fn lower(cx: &mut Context, closure: &ExprClosure) -> Value {
    Value::Closure(lower_function(cx, closure))
}

/// The function that a closure is. Calling an `async` closure gives the function that its body is.
pub(super) fn lower_function(cx: &mut Context, closure: &ExprClosure) -> FunctionIndex {
    let span = cx
        .span(
            closure
                .capture
                .as_ref()
                .map_or(closure.inputs_begin.span, |capture| capture.span),
        )
        .to(expressions::span(cx, &closure.body));
    let name_span = cx.span_between(closure.inputs_begin.span, closure.inputs_end.span);
    let return_type = types::return_text(cx, &closure.output);
    let index = open(cx, closure.capture.is_some(), span, name_span);
    functions::function(cx, index).return_type = return_type;
    for input in &closure.inputs {
        patterns::bind_parameter(cx, input, "".into(), true);
    }
    functions::lower_expression_body(cx, &closure.body);
    close(cx, index, span);
    index
}

/// `async { … }`: it runs when somebody polls it.
pub(super) fn lower_async(cx: &mut Context, block: &ExprAsync) -> Value {
    let end = cx.span(block.block.brace_token.span.close());
    let span = cx.span(block.async_token.span).to(end);
    let name_span = cx.span(block.async_token.span);
    let index = open(cx, block.capture.is_some(), span, name_span);
    functions::lower_block(cx, &block.block, end);
    close(cx, index, end);
    Value::Closure(index)
}

/// The body of an `async fn`, which owns the function's parameters.
pub(super) fn lower_async_body(cx: &mut Context, block: &Block, span: Span) -> FunctionIndex {
    let end = cx.span(block.brace_token.span.close());
    let returns_value = body(cx).returns_value;
    let index = open(cx, true, span, span);
    body(cx).returns_value = returns_value;
    functions::lower_block(cx, block, end);
    close(cx, index, end);
    index
}

fn open(cx: &mut Context, is_move: bool, span: Span, name_span: Span) -> FunctionIndex {
    let index = functions::reserve(cx, "{lambda}".into(), FunctionKind::Lambda, span, name_span);
    let mut inner = Body::new(index);
    inner.is_closure = true;
    inner.is_move = is_move;
    inner.returns_value = true;
    cx.bodies.push(inner);
    index
}

/// Ends the closure; what it takes by value is gone from the function around it.
fn close(cx: &mut Context, index: FunctionIndex, end: Span) {
    functions::finish(cx, end);
    let taken: Vec<Value> = functions::function(cx, index)
        .captures
        .iter()
        .filter(|capture| !capture.by_ref)
        .map(|capture| capture.value.clone())
        .collect();
    if cx.bodies.is_empty() {
        return;
    }
    for value in taken {
        if let Value::Place(place) = value {
            body::give_away(cx, &place);
        }
    }
}
