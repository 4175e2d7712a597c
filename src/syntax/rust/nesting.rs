//! How deeply a text nests, found without parsing.
//!
//! syn, the drop of its trees and our own walks recurse, and a stack overflow cannot be caught. So anything that nests
//! deeper than real code does is refused beforehand.

const DEEPEST_GROUPS: usize = 256;
/// Operators and keywords that can nest without a bracket: `!!!!x`, `a.b().c()`, `x as T as U`, `if … else if …`.
const LONGEST_CHAIN: usize = 1500;

/// Whether the text nests too deeply to be handed to syn.
pub(super) fn is_deep(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Links of the expression at each open bracket, the innermost last.
    let mut open: Vec<usize> = vec![0];
    let mut links = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        match byte {
            b'/' if next == b'/' => at = line_end(bytes, at),
            b'/' if next == b'*' => at = comment_end(bytes, at),
            b'"' => at = string_end(bytes, at + 1),
            b'\'' => at = quote_end(text, at),
            b'(' | b'[' | b'{' => {
                // `f()()()` nests as well.
                links += link(&mut open);
                open.push(0);
                if open.len() > DEEPEST_GROUPS {
                    return true;
                }
                at += 1;
            }
            b')' | b']' | b'}' => {
                if open.len() > 1 {
                    links -= open.pop().unwrap_or(0);
                }
                at += 1;
                if byte == b'}' && !continues(&bytes[at..]) {
                    links -= reset(&mut open);
                }
            }
            b';' | b',' => {
                links -= reset(&mut open);
                at += 1;
            }
            b'.' | b'|' | b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'!' | b'&' | b'=' | b'<'
            | b'?' | b':' => {
                links += link(&mut open);
                at += 1;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                let end = word_end(bytes, at);
                let word = &bytes[at..end];
                if is_raw_string(word, &bytes[end..]) {
                    at = raw_string_end(bytes, end);
                    continue;
                }
                if matches!(
                    word,
                    b"as"
                        | b"else"
                        | b"return"
                        | b"break"
                        | b"yield"
                        | b"if"
                        | b"match"
                        | b"while"
                        | b"for"
                        | b"in"
                        | b"move"
                        | b"async"
                        | b"fn"
                        | b"dyn"
                        | b"impl"
                        | b"mut"
                        | b"ref"
                        | b"const"
                        | b"static"
                        | b"let"
                ) {
                    links += link(&mut open);
                }
                at = end;
            }
            b'0'..=b'9' => at = word_end(bytes, at),
            _ => at += 1,
        }
        if links > LONGEST_CHAIN {
            return true;
        }
    }
    false
}

fn link(open: &mut [usize]) -> usize {
    if let Some(top) = open.last_mut() {
        *top += 1;
    }
    1
}

fn reset(open: &mut [usize]) -> usize {
    open.last_mut().map_or(0, std::mem::take)
}

/// Whether the expression goes on behind a `}`.
fn continues(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"else")
        || rest.starts_with(b"as ")
        || matches!(
            rest.first(),
            Some(
                b'.' | b'?'
                    | b'+'
                    | b'-'
                    | b'*'
                    | b'/'
                    | b'%'
                    | b'^'
                    | b'&'
                    | b'|'
                    | b'='
                    | b'<'
                    | b'>'
                    | b'!'
                    | b'('
                    | b'['
            )
        )
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(bytes.len(), |length| at + length)
}

fn comment_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a character literal, or of the quote that begins a lifetime.
fn quote_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    if bytes.get(at + 1) == Some(&b'\\') {
        let mut end = at + 3;
        while end < bytes.len() && bytes[end] != b'\'' && bytes[end] != b'\n' {
            end += 1;
        }
        return (end + 1).min(bytes.len());
    }
    let length = text[at + 1..].chars().next().map_or(0, char::len_utf8);
    if length > 0 && bytes.get(at + 1 + length) == Some(&b'\'') {
        at + length + 2
    } else {
        at + 1
    }
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .position(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80))
        .map_or(bytes.len(), |length| at + length)
}

fn is_raw_string(word: &[u8], rest: &[u8]) -> bool {
    if !matches!(word, b"r" | b"br" | b"cr") {
        return false;
    }
    let hashes = rest.iter().take_while(|&&byte| byte == b'#').count();
    rest.get(hashes) == Some(&b'"')
}

fn raw_string_end(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at..].iter().take_while(|&&byte| byte == b'#').count();
    let mut end = at + hashes + 1;
    while end < bytes.len() {
        if bytes[end] == b'"'
            && bytes[end + 1..]
                .iter()
                .take(hashes)
                .all(|&byte| byte == b'#')
        {
            return (end + 1 + hashes).min(bytes.len());
        }
        end += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::is_deep;

    #[test]
    fn only_what_nests_is_deep() {
        assert!(is_deep(&"(".repeat(300)));
        assert!(is_deep(&format!("x = {}y", "!".repeat(2000))));
        assert!(is_deep(&"if a {} else ".repeat(2000)));
        assert!(!is_deep(&"if a == b { c(); }\n".repeat(2000)));
        assert!(!is_deep(&"a(b + c);\n".repeat(2000)));
        assert!(!is_deep(&format!(
            "let a = r#\"{0}\"#; let b = \"{0}\"; /* {0} */ // {0}",
            "(".repeat(300)
        )));
        assert!(!is_deep("'('; '\\''; fn f<'a>(x: &'a str) {} 'é'"));
    }
}
