//! What the loader runs of a module, told by names: entry points, exit functions, and the constructors and destructors of
//! objects with static storage.

use super::super::SMALL;
use super::super::seeds::{MOST_PASSED_ON, Node, category};
use super::{Graph, NodeSet, is_own_file};
use crate::index::words::{self, Mention};
use crate::index::{EntryFact, FunctionFact};
use crate::module::EXE_ENTRIES;
use crate::source::{FileId, Lang};

/// Whether the loader calls it, and not the start of a program.
pub fn is_loaders(entry: &EntryFact) -> bool {
    !EXE_ENTRIES.contains(&entry.name.as_str())
}

impl Graph<'_> {
    /// Whether the loader calls a function by its name, or by what stands in it.
    pub(super) fn is_entry_point(&self, file: FileId, function: &FunctionFact) -> bool {
        let range = function.start..function.end.max(function.start + 1);
        let entries = &self.tree.facts[file.0 as usize].entries;
        self.module.entry_names.contains(&function.name)
            || entries
                .iter()
                .any(|entry| range.contains(&entry.start) && is_loaders(entry))
    }

    /// Whether an attribute stands before the body; elsewhere its name is a common word.
    fn has_attribute(&self, file: FileId, function: &FunctionFact) -> bool {
        let text = &self.tree.sources.file(file).text;
        let head = text.get(function.start as usize..function.body as usize);
        head.is_some_and(|head| head.contains("structor"))
    }

    /// What the loader runs: entry points, and the constructors and destructors of objects with static storage.
    pub fn loader_entries(&self) -> NodeSet {
        let tree = self.tree;
        let mut set = self.none();
        for node in self.nodes() {
            if !self.own[node] {
                // What it registers, or has in a table, can be the module's own.
                set[node] = match self.node(node) {
                    Node::Function(..) => self.direct(node) & category::ATEXIT != 0,
                    Node::Chunk(file, number) => {
                        let words = &tree.files[file.0 as usize];
                        words.chunks[number as usize].object
                            && words.categories & category::SECTION != 0
                    }
                };
                continue;
            }
            set[node] = match self.node(node) {
                Node::Function(file, number) => {
                    let function = &tree.facts[file.0 as usize].functions[number as usize];
                    self.is_entry_point(file, function)
                        || self.direct(node) & category::ATEXIT != 0
                        || (self.direct(node) & category::ENTRY != 0
                            && self.has_attribute(file, function))
                        || tree.class_entries.contains(&function.name.as_str())
                }
                Node::Chunk(file, number) => {
                    let chunk = &tree.files[file.0 as usize].chunks[number as usize];
                    let entries = &tree.facts[file.0 as usize].entries;
                    let has_sections =
                        tree.files[file.0 as usize].categories & category::SECTION != 0;
                    chunk.object
                        && match tree.sources.file(file).lang {
                            Some(Lang::Cpp) if self.has_classes => {
                                self.may_be_dll || chunk.thread_local
                            }
                            Some(Lang::Rust) => {
                                chunk.thread_local || has_sections || entries.iter().any(is_loaders)
                            }
                            _ => has_sections,
                        }
                }
            };
        }
        // What short functions and macros register is named by those who call them.
        let mut passing = self
            .select(|node| self.direct(node) & category::ATEXIT != 0 && self.size(node) < SMALL);
        for _ in 0..MOST_PASSED_ON {
            let mut callers = self.none();
            self.add_direct_callers(&mut callers, &passing);
            for node in self.nodes().filter(|&node| callers[node]) {
                set[node] |= matches!(self.node(node), Node::Function(..));
            }
            passing = self.select(|node| callers[node] && self.size(node) < SMALL);
        }
        let mut add = |word: u32| {
            for node in self.named(word) {
                set[node] = true;
            }
        };
        // An object that is declared with its class does not name what makes and ends it.
        let made: Vec<u32> = self
            .nodes()
            .filter(|&node| match self.node(node) {
                Node::Chunk(file, number) => {
                    let chunk = &tree.files[file.0 as usize].chunks[number as usize];
                    chunk.object && chunk.class && self.has_classes && self.own[node]
                }
                Node::Function(..) => false,
            })
            .flat_map(|node| tree.names_of.of(self.nodes[node]).iter().copied())
            .collect();
        made.into_iter().for_each(&mut add);
        for &file in &self.files {
            // Objects inside functions.
            if self.has_classes && is_own_file(self.module, file) {
                for (_, mentions) in &tree.files[file.0 as usize].statics {
                    mentions.iter().for_each(|mention| add(mention.word()));
                }
            }
            // Macros make entries where they are used.
            let facts = &tree.facts[file.0 as usize];
            for (name, _) in &facts.entry_macros {
                tree.dictionary.get(name).into_iter().for_each(&mut add);
            }
            let source = tree.sources.file(file);
            for entry in &facts.entries {
                let range = entry.start as usize..entry.end as usize;
                let functions = &facts.functions;
                let is_function = functions
                    .binary_search_by_key(&entry.start, |function| function.start)
                    .is_ok();
                if !is_loaders(entry) || range.len() > 4096 || is_function {
                    continue;
                }
                if let Some(lang) = source.lang {
                    let mut found = Vec::new();
                    words::mentions(&source.text, range, lang, &tree.dictionary, &mut found);
                    found.iter().for_each(|mention| add(mention.word()));
                }
            }
        }
        set
    }

    /// Whether a thread, the pool or the end of the process may run something of the module's own files: it leads to what
    /// starts them, or is named there, through whatever tables and constants.
    pub fn may_run_on_threads(&self) -> bool {
        use category::{ATEXIT, ENTRY, POOL, SPAWN};
        let mut named = self.leading_to(SPAWN | POOL | ATEXIT | ENTRY);
        let mut open = named.clone();
        let mut seen = self.none();
        while open.contains(&true) {
            self.add_named(&mut named, &open);
            self.add(&mut seen, &open);
            open = self.select(|node| {
                named[node] && !seen[node] && matches!(self.node(node), Node::Chunk(..))
            });
        }
        self.nodes().any(|node| self.own[node] && named[node])
    }

    /// Whether an object whose type blocks at its end stands outside functions or is static inside one.
    pub fn has_blocking_objects(&self) -> bool {
        self.has_classes
            && self.files.iter().any(|&file| {
                let words = &self.tree.files[file.0 as usize];
                let chunks = words.chunks.iter().map(|chunk| &chunk.mentions);
                let statics = words.statics.iter().map(|(_, mentions)| mentions);
                let statics = statics.filter(|_| is_own_file(self.module, file));
                chunks.chain(statics).any(|mentions| self.blocks(mentions))
            })
    }

    fn blocks(&self, mentions: &[Mention]) -> bool {
        words::parts(mentions)
            .any(|(word, _)| self.tree.category(Lang::Cpp, word) & category::TYPE != 0)
    }

    /// Functions with an object of static storage whose end may block.
    pub fn static_holders(&self, blocking: &NodeSet) -> NodeSet {
        let mut set = self.none();
        for node in self.nodes() {
            let Node::Function(file, number) = self.node(node) else {
                continue;
            };
            if !self.has_classes {
                break;
            }
            if !self.own[node] {
                continue;
            }
            let statics = &self.tree.files[file.0 as usize].statics;
            let first = statics.partition_point(|(function, _)| *function < number);
            set[node] = statics[first..]
                .iter()
                .take_while(|(function, _)| *function == number)
                .any(|(_, mentions)| {
                    self.blocks(mentions)
                        || words::parts(mentions)
                            .any(|(word, _)| self.named(word).any(|other| blocking[other]))
                });
        }
        set
    }

    /// The functions that bear the name of a class whose declaration is in a set: what its members and bases run runs in
    /// its constructors.
    pub fn constructors_of(&self, set: &NodeSet) -> NodeSet {
        let mut found = self.none();
        if !self.has_classes {
            return found;
        }
        let is_chunk = |node: usize| matches!(self.node(node), Node::Chunk(..));
        // Many classes may bear one name, and so may many functions.
        let mut seen = self.no_words();
        for node in self.nodes().filter(|&node| set[node] && is_chunk(node)) {
            for &name in self.tree.names_of.of(self.nodes[node]) {
                if std::mem::replace(&mut seen[self.local(name) as usize], true) {
                    continue;
                }
                for other in self.named(name) {
                    found[other] |= !is_chunk(other);
                }
            }
        }
        found
    }
}
