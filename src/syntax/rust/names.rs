//! Paths to names: `use` declarations are followed, generics and `crate::` dropped.

use super::Context;
use crate::ir::{Import, Name};
use rustc_hash::FxHashMap;
use syn::{Path, QSelf, Type, UseTree};

/// The `use` declarations of one module, or of one block.
#[derive(Default)]
pub(super) struct Uses {
    aliases: FxHashMap<String, String>,
    /// A module sees what stands around it only by `use super::*`; a block always does.
    is_closed: bool,
}

/// Stands for the `$` of a macro's parameter where syn must see an identifier.
pub(super) const DOLLAR: &str = "__dollar_";

/// An identifier without `r#`, with the `$` of a macro's parameter.
pub(super) fn ident_name(ident: &proc_macro2::Ident) -> Name {
    let text = ident.to_string();
    if let Some(parameter) = text.strip_prefix(DOLLAR) {
        return format!("${parameter}").into();
    }
    text.strip_prefix("r#").unwrap_or(&text).into()
}

/// Opens a scope for `use` declarations.
pub(super) fn open(cx: &mut Context, items: &[&syn::Item], is_module: bool) {
    cx.uses.push(Uses {
        aliases: FxHashMap::default(),
        is_closed: is_module,
    });
    declare(cx, items);
}

pub(super) fn close(cx: &mut Context) {
    cx.uses.pop();
}

/// Enters the `use` declarations among the items into the innermost scope.
pub(super) fn declare(cx: &mut Context, items: &[&syn::Item]) {
    let mut found = Vec::new();
    for item in items {
        match item {
            syn::Item::Use(item) => walk(&item.tree, &mut Vec::new(), &mut found),
            syn::Item::ExternCrate(item) => {
                if let Some((_, rename)) = &item.rename {
                    let path = ident_name(&item.ident).to_string();
                    found.push((Some(ident_name(rename).to_string()), path));
                }
            }
            // What a block defines hides what is imported around it.
            syn::Item::Fn(item) if !cx.bodies.is_empty() => {
                let name = ident_name(&item.sig.ident).to_string();
                if let Some(uses) = cx.uses.last_mut() {
                    uses.aliases.insert(name.clone(), name);
                }
            }
            _ => {}
        }
    }
    let mut opens = false;
    for (alias, path) in &found {
        match alias {
            Some(alias) => {
                let path = resolve_imported(cx, &found, alias, path);
                if let Some(uses) = cx.uses.last_mut() {
                    uses.aliases.insert(alias.clone(), path.clone());
                }
                let import = Import::Alias(alias.as_str().into(), path.into());
                cx.unit.imports.push(import);
            }
            None => {
                opens |= path == "super";
                let path = strip_relative(path);
                if !path.is_empty() {
                    cx.unit.imports.push(Import::Namespace(path.into()));
                }
            }
        }
    }
    if let (true, Some(uses)) = (opens, cx.uses.last_mut()) {
        uses.is_closed = false;
    }
}

/// `use std::thread; use thread::spawn;`: the first segment of one is the alias of another.
fn resolve_imported(
    cx: &Context,
    found: &[(Option<String>, String)],
    alias: &str,
    path: &str,
) -> String {
    let stripped = strip_relative(path);
    if stripped.len() != path.len() {
        return stripped.to_string();
    }
    let Some((first, rest)) = path.split_once("::") else {
        return path.to_string();
    };
    if first == alias {
        return path.to_string();
    }
    let neighbour = found
        .iter()
        .find(|(other, _)| other.as_deref() == Some(first))
        .map(|(_, path)| strip_relative(path).to_string());
    match neighbour.or_else(|| look_up(cx, first)) {
        Some(known) => format!("{known}::{rest}"),
        None => path.to_string(),
    }
}

/// Collects (alias, path) of each leaf; a glob has no alias. An explicit stack would not be shorter: trees nest at
/// most as deep as the brackets that the nesting scan admits.
fn walk(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<(Option<String>, String)>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(ident_name(&path.ident).to_string());
            walk(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(name) => {
            let name = ident_name(&name.ident).to_string();
            if name == "self" {
                found.push((prefix.last().cloned(), prefix.join("::")));
            } else {
                prefix.push(name.clone());
                found.push((Some(name), prefix.join("::")));
                prefix.pop();
            }
        }
        UseTree::Rename(rename) => {
            let name = ident_name(&rename.ident).to_string();
            let alias = ident_name(&rename.rename).to_string();
            if alias == "_" {
                return;
            }
            if name == "self" {
                found.push((Some(alias), prefix.join("::")));
            } else {
                prefix.push(name);
                found.push((Some(alias), prefix.join("::")));
                prefix.pop();
            }
        }
        UseTree::Glob(_) => found.push((None, prefix.join("::"))),
        UseTree::Group(group) => {
            for tree in &group.items {
                walk(tree, prefix, found);
            }
        }
    }
}

/// Removes leading `crate::`, `self::`, `super::`; the bare words too.
fn strip_relative(mut path: &str) -> &str {
    loop {
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        if !matches!(first, "crate" | "self" | "super") {
            return path;
        }
        path = rest;
    }
}

/// What a first segment stands for.
fn look_up(cx: &Context, first: &str) -> Option<String> {
    for uses in cx.uses.iter().rev() {
        if let Some(path) = uses.aliases.get(first) {
            return Some(path.clone());
        }
        if uses.is_closed {
            break;
        }
    }
    None
}

/// The name of a path in an expression, a pattern or a macro call.
pub(super) fn path_name(cx: &Context, qself: Option<&QSelf>, path: &Path) -> Name {
    if let Some(qself) = qself {
        let mut name = type_name(cx, &qself.ty);
        for segment in path.segments.iter().skip(qself.position) {
            name.push_str("::");
            name.push_str(&ident_name(&segment.ident));
        }
        return name.into();
    }
    if let (Some(segment), 1, None) = (
        path.segments.first(),
        path.segments.len(),
        path.leading_colon,
    ) {
        let name = ident_name(&segment.ident);
        return match &*name {
            "Self" => cx.owner.clone().unwrap_or(name),
            first => look_up(cx, first).map_or(name, Name::from),
        };
    }
    let segments: Vec<Name> = path
        .segments
        .iter()
        .map(|segment| ident_name(&segment.ident))
        .collect();
    join(cx, path.leading_colon.is_some(), &segments).into()
}

/// Resolves the first segment and joins.
pub(super) fn join(cx: &Context, is_absolute: bool, segments: &[Name]) -> String {
    let relative = segments
        .iter()
        .take_while(|part| matches!(&***part, "crate" | "self" | "super" | "$crate"))
        .count();
    // `self` alone is a name.
    let relative = relative.min(segments.len().saturating_sub(1));
    let rest = &segments[relative..];
    let mut name = String::new();
    if let Some((first, rest)) = rest.split_first() {
        if &**first == "Self" {
            name.push_str(cx.owner.as_deref().unwrap_or("Self"));
        } else if relative == 0 && !is_absolute {
            match look_up(cx, first) {
                Some(known) => name.push_str(&known),
                None => name.push_str(first),
            }
        } else {
            name.push_str(first);
        }
        for part in rest {
            name.push_str("::");
            name.push_str(part);
        }
    }
    name
}

/// The last path segment of a type, without generics: what an `impl` block is about.
pub(super) fn type_name(cx: &Context, ty: &Type) -> String {
    match ty {
        Type::Path(path) => match path.path.segments.last() {
            Some(segment) if segment.ident == "Self" => {
                cx.owner.as_deref().unwrap_or("Self").to_string()
            }
            Some(segment) => ident_name(&segment.ident).to_string(),
            None => String::new(),
        },
        Type::Reference(reference) => type_name(cx, &reference.elem),
        Type::Ptr(pointer) => type_name(cx, &pointer.elem),
        Type::Paren(inner) => type_name(cx, &inner.elem),
        Type::Group(inner) => type_name(cx, &inner.elem),
        Type::TraitObject(object) => object
            .bounds
            .iter()
            .find_map(|bound| match bound {
                syn::TypeParamBound::Trait(bound) => bound.path.segments.last(),
                _ => None,
            })
            .map_or_else(String::new, |segment| {
                ident_name(&segment.ident).to_string()
            }),
        _ => super::types::text(cx, ty).to_string(),
    }
}

/// The last segment of a name.
pub(super) fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// `DLL_PROCESS_ATTACH`, `S_OK`, `HANDLE`: no lower-case letter.
pub(super) fn is_all_caps(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase())
        && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// `Worker`: begins upper case.
pub(super) fn is_upper(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
}
