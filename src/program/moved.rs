//! What was taken out of an owner or a container before that lets go of it: `task = std::move(tasks.front());
//! tasks.pop_front();` ends nothing.
//!
//! In come a call that ends what is owned and the function that makes it; out comes whether a statement that every way
//! to the call passes has taken it by value. A copy of a shared owner keeps the object, too. Which element an index means
//! is not asked.

use super::{Program, Site};
use crate::ir::{BlockId, Callee, Function, Place, Root, StmtId, StmtKind, Value};

/// Methods that take over what they get.
const TAKERS: [&str; 12] = [
    "push_back",
    "push_front",
    "push",
    "emplace_back",
    "emplace_front",
    "emplace",
    "insert",
    "insert_or_assign",
    "try_emplace",
    "reset",
    "swap",
    "append",
];

/// A call of a method that ends what its object owns: all of it, or one element.
struct LetGo<'c> {
    site: Site,
    receiver: &'c Value,
    method: &'c str,
    args: &'c [Value],
}

impl Program<'_> {
    /// Whether what a call of this method ends was moved out before.
    pub(super) fn is_moved_out(
        &self,
        site: Site,
        receiver: &Value,
        method: &str,
        args: &[Value],
    ) -> bool {
        let body = self.function(site.function);
        let Some(at) = block_of(body, site.stmt) else {
            return false;
        };
        let call = LetGo {
            site,
            receiver,
            method,
            args,
        };
        body.blocks.iter().enumerate().any(|(number, block)| {
            let mut before = block.stmts.iter().filter(|&&stmt| stmt < site.stmt);
            // What each element goes through may go through none.
            before.any(|&stmt| self.takes(&call, stmt))
                && (method == "clear" || passes(body, BlockId(number as u32), at))
        })
    }

    /// Whether a statement takes by value what the call ends: into a variable that is no reference, or into what takes
    /// over what it gets.
    fn takes(&self, call: &LetGo, stmt: StmtId) -> bool {
        let body = self.function(call.site.function);
        match &body.stmt(stmt).kind {
            StmtKind::Assign { to, value } => {
                is_object(body, to) && self.is_what_goes(call, stmt, value)
            }
            StmtKind::Call { callee, args } => {
                let takes = match callee {
                    Callee::Construct { .. } => true,
                    Callee::Method { name, .. } => TAKERS.contains(&&**name),
                    _ => false,
                };
                takes && args.iter().any(|arg| self.is_what_goes(call, stmt, arg))
            }
            _ => false,
        }
    }

    /// Whether a value that a statement takes is what the call ends.
    fn is_what_goes(&self, call: &LetGo, taking: StmtId, value: &Value) -> bool {
        let body = self.function(call.site.function);
        if value == call.receiver {
            return matches!(value, Value::Place(_));
        }
        match call.method {
            "pop_front" => call.gives(body, value, &["front"]),
            "pop_back" => call.gives(body, value, &["back"]),
            "pop" => call.gives(body, value, &["front", "top"]),
            "clear" => self.is_each(call, value),
            "erase" => match (value, call.args.first()) {
                (_, Some(first)) if call.gives(body, first, &["begin"]) => {
                    call.gives(body, value, &["front"])
                        || (call.gives(body, value, &["begin"]) && self.is_led(call, taking))
                }
                (Value::Result(_), _) => call.gives(body, value, &["at"]),
                (Value::Place(place), _) if call.is_element(place) => true,
                (Value::Place(place), Some(Value::Place(element))) => {
                    let inside = place.path.strip_prefix(&element.path[..]);
                    place.root == element.root
                        && match inside {
                            Some([]) => self.is_led(call, taking),
                            Some([part]) if **part == *"first" => false,
                            Some(_) => self.is_owner(call, value),
                            None => false,
                        }
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a value is the local that stands for each element: `for (auto &worker : workers)
    /// others.push_back(std::move(worker));`.
    fn is_each(&self, call: &LetGo, value: &Value) -> bool {
        let Value::Place(Place {
            root: Root::Local(local),
            path,
        }) = value
        else {
            return false;
        };
        let function = call.site.function;
        let assigned = self.assigning(function).get(local).map(Vec::as_slice);
        let Some([stmt]) = assigned.filter(|_| path.is_empty()) else {
            return false;
        };
        match &self.function(function).stmt(*stmt).kind {
            StmtKind::Assign {
                value: Value::Place(from) | Value::AddressOf(from),
                ..
            } => call.is_element(from),
            _ => false,
        }
    }

    /// Whether a statement takes what an iterator leads to: `*it` and `it` are the same place, and only the text tells
    /// them apart.
    fn is_led(&self, call: &LetGo, taking: StmtId) -> bool {
        let span = self.function(call.site.function).stmt(taking).span;
        let text = &self.sources.file(span.file).text;
        let statement = text.get(span.start as usize..).unwrap_or("");
        let end = statement.find(';').unwrap_or(statement.len());
        statement[..end].contains('*')
    }

    /// Whether a value is of a type that owns something.
    fn is_owner(&self, call: &LetGo, value: &Value) -> bool {
        self.type_of_value(call.site.function, value)
            .and_then(|(text, unit)| self.type_row(&text, unit))
            .is_some_and(|row| !row.owns.is_empty() || !row.destructor.is_empty())
    }
}

impl LetGo<'_> {
    /// Whether a value is what one of these methods of the same object gave.
    fn gives(&self, body: &Function, value: &Value, methods: &[&str]) -> bool {
        match value {
            Value::Result(stmt) => matches!(
                &body.stmt(*stmt).kind,
                StmtKind::Call { callee: Callee::Method { receiver, name }, .. }
                    if receiver == self.receiver && methods.contains(&&**name)
            ),
            _ => false,
        }
    }

    /// Whether a place is `object[…]`.
    fn is_element(&self, place: &Place) -> bool {
        let Value::Place(container) = self.receiver else {
            return false;
        };
        let inside = place.path.strip_prefix(&container.path[..]);
        place.root == container.root && matches!(inside, Some([part]) if **part == *"[]")
    }
}

/// Whether what is assigned to is an object itself: no local that only refers to one, and no iterator.
fn is_object(body: &Function, to: &Place) -> bool {
    let Root::Local(index) = to.root else {
        return true;
    };
    let local = body.locals.get(index as usize);
    !to.path.is_empty()
        || local.is_some_and(|local| {
            let text = &local.type_text;
            !text.contains(['&', '*']) && !text.contains("iterator")
        })
}

fn block_of(body: &Function, stmt: StmtId) -> Option<BlockId> {
    let mut blocks = body.blocks.iter();
    let number = blocks.position(|block| block.stmts.contains(&stmt))?;
    Some(BlockId(number as u32))
}

/// Whether every way from the start to a block passes another one.
fn passes(body: &Function, through: BlockId, to: BlockId) -> bool {
    let mut seen = vec![false; body.blocks.len()];
    let mut pending = vec![BlockId(0)];
    while let Some(block) = pending.pop() {
        if block == through || std::mem::replace(&mut seen[block.0 as usize], true) {
            continue;
        }
        if block == to {
            return false;
        }
        let next = &body.blocks[block.0 as usize].next;
        pending.extend(next.iter().map(|edge| edge.to));
    }
    true
}
