//! Patterns: when they match, and what they bind.

use super::body::{self, Binding, Bound, Target, apply, assign, body, cfg};
use super::{Context, calls, control, expressions, literals, names, ownership, types};
use crate::ir::{Cond, Guard, Name, Op, Place, Root, Value};
use syn::spanned::Spanned;
use syn::{Expr, Lit, Local, Pat, RangeLimits};

/// What is matched.
#[derive(Debug, Clone)]
pub(super) struct Scrutinee {
    pub(super) value: Value,
    /// The elements of a tuple that is written out: `match (a, b)`.
    pub(super) parts: Vec<Scrutinee>,
    /// Whether a binding takes something that has to be dropped.
    pub(super) is_owned: bool,
}

impl Scrutinee {
    fn part(&self, index: usize, name: &str) -> Scrutinee {
        if let Some(part) = self.parts.get(index) {
            return part.clone();
        }
        Scrutinee {
            value: expressions::part(&self.value, name),
            parts: Vec::new(),
            is_owned: self.is_owned,
        }
    }
}

/// Lowers what is matched. A call's result that no pattern takes is dropped at the end of the scope around it.
pub(super) fn scrutinee(cx: &mut Context, expr: &Expr) -> Scrutinee {
    if let Expr::Paren(inner) = expr {
        return scrutinee(cx, &inner.expr);
    }
    if let Expr::Tuple(tuple) = expr
        && !tuple.elems.is_empty()
    {
        return Scrutinee {
            value: Value::Unknown,
            parts: tuple.elems.iter().map(|elem| scrutinee(cx, elem)).collect(),
            is_owned: false,
        };
    }
    let value = expressions::lower(cx, expr);
    let is_owned = ownership::is_owned(cx, expr);
    if is_owned {
        body::discard(cx, &value);
    }
    Scrutinee {
        value,
        parts: Vec::new(),
        is_owned,
    }
}

/// A pattern and the condition behind `if`.
pub(super) fn split_guard(pattern: &Pat) -> (&Pat, Option<&Expr>) {
    match pattern {
        Pat::Guard(guarded) => (&guarded.pat, Some(&guarded.guard)),
        other => (other, None),
    }
}

/// When the pattern matches: alternatives of guards. A pattern that always matches is one empty alternative.
pub(super) fn tests(cx: &mut Context, pattern: &Pat, of: &Scrutinee) -> Vec<Vec<Guard>> {
    let always = vec![Vec::new()];
    match pattern {
        Pat::Wild(_) | Pat::Rest(_) => always,
        Pat::Ident(ident) => {
            let name = names::ident_name(&ident.ident);
            if let Some((_, inner)) = &ident.subpat {
                return tests(cx, inner, of);
            }
            if &*name == "None" {
                return compare(of, Op::Eq, Value::Null);
            }
            if is_constant(&name) {
                let name = names::join(cx, false, &[name]);
                let place = Place::of(Root::Global(name.into()));
                return compare(of, Op::Eq, Value::Place(place));
            }
            always
        }
        Pat::Lit(lit) => match (&lit.lit, literals::value(&lit.lit)) {
            (_, Value::Unknown) => unknown(),
            (Lit::Bool(flag), _) => truth(of, flag.value),
            (_, value) => compare(of, Op::Eq, value),
        },
        Pat::Path(path) => {
            let name = names::path_name(cx, path.qself.as_ref(), &path.path);
            let value = match (&*name, literals::limit(&name)) {
                (_, Some(limit)) => limit,
                ("Option::None", _) => Value::Null,
                _ => Value::Place(Place::of(Root::Global(name))),
            };
            compare(of, Op::Eq, value)
        }
        Pat::Range(range) => range_tests(cx, range, of),
        Pat::Or(alternatives) => alternatives
            .cases
            .iter()
            .flat_map(|case| tests(cx, case, of))
            .collect(),
        Pat::Paren(inner) => tests(cx, &inner.pat, of),
        Pat::Reference(inner) => tests(cx, &inner.pat, of),
        Pat::Type(inner) => tests(cx, &inner.pat, of),
        Pat::Guard(inner) => tests(cx, &inner.pat, of),
        Pat::TupleStruct(tuple) => {
            let name = names::path_name(cx, tuple.qself.as_ref(), &tuple.path);
            let own = match names::last_segment(&name) {
                "Some" => compare(of, Op::Ne, Value::Null),
                last if cx.known.tuples.contains(last) => always,
                _ => unknown(),
            };
            let Some(inner) = tuple.elems.first().filter(|_| tuple.elems.len() == 1) else {
                return own;
            };
            let of = inside(&name, of);
            let inner = tests(cx, inner, &of);
            product(own, inner)
        }
        Pat::Tuple(tuple) => {
            let mut all = always;
            for (index, elem) in tuple.elems.iter().enumerate() {
                if matches!(elem, Pat::Rest(_)) {
                    break;
                }
                let part = of.part(index, &index.to_string());
                let inner = tests(cx, elem, &part);
                all = product(all, inner);
            }
            all
        }
        _ => unknown(),
    }
}

/// `DLL_PROCESS_ATTACH` and unit variants; anything else with a single name binds.
fn is_constant(name: &str) -> bool {
    (names::is_all_caps(name) && name.len() > 1) || names::is_upper(name)
}

fn unknown() -> Vec<Vec<Guard>> {
    vec![vec![Guard::holds(Cond::Unknown)]]
}

fn truth(of: &Scrutinee, expected: bool) -> Vec<Vec<Guard>> {
    match &of.value {
        Value::Cond(cond) => vec![vec![Guard {
            cond: (**cond).clone(),
            holds: expected,
        }]],
        _ if expected => compare(of, Op::Ne, Value::Const(0)),
        _ => compare(of, Op::Eq, Value::Const(0)),
    }
}

fn compare(of: &Scrutinee, op: Op, right: Value) -> Vec<Vec<Guard>> {
    // The parts of a written tuple have no value of their own.
    if of.value == Value::Unknown {
        return unknown();
    }
    vec![vec![Guard::holds(Cond::Compare {
        left: of.value.clone(),
        op,
        right,
    })]]
}

fn product(left: Vec<Vec<Guard>>, right: Vec<Vec<Guard>>) -> Vec<Vec<Guard>> {
    if left.len() * right.len() > 32 {
        return unknown();
    }
    left.iter()
        .flat_map(|left| {
            right
                .iter()
                .map(move |right| left.iter().chain(right).cloned().collect())
        })
        .collect()
}

fn range_tests(cx: &mut Context, range: &syn::PatRange, of: &Scrutinee) -> Vec<Vec<Guard>> {
    let mut all = Vec::new();
    let upper = match range.limits {
        RangeLimits::HalfOpen(_) => Op::Lt,
        RangeLimits::Closed(_) => Op::Le,
    };
    for (end, op) in [(&range.start, Op::Ge), (&range.end, upper)] {
        let Some(end) = end else { continue };
        let end = expressions::lower(cx, end);
        all.extend(compare(of, op, end).into_iter().flatten());
    }
    vec![all]
}

/// What a wrapper holds: the wrapped value itself where constructing it is peeled, else its first field.
fn inside(name: &str, of: &Scrutinee) -> Scrutinee {
    if calls::is_wrapper(name) {
        of.clone()
    } else {
        of.part(usize::MAX, "0")
    }
}

/// Binds the names of a pattern to the places that they match. `place`: the local that a plain name shall be.
pub(super) fn bind(
    cx: &mut Context,
    pattern: &Pat,
    of: &Scrutinee,
    place: Option<(Place, Name)>,
) -> Bound {
    let mut bound = Bound::default();
    bind_into(cx, pattern, of, place, &mut bound);
    bound
}

fn bind_into(
    cx: &mut Context,
    pattern: &Pat,
    of: &Scrutinee,
    place: Option<(Place, Name)>,
    bound: &mut Bound,
) {
    match pattern {
        Pat::Ident(ident) => {
            let name = names::ident_name(&ident.ident);
            if let Some((_, inner)) = &ident.subpat {
                bind_into(cx, inner, of, None, bound);
            } else if is_constant(&name) {
                return;
            }
            bind_name(cx, ident, name, of, place, bound);
        }
        Pat::Type(inner) => {
            let text = types::text(cx, &inner.ty);
            let mut of = of.clone();
            of.is_owned &= ownership::owns(&text);
            let place = place.or_else(|| {
                let span = cx.span(inner.pat.span());
                let name = simple_name(&inner.pat)?;
                Some((body::new_local(cx, name, text.clone(), span), text.clone()))
            });
            bind_into(cx, &inner.pat, &of, place, bound);
        }
        Pat::Paren(inner) => bind_into(cx, &inner.pat, of, place, bound),
        Pat::Guard(inner) => bind_into(cx, &inner.pat, of, place, bound),
        Pat::Reference(inner) => {
            let mut of = of.clone();
            of.is_owned = false;
            bind_into(cx, &inner.pat, &of, place, bound);
        }
        Pat::Or(alternatives) => {
            if let Some(case) = alternatives.cases.first() {
                bind_into(cx, case, of, place, bound);
            }
        }
        Pat::TupleStruct(tuple) => {
            let name = names::path_name(cx, tuple.qself.as_ref(), &tuple.path);
            if let (1, Some(inner)) = (tuple.elems.len(), tuple.elems.first()) {
                let of = inside(&name, of);
                return bind_into(cx, inner, &of, None, bound);
            }
            bind_elements(cx, tuple.elems.iter(), of, bound);
        }
        Pat::Tuple(tuple) => bind_elements(cx, tuple.elems.iter(), of, bound),
        Pat::Struct(literal) => {
            for field in &literal.fields {
                let name = match &field.member {
                    syn::Member::Named(name) => names::ident_name(name),
                    syn::Member::Unnamed(index) => index.index.to_string().into(),
                };
                let part = of.part(usize::MAX, &name);
                bind_into(cx, &field.pat, &part, None, bound);
            }
        }
        Pat::Slice(slice) => {
            for elem in &slice.elems {
                let part = of.part(usize::MAX, "[]");
                bind_into(cx, elem, &part, None, bound);
            }
        }
        _ => {}
    }
}

fn bind_elements<'a>(
    cx: &mut Context,
    elements: impl Iterator<Item = &'a Pat>,
    of: &Scrutinee,
    bound: &mut Bound,
) {
    for (index, elem) in elements.enumerate() {
        if matches!(elem, Pat::Rest(_)) {
            break;
        }
        let part = of.part(index, &index.to_string());
        bind_into(cx, elem, &part, None, bound);
    }
}

fn bind_name(
    cx: &mut Context,
    ident: &syn::PatIdent,
    name: Name,
    of: &Scrutinee,
    place: Option<(Place, Name)>,
    bound: &mut Bound,
) {
    let span = cx.span(ident.ident.span());
    let is_owned = of.is_owned && ident.by_ref.is_none();
    let (place, type_text) = place.unwrap_or_else(|| {
        (
            body::new_local(cx, name.clone(), "".into(), span),
            "".into(),
        )
    });
    let is_there = of.value == Value::Place(place.clone());
    if of.value != Value::Unknown && !is_there {
        let value = if ident.by_ref.is_some() {
            expressions::address_of(of.value.clone())
        } else {
            of.value.clone()
        };
        assign(cx, place.clone(), value, span);
    }
    body::bind(
        cx,
        Binding {
            name,
            root: place.root.clone(),
            type_text: type_text.clone(),
            is_owned,
        },
    );
    if is_owned {
        if let Some(taken) = of.value.place()
            && !is_there
        {
            // What was taken out of a result is dropped by its new owner.
            bound.moved.push(Place::of(taken.root.clone()));
            bound.moved.push(taken);
        }
        bound.declared.push((place, type_text));
    }
}

fn simple_name(pattern: &Pat) -> Option<Name> {
    match pattern {
        Pat::Ident(ident) if ident.subpat.is_none() => Some(names::ident_name(&ident.ident)),
        _ => None,
    }
}

/// `let pattern = value else { … };`
pub(super) fn lower_let(cx: &mut Context, local: &Local) {
    let span = cx.span_between(local.let_token.span, local.semi_token.span);
    let (pattern, type_text) = match &local.pat {
        Pat::Type(typed) => (&*typed.pat, types::text(cx, &typed.ty)),
        other => (other, Name::from("")),
    };
    let Some(init) = &local.init else {
        declare_uninitialized(cx, pattern, type_text);
        return;
    };
    if let (Pat::Wild(_), None) = (pattern, &init.diverge) {
        // `let _ = x` drops a result at once and takes no variable.
        body::statement_value(cx, &init.expr, span);
        return;
    }
    if let (Pat::Ident(ident), None) = (pattern, &init.diverge)
        && ident.subpat.is_none()
        && ident.by_ref.is_none()
    {
        return lower_plain_let(cx, ident, type_text, &init.expr, span);
    }
    let mut bound = Bound::default();
    cfg(cx).enter_scope();
    let mut of = scrutinee(cx, &init.expr);
    of.is_owned &= type_text.is_empty() || ownership::owns(&type_text);
    match &init.diverge {
        None => bind_into(cx, pattern, &of, None, &mut bound),
        Some((_, diverge)) => {
            let tests = tests(cx, pattern, &of);
            let good = cfg(cx).new_block();
            let bad = cfg(cx).new_block();
            control::edges(cx, &tests, good, bad);
            let before = cfg(cx).pending_drops();
            cfg(cx).start(bad);
            body::statement(cx, diverge);
            // The `else` block never falls through; where it seems to, it leaves by a macro.
            if cfg(cx).is_live() {
                cfg(cx).diverge(span);
            }
            cfg(cx).set_pending_drops(before);
            cfg(cx).start(good);
            bind_into(cx, pattern, &of, None, &mut bound);
        }
    }
    for place in &bound.moved {
        cfg(cx).forget(place);
    }
    cfg(cx).leave_scope(span);
    bound.moved.clear();
    apply(cx, bound);
}

/// `let x = value;`
fn lower_plain_let(
    cx: &mut Context,
    ident: &syn::PatIdent,
    type_text: Name,
    init: &Expr,
    span: crate::source::Span,
) {
    let name = names::ident_name(&ident.ident);
    let name_span = cx.span(ident.ident.span());
    let place = body::new_local(cx, name.clone(), type_text.clone(), name_span);
    let mut is_owned = false;
    let mut extended = None;
    body::scoped(cx, span, |cx| {
        if let Expr::Reference(reference) = init {
            // `let x = &f();` keeps the result as long as the variable.
            let value = expressions::lower(cx, &reference.expr);
            if let Value::Result(id) = value {
                extended = Some(Place::of(Root::Result(id)));
            }
            assign(cx, place.clone(), expressions::address_of(value), span);
            return;
        }
        let value = expressions::lower_to(cx, init, Target::Into(place.clone()));
        is_owned =
            ownership::is_owned(cx, init) && !matches!(value, Value::Const(_) | Value::Text(_));
        if let Some(named) = calls::wrapped_type(cx, init) {
            expressions::name_type(cx, &place, &named);
        }
        body::store(cx, init, &place, value, span);
    });
    if let Some(result) = extended {
        cfg(cx).declare(result, "".into());
    }
    let type_text = body::type_of(cx, &place);
    is_owned &= type_text.is_empty() || ownership::owns(&type_text);
    body::bind(
        cx,
        Binding {
            name,
            root: place.root.clone(),
            type_text: type_text.clone(),
            is_owned,
        },
    );
    if is_owned {
        cfg(cx).declare(place, type_text);
    }
}

/// `let x;` and `let x: T;`: assigned later.
fn declare_uninitialized(cx: &mut Context, pattern: &Pat, type_text: Name) {
    let Pat::Ident(ident) = pattern else { return };
    let name = names::ident_name(&ident.ident);
    let span = cx.span(ident.ident.span());
    let place = body::new_local(cx, name.clone(), type_text.clone(), span);
    let is_owned = !type_text.is_empty() && ownership::owns(&type_text);
    body::bind(
        cx,
        Binding {
            name,
            root: place.root.clone(),
            type_text: type_text.clone(),
            is_owned,
        },
    );
    if is_owned {
        cfg(cx).declare(place, type_text);
    }
}

/// The parameters of a function or closure. `typed`: each with its type, if one is written.
pub(super) fn bind_parameter(cx: &mut Context, pattern: &Pat, type_text: Name, drops: bool) {
    let (pattern, type_text) = match pattern {
        Pat::Type(typed) => (&*typed.pat, types::text(cx, &typed.ty)),
        other => (other, type_text),
    };
    let span = cx.span(pattern.span());
    let is_owned = drops && !type_text.is_empty() && ownership::owns(&type_text);
    let name = simple_name(pattern);
    let root = Root::Param(body(cx).params.len() as u32);
    let var = crate::ir::Var {
        name: name.clone().unwrap_or_else(|| "_".into()),
        type_text: type_text.clone(),
        default: None,
        span,
    };
    body(cx).params.push(var);
    let place = Place::of(root.clone());
    match name {
        Some(name) => body::bind(
            cx,
            Binding {
                name,
                root,
                type_text: type_text.clone(),
                is_owned,
            },
        ),
        None => {
            let of = Scrutinee {
                value: Value::Place(place.clone()),
                parts: Vec::new(),
                is_owned,
            };
            let mut bound = bind(cx, pattern, &of, None);
            bound.moved.clear();
            if !bound.declared.is_empty() {
                return apply(cx, bound);
            }
        }
    }
    if is_owned {
        cfg(cx).declare(place, type_text);
    }
}
