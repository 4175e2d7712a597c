//! Which files lie below the folders that are given: sources and build files, without what ignore files and the
//! configuration leave out.
//!
//! Links are not followed, pipes and devices are told and never opened, and no file that a tree brings along is read
//! through a link that leads out of it.

use super::paths::below;
use super::read::LARGEST_CONFIGURATION;
use crate::config::Config;
use crate::module::is_build_file;
use crate::report::counted;
use crate::source::Lang;
use ignore::WalkBuilder;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Of a pipe, a socket, a device.
pub(super) const NO_FILE: &str = "it is neither a file nor a folder";

/// Links that are told by name; the rest is counted.
const LISTED_LINKS: usize = 5;

/// Files by the path that is shown, with the path to open.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) files: BTreeMap<String, PathBuf>,
    pub(super) unread: Vec<Unread>,
    pub(super) warnings: Vec<String>,
    /// Links to folders, and such with the name of a source: as shown, and to open. They are not followed.
    pub(super) links: BTreeMap<String, PathBuf>,
    /// Folders that are not entered, as they would be opened.
    pub(super) passed_over: Vec<PathBuf>,
}

/// Adds the sources and build files of a folder, and of those below it if it is read deeply. Where what should be an ignore file is none (a pipe, which would be
/// waited for), its folder is listed without.
pub(super) fn list(
    listing: &mut Listing,
    root: &Path,
    shown: &str,
    is_deep: bool,
    no_ignore: bool,
    config: &Arc<Config>,
) {
    let odd = match no_ignore {
        true => None,
        false => odd_ignore_file(root),
    };
    if let Some(name) = odd {
        tell_odd(listing, shown, name);
    }
    let is_without = no_ignore || odd.is_some();
    for (folder, name) in list_one(listing, root, shown, is_deep, is_without, config) {
        let shown = below(root, shown, &folder);
        tell_odd(listing, &shown, name);
        list_one(listing, &folder, &shown, true, true, config);
    }
}

const IGNORE_FILES: [&str; 3] = [".gitignore", ".ignore", ".git/info/exclude"];

/// Whether a folder has an ignore file that would never end: a pipe, a device, more patterns than people write.
fn cannot_be_read(folder: &Path) -> bool {
    IGNORE_FILES.iter().any(|name| {
        let there = folder.join(name).metadata();
        there.is_ok_and(|there| match there.is_file() {
            true => there.len() > LARGEST_CONFIGURATION,
            // A folder fails at once.
            false => !there.is_dir(),
        })
    })
}

/// The ignore file of a folder that is no file, a link that leads out of the folder, or larger than people write one:
/// millions of patterns would take hours and all memory.
fn odd_ignore_file(folder: &Path) -> Option<&'static str> {
    IGNORE_FILES.into_iter().find(|name| {
        let file = folder.join(name);
        match file.symlink_metadata() {
            Ok(there) if there.is_symlink() => !stays_below(&file, folder),
            Ok(there) => !there.is_file() || there.len() > LARGEST_CONFIGURATION,
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
        "`{file}` is no file of its folder, or larger than {} MiB: nothing is ignored there",
        LARGEST_CONFIGURATION >> 20
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
    is_deep: bool,
    no_ignore: bool,
    config: &Arc<Config>,
) -> Vec<(PathBuf, &'static str)> {
    let above = std::path::absolute(root).unwrap_or_default();
    let in_repository = above.ancestors().any(|folder| folder.join(".git").exists());
    // The walk reads the ignore files of all folders above, also where it does not use them, and above the repository
    // others may put there what they like.
    let are_odd = !no_ignore && above.ancestors().skip(1).any(cannot_be_read);
    if are_odd {
        let told =
            "an ignore file above the analysed folder is none that can be read: nothing is ignored";
        if !listing.warnings.iter().any(|warning| warning == told) {
            listing.warnings.push(told.into());
        }
    }
    let no_ignore = no_ignore || are_odd;
    let mut walk = WalkBuilder::new(root);
    walk.standard_filters(!no_ignore)
        .hidden(false)
        .follow_links(false)
        .git_global(false)
        // A tree without its repository (a release archive) keeps its ignore files; those above it are not its own.
        .require_git(false)
        .parents(!no_ignore && in_repository)
        .max_depth((!is_deep).then_some(1))
        .sort_by_file_path(Path::cmp);
    // Whoever names a folder means it, excluded or not.
    let all = config.excludes(shown, true);
    let (filter, from, top) = (Arc::clone(config), root.to_path_buf(), shown.to_string());
    let left_out: Arc<Mutex<Vec<(PathBuf, &'static str)>>> = Arc::default();
    let odd = Arc::clone(&left_out);
    let passed_over = listing.passed_over.clone();
    walk.filter_entry(move |entry| {
        if entry.depth() == 0 {
            return true;
        }
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        if is_folder && !is_deep {
            return false;
        }
        let name = entry.file_name().to_string_lossy();
        // Cargo keeps settings in a hidden folder.
        // CMake's own, in a build folder: the sources with which it tries the compiler.
        let is_cmakes = is_folder && name == "CMakeFiles";
        let is_wanted = (!name.starts_with('.') || name == ".cargo")
            && !is_cmakes
            && (all || !filter.excludes(&below(&from, &top, entry.path()), is_folder))
            && !passed_over.iter().any(|folder| folder == entry.path());
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
pub(super) fn links_out(links: &BTreeMap<String, PathBuf>, folders: &[PathBuf]) -> Option<String> {
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
pub(super) type Unread = (String, String);
