//! Polls: waits of a limited time, whose result tells the state of a handle as a flag would.
//!
//! In come calls and the conditions of loops, out come the handle that a call asks about, and whether a loop ends only when
//! a handle is signalled. Who waits for a mutex takes a lock, and asks nothing.

use super::{Flow, Leads};
use crate::api::{Arg, Effect, WaitClass};
use crate::ir::{BlockId, Cond, Guard, Value};
use crate::program::{Constant, FnId, Key, Site};
use rustc_hash::FxHashSet;

/// What WaitForSingleObject and its like give when their time is over.
/// <https://learn.microsoft.com/en-us/windows/win32/api/synchapi/nf-synchapi-waitforsingleobject>
pub const WAIT_TIMEOUT: i64 = 0x102;

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
                !matches!(limit, Some(Constant::Number(0xFFFF_FFFF | -1 | i64::MAX)))
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
            self.kept_in(|effect| match effect {
                Effect::CreatesMutex { handle, .. } => Some((*handle, None)),
                _ => None,
            })
        })
    }

    /// What handles of other processes are kept in.
    fn processes(&self) -> &FxHashSet<Key> {
        self.processes.get_or_init(|| {
            self.kept_in(|effect| match effect {
                Effect::Creates {
                    class: WaitClass::Process,
                    handle,
                    field,
                } => Some((*handle, field.as_deref())),
                _ => None,
            })
        })
    }

    /// Where what some calls give is kept: an argument, or one of its fields.
    fn kept_in<'e>(
        &'e self,
        given: impl Fn(&'e Effect) -> Option<(Arg, Option<&'e str>)>,
    ) -> FxHashSet<Key> {
        let effects = self.program.effects();
        effects
            .filter_map(|(site, effect)| {
                let (arg, field) = given(effect.effect())?;
                let mut key = self.key_of(site, arg)?;
                key.path.extend(field.map(Into::into));
                Some(key)
            })
            .collect()
    }

    /// Whether a loop ends only when a handle is signalled that it asks: whatever else it does, whenever the handle is not
    /// signalled it asks again.
    pub(super) fn polls_only(&self, function: FnId, guard: &Guard, members: &[BlockId]) -> bool {
        let Cond::Compare { left, .. } = &guard.cond else {
            return false;
        };
        let body = self.program.function(function);
        let mut inside = members.iter().flat_map(|&block| &body.block(block).stmts);
        inside.any(|&stmt| {
            let site = Site { function, stmt };
            let is_asked = *left == Value::Result(stmt)
                || left.place().is_some_and(|place| {
                    self.assigned_to(function, &place)
                        .contains(&&Value::Result(stmt))
                });
            is_asked
                && self.asked_by_wait(site).is_some_and(|handle| {
                    let key = self.program.key_of_value(function, handle);
                    key.is_some_and(|key| !self.processes().contains(&key))
                })
                && self.after_result(site, WAIT_TIMEOUT, stmt) == Leads::Always
        })
    }
}
