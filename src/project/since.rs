//! The sources as they were at a revision, for `--since`: read by the `git` program, the work tree untouched.
//!
//! The old tree holds what this run would have read then: files below the same folders, and none that is there today
//! and left out today, by an ignore file or the configuration. What the repository does not hold (files outside of it,
//! submodules) is taken for unchanged.

use super::paths::{resolved, slashed};
use super::read::{Input, LARGEST};
use crate::module::is_build_file;
use crate::source::{Lang, Sources};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

/// Reads the tree of a revision; `REV...` is the commit at which the current branch left `REV`.
///
/// # Errors
/// A message, without "error:": no git, no repository, no such revision, none named at all.
pub fn tree(revision: &str, input: &Input) -> Result<Sources, String> {
    let unknown = |error: String| match error.trim() {
        "" => format!(
            "--since {revision}: git knows no commit of that name; a shallow checkout lacks old ones"
        ),
        error if error.starts_with("--since") => error.to_string(),
        error => format!("--since {revision}: {error}"),
    };
    if revision.trim_end_matches("...").trim().is_empty() {
        return Err(
            "--since names no revision; if it comes from a variable, that one is empty".into(),
        );
    }
    let below = text(git(input, &["rev-parse", "--show-prefix"]).map_err(unknown)?);
    let root = root(&slashed(&input.start), below.trim_end_matches('\n'));
    let name = match revision.strip_suffix("...") {
        Some(other) => {
            let arguments = ["merge-base", "--end-of-options", other, "HEAD"];
            text(git(input, &arguments).map_err(unknown)?)
        }
        None => revision.to_string(),
    };
    let commit = format!("{}^{{commit}}", name.trim());
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &commit,
    ];
    let commit = text(git(input, &arguments).map_err(unknown)?);
    let listing = git(
        input,
        &["ls-tree", "-r", "-z", "--full-tree", commit.trim()],
    )?;
    let mut wanted: Vec<(String, String)> = Vec::new();
    let mut submodules: Vec<String> = Vec::new();
    for line in listing.split(|byte| *byte == 0) {
        // `mode type object<tab>path`; a path that is not UTF-8 is shown as the listing of the disk shows it.
        let line = String::from_utf8_lossy(line);
        let Some((head, path)) = line.split_once('\t') else {
            continue;
        };
        let parts: Vec<&str> = head.split(' ').collect();
        let [mode, _, object] = parts[..] else {
            continue;
        };
        let whole = format!("{root}/{path}");
        match (mode, input.listed(&whole)) {
            ("160000", _) => submodules.push(whole),
            // A link is not followed.
            ("120000", _) => {}
            (_, Some(path)) if is_wanted(&path, input) => wanted.push((path, object.to_string())),
            _ => {}
        }
    }
    let mut files = contents(input, wanted)?;
    let there: BTreeSet<String> = files.iter().map(|(path, _)| path.clone()).collect();
    for id in input.sources.ids() {
        let file = input.sources.file(id);
        let whole = resolved(&input.working, &file.path);
        if !there.contains(&*file.path) && is_foreign(&whole, &root, &submodules) {
            files.push((file.path.to_string(), file.text.as_bytes().to_vec()));
        }
    }
    Ok(Sources::new(files))
}

/// The repository's folder, in which a folder lies at `below` (`a/b/`, or nothing).
fn root(folder: &str, below: &str) -> String {
    let depth = below.split('/').filter(|part| !part.is_empty()).count();
    let parts: Vec<&str> = folder.split('/').collect();
    parts[..parts.len().saturating_sub(depth)].join("/")
}

/// Whether this run would have read such a file.
fn is_wanted(path: &str, input: &Input) -> bool {
    let is_source = Lang::of_path(path).is_some() || is_build_file(path);
    let is_hidden = path
        .split('/')
        .any(|part| part.starts_with('.') && !matches!(part, "." | ".." | ".cargo"));
    is_source
        && (input.sources.find(path).is_some()
            || !is_hidden
                && !input.config.excludes(path, false)
                // It is there, and yet it was not read: it is ignored.
                && input.working.join(path).symlink_metadata().is_err())
}

/// Whether the repository cannot know a file: it lies outside of it, or in another one. All are absolute paths.
fn is_foreign(path: &str, root: &str, submodules: &[String]) -> bool {
    let lies_below = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    !lies_below(root) || submodules.iter().any(|submodule| lies_below(submodule))
}

/// Reads objects, all through one process.
fn contents(
    input: &Input,
    wanted: Vec<(String, String)>,
) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut child = command(input)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(not_started)?;
    let broken = |what: &str| format!("git cat-file: {what}");
    let mut names = child.stdin.take().ok_or_else(|| broken("no input"))?;
    let output = child.stdout.take().ok_or_else(|| broken("no output"))?;
    let list: String = wanted
        .iter()
        .map(|(_, object)| format!("{object}\n"))
        .collect();
    // git writes while it reads: who only wrote would wait for ever.
    let writer = std::thread::spawn(move || names.write_all(list.as_bytes()));
    let mut output = BufReader::new(output);
    let mut files = Vec::new();
    for (path, _) in wanted {
        // `object type size`, the content, a line end.
        let mut head = String::new();
        output
            .read_line(&mut head)
            .map_err(|error| broken(&error.to_string()))?;
        let size = head.trim_end().rsplit(' ').next().unwrap_or("");
        let size: usize = size
            .parse()
            .map_err(|_| broken(&format!("`{path}` cannot be read: {}", head.trim_end())))?;
        if size as u64 > LARGEST {
            // Too large to be read from the disk, too.
            let whole = size as u64 + 1;
            std::io::copy(&mut output.by_ref().take(whole), &mut std::io::sink())
                .map_err(|error| broken(&error.to_string()))?;
            continue;
        }
        let mut bytes = vec![0; size + 1];
        output
            .read_exact(&mut bytes)
            .map_err(|error| broken(&error.to_string()))?;
        bytes.pop();
        files.push((path, bytes));
    }
    // What it could not write shows in what could not be read.
    let _ = writer.join();
    let _ = child.wait();
    Ok(files)
}

/// The output of git.
fn git(input: &Input, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = command(input)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(not_started)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().trim_start_matches("fatal: ").to_string())
}

fn command(input: &Input) -> Command {
    let mut command = Command::new("git");
    command.current_dir(&input.start);
    // Reading must not write to the repository, ask anybody anything, or start what its configuration names.
    command.args(["-c", "core.fsmonitor=false"]);
    command.env("GIT_OPTIONAL_LOCKS", "0");
    command.env("GIT_TERMINAL_PROMPT", "0");
    // Nor fetch what a partial clone lacks: by the network, with the programs that its configuration names.
    command.env("GIT_NO_LAZY_FETCH", "1");
    // An older git does not know that one: it may fetch, by no protocol that there is.
    command.env("GIT_ALLOW_PROTOCOL", "none");
    // A hook of git sets these, for its own repository and index.
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY",
    ] {
        command.env_remove(name);
    }
    command
}

fn not_started(error: std::io::Error) -> String {
    format!("--since needs the program `git`: {error}")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_lies_above_its_folders() {
        assert_eq!(root("/r", ""), "/r");
        assert_eq!(root("/r/s/t", "s/t/"), "/r");
        assert_eq!(root("C:/r/s", "s/"), "C:/r");
        assert_eq!(root("/s", "s/"), "");
    }

    #[test]
    fn what_the_repository_cannot_know_is_foreign() {
        let submodules = ["/r/lib/other".to_string()];
        for (path, root, foreign) in [
            ("/r/a.c", "/r", false),
            ("/a.c", "/r", true),
            ("/r2/a.c", "/r", true),
            ("/a.c", "", false),
            ("/r/lib/other/a.c", "/r", true),
            ("/r/lib/others/a.c", "/r", false),
        ] {
            assert_eq!(is_foreign(path, root, &submodules), foreign, "{path}");
        }
    }
}
