//! Numbers, characters and strings.

/// The value of an integer or character literal; `None` for floating point and what is none.
pub fn integer(text: &str) -> Option<i64> {
    // The grammar takes the sign for a part of the number.
    if let Some(rest) = text.strip_prefix('-') {
        return integer(rest)?.checked_neg();
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let text: String = text
        .chars()
        .filter(|c| *c != '\'')
        .collect::<String>()
        .to_ascii_lowercase();
    let (digits, radix) = if let Some(rest) = text.strip_prefix("0x") {
        (rest, 16)
    } else if let Some(rest) = text.strip_prefix("0b") {
        (rest, 2)
    } else if text.len() > 1 && text.starts_with('0') {
        (&text[1..], 8)
    } else {
        (text.as_str(), 10)
    };
    let end = digits
        .find(|c: char| !c.is_digit(radix))
        .unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let known = matches!(
        suffix,
        "" | "u"
            | "l"
            | "ul"
            | "lu"
            | "ll"
            | "ull"
            | "llu"
            | "z"
            | "uz"
            | "i64"
            | "ui64"
            | "i32"
            | "ui32"
    );
    if !known {
        return None;
    }
    if number.is_empty() {
        // `0`, `0L`: the digit was taken for the octal mark.
        return (radix == 8).then_some(0);
    }
    u64::from_str_radix(number, radix)
        .ok()
        .map(|value| value as i64)
}

/// The value of a character literal with its quotes and prefix; several characters make one big-endian number.
pub fn character(text: &str) -> Option<i64> {
    let open = text.find('\'')?;
    let body = text[open + 1..].strip_suffix('\'')?;
    let mut value: i64 = 0;
    let mut chars = body.chars();
    let mut count = 0;
    while let Some(c) = chars.next() {
        let code = if c == '\\' {
            match chars.next()? {
                'n' => 10,
                't' => 9,
                'r' => 13,
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'v' => 11,
                '0' if chars.as_str().is_empty() => 0,
                'x' => {
                    let code = i64::from_str_radix(chars.as_str(), 16).ok()?;
                    chars = "".chars();
                    code
                }
                digit @ '0'..='7' => {
                    let rest = chars.as_str();
                    let code = i64::from_str_radix(&format!("{digit}{rest}"), 8).ok()?;
                    chars = "".chars();
                    code
                }
                other => other as i64,
            }
        } else {
            c as i64
        };
        count += 1;
        value = if count == 1 {
            code
        } else {
            value.wrapping_shl(8) | (code & 0xFF)
        };
    }
    (1..=4).contains(&count).then_some(value)
}

/// The text between the quotes of a string literal, escapes left as written.
pub fn string(text: &str) -> String {
    let Some(open) = text.find('"') else {
        return text.to_string();
    };
    let raw = text[..open].ends_with('R');
    let body = &text[open + 1..];
    let body = body.strip_suffix('"').unwrap_or(body);
    if raw {
        let start = body.find('(').map_or(0, |at| at + 1);
        let end = body.rfind(')').unwrap_or(body.len()).max(start);
        return body[start..end].to_string();
    }
    body.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_all_spellings() {
        assert_eq!(integer("0"), Some(0));
        assert_eq!(integer("0UL"), Some(0));
        assert_eq!(integer("0xFFFFFFFF"), Some(4294967295));
        assert_eq!(integer("1'000'000ull"), Some(1_000_000));
        assert_eq!(integer("017"), Some(15));
        assert_eq!(integer("0b101"), Some(5));
        assert_eq!(integer("1.5"), None);
        assert_eq!(integer("0.5"), None);
        assert_eq!(integer("1e3"), None);
        assert_eq!(integer("0x"), None);
    }

    #[test]
    fn characters_and_strings() {
        assert_eq!(character("'a'"), Some(97));
        assert_eq!(character("L'\\n'"), Some(10));
        assert_eq!(character("'\\0'"), Some(0));
        assert_eq!(character("'\\x41'"), Some(65));
        assert_eq!(character("''"), None);
        assert_eq!(string("L\"a b\""), "a b");
        assert_eq!(string("R\"x(a\")x\""), "a\"");
        assert_eq!(string("\""), "");
    }
}
