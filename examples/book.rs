//! mdBook's preprocessor for the documentation: what stands elsewhere in the repository becomes part of the book.
//!
//! mdBook calls it (`book.toml`) with `[context, book]` as JSON on standard input and takes the book back on standard
//! output. Three things are done here, and none of them changes a file:
//!
//! - the chapter `rules.md` gets a table of the rules, and below it a chapter for each, made of the compiled-in page;
//! - links into the repository become links within the book, and a rule's name in backticks a link to its page;
//! - the marks of the tests in examples (`//~ rule`) become words that a reader understands.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use tplint::rules::page;

fn main() {
    // `supports RENDERER`: the text is the same for all of them.
    if std::env::args().nth(1).as_deref() == Some("supports") {
        return;
    }
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let mut input = String::new();
    std::io::stdin()
        .read_to_string(&mut input)
        .map_err(|error| error.to_string())?;
    let mut input: Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    let book = input
        .get_mut(1)
        .ok_or("[context, book] expected from mdBook")?;
    let items = book["items"]
        .as_array_mut()
        .ok_or("a book of mdBook 0.5 or later expected")?;
    if !items.iter_mut().any(add_rules) {
        return Err("docs/SUMMARY.md has no chapter rules.md".into());
    }
    let pages: Vec<String> = items.iter().flat_map(paths).collect();
    for item in items.iter_mut() {
        rewrite_chapters(item, &pages);
    }
    let text = serde_json::to_string(book).map_err(|error| error.to_string())?;
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())
}

/// The table and the chapters of the rules, if this is their chapter.
fn add_rules(item: &mut Value) -> bool {
    let Some(chapter) = item.get_mut("Chapter") else {
        return false;
    };
    if chapter["path"] != "rules.md" {
        return false;
    }
    let mut table = String::from("| rule | level | what it finds |\n|---|---|---|\n");
    let mut chapters = Vec::new();
    // The numbers are not shown, but the sidebar nests and folds by them.
    let number = |index: usize| match chapter["number"].as_array() {
        Some(above) => [above.as_slice(), &[json!(index + 1)]].concat().into(),
        None => Value::Null,
    };
    for (index, (name, page)) in page::catalogue().iter().enumerate() {
        let level = page.level.name();
        let _ = writeln!(table, "| `{name}` | {level} | {} |", page.summary);
        chapters.push(json!({"Chapter": {
            "name": name,
            "content": page.markdown(name),
            "number": number(index),
            "sub_items": [],
            "path": format!("rules/{name}.md"),
            "source_path": null,
            "parent_names": [chapter["name"].clone()],
        }}));
    }
    let content = chapter["content"].as_str().unwrap_or_default();
    chapter["content"] = format!("{content}\n{table}").into();
    chapter["sub_items"] = chapters.into();
    true
}

/// The paths of a chapter and of those below it.
fn paths(item: &Value) -> Vec<String> {
    let chapter = &item["Chapter"];
    let below = chapter["sub_items"].as_array().into_iter().flatten();
    let own = chapter["path"].as_str().map(String::from);
    own.into_iter().chain(below.flat_map(paths)).collect()
}

fn rewrite_chapters(item: &mut Value, pages: &[String]) {
    let Some(chapter) = item.get_mut("Chapter") else {
        return;
    };
    let path = chapter["path"].as_str().unwrap_or_default().to_string();
    let content = chapter["content"].as_str().unwrap_or_default();
    chapter["content"] = rewrite(content, &path, pages).into();
    for item in chapter["sub_items"].as_array_mut().into_iter().flatten() {
        rewrite_chapters(item, pages);
    }
}

/// A page with its links and marks as the book needs them.
fn rewrite(content: &str, path: &str, pages: &[String]) -> String {
    // The language of the fenced block around the line.
    let mut fence: Option<&str> = None;
    let mut out = String::new();
    for line in content.lines() {
        let line = match (line.trim_start().strip_prefix("```"), fence) {
            (Some(_), Some(_)) => {
                fence = None;
                line.to_string()
            }
            (Some(language), None) => {
                fence = Some(language);
                line.to_string()
            }
            (None, Some("c" | "cpp" | "rust")) => page::readable_mark(line),
            (None, Some(_)) => line.to_string(),
            (None, None) => rule_links(&book_links(line, path, pages), path),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Links into the repository, which is not part of the book: to the chapter of that file, to the file beside the
/// chapters, or to nothing, with the text left.
fn book_links(line: &str, path: &str, pages: &[String]) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((target, behind)) = after.split_once(')') else {
            break;
        };
        rest = behind;
        if target.contains("://") || target.starts_with('#') {
            let _ = write!(out, "{before}]({target})");
            continue;
        }
        let (file, section) = match target.split_once('#') {
            Some((file, section)) => (file, format!("#{section}")),
            None => (target, String::new()),
        };
        // Pages lie in docs/; what they include from the root has links that are seen from there.
        let name = file.trim_start_matches("../").trim_start_matches("docs/");
        let name = match name {
            "CONTRIBUTING.md" => "contributing.md",
            name => name,
        };
        let is_page = pages.iter().any(|page| page == name);
        let lies_beside = std::path::Path::new("docs").join(name).is_file();
        if is_page || lies_beside {
            let up = if path.contains('/') { "../" } else { "" };
            let _ = write!(out, "{before}]({up}{name}{section})");
        } else {
            let (before, text) = before.rsplit_once('[').unwrap_or((before, ""));
            let _ = write!(out, "{before}{text}");
        }
    }
    out + rest
}

/// Names of rules in backticks as links to their pages.
fn rule_links(line: &str, path: &str) -> String {
    // A heading is a link already; code over several lines is none of a rule's name.
    if line.starts_with('#') || line.matches('`').count() % 2 == 1 {
        return line.to_string();
    }
    let mut out = String::new();
    for (number, part) in line.split('`').enumerate() {
        let is_code = number % 2 == 1;
        let is_rule = is_code && page::of(part).is_some();
        let own = path == format!("rules/{part}.md");
        // The text of a link stays what it is.
        if is_rule && !own && !out.ends_with('[') {
            let folder = if path.contains('/') { "" } else { "rules/" };
            let _ = write!(out, "[`{part}`]({folder}{part}.md)");
        } else if is_code {
            let _ = write!(out, "`{part}`");
        } else {
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Vec<String> {
        ["contributing.md", "fixes.md", "rules/wait_in_dll_main.md"]
            .map(String::from)
            .to_vec()
    }

    #[test]
    fn links_into_the_repository_become_links_within_the_book() {
        let links = |line: &str, path: &str| book_links(line, path, &pages());
        assert_eq!(
            links("see [a](fixes.md#files), [b](docs/fixes.md).", "ci.md"),
            "see [a](fixes.md#files), [b](fixes.md)."
        );
        assert_eq!(
            links("[c](../CONTRIBUTING.md) [d](CONTRIBUTING.md)", "ci.md"),
            "[c](contributing.md) [d](contributing.md)"
        );
        // A file beside the chapters, from a chapter below.
        assert_eq!(
            links("[e](docs/tplint.schema.json)", "rules/x.md"),
            "[e](../tplint.schema.json)"
        );
        // What the book does not have keeps its text.
        assert_eq!(
            links("in [rules/apis.toml](rules/apis.toml), and", "ci.md"),
            "in rules/apis.toml, and"
        );
        let outside = "[f](https://example.org/a#b), [g](#here)";
        assert_eq!(links(outside, "ci.md"), outside);
    }

    #[test]
    fn names_of_rules_become_links() {
        let line = "not `wait_in_dll_main`, but `FreeLibrary`";
        assert_eq!(
            rule_links(line, "ci.md"),
            "not [`wait_in_dll_main`](rules/wait_in_dll_main.md), but `FreeLibrary`"
        );
        assert_eq!(
            rule_links(line, "rules/unguarded_rearm.md"),
            "not [`wait_in_dll_main`](wait_in_dll_main.md), but `FreeLibrary`"
        );
        for same in [
            (
                "a page and itself: `wait_in_dll_main`",
                "rules/wait_in_dll_main.md",
            ),
            ("# `wait_in_dll_main`", "ci.md"),
            ("[`wait_in_dll_main`](elsewhere.md)", "ci.md"),
            ("`wait_in_dll_main` and ` alone", "ci.md"),
        ] {
            assert_eq!(rule_links(same.0, same.1), same.0);
        }
    }

    #[test]
    fn marks_of_tests_are_words_in_code_and_stay_elsewhere() {
        for (mark, words) in [
            ("//~ wait_in_dll_main", "// ← wait_in_dll_main"),
            ("//~ wait_in_dll_main note", "// ← wait_in_dll_main, a note"),
            ("//~^ wait_in_dll_main", "// ↑ wait_in_dll_main"),
            (
                "//~? wait_in_dll_main",
                "// ← wait_in_dll_main is missed here",
            ),
            ("//~! wait_in_dll_main", "// ← wait_in_dll_main, wrongly"),
        ] {
            let page = format!("```cpp\nStop(); {mark}\n```\n{mark}\n");
            assert_eq!(
                rewrite(&page, "ci.md", &[]),
                format!("```cpp\nStop(); {words}\n```\n{mark}\n")
            );
        }
    }

    #[test]
    fn every_rule_is_a_chapter_below_that_of_the_rules() {
        let mut item =
            json!({"Chapter": {"name": "Rules", "content": "# Rules\n", "path": "rules.md"}});
        assert!(add_rules(&mut item));
        let chapters = item["Chapter"]["sub_items"].as_array().unwrap();
        let names: Vec<&str> = chapters
            .iter()
            .map(|chapter| chapter["Chapter"]["name"].as_str().unwrap())
            .collect();
        let catalogue: Vec<&str> = page::catalogue().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, catalogue);
        let table = item["Chapter"]["content"].as_str().unwrap();
        assert!(
            catalogue
                .iter()
                .all(|name| table.contains(&format!("| `{name}` |")))
        );
        assert!(!add_rules(&mut json!({"Chapter": {"path": "ci.md"}})));
    }
}
