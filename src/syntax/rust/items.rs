//! Items: modules, types, impls, and what is only declared.

use super::functions::{self, Role, with_conditions};
use super::{Context, Known, macro_rules, macros, names, statics, types};
use crate::ir::{Declaration, Field, FunctionKind, Import, Linkage, Name, TypeDef, TypeKind};
use crate::source::Span;
use syn::{Fields, ForeignItem, ImplItem, Item, TraitItem};

/// Lowers the items of a file.
pub(super) fn lower_all(cx: &mut Context, items: &[Item]) {
    let items: Vec<&Item> = items.iter().collect();
    let mut known = std::mem::take(&mut cx.known);
    collect(cx, &items, &mut known);
    cx.known = known;
    names::declare(cx, &present(&items));
    lower_list(cx, &items);
    attach_traits(cx);
}

/// Lowers the items that stand in a function.
pub(super) fn lower_inner(cx: &mut Context, items: &[&Item]) {
    if items.is_empty() {
        return;
    }
    let mut known = std::mem::take(&mut cx.known);
    collect(cx, items, &mut known);
    cx.known = known;
    // An impl in a method is about another type.
    let owner = cx.owner.take();
    for item in items {
        lower(cx, item);
    }
    cx.owner = owner;
}

fn lower_list(cx: &mut Context, items: &[&Item]) {
    for item in items {
        lower(cx, item);
    }
}

/// Those items whose `cfg` is not false.
fn present<'a>(items: &[&'a Item]) -> Vec<&'a Item> {
    items
        .iter()
        .copied()
        .filter(|item| !super::cfg::of_attributes(attributes(item)).is_false())
        .collect()
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub(super) fn lower(cx: &mut Context, item: &Item) {
    match super::cfg::of_attributes(attributes(item)) {
        super::cfg::Config::False => {}
        super::cfg::Config::When(guards) => {
            with_conditions(cx, guards, |cx| lower_present(cx, item));
        }
    }
}

fn lower_present(cx: &mut Context, item: &Item) {
    match item {
        Item::Fn(item) => {
            let role = Role {
                kind: FunctionKind::Free,
                is_virtual: false,
                is_public: functions::is_public(&item.vis),
            };
            functions::lower(cx, &item.attrs, &item.sig, &item.block, role);
        }
        Item::Mod(item) => lower_module(cx, item),
        Item::Impl(item) => lower_impl(cx, item),
        Item::Trait(item) => lower_trait(cx, item),
        Item::Struct(item) => {
            let span = cx.span_between(item.struct_token.span, item.ident.span());
            let fields = fields(cx, &item.fields, "");
            let generics = generics(&item.generics);
            push_type(cx, &item.ident, TypeKind::Class, fields, generics, span);
        }
        Item::Union(item) => {
            let span = cx.span_between(item.union_token.span, item.ident.span());
            let fields = named_fields(cx, &item.fields, "");
            let generics = generics(&item.generics);
            push_type(cx, &item.ident, TypeKind::Class, fields, generics, span);
        }
        Item::Enum(item) => lower_enum(cx, item),
        Item::Type(item) => {
            let span = cx.span_between(item.type_token.span, item.semi_token.span);
            let generics = generics(&item.generics);
            let alias = types::text(cx, &item.ty);
            let ty = push_type(cx, &item.ident, TypeKind::Alias, Vec::new(), generics, span);
            ty.alias = Some(alias);
        }
        Item::Static(item) => statics::lower_static(cx, item),
        Item::Const(item) => {
            let name = names::ident_name(&item.ident);
            match &*item.expr {
                // `const _: () = { … };` is a place for items.
                syn::Expr::Block(block) if &*name == "_" => lower_hidden(cx, &block.block),
                _ if &*name == "_" => {}
                expr => statics::lower_const(cx, name, expr),
            }
        }
        Item::ForeignMod(item) => lower_foreign(cx, item),
        Item::Macro(item) => match &item.ident {
            Some(name) if item.mac.path.is_ident("macro_rules") => {
                macro_rules::lower(cx, name, &item.mac, &item.attrs);
            }
            _ => macros::lower_item(cx, &item.mac),
        },
        Item::Verbatim(tokens) => macros::opaque_item(cx, tokens),
        _ => {}
    }
}

/// Items in the block of a nameless constant.
fn lower_hidden(cx: &mut Context, block: &syn::Block) {
    let items: Vec<&Item> = block
        .stmts
        .iter()
        .filter_map(|stmt| match stmt {
            syn::Stmt::Item(item) => Some(item),
            _ => None,
        })
        .collect();
    names::open(cx, &present(&items), false);
    lower_list(cx, &items);
    names::close(cx);
}

fn lower_module(cx: &mut Context, item: &syn::ItemMod) {
    let name = names::ident_name(&item.ident);
    let Some((_, items)) = &item.content else {
        let path = item
            .attrs
            .iter()
            .find_map(|attribute| match &attribute.meta {
                syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                    syn::Expr::Lit(syn::ExprLit {
                        lit: syn::Lit::Str(text),
                        ..
                    }) => Some(Name::from(text.value())),
                    _ => None,
                },
                _ => None,
            });
        cx.unit.imports.push(Import::Module(name, path));
        return;
    };
    let items: Vec<&Item> = items.iter().collect();
    let owner = cx.owner.take();
    cx.modules.push(name);
    names::open(cx, &present(&items), true);
    lower_list(cx, &items);
    names::close(cx);
    cx.modules.pop();
    cx.owner = owner;
}

fn generics(generics: &syn::Generics) -> Vec<Name> {
    generics
        .type_params()
        .map(|param| names::ident_name(&param.ident))
        .collect()
}

fn push_type<'a>(
    cx: &'a mut Context,
    name: &proc_macro2::Ident,
    kind: TypeKind,
    fields: Vec<Field>,
    template_params: Vec<Name>,
    span: Span,
) -> &'a mut TypeDef {
    let scope = cx.scope();
    let index = cx.unit.types.len();
    cx.unit.types.push(TypeDef {
        name: names::ident_name(name),
        scope,
        kind,
        bases: Vec::new(),
        fields,
        methods: Vec::new(),
        alias: None,
        template_params,
        span,
    });
    &mut cx.unit.types[index]
}

fn fields(cx: &Context, fields: &Fields, variant: &str) -> Vec<Field> {
    match fields {
        Fields::Named(named) => named_fields(cx, named, variant),
        Fields::Unnamed(unnamed) => unnamed
            .unnamed
            .iter()
            .enumerate()
            .filter(|(_, field)| !super::cfg::of_attributes(&field.attrs).is_false())
            .map(|(index, field)| one_field(cx, field, &index.to_string(), variant))
            .collect(),
        Fields::Unit => Vec::new(),
    }
}

fn named_fields(cx: &Context, fields: &syn::FieldsNamed, variant: &str) -> Vec<Field> {
    fields
        .named
        .iter()
        .filter(|field| !super::cfg::of_attributes(&field.attrs).is_false())
        .filter_map(|field| {
            let name = names::ident_name(field.ident.as_ref()?);
            Some(one_field(cx, field, &name, variant))
        })
        .collect()
}

fn one_field(cx: &Context, field: &syn::Field, name: &str, variant: &str) -> Field {
    let start = match &field.ident {
        Some(ident) => ident.span(),
        None => syn::spanned::Spanned::span(&field.ty),
    };
    Field {
        name: if variant.is_empty() {
            name.into()
        } else {
            format!("{variant}_{name}").into()
        },
        type_text: types::text(cx, &field.ty),
        init: None,
        initializer: None,
        in_union: false,
        span: cx.span(start),
    }
}

fn lower_enum(cx: &mut Context, item: &syn::ItemEnum) {
    let span = cx.span_between(item.enum_token.span, item.ident.span());
    let mut all = Vec::new();
    for variant in &item.variants {
        if super::cfg::of_attributes(&variant.attrs).is_false() {
            continue;
        }
        all.extend(fields(cx, &variant.fields, &variant.ident.to_string()));
        if let Some((_, value)) = &variant.discriminant {
            let name = names::ident_name(&variant.ident);
            let owner = cx.owner.replace(names::ident_name(&item.ident));
            statics::lower_const(cx, name, value);
            cx.owner = owner;
        }
    }
    let generics = generics(&item.generics);
    push_type(cx, &item.ident, TypeKind::Class, all, generics, span);
}

fn lower_impl(cx: &mut Context, item: &syn::ItemImpl) {
    let name = names::type_name(cx, &item.self_ty);
    let trait_name = item
        .trait_
        .as_ref()
        .filter(|_| item.modifiers.polarity.is_none())
        .map(|(path, _)| names::path_name(cx, None, path));
    let is_drop = trait_name
        .as_deref()
        .is_some_and(|name| names::last_segment(name) == "Drop");
    let outer = cx.owner.replace(name.as_str().into());
    let mut declared = Vec::new();
    for inner in &item.items {
        lower_impl_item(cx, inner, trait_name.is_some(), is_drop, &mut declared);
    }
    cx.owner = outer;
    let scope = cx.scope();
    cx.pending_impls.push(PendingImpl {
        name: name.into(),
        scope,
        trait_name,
        methods: declared,
    });
}

/// An `impl` block; it is entered into its type when all types of the file are known.
pub(super) struct PendingImpl {
    name: Name,
    scope: Name,
    trait_name: Option<Name>,
    methods: Vec<crate::ir::MethodDecl>,
}

fn lower_impl_item(
    cx: &mut Context,
    item: &ImplItem,
    is_trait: bool,
    is_drop: bool,
    declared: &mut Vec<crate::ir::MethodDecl>,
) {
    match item {
        ImplItem::Fn(item) => {
            let super::cfg::Config::When(guards) = super::cfg::of_attributes(&item.attrs) else {
                return;
            };
            let is_virtual = is_trait && !is_drop;
            declared.push(functions::method_declaration(cx, &item.sig, is_virtual));
            let role = Role {
                kind: if is_drop && item.sig.ident == "drop" {
                    FunctionKind::Drop
                } else {
                    FunctionKind::Method
                },
                is_virtual,
                is_public: is_trait || functions::is_public(&item.vis),
            };
            with_conditions(cx, guards, |cx| {
                functions::lower(cx, &item.attrs, &item.sig, &item.block, role);
            });
        }
        ImplItem::Const(item) if !super::cfg::of_attributes(&item.attrs).is_false() => {
            statics::lower_const(cx, names::ident_name(&item.ident), &item.expr);
        }
        ImplItem::Macro(item) => macros::lower_item(cx, &item.mac),
        ImplItem::Verbatim(tokens) => macros::opaque_item(cx, tokens),
        _ => {}
    }
}

fn lower_trait(cx: &mut Context, item: &syn::ItemTrait) {
    let span = cx.span_between(item.trait_token.span, item.ident.span());
    let bases = item
        .supertraits
        .iter()
        .filter_map(|bound| match bound {
            syn::TypeParamBound::Trait(bound) => Some(names::path_name(cx, None, &bound.path)),
            _ => None,
        })
        .collect();
    let generics = generics(&item.generics);
    let ty = push_type(cx, &item.ident, TypeKind::Trait, Vec::new(), generics, span);
    ty.bases = bases;
    let index = cx.unit.types.len() - 1;
    let outer = cx.owner.replace(names::ident_name(&item.ident));
    let mut methods = Vec::new();
    for inner in &item.items {
        match inner {
            TraitItem::Fn(inner) => {
                let super::cfg::Config::When(guards) = super::cfg::of_attributes(&inner.attrs)
                else {
                    continue;
                };
                methods.push(functions::method_declaration(cx, &inner.sig, true));
                if let Some(block) = &inner.default {
                    let role = Role {
                        kind: FunctionKind::Method,
                        is_virtual: true,
                        is_public: true,
                    };
                    with_conditions(cx, guards, |cx| {
                        functions::lower(cx, &inner.attrs, &inner.sig, block, role);
                    });
                }
            }
            TraitItem::Const(inner) => {
                if let Some((_, value)) = &inner.default {
                    statics::lower_const(cx, names::ident_name(&inner.ident), value);
                }
            }
            TraitItem::Macro(inner) => macros::lower_item(cx, &inner.mac),
            _ => {}
        }
    }
    cx.owner = outer;
    cx.unit.types[index].methods = methods;
}

fn lower_foreign(cx: &mut Context, item: &syn::ItemForeignMod) {
    for inner in &item.items {
        match inner {
            ForeignItem::Fn(inner) => {
                if super::cfg::of_attributes(&inner.attrs).is_false() {
                    continue;
                }
                let declaration = Declaration {
                    name: names::ident_name(&inner.sig.ident),
                    scope: cx.scope(),
                    params: functions::parameters(cx, &inner.sig),
                    variadic: inner.sig.variadic.is_some(),
                    return_type: types::return_text(cx, &inner.sig.output),
                    linkage: Linkage::External,
                    span: cx.span_between(inner.sig.fn_token.span, inner.semi_token.span),
                };
                cx.unit.declarations.push(declaration);
            }
            ForeignItem::Static(inner) if !super::cfg::of_attributes(&inner.attrs).is_false() => {
                statics::lower_extern(cx, inner);
            }
            _ => {}
        }
    }
}

/// Collects the tuple structs and field types of a file, also those in its modules.
fn collect(cx: &Context, items: &[&Item], known: &mut Known) {
    let mut pending: Vec<&Item> = items.to_vec();
    while let Some(item) = pending.pop() {
        match item {
            Item::Mod(item) => {
                if let Some((_, items)) = &item.content {
                    pending.extend(items);
                }
            }
            Item::Struct(item) => {
                let name = names::ident_name(&item.ident);
                collect_fields(cx, &item.fields, &name, known);
                if is_tuple(&item.fields) {
                    known.tuples.insert(name.to_string());
                }
            }
            Item::Enum(item) => {
                let name = names::ident_name(&item.ident);
                for variant in &item.variants {
                    if is_tuple(&variant.fields) {
                        known.tuples.insert(format!("{name}::{}", variant.ident));
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_tuple(fields: &Fields) -> bool {
    matches!(fields, Fields::Unnamed(_))
}

fn collect_fields(cx: &Context, fields: &Fields, owner: &str, known: &mut Known) {
    for (index, field) in fields.iter().enumerate() {
        let name = match &field.ident {
            Some(ident) => names::ident_name(ident).to_string(),
            None => index.to_string(),
        };
        let text = types::text(cx, &field.ty);
        known.fields.insert(format!("{owner}.{name}"), text);
    }
}

/// Enters the impl blocks into the types of this file. A type that stands elsewhere is left to `program`.
fn attach_traits(cx: &mut Context) {
    for pending in std::mem::take(&mut cx.pending_impls) {
        let same_name = |ty: &&mut TypeDef| {
            ty.name == pending.name && matches!(ty.kind, TypeKind::Class | TypeKind::Trait)
        };
        let exact = cx
            .unit
            .types
            .iter()
            .position(|ty| ty.name == pending.name && ty.scope == pending.scope);
        let ty = match exact {
            Some(index) => Some(&mut cx.unit.types[index]),
            None => cx.unit.types.iter_mut().find(same_name),
        };
        let Some(ty) = ty else { continue };
        if let Some(name) = pending.trait_name
            && !ty.bases.contains(&name)
        {
            ty.bases.push(name);
        }
        ty.methods.extend(pending.methods);
    }
}
