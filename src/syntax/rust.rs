//! Rust to IR, over syn.
//!
//! In comes the text of one file, out comes its `Unit`. Nothing is expanded and no type is inferred: what a name means
//! is `program`'s business, except that `use` declarations of the file are followed. proc-macro2's spans become byte
//! ranges here and none of them outlives the call.
//!
//! Deliberately not done: macro expansion (arguments are lowered as what they look like), trait resolution, lifetimes
//! longer than a scope (two-phase borrows, extended temporaries of nested references), drop flags (a value that is
//! moved on one of two paths that meet again is not dropped after they met).

mod arms;
mod body;
mod calls;
mod cfg;
mod closures;
mod conditions;
mod control;
mod expressions;
mod functions;
mod items;
mod literals;
mod macro_rules;
mod macros;
mod names;
mod nesting;
mod ownership;
mod patterns;
mod statics;
#[cfg(test)]
mod tests;
mod types;

use crate::ir::{Guard, Name, Unit};
use crate::source::{FileId, Lang, Span};
use body::Body;
use names::Uses;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use rustc_hash::{FxHashMap, FxHashSet};

/// Everything that is known while one file is lowered.
struct Context {
    unit: Unit,
    /// Where the parsed text begins in the file (behind a byte order mark or a `#!` line).
    base: usize,
    /// The `use` declarations in sight, innermost last.
    uses: Vec<Uses>,
    /// The modules of this file around the current item.
    modules: Vec<Name>,
    /// The type of the `impl`, or the trait, around the current item.
    owner: Option<Name>,
    /// Open `cfg` conditions around the current item.
    when: Vec<Guard>,
    /// The functions that are being lowered, innermost last.
    bodies: Vec<Body>,
    known: Known,
    /// The `impl` blocks that have been lowered.
    pending_impls: Vec<items::PendingImpl>,
    /// Set while the functions of a `macro_rules!` are lowered: `macro:NAME(a,b)`, `exported macro:NAME(a,b)`.
    macro_attribute: Option<Name>,
}

/// What the whole file says about its types, collected before anything is lowered.
#[derive(Default)]
struct Known {
    /// Structs with unnamed fields, and `Enum::Variant` likewise: calling them only puts the fields together.
    tuples: FxHashSet<String>,
    /// `Type.field` to the field's type.
    fields: FxHashMap<String, Name>,
    /// Macros of this file, so far, that call one of their parameters, and which: `call!(SetEvent, handle)`.
    calling_macros: FxHashMap<Name, usize>,
}

impl Context {
    fn new(file: FileId, base: usize) -> Context {
        Context {
            unit: Unit::new(file, Lang::Rust),
            base,
            uses: vec![Uses::default()],
            modules: Vec::new(),
            owner: None,
            when: Vec::new(),
            bodies: Vec::new(),
            known: Known::default(),
            pending_impls: Vec::new(),
            macro_attribute: None,
        }
    }

    /// The byte range in the file of a range of tokens.
    fn span(&self, span: proc_macro2::Span) -> Span {
        let range = span.byte_range();
        Span::new(
            self.unit.file,
            self.base + range.start,
            self.base + range.end,
        )
    }

    /// From the first token to the last.
    fn span_between(&self, first: proc_macro2::Span, last: proc_macro2::Span) -> Span {
        self.span(first).to(self.span(last))
    }

    /// The modules and the type around the current item: `imp::Worker`.
    fn scope(&self) -> Name {
        let mut parts: Vec<&str> = self.modules.iter().map(|part| &**part).collect();
        parts.extend(self.owner.as_deref());
        parts.join("::").into()
    }
}

/// Lowers the text of one Rust file.
pub fn lower(file: FileId, text: &str) -> Unit {
    let unit = lower_text(file, text);
    // Otherwise proc-macro2 keeps every text it has ever parsed on this thread.
    proc_macro2::extra::invalidate_current_thread_spans();
    unit
}

fn lower_text(file: FileId, text: &str) -> Unit {
    let base = start_of_code(text);
    let code = &text[base..];
    let mut cx = Context::new(file, base);
    let whole = Span::new(file, base, text.len());
    if !nesting::is_deep(code) {
        let Ok(tokens) = code.parse::<TokenStream>() else {
            cx.unit.opaque.push(whole);
            return cx.unit;
        };
        if let Ok(parsed) = syn::parse2::<syn::File>(tokens) {
            match cfg::of_attributes(&parsed.attrs) {
                cfg::Config::False => return cx.unit,
                cfg::Config::When(guards) => cx.when = guards,
            }
            items::lower_all(&mut cx, &parsed.items);
            return cx.unit;
        }
    }
    let Ok(tokens) = code.parse::<TokenStream>() else {
        cx.unit.opaque.push(whole);
        return cx.unit;
    };
    let mut parsed = Vec::new();
    let mut pending = vec![tokens];
    while let Some(tokens) = pending.pop() {
        for piece in split_items(tokens) {
            match parse_item(&cx, code, &piece) {
                Some(item) => parsed.push(item),
                None => match inside_of_module(&piece) {
                    Some(content) => pending.push(content),
                    None => {
                        let span = span_of_tokens(&cx, &piece);
                        cx.unit.opaque.push(span);
                    }
                },
            }
        }
    }
    items::lower_all(&mut cx, &parsed);
    cx.unit
}

/// Skips a byte order mark and a `#!` line, which is no inner attribute.
fn start_of_code(text: &str) -> usize {
    let base = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let code = &text[base..];
    if code.starts_with("#!") && !code[2..].trim_start().starts_with('[') {
        return base + code.find('\n').unwrap_or(code.len());
    }
    base
}

/// Cuts a token stream behind each `;` and each `{…}` that can end an item.
fn split_items(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut pieces = Vec::new();
    let mut piece: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => {
                group.delimiter() == Delimiter::Brace && !ends_with_semicolon(&piece)
            }
            _ => false,
        };
        piece.push(token);
        if ends {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// Whether the item that begins like this ends with `;` although it may hold braces.
fn ends_with_semicolon(head: &[TokenTree]) -> bool {
    let mut words = head.iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    });
    let first = words.find(|word| word != "pub");
    match first.as_deref() {
        Some("use" | "static" | "type") => true,
        Some("const") => !matches!(
            words.next().as_deref(),
            Some("fn" | "unsafe" | "extern" | "async")
        ),
        _ => false,
    }
}

fn parse_item(cx: &Context, code: &str, piece: &[TokenTree]) -> Option<syn::Item> {
    let range = span_of_tokens(cx, piece).range();
    let text = code.get(range.start - cx.base..range.end - cx.base)?;
    if nesting::is_deep(text) {
        return None;
    }
    syn::parse2(piece.iter().cloned().collect()).ok()
}

/// The tokens between the braces of `mod x { … }`, in which single items may still be readable.
fn inside_of_module(piece: &[TokenTree]) -> Option<TokenStream> {
    let is_module = piece
        .iter()
        .any(|token| matches!(token, TokenTree::Ident(ident) if ident == "mod"));
    match piece.last() {
        Some(TokenTree::Group(group)) if is_module => Some(group.stream()),
        _ => None,
    }
}

fn span_of_tokens(cx: &Context, piece: &[TokenTree]) -> Span {
    match (piece.first(), piece.last()) {
        (Some(first), Some(last)) => cx.span_between(first.span(), last.span()),
        _ => Span::new(cx.unit.file, cx.base, cx.base),
    }
}
