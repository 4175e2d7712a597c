//! Paths as reports show them: relative to the working directory, with `/` between the parts.
//!
//! The file system is asked only where a path leads upward.

use std::ffi::OsStr;
use std::path::{Component, Path};

/// Whether a shown path lies below a shown folder.
pub(super) fn lies_below(path: &str, folder: &str) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => folder.is_empty() || folder == "/" || rest.starts_with('/'),
        None => false,
    }
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

/// The path of a file as reports show it, seen by its folder: the file need not exist, and is not looked at where it is a
/// link.
pub(super) fn shown_file(file: &Path, working: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match &*shown(folder, working) {
        "" => name.into_owned(),
        folder => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}

/// With `/` between the parts and none at the end.
pub(crate) fn slashed(path: &Path) -> String {
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
pub(crate) fn resolved(working: &Path, shown: &str) -> String {
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

/// The shown path of something below a folder.
pub(super) fn below(root: &Path, shown: &str, path: &Path) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
