//! What is known of statics when an entry begins.
//!
//! In come a program and its entries, out go facts about statics and members: the owner whose object is being destroyed
//! is not empty, a member that nothing ever sets is still 0, and at process attach a static that nothing on the way sets
//! still has its first value. Only what is certain is told: what escapes, or is written through a pointer, is unknown.

use super::idle::idle_members;
use super::lent::{is_reference, lent, may_set};
use super::{Abstract, Walk};
use crate::api::{Arg, Effect};
use crate::entry::{Contexts, Entry, EntryKind, Runs};
use crate::ir::{Callee, Cond, Function, FunctionKind, Name, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Call, CallEffect, FnId, Key, KeyRoot, Meaning, Program, Site, StaticId};
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
    let mut params: BTreeSet<(FnId, u32)> = BTreeSet::new();
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
        params.extend(look.params.into_iter().map(|index| (id, index)));
    }
    for (callee, index) in params {
        let callers = program.callers(callee).iter();
        for &site in callers.filter(|site| reached.contains(&site.function)) {
            if let Some(value) = program.argument(site, Arg::Index(index as u8)) {
                let mut look = Tested::of(program, site.function);
                look.at(value, 1);
                asked.append(&mut look.found);
            }
        }
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

/// The statics that the conditions of a function test, and the parameters.
struct Tested<'t, 'a> {
    program: &'t Program<'a>,
    id: FnId,
    found: BTreeSet<StaticId>,
    params: BTreeSet<u32>,
    /// How deep was looked behind a local already.
    seen: FxHashMap<u32, u8>,
}

impl<'t, 'a> Tested<'t, 'a> {
    fn of(program: &'t Program<'a>, id: FnId) -> Tested<'t, 'a> {
        Tested {
            program,
            id,
            found: BTreeSet::new(),
            params: BTreeSet::new(),
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
                root: Root::Param(index),
                path,
            }) if path.is_empty() => {
                self.params.insert(*index);
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
        || program.expand_alias(&object.type_text, unit).contains('[')
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
                    Value::Place(place) if is_reference(body, to) => passed.extend(named(place)),
                    _ => {}
                },
                StmtKind::Return { value: Some(value) } => {
                    passed.extend(lent(body, value).as_ref().and_then(named));
                }
                StmtKind::Call { callee, args } => {
                    let site = Site {
                        function: id,
                        stmt: StmtId(index as u32),
                    };
                    let call = program.call(site);
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
                        if may_set(program, site, position, arg) {
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
        let by_reference = body.captures.iter().filter(|capture| capture.by_ref);
        passed.extend(by_reference.filter_map(|capture| named(&capture.value.place()?)));
    }
    passed
}
