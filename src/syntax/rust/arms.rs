//! Macros that look like a `match`: `select! { value = future => …, recv(channel) -> value => … }`.

use super::body::{self, Target, cfg, close_join, end_path, open_join, start_path};
use super::{Context, expressions, patterns};
use crate::ir::{Callee, Cond, Guard, Name, Value};
use crate::source::Span;
use proc_macro2::TokenStream;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::{Block, Expr, Ident, Pat, Token};

/// One arm: what is waited for, what it gives, what then runs.
pub(super) struct Arm {
    pattern: Option<Pat>,
    head: Option<Expr>,
    body: Expr,
}

/// The arms of such a macro, if its tokens are nothing else.
pub(super) fn parse(tokens: &TokenStream) -> Option<Vec<Arm>> {
    let parser = |input: ParseStream| {
        let mut arms = Vec::new();
        if input.peek(Ident) && input.peek2(Token![;]) {
            // `biased;`
            input.parse::<Ident>()?;
            input.parse::<Token![;]>()?;
        }
        while !input.is_empty() {
            arms.push(parse_arm(input)?);
        }
        Ok(arms)
    };
    parser
        .parse2(tokens.clone())
        .ok()
        .filter(|arms| !arms.is_empty())
}

fn parse_arm(input: ParseStream) -> syn::Result<Arm> {
    let (pattern, head) = parse_head(input)?;
    input.parse::<Token![=>]>()?;
    let body = if input.peek(syn::token::Brace) {
        Expr::Block(syn::ExprBlock {
            attrs: Vec::new(),
            label: None,
            block: input.parse::<Block>()?,
        })
    } else {
        input.parse()?
    };
    input.parse::<Option<Token![,]>>()?;
    Ok(Arm {
        pattern,
        head,
        body,
    })
}

fn parse_head(input: ParseStream) -> syn::Result<(Option<Pat>, Option<Expr>)> {
    if input.peek(Token![else]) {
        input.parse::<Token![else]>()?;
        return Ok((None, None));
    }
    if (input.peek(Ident) || input.peek(Token![_])) && input.peek2(Token![=>]) {
        // `default => …`, `complete => …`
        input.parse::<proc_macro2::TokenTree>()?;
        return Ok((None, None));
    }
    let fork = input.fork();
    let with_pattern = |input: ParseStream| {
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        input.parse::<Token![=]>()?;
        let head = input.parse::<Expr>()?;
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            input.parse::<Expr>()?;
        }
        syn::Result::Ok((Some(pattern), Some(head)))
    };
    if let Ok(parsed) = with_pattern(&fork)
        && fork.peek(Token![=>])
    {
        input.advance_to(&fork);
        return Ok(parsed);
    }
    let head = input.parse::<Expr>()?;
    if input.peek(Token![->]) {
        input.parse::<Token![->]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        return Ok((Some(pattern), Some(head)));
    }
    Ok((None, Some(head)))
}

/// All heads are evaluated and waited for, then one of the bodies runs.
pub(super) fn lower(cx: &mut Context, name: &Name, arms: &[Arm], span: Span) -> Value {
    cfg(cx).enter_scope();
    let mut heads = Vec::new();
    for arm in arms {
        if let Some(head) = &arm.head {
            let value = expressions::lower(cx, head);
            body::borrowed(cx, &value);
            heads.push(value);
        }
    }
    body::call(cx, Callee::Macro(name.clone()), heads, span);
    let mut join = open_join(cx);
    let mut test_block = cfg(cx).current();
    for (index, arm) in arms.iter().enumerate() {
        start_path(cx, &join, test_block);
        if index + 1 < arms.len() {
            let cfg = cfg(cx);
            let then = cfg.new_block();
            let next = cfg.new_block();
            cfg.edge(then, vec![Guard::holds(Cond::Unknown)]);
            cfg.edge(next, vec![Guard::fails(Cond::Unknown)]);
            cfg.start(then);
            test_block = next;
        }
        body::enter_bindings(cx);
        if let Some(pattern) = &arm.pattern {
            let given = patterns::Scrutinee {
                value: Value::Unknown,
                parts: Vec::new(),
                is_owned: false,
            };
            patterns::bind(cx, pattern, &given, None);
        }
        body::scoped(cx, span, |cx| {
            let value = expressions::lower_to(cx, &arm.body, Target::Discard);
            body::discard(cx, &value);
        });
        body::leave_bindings(cx);
        end_path(cx, &mut join);
    }
    close_join(cx, join);
    cfg(cx).leave_scope(span);
    Value::Unknown
}
