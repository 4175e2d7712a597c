//! Types as text, in rustc's spacing, with the first segment of each path resolved through `use`.

use super::{Context, names};
use crate::ir::Name;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PointerMutability, ReturnType, Type, TypeParamBound};

/// `Option<std::thread::JoinHandle<()>>`, `&'a mut T`, `*mut c_void`.
pub(super) fn text(cx: &Context, ty: &Type) -> Name {
    let mut out = String::new();
    write(cx, ty, &mut out);
    out.into()
}

/// The type behind `->`; empty where there is none or `()`.
pub(super) fn return_text(cx: &Context, output: &ReturnType) -> Name {
    match output {
        ReturnType::Default => "".into(),
        ReturnType::Type(_, ty) => match &**ty {
            Type::Tuple(tuple) if tuple.elems.is_empty() => "".into(),
            ty => text(cx, ty),
        },
    }
}

fn write(cx: &Context, ty: &Type, out: &mut String) {
    match ty {
        Type::Path(path) => {
            if path.qself.is_some() {
                write_tokens(path.to_token_stream(), out);
            } else {
                write_path(cx, &path.path, out);
            }
        }
        Type::Reference(reference) => {
            out.push('&');
            if let Some(lifetime) = &reference.lifetime {
                out.push_str(&lifetime.to_string());
                out.push(' ');
            }
            if reference.mutability.is_some() {
                out.push_str("mut ");
            }
            write(cx, &reference.elem, out);
        }
        Type::Ptr(pointer) => {
            out.push_str(match pointer.mutability {
                PointerMutability::Mut(_) => "*mut ",
                PointerMutability::Const(_) => "*const ",
            });
            write(cx, &pointer.elem, out);
        }
        Type::Tuple(tuple) => {
            out.push('(');
            for (index, elem) in tuple.elems.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(cx, elem, out);
            }
            if tuple.elems.len() == 1 {
                out.push(',');
            }
            out.push(')');
        }
        Type::Slice(slice) => {
            out.push('[');
            write(cx, &slice.elem, out);
            out.push(']');
        }
        Type::Array(array) => {
            out.push('[');
            write(cx, &array.elem, out);
            out.push_str("; ");
            write_tokens(array.len.to_token_stream(), out);
            out.push(']');
        }
        Type::Paren(inner) => write(cx, &inner.elem, out),
        Type::Group(inner) => write(cx, &inner.elem, out),
        Type::Never(_) => out.push('!'),
        Type::Infer(_) => {}
        Type::ImplTrait(bounds) => {
            out.push_str("impl ");
            write_bounds(cx, bounds.bounds.iter(), out);
        }
        Type::TraitObject(bounds) => {
            out.push_str("dyn ");
            write_bounds(cx, bounds.bounds.iter(), out);
        }
        Type::FnPtr(function) => {
            if function.unsafety.is_some() {
                out.push_str("unsafe ");
            }
            if let Some(abi) = &function.abi {
                write_tokens(abi.to_token_stream(), out);
                out.push(' ');
            }
            out.push_str("fn(");
            for (index, argument) in function.inputs.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(cx, &argument.ty, out);
            }
            out.push(')');
            write_output(cx, &function.output, out);
        }
        other => write_tokens(other.to_token_stream(), out),
    }
}

fn write_output(cx: &Context, output: &ReturnType, out: &mut String) {
    if let ReturnType::Type(_, ty) = output {
        out.push_str(" -> ");
        write(cx, ty, out);
    }
}

fn write_bounds<'a>(
    cx: &Context,
    bounds: impl Iterator<Item = &'a TypeParamBound>,
    out: &mut String,
) {
    for (index, bound) in bounds.enumerate() {
        if index > 0 {
            out.push_str(" + ");
        }
        match bound {
            TypeParamBound::Trait(bound) if bound.lifetimes.is_none() && bound.maybe.is_none() => {
                write_path(cx, &bound.path, out);
            }
            other => write_tokens(other.to_token_stream(), out),
        }
    }
}

/// A path with its generic arguments.
pub(super) fn write_path(cx: &Context, path: &syn::Path, out: &mut String) {
    let has_inner_arguments = path
        .segments
        .iter()
        .rev()
        .skip(1)
        .any(|segment| !segment.arguments.is_none());
    if has_inner_arguments {
        return write_tokens(path.to_token_stream(), out);
    }
    out.push_str(&names::path_name(cx, None, path));
    match path.segments.last().map(|segment| &segment.arguments) {
        Some(PathArguments::AngleBracketed(arguments)) if !arguments.args.is_empty() => {
            out.push('<');
            for (index, argument) in arguments.args.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                match argument {
                    GenericArgument::Type(ty) => write(cx, ty, out),
                    other => write_tokens(other.to_token_stream(), out),
                }
            }
            out.push('>');
        }
        Some(PathArguments::Parenthesized(arguments)) => {
            out.push('(');
            for (index, argument) in arguments.inputs.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(cx, &argument.ty, out);
            }
            out.push(')');
            write_output(cx, &arguments.output, out);
        }
        _ => {}
    }
}

/// Tokens with single blanks where two words, or a word and an operator, meet.
pub(super) fn write_tokens(tokens: TokenStream, out: &mut String) {
    let mut is_joint = true;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                write_tokens(group.stream(), out);
                out.push_str(close);
                is_joint = false;
            }
            TokenTree::Punct(punct) => {
                let sign = punct.as_char();
                if matches!(sign, '=' | '+' | '|' | '-') && !is_joint {
                    out.push(' ');
                }
                out.push(sign);
                is_joint = punct.spacing() == Spacing::Joint || !matches!(sign, ',' | ';');
                if matches!(sign, ',' | ';') || (matches!(sign, '=' | '+' | '|') && !is_spaced(out))
                {
                    out.push(' ');
                    is_joint = true;
                }
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                let text = token.to_string();
                if out.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '"')
                {
                    out.push(' ');
                }
                out.push_str(&text);
                is_joint = false;
            }
        }
    }
}

fn is_spaced(out: &str) -> bool {
    out.ends_with(' ')
}

/// Whether a value of this type certainly has nothing to drop.
pub(super) fn is_scalar(text: &str) -> bool {
    if text.starts_with(['&', '*', '!']) || text.starts_with("fn(") || text.starts_with("unsafe ") {
        return true;
    }
    if text.starts_with("extern ") || text == "()" {
        return true;
    }
    if let Some(inner) = text.strip_prefix('[') {
        return is_scalar(inner.split(';').next().unwrap_or(inner));
    }
    matches!(
        names::last_segment(text),
        "bool"
            | "char"
            | "str"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "i8"
            | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "isize"
            | "f32"
            | "f64"
            | "c_int"
            | "c_uint"
            | "c_void"
            | "c_char"
            | "c_long"
            | "c_ulong"
    )
}

/// The last segment of the outermost path of a type: `HANDLE` of `windows::Win32::Foundation::HANDLE`.
pub(super) fn head(text: &str) -> &str {
    let text = text.trim_start_matches('&');
    let text = text.strip_prefix("mut ").unwrap_or(text);
    names::last_segment(text.split('<').next().unwrap_or(text))
}
