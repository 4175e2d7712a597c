//! Resolving: which functions a call by name means.
//!
//! In come the function that calls, a name as written and a number of arguments; out come the definitions that are meant,
//! several only where they stand for each other. What may be one of many is none.

use super::names::{common_folders, in_scope};
use super::{FnId, Program, TypeId, ends_with_name, join_name, types};
use crate::ir::{Function, FunctionKind, Import, Linkage, Name, TypeKind};
use crate::source::Lang;

impl Program<'_> {
    /// The functions that a called name means: one, the alternatives of `#if` arms in one file, or none.
    /// `arguments` is the number of arguments, `None` where the address is taken.
    pub fn resolve_function(&self, from: FnId, name: &str, arguments: Option<usize>) -> Vec<FnId> {
        let (name, _) = types::split_template(name);
        let last = name.rsplit("::").next().unwrap_or(&name);
        let known = self.functions_named(last);
        if known.is_empty() {
            return Vec::new();
        }
        // A qualified name means the same in all of a file.
        let qualified = name.contains("::");
        let (class, scope) = match qualified {
            true => (None, Name::from("")),
            false => (self.owner(from), self.function(from).scope.clone()),
        };
        let unit = self.unit_number(from);
        let cache = &self.names.resolved[unit as usize];
        if let Ok(cache) = cache.read()
            && let Some(resolved) = cache.get(&*name)
            && let Some((.., found)) = resolved.iter().find(|(asked, by, within, _)| {
                *asked == arguments && *by == class && *within == scope
            })
        {
            return found.clone();
        }
        let mut found = Vec::new();
        if !qualified && class.is_none() && scope.is_empty() {
            // The file's own come before all others.
            let start = known.partition_point(|&id| self.unit_number(id) < unit);
            let end = known.partition_point(|&id| self.unit_number(id) <= unit);
            found = self.resolve_among(&known[start..end], from, &name, arguments);
        }
        if found.is_empty() {
            found = self.resolve_among(known, from, &name, arguments);
        }
        if found.is_empty() && self.lang(from) == Lang::Cpp {
            found = self.inherited(from, &name, arguments);
        }
        // What a header for another system makes of a function that Windows has: `#define abort() exit(1)`.
        let is_foreign = |unit: u32| self.names.is_of_another_system(unit);
        if !found.is_empty() && !is_foreign(unit) && self.api.knows(&name) {
            found.retain(|&id| !is_foreign(self.unit_number(id)));
        }
        if let Ok(mut cache) = cache.write() {
            let resolved = cache.entry(name.into_boxed_str()).or_default();
            resolved.push((arguments, class, scope, found.clone()));
        }
        found
    }

    fn resolve_among(
        &self,
        known: &[FnId],
        from: FnId,
        name: &str,
        arguments: Option<usize>,
    ) -> Vec<FnId> {
        let unit = self.unit_number(from);
        let qualified = name.contains("::");
        let caller = self.function(from);
        let class = self.owner(from);
        let class_scopes: Vec<Name> = match class {
            Some(class) => self
                .class_chain(class)
                .iter()
                .map(|&id| join_name(&self.type_def(id).scope, &self.type_def(id).name))
                .collect(),
            // A class or namespace that these sources do not show sees its own, whichever of the two it is.
            None if !caller.scope.is_empty() && self.lang(from) == Lang::Cpp => {
                vec![caller.scope.clone()]
            }
            None => Vec::new(),
        };
        let aliases = if qualified {
            self.alias_names(from, name)
        } else {
            Vec::new()
        };
        let candidates: Vec<FnId> = known
            .iter()
            .copied()
            .filter(|&id| {
                let function = self.function(id);
                if matches!(
                    function.kind,
                    FunctionKind::Lambda | FunctionKind::Initializer
                ) {
                    return false;
                }
                if function.linkage == Linkage::Internal
                    && self.unit_number(id) != unit
                    && !self.is_header(self.unit_number(id))
                    && self.lang(id) != Lang::Rust
                {
                    return false;
                }
                if self.lang(id) == Lang::Rust
                    && self.lang(from) != Lang::Rust
                    && function.linkage != Linkage::Exported
                {
                    return false;
                }
                if let Some(count) = arguments
                    && !self.accepts(function, count, qualified)
                {
                    return false;
                }
                if qualified {
                    let full = &self.full_names[id.0 as usize];
                    return ends_with_name(full, name)
                        || aliases.iter().any(|alias| ends_with_name(full, alias));
                }
                if (function.has_this
                    || matches!(
                        function.kind,
                        FunctionKind::Method
                            | FunctionKind::Ctor
                            | FunctionKind::Dtor
                            | FunctionKind::Drop
                    ))
                    && !self.names.in_namespace.contains(&id)
                {
                    // Without a receiver only methods of the own class and its bases are meant.
                    return class_scopes.contains(&function.scope);
                }
                true
            })
            .collect();
        if !qualified {
            let own: Vec<FnId> = candidates
                .iter()
                .copied()
                .filter(|&id| class_scopes.contains(&self.function(id).scope))
                .collect();
            if !own.is_empty() {
                return self.alternatives(&own, unit);
            }
            let scoped: Vec<FnId> = candidates
                .iter()
                .copied()
                .filter(|&id| {
                    !self.function(id).scope.is_empty()
                        && in_scope(&caller.scope, &self.function(id).scope)
                })
                .collect();
            if !scoped.is_empty() {
                return self.alternatives(&scoped, unit);
            }
        }
        self.alternatives(&candidates, unit)
    }

    /// `Derived::Stop()`, where a base class has the method.
    fn inherited(&self, from: FnId, name: &str, arguments: Option<usize>) -> Vec<FnId> {
        let Some((scope, last)) = name.rsplit_once("::") else {
            return Vec::new();
        };
        let scope = self.text_in_scope(scope, &self.function(from).scope);
        let Some(class) = self.class_of_text(&scope, self.unit_number(from)) else {
            return Vec::new();
        };
        let fits = |id: FnId| {
            let function = self.function(id);
            &*function.name == last
                && arguments.is_none_or(|count| self.accepts(function, count, false))
        };
        let own = self.owner(from).map(|own| self.type_def(own));
        if own.is_some_and(|own| own.template_params.iter().any(|param| **param == *scope)) {
            return Vec::new();
        }
        for &class in self.class_chain(class) {
            let methods = self.methods(class).iter().copied();
            let found: Vec<FnId> = methods.filter(|&id| fits(id)).collect();
            let is_declared = |class: TypeId| {
                let mut methods = self.type_def(class).methods.iter();
                methods.any(|method| &*method.name == last)
            };
            if !found.is_empty() || is_declared(class) {
                return found;
            }
        }
        Vec::new()
    }

    /// The other names of `T::f` where `T` is an alias of a class or namespace.
    fn alias_names(&self, from: FnId, name: &str) -> Vec<String> {
        let Some((scope, last)) = name.rsplit_once("::") else {
            return Vec::new();
        };
        let mut names: Vec<String> = self
            .unit_of(from)
            .imports
            .iter()
            .filter_map(|import| match import {
                Import::Alias(short, path) if **short == *scope => Some(format!("{path}::{last}")),
                _ => None,
            })
            .collect();
        if let Some(id) = self.find_type(scope, self.unit_number(from), |kind| {
            kind == TypeKind::Alias
        }) && let Some(text) = &self.type_def(id).alias
        {
            let target = types::parse(text).base;
            if !target.is_empty() {
                names.push(format!("{target}::{last}"));
            }
        }
        names
    }

    /// All of one file if they are alternatives of each other (or several only by `#if`), else the nearest one.
    fn alternatives(&self, candidates: &[FnId], unit: u32) -> Vec<FnId> {
        if candidates.len() <= 1 {
            return candidates.to_vec();
        }
        let file = match self.nearest(candidates, unit, |id| self.unit_number(id)) {
            Some(id) => self.unit_number(id),
            None => {
                // The deepest common folder holds several: they are one thing only if they stand in one file.
                let here = self.path_of(unit);
                let depth = |id: FnId| common_folders(here, self.path_of(self.unit_number(id)));
                let Some(deepest) = candidates.iter().map(|&id| depth(id)).max() else {
                    return Vec::new();
                };
                let mut near = candidates
                    .iter()
                    .filter(|&&id| depth(id) == deepest)
                    .map(|&id| self.unit_number(id));
                let Some(first) = near.next() else {
                    return Vec::new();
                };
                if near.any(|other| other != first) {
                    return Vec::new();
                }
                first
            }
        };
        let of_file: Vec<FnId> = candidates
            .iter()
            .copied()
            .filter(|&id| self.unit_number(id) == file)
            .collect();
        if of_file.len() <= 1 {
            return of_file;
        }
        // Overloads are no alternatives, unless only one has the right scope; `#if` arms are.
        let conditional = of_file.iter().all(|&id| !self.function(id).when.is_empty());
        let same_scope = of_file
            .iter()
            .all(|&id| self.function(id).scope == self.function(of_file[0]).scope);
        if same_scope && (conditional || of_file.len() <= 4) {
            of_file
        } else {
            Vec::new()
        }
    }

    pub(super) fn accepts(&self, function: &Function, count: usize, qualified: bool) -> bool {
        let most = function.params.len();
        if function.variadic || (function.kind == FunctionKind::Macro && most == 0) {
            return true;
        }
        // `Type::method(object, …)` in Rust names the receiver as an argument.
        let count_without_this = if qualified && function.has_this && count > 0 {
            count - 1
        } else {
            count
        };
        let fits = |count: usize| {
            if count == most {
                return true;
            }
            if count > most {
                return false;
            }
            let needed = function
                .params
                .iter()
                .take_while(|param| param.default.is_none())
                .count();
            let declared = self
                .names
                .defaults
                .get(&(function.name.clone(), most))
                .copied()
                .unwrap_or(most);
            count >= needed.min(declared)
        };
        // A parameter list `(void)` may have been kept as one parameter without a name.
        fits(count)
            || fits(count_without_this)
            || (count == 0
                && most == 1
                && matches!(&*function.params[0].type_text, "void" | "VOID"))
    }
}
