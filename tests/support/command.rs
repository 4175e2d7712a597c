//! tplint as the tests of the command line run it.

use std::path::Path;
use std::process::{Command, Stdio};

/// The built tplint, to be run in a folder with these arguments, without input and without what the tester's terminal
/// asks for.
pub fn tplint(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tplint"));
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("NO_COLOR")
        .env_remove("FORCE_HYPERLINK")
        .env("RUST_BACKTRACE", "0");
    command
}
