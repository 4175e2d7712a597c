//! The `tplint` command.

use std::process::ExitCode;

/// Lowering and linking make and drop small pieces on all threads, which costs the system's allocator a fifth of a run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tplint::cli::main()
}
