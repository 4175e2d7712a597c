//! What is known of statics when an entry begins.
//!
//! In come a program and its entries, out go facts about statics and members: the owner whose object is being destroyed
//! is not empty, a member that nothing ever sets is still 0, and at process attach a static that nothing on the way sets
//! still has its first value. Only what is certain is told: what escapes, or is written through a pointer, is unknown.

use super::{Abstract, Hit, Walk};
use crate::api::Effect;
use crate::entry::{Contexts, Entry, EntryKind, Runs};
use crate::flow::Flow;
use crate::ir::{
    Callee, Cond, Function, FunctionKind, Guard, Name, Op, Place, Root, StmtId, StmtKind, Value,
};
use crate::program::{
    Call, CallEffect, FnId, Key, KeyRoot, Meaning, Program, Site, StaticId, TypeId,
};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};

/// What an entry finds: facts that hold in all of it.
pub fn of_entry(program: &Program, entry: &Entry) -> BTreeMap<Key, Abstract> {
    let mut facts = BTreeMap::new();
    let (EntryKind::StaticDestructor, Some(object), Runs::Function(destructor)) =
        (entry.kind, entry.object, &entry.runs)
    else {
        return facts;
    };
    let definition = program.static_def(object);
    let unit = program.static_unit(object);
    let text = program.text_in_scope(&definition.type_text, &definition.scope);
    if program.is_pointer_like(&text, unit) {
        return facts;
    }
    // A smart pointer still points to its object while that is destroyed.
    if program.class_of_text(&text, unit).is_none()
        && program
            .type_row(&text, unit)
            .is_some_and(|row| row.leads_to.is_some() && row.owns.len() == 1)
    {
        facts.insert(Key::of(KeyRoot::Static(object)), Abstract::NotZero);
        let name = Key::of(KeyRoot::Name(definition.name.clone()));
        facts.insert(name, Abstract::NotZero);
    }
    for (owner, field) in idle_members(program, object, *destructor) {
        let plain = program.type_def(owner).fields.iter().any(|member| {
            member.name == field
                && (program.is_pointer_like(&member.type_text, program.type_unit(owner))
                    || program
                        .class_of_text(&member.type_text, program.type_unit(owner))
                        .is_none())
        });
        if plain {
            let key = Key {
                root: KeyRoot::Object(owner),
                path: vec![field],
            };
            facts.insert(key, Abstract::Null);
        }
    }
    facts
}

/// What an entry never does, whatever the facts: a destructor's wait behind a test whether one of the object's own
/// members holds something ("is the handle valid"), when nobody ever touches that member.
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
        let asked = match left {
            Value::Result(stmt) => matches!(
                body.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind),
                Some(StmtKind::Call { callee: Callee::Method { receiver, .. }, args })
                    if args.is_empty() && is_idle(receiver)
            ),
            other => is_idle(other),
        };
        asked && (*op == Op::Ne) == guard.holds
    };
    walk.hits.retain(|hit| {
        !(waits(hit)
            && hit
                .site
                .is_some_and(|site| flow.is_guarded_by(site.function, site.stmt, asks)))
    });
}

/// The members of a static object that hold nothing as long as it lives, each with its class: no constructor and no
/// method that is called on it sets them. Nothing is known of an object whose address is passed on.
fn idle_members(program: &Program, object: StaticId, destructor: FnId) -> Vec<(TypeId, Name)> {
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
                    let zero = matches!(value, Value::Null | Value::Const(0));
                    if is_it(to) {
                        match to.path.first() {
                            Some(field) if !zero => {
                                self.written.insert(field.clone());
                            }
                            Some(_) => {}
                            None => {
                                let made = matches!(value, Value::Result(made) if matches!(
                                    body.stmts.get(made.0 as usize).map(|stmt| &stmt.kind),
                                    Some(StmtKind::Call { callee: Callee::Construct { .. }, .. })
                                ));
                                self.escapes |= !zero && !made;
                            }
                        }
                    }
                    self.escapes |= whole(value);
                    self.note_address(value, is_it);
                }
                StmtKind::Call { callee, args } => {
                    self.escapes |= args.iter().any(whole);
                    for arg in args {
                        self.note_address(arg, is_it);
                    }
                    if let Callee::Method { receiver, .. } = callee {
                        if whole(receiver) {
                            self.note_call(id, StmtId(index as u32));
                        } else if let Some(place) = receiver.place().filter(|place| is_it(place)) {
                            self.written.extend(place.path.first().cloned());
                        }
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
    }

    /// `GetExitCodeThread(h, &object.member)`: a member may be written.
    fn note_address(&mut self, value: &Value, is_it: &dyn Fn(&Place) -> bool) {
        if let Value::AddressOf(place) = value
            && is_it(place)
            && let Some(field) = place.path.first()
        {
            self.written.insert(field.clone());
        }
    }

    fn note_call(&mut self, function: FnId, stmt: StmtId) {
        match self.program.call(Site { function, stmt }) {
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
                    if let Value::AddressOf(place) = value {
                        self.written.extend(member(place));
                    }
                    self.note_closure(id, value);
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
    }

    fn note_closure(&mut self, id: FnId, value: &Value) {
        if let Value::Closure(index) = value {
            self.methods.push(self.program.sibling(id, *index));
        }
    }
}

/// How many statics are looked at.
const MOST_INITIAL: usize = 2048;

/// What statics are as long as process attach runs: those that a condition tests in what `walks` reach at attach, that
/// begin with a constant, and that nobody gets a pointer to. What walks set has to be taken out again, with `forget_set`:
/// what other entries' walks set, and what these do once they were made under this assumption.
pub fn first_values(program: &Program, walks: &[&Walk]) -> BTreeMap<Key, Abstract> {
    let mut reached: FxHashSet<FnId> = FxHashSet::default();
    for node in walks.iter().flat_map(|walk| &walk.nodes) {
        if node.state.contexts.has(Contexts::PROCESS_ATTACH) {
            reached.insert(node.function);
        }
    }
    let mut asked: BTreeSet<StaticId> = BTreeSet::new();
    for &id in &reached {
        if program.lang(id) == Lang::Rust {
            continue;
        }
        let mut look = Tested::of(program, id);
        for edge in program
            .function(id)
            .blocks
            .iter()
            .flat_map(|block| &block.next)
        {
            for guard in &edge.when {
                if let Cond::Compare { left, right, .. } = &guard.cond {
                    look.at(left, 3);
                    look.at(right, 3);
                }
            }
        }
        asked.append(&mut look.found);
    }
    let mut values: BTreeMap<StaticId, Abstract> = asked
        .into_iter()
        .filter_map(|id| Some((id, first_value(program, id)?)))
        .take(MOST_INITIAL)
        .collect();
    if values.is_empty() {
        return BTreeMap::new();
    }
    for name in passed_on(program, &values, &reached) {
        values.retain(|&id, _| program.static_def(id).name != name);
    }
    values
        .into_iter()
        .flat_map(|(id, value)| {
            let name = program.static_def(id).name.clone();
            [
                (Key::of(KeyRoot::Static(id)), value.clone()),
                (Key::of(KeyRoot::Name(name)), value),
            ]
        })
        .collect()
}

/// Takes out the statics that walks set at attach after all. Whether there were any.
pub fn forget_set(
    program: &Program,
    values: &mut BTreeMap<Key, Abstract>,
    walks: &[&Walk],
) -> bool {
    let is_set = |key: &Key| {
        program.assignments(key).iter().any(|&(function, stmt, _)| {
            let site = Site { function, stmt };
            // What constructs it gives it its first value.
            program.function(function).kind != FunctionKind::Initializer
                && walks.iter().any(|walk| walk.sets.contains(&site))
        })
    };
    // A static goes by its own key and by the name under which other files declare it.
    let name = |key: &Key| match &key.root {
        KeyRoot::Static(id) => Some(program.static_def(*id).name.clone()),
        KeyRoot::Name(name) => Some(name.clone()),
        _ => None,
    };
    let set: BTreeSet<Name> = values
        .keys()
        .filter(|key| is_set(key))
        .filter_map(name)
        .collect();
    values.retain(|key, _| name(key).is_none_or(|name| !set.contains(&name)));
    !set.is_empty()
}

/// The statics that the conditions of a function test.
struct Tested<'t, 'a> {
    program: &'t Program<'a>,
    id: FnId,
    found: BTreeSet<StaticId>,
    /// How deep was looked behind a local already.
    seen: FxHashMap<u32, u8>,
}

impl<'t, 'a> Tested<'t, 'a> {
    fn of(program: &'t Program<'a>, id: FnId) -> Tested<'t, 'a> {
        Tested {
            program,
            id,
            found: BTreeSet::new(),
            seen: FxHashMap::default(),
        }
    }

    /// Looks at a value, and so many steps at what it was made of.
    fn at(&mut self, value: &'t Value, depth: u8) {
        match value {
            Value::Place(Place {
                root: Root::Global(name),
                path,
            }) if path.is_empty() => {
                if let Meaning::Static(object) = self.program.meaning(self.id, name) {
                    self.found.insert(object);
                }
            }
            Value::Place(Place {
                root: Root::Local(local),
                path,
            }) if path.is_empty() && depth > 0 => {
                let deepest = self.seen.entry(*local).or_default();
                if *deepest >= depth {
                    return;
                }
                *deepest = depth;
                let program = self.program;
                for value in program.assigned(self.id, *local) {
                    self.at(value, depth - 1);
                }
            }
            Value::Result(stmt) if depth > 0 => {
                let body = self.program.function(self.id);
                let stmt = body.stmts.get(stmt.0 as usize);
                if let Some(StmtKind::Call { callee, args }) = stmt.map(|stmt| &stmt.kind) {
                    if let Callee::Method { receiver, .. } = callee {
                        self.at(receiver, depth - 1);
                    }
                    for arg in args {
                        self.at(arg, depth - 1);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The constant that a static begins with.
fn first_value(program: &Program, id: StaticId) -> Option<Abstract> {
    let object = program.static_def(id);
    let unit = program.static_unit(id);
    if object.is_extern
        || object.thread_local
        || object.function.is_some()
        || object.init.len() > 1
        || object.type_text.contains('[')
        || program.class_of_text(&object.type_text, unit).is_some()
            && !program.is_pointer_like(&object.type_text, unit)
    {
        return None;
    }
    let is_atomic = is_atomic(program, &object.type_text, unit);
    let written = match object.initializer {
        None => object.init.first(),
        Some(initializer) if is_atomic => {
            constructed_with(program.function(program.function_in(unit, initializer)))?
        }
        Some(_) => return None,
    };
    match written {
        Some(value) => {
            let around = program.ids().find(|&id| program.unit_number(id) == unit)?;
            program.constant(around, value).map(Abstract::from)
        }
        // Before anything else runs, what is static is all zero.
        None => (is_atomic || program.type_row(&object.type_text, unit).is_none())
            .then_some(Abstract::Null),
    }
}

/// Whether a method of an atomic may change it in a way that no assignment tells: `fetch_add`, and what is not known.
fn changes_otherwise(call: &Call) -> bool {
    let counts = |effect: &CallEffect| matches!(effect.effect(), Effect::RefCount { .. });
    call.unresolved || call.effects.iter().any(counts)
}

fn is_atomic(program: &Program, type_text: &str, unit: u32) -> bool {
    let row = program.type_row(type_text, unit);
    row.is_some_and(|row| row.atomic) && !program.is_pointer_like(type_text, unit)
}

/// What an initializer that does nothing else constructs its object with: `std::atomic<bool> running{false};`. `None` where
/// it does more, or takes more than one value.
fn constructed_with(initializer: &Function) -> Option<Option<&Value>> {
    let mut found = None;
    for stmt in &initializer.stmts {
        match &stmt.kind {
            StmtKind::Call {
                callee: Callee::Construct { .. },
                args,
            } if found.is_none() && args.len() <= 1 => found = Some(args.first()),
            StmtKind::Assign {
                value: Value::Result(_),
                ..
            } => {}
            _ => return None,
        }
    }
    found
}

/// The names of those statics that are handed to something that may set them: by address, by reference, to a macro, or
/// in text that was not understood; and of those atomics that a function that is reached counts with.
fn passed_on(
    program: &Program,
    values: &BTreeMap<StaticId, Abstract>,
    reached: &FxHashSet<FnId>,
) -> BTreeSet<Name> {
    let names: BTreeSet<Name> = values
        .keys()
        .map(|&id| program.static_def(id).name.clone())
        .collect();
    let atomics: BTreeSet<Name> = values
        .keys()
        .filter(|&&id| {
            let object = program.static_def(id);
            is_atomic(program, &object.type_text, program.static_unit(id))
        })
        .map(|&id| program.static_def(id).name.clone())
        .collect();
    let named = |place: &Place| match &place.root {
        Root::Global(name) => names.get(crate::api::last_segment(name)).cloned(),
        _ => None,
    };
    let mut passed = BTreeSet::new();
    for id in program.ids() {
        let body = program.function(id);
        for (index, stmt) in body.stmts.iter().enumerate() {
            match &stmt.kind {
                StmtKind::Assign { to, value } => match value {
                    Value::AddressOf(place) => passed.extend(named(place)),
                    Value::Place(place) => {
                        let by_reference = matches!(to.root, Root::Local(index)
                            if body.locals.get(index as usize).is_some_and(|local| local.type_text.contains('&')));
                        if by_reference {
                            passed.extend(named(place));
                        }
                    }
                    _ => {}
                },
                StmtKind::Return { value: Some(value) } => {
                    if let Some(place) = value.place()
                        && (matches!(value, Value::AddressOf(_)) || body.return_type.contains('&'))
                    {
                        passed.extend(named(&place));
                    }
                }
                StmtKind::Call { callee, args } => {
                    let call = program.call(Site {
                        function: id,
                        stmt: StmtId(index as u32),
                    });
                    if let Callee::Method { receiver, .. } = callee
                        && let Some(name) = receiver.place().and_then(|place| named(&place))
                        && atomics.contains(&name)
                        && reached.contains(&id)
                        && call.is_none_or(changes_otherwise)
                    {
                        passed.insert(name);
                    }
                    for (position, arg) in args.iter().enumerate() {
                        let Some(name) = arg.place().and_then(|place| named(&place)) else {
                            continue;
                        };
                        let is_address = matches!(arg, Value::AddressOf(_));
                        let sets = match call {
                            // What an atomic store puts in is among the assignments.
                            Some(call) if !call.effects.is_empty() => {
                                is_address
                                    && !call.effects.iter().all(|effect| {
                                        matches!(
                                            effect.effect(),
                                            Effect::Passes { .. } | Effect::Stores { .. }
                                        )
                                    })
                            }
                            Some(call) if !call.targets.is_empty() => {
                                is_address
                                    || call.targets.iter().any(|target| {
                                        let callee = program.function(target.function);
                                        callee.kind == FunctionKind::Macro
                                            || callee.params.get(position).is_none_or(|param| {
                                                param.type_text.contains('&')
                                                    && !param.type_text.contains("const")
                                            })
                                    })
                            }
                            // C++ libraries take references where C takes addresses.
                            _ => {
                                is_address
                                    || !matches!(callee, Callee::Named(name) if !name.contains("::"))
                            }
                        };
                        if sets {
                            passed.insert(name);
                        }
                    }
                }
                StmtKind::Opaque { .. } => {
                    let text = &program.sources.file(stmt.span.file).text;
                    let range = stmt.span.start as usize..stmt.span.end as usize;
                    if let Some(text) = text.get(range) {
                        passed.extend(names.iter().filter(|name| text.contains(&***name)).cloned());
                    }
                }
                _ => {}
            }
        }
    }
    passed
}
