//! The roles that a call, or the end of an object, can have, with the positions of the arguments that play them.
//!
//! In comes one effect of a row as the table writes it, out comes an `Effect` and the condition under which it holds.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

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
    /// Exchanges what two guards hold.
    Swaps {
        one: Arg,
        other: Arg,
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
