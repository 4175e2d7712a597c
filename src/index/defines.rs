//! The macros that a file defines, and the `#if` conditions under which it does.
//!
//! In comes a text, out go its `#define`s and the arms of its conditions as byte ranges. Nothing is evaluated here: what
//! a macro means depends on other files.

use super::{find, line_end, quoted_end, word_end};

/// No arm: the file itself.
pub const OUTSIDE: u32 = u32::MAX;

/// A `#define` (or `#undef`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Define {
    pub start: u32,
    pub name_end: u32,
    /// The end of the line, so that `name_end..end` is what it stands for.
    pub end: u32,
    /// The innermost arm around it.
    pub arm: u32,
}

/// A `#define` that stands behind `//` in a line of its own: a switch that is off, or one that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Of the name.
    pub start: u32,
    pub end: u32,
    /// Only the slashes were put before it. With a blank between it may be meant for a reader.
    pub alone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// `#if`, `#elif`.
    Condition,
    /// `#ifdef` and its kin.
    Defined,
    /// `#ifndef` and its kin.
    NotDefined,
    Else,
}

/// One arm of an `#if`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    pub test: Test,
    /// The condition, as a range of the text.
    pub start: u32,
    pub end: u32,
    /// The arm around the whole `#if`.
    pub parent: u32,
    /// The arm before this one, of the same `#if`.
    pub previous: u32,
    /// The last arm of the same `#if`.
    pub last: u32,
    /// The arm begins with a `#define` of the very name whose absence it asks for: it is passed the first time.
    pub guard: bool,
}

/// What a file says about macros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacroFacts {
    pub defines: Vec<Define>,
    pub undefines: Vec<Define>,
    pub disabled: Vec<Disabled>,
    pub arms: Vec<Arm>,
}

/// Reads the directives of a C or C++ text.
pub fn scan(text: &str) -> MacroFacts {
    let bytes = text.as_bytes();
    let mut facts = MacroFacts::default();
    // The present arm of each open `#if`.
    let mut open: Vec<u32> = Vec::new();
    let mut at = 0;
    let next_hash = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        memchr::memchr(b'#', rest).map(|length| from + length)
    };
    let mut hash = next_hash(0);
    // Behind the last `#` nothing is told, but for what comments turn off: they hold one, too.
    while let Some(next) = hash {
        let between = bytes.get(at..next).unwrap_or_default();
        at = match memchr::memchr3(b'/', b'"', b'\'', between) {
            Some(length) => at + length,
            None => next,
        };
        match bytes[at] {
            b'/' => {
                let end = match bytes.get(at + 1) {
                    Some(b'/') => line_end(bytes, at, true),
                    Some(b'*') => find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2),
                    _ => at + 1,
                };
                facts.disabled.extend(disabled(bytes, at, end));
                at = end;
            }
            b'#' if starts_line(bytes, at) => at = directive(text, at, &mut facts, &mut open),
            b'#' => at += 1,
            _ => at = quoted_end(bytes, at, true),
        }
        if next < at {
            hash = next_hash(at);
        }
    }
    for index in (0..facts.arms.len()).rev() {
        let previous = facts.arms[index].previous;
        if previous != OUTSIDE {
            facts.arms[previous as usize].last = facts.arms[index].last;
        }
    }
    facts
}

/// Whether only blanks, or a comment, stand before a place in its line.
pub(crate) fn starts_line(bytes: &[u8], at: usize) -> bool {
    bytes[..at]
        .iter()
        .rev()
        .find(|byte| !matches!(byte, b' ' | b'\t'))
        .is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b'/'))
}

/// The `#define` that a comment turns off: `//#define TRACE`. A comment of the other kind rather explains it to a reader.
fn disabled(bytes: &[u8], start: usize, end: usize) -> Option<Disabled> {
    let skip = |from: usize, blank: &[u8]| {
        let rest = bytes.get(from..end).unwrap_or_default();
        from + rest.iter().take_while(|byte| blank.contains(byte)).count()
    };
    let slashes = skip(start, b"/");
    let hash = skip(slashes, b" \t");
    let word = skip(hash + 1, b" \t");
    let comes = hash < end
        && bytes[hash] == b'#'
        && bytes[word..].starts_with(b"define")
        && starts_line(bytes, start);
    let name = skip(word + 6, b" \t");
    if !comes || name == word + 6 {
        return None;
    }
    let name_end = word_end(bytes, name);
    let is_plain = name < name_end && name_end <= end && bytes.get(name_end) != Some(&b'(');
    is_plain.then_some(Disabled {
        start: name as u32,
        end: name_end as u32,
        alone: hash == slashes,
    })
}

/// Takes the directive at `at` in, and gives its end.
fn directive(text: &str, at: usize, facts: &mut MacroFacts, open: &mut Vec<u32>) -> usize {
    let bytes = text.as_bytes();
    let blanks = |mut at: usize| {
        while matches!(bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    };
    let word = blanks(at + 1);
    let word_end_at = word_end(bytes, word);
    let end = line_end(bytes, word_end_at, true);
    let rest = blanks(word_end_at);
    let around = open.last().copied().unwrap_or(OUTSIDE);
    let mut add = |test, parent, previous| {
        let index = facts.arms.len() as u32;
        facts.arms.push(Arm {
            test,
            start: rest as u32,
            end: end as u32,
            parent,
            previous,
            last: index,
            guard: false,
        });
        index
    };
    match &bytes[word..word_end_at] {
        b"if" => open.push(add(Test::Condition, around, OUTSIDE)),
        b"ifdef" => open.push(add(Test::Defined, around, OUTSIDE)),
        b"ifndef" => open.push(add(Test::NotDefined, around, OUTSIDE)),
        name @ (b"elif" | b"elifdef" | b"elifndef" | b"else") if around != OUTSIDE => {
            let test = match name {
                b"elif" => Test::Condition,
                b"elifdef" => Test::Defined,
                b"elifndef" => Test::NotDefined,
                _ => Test::Else,
            };
            let parent = open
                .len()
                .checked_sub(2)
                .map_or(OUTSIDE, |outer| open[outer]);
            let index = add(test, parent, around);
            open.pop();
            open.push(index);
        }
        b"endif" => {
            // A default, and nothing that it guards: `#ifndef X`, `#define X 1`, `#endif`.
            if let Some(arm) = open.pop()
                && let Some(define) = facts.defines.last().filter(|define| define.arm == arm)
                && text
                    .get(define.end as usize..at)
                    .is_some_and(|between| between.trim().is_empty())
            {
                facts.arms[arm as usize].guard = false;
            }
        }
        name @ (b"define" | b"undef") => {
            let define = Define {
                start: rest as u32,
                name_end: word_end(bytes, rest) as u32,
                end: end as u32,
                arm: around,
            };
            if name == b"undef" {
                facts.undefines.push(define);
                return end;
            }
            // An include guard: `#ifndef X`, and at once `#define X` without a value.
            let very_first = facts.defines.is_empty();
            if let Some(arm) = facts.arms.get_mut(around as usize) {
                let condition = text.get(arm.start as usize..arm.end as usize).unwrap_or("");
                let defined = &bytes[rest..define.name_end as usize];
                let only = condition
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .filter(|word| !word.is_empty() && *word != "defined")
                    .map(str::as_bytes)
                    .eq([defined]);
                let negative = arm.test == Test::NotDefined
                    || arm.test == Test::Condition && condition.starts_with('!');
                let no_value = text
                    .get(define.name_end as usize..end)
                    .is_some_and(|value| value.trim().is_empty());
                let at_once = text
                    .get(arm.end as usize..at)
                    .is_some_and(|between| between.trim().is_empty());
                arm.guard |= only && negative && (very_first || at_once && no_value);
            }
            facts.defines.push(define);
        }
        _ => {}
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_outside_of_comments_and_strings() {
        let text = "#ifndef A_H\n#define A_H\n#if 0\n#endif\n/*\n#define NO\n*/\n# if X \\\n && Y\n#define B 1\n#elif Z\n\
            char c = '#';\n#define C\n#else\n#undef C\n#endif\n#endif\n#define D(x) \\\n  x\n";
        let facts = scan(text);
        let name = |define: &Define| &text[define.start as usize..define.name_end as usize];
        let names: Vec<&str> = facts.defines.iter().map(name).collect();
        assert_eq!(names, ["A_H", "B", "C", "D"]);
        assert_eq!(facts.defines[0].arm, 0);
        assert!(facts.arms[0].guard);
        assert_eq!(facts.defines[1].arm, 2);
        assert_eq!(facts.arms[2].parent, 0);
        assert!(!facts.arms[2].guard);
        assert_eq!(facts.arms[3].previous, 2);
        assert_eq!(facts.arms[2].last, 4);
        assert_eq!(facts.undefines[0].arm, 4);
        assert_eq!(facts.defines[3].arm, OUTSIDE);
        let guards = |text: &str| scan(text).arms[0].guard;
        assert!(guards("#ifndef A_H\n#define A_H 1\nint a;\n#endif\n"));
        assert!(!guards(
            "#ifndef LIMIT\n#define LIMIT 6000\n\n#endif\nint a;\n"
        ));
        assert!(!guards("#ifndef NOISY\n#define NOISY\n#endif\n"));
        let text = "//#define OFF\n  //# define OFF_TOO 1\n//#define F(x) x\n// #define SAID\n/*#define NEVER*/\nint a; //#define LATE\n//#defined X\n";
        let facts = scan(text);
        let read = |define: &Disabled| {
            let name = &text[define.start as usize..define.end as usize];
            (name, define.alone)
        };
        let names: Vec<(&str, bool)> = facts.disabled.iter().map(read).collect();
        assert_eq!(names, [("OFF", true), ("OFF_TOO", true), ("SAID", false)]);
        for broken in [
            "#",
            "//#",
            "//#define",
            "/*#define ",
            "/*#define A",
            "#endif",
            "#else",
            "#define",
            "#if\n#define",
            "#if A\n#elif",
            "/*",
            "\"",
            "#undef\n#",
        ] {
            scan(broken);
        }
    }
}
