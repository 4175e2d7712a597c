//! `macro_rules!`: the first rule that can be read becomes a function of kind `Macro`, or the functions that it defines.

use super::body::{self, Body, body, cfg};
use super::names::DOLLAR;
use super::{Context, functions, items, names};
use crate::ir::{FunctionKind, Name, Var};
use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Block, Item, Macro};

/// How a macro's parameters appear in the tokens that syn reads.
#[derive(Clone, Copy, PartialEq)]
enum Spelling {
    /// `$x` becomes `x`, a parameter of the macro's function.
    Plain,
    /// `$x` becomes an identifier that names print as `$x`.
    Dollar,
}

struct Rule {
    params: Vec<Ident>,
    body: TokenStream,
}

/// Lowers a `macro_rules!` definition.
pub(super) fn lower(cx: &mut Context, name: &Ident, mac: &Macro, attributes: &[syn::Attribute]) {
    let rules = rules(mac.tokens.clone());
    let is_exported = attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("macro_export"));
    let calls = rules.iter().find_map(|rule| {
        let called = called_parameter(rule.body.clone())?;
        rule.params.iter().position(|param| *param == called)
    });
    if let Some(position) = calls {
        cx.known
            .calling_macros
            .insert(names::ident_name(name), position);
    }
    if rules
        .iter()
        .any(|rule| lower_items(cx, name, rule, is_exported))
    {
        return;
    }
    for rule in &rules {
        if lower_statements(cx, name, rule) {
            return;
        }
    }
    let open = mac.delimiter.span();
    let span = cx.span_between(open.open(), open.close());
    cx.unit.opaque.push(span);
}

/// `(matcher) => { transcriber }`, several with `;` between.
fn rules(tokens: TokenStream) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut groups = tokens.into_iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group),
        _ => None,
    });
    while let (Some(matcher), Some(transcriber)) = (groups.next(), groups.next()) {
        let mut params = Vec::new();
        collect_params(matcher.stream(), &mut params);
        rules.push(Rule {
            params,
            body: transcriber.stream(),
        });
    }
    rules
}

/// `$name:fragment` in the matcher, also inside of repetitions, in order. Groups nest no deeper than the scan admits.
fn collect_params(tokens: TokenStream, params: &mut Vec<Ident>) {
    let mut is_dollar = false;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => {
                is_dollar = punct.as_char() == '$';
                continue;
            }
            TokenTree::Ident(ident) if is_dollar => params.push(ident),
            TokenTree::Group(group) => collect_params(group.stream(), params),
            _ => {}
        }
        is_dollar = false;
    }
}

/// The first `$x(…)`; `.$x(…)` is a method of something.
fn called_parameter(tokens: TokenStream) -> Option<Ident> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: Option<&TokenTree>, wanted: char| matches!(at, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(ident)
                if at > 0
                    && is(tokens.get(at - 1), '$')
                    && !(at > 1 && is(tokens.get(at - 2), '.'))
                    && matches!(
                        tokens.get(at + 1),
                        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis
                    ) =>
            {
                return Some(ident.clone());
            }
            TokenTree::Group(group) => {
                if let Some(found) = called_parameter(group.stream()) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

/// Replaces `$x`, and takes the content of `$(…)*` once, or not at all.
fn substitute(tokens: TokenStream, spelling: Spelling, keeps_repetitions: bool) -> TokenStream {
    let mut out: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '$' => match tokens.next() {
                Some(TokenTree::Ident(ident)) => out.push(parameter(&ident, spelling)),
                Some(TokenTree::Group(group)) => {
                    if keeps_repetitions {
                        out.extend(substitute(group.stream(), spelling, keeps_repetitions));
                    }
                    skip_operator(&mut tokens);
                }
                Some(other) => out.push(other),
                None => {}
            },
            TokenTree::Group(group) => {
                let inner = substitute(group.stream(), spelling, keeps_repetitions);
                let mut copy = Group::new(group.delimiter(), inner);
                copy.set_span(group.span());
                out.push(TokenTree::Group(copy));
            }
            other => out.push(other),
        }
    }
    out.into_iter().collect()
}

fn parameter(ident: &Ident, spelling: Spelling) -> TokenTree {
    let name = names::ident_name(ident);
    if &*name == "crate" {
        return TokenTree::Ident(ident.clone());
    }
    if spelling == Spelling::Plain {
        // `$type` and `$fn` are good names; `type` and `fn` are not.
        return TokenTree::Ident(match syn::parse_str::<Ident>(&name) {
            Ok(_) => Ident::new(&name, ident.span()),
            Err(_) if matches!(&*name, "self" | "Self" | "super" | "_") => ident.clone(),
            Err(_) => Ident::new_raw(&name, ident.span()),
        });
    }
    let name = format!("{DOLLAR}{name}");
    TokenTree::Ident(Ident::new(&name, ident.span()))
}

/// The separator and the `*`, `+` or `?` behind `$(…)`.
fn skip_operator(tokens: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) {
    for _ in 0..3 {
        let Some(token) = tokens.next() else { return };
        if let TokenTree::Punct(punct) = &token {
            // `=>` and `::` as separators are two tokens.
            if matches!(punct.as_char(), '*' | '+' | '?') && punct.spacing() == Spacing::Alone
                || matches!(punct.as_char(), '*' | '?')
            {
                return;
            }
        }
    }
}

/// A rule that defines functions: they are lowered under the names of the macro's parameters.
fn lower_items(cx: &mut Context, name: &Ident, rule: &Rule, is_exported: bool) -> bool {
    for keeps in [true, false] {
        let tokens = substitute(rule.body.clone(), Spelling::Dollar, keeps);
        let parser = |input: ParseStream| {
            let mut parsed = Vec::new();
            while !input.is_empty() {
                parsed.push(input.parse::<Item>()?);
            }
            Ok(parsed)
        };
        let Ok(parsed) = parser.parse2(tokens) else {
            continue;
        };
        if !parsed.iter().any(|item| {
            matches!(
                item,
                Item::Fn(_) | Item::Impl(_) | Item::Static(_) | Item::Mod(_)
            )
        }) {
            continue;
        }
        let params: Vec<String> = rule.params.iter().map(ToString::to_string).collect();
        let attribute: Name = format!(
            "{}macro:{}({})",
            if is_exported { "exported " } else { "" },
            names::ident_name(name),
            params.join(",")
        )
        .into();
        let outer = cx.macro_attribute.replace(attribute);
        let list: Vec<&Item> = parsed.iter().collect();
        names::open(cx, &list, false);
        for item in &parsed {
            items::lower(cx, item);
        }
        names::close(cx);
        cx.macro_attribute = outer;
        return true;
    }
    false
}

/// A rule that gives statements or a value: a function whose parameters are the macro's.
fn lower_statements(cx: &mut Context, name: &Ident, rule: &Rule) -> bool {
    let parsed = [true, false].into_iter().find_map(|keeps| {
        let tokens = substitute(rule.body.clone(), Spelling::Plain, keeps);
        Block::parse_within.parse2(unwrap_braces(tokens)).ok()
    });
    let Some(stmts) = parsed else { return false };
    let name_span = cx.span(name.span());
    let end = rule
        .body
        .clone()
        .into_iter()
        .last()
        .map_or(name_span, |last| cx.span(last.span()));
    let index = functions::reserve(
        cx,
        names::ident_name(name),
        FunctionKind::Macro,
        name_span.to(end),
        name_span,
    );
    let mut inner = Body::new(index);
    inner.is_macro = true;
    inner.returns_value = true;
    cx.bodies.push(inner);
    for (position, param) in rule.params.iter().enumerate() {
        let span = cx.span(param.span());
        let param = names::ident_name(param);
        body(cx).params.push(Var {
            name: param.clone(),
            type_text: "".into(),
            default: None,
            span,
        });
        body::bind(
            cx,
            body::Binding {
                name: param,
                root: crate::ir::Root::Param(position as u32),
                type_text: "".into(),
                is_owned: false,
            },
        );
    }
    cfg(cx).enter_scope();
    body::returning(cx, &stmts, end);
    cfg(cx).leave_scope(end);
    functions::finish(cx, end);
    true
}

/// `{{ … }}`: a transcriber that is a block.
fn unwrap_braces(tokens: TokenStream) -> TokenStream {
    let mut iter = tokens.clone().into_iter();
    match (iter.next(), iter.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Brace => {
            group.stream()
        }
        _ => tokens,
    }
}
