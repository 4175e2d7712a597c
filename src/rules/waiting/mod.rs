//! What findings about waits under the loader lock say: who is waited for, for how long, why the one who is waited for
//! cannot go on, and what to write instead.
//!
//! In come an entry and what blocks in it, out come texts. A reader who has never heard of the loader lock gets only what
//! applies to this wait: what happens when the DLL is freed, when the process exits, or both, each by its name.

use super::Engines;
use crate::api::{Effect, ThreadRef, WaitClass};
use crate::entry::{Contexts, Entry, EntryKind};
use crate::program::Site;
use crate::reach::blocking::{Blocking, WaitsFor};
use crate::reach::{Hit, Timeout};

/// The contexts in which the wait does harm. At process exit the handles of threads are signalled, for they have been
/// killed: a wait for a thread's end returns at once then.
pub(super) fn harmful(entry: &Entry, blocking: &Blocking) -> Contexts {
    let contexts = blocking.contexts;
    let left = contexts.but(Contexts::PROCESS_EXIT);
    let for_thread = matches!(blocking.waits_for, WaitsFor::ThreadEnd(_));
    if for_thread && entry.kind.is_destructor() && !left.is_empty() {
        left
    } else {
        contexts
    }
}

/// `waits for a thread to end`.
pub(super) fn waited_for(blocking: &Blocking) -> &'static str {
    match blocking.waits_for {
        WaitsFor::ThreadEnd(_) => "waits for a thread to end",
        WaitsFor::Signal => "waits for a signal from another thread",
        WaitsFor::Handle => "waits for a handle to be signalled",
        WaitsFor::Callbacks => "waits for thread pool callbacks",
        WaitsFor::Io => "waits for I/O",
        WaitsFor::Message => "waits for another thread's message loop",
        WaitsFor::Process => "waits for another process",
        WaitsFor::Flag => "polls a flag that another thread sets",
        WaitsFor::Time if blocking.asked.is_some() => "sleeps in a loop",
        WaitsFor::Time => "sleeps",
    }
}

/// How long a wait takes, for the label at it, the call at `site`.
pub(super) fn length_of(engines: &Engines, blocking: &Blocking, site: Option<Site>) -> String {
    if blocking.waits_for == WaitsFor::Flag {
        return match blocking.timeout {
            Timeout::Finite(milliseconds) => format!(
                "the loop around this goes on until another thread ends it, or for {milliseconds} ms"
            ),
            Timeout::Bounded => "the loop around this goes on until another thread ends it, or \
                                 until its time is over"
                .to_string(),
            _ => "the loop around this has no time limit: only another thread ends it".to_string(),
        };
    }
    if blocking.again {
        return "waits again whenever its time is over: the loop has no time limit".to_string();
    }
    if let Some(asked) = blocking.asked {
        return format!("goes on until `{}` ends the loop", engines.callee(asked));
    }
    if let Some(function) = blocking.repeated {
        let of_the_loop = match site {
            Some(site) if site.function != function => {
                format!("of a loop in {}", engines.program.describe(function))
            }
            _ => "of the loop".to_string(),
        };
        return match blocking.timeout {
            Timeout::Finite(milliseconds) => {
                format!("sleeps for {milliseconds} ms in each run {of_the_loop}")
            }
            _ => format!("sleeps in each run {of_the_loop}"),
        };
    }
    match blocking.timeout {
        Timeout::Finite(milliseconds) if blocking.rounds > 1 => format!(
            "sleeps for up to {milliseconds} ms, in {} runs of a loop",
            blocking.rounds
        ),
        Timeout::Infinite => "blocks without a time limit".to_string(),
        Timeout::Finite(milliseconds) => format!("blocks for up to {milliseconds} ms"),
        Timeout::Bounded => "blocks for a limited time".to_string(),
        Timeout::Zero => "gives up the processor".to_string(),
        Timeout::Unknown => "blocks".to_string(),
    }
}

/// Why the one that is waited for cannot go on. `starts_here`: the same entry has started the thread.
pub(super) fn reasons(
    engines: &Engines,
    entry: &Entry,
    blocking: &Blocking,
    starts_here: bool,
) -> Vec<String> {
    let mut notes = Vec::new();
    let contexts = harmful(entry, blocking);
    let limited = matches!(blocking.timeout, Timeout::Finite(_) | Timeout::Bounded);
    let starts = contexts.has(Contexts::PROCESS_ATTACH);
    let exits = contexts.has(Contexts::PROCESS_EXIT);
    // Where both ends of the DLL lead here, each is told by its name.
    let at_unload = if exits && contexts.has(Contexts::UNLOAD) {
        "when the DLL is freed with FreeLibrary, "
    } else {
        ""
    };
    // What ends by itself waits in vain, and not for ever.
    let so_long = |forever: &str| match limited {
        true => ", and this code waits its whole time".to_string(),
        false => format!(", and this code waits for {forever}"),
    };
    match blocking.waits_for {
        WaitsFor::ThreadEnd(_) if starts_here && contexts.within(Contexts::PROCESS_ATTACH) => {
            notes.push(format!(
                "a thread that was started during the load does not begin before the loader lock is free{}",
                so_long("its end")
            ));
        }
        WaitsFor::ThreadEnd(reference) => {
            let is_ucrt = matches!(reference, ThreadRef::Ucrt);
            if starts {
                notes.push("a thread that was started during the load does not run before the loader lock is free".to_string());
            }
            if is_ucrt {
                notes.push(
                    "with the UCRT of Visual Studio 2015 and later the thread keeps the DLL loaded: the host's FreeLibrary then unloads nothing, and the last reference goes on that very thread, which waits for itself: std::thread::join throws, and the process ends in std::terminate; a wait for the thread's handle hangs"
                        .to_string(),
                );
            }
            notes.push(format!(
                "{}a thread takes the loader lock on its way out (DLL_THREAD_DETACH), so it cannot end before this code returns{}",
                if is_ucrt { "with other runtimes FreeLibrary comes here: " } else { "" },
                so_long("its end")
            ));
        }
        WaitsFor::Signal | WaitsFor::Flag | WaitsFor::Handle => {
            if starts {
                notes.push("a thread that was started during the load does not run, and signals nothing, before the loader lock is free".to_string());
            }
            let (does, sets) = if blocking.waits_for == WaitsFor::Flag {
                ("sets the flag", "set it")
            } else {
                ("signals", "signal it")
            };
            if exits {
                let end = if limited {
                    ""
                } else {
                    ", and the process never ends"
                };
                notes.push(format!("when the process exits, all other threads are already gone before this runs: nobody is left to {sets}{end}"));
            }
            notes.push(format!("{at_unload}the other thread {does} only if it needs nothing from the loader before: to load a library, to call GetModuleHandle, to use COM or to end it waits for this code{}", so_long("it")));
        }
        WaitsFor::Callbacks => {
            if exits {
                notes.push("when the process exits, the pool's threads are already gone before this runs: the wait hangs or raises an exception".to_string());
            }
            notes.push(format!("{at_unload}a callback that needs the loader lock, to load a library or start a thread, waits for this code{}", so_long("the callback")));
        }
        WaitsFor::Message => {
            notes.push("the other thread answers only if it needs nothing from the loader before, and at process exit it is gone".to_string());
        }
        WaitsFor::Io => {
            notes.push("as long as this waits, no thread of the process can start, end or load a library: if one of them has to do that before the I/O completes, neither goes on".to_string());
        }
        WaitsFor::Process => {
            notes.push("as long as this waits, no thread of this process can start, end or load a library; if the other process waits for one of them, for one that reads its output perhaps, neither goes on".to_string());
        }
        WaitsFor::Time => {}
    }
    if let Some(asked) = blocking.asked {
        notes.push(format!("until `{}` ends the loop no thread of the process can start, end or load a library; what it asks for is not here to be read, and where another thread has to bring that about, neither goes on", engines.callee(asked)));
    } else if limited || blocking.waits_for == WaitsFor::Time {
        notes.push("the wait ends by itself: a stall in which no thread of the process can start, end or load a library, and not a deadlock".to_string());
    }
    notes
}

/// Whether what is joined is a std::thread, whose own destructor ends the process where nobody has joined or detached it.
fn is_thread_object(blocking: &Blocking, hit: &Hit) -> bool {
    let joins = matches!(
        hit.effect.effect(),
        Effect::Wait {
            class: WaitClass::Thread,
            ..
        }
    );
    joins && blocking.waits_for == WaitsFor::ThreadEnd(ThreadRef::Ucrt)
}

/// When to do what must not be done under the loader lock.
pub(super) const BY_THE_HOST: &str =
    "in an exported function that the host calls before FreeLibrary";

/// What to write instead.
pub(super) fn help(entry: &Entry, blocking: &Blocking, hit: &Hit) -> String {
    let contexts = blocking.contexts;
    let does = match blocking.waits_for {
        WaitsFor::ThreadEnd(_) => "stop the thread and wait for it",
        WaitsFor::Signal | WaitsFor::Handle | WaitsFor::Flag => "wait for the other thread",
        WaitsFor::Callbacks => "turn off what queues the callbacks and wait for them",
        WaitsFor::Io => "wait for the I/O",
        WaitsFor::Message => "talk to the other thread",
        WaitsFor::Process => "wait for the other process",
        WaitsFor::Time => "wait",
    };
    let in_time = format!("{does} {BY_THE_HOST}");
    let starting = Contexts::PROCESS_ATTACH.or(Contexts::THREAD_ATTACH);
    match entry.kind {
        _ if contexts.within(Contexts::THREAD_ATTACH.or(Contexts::THREAD_DETACH))
            && entry.kind != EntryKind::ThreadLocalDestructor =>
        {
            format!("{does} in a function that the thread itself calls, after its start or before its end: what runs at DLL_THREAD_ATTACH and DLL_THREAD_DETACH must not wait")
        }
        _ if contexts.within(starting) => match blocking.waits_for {
            WaitsFor::Io | WaitsFor::Message | WaitsFor::Process | WaitsFor::Time => {
                format!("{does} in an exported function that the host calls after loading, or on first use")
            }
            _ => "start and wait in an exported function that the host calls after loading, or on first use: DllMain and initializers must return before any new thread runs".to_string(),
        },
        EntryKind::DllMain
            if contexts.within(Contexts::PROCESS_EXIT)
                && blocking.waits_for == WaitsFor::Process =>
        {
            format!("{in_time}; in DLL_PROCESS_DETACH return at once when lpReserved is not NULL")
        }
        EntryKind::DllMain if contexts.within(Contexts::PROCESS_EXIT) => {
            "in DLL_PROCESS_DETACH return at once when lpReserved is not NULL: at process exit there is nobody left to wait for".to_string()
        }
        // Where lpReserved is tested already there is nothing to say about it.
        EntryKind::DllMain if !hit.contexts.has(Contexts::PROCESS_EXIT) => {
            format!("{in_time}, and never wait in DLL_PROCESS_DETACH")
        }
        EntryKind::DllMain => format!(
            "{in_time}; in DLL_PROCESS_DETACH return at once when lpReserved is not NULL, and never wait otherwise"
        ),
        EntryKind::StaticDestructor if hit.site.is_none() => format!(
            "{in_time}, and keep the object behind a pointer that is made with new and never deleted, so that no destructor runs here"
        ),
        EntryKind::StaticDestructor if is_thread_object(blocking, hit) => format!(
            "{in_time}, and let the destructor detach a thread that is still joinable there, for std::thread ends the process otherwise; or keep the static behind a pointer that is made with new and never deleted, so that no destructor runs here"
        ),
        EntryKind::StaticDestructor => format!(
            "{in_time}, and let the destructor wait for nothing; or keep the static behind a pointer that is made with new and never deleted, so that no destructor runs here"
        ),
        EntryKind::ThreadLocalDestructor => format!(
            "{does} in a function that the thread calls before it ends, and let the destructor wait for nothing"
        ),
        EntryKind::AtExit => format!("{in_time}, and let no exit function wait"),
        _ => format!("{in_time}, and never wait here"),
    }
}
