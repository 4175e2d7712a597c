//! Statics that nothing sets: they are what they begin with.
//!
//! In comes a linked program, out go the statics that conditions test, that begin with a constant, and that nothing can
//! change: no statement that was lowered, and no text of the module's own files either, for not every body is read and
//! not everything is understood. What is in doubt can be set: what a header declares, what is exported or volatile, what
//! a method is called on, what is handed to a function that may take a reference.

use super::Abstract;
use super::beginning::{MOST_INITIAL, by_key, first_value, passed_on, tested};
use crate::ir::{Callee, Name, Place, Root, StmtId, StmtKind, Value};
use crate::program::{Key, KeyRoot, Program, Site, StaticId};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};

/// What these statics are, by their own keys and by the names under which other files declare them.
pub fn find(program: &Program) -> BTreeMap<Key, Abstract> {
    let declared: FxHashSet<&Name> = program
        .static_ids()
        .map(|id| program.static_def(id))
        .filter(|object| object.is_extern)
        .map(|object| &object.name)
        .collect();
    let is_own = |id: StaticId| {
        let object = program.static_def(id);
        let mut words = object.type_text.split([' ', '*']);
        let outside = |word: &str| matches!(word, "volatile" | "dllexport");
        (object.internal || !declared.contains(&object.name))
            && !words.any(outside)
            && !object.attributes.iter().any(|word| outside(word))
    };
    let sets = |key: &Key, first: &Abstract| {
        program.assignments(key).iter().any(|(function, _, value)| {
            program
                .constant(*function, value)
                .map(Abstract::from)
                .as_ref()
                != Some(first)
        })
    };
    let mut values: BTreeMap<StaticId, Abstract> = tested(program, program.ids())
        .into_iter()
        .filter(|&id| is_own(id))
        .filter_map(|id| Some((id, first_value(program, id)?)))
        .filter(|(id, first)| {
            let name = program.static_def(*id).name.clone();
            !sets(&Key::of(KeyRoot::Static(*id)), first)
                && !sets(&Key::of(KeyRoot::Name(name)), first)
        })
        .take(MOST_INITIAL)
        .collect();
    for find in [passed_on, handed_on, set_in_text] {
        if values.is_empty() {
            return BTreeMap::new();
        }
        let found = find(program, &values);
        values.retain(|&id, _| !found.contains(&program.static_def(id).name));
    }
    by_key(program, values)
}

/// The names of those on which a method is called (a raw pointer stays what it is), and of those that C++ hands to a
/// function of which nobody knows whether it takes a reference.
fn handed_on(program: &Program, values: &BTreeMap<StaticId, Abstract>) -> BTreeSet<Name> {
    let names: FxHashMap<&Name, bool> = values
        .keys()
        .map(|&id| program.static_def(id))
        .map(|object| (&object.name, object.type_text.trim_end().ends_with('*')))
        .collect();
    let named = |value: &Value| match value {
        Value::Place(Place {
            root: Root::Global(name),
            path,
        }) if path.is_empty() => names
            .get_key_value(&Name::from(crate::api::last_segment(name)))
            .map(|(&name, &is_pointer)| (name.clone(), is_pointer)),
        _ => None,
    };
    let mut found = BTreeSet::new();
    for function in program.ids().filter(|&id| program.lang(id) == Lang::Cpp) {
        for (index, stmt) in program.function(function).stmts.iter().enumerate() {
            let StmtKind::Call { callee, args } = &stmt.kind else {
                continue;
            };
            if let Callee::Method { receiver, .. } = callee
                && let Some((name, false)) = named(receiver)
            {
                found.insert(name);
            }
            let stmt = StmtId(index as u32);
            let is_unknown = program
                .call(Site { function, stmt })
                .is_none_or(|call| call.targets.is_empty() && call.effects.is_empty());
            if is_unknown {
                found.extend(args.iter().filter_map(named).map(|(name, _)| name));
            }
        }
    }
    found
}

/// The names of those that the text of the module's own files sets, or takes the address of: in a table of options, say,
/// or in a function that was not looked into. The declaration's own value is no setting.
fn set_in_text(program: &Program, values: &BTreeMap<StaticId, Abstract>) -> BTreeSet<Name> {
    let names: FxHashMap<&str, (&Name, bool)> = values
        .iter()
        .map(|(&id, value)| {
            let name = &program.static_def(id).name;
            (&**name, (name, value.number() == Some(0)))
        })
        .collect();
    let at_home: FxHashSet<u32> = values.keys().map(|&id| program.static_unit(id)).collect();
    let mut given: FxHashMap<&Name, u32> = FxHashMap::default();
    let mut found = BTreeSet::new();
    for (number, unit) in program.units.iter().enumerate() {
        let is_asked = program.module.sources.binary_search(&unit.file).is_ok()
            || at_home.contains(&(number as u32));
        if !is_asked || unit.lang == Lang::Rust {
            continue;
        }
        let text = &*program.sources.file(unit.file).text;
        for (start, word) in words(text) {
            let Some(&(name, begins_with_nothing)) = names.get(word) else {
                continue;
            };
            let before = text[..start].trim_end_matches([' ', '(', ':']);
            let after = text[start + word.len()..].trim_start();
            let by_address = before.ends_with('&') && !before.ends_with("&&");
            let counted = [before.ends_with("++"), before.ends_with("--")].contains(&true)
                || after.starts_with("++")
                || after.starts_with("--");
            let combined = ["+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>="]
                .iter()
                .any(|operator| after.starts_with(operator));
            if by_address || counted || combined || before.ends_with(">>") {
                found.insert(name.clone());
            } else if let Some(value) = after
                .strip_prefix('=')
                .filter(|rest| !rest.starts_with('='))
            {
                let value = value.trim_start();
                let end = value
                    .find([';', ',', ')', '\n', '}'])
                    .unwrap_or(value.len());
                let value = value[..end].trim_end();
                let nothing = matches!(value, "0" | "NULL" | "nullptr" | "FALSE" | "false");
                if !(nothing && begins_with_nothing) {
                    *given.entry(name).or_default() += 1;
                }
            }
        }
    }
    // Once, where it begins with something.
    for (&word, &(name, begins_with_nothing)) in &names {
        debug_assert_eq!(word, &**name);
        if given.get(name).copied().unwrap_or(0) > u32::from(!begins_with_nothing) {
            found.insert(name.clone());
        }
    }
    found
}

/// The identifiers of a text outside of comments, with their places.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &bytes[at..];
            at += rest
                .iter()
                .position(|&byte| is_part(byte) || byte == b'/')?;
            let end = match &text[at..] {
                rest if rest.starts_with("//") => rest.find('\n'),
                rest if rest.starts_with("/*") => rest.get(2..)?.find("*/").map(|end| end + 4),
                rest if rest.starts_with('/') => Some(1),
                _ => break,
            };
            at += end?;
        }
        let start = at;
        let length = bytes[at..].iter().position(|&byte| !is_part(byte));
        at += length.unwrap_or(bytes.len() - start);
        Some((start, &text[start..at]))
    })
}
