//! The writer of SARIF on any findings in any text: JSON, with lines and columns that a naive count agrees with.
#![no_main]

use arbitrary::Arbitrary;
use serde_json::Value;
use tplint::diagnostic::{Diagnostic, Edit, Fix, Label, Level, Role};
use tplint::report::{self, Format, Origin, Report, Style, Summary};
use tplint::rules::RULES;
use tplint::source::{FileId, Sources, Span};

#[derive(Arbitrary, Debug)]
struct Input {
    text: String,
    path: String,
    repository: Option<String>,
    findings: Vec<Finding>,
}

#[derive(Arbitrary, Debug)]
struct Finding {
    rule: u8,
    message: String,
    function: String,
    labels: Vec<(u16, u16, u8, String)>,
    edit: Option<(u16, u16, String)>,
}

/// A span on borders of characters, and not between CR and LF.
fn span(sources: &Sources, start: u16, end: u16) -> Span {
    let text = &sources.file(FileId(0)).text;
    let place = |at: u16| {
        let mut at = usize::from(at).min(text.len());
        while !text.is_char_boundary(at)
            || (text[..at].ends_with('\r') && text[at..].starts_with('\n'))
        {
            at -= 1;
        }
        at
    };
    let (one, other) = (place(start), place(end));
    Span::new(FileId(0), one.min(other), one.max(other))
}

fn diagnostic(finding: Finding, sources: &Sources) -> Diagnostic {
    let labels = finding.labels.into_iter().take(8).enumerate();
    let mut labels: Vec<Label> = labels
        .map(|(number, (start, end, kind, message))| Label {
            span: span(sources, start, end),
            message,
            role: match (number, kind % 2) {
                (0, _) => Role::Primary,
                (_, 0) => Role::Step,
                _ => Role::Related,
            },
            flow: kind / 2 % 2,
            function: finding.function.clone(),
        })
        .collect();
    if labels.is_empty() {
        labels.push(Label {
            span: span(sources, 0, 0),
            message: String::new(),
            role: Role::Primary,
            flow: 0,
            function: String::new(),
        });
    }
    Diagnostic {
        rule: RULES[usize::from(finding.rule) % RULES.len()].name,
        level: [Level::Deny, Level::Warn, Level::Note][usize::from(finding.rule) % 3],
        message: finding.message,
        labels,
        help: String::new(),
        notes: Vec::new(),
        fix: finding.edit.map(|(start, end, replacement)| Fix {
            title: "change".into(),
            edits: vec![Edit {
                span: span(sources, start, end),
                replacement,
            }],
        }),
    }
}

/// Every region below a value begins and ends in the text, counted line by line.
fn check_regions(value: &Value, lines: &[Vec<char>]) {
    match value {
        Value::Array(all) => all.iter().for_each(|value| check_regions(value, lines)),
        Value::Object(all) => {
            if let Some(region) = all.get("region").or(all.get("deletedRegion")) {
                let number = |name: &str| region[name].as_u64().map(|number| number as usize);
                let start = number("startLine").expect("a line");
                let end = number("endLine").unwrap_or(start);
                for (line, column) in [(start, "startColumn"), (end, "endColumn")] {
                    assert!((1..=lines.len()).contains(&line), "{region}");
                    let columns = 1..=lines[line - 1].len() + 1;
                    assert!(
                        number(column).is_none_or(|at| columns.contains(&at)),
                        "{region}"
                    );
                }
                assert!(start <= end, "{region}");
            }
            all.values().for_each(|value| check_regions(value, lines));
        }
        _ => {}
    }
}

libfuzzer_sys::fuzz_target!(|input: Input| {
    let path = format!("{}.c", input.path);
    let sources = Sources::new(vec![(path, input.text.into_bytes())]);
    let findings = input.findings.into_iter().take(8);
    let findings: Vec<Diagnostic> = findings
        .map(|finding| diagnostic(finding, &sources))
        .collect();
    let rules: Vec<(&'static str, Level)> =
        RULES.iter().map(|rule| (rule.name, Level::Deny)).collect();
    let summary = Summary {
        files: 1,
        partly: vec![(FileId(0), 1)],
        unread: vec![(input.path.clone(), input.path)],
        ..Summary::default()
    };
    let report = Report {
        sources: &sources,
        findings: &findings,
        rules: &rules,
        summary: &summary,
        origin: &Origin {
            repository: input.repository,
            ..Origin::default()
        },
        exit_code: 1,
    };
    let text = report::render(Format::Sarif, &report, Style::default());
    let log: Value = serde_json::from_str(&text).expect("SARIF is JSON");
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), findings.len());
    let text = &sources.file(FileId(0)).text;
    let text = text.replace("\r\n", "\n");
    let lines: Vec<Vec<char>> = text
        .split('\n')
        .map(|line| line.chars().collect())
        .collect();
    check_regions(&log["runs"][0]["results"], &lines);
    for format in [
        Format::Text,
        Format::Concise,
        Format::Json,
        Format::Github,
        Format::Gitlab,
    ] {
        report::render(format, &report, Style::default());
    }
});
