//! Findings of earlier runs, so that a run over the very same files need not look for them again.
//!
//! In come sources and options; out go the findings that were kept under their key, or none. The key is made of all that
//! findings rest on: the texts and the paths of all files, the options, and which tplint it is. Under a second key, for
//! which the texts do not count, stands the record of the last run over files of these paths (`earlier`): a run in which
//! some texts are other ones takes from it what still holds. What is kept is plain data with a checksum: an entry that is
//! damaged, or of another tplint, is no entry. Runs at the same time do not disturb each other, since an entry is written
//! whole. A folder that cannot be written to is no error: nothing is kept then.

use super::whole::write_whole;
use crate::diagnostic::Diagnostic;
use crate::earlier::{Earlier, Stored as StoredDiagnostic};
use crate::source::{FileId, Sources};
use crate::{Analysis, Options};
use etcetera::BaseStrategy;
use rayon::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// No more entries than these are kept; the oldest go first.
const MOST_ENTRIES: usize = 64;
/// Nor more bytes.
const MOST_BYTES: u64 = 64 << 20;
/// What is larger than this is not kept: it would take the place of too many others. Bytes.
const LARGEST_ENTRY: u64 = MOST_BYTES / 2;
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
        restored(self.read(key)?)
    }

    /// What the last run over files of these paths has left.
    pub fn earlier(&self, key: &Key) -> Option<Earlier> {
        self.read(key)
    }

    fn read<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let file = self.folder.join(&key.0);
        let kept = unpack(&std::fs::read(&file).ok()?)?;
        // What is used stays longest.
        if let Ok(file) = std::fs::File::options().append(true).open(&file) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(kept)
    }

    /// Whether it pays to keep what a run has found that took so long.
    pub fn pays(&self, took: Duration) -> bool {
        self.all || took >= WORTH_KEEPING
    }

    /// Keeps what a run has found.
    pub fn put(&self, key: &Key, kept: &Kept) {
        self.write(key, &pack(&stored(kept)));
    }

    /// Keeps what a run leaves to the next one.
    pub fn put_earlier(&self, key: &Key, earlier: &Earlier) {
        self.write(key, &pack(earlier));
    }

    fn write(&self, key: &Key, bytes: &[u8]) {
        if bytes.len() as u64 <= LARGEST_ENTRY
            && std::fs::create_dir_all(&self.folder).is_ok()
            && write_whole(&self.folder.join(&key.0), bytes).is_ok()
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

/// By file: a hash of its text and of how that is read.
pub fn hashes(sources: &Sources) -> Vec<blake3::Hash> {
    let ids: Vec<FileId> = sources.ids().collect();
    ids.par_iter()
        .map(|&id| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(about(sources, id).as_bytes());
            hasher.update(sources.file(id).text.as_bytes());
            hasher.finalize()
        })
        .collect()
}

fn about(sources: &Sources, id: FileId) -> String {
    let file = sources.file(id);
    format!("{:?} {:?} {}\0", file.lang, file.encoding, file.path)
}

impl Key {
    /// The key of an analysis of files with these hashes.
    pub fn of_texts(hashes: &[blake3::Hash], options: &Options) -> Key {
        let mut hasher = Key::hasher("findings", options);
        for hash in hashes {
            hasher.update(hash.as_bytes());
        }
        Key(hasher.finalize().to_hex().to_string())
    }

    /// The key of all analyses of these files, whatever stands in them.
    pub fn of_paths(sources: &Sources, options: &Options) -> Key {
        let mut hasher = Key::hasher("record", options);
        for id in sources.ids() {
            hasher.update(about(sources, id).as_bytes());
        }
        Key(hasher.finalize().to_hex().to_string())
    }

    /// Takes in what is kept, by which program, and for which options.
    fn hasher(what: &str, options: &Options) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{what}\0").as_bytes());
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
        hasher
    }
}

/// Which program this is: two of one version can be built from different sources.
fn this_tplint() -> String {
    let about = std::env::current_exe().and_then(std::fs::metadata);
    let built = about.map(|about| (about.len(), about.modified().ok()));
    format!("{} {built:?}\0", env!("CARGO_PKG_VERSION"))
}

#[derive(Serialize, Deserialize)]
struct Stored {
    diagnostics: Vec<StoredDiagnostic>,
    partly: Vec<(u32, usize)>,
    modules: usize,
}

fn stored(kept: &Kept) -> Stored {
    let partly = kept.partly.iter();
    Stored {
        diagnostics: kept
            .diagnostics
            .iter()
            .map(StoredDiagnostic::from)
            .collect(),
        partly: partly.map(|(file, count)| (file.0, *count)).collect(),
        modules: kept.modules,
    }
}

fn restored(stored: Stored) -> Option<Kept> {
    let diagnostics = stored.diagnostics.iter().map(StoredDiagnostic::restore);
    let partly = stored.partly.into_iter();
    Some(Kept {
        diagnostics: diagnostics.collect::<Option<_>>()?,
        partly: partly.map(|(file, count)| (FileId(file), count)).collect(),
        modules: stored.modules,
    })
}

/// The bytes of an entry: a line with the hash of what follows, and that as JSON.
fn pack(entry: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_vec(entry).unwrap_or_default();
    let mut bytes = format!("{}\n", blake3::hash(&json).to_hex()).into_bytes();
    bytes.extend(json);
    bytes
}

/// What an entry says; none where it is damaged.
fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let (hash, json) = (&bytes[..end], &bytes[end + 1..]);
    if hash != blake3::hash(json).to_hex().as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
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
        let bytes = pack(&stored(&found));
        assert_eq!(unpack(&bytes).and_then(restored), Some(found));
        // Every byte counts.
        let is_none = |bytes: &[u8]| unpack::<Stored>(bytes).is_none();
        for at in (0..bytes.len()).step_by(17) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(is_none(&damaged), "byte {at}");
        }
        for length in (0..bytes.len()).step_by(31) {
            assert!(is_none(&bytes[..length]), "{length} bytes");
        }
    }

    #[test]
    fn every_difference_is_another_key() {
        let plain = Options::default();
        let key = |sources: &Sources, options: &Options| Key::of_texts(&hashes(sources), options);
        let (one, two) = (sources("f();"), sources("g();"));
        assert_eq!(key(&one, &plain), key(&sources("f();"), &plain));
        assert_ne!(key(&one, &plain), key(&two, &plain));
        let moved = Sources::new(vec![(
            "b.c".into(),
            one.file(FileId(0)).text.as_bytes().to_vec(),
        )]);
        let whole = Options {
            whole: true,
            ..Options::default()
        };
        let rules = Options {
            rules: vec!["wait_in_dll_main"],
            ..Options::default()
        };
        for (sources, options) in [(&moved, &plain), (&one, &whole), (&one, &rules)] {
            assert_ne!(key(&one, &plain), key(sources, options));
            assert_ne!(Key::of_paths(&one, &plain), Key::of_paths(sources, options));
        }
        assert_eq!(Key::of_paths(&one, &plain), Key::of_paths(&two, &plain));
        assert_ne!(Key::of_paths(&one, &plain), key(&one, &plain));
    }
}
