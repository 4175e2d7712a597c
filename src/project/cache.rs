//! Findings of earlier runs, so that a run over the very same files need not look for them again.
//!
//! In come sources and options; out go the findings that were kept under their key, or none. The key is made of all that
//! findings rest on: the texts and the paths of all files, the options, and which tplint it is. What is kept is plain
//! data with a checksum: an entry that is damaged, or of another tplint, is no entry. Runs at the same time do not
//! disturb each other, since an entry is written whole. A folder that cannot be written to is no error: nothing is kept
//! then.

use super::whole::write_whole;
use crate::diagnostic::{Diagnostic, Edit, Fix, Label, Level, Role};
use crate::rules::page;
use crate::source::{FileId, Sources, Span};
use crate::{Analysis, Options};
use etcetera::BaseStrategy;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// No more entries than these are kept; the oldest go first.
const MOST_ENTRIES: usize = 64;
/// Nor more bytes.
const MOST_BYTES: u64 = 64 << 20;
/// What is found faster than this is not kept in the platform's folder: to find it again costs as little.
const WORTH_KEEPING: Duration = Duration::from_millis(500);

/// Where findings are kept.
pub struct Cache {
    folder: PathBuf,
    /// Keep what was found fast, too.
    all: bool,
}

/// What one run found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Before policy.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that could not be read whole, with the number of regions.
    pub partly: Vec<(FileId, usize)>,
    /// The number of modules.
    pub modules: usize,
}

impl From<Analysis> for Kept {
    fn from(analysis: Analysis) -> Kept {
        Kept {
            diagnostics: analysis.diagnostics,
            partly: analysis.partly,
            modules: analysis.modules.len(),
        }
    }
}

impl Cache {
    /// The cache in a folder, or in the platform's own: `$XDG_CACHE_HOME/tplint`, `~/.cache/tplint`,
    /// `%LOCALAPPDATA%\tplint`. None where the platform tells no such folder.
    pub fn open(folder: Option<&Path>) -> Option<Cache> {
        if let Some(folder) = folder {
            return Some(Cache {
                folder: folder.to_path_buf(),
                all: true,
            });
        }
        let platform = etcetera::choose_base_strategy().ok()?;
        Some(Cache {
            folder: platform.cache_dir().join("tplint"),
            all: false,
        })
    }

    /// What an earlier run found in these very sources.
    pub fn get(&self, key: &Key) -> Option<Kept> {
        let file = self.folder.join(&key.0);
        let kept = unpack(&std::fs::read(&file).ok()?)?;
        // What is used stays longest.
        if let Ok(file) = std::fs::File::options().append(true).open(&file) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(kept)
    }

    /// Keeps what a run has found, which took so long.
    pub fn put(&self, key: &Key, kept: &Kept, took: Duration) {
        if took < WORTH_KEEPING && !self.all {
            return;
        }
        if std::fs::create_dir_all(&self.folder).is_ok()
            && write_whole(&self.folder.join(&key.0), &pack(kept)).is_ok()
        {
            self.shrink();
        }
    }

    /// Lets go what has not been used for longest.
    fn shrink(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .flatten()
            .filter(|entry| is_key(&entry.file_name().to_string_lossy()))
            .filter_map(|entry| {
                let about = entry.metadata().ok()?;
                Some((about.modified().ok()?, about.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        let mut count = files.len();
        for (_, size, path) in files {
            if count <= MOST_ENTRIES && bytes <= MOST_BYTES {
                return;
            }
            let _ = std::fs::remove_file(path);
            count -= 1;
            bytes -= size;
        }
    }
}

/// Under which findings are kept: a hash of all that they rest on, as the name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Whether a file of the folder is an entry.
fn is_key(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Key {
    /// The key of an analysis.
    pub fn new(sources: &Sources, options: &Options) -> Key {
        let ids: Vec<FileId> = sources.ids().collect();
        let hashes: Vec<blake3::Hash> = ids
            .par_iter()
            .map(|&id| {
                let file = sources.file(id);
                let mut hasher = blake3::Hasher::new();
                let about = format!("{:?} {:?} {}\0", file.lang, file.encoding, file.path);
                hasher.update(about.as_bytes());
                hasher.update(file.text.as_bytes());
                hasher.finalize()
            })
            .collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(this_tplint().as_bytes());
        let Options {
            api,
            modules,
            build,
            rules,
            whole,
            summaries,
            // How long it takes and who watches changes nothing.
            timings: _,
            watch: _,
        } = options;
        let options = format!("{api:?} {modules:?} {build:?} {rules:?} {whole} {summaries}\0");
        hasher.update(options.as_bytes());
        for hash in hashes {
            hasher.update(hash.as_bytes());
        }
        Key(hasher.finalize().to_hex().to_string())
    }
}

/// Which program this is: two of one version can be built from different sources.
fn this_tplint() -> String {
    let about = std::env::current_exe().and_then(std::fs::metadata);
    let built = about.map(|about| (about.len(), about.modified().ok()));
    format!("{} {built:?}\0", env!("CARGO_PKG_VERSION"))
}

/// A place: file, start, end.
type Place = (u32, u32, u32);

#[derive(Serialize, Deserialize)]
struct StoredLabel {
    place: Place,
    message: String,
    role: u8,
    flow: u8,
    function: String,
}

#[derive(Serialize, Deserialize)]
struct StoredDiagnostic {
    rule: String,
    is_note: bool,
    message: String,
    labels: Vec<StoredLabel>,
    help: String,
    notes: Vec<String>,
    /// Title and edits.
    fix: Option<(String, Vec<(Place, String)>)>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    diagnostics: Vec<StoredDiagnostic>,
    partly: Vec<(u32, usize)>,
    modules: usize,
}

fn place(span: Span) -> Place {
    (span.file.0, span.start, span.end)
}

fn span((file, start, end): Place) -> Span {
    Span {
        file: FileId(file),
        start,
        end,
    }
}

const ROLES: [Role; 3] = [Role::Primary, Role::Step, Role::Related];

/// The bytes of an entry: a line with the hash of what follows, and that as JSON.
fn pack(kept: &Kept) -> Vec<u8> {
    let label = |label: &Label| StoredLabel {
        place: place(label.span),
        message: label.message.clone(),
        role: ROLES
            .iter()
            .position(|role| *role == label.role)
            .unwrap_or(0) as u8,
        flow: label.flow,
        function: label.function.clone(),
    };
    let edit = |edit: &Edit| (place(edit.span), edit.replacement.clone());
    let diagnostics = kept.diagnostics.iter().map(|found| StoredDiagnostic {
        rule: found.rule.to_string(),
        is_note: found.level == Level::Note,
        message: found.message.clone(),
        labels: found.labels.iter().map(label).collect(),
        help: found.help.clone(),
        notes: found.notes.clone(),
        fix: (found.fix.as_ref())
            .map(|fix| (fix.title.clone(), fix.edits.iter().map(edit).collect())),
    });
    let stored = Stored {
        diagnostics: diagnostics.collect(),
        partly: kept
            .partly
            .iter()
            .map(|(file, count)| (file.0, *count))
            .collect(),
        modules: kept.modules,
    };
    let json = serde_json::to_vec(&stored).unwrap_or_default();
    let mut bytes = format!("{}\n", blake3::hash(&json).to_hex()).into_bytes();
    bytes.extend(json);
    bytes
}

/// What an entry says; none where it is damaged.
fn unpack(bytes: &[u8]) -> Option<Kept> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (hash, json) = (&bytes[..end], &bytes[end + 1..]);
    if hash != blake3::hash(json).to_hex().as_bytes() {
        return None;
    }
    let stored: Stored = serde_json::from_slice(json).ok()?;
    let label = |label: StoredLabel| {
        Some(Label {
            span: span(label.place),
            message: label.message,
            role: *ROLES.get(label.role as usize)?,
            flow: label.flow,
            function: label.function,
        })
    };
    let diagnostic = |found: StoredDiagnostic| {
        let (rule, _) = page::catalogue()
            .iter()
            .find(|(name, _)| *name == found.rule)?;
        Some(Diagnostic {
            rule,
            level: if found.is_note {
                Level::Note
            } else {
                Level::Deny
            },
            message: found.message,
            labels: found.labels.into_iter().map(label).collect::<Option<_>>()?,
            help: found.help,
            notes: found.notes,
            fix: found.fix.map(|(title, edits)| Fix {
                title,
                edits: edits
                    .into_iter()
                    .map(|(place, replacement)| Edit {
                        span: span(place),
                        replacement,
                    })
                    .collect(),
            }),
        })
    };
    Some(Kept {
        diagnostics: stored
            .diagnostics
            .into_iter()
            .map(diagnostic)
            .collect::<Option<_>>()?,
        partly: stored
            .partly
            .into_iter()
            .map(|(file, count)| (FileId(file), count))
            .collect(),
        modules: stored.modules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze;

    fn sources(body: &str) -> Sources {
        let text = format!(
            "#include <windows.h>\nBOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)\n{{ {body} return TRUE; }}\n"
        );
        Sources::new(vec![("a.c".into(), text.into_bytes())])
    }

    fn kept(sources: &Sources) -> Kept {
        analyze(sources, &Options::default()).unwrap().into()
    }

    #[test]
    fn what_is_packed_comes_back() {
        let found = kept(&sources("WaitForSingleObject(g_thread, INFINITE);"));
        assert!(!found.diagnostics.is_empty());
        assert_eq!(unpack(&pack(&found)), Some(found.clone()));
        // Every byte counts.
        let bytes = pack(&found);
        for at in (0..bytes.len()).step_by(17) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(unpack(&damaged), None, "byte {at}");
        }
        for length in (0..bytes.len()).step_by(31) {
            assert_eq!(unpack(&bytes[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn every_difference_is_another_key() {
        let plain = Options::default();
        let (one, two) = (sources("f();"), sources("g();"));
        assert_eq!(Key::new(&one, &plain), Key::new(&sources("f();"), &plain));
        assert_ne!(Key::new(&one, &plain), Key::new(&two, &plain));
        let moved = Sources::new(vec![(
            "b.c".into(),
            one.file(FileId(0)).text.as_bytes().to_vec(),
        )]);
        assert_ne!(Key::new(&one, &plain), Key::new(&moved, &plain));
        let whole = Options {
            whole: true,
            ..Options::default()
        };
        assert_ne!(Key::new(&one, &plain), Key::new(&one, &whole));
        let rules = Options {
            rules: vec!["wait_in_dll_main"],
            ..Options::default()
        };
        assert_ne!(Key::new(&one, &plain), Key::new(&one, &rules));
    }
}
