//! Constant values: numbers, times, functions behind a value, as far as they do not depend on who calls.

use super::{FnId, Key, KeyRoot, Meaning, Program, Site};
use crate::api::{Arg, Effect};
use crate::ir::{CHOICE, Callee, Place, Root, StmtKind, Value};

/// What a value is for certain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Constant {
    Number(i64),
    /// NULL: equal to 0.
    Null,
    Text(String),
    Function(FnId),
}

impl Constant {
    /// 0, NULL, false.
    pub fn is_zero(&self) -> bool {
        matches!(self, Constant::Null | Constant::Number(0))
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Constant::Number(number) => Some(*number),
            Constant::Null => Some(0),
            _ => None,
        }
    }
}

impl<'a> Program<'a> {
    /// The constant that a value is in a function, whoever calls it.
    pub fn constant(&self, function: FnId, value: &Value) -> Option<Constant> {
        self.constant_deep(function, value, 6)
    }

    fn constant_deep(&self, function: FnId, value: &Value, depth: u8) -> Option<Constant> {
        if depth == 0 {
            return None;
        }
        match value {
            Value::Const(number) => Some(Constant::Number(*number)),
            Value::Null => Some(Constant::Null),
            Value::Text(text) => Some(Constant::Text(text.to_string())),
            Value::Closure(index) => Some(Constant::Function(self.sibling(function, *index))),
            Value::Or(values) => {
                let mut all = 0;
                for value in values {
                    all |= self.constant_deep(function, value, depth - 1)?.number()?;
                }
                Some(Constant::Number(all))
            }
            Value::Place(place) | Value::AddressOf(place) => {
                self.constant_of_place(function, place, depth)
            }
            Value::Result(stmt) => self.constant_of_call(
                Site {
                    function,
                    stmt: *stmt,
                },
                depth,
            ),
            Value::Cond(_) | Value::Unknown => None,
        }
    }

    fn constant_of_place(&self, function: FnId, place: &Place, depth: u8) -> Option<Constant> {
        if !place.path.is_empty() {
            return None;
        }
        match &place.root {
            Root::Global(name) => match self.meaning(function, name) {
                Meaning::Constant(value, _) => match value {
                    // A constant may be defined by itself in another spelling: `#define X X`.
                    Value::Place(other) if other == place => None,
                    value => self.constant_deep(function, value, depth - 1),
                },
                Meaning::Static(id) => {
                    let object = self.static_def(id);
                    let is_const = object
                        .attributes
                        .iter()
                        .any(|attribute| matches!(&**attribute, "const" | "constexpr"))
                        || object
                            .type_text
                            .split([' ', '*'])
                            .any(|word| word == "const" || word == "constexpr");
                    match &object.init[..] {
                        [only] if is_const => self.constant_deep(function, only, depth - 1),
                        _ => None,
                    }
                }
                Meaning::Functions(functions) => {
                    functions.first().map(|&id| Constant::Function(id))
                }
                Meaning::Field => None,
                Meaning::Unknown => self.api.constant(name).map(Constant::Number),
            },
            Root::Local(_) => {
                // A local that is assigned once.
                let mut found = None;
                for stmt in &self.function(function).stmts {
                    match &stmt.kind {
                        StmtKind::Assign { to, value } if to == place => {
                            if found.is_some() {
                                return None;
                            }
                            found = Some(self.constant_deep(function, value, depth - 1)?);
                        }
                        StmtKind::Call { args, .. }
                            if args.iter().any(
                                |arg| matches!(arg, Value::AddressOf(other) if other == place),
                            ) =>
                        {
                            return None;
                        }
                        _ => {}
                    }
                }
                found
            }
            Root::Capture(index) => {
                let capture = self.function(function).captures.get(*index as usize)?;
                self.constant_deep(self.enclosing(function)?, &capture.value, depth - 1)
            }
            _ => None,
        }
    }

    /// A length of time in milliseconds, or what a getter of one constant returns.
    fn constant_of_call(&self, site: Site, depth: u8) -> Option<Constant> {
        let call = self.call(site)?;
        for effect in &call.effects {
            match effect.effect() {
                // A pointer to the number, not the number.
                Effect::Leak { .. } => return None,
                Effect::Duration {
                    value,
                    milliseconds,
                } => {
                    let amount = self
                        .constant_deep(site.function, self.argument(site, *value)?, depth - 1)?
                        .number()?;
                    let total = amount as f64 * milliseconds;
                    // A time that is not zero does not become zero by rounding.
                    return Some(Constant::Number(if amount > 0 {
                        (total as i64).max(1)
                    } else {
                        0
                    }));
                }
                Effect::Gives { value } => return Some(Constant::Number(*value)),
                Effect::Passes { argument } => {
                    return self.constant_deep(
                        site.function,
                        self.argument(site, *argument)?,
                        depth - 1,
                    );
                }
                _ => {}
            }
        }
        if let [target] = &call.targets[..]
            && target.note.is_none()
            && self.function(target.function).stmts.len() <= 2
        {
            let target = target.function;
            let mut returned =
                self.function(target)
                    .stmts
                    .iter()
                    .filter_map(|stmt| match &stmt.kind {
                        StmtKind::Return { value } => Some(value.as_ref()),
                        _ => None,
                    });
            // One constant, whichever way it comes back.
            let first = returned.next().flatten()?;
            if !matches!(first, Value::Const(_) | Value::Null)
                || returned.any(|other| other != Some(first))
            {
                return None;
            }
            return self.constant_deep(target, first, depth - 1);
        }
        None
    }

    /// Whether the table has a method of this name that takes (`up`) or gives back a reference on its object.
    pub fn counts(&self, name: &str, up: bool) -> bool {
        let row = format!(".{name}");
        self.api.knows(&row)
            && self.api.rows(&row, 0, crate::source::Lang::Cpp).any(|row| {
                row.effects
                    .iter()
                    .any(|row| matches!(row.effect, Effect::RefCount { up: of, .. } if of == up))
            })
    }

    /// The default argument that a prototype or class head of a function names.
    pub fn default_argument(&self, function: FnId, index: usize) -> Option<Constant> {
        let body = self.function(function);
        let declared = self.units.iter().flat_map(|unit| {
            let free = unit
                .declarations
                .iter()
                .filter(|declaration| declaration.name == body.name)
                .map(|declaration| &declaration.params);
            let methods = unit
                .types
                .iter()
                .flat_map(|ty| ty.methods.iter())
                .filter(|method| method.name == body.name)
                .map(|method| &method.params);
            free.chain(methods).collect::<Vec<_>>()
        });
        let default = declared
            .into_iter()
            .filter(|params| params.len() == body.params.len())
            .find_map(|params| params[index].default.as_ref())?;
        self.constant(function, default)
    }

    /// An argument of a call by its role. `Arg::Result` has no value of its own: use the site.
    pub fn argument(&self, site: Site, arg: Arg) -> Option<&Value> {
        let StmtKind::Call { callee, args } = &self
            .function(site.function)
            .stmts
            .get(site.stmt.0 as usize)?
            .kind
        else {
            return None;
        };
        match arg {
            Arg::Index(index) => args.get(index as usize),
            Arg::This => match callee {
                Callee::Method { receiver, .. } => Some(receiver),
                // `Type::method(object, …)`.
                Callee::Named(_) => args.first(),
                _ => None,
            },
            Arg::Result => None,
        }
    }

    /// How many arguments of a call stand before those for the target's parameters: one in `Type::method(object, …)` of
    /// Rust, where the object is no parameter.
    pub fn arguments_before_params(&self, site: Site, target: FnId) -> usize {
        let body = self.function(target);
        let by_path = match &self.function(site.function).stmt(site.stmt).kind {
            StmtKind::Call {
                callee: Callee::Named(name),
                args,
            } => name.contains("::") && args.len() > body.params.len(),
            _ => false,
        };
        usize::from(by_path && body.has_this)
    }

    /// The object that an argument role means: the argument, or the place that takes the result.
    pub fn argument_value(&self, site: Site, arg: Arg) -> Value {
        match arg {
            Arg::Result => Value::Result(site.stmt),
            _ => self.argument(site, arg).cloned().unwrap_or(Value::Unknown),
        }
    }

    /// What callers hand in for a value that is a parameter of the function around a call: each caller's call with its
    /// own value, at most three levels up, where one is found that the wanted test takes.
    pub fn handed_in(
        &self,
        site: Site,
        value: &Value,
        wanted: &impl Fn(FnId, &Value) -> bool,
    ) -> Vec<(Site, Value)> {
        self.handed_in_deep(site, value, wanted, 3)
    }

    fn handed_in_deep(
        &self,
        site: Site,
        value: &Value,
        wanted: &impl Fn(FnId, &Value) -> bool,
        depth: u8,
    ) -> Vec<(Site, Value)> {
        let Some(index) = self.parameter_of(site.function, value) else {
            return Vec::new();
        };
        let callers = self.callers(site.function);
        // Wrappers of wrappers have few callers; what everybody calls is no wrapper.
        let most = if depth == 3 { 64 } else { 8 };
        if depth == 0 || callers.len() > most {
            return Vec::new();
        }
        let mut found = Vec::new();
        for &caller in callers {
            let Some(value) = self.argument(caller, Arg::Index(index as u8)) else {
                continue;
            };
            if wanted(caller.function, value) {
                found.push((caller, value.clone()));
            } else {
                found.extend(self.handed_in_deep(caller, value, wanted, depth - 1));
            }
        }
        found
    }

    /// The position of the parameter that a value of a function is, and nothing else.
    pub fn parameter_of(&self, function: FnId, value: &Value) -> Option<u32> {
        match self.key_of_value(function, value)? {
            Key {
                root: KeyRoot::Param(of, index),
                path,
            } if of == function && path.is_empty() => Some(index),
            _ => None,
        }
    }

    /// The functions that a value may be: a name, a lambda, a local that holds one, the target of a bind.
    pub fn functions_of(&self, function: FnId, value: &Value) -> Vec<FnId> {
        self.functions_of_deep(function, value, 5)
    }

    /// Whether a local stands for `c ? a : b`.
    fn is_choice(&self, function: FnId, place: &Place) -> bool {
        matches!(place.root, Root::Local(index) if self
            .function(function)
            .locals
            .get(index as usize)
            .is_some_and(|local| &*local.name == CHOICE))
    }

    fn functions_of_deep(&self, function: FnId, value: &Value, depth: u8) -> Vec<FnId> {
        if depth == 0 {
            return Vec::new();
        }
        match value {
            Value::Closure(index) => vec![self.sibling(function, *index)],
            Value::Place(place) | Value::AddressOf(place) => match &place.root {
                Root::Global(name) if place.path.is_empty() => match self.meaning(function, name) {
                    Meaning::Functions(functions) => functions,
                    Meaning::Constant(other, _) if other != value => {
                        self.functions_of_deep(function, &other.clone(), depth - 1)
                    }
                    Meaning::Static(id) => {
                        let init = self.static_def(id).init.clone();
                        init.iter()
                            .flat_map(|value| self.functions_of_deep(function, value, depth - 1))
                            .collect()
                    }
                    _ => Vec::new(),
                },
                Root::Local(_) if place.path.is_empty() => {
                    let assigned: Vec<&Value> = self
                        .function(function)
                        .stmts
                        .iter()
                        .filter_map(|stmt| match &stmt.kind {
                            StmtKind::Assign { to, value } if to == place => Some(value),
                            _ => None,
                        })
                        .collect();
                    match assigned[..] {
                        [only] if only != value => {
                            self.functions_of_deep(function, only, depth - 1)
                        }
                        // `debug ? traced : plain`: each of the two, where both are known.
                        [first, second] if self.is_choice(function, place) => {
                            let first = self.functions_of_deep(function, first, depth - 1);
                            let second = self.functions_of_deep(function, second, depth - 1);
                            if first.is_empty() || second.is_empty() {
                                return Vec::new();
                            }
                            first.into_iter().chain(second).collect()
                        }
                        _ => Vec::new(),
                    }
                }
                Root::Capture(index) if place.path.is_empty() => {
                    let capture = self.function(function).captures.get(*index as usize);
                    match (capture, self.enclosing(function)) {
                        (Some(capture), Some(around)) => {
                            self.functions_of_deep(around, &capture.value.clone(), depth - 1)
                        }
                        _ => Vec::new(),
                    }
                }
                Root::Result(stmt) if place.path.is_empty() => {
                    self.functions_of_deep(function, &Value::Result(*stmt), depth - 1)
                }
                _ => Vec::new(),
            },
            // `std::bind(&Worker::Run, this)`, `boost::bind`, `std::function<void()>(f)`, `make_callback(f)`.
            Value::Result(stmt) => match self
                .function(function)
                .stmts
                .get(stmt.0 as usize)
                .map(|stmt| &stmt.kind)
            {
                Some(StmtKind::Call {
                    callee: Callee::Named(_) | Callee::Construct { .. },
                    args,
                }) => match args.first() {
                    Some(first)
                        if self
                            .call(Site {
                                function,
                                stmt: *stmt,
                            })
                            .is_none_or(|call| call.targets.is_empty()) =>
                    {
                        self.functions_of_deep(function, &first.clone(), depth - 1)
                    }
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}
