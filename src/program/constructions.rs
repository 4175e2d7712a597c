//! Constructions: what making an object of a class runs besides the constructor that is named.
//!
//! Bases and members come first. One that the constructor's own list names is a call in that constructor; the others are
//! made by their default constructors, and members with a default member initializer by that.

use super::calls::{DEEPEST, Target};
use super::{FnId, Program, TypeId, types};
use crate::ir::{Callee, Function, FunctionKind, Name, Place, Root, StmtKind};
use crate::source::Lang;
use rustc_hash::FxHashSet;

/// What a constructor's list of initializers names.
#[derive(Default)]
struct Listed<'f> {
    /// Members, and what the body assigns.
    members: FxHashSet<&'f str>,
    /// Types that are constructed and not kept: bases, or the class itself where the constructor delegates.
    types: Vec<&'f str>,
}

impl Program<'_> {
    /// What makes an object of a class that is declared without arguments: its default constructors, and what these imply.
    pub fn construction(&self, class: TypeId) -> Vec<Target> {
        let mut found = Vec::new();
        self.collect_construction(class, None, &mut Vec::new(), &mut found);
        found
    }

    /// What a constructor of a class runs that nothing in it names; without one, what an object without constructors does.
    pub(super) fn implied_by(&self, class: TypeId, constructor: Option<FnId>) -> Vec<Target> {
        let mut found = Vec::new();
        self.collect_implied(class, constructor, None, &mut Vec::new(), &mut found);
        found
    }

    fn collect_construction(
        &self,
        class: TypeId,
        note: Option<&Name>,
        seen: &mut Vec<TypeId>,
        found: &mut Vec<Target>,
    ) {
        let name = &self.type_def(class).name;
        let is_constructor = |&id: &FnId| {
            let function = self.function(id);
            function.kind == FunctionKind::Ctor && function.name == *name
        };
        let all: Vec<FnId> = self
            .methods(class)
            .iter()
            .copied()
            .filter(is_constructor)
            .collect();
        let takes_nothing = |&id: &FnId| {
            let mut params = self.function(id).params.iter();
            params.all(|param| param.default.is_some())
        };
        let by_default: Vec<FnId> = all.iter().copied().filter(takes_nothing).collect();
        // One that is defaulted has no body.
        if all.is_empty() {
            self.collect_implied(class, None, note, seen, found);
        }
        for function in by_default {
            found.push(Target {
                function,
                note: note.cloned(),
            });
            self.collect_implied(class, Some(function), note, seen, found);
        }
    }

    fn collect_implied(
        &self,
        class: TypeId,
        constructor: Option<FnId>,
        note: Option<&Name>,
        seen: &mut Vec<TypeId>,
        found: &mut Vec<Target>,
    ) {
        let def = self.type_def(class);
        let unit = self.type_unit(class);
        if seen.contains(&class)
            || seen.len() > usize::from(DEEPEST)
            || self.units[unit as usize].lang != Lang::Cpp
        {
            return;
        }
        seen.push(class);
        let body = constructor.map(|id| self.function(id));
        // Of one whose body was left out nobody knows the list; it leads to nothing that counts.
        if body.is_some_and(|body| body.is_cut) {
            return;
        }
        let listed = body.map(listed).unwrap_or_default();
        if listed.types.contains(&&*def.name) {
            return;
        }
        for base in &def.bases {
            let written = types::parse(base).base;
            let last = written.rsplit("::").next().unwrap_or("");
            if let Some(base) = self.class_of_text(base, unit)
                && !listed.types.contains(&last)
            {
                let own: Name = format!("as its base `{last}` is made").into();
                self.collect_construction(base, note.or(Some(&own)), seen, found);
            }
        }
        for field in &def.fields {
            if listed.members.contains(&*field.name) {
                continue;
            }
            let own: Name = format!("as its member `{}` is made", field.name).into();
            if let Some(index) = field.initializer {
                found.push(Target {
                    function: self.function_in(unit, index),
                    note: note.cloned().or(Some(own)),
                });
                continue;
            }
            let text = self.text_in_scope(&field.type_text, &self.class_name(class));
            if field.init.is_some() || self.is_pointer_like(&text, unit) {
                continue;
            }
            if let Some(member) = self.class_of_text(&text, unit) {
                self.collect_construction(member, note.or(Some(&own)), seen, found);
            }
        }
    }
}

fn listed(body: &Function) -> Listed<'_> {
    let mut listed = Listed::default();
    for stmt in &body.stmts {
        match &stmt.kind {
            StmtKind::Assign {
                to:
                    Place {
                        root: Root::This,
                        path,
                    },
                ..
            } if path.len() == 1 => {
                listed.members.insert(&path[0]);
            }
            StmtKind::Call {
                callee: Callee::Construct { type_text, heap },
                ..
            } if !heap => {
                let base = type_text.split('<').next().unwrap_or("").trim_end();
                listed.types.push(base.rsplit("::").next().unwrap_or(""));
            }
            _ => {}
        }
    }
    listed
}
