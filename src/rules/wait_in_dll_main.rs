//! Blocking waits that run under the loader lock, reached from DllMain and its kin. See `rules/wait_in_dll_main.md`.

use super::{Engines, Findings};
use crate::entry::EntryKind;

pub fn check(engines: &Engines, findings: &mut Findings) {
    if engines.may_be_dll() {
        super::wait_in_static_destructor::report_waits(
            engines,
            findings,
            "wait_in_dll_main",
            EntryKind::is_dll_main,
        );
    } else {
        // Of an EXE only the TLS callbacks run under the loader lock.
        super::wait_in_static_destructor::report_waits(
            engines,
            findings,
            "wait_in_dll_main",
            |kind| kind == EntryKind::TlsCallback,
        );
    }
}
