//! Names and type texts as the IR writes them.

/// A name without template arguments, white space and a leading `::`.
pub fn plain(text: &str) -> String {
    if !text
        .bytes()
        .any(|byte| byte == b'<' || byte.is_ascii_whitespace() || byte == b':')
    {
        return text.to_string();
    }
    let text = text.trim();
    // `operator<` and the like end a name and hold no arguments.
    if let Some(at) = operator_at(text) {
        let mut name = plain(&text[..at]);
        let rest: Vec<&str> = text[at..].split_whitespace().collect();
        let rest = rest.join(" ");
        let sign = rest.trim_start_matches("operator").trim_start();
        if sign.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"') {
            name.push_str("operator ");
        } else {
            name.push_str("operator");
        }
        name.push_str(sign);
        return name;
    }
    let mut name = String::with_capacity(text.len());
    let mut depth = 0usize;
    for part in text.chars() {
        match part {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if part.is_whitespace() => {
                if name.ends_with("template") {
                    name.truncate(name.len() - "template".len());
                }
            }
            _ => name.push(part),
        }
    }
    name.trim_start_matches(':').to_string()
}

fn operator_at(text: &str) -> Option<usize> {
    let at = text.rfind("operator")?;
    let before = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let after = text[at + 8..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (!before && !after).then_some(at)
}

/// The template argument of a call that makes an owner of it: `Worker` of `std::make_unique<Worker>`. One argument only.
pub fn made_type(text: &str) -> Option<String> {
    let text = text.trim();
    let inside = text.strip_suffix('>')?;
    let open = inside.find('<')?;
    let name = inside[..open].trim_end();
    let last = name.rsplit("::").next().unwrap_or(name).trim();
    let makes = [
        "make_unique",
        "make_shared",
        "make_unique_for_overwrite",
        "make_shared_for_overwrite",
        "MakeUnique",
        "MakeShared",
        "make_scoped",
        "make_intrusive",
    ];
    let made = inside[open + 1..].trim();
    // `T[]` is an array: what holds for an element holds for it.
    let made = made.strip_suffix("[]").unwrap_or(made).trim_end();
    let mut depth = 0i32;
    let single = made.chars().all(|c| {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            _ => {}
        }
        c != ',' || depth > 0
    });
    (makes.contains(&last) && single && !made.is_empty()).then(|| collapse(made))
}

/// The qualifier and the last part of a plain name.
pub fn split(name: &str) -> (&str, &str) {
    match operator_at(name) {
        Some(at) => (name[..at].trim_end_matches(':'), &name[at..]),
        None => name.rsplit_once("::").unwrap_or(("", name)),
    }
}

pub fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_string()
    } else {
        format!("{scope}::{name}")
    }
}

/// White space collapsed to single blanks.
pub fn collapse(text: &str) -> String {
    if !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return text.to_string();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a type is a class as far as its text tells: no scalar, pointer, reference or Windows typedef.
pub fn is_class_like(type_text: &str) -> bool {
    let text = type_text.trim();
    if text.is_empty() || text.ends_with(['*', '&', ')', ']']) {
        return false;
    }
    let bare = bare(text);
    if bare.is_empty() || is_scalar(bare) {
        return false;
    }
    true
}

/// A type text without `const`, `struct` and the like.
pub fn bare(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let before = text;
        for word in [
            "const ",
            "volatile ",
            "struct ",
            "class ",
            "union ",
            "typename ",
            "enum ",
            "mutable ",
        ] {
            text = text.strip_prefix(word).unwrap_or(text).trim_start();
        }
        text = text.strip_suffix(" const").unwrap_or(text);
        text = text.trim_start_matches("::");
        if text == before {
            return text;
        }
    }
}

/// Whether a type name is a number, a handle or another typedef that has no constructor.
pub fn is_scalar(name: &str) -> bool {
    if name.contains('<') {
        return false;
    }
    let first = name.split(' ').next().unwrap_or(name);
    if matches!(
        first,
        "int"
            | "char"
            | "short"
            | "long"
            | "bool"
            | "float"
            | "double"
            | "void"
            | "signed"
            | "unsigned"
            | "wchar_t"
            | "char8_t"
            | "char16_t"
            | "char32_t"
            | "__int64"
            | "__int32"
            | "__int16"
            | "__int8"
            | "_Bool"
            | "__m128"
            | "uint"
            | "ulong"
            | "uchar"
            | "ushort"
            | "byte"
            | "qreal"
            | "quint32"
    ) {
        return true;
    }
    let last = name.rsplit("::").next().unwrap_or(name);
    if last.ends_with("_t") {
        return true;
    }
    // A single capital is a template parameter.
    last.len() > 1 && super::super::blank::is_capitals(last.as_bytes())
}

/// Names that stand before a parenthesis and are no keyword.
pub fn called(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut names = Vec::new();
    let mut at = 0;
    let mut last: Option<(usize, usize)> = None;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 {
            let end = super::preprocessor::word_end(bytes, at);
            let joined = last.filter(|&(_, stop)| &bytes[stop..at] == b"::");
            last = Some((joined.map_or(at, |(start, _)| start), end));
            at = end;
        } else if byte == b'"' || byte == b'\'' {
            at = super::preprocessor::literal_end(bytes, at);
            last = None;
        } else {
            if byte == b'(' {
                if let Some((start, end)) = last.take()
                    && let Some(name) = text.get(start..end)
                    && !is_keyword(name)
                {
                    names.push(name.to_string());
                }
            } else if !byte.is_ascii_whitespace() && byte != b':' {
                last = None;
            }
            at += 1;
        }
    }
    names
}

pub fn is_keyword(name: &str) -> bool {
    matches!(
        name,
        "if" | "while"
            | "for"
            | "switch"
            | "return"
            | "sizeof"
            | "catch"
            | "alignof"
            | "decltype"
            | "defined"
            | "noexcept"
            | "throw"
            | "static_assert"
            | "alignas"
            | "typeof"
            | "__typeof__"
            | "case"
            | "else"
            | "do"
            | "__except"
            | "requires"
            | "offsetof"
            | "constexpr"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_arguments() {
        assert_eq!(plain("ns::Foo<int>::bar"), "ns::Foo::bar");
        assert_eq!(plain("::Sleep"), "Sleep");
        assert_eq!(plain("a :: b"), "a::b");
        assert_eq!(plain("A<B<C>>::operator<<"), "A::operator<<");
        assert_eq!(plain("A::operator bool"), "A::operator bool");
        assert_eq!(split("A::operator()"), ("A", "operator()"));
        assert_eq!(split("a::b::c"), ("a::b", "c"));
    }

    #[test]
    fn makers_name_what_they_make() {
        assert_eq!(
            made_type("std::make_unique<ns::Foo<int>>").as_deref(),
            Some("ns::Foo<int>")
        );
        assert_eq!(made_type("make_shared < Foo >").as_deref(), Some("Foo"));
        assert_eq!(made_type("std::make_pair<A, B>"), None);
        assert_eq!(made_type("make_unique"), None);
    }

    #[test]
    fn scalars_are_no_classes() {
        for text in [
            "int",
            "const HANDLE",
            "Foo *",
            "Foo &",
            "size_t",
            "std::uint32_t",
            "unsigned long",
        ] {
            assert!(!is_class_like(text), "{text}");
        }
        for text in ["Foo", "std::vector<int>", "T", "const ns::Foo", "auto"] {
            assert!(is_class_like(text), "{text}");
        }
    }

    #[test]
    fn called_names_are_found() {
        assert_eq!(called("if (a) b::c (d(1), \"e(\")"), ["b::c", "d"]);
    }
}
