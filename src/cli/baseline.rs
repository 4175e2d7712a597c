//! `tplint baseline write` and `tplint baseline prune`.

use super::{AcceptedLevels, InputArguments, read_input, tell, warn_about};
use crate::baseline::Baseline;
use crate::config::{Flag, Policy};
use crate::diagnostic::Diagnostic;
use crate::project::find;
use crate::project::known::{File, described, file as file_of};
use crate::project::progress::Progress;
use crate::project::read::Input;
use crate::project::whole::write_whole;
use crate::report;
use crate::suppress::judge::Judged;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Command {
    /// Write the findings there are, notes included, to the baseline; other paths' and rules' entries stay
    Write(Arguments),
    /// Take out of the baseline what it accepts in vain, and follow files that have moved
    Prune {
        #[command(flatten)]
        arguments: Arguments,
        /// Change nothing, and exit with 1 where there is something to take out
        #[arg(long)]
        check: bool,
    },
}

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    levels: AcceptedLevels,
    /// Write this file [default: that of tplint.toml, else tplint-baseline.json beside it]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A message, without "error:": a baseline that cannot be read or written, and whatever a run fails with.
pub fn run(command: &Command, flags: &[Flag]) -> Result<ExitCode, String> {
    match command {
        Command::Write(arguments) => write(arguments, flags),
        Command::Prune { arguments, check } => prune(arguments, flags, *check),
    }
}

/// `tplint baseline write`.
fn write(arguments: &Arguments, flags: &[Flag]) -> Result<ExitCode, String> {
    let (input, file, found) = judged(arguments, flags)?;
    let policy = Policy {
        config: &input.config,
        flags,
        notes: false,
    };
    let new = file.rewritten(&found, &input, &policy);
    write_whole(&file.path, new.render().as_bytes())?;
    warn_about(&input);
    let before = file.baseline.as_ref().map_or(0, Baseline::count);
    tell(&format!(
        "{}: {} accepted, {before} before",
        file.shown,
        report::counted(new.count(), "finding", "s")
    ));
    Ok(ExitCode::SUCCESS)
}

/// `tplint baseline prune`.
fn prune(arguments: &Arguments, flags: &[Flag], only_check: bool) -> Result<ExitCode, String> {
    let (input, file, found) = judged(arguments, flags)?;
    let policy = Policy {
        config: &input.config,
        flags,
        notes: false,
    };
    let Some(old) = &file.baseline else {
        return Err(format!("there is no baseline `{}`", file.shown));
    };
    let all: Vec<&Diagnostic> = found.findings.iter().chain(&found.hidden_notes).collect();
    let verdict = file.judge(&all, &input.sources, &input, &policy);
    warn_about(&input);
    for entry in &verdict.stale {
        tell(&format!("  {}", described(entry)));
    }
    let stale = verdict.stale.iter().map(|entry| entry.count);
    let out = stale.fold(0, usize::saturating_add);
    let is_same = verdict.pruned.render() == old.render();
    let moved = verdict
        .pruned
        .entries
        .iter()
        .filter(|entry| old.entries.iter().all(|known| known.path != entry.path))
        .count();
    let told = match (is_same, only_check) {
        (true, _) => "nothing to take out",
        (false, true) => "would be taken out",
        (false, false) => "taken out",
    };
    if is_same {
        tell(&format!("{}: {told}", file.shown));
        return Ok(ExitCode::SUCCESS);
    }
    tell(&format!(
        "{}: {} {told}, {moved} moved, {} left",
        file.shown,
        report::counted(out, "finding", "s"),
        verdict.pruned.count()
    ));
    if only_check {
        return Ok(ExitCode::from(1));
    }
    write_whole(&file.path, verdict.pruned.render().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn judged(arguments: &Arguments, flags: &[Flag]) -> Result<(Input, File, Judged), String> {
    let progress = Progress::start();
    let input = read_input(&arguments.input, &progress)?;
    let file = file_of(arguments.baseline.as_deref(), &input)?;
    let policy = Policy {
        config: &input.config,
        flags,
        notes: false,
    };
    progress.stage("analysing", 0);
    let found = find(&input.sources, &input, &policy, |finding| {
        input.shows(finding)
    })?;
    Ok((input, file, found.judged))
}
