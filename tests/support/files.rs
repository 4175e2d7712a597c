//! Folders that tests make for themselves.

use std::fs;
use std::path::Path;

/// Writes files below a folder, by their paths from there, with the folders that they need.
///
/// # Panics
/// Where that fails.
pub fn write(root: &Path, files: &[(&str, impl AsRef<[u8]>)]) {
    for (path, contents) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(root)).unwrap();
        fs::write(path, contents).unwrap();
    }
}
