//! The report for people: each finding with the source at its labels, by codespan-reporting.
//!
//! codespan groups labels by file and line, so steps carry their number in their text and the reading order does not
//! depend on the layout. Labels are cut to their first line, very long lines to the part around a label, and the middle
//! of a long call path is a list: a report must be readable on whatever source it is about.

use super::{Style, first_line, printable};
use crate::diagnostic::{Diagnostic, Label, Level, Role};
use crate::rules::page;
use crate::source::{FileId, Sources, Span};
use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term::{self, termcolor};
use std::borrow::Cow;
use std::ops::Range;

/// A longer line is shown in part.
const LONG_LINE: usize = 240;
/// How much of a long line stands before the label.
const LEAD: usize = 80;
/// Paths with more steps than this are shown in part: so many at the start, and so many at the end.
const LONG_PATH: usize = 8;
const HEAD: usize = 4;
const TAIL: usize = 3;

/// Writes all findings, each followed by an empty line.
pub fn render(findings: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let config = term::Config::default();
    let mut text = String::new();
    for finding in findings {
        let mut buffer = if style.color {
            termcolor::Buffer::ansi()
        } else {
            termcolor::Buffer::no_color()
        };
        let (diagnostic, shown) = converted(finding, sources);
        // Only a label outside of its file can fail, and `converted` makes none; the finding must be told all the same.
        if term::emit_to_write_style(&mut buffer, &config, &shown, &diagnostic).is_err() {
            let line = super::concise::render(std::slice::from_ref(finding), sources);
            let _ = std::io::Write::write_all(&mut buffer, line.as_bytes());
        }
        let drawn = String::from_utf8_lossy(buffer.as_slice());
        if style.links {
            text.push_str(&linked(&drawn, finding.rule));
        } else {
            text.push_str(&drawn);
        }
    }
    text
}

/// One finding with links at the name of the rule and at the articles. What one sees stays the same.
fn linked(drawn: &str, rule: &str) -> String {
    let Some(page) = page::of(rule) else {
        return drawn.to_string();
    };
    let mut text = drawn.to_string();
    if let Some(address) = page.address() {
        // The head comes first: whatever the source says, the first mention is ours.
        text = text.replacen(rule, &link(address, rule), 1);
    }
    for (title, address) in page
        .articles
        .iter()
        .filter(|(_, address)| !address.is_empty())
    {
        let shown = format!("{title} <{address}>");
        // The notes come last.
        if let Some(place) = text.rfind(&shown) {
            text.replace_range(place..place + shown.len(), &link(address, &shown));
        }
    }
    text
}

/// A link as terminals understand it: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
fn link(address: &str, shown: &str) -> String {
    format!("\u{1b}]8;;{address}\u{1b}\\{shown}\u{1b}]8;;\u{1b}\\")
}

/// A label as it is drawn: within one line.
struct Drawn {
    span: Span,
    primary: bool,
    text: String,
}

fn converted<'a>(
    finding: &Diagnostic,
    sources: &'a Sources,
) -> (codespan::Diagnostic<FileId>, Shown<'a>) {
    let (drawn, mut notes) = labels(finding, sources);
    let (drawn, windows) = fitted(drawn, sources, &mut notes);
    if !finding.help.is_empty() {
        notes.push(format!("help: {}", finding.help));
    }
    notes.extend(finding.notes.iter().map(|note| format!("note: {note}")));
    if let Some(page) = page::of(finding.rule) {
        // One that nothing leads to stands on the page only.
        let linked = page.articles.iter().filter(|article| !article.1.is_empty());
        notes.extend(linked.map(|(title, address)| format!("article: {title} <{address}>")));
        notes.push(format!("explain: tplint explain {}", finding.rule));
    }
    let labels = drawn.into_iter().map(|label| {
        let style = if label.primary {
            codespan::LabelStyle::Primary
        } else {
            codespan::LabelStyle::Secondary
        };
        codespan::Label::new(style, label.span.file, label.span.range()).with_message(label.text)
    });
    let diagnostic = codespan::Diagnostic::new(match finding.level {
        Level::Deny => codespan::Severity::Error,
        Level::Warn => codespan::Severity::Warning,
        Level::Note | Level::Allow => codespan::Severity::Note,
    })
    .with_code(finding.rule)
    .with_message(&finding.message)
    .with_labels(labels.collect())
    .with_notes(notes);
    (diagnostic, Shown { sources, windows })
}

/// The labels to draw, in the order of the finding, and the notes that stand for folded steps.
fn labels(finding: &Diagnostic, sources: &Sources) -> (Vec<Drawn>, Vec<String>) {
    let draw = |label: &Label, text: String| Drawn {
        span: first_line(sources, label.span),
        primary: label.role == Role::Primary,
        text,
    };
    let mut drawn = vec![draw(finding.primary(), finding.primary().message.clone())];
    let mut notes = Vec::new();
    let two_flows = finding.steps(1).next().is_some();
    for flow in 0..=1 {
        let prefix = match (two_flows, flow) {
            (false, _) => "",
            (true, 0) => "A",
            (true, _) => "B",
        };
        let steps: Vec<(usize, &Label)> = (1..).zip(finding.steps(flow)).collect();
        let text = |number: usize, label: &Label| format!("{prefix}{number}. {}", label.message);
        let folded = if steps.len() > LONG_PATH {
            HEAD..steps.len() - TAIL
        } else {
            0..0
        };
        for (index, &(number, label)) in steps.iter().enumerate() {
            if !folded.contains(&index) {
                drawn.push(draw(label, text(number, label)));
            }
        }
        if !folded.is_empty() {
            let mut note = format!("steps {prefix}{} to {prefix}{}:", HEAD + 1, folded.end);
            for &(number, label) in &steps[folded] {
                let place = place(sources, label.span);
                note.push_str(&format!("\n{place}: {}", text(number, label)));
            }
            notes.push(note);
        }
    }
    let related = |label: &&Label| label.role == Role::Related;
    for label in finding.labels.iter().filter(related) {
        drawn.push(draw(label, label.message.clone()));
    }
    (drawn, notes)
}

fn place(sources: &Sources, span: Span) -> String {
    let at = sources.start(span);
    let path = printable(&sources.file(span.file).path);
    format!("{path}:{}:{}", at.line, at.column)
}

/// Cuts long lines to a window around their first label, and labels to the window; one outside of it becomes a note.
fn fitted(
    drawn: Vec<Drawn>,
    sources: &Sources,
    notes: &mut Vec<String>,
) -> (Vec<Drawn>, Vec<Window>) {
    let mut windows: Vec<Window> = Vec::new();
    let mut kept = Vec::new();
    for mut label in drawn {
        let file = sources.file(label.span.file);
        let line = file.line_of(label.span.start);
        let range = file.line_range(line).unwrap_or(0..0);
        if range.len() > LONG_LINE {
            let known = windows
                .iter()
                .position(|window| (window.file, window.line) == (label.span.file, line));
            let index = known.unwrap_or_else(|| {
                let start = (label.span.start as usize)
                    .saturating_sub(LEAD)
                    .max(range.start);
                let bytes = boundary(&file.text, start)
                    ..boundary(&file.text, (start + LONG_LINE).min(range.end));
                windows.push(Window {
                    file: label.span.file,
                    line,
                    bytes,
                });
                windows.len() - 1
            });
            let window = &windows[index].bytes;
            if !window.contains(&(label.span.start as usize)) && known.is_some() {
                notes.push(format!("{}: {}", place(sources, label.span), label.text));
                continue;
            }
            label.span.start = label.span.start.min(window.end as u32);
            label.span.end = label.span.end.clamp(label.span.start, window.end as u32);
        }
        kept.push(label);
    }
    (kept, windows)
}

/// The nearest start of a letter, not behind this place.
fn boundary(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// The part of a long line that is shown.
struct Window {
    file: FileId,
    line: u32,
    bytes: Range<usize>,
}

/// The sources as codespan is to see them for one finding.
struct Shown<'a> {
    sources: &'a Sources,
    windows: Vec<Window>,
}

impl<'a> Files<'a> for Shown<'_> {
    type FileId = FileId;
    type Name = String;
    type Source = Cow<'a, str>;

    fn name(&'a self, id: FileId) -> Result<String, Error> {
        Ok(printable(&self.sources.file(id).path).into_owned())
    }

    fn source(&'a self, id: FileId) -> Result<Cow<'a, str>, Error> {
        Ok(printable(&self.sources.file(id).text))
    }

    fn line_index(&'a self, id: FileId, byte_index: usize) -> Result<usize, Error> {
        Ok(self.sources.file(id).line_of(byte_index as u32) as usize)
    }

    fn column_number(&'a self, id: FileId, _: usize, byte_index: usize) -> Result<usize, Error> {
        Ok(self.sources.position(id, byte_index as u32).column as usize)
    }

    fn line_range(&'a self, id: FileId, line_index: usize) -> Result<Range<usize>, Error> {
        let window = self
            .windows
            .iter()
            .find(|window| window.file == id && window.line as usize == line_index);
        if let Some(window) = window {
            return Ok(window.bytes.clone());
        }
        let file = self.sources.file(id);
        file.line_range(line_index as u32)
            .ok_or(Error::LineTooLarge {
                given: line_index,
                max: file.line_count() as usize,
            })
    }
}
