//! Lowering, shown by its dump.
