//! The language-neutral intermediate representation: what lowering makes of one file.
//!
//! A `Unit` depends on nothing but the file's text. Names in it are as written (with `use` and leading `::`
//! resolved); which function, type or static a name means is decided later, by `program`. There are no API names here.
//!
//! Invariants:
//! - A call that stands in a condition or an argument is a statement of its own, before the edge that tests its
//!   result. `&&`, `||`, `!` and `?:` are control flow: a guard is one comparison.
//! - Casts, parentheses, `*p`, `Some(x)`, `x?`, `.unwrap()`, `.as_bool()`, `.into()` and the like are peeled: they
//!   leave the value that they wrap. `p->x`, `(*p).x` and `p.x` are the same place.
//! - What could not be understood is a `StmtKind::Opaque` with the names that are called in it.

pub mod build;
mod spans;

use crate::source::{FileId, Lang, Span};
use std::fmt;
use std::sync::Arc;

/// The name of the local that `c ? a : b` is: both arms assign to it.
pub const CHOICE: &str = "{choice}";

pub type Name = Arc<str>;

/// Index of a function in `Unit::functions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionIndex(pub u32);
/// Index of a statement in `Function::stmts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StmtId(pub u32);
/// Index of a block in `Function::blocks`; block 0 is where the function begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// All that one file defines.
#[derive(Debug, Clone)]
pub struct Unit {
    pub file: FileId,
    pub lang: Lang,
    pub functions: Vec<Function>,
    pub types: Vec<TypeDef>,
    pub statics: Vec<Static>,
    /// Prototypes without a body (C, C++; Rust: the functions of `extern` blocks).
    pub declarations: Vec<Declaration>,
    /// Enumerators, Rust `const` items, object-like macros that stand for a value or another name.
    pub constants: Vec<Constant>,
    pub imports: Vec<Import>,
    /// Macros used where a declaration stands: `DEFINE_DLLMAIN(on_attach(), on_detach())`.
    pub invocations: Vec<Invocation>,
    /// Functions, by name, that initializer lists put into members of objects.
    pub slots: Vec<Slot>,
    /// `#pragma comment(linker, …)`: the linker options, as written.
    pub linker_options: Vec<(Name, Span)>,
    /// Regions that were not understood: parse errors, arms of `#if` that had to be blanked, macro bodies.
    pub opaque: Vec<Span>,
}

impl Unit {
    pub fn new(file: FileId, lang: Lang) -> Unit {
        Unit {
            file,
            lang,
            functions: Vec::new(),
            types: Vec::new(),
            statics: Vec::new(),
            declarations: Vec::new(),
            constants: Vec::new(),
            imports: Vec::new(),
            invocations: Vec::new(),
            slots: Vec::new(),
            linker_options: Vec::new(),
            opaque: Vec::new(),
        }
    }
}

/// What an initializer list puts into a member that may be a function pointer: `{ Start, Stop }`, `{ .stop = Stop }`.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The type of the object, as written.
    pub type_text: Name,
    pub member: Member,
    /// The name of something at namespace scope, or its address.
    pub value: Value,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    Named(Name),
    /// By position, from 0.
    At(u32),
}

/// A macro that is used at namespace scope. A `#define` whose body is a function definition is lowered to that
/// function, with the attribute `macro:NAME(a,b)`, or `exported macro:NAME(a,b)` where other crates may use it; in it the macro's parameter `a` is called as `$a` where it stands as
/// a statement, and is the place `$a` where it stands as a value.
#[derive(Debug, Clone)]
pub struct Invocation {
    pub name: Name,
    /// An argument that is a statement or a block is a `Value::Closure`; it runs where the macro puts it.
    pub args: Vec<Value>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    Free,
    Method,
    Ctor,
    Dtor,
    /// A C++ lambda or a Rust closure.
    Lambda,
    /// `Drop::drop` of a Rust type.
    Drop,
    /// Made by lowering: evaluates the initializer of one namespace-scope static (or Rust lazy static), or the default
    /// initializer of one member, which then has `this`.
    Initializer,
    /// A `#define` or `macro_rules!` whose body parses as statements or as an expression.
    Macro,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// `static`, anonymous namespace, a Rust item that is not exported by name.
    Internal,
    External,
    /// `__declspec(dllexport)`, `#[no_mangle]`, `#[export_name]`.
    Exported,
}

/// A function with a body.
#[derive(Debug, Clone)]
pub struct Function {
    /// The last part of the name: `Stop`, `Worker` (constructor), `~Worker` (destructor), `drop`, `operator()`.
    /// Lambdas are `{lambda}`, initializers `{init NAME}`.
    pub name: Name,
    /// The namespaces and classes around it, without template arguments: `ns::Worker`; `` for a global function.
    /// In Rust the modules inside this file and the `impl` type: `imp::Worker`.
    pub scope: Name,
    pub kind: FunctionKind,
    /// Without `this` and `self`. A macro's parameters have an empty type.
    pub params: Vec<Var>,
    pub variadic: bool,
    /// A method that is called on an object (not a static one).
    pub has_this: bool,
    /// Declared `virtual` or `override`, or a method of a Rust trait impl.
    pub is_virtual: bool,
    /// A C++ template, or a method of a class template: there is code of it only where something names it.
    pub is_template: bool,
    /// `void`, `DWORD`, `Result<(), Error>`; `` where there is none (Rust: ``, or `!` for the never type).
    pub return_type: Name,
    pub locals: Vec<Var>,
    /// Of a lambda: what it takes from the function around it.
    pub captures: Vec<Capture>,
    /// Of a lambda or a function inside a function: the function around it.
    pub enclosing: Option<FunctionIndex>,
    pub linkage: Linkage,
    /// `#[export_name = "DllMain"]`, or the name after an alias pragma.
    pub export_name: Option<Name>,
    /// `constructor`, `destructor` (GCC attributes), `ctor`, `dtor` (Rust crates), `noreturn`, `test`, …; the last
    /// path segment of each attribute, lower case.
    pub attributes: Vec<Name>,
    /// Open preprocessor or `cfg` conditions around the definition.
    pub when: Vec<Guard>,
    pub stmts: Vec<Stmt>,
    pub blocks: Vec<Block>,
    /// Its body was not looked into (`syntax::cut`): it is empty here.
    pub is_cut: bool,
    /// From the first token of the definition to its closing brace.
    pub span: Span,
    pub name_span: Span,
}

#[derive(Debug, Clone)]
pub struct Var {
    pub name: Name,
    /// As written, white space collapsed to single blanks, cv-qualifiers and references kept: `const std::thread &`.
    /// `auto` where the source says so (Rust: `` where no type is written).
    pub type_text: Name,
    /// Of a parameter: its default argument.
    pub default: Option<Value>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Capture {
    pub name: Name,
    pub type_text: Name,
    pub by_ref: bool,
    /// The captured value in terms of the enclosing function. The captured `this`/`self` is no capture: `Root::This`
    /// in a lambda is the enclosing function's.
    pub value: Value,
}

/// A function without a body.
#[derive(Debug, Clone)]
pub struct Declaration {
    pub name: Name,
    pub scope: Name,
    pub params: Vec<Var>,
    pub variadic: bool,
    pub return_type: Name,
    pub linkage: Linkage,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypeKind {
    /// class, struct, union; Rust struct, enum, union.
    Class,
    Trait,
    /// typedef, using, Rust `type`.
    Alias,
}

#[derive(Debug, Clone)]
pub struct TypeDef {
    pub name: Name,
    pub scope: Name,
    pub kind: TypeKind,
    /// Base classes as written (without access words); of a Rust type: the traits implemented in this file.
    pub bases: Vec<Name>,
    /// Fields that belong to each object (not static ones), in order.
    pub fields: Vec<Field>,
    /// All methods that the class head or impl names, with or without a body.
    pub methods: Vec<MethodDecl>,
    /// Of an alias: what it stands for.
    pub alias: Option<Name>,
    pub template_params: Vec<Name>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub name: Name,
    pub type_text: Name,
    /// A default member initializer: a plain value, or `Unknown` where it is more than that.
    pub init: Option<Value>,
    /// The `Initializer` function that gives it that value, where it calls something. C++ only.
    pub initializer: Option<FunctionIndex>,
    /// Of a union: nothing makes it by default.
    pub in_union: bool,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub struct MethodDecl {
    /// `~Worker` for a destructor.
    pub name: Name,
    pub is_virtual: bool,
    pub is_static: bool,
    pub return_type: Name,
    pub params: Vec<Var>,
}

/// An object with static or thread storage: at namespace scope, a static data member's definition, or function-local.
#[derive(Debug, Clone)]
pub struct Static {
    pub name: Name,
    pub scope: Name,
    pub type_text: Name,
    pub thread_local: bool,
    /// `static` at namespace scope, anonymous namespace, private Rust static.
    pub internal: bool,
    /// A declaration only (`extern X x;`).
    pub is_extern: bool,
    /// The function in which a function-local static stands. Its constructor and assignments are statements there.
    pub function: Option<FunctionIndex>,
    /// For the others: the `Initializer` function that constructs it, where that is more than a plain value.
    pub initializer: Option<FunctionIndex>,
    /// The initial value, or the elements of an initializer list, where they are plain values.
    pub init: Vec<Value>,
    /// `no_destroy`, `section:.CRT$XLB`, `const`, `lazy` (Rust Lazy, LazyLock, lazy_static!), lower case.
    pub attributes: Vec<Name>,
    pub when: Vec<Guard>,
    pub span: Span,
    pub name_span: Span,
}

#[derive(Debug, Clone)]
pub struct Constant {
    pub name: Name,
    pub scope: Name,
    pub value: Value,
    /// Of a macro: the open preprocessor conditions around the definition.
    pub when: Vec<Guard>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Import {
    /// `#include`, as written between the quotes or brackets.
    Include(Name),
    /// `using namespace x`, `use x::*`.
    Namespace(Name),
    /// `using x::y`, `use x::y as z`, `namespace z = x`: the short name and the full path.
    Alias(Name, Name),
    /// `mod x;` of Rust: the module and the path attribute, if any.
    Module(Name, Option<Name>),
}

#[derive(Debug, Clone, Default)]
pub struct Block {
    pub stmts: Vec<StmtId>,
    /// Empty where the function ends.
    pub next: Vec<Edge>,
}

/// An edge is taken when all its guards hold; edges of a block cover all cases.
#[derive(Debug, Clone)]
pub struct Edge {
    pub to: BlockId,
    pub when: Vec<Guard>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    pub cond: Cond,
    /// Whether the condition must be true or false.
    pub holds: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cond {
    /// `x` alone is `x != 0`, `!p` is `p == 0`; the constant stands on the right.
    Compare { left: Value, op: Op, right: Value },
    /// An open preprocessor or `cfg` condition, white space collapsed: the same text has the same value everywhere.
    Config(Name),
    /// Something else: an exception, an iterator that may be empty, a pattern.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `left & right` is not zero.
    HasBits,
}

impl Op {
    /// Whether a comparison of two numbers is true.
    pub fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Op::Eq => left == right,
            Op::Ne => left != right,
            Op::Lt => left < right,
            Op::Le => left <= right,
            Op::Gt => left > right,
            Op::Ge => left >= right,
            Op::HasBits => left & right != 0,
        }
    }

    /// The comparison that says the same with its two sides exchanged.
    pub fn mirrored(self) -> Op {
        match self {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            same => same,
        }
    }

    /// The comparison that is true where this one is not; none for `HasBits`.
    pub fn negated(self) -> Option<Op> {
        Some(match self {
            Op::Eq => Op::Ne,
            Op::Ne => Op::Eq,
            Op::Lt => Op::Ge,
            Op::Le => Op::Gt,
            Op::Gt => Op::Le,
            Op::Ge => Op::Lt,
            Op::HasBits => return None,
        })
    }
}

#[derive(Debug, Clone)]
pub struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StmtKind {
    /// Its value, if used, is `Value::Result` of this statement.
    Call {
        callee: Callee,
        args: Vec<Value>,
    },
    Assign {
        to: Place,
        value: Value,
    },
    /// The end of the life of a by-value local or temporary of class type (every type that is not evidently a scalar,
    /// pointer or reference). Members are not listed: `program` knows the class.
    Drop {
        place: Place,
        type_text: Name,
    },
    Return {
        value: Option<Value>,
    },
    /// Not understood; the names that seem to be called in it.
    Opaque {
        names: Vec<Name>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Callee {
    /// A function by its name as written, template arguments and a leading `::` removed; in Rust with its first
    /// segment resolved through `use`: `WaitForSingleObject`, `std::thread::spawn`, `Worker::instance`, `Self::stop`.
    /// `delete p` calls `delete`, `delete[] p` too; `co_await x` calls `co_await`; `x.await` calls `await`.
    Named(Name),
    /// `receiver.name(…)`, `receiver->name(…)`; a method called without a receiver inside a class is `Named`.
    Method { receiver: Value, name: Name },
    /// Through a variable or the result of a call.
    Indirect(Value),
    /// A lambda called where it is written.
    Closure(FunctionIndex),
    /// A constructor: of a local, a member initializer or base (the place is the first argument of an
    /// `Assign` that follows), `new T(…)` (`heap`), a temporary `T(…)`.
    Construct { type_text: Name, heap: bool },
    /// A macro that stands as a statement or an expression and is not known to be a function: `NAME!(…)` of Rust,
    /// without the mark. C and C++ macros look like functions and are `Named`.
    Macro(Name),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Place(Place),
    AddressOf(Place),
    Const(i64),
    Text(Name),
    Null,
    /// A lambda or closure of the same unit.
    Closure(FunctionIndex),
    /// What a call statement of the same function gave.
    Result(StmtId),
    /// A comparison used as a value: `reserved == NULL`.
    Cond(Box<Cond>),
    /// `A | B | C`.
    Or(Vec<Value>),
    Unknown,
}

/// Where a value lives. `p->x`, `(*p).x` and `p.x` are all root `p`, path `x`; an index is the path part `[]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub root: Root,
    /// At most `Place::DEEPEST` parts; a longer path has `Root::Unknown`.
    pub path: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    Local(u32),
    Param(u32),
    Capture(u32),
    /// `this`, `self`.
    This,
    /// A name that is no local, parameter or capture: a static, a constant, an enumerator, a function, a member of
    /// `this` written without `this->` (where the class is not visible in the file), or something unknown.
    Global(Name),
    Result(StmtId),
    Unknown,
}

impl Place {
    pub const DEEPEST: usize = 4;

    pub fn of(root: Root) -> Place {
        Place {
            root,
            path: Vec::new(),
        }
    }

    pub fn unknown() -> Place {
        Place::of(Root::Unknown)
    }

    /// The place of a member. Too deep a path is unknown.
    pub fn field(&self, name: impl Into<Name>) -> Place {
        if self.root == Root::Unknown || self.path.len() >= Place::DEEPEST {
            return Place::unknown();
        }
        let mut path = self.path.clone();
        path.push(name.into());
        Place {
            root: self.root.clone(),
            path,
        }
    }
}

impl Value {
    /// The place that this value is, points to, or came from.
    pub fn place(&self) -> Option<Place> {
        match self {
            Value::Place(place) | Value::AddressOf(place) => Some(place.clone()),
            Value::Result(id) => Some(Place::of(Root::Result(*id))),
            _ => None,
        }
    }
}

impl Guard {
    pub fn holds(cond: Cond) -> Guard {
        Guard { cond, holds: true }
    }

    pub fn fails(cond: Cond) -> Guard {
        Guard { cond, holds: false }
    }
}

impl Function {
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    pub fn stmt(&self, id: StmtId) -> &Stmt {
        &self.stmts[id.0 as usize]
    }

    /// Whether a way leads from the start to a block over edges that are all open, given the block that each leaves.
    pub fn leads_to(&self, to: BlockId, is_open: impl Fn(BlockId, &Edge) -> bool) -> bool {
        let mut seen = vec![false; self.blocks.len()];
        let mut pending = Vec::new();
        if !self.blocks.is_empty() {
            pending.push(BlockId(0));
        }
        while let Some(block) = pending.pop() {
            if block == to {
                return true;
            }
            if std::mem::replace(&mut seen[block.0 as usize], true) {
                continue;
            }
            let next = self.block(block).next.iter();
            pending.extend(next.filter(|edge| is_open(block, edge)).map(|edge| edge.to));
        }
        false
    }

    /// The block in which a statement stands.
    pub fn block_of(&self, stmt: StmtId) -> Option<BlockId> {
        let mut blocks = self.blocks.iter();
        let number = blocks.position(|block| block.stmts.contains(&stmt))?;
        Some(BlockId(number as u32))
    }

    /// `ns::Worker::Stop`.
    pub fn qualified_name(&self) -> String {
        if self.scope.is_empty() {
            self.name.to_string()
        } else {
            format!("{}::{}", self.scope, self.name)
        }
    }
}

// The dump format: tests and `tplint` developers read it.

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for import in &self.imports {
            writeln!(f, "{import:?}")?;
        }
        for constant in &self.constants {
            writeln!(
                f,
                "const {} = {}",
                qualified(&constant.scope, &constant.name),
                constant.value
            )?;
        }
        for ty in &self.types {
            write!(f, "{:?} {}", ty.kind, qualified(&ty.scope, &ty.name))?;
            if let Some(alias) = &ty.alias {
                write!(f, " = {alias}")?;
            }
            if !ty.bases.is_empty() {
                write!(f, " : {}", ty.bases.join(", "))?;
            }
            writeln!(f)?;
            for field in &ty.fields {
                writeln!(f, "  {}: {}", field.name, field.type_text)?;
            }
            for method in &ty.methods {
                writeln!(
                    f,
                    "  fn {}{}",
                    if method.is_virtual { "virtual " } else { "" },
                    method.name
                )?;
            }
        }
        for object in &self.statics {
            write!(
                f,
                "static {}: {}",
                qualified(&object.scope, &object.name),
                object.type_text
            )?;
            if object.thread_local {
                write!(f, " thread_local")?;
            }
            if let Some(function) = object.function {
                write!(f, " in #{}", function.0)?;
            }
            if !object.init.is_empty() {
                write!(f, " = {}", list(&object.init))?;
            }
            if !object.attributes.is_empty() {
                write!(f, " [{}]", object.attributes.join(", "))?;
            }
            writeln!(f)?;
        }
        for declaration in &self.declarations {
            writeln!(
                f,
                "declare {} {:?}",
                qualified(&declaration.scope, &declaration.name),
                declaration.linkage
            )?;
        }
        for (index, function) in self.functions.iter().enumerate() {
            write!(f, "#{index} {function}")?;
        }
        for invocation in &self.invocations {
            writeln!(f, "invoke {}({})", invocation.name, list(&invocation.args))?;
        }
        for span in &self.opaque {
            writeln!(f, "opaque {}..{}", span.start, span.end)?;
        }
        Ok(())
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?} {}(", self.kind, self.qualified_name())?;
        for (index, param) in self.params.iter().enumerate() {
            write!(
                f,
                "{}{}: {}",
                if index > 0 { ", " } else { "" },
                param.name,
                param.type_text
            )?;
        }
        write!(f, ")")?;
        if !self.return_type.is_empty() {
            write!(f, " -> {}", self.return_type)?;
        }
        match self.linkage {
            Linkage::Internal => write!(f, " internal")?,
            Linkage::External => {}
            Linkage::Exported => write!(f, " exported")?,
        }
        if let Some(name) = &self.export_name {
            write!(f, " as {name}")?;
        }
        if !self.attributes.is_empty() {
            write!(f, " [{}]", self.attributes.join(", "))?;
        }
        for guard in &self.when {
            write!(f, " when {guard}")?;
        }
        writeln!(f)?;
        for (index, local) in self.locals.iter().enumerate() {
            writeln!(f, "  local {index} {}: {}", local.name, local.type_text)?;
        }
        for (index, capture) in self.captures.iter().enumerate() {
            writeln!(
                f,
                "  capture {index} {}{} = {}",
                if capture.by_ref { "&" } else { "" },
                capture.name,
                capture.value
            )?;
        }
        for (index, block) in self.blocks.iter().enumerate() {
            writeln!(f, "  b{index}:")?;
            for &id in &block.stmts {
                writeln!(f, "    s{} {}", id.0, self.stmt(id).kind)?;
            }
            for edge in &block.next {
                write!(f, "    -> b{}", edge.to.0)?;
                for guard in &edge.when {
                    write!(f, " when {guard}")?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for StmtKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            StmtKind::Call { callee, args } => write!(f, "{callee}({})", list(args)),
            StmtKind::Assign { to, value } => write!(f, "{to} = {value}"),
            StmtKind::Drop { place, type_text } => write!(f, "drop {place}: {type_text}"),
            StmtKind::Return { value: None } => write!(f, "return"),
            StmtKind::Return { value: Some(value) } => write!(f, "return {value}"),
            StmtKind::Opaque { names } => write!(f, "opaque [{}]", names.join(", ")),
        }
    }
}

impl fmt::Display for Callee {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Callee::Named(name) => write!(f, "{name}"),
            Callee::Method { receiver, name } => write!(f, "{receiver}.{name}"),
            Callee::Indirect(value) => write!(f, "(*{value})"),
            Callee::Closure(index) => write!(f, "#{}", index.0),
            Callee::Construct {
                type_text,
                heap: false,
            } => write!(f, "construct {type_text}"),
            Callee::Construct {
                type_text,
                heap: true,
            } => write!(f, "new {type_text}"),
            Callee::Macro(name) => write!(f, "{name}!"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Place(place) => write!(f, "{place}"),
            Value::AddressOf(place) => write!(f, "&{place}"),
            Value::Const(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Null => write!(f, "null"),
            Value::Closure(index) => write!(f, "closure #{}", index.0),
            Value::Result(id) => write!(f, "s{}", id.0),
            Value::Cond(cond) => write!(f, "({cond})"),
            Value::Or(values) => write!(
                f,
                "{}",
                values
                    .iter()
                    .map(Value::to_string)
                    .collect::<Vec<_>>()
                    .join(" | ")
            ),
            Value::Unknown => write!(f, "?"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.root {
            Root::Local(index) => write!(f, "l{index}")?,
            Root::Param(index) => write!(f, "p{index}")?,
            Root::Capture(index) => write!(f, "c{index}")?,
            Root::This => write!(f, "this")?,
            Root::Global(name) => write!(f, "{name}")?,
            Root::Result(id) => write!(f, "s{}", id.0)?,
            Root::Unknown => write!(f, "?")?,
        }
        for part in &self.path {
            write!(f, ".{part}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cond {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Cond::Compare { left, op, right } => {
                let sign = match op {
                    Op::Eq => "==",
                    Op::Ne => "!=",
                    Op::Lt => "<",
                    Op::Le => "<=",
                    Op::Gt => ">",
                    Op::Ge => ">=",
                    Op::HasBits => "&",
                };
                write!(f, "{left} {sign} {right}")
            }
            Cond::Config(text) => write!(f, "#if {text}"),
            Cond::Unknown => write!(f, "?"),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.holds {
            write!(f, "{}", self.cond)
        } else {
            write!(f, "not {}", self.cond)
        }
    }
}

fn qualified(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_string()
    } else {
        format!("{scope}::{name}")
    }
}

fn list(values: &[Value]) -> String {
    values
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
