//! Lowering, shown by its dump: each test lowers a snippet and looks for runs of lines.

mod bodies;
mod items;
mod macros;
mod robustness;

use super::lower;
use crate::source::FileId;

/// The dump with each line trimmed.
fn dump(text: &str) -> String {
    lower(FileId(0), text)
        .to_string()
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The dump of `text` must hold each fragment, which is a run of lines (separated by `;;` or line ends).
#[track_caller]
fn holds(text: &str, fragments: &[&str]) {
    let dump = dump(text);
    for fragment in fragments {
        let wanted = fragment
            .split(['\n'])
            .flat_map(|line| line.split(";;"))
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n");
        assert!(dump.contains(&wanted), "no\n{wanted}\nin\n{dump}");
    }
}

/// The dump must not hold this.
#[track_caller]
fn lacks(text: &str, fragment: &str) {
    let dump = dump(text);
    assert!(!dump.contains(fragment), "{fragment}\nin\n{dump}");
}
