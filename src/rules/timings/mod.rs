//! Where the time of a run goes, stage by stage and rule by rule.
//!
//! In come pieces of work with the stage that they belong to; out go seconds per stage, summed over all threads. Work
//! inside of other work counts for the inner stage only, so the stages add up. The clock comes from outside; without one
//! nothing is measured.

use crate::rules::RULES;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A part of an analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Facts of every file, by one look at its bytes.
    Index,
    /// Which sources make up which module, and what macros are.
    Modules,
    /// Which functions have to be read.
    Demand,
    /// Parsing, and bringing into one form.
    Lower,
    /// Names, types and calls of a module.
    Link,
    /// What the loader, the CRT and the thread pool call.
    Entries,
    Flow,
    Locks,
    /// What runs under which entry.
    Walks,
    /// A rule, by its number in `rules::RULES`; with it what it is the first to ask of an engine.
    Rule(usize),
}

const STAGES: [(Stage, &str); 9] = [
    (Stage::Index, "index"),
    (Stage::Modules, "modules"),
    (Stage::Demand, "demand"),
    (Stage::Lower, "lower"),
    (Stage::Link, "link"),
    (Stage::Entries, "entries"),
    (Stage::Flow, "flow"),
    (Stage::Locks, "locks"),
    (Stage::Walks, "walks"),
];

impl Stage {
    fn number(self) -> usize {
        match self {
            Stage::Rule(rule) => STAGES.len() + rule,
            stage => STAGES
                .iter()
                .position(|(other, _)| *other == stage)
                .unwrap_or_default(),
        }
    }
}

/// The time spent so far.
#[derive(Debug, Default)]
pub struct Timings {
    clock: Option<fn() -> Duration>,
    /// By stage, in nanoseconds.
    spent: Vec<AtomicU64>,
    /// Bytes that a parser has seen, and of the files that they stand in.
    lowered: [AtomicU64; 2],
    /// Modules that were linked, and others.
    modules: [AtomicU64; 2],
}

/// How much of a tree a run has looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes that a parser has seen.
    pub lowered: u64,
    /// Bytes of the files that they stand in.
    pub files: u64,
    /// Modules that were linked.
    pub linked: u64,
    pub modules: u64,
}

thread_local! {
    /// What inner pieces of the running one have taken, in nanoseconds.
    static INNER: Cell<u64> = const { Cell::new(0) };
}

impl Timings {
    /// Measures by a clock that gives the time since any fixed moment.
    pub fn by(clock: fn() -> Duration) -> Timings {
        Timings {
            clock: Some(clock),
            spent: (0..STAGES.len() + RULES.len())
                .map(|_| AtomicU64::new(0))
                .collect(),
            ..Timings::default()
        }
    }

    /// Notes that so many bytes of a file are parsed.
    pub fn lowers(&self, bytes: usize, of: usize) {
        for (count, bytes) in self.lowered.iter().zip([bytes, of]) {
            count.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Notes a module.
    pub fn passes(&self, is_linked: bool) {
        self.modules[usize::from(!is_linked)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was looked into so far.
    pub fn extent(&self) -> Extent {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let linked = read(&self.modules[0]);
        Extent {
            lowered: read(&self.lowered[0]),
            files: read(&self.lowered[1]),
            linked,
            modules: linked + read(&self.modules[1]),
        }
    }

    /// Runs a piece of work and notes what it took.
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let Some(clock) = self.clock else {
            return work();
        };
        let outer = INNER.replace(0);
        let start = clock();
        let result = work();
        let taken = nanoseconds(clock().saturating_sub(start));
        let own = taken.saturating_sub(INNER.get());
        INNER.set(outer + taken);
        self.spent[stage.number()].fetch_add(own, Ordering::Relaxed);
        result
    }

    /// What each stage and rule has taken, the stages in the order of the run and the rules behind them by their time.
    pub fn shares(&self) -> Vec<(&'static str, Duration)> {
        let names = STAGES
            .iter()
            .map(|(_, name)| *name)
            .chain(RULES.iter().map(|rule| rule.name));
        let mut shares: Vec<(&'static str, Duration)> = names
            .zip(&self.spent)
            .map(|(name, spent)| (name, Duration::from_nanos(spent.load(Ordering::Relaxed))))
            .collect();
        if let Some(rules) = shares.get_mut(STAGES.len()..) {
            rules.sort_by_key(|(name, spent)| (std::cmp::Reverse(*spent), *name));
        }
        shares
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every look at this clock takes a second.
    fn ticking() -> Duration {
        thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });
        NOW.set(NOW.get() + 1);
        Duration::from_secs(NOW.get())
    }

    #[test]
    fn inner_work_counts_once() {
        let timings = Timings::by(ticking);
        let answer = timings.time(Stage::Walks, || {
            timings.time(Stage::Link, || 1) + timings.time(Stage::Link, || 1)
        });
        assert_eq!(answer, 2);
        let of = |wanted| {
            let shares = timings.shares();
            shares.iter().find(|(name, _)| *name == wanted).unwrap().1
        };
        // Six looks: 1 start, 2–3 and 4–5 the inner ones, 6 the end.
        assert_eq!(of("link"), Duration::from_secs(2));
        assert_eq!(of("walks"), Duration::from_secs(3));
        assert_eq!(of("lower"), Duration::ZERO);
    }

    #[test]
    fn every_rule_has_a_time_of_its_own() {
        let timings = Timings::by(ticking);
        for rule in 0..RULES.len() {
            for _ in 0..=rule {
                timings.time(Stage::Rule(rule), || ());
            }
        }
        let shares = timings.shares();
        let (stages, rules) = shares.split_at(STAGES.len());
        assert!(stages.iter().all(|(_, spent)| spent.is_zero()));
        // The slowest first.
        let expected = RULES.iter().enumerate().rev();
        let expected: Vec<_> = expected
            .map(|(number, rule)| (rule.name, Duration::from_secs(number as u64 + 1)))
            .collect();
        assert_eq!(rules, expected);
    }

    #[test]
    fn nothing_is_measured_without_a_clock() {
        let timings = Timings::default();
        assert_eq!(timings.time(Stage::Index, || 7), 7);
        assert!(timings.shares().is_empty());
    }

    #[test]
    fn what_was_looked_into_is_counted() {
        let timings = Timings::default();
        assert_eq!(timings.extent(), Extent::default());
        timings.lowers(30, 100);
        timings.lowers(5, 5);
        timings.passes(true);
        timings.passes(false);
        timings.passes(false);
        let expected = Extent {
            lowered: 35,
            files: 105,
            linked: 1,
            modules: 3,
        };
        assert_eq!(timings.extent(), expected);
    }
}
