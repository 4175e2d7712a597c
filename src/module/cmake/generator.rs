//! Generator expressions: `$<…>`, of which the build makes something else.

use super::condition::SYSTEM;

/// Whether a generator expression gives something on other systems only: `$<$<PLATFORM_ID:Linux,Darwin>:…>`,
/// `$<$<NOT:$<PLATFORM_ID:Windows>>:…>`.
pub fn is_for_other_systems(word: &str) -> bool {
    let asked = |text: &str| {
        let (systems, _) = text.strip_prefix("$<PLATFORM_ID:")?.split_once('>')?;
        Some(systems.split(',').any(|system| system == SYSTEM))
    };
    let Some(condition) = word.strip_prefix("$<") else {
        return false;
    };
    asked(condition) == Some(false)
        || condition
            .strip_prefix("$<NOT:")
            .is_some_and(|condition| asked(condition) == Some(true))
}

/// What a generator expression gives when its condition holds.
pub fn plain(word: &str) -> &str {
    if !word.starts_with("$<") {
        return word;
    }
    let inner = word.trim_end_matches('>');
    inner
        .rsplit_once([':', ','])
        .map_or(inner, |(_, last)| last)
}
