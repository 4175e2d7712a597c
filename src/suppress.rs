//! Suppression comments: `// tplint: allow(rule, rule) reason`.
//!
//! In come the sources, out goes whether a finding is suppressed, and a finding for each comment that suppresses
//! nothing or gives no reason. The comment stands at the end of a line, or alone above one; it holds for every finding of its rules that has
//! its primary label or a step there, so that a whole call path can be accepted at any of its steps.
//!
//! Comments are found by a scan of the lines that hold `tplint:`, without a parse: the texts of unparsed files count too.
//! A string literal on one line is seen through; one that began on an earlier line is not.

pub mod judge;

use crate::diagnostic::{Diagnostic, Label, Level, Role};
use crate::rules::page::{self, SUPPRESSION_WITHOUT_REASON, UNUSED_SUPPRESSION};
use crate::source::{FileId, SourceFile, Sources, Span};
use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

const MARK: &str = "tplint:";

/// All suppression comments of the sources.
#[derive(Debug, Default)]
pub struct Suppressions {
    comments: Vec<Comment>,
    /// Positions in `comments`, by the line (from 0) that they hold for.
    by_line: HashMap<(FileId, u32), Vec<usize>>,
}

#[derive(Debug)]
struct Comment {
    /// `tplint: allow(…)`.
    span: Span,
    /// The line (from 0) that it holds for.
    line: u32,
    /// Why it cannot be read.
    fault: Option<String>,
    rules: Vec<Allowed>,
    has_reason: bool,
}

#[derive(Debug)]
struct Allowed {
    /// The name, or what is wrong with it.
    rule: Result<&'static str, String>,
    span: Span,
    used: bool,
}

/// The files that may hold suppression comments, followed from one state of the sources to the next: only texts that have
/// changed are searched again.
#[derive(Default)]
pub struct Marked {
    sources: Sources,
    files: BTreeSet<FileId>,
}

impl Marked {
    /// Goes over to these sources.
    pub fn follow(&mut self, sources: &Sources) {
        let changed = self.sources.changed(sources).unwrap_or_else(|| {
            self.files.clear();
            sources.ids().collect()
        });
        for id in &changed {
            self.files.remove(id);
        }
        let marked = changed.into_par_iter();
        let marked = marked.filter(|&id| may_hold(sources.file(id)));
        self.files.extend(marked.collect::<Vec<FileId>>());
        self.sources = sources.clone();
    }
}

impl Suppressions {
    /// Reads the comments of all sources.
    pub fn find(sources: &Sources) -> Suppressions {
        let mut marked = Marked::default();
        marked.follow(sources);
        Suppressions::find_in(&marked)
    }

    /// Reads the comments of the files that may hold some.
    pub fn find_in(marked: &Marked) -> Suppressions {
        let sources = &marked.sources;
        let comments: Vec<Comment> = marked
            .files
            .iter()
            .flat_map(|&id| comments(id, sources.file(id)))
            .collect();
        let mut by_line: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, comment) in comments.iter().enumerate() {
            by_line
                .entry((comment.span.file, comment.line))
                .or_default()
                .push(index);
        }
        Suppressions { comments, by_line }
    }

    /// Whether a comment takes this finding back; each that does is in use from then on.
    pub fn cover(&mut self, diagnostic: &Diagnostic, sources: &Sources) -> bool {
        let mut covered = false;
        for label in &diagnostic.labels {
            if label.role == Role::Related || self.comments.is_empty() {
                continue;
            }
            let file = sources.file(label.span.file);
            let first = file.line_of(label.span.start);
            let last = file.line_of(label.span.end.saturating_sub(1).max(label.span.start));
            // A statement of many lines is met at its first or its last; what lies between may be another's body.
            for line in [first, last] {
                covered |= self.use_comments(label.span.file, line, diagnostic.rule);
            }
        }
        covered
    }

    /// What the comments of a file hold, in order: line (from 0) and rule. Names that are none are left out.
    pub fn held(&self, file: FileId) -> Vec<(u32, String)> {
        let comments = self
            .comments
            .iter()
            .filter(|comment| comment.span.file == file);
        let mut held: Vec<(u32, String)> = comments
            .flat_map(|comment| {
                let rules = comment
                    .rules
                    .iter()
                    .filter_map(|allowed| allowed.rule.as_ref().ok());
                rules.map(|rule| (comment.line, rule.to_string()))
            })
            .collect();
        held.sort();
        held
    }

    fn use_comments(&mut self, file: FileId, line: u32, rule: &str) -> bool {
        let mut found = false;
        for &index in self.by_line.get(&(file, line)).into_iter().flatten() {
            for allowed in &mut self.comments[index].rules {
                if allowed.rule == Ok(rule) {
                    allowed.used = true;
                    found = true;
                }
            }
        }
        found
    }

    /// A finding for each rule of a comment that took nothing back, for each comment that cannot be read, and for each
    /// that gives no reason. One for a rule that is off at its path is no finding: switching a rule off must not make
    /// work.
    pub fn findings(
        mut self,
        sources: &Sources,
        is_off: impl Fn(&str, &str) -> bool,
    ) -> Vec<Diagnostic> {
        let mut findings = Vec::new();
        for index in 0..self.comments.len() {
            let Comment { span, line, .. } = self.comments[index];
            let path = &sources.file(span.file).path;
            let accepted = self.use_comments(span.file, line, UNUSED_SUPPRESSION);
            let comment = &self.comments[index];
            if comment.fault.is_none() && !comment.has_reason {
                findings.push(unreasoned(span));
            }
            if accepted {
                continue;
            }
            if let Some(fault) = &comment.fault {
                findings.push(unused(
                    span,
                    format!("a suppression comment cannot be read and accepts nothing: {fault}"),
                    "not read".into(),
                    "write `tplint: allow(rule) reason`, with the rule's name as the finding shows it",
                ));
            }
            for allowed in comment.rules.iter().filter(|allowed| !allowed.used) {
                match &allowed.rule {
                    Ok(rule) if *rule == UNUSED_SUPPRESSION || is_off(rule, path) => {}
                    Ok(rule) => findings.push(unused(
                        allowed.span,
                        format!("`allow({rule})` accepts nothing"),
                        format!(
                            "no finding of `{rule}`, nor a step on the way to one, is on line {}",
                            line + 1
                        ),
                        "remove the comment, for it would hide the next real finding here; if it was meant for another \
                         line, put it at the end of the line of the finding or of one of its steps, or alone on the line \
                         above",
                    )),
                    Err(fault) => findings.push(unused(
                        allowed.span,
                        format!("a suppression comment accepts nothing: {fault}"),
                        "not a rule".into(),
                        "write the rule's name as the finding shows it between the brackets; `tplint rules` lists them all",
                    )),
                }
            }
        }
        findings
    }
}

fn unused(span: Span, message: String, label: String, help: &str) -> Diagnostic {
    finding(UNUSED_SUPPRESSION, span, message, label, help)
}

fn unreasoned(span: Span) -> Diagnostic {
    finding(
        SUPPRESSION_WITHOUT_REASON,
        span,
        "a suppression comment gives no reason".into(),
        "says what, not why".into(),
        "write behind the closing bracket why the finding is none: `tplint: allow(rule) reason`",
    )
}

fn finding(
    rule: &'static str,
    span: Span,
    message: String,
    label: String,
    help: &str,
) -> Diagnostic {
    Diagnostic {
        rule,
        level: Level::Deny,
        message,
        labels: vec![Label {
            span,
            message: label,
            role: Role::Primary,
            flow: 0,
            function: String::new(),
        }],
        help: help.into(),
        notes: Vec::new(),
        fix: None,
    }
}

/// Whether a file is a source with the mark in its text. Hardly any is.
fn may_hold(file: &SourceFile) -> bool {
    // This search is faster than that of `str`.
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new([MARK]).ok());
    let is_match = |search: &AhoCorasick| search.is_match(&*file.text);
    file.lang.is_some() && SEARCH.as_ref().is_none_or(is_match)
}

fn comments(id: FileId, file: &SourceFile) -> Vec<Comment> {
    file.text
        .match_indices(MARK)
        .filter_map(|(offset, _)| comment(id, file, offset))
        .collect()
}

/// The comment whose mark stands at this offset; none where the mark is something else.
fn comment(id: FileId, file: &SourceFile, offset: usize) -> Option<Comment> {
    let text = &*file.text;
    let line = file.line_of(offset as u32);
    let range = file.line_range(line)?;
    let before = &text[range.start..offset];
    // `tplint::` is a path of Rust.
    if text[offset + MARK.len()..].starts_with(':') {
        return None;
    }
    let (opener, is_block) = opener(before.trim_end())?;
    if ends_in_string(&before[..opener]) {
        return None;
    }
    let after = offset + MARK.len();
    let (content, end) = if is_block {
        let length = text[after..].find("*/").unwrap_or(text.len() - after);
        (
            &text[after..after + length],
            (after + length + 2).min(text.len()),
        )
    } else {
        (&text[after..range.end], range.end)
    };
    let last_line = file.line_of(end.saturating_sub(1).max(offset) as u32);
    let rest_of_line = file
        .line_range(last_line)
        .map_or("", |last| text.get(end..last.end).unwrap_or(""));
    let ahead = before[..opener].trim_start();
    let alone = (ahead.is_empty() || ahead.starts_with("//")) && rest_of_line.trim().is_empty();
    let (rules, fault, length) = match allow_list(id, after, content) {
        Ok((rules, length)) => (rules, None, length),
        Err(fault) => (
            Vec::new(),
            Some(fault),
            content
                .lines()
                .next()
                .map_or(0, |first| first.trim_end().len()),
        ),
    };
    let holds_for = if alone {
        next_code_line(file, last_line)
    } else {
        line
    };
    let mut reason = content.get(length..).unwrap_or("").to_string();
    // Where the comment stands alone, it may go on in the lines below.
    for line in last_line + 1..if alone { holds_for } else { 0 } {
        let below = &text[file.line_range(line).unwrap_or(0..0)];
        if below.contains(MARK) {
            break;
        }
        reason.push_str(below);
    }
    Some(Comment {
        span: Span::new(id, offset, after + length),
        line: holds_for,
        has_reason: reason.contains(char::is_alphanumeric),
        fault,
        rules,
    })
}

/// Where the comment begins that ends in this text, and whether it is one of `/* … */`.
fn opener(before: &str) -> Option<(usize, bool)> {
    let start = before.trim_end_matches(['/', '*', '!']).len();
    let marks = &before[start..];
    let place = marks.find("//").into_iter().chain(marks.find("/*")).min()?;
    Some((start + place, marks[place..].starts_with("/*")))
}

/// Whether a string literal that began in this line is still open at its end.
fn ends_in_string(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    let mut open = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if open => {
                letters.next();
            }
            '"' => open = !open,
            // `'"'` is a character; an apostrophe with anything else behind it may be a lifetime.
            '\'' if !open && letters.peek() == Some(&'"') => {
                letters.next();
            }
            '/' if !open && letters.peek() == Some(&'/') => return false,
            _ => {}
        }
    }
    open
}

/// The rules between the brackets, and how many bytes up to the closing one were read.
fn allow_list(id: FileId, start: usize, content: &str) -> Result<(Vec<Allowed>, usize), String> {
    const SHAPE: &str = "its form is `tplint: allow(rule) reason`";
    let word = content.trim_start();
    let list = word
        .strip_prefix("allow")
        .and_then(|rest| rest.trim_start().strip_prefix('('))
        .ok_or(SHAPE)?;
    let (names, _) = list
        .split_once(')')
        .ok_or_else(|| format!("a `)` is missing; {SHAPE}"))?;
    let begin = content.len() - list.len();
    let mut rules = Vec::new();
    let mut at = start + begin;
    for name in names.split(',') {
        let trimmed = name.trim();
        let offset = at + (name.len() - name.trim_start().len());
        at += name.len() + 1;
        if !trimmed.is_empty() {
            rules.push(Allowed {
                rule: page::find(trimmed),
                span: Span::new(id, offset, offset + trimmed.len()),
                used: false,
            });
        }
    }
    if rules.is_empty() {
        return Err(format!("no rule between the brackets; {SHAPE}"));
    }
    Ok((rules, begin + names.len() + 1))
}

/// The next line that is more than a line comment: a reason may go on below, and comments may be stacked.
fn next_code_line(file: &SourceFile, line: u32) -> u32 {
    let mut next = line + 1;
    while let Some(range) = file.line_range(next) {
        if !file.text[range].trim_start().starts_with("//") {
            break;
        }
        next += 1;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::sample;

    const RULE: &str = "wait_in_dll_main";

    /// The lines (from 1) that comments of this text hold for, and the rules or faults.
    fn read(text: &str) -> Vec<(u32, Vec<String>)> {
        let sources = Sources::new(vec![("a.cpp".into(), text.as_bytes().to_vec())]);
        Suppressions::find(&sources)
            .comments
            .into_iter()
            .map(|comment| {
                let rules = comment.rules.into_iter().map(|allowed| match allowed.rule {
                    Ok(rule) => rule.to_string(),
                    Err(_) => "?".into(),
                });
                (comment.line + 1, rules.chain(comment.fault).collect())
            })
            .collect()
    }

    fn places(text: &str) -> Vec<u32> {
        read(text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn where_comments_hold() {
        let allow = format!("tplint: allow({RULE})");
        for (text, lines) in [
            (format!("f(); // {allow} why\n"), vec![1]),
            (format!("f(); //{allow}\n"), vec![1]),
            (format!("// {allow} why\nf();\n"), vec![2]),
            (
                format!("\t/// {allow}\r\n  // goes on\r\n\r\nf();\r\n"),
                vec![3],
            ),
            (format!("// {allow}\n// {allow}\nf();"), vec![3, 3]),
            (format!("/* {allow} */\nf();"), vec![2]),
            (format!("/* {allow}\n because */\nf();"), vec![3]),
            (format!("/* {allow} */ f();"), vec![1]),
            (format!("f(); /* {allow} */ g();"), vec![1]),
            (format!("f('\"'); // {allow}"), vec![1]),
            (format!("f(\"//\"); // {allow}"), vec![1]),
            (format!("// it's // {allow}\nf();"), vec![2]),
            (format!("f(\"// {allow}\");"), vec![]),
            (format!("f(\"\\\"// {allow}\");"), vec![]),
            (format!("// see {allow}"), vec![]),
            ("// tplint::cli::main\n".to_string(), vec![]),
            (format!("/* {allow}"), vec![2]),
        ] {
            assert_eq!(places(&text), lines, "{text}");
        }
    }

    #[test]
    fn what_comments_say() {
        let rules = |content: &str| read(&format!("f(); // tplint: {content}\n"))[0].1.join("|");
        assert_eq!(rules("allow(wait_in_dll_main) it is fine"), RULE);
        assert_eq!(rules("allow ( wait_in_dll_main , x )"), format!("{RULE}|?"));
        for bad in [
            "",
            "allow",
            "allow()",
            "allow(x",
            "deny(x)",
            "alow(wait_in_dll_main)",
        ] {
            assert!(rules(bad).contains("allow(rule)"), "{bad}: {}", rules(bad));
        }
    }

    fn label(sources: &Sources, word: &str, role: Role) -> Label {
        let text = &sources.file(FileId(0)).text;
        let start = text.find(word).unwrap();
        Label {
            span: Span::new(FileId(0), start, start + word.len()),
            message: String::new(),
            role,
            flow: 0,
            function: String::new(),
        }
    }

    fn covered(text: &str, step: Role) -> (bool, Vec<String>) {
        let sources = Sources::new(vec![("a.cpp".into(), text.as_bytes().to_vec())]);
        let mut suppressions = Suppressions::find(&sources);
        let mut diagnostic = sample::finding(RULE, Level::Deny, Span::new(FileId(0), 0, 0));
        diagnostic.labels = vec![
            label(&sources, "primary(\n)", Role::Primary),
            label(&sources, "step()", step),
        ];
        let covered = suppressions.cover(&diagnostic, &sources);
        let unused = suppressions.findings(&sources, |rule, _| rule == UNUSED_SUPPRESSION);
        let texts = unused
            .iter()
            .filter(|finding| finding.rule == UNUSED_SUPPRESSION)
            .map(|finding| sources.text(finding.primary().span).to_string());
        (covered, texts.collect())
    }

    #[test]
    fn any_step_can_be_allowed_and_unused_comments_are_told() {
        let at = |line: usize| {
            let mut lines = ["primary(", ")", "step()", "other()"].map(str::to_string);
            lines[line] += " // tplint: allow(wait_in_dll_main)";
            covered(&lines.join("\n"), Role::Step)
        };
        assert_eq!(at(1), (true, vec![]));
        assert_eq!(at(2), (true, vec![]));
        assert_eq!(at(3), (false, vec![RULE.to_string()]));
        let related = "primary(\n)\nstep() // tplint: allow(wait_in_dll_main)";
        assert_eq!(
            covered(related, Role::Related),
            (false, vec![RULE.to_string()])
        );
    }

    #[test]
    fn misspelt_comments_are_told_at_the_name() {
        let (covered, unused) = covered(
            "primary(\n) // tplint: allow(wait_in_dllmain)\nstep() // tplint: allow wait",
            Role::Step,
        );
        assert!(!covered);
        assert_eq!(unused, ["wait_in_dllmain", "tplint: allow wait"]);
    }

    #[test]
    fn a_reason_stands_behind_the_bracket_or_below() {
        let unreasoned = |text: &str| {
            let sources = Sources::new(vec![("a.cpp".into(), text.as_bytes().to_vec())]);
            let found = Suppressions::find(&sources).findings(&sources, |_, _| true);
            let rules: Vec<&str> = found.iter().map(|finding| finding.rule).collect();
            assert!(rules.iter().all(|rule| *rule == SUPPRESSION_WITHOUT_REASON));
            rules.len()
        };
        let allow = format!("tplint: allow({RULE})");
        for (text, count) in [
            (format!("f(); // {allow}\n// other\n"), 1),
            (format!("f(); // {allow}: \u{2013}\n"), 1),
            (format!("f(); // {allow} \u{E9}\n"), 0),
            (format!("f(); /* {allow} */ int a;\n"), 1),
            (format!("f(); /* {allow} why */\n"), 0),
            (format!("/* {allow}\n why */\nf();"), 0),
            (format!("// {allow}\nf();"), 1),
            (format!("// {allow}\n// why\nf();"), 0),
            (format!("// {allow}\n// {allow} why\nf();"), 1),
        ] {
            assert_eq!(unreasoned(&text), count, "{text}");
        }
    }

    #[test]
    fn an_unused_comment_can_be_kept() {
        let text =
            "primary(\n)\nstep()\nx() // tplint: allow(wait_in_dll_main, unused_suppression)";
        assert_eq!(covered(text, Role::Step), (false, vec![]));
    }

    #[test]
    fn no_text_is_too_odd() {
        let text = "é\"😀' // tplint: allow(wait_in_dll_main, é)\r/* tplint:😀allow(é\n*/ tplint: /*/ tplint:allow(,)\r\n'";
        for (start, _) in text.char_indices() {
            for (end, _) in text[start..].char_indices() {
                let cut = text[start..start + end].to_string();
                let sources = Sources::new(vec![("a.rs".into(), cut.clone().into_bytes())]);
                for finding in Suppressions::find(&sources).findings(&sources, |_, _| false) {
                    let span = finding.primary().span;
                    assert!(cut.get(span.range()).is_some(), "{span:?} in {cut:?}");
                }
            }
        }
    }
}
