//! Thread pool objects: where they are made, with which callback and context, and what runs in their callbacks.

use super::uses::stored_by_calls;
use super::{Flow, What};
use crate::api::{Arg, Effect, PoolObject, PoolOwner};
use crate::entry;
use crate::ir::{Field, FunctionKind, Place, Root, StmtKind, Value};
use crate::program::endings::Deleter;
use crate::program::{FnId, Key, KeyRoot, Meaning, Program, Site, StaticId};
use crate::source::Lang;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;

/// A thread pool object's creation.
#[derive(Clone, Debug)]
pub struct PoolSite {
    pub kind: PoolObject,
    pub site: Site,
    /// Where the object is kept; none for fire-and-forget work.
    pub key: Option<Key>,
    pub callbacks: Vec<FnId>,
    pub context: Option<Value>,
    /// The function in which `context` is a value: that of the site, or of the wrapper that makes the object for it.
    pub context_in: FnId,
    /// Creating it arms it.
    pub armed: bool,
    /// Its environment, where it has one.
    pub env: Option<Value>,
}

impl Flow<'_, '_> {
    pub(super) fn find_pool(&mut self) {
        let program = self.program;
        let mut pool = Vec::new();
        for id in program.ids() {
            for call in program.calls(id) {
                let site = Site {
                    function: id,
                    stmt: call.stmt,
                };
                for effect in &call.effects {
                    let Effect::TpCreate {
                        object_kind,
                        object,
                        callback,
                        context,
                        env,
                        armed,
                        ..
                    } = effect.effect()
                    else {
                        continue;
                    };
                    let key = object.and_then(|object| self.key_of(site, object));
                    let env = env.map(|env| program.argument_value(site, env));
                    let callback = program.argument_value(site, *callback);
                    let context = context.map(|context| program.argument_value(site, context));
                    let made = PoolSite {
                        kind: *object_kind,
                        site,
                        key,
                        callbacks: program.functions_of(id, &callback),
                        context,
                        context_in: id,
                        armed: *armed,
                        env: env.filter(|env| {
                            program
                                .constant(id, env)
                                .is_none_or(|constant| !constant.is_zero())
                        }),
                    };
                    let wrapped = self.made_by_callers(&made, &callback);
                    if wrapped.is_empty() {
                        pool.push(made);
                    } else {
                        pool.extend(wrapped);
                    }
                }
            }
        }
        for site in &pool {
            for &callback in &site.callbacks {
                self.below
                    .entry(callback)
                    .or_insert_with(|| below(program, callback));
            }
        }
        self.pool = pool;
    }

    /// The creations by a wrapper that gets its callback from its callers: one for each of them.
    fn made_by_callers(&self, made: &PoolSite, callback: &Value) -> Vec<PoolSite> {
        if !made.callbacks.is_empty() {
            return Vec::new();
        }
        let program = self.program;
        program
            .handed_in(made.site, callback, &|function, value| {
                !program.functions_of(function, value).is_empty()
            })
            .into_iter()
            .map(|(caller, value)| {
                let context = made
                    .context
                    .as_ref()
                    .map(|context| entry::given_by(program, made.site, caller, context));
                // What the wrapper returns is the caller's object.
                let returned = program.function(made.site.function).stmts.iter().any(|stmt| {
                    matches!(&stmt.kind, StmtKind::Return { value: Some(value) }
                        if made.key.is_some() && program.key_of_value(made.site.function, value) == made.key)
                });
                PoolSite {
                    key: if returned {
                        self.key_of(caller, Arg::Result)
                    } else {
                        made.key.clone()
                    },
                    site: caller,
                    callbacks: program.functions_of(caller.function, &value),
                    context_in: context
                        .as_ref()
                        .map_or(made.context_in, |context| context.0),
                    context: context.map(|context| context.1),
                    ..made.clone()
                }
            })
            .collect()
    }

    /// The creations of an object.
    pub fn creations(&self, key: &Key) -> impl Iterator<Item = &PoolSite> {
        self.pool
            .iter()
            .filter(move |site| site.key.as_ref() == Some(key))
    }

    /// The static that a call's object is a member of, where the call names it: keys do not tell objects of one class apart.
    pub fn static_around(&self, site: Site, object: Arg) -> Option<StaticId> {
        let program = self.program;
        let place = match object {
            Arg::Result => self.stored_in(site)?.clone(),
            _ => program.argument_value(site, object).place()?,
        };
        let Root::Global(name) = &place.root else {
            return None;
        };
        let Meaning::Static(id) = program.meaning(site.function, name) else {
            return None;
        };
        let object = program.static_def(id);
        let is_whole = !object.is_extern
            && !program.is_pointer_like(&object.type_text, program.static_unit(id));
        is_whole.then_some(id)
    }

    /// The member that is an owner of a thread pool object, a library's or one with a deleter, where the end of the object
    /// around it is all that closes it, and what that does.
    pub fn closed_by_owner(&self, key: &Key) -> Option<(&Field, PoolOwner)> {
        let program = self.program;
        let KeyRoot::Object(class) = key.root else {
            return None;
        };
        let [name] = &key.path[..] else {
            return None;
        };
        let member = program.field(class, name)?;
        let (text, unit) = (&member.field.type_text, program.type_unit(member.owner));
        let row = program.type_row(text, unit)?;
        let owner = match &row.pool {
            Some(owner) => owner.clone(),
            None => self.owner_by_deleter(key, text, unit)?,
        };
        if self.everywhere(What::Close, key).next().is_some() {
            return None;
        }
        // A destructor that turns the source of the signals off leaves nothing to come.
        let turned_off = program.class_chain(class).iter().any(|&class| {
            program.methods(class).iter().any(|&method| {
                program.function(method).kind == FunctionKind::Dtor
                    && program.calls(method).iter().any(|call| {
                        call.effects
                            .iter()
                            .any(|effect| matches!(effect.effect(), Effect::SourceOff))
                    })
            })
        });
        (!turned_off).then_some((member.field, owner))
    }

    /// What an owner's deleter does to a thread pool object; none where it does not close it.
    fn owner_by_deleter(&self, key: &Key, text: &str, unit: u32) -> Option<PoolOwner> {
        let program = self.program;
        let kind = self.creations(key).next()?.kind;
        let does: Vec<What> = match program.deleter(text, unit)? {
            Deleter::Functions(functions) => functions
                .iter()
                .flat_map(|&function| self.events(function))
                .map(|event| event.what)
                .collect(),
            Deleter::Named(name) => program
                .api
                .rows(&name, 1, Lang::Cpp)
                .flat_map(|row| &row.effects)
                .filter_map(|row| match row.effect {
                    Effect::TpClose { .. } => Some(What::Close),
                    Effect::TpDrain { .. } => Some(What::Drain),
                    Effect::TpDisarm { .. } => Some(What::Disarm),
                    _ => None,
                })
                .collect(),
        };
        does.contains(&What::Close).then(|| PoolOwner {
            kind,
            disarms: does.contains(&What::Disarm),
            waits: does.contains(&What::Drain),
        })
    }

    /// The cleanup groups that the environment of a creation names.
    pub fn groups_of(&self, creation: &PoolSite) -> Vec<Key> {
        let program = self.program;
        let Some(env) = &creation.env else {
            return Vec::new();
        };
        let Some(env) = program.key_of_value(creation.site.function, env) else {
            return Vec::new();
        };
        // A timer of the old API names its queue, which ends it as a group ends its members.
        if creation.kind == PoolObject::LegacyTimer {
            return vec![env];
        }
        program
            .effects()
            .filter_map(|(site, effect)| match effect.effect() {
                Effect::TpEnv {
                    env: set,
                    group: Some(group),
                    ..
                } if self.key_of(site, *set).as_ref() == Some(&env) => self.key_of(site, *group),
                _ => None,
            })
            .collect()
    }

    /// Whether the environment of a creation keeps a module loaded while callbacks run.
    pub fn has_library(&self, creation: &PoolSite) -> bool {
        let program = self.program;
        let env = creation
            .env
            .as_ref()
            .and_then(|env| program.key_of_value(creation.site.function, env));
        env.is_some_and(|env| {
            program
                .effects()
                .any(|(site, effect)| match effect.effect() {
                    Effect::TpEnv {
                        env: set,
                        library: Some(_),
                        ..
                    } => self.key_of(site, *set).as_ref() == Some(&env),
                    _ => false,
                })
        })
    }

    /// Whether a function runs inside a callback of this creation.
    pub fn is_inside_callback(&self, site: &PoolSite, function: FnId) -> bool {
        site.callbacks.iter().any(|callback| {
            self.below
                .get(callback)
                .is_some_and(|below| below.contains(&function))
        })
    }

    /// The functions that run inside a callback of the pool, sorted.
    pub fn inside_callbacks(&self) -> Vec<FnId> {
        let mut all: Vec<FnId> = self.below.values().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The other places that an object is kept in, where its creation is stored in several (a member, and the context that
/// its callback gets): each with the one that stands for all.
pub(super) fn find_aliases(program: &Program) -> FxHashMap<Key, Key> {
    let mut aliases = FxHashMap::default();
    for id in program.ids() {
        for call in program.calls(id) {
            let creates = call.effects.iter().any(|effect| {
                matches!(
                    effect.effect(),
                    Effect::TpCreate {
                        object: Some(Arg::Result),
                        ..
                    }
                )
            });
            if !creates {
                continue;
            }
            let places = kept_in(program, id, &Place::of(Root::Result(call.stmt)));
            let mut places = places.into_iter();
            if let Some(first) = places.next() {
                aliases.extend(places.map(|other| (other, first.clone())));
            }
        }
    }
    aliases
}

/// The members and statics that a value of a function is stored to, itself or through a local.
fn kept_in(program: &Program, function: FnId, value: &Place) -> BTreeSet<Key> {
    let body = program.function(function);
    let mut holders = vec![value.clone()];
    let mut kept = BTreeSet::new();
    for stmt in &body.stmts {
        if let StmtKind::Assign { to, value } = &stmt.kind
            && value.place().is_some_and(|place| holders.contains(&place))
        {
            match program.key_of_target(function, to) {
                Some(key) if key.is_global() => {
                    kept.insert(key);
                }
                _ if matches!(to.root, Root::Local(_)) && to.path.is_empty() => {
                    holders.push(to.clone());
                }
                _ => {}
            }
        }
    }
    for (site, into, value) in stored_by_calls(program, function) {
        if program
            .argument_value(site, value)
            .place()
            .is_some_and(|place| holders.contains(&place))
            && let Some(place) = program.argument_value(site, into).place()
            && let Some(key) = program.key(function, &place)
            && key.is_global()
        {
            kept.insert(key);
        }
    }
    kept
}

/// Everything that runs when a function runs.
fn below(program: &Program, function: FnId) -> FxHashSet<FnId> {
    let mut all: FxHashSet<_> = [function].into_iter().collect();
    let mut pending = vec![function];
    while let Some(next) = pending.pop() {
        for call in program.calls(next) {
            let site = Site {
                function: next,
                stmt: call.stmt,
            };
            let run_here = call
                .effects
                .iter()
                .filter_map(|effect| match effect.effect() {
                    Effect::RunsHere { argument } => {
                        Some(program.functions_of(next, &program.argument_value(site, *argument)))
                    }
                    _ => None,
                });
            let targets: Vec<FnId> = call
                .targets
                .iter()
                .map(|target| target.function)
                .chain(run_here.flatten())
                .chain(program.handed_methods(site))
                .collect();
            for target in targets {
                if all.len() < 4096 && all.insert(target) {
                    pending.push(target);
                }
            }
        }
    }
    all
}
