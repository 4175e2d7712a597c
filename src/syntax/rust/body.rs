//! The body of one function while it is lowered: its variables, scopes and blocks, and its statements.

use super::{Context, control, expressions, functions, items, names, ownership, patterns, types};
use crate::ir::build::{CfgBuilder, PendingDrops};
use crate::ir::{
    BlockId, Callee, Capture, FunctionIndex, Guard, Name, Place, Root, StmtId, StmtKind, Value, Var,
};
use crate::source::Span;
use syn::{Block, Expr, Stmt};

pub(super) struct Body {
    pub(super) function: FunctionIndex,
    pub(super) cfg: CfgBuilder,
    pub(super) params: Vec<Var>,
    pub(super) locals: Vec<Var>,
    pub(super) captures: Vec<Capture>,
    bindings: Vec<Vec<Binding>>,
    /// A closure sees the variables of the function around it; a nested function does not.
    pub(super) is_closure: bool,
    pub(super) is_move: bool,
    pub(super) loops: Vec<Loop>,
    pub(super) returns_value: bool,
    /// The body of a macro: a parameter that stands as a statement runs there.
    pub(super) is_macro: bool,
}

/// A variable in sight.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) name: Name,
    pub(super) root: Root,
    pub(super) type_text: Name,
    /// Whether the variable owns a value that may have something to drop.
    pub(super) is_owned: bool,
}

/// Where `break` and `continue` lead.
pub(super) struct Loop {
    pub(super) label: Option<String>,
    pub(super) end: BlockId,
    /// `None` for a labelled block.
    pub(super) again: Option<BlockId>,
    pub(super) depth: usize,
    pub(super) result: Option<Place>,
}

/// What becomes of the value of an expression that holds blocks.
#[derive(Debug, Clone)]
pub(super) enum Target {
    Discard,
    /// It is assigned to a local made for it.
    Fresh,
    Into(Place),
}

/// What a successful pattern does to the drops of its branch.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) declared: Vec<(Place, Name)>,
    pub(super) moved: Vec<Place>,
}

impl Body {
    pub(super) fn new(function: FunctionIndex) -> Body {
        Body {
            function,
            cfg: CfgBuilder::new(),
            params: Vec::new(),
            locals: Vec::new(),
            captures: Vec::new(),
            bindings: vec![Vec::new()],
            is_closure: false,
            is_move: false,
            loops: Vec::new(),
            returns_value: false,
            is_macro: false,
        }
    }

    fn find(&self, name: &str) -> Option<&Binding> {
        self.bindings
            .iter()
            .rev()
            .flat_map(|scope| scope.iter().rev())
            .find(|binding| &*binding.name == name)
    }
}

/// The innermost function that is being lowered.
pub(super) fn body(cx: &mut Context) -> &mut Body {
    cx.bodies
        .last_mut()
        .expect("statements are lowered only inside of a body")
}

pub(super) fn cfg(cx: &mut Context) -> &mut CfgBuilder {
    &mut body(cx).cfg
}

pub(super) fn push(cx: &mut Context, kind: StmtKind, span: Span) -> StmtId {
    cfg(cx).push(kind, span)
}

/// Emits a call and gives its result.
pub(super) fn call(cx: &mut Context, callee: Callee, args: Vec<Value>, span: Span) -> Value {
    Value::Result(push(cx, StmtKind::Call { callee, args }, span))
}

pub(super) fn assign(cx: &mut Context, to: Place, value: Value, span: Span) {
    push(cx, StmtKind::Assign { to, value }, span);
}

/// A new local, not yet in sight.
pub(super) fn new_local(cx: &mut Context, name: Name, type_text: Name, span: Span) -> Place {
    let locals = &mut body(cx).locals;
    locals.push(Var {
        name,
        type_text,
        default: None,
        span,
    });
    Place::of(Root::Local(locals.len() as u32 - 1))
}

/// Brings a variable into sight.
pub(super) fn bind(cx: &mut Context, binding: Binding) {
    if let Some(scope) = body(cx).bindings.last_mut() {
        scope.push(binding);
    }
}

pub(super) fn enter_bindings(cx: &mut Context) {
    body(cx).bindings.push(Vec::new());
}

pub(super) fn leave_bindings(cx: &mut Context) {
    body(cx).bindings.pop();
}

/// The variable of this name; closures between it and here capture it.
pub(super) fn variable(cx: &mut Context, name: &str) -> Option<Binding> {
    let mut depth = cx.bodies.len();
    let mut found = loop {
        let body = cx.bodies.get(depth.checked_sub(1)?)?;
        if let Some(binding) = body.find(name) {
            break binding.clone();
        }
        if !body.is_closure {
            return None;
        }
        depth -= 1;
    };
    if found.root == Root::This {
        return Some(found);
    }
    for body in &mut cx.bodies[depth..] {
        let index = body.captures.len() as u32;
        body.captures.push(Capture {
            name: found.name.clone(),
            type_text: found.type_text.clone(),
            by_ref: !body.is_move,
            value: Value::Place(Place::of(found.root.clone())),
        });
        found.root = Root::Capture(index);
        if let Some(scope) = body.bindings.first_mut() {
            scope.push(found.clone());
        }
    }
    Some(found)
}

/// The type that is known of a variable's place.
pub(super) fn type_of(cx: &mut Context, place: &Place) -> Name {
    let owner = cx.owner.clone();
    let body = body(cx);
    let root = match &place.root {
        Root::Local(index) => body
            .locals
            .get(*index as usize)
            .map(|var| var.type_text.clone()),
        Root::Param(index) => body
            .params
            .get(*index as usize)
            .map(|var| var.type_text.clone()),
        Root::Capture(index) => body
            .captures
            .get(*index as usize)
            .map(|capture| capture.type_text.clone()),
        Root::This => owner,
        _ => None,
    };
    let mut text = root.unwrap_or_default();
    for part in &place.path {
        text = cx
            .known
            .fields
            .get(&format!("{}.{part}", types::head(&text)))
            .cloned()
            .unwrap_or_default();
    }
    text
}

/// The value was moved away: nothing here drops it any more.
pub(super) fn moved(cx: &mut Context, expr: &Expr, value: &Value) {
    if let Value::Place(place) = value
        && ownership::is_owned(cx, expr)
    {
        give_away(cx, place);
        if !place.path.is_empty() && ownership::moves(&type_of(cx, place)) {
            // Only a type without a destructor of its own can be taken apart.
            give_away(cx, &Place::of(place.root.clone()));
        }
    }
}

/// Somebody else has the value now. A closure that gives a captured variable away has taken it from around itself.
pub(super) fn give_away(cx: &mut Context, place: &Place) {
    if let (Root::Capture(index), true) = (&place.root, place.path.is_empty())
        && let Some(capture) = body(cx).captures.get_mut(*index as usize)
    {
        capture.by_ref = false;
    }
    cfg(cx).forget(place);
}

/// The value is used where it lies: if it is a call's result, it ends with the statement.
pub(super) fn borrowed(cx: &mut Context, value: &Value) {
    if let Some(Place {
        root: Root::Result(id),
        ..
    }) = value.place()
    {
        let place = Place::of(Root::Result(id));
        let cfg = cfg(cx);
        if !cfg.will_drop(&place) {
            cfg.declare(place, "".into());
        }
    }
}

/// Runs `inner` in a scope of its own; its temporaries end with it.
pub(super) fn scoped<T>(cx: &mut Context, end: Span, inner: impl FnOnce(&mut Context) -> T) -> T {
    cfg(cx).enter_scope();
    let result = inner(cx);
    cfg(cx).leave_scope(end);
    result
}

/// The paths that meet behind a branch.
pub(super) struct Join {
    pub(super) block: BlockId,
    before: PendingDrops,
    after: Option<PendingDrops>,
}

pub(super) fn open_join(cx: &mut Context) -> Join {
    let cfg = cfg(cx);
    Join {
        block: cfg.new_block(),
        before: cfg.pending_drops(),
        after: None,
    }
}

/// Begins another path: what the one before has moved is there again.
pub(super) fn start_path(cx: &mut Context, join: &Join, block: BlockId) {
    let cfg = cfg(cx);
    cfg.set_pending_drops(join.before.clone());
    cfg.start(block);
}

/// Ends a path at the meeting point, if the path gets there.
pub(super) fn end_path(cx: &mut Context, join: &mut Join) {
    let cfg = cfg(cx);
    if !cfg.is_live() {
        return;
    }
    let now = cfg.pending_drops();
    match &mut join.after {
        Some(after) => after.meet(&now),
        None => join.after = Some(now),
    }
    cfg.edge(join.block, Vec::new());
}

/// Goes on where the paths meet.
pub(super) fn close_join(cx: &mut Context, join: Join) {
    let cfg = cfg(cx);
    cfg.set_pending_drops(join.after.unwrap_or(join.before));
    cfg.start(join.block);
}

/// Enters what a pattern has bound into the innermost scope.
pub(super) fn apply(cx: &mut Context, bound: Bound) {
    let cfg = cfg(cx);
    for place in &bound.moved {
        cfg.forget(place);
    }
    for (place, type_text) in bound.declared {
        cfg.declare(place, type_text);
    }
}

/// The place that takes the value of an expression with blocks.
pub(super) fn result_place(
    cx: &mut Context,
    target: &Target,
    name: &str,
    span: Span,
) -> Option<Place> {
    match target {
        Target::Discard => None,
        Target::Into(place) => Some(place.clone()),
        Target::Fresh => Some(new_local(cx, name.into(), "".into(), span)),
    }
}

/// The value of an expression whose branches have assigned it.
pub(super) fn result_value(place: Option<Place>) -> Value {
    place.map_or(Value::Unknown, Value::Place)
}

/// Lowers an expression whose value goes to `result`, or nowhere.
pub(super) fn lower_into(cx: &mut Context, expr: &Expr, result: Option<&Place>) {
    let span = expressions::span(cx, expr);
    match result {
        None => statement(cx, expr),
        Some(place) => {
            scoped(cx, span, |cx| {
                let value = expressions::lower_to(cx, expr, Target::Into(place.clone()));
                store(cx, expr, place, value, span);
            });
        }
    }
}

/// Assigns a branch's value, unless the expression has assigned it itself or does not come back.
pub(super) fn store(cx: &mut Context, expr: &Expr, place: &Place, value: Value, span: Span) {
    if !cfg(cx).is_live() || value == Value::Place(place.clone()) {
        return;
    }
    moved(cx, expr, &value);
    assign(cx, place.clone(), value, span);
}

/// A block with its own variables, items and drops. Its value goes to `result`.
pub(super) fn block(cx: &mut Context, block: &Block, result: Option<&Place>) {
    let end = cx.span(block.brace_token.span.close());
    statements(cx, &block.stmts, result, end);
}

/// The statements of a block.
pub(super) fn statements(cx: &mut Context, stmts: &[Stmt], result: Option<&Place>, end: Span) {
    cfg(cx).enter_scope();
    enter_bindings(cx);
    let items = hoist(stmts);
    names::open(cx, &items, false);
    items::lower_inner(cx, &items);
    let tail = tail_index(stmts);
    for (index, stmt) in stmts.iter().enumerate() {
        match stmt {
            Stmt::Expr(expr, _) if Some(index) == tail => lower_tail(cx, expr, result),
            _ => lower_stmt(cx, stmt),
        }
    }
    names::close(cx);
    leave_bindings(cx);
    cfg(cx).leave_scope(end);
}

fn lower_tail(cx: &mut Context, expr: &Expr, result: Option<&Place>) {
    guarded(cx, expressions::attributes(expr), |cx| {
        lower_into(cx, expr, result);
    });
}

/// The statements of a function whose tail is returned as it is.
pub(super) fn returning(cx: &mut Context, stmts: &[Stmt], end: Span) {
    let tail = tail_index(stmts);
    enter_bindings(cx);
    let items = hoist(stmts);
    names::open(cx, &items, false);
    items::lower_inner(cx, &items);
    for (index, stmt) in stmts.iter().enumerate() {
        match stmt {
            Stmt::Expr(expr, _) if Some(index) == tail => {
                let span = expressions::span(cx, expr);
                cfg(cx).enter_scope();
                let value = expressions::lower(cx, expr);
                moved(cx, expr, &value);
                return_live(cx, value, span);
                cfg(cx).leave_scope(end);
            }
            // `m! { … }` as the tail: the macro's value is the function's.
            Stmt::Macro(last) if index + 1 == stmts.len() && last.semi_token.is_none() => {
                let value = super::macros::lower(cx, &last.mac, Target::Fresh);
                return_live(cx, value, end);
            }
            _ => lower_stmt(cx, stmt),
        }
    }
    names::close(cx);
    leave_bindings(cx);
}

fn return_live(cx: &mut Context, value: Value, span: Span) {
    let cfg = cfg(cx);
    if cfg.is_live() {
        cfg.return_value(Some(value), span);
    }
}

/// Which statement is the tail: the last one, apart from those whose `cfg` is false.
fn tail_index(stmts: &[Stmt]) -> Option<usize> {
    for (index, stmt) in stmts.iter().enumerate().rev() {
        let attributes = match stmt {
            Stmt::Expr(expr, _) => expressions::attributes(expr),
            Stmt::Macro(stmt) => &stmt.attrs,
            Stmt::Local(local) => &local.attrs,
            Stmt::Item(_) => return None,
        };
        if !super::cfg::of_attributes(attributes).is_false() {
            return matches!(stmt, Stmt::Expr(_, None)).then_some(index);
        }
    }
    None
}

/// The expression that gives a block its value.
pub(super) fn tail(stmts: &[Stmt]) -> Option<&Expr> {
    match &stmts[tail_index(stmts)?] {
        Stmt::Expr(expr, _) => Some(expr),
        _ => None,
    }
}

/// Items stand in sight of the whole block, also before they are written.
fn hoist(stmts: &[Stmt]) -> Vec<&syn::Item> {
    stmts
        .iter()
        .filter_map(|stmt| match stmt {
            Stmt::Item(item) => Some(item),
            _ => None,
        })
        .collect()
}

fn lower_stmt(cx: &mut Context, stmt: &Stmt) {
    match stmt {
        Stmt::Item(_) => {}
        Stmt::Local(local) => {
            // The variable stays in sight behind an open condition; where it does not hold, it has no value.
            guarded(cx, &local.attrs, |cx| patterns::lower_let(cx, local));
        }
        Stmt::Expr(expr, _) => {
            guarded(cx, expressions::attributes(expr), |cx| statement(cx, expr));
        }
        Stmt::Macro(stmt) => {
            guarded(cx, &stmt.attrs, |cx| {
                super::macros::statement(cx, &stmt.mac);
            });
        }
    }
}

/// Lowers what stands under `#[cfg(…)]`: not at all, always, or behind edges with the condition.
pub(super) fn guarded(
    cx: &mut Context,
    attributes: &[syn::Attribute],
    inner: impl FnOnce(&mut Context),
) {
    let guards = match super::cfg::of_attributes(attributes) {
        super::cfg::Config::False => return,
        super::cfg::Config::When(guards) => guards,
    };
    guarded_by(cx, guards, inner);
}

/// Lowers what stands under open conditions.
pub(super) fn guarded_by(cx: &mut Context, guards: Vec<Guard>, inner: impl FnOnce(&mut Context)) {
    if guards.is_empty() {
        return inner(cx);
    }
    let mut join = open_join(cx);
    let then = cfg(cx).new_block();
    let other = cfg(cx).new_block();
    control::edges(cx, &[guards], then, other);
    start_path(cx, &join, then);
    inner(cx);
    end_path(cx, &mut join);
    start_path(cx, &join, other);
    end_path(cx, &mut join);
    close_join(cx, join);
}

/// An expression whose value is not used: its result and its temporaries end here.
pub(super) fn statement(cx: &mut Context, expr: &Expr) {
    let span = expressions::span(cx, expr);
    if runs_parameter(cx, expr, span) {
        return;
    }
    scoped(cx, span, |cx| {
        let value = expressions::lower_to(cx, expr, Target::Discard);
        discard(cx, &value);
    });
}

/// `let _ = x`: as a statement, but a variable that stands there alone is neither moved nor run.
pub(super) fn statement_value(cx: &mut Context, expr: &Expr, span: Span) {
    scoped(cx, span, |cx| {
        let value = expressions::lower(cx, expr);
        discard(cx, &value);
    });
}

/// A call's result that nobody takes ends with the statement.
pub(super) fn discard(cx: &mut Context, value: &Value) {
    if let Value::Result(id) = value
        && !functions::is_macro_call(body(cx), *id)
    {
        borrowed(cx, value);
    }
}

/// In a macro, `$body` as a statement runs what the caller gave.
fn runs_parameter(cx: &mut Context, expr: &Expr, span: Span) -> bool {
    let Expr::Path(path) = expr else { return false };
    let Some(ident) = path.path.get_ident() else {
        return false;
    };
    let name = names::ident_name(ident);
    if name.starts_with('$') {
        call(cx, Callee::Named(name), Vec::new(), span);
        return true;
    }
    if !body(cx).is_macro {
        return false;
    }
    match variable(cx, &name) {
        Some(Binding {
            root: root @ Root::Param(_),
            ..
        }) => {
            let callee = Callee::Indirect(Value::Place(Place::of(root)));
            call(cx, callee, Vec::new(), span);
            true
        }
        _ => false,
    }
}
