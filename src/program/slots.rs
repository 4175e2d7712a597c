//! Functions behind pointers in members: what `ops->stop()` and `table[role].shutdown()` can call.
//!
//! In come a class and one of its members, out come the functions of the program that initializer lists and assignments
//! put there. What comes in through a parameter is not known. Members that many functions are put into say nothing.

use super::{FnId, Program, TypeId, calls::Target};
use crate::ir::{Member, Name, Place, Root, StmtKind, Value};
use rustc_hash::FxHashMap;

/// The functions in each member of each class.
pub type Slots = FxHashMap<(TypeId, Name), Vec<FnId>>;

/// Of so many functions at most one is called.
const MOST_FUNCTIONS: usize = 4;

impl Program<'_> {
    /// What a call through a member of a class can run, with so many arguments.
    pub(super) fn called_through(
        &self,
        class: TypeId,
        member: &str,
        arguments: usize,
    ) -> Vec<Target> {
        let Some(field) = self.field(class, member) else {
            return Vec::new();
        };
        let slots = self.slots.get_or_init(|| self.find_slots());
        let functions = slots
            .get(&(field.owner, field.field.name.clone()))
            .map_or(&[][..], Vec::as_slice);
        if functions.len() > MOST_FUNCTIONS {
            return Vec::new();
        }
        let note: Name = match functions.len() {
            1 => format!("through the pointer `{member}`").into(),
            _ => format!("when the pointer `{member}` leads there").into(),
        };
        functions
            .iter()
            .filter(|&&function| self.function(function).params.len() == arguments)
            .map(|&function| Target {
                function,
                note: Some(note.clone()),
            })
            .collect()
    }

    /// The same for the place that holds the pointer.
    pub(super) fn called_through_place(
        &self,
        function: FnId,
        place: &Place,
        arguments: usize,
    ) -> Vec<Target> {
        match self.member_of_class(function, place) {
            Some((class, member)) => self.called_through(class, &member, arguments),
            None => Vec::new(),
        }
    }

    /// The class that a place is a member of, and which one.
    fn member_of_class(&self, function: FnId, place: &Place) -> Option<(TypeId, Name)> {
        let Some((member, around)) = place.path.split_last() else {
            // A member of the class around the function, which another file defines.
            let Root::Global(name) = &place.root else {
                return None;
            };
            let class = self.owner(function)?;
            return self.field(class, name).map(|_| (class, name.clone()));
        };
        if place.root == Root::This && around.is_empty() {
            return self.owner(function).map(|class| (class, member.clone()));
        }
        let around = Place {
            root: place.root.clone(),
            path: around.to_vec(),
        };
        let (text, unit) = self.type_of_place(function, &around)?;
        let class = self.class_of_text(&text, unit)?;
        Some((class, member.clone()))
    }

    fn find_slots(&self) -> Slots {
        let mut slots = Slots::default();
        let mut add = |class: TypeId, member: &str, functions: Vec<FnId>| {
            if let ([function], Some(field)) = (&functions[..], self.field(class, member)) {
                let known = slots
                    .entry((field.owner, field.field.name.clone()))
                    .or_default();
                if !known.contains(function) {
                    known.push(*function);
                }
            }
        };
        for (number, unit) in self.units.iter().enumerate() {
            if unit.functions.is_empty() {
                continue;
            }
            let inside = self.function_in(number as u32, crate::ir::FunctionIndex(0));
            for slot in &unit.slots {
                let Some(class) = self.class_of_text(&slot.type_text, number as u32) else {
                    continue;
                };
                let member = match &slot.member {
                    Member::Named(name) => name,
                    Member::At(position) => {
                        match self.type_def(class).fields.get(*position as usize) {
                            Some(field) => &field.name,
                            None => continue,
                        }
                    }
                };
                add(class, member, self.functions_of(inside, &slot.value));
            }
        }
        for id in self.ids() {
            for stmt in &self.function(id).stmts {
                let StmtKind::Assign { to, value } = &stmt.kind else {
                    continue;
                };
                let (Value::Place(named) | Value::AddressOf(named)) = value else {
                    continue;
                };
                let Root::Global(name) = &named.root else {
                    continue;
                };
                if !named.path.is_empty()
                    || self
                        .functions_named(crate::api::last_segment(name))
                        .is_empty()
                {
                    continue;
                }
                if let Some((class, member)) = self.member_of_class(id, to) {
                    add(class, &member, self.functions_of(id, value));
                }
            }
        }
        slots
    }
}
