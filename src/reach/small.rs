//! What a call of a small function gives and sets, as far as that is certain where it is called: a latch that asks and sets
//! one static, a getter with several answers.
//!
//! In come a call and what is known before it, out come the value that the function returns and what it leaves in statics.
//! Large functions, closures, and what returns something else than a plain value are not looked into.

use super::body::{environments_at, given_params, transfer};
use super::state::{self, Abstract, Env, reads_through};
use crate::api::Effect;
use crate::ir::{Function, FunctionKind, Place, Root, StmtKind, Value};
use crate::program::{Call, FnId, Key, Program, Site};
use crate::source::Lang;
use std::collections::BTreeMap;

/// What a call has done.
pub(super) struct Ran {
    pub returned: Abstract,
    /// What is known of statics when it returns.
    pub statics: BTreeMap<Key, Abstract>,
}

const MOST_BLOCKS: usize = 16;
const MOST_STMTS: usize = 32;
/// How many calls deep small functions are looked into.
const DEEPEST: u8 = 2;

/// Runs the function that a call calls. `None` where it is not one small function, or where it does not matter.
pub(super) fn run(program: &Program, site: Site, call: &Call, env: &Env) -> Option<Ran> {
    let [target] = &call.targets[..] else {
        return None;
    };
    // Not certainly called: an override, a function behind a pointer.
    if target.note.is_some() {
        return None;
    }
    let target = target.function;
    let body = program.function(target);
    if env.depth() >= DEEPEST
        || body.blocks.is_empty()
        || body.blocks.len() > MOST_BLOCKS
        || body.stmts.len() > MOST_STMTS
        || !matches!(body.kind, FunctionKind::Free | FunctionKind::Method)
        || program.lang(target) == Lang::Rust
        || !matters(program, target, body)
    {
        return None;
    }
    let mut state = env.state(given_params(program, site, target, env), Vec::new());
    if !state::add_config(&mut state.config, &body.when) {
        return None;
    }
    let mut returned: Option<Abstract> = None;
    let mut statics: Option<BTreeMap<Key, Abstract>> = None;
    for (block, env) in environments_at(program, target, &state, env.depth() + 1)
        .into_iter()
        .enumerate()
    {
        let Some(mut env) = env else { continue };
        let mut value = Abstract::Unknown;
        let mut ended = false;
        for &stmt in &body.blocks[block].stmts {
            if let StmtKind::Return { value: Some(given) } = &body.stmt(stmt).kind
                && is_plain(&body.return_type)
                && !reads_through(program, target, given, &body.return_type)
            {
                value = env.evaluate(program, target, given);
            }
            if transfer(program, target, stmt, &mut env) {
                ended = true;
                break;
            }
        }
        if ended || !body.blocks[block].next.is_empty() {
            continue;
        }
        returned = Some(match returned {
            None => value,
            Some(before) => before.join(&value),
        });
        statics = Some(match statics {
            None => env.statics().clone(),
            Some(before) => agreed(&before, env.statics()),
        });
    }
    Some(Ran {
        returned: returned?,
        statics: statics?,
    })
}

/// What two ways out agree on: at least that it is not zero.
fn agreed(
    one: &BTreeMap<Key, Abstract>,
    other: &BTreeMap<Key, Abstract>,
) -> BTreeMap<Key, Abstract> {
    let joined = |(key, mine): (&Key, &Abstract)| {
        let theirs = other.get(key)?;
        let value = match (mine.truth(), theirs.truth()) {
            _ if mine == theirs => mine.clone(),
            (Some(true), Some(true)) => Abstract::NotZero,
            _ => return None,
        };
        Some((key.clone(), value))
    };
    one.iter().filter_map(joined).collect()
}

/// Whether a function sets a static, or gives an answer that depends on something.
fn matters(program: &Program, id: FnId, body: &Function) -> bool {
    let sets = program.calls(id).iter().any(|call| {
        call.effects
            .iter()
            .any(|effect| matches!(effect.effect(), Effect::Stores { .. }))
    });
    sets || body.stmts.iter().any(|stmt| match &stmt.kind {
        StmtKind::Assign { to, .. } => matches!(to.root, Root::Global(_)),
        StmtKind::Return { value: Some(value) } => {
            body.blocks.len() > 1
                && matches!(
                    value,
                    Value::Const(_)
                        | Value::Null
                        | Value::Cond(_)
                        | Value::Place(Place {
                            root: Root::Global(_) | Root::Param(_) | Root::Local(_),
                            ..
                        })
                )
        }
        _ => false,
    })
}

/// Whether a value of a type is what is returned, and not an object that it is made into.
fn is_plain(return_type: &str) -> bool {
    !return_type.is_empty() && !return_type.contains(['<', '&', ':'])
}
