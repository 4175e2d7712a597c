//! The fixtures and the pages' examples, run: each marker must be met, and nothing else may be reported.
//!
//! `//~ rule` must be reported on this line (primary label), `//~ rule note` as a note; each `^` behind the tilde means
//! one line further up. `//~? rule` is a known miss, `//~! rule` a known false report: both fail when they change, so
//! that somebody promotes them. `expected.txt` is the text report; it guards wording and call paths only, and
//! `UPDATE_EXPECT=1 cargo test` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tplint::diagnostic::{Diagnostic, Level, Role};
use tplint::report;
use tplint::rules::RULES;
use tplint::source::{Lang, Sources};
use tplint::{Options, analyze};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Folders directly below a folder, sorted.
fn folders(of: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(of)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

/// All files below a folder that tplint reads, with paths relative to it.
fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(folder: &Path, base: &Path, files: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, base, files);
                continue;
            }
            let name = path
                .strip_prefix(base)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            if Lang::of_path(&name).is_some() || tplint::module::is_build_file(&name) {
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    files
}

fn findings(files: Vec<(String, Vec<u8>)>) -> (Sources, Vec<Diagnostic>) {
    let sources = Sources::new(files);
    let analysis = analyze(&sources, &Options::default()).unwrap();
    (sources, analysis.diagnostics)
}

/// Whatever the index leaves out, no finding depends on it: each module alone, and with the switches of `--no-index`.
#[test]
fn the_index_leaves_nothing_out_that_counts() {
    let rules: Vec<&'static str> = RULES.iter().map(|rule| rule.name).collect();
    let mut wrong = Vec::new();
    for rule in folders(&root().join("fixtures")) {
        for case in folders(&rule) {
            let sources = Sources::new(read(&case));
            // All rules, and those that are on by default.
            let all = rules.clone();
            let fewer = rules
                .iter()
                .copied()
                .filter(|name| !name.ends_with("module_ref"))
                .collect();
            for rules in [all, fewer] {
                let run = |whole: bool| {
                    let options = Options {
                        rules: Vec::clone(&rules),
                        whole,
                        ..Options::default()
                    };
                    format!("{:?}", analyze(&sources, &options).unwrap().diagnostics)
                };
                if run(false) != run(true) {
                    wrong.push(case.display().to_string());
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "other findings with --no-index:\n{}",
        wrong.join("\n")
    );
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Must,
    KnownMiss,
    KnownFalse,
}

/// What is expected or was found on a line: path, line, rule, whether as a note.
type Spot = (String, u32, String, bool);

fn markers(sources: &Sources) -> Vec<(Kind, Spot)> {
    let mut all = Vec::new();
    for id in sources.ids() {
        let file = sources.file(id);
        if file.lang.is_none() {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            for marker in line.split("//~").skip(1) {
                let up = marker.chars().take_while(|&c| c == '^').count();
                let rest = &marker[up..];
                let (kind, rest) = match rest.chars().next() {
                    Some('?') => (Kind::KnownMiss, &rest[1..]),
                    Some('!') => (Kind::KnownFalse, &rest[1..]),
                    _ => (Kind::Must, rest),
                };
                let mut words = rest.split_whitespace();
                let rule = words.next().expect("a marker names a rule").to_string();
                assert!(
                    RULES.iter().any(|known| known.name == rule),
                    "{}:{}: unknown rule in a marker: {rule}",
                    file.path,
                    index + 1
                );
                let note = words.next() == Some("note");
                all.push((
                    kind,
                    (file.path.to_string(), (index + 1 - up) as u32, rule, note),
                ));
            }
        }
    }
    all
}

/// What is wrong with the findings of one module, or nothing.
fn compare(sources: &Sources, found: &[Diagnostic]) -> Option<String> {
    let found: BTreeSet<Spot> = found
        .iter()
        .map(|finding| {
            let span = finding.primary().span;
            let path = sources.file(span.file).path.to_string();
            (
                path,
                sources.start(span).line,
                finding.rule.to_string(),
                finding.level == Level::Note,
            )
        })
        .collect();
    let markers = markers(sources);
    let line = |spot: &Spot| {
        let file = sources.file(sources.find(&spot.0).unwrap());
        file.text
            .lines()
            .nth(spot.1 as usize - 1)
            .unwrap_or("")
            .trim()
            .to_string()
    };
    let mut problems = String::new();
    let mut tell = |what: &str, spot: &Spot| {
        let _ = writeln!(
            problems,
            "  {what}: {}:{} {}{}\n      {}",
            spot.0,
            spot.1,
            spot.2,
            if spot.3 { " (note)" } else { "" },
            line(spot)
        );
    };
    for (kind, spot) in &markers {
        match (kind, found.contains(spot)) {
            (Kind::Must, false) => tell("missed", spot),
            (Kind::KnownMiss, true) => tell("a known miss is found now: make it `//~`", spot),
            (Kind::KnownFalse, false) => tell("a known false report is gone: remove `//~!`", spot),
            _ => {}
        }
    }
    for spot in &found {
        if !markers
            .iter()
            .any(|(kind, marked)| marked == spot && *kind != Kind::KnownMiss)
        {
            tell("false", spot);
        }
    }
    (!problems.is_empty()).then_some(problems)
}

/// What a fixture has to answer for: the findings of all rules, but of a rule that is off by default only where the
/// fixture is the rule's own or marks it.
fn accountable(folder: &Path, sources: &Sources, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let marked = markers(sources);
    found.retain(|finding| {
        let off = RULES
            .iter()
            .any(|rule| rule.name == finding.rule && rule.page().level == Level::Allow);
        !off || folder
            .parent()
            .is_some_and(|parent| parent.ends_with(finding.rule))
            || marked.iter().any(|(_, spot)| spot.2 == finding.rule)
    });
    found
}

fn check_folder(folder: &Path, failures: &mut Vec<String>) {
    let name = folder.strip_prefix(root()).unwrap().display().to_string();
    let (sources, found) = findings(read(folder));
    assert!(!sources.is_empty(), "{name} holds no source");
    let found = accountable(folder, &sources, found);
    if let Some(problems) = compare(&sources, &found) {
        failures.push(format!("{name}:\n{problems}"));
    }
    let text = report::text::render(&found, &sources, report::Style::default());
    let expected = folder.join("expected.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&expected, &text).unwrap();
    } else if fs::read_to_string(&expected).unwrap_or_default() != text {
        failures.push(format!("{name}: expected.txt differs; if the new report reads well, UPDATE_EXPECT=1 cargo test writes it. Now:\n{text}"));
    }
}

#[test]
fn fixtures_are_reported_as_marked() {
    let mut failures = Vec::new();
    let fixtures = root().join("fixtures");
    for rule in folders(&fixtures) {
        if rule.file_name().is_some_and(|name| name == "demo") {
            check_folder(&rule, &mut failures);
            continue;
        }
        let name = rule.file_name().unwrap().to_string_lossy().to_string();
        assert!(
            name == "engine" || RULES.iter().any(|known| known.name == name),
            "fixtures/{name} is no rule"
        );
        for case in folders(&rule) {
            check_folder(&case, &mut failures);
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_rule_has_good_and_bad_fixtures_in_all_languages() {
    let mut missing = Vec::new();
    for rule in RULES {
        let folder = root().join("fixtures").join(rule.name);
        let (mut bad, mut good) = (0, 0);
        let mut languages = BTreeSet::new();
        for case in folders(&folder) {
            let files = read(&case);
            languages.extend(
                files
                    .iter()
                    .filter_map(|(path, _)| Lang::of_path(path).filter(|_| !path.ends_with(".h"))),
            );
            let marked = markers(&Sources::new(files))
                .iter()
                .any(|(kind, spot)| *kind == Kind::Must && spot.2 == rule.name);
            if marked { bad += 1 } else { good += 1 }
        }
        if bad == 0 || good == 0 || languages.len() < 3 {
            missing.push(format!(
                "{}: {bad} bad, {good} good cases, languages {languages:?}",
                rule.name
            ));
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// The fenced examples of a page: heading, language, text.
fn examples(page: &str) -> Vec<(String, &'static str, String)> {
    let mut all = Vec::new();
    let mut heading = String::new();
    let mut open: Option<(&'static str, String)> = None;
    for line in page.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            match open.take() {
                Some((file, text)) => all.push((heading.clone(), file, text)),
                None => {
                    let file = match fence.trim() {
                        "c" => "a.c",
                        "cpp" => "a.cpp",
                        "rust" => "lib.rs",
                        _ => "",
                    };
                    open = Some((file, String::new()));
                }
            }
        } else if let Some((_, text)) = &mut open {
            text.push_str(line);
            text.push('\n');
        } else if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_string();
        }
    }
    all.retain(|(_, file, _)| !file.is_empty());
    all
}

#[test]
fn examples_of_the_pages_are_reported_as_they_say() {
    let mut failures = Vec::new();
    for rule in RULES {
        let mut flagged = 0;
        let mut silent = 0;
        for (number, (heading, file, text)) in examples(rule.page).into_iter().enumerate() {
            let name = format!("rules/{}.md, example {} ({heading})", rule.name, number + 1);
            let mut files = vec![(file.to_string(), text.into_bytes())];
            if file == "lib.rs" {
                files = vec![("src/lib.rs".to_string(), files.remove(0).1)];
                files.push((
                    "Cargo.toml".to_string(),
                    b"[package]\nname = \"plugin\"\n[lib]\ncrate-type = [\"cdylib\"]\n".to_vec(),
                ));
            }
            let (sources, found) = findings(files);
            let marked = markers(&sources);
            match heading.as_str() {
                "Flagged" if marked.is_empty() => failures.push(format!("{name}: no marker")),
                "Flagged" => flagged += 1,
                "Not flagged" if !marked.is_empty() => failures.push(format!("{name}: a marker")),
                "Not flagged" => silent += 1,
                _ => {}
            }
            // Other rules have their say about an example too; here only the page's own counts.
            let own: Vec<Diagnostic> = found
                .into_iter()
                .filter(|finding| finding.rule == rule.name)
                .collect();
            if let Some(problems) = compare(&sources, &own) {
                failures.push(format!("{name}:\n{problems}"));
            }
        }
        if flagged == 0 || silent == 0 {
            failures.push(format!(
                "rules/{}.md: {flagged} flagged and {silent} silent examples; both are needed",
                rule.name
            ));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn messages_keep_the_convention() {
    for rule in folders(&root().join("fixtures")) {
        for case in folders(&rule) {
            for finding in findings(read(&case)).1 {
                let texts = finding
                    .labels
                    .iter()
                    .map(|label| &label.message)
                    .chain([&finding.message, &finding.help])
                    .chain(&finding.notes);
                for text in texts {
                    assert!(
                        !text.ends_with('.'),
                        "{}: a full stop: {text}",
                        finding.rule
                    );
                    for hedge in ["potential", " might ", "possibly"] {
                        assert!(!text.contains(hedge), "{}: a hedge: {text}", finding.rule);
                    }
                }
                remedies_fit(&finding);
            }
        }
    }
}

/// The remedy is one that the code can take: a destructor has no `lpReserved`, and who waits for callbacks stops no thread.
fn remedies_fit(finding: &Diagnostic) {
    let (message, help) = (&finding.message, &finding.help);
    let of_destructor = ["is destroyed", "the exit functions run"]
        .iter()
        .any(|words| message.contains(words));
    if of_destructor {
        for text in finding.notes.iter().chain([help]) {
            assert!(!text.contains("lpReserved"), "{message}: {text}");
            assert!(!text.contains("DLL_PROCESS_DETACH"), "{message}: {text}");
        }
        // The way there begins with the object, also where nobody has written a destructor.
        let step = finding.labels.iter().find(|label| label.role == Role::Step);
        assert!(
            step.is_some_and(|step| step.message.contains("with the loader lock held")),
            "{message}: no way there"
        );
    }
    if message.contains("waits for thread pool callbacks") {
        assert!(!help.contains("stop the thread"), "{message}: {help}");
    }
}
