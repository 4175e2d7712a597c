//! Types of values and places: what is written, followed through aliases, fields, wrappers and calls.

use super::{FnId, Program, Site, TypeId, join_name, types};
use crate::api::{Arg, Effect, TypeRow, last_segment};
use crate::ir::{Callee, Field, FunctionKind, Import, Place, Root, StmtKind, TypeKind, Value};
use crate::source::Lang;
use std::sync::{Arc, RwLock};

/// How far wrappers, aliases and assignments are followed.
const DEEPEST: u8 = 16;

/// A member's place in a class.
#[derive(Clone, Copy, Debug)]
pub struct FieldRef<'p> {
    pub owner: TypeId,
    pub field: &'p Field,
}

/// How many types of results are remembered.
const MOST_RESULTS: usize = 200_000;

impl<'a> Program<'a> {
    /// The field of a class or of its bases.
    pub fn field(&self, class: TypeId, name: &str) -> Option<FieldRef<'_>> {
        self.class_chain(class).iter().find_map(|&owner| {
            let field = self
                .type_def(owner)
                .fields
                .iter()
                .find(|field| &*field.name == name)?;
            Some(FieldRef { owner, field })
        })
    }

    /// The class of a type's text: aliases, pointers and references are followed; smart pointers are not.
    pub fn class_of_text(&self, text: &str, unit: u32) -> Option<TypeId> {
        self.type_cache
            .get(unit, text, || self.class_of_text_deep(text, unit, DEEPEST))
    }

    fn class_of_text_deep(&self, text: &str, unit: u32, depth: u8) -> Option<TypeId> {
        let name = types::parse(text);
        if name.base.is_empty() || depth == 0 {
            return None;
        }
        if let Some(class) = self.find_class(&name.base, unit) {
            return Some(class);
        }
        let alias = self.find_type(&name.base, unit, |kind| kind == TypeKind::Alias)?;
        if self.known_alias(alias).is_some() {
            return None;
        }
        let target = self.type_def(alias).alias.clone()?;
        if types::parse(&target).base == name.base {
            return None;
        }
        self.class_of_text_deep(&target, self.type_unit(alias), depth - 1)
    }

    /// The text behind aliases: `PFoo` to `Foo *`.
    pub fn expand_alias(&self, text: &str, unit: u32) -> String {
        let expanded = self.alias_cache.get(unit, text, || {
            let expanded = self.behind_aliases(text, unit);
            (expanded != text).then(|| expanded.into_boxed_str())
        });
        expanded.map_or_else(|| text.to_string(), String::from)
    }

    fn behind_aliases(&self, text: &str, unit: u32) -> String {
        let mut text = text.to_string();
        let mut unit = unit;
        for _ in 0..DEEPEST {
            let name = types::parse(&text);
            if name.base.is_empty() || self.find_class(&name.base, unit).is_some() {
                break;
            }
            let Some(alias) = self.find_type(&name.base, unit, |kind| kind == TypeKind::Alias)
            else {
                break;
            };
            let stars = "*".repeat(name.pointers as usize);
            if let Some(known) = self.known_alias(alias) {
                return format!("{known} {stars}").trim_end().to_string();
            }
            let Some(target) = &self.type_def(alias).alias else {
                break;
            };
            if types::parse(target).base == name.base {
                break;
            }
            text = format!("{target} {stars}");
            unit = self.type_unit(alias);
        }
        text
    }

    /// The whole name of an alias that the table knows: the library's own sources are among the program's, and what it
    /// is made of there says less than the table.
    fn known_alias(&self, alias: TypeId) -> Option<String> {
        let ty = self.type_def(alias);
        let lang = self.units[self.type_unit(alias) as usize].lang;
        if ty.scope.is_empty() || lang == Lang::Rust {
            return None;
        }
        let name = super::join_name(&ty.scope, &ty.name);
        self.api.type_row(&name, lang).map(|_| name.to_string())
    }

    /// What the table knows of a type.
    pub fn type_row(&self, text: &str, unit: u32) -> Option<&'a Arc<TypeRow>> {
        self.row_cache.get(unit, text, || {
            let expanded = self.expand_alias(text, unit);
            let name = types::parse(&expanded);
            let lang = self.units[unit as usize].lang;
            self.spellings(&name.base, unit)
                .iter()
                .find_map(|spelling| self.api.type_row(spelling, lang))
        })
    }

    /// Whether the end of an object of a type gives a lock back.
    pub fn is_guard(&self, text: &str, unit: u32) -> bool {
        self.type_row(text, unit).is_some_and(|row| {
            let mut does = row.destructor.iter();
            does.any(|row| matches!(row.effect, Effect::Release { .. }))
        })
    }

    /// The ways in which the table may spell a name that is written so in a unit: with its `using namespace`s, its
    /// aliases, and in Rust by its last segment.
    pub(super) fn spellings(&self, name: &str, unit: u32) -> Vec<String> {
        let unit = &self.units[unit as usize];
        let mut all = vec![name.to_string()];
        if unit.lang == Lang::Rust {
            if let Some((_, last)) = name.rsplit_once("::") {
                all.push(last.to_string());
            }
            return all;
        }
        let (first, rest) = name.split_once("::").unwrap_or((name, ""));
        let may_mean = self.api.may_mean(name);
        for import in &unit.imports {
            match import {
                Import::Namespace(namespace) if may_mean => {
                    all.push(format!("{namespace}::{name}"))
                }
                Import::Alias(short, full) if **short == *first => {
                    all.push(if rest.is_empty() {
                        full.to_string()
                    } else {
                        format!("{full}::{rest}")
                    });
                }
                _ => {}
            }
        }
        if unit.imports.is_empty() && unit.lang == Lang::Cpp && !name.contains("::") {
            // A header without imports of its own is included where they stand.
        }
        all
    }

    /// The type's text where the text itself says nothing: `auto`, Rust locals without a type.
    fn is_inferred(text: &str) -> bool {
        // A tuple has no name, and yet it is written.
        types::is_inferred(text) && !types::pointee(text).starts_with('(')
    }

    /// The type of a place, as text, with the unit in which to read it.
    pub fn type_of_place(&self, function: FnId, place: &Place) -> Option<(String, u32)> {
        self.type_of_place_deep(function, place, DEEPEST)
    }

    fn type_of_place_deep(
        &self,
        function: FnId,
        place: &Place,
        depth: u8,
    ) -> Option<(String, u32)> {
        if depth == 0 {
            return None;
        }
        let mut current = self.type_of_root(function, &place.root, depth)?;
        let skip = usize::from(
            matches!(&place.root, Root::Global(name) if self.is_member(function, name)),
        );
        let path: Vec<&str> = match &place.root {
            Root::Global(name) if skip == 1 => std::iter::once(&**name)
                .chain(place.path.iter().map(|part| &**part))
                .collect(),
            _ => place.path.iter().map(|part| &**part).collect(),
        };
        // `for (key, value) in &map`: what stands before an index may be a map.
        let mut before = None;
        for (number, part) in path.into_iter().enumerate() {
            let walked_over = match number == 0 && pair_index(part).is_some() {
                true => self.walked_over(function, &place.root, depth - 1),
                false => None,
            };
            let entry = walked_over.and_then(|container| self.step_in_map(&container, part));
            let next = match entry.or_else(|| self.step(&current.0, current.1, part)) {
                Some(next) => next,
                None => self.step_in_map(before.as_ref()?, part)?,
            };
            before = (part == "[]").then_some(current);
            current = next;
        }
        Some(current)
    }

    /// The container that a loop goes through with a local: `for (auto &entry : ports)`. What is taken out of a map by
    /// its key is no entry.
    fn walked_over(&self, function: FnId, root: &Root, depth: u8) -> Option<(String, u32)> {
        let Root::Local(local) = root else {
            return None;
        };
        // One assignment: a chain of locals is followed, and no tree.
        let [stmt] = self.assigning(function).get(local)?[..] else {
            return None;
        };
        let body = self.function(function);
        let StmtKind::Assign {
            value: Value::Place(place),
            ..
        } = &body.stmt(stmt).kind
        else {
            return None;
        };
        // The statement of a loop has the local's name alone.
        let span = body.stmt(stmt).span;
        let written = self.sources.file(span.file).text.get(span.range())?;
        if *written != *body.locals.get(*local as usize)?.name {
            return None;
        }
        let mut container = place.clone();
        if container.path.pop().is_none_or(|part| &*part != "[]") {
            return None;
        }
        self.type_of_place_deep(function, &container, depth)
    }

    /// Whether a name without `this->` is a field of the function's class.
    pub(super) fn is_member(&self, function: FnId, name: &str) -> bool {
        !name.contains("::")
            && self
                .owner(function)
                .is_some_and(|owner| self.field(owner, name).is_some())
    }

    fn type_of_root(&self, function: FnId, root: &Root, depth: u8) -> Option<(String, u32)> {
        let unit = self.unit_number(function);
        let body = self.function(function);
        match root {
            Root::Local(index) => {
                let text = &body.locals.get(*index as usize)?.type_text;
                if !Self::is_inferred(text) {
                    return Some((self.text_in_scope(text, &body.scope), unit));
                }
                self.type_of_local(function, *index, depth - 1)
            }
            Root::Param(index) => {
                let text = &body.params.get(*index as usize)?.type_text;
                if !Self::is_inferred(text) {
                    return Some((self.text_in_scope(text, &body.scope), unit));
                }
                self.type_of_each(function, *index, depth - 1)
            }
            Root::Capture(index) => {
                let capture = body.captures.get(*index as usize)?;
                if !Self::is_inferred(&capture.type_text) {
                    return Some((capture.type_text.to_string(), unit));
                }
                self.type_of_value_deep(self.enclosing(function)?, &capture.value, depth - 1)
            }
            Root::This => {
                let owner = self.owner(function)?;
                let def = self.type_def(owner);
                Some((
                    join_name(&def.scope, &def.name).to_string(),
                    self.type_unit(owner),
                ))
            }
            Root::Global(name) => {
                if self.is_member(function, name) {
                    return self.type_of_root(function, &Root::This, depth);
                }
                let id = self.find_static(function, name)?;
                let object = self.static_def(id);
                if !Self::is_inferred(&object.type_text) {
                    return Some((
                        self.text_in_scope(&object.type_text, &object.scope),
                        self.static_unit(id),
                    ));
                }
                let initializer = self.function_in(
                    self.static_unit(id),
                    object.initializer.or(object.function)?,
                );
                self.type_of_assigned(initializer, &Place::of(root.clone()), depth - 1)
            }
            Root::Result(stmt) => self.type_of_result(
                Site {
                    function,
                    stmt: *stmt,
                },
                depth - 1,
            ),
            Root::Unknown => None,
        }
    }

    /// Key or value of a map that is walked over.
    fn step_in_map(&self, map: &(String, u32), part: &str) -> Option<(String, u32)> {
        let index = pair_index(part).or_else(|| part.parse().ok())?;
        self.led_types(&map.0, map.1)
            .into_iter()
            .find_map(|(text, unit)| {
                let row = self.type_row(&text, unit)?;
                let [_, _] = row.owns[..] else { return None };
                let name = types::parse(&self.expand_alias(&text, unit));
                let element = name.args.get(*row.owns.get(index)? as usize)?;
                Some((element.clone(), unit))
            })
    }

    /// What a Rust closure gets that is run for each element: `libraries.drain(..).for_each(|library| …)`.
    fn type_of_each(&self, closure: FnId, param: u32, depth: u8) -> Option<(String, u32)> {
        if param != 0 || depth == 0 || self.lang(closure) != Lang::Rust {
            return None;
        }
        let around = self.enclosing(closure)?;
        self.function(around).stmts.iter().find_map(|stmt| {
            let StmtKind::Call {
                callee: Callee::Method { receiver, name },
                args,
            } = &stmt.kind
            else {
                return None;
            };
            let runs = matches!(&**name, "for_each" | "try_for_each")
                && matches!(args[..], [Value::Closure(index)] if self.sibling(around, index) == closure);
            if !runs {
                return None;
            }
            self.type_of_value_deep(around, receiver, depth - 1)
        })
    }

    /// The type that the first assignment of a whole local gives it.
    fn type_of_local(&self, function: FnId, local: u32, depth: u8) -> Option<(String, u32)> {
        if depth == 0 {
            return None;
        }
        let key = (function, local, depth);
        if let Ok(known) = self.local_types.read()
            && let Some(known) = known.get(&key)
        {
            return known.clone();
        }
        let found = self
            .assigned(function, local)
            .find_map(|value| self.type_of_value_deep(function, value, depth));
        if let Ok(mut known) = self.local_types.write() {
            if known.len() >= MOST_RESULTS {
                known.clear();
            }
            known.insert(key, found.clone());
        }
        found
    }

    /// Types of results and locals are found anew once more calls are resolved.
    pub(super) fn forget_types(&mut self) {
        self.result_types = RwLock::default();
        self.local_types = RwLock::default();
    }

    /// The type that the first assignment of a whole place gives it.
    fn type_of_assigned(&self, function: FnId, place: &Place, depth: u8) -> Option<(String, u32)> {
        let body = self.function(function);
        body.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign { to, value } if to == place => {
                self.type_of_value_deep(function, value, depth)
            }
            _ => None,
        })
    }

    /// The type of a value.
    pub fn type_of_value(&self, function: FnId, value: &Value) -> Option<(String, u32)> {
        self.type_of_value_deep(function, value, DEEPEST)
    }

    pub(super) fn type_of_value_deep(
        &self,
        function: FnId,
        value: &Value,
        depth: u8,
    ) -> Option<(String, u32)> {
        if depth == 0 {
            return None;
        }
        match value {
            Value::Place(place) => self.type_of_place_deep(function, place, depth - 1),
            Value::AddressOf(place) => self
                .type_of_place_deep(function, place, depth - 1)
                .map(|(text, unit)| (format!("{text} *"), unit)),
            Value::Result(stmt) => self.type_of_result(
                Site {
                    function,
                    stmt: *stmt,
                },
                depth - 1,
            ),
            _ => None,
        }
    }

    fn type_of_result(&self, site: Site, depth: u8) -> Option<(String, u32)> {
        if depth == 0 {
            return None;
        }
        let key = (site, depth);
        if let Ok(known) = self.result_types.read()
            && let Some(known) = known.get(&key)
        {
            return known.clone();
        }
        let found = self.find_type_of_result(site, depth);
        if let Ok(mut known) = self.result_types.write() {
            if known.len() >= MOST_RESULTS {
                known.clear();
            }
            known.insert(key, found.clone());
        }
        found
    }

    fn find_type_of_result(&self, site: Site, depth: u8) -> Option<(String, u32)> {
        let unit = self.unit_number(site.function);
        let StmtKind::Call { callee, args } = &self
            .function(site.function)
            .stmts
            .get(site.stmt.0 as usize)?
            .kind
        else {
            return None;
        };
        if let Callee::Construct { type_text, heap } = callee {
            return (!type_text.is_empty()).then(|| {
                (
                    if *heap {
                        format!("{type_text} *")
                    } else {
                        type_text.to_string()
                    },
                    unit,
                )
            });
        }
        // `std::make_unique<Worker>(…)` and the like: a template of one type that gives an owner of it.
        if let Callee::Named(name) = callee {
            let (base, template) = types::split_template(name);
            if let [made] = &template[..]
                && let Some(owner) = types::owner_of_maker(&base)
            {
                return Some((format!("{owner}<{made}>"), unit));
            }
            // `Box::from_raw(pointer)` gives an owner of what the pointer points to.
            if self.lang(site.function) == Lang::Rust
                && let (Some((owner, "from_raw")), [pointer]) = (base.rsplit_once("::"), &args[..])
                && self
                    .type_row(owner, unit)
                    .is_some_and(|row| row.owns.contains(&0))
                && let Some((text, unit)) =
                    self.type_of_value_deep(site.function, pointer, depth - 1)
            {
                return Some((format!("{owner}<{}>", types::pointee(&text)), unit));
            }
            // `Type::new(…)` of Rust, where the type is the program's or its return type says `Self`.
            if self.lang(site.function) == Lang::Rust
                && let Some((scope, "new" | "default" | "create" | "builder")) =
                    base.rsplit_once("::")
                && self
                    .resolve_function(site.function, &base, Some(args.len()))
                    .is_empty()
            {
                return Some((scope.to_string(), unit));
            }
        }
        let targets: Vec<FnId> = match self.call(site) {
            Some(call) => call.targets.iter().map(|target| target.function).collect(),
            // While calls are being resolved: free functions only, methods by their class.
            None => match callee {
                Callee::Named(name) => self.resolve_function(site.function, name, Some(args.len())),
                Callee::Method { receiver, name } => {
                    let class = self
                        .type_of_value_deep(site.function, receiver, depth - 1)
                        .and_then(|(text, unit)| self.led_class(&text, unit));
                    class.map_or_else(Vec::new, |class| {
                        self.find_methods(class, name, Some(args.len()))
                    })
                }
                Callee::Closure(index) => vec![self.sibling(site.function, *index)],
                _ => Vec::new(),
            },
        };
        if let Some(&target) = targets.first() {
            if let Some(found) = self.result_of_instance(site, target, depth) {
                return Some(found);
            }
            let text = self.function(target).return_type.to_string();
            if Self::is_inferred(&text) {
                return None;
            }
            if matches!(
                text.trim(),
                "Self" | "& Self" | "&Self" | "& mut Self" | "&mut Self"
            ) && let Some(owner) = self.owner(target)
            {
                let def = self.type_def(owner);
                return Some((
                    join_name(&def.scope, &def.name).to_string(),
                    self.type_unit(owner),
                ));
            }
            let scope = self.function(target).scope.clone();
            return Some((self.text_in_scope(&text, &scope), self.unit_number(target)));
        }
        if let Callee::Named(name) = callee
            && let Some(found) = self.type_of_known(site, name, args, depth)
        {
            return Some(found);
        }
        // `guard = mutex.lock()`, `ptr.get()`, `cell.borrow()`: an accessor of a wrapper leads where `->` leads.
        if let Callee::Method { receiver, name } = callee {
            let (text, unit) = self.type_of_value_deep(site.function, receiver, depth - 1)?;
            if let Some(row) = self.type_row(&text, unit) {
                if row.iterators.iter().any(|method| **method == **name) {
                    return Some((format!("{}::iterator", types::pointee(&text)), unit));
                }
                if row.pointers.iter().any(|method| **method == **name) {
                    let (led, unit) = self.lead(&text, unit)?;
                    return Some((format!("{led} *"), unit));
                }
            }
            // A builder's method gives the builder back.
            let base = types::parse(&self.expand_alias(&text, unit)).base;
            let spellings = match self.api.may_mean(name) {
                true => self.spellings(&base, unit),
                false => Vec::new(),
            };
            let given = spellings.iter().find_map(|spelling| {
                self.api
                    .rows(
                        &format!("{spelling}::{name}"),
                        args.len(),
                        self.lang(site.function),
                    )
                    .find_map(|row| row.gives.clone())
            });
            if let Some(given) = given {
                return Some((given, unit));
            }
            let builds = spellings.iter().any(|spelling| {
                self.api
                    .rows(
                        &format!("{spelling}::{name}"),
                        args.len(),
                        self.lang(site.function),
                    )
                    .any(|row| {
                        let passed = crate::api::Effect::Passes {
                            argument: crate::api::Arg::This,
                        };
                        row.effects.iter().any(|row| row.effect == passed)
                            && row.effects.iter().all(|row| {
                                row.effect == passed
                                    || matches!(row.effect, crate::api::Effect::Reads { .. })
                            })
                    })
            });
            if builds {
                return Some((text, unit));
            }
            if let Some(guarded) = self.behind_lock(&text, unit, name, args.len()) {
                return Some(guarded);
            }
            // An iterator goes by what it gives: these give the same, or number it.
            if self.lang(site.function) == Lang::Rust {
                match &**name {
                    "enumerate" => return Some((format!("(usize, {text})"), unit)),
                    name if super::endings::is_adapter(name) => return Some((text, unit)),
                    _ => {}
                }
            }
            let row = self.type_row(&text, unit)?;
            let accessor = matches!(
                &**name,
                "get"
                    | "lock"
                    | "read"
                    | "write"
                    | "borrow"
                    | "borrow_mut"
                    | "as_ref"
                    | "as_mut"
                    | "clone"
                    | "at"
                    | "back"
                    | "front"
                    | "value"
                    | "take"
                    | "iter"
                    | "iter_mut"
                    | "into_iter"
                    | "drain"
                    | "pop"
                    | "first"
                    | "last"
                    | "load"
                    | "upgrade"
                    | "find"
                    | "try_lock"
                    | "operator->"
                    | "operator*"
                    | "emplace_back"
                    | "release"
                    | "get_mut"
                    | "values"
                    | "values_mut"
                    | "into_values"
                    | "next"
            );
            if accessor && row.leads_to.is_some() {
                // What a map is walked over as.
                if matches!(&**name, "iter" | "iter_mut" | "into_iter" | "drain")
                    && self.lang(site.function) == Lang::Rust
                    && let [key, value] = &row.owns[..]
                {
                    let args = types::parse(&self.expand_alias(&text, unit)).args;
                    let (key, value) = (args.get(*key as usize)?, args.get(*value as usize)?);
                    return Some((format!("({key}, {value})"), unit));
                }
                return self.lead(&text, unit);
            }
        }
        None
    }

    /// The type that a function of the table gives, or of what it only hands on. What an owner gives up is a pointer from then on.
    fn type_of_known(
        &self,
        site: Site,
        name: &str,
        args: &[Value],
        depth: u8,
    ) -> Option<(String, u32)> {
        let (base, _) = types::split_template(name);
        let lang = self.lang(site.function);
        let spellings = self.spellings(&base, self.unit_number(site.function));
        let rows = spellings.iter().find_map(|spelling| {
            let rows: Vec<_> = self.api.rows(spelling, args.len(), lang).collect();
            (!rows.is_empty()).then_some(rows)
        })?;
        if let Some(text) = rows.iter().find_map(|row| row.gives.clone()) {
            return Some((text, self.unit_number(site.function)));
        }
        let effects: Vec<&Effect> = rows
            .iter()
            .flat_map(|row| &row.effects)
            .map(|row| &row.effect)
            .collect();
        let passed = effects.iter().find_map(|effect| match effect {
            Effect::Passes {
                argument: Arg::Index(index),
            } => args.get(*index as usize),
            _ => None,
        })?;
        if let (Lang::Rust, Value::AddressOf(place)) = (lang, passed)
            && self.api.lets_go(last_segment(&base))
        {
            // `std::mem::take(&mut self.worker)` gives the object itself.
            return self.type_of_place_deep(site.function, place, depth - 1);
        }
        let (text, unit) = self.type_of_value_deep(site.function, passed, depth - 1)?;
        if !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Leak { .. }))
        {
            return Some((text, unit));
        }
        let (text, unit) = self.lead(&text, unit).unwrap_or((text, unit));
        Some((format!("{text} *"), unit))
    }

    /// What a lock's guard leads to, where a method takes a lock: a reference, for the guard's end is not the end of what
    /// the lock guards.
    fn behind_lock(
        &self,
        text: &str,
        unit: u32,
        method: &str,
        arguments: usize,
    ) -> Option<(String, u32)> {
        let lang = self.units[unit as usize].lang;
        if lang != Lang::Rust {
            return None;
        }
        self.led_types(text, unit)
            .into_iter()
            .find_map(|(text, unit)| {
                let base = types::parse(&self.expand_alias(&text, unit)).base;
                let takes = self
                    .api
                    .rows(&format!("{base}::{method}"), arguments, lang)
                    .any(|row| {
                        row.effects.iter().any(|row| {
                            matches!(
                                row.effect,
                                crate::api::Effect::Acquire { guard: Some(_), .. }
                            )
                        })
                    });
                let (guarded, unit) = takes.then(|| self.lead(&text, unit))??;
                Some((format!("&{guarded}"), unit))
            })
    }

    /// Where `->`, `*` or `[]` leads from a wrapper type.
    pub(super) fn lead(&self, text: &str, unit: u32) -> Option<(String, u32)> {
        let expanded = self.expand_alias(text, unit);
        let name = types::parse(&expanded);
        let Some(row) = self.type_row(&expanded, unit) else {
            return self
                .behind_member_type(&expanded, unit)
                .or_else(|| self.behind_arrow(&expanded, &name, unit));
        };
        let argument = name.args.get(row.leads_to? as usize)?;
        Some((argument.clone(), unit))
    }

    /// The class behind a type: itself, or where its wrappers lead.
    pub fn led_class(&self, text: &str, unit: u32) -> Option<TypeId> {
        let mut current = (text.to_string(), unit);
        for _ in 0..DEEPEST {
            if let Some(class) = self.class_of_text(&current.0, current.1) {
                return Some(class);
            }
            current = self.lead(&current.0, current.1)?;
        }
        None
    }

    /// A type and the types that its wrappers lead to, outermost first.
    pub fn led_types(&self, text: &str, unit: u32) -> Vec<(String, u32)> {
        let mut all = vec![(text.to_string(), unit)];
        while all.len() < DEEPEST as usize {
            let (text, unit) = &all[all.len() - 1];
            match self.lead(text, *unit) {
                Some(next) => all.push(next),
                None => break,
            }
        }
        all
    }

    /// The type of a part of an object of this type.
    fn step(&self, text: &str, unit: u32, part: &str) -> Option<(String, u32)> {
        if part == "[]" {
            if let Some(led) = self.lead(text, unit) {
                // `*it` is written as `it` is: of an iterator over containers an element of its element is meant.
                return match container_of(&self.expand_alias(text, unit)) {
                    Some(_) => Some(self.lead(&led.0, led.1).unwrap_or(led)),
                    None => Some(led),
                };
            }
            let expanded = self.expand_alias(text, unit);
            return Some((expanded.replacen('*', "", 1), unit));
        }
        if let Some(found) = self.step_in_pair(text, unit, part) {
            return Some(found);
        }
        // `.0` of a tuple, through `Arc` and the like.
        if let Ok(index) = part.parse::<usize>() {
            let element = self
                .led_types(text, unit)
                .into_iter()
                .find_map(|(text, unit)| Some((types::tuple_element(&text, index)?, unit)));
            if element.is_some() {
                return element;
            }
        }
        let led = self.led_types(text, unit).into_iter();
        let mut classes = led.filter_map(|(text, unit)| self.class_of_text(&text, unit));
        let found = classes.find_map(|class| self.field(class, part))?;
        Some((
            self.text_in_scope(&found.field.type_text, &self.class_name(found.owner)),
            self.type_unit(found.owner),
        ))
    }

    /// `first` and `second` of a `std::pair`, of an iterator of a map, and of what it leads to.
    fn step_in_pair(&self, text: &str, unit: u32, part: &str) -> Option<(String, u32)> {
        let index = pair_index(part)?;
        self.led_types(text, unit)
            .into_iter()
            .find_map(|(text, unit)| {
                let expanded = self.expand_alias(&text, unit);
                let (pair, is_map) = match container_of(&expanded) {
                    Some(container) => (self.expand_alias(container, unit), true),
                    None => (expanded, false),
                };
                let row = self.type_row(&pair, unit)?;
                let [first, second] = row.owns[..] else {
                    return None;
                };
                if row.leads_to.is_some() != is_map {
                    return None;
                }
                let argument = [first, second][index] as usize;
                Some((types::parse(&pair).args.get(argument)?.clone(), unit))
            })
    }

    /// What an iterator of a library's container leads to, or what `value_type` is: `std::vector<Port *>::iterator`.
    fn behind_member_type(&self, text: &str, unit: u32) -> Option<(String, u32)> {
        let container = container_of(text)?;
        let container = self.expand_alias(container, unit);
        let row = self.type_row(&container, unit)?;
        let argument = row.leads_to? as usize;
        Some((types::parse(&container).args.get(argument)?.clone(), unit))
    }

    /// The destructors of a class itself: one, or the alternatives of `#if` arms.
    pub fn own_destructors(&self, class: TypeId) -> Vec<FnId> {
        let methods = self.methods(class);
        methods
            .iter()
            .copied()
            .filter(|&id| {
                matches!(
                    self.function(id).kind,
                    FunctionKind::Dtor | FunctionKind::Drop
                )
            })
            .collect()
    }

    /// Whether an object of this type is a plain value: nothing happens at its end.
    pub fn is_pointer_like(&self, text: &str, unit: u32) -> bool {
        let expanded = self.expand_alias(text, unit);
        let name = types::parse(&expanded);
        name.pointers > 0 || name.reference
    }
}

/// The two parts of a `std::pair`, and of what stands in a map.
fn pair_index(part: &str) -> Option<usize> {
    match part {
        "first" => Some(0),
        "second" => Some(1),
        _ => None,
    }
}

/// The container of an iterator's type, or of a `value_type`.
pub(super) fn container_of(text: &str) -> Option<&str> {
    let (container, member) = types::pointee(text).rsplit_once("::")?;
    let is_known = matches!(
        member,
        "iterator"
            | "const_iterator"
            | "reverse_iterator"
            | "const_reverse_iterator"
            | "value_type"
    );
    is_known.then_some(container)
}
