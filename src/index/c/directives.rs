//! Preprocessor lines: which arms are looked at, what is included, and which macros make entries.

use super::{Arm, Body, Inside, Scanner, is_callback_section};
use crate::index::preprocessor::{condition, defined};
use crate::index::{EntryFact, WORD, find, line_end, quoted_end, word_end};

impl Scanner<'_> {
    /// Goes behind the directive that starts here.
    pub(super) fn directive(&mut self) {
        let start = self.at;
        let mut word = start + 1;
        while matches!(self.bytes.get(word), Some(b' ' | b'\t')) {
            word += 1;
        }
        let name_end = word_end(self.bytes, word);
        let end = self.directive_end(name_end);
        self.at = end;
        let text = self.text;
        let rest = text.get(name_end..end).unwrap_or("");
        match text.get(word..name_end).unwrap_or("") {
            "if" => self.begin_if(condition(rest)),
            "ifdef" => self.begin_if(defined(first_word(rest))),
            "ifndef" => self.begin_if(defined(first_word(rest)).map(|truth| !truth)),
            "elif" => self.next_arm(condition(rest)),
            "elifdef" => self.next_arm(defined(first_word(rest))),
            "elifndef" => self.next_arm(defined(first_word(rest)).map(|truth| !truth)),
            "else" => self.next_arm(Some(true)),
            "endif" => self.end_if(),
            "include" | "import" | "include_next" => self.include(rest),
            "define" => self.define(rest),
            "undef" => {
                let name = first_word(rest);
                self.renamed.retain(|renamed| renamed != name);
                self.aliases.retain(|(alias, _)| alias != name);
            }
            "pragma" => self.pragma(rest, start, end),
            _ => {}
        }
    }

    /// Where the logical line ends: continued lines and comments over several lines are part of it.
    fn directive_end(&self, mut at: usize) -> usize {
        let bytes = self.bytes;
        while at < bytes.len() {
            match bytes[at] {
                b'\n' => return at + 1,
                b'\\' => {
                    at += 1 + usize::from(bytes.get(at + 1) == Some(&b'\r'));
                    at += 1;
                }
                b'/' if bytes.get(at + 1) == Some(&b'/') => return line_end(bytes, at, true),
                b'/' if bytes.get(at + 1) == Some(&b'*') => {
                    at = find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2);
                }
                b'"' => at = quoted_end(bytes, at, true),
                _ => at += 1,
            }
        }
        bytes.len()
    }

    fn begin_if(&mut self, value: Option<bool>) {
        self.arms.push(Arm {
            at_if: self.state(),
            after_first: None,
            sure: value == Some(true),
        });
        if value == Some(false) {
            self.skip_arm();
        }
    }

    /// `#else` and `#elif` behind an arm that was looked at.
    fn next_arm(&mut self, value: Option<bool>) {
        let state = self.state();
        let Some(arm) = self.arms.last_mut() else {
            return;
        };
        let first = *arm.after_first.get_or_insert(state);
        let balanced = first.balances(arm.at_if) && state.balances(arm.at_if);
        if arm.sure || !balanced || value == Some(false) {
            self.skip_arm();
            return;
        }
        arm.sure = value == Some(true);
    }

    fn end_if(&mut self) {
        let Some(arm) = self.arms.pop() else { return };
        let Some(first) = arm.after_first else { return };
        if self.state() == first || self.scopes.len() < first.scopes {
            return;
        }
        // A later arm did not balance: the first one counts.
        if let Some(Body {
            inside: Inside::Function(index),
            ..
        }) = self.body
            && self.body != first.body
        {
            self.end_function(index);
        }
        if let Some(scope) = self.scopes.get(first.scopes) {
            self.path.truncate(scope.path);
        }
        self.scopes.truncate(first.scopes);
        self.depth = first.depth;
        self.body = first.body;
        self.head.truncate(first.head);
        self.parens = first.parens;
    }

    /// Skips to the next arm that may be looked at, or behind the `#endif`.
    fn skip_arm(&mut self) {
        let bytes = self.bytes;
        let mut nested = 0u32;
        while self.at < bytes.len() {
            let mut at = self.at;
            while matches!(bytes.get(at), Some(b' ' | b'\t')) {
                at += 1;
            }
            if bytes.get(at) != Some(&b'#') {
                self.at = bytes[at..]
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .map_or(bytes.len(), |end| at + end + 1);
                continue;
            }
            at += 1;
            while matches!(bytes.get(at), Some(b' ' | b'\t')) {
                at += 1;
            }
            let name_end = word_end(bytes, at);
            self.at = self.directive_end(name_end);
            let rest = self.text.get(name_end..self.at).unwrap_or("");
            match &bytes[at..name_end] {
                b"if" | b"ifdef" | b"ifndef" => nested += 1,
                b"endif" if nested > 0 => nested -= 1,
                b"endif" => {
                    self.end_if();
                    return;
                }
                b"else" if nested == 0 && self.enters(Some(true)) => return,
                b"elif" if nested == 0 && self.enters(condition(rest)) => return,
                b"elifdef" if nested == 0 && self.enters(defined(first_word(rest))) => return,
                _ => {}
            }
        }
    }

    /// Whether the arm that starts here, behind a skipped one, is looked at.
    fn enters(&mut self, value: Option<bool>) -> bool {
        let Some(arm) = self.arms.last_mut() else {
            return true;
        };
        let at_if = arm.at_if;
        let unbalanced = arm.after_first.is_some_and(|first| !first.balances(at_if));
        if arm.sure || unbalanced || value == Some(false) {
            return false;
        }
        arm.sure = value == Some(true);
        true
    }

    fn include(&mut self, rest: &str) {
        let rest = rest.trim_start();
        let name = if let Some(inner) = rest.strip_prefix('"') {
            inner.split('"').next().map(str::to_string)
        } else {
            rest.split_once('>')
                .filter(|(name, _)| name.starts_with('<'))
                .map(|(name, _)| format!("{name}>"))
        };
        if let Some(name) = name {
            self.facts.includes.push(name.replace('\\', "/"));
        }
    }

    fn define(&mut self, rest: &str) {
        let rest = rest.trim_start();
        let name_end = word_end(rest.as_bytes(), 0);
        let (name, after) = rest.split_at(name_end);
        if name.is_empty() {
            return;
        }
        let with_arguments = after.starts_with('(');
        let body = if with_arguments {
            after.split_once(')').map_or("", |(_, body)| body)
        } else {
            after
        };
        if body.contains("dllexport") {
            self.export_macros.push(name.to_string());
        }
        let entries = &self.names.entries;
        let is_entry = |word: &str| entries.iter().any(|entry| entry == word);
        if !with_arguments {
            let body = body.trim();
            if is_entry(body) {
                self.aliases.push((name.to_string(), body.to_string()));
                return;
            }
            if is_entry(name) && !body.is_empty() {
                self.renamed.push(name.to_string());
                return;
            }
        }
        if let Some(entry) = entries.iter().find(|entry| defines(body, entry)) {
            self.facts
                .entry_macros
                .push((name.to_string(), entry.clone()));
        }
    }

    fn pragma(&mut self, rest: &str, start: usize, end: usize) {
        let compact = rest.trim_start();
        if let Some(arguments) = compact.strip_prefix("comment")
            && let Some(list) = arguments.trim_start().strip_prefix('(')
            && let Some(texts) = list.trim_start().strip_prefix("linker")
        {
            // Adjacent literals are one; a macro between them (__FUNCTION__) is left out.
            let option: String = texts.split('"').skip(1).step_by(2).collect();
            self.facts.linker_options.push(option);
        } else if let Some(section) = compact
            .split('"')
            .skip(1)
            .step_by(2)
            .find(|section| is_callback_section(section))
        {
            self.facts.entries.push(EntryFact {
                name: section.to_string(),
                start: start as u32,
                end: end as u32,
            });
        }
    }
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    &text[..word_end(text.as_bytes(), 0)]
}

/// Whether a macro's body defines this function: `type name(…)` and then a body, or the end of the macro.
fn defines(body: &str, entry: &str) -> bool {
    let bytes = body.as_bytes();
    let mut from = 0;
    while let Some(at) = find(bytes, from, entry.as_bytes()) {
        from = at + entry.len();
        let before = body[..at].trim_end_matches(|c: char| c.is_whitespace() || c == '\\');
        let whole = (at == 0 || !WORD[bytes[at - 1] as usize])
            && !bytes.get(from).is_some_and(|&byte| WORD[byte as usize]);
        let word = before
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default();
        if !whole || word.is_empty() || word == "return" || word == "else" {
            continue;
        }
        let after = body[from..].trim_start();
        let Some(list) = after.strip_prefix('(') else {
            continue;
        };
        let mut depth = 1;
        let close = list.bytes().position(|byte| {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let behind = close.map_or("", |close| &list[close + 1..]);
        let behind = behind.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
        if behind.is_empty() || behind.starts_with('{') {
            return true;
        }
    }
    false
}
