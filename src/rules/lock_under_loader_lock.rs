//! Locks that are taken under the loader lock. See `rules/lock_under_loader_lock.md`.

use super::wait_in_static_destructor::{holder, subject_of};
use super::{Engines, Finding, Findings, others, outer_label};
use crate::api::Effect;
use crate::diagnostic::{Label, Role};
use crate::entry::{Contexts, EntryKind, Runs};
use crate::ir::{FunctionKind, Linkage, StmtKind};
use crate::locks::{Asked, Lock, Wanted, Way};
use crate::program::{FnId, Key, Site};
use crate::reach::Timeout;
use crate::source::Lang;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};

pub fn check(engines: &Engines, findings: &mut Findings) {
    let threads = Threads::of(engines);
    let mut places: BTreeMap<Site, Vec<Found>> = BTreeMap::new();
    for (number, _) in engines.entries_of(|kind| runs_under_loader_lock(engines, kind)) {
        for found in acquisitions(engines, number) {
            let strong = counterpart(engines, &threads, &found);
            let bad = Contexts::PROCESS_DETACH
                .or(Contexts::THREAD_ATTACH)
                .or(Contexts::THREAD_DETACH);
            if strong.is_none() && !found.contexts.has(bad) && found.named.is_none() {
                continue;
            }
            places
                .entry(found.site)
                .or_default()
                .push(Found { strong, ..found });
        }
    }
    // The hazard that is more than a note comes first, then the shortest path.
    for found in places.values_mut() {
        found.sort_by_key(|found| (found.is_minor(), found.length, found.entry));
    }
    // One lock is one hazard: of the places deep below the entries only the nearest is more than a note.
    let mut nearest: BTreeMap<Key, usize> = BTreeMap::new();
    for first in places.values().filter_map(|found| found.first()) {
        if let (Some(key), false) = (&first.key, first.is_minor()) {
            let length = nearest.entry(key.clone()).or_insert(first.length);
            *length = first.length.min(*length);
        }
    }
    for found in places.values() {
        let entries: BTreeSet<usize> = found.iter().map(|found| found.entry).collect();
        let repeated = found[0].length >= DEEP
            && found[0]
                .key
                .as_ref()
                .and_then(|key| nearest.get(key))
                .is_some_and(|&length| length < found[0].length);
        report(engines, findings, &found[0], entries.len() - 1, repeated);
    }
}

/// From so many calls below the entry on, a place is one of many where a lock is taken.
const DEEP: usize = 2;

/// Of an EXE only TLS callbacks and thread_local destructors run under the loader lock (hazards F1).
pub(super) fn runs_under_loader_lock(engines: &Engines, kind: EntryKind) -> bool {
    if engines.may_be_dll() {
        kind.is_dll_main() || kind.is_destructor()
    } else {
        matches!(
            kind,
            EntryKind::TlsCallback | EntryKind::ThreadLocalDestructor
        )
    }
}

/// Who runs what: the functions that only the loader runs, and those that threads and the pool run.
pub(super) struct Threads {
    pub loader: FxHashSet<FnId>,
    pub own: FxHashSet<FnId>,
}

impl Threads {
    pub fn of(engines: &Engines) -> Threads {
        let mut threads = Threads {
            loader: FxHashSet::default(),
            own: FxHashSet::default(),
        };
        for entry in &engines.entries {
            let Runs::Function(function) = entry.runs else {
                continue;
            };
            if runs_under_loader_lock(engines, entry.kind) {
                threads.loader.insert(function);
            } else {
                threads.own.insert(function);
            }
        }
        threads
    }
}

/// A lock that an entry takes.
struct Found<'e> {
    entry: usize,
    node: usize,
    site: Site,
    /// Seen from `function`, the outermost one that can name it.
    lock: Lock,
    function: FnId,
    key: Option<Key>,
    contexts: Contexts,
    shared: bool,
    /// A mutex with a name, which another process can hold, and how long it is waited for.
    named: Option<Timeout>,
    length: usize,
    /// The other thread: how it gets there, and what it does.
    strong: Option<(Way, &'e Asked)>,
}

impl Found<'_> {
    /// Other threads cannot be in the module's code while it is being loaded, but for hooks and pool callbacks that the
    /// load itself sets up; at process exit there are none.
    fn is_minor(&self) -> bool {
        let live = Contexts::UNLOAD
            .or(Contexts::THREAD_ATTACH)
            .or(Contexts::THREAD_DETACH);
        self.strong.is_none() || !self.contexts.has(live)
    }
}

/// One place where a lock is taken, as the function there names it.
struct Taken {
    node: usize,
    site: Site,
    lock: Lock,
    shared: bool,
    contexts: Contexts,
    named: Option<Timeout>,
}

/// The locks that an entry takes and waits for.
fn acquisitions<'e>(engines: &'e Engines, number: usize) -> Vec<Found<'e>> {
    let locks = &engines.locks;
    let walk = engines.walk(number);
    let mut taken: Vec<Taken> = Vec::new();
    let mut created: Vec<Key> = Vec::new();
    for hit in &walk.hits {
        let (Some(node), Some(site)) = (hit.node, hit.site) else {
            continue;
        };
        let (arg, shared, named) = match hit.effect.effect() {
            Effect::Acquire {
                lock,
                try_: false,
                shared,
                ..
            } => (*lock, *shared, None),
            Effect::Wait { on: Some(on), .. } => {
                let key = engines.flow.key_of(site, *on);
                let is_named = key
                    .as_ref()
                    .is_some_and(|key| engines.handles.is_named_mutex(key));
                let is_waited_for = match hit.timeout {
                    Timeout::Infinite | Timeout::Unknown => {
                        key.is_some_and(|key| engines.handles.is_mutex(&key))
                    }
                    Timeout::Zero => false,
                    _ => is_named,
                };
                if !is_waited_for {
                    continue;
                }
                (*on, false, is_named.then_some(hit.timeout))
            }
            Effect::Stores { .. } => {
                if let Some(lock) = locks.taken_by_hand(site)
                    && !(locks.is_passed_on(site) && walk.nodes[node].parent.is_some())
                {
                    taken.push(Taken {
                        node,
                        site,
                        lock: lock.clone(),
                        shared: false,
                        contexts: hit.contexts,
                        named: None,
                    });
                }
                continue;
            }
            Effect::CreatesLock { lock } => {
                if let Some(lock) = locks.lock_of(site, *lock)
                    && hit.contexts.within(Contexts::PROCESS_ATTACH)
                {
                    let (function, lock) = seen_from_above(engines, number, node, site, lock);
                    created.extend(locks.identity(function, &lock));
                }
                continue;
            }
            _ => continue,
        };
        // What a wrapper takes for its caller is the caller's.
        let is_wrapper = locks.is_passed_on(site) && walk.nodes[node].parent.is_some();
        if !is_wrapper && let Some(lock) = locks.lock_of(site, arg) {
            taken.push(Taken {
                node,
                site,
                lock,
                shared,
                contexts: hit.contexts,
                named,
            });
        }
    }
    for &(node, site, target, contexts) in &walk.watched {
        if locks.is_passed_on(site) && walk.nodes[node].parent.is_some() {
            continue;
        }
        for take in locks.passed_on(site, target) {
            taken.push(Taken {
                node,
                site,
                lock: take.lock,
                shared: take.shared,
                contexts,
                named: None,
            });
        }
    }
    let mut all = Vec::new();
    for Taken {
        node,
        site,
        lock,
        shared,
        contexts,
        named,
    } in taken
    {
        let (function, lock) = seen_from_above(engines, number, node, site, lock);
        if lock.is_local() && named.is_none() {
            continue;
        }
        let key = locks.identity(function, &lock);
        let mut contexts = contexts;
        if key.as_ref().is_some_and(|key| created.contains(key)) {
            // Nobody can hold a lock that the load itself makes.
            contexts = contexts.but(Contexts::PROCESS_ATTACH);
        }
        let again = key.as_ref().is_some_and(|key| {
            walk.path(node)
                .into_iter()
                .map(|(_, call)| call)
                .chain([site])
                .any(|call| holds(engines, call, key))
        });
        if contexts.is_empty() || again {
            continue;
        }
        all.push(Found {
            entry: number,
            node,
            site: outside_macros(engines, number, node, site),
            lock,
            function,
            key,
            contexts,
            shared,
            named,
            length: walk.path(node).len(),
            strong: None,
        });
    }
    all
}

/// Whether a lock is held already when a call is made: taking it again does not wait.
fn holds(engines: &Engines, call: Site, key: &Key) -> bool {
    engines
        .locks
        .held(call)
        .iter()
        .any(|held| engines.locks.identity(call.function, &held.lock).as_ref() == Some(key))
}

/// A lock as the outermost function on the path can name it.
fn seen_from_above(
    engines: &Engines,
    entry: usize,
    node: usize,
    site: Site,
    lock: Lock,
) -> (FnId, Lock) {
    let mut function = site.function;
    let mut lock = lock;
    for (_, call) in engines.walk(entry).path(node).into_iter().rev() {
        if lock.is_single() {
            break;
        }
        match engines.locks.mapped(call, function, &lock) {
            Some(above) => {
                lock = above;
                function = call.function;
            }
            None => break,
        }
    }
    (function, lock)
}

/// Nothing is reported inside a macro: the finding stands at its use.
fn outside_macros(engines: &Engines, entry: usize, node: usize, site: Site) -> Site {
    let mut place = site;
    for (_, call) in engines.walk(entry).path(node).into_iter().rev() {
        if engines.program.function(place.function).kind != FunctionKind::Macro {
            break;
        }
        place = call;
    }
    place
}

/// On a longer path from the lock to the loader call something can rule the call out.
const LONG: usize = 5;

/// Another thread that holds the lock around a call that asks for the loader lock.
fn counterpart<'e>(
    engines: &'e Engines,
    threads: &Threads,
    found: &Found,
) -> Option<(Way, &'e Asked)> {
    let key = found.key.as_ref()?;
    let asked = engines.locks.asked.get(key)?;
    asked
        .iter()
        .filter(|asked| asked.chain.len() <= LONG)
        .find_map(|asked| {
            let other = &asked.held.lock;
            if found.lock.is_single() && other.is_single() && found.lock != *other {
                return None;
            }
            // Two readers do not wait for each other.
            if found.shared && asked.held.shared {
                return None;
            }
            if engines.locks.is_unshared(asked.function, other) {
                return None;
            }
            let wanted = Wanted {
                entries: &threads.own,
                avoided: &threads.loader,
                below: &asked.chain,
                without: &BTreeSet::new(),
            };
            let way = engines.locks.way_to(asked.function, &wanted)?;
            (!runs_once_without(engines, threads, asked, key)).then_some((way, asked))
        })
}

/// Whether the loader call stands in what runs once, the initialiser of a function's own static or a `std::call_once`,
/// and the function around it runs without the lock as well: the first run need not be the one with the lock.
fn runs_once_without(engines: &Engines, threads: &Threads, asked: &Asked, key: &Key) -> bool {
    let without = BTreeSet::from([key.clone()]);
    let nothing = FxHashSet::default();
    asked.chain.iter().enumerate().any(|(index, &site)| {
        index > 0
            && engines.once.runs_once(engines.program, site)
            && engines
                .locks
                .way_to(
                    site.function,
                    &Wanted {
                        entries: &threads.own,
                        avoided: &nothing,
                        below: &asked.chain[index..],
                        without: &without,
                    },
                )
                .is_some()
    })
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    found: &Found,
    other_entries: usize,
    repeated: bool,
) {
    let entry = &engines.entries[found.entry];
    let lock = engines.locks.name_of(found.function, &found.lock);
    let lock = if lock.is_empty() {
        "a lock".to_string()
    } else {
        format!("`{lock}`")
    };
    let subject = subject_of(engines, entry, found.site);
    let loader = if subject == entry.name && entry.kind == EntryKind::DllMain {
        "while it holds the loader lock".to_string()
    } else {
        format!("while {}", holder(entry))
    };
    let mut steps = engines.steps(found.entry, Some(found.node));
    let mut notes = Vec::new();
    let message = match &found.strong {
        Some((way, asked)) => {
            let other = engines.program.describe(asked.function);
            let taker = asked.held.taker(&engines.locks);
            let asks = *asked.chain.last().unwrap_or(&found.site);
            steps.extend(thread_steps(
                engines,
                way,
                asked.function,
                1,
                &on_thread(engines, way.root, "another"),
            ));
            steps.extend(chain(
                engines,
                &asked.held.chain,
                format!("{} takes {lock}", engines.program.describe(taker)),
                1,
            ));
            let what = called(engines, asks);
            steps.extend(chain(
                engines,
                &asked.chain,
                format!("{what} asks for the loader lock, with {lock} held"),
                1,
            ));
            notes.push(format!(
                "the thread in {other} keeps {lock} until {what} has returned, which needs the loader lock; this code keeps the loader lock until it has got {lock}: neither goes on"
            ));
            format!(
                "{subject} waits for {lock} {loader}, and {other} holds {lock} while it asks for the loader lock"
            )
        }
        None if found.named.is_some() => {
            format!("{subject} waits for {lock}, a mutex that other processes can hold, {loader}")
        }
        None => format!("{subject} takes {lock} {loader}"),
    };
    notes.extend(reasons(engines, found));
    if repeated && !found.is_minor() {
        notes.push(format!(
            "{lock} is taken nearer to an entry too, where it is reported"
        ));
    }
    let far = engines
        .far(found.entry, &engines.walk(found.entry).path(found.node))
        .filter(|_| !found.is_minor());
    notes.extend(far.clone());
    if let Some(note) = others(other_entries, "entry") {
        notes.push(note.replace("entrys", "entries"));
    }
    let uncertain = !engines.is_surely_dll() && engines.may_be_dll();
    if uncertain {
        notes.push(super::NO_DLL.to_string());
    }
    let rust_program = entry.kind == EntryKind::ThreadLocalDestructor
        && !engines.is_surely_dll()
        && engines.program.lang(found.site.function) == Lang::Rust;
    findings.add(Finding {
        rule: "lock_under_loader_lock",
        message,
        primary: engines.label(
            found.site,
            format!("waits here for {lock}, with the loader lock held"),
            Role::Primary,
        ),
        steps,
        related: Vec::new(),
        help: match &found.strong {
            Some((_, asked)) => {
                let asks = *asked.chain.last().unwrap_or(&found.site);
                match engines.program.function(asks.function).stmt(asks.stmt).kind {
                    StmtKind::Drop { .. } => format!("do not take {lock} here, or let the object whose destructor asks for the loader lock end only where {lock} is not held: move it out of what the lock guards, and let it end after the lock is given back"),
                    _ => format!("do not take {lock} here, or call {} only where {lock} is not held: before it is taken or after it is given back, on what was copied or taken out under it", called(engines, asks)),
                }
            }
            None if found.named.is_some() && found.contexts.within(Contexts::PROCESS_ATTACH) => "do this in an exported function that the host calls after loading, or on first use; or ask with a time limit of zero, and go on without the mutex where another process has it".to_string(),
            None if found.contexts.within(Contexts::PROCESS_ATTACH) => "do without the lock here: nothing of this module runs before its load is complete; or do this in an exported function that the host calls after loading, or on first use".to_string(),
            None if entry.kind != EntryKind::DllMain => "do not take the lock here: let an exported function that the host calls before FreeLibrary do the work, and let what runs at the end of the DLL or of a thread take no lock".to_string(),
            None if !found.contexts.has(Contexts::PROCESS_DETACH) => "do without the lock at DLL_THREAD_ATTACH and DLL_THREAD_DETACH: what belongs to a thread can be made and given up by a function that the thread itself calls".to_string(),
            None if !found.contexts.has(Contexts::PROCESS_EXIT) => "do not take the lock here: let an exported function that the host calls before FreeLibrary do the work, and DLL_PROCESS_DETACH only what needs no lock".to_string(),
            None => "do not take the lock here: in DLL_PROCESS_DETACH return at once when lpReserved is not NULL, and let an exported function that the host calls before FreeLibrary do the rest".to_string(),
        },
        notes,
        minor: found.is_minor() || repeated || far.is_some() || uncertain || rust_program,
    });
}

/// What waiting here means, by context.
fn reasons(engines: &Engines, found: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(timeout) = found.named {
        let length = match timeout {
            Timeout::Finite(milliseconds) => {
                format!("for up to {milliseconds} ms, and for so long")
            }
            Timeout::Bounded => "for a limited time, and for so long".to_string(),
            _ => "until that one gives it back, and until then".to_string(),
        };
        notes.push(format!("a process that has opened the mutex by its name and holds it makes this wait {length} no thread of this process can start, end or load a library"));
    }
    if found.strong.is_some() {
        if found.contexts.within(Contexts::PROCESS_ATTACH) {
            notes.push("this happens at process attach only, when no other thread runs the module's code but for hooks and callbacks that the load has set up already".to_string());
        }
    } else if found
        .contexts
        .has(Contexts::THREAD_ATTACH.or(Contexts::THREAD_DETACH))
    {
        notes.push("as long as another thread holds the lock, no thread of the process can start or end; and if that one needs the loader, it waits for this code, and this code waits for the lock".to_string());
    } else if found.contexts.has(Contexts::UNLOAD) {
        notes.push("a thread that holds the lock and needs the loader, to load a library or to call GetModuleHandle, waits for this code, and this code waits for the lock".to_string());
    }
    // A kernel mutex whose owner is gone is given up by the system.
    let is_mutex = |key: &Key| engines.handles.is_mutex(key);
    if found.contexts.has(Contexts::PROCESS_EXIT) && !found.key.as_ref().is_some_and(is_mutex) {
        notes.push("at process exit all other threads are already gone: if one of them held the lock, nobody gives it back, and the process is ended on the spot or hangs".to_string());
    }
    notes
}

/// How a function comes to run on a thread: `which` is "one" or "another". Only what the function itself tells counts, for
/// where it is handed to a thread need not have been read.
pub(super) fn on_thread(engines: &Engines, root: FnId, which: &str) -> String {
    match engines.program.function(root).linkage {
        Linkage::Exported => format!("is called by the host on {which} thread"),
        _ => format!("runs on {which} thread"),
    }
}

/// The steps of a thread down to a function.
pub(super) fn thread_steps(
    engines: &Engines,
    way: &Way,
    function: FnId,
    flow: u8,
    how: &str,
) -> Vec<Label> {
    let root = engines.program.describe(way.root);
    let mut steps = vec![Label {
        flow,
        ..outer_label(
            engines.program.function(way.root).name_span,
            format!("{root} {how}"),
            Role::Step,
        )
    }];
    let callees = way
        .calls
        .iter()
        .skip(1)
        .map(|site| site.function)
        .chain([function]);
    for (site, callee) in way.calls.iter().zip(callees) {
        steps.push(Label {
            flow,
            ..engines.step_on_way(*site, callee)
        });
    }
    steps
}

/// The steps along a chain of calls down to one that takes a lock (not into what takes it for its caller); the last
/// one says what it does.
pub(super) fn chain(engines: &Engines, chain: &[Site], last: String, flow: u8) -> Vec<Label> {
    let chain = engines.locks.visible(chain);
    let mut steps = Vec::new();
    for (index, &site) in chain.iter().enumerate() {
        let step = match chain.get(index + 1) {
            Some(next) => engines.step_on_way(site, next.function),
            None => engines.label(site, last.clone(), Role::Step),
        };
        steps.push(Label { flow, ..step });
    }
    steps
}

/// What a statement calls, to begin a sentence.
pub(super) fn called(engines: &Engines, site: Site) -> String {
    let name = engines.callee_in_full(site);
    if name.contains(' ') || name.is_empty() {
        name
    } else {
        format!("`{name}`")
    }
}
