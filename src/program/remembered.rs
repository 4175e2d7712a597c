//! Answers that are found once for each unit and text: the same few texts are asked for over and over.

use rustc_hash::FxHashMap;
use std::sync::RwLock;

/// Answers by unit and written text.
#[derive(Default)]
pub(super) struct Remembered<T>(Vec<RwLock<FxHashMap<Box<str>, T>>>);

impl<T: Clone> Remembered<T> {
    /// For so many units.
    pub fn new(units: usize) -> Remembered<T> {
        Remembered((0..units).map(|_| RwLock::default()).collect())
    }

    /// The answer of a unit to a text, which `find` finds where it is asked for first. Two threads that ask at once may
    /// both look for it, so it has to be the same one.
    pub fn get(&self, unit: u32, text: &str, find: impl FnOnce() -> T) -> T {
        let cache = &self.0[unit as usize];
        if let Ok(cache) = cache.read()
            && let Some(known) = cache.get(text)
        {
            return known.clone();
        }
        let found = find();
        if let Ok(mut cache) = cache.write() {
            cache.insert(text.into(), found.clone());
        }
        found
    }
}
