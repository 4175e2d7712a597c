//! Objects that live for one run of a function and are handed to code that nobody sees.
//!
//! A library's callback makes an object that stands for the present run, and gets it to the user's function by
//! reference, through a pointer: `(context.callback)(&firing)`. What that function calls is not known, but only it can
//! call the methods of an object of which there is no other. Where the same class is also made elsewhere, or kept by value
//! in a static or a member, nothing is said.

use super::{FnId, Program, Site, TypeId, types};
use crate::ir::{Callee, FunctionKind, Place, Root, StmtKind, Value};
use rustc_hash::FxHashMap;

/// Where the objects of each class are made as a local of a function, by value.
pub type Makers = FxHashMap<TypeId, Vec<FnId>>;

impl Program<'_> {
    /// The functions that have an object of this class as a local.
    pub fn makers(&self, class: TypeId) -> &[FnId] {
        self.makers
            .get_or_init(|| self.find_makers())
            .get(&class)
            .map_or(&[], Vec::as_slice)
    }

    fn find_makers(&self) -> Makers {
        let mut makers = Makers::default();
        for id in self.ids() {
            let unit = self.unit_number(id);
            for local in &self.function(id).locals {
                if local.type_text.is_empty() || self.is_pointer_like(&local.type_text, unit) {
                    continue;
                }
                if let Some(class) = self.class_of_text(&local.type_text, unit) {
                    makers.entry(class).or_default().push(id);
                }
            }
        }
        makers
    }

    /// The methods that a call through a pointer can run on the objects that it gets: those of classes of which the only
    /// object is a local here, or of the function around this closure.
    pub fn handed_methods(&self, site: Site) -> Vec<FnId> {
        let StmtKind::Call { callee, args } = &self.function(site.function).stmt(site.stmt).kind
        else {
            return Vec::new();
        };
        let through_pointer = match callee {
            Callee::Indirect(_) => true,
            // `self->on_tick(tick)`, where `on_tick` is a member that holds a function.
            Callee::Method { receiver, name } => receiver
                .place()
                .and_then(|place| self.type_of_place(site.function, &place))
                .and_then(|(text, unit)| self.led_class(&text, unit))
                .is_some_and(|class| self.field(class, name).is_some()),
            _ => false,
        };
        if !through_pointer || self.call(site).is_some_and(|call| !call.targets.is_empty()) {
            return Vec::new();
        }
        let mut methods = Vec::new();
        for place in args.iter().filter_map(Value::place) {
            let Some((function, local)) = self.local_behind(site.function, &place) else {
                continue;
            };
            let text = &self.function(function).locals[local as usize].type_text;
            let Some(class) = self.class_of_text(text, self.unit_number(function)) else {
                continue;
            };
            if self.makers(class) != [function] {
                continue;
            }
            methods.extend(self.methods(class).iter().copied().filter(|&method| {
                let body = self.function(method);
                body.kind == FunctionKind::Method && body.has_this && !body.is_virtual
            }));
        }
        methods
    }

    /// The local that a place is, itself or captured by closures inside its function.
    fn local_behind(&self, function: FnId, place: &Place) -> Option<(FnId, u32)> {
        let mut function = function;
        let mut place = place.clone();
        for _ in 0..8 {
            match place.root {
                Root::Local(index) if place.path.is_empty() => return Some((function, index)),
                Root::Capture(index) if place.path.is_empty() => {
                    let capture = self.function(function).captures.get(index as usize)?;
                    place = capture.value.place()?;
                    function = self.enclosing(function)?;
                }
                _ => return None,
            }
        }
        None
    }

    /// Whether a member belongs to the object itself and not to what it points to: `self.pending`, and not
    /// `self.context.stopped`.
    pub fn is_own_member(&self, class: TypeId, path: &[crate::ir::Name]) -> bool {
        let Some(first) = path.first() else {
            return false;
        };
        self.field(class, first).is_some_and(|found| {
            let unit = self.type_unit(found.owner);
            let text = &found.field.type_text;
            path.len() == 1
                || (!self.is_pointer_like(text, unit)
                    && self.lead(text, unit).is_none()
                    && !types::parse(text).base.is_empty())
        })
    }
}
