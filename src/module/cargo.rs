//! Cargo packages: one target per library, binary, example, test, bench and build script, each with the files of its
//! `mod` tree.

use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::index::Facts;
use crate::source::{FileId, Sources};

use super::tree::{Tree, file_name, join, parent};
use super::{Kind, Target, TargetKind, entry_symbols};

pub(super) fn targets(tree: &Tree, facts: &[Facts], build_files: &[FileId]) -> Vec<Target> {
    let manifests: FxHashMap<FileId, Table> = build_files
        .iter()
        .filter(|&&id| file_name(tree.path(id)) == "Cargo.toml")
        .filter_map(|&id| Some((id, tree.text(id).parse::<Table>().ok()?)))
        .collect();
    let mut targets = Vec::new();
    for &id in build_files {
        if let Some(manifest) = manifests.get(&id)
            && manifest.contains_key("package")
        {
            package(tree, facts, id, manifest, &manifests, &mut targets);
        }
    }
    targets
}

fn key(manifest: &str) -> String {
    format!("cargo:{manifest}")
}

fn text<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.get(key)?.as_str()
}

/// What Cargo makes of a file that it finds by its place.
struct Place {
    folder: &'static str,
    table: &'static str,
    auto: &'static str,
    what: &'static str,
}

const PLACES: [Place; 4] = [
    Place {
        folder: "src/bin",
        table: "bin",
        auto: "autobins",
        what: "binary",
    },
    Place {
        folder: "examples",
        table: "example",
        auto: "autoexamples",
        what: "example",
    },
    Place {
        folder: "tests",
        table: "test",
        auto: "autotests",
        what: "test",
    },
    Place {
        folder: "benches",
        table: "bench",
        auto: "autobenches",
        what: "bench",
    },
];

fn package(
    tree: &Tree,
    facts: &[Facts],
    id: FileId,
    manifest: &Table,
    manifests: &FxHashMap<FileId, Table>,
    targets: &mut Vec<Target>,
) {
    let path = tree.path(id);
    let folder = parent(path);
    let empty = Table::new();
    let package = manifest
        .get("package")
        .and_then(Value::as_table)
        .unwrap_or(&empty);
    let name = text(package, "name").unwrap_or_else(|| file_name(folder));
    let (links, build_links) = dependencies(tree, folder, manifest, manifests);
    let build_script = match package.get("build") {
        Some(Value::Boolean(false)) => None,
        Some(Value::String(file)) => tree.find(&join(folder, file)),
        _ => tree.find(&join(folder, "build.rs")),
    };
    let mut entry_names = Vec::new();
    for config in [".cargo/config.toml", ".cargo/config"] {
        if let Some(config) = tree.find(&join(folder, config)) {
            entry_names.extend(entry_symbols(tree.text(config)));
        }
    }
    if let Some(script) = build_script {
        entry_names.extend(entry_symbols(tree.text(script)));
    }
    let target = |name: String, root: FileId| Target {
        name,
        sources: mod_tree(tree, facts, root),
        links: links.clone(),
        entry_names: entry_names.clone(),
        whole: true,
        only_rust: build_script.is_none(),
        ..Target::new(id)
    };

    let lib = manifest.get("lib").and_then(Value::as_table);
    let lib_path = lib
        .and_then(|lib| text(lib, "path"))
        .unwrap_or("src/lib.rs");
    let lib_root = tree.find(&join(folder, lib_path));
    if let Some(root) = lib_root {
        let types = crate_types(lib.unwrap_or(&empty));
        let is = |kind: &str| types.iter().any(|found| found == kind);
        let flag = |key: &str| {
            lib.and_then(|lib| lib.get(key).or_else(|| lib.get(&key.replace('-', "_"))))
                .and_then(Value::as_bool)
                == Some(true)
        };
        let mut lib_target = target(name.to_string(), root);
        lib_target.key = key(path);
        (lib_target.kind, lib_target.evidence) = if is("cdylib") || is("dylib") {
            let word = if is("cdylib") { "cdylib" } else { "dylib" };
            let contained = is("rlib") || is("lib") || is("staticlib");
            (
                if contained {
                    TargetKind::Both(Kind::Dll)
                } else {
                    TargetKind::Made(Some(Kind::Dll))
                },
                vec![format!("crate-type = [\"{word}\"] in {path}")],
            )
        } else if flag("proc-macro") || is("proc-macro") {
            (
                TargetKind::Made(Some(Kind::Exe)),
                vec![format!(
                    "procedural macro, which runs in the compiler: {path}"
                )],
            )
        } else {
            (
                TargetKind::Contained,
                vec![format!("library crate in {path}")],
            )
        };
        targets.push(lib_target);
    }

    let mut with_lib = links.clone();
    if lib_root.is_some() {
        with_lib.push(key(path));
    }
    let mut taken: BTreeSet<FileId> = lib_root.into_iter().collect();
    let mut add = |name: String, root: FileId, what: &str, types: &[String]| {
        if !taken.insert(root) {
            return;
        }
        let mut made = target(name, root);
        made.links = with_lib.clone();
        if types.iter().any(|kind| kind == "cdylib" || kind == "dylib") {
            made.kind = TargetKind::Made(Some(Kind::Dll));
            made.evidence = vec![format!("{what} with crate-type = [\"cdylib\"] in {path}")];
        } else {
            made.kind = TargetKind::Made(Some(Kind::Exe));
            made.evidence = vec![format!("{what} of {path}")];
            // What they link is judged where it ships; they only have to find its names.
            made.links_shared = what != "binary";
        }
        targets.push(made);
    };
    for place in &PLACES {
        for listed in manifest
            .get(place.table)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_table)
        {
            let listed_name = text(listed, "name").unwrap_or(name);
            let root = match text(listed, "path") {
                Some(path) => tree.find(&join(folder, path)),
                None => [
                    format!("{}/{listed_name}.rs", place.folder),
                    format!("{}/{listed_name}/main.rs", place.folder),
                    "src/main.rs".to_string(),
                ]
                .iter()
                .take(if place.table == "bin" { 3 } else { 2 })
                .find_map(|path| tree.find(&join(folder, path))),
            };
            if let Some(root) = root {
                let types = crate_types(listed);
                add(listed_name.to_string(), root, place.what, &types);
            }
        }
        if package.get(place.auto).and_then(Value::as_bool) == Some(false) {
            continue;
        }
        if place.table == "bin"
            && let Some(root) = tree.find(&join(folder, "src/main.rs"))
        {
            add(name.to_string(), root, place.what, &[]);
        }
        let auto = join(folder, place.folder);
        for file in tree.below(&auto) {
            let rest = &tree.path(file)[auto.len() + 1..];
            let stem = match rest.split_once('/') {
                None => rest.strip_suffix(".rs"),
                Some((stem, "main.rs")) => Some(stem),
                Some(_) => None,
            };
            if let Some(stem) = stem {
                add(stem.to_string(), file, place.what, &[]);
            }
        }
    }
    if let Some(root) = build_script {
        targets.push(Target {
            links: build_links,
            entry_names: Vec::new(),
            kind: TargetKind::Made(Some(Kind::Exe)),
            evidence: vec![format!("build script of {path}")],
            links_shared: true,
            ..target(format!("{name} build script"), root)
        });
    }
}

fn crate_types(table: &Table) -> Vec<String> {
    let types = table.get("crate-type").or_else(|| table.get("crate_type"));
    match types {
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(|kind| kind.as_str().map(str::to_string))
            .collect(),
        _ => Vec::new(),
    }
}

/// The keys of the crates that a package depends on by path, and those of its build script.
fn dependencies(
    tree: &Tree,
    folder: &str,
    manifest: &Table,
    manifests: &FxHashMap<FileId, Table>,
) -> (Vec<String>, Vec<String>) {
    let workspace = workspace_of(tree, folder, manifests);
    let read = |table: &Table, names: &[&str]| {
        let mut keys = Vec::new();
        for (name, dependency) in names
            .iter()
            .filter_map(|name| table.get(*name)?.as_table())
            .flatten()
        {
            let Some(dependency) = dependency.as_table() else {
                continue;
            };
            let place = if dependency.get("workspace").and_then(Value::as_bool) == Some(true) {
                workspace.and_then(|(folder, table)| {
                    let listed = table.get("dependencies")?.as_table()?.get(name)?;
                    Some((folder, text(listed.as_table()?, "path")?))
                })
            } else {
                text(dependency, "path").map(|path| (folder, path))
            };
            if let Some((from, path)) = place {
                keys.push(key(&join(&join(from, path), "Cargo.toml")));
            }
        }
        keys
    };
    let mut links = read(manifest, &["dependencies"]);
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        for table in targets.values().filter_map(Value::as_table) {
            links.extend(read(table, &["dependencies"]));
        }
    }
    (links, read(manifest, &["build-dependencies"]))
}

fn workspace_of<'a, 't>(
    tree: &Tree<'a>,
    folder: &'t str,
    manifests: &'t FxHashMap<FileId, Table>,
) -> Option<(&'t str, &'t Table)> {
    let mut above = folder;
    loop {
        let found = tree
            .find(&join(above, "Cargo.toml"))
            .and_then(|id| manifests.get(&id)?.get("workspace")?.as_table());
        if let Some(workspace) = found {
            return Some((above, workspace));
        }
        if above.is_empty() {
            return None;
        }
        above = parent(above);
    }
}

/// The names by which other crates call a library, by the folder of its sources.
#[derive(Default)]
pub struct CrateNames(FxHashMap<String, String>);

impl CrateNames {
    /// The name of the crate that a source belongs to, by the next manifest upward; empty where there is none.
    pub fn of(&mut self, sources: &Sources, path: &str) -> &str {
        let folder = parent(path);
        let mut above = folder;
        let mut unnamed: Vec<&str> = Vec::new();
        let name = loop {
            if let Some(name) = self.0.get(above) {
                break name.clone();
            }
            unnamed.push(above);
            if let Some(name) = named_in(sources, above) {
                break name;
            }
            if above.is_empty() {
                break String::new();
            }
            above = parent(above);
        };
        for folder in unnamed {
            self.0.insert(folder.to_string(), name.clone());
        }
        self.0.get(folder).map_or("", String::as_str)
    }
}

/// The name of the crate whose manifest stands in a folder; none where no package's does.
fn named_in(sources: &Sources, folder: &str) -> Option<String> {
    let manifest = sources.find(&join(folder, "Cargo.toml"))?;
    let manifest = sources.file(manifest).text.parse::<Table>().ok()?;
    let package = manifest.get("package")?;
    let lib = manifest.get("lib").into_iter();
    let mut tables = lib.chain([package]);
    let name = tables.find_map(|table| text(table.as_table()?, "name"));
    Some(name.unwrap_or_default().replace('-', "_"))
}

/// The files of a crate: its root and what `mod` and `include!` lead to, also where a `cfg` leaves it out.
pub fn mod_tree(tree: &Tree, facts: &[Facts], root: FileId) -> Vec<FileId> {
    let mut found = vec![root];
    let mut seen: BTreeSet<FileId> = [root].into();
    // The folder in which a file's modules stand.
    let mut work = vec![(root, parent(tree.path(root)).to_string())];
    while let Some((id, folder)) = work.pop() {
        let Some(facts) = facts.get(id.0 as usize) else {
            continue;
        };
        let here = parent(tree.path(id));
        let mut next: Vec<(FileId, String)> = Vec::new();
        for module in &facts.mods {
            let inside = module.inside.join("/");
            let base = if inside.is_empty() {
                folder.clone()
            } else {
                join(&folder, &inside)
            };
            for path in &module.paths {
                // A path is meant from the file, or from the folder of the inline modules round it.
                let from = if inside.is_empty() { here } else { &base };
                if let Some(file) = tree.find(&join(from, path)) {
                    next.push((file, parent(tree.path(file)).to_string()));
                }
            }
            let own = join(&base, &module.name);
            if let Some(file) = tree.find(&format!("{own}.rs")) {
                next.push((file, own.clone()));
            }
            if let Some(file) = tree.find(&format!("{own}/mod.rs")) {
                next.push((file, own));
            }
        }
        for include in &facts.includes {
            if let Some(file) = tree.find(&join(here, include))
                && tree.is_source(file)
            {
                // Modules that an included file declares stand beside that file.
                next.push((file, parent(tree.path(file)).to_string()));
            }
        }
        for (file, folder) in next {
            if seen.insert(file) {
                found.push(file);
                work.push((file, folder));
            }
        }
    }
    found
}
