//! Entries: the functions that nobody in the program calls by name, and who calls them instead.
//!
//! In comes a linked program, out go the loader's, the CRT's, the thread pool's and new threads' ways into it, each
//! with the contexts (reason code, `lpReserved`) in which it runs. Which of them run under the loader lock: hazards F1.

mod filled;
mod linked;

use crate::api::{Effect, PoolObject, ThreadRef};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtId, StmtKind, Value};
use crate::program::origin::Seed;
use crate::program::{
    CallEffect, FnId, Key, KeyRoot, Meaning, Program, Site, StaticId, Target, ends_with_name,
};
use crate::source::{Lang, Span};
use filled::Filled;
use rustc_hash::{FxHashMap, FxHashSet};

/// In which of the eight contexts code runs: reason code times whether `lpReserved` is set. A set of them is a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Contexts(pub u8);

impl Contexts {
    pub const ALL: Contexts = Contexts(0xFF);
    /// `lpReserved` is not NULL: at detach the process is ending, at attach the DLL is linked statically.
    pub const RESERVED: Contexts = Contexts(0b1010_1010);
    pub const PROCESS_DETACH: Contexts = Contexts::reason(0);
    pub const PROCESS_ATTACH: Contexts = Contexts::reason(1);
    pub const THREAD_ATTACH: Contexts = Contexts::reason(2);
    pub const THREAD_DETACH: Contexts = Contexts::reason(3);
    /// FreeLibrary (or a failed load).
    pub const UNLOAD: Contexts = Contexts(0b01);
    /// The process ends; all other threads are gone.
    pub const PROCESS_EXIT: Contexts = Contexts(0b10);

    /// Both contexts of a reason code: DLL_PROCESS_DETACH 0, DLL_PROCESS_ATTACH 1, DLL_THREAD_ATTACH 2, DLL_THREAD_DETACH 3.
    pub const fn reason(reason: u8) -> Contexts {
        Contexts(0b11 << (2 * reason))
    }

    pub fn and(self, other: Contexts) -> Contexts {
        Contexts(self.0 & other.0)
    }

    pub fn or(self, other: Contexts) -> Contexts {
        Contexts(self.0 | other.0)
    }

    pub fn but(self, other: Contexts) -> Contexts {
        Contexts(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn has(self, other: Contexts) -> bool {
        self.0 & other.0 != 0
    }

    pub fn within(self, other: Contexts) -> bool {
        self.0 & !other.0 == 0
    }

    /// For people: `at process detach`.
    pub fn describe(self) -> &'static str {
        if self.within(Contexts::PROCESS_EXIT) {
            "at process exit"
        } else if self.within(Contexts::UNLOAD) {
            "at process detach (FreeLibrary)"
        } else if self.within(Contexts::PROCESS_DETACH) {
            "at process detach"
        } else if self.within(Contexts::PROCESS_ATTACH) {
            "at process attach"
        } else if self.within(Contexts::THREAD_ATTACH) {
            "at thread attach"
        } else if self.within(Contexts::THREAD_DETACH) {
            "at thread detach"
        } else if self.within(Contexts::PROCESS_DETACH.or(Contexts::THREAD_DETACH)) {
            "at detach"
        } else if self.within(Contexts::PROCESS_ATTACH.or(Contexts::THREAD_ATTACH)) {
            "at attach"
        } else {
            "whatever the reason"
        }
    }
}

/// Who calls an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// DllMain and the CRT's entry points.
    DllMain,
    TlsCallback,
    /// A constructor or initializer of a static, `__attribute__((constructor))`, `#[ctor]`.
    StaticInitializer,
    StaticDestructor,
    ThreadLocalDestructor,
    /// atexit and its kin, `__attribute__((destructor))`, `#[dtor]`.
    AtExit,
    ThreadProcedure(ThreadRef),
    /// A thread pool's callback; the thread belongs to the pool.
    PoolCallback(PoolObject),
    /// A task of std::async or PPL: on the thread pool too.
    PoolTask,
}

impl EntryKind {
    /// For `tplint modules`.
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::DllMain => "DLL entry point",
            EntryKind::TlsCallback => "TLS callback",
            EntryKind::StaticInitializer => "static initializer",
            EntryKind::StaticDestructor => "static destructor",
            EntryKind::ThreadLocalDestructor => "thread_local destructor",
            EntryKind::AtExit => "exit function",
            EntryKind::ThreadProcedure(_) => "thread procedure",
            EntryKind::PoolCallback(_) => "thread pool callback",
            EntryKind::PoolTask => "thread pool task",
        }
    }

    /// The group of `wait_in_dll_main` (`rules.md`, who owns which entry).
    pub fn is_dll_main(self) -> bool {
        matches!(
            self,
            EntryKind::DllMain | EntryKind::TlsCallback | EntryKind::StaticInitializer
        )
    }

    /// The group of `wait_in_static_destructor`.
    pub fn is_destructor(self) -> bool {
        matches!(
            self,
            EntryKind::StaticDestructor | EntryKind::ThreadLocalDestructor | EntryKind::AtExit
        )
    }

    pub fn is_pool(self) -> bool {
        matches!(self, EntryKind::PoolCallback(_) | EntryKind::PoolTask)
    }
}

/// What an entry runs.
#[derive(Clone, Debug)]
pub enum Runs {
    Function(FnId),
    /// The destructor of a library type.
    Effect(CallEffect),
}

/// One way into the program.
#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: EntryKind,
    pub runs: Runs,
    pub contexts: Contexts,
    /// Positions of the parameters that hold reason code and `lpReserved`.
    pub reason: Option<u32>,
    pub reserved: Option<u32>,
    /// The static that is constructed or destroyed.
    pub object: Option<StaticId>,
    /// For people, to begin a sentence: `DllMain`, `the static `g_worker``.
    pub name: String,
    /// Where people look first: the function's name, or the static's declaration.
    pub span: Span,
    /// `as its member `m_thread` ends`.
    pub note: Option<Name>,
    /// The call that registered it: CreateThread, atexit, CreateThreadpoolWork.
    pub registered: Option<Site>,
    /// What the parameters of the macro that defines the function stand for.
    pub bindings: Vec<(Name, Vec<FnId>)>,
}

/// All entries of a program, and what the system passes to them.
pub struct Entries {
    pub all: Vec<Entry>,
    pub seeds: FxHashMap<(FnId, u32), Seed>,
}

/// Finds them all, in the order of the program's functions and statics.
pub fn find(program: &Program) -> Entries {
    let mut entries = Entries {
        all: Vec::new(),
        seeds: FxHashMap::default(),
    };
    let by_linker = linker_entries(program);
    for id in program.ids() {
        named_entry(program, id, &by_linker, &mut entries);
        attribute_entry(program, id, &mut entries);
    }
    for id in program.static_ids() {
        section_entry(program, id, &mut entries);
        static_entries(program, id, &mut entries);
    }
    for id in program.ids() {
        for call in program.calls(id) {
            let site = Site {
                function: id,
                stmt: call.stmt,
            };
            for effect in &call.effects {
                registered_entry(program, site, effect.effect(), &mut entries);
            }
        }
    }
    entries
        .all
        .retain(|entry| program.is_own_file(entry.span.file));
    drop_unlinked(program, &mut entries.all);
    entries
}

/// What the loader and the CRT call is called only where a linker puts it in, and a static in a function is destroyed
/// only where that function can have run; an owner of which nobody in the module makes the object owns nothing. Threads and callbacks are left: whoever starts them has run.
fn drop_unlinked(program: &Program, entries: &mut Vec<Entry>) {
    let by_loader = |entry: &Entry| entry.kind.is_dll_main() || entry.kind.is_destructor();
    if !entries.iter().any(by_loader) {
        return;
    }
    let linked = linked::find(program);
    let filled = Filled::new(program);
    entries.retain(|entry| {
        if !by_loader(entry) {
            return true;
        }
        if entry.kind.is_destructor()
            && entry
                .object
                .is_some_and(|object| filled.stays_empty(&linked, object))
        {
            return false;
        }
        let holds = |file| linked.holds(program, file);
        let registered = entry
            .registered
            .is_none_or(|site| holds(program.file(site.function)));
        let inside = entry.object.and_then(|object| {
            let function = program.static_def(object).function?;
            Some(program.function_in(program.static_unit(object), function))
        });
        holds(entry.span.file) && registered && inside.is_none_or(|function| linked.runs(function))
    });
}

fn entry(program: &Program, kind: EntryKind, function: FnId, contexts: Contexts) -> Entry {
    Entry {
        kind,
        runs: Runs::Function(function),
        contexts,
        reason: None,
        reserved: None,
        object: None,
        name: program.describe(function),
        span: program.function(function).name_span,
        note: None,
        registered: None,
        bindings: Vec::new(),
    }
}

/// The names in `#pragma comment(linker, "/ENTRY:…")`, in small letters and without decoration.
fn linker_entries(program: &Program) -> FxHashSet<String> {
    let options = program.units.iter().flat_map(|unit| &unit.linker_options);
    options
        .filter_map(|(option, _)| {
            let option = option.to_ascii_lowercase();
            let (_, name) = option
                .split_once("/entry:")
                .or_else(|| option.split_once("-entry:"))?;
            let name = name.trim_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
            let name = name.trim_start_matches('_').split('@').next()?;
            Some(name.to_string())
        })
        .collect()
}

/// DllMain in its spellings: by name, by `export_name`, by a macro for its name, by the linker's /ENTRY.
fn named_entry(program: &Program, id: FnId, by_linker: &FxHashSet<String>, entries: &mut Entries) {
    let function = program.function(id);
    if matches!(
        function.kind,
        FunctionKind::Lambda | FunctionKind::Initializer | FunctionKind::Macro
    ) {
        return;
    }
    let renamed = |name: &str| match program.meaning(id, name) {
        Meaning::Constant(
            Value::Place(Place {
                root: Root::Global(other),
                path,
            }),
            _,
        ) if path.is_empty() => Some(other.clone()),
        _ => None,
    };
    let linker_entry = program
        .module
        .entry_names
        .iter()
        .any(|name| **name == *function.name)
        || (!by_linker.is_empty()
            && by_linker.contains(function.name.to_ascii_lowercase().trim_start_matches('_')));
    let names: Vec<Name> = match &function.export_name {
        Some(name) => vec![name.clone()],
        None => match renamed(&function.name) {
            Some(other) => vec![other],
            None => vec![function.name.clone()],
        },
    };
    let row = program.api.entries().iter().find(|row| {
        names.iter().any(|name| **name == *row.name)
            && match &row.class_base {
                Some(base) => {
                    program.is_dll()
                        && program.owner(id).is_some_and(|owner| {
                            program.class_chain(owner).iter().any(|&class| {
                                program
                                    .type_def(class)
                                    .bases
                                    .iter()
                                    .any(|text| ends_with_name(text, base))
                            })
                        })
                }
                None => program.owner(id).is_none() && !function.has_this,
            }
    });
    let (module, reason, reserved) = match row {
        Some(row) if row.program => {
            if function.params.len() >= 4 {
                entries.seeds.insert((id, 0), Seed::Other);
            }
            return;
        }
        Some(row) => (row.module, row.reason, row.reserved),
        None if linker_entry && function.params.len() == 3 => (Some(0), Some(1), Some(2)),
        None => return,
    };
    let Some(bindings) = macro_bindings(program, id) else {
        return;
    };
    let position = |index: Option<u8>| {
        index
            .map(u32::from)
            .filter(|&index| (index as usize) < function.params.len())
    };
    if let Some(module) = position(module) {
        entries.seeds.insert((id, module), Seed::Own);
    }
    let contexts = match row.and_then(|row| row.class_base.as_ref()) {
        Some(_) if function.name.starts_with("Exit") => Contexts::PROCESS_DETACH,
        Some(_) => Contexts::PROCESS_ATTACH,
        None => Contexts::ALL,
    };
    let mut found = entry(program, EntryKind::DllMain, id, contexts);
    found.reason = position(reason);
    found.reserved = position(reserved);
    if let (Some(reason), Some(reserved)) = (found.reason, found.reserved)
        && takes_for_data(program, id, reason, reserved)
    {
        found.contexts = contexts.but(Contexts::PROCESS_ATTACH.and(Contexts::RESERVED));
    }
    found.bindings = bindings;
    if found.name.starts_with('`') && &*function.name == "DllMain" {
        found.name = "DllMain".to_string();
    }
    entries.all.push(found);
}

/// Whether an entry point takes `lpReserved` for something of its own: a command line, a place to write its handle to. The
/// loader has nothing to say there but NULL or not NULL
/// (<https://learn.microsoft.com/en-us/windows/win32/dlls/dllmain>); who passes data maps the DLL itself, calls the entry
/// point like any function, and holds no loader lock.
fn takes_for_data(program: &Program, id: FnId, reason: u32, reserved: u32) -> bool {
    let given = Value::Place(Place::of(Root::Param(reserved)));
    let all_handed_on = Value::Place(Place::of(Root::Param(reason)));
    let function = program.function(id);
    (0..function.stmts.len() as u32).any(|stmt| {
        let stmt = StmtId(stmt);
        match &function.stmt(stmt).kind {
            StmtKind::Assign { to, .. } => to.root == Root::Param(reserved),
            StmtKind::Call { args, .. } => {
                let Some(position) = args.iter().position(|arg| *arg == given) else {
                    return false;
                };
                let targets = program
                    .call(Site { function: id, stmt })
                    .map_or(&[][..], |call| &call.targets);
                !args.contains(&all_handed_on)
                    && !targets.is_empty()
                    && targets.iter().all(|target| {
                        let taken = program.function(target.function).params.get(position);
                        taken.is_some_and(|param| points_to_something(&param.type_text))
                    })
            }
            _ => false,
        }
    })
}

/// Whether a type as written is a pointer to a known type.
fn points_to_something(text: &str) -> bool {
    let text = text.trim_end();
    let pointed = text
        .strip_suffix('*')
        .or_else(|| text.strip_prefix("LP"))
        .or_else(|| text.strip_prefix('P'));
    pointed.is_some_and(|pointed| {
        !pointed
            .split(|letter: char| !letter.is_alphanumeric())
            .any(|word| matches!(word, "void" | "VOID" | "CVOID"))
    })
}

/// A function that a macro defines is one only where the macro is used; its parameters stand for the arguments.
fn macro_bindings(program: &Program, id: FnId) -> Option<Vec<(Name, Vec<FnId>)>> {
    let attribute = program
        .function(id)
        .attributes
        .iter()
        .find_map(|attribute| attribute.split_once("macro:"));
    let Some((before, attribute)) = attribute else {
        return Some(Vec::new());
    };
    let is_exported = !before.is_empty();
    let (name, params) = attribute
        .trim_end_matches(')')
        .split_once('(')
        .unwrap_or((attribute, ""));
    for (number, unit) in program.units.iter().enumerate() {
        if let Some(invocation) = unit
            .invocations
            .iter()
            .find(|invocation| *invocation.name == *name)
        {
            let bound =
                params
                    .split(',')
                    .map(str::trim)
                    .zip(&invocation.args)
                    .map(|(param, value)| {
                        let functions = match value {
                            Value::Closure(index) => {
                                vec![program.function_in(number as u32, *index)]
                            }
                            Value::Place(Place {
                                root: Root::Global(name),
                                ..
                            })
                            | Value::AddressOf(Place {
                                root: Root::Global(name),
                                ..
                            }) => {
                                let used_in = outside_classes(program, number as u32);
                                program.resolve_function(used_in.unwrap_or(id), name, None)
                            }
                            _ => Vec::new(),
                        };
                        (Name::from(format!("${param}")), functions)
                    });
            return Some(bound.collect());
        }
    }
    // Other crates use it, and give what nobody knows here.
    is_exported.then(Vec::new)
}

/// A function of a file from which names mean what they mean outside of classes there.
fn outside_classes(program: &Program, unit: u32) -> Option<FnId> {
    let functions = &program.units.get(unit as usize)?.functions;
    let is_free = |index: &usize| functions[*index].scope.is_empty();
    let index = (0..functions.len())
        .find(is_free)
        .or_else(|| (!functions.is_empty()).then_some(0))?;
    Some(program.function_in(unit, crate::ir::FunctionIndex(index as u32)))
}

/// `__attribute__((constructor))`, `#[ctor]` and their opposites.
fn attribute_entry(program: &Program, id: FnId, entries: &mut Entries) {
    if program.is_exe() {
        return;
    }
    for attribute in &program.function(id).attributes {
        let (kind, contexts) = match attribute.rsplit("::").next().unwrap_or("") {
            "constructor" | "ctor" => (EntryKind::StaticInitializer, Contexts::PROCESS_ATTACH),
            "destructor" | "dtor" => (EntryKind::AtExit, Contexts::PROCESS_DETACH),
            _ => continue,
        };
        entries.all.push(entry(program, kind, id, contexts));
    }
}

/// Pointers in the CRT's and loader's tables: `.CRT$XLB`, `.CRT$XCU`.
fn section_entry(program: &Program, id: StaticId, entries: &mut Entries) {
    let object = program.static_def(id);
    let Some(section) = object
        .attributes
        .iter()
        .find_map(|attribute| attribute.strip_prefix("section:"))
    else {
        return;
    };
    let section = section.to_ascii_uppercase();
    let (kind, contexts) = if section.contains(".CRT$XL") {
        (EntryKind::TlsCallback, Contexts::ALL)
    } else if section.contains(".CRT$XC") || section.contains(".CRT$XI") {
        (EntryKind::StaticInitializer, Contexts::PROCESS_ATTACH)
    } else if section.contains(".CRT$XP") || section.contains(".CRT$XT") {
        (EntryKind::AtExit, Contexts::PROCESS_DETACH)
    } else {
        return;
    };
    if program.is_exe() && kind != EntryKind::TlsCallback {
        return;
    }
    // What a file without functions names stands in others.
    let here = outside_classes(program, program.static_unit(id));
    let Some(around) = here.or_else(|| program.ids().next()) else {
        return;
    };
    for value in &object.init {
        for function in program.functions_of(around, value) {
            // A callback that points at DllMain itself is listed once, as DllMain.
            if entries
                .all
                .iter()
                .any(|known| matches!(known.runs, Runs::Function(other) if other == function))
            {
                continue;
            }
            let mut found = entry(program, kind, function, contexts);
            if kind == EntryKind::TlsCallback {
                entries.seeds.insert((function, 0), Seed::Own);
                let count = program.function(function).params.len() as u32;
                found.reason = (count > 1).then_some(1);
                found.reserved = (count > 2).then_some(2);
            }
            entries.all.push(found);
        }
    }
}

/// Constructors and destructors of statics.
fn static_entries(program: &Program, id: StaticId, entries: &mut Entries) {
    let object = program.static_def(id);
    let unit = program.static_unit(id);
    let lang = program.units[unit as usize].lang;
    if object.is_extern || lang == Lang::C || (program.is_exe() && !object.thread_local) {
        return;
    }
    let word = if object.thread_local {
        "thread_local"
    } else {
        "static"
    };
    let describe = || format!("the {word} `{}`", object.name);
    if object.function.is_none() && !object.thread_local && lang == Lang::Cpp && !program.is_exe() {
        let initializers = match object.initializer {
            Some(index) => vec![Target {
                function: program.function_in(unit, index),
                note: None,
            }],
            // A plain value is another object, or fills the members.
            None if object.init.is_empty() && !program.is_pointer_like(&object.type_text, unit) => {
                program
                    .class_of_text(&object.type_text, unit)
                    .map(|class| program.construction(class))
                    .unwrap_or_default()
            }
            None => Vec::new(),
        };
        for target in initializers {
            let mut found = entry(
                program,
                EntryKind::StaticInitializer,
                target.function,
                Contexts::PROCESS_ATTACH,
            );
            found.object = Some(id);
            found.name = describe();
            found.span = object.name_span;
            found.note = target.note;
            entries.all.push(found);
        }
    }
    // Rust statics are never dropped; thread locals are.
    if (lang == Lang::Rust && !object.thread_local)
        || object
            .attributes
            .iter()
            .any(|attribute| &**attribute == "no_destroy")
    {
        return;
    }
    let (kind, contexts) = if object.thread_local {
        (
            EntryKind::ThreadLocalDestructor,
            Contexts::THREAD_DETACH.or(Contexts::PROCESS_DETACH),
        )
    } else {
        (EntryKind::StaticDestructor, Contexts::PROCESS_DETACH)
    };
    let Some(text) = static_type(program, id) else {
        return;
    };
    let ending = program.ending(&text, unit);
    let targets = ending
        .targets
        .into_iter()
        .map(|target| (Runs::Function(target.function), target.note));
    let itself = Key::of(KeyRoot::Static(id));
    let started = ending
        .started
        .into_iter()
        .filter(|(_, _, holder)| program.is_started(holder.as_ref().unwrap_or(&itself)))
        .map(|(effect, note, _)| (effect, note));
    let effects = ending
        .effects
        .into_iter()
        .chain(started)
        .map(|(effect, note)| (Runs::Effect(effect), note));
    for (runs, note) in targets.chain(effects) {
        entries.all.push(Entry {
            kind,
            runs,
            contexts,
            reason: None,
            reserved: None,
            object: Some(id),
            name: describe(),
            span: object.name_span,
            note,
            registered: None,
            bindings: Vec::new(),
        });
    }
}

/// The type of a static, as text that its unit understands; what `auto` stands for, where that is known.
pub fn static_type(program: &Program, id: StaticId) -> Option<String> {
    let object = program.static_def(id);
    if !crate::program::types::is_inferred(&object.type_text) {
        return Some(program.text_in_scope(&object.type_text, &object.scope));
    }
    let unit = program.static_unit(id);
    let name = crate::program::join_name(&object.scope, &object.name);
    let place = Place::of(Root::Global(name));
    let initializer = match (object.initializer, object.function) {
        (Some(index), _) => program.function_in(unit, index),
        // Inside a function: what a call makes, and not what a method gives out.
        (None, Some(index)) if !object.type_text.contains(['*', '&']) => {
            let function = program.function_in(unit, index);
            let body = program.function(function);
            let is_made = |value: &Value| {
                matches!(value, Value::Result(stmt) if matches!(
                    body.stmt(*stmt).kind,
                    StmtKind::Call { callee: Callee::Named(_) | Callee::Construct { heap: false, .. }, .. }
                ))
            };
            let makes = body.stmts.iter().any(|stmt| {
                matches!(&stmt.kind, StmtKind::Assign { to, value } if *to == place && is_made(value))
            });
            makes.then_some(function)?
        }
        _ => return None,
    };
    program
        .type_of_place(initializer, &place)
        .map(|(text, _)| text)
}

/// Thread procedures, pool callbacks, exit functions.
fn registered_entry(program: &Program, site: Site, effect: &Effect, entries: &mut Entries) {
    let mut add =
        |kind: EntryKind, callback: &Value, contexts: Contexts, context: Option<(u32, Value)>| {
            let here = program.functions_of(site.function, callback);
            // A wrapper of the registering call gets the function from its callers: they register it.
            let by_callers = if here.is_empty() {
                program.handed_in(site, callback, &|function, value| {
                    !program.functions_of(function, value).is_empty()
                })
            } else {
                Vec::new()
            };
            let here = (!here.is_empty()).then_some((site, here));
            let by_callers = by_callers
                .into_iter()
                .map(|(caller, value)| (caller, program.functions_of(caller.function, &value)));
            for (site_of, functions) in here.into_iter().chain(by_callers) {
                for function in functions {
                    let mut found = entry(program, kind, function, contexts);
                    found.registered = Some(site_of);
                    entries.all.push(found);
                    let Some((index, value)) = &context else {
                        continue;
                    };
                    let (around, value) = if site_of == site {
                        (site.function, value.clone())
                    } else {
                        given_by(program, site, site_of, value)
                    };
                    let seed = entries
                        .seeds
                        .entry((function, *index))
                        .or_insert_with(|| Seed::Argument(Vec::new()));
                    if let Seed::Argument(values) = seed {
                        values.push((around, value));
                    }
                }
            }
        };
    match effect {
        Effect::AtExit {
            callback,
            argument,
            thread,
        } => {
            let value = program.argument_value(site, *callback);
            let context = argument.map(|argument| (0, program.argument_value(site, argument)));
            let (kind, contexts) = if *thread {
                (
                    EntryKind::ThreadLocalDestructor,
                    Contexts::THREAD_DETACH.or(Contexts::PROCESS_DETACH),
                )
            } else {
                (EntryKind::AtExit, Contexts::PROCESS_DETACH)
            };
            if !program.is_exe() || *thread {
                add(kind, &value, contexts, context);
            }
        }
        Effect::Spawn {
            entry: procedure,
            argument,
            reference,
            pool,
            ..
        } => {
            let value = program.argument_value(site, *procedure);
            let context = argument.map(|argument| (0, program.argument_value(site, argument)));
            let kind = if *pool || *reference == ThreadRef::Stl {
                EntryKind::PoolTask
            } else {
                EntryKind::ThreadProcedure(*reference)
            };
            add(kind, &value, Contexts(0), context);
        }
        Effect::TpCreate {
            object_kind,
            callback,
            context,
            ..
        } => {
            let value = program.argument_value(site, *callback);
            let functions = program.functions_of(site.function, &value);
            let count = functions
                .first()
                .map_or(0, |&id| program.function(id).params.len());
            let index = context_parameter(*object_kind, count);
            let context = context.map(|context| (index, program.argument_value(site, context)));
            add(
                EntryKind::PoolCallback(*object_kind),
                &value,
                Contexts(0),
                context,
            );
        }
        _ => {}
    }
}

/// A value of a wrapper as its caller gave it, or as it stands.
pub fn given_by(program: &Program, site: Site, caller: Site, value: &Value) -> (FnId, Value) {
    program
        .handed_in(site, value, &|function, _| function == caller.function)
        .into_iter()
        .find(|(found, _)| *found == caller)
        .map_or((site.function, value.clone()), |(caller, value)| {
            (caller.function, value)
        })
}

/// Which parameter of a callback is its context.
/// https://learn.microsoft.com/en-us/windows/win32/api/threadpoolapiset/ (PTP_*_CALLBACK), WAITORTIMERCALLBACK,
/// LPTHREAD_START_ROUTINE, LPTIMECALLBACK (five parameters, the third).
pub fn context_parameter(kind: PoolObject, params: usize) -> u32 {
    match kind {
        PoolObject::Work
        | PoolObject::Timer
        | PoolObject::Wait
        | PoolObject::Io
        | PoolObject::Simple => 1,
        PoolObject::LegacyTimer if params == 5 => 2,
        PoolObject::LegacyWork | PoolObject::LegacyWait | PoolObject::LegacyTimer => 0,
        PoolObject::LegacyIo => 2,
    }
}

/// Which parameter of a callback is its own object, for those that get it.
pub fn object_parameter(kind: PoolObject) -> Option<u32> {
    match kind {
        PoolObject::Work | PoolObject::Timer | PoolObject::Wait => Some(2),
        PoolObject::Io => Some(5),
        _ => None,
    }
}
