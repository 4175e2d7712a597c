//! Uses of macros: their arguments are lowered as what they look like.

use super::body::{self, Target, call, cfg, moved, result_place, result_value};
use super::statics::{self, LazyItem};
use super::{Context, arms, conditions, expressions, items, names};
use crate::ir::{Callee, Invocation, Name, StmtKind, Value};
use crate::source::Span;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Item, Macro, Pat, Stmt, Token};

/// A macro that stands as a statement.
pub(super) fn statement(cx: &mut Context, mac: &Macro) {
    let span = span(cx, mac);
    body::scoped(cx, span, |cx| {
        let value = lower(cx, mac, Target::Discard);
        body::discard(cx, &value);
    });
}

fn span(cx: &Context, mac: &Macro) -> Span {
    cx.span_between(
        expressions::path_start(&mac.path),
        mac.delimiter.span().close(),
    )
}

/// The last segment of a macro's path.
pub(super) fn name(mac: &Macro) -> Name {
    mac.path
        .segments
        .last()
        .map_or_else(|| "".into(), |segment| names::ident_name(&segment.ident))
}

/// A macro that stands as a statement or an expression.
pub(super) fn lower(cx: &mut Context, mac: &Macro, target: Target) -> Value {
    let span = span(cx, mac);
    let name = name(mac);
    match &*name {
        "panic" | "unreachable" | "todo" | "unimplemented" => {
            lower_arguments(cx, &mac.tokens);
            cfg(cx).diverge(span);
            Value::Unknown
        }
        // Code of another program, or no code at all.
        "quote" | "quote_spanned" | "parse_quote" | "stringify" | "include_str"
        | "include_bytes" | "include" | "env" | "option_env" | "line" | "file" | "column"
        | "module_path" | "compile_error" | "asm" | "global_asm" | "naked_asm" => Value::Unknown,
        "concat" => Value::Unknown,
        "cfg" => match super::cfg::of_tokens(mac.tokens.clone()) {
            super::cfg::Config::False => Value::Const(0),
            super::cfg::Config::When(guards) => match &guards[..] {
                [] => Value::Const(1),
                [one] if one.holds => Value::Cond(Box::new(one.cond.clone())),
                _ => Value::Unknown,
            },
        },
        "matches" => match parse_matches(mac) {
            Some(_) => {
                let expr = Expr::Macro(syn::ExprMacro {
                    attrs: Vec::new(),
                    mac: mac.clone(),
                });
                conditions::lower_as_value(cx, &expr, target)
            }
            None => unknown(cx, &name, mac, span, target),
        },
        "addr_of" | "addr_of_mut" => match syn::parse2::<Expr>(mac.tokens.clone()) {
            Ok(place) => expressions::address(cx, &place),
            Err(_) => Value::Unknown,
        },
        "dbg" | "identity" | "pin" => match syn::parse2::<Expr>(mac.tokens.clone()) {
            Ok(inner) => {
                let value = expressions::lower(cx, &inner);
                moved(cx, &inner, &value);
                value
            }
            Err(_) => unknown(cx, &name, mac, span, target),
        },
        "vec" => lower_vec(cx, mac, target),
        "thread_local" | "lazy_static" => {
            lower_lazy(cx, mac, &name);
            Value::Unknown
        }
        "cfg_if" => {
            lower_cfg_if(cx, mac);
            Value::Unknown
        }
        _ => unknown(cx, &name, mac, span, target),
    }
}

/// A macro of which nothing is known but its arguments.
fn unknown(cx: &mut Context, name: &Name, mac: &Macro, span: Span, target: Target) -> Value {
    if let Ok(args) = parse_arguments(&mac.tokens) {
        let called = called_argument(cx, name, &args);
        let args = values(cx, args.iter());
        let value = called.map(|(at, function)| {
            let rest = args.get(at + 1..).unwrap_or_default().to_vec();
            call(cx, Callee::Named(function), rest, span)
        });
        let whole = call(cx, Callee::Macro(name.clone()), args, span);
        return value.unwrap_or(whole);
    }
    if let Ok(stmts) = Block::parse_within.parse2(mac.tokens.clone()) {
        let place = match body::tail(&stmts) {
            Some(_) => result_place(cx, &target, "{macro}", span),
            None => None,
        };
        body::statements(cx, &stmts, place.as_ref(), span);
        return result_value(place);
    }
    if let Some(arms) = arms::parse(&mac.tokens) {
        return arms::lower(cx, name, &arms, span);
    }
    if let Some(args) = parse_pieces(&mac.tokens) {
        let args = values(cx, args.iter());
        return call(cx, Callee::Macro(name.clone()), args, span);
    }
    if called_names(mac.tokens.clone()).is_empty() {
        // `Token![+]`, `json!({ … })`: nothing in it can run.
        return call(cx, Callee::Macro(name.clone()), Vec::new(), span);
    }
    opaque(cx, mac.tokens.clone(), span);
    Value::Unknown
}

/// The function that a macro gets by name and calls with the arguments behind it.
fn called_argument(
    cx: &mut Context,
    name: &Name,
    args: &Punctuated<Expr, Token![,]>,
) -> Option<(usize, Name)> {
    let at = *cx.known.calling_macros.get(name)?;
    let Expr::Path(path) = args.get(at)? else {
        return None;
    };
    let is_variable = path
        .path
        .get_ident()
        .is_some_and(|ident| body::variable(cx, &names::ident_name(ident)).is_some());
    (!is_variable).then(|| (at, names::path_name(cx, path.qself.as_ref(), &path.path)))
}

fn lower_arguments(cx: &mut Context, tokens: &TokenStream) {
    if let Ok(args) = parse_arguments(tokens) {
        values(cx, args.iter());
    } else if let Some(args) = parse_pieces(tokens) {
        values(cx, args.iter());
    }
}

fn parse_arguments(tokens: &TokenStream) -> syn::Result<Punctuated<Expr, Token![,]>> {
    Punctuated::parse_terminated.parse2(tokens.clone())
}

/// Arguments are mostly taken by reference, so nothing is moved. `name = value` names an argument.
fn values<'a>(cx: &mut Context, args: impl Iterator<Item = &'a Expr>) -> Vec<Value> {
    let mut result = Vec::new();
    for (index, argument) in args.enumerate() {
        let argument = match argument {
            Expr::Assign(named) if matches!(&*named.left, Expr::Path(_)) => &named.right,
            other => other,
        };
        // The format string of `println!` says nothing.
        if index == 0 && is_format(argument) {
            continue;
        }
        let value = expressions::lower(cx, argument);
        body::borrowed(cx, &value);
        result.push(value);
    }
    result
}

fn is_format(argument: &Expr) -> bool {
    match argument {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => text.value().contains('{'),
        _ => false,
    }
}

/// `target: "x", field = %value, "text"`: the pieces between commas, without what stands before the value. At least
/// half of them must be expressions.
fn parse_pieces(tokens: &TokenStream) -> Option<Vec<Expr>> {
    let mut found = Vec::new();
    let mut count = 0;
    let mut piece: Vec<TokenTree> = Vec::new();
    for token in tokens.clone().into_iter().chain([comma()]) {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                if !piece.is_empty() {
                    count += 1;
                    found.extend(parse_piece(std::mem::take(&mut piece)));
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            _ => piece.push(token),
        }
    }
    (!found.is_empty() && found.len() * 2 >= count).then_some(found)
}

fn comma() -> TokenTree {
    TokenTree::Punct(proc_macro2::Punct::new(',', proc_macro2::Spacing::Alone))
}

fn parse_piece(mut piece: Vec<TokenTree>) -> Option<Expr> {
    // `a => b` is two values, of which the second may be code.
    let arrow = piece.windows(2).position(|pair| {
        matches!(&pair[0], TokenTree::Punct(punct) if punct.as_char() == '=')
            && matches!(&pair[1], TokenTree::Punct(punct) if punct.as_char() == '>')
    });
    if let Some(arrow) = arrow {
        piece.drain(..arrow + 2);
    } else if piece.len() > 2
        && matches!(piece[0], TokenTree::Ident(_))
        && matches!(&piece[1], TokenTree::Punct(punct) if matches!(punct.as_char(), '=' | ':')
            && punct.spacing() == proc_macro2::Spacing::Alone)
    {
        piece.drain(..2);
    }
    while matches!(piece.first(), Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '%' | '?' | '#'))
    {
        piece.remove(0);
    }
    syn::parse2(piece.into_iter().collect()).ok()
}

/// `matches!(value, pattern if condition)`.
pub(super) fn parse_matches(mac: &Macro) -> Option<(Expr, Pat)> {
    let parser = |input: ParseStream| {
        let value: Expr = input.parse()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let pattern = if input.peek(Token![if]) {
            let if_token = input.parse()?;
            Pat::Guard(syn::PatGuard {
                attrs: Vec::new(),
                pat: Box::new(pattern),
                if_token,
                guard: Box::new(input.parse()?),
            })
        } else {
            pattern
        };
        input.parse::<Option<Token![,]>>()?;
        Ok((value, pattern))
    };
    mac.parse_body_with(parser).ok()
}

/// `vec![a, b]` and `vec![x; n]`.
fn lower_vec(cx: &mut Context, mac: &Macro, target: Target) -> Value {
    let repeat = |input: ParseStream| {
        let value: Expr = input.parse()?;
        input.parse::<Token![;]>()?;
        input.parse::<Expr>()?;
        Ok(value)
    };
    let elems = match parse_arguments(&mac.tokens) {
        Ok(elems) => elems,
        Err(_) => match repeat.parse2(mac.tokens.clone()) {
            Ok(value) => std::iter::once(value).collect(),
            Err(_) => return unknown(cx, &"vec".into(), mac, span(cx, mac), target),
        },
    };
    let array = Expr::Array(syn::ExprArray {
        attrs: Vec::new(),
        bracket_token: syn::token::Bracket(mac.path.segments[0].ident.span()),
        elems,
    });
    expressions::lower_to(cx, &array, target)
}

/// A macro that could not be read: the names that stand before brackets.
pub(super) fn opaque(cx: &mut Context, tokens: TokenStream, span: Span) {
    let names = called_names(tokens);
    body::push(cx, StmtKind::Opaque { names }, span);
}

fn called_names(tokens: TokenStream) -> Vec<Name> {
    let mut names = BTreeSet::new();
    let mut pending = vec![tokens];
    while let Some(tokens) = pending.pop() {
        let mut last: Option<String> = None;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => last = Some(ident.to_string()),
                TokenTree::Group(group) => {
                    if group.delimiter() == Delimiter::Parenthesis {
                        names.extend(last.take());
                    }
                    last = None;
                    pending.push(group.stream());
                }
                _ => last = None,
            }
        }
    }
    names.into_iter().map(Name::from).collect()
}

/// A macro that stands where items stand.
pub(super) fn lower_item(cx: &mut Context, mac: &Macro) {
    let name = name(mac);
    match &*name {
        "thread_local" | "lazy_static" => return lower_lazy(cx, mac, &name),
        "cfg_if" => return lower_cfg_if(cx, mac),
        "quote" | "compile_error" | "global_asm" => return,
        _ => {}
    }
    let span = span(cx, mac);
    if let Some(parsed) = parse_items(&mac.tokens)
        && has_code(&parsed)
    {
        lower_items(cx, &parsed);
        return;
    }
    let args = match parse_arguments(&mac.tokens) {
        Ok(args) => args.into_iter().collect(),
        Err(_) => parse_pieces(&mac.tokens).unwrap_or_default(),
    };
    let mut values: Vec<Value> = args
        .iter()
        .map(|argument| statics::invocation_argument(cx, argument))
        .collect();
    if values.is_empty()
        && !mac.tokens.is_empty()
        && let Ok(stmts) = Block::parse_within.parse2(mac.tokens.clone())
        && stmts.iter().any(|stmt| !matches!(stmt, Stmt::Item(_)))
    {
        let block = Expr::Block(syn::ExprBlock {
            attrs: Vec::new(),
            label: None,
            block: Block {
                brace_token: syn::token::Brace(mac.path.segments[0].ident.span()),
                stmts,
            },
        });
        values.push(statics::invocation_argument(cx, &block));
    }
    cx.unit.invocations.push(Invocation {
        name,
        args: values,
        span,
    });
}

fn parse_items(tokens: &TokenStream) -> Option<Vec<Item>> {
    let parser = |input: ParseStream| {
        let mut parsed = Vec::new();
        while !input.is_empty() {
            parsed.push(input.parse::<Item>()?);
        }
        Ok(parsed)
    };
    if tokens.is_empty() {
        return None;
    }
    parser.parse2(tokens.clone()).ok()
}

/// Whether anything is defined that the analysis looks at; `m!(a; b)` may parse as verbatim items.
fn has_code(parsed: &[Item]) -> bool {
    parsed.iter().any(|item| {
        matches!(
            item,
            Item::Fn(_)
                | Item::Impl(_)
                | Item::Struct(_)
                | Item::Enum(_)
                | Item::Static(_)
                | Item::Const(_)
                | Item::Mod(_)
                | Item::Use(_)
                | Item::ForeignMod(_)
                | Item::Trait(_)
                | Item::Type(_)
                | Item::Union(_)
        )
    })
}

fn lower_items(cx: &mut Context, parsed: &[Item]) {
    let list: Vec<&Item> = parsed.iter().collect();
    names::declare(cx, &list);
    for item in parsed {
        items::lower(cx, item);
    }
}

/// The arms of `cfg_if!` whose condition is not false; what stands behind a true one is dead.
fn lower_cfg_if(cx: &mut Context, mac: &Macro) {
    let mut guards_before = Vec::new();
    let mut config = super::cfg::Config::When(Vec::new());
    for token in mac.tokens.clone() {
        match token {
            // `if # [cfg(…)]`
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let mut inner = group.stream().into_iter();
                inner.next();
                if let Some(TokenTree::Group(condition)) = inner.next() {
                    config = super::cfg::of_tokens(condition.stream());
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let now = std::mem::replace(&mut config, super::cfg::Config::When(Vec::new()));
                let super::cfg::Config::When(guards) = now else {
                    continue;
                };
                let mut all: Vec<crate::ir::Guard> = guards_before.clone();
                all.extend(guards.iter().cloned());
                lower_configured(cx, group.stream(), all);
                match &guards[..] {
                    [] => return,
                    [one] => guards_before.push(crate::ir::Guard {
                        cond: one.cond.clone(),
                        holds: !one.holds,
                    }),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn lower_configured(cx: &mut Context, tokens: TokenStream, guards: Vec<crate::ir::Guard>) {
    if !cx.bodies.is_empty()
        && let Ok(stmts) = Block::parse_within.parse2(tokens.clone())
        && stmts.iter().any(|stmt| !matches!(stmt, Stmt::Item(_)))
    {
        let end = stmts_end(cx, &tokens);
        return body::guarded_by(cx, guards, |cx| body::statements(cx, &stmts, None, end));
    }
    if let Some(parsed) = parse_items(&tokens) {
        super::functions::with_conditions(cx, guards, |cx| lower_items(cx, &parsed));
    } else if let Some(span) = span_of(cx, &tokens) {
        cx.unit.opaque.push(span);
    }
}

fn span_of(cx: &Context, tokens: &TokenStream) -> Option<Span> {
    let mut tokens = tokens.clone().into_iter();
    let first = tokens.next()?.span();
    let last = tokens.last().map_or(first, |last| last.span());
    Some(cx.span_between(first, last))
}

/// An item that syn has kept as tokens.
pub(super) fn opaque_item(cx: &mut Context, tokens: &TokenStream) {
    if let Some(span) = span_of(cx, tokens) {
        cx.unit.opaque.push(span);
    }
}

fn stmts_end(cx: &Context, tokens: &TokenStream) -> Span {
    span_of(cx, tokens).unwrap_or_else(|| Span::new(cx.unit.file, cx.base, cx.base))
}

/// The statics of `thread_local!` and `lazy_static!`.
fn lower_lazy(cx: &mut Context, mac: &Macro, name: &str) {
    let parser = |input: ParseStream| {
        let mut parsed = Vec::new();
        while !input.is_empty() {
            parsed.push(parse_lazy_item(input)?);
        }
        Ok(parsed)
    };
    match mac.parse_body_with(parser) {
        Ok(parsed) => {
            for item in &parsed {
                statics::lower_lazy_item(cx, item, name == "thread_local");
            }
        }
        Err(_) => {
            let span = span(cx, mac);
            cx.unit.opaque.push(span);
        }
    }
}

/// `pub static ref X: T = value;`
fn parse_lazy_item(input: ParseStream) -> syn::Result<LazyItem> {
    let attributes = syn::Attribute::parse_outer(input)?;
    let visibility: syn::Visibility = input.parse()?;
    input.parse::<Token![static]>()?;
    input.parse::<Option<Token![ref]>>()?;
    let name = input.parse()?;
    input.parse::<Token![:]>()?;
    let ty = input.parse()?;
    input.parse::<Token![=]>()?;
    let value = input.parse()?;
    input.parse::<Option<Token![;]>>()?;
    Ok(LazyItem {
        attributes,
        is_public: super::functions::is_public(&visibility),
        name,
        ty,
        value,
    })
}
