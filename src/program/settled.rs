//! What is settled before it ends: a member or local that was joined, detached, emptied or moved away on every way, so
//! that its end, or a later `reset()`, blocks no more.
//!
//! In come a function and a place, out comes how the place is left. A way that a test of the place itself opens ("is
//! there one", "is it joinable") needs nothing to be done. What only some ways do settles nothing.

use super::calls::{Call, CallEffect};
use super::{FnId, Key, KeyRoot, Program, TypeId, types};
use crate::api::{Arg, Effect, WaitClass};
use crate::ir::{
    BlockId, Callee, Cond, FunctionKind, Guard, Op, Place, Root, StmtId, StmtKind, Value,
};

/// How a place is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The thread in it was joined or detached: what else it holds still ends.
    Joined,
    /// There is nothing left in it.
    Emptied,
}

/// What is looked at in a function.
#[derive(Clone, Copy)]
enum Watched<'w> {
    /// A member of the object that the function is called on.
    Member(&'w str),
    Place(&'w Place),
}

/// From where to where a function is looked at.
#[derive(Clone, Copy)]
enum Ways {
    /// From its start, and from where the place gets something new, up to a statement, or to where it returns.
    All(Option<StmtId>),
    /// From where the place gets something new, up to where it returns.
    Given,
}

impl Watched<'_> {
    fn is(self, place: &Place) -> bool {
        match self {
            Watched::Member(field) => match &place.root {
                Root::This => matches!(&place.path[..], [only] if **only == *field),
                Root::Global(name) => place.path.is_empty() && **name == *field,
                _ => false,
            },
            Watched::Place(watched) => watched == place,
        }
    }

    fn is_value(self, value: &Value) -> bool {
        matches!(value, Value::Place(place) if self.is(place))
    }
}

/// How many methods deep a destructor's stop is followed.
const DEEPEST_STOP: u8 = 3;

impl<'a> Program<'a> {
    /// How the destructors of a class leave a member, whichever way they take, or whoever gives it a thread.
    pub(super) fn settled_member(&self, class: TypeId, field: &str) -> Option<Settled> {
        let destructors = self.own_destructors(class);
        if destructors.is_empty() {
            return self
                .is_let_go_at_once(class, field)
                .then_some(Settled::Joined);
        }
        let all = |wanted| {
            destructors.iter().all(|&id| {
                self.settles(
                    id,
                    Watched::Member(field),
                    Ways::All(None),
                    wanted,
                    DEEPEST_STOP,
                )
            })
        };
        if all(Some(Settled::Emptied)) {
            Some(Settled::Emptied)
        } else {
            (all(None) || self.is_let_go_at_once(class, field)).then_some(Settled::Joined)
        }
    }

    /// Whether each function that puts a thread into a member detaches or joins it before it returns, so that the member
    /// never has one for long: `m_thread = std::jthread(work); m_thread.detach();`.
    fn is_let_go_at_once(&self, class: TypeId, field: &str) -> bool {
        let key = Key {
            root: KeyRoot::Object(class),
            path: vec![field.into()],
        };
        let has_first_value = self
            .field(class, field)
            .is_some_and(|found| matches!(found.field.init, Some(Value::Unknown)));
        let assigned = self.assignments(&key);
        let nothing = |value: &Value| matches!(value, Value::Null | Value::Const(0));
        let mut given = assigned
            .iter()
            .filter(|(.., value)| !nothing(value))
            .peekable();
        !has_first_value
            && given.peek().is_some()
            && given.all(|&(function, ..)| {
                self.settles(function, Watched::Member(field), Ways::Given, None, 1)
            })
    }

    /// Takes from the calls of a function the ends that come after the object was settled: `worker.join();
    /// worker.reset();`, and the end of a local that was joined.
    pub(super) fn without_settled(&self, id: FnId, calls: &mut Vec<Call>) {
        let joins = |effect: &CallEffect| {
            matches!(effect, CallEffect::Type(..))
                && matches!(
                    effect.effect(),
                    Effect::Wait {
                        class: WaitClass::Thread,
                        ..
                    }
                )
        };
        for call in calls
            .iter_mut()
            .filter(|call| call.effects.iter().any(joins))
        {
            let place = match &self.function(id).stmt(call.stmt).kind {
                StmtKind::Drop { place, .. } | StmtKind::Assign { to: place, .. } => place.clone(),
                StmtKind::Call {
                    callee:
                        Callee::Method {
                            receiver: Value::Place(place),
                            ..
                        },
                    ..
                } => place.clone(),
                _ => continue,
            };
            if self.settles(
                id,
                Watched::Place(&place),
                Ways::All(Some(call.stmt)),
                None,
                DEEPEST_STOP,
            ) {
                call.effects.retain(|effect| !joins(effect));
            }
        }
        calls.retain(|call| {
            !call.effects.is_empty()
                || !call.targets.is_empty()
                || !matches!(
                    self.function(id).stmt(call.stmt).kind,
                    StmtKind::Drop { .. } | StmtKind::Assign { .. }
                )
        });
    }

    /// Whether every way that is asked about passes a statement that settles the place before the function returns.
    fn settles(
        &self,
        id: FnId,
        watched: Watched,
        ways: Ways,
        wanted: Option<Settled>,
        depth: u8,
    ) -> bool {
        let body = self.function(id);
        if depth == 0 || body.blocks.is_empty() {
            return false;
        }
        let mut seen = vec![false; body.blocks.len()];
        let (mut pending, until): (Vec<(BlockId, usize)>, Option<StmtId>) = match ways {
            Ways::All(until) => (vec![(BlockId(0), 0)], until),
            Ways::Given => (Vec::new(), None),
        };
        let mut settles_at_all = false;
        for (number, block) in body.blocks.iter().enumerate() {
            for (index, &stmt) in block.stmts.iter().enumerate() {
                settles_at_all |= self.settles_here(id, stmt, watched, wanted, depth);
                if let StmtKind::Assign { to, value } = &body.stmt(stmt).kind
                    && watched.is(to)
                    && !matches!(value, Value::Null | Value::Const(0))
                {
                    pending.push((BlockId(number as u32), index + 1));
                }
            }
        }
        if !settles_at_all || pending.is_empty() {
            return false;
        }
        while let Some((block, from)) = pending.pop() {
            let mut stopped = false;
            for &stmt in body.block(block).stmts.iter().skip(from) {
                if Some(stmt) == until {
                    return false;
                }
                if self.settles_here(id, stmt, watched, wanted, depth) {
                    stopped = true;
                    break;
                }
            }
            if stopped {
                continue;
            }
            if body.block(block).next.is_empty() && until.is_none() {
                return false;
            }
            for edge in &body.block(block).next {
                if !edge
                    .when
                    .iter()
                    .any(|guard| self.finds_nothing(id, guard, watched))
                    && !std::mem::replace(&mut seen[edge.to.0 as usize], true)
                {
                    pending.push((edge.to, 0));
                }
            }
        }
        true
    }

    /// Whether a guard says that there is nothing in the place: `if (m_thread.joinable())`, `if (!m_worker)`.
    fn finds_nothing(&self, id: FnId, guard: &Guard, watched: Watched) -> bool {
        let Cond::Compare {
            left,
            op: op @ (Op::Eq | Op::Ne),
            right: Value::Null | Value::Const(0),
        } = &guard.cond
        else {
            return false;
        };
        if (*op == Op::Eq) != guard.holds {
            return false;
        }
        match left {
            Value::Place(place) => watched.is(place),
            Value::Result(stmt) => matches!(
                &self.function(id).stmt(*stmt).kind,
                StmtKind::Call { callee: Callee::Method { receiver, .. }, args }
                    if args.is_empty() && watched.is_value(receiver)
            ),
            _ => false,
        }
    }

    fn settles_here(
        &self,
        id: FnId,
        stmt: StmtId,
        watched: Watched,
        wanted: Option<Settled>,
        depth: u8,
    ) -> bool {
        let fits = |how: Settled| wanted.is_none_or(|wanted| wanted == how);
        match &self.function(id).stmt(stmt).kind {
            StmtKind::Assign { to, value } => {
                // `std::jthread worker = std::move(m_worker);`, and in a destructor `m_worker = nullptr;`.
                let moved = watched.is_value(value) && self.takes_over(id, to, value);
                let emptied = watched.is(to) && self.empties(id, stmt);
                (moved || emptied) && fits(Settled::Emptied)
            }
            StmtKind::Call {
                callee: Callee::Method { receiver, name },
                args,
            } => {
                if watched.is_value(receiver) {
                    return self
                        .settling_method(id, receiver, name, args)
                        .is_some_and(fits);
                }
                let own = matches!(receiver, Value::Place(Place { root: Root::This, path }) if path.is_empty());
                own && self.owner(id).is_some_and(|class| {
                    self.all_settle(
                        &self.find_methods(class, name, Some(args.len())),
                        watched,
                        wanted,
                        depth,
                    )
                })
            }
            StmtKind::Call {
                callee: Callee::Named(name),
                args,
            } if !name.contains("::") && self.owner(id).is_some() => self.all_settle(
                &self.resolve_function(id, name, Some(args.len())),
                watched,
                wanted,
                depth,
            ),
            _ => false,
        }
    }

    /// Whether methods of the same object all settle one of its members.
    fn all_settle(
        &self,
        methods: &[FnId],
        watched: Watched,
        wanted: Option<Settled>,
        depth: u8,
    ) -> bool {
        let watched = match watched {
            Watched::Member(_) => watched,
            Watched::Place(place) => match (&place.root, &place.path[..]) {
                (Root::This, [field]) => Watched::Member(field),
                _ => return false,
            },
        };
        !methods.is_empty()
            && methods.len() <= 4
            && methods.iter().all(|&method| {
                self.function(method).has_this
                    && self.settles(method, watched, Ways::All(None), wanted, depth - 1)
            })
    }

    /// What a method of a library type does to the object that it is called on.
    fn settling_method(
        &self,
        id: FnId,
        receiver: &Value,
        name: &str,
        args: &[Value],
    ) -> Option<Settled> {
        let (text, unit) = self.type_of_value(id, receiver)?;
        let (base, _) = types::split_template(name);
        for (text, unit) in self.led_types(&text, unit) {
            if self.class_of_text(&text, unit).is_some() {
                return None;
            }
            let expanded = self.expand_alias(&text, unit);
            for spelling in self.spellings(&types::parse(&expanded).base, unit) {
                let method = format!("{spelling}::{base}");
                let mut found = None;
                for row in self.api.rows(&method, args.len(), self.lang(id)) {
                    for effect in &row.effects {
                        match effect.effect {
                            Effect::Wait {
                                class: WaitClass::Thread,
                                on: Some(Arg::This),
                                timeout: None,
                                timeout_pointer: None,
                                bounded: false,
                                ..
                            }
                            | Effect::Detach { handle: Arg::This } => {
                                found = Some(Settled::Joined);
                            }
                            Effect::Leak { pointer: Arg::This } => found = Some(Settled::Emptied),
                            _ => {}
                        }
                    }
                }
                if found.is_some() {
                    return found;
                }
            }
            if self
                .type_row(&text, unit)
                .is_some_and(|row| !row.shared && row.ends.iter().any(|ends| **ends == *base))
            {
                return args
                    .iter()
                    .all(|arg| *arg == Value::Null)
                    .then_some(Settled::Emptied);
            }
        }
        None
    }

    /// Whether an assignment moves an owner's object into another owner: by value, of a type that has no copies.
    fn takes_over(&self, id: FnId, to: &Place, value: &Value) -> bool {
        let by_value = match to.root {
            Root::Local(index) if to.path.is_empty() => self
                .function(id)
                .locals
                .get(index as usize)
                .is_some_and(|local| !local.type_text.contains(['&', '*'])),
            _ => true,
        };
        by_value
            && self
                .type_of_value(id, value)
                .and_then(|(text, unit)| self.type_row(&text, unit))
                .is_some_and(|row| {
                    !row.shared && (!row.destructor.is_empty() || !row.owns.is_empty())
                })
    }

    /// Whether a statement empties an owner: in a destructor one among the object's members (`m_worker = nullptr`,
    /// `m_thread = {}`), elsewhere one that can hold an object and was not handed on before. A constructor only gives it its
    /// first value.
    pub(super) fn empties(&self, id: FnId, stmt: StmtId) -> bool {
        let kind = self.function(id).kind;
        if matches!(kind, FunctionKind::Ctor | FunctionKind::Initializer) {
            return false;
        }
        let StmtKind::Assign {
            to,
            value: Value::Null | Value::Const(0),
        } = &self.function(id).stmt(stmt).kind
        else {
            return false;
        };
        matches!(to.root, Root::This | Root::Global(_))
            && self
                .type_of_place(id, to)
                .filter(|(text, unit)| {
                    !self.is_pointer_like(text, *unit) && self.class_of_text(text, *unit).is_none()
                })
                .and_then(|(text, unit)| self.type_row(&text, unit))
                .is_some_and(|row| {
                    let holds_one = row.leads_to.is_some() && row.owns.len() == 1;
                    let ends_itself = kind == FunctionKind::Dtor
                        && (!row.destructor.is_empty() || row.leads_to.is_some());
                    !row.shared && (holds_one || ends_itself)
                })
            && (kind == FunctionKind::Dtor || !self.is_handed_on(id, to, stmt))
    }

    /// Whether a place was handed on as it is before a statement: `Keep(std::move(m_worker)); m_worker = nullptr;`.
    fn is_handed_on(&self, id: FnId, place: &Place, before: StmtId) -> bool {
        let is_it = |value: &Value| matches!(value, Value::Place(other) if other == place);
        let stmts = &self.function(id).stmts;
        stmts[..before.0 as usize]
            .iter()
            .any(|stmt| match &stmt.kind {
                StmtKind::Call { args, .. } => args.iter().any(is_it),
                StmtKind::Assign { value, .. } | StmtKind::Return { value: Some(value) } => {
                    is_it(value)
                }
                _ => false,
            })
    }
}
