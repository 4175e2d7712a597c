//! The syntax of CMake: commands with arguments.

#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    pub text: String,
    /// Not split at `;`.
    pub quoted: bool,
    /// A bracket argument, in which nothing is replaced.
    pub raw: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// In lower case.
    pub name: String,
    pub arguments: Vec<Argument>,
    /// How many commands further the one stands that ends the block which this one begins. `usize::MAX`: none does.
    length: usize,
}

/// The index of the command that ends the block which starts at `at`, or the end of the list.
pub fn block_end(commands: &[Command], at: usize) -> usize {
    at.saturating_add(commands[at].length).min(commands.len())
}

/// Reads the commands of a file. What is not understood is skipped.
pub fn parse(text: &str) -> Vec<Command> {
    let bytes = text.as_bytes();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => at = comment_end(text, at),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let start = at;
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                    at += 1;
                }
                let name = text[start..at].to_ascii_lowercase();
                while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                    at += 1;
                }
                if bytes.get(at) == Some(&b'(') {
                    let (arguments, end) = arguments(text, at + 1);
                    commands.push(Command {
                        name,
                        arguments,
                        length: usize::MAX,
                    });
                    at = end;
                }
            }
            _ => at += 1,
        }
    }
    match_blocks(&mut commands);
    commands
}

/// Finds the ends of blocks, each kind for itself.
fn match_blocks(commands: &mut [Command]) {
    const BLOCKS: [(&str, &str); 5] = [
        ("if", "endif"),
        ("foreach", "endforeach"),
        ("while", "endwhile"),
        ("function", "endfunction"),
        ("macro", "endmacro"),
    ];
    for (start, end) in BLOCKS {
        let mut open: Vec<usize> = Vec::new();
        for at in 0..commands.len() {
            if commands[at].name == start {
                open.push(at);
            } else if commands[at].name == end
                && let Some(from) = open.pop()
            {
                commands[from].length = at - from;
            }
        }
    }
}

/// Behind the comment at `at`: a line, or `#[[ … ]]`.
fn comment_end(text: &str, at: usize) -> usize {
    if let Some(end) = bracket_end(text, at + 1) {
        return end.1;
    }
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// The content of the bracket argument at `at`, and what is behind it.
fn bracket_end(text: &str, at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let rest = text.get(at..)?.strip_prefix('[')?;
    let equals = rest.len() - rest.trim_start_matches('=').len();
    let open = at + 2 + equals;
    if !rest[equals..].starts_with('[') {
        return None;
    }
    let close = format!("]{}]", "=".repeat(equals));
    let end = text[open..]
        .find(&close)
        .map_or(text.len(), |end| open + end);
    Some((open..end, (end + close.len()).min(text.len())))
}

fn arguments(text: &str, mut at: usize) -> (Vec<Argument>, usize) {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut depth = 1;
    let mut add = |text: String, quoted: bool, raw: bool| {
        found.push(Argument { text, quoted, raw });
    };
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' | b';' => at += 1,
            b'#' => at = comment_end(text, at),
            b'(' => {
                depth += 1;
                add("(".into(), false, true);
                at += 1;
            }
            b')' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    break;
                }
                add(")".into(), false, true);
            }
            b'"' => {
                let start = at + 1;
                at = start;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                let end = at.min(bytes.len());
                let inner = text.get(start..end).unwrap_or("");
                add(unescape(inner), true, false);
                at = end + 1;
            }
            b'[' if bracket_end(text, at).is_some() => {
                if let Some((inner, end)) = bracket_end(text, at) {
                    add(text[inner].to_string(), true, true);
                    at = end;
                }
            }
            _ => {
                let start = at;
                while at < bytes.len() && !b" \t\r\n()#\"".contains(&bytes[at]) {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                let end = at.min(bytes.len());
                add(unescape(text.get(start..end).unwrap_or("")), false, false);
                at = end;
                // `-Dx="y"` goes on in quotes; what follows is not a source.
            }
        }
    }
    (found, at.min(bytes.len()))
}

fn unescape(text: &str) -> String {
    // `\\` in a path is a separator on Windows; other escapes stand for themselves.
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\\') => out.push('/'),
                Some(next) => out.push(next),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<String> {
        parse(text)
            .into_iter()
            .map(|command| {
                let words: Vec<String> = command.arguments.into_iter().map(|a| a.text).collect();
                format!("{}:{}", command.name, words.join("|"))
            })
            .collect()
    }

    #[test]
    fn commands_with_all_kinds_of_arguments() {
        assert_eq!(
            flat(
                "# a(b)\nSET (X \"a b\" c#no\n d) #[[ x(y)\n]] if(NOT (A AND B))\nf([=[ ${raw}]] ]=])"
            ),
            ["set:X|a b|c|d", "if:NOT|(|A|AND|B|)", "f: ${raw}]] "]
        );
    }

    #[test]
    fn broken_files_end() {
        for text in [
            "set(",
            "set(\"",
            "set([[",
            "#[[",
            "set(\\",
            "set(\"\\",
            "é(é\\é",
            ")",
            "a((((",
        ] {
            parse(text);
        }
    }

    /// A bracket that begins no bracket argument is a sign like others.
    #[test]
    fn brackets_inside_words() {
        assert_eq!(
            flat("string(REGEX REPLACE [^0-9]+ \"\" N [x])\nset(A [=x b[0])"),
            ["string:REGEX|REPLACE|[^0-9]+||N|[x]", "set:A|[=x|b[0]"]
        );
    }
}
