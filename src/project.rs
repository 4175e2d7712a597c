//! What is analysed: from folders and files of the disk to `Sources` with their configuration, and what of the findings
//! is known already.
//!
//! The command line and the language server ask in the same way and must get the same answer. Nothing below reads a
//! file, and nothing here writes one but the cache.

pub mod around;
mod build;
pub mod cache;
pub mod known;
mod origin;
pub mod paths;
pub mod progress;
pub mod read;
mod since;
mod walk;
pub mod whole;

use crate::config::Policy;
use crate::diagnostic::{Diagnostic, Level};
use crate::earlier::Record;
use crate::rules::page;
use crate::source::{FileId, Sources};
use crate::suppress::judge::{self, Judged};
use crate::{Options, Recorded, analyze, analyze_after};
use cache::{Cache, Kept, Key};
use read::Input;
use std::sync::Arc;
use std::time::Instant;

/// Bytes of stack of every thread that analyses: trees and call paths of real code are deep, and a stack that overflows
/// cannot be caught.
pub const STACK: usize = 16 << 20;

/// What is found in some sources.
pub struct Found {
    pub judged: Judged,
    /// Files that could not be read whole, with the number of regions.
    pub partly: Vec<(FileId, usize)>,
    /// The number of modules.
    pub modules: usize,
}

/// Runs the rules that are on.
///
/// # Errors
/// A message when the table of API facts cannot be read.
pub fn find(
    sources: &Sources,
    input: &Input,
    policy: &Policy,
    in_view: impl Fn(&Diagnostic) -> bool,
) -> Result<Found, String> {
    let options = Options {
        rules: enabled(policy).iter().map(|(name, _)| *name).collect(),
        ..options(input, sources)
    };
    let kept = match &input.cache {
        Some(cache) => find_with(cache, sources, &options)?,
        None => Kept::from(analyze(sources, &options)?),
    };
    Ok(Found {
        judged: judge::judge(kept.diagnostics, sources, policy, in_view),
        partly: kept.partly,
        modules: kept.modules,
    })
}

/// What an earlier run has found in the very same files; else what this one finds, with what still holds of one over files
/// of the same paths.
fn find_with(cache: &Cache, sources: &Sources, options: &Options) -> Result<Kept, String> {
    let texts = cache::hashes(sources);
    let key = Key::of_texts(&texts, options);
    if let Some(kept) = cache.get(&key) {
        return Ok(kept);
    }
    let start = Instant::now();
    let key_of_record = Key::of_paths(sources, options);
    let earlier = cache.earlier(&key_of_record);
    // There is a record where a run from the start has taken long.
    let was_long = earlier.is_some();
    let record = Record {
        texts: &texts,
        earlier,
    };
    let Recorded {
        analysis, record, ..
    } = analyze_after(sources, options, Some(record))?;
    let kept = Kept::from(analysis);
    if was_long || cache.pays(start.elapsed()) {
        cache.put(&key, &kept);
        if let Some(record) = &record {
            cache.put_earlier(&key_of_record, record);
        }
    }
    Ok(kept)
}

/// The rules that are on, with the level that each has where no path says otherwise.
pub fn enabled(policy: &Policy) -> Vec<(&'static str, Level)> {
    let all = page::catalogue().iter();
    all.filter(|(name, _)| policy.enables(name))
        .map(|(name, _)| (*name, policy.general_level(name)))
        .collect()
}

/// What the configuration and the build say about these sources, which may be other ones than were read: a build tells
/// them by their paths.
pub fn options(input: &Input, sources: &Sources) -> Options {
    let same = |file: &FileId| sources.find(&input.sources.file(*file).path);
    Options {
        whole: input.whole,
        timings: Arc::clone(&input.timings),
        api: input.config.api.clone(),
        modules: input.config.modules(sources),
        build: input
            .build
            .iter()
            .map(|built| built.resolved(same))
            .collect(),
        ..Options::default()
    }
}
