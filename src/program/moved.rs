//! What was taken out of an owner or a container before that lets go of it: `task = std::move(tasks.front());
//! tasks.pop_front();` ends nothing.
//!
//! In come a call that ends what is owned and the function that makes it; out comes whether a statement that every way
//! to the call passes has taken it by value. A copy of a shared owner keeps the object, too. Which element an index means
//! is not asked.

use super::{Program, Site};
use crate::api::TypeRow;
use crate::ir::{BlockId, Callee, Function, Place, Root, StmtId, StmtKind, Value};

/// A call of a method that ends what its object owns: all of it, or one element.
struct LetGo<'c> {
    site: Site,
    /// Of the owner or container.
    row: &'c TypeRow,
    receiver: &'c Value,
    method: &'c str,
    args: &'c [Value],
}

/// What a statement takes by value.
enum Taken {
    /// What the call ends.
    It,
    /// Each element in its turn, from the block on in which the loop gets it.
    Each(BlockId),
}

impl Program<'_> {
    /// Whether what a call of this method ends, on an object of a type of the table, was moved out before.
    pub(super) fn is_moved_out(
        &self,
        site: Site,
        row: &TypeRow,
        receiver: &Value,
        method: &str,
        args: &[Value],
    ) -> bool {
        let body = self.function(site.function);
        let Some(at) = body.block_of(site.stmt) else {
            return false;
        };
        let call = LetGo {
            site,
            row,
            receiver,
            method,
            args,
        };
        let passes = |block: BlockId| block == at || !body.leads_to(at, |from, _| from != block);
        (0..site.stmt.0)
            .map(StmtId)
            .any(|stmt| match self.taken_by(&call, stmt) {
                Some(Taken::It) => body.block_of(stmt).is_some_and(passes),
                // A loop may have no round: the way there has to be passed.
                Some(Taken::Each(round)) => {
                    body.blocks.iter().enumerate().any(|(number, block)| {
                        block.next.iter().any(|edge| edge.to == round)
                            && passes(BlockId(number as u32))
                    })
                }
                None => false,
            })
    }

    /// What a statement takes of what the call ends: into a variable that is no reference, or into what takes over what
    /// it gets.
    fn taken_by(&self, call: &LetGo, stmt: StmtId) -> Option<Taken> {
        let body = self.function(call.site.function);
        match &body.stmt(stmt).kind {
            StmtKind::Assign { to, value } if is_object(body, to) => self.taken(call, stmt, value),
            StmtKind::Call { callee, args } => {
                let takes = match callee {
                    Callee::Construct { .. } => true,
                    Callee::Method { name, .. } => self.api.may_take(name),
                    _ => false,
                };
                let mut args = args.iter().filter(|_| takes);
                args.find_map(|arg| self.taken(call, stmt, arg))
            }
            _ => None,
        }
    }

    /// What a value that a statement takes is of what the call ends.
    fn taken(&self, call: &LetGo, taking: StmtId, value: &Value) -> Option<Taken> {
        let body = self.function(call.site.function);
        if value == call.receiver {
            return matches!(value, Value::Place(_)).then_some(Taken::It);
        }
        let methods = call.row.ends_one.get(call.method);
        let is_it = match (value, call.args) {
            _ if methods.is_some_and(|methods| call.gives(body, value, methods)) => true,
            _ if call.ends_all() => return self.round_of(call, value).map(Taken::Each),
            // `erase(workers.begin())`: what the iterator leads to.
            (Value::Result(_), [Value::Result(iterator)]) => {
                let is_same = |name: &str| call.gives(body, value, &[name.to_string()]);
                call.iterator(body, *iterator).is_some_and(is_same) && self.is_led(call, taking)
            }
            (Value::Place(place), [_]) if call.is_element(place) => true,
            (Value::Place(place), [Value::Place(iterator)]) if place.root == iterator.root => {
                match place.path.strip_prefix(&iterator.path[..]) {
                    Some([]) => self.is_led(call, taking),
                    Some(_) => self.is_owner(call, value),
                    None => false,
                }
            }
            _ => false,
        };
        is_it.then_some(Taken::It)
    }

    /// Where a loop gives each element to the local that a value is: `for (auto &worker : workers)
    /// others.push_back(std::move(worker));`.
    fn round_of(&self, call: &LetGo, value: &Value) -> Option<BlockId> {
        let Value::Place(Place {
            root: Root::Local(local),
            path,
        }) = value
        else {
            return None;
        };
        let function = call.site.function;
        let assigned = self.assigning(function).get(local)?;
        let [stmt] = assigned[..] else { return None };
        let body = self.function(function);
        match &body.stmt(stmt).kind {
            StmtKind::Assign {
                value: Value::Place(from) | Value::AddressOf(from),
                ..
            } if path.is_empty() && call.is_element(from) => body.block_of(stmt),
            _ => None,
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
    /// Whether the call ends all elements: `clear()`.
    fn ends_all(&self) -> bool {
        self.args.is_empty() && !self.row.ends_one.contains_key(self.method)
    }

    /// Whether a value is what one of these methods of the same object gave.
    fn gives(&self, body: &Function, value: &Value, methods: &[String]) -> bool {
        match value {
            Value::Result(stmt) => self
                .called(body, *stmt)
                .is_some_and(|called| methods.iter().any(|method| *method == *called)),
            _ => false,
        }
    }

    /// The method of an iterator that a statement calls on the same object.
    fn iterator<'b>(&self, body: &'b Function, stmt: StmtId) -> Option<&'b str> {
        let called = self.called(body, stmt)?;
        let mut iterators = self.row.iterators.iter();
        iterators.any(|method| *method == *called).then_some(called)
    }

    /// The method that a statement calls on the same object.
    fn called<'b>(&self, body: &'b Function, stmt: StmtId) -> Option<&'b str> {
        match &body.stmt(stmt).kind {
            StmtKind::Call {
                callee: Callee::Method { receiver, name },
                ..
            } if receiver == self.receiver => Some(name),
            _ => None,
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
