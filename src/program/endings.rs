//! Endings: what the end of an object runs and does, as a local, a member, an owner's object or a static.

use super::calls::{Call, CallEffect, DEEPEST, Target};
use super::settled::Settled;
use super::{FnId, Key, KeyRoot, Program, Site, TypeId, types};
use crate::api::{Arg, Effect, WaitClass, last_segment};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, Value};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};

/// What ends when an object ends.
#[derive(Default)]
pub struct Ending {
    pub targets: Vec<Target>,
    pub effects: Vec<(CallEffect, Option<Name>)>,
    /// What happens only if the object came from a call that starts something, with the member that holds it; none for
    /// the object itself.
    pub started: Vec<(CallEffect, Option<Name>, Option<Key>)>,
    /// The local or temporary whose end this is: of what its members share with others it is an owner among several.
    local: Option<(FnId, Place)>,
}

impl Ending {
    /// How many targets, effects and effects of what was started there are.
    fn sizes(&self) -> (usize, usize, usize) {
        (self.targets.len(), self.effects.len(), self.started.len())
    }
}

/// What a function's places get, for many ends of life at once.
#[derive(Default)]
pub(super) struct Given {
    /// The only assignment of a place; none where there are several.
    only: FxHashMap<Place, Option<StmtId>>,
    /// The results that an adapter of iterators is called on.
    adapted: FxHashSet<StmtId>,
}

/// What an owner ends its object with, in place of the object's destructor.
pub enum Deleter {
    Functions(Vec<FnId>),
    /// A function that the program does not define.
    Named(String),
}

impl<'a> Program<'a> {
    fn given(&self, id: FnId) -> &Given {
        self.given[id.0 as usize].get_or_init(|| {
            let mut given = Given::default();
            for (number, stmt) in self.function(id).stmts.iter().enumerate() {
                match &stmt.kind {
                    StmtKind::Assign { to, .. } => {
                        let only = Some(StmtId(number as u32));
                        given
                            .only
                            .entry(to.clone())
                            .and_modify(|known| *known = None)
                            .or_insert(only);
                    }
                    StmtKind::Call {
                        callee:
                            Callee::Method {
                                receiver: Value::Result(adapted),
                                name,
                            },
                        ..
                    } if is_adapter(name) => {
                        given.adapted.insert(*adapted);
                    }
                    _ => {}
                }
            }
            given
        })
    }

    pub(super) fn ending_of_drop(&self, id: FnId, place: &Place, type_text: &str) -> Ending {
        let mut ending = Ending {
            local: (self.lang(id) == Lang::Cpp).then(|| (id, place.clone())),
            ..Ending::default()
        };
        let typed = if types::is_inferred(type_text) {
            if self.is_borrowed(id, place) {
                return ending;
            }
            self.type_of_place(id, place)
        } else {
            Some((type_text.to_string(), self.unit_number(id)))
        };
        if let Some((text, unit)) = typed {
            // A copy of a shared owner is not the last one, unless it was made here.
            if self.type_row(&text, unit).is_some_and(|row| row.shared)
                && !self.is_made_here(id, place)
            {
                return ending;
            }
            self.collect_ending(
                &text,
                unit,
                (None, None),
                &mut Vec::new(),
                &mut ending,
                DEEPEST,
            );
        }
        ending
    }

    /// Whether a local or a result is an owner that this function has made the object for: `make_shared<T>(…)`,
    /// `shared_ptr<T>(new T)`, `Arc::new(…)`.
    fn is_made_here(&self, id: FnId, place: &Place) -> bool {
        match place.root {
            Root::Result(stmt) => self.makes(id, &Value::Result(stmt), 3),
            _ => self.function(id).stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { to, value } if to == place && self.makes(id, value, 3))
            }),
        }
    }

    /// Whether a value is an owner of an object that was made for it.
    fn makes(&self, id: FnId, value: &Value, depth: u8) -> bool {
        let stmt = match value {
            Value::Result(stmt) => stmt,
            Value::Place(place)
                if matches!(place.root, Root::Local(_)) && place.path.is_empty() =>
            {
                return depth > 0
                    && self.function(id).stmts.iter().any(|stmt| {
                        matches!(&stmt.kind, StmtKind::Assign { to, value }
                            if to == place && self.makes(id, value, depth - 1))
                    });
            }
            _ => return false,
        };
        match self
            .function(id)
            .stmts
            .get(stmt.0 as usize)
            .map(|stmt| &stmt.kind)
        {
            Some(StmtKind::Call {
                callee: Callee::Named(name),
                ..
            }) => {
                let base = types::split_template(name).0;
                types::owner_of_maker(&base).is_some() || base.ends_with("::new")
            }
            Some(StmtKind::Call {
                callee: Callee::Construct { heap, .. },
                args,
            }) => *heap || (depth > 0 && args.iter().any(|arg| self.makes(id, arg, depth - 1))),
            _ => false,
        }
    }

    /// Whether a shared owner inside a local or temporary may be the only one: a constructor made an object for the
    /// member, or the function did that and put it in.
    fn is_filled(&self, id: FnId, place: &Place, holder: Option<&Key>) -> bool {
        let by_class = holder.is_some_and(|holder| match (&holder.root, &holder.path[..]) {
            (KeyRoot::Object(class), [field]) => self.is_made_by_class(*class, field),
            _ => false,
        });
        let of_local = |other: &Place| other.root == place.root;
        let made_from = |stmt: StmtId| {
            self.function(id).stmts.iter().any(|other| {
                matches!(&other.kind, StmtKind::Assign { to, value: Value::Result(made) } if to == place && *made == stmt)
            }) || place.root == Root::Result(stmt)
        };
        by_class
            || self
                .function(id)
                .stmts
                .iter()
                .enumerate()
                .any(|(index, stmt)| match &stmt.kind {
                    StmtKind::Assign { to, value } => of_local(to) && self.makes(id, value, 3),
                    StmtKind::Call { callee, args } => {
                        let concerned = match callee {
                            Callee::Method { receiver, .. } => {
                                receiver.place().is_some_and(|receiver| of_local(&receiver))
                            }
                            Callee::Construct { .. } | Callee::Named(_) => {
                                made_from(StmtId(index as u32))
                            }
                            _ => false,
                        };
                        concerned && args.iter().any(|arg| self.makes(id, arg, 3))
                    }
                    _ => false,
                })
    }

    /// Whether a class makes the object of a shared owner among its members itself: in a constructor, or by a default
    /// member initializer that is more than a plain value.
    fn is_made_by_class(&self, class: TypeId, field: &str) -> bool {
        let initialized = self
            .type_def(class)
            .fields
            .iter()
            .any(|member| &*member.name == field && member.init == Some(Value::Unknown));
        initialized
            || self.methods(class).iter().any(|&method| {
                let body = self.function(method);
                body.kind == FunctionKind::Ctor
                    && body.stmts.iter().any(|stmt| {
                        matches!(&stmt.kind, StmtKind::Assign { to, value }
                            if (to.path.last().is_some_and(|last| &**last == field)
                                || matches!(&to.root, Root::Global(name) if &**name == field))
                                && self.makes(method, value, 3))
                    })
            })
    }

    /// Whether a local is a guard of, or a reference to, what a wrapper holds: its end does not end that.
    fn is_borrowed(&self, id: FnId, place: &Place) -> bool {
        let function = self.function(id);
        // `commands.at(name)->run()`: what an accessor of a library's container gives is a reference, and what puts an
        // element into one gives the element.
        if let Root::Result(stmt) = place.root
            && self.lang(id) == Lang::Cpp
            && let Some(StmtKind::Call {
                callee: Callee::Method { name, .. },
                ..
            }) = function.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind)
            && matches!(
                &**name,
                "at" | "front"
                    | "back"
                    | "get"
                    | "value"
                    | "operator[]"
                    | "operator*"
                    | "operator->"
                    | "emplace"
                    | "emplace_back"
                    | "emplace_front"
                    | "emplace_hint"
                    | "try_emplace"
                    | "insert"
                    | "insert_or_assign"
                    | "push"
                    | "push_back"
                    | "push_front"
            )
        {
            return true;
        }
        // An iterator over references, or one whose elements another iterator gives out.
        if let Root::Result(stmt) = place.root
            && self.lang(id) == Lang::Rust
            && let Some(StmtKind::Call {
                callee: Callee::Method { name, .. },
                ..
            }) = function.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind)
            && (matches!(
                &**name,
                "iter" | "iter_mut" | "values" | "values_mut" | "keys"
            ) || is_adapter(name)
                || self.given(id).adapted.contains(&stmt))
        {
            return true;
        }
        let only = self.given(id).only.get(place).copied().flatten();
        let Some(StmtKind::Assign { value, .. }) = only.map(|stmt| &function.stmt(stmt).kind)
        else {
            return false;
        };
        let mut value = value;
        // `mutex.lock().unwrap()`, `mutex.lock()?`.
        for _ in 0..4 {
            let Value::Result(stmt) = value else {
                return false;
            };
            let Some(StmtKind::Call {
                callee: Callee::Method { receiver, name },
                ..
            }) = function.stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind)
            else {
                return false;
            };
            match &**name {
                "lock" | "try_lock" | "read" | "write" | "borrow" | "borrow_mut" | "as_ref"
                | "as_mut" | "get" | "get_mut" | "iter" | "iter_mut" | "first" | "last" => {
                    return true;
                }
                "unwrap" | "expect" | "unwrap_or_else" | "ok" | "map_err" => value = receiver,
                _ => return false,
            }
        }
        false
    }

    /// What the end of an object of this type runs and does.
    pub fn ending(&self, type_text: &str, unit: u32) -> Ending {
        let mut ending = Ending::default();
        self.collect_ending(
            type_text,
            unit,
            (None, None),
            &mut Vec::new(),
            &mut ending,
            DEEPEST,
        );
        ending
    }

    /// The members by which the end of an object leads to what `wanted` looks for, from the outermost inward: the class
    /// and the position of the field, each time. Empty where the object's own destructor does it.
    pub fn ending_members(
        &self,
        text: &str,
        unit: u32,
        wanted: &dyn Fn(&Ending) -> bool,
    ) -> Vec<(TypeId, usize)> {
        let mut members = Vec::new();
        let mut seen = Vec::new();
        let mut next = self.ended_class(text, unit);
        while let Some(class) = next {
            if seen.contains(&class) || seen.len() >= usize::from(DEEPEST) {
                break;
            }
            seen.push(class);
            let by_itself = self
                .own_destructors(class)
                .into_iter()
                .map(|function| Target {
                    function,
                    note: None,
                });
            let by_itself = Ending {
                targets: by_itself.collect(),
                ..Ending::default()
            };
            if wanted(&by_itself) {
                break;
            }
            let unit = self.type_unit(class);
            let fields = self.type_def(class).fields.iter().enumerate().rev();
            let member = fields.into_iter().find_map(|(index, field)| {
                let text = self.text_in_scope(&field.type_text, &self.class_name(class));
                let mut ending = self.ending(&text, unit);
                self.leave_out_settled(class, &field.name, (0, 0, 0), &mut ending);
                wanted(&ending).then_some((index, text))
            });
            next = match member {
                Some((index, text)) => {
                    members.push((class, index));
                    self.ended_class(&text, unit)
                }
                None => self
                    .type_def(class)
                    .bases
                    .iter()
                    .find(|base| wanted(&self.ending(base, unit)))
                    .and_then(|base| self.class_of_text(base, unit)),
            };
        }
        members
    }

    /// The class of the program whose object ends with one of this type: the type itself, or what it owns.
    fn ended_class(&self, text: &str, unit: u32) -> Option<TypeId> {
        self.class_of_text(text, unit).or_else(|| {
            let row = self.type_row(text, unit)?;
            let name = types::parse(&self.expand_alias(text, unit));
            row.owns
                .iter()
                .find_map(|&owned| self.class_of_text(name.args.get(owned as usize)?, unit))
        })
    }

    pub(super) fn collect_ending(
        &self,
        text: &str,
        unit: u32,
        (note, holder): (Option<Name>, Option<&Key>),
        seen: &mut Vec<TypeId>,
        ending: &mut Ending,
        depth: u8,
    ) {
        if depth == 0 || seen.len() > 12 || self.is_pointer_like(text, unit) {
            return;
        }
        if let Some(class) = self.class_of_text(text, unit) {
            if depth == DEEPEST && self.is_implementation(class) {
                return;
            }
            self.collect_class_ending(class, note.clone(), seen, ending, false);
            if !self.type_def(class).template_params.is_empty() {
                let name = types::parse(&self.expand_alias(text, unit));
                for owned in self.owned_parameters(class) {
                    if let Some(argument) = name.args.get(owned) {
                        let from = (note.clone(), holder);
                        self.collect_owned(argument, unit, from, seen, ending, depth);
                    }
                }
            }
            return;
        }
        let Some(row) = self.type_row(text, unit) else {
            return;
        };
        if row.leaks {
            return;
        }
        if row.shared
            && let Some((id, place)) = &ending.local
            && (holder.is_some() || note.is_some() || depth < DEEPEST)
            && !self.is_filled(*id, place, holder)
        {
            return;
        }
        for index in 0..row.destructor.len() {
            let effect = CallEffect::Type(row.clone(), index as u8);
            if row.if_started {
                ending.started.push((effect, note.clone(), holder.cloned()));
            } else {
                ending.effects.push((effect, note.clone()));
            }
        }
        if let Some(Deleter::Functions(functions)) = self.deleter(text, unit) {
            ending
                .targets
                .extend(functions.into_iter().map(|function| Target {
                    function,
                    note: note.clone(),
                }));
            return;
        }
        let name = types::parse(&self.expand_alias(text, unit));
        for &owned in &row.owns {
            if let Some(argument) = name.args.get(owned as usize) {
                let from = (note.clone(), holder);
                self.collect_owned(argument, unit, from, seen, ending, depth);
            }
        }
    }

    /// Whether a class implements a type of C++/WinRT: `struct Logic : LogicT<Logic>` in a namespace `implementation`, where
    /// the base is generated. An object of it by value does not exist there; what is written so is a counted reference to
    /// one, and who holds the last one nobody knows.
    fn is_implementation(&self, class: TypeId) -> bool {
        let def = self.type_def(class);
        let unit = self.type_unit(class);
        def.scope.split("::").any(|part| part == "implementation")
            && def.bases.iter().any(|base| {
                let name = types::parse(base);
                let made = name.args.first().map(|argument| last_segment(argument));
                last_segment(&name.base).strip_suffix('T') == Some(&*def.name)
                    && made == Some(&*def.name)
                    && self.class_of_text(base, unit).is_none()
            })
    }

    /// What the template arguments of an owner say that ends its object: `unique_ptr<T, Deleter>`,
    /// `unique_ptr<T, decltype(&f)>`.
    pub fn deleter(&self, text: &str, unit: u32) -> Option<Deleter> {
        let row = self.type_row(text, unit)?;
        let name = types::parse(&self.expand_alias(text, unit));
        let argument = name.args.get(row.ended_by? as usize)?.trim();
        if let Some(written) = argument.strip_prefix("decltype") {
            let written: String = written
                .chars()
                .filter(|c| !matches!(c, '(' | ')' | '&' | ' '))
                .collect();
            let written = written.trim_start_matches("::");
            let functions = self.functions_taking_one(written);
            return match functions[..] {
                [] => Some(Deleter::Named(written.to_string())),
                [only] => Some(Deleter::Functions(vec![only])),
                _ => None,
            };
        }
        let class = self.class_of_text(argument, unit)?;
        let functions = self.find_methods(class, "operator()", Some(1));
        (!functions.is_empty()).then_some(Deleter::Functions(functions))
    }

    /// What ends with an owner that was made for a type.
    fn collect_owned(
        &self,
        argument: &str,
        unit: u32,
        (note, holder): (Option<Name>, Option<&Key>),
        seen: &mut Vec<TypeId>,
        ending: &mut Ending,
        depth: u8,
    ) {
        match self.class_of_text(argument, unit) {
            Some(class) if !self.is_pointer_like(argument, unit) => {
                // Owned through a pointer: the dynamic type may be a derived one.
                self.collect_class_ending(class, note, seen, ending, true);
            }
            _ => self.collect_ending(argument, unit, (note, holder), seen, ending, depth - 1),
        }
    }

    /// Which template parameters of a class its objects own: those that its destructor deletes a pointer to, as a smart
    /// pointer of the program's own does.
    fn owned_parameters(&self, class: TypeId) -> Vec<usize> {
        let params = &self.type_def(class).template_params;
        let mut owned = Vec::new();
        for id in self.own_destructors(class) {
            for stmt in &self.function(id).stmts {
                let StmtKind::Call {
                    callee: Callee::Named(name),
                    args,
                } = &stmt.kind
                else {
                    continue;
                };
                if !matches!(&**name, "delete" | "delete[]") {
                    continue;
                }
                let Some((text, _)) = args
                    .first()
                    .and_then(Value::place)
                    .and_then(|place| self.type_of_place(id, &place))
                else {
                    continue;
                };
                let pointee = text.trim_end_matches([' ', '*', '&']).to_string();
                owned.extend(params.iter().position(|param| **param == *pointee));
            }
        }
        owned.sort_unstable();
        owned.dedup();
        owned
    }

    pub(super) fn collect_class_ending(
        &self,
        class: TypeId,
        note: Option<Name>,
        seen: &mut Vec<TypeId>,
        ending: &mut Ending,
        dynamic: bool,
    ) {
        if seen.contains(&class) || seen.len() > 12 {
            return;
        }
        seen.push(class);
        let def = self.type_def(class);
        for id in self.own_destructors(class) {
            if !ending.targets.iter().any(|target| target.function == id) {
                ending.targets.push(Target {
                    function: id,
                    note: note.clone(),
                });
            }
        }
        let unit = self.type_unit(class);
        for field in def.fields.iter().rev() {
            let note: Name = match &note {
                Some(note) => note.clone(),
                None => format!("as its member `{}` ends", field.name).into(),
            };
            let before = (ending.sizes(), seen.len());
            let text = self.text_in_scope(&field.type_text, &self.class_name(class));
            let holder = Key {
                root: KeyRoot::Object(class),
                path: vec![field.name.clone()],
            };
            self.collect_ending(
                &text,
                unit,
                (Some(note), Some(&holder)),
                seen,
                ending,
                DEEPEST,
            );
            if ending.sizes() == before.0 {
                continue;
            }
            if self.leave_out_settled(class, &field.name, before.0, ending) {
                seen.truncate(before.1);
            }
        }
        for base in &def.bases {
            if let Some(base) = self.class_of_text(base, unit) {
                self.collect_class_ending(base, note.clone(), seen, ending, false);
            } else {
                self.collect_ending(base, unit, (note.clone(), None), seen, ending, DEEPEST);
            }
        }
        if dynamic && self.has_virtual_destructor(class) {
            let derived = self.all_derived(class);
            if derived.len() <= 8 {
                for sub in derived {
                    let note = self.note_of_class(sub);
                    self.collect_class_ending(sub, Some(note), seen, ending, false);
                }
            }
        }
    }

    /// Takes from an ending what came to it with a member, as far as the class has settled that before the member ends.
    /// True where nothing is left of it.
    fn leave_out_settled(
        &self,
        class: TypeId,
        field: &str,
        (targets, effects, started): (usize, usize, usize),
        ending: &mut Ending,
    ) -> bool {
        match self.settled_member(class, field) {
            Some(Settled::Emptied) => {
                ending.targets.truncate(targets);
                ending.effects.truncate(effects);
                ending.started.truncate(started);
                true
            }
            Some(Settled::Joined) => {
                let mut index = 0;
                ending.effects.retain(|(effect, _)| {
                    index += 1;
                    index <= effects
                        || !matches!(
                            effect.effect(),
                            Effect::Wait {
                                class: WaitClass::Thread,
                                ..
                            }
                        )
                });
                false
            }
            None => false,
        }
    }

    fn has_virtual_destructor(&self, class: TypeId) -> bool {
        self.class_chain(class).iter().any(|&id| {
            let def = self.type_def(id);
            def.kind == crate::ir::TypeKind::Trait
                || def
                    .methods
                    .iter()
                    .any(|method| method.name.starts_with('~') && method.is_virtual)
        })
    }

    /// The owner of one object whose object a statement ends for certain: `owner.reset()`, with nothing new, and
    /// `owner = nullptr`.
    pub fn ended_owner(&self, site: Site) -> Option<Value> {
        let (receiver, name, args) = match &self.function(site.function).stmt(site.stmt).kind {
            StmtKind::Call {
                callee: Callee::Method { receiver, name },
                args,
            } => (receiver, name, args),
            StmtKind::Assign { to, .. } => {
                let ends = self.empties(site.function, site.stmt);
                return ends.then(|| Value::Place(to.clone()));
            }
            _ => return None,
        };
        if !self.api.may_end(name) || !args.iter().all(|arg| *arg == Value::Null) {
            return None;
        }
        let (text, unit) = self.type_of_value(site.function, receiver)?;
        let row = self.type_row(&text, unit)?;
        let ends = !row.shared
            && row.ends.iter().any(|ends| **ends == **name)
            && row.leads_to.is_some()
            && row.owns.len() == 1
            && !self.is_moved_out(site, row, receiver, name, args);
        ends.then(|| receiver.clone())
    }

    /// The library's type that a local is made as, where the text of its own type is left to the compiler:
    /// `auto work = std::unique_ptr<Work>(pointer);`.
    fn made_as(&self, function: FnId, place: &Place) -> Option<(String, u32)> {
        let body = self.function(function);
        let unit = self.unit_number(function);
        body.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign {
                to,
                value: Value::Result(made),
            } if to == place => match &body.stmt(*made).kind {
                StmtKind::Call {
                    callee: Callee::Named(name),
                    args,
                } if self.type_row(name, unit).is_some() => {
                    // The template's argument is what the pointer points to.
                    let (pointer, unit) = self.type_of_value(function, args.first()?)?;
                    Some((format!("{name}<{}>", types::pointee(&pointer)), unit))
                }
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether a statement ends an object of a class, or of one derived from it, as a whole: a drop or a `delete`.
    pub fn ends_object(&self, site: Site, class: TypeId) -> bool {
        let typed = match &self.function(site.function).stmt(site.stmt).kind {
            StmtKind::Drop { place, type_text } => if types::is_inferred(type_text) {
                self.type_of_place(site.function, place)
                    .or_else(|| self.made_as(site.function, place))
            } else {
                Some((type_text.to_string(), self.unit_number(site.function)))
            }
            .filter(|(text, unit)| !self.is_pointer_like(text, *unit)),
            StmtKind::Call {
                callee: Callee::Named(name),
                args,
            } if name.starts_with("delete") => args
                .first()
                .and_then(|pointer| self.type_of_value(site.function, pointer)),
            StmtKind::Call { .. } => self
                .ended_owner(site)
                .and_then(|owner| self.type_of_value(site.function, &owner)),
            _ => None,
        };
        typed
            .and_then(|(text, unit)| self.led_class(&text, unit))
            .is_some_and(|ended| self.class_chain(ended).contains(&class))
    }
}

/// Methods of Rust's iterators that give an iterator over the same elements.
pub(super) fn is_adapter(method: &str) -> bool {
    matches!(
        method,
        "enumerate"
            | "rev"
            | "skip"
            | "skip_while"
            | "take_while"
            | "step_by"
            | "peekable"
            | "chain"
            | "fuse"
            | "by_ref"
            | "cloned"
            | "copied"
    )
}

/// Whether a local or temporary came from a call that starts something, and nothing has waited for it since.
pub(super) fn is_started(function: &crate::ir::Function, place: &Place, calls: &[Call]) -> bool {
    let from = match place.root {
        Root::Result(stmt) if place.path.is_empty() => Some(stmt),
        _ => function.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Assign {
                to,
                value: Value::Result(stmt),
            } if to == place => Some(*stmt),
            _ => None,
        }),
    };
    let starts = |call: &Call| {
        call.effects.iter().any(|effect| {
            matches!(
                effect.effect(),
                Effect::Spawn {
                    handle: Some(Arg::Result),
                    ..
                }
            )
        })
    };
    let waits = |call: &Call| {
        let receives = matches!(
            &function.stmt(call.stmt).kind,
            StmtKind::Call { callee: Callee::Method { receiver, .. }, .. } if receiver.place().as_ref() == Some(place)
        );
        receives
            && call
                .effects
                .iter()
                .any(|effect| matches!(effect.effect(), Effect::Wait { .. }))
    };
    from.is_some_and(|from| {
        calls.iter().any(|call| call.stmt == from && starts(call)) && !calls.iter().any(waits)
    })
}
