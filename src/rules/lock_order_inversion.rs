//! Two locks that are taken in both orders. See `rules/lock_order_inversion.md`.

use super::lock_under_loader_lock::{Threads, chain, on_thread, thread_steps};
use super::{Engines, Finding, Findings, others};
use crate::diagnostic::Role;
use crate::entry::EntryKind;
use crate::locks::{LockRoot, Pair, Wanted, Way};
use crate::program::{FnId, Key, Site};
use crate::source::{Lang, Span};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;

pub fn check(engines: &Engines, findings: &mut Findings) {
    let threads = Threads::of(engines);
    // A program that starts no thread has one only.
    if engines.program.is_exe() && threads.own.is_empty() {
        return;
    }
    let once = run_once(engines, &threads);
    let pairs = &engines.locks.pairs;
    for ((one, other), forth) in pairs {
        if one >= other {
            continue;
        }
        let Some(back) = pairs.get(&(other.clone(), one.clone())) else {
            continue;
        };
        let mut best: Option<Inversion> = None;
        for first in forth {
            for second in back {
                let Some(found) = judge(engines, &threads, &once, first, second) else {
                    continue;
                };
                if best.as_ref().is_none_or(|best| found.rank() < best.rank()) {
                    best = Some(found);
                }
            }
        }
        if let Some(best) = best {
            report(engines, findings, &best, forth, back);
        }
    }
}

/// So many calls between the first lock and the second are taken for certain.
const LONG: usize = 5;

/// Two paths that take two locks in opposite orders.
struct Inversion<'e> {
    paths: [(&'e Pair, Way); 2],
    /// The objects may be different ones, or a test on the way can rule it out.
    minor: Option<&'static str>,
}

impl Inversion<'_> {
    fn rank(&self) -> (bool, usize) {
        let length = self
            .paths
            .iter()
            .map(|(pair, way)| pair.second.chain.len() + pair.first.chain.len() + way.calls.len())
            .sum();
        (self.minor.is_some(), length)
    }
}

/// What runs on one thread only, and once: the loader's entries and the program's main function.
fn run_once(engines: &Engines, threads: &Threads) -> FxHashSet<FnId> {
    let mut once = threads.loader.clone();
    let program = engines.program;
    for row in program.api.entries().iter().filter(|row| row.program) {
        once.extend(
            program
                .functions_named(&row.name)
                .iter()
                .copied()
                .filter(|&id| program.owner(id).is_none()),
        );
    }
    once
}

fn judge<'e>(
    engines: &'e Engines,
    threads: &Threads,
    once: &FxHashSet<FnId>,
    forth: &'e Pair,
    back: &'e Pair,
) -> Option<Inversion<'e>> {
    // Two members of arrays, two different statics of one class: not the same lock.
    let differs = |one: &crate::locks::Lock, other: &crate::locks::Lock| {
        one.is_single() && other.is_single() && one != other
    };
    if differs(&forth.first.lock, &back.second.lock)
        || differs(&forth.second.lock, &back.first.lock)
    {
        return None;
    }
    // Two readers of one lock do not wait for each other.
    if (forth.first.shared && back.second.shared) || (forth.second.shared && back.first.shared) {
        return None;
    }
    // What only the making or the end of its own object holds is not what others hold.
    if [forth, back]
        .into_iter()
        .any(|pair| engines.locks.is_unshared(pair.function, &pair.first.lock))
    {
        return None;
    }
    let none = FxHashSet::default();
    let way_without = |pair: &Pair, avoided: &FxHashSet<FnId>, without: &BTreeSet<Key>| {
        engines.locks.way_to(
            pair.function,
            &Wanted {
                entries: &threads.own,
                avoided,
                below: &pair.second.chain,
                without,
            },
        )
    };
    let way = |pair: &Pair, avoided: &FxHashSet<FnId>| way_without(pair, avoided, &BTreeSet::new());
    let free = [way(forth, once), way(back, once)];
    if free.iter().all(Option::is_none) {
        return None;
    }
    if let [Some(one), Some(other)] = &free
        && one.root == other.root
        && is_one_thread(engines, one.root)
    {
        // Both on one thread, unless something else leads there too.
        let mut avoided = once.clone();
        avoided.insert(one.root);
        if way(forth, &avoided).is_none() && way(back, &avoided).is_none() {
            return None;
        }
    }
    let [one, other] = free;
    let mut paths = [
        (forth, one.or_else(|| way(forth, &none))?),
        (back, other.or_else(|| way(back, &none))?),
    ];
    // Who has the second lock already takes it again, and waits for nobody.
    if [forth, back]
        .into_iter()
        .any(|pair| takes_again(engines, pair))
    {
        return None;
    }
    // A third lock that both hold keeps them apart.
    let [one, other] = [&paths[0], &paths[1]].map(|(pair, way)| held_around(engines, pair, way));
    let own = [
        engines.locks.identity(forth.function, &forth.first.lock)?,
        engines.locks.identity(back.function, &back.first.lock)?,
    ];
    // The callers of one path hold its second lock already.
    if one.contains(&own[1]) || other.contains(&own[0]) {
        return None;
    }
    let common = |one: &BTreeSet<Key>, other: &BTreeSet<Key>| -> BTreeSet<Key> {
        one.intersection(other)
            .filter(|key| !own.contains(key))
            .cloned()
            .collect()
    };
    let gates = common(&one, &other);
    if !gates.is_empty() {
        // One of the paths can do without it, or there is no inversion.
        let around = [one, other];
        let (index, way) = [0, 1].into_iter().find_map(|index| {
            let pair = paths[index].0;
            let way = way_without(pair, once, &gates)?;
            common(&held_around(engines, pair, &way), &around[1 - index])
                .is_empty()
                .then_some((index, way))
        })?;
        paths[index].1 = way;
    }
    let minor = if [forth, back].into_iter().any(|pair| !is_one_object(pair)) {
        Some(
            "the two paths reach the locks through different objects: they block each other where these are the same",
        )
    } else if [forth, back]
        .into_iter()
        .any(|pair| pair.second.chain.len() > LONG)
    {
        Some("a long call path lies between the two locks: a test on the way can rule it out")
    } else {
        None
    };
    Some(Inversion { paths, minor })
}

/// Whether the two locks of a path belong together: statics, or members of one object.
fn is_one_object(pair: &Pair) -> bool {
    let (one, other) = (&pair.first.lock, &pair.second.lock);
    (one.is_single() && other.is_single())
        || (one.root == other.root
            && !matches!(one.root, LockRoot::Object(_))
            && one.path.len() == other.path.len()
            && !one.path.is_empty()
            && one.path[..one.path.len() - 1] == other.path[..other.path.len() - 1])
}

/// A thread procedure that one place starts.
fn is_one_thread(engines: &Engines, function: FnId) -> bool {
    let mut entries = engines
        .entries
        .iter()
        .filter(|entry| matches!(entry.runs, crate::entry::Runs::Function(id) if id == function));
    match (entries.next(), entries.next()) {
        (Some(entry), None) => matches!(entry.kind, EntryKind::ThreadProcedure(_)),
        _ => false,
    }
}

/// Whether the second lock of a pair is held somewhere on the way from the first to it.
fn takes_again(engines: &Engines, pair: &Pair) -> bool {
    let locks = &engines.locks;
    let Some(second) = locks.identity(pair.function, &pair.second.lock) else {
        return false;
    };
    pair.second.chain.iter().any(|site| {
        locks
            .held(*site)
            .iter()
            .any(|held| locks.identity(site.function, &held.lock).as_ref() == Some(&second))
    })
}

/// The locks that a path holds when it takes the second one.
fn held_around(engines: &Engines, pair: &Pair, way: &Way) -> BTreeSet<Key> {
    let locks = &engines.locks;
    let inner = pair.second.chain.first().copied();
    way.calls
        .iter()
        .copied()
        .chain(inner)
        .flat_map(|site| {
            locks
                .held(site)
                .iter()
                .filter_map(move |held| locks.identity(site.function, &held.lock))
        })
        .collect()
}

fn report(
    engines: &Engines,
    findings: &mut Findings,
    found: &Inversion,
    forth: &[Pair],
    back: &[Pair],
) {
    let locks = &engines.locks;
    let program = engines.program;
    let place = |pair: &Pair| -> Option<(Site, Span)> {
        let site = pair.second.place(locks)?;
        Some((site, program.stmt_span(site)))
    };
    let (Some((one, one_span)), Some((other, other_span))) =
        (place(found.paths[0].0), place(found.paths[1].0))
    else {
        return;
    };
    // The inner acquisition that stands later, by path and line.
    let (primary, [(inner, inner_way), (outer, outer_way)]) = if one_span > other_span {
        (one, [&found.paths[0], &found.paths[1]])
    } else {
        (other, [&found.paths[1], &found.paths[0]])
    };
    let name =
        |function: FnId, lock: &crate::locks::Lock| format!("`{}`", locks.name_of(function, lock));
    let first = name(inner.function, &inner.first.lock);
    let second = name(inner.function, &inner.second.lock);
    let [here, there] = [inner, outer].map(|pair| program.describe(pair.second.taker(locks)));
    let mut steps = Vec::new();
    for (flow, pair, way, held, taken) in [
        (0, inner, inner_way, &first, &second),
        (1, outer, outer_way, &second, &first),
    ] {
        let which = if flow == 0 { "one" } else { "another" };
        let how = on_thread(engines, way.root, which);
        steps.extend(thread_steps(engines, way, pair.function, flow, &how));
        let taker = program.describe(pair.first.taker(locks));
        steps.extend(chain(
            engines,
            &pair.first.chain,
            format!("{taker} takes {held}"),
            flow,
        ));
        let mut inner_steps = chain(
            engines,
            &pair.second.chain,
            format!("waits here for {taken}, with {held} held"),
            flow,
        );
        // What leads to both of them is told already.
        let common = pair.first.chain.iter().zip(&pair.second.chain);
        let common = common.take_while(|(one, other)| one == other).count();
        inner_steps.drain(..common.min(inner_steps.len().saturating_sub(1)));
        if flow == 0 {
            // The primary label says it.
            inner_steps.pop();
        }
        steps.extend(inner_steps);
    }
    let mut notes = vec![format!(
        "when one thread has got {first} and the other {second}, each waits for the lock that the other holds: neither goes on"
    )];
    notes.extend(found.minor.map(str::to_string));
    let places: BTreeSet<Span> = forth
        .iter()
        .chain(back)
        .filter_map(|pair| place(pair).map(|(_, span)| span))
        .collect();
    if let Some(note) = others(places.len().saturating_sub(2), "place") {
        notes.push(
            note.replace("leads here", "takes both")
                .replace("lead here", "take both"),
        );
    }
    findings.add(Finding {
        rule: "lock_order_inversion",
        message: format!(
            "{here} takes {second} while {first} is held, and {there} takes {first} while {second} is held"
        ),
        primary: engines.label(
            primary,
            format!("waits here for {second}, with {first} held"),
            Role::Primary,
        ),
        steps,
        related: Vec::new(),
        help: match program.lang(inner.function) {
            Lang::Cpp => "take the locks in one order everywhere, or both at once with std::scoped_lock",
            _ => "take the locks in one order everywhere",
        }
        .to_string(),
        notes,
        minor: found.minor.is_some(),
    });
}
