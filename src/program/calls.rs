//! Calls: each one resolved and classified once.
//!
//! A `Drop`, a `delete` and the end of what an owner owns are calls of destructors. Where the program defines a
//! function of a known name itself, its body counts and not the table.

use super::endings::is_started;
use super::{Ending, FnId, Meaning, Program, Site, TypeId, join_name, types};
use crate::api::{Effect, EffectRow, Row, TypeRow, When};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, TypeKind, Value};
use crate::source::Lang;
use rayon::prelude::*;
use std::sync::Arc;

/// How deep wrappers of wrappers are followed.
pub(super) const DEEPEST: u8 = 8;

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
    /// Of a construction: what the constructor runs that it does not name. None of it gets the call's arguments.
    pub implied: Arc<[Target]>,
    pub effects: Vec<CallEffect>,
    /// What it is called, for people: `WaitForSingleObject`, `join`.
    pub name: Name,
    /// Neither the program nor the table knows it.
    pub unresolved: bool,
    /// Each function of the program that it may run ends the thread or the process.
    pub ends: bool,
}

impl Call {
    /// All that it runs in the program.
    pub fn runs(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().chain(self.implied.iter())
    }

    /// Whether it ends the thread or the process, itself or in what it calls, so that nothing of the function comes
    /// behind it.
    pub fn never_returns(&self) -> bool {
        self.ends
            || self.effects.iter().any(|effect| {
                matches!(
                    effect.effect(),
                    Effect::NoReturn
                        | Effect::ExitThread
                        | Effect::ExitProcess
                        | Effect::ModuleUnref {
                            exits_thread: true,
                            ..
                        }
                )
            })
    }
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
                for target in call.runs() {
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
        self.find_ends();
    }

    /// Finds the calls of the program's own functions that never come back.
    fn find_ends(&mut self) {
        let mut pending: Vec<FnId> = self
            .ids()
            .filter(|&id| self.calls(id).iter().any(Call::never_returns))
            .collect();
        let mut ending = vec![false; self.functions.len()];
        while let Some(id) = pending.pop() {
            if ending[id.0 as usize] || self.comes_back(id) {
                continue;
            }
            ending[id.0 as usize] = true;
            for site in self.callers(id).to_vec() {
                // A pointer that holds one such function can be given another one: only a call of the function itself counts.
                let ends = |call: &Call| {
                    !call.targets.is_empty()
                        && call.targets.iter().all(|target| {
                            ending[target.function.0 as usize]
                                && target.note.is_none()
                                && *self.function(target.function).name
                                    == *crate::api::last_segment(&call.name)
                        })
                };
                let calls = self.calls(site.function);
                let at = calls
                    .iter()
                    .position(|call| call.stmt == site.stmt && !call.ends && ends(call));
                if let Some(at) = at {
                    self.calls[site.function.0 as usize][at].ends = true;
                    pending.push(site.function);
                }
            }
        }
    }

    /// Whether a way leads from the start of a function to its end, be it by an exception (`[[noreturn]]` allows that).
    /// A loop that nothing leaves does not count as an end of all: what an `async` function gives comes back at once.
    fn comes_back(&self, id: FnId) -> bool {
        let function = self.function(id);
        // A coroutine comes back where it first waits.
        let is_open = |stmt: &crate::ir::Stmt| match &stmt.kind {
            StmtKind::Opaque { .. } => true,
            StmtKind::Call {
                callee: Callee::Named(name),
                ..
            } => matches!(&**name, "co_await" | "co_yield" | "await"),
            _ => false,
        };
        if function.blocks.is_empty() || function.is_virtual || function.stmts.iter().any(is_open) {
            return true;
        }
        let ends = |stmt: StmtId| {
            let site = Site { function: id, stmt };
            self.call(site).is_some_and(Call::never_returns)
        };
        let mut seen = vec![false; function.blocks.len()];
        let mut pending = vec![0];
        let mut is_ended = false;
        while let Some(block) = pending.pop() {
            if std::mem::replace(&mut seen[block], true) {
                continue;
            }
            let block = &function.blocks[block];
            if block.stmts.iter().any(|&stmt| ends(stmt)) {
                is_ended = true;
            } else if block.next.is_empty() {
                return true;
            } else {
                pending.extend(block.next.iter().map(|edge| edge.to.0 as usize));
            }
        }
        !is_ended
    }

    /// All effects of all calls, in the order of the functions and their statements.
    pub fn effects(&self) -> impl Iterator<Item = (Site, &CallEffect)> {
        self.ids().flat_map(move |function| {
            self.calls(function).iter().flat_map(move |call| {
                let stmt = call.stmt;
                call.effects
                    .iter()
                    .map(move |effect| (Site { function, stmt }, effect))
            })
        })
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
                            implied: Arc::default(),
                            effects: ending
                                .effects
                                .into_iter()
                                .map(|(effect, _)| effect)
                                .collect(),
                            name: "the destructor".into(),
                            unresolved: false,
                            ends: false,
                        });
                    }
                }
                StmtKind::Assign { to, .. } if self.empties(id, stmt_id) => {
                    if let Some((text, unit)) = self.type_of_place(id, to) {
                        let ending = self.ending(&text, unit);
                        calls.push(Call {
                            stmt: stmt_id,
                            targets: ending.targets,
                            implied: Arc::default(),
                            effects: ending
                                .effects
                                .into_iter()
                                .map(|(effect, _)| effect)
                                .collect(),
                            name: "the destructor".into(),
                            unresolved: false,
                            ends: false,
                        });
                    }
                }
                _ => {}
            }
        }
        self.without_settled(id, &mut calls);
        calls
    }

    fn resolve_call(&self, id: FnId, stmt: StmtId, callee: &Callee, args: &[Value]) -> Call {
        let mut call = Call {
            stmt,
            targets: Vec::new(),
            implied: Arc::default(),
            effects: Vec::new(),
            name: "".into(),
            unresolved: false,
            ends: false,
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
                if let (true, Value::Place(place)) = (call.targets.is_empty(), value) {
                    call.targets = self.called_through_place(id, place, args.len());
                }
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
        call.unresolved =
            call.targets.is_empty() && call.implied.is_empty() && call.effects.is_empty();
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
                // `delete *it` is written as `delete it` is.
                && let Some((text, unit)) = match super::typing::container_of(&text) {
                    Some(_) => self.lead(&text, unit).or(Some((text, unit))),
                    None => Some((text, unit)),
                }
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
        // A method of a library class that a class derives from: `wait()` and `Uploader::wait()` where `Uploader` derives
        // from QThread.
        let (owner, method) = match base.rsplit_once("::") {
            Some((class, method)) => (self.class_of_text(class, unit), method),
            None => (self.owner(id), &*base),
        };
        if let Some(owner) = owner.filter(|_| self.api.may_mean(method)) {
            for &class in self.class_chain(owner) {
                let def = self.type_def(class);
                spellings.extend(
                    def.bases
                        .iter()
                        .map(|text| format!("{}::{method}", types::parse(text).base)),
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
                let place = Place::of(Root::Global(base.as_str().into()));
                call.targets = plain(self.functions_of(id, &Value::Place(place.clone())));
                // A pointer in a member of the class around the function.
                if call.targets.is_empty() {
                    call.targets = self.called_through_place(id, &place, args.len());
                }
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

    /// Whether a function makes or ends an object of C++.
    pub fn is_constructing(&self, function: FnId) -> bool {
        matches!(
            self.function(function).kind,
            FunctionKind::Ctor | FunctionKind::Dtor
        )
    }

    /// Whether a call is made on the object of the function around it.
    pub fn is_call_on_this(&self, site: Site) -> bool {
        match &self.function(site.function).stmt(site.stmt).kind {
            StmtKind::Call { callee, .. } => match callee {
                Callee::Named(_) => self.function(site.function).has_this,
                Callee::Method { receiver, .. } => *receiver == Value::Place(Place::of(Root::This)),
                _ => false,
            },
            _ => false,
        }
    }

    /// For people: which class the object of a call must be of.
    pub fn note_of_class(&self, class: TypeId) -> Name {
        format!("when the object is a `{}`", self.type_def(class).name).into()
    }

    fn with_notes(&self, class: TypeId, functions: Vec<FnId>) -> Vec<Target> {
        let several = functions.len() > 1;
        functions
            .into_iter()
            .map(|function| {
                let owner = self
                    .owner(function)
                    .filter(|&owner| several && owner != class);
                let note = owner.map(|owner| self.note_of_class(owner));
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
                    .iter()
                    .filter(|_| self.api.may_mean(&base))
                    .flat_map(|&class| {
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
                call.targets = self.called_through(class, &base, args.len());
                if !call.targets.is_empty() {
                    return;
                }
            }
            let Some(expanded) = self.known_name(text, *unit) else {
                continue;
            };
            let type_name = types::parse(&expanded);
            if self.api.may_mean(&base) {
                let spellings: Vec<String> = self
                    .spellings(&type_name.base, *unit)
                    .iter()
                    .map(|spelling| format!("{spelling}::{base}"))
                    .collect();
                self.add_rows(id, &spellings, args.len(), call);
            }
            if !call.effects.is_empty() {
                return;
            }
            // `owner.reset()`, `workers.clear()`: what is owned ends.
            if let Some(row) = self.type_row(text, *unit)
                && row.ends.contains(&base)
            {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                if self.is_moved_out(site, row, receiver, &base, args) {
                    return;
                }
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
            let chosen = if exact.is_empty() {
                constructors
            } else {
                exact
            };
            // Without a constructor, arguments are another object, or what fills the members.
            call.implied = match chosen[..] {
                [] if args.is_empty() => self.implied_by(class, None),
                [] => Arc::default(),
                [only] => self.implied_by(class, Some(only)),
                _ => {
                    let mut all: Vec<Target> = Vec::new();
                    for &constructor in &chosen {
                        for target in self.implied_by(class, Some(constructor)).iter() {
                            if !all.iter().any(|known| known.function == target.function) {
                                all.push(target.clone());
                            }
                        }
                    }
                    all.into()
                }
            };
            call.targets = plain(chosen);
            return;
        }
        let expanded = self.expand_alias(&text, unit);
        let spellings = self.spellings(&types::parse(&expanded).base, unit);
        self.add_rows(id, &spellings, args.len(), call);
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

fn plain(functions: Vec<FnId>) -> Vec<Target> {
    functions
        .into_iter()
        .map(|function| Target {
            function,
            note: None,
        })
        .collect()
}
