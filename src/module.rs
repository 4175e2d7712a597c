//! Which sources make up which module (DLL or EXE), and how that is known.
//!
//! In come the sources with their build files and the facts of each file, out come the modules in a fixed order.
//! Build files are read for what they say about membership and kind only: conditions that depend on the build count
//! as true both ways, so a module holds what any configuration compiles. Nothing is opened and nothing is run.

pub mod built;
pub mod cargo;
mod cmake;
mod gather;
mod headers;
pub mod imports;
pub mod macros;
mod msbuild;
mod small;
#[cfg(test)]
pub(crate) mod tests;
mod tree;

use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

use crate::index::Facts;
use crate::source::{FileId, Lang, Sources};

pub use headers::Includes;
use tree::{Tree, file_name, is_below, nearness, parent};

/// What a module is linked as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Dll,
    Exe,
    Unknown,
}

/// A DLL or EXE, or a set of files that may become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Target name, crate name or folder; unique in one run.
    pub name: String,
    pub kind: Kind,
    /// Why it is of this kind, for people.
    pub evidence: Vec<String>,
    /// What is compiled into it, static libraries and path crates included; sorted.
    pub sources: Vec<FileId>,
    /// Those of the sources that only a static library brings in, of which a linker takes what something else needs;
    /// sorted.
    pub from_libraries: Vec<FileId>,
    /// Words of its module definition files: what they export is needed.
    pub exports: Vec<String>,
    /// Headers that the sources include, directly or indirectly; sorted.
    pub headers: Vec<FileId>,
    /// Further files that its names may resolve into, nearest common ancestor first. Each is in the `sources` of some
    /// other module, which is where it is judged.
    pub shared: Vec<FileId>,
    /// Entry points that the build or a `#pragma` names, undecorated.
    pub entry_names: Vec<String>,
    /// Whether the build file is for MSVC, where that is known.
    pub kind_is_msvc: Option<bool>,
}

impl Module {
    /// All files that its names may resolve into: sources, headers and shared ones; sorted, each once.
    pub fn files(&self) -> Vec<FileId> {
        let mut files: Vec<FileId> = self
            .sources
            .iter()
            .chain(&self.headers)
            .chain(&self.shared)
            .copied()
            .collect();
        files.sort();
        files.dedup();
        files
    }
}

/// A module that the configuration names. It comes before all that build files say.
#[derive(Clone, Debug)]
pub struct ConfiguredModule {
    pub name: String,
    /// Its sources; other files are of no account. A source may stand in several modules.
    pub files: Vec<FileId>,
    pub kind: Option<Kind>,
}

/// Names of functions that the loader calls in a DLL.
pub const DLL_ENTRIES: [&str; 4] = [
    "DllMain",
    "_DllMainCRTStartup",
    "DllMainCRTStartup",
    "DllEntryPoint",
];

/// Names of functions that start a program.
pub const EXE_ENTRIES: [&str; 10] = [
    "main",
    "wmain",
    "_tmain",
    "WinMain",
    "wWinMain",
    "_tWinMain",
    "mainCRTStartup",
    "wmainCRTStartup",
    "WinMainCRTStartup",
    "wWinMainCRTStartup",
];

/// Whether a file that is no source has to be read to find the modules.
pub fn is_build_file(path: &str) -> bool {
    let name = file_name(path);
    let lower = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    ends(&msbuild::ENDINGS)
        || ends(&[
            ".cmake", ".vcproj", ".mk", ".pro", ".pri", ".gn", ".gni", ".bazel",
        ])
        || lower.starts_with("makefile")
        || lower.starts_with("gnumakefile")
        || matches!(
            name,
            "CMakeLists.txt"
                | "Cargo.toml"
                | "meson.build"
                | "BUILD"
                | "SConscript"
                | "SConstruct"
                | "premake5.lua"
                | "premake4.lua"
                | "xmake.lua"
                | "wscript"
                | "sources"
                | "SOURCES"
                | "dirs"
                | "DIRS"
        )
        || path.ends_with(".cargo/config.toml")
        || path.ends_with(".cargo/config")
}

/// Whether a name that a build file has is one of other kinds of files as well: `.pri` and `.def` hold much else.
pub fn has_shared_ending(path: &str) -> bool {
    let lower = file_name(path).to_ascii_lowercase();
    [".def", ".gn", ".mk", ".pri", ".pro", ".props"]
        .iter()
        .any(|ending| lower.ends_with(ending))
}

/// A build file that makes its folder a module when nothing else claims the sources below.
fn is_border(path: &str) -> bool {
    let lower = file_name(path).to_ascii_lowercase();
    is_build_file(path)
        && ![
            ".cmake",
            ".vcxitems",
            ".props",
            ".targets",
            ".sln",
            ".slnx",
            ".def",
            ".mk",
            ".pri",
            ".gni",
            "config",
            "config.toml",
            "dirs",
        ]
        .iter()
        .any(|ending| lower.ends_with(ending))
}

/// What a build file makes of a list of sources.
#[derive(Clone, Copy, Debug, PartialEq)]
enum TargetKind {
    /// A module, of this kind if the build file says so.
    Made(Option<Kind>),
    /// Only part of what links it: a static or object library, an rlib.
    Contained,
    /// A module that others may contain as well: cdylib and rlib, a CMake library of no stated type.
    Both(Kind),
}

struct Target {
    name: String,
    /// What others link it by; "" if they cannot.
    key: String,
    build: FileId,
    kind: TargetKind,
    evidence: Vec<String>,
    sources: Vec<FileId>,
    headers: Vec<FileId>,
    /// Keys of what it links.
    links: Vec<String>,
    /// What it links is for names only.
    links_shared: bool,
    entry_names: Vec<String>,
    msvc: Option<bool>,
    /// A library that the build file gives no type.
    untyped: bool,
    /// What links it takes all of it: objects, not an archive.
    whole: bool,
    /// It takes all of what it links: /WHOLEARCHIVE and its kin.
    takes_whole: bool,
    /// Built for other systems only: it makes no module, and its sources are nobody else's.
    elsewhere: bool,
    /// All its sources are known from a build: none that nothing lists is its own.
    is_complete: bool,
    /// What its build file says is none of its sources.
    left_out: BTreeSet<FileId>,
    /// Nothing compiles C for it: it is of a Cargo package without a build script.
    only_rust: bool,
}

impl Target {
    fn new(build: FileId) -> Target {
        Target {
            name: String::new(),
            key: String::new(),
            build,
            kind: TargetKind::Made(None),
            evidence: Vec::new(),
            sources: Vec::new(),
            headers: Vec::new(),
            links: Vec::new(),
            links_shared: false,
            entry_names: Vec::new(),
            msvc: None,
            untyped: false,
            whole: false,
            takes_whole: false,
            elsewhere: false,
            is_complete: false,
            left_out: BTreeSet::new(),
            only_rust: false,
        }
    }
}

impl Target {
    /// What a build file names for other systems only, if there is any that no target of its own lists.
    fn of_other_systems(
        build: FileId,
        named: BTreeSet<FileId>,
        targets: &[Target],
    ) -> Option<Target> {
        let listed: BTreeSet<&FileId> = targets.iter().flat_map(|it| &it.sources).collect();
        let sources: Vec<FileId> = named
            .into_iter()
            .filter(|id| !listed.contains(id))
            .collect();
        (!sources.is_empty()).then(|| Target {
            sources,
            elsewhere: true,
            ..Target::new(build)
        })
    }
}

/// A module in the making.
#[derive(Default)]
struct Draft {
    name: String,
    /// The folder of its build file, or of its files.
    folder: String,
    kind: Option<Kind>,
    evidence: Vec<String>,
    /// Its own sources.
    own: BTreeSet<FileId>,
    /// Sources of what it links.
    linked: BTreeSet<FileId>,
    /// Those of them that stand in static libraries.
    from_libraries: BTreeSet<FileId>,
    headers: BTreeSet<FileId>,
    shared: BTreeSet<FileId>,
    entry_names: Vec<String>,
    msvc: Option<bool>,
}

/// Finds the modules. `facts` has one element per file, in `FileId` order.
pub fn find(sources: &Sources, facts: &[Facts], configured: &[ConfiguredModule]) -> Vec<Module> {
    find_with_includes(sources, facts, configured, &[]).0
}

/// The same, and what each file includes.
pub fn find_with_includes(
    sources: &Sources,
    facts: &[Facts],
    configured: &[ConfiguredModule],
    build: &[built::Built<FileId>],
) -> (Vec<Module>, Includes) {
    let tree = Tree::new(sources);
    let build_files: Vec<FileId> = sources
        .ids()
        .filter(|&id| tree.lang(id).is_none() && is_build_file(tree.path(id)))
        .collect();
    let includes = headers::resolve(&tree, facts);

    let mut drafts = configured_drafts(&tree, configured);
    let mut claimed: BTreeSet<FileId> = drafts.iter().flat_map(|draft| draft.own.clone()).collect();

    let mut targets = msbuild::targets(&tree, &build_files);
    targets.extend(cmake::targets(&tree, &build_files));
    targets.extend(cargo::targets(&tree, facts, &build_files));
    targets.extend(small::targets(&tree, &build_files));
    msbuild::link_by_solutions(&tree, &build_files, &mut targets);
    built::apply(&tree, build, &mut targets);
    for target in &mut targets {
        target
            .sources
            .retain(|id| tree.is_source(*id) && !claimed.contains(id));
        // A library of no stated type that has a DllMain is a DLL.
        let starts = |id: &FileId| has_entry(facts, *id, &DLL_ENTRIES);
        if target.untyped && target.sources.iter().any(starts) {
            target.kind = TargetKind::Made(Some(Kind::Dll));
        }
    }
    targets.sort_by(|a, b| (a.build, &a.name).cmp(&(b.build, &b.name)));
    let listed = targets
        .iter()
        .flat_map(|target| target.sources.iter().copied());
    claimed.extend(headers::reached(&includes, listed));
    let foreign: BTreeSet<FileId> = targets
        .iter()
        .filter(|target| target.elsewhere)
        .flat_map(|target| target.sources.iter().copied())
        .collect();
    targets.retain(|target| !target.elsewhere);
    let free: Vec<FileId> = sources
        .ids()
        .filter(|&id| tree.is_source(id) && !claimed.contains(&id))
        .collect();
    let borders = gather::Borders::new(&tree, &build_files);
    let left = gather::adopt(&tree, facts, &borders, free, &mut targets);
    drafts.extend(contain(&tree, targets));
    for draft in &mut drafts {
        headers::add_included_sources(&tree, &includes, draft);
    }
    let left = gather::not_included(&includes, left);
    drafts.extend(gather::modules(&tree, facts, &borders, left));
    for draft in &mut drafts {
        headers::add_included_sources(&tree, &includes, draft);
    }
    drafts.retain(|draft| !draft.own.is_empty() || !draft.linked.is_empty());
    drafts.extend(gather::last_resort(&tree, &drafts, &foreign));

    let definitions = definition_files(&tree, &build_files);
    for draft in &mut drafts {
        decide(&tree, facts, &definitions, draft);
    }
    let drafts = merge(drafts);
    let modules = finish(&tree, &includes, &build_files, drafts);
    (modules, includes)
}

fn has_entry(facts: &[Facts], id: FileId, names: &[&str]) -> bool {
    facts.get(id.0 as usize).is_some_and(|facts| {
        facts
            .entries
            .iter()
            .any(|entry| names.contains(&entry.name.as_str()))
    })
}

fn configured_drafts(tree: &Tree, configured: &[ConfiguredModule]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for module in configured {
        let own: BTreeSet<FileId> = module
            .files
            .iter()
            .copied()
            .filter(|&id| tree.lang(id).is_some())
            .collect();
        drafts.push(Draft {
            name: module.name.clone(),
            folder: common_folder(tree, own.iter().copied()),
            kind: module.kind,
            evidence: vec![format!("[[module]] {} of the configuration", module.name)],
            own,
            ..Draft::default()
        });
    }
    drafts
}

/// The deepest folder that holds all these files.
fn common_folder(tree: &Tree, mut ids: impl Iterator<Item = FileId>) -> String {
    let Some(first) = ids.next() else {
        return String::new();
    };
    let mut folder = parent(tree.path(first));
    for id in ids {
        while !is_below(tree.path(id), folder) {
            folder = parent(folder);
        }
    }
    folder.to_string()
}

/// Makes modules of targets: what links a static library contains its sources.
fn contain(tree: &Tree, targets: Vec<Target>) -> Vec<Draft> {
    let mut by_key: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (index, target) in targets.iter().enumerate() {
        if !target.key.is_empty() {
            by_key.entry(&target.key).or_default().push(index);
        }
    }
    // The same key in two trees of one run: the nearer one is meant.
    let linked = |from: usize| -> Vec<usize> {
        targets[from]
            .links
            .iter()
            .filter_map(|key| {
                let candidates = by_key.get(key.as_str())?;
                let here = tree.path(targets[from].build);
                candidates
                    .iter()
                    .copied()
                    .filter(|&to| to != from && !matches!(targets[to].kind, TargetKind::Made(_)))
                    .max_by_key(|&to| {
                        (
                            nearness(here, tree.path(targets[to].build)),
                            usize::MAX - to,
                        )
                    })
            })
            .collect()
    };
    let mut contained = vec![false; targets.len()];
    let mut drafts: BTreeMap<usize, Draft> = BTreeMap::new();
    let assemble = |index: usize, contained: &mut Vec<bool>| -> Draft {
        let target = &targets[index];
        let mut parts: BTreeSet<usize> = BTreeSet::new();
        let mut work = linked(index);
        while let Some(part) = work.pop() {
            if parts.insert(part) {
                work.extend(linked(part));
            }
        }
        parts.remove(&index);
        let mut draft = draft_of(tree, target);
        let takes_whole = target.takes_whole
            || target.kind != TargetKind::Made(Some(Kind::Dll))
            || parts.iter().any(|&part| targets[part].takes_whole);
        for &part in &parts {
            let from = &targets[part];
            // What is a DLL itself is judged there.
            let judged = from.kind == TargetKind::Both(Kind::Dll)
                && target.kind == TargetKind::Made(Some(Kind::Exe));
            if target.links_shared || judged {
                draft.shared.extend(&from.sources);
            } else {
                contained[part] = true;
                draft.linked.extend(&from.sources);
                if !takes_whole && !from.whole {
                    draft.from_libraries.extend(&from.sources);
                }
                draft.headers.extend(&from.headers);
                draft.entry_names.extend(from.entry_names.iter().cloned());
            }
        }
        draft
    };
    let is_part = |index: usize| targets[index].kind == TargetKind::Contained;
    for index in (0..targets.len()).filter(|&index| !is_part(index)) {
        drafts.insert(index, assemble(index, &mut contained));
    }
    // Libraries that nothing here links: first those that no other such library links either.
    let free: Vec<usize> = (0..targets.len())
        .filter(|&index| is_part(index) && !contained[index])
        .collect();
    let below: BTreeSet<usize> = free.iter().flat_map(|&index| linked(index)).collect();
    for round in 0..2 {
        for &index in &free {
            if !contained[index]
                && !drafts.contains_key(&index)
                && (round == 1 || !below.contains(&index))
            {
                drafts.insert(index, assemble(index, &mut contained));
            }
        }
    }
    drafts.into_values().collect()
}

fn draft_of(tree: &Tree, target: &Target) -> Draft {
    Draft {
        name: target.name.clone(),
        folder: parent(tree.path(target.build)).to_string(),
        kind: match target.kind {
            TargetKind::Made(kind) => kind,
            TargetKind::Both(Kind::Unknown) | TargetKind::Contained => None,
            TargetKind::Both(kind) => Some(kind),
        },
        evidence: target.evidence.clone(),
        own: target.sources.iter().copied().collect(),
        headers: target.headers.iter().copied().collect(),
        entry_names: target.entry_names.clone(),
        msvc: target.msvc,
        ..Draft::default()
    }
}

/// The folders that hold a module definition file, and its path.
fn definition_files<'a>(tree: &Tree<'a>, build_files: &[FileId]) -> BTreeMap<&'a str, &'a str> {
    build_files
        .iter()
        .map(|&id| (id, tree.path(id)))
        .filter(|(_, path)| path.to_ascii_lowercase().ends_with(".def"))
        // Other programs use the ending too.
        // Other programs use the ending too, and `NAME` says that it is a program's.
        .filter(|&(id, _)| {
            let says = |wanted: &str| {
                tree.text(id).lines().any(|line| {
                    let word = line.split_whitespace().next().unwrap_or("");
                    word.eq_ignore_ascii_case(wanted)
                })
            };
            says("LIBRARY") || says("EXPORTS") && !says("NAME")
        })
        .map(|(_, path)| (parent(path), path))
        .collect()
}

/// Whether a file's name or folder says that it is compiled for another system: `linux/library.c`, `thread_posix.c`.
/// Build files often list it beside its Windows counterpart, which defines the same names.
pub fn is_of_another_system(path: &str) -> bool {
    const SYSTEMS: [&str; 23] = [
        "linux", "posix", "unix", "mac", "macos", "macosx", "osx", "darwin", "apple", "android",
        "ios", "freebsd", "bsd", "wasm", "wince", "vxworks", "qnx", "solaris", "aix", "hpux",
        "haiku", "netbsd", "openbsd",
    ];
    let path = path.to_ascii_lowercase();
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let stem = file.split('.').next().unwrap_or(file);
    let last = stem.rsplit(['_', '-']).next().unwrap_or(stem);
    SYSTEMS.contains(&last) || folders.split('/').any(|folder| SYSTEMS.contains(&folder))
}

/// Whether a file's name or folder says that it is the one for Windows: `win32/library.c`, `server_win32.c`.
pub fn is_of_windows(path: &str) -> bool {
    const SYSTEMS: [&str; 6] = ["windows", "win32", "win64", "win", "w32", "mingw"];
    let path = path.to_ascii_lowercase();
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let stem = file.split('.').next().unwrap_or(file);
    let last = stem.rsplit(['_', '-']).next().unwrap_or(stem);
    SYSTEMS.contains(&last) || folders.split('/').any(|folder| SYSTEMS.contains(&folder))
}

fn is_test_folder(folder: &str) -> bool {
    folder.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        [
            "test",
            "tests",
            "testing",
            "example",
            "examples",
            "sample",
            "samples",
            "demo",
            "demos",
            "bench",
            "benches",
            "benchmark",
            "benchmarks",
            "tools",
            "fuzz",
            "fuzzer",
            "fuzzers",
            "fuzzing",
        ]
        .contains(&part.as_str())
    })
}

/// Decides the kind where no build file did, and says why.
fn decide(tree: &Tree, facts: &[Facts], definitions: &BTreeMap<&str, &str>, draft: &mut Draft) {
    let mut dll_entries = Vec::new();
    let mut exe_entries = Vec::new();
    let mut exports = None;
    let ids: Vec<FileId> = draft.own.iter().chain(&draft.linked).copied().collect();
    for &id in &ids {
        let Some(facts) = facts.get(id.0 as usize) else {
            continue;
        };
        for entry in &facts.entries {
            if DLL_ENTRIES.contains(&entry.name.as_str()) {
                dll_entries.push((id, entry.name.as_str()));
            } else if EXE_ENTRIES.contains(&entry.name.as_str()) {
                exe_entries.push((id, entry.name.as_str()));
            }
        }
        for option in &facts.linker_options {
            draft.entry_names.extend(entry_symbols(option));
        }
        let exported = facts.dllexport
            || facts
                .linker_options
                .iter()
                .any(|option| option.to_ascii_uppercase().contains("/EXPORT:"));
        if exported && exports.is_none() {
            exports = Some(id);
        }
    }
    draft.entry_names.sort();
    draft.entry_names.dedup();
    let say = |(id, name): &(FileId, &str)| format!("{name} in {}", tree.path(*id));
    if let Some(entry) = dll_entries.first() {
        draft.evidence.push(say(entry));
    }
    if draft.kind.is_some() {
        return;
    }
    let folders = |entries: &[(FileId, &str)]| -> BTreeSet<String> {
        entries
            .iter()
            .map(|(id, _)| parent(tree.path(*id)).to_string())
            .collect()
    };
    let apart = folders(&exe_entries).is_disjoint(&folders(&dll_entries))
        || exe_entries
            .iter()
            .all(|(id, _)| is_test_folder(parent(tree.path(*id))));
    if let Some(entry) = exe_entries.first() {
        draft.evidence.push(say(entry));
    }
    draft.kind = match (dll_entries.is_empty(), exe_entries.is_empty()) {
        (false, true) => Some(Kind::Dll),
        (false, false) if apart => Some(Kind::Dll),
        (false, false) => Some(Kind::Unknown),
        (true, false) => Some(Kind::Exe),
        (true, true) => {
            // It speaks for what stands in its own folder and below, not for a pool of files that it happens to be in.
            let definition = definitions.iter().find_map(|(folder, definition)| {
                draft
                    .own
                    .iter()
                    .all(|&id| {
                        let holds = parent(tree.path(id));
                        folder.is_empty()
                            || holds == *folder
                            || holds
                                .strip_prefix(folder)
                                .is_some_and(|rest| rest.starts_with('/'))
                    })
                    .then_some(definition)
            });
            if let Some(definition) = definition {
                draft
                    .evidence
                    .push(format!("module definition file {definition}"));
                Some(Kind::Dll)
            } else if let Some(id) = exports {
                draft.evidence.push(format!("exports in {}", tree.path(id)));
                Some(Kind::Dll)
            } else {
                None
            }
        }
    };
}

/// Joins modules that several build systems, or several projects of one, make of nearly the same files.
fn merge(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut kept: Vec<Draft> = Vec::new();
    let mut holders: FxHashMap<FileId, Vec<usize>> = FxHashMap::default();
    for draft in drafts {
        let mut common: BTreeMap<usize, usize> = BTreeMap::new();
        for id in &draft.own {
            for &holder in holders.get(id).map_or(&[][..], |list| list) {
                *common.entry(holder).or_default() += 1;
            }
        }
        let twin = common.into_iter().find(|&(index, common)| {
            let other = &kept[index];
            let agree = !matches!(
                (draft.kind, other.kind),
                (Some(Kind::Dll), Some(Kind::Exe)) | (Some(Kind::Exe), Some(Kind::Dll))
            );
            let union = draft.own.len() + other.own.len() - common;
            agree && common * 10 >= union * 8
        });
        match twin {
            Some((index, _)) => {
                for &id in draft.own.difference(&kept[index].own) {
                    holders.entry(id).or_default().push(index);
                }
                let other = &mut kept[index];
                if matches!(other.kind, None | Some(Kind::Unknown)) && draft.kind.is_some() {
                    other.kind = draft.kind;
                }
                other.evidence.extend(draft.evidence);
                other.own.extend(draft.own);
                other.linked.extend(draft.linked);
                other.from_libraries.extend(draft.from_libraries);
                other.headers.extend(draft.headers);
                other.shared.extend(draft.shared);
                other.entry_names.extend(draft.entry_names);
                if other.msvc != draft.msvc {
                    other.msvc = None;
                }
            }
            None => {
                for &id in &draft.own {
                    holders.entry(id).or_default().push(kept.len());
                }
                kept.push(draft);
            }
        }
    }
    kept
}

/// The words of the definition files near a module that contains static libraries. Which file it is linked with does
/// not matter much: a word too many keeps an object that the linker would leave out.
fn exported_words(tree: &Tree, build_files: &[FileId], draft: &Draft) -> Vec<String> {
    if draft.from_libraries.is_empty() {
        return Vec::new();
    }
    let mut words: Vec<String> = build_files
        .iter()
        .copied()
        .filter(|&id| {
            let path = tree.path(id);
            path.to_ascii_lowercase().ends_with(".def")
                && (is_below(path, &draft.folder)
                    || draft
                        .own
                        .iter()
                        .any(|&own| parent(tree.path(own)) == parent(path)))
        })
        .flat_map(|id| {
            tree.text(id)
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty())
                .map(str::to_string)
                .collect::<Vec<_>>()
        })
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Adds headers, sorts, and gives every module a name of its own.
fn finish(
    tree: &Tree,
    includes: &headers::Includes,
    build_files: &[FileId],
    drafts: Vec<Draft>,
) -> Vec<Module> {
    let mut drafts = drafts;
    for draft in &mut drafts {
        headers::add_headers(tree, includes, draft);
    }
    headers::adopt_orphans(tree, &mut drafts);
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut count: FxHashMap<String, usize> = FxHashMap::default();
    for draft in &drafts {
        *count.entry(draft.name.clone()).or_default() += 1;
    }
    drafts
        .into_iter()
        .map(|draft| {
            let exports = exported_words(tree, build_files, &draft);
            let from_libraries = draft
                .from_libraries
                .difference(&draft.own)
                .copied()
                .filter(|&id| matches!(tree.lang(id), Some(Lang::C | Lang::Cpp)))
                .collect();
            let mut sources: BTreeSet<FileId> = draft.own;
            sources.extend(draft.linked);
            let mut name = draft.name;
            if count.get(&name).is_some_and(|count| *count > 1) && !draft.folder.is_empty() {
                name = format!("{name} ({})", draft.folder);
            }
            let plain = name.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{plain} #{number}");
                number += 1;
            }
            let folder = format!("{}/", draft.folder);
            let mut shared: Vec<FileId> = draft
                .shared
                .into_iter()
                .filter(|id| !sources.contains(id) && !draft.headers.contains(id))
                .collect();
            shared.sort_by_key(|&id| (usize::MAX - nearness(&folder, tree.path(id)), id));
            let mut evidence = Vec::new();
            for line in draft.evidence {
                if !evidence.contains(&line) {
                    evidence.push(line);
                }
            }
            let mut entry_names = draft.entry_names;
            entry_names.sort();
            entry_names.dedup();
            Module {
                name,
                kind: draft.kind.unwrap_or(Kind::Unknown),
                evidence,
                headers: draft
                    .headers
                    .into_iter()
                    .filter(|id| !sources.contains(id))
                    .collect(),
                sources: sources.into_iter().collect(),
                from_libraries,
                exports,
                shared,
                entry_names,
                kind_is_msvc: draft.msvc,
            }
        })
        .collect()
}

/// The entry points that linker options name: `/ENTRY:f`, `-ENTRY:f`, `-e f`, `-Wl,-e,f`, `--entry=f`.
fn entry_symbols(options: &str) -> Vec<String> {
    let mut found = Vec::new();
    let words: Vec<&str> = options
        .split(|c: char| {
            c.is_whitespace() || matches!(c, ',' | '"' | '\'' | ';' | '(' | ')' | '[' | ']')
        })
        .filter(|word| !word.is_empty())
        .collect();
    for (index, word) in words.iter().enumerate() {
        // Build scripts write `cargo:rustc-link-arg=/ENTRY:f`.
        let option = word
            .rsplit_once("link-arg=")
            .map_or(*word, |(_, option)| option);
        let upper = option.to_ascii_uppercase();
        let symbol = if upper.starts_with("/ENTRY:") || upper.starts_with("-ENTRY:") {
            option.get(7..)
        } else if upper.starts_with("--ENTRY=") {
            option.get(8..)
        } else if option == "-e" || option == "--entry" {
            words.get(index + 1).copied()
        } else {
            None
        };
        if let Some(symbol) = symbol
            && symbol.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '?')
            && symbol
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '@' | '?' | '$'))
        {
            found.push(undecorated(symbol));
        }
    }
    found
}

/// `f` of `_f@12`.
fn undecorated(symbol: &str) -> String {
    match symbol.split_once('@') {
        Some((name, size)) if size.bytes().all(|byte| byte.is_ascii_digit()) => {
            name.strip_prefix('_').unwrap_or(name).to_string()
        }
        _ => symbol.to_string(),
    }
}
