//! The names that count, and where every file mentions them.

use super::SMALL;
use super::declarations::{Item, STATIC_WORDS, items, static_declarations};
use crate::api::{Api, Effect, ModuleSource};
use crate::index::Facts;
use crate::index::words::{self, Dictionary, Mention, NameMap, how};
use crate::source::{FileId, Lang, Sources};
use rayon::prelude::*;
use std::ops::Range;

/// What a name of the API table does, as bits.
pub mod category {
    /// Blocks, or has no place under the loader lock.
    pub const LOADER: u32 = 1;
    pub const POOL: u32 = 1 << 1;
    /// Frees a module.
    pub const UNREF: u32 = 1 << 2;
    /// Gives a module's handle.
    pub const REF: u32 = 1 << 3;
    pub const SPAWN: u32 = 1 << 4;
    pub const ATEXIT: u32 = 1 << 5;
    pub const ACQUIRE: u32 = 1 << 6;
    /// Asks for the loader lock.
    pub const ASKS: u32 = 1 << 7;
    /// Gives a lock back.
    pub const RELEASE: u32 = 1 << 14;
    /// Makes, signals or closes a handle.
    pub const HANDLE: u32 = 1 << 8;
    /// A type whose objects' end blocks.
    pub const TYPE: u32 = 1 << 9;
    /// `static` and its kin, inside a function.
    pub const STATIC: u32 = 1 << 10;
    /// Gives the module's own handle, or may do so.
    pub const OWN: u32 = 1 << 12;
    pub const FILE_NAME: u32 = 1 << 13;
    /// An attribute that makes the loader or the CRT call a function.
    pub const ENTRY: u32 = 1 << 15;
    /// Never returns.
    pub const ENDS: u32 = 1 << 11;
    /// Puts a value into a variable in one go. A loop around it may be a lock that is made by hand.
    pub const EXCHANGE: u32 = 1 << 16;
    /// Begins a loop.
    pub const LOOP: u32 = 1 << 17;
    /// Blocks for something that others give back, signal or end.
    pub const BLOCKS: u32 = 1 << 18;
    /// Of a file: it names a section in which the loader or the CRT looks for functions.
    pub const SECTION: u32 = 1 << 19;
    /// Makes a mutex: to wait for one takes a lock.
    pub const MUTEX: u32 = 1 << 20;
    /// May end what a member owns.
    pub const LETS_GO: u32 = 1 << 21;

    /// What takes a lock: where there are mutexes, every wait may.
    pub fn acquiring(has_mutexes: bool) -> u32 {
        if has_mutexes {
            ACQUIRE | BLOCKS
        } else {
            ACQUIRE
        }
    }
}

fn category_of(effect: &Effect) -> u32 {
    use category::*;
    match effect {
        Effect::Wait { .. } | Effect::Terminate { .. } => LOADER | BLOCKS,
        Effect::Forbidden { .. } => LOADER,
        Effect::Acquire { .. } => LOADER | BLOCKS | ACQUIRE,
        Effect::Stores { .. } => EXCHANGE,
        Effect::ExitThread | Effect::ExitProcess => LOADER | ENDS,
        Effect::NoReturn => ENDS,
        Effect::TpDrain { .. } | Effect::TpCloseGroup { .. } => LOADER | BLOCKS | POOL,
        Effect::TpClose { .. }
        | Effect::TpCreate { .. }
        | Effect::TpEnv { .. }
        | Effect::TpArm { .. }
        | Effect::TpDisarm { .. }
        | Effect::TpUse { .. } => POOL,
        Effect::Spawn { joined: true, .. } => SPAWN | LOADER | BLOCKS,
        Effect::Spawn { .. } => SPAWN,
        Effect::ModuleUnref { .. } => UNREF | LOADER,
        Effect::ModuleRef {
            source: ModuleSource::Name | ModuleSource::Load,
            ..
        } => REF,
        Effect::ModuleRef { .. } => REF | OWN,
        Effect::ModuleFileName { .. } => FILE_NAME,
        Effect::AtExit { .. } => ATEXIT,
        Effect::Release { .. } => HANDLE | RELEASE,
        Effect::AsksLoaderLock => ASKS,
        Effect::CreatesMutex { .. } => HANDLE | MUTEX,
        Effect::Signal { .. }
        | Effect::Resets { .. }
        | Effect::Creates { .. }
        | Effect::CreatesLock { .. }
        | Effect::Detach { .. }
        | Effect::Disassociate
        | Effect::SourceOff
        | Effect::FreeModuleOnReturn { .. }
        | Effect::CloseHandle { .. } => HANDLE,
        _ => 0,
    }
}

/// By how many functions and macros an exchange is passed on to the loop around it.
pub const MOST_PASSED_ON: usize = 3;

/// The words that begin loops.
const LOOP_WORDS: [&str; 5] = ["while", "for", "do", "goto", "loop"];

/// The words of the languages by which a function may end what a member owns.
const ENDING_WORDS: [&str; 4] = ["delete", "nullptr", "NULL", "None"];

/// A declaration outside functions, or a macro: what it declares, and what it mentions.
pub struct Chunk {
    pub names: Box<[u32]>,
    /// Of an object with an initializer list: the members that it may give values.
    pub members: Box<[u32]>,
    pub mentions: Box<[Mention]>,
    /// An object with an initializer or of a class type may stand here.
    pub object: bool,
    /// A class or another name of a type.
    pub class: bool,
    /// A function's declaration, or an object that is constructed with arguments.
    pub prototype: bool,
    pub thread_local: bool,
}

/// No word, but one that is always asked for.
pub const ALWAYS: u32 = u32::MAX;

/// The words of one file.
#[derive(Default)]
pub struct FileWords {
    /// What all names that the file mentions do.
    pub categories: u32,
    /// By function.
    pub functions: Vec<Box<[Mention]>>,
    pub chunks: Vec<Chunk>,
    /// Objects with static storage inside functions: the function, and what their declarations mention.
    pub statics: Vec<(u32, Box<[Mention]>)>,
    /// By declaration outside functions, in the order of `declarations::items`, of files in C: the words that ask for it,
    /// and those that it asks for.
    pub asked_by: Rows,
    pub asks_for: Rows,
    outside: Box<[u32]>,
    /// The objects outside functions.
    pub objects: Box<[u32]>,
    /// Members of classes, and what the types that they are declared with name.
    pub member_types: Vec<(u32, u32)>,
}

impl FileWords {
    pub fn mentions_outside(&self, word: u32) -> bool {
        self.outside.binary_search(&word).is_ok()
    }
}

/// The words of all files.
pub struct Tree<'t> {
    pub sources: &'t Sources,
    pub facts: &'t [Facts],
    pub dictionary: Dictionary<'t>,
    /// By language and word.
    categories: [Vec<u32>; 3],
    /// Methods that run while the loader lock is held, of classes that a library has.
    pub class_entries: Vec<&'t str>,
    /// By word: names a member or a static somewhere.
    pub state: Vec<bool>,
    /// By word: names a function, a macro, a class or an object somewhere.
    pub linking: Vec<bool>,
    /// By word: the function's name.
    names: Vec<&'t str>,
    pub files: Vec<FileWords>,
    /// The functions and then the chunks of every file, in the order of the files.
    pub nodes: Vec<Node>,
    /// By file: its first node; one more at the end.
    pub first_node: Vec<u32>,
    /// What the names that a node mentions do: where headers are taken for C, and where they are not.
    direct: [Vec<u32>; 2],
    /// By node.
    pub names_of: Lists,
}

/// A function or a declaration outside functions.
#[derive(Clone, Copy)]
pub enum Node {
    Function(FileId, u32),
    Chunk(FileId, u32),
}

/// Rows of numbers, one behind the other, as they come.
#[derive(Default)]
pub struct Rows {
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Rows {
    fn push(&mut self, row: impl Iterator<Item = u32>) {
        self.items.extend(row);
        self.ends.push(self.items.len() as u32);
    }

    fn shrink_to_fit(&mut self) {
        self.ends.shrink_to_fit();
        self.items.shrink_to_fit();
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn row(&self, number: usize) -> &[u32] {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.items[start as usize..self.ends[number] as usize]
    }
}

/// Lists of numbers, one behind the other.
#[derive(Default)]
pub struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Lists by key, from pairs in the order in which they shall stand.
    pub fn group(keys: usize, pairs: &[(u32, u32)]) -> Lists {
        let mut starts = vec![0; keys + 1];
        for &(key, _) in pairs {
            starts[key as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut items = vec![0; pairs.len()];
        for &(key, item) in pairs {
            items[next[key as usize] as usize] = item;
            next[key as usize] += 1;
        }
        Lists { starts, items }
    }

    pub fn of(&self, key: u32) -> &[u32] {
        let key = key as usize;
        &self.items[self.starts[key] as usize..self.starts[key + 1] as usize]
    }
}

/// Functions that run without being named.
fn runs_unnamed(name: &str) -> bool {
    matches!(
        name,
        "drop"
            | "deref"
            | "deref_mut"
            | "next"
            | "from"
            | "into"
            | "index"
            | "fmt"
            | "poll"
            | "call"
    ) || name.starts_with("operator")
}

impl<'t> Tree<'t> {
    pub fn new(sources: &'t Sources, facts: &'t [Facts], api: &'t Api, is_c: &[bool]) -> Tree<'t> {
        let mut tree = Tree::words(sources, facts, api, is_c);
        tree.link();
        tree
    }

    /// The words alone: no nodes, for who asks what declarations name and bodies mention.
    pub fn words(
        sources: &'t Sources,
        facts: &'t [Facts],
        api: &'t Api,
        is_c: &[bool],
    ) -> Tree<'t> {
        let mut dictionary = Dictionary::default();
        let mut categories: [Vec<u32>; 3] = Default::default();
        let mut add = |dictionary: &mut Dictionary<'t>, lang: Lang, name: &'t str, bits: u32| {
            let number = dictionary.add(name) as usize;
            let categories = &mut categories[lang as usize];
            if categories.len() <= number {
                categories.resize(number + 1, 0);
            }
            categories[number] |= bits;
        };
        for lang in [Lang::C, Lang::Cpp, Lang::Rust] {
            for (name, bits) in api.words(lang, category_of) {
                add(&mut dictionary, lang, name, bits);
            }
        }
        for lang in [Lang::Cpp, Lang::Rust] {
            for name in api.blocking_types() {
                add(&mut dictionary, lang, name, category::TYPE);
            }
            for name in STATIC_WORDS {
                add(&mut dictionary, lang, name, category::STATIC);
            }
        }
        for lang in [Lang::C, Lang::Cpp, Lang::Rust] {
            for name in api.own_modules() {
                add(&mut dictionary, lang, name, category::OWN);
            }
            for name in ["constructor", "destructor"] {
                add(&mut dictionary, lang, name, category::ENTRY);
            }
            for name in LOOP_WORDS {
                add(&mut dictionary, lang, name, category::LOOP);
            }
        }
        for lang in [Lang::Cpp, Lang::Rust] {
            for name in api.letting_go().into_iter().chain(ENDING_WORDS) {
                add(&mut dictionary, lang, name, category::LETS_GO);
            }
        }
        let ids: Vec<FileId> = sources.ids().collect();
        let outside: Vec<Vec<Item>> = ids
            .par_iter()
            .map(|&id| match sources.file(id).lang {
                Some(lang) => items(
                    &sources.file(id).text,
                    lang,
                    &facts[id.0 as usize].functions,
                ),
                None => Vec::new(),
            })
            .collect();
        let mut names: Vec<&'t str> = Vec::new();
        for facts in facts {
            for function in &facts.functions {
                let number = dictionary.add(&function.name) as usize;
                if names.len() <= number {
                    names.resize(number + 1, "");
                }
                names[number] = &function.name;
            }
        }
        let mut state = Vec::new();
        let mut linking: Vec<bool> = names.iter().map(|name| !name.is_empty()).collect();
        // A class inside another one is no declaration by itself: what ends its objects tells of it.
        for function in facts.iter().flat_map(|facts| &facts.functions) {
            if let Some(class) = function.name.strip_prefix('~') {
                let number = dictionary.add(class) as usize;
                if linking.len() <= number {
                    linking.resize(number + 1, false);
                }
                linking[number] = true;
            }
        }
        for (&id, items) in ids.iter().zip(&outside) {
            let text = &sources.file(id).text;
            for item in items {
                for declared in &item.declares {
                    let number = dictionary.add(&text[declared.clone()]) as usize;
                    if state.len() <= number {
                        state.resize(number + 1, false);
                    }
                    state[number] |= item.is_state;
                }
                for name in item.names.iter().chain(&item.tables) {
                    let number = dictionary.add(&text[name.clone()]) as usize;
                    if linking.len() <= number {
                        linking.resize(number + 1, false);
                    }
                    linking[number] = true;
                }
            }
        }
        let mut class_members: NameMap<u32, Vec<u32>> = NameMap::default();
        for (&id, items) in ids.iter().zip(&outside) {
            let text = &sources.file(id).text;
            for item in items.iter().filter(|item| item.is_class || item.is_alias) {
                let number = |range: &Range<usize>| dictionary.get(&text[range.clone()]);
                let members: Vec<u32> = item.declares.iter().filter_map(number).collect();
                for name in item.names.iter().filter_map(number) {
                    class_members.entry(name).or_default().extend(&members);
                }
            }
        }
        // Many files can declare the same.
        for members in class_members.values_mut() {
            members.sort_unstable();
            members.dedup();
        }
        // `typedef struct Handlers Handlers_t;`: by alias, the class.
        let mut classes: Vec<(u32, u32)> = Vec::new();
        for (&id, items) in ids.iter().zip(&outside) {
            let source = sources.file(id);
            let Some(lang) = source.lang else {
                continue;
            };
            let is_bare = |item: &&Item| {
                let mut declares = item.declares.iter();
                item.is_alias && declares.all(|declared| item.names.contains(declared))
            };
            for item in items.iter().filter(is_bare) {
                let mut is_next = false;
                let mut class = None;
                for range in &item.ranges {
                    words::each(&source.text, range.clone(), lang, |word, _| {
                        let word = &source.text[word];
                        if std::mem::replace(&mut is_next, matches!(word, "struct" | "union")) {
                            class = class.or(dictionary.get(word));
                        }
                    });
                }
                let names = item.names.iter();
                let names = names.filter_map(|name| dictionary.get(&source.text[name.clone()]));
                classes.extend(names.filter_map(|name| Some((name, class?))));
            }
        }
        classes.sort_unstable();
        classes.dedup();
        for (alias, class) in classes {
            if alias != class
                && let Some(members) = class_members.get(&class).cloned()
            {
                let all = class_members.entry(alias).or_default();
                all.extend(members);
                all.sort_unstable();
                all.dedup();
            }
        }
        let words = dictionary.len();
        for categories in &mut categories {
            categories.resize(words, 0);
        }
        state.resize(words, false);
        names.resize(words, "");
        linking.resize(words, false);
        let mut tree = Tree {
            sources,
            facts,
            dictionary,
            class_entries: api
                .entries()
                .iter()
                .filter(|row| row.class_base.is_some())
                .map(|row| row.name.as_str())
                .collect(),
            categories,
            state,
            linking,
            names,
            files: Vec::new(),
            nodes: Vec::new(),
            first_node: Vec::new(),
            direct: Default::default(),
            names_of: Lists::default(),
        };
        tree.files = ids
            .par_iter()
            .zip(outside)
            .map(|(&id, items)| tree.words_of(id, items, &class_members, is_c[id.0 as usize]))
            .collect();
        tree
    }

    /// Numbers the nodes and lists their names.
    fn link(&mut self) {
        // By node and name.
        let mut names: Vec<(u32, u32)> = Vec::new();
        for id in self.sources.ids() {
            self.first_node.push(self.nodes.len() as u32);
            let lang = self.sources.file(id).lang;
            for (number, function) in self.facts[id.0 as usize].functions.iter().enumerate() {
                let node = self.nodes.len() as u32;
                self.nodes.push(Node::Function(id, number as u32));
                let mut add = |name: &str| {
                    names.extend(self.dictionary.get(name).map(|word| (node, word)));
                };
                add(&function.name);
                if let Some(class) = function.name.strip_prefix('~') {
                    add(class);
                } else if lang.is_some_and(|lang| lang != Lang::C) && runs_unnamed(&function.name) {
                    add(function.scope.rsplit("::").next().unwrap_or(""));
                }
            }
            for (number, chunk) in self.files[id.0 as usize].chunks.iter().enumerate() {
                let node = self.nodes.len() as u32;
                self.nodes.push(Node::Chunk(id, number as u32));
                names.extend(chunk.names.iter().map(|&name| (node, name)));
            }
        }
        self.first_node.push(self.nodes.len() as u32);
        self.names_of = Lists::group(self.nodes.len(), &names);
        let direct = |node: u32, as_c: bool| {
            let (Node::Function(file, _) | Node::Chunk(file, _)) = self.nodes[node as usize];
            let lang = match self.sources.file(file).lang {
                Some(Lang::Cpp) if as_c => Lang::C,
                lang => lang.unwrap_or(Lang::C),
            };
            self.mentions(node).iter().fold(0, |bits, mention| {
                bits | self.category(lang, mention.word())
            })
        };
        let nodes = 0..self.nodes.len() as u32;
        let as_c = nodes.clone().map(|node| direct(node, true)).collect();
        self.direct = [as_c, nodes.map(|node| direct(node, false)).collect()];
    }

    /// By word: whether it may be the name of what takes a lock itself: an exchange does so in a loop, and others can pass it
    /// on.
    pub fn takers(&self) -> Vec<bool> {
        use category::{EXCHANGE, LOOP, MUTEX};
        let has_mutexes = self.files.iter().any(|file| file.categories & MUTEX != 0);
        let acquires = category::acquiring(has_mutexes);
        let named = |bits: u32| -> Vec<bool> {
            let words = 0..self.dictionary.len();
            words
                .map(|word| self.categories.iter().any(|of| of[word] & bits != 0))
                .collect()
        };
        let (mut takers, mut exchanges) = (named(acquires | EXCHANGE), named(EXCHANGE));
        for _ in 0..MOST_PASSED_ON {
            let mut passing: Vec<(u32, bool)> = Vec::new();
            for node in 0..self.nodes.len() as u32 {
                let names = self.names_of.of(node);
                if names.is_empty() {
                    continue;
                }
                let direct = |bits: u32| self.direct.iter().any(|of| of[node as usize] & bits != 0);
                let mentions_one = |of: &[bool]| {
                    let mut mentions = self.mentions(node).iter();
                    mentions.any(|mention| of[mention.word() as usize])
                };
                let exchanges_itself = mentions_one(&exchanges);
                let may_pass = match self.nodes[node as usize] {
                    Node::Function(file, number) => {
                        let function = &self.facts[file.0 as usize].functions[number as usize];
                        direct(EXCHANGE) || function.end - function.body < SMALL as u32
                    }
                    Node::Chunk(..) => self.is_macro(node),
                };
                let passes_on = exchanges_itself && may_pass;
                if passes_on
                    || direct(acquires)
                    || (exchanges_itself && direct(LOOP))
                    || (self.is_macro(node) && mentions_one(&takers))
                {
                    passing.extend(names.iter().map(|&name| (name, passes_on)));
                }
            }
            for (name, passes_on) in passing {
                takers[name as usize] = true;
                exchanges[name as usize] |= passes_on;
            }
        }
        takers
    }

    /// Whether a node is a macro, as far as its form tells.
    pub fn is_macro(&self, node: u32) -> bool {
        match self.nodes[node as usize] {
            Node::Function(..) => false,
            Node::Chunk(file, number) => {
                let chunk = &self.files[file.0 as usize].chunks[number as usize];
                !chunk.object && !chunk.class && !chunk.prototype
            }
        }
    }

    /// What a name does in a language.
    pub fn category(&self, lang: Lang, word: u32) -> u32 {
        self.categories[lang as usize][word as usize]
    }

    /// Whether a node says something in C, too: a function, a macro, an object.
    pub fn counts_in_c(&self, node: u32) -> bool {
        match self.nodes[node as usize] {
            Node::Function(..) => true,
            Node::Chunk(file, number) => {
                let chunk = &self.files[file.0 as usize].chunks[number as usize];
                !chunk.class && !chunk.prototype
            }
        }
    }

    /// The members that a node may give values in an initializer list.
    pub fn members_of(&self, node: u32) -> &[u32] {
        match self.nodes[node as usize] {
            Node::Function(..) => &[],
            Node::Chunk(file, number) => {
                &self.files[file.0 as usize].chunks[number as usize].members
            }
        }
    }

    /// What the names that a node mentions do, in a module that has classes or not.
    pub fn direct(&self, node: u32, has_classes: bool) -> u32 {
        self.direct[usize::from(has_classes)][node as usize]
    }

    /// What a node mentions.
    pub fn mentions(&self, node: u32) -> &[Mention] {
        match self.nodes[node as usize] {
            Node::Function(file, number) => &self.files[file.0 as usize].functions[number as usize],
            Node::Chunk(file, number) => {
                &self.files[file.0 as usize].chunks[number as usize].mentions
            }
        }
    }

    /// The name behind a word that is a function's.
    pub fn function_name(&self, word: u32) -> Option<&'t str> {
        let name = self.names[word as usize];
        (!name.is_empty()).then_some(name)
    }

    fn words_of(
        &self,
        id: FileId,
        items: Vec<Item>,
        class_members: &NameMap<u32, Vec<u32>>,
        is_c: bool,
    ) -> FileWords {
        let file = self.sources.file(id);
        let Some(lang) = file.lang else {
            // Of a file that is not looked at the names are known, and nothing else.
            return FileWords {
                functions: vec![Box::default(); self.facts[id.0 as usize].functions.len()],
                ..FileWords::default()
            };
        };
        let text: &str = &file.text;
        let mut words = FileWords::default();
        let mut found: Vec<Mention> = Vec::new();
        for (number, function) in self.facts[id.0 as usize].functions.iter().enumerate() {
            let range = function.start as usize..function.end as usize;
            found.clear();
            words::mentions(text, range.clone(), lang, &self.dictionary, &mut found);
            words::merge(&mut found);
            for mention in &found {
                words.categories |= self.category(lang, mention.word());
            }
            words.functions.push(found.as_slice().into());
            let has_static = lang != Lang::C
                && found
                    .iter()
                    .any(|mention| self.category(lang, mention.word()) & category::STATIC != 0);
            if has_static {
                let body = function.body as usize..function.end as usize;
                for range in static_declarations(text, body, lang) {
                    found.clear();
                    words::mentions(text, range, lang, &self.dictionary, &mut found);
                    words::merge(&mut found);
                    words.statics.push((number as u32, found.as_slice().into()));
                }
            }
        }
        let mut outside: Vec<u32> = Vec::new();
        let mut objects: Vec<u32> = Vec::new();
        let mut members: Vec<u32> = Vec::new();
        let has_sections = text.contains(".CRT$X");
        if has_sections {
            words.categories |= category::SECTION;
        }
        for item in items {
            if item.object && !item.is_prototype {
                let names = item.names.iter().chain(&item.tables);
                objects.extend(names.filter_map(|name| self.dictionary.get(&text[name.clone()])));
            }
            found.clear();
            for range in &item.ranges {
                words::mentions(text, range.clone(), lang, &self.dictionary, &mut found);
            }
            // A class names its methods; that is no call of them.
            let uncalled: Vec<Mention> = match item.is_class {
                true => {
                    let uncalled = found
                        .iter()
                        .filter(|mention| mention.how() & how::CALLED == 0);
                    uncalled.copied().collect()
                }
                false => Vec::new(),
            };
            words::merge(&mut found);
            for mention in &found {
                // Every header of Windows declares what makes a mutex.
                words.categories |= self.category(lang, mention.word()) & !category::MUTEX;
            }
            if is_c {
                let entries = &self.facts[id.0 as usize].entries;
                let is_entry = entries.iter().any(|entry| {
                    let mut ranges = item.ranges.iter();
                    ranges.any(|range| range.contains(&(entry.start as usize)))
                });
                // `#pragma const_seg(".CRT$XLB")` says of what stands behind it where that is put.
                let is_entry = is_entry || (item.object && has_sections);
                let asked_by = item.asked_by.iter();
                let asked_by = asked_by.filter_map(|word| self.dictionary.get(&text[word.clone()]));
                if item.is_obscure || is_entry {
                    words.asked_by.push(std::iter::once(ALWAYS));
                } else {
                    // What is in a table runs without anybody naming the table.
                    let is_function = |word: &u32| !self.names[*word as usize].is_empty();
                    let held = found
                        .iter()
                        .map(|mention| mention.word())
                        .filter(is_function);
                    let has_table = !item.tables.is_empty();
                    words
                        .asked_by
                        .push(asked_by.chain(held.filter(|_| has_table)));
                }
                words
                    .asks_for
                    .push(found.iter().map(|mention| mention.word()));
            }
            if item.is_class {
                // What its members begin with runs in its constructors.
                found = uncalled;
                for range in &item.initializers {
                    words::mentions(text, range.clone(), lang, &self.dictionary, &mut found);
                }
                words::merge(&mut found);
            }
            if item.is_class && lang != Lang::C {
                self.add_member_types(text, lang, &item, &mut words.member_types);
            }
            outside.extend(
                found
                    .iter()
                    .map(|mention| mention.word())
                    .filter(|&word| !self.names[word as usize].is_empty()),
            );
            let mut names: Vec<u32> = item
                .names
                .iter()
                .filter_map(|range| self.dictionary.get(&text[range.clone()]))
                .collect();
            names.sort_unstable();
            names.dedup();
            // What has nothing to do with what runs is of no account.
            found.retain(|mention| {
                let word = mention.word();
                (self.linking[word as usize]
                    || self.category(Lang::Cpp, word) | self.category(lang, word) != 0)
                    && !names.contains(&word)
            });
            let is_made_with_class = item.object && item.is_class;
            if found.is_empty() && !is_made_with_class {
                continue;
            }
            let number = |range: &Range<usize>| self.dictionary.get(&text[range.clone()]);
            members.clear();
            members.extend(item.designators.iter().filter_map(number));
            if members.is_empty() {
                let classes = item.head.iter().filter_map(number);
                members.extend(
                    classes
                        .filter_map(|class| class_members.get(&class))
                        .flatten(),
                );
            }
            members.sort_unstable();
            members.dedup();
            words.chunks.push(Chunk {
                names: names.into(),
                members: members.as_slice().into(),
                mentions: found.as_slice().into(),
                object: item.object,
                class: item.is_class || item.is_alias,
                prototype: item.is_prototype,
                thread_local: item.thread_local,
            });
        }
        outside.sort_unstable();
        outside.dedup();
        objects.sort_unstable();
        objects.dedup();
        words.objects = objects.into();
        words.outside = outside.into();
        words.functions.shrink_to_fit();
        words.chunks.shrink_to_fit();
        words.statics.shrink_to_fit();
        words.member_types.shrink_to_fit();
        words.asked_by.shrink_to_fit();
        words.asks_for.shrink_to_fit();
        words
    }

    /// Adds the members that a class declares, each with the words of its type that mean something in the tree.
    fn add_member_types(&self, text: &str, lang: Lang, item: &Item, to: &mut Vec<(u32, u32)>) {
        let bytes = text.as_bytes();
        for declared in &item.declares {
            let Some(member) = self.dictionary.get(&text[declared.clone()]) else {
                continue;
            };
            let range = match lang {
                // `name: Type,`
                Lang::Rust => {
                    let rest = &bytes[declared.end..];
                    let end = rest.iter().position(|&byte| byte == b'\n');
                    declared.end..declared.end + end.unwrap_or(rest.len())
                }
                _ => {
                    let before = &bytes[..declared.start];
                    let start = before
                        .iter()
                        .rposition(|byte| matches!(byte, b';' | b'{' | b'}'));
                    start.map_or(0, |start| start + 1)..declared.start
                }
            };
            words::each(text, range, lang, |word, _| {
                let word = self.dictionary.get(&text[word]);
                to.extend(
                    word.filter(|&word| word != member && self.linking[word as usize])
                        .map(|word| (member, word)),
                );
            });
        }
    }
}
