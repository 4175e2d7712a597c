//! The truth of `#if` conditions: certain on Windows, certainly not, or open.

use crate::index::preprocessor;

/// What is known besides the platform.
#[derive(Debug)]
pub struct Environment {
    pub cpp: bool,
    /// The file's include guard counts as not yet defined.
    pub guard: Option<String>,
    /// Names that the file undefines before it asks for them, and never defines.
    pub undefined: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    /// The normalised text, and whether it must hold or fail.
    Open {
        text: String,
        holds: bool,
    },
}

/// Judges the condition of `#if`, `#ifdef`, `#ifndef`, `#elif…` or `#else`.
pub fn evaluate(directive: &str, rest: &str, environment: &Environment) -> Truth {
    let name = || {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .find(|word| !word.is_empty())
            .unwrap_or("")
    };
    let value = match directive {
        "else" => return Truth::True,
        "ifdef" | "elifdef" => defined(name(), environment),
        "ifndef" | "elifndef" => negate(defined(name(), environment)),
        _ => {
            let tokens = tokens(rest);
            let mut reader = Reader {
                tokens: &tokens,
                at: 0,
                depth: 0,
                environment,
            };
            let value = reader.binary(0);
            if reader.at < tokens.len() {
                open(tokens.join(" "))
            } else {
                value
            }
        }
    };
    match value {
        Known::Number(0) => Truth::False,
        Known::Number(_) => Truth::True,
        Known::Open { text, holds } => Truth::Open { text, holds },
    }
}

enum Known {
    Number(i64),
    Open { text: String, holds: bool },
}

fn open(text: String) -> Known {
    Known::Open { text, holds: true }
}

impl Known {
    fn text(&self) -> String {
        match self {
            Known::Number(number) => number.to_string(),
            Known::Open { text, holds: true } => text.clone(),
            Known::Open { text, holds: false } if text.contains(' ') => format!("!({text})"),
            Known::Open { text, holds: false } => format!("!{text}"),
        }
    }
}

fn negate(value: Known) -> Known {
    match value {
        Known::Number(number) => Known::Number((number == 0) as i64),
        Known::Open { text, holds } => Known::Open {
            text,
            holds: !holds,
        },
    }
}

fn platform(name: &str, environment: &Environment) -> Option<bool> {
    let gone = || {
        environment.guard.as_deref() == Some(name)
            || environment.undefined.iter().any(|gone| gone == name)
    };
    match name {
        "__cplusplus" => Some(environment.cpp),
        _ => preprocessor::defined(name).or_else(|| gone().then_some(false)),
    }
}

fn defined(name: &str, environment: &Environment) -> Known {
    match platform(name, environment) {
        Some(known) => Known::Number(known as i64),
        None => open(format!("defined({name})")),
    }
}

fn tokens(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 {
            at = super::preprocessor::word_end(bytes, at);
        } else if matches!(byte, b'"' | b'\'') {
            at = super::preprocessor::literal_end(bytes, at);
        } else {
            let double = ["&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "::"]
                .iter()
                .any(|sign| bytes[at..].starts_with(sign.as_bytes()));
            at += if double { 2 } else { 1 };
        }
        tokens.push(text.get(start..at).unwrap_or("").to_string());
    }
    tokens
}

struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
    depth: usize,
    environment: &'a Environment,
}

const LEVELS: [&[&str]; 9] = [
    &["||"],
    &["&&"],
    &["|"],
    &["&", "^"],
    &["==", "!="],
    &["<", ">", "<=", ">="],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn binary(&mut self, level: usize) -> Known {
        let Some(signs) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1);
        while signs.contains(&self.peek()) {
            let sign = self.peek().to_string();
            self.at += 1;
            let right = self.binary(level + 1);
            left = combine(&sign, left, right);
        }
        left
    }

    fn unary(&mut self) -> Known {
        let token = self.peek().to_string();
        self.at += 1;
        self.depth += 1;
        if self.depth > 64 {
            self.at = self.tokens.len() + 1;
            return open(self.tokens.join(" "));
        }
        let value = match token.as_str() {
            "!" => negate(self.unary()),
            "-" => match self.unary() {
                Known::Number(number) => Known::Number(number.wrapping_neg()),
                other => open(format!("-{}", other.text())),
            },
            "+" => self.unary(),
            "(" => {
                let value = self.binary(0);
                if self.peek() == ")" {
                    self.at += 1;
                }
                value
            }
            "defined" => {
                let parenthesis = self.peek() == "(";
                self.at += parenthesis as usize;
                let name = self.peek().to_string();
                self.at += 1;
                if parenthesis && self.peek() == ")" {
                    self.at += 1;
                }
                defined(&name, self.environment)
            }
            "true" => Known::Number(1),
            "false" => Known::Number(0),
            _ => self.atom(token),
        };
        self.depth -= 1;
        value
    }

    fn atom(&mut self, token: String) -> Known {
        if token.starts_with(|c: char| c.is_ascii_digit()) {
            return super::literals::integer(&token).map_or(open(token), Known::Number);
        }
        if let Some(known) = platform(&token, self.environment) {
            return Known::Number(known as i64);
        }
        if self.peek() != "(" {
            return open(token);
        }
        // A macro with arguments: its text stands for it.
        let mut text = token;
        let mut depth = 0;
        while self.at < self.tokens.len() {
            let part = self.peek().to_string();
            self.at += 1;
            text.push_str(&part);
            match part.as_str() {
                "(" => depth += 1,
                ")" => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        open(text)
    }
}

fn combine(sign: &str, left: Known, right: Known) -> Known {
    use Known::Number;
    match (sign, &left, &right) {
        ("&&", Number(0), _) | ("&&", _, Number(0)) => return Number(0),
        ("&&", Number(_), _) => return right,
        ("&&", _, Number(_)) => return left,
        ("||", Number(0), _) => return right,
        ("||", _, Number(0)) => return left,
        ("||", Number(_), _) | ("||", _, Number(_)) => return Number(1),
        (_, Number(a), Number(b)) => {
            let (a, b) = (*a, *b);
            let value = match sign {
                "==" => Some((a == b) as i64),
                "!=" => Some((a != b) as i64),
                "<" => Some((a < b) as i64),
                ">" => Some((a > b) as i64),
                "<=" => Some((a <= b) as i64),
                ">=" => Some((a >= b) as i64),
                "+" => a.checked_add(b),
                "-" => a.checked_sub(b),
                "*" => a.checked_mul(b),
                "/" => a.checked_div(b),
                "%" => a.checked_rem(b),
                "|" => Some(a | b),
                "&" => Some(a & b),
                "^" => Some(a ^ b),
                "<<" => u32::try_from(b).ok().and_then(|b| a.checked_shl(b)),
                ">>" => u32::try_from(b).ok().and_then(|b| a.checked_shr(b)),
                _ => None,
            };
            if let Some(value) = value {
                return Number(value);
            }
        }
        _ => {}
    }
    let wrap = |value: &Known| {
        let text = value.text();
        let looser = match sign {
            "&&" => text.contains("||"),
            "||" => false,
            _ => text.contains("&&") || text.contains("||"),
        };
        if looser { format!("({text})") } else { text }
    };
    open(format!("{} {sign} {}", wrap(&left), wrap(&right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(directive: &str, rest: &str) -> Truth {
        let environment = Environment {
            cpp: true,
            guard: None,
            undefined: vec!["GONE".to_string()],
        };
        evaluate(directive, rest, &environment)
    }

    fn open_text(text: &str, holds: bool) -> Truth {
        Truth::Open {
            text: text.into(),
            holds,
        }
    }

    #[test]
    fn the_platform_decides() {
        assert_eq!(truth("ifdef", " _WIN32"), Truth::True);
        assert_eq!(truth("ifdef", " GONE"), Truth::False);
        assert_eq!(truth("if", " defined(__linux__) || 0"), Truth::False);
        assert_eq!(truth("if", " !defined _WIN32 && FOO"), Truth::False);
        assert_eq!(truth("if", " 2 > 1 && (3 & 1)"), Truth::True);
    }

    #[test]
    fn open_conditions_have_one_spelling() {
        assert_eq!(truth("ifdef", " FOO"), open_text("defined(FOO)", true));
        assert_eq!(truth("ifndef", "  FOO "), open_text("defined(FOO)", false));
        assert_eq!(
            truth("if", " ! defined FOO"),
            open_text("defined(FOO)", false)
        );
        assert_eq!(
            truth("if", " defined(_WIN32) && _MSC_VER>=1900"),
            open_text("_MSC_VER >= 1900", true)
        );
        assert_eq!(
            truth("if", " A&&(B||!C)"),
            open_text("A && (B || !C)", true)
        );
        assert_eq!(
            truth("if", " __has_include( <x.h> )"),
            open_text("__has_include(<x.h>)", true)
        );
    }

    #[test]
    fn garbage_is_open() {
        for text in [
            "",
            "(",
            ")",
            "&& 1",
            "1 +",
            "defined",
            "a ? b : c",
            "((((((((",
            "1/0",
        ] {
            truth("if", text);
        }
        truth("if", &"!".repeat(10_000));
        truth("if", &"(".repeat(10_000));
    }
}
