//! Type texts: what a written type is, as far as its text tells.
//!
//! In comes `const std::unique_ptr<Worker> &`, out goes its name, its template arguments and how often it is a
//! pointer. No name is looked up here.

/// A type as written, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeName {
    /// `std::unique_ptr`; empty for tuples, function types and the like.
    pub base: String,
    /// Template or generic arguments, as written.
    pub args: Vec<String>,
    /// `*` and Rust's raw pointers.
    pub pointers: u8,
    pub reference: bool,
}

/// Whether a word says nothing about which type it is.
fn is_noise(word: &str) -> bool {
    matches!(
        word,
        "const"
            | "volatile"
            | "struct"
            | "class"
            | "enum"
            | "union"
            | "typename"
            | "mutable"
            | "static"
            | "inline"
            | "constexpr"
            | "extern"
            | "register"
            | "mut"
            | "dyn"
            | "impl"
            | "thread_local"
            | "unsigned"
            | "signed"
            | "ref"
            | "final"
            | "constinit"
    )
}

/// Takes a type's text apart. Total: odd texts give an empty base.
pub fn parse(text: &str) -> TypeName {
    let mut name = TypeName::default();
    let mut rest = text.trim();
    if is_plain(rest) {
        name.base = rest
            .trim_start_matches("::")
            .trim_end_matches(':')
            .to_string();
        return name;
    }
    // Arrays: what holds for an element holds for the array.
    if let Some(inner) = rest.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or(inner);
        let end = top_level(inner, ';').unwrap_or(inner.len());
        let mut element = parse(&inner[..end]);
        element.reference = false;
        return element;
    }
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("&&").or_else(|| rest.strip_prefix('&')) {
            name.reference = true;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('*') {
            name.pointers += 1;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("::") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix('\'') {
            rest = after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        } else if let Some(word) = leading_word(rest)
            && is_noise(word)
            && rest.len() > word.len()
        {
            rest = &rest[word.len()..];
        } else {
            break;
        }
    }
    let run = rest
        .bytes()
        .position(|byte| !is_of_name(byte))
        .unwrap_or(rest.len());
    let mut base = rest[..run].to_string();
    let mut chars = rest.char_indices().peekable();
    if run > 0 {
        chars.nth(run - 1);
    }
    let mut end = rest.len();
    while let Some((index, c)) = chars.next() {
        if c.is_alphanumeric() || c == '_' || c == ':' || c == '$' || c == '~' {
            base.push(c);
        } else if c == '<' {
            let close = matching_angle(&rest[index..]).map_or(rest.len(), |length| index + length);
            let inside = rest.get(index + 1..close.saturating_sub(1)).unwrap_or("");
            name.args = split_top_level(inside);
            while chars.peek().is_some_and(|(at, _)| *at < close) {
                chars.next();
            }
            // `Outer<X>::Inner`: the arguments of the last part count.
        } else if c == ' ' && rest[index..].trim_start().starts_with("::") {
            // `a :: b`, as tokens are printed.
        } else if c != ' ' || !(base.ends_with("::") || rest[index..].trim_start().starts_with('<'))
        {
            end = index;
            break;
        }
    }
    name.base = base.trim_end_matches(':').to_string();
    let tail = rest.get(end..).unwrap_or("");
    if tail.is_empty() {
        return name;
    }
    name.pointers += tail.matches('*').count() as u8;
    name.reference |= tail.contains('&');
    if tail.contains('(') {
        // A function or a declarator that was not understood.
        name.pointers = name.pointers.max(1);
    }
    name
}

/// Whether a byte can be a part of a qualified name.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'$' | b'~')
}

/// Whether a text is one name with nothing around it, as most are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(is_of_name)
        && !text
            .split_once(':')
            .is_some_and(|(first, _)| is_noise(first))
}

impl TypeName {
    /// The last part of the base: `unique_ptr`.
    pub fn last(&self) -> &str {
        self.base.rsplit("::").next().unwrap_or("")
    }

    /// `auto`, `` and other texts that name no type.
    pub fn is_inferred(&self) -> bool {
        names_nothing(&self.base)
    }
}

fn names_nothing(base: &str) -> bool {
    matches!(base, "" | "auto" | "decltype" | "_" | "var" | "let")
}

/// Whether a text names no type: `auto`, ``.
pub fn is_inferred(text: &str) -> bool {
    let text = text.trim();
    match is_plain(text) {
        true => names_nothing(text.trim_start_matches("::").trim_end_matches(':')),
        false => parse(text).is_inferred(),
    }
}

fn leading_word(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}

/// The length of `<…>` at the start of the text.
fn matching_angle(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut before = ' ';
    for (index, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            // `->` of a Rust function type closes nothing.
            '>' if before != '-' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
        before = c;
    }
    None
}

fn top_level(text: &str, wanted: char) -> Option<usize> {
    let mut depth = 0i32;
    for (index, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth -= 1,
            _ if c == wanted && depth == 0 => return Some(index),
            _ => {}
        }
    }
    None
}

fn split_top_level(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = top_level(rest, ',') {
        parts.push(rest[..at].trim().to_string());
        rest = &rest[at + 1..];
    }
    if !rest.trim().is_empty() {
        parts.push(rest.trim().to_string());
    }
    // Lifetimes are no types.
    parts.retain(|part| !part.starts_with('\''));
    parts
}

/// An element of a tuple's text: `Condvar` is the second of `(Mutex<bool>, Condvar)`.
pub fn tuple_element(text: &str, index: usize) -> Option<String> {
    let inside = pointee(text).strip_prefix('(')?.strip_suffix(')')?;
    split_top_level(inside).into_iter().nth(index)
}

/// What a pointer's text points to: `Foo<T>` of `*mut Foo<T>`, `&mut Foo<T>` and `Foo<T> *`.
pub fn pointee(text: &str) -> &str {
    let mut rest = text.trim();
    loop {
        let before = rest;
        for start in ["*mut ", "*const ", "&mut ", "&"] {
            rest = rest.strip_prefix(start).unwrap_or(rest).trim_start();
        }
        rest = rest.trim_end_matches(['*', '&', ' ']);
        if rest == before {
            return rest;
        }
    }
}

/// The owner that a call of this name gives: `std::make_unique` a `std::unique_ptr`. Only names that lowering keeps
/// template arguments for.
pub fn owner_of_maker(base: &str) -> Option<&'static str> {
    let last = base.rsplit("::").next().unwrap_or(base);
    match last {
        "make_unique" | "make_unique_for_overwrite" | "MakeUnique" | "make_scoped" => {
            Some("std::unique_ptr")
        }
        "make_shared" | "make_shared_for_overwrite" | "MakeShared" | "make_intrusive" => {
            Some("std::shared_ptr")
        }
        _ => None,
    }
}

/// `make_unique<Worker>` to `make_unique` and its arguments.
pub fn split_template(name: &str) -> (String, Vec<String>) {
    match name.find('<') {
        Some(open) if !name.starts_with("operator") => {
            let close = matching_angle(&name[open..]).map_or(name.len(), |length| open + length);
            let args = split_top_level(name.get(open + 1..close.saturating_sub(1)).unwrap_or(""));
            (
                format!("{}{}", &name[..open], name.get(close..).unwrap_or("")),
                args,
            )
        }
        _ => (name.to_string(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Vec<String>, u8) {
        let name = parse(text);
        (name.base, name.args, name.pointers)
    }

    #[test]
    fn types_are_taken_apart() {
        assert_eq!(
            parts("const std::unique_ptr<Worker> &"),
            ("std::unique_ptr".into(), vec!["Worker".into()], 0)
        );
        assert_eq!(parts("struct Foo *"), ("Foo".into(), vec![], 1));
        assert_eq!(
            parts("std::map<int, std::vector<Foo *>>").1,
            ["int", "std::vector<Foo *>"]
        );
        assert_eq!(
            parts("& 'a mut Option < JoinHandle < ( ) > >"),
            ("Option".into(), vec!["JoinHandle < ( ) >".into()], 0)
        );
        assert_eq!(parts("* mut c_void"), ("c_void".into(), vec![], 1));
        assert_eq!(parts("[Worker; 4]").0, "Worker");
        assert_eq!(
            parts("std :: thread :: JoinHandle < ( ) >").0,
            "std::thread::JoinHandle"
        );
        assert_eq!(parts("").0, "");
    }

    #[test]
    fn pointers_point() {
        assert_eq!(pointee("*mut Foo<u8>"), "Foo<u8>");
        assert_eq!(pointee("*mut Foo *"), "Foo");
        assert_eq!(pointee("&mut Foo"), "Foo");
    }

    #[test]
    fn tuples_have_elements() {
        let text = "&(Mutex<(u8, u8)>, Condvar)";
        assert_eq!(tuple_element(text, 0).as_deref(), Some("Mutex<(u8, u8)>"));
        assert_eq!(tuple_element(text, 1).as_deref(), Some("Condvar"));
        assert_eq!(tuple_element("Condvar", 0), None);
    }

    #[test]
    fn template_calls_keep_their_arguments() {
        assert_eq!(
            split_template("std::make_unique<Foo<int>>"),
            ("std::make_unique".into(), vec!["Foo<int>".into()])
        );
        assert_eq!(split_template("stop"), ("stop".into(), vec![]));
    }
}
