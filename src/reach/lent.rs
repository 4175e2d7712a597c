//! How a variable is handed to somebody else who may set it: by a reference, by its address, to a call.

use crate::api::{Arg, Effect};
use crate::ir::{Callee, Function, FunctionKind, Import, Place, Root, StmtKind, Value};
use crate::program::{Program, Site};

pub(super) fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Const(0))
}

/// Whether a type lets whoever has it write what it refers to.
fn is_written_through(type_text: &str) -> bool {
    type_text.contains('&') && !type_text.contains("const")
}

/// Whether a place is a local that is another name of what it is made from.
pub(super) fn is_reference(body: &Function, to: &Place) -> bool {
    matches!(to.root, Root::Local(index)
        if body.locals.get(index as usize).is_some_and(|local| is_written_through(&local.type_text)))
}

/// The place that a function lets its callers write, by what it returns: a reference or an address.
pub(super) fn lent(body: &Function, returned: &Value) -> Option<Place> {
    let is_address =
        matches!(returned, Value::AddressOf(_)) && !body.return_type.starts_with("const ");
    let is_lent = is_address || is_written_through(&body.return_type);
    returned.place().filter(|_| is_lent)
}

/// Whether a call may set what is handed to it: it is given the address, or the parameter is a reference.
pub(super) fn may_set(program: &Program, site: Site, position: usize, arg: &Value) -> bool {
    let is_address = matches!(arg, Value::AddressOf(_));
    match program.call(site) {
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
                        || callee
                            .params
                            .get(position)
                            .is_none_or(|param| is_written_through(&param.type_text))
                })
        }
        _ => is_address || takes_references(program, site),
    }
}

/// Whether a call of something that no source defines may take references: C++ libraries take them where C takes
/// addresses. `using std::swap;` makes a name short.
fn takes_references(program: &Program, site: Site) -> bool {
    let StmtKind::Call {
        callee: Callee::Named(name),
        ..
    } = &program.function(site.function).stmt(site.stmt).kind
    else {
        return true;
    };
    let imports = &program.unit_of(site.function).imports;
    name.contains("::")
        || imports.iter().any(
            |import| matches!(import, Import::Alias(short, full) if short == name && full.contains("::")),
        )
}

/// Whether a call puts a value into an argument.
pub(super) fn stores_into(program: &Program, site: Site, position: usize) -> bool {
    program.call(site).is_some_and(|call| {
        call.effects.iter().any(|effect| {
            matches!(effect.effect(), Effect::Stores { into: Arg::Index(index), .. }
                if usize::from(*index) == position)
        })
    })
}
