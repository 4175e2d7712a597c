//! `cfg` conditions in three values: true, false, or open.
//!
//! The target is Windows and nothing is a test; features, architectures and everything else are open.

use crate::ir::{Cond, Guard};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

/// What a condition comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Config {
    False,
    /// All of these must hold; none of them: true.
    When(Vec<Guard>),
}

impl Config {
    pub(super) fn is_false(&self) -> bool {
        *self == Config::False
    }

    fn always() -> Config {
        Config::When(Vec::new())
    }

    fn of(value: bool) -> Config {
        if value {
            Config::always()
        } else {
            Config::False
        }
    }
}

/// All `#[cfg]` attributes together. A `#[test]` is compiled for tests only, which are programs of their own.
pub(super) fn of_attributes(attributes: &[Attribute]) -> Config {
    let mut guards = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("test") {
            return Config::False;
        }
        if !attribute.path().is_ident("cfg") {
            continue;
        }
        let Meta::List(list) = &attribute.meta else {
            continue;
        };
        match of_tokens(list.tokens.clone()) {
            Config::False => return Config::False,
            Config::When(more) => guards.extend(more),
        }
    }
    Config::When(guards)
}

/// The condition between the brackets of `cfg(…)` or `cfg!(…)`.
pub(super) fn of_tokens(tokens: TokenStream) -> Config {
    match parse_meta.parse2(tokens.clone()) {
        Ok(meta) => of_meta(&meta),
        Err(_) => open(tokens),
    }
}

/// syn reads `true` and `false` as paths only when asked.
fn parse_meta(input: ParseStream) -> syn::Result<Meta> {
    let meta = input.parse()?;
    input.parse::<Option<Token![,]>>()?;
    Ok(meta)
}

fn open(tokens: TokenStream) -> Config {
    let mut text = String::new();
    super::types::write_tokens(tokens, &mut text);
    Config::When(vec![Guard::holds(Cond::Config(text.into()))])
}

fn of_meta(meta: &Meta) -> Config {
    match meta {
        Meta::Path(path) => match path.get_ident().map(ToString::to_string).as_deref() {
            Some("windows") => Config::of(true),
            Some("unix" | "test" | "doctest" | "miri" | "doc" | "docsrs" | "loom") => {
                Config::of(false)
            }
            _ => open(meta.to_token_stream()),
        },
        Meta::NameValue(pair) => {
            let value = match &pair.value {
                syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(text),
                    ..
                }) => text.value(),
                _ => return open(meta.to_token_stream()),
            };
            if pair.path.is_ident("target_os") || pair.path.is_ident("target_family") {
                Config::of(value == "windows")
            } else {
                open(meta.to_token_stream())
            }
        }
        Meta::List(list) => {
            let Ok(parts) =
                Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone())
            else {
                return open(meta.to_token_stream());
            };
            let parts = parts.iter().map(of_meta);
            if list.path.is_ident("all") {
                all(parts)
            } else if list.path.is_ident("any") {
                any(parts, meta)
            } else if list.path.is_ident("not") {
                not(all(parts), meta)
            } else {
                open(meta.to_token_stream())
            }
        }
    }
}

fn all(parts: impl Iterator<Item = Config>) -> Config {
    let mut guards = Vec::new();
    for part in parts {
        match part {
            Config::False => return Config::False,
            Config::When(more) => guards.extend(more),
        }
    }
    Config::When(guards)
}

fn any(parts: impl Iterator<Item = Config>, meta: &Meta) -> Config {
    let mut alternatives = Vec::new();
    for part in parts {
        match part {
            Config::False => {}
            Config::When(guards) if guards.is_empty() => return Config::always(),
            Config::When(guards) => alternatives.push(guards),
        }
    }
    match alternatives.len() {
        0 => Config::False,
        1 => Config::When(alternatives.remove(0)),
        _ => open(meta.to_token_stream()),
    }
}

fn not(inner: Config, meta: &Meta) -> Config {
    match inner {
        Config::False => Config::always(),
        Config::When(mut guards) => match guards.len() {
            0 => Config::False,
            1 => {
                guards[0].holds = !guards[0].holds;
                Config::When(guards)
            }
            _ => match open(meta.to_token_stream()) {
                Config::When(guards) => Config::When(guards),
                Config::False => Config::False,
            },
        },
    }
}

/// The attributes of an item with `#[cfg_attr(condition, …)]` replaced by what it adds where the condition is not
/// false.
pub(super) fn attributes(attributes: &[Attribute]) -> Vec<Meta> {
    let mut metas = Vec::new();
    for attribute in attributes {
        if attribute.path().is_ident("cfg_attr") {
            add_conditional(&attribute.meta, &mut metas);
        } else if !attribute.path().is_ident("doc") {
            metas.push(attribute.meta.clone());
        }
    }
    metas
}

fn add_conditional(meta: &Meta, metas: &mut Vec<Meta>) {
    let Meta::List(list) = meta else { return };
    let parser = |input: ParseStream| {
        let condition: Meta = input.parse()?;
        let mut added = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            added.push(parse_attribute(input)?);
        }
        Ok((condition, added))
    };
    if let Ok((condition, added)) = parser.parse2(list.tokens.clone())
        && !of_meta(&condition).is_false()
    {
        for meta in added {
            if meta.path().is_ident("cfg_attr") {
                add_conditional(&meta, metas);
            } else {
                metas.push(meta);
            }
        }
    }
}

/// `unsafe(no_mangle)` begins with a keyword, which `Meta` refuses outside of `#[…]`.
fn parse_attribute(input: ParseStream) -> syn::Result<Meta> {
    if input.peek(Token![unsafe]) {
        input.parse::<Token![unsafe]>()?;
        let content;
        syn::parenthesized!(content in input);
        return content.parse();
    }
    input.parse()
}
