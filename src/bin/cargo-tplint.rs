//! The `cargo tplint` command, which cargo finds on PATH by this name.

use std::process::ExitCode;

/// As in `tplint`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tplint::cli::cargo::main()
}
