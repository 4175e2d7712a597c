//! Words in capitals: marks, lines without a semicolon, statements as arguments.

use super::{Kind, Pass, Scope, is_capitals};

impl Pass<'_> {
    pub(super) fn macro_word(&mut self, index: usize, call: bool) -> Option<usize> {
        let word = self.text(index);
        let exports = [
            "EXPORT",
            "EXPORTS",
            "DLLEXPORT",
            "API",
            "EXPORTED",
            "PUBLIC",
        ]
        .iter()
        .any(|ending| word.ends_with(ending.as_bytes()));
        let convention = [
            "CALL", "EXTERN", "IMPORT", "DECL", "INLINE", "CONV", "CALLCONV", "APICALL", "VISIBLE",
        ]
        .iter()
        .any(|ending| word.ends_with(ending.as_bytes()));
        if exports && !call && self.is_return_type(index) {
            self.mark(index, index, "dllexport");
            self.replace(index, index, "int");
            return None;
        }
        if (exports || convention)
            && !call
            && self.is_word(index + 1)
            && self.decorates(index, exports)
        {
            if exports {
                self.mark(index, index, "dllexport");
            }
            return self.drop_word(index);
        }
        if !call && matches!(self.sign(index + 1), b',' | b')') && self.follows_parameter(index) {
            return self.drop_word(index);
        }
        if call
            && self.scope() != Scope::Body
            && (self.previous_sign() == b')' && !self.tokens[index].first_on_line
                || self.text(index).ends_with(b"GUARDED_BY"))
        {
            let end = self.end_of_annotations(index)?;
            if matches!(self.sign(end + 1), b';' | b'{' | b'=') {
                self.blank_tokens(index, end);
                return Some(end + 1);
            }
        }
        if self.previous_sign() == b')'
            && !call
            && (self.sign(index + 1) == b'{'
                || self.scope() != Scope::Body && self.sign(index + 1) == b';')
            && !self.tokens[index].first_on_line
            && self.scope() != Scope::Body
        {
            return self.drop_word(index);
        }
        let closes = self.previous_sign() == b'}' && self.sign(index + 1) == b'}';
        if !call && (closes && !self.tokens[index].first_on_line || self.opens_block(index)) {
            return self.drop_word(index);
        }
        if !matches!(self.previous_sign(), b';' | b'{' | b'}' | b')' | b':')
            || !self.tokens[index].first_on_line
        {
            return None;
        }
        if call {
            self.macro_line(index)
        } else {
            self.lone_macro(index)
        }
    }

    /// `DEFINE(a(); b(), c)`: an argument that is no expression is cut out.
    pub(super) fn statement_arguments(&mut self, index: usize) {
        let Some(end) = self.closing(index + 1) else {
            return;
        };
        let mut depth = 0usize;
        let mut start = index + 2;
        let mut statements = false;
        let mut braces = false;
        for at in index + 2..=end {
            if at == start {
                statements = matches!(
                    self.text(at),
                    b"return"
                        | b"break"
                        | b"continue"
                        | b"goto"
                        | b"if"
                        | b"for"
                        | b"while"
                        | b"do"
                        | b"switch"
                );
                braces = self.sign(at) == b'{';
            }
            match self.sign(at) {
                b';' if depth == 0 => statements = true,
                b',' | b')' if depth == 0 => {
                    if statements && !braces && start < at {
                        let range = self.tokens[start].start..self.tokens[at - 1].end;
                        let mut text =
                            String::from_utf8_lossy(&self.bytes[range.clone()]).into_owned();
                        if !text.ends_with([';', '}']) {
                            text.push(';');
                        }
                        self.noise.arguments.insert(range.start, text);
                        self.blank_tokens(start, at - 1);
                        self.bytes[range.start] = b'0';
                    }
                    start = at + 1;
                    statements = false;
                }
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether a word stands after the type and the name of a parameter: `int x UNUSED`.
    fn follows_parameter(&self, index: usize) -> bool {
        let Some(previous) = self.previous.filter(|previous| self.is_word(*previous)) else {
            return false;
        };
        let keyword = matches!(
            self.text(previous),
            b"const"
                | b"volatile"
                | b"unsigned"
                | b"signed"
                | b"struct"
                | b"class"
                | b"enum"
                | b"union"
                | b"long"
                | b"short"
                | b"typename"
                | b"return"
                | b"sizeof"
                | b"auto"
                | b"static"
                | b"register"
        );
        let Some(before) = previous.checked_sub(1) else {
            return false;
        };
        index == previous + 1
            && !keyword
            && (matches!(self.sign(before), b'*' | b'&' | b'>')
                || self.is_word(before)
                    && !matches!(
                        self.text(before),
                        b"const" | b"struct" | b"return" | b"class"
                    ))
    }

    /// Whether a word that looks like an export or calling convention mark stands where one may stand.
    fn decorates(&self, index: usize, exports: bool) -> bool {
        let after_type = self.previous.is_some_and(|previous| {
            (self.is_word(previous)
                && !matches!(
                    self.text(previous),
                    b"return"
                        | b"else"
                        | b"do"
                        | b"static"
                        | b"extern"
                        | b"inline"
                        | b"const"
                        | b"virtual"
                        | b"typedef"
                        | b"struct"
                        | b"friend"
                        | b"constexpr"
                        | b"__inline"
                        | b"explicit"
                ))
                || matches!(self.sign(previous), b'*' | b'&' | b'>')
        });
        let before_type = self.is_word(index + 2)
            || matches!(self.sign(index + 2), b'*' | b'&' | b'<' | b':')
            || exports && self.sign(index + 2) == b'(';
        self.scope() != Scope::Body && (after_type || before_type)
    }

    /// Whether an export mark stands for the type too, as in `MY_API stop(void) {`: in C a function without a type is
    /// none for the grammar.
    fn is_return_type(&self, index: usize) -> bool {
        let begins = self.previous.is_none_or(|previous| {
            matches!(self.sign(previous), b';' | b'{' | b'}')
                || matches!(self.text(previous), b"extern" | b"static")
                || self.tokens[previous].kind == Kind::Literal
        });
        !self.cpp
            && begins
            && self.scope() == Scope::Namespace
            && self.is_word(index + 1)
            && self.sign(index + 2) == b'('
            && self
                .closing(index + 2)
                .is_some_and(|end| matches!(self.sign(end + 1), b'{' | b';'))
    }

    /// Whether a word governs a block of statements, as in `TRY { f(); }`, which the grammar would take for a list of
    /// values. `ON_EXIT { f(); };` is an object, whose block runs later.
    fn opens_block(&self, index: usize) -> bool {
        let open = index + 1;
        if self.scope() != Scope::Body
            || self.sign(open) != b'{'
            || !matches!(self.previous_sign(), b';' | b'{' | b'}' | b':')
        {
            return false;
        }
        let Some(end) = self.closing(open) else {
            return false;
        };
        if matches!(self.sign(end + 1), b';' | b',' | b')' | b'.' | b'(' | b'[') {
            return false;
        }
        let mut depth = 0usize;
        for at in open + 1..end {
            match self.sign(at) {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b';' if depth == 0 => return true,
                _ => {}
            }
        }
        matches!(
            self.text(open + 1),
            b"for" | b"while" | b"if" | b"switch" | b"do" | b"try"
        )
    }

    /// The end of `EXCLUDES(m) ACQUIRE(m)`: calls in capitals, one after the other.
    fn end_of_annotations(&self, index: usize) -> Option<usize> {
        let mut end = self.closing(index + 1)?;
        while self.is_word(end + 1)
            && is_capitals(self.text(end + 1))
            && self.sign(end + 2) == b'('
            && !self.tokens[end + 1].first_on_line
        {
            end = self.closing(end + 2)?;
        }
        Some(end)
    }

    /// `FOO(x)` alone on its line, without a semicolon.
    fn macro_line(&mut self, index: usize) -> Option<usize> {
        let end = match self.scope() {
            Scope::Class => self.end_of_annotations(index)?,
            _ => self.closing(index + 1)?,
        };
        let free = self
            .bytes
            .get(self.tokens[end].end)
            .is_some_and(u8::is_ascii_whitespace);
        if !free {
            return None;
        }
        if self.sign(end + 1) == b'{' {
            let literal = self
                .tokens
                .get(index + 2)
                .is_some_and(|token| matches!(token.kind, Kind::Literal | Kind::Number));
            let block = match self.scope() {
                Scope::Body => true,
                Scope::Namespace => literal,
                Scope::Class => false,
            };
            if block {
                self.bytes[self.tokens[end].end] = b';';
                self.noise.blocks.insert(self.tokens[end + 1].start);
                self.head = Some(Scope::Body);
            }
            return None;
        }
        let next_line = self
            .tokens
            .get(end + 1)
            .is_none_or(|next| next.first_on_line);
        let goes_on = end + 1 < self.tokens.len()
            && !self.is_word(end + 1)
            && !matches!(self.sign(end + 1), b'}' | b'~' | b'[' | b'{');
        if !next_line
            || goes_on
            || matches!(
                self.text(end + 1),
                b"const" | b"override" | b"noexcept" | b"try"
            ) && self.scope() != Scope::Body
        {
            return None;
        }
        if self.scope() == Scope::Class {
            self.blank_tokens(index, end);
            return Some(end + 1);
        }
        self.bytes[self.tokens[end].end] = b';';
        None
    }

    /// `FOO` alone on its line.
    fn lone_macro(&mut self, index: usize) -> Option<usize> {
        if !self
            .tokens
            .get(index + 1)
            .is_some_and(|next| next.first_on_line)
        {
            return None;
        }
        let next = self.text(index + 1);
        let access = matches!(next, b"public" | b"private" | b"protected" | b"}");
        let whole = self.is_word(index + 1)
            && !is_capitals(next)
            && (self.is_word(index + 2) || matches!(self.sign(index + 2), b'<' | b':' | b'*'));
        match self.scope() {
            Scope::Body => {
                let end = self.tokens[index].end;
                // Nothing but a macro can end a block without a semicolon.
                let ends_block = next == b"}" && matches!(self.previous_sign(), b';' | b'}');
                if (whole || access || next == b"}" || self.is_word(index + 1))
                    && (ends_block || self.text(index).contains(&b'_'))
                    && self.bytes.get(end).is_some_and(u8::is_ascii_whitespace)
                {
                    self.bytes[end] = b';';
                }
                None
            }
            _ if access || whole && self.text(index).contains(&b'_') => self.drop_word(index),
            _ => None,
        }
    }
}
