//! Commands that make lists: set, list, file(GLOB), cmake_parse_arguments.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::syntax::Argument;
use super::{Run, UNKNOWN};
use crate::source::FileId;

impl Run<'_> {
    pub(super) fn set_command(&mut self, words: &[String]) {
        let Some((name, values)) = words.split_first() else {
            return;
        };
        let outer = values.last().is_some_and(|word| word == "PARENT_SCOPE");
        let end = values
            .iter()
            .position(|word| word == "CACHE" || word == "PARENT_SCOPE")
            .unwrap_or(values.len());
        let mut value = values[..end].join(";");
        if self.open > 0
            && let Some(old) = self.get(name)
        {
            value = union(old, &value);
        }
        if outer && self.frames.len() >= 2 {
            let index = self.frames.len() - 2;
            self.frames[index].variables.insert(name.clone(), value);
        } else {
            self.set(name, value);
        }
    }

    pub(super) fn append(&mut self, name: &str, value: &str) {
        let joined = match self.get(name) {
            Some(old) => union(old, value),
            None => value.to_string(),
        };
        self.set(name, joined);
    }

    pub(super) fn list(&mut self, words: &[String]) {
        match words {
            [mode, name, items @ ..]
                if mode == "APPEND" || mode == "PREPEND" || mode == "INSERT" =>
            {
                self.append(name, &items.join(";"));
            }
            [mode, name, items @ ..] if mode == "REMOVE_ITEM" && self.open == 0 => {
                let kept: Vec<&str> = self
                    .get(name)
                    .unwrap_or("")
                    .split(';')
                    .filter(|part| !items.iter().any(|item| item == part))
                    .collect();
                let value = kept.join(";");
                self.set(name, value);
                let found = self.sources_among(items);
                self.left_out.extend(found);
            }
            [mode, name, how, what, pattern] if mode == "FILTER" && what == "REGEX" => {
                self.filter(name, how == "EXCLUDE", pattern);
            }
            [mode, name, what, prefix, ..] if mode == "TRANSFORM" && what == "PREPEND" => {
                let value: Vec<String> = self
                    .get(name)
                    .unwrap_or("")
                    .split(';')
                    .filter(|part| !part.is_empty())
                    .map(|part| format!("{prefix}{part}"))
                    .collect();
                self.set(name, value.join(";"));
            }
            _ => {}
        }
    }

    /// Takes what a pattern matches out of a list, or everything else.
    fn filter(&mut self, name: &str, excludes: bool, pattern: &str) {
        if self.open > 0 || pattern.contains(UNKNOWN) {
            return;
        }
        let Ok(pattern) = Regex::new(pattern) else {
            return;
        };
        let (out, kept): (Vec<String>, Vec<String>) = self
            .get(name)
            .unwrap_or("")
            .split(';')
            .map(str::to_string)
            .partition(|part| pattern.is_match(part) == excludes);
        self.set(name, kept.join(";"));
        let found = self.sources_among(&out);
        self.left_out.extend(found);
    }

    pub(super) fn file(&mut self, words: &[String]) {
        let [mode, variable, rest @ ..] = words else {
            return;
        };
        if mode != "GLOB" && mode != "GLOB_RECURSE" {
            return;
        }
        let mut base: Option<String> = None;
        let mut found: Vec<FileId> = Vec::new();
        let mut words = rest.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "RELATIVE" => base = words.next().map(|folder| self.at(folder)),
                "LIST_DIRECTORIES" => {
                    words.next();
                }
                "CONFIGURE_DEPENDS" | "FOLLOW_SYMLINKS" => {}
                pattern if !pattern.contains(UNKNOWN) => {
                    let folder = self.place.folder.clone();
                    found.extend(self.tree.glob(&folder, pattern, mode == "GLOB_RECURSE"));
                }
                _ => {}
            }
        }
        found.sort();
        found.dedup();
        let value = match base {
            Some(base) => found
                .iter()
                .map(|&id| {
                    let path = self.tree.path(id);
                    if base.is_empty() {
                        return path.to_string();
                    }
                    path.strip_prefix(&format!("{base}/"))
                        .map_or(format!("/{path}"), str::to_string)
                })
                .collect::<Vec<_>>()
                .join(";"),
            None => self.paths(&found),
        };
        if self.open > 0 {
            self.append(variable, &value);
        } else {
            self.set(variable, value);
        }
    }

    /// `cmake_parse_arguments(PREFIX options one multi words…)`, also in its PARSE_ARGV form.
    pub(super) fn parse_arguments(&mut self, words: &[String], arguments: &[Argument]) {
        // The lists of keywords are single arguments that may be empty.
        let raw = self.expand(arguments, true);
        let mut raw: Vec<String> = raw.into_iter().map(|argument| argument.text).collect();
        if raw.len() < 4 || words.is_empty() {
            return;
        }
        let given: Vec<String>;
        if raw[0] == "PARSE_ARGV" && raw.len() >= 6 {
            let skip = raw[1].parse().unwrap_or(0);
            given = self
                .get("ARGV")
                .unwrap_or("")
                .split(';')
                .skip(skip)
                .map(str::to_string)
                .collect();
            raw.drain(..2);
        } else {
            given = raw[4..]
                .iter()
                .flat_map(|text| text.split(';'))
                .map(str::to_string)
                .collect();
        }
        let prefix = raw[0].clone();
        let keywords = |index: usize| -> Vec<String> {
            raw.get(index)
                .map_or("", String::as_str)
                .split(';')
                .map(str::to_string)
                .collect()
        };
        let (options, single, multiple) = (keywords(1), keywords(2), keywords(3));
        for keyword in single.iter().chain(&multiple) {
            self.set(&format!("{prefix}_{keyword}"), String::new());
        }
        for keyword in options.iter().filter(|keyword| !keyword.is_empty()) {
            self.set(&format!("{prefix}_{keyword}"), "FALSE".to_string());
        }
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current: Option<(String, bool)> = None;
        for word in given.into_iter().filter(|word| !word.is_empty()) {
            if options.contains(&word) {
                values.insert(word, vec!["TRUE".into()]);
                current = None;
            } else if single.contains(&word) {
                current = Some((word, true));
            } else if multiple.contains(&word) {
                current = Some((word, false));
            } else {
                let (name, once) = current
                    .clone()
                    .unwrap_or(("UNPARSED_ARGUMENTS".into(), false));
                values.entry(name).or_default().push(word);
                if once {
                    current = None;
                }
            }
        }
        for (name, value) in values {
            self.set(&format!("{prefix}_{name}"), value.join(";"));
        }
    }
}

/// Both lists, each item once.
fn union(old: &str, new: &str) -> String {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    old.split(';')
        .chain(new.split(';'))
        .filter(|part| !part.is_empty() && seen.insert(part))
        .collect::<Vec<_>>()
        .join(";")
}
