//! What is certainly not compiled goes out of a unit.
//!
//! In come a unit, as lowering made it of the text alone, and what is known of macros when all files are looked at
//! together; conditions that have a value then are no longer open. Functions stay in their places, because closures and
//! initializers name them by number; those that are not compiled become empty and nameless.

use crate::ir::{Block, Cond, Function, Guard, Linkage, StmtKind, Unit};
use crate::module::macros::{Macros, Reader};
use rustc_hash::FxHashMap;

/// Decides the conditions of a C or C++ unit as far as they are certain.
pub fn configure(unit: &mut Unit, macros: &Macros) {
    let mut decider = Decider {
        reader: macros.of(unit.file),
        answers: FxHashMap::default(),
    };
    for index in 0..unit.functions.len() {
        let start = unit.functions[index].span.start;
        let around = unit.functions[index].enclosing;
        let gone = !decider.keep(&mut unit.functions[index].when, start)
            || around.is_some_and(|around| {
                (around.0 as usize) < index && is_gone(&unit.functions[around.0 as usize])
            });
        if gone {
            clear(&mut unit.functions[index]);
        } else {
            prune(&mut unit.functions[index], &mut decider);
        }
    }
    let functions = &unit.functions;
    unit.statics.retain_mut(|object| {
        let around = object.function.map(|index| &functions[index.0 as usize]);
        decider.keep(&mut object.when, object.span.start) && !around.is_some_and(is_gone)
    });
    unit.constants
        .retain_mut(|constant| decider.keep(&mut constant.when, u32::MAX));
}

struct Decider<'m> {
    reader: Reader<'m>,
    answers: FxHashMap<(crate::ir::Name, u32), Answer>,
}

#[derive(Clone)]
enum Answer {
    Certain(bool),
    Open,
    /// The same as `_DEBUG`.
    Debug,
}

impl Decider<'_> {
    /// Takes decided conditions out of a list. False where one of them fails.
    fn keep(&mut self, guards: &mut Vec<Guard>, at: u32) -> bool {
        let mut possible = true;
        guards.retain_mut(|guard| {
            let Cond::Config(text) = &mut guard.cond else {
                return true;
            };
            let answer = match self.answers.get(&(text.clone(), at)) {
                Some(answer) => answer.clone(),
                None => {
                    let answer = self.answer(text, at);
                    self.answers.insert((text.clone(), at), answer.clone());
                    answer
                }
            };
            match answer {
                Answer::Certain(truth) => {
                    possible &= truth == guard.holds;
                    false
                }
                Answer::Debug => {
                    *text = "defined(_DEBUG)".into();
                    true
                }
                Answer::Open => true,
            }
        });
        possible
    }

    fn answer(&mut self, text: &str, at: u32) -> Answer {
        if let Some(truth) = self.reader.condition(text, at) {
            return Answer::Certain(truth);
        }
        let name = text
            .strip_prefix("defined(")
            .and_then(|text| text.strip_suffix(')'))
            .unwrap_or(text);
        if self.reader.is_debug_switch(name) {
            Answer::Debug
        } else {
            Answer::Open
        }
    }
}

/// Takes the edges that are never followed out of a body, and what only they lead to.
fn prune(function: &mut Function, decider: &mut Decider) {
    let start = function.span.start;
    let mut changed = false;
    for block in &mut function.blocks {
        let before = block.next.len();
        block
            .next
            .retain_mut(|edge| decider.keep(&mut edge.when, start));
        changed |= block.next.len() != before;
    }
    if !changed {
        return;
    }
    let mut seen = vec![false; function.blocks.len()];
    let mut work = vec![0];
    while let Some(block) = work.pop() {
        if !std::mem::replace(&mut seen[block], true) {
            work.extend(
                function.blocks[block]
                    .next
                    .iter()
                    .map(|edge| edge.to.0 as usize),
            );
        }
    }
    for (block, _) in seen.iter().enumerate().filter(|(_, seen)| !**seen) {
        let dead = std::mem::take(&mut function.blocks[block]);
        for id in dead.stmts {
            function.stmts[id.0 as usize].kind = StmtKind::Opaque { names: Vec::new() };
        }
    }
}

/// A function that is not compiled: nobody can name it, and it does nothing.
fn clear(function: &mut Function) {
    function.name = "{not compiled}".into();
    function.scope = "".into();
    function.linkage = Linkage::Internal;
    function.export_name = None;
    function.has_this = false;
    function.is_virtual = false;
    function.attributes.clear();
    function.params.clear();
    function.locals.clear();
    function.captures.clear();
    function.stmts.clear();
    function.blocks = vec![Block::default()];
}

fn is_gone(function: &Function) -> bool {
    &*function.name == "{not compiled}"
}
