//! Functions that the tree lost: found by their braces, parsed alone.
//!
//! A parse error swallows what stands around it. A look at nothing but braces and parentheses finds the functions
//! again, and the grammar, which gets one of them at a time, can read nearly all.

use super::preprocessor::{literal_end, word_end};
use super::{Lowering, ScopePart, children, names};
use crate::ir::{TypeDef, TypeKind};
use crate::source::Span;
use rustc_hash::FxHashSet;
use std::ops::Range;
use tree_sitter::{Point, Tree};

/// A function as its braces show it.
pub struct Found {
    range: Range<usize>,
    /// The offset of its body's opening brace.
    body: usize,
    scope: Vec<Part>,
}

impl Found {
    /// Where the body begins, and where it ends.
    pub fn ends(&self) -> (usize, usize) {
        (self.body, self.range.end)
    }
}

/// A body that belongs to no namespace, from its opening brace to behind the closing one.
pub struct Enclosure {
    range: Range<usize>,
    is_class: bool,
    /// The end that lies furthest down, of this one and all before it.
    reach: usize,
}

/// Whether a place stands in the body of a function (`Some(false)`) or else of a class (`Some(true)`). Enclosures are in
/// the order of their beginnings.
pub fn enclosed(enclosures: &[Enclosure], offset: usize) -> Option<bool> {
    let before = enclosures.partition_point(|body| body.range.start < offset);
    enclosures[..before]
        .iter()
        .rev()
        .take_while(|body| body.reach > offset)
        .find(|body| body.range.end > offset)
        .map(|body| body.is_class)
}

#[derive(Clone)]
struct Part {
    name: String,
    /// The whole class, for a class.
    class: Option<Range<usize>>,
    internal: bool,
}

impl<'t> Lowering<'t> {
    /// Lowers the functions that the walk over the tree has not met.
    pub(super) fn recover(&mut self, lost: &[Found]) {
        self.recovering = true;
        let known: FxHashSet<usize> = self.bodies.iter().map(|body| body.start).collect();
        for found in lost {
            if known.contains(&found.body) {
                continue;
            }
            let bodies = self.bodies.len();
            let opaque = self.unit.opaque.len();
            if let Some(tree) = self.parse_ranges(std::slice::from_ref(&found.range)) {
                self.lower_alone(found, &tree);
            }
            if !self.is_lowered(found, bodies) && found.range.end > found.body + 1 {
                // Head and statements alone: an error in one of them stays small.
                let last = found.range.end - 1;
                let head = [found.range.start..found.body + 1, last..found.range.end];
                let inside = found.body + 1..last;
                self.interior = self.parse_ranges(std::slice::from_ref(&inside));
                if let Some(tree) = self.parse_ranges(&head) {
                    self.lower_alone(found, &tree);
                }
                self.interior = None;
            }
            if self.is_lowered(found, bodies) {
                // The region was counted as lost when the tree was walked.
                let inside = |span: &Span| {
                    found.range.start <= span.start as usize && span.end as usize <= found.range.end
                };
                let mut position = 0;
                self.unit.opaque.retain(|span| {
                    position += 1;
                    position > opaque || !inside(span)
                });
            } else {
                self.opaque_region(found.range.clone());
            }
        }
        self.recovering = false;
        self.uncover_functions();
    }

    /// An error region does not count where functions were read in it.
    fn uncover_functions(&mut self) {
        self.bodies.sort_by_key(|body| body.start);
        let spans = std::mem::take(&mut self.unit.opaque);
        for span in spans {
            let (mut at, end) = (span.start as usize, span.end as usize);
            let first = self.bodies.partition_point(|body| body.start < at);
            for body in &self.bodies[first..] {
                if body.start >= end {
                    break;
                }
                if body.end <= end && body.start > at {
                    self.unit.opaque.push(Span::new(span.file, at, body.start));
                    at = body.end;
                }
            }
            if at < end {
                self.unit.opaque.push(Span::new(span.file, at, end));
            }
        }
    }

    fn is_lowered(&self, found: &Found, from: usize) -> bool {
        self.bodies[from..]
            .iter()
            .any(|body| body.start == found.body)
    }

    /// Lowers the function in a tree of its own.
    fn lower_alone(&mut self, found: &Found, tree: &Tree) {
        let depth = self.scope.len();
        for part in &found.scope {
            self.recover_scope(part);
        }
        for item in children(tree.root_node()) {
            if matches!(
                item.kind(),
                "function_definition" | "template_declaration" | "linkage_specification"
            ) {
                self.item(item);
            }
        }
        self.scope.truncate(depth);
    }

    /// Parses parts of the text; offsets are the file's.
    fn parse_ranges(&mut self, ranges: &[Range<usize>]) -> Option<Tree> {
        let included: Vec<tree_sitter::Range> = ranges
            .iter()
            .enumerate()
            .map(|(row, range)| tree_sitter::Range {
                start_byte: range.start,
                end_byte: range.end,
                // Nobody asks for rows here; they only have to ascend.
                start_point: Point::new(2 * row, 0),
                end_point: Point::new(2 * row + 1, 0),
            })
            .collect();
        self.parser.set_included_ranges(&included).ok()?;
        let tree = super::parse(&mut self.parser, self.cpp, self.slice.text);
        // No range at all is the whole text, and always taken.
        let _ = self.parser.set_included_ranges(&[]);
        tree
    }

    /// Enters a namespace or class that was found by its braces; a class that the tree lost is read alone.
    fn recover_scope(&mut self, part: &Part) {
        let mut class = None;
        if let Some(range) = &part.class {
            class = self.find_class(&part.name);
            if class.is_none() {
                if let Some(tree) = self.parse_ranges(std::slice::from_ref(range)) {
                    self.collect_types(tree.root_node());
                }
                class = self.find_class(&part.name);
            }
            if class.is_none() {
                let (qualifier, last) = names::split(&part.name);
                let outer = self.scope_name();
                let scope = names::join(&outer, qualifier);
                let ty = TypeDef {
                    name: self.name(last),
                    scope: self.name(scope.trim_end_matches(':')),
                    kind: TypeKind::Class,
                    bases: Vec::new(),
                    fields: Vec::new(),
                    methods: Vec::new(),
                    alias: None,
                    template_params: Vec::new(),
                    span: Span::new(self.unit.file, range.start, range.end),
                };
                class = Some(self.add_type(ty));
            }
        }
        let name = self.name(&part.name);
        self.scope.push(ScopePart {
            name,
            class,
            internal: part.internal,
        });
    }
}

/// What a `{` opens.
enum Opens {
    Scope(Option<Part>),
    Function,
    /// A member initializer's braces: the head goes on.
    Initializer,
    /// An enumeration, an initializer list: nothing of interest.
    Other,
}

/// Finds the functions in a text without comments and directives, in the order of their beginnings, and the bodies of
/// functions and classes whose end is certain.
pub fn functions(bytes: &[u8]) -> (Vec<Found>, Vec<Enclosure>) {
    let mut found = Vec::new();
    let mut enclosures = Vec::new();
    let mut scopes: Vec<Option<Part>> = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            _ if byte.is_ascii_whitespace() => at += 1,
            b';' => {
                start = None;
                at += 1;
            }
            b'}' => {
                scopes.pop();
                start = None;
                at += 1;
            }
            b'{' => {
                let head_start = start.unwrap_or(at);
                let head = String::from_utf8_lossy(&bytes[head_start..at]);
                let end = closing(bytes, at);
                let close = || end.unwrap_or(bytes.len());
                let mut encloses = |is_class| {
                    if let Some(end) = end {
                        let before = enclosures.last().map_or(0, |last: &Enclosure| last.reach);
                        enclosures.push(Enclosure {
                            range: at..end,
                            is_class,
                            reach: end.max(before),
                        });
                    }
                };
                match classify(&head) {
                    Opens::Scope(part) => {
                        let part = part.map(|mut part| {
                            if part.class.is_some() {
                                part.class = Some(head_start..close());
                                encloses(true);
                            }
                            part
                        });
                        scopes.push(part);
                        start = None;
                        at += 1;
                    }
                    Opens::Function => {
                        encloses(false);
                        let end = close();
                        found.push(Found {
                            range: head_start..end,
                            body: at,
                            scope: scopes.iter().flatten().cloned().collect(),
                        });
                        start = None;
                        at = end;
                    }
                    Opens::Initializer => at = close(),
                    Opens::Other => at = close(),
                }
            }
            _ => {
                let begin = *start.get_or_insert(at);
                match byte {
                    b'"' | b'\'' => at = literal_end(bytes, at),
                    b'(' | b'[' => at = closing(bytes, at).unwrap_or(at + 1),
                    b':' if matches!(
                        bytes[begin..at].trim_ascii(),
                        b"public"
                            | b"private"
                            | b"protected"
                            | b"signals"
                            | b"public slots"
                            | b"private slots"
                    ) && bytes.get(at + 1) != Some(&b':') =>
                    {
                        start = None;
                        at += 1;
                    }
                    _ if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                        at = word_end(bytes, at)
                    }
                    _ => at += 1,
                }
            }
        }
    }
    (found, enclosures)
}

/// The offset after the bracket that closes the one at `open`; a brace that closes more than was opened ends the search.
fn closing(bytes: &[u8], open: usize) -> Option<usize> {
    let opening = bytes[open];
    let wanted = match opening {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    };
    let (mut depth, mut braces, mut at) = (0usize, 0usize, open);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == opening {
            depth += 1;
        } else if byte == wanted {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        } else if byte == b'{' {
            braces += 1;
        } else if byte == b'}' {
            braces = braces.checked_sub(1)?;
        } else if byte == b'"' || byte == b'\'' {
            at = literal_end(bytes, at);
            continue;
        } else if byte.is_ascii_alphanumeric() || byte == b'_' {
            at = word_end(bytes, at);
            continue;
        }
        at += 1;
    }
    None
}

/// Says what a head such as `class A : public B` or `int f(int a)` opens.
fn classify(head: &str) -> Opens {
    let mut head = head.trim();
    while let Some(rest) = head.strip_prefix("template").map(str::trim_start)
        && rest.starts_with('<')
    {
        let mut depth = 0usize;
        let end = rest.find(|c| {
            match c {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        head = end.map_or("", |end| rest[end + 1..].trim_start());
    }
    let head = head.strip_prefix("export ").unwrap_or(head).trim_start();
    if let Some(rest) = head.strip_prefix("extern")
        && rest.trim().starts_with('"')
        && rest.trim().ends_with('"')
    {
        return Opens::Scope(None);
    }
    let space = head.strip_prefix("inline").unwrap_or(head).trim_start();
    if let Some(rest) = space.strip_prefix("namespace") {
        let name = names::plain(rest);
        return Opens::Scope(Some(Part {
            internal: name.is_empty(),
            name,
            class: None,
        }));
    }
    let group = first_group(head);
    let before = &head[..group.map_or(head.len(), |(open, _)| open)];
    let equals = before.find('=').filter(|_| !before.contains("operator"));
    if group.is_none() || equals.is_some() {
        let words: Vec<&str> = before
            .split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
            .filter(|word| !word.is_empty())
            .collect();
        let keyword = words
            .iter()
            .position(|word| matches!(*word, "class" | "struct" | "union" | "enum"));
        return match keyword {
            Some(at) if words[at] != "enum" && equals.is_none() => {
                let after = head.split_once(words[at]).map_or("", |(_, after)| after);
                Opens::Scope(Some(Part {
                    name: class_name(after),
                    class: Some(0..0),
                    internal: false,
                }))
            }
            _ => Opens::Other,
        };
    }
    let Some((_, after)) = group else {
        return Opens::Other;
    };
    let rest = head[after..].trim();
    let in_list = rest.starts_with(':') || rest.starts_with("noexcept") && rest.contains(':');
    if in_list && head.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>') {
        return Opens::Initializer;
    }
    if before.ends_with(['+', '-', '*', '/', ',']) && !before.contains("operator") {
        return Opens::Other;
    }
    Opens::Function
}

/// `Foo<int> final : Base` is `Foo`.
fn class_name(text: &str) -> String {
    let mut end = text.len();
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        if bytes[at] == b':'
            && bytes.get(at + 1) != Some(&b':')
            && (at == 0 || bytes[at - 1] != b':')
        {
            end = at;
            break;
        }
    }
    let name = text[..end].trim();
    let name = name.strip_suffix("final").unwrap_or(name).trim();
    // Marks that were not blanked stand before the name.
    let bare = names::collapse(name);
    names::plain(
        bare.rsplit_once(' ')
            .map_or(bare.as_str(), |(before, last)| {
                if before.contains('<') {
                    bare.as_str()
                } else {
                    last
                }
            }),
    )
}

/// The first parenthesized group that follows a name: its beginning, and the offset after its end.
fn first_group(head: &str) -> Option<(usize, usize)> {
    let bytes = head.as_bytes();
    let mut at = 0;
    let mut word = 0..0;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b'"' | b'\'' => at = literal_end(bytes, at),
            b'(' => {
                let end = closing(bytes, at)?;
                let name = head.get(word.clone()).unwrap_or("");
                // `operator()` has two groups; the second one holds the parameters.
                let call_operator = name == "operator";
                if !name.is_empty() && !names::is_keyword(name) && !call_operator {
                    return Some((at, end));
                }
                if call_operator {
                    word = at..at + 1;
                }
                at = end;
            }
            b'[' => at = closing(bytes, at)?,
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                let end = word_end(bytes, at);
                word = at..end;
                at = end;
            }
            _ => at += 1,
        }
    }
    None
}
