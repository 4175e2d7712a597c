//! Statics that stay empty: the smart pointers of a static library to which only code gives an object that the module
//! does not run, so that their end is the end of nothing.
//!
//! In come a linked program and what its linker takes, out goes whether a static can ever hold something. What is in
//! doubt can: a static that is handed to a function, or that nobody is seen to fill at all.

use super::linked::Linked;
use crate::ir::{Callee, Place, Root, StmtKind, Value};
use crate::program::{FnId, Meaning, Program, StaticId};
use rustc_hash::FxHashMap;

/// Who gives the smart pointers of static libraries something to hold.
pub struct Filled {
    by: FxHashMap<StaticId, Vec<FnId>>,
}

impl Filled {
    /// Looks through the whole program, where it has a static library at all.
    pub fn new(program: &Program) -> Filled {
        let mut by: FxHashMap<StaticId, Vec<FnId>> = program
            .static_ids()
            .filter(|&id| is_empty_owner(program, id))
            .map(|id| (id, Vec::new()))
            .collect();
        if !by.is_empty() {
            for function in program.ids() {
                for stmt in &program.function(function).stmts {
                    note_filled(program, function, &stmt.kind, &mut by);
                }
            }
        }
        Filled { by }
    }

    /// Whether nothing that the module runs gives this static an object.
    pub fn stays_empty(&self, linked: &Linked, id: StaticId) -> bool {
        self.by
            .get(&id)
            .is_some_and(|by| !by.is_empty() && !by.iter().any(|&function| linked.runs(function)))
    }
}

/// A static of a static library that holds an object only when it gets one.
fn is_empty_owner(program: &Program, id: StaticId) -> bool {
    let object = program.static_def(id);
    let unit = program.static_unit(id);
    let file = program.units[unit as usize].file;
    program.module.from_libraries.binary_search(&file).is_ok()
        && !object.is_extern
        && object.function.is_none()
        && object.initializer.is_none()
        && object.init.iter().all(|value| *value == Value::Null)
        && program
            .type_row(&object.type_text, unit)
            .is_some_and(|row| row.leads_to.is_some())
}

fn note_filled(
    program: &Program,
    function: FnId,
    kind: &StmtKind,
    by: &mut FxHashMap<StaticId, Vec<FnId>>,
) {
    let mut note = |place: &Place| {
        if let Root::Global(name) = &place.root
            && place.path.is_empty()
            && let Meaning::Static(id) = program.meaning(function, name)
            && let Some(functions) = by.get_mut(&id)
            && functions.last() != Some(&function)
        {
            functions.push(function);
        }
    };
    match kind {
        StmtKind::Assign { to, value } if *value != Value::Null => note(to),
        StmtKind::Call { callee, args } => {
            if let Callee::Method {
                receiver: Value::Place(receiver),
                ..
            } = callee
                && !args.is_empty()
            {
                note(receiver);
            }
            for arg in args {
                if let Value::Place(place) | Value::AddressOf(place) = arg {
                    note(place);
                }
            }
        }
        _ => {}
    }
}
