//! Reads the tokens before a `{` at file, namespace or class level: what does the brace open?

use super::WORD;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    Number,
    /// `(`
    Open,
    /// `)`
    Close,
    /// A string.
    Text,
    /// A braced initializer.
    Block,
    /// `;`
    Semi,
    /// `::`
    Colons,
    /// `->`
    Arrow,
    Mark(u8),
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
}

pub enum Head {
    /// The declarations inside are read as if the braces were not there: `extern "C"`.
    Transparent,
    /// The name may be empty.
    Namespace(String),
    Class(String),
    Function(Name),
    /// The handler of a function try block.
    Catch,
    /// Nothing in it is a definition, and the declaration goes on behind it.
    Opaque,
}

pub struct Name {
    pub name: String,
    /// `A::B` of `A::B::name`.
    pub qualifier: String,
    /// The token that its declaration starts with.
    pub first: usize,
}

/// What the brace behind these tokens opens.
pub fn read(text: &str, tokens: &[Token]) -> Head {
    let head = Reader { text, tokens };
    head.read()
}

/// Whether a `;` here ends a parameter declaration of an old-style C function: `f(a, b) int a; …`.
pub fn is_old_style(text: &[u8], tokens: &[Token]) -> bool {
    if tokens.last().is_some_and(|last| last.kind == Kind::Close) {
        return false;
    }
    let Some(open) = tokens.iter().position(|token| token.kind == Kind::Open) else {
        return false;
    };
    if open == 0 || tokens[open - 1].kind != Kind::Word {
        return false;
    }
    // A name list: words with commas between them.
    let mut names = 0;
    let mut at = open + 1;
    loop {
        if tokens.get(at).map(|token| token.kind) != Some(Kind::Word) {
            return false;
        }
        names += 1;
        match tokens.get(at + 1).map(|token| token.kind) {
            Some(Kind::Mark(b',')) => at += 2,
            Some(Kind::Close) => break,
            _ => return false,
        }
    }
    let rest = &tokens[at + 2..];
    let declarations = rest.iter().filter(|token| token.kind == Kind::Semi).count();
    let word = |token: &Token| &text[token.start as usize..token.end as usize];
    declarations < names
        && rest.len() >= 2
        && rest[0].kind == Kind::Word
        && !word(&rest[0]).starts_with(b"__attribute")
        && !rest.iter().any(|token| token.kind == Kind::Mark(b'='))
}

/// The words with brackets that a declaration starts with, which may be macros, and where each ends.
pub fn leading_macros(tokens: &[Token]) -> Vec<(Token, u32)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(name) = tokens.get(at)
        && name.kind == Kind::Word
    {
        if tokens.get(at + 1).map(|token| token.kind) == Some(Kind::Open) {
            let close = closing(tokens, at + 1);
            let end = tokens
                .get(close)
                .or(tokens.last())
                .map_or(name.end, |t| t.end);
            found.push((*name, end));
            at = close + 1;
        } else {
            // A macro without arguments stands alone.
            if tokens.len() == 1 {
                found.push((*name, name.end));
            }
            break;
        }
    }
    found
}

/// The `)` of the `(` at `open`, or the last token.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => {
                depth -= 1;
                if depth == 0 {
                    return index;
                }
            }
            _ => {}
        }
    }
    tokens.len().saturating_sub(1)
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        match self.tokens.get(at) {
            Some(token) if token.kind == Kind::Word => self
                .text
                .get(token.start as usize..token.end as usize)
                .unwrap_or(""),
            _ => "",
        }
    }

    fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn read(&self) -> Head {
        let first = self.skip_macro_lines();
        let start = self.skip_template(first);
        let mut at = start;
        let mut class = None;
        let mut equals = false;
        // What stands outside all brackets decides.
        while at < self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Open => {
                    at = closing(self.tokens, at) + 1;
                    continue;
                }
                Kind::Mark(b'=') if !self.is_operator(at) => {
                    equals = true;
                    break;
                }
                Kind::Word => match self.word(at) {
                    "namespace" => return Head::Namespace(self.namespace(at + 1)),
                    "enum" if !self.has_function(at) => return Head::Opaque,
                    "class" | "struct" | "union" | "__interface" | "interface"
                        if class.is_none() =>
                    {
                        class = Some(at);
                    }
                    "typedef" if self.has_function(at) => return Head::Opaque,
                    _ => {}
                },
                _ => {}
            }
            at += 1;
        }
        if equals {
            return Head::Opaque;
        }
        if let Some(at) = class
            && let Some(name) = self.class_name(at + 1)
        {
            return Head::Class(name);
        }
        match self.function(first, start) {
            Some(head) => head,
            // `extern "C" {`, `EXTERN_C_BEGIN {` and a stray block: what stands inside is read.
            None => match self.tokens.last().map(|last| last.kind) {
                None | Some(Kind::Text) => Head::Transparent,
                Some(Kind::Word) if self.tokens.len() == 1 => self.lone_word(),
                _ => Head::Opaque,
            },
        }
    }

    /// `WORD {`: a macro that stands for a function's head, or for `extern "C"`.
    fn lone_word(&self) -> Head {
        match self.word(0) {
            "do" | "else" | "try" | "__try" | "__finally" => Head::Opaque,
            word if word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_') =>
            {
                Head::Transparent
            }
            _ => Head::Opaque,
        }
    }

    fn is_operator(&self, at: usize) -> bool {
        (1..=3).any(|back| at >= back && self.word(at - back) == "operator")
            || matches!(
                self.kind(at.wrapping_sub(1)),
                Some(Kind::Mark(b'=' | b'<' | b'>' | b'!'))
            ) && self.word(at.wrapping_sub(2)) == "operator"
    }

    /// Some bracket outside all others has a word before it: it could be a function's.
    fn has_function(&self, from: usize) -> bool {
        let mut at = from;
        while at < self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Open => {
                    if at > 0 && !self.word(at - 1).is_empty() && !is_noise(self.word(at - 1)) {
                        return true;
                    }
                    at = closing(self.tokens, at) + 1;
                }
                // `enum E : int {`
                Kind::Mark(b':') => return false,
                _ => at += 1,
            }
        }
        false
    }

    /// Behind lines such as `WINE_DEFAULT_DEBUG_CHANNEL(x)` that lack their `;`: words with brackets, each followed by
    /// a word that is followed by no bracket of its own.
    fn skip_macro_lines(&self) -> usize {
        let mut at = 0;
        while self.kind(at) == Some(Kind::Word)
            && is_shouted(self.word(at))
            && self.kind(at + 1) == Some(Kind::Open)
        {
            let next = closing(self.tokens, at + 1) + 1;
            let attribute = self.kind(next) == Some(Kind::Mark(b'['))
                && self.kind(next + 1) == Some(Kind::Mark(b'['));
            if self.kind(next) != Some(Kind::Word) && !attribute {
                break;
            }
            at = next;
        }
        // `STDAPI_(BOOL) DllMain(…)` would now start at its name, which is just as good.
        at
    }

    fn skip_template(&self, mut at: usize) -> usize {
        while self.word(at) == "template" && self.kind(at + 1) == Some(Kind::Mark(b'<')) {
            at = self.angle_end(at + 1);
            if self.word(at) == "requires" && self.kind(at + 1) == Some(Kind::Open) {
                at = closing(self.tokens, at + 1) + 1;
            }
        }
        at
    }

    /// Behind the `>` that closes the `<` at `open`.
    fn angle_end(&self, open: usize) -> usize {
        let mut depth = 0i32;
        let mut at = open;
        while at < self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Open => at = closing(self.tokens, at),
                Kind::Mark(b'<') => depth += 1,
                Kind::Mark(b'>') => {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        open + 1
    }

    fn namespace(&self, from: usize) -> String {
        let mut name = String::new();
        let mut at = from;
        while at < self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Word if !is_noise(self.word(at)) && self.word(at) != "inline" => {
                    if self.kind(at + 1) == Some(Kind::Open) {
                        at = closing(self.tokens, at + 1);
                    } else {
                        name.push_str(self.word(at));
                    }
                }
                Kind::Colons => name.push_str("::"),
                Kind::Open => at = closing(self.tokens, at),
                Kind::Mark(b'[') => {
                    while at < self.tokens.len() && self.kind(at) != Some(Kind::Mark(b']')) {
                        at += 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        name
    }

    /// The name of a class whose keyword stands before `from`; `None` if this is a function that returns one.
    fn class_name(&self, from: usize) -> Option<String> {
        let mut name = String::new();
        let mut at = from;
        while at < self.tokens.len() {
            match self.tokens[at].kind {
                Kind::Word if self.word(at) == "final" || self.word(at) == "sealed" => {}
                Kind::Word => {
                    if self.kind(at + 1) == Some(Kind::Open) {
                        let close = closing(self.tokens, at + 1);
                        // An attribute is followed by the class's name, a parameter list is not.
                        let attribute = is_noise(self.word(at))
                            || (is_shouted(self.word(at))
                                && name.is_empty()
                                && self.kind(close + 1) == Some(Kind::Word));
                        if !attribute {
                            return None;
                        }
                        at = close + 1;
                        continue;
                    }
                    if self.kind(at.wrapping_sub(1)) == Some(Kind::Colons) {
                        name.push_str("::");
                        name.push_str(self.word(at));
                    } else {
                        name = self.word(at).to_string();
                    }
                }
                Kind::Mark(b'<') => {
                    at = self.angle_end(at);
                    continue;
                }
                // Attributes.
                Kind::Mark(b'[') => {
                    while at < self.tokens.len() && self.kind(at) != Some(Kind::Mark(b']')) {
                        at += 1;
                    }
                }
                Kind::Mark(b':') => return Some(name),
                Kind::Open => at = closing(self.tokens, at),
                Kind::Semi => name.clear(),
                _ => {}
            }
            at += 1;
        }
        Some(name)
    }

    /// The function that these tokens declare, if they do.
    fn function(&self, first: usize, start: usize) -> Option<Head> {
        let tokens = self.tokens;
        let last = tokens.last()?;
        // Old-style parameters stand between the list and the brace; else everything up to the last `;` is rubbish.
        let (mut first, mut start) = (first, start);
        if let Some(semi) = tokens.iter().rposition(|token| token.kind == Kind::Semi)
            && last.kind != Kind::Semi
            && self.bracket_depth(semi) == 0
        {
            start = start.max(semi + 1);
            first = first.max(semi + 1);
        }
        let mut fallback: Option<usize> = None;
        let mut chosen: Option<usize> = None;
        let mut at = start;
        while at < tokens.len() {
            match tokens[at].kind {
                Kind::Open => {
                    let close = closing(tokens, at);
                    if self.names_function(at) || self.is_declarator(at, close) {
                        match self.after_list(close + 1) {
                            After::Ends => {
                                // `void f(int) ATTRIBUTE(x) {`: the list before is the function's, unless it only
                                // makes a type, as in `STDMETHODIMP_(ULONG) f() {`.
                                chosen = match fallback {
                                    Some(before)
                                        if closing(tokens, before) + 2 == at
                                            && before > start + 1
                                            && (!is_shouted(self.word(before - 1))
                                                || is_shouted(self.word(at - 1))) =>
                                    {
                                        Some(before)
                                    }
                                    _ => Some(at),
                                };
                                break;
                            }
                            After::Word => fallback = Some(at),
                            After::Other => {}
                        }
                    } else if self.word(at.wrapping_sub(1)) == "catch" && at <= start + 1 {
                        return Some(Head::Catch);
                    }
                    at = close + 1;
                }
                Kind::Semi => break,
                _ => at += 1,
            }
        }
        let open = chosen.or(fallback)?;
        let close = closing(tokens, open);
        // In a constructor's initializer list a brace behind a name opens the member's value.
        let colon = (close + 1..tokens.len()).find(|&at| tokens[at].kind == Kind::Mark(b':'));
        if colon.is_some()
            && matches!(last.kind, Kind::Word | Kind::Mark(b'>'))
            && !matches!(self.word(tokens.len() - 1), "try" | "noexcept" | "const")
        {
            return Some(Head::Opaque);
        }
        let mut name_at = open - 1;
        if self.kind(close + 1) == Some(Kind::Open) && !self.is_call_operator(open) {
            // `BOOL (WINAPI DllMain)(…)`, `STDMETHOD_(ULONG, f)(…)`, `int (*f(int))(char)`.
            name_at = self.inner_name(open, close)?;
        }
        let mut found = self.name(name_at)?;
        found.first = first;
        Some(Head::Function(found))
    }

    fn bracket_depth(&self, end: usize) -> i32 {
        self.tokens[..end]
            .iter()
            .fold(0, |depth, token| match token.kind {
                Kind::Open => depth + 1,
                Kind::Close => depth - 1,
                _ => depth,
            })
    }

    /// The bracket at `open` has a name before it that can be a function's.
    fn names_function(&self, open: usize) -> bool {
        let Some(before) = open.checked_sub(1) else {
            return false;
        };
        match self.tokens[before].kind {
            Kind::Word => {
                let word = self.word(before);
                (!is_noise(word) && !is_keyword(word)) || self.is_operator_name(open)
            }
            Kind::Mark(b'>') => self.angle_start(before).is_some() || self.is_operator_name(open),
            Kind::Text => self.word(before.wrapping_sub(1)) == "operator",
            Kind::Mark(_) | Kind::Arrow | Kind::Close => self.is_operator_name(open),
            _ => false,
        }
    }

    /// `int (WINAPI f)(…)`, `int (*f(int))(char)`: brackets round a declarator, behind a type.
    fn is_declarator(&self, open: usize, close: usize) -> bool {
        let control = matches!(
            self.word(open.wrapping_sub(1)),
            "" | "if" | "for" | "while" | "switch" | "return" | "catch"
        );
        let nested = (open + 2..close)
            .find(|&at| self.tokens[at].kind == Kind::Open)
            .is_some_and(|at| self.tokens[at - 1].kind == Kind::Word);
        !control
            && self.kind(close + 1) == Some(Kind::Open)
            && (nested || self.kind(close - 1) == Some(Kind::Word))
    }

    fn is_call_operator(&self, open: usize) -> bool {
        self.word(open.wrapping_sub(1)) == "operator"
    }

    /// `operator` stands at most four marks before.
    fn is_operator_name(&self, open: usize) -> bool {
        (2..=5).any(|back| {
            open >= back
                && self.word(open - back) == "operator"
                && self.tokens[open - back + 1..open]
                    .iter()
                    .all(|token| !matches!(token.kind, Kind::Semi | Kind::Block))
        })
    }

    /// The `<` that the `>` at `close` closes, if a word stands before it.
    fn angle_start(&self, close: usize) -> Option<usize> {
        let mut depth = 0i32;
        for at in (0..=close).rev() {
            match self.tokens[at].kind {
                Kind::Mark(b'>') => depth += 1,
                Kind::Mark(b'<') => {
                    depth -= 1;
                    if depth == 0 {
                        return (at > 0 && self.tokens[at - 1].kind == Kind::Word).then_some(at);
                    }
                }
                Kind::Semi | Kind::Block => return None,
                _ => {}
            }
        }
        None
    }

    fn after_list(&self, at: usize) -> After {
        match self.kind(at) {
            None => After::Ends,
            Some(Kind::Open) => After::Ends,
            Some(Kind::Arrow | Kind::Mark(b'&' | b':' | b'[')) => After::Ends,
            Some(Kind::Word) => match self.word(at) {
                "const" | "volatile" | "noexcept" | "override" | "final" | "throw" | "try"
                | "mutable" | "requires" | "sealed" | "abstract" | "_NOEXCEPT" | "NOEXCEPT" => {
                    After::Ends
                }
                _ => After::Word,
            },
            _ => After::Other,
        }
    }

    /// The name inside the brackets of a declarator or of a macro that takes it.
    fn inner_name(&self, open: usize, close: usize) -> Option<usize> {
        let inner = open + 1..close;
        if let Some(nested) = inner.clone().find(|&at| self.tokens[at].kind == Kind::Open)
            && self.tokens[nested - 1].kind == Kind::Word
        {
            return Some(nested - 1);
        }
        inner
            .rev()
            .find(|&at| self.tokens[at].kind == Kind::Word)
            .or(open.checked_sub(1))
    }

    /// The name whose last token is at `at`, with its qualifier.
    fn name(&self, at: usize) -> Option<Name> {
        let mut first = at;
        let mut name;
        match self.tokens.get(at)?.kind {
            Kind::Word if self.word(at) == "operator" => name = "operator()".to_string(),
            Kind::Word => {
                name = self.word(at).to_string();
                if at > 0 && self.tokens[at - 1].kind == Kind::Mark(b'~') {
                    name.insert(0, '~');
                    first = at - 1;
                } else if let Some(operator) = (1..=6)
                    .filter(|&back| at >= back)
                    .map(|back| at - back)
                    .find(|&operator| self.word(operator) == "operator")
                    && self.tokens[operator..at]
                        .iter()
                        .all(|token| matches!(token.kind, Kind::Word | Kind::Colons))
                {
                    // A conversion: operator bool.
                    name = self.slice(operator, at);
                    first = operator;
                }
            }
            _ => {
                let operator = (1..=5)
                    .filter(|&back| at >= back)
                    .map(|back| at - back)
                    .find(|&operator| self.word(operator) == "operator");
                if let Some(operator) = operator {
                    name = self.slice(operator, at);
                    name.retain(|c| !c.is_whitespace());
                    first = operator;
                } else {
                    first = self.angle_start(at)? - 1;
                    name = self.word(first).to_string();
                }
            }
        }
        let mut parts: Vec<&str> = Vec::new();
        while first > 0 && self.tokens[first - 1].kind == Kind::Colons {
            let Some(mut before) = first.checked_sub(2) else {
                break;
            };
            if self.tokens[before].kind == Kind::Mark(b'>') {
                match self.angle_start(before) {
                    Some(angle) => before = angle - 1,
                    None => break,
                }
            }
            if self.word(before).is_empty() {
                break;
            }
            parts.push(self.word(before));
            first = before;
        }
        parts.reverse();
        Some(Name {
            name,
            qualifier: parts.join("::"),
            first: 0,
        })
    }

    fn slice(&self, first: usize, last: usize) -> String {
        self.text
            .get(self.tokens[first].start as usize..self.tokens[last].end as usize)
            .unwrap_or("")
            .to_string()
    }
}

/// What follows a bracketed list.
enum After {
    /// What may follow a parameter list.
    Ends,
    /// A name: the list was an attribute's, or an attribute follows.
    Word,
    Other,
}

/// Words that take brackets and are no function's name.
fn is_noise(word: &str) -> bool {
    let bytes = word.as_bytes();
    matches!(
        word,
        "__declspec" | "_declspec" | "__attribute__" | "__attribute" | "alignas" | "_Alignas"
            | "decltype" | "noexcept" | "throw" | "explicit" | "requires" | "typeof" | "__typeof__"
            | "__pragma" | "_Pragma" | "asm" | "__asm__" | "__asm" | "declspec" | "DECLSPEC_ALIGN"
            | "static_assert" | "_Static_assert" | "__nonnull" | "__except" | "__extension__"
    ) || (bytes.len() > 2
        && bytes[0] == b'_'
        && bytes[1].is_ascii_uppercase()
        && bytes.ends_with(b"_"))
        // STDMETHODIMP_(type), WINAPI_(type)
        || (word.ends_with('_') && is_shouted(word))
        || (bytes.starts_with(b"__") && (word.starts_with("__in") || word.starts_with("__out")))
}

fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "for"
            | "while"
            | "switch"
            | "return"
            | "catch"
            | "do"
            | "else"
            | "sizeof"
            | "new"
            | "delete"
            | "case"
            | "goto"
            | "try"
            | "__try"
            | "__finally"
            | "void"
            | "int"
            | "char"
            | "bool"
            | "long"
            | "short"
            | "float"
            | "double"
            | "unsigned"
            | "signed"
            | "const"
            | "static"
            | "extern"
            | "inline"
            | "auto"
            | "virtual"
            | "typename"
            | "using"
            | "typedef"
    )
}

/// ALL_CAPITALS, as macros are written.
fn is_shouted(word: &str) -> bool {
    word.len() > 1
        && word
            .bytes()
            .all(|byte| WORD[byte as usize] && !byte.is_ascii_lowercase())
}
