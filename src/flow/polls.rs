//! Polls: waits of a limited time, whose result tells the state of a handle as a flag would.
//!
//! In come calls, out come the handle that a call asks about, and whether the call is made again whenever its time is over:
//! the loop around it ends only when the handle is signalled. Who waits for a mutex takes a lock, and asks nothing.

use super::{Flow, Leads};
use crate::api::{Arg, Effect, is_for_ever};
use crate::ir::{Callee, StmtId, StmtKind, Value};
use crate::program::{Key, Site};
use rustc_hash::FxHashSet;

/// What WaitForSingleObject and its like give when their time is over.
/// <https://learn.microsoft.com/en-us/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject>
const WAIT_TIMEOUT: i64 = 0x102;

impl Flow<'_, '_> {
    /// What a wait asks about, where it comes back after a limited time, set or not: its result tells the state of an
    /// event as a flag would. A wait for ever tells nothing but its success.
    pub(super) fn asked_by_wait(&self, site: Site) -> Option<&Value> {
        let call = self.program.call(site)?;
        call.effects.iter().find_map(|effect| {
            let Effect::Wait {
                on: Some(on),
                timeout,
                timeout_pointer,
                bounded,
                ..
            } = effect.effect()
            else {
                return None;
            };
            // `None` where no argument is written, else what it is, as far as it is known.
            let given = |arg: &Option<Arg>| {
                let value = self.program.argument(site, (*arg)?)?;
                Some(self.program.constant(site.function, value))
            };
            let limited = if let Some(limit) = given(timeout) {
                !limit
                    .and_then(|limit| limit.number())
                    .is_some_and(is_for_ever)
            } else if let Some(pointer) = given(timeout_pointer) {
                !pointer.is_some_and(|pointer| pointer.is_zero())
            } else {
                *bounded
            };
            // Who gets a mutex has got a lock.
            let is_lock = || {
                let key = self.key_of(site, *on);
                key.is_some_and(|key| self.mutexes().contains(&key))
            };
            self.program
                .argument(site, *on)
                .filter(|_| limited && !is_lock())
        })
    }

    /// What mutexes are kept in.
    fn mutexes(&self) -> &FxHashSet<Key> {
        self.mutexes.get_or_init(|| {
            self.program
                .effects()
                .filter_map(|(site, effect)| match effect.effect() {
                    Effect::CreatesMutex { handle, .. } => self.key_of(site, *handle),
                    _ => None,
                })
                .collect()
        })
    }

    /// Where a wait leads whose time is over: to another statement of its function always, sometimes or never.
    pub fn leads_when_timed_out(&self, wait: Site, stmt: StmtId) -> Leads {
        let body = self.program.function(wait.function);
        // The methods of libraries give `false` then: `QThread::wait`, `boost::thread::timed_join`.
        let timed_out = match &body.stmt(wait.stmt).kind {
            StmtKind::Call {
                callee: Callee::Method { .. },
                ..
            } => 0,
            _ => WAIT_TIMEOUT,
        };
        self.after_result(wait, timed_out, stmt)
    }

    /// Whether a wait is made again whenever its time is over: `while (WaitForSingleObject(thread, 10) == WAIT_TIMEOUT)`.
    /// All in all it has no end.
    pub fn waits_again(&self, wait: Site) -> bool {
        self.leads_when_timed_out(wait, wait.stmt) == Leads::Always
    }

    /// Whether a statement stands in a loop that asks a handle until it is signalled: it is a part of that wait.
    pub fn is_between_polls(&self, site: Site) -> bool {
        let body = self.program.function(site.function);
        let around = self.loop_around(site.function, site.stmt);
        let mut stmts = around
            .iter()
            .flatten()
            .flat_map(|&block| &body.block(block).stmts);
        stmts.any(|&stmt| {
            let wait = Site { stmt, ..site };
            self.asked_by_wait(wait).is_some() && self.waits_again(wait)
        })
    }
}
