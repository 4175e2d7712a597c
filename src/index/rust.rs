//! The scan of Rust: items are read word by word, function bodies only for braces, quotes and comments.

use super::{
    EntryFact, Facts, FunctionFact, MacroUse, ModFact, Names, WORD, find, line_end, quoted_end,
    word_end,
};

pub fn scan(text: &str, names: &Names) -> Facts {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        names,
        facts: Facts::default(),
        at: 0,
        head: Vec::new(),
        attributes: Vec::new(),
        start: None,
        brackets: 0,
        scopes: Vec::new(),
    };
    scanner.run();
    scanner.facts
}

/// An item longer than this is a table in a macro.
const LONGEST_HEAD: usize = 4096;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Mark(u8),
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Region {
    Module,
    /// `impl`, `trait`: functions are methods.
    Type,
    /// The braces of an item macro: what is inside is read as if they were not there.
    Transparent,
}

struct Scope {
    region: Region,
    name: String,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    names: &'a Names,
    facts: Facts,
    at: usize,
    head: Vec<Token>,
    /// The outer attributes of the coming item, without `#[` and `]`.
    attributes: Vec<&'a str>,
    /// Where the coming item starts, attributes included.
    start: Option<usize>,
    /// Open `(` and `[`.
    brackets: u32,
    scopes: Vec<Scope>,
}

const BODY_STOP: [bool; 256] = {
    let mut table = [false; 256];
    let stops = b"{}\"'/";
    let mut index = 0;
    while index < stops.len() {
        table[stops[index] as usize] = true;
        index += 1;
    }
    table
};

impl<'a> Scanner<'a> {
    fn run(&mut self) {
        if self.bytes.starts_with(b"#!") && !self.bytes.starts_with(b"#![") {
            self.at = line_end(self.bytes, 0, false);
        }
        while self.at < self.bytes.len() {
            self.step();
        }
        self.end_item();
    }

    fn step(&mut self) {
        let start = self.at;
        let byte = self.bytes[start];
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
            b'/' => {
                if !self.comment() {
                    self.push(Kind::Mark(byte), start);
                }
            }
            b'"' | b'\'' => {
                self.quoted();
                if byte == b'"' {
                    self.start.get_or_insert(start);
                    self.push_token(Kind::Mark(b'"'), start, self.at);
                }
            }
            b'#' if self.attribute() => {}
            b'(' | b'[' => {
                self.brackets += 1;
                self.push(Kind::Mark(byte), start);
            }
            b')' | b']' => {
                self.brackets = self.brackets.saturating_sub(1);
                self.push(Kind::Mark(byte), start);
            }
            b'{' => self.open_brace(),
            b'}' => {
                self.at += 1;
                self.end_item();
                self.scopes.pop();
            }
            b';' if self.brackets == 0 => {
                self.at += 1;
                self.semicolon();
                self.end_item();
            }
            _ if WORD[byte as usize] => {
                self.at = word_end(self.bytes, start);
                // r#type
                if &self.bytes[start..self.at] == b"r"
                    && self.bytes.get(self.at) == Some(&b'#')
                    && self
                        .bytes
                        .get(self.at + 1)
                        .is_some_and(|&next| WORD[next as usize] && !next.is_ascii_digit())
                {
                    self.at = word_end(self.bytes, self.at + 1);
                }
                self.start.get_or_insert(start);
                self.push_token(Kind::Word, start, self.at);
            }
            _ => self.push(Kind::Mark(byte), start),
        }
    }

    /// A token of one byte.
    fn push(&mut self, kind: Kind, start: usize) {
        self.at = start + 1;
        self.start.get_or_insert(start);
        self.push_token(kind, start, start + 1);
    }

    fn push_token(&mut self, kind: Kind, start: usize, end: usize) {
        if self.head.len() >= LONGEST_HEAD {
            self.end_item();
        }
        self.head.push(Token { kind, start, end });
    }

    fn last_word(&self) -> &'a str {
        self.word(self.head.len().wrapping_sub(1))
    }

    fn word(&self, at: usize) -> &'a str {
        match self.head.get(at) {
            Some(token) if token.kind == Kind::Word => {
                let word = self.text.get(token.start..token.end).unwrap_or("");
                word.strip_prefix("r#").unwrap_or(word)
            }
            _ => "",
        }
    }

    fn is_mark(&self, at: usize, mark: u8) -> bool {
        self.head
            .get(at)
            .is_some_and(|token| token.kind == Kind::Mark(mark))
    }

    /// Goes behind the comment that starts here, if one does.
    fn comment(&mut self) -> bool {
        match self.bytes.get(self.at + 1) {
            Some(b'/') => {
                self.at = line_end(self.bytes, self.at, false);
                true
            }
            Some(b'*') => {
                let mut depth = 1;
                let mut at = self.at + 2;
                while at < self.bytes.len() && depth > 0 {
                    match (self.bytes[at], self.bytes.get(at + 1)) {
                        (b'*', Some(b'/')) => {
                            depth -= 1;
                            at += 2;
                        }
                        (b'/', Some(b'*')) => {
                            depth += 1;
                            at += 2;
                        }
                        _ => at += 1,
                    }
                }
                self.at = at;
                true
            }
            _ => false,
        }
    }

    /// Goes behind the literal or lifetime whose quote stands here.
    fn quoted(&mut self) {
        let bytes = self.bytes;
        let quote = self.at;
        if bytes[quote] == b'\'' {
            let Some(&next) = bytes.get(quote + 1) else {
                self.at += 1;
                return;
            };
            if next == b'\\' {
                self.at = quoted_end(bytes, quote, true);
                return;
            }
            let length = match next {
                0xF0.. => 4,
                0xE0.. => 3,
                0xC0.. => 2,
                _ => 1,
            };
            self.at = if bytes.get(quote + 1 + length) == Some(&b'\'') {
                quote + 2 + length
            } else {
                // A lifetime.
                quote + 1
            };
            return;
        }
        let mut hashes = 0;
        while quote > hashes && bytes[quote - 1 - hashes] == b'#' {
            hashes += 1;
        }
        let before = &bytes[..quote - hashes];
        let mut word = before.len();
        while word > 0 && WORD[before[word - 1] as usize] {
            word -= 1;
        }
        if matches!(&before[word..], b"r" | b"br" | b"cr") {
            let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
            self.at = find(bytes, quote + 1, &close).map_or(bytes.len(), |end| end + close.len());
        } else {
            self.at = quoted_end(bytes, quote, false);
        }
    }

    /// Goes behind the attribute that starts here, if one does.
    fn attribute(&mut self) -> bool {
        let start = self.at;
        let inner = self.bytes.get(start + 1) == Some(&b'!');
        let open = start + 1 + usize::from(inner);
        if self.bytes.get(open) != Some(&b'[') || self.brackets > 0 {
            return false;
        }
        let mut depth = 0u32;
        self.at = open;
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'[' => depth += 1,
                b']' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                b'"' | b'\'' => {
                    self.quoted();
                    continue;
                }
                b'/' => {
                    if !self.comment() {
                        self.at += 1;
                    }
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        let text = self.text.get(open + 1..self.at).unwrap_or("");
        self.at = (self.at + 1).min(self.bytes.len());
        if !inner {
            self.start.get_or_insert(start);
            self.attributes.push(text);
        }
        true
    }

    /// Goes behind the block whose `{` was just passed.
    fn skip_block(&mut self) {
        let bytes = self.bytes;
        let mut depth = 1u32;
        while self.at < bytes.len() {
            let mut at = self.at;
            while at < bytes.len() && !BODY_STOP[bytes[at] as usize] {
                at += 1;
            }
            self.at = at;
            let Some(&byte) = bytes.get(at) else { return };
            match byte {
                b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' => {
                    depth -= 1;
                    self.at += 1;
                    if depth == 0 {
                        return;
                    }
                }
                b'/' => {
                    if !self.comment() {
                        self.at += 1;
                    }
                }
                _ => self.quoted(),
            }
        }
    }

    fn end_item(&mut self) {
        // `name!(…)`, `path::name![…]`.
        if let Some(bang) = self.bang()
            && bang > 0
            && self.head.len() > bang + 1
        {
            let name = self.head[bang - 1];
            let end = self.head.last().map_or(name.end, |last| last.end);
            if self.word(bang - 1) == "include" {
                let literal = self.head[bang..]
                    .iter()
                    .find(|token| token.kind == Kind::Mark(b'"'))
                    .and_then(|token| self.text.get(token.start..token.end));
                if let Some(literal) = literal {
                    let path = literal.trim_matches(['"', '#']);
                    self.facts.includes.push(path.replace('\\', "/"));
                }
            }
            self.facts.macro_uses.push(MacroUse {
                start: name.start as u32,
                name_end: name.end as u32,
                end: end as u32,
            });
        }
        self.head.clear();
        self.attributes.clear();
        self.start = None;
        self.brackets = 0;
    }

    /// The `!` of a macro that the item starts with.
    fn bang(&self) -> Option<usize> {
        for (at, token) in self.head.iter().enumerate() {
            match token.kind {
                Kind::Word | Kind::Mark(b':') => {}
                // A negative impl has one too.
                Kind::Mark(b'!') => return (self.word(at.wrapping_sub(1)) != "impl").then_some(at),
                _ => return None,
            }
        }
        None
    }

    fn semicolon(&mut self) {
        let count = self.head.len();
        if count >= 2 && self.word(count - 2) == "mod" {
            let paths = self
                .attributes
                .iter()
                .flat_map(|attribute| values(attribute, "path"))
                .collect();
            let module = ModFact {
                name: self.last_word().to_string(),
                paths,
                inside: self
                    .scopes
                    .iter()
                    .filter(|scope| scope.region == Region::Module)
                    .map(|scope| scope.name.clone())
                    .collect(),
            };
            self.facts.mods.push(module);
        } else {
            self.note_section();
        }
    }

    /// `#[link_section = ".CRT$XLB"] static …`.
    fn note_section(&mut self) {
        let section = self
            .attributes
            .iter()
            .flat_map(|attribute| values(attribute, "link_section"))
            .find(|section| super::c::is_callback_section(section));
        if let (Some(name), Some(start)) = (section, self.start) {
            self.facts.entries.push(EntryFact {
                name,
                start: start as u32,
                end: self.at as u32,
            });
        }
    }

    fn open_brace(&mut self) {
        let open = self.at;
        self.at += 1;
        if self.brackets > 0 {
            self.skip_block();
            return;
        }
        if let Some(bang) = self.bang() {
            if self.word(bang.wrapping_sub(1)) == "macro_rules" {
                let name = self.last_word();
                self.skip_block();
                self.macro_rules(name, open);
                self.end_item();
            } else {
                // A macro round items, or one that is used once.
                let end = self.at;
                self.push_token(Kind::Mark(b'{'), open, end);
                self.end_item();
                self.enter(Region::Transparent, "");
            }
            return;
        }
        let mut equals = false;
        for at in 0..self.head.len() {
            match self.head[at].kind {
                Kind::Mark(b'=') => {
                    // `=` also stands in `impl Iterator<Item = T>` and in `fn() -> impl Fn<Output = T>`.
                    equals |= matches!(self.first_keyword(), "static" | "const" | "let");
                }
                Kind::Mark(_) => {}
                Kind::Word => match self.word(at) {
                    "fn" if !equals && !self.word(at + 1).is_empty() => {
                        self.function(at + 1, open);
                        return;
                    }
                    "mod" if !self.word(at + 1).is_empty() => {
                        let name = self.word(at + 1);
                        self.end_item();
                        self.enter(Region::Module, name);
                        return;
                    }
                    "impl" if !equals => {
                        let name = self.implemented(at + 1);
                        self.end_item();
                        self.enter(Region::Type, name);
                        return;
                    }
                    "trait" if !self.word(at + 1).is_empty() => {
                        let name = self.word(at + 1);
                        self.end_item();
                        self.enter(Region::Type, name);
                        return;
                    }
                    "struct" | "enum" | "union" if !equals && !self.word(at + 1).is_empty() => {
                        self.skip_block();
                        self.end_item();
                        return;
                    }
                    _ => {}
                },
            }
        }
        if equals || matches!(self.first_keyword(), "use" | "static" | "const" | "type") {
            self.skip_block();
            return;
        }
        // `extern "C" {`, and what stands in a macro such as cfg_if!.
        self.end_item();
        self.enter(Region::Transparent, "");
    }

    fn first_keyword(&self) -> &'a str {
        let mut at = 0;
        if self.word(0) == "pub" {
            at = 1;
            if self.is_mark(1, b'(') {
                while at < self.head.len() && !self.is_mark(at, b')') {
                    at += 1;
                }
                at += 1;
            }
        }
        self.word(at)
    }

    fn enter(&mut self, region: Region, name: &str) {
        self.scopes.push(Scope {
            region,
            name: name.to_string(),
        });
    }

    /// The last segment of the type behind `impl`, or behind its `for`.
    fn implemented(&self, from: usize) -> &'a str {
        let mut angle = 0i32;
        let mut name = "";
        for at in from..self.head.len() {
            match self.head[at].kind {
                Kind::Mark(b'<') => angle += 1,
                Kind::Mark(b'>') if at > 0 && self.is_mark(at - 1, b'-') => {}
                Kind::Mark(b'>') => angle -= 1,
                Kind::Word if angle == 0 => match self.word(at) {
                    "for" if !self.is_mark(at + 1, b'<') => name = "",
                    "where" => break,
                    "dyn" | "mut" | "const" | "for" | "unsafe" => {}
                    word => name = word,
                },
                _ => {}
            }
        }
        name
    }

    fn function(&mut self, name_at: usize, open: usize) {
        let name = self.word(name_at);
        let start = self.start.unwrap_or(open) as u32;
        let has = |word: &str| {
            self.attributes
                .iter()
                .any(|attribute| words(attribute).any(|found| found == word))
        };
        let exported_as = self
            .attributes
            .iter()
            .flat_map(|attribute| values(attribute, "export_name"))
            .next();
        let exported = exported_as.is_some() || has("no_mangle");
        let outside = self
            .scopes
            .iter()
            .all(|scope| scope.region == Region::Transparent);
        let is_entry = |name: &str| self.names.entries.iter().any(|entry| entry == name);
        let mut entry = None;
        if self.attributes.iter().any(|attribute| is_dead(attribute)) {
            // Not on Windows, or only in unit tests.
        } else if let Some(exported_as) = exported_as.filter(|name| is_entry(name)) {
            entry = Some(exported_as);
        } else if is_entry(name) && (exported || (name == "main" && outside)) {
            entry = Some(name.to_string());
        } else if let Some(attribute) = self.attributes.iter().find_map(|attribute| {
            let path = attribute.trim().split(['(', '=']).next()?;
            let last = path.rsplit("::").next()?.trim();
            self.names.attributes.iter().find(|name| *name == last)
        }) {
            entry = Some(format!("#[{attribute}]"));
        }
        let scope = self
            .scopes
            .iter()
            .filter(|scope| !scope.name.is_empty())
            .map(|scope| scope.name.as_str())
            .collect::<Vec<_>>()
            .join("::");
        self.facts.dllexport |= exported;
        self.note_section();
        let open = self.at;
        self.skip_block();
        let end = self.at as u32;
        if let Some(entry) = entry {
            self.facts.entries.push(EntryFact {
                name: entry,
                start,
                end,
            });
        }
        self.facts.functions.push(FunctionFact {
            name: name.to_string(),
            scope,
            start,
            body: open as u32,
            end,
            exported,
        });
        self.end_item();
    }

    /// Whether the macro whose body ends here defines an entry.
    fn macro_rules(&mut self, name: &str, open: usize) {
        let body = self.text.get(open..self.at).unwrap_or("");
        let entry = self.names.entries.iter().find(|entry| {
            // `main` in a macro is mostly a test's or an example's.
            entry.as_str() != "main"
                && body.match_indices(entry.as_str()).any(|(at, _)| {
                    let before = body[..at].trim_end();
                    before.ends_with("fn") || before.ends_with("export_name = \"")
                })
        });
        if let Some(entry) = entry {
            self.facts
                .entry_macros
                .push((name.to_string(), entry.clone()));
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The texts of each `key = "text"` in an attribute.
fn values(attribute: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in attribute.match_indices(key) {
        let before = attribute[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = attribute[at + key.len()..].trim_start();
        if let Some(value) = rest.strip_prefix('=')
            && let Some(value) = value.trim_start().strip_prefix('"')
            && let Some((value, _)) = value.split_once('"')
        {
            found.push(value.trim_end_matches("\\0").replace('\\', "/"));
        }
    }
    found
}

/// `cfg` of something that is false on Windows, or true only in unit tests.
fn is_dead(attribute: &str) -> bool {
    let compact: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    matches!(
        compact.as_str(),
        "test"
            | "cfg(test)"
            | "cfg(unix)"
            | "cfg(not(windows))"
            | "cfg(not(target_os=\"windows\"))"
            | "cfg(target_os=\"linux\")"
            | "cfg(target_os=\"macos\")"
    )
}
