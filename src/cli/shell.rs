//! What a shell wants of a command: completion scripts and manual pages, made from the arguments that clap knows.

use super::{Arguments, cargo};
use crate::rules::page;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::path::Path;
use std::process::ExitCode;

/// The script by which a shell completes `tplint`, with the names of the rules.
pub fn completions(shell: Shell) -> String {
    let mut command = with_rules(Arguments::command());
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "tplint", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// A command that knows the values of its arguments that name rules, and so do those below it. In earnest clap does not
/// check them, since a message that names the nearest rule says more than a list.
fn with_rules(mut command: Command) -> Command {
    for (argument, further) in [
        ("deny", &["warnings", "all"][..]),
        ("warn", &["all"]),
        ("allow", &["all"]),
        ("rule", &[]),
    ] {
        if command
            .get_arguments()
            .any(|known| known.get_id() == argument)
        {
            let rules = page::catalogue().iter().map(|(name, _)| *name);
            let words: Vec<&str> = further.iter().copied().chain(rules).collect();
            command = command.mut_arg(argument, |argument| {
                argument.value_parser(PossibleValuesParser::new(words))
            });
        }
    }
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_string())
        .collect();
    below.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_rules)
    })
}

/// The manual page of `tplint`, as `man` reads it.
///
/// # Errors
/// A message when it cannot be made.
pub fn manual() -> Result<String, String> {
    let mut text = Vec::new();
    Man::new(Arguments::command())
        .render(&mut text)
        .map_err(|error| format!("the manual page cannot be made: {error}"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes the manual pages of `tplint`, of each of its commands and of `cargo tplint` to a folder, which is made where
/// it is missing.
///
/// # Errors
/// A message when they cannot be written.
pub fn write_manuals(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        // One name, without a blank, is what `man` and `cargo help` look for.
        .and_then(|()| clap_mangen::generate_to(cargo::command().bin_name("cargo-tplint"), folder))
        .map_err(|error| {
            format!(
                "the manual pages cannot be written to `{}`: {error}",
                folder.display()
            )
        })
}

/// Tells what clap has to say about the arguments: an error, or the help that was asked for.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
