//! Same-length repair of C and C++ text before it is parsed.
//!
//! A parser without headers stumbles over macros: calling conventions, annotations, export marks, lines of `FOO(x)`
//! without a semicolon. They are overwritten with blanks, or with a spelling of the same length that the grammar
//! knows, so that offsets stay true. What such words say about a declaration is kept as a mark.

mod macros;

use super::c::preprocessor::{blank, literal_end, word_end};
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;

/// What a blanked word said about the declaration after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub range: Range<usize>,
    /// `dllexport`, `extern_c`, `thread`, `noreturn`, `section:.CRT$XLB`, `constructor`, ….
    pub name: String,
}

#[derive(Debug, Default)]
pub struct Noise {
    /// In the order of the text.
    pub marks: Vec<Mark>,
    /// Offsets of the `{` of blocks that a macro before them governs: `FOR_EACH(x) { … }`.
    pub blocks: FxHashSet<usize>,
    /// Macro arguments that are statements, by their offset; a `0` stands for them in the text.
    pub arguments: FxHashMap<usize, String>,
    /// Blanked code that may be compiled.
    pub opaque: Vec<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Number,
    Literal,
    Sign,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    start: usize,
    end: usize,
    kind: Kind,
    first_on_line: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Namespace,
    Class,
    Body,
}

/// Whether a word is written in capitals, digits and underscores, as macros are.
pub fn is_capitals(word: &[u8]) -> bool {
    word.first()
        .is_some_and(|byte| byte.is_ascii_uppercase() || *byte == b'_')
        && word
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        && word.iter().any(u8::is_ascii_uppercase)
}

/// Repairs a text without comments and directives.
pub fn repair(bytes: &mut [u8], cpp: bool) -> Noise {
    let tokens = tokenize(bytes);
    let mut pass = Pass {
        bytes,
        tokens,
        gone: FxHashSet::default(),
        noise: Noise::default(),
        scopes: Vec::new(),
        head: None,
        previous: None,
        extra_braces: Vec::new(),
        cpp,
    };
    let mut index = 0;
    while index < pass.tokens.len() {
        index = pass.step(index);
    }
    pass.noise.marks.sort_by_key(|mark| mark.range.start);
    pass.noise
}

fn tokenize(bytes: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(bytes.len() / 5);
    let mut at = 0;
    let mut first_on_line = true;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() || byte == 0x0B {
            first_on_line |= byte == b'\n';
            at += 1;
            continue;
        }
        let start = at;
        let kind = if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 {
            at = word_end(bytes, at);
            Kind::Word
        } else if byte.is_ascii_digit() {
            at = word_end(bytes, at);
            Kind::Number
        } else if byte == b'"' || byte == b'\'' {
            at = literal_end(bytes, at);
            Kind::Literal
        } else {
            at += 1;
            Kind::Sign
        };
        tokens.push(Token {
            start,
            end: at,
            kind,
            first_on_line,
        });
        first_on_line = false;
    }
    tokens
}

struct Pass<'a> {
    bytes: &'a mut [u8],
    tokens: Vec<Token>,
    /// Tokens that were blanked.
    gone: FxHashSet<usize>,
    noise: Noise,
    scopes: Vec<Scope>,
    /// What the current item or statement seems to open: set by `class`, `namespace`, … outside parentheses.
    head: Option<Scope>,
    /// The last token that was kept.
    previous: Option<usize>,
    /// Closing braces that end a function too, because of a brace that was written in.
    extra_braces: Vec<usize>,
    cpp: bool,
}

impl Pass<'_> {
    fn text(&self, index: usize) -> &[u8] {
        match self.tokens.get(index) {
            Some(token) => &self.bytes[token.start..token.end],
            None => b"",
        }
    }

    fn sign(&self, index: usize) -> u8 {
        match self.tokens.get(index) {
            Some(token) if token.kind == Kind::Sign => self.bytes[token.start],
            _ => 0,
        }
    }

    fn is_word(&self, index: usize) -> bool {
        self.tokens
            .get(index)
            .is_some_and(|token| token.kind == Kind::Word)
    }

    /// The index of the parenthesis, bracket or brace that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in open..self.tokens.len() {
            match self.sign(index) {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn blank_tokens(&mut self, from: usize, to: usize) {
        let range = self.tokens[from].start..self.tokens[to].end;
        blank(self.bytes, range);
        self.gone.extend(from..=to);
    }

    fn mark(&mut self, from: usize, to: usize, name: impl Into<String>) {
        self.noise.marks.push(Mark {
            range: self.tokens[from].start..self.tokens[to].end,
            name: name.into(),
        });
    }

    /// Overwrites tokens with a text that is not longer.
    fn replace(&mut self, from: usize, to: usize, with: &str) {
        let range = self.tokens[from].start..self.tokens[to].end;
        if with.len() <= range.len() {
            let start = range.start;
            blank(self.bytes, range);
            self.bytes[start..start + with.len()].copy_from_slice(with.as_bytes());
        }
    }

    fn scope(&self) -> Scope {
        self.scopes.last().copied().unwrap_or(Scope::Namespace)
    }

    fn previous_sign(&self) -> u8 {
        self.previous.map_or(b';', |index| self.sign(index))
    }

    /// Looks at the token at `index`, and says which one is next.
    fn step(&mut self, index: usize) -> usize {
        if self.gone.contains(&index) {
            return index + 1;
        }
        let token = self.tokens[index];
        let next = match token.kind {
            Kind::Word => self.word(index),
            Kind::Sign => self.punctuation(index),
            Kind::Number | Kind::Literal => None,
        };
        match next {
            // Blanked, or looked at again after a change.
            Some(next) => next,
            None => {
                self.previous = Some(index);
                index + 1
            }
        }
    }

    fn punctuation(&mut self, index: usize) -> Option<usize> {
        match self.sign(index) {
            b'[' if self.cpp
                && self.sign(index + 1) == b'['
                && self.tokens[index].end == self.tokens[index + 1].start
                && self.is_word(index + 2) =>
            {
                let end = self.closing(index)?;
                self.attributes(index + 2, end);
                self.mark_range(index, end);
                self.blank_tokens(index, end);
                return Some(end + 1);
            }
            b'{' => {
                let before = self.previous_sign();
                let scope = match self.head {
                    Some(scope) if before != b')' => scope,
                    _ => Scope::Body,
                };
                self.scopes.push(scope);
                self.head = None;
            }
            b'}' => {
                self.scopes.pop();
                if self.extra_braces.last() == Some(&index) {
                    self.extra_braces.pop();
                    self.scopes.pop();
                }
                self.head = None;
            }
            b';' => self.head = None,
            _ => {}
        }
        None
    }

    /// Marks found inside an attribute stand where the attribute begins and ends.
    fn mark_range(&mut self, from: usize, to: usize) {
        let range = self.tokens[from].start..self.tokens[to].end;
        for mark in &mut self.noise.marks {
            if range.contains(&mark.range.start) {
                mark.range = range.clone();
            }
        }
    }

    /// The attributes between two tokens: `gnu::constructor, section(".CRT$XLB")`.
    fn attributes(&mut self, from: usize, to: usize) {
        for index in from..to {
            let Some(token) = self.tokens.get(index) else {
                return;
            };
            if token.kind != Kind::Word || self.sign(index + 1) == b':' {
                continue;
            }
            let name = String::from_utf8_lossy(self.text(index))
                .trim_matches('_')
                .to_ascii_lowercase();
            let argument = self
                .tokens
                .get(index + 2)
                .filter(|argument| argument.kind == Kind::Literal)
                .map(|argument| String::from_utf8_lossy(&self.bytes[argument.start..argument.end]))
                .map(|text| text.trim_matches('"').to_string());
            let name = match (name.as_str(), argument) {
                ("section" | "allocate", Some(section)) => format!("section:{section}"),
                ("section" | "allocate", None) => continue,
                _ => name,
            };
            self.mark(index, index, name);
        }
    }

    fn word(&mut self, index: usize) -> Option<usize> {
        let token = self.tokens[index];
        let first = self.bytes[token.start];
        let call = self.sign(index + 1) == b'(';
        match self.text(index) {
            b"class" | b"struct" | b"union" | b"__interface"
                if self.previous.is_none_or(|p| self.text(p) != b"enum") =>
            {
                if self.head.is_none() && !matches!(self.previous_sign(), b'<' | b',' | b'(') {
                    self.head = Some(Scope::Class);
                }
                // `class MY_EXPORT Foo :`, where the capitals do not tell by their ending what they are.
                if self.is_word(index + 1)
                    && self.is_word(index + 2)
                    && is_capitals(self.text(index + 1))
                    && (matches!(self.sign(index + 3), b'{' | b':')
                        || self.text(index + 3) == b"final")
                    && self.text(index + 2) != b"final"
                {
                    self.blank_tokens(index + 1, index + 1);
                }
                // `class CAPABILITY("mutex") Mutex {`
                if self.is_word(index + 1)
                    && is_capitals(self.text(index + 1))
                    && self.sign(index + 2) == b'('
                    && let Some(end) = self.closing(index + 2)
                    && self.is_word(end + 1)
                    && (matches!(self.sign(end + 2), b'{' | b':') || self.text(end + 2) == b"final")
                {
                    self.blank_tokens(index + 1, end);
                }
                if self.text(index) == b"__interface" {
                    self.replace(index, index, "struct");
                }
                None
            }
            b"namespace" => {
                self.head = Some(Scope::Namespace);
                None
            }
            b"enum" => {
                self.head = Some(Scope::Body);
                None
            }
            b"extern" => {
                if self
                    .tokens
                    .get(index + 1)
                    .is_some_and(|next| next.kind == Kind::Literal)
                    && self.sign(index + 2) == b'{'
                {
                    self.head = Some(Scope::Namespace);
                }
                None
            }
            b"try" => self
                .function_try(index)
                .or_else(|| self.try_without_catch(index)),
            b"foreach" | b"Q_FOREACH" | b"BOOST_FOREACH" | b"BOOST_REVERSE_FOREACH" if call => {
                self.foreach(index)
            }
            b"for" if self.text(index + 1) == b"each" && self.sign(index + 2) == b'(' => {
                self.for_each(index)
            }
            b"interface"
                if self.is_word(index + 1)
                    && matches!(self.sign(index + 2), b'{' | b':' | b';') =>
            {
                self.replace(index, index, "struct");
                self.head = Some(Scope::Class);
                None
            }
            b"interface" if self.sign(index + 2) == b'(' && is_capitals(self.text(index + 1)) => {
                // `interface DECLARE("…") IFoo : IBar {`
                let end = self.closing(index + 2)?;
                self.replace(index, index, "struct");
                self.blank_tokens(index + 1, end);
                self.head = Some(Scope::Class);
                self.previous = Some(index);
                Some(end + 1)
            }
            b"far" | b"near" if self.sign(index + 1) == b'*' => self.drop_word(index),
            b"alignas" if call => self.drop_call(index),
            _ if first == b'_' => self.underscore_word(index, call),
            _ if first.is_ascii_uppercase() => self.capital_word(index, call),
            _ => None,
        }
    }

    fn drop_word(&mut self, index: usize) -> Option<usize> {
        self.blank_tokens(index, index);
        Some(index + 1)
    }

    /// Blanks a word and its arguments.
    fn drop_call(&mut self, index: usize) -> Option<usize> {
        let end = self.closing(index + 1)?;
        self.blank_tokens(index, end);
        Some(end + 1)
    }

    fn drop_call_or_word(&mut self, index: usize, call: bool) -> Option<usize> {
        if call {
            self.drop_call(index)
        } else {
            self.drop_word(index)
        }
    }

    /// Blanks a word and the marks of its parentheses, and leaves what is between them.
    fn unwrap_call(&mut self, index: usize) -> Option<usize> {
        let end = self.closing(index + 1)?;
        self.blank_tokens(index, index + 1);
        self.blank_tokens(end, end);
        Some(index + 2)
    }

    fn underscore_word(&mut self, index: usize, call: bool) -> Option<usize> {
        match self.text(index) {
            b"__stdcall" | b"__cdecl" | b"__fastcall" | b"__thiscall" | b"__vectorcall"
            | b"_stdcall" | b"_cdecl" | b"_fastcall" | b"__clrcall" | b"__pascal"
            | b"__RPC_USER" | b"__RPC_STUB" | b"__RPC_API" | b"__RPC_FAR" | b"__unaligned"
            | b"__ptr64" | b"__ptr32" | b"__sptr" | b"__uptr" | b"__w64" | b"__in" | b"__out"
            | b"__inout" | b"__in_opt" | b"__out_opt" | b"__inout_opt" | b"__deref_out"
            | b"__deref_in" | b"__deref_out_opt" | b"__reserved" | b"__checkReturn"
            | b"__extension__" | b"__forceinline" | b"__inline__" | b"__restrict"
            | b"__restrict__" | b"_CRTIMP" | b"__user" | b"__kernel_entry" | b"__nonnull"
            | b"_Noreturn" | b"__volatile" => {
                if self.text(index) == b"_Noreturn" {
                    self.mark(index, index, "noreturn");
                }
                self.drop_word(index)
            }
            b"__declspec" | b"_declspec" | b"__attribute__" | b"__attribute" if call => {
                let end = self.closing(index + 1)?;
                self.attributes(index + 2, end);
                self.mark_range(index, end);
                self.blank_tokens(index, end);
                Some(end + 1)
            }
            b"_Pragma" | b"__pragma" if call => self.drop_call(index),
            b"__asm" | b"_asm" => self.assembler(index),
            b"__TRY" | b"_SEH2_TRY" => {
                self.replace(index, index, "__try");
                None
            }
            b"__EXCEPT" | b"_SEH2_EXCEPT" if call => {
                self.replace(index, index, "__except");
                None
            }
            b"__EXCEPT_PAGE_FAULT" | b"__EXCEPT_ALL" => {
                self.replace(index, index, "__except(1)");
                None
            }
            b"_SEH2_FINALLY" => {
                self.replace(index, index, "__finally");
                None
            }
            b"__ENDTRY" | b"_SEH2_END" => {
                self.drop_word(index);
                if self.sign(index + 1) == b';' {
                    self.drop_word(index + 1);
                }
                Some(index + 1)
            }
            b"__thread" | b"_Thread_local" => {
                self.mark(index, index, "thread");
                self.drop_word(index)
            }
            word if is_annotation(word) => self.drop_call_or_word(index, call),
            word if is_old_annotation(word) && call => self.drop_call(index),
            _ => None,
        }
    }

    fn capital_word(&mut self, index: usize, call: bool) -> Option<usize> {
        // `BLASFUNC(shutdown)(…)`: a macro that decorates a name, at its definition and at its calls.
        if call
            && self.is_word(index + 2)
            && !is_capitals(self.text(index + 2))
            && !self.text(index).starts_with(b"STDMETHOD")
            && !self.text(index).starts_with(b"IFACEMETHOD")
            && self.sign(index + 3) == b')'
            && self.sign(index + 4) == b'('
        {
            return self.unwrap_call(index);
        }
        let after_word = self.is_word(index + 1);
        match self.text(index) {
            b"WINAPI"
            | b"APIENTRY"
            | b"CALLBACK"
            | b"NTAPI"
            | b"STDMETHODCALLTYPE"
            | b"WINAPIV"
            | b"PASCAL"
            | b"FASTCALL"
            | b"STDCALL"
            | b"CDECL"
            | b"WMIAPI"
            | b"RPC_ENTRY"
            | b"APIENTRYV"
            | b"WSAAPI"
            | b"WSPAPI"
            | b"NTAPI_INLINE"
            | b"SEC_ENTRY"
            | b"STDAPICALLTYPE"
            | b"VFWAPI"
            | b"FORCEINLINE"
            | b"CFORCEINLINE"
            | b"NOINLINE"
            | b"FAR"
            | b"NEAR"
            | b"UNALIGNED"
            | b"RESTRICTED_POINTER"
            | b"WINBASEAPI"
            | b"WINUSERAPI"
            | b"WINADVAPI"
            | b"NTSYSAPI"
            | b"NTSYSCALLAPI"
            | b"WINGDIAPI"
            | b"WINOLEAPI"
            | b"ZLIB_INTERNAL"
            | b"THIS_"
            | b"CALLBACKV"
            | b"JNICALL"
            | b"VKAPI_CALL"
            | b"VKAPI_ATTR"
            | b"WINRT_CALL"
            | b"XMCALLCONV"
            | b"Q_DECL_OVERRIDE"
            | b"Q_DECL_FINAL"
            | b"Q_DECL_NOEXCEPT"
            | b"Q_DECL_NOTHROW"
            | b"NOEXCEPT"
            | b"_NOEXCEPT"
            | b"BOOST_NOEXCEPT"
            | b"Q_OBJECT"
            | b"Q_GADGET"
            | b"NTKERNELAPI"
                if !call =>
            {
                self.drop_word(index)
            }
            b"WINOLEAUTAPI" | b"WINCOMMCTRLAPI" | b"HYBRID_PATCHABLE" if after_word => {
                self.drop_word(index)
            }
            b"EXTERN_C" => {
                self.mark(index, index, "extern_c");
                self.drop_word(index)
            }
            b"EXTERN_C_START" | b"EXTERN_C_END" | b"EXTERN_C_BEGIN" => self.drop_word(index),
            b"CONST" => {
                self.replace(index, index, "const");
                None
            }
            b"PURE" if matches!(self.sign(index + 1), b';') => {
                self.replace(index, index, "=0");
                None
            }
            b"THIS" if self.previous_sign() == b'(' && self.sign(index + 1) == b')' => {
                self.replace(index, index, "void");
                None
            }
            b"DECLSPEC_NORETURN" | b"NORETURN" | b"ATTRIBUTE_NORETURN" if !call => {
                self.mark(index, index, "noreturn");
                self.drop_word(index)
            }
            b"STDMETHODIMP_" | b"IFACEMETHODIMP_" | b"STDAPI_" | b"STDMETHODIMPV_" if call => {
                if self.text(index) == b"STDAPI_" {
                    self.mark(index, index, "extern_c");
                }
                self.unwrap_call(index)
            }
            b"STDMETHOD" | b"IFACEMETHOD" if call => {
                let end = self.closing(index + 1)?;
                self.replace(index, index + 1, "HRESULT");
                self.blank_tokens(end, end);
                Some(index + 2)
            }
            b"STDMETHOD_" | b"IFACEMETHOD_" if call => {
                let end = self.closing(index + 1)?;
                let comma = (index + 2..end).rev().find(|&at| self.sign(at) == b',')?;
                self.blank_tokens(index, index + 1);
                self.blank_tokens(comma, comma);
                self.blank_tokens(end, end);
                Some(index + 2)
            }
            b"MIDL_INTERFACE" if call => {
                let end = self.closing(index + 1)?;
                self.replace(index, end, "struct");
                self.gone.extend(index..=end);
                self.head = Some(Scope::Class);
                Some(end + 1)
            }
            b"IN" | b"OUT" | b"OPTIONAL"
                if after_word && matches!(self.previous_sign(), b'(' | b',') =>
            {
                self.drop_word(index)
            }
            b"IN" | b"OUT" | b"OPTIONAL"
                if matches!(self.sign(index + 1), b',' | b')')
                    && self.previous.is_some_and(|previous| self.is_word(previous)) =>
            {
                self.drop_word(index)
            }
            b"OUT" | b"INOUT"
                if after_word
                    && self
                        .previous
                        .is_some_and(|previous| matches!(self.text(previous), b"IN")) =>
            {
                self.drop_word(index)
            }
            word if word.starts_with(b"DECLSPEC_")
                || word.starts_with(b"DECLSPEC") && after_word =>
            {
                if word.ends_with(b"EXPORT") {
                    self.mark(index, index, "dllexport");
                }
                self.drop_call_or_word(index, call)
            }
            word if is_capitals(word) => {
                if call {
                    self.statement_arguments(index);
                }
                self.macro_word(index, call)
            }
            _ => None,
        }
    }

    /// `int f() try { … } catch (…) { … }` gets braces around the statement, if there is room for them; else the body
    /// stays and the handlers go. A constructor's `try : a(1) { … }` is known to the grammar.
    fn function_try(&mut self, index: usize) -> Option<usize> {
        let previous = self.previous?;
        let after_head = self.sign(previous) == b')'
            || matches!(
                self.text(previous),
                b"noexcept" | b"const" | b"override" | b"final"
            );
        let open = index + 1;
        if !after_head || self.scope() == Scope::Body || self.sign(open) != b'{' {
            return None;
        }
        let mut end = self.closing(open)?;
        let handlers = end + 1;
        while self.text(end + 1) == b"catch" && self.sign(end + 2) == b'(' {
            let parameters = self.closing(end + 2)?;
            if self.sign(parameters + 1) != b'{' {
                break;
            }
            end = self.closing(parameters + 1)?;
        }
        let (word, brace) = (self.tokens[index], self.tokens[open]);
        let after = self.tokens[end].end;
        if end >= handlers
            && word.end < brace.start
            && self.bytes.get(after).is_some_and(u8::is_ascii_whitespace)
        {
            self.bytes[word.start..word.end + 1].copy_from_slice(b"{try");
            self.bytes[after] = b'}';
            self.head = None;
            self.scopes.push(Scope::Body);
            self.extra_braces.push(end);
            return Some(index + 1);
        }
        self.blank_tokens(index, index);
        if end >= handlers {
            let range = self.tokens[handlers].start..self.tokens[end].end;
            self.noise.opaque.push(range);
            self.blank_tokens(handlers, end);
        }
        Some(index + 1)
    }

    /// `try { … } CATCH_RETURN();`: a macro holds the handler; what is left is a block and a call.
    fn try_without_catch(&mut self, index: usize) -> Option<usize> {
        if self.scope() != Scope::Body || self.sign(index + 1) != b'{' {
            return None;
        }
        let end = self.closing(index + 1)?;
        if end + 1 < self.tokens.len() && self.is_word(end + 1) && self.text(end + 1) != b"catch" {
            return self.drop_word(index);
        }
        None
    }

    /// `foreach (T x, list)` becomes a range loop.
    fn foreach(&mut self, index: usize) -> Option<usize> {
        let end = self.closing(index + 1)?;
        let mut depth = 0usize;
        let comma = (index + 2..end).find(|&at| {
            match self.sign(at) {
                b'(' | b'[' | b'{' | b'<' => depth += 1,
                b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
                b',' => return depth == 0,
                _ => {}
            }
            false
        })?;
        let start = self.tokens[comma].start;
        self.bytes[start] = b':';
        self.replace(index, index, "for");
        None
    }

    /// `for each (T x in list)` becomes a range loop.
    fn for_each(&mut self, index: usize) -> Option<usize> {
        let end = self.closing(index + 2)?;
        let word = (index + 3..end).find(|&at| self.text(at) == b"in")?;
        self.replace(word, word, ":");
        self.blank_tokens(index + 1, index + 1);
        None
    }

    /// Inline assembler calls nothing that we could follow.
    fn assembler(&mut self, index: usize) -> Option<usize> {
        if matches!(self.text(index + 1), b"volatile" | b"__volatile__")
            || self.sign(index + 1) == b'('
        {
            return None;
        }
        let end = if self.sign(index + 1) == b'{' {
            self.closing(index + 1)?
        } else {
            let mut end = index;
            while self
                .tokens
                .get(end + 1)
                .is_some_and(|next| !next.first_on_line && self.sign(end + 1) != b'}')
            {
                end += 1;
            }
            end
        };
        let range = self.tokens[index].start..self.tokens[end].end;
        self.noise.opaque.push(range);
        self.blank_tokens(index, end);
        Some(end + 1)
    }
}

/// `_In_`, `_Out_writes_`, `_Success_`: an underscore, a capital, and an underscore at the end.
fn is_annotation(word: &[u8]) -> bool {
    word.len() > 3
        && word[1].is_ascii_uppercase()
        && word.ends_with(b"_")
        && !word.ends_with(b"__")
        && word.iter().any(u8::is_ascii_lowercase)
}

/// `__out_ecount(n)`, `__in_bcount_opt(n)`.
fn is_old_annotation(word: &[u8]) -> bool {
    ["__in_", "__out_", "__inout_", "__deref_"]
        .iter()
        .any(|start| word.starts_with(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        repair(&mut bytes, true);
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes)
            .expect("blanks are text")
            .split(' ')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn words_before_names_go() {
        assert_eq!(
            repaired("BOOL WINAPI f(_In_ HANDLE h, _Out_writes_(n) char* p);"),
            "BOOL f( HANDLE h, char* p);"
        );
        assert_eq!(
            repaired("int NAMED(stop)(void) { NAMED(quit)(1); }"),
            "int stop (void) { quit (1); }"
        );
        assert_eq!(repaired("class MY_EXPORT Foo {};"), "class Foo {};");
        assert_eq!(
            repaired("class MY_HIDDEN_TYPE Foo : public Bar {};"),
            "class Foo : public Bar {};"
        );
        assert_eq!(
            repaired("class CAPABILITY(\"mutex\") Mutex {};"),
            "class Mutex {};"
        );
        assert_eq!(repaired("MY_API int f();"), "int f();");
        assert_eq!(
            repaired("STDMETHODIMP_(ULONG) A::b() {}"),
            "ULONG A::b() {}"
        );
        assert_eq!(
            repaired("struct A { STDMETHOD(f)(int) PURE; };"),
            "struct A { HRESULT f (int) =0 ; };"
        );
    }

    #[test]
    fn annotations_of_functions_go() {
        assert_eq!(
            repaired("void f(M& m) EXCLUDES(m) ACQUIRE(m) { m.lock(); }"),
            "void f(M& m) { m.lock(); }"
        );
        assert_eq!(
            repaired("struct A {\nREQUIRES(m) RELEASE(m)\nA(M& m);\nint x; };"),
            "struct A {\n \nA(M& m);\nint x; };"
        );
    }

    #[test]
    fn marks_remember_what_was_said() {
        let mut bytes = b"__declspec(dllexport) void f(); __declspec(allocate(\".CRT$XLB\")) int x; [[noreturn]] void g();".to_vec();
        let names: Vec<String> = repair(&mut bytes, true)
            .marks
            .into_iter()
            .map(|mark| mark.name)
            .collect();
        assert_eq!(names, ["dllexport", "section:.CRT$XLB", "noreturn"]);
    }

    #[test]
    fn macro_lines_get_an_end() {
        assert_eq!(
            repaired("void f() {\n  CHECK(x)\n  g();\n}"),
            "void f() {\n CHECK(x); g();\n}"
        );
        assert_eq!(
            repaired("class A {\nBEGIN_COM_MAP(A)\nEND_COM_MAP()\nint x; };"),
            "class A {\n \n \nint x; };"
        );
    }

    #[test]
    fn odd_loops_become_loops() {
        assert_eq!(
            repaired("void f() { foreach (T x, l) {} }"),
            "void f() { for (T x: l) {} }"
        );
        assert_eq!(
            repaired("void f() { for each (T x in l) {} }"),
            "void f() { for (T x : l) {} }"
        );
    }
}
