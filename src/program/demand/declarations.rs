//! What stands outside functions, split into declarations by its braces and semicolons, without parsing.
//!
//! In come a text and where its functions stand; out go the classes, objects and macros between them, each with the names
//! that it declares and the pieces of text that belong to it.

use crate::index::defines::starts_line;
use crate::index::words::{self, how};
use crate::index::{FunctionFact, find, line_end, quoted_end};
use crate::source::Lang;
use std::ops::Range;

/// A declaration outside functions.
#[derive(Default)]
pub struct Item {
    /// Members, statics, enumerators.
    pub declares: Vec<Range<usize>>,
    /// The class, the macro, the objects.
    pub names: Vec<Range<usize>>,
    /// Objects with initializer lists, the members that these name, and the words before the objects.
    pub tables: Vec<Range<usize>>,
    pub designators: Vec<Range<usize>>,
    pub head: Vec<Range<usize>>,
    pub ranges: Vec<Range<usize>>,
    /// Of a class of C++: the values that members are given where they are declared.
    pub initializers: Vec<Range<usize>>,
    pub is_class: bool,
    pub is_alias: bool,
    pub is_prototype: bool,
    pub is_state: bool,
    pub object: bool,
    pub thread_local: bool,
    /// Of a macro: where its directive begins, which stands before the ranges.
    pub directive: Option<usize>,
    /// By which it is asked for.
    pub asked_by: Vec<Range<usize>>,
    /// What it is remains unknown, or what it makes: it is always read.
    pub is_obscure: bool,
}

impl Item {
    /// Gives back what its lists have taken in advance: all items of a tree are there at once.
    fn shrink_to_fit(&mut self) {
        for list in [
            &mut self.declares,
            &mut self.names,
            &mut self.tables,
            &mut self.designators,
            &mut self.head,
            &mut self.ranges,
            &mut self.initializers,
            &mut self.asked_by,
        ] {
            list.shrink_to_fit();
        }
    }
}

/// What begins the declaration of an object with static storage inside a function.
pub const STATIC_WORDS: [&str; 3] = ["static", "thread_local", "lazy_static"];

/// The declarations `static T x;` inside a function.
pub fn static_declarations(text: &str, range: Range<usize>, lang: Lang) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    words::each(text, range.clone(), lang, |word, _| {
        if STATIC_WORDS.contains(&&text[word.clone()]) {
            starts.push(word.start);
        }
    });
    let bytes = text.as_bytes();
    starts
        .into_iter()
        .map(|start| {
            let end = bytes[start..range.end]
                .iter()
                .position(|&byte| byte == b';')
                .map_or(range.end, |length| start + length);
            start..end
        })
        .collect()
}

/// Splits what stands outside functions into declarations. Namespaces are no declarations.
pub fn items(text: &str, lang: Lang, functions: &[FunctionFact]) -> Vec<Item> {
    let bytes = text.as_bytes();
    let mut items: Vec<Item> = Vec::new();
    let mut open = Open::default();
    let mut at = 0;
    let mut functions = functions.iter().peekable();
    while at < bytes.len() {
        if let Some(function) = functions.peek()
            && at >= function.start as usize
        {
            if (function.end as usize) > at {
                let start = open.start;
                open.take_piece(start, at);
                at = function.end as usize;
                open.member = at;
                if open.depth == 0 {
                    open = Open::default();
                }
                open.start = at;
            }
            functions.next();
            continue;
        }
        let byte = bytes[at];
        match byte {
            b'#' if lang != Lang::Rust && starts_line(bytes, at) => {
                let end = line_end(bytes, at, true);
                if let Some(item) = macro_item(text, at, end) {
                    items.push(item);
                }
                let start = open.start;
                open.take_piece(start, at);
                at = end;
                open.start = at;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = line_end(bytes, at, lang != Lang::Rust);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2);
                continue;
            }
            b'"' => {
                at = quoted_end(bytes, at, lang != Lang::Rust);
                continue;
            }
            b'\'' if lang != Lang::Rust => {
                at = quoted_end(bytes, at, true);
                continue;
            }
            b'\'' => {
                // A character or a lifetime.
                let long = bytes.get(at + 1) == Some(&b'\\');
                at = if long {
                    quoted_end(bytes, at, lang != Lang::Rust)
                } else if bytes.get(at + 2) == Some(&b'\'') {
                    at + 3
                } else {
                    at + 1
                };
                continue;
            }
            b'{' => {
                open.begin_initializer(text, at, lang);
                if open.depth == 0 && open.parens == 0 && open.is_namespace(text, lang) {
                    open = Open::default();
                    at += 1;
                    open.piece(at);
                    continue;
                }
                if open.depth == 0 {
                    open.head.get_or_insert(at);
                }
                open.depth += 1;
            }
            b'}' => {
                if open.depth == 0 {
                    // The end of a namespace.
                    open = Open::default();
                    at += 1;
                    open.piece(at);
                    continue;
                }
                open.depth -= 1;
                if open.depth == 0 {
                    open.last_close = Some(at);
                }
                if open.depth == 0 && lang == Lang::Rust && open.parens == 0 && !open.assigned {
                    at += 1;
                    items.extend(open.close(text, at, lang));
                    open = Open::default();
                    open.piece(at);
                    continue;
                }
            }
            b'(' => open.parens += 1,
            b')' => open.parens = open.parens.saturating_sub(1),
            b'=' if open.depth == 0 && open.parens == 0 => open.begin_value(at),
            b'=' => open.begin_initializer(text, at, lang),
            b';' if open.depth == 0 && open.parens == 0 => {
                at += 1;
                items.extend(open.close(text, at, lang));
                open = Open::default();
                open.piece(at);
                continue;
            }
            b';' => open.end_member(at),
            _ => {}
        }
        at += 1;
    }
    items.extend(open.close(text, bytes.len(), lang));
    items.shrink_to_fit();
    items
}

/// A declaration that is being read.
#[derive(Default)]
struct Open {
    start: usize,
    ranges: Vec<Range<usize>>,
    depth: u32,
    parens: u32,
    assigned: bool,
    assigned_at: Option<usize>,
    /// Where the first brace stands.
    head: Option<usize>,
    /// Where the last brace stands that closes it.
    last_close: Option<usize>,
    /// Where the type closes that an object with a value is declared with: `struct { … } object = …`.
    type_close: Option<usize>,
    /// Where the present member of a class begins.
    member: usize,
    /// Where its default initializer begins, and how deep.
    initializer: Option<(usize, u32)>,
    initializers: Vec<Range<usize>>,
}

impl Open {
    /// Begins anew behind what was read.
    fn piece(&mut self, at: usize) {
        self.start = at;
    }

    fn take_piece(&mut self, start: usize, end: usize) {
        if start < end {
            self.ranges.push(start..end);
        }
    }

    /// At a `=` outside of braces.
    fn begin_value(&mut self, at: usize) {
        if !std::mem::replace(&mut self.assigned, true) {
            self.assigned_at = Some(at);
            self.type_close = self.last_close;
        }
    }

    /// At a `=` or a `{`: begins the default initializer of a member, where it is one.
    fn begin_initializer(&mut self, text: &str, at: usize, lang: Lang) {
        if lang != Lang::Cpp || self.initializer.is_some() || self.parens > 0 {
            return;
        }
        if self.depth == 0 {
            self.member = at + 1;
            return;
        }
        let before = text.get(self.member.max(self.first())..at).unwrap_or("");
        if text.as_bytes()[at] == b'=' {
            if !before.trim_end().ends_with("operator") {
                self.initializer = Some((at, self.depth));
            }
        } else if opens_type(before) {
            self.member = at + 1;
        } else {
            self.initializer = Some((at, self.depth));
        }
    }

    /// At a `;` inside braces.
    fn end_member(&mut self, at: usize) {
        match self.initializer {
            Some((start, depth)) if depth == self.depth && self.parens == 0 => {
                self.initializers.push(start..at);
            }
            // A statement of a lambda; else what began was the value of an enumerator.
            Some((_, depth)) if depth < self.depth || self.parens > 0 => return,
            _ => {}
        }
        self.initializer = None;
        self.member = at + 1;
    }

    fn first(&self) -> usize {
        self.ranges.first().map_or(self.start, |range| range.start)
    }

    fn head_text<'t>(&self, text: &'t str, at: usize) -> &'t str {
        text.get(self.first()..at).unwrap_or("")
    }

    fn is_namespace(&self, text: &str, lang: Lang) -> bool {
        let head = self.head_text(text, self.head.unwrap_or(text.len()).min(text.len()));
        let head = &head[..head.find('{').unwrap_or(head.len())];
        let mut is = false;
        words::each(head, 0..head.len(), lang, |word, _| {
            is |= match lang {
                Lang::Rust => matches!(&head[word], "mod" | "impl" | "trait" | "extern"),
                _ => matches!(&head[word], "namespace" | "extern"),
            };
        });
        is && !head.contains('=')
    }

    fn close(&mut self, text: &str, end: usize, lang: Lang) -> Option<Item> {
        let start = self.start;
        self.take_piece(start, end);
        let mut item = Item {
            ranges: std::mem::take(&mut self.ranges),
            initializers: std::mem::take(&mut self.initializers),
            ..Item::default()
        };
        let bytes = text.as_bytes();
        let head_end = self.head.unwrap_or(end);
        let last_close = self.last_close.unwrap_or(end);
        let mut words: Vec<(Range<usize>, u8)> = Vec::new();
        for range in item.ranges.clone() {
            words::each(text, range, lang, |word, how| words.push((word, how)));
        }
        if words.is_empty() {
            return None;
        }
        // Behind the word that says what it is stands the name.
        let mut keyword: Option<usize> = None;
        let mut is_type = false;
        let mut called: Option<Range<usize>> = None;
        for (number, (word, how)) in words.iter().enumerate() {
            if word.start >= head_end {
                break;
            }
            match &text[word.clone()] {
                "class" | "struct" | "union" | "enum" | "interface" | "trait" => {
                    keyword.get_or_insert(number);
                    is_type = true;
                }
                "typedef" | "using" | "type" | "use" => {
                    item.is_alias = true;
                    keyword.get_or_insert(number);
                }
                "static" | "const" | "macro_rules" if lang == Lang::Rust => {
                    keyword.get_or_insert(number);
                }
                "thread_local" | "__thread" | "thread" => item.thread_local = true,
                _ => {}
            }
            let is_value = self.assigned_at.is_some_and(|at| word.start > at);
            if how & how::CALLED != 0 && called.is_none() && !is_value {
                called = Some(word.clone());
            }
        }
        let has_body = self.head.is_some();
        item.is_class = is_type && has_body && !self.assigned && !item.is_alias;
        let follows = |word: &Range<usize>| {
            let mut after = word.end;
            while matches!(bytes.get(after), Some(b' ' | b'\t' | b'\n' | b'\r')) {
                after += 1;
            }
            (
                bytes.get(after).copied().unwrap_or(b';'),
                bytes.get(after + 1).copied().unwrap_or(0),
            )
        };
        let follows_type = |word: &Range<usize>| {
            let (close, value) = (self.type_close, self.assigned_at);
            close.is_some_and(|close| word.start > close)
                && value.is_some_and(|value| word.start < value)
        };
        for (word, _) in &words {
            if lang != Lang::Rust && is_type_word(&text[word.clone()]) {
                continue;
            }
            let declares = match follows(word) {
                (b';' | b'[' | b',' | b'}', _) => true,
                (b'{', _) => lang != Lang::Rust,
                (b'=', next) => next != b'=',
                (b':', next) => next != b':',
                _ => false,
            };
            let is_function_pointer = is_function_pointer(bytes, word);
            if is_function_pointer {
                item.declares.push(word.clone());
            }
            let is_in_type = self.type_close.is_some_and(|close| word.start < close);
            if (declares || is_function_pointer) && is_in_type && word.start > head_end {
                item.designators.push(word.clone());
            }
            if declares {
                item.declares.push(word.clone());
                let value = self.assigned_at.is_some_and(|at| word.start > at);
                let outer = (word.start < head_end && !value)
                    || word.start > last_close
                    || follows_type(word);
                if outer && (!item.is_class || word.start > last_close) {
                    item.names.push(word.clone());
                }
            }
        }
        item.is_prototype = called.is_some() && !has_body && !self.assigned && !item.is_alias;
        if item.is_prototype {
            // An object, where it is none.
            item.names = called.iter().cloned().collect();
        } else {
            item.names.extend(called);
        }
        if self.assigned && has_body && !item.is_class && !item.is_alias {
            // A table: through its members the functions in it are called.
            item.tables = item.names.clone();
            keyword = None;
            for (word, how) in &words {
                if word.start < head_end {
                    if !is_type_word(&text[word.clone()]) {
                        item.head.push(word.clone());
                    }
                } else if self.type_close.is_some_and(|close| word.start < close) {
                    // The type that it is declared with.
                    continue;
                } else if how & how::MEMBER != 0 && how & how::WRITTEN != 0 {
                    item.designators.push(word.clone());
                }
            }
        }
        if let Some(keyword) = keyword {
            let behind = words[keyword + 1..]
                .iter()
                .take_while(|(word, _)| word.start < head_end);
            let mut name = None;
            for (word, _) in behind {
                if matches!(&text[word.clone()], "final" | "class" | "mut" | "struct") {
                    continue;
                }
                name = Some(word.clone());
                let ends = matches!(follows(word), (b':' | b'{' | b'<' | b'=' | b';', _));
                if ends || lang == Lang::Rust {
                    break;
                }
            }
            item.names.extend(name);
        }
        let (is_first_called, inner) = (called_first(&words), inner_types(text, bytes, &words));
        let has_enum = words.iter().any(|(word, _)| &text[word.clone()] == "enum");
        item.asked_by = item.names.clone();
        item.asked_by.extend(inner);
        if has_enum || (item.is_alias && !has_body) || (item.is_prototype && is_first_called) {
            item.asked_by.extend(item.declares.iter().cloned());
        }
        if item.is_prototype {
            let called = words.iter().filter(|(_, how)| how & how::CALLED != 0);
            item.asked_by.extend(called.map(|(word, _)| word.clone()));
        }
        // A macro that stands alone can make anything, and so can a body of something that is called.
        item.is_obscure = (item.is_prototype && is_first_called && item.declares.is_empty())
            || (has_body && !self.assigned && !item.is_alias && !is_type && !item.is_prototype);
        item.is_state = !((item.is_alias && !has_body) || item.is_prototype && lang == Lang::C);
        // `struct T { … } object;`
        let is_made = !item.is_alias && item.names.iter().any(|name| name.start > last_close);
        item.object =
            is_made || !(item.is_alias || item.is_class || is_type && !self.assigned && has_body);
        item.shrink_to_fit();
        Some(item)
    }
}

/// The words behind which a type stands, or its members, and that name nothing themselves.
const TYPE_WORDS: [&str; 4] = ["class", "struct", "union", "enum"];

fn is_type_word(word: &str) -> bool {
    TYPE_WORDS.contains(&word)
}

/// Whether the brace behind a member's first words opens a class or an enumeration, and no initializer: `struct In`, and not
/// `struct In member`.
fn opens_type(before: &str) -> bool {
    let mut words: Vec<&str> = Vec::new();
    words::each(before, 0..before.len(), Lang::Cpp, |word, _| {
        words.push(&before[word]);
    });
    let keyword = |word: &&str| is_type_word(word);
    let Some(first) = words.iter().position(&keyword) else {
        return false;
    };
    let is_access = |word: &&str| matches!(*word, "public" | "private" | "protected" | "typedef");
    let more = words[first + 1..]
        .iter()
        .filter(|word| !keyword(word))
        .count();
    words[..first].iter().all(is_access) && (more <= 1 || has_bases(before))
}

/// Whether a lone colon stands behind the last word for a type: `class In : public Base`.
fn has_bases(before: &str) -> bool {
    let start = TYPE_WORDS
        .iter()
        .filter_map(|word| before.rfind(word))
        .max()
        .unwrap_or(0);
    before[start..].replace("::", "").contains(':')
}

/// Whether a declaration begins with what is called in it: a macro that stands alone.
fn called_first(words: &[(Range<usize>, u8)]) -> bool {
    words.first().is_some_and(|(_, how)| how & how::CALLED != 0)
}

/// The types that are declared inside another one.
fn inner_types<'w>(
    text: &'w str,
    bytes: &'w [u8],
    words: &'w [(Range<usize>, u8)],
) -> impl Iterator<Item = Range<usize>> + 'w {
    words.windows(2).filter_map(move |pair| {
        let (keyword, name) = (&pair[0].0, &pair[1].0);
        let is_type = is_type_word(&text[keyword.clone()]);
        let behind = bytes[name.end..].iter().find(|b| !b.is_ascii_whitespace());
        (is_type && behind == Some(&b'{')).then(|| name.clone())
    })
}

/// What a `#define` line says.
fn macro_item(text: &str, start: usize, end: usize) -> Option<Item> {
    let line = text.get(start..end)?;
    let rest = line[1..].trim_start();
    let rest = rest.strip_prefix("define")?;
    let name = rest.trim_start();
    let at = start + (line.len() - name.len());
    let length = name
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'_'))
        .unwrap_or(name.len());
    (length > 0).then(|| Item {
        names: std::iter::once(at..at + length).collect(),
        asked_by: std::iter::once(at..at + length).collect(),
        ranges: std::iter::once(at + length..end).collect(),
        directive: Some(start),
        ..Item::default()
    })
}
/// Whether a word is what `void (*stop)(void)` declares.
fn is_function_pointer(bytes: &[u8], word: &Range<usize>) -> bool {
    let before = bytes[..word.start].trim_ascii_end();
    let after = bytes[word.end..].trim_ascii_start();
    before.ends_with(b"*")
        && after
            .strip_prefix(b")")
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"("))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, ranges: &[Range<usize>]) -> Vec<String> {
        ranges
            .iter()
            .map(|range| text[range.clone()].to_string())
            .collect()
    }

    #[test]
    fn an_object_with_its_own_type_has_its_name_and_its_members() {
        let text = "static const struct {\n  const char *name; void (*run)(int);\n} table[] = { { \"a\", go } };\n\
                    union { int a; } other = { 1 };\ntypedef struct { int b; } alias;\n";
        let items = items(text, Lang::C, &[]);
        assert_eq!(items.len(), 3);
        assert_eq!(texts(text, &items[0].names), ["table"]);
        assert_eq!(texts(text, &items[0].tables), ["table"]);
        assert_eq!(texts(text, &items[0].asked_by), ["table"]);
        assert_eq!(texts(text, &items[0].designators), ["name", "run"]);
        assert_eq!(texts(text, &items[1].names), ["other"]);
        assert_eq!(texts(text, &items[1].designators), ["a"]);
        assert_eq!(texts(text, &items[2].names), ["alias"]);
        // The word before a type names nothing: every function mentions it.
        let named = items
            .iter()
            .flat_map(|item| item.names.iter().chain(&item.head));
        assert!(
            named
                .map(|name| &text[name.clone()])
                .all(|name| !is_type_word(name))
        );
    }

    #[test]
    fn a_macro_begins_with_its_directive() {
        let text = "int a;\n  # define N 1 \\\n + 2\nint b;\n";
        let items = items(text, Lang::C, &[]);
        let of_macro: Vec<&Item> = items
            .iter()
            .filter(|item| item.directive.is_some())
            .collect();
        assert_eq!(of_macro.len(), 1);
        assert_eq!(texts(text, &of_macro[0].names), ["N"]);
        let whole = of_macro[0].directive.unwrap()..of_macro[0].ranges[0].end;
        assert_eq!(&text[whole], "# define N 1 \\\n + 2\n");
    }
}
