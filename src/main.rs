//! The `tplint` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tplint::cli::main()
}
