//! Who mentions whom in one module, by names; what the loader runs of it is told in `entries`, and what takes locks in
//! `locks`.

mod entries;
mod locks;

use super::seeds::{Lists, Node, Tree, category};
use crate::index::words::{self, Mention, how, parts};
use crate::module::{Kind, Module};
use crate::source::{FileId, Lang};
pub use entries::is_loaders;
pub use locks::MOST_WORDS;
use std::cell::RefCell;

/// A set of the module's nodes.
pub type NodeSet = Vec<bool>;
/// Sets of a module's words: as names by themselves, and as names of members.
pub struct Words {
    plain: Vec<bool>,
    members: Vec<bool>,
}

impl Words {
    /// Takes in another's words.
    pub fn add(&mut self, other: &Words) {
        let both = [
            (&mut self.plain, &other.plain),
            (&mut self.members, &other.members),
        ];
        for (to, from) in both {
            for (to, &from) in to.iter_mut().zip(from) {
                *to |= from;
            }
        }
    }

    fn has(&self, word: usize, how: u8) -> bool {
        (how & how::MEMBER != 0 && self.members[word])
            || (how & !how::MEMBER & (how::PLAIN | how::GIVEN) != 0 && self.plain[word])
    }
}

/// The functions and declarations of one module, as a part of the tree's. Its nodes are numbered anew.
pub struct Graph<'t> {
    tree: &'t Tree<'t>,
    pub files: Vec<FileId>,
    /// The tree's numbers.
    nodes: Vec<u32>,
    /// By word of the tree: its number among the module's words, which all lists and sets go by; 0 for all others.
    local: Vec<u32>,
    /// The module's words.
    words: Vec<u32>,
    /// By word: the nodes that bear it.
    bearers: Lists,
    /// By word that something bears: the nodes that mention it.
    mentioners: Lists,
    /// By word of a member that is called: the nodes that give it a value.
    givers: Lists,
    /// By word of such a member: the nodes that call it.
    callers_through: Lists,
    /// By node: the words of the types of members that it may end, or end what they own.
    ends: Lists,
    /// Nodes that give values to such members, as far as few others do.
    gives: NodeSet,
    /// Objects with initializer lists for structures, in C: what they name runs when a member is called.
    tables: NodeSet,
    /// By word: an object outside functions bears it.
    objects: Vec<bool>,
    /// Nodes of the module's own files.
    own: NodeSet,
    /// Functions that give members functions.
    hands: NodeSet,
    /// By word: means an exchange, or what passes one on.
    exchanges: Vec<bool>,
    /// Functions and macros with a loop around an exchange, which may take a lock that is made by hand.
    spins: NodeSet,
    /// What takes a lock.
    acquires: u32,
    module: &'t Module,
    may_be_dll: bool,
    /// It has sources in a language with destructors.
    has_classes: bool,
    /// In one that ends its statics.
    has_static_destructors: bool,
}

/// A member that more places give a value is not followed; the engine follows fewer.
const MOST_GIVERS: usize = 12;

/// A body that is longer is looked at near its end only, where what never returns stands. Bytes.
pub const LONG: usize = 1500;

/// How near. Bytes.
pub const TAIL: usize = 400;

/// Whether a mention can mean a function or an object of that name: in C a member cannot.
fn is_name(has_classes: bool, how: u8) -> bool {
    has_classes || how & (how::PLAIN | how::GIVEN) != 0
}

/// Whether a mention can call what a member holds: in a method of C++ nothing stands before its name, and nothing else
/// bears it.
fn calls_member(has_classes: bool, how: u8, is_borne: bool) -> bool {
    how & how::CALLED != 0 && (how & how::MEMBER != 0 || (has_classes && !is_borne))
}

/// Whether all that is done with a function is to give it to a member: it runs where the member is called.
fn is_only_given(has_classes: bool, how: u8) -> bool {
    !has_classes && how & (how::PLAIN | how::GIVEN) == how::GIVEN
}

/// Whether a file is the module's own; what is shared with it is judged elsewhere.
fn is_own_file(module: &Module, file: FileId) -> bool {
    module.sources.binary_search(&file).is_ok() || module.headers.binary_search(&file).is_ok()
}

/// By node: what the types of the members name that a function may end, or may end what they own. Their classes are not
/// named where that is done: `delete m_worker;`, `m_workers.clear();`, `m_worker = nullptr;`.
fn ended_types(tree: &Tree, files: &[FileId], nodes: &[u32]) -> Lists {
    let mut types: Vec<(u32, u32)> = Vec::new();
    for &file in files {
        types.extend(&tree.files[file.0 as usize].member_types);
    }
    types.sort_unstable();
    types.dedup();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    if types.is_empty() {
        return Lists::group(nodes.len(), &pairs);
    }
    for (number, &node) in nodes.iter().enumerate() {
        if !matches!(tree.nodes[node as usize], Node::Function(..)) {
            continue;
        }
        let lets_go = tree.direct(node, true) & category::LETS_GO != 0;
        for (word, how) in parts(tree.mentions(node)) {
            if !tree.state[word as usize] || (!lets_go && how & how::WRITTEN == 0) {
                continue;
            }
            let first = types.partition_point(|&(member, _)| member < word);
            let of_it = types[first..]
                .iter()
                .take_while(|(member, _)| *member == word);
            pairs.extend(of_it.map(|&(_, class)| (number as u32, class)));
        }
    }
    Lists::group(nodes.len(), &pairs)
}

thread_local! {
    /// Numbers by word of the tree, all of them 0: to make and to wipe them for every module would cost more than what
    /// is done with them.
    static NUMBERS: RefCell<Vec<Vec<u32>>> = const { RefCell::new(Vec::new()) };
}

fn numbers(words: usize) -> Vec<u32> {
    let kept = NUMBERS.with_borrow_mut(Vec::pop);
    kept.filter(|numbers| numbers.len() == words)
        .unwrap_or_else(|| vec![0; words])
}

impl Drop for Graph<'_> {
    fn drop(&mut self) {
        let mut numbers = std::mem::take(&mut self.local);
        for &word in self.words.iter().skip(1) {
            numbers[word as usize] = 0;
        }
        NUMBERS.with_borrow_mut(|kept| {
            // One for a module and one for what it imports.
            if kept.len() < 2 {
                kept.push(numbers);
            }
        });
    }
}

impl<'t> Graph<'t> {
    pub fn new(tree: &'t Tree<'t>, module: &'t Module) -> Graph<'t> {
        let files = module.files();
        let has_classes = module
            .sources
            .iter()
            .any(|&file| tree.sources.file(file).lang != Some(Lang::C));
        let has_static_destructors = module
            .sources
            .iter()
            .any(|&file| tree.sources.file(file).lang == Some(Lang::Cpp));
        let mut nodes = Vec::new();
        let mut own = Vec::new();
        for &file in &files {
            let range = tree.first_node[file.0 as usize]..tree.first_node[file.0 as usize + 1];
            // Classes have no destructors in C.
            nodes.extend(range.filter(|&node| has_classes || tree.counts_in_c(node)));
            own.resize(nodes.len(), is_own_file(module, file));
        }
        let mut local = numbers(tree.dictionary.len());
        let mut words: Vec<u32> = vec![u32::MAX];
        for &node in &nodes {
            let mentioned = tree.mentions(node).iter().map(|mention| mention.word());
            let others = tree.names_of.of(node).iter().chain(tree.members_of(node));
            for word in mentioned.chain(others.copied()) {
                let number = &mut local[word as usize];
                if *number == 0 {
                    *number = words.len() as u32;
                    words.push(word);
                }
            }
        }
        let count = words.len();
        let number = |word: u32| local[word as usize];
        let mut objects = vec![false; count];
        for &file in &files {
            for &word in &tree.files[file.0 as usize].objects {
                objects[number(word) as usize] = true;
            }
        }
        objects[0] = false;
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for (number, &node) in nodes.iter().enumerate() {
            let names = tree.names_of.of(node).iter();
            pairs.extend(names.map(|&name| (local[name as usize], number as u32)));
        }
        let bearers = Lists::group(count, &pairs);
        let ends = match has_classes {
            true => ended_types(tree, &files, &nodes),
            false => Lists::group(nodes.len(), &[]),
        };
        pairs.clear();
        // Of members that are called: by whom. A word that is a member somewhere is one everywhere.
        let mut calling: Vec<(u32, u32)> = Vec::new();
        let mut hands = vec![false; nodes.len()];
        for (number, &node) in nodes.iter().enumerate() {
            for (word, how) in parts(tree.mentions(node)) {
                let is_state = tree.state[word as usize];
                let word = local[word as usize];
                let is_borne = !bearers.of(word).is_empty();
                if is_borne && is_name(has_classes, how) {
                    pairs.push((word, number as u32));
                }
                hands[number] |= is_borne && is_only_given(has_classes, how);
                if is_state && calls_member(has_classes, how, is_borne) {
                    calling.push((word, number as u32));
                }
            }
            let ended = ends.of(number as u32).iter();
            let ended = ended.map(|&word| local[word as usize]);
            let ended = ended.filter(|&word| !bearers.of(word).is_empty());
            pairs.extend(ended.map(|word| (word, number as u32)));
        }
        let mentioners = Lists::group(count, &pairs);
        let callers_through = Lists::group(count, &calling);
        // Who gives a value to a member that something calls.
        let mut called = vec![false; count];
        for &(word, _) in &calling {
            called[word as usize] = true;
        }
        pairs.clear();
        for (number, &node) in nodes.iter().enumerate() {
            let given = parts(tree.mentions(node));
            let given = given.filter(|(_, how)| how & how::WRITTEN != 0);
            let members = tree.members_of(node).iter().copied();
            for word in given.map(|(word, _)| word).chain(members) {
                let word = local[word as usize];
                if called[word as usize] {
                    pairs.push((word, number as u32));
                }
            }
        }
        let givers = Lists::group(count, &pairs);
        let mut gives = vec![false; nodes.len()];
        for &(word, node) in &pairs {
            gives[node as usize] |= givers.of(word).len() <= MOST_GIVERS;
        }
        let tables = nodes
            .iter()
            .map(|&node| !has_classes && !tree.members_of(node).is_empty())
            .collect();
        let acquires = category::acquiring(super::makes_mutexes(tree, module));
        let mut graph = Graph {
            tree,
            files,
            nodes,
            local,
            words,
            givers,
            callers_through,
            ends,
            gives,
            tables,
            bearers,
            mentioners,
            objects,
            own,
            hands,
            exchanges: vec![false; count],
            spins: Vec::new(),
            acquires,
            module,
            may_be_dll: module.kind != Kind::Exe,
            has_classes,
            has_static_destructors,
        };
        graph.find_spins();
        graph
    }

    /// Whether it has sources in a language with destructors.
    pub fn has_classes(&self) -> bool {
        self.has_classes
    }

    /// Whether it has sources in a language that ends its statics: Rust does not.
    pub fn has_static_destructors(&self) -> bool {
        self.has_static_destructors
    }

    pub fn nodes(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    /// The nodes of a kind.
    pub fn select(&self, wanted: impl FnMut(usize) -> bool) -> NodeSet {
        self.nodes().map(wanted).collect()
    }

    pub fn none(&self) -> NodeSet {
        vec![false; self.nodes.len()]
    }

    pub fn add(&self, to: &mut NodeSet, from: &NodeSet) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to |= from;
        }
    }

    /// What bears a name.
    pub fn named(&self, word: u32) -> impl Iterator<Item = usize> + '_ {
        let nodes = self.bearers.of(self.local(word));
        nodes.iter().map(|&node| node as usize)
    }

    /// The number of a word of the tree among the module's; 0 where it has no such word.
    fn local(&self, word: u32) -> u32 {
        self.local[word as usize]
    }

    fn no_words(&self) -> Vec<bool> {
        vec![false; self.words.len()]
    }

    fn no_state(&self) -> Words {
        Words {
            plain: self.no_words(),
            members: self.no_words(),
        }
    }

    /// Takes in the member or the static that a mention means. A method names members without `this->`.
    fn take_state(&self, words: &mut Words, mention: Mention) {
        let (word, how) = (mention.word(), mention.how());
        if !self.tree.state[word as usize] {
            return;
        }
        let number = self.local(word) as usize;
        if self.has_classes {
            words.plain[number] = true;
            words.members[number] = true;
            return;
        }
        words.members[number] |= how & how::MEMBER != 0;
        words.plain[number] |= how & (how::PLAIN | how::GIVEN) != 0 && self.objects[number];
    }

    fn mentions(&self, node: usize) -> &'t [Mention] {
        self.tree.mentions(self.nodes[node])
    }

    /// What the names that a node mentions do.
    pub fn direct(&self, node: usize) -> u32 {
        let direct = self.tree.direct(self.nodes[node], self.has_classes);
        if self.spins[node] {
            direct | category::LOADER | category::BLOCKS | category::ACQUIRE
        } else if direct & self.acquires != 0 {
            direct | category::ACQUIRE
        } else {
            direct
        }
    }

    fn node(&self, node: usize) -> Node {
        self.tree.nodes[self.nodes[node] as usize]
    }

    /// Bytes of the body.
    pub fn size(&self, node: usize) -> usize {
        match self.node(node) {
            Node::Function(file, number) => {
                let function = &self.tree.facts[file.0 as usize].functions[number as usize];
                (function.end - function.body) as usize
            }
            Node::Chunk(..) => 0,
        }
    }

    /// What mentions a name of a category, directly or through others.
    pub fn leading_to(&self, mask: u32) -> NodeSet {
        let direct = self.select(|node| self.direct(node) & mask != 0);
        self.callers_of(&direct)
    }

    /// What mentions a name of a category, directly or through others of a set, and is in that set.
    pub fn leading_within(&self, mask: u32, within: &NodeSet) -> NodeSet {
        let mut set = self.select(|node| within[node] && self.direct(node) & mask != 0);
        self.add_callers(&mut set, |node| within[node]);
        set
    }

    /// What may never return: a short function that mentions what ends a thread or the process, or a longer one that
    /// does so near its end, and who calls such a one there.
    pub fn never_returning(&self) -> NodeSet {
        let mentioning = self.leading_to(category::ENDS);
        let mut set = self.none();
        let mut tails: Vec<(usize, Vec<Mention>)> = Vec::new();
        for node in self.nodes().filter(|&node| mentioning[node]) {
            let Node::Function(file, number) = self.node(node) else {
                set[node] = true;
                continue;
            };
            if self.size(node) <= LONG {
                set[node] = true;
                continue;
            }
            let source = self.tree.sources.file(file);
            let function = &self.tree.facts[file.0 as usize].functions[number as usize];
            let mut start = function.end as usize - TAIL;
            while !source.text.is_char_boundary(start) {
                start -= 1;
            }
            let range = start..function.end as usize;
            let mut found = Vec::new();
            if let Some(lang) = source.lang {
                words::mentions(&source.text, range, lang, &self.tree.dictionary, &mut found);
            }
            words::merge(&mut found);
            tails.push((node, found));
        }
        let lang = if self.has_classes { Lang::Cpp } else { Lang::C };
        loop {
            let before = tails.len();
            tails.retain(|(node, words)| {
                let ends = parts(words).any(|(word, _)| {
                    self.tree.category(lang, word) & category::ENDS != 0
                        || self.named(word).any(|other| set[other])
                });
                set[*node] |= ends;
                !ends
            });
            if tails.len() == before {
                return set;
            }
        }
    }

    /// What all nodes' names do.
    pub fn all_direct(&self) -> u32 {
        self.nodes().fold(0, |bits, node| bits | self.direct(node))
    }

    /// A set, and all that leads to it.
    pub fn callers_of(&self, of: &NodeSet) -> NodeSet {
        let mut set = of.clone();
        self.add_callers(&mut set, |_| true);
        set
    }

    /// The words of a node that can mean functions and objects.
    fn names(&self, node: usize) -> impl Iterator<Item = u32> + '_ {
        parts(self.mentions(node))
            .filter(|(_, how)| is_name(self.has_classes, *how))
            .map(|(word, _)| word)
            .chain(self.ends.of(node as u32).iter().copied())
    }

    /// Adds what a set names.
    pub fn add_named(&self, to: &mut NodeSet, of: &NodeSet) {
        for node in self.nodes().filter(|&node| of[node]) {
            for word in self.names(node) {
                for other in self.named(word) {
                    to[other] = true;
                }
            }
        }
    }

    /// Adds what names a node of a set.
    pub fn add_direct_callers(&self, to: &mut NodeSet, of: &NodeSet) {
        for node in self.nodes().filter(|&node| of[node]) {
            for &name in self.tree.names_of.of(self.nodes[node]) {
                for &other in self.mentioners.of(self.local(name)) {
                    to[other as usize] = true;
                }
            }
        }
    }

    fn add_callers(&self, set: &mut NodeSet, wanted: impl Fn(usize) -> bool) {
        let mut work: Vec<usize> = self.nodes().filter(|&node| set[node]).collect();
        if work.is_empty() {
            return;
        }
        let mut seen = self.no_words();
        let mut led_on = self.none();
        while let Some(node) = work.pop() {
            for &name in self.tree.names_of.of(self.nodes[node]) {
                if std::mem::replace(&mut seen[self.local(name) as usize], true) {
                    continue;
                }
                for &other in self.mentioners.of(self.local(name)) {
                    let other = other as usize;
                    if !self.tables[other]
                        && wanted(other)
                        && !self.only_gives(other, name)
                        && !std::mem::replace(&mut set[other], true)
                    {
                        work.push(other);
                    }
                    if !self.gives[other] || led_on[other] || !self.puts(other, name) {
                        continue;
                    }
                    led_on[other] = true;
                    set[other] |= wanted(other);
                    for caller in self.callers_of_members(other) {
                        if wanted(caller) && !std::mem::replace(&mut set[caller], true) {
                            work.push(caller);
                        }
                    }
                }
            }
        }
    }

    /// Whether a node may put a function into a member: it names it and does not call it.
    fn puts(&self, node: usize, word: u32) -> bool {
        let mentions = self.mentions(node);
        mentions
            .binary_search_by_key(&word, |mention| mention.word())
            .is_ok_and(|at| mentions[at].how() & how::CALLED == 0)
    }

    /// Whether a node does no more with a function than to give it to a member.
    fn only_gives(&self, node: usize, word: u32) -> bool {
        let mentions = self.mentions(node);
        self.hands[node]
            && mentions
                .binary_search_by_key(&word, |mention| mention.word())
                .is_ok_and(|at| is_only_given(self.has_classes, mentions[at].how()))
    }

    /// The nodes that call a member that a node gives a value, as far as few others do.
    fn callers_of_members(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let members = self.tree.members_of(self.nodes[node]).iter().copied();
        let written = parts(self.mentions(node));
        let written = written.filter(|(_, how)| how & how::WRITTEN != 0);
        members
            .chain(written.map(|(word, _)| word))
            .map(|word| self.local(word))
            .filter(|&word| self.givers.of(word).len() <= MOST_GIVERS)
            .flat_map(|word| self.callers_through.of(word))
            .map(|&caller| caller as usize)
    }

    /// What runs, or may run, when some nodes run.
    pub fn reached_from(&self, from: &NodeSet) -> NodeSet {
        let mut set = from.clone();
        let mut open = self.none();
        loop {
            self.add_callees_through(&mut set, |_| true, usize::MAX, &open);
            // What is called through a member is what somebody puts there.
            let mut given: Vec<u32> = Vec::new();
            for node in self.nodes().filter(|&node| set[node]) {
                for (word, how) in parts(self.mentions(node)) {
                    let givers = self.givers.of(self.local(word));
                    let is_borne = !self.bearers.of(self.local(word)).is_empty();
                    if calls_member(self.has_classes, how, is_borne) && givers.len() <= MOST_GIVERS
                    {
                        given.extend(givers.iter().filter(|&&node| {
                            let node = node as usize;
                            !set[node] || ((self.tables[node] || self.hands[node]) && !open[node])
                        }));
                    }
                }
            }
            if given.is_empty() {
                return set;
            }
            for node in given {
                set[node as usize] = true;
                open[node as usize] = true;
            }
        }
    }

    /// Adds what a set names, as far as it is wanted, so many steps deep.
    pub fn add_callees(&self, set: &mut NodeSet, wanted: impl Fn(usize) -> bool, depth: usize) {
        self.add_callees_through(set, wanted, depth, &self.none());
    }

    /// The same through tables that are open: somebody calls a member of theirs.
    fn add_callees_through(
        &self,
        set: &mut NodeSet,
        wanted: impl Fn(usize) -> bool,
        depth: usize,
        open: &NodeSet,
    ) {
        let mut border: Vec<usize> = self.nodes().filter(|&node| set[node]).collect();
        let mut seen = self.no_words();
        let mut steps = 0;
        while !border.is_empty() && steps < depth {
            let mut next = Vec::new();
            for node in border {
                if self.tables[node] && !open[node] {
                    continue;
                }
                let named = parts(self.mentions(node)).filter(|(_, how)| {
                    is_name(self.has_classes, *how)
                        && (open[node] || !is_only_given(self.has_classes, *how))
                });
                let ended = self.ends.of(node as u32).iter().copied();
                for word in named.map(|(word, _)| word).chain(ended) {
                    if std::mem::replace(&mut seen[self.local(word) as usize], true) {
                        continue;
                    }
                    for other in self.named(word) {
                        let passes = matches!(self.node(other), Node::Chunk(..)) || wanted(other);
                        if passes && !std::mem::replace(&mut set[other], true) {
                            next.push(other);
                        }
                    }
                }
            }
            border = next;
            steps += 1;
        }
    }

    /// Words that reached functions mention and that nothing in the module bears.
    pub fn unknown_words(&self, reached: &NodeSet) -> Vec<u32> {
        let mut words: Vec<u32> = self
            .nodes()
            .filter(|&node| reached[node])
            .flat_map(|node| parts(self.mentions(node)))
            .filter(|(_, how)| how & how::CALLED != 0)
            .map(|(word, _)| word)
            .collect();
        words.sort_unstable();
        words.dedup();
        words.retain(|&word| {
            !self
                .named(word)
                .any(|node| matches!(self.node(node), Node::Function(..)))
        });
        words
    }

    /// Functions that may free the module itself, and the entry points that get its handle: what frees a module is led to
    /// by something that names what an entry point keeps, or something gives the module its own handle.
    pub fn own_frees(&self) -> NodeSet {
        use category::{FILE_NAME, OWN, REF, UNREF};
        let mut given = self.no_state();
        let mut is_given = false;
        let mut entries = Vec::new();
        for node in self.nodes() {
            let direct = self.direct(node);
            is_given |= direct & OWN != 0 || (direct & FILE_NAME != 0 && direct & REF != 0);
            let Node::Function(file, number) = self.node(node) else {
                continue;
            };
            let function = &self.tree.facts[file.0 as usize].functions[number as usize];
            if self.is_entry_point(file, function) {
                entries.push(node);
                for &mention in self.mentions(node) {
                    // What it hands to others can end up anywhere.
                    if mention.how() & how::WRITTEN != 0 || self.has_classes {
                        self.take_state(&mut given, mention);
                    }
                }
            }
        }
        let mut frees = self.select(|node| self.direct(node) & UNREF != 0);
        // It may be handed on to the function that frees it.
        let leads = self.callers_of(&frees);
        is_given |= self
            .nodes()
            .any(|node| leads[node] && self.mentions_any(node, &given));
        if !is_given {
            return self.none();
        }
        for node in entries {
            frees[node] = true;
        }
        frees
    }

    /// The names of functions that a member of this name may be given, as far as few places give it one.
    fn given_to(&self, word: u32) -> impl Iterator<Item = u32> + '_ {
        let givers = self.givers.of(self.local(word));
        let givers = givers.iter().filter(|_| givers.len() <= MOST_GIVERS);
        givers.flat_map(|&giver| self.names(giver as usize))
    }

    /// The members' and statics' names that a set mentions.
    pub fn state_of(&self, set: &NodeSet) -> Words {
        let mut words = self.no_state();
        for node in self.nodes().filter(|&node| set[node]) {
            for &mention in self.mentions(node) {
                self.take_state(&mut words, mention);
            }
        }
        words
    }

    /// The statics' names that a set mentions, and in a language with destructors those that it declares.
    pub fn statics_of(&self, set: &NodeSet) -> Words {
        let mut words = self.no_state();
        let mut add = |word: u32| {
            let word = self.local(word) as usize;
            if self.objects[word] {
                words.plain[word] = true;
                words.members[word] = self.has_classes;
            }
        };
        for node in self.nodes().filter(|&node| set[node]) {
            parts(self.mentions(node))
                .filter(|(_, how)| is_name(self.has_classes, *how))
                .for_each(|(word, _)| add(word));
            if self.has_static_destructors && matches!(self.node(node), Node::Chunk(..)) {
                let names = self.tree.names_of.of(self.nodes[node]);
                names.iter().for_each(|&name| add(name));
            }
        }
        words
    }

    /// The names of functions that lead to a category, sorted.
    pub fn names_leading_to(&self, mask: u32) -> Vec<u32> {
        let set = self.leading_to(mask);
        let mut names: Vec<u32> = self
            .nodes()
            .filter(|&node| set[node])
            .flat_map(|node| self.tree.names_of.of(self.nodes[node]))
            .copied()
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub fn mentions_any(&self, node: usize, words: &Words) -> bool {
        parts(self.mentions(node)).any(|(word, how)| words.has(self.local(word) as usize, how))
    }

    pub fn writes_any(&self, node: usize, words: &Words) -> bool {
        matches!(self.node(node), Node::Function(..))
            && parts(self.mentions(node)).any(|(word, how)| {
                how & how::WRITTEN != 0 && words.has(self.local(word) as usize, how)
            })
    }

    pub fn functions_in(&self, set: &NodeSet) -> Vec<(FileId, u32)> {
        self.nodes()
            .filter(|&node| set[node])
            .filter_map(|node| match self.node(node) {
                Node::Function(file, number) => Some((file, number)),
                Node::Chunk(..) => None,
            })
            .collect()
    }
}
