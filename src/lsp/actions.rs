//! What can be done about a finding: its fix, and a suppression comment with a reason.
//!
//! In comes a finding with the text that it was found in; out go edits of that text. A comment is only offered where it
//! is seen to hold: what it would do is tried out before.

use super::shown::line_text;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Lang, SourceFile, Sources};
use crate::suppress::Suppressions;

/// What stands where the reason belongs.
pub const REASON: &str = "TODO: say why this is no hazard here";

/// A comment to be written: at an offset of the file, this text.
#[derive(Debug, PartialEq, Eq)]
pub struct Comment {
    pub at: u32,
    pub text: String,
}

/// The suppression comment of a finding: above its line, else at the end of it; none where neither would hold.
pub fn suppression(finding: &Diagnostic, sources: &Sources) -> Option<Comment> {
    let span = finding.primary().span;
    let file = sources.file(span.file);
    let line = file.line_of(span.start);
    let allow = format!("tplint: allow({}) {REASON}", finding.rule);
    let allow = match is_block(file) {
        true => format!("/* {allow} */"),
        false => format!("// {allow}"),
    };
    let start = file.line_range(line)?.start;
    let content = line_text(file, line);
    let above = Comment {
        at: start as u32,
        text: format!("{}{allow}{}", indentation(content), line_end(file)),
    };
    let behind = Comment {
        at: (start + content.trim_end().len()) as u32,
        text: format!(" {allow}"),
    };
    // A line that goes on with a backslash belongs to a macro: a line of its own would end it.
    let is_inside = line > 0 && line_text(file, line - 1).ends_with('\\');
    let goes_on = content.ends_with('\\');
    let above = Some(above).filter(|_| !is_inside);
    let behind = Some(behind).filter(|_| !goes_on);
    let mut ways = above.into_iter().chain(behind);
    ways.find(|way| holds(file, way, finding.rule, line))
}

/// Whether the comments of a file are those of old C, addresses aside.
fn is_block(file: &SourceFile) -> bool {
    let mut marks = file.text.match_indices("//");
    file.lang == Some(Lang::C) && marks.all(|(at, _)| file.text[..at].ends_with(':'))
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// How the lines of the file end.
fn line_end(file: &SourceFile) -> &'static str {
    let first = file.line_range(0).unwrap_or(0..0);
    match &file.text[first] {
        line if line.ends_with("\r\n") => "\r\n",
        line if line.ends_with('\r') => "\r",
        _ => "\n",
    }
}

/// Whether a line (from 0) is held by the comment once it is written, and every other comment still holds what it did.
fn holds(file: &SourceFile, comment: &Comment, rule: &str, line: u32) -> bool {
    let mut text = file.text.to_string();
    text.insert_str(comment.at as usize, &comment.text);
    let is_above = comment.text.ends_with(['\n', '\r']);
    let moved = |at: u32| at + u32::from(is_above && at >= line);
    let held = |text: &str| {
        let sources = Sources::new(vec![(file.path.to_string(), text.as_bytes().to_vec())]);
        Suppressions::find(&sources).held(FileId(0))
    };
    let mut expected: Vec<(u32, String)> = held(&file.text)
        .into_iter()
        .map(|(line, rule)| (moved(line), rule))
        .collect();
    expected.push((moved(line), rule.to_string()));
    expected.sort();
    held(&text) == expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Level, sample};
    use crate::source::Span;

    /// The text with the comment for a finding at the word `wait`.
    fn suppressed(path: &str, text: &str) -> Option<String> {
        let sources = Sources::new(vec![(path.into(), text.as_bytes().to_vec())]);
        let at = text.find("wait").unwrap();
        let span = Span::new(FileId(0), at, at + 4);
        let finding = sample::finding("wait_in_dll_main", Level::Deny, span);
        let comment = suppression(&finding, &sources)?;
        let mut text = text.to_string();
        text.insert_str(comment.at as usize, &comment.text);
        Some(text.replace(REASON, "why"))
    }

    #[test]
    fn comments_stand_where_they_hold_in_the_form_of_the_file() {
        for (path, text, expected) in [
            (
                "a.cpp",
                "\twait();\n",
                "\t// tplint: allow(wait_in_dll_main) why\n\twait();\n",
            ),
            (
                "a.rs",
                "wait();",
                "// tplint: allow(wait_in_dll_main) why\nwait();",
            ),
            (
                "a.c",
                "int a;\r\n  wait();\r\n",
                "int a;\r\n  /* tplint: allow(wait_in_dll_main) why */\r\n  wait();\r\n",
            ),
            (
                "a.c",
                "/* x://y */\nwait();",
                "/* x://y */\n/* tplint: allow(wait_in_dll_main) why */\nwait();",
            ),
            (
                "a.c",
                "int a; // a\nwait();\n",
                "int a; // a\n// tplint: allow(wait_in_dll_main) why\nwait();\n",
            ),
            // Inside a macro's definition.
            ("a.c", "#define W \\\n  wait(); \\\n  x\n", ""),
            (
                "a.cpp",
                "#define W \\\n  wait()\n",
                "#define W \\\n  wait() // tplint: allow(wait_in_dll_main) why\n",
            ),
            // Others that are there already hold what they held.
            (
                "a.cpp",
                "// tplint: allow(unguarded_rearm) x\nwait();\n",
                "// tplint: allow(unguarded_rearm) x\n// tplint: allow(wait_in_dll_main) why\nwait();\n",
            ),
            (
                "a.c",
                "/* tplint: allow(unguarded_rearm) x */\nwait();\n",
                "/* tplint: allow(unguarded_rearm) x */\nwait(); /* tplint: allow(wait_in_dll_main) why */\n",
            ),
        ] {
            let expected = Some(expected.to_string()).filter(|text| !text.is_empty());
            assert_eq!(suppressed(path, text), expected, "{text}");
        }
    }
}
