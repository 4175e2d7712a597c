//! Which repository the sources are from: read from `.git` itself, as a build machine may have the checkout and no git.
//!
//! In comes a folder, out goes what SARIF's `versionControlProvenance` asks for, and where the repository's root lies.
//! Whatever cannot be read is left out; a report does not fail for it.

use super::paths::slashed;
use crate::config::Base;
use crate::report::Origin;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is known of the repository that holds a folder. Paths are shown as seen from the working directory.
pub fn find(start: &Path, working: &Path) -> Origin {
    let holder = start
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    let Some(root) = holder else {
        return Origin::default();
    };
    let mut origin = Origin {
        root: Some(Base {
            folder: slashed(root),
            working: slashed(working),
        }),
        ..Origin::default()
    };
    let Some(folder) = git_folder(root) else {
        return origin;
    };
    // A work tree that was added to a repository shares all but its own HEAD.
    let common = read(&folder.join("commondir")).map_or(folder.clone(), |at| folder.join(at));
    origin.repository =
        read(&common.join("config")).and_then(|config| browser_address(&remote(&config)?));
    let head = read(&folder.join("HEAD")).unwrap_or_default();
    match head.strip_prefix("ref:").map(str::trim) {
        Some(name) => {
            origin.branch = name.strip_prefix("refs/heads/").map(str::to_string);
            origin.revision = commit(&common, name);
        }
        None => origin.revision = Some(head).filter(|head| is_commit(head)),
    }
    origin
}

/// The repository's folder: `.git`, or what the file of that name points to.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let entry = root.join(".git");
    if entry.is_dir() {
        return Some(entry);
    }
    let text = read(&entry)?;
    Some(root.join(text.strip_prefix("gitdir:")?.trim()))
}

fn read(file: &Path) -> Option<String> {
    // A pipe of that name would be waited for.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    Some(text.trim().to_string())
}

/// The commit that a branch stands at: in a file of its own, or in the list of packed ones.
fn commit(common: &Path, name: &str) -> Option<String> {
    // The name comes out of a file: it must not lead elsewhere.
    if !name.starts_with("refs/") || name.contains("..") {
        return None;
    }
    let loose = read(&common.join(name));
    let packed = || {
        let list = read(&common.join("packed-refs"))?;
        let line = list
            .lines()
            .find(|line| line.split_once(' ').is_some_and(|(_, known)| known == name))?;
        line.split(' ').next().map(str::to_string)
    };
    loose.or_else(packed).filter(|commit| is_commit(commit))
}

/// SHA-1 or SHA-256 in hexadecimal digits.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The address of `origin`, else of the only other remote repository.
fn remote(config: &str) -> Option<String> {
    let mut remotes: BTreeMap<String, String> = BTreeMap::new();
    let mut name = None;
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.split(']').next().unwrap_or("");
            name = section
                .strip_prefix("remote \"")
                .and_then(|rest| rest.strip_suffix('"'))
                .map(str::to_string);
        } else if let (Some(name), Some((key, value))) = (&name, line.split_once('='))
            && key.trim().eq_ignore_ascii_case("url")
        {
            let value = value.trim().trim_matches('"').to_string();
            remotes.entry(name.clone()).or_insert(value);
        }
    }
    let only = (remotes.len() == 1).then(|| remotes.first_key_value().map(|(_, url)| url.clone()));
    remotes.remove("origin").or(only.flatten())
}

/// The address of a repository as a browser opens it. None for a place on this machine, which is nobody else's
/// business; a name and a password before the host are cut off.
fn browser_address(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some(("https" | "http" | "ssh" | "git" | "git+ssh", rest)) => {
            let (host, path) = rest.split_once('/')?;
            let host = host.rsplit('@').next().unwrap_or(host);
            // Another port than the browser's belongs to ssh or git.
            let host = if url.starts_with("http") {
                host
            } else {
                host.split(':').next().unwrap_or(host)
            };
            format!("{host}/{path}")
        }
        Some(_) => return None,
        // `git@host:owner/name`; one letter before the colon is a drive.
        None => {
            let (host, path) = url.split_once(':')?;
            let host = host.rsplit('@').next().unwrap_or(host);
            if host.len() < 2 || host.contains(['/', '\\']) {
                return None;
            }
            format!("{host}/{}", path.trim_start_matches('/'))
        }
    };
    let rest = rest.split(['?', '#']).next().unwrap_or("");
    let rest = rest.trim_end_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    let is_plain = rest
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`'));
    (is_plain && rest.contains('/') && !rest.starts_with('/')).then(|| format!("https://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_a_browser() {
        for (url, address) in [
            (
                "https://example.com/o/n.git",
                Some("https://example.com/o/n"),
            ),
            (
                "https://me:secret@example.com/o/n",
                Some("https://example.com/o/n"),
            ),
            (
                "https://example.com:8443/o/n.git/",
                Some("https://example.com:8443/o/n"),
            ),
            (
                "https://example.com/o/n?token=x",
                Some("https://example.com/o/n"),
            ),
            ("git@example.com:o/n.git", Some("https://example.com/o/n")),
            ("example.com:/o/n.git", Some("https://example.com/o/n")),
            (
                "ssh://git@example.com:22/o/n.git",
                Some("https://example.com/o/n"),
            ),
            ("git://example.com/n.git", Some("https://example.com/n")),
            ("/srv/git/n.git", None),
            ("../n", None),
            ("file:///srv/n", None),
            ("C:/repositories/n", None),
            ("C:\\repositories\\n", None),
            ("https://example.com", None),
            ("https:///n", None),
            ("https://example.com/a b", None),
            ("", None),
        ] {
            assert_eq!(browser_address(url).as_deref(), address, "{url}");
        }
    }

    #[test]
    fn the_remote_is_origin_or_the_only_one() {
        let one = "[core]\n\turl = no\n[remote \"up\"]\n\tfetch = x\n\turl = https://a/b\n";
        assert_eq!(remote(one).as_deref(), Some("https://a/b"));
        let two = format!("{one}[remote \"origin\"]\nURL=https://c/d\n[branch \"x\"]\nurl = no\n");
        assert_eq!(remote(&two).as_deref(), Some("https://c/d"));
        let two = format!("{one}[remote \"other\"]\nurl = https://c/d\n");
        assert_eq!(remote(&two), None, "which of the two is not known");
        assert_eq!(remote("[remote \"origin\n = url\n]"), None);
    }
}
