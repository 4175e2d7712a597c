//! Linking per module.

/// One module, linked.
pub struct Program {}
