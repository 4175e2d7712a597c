//! Blocking waits that run under the loader lock. See `rules/wait_in_dll_main.md`.

use super::Findings;
use crate::program::Program;

pub fn check(_program: &Program, _findings: &mut Findings) {}
