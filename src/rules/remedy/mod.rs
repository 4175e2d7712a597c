//! Remedies as edits, where they are mechanical and inside one function.
//!
//! In comes the call that a rule reports, out goes a `Fix`, or nothing wherever the new text might not compile, or might
//! do something else than the old one without the hazard: calls in macros, helpers, conditions or declarations, objects
//! that an expression with effects names, functions that others call too, values that are used later, a wait at a place
//! where it would block others. What is left out stands in `docs/fixes.md`.
//!
//! C and C++ only: what a Rust call of these functions looks like depends on the crate and its version.

mod text;

use super::Engines;
use crate::api::{Effect, PoolObject, ThreadRef, WaitClass};
use crate::diagnostic::{Edit, Fix};
use crate::entry::{EntryKind, Runs};
use crate::flow::{Event, PoolSite, What};
use crate::ir::{FunctionKind, Root, StmtId, StmtKind};
use crate::program::{FnId, KeyRoot, Site};
use crate::reach::Timeout;
use crate::source::{Lang, Span};
use crate::syntax::c::places::{CallStatement, Statements, Then, has_directive};
use rustc_hash::FxHashMap;
use std::ops::Range;
use std::rc::Rc;
use text::Text;

/// A thread procedure that frees its own module and returns: it ends the thread by the call that does both.
pub fn end_thread(engines: &Engines, site: Site) -> Option<Fix> {
    let program = engines.program;
    let place = Place::find(engines, &[site])?;
    let call = &place.calls[0];
    let new = place.replacement(&program.api.fixes().end_thread, call)?;
    let [module] = &call.arguments[..] else {
        return None;
    };
    let only_thread =
        engines
            .entries
            .iter()
            .enumerate()
            .all(|(number, entry)| match (&entry.runs, entry.kind) {
                (Runs::Function(id), EntryKind::ThreadProcedure(reference))
                    if *id == site.function =>
                {
                    reference == ThreadRef::None
                }
                _ => !reaches(engines, number, site.function),
            });
    // Without its `return` a function whose type is deduced from it has another one.
    let function = program.function(site.function);
    let is_deduced = function.kind == FunctionKind::Lambda || function.return_type.contains("auto");
    if !only_thread
        || is_deduced
        || !is_only_entry(engines, site.function)
        || call.protected
        || !engines.locks.held(site).is_empty()
        || !only_returns_after(engines, site)
    {
        return None;
    }
    let mut edits = vec![place.edit(call.callee.clone(), new.clone())];
    let code = match &call.then {
        Then::End => "0",
        Then::Return { value: None, .. } => "0",
        Then::Return {
            value: Some(value), ..
        } => {
            let value = &place.text.text[value.clone()];
            text::is_constant(value).then_some(value)?
        }
        Then::Else => return None,
    };
    edits.push(place.edit(module.end..module.end, format!(", {code}")));
    if let Then::Return {
        statement,
        adjacent: true,
        ..
    } = &call.then
    {
        edits.push(place.edit(place.text.with_its_line(statement), String::new()));
    }
    place.fix(format!("end the thread with {new}"), edits)
}

/// A callback that frees its own module: it has the pool do that when the callback has returned.
pub fn free_on_return(engines: &Engines, site: Site) -> Option<Fix> {
    let program = engines.program;
    let place = Place::find(engines, &[site])?;
    let call = &place.calls[0];
    let names = program.api.fixes();
    let new = place.replacement(&names.on_return, call)?;
    let [module] = &call.arguments[..] else {
        return None;
    };
    let function = program.function(site.function);
    let instance = function.params.first()?;
    let written: String = instance.type_text.split_whitespace().collect();
    let is_instance = names
        .instance
        .iter()
        .any(|name| written.trim_start_matches("struct").trim_start_matches("_") == name.as_str());
    let is_hidden = function
        .locals
        .iter()
        .any(|local| local.name == instance.name)
        || function.params[1..]
            .iter()
            .any(|param| param.name == instance.name);
    if !is_instance || instance.name.is_empty() || is_hidden {
        return None;
    }
    let only_callback =
        engines
            .entries
            .iter()
            .enumerate()
            .all(|(number, entry)| match (&entry.runs, entry.kind) {
                (Runs::Function(id), EntryKind::PoolCallback(kind)) if *id == site.function => {
                    !matches!(
                        kind,
                        PoolObject::LegacyWork
                            | PoolObject::LegacyWait
                            | PoolObject::LegacyTimer
                            | PoolObject::LegacyIo
                    )
                }
                _ => !reaches(engines, number, site.function),
            });
    // The pool takes one module for a run of a callback.
    let frees_more = program.calls(site.function).iter().any(|other| {
        other.effects.iter().any(|effect| {
            matches!(
                effect.effect(),
                Effect::FreeModuleOnReturn { .. } | Effect::ModuleUnref { .. }
            )
        }) && (engines
            .flow
            .can_follow(site.function, site.stmt, other.stmt)
            || (other.stmt != site.stmt
                && engines
                    .flow
                    .can_follow(site.function, other.stmt, site.stmt)))
    });
    if !only_callback || !is_only_entry(engines, site.function) || frees_more {
        return None;
    }
    let edits = vec![
        place.edit(call.callee.clone(), new.clone()),
        place.edit(module.start..module.start, format!("{}, ", instance.name)),
    ];
    place.fix(
        format!("have the pool free the module with {new} when the callback has returned"),
        edits,
    )
}

/// A thread pool object that is closed with no wait for its callbacks: it is disarmed and waited for before.
pub fn wait_before_close(
    engines: &Engines,
    function: FnId,
    close: &Event,
    creations: &[&PoolSite],
) -> Option<Fix> {
    let (program, flow) = (engines.program, &engines.flow);
    // What a wrapper closes is its callers' object, and not for each of them the same hazard.
    let is_wrapper = matches!(close.key.root, KeyRoot::Param(..)) && close.key.path.is_empty();
    if close.site.function != function || is_wrapper || !is_good_place_to_wait(engines, close.site)
    {
        return None;
    }
    let callbacks: Vec<FnId> = creations
        .iter()
        .flat_map(|creation| creation.callbacks.iter().copied())
        .collect();
    let is_own = creations
        .iter()
        .any(|creation| flow.is_inside_callback(creation, function));
    let rearms = engines
        .rearms()
        .iter()
        .any(|rearm| callbacks.contains(&rearm.callback));
    if is_own || rearms || callbacks.iter().any(|&callback| waits(engines, callback)) {
        return None;
    }
    // What is freed before the close would be gone when a callback is waited for.
    let freed_before = flow.events(function).iter().any(|event| {
        event.what == What::Free
            && (event.stmt == close.stmt || flow.can_follow(function, event.stmt, close.stmt))
    });
    // What stands behind the close has to be moved, not written twice.
    let stands_behind = [What::Disarm, What::Drain]
        .into_iter()
        .any(|what| flow.after(function, close.stmt, what, &close.key).is_some());
    if freed_before || stands_behind {
        return None;
    }
    let place = Place::find(engines, &[close.site])?;
    let call = &place.calls[0];
    let object = place.object(call)?;
    let names = program.api.fixes();
    let mut new = Vec::new();
    if flow
        .before(function, close.stmt, What::Disarm, &close.key)
        .is_none()
    {
        new.extend(place.disarming(call, object)?);
    }
    new.push(place.written(&names.wait, call, object)?);
    let title = format!("call {} first", names_of(&new));
    let edits = place.text.insert_before(call, &new)?;
    place.fix(title, place.edits(edits))
}

/// A wait for the callbacks of an object that is still armed: it is disarmed before. Only where the same function goes
/// on to close it; others may wait without wanting it to stop.
pub fn disarm_before_wait(engines: &Engines, drain: &Event, close: Site) -> Option<Fix> {
    if close.function != drain.site.function {
        return None;
    }
    let place = Place::find(engines, &[drain.site])?;
    let call = &place.calls[0];
    let object = place.object(call)?;
    let new = vec![place.written(place.disarm, call, object)?];
    let title = format!("call {} first", names_of(&new));
    let edits = place.text.insert_before(call, &new)?;
    place.fix(title, place.edits(edits))
}

/// A wait, or a disarm, right behind the close of its object: it is moved before the close, and the object is disarmed
/// first where nobody does.
pub fn move_before_close(
    engines: &Engines,
    function: FnId,
    close: &Event,
    used: &Event,
) -> Option<Fix> {
    let flow = &engines.flow;
    if close.site.function != function
        || used.site.function != function
        || close.what != What::Close
        || !matches!(used.what, What::Drain | What::Disarm)
    {
        return None;
    }
    let place = Place::find(engines, &[close.site, used.site])?;
    let [closing, using] = &place.calls[..] else {
        return None;
    };
    let object = place.object(closing)?;
    if place.object(using)? != object
        || closing.branch.is_some()
        || using.branch.is_some()
        || closing.following.as_ref() != Some(&using.statement)
    {
        return None;
    }
    let moved = place.text.with_its_comment(&using.statement);
    let mut new = Vec::new();
    if used.what == What::Drain
        && flow
            .before(function, used.stmt, What::Disarm, &used.key)
            .is_none()
    {
        if flow
            .after(function, used.stmt, What::Disarm, &used.key)
            .is_some()
        {
            return None;
        }
        new.extend(place.disarming(using, object)?);
    }
    let mut edits = place.edits(place.text.insert_before(closing, &new)?);
    let written = &place.text.text[moved.clone()];
    edits.push(place.edit(
        closing.statement.start..closing.statement.start,
        format!("{written}{}", place.text.separator(closing)),
    ));
    edits.push(place.edit(place.text.with_its_line(&moved), String::new()));
    let name = &place.text.text[using.callee.clone()];
    place.fix(format!("move {name} before the close"), edits)
}

/// Calls of one function in the text of its file.
struct Place<'t> {
    file: crate::source::FileId,
    text: Text<'t>,
    calls: Vec<CallStatement>,
    /// Names that something of the program, and not Windows, bears.
    taken: Box<dyn Fn(&str) -> bool + 't>,
    /// What disarms the object of a call, by the name of that.
    disarm: &'t FxHashMap<String, String>,
}

impl<'t> Place<'t> {
    /// The calls at some statements of one function; none if one of them is no statement by itself.
    fn find(engines: &'t Engines, sites: &[Site]) -> Option<Place<'t>> {
        let program = engines.program;
        let function = sites.first()?.function;
        let file = program.file(function);
        let source = program.sources.file(file);
        let lang = source.lang.filter(|&lang| lang != Lang::Rust)?;
        if program.function(function).kind == FunctionKind::Macro {
            return None;
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for &site in sites {
            let span = program.stmt_span(site);
            let is_windows = program.call(site)?.targets.is_empty();
            if span.file != file || !is_windows {
                return None;
            }
            ranges.push(span.range());
        }
        // The findings of a file come one behind the other, most of the time.
        let mut last = engines.statements.borrow_mut();
        let statements = match &*last {
            Some((of, statements)) if *of == file => Rc::clone(statements),
            _ => Rc::new(Statements::of(lang)),
        };
        *last = Some((file, Rc::clone(&statements)));
        let calls: Vec<CallStatement> = statements
            .at(&source.text, &ranges)
            .into_iter()
            .collect::<Option<_>>()?;
        Some(Place {
            file,
            text: Text {
                text: &source.text,
                cpp: lang == Lang::Cpp,
            },
            calls,
            taken: Box::new(move |name| is_taken(engines, function, name)),
            disarm: &program.api.fixes().disarm,
        })
    }

    /// What takes the place of a call's name, as a table of names has it; with `::` in front where that stands there.
    fn replacement(
        &self,
        table: &FxHashMap<String, String>,
        call: &CallStatement,
    ) -> Option<String> {
        let (global, name) = self.name(call);
        let new = table.get(name)?;
        (!(self.taken)(name) && !(self.taken)(new)).then(|| format!("{global}{new}"))
    }

    /// A call that a table has for this one, on an object.
    fn written(
        &self,
        table: &FxHashMap<String, String>,
        call: &CallStatement,
        object: &str,
    ) -> Option<String> {
        let (global, name) = self.name(call);
        let pattern = table.get(name)?;
        let new = pattern.split('(').next().unwrap_or_default();
        if (self.taken)(name) || (self.taken)(new) {
            return None;
        }
        let null = self.text.null();
        Some(format!(
            "{global}{}",
            pattern.replace("NULL", null).replace("{}", object)
        ))
    }

    /// What disarms the object of a call, where objects of its kind are disarmed; none at all where that cannot be
    /// written.
    fn disarming(&self, call: &CallStatement, object: &str) -> Option<Option<String>> {
        let table = self.disarm;
        if !table.contains_key(self.name(call).1) {
            return Some(None);
        }
        self.written(table, call, object).map(Some)
    }

    fn name(&self, call: &CallStatement) -> (&'t str, &'t str) {
        let written = &self.text.text[call.callee.clone()];
        written
            .strip_prefix("::")
            .map_or(("", written), |name| ("::", name.trim_start()))
    }

    /// The object that a call is about, its first argument: a variable or a member, which may be named once more.
    fn object(&self, call: &CallStatement) -> Option<&'t str> {
        let object = &self.text.text[call.arguments.first()?.clone()];
        text::is_variable(object).then_some(object)
    }

    fn edit(&self, range: Range<usize>, replacement: String) -> Edit {
        Edit {
            span: Span::new(self.file, range.start, range.end),
            replacement,
        }
    }

    fn edits(&self, edits: Vec<(Range<usize>, String)>) -> Vec<Edit> {
        edits
            .into_iter()
            .map(|(range, replacement)| self.edit(range, replacement))
            .collect()
    }

    /// The fix, unless a directive stands among its edits.
    fn fix(&self, title: String, mut edits: Vec<Edit>) -> Option<Fix> {
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        let range = edits.first()?.span.range().start..edits.last()?.span.range().end;
        (!has_directive(self.text.text, &range)).then_some(Fix { title, edits })
    }
}

/// The names of calls, for people.
fn names_of(calls: &[String]) -> String {
    calls
        .iter()
        .map(|call| call.split('(').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" and ")
}

/// Whether a name stands for something else than the function of Windows, seen from a function.
fn is_taken(engines: &Engines, function: FnId, name: &str) -> bool {
    let program = engines.program;
    let body = program.function(function);
    let variables = body.params.iter().chain(&body.locals);
    variables
        .into_iter()
        .any(|variable| &*variable.name == name)
        || program
            .static_ids()
            .any(|id| &*program.static_def(id).name == name)
        || program.ids().any(|id| &*program.function(id).name == name)
}

/// Whether an entry runs a function.
fn reaches(engines: &Engines, entry: usize, function: FnId) -> bool {
    engines
        .walk(entry)
        .nodes
        .iter()
        .any(|node| node.function == function)
}

/// Whether nobody but the system calls a function, as far as can be seen.
fn is_only_entry(engines: &Engines, function: FnId) -> bool {
    engines.program.callers(function).is_empty()
        && engines.program.function(function).linkage != crate::ir::Linkage::Exported
}

/// Whether nothing that counts comes after a statement: no call, no assignment, no destructor.
fn only_returns_after(engines: &Engines, site: Site) -> bool {
    let stmts = &engines.program.function(site.function).stmts;
    // In C++ what a call gives and nobody keeps ends behind it: here that is a number.
    let is_result = |kind: &StmtKind| matches!(kind, StmtKind::Drop { place, .. } if place.root == Root::Result(site.stmt));
    stmts.iter().zip(0..).all(|(stmt, number)| {
        matches!(stmt.kind, StmtKind::Return { .. })
            || is_result(&stmt.kind)
            || !engines
                .flow
                .can_follow(site.function, site.stmt, StmtId(number))
    })
}

/// Whether a wait for callbacks harms nobody here: no lock is held, here or in a caller, and the loader lock is not.
fn is_good_place_to_wait(engines: &Engines, site: Site) -> bool {
    let under_loader_lock = engines
        .entries_of(|kind| kind.is_dll_main() || kind.is_destructor())
        .any(|(number, _)| reaches(engines, number, site.function));
    !under_loader_lock
        && engines.locks.held(site).is_empty()
        && engines
            .flow
            .caller_chains(site.function)
            .iter()
            .flatten()
            .all(|&caller| engines.locks.held(caller).is_empty())
}

/// Whether a callback waits without an end for somebody, who could be the one that would wait for it.
fn waits(engines: &Engines, callback: FnId) -> bool {
    engines
        .entries_of(EntryKind::is_pool)
        .filter(|(_, entry)| matches!(entry.runs, Runs::Function(id) if id == callback))
        .any(|(number, _)| {
            engines
                .walk(number)
                .hits
                .iter()
                .any(|hit| match hit.effect.effect() {
                    Effect::Wait { class, .. } => {
                        *class != WaitClass::Sleep
                            && matches!(hit.timeout, Timeout::Infinite | Timeout::Unknown)
                    }
                    Effect::TpDrain { .. } => true,
                    _ => false,
                })
        })
}
