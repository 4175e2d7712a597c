//! Names: what a written name means at a place of the program.

use super::{FnId, Program, StaticId, TypeId, ends_with_name, join_name, parts_end_with, types};
use crate::ir::{Constant, FunctionKind, Import, Name, Place, Root, TypeKind, Value};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::RwLock;

/// Everything that can be looked up, by the last part of its name.
#[derive(Default)]
pub(super) struct Names {
    functions: FxHashMap<Name, Vec<FnId>>,
    types: FxHashMap<Name, Vec<TypeId>>,
    statics: FxHashMap<Name, Vec<StaticId>>,
    constants: FxHashMap<Name, Vec<(u32, u32)>>,
    /// The smallest number of arguments that a prototype's defaults allow.
    pub(super) defaults: FxHashMap<(Name, usize), usize>,
    /// How many classes declare a method of this name.
    pub(super) declared_methods: FxHashMap<Name, u32>,
    /// Functions that look like methods where they are defined, `void hooks::start() { … }`, and are a namespace's by
    /// their prototypes.
    pub(super) in_namespace: FxHashSet<FnId>,
    /// What the path of each unit says.
    places: Vec<UnitPath>,
    /// What names mean in each unit: the same few are asked for over and over.
    pub(super) resolved: Vec<RwLock<FxHashMap<Box<str>, Resolved>>>,
}

/// The functions that a name means, by the number of arguments that were asked for, and by the class and the scope that
/// asked.
pub(super) type Resolved = Vec<(Option<usize>, Option<TypeId>, Name, Vec<FnId>)>;

/// What a unit's path says about it.
#[derive(Clone, Copy, Default)]
struct UnitPath {
    header: bool,
    other_system: bool,
    windows: bool,
}

/// What a name that is no local means.
pub enum Meaning<'p> {
    /// A field of the object that the function is called on.
    Field,
    Static(StaticId),
    Constant(&'p Value, u32),
    Functions(Vec<FnId>),
    Unknown,
}

impl Names {
    pub(super) fn collect(program: &Program) -> Names {
        let places: Vec<UnitPath> = (0..program.units.len() as u32)
            .map(|unit| {
                let path = program.path_of(unit);
                UnitPath {
                    header: program.units[unit as usize].lang == Lang::Cpp
                        && [".h", ".hh", ".hpp", ".hxx", ".inl", ".ipp", ".tcc", ".h++"]
                            .iter()
                            .any(|ending| path.ends_with(ending)),
                    other_system: crate::module::is_of_another_system(path),
                    windows: crate::module::is_of_windows(path),
                }
            })
            .collect();
        let mut names = Names {
            resolved: places.iter().map(|_| RwLock::default()).collect(),
            places,
            ..Names::default()
        };
        for id in program.ids() {
            names
                .functions
                .entry(program.function(id).name.clone())
                .or_default()
                .push(id);
        }
        for id in program.type_ids() {
            names
                .types
                .entry(program.type_def(id).name.clone())
                .or_default()
                .push(id);
        }
        for id in program.static_ids() {
            names
                .statics
                .entry(program.static_def(id).name.clone())
                .or_default()
                .push(id);
        }
        for id in program.type_ids() {
            let mut seen: Vec<&Name> = program
                .type_def(id)
                .methods
                .iter()
                .map(|method| &method.name)
                .collect();
            seen.sort();
            seen.dedup();
            for name in seen {
                *names.declared_methods.entry(name.clone()).or_default() += 1;
            }
        }
        for (number, unit) in program.units.iter().enumerate() {
            for (index, constant) in unit.constants.iter().enumerate() {
                names
                    .constants
                    .entry(constant.name.clone())
                    .or_default()
                    .push((number as u32, index as u32));
            }
            let declared = unit
                .declarations
                .iter()
                .map(|declaration| (&declaration.name, &declaration.params));
            let methods = unit.types.iter().flat_map(|ty| {
                ty.methods
                    .iter()
                    .map(|method| (&method.name, &method.params))
            });
            for (name, params) in declared.chain(methods) {
                let needed = params
                    .iter()
                    .take_while(|param| param.default.is_none())
                    .count();
                if needed < params.len() {
                    let known = names
                        .defaults
                        .entry((name.clone(), params.len()))
                        .or_insert(needed);
                    *known = needed.min(*known);
                }
            }
        }
        names
    }
}

impl Names {
    /// Whether a unit's path says that it is compiled for another system.
    pub(super) fn is_of_another_system(&self, unit: u32) -> bool {
        self.places[unit as usize].other_system
    }

    /// Adds further names of functions.
    pub(super) fn rename(&mut self, functions: &[(Name, FnId)]) {
        for (name, id) in functions {
            self.functions.entry(name.clone()).or_default().push(*id);
        }
    }

    /// Says which functions belong to namespaces and not to classes; the owners have to be known by then.
    pub(super) fn find_namespaced(&mut self, program: &Program) {
        let mut doubtful: FxHashMap<&Name, Vec<FnId>> = FxHashMap::default();
        for id in program.ids() {
            let function = program.function(id);
            if function.kind == FunctionKind::Method
                && function.has_this
                && program.owner(id).is_none()
                && program.lang(id) == Lang::Cpp
            {
                doubtful.entry(&function.name).or_default().push(id);
            }
        }
        if doubtful.is_empty() {
            return;
        }
        for declaration in program.units.iter().flat_map(|unit| &unit.declarations) {
            let Some(candidates) = doubtful.get(&declaration.name) else {
                continue;
            };
            let declared = join_name(&declaration.scope, &declaration.name);
            self.in_namespace.extend(candidates.iter().filter(|&&id| {
                !declaration.scope.is_empty()
                    && program.function(id).params.len() == declaration.params.len()
                    && ends_with_name(&declared, &program.full_names[id.0 as usize])
            }));
        }
    }
}

/// A virtual method with more overrides than these, itself included, leads to none of them.
const MOST_OVERRIDES: usize = 8;

impl<'a> Program<'a> {
    /// Whether any file has a prototype of this name: then it is linked in, or imported, under that name.
    pub fn declares(&self, name: &str) -> bool {
        let last = crate::api::last_segment(name);
        self.units.iter().any(|unit| {
            unit.declarations
                .iter()
                .any(|declaration| *declaration.name == *last)
        })
    }

    /// The functions with this last name.
    pub fn functions_named(&self, name: &str) -> &[FnId] {
        self.names.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// The class of a qualified or short name, seen from a unit. Aliases are not followed.
    pub(super) fn find_class(&self, name: &str, unit: u32) -> Option<TypeId> {
        self.find_type(name, unit, |kind| kind != TypeKind::Alias)
    }

    pub(super) fn find_type(
        &self,
        name: &str,
        unit: u32,
        wanted: impl Fn(TypeKind) -> bool,
    ) -> Option<TypeId> {
        let (name, _) = types::split_template(name);
        let last = name.rsplit("::").next().unwrap_or(&name);
        let fitting: Vec<TypeId> = self
            .names
            .types
            .get(last)?
            .iter()
            .copied()
            .filter(|&id| {
                let def = self.type_def(id);
                wanted(def.kind) && self.is_named(self.type_unit(id), &def.scope, &def.name, &name)
            })
            .collect();
        self.nearest(&fitting, unit, |id| self.type_unit(id))
    }

    /// Whether a written name can mean what stands in a unit under a scope; in Rust the file's place is part of the path.
    fn is_named(&self, unit: u32, scope: &str, name: &str, written: &str) -> bool {
        parts_end_with(&[&self.prefixes[unit as usize], scope, name], written)
    }

    /// A type's text as it is meant inside a scope: `Data` in the class `Pool` is `Pool::Data`, where there is one.
    pub fn text_in_scope(&self, text: &str, scope: &str) -> String {
        if scope.is_empty() {
            return text.to_string();
        }
        let base = types::parse(text).base;
        let (before, last) = base.rsplit_once("::").unwrap_or(("", &base));
        let known = self.names.types.get(last).filter(|known| known.len() > 1);
        let Some(known) = known.filter(|_| !base.is_empty()) else {
            return text.to_string();
        };
        let mut around = scope;
        loop {
            let stands_here = |id: &TypeId| {
                let inside = self.type_def(*id).scope.strip_prefix(around);
                inside.is_some_and(|inside| match before {
                    "" => inside.is_empty(),
                    _ => inside.strip_prefix("::") == Some(before),
                })
            };
            if known.iter().any(stands_here) {
                return text.replacen(&base, &format!("{around}::{base}"), 1);
            }
            match around.rsplit_once("::") {
                Some((outer, _)) => around = outer,
                None => return text.to_string(),
            }
        }
    }

    /// Of several candidates: the one of the same file, else the only one of the same folder, else the only one under
    /// the deepest common folder.
    pub(super) fn nearest<T: Copy>(
        &self,
        candidates: &[T],
        unit: u32,
        unit_of: impl Fn(T) -> u32,
    ) -> Option<T> {
        if let [only] = candidates {
            return Some(*only);
        }
        let here = self.path_of(unit);
        let windows: Vec<T> = candidates
            .iter()
            .copied()
            .filter(|&candidate| !self.names.places[unit_of(candidate) as usize].other_system)
            .collect();
        if windows.len() < candidates.len()
            && !windows.is_empty()
            && !self.names.places[unit as usize].other_system
        {
            return self.nearest(&windows, unit, unit_of);
        }
        if let Some(&same) = candidates
            .iter()
            .find(|&&candidate| unit_of(candidate) == unit)
        {
            return Some(same);
        }
        let depth = |candidate: T| common_folders(here, self.path_of(unit_of(candidate)));
        let deepest = candidates.iter().map(|&candidate| depth(candidate)).max()?;
        let near: Vec<T> = candidates
            .iter()
            .copied()
            .filter(|&candidate| depth(candidate) == deepest)
            .collect();
        if let [only] = near[..] {
            return Some(only);
        }
        // `server.c`, `server_omp.c` and `server_win32.c` cannot be linked together: the build picks one of them.
        let mut windows = near
            .into_iter()
            .filter(|&candidate| self.names.places[unit_of(candidate) as usize].windows);
        let chosen = windows.next()?;
        windows
            .all(|other| unit_of(other) == unit_of(chosen))
            .then_some(chosen)
    }

    pub(super) fn path_of(&self, unit: u32) -> &str {
        &self.sources.file(self.units[unit as usize].file).path
    }

    /// The static of this name, seen from a function.
    pub(super) fn find_static(&self, from: FnId, name: &str) -> Option<StaticId> {
        let last = name.rsplit("::").next().unwrap_or(name);
        let unit = self.unit_number(from);
        let known = self.names.statics.get(last)?;
        let named = |name: &str| -> Vec<StaticId> {
            known
                .iter()
                .copied()
                .filter(|&id| {
                    let object = self.static_def(id);
                    let full = join_name(&object.scope, &object.name);
                    // A function-local static is named with its whole scope, and only so.
                    let visible = if object.function.is_some() {
                        *full == *name
                    } else {
                        self.is_named(self.static_unit(id), &object.scope, &object.name, name)
                    };
                    visible
                        && (!object.internal
                            || self.static_unit(id) == unit
                            || self.is_header(self.static_unit(id)))
                })
                .collect()
        };
        let mut all = named(name);
        if all.is_empty() {
            all = self
                .exported_again(name)
                .iter()
                .map(|other| named(other))
                .find(|found| !found.is_empty())
                .unwrap_or_default();
        }
        let defined: Vec<StaticId> = all
            .iter()
            .copied()
            .filter(|&id| !self.static_def(id).is_extern)
            .collect();
        let candidates = if defined.is_empty() { &all } else { &defined };
        if name.contains("::") || candidates.len() <= 1 {
            return self.nearest(candidates, unit, |id| self.static_unit(id));
        }
        // A short name: a class's or namespace's own before the global one.
        let scope = &self.function(from).scope;
        let scoped: Vec<StaticId> = candidates
            .iter()
            .copied()
            .filter(|&id| in_scope(scope, &self.static_def(id).scope))
            .collect();
        let candidates = if scoped.is_empty() {
            candidates
        } else {
            &scoped
        };
        self.nearest(candidates, unit, |id| self.static_unit(id))
    }

    /// What a name of Rust may stand for that a module passes on: `lua::LIBRARIES`, where the module says
    /// `pub use env::LIBRARIES` or `pub use env::*`.
    fn exported_again(&self, name: &str) -> Vec<String> {
        let Some((module, last)) = name.rsplit_once("::") else {
            return Vec::new();
        };
        let relative = |path: &str| {
            ["crate::", "self::", "super::"]
                .iter()
                .fold(path, |rest, start| rest.trim_start_matches(start))
                .to_string()
        };
        let module = relative(module);
        self.units
            .iter()
            .zip(&self.inside)
            .filter(|(unit, prefix)| unit.lang == Lang::Rust && ends_with_name(prefix, &module))
            .flat_map(|(unit, _)| &unit.imports)
            .filter_map(|import| match import {
                Import::Alias(short, path) if **short == *last => Some(relative(path)),
                Import::Namespace(path) => Some(format!("{}::{last}", relative(path))),
                _ => None,
            })
            .filter(|other| other != name)
            .collect()
    }

    pub(super) fn is_header(&self, unit: u32) -> bool {
        self.names.places[unit as usize].header
    }

    /// The value of a constant, enumerator or plain macro, seen from a function.
    pub(super) fn find_constant(&self, from: FnId, name: &str) -> Option<(&Value, u32)> {
        let last = name.rsplit("::").next().unwrap_or(name);
        let unit = self.unit_number(from);
        let fitting: Vec<(u32, u32)> = self
            .names
            .constants
            .get(last)?
            .iter()
            .copied()
            .filter(|&(number, index)| {
                let constant = &self.units[number as usize].constants[index as usize];
                // What one file undefines is so only there.
                (number == unit || !is_itself(constant))
                    && (self.is_named(number, &constant.scope, &constant.name, name)
                        || !name.contains("::"))
            })
            .collect();
        let (number, index) = self
            .nearest(&fitting, unit, |(number, _)| number)
            .or_else(|| {
                // The same value everywhere is as good as one.
                let value = |&(number, index): &(u32, u32)| {
                    &self.units[number as usize].constants[index as usize].value
                };
                let first = fitting.first()?;
                fitting
                    .iter()
                    .all(|other| value(other) == value(first))
                    .then_some(*first)
            })?;
        let constant = &self.units[number as usize].constants[index as usize];
        (!is_itself(constant)).then_some((&constant.value, number))
    }

    /// Functions that a macro gives another name: with `#define DllMain DllMain_Wrapped` the file that defines DllMain
    /// defines DllMain_Wrapped.
    pub(super) fn renamed_functions(&self) -> Vec<(Name, FnId)> {
        let mut renamed = Vec::new();
        for id in self.ids() {
            let function = self.function(id);
            if function.kind != FunctionKind::Free
                || !function.scope.is_empty()
                || self.lang(id) == Lang::Rust
                || !self.names.constants.contains_key(&function.name)
            {
                continue;
            }
            if let Some((Value::Place(place), _)) = self.find_constant(id, &function.name)
                && let Root::Global(other) = &place.root
                && place.path.is_empty()
                && self.functions_named(other).is_empty()
            {
                renamed.push((other.clone(), id));
            }
        }
        renamed
    }

    /// What a name that is no local means in a function.
    pub fn meaning(&self, from: FnId, name: &str) -> Meaning<'_> {
        if !name.contains("::")
            && let Some(owner) = self.owner(from)
            && self.field(owner, name).is_some()
        {
            return Meaning::Field;
        }
        if let Some(id) = self.find_static(from, name) {
            return Meaning::Static(id);
        }
        if let Some((value, unit)) = self.find_constant(from, name) {
            return Meaning::Constant(value, unit);
        }
        let functions = self.resolve_function(from, name, None);
        if functions.is_empty() {
            Meaning::Unknown
        } else {
            Meaning::Functions(functions)
        }
    }

    /// Methods of this name on a class: its own, else its bases'; for a virtual one also the overrides in derived
    /// classes.
    pub fn find_methods(&self, class: TypeId, name: &str, arguments: Option<usize>) -> Vec<FnId> {
        let fits = |id: FnId| {
            let function = self.function(id);
            &*function.name == name
                && arguments.is_none_or(|count| self.accepts(function, count, false))
        };
        let mut found = Vec::new();
        for &id in self.class_chain(class) {
            found = self
                .methods(id)
                .iter()
                .copied()
                .filter(|&id| fits(id))
                .collect();
            if !found.is_empty() {
                break;
            }
        }
        if self.is_virtual(class, name) {
            // More than a handful tell nothing.
            let room = MOST_OVERRIDES.saturating_sub(found.len());
            let overrides: Vec<FnId> = self
                .all_derived(class)
                .into_iter()
                .flat_map(|id| self.methods(id))
                .copied()
                .filter(|&id| fits(id))
                .take(room + 1)
                .collect();
            if overrides.len() <= room {
                found.extend(overrides);
            }
        }
        found
    }

    /// The functions of a qualified or short name that can be called with one argument and no object.
    pub(super) fn functions_taking_one(&self, name: &str) -> Vec<FnId> {
        self.functions_named(crate::api::last_segment(name))
            .iter()
            .copied()
            .filter(|&id| {
                let function = self.function(id);
                matches!(function.kind, FunctionKind::Free | FunctionKind::Method)
                    && !function.has_this
                    && ends_with_name(&self.full_names[id.0 as usize], name)
                    && self.accepts(function, 1, false)
            })
            .collect()
    }

    /// Whether a class or one of its bases declares the method virtual.
    pub fn is_virtual(&self, class: TypeId, name: &str) -> bool {
        self.class_chain(class).iter().any(|&id| {
            self.type_def(id).kind == TypeKind::Trait
                || self
                    .type_def(id)
                    .methods
                    .iter()
                    .any(|method| &*method.name == name && method.is_virtual)
        })
    }

    /// A class and its bases, nearest first, at most 16.
    pub fn class_chain(&self, class: TypeId) -> &[TypeId] {
        self.chains[class.0 as usize].get_or_init(|| self.make_chain(class))
    }

    fn make_chain(&self, class: TypeId) -> Vec<TypeId> {
        let mut chain = vec![class];
        let mut next = 0;
        while next < chain.len() && chain.len() < 16 {
            let id = chain[next];
            next += 1;
            for base in &self.type_def(id).bases {
                if let Some(base) = self.class_of_text(base, self.type_unit(id))
                    && !chain.contains(&base)
                {
                    chain.push(base);
                }
            }
        }
        chain
    }

    /// All classes below a class, at most 32.
    pub fn all_derived(&self, class: TypeId) -> Vec<TypeId> {
        let mut all: Vec<TypeId> = self.derived(class).to_vec();
        let mut next = 0;
        while next < all.len() && all.len() < 32 {
            for &more in self.derived(all[next]) {
                if !all.contains(&more) && more != class {
                    all.push(more);
                }
            }
            next += 1;
        }
        all
    }

    /// The only method of this name among all classes; none where several classes have one.
    pub(super) fn unique_method(&self, name: &str, arguments: usize) -> Vec<FnId> {
        let candidates: Vec<FnId> = self
            .functions_named(name)
            .iter()
            .copied()
            .filter(|&id| {
                let function = self.function(id);
                function.has_this
                    && function.kind == FunctionKind::Method
                    && self.owner(id).is_some()
                    && self.accepts(function, arguments, false)
            })
            .collect();
        let declared = self.names.declared_methods.get(name).copied().unwrap_or(0);
        if candidates.is_empty()
            || declared > 1
            || candidates
                .iter()
                .any(|&id| self.owner(id) != self.owner(candidates[0]))
        {
            return Vec::new();
        }
        candidates
    }
}

/// Whether a constant only says that a name is no macro (`#undef`).
fn is_itself(constant: &Constant) -> bool {
    matches!(&constant.value, Value::Place(Place { root: Root::Global(name), path }) if path.is_empty() && *name == constant.name)
}

/// How many leading folders two paths share.
pub(super) fn common_folders(a: &str, b: &str) -> usize {
    let folders = |path| str::rsplit_once(path, '/').map_or("", |(folder, _)| folder);
    let (a, b) = (folders(a), folders(b));
    let same = a
        .split('/')
        .zip(b.split('/'))
        .take_while(|(a, b)| a == b)
        .count();
    // The own folder comes before the folders below it.
    if a == b { same * 2 + 1 } else { same * 2 }
}

/// Whether something in `scope` is visible without qualification from `from`.
pub(super) fn in_scope(from: &str, scope: &str) -> bool {
    from == scope || (from.starts_with(scope) && from[scope.len()..].starts_with("::"))
}
