//! From the paths of the command line to `Sources` and a configuration: the only file that reads sources.
//!
//! Shown paths are relative to the working directory, with `/` between the parts; a path that was given is opened as it
//! was written. Listing is serial and sorted, reading is parallel. A file that cannot be read inside a folder is told
//! and left out; a path that was given and cannot be read is an error.

use super::around::{Around, around};
use super::cache::Cache;
use super::paths::{lies_below, resolved, shown, shown_file, slashed};
use super::progress::Progress;
use super::walk::{Listing, NO_FILE, Unread, links_out, list, may_be_read};
use crate::config::{Base, Config, FILE_NAME};
use crate::diagnostic::Diagnostic;
use crate::module::built::Built;
use crate::module::is_build_file;
use crate::report::Origin;
use crate::rules::page;
use crate::rules::timings::Timings;
use crate::source::{Encoding, FileId, Lang, SourceFile, Sources};
use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest source, in bytes. What is larger was made by a program, holds tables, and would cost minutes and gigabytes.
pub(super) const LARGEST: u64 = 32 << 20;

/// The largest file that a build or tplint itself has made: what a build did of a large tree, or its baseline.
pub(super) const LARGEST_MADE: u64 = 256 << 20;

/// No configuration and no ignore file that people write comes near this.
pub(super) const LARGEST_CONFIGURATION: u64 = 1 << 20;

/// Everything a run reads.
pub struct Input {
    pub sources: Sources,
    pub config: Arc<Config>,
    /// Where it was found, as shown; none where there is no configuration file.
    pub config_file: Option<String>,
    pub origin: Origin,
    /// Files and folders that could not be read: path and why.
    pub unread: Vec<Unread>,
    /// Things to tell before the report, without "warning:".
    pub warnings: Vec<String>,
    /// What a build makes of which files.
    pub build: Vec<Built<FileId>>,
    /// The folder that shown paths are relative to.
    pub working: PathBuf,
    /// The first path's folder.
    pub start: PathBuf,
    /// Every function is read, also where the index says that nothing can be found.
    pub whole: bool,
    /// Where the time of the analysis goes.
    pub timings: Arc<Timings>,
    /// Where findings are kept from run to run.
    pub cache: Option<Cache>,
    scopes: Vec<Scope>,
    /// The folders that were listed.
    roots: Vec<Root>,
}

/// A folder that was listed.
struct Root {
    /// As shown.
    path: String,
    /// With what lies below it.
    is_deep: bool,
}

/// What is read in place of the folders that are asked about, where somebody knows the project that they belong to.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where the configuration is looked for, upward; absolute.
    pub start: PathBuf,
    /// Folders, absolute.
    pub roots: Vec<PathBuf>,
    /// Folders below them that are not read, absolute.
    pub left_out: Vec<PathBuf>,
}

/// What one path of the command line asks about.
struct Scope {
    /// As shown; empty for the working directory.
    path: String,
    is_folder: bool,
    /// Lies in a quiet folder: whoever names it wants to see what is in it.
    is_quiet: bool,
}

impl Scope {
    fn holds(&self, path: &str) -> bool {
        if self.is_folder {
            lies_below(path, &self.path)
        } else {
            path == self.path
        }
    }
}

impl Input {
    /// Whether a path was asked for, itself or by its folder.
    pub fn holds(&self, path: &str) -> bool {
        self.scopes.iter().any(|scope| scope.holds(path))
    }

    /// Whether a finding is shown: one in a folder that was asked for, outside of quiet folders, or one with any label
    /// in a file that was asked for.
    pub fn shows(&self, finding: &Diagnostic) -> bool {
        let path = |span: crate::source::Span| &*self.sources.file(span.file).path;
        let primary = path(finding.primary().span);
        self.scopes.iter().any(|scope| {
            if scope.is_folder {
                scope.holds(primary) && (scope.is_quiet || !self.config.is_quiet(primary))
            } else {
                finding
                    .labels
                    .iter()
                    .any(|label| scope.holds(path(label.span)))
            }
        })
    }
}

impl Input {
    /// The folders that were asked for and have no source, as shown.
    pub fn without_sources(&self) -> Vec<&str> {
        let files = self.sources.ids().map(|id| self.sources.file(id));
        let sources: Vec<&str> = files
            .filter(|file| file.lang.is_some())
            .map(|file| &*file.path)
            .collect();
        let has_none = |scope: &&Scope| !sources.iter().any(|path| scope.holds(path));
        let folders = self.scopes.iter().filter(|scope| scope.is_folder);
        folders.filter(has_none).map(|scope| &*scope.path).collect()
    }

    /// Whether any source speaks of Windows, be it by a header, a condition or a crate.
    pub fn mentions_windows(&self) -> bool {
        let words = ["windows", "win32", "winapi", "dllmain"];
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(words);
        let ids: Vec<FileId> = self.sources.ids().collect();
        words.is_ok_and(|words| {
            ids.par_iter().any(|&id| {
                let file = self.sources.file(id);
                file.lang.is_some() && words.is_match(&*file.text)
            })
        })
    }

    /// Whether a finding at this path, seen from the working directory, would be shown.
    pub fn asks_about(&self, path: &str) -> bool {
        let whole = resolved(&self.working, path);
        self.scopes.iter().any(|scope| {
            let asked = resolved(&self.working, &scope.path);
            if scope.is_folder {
                lies_below(&whole, &asked) && (scope.is_quiet || !self.config.is_quiet(path))
            } else {
                whole == asked
            }
        })
    }

    /// How a file (an absolute path) is shown that lies in what was listed; none for one that does not.
    pub fn listed(&self, whole: &str) -> Option<String> {
        let folders = self.roots.iter().find_map(|root| {
            let folder = resolved(&self.working, &root.path);
            if !lies_below(whole, &folder) {
                return None;
            }
            let rest = whole[folder.len()..].trim_start_matches('/');
            (root.is_deep || !rest.contains('/')).then(|| match &*root.path {
                "" => rest.to_string(),
                root => format!("{}/{rest}", root.trim_end_matches('/')),
            })
        });
        let named = || {
            let mut files = self.scopes.iter().filter(|scope| !scope.is_folder);
            let file = files.find(|scope| resolved(&self.working, &scope.path) == whole);
            file.map(|scope| scope.path.clone())
        };
        folders.or_else(named)
    }
}

/// A path of the command line, looked at.
struct Given {
    written: PathBuf,
    shown: String,
    /// Without symbolic links being followed, for looking upward.
    absolute: PathBuf,
    is_folder: bool,
}

/// What is to be read.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    /// The folder that shown paths are relative to.
    pub working: PathBuf,
    /// Relative ones are seen from the working directory of the process.
    pub paths: Vec<PathBuf>,
    /// The configuration, where it is not to be looked for.
    pub config: Option<PathBuf>,
    pub no_ignore: bool,
    pub build: Option<PathBuf>,
    /// Words that somebody may have meant who names a path that does not exist.
    pub commands: &'static [&'static str],
    /// What a build tool has said about the paths.
    pub project: Option<Project>,
    /// Sources whose texts come from elsewhere and that need not exist: each is read as empty.
    pub unsaved: Vec<PathBuf>,
}

/// Reads the configuration and all sources; with `stdin`, one source from standard input in place of the file of that
/// name, which need not exist.
///
/// # Errors
/// A message for people, without "error:": a path that does not exist or cannot be read, a broken configuration.
pub fn read(wanted: &Wanted, stdin: Option<&Path>, progress: &Progress) -> Result<Input, String> {
    let working = wanted.working.clone();
    let no_ignore = wanted.no_ignore;
    let project = wanted.project.as_ref();
    let here = [PathBuf::from(".")];
    let paths = if wanted.paths.is_empty() {
        &here[..]
    } else {
        &wanted.paths
    };
    let given: Vec<Given> = match stdin {
        Some(name) => vec![from_stdin(name, paths, &working)?],
        None => paths
            .iter()
            .map(|path| match wanted.unsaved.contains(path) {
                true => unwritten(path, shown_file(path, &working), &working),
                false => look_at(path, &working, wanted.commands),
            })
            .collect::<Result<_, _>>()?,
    };
    let start = match project {
        Some(project) => Some(&*project.start),
        None if given[0].is_folder => Some(&*given[0].absolute),
        None => given[0].absolute.parent(),
    };
    let (config, config_file) = configuration(wanted.config.as_deref(), start, &working)?;
    let config = Arc::new(config);
    progress.stage("listing", 0);
    let mut listing = Listing::default();
    let mut roots = Vec::new();
    let mut folders = Vec::new();
    if let Some(project) = project {
        listing.passed_over.clone_from(&project.left_out);
        for root in &project.roots {
            let shown = shown(root, &working);
            list(&mut listing, root, &shown, true, no_ignore, &config);
            roots.push(Root {
                path: shown,
                is_deep: true,
            });
            folders.push(root.clone());
        }
    }
    for given in given.iter().filter(|_| project.is_none()) {
        let (folder, shown, is_deep) = if given.is_folder {
            (given.written.clone(), given.shown.clone(), true)
        } else {
            // Whoever names a file means it, ignored or not.
            listing
                .files
                .insert(given.shown.clone(), given.written.clone());
            let Some(Around { folder, is_deep }) = around(&given.absolute) else {
                continue;
            };
            let shown = shown(&folder, &working);
            (folder, shown, is_deep)
        };
        list(&mut listing, &folder, &shown, is_deep, no_ignore, &config);
        roots.push(Root {
            path: shown,
            is_deep,
        });
        folders.push(folder);
    }
    listing.warnings.extend(links_out(&listing.links, &folders));
    let mut extra = Vec::new();
    if stdin.is_some() {
        extra.push((given[0].shown.clone(), standard_input()?));
    }
    for path in &wanted.unsaved {
        let shown = shown_file(path, &working);
        let is_named = given.iter().any(|given| given.shown == shown);
        if is_named || !config.excludes(&shown, false) {
            extra.push((shown, Vec::new()));
        }
    }
    for (shown, _) in &extra {
        listing.files.remove(shown);
    }
    progress.stage("reading", listing.files.len());
    let (sources, unread) = contents(listing.files, extra, progress);
    listing.unread.extend(unread);
    let no_text = sources
        .ids()
        .map(|id| sources.file(id))
        .filter(|file| file.encoding == Encoding::Binary)
        // What is no text and has the ending of a build file by chance is none, and nothing is lost without it.
        .filter(|file| file.lang.is_some() || !crate::module::has_shared_ending(&file.path))
        .map(|file| (file.path.to_string(), "it holds NUL bytes: no text".into()));
    listing.unread.extend(no_text);
    for given in &given {
        if let Some((_, why)) = listing.unread.iter().find(|(path, _)| *path == given.shown) {
            return Err(format!("cannot read `{}`: {why}", given.written.display()));
        }
    }
    let mut built = Vec::new();
    if let Some(folder) = &wanted.build {
        let folders = given.iter().filter(|given| given.is_folder);
        let roots: Vec<&str> = folders.map(|given| given.shown.as_str()).collect();
        let (targets, warning) = super::build::read(folder, &sources, &roots, &working)?;
        built = targets;
        listing.warnings.extend(warning);
    }
    let first = &given[0];
    let mut start = first.absolute.ancestors();
    let start = start.find(|folder| folder.is_dir());
    let start = start.unwrap_or(&working).to_path_buf();
    let scopes = given.into_iter().map(|given| Scope {
        is_quiet: config.is_quiet(&given.shown),
        path: given.shown,
        is_folder: given.is_folder,
    });
    Ok(Input {
        scopes: scopes.collect(),
        build: built,
        sources,
        config,
        config_file,
        origin: super::origin::find(&start, &working),
        working,
        start,
        whole: false,
        timings: Arc::default(),
        cache: None,
        roots,
        unread: listing.unread,
        warnings: listing.warnings,
    })
}

fn look_at(path: &Path, working: &Path, commands: &[&'static str]) -> Result<Given, String> {
    let fail = |error: std::io::Error| {
        let mut message = format!("cannot read `{}`: {error}", path.display());
        if error.kind() == std::io::ErrorKind::NotFound {
            match page::nearest(&path.to_string_lossy(), commands.iter().copied()) {
                Some(near) => message.push_str(&format!("; is the command `tplint {near}` meant?")),
                None => message.push_str("; name a file or a folder that exists"),
            }
        }
        message
    };
    if path.as_os_str() == "-" {
        return Err(
            "standard input has no name: say with --stdin-filename where its source belongs".into(),
        );
    }
    let metadata = std::fs::metadata(path).map_err(fail)?;
    if metadata.is_dir() {
        std::fs::read_dir(path).map_err(fail)?;
    } else if !metadata.is_file() {
        let path = path.display();
        return Err(format!("cannot read `{path}`: {NO_FILE}"));
    }
    let shown = shown(path, working);
    if metadata.is_file()
        && let Some(remedy) = no_source(&shown)
    {
        return Err(format!("`{}` is no source: {remedy}", path.display()));
    }
    Ok(Given {
        absolute: PathBuf::from(resolved(working, &shown)),
        written: path.to_path_buf(),
        shown,
        is_folder: metadata.is_dir(),
    })
}

/// What to give in place of a file that is none of a C, C++ or Rust source; none where it is one.
fn no_source(shown: &str) -> Option<String> {
    if Lang::of_path(shown).is_some() {
        return None;
    }
    let (folder, name) = match shown.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => (".", shown),
    };
    Some(match name {
        FILE_NAME => {
            format!("name the folder that it is for, or the file itself with --config {shown}")
        }
        "compile_commands.json" => {
            format!("name the folder of the sources, and this file's with --build {folder}")
        }
        "Cargo.toml" => format!(
            "name the folder, `tplint {folder}`, or run `cargo tplint --manifest-path {shown}`"
        ),
        _ if is_build_file(shown) => format!(
            "name the folder, `tplint {folder}`; the build files in it say which sources make up which module"
        ),
        _ => "its ending is none of a C, C++ or Rust file; name a source, or a folder".into(),
    })
}

/// The configuration, and the shown path of its file; the defaults where there is none. It is looked for from `start`
/// upward.
fn configuration(
    named: Option<&Path>,
    start: Option<&Path>,
    working: &Path,
) -> Result<(Config, Option<String>), String> {
    let file = match named {
        Some(file) => Some(file.to_path_buf()),
        None => start
            .into_iter()
            .flat_map(Path::ancestors)
            .map(|folder| folder.join(FILE_NAME))
            .find(|file| file.symlink_metadata().is_ok_and(|there| !there.is_dir())),
    };
    let Some(file) = file else {
        return Ok((Config::default(), None));
    };
    let name = shown_file(&file, working);
    let fail = |error: String| format!("cannot read `{name}`: {error}");
    if named.is_none() {
        may_be_read(&file, "--config").map_err(fail)?;
    }
    let bytes = bytes_up_to(&file, LARGEST_CONFIGURATION).map_err(fail)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{name}: the file is not UTF-8"))?;
    let folder = resolved(working, &name);
    let folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
    let base = Base {
        folder: folder.to_string(),
        working: slashed(working),
    };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let config = Config::parse(text, base).map_err(|error| format!("{name}:{error}"))?;
    Ok((config, Some(name)))
}

/// The path of `--stdin-filename`, which stands alone.
fn from_stdin(name: &Path, paths: &[PathBuf], working: &Path) -> Result<Given, String> {
    if paths
        .iter()
        .any(|path| !matches!(path.to_str(), Some("." | "-")))
    {
        return Err("--stdin-filename goes with the path - alone".into());
    }
    let shown = shown(name, working);
    if Lang::of_path(&shown).is_none() {
        return Err(format!(
            "--stdin-filename: the ending of `{shown}` is none of a C, C++ or Rust source"
        ));
    }
    unwritten(name, shown, working)
}

/// A file that need not exist.
fn unwritten(name: &Path, shown: String, working: &Path) -> Result<Given, String> {
    Ok(Given {
        absolute: PathBuf::from(resolved(working, &shown)),
        written: name.to_path_buf(),
        shown,
        is_folder: false,
    })
}

fn standard_input() -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LARGEST + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read standard input: {error}"))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!(
            "cannot read standard input: larger than {} MiB",
            LARGEST >> 20
        ));
    }
    Ok(bytes)
}

/// Reads files; of `extra` the bytes are there already.
fn contents(
    files: BTreeMap<String, PathBuf>,
    extra: Vec<(String, Vec<u8>)>,
    progress: &Progress,
) -> (Sources, Vec<Unread>) {
    let files: Vec<(String, PathBuf)> = files.into_iter().collect();
    let read: Vec<Result<SourceFile, Unread>> = files
        .into_par_iter()
        .map_init(Vec::new, |buffer, (shown, path)| {
            let read = read_up_to(&path, LARGEST, buffer);
            progress.step();
            match read {
                Ok(()) => Ok(SourceFile::new(shown, buffer)),
                Err(why) => Err((shown, why)),
            }
        })
        .collect();
    let mut unread = Vec::new();
    let extra = extra.into_iter();
    let mut files: Vec<SourceFile> = extra
        .map(|(shown, bytes)| SourceFile::new(shown, &bytes))
        .collect();
    for file in read {
        match file {
            Ok(file) => files.push(file),
            Err(failed) => unread.push(failed),
        }
    }
    (Sources::of(files), unread)
}

/// The bytes of a source.
///
/// # Errors
/// What the system says, or that there are too many of them.
pub fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    bytes_up_to(path, LARGEST)
}

/// The bytes of a file that has no more than so many, also where it grows while it is read.
///
/// # Errors
/// What the system says, or that there are too many of them.
pub(super) fn bytes_up_to(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    read_up_to(path, most, &mut bytes)?;
    Ok(bytes)
}

/// The same, into a buffer that held something else.
fn read_up_to(path: &Path, most: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let file = std::fs::File::open(path).map_err(told)?;
    let size = file.metadata().map_err(told)?.len();
    bytes.clear();
    if size <= most {
        bytes.reserve_exact(size as usize + 1);
        file.take(most + 1).read_to_end(bytes).map_err(told)?;
    }
    if size > most || bytes.len() as u64 > most {
        return Err(format!("larger than {} MiB", most >> 20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_hold_what_lies_below_them() {
        let scope = |path: &str, is_folder| Scope {
            path: path.into(),
            is_folder,
            is_quiet: false,
        };
        assert!(scope("", true).holds("a.c"));
        assert!(scope("src", true).holds("src/a.c"));
        assert!(!scope("src", true).holds("src2/a.c"));
        assert!(scope("src/a.c", false).holds("src/a.c"));
        assert!(!scope("src/a.c", false).holds("src/a.cpp"));
        assert!(scope("..", true).holds("../a.c"));
    }
}
