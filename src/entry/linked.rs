//! What a linker puts into a module, and which functions of it can run, by names alone.
//!
//! In comes a linked program, out go the files that are in it and the functions that something names. A module holds
//! its own sources as a whole; of a static library it holds the sources that define a name which something in the
//! module uses, and of the headers those that its sources include. A function of a library is used only where a header
//! that declares it, or its class, is included. A function with internal linkage, a template and an inline function of a header are code only where they are
//! named.
//!
//! Names are their last parts: `a::f` and `b::f` are one. Only an enumerator that is written with its enumeration,
//! `Phase::open`, is no function `open`. What is in doubt is in.

use crate::index::words;
use crate::ir::{
    Callee, Cond, FunctionKind, Import, Linkage, Place, Root, StmtId, StmtKind, Value,
};
use crate::program::{FnId, Program, Site, StaticId, TypeId};
use crate::source::{FileId, Lang};
use rustc_hash::{FxHashMap, FxHashSet};

/// The answer.
pub struct Linked {
    units: Vec<bool>,
    functions: Vec<bool>,
    unit_of: FxHashMap<FileId, usize>,
}

impl Linked {
    /// Whether the module holds what a file defines.
    pub fn holds(&self, program: &Program, file: FileId) -> bool {
        match self.unit_of.get(&file) {
            Some(&unit) => self.units[unit],
            None => program.is_own_file(file),
        }
    }

    /// Whether something in the module may call a function.
    pub fn runs(&self, function: FnId) -> bool {
        self.functions[function.0 as usize]
    }
}

/// Which objects a linker takes is decided by all that the objects name; which functions run only by those that do.
pub fn find(program: &Program) -> Linked {
    let index = Index::new(program);
    let taken = Walk::new(&index, None).finish();
    let functions = if index.archived.contains(&true) {
        Walk::new(&index, Some(&taken.live)).finish().runs
    } else {
        taken.runs
    };
    Linked {
        units: taken.live,
        functions,
        unit_of: index
            .program
            .units
            .iter()
            .enumerate()
            .map(|(number, unit)| (unit.file, number))
            .collect(),
    }
}

/// What a name may mean.
#[derive(Clone, Copy)]
enum Meant<'p> {
    Function(FnId),
    Object(StaticId),
    Type(TypeId),
    Constant(&'p Value),
}

/// The program by names.
struct Index<'p, 'a> {
    program: &'p Program<'a>,
    meant: FxHashMap<&'p str, Vec<Meant<'p>>>,
    /// Methods, by name.
    methods: FxHashMap<&'p str, Vec<FnId>>,
    /// Enumerations and the like, and what stands in them: no function is meant where both are written.
    enumerators: FxHashSet<(&'p str, &'p str)>,
    /// Where functions that are not methods are declared, by name.
    declared: FxHashMap<&'p str, Vec<usize>>,
    /// Units by lower-case file name.
    files: FxHashMap<String, Vec<usize>>,
    /// Lambdas and local functions of a function.
    inner: FxHashMap<FnId, Vec<FnId>>,
    /// Statics of a function.
    statics: FxHashMap<FnId, Vec<StaticId>>,
    /// Units that only a static library brings in.
    archived: Vec<bool>,
    headers: Vec<bool>,
}

impl<'p, 'a> Index<'p, 'a> {
    fn new(program: &'p Program<'a>) -> Index<'p, 'a> {
        let mut meant: FxHashMap<&'p str, Vec<Meant<'p>>> = FxHashMap::default();
        let mut methods: FxHashMap<&'p str, Vec<FnId>> = FxHashMap::default();
        let mut inner: FxHashMap<FnId, Vec<FnId>> = FxHashMap::default();
        for id in program.ids() {
            let function = program.function(id);
            if let Some(around) = program.enclosing(id) {
                inner.entry(around).or_default().push(id);
            }
            if is_method(program, id) {
                methods.entry(&function.name).or_default().push(id);
                continue;
            }
            for name in names_of(&function.name) {
                meant.entry(name).or_default().push(Meant::Function(id));
            }
        }
        let mut statics: FxHashMap<FnId, Vec<StaticId>> = FxHashMap::default();
        for id in program.static_ids() {
            let object = program.static_def(id);
            match object.function {
                Some(function) => statics
                    .entry(program.function_in(program.static_unit(id), function))
                    .or_default()
                    .push(id),
                None => meant
                    .entry(&object.name)
                    .or_default()
                    .push(Meant::Object(id)),
            }
        }
        for id in program.type_ids() {
            let name = &*program.type_def(id).name;
            meant.entry(name).or_default().push(Meant::Type(id));
        }
        let mut files: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        let mut declared: FxHashMap<&'p str, Vec<usize>> = FxHashMap::default();
        let mut archived = Vec::new();
        let mut headers = Vec::new();
        let mut enumerators = FxHashSet::default();
        for (number, unit) in program.units.iter().enumerate() {
            for declaration in &unit.declarations {
                let units = declared.entry(&declaration.name).or_default();
                if units.last() != Some(&number) {
                    units.push(number);
                }
            }
            for constant in &unit.constants {
                let names = meant.entry(&constant.name).or_default();
                names.push(Meant::Constant(&constant.value));
                if let Some(space) = last_part(&constant.scope) {
                    enumerators.insert((space, &*constant.name));
                }
            }
            let path = &program.sources.file(unit.file).path;
            files.entry(file_name(path)).or_default().push(number);
            let in_library = &program.module.from_libraries;
            archived.push(in_library.binary_search(&unit.file).is_ok());
            headers.push(program.module.headers.binary_search(&unit.file).is_ok());
        }
        for id in program.ids() {
            let function = program.function(id);
            if let Some(space) = last_part(&function.scope) {
                enumerators.remove(&(space, &*function.name));
            }
        }
        // A DLL that is made of nothing but libraries takes them by means that are not seen here.
        let own = |unit: usize| !archived[unit] && !headers[unit];
        if !program
            .ids()
            .any(|id| own(program.unit_number(id) as usize))
        {
            archived.fill(false);
        }
        Index {
            program,
            meant,
            methods,
            enumerators,
            declared,
            files,
            inner,
            statics,
            archived,
            headers,
        }
    }
}

/// The innermost namespace, class or enumeration of a scope.
fn last_part(scope: &str) -> Option<&str> {
    scope.rsplit("::").next().filter(|part| !part.is_empty())
}

/// What stands before the `::` in front of a word: `Phase` of `Phase::open`.
fn space_before(text: &str, word: usize) -> Option<&str> {
    let before = text.get(..word)?.trim_end().strip_suffix("::")?.trim_end();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    Some(&before[before.trim_end_matches(is_part).len()..])
}

/// Whether a function is named by a receiver or a qualified name, except inside its class. Constructors and destructors
/// go by the name of the class.
fn is_method(program: &Program, id: FnId) -> bool {
    match program.function(id).kind {
        FunctionKind::Method => true,
        FunctionKind::Free => program.owner(id).is_some(),
        _ => false,
    }
}

/// A destructor is meant wherever its class is.
fn names_of(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(name.strip_prefix('~'))
}

/// `BOOST_ABI_PREFIX`, `FT_GLYPH_H`, `NEXT(1)`: no file is called so.
fn is_capitals(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_uppercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'_' | b'(' | b')' | b',')
        })
}

fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.to_ascii_lowercase()
}

struct Walk<'i, 'p, 'a> {
    index: &'i Index<'p, 'a>,
    program: &'p Program<'a>,
    live: Vec<bool>,
    runs: Vec<bool>,
    named: FxHashSet<&'p str>,
    /// Names of types that were met in a type's text only.
    types: FxHashSet<&'p str>,
    /// Names of methods that were met.
    called: FxHashSet<&'p str>,
    /// Names and functions that were met and not yet looked at.
    names: Vec<&'p str>,
    type_names: Vec<&'p str>,
    method_names: Vec<&'p str>,
    bodies: Vec<FnId>,
    units: Vec<usize>,
    /// Functions whose name was met, by the headers that declare them, of which nothing has included one yet.
    unseen: FxHashMap<usize, Vec<FnId>>,
    /// Which units are taken is known; only what runs is asked for.
    settled: bool,
}

impl<'i, 'p, 'a> Walk<'i, 'p, 'a> {
    fn new(index: &'i Index<'p, 'a>, live: Option<&[bool]>) -> Walk<'i, 'p, 'a> {
        let program = index.program;
        let count = program.units.len();
        let mut walk = Walk {
            index,
            program,
            live: vec![false; count],
            runs: vec![false; program.ids().count()],
            named: FxHashSet::default(),
            types: FxHashSet::default(),
            called: FxHashSet::default(),
            names: Vec::new(),
            type_names: Vec::new(),
            method_names: Vec::new(),
            bodies: Vec::new(),
            units: Vec::new(),
            unseen: FxHashMap::default(),
            settled: live.is_some(),
        };
        for row in program.api.entries() {
            walk.name(&row.name);
            walk.method(&row.name);
        }
        for name in program
            .module
            .entry_names
            .iter()
            .chain(&program.module.exports)
        {
            walk.name(name);
        }
        let has_sources = index.headers.iter().any(|&header| !header);
        for unit in 0..count {
            let begins = match live {
                Some(live) => live[unit],
                None if index.headers[unit] => !has_sources,
                None => {
                    !index.archived[unit]
                        || program.units[unit]
                            .functions
                            .iter()
                            .any(|function| function.linkage == Linkage::Exported)
                }
            };
            if begins {
                walk.take(unit);
            }
        }
        walk
    }

    fn finish(mut self) -> Self {
        loop {
            if let Some(name) = self.names.pop() {
                for meant in self.index.meant.get(name).map_or(&[][..], Vec::as_slice) {
                    self.meet(*meant);
                }
            } else if let Some(name) = self.type_names.pop() {
                for meant in self.index.meant.get(name).map_or(&[][..], Vec::as_slice) {
                    if self.is_of_type(*meant) {
                        self.meet(*meant);
                    }
                }
            } else if let Some(name) = self.method_names.pop() {
                for &id in self.index.methods.get(name).map_or(&[][..], Vec::as_slice) {
                    self.meet(Meant::Function(id));
                }
            } else if let Some(unit) = self.units.pop() {
                self.open(unit);
            } else if let Some(id) = self.bodies.pop() {
                self.body(id);
            } else {
                return self;
            }
        }
    }

    fn name(&mut self, name: &'p str) {
        if !name.is_empty() && self.named.insert(name) {
            self.names.push(name);
        }
    }

    fn method(&mut self, name: &'p str) {
        if !name.is_empty() && self.called.insert(name) {
            self.method_names.push(name);
        }
    }

    /// A name as a call or a value writes it, with what its template arguments name. A plain name means a method only
    /// `in_class`.
    fn refer(&mut self, written: &'p str, in_class: bool) {
        if written.starts_with("operator") {
            return;
        }
        let (plain, arguments) = match written.find('<') {
            Some(open) => written.split_at(open),
            None => (written, ""),
        };
        let last = plain.rsplit("::").next().unwrap_or(plain);
        self.name(last);
        if in_class || last.len() < plain.len() {
            self.method(last);
        }
        self.mention(arguments);
    }

    fn is_enumerator(&self, space: Option<&str>, name: &str) -> bool {
        space.is_some_and(|space| self.index.enumerators.contains(&(space, name)))
    }

    /// Every word of source code that was not understood.
    fn mention_all(&mut self, text: &'p str) {
        self.mention(text);
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words.filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())) {
            self.method(word);
        }
    }

    /// Every word of a type's text. What is the name of a type there is no function of the same name.
    fn mention(&mut self, text: &'p str) {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words.filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())) {
            let meant = self.index.meant.get(word).map_or(&[][..], Vec::as_slice);
            if !meant.iter().any(|meant| matches!(meant, Meant::Type(_))) {
                self.name(word);
            } else if !self.named.contains(word) && self.types.insert(word) {
                self.type_names.push(word);
            }
        }
    }

    /// Whether a name means something in a type's text where it is the name of a type.
    fn is_of_type(&self, meant: Meant) -> bool {
        match meant {
            Meant::Function(id) => self.program.function(id).kind != FunctionKind::Free,
            _ => true,
        }
    }

    fn meet(&mut self, meant: Meant<'p>) {
        let program = self.program;
        match meant {
            Meant::Function(id) => {
                let unit = program.unit_number(id) as usize;
                let function = program.function(id);
                let is_outside = function.linkage != Linkage::Internal
                    && !matches!(
                        function.kind,
                        FunctionKind::Lambda | FunctionKind::Initializer | FunctionKind::Macro
                    );
                if !self.live[unit] && is_outside {
                    match self.unseen_headers(id) {
                        Some(headers) => {
                            for header in headers {
                                self.unseen.entry(header).or_default().push(id);
                            }
                        }
                        None => self.take_object(unit),
                    }
                }
                if self.live[unit] {
                    self.run(id);
                }
            }
            Meant::Object(id) => {
                let object = program.static_def(id);
                if !object.internal && !object.is_extern {
                    self.take_object(program.static_unit(id) as usize);
                }
            }
            Meant::Type(id) => {
                let def = program.type_def(id);
                for text in def.bases.iter().chain(&def.alias) {
                    self.mention(text);
                }
                for field in &def.fields {
                    if !field.type_text.ends_with(['*', '&']) {
                        self.mention(&field.type_text);
                    }
                    self.values(field.init.iter(), true);
                }
                // An object of the class holds a table of its virtual methods.
                for method in def.methods.iter().filter(|method| method.is_virtual) {
                    self.method(&method.name);
                }
            }
            Meant::Constant(value) => self.value(value, true),
        }
    }

    /// The headers that declare a function of C++, or its class, as long as nothing that is in the module includes one of
    /// them.
    fn unseen_headers(&self, id: FnId) -> Option<Vec<usize>> {
        let program = self.program;
        if self.settled || program.lang(id) != Lang::Cpp {
            return None;
        }
        let headers = match program.owner(id) {
            Some(class) => vec![program.type_unit(class) as usize],
            None => self
                .index
                .declared
                .get(&*program.function(id).name)?
                .clone(),
        };
        headers
            .iter()
            .all(|&unit| self.index.headers[unit] && !self.live[unit])
            .then_some(headers)
    }

    /// A name of an object in a static library is used: the linker takes the object.
    fn take_object(&mut self, unit: usize) {
        if !self.settled && self.index.archived[unit] {
            self.take(unit);
        }
    }

    fn take(&mut self, unit: usize) {
        if !std::mem::replace(&mut self.live[unit], true) {
            self.units.push(unit);
        }
    }

    /// What a file names by being in the module.
    fn open(&mut self, unit: usize) {
        let program = self.program;
        let lowered = &*program.units[unit];
        for method in self.unseen.remove(&unit).unwrap_or_default() {
            self.meet(Meant::Function(method));
        }
        for index in 0..lowered.functions.len() as u32 {
            let id = program.function_in(unit as u32, crate::ir::FunctionIndex(index));
            let name = &program.function(id).name;
            let is_named = if is_method(program, id) {
                self.called.contains(&**name)
            } else {
                let is_type = program.function(id).kind != FunctionKind::Free;
                names_of(name)
                    .any(|name| self.named.contains(name) || is_type && self.types.contains(name))
            };
            if is_named || self.runs_by_itself(id, unit) {
                self.run(id);
            }
        }
        for object in lowered
            .statics
            .iter()
            .filter(|object| object.function.is_none())
        {
            self.mention(&object.type_text);
            self.values(object.init.iter(), true);
        }
        for invocation in &lowered.invocations {
            self.refer(&invocation.name, false);
            self.values(invocation.args.iter(), true);
        }
        let defaults = lowered
            .declarations
            .iter()
            .flat_map(|declaration| &declaration.params)
            .chain(
                lowered
                    .types
                    .iter()
                    .flat_map(|def| def.methods.iter().flat_map(|method| &method.params)),
            )
            .filter_map(|param| param.default.as_ref());
        for value in defaults {
            self.value(value, true);
        }
        for (option, _) in &lowered.linker_options {
            self.mention(option);
        }
        let text: &'p str = &program.sources.file(lowered.file).text;
        for span in &lowered.opaque {
            self.mention_all(text.get(span.range()).unwrap_or(""));
        }
        if lowered.lang != Lang::Rust {
            self.instantiations(text);
            for import in &lowered.imports {
                if let Import::Include(name) = import {
                    self.include(unit, name);
                }
            }
        }
    }

    fn include(&mut self, from: usize, name: &str) {
        // `#include NAME`: which file that is, is not known.
        if is_capitals(name) {
            for unit in 0..self.live.len() {
                if self.index.headers[unit] {
                    self.take(unit);
                }
            }
            return;
        }
        let program = self.program;
        let path_of = |unit: usize| &*program.sources.file(program.units[unit].file).path;
        let name = name.replace('\\', "/").to_ascii_lowercase();
        let name = name.trim_start_matches("../").trim_start_matches("./");
        let mut found: Vec<usize> = self
            .index
            .files
            .get(&file_name(name))
            .cloned()
            .unwrap_or_default();
        // All that it can mean: those whose path ends so, else those that are called so.
        let narrow = |found: &mut Vec<usize>, fits: &dyn Fn(usize) -> bool| {
            if found.iter().any(|&unit| fits(unit)) {
                found.retain(|&unit| fits(unit));
            }
        };
        if found.len() > 1 {
            let folder = path_of(from)
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let beside = format!("{folder}/{name}");
            narrow(&mut found, &|unit| {
                path_of(unit).to_ascii_lowercase().ends_with(name)
            });
            narrow(&mut found, &|unit| {
                path_of(unit).eq_ignore_ascii_case(&beside)
            });
        }
        for unit in found {
            self.take(unit);
        }
    }

    /// `template class Foo<int>;` makes all of the class.
    fn instantiations(&mut self, text: &'p str) {
        for (at, word) in text.match_indices("template ") {
            let rest = text[at + word.len()..].trim_start();
            let Some(rest) = ["class ", "struct "]
                .iter()
                .find_map(|word| rest.strip_prefix(word))
            else {
                continue;
            };
            // `template class __declspec(dllexport) core::Pool<int>;`
            let name = rest.split(['<', ';']).next().unwrap_or("").trim_end();
            let is_before = |c: char| c.is_whitespace() || matches!(c, ':' | ')');
            let name = name.rsplit(is_before).next().unwrap_or("");
            self.name(name);
            for meant in self.index.meant.get(name).map_or(&[][..], Vec::as_slice) {
                if let Meant::Type(id) = meant {
                    for method in &self.program.type_def(*id).methods {
                        self.method(&method.name);
                    }
                }
            }
        }
    }

    /// Whether a function is code, and may be called, although nothing names it.
    fn runs_by_itself(&self, id: FnId, unit: usize) -> bool {
        let function = self.program.function(id);
        match function.kind {
            FunctionKind::Initializer if !function.has_this => return true,
            FunctionKind::Drop => return true,
            FunctionKind::Macro => return false,
            FunctionKind::Lambda => return function.enclosing.is_none(),
            _ => {}
        }
        let registered = function
            .attributes
            .iter()
            .any(|name| matches!(&**name, "constructor" | "destructor" | "used"));
        if self.program.lang(id) == Lang::Rust || registered {
            return true;
        }
        if function.is_template {
            return false;
        }
        if function.is_virtual
            || function.linkage == Linkage::Exported
            || function.export_name.is_some()
            || function.name.starts_with("operator")
        {
            return true;
        }
        // Another module can call what stands in an own source, but of a library's object only what is exported.
        function.linkage == Linkage::External
            && function.enclosing.is_none()
            && !self.index.headers[unit]
            && !(self.settled && self.index.archived[unit])
    }

    fn run(&mut self, id: FnId) {
        if !std::mem::replace(&mut self.runs[id.0 as usize], true) {
            self.bodies.push(id);
        }
    }

    /// What a function names.
    fn body(&mut self, id: FnId) {
        let program = self.program;
        let function = program.function(id);
        // A macro may stand in a class.
        let is_macro = function.kind == FunctionKind::Macro;
        let in_class = program.owner(id).is_some() || function.has_this;
        for &inner in self.index.inner.get(&id).map_or(&[][..], Vec::as_slice) {
            self.run(inner);
        }
        for &object in self.index.statics.get(&id).map_or(&[][..], Vec::as_slice) {
            let object = program.static_def(object);
            self.mention(&object.type_text);
            self.values(object.init.iter(), in_class);
        }
        if matches!(function.kind, FunctionKind::Ctor | FunctionKind::Dtor) {
            self.name(function.scope.rsplit("::").next().unwrap_or(""));
        }
        if function.is_cut {
            // What its body names is told by its text alone.
            let file = program.sources.file(program.file(id));
            let text: &'p str = file.text.get(function.span.range()).unwrap_or("");
            let lang = program.lang(id);
            words::each(text, 0..text.len(), lang, |word, how| {
                let space = space_before(text, word.start);
                let name = &text[word];
                if how & words::how::CALLED == 0 && self.is_enumerator(space, name) {
                    return;
                }
                self.name(name);
                if in_class || how & words::how::MEMBER != 0 {
                    self.method(name);
                }
            });
        }
        let mut deletes = false;
        for (index, stmt) in function.stmts.iter().enumerate() {
            match &stmt.kind {
                StmtKind::Call { callee, args } => {
                    let stmt = StmtId(index as u32);
                    let call = program.call(Site { function: id, stmt });
                    // Overrides are there where their classes are.
                    for target in call.into_iter().flat_map(|call| call.runs()) {
                        if target.note.is_none() {
                            self.meet(Meant::Function(target.function));
                        }
                    }
                    let is_known = call.is_some_and(|call| !call.unresolved);
                    match callee {
                        Callee::Named(name) => {
                            deletes |= name.starts_with("delete");
                            if is_known {
                                self.mention(name.split_once('<').map_or("", |(_, rest)| rest));
                            } else {
                                self.refer(name, in_class || is_macro);
                            }
                        }
                        Callee::Method { receiver, name } => {
                            self.value(receiver, in_class);
                            if !is_known {
                                self.method(name.split('<').next().unwrap_or(name));
                            }
                        }
                        Callee::Indirect(value) => self.value(value, in_class),
                        Callee::Closure(index) => self.run(program.sibling(id, *index)),
                        Callee::Construct { type_text, .. } => self.mention(type_text),
                        Callee::Macro(name) => self.refer(name, false),
                    }
                    self.values(args.iter(), in_class);
                }
                StmtKind::Assign { to, value } => {
                    self.place(to, in_class);
                    self.value(value, in_class);
                }
                StmtKind::Drop { type_text, .. } => self.mention(type_text),
                StmtKind::Return { value } => self.values(value.iter(), in_class),
                StmtKind::Opaque { names } => {
                    for name in names {
                        self.refer(name, true);
                    }
                }
            }
        }
        for edge in function.blocks.iter().flat_map(|block| &block.next) {
            for guard in &edge.when {
                self.condition(&guard.cond, in_class);
            }
        }
        for capture in &function.captures {
            self.value(&capture.value, in_class);
        }
        let variables = || function.params.iter().chain(&function.locals);
        for variable in variables() {
            self.values(variable.default.iter(), in_class);
        }
        if deletes {
            for variable in variables() {
                self.mention(&variable.type_text);
            }
        }
    }

    fn condition(&mut self, condition: &'p Cond, in_class: bool) {
        if let Cond::Compare { left, right, .. } = condition {
            self.value(left, in_class);
            self.value(right, in_class);
        }
    }

    fn place(&mut self, place: &'p Place, in_class: bool) {
        if let Root::Global(name) = &place.root {
            let space = name
                .rsplit_once("::")
                .and_then(|(before, _)| last_part(before));
            if !self.is_enumerator(space, crate::api::last_segment(name)) {
                self.refer(name, in_class);
            }
        }
    }

    fn values(&mut self, values: impl Iterator<Item = &'p Value>, in_class: bool) {
        for value in values {
            self.value(value, in_class);
        }
    }

    fn value(&mut self, value: &'p Value, in_class: bool) {
        // Conditions and alternatives nest as deep as lowering lets them.
        match value {
            Value::Place(place) | Value::AddressOf(place) => self.place(place, in_class),
            Value::Cond(condition) => self.condition(condition, in_class),
            Value::Or(values) => self.values(values.iter(), in_class),
            // A lambda belongs to the function around it, or runs by itself.
            _ => {}
        }
    }
}
