//! The members of a static object that hold nothing as long as it lives.
//!
//! In comes a static object with its destructor, out go the members that no constructor and no method sets, and the waits
//! that the destructor never makes since they stand behind a test of such a member.

use super::lent::{is_reference, is_zero, lent, may_set, stores_into};
use super::{Abstract, Hit, State, Walk, environments, transfer};
use crate::api::Effect;
use crate::entry::{Contexts, Entry, EntryKind, Runs};
use crate::flow::Flow;
use crate::ir::{
    Callee, Cond, FunctionKind, Guard, Name, Op, Place, Root, StmtId, StmtKind, Value,
};
use crate::program::{FnId, Key, KeyRoot, Meaning, Program, Site, StaticId, TypeId};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

/// What an entry never does, whatever the facts: a destructor's wait behind a test whether one of the object's own
/// members holds something ("is the handle valid"), when nobody ever touches that member. What that member's method
/// answers counts where it has a body; of others those are known that ask whether there is nothing.
pub fn drop_idle(program: &Program, flow: &Flow, entry: &Entry, walk: &mut Walk) {
    let (EntryKind::StaticDestructor, Some(object), Runs::Function(destructor)) =
        (entry.kind, entry.object, &entry.runs)
    else {
        return;
    };
    let waits = |hit: &Hit| {
        matches!(hit.effect.effect(), Effect::Wait { .. })
            && hit.site.is_some_and(|site| site.function == *destructor)
    };
    if !walk.hits.iter().any(waits) {
        return;
    }
    let idle: Vec<Name> = idle_members(program, object, *destructor)
        .into_iter()
        .map(|(_, field)| field)
        .collect();
    if idle.is_empty() {
        return;
    }
    let body = program.function(*destructor);
    let is_idle = |value: &Value| match value {
        Value::Place(place) => match &place.root {
            Root::This => place.path.first().is_some_and(|field| idle.contains(field)),
            Root::Global(name) => idle.contains(name),
            _ => false,
        },
        _ => false,
    };
    let asks = |guard: &Guard| {
        let Cond::Compare {
            left,
            op: op @ (Op::Eq | Op::Ne),
            right: Value::Null | Value::Const(0),
        } = &guard.cond
        else {
            return false;
        };
        let answer = match left {
            Value::Result(stmt) => match body.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind) {
                Some(StmtKind::Call {
                    callee: Callee::Method { receiver, name },
                    args,
                }) if args.is_empty() && is_idle(receiver) => {
                    let site = Site {
                        function: *destructor,
                        stmt: *stmt,
                    };
                    answer_of_untouched(program, site).or(Some(program.api.tells_empty(name)))
                }
                _ => None,
            },
            other => is_idle(other).then_some(false),
        };
        // Never true where the answer is another one than the guard asks for.
        answer.is_some_and(|answer| answer != ((*op == Op::Ne) == guard.holds))
    };
    walk.hits.retain(|hit| {
        !(waits(hit)
            && hit
                .site
                .is_some_and(|site| flow.is_guarded_by(site.function, site.stmt, asks)))
    });
}

/// What a method of the program answers that is called on an object whose members have their first values, where that
/// is certain.
fn answer_of_untouched(program: &Program, site: Site) -> Option<bool> {
    let [target] = &program.call(site)?.targets[..] else {
        return None;
    };
    let method = target.function;
    let body = program.function(method);
    let mut state = State::unknown(Contexts::ALL, body.params.len());
    for &owner in program.class_chain(program.owner(method)?).iter() {
        for field in &program.type_def(owner).fields {
            let key = Key {
                root: KeyRoot::Object(owner),
                path: vec![field.name.clone()],
            };
            let is_constructed = program
                .assignments(&key)
                .iter()
                .any(|&(id, ..)| program.function(id).kind == FunctionKind::Ctor);
            let first = match &field.init {
                Some(value) => program.constant(method, value).map(Abstract::from),
                None => Some(Abstract::Null),
            };
            if let Some(first) = first.filter(|_| !is_constructed) {
                state.statics.insert(key, first);
            }
        }
    }
    let mut answers = Vec::new();
    let at_start = environments(program, method, &state);
    for (block, env) in body.blocks.iter().zip(at_start) {
        let Some(mut env) = env else { continue };
        for &stmt in &block.stmts {
            if let StmtKind::Return { value: Some(value) } = &body.stmt(stmt).kind {
                answers.push(env.evaluate(program, method, value).truth()?);
            }
            transfer(program, method, stmt, &mut env);
        }
    }
    let first = *answers.first()?;
    answers
        .iter()
        .all(|&answer| answer == first)
        .then_some(first)
}

/// The members of a static object that hold nothing as long as it lives, each with its class: no constructor and no
/// method that is called on it sets them. Nothing is known of an object whose address is passed on.
pub(super) fn idle_members(
    program: &Program,
    object: StaticId,
    destructor: FnId,
) -> Vec<(TypeId, Name)> {
    let nothing = Vec::new();
    let definition = program.static_def(object);
    let unit = program.static_unit(object);
    let text = program.text_in_scope(&definition.type_text, &definition.scope);
    let Some(class) = program.class_of_text(&text, unit) else {
        return nothing;
    };
    // Only a destructor that asks something can be told that there is nothing.
    if program.function(destructor).blocks.len() <= 1 {
        return nothing;
    }
    let path = &program.sources.file(program.units[unit as usize].file).path;
    // What is internal to a header exists in every file that includes it.
    let is_header = !(path.ends_with(".cpp") || path.ends_with(".cc") || path.ends_with(".cxx"));
    if !(definition.function.is_some() || (definition.internal && !is_header)) {
        return nothing;
    }
    if definition
        .init
        .iter()
        .any(|value| !matches!(value, Value::Null | Value::Const(0)))
    {
        return nothing;
    }
    let around = definition
        .function
        .map(|index| program.function_in(unit, index));
    let mut use_of = Use {
        program,
        classes: program.class_chain(class).to_vec(),
        written: BTreeSet::new(),
        methods: Vec::new(),
        escapes: false,
    };
    for id in program.ids().filter(|&id| program.unit_number(id) == unit) {
        if around.is_some_and(|around| !is_inside(program, id, around)) {
            continue;
        }
        let is_it = |place: &Place| {
            matches!(&place.root, Root::Global(name)
                if crate::api::last_segment(name) == &*definition.name
                    && matches!(program.meaning(id, name), Meaning::Static(found) if found == object))
        };
        use_of.read(id, &is_it, definition.name.as_ref());
    }
    for &owner in &use_of.classes.clone() {
        let constructors = program.methods(owner).iter().copied();
        use_of
            .methods
            .extend(constructors.filter(|&id| program.function(id).kind == FunctionKind::Ctor));
    }
    let mut seen: FxHashSet<FnId> = FxHashSet::default();
    while let Some(method) = use_of.methods.pop() {
        if use_of.escapes || seen.len() > 64 {
            return nothing;
        }
        if seen.insert(method) {
            use_of.read_method(method);
        }
    }
    if use_of.escapes {
        return nothing;
    }
    let mut idle = Vec::new();
    for &owner in &use_of.classes {
        for field in &program.type_def(owner).fields {
            let plain = matches!(field.init, None | Some(Value::Null | Value::Const(0)));
            if plain && !use_of.written.contains(&field.name) {
                idle.push((owner, field.name.clone()));
            }
        }
    }
    idle
}

/// Whether a function is another, or a lambda inside it.
fn is_inside(program: &Program, id: FnId, around: FnId) -> bool {
    let mut current = Some(id);
    for _ in 0..16 {
        match current {
            Some(found) if found == around => return true,
            Some(found) => current = program.enclosing(found),
            None => return false,
        }
    }
    false
}

/// How one object is used.
struct Use<'u, 'a> {
    program: &'u Program<'a>,
    /// Its class and the bases.
    classes: Vec<TypeId>,
    /// Members that get something else than 0.
    written: BTreeSet<Name>,
    /// What is called on it, to be read.
    methods: Vec<FnId>,
    /// Somebody else may set its members.
    escapes: bool,
}

impl Use<'_, '_> {
    /// Reads what a function does with the object that `is_it` tells by its place.
    fn read(&mut self, id: FnId, is_it: &dyn Fn(&Place) -> bool, name: &str) {
        let body = self.program.function(id);
        let whole = |value: &Value| match value {
            Value::Place(place) => place.path.is_empty() && is_it(place),
            Value::AddressOf(place) => place.path.is_empty() && is_it(place),
            _ => false,
        };
        for (index, stmt) in body.stmts.iter().enumerate() {
            match &stmt.kind {
                StmtKind::Assign { to, value } => {
                    let zero = is_zero(value);
                    if is_it(to) {
                        match to.path.first() {
                            // `object = {1, thread}`: which member an element is for is not told.
                            Some(field) if &**field == "[]" => self.escapes |= !zero,
                            Some(field) if !zero => {
                                self.written.insert(field.clone());
                            }
                            Some(_) => {}
                            None => self.escapes |= !zero && !self.is_constructed(id, value),
                        }
                    }
                    self.escapes |= whole(value);
                    self.note_address(value, is_it);
                    if is_reference(body, to) {
                        self.note_member(value, is_it);
                    }
                }
                StmtKind::Call { callee, args } => {
                    let site = Site {
                        function: id,
                        stmt: StmtId(index as u32),
                    };
                    self.escapes |= args.iter().any(whole);
                    for (position, arg) in args.iter().enumerate() {
                        self.note_address(arg, is_it);
                        if may_set(self.program, site, position, arg)
                            || stores_into(self.program, site, position)
                        {
                            self.note_member(arg, is_it);
                        }
                    }
                    match callee {
                        Callee::Method { receiver, .. } if !whole(receiver) => {
                            self.note_member(receiver, is_it);
                        }
                        Callee::Method { .. } => self.note_call(site),
                        Callee::Indirect(value) if whole(value) => self.note_call(site),
                        Callee::Named(called)
                            if is_it(&Place::of(Root::Global(called.clone()))) =>
                        {
                            self.note_call(site);
                        }
                        _ => {}
                    }
                }
                StmtKind::Return { value: Some(value) } => self.escapes |= whole(value),
                StmtKind::Opaque { .. } => {
                    let text = &self.program.sources.file(stmt.span.file).text;
                    let range = stmt.span.start as usize..stmt.span.end as usize;
                    self.escapes |= text.get(range).is_some_and(|text| text.contains(name));
                }
                _ => {}
            }
        }
        for capture in body.captures.iter().filter(|capture| capture.by_ref) {
            self.escapes |= whole(&capture.value);
            self.note_member(&capture.value, is_it);
        }
    }

    /// Whether a value is what a constructor of the object has made, which is read, or what got nothing but zeros.
    fn is_constructed(&self, function: FnId, value: &Value) -> bool {
        let Value::Result(stmt) = *value else {
            return false;
        };
        let has_constructor = self
            .program
            .call(Site { function, stmt })
            .is_some_and(|call| !call.targets.is_empty());
        matches!(
            self.program.function(function).stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind),
            Some(StmtKind::Call { callee: Callee::Construct { .. }, args })
                if has_constructor || args.iter().all(is_zero)
        )
    }

    /// `pointer = &object.member`: a member may be written.
    fn note_address(&mut self, value: &Value, is_it: &dyn Fn(&Place) -> bool) {
        if matches!(value, Value::AddressOf(_)) {
            self.note_member(value, is_it);
        }
    }

    /// Whoever has this value may write the member that it is or points to.
    fn note_member(&mut self, value: &Value, is_it: &dyn Fn(&Place) -> bool) {
        if let Some(place) = value.place().filter(|place| is_it(place)) {
            self.written.extend(place.path.first().cloned());
        }
    }

    fn note_call(&mut self, site: Site) {
        match self.program.call(site) {
            Some(call) if !call.targets.is_empty() => self
                .methods
                .extend(call.targets.iter().map(|target| target.function)),
            _ => self.escapes = true,
        }
    }

    /// Reads a method that runs on the object.
    fn read_method(&mut self, id: FnId) {
        let program = self.program;
        let body = program.function(id);
        if matches!(body.kind, FunctionKind::Dtor) {
            return;
        }
        let member = |place: &Place| -> Option<Name> {
            match &place.root {
                Root::This => place.path.first().cloned(),
                Root::Global(name) if matches!(program.meaning(id, name), Meaning::Field) => {
                    Some(name.clone())
                }
                _ => None,
            }
        };
        let is_this = |value: &Value| {
            value
                .place()
                .is_some_and(|place| place.root == Root::This && place.path.is_empty())
        };
        for (index, stmt) in body.stmts.iter().enumerate() {
            let stmt_id = StmtId(index as u32);
            match &stmt.kind {
                StmtKind::Assign { to, value } => {
                    if let Some(field) = member(to)
                        && !matches!(value, Value::Null | Value::Const(0))
                    {
                        self.written.insert(field);
                    }
                    self.escapes |= is_this(value) || (to.root == Root::This && to.path.is_empty());
                    if let Some(place) = value.place()
                        && (matches!(value, Value::AddressOf(_)) || is_reference(body, to))
                    {
                        self.written.extend(member(&place));
                    }
                    self.note_closure(id, value);
                }
                StmtKind::Return { value: Some(value) } => {
                    if let Some(place) = lent(body, value) {
                        self.written.extend(member(&place));
                    }
                }
                StmtKind::Call { callee, args } => {
                    self.escapes |= args.iter().any(is_this);
                    for arg in args {
                        // A parameter may be a reference.
                        if let Some(place) = arg.place() {
                            self.written.extend(member(&place));
                        }
                        self.note_closure(id, arg);
                    }
                    if let Callee::Method { receiver, .. } = callee
                        && let Some(place) = receiver.place()
                    {
                        self.written.extend(member(&place));
                    }
                    let on_this = match callee {
                        Callee::Method { receiver, .. } => is_this(receiver),
                        Callee::Named(_) => true,
                        Callee::Closure(index) => {
                            self.methods.push(program.sibling(id, *index));
                            false
                        }
                        _ => false,
                    };
                    if on_this
                        && let Some(call) = program.call(Site {
                            function: id,
                            stmt: stmt_id,
                        })
                    {
                        let own = call
                            .targets
                            .iter()
                            .map(|target| target.function)
                            .filter(|&id| {
                                program.function(id).has_this
                                    && program
                                        .owner(id)
                                        .is_some_and(|owner| self.classes.contains(&owner))
                            });
                        self.methods.extend(own);
                    }
                }
                StmtKind::Opaque { .. } => self.escapes = true,
                _ => {}
            }
        }
        for capture in body.captures.iter().filter(|capture| capture.by_ref) {
            self.written
                .extend(capture.value.place().as_ref().and_then(member));
        }
    }

    fn note_closure(&mut self, id: FnId, value: &Value) {
        if let Value::Closure(index) = value {
            self.methods.push(self.program.sibling(id, *index));
        }
    }
}
