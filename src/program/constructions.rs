//! Constructions: what making an object of a class runs besides the constructor that is named.
//!
//! Bases and members come first. One that the constructor's own list names is a call in that constructor; the others are
//! made by their default constructors, and members with a default member initializer by that.

use super::calls::Target;
use super::{FnId, Program, TypeId, types};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, TypeDef, Value};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// So many functions are followed for one object.
const MOST: usize = 128;
/// So many classes are looked through for one object.
const MOST_CLASSES: usize = 512;
/// How deep members of members are followed.
const DEEPEST: u8 = 32;

/// What constructors imply, by class and constructor.
pub(super) type Implied = FxHashMap<(TypeId, Option<FnId>), Arc<[Target]>>;

/// What a constructor's list of initializers names.
#[derive(Default)]
struct Listed<'f> {
    members: FxHashSet<&'f str>,
    /// Bases, by their own names.
    bases: FxHashSet<&'f str>,
    /// The constructor hands on to another one of its class.
    delegates: bool,
    /// It names something that is neither a member nor a base by name: a base under another name.
    obscure: bool,
}

/// What has been found for one object.
#[derive(Default)]
struct Found {
    targets: Vec<Target>,
    functions: FxHashSet<FnId>,
    seen: FxHashSet<(TypeId, Option<FnId>)>,
}

impl Found {
    fn add(&mut self, function: FnId, note: Option<&Name>) {
        if self.targets.len() < MOST && self.functions.insert(function) {
            let note = note.cloned();
            self.targets.push(Target { function, note });
        }
    }
}

impl Program<'_> {
    /// What makes an object of a class that is declared without arguments: its default constructors, and what these imply.
    pub fn construction(&self, class: TypeId) -> Vec<Target> {
        let mut found = Found::default();
        self.collect_construction(class, None, &mut found, DEEPEST);
        found.targets
    }

    /// What a constructor of a class runs that nothing in it names; without one, what an object without constructors does.
    pub(super) fn implied_by(&self, class: TypeId, constructor: Option<FnId>) -> Arc<[Target]> {
        let key = (class, constructor);
        if let Ok(known) = self.implied_cache.read()
            && let Some(known) = known.get(&key)
        {
            return known.clone();
        }
        let mut found = Found::default();
        self.collect_implied(class, constructor, None, &mut found, DEEPEST);
        let targets: Arc<[Target]> = found.targets.into();
        if let Ok(mut known) = self.implied_cache.write() {
            known.insert(key, targets.clone());
        }
        targets
    }

    fn collect_construction(
        &self,
        class: TypeId,
        note: Option<&Name>,
        found: &mut Found,
        depth: u8,
    ) {
        let def = self.type_def(class);
        let mut is_declared = false;
        let mut by_default = Vec::new();
        for &id in self.methods(class) {
            let function = self.function(id);
            if function.kind == FunctionKind::Ctor && function.name == def.name {
                is_declared = true;
                let mut params = function.params.iter();
                if params.all(|param| param.default.is_some()) {
                    by_default.push(id);
                }
            }
        }
        // One that is defaulted has no body.
        let mut heads = def.methods.iter();
        let is_defaulted =
            !is_declared || heads.any(|method| method.name == def.name && method.params.is_empty());
        if by_default.is_empty() && is_defaulted {
            self.collect_implied(class, None, note, found, depth);
        }
        for function in by_default {
            found.add(function, note);
            self.collect_implied(class, Some(function), note, found, depth);
        }
    }

    fn collect_implied(
        &self,
        class: TypeId,
        constructor: Option<FnId>,
        note: Option<&Name>,
        found: &mut Found,
        depth: u8,
    ) {
        let def = self.type_def(class);
        let unit = self.type_unit(class);
        if depth == 0
            || found.targets.len() >= MOST
            || found.seen.len() >= MOST_CLASSES
            || self.units[unit as usize].lang != Lang::Cpp
            || !found.seen.insert((class, constructor))
        {
            return;
        }
        // Of one whose body was left out nobody knows the list; it leads to nothing that counts.
        if constructor.is_some_and(|id| self.function(id).is_cut) {
            return;
        }
        let listed = match constructor {
            Some(id) => self.listed(id, def),
            None => Listed::default(),
        };
        if listed.delegates {
            return;
        }
        // What a parameter of the template stands for is not known, whatever else has its name.
        let is_parameter = |text: &str| {
            let base = types::parse(text).base;
            def.template_params.iter().any(|param| **param == *base)
        };
        for text in def.bases.iter().filter(|_| !listed.obscure) {
            let written = types::parse(text).base;
            let last = written.rsplit("::").next().unwrap_or("");
            if !listed.bases.contains(last)
                && !is_parameter(text)
                && let Some(base) = self.class_of_text(text, unit)
            {
                let own: Name = format!("as its base `{last}` is made").into();
                self.collect_construction(base, note.or(Some(&own)), found, depth - 1);
            }
        }
        for field in &def.fields {
            if listed.members.contains(&*field.name) {
                continue;
            }
            let own: Name = format!("as its member `{}` is made", field.name).into();
            if let Some(index) = field.initializer {
                found.add(self.function_in(unit, index), note.or(Some(&own)));
                continue;
            }
            let text = self.text_in_scope(&field.type_text, &self.class_name(class));
            if field.in_union
                || field.init.is_some()
                || is_parameter(&field.type_text)
                || self.is_pointer_like(&text, unit)
            {
                continue;
            }
            if let Some(member) = self.class_of_text(&text, unit) {
                self.collect_construction(member, note.or(Some(&own)), found, depth - 1);
            }
        }
    }

    /// Reads the list of a constructor, which comes before its body: up to the first local that is given a value.
    fn listed<'p>(&'p self, constructor: FnId, def: &TypeDef) -> Listed<'p> {
        let stmts = &self.function(constructor).stmts;
        let mut listed = Listed::default();
        let name = |name: &'p str, listed: &mut Listed<'p>| {
            let last = |text: &str| {
                let base = types::parse(text).base;
                base.rsplit("::").next().unwrap_or("").to_string()
            };
            if name == &*def.name {
                listed.delegates = true;
            } else if def.bases.iter().any(|base| last(base) == name) {
                listed.bases.insert(name);
            } else {
                listed.obscure = true;
            }
        };
        for (number, stmt) in stmts.iter().enumerate() {
            match &stmt.kind {
                StmtKind::Assign {
                    to:
                        Place {
                            root: Root::This,
                            path,
                        },
                    ..
                } if path.len() == 1 => {
                    if def.fields.iter().any(|field| field.name == path[0]) {
                        listed.members.insert(&path[0]);
                    } else {
                        name(&path[0], &mut listed);
                    }
                }
                StmtKind::Assign {
                    to:
                        Place {
                            root: Root::Local(_),
                            ..
                        },
                    ..
                } => break,
                StmtKind::Call {
                    callee:
                        Callee::Construct {
                            type_text,
                            heap: false,
                        },
                    ..
                } if !type_text.is_empty() && !is_used(stmts, StmtId(number as u32)) => {
                    let base = type_text.split('<').next().unwrap_or("").trim_end();
                    name(base.rsplit("::").next().unwrap_or(""), &mut listed);
                }
                _ => {}
            }
        }
        listed
    }
}

/// Whether something takes the object that a statement makes: an assignment or a call not far behind.
fn is_used(stmts: &[crate::ir::Stmt], made: StmtId) -> bool {
    let result = Value::Result(made);
    let behind = stmts.iter().skip(made.0 as usize + 1).take(8);
    behind.into_iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign { value, .. } => *value == result,
        StmtKind::Call { args, callee } => {
            args.contains(&result)
                || matches!(callee, Callee::Method { receiver, .. } if *receiver == result)
        }
        _ => false,
    })
}
