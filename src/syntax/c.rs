//! C and C++ to IR, over tree-sitter.
//!
//! The text is made harmless first, without changing its length: comments and directives go (`preprocessor`), then
//! words that a parser without headers stumbles over (`blank`). What is left is parsed once; a first walk collects the
//! types, a second one lowers functions and objects. Functions that the tree lost are cut out and parsed alone
//! (`recovery`), and so are the bodies of macros (`macros`).

mod calls;
mod classes;
mod conditions;
mod declarations;
mod declarators;
mod exceptions;
mod expressions;
mod fields;
mod functions;
mod lambdas;
mod literals;
mod locals;
mod macros;
mod names;
pub mod places;
pub(crate) mod preprocessor;
mod recovery;
mod statements;
mod templates;
#[cfg(test)]
mod tests;
mod truth;

use super::blank::{self, Mark};
use crate::ir::{Guard, Import, Name, StmtKind, Unit};
use crate::source::{FileId, Lang, Span};
use functions::Frame;
pub use names::is_scalar;
use preprocessor::{Arms, Directive};
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;
use tree_sitter::{Node, Parser, Tree};

/// Trees nested deeper than this are opaque: the walks recurse.
const DEEPEST: usize = 200;

/// Lowers the text of one C or C++ file.
pub fn lower(file: FileId, lang: Lang, text: &str) -> Unit {
    let mut cpp = lang != Lang::C;
    let mut prepared = Prepared::new(text, cpp);
    let mut parser = Parser::new();
    let mut tree = parse(&mut parser, cpp, &prepared.text);
    if !cpp && error_bytes(tree.as_ref()) > text.len() / 50 {
        // A file called `.c` may hold C++.
        let other = Prepared::new(text, true);
        let as_cpp = parse(&mut parser, true, &other.text);
        if error_bytes(as_cpp.as_ref()) * 2 < error_bytes(tree.as_ref()) {
            (cpp, prepared, tree) = (true, other, as_cpp);
        }
    }
    let macros = macros::prepare(&prepared.directives, cpp);
    let mut unit = Unit::new(file, lang);
    unit.opaque = prepared
        .opaque
        .iter()
        .map(|range| Span::new(file, range.start, range.end))
        .collect();
    let nothing = Default::default();
    let mut lowering = Lowering {
        unit,
        cpp,
        slice: Slice {
            text: &prepared.text,
            base: 0,
            marks: &prepared.marks,
            blocks: &prepared.blocks,
            arguments: &prepared.arguments,
            nothing: &nothing,
        },
        arms: &prepared.arms,
        sections: sections(&prepared.directives),
        parser,
        names: FxHashSet::default(),
        classes: FxHashMap::default(),
        classes_by_name: FxHashMap::default(),
        types_by_span: FxHashMap::default(),
        enums: FxHashSet::default(),
        namespaces: FxHashSet::default(),
        values: FxHashSet::default(),
        scope: Vec::new(),
        templates: Vec::new(),
        frames: Vec::new(),
        macro_params: Vec::new(),
        depth: 0,
        bodies: Vec::new(),
        ends: FxHashMap::default(),
        bodies_by_braces: Vec::new(),
        recovering: false,
        interior: None,
    };
    lowering.directives(&prepared.directives);
    if let Some(tree) = &tree {
        let (lost, enclosures) = if tree.root_node().has_error() {
            recovery::functions(prepared.text.as_bytes())
        } else {
            Default::default()
        };
        lowering.bodies_by_braces = enclosures;
        lowering.ends = lost.iter().map(|found| found.ends()).collect();
        lowering.collect_types(tree.root_node());
        lowering.items(tree.root_node());
        if tree.root_node().has_error() {
            lowering.recover(&lost);
        }
    } else {
        lowering.opaque_region(0..text.len());
    }
    lowering.macros(&macros);
    let mut unit = lowering.unit;
    unit.opaque.sort();
    unit.opaque.dedup();
    unit
}

/// The text of a file, ready for the grammar.
struct Prepared {
    text: String,
    marks: Vec<Mark>,
    blocks: FxHashSet<usize>,
    arguments: FxHashMap<usize, String>,
    directives: Vec<Directive>,
    arms: Arms,
    opaque: Vec<Range<usize>>,
}

impl Prepared {
    fn new(text: &str, cpp: bool) -> Prepared {
        let mut stripped = preprocessor::strip(text, cpp);
        let noise = blank::repair(&mut stripped.bytes, cpp);
        let mut opaque = stripped.opaque;
        opaque.extend(noise.opaque);
        Prepared {
            text: into_text(stripped.bytes),
            marks: noise.marks,
            blocks: noise.blocks,
            arguments: noise.arguments,
            directives: stripped.directives,
            arms: stripped.arms,
            opaque,
        }
    }
}

/// Bytes to text of the same length.
fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut bytes = error.into_bytes();
        for byte in &mut bytes {
            if !byte.is_ascii() {
                *byte = b'_';
            }
        }
        String::from_utf8(bytes).unwrap_or_default()
    })
}

fn parse(parser: &mut Parser, cpp: bool, text: &str) -> Option<Tree> {
    let language = if cpp {
        tree_sitter_cpp::LANGUAGE
    } else {
        tree_sitter_c::LANGUAGE
    };
    parser.set_language(&language.into()).ok()?;
    parser.parse(text, None)
}

/// How many bytes stand in error nodes that are no child of another error.
fn error_bytes(tree: Option<&Tree>) -> usize {
    let Some(tree) = tree else {
        return usize::MAX / 4;
    };
    if !tree.root_node().has_error() {
        return 0;
    }
    let mut cursor = tree.walk();
    let mut total = 0;
    loop {
        let node = cursor.node();
        let error = node.is_error() && node.parent().is_some();
        if error {
            total += node.byte_range().len();
        }
        if !error && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return total;
            }
        }
    }
}

/// `#pragma const_seg(".CRT$XLB")`: from this offset on, data goes to that section (`None`: to the usual one).
fn sections(directives: &[Directive]) -> Vec<(usize, Option<String>)> {
    directives
        .iter()
        .filter(|directive| directive.name == "pragma" && !directive.dead)
        .filter_map(|directive| {
            let rest = directive.rest.trim();
            let rest = rest
                .strip_prefix("const_seg")
                .or_else(|| rest.strip_prefix("data_seg"))?
                .trim();
            let name = rest.split('"').nth(1).map(str::to_string);
            Some((directive.range.start, name))
        })
        .collect()
}

/// A text that is walked, and where in the file it begins.
#[derive(Clone, Copy)]
struct Slice<'t> {
    text: &'t str,
    base: usize,
    /// Offsets are the slice's.
    marks: &'t [Mark],
    blocks: &'t FxHashSet<usize>,
    /// Statements that were cut out of macro arguments, by the offset where a number stands for them.
    arguments: &'t FxHashMap<usize, String>,
    /// A set and a map with nothing in them, for slices that are part of another one.
    nothing: &'t (FxHashSet<usize>, FxHashMap<usize, String>),
}

impl<'t> Slice<'t> {
    /// A slice without marks; text and base are the caller's.
    fn empty(outer: Slice<'t>) -> Slice<'t> {
        Slice {
            marks: &[],
            blocks: &outer.nothing.0,
            arguments: &outer.nothing.1,
            ..outer
        }
    }
}

/// A namespace or class around what is being lowered.
#[derive(Debug, Clone)]
struct ScopePart {
    name: Name,
    /// Index into `Unit::types`.
    class: Option<usize>,
    /// An anonymous namespace; its name is empty.
    internal: bool,
}

struct Lowering<'t> {
    unit: Unit,
    cpp: bool,
    slice: Slice<'t>,
    arms: &'t Arms,
    sections: Vec<(usize, Option<String>)>,
    parser: Parser,
    names: FxHashSet<Name>,
    /// Qualified name to index in `Unit::types`, aliases too.
    classes: FxHashMap<Name, usize>,
    /// Last name part to the indices of all types of that name.
    classes_by_name: FxHashMap<Name, Vec<usize>>,
    types_by_span: FxHashMap<(u32, u32), usize>,
    enums: FxHashSet<Name>,
    /// Last parts of the namespaces that the file opens.
    namespaces: FxHashSet<Name>,
    /// Functions and objects that the file defines: in doubt, `T x(name)` is an object, not a function.
    values: FxHashSet<Name>,
    scope: Vec<ScopePart>,
    /// The parameters of the templates around the present place, with their defaults.
    templates: Vec<Vec<(Name, Option<Name>)>>,
    frames: Vec<Frame>,
    /// In a function that a macro defines: the macro's parameters.
    macro_params: Vec<Name>,
    depth: usize,
    /// Ranges in the file of the function bodies that were lowered.
    bodies: Vec<Range<usize>>,
    /// In a file with errors: where functions that begin at an offset end by their braces.
    ends: FxHashMap<usize, usize>,
    /// In a file with errors: the bodies of functions and classes by their braces. What the tree shows at namespace
    /// scope there stands deeper.
    bodies_by_braces: Vec<recovery::Enclosure>,
    /// A function is read alone: whatever its end, there is no other reading.
    recovering: bool,
    /// The statements of the next function, where they had to be parsed without their head.
    interior: Option<Tree>,
}

impl<'t> Lowering<'t> {
    fn text(&self, node: Node) -> &'t str {
        self.slice.text.get(node.byte_range()).unwrap_or("")
    }

    fn offset(&self, node: Node) -> usize {
        self.slice.base + node.start_byte()
    }

    fn span(&self, node: Node) -> Span {
        self.span_of(node.byte_range())
    }

    /// The span of a range in the slice.
    fn span_of(&self, range: Range<usize>) -> Span {
        Span::new(
            self.unit.file,
            self.slice.base + range.start,
            self.slice.base + range.end,
        )
    }

    fn name(&mut self, text: &str) -> Name {
        if let Some(name) = self.names.get(text) {
            return name.clone();
        }
        let name: Name = text.into();
        self.names.insert(name.clone());
        name
    }

    fn opaque_region(&mut self, range: Range<usize>) {
        let span = Span::new(self.unit.file, range.start, range.end);
        self.unit.opaque.push(span);
    }

    /// Open conditions around a node, for items.
    fn when(&self, node: Node) -> Vec<Guard> {
        self.arms.when(self.offset(node))
    }

    /// The namespaces and classes around the present place, joined.
    fn scope_name(&mut self) -> Name {
        let parts: Vec<&str> = self
            .scope
            .iter()
            .map(|part| &*part.name)
            .filter(|name| !name.is_empty())
            .collect();
        let joined = parts.join("::");
        self.name(&joined)
    }

    fn is_internal_scope(&self) -> bool {
        self.scope.iter().any(|part| part.internal)
    }

    /// The words that were blanked before or inside the head of a declaration: from `start` back over blanks, up to
    /// `end`.
    fn marks(&self, start: usize, end: usize) -> &'t [Mark] {
        let marks = self.slice.marks;
        if marks.is_empty() {
            return marks;
        }
        let bytes = self.slice.text.as_bytes();
        let mut from = start.min(bytes.len());
        while from > 0 && bytes[from - 1].is_ascii_whitespace() {
            from -= 1;
        }
        let first = marks.partition_point(|mark| mark.range.start < from);
        let last = marks.partition_point(|mark| mark.range.start < end);
        &marks[first..last.max(first)]
    }

    /// What directives say about the file as a whole.
    fn directives(&mut self, directives: &[Directive]) {
        for directive in directives.iter().filter(|directive| !directive.dead) {
            let rest = directive.rest.trim();
            match directive.name.as_str() {
                "include" | "import" | "include_next" => {
                    let path = rest.trim_matches(|c| matches!(c, '"' | '<' | '>' | ' '));
                    let path = self.name(path);
                    self.unit.imports.push(Import::Include(path));
                }
                "pragma" => {
                    let Some(rest) = rest.strip_prefix("comment") else {
                        continue;
                    };
                    let rest = rest.trim().trim_start_matches('(').trim_start();
                    let Some(options) = rest.strip_prefix("linker") else {
                        continue;
                    };
                    let pieces: Vec<&str> = options.split('"').skip(1).step_by(2).collect();
                    let options = self.name(&pieces.concat());
                    let span =
                        Span::new(self.unit.file, directive.range.start, directive.range.end);
                    self.unit.linker_options.push((options, span));
                }
                _ => {}
            }
        }
    }

    /// Names that seem to be called in a text.
    fn called_names(&mut self, text: &str) -> Vec<Name> {
        let mut names: Vec<Name> = Vec::new();
        for found in names::called(text) {
            let name = self.name(&found);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// A region inside a function that is not understood.
    fn opaque(&mut self, node: Node) {
        let names = self.called_names(self.text(node));
        let span = self.span(node);
        self.unit.opaque.push(span);
        if self.frames.is_empty() {
            return;
        }
        self.push(StmtKind::Opaque { names }, span);
    }
}

/// The named children of a node.
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).collect()
}

fn child<'n>(node: Node<'n>, kind: &str) -> Option<Node<'n>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .find(|child| child.kind() == kind)
}
