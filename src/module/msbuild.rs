//! Visual Studio projects: *.vcxproj with their imports, and the older *.vcproj.
//!
//! Conditions are not evaluated: what any configuration compiles belongs to the project.

use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Document, Node, ParsingOptions};

use crate::source::FileId;

use super::tree::{Tree, file_name, join, parent};
use super::{Kind, Target, TargetKind, entry_symbols};

pub fn targets(tree: &Tree, build_files: &[FileId]) -> Vec<Target> {
    let mut targets = Vec::new();
    for &id in build_files {
        let lower = tree.path(id).to_lowercase();
        if lower.ends_with(".vcxproj") {
            targets.push(project(tree, id));
        } else if lower.ends_with(".vcproj") {
            targets.extend(old_project(tree, id));
        }
    }
    targets
}

pub fn key(path: &str) -> String {
    format!("msbuild:{}", path.to_lowercase())
}

/// How the names of MSBuild's files end, and of what goes with them; not those of the older Visual Studio.
pub const ENDINGS: [&str; 7] = [
    ".vcxproj",
    ".vcxitems",
    ".props",
    ".targets",
    ".sln",
    ".slnx",
    ".def",
];

/// How deep imports are followed.
const IMPORTS: u32 = 8;

struct Project<'a> {
    tree: &'a Tree<'a>,
    path: &'a str,
    folder: &'a str,
    properties: FxHashMap<String, String>,
    types: BTreeSet<String>,
    sources: Vec<FileId>,
    removed: BTreeSet<FileId>,
    /// What it names only to say that it is none of its sources.
    left_out: BTreeSet<FileId>,
    headers: Vec<FileId>,
    links: Vec<String>,
    definition: Option<String>,
    entry_names: Vec<String>,
    takes_whole: bool,
    seen: BTreeSet<FileId>,
    /// `Debug|x64`.
    configurations: Vec<String>,
    /// What each of these defines for all sources, in the project's own file.
    definitions: FxHashMap<String, Definitions>,
    /// Sources with definitions of their own.
    apart: BTreeSet<FileId>,
    /// Something takes definitions back, or sets them in a way that is not followed.
    unclear: bool,
}

/// Macros and what they stand for.
pub type Definitions = BTreeMap<String, String>;

/// What the sources of a project are compiled with in all its configurations; none for a source of two projects that do
/// not agree.
pub fn definitions(tree: &Tree, build_files: &[FileId]) -> FxHashMap<FileId, Definitions> {
    let mut found: FxHashMap<FileId, Definitions> = FxHashMap::default();
    for &id in build_files {
        if !tree.path(id).to_lowercase().ends_with(".vcxproj") {
            continue;
        }
        let project = Project::of(tree, id);
        let mut all = project
            .configurations
            .iter()
            .map(|name| project.definitions.get(name).cloned().unwrap_or_default());
        let mut common = all.next().unwrap_or_default();
        for other in all {
            common.retain(|name, value| other.get(name) == Some(value));
        }
        for &source in &project.sources {
            let common = match project.unclear || project.apart.contains(&source) {
                true => Definitions::new(),
                false => common.clone(),
            };
            found
                .entry(source)
                .and_modify(|known| known.retain(|name, value| common.get(name) == Some(value)))
                .or_insert(common);
        }
    }
    found
}

fn project(tree: &Tree, id: FileId) -> Target {
    let path = tree.path(id);
    let project = Project::of(tree, id);
    let name = file_name(path);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let types = &project.types;
    let (kind, word) = if types.contains("dynamiclibrary") {
        (TargetKind::Made(Some(Kind::Dll)), "DynamicLibrary")
    } else if types.contains("application") {
        (TargetKind::Made(Some(Kind::Exe)), "Application")
    } else if types.contains("staticlibrary") {
        (TargetKind::Contained, "StaticLibrary")
    } else {
        (TargetKind::Made(None), "")
    };
    let mut evidence = Vec::new();
    if !word.is_empty() {
        evidence.push(format!(
            "<ConfigurationType>{word}</ConfigurationType> in {path}"
        ));
    }
    let mut kind = kind;
    if let Some(definition) = &project.definition {
        evidence.push(format!("module definition file {definition} in {path}"));
        if matches!(kind, TargetKind::Made(None)) {
            kind = TargetKind::Made(Some(Kind::Dll));
        }
    }
    let removed = &project.removed;
    let mut sources = project.sources;
    sources.retain(|id| !removed.contains(id));
    let mut left_out = project.left_out;
    left_out.extend(removed);
    left_out.retain(|id| !sources.contains(id));
    Target {
        name: name.to_string(),
        key: key(path),
        kind,
        evidence,
        sources,
        headers: project.headers,
        links: project.links,
        entry_names: project.entry_names,
        takes_whole: project.takes_whole,
        left_out,
        msvc: Some(true),
        ..Target::new(id)
    }
}

impl<'a> Project<'a> {
    /// Reads a project's file and what it imports.
    fn of(tree: &'a Tree<'a>, id: FileId) -> Project<'a> {
        let path = tree.path(id);
        let folder = parent(path);
        let mut project = Project {
            tree,
            path,
            folder,
            properties: FxHashMap::default(),
            types: BTreeSet::new(),
            sources: Vec::new(),
            removed: BTreeSet::new(),
            left_out: BTreeSet::new(),
            headers: Vec::new(),
            links: Vec::new(),
            definition: None,
            entry_names: Vec::new(),
            takes_whole: false,
            seen: BTreeSet::new(),
            configurations: Vec::new(),
            definitions: FxHashMap::default(),
            apart: BTreeSet::new(),
            unclear: false,
        };
        // Directory.Build.props of the nearest folder upwards is imported without being named.
        let mut above = folder;
        loop {
            if let Some(props) = tree.find(&join(above, "Directory.Build.props")) {
                project.read(props, 0);
                break;
            }
            if above.is_empty() {
                break;
            }
            above = parent(above);
        }
        // Its kind counts only where the project says none of its own, which is read later.
        let above = std::mem::take(&mut project.types);
        project.read(id, 0);
        if project.types.is_empty() {
            project.types = above;
        }
        project
    }

    fn read(&mut self, id: FileId, depth: u32) {
        if depth > IMPORTS || !self.seen.insert(id) {
            return;
        }
        let options = ParsingOptions {
            allow_dtd: true,
            ..ParsingOptions::default()
        };
        let Ok(document) = Document::parse_with_options(self.tree.text(id), options) else {
            return;
        };
        let this = parent(self.tree.path(id)).to_string();
        for node in document.root_element().descendants() {
            if !node.is_element() {
                continue;
            }
            let text = node.text().unwrap_or("").trim();
            let parent_name = node.parent().map_or("", |parent| parent.tag_name().name());
            match node.tag_name().name() {
                "ConfigurationType" => {
                    self.types.insert(text.to_lowercase());
                }
                "ClCompile" if parent_name == "ItemGroup" => {
                    let files = self.items(node, "Include", &this);
                    match excluded_always(node) {
                        true => self.left_out.extend(files),
                        false => self.sources.extend(files),
                    }
                    let removed = self.items(node, "Remove", &this);
                    self.removed.extend(removed);
                    let excluded = self.items(node, "Exclude", &this);
                    self.left_out.extend(excluded);
                    let own = node
                        .children()
                        .any(|child| child.tag_name().name().contains("PreprocessorDefinitions"));
                    if own {
                        for attribute in ["Include", "Update"] {
                            let files = self.items(node, attribute, &this);
                            self.apart.extend(files);
                        }
                    }
                }
                "ProjectConfiguration" => {
                    let name = node.attribute("Include").unwrap_or("");
                    self.configurations.push(name.to_string());
                }
                "PreprocessorDefinitions" if parent_name == "ClCompile" && !is_item(node) => {
                    if depth == 0 {
                        self.take_definitions(node, text);
                    } else {
                        // Of a property sheet only more can come.
                        self.unclear |= !inherits(text);
                    }
                }
                "UndefinePreprocessorDefinitions" if !is_item(node) => self.unclear = true,
                "ClInclude" if parent_name == "ItemGroup" => {
                    let files = self.items(node, "Include", &this);
                    self.headers.extend(files);
                }
                "ProjectReference" => {
                    if let Some(include) = node.attribute("Include") {
                        let path = self.expand(include, &this);
                        let found = self.locate(&path);
                        self.links
                            .push(key(&found.map_or(path, |id| self.tree.path(id).to_string())));
                    }
                }
                "Import" => {
                    let Some(path) = node.attribute("Project") else {
                        continue;
                    };
                    if path.contains("$(VCTargetsPath)") || path.contains("$(UserRootDir)") {
                        continue;
                    }
                    let path = self.expand(path, &this);
                    let lower = path.to_lowercase();
                    if [".vcxitems", ".props", ".targets"]
                        .iter()
                        .any(|ending| lower.ends_with(ending))
                        && let Some(id) = self.locate(&path)
                    {
                        self.read(id, depth + 1);
                    }
                }
                "ModuleDefinitionFile" if !text.is_empty() => {
                    self.definition = Some(file_name(&text.replace('\\', "/")).to_string());
                }
                "EntryPointSymbol" if !text.is_empty() => {
                    self.entry_names.push(super::undecorated(text));
                }
                "AdditionalOptions" => {
                    let mut words = text.split_whitespace();
                    self.unclear |=
                        words.any(|word| ["/U", "-U", "/u"].iter().any(|u| word.starts_with(u)));
                    self.entry_names.extend(entry_symbols(text));
                    self.takes_whole |= text.to_ascii_uppercase().contains("WHOLEARCHIVE");
                }
                // The objects are linked in place of the library.
                "UseLibraryDependencyInputs" => {
                    self.takes_whole |= text.eq_ignore_ascii_case("true");
                }
                name if parent_name == "PropertyGroup" && !text.is_empty() => {
                    self.properties
                        .insert(name.to_lowercase(), text.to_string());
                }
                _ => {}
            }
        }
    }

    /// `<ItemDefinitionGroup Condition="…"><ClCompile><PreprocessorDefinitions>`: for the configurations that it is for.
    fn take_definitions(&mut self, node: Node, text: &str) {
        let around: Vec<Node> = node.ancestors().skip(1).collect();
        let [compile, group, top, ..] = around[..] else {
            return;
        };
        let conditions = [node, compile, group].map(|node| node.attribute("Condition"));
        let conditions: Vec<&str> = conditions.into_iter().flatten().collect();
        let is_group = group.tag_name().name() == "ItemDefinitionGroup";
        // One that says something else may hold in any configuration.
        let is_clear = conditions.len() <= 1
            && conditions.iter().all(|text| {
                let mut names = self.configurations.iter();
                names.any(|name| is_for(text, name))
            });
        if !is_group || top.tag_name().name() != "Project" || !is_clear {
            self.unclear = true;
            return;
        }
        for name in &self.configurations {
            if !conditions.iter().all(|text| is_for(text, name)) {
                continue;
            }
            let known = self.definitions.entry(name.clone()).or_default();
            if !inherits(text) {
                known.clear();
            }
            for definition in text.split(';').map(str::trim) {
                let (name, value) = definition.split_once('=').unwrap_or((definition, "1"));
                if !name.is_empty() && !name.contains(['%', '$', '(']) {
                    known.insert(name.to_string(), value.to_string());
                }
            }
        }
    }

    /// The files of an item's attribute: a list with `;`, wildcards allowed.
    fn items(&self, node: Node, attribute: &str, this: &str) -> Vec<FileId> {
        let mut found = Vec::new();
        for item in node.attribute(attribute).unwrap_or("").split(';') {
            let item = item.trim();
            if item.is_empty() || item.starts_with("@(") {
                continue;
            }
            let path = self.expand(item, this);
            if path.contains(['*', '?']) {
                let excluded: Vec<FileId> = node
                    .attribute("Exclude")
                    .unwrap_or("")
                    .split(';')
                    .flat_map(|item| self.tree.glob("", &self.expand(item.trim(), this), false))
                    .collect();
                let files = self.tree.glob("", &path, false);
                found.extend(files.into_iter().filter(|id| !excluded.contains(id)));
            } else {
                found.extend(self.locate(&path));
            }
        }
        found
    }

    /// A path with its macros replaced, from the top of the run. An unknown macro leaves `\u{1}` behind.
    fn expand(&self, item: &str, this: &str) -> String {
        let mut text = item.to_string();
        for _ in 0..8 {
            let Some(open) = text.find("$(") else { break };
            let Some(length) = text[open..].find(')') else {
                break;
            };
            let name = text[open + 2..open + length].to_lowercase();
            let value = match name.as_str() {
                "projectdir" | "msbuildprojectdirectory" => Some(format!("/{}/", self.folder)),
                "msbuildthisfiledirectory" => Some(format!("/{this}/")),
                "projectname" | "msbuildprojectname" => Some(
                    file_name(self.path)
                        .rsplit_once('.')
                        .map_or("", |(stem, _)| stem)
                        .to_string(),
                ),
                "solutiondir" => Some(format!("/{}/", self.solution_folder())),
                _ => self.properties.get(&name).cloned(),
            };
            text.replace_range(
                open..open + length + 1,
                value.as_deref().unwrap_or("/\u{1}/"),
            );
        }
        let text = text.replace('\\', "/");
        if let Some(unknown) = text.rfind('\u{1}') {
            return format!("\u{1}{}", &text[unknown + 1..]);
        }
        // Only the last absolute part counts: `$(A)$(B)` with both rooted.
        let rooted = text.rfind("//").map_or(text.as_str(), |at| &text[at + 1..]);
        // Items of a shared project are relative to the project that imports it, unless they say otherwise.
        join(self.folder, rooted)
    }

    fn solution_folder(&self) -> &str {
        let mut folder = self.folder;
        loop {
            let mut files = self.tree.below(folder).map(|id| self.tree.path(id));
            if files.any(|path| parent(path) == folder && path.ends_with(".sln")) {
                return folder;
            }
            if folder.is_empty() {
                return parent(self.folder);
            }
            folder = parent(folder);
        }
    }

    fn locate(&self, path: &str) -> Option<FileId> {
        match path.strip_prefix('\u{1}') {
            Some(suffix) => self
                .tree
                .find_suffix(self.path, suffix.trim_start_matches('/')),
            None => self.tree.find(path),
        }
    }
}

/// Whether a setting is of one item of a list, and not of a group of definitions for all.
fn is_item(node: Node) -> bool {
    node.ancestors()
        .any(|above| above.tag_name().name() == "ItemGroup")
}

/// Whether definitions come on top of those before.
fn inherits(text: &str) -> bool {
    text.contains("%(PreprocessorDefinitions)")
}

/// Whether the condition of a group names a configuration: `'$(Configuration)|$(Platform)'=='Debug|x64'`, or one part of it.
/// Case does not count, as in MSBuild.
fn is_for(condition: &str, configuration: &str) -> bool {
    let plain: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
    let plain = plain.to_lowercase();
    let configuration = &configuration.to_lowercase();
    let (name, platform) = configuration.split_once('|').unwrap_or((configuration, ""));
    [
        format!("'$(configuration)|$(platform)'=='{configuration}'"),
        format!("'$(configuration)'=='{name}'"),
        format!("'$(platform)'=='{platform}'"),
    ]
    .contains(&plain)
}

/// `<ExcludedFromBuild>true</…>` without a condition.
fn excluded_always(node: Node) -> bool {
    node.children().any(|child| {
        child.tag_name().name() == "ExcludedFromBuild"
            && child.attribute("Condition").is_none()
            && child
                .text()
                .unwrap_or("")
                .trim()
                .eq_ignore_ascii_case("true")
    })
}

/// Solutions: up to Visual Studio 2008 a project links the static libraries that its solution says it depends on.
pub fn link_by_solutions(tree: &Tree, build_files: &[FileId], targets: &mut [Target]) {
    let mut links: FxHashMap<String, BTreeSet<String>> = FxHashMap::default();
    for &id in build_files {
        if tree.path(id).to_lowercase().ends_with(".sln") {
            for (from, to) in dependencies(parent(tree.path(id)), tree.text(id)) {
                links.entry(from).or_default().insert(to);
            }
        }
    }
    for target in targets {
        if tree.path(target.build).to_lowercase().ends_with(".vcproj")
            && let Some(more) = links.get(&target.key)
        {
            target.links.extend(more.iter().cloned());
        }
    }
}

/// The pairs of keys of projects, of which one depends on the other.
fn dependencies(folder: &str, text: &str) -> Vec<(String, String)> {
    let mut keys: FxHashMap<String, String> = FxHashMap::default();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let (mut project, mut in_section) = (None, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("Project(") {
            // Project("{kind}") = "name", "path", "{identity}"
            let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            if let [_, _, path, identity] = words[..] {
                keys.insert(identity.to_uppercase(), key(&join(folder, path)));
                project = Some(identity.to_uppercase());
            }
        } else if line.starts_with("EndProject") && !line.starts_with("EndProjectSection") {
            project = None;
        } else if line.starts_with("ProjectSection(ProjectDependencies)") {
            in_section = true;
        } else if line.starts_with("EndProjectSection") {
            in_section = false;
        } else if in_section
            && let Some(from) = &project
            && let Some((_, to)) = line.split_once('=')
        {
            pairs.push((from.clone(), to.trim().to_uppercase()));
        }
    }
    pairs
        .iter()
        .filter_map(|(from, to)| Some((keys.get(from)?.clone(), keys.get(to)?.clone())))
        .collect()
}

/// Visual Studio 2002 to 2008.
fn old_project(tree: &Tree, id: FileId) -> Option<Target> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(tree.text(id), options).ok()?;
    let path = tree.path(id);
    let folder = parent(path);
    let mut target = Target::new(id);
    let mut types = BTreeSet::new();
    for node in document.root_element().descendants() {
        match node.tag_name().name() {
            "Configuration" => {
                types.extend(node.attribute("ConfigurationType").map(str::to_string));
            }
            "Tool" => {
                if node.attribute("ModuleDefinitionFile").is_some() {
                    types.insert("def".into());
                }
                if let Some(entry) = node.attribute("EntryPointSymbol") {
                    target.entry_names.push(super::undecorated(entry));
                }
            }
            "File" => {
                let item = node.attribute("RelativePath").unwrap_or("");
                if let Some(file) = tree.find(&join(folder, item)) {
                    if tree.is_source(file) {
                        target.sources.push(file);
                    } else if tree.lang(file).is_some() {
                        target.headers.push(file);
                    }
                }
            }
            "ProjectReference" => {
                if let Some(item) = node.attribute("RelativePathToProject") {
                    target.links.push(key(&join(folder, item)));
                }
            }
            _ => {}
        }
    }
    let name = file_name(path);
    target.name = name.rsplit_once('.').map_or(name, |(stem, _)| stem).into();
    target.key = key(path);
    target.msvc = Some(true);
    let (kind, number) = if types.contains("2") {
        (TargetKind::Made(Some(Kind::Dll)), "2 (DLL)")
    } else if types.contains("1") {
        (TargetKind::Made(Some(Kind::Exe)), "1 (application)")
    } else if types.contains("4") {
        (TargetKind::Contained, "4 (static library)")
    } else if types.contains("def") {
        (
            TargetKind::Made(Some(Kind::Dll)),
            "(none, but a definition file)",
        )
    } else {
        (TargetKind::Made(None), "")
    };
    target.kind = kind;
    if !number.is_empty() {
        target
            .evidence
            .push(format!("ConfigurationType {number} in {path}"));
    }
    Some(target)
}
