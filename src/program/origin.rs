//! Where a module handle comes from: the own module, another one, or who knows.

use super::{Constant, FnId, Key, KeyRoot, Program, Site};
use crate::api::{Arg, Effect, ModuleSource};
use crate::ir::{Place, Root, StmtKind, Value};
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// The module that a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// No handle: NULL.
    Nothing,
    /// The module that holds the code.
    Own,
    Other,
    Unknown,
}

impl Origin {
    /// Of two values that may both stand in one place. Unknown is not own, and a place that sometimes holds another
    /// module's handle is not certain to be own.
    fn join(self, other: Origin) -> Origin {
        match (self, other) {
            (Origin::Nothing, x) | (x, Origin::Nothing) => x,
            (a, b) if a == b => a,
            _ => Origin::Unknown,
        }
    }
}

/// GET_MODULE_HANDLE_EX_FLAG_*: https://learn.microsoft.com/en-us/windows/win32/api/libloaderapi/nf-libloaderapi-getmodulehandleexa
pub mod flags {
    pub const PIN: i64 = 1;
    pub const UNCHANGED_REFCOUNT: i64 = 2;
    pub const FROM_ADDRESS: i64 = 4;
}

/// Answers for one program, remembered. Parameters of entries and of thread procedures are told by `seeds`.
pub struct Origins<'p, 'a> {
    program: &'p Program<'a>,
    /// Parameters whose origin the caller is no function of the program for: DllMain's module, a thread's argument.
    seeds: FxHashMap<(FnId, u32), Seed>,
    known: RefCell<FxHashMap<Key, Option<Origin>>>,
}

/// What a parameter holds when the system calls the function.
#[derive(Clone, Debug)]
pub enum Seed {
    /// DllMain's first parameter.
    Own,
    /// WinMain's instance.
    Other,
    /// The argument that was given where the thread or callback was registered.
    Argument(Vec<(FnId, Value)>),
}

impl<'p, 'a> Origins<'p, 'a> {
    pub fn new(program: &'p Program<'a>, seeds: FxHashMap<(FnId, u32), Seed>) -> Self {
        Origins {
            program,
            seeds,
            known: RefCell::default(),
        }
    }

    /// Where a value comes from.
    pub fn of(&self, function: FnId, value: &Value) -> Origin {
        self.of_value(function, value, 12)
    }

    fn of_value(&self, function: FnId, value: &Value, depth: u8) -> Origin {
        if depth == 0 {
            return Origin::Unknown;
        }
        match value {
            Value::Null | Value::Const(0) => Origin::Nothing,
            Value::AddressOf(place) | Value::Place(place) => {
                if let Root::Global(name) = &place.root
                    && self.program.api.is_own_module(name)
                {
                    return Origin::Own;
                }
                self.of_place(function, place, depth)
            }
            Value::Result(stmt) => self.of_result(
                Site {
                    function,
                    stmt: *stmt,
                },
                depth,
            ),
            _ => Origin::Unknown,
        }
    }

    fn of_place(&self, function: FnId, place: &Place, depth: u8) -> Origin {
        if let Root::Result(stmt) = place.root
            && place.path.is_empty()
        {
            return self.of_result(Site { function, stmt }, depth);
        }
        let Some(key) = self.program.key(function, place) else {
            return Origin::Unknown;
        };
        if let Some(known) = self.known.borrow().get(&key) {
            // A handle that is only handed round comes from where the others say.
            return known.unwrap_or(Origin::Nothing);
        }
        self.known.borrow_mut().insert(key.clone(), None);
        let origin = self.of_key(&key, depth);
        self.known.borrow_mut().insert(key, Some(origin));
        origin
    }

    fn of_key(&self, key: &Key, depth: u8) -> Origin {
        let mut origin = Origin::Nothing;
        for (function, _, value) in self.program.assignments(key) {
            origin = origin.join(self.of_value(*function, value, depth - 1));
        }
        origin = origin.join(self.written_through(key));
        match &key.root {
            KeyRoot::Param(function, index) if key.path.is_empty() => {
                origin.join(self.of_param(*function, *index, depth))
            }
            KeyRoot::Static(id)
                if self
                    .program
                    .api
                    .is_own_module(&self.program.static_def(*id).name) =>
            {
                Origin::Own
            }
            KeyRoot::Static(id) => {
                let object = self.program.static_def(*id);
                let unit = self.program.static_unit(*id);
                if let Some(function) = self
                    .program
                    .ids()
                    .find(|&id| self.program.unit_number(id) == unit)
                {
                    for value in &object.init {
                        if !matches!(value, Value::Null | Value::Const(0)) {
                            origin = origin.join(self.of_value(function, value, depth - 1));
                        }
                    }
                }
                if origin == Origin::Nothing {
                    Origin::Unknown
                } else {
                    origin
                }
            }
            KeyRoot::Name(name) if self.program.api.is_own_module(name) => Origin::Own,
            _ if origin == Origin::Nothing => Origin::Unknown,
            _ => origin,
        }
    }

    /// What calls write through a pointer to the place: GetModuleHandleEx's third argument.
    fn written_through(&self, key: &Key) -> Origin {
        let mut origin = Origin::Nothing;
        for site in self.program.written_by(key) {
            let Some(call) = self.program.call(site) else {
                continue;
            };
            for effect in &call.effects {
                if let Effect::ModuleRef {
                    module: Some(module @ Arg::Index(_)),
                    of,
                    ..
                } = effect.effect()
                    // `GetModuleHandleEx(FROM_ADDRESS, (LPCWSTR)module, &module)`: it stays what it was.
                    && of.is_none_or(|of| {
                        let of = self.program.argument_value(site, of);
                        matches!(of, Value::AddressOf(_))
                            || self.program.key_of_value(site.function, &of).as_ref() != Some(key)
                    })
                    && let Some(value) = self.program.argument(site, *module)
                    && self.program.key_of_value(site.function, value).as_ref() == Some(key)
                {
                    origin = origin.join(self.of_reference(site, effect.effect()));
                }
            }
        }
        origin
    }

    fn of_param(&self, function: FnId, index: u32, depth: u8) -> Origin {
        let mut origin = match self.seeds.get(&(function, index)) {
            Some(Seed::Own) => Origin::Own,
            Some(Seed::Other) => Origin::Other,
            Some(Seed::Argument(values)) => values
                .iter()
                .fold(Origin::Nothing, |origin, (around, value)| {
                    origin.join(self.of_value(*around, value, depth - 1))
                }),
            None => Origin::Nothing,
        };
        for &caller in self.program.callers(function) {
            let value = self
                .program
                .argument(caller, Arg::Index(index as u8))
                .cloned()
                .unwrap_or(Value::Unknown);
            origin = origin.join(self.of_value(caller.function, &value, depth - 1));
        }
        if origin == Origin::Nothing {
            Origin::Unknown
        } else {
            origin
        }
    }

    fn of_result(&self, site: Site, depth: u8) -> Origin {
        let Some(call) = self.program.call(site) else {
            return Origin::Unknown;
        };
        for effect in &call.effects {
            match effect.effect() {
                reference @ Effect::ModuleRef {
                    module: Some(Arg::Result),
                    ..
                } => return self.of_reference(site, reference),
                Effect::Passes { argument } => {
                    return self.of_value(
                        site.function,
                        &self.program.argument_value(site, *argument),
                        depth - 1,
                    );
                }
                _ => {}
            }
        }
        let mut origin = Origin::Nothing;
        for target in &call.targets {
            let body = self.program.function(target.function);
            for stmt in &body.stmts {
                if let StmtKind::Return { value: Some(value) } = &stmt.kind {
                    origin = origin.join(self.of_value(target.function, value, depth - 1));
                }
            }
        }
        if call.targets.is_empty() {
            // An accessor of a wrapper: `module.get()`, `MODULE.lock()`.
            if let StmtKind::Call {
                callee: crate::ir::Callee::Method { receiver, .. },
                ..
            } = &self.program.function(site.function).stmt(site.stmt).kind
                && let Some(place) = receiver.place()
                && place.root != Root::Result(site.stmt)
                && call.effects.is_empty()
            {
                return self.of_place(site.function, &place, depth - 1);
            }
            return Origin::Unknown;
        }
        if origin == Origin::Nothing {
            Origin::Unknown
        } else {
            origin
        }
    }

    /// The module that a call gives a handle of.
    pub fn of_reference(&self, site: Site, effect: &Effect) -> Origin {
        let Effect::ModuleRef {
            source, of, flags, ..
        } = effect
        else {
            return Origin::Unknown;
        };
        let of = of.map(|of| self.program.argument_value(site, of));
        match source {
            ModuleSource::Own => Origin::Own,
            ModuleSource::AddRef => {
                of.map_or(Origin::Unknown, |of| self.of_value(site.function, &of, 8))
            }
            ModuleSource::Name | ModuleSource::Load => match of {
                // GetModuleHandle(NULL) is the program.
                Some(Value::Null) | Some(Value::Const(0)) => Origin::Other,
                Some(of) => match self.program.constant(site.function, &of) {
                    Some(Constant::Text(text)) if self.names_own_module(&text) => Origin::Own,
                    Some(Constant::Null) => Origin::Other,
                    // A computed file name may be the own one, but a handle that was loaded carries its own reference.
                    _ => Origin::Other,
                },
                None => Origin::Unknown,
            },
            ModuleSource::Ex => {
                let bits = flags.and_then(|flags| self.flags(site, flags)).unwrap_or(0);
                let Some(of) = of else { return Origin::Unknown };
                if bits & flags::FROM_ADDRESS == 0 {
                    return match self.program.constant(site.function, &of) {
                        Some(Constant::Text(text)) if self.names_own_module(&text) => Origin::Own,
                        _ => Origin::Other,
                    };
                }
                self.of_address(site.function, &of)
            }
        }
    }

    /// The module in which an address lies.
    fn of_address(&self, function: FnId, value: &Value) -> Origin {
        match value {
            Value::Text(_) | Value::Closure(_) => Origin::Own,
            Value::AddressOf(place) | Value::Place(place) => {
                if self.of_value(function, value, 8) == Origin::Own {
                    return Origin::Own;
                }
                match &place.root {
                    Root::Global(name)
                        if !self
                            .program
                            .functions_named(crate::api::last_segment(name))
                            .is_empty() =>
                    {
                        Origin::Own
                    }
                    Root::Global(name) => match self.program.meaning(function, name) {
                        super::Meaning::Functions(_) => Origin::Own,
                        super::Meaning::Static(_) if matches!(value, Value::AddressOf(_)) => {
                            Origin::Own
                        }
                        super::Meaning::Constant(other, _) if other != value => {
                            self.of_address(function, &other.clone())
                        }
                        _ => Origin::Unknown,
                    },
                    Root::Local(_) | Root::Capture(_)
                        if !self.program.functions_of(function, value).is_empty() =>
                    {
                        Origin::Own
                    }
                    _ => Origin::Unknown,
                }
            }
            _ => Origin::Unknown,
        }
    }

    /// The flags argument of a call, where it is constant.
    pub fn flags(&self, site: Site, flags: Arg) -> Option<i64> {
        let value = self.program.argument(site, flags)?;
        self.program.constant(site.function, value)?.number()
    }

    fn names_own_module(&self, text: &str) -> bool {
        let name = text
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or(text)
            .to_ascii_lowercase();
        let own = self
            .program
            .module
            .name
            .rsplit('/')
            .next()
            .unwrap_or("")
            .to_ascii_lowercase();
        !own.is_empty()
            && (name == own
                || name.strip_suffix(".dll") == Some(own.strip_suffix(".dll").unwrap_or(&own)))
    }
}
