//! Statics that stay empty: the smart pointers of a static library to which only code gives an object that the module
//! does not run, so that their end is the end of nothing.
//!
//! In come a linked program and what its linker takes, out goes whether a static can ever hold something. What is in
//! doubt can: a static that is handed to a function, or that nobody is seen to fill at all.

use super::linked::Linked;
use crate::api::last_segment;
use crate::ir::{Callee, FunctionKind, Linkage, Name, Place, Root, StmtKind, Value};
use crate::program::{FnId, Meaning, Program, StaticId, ends_with_name};
use rustc_hash::{FxHashMap, FxHashSet};

/// Who gives the smart pointers of static libraries something to hold.
pub struct Filled {
    by: FxHashMap<StaticId, Vec<FnId>>,
    /// Names that something calls without being led to a function, or hands on as values, by their last parts.
    open: Open,
}

type Open = FxHashMap<Name, FxHashSet<Name>>;

/// How many callers up it is asked whether a function runs.
const HIGHEST: u8 = 8;

impl Filled {
    /// Looks through the whole program, where it has a static library at all.
    pub fn new(program: &Program) -> Filled {
        let mut by: FxHashMap<StaticId, Vec<FnId>> = program
            .static_ids()
            .filter(|&id| is_empty_owner(program, id))
            .map(|id| (id, Vec::new()))
            .collect();
        let mut open = Open::default();
        if !by.is_empty() {
            for function in program.ids() {
                for stmt in &program.function(function).stmts {
                    note_filled(program, function, &stmt.kind, &mut by);
                    match &stmt.kind {
                        StmtKind::Opaque { .. } => {
                            let text = &program.sources.file(stmt.span.file).text;
                            let range = stmt.span.start as usize..stmt.span.end as usize;
                            let text = text.get(range).unwrap_or_default();
                            let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
                            for word in text.split(|letter| !is_part(letter)) {
                                note_name(word, &mut open);
                            }
                        }
                        kind => note_open(kind, &mut open),
                    }
                }
                for call in program
                    .calls(function)
                    .iter()
                    .filter(|call| call.targets.is_empty())
                {
                    if let StmtKind::Call {
                        callee: Callee::Named(name),
                        ..
                    } = &program.function(function).stmt(call.stmt).kind
                    {
                        note_name(name, &mut open);
                    }
                }
            }
            for id in program.static_ids() {
                for value in &program.static_def(id).init {
                    note_value(value, &mut open);
                }
            }
        }
        Filled { by, open }
    }

    /// Whether nothing that the module runs gives this static an object.
    pub fn stays_empty(&self, program: &Program, linked: &Linked, id: StaticId) -> bool {
        self.by.get(&id).is_some_and(|by| {
            let runs = |&function: &FnId| self.can_run(program, linked, function, HIGHEST);
            !by.is_empty() && !by.iter().any(runs)
        })
    }

    /// Whether a function of a static library can run: something names it, and where all that bears its name leads to
    /// known functions, one that calls it runs.
    fn can_run(&self, program: &Program, linked: &Linked, function: FnId, depth: u8) -> bool {
        let body = program.function(function);
        let unit = program.unit_of(function).file;
        let callers = program.callers(function);
        if !linked.runs(function) {
            return false;
        }
        let is_known = depth > 0
            && !callers.is_empty()
            && body.kind == FunctionKind::Free
            && body.linkage != Linkage::Exported
            && program.module.from_libraries.binary_search(&unit).is_ok()
            && !self.open.get(&body.name).is_some_and(|names| {
                let full = body.qualified_name();
                names.iter().any(|name| ends_with_name(&full, name))
            });
        !is_known
            || callers.iter().any(|site| {
                site.function != function && self.can_run(program, linked, site.function, depth - 1)
            })
    }
}

/// Names that stand for functions as values.
fn note_open(kind: &StmtKind, open: &mut Open) {
    match kind {
        StmtKind::Assign { value, .. } | StmtKind::Return { value: Some(value) } => {
            note_value(value, open)
        }
        StmtKind::Call { args, .. } => args.iter().for_each(|value| note_value(value, open)),
        _ => {}
    }
}

fn note_value(value: &Value, open: &mut Open) {
    if let Value::Place(place) | Value::AddressOf(place) = value
        && let Root::Global(name) = &place.root
    {
        note_name(name, open);
    }
}

fn note_name(name: &str, open: &mut Open) {
    let names = open.entry(last_segment(name).into()).or_default();
    names.insert(name.trim_start_matches("::").into());
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
