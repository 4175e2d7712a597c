//! README.md and .pre-commit-hooks.yaml against the program: the table of rules, the quick start, the example of output.
//!
//! `UPDATE_EXPECT=1 cargo test` writes the table anew from the pages.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tplint::rules::{RULES, page};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn readme() -> String {
    fs::read_to_string(path("README.md")).unwrap()
}

/// The text between two lines.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).expect(from);
    rest.split_once(to).expect(to).0
}

/// What stands under a heading, up to the next one of the same depth.
fn section<'t>(text: &'t str, title: &str) -> &'t str {
    let (_, rest) = text.split_once(&format!("\n## {title}\n")).expect(title);
    rest.split_once("\n## ")
        .map_or(rest, |(section, _)| section)
}

/// The fenced blocks: the language and the lines.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut all = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => all.extend(open.take()),
            (Some(language), None) => open = Some((language, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence that is not closed");
    all
}

/// The table of rules as the pages say it.
fn table() -> String {
    let mut table = String::from("| rule | level | what it finds | article |\n|---|---|---|---|\n");
    for (name, page) in page::catalogue() {
        let is_rule = RULES.iter().any(|rule| rule.name == *name);
        let rule = if is_rule {
            format!("[{name}](rules/{name}.md)")
        } else {
            name.to_string()
        };
        let articles: Vec<String> = page
            .articles
            .iter()
            .map(|(title, address)| {
                if address.is_empty() {
                    title.to_string()
                } else {
                    format!("[{title}]({address})")
                }
            })
            .collect();
        let _ = writeln!(
            table,
            "| {rule} | {} | {} | {} |",
            page.level.name(),
            page.summary,
            articles.join("<br>")
        );
    }
    table
}

#[test]
fn the_rules_table_is_that_of_the_pages() {
    let readme = readme();
    let (begin, end) = ("<!-- rules -->\n", "<!-- /rules -->");
    let written = between(&readme, begin, end);
    let table = table();
    if written == table {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let changed = readme.replace(
            &format!("{begin}{written}{end}"),
            &format!("{begin}{table}{end}"),
        );
        fs::write(path("README.md"), changed).unwrap();
        return;
    }
    panic!(
        "README.md: the rules table differs from the pages; UPDATE_EXPECT=1 cargo test writes it. It should be:\n{table}"
    );
}

#[test]
fn the_quick_start_is_one_block_of_two_commands() {
    let readme = readme();
    let all = blocks(section(&readme, "Quick start"));
    let [(_, commands)] = all.as_slice() else {
        panic!("Quick start has {} fenced blocks", all.len());
    };
    assert_eq!(
        commands.as_slice(),
        ["cargo run --release -- fixtures/demo", "cargo test"]
    );
}

/// Each finding that the README shows is one that tplint reports on the demo, line by line.
#[test]
fn the_example_is_what_tplint_reports() {
    let readme = readme();
    let report = fs::read_to_string(path("fixtures/demo/expected.txt")).unwrap();
    let examples: Vec<_> = blocks(&readme)
        .into_iter()
        .filter(|(language, _)| *language == "text")
        .collect();
    assert!(!examples.is_empty(), "README.md shows no report");
    for (_, lines) in examples {
        let example = lines.join("\n").replace("fixtures/demo/", "");
        assert!(
            report.contains(&example),
            "README.md: the example is not in fixtures/demo/expected.txt:\n{example}\n\nwhich is:\n{report}"
        );
    }
}

#[test]
fn the_configuration_in_the_readme_is_read() {
    let readme = readme();
    let all = blocks(section(&readme, "Configuration"));
    let (_, lines) = all
        .iter()
        .find(|(language, _)| *language == "toml")
        .expect("an example of tplint.toml");
    let base = tplint::config::Base::default();
    tplint::config::Config::parse(&lines.join("\n"), base).unwrap();
}

#[test]
fn links_into_the_repository_lead_somewhere() {
    let docs = fs::read_dir(path("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = docs.filter(|page| page.extension().is_some_and(|ending| ending == "md"));
    for document in pages.chain([path("README.md"), path("CONTRIBUTING.md")]) {
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            if !target.contains("://") {
                let there = document.with_file_name(file).exists();
                assert!(there, "{}: {target} does not exist", document.display());
            }
        }
    }
}

#[test]
fn the_example_of_a_baseline_is_read() {
    let text = fs::read_to_string(path("docs/old-code.md")).unwrap();
    let all = blocks(&text);
    let (_, lines) = all.iter().find(|(kind, _)| *kind == "json").unwrap();
    let file = format!("{{\"version\": 1, \"findings\": [{}]}}", lines.join(""));
    let baseline = tplint::baseline::Baseline::parse(&file).unwrap();
    assert!(
        baseline.render().contains(lines[0]),
        "{}",
        baseline.render()
    );
}

#[test]
fn the_hook_is_whole() {
    let hooks = fs::read_to_string(path(".pre-commit-hooks.yaml")).unwrap();
    let lines: Vec<&str> = hooks.lines().map(str::trim).collect();
    for wanted in [
        "- id: tplint",
        "entry: tplint",
        "language: rust",
        "types_or: [c, c++, rust]",
        "pass_filenames: false",
        "require_serial: true",
    ] {
        assert!(
            lines.contains(&wanted),
            ".pre-commit-hooks.yaml: no line `{wanted}`"
        );
    }
    assert!(
        lines.iter().any(|line| line.starts_with("name: ")),
        ".pre-commit-hooks.yaml: no name"
    );
}
