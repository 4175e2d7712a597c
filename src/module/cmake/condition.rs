//! What a condition means on Windows.

use super::syntax::Argument;
use regex::Regex;

/// What CMAKE_SYSTEM_NAME is.
pub const SYSTEM: &str = "Windows";

/// Whether a condition asks which system the build is for.
pub fn asks_for_system(words: &[Argument]) -> bool {
    words.iter().any(|word| {
        let word = word.text.as_str();
        word == "CMAKE_SYSTEM_NAME" || word == SYSTEM || is_of_system(word).is_some()
    })
}

/// The meaning of `if(…)` on Windows; `None` where it depends on the build.
pub fn condition(words: &[Argument]) -> Option<bool> {
    let mut at = 0;
    let value = either(words, &mut at, 0);
    if at < words.len() { None } else { value }
}

fn either(words: &[Argument], at: &mut usize, depth: u32) -> Option<bool> {
    let mut left = both(words, at, depth);
    while words.get(*at).is_some_and(|word| word.text == "OR") {
        *at += 1;
        let right = both(words, at, depth);
        left = match (left, right) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }
    left
}

fn both(words: &[Argument], at: &mut usize, depth: u32) -> Option<bool> {
    let mut left = test(words, at, depth);
    while words.get(*at).is_some_and(|word| word.text == "AND") {
        *at += 1;
        let right = test(words, at, depth);
        left = match (left, right) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
    left
}

fn test(words: &[Argument], at: &mut usize, depth: u32) -> Option<bool> {
    let word = words.get(*at)?.text.as_str();
    *at += 1;
    if depth > 32 {
        return None;
    }
    match word {
        "NOT" => return test(words, at, depth + 1).map(|value| !value),
        "(" => {
            let value = either(words, at, depth + 1);
            if words.get(*at).is_some_and(|word| word.text == ")") {
                *at += 1;
            }
            return value;
        }
        "TARGET" | "DEFINED" | "EXISTS" | "COMMAND" | "POLICY" | "TEST" | "IS_DIRECTORY"
        | "IS_ABSOLUTE" => {
            *at += 1;
            return None;
        }
        _ => {}
    }
    let operator = words.get(*at).map_or("", |word| word.text.as_str());
    if matches!(
        operator,
        "STREQUAL"
            | "MATCHES"
            | "EQUAL"
            | "LESS"
            | "GREATER"
            | "LESS_EQUAL"
            | "GREATER_EQUAL"
            | "VERSION_LESS"
            | "VERSION_GREATER"
            | "VERSION_EQUAL"
            | "VERSION_GREATER_EQUAL"
            | "VERSION_LESS_EQUAL"
            | "IN_LIST"
            | "STRLESS"
            | "STRGREATER"
            | "IS_NEWER_THAN"
    ) {
        let value = words.get(*at + 1).map_or("", |word| word.text.as_str());
        *at += 2;
        let system =
            word == "CMAKE_SYSTEM_NAME" || word == "CMAKE_HOST_SYSTEM_NAME" || word == SYSTEM;
        match operator {
            "STREQUAL" if system => return Some(value.eq_ignore_ascii_case(SYSTEM)),
            "MATCHES" if system => return Regex::new(value).ok().map(|it| it.is_match(SYSTEM)),
            _ => {}
        }
        return None;
    }
    match word {
        "0" | "FALSE" => Some(false),
        "1" | "TRUE" => Some(true),
        _ => is_of_system(word),
    }
}

/// What a variable that names a system is on Windows.
fn is_of_system(word: &str) -> Option<bool> {
    match word {
        "WIN32" | "OS_WINDOWS" => Some(true),
        "UNIX" | "APPLE" | "LINUX" | "ANDROID" | "CYGWIN" | "IOS" | "EMSCRIPTEN" | "BSD"
        | "OS_LINUX" | "OS_MACOS" | "OS_POSIX" | "OS_FREEBSD" => Some(false),
        _ => None,
    }
}
