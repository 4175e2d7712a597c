//! Calls: each one resolved and classified once.
//!
//! A `Drop`, a `delete` and the end of what an owner owns are calls of destructors. Where the program defines a
//! function of a known name itself, its body counts and not the table.

use super::{FnId, Key, KeyRoot, Meaning, Program, Site, TypeId, join_name, types};
use crate::api::{Arg, Effect, EffectRow, Row, TypeRow, When};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, TypeKind, Value};
use crate::source::Lang;
use rayon::prelude::*;
use std::sync::Arc;

/// How deep wrappers of wrappers are followed.
const DEEPEST: u8 = 8;

/// A function that a call runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub function: FnId,
    /// For people: `when the object is a `Sub``, `as the member `worker` ends`.
    pub note: Option<Name>,
}

/// One effect of a call, as a row of the table says it.
#[derive(Clone, Debug)]
pub enum CallEffect {
    Row(Arc<Row>, u8),
    Type(Arc<TypeRow>, u8),
}

impl CallEffect {
    fn row(&self) -> &EffectRow {
        match self {
            CallEffect::Row(row, index) => &row.effects[*index as usize],
            CallEffect::Type(row, index) => &row.destructor[*index as usize],
        }
    }

    pub fn effect(&self) -> &Effect {
        &self.row().effect
    }

    pub fn when(&self) -> Option<&When> {
        self.row().when.as_ref()
    }
}

/// A statement that calls: what it runs in the program and what it does outside.
#[derive(Clone, Debug)]
pub struct Call {
    pub stmt: StmtId,
    pub targets: Vec<Target>,
    pub effects: Vec<CallEffect>,
    /// What it is called, for people: `WaitForSingleObject`, `join`.
    pub name: Name,
    /// Neither the program nor the table knows it.
    pub unresolved: bool,
}

/// What ends when an object ends.
#[derive(Default)]
pub struct Ending {
    pub targets: Vec<Target>,
    pub effects: Vec<(CallEffect, Option<Name>)>,
    /// What happens only if the object came from a call that starts something, with the member that holds it; none for
    /// the object itself.
    pub started: Vec<(CallEffect, Option<Name>, Option<Key>)>,
}

impl<'a> Program<'a> {
    pub(super) fn resolve_calls(&mut self) {
        let calls: Vec<Vec<Call>> = (0..self.functions.len() as u32)
            .into_par_iter()
            .map(|id| self.calls_of(FnId(id)))
            .collect();
        let mut callers: Vec<Vec<Site>> = vec![Vec::new(); calls.len()];
        for (id, calls) in calls.iter().enumerate() {
            for call in calls {
                for target in &call.targets {
                    let site = Site {
                        function: FnId(id as u32),
                        stmt: call.stmt,
                    };
                    let known = &mut callers[target.function.0 as usize];
                    if known.last() != Some(&site) {
                        known.push(site);
                    }
                }
            }
        }
        self.calls = calls;
        self.callers = callers;
    }

    fn calls_of(&self, id: FnId) -> Vec<Call> {
        let function = self.function(id);
        let mut calls = Vec::new();
        for (index, stmt) in function.stmts.iter().enumerate() {
            let stmt_id = StmtId(index as u32);
            match &stmt.kind {
                StmtKind::Call { callee, args } => {
                    calls.push(self.resolve_call(id, stmt_id, callee, args))
                }
                StmtKind::Drop { place, type_text } => {
                    let mut ending = self.ending_of_drop(id, place, type_text);
                    if !ending.started.is_empty() && is_started(function, place, &calls) {
                        let own = ending.started.drain(..).filter(|found| found.2.is_none());
                        ending
                            .effects
                            .extend(own.map(|(effect, note, _)| (effect, note)));
                    }
                    if !ending.targets.is_empty() || !ending.effects.is_empty() {
                        calls.push(Call {
                            stmt: stmt_id,
                            targets: ending.targets,
                            effects: ending
                                .effects
                                .into_iter()
                                .map(|(effect, _)| effect)
                                .collect(),
                            name: "the destructor".into(),
                            unresolved: false,
                        });
                    }
                }
                _ => {}
            }
        }
        calls
    }

    fn ending_of_drop(&self, id: FnId, place: &Place, type_text: &str) -> Ending {
        let mut ending = Ending::default();
        let typed = if types::parse(type_text).is_inferred() {
            if self.is_borrowed(id, place) {
                return ending;
            }
            self.type_of_place(id, place)
        } else {
            Some((type_text.to_string(), self.unit_number(id)))
        };
        if let Some((text, unit)) = typed {
            // A copy of a shared owner is not the last one, unless it was made here.
            if self.type_row(&text, unit).is_some_and(|row| row.shared)
                && !self.is_made_here(id, place)
            {
                return ending;
            }
            self.collect_ending(
                &text,
                unit,
                (None, None),
                &mut Vec::new(),
                &mut ending,
                DEEPEST,
            );
        }
        ending
    }

    /// Whether a local is a guard of, or a reference to, what a wrapper holds: its end does not end that.
    /// Whether a local or a result is an owner that this function has made the object for: `make_shared<T>(…)`,
    /// `shared_ptr<T>(new T)`, `Arc::new(…)`.
    fn is_made_here(&self, id: FnId, place: &Place) -> bool {
        let body = self.function(id);
        let makes = |value: &Value| {
            let Value::Result(stmt) = value else {
                return false;
            };
            match &body.stmt(*stmt).kind {
                StmtKind::Call {
                    callee: Callee::Named(name),
                    ..
                } => {
                    let base = types::split_template(name).0;
                    types::owner_of_maker(&base).is_some() || base.ends_with("::new")
                }
                StmtKind::Call {
                    callee: Callee::Construct { .. },
                    args,
                } => args.iter().any(|arg| {
                    matches!(arg, Value::Result(made) if matches!(
                        &body.stmt(*made).kind,
                        StmtKind::Call { callee: Callee::Construct { heap: true, .. }, .. }
                    ))
                }),
                _ => false,
            }
        };
        match place.root {
            Root::Result(stmt) => makes(&Value::Result(stmt)),
            _ => body.stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { to, value } if to == place && makes(value))
            }),
        }
    }

    fn is_borrowed(&self, id: FnId, place: &Place) -> bool {
        let function = self.function(id);
        // `commands.at(name)->run()`: what an accessor of a library's container gives is a reference.
        if let Root::Result(stmt) = place.root
            && self.lang(id) == Lang::Cpp
            && let Some(StmtKind::Call {
                callee: Callee::Method { name, .. },
                ..
            }) = function.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind)
            && matches!(
                &**name,
                "at" | "front"
                    | "back"
                    | "get"
                    | "value"
                    | "operator[]"
                    | "operator*"
                    | "operator->"
            )
        {
            return true;
        }
        let mut assigned = function.stmts.iter().filter_map(|stmt| match &stmt.kind {
            StmtKind::Assign { to, value } if to == place => Some(value),
            _ => None,
        });
        let (Some(mut value), None) = (assigned.next(), assigned.next()) else {
            return false;
        };
        // `mutex.lock().unwrap()`, `mutex.lock()?`.
        for _ in 0..4 {
            let Value::Result(stmt) = value else {
                return false;
            };
            let Some(StmtKind::Call {
                callee: Callee::Method { receiver, name },
                ..
            }) = function.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind)
            else {
                return false;
            };
            match &**name {
                "lock" | "try_lock" | "read" | "write" | "borrow" | "borrow_mut" | "as_ref"
                | "as_mut" | "get" | "get_mut" | "iter" | "iter_mut" | "first" | "last" => {
                    return true;
                }
                "unwrap" | "expect" | "unwrap_or_else" | "ok" | "map_err" => value = receiver,
                _ => return false,
            }
        }
        false
    }

    /// What the end of an object of this type runs and does.
    pub fn ending(&self, type_text: &str, unit: u32) -> Ending {
        let mut ending = Ending::default();
        self.collect_ending(
            type_text,
            unit,
            (None, None),
            &mut Vec::new(),
            &mut ending,
            DEEPEST,
        );
        ending
    }

    fn collect_ending(
        &self,
        text: &str,
        unit: u32,
        (note, holder): (Option<Name>, Option<&Key>),
        seen: &mut Vec<TypeId>,
        ending: &mut Ending,
        depth: u8,
    ) {
        if depth == 0 || seen.len() > 12 || self.is_pointer_like(text, unit) {
            return;
        }
        if let Some(class) = self.class_of_text(text, unit) {
            self.collect_class_ending(class, note.clone(), seen, ending, false);
            if !self.type_def(class).template_params.is_empty() {
                let name = types::parse(&self.expand_alias(text, unit));
                for owned in self.owned_parameters(class) {
                    if let Some(argument) = name.args.get(owned) {
                        let from = (note.clone(), holder);
                        self.collect_owned(argument, unit, from, seen, ending, depth);
                    }
                }
            }
            return;
        }
        let Some(row) = self.type_row(text, unit) else {
            return;
        };
        if row.leaks {
            return;
        }
        for index in 0..row.destructor.len() {
            let effect = CallEffect::Type(row.clone(), index as u8);
            if row.if_started {
                ending.started.push((effect, note.clone(), holder.cloned()));
            } else {
                ending.effects.push((effect, note.clone()));
            }
        }
        let name = types::parse(&self.expand_alias(text, unit));
        for &owned in &row.owns {
            if let Some(argument) = name.args.get(owned as usize) {
                let from = (note.clone(), holder);
                self.collect_owned(argument, unit, from, seen, ending, depth);
            }
        }
    }

    /// What ends with an owner that was made for a type.
    fn collect_owned(
        &self,
        argument: &str,
        unit: u32,
        (note, holder): (Option<Name>, Option<&Key>),
        seen: &mut Vec<TypeId>,
        ending: &mut Ending,
        depth: u8,
    ) {
        match self.class_of_text(argument, unit) {
            Some(class) if !self.is_pointer_like(argument, unit) => {
                // Owned through a pointer: the dynamic type may be a derived one.
                self.collect_class_ending(class, note, seen, ending, true);
            }
            _ => self.collect_ending(argument, unit, (note, holder), seen, ending, depth - 1),
        }
    }

    /// Which template parameters of a class its objects own: those that its destructor deletes a pointer to, as a smart
    /// pointer of the program's own does.
    fn owned_parameters(&self, class: TypeId) -> Vec<usize> {
        let params = &self.type_def(class).template_params;
        let mut owned = Vec::new();
        for id in self.own_destructors(class) {
            for stmt in &self.function(id).stmts {
                let StmtKind::Call {
                    callee: Callee::Named(name),
                    args,
                } = &stmt.kind
                else {
                    continue;
                };
                if !matches!(&**name, "delete" | "delete[]") {
                    continue;
                }
                let Some((text, _)) = args
                    .first()
                    .and_then(Value::place)
                    .and_then(|place| self.type_of_place(id, &place))
                else {
                    continue;
                };
                let pointee = text.trim_end_matches([' ', '*', '&']).to_string();
                owned.extend(params.iter().position(|param| **param == *pointee));
            }
        }
        owned.sort_unstable();
        owned.dedup();
        owned
    }

    fn collect_class_ending(
        &self,
        class: TypeId,
        note: Option<Name>,
        seen: &mut Vec<TypeId>,
        ending: &mut Ending,
        dynamic: bool,
    ) {
        if seen.contains(&class) || seen.len() > 12 {
            return;
        }
        seen.push(class);
        let def = self.type_def(class);
        for id in self.own_destructors(class) {
            if !ending.targets.iter().any(|target| target.function == id) {
                ending.targets.push(Target {
                    function: id,
                    note: note.clone(),
                });
            }
        }
        let unit = self.type_unit(class);
        for field in def.fields.iter().rev() {
            let note: Name = match &note {
                Some(note) => note.clone(),
                None => format!("as its member `{}` ends", field.name).into(),
            };
            let text = self.text_in_scope(&field.type_text, &self.class_name(class));
            let holder = Key {
                root: KeyRoot::Object(class),
                path: vec![field.name.clone()],
            };
            self.collect_ending(
                &text,
                unit,
                (Some(note), Some(&holder)),
                seen,
                ending,
                DEEPEST,
            );
        }
        for base in &def.bases {
            if let Some(base) = self.class_of_text(base, unit) {
                self.collect_class_ending(base, note.clone(), seen, ending, false);
            } else {
                self.collect_ending(base, unit, (note.clone(), None), seen, ending, DEEPEST);
            }
        }
        if dynamic && self.has_virtual_destructor(class) {
            let derived = self.all_derived(class);
            if derived.len() <= 8 {
                for sub in derived {
                    let note: Name =
                        format!("when the object is a `{}`", self.type_def(sub).name).into();
                    self.collect_class_ending(sub, Some(note), seen, ending, false);
                }
            }
        }
    }

    fn has_virtual_destructor(&self, class: TypeId) -> bool {
        self.class_chain(class).into_iter().any(|id| {
            let def = self.type_def(id);
            def.kind == crate::ir::TypeKind::Trait
                || def
                    .methods
                    .iter()
                    .any(|method| method.name.starts_with('~') && method.is_virtual)
        })
    }

    fn resolve_call(&self, id: FnId, stmt: StmtId, callee: &Callee, args: &[Value]) -> Call {
        let mut call = Call {
            stmt,
            targets: Vec::new(),
            effects: Vec::new(),
            name: "".into(),
            unresolved: false,
        };
        match callee {
            Callee::Named(name) => {
                call.name = name.clone();
                self.resolve_named(id, stmt, name, args, &mut call, 3);
            }
            Callee::Method { receiver, name } => {
                call.name = name.clone();
                self.resolve_method(id, receiver, name, args, &mut call);
            }
            Callee::Indirect(value) => {
                call.name = "a function pointer".into();
                call.targets = plain(self.functions_of(id, value));
            }
            Callee::Closure(index) => {
                call.name = "a lambda".into();
                call.targets = plain(vec![self.sibling(id, *index)]);
            }
            Callee::Construct { type_text, .. } => {
                self.resolve_construct(id, stmt, type_text, args, &mut call)
            }
            Callee::Macro(name) => {
                call.name = name.clone();
                let macros: Vec<FnId> = self
                    .resolve_function(id, name, None)
                    .into_iter()
                    .filter(|&id| self.function(id).kind == FunctionKind::Macro)
                    .collect();
                call.targets = plain(macros);
                if call.targets.is_empty() {
                    self.add_rows(id, &[format!("{name}!")], args.len(), &mut call);
                }
            }
        }
        call.unresolved = call.targets.is_empty() && call.effects.is_empty();
        call
    }

    fn resolve_named(
        &self,
        id: FnId,
        stmt: StmtId,
        name: &str,
        args: &[Value],
        call: &mut Call,
        depth: u8,
    ) {
        if name.starts_with("delete") {
            if let Some(argument) = args.first()
                && let Some((text, unit)) = self.type_of_value(id, argument)
                && let Some(class) = self.class_of_text(&text, unit)
            {
                let mut ending = Ending::default();
                self.collect_class_ending(class, None, &mut Vec::new(), &mut ending, true);
                call.targets = ending.targets;
                call.effects
                    .extend(ending.effects.into_iter().map(|(effect, _)| effect));
            }
            self.add_rows(id, &["delete".to_string()], args.len(), call);
            return;
        }
        let targets = self.resolve_function(id, name, Some(args.len()));
        if !targets.is_empty() {
            let lang = self.lang(id);
            let foreign_homonym = lang == Lang::Rust
                && targets
                    .iter()
                    .any(|&target| self.function(target).has_this && !name.contains("::"));
            if !foreign_homonym {
                call.targets = self.with_overrides(id, name, args.len(), targets);
                return;
            }
        }
        let (base, template) = types::split_template(name);
        let unit = self.unit_number(id);
        // `make_unique<Worker>(…)` runs a constructor of Worker.
        if let [made] = &template[..]
            && types::owner_of_maker(&base).is_some()
        {
            self.resolve_construct(id, stmt, made, args, call);
            call.name = base.as_str().into();
            return;
        }
        let mut spellings = self.spellings(&base, unit);
        // A method of a library class that the own class derives from: `wait()` in a class derived from QThread.
        if !name.contains("::")
            && let Some(owner) = self.owner(id)
        {
            for class in self.class_chain(owner) {
                let def = self.type_def(class);
                spellings.extend(
                    def.bases
                        .iter()
                        .map(|text| format!("{}::{base}", types::parse(text).base)),
                );
            }
        }
        self.add_rows(id, &spellings, args.len(), call);
        if !call.effects.is_empty() {
            return;
        }
        // `T(args)` is a construction where `T` is a type.
        if self.class_of_text(&base, unit).is_some() {
            self.resolve_construct(id, stmt, name, args, call);
            return;
        }
        if depth == 0 {
            return;
        }
        match self.meaning(id, &base) {
            // `#define dlclose FreeLibrary`.
            Meaning::Constant(
                Value::Place(Place {
                    root: Root::Global(other),
                    path,
                }),
                _,
            ) if path.is_empty() && **other != *base => {
                let other = other.clone();
                self.resolve_named(id, stmt, &other, args, call, depth - 1);
            }
            Meaning::Static(_) | Meaning::Field => {
                let functions = self.functions_of(
                    id,
                    &Value::Place(Place::of(Root::Global(base.as_str().into()))),
                );
                call.targets = plain(functions);
            }
            _ => {}
        }
    }

    /// A virtual method called without a receiver runs the overrides too.
    fn with_overrides(
        &self,
        id: FnId,
        name: &str,
        arguments: usize,
        targets: Vec<FnId>,
    ) -> Vec<Target> {
        if !name.contains("::")
            && let (Some(class), Some(&first)) = (self.owner(id), targets.first())
            && self.owner(first).is_some()
            && self.function(first).has_this
            && self.is_virtual(class, name)
        {
            return self.with_notes(class, self.find_methods(class, name, Some(arguments)));
        }
        plain(targets)
    }

    fn with_notes(&self, class: TypeId, functions: Vec<FnId>) -> Vec<Target> {
        let several = functions.len() > 1;
        functions
            .into_iter()
            .map(|function| {
                let owner = self
                    .owner(function)
                    .filter(|&owner| several && owner != class);
                let note = owner.map(|owner| {
                    format!("when the object is a `{}`", self.type_def(owner).name).into()
                });
                Target { function, note }
            })
            .collect()
    }

    fn resolve_method(
        &self,
        id: FnId,
        receiver: &Value,
        name: &str,
        args: &[Value],
        call: &mut Call,
    ) {
        let lang = self.lang(id);
        let (base, _) = types::split_template(name);
        let Some((text, unit)) = self
            .type_of_value(id, receiver)
            .filter(|(text, _)| !types::parse(text).base.is_empty())
        else {
            let methods = self.unique_method(&base, args.len());
            if !methods.is_empty() {
                call.targets = plain(methods);
                return;
            }
            self.add_rows(id, &[format!(".{base}")], args.len(), call);
            return;
        };
        let led = self.led_types(&text, unit);
        for (text, unit) in &led {
            if let Some(class) = self.class_of_text(text, *unit) {
                if base.starts_with('~') {
                    let mut ending = Ending::default();
                    self.collect_class_ending(class, None, &mut Vec::new(), &mut ending, true);
                    call.targets = ending.targets;
                    return;
                }
                let methods = self.find_methods(class, &base, Some(args.len()));
                if !methods.is_empty() {
                    call.targets = self.with_notes(class, methods);
                    return;
                }
                // A function pointer in a field.
                let bases: Vec<String> = self
                    .class_chain(class)
                    .into_iter()
                    .flat_map(|class| {
                        self.type_def(class)
                            .bases
                            .iter()
                            .map(|text| format!("{}::{base}", types::parse(text).base))
                            .collect::<Vec<_>>()
                    })
                    .collect();
                self.add_rows(id, &bases, args.len(), call);
                if !call.effects.is_empty() {
                    return;
                }
            }
            let Some(expanded) = self.known_name(text, *unit) else {
                continue;
            };
            let type_name = types::parse(&expanded);
            let spellings: Vec<String> = self
                .spellings(&type_name.base, *unit)
                .iter()
                .map(|spelling| format!("{spelling}::{base}"))
                .collect();
            self.add_rows(id, &spellings, args.len(), call);
            if !call.effects.is_empty() {
                return;
            }
            // `owner.reset()`, `workers.clear()`: what is owned ends.
            if let Some(row) = self.type_row(text, *unit)
                && row.ends.contains(&base)
            {
                let mut ending = Ending::default();
                self.collect_ending(
                    text,
                    *unit,
                    (None, None),
                    &mut Vec::new(),
                    &mut ending,
                    DEEPEST,
                );
                call.targets = ending.targets;
                call.effects
                    .extend(ending.effects.into_iter().map(|(effect, _)| effect));
                return;
            }
        }
        // Rust: methods of traits on types that are not the program's, and adapters of Option, Result, iterators.
        if lang == Lang::Rust || led.len() == 1 {
            if lang == Lang::Rust {
                let methods = self.unique_method(&base, args.len());
                let known_type = led.iter().any(|(text, unit)| {
                    self.class_of_text(text, *unit).is_some()
                        || self.type_row(text, *unit).is_some()
                });
                if !methods.is_empty() && !known_type {
                    call.targets = plain(methods);
                    return;
                }
                self.add_rows(id, &[format!(".{base}")], args.len(), call);
            } else if types::parse(&text).last().len() <= 2 {
                // A template parameter: nothing is known of it.
                self.add_rows(id, &[format!(".{base}")], args.len(), call);
            }
        }
    }

    /// What a type that is no class of the program is called by the table. A name that is a class in one `#if` arm and
    /// an alias in the other, such as a thread type of pthreads or the standard's, goes by the alias.
    fn known_name(&self, text: &str, unit: u32) -> Option<String> {
        if self.class_of_text(text, unit).is_none() {
            return Some(self.expand_alias(text, unit));
        }
        let alias = self.find_type(&types::parse(text).base, unit, |kind| {
            kind == TypeKind::Alias
        })?;
        self.type_def(alias).alias.as_deref().map(str::to_string)
    }

    fn resolve_construct(
        &self,
        id: FnId,
        stmt: StmtId,
        type_text: &str,
        args: &[Value],
        call: &mut Call,
    ) {
        let unit = self.unit_number(id);
        let (text, unit) = if type_text.is_empty() {
            // A member initializer whose class is not visible in the file.
            let target = self
                .function(id)
                .stmts
                .iter()
                .skip(stmt.0 as usize + 1)
                .find_map(|stmt_after| match &stmt_after.kind {
                    StmtKind::Assign {
                        to,
                        value: Value::Result(result),
                    } if *result == stmt => Some(to.clone()),
                    _ => None,
                });
            match target.and_then(|place| self.type_of_place(id, &place)) {
                Some(found) => found,
                None => return,
            }
        } else {
            (type_text.to_string(), unit)
        };
        call.name = types::parse(&text).base.into();
        if let Some(class) = self.class_of_text(&text, unit) {
            let name = self.type_def(class).name.clone();
            let constructors: Vec<FnId> = self
                .methods(class)
                .iter()
                .copied()
                .filter(|&id| {
                    self.function(id).kind == FunctionKind::Ctor && self.function(id).name == name
                })
                .filter(|&id| {
                    self.function(id).params.len() >= args.len() || self.function(id).variadic
                })
                .collect();
            let exact: Vec<FnId> = constructors
                .iter()
                .copied()
                .filter(|&id| self.function(id).params.len() == args.len())
                .collect();
            call.targets = plain(if exact.is_empty() {
                constructors
            } else {
                exact
            });
            return;
        }
        let expanded = self.expand_alias(&text, unit);
        let spellings = self.spellings(&types::parse(&expanded).base, unit);
        self.add_rows(id, &spellings, args.len(), call);
    }

    /// The owner of one object whose object a call ends for certain: `owner.reset()`, with nothing new.
    pub fn ended_owner(&self, site: Site) -> Option<&Value> {
        let StmtKind::Call {
            callee: Callee::Method { receiver, name },
            args,
        } = &self.function(site.function).stmt(site.stmt).kind
        else {
            return None;
        };
        if !self.api.may_end(name) || !args.iter().all(|arg| *arg == Value::Null) {
            return None;
        }
        let (text, unit) = self.type_of_value(site.function, receiver)?;
        let row = self.type_row(&text, unit)?;
        let ends = !row.shared
            && row.ends.iter().any(|ends| **ends == **name)
            && row.leads_to.is_some()
            && row.owns.len() == 1;
        ends.then_some(receiver)
    }

    /// Whether a statement ends an object of a class, or of one derived from it, as a whole: a drop or a `delete`.
    pub fn ends_object(&self, site: Site, class: TypeId) -> bool {
        let typed = match &self.function(site.function).stmt(site.stmt).kind {
            StmtKind::Drop { place, type_text } => if types::parse(type_text).is_inferred() {
                self.type_of_place(site.function, place)
            } else {
                Some((type_text.to_string(), self.unit_number(site.function)))
            }
            .filter(|(text, unit)| !self.is_pointer_like(text, *unit)),
            StmtKind::Call {
                callee: Callee::Named(name),
                args,
            } if name.starts_with("delete") => args
                .first()
                .and_then(|pointer| self.type_of_value(site.function, pointer)),
            StmtKind::Call { .. } => self
                .ended_owner(site)
                .and_then(|owner| self.type_of_value(site.function, owner)),
            _ => None,
        };
        typed
            .and_then(|(text, unit)| self.led_class(&text, unit))
            .is_some_and(|ended| self.class_chain(ended).contains(&class))
    }

    /// Adds the effects of the first spelling that the table knows.
    fn add_rows(&self, id: FnId, spellings: &[String], arguments: usize, call: &mut Call) {
        let lang = self.lang(id);
        for spelling in spellings {
            let mut found = false;
            for row in self.api.rows(spelling, arguments, lang) {
                found = true;
                call.effects.extend(
                    (0..row.effects.len()).map(|index| CallEffect::Row(row.clone(), index as u8)),
                );
            }
            if found {
                return;
            }
        }
    }

    /// The qualified name of a class.
    pub fn class_name(&self, class: TypeId) -> Name {
        let def = self.type_def(class);
        join_name(&def.scope, &def.name)
    }
}

/// Whether a local or temporary came from a call that starts something, and nothing has waited for it since.
fn is_started(function: &crate::ir::Function, place: &Place, calls: &[Call]) -> bool {
    let from = match place.root {
        Root::Result(stmt) if place.path.is_empty() => Some(stmt),
        _ => function.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign {
                to,
                value: Value::Result(stmt),
            } if to == place => Some(*stmt),
            _ => None,
        }),
    };
    let starts = |call: &Call| {
        call.effects.iter().any(|effect| {
            matches!(
                effect.effect(),
                Effect::Spawn {
                    handle: Some(Arg::Result),
                    ..
                }
            )
        })
    };
    let waits = |call: &Call| {
        let receives = matches!(
            &function.stmt(call.stmt).kind,
            StmtKind::Call { callee: Callee::Method { receiver, .. }, .. } if receiver.place().as_ref() == Some(place)
        );
        receives
            && call
                .effects
                .iter()
                .any(|effect| matches!(effect.effect(), Effect::Wait { .. }))
    };
    from.is_some_and(|from| {
        calls.iter().any(|call| call.stmt == from && starts(call)) && !calls.iter().any(waits)
    })
}

fn plain(functions: Vec<FnId>) -> Vec<Target> {
    functions
        .into_iter()
        .map(|function| Target {
            function,
            note: None,
        })
        .collect()
}
