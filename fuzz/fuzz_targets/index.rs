//! The index against the lowering of everything: what no name leads to is not parsed, and not one finding is lost by it.
//! The first byte says the language (`c`, `+`, everything else: Rust), the rest is the file.
//!
//! The index follows members and statics by the names that the tree declares. What a lost header declares it cannot know,
//! and the lowering of everything can; so all names of the text are declared at its end. Nor do both mend broken text in
//! the same way: where the lowering of everything could not read all of it, nothing is compared.
#![no_main]

use std::collections::BTreeSet;
use tplint::source::Sources;
use tplint::{Options, analyze};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((language, text)) = bytes.split_first() else {
        return;
    };
    let name = match language {
        b'c' => "a.c",
        b'+' => "a.cpp",
        _ => "a.rs",
    };
    let text = String::from_utf8_lossy(text).into_owned() + &declarations(text, *language);
    let sources = Sources::new(vec![(name.to_string(), text.into_bytes())]);
    let found = |whole: bool| {
        let options = Options {
            whole,
            ..Options::default()
        };
        let analysis = tplint_fuzz::on_deep_stack(|| analyze(&sources, &options));
        let analysis = analysis.expect("the table can be read");
        let findings = analysis.diagnostics.iter();
        let findings: Vec<String> = findings.map(|finding| format!("{finding:?}")).collect();
        (findings, analysis.partly.is_empty())
    };
    let (chosen, _) = found(false);
    let (all, is_read) = found(true);
    if is_read {
        assert_eq!(chosen, all);
    }
});

/// Words of Rust that are no names. In C and C++ the structure may hold anything, for nothing follows it.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "_",
];

/// A structure with a member for every name that no `(` follows.
fn declarations(text: &[u8], language: u8) -> String {
    let text = String::from_utf8_lossy(text);
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut names = BTreeSet::new();
    let mut called = BTreeSet::new();
    let mut rest = &*text;
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let end = word.find(|letter| !is_word(letter)).unwrap_or(word.len());
        let (word, behind) = word.split_at(end);
        match behind.starts_with('(') {
            true => called.insert(word),
            false => names.insert(word),
        };
        rest = behind;
    }
    let is_name = |name: &&&str| {
        !called.contains(**name) && !name.starts_with(char::is_numeric) && !KEYWORDS.contains(*name)
    };
    let members: Vec<String> = match language {
        b'c' | b'+' => names
            .iter()
            .filter(is_name)
            .map(|name| format!("int {name};"))
            .collect(),
        _ => names
            .iter()
            .filter(is_name)
            .map(|name| format!("{name}: i32,"))
            .collect(),
    };
    let tail = if matches!(language, b'c' | b'+') {
        ";"
    } else {
        ""
    };
    format!(
        "\nstruct DeclaredAtTheEnd {{ {} }}{tail}\n",
        members.join(" ")
    )
}
