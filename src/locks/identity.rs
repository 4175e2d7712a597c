//! Which lock a place is: in terms of one function, of its callers, and of the whole program.
//!
//! Inside a function a lock is the place that it is reached by. For two threads a member is the same lock if class and
//! field path agree, except that a small class around one lock (`CritSec` with `Lock` and `Unlock`) is the lock itself
//! and takes its identity from whoever holds it.

use super::Locks;
use crate::api::{Arg, Effect};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Meaning, Program, Site, StaticId, TypeId, last_parts};

/// How far aliases, getters and guards are followed.
pub(super) const DEEPEST: u8 = 6;
/// Longer paths are unknown.
const LONGEST: usize = 8;

/// Where a lock begins, seen from one function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockRoot {
    This,
    /// Of a closure's enclosing function too.
    Param(FnId, u32),
    Static(StaticId),
    /// A name that the program does not define.
    Name(Name),
    Local(FnId, u32),
    /// What a call gave that was stored nowhere.
    Result(FnId, StmtId),
    /// Some object of a class.
    Object(TypeId),
}

/// A lock, seen from one function.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lock {
    pub root: LockRoot,
    pub path: Vec<Name>,
}

impl Lock {
    fn of(root: LockRoot) -> Lock {
        Lock {
            root,
            path: Vec::new(),
        }
    }

    fn and(mut self, path: &[Name]) -> Option<Lock> {
        self.path.extend(path.iter().cloned());
        (self.path.len() <= LONGEST).then_some(self)
    }

    /// One object for certain: a static, or a member of one, and no element of an array.
    pub fn is_single(&self) -> bool {
        matches!(self.root, LockRoot::Static(_) | LockRoot::Name(_))
            && !self.path.iter().any(|part| &**part == "[]")
    }

    /// Of the function alone: no other thread can know it.
    pub fn is_local(&self) -> bool {
        matches!(self.root, LockRoot::Local(..))
    }
}

/// What the program tells about places; it keeps nothing but the classes that are locks themselves.
impl Locks<'_, '_> {
    /// The lock that an argument of a call (or the object of a drop) is.
    pub fn lock_of(&self, site: Site, arg: Arg) -> Option<Lock> {
        if arg == Arg::Result {
            return Some(Lock::of(LockRoot::Result(site.function, site.stmt)));
        }
        let place = argument_place(self.program, site, arg)?;
        self.lock_at(site.function, &place, DEEPEST)
    }

    pub(super) fn lock_at(&self, function: FnId, place: &Place, depth: u8) -> Option<Lock> {
        let depth = depth.checked_sub(1)?;
        let program = self.program;
        let base = match &place.root {
            Root::Unknown => return None,
            Root::This => Lock::of(LockRoot::This),
            Root::Param(index) => Lock::of(LockRoot::Param(function, *index)),
            Root::Local(index) => match self.source_of_local(function, *index) {
                Some(Value::Result(stmt)) => self
                    .lock_of_result(function, stmt, depth)
                    .unwrap_or_else(|| Lock::of(LockRoot::Local(function, *index))),
                Some(value) => {
                    let source = value.place()?;
                    // A cast tells the class that its source does not: the local is the better name.
                    let typed = self.class_of_place(function, &Place::of(place.root.clone()));
                    if typed.is_some() && self.class_of_place(function, &source).is_none() {
                        Lock::of(LockRoot::Local(function, *index))
                    } else {
                        self.lock_at(function, &source, depth)?
                    }
                }
                None => Lock::of(LockRoot::Local(function, *index)),
            },
            Root::Capture(index) => {
                let capture = program.function(function).captures.get(*index as usize)?;
                let around = program.enclosing(function)?;
                self.lock_at(around, &capture.value.place()?, depth)?
            }
            Root::Result(stmt) => self
                .lock_of_result(function, *stmt, depth)
                .unwrap_or_else(|| Lock::of(LockRoot::Result(function, *stmt))),
            Root::Global(name) => match program.meaning(function, name) {
                Meaning::Field => Lock::of(LockRoot::This).and(std::slice::from_ref(name))?,
                Meaning::Static(id) if program.static_def(id).is_extern => {
                    Lock::of(LockRoot::Name(program.static_def(id).name.clone()))
                }
                Meaning::Static(id) => Lock::of(LockRoot::Static(id)),
                Meaning::Constant(Value::Place(other) | Value::AddressOf(other), _)
                    if other.root != place.root =>
                {
                    let other = other.clone();
                    self.lock_at(function, &other, depth)?
                }
                _ => Lock::of(LockRoot::Name(name.clone())),
            },
        };
        let lock = base.and(&place.path)?;
        Some(self.behind_guard(function, lock, depth))
    }

    /// What a local was made from, where it is assigned once and as a whole.
    fn source_of_local(&self, function: FnId, local: u32) -> Option<Value> {
        let wanted = Place::of(Root::Local(local));
        let mut found = None;
        for stmt in &self.program.function(function).stmts {
            if let StmtKind::Assign { to, value } = &stmt.kind
                && *to == wanted
            {
                match value {
                    Value::Null | Value::Const(_) | Value::Unknown => {}
                    _ if found.is_some() => return None,
                    Value::Place(place) | Value::AddressOf(place) if place.root == wanted.root => {
                        return None;
                    }
                    Value::Place(_) | Value::AddressOf(_) | Value::Result(_) => {
                        found = Some(value.clone());
                    }
                    _ => return None,
                }
            }
        }
        found
    }

    /// The lock behind a call's result: a guard leads to its lock, a getter to what it returns.
    fn lock_of_result(&self, function: FnId, stmt: StmtId, depth: u8) -> Option<Lock> {
        let depth = depth.checked_sub(1)?;
        let site = Site { function, stmt };
        let call = self.program.call(site)?;
        for effect in &call.effects {
            let arg = match effect.effect() {
                Effect::Acquire {
                    lock,
                    guard: Some(Arg::Result),
                    ..
                } => *lock,
                Effect::Passes { argument } => *argument,
                _ => continue,
            };
            let place = argument_place(self.program, site, arg)?;
            return self.lock_at(function, &place, depth);
        }
        let StmtKind::Call { callee, args } = &self.program.function(function).stmt(stmt).kind
        else {
            return None;
        };
        if call.targets.is_empty() {
            // `.get()` of a smart pointer and its kin.
            return match callee {
                Callee::Method { receiver, name }
                    if args.is_empty()
                        && matches!(
                            &**name,
                            "get" | "Get" | "as_ref" | "deref" | "native_handle" | "clone"
                        ) =>
                {
                    self.lock_at(function, &receiver.place()?, depth)
                }
                _ => None,
            };
        }
        // A getter: one body that returns one place.
        let [target] = &call.targets[..] else {
            return None;
        };
        let target = target.function;
        let mut returned =
            self.program
                .function(target)
                .stmts
                .iter()
                .filter_map(|stmt| match &stmt.kind {
                    StmtKind::Return { value: Some(value) } => Some(value),
                    _ => None,
                });
        let (only, None) = (returned.next()?, returned.next()) else {
            return None;
        };
        let inner = match only {
            Value::Place(place) | Value::AddressOf(place) => {
                if matches!(place.root, Root::Local(_)) {
                    return None;
                }
                self.lock_at(target, place, depth)?
            }
            Value::Result(stmt) => self.lock_of_result(target, *stmt, depth)?,
            _ => return None,
        };
        self.mapped_deep(site, target, &inner, depth)
    }

    /// A member of a guard object of the program's own is what its constructor got: `m_lock` of `AutoLock l(g_lock)`.
    fn behind_guard(&self, function: FnId, lock: Lock, depth: u8) -> Lock {
        let stmt = match (&lock.root, lock.path.first()) {
            (LockRoot::Local(around, index), Some(_)) if *around == function => {
                match self.source_of_local(function, *index) {
                    Some(Value::Result(stmt)) => stmt,
                    _ => return lock,
                }
            }
            (LockRoot::Result(around, stmt), Some(_)) if *around == function => *stmt,
            _ => return lock,
        };
        let site = Site { function, stmt };
        let (
            Some(call),
            Some(StmtKind::Call {
                callee: Callee::Construct { .. } | Callee::Named(_),
                args,
            }),
        ) = (
            self.program.call(site),
            self.program
                .function(function)
                .stmts
                .get(stmt.0 as usize)
                .map(|stmt| &stmt.kind),
        )
        else {
            return lock;
        };
        for target in &call.targets {
            let body = self.program.function(target.function);
            if body.kind != FunctionKind::Ctor {
                continue;
            }
            let given = body.stmts.iter().find_map(|stmt| match &stmt.kind {
                StmtKind::Assign { to, value }
                    if (to.root == Root::This
                        && to.path.len() == 1
                        && to.path.first() == lock.path.first())
                        || matches!(&to.root, Root::Global(name) if to.path.is_empty() && Some(name) == lock.path.first()) =>
                {
                    match value.place()? {
                        Place {
                            root: Root::Param(index),
                            path,
                        } => Some((index, path)),
                        _ => None,
                    }
                }
                _ => None,
            });
            if let Some((index, path)) = given
                && let Some(place) = args.get(index as usize).and_then(Value::place)
                && let Some(found) = self
                    .lock_at(function, &place, depth)
                    .and_then(|lock| lock.and(&path))
                && let Some(found) = found.and(&lock.path[1..])
            {
                return found;
            }
        }
        lock
    }

    /// A callee's lock, seen from the caller. `None` where the caller cannot name it.
    pub fn mapped(&self, site: Site, target: FnId, lock: &Lock) -> Option<Lock> {
        self.mapped_deep(site, target, lock, DEEPEST)
            .filter(|mapped| self.is_possible(mapped))
            .or_else(|| self.some_instance(target, lock))
    }

    /// An element of a container is not the container: a static without such a member is another object.
    fn is_possible(&self, lock: &Lock) -> bool {
        let (LockRoot::Static(id), Some(part)) =
            (&lock.root, lock.path.iter().find(|part| &***part != "[]"))
        else {
            return true;
        };
        let object = self.program.static_def(*id);
        let text = self.program.text_in_scope(&object.type_text, &object.scope);
        self.program
            .led_class(&text, self.program.static_unit(*id))
            .is_none_or(|class| self.program.field(class, part).is_some())
    }

    fn mapped_deep(&self, site: Site, target: FnId, lock: &Lock, depth: u8) -> Option<Lock> {
        let function = site.function;
        let is_closure = self.program.function(target).kind == FunctionKind::Lambda;
        let base = match &lock.root {
            LockRoot::Static(_) | LockRoot::Name(_) | LockRoot::Object(_) => {
                return Some(lock.clone());
            }
            LockRoot::This => {
                // The object of a lambda is the object of the function around it.
                if is_closure {
                    return (self.program.enclosing(target) == Some(function))
                        .then(|| lock.clone());
                }
                match self.receiver(site)? {
                    Receiver::Place(place) => self.lock_at(function, &place, depth)?,
                    Receiver::New => Lock::of(LockRoot::Result(function, site.stmt)),
                }
            }
            // What a closure knows of the function around it. A function that calls itself has other locals there.
            LockRoot::Param(around, _) if *around == function && is_closure => {
                return Some(lock.clone());
            }
            LockRoot::Param(around, index) => {
                if *around != target {
                    return None;
                }
                let place = self.argument_of(site, target, *index)?;
                self.lock_at(function, &place, depth)?
            }
            LockRoot::Local(around, _) | LockRoot::Result(around, _) => {
                return (*around == function && is_closure).then(|| lock.clone());
            }
        };
        let lock = base.and(&lock.path)?;
        Some(self.behind_guard(function, lock, depth))
    }

    /// The lock of whichever object it may be.
    fn some_instance(&self, function: FnId, lock: &Lock) -> Option<Lock> {
        let key = self.identity(function, lock)?;
        match key.root {
            KeyRoot::Object(class) => Lock::of(LockRoot::Object(class)).and(&key.path),
            _ => None,
        }
    }

    fn argument_of(&self, site: Site, target: FnId, index: u32) -> Option<Place> {
        let StmtKind::Call { callee, args } =
            &self.program.function(site.function).stmt(site.stmt).kind
        else {
            return None;
        };
        let body = self.program.function(target);
        // `Type::method(object, …)` of Rust: the object is no parameter.
        let skip = usize::from(
            body.has_this
                && args.len() > body.params.len()
                && matches!(callee, Callee::Named(name) if name.contains("::")),
        );
        args.get(index as usize + skip)?.place()
    }

    /// The object that a call's method runs on.
    fn receiver(&self, site: Site) -> Option<Receiver> {
        match &self.program.function(site.function).stmt(site.stmt).kind {
            StmtKind::Drop { place, .. } => Some(Receiver::Place(place.clone())),
            StmtKind::Call { callee, args } => match callee {
                Callee::Method { receiver, .. } => Some(Receiver::Place(receiver.place()?)),
                Callee::Construct { .. } => Some(Receiver::New),
                Callee::Named(name) => {
                    let call = self.program.call(site)?;
                    let body = self.program.function(call.targets.first()?.function);
                    if body.kind == FunctionKind::Ctor {
                        return Some(Receiver::New);
                    }
                    if name.contains("::") && body.has_this && args.len() > body.params.len() {
                        return Some(Receiver::Place(args.first()?.place()?));
                    }
                    if name.starts_with("delete") {
                        return Some(Receiver::Place(args.first()?.place()?));
                    }
                    self.program
                        .owner(site.function)
                        .map(|_| Receiver::Place(Place::of(Root::This)))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Who a lock is for all threads. `None`: nobody can tell, or it is a lock of one call only.
    pub fn identity(&self, function: FnId, lock: &Lock) -> Option<Key> {
        let program = self.program;
        let mut class = match &lock.root {
            LockRoot::This => program.owner(function),
            LockRoot::Param(around, index) => {
                self.class_of_place(*around, &Place::of(Root::Param(*index)))
            }
            LockRoot::Local(around, index) => {
                self.class_of_place(*around, &Place::of(Root::Local(*index)))
            }
            LockRoot::Result(around, stmt) => {
                self.class_of_place(*around, &Place::of(Root::Result(*stmt)))
            }
            LockRoot::Object(class) => Some(*class),
            LockRoot::Static(id) => {
                let object = program.static_def(*id);
                let text = program.text_in_scope(&object.type_text, &object.scope);
                program.led_class(&text, program.static_unit(*id))
            }
            LockRoot::Name(_) => None,
        };
        let mut found = None;
        for (index, part) in lock.path.iter().enumerate() {
            if &**part == "[]" {
                continue;
            }
            let Some(field) = class.and_then(|class| program.field(class, part)) else {
                break;
            };
            if !self.is_bare_lock(field.owner) {
                found = Some((field.owner, index));
            }
            let text =
                program.text_in_scope(&field.field.type_text, &program.class_name(field.owner));
            class = program.led_class(&text, program.type_unit(field.owner));
        }
        if let Some((owner, index)) = found {
            return Some(Key {
                root: KeyRoot::Object(owner),
                path: lock.path[index..].to_vec(),
            });
        }
        let root = match &lock.root {
            LockRoot::Static(id) => KeyRoot::Static(*id),
            LockRoot::Name(name) => KeyRoot::Name(name.clone()),
            _ => return None,
        };
        Some(Key {
            root,
            path: lock.path.clone(),
        })
    }

    fn class_of_place(&self, function: FnId, place: &Place) -> Option<TypeId> {
        let (text, unit) = self.program.type_of_place(function, place)?;
        self.program.led_class(&text, unit)
    }

    /// A lock's name for people: `g_lock`, `Cache::m_lock`. Nothing where it has none.
    pub fn name_of(&self, function: FnId, lock: &Lock) -> String {
        let program = self.program;
        let root = match &lock.root {
            LockRoot::Static(id) => {
                let object = program.static_def(*id);
                let text = program.text_in_scope(&object.type_text, &object.scope);
                let class = program.led_class(&text, program.static_unit(*id));
                let path = self.shown(class, &lock.path);
                return [object.name.to_string()]
                    .into_iter()
                    .chain(path)
                    .collect::<Vec<_>>()
                    .join(".");
            }
            LockRoot::Param(around, index) => program
                .function(*around)
                .params
                .get(*index as usize)
                .map(|param| param.name.clone()),
            LockRoot::Local(around, index) => program
                .function(*around)
                .locals
                .get(*index as usize)
                .map(|local| local.name.clone()),
            LockRoot::Name(name) => Some(last_parts(name, 2).into()),
            _ => None,
        };
        match self
            .identity(function, lock)
            .map(|key| (key.root, key.path))
        {
            Some((KeyRoot::Object(class), path)) => {
                let path = self.shown(Some(class), &path).join(".");
                format!("{}::{path}", program.type_def(class).name)
            }
            _ => root
                .map(|name| name.to_string())
                .into_iter()
                .chain(self.shown(None, &lock.path))
                .collect::<Vec<_>>()
                .join("."),
        }
    }

    /// A path without indices and without the inside of classes that are locks themselves.
    fn shown(&self, class: Option<TypeId>, path: &[Name]) -> Vec<String> {
        let program = self.program;
        let mut class = class;
        let mut shown = Vec::new();
        for part in path {
            if &**part == "[]" {
                continue;
            }
            let field = class.and_then(|class| program.field(class, part));
            if field.is_some_and(|field| self.is_bare_lock(field.owner)) {
                break;
            }
            shown.push(part.to_string());
            class = field.and_then(|field| {
                let text =
                    program.text_in_scope(&field.field.type_text, &program.class_name(field.owner));
                program.led_class(&text, program.type_unit(field.owner))
            });
        }
        shown
    }
}

enum Receiver {
    Place(Place),
    /// The object that this statement constructs.
    New,
}

/// The place of an argument, of the receiver, or of what is dropped.
pub(super) fn argument_place(program: &Program, site: Site, arg: Arg) -> Option<Place> {
    match &program
        .function(site.function)
        .stmts
        .get(site.stmt.0 as usize)?
        .kind
    {
        StmtKind::Drop { place, .. } => (arg == Arg::This).then(|| place.clone()),
        StmtKind::Call {
            callee: Callee::Named(name),
            args,
        } if arg == Arg::This && !name.contains("::") && args.is_empty() => {
            Some(Place::of(Root::This))
        }
        _ => program.argument(site, arg)?.place(),
    }
}
