//! Files that are written whole or not at all.

use std::io::Write;
use std::path::Path;

/// Writes a file that is either the old or the new one, never a part: beside it first, then in its place.
///
/// # Errors
/// A message that names the file.
pub fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), String> {
    let fail = |error| format!("cannot write `{}`: {error}", file.display());
    // A device or a pipe is written to, not replaced; a link stays one.
    if file.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::OpenOptions::new()
            .write(true)
            .open(file)
            .and_then(|mut out| out.write_all(bytes))
            .map_err(fail);
    }
    let target = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".tplint-{}", std::process::id()));
    let beside = target.with_file_name(name);
    let written = std::fs::write(&beside, bytes)
        .and_then(|()| match target.metadata() {
            Ok(there) => std::fs::set_permissions(&beside, there.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| std::fs::rename(&beside, &target));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        fail(error)
    })
}
