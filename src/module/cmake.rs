//! CMake: a small interpreter that runs the files for the sake of their lists.
//!
//! A condition that is false on Windows is not entered; one that depends on the build is entered both ways, and what
//! is set there is added to what the variable held before. Functions and macros of the tree are called; a command
//! that the tree does not define and that sounds like `add_library` or `add_executable` is taken for one.

mod calls;
mod condition;
mod generator;
mod lists;
mod syntax;

use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::source::FileId;

use super::tree::{Tree, file_name, is_below, join, named, parent};
use super::{Kind, Target, TargetKind, entry_symbols};
use condition::{SYSTEM, asks_for_system, condition};
use generator::{is_for_other_systems, plain};
use syntax::{Argument, Command, block_end};

/// Stands for a variable whose value is not known.
const UNKNOWN: char = '\u{1}';
/// Commands run in one tree, calls and loops included.
const STEPS: u32 = 400_000;
const DEPTH: u32 = 24;
/// Rounds of a `foreach(… RANGE …)`.
const LONGEST_RANGE: usize = 1000;

pub fn targets(tree: &Tree, build_files: &[FileId]) -> Vec<Target> {
    let mut files = FxHashMap::default();
    let mut lists: Vec<FileId> = Vec::new();
    let mut sharing: Vec<FileId> = Vec::new();
    let mut functions: FxHashMap<String, Vec<(FileId, Rc<Function>)>> = FxHashMap::default();
    for &id in build_files {
        let name = file_name(tree.path(id));
        if name != "CMakeLists.txt" && !name.ends_with(".cmake") {
            continue;
        }
        let commands = Rc::new(syntax::parse(tree.text(id)));
        if tree.text(id).contains("BUILD_SHARED_LIBS") {
            sharing.push(id);
        }
        for function in definitions(&commands) {
            functions
                .entry(function.name.clone())
                .or_default()
                .push((id, Rc::new(function)));
        }
        files.insert(id, commands);
        if name == "CMakeLists.txt" {
            lists.push(id);
        }
    }
    // The topmost files first: they lead to those below.
    lists.sort_by_key(|&id| (tree.path(id).matches('/').count(), id));
    let mut run = Run {
        tree,
        files,
        functions,
        targets: Vec::new(),
        by_name: FxHashMap::default(),
        aliases: FxHashMap::default(),
        visited: BTreeSet::new(),
        frames: Vec::new(),
        place: Place {
            list: FileId(0),
            file: FileId(0),
            folder: String::new(),
        },
        root: FileId(0),
        may_share: BTreeSet::new(),
        skipped: BTreeSet::new(),
        left_out: BTreeSet::new(),
        named_elsewhere: BTreeSet::new(),
        elsewhere: false,
        open: 0,
        depth: 0,
        steps: 0,
    };
    // What the tree adds for other systems only.
    let mut foreign: Vec<&str> = Vec::new();
    for id in lists {
        if run.visited.contains(&id) {
            continue;
        }
        let folder = parent(tree.path(id));
        if run.skipped.contains(&id) {
            foreign.push(folder);
        }
        run.elsewhere = foreign
            .iter()
            .any(|&above| folder == above || is_below(folder, above));
        run.root = id;
        if sharing
            .iter()
            .any(|&other| is_below(tree.path(other), parent(tree.path(id))))
        {
            run.may_share.insert(id);
        }
        run.frames = vec![Frame::default()];
        run.open = 0;
        run.set("CMAKE_SOURCE_DIR", format!("/{folder}"));
        run.set("CMAKE_SYSTEM_NAME", SYSTEM.to_string());
        run.list_file(id);
    }
    run.finish()
}

struct Function {
    name: String,
    parameters: Vec<String>,
    body: Rc<Vec<Command>>,
    is_macro: bool,
}

/// The functions and macros that a file defines at its top.
fn definitions(commands: &[Command]) -> Vec<Function> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < commands.len() {
        let command = &commands[at];
        if command.name == "function" || command.name == "macro" {
            let end = block_end(commands, at);
            let mut words = command
                .arguments
                .iter()
                .map(|argument| argument.text.clone());
            if let Some(name) = words.next() {
                found.push(Function {
                    name: name.to_lowercase(),
                    parameters: words.collect(),
                    body: Rc::new(commands[at + 1..end].to_vec()),
                    is_macro: command.name == "macro",
                });
            }
            at = end;
        }
        at += 1;
    }
    found
}

/// `foreach(i RANGE last)`, `foreach(i RANGE first last step)`: none where a number is not known.
fn range(words: &[String]) -> Vec<String> {
    let numbers: Option<Vec<usize>> = words.iter().map(|word| word.parse().ok()).collect();
    let (first, last, step) = match numbers.as_deref() {
        Some(&[last]) => (0, last, 1),
        Some(&[first, last]) => (first, last, 1),
        Some(&[first, last, step]) if step > 0 => (first, last, step),
        _ => return Vec::new(),
    };
    let numbers = (first..=last).step_by(step).take(LONGEST_RANGE);
    numbers.map(|number| number.to_string()).collect()
}

#[derive(Default)]
struct Frame {
    variables: FxHashMap<String, String>,
    /// The arguments of a macro: what else is set belongs to its caller.
    macro_arguments: bool,
}

#[derive(Clone)]
struct Place {
    /// The CMakeLists.txt that runs.
    list: FileId,
    /// The file whose commands run, which an `include` may have brought.
    file: FileId,
    folder: String,
}

#[derive(Default)]
struct Made {
    name: String,
    list: FileIdOrNone,
    types: BTreeSet<&'static str>,
    sources: Vec<FileId>,
    headers: Vec<FileId>,
    links: Vec<String>,
    definition: Option<FileId>,
    entry_names: Vec<String>,
    evidence: Vec<String>,
    /// Its link says that all of a library is taken.
    takes_whole: bool,
    elsewhere: bool,
}

type FileIdOrNone = Option<FileId>;

struct Run<'a> {
    tree: &'a Tree<'a>,
    files: FxHashMap<FileId, Rc<Vec<Command>>>,
    functions: FxHashMap<String, Vec<(FileId, Rc<Function>)>>,
    targets: Vec<Made>,
    /// Root file and name to target.
    by_name: FxHashMap<(FileId, String), usize>,
    /// Root file and alias to name.
    aliases: FxHashMap<(FileId, String), String>,
    visited: BTreeSet<FileId>,
    frames: Vec<Frame>,
    place: Place,
    root: FileId,
    /// The root files below which BUILD_SHARED_LIBS is spoken of: a library without a type may be a DLL.
    may_share: BTreeSet<FileId>,
    /// The CMakeLists.txt files that some condition keeps out on Windows.
    skipped: BTreeSet<FileId>,
    /// Sources that were taken out of a list, and those that are named for other systems only.
    left_out: BTreeSet<FileId>,
    named_elsewhere: BTreeSet<FileId>,
    /// What runs is for other systems only.
    elsewhere: bool,
    /// How many conditions that depend on the build are open.
    open: u32,
    depth: u32,
    steps: u32,
}

impl Run<'_> {
    /// Runs the CMakeLists.txt of a folder in a scope of its own.
    fn list_file(&mut self, id: FileId) {
        if !self.visited.insert(id) || self.depth > DEPTH {
            return;
        }
        let Some(commands) = self.files.get(&id).cloned() else {
            return;
        };
        let folder = parent(self.tree.path(id)).to_string();
        let outer = std::mem::replace(
            &mut self.place,
            Place {
                list: id,
                file: id,
                folder: folder.clone(),
            },
        );
        self.frames.push(Frame::default());
        self.set("CMAKE_CURRENT_SOURCE_DIR", format!("/{folder}"));
        self.set("CMAKE_CURRENT_LIST_DIR", format!("/{folder}"));
        self.depth += 1;
        self.run(&commands);
        self.depth -= 1;
        self.frames.pop();
        self.place = outer;
    }

    fn set(&mut self, name: &str, value: String) {
        if let Some(frame) = self.frames.last_mut() {
            frame.variables.insert(name.to_string(), value);
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| frame.variables.get(name))
            .map(String::as_str)
    }

    /// `false` if a `return()` ended the commands.
    fn run(&mut self, commands: &[Command]) -> bool {
        let mut at = 0;
        while at < commands.len() {
            self.steps += 1;
            if self.steps > STEPS {
                return false;
            }
            let command = &commands[at];
            match command.name.as_str() {
                "if" => {
                    let end = block_end(commands, at);
                    if !self.conditional(&commands[at..end]) {
                        return false;
                    }
                    at = end;
                }
                "foreach" => {
                    let end = block_end(commands, at);
                    if !self.each(command, commands.get(at + 1..end).unwrap_or(&[])) {
                        return false;
                    }
                    at = end;
                }
                "while" => {
                    let end = block_end(commands, at);
                    if self.depth < DEPTH {
                        self.depth += 1;
                        self.open += 1;
                        self.run(commands.get(at + 1..end).unwrap_or(&[]));
                        self.open -= 1;
                        self.depth -= 1;
                    }
                    at = end;
                }
                "function" | "macro" => at = block_end(commands, at),
                "return" if self.open == 0 => return false,
                _ => self.command(command),
            }
            at += 1;
        }
        true
    }

    /// Runs the arms of an `if` block that may be entered.
    fn conditional(&mut self, block: &[Command]) -> bool {
        let mut nested = 0;
        let mut arms: Vec<(usize, usize)> = Vec::new();
        for (index, command) in block.iter().enumerate() {
            match command.name.as_str() {
                "if" => {
                    nested += 1;
                    if nested == 1 {
                        arms.push((index, block.len()));
                    }
                }
                "endif" => nested -= 1,
                "elseif" | "else" if nested == 1 => {
                    if let Some(last) = arms.last_mut() {
                        last.1 = index;
                    }
                    arms.push((index, block.len()));
                }
                _ => {}
            }
        }
        if self.depth > DEPTH {
            return true;
        }
        // An arm behind an open one is open too.
        let mut open = false;
        let mut entered = false;
        let mut by_system = false;
        for (start, end) in arms {
            let head = &block[start];
            if entered {
                if by_system {
                    self.skip(&block[start + 1..end]);
                }
                continue;
            }
            let value = if head.name == "else" {
                Some(true)
            } else {
                let words: Vec<Argument> = self.expand(&head.arguments, true);
                by_system |= asks_for_system(&words);
                condition(&words)
            };
            if value == Some(false) {
                if by_system {
                    self.skip(&block[start + 1..end]);
                }
                continue;
            }
            let sure = value == Some(true) && !open;
            open |= value.is_none();
            self.open += u32::from(!sure);
            self.depth += 1;
            let goes_on = self.run(&block[start + 1..end]);
            self.depth -= 1;
            self.open -= u32::from(!sure);
            if !goes_on && sure {
                return false;
            }
            entered = value == Some(true);
        }
        true
    }

    /// Remembers the folders that commands would add which do not run on Windows, and the sources that they name.
    fn skip(&mut self, commands: &[Command]) {
        for command in commands {
            match command.name.as_str() {
                "add_subdirectory" | "subdirs" => {
                    let words = self.words(command.arguments.get(..1).unwrap_or(&[]));
                    let found = words
                        .first()
                        .filter(|word| !word.contains(UNKNOWN))
                        .and_then(|word| self.tree.find(&join(&self.at(word), "CMakeLists.txt")));
                    self.skipped.extend(found);
                }
                "add_executable" | "add_library" | "list" | "set" | "target_sources" => {
                    let words = self.words(&command.arguments);
                    let found = self.sources_among(&words);
                    self.named_elsewhere.extend(found);
                }
                _ => {}
            }
        }
    }

    /// The sources that words name.
    fn sources_among(&self, words: &[String]) -> Vec<FileId> {
        let words = words.iter().map(|word| plain(word));
        words
            .filter(|word| word.contains('.') && !word.contains(UNKNOWN))
            .filter_map(|word| self.locate(word))
            .filter(|&id| self.tree.is_source(id))
            .collect()
    }

    /// `false` if a `return()` ended the commands.
    fn each(&mut self, command: &Command, body: &[Command]) -> bool {
        let words = self.words(&command.arguments);
        let Some((variable, rest)) = words.split_first() else {
            return true;
        };
        if self.depth > DEPTH {
            return true;
        }
        let mut items: Vec<String> = Vec::new();
        match rest.first().map(String::as_str) {
            Some("IN") => {
                let mut lists = false;
                for word in &rest[1..] {
                    match word.as_str() {
                        "LISTS" => lists = true,
                        "ITEMS" => lists = false,
                        name if lists => items
                            .extend(self.get(name).unwrap_or("").split(';').map(str::to_string)),
                        item => items.push(item.to_string()),
                    }
                }
            }
            Some("RANGE") => items.extend(range(&rest[1..])),
            _ => items.extend(rest.iter().cloned()),
        }
        self.depth += 1;
        let goes_on = items
            .into_iter()
            .filter(|item| !item.is_empty())
            .all(|item| {
                self.set(variable, item);
                self.run(body)
            });
        self.depth -= 1;
        goes_on
    }

    /// Replaces variables. With `keep_quoted` a quoted argument is never split.
    fn expand(&self, arguments: &[Argument], keep_quoted: bool) -> Vec<Argument> {
        let mut found = Vec::new();
        for argument in arguments {
            let text = if argument.raw {
                argument.text.clone()
            } else {
                self.substitute(&argument.text)
            };
            if argument.quoted || keep_quoted {
                found.push(Argument {
                    text,
                    ..argument.clone()
                });
                continue;
            }
            found.extend(
                text.split(';')
                    .filter(|part| !part.is_empty())
                    .map(|part| Argument {
                        text: part.to_string(),
                        quoted: false,
                        raw: argument.raw,
                    }),
            );
        }
        found
    }

    /// The arguments as plain words; lists in quotes are split too, since sources are often passed like that.
    fn words(&self, arguments: &[Argument]) -> Vec<String> {
        self.expand(arguments, false)
            .into_iter()
            .flat_map(|argument| {
                argument
                    .text
                    .split(';')
                    .map(str::to_string)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// `${A_${B}}` from the inside out.
    fn substitute(&self, text: &str) -> String {
        let mut text = text.to_string();
        for _ in 0..64 {
            let Some(open) = text.rfind("${") else { break };
            let Some(length) = text[open..].find('}') else {
                break;
            };
            let name = &text[open + 2..open + length];
            // $ENV{X} and $CACHE{X} are left as they are.
            let value = match self.get(name) {
                Some(value) => value.to_string(),
                None if name == "CMAKE_CURRENT_LIST_FILE" => {
                    format!("/{}", self.tree.path(self.place.file))
                }
                None => UNKNOWN.to_string(),
            };
            if text.len() + value.len() > 1 << 20 {
                return UNKNOWN.to_string();
            }
            text.replace_range(open..open + length + 1, &value);
        }
        text
    }

    fn command(&mut self, command: &Command) {
        let mut words = self.words(&command.arguments);
        if command.name.starts_with("target_") || command.name.starts_with("add_") {
            // A name that a condition sets to another value is a list here: its last value is the later one.
            let names = self.words(command.arguments.get(..1).unwrap_or(&[])).len();
            words.drain(..names.saturating_sub(1));
        }
        let first = words.first().map_or("", String::as_str);
        match command.name.as_str() {
            "project" => self.project(first),
            "set" => self.set_command(&words),
            "unset" => self.set_command(&words[..words.len().min(1)]),
            "option" => {
                // Of the options only this one decides what a library is.
                if let [name, .., value] = &words[..]
                    && name == "BUILD_SHARED_LIBS"
                    && self.get(name).is_none()
                {
                    let value = value.clone();
                    self.set(first, value);
                }
            }
            "list" => self.list(&words),
            "file" => self.file(&words),
            "aux_source_directory" => {
                if let [folder, variable, ..] = &words[..] {
                    let found = self.tree.glob(&self.at(folder), "*.c*", false);
                    let value = self.paths(&found);
                    self.append(variable, &value);
                }
            }
            "get_filename_component" => {
                if let [variable, path, mode, ..] = &words[..] {
                    let full = self.at(path);
                    let value = match mode.as_str() {
                        "DIRECTORY" | "PATH" => format!("/{}", parent(&full)),
                        "NAME" => file_name(&full).to_string(),
                        // Without all extensions, or without the last one.
                        "NAME_WE" | "NAME_WLE" => {
                            let name = file_name(&full);
                            let end = match mode.as_str() {
                                "NAME_WE" => name.find('.'),
                                _ => name.rfind('.'),
                            };
                            name[..end.unwrap_or(name.len())].to_string()
                        }
                        _ => format!("/{full}"),
                    };
                    self.set(variable, value);
                }
            }
            "string" if first == "REPLACE" => {
                if let [_, from, to, output, input, ..] = &words[..]
                    && !from.is_empty()
                {
                    self.set(output, input.replace(from.as_str(), to));
                }
            }
            "string" | "math" => {}
            "cmake_parse_arguments" => self.parse_arguments(&words, &command.arguments),
            "include" => self.include(first),
            "add_subdirectory" | "subdirs" => {
                if let Some(id) = self.tree.find(&join(&self.at(first), "CMakeLists.txt")) {
                    // A condition round the call does not make what is inside doubtful.
                    let open = std::mem::take(&mut self.open);
                    self.list_file(id);
                    self.open = open;
                }
            }
            "target_sources" => {
                if let Some(target) = self.target(first) {
                    self.add_sources(target, &words[1..]);
                }
            }
            "target_link_libraries" => {
                if let Some(target) = self.target(first) {
                    let links = words[1..].iter().map(|word| plain(word).to_string());
                    self.targets[target].links.extend(links);
                    self.targets[target].takes_whole |= takes_whole(&words);
                }
            }
            "target_link_options" | "set_target_properties" | "set_property" => {
                let name = if command.name == "set_property" {
                    words.get(1).map_or("", String::as_str)
                } else {
                    first
                };
                let symbols = entry_symbols(&words.join(" "));
                if let Some(target) = self.target(name) {
                    self.targets[target].entry_names.extend(symbols);
                    self.targets[target].takes_whole |= takes_whole(&words);
                }
            }
            "add_library" | "add_executable" => self.add(&command.name, &words),
            "pybind11_add_module"
            | "nanobind_add_module"
            | "python_add_library"
            | "python3_add_library" => {
                let made = self.make(first, "MODULE", &command.name, &words);
                if let Some(target) = made {
                    self.add_sources(target, &words[1..]);
                }
            }
            name => {
                let name = name.to_string();
                self.call(&name, &words);
            }
        }
    }

    fn project(&mut self, name: &str) {
        let folder = format!("/{}", self.place.folder);
        for variable in ["PROJECT_SOURCE_DIR", &format!("{name}_SOURCE_DIR")] {
            // Visible to the whole tree, as CMake's cache makes it.
            if let Some(frame) = self.frames.first_mut()
                && variable != "PROJECT_SOURCE_DIR"
            {
                frame.variables.insert(variable.to_string(), folder.clone());
            }
            self.set(variable, folder.clone());
        }
        self.set("PROJECT_NAME", name.to_string());
        if self.get("CMAKE_PROJECT_NAME").is_none()
            && let Some(frame) = self.frames.first_mut()
        {
            frame
                .variables
                .insert("CMAKE_PROJECT_NAME".into(), name.to_string());
        }
    }

    fn paths(&self, ids: &[FileId]) -> String {
        ids.iter()
            .map(|&id| format!("/{}", self.tree.path(id)))
            .collect::<Vec<_>>()
            .join(";")
    }

    /// A path as the running file means it, from the top of the run.
    fn at(&self, path: &str) -> String {
        join(&self.place.folder, path)
    }

    fn include(&mut self, name: &str) {
        let found = if name.ends_with(".cmake") || name.ends_with(".txt") {
            self.locate(name)
        } else {
            self.tree
                .find_suffix(self.tree.path(self.place.file), &format!("{name}.cmake"))
        };
        let Some(id) = found else { return };
        let Some(commands) = self.files.get(&id).cloned() else {
            return;
        };
        if self.depth > DEPTH || id == self.place.file {
            return;
        }
        let file = std::mem::replace(&mut self.place.file, id);
        let folder = self.get("CMAKE_CURRENT_LIST_DIR").map(str::to_string);
        self.set(
            "CMAKE_CURRENT_LIST_DIR",
            format!("/{}", parent(self.tree.path(id))),
        );
        self.depth += 1;
        self.run(&commands);
        self.depth -= 1;
        self.set("CMAKE_CURRENT_LIST_DIR", folder.unwrap_or_default());
        self.place.file = file;
    }

    /// The file that a word names, where its variables are not all known also by its last parts.
    fn locate(&self, word: &str) -> Option<FileId> {
        let from = self.tree.path(self.place.file);
        if let Some(at) = word.rfind(UNKNOWN) {
            let rest = word[at + 1..].trim_start_matches('/');
            return (!rest.is_empty())
                .then(|| self.tree.find_suffix(from, rest))
                .flatten();
        }
        self.tree
            .find(&self.at(word))
            .or_else(|| self.tree.find(&join(parent(from), word)))
    }

    fn target(&self, name: &str) -> Option<usize> {
        let key = (self.root, name.to_string());
        let name = self.aliases.get(&key).map_or(name, String::as_str);
        self.by_name.get(&(self.root, name.to_string())).copied()
    }

    fn add(&mut self, command: &str, words: &[String]) {
        let [name, rest @ ..] = words else { return };
        if rest.iter().any(|word| word == "IMPORTED") {
            return;
        }
        if let [word, aliased, ..] = rest
            && word == "ALIAS"
        {
            self.aliases
                .insert((self.root, name.clone()), aliased.clone());
            return;
        }
        let types: Vec<&str> = if command == "add_executable" {
            vec!["EXECUTABLE"]
        } else {
            rest.iter().filter_map(|word| library_type(word)).collect()
        };
        let shared = self.get("BUILD_SHARED_LIBS").is_some_and(is_true);
        let default = if shared { "SHARED" } else { "" };
        let mut made = None;
        for kind in types
            .iter()
            .copied()
            .chain(types.is_empty().then_some(default))
        {
            made = self.make(name, kind, command, words);
        }
        if let Some(target) = made {
            self.add_sources(target, rest);
        }
    }

    /// The target of this name, made now if it is new.
    fn make(&mut self, name: &str, kind: &str, command: &str, words: &[String]) -> Option<usize> {
        let mut name = name.replace(UNKNOWN, "");
        if name.is_empty() {
            // `add_library(${NAME} …)` with a name from elsewhere: the folder's will do.
            if words.len() < 2 {
                return None;
            }
            name = named(file_name(&self.place.folder));
        }
        let kind = library_type(kind).unwrap_or(match kind {
            "EXECUTABLE" => "EXECUTABLE",
            _ => "",
        });
        let next = self.targets.len();
        let index = *self
            .by_name
            .entry((self.root, name.clone()))
            .or_insert(next);
        if index == next {
            self.targets.push(Made {
                name: name.clone(),
                list: Some(self.place.list),
                elsewhere: self.elsewhere,
                ..Made::default()
            });
        }
        let target = &mut self.targets[index];
        if target.types.insert(kind) {
            let mut shown = vec![name];
            if !kind.is_empty() && kind != "EXECUTABLE" {
                shown.push(kind.to_string());
            }
            if words.len() > shown.len() {
                shown.push("…".to_string());
            }
            target.evidence.push(format!(
                "{command}({}) in {}",
                shown.join(" "),
                self.tree.path(self.place.file)
            ));
        }
        Some(index)
    }

    fn add_sources(&mut self, target: usize, words: &[String]) {
        for word in words {
            if let Some(object) = word
                .strip_prefix("$<TARGET_OBJECTS:")
                .map(|rest| rest.trim_end_matches('>').to_string())
            {
                self.targets[target].links.push(object);
                self.targets[target].takes_whole = true;
                continue;
            }
            if is_for_other_systems(word) {
                let found = self.sources_among(std::slice::from_ref(word));
                self.named_elsewhere.extend(found);
                continue;
            }
            let word = plain(word);
            if !word.contains('.') {
                continue;
            }
            let Some(id) = self.locate(word) else {
                continue;
            };
            let target = &mut self.targets[target];
            if self.tree.is_source(id) {
                target.sources.push(id);
            } else if self.tree.lang(id).is_some() {
                target.headers.push(id);
            } else if self.tree.path(id).to_lowercase().ends_with(".def") {
                target.definition = Some(id);
            }
        }
    }

    fn finish(mut self) -> Vec<Target> {
        for id in self.targets.iter().flat_map(|target| &target.sources) {
            self.left_out.remove(id);
        }
        let key = |root: FileId, name: &str| format!("cmake:{}:{name}", root.0);
        let mut roots: Vec<FileId> = vec![FileId(0); self.targets.len()];
        for ((root, _), &index) in &self.by_name {
            roots[index] = *root;
        }
        let mut targets = Vec::new();
        for (made, root) in self.targets.into_iter().zip(roots) {
            let Some(list) = made.list else { continue };
            let has = |kind: &str| made.types.contains(kind);
            let mut evidence = made.evidence;
            // One that is a DLL in one build and static in another is judged as the DLL, once.
            let mut kind = if has("SHARED") || has("MODULE") {
                TargetKind::Made(Some(Kind::Dll))
            } else if has("EXECUTABLE") {
                TargetKind::Made(Some(Kind::Exe))
            } else if has("STATIC") || has("OBJECT") || has("INTERFACE") {
                TargetKind::Contained
            } else if self.may_share.contains(&root) {
                TargetKind::Both(Kind::Unknown)
            } else {
                TargetKind::Contained
            };
            if let Some(definition) = made.definition {
                evidence.push(format!(
                    "module definition file {}",
                    self.tree.path(definition)
                ));
                if kind == TargetKind::Both(Kind::Unknown) || made.types.contains("") {
                    kind = TargetKind::Made(Some(Kind::Dll));
                }
            }
            targets.push(Target {
                key: key(root, &made.name),
                links: made
                    .links
                    .iter()
                    .map(|name| {
                        let alias = self.aliases.get(&(root, name.clone()));
                        key(root, alias.unwrap_or(name))
                    })
                    .collect(),
                name: made.name,
                kind,
                evidence,
                sources: made.sources,
                headers: made.headers,
                entry_names: made.entry_names,
                untyped: made.types.contains(""),
                whole: made.types.contains("OBJECT") || made.types.contains("INTERFACE"),
                takes_whole: made.takes_whole,
                elsewhere: made.elsewhere,
                left_out: self.left_out.clone(),
                ..Target::new(list)
            });
        }
        let named = self.named_elsewhere;
        let elsewhere = Target::of_other_systems(self.root, named, &targets);
        targets.extend(elsewhere);
        targets
    }
}

/// `/WHOLEARCHIVE`, `-Wl,--whole-archive`, `$<LINK_LIBRARY:WHOLE_ARCHIVE,…>`, `-force_load`.
fn takes_whole(words: &[String]) -> bool {
    words.iter().any(|word| {
        let word = word.to_ascii_lowercase().replace(['_', '-'], "");
        word.contains("wholearchive") || word.contains("forceload") || word.contains("allload")
    })
}

fn library_type(word: &str) -> Option<&'static str> {
    ["SHARED", "MODULE", "STATIC", "OBJECT", "INTERFACE"]
        .into_iter()
        .find(|kind| *kind == word)
}

fn is_true(value: &str) -> bool {
    value.split(';').any(|part| {
        matches!(
            part.to_ascii_uppercase().as_str(),
            "ON" | "TRUE" | "1" | "YES"
        )
    })
}
