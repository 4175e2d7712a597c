//! Linking: the units of one module become one program.
//!
//! In come units and the API table; out go functions with their calls resolved and classified once, callers, types of
//! values, keys that tell which object a place is, and where module handles come from. A name that could mean several
//! things means nothing: a wrong edge costs more than a missing one.

mod calls;
mod constructions;
mod deciding;
pub mod demand;
pub mod endings;
mod handed;
mod keys;
mod moved;
mod names;
pub mod origin;
mod overrides;
mod remembered;
mod resolve;
mod settled;
mod slots;
mod templates;
pub mod types;
mod typing;
mod values;

pub use calls::{Call, CallEffect, Target};
pub use endings::Ending;
pub use keys::{Key, KeyRoot};
pub use names::Meaning;
pub use values::Constant;

use crate::api::Api;
use crate::ir::{
    Function, FunctionIndex, FunctionKind, Name, Static, StmtId, StmtKind, TypeDef, Unit, Value,
};
use crate::module::cargo::CrateNames;
use crate::module::{Kind, Module};
use crate::source::{FileId, Lang, Sources, Span};
use remembered::Remembered;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, OnceLock, RwLock};

/// A function of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FnId(pub u32);

/// A class, trait or alias of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// A static object of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StaticId(pub u32);

/// A statement of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    pub function: FnId,
    pub stmt: StmtId,
}

/// Types as text, with the unit in which to read them.
type ResultTypes = FxHashMap<(Site, u8), Option<(String, u32)>>;
type LocalTypes = FxHashMap<(FnId, u32, u8), Option<(String, u32)>>;

/// One module, linked.
pub struct Program<'a> {
    pub sources: &'a Sources,
    pub api: &'a Api,
    pub module: &'a Module,
    pub units: Vec<Arc<Unit>>,
    functions: Vec<(u32, FunctionIndex)>,
    first_function: Vec<u32>,
    types: Vec<(u32, u32)>,
    statics: Vec<(u32, u32)>,
    names: names::Names,
    chains: Vec<OnceLock<Vec<TypeId>>>,
    /// Of Rust: the crate's name, and the module path that a file's place gives it, by unit.
    prefixes: Vec<String>,
    /// The same without the crate's name. What a crate's root passes on is not asked: there, names lead to names too often.
    inside: Vec<String>,
    /// The names that macros give to functions.
    renamed: FxHashMap<FnId, Name>,
    /// Qualified names, by function.
    full_names: Vec<Name>,
    /// What the table knows of a written type, by unit.
    row_cache: Remembered<Option<&'a Arc<crate::api::TypeRow>>>,
    /// Types by written name and unit: the same few are asked for over and over.
    type_cache: Remembered<Option<TypeId>>,
    /// What constructors imply, by class and constructor.
    implied_cache: RwLock<constructions::Implied>,
    /// What is behind the aliases in a written type, by unit; none where it is no alias.
    alias_cache: Remembered<Option<Box<str>>>,
    /// Types of calls' results, by call and how deep they were looked for: chains of calls ask for the same ones again.
    result_types: RwLock<ResultTypes>,
    /// The same of locals whose type nothing says but what they are assigned.
    local_types: RwLock<LocalTypes>,
    owners: Vec<Option<TypeId>>,
    methods: FxHashMap<TypeId, Vec<FnId>>,
    derived: FxHashMap<TypeId, Vec<TypeId>>,
    calls: Vec<Vec<Call>>,
    callers: Vec<Vec<Site>>,
    /// The parameters that decide what some call does, by function.
    deciding: Vec<deciding::Params>,
    assignments: FxHashMap<Key, Vec<(FnId, StmtId, Value)>>,
    written: FxHashMap<Key, Vec<Site>>,
    /// Places that hold what a spawning call gave.
    started: FxHashSet<Key>,
    /// Which functions have objects of a class as locals.
    makers: OnceLock<handed::Makers>,
    /// What its places get, by function.
    given: Vec<OnceLock<endings::Given>>,
    /// What locals are assigned that are assigned once, by function.
    singles: Vec<OnceLock<FxHashMap<u32, keys::Single>>>,
    /// The calls of methods, by the method's name.
    method_calls: OnceLock<FxHashMap<Name, Vec<Site>>>,
    /// The calls of methods of bases that a method overrides, by the method.
    overridden: Vec<OnceLock<Vec<Site>>>,
    /// The statements that assign to a local as a whole, by function and local.
    assigning: Vec<OnceLock<FxHashMap<u32, Vec<StmtId>>>>,
    /// The functions that pointers in members lead to.
    slots: OnceLock<slots::Slots>,
}

impl<'a> Program<'a> {
    /// Links the units of one module.
    pub fn link(
        sources: &'a Sources,
        api: &'a Api,
        module: &'a Module,
        units: Vec<Arc<Unit>>,
    ) -> Program<'a> {
        let mut program = Program {
            sources,
            api,
            module,
            functions: Vec::new(),
            first_function: Vec::new(),
            types: Vec::new(),
            statics: Vec::new(),
            names: names::Names::default(),
            chains: Vec::new(),
            prefixes: Vec::new(),
            inside: Vec::new(),
            renamed: FxHashMap::default(),
            full_names: Vec::new(),
            row_cache: Remembered::new(units.len()),
            type_cache: Remembered::new(units.len()),
            implied_cache: RwLock::default(),
            alias_cache: Remembered::new(units.len()),
            result_types: RwLock::default(),
            local_types: RwLock::default(),
            owners: Vec::new(),
            methods: FxHashMap::default(),
            derived: FxHashMap::default(),
            calls: Vec::new(),
            callers: Vec::new(),
            deciding: Vec::new(),
            assignments: FxHashMap::default(),
            written: FxHashMap::default(),
            started: FxHashSet::default(),
            makers: OnceLock::new(),
            given: Vec::new(),
            singles: Vec::new(),
            assigning: Vec::new(),
            method_calls: OnceLock::new(),
            overridden: Vec::new(),
            slots: OnceLock::new(),
            units,
        };
        for (number, unit) in program.units.iter().enumerate() {
            program.first_function.push(program.functions.len() as u32);
            program.functions.extend(
                (0..unit.functions.len() as u32).map(|index| (number as u32, FunctionIndex(index))),
            );
            program
                .types
                .extend((0..unit.types.len() as u32).map(|index| (number as u32, index)));
            program
                .statics
                .extend((0..unit.statics.len() as u32).map(|index| (number as u32, index)));
        }
        program.given = program.ids().map(|_| OnceLock::new()).collect();
        program.singles = program.ids().map(|_| OnceLock::new()).collect();
        program.overridden = program.ids().map(|_| OnceLock::new()).collect();
        program.assigning = program.ids().map(|_| OnceLock::new()).collect();
        program.chains = program.type_ids().map(|_| OnceLock::new()).collect();
        let mut crates = CrateNames::default();
        program.inside = program
            .units
            .iter()
            .map(|unit| module_path(&sources.file(unit.file).path, unit.lang))
            .collect();
        program.prefixes = program
            .units
            .iter()
            .zip(&program.inside)
            .map(|(unit, inside)| {
                let path = &sources.file(unit.file).path;
                match (unit.lang == Lang::Rust).then(|| crates.of(sources, path)) {
                    None | Some("") => inside.clone(),
                    Some(name) if inside.is_empty() => name.to_string(),
                    Some(name) => format!("{name}::{inside}"),
                }
            })
            .collect();
        program.full_names = program
            .ids()
            .map(|id| {
                join_name(
                    &program.prefixes[program.unit_number(id) as usize],
                    &program.function(id).qualified_name(),
                )
            })
            .collect();
        program.names = names::Names::collect(&program);
        program.find_owners();
        let mut names = std::mem::take(&mut program.names);
        names.find_namespaced(&program);
        program.names = names;
        let renamed = program.renamed_functions();
        program.names.rename(&renamed);
        program.renamed = renamed.into_iter().map(|(name, id)| (id, name)).collect();
        program.resolve_calls();
        program.deciding = program.find_deciding();
        program.forget_types();
        program.index_assignments();
        program.forget_types();
        program.index_started();
        program.forget_types();
        program
    }

    pub fn ids(&self) -> impl Iterator<Item = FnId> + use<> {
        (0..self.functions.len() as u32).map(FnId)
    }

    pub fn function(&self, id: FnId) -> &Function {
        let (unit, index) = self.functions[id.0 as usize];
        &self.units[unit as usize].functions[index.0 as usize]
    }

    pub fn unit_of(&self, id: FnId) -> &Unit {
        &self.units[self.functions[id.0 as usize].0 as usize]
    }

    pub fn unit_number(&self, id: FnId) -> u32 {
        self.functions[id.0 as usize].0
    }

    pub fn lang(&self, id: FnId) -> Lang {
        self.unit_of(id).lang
    }

    /// A function of the same unit as another.
    pub fn sibling(&self, id: FnId, index: FunctionIndex) -> FnId {
        self.function_in(self.unit_number(id), index)
    }

    pub fn function_in(&self, unit: u32, index: FunctionIndex) -> FnId {
        FnId(self.first_function[unit as usize] + index.0)
    }

    pub fn type_ids(&self) -> impl Iterator<Item = TypeId> + use<> {
        (0..self.types.len() as u32).map(TypeId)
    }

    pub fn type_def(&self, id: TypeId) -> &TypeDef {
        let (unit, index) = self.types[id.0 as usize];
        &self.units[unit as usize].types[index as usize]
    }

    pub fn type_unit(&self, id: TypeId) -> u32 {
        self.types[id.0 as usize].0
    }

    pub fn static_ids(&self) -> impl Iterator<Item = StaticId> + use<> {
        (0..self.statics.len() as u32).map(StaticId)
    }

    pub fn static_def(&self, id: StaticId) -> &Static {
        let (unit, index) = self.statics[id.0 as usize];
        &self.units[unit as usize].statics[index as usize]
    }

    pub fn static_unit(&self, id: StaticId) -> u32 {
        self.statics[id.0 as usize].0
    }

    /// The class whose method this is; of a lambda, the class of the method around it.
    pub fn owner(&self, id: FnId) -> Option<TypeId> {
        self.owners[id.0 as usize]
    }

    /// Methods, constructors and destructors that belong to a class, without its bases'.
    pub fn methods(&self, id: TypeId) -> &[FnId] {
        self.methods.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Classes that name this one as a base.
    pub fn derived(&self, id: TypeId) -> &[TypeId] {
        self.derived.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The calls of a function, by statement.
    pub fn calls(&self, id: FnId) -> &[Call] {
        self.calls.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    pub fn call(&self, site: Site) -> Option<&Call> {
        let calls = self.calls(site.function);
        calls
            .binary_search_by_key(&site.stmt, |call| call.stmt)
            .ok()
            .map(|index| &calls[index])
    }

    /// Where a function is called (not where its address is taken).
    pub fn callers(&self, id: FnId) -> &[Site] {
        self.callers.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    pub fn stmt_span(&self, site: Site) -> Span {
        self.function(site.function).stmt(site.stmt).span
    }

    /// The function around a lambda.
    pub fn enclosing(&self, id: FnId) -> Option<FnId> {
        self.function(id)
            .enclosing
            .map(|index| self.sibling(id, index))
    }

    /// All values assigned to a place anywhere in the program.
    pub fn assignments(&self, key: &Key) -> &[(FnId, StmtId, Value)] {
        self.assignments.get(key).map_or(&[], Vec::as_slice)
    }

    /// The calls that get the address of a place and may write to it.
    pub fn written_by(&self, key: &Key) -> impl Iterator<Item = Site> + '_ {
        self.written.get(key).into_iter().flatten().copied()
    }

    /// Whether a place holds what a spawning call gave: a thread, a future.
    pub fn is_started(&self, key: &Key) -> bool {
        self.started.contains(key)
    }

    /// Whether a file belongs to the module itself. What is only shared with it is judged where it is at home.
    pub fn is_own_file(&self, file: FileId) -> bool {
        self.module.sources.binary_search(&file).is_ok()
            || self.module.headers.binary_search(&file).is_ok()
    }

    /// The functions of the module's own files.
    pub fn own_ids(&self) -> impl Iterator<Item = FnId> + use<'_, 'a> {
        self.ids().filter(|&id| self.is_own_file(self.file(id)))
    }

    pub fn is_dll(&self) -> bool {
        self.module.kind == Kind::Dll
    }

    pub fn is_exe(&self) -> bool {
        self.module.kind == Kind::Exe
    }

    /// Of a free function of Rust: the module by which people call it, `imp` of `imp::stop`; `None` at a crate's root.
    fn module_around(&self, id: FnId) -> Option<&str> {
        let function = self.function(id);
        // What others call by its bare name (`#[no_mangle]`) is known by that.
        if self.lang(id) != Lang::Rust
            || function.kind == FunctionKind::Macro
            || function.linkage == crate::ir::Linkage::Exported
        {
            return None;
        }
        let scope = &*function.scope;
        let inside = if scope.is_empty() {
            self.inside[self.unit_number(id) as usize].as_str()
        } else {
            scope
        };
        inside
            .rsplit("::")
            .next()
            .filter(|module| !module.is_empty())
    }

    /// How people name a function: `Worker::Stop`, `the lambda in Start`, `the initializer of g_worker`.
    pub fn describe(&self, id: FnId) -> String {
        let function = self.function(id);
        match function.kind {
            FunctionKind::Lambda => match self.enclosing(id) {
                Some(around) => {
                    let word = if self.lang(id) == Lang::Rust {
                        "closure"
                    } else {
                        "lambda"
                    };
                    let around = self.describe(around);
                    if around.starts_with("the ") {
                        around
                    } else {
                        format!("the {word} in {around}")
                    }
                }
                None => "a lambda".to_string(),
            },
            FunctionKind::Initializer => {
                let name = function
                    .name
                    .trim_start_matches("{init ")
                    .trim_end_matches('}');
                format!("the initializer of `{name}`")
            }
            FunctionKind::Drop => format!("`{}::drop`", last_parts(&function.scope, 1)),
            _ => {
                let owner = if self.owner(id).is_some() {
                    last_parts(&function.scope, 1)
                } else {
                    String::new()
                };
                if owner.is_empty() {
                    let name = self.renamed.get(&id).unwrap_or(&function.name);
                    match self.module_around(id) {
                        Some(module) => format!("`{module}::{name}`"),
                        None => format!("`{name}`"),
                    }
                } else {
                    format!("`{owner}::{}`", function.name)
                }
            }
        }
    }

    /// The file of a function.
    pub fn file(&self, id: FnId) -> FileId {
        self.unit_of(id).file
    }

    fn find_owners(&mut self) {
        let mut owners: Vec<Option<TypeId>> = Vec::with_capacity(self.functions.len());
        for id in self.ids() {
            let function = self.function(id);
            let owner = match (function.kind, function.enclosing) {
                (FunctionKind::Lambda, Some(around)) => owners
                    .get(self.sibling(id, around).0 as usize)
                    .copied()
                    .flatten(),
                (FunctionKind::Initializer, _) if !function.has_this => None,
                (FunctionKind::Macro, _) => None,
                _ if function.scope.is_empty() => None,
                _ => self.find_class(&function.scope, self.unit_number(id)),
            };
            owners.push(owner);
        }
        // A lambda may stand before the function around it in the list.
        for id in self.ids() {
            let mut around = id;
            let mut steps = 0;
            while let (FunctionKind::Lambda, Some(next)) =
                (self.function(around).kind, self.enclosing(around))
            {
                around = next;
                steps += 1;
                if steps > 32 {
                    break;
                }
            }
            owners[id.0 as usize] = owners[around.0 as usize];
        }
        let mut methods: FxHashMap<TypeId, Vec<FnId>> = FxHashMap::default();
        for id in self.ids() {
            if let Some(owner) = owners[id.0 as usize]
                && self.function(id).kind != FunctionKind::Lambda
            {
                methods.entry(owner).or_default().push(id);
            }
        }
        let mut derived: FxHashMap<TypeId, Vec<TypeId>> = FxHashMap::default();
        for id in self.type_ids() {
            for base in &self.type_def(id).bases {
                if let Some(base) = self.class_of_text(base, self.type_unit(id))
                    && base != id
                {
                    derived.entry(base).or_default().push(id);
                }
            }
        }
        self.owners = owners;
        self.methods = methods;
        self.derived = derived;
    }

    /// Where the results of spawning calls are kept: assigned, or handed to a method of what keeps them.
    fn index_started(&mut self) {
        use crate::api::{Arg, Effect};
        let mut started = FxHashSet::default();
        for id in self.ids() {
            let mut made: Vec<Value> = self
                .calls(id)
                .iter()
                .filter(|call| {
                    call.effects.iter().any(|effect| {
                        matches!(
                            effect.effect(),
                            Effect::Spawn {
                                handle: Some(Arg::Result),
                                ..
                            }
                        )
                    })
                })
                .map(|call| Value::Result(call.stmt))
                .collect();
            if made.is_empty() {
                continue;
            }
            for (number, stmt) in self.function(id).stmts.iter().enumerate() {
                // A member's initializer: the object is made from what was given.
                if let StmtKind::Call {
                    callee: crate::ir::Callee::Construct { heap: false, .. },
                    args,
                } = &stmt.kind
                    && args.iter().any(|arg| made.contains(arg))
                {
                    made.push(Value::Result(StmtId(number as u32)));
                }
                let kept = match &stmt.kind {
                    StmtKind::Assign { to, value } if made.contains(value) => {
                        self.key_of_target(id, to)
                    }
                    StmtKind::Call {
                        callee: crate::ir::Callee::Method { receiver, .. },
                        args,
                    } if args.iter().any(|arg| made.contains(arg)) => {
                        self.key_of_value(id, receiver)
                    }
                    _ => None,
                };
                started.extend(kept);
            }
        }
        self.started = started;
    }

    fn index_assignments(&mut self) {
        let mut assignments: FxHashMap<Key, Vec<(FnId, StmtId, Value)>> = FxHashMap::default();
        let mut written: FxHashMap<Key, Vec<Site>> = FxHashMap::default();
        for id in self.ids() {
            let function = self.function(id);
            for block in &function.blocks {
                for &stmt in &block.stmts {
                    match &function.stmt(stmt).kind {
                        StmtKind::Assign { to, value } => {
                            if let Some(key) = self.key_of_target(id, to) {
                                assignments
                                    .entry(key)
                                    .or_default()
                                    .push((id, stmt, value.clone()));
                            }
                        }
                        StmtKind::Call { args, .. } => {
                            for arg in args {
                                if let Value::AddressOf(place) = arg
                                    && let Some(key) = self.key_of_target(id, place)
                                {
                                    written
                                        .entry(key)
                                        .or_default()
                                        .push(Site { function: id, stmt });
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        for id in self.ids() {
            for call in self.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    if let crate::api::Effect::Stores {
                        into,
                        value,
                        constant,
                        ..
                    } = effect.effect()
                        && let Some(place) = self.argument_value(site, *into).place()
                        && let Some(key) = self.key(id, &place)
                    {
                        let value = match (value, constant) {
                            (_, Some(constant)) => Value::Const(*constant),
                            (Some(value), None) => self.argument_value(site, *value),
                            (None, None) => Value::Unknown,
                        };
                        assignments
                            .entry(key)
                            .or_default()
                            .push((id, call.stmt, value));
                    }
                }
            }
        }
        self.assignments = assignments;
        self.written = written;
    }
}

/// The last parts of a qualified name.
pub fn last_parts(name: &str, count: usize) -> String {
    let parts: Vec<&str> = name.split("::").collect();
    parts[parts.len().saturating_sub(count)..].join("::")
}

/// Whether a qualified name ends with another, at a `::`.
pub fn ends_with_name(full: &str, wanted: &str) -> bool {
    full == wanted || (full.ends_with(wanted) && full[..full.len() - wanted.len()].ends_with("::"))
}

/// Whether a name that parts make up, outermost first, ends with another at a `::`. Empty parts are none.
fn parts_end_with(parts: &[&str], wanted: &str) -> bool {
    let mut wanted = wanted;
    for part in parts.iter().rev().filter(|part| !part.is_empty()) {
        if ends_with_name(part, wanted) {
            return true;
        }
        let before = wanted.strip_suffix(part);
        match before.and_then(|before| before.strip_suffix("::")) {
            Some(before) => wanted = before,
            None => return false,
        }
    }
    false
}

/// `a::b` for `src/a/b.rs` and `src/a/b/mod.rs`; nothing for a crate root and for other languages.
fn module_path(path: &str, lang: Lang) -> String {
    let Some(stem) = path.strip_suffix(".rs").filter(|_| lang == Lang::Rust) else {
        return String::new();
    };
    let parts: Vec<&str> = stem.split('/').collect();
    let root = parts
        .iter()
        .rposition(|&part| part == "src")
        .map_or(parts.len() - 1, |at| at + 1);
    let mut inside: Vec<&str> = parts[root..].to_vec();
    if matches!(inside.last(), Some(&"mod" | &"lib" | &"main")) {
        inside.pop();
    }
    inside.join("::")
}

/// A static's or type's qualified name.
pub fn join_name(scope: &str, name: &str) -> Name {
    if scope.is_empty() {
        name.into()
    } else {
        format!("{scope}::{name}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_end_as_joined_ones_do() {
        let scopes = ["", "b", "a::b", "ab"];
        let wanted = [
            "C",
            "b::C",
            "a::b::C",
            "p::a::b::C",
            "p::C",
            "p::ab::C",
            "::C",
            "x::C",
            "bC",
            "b",
            "B::C",
        ];
        for prefix in ["", "p", "q::p"] {
            for scope in scopes {
                for name in ["C", "B::C"] {
                    let joined = join_name(prefix, &join_name(scope, name));
                    for wanted in wanted {
                        assert_eq!(
                            parts_end_with(&[prefix, scope, name], wanted),
                            ends_with_name(&joined, wanted),
                            "{joined} {wanted}"
                        );
                    }
                }
            }
        }
    }
}
