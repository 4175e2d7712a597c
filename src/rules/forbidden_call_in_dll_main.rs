//! Calls that the Best Practices forbid under the loader lock, reached from DllMain and its kin. See
//! `rules/forbidden_call_in_dll_main.md`. `terminate_thread_at_unload` finds its calls through `reached_places`.

use super::{Engines, Finding, Findings, others, outer_label};
use crate::api::{Effect, ModuleSource, Needs};
use crate::diagnostic::{Label, Role};
use crate::entry::{Contexts, Entry, EntryKind};
use crate::ir::{FunctionKind, StmtKind};
use crate::program::origin::Origin;
use crate::program::{CallEffect, Constant, FnId, Site};
use crate::reach::blocking::{loads_own_path, waited_on};
use crate::reach::{Hit, Timeout};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

pub fn check(engines: &Engines, findings: &mut Findings) {
    let places = reached_places(engines, |entry, hit| {
        let Effect::Forbidden { why, risky } = hit.effect.effect() else {
            return None;
        };
        is_forbidden(engines, entry, hit, *why)?;
        match debug_only(hit) {
            Debug::OwnSwitch => None,
            Debug::Build => Some(true),
            Debug::No => Some(*risky || loads_nothing(engines, hit)),
        }
    });
    for found in places {
        report(engines, findings, &found);
    }
}

/// One call that runs under the loader lock, by the shortest path from one entry.
pub(super) struct Place<'e> {
    pub entry: usize,
    pub hit: &'e Hit,
    /// Real, but minor.
    pub note: bool,
    /// How many more entries lead to the same call.
    pub others: usize,
    /// The calls that lead there, each with the node that it leads to.
    path: Vec<(usize, Site)>,
    /// Where it is shown; `None` where a library's destructor makes the call.
    shown: Option<Site>,
}

/// The calls under the loader lock for which `judge` gives an answer (whether it is a note), each once.
pub(super) fn reached_places<'e>(
    engines: &'e Engines,
    judge: impl Fn(&Entry, &Hit) -> Option<bool>,
) -> Vec<Place<'e>> {
    struct Found<'e> {
        note: bool,
        path: Vec<(usize, Site)>,
        entry: usize,
        hit: &'e Hit,
    }
    let may_be_dll = engines.may_be_dll();
    let wanted = |kind: EntryKind| match kind {
        // Of an EXE only these run under the loader lock (hazards F1).
        EntryKind::TlsCallback | EntryKind::ThreadLocalDestructor => true,
        _ => may_be_dll && (kind.is_dll_main() || kind.is_destructor()),
    };
    // By where it is shown and where the call is, or by the static whose library destructor makes it.
    type Shown = (Option<Site>, Option<Site>, Option<Span>);
    let mut places: BTreeMap<Shown, Vec<Found>> = BTreeMap::new();
    for (number, entry) in engines.entries_of(wanted) {
        let walk = engines.walk(number);
        let mut reached: Option<BTreeSet<FnId>> = None;
        for hit in &walk.hits {
            let Some(note) = judge(entry, hit) else {
                continue;
            };
            let (Some(site), Some(node)) = (hit.site, hit.node) else {
                let found = Found {
                    note,
                    path: Vec::new(),
                    entry: number,
                    hit,
                };
                places
                    .entry((None, None, Some(entry.span)))
                    .or_default()
                    .push(found);
                continue;
            };
            let reached = reached
                .get_or_insert_with(|| walk.nodes.iter().map(|node| node.function).collect());
            let mut paths = vec![walk.path(node)];
            if passes_on(engines, site.function, reached) {
                // Each call of such a function is a call of its own.
                let repeated = walk
                    .repeated
                    .iter()
                    .filter(|(_, _, function)| *function == site.function);
                paths.extend(repeated.map(|&(caller, call, _)| {
                    let mut path = walk.path(caller);
                    path.push((node, call));
                    path
                }));
            }
            for path in paths {
                let shown = shown_at(engines, &path, site, reached);
                places
                    .entry((Some(shown), Some(site), None))
                    .or_default()
                    .push(Found {
                        note,
                        path,
                        entry: number,
                        hit,
                    });
            }
        }
    }
    places
        .into_iter()
        .map(|((shown, _, _), mut found)| {
            // A finding that is more than a note comes first, then the shortest path.
            found.sort_by_key(|found| (found.note, found.path.len(), found.entry));
            let entries: BTreeSet<usize> = found.iter().map(|found| found.entry).collect();
            let first = found.swap_remove(0);
            Place {
                entry: first.entry,
                hit: first.hit,
                note: first.note,
                others: entries.len() - 1,
                path: first.path,
                shown,
            }
        })
        .collect()
}

/// Whether a function only passes a call on, and others call it too.
fn passes_on(engines: &Engines, function: FnId, reached: &BTreeSet<FnId>) -> bool {
    engines.program.calls(function).len() <= 1
        && !engines.program.function(function).params.is_empty()
        && engines
            .program
            .callers(function)
            .iter()
            .any(|caller| !reached.contains(&caller.function))
}

/// A call in a macro is shown where the macro is used, and one in a function that only passes it on, and that others
/// call too, where that function is called.
fn shown_at(
    engines: &Engines,
    path: &[(usize, Site)],
    site: Site,
    reached: &BTreeSet<FnId>,
) -> Site {
    let mut shown = site;
    for (_, call) in path.iter().rev() {
        let function = engines.program.function(shown.function);
        if function.kind != FunctionKind::Macro && !passes_on(engines, shown.function, reached) {
            break;
        }
        shown = *call;
    }
    shown
}

/// The label of a place, and the steps that lead there.
pub(super) fn labels(
    engines: &Engines,
    place: &Place,
    message: impl Into<String>,
) -> (Label, Vec<Label>) {
    let entry = &engines.entries[place.entry];
    let (Some(site), Some(shown)) = (place.hit.site, place.shown) else {
        return (
            outer_label(entry.span, message, Role::Primary),
            engines.steps(place.entry, None),
        );
    };
    let mut steps = engines.steps_along(place.entry, &place.path);
    if shown != site {
        let callee = engines.callee(site);
        let caller = engines.program.describe(site.function);
        steps.push(engines.label(site, format!("{caller} calls `{callee}`"), Role::Step));
    }
    (engines.label(shown, message, Role::Primary), steps)
}

/// Who makes the call of a place: `Foo`, DllMain, the static `g_settings`.
pub(super) fn subject(engines: &Engines, place: &Place) -> String {
    let entry = &engines.entries[place.entry];
    match place.shown {
        Some(site) => {
            let function = engines.program.describe(site.function);
            if function.trim_matches('`') == entry.name.trim_matches('`') {
                entry.name.clone()
            } else {
                function
            }
        }
        None => entry.name.clone(),
    }
}

/// `while DllMain holds the loader lock`.
pub(super) fn meanwhile(engines: &Engines, place: &Place) -> String {
    let entry = &engines.entries[place.entry];
    if place.hit.site.is_none() {
        "under the loader lock".to_string()
    } else if entry.kind == EntryKind::DllMain && subject(engines, place) == entry.name {
        "while it holds the loader lock".to_string()
    } else {
        format!("while {}", super::wait_in_static_destructor::holder(entry))
    }
}

/// Why the finding of a place is a note that stands far below its entry.
pub(super) fn far(engines: &Engines, place: &Place) -> Option<String> {
    engines.far(place.entry, &place.path)
}

/// What holds for every finding of a module of which nobody knows whether it is a DLL.
pub(super) fn doubt(engines: &Engines) -> Option<String> {
    (engines.may_be_dll() && !engines.is_surely_dll()).then(|| super::NO_DLL.into())
}

/// The contexts in which the call does harm; `None` where there are none.
fn is_forbidden(engines: &Engines, entry: &Entry, hit: &Hit, why: Needs) -> Option<Contexts> {
    let mut contexts = hit.contexts;
    match why {
        Needs::FreesLibrary => {
            if frees_own(engines, hit) {
                // A reference that was taken a few lines earlier is only given back.
                if hit
                    .site
                    .is_some_and(|site| super::free_library_then_return::is_balanced(engines, site))
                {
                    return None;
                }
            } else {
                // What was loaded a few lines earlier: the load is the finding.
                if hit.site.is_some_and(|site| is_loaded_here(engines, site)) {
                    return None;
                }
                // Owners that end at attach hold nothing yet, or what was loaded there.
                if matches!(hit.effect, CallEffect::Type(..)) {
                    contexts = contexts.but(Contexts::PROCESS_ATTACH);
                }
                // Another DLL at FreeLibrary: only what comes at process termination is documented as wrong.
                if matches!(entry.kind, EntryKind::DllMain | EntryKind::TlsCallback) {
                    contexts = contexts.but(Contexts::UNLOAD);
                }
            }
        }
        Needs::PoolAtExit => {
            contexts = contexts.and(Contexts::PROCESS_EXIT);
            // Waits are the business of the rules about waits.
            if hit.site.is_some_and(|site| waits(engines, site)) {
                return None;
            }
        }
        _ => {}
    }
    (!contexts.is_empty()).then_some(contexts)
}

fn waits(engines: &Engines, site: Site) -> bool {
    engines.program.call(site).is_some_and(|call| {
        call.effects.iter().any(|effect| {
            matches!(
                effect.effect(),
                Effect::Wait { .. } | Effect::TpDrain { .. } | Effect::TpCloseGroup { .. }
            )
        })
    })
}

/// Whether the handle that a call frees comes from a load in the same function.
fn is_loaded_here(engines: &Engines, site: Site) -> bool {
    let program = engines.program;
    let freed = program.call(site).and_then(|call| {
        call.effects
            .iter()
            .find_map(|effect| match effect.effect() {
                Effect::ModuleUnref { module, .. } => engines.flow.key_of(site, *module),
                _ => None,
            })
    });
    let Some(freed) = freed else { return false };
    program.calls(site.function).iter().any(|call| {
        let load = Site {
            function: site.function,
            stmt: call.stmt,
        };
        call.effects.iter().any(|effect| match effect.effect() {
            Effect::ModuleRef {
                source: ModuleSource::Load,
                module: Some(module),
                ..
            } => engines.flow.key_of(load, *module).as_ref() == Some(&freed),
            _ => false,
        }) && engines.flow.can_follow(site.function, call.stmt, site.stmt)
    })
}

/// Whether the call frees the module in which it stands.
fn frees_own(engines: &Engines, hit: &Hit) -> bool {
    let Some(site) = hit.site else { return false };
    engines.program.call(site).is_some_and(|call| {
        call.effects.iter().any(|effect| match effect.effect() {
            Effect::ModuleUnref { module, .. } => {
                let value = engines.program.argument_value(site, *module);
                engines.origins.of(site.function, &value) == Origin::Own
            }
            _ => false,
        })
    })
}

/// Whether the call loads the file of the module in which it stands, to keep it loaded.
fn loads_own(engines: &Engines, hit: &Hit) -> bool {
    let Some(site) = hit.site else { return false };
    engines.program.call(site).is_some_and(|call| {
        call.effects.iter().any(|effect| {
            matches!(effect.effect(), Effect::ModuleRef { .. })
                && (engines.origins.of_reference(site, effect.effect()) == Origin::Own
                    || loads_own_path(engines.program, site, effect.effect(), &engines.origins))
        })
    })
}

/// Whether what an entry reaches waits for the thread that it starts.
fn is_waited_for(engines: &Engines, place: &Place) -> bool {
    let waits = engines.walk(place.entry).hits.iter().filter_map(|hit| {
        let on = waited_on(hit.effect.effect()).filter(|_| hit.timeout != Timeout::Zero)?;
        engines.flow.key_of(hit.site?, on)
    });
    let mut starts = waits.flat_map(|key| engines.handles.starts(&key).to_vec());
    starts.any(|start| place.hit.site == Some(start))
}

/// Whether a call loads, by its name, a DLL that every process has already.
fn loads_nothing(engines: &Engines, hit: &Hit) -> bool {
    let program = engines.program;
    let Some((site, call)) = hit.site.and_then(|site| Some((site, program.call(site)?))) else {
        return false;
    };
    call.effects.iter().any(|effect| {
        let Effect::ModuleRef {
            source: ModuleSource::Load,
            of: Some(of),
            ..
        } = effect.effect()
        else {
            return false;
        };
        let file = program.argument_value(site, *of);
        matches!(program.constant(site.function, &file),
            Some(Constant::Text(file)) if program.api.is_always_loaded(&file))
    })
}

enum Debug {
    No,
    /// Compiled into debug builds only: `_DEBUG`, no `NDEBUG`, `DBG` of the kits' checked builds, `debug_assertions`.
    Build,
    /// Behind a switch of the project's own, `DEBUG`, which ordinary builds do not set.
    OwnSwitch,
}

fn debug_only(hit: &Hit) -> Debug {
    let mut debug = Debug::No;
    for (text, &holds) in &hit.config {
        // Of a conjunction that holds, every part does; of another combination nobody knows which part decides.
        let parts: Vec<&str> = if holds && !text.contains("||") && !text.contains("!(") {
            text.split(" && ").collect()
        } else {
            vec![text]
        };
        for part in parts {
            match debug_switch(part, holds) {
                Debug::Build => return Debug::Build,
                Debug::OwnSwitch => debug = Debug::OwnSwitch,
                Debug::No => {}
            }
        }
    }
    debug
}

/// What a condition about one name says: `_DEBUG`, `!defined(NDEBUG)`, `DBG == 1`.
fn debug_switch(text: &str, holds: bool) -> Debug {
    let positive = [" == 1", " != 0", " > 0", " >= 1"]
        .iter()
        .find_map(|end| text.strip_suffix(end))
        .unwrap_or(text);
    let mut words = positive
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty() && *word != "defined");
    let (Some(word), None) = (words.next(), words.next()) else {
        return Debug::No;
    };
    let holds = holds != positive.trim_start().starts_with('!');
    match (word, holds) {
        ("_DEBUG" | "DBG" | "debug_assertions", true) | ("NDEBUG", false) => Debug::Build,
        ("DEBUG", true) => Debug::OwnSwitch,
        _ => Debug::No,
    }
}

fn report(engines: &Engines, findings: &mut Findings, place: &Place) {
    let Effect::Forbidden { why, .. } = place.hit.effect.effect() else {
        return;
    };
    let entry = &engines.entries[place.entry];
    let own = *why == Needs::FreesLibrary && frees_own(engines, place.hit);
    let pins = *why == Needs::LoadsLibrary && loads_own(engines, place.hit);
    let is_there = *why == Needs::LoadsLibrary && loads_nothing(engines, place.hit);
    let (does, short, reason) = if is_there {
        (
            "asks the loader for a DLL that every process has",
            "calls the loader while it is at work on this DLL",
            "the DLL is loaded and initialised before any other one's entry point runs: this loads nothing and counts a reference",
        )
    } else if own {
        (
            "frees its own module",
            "the loader is still at work on this module",
            "the reference is the host's, or the loader's own: when it is the last one, the module is unmapped while the loader runs its entry point",
        )
    } else {
        wording(*why)
    };
    let starting = place
        .hit
        .contexts
        .within(Contexts::PROCESS_ATTACH.or(Contexts::THREAD_ATTACH));
    let ending = place.hit.contexts.within(Contexts::PROCESS_DETACH);
    let reason = match why {
        Needs::StartsThread if starting && is_waited_for(engines, place) => {
            "the new thread does not reach its first line before the loader lock is free, and something here waits for it"
        }
        Needs::StartsThread if ending => {
            "the new thread does not reach its first line before the loader lock is free, and then the DLL is gone: it begins where nothing is mapped any more"
        }
        _ => reason,
    };
    let (primary, steps) = labels(engines, place, short);
    let mut notes = vec![reason.to_string()];
    if let Debug::Build = debug_only(place.hit) {
        notes.push("only debug builds contain this call".to_string());
    }
    if let Some(note) = others(place.others, "entry") {
        notes.push(note.replace("entrys", "entries"));
    }
    let far = far(engines, place);
    notes.extend(far.clone());
    notes.extend(doubt(engines));
    let help = match why {
        _ if own => {
            "leave this reference to whoever loaded the DLL; a thread that is to unload it ends with FreeLibraryAndExitThread"
        }
        _ if is_there => "ask GetModuleHandle for it, which counts nothing and is allowed here",
        _ if pins => {
            "keep the DLL loaded with GetModuleHandleEx and GET_MODULE_HANDLE_EX_FLAG_PIN, which loads nothing and is allowed here"
        }
        Needs::FreesLibrary if entry.kind == EntryKind::DllMain => {
            "free the other DLL in an exported function that the host calls before FreeLibrary; if that cannot be, free it here only behind `if (lpReserved == NULL)`, for at process exit there is nothing to free"
        }
        Needs::FreesLibrary => {
            "free the other DLL in an exported function that the host calls before FreeLibrary, so that there is nothing left to free here"
        }
        Needs::EndsProcess if starting => {
            "return FALSE from DLL_PROCESS_ATTACH: then the load fails, and the host decides what to do"
        }
        Needs::EndsProcess => "return, and let the host end the process",
        Needs::EndsThread => {
            "return from the entry point; the thread belongs to the one who loads or unloads the DLL"
        }
        Needs::StartsThread if ending => {
            "start nothing here: the code of the new thread is unmapped when DllMain returns"
        }
        Needs::StartsThread => {
            "start the thread in an exported function that the host calls after loading, or on first use; never wait for it here"
        }
        Needs::PoolAtExit if entry.kind != EntryKind::DllMain => {
            "do this in an exported function that the host calls before FreeLibrary, and leave the pool alone here: when the process exits there is nothing to clean up"
        }
        Needs::PoolAtExit => {
            "return at once when lpReserved is not NULL: at process exit there is nothing to clean up"
        }
        _ if place
            .hit
            .contexts
            .within(Contexts::THREAD_ATTACH.or(Contexts::THREAD_DETACH)) =>
        {
            "do this in a function that the thread itself calls: what belongs to a thread can be made and given up there"
        }
        _ if place
            .hit
            .contexts
            .has(Contexts::PROCESS_ATTACH.or(Contexts::THREAD_ATTACH)) =>
        {
            "do this in an exported function that the host calls after loading, or on first use"
        }
        _ => {
            "do this in an exported function that the host calls before FreeLibrary, and do nothing here at process exit"
        }
    };
    findings.add(Finding {
        rule: "forbidden_call_in_dll_main",
        message: message(engines, place, does),
        primary,
        steps,
        related: Vec::new(),
        help: help.to_string(),
        notes,
        minor: place.note || far.is_some() || !engines.is_surely_dll(),
    });
}

/// `Foo` calls `LoadLibraryW`, which loads another DLL, while DllMain holds the loader lock.
fn message(engines: &Engines, place: &Place, does: &str) -> String {
    let subject = subject(engines, place);
    let meanwhile = meanwhile(engines, place);
    let Some(site) = place.hit.site else {
        return format!("{subject} {does} when it is destroyed {meanwhile}");
    };
    if matches!(
        engines.program.function(site.function).stmt(site.stmt).kind,
        StmtKind::Drop { .. }
    ) {
        return format!("{subject} ends an object whose destructor {does}, {meanwhile}");
    }
    let callee = engines.callee_in_full(site);
    format!("{subject} calls `{callee}`, which {does}, {meanwhile}")
}

/// What a call does, what that means here, and how it ends.
fn wording(why: Needs) -> (&'static str, &'static str, &'static str) {
    match why {
        Needs::LoadsLibrary => (
            "loads another DLL",
            "makes the loader load one DLL while it is at work on another",
            "the loader initialises the other DLL inside this one's entry point: DLLs that depend on each other run before they are initialised and crash, and one that waits for a thread in its own DllMain never returns",
        ),
        Needs::FreesLibrary => (
            "frees another DLL",
            "makes the loader unload one DLL while it is at work on another",
            "the other DLL's DllMain runs in the middle of this one's; when the process exits, the other DLL may have been shut down already, and is used after that",
        ),
        Needs::Com => (
            "needs COM",
            "COM loads DLLs",
            "COM loads further DLLs while the loader is at work on this one, and talks to other threads: one that it waits for may itself be waiting for the loader lock",
        ),
        Needs::StartsProcess => (
            "starts a process",
            "starting a process loads DLLs",
            "starting a process can load further DLLs while the loader is at work on this one",
        ),
        Needs::Registry => (
            "needs the registry functions of another DLL",
            "the registry functions are in Advapi32",
            "the loader does not promise that Advapi32 is initialised before this DLL (DLLs may import each other in a circle) and shut down after it: a call into it at the wrong time crashes",
        ),
        Needs::Shell => (
            "needs the shell",
            "the shell loads DLLs and uses COM",
            "the shell loads further DLLs while the loader is at work on this one, and initialises COM: a thread that it waits for may itself be waiting for the loader lock",
        ),
        Needs::User32 => (
            "needs User32 or Gdi32",
            "User32 and Gdi32 load DLLs and call hooks and window procedures",
            "User32 and Gdi32 load further DLLs (input methods, themes, hooks) and call window procedures: the loader is entered while it is at work on this DLL, and until a window has answered its messages no thread of the process can start, end or load a DLL",
        ),
        Needs::StringTables => (
            "loads the string type tables",
            "loads the language's tables from another DLL",
            "the tables are in another DLL, which the loader has to load while it is at work on this one",
        ),
        Needs::EndsThread => (
            "ends the thread that holds the loader lock",
            "the entry point never returns",
            "the thread leaves in the middle of the loader's work: the DLL stays half loaded or half unloaded, and whoever called LoadLibrary or FreeLibrary never goes on",
        ),
        Needs::EndsProcess => (
            "ends the process from inside the loader",
            "runs the exit functions inside the entry point",
            "the exit functions and every DLL's DLL_PROCESS_DETACH, this one's included, run before the entry point has returned, on data that is half initialised or half gone",
        ),
        Needs::StartsThread => (
            "starts a thread",
            "the thread does not run before the entry point has returned",
            "this works as long as nothing here waits for the thread: it does not reach its first line before the loader lock is free",
        ),
        Needs::SystemDll => (
            "needs another system DLL",
            "the other DLL is not initialised for certain",
            "the loader does not promise that the other DLL is initialised before this one (DLLs may import each other in a circle) and shut down after it; many of them load further DLLs, too",
        ),
        Needs::PoolAtExit => (
            "uses the thread pool at process exit",
            "the pool's threads are gone",
            "when the process exits, the pool's threads have already been killed: the call raises an exception or hangs",
        ),
    }
}
