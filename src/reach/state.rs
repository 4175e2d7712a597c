//! What is known while a body is walked.

use super::body::read_by;
use super::compared::{Verdict, compare, symbol};
use crate::api::{Arg, Effect, Told};
use crate::entry::Contexts;
use crate::ir::{Cond, Guard, Name, Op, Place, Root, StmtId, StmtKind, Value};
use crate::program::{CallEffect, Constant, FnId, Key, KeyRoot, Program, Site, TypeId};
use crate::source::Lang;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Abstract {
    Unknown,
    Number(i64),
    Null,
    /// One of several numbers above 0, at most this.
    UpTo(i64),
    /// 0, or a number above it, at most this.
    AtMost(i64),
    /// Not 0 and not NULL, else unknown.
    NotZero,
    Function(FnId),
    /// A constant of some system header, of which only the name is known: `WM_CLOSE`.
    Symbol(Name),
    /// The reason code itself.
    Reason,
    /// Not zero exactly in these contexts: `lpReserved`, and what is computed from it.
    Truth(Contexts),
    /// Not zero in the first contexts, zero in the second; in others, unknown.
    Partly(Contexts, Contexts),
}

impl From<Constant> for Abstract {
    fn from(constant: Constant) -> Abstract {
        match constant {
            Constant::Number(number) => Abstract::Number(number),
            Constant::Null => Abstract::Null,
            Constant::Text(_) => Abstract::NotZero,
            Constant::Function(function) => Abstract::Function(function),
        }
    }
}

impl Abstract {
    fn join(&self, other: &Abstract) -> Abstract {
        let most = |value: &Abstract| match value {
            Abstract::Number(number) | Abstract::UpTo(number)
                if (1..0xFFFF_FFFF).contains(number) =>
            {
                Some(*number)
            }
            _ => None,
        };
        match (most(self), most(other)) {
            _ if self == other => self.clone(),
            (Some(a), Some(b)) => Abstract::UpTo(a.max(b)),
            _ => match (self.limit(), other.limit()) {
                (Some(a), Some(b)) => Abstract::AtMost(a.max(b)),
                _ => Abstract::Unknown,
            },
        }
    }

    /// The largest number that it can be, where none is below 0.
    fn limit(&self) -> Option<i64> {
        match self {
            Abstract::Number(number) | Abstract::UpTo(number) | Abstract::AtMost(number) => {
                Some(*number).filter(|number| (0..0xFFFF_FFFF).contains(number))
            }
            _ => None,
        }
    }

    /// Whether it can be all that another can be.
    fn allows(&self, other: &Abstract) -> bool {
        match self {
            Abstract::Unknown => true,
            Abstract::AtMost(most) => other.limit().is_some_and(|limit| limit <= *most),
            _ => self == other,
        }
    }

    /// Whether it is one value, which a comparison can tell nothing more about.
    fn is_one_value(&self) -> bool {
        matches!(
            self,
            Abstract::Number(_)
                | Abstract::Null
                | Abstract::Symbol(_)
                | Abstract::Function(_)
                | Abstract::Reason
        )
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Abstract::Number(number) => Some(*number),
            Abstract::Null => Some(0),
            _ => None,
        }
    }

    /// Whether it is not zero in all of these contexts, or zero in all of them.
    fn truth_in(&self, contexts: Contexts) -> Option<bool> {
        let (set, unset) = match *self {
            Abstract::Truth(set) => (set, Contexts::ALL.but(set)),
            Abstract::Partly(set, unset) => (set, unset),
            _ => return self.truth(),
        };
        if contexts.within(set) {
            Some(true)
        } else {
            contexts.within(unset).then_some(false)
        }
    }

    /// What is learned of something that is one thing in some contexts and another in others. `None` where it is the
    /// same in all of them.
    pub(super) fn told_by(values: &[(Contexts, Abstract)]) -> Option<Abstract> {
        let (mut set, mut unset) = (Contexts(0), Contexts(0));
        let mut is_known = true;
        for (contexts, value) in values {
            match value.truth_in(*contexts) {
                Some(true) => set = set.or(*contexts),
                Some(false) => unset = unset.or(*contexts),
                None => is_known = false,
            }
        }
        let differs = !set.is_empty() && !unset.is_empty();
        (differs || (!is_known && !set.or(unset).is_empty()))
            .then_some(Abstract::Partly(set, unset))
    }

    /// Whether it is not zero, where that is certain.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Abstract::NotZero | Abstract::UpTo(_) | Abstract::Function(_) => Some(true),
            _ => self.number().map(|number| number != 0),
        }
    }
}

/// What a function is entered with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub contexts: Contexts,
    pub params: Vec<Abstract>,
    pub captures: Vec<Abstract>,
    pub statics: BTreeMap<Key, Abstract>,
    /// What a test just before the call has shown of what the function tests itself.
    pub shown: BTreeMap<Key, Abstract>,
    /// What statics are as long as only process attach is left: the same in all states of a walk.
    pub initial: Arc<BTreeMap<Key, Abstract>>,
    /// The value of open `#if` conditions along the path.
    pub config: BTreeMap<Name, bool>,
    /// The class whose constructor or destructor runs on `this`: the object is not more than that.
    pub partial: Option<TypeId>,
    /// The thread holds the loader lock for certain.
    pub under_loader_lock: bool,
}

impl State {
    /// A state in which nothing is known but the contexts, of a function with so many parameters.
    pub fn unknown(contexts: Contexts, params: usize) -> State {
        State {
            contexts,
            params: vec![Abstract::Unknown; params],
            captures: Vec::new(),
            statics: BTreeMap::new(),
            shown: BTreeMap::new(),
            initial: Arc::default(),
            config: BTreeMap::new(),
            partial: None,
            under_loader_lock: false,
        }
    }

    /// Whether everything that this other state of a function allows is allowed here too. What is not known of a parameter
    /// that decides what a call does allows no value of it: such a call does what it does for a known value only.
    pub fn covers(&self, other: &State, program: &Program, function: FnId) -> bool {
        let allows = |(index, (mine, theirs)): (usize, (&Abstract, &Abstract))| {
            mine == theirs || (mine.allows(theirs) && !program.is_deciding(function, index))
        };
        let params = self.params.iter().zip(&other.params);
        other.contexts.within(self.contexts)
            && self.params.len() == other.params.len()
            && params.enumerate().all(allows)
            && (self.captures == other.captures || self.captures.is_empty())
            && (self.partial.is_none() || self.partial == other.partial)
            && (!self.under_loader_lock || other.under_loader_lock)
            && self
                .statics
                .iter()
                .all(|(key, value)| other.statics.get(key) == Some(value))
            && self
                .shown
                .iter()
                .all(|(key, value)| other.shown.get(key) == Some(value))
            && self
                .config
                .iter()
                .all(|(text, value)| other.config.get(text) == Some(value))
    }

    pub fn join(self, other: &State) -> State {
        let params = self
            .params
            .iter()
            .zip(&other.params)
            .map(|(a, b)| a.join(b))
            .collect();
        State {
            contexts: self.contexts.or(other.contexts),
            params,
            captures: Vec::new(),
            statics: agreed(&self.statics, &other.statics),
            shown: agreed(&self.shown, &other.shown),
            initial: self.initial,
            config: agreed(&self.config, &other.config),
            partial: self.partial.filter(|_| self.partial == other.partial),
            under_loader_lock: self.under_loader_lock && other.under_loader_lock,
        }
    }
}

/// What two maps agree on.
pub fn agreed<K: Ord + Clone, V: PartialEq + Clone>(
    a: &BTreeMap<K, V>,
    b: &BTreeMap<K, V>,
) -> BTreeMap<K, V> {
    a.iter()
        .filter(|(key, value)| b.get(key) == Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Adds the conditions among these guards. False where one of them contradicts what is known.
pub fn add_config(config: &mut BTreeMap<Name, bool>, guards: &[Guard]) -> bool {
    guards.iter().all(|guard| match &guard.cond {
        Cond::Config(text) => *config.entry(text.clone()).or_insert(guard.holds) == guard.holds,
        _ => true,
    })
}

/// How many statics a state remembers.
const MOST_STATICS: usize = 12;

/// How many places of a function are remembered at a time. What is known is copied at each branch.
const MOST_LOCALS: usize = 512;

/// What is known at a point of a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Env {
    contexts: Contexts,
    params: Vec<Abstract>,
    captures: Vec<Abstract>,
    locals: BTreeMap<Place, Abstract>,
    statics: BTreeMap<Key, Abstract>,
    /// What tests have shown of statics and members since the last call that can have changed them. Other than what is
    /// assigned, it is handed on only to a function that is called next and that tests the same again.
    shown: BTreeMap<Key, Abstract>,
    initial: Arc<BTreeMap<Key, Abstract>>,
    config: BTreeMap<Name, bool>,
    /// What is known of statics only where an open `#if` condition has this value: it was set in one arm.
    under_config: BTreeMap<(Name, bool, Key), Abstract>,
    /// How many calls deep this is evaluated: getters of getters, and two operators that are written by each other.
    depth: u8,
    under_loader_lock: bool,
}

/// How many calls deep the result of a call is evaluated.
const DEEPEST_CALL: u8 = 4;

impl Env {
    pub fn new(state: &State) -> Env {
        Env {
            contexts: state.contexts,
            params: state.params.clone(),
            captures: state.captures.clone(),
            locals: BTreeMap::new(),
            statics: state.statics.clone(),
            shown: state.shown.clone(),
            initial: state.initial.clone(),
            config: state.config.clone(),
            under_config: BTreeMap::new(),
            depth: 0,
            under_loader_lock: state.under_loader_lock,
        }
    }

    pub fn contexts(&self) -> Contexts {
        self.contexts
    }

    pub fn config(&self) -> &BTreeMap<Name, bool> {
        &self.config
    }

    pub fn statics(&self) -> &BTreeMap<Key, Abstract> {
        &self.statics
    }

    /// The state in which something called here starts. What tests have shown is not handed on by itself: see
    /// `shown_to`.
    pub fn state(&self, params: Vec<Abstract>, captures: Vec<Abstract>) -> State {
        State {
            contexts: self.contexts,
            params,
            captures,
            statics: self.statics.clone(),
            shown: BTreeMap::new(),
            initial: self.initial.clone(),
            config: self.config.clone(),
            partial: None,
            under_loader_lock: self.under_loader_lock,
        }
    }

    pub fn join(&self, other: &Env) -> Env {
        let params = self
            .params
            .iter()
            .zip(&other.params)
            .map(|(a, b)| a.join(b))
            .collect();
        Env {
            contexts: self.contexts.or(other.contexts),
            params,
            captures: self.captures.clone(),
            locals: self
                .locals
                .iter()
                .filter_map(|(place, value)| {
                    let theirs = other.locals.get(place)?;
                    let joined = self
                        .told_apart(value, other, theirs)
                        .unwrap_or_else(|| value.join(theirs));
                    Some((place.clone(), joined))
                })
                .filter(|(_, value)| *value != Abstract::Unknown)
                .collect(),
            statics: agreed(&self.statics, &other.statics),
            shown: agreed(&self.shown, &other.shown),
            initial: self.initial.clone(),
            config: agreed(&self.config, &other.config),
            under_config: self.joined_under_config(other),
            depth: self.depth,
            under_loader_lock: self.under_loader_lock && other.under_loader_lock,
        }
    }

    /// What stays true of statics under one value of a condition, where two paths meet of which one has it and the
    /// other has not.
    fn joined_under_config(&self, other: &Env) -> BTreeMap<(Name, bool, Key), Abstract> {
        let mut facts: BTreeMap<(Name, bool, Key), Abstract> = BTreeMap::new();
        for (one, another) in [(self, other), (other, self)] {
            facts.extend(one.under_config.clone());
            for (text, &holds) in &one.config {
                if another.config.get(text) != Some(&!holds) {
                    continue;
                }
                for (key, value) in &one.statics {
                    if another.statics.get(key) != Some(value) {
                        facts.insert((text.clone(), holds, key.clone()), value.clone());
                    }
                }
            }
        }
        facts.retain(|fact, value| self.implies(fact, value) && other.implies(fact, value));
        while facts.len() > MOST_STATICS {
            facts.pop_last();
        }
        facts
    }

    fn implies(&self, fact: &(Name, bool, Key), value: &Abstract) -> bool {
        let (text, holds, key) = fact;
        self.config.get(text) == Some(&!holds)
            || self.statics.get(key) == Some(value)
            || self.under_config.get(fact) == Some(value)
    }

    /// `reserved == NULL ? 1 : 0`: two values that stand for the contexts in which they were assigned.
    fn told_apart(&self, mine: &Abstract, other: &Env, theirs: &Abstract) -> Option<Abstract> {
        if self.contexts.has(other.contexts) {
            return None;
        }
        match (mine.truth()?, theirs.truth()?) {
            (true, false) => Some(Abstract::Truth(self.contexts)),
            (false, true) => Some(Abstract::Truth(other.contexts)),
            _ => None,
        }
    }

    /// The same without some contexts. `None` where there is no other.
    pub(super) fn outside(&self, contexts: Contexts) -> Option<Env> {
        let left = self.contexts.but(contexts);
        (!left.is_empty()).then(|| Env {
            contexts: left,
            ..self.clone()
        })
    }

    /// Forgets numbers, so that a loop comes to rest.
    pub fn without_values(mut self) -> Env {
        self.locals.clear();
        self.under_config.clear();
        self
    }

    /// What a value is here.
    pub fn evaluate(&self, program: &Program, function: FnId, value: &Value) -> Abstract {
        match value {
            Value::Const(number) => Abstract::Number(*number),
            Value::Null => Abstract::Null,
            Value::Text(_) => Abstract::NotZero,
            Value::Closure(index) => Abstract::Function(program.sibling(function, *index)),
            Value::Cond(cond) => self.evaluate_cond(program, function, cond),
            Value::AddressOf(place) => match program.functions_of(function, value)[..] {
                [only] if matches!(place.root, Root::Global(_)) => Abstract::Function(only),
                // What is behind a reference is compared by its name: `*count == 0`.
                _ if program.lang(function) == Lang::Rust => Abstract::Unknown,
                _ => Abstract::NotZero,
            },
            Value::Or(values) => {
                let mut all = 0;
                for value in values {
                    match self.evaluate(program, function, value).number() {
                        Some(number) => all |= number,
                        None => return Abstract::Unknown,
                    }
                }
                Abstract::Number(all)
            }
            Value::Place(place) => self.evaluate_place(program, function, place),
            Value::Result(stmt) => {
                self.evaluate_place(program, function, &Place::of(Root::Result(*stmt)))
            }
            Value::Unknown => Abstract::Unknown,
        }
    }

    /// What a call that asks about the loader gets for an answer.
    pub(super) fn told(&self, about: Told) -> Abstract {
        match about {
            Told::HoldsLoaderLock if self.under_loader_lock => Abstract::NotZero,
            Told::HoldsLoaderLock => Abstract::Unknown,
            Told::ProcessExit => Abstract::Truth(Contexts::PROCESS_EXIT),
        }
    }

    /// What an object holds here.
    pub(super) fn value_of(&self, program: &Program, function: FnId, place: &Place) -> Abstract {
        self.evaluate_place(program, function, place)
    }

    /// What a call has given.
    pub(super) fn set_result(&mut self, stmt: StmtId, value: Abstract) {
        let place = Place::of(Root::Result(stmt));
        if value == Abstract::Unknown {
            self.locals.remove(&place);
        } else if self.locals.len() < MOST_LOCALS {
            self.locals.insert(place, value);
        }
    }

    /// What tests have shown of what a function that is called here tests, too.
    pub fn shown_to(&self, program: &Program, site: Site, target: FnId) -> BTreeMap<Key, Abstract> {
        if self.shown.is_empty() {
            return BTreeMap::new();
        }
        let on_this = program.is_call_on_this(site);
        let tested = tested_places(program, target);
        self.shown
            .iter()
            .filter(|(key, _)| {
                (on_this || !matches!(key.root, KeyRoot::Object(_))) && tested.contains(key)
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Forgets what tests have shown: something ran that can have changed it. False where nothing was known.
    pub(super) fn forget_shown(&mut self) -> bool {
        let knew = !self.shown.is_empty();
        self.shown.clear();
        knew
    }

    /// Forgets what other threads can change.
    pub(super) fn without_shared(mut self) -> Env {
        self.statics.clear();
        self.shown.clear();
        self.locals
            .retain(|place, _| !matches!(place.root, Root::Result(_)));
        self
    }

    fn evaluate_place(&self, program: &Program, function: FnId, place: &Place) -> Abstract {
        if let Some(known) = self.locals.get(place) {
            return known.clone();
        }
        match &place.root {
            // `self` of Rust can be a value.
            Root::This if place.path.is_empty() && program.lang(function) != Lang::Rust => {
                Abstract::NotZero
            }
            Root::Param(index) if place.path.is_empty() => self
                .params
                .get(*index as usize)
                .cloned()
                .unwrap_or(Abstract::Unknown),
            Root::Capture(index) if place.path.is_empty() => {
                match self.captures.get(*index as usize) {
                    Some(known) => known.clone(),
                    None => program
                        .constant(function, &Value::Place(place.clone()))
                        .map_or(Abstract::Unknown, Abstract::from),
                }
            }
            Root::Global(_) | Root::This | Root::Local(_) => {
                let begins =
                    !self.initial.is_empty() && self.contexts.within(Contexts::PROCESS_ATTACH);
                if (!self.statics.is_empty() || begins)
                    && !matches!(place.root, Root::Local(_))
                    && let Some(key) = program.key(function, place)
                    && let Some(known) = self
                        .statics
                        .get(&key)
                        .or_else(|| self.initial.get(&key).filter(|_| begins))
                {
                    return known.clone();
                }
                if matches!(place.root, Root::Local(_)) {
                    return Abstract::Unknown;
                }
                if !self.shown.is_empty()
                    && let Some(known) =
                        one_object(program, function, place).and_then(|key| self.shown.get(&key))
                {
                    return known.clone();
                }
                match program.constant(function, &Value::Place(place.clone())) {
                    Some(constant) => constant.into(),
                    None => symbol(program, function, place),
                }
            }
            Root::Result(stmt) if place.path.is_empty() => self.evaluate_call(
                program,
                Site {
                    function,
                    stmt: *stmt,
                },
            ),
            _ => Abstract::Unknown,
        }
    }

    /// The result of a call that returns one plain thing: a getter of a flag, a test of a parameter.
    fn evaluate_call(&self, program: &Program, site: Site) -> Abstract {
        if let Some(constant) = program.constant(site.function, &Value::Result(site.stmt)) {
            return constant.into();
        }
        let Some(call) = program.call(site) else {
            return Abstract::Unknown;
        };
        let tells = |effect: &CallEffect| match effect.effect() {
            Effect::Tells {
                about,
                into: Arg::Result,
            } => Some(*about),
            _ => None,
        };
        if let Some(about) = call.effects.iter().find_map(tells) {
            return self.told(about);
        }
        // What a call only hands on: `HandleToLong(g_thread)`. The exchange of an atomic gives what was there before it,
        // which is no longer there.
        let exchanges = |effect: &CallEffect| {
            matches!(
                effect.effect(),
                Effect::Stores {
                    into: Arg::This,
                    ..
                }
            )
        };
        if call.targets.is_empty()
            && self.depth < DEEPEST_CALL
            && !call.effects.iter().any(exchanges)
            && let Some(argument) = call
                .effects
                .iter()
                .find_map(|effect| match effect.effect() {
                    Effect::Passes { argument } => Some(*argument),
                    _ => None,
                })
            && let Some(value @ Value::Place(_)) = program.argument(site, argument)
        {
            return self.evaluate(program, site.function, value);
        }
        let [target] = &call.targets[..] else {
            return Abstract::Unknown;
        };
        let body = program.function(target.function);
        if target.note.is_some()
            || body.blocks.len() > 1
            || body.stmts.len() > 3
            || self.depth >= DEEPEST_CALL
        {
            return Abstract::Unknown;
        }
        let returned = body.stmts.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Return { value: Some(value) } => Some(value),
            _ => None,
        });
        let Some(returned) = returned else {
            return Abstract::Unknown;
        };
        if reads_through(program, target.function, returned, &body.return_type) {
            return Abstract::Unknown;
        }
        let read = match returned {
            // `return flag.load();`
            Value::Result(stmt) => {
                let inner = Site {
                    function: target.function,
                    stmt: *stmt,
                };
                let read = program
                    .call(inner)
                    .and_then(|call| read_by(program, inner, call));
                let Some(place) = read else {
                    return Abstract::Unknown;
                };
                Some(Value::Place(place))
            }
            _ => None,
        };
        let params = match &program.function(site.function).stmt(site.stmt).kind {
            StmtKind::Call { args, .. } => args
                .iter()
                .map(|value| self.evaluate(program, site.function, value))
                .collect(),
            _ => Vec::new(),
        };
        let mut inside = Env::new(&self.state(params, Vec::new()));
        inside.depth = self.depth + 1;
        inside.evaluate(program, target.function, read.as_ref().unwrap_or(returned))
    }

    fn evaluate_cond(&self, program: &Program, function: FnId, cond: &Cond) -> Abstract {
        match self.contexts_of(program, function, cond) {
            Verdict::Always => Abstract::Number(1),
            Verdict::Never => Abstract::Number(0),
            Verdict::In(contexts) => Abstract::Truth(contexts),
            Verdict::Partly { holds, fails } => Abstract::Partly(holds, fails),
            Verdict::Unknown => Abstract::Unknown,
        }
    }

    /// Takes a guard for granted. `None` where it cannot hold.
    pub fn assume(mut self, program: &Program, function: FnId, guard: &Guard) -> Option<Env> {
        match self.contexts_of(program, function, &guard.cond) {
            Verdict::Always => return guard.holds.then_some(self),
            Verdict::Never => return (!guard.holds).then_some(self),
            Verdict::In(contexts) => {
                self.contexts = if guard.holds {
                    self.contexts.and(contexts)
                } else {
                    self.contexts.but(contexts)
                };
                return (!self.contexts.is_empty()).then_some(self);
            }
            Verdict::Partly { holds, fails } => {
                self.contexts = self.contexts.but(if guard.holds { fails } else { holds });
                return (!self.contexts.is_empty()).then_some(self);
            }
            Verdict::Unknown => {}
        }
        match &guard.cond {
            Cond::Config(text) => {
                self.config.insert(text.clone(), guard.holds);
                for ((about, holds, key), value) in std::mem::take(&mut self.under_config) {
                    if about != *text {
                        self.under_config.insert((about, holds, key), value);
                    } else if holds == guard.holds {
                        self.statics.entry(key).or_insert(value);
                    }
                }
            }
            // A local or parameter that was compared is known from here on; a static or member until something can
            // have changed it. What is known already is not forgotten for another name of it, which nothing tells.
            Cond::Compare {
                left: left @ Value::Place(place),
                op: op @ (Op::Eq | Op::Ne),
                right,
            } if (is_private(place) || matches!(place.root, Root::Global(_) | Root::This))
                && !self.evaluate(program, function, left).is_one_value() =>
            {
                let right = self.evaluate(program, function, right);
                let equal = (*op == Op::Eq) == guard.holds;
                let learned = match (&right, equal) {
                    (Abstract::Number(_) | Abstract::Null | Abstract::Symbol(_), true) => {
                        Some(right)
                    }
                    (Abstract::Number(0) | Abstract::Null, false) => Some(Abstract::NotZero),
                    _ => None,
                };
                if let Some(learned) = learned {
                    match place.root {
                        Root::Global(_) | Root::This => {
                            if self.shown.len() < MOST_STATICS
                                && let Some(key) = one_object(program, function, place)
                            {
                                self.shown.insert(key, learned);
                            }
                        }
                        Root::Param(index)
                            if place.path.is_empty() && (index as usize) < self.params.len() =>
                        {
                            self.params[index as usize] = learned
                        }
                        _ => {
                            self.locals.insert(place.clone(), learned);
                        }
                    }
                }
            }
            _ => {}
        }
        Some(self)
    }

    fn contexts_of(&self, program: &Program, function: FnId, cond: &Cond) -> Verdict {
        match cond {
            Cond::Unknown => Verdict::Unknown,
            Cond::Config(text) => match self.config.get(text) {
                Some(true) => Verdict::Always,
                Some(false) => Verdict::Never,
                None => Verdict::Unknown,
            },
            Cond::Compare { left, op, right } => {
                let (left, right) = (
                    self.evaluate(program, function, left),
                    self.evaluate(program, function, right),
                );
                compare(&left, *op, &right)
            }
        }
    }

    /// A place gets a value.
    pub fn assign(&mut self, program: &Program, function: FnId, place: &Place, value: Abstract) {
        if !matches!(place.root, Root::Local(_) | Root::Param(_)) || !place.path.is_empty() {
            // Through a pointer, it may be any of them.
            self.shown.clear();
        }
        match &place.root {
            Root::Param(index) if place.path.is_empty() => {
                if let Some(param) = self.params.get_mut(*index as usize) {
                    *param = value;
                }
            }
            Root::Local(_) | Root::Param(_) | Root::Capture(_) => {
                // What was known of its members is no longer true.
                // They stand right behind it.
                while let Some((known, _)) = self.locals.range(place..).next()
                    && known.root == place.root
                    && known.path.starts_with(&place.path)
                {
                    let known = known.clone();
                    self.locals.remove(&known);
                }
                if value != Abstract::Unknown && self.locals.len() < MOST_LOCALS {
                    self.locals.insert(place.clone(), value);
                }
            }
            Root::Global(_) | Root::This => {
                if let Some(key) = program.key(function, place) {
                    self.under_config.retain(|(_, _, about), _| *about != key);
                    if value == Abstract::Unknown {
                        self.statics.remove(&key);
                    } else if self.statics.len() < MOST_STATICS || self.statics.contains_key(&key) {
                        self.statics.insert(key, value);
                    }
                }
            }
            Root::Result(_) | Root::Unknown => {}
        }
    }
}

/// Whether a value that becomes one of this type is what a pointer points to: `*p` is written as `p` is.
pub(super) fn reads_through(
    program: &Program,
    function: FnId,
    value: &Value,
    type_text: &str,
) -> bool {
    let Value::Place(place) = value else {
        return false;
    };
    let body = program.function(function);
    let from = match place.root {
        Root::Param(index) if place.path.is_empty() => body.params.get(index as usize),
        Root::Local(index) if place.path.is_empty() => body.locals.get(index as usize),
        _ => None,
    };
    let is_value = |text: &str| !text.is_empty() && !text.ends_with('*') && text != "auto";
    from.is_some_and(|from| from.type_text.ends_with('*')) && is_value(type_text)
}

/// The key of a static, of a member of it, or of a member of `this`: one object, where equal keys of others stand for any
/// object of a class. `None` for what is behind an index.
fn one_object(program: &Program, function: FnId, place: &Place) -> Option<Key> {
    if place.path.iter().any(|part| &**part == "[]") {
        return None;
    }
    let mut key = program.key(function, &Place::of(place.root.clone()))?;
    key.path.extend(place.path.iter().cloned());
    matches!(
        key.root,
        KeyRoot::Static(_) | KeyRoot::Name(_) | KeyRoot::Object(_)
    )
    .then_some(key)
}

/// The statics and members that a function compares with something, itself or by a local that holds what they hold.
fn tested_places(program: &Program, function: FnId) -> BTreeSet<Key> {
    let edges = program.function(function).blocks.iter();
    edges
        .flat_map(|block| block.next.iter().flat_map(|edge| &edge.when))
        .filter_map(|guard| match &guard.cond {
            Cond::Compare {
                left: Value::Place(place),
                ..
            } if matches!(place.root, Root::Global(_) | Root::This | Root::Local(_)) => {
                one_object(program, function, place)
            }
            _ => None,
        })
        .collect()
}

/// A place that no other thread or callee changes: not a member of something shared.
fn is_private(place: &Place) -> bool {
    place.path.is_empty() && matches!(place.root, Root::Local(_) | Root::Param(_))
}
