//! What the outside world's functions, methods and types mean.
//!
//! In comes `rules/apis.toml` (and the user's `[[api]]` rows, of the same format), out come `Effect`s: roles with
//! argument positions. All API names of the tool stand in that table; rules match on effects, never on names.
//! What an argument *is* (a constant, the own module, another thread's handle) is asked of `program`.

use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::sync::Arc;

/// An argument position of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arg {
    /// From 0, the receiver of a method not counted.
    Index(u8),
    /// The receiver.
    This,
    /// What the call gives back.
    Result,
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arg, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Index(u8),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Index(index) => Ok(Arg::Index(index)),
            Written::Word(word) if word == "this" => Ok(Arg::This),
            Written::Word(word) if word == "result" => Ok(Arg::Result),
            Written::Word(word) => Err(serde::de::Error::custom(format!(
                "`{word}` is no argument: write a position from 0, \"this\" or \"result\""
            ))),
        }
    }
}

impl JsonSchema for Arg {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Arg".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An argument of the call: its position from 0, the receiver of a method not counted; \
                            \"this\", the receiver; or \"result\", what the call gives back.",
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": 255 },
                { "enum": ["this", "result"] },
            ],
        })
    }
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitClass {
    /// The end of a thread.
    Thread,
    /// An event, semaphore, condition variable, future, address: something that another thread must do.
    Signal,
    /// Any waitable handle: where it came from tells which of the others it is.
    Handle,
    /// Thread pool callbacks.
    Callbacks,
    Io,
    /// Nothing but time.
    Sleep,
    /// The answer of another thread's message loop.
    Message,
    /// The end or readiness of a process.
    Process,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolObject {
    Work,
    Timer,
    Wait,
    Io,
    /// TrySubmitThreadpoolCallback: no object to close.
    Simple,
    LegacyWork,
    LegacyWait,
    LegacyTimer,
    LegacyIo,
}

/// Who keeps the module of a thread procedure loaded while the thread runs (hazards F7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThreadRef {
    None,
    /// The UCRT takes a reference on the module of the procedure.
    Ucrt,
    Shell,
    /// MSVC's `std::async`, PPL: each task owns one.
    Stl,
    Unknown,
}

/// How a call gives a module handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModuleSource {
    /// GetModuleHandleEx: by address or name, counted unless the flags say otherwise.
    Ex,
    /// GetModuleHandle: by name, not counted.
    Name,
    /// LoadLibrary: by name, counted.
    Load,
    /// LdrAddRefDll: counted reference on a handle that one has.
    AddRef,
    /// A call that gives the own module: AfxGetInstanceHandle, _AtlBaseModule.GetModuleInstance.
    Own,
}

/// What a call needs or does that has no place under the loader lock: the items of the Best Practices' list.
/// https://learn.microsoft.com/en-us/windows/win32/dlls/dynamic-link-library-best-practices
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    LoadsLibrary,
    FreesLibrary,
    Com,
    /// Starts a process.
    StartsProcess,
    Registry,
    Shell,
    /// User32 and Gdi32.
    User32,
    /// The string type tables of GetStringType.
    StringTables,
    EndsThread,
    EndsProcess,
    StartsThread,
    /// Winsock, GDI+, Direct3D and other system DLLs that the list does not name.
    SystemDll,
    /// The thread pool, whose threads are gone at process exit.
    PoolAtExit,
}

/// Whether a timeout in milliseconds means for ever: INFINITE as it is or as -1, or the longest time that there is.
pub fn is_for_ever(milliseconds: i64) -> bool {
    matches!(milliseconds, 0xFFFF_FFFF | -1 | i64::MAX)
}

/// A role of a function.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Blocks. `timeout` is in milliseconds; `timeout_pointer` is a pointer whose NULL means for ever; without either,
    /// or where a defaulted timeout argument is not written, the wait has no end, unless it is `bounded`.
    Wait {
        class: WaitClass,
        on: Option<Arg>,
        timeout: Option<Arg>,
        timeout_pointer: Option<Arg>,
        #[serde(default)]
        bounded: bool,
        /// The number of handles behind `on`, for waits on an array.
        count: Option<Arg>,
        /// A lock that is released while waiting (condition variables).
        releases: Option<Arg>,
    },
    Signal {
        on: Arg,
    },
    /// Takes an event's signal back.
    Resets {
        on: Arg,
    },
    Acquire {
        lock: Arg,
        #[serde(default, rename = "try")]
        try_: bool,
        #[serde(default)]
        shared: bool,
        /// The lock is given back when this value is dropped (lock_guard, MutexGuard).
        guard: Option<Arg>,
    },
    /// Makes a lock: nobody else can hold it yet.
    CreatesLock {
        lock: Arg,
    },
    Release {
        lock: Arg,
        #[serde(default)]
        when_callback_returns: bool,
    },
    /// Starts a thread.
    Spawn {
        entry: Arg,
        argument: Option<Arg>,
        handle: Option<Arg>,
        flags: Option<Arg>,
        reference: ThreadRef,
        /// Runs on the thread pool and not on a thread of its own.
        #[serde(default)]
        pool: bool,
        /// Ends before the call or its scope returns (scoped threads).
        #[serde(default)]
        joined: bool,
    },
    /// Gives up the means to wait for a thread.
    Detach {
        handle: Arg,
    },
    /// Turns off what signals a wait object: the counterpart of a registration, cancelling I/O.
    SourceOff,
    /// Closes any kernel handle; on a thread's handle it is a detach.
    CloseHandle {
        handle: Arg,
    },
    ExitThread,
    ExitProcess,
    /// Never returns.
    NoReturn,
    Terminate {
        target: Arg,
    },
    TpCreate {
        object_kind: PoolObject,
        /// Result, or an out argument. None: nothing to close.
        object: Option<Arg>,
        callback: Arg,
        context: Option<Arg>,
        env: Option<Arg>,
        /// Creating it arms it (legacy calls).
        #[serde(default)]
        armed: bool,
        /// Fires more than once without another call: a period that is not 0, or no WT_EXECUTEONLYONCE.
        period: Option<Arg>,
        flags: Option<Arg>,
        /// The handle a wait object waits on, for legacy registrations.
        handle: Option<Arg>,
    },
    TpEnv {
        env: Arg,
        library: Option<Arg>,
        group: Option<Arg>,
    },
    /// Arms; where `value` is NULL it disarms. `value` absent: always arms.
    TpArm {
        object: Arg,
        value: Option<Arg>,
        period: Option<Arg>,
        /// Where the name tells the kind.
        object_kind: Option<PoolObject>,
    },
    /// Stops new callbacks; queued and running ones go on.
    TpDisarm {
        object: Arg,
    },
    /// Waits for an object's callbacks.
    TpDrain {
        object: Arg,
        cancel: Option<Arg>,
        /// Where the name tells the kind.
        object_kind: Option<PoolObject>,
    },
    TpClose {
        object: Arg,
    },
    /// Asks for an object's state.
    TpUse {
        object: Arg,
    },
    /// Waits for and closes all members of a cleanup group.
    TpCloseGroup {
        group: Arg,
    },
    Disassociate,
    ModuleRef {
        source: ModuleSource,
        /// Where the handle comes out.
        module: Option<Arg>,
        /// Name, address, or (for `add_ref`) the handle.
        of: Option<Arg>,
        flags: Option<Arg>,
    },
    /// Writes the file name of a module into a buffer.
    ModuleFileName {
        module: Arg,
        name: Arg,
    },
    ModuleUnref {
        module: Arg,
        #[serde(default)]
        exits_thread: bool,
    },
    /// The pool frees the module after the callback has returned.
    FreeModuleOnReturn {
        module: Arg,
    },
    /// Other work that the pool does after the callback: an event, a semaphore.
    SignalOnReturn {
        on: Arg,
    },
    /// Ends the life of what a pointer points to.
    Free {
        pointer: Arg,
    },
    /// A pointer that is given up by its owner and comes back elsewhere (Box::into_raw, release()).
    Leak {
        pointer: Arg,
    },
    RefCount {
        object: Arg,
        up: bool,
    },
    /// Registers a function that runs when the module (or `thread`) ends.
    AtExit {
        callback: Arg,
        argument: Option<Arg>,
        #[serde(default)]
        thread: bool,
    },
    /// Must not be called under the loader lock (Best Practices).
    Forbidden {
        why: Needs,
        /// Documented as risky only: a note.
        #[serde(default)]
        risky: bool,
    },
    /// Takes the loader lock for a moment.
    AsksLoaderLock,
    /// Runs a function argument before it returns.
    RunsHere {
        argument: Arg,
    },
    /// What the call runs runs at most once in the life of a process: the second call finds it done.
    Once,
    /// Gives the time: the result, or what an argument points to.
    Clock {
        /// It counts in milliseconds.
        #[serde(default)]
        milliseconds: bool,
    },
    /// Keeps a function argument; it runs later, on whatever thread.
    RunsLater {
        argument: Arg,
    },
    /// Gives a waitable object of this class; with `field`, in that member of the structure that `handle` leads to.
    Creates {
        class: WaitClass,
        handle: Arg,
        #[serde(default)]
        field: Option<String>,
    },
    /// Gives a mutex, to be acquired by waiting. One that has a `name` is another process's as well.
    CreatesMutex {
        handle: Arg,
        #[serde(default)]
        name: Option<Arg>,
    },
    /// Gives a length of time: `value` times `milliseconds`.
    Duration {
        value: Arg,
        milliseconds: f64,
    },
    /// Writes a value to a place, in one go or not: InterlockedExchangePointer, an atomic's `store`.
    Stores {
        into: Arg,
        value: Option<Arg>,
        /// Where it is always the same value.
        constant: Option<i64>,
        /// Only where the place holds this.
        expected: Option<Arg>,
        /// Even then it can leave the place as it is.
        #[serde(default)]
        spurious: bool,
        /// Adds the value's bits to what is there.
        #[serde(default)]
        bits: bool,
    },
    /// Gives the value of a place, as it is before the call changes it.
    Reads {
        from: Arg,
    },
    /// Tells the caller something about the loader: `into` is the result, or the address of what becomes not zero where it
    /// is so.
    Tells {
        about: Told,
        into: Arg,
    },
    /// From here on a guard's end does not give its lock back.
    Disarms {
        guard: Arg,
    },
    /// Gives a number: a pseudo handle.
    Gives {
        value: i64,
    },
    /// Gives its argument back, unchanged or wrapped.
    Passes {
        argument: Arg,
    },
    /// Keeps none of its arguments: a handle that is only asked about is not kept for a later wait.
    KeepsNothing,
    /// A pool, console, or other host facility that calls this function later as a hook on some other thread.
    Hook {
        callback: Arg,
    },
}

/// What a call tells about the loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The calling thread holds the loader lock.
    HoldsLoaderLock,
    /// The process is ending, and all other threads are gone.
    ProcessExit,
}

/// When an effect holds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    pub arg: Arg,
    pub is: Predicate,
    /// For `has_flag` and `lacks_flag`.
    pub flag: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    Null,
    NotNull,
    /// `INVALID_HANDLE_VALUE`, -1.
    InvalidHandle,
    /// Neither NULL nor -1.
    RealHandle,
    Zero,
    NotZero,
    HasFlag,
    LacksFlag,
    /// Unless it is NULL for certain.
    PerhapsNotNull,
}

/// One effect of a row, with the condition under which it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRow {
    pub effect: Effect,
    pub when: Option<When>,
}

impl<'de> Deserialize<'de> for EffectRow {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<EffectRow, D::Error> {
        use serde::de::Error;
        let mut table = toml::Table::deserialize(deserializer)?;
        let when = table
            .remove("when")
            .map(When::deserialize)
            .transpose()
            .map_err(D::Error::custom)?;
        let effect = Effect::deserialize(table).map_err(D::Error::custom)?;
        Ok(EffectRow { effect, when })
    }
}

impl JsonSchema for EffectRow {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EffectRow".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let when = serde_json::Value::from(generator.subschema_for::<When>());
        let mut schema = Effect::json_schema(generator);
        let kinds = schema
            .get_mut("oneOf")
            .and_then(serde_json::Value::as_array_mut);
        for kind in kinds.into_iter().flatten() {
            kind["properties"]["when"] = when.clone();
        }
        schema
    }
}

/// One function, method or constructor.
///
/// `name` is `WaitForSingleObject`, `std::thread::spawn`, `std::thread::join` (a method with its type), `std::jthread`
/// (a constructor), or `.join` (a method on a receiver of unknown type).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    /// Further names with the same meaning.
    #[serde(default)]
    pub also: Vec<String>,
    /// The name stands for itself and with `A` or `W` behind it.
    #[serde(default)]
    pub aw: bool,
    /// The number of parameters; absent: any. Defaulted ones may be left out: see `min_params`.
    pub params: Option<u8>,
    pub min_params: Option<u8>,
    /// Absent: all languages.
    #[serde(default)]
    pub lang: Vec<RowLang>,
    pub effects: Vec<EffectRow>,
    /// The type of the result, where callers do not write it: `std::future` of `std::async`.
    pub gives: Option<String>,
    /// The source of the fact.
    #[serde(default)]
    pub source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowLang {
    C,
    Cpp,
    Rust,
}

/// A type that people do not define themselves.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeRow {
    pub name: String,
    #[serde(default)]
    pub also: Vec<String>,
    #[serde(default)]
    pub lang: Vec<RowLang>,
    /// What the end of an object does; `this` is the object.
    #[serde(default)]
    pub destructor: Vec<EffectRow>,
    /// The destructor does this only to an object that a spawning call gave: std::future from std::async.
    #[serde(default)]
    pub if_started: bool,
    /// Template arguments whose objects end with it: 0 for unique_ptr and vector, 0 and 1 for map.
    #[serde(default)]
    pub owns: Vec<u8>,
    /// `->`, `*`, `[]` and iteration lead to this template argument.
    pub leads_to: Option<u8>,
    /// The template argument that names the class or function which ends what is owned, in place of its destructor:
    /// `unique_ptr<T, Deleter>`.
    pub ended_by: Option<u8>,
    /// Methods that end what is owned: reset, clear.
    #[serde(default)]
    pub ends: Vec<String>,
    /// Methods that give an iterator, which has a type of its own: begin, find. Its end ends no element.
    #[serde(default)]
    pub iterators: Vec<String>,
    /// Methods that give a raw pointer to what `->` leads to: data, the load of an atomic pointer. Its end ends nothing.
    #[serde(default)]
    pub pointers: Vec<String>,
    /// Shared ownership: the end of one owner need not end the object.
    #[serde(default)]
    pub shared: bool,
    /// Never destroyed (NoDestructor, ManuallyDrop).
    #[serde(default)]
    pub leaks: bool,
    /// A thread pool object's RAII owner.
    pub pool: Option<PoolOwner>,
}

/// What the destructor (and `reset`) of a thread pool object's owner does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolOwner {
    pub kind: PoolObject,
    pub disarms: bool,
    pub waits: bool,
}

/// A function that the loader or the CRT calls by its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryRow {
    pub name: String,
    #[serde(default)]
    pub module: Option<u8>,
    #[serde(default)]
    pub reason: Option<u8>,
    #[serde(default)]
    pub reserved: Option<u8>,
    /// A method of classes that derive from this one (MFC).
    pub class_base: Option<String>,
    /// Of a program and not of a DLL: main, WinMain.
    #[serde(default)]
    pub program: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    constants: FxHashMap<String, i64>,
    /// Names that are the own module's handle: __ImageBase, HINST_THISCOMPONENT.
    #[serde(default)]
    own_module: Vec<String>,
    /// DLLs that every process has, in small letters without their ending.
    #[serde(default)]
    always_loaded: Vec<String>,
    #[serde(default)]
    entry: Vec<EntryRow>,
    #[serde(default, rename = "type")]
    types: Vec<TypeRow>,
    #[serde(default)]
    api: Vec<Row>,
    fixes: FixNames,
}

/// What fixes write: names and calls of Windows, by the name of the call that they stand beside or in place of.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixNames {
    /// A call that frees a module, and the one that ends the thread, too: the module, the exit code.
    pub end_thread: FxHashMap<String, String>,
    /// A call that frees a module, and the one that has the pool do it when the callback has returned: the callback's
    /// instance, the module.
    pub on_return: FxHashMap<String, String>,
    /// The types of a callback's instance.
    pub instance: Vec<String>,
    /// A call on a thread pool object, and the call that disarms it; `{}` stands for the object.
    pub disarm: FxHashMap<String, String>,
    /// A close, and the call that waits for the callbacks; `{}` stands for the object.
    pub wait: FxHashMap<String, String>,
}

/// The whole table, indexed.
#[derive(Debug)]
pub struct Api {
    rows: Vec<Arc<Row>>,
    by_name: FxHashMap<String, Vec<usize>>,
    types: Vec<Arc<TypeRow>>,
    types_by_name: FxHashMap<String, Vec<usize>>,
    constants: FxHashMap<String, i64>,
    own_module: Vec<String>,
    always_loaded: Vec<String>,
    entries: Vec<EntryRow>,
    /// The methods that end what a type owns, of all types.
    ending_methods: FxHashSet<String>,
    /// What stands between `::` in the names of rows.
    segments: FxHashSet<String>,
    fixes: FixNames,
}

static BUILT_IN: &str = include_str!("../rules/apis.toml");

impl Api {
    /// The built-in table and the user's rows. A user's row of the same name and arity takes the built-in one's place.
    ///
    /// # Errors
    /// The message of the TOML reader, for the built-in table only.
    pub fn new(user_rows: &[Row]) -> Result<Api, String> {
        let table: Table = toml::from_str(BUILT_IN).map_err(|error| error.to_string())?;
        let mut api = Api {
            rows: Vec::new(),
            by_name: FxHashMap::default(),
            types: Vec::new(),
            types_by_name: FxHashMap::default(),
            constants: table.constants,
            own_module: table.own_module,
            always_loaded: table.always_loaded,
            entries: table.entry,
            fixes: table.fixes,
            segments: FxHashSet::default(),
            ending_methods: table
                .types
                .iter()
                .flat_map(|row| row.ends.iter().cloned())
                .collect(),
        };
        for row in table.api {
            api.add(row, false);
        }
        for row in user_rows {
            api.add(row.clone(), true);
        }
        for row in table.types {
            let index = api.types.len();
            let row = Arc::new(row);
            for name in std::iter::once(&row.name).chain(&row.also) {
                api.types_by_name
                    .entry(name.clone())
                    .or_default()
                    .push(index);
            }
            api.types.push(row);
        }
        let names = api.by_name.keys().chain(api.types_by_name.keys());
        api.segments = names
            .flat_map(|name| name.split("::"))
            .map(|segment| segment.trim_start_matches('.').to_string())
            .collect();
        Ok(api)
    }

    /// Whether the name of a row can end in a name, or name a method of what it names: where it cannot, no spelling of it
    /// has to be looked up.
    pub fn may_mean(&self, name: &str) -> bool {
        self.segments.contains(last_segment(name))
    }

    fn add(&mut self, row: Row, replaces: bool) {
        let index = self.rows.len();
        let row = Arc::new(row);
        let mut names: Vec<String> = std::iter::once(&row.name)
            .chain(&row.also)
            .cloned()
            .collect();
        if row.aw {
            names.extend(
                names
                    .clone()
                    .iter()
                    .flat_map(|name| [format!("{name}A"), format!("{name}W")]),
            );
        }
        for name in names {
            let known = self.by_name.entry(name).or_default();
            if replaces {
                known.retain(|&other| {
                    self.rows[other].params.is_some() && self.rows[other].params != row.params
                });
            }
            known.push(index);
        }
        self.rows.push(row);
    }

    /// The rows of a name for a call with so many arguments.
    pub fn rows(
        &self,
        name: &str,
        arguments: usize,
        lang: Lang,
    ) -> impl Iterator<Item = &Arc<Row>> {
        self.by_name
            .get(name)
            .into_iter()
            .flatten()
            .map(|&index| &self.rows[index])
            .filter(move |row| {
                speaks(&row.lang, lang)
                    && row.params.is_none_or(|params| {
                        arguments <= params as usize
                            && arguments >= row.min_params.unwrap_or(params) as usize
                    })
            })
    }

    /// Whether every process has this DLL, named with its ending or without.
    pub fn is_always_loaded(&self, file: &str) -> bool {
        // Rust writes the zero at the end of a string for C.
        let file = file.trim_end_matches("\\0").trim_end_matches('\0');
        let name = file.to_ascii_lowercase();
        let name = name.strip_suffix(".dll").unwrap_or(&name);
        self.always_loaded.iter().any(|known| known == name)
    }

    /// What fixes write.
    pub fn fixes(&self) -> &FixNames {
        &self.fixes
    }

    /// Whether any row bears this name.
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether a method of this name ends what some type of the table owns: `reset`, `clear`.
    pub fn may_end(&self, method: &str) -> bool {
        self.ending_methods.contains(method)
    }

    /// The methods that end what some type of the table owns, sorted.
    pub fn ending_methods(&self) -> Vec<&str> {
        let mut methods: Vec<&str> = self.ending_methods.iter().map(String::as_str).collect();
        methods.sort_unstable();
        methods
    }

    /// The names of rows with an effect of some kinds.
    pub fn names_with(&self, wanted: impl Fn(&Effect) -> bool) -> Vec<&str> {
        let has = |index: &usize| {
            self.rows[*index]
                .effects
                .iter()
                .any(|row| wanted(&row.effect))
        };
        let mut names: Vec<&str> = self
            .by_name
            .iter()
            .filter(|(_, rows)| rows.iter().any(has))
            .map(|(name, _)| last_segment(name.trim_start_matches('.')))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The last parts of all names that a language can call, each with what `category` makes of its effects, as bits.
    pub fn words(&self, lang: Lang, category: impl Fn(&Effect) -> u32) -> Vec<(&str, u32)> {
        self.by_name
            .iter()
            .filter(|(name, _)| lang != Lang::C || !name.contains("::") && !name.starts_with('.'))
            .filter(|(name, _)| lang == Lang::Rust || !is_rust_path(name))
            .map(|(name, rows)| {
                let bits = rows
                    .iter()
                    .map(|&index| &self.rows[index])
                    .filter(|row| speaks(&row.lang, lang))
                    .flat_map(|row| &row.effects)
                    .fold(0, |bits, row| bits | category(&row.effect));
                (last_segment(name.trim_start_matches('.')), bits)
            })
            .collect()
    }

    /// The last parts of the names of types whose objects' end does something.
    pub fn blocking_types(&self) -> impl Iterator<Item = &str> {
        self.types_by_name
            .iter()
            .filter(|(_, rows)| {
                rows.iter().any(|&index| {
                    !self.types[index].destructor.is_empty() || self.types[index].pool.is_some()
                })
            })
            .map(|(name, _)| last_segment(name))
    }

    /// The names by which a text shows that it takes a lock: of functions and guards their own, of methods their class's.
    pub fn lock_names(&self) -> Vec<&str> {
        let lock_of = |index: &usize| {
            self.rows[*index]
                .effects
                .iter()
                .find_map(|row| match row.effect {
                    Effect::Acquire { lock, .. } => Some(lock),
                    _ => None,
                })
        };
        let mut names: Vec<&str> = self
            .by_name
            .iter()
            .filter_map(|(name, rows)| match rows.iter().find_map(lock_of)? {
                Arg::This => name.rsplit_once("::").map(|(class, _)| last_segment(class)),
                _ => Some(last_segment(name)),
            })
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the table knows of a type.
    pub fn type_row(&self, name: &str, lang: Lang) -> Option<&Arc<TypeRow>> {
        self.types_by_name
            .get(name)?
            .iter()
            .map(|&index| &self.types[index])
            .find(|row| speaks(&row.lang, lang))
    }

    pub fn constant(&self, name: &str) -> Option<i64> {
        self.constants
            .get(name)
            .or_else(|| self.constants.get(last_segment(name)))
            .copied()
    }

    /// The names of the own module's handle.
    pub fn own_modules(&self) -> impl Iterator<Item = &str> {
        self.own_module.iter().map(String::as_str)
    }

    pub fn is_own_module(&self, name: &str) -> bool {
        self.own_module.iter().any(|own| own == last_segment(name))
    }

    pub fn entries(&self) -> &[EntryRow] {
        &self.entries
    }
}

fn speaks(row: &[RowLang], lang: Lang) -> bool {
    let wanted = match lang {
        Lang::C => RowLang::C,
        Lang::Cpp => RowLang::Cpp,
        Lang::Rust => RowLang::Rust,
    };
    row.is_empty() || row.contains(&wanted)
}

/// Whether only Rust writes a name so. `std` is in doubt.
fn is_rust_path(name: &str) -> bool {
    name.starts_with("tokio::")
        || name.starts_with("crossbeam")
        || name.starts_with("parking_lot::")
}

/// `b` of `a::b`.
pub fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        assert!(api.rows("WaitForSingleObject", 2, Lang::C).next().is_some());
        assert!(api.rows("WaitForSingleObject", 3, Lang::C).next().is_none());
        assert_eq!(api.constant("INFINITE"), Some(0xFFFF_FFFF));
    }

    #[test]
    fn names_with_both_endings_are_known() {
        let api = Api::new(&[]).expect("rules/apis.toml");
        for name in ["LoadLibrary", "LoadLibraryA", "LoadLibraryW"] {
            assert!(api.knows(name), "{name}");
        }
    }
}
