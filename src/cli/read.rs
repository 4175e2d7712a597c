//! From the paths of the command line to `Sources` and a configuration: the only file that reads the file system.
//!
//! Shown paths are relative to the working directory, with `/` between the parts; a path that was given is opened as it
//! was written. Listing is serial and sorted, reading is parallel. A file that cannot be read inside a folder is told
//! and left out; a path that was given and cannot be read is an error.

use super::progress::Progress;
use crate::config::{Base, Config, FILE_NAME};
use crate::diagnostic::Diagnostic;
use crate::module::built::Built;
use crate::module::is_build_file;
use crate::report::{Origin, counted};
use crate::rules::page;
use crate::source::{Encoding, FileId, Lang, Sources};
use crate::timings::Timings;
use ignore::WalkBuilder;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Offsets are 32 bits wide, and no source that people write comes near this.
pub(super) const LARGEST: u64 = 256 << 20;

/// No configuration that people write comes near this.
const LARGEST_CONFIGURATION: u64 = 1 << 20;

/// Of a pipe, a socket, a device.
const NO_FILE: &str = "it is neither a file nor a folder";

/// Links that are told by name; the rest is counted.
const LISTED_LINKS: usize = 5;

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
    scopes: Vec<Scope>,
    /// The folders that were listed, as shown.
    roots: Vec<String>,
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

/// Whether a shown path lies below a shown folder.
fn lies_below(path: &str, folder: &str) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => folder.is_empty() || folder == "/" || rest.starts_with('/'),
        None => false,
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
            let folder = resolved(&self.working, root);
            lies_below(whole, &folder).then(|| {
                let rest = whole[folder.len()..].trim_start_matches('/');
                match &**root {
                    "" => rest.to_string(),
                    root => format!("{}/{rest}", root.trim_end_matches('/')),
                }
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

/// Reads the configuration and all sources; with `stdin`, one source from standard input in place of the file of that
/// name, which need not exist.
///
/// # Errors
/// A message for people, without "error:": a path that does not exist or cannot be read, a broken configuration.
pub fn read(
    paths: &[PathBuf],
    stdin: Option<&Path>,
    config: Option<&Path>,
    no_ignore: bool,
    build: Option<&Path>,
    progress: &Progress,
) -> Result<Input, String> {
    let working = std::env::current_dir()
        .map_err(|error| format!("the working directory cannot be read: {error}"))?;
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let given: Vec<Given> = match stdin {
        Some(name) => vec![from_stdin(name, paths, &working)?],
        None => paths
            .iter()
            .map(|path| look_at(path, &working))
            .collect::<Result<_, _>>()?,
    };
    let (config, config_file) = configuration(config, &given[0], &working)?;
    let config = Arc::new(config);
    progress.stage("listing", 0);
    let mut listing = Listing::default();
    let mut roots = Vec::new();
    let mut folders = Vec::new();
    for given in &given {
        if given.is_folder {
            roots.push(given.shown.clone());
            folders.push(given.written.clone());
            list(
                &mut listing,
                &given.written,
                &given.shown,
                no_ignore,
                &config,
            );
        } else {
            let (folder, shown) = surroundings(given, &working);
            list(&mut listing, &folder, &shown, no_ignore, &config);
            roots.push(shown);
            folders.push(folder);
            // Whoever names a file means it, ignored or not.
            listing
                .files
                .insert(given.shown.clone(), given.written.clone());
        }
    }
    listing.warnings.extend(links_out(&listing.links, &folders));
    let mut extra = None;
    if stdin.is_some() {
        listing.files.remove(&given[0].shown);
        extra = Some((given[0].shown.clone(), standard_input()?));
    }
    progress.stage("reading", listing.files.len());
    let (sources, unread) = contents(listing.files, extra, progress);
    listing.unread.extend(unread);
    let no_text = sources
        .ids()
        .map(|id| sources.file(id))
        .filter(|file| file.encoding == Encoding::Binary)
        .map(|file| (file.path.to_string(), "it holds NUL bytes: no text".into()));
    listing.unread.extend(no_text);
    for given in &given {
        if let Some((_, why)) = listing.unread.iter().find(|(path, _)| *path == given.shown) {
            return Err(format!("cannot read `{}`: {why}", given.written.display()));
        }
    }
    let mut built = Vec::new();
    if let Some(folder) = build {
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
        roots,
        unread: listing.unread,
        warnings: listing.warnings,
    })
}

fn look_at(path: &Path, working: &Path) -> Result<Given, String> {
    let fail = |error: std::io::Error| {
        let mut message = format!("cannot read `{}`: {error}", path.display());
        if error.kind() == std::io::ErrorKind::NotFound {
            let commands = super::COMMANDS.into_iter();
            match page::nearest(&path.to_string_lossy(), commands) {
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
    Ok(Given {
        absolute: PathBuf::from(resolved(working, &shown)),
        written: path.to_path_buf(),
        shown,
        is_folder: metadata.is_dir(),
    })
}

/// The path as reports show it: relative to the working directory, also where it was given as an absolute one; absolute
/// only where no relative one exists (another drive).
pub(super) fn shown(path: &Path, working: &Path) -> String {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_string_lossy()),
            Component::ParentDir if parts.iter().all(|part| part == "..") => {
                parts.push("..".into())
            }
            // A step upward behind a symbolic link leads elsewhere than it reads.
            _ => return shown_real(path, working),
        }
    }
    if parts.first().is_some_and(|part| part == "..") {
        return shown_real(path, working);
    }
    parts.join("/")
}

fn shown_real(path: &Path, working: &Path) -> String {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let (path, working) = (real(path), real(working));
    let (to, from): (Vec<_>, Vec<_>) =
        (path.components().collect(), working.components().collect());
    let common = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return slashed(&path);
    }
    let up = from[common..].iter().map(|_| "..".into());
    let down = to[common..]
        .iter()
        .map(|part| part.as_os_str().to_string_lossy());
    up.chain(down)
        .collect::<Vec<std::borrow::Cow<str>>>()
        .join("/")
}

/// With `/` between the parts and none at the end.
pub(super) fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '\\' {
        return slashed_windows(&text);
    }
    text.trim_end_matches('/').to_string()
}

/// The same for a path of Windows, without what marks it as one that is taken literally: `\\?\C:\a`, `\\?\UNC\server\share`.
fn slashed_windows(text: &str) -> String {
    let text = match text.strip_prefix(r"\\?\UNC\") {
        Some(share) => format!("//{share}"),
        None => text.strip_prefix(r"\\?\").unwrap_or(text).to_string(),
    };
    text.replace('\\', "/").trim_end_matches('/').to_string()
}

/// A shown path as an absolute one, `..` taken away.
pub(super) fn resolved(working: &Path, shown: &str) -> String {
    let working = slashed(working);
    // A path on another drive is shown whole.
    let is_whole = shown.as_bytes().get(1) == Some(&b':');
    let mut parts: Vec<&str> = if is_whole {
        Vec::new()
    } else {
        working.split('/').collect()
    };
    for part in shown.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let text = parts.join("/");
    if text.is_empty() { "/".into() } else { text }
}

/// The configuration, and the shown path of its file; the defaults where there is none.
fn configuration(
    named: Option<&Path>,
    first: &Given,
    working: &Path,
) -> Result<(Config, Option<String>), String> {
    let file = match named {
        Some(file) => Some(file.to_path_buf()),
        None => {
            let start = if first.is_folder {
                Some(&*first.absolute)
            } else {
                first.absolute.parent()
            };
            start
                .into_iter()
                .flat_map(Path::ancestors)
                .map(|folder| folder.join(FILE_NAME))
                .find(|file| file.symlink_metadata().is_ok_and(|there| !there.is_dir()))
        }
    };
    let Some(file) = file else {
        return Ok((Config::default(), None));
    };
    let name = shown(&file, working);
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

/// The folder that a file is analysed with: of the nearest configuration, else of the nearest build file, else its own.
fn surroundings(given: &Given, working: &Path) -> (PathBuf, String) {
    let own = given.absolute.parent().unwrap_or(&given.absolute);
    // A source from standard input can stand where no folder is yet.
    let own = own
        .ancestors()
        .find(|folder| folder.is_dir())
        .unwrap_or(own);
    let mut folders: Vec<&Path> = Vec::new();
    for folder in own.ancestors() {
        folders.push(folder);
        // Above a repository lies nothing that belongs to it.
        if folder.join(".git").exists() {
            break;
        }
    }
    let configured = || {
        folders
            .iter()
            .find(|folder| folder.join(FILE_NAME).is_file())
    };
    let built = || folders.iter().find(|folder| has_build_file(folder));
    let folder = configured().or_else(built).copied().unwrap_or(own);
    (folder.to_path_buf(), shown(folder, working))
}

fn has_build_file(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry.file_name().to_str().is_some_and(is_build_file)
                && entry.file_type().is_ok_and(|kind| kind.is_file())
        })
    })
}

/// Files by the path that is shown, with the path to open.
#[derive(Default)]
struct Listing {
    files: BTreeMap<String, PathBuf>,
    unread: Vec<Unread>,
    warnings: Vec<String>,
    /// Links to folders, and such with the name of a source: as shown, and to open. They are not followed.
    links: BTreeMap<String, PathBuf>,
}

/// Adds the sources and build files below a folder. Where what should be an ignore file is none (a pipe, which would be
/// waited for), its folder is listed without.
fn list(listing: &mut Listing, root: &Path, shown: &str, no_ignore: bool, config: &Arc<Config>) {
    let odd = match no_ignore {
        true => None,
        false => odd_ignore_file(root),
    };
    if let Some(name) = odd {
        tell_odd(listing, shown, name);
    }
    let is_without = no_ignore || odd.is_some();
    for (folder, name) in list_one(listing, root, shown, is_without, config) {
        let shown = below(root, shown, &folder);
        tell_odd(listing, &shown, name);
        list_one(listing, &folder, &shown, true, config);
    }
}

/// The ignore file of a folder that is no file, or a link that leads out of the folder.
fn odd_ignore_file(folder: &Path) -> Option<&'static str> {
    [".gitignore", ".ignore", ".git/info/exclude"]
        .into_iter()
        .find(|name| {
            let file = folder.join(name);
            match file.symlink_metadata() {
                Ok(there) if there.is_symlink() => !stays_below(&file, folder),
                Ok(there) => !there.is_file(),
                Err(_) => false,
            }
        })
}

fn tell_odd(listing: &mut Listing, shown: &str, name: &str) {
    let file = if shown.is_empty() {
        name.to_string()
    } else {
        format!("{shown}/{name}")
    };
    listing.warnings.push(format!(
        "`{file}` is no file of its folder: nothing is ignored there"
    ));
}

/// Whether a file, its links followed, is a file in this folder or below it.
pub(super) fn stays_below(file: &Path, folder: &Path) -> bool {
    let (Ok(file), Ok(folder)) = (file.canonicalize(), folder.canonicalize()) else {
        return false;
    };
    file.starts_with(folder) && file.is_file()
}

/// Whether a file that a tree brings along may be read: it is a file, and lies, its links followed, in the same
/// repository, or in its own folder where there is none. Whoever names the file himself may name any.
///
/// # Errors
/// Why not, for people; none where there is no such file.
pub(super) fn may_be_read(file: &Path, option: &str) -> Result<(), String> {
    let Ok(there) = file.symlink_metadata() else {
        return Ok(());
    };
    let folder = file.parent().unwrap_or(file);
    if there.is_symlink() {
        let project = folder
            .ancestors()
            .find(|folder| folder.join(".git").exists());
        let is_inside = stays_below(file, project.unwrap_or(folder));
        if !is_inside {
            return Err(format!(
                "it is a link out of its project; name what it leads to with {option}"
            ));
        }
    } else if !there.is_file() {
        return Err("it is no file".into());
    }
    Ok(())
}

/// Adds what lies below a folder. Gives the folders that were left out for their ignore files, each with the name of it.
fn list_one(
    listing: &mut Listing,
    root: &Path,
    shown: &str,
    no_ignore: bool,
    config: &Arc<Config>,
) -> Vec<(PathBuf, &'static str)> {
    let in_repository = std::path::absolute(root)
        .is_ok_and(|root| root.ancestors().any(|folder| folder.join(".git").exists()));
    let mut walk = WalkBuilder::new(root);
    walk.standard_filters(!no_ignore)
        .hidden(false)
        .follow_links(false)
        .git_global(false)
        // A tree without its repository (a release archive) keeps its ignore files; those above it are not its own.
        .require_git(false)
        .parents(!no_ignore && in_repository)
        .sort_by_file_path(Path::cmp);
    // Whoever names a folder means it, excluded or not.
    let all = config.excludes(shown, true);
    let (filter, from, top) = (Arc::clone(config), root.to_path_buf(), shown.to_string());
    let left_out: Arc<Mutex<Vec<(PathBuf, &'static str)>>> = Arc::default();
    let odd = Arc::clone(&left_out);
    walk.filter_entry(move |entry| {
        if entry.depth() == 0 {
            return true;
        }
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let name = entry.file_name().to_string_lossy();
        // Cargo keeps settings in a hidden folder.
        let is_wanted = (!name.starts_with('.') || name == ".cargo")
            && (all || !filter.excludes(&below(&from, &top, entry.path()), is_folder));
        if is_wanted
            && is_folder
            && !no_ignore
            && let Some(name) = odd_ignore_file(entry.path())
        {
            let mut odd = odd.lock().unwrap_or_else(PoisonError::into_inner);
            odd.push((entry.path().to_path_buf(), name));
            return false;
        }
        is_wanted
    });
    for entry in walk.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let (path, why) = failure(&error);
                let path = path.map_or(shown.to_string(), |path| below(root, shown, path));
                listing.unread.push((path, why));
                continue;
            }
        };
        let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else {
            continue;
        };
        let path = below(root, shown, entry.path());
        let is_source = Lang::of_path(&path).is_some() || is_build_file(&path);
        if kind.is_symlink() && (is_source || entry.path().is_dir()) {
            listing.links.insert(path, entry.into_path());
            continue;
        }
        if !is_source || kind.is_symlink() {
            continue;
        }
        if !kind.is_file() {
            listing.unread.push((path, NO_FILE.into()));
            continue;
        }
        if entry.path().to_str().is_none() && path.contains('\u{FFFD}') {
            let told = format!("a path is not UTF-8 and is shown as `{path}`");
            if !listing.warnings.contains(&told) {
                listing.warnings.push(told);
            }
        }
        listing.files.insert(path, entry.into_path());
    }
    let mut left_out = left_out.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut left_out)
}

/// The links that lead to something outside of these folders, as a warning.
fn links_out(links: &BTreeMap<String, PathBuf>, folders: &[PathBuf]) -> Option<String> {
    let folders: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| folder.canonicalize().ok())
        .collect();
    let leads_out = |path: &Path| {
        path.canonicalize()
            .is_ok_and(|real| !folders.iter().any(|folder| real.starts_with(folder)))
    };
    let out: Vec<String> = links
        .iter()
        .filter(|(_, path)| leads_out(path))
        .map(|(shown, _)| format!("`{shown}`"))
        .collect();
    let more = if out.len() > LISTED_LINKS {
        ", …"
    } else {
        ""
    };
    let verb = if out.len() == 1 { "leads" } else { "lead" };
    let are = if out.len() == 1 { "is" } else { "are" };
    (!out.is_empty()).then(|| {
        format!(
            "{} that {verb} out of the analysed folders {are} not followed: {}{more}",
            counted(out.len(), "link", "s"),
            out[..out.len().min(LISTED_LINKS)].join(", ")
        )
    })
}

/// The shown path of something below a folder.
fn below(root: &Path, shown: &str, path: &Path) -> String {
    let rest = path.strip_prefix(root).unwrap_or(path);
    let mut text = shown.to_string();
    for part in rest.iter().map(OsStr::to_string_lossy) {
        if !text.is_empty() && !text.ends_with('/') {
            text.push('/');
        }
        text.push_str(&part);
    }
    text
}

/// The path and the cause in an error of the walk.
fn failure(error: &ignore::Error) -> (Option<&Path>, String) {
    match error {
        ignore::Error::WithPath { path, err } => (Some(path), failure(err).1),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            failure(err)
        }
        // The walk wraps the system's error and says the path again.
        ignore::Error::Io(error) => {
            let cause = error.get_ref().and_then(|inner| inner.source());
            (
                None,
                cause.map_or_else(|| error.to_string(), ToString::to_string),
            )
        }
        other => (None, other.to_string()),
    }
}

/// A shown path and why it could not be read.
type Unread = (String, String);

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

/// Reads files; `extra` is one whose bytes are there already.
fn contents(
    files: BTreeMap<String, PathBuf>,
    extra: Option<(String, Vec<u8>)>,
    progress: &Progress,
) -> (Sources, Vec<Unread>) {
    let files: Vec<(String, PathBuf)> = files.into_iter().collect();
    let read: Vec<Result<(String, Vec<u8>), Unread>> = files
        .into_par_iter()
        .map(|(shown, path)| {
            let bytes = bytes_of(&path);
            progress.step();
            match bytes {
                Ok(bytes) => Ok((shown, bytes)),
                Err(why) => Err((shown, why)),
            }
        })
        .collect();
    let mut unread = Vec::new();
    let mut files: Vec<(String, Vec<u8>)> = extra.into_iter().collect();
    for file in read {
        match file {
            Ok(file) => files.push(file),
            Err(failed) => unread.push(failed),
        }
    }
    (Sources::new(files), unread)
}

/// The bytes of a source or of a file that a build has made.
///
/// # Errors
/// What the system says, or that there are too many of them.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    bytes_up_to(path, LARGEST)
}

/// The bytes of a file that has no more than so many, also where it grows while it is read.
fn bytes_up_to(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| error.to_string();
    let file = std::fs::File::open(path).map_err(told)?;
    let size = file.metadata().map_err(told)?.len();
    let mut bytes = Vec::new();
    if size <= most {
        bytes.reserve_exact(size as usize + 1);
        file.take(most + 1).read_to_end(&mut bytes).map_err(told)?;
    }
    if size > most || bytes.len() as u64 > most {
        return Err(format!("larger than {} MiB", most >> 20));
    }
    Ok(bytes)
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

    #[test]
    fn windows_paths_are_shown_with_slashes() {
        for (path, shown) in [
            (r"C:\a\b.c", "C:/a/b.c"),
            (r"\\?\C:\a\", "C:/a"),
            (r"\\?\UNC\server\share\a", "//server/share/a"),
            (r"\\server\share", "//server/share"),
            ("C:/a", "C:/a"),
        ] {
            assert_eq!(slashed_windows(path), shown);
        }
    }

    #[test]
    fn shown_paths_are_resolved() {
        assert_eq!(resolved(Path::new("/r/x"), ""), "/r/x");
        assert_eq!(resolved(Path::new("/r/x"), "src/a.c"), "/r/x/src/a.c");
        assert_eq!(resolved(Path::new("/r/x"), "../../.."), "/");
        assert_eq!(resolved(Path::new("/"), "a"), "/a");
        assert_eq!(resolved(Path::new("C:/r"), "D:/x/../a.c"), "D:/a.c");
        assert_eq!(shown(Path::new("./src//a.c"), Path::new("/")), "src/a.c");
        assert_eq!(shown(Path::new("."), Path::new("/")), "");
    }
}
