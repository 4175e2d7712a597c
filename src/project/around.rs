//! Which project a file belongs to that is named by itself.
//!
//! In comes the path of a file, which need not exist; out goes the folder that is read with it. What bounds it is a file
//! that somebody has put there to say so. Without one nothing says that the folders around have to do with the file, and
//! they may be a home directory, or a disk.

use crate::config::FILE_NAME;
use crate::module::{has_shared_ending, is_build_file};
use std::path::{Path, PathBuf};

/// A folder that is read for a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Around {
    pub folder: PathBuf,
    /// With what lies below it.
    pub is_deep: bool,
}

/// The folder that a file (an absolute path) is analysed with: of the nearest configuration, else of the nearest build
/// file, else of the repository, each with all that lies below; else its own folder's files. None where that folder is
/// not there yet, for a source that comes from elsewhere.
pub fn around(file: &Path) -> Option<Around> {
    let own = file.parent().unwrap_or(file);
    let mut folders: Vec<&Path> = Vec::new();
    let mut repository = None;
    for folder in own.ancestors().filter(|folder| folder.is_dir()) {
        folders.push(folder);
        // Above a repository lies nothing that belongs to it.
        if folder.join(".git").exists() {
            repository = Some(folder);
            break;
        }
    }
    let mut above = folders.iter().copied();
    let configured = above.find(|folder| folder.join(FILE_NAME).is_file());
    let mut above = folders.iter().copied();
    // Outside of a repository a file that only may be a build file says nothing about the folders below it.
    let built = above.find(|folder| has_build_file(folder, repository.is_some() || *folder == own));
    let project = configured.or(built).or(repository);
    let deep = |folder: &Path| Around {
        folder: folder.to_path_buf(),
        is_deep: true,
    };
    let alone = || Around {
        folder: own.to_path_buf(),
        is_deep: false,
    };
    project.map(deep).or_else(|| own.is_dir().then(alone))
}

fn has_build_file(folder: &Path, with_shared_endings: bool) -> bool {
    let is_one =
        |name: &str| is_build_file(name) && (with_shared_endings || !has_shared_ending(name));
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry.file_name().to_str().is_some_and(is_one)
                && entry.file_type().is_ok_and(|kind| kind.is_file())
        })
    })
}
