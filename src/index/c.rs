//! The scan of C and C++.
//!
//! Between functions the declaration so far is kept as a short list of tokens (`head.rs` reads it); inside a function
//! only braces, quotes, comments and directives are looked at.

mod directives;

use crate::source::Lang;

use super::head::{self, Head, Kind, Token};
use super::{
    EntryFact, Facts, FunctionFact, MacroUse, Names, WORD, find, line_end, quoted_end, word_end,
};

/// A declaration longer than this is a table or a list of macros, not a function's head.
const LONGEST_HEAD: usize = 4096;
/// How often a scan may start over behind a function whose braces do not close.
const RESYNCS: u32 = 16;

/// A function's head in the first column is this long at most, in bytes.
const LONGEST_LINE: usize = 4096;

pub fn scan(text: &str, lang: Lang, names: &Names) -> Facts {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        lang,
        names,
        facts: Facts::default(),
        at: 0,
        head: Vec::new(),
        parens: 0,
        depth: 0,
        path: String::new(),
        scopes: Vec::new(),
        body: None,
        arms: Vec::new(),
        aliases: Vec::new(),
        renamed: Vec::new(),
        export_macros: Vec::new(),
        resyncs: 0,
    };
    scanner.run();
    scanner.facts
}

#[derive(Clone, Copy)]
struct Scope {
    /// The brace depth outside.
    depth: u32,
    /// The length of the scope path outside.
    path: usize,
    class: bool,
    /// Only braces: what is inside belongs to the scope outside.
    transparent: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Inside {
    /// Index of its `FunctionFact`.
    Function(usize),
    /// An initializer, an enumeration, a block in a macro's argument: the declaration goes on behind it.
    Opaque,
}

#[derive(Clone, Copy, PartialEq)]
struct Body {
    /// The brace depth outside.
    depth: u32,
    open: usize,
    inside: Inside,
}

#[derive(Clone, Copy, PartialEq)]
struct State {
    depth: u32,
    scopes: usize,
    head: usize,
    parens: u32,
    body: Option<Body>,
}

impl State {
    /// Nothing was opened, closed or begun since.
    fn balances(self, earlier: State) -> bool {
        self.depth == earlier.depth
            && self.scopes == earlier.scopes
            && self.parens == earlier.parens
            && self.body == earlier.body
            && (self.head == earlier.head || self.head == 0)
    }
}

/// An open `#if`.
struct Arm {
    at_if: State,
    /// The state at the end of the first arm that was looked at.
    after_first: Option<State>,
    /// An arm's condition was certainly true: the others are dead.
    sure: bool,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    lang: Lang,
    names: &'a Names,
    facts: Facts,
    at: usize,
    head: Vec<Token>,
    parens: u32,
    depth: u32,
    path: String,
    scopes: Vec<Scope>,
    body: Option<Body>,
    arms: Vec<Arm>,
    /// `#define X DllMain`: X, DllMain.
    aliases: Vec<(String, String)>,
    /// `#define DllMain X`: what is spelt DllMain from here on is X.
    renamed: Vec<String>,
    /// Macros that stand for `__declspec(dllexport)`.
    export_macros: Vec<String>,
    resyncs: u32,
}

/// The first line of a text's part that begins a function in its first column: two words at the least, parameters, and a
/// brace. A statement that stands there has one word before its parenthesis.
fn function_in_first_column(text: &[u8], part: std::ops::Range<usize>) -> Option<usize> {
    let ends = |byte: &u8| b"(;{})=#".contains(byte);
    let mut at = part.start;
    while let Some(end) = find(&text[..part.end], at, b"\n") {
        at = end + 1;
        let line = &text[at..part.end.min(at + LONGEST_LINE)];
        if !line
            .first()
            .is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        {
            continue;
        }
        let Some(open) = line
            .iter()
            .position(ends)
            .filter(|&open| line[open] == b'(')
        else {
            continue;
        };
        let mut words = line[..open]
            .split(|byte| !WORD[*byte as usize])
            .filter(|word| !word.is_empty());
        let is_control = |word: &[u8]| {
            matches!(
                word,
                b"else" | b"if" | b"while" | b"for" | b"switch" | b"return"
            )
        };
        if words.clone().any(is_control) || words.nth(1).is_none() {
            continue;
        }
        let parameters = &line[open + 1..];
        let close = parameters.iter().position(ends);
        let Some(close) = close.filter(|&close| parameters[close] == b')') else {
            continue;
        };
        if behind_comments(&parameters[close + 1..]).starts_with(b"{") {
            return Some(at);
        }
    }
    None
}

/// What stands behind white space and comments.
fn behind_comments(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    loop {
        let end = if rest.starts_with(b"//") {
            find(rest, 0, b"\n")
        } else if rest.starts_with(b"/*") {
            find(rest, 2, b"*/").map(|end| end + 2)
        } else {
            return rest;
        };
        rest = rest[end.unwrap_or(rest.len())..].trim_ascii_start();
    }
}

const BODY_STOP: [bool; 256] = {
    let mut table = [false; 256];
    let stops = b"{}\"'/#";
    let mut index = 0;
    while index < stops.len() {
        table[stops[index] as usize] = true;
        index += 1;
    }
    table
};

impl Scanner<'_> {
    fn run(&mut self) {
        loop {
            while self.at < self.bytes.len() {
                if self.body.is_some() {
                    self.step_in_body();
                } else {
                    self.step();
                }
            }
            match self.body {
                Some(body) if self.resyncs < RESYNCS => self.resync(body),
                _ => break,
            }
        }
        if let Some(Body {
            inside: Inside::Function(index),
            ..
        }) = self.body
        {
            self.end_function(index);
        }
        self.end_declaration();
    }

    /// The braces of a body did not close before the end: it ends at its first brace in column 0, or where another
    /// function begins there before that.
    fn resync(&mut self, body: Body) {
        self.resyncs += 1;
        self.facts.is_torn = true;
        self.arms.clear();
        self.body = None;
        self.depth = body.depth;
        let end = match find(self.bytes, body.open, b"\n}") {
            Some(at) => at + 2,
            None => self.bytes.len(),
        };
        self.at = function_in_first_column(self.bytes, body.open..end).unwrap_or(end);
        match body.inside {
            Inside::Function(index) => {
                self.facts.functions.truncate(index + 1);
                self.end_function(index);
            }
            Inside::Opaque => self.clear_head(),
        }
    }

    fn step_in_body(&mut self) {
        let bytes = self.bytes;
        while self.at < bytes.len() {
            let mut at = self.at;
            while at < bytes.len() && !BODY_STOP[bytes[at] as usize] {
                at += 1;
            }
            self.at = at;
            let Some(&byte) = bytes.get(at) else { return };
            match byte {
                b'{' => {
                    self.depth += 1;
                    self.at += 1;
                }
                b'}' => {
                    self.at += 1;
                    self.depth = self.depth.saturating_sub(1);
                    let Some(body) = self.body else { return };
                    if self.depth <= body.depth {
                        self.end_body(body);
                        return;
                    }
                }
                b'#' => {
                    if self.starts_line() {
                        self.directive();
                        if self.body.is_none() {
                            return;
                        }
                    } else {
                        self.at += 1;
                    }
                }
                b'/' => self.comment_or_slash(),
                _ => self.quoted(),
            }
        }
    }

    fn end_body(&mut self, body: Body) {
        self.body = None;
        self.depth = body.depth;
        match body.inside {
            Inside::Function(index) => self.end_function(index),
            Inside::Opaque => self.push(Kind::Block, body.open, self.at),
        }
    }

    fn end_function(&mut self, index: usize) {
        let end = self.at as u32;
        if let Some(function) = self.facts.functions.get_mut(index) {
            let start = function.start;
            function.end = end;
            for entry in self.facts.entries.iter_mut().rev() {
                if entry.start == start && entry.end <= start {
                    entry.end = end;
                }
            }
        }
        self.clear_head();
    }

    fn clear_head(&mut self) {
        self.head.clear();
        self.parens = 0;
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        if self.head.len() >= LONGEST_HEAD {
            self.note_macro_uses();
            self.clear_head();
        }
        self.head.push(Token {
            kind,
            start: start as u32,
            end: end as u32,
        });
    }

    /// One token outside functions.
    fn step(&mut self) {
        let start = self.at;
        let byte = self.bytes[start];
        let next = self.bytes.get(start + 1).copied();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'\x0b' | b'\\' => self.at += 1,
            b'/' => self.comment_or_slash(),
            b'#' if self.starts_line() => self.directive(),
            b'"' => {
                self.quoted();
                self.text_token(start);
            }
            b'\'' => self.quoted(),
            b'(' => {
                self.parens += 1;
                self.at += 1;
                self.push(Kind::Open, start, start + 1);
            }
            b')' => {
                self.parens = self.parens.saturating_sub(1);
                self.at += 1;
                self.push(Kind::Close, start, start + 1);
            }
            b'{' => self.open_brace(),
            b'}' => self.close_brace(),
            b';' => {
                self.at += 1;
                self.semicolon(start);
            }
            b':' if next == Some(b':') => {
                self.at += 2;
                self.push(Kind::Colons, start, start + 2);
            }
            b':' => {
                self.at += 1;
                if self.is_access_label() {
                    self.clear_head();
                } else {
                    self.push(Kind::Mark(b':'), start, start + 1);
                }
            }
            b'-' if next == Some(b'>') => {
                self.at += 2;
                self.push(Kind::Arrow, start, start + 2);
            }
            _ if WORD[byte as usize] => {
                self.at = word_end(self.bytes, start);
                let kind = if byte.is_ascii_digit() {
                    // 1'000 is one number.
                    while self.bytes.get(self.at) == Some(&b'\'')
                        && self
                            .bytes
                            .get(self.at + 1)
                            .is_some_and(|&b| WORD[b as usize])
                    {
                        self.at = word_end(self.bytes, self.at + 1);
                    }
                    Kind::Number
                } else {
                    Kind::Word
                };
                self.push(kind, start, self.at);
            }
            _ => {
                self.at += 1;
                self.push(Kind::Mark(byte), start, start + 1);
            }
        }
    }

    fn text_token(&mut self, start: usize) {
        // The prefix of a literal (L"", R"()") was taken for a word.
        if let Some(last) = self.head.last()
            && last.kind == Kind::Word
            && last.end as usize == start
        {
            self.head.pop();
        }
        if let Some(section) = section_name(self.text.get(start..self.at).unwrap_or("")) {
            self.facts.entries.push(EntryFact {
                name: section.to_string(),
                start: start as u32,
                end: self.at as u32,
            });
        }
        self.push(Kind::Text, start, self.at);
    }

    fn comment_or_slash(&mut self) {
        match self.bytes.get(self.at + 1) {
            Some(b'/') => self.at = line_end(self.bytes, self.at + 2, true),
            Some(b'*') => {
                self.at = match find(self.bytes, self.at + 2, b"*/") {
                    Some(end) => end + 2,
                    None => self.bytes.len(),
                }
            }
            _ => {
                let start = self.at;
                self.at += 1;
                if self.body.is_none() {
                    self.push(Kind::Mark(b'/'), start, start + 1);
                }
            }
        }
    }

    /// Goes behind the literal whose quote stands here.
    fn quoted(&mut self) {
        let bytes = self.bytes;
        let quote = self.at;
        let floor = quote.saturating_sub(super::LONGEST_NUMBER);
        let mut word = quote;
        while word > floor && WORD[bytes[word - 1] as usize] {
            word -= 1;
        }
        let prefix = &bytes[word..quote];
        if bytes[quote] == b'\'' {
            // The separator in 1'000'000 is no quote.
            let number = prefix.first().is_some_and(u8::is_ascii_digit)
                || (word > 0 && bytes[word - 1] == b'\'' && !prefix.is_empty() && {
                    let mut first = word - 1;
                    while first > floor
                        && (WORD[bytes[first - 1] as usize] || bytes[first - 1] == b'\'')
                    {
                        first -= 1;
                    }
                    bytes[first].is_ascii_digit()
                });
            if number {
                self.at += 1;
                return;
            }
        } else if matches!(prefix, b"R" | b"LR" | b"uR" | b"UR" | b"u8R")
            && let Some(length) = bytes[quote + 1..]
                .iter()
                .take(17)
                .position(|&byte| byte == b'(')
        {
            let delimiter = &bytes[quote + 1..quote + 1 + length];
            if !delimiter.iter().any(|b| b" \t\n\r\\\")".contains(b)) {
                let close = [b")", delimiter, b"\""].concat();
                self.at = match find(bytes, quote + 2 + length, &close) {
                    Some(end) => end + close.len(),
                    None => bytes.len(),
                };
                return;
            }
        }
        self.at = quoted_end(bytes, quote, true);
    }

    fn starts_line(&self) -> bool {
        for &byte in self.bytes[..self.at].iter().rev() {
            match byte {
                b' ' | b'\t' | b'\x0c' => {}
                b'\n' | b'\r' => return true,
                // A comment may stand before it; so may the end of a false arm's line.
                b'/' => return self.bytes[..self.at].trim_ascii_end().ends_with(b"*/"),
                _ => return false,
            }
        }
        true
    }

    fn semicolon(&mut self, start: usize) {
        if self.parens > 0 {
            // A macro whose arguments are statements, or a bracket that was never closed: only the former goes on.
            if self.head.len() < LONGEST_HEAD / 4 {
                self.push(Kind::Semi, start, start + 1);
                return;
            }
        } else if self.lang == Lang::C && head::is_old_style(self.bytes, &self.head) {
            self.push(Kind::Semi, start, start + 1);
            return;
        }
        self.end_declaration();
    }

    fn end_declaration(&mut self) {
        self.note_macro_uses();
        self.clear_head();
    }

    fn note_macro_uses(&mut self) {
        for (name, end) in head::leading_macros(&self.head) {
            self.facts.macro_uses.push(MacroUse {
                start: name.start,
                name_end: name.end,
                end,
            });
        }
    }

    fn is_access_label(&self) -> bool {
        let in_class = self.scopes.last().is_some_and(|scope| scope.class);
        in_class
            && self.head.len() <= 2
            && self.head.first().is_some_and(|first| {
                matches!(
                    self.word(*first),
                    "public"
                        | "private"
                        | "protected"
                        | "signals"
                        | "slots"
                        | "Q_SIGNALS"
                        | "__published"
                )
            })
    }

    fn word(&self, token: Token) -> &str {
        self.text
            .get(token.start as usize..token.end as usize)
            .unwrap_or("")
    }

    fn open_brace(&mut self) {
        let open = self.at;
        self.at += 1;
        let head = if self.parens > 0 {
            Head::Opaque
        } else {
            head::read(self.text, &self.head)
        };
        let depth = self.depth;
        self.depth += 1;
        let class = matches!(head, Head::Class(_));
        let transparent = matches!(head, Head::Transparent);
        match head {
            Head::Opaque => {
                self.body = Some(Body {
                    depth,
                    open,
                    inside: Inside::Opaque,
                });
            }
            Head::Transparent | Head::Namespace(_) | Head::Class(_) => {
                let name = match head {
                    Head::Namespace(name) | Head::Class(name) => name,
                    _ => String::new(),
                };
                self.note_macro_uses();
                if class && self.is_exported() {
                    self.facts.dllexport = true;
                }
                self.scopes.push(Scope {
                    depth,
                    path: self.path.len(),
                    class,
                    transparent,
                });
                if !name.is_empty() {
                    if !self.path.is_empty() {
                        self.path.push_str("::");
                    }
                    self.path.push_str(&name);
                }
                self.clear_head();
            }
            Head::Catch => {
                // The handler of a function whose whole body is a try block belongs to it.
                let index = self.facts.functions.len().saturating_sub(1);
                self.body = Some(Body {
                    depth,
                    open,
                    inside: Inside::Function(index),
                });
                self.clear_head();
            }
            Head::Function(found) => {
                self.note_macro_uses();
                let exported = self.is_exported();
                self.facts.dllexport |= exported;
                let mut scope = self.path.clone();
                if !found.qualifier.is_empty() {
                    if !scope.is_empty() {
                        scope.push_str("::");
                    }
                    scope.push_str(&found.qualifier);
                }
                let start = self
                    .head
                    .get(found.first)
                    .map_or(open as u32, |first| first.start);
                let outside = (found.qualifier.is_empty()
                    && self.scopes.iter().all(|scope| scope.transparent))
                    || self.says_extern_c();
                if outside && let Some(entry) = self.entry_of(&found.name) {
                    self.facts.entries.push(EntryFact {
                        name: entry,
                        start,
                        end: start,
                    });
                }
                self.facts.functions.push(FunctionFact {
                    name: found.name,
                    scope,
                    start,
                    body: open as u32,
                    end: start,
                    exported,
                });
                self.body = Some(Body {
                    depth,
                    open,
                    inside: Inside::Function(self.facts.functions.len() - 1),
                });
                self.clear_head();
            }
        }
    }

    /// The entry that a definition of this name is.
    fn entry_of(&self, name: &str) -> Option<String> {
        if let Some((_, entry)) = self.aliases.iter().find(|(alias, _)| alias == name) {
            return Some(entry.clone());
        }
        if self.renamed.iter().any(|renamed| renamed == name) {
            return None;
        }
        self.names
            .entries
            .iter()
            .find(|entry| *entry == name)
            .cloned()
    }

    fn says_extern_c(&self) -> bool {
        self.head.iter().any(|token| {
            token.kind == Kind::Text
                && self.text.get(token.start as usize..token.end as usize) == Some("\"C\"")
        })
    }

    fn is_exported(&self) -> bool {
        self.head.iter().any(|token| {
            token.kind == Kind::Word && {
                let word = self.word(*token);
                word == "dllexport" || self.export_macros.iter().any(|name| name == word)
            }
        })
    }

    fn close_brace(&mut self) {
        self.at += 1;
        self.note_macro_uses();
        self.clear_head();
        self.depth = self.depth.saturating_sub(1);
        while let Some(scope) = self.scopes.last()
            && scope.depth >= self.depth
        {
            self.path.truncate(scope.path);
            self.scopes.pop();
        }
    }

    fn state(&self) -> State {
        State {
            depth: self.depth,
            scopes: self.scopes.len(),
            head: self.head.len(),
            parens: self.parens,
            body: self.body,
        }
    }
}

/// Sections whose pointers the loader calls as TLS callbacks.
pub fn is_callback_section(name: &str) -> bool {
    name.strip_prefix(".CRT$XL").is_some_and(|rest| {
        rest.len() <= 2 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn section_name(literal: &str) -> Option<&str> {
    let name = literal.trim_matches('"');
    is_callback_section(name).then_some(name)
}
