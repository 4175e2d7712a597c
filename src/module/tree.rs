//! Paths of one run: normalizing, looking up and matching, with nothing read from the file system.

use crate::source::{FileId, Lang, Sources};
use rustc_hash::FxHashMap;

/// The folder of a path, "" at the top.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// What a module is called after its folder.
pub fn named(folder: &str) -> String {
    match folder {
        "" => "(top)".to_string(),
        folder => folder.to_string(),
    }
}

/// `path` as seen from `folder`, with `.` and `..` resolved. A path that starts with `/` is meant from the top.
pub fn join(folder: &str, path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    let from = if path.starts_with('/') { "" } else { folder };
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    // A run may have been started with absolute paths.
    if from.starts_with('/') {
        format!("/{joined}")
    } else {
        joined
    }
}

/// Whether `path` is below `folder`; everything is below "".
pub fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// How many leading folders two paths share.
pub fn nearness(a: &str, b: &str) -> usize {
    parent(a)
        .split('/')
        .zip(parent(b).split('/'))
        .take_while(|(a, b)| a == b && !a.is_empty())
        .count()
}

/// A header by its ending; what is neither a header nor of a known language is no source.
pub fn is_header(path: &str) -> bool {
    let ending = file_name(path)
        .rsplit_once('.')
        .map_or("", |(_, ending)| ending);
    ["h", "hh", "hpp", "hxx", "h++", "inl", "ipp", "tcc"]
        .iter()
        .any(|header| ending.eq_ignore_ascii_case(header))
}

/// Looks files up.
pub struct Tree<'a> {
    pub sources: &'a Sources,
    by_lower_path: FxHashMap<String, FileId>,
    by_lower_name: FxHashMap<String, Vec<FileId>>,
}

impl<'a> Tree<'a> {
    pub fn new(sources: &'a Sources) -> Tree<'a> {
        let mut by_lower_path =
            FxHashMap::with_capacity_and_hasher(sources.len(), Default::default());
        let mut by_lower_name: FxHashMap<String, Vec<FileId>> = FxHashMap::default();
        for id in sources.ids() {
            let lower = sources.file(id).path.to_lowercase();
            by_lower_name
                .entry(file_name(&lower).to_string())
                .or_default()
                .push(id);
            by_lower_path.entry(lower).or_insert(id);
        }
        Tree {
            sources,
            by_lower_path,
            by_lower_name,
        }
    }

    pub fn path(&self, id: FileId) -> &'a str {
        &self.sources.file(id).path
    }

    pub fn text(&self, id: FileId) -> &'a str {
        &self.sources.file(id).text
    }

    pub fn lang(&self, id: FileId) -> Option<Lang> {
        self.sources.file(id).lang
    }

    /// C, C++ or Rust that is compiled by itself.
    pub fn is_source(&self, id: FileId) -> bool {
        self.lang(id).is_some() && !is_header(self.path(id))
    }

    /// The file at this path; Windows does not mind the case.
    pub fn find(&self, path: &str) -> Option<FileId> {
        self.sources
            .find(path)
            .or_else(|| self.by_lower_path.get(&path.to_lowercase()).copied())
    }

    /// The file whose path ends with `suffix`, nearest to `from`; of equally near ones the first.
    pub fn find_suffix(&self, from: &str, suffix: &str) -> Option<FileId> {
        let suffix = suffix.trim_start_matches("../").trim_start_matches("./");
        let lower = suffix.to_lowercase();
        let candidates = self.by_lower_name.get(file_name(&lower))?;
        let mut best: Option<(usize, FileId)> = None;
        for &id in candidates {
            let path = self.path(id);
            let Some(head) = path.len().checked_sub(lower.len()) else {
                continue;
            };
            let whole = head == 0 || path.as_bytes()[head - 1] == b'/';
            if !whole || !path.as_bytes()[head..].eq_ignore_ascii_case(lower.as_bytes()) {
                continue;
            }
            let near = nearness(from, path);
            if best.is_none_or(|(nearest, _)| near > nearest) {
                best = Some((near, id));
            }
        }
        best.map(|(_, id)| id)
    }

    /// All files below a folder, in path order.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = FileId> + use<'a> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let count = self.sources.len();
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = (low + high) / 2;
            if *self.sources.file(FileId(middle as u32)).path < *prefix {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let sources = self.sources;
        (low..count)
            .map(|index| FileId(index as u32))
            .take_while(move |&id| sources.file(id).path.starts_with(&prefix))
    }

    /// The files that a pattern names: `*`, `?` and `[ab]` within a part, `**` over parts. With `deep` the last part is
    /// looked for in every folder below.
    pub fn glob(&self, folder: &str, pattern: &str, deep: bool) -> Vec<FileId> {
        let full = join(folder, pattern);
        let Some(star) = full.find(['*', '?', '[']) else {
            if deep {
                let name = file_name(&full);
                return self
                    .below(parent(&full))
                    .filter(|&id| file_name(self.path(id)) == name)
                    .collect();
            }
            return self.find(&full).into_iter().collect();
        };
        let base = full[..star].rsplit_once('/').map_or("", |(base, _)| base);
        let wanted: Vec<&str> = full.split('/').collect();
        let (last, heads) = wanted.split_last().map_or(("", &[][..]), |(l, h)| (*l, h));
        self.below(base)
            .filter(|&id| {
                let parts: Vec<&str> = self.path(id).split('/').collect();
                if deep {
                    let Some((name, folders)) = parts.split_last() else {
                        return false;
                    };
                    wild(last, name)
                        && folders.len() >= heads.len()
                        && heads.iter().zip(folders).all(|(want, got)| wild(want, got))
                } else {
                    wild_path(&wanted, &parts)
                }
            })
            .collect()
    }
}

fn wild_path(wanted: &[&str], parts: &[&str]) -> bool {
    match wanted.split_first() {
        None => parts.is_empty(),
        Some((&"**", rest)) => (0..=parts.len()).any(|skip| wild_path(rest, &parts[skip..])),
        Some((want, rest)) => parts
            .split_first()
            .is_some_and(|(part, parts)| wild(want, part) && wild_path(rest, parts)),
    }
}

/// A set of characters at the start of a pattern, `[a-c]` or `[!a]`: whether it holds this one, and its length. Nothing
/// where no bracket closes it.
fn in_set(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
    let inside = pattern.strip_prefix(b"[")?;
    let other = matches!(inside.first(), Some(b'!' | b'^'));
    let inside = &inside[usize::from(other)..];
    // A bracket that stands first is one of the set.
    let close = inside.iter().skip(1).position(|&byte| byte == b']')? + 1;
    let byte = byte.to_ascii_lowercase();
    let (mut at, mut holds) = (0, false);
    while at < close {
        let first = inside[at].to_ascii_lowercase();
        if at + 2 < close && inside[at + 1] == b'-' {
            holds |= (first..=inside[at + 2].to_ascii_lowercase()).contains(&byte);
            at += 3;
        } else {
            holds |= first == byte;
            at += 1;
        }
    }
    Some((holds != other, close + 2 + usize::from(other)))
}

/// `*`, `?` and `[a-c]` within one part, without regard to case.
fn wild(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len()
            && (pattern[p] == b'?' || pattern[p].eq_ignore_ascii_case(&text[t]))
        {
            p += 1;
            t += 1;
        } else if let Some((true, length)) = in_set(&pattern[p..], text[t]) {
            p += length;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(join("a/b", "..\\c\\./d.c"), "a/c/d.c");
        assert_eq!(join("a", "../../x.c"), "../x.c");
        assert_eq!(join("a", "/b/c.c"), "b/c.c");
        assert_eq!(join("/tmp/a", "../b.c"), "/tmp/b.c");
        assert!(is_below("a/b", "a") && !is_below("ab/c", "a") && is_below("x", ""));
        assert_eq!(nearness("a/b/c.c", "a/b/d/e.c"), 2);
        assert!(wild("*.c*", "x.cpp") && !wild("*.c", "x.cpp") && wild("a?c", "AbC"));
        assert!(wild("x[ab].c", "xB.c") && !wild("x[ab].c", "xc.c") && wild("x[!ab].c", "xc.c"));
        assert!(wild("*[0-9].c", "v12.c") && !wild("*[0-9].c", "vx.c") && wild("x[.c", "x[.c"));
    }

    #[test]
    fn globs() {
        let files = ["a/x.c", "a/b/y.c", "a/b/y.h", "a/b/c/z.c", "ab/q.c"];
        let sources = Sources::new(files.iter().map(|f| (f.to_string(), Vec::new())).collect());
        let tree = Tree::new(&sources);
        let names = |ids: Vec<FileId>| ids.iter().map(|&id| tree.path(id)).collect::<Vec<_>>();
        assert_eq!(names(tree.glob("a", "*.c", false)), ["a/x.c"]);
        assert_eq!(
            names(tree.glob("a", "**/*.c", false)),
            ["a/b/c/z.c", "a/b/y.c", "a/x.c"]
        );
        assert_eq!(
            names(tree.glob("a", "b/*.c", true)),
            ["a/b/c/z.c", "a/b/y.c"]
        );
        assert_eq!(names(tree.glob("", "*/*.c", false)), ["a/x.c", "ab/q.c"]);
        assert_eq!(tree.find("A/X.C").map(|id| tree.path(id)), Some("a/x.c"));
        assert_eq!(
            tree.find_suffix("a/b/c/k.c", "c/z.c")
                .map(|id| tree.path(id)),
            Some("a/b/c/z.c")
        );
    }

    #[test]
    fn suffixes() {
        let files = ["a/one/q.c", "a/two/q.c", "b/q.c"];
        let sources = Sources::new(files.iter().map(|f| (f.to_string(), Vec::new())).collect());
        let tree = Tree::new(&sources);
        let find =
            |from: &str, suffix: &str| tree.find_suffix(from, suffix).map(|id| tree.path(id));
        assert_eq!(find("a/two/main.c", "q.c"), Some("a/two/q.c"));
        assert_eq!(find("b/main.c", "Q.C"), Some("b/q.c"));
        assert_eq!(find("c/main.c", "../b/q.c"), Some("b/q.c"));
        // Of equally near ones the first.
        assert_eq!(find("a/main.c", "q.c"), Some("a/one/q.c"));
        assert_eq!(find("main.c", "q.c"), Some("a/one/q.c"));
        assert_eq!(find("main.c", "ne/q.c"), None);
    }
}
