//! Commands that CMake itself does not have: functions of the tree, and those whose definition is elsewhere.

use super::{DEPTH, Frame, Run, library_type, plain};
use crate::module::tree::nearness;

impl Run<'_> {
    /// Calls a function of the tree, or guesses what a foreign command makes.
    pub(super) fn call(&mut self, name: &str, words: &[String]) {
        let here = self.tree.path(self.place.file);
        let function = self.functions.get(name).and_then(|candidates| {
            candidates
                .iter()
                .max_by_key(|(id, _)| nearness(here, self.tree.path(*id)))
                .map(|(_, function)| function.clone())
        });
        let before = self.targets.len();
        let known = function.is_some();
        if let Some(function) = function
            && self.depth <= DEPTH
        {
            let mut frame = Frame {
                macro_arguments: function.is_macro,
                ..Frame::default()
            };
            for (index, word) in words.iter().enumerate() {
                let variable = function
                    .parameters
                    .get(index)
                    .cloned()
                    .unwrap_or_else(|| format!("ARGV{index}"));
                frame.variables.insert(variable, word.clone());
                frame.variables.insert(format!("ARGV{index}"), word.clone());
            }
            let rest = words.get(function.parameters.len()..).unwrap_or(&[]);
            frame.variables.insert("ARGN".into(), rest.join(";"));
            frame.variables.insert("ARGV".into(), words.join(";"));
            frame
                .variables
                .insert("ARGC".into(), words.len().to_string());
            self.frames.push(frame);
            self.depth += 1;
            let open = self.open;
            self.open = if function.is_macro { open } else { 0 };
            self.run(&function.body);
            self.open = open;
            self.depth -= 1;
            if let Some(frame) = self.frames.pop()
                && frame.macro_arguments
            {
                // A macro sets variables of its caller.
                for (name, value) in frame.variables {
                    if !is_argument(&name) && !function.parameters.contains(&name) {
                        self.set(&name, value);
                    }
                }
            }
        }
        let library = [
            "add_library",
            "add_plugin",
            "add_module",
            "_library",
            "_plugin",
        ]
        .iter()
        .any(|part| name.contains(part));
        let program = ["add_executable", "add_exe", "_executable", "add_test_exe"]
            .iter()
            .any(|part| name.contains(part));
        if known && self.targets.len() > before || !(library || program) || words.len() < 2 {
            return;
        }
        let named = words
            .iter()
            .position(|word| matches!(word.as_str(), "NAME" | "TARGET" | "TARGET_NAME"))
            .and_then(|at| words.get(at + 1));
        let Some(target_name) = named.or(words.first()) else {
            return;
        };
        // Only if it is given sources; else it may set a property of a library.
        let has_sources = words.iter().any(|word| {
            self.locate(plain(word))
                .is_some_and(|id| self.tree.is_source(id))
        });
        if !has_sources {
            return;
        }
        let kind = match words.iter().find_map(|word| library_type(word)) {
            Some(kind) => kind,
            None if program => "EXECUTABLE",
            None if name.contains("plugin") || name.contains("module") => "MODULE",
            None => "",
        };
        let target_name = target_name.clone();
        if let Some(target) = self.make(&target_name, kind, name, words) {
            self.add_sources(target, words);
        }
    }
}

/// What stands for the arguments in a macro and is no variable: `ARGN`, `ARGV`, `ARGC`, `ARGV2`.
fn is_argument(name: &str) -> bool {
    let number = name.strip_prefix("ARGV").unwrap_or("-");
    matches!(name, "ARGN" | "ARGC") || number.bytes().all(|byte| byte.is_ascii_digit())
}
