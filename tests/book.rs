//! The documentation as a book: its table of contents, its diagrams and its examples against the repository. Whether
//! mdBook makes it and its links lead somewhere, `.ci/book` tries.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the files in a folder of the documentation that end so.
fn files(folder: &Path, ending: &str) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending))
        .collect()
}

#[test]
fn every_page_stands_in_the_table_of_contents() {
    let summary = read(&docs().join("SUMMARY.md"));
    let named: BTreeSet<String> = summary
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap().to_string())
        .collect();
    let mut pages = files(&docs(), ".md");
    pages.remove("SUMMARY.md");
    assert_eq!(named, pages, "docs/SUMMARY.md names the pages of docs/");
}

#[test]
fn every_diagram_is_drawn_from_the_text_beside_it_and_shown() {
    let folder = docs().join("diagrams");
    let stem = |name: String| name.rsplit_once('.').unwrap().0.to_string();
    let sources: BTreeSet<String> = files(&folder, ".dot").into_iter().map(stem).collect();
    let drawn: BTreeSet<String> = files(&folder, ".svg").into_iter().map(stem).collect();
    assert_eq!(sources, drawn, "a text for each picture: run .ci/diagrams");
    assert!(!sources.is_empty());
    let pages: String = files(&docs(), ".md")
        .iter()
        .map(|name| read(&docs().join(name)))
        .collect();
    for name in sources {
        let source = read(&folder.join(format!("{name}.dot")));
        let svg = read(&folder.join(format!("{name}.svg")));
        let svg = roxmltree::Document::parse(&svg).unwrap();
        let drawn_from = svg
            .descendants()
            .find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "metadata")))
            .and_then(|node| node.text());
        assert_eq!(
            drawn_from,
            Some(&*source),
            "docs/diagrams/{name}.svg is older than its text: run .ci/diagrams"
        );
        assert!(
            pages.contains(&format!("](diagrams/{name}.svg)")),
            "no page shows {name}.svg"
        );
    }
}

/// The C and C++ examples of a page: the line where each begins, and its text.
fn examples(text: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (line, &mut open) {
            ("```cpp" | "```c", None) => open = Some((number + 1, String::new())),
            ("```", Some(_)) => all.extend(open.take()),
            (line, Some((_, code))) => {
                code.push_str(line);
                code.push('\n');
            }
            _ => {}
        }
    }
    all
}

/// What a page for beginners says about its examples is what tplint says.
#[test]
fn examples_of_the_background_are_judged_as_they_are_marked() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let mut judged = 0;
    for page in ["loader-lock.md", "references.md", "thread-pool.md"] {
        for (begin, code) in examples(&read(&docs().join(page))) {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("example.cpp"), &code).unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
                .args(["--format", "concise", "--exit-zero"])
                .current_dir(&folder)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let found: Vec<(usize, &str)> = said
                .lines()
                .map(|line| {
                    let number = line.split(':').nth(1).unwrap().parse().unwrap();
                    let rule = line.split_once('[').unwrap().1.split_once(']').unwrap().0;
                    (number, rule)
                })
                .collect();
            let marked: Vec<(usize, &str)> = code
                .lines()
                .enumerate()
                .filter_map(|(number, line)| Some((number + 1, line.split_once("//~ ")?.1)))
                .collect();
            assert_eq!(
                found, marked,
                "docs/{page}, the example behind line {begin}"
            );
            judged += 1;
        }
    }
    assert!(judged >= 5, "{judged}");
}

/// A part of a file that is included by its lines is still the part that is meant.
#[test]
fn the_finding_that_is_explained_is_whole() {
    let page = read(&docs().join("getting-started.md"));
    let (_, range) = page
        .split_once("{{#include ../fixtures/demo/expected.txt:")
        .unwrap();
    let (from, to) = range.split_once("}}").unwrap().0.split_once(':').unwrap();
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    let report = read(&docs().join("../fixtures/demo/expected.txt"));
    let lines: Vec<&str> = report.lines().collect();
    assert!(lines[from - 1].starts_with("error[wait_in_dll_main]"));
    assert!(lines[to - 1].starts_with("   = explain:"));
    assert!(lines[from..to].iter().all(|line| !line.is_empty()));
    let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
        .arg(docs().join("../fixtures/demo"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(
        page.contains(&format!("```text\n{summary}```")),
        "{summary}"
    );
}
