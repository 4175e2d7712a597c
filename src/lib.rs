//! tplint finds the code that hangs or crashes Windows processes at the edges of a DLL's life.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod index;
pub mod ir;
pub mod module;
pub mod source;
pub mod syntax;
