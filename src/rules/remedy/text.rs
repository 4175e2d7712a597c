//! Edits of a text that keep its indentation, its line ends and its way to set braces.

use crate::syntax::c::places::CallStatement;
use std::ops::Range;

/// The text of a C or C++ file.
pub(super) struct Text<'t> {
    pub text: &'t str,
    pub cpp: bool,
}

impl Text<'_> {
    /// The null pointer as the file writes it.
    pub fn null(&self) -> &'static str {
        let uses = |name| self.text.matches(name).count();
        if self.cpp && uses("nullptr") > 0 && uses("nullptr") >= uses("NULL") {
            "nullptr"
        } else {
            "NULL"
        }
    }

    fn line_end(&self) -> &'static str {
        match self.text.find(['\r', '\n']) {
            Some(at) if self.text[at..].starts_with("\r\n") => "\r\n",
            Some(at) if self.text[at..].starts_with('\r') => "\r",
            _ => "\n",
        }
    }

    /// The range of the line's content around an offset, without the line end.
    fn line(&self, offset: usize) -> Range<usize> {
        let start = self.text[..offset]
            .rfind(['\r', '\n'])
            .map_or(0, |at| at + 1);
        let end = self.text[offset..]
            .find(['\r', '\n'])
            .map_or(self.text.len(), |at| offset + at);
        start..end
    }

    fn indentation(&self, offset: usize) -> &str {
        let line = &self.text[self.line(offset)];
        &line[..line.len() - line.trim_start().len()]
    }

    /// Whether only white space stands before an offset in its line.
    fn begins_line(&self, offset: usize) -> bool {
        self.text[self.line(offset).start..offset].trim().is_empty()
    }

    /// A statement with the whole line, if it has one for itself, else with the blanks before it. A comment stays.
    pub fn with_its_line(&self, statement: &Range<usize>) -> Range<usize> {
        let first = self.line(statement.start);
        let last = self.line(statement.end);
        if self.begins_line(statement.start) && self.text[statement.end..last.end].trim().is_empty()
        {
            let rest = &self.text[last.end..];
            let end = if rest.starts_with("\r\n") {
                2
            } else {
                usize::from(!rest.is_empty())
            };
            return first.start..last.end + end;
        }
        if self.begins_line(statement.start) {
            let behind = &self.text[statement.end..last.end];
            return statement.start..statement.end + behind.len() - behind.trim_start().len();
        }
        let before = &self.text[first.start..statement.start];
        statement.start - (before.len() - before.trim_end().len())..statement.end
    }

    /// A statement on lines of its own with the comment that ends its last one.
    pub fn with_its_comment(&self, statement: &Range<usize>) -> Range<usize> {
        let line = self.line(statement.end);
        let behind = self.text[statement.end..line.end].trim_end();
        if self.begins_line(statement.start) && is_comment(behind.trim_start()) {
            return statement.start..statement.end + behind.len();
        }
        statement.clone()
    }

    /// What stands between a statement that is put before another one and that one.
    pub fn separator(&self, place: &CallStatement) -> String {
        let start = place.statement.start;
        if self.begins_line(start) {
            format!("{}{}", self.line_end(), self.indentation(start))
        } else {
            " ".to_string()
        }
    }

    /// Calls become statements right before another one, each on a line of its own where that one is, too. The body of an
    /// `if` gets braces.
    pub fn insert_before(
        &self,
        place: &CallStatement,
        calls: &[String],
    ) -> Option<Vec<(Range<usize>, String)>> {
        let start = place.statement.start;
        let on_own_line = self.begins_line(start);
        let end = self.line_end();
        let separator = self.separator(place);
        let inserted: String = calls
            .iter()
            .flat_map(|call| [call, ";", &separator])
            .collect();
        let Some(branch) = &place.branch else {
            return Some(vec![(start..start, inserted)]);
        };
        let between = &self.text[branch.end..start];
        if !between.trim().is_empty() {
            return None;
        }
        let close = place.statement.end;
        if !between.contains(['\r', '\n']) {
            return Some(vec![
                (start..start, format!("{{ {inserted}")),
                (close..close, " }".to_string()),
            ]);
        }
        let line = self.line(close);
        let rest = self.text[close..line.end].trim();
        if !on_own_line || !(rest.is_empty() || is_comment(rest)) {
            return None;
        }
        let outer = self.indentation(branch.start);
        let open = if self.sets_braces_alone() {
            format!("{end}{outer}{{")
        } else {
            " {".to_string()
        };
        Some(vec![
            (branch.end..branch.end, open),
            (start..start, inserted),
            (line.end..line.end, format!("{end}{outer}}}")),
        ])
    }

    /// Whether the file puts the brace behind an `if` on a line of its own.
    fn sets_braces_alone(&self) -> bool {
        let mut balance = 0_i32;
        let mut lines = self.text.lines().map(str::trim).peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("if (") || line.starts_with("if(") {
                if line.ends_with('{') {
                    balance -= 1;
                } else if lines.peek() == Some(&"{") {
                    balance += 1;
                }
            }
        }
        balance > 0
    }
}

/// Whether the rest of a line is one comment that ends with it.
fn is_comment(rest: &str) -> bool {
    rest.starts_with("//") || (rest.starts_with("/*") && rest.find("*/") == Some(rest.len() - 2))
}

/// Whether an expression is a variable or a member of one, which can be read twice: `timer`, `this->timer`, `a.b->c`.
pub(super) fn is_variable(expression: &str) -> bool {
    expression
        .split("->")
        .flat_map(|part| part.split('.'))
        .flat_map(|part| part.split("::"))
        .all(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
                && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        })
}

/// Whether an expression is a number or a name in capitals, with a sign or in parentheses at most.
pub(super) fn is_constant(expression: &str) -> bool {
    let inner = expression
        .trim()
        .trim_start_matches(['(', '-'])
        .trim_end_matches(')');
    let is_number = inner.starts_with(|first: char| first.is_ascii_digit())
        && inner.chars().all(|letter| letter.is_ascii_alphanumeric());
    let is_name = inner.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && inner
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
    is_number || is_name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Lang;
    use crate::syntax::c::places::Statements;

    fn inserted(text: &str) -> Option<String> {
        let at = text.find("f(x)").unwrap();
        let place = Statements::of(Lang::C)
            .at(text, std::slice::from_ref(&(at..at + 4)))
            .pop()
            .flatten()?;
        let edits =
            Text { text, cpp: false }.insert_before(&place, &["a(x)".into(), "b(x)".into()])?;
        let mut text = text.to_string();
        for (range, replacement) in edits.into_iter().rev() {
            text.replace_range(range, &replacement);
        }
        Some(text)
    }

    #[test]
    fn insertions_look_like_what_is_there() {
        assert_eq!(
            inserted("void g(void)\r\n{\r\n\tf(x); // so\r\n}\r\n").unwrap(),
            "void g(void)\r\n{\r\n\ta(x);\r\n\tb(x);\r\n\tf(x); // so\r\n}\r\n"
        );
        assert_eq!(
            inserted("void g(void)\r{\r\tf(x);\r}\r").unwrap(),
            "void g(void)\r{\r\ta(x);\r\tb(x);\r\tf(x);\r}\r"
        );
        assert_eq!(
            inserted("void g(void) { f(x); x = 0; }").unwrap(),
            "void g(void) { a(x); b(x); f(x); x = 0; }"
        );
        assert_eq!(
            inserted("void g(void) {\n    if (x)\n        f(x); /* so */\n}").unwrap(),
            "void g(void) {\n    if (x) {\n        a(x);\n        b(x);\n        f(x); /* so */\n    }\n}"
        );
        assert_eq!(
            inserted("void g(void)\n{\n  if (y)\n  {\n    h();\n  }\n  if (x)\n    f(x);\n}")
                .unwrap(),
            "void g(void)\n{\n  if (y)\n  {\n    h();\n  }\n  if (x)\n  {\n    a(x);\n    b(x);\n    f(x);\n  }\n}"
        );
        assert_eq!(
            inserted("void g(void) { if (x) f(x); }").unwrap(),
            "void g(void) { if (x) { a(x); b(x); f(x); } }"
        );
        assert_eq!(inserted("void g(void) {\n if (x) // why\n  f(x);\n}"), None);
        assert_eq!(inserted("void g(void) {\n if (x)\n  f(x); h();\n}"), None);
    }

    #[test]
    fn a_statement_goes_with_its_line_but_not_with_its_comment() {
        let cut = |text: &str| {
            let at = text.find("r;").unwrap();
            let mut left = text.to_string();
            left.replace_range(Text { text, cpp: false }.with_its_line(&(at..at + 2)), "");
            left
        };
        assert_eq!(cut("a;\r\n  r;\r\n}"), "a;\r\n}");
        assert_eq!(cut("a; r;\n}"), "a;\n}");
        assert_eq!(cut("a;\n  r; // so\n}"), "a;\n  // so\n}");
        assert_eq!(cut("a;\n  r;"), "a;\n");
    }

    #[test]
    fn only_what_can_be_read_twice_is_a_variable() {
        for variable in ["t", "this->t", "a.b->c", "g::t"] {
            assert!(is_variable(variable), "{variable}");
        }
        for other in ["t()", "*t", "a[i]", "t++", "(PTP_TIMER)t", ""] {
            assert!(!is_variable(other), "{other}");
        }
        for constant in ["0", "(-1)", "ERROR_SUCCESS", "_TIMEOUT"] {
            assert!(is_constant(constant), "{constant}");
        }
        assert!(
            is_constant("0x1fu")
                && !is_constant("x")
                && !is_constant("code")
                && !is_constant("f()")
                && !is_constant("")
        );
    }

    /// Braces behind the `if` where a file has as many of them as below one.
    #[test]
    fn braces_are_set_as_most_of_the_file_has_them() {
        let function = "void g(void)\n{\n  if (y) {\n    h();\n  }\n  if (z)\n  {\n    h();\n  }\n";
        assert_eq!(
            inserted(&format!("{function}  if (x)\n    f(x);\n}}")).unwrap(),
            format!("{function}  if (x) {{\n    a(x);\n    b(x);\n    f(x);\n  }}\n}}")
        );
        // One more below its `if`, written without a blank.
        let function = format!("{function}  if(z)\n  {{\n    h();\n  }}\n");
        assert_eq!(
            inserted(&format!("{function}  if (x)\n    f(x);\n}}")).unwrap(),
            format!("{function}  if (x)\n  {{\n    a(x);\n    b(x);\n    f(x);\n  }}\n}}")
        );
    }

    #[test]
    fn only_a_comment_up_to_the_end_of_the_line_is_one() {
        for rest in ["// so", "/* so */", "//"] {
            assert!(is_comment(rest), "{rest}");
        }
        for rest in [
            "",
            "h();",
            "/* so */ h();",
            "h(); /* so */",
            "/* so",
            "/* a */ /* b */",
        ] {
            assert!(!is_comment(rest), "{rest}");
        }
        assert_eq!(
            inserted("void g(void) {\n if (x)\n  f(x); /* so */ h();\n}"),
            None
        );
        assert_eq!(
            inserted("void g(void) {\n if (x)\n  f(x); h(); /* so */\n}"),
            None
        );
    }

    #[test]
    fn the_null_pointer_is_written_as_in_the_file() {
        let null = |text, cpp| Text { text, cpp }.null();
        assert_eq!(null("f(x);", false), "NULL");
        assert_eq!(null("f(x);", true), "NULL");
        assert_eq!(null("g(nullptr); f(x);", true), "nullptr");
        assert_eq!(null("g(nullptr); h(NULL); f(x);", true), "nullptr");
        assert_eq!(null("g(nullptr); h(NULL, NULL); f(x);", true), "NULL");
        // In C it is no keyword, whoever has defined it.
        assert_eq!(null("g(nullptr); f(x);", false), "NULL");
    }
}
