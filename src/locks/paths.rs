//! Whether a chain of calls can run: what each call hands on is judged against the tests on the way, as `reach` does.
//!
//! A summary says that a function takes a lock for whoever calls it. On one call path a NULL, a flag or a constant that is
//! handed down can rule that out. In comes a chain of calls, out comes whether it can run, or another chain that can.

use super::{LONGEST_CHAIN, Locks};
use crate::api::Effect;
use crate::entry::Contexts;
use crate::ir::StmtId;
use crate::program::{FnId, Program, Site};
use crate::reach::{self, Abstract, Env, State};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// A search for another chain gives up after so many functions.
const MOST_SEARCHED: usize = 200;
/// Bodies that are kept once they were walked.
const MOST_KEPT: usize = 4096;

/// What is known at the start of each block of a body that was entered in some state.
type Body = Rc<Vec<Option<Env>>>;

/// Bodies by the state in which they are entered.
#[derive(Default)]
pub(super) struct Paths {
    bodies: RefCell<FxHashMap<(FnId, State), Body>>,
}

impl Paths {
    fn body(&self, program: &Program, function: FnId, state: &State) -> Body {
        let key = (function, state.clone());
        if let Some(known) = self.bodies.borrow().get(&key) {
            return known.clone();
        }
        let body: Body = Rc::new(reach::environments(program, function, state));
        let mut bodies = self.bodies.borrow_mut();
        if bodies.len() >= MOST_KEPT {
            bodies.clear();
        }
        bodies.insert(key, body.clone());
        body
    }

    /// What is known just before a statement. `None` where it does not run.
    fn at(&self, program: &Program, site: Site, state: &State) -> Option<Env> {
        let body = self.body(program, site.function, state);
        let blocks = &program.function(site.function).blocks;
        let block = blocks
            .iter()
            .position(|block| block.stmts.contains(&site.stmt))?;
        let mut env = body[block].clone()?;
        for &stmt in &blocks[block].stmts {
            if stmt == site.stmt {
                return Some(env);
            }
            if reach::transfer(program, site.function, stmt, &mut env) {
                return None;
            }
        }
        None
    }
}

/// A function of which nobody knows who calls it.
fn open_state(program: &Program, function: FnId) -> State {
    State::unknown(Contexts::ALL, program.function(function).params.len())
}

/// The state in which a call enters a function.
fn state_below(program: &Program, site: Site, target: FnId, env: &Env) -> State {
    let is_target = program
        .call(site)
        .is_some_and(|call| call.targets.iter().any(|other| other.function == target));
    let params = if is_target {
        reach::given_params(program, site, target, env)
    } else {
        vec![Abstract::Unknown; program.function(target).params.len()]
    };
    let captures = if program.enclosing(target) == Some(site.function) {
        reach::captures(program, site.function, target, env)
    } else {
        Vec::new()
    };
    State {
        shown: env.shown_to(program, site, target),
        ..env.state(params, captures)
    }
}

/// One function of a search, with the calls that led there.
struct Reached {
    function: FnId,
    state: State,
    chain: Vec<Site>,
}

impl Locks<'_, '_> {
    /// What is known at the end of a chain of calls, where nothing on the way rules it out.
    pub(super) fn at_end(&self, chain: &[Site]) -> Option<Env> {
        let program = self.program;
        let first = chain.first()?;
        let mut state = open_state(program, first.function);
        let mut calls = chain.iter().peekable();
        while let Some(&site) = calls.next() {
            let env = self.paths.at(program, site, &state)?;
            match calls.peek() {
                Some(next) => state = state_below(program, site, next.function, &env),
                None => return Some(env),
            }
        }
        None
    }

    /// Whether a chain of calls can run.
    pub fn can_run(&self, chain: &[Site]) -> bool {
        self.at_end(chain).is_some()
    }

    /// The shortest chain from a statement down to one that is wanted, through functions that lead there.
    pub(super) fn find_below(
        &self,
        site: Site,
        wanted: &dyn Fn(Site, &Env) -> bool,
        leads: &dyn Fn(FnId) -> bool,
    ) -> Option<Vec<Site>> {
        let program = self.program;
        let env = self.at_end(&[site])?;
        if wanted(site, &env) {
            return Some(vec![site]);
        }
        let mut seen: FxHashSet<(FnId, State)> = FxHashSet::default();
        let mut queue: VecDeque<Reached> = VecDeque::new();
        let enter = |site: Site,
                     env: &Env,
                     chain: &[Site],
                     seen: &mut FxHashSet<(FnId, State)>,
                     queue: &mut VecDeque<Reached>| {
            for target in self.runs(site).into_iter().filter(|&target| leads(target)) {
                let state = state_below(program, site, target, env);
                if seen.len() < MOST_SEARCHED && seen.insert((target, state.clone())) {
                    queue.push_back(Reached {
                        function: target,
                        state,
                        chain: chain.to_vec(),
                    });
                }
            }
        };
        enter(site, &env, &[site], &mut seen, &mut queue);
        while let Some(next) = queue.pop_front() {
            if next.chain.len() >= LONGEST_CHAIN {
                continue;
            }
            let body = self.paths.body(program, next.function, &next.state);
            for (block, env) in body.iter().enumerate() {
                let Some(mut env) = env.clone() else { continue };
                let stmts: &[StmtId] = &program.function(next.function).blocks[block].stmts;
                for &stmt in stmts {
                    let here = Site {
                        function: next.function,
                        stmt,
                    };
                    if program.call(here).is_some() {
                        let mut chain = next.chain.clone();
                        chain.push(here);
                        if wanted(here, &env) {
                            return Some(chain);
                        }
                        enter(here, &env, &chain, &mut seen, &mut queue);
                    }
                    if reach::transfer(program, next.function, stmt, &mut env) {
                        break;
                    }
                }
            }
        }
        None
    }

    /// Whether a call asks for the loader lock, as far as is known where it stands.
    pub(super) fn asks_here(&self, site: Site, env: &Env) -> bool {
        self.program.call(site).is_some_and(|call| {
            call.effects.iter().any(|effect| {
                *effect.effect() == Effect::AsksLoaderLock
                    && reach::holds(self.program, site, effect, env)
            })
        })
    }
}
