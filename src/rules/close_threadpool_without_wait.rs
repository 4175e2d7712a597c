//! A thread pool object that is closed, and whose context ends, with no wait for a callback that still runs. See
//! `rules/close_threadpool_without_wait.md`.

use super::{Engines, Finding, Findings, outer_label, remedy, the_callback};
use crate::api::{Effect, PoolObject};
use crate::diagnostic::{Fix, Label, Role};
use crate::flow::{Event, PoolSite, What};
use crate::ir::{Callee, FunctionKind, Name, Place, Root, StmtKind, Value};
use crate::program::{FnId, Key, KeyRoot, Site};
use crate::reach::add_config;
use crate::syntax::c::is_scalar;
use std::collections::{BTreeMap, BTreeSet};

pub fn check(engines: &Engines, findings: &mut Findings) {
    for id in engines.program.own_ids() {
        let closes = engines
            .flow
            .events(id)
            .iter()
            .filter(|event| event.what == What::Close && event.site.function == id);
        for close in closes {
            judge(engines, findings, id, close);
        }
        // A wrapper that closes its parameter closes at its call sites.
        let wrapped = engines
            .flow
            .events(id)
            .iter()
            .filter(|event| event.what == What::Close && event.site.function != id);
        for close in wrapped {
            let inner = engines
                .flow
                .events(close.site.function)
                .iter()
                .find(|event| event.what == What::Close && event.site == close.site);
            // Whose member it is that a macro closes, only its use tells.
            if inner.is_some_and(|inner| {
                matches!(inner.key.root, KeyRoot::Param(..))
                    && (inner.key.path.is_empty() || is_use_of_macro(engines, id, close))
            }) {
                judge(engines, findings, id, close);
            }
        }
    }
    judge_members(engines, findings);
}

/// Whether an event comes about in a macro that a function uses itself.
fn is_use_of_macro(engines: &Engines, function: FnId, event: &Event) -> bool {
    let program = engines.program;
    let is_macro = |id: FnId| program.function(id).kind == FunctionKind::Macro;
    let used = program.call(Site {
        function,
        stmt: event.stmt,
    });
    !is_macro(function)
        && is_macro(event.site.function)
        && used.is_some_and(|call| call.targets.iter().all(|target| is_macro(target.function)))
}

/// Looks at members whose own destructor closes and does not wait, while the callback works on the object around them.
fn judge_members(engines: &Engines, findings: &mut Findings) {
    let flow = &engines.flow;
    let mut reported = BTreeSet::new();
    for creation in &flow.pool {
        let Some(key) = &creation.key else {
            continue;
        };
        let Some((member, owner)) = flow.closed_by_owner(key) else {
            continue;
        };
        let creations: Vec<&PoolSite> = flow.creations(key).collect();
        let armed = creations.iter().any(|creation| creation.armed)
            || flow.everywhere(What::Arm, key).next().is_some();
        let around = Key::of(key.root.clone());
        let on_itself = creation.context.as_ref().is_some_and(|context| {
            flow.lifetime_key(creation.context_in, context).as_ref() == Some(&around)
                && !is_number(engines, creation.context_in, context)
        });
        if owner.waits
            || !armed
            || !on_itself
            || !engines.program.is_own_file(member.span.file)
            || flow.everywhere(What::Drain, key).next().is_some()
            || creations.iter().any(|creation| {
                creation.callbacks.is_empty() || !flow.groups_of(creation).is_empty()
            })
            || is_counted(engines, key, &creations)
            || ends_in_callback(engines, creation, key)
            || !reported.insert(member.span)
        {
            continue;
        }
        let (object, drain) = kind_words(creation.kind);
        let callback = engines.program.describe(creation.callbacks[0]);
        findings.add(Finding {
            rule: "close_threadpool_without_wait",
            message: format!(
                "the destructor of `{}` closes {object} without waiting for {}, and its context, the object around it, is being destroyed",
                member.name,
                the_callback(&callback)
            ),
            primary: outer_label(
                member.span,
                "its destructor does not wait for a running callback",
                Role::Primary,
            ),
            steps: Vec::new(),
            related: vec![engines.label(
                creation.site,
                format!("{} gets its context here", the_callback(&callback)),
                Role::Related,
            )],
            help: if is_static_of_dll(engines, &around) {
                format!(
                    "in an exported stop function, which the host calls before FreeLibrary, call {drain}, then reset `{}`; not in the destructor of the static, which runs under the loader lock",
                    member.name
                )
            } else {
                format!(
                    "in the destructor of the object around it call {drain}; or keep it in an owner that does so"
                )
            },
            notes: vec![
                "the close returns at once: a callback that is running, or already queued, goes on and uses the object after it has ended".to_string(),
            ],
            minor: false,
        });
    }
}

/// Whether an object can be a static of a DLL: what its destructor waits for, it waits for under the loader lock.
fn is_static_of_dll(engines: &Engines, object: &Key) -> bool {
    let program = engines.program;
    let KeyRoot::Object(class) = object.root else {
        return false;
    };
    engines.may_be_dll()
        && program.static_ids().any(|id| {
            let text = &program.static_def(id).type_text;
            program.class_of_text(text, program.static_unit(id)) == Some(class)
        })
}

/// Whether a callback ends the object around its own thread pool object: then the close is its own, which is allowed.
fn ends_in_callback(engines: &Engines, creation: &PoolSite, key: &Key) -> bool {
    let KeyRoot::Object(class) = key.root else {
        return false;
    };
    engines.program.ids().any(|id| {
        engines.flow.is_inside_callback(creation, id)
            && (0..engines.program.function(id).stmts.len() as u32).any(|stmt| {
                let stmt = crate::ir::StmtId(stmt);
                engines
                    .program
                    .ends_object(Site { function: id, stmt }, class)
            })
    })
}

/// Whether what was given up (`Box::into_raw`, `release()`) is freed by others than the callback, who then owns nothing.
fn is_taken_back(engines: &Engines, creations: &[&PoolSite], key: &Key) -> bool {
    let mut freed = engines.flow.everywhere(What::Free, key).peekable();
    freed.peek().is_some()
        && freed.all(|(function, _)| {
            creations
                .iter()
                .all(|creation| !engines.flow.is_inside_callback(creation, function))
        })
}

/// How the context ends.
struct Ended {
    what: String,
    label: Option<Label>,
}

fn judge(engines: &Engines, findings: &mut Findings, function: FnId, close: &Event) {
    if close.key.path.iter().any(|part| &**part == "[]") {
        return;
    }
    let flow = &engines.flow;
    let mut creations: Vec<&PoolSite> = flow.creations(&close.key).collect();
    let is_queue = creations.is_empty();
    if is_queue {
        creations = timers_of_queue(engines, &close.key);
    }
    if creations.is_empty()
        || creations
            .iter()
            .any(|creation| creation.callbacks.is_empty())
    {
        return;
    }
    if !may_be_armed(engines, function, close, &creations) {
        return;
    }
    // A reference on the context, taken where the object is created or armed, keeps it alive.
    if is_counted(engines, &close.key, &creations) {
        return;
    }
    let grouped = creations.iter().any(|creation| {
        flow.groups_of(creation)
            .iter()
            .any(|group| flow.everywhere(What::CloseGroup, group).next().is_some())
    });
    if grouped {
        return;
    }
    for chain in flow.caller_chains(function) {
        // Its own callback may close it: the pool frees it after the callback has returned.
        let outermost = chain.last().map_or(function, |site| site.function);
        if creations
            .iter()
            .any(|creation| flow.is_inside_callback(creation, outermost))
        {
            continue;
        }
        let functions: Vec<FnId> = std::iter::once(function)
            .chain(chain.iter().map(|site| site.function))
            .collect();
        let places: Vec<(FnId, crate::ir::StmtId)> = std::iter::once((function, close.stmt))
            .chain(chain.iter().map(|site| (site.function, site.stmt)))
            .collect();
        let drained = |&(function, stmt): &(FnId, crate::ir::StmtId)| {
            flow.events(function).iter().any(|event| {
                // A close that waits itself, or a wait that comes before.
                event.what == What::Drain
                    && event.key == close.key
                    && (event.site == close.site
                        || (event.stmt != stmt && flow.can_follow(function, event.stmt, stmt))
                        || (event.stmt == stmt && function != close.site.function))
            })
        };
        if places.iter().any(drained) {
            continue;
        }
        // Open world: what another function of the class or file waits for counts as done before.
        if flow.elsewhere(function, What::Drain, &close.key, &functions) {
            continue;
        }
        let ended = creations.iter().find_map(|creation| {
            context_ends(engines, creation, &places).map(|ended| (*creation, ended))
        });
        let Some((creation, ended)) = ended else {
            continue;
        };
        let signalled = flow.waited_between(function, close.stmt, &close.key);
        // The pool itself signals when the callback has returned: whoever has waited for that is past all of it.
        if signalled && (is_queue || signals_on_return(engines, creation)) {
            return;
        }
        // `DeleteTimerQueueEx(queue, event)`, and the event is waited for.
        let waits_after = flow.events(function).iter().any(|event| {
            event.what == What::Wait && flow.can_follow(function, close.stmt, event.stmt)
        });
        if is_queue && waits_after {
            return;
        }
        let fix = if is_queue {
            None
        } else {
            remedy::wait_before_close(engines, function, close, &creations)
        };
        report(
            engines, findings, function, close, creation, &chain, ended, signalled, fix,
        );
        return;
    }
}

/// The timers of the old API that end with a queue, where no one of them is waited for by itself.
fn timers_of_queue<'e>(engines: &'e Engines, queue: &Key) -> Vec<&'e PoolSite> {
    let flow = &engines.flow;
    let timers: Vec<&PoolSite> = flow
        .pool
        .iter()
        .filter(|creation| {
            creation.kind == PoolObject::LegacyTimer && flow.groups_of(creation).contains(queue)
        })
        .collect();
    let waited = timers.iter().any(|timer| {
        timer
            .key
            .as_ref()
            .is_none_or(|key| flow.everywhere(What::Drain, key).next().is_some())
    });
    if waited { Vec::new() } else { timers }
}

/// Whether a callback has the pool signal something after it has returned (SetEventWhenCallbackReturns).
fn signals_on_return(engines: &Engines, creation: &PoolSite) -> bool {
    engines.program.ids().any(|id| {
        engines.flow.is_inside_callback(creation, id)
            && engines.program.calls(id).iter().any(|call| {
                call.effects
                    .iter()
                    .any(|effect| matches!(effect.effect(), Effect::SignalOnReturn { .. }))
            })
    })
}

/// Whether a callback may be coming when the close runs: the object was armed on a path that reaches it.
fn may_be_armed(engines: &Engines, function: FnId, close: &Event, creations: &[&PoolSite]) -> bool {
    let flow = &engines.flow;
    let arms: Vec<(FnId, &Event)> = flow.everywhere(What::Arm, &close.key).collect();
    let armed_at_creation = creations.iter().any(|creation| creation.armed);
    if arms.is_empty() && !armed_at_creation {
        return false;
    }
    // Undoing a creation: the object was made in this run of the function and not armed since.
    let made_here = flow
        .before(function, close.stmt, What::Create, &close.key)
        .is_some();
    if made_here {
        return flow.armed_since(function, close.stmt, &close.key) || armed_at_creation;
    }
    let local = matches!(close.key.root, KeyRoot::Local(..) | KeyRoot::Result(..));
    !local
        || arms.iter().any(|(other, arm)| {
            *other == function && flow.can_follow(function, arm.stmt, close.stmt)
        })
}

fn is_counted(engines: &Engines, object: &Key, creations: &[&PoolSite]) -> bool {
    let contexts: Vec<Key> = creations
        .iter()
        .filter_map(|creation| {
            let context = creation.context.as_ref()?;
            engines.flow.lifetime_key(creation.context_in, context)
        })
        .collect();
    // A static is no context's count: `InterlockedIncrement(&g_started)`.
    let is_statistic = |key: &Key| {
        matches!(key.root, KeyRoot::Static(_))
            && !contexts.iter().any(|context| context.root == key.root)
    };
    // A method of the program's own counts only for its own object; what the table knows gives the context away.
    let counts = |function: FnId| {
        engines.flow.events(function).iter().any(|event| {
            let call = engines.program.call(event.site);
            let own = call.is_some_and(|call| !call.targets.is_empty());
            let leaks = call.is_some_and(|call| {
                call.effects
                    .iter()
                    .any(|effect| matches!(effect.effect(), Effect::Leak { .. }))
            });
            event.what == What::Counted
                && (!own || contexts.contains(&event.key))
                && !is_statistic(&event.key)
                && !(leaks && is_taken_back(engines, creations, &event.key))
        })
    };
    creations
        .iter()
        .any(|creation| counts(creation.site.function))
        || engines
            .flow
            .everywhere(What::Arm, object)
            .any(|(function, _)| counts(function))
}

/// Whether a context is a number or a handle that a member holds: it is read from the object, and does not lead to it.
fn is_number(engines: &Engines, function: FnId, context: &Value) -> bool {
    let Value::Place(place) = context else {
        return false;
    };
    let of_member = !place.path.is_empty() || matches!(place.root, Root::Global(_));
    of_member
        && engines
            .program
            .type_of_place(function, place)
            .is_some_and(|(text, _)| {
                !text.contains(['*', '&', '[']) && is_scalar(text.trim_start_matches("const "))
            })
}

/// How the storage behind the context ends around the close, as the functions on the way show it.
fn context_ends(
    engines: &Engines,
    creation: &PoolSite,
    places: &[(FnId, crate::ir::StmtId)],
) -> Option<Ended> {
    let program = engines.program;
    let context = creation.context.as_ref()?;
    if let Some(constant) = program.constant(creation.context_in, context) {
        return constant
            .is_zero()
            .then(|| used_static_ends(engines, creation, places))
            .flatten();
    }
    let place = context.place()?;
    // A local that is given by its address ends when its function returns.
    if let (Value::AddressOf(_), Root::Local(index)) = (context, &place.root)
        && places
            .iter()
            .any(|(function, _)| *function == creation.context_in)
    {
        let name = &program
            .function(creation.context_in)
            .locals
            .get(*index as usize)?
            .name;
        return Some(Ended {
            what: format!("its context, the local `{name}`, ends with the function"),
            label: None,
        });
    }
    let key = engines.flow.lifetime_key(creation.context_in, context)?;
    let lifetime = Key::of(key.root.clone());
    let is_number = is_number(engines, creation.context_in, context);
    for (level, &(function, stmt)) in places.iter().enumerate() {
        if let KeyRoot::Object(class) = key.root
            && !is_number
            && level > 0
            && program.ends_object(Site { function, stmt }, class)
        {
            return Some(Ended {
                what: "its context ends with the owner of it".to_string(),
                label: Some(engines.label(
                    Site { function, stmt },
                    "the context ends here too",
                    Role::Related,
                )),
            });
        }
        if !is_number && engines.flow.is_destructor_of(function, &lifetime) {
            return Some(Ended {
                what: "its context, the object itself, is being destroyed".to_string(),
                label: Some(Label {
                    function: program.function(function).qualified_name(),
                    ..outer_label(
                        program.function(function).name_span,
                        "the context, the object itself, ends with this destructor",
                        Role::Related,
                    )
                }),
            });
        }
        // Freed after the close, or before it.
        let freed = engines.flow.events(function).iter().find(|event| {
            event.what == What::Free
                && (event.key == key || event.key == lifetime && !is_number)
                && !is_other_arm(engines, creation.site.function, event.site.function)
                // Another call of the function that makes the context frees another one.
                && !(level > 0 && event.stmt != stmt && event.site.function == creation.context_in)
                && if event.stmt == stmt {
                    level > 0 && by_another_destructor(engines, event, places, level)
                } else {
                    engines.flow.can_follow(function, stmt, event.stmt)
                        || engines.flow.can_follow(function, event.stmt, stmt)
                }
        });
        if let Some(freed) = freed {
            return Some(Ended {
                what: "its context is freed".to_string(),
                label: Some(engines.label(freed.site, "the context ends here", Role::Related)),
            });
        }
        if let KeyRoot::Object(class) = key.root
            && let Some(stmt) = deletes_class(engines, function, stmt, class)
        {
            return Some(Ended {
                what: "its context is deleted".to_string(),
                label: Some(engines.label(
                    Site { function, stmt },
                    "the context ends here",
                    Role::Related,
                )),
            });
        }
    }
    None
}

/// Whether two functions stand in arms of the preprocessor that no build has both of.
fn is_other_arm(engines: &Engines, one: FnId, other: FnId) -> bool {
    let mut config = BTreeMap::new();
    let functions = [one, other];
    !functions
        .iter()
        .all(|&id| add_config(&mut config, &engines.program.function(id).when))
}

/// Whether the end of an object frees the context by another of the destructors that it runs than the one that closes.
fn by_another_destructor(
    engines: &Engines,
    freed: &Event,
    places: &[(FnId, crate::ir::StmtId)],
    level: usize,
) -> bool {
    let program = engines.program;
    let (function, stmt) = places[level];
    let below = places[level - 1].0;
    let destroys = |id: FnId| {
        matches!(
            program.function(id).kind,
            FunctionKind::Dtor | FunctionKind::Drop
        )
    };
    program.call(Site { function, stmt }).is_some_and(|call| {
        call.targets.len() > 1 && call.targets.iter().all(|target| destroys(target.function))
    }) && engines
        .flow
        .events(below)
        .iter()
        .all(|event| event.site != freed.site)
}

/// Without a context: a static that the callback uses and that the same teardown frees.
fn used_static_ends(
    engines: &Engines,
    creation: &PoolSite,
    places: &[(FnId, crate::ir::StmtId)],
) -> Option<Ended> {
    let program = engines.program;
    for &(function, stmt) in places {
        for event in engines.flow.events(function) {
            if event.what != What::Free
                || event.stmt == stmt
                || !(engines.flow.can_follow(function, stmt, event.stmt)
                    || engines.flow.can_follow(function, event.stmt, stmt))
            {
                continue;
            }
            let Some((name, key)) = freed_static(engines, function, event) else {
                continue;
            };
            let used = program.ids().any(|id| {
                engines.flow.is_inside_callback(creation, id)
                    && program.function(id).stmts.iter().any(|stmt| {
                        places_of(&stmt.kind).any(|place| {
                            matches!(place.root, Root::Global(_))
                                && program.key(id, &Place::of(place.root.clone())).as_ref()
                                    == Some(&key)
                        })
                    })
            });
            if used {
                return Some(Ended {
                    what: format!("`{name}`, which the callback uses, is freed"),
                    label: Some(engines.label(
                        event.site,
                        format!("`{name}` ends here"),
                        Role::Related,
                    )),
                });
            }
        }
    }
    None
}

/// The static that is freed as a whole, by its name and place: by the call itself, or in a function that gets it.
fn freed_static(engines: &Engines, function: FnId, event: &Event) -> Option<(Name, Key)> {
    if let KeyRoot::Static(id) = event.key.root
        && event.key.path.is_empty()
        && event.site.function != function
    {
        let name = engines.program.static_def(id).name.clone();
        return Some((name, event.key.clone()));
    }
    let site = event.site;
    let freed = match &engines.program.function(site.function).stmt(site.stmt).kind {
        StmtKind::Call {
            callee: Callee::Method { receiver, .. },
            ..
        } => receiver.place()?,
        StmtKind::Call { args, .. } => args.first()?.place()?,
        _ => return None,
    };
    let key = engines.program.key(site.function, &freed)?;
    match (freed.root, &key.root) {
        (Root::Global(name), KeyRoot::Static(_)) if key.path.is_empty() => {
            let whole = Place::of(Root::Global(name.clone()));
            Some((name, engines.program.key(site.function, &whole)?))
        }
        _ => None,
    }
}

/// The places that a statement names.
fn places_of(kind: &StmtKind) -> impl Iterator<Item = Place> {
    let mut places: Vec<Place> = Vec::new();
    match kind {
        StmtKind::Call { callee, args } => {
            if let Callee::Method { receiver, .. } = callee {
                places.extend(receiver.place());
            }
            places.extend(args.iter().filter_map(Value::place));
        }
        StmtKind::Assign { to, value } => {
            places.push(to.clone());
            places.extend(value.place());
        }
        StmtKind::Return { value: Some(value) } => places.extend(value.place()),
        _ => {}
    }
    places.into_iter()
}

/// A statement around the close that runs the destructor of the context's class.
fn deletes_class(
    engines: &Engines,
    function: FnId,
    at: crate::ir::StmtId,
    class: crate::program::TypeId,
) -> Option<crate::ir::StmtId> {
    let program = engines.program;
    program.calls(function).iter().find_map(|call| {
        let ends = call.targets.iter().any(|target| {
            matches!(
                program.function(target.function).kind,
                FunctionKind::Dtor | FunctionKind::Drop
            ) && program.owner(target.function) == Some(class)
        });
        let explicit = matches!(
            program.function(function).stmt(call.stmt).kind,
            StmtKind::Call { .. }
        );
        (ends && explicit && call.stmt != at && engines.flow.can_follow(function, at, call.stmt))
            .then_some(call.stmt)
    })
}

/// An object of a kind, and what waits for its callbacks.
fn kind_words(kind: PoolObject) -> (&'static str, &'static str) {
    match kind {
        PoolObject::Work => (
            "a work object",
            "WaitForThreadpoolWorkCallbacks(work, FALSE), or with TRUE to drop what has not begun",
        ),
        PoolObject::Timer => (
            "a timer",
            "SetThreadpoolTimer(timer, NULL, 0, 0), then WaitForThreadpoolTimerCallbacks(timer, TRUE)",
        ),
        PoolObject::Wait => (
            "a wait",
            "SetThreadpoolWait(wait, NULL, NULL), then WaitForThreadpoolWaitCallbacks(wait, TRUE)",
        ),
        PoolObject::Io => (
            "an I/O object",
            "CancelIoEx, then WaitForThreadpoolIoCallbacks(io, FALSE)",
        ),
        PoolObject::LegacyWait => ("a registered wait", "UnregisterWaitEx"),
        PoolObject::LegacyTimer => (
            "a timer",
            "DeleteTimerQueueTimer, or DeleteTimerQueueEx for the whole queue,",
        ),
        _ => ("a thread pool object", "the wait function of its kind"),
    }
}

#[allow(clippy::too_many_arguments)]
fn report(
    engines: &Engines,
    findings: &mut Findings,
    function: FnId,
    close: &Event,
    creation: &PoolSite,
    chain: &[Site],
    ended: Ended,
    signalled: bool,
    fix: Option<Fix>,
) {
    let program = engines.program;
    let callee = engines.callee(close.site);
    let here = Site {
        function,
        stmt: close.stmt,
    };
    let by_macro = is_use_of_macro(engines, function, close);
    let shown = if by_macro { here } else { close.site };
    let callback = creation
        .callbacks
        .first()
        .map_or_else(String::new, |&callback| program.describe(callback));
    let (object, drain) = if creation.key.as_ref() == Some(&close.key) {
        kind_words(creation.kind)
    } else {
        ("a timer queue", "DeleteTimerQueueEx")
    };
    // A chain of callers is never longer than what a reader can follow.
    let mut steps: Vec<Label> = chain
        .iter()
        .rev()
        .zip(
            chain
                .iter()
                .rev()
                .skip(1)
                .map(|site| site.function)
                .chain([function]),
        )
        .map(|(site, callee)| {
            engines.label(
                *site,
                format!(
                    "{} calls {}",
                    program.describe(site.function),
                    program.describe(callee)
                ),
                Role::Step,
            )
        })
        .collect();
    if shown.function != function {
        steps.push(engines.step_on_way(here, shown.function));
    }
    let without_context = creation.context.as_ref().is_none_or(|context| {
        program
            .constant(creation.context_in, context)
            .is_some_and(|constant| constant.is_zero())
    });
    let (given, used) = if without_context {
        ("is handed to the thread pool", "what it needs")
    } else {
        ("gets its context", "the context")
    };
    let mut related = vec![engines.label(
        creation.site,
        format!("{} {given} here", the_callback(&callback)),
        Role::Related,
    )];
    related.extend(ended.label);
    let finding = Finding {
        rule: "close_threadpool_without_wait",
        message: format!(
            "{} closes {object} without waiting for {}, and {}",
            program.describe(shown.function),
            the_callback(&callback),
            ended.what
        ),
        primary: engines.label(shown, "does not wait for a running callback", Role::Primary),
        steps,
        related,
        help: match creation.kind {
            // Nothing is called before the close: the close itself can wait.
            PoolObject::LegacyWait | PoolObject::LegacyTimer => format!(
                "let the close itself wait: {drain} with INVALID_HANDLE_VALUE as the event returns when the last callback has returned; free {used} after it, and close neither in the callback nor with a lock held that it takes"
            ),
            _ => format!("before `{callee}` call {drain}; free {used} after the close"),
        },
        notes: vec![format!(
            "`{callee}` returns at once: a callback that is running, or already queued, goes on and uses {used} after it has ended"
        )],
        minor: signalled,
    };
    findings.add_with(finding, fix);
}
