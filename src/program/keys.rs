//! Keys: which object a place is, as far as places in different functions can be compared.

use super::{FnId, Meaning, Program, StaticId, TypeId};
use crate::ir::{Name, Place, Root, StmtId, StmtKind, Value};
use rustc_hash::FxHashMap;

/// Where a key begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyRoot {
    Static(StaticId),
    /// A name that the program does not define.
    Name(Name),
    /// Any object of a class: two threads' objects are taken for the same one.
    Object(TypeId),
    Local(FnId, u32),
    Param(FnId, u32),
    /// What a call gave that was stored nowhere.
    Result(FnId, StmtId),
}

/// An object: equal keys are taken for the same object. A field is keyed by the class that declares it, so that
/// `this->m_timer`, `self->m_timer` and `g_worker.m_timer` are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub root: KeyRoot,
    pub path: Vec<Name>,
}

impl Key {
    pub fn of(root: KeyRoot) -> Key {
        Key {
            root,
            path: Vec::new(),
        }
    }

    /// The array for one of its elements.
    pub fn without_index(mut self) -> Key {
        while self.path.last().is_some_and(|part| &**part == "[]") {
            self.path.pop();
        }
        self
    }

    /// Whether the key means something outside the function that it was made in.
    pub fn is_global(&self) -> bool {
        matches!(
            self.root,
            KeyRoot::Static(_) | KeyRoot::Name(_) | KeyRoot::Object(_)
        )
    }
}

/// What a local is assigned.
#[derive(Debug)]
pub(super) enum Single {
    Place(Place),
    /// What a call gives.
    Result(StmtId),
}

impl<'a> Program<'a> {
    /// The key of a place in a function. Locals that only stand for another place are followed.
    pub fn key(&self, function: FnId, place: &Place) -> Option<Key> {
        self.key_deep(function, place, 6)
    }

    /// The key of a place that is written: a local is itself here, and not what it stands for.
    pub fn key_of_target(&self, function: FnId, place: &Place) -> Option<Key> {
        match place.root {
            Root::Local(index) if place.path.is_empty() => {
                Some(Key::of(KeyRoot::Local(function, index)))
            }
            _ => self.key(function, place),
        }
    }

    /// The key of the object that a value is, points to, or is the address of.
    pub fn key_of_value(&self, function: FnId, value: &Value) -> Option<Key> {
        self.key(function, &value.place()?)
    }

    fn key_deep(&self, function: FnId, place: &Place, depth: u8) -> Option<Key> {
        if depth == 0 {
            return None;
        }
        // A field of an object whose class is known: the class and the field are the key.
        if !place.path.is_empty() {
            for cut in (0..place.path.len()).rev() {
                if &*place.path[cut] == "[]" {
                    continue;
                }
                let parent = Place {
                    root: place.root.clone(),
                    path: place.path[..cut].to_vec(),
                };
                if let Some((text, unit)) = self.type_of_place(function, &parent)
                    && let Some(class) = self.led_class(&text, unit)
                    && let Some(found) = self.field(class, &place.path[cut])
                {
                    return Some(Key {
                        root: KeyRoot::Object(found.owner),
                        path: place.path[cut..].to_vec(),
                    });
                }
            }
        }
        let mut key = match &place.root {
            Root::Unknown => return None,
            Root::This => Key::of(KeyRoot::Object(self.owner(function)?)),
            Root::Local(index) => match self.stands_for(function, *index) {
                Some(other) => self.key_deep(function, &other, depth - 1)?,
                None => Key::of(KeyRoot::Local(function, *index)),
            },
            Root::Param(index) => Key::of(KeyRoot::Param(function, *index)),
            Root::Capture(index) => {
                let capture = self.function(function).captures.get(*index as usize)?;
                let around = self.enclosing(function)?;
                self.key_deep(around, &capture.value.place()?, depth - 1)?
            }
            Root::Result(stmt) => match self.passed_through(function, *stmt) {
                Some(other) => self.key_deep(function, &other, depth - 1)?,
                None => self
                    .got(function, *stmt, depth)
                    .unwrap_or_else(|| Key::of(KeyRoot::Result(function, *stmt))),
            },
            Root::Global(name) => match self.meaning(function, name) {
                Meaning::Field => {
                    let found = self.field(self.owner(function)?, name)?;
                    Key {
                        root: KeyRoot::Object(found.owner),
                        path: vec![name.clone()],
                    }
                }
                Meaning::Static(id) if self.static_def(id).is_extern => {
                    Key::of(KeyRoot::Name(self.static_def(id).name.clone()))
                }
                Meaning::Static(id) => Key::of(KeyRoot::Static(id)),
                Meaning::Constant(Value::Place(other), _) if other.root != place.root => {
                    self.key_deep(function, other, depth - 1)?
                }
                _ => Key::of(KeyRoot::Name(name.clone())),
            },
        };
        key.path.extend(place.path.iter().cloned());
        Some(key)
    }

    /// The place that a local is another name of: it is assigned once, as a whole, and from a place.
    fn stands_for(&self, function: FnId, local: u32) -> Option<Place> {
        match self.single_values(function).get(&local)? {
            Single::Place(place) => Some(place.clone()),
            Single::Result(stmt) => self.passed_through(function, *stmt),
        }
    }

    /// The statements that assign to each local of a function as a whole, in their order.
    pub fn assigning(&self, function: FnId) -> &FxHashMap<u32, Vec<StmtId>> {
        self.assigning[function.0 as usize].get_or_init(|| {
            let mut found: FxHashMap<u32, Vec<StmtId>> = FxHashMap::default();
            for (number, stmt) in self.function(function).stmts.iter().enumerate() {
                if let StmtKind::Assign { to, .. } = &stmt.kind
                    && let Root::Local(local) = to.root
                    && to.path.is_empty()
                {
                    let stmts = found.entry(local).or_default();
                    stmts.push(StmtId(number as u32));
                }
            }
            found
        })
    }

    /// What is assigned to a local as a whole, in the order of the statements.
    pub fn assigned(&self, function: FnId, local: u32) -> impl Iterator<Item = &Value> {
        let stmts = self.assigning(function).get(&local);
        stmts.into_iter().flatten().filter_map(move |&stmt| {
            match &self.function(function).stmt(stmt).kind {
                StmtKind::Assign { value, .. } => Some(value),
                _ => None,
            }
        })
    }

    /// By local: the one thing besides constants that is assigned to it as a whole.
    fn single_values(&self, function: FnId) -> &FxHashMap<u32, Single> {
        self.singles[function.0 as usize].get_or_init(|| {
            let locals = self.assigning(function).keys();
            let single = |&local: &u32| Some((local, self.single_value(function, local)?));
            locals.filter_map(single).collect()
        })
    }

    fn single_value(&self, function: FnId, local: u32) -> Option<Single> {
        let mut values = self
            .assigned(function, local)
            .filter(|value| !matches!(value, Value::Null | Value::Const(_)));
        match (values.next()?, values.next()) {
            (Value::Place(place) | Value::AddressOf(place), None)
                if place.root != Root::Local(local) =>
            {
                Some(Single::Place(place.clone()))
            }
            (Value::Result(stmt), None) => Some(Single::Result(*stmt)),
            _ => None,
        }
    }

    /// The member or static that a getter of the program returns, and does nothing else.
    fn got(&self, function: FnId, stmt: StmtId, depth: u8) -> Option<Key> {
        let call = self.call(super::Site { function, stmt })?;
        let [target] = &call.targets[..] else {
            return None;
        };
        match &self.function(target.function).stmts[..] {
            [only] => match &only.kind {
                StmtKind::Return {
                    value: Some(Value::Place(place) | Value::AddressOf(place)),
                } => self
                    .key_deep(target.function, place, depth - 1)
                    .filter(Key::is_global),
                _ => None,
            },
            _ => None,
        }
    }

    /// The place that a call only hands on: a getter that returns a static or field, `InterlockedExchangePointer`,
    /// `.get()` of a smart pointer.
    fn passed_through(&self, function: FnId, stmt: StmtId) -> Option<Place> {
        use crate::api::{Arg, Effect};
        use crate::ir::Callee;
        let StmtKind::Call { callee, args } =
            &self.function(function).stmts.get(stmt.0 as usize)?.kind
        else {
            return None;
        };
        if let Some(call) = self.call(super::Site { function, stmt }) {
            for effect in &call.effects {
                if let Effect::Passes { argument } = effect.effect() {
                    return match argument {
                        Arg::Index(index) => args.get(*index as usize)?.place(),
                        Arg::This => match callee {
                            Callee::Method { receiver, .. } => receiver.place(),
                            _ => None,
                        },
                        Arg::Result => None,
                    };
                }
            }
        }
        if let Callee::Method { receiver, name } = callee
            && args.is_empty()
            && matches!(
                &**name,
                "get"
                    | "put"
                    | "addressof"
                    | "GetAddressOf"
                    | "ReleaseAndGetAddressOf"
                    | "as_ptr"
                    | "load"
                    | "native_handle"
                    | "borrow"
                    | "lock"
                    | "read"
                    | "write"
                    | "clone"
                    | "take"
                    | "release"
                    | "borrow_mut"
                    | "get_mut"
                    | "Get"
                    | "Detach"
                    | "Release"
                    | "iter"
                    | "iter_mut"
            )
            && self
                .call(super::Site { function, stmt })
                .is_none_or(|call| call.targets.is_empty())
        {
            return receiver.place();
        }
        None
    }
}
