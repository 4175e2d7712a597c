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
use crate::rules::page;
use crate::source::{FileId, Sources};
use crate::suppress::judge::{self, Judged};
use crate::{Options, analyze};
use cache::{Kept, Key};
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
        Some(cache) => {
            let key = Key::new(sources, &options);
            match cache.get(&key) {
                Some(kept) => kept,
                None => {
                    let start = Instant::now();
                    let kept = analyze(sources, &options)?.into();
                    cache.put(&key, &kept, start.elapsed());
                    kept
                }
            }
        }
        None => Kept::from(analyze(sources, &options)?),
    };
    Ok(Found {
        judged: judge::judge(kept.diagnostics, sources, policy, in_view),
        partly: kept.partly,
        modules: kept.modules,
    })
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
