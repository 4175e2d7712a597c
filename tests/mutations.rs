//! Every fixture, broken in all the ways that an editor, a merge or a bad disk can break it: what comes of it is no
//! concern here, but the analysis ends, soon, without a panic, and every place that it names lies in the text.
//!
//! Each mutant is a whole fixture folder with one file changed: cut behind a line, with other bytes in it, with a block
//! doubled, taken out, or changed for the one beside it. The draw has a fixed seed, so that a failure is the same for
//! everybody; `TPLINT_MUTANTS=N` draws N of each kind for each fixture in place of one of every other kind, which keeps
//! this within a minute, and `TPLINT_SEED=N` other ones.

mod checks;

use checks::{Files, STACK, analysed};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tplint::source::Lang;

const SEED: u64 = 0x7470_6c69_6e74;
/// A mutant that takes this long hangs, also on a busy machine: whole fixtures take some hundredths of a second.
const TOO_LONG: Duration = Duration::from_secs(60);

/// SplitMix64: a few lines, and the same numbers for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 where there is nothing to choose from.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A mutant: what was done, and the bytes; none where the text gives no occasion.
type Mutant = Option<(String, Vec<u8>)>;

const KINDS: [fn(&[u8], &mut Random) -> Mutant; 6] = [cut, flip, insert, double, delete, swap];

/// Offsets behind each line, the end of the text among them.
fn line_ends(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate();
    let ends = ends
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    let mut ends: Vec<usize> = ends.collect();
    if ends.last() != Some(&bytes.len()) {
        ends.push(bytes.len());
    }
    ends
}

/// The text ends behind some line, or in the middle of it.
fn cut(bytes: &[u8], random: &mut Random) -> Mutant {
    let ends = line_ends(bytes);
    let line = random.below(ends.len());
    let end = ends[line].saturating_sub(random.below(2) * random.below(20));
    Some((format!("cut at byte {end}"), bytes[..end].to_vec()))
}

/// One to four bytes are others.
fn flip(bytes: &[u8], random: &mut Random) -> Mutant {
    let mut mutant = bytes.to_vec();
    let mut places = Vec::new();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        // Never NUL: what holds that is no text, and is not looked at.
        *mutant.get_mut(at)? = (random.below(255) + 1) as u8;
        places.push(at);
    }
    Some((format!("other bytes at {places:?}"), mutant))
}

/// What opens or closes something stands where it does not belong.
fn insert(bytes: &[u8], random: &mut Random) -> Mutant {
    const WORDS: [&str; 18] = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "'",
        "/*",
        "*/",
        "\\\n",
        "\n#if X\n",
        "\n#else\n",
        "\n#endif\n",
        "<",
        "::",
        "é",
        "r#\"",
    ];
    let word = WORDS[random.below(WORDS.len())];
    let at = random.below(bytes.len() + 1);
    let mutant = [&bytes[..at], word.as_bytes(), &bytes[at..]].concat();
    Some((format!("{word:?} at byte {at}"), mutant))
}

/// The ranges from each brace to its own end, by where they begin; directives count as braces.
fn blocks(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => found.extend(open.pop().map(|start| (start, at + 1))),
            _ => {}
        }
    }
    let mut conditions: Vec<usize> = Vec::new();
    let mut start = 0;
    for end in line_ends(bytes) {
        let line = bytes[start..end].trim_ascii_start();
        if line.starts_with(b"#if") {
            conditions.push(end);
        } else if line.starts_with(b"#el") {
            found.extend(conditions.pop().map(|from| (from, start)));
            conditions.push(end);
        } else if line.starts_with(b"#endif") {
            found.extend(conditions.pop().map(|from| (from, start)));
        }
        start = end;
    }
    found.sort_unstable();
    found
}

fn double(bytes: &[u8], random: &mut Random) -> Mutant {
    let blocks = blocks(bytes);
    let &(start, end) = blocks.get(random.below(blocks.len()))?;
    let mutant = [&bytes[..end], &bytes[start..]].concat();
    Some((format!("bytes {start}..{end} twice"), mutant))
}

fn delete(bytes: &[u8], random: &mut Random) -> Mutant {
    let blocks = blocks(bytes);
    let &(start, end) = blocks.get(random.below(blocks.len()))?;
    let mutant = [&bytes[..start], &bytes[end..]].concat();
    Some((format!("bytes {start}..{end} gone"), mutant))
}

/// Two blocks that follow one another (the arms of a condition, two functions) change places.
fn swap(bytes: &[u8], random: &mut Random) -> Mutant {
    let blocks = blocks(bytes);
    let pairs: Vec<_> = blocks
        .iter()
        .filter_map(|one| Some((one, blocks.iter().find(|other| other.0 >= one.1)?)))
        .collect();
    let &(one, other) = pairs.get(random.below(pairs.len()))?;
    let mutant = [
        &bytes[..one.0],
        &bytes[other.0..other.1],
        &bytes[one.1..other.0],
        &bytes[one.0..one.1],
        &bytes[other.1..],
    ];
    Some((
        format!("bytes {one:?} and {other:?} swapped"),
        mutant.concat(),
    ))
}

/// The folders of the fixtures by name, each with the files that tplint reads.
fn fixtures() -> BTreeMap<String, Files> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found: BTreeMap<String, Files> = BTreeMap::new();
    let mut pending = vec![root.clone()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let shown = slashed(path.strip_prefix(&root).unwrap());
            if Lang::of_path(&shown).is_none() && !tplint::module::is_build_file(&shown) {
                continue;
            }
            let parts = if shown.starts_with("demo/") { 1 } else { 2 };
            let cut = shown
                .match_indices('/')
                .nth(parts - 1)
                .map_or(0, |(at, _)| at);
            let (folder, file) = shown.split_at(cut);
            let bytes = fs::read(&path).unwrap();
            let files = found.entry(folder.to_string()).or_default();
            files.push((file.trim_start_matches('/').to_string(), bytes));
        }
    }
    for files in found.values_mut() {
        files.sort();
    }
    found
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

/// The mutants of one fixture, so many of each kind, or one of every other kind: which file, what was done to it, the
/// files.
fn mutants(name: &str, files: &Files, seed: u64, count: Option<usize>) -> Vec<(String, Files)> {
    // Its own draw, so that a new fixture leaves the mutants of the others as they are.
    let own = name.bytes().fold(seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let mut random = Random(own);
    let mut all = Vec::new();
    let first = (own >> 32) as usize % 2;
    for (kind, mutate) in KINDS.into_iter().enumerate() {
        for _ in 0..count.unwrap_or(usize::from(kind % 2 == first)) {
            let index = random.below(files.len());
            let (path, bytes) = &files[index];
            if let Some((what, mutant)) = mutate(bytes, &mut random) {
                let mut files = files.clone();
                files[index].1 = mutant;
                all.push((format!("fixtures/{name}/{path}, {what}"), files));
            }
        }
    }
    all
}

#[test]
fn no_mutant_of_a_fixture_breaks_the_analysis() {
    let seed = number("TPLINT_SEED").unwrap_or(SEED);
    let count = number("TPLINT_MUTANTS").map(|count| count as usize);
    let fixtures = fixtures();
    assert!(fixtures.len() > 200, "{} fixtures", fixtures.len());
    let all: Vec<(String, Files)> = fixtures
        .iter()
        .flat_map(|(name, files)| mutants(name, files, seed, count))
        .collect();
    let running: Mutex<BTreeMap<usize, Instant>> = Mutex::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    let (findings, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let pool = rayon::ThreadPoolBuilder::new()
        .stack_size(STACK)
        .build()
        .unwrap();
    std::thread::scope(|scope| {
        // A hang cannot be stopped from outside: it is told, and ends the test.
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(100));
                for (number, since) in running.lock().unwrap().iter() {
                    if since.elapsed() > TOO_LONG {
                        eprintln!("still running after {TOO_LONG:?}: {}", all[*number].0);
                        std::process::exit(1);
                    }
                }
            }
        });
        pool.install(|| {
            all.par_iter()
                .enumerate()
                .for_each(|(number, (name, files))| {
                    running.lock().unwrap().insert(number, Instant::now());
                    // Every other one with all that `tplint modules` asks for.
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        analysed(files.clone(), number % 2 == 1)
                    }));
                    running.lock().unwrap().remove(&number);
                    match result {
                        Ok(Ok(count)) => {
                            findings.fetch_add(count, Ordering::Relaxed);
                        }
                        Ok(Err(problem)) => {
                            failures.lock().unwrap().push(format!("{name}: {problem}"))
                        }
                        Err(_) => failures.lock().unwrap().push(format!("{name}: a panic")),
                    }
                });
        });
        is_over.store(true, Ordering::Relaxed);
    });
    let findings = findings.into_inner();
    println!(
        "{} mutants of {} fixtures, {findings} findings",
        all.len(),
        fixtures.len()
    );
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} mutants (seed {seed}):\n{}",
        failures.len(),
        all.len(),
        failures.join("\n")
    );
    // Mutants that are all silent would not have been read.
    assert!(findings > fixtures.len(), "{findings} findings");
}

#[test]
fn mutants_differ_from_their_text_and_are_the_same_each_time() {
    let text = b"#if A\nint f() { if (a) { g(); } else { h(); } }\n#else\nint f() { }\n#endif\n";
    let files = vec![("a.c".to_string(), text.to_vec())];
    let all = mutants("x", &files, SEED, Some(20));
    assert_eq!(all.len(), 20 * KINDS.len());
    let same = all.iter().filter(|(_, mutant)| mutant[0].1 == text);
    assert!(
        same.count() <= 10,
        "only a cut at the end and a byte of its own value change nothing"
    );
    assert_eq!(all, mutants("x", &files, SEED, Some(20)));
    assert_eq!(blocks(text).len(), 6, "four pairs of braces and two arms");
}
