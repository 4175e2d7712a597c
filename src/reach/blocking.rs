//! Which of the calls that an entry reaches block, what they wait for, and how bad that is under the loader lock.
//!
//! The table of hazards 2.8: who waits for a thread's end, for a signal, for callbacks, or only for time.

use super::{Abstract, Env, Hit, Timeout, Walk};
use crate::api::{Arg, Effect, ModuleSource, ThreadRef, WaitClass, is_for_ever};
use crate::entry::{Contexts, Entry, EntryKind, Runs};
use crate::flow::{Flow, Loop};
use crate::ir::{Callee, Cond, Op, Place, Root, StmtId, StmtKind, Value};
use crate::program::origin::{Origin, Origins, flags};
use crate::program::{Call, FnId, Key, KeyRoot, Program, Site};
use rustc_hash::{FxHashMap, FxHashSet};

/// What a blocked thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitsFor {
    /// The end of a thread; who keeps the module loaded for it.
    ThreadEnd(ThreadRef),
    Signal,
    /// A handle of which nobody knows what it is.
    Handle,
    Callbacks,
    Io,
    Message,
    Process,
    /// A flag that another thread sets, polled with a sleep.
    Flag,
    /// Only time.
    Time,
}

/// A blocking call under the loader lock.
#[derive(Clone, Debug)]
pub struct Blocking {
    pub waits_for: WaitsFor,
    pub timeout: Timeout,
    /// A wait of a limited time that is made again whenever that is over.
    pub again: bool,
    /// The contexts in which it hangs or stalls; those in which it returns at once are left out.
    pub contexts: Contexts,
    /// Sleeps again and again in a loop that ends by itself: the function with the loop.
    pub repeated: Option<FnId>,
    /// The timeout is the sum of so many sleeps, 1 where there is no loop.
    pub rounds: i64,
    /// Of a loop that sleeps: the call of which nothing is known and that alone lets it end.
    pub asked: Option<Site>,
    /// Real, but minor.
    pub note: bool,
}

/// Functions with more callers than this may run anywhere.
const MOST_CALLERS: usize = 512;

/// What the handles of a program are.
pub struct Handles {
    kinds: FxHashMap<Key, FxHashSet<HandleKind>>,
    /// The same for objects that were made to hold one handle: the class's member says what all its objects hold, this
    /// what one holds.
    holders: FxHashMap<Key, FxHashSet<HandleKind>>,
    detached: FxHashSet<Key>,
    /// Where the thread of a handle is started.
    starts: FxHashMap<Key, Vec<Site>>,
    /// Where the window of a handle is made.
    windows: FxHashMap<Key, Vec<Site>>,
    /// Mutexes that another process can hold.
    named: FxHashSet<Key>,
    /// What runs on threads of its own.
    procedures: FxHashSet<FnId>,
    /// Where an event or the like is signalled.
    signals: FxHashMap<Key, Vec<Site>>,
    /// What is waited for by a handle.
    waited: FxHashSet<Key>,
    /// DllMain's attach always pins the module.
    pub pinned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum HandleKind {
    Thread(ThreadRef),
    Signal,
    Process,
    Mutex,
    /// Belongs to the thread that made it.
    Window,
}

impl Handles {
    /// Collects what every handle of the program was created as.
    pub fn collect(program: &Program, flow: &Flow) -> Handles {
        let mut handles = Handles {
            kinds: FxHashMap::default(),
            holders: FxHashMap::default(),
            detached: FxHashSet::default(),
            starts: FxHashMap::default(),
            windows: FxHashMap::default(),
            named: FxHashSet::default(),
            procedures: FxHashSet::default(),
            signals: FxHashMap::default(),
            waited: FxHashSet::default(),
            pinned: false,
        };
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    let (arg, kind) = match effect.effect() {
                        Effect::Spawn {
                            entry,
                            handle: None,
                            ..
                        } => {
                            let entry = program.argument_value(site, *entry);
                            handles.procedures.extend(program.functions_of(id, &entry));
                            continue;
                        }
                        Effect::Spawn {
                            entry,
                            handle: Some(handle),
                            reference,
                            ..
                        } => {
                            let entry = program.argument_value(site, *entry);
                            handles.procedures.extend(program.functions_of(id, &entry));
                            if let Some(key) = flow.key_of(site, *handle) {
                                let starts = handles.starts.entry(key.without_index()).or_default();
                                starts.push(site);
                            }
                            (*handle, HandleKind::Thread(*reference))
                        }
                        Effect::Signal { on } => {
                            if let Some(key) = flow.key_of(site, *on) {
                                let signals =
                                    handles.signals.entry(key.without_index()).or_default();
                                signals.push(site);
                            }
                            continue;
                        }
                        Effect::Wait {
                            class: WaitClass::Handle | WaitClass::Signal,
                            on: Some(on),
                            ..
                        } => {
                            if let Some(key) = flow.key_of(site, *on) {
                                handles.waited.insert(key.without_index());
                            }
                            continue;
                        }
                        // `information.hProcess`, and `hThread`, the thread of that process
                        Effect::Creates {
                            class: WaitClass::Process,
                            handle,
                            field: Some(field),
                        } => {
                            if let Some(mut key) = flow.key_of(site, *handle) {
                                key.path.push(field.as_str().into());
                                let kinds = handles.kinds.entry(key.without_index()).or_default();
                                kinds.insert(HandleKind::Process);
                            }
                            continue;
                        }
                        Effect::Creates {
                            class: WaitClass::Thread,
                            handle,
                            ..
                        } => (*handle, HandleKind::Thread(ThreadRef::Unknown)),
                        Effect::Creates {
                            class: WaitClass::Process,
                            handle,
                            ..
                        } => (*handle, HandleKind::Process),
                        Effect::Creates {
                            class: WaitClass::Message,
                            handle,
                            ..
                        } => {
                            if let Some(key) = flow.key_of(site, *handle) {
                                let made = handles.windows.entry(key.without_index()).or_default();
                                made.push(site);
                            }
                            (*handle, HandleKind::Window)
                        }
                        Effect::Creates { handle, .. } => (*handle, HandleKind::Signal),
                        Effect::CreatesMutex { handle, name } => {
                            let is_named = name.is_some_and(|name| {
                                let name = program.argument_value(site, name);
                                matches!(name, Value::Text(_) | Value::Place(_))
                                    && !program
                                        .constant(id, &name)
                                        .is_some_and(|constant| constant.is_zero())
                            });
                            if is_named && let Some(key) = flow.key_of(site, *handle) {
                                handles.named.insert(key.without_index());
                            }
                            (*handle, HandleKind::Mutex)
                        }
                        Effect::Detach { handle } => {
                            if let Some(key) = flow.key_of(site, *handle) {
                                handles.detached.insert(key);
                            }
                            continue;
                        }
                        _ => continue,
                    };
                    if let Some(key) = held_by(program, site, arg) {
                        handles.holders.entry(key).or_default().insert(kind);
                    }
                    if let Some(key) = flow.key_of(site, arg) {
                        handles
                            .kinds
                            .entry(key.without_index())
                            .or_default()
                            .insert(kind);
                    }
                }
            }
        }
        handles
    }

    /// Looks whether the attach of DllMain always takes a reference that is never given back.
    pub fn find_pin(&mut self, flow: &Flow, entry: &Entry, walk: &Walk, origins: &Origins) {
        let program = flow.program();
        if entry.kind != EntryKind::DllMain {
            return;
        }
        self.pinned |= walk.hits.iter().any(|hit| {
            let (Effect::ModuleRef { source, flags, .. }, Some(site)) =
                (hit.effect.effect(), hit.site)
            else {
                return false;
            };
            if !hit.contexts.has(Contexts::PROCESS_ATTACH) || is_optional(flow, entry, walk, hit) {
                return false;
            }
            let own = origins.of_reference(site, hit.effect.effect()) == Origin::Own;
            let bits = flags
                .and_then(|flags| origins.flags(site, flags))
                .unwrap_or(0);
            match source {
                // LDR_ADDREF_DLL_PIN is the same number.
                ModuleSource::Ex | ModuleSource::AddRef => own && bits & flags::PIN != 0,
                ModuleSource::Load => {
                    own || loads_own_path(program, site, hit.effect.effect(), origins)
                }
                _ => false,
            }
        });
    }

    /// Whether a handle is a mutex and nothing else: waiting for it takes a lock.
    pub fn is_mutex(&self, key: &Key) -> bool {
        self.of(key)
            .is_some_and(|kinds| kinds.len() == 1 && kinds.contains(&HandleKind::Mutex))
    }

    /// Whether a mutex has a name, by which another process opens it, too.
    pub fn is_named_mutex(&self, key: &Key) -> bool {
        self.is_mutex(key) && self.named.contains(&key.clone().without_index())
    }

    /// Whether a window is the calling thread's: the function has made it itself, or what holds it is only ever given
    /// windows that the module makes, and on no thread of its own.
    fn is_own_window(&self, flow: &Flow, key: &Key) -> bool {
        let program = flow.program();
        let only_windows = self
            .of(key)
            .is_some_and(|kinds| kinds.iter().all(|kind| *kind == HandleKind::Window));
        if let (KeyRoot::Local(function, local), []) = (&key.root, &key.path[..]) {
            return is_made_here(program, *function, *local);
        }
        if !only_windows || !key.is_global() {
            return only_windows;
        }
        let made = self
            .windows
            .get(&key.clone().without_index())
            .map_or(&[][..], Vec::as_slice);
        // `m_window()`
        let is_empty = |id: FnId, value: &Value| {
            matches!(value, Value::Result(stmt) if matches!(
                program.function(id).stmts.get(stmt.0 as usize).map(|stmt| &stmt.kind),
                Some(StmtKind::Call { callee: Callee::Construct { .. }, args }) if args.is_empty()
            ))
        };
        let is_given_otherwise = |id: FnId| {
            !made.iter().any(|site| site.function == id)
                && program.function(id).stmts.iter().any(|stmt| {
                    matches!(&stmt.kind, StmtKind::Assign { to, value }
                        // A local that only holds what the member holds is no other window.
                        if program.key_of_target(id, to).as_ref() == Some(key)
                            && !program.constant(id, value).is_some_and(|constant| constant.is_zero())
                            && !is_empty(id, value))
                })
        };
        !made
            .iter()
            .any(|site| self.runs_on_own_thread(program, site.function))
            && !program.ids().any(is_given_otherwise)
    }

    /// Whether a thread procedure leads to a function.
    fn runs_on_own_thread(&self, program: &Program, function: FnId) -> bool {
        let mut seen: FxHashSet<_> = [function].into_iter().collect();
        let mut pending = vec![function];
        while let Some(next) = pending.pop() {
            if self.procedures.contains(&next) || seen.len() > MOST_CALLERS {
                return true;
            }
            for caller in program.callers(next) {
                if seen.insert(caller.function) {
                    pending.push(caller.function);
                }
            }
        }
        false
    }

    /// Where the thread of a handle is started.
    pub fn starts(&self, key: &Key) -> &[Site] {
        self.starts
            .get(&key.clone().without_index())
            .map_or(&[], Vec::as_slice)
    }

    /// Where an event, a condition variable or the like is signalled.
    pub fn signals(&self, key: &Key) -> &[Site] {
        self.signals
            .get(&key.clone().without_index())
            .map_or(&[], Vec::as_slice)
    }

    /// Whether an event is somebody else's: the program waits for it, but neither makes it nor signals it.
    pub fn is_given(&self, key: &Key) -> bool {
        self.waited.contains(&key.clone().without_index())
            && self.of(key).is_none()
            && self.signals(key).is_empty()
    }

    fn of(&self, key: &Key) -> Option<&FxHashSet<HandleKind>> {
        self.kinds.get(&key.clone().without_index())
    }

    /// What a wait waits for, told by the object that holds the handle: `WaitForSingleObject(mutex.get(), …)`,
    /// `mutex.m_handle`, or the object itself, which converts.
    fn held_at(&self, program: &Program, site: Site, on: Arg) -> Option<&FxHashSet<HandleKind>> {
        let holder = match program.argument_value(site, on) {
            Value::Place(place) => place,
            Value::Result(stmt) => {
                match &program
                    .function(site.function)
                    .stmts
                    .get(stmt.0 as usize)?
                    .kind
                {
                    StmtKind::Call {
                        callee: Callee::Method { receiver, .. },
                        args,
                    } if args.is_empty() => receiver.place()?,
                    _ => return None,
                }
            }
            _ => return None,
        };
        let known = |place: &Place| {
            let key = program.key_of_target(site.function, place)?;
            self.holders.get(&key)
        };
        known(&holder).or_else(|| {
            let mut around = holder.clone();
            around.path.pop()?;
            known(&around)
        })
    }
}

/// The object that is made from a created handle and nothing else: `AutoHandle mutex(CreateMutexW(…))`.
fn held_by(program: &Program, made: Site, arg: Arg) -> Option<Key> {
    if arg != Arg::Result {
        return None;
    }
    let body = program.function(made.function);
    let object = body
        .stmts
        .iter()
        .enumerate()
        .find_map(|(index, stmt)| match &stmt.kind {
            StmtKind::Call {
                callee: Callee::Construct { heap: false, .. },
                args,
            } if args[..] == [Value::Result(made.stmt)] => Some(StmtId(index as u32)),
            _ => None,
        })?;
    body.stmts.iter().find_map(|stmt| match &stmt.kind {
        StmtKind::Assign { to, value } if *value == Value::Result(object) => {
            program.key_of_target(made.function, to)
        }
        _ => None,
    })
}

/// Whether some state decides about a call that an entry reaches: a setting, and neither the reason of the entry nor what
/// is not yet set when it runs first. An attach that is refused loads nothing: what decides about that decides nothing here.
fn is_optional(flow: &Flow, entry: &Entry, walk: &Walk, hit: &Hit) -> bool {
    let (Some(node), Some(site)) = (hit.node, hit.site) else {
        return false;
    };
    let Runs::Function(first) = entry.runs else {
        return false;
    };
    let is_of_entry = |value: &Value| {
        matches!(value, Value::Place(Place { root: Root::Param(index), .. })
            if Some(*index) == entry.reason || Some(*index) == entry.reserved)
    };
    let program = flow.program();
    let body = program.function(first);
    let refusals: Vec<StmtId> = (0..body.stmts.len() as u32)
        .map(StmtId)
        .filter(|&id| {
            matches!(&body.stmt(id).kind, StmtKind::Return { value: Some(value) }
                if program.constant(first, value).is_some_and(|constant| constant.is_zero()))
        })
        .collect();
    let calls = walk.path(node).into_iter().map(|(_, call)| call);
    calls.chain([site]).any(|call| {
        let others = if call.function == first {
            &refusals[..]
        } else {
            &[]
        };
        flow.is_guarded_by_except(call.function, call.stmt, others, |guard| {
            let Cond::Compare { left, op, right } = &guard.cond else {
                return false;
            };
            let unset = *op == if guard.holds { Op::Eq } else { Op::Ne }
                && matches!(right, Value::Null | Value::Const(0));
            !unset
                && !(call.function == first && (is_of_entry(left) || is_of_entry(right)))
                && flow.tests_state(call.function, guard, None)
        })
    })
}

/// LoadLibrary of a path that was asked of the own handle.
pub fn loads_own_path(program: &Program, site: Site, effect: &Effect, origins: &Origins) -> bool {
    let Effect::ModuleRef { of: Some(of), .. } = effect else {
        return false;
    };
    let value = program.argument_value(site, *of);
    let Some(key) = program.key_of_value(site.function, &value) else {
        return false;
    };
    // `strcat(path, …)`, `strrchr(path, '\\')`: from then on it is another path.
    let changes = |call: &Call| {
        let stmt = program.function(site.function).stmt(call.stmt);
        let StmtKind::Call { args, .. } = &stmt.kind else {
            return false;
        };
        let first = args.first().and_then(Value::place).map(Value::Place);
        call.unresolved
            && call.stmt < site.stmt
            && first.is_some_and(|first| {
                program.key_of_value(site.function, &first).as_ref() == Some(&key)
            })
    };
    let calls = program.calls(site.function);
    !calls.iter().any(changes)
        && calls.iter().any(|call| {
            let other = Site {
                function: site.function,
                stmt: call.stmt,
            };
            call.effects.iter().any(|effect| match effect.effect() {
                Effect::ModuleFileName { module, name } => {
                    program.key_of_value(site.function, &program.argument_value(other, *name))
                        == Some(key.clone())
                        && origins.of(site.function, &program.argument_value(other, *module))
                            == Origin::Own
                }
                _ => false,
            })
        })
}

/// Whether a function gives a local of its own nothing but windows that it makes itself.
fn is_made_here(program: &Program, function: FnId, local: u32) -> bool {
    let makes_window = |value: &Value| {
        let Value::Result(stmt) = *value else {
            return false;
        };
        program.call(Site { function, stmt }).is_some_and(|call| {
            call.effects.iter().any(|effect| {
                matches!(
                    effect.effect(),
                    Effect::Creates {
                        class: WaitClass::Message,
                        handle: Arg::Result,
                        ..
                    }
                )
            })
        })
    };
    let is_nothing = |value: &Value| {
        program
            .constant(function, value)
            .is_some_and(|constant| constant.is_zero())
    };
    let mut given = program
        .assigned(function, local)
        .filter(|value| !is_nothing(value))
        .peekable();
    given.peek().is_some() && given.all(makes_window)
}

/// Judges one hit of an entry that runs under the loader lock. `None`: it does not block, or harmlessly.
pub fn judge(
    flow: &Flow,
    handles: &Handles,
    entry: &Entry,
    walk: &Walk,
    hit: &Hit,
) -> Option<Blocking> {
    let Effect::Wait { class, on, .. } = hit.effect.effect() else {
        return None;
    };
    let again = matches!(class, WaitClass::Thread | WaitClass::Handle)
        && matches!(hit.timeout, Timeout::Zero | Timeout::Finite(_))
        && hit.site.is_some_and(|site| flow.waits_again(site));
    let mut timeout = if again {
        Timeout::Infinite
    } else {
        hit.timeout
    };
    if timeout == Timeout::Zero && *class != WaitClass::Sleep {
        return None;
    }
    let key = match (hit.site, on) {
        (Some(site), Some(on)) => flow.key_of(site, *on),
        _ => None,
    };
    let (mut asked, mut repeated, mut rounds) = (None, None, 1);
    let waits_for = match class {
        WaitClass::Thread => {
            if key
                .as_ref()
                .is_some_and(|key| handles.detached.contains(key))
            {
                return None;
            }
            let reference = key
                .as_ref()
                .and_then(|key| handles.of(key))
                .and_then(|kinds| {
                    kinds.iter().find_map(|kind| match kind {
                        HandleKind::Thread(reference) => Some(*reference),
                        _ => None,
                    })
                });
            WaitsFor::ThreadEnd(reference.unwrap_or(ThreadRef::Unknown))
        }
        WaitClass::Handle => {
            let holder = match (hit.site, on) {
                (Some(site), Some(on)) => handles.held_at(flow.program(), site, *on),
                _ => None,
            };
            let kinds = holder.or_else(|| key.as_ref().and_then(|key| handles.of(key)));
            let only: Vec<HandleKind> =
                kinds.map_or_else(Vec::new, |kinds| kinds.iter().copied().collect());
            match only[..] {
                // Taking a mutex is a lock, and a rule of its own.
                [HandleKind::Mutex] => return None,
                [HandleKind::Thread(reference)] => WaitsFor::ThreadEnd(reference),
                [HandleKind::Signal] => WaitsFor::Signal,
                [HandleKind::Process] => WaitsFor::Process,
                _ => WaitsFor::Handle,
            }
        }
        WaitClass::Signal => WaitsFor::Signal,
        WaitClass::Callbacks => WaitsFor::Callbacks,
        WaitClass::Io => WaitsFor::Io,
        WaitClass::Message => {
            // Its procedure is called, and nobody is waited for.
            let is_made_here = match (hit.site, on) {
                (Some(site), Some(on)) => match flow.program().argument(site, *on) {
                    Some(Value::Place(Place {
                        root: Root::Local(local),
                        path,
                    })) => path.is_empty() && is_made_here(flow.program(), site.function, *local),
                    _ => false,
                },
                _ => false,
            };
            if is_made_here
                || key
                    .as_ref()
                    .is_some_and(|key| handles.is_own_window(flow, key))
            {
                return None;
            }
            WaitsFor::Message
        }
        WaitClass::Process => WaitsFor::Process,
        WaitClass::Sleep => {
            let site = hit.site?;
            // Taking a lock that is made by hand is a lock, and a rule of its own; between polls of a handle it is that
            // handle which is waited for.
            if flow.is_taking(site) || flow.is_between_polls(site) {
                return None;
            }
            match flow.loop_of(site.function, site.stmt) {
                Some(Loop::Shared) if flow.is_in_own_once(site.function, site.stmt) => return None,
                Some(Loop::Shared) => {
                    timeout = time_limit(flow, walk, hit, site).unwrap_or(Timeout::Infinite);
                    WaitsFor::Flag
                }
                // An endless loop on the entry's thread is the code's own way to never return; a worker parks so.
                Some(Loop::Endless) | None if hit.timeout == Timeout::Zero => return None,
                Some(Loop::Counted) if hit.timeout == Timeout::Zero => return None,
                // A call without a time argument gives up the processor once.
                None if matches!(
                    hit.effect.effect(),
                    Effect::Wait {
                        timeout: None,
                        timeout_pointer: None,
                        ..
                    }
                ) =>
                {
                    return None;
                }
                _ => {
                    asked = flow.asked_by_loop(site.function, site.stmt);
                    match rounds_of(flow, walk, hit, site) {
                        Ok(known) => rounds = known,
                        Err(function) => repeated = Some(function),
                    }
                    WaitsFor::Time
                }
            }
        }
    };
    if let Timeout::Finite(milliseconds) = timeout {
        timeout = Timeout::Finite(milliseconds.saturating_mul(rounds));
    }
    let mut contexts = hit.contexts;
    if matches!(waits_for, WaitsFor::ThreadEnd(_) | WaitsFor::Handle)
        && entry.kind == EntryKind::DllMain
    {
        // All other threads are gone at process exit, and their handles are signalled.
        contexts = contexts.but(Contexts::PROCESS_EXIT);
    }
    if matches!(waits_for, WaitsFor::ThreadEnd(_)) && handles.pinned {
        contexts = contexts.but(Contexts::UNLOAD);
        if entry.kind.is_destructor() {
            contexts = contexts.but(Contexts::PROCESS_EXIT);
        }
    }
    if contexts.is_empty() {
        return None;
    }
    let note = match (waits_for, timeout) {
        (WaitsFor::Time, Timeout::Finite(milliseconds)) => milliseconds < 1000,
        (WaitsFor::Time, _) => true,
        (_, Timeout::Finite(milliseconds)) => milliseconds < 1000,
        _ => false,
    };
    Some(Blocking {
        waits_for,
        timeout,
        again,
        contexts,
        repeated,
        rounds,
        asked,
        note,
    })
}

/// How often a sleep is slept, by the loops around it and around the calls that lead to it.
///
/// # Errors
/// The function with a loop of which nobody can tell.
fn rounds_of(flow: &Flow, walk: &Walk, hit: &Hit, site: Site) -> Result<i64, FnId> {
    let path = hit.node.map_or_else(Vec::new, |node| walk.path(node));
    let calls = path.into_iter().map(|(_, call)| call).chain([site]);
    let mut rounds: i64 = 1;
    for call in calls {
        if flow.loop_of(call.function, call.stmt).is_some() {
            let known = flow.rounds(call.function, call.stmt);
            rounds = rounds.saturating_mul(known.ok_or(call.function)?);
        }
    }
    Ok(rounds)
}

/// How long a loop that polls a flag lasts at most, where a clock ends it.
fn time_limit(flow: &Flow, walk: &Walk, hit: &Hit, site: Site) -> Option<Timeout> {
    let (limit, milliseconds) = flow.time_limit(site.function, site.stmt)?;
    let program = flow.program();
    let known = match hit.node {
        Some(node) => Env::new(&walk.nodes[node].state).evaluate(program, site.function, &limit),
        None => Abstract::Unknown,
    };
    let known = match known {
        Abstract::Unknown => program
            .constant(site.function, &limit)
            .map_or(Abstract::Unknown, Abstract::from),
        known => known,
    };
    Some(match known {
        Abstract::Number(number) if is_for_ever(number) => return None,
        Abstract::Number(number) | Abstract::UpTo(number) | Abstract::AtMost(number)
            if milliseconds =>
        {
            Timeout::Finite(number)
        }
        _ => Timeout::Bounded,
    })
}

/// The argument that a wait waits on.
pub fn waited_on(effect: &Effect) -> Option<Arg> {
    match effect {
        Effect::Wait { on, .. } => *on,
        _ => None,
    }
}
