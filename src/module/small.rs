//! Meson and qmake, as far as plain lists go.

use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

use crate::source::FileId;

use super::tree::{Tree, file_name, join, named, parent};
use super::{Kind, Target, TargetKind, entry_symbols};

pub fn targets(tree: &Tree, build_files: &[FileId]) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut meson = Meson {
        tree,
        variables: FxHashMap::default(),
        made: FxHashMap::default(),
        visited: BTreeSet::new(),
        systems: BTreeSet::new(),
        asked: FxHashMap::default(),
        foreign: BTreeSet::new(),
        named_elsewhere: BTreeSet::new(),
        elsewhere: false,
        targets: Vec::new(),
    };
    // The topmost files first: they lead to those below.
    let mut files = build_files.to_vec();
    files.sort_by_key(|&id| (tree.path(id).matches('/').count(), id));
    for id in files {
        let path = tree.path(id);
        if file_name(path) == "meson.build" && !meson.visited.contains(&id) {
            meson.variables.clear();
            meson.made.clear();
            meson.systems.clear();
            meson.asked.clear();
            meson.elsewhere = meson.foreign.contains(&id);
            meson.file(id, 0);
        } else if path.to_lowercase().ends_with(".pro") {
            targets.extend(qmake(tree, id));
        }
    }
    if let Some(&first) = meson.visited.first() {
        let named = meson.named_elsewhere;
        let elsewhere = Target::of_other_systems(first, named, &meson.targets);
        targets.extend(elsewhere);
    }
    targets.extend(meson.targets);
    targets
}

#[derive(Clone, Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Mark(u8),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => at = text[at..].find('\n').map_or(bytes.len(), |end| at + end),
            b'\'' => {
                let quote = if text[at..].starts_with("'''") {
                    "'''"
                } else {
                    "'"
                };
                let start = at + quote.len();
                let end = text[start..]
                    .find(quote)
                    .map_or(bytes.len(), |end| start + end);
                found.push(Token::Text(&text[start..end]));
                at = (end + quote.len()).min(bytes.len());
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let start = at;
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                    at += 1;
                }
                found.push(Token::Word(&text[start..at]));
            }
            b' ' | b'\t' | b'\r' | b'\\' => at += 1,
            byte if byte.is_ascii() => {
                found.push(Token::Mark(byte));
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

struct Meson<'a> {
    tree: &'a Tree<'a>,
    /// Lists of files.
    variables: FxHashMap<String, Vec<FileId>>,
    /// The variable that holds a target, and its key.
    made: FxHashMap<String, String>,
    visited: BTreeSet<FileId>,
    /// Variables that hold the name of the host's system, and those that tell whether something of it is so.
    systems: BTreeSet<String>,
    asked: FxHashMap<String, bool>,
    /// Files that are read for other systems only, and sources that are named for them only.
    foreign: BTreeSet<FileId>,
    named_elsewhere: BTreeSet<FileId>,
    /// What is read is for other systems only.
    elsewhere: bool,
    targets: Vec<Target>,
}

/// An `if` that is open: whether an arm was entered for certain, and whether the arm that is read is for other systems.
struct Arms {
    entered: bool,
    skips: bool,
}

impl Meson<'_> {
    fn file(&mut self, id: FileId, depth: u32) {
        if depth > 32 || !self.visited.insert(id) {
            return;
        }
        let folder = parent(self.tree.path(id)).to_string();
        let tokens = tokens(self.tree.text(id));
        let mut at = 0;
        let mut level = 0i32;
        let mut arms: Vec<Arms> = Vec::new();
        while at < tokens.len() {
            if let Token::Word(word @ ("if" | "elif" | "else" | "endif")) = tokens[at]
                && level == 0
            {
                let end = statement_end(&tokens, at);
                self.arm(word, &tokens[at + 1..end], &mut arms);
                at = end;
                continue;
            }
            let skips = arms.iter().any(|arms| arms.skips);
            match &tokens[at] {
                Token::Mark(b'(' | b'[' | b'{') => level += 1,
                Token::Mark(b')' | b']' | b'}') => level -= 1,
                Token::Word("subdir") if skips => {
                    if let Some(Token::Text(child)) = tokens.get(at + 2) {
                        let list = join(&join(&folder, child), "meson.build");
                        self.foreign.extend(self.tree.find(&list));
                    }
                }
                Token::Text(text) if skips => {
                    let found = self.tree.find(&join(&folder, text));
                    let is_source = |id: &FileId| self.tree.is_source(*id);
                    self.named_elsewhere.extend(found.filter(is_source));
                }
                _ if skips => {}
                Token::Word("subdir") => {
                    if let Some(Token::Text(child)) = tokens.get(at + 2) {
                        let list = join(&join(&folder, child), "meson.build");
                        if let Some(child) = self.tree.find(&list) {
                            self.file(child, depth + 1);
                        }
                    }
                }
                Token::Word(function) => {
                    if let Some(kind) = meson_kind(function)
                        && tokens.get(at + 1) == Some(&Token::Mark(b'('))
                    {
                        let end = call_end(&tokens, at + 1);
                        let variable = match (
                            at.checked_sub(2).map(|b| &tokens[b]),
                            at.checked_sub(1).map(|b| &tokens[b]),
                        ) {
                            (Some(Token::Word(name)), Some(Token::Mark(b'='))) => Some(*name),
                            _ => None,
                        };
                        self.target(id, &folder, function, kind, variable, &tokens[at + 2..end]);
                        at = end;
                    } else if level == 0
                        && let Some(value) = assigned(&tokens, at)
                    {
                        // `x = […]`, `x += files(…)`: up to the end of the line outside brackets.
                        let end = statement_end(&tokens, value);
                        self.remember(function, &tokens[value..end], arms.is_empty());
                        let is_target = tokens[value..end].iter().any(
                            |token| matches!(token, Token::Word(word) if meson_kind(word).is_some()),
                        );
                        if !is_target {
                            let files = self.files(&folder, &tokens[value..end]);
                            // Arms of conditions are joined.
                            let list = self.variables.entry(function.to_string()).or_default();
                            list.extend(files);
                            at = end;
                            continue;
                        }
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Goes on to the next arm of a condition, or opens or closes one.
    fn arm(&self, word: &str, condition: &[Token], arms: &mut Vec<Arms>) {
        match word {
            "if" => {
                let value = self.condition(condition);
                arms.push(Arms {
                    entered: value == Some(true),
                    skips: value == Some(false),
                });
            }
            "endif" => {
                arms.pop();
            }
            _ => {
                let value = match word {
                    "elif" => self.condition(condition),
                    _ => None,
                };
                if let Some(last) = arms.last_mut() {
                    last.skips = last.entered || value == Some(false);
                    last.entered |= value == Some(true);
                }
            }
        }
    }

    /// Remembers a variable that holds the host's system or tells something of it, if it is certain to be set.
    fn remember(&mut self, name: &str, value: &[Token], is_certain: bool) {
        self.systems.remove(name);
        self.asked.remove(name);
        if !is_certain {
            return;
        }
        if self.system_before(value) == Some(&[]) {
            self.systems.insert(name.to_string());
        } else if let Some(holds) = self.condition(value) {
            self.asked.insert(name.to_string(), holds);
        }
    }

    /// What follows the host's system, if tokens begin with it.
    fn system_before<'t, 's>(&self, tokens: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
        match tokens {
            [
                Token::Word("host_machine"),
                Token::Mark(b'.'),
                Token::Word("system"),
                Token::Mark(b'('),
                Token::Mark(b')'),
                rest @ ..,
            ] => Some(rest),
            [Token::Word(name), rest @ ..] if self.systems.contains(*name) => Some(rest),
            _ => None,
        }
    }

    /// What a condition is on Windows; none where it does not depend on the system alone.
    fn condition(&self, tokens: &[Token]) -> Option<bool> {
        let parts = |word: &'static str| tokens.split(move |token| *token == Token::Word(word));
        if tokens.contains(&Token::Word("or")) {
            let values: Vec<_> = parts("or").map(|part| self.condition(part)).collect();
            let is_known = values.iter().all(Option::is_some);
            return values
                .contains(&Some(true))
                .then_some(true)
                .or(is_known.then_some(false));
        }
        if tokens.contains(&Token::Word("and")) {
            let values: Vec<_> = parts("and").map(|part| self.condition(part)).collect();
            let is_known = values.iter().all(Option::is_some);
            return values
                .contains(&Some(false))
                .then_some(false)
                .or(is_known.then_some(true));
        }
        if let [Token::Word("not"), rest @ ..] = tokens {
            return self.condition(rest).map(|value| !value);
        }
        if let [Token::Word(name)] = tokens {
            return self.asked.get(*name).copied();
        }
        let names_windows = |list: &[Token]| list.contains(&Token::Text("windows"));
        match self.system_before(tokens)? {
            [Token::Mark(b'='), Token::Mark(b'='), Token::Text(name)] => Some(*name == "windows"),
            [Token::Mark(b'!'), Token::Mark(b'='), Token::Text(name)] => Some(*name != "windows"),
            [Token::Word("in"), list @ ..] => Some(names_windows(list)),
            [Token::Word("not"), Token::Word("in"), list @ ..] => Some(!names_windows(list)),
            _ => None,
        }
    }

    fn files(&self, folder: &str, tokens: &[Token]) -> Vec<FileId> {
        let mut found = Vec::new();
        for token in tokens {
            match token {
                Token::Text(text) => found.extend(self.tree.find(&join(folder, text))),
                Token::Word(name) => {
                    found.extend(self.variables.get(*name).into_iter().flatten());
                }
                Token::Mark(_) => {}
            }
        }
        found
    }

    fn target(
        &mut self,
        id: FileId,
        folder: &str,
        function: &str,
        kind: TargetKind,
        variable: Option<&str>,
        arguments: &[Token],
    ) {
        let first = arguments.iter().find(|token| **token != Token::Mark(b'\n'));
        let name = match first {
            Some(Token::Text(name)) => name.to_string(),
            _ => named(file_name(folder)),
        };
        let path = self.tree.path(id);
        let mut target = Target::new(id);
        target.key = format!("meson:{path}:{name}");
        target.evidence = vec![format!("{function}('{name}') in {path}")];
        target.kind = kind;
        target.untyped = function == "library";
        target.elsewhere = self.elsewhere;
        for (at, token) in arguments.iter().enumerate() {
            if let Token::Word(word) = token {
                target.takes_whole |= matches!(
                    *word,
                    "link_whole" | "extract_objects" | "extract_all_objects"
                );
                if let Some(key) = self.made.get(*word) {
                    target.links.push(key.clone());
                }
                if *word == "link_args"
                    && let Some(end) = arguments.get(at + 2..)
                {
                    let texts: Vec<&str> = end
                        .iter()
                        .take_while(|token| **token != Token::Mark(b']'))
                        .filter_map(|token| match token {
                            Token::Text(text) => Some(*text),
                            _ => None,
                        })
                        .collect();
                    target.entry_names.extend(entry_symbols(&texts.join(" ")));
                }
            }
        }
        for file in self.files(folder, arguments) {
            if self.tree.is_source(file) {
                target.sources.push(file);
            } else if self.tree.lang(file).is_some() {
                target.headers.push(file);
            }
        }
        if let Some(variable) = variable {
            self.made.insert(variable.to_string(), target.key.clone());
        }
        target.name = name;
        self.targets.push(target);
    }
}

fn meson_kind(function: &str) -> Option<TargetKind> {
    Some(match function {
        "shared_library" | "shared_module" => TargetKind::Made(Some(Kind::Dll)),
        "library" | "both_libraries" => TargetKind::Both(Kind::Unknown),
        "static_library" => TargetKind::Contained,
        "executable" => TargetKind::Made(Some(Kind::Exe)),
        _ => return None,
    })
}

/// Where the value starts, if an assignment starts here.
fn assigned(tokens: &[Token], at: usize) -> Option<usize> {
    match (tokens.get(at + 1)?, tokens.get(at + 2)?) {
        (Token::Mark(b'='), Token::Mark(b'=')) => None,
        (Token::Mark(b'='), _) => Some(at + 2),
        (Token::Mark(b'+'), Token::Mark(b'=')) => Some(at + 3),
        _ => None,
    }
}

fn statement_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0i32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Mark(b'(' | b'[' | b'{') => depth += 1,
            Token::Mark(b')' | b']' | b'}') => depth -= 1,
            Token::Mark(b'\n') if depth <= 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}

/// The index of the bracket that closes the one at `open`.
fn call_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0i32;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark(b'(') => depth += 1,
            Token::Mark(b')') => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// A qmake project: scopes are not evaluated.
fn qmake(tree: &Tree, id: FileId) -> Option<Target> {
    let path = tree.path(id);
    let mut project = Qmake::default();
    project.read(tree, id, 0);
    let template = project.values.get("TEMPLATE").and_then(|list| list.last());
    let config: &[String] = project.values.get("CONFIG").map_or(&[], Vec::as_slice);
    let has = |word: &str| config.iter().any(|found| found == word);
    let mut target = Target::new(id);
    (target.kind, target.evidence) = match template.map(String::as_str) {
        Some("lib") if has("staticlib") => (
            TargetKind::Contained,
            vec![format!("TEMPLATE = lib, CONFIG += staticlib in {path}")],
        ),
        Some("lib") => (
            TargetKind::Made(Some(Kind::Dll)),
            vec![format!("TEMPLATE = lib in {path}")],
        ),
        Some("app") | None if !project.sources.is_empty() => (
            TargetKind::Made(Some(Kind::Exe)),
            vec![format!("TEMPLATE = app in {path}")],
        ),
        _ => return None,
    };
    let name = project.values.get("TARGET").and_then(|list| list.last());
    target.name = match name {
        Some(name) if !name.contains('$') => name.clone(),
        _ => file_name(path).trim_end_matches(".pro").to_string(),
    };
    target.sources = project.sources;
    target.headers = project.headers;
    Some(target)
}

#[derive(Default)]
struct Qmake {
    values: FxHashMap<String, Vec<String>>,
    sources: Vec<FileId>,
    headers: Vec<FileId>,
}

impl Qmake {
    fn read(&mut self, tree: &Tree, id: FileId, depth: u32) {
        let folder = parent(tree.path(id)).to_string();
        let mut line = String::new();
        for part in tree.text(id).lines() {
            let part = part.split('#').next().unwrap_or("").trim_end();
            if let Some(start) = part.strip_suffix('\\') {
                line.push_str(start);
                line.push(' ');
                continue;
            }
            line.push_str(part);
            self.statement(tree, &folder, &line, depth);
            line.clear();
        }
        self.statement(tree, &folder, &line, depth);
    }

    fn statement(&mut self, tree: &Tree, folder: &str, line: &str, depth: u32) {
        let expand = |text: &str| {
            text.replace("$$PWD", &format!("/{folder}"))
                .replace("$${PWD}", &format!("/{folder}"))
                .replace("$$_PRO_FILE_PWD_", &format!("/{folder}"))
        };
        let line = line.trim();
        if let Some(at) = line.find("include(") {
            let name = line[at + 8..].split(')').next().unwrap_or("");
            if depth < 8
                && let Some(id) = tree.find(&join(folder, &expand(name.trim())))
            {
                self.read(tree, id, depth + 1);
            }
            return;
        }
        let Some((name, value)) = line.split_once('=') else {
            return;
        };
        // `win32:SOURCES += a.cpp`, `win32 { SOURCES += a.cpp }`
        let name = name.trim_end_matches(['+', '*', '-', ' ', '\t']);
        let name = name.rsplit([':', '{', ' ']).next().unwrap_or(name);
        let words = value.split_whitespace().filter(|word| *word != "}");
        for word in words {
            let word = expand(word.trim_matches('"'));
            match name {
                "SOURCES" | "HEADERS" => {
                    for id in tree.glob(folder, &word, false) {
                        if tree.is_source(id) {
                            self.sources.push(id);
                        } else if tree.lang(id).is_some() {
                            self.headers.push(id);
                        }
                    }
                }
                "TEMPLATE" | "CONFIG" | "TARGET" => {
                    self.values.entry(name.to_string()).or_default().push(word);
                }
                _ => {}
            }
        }
    }
}
