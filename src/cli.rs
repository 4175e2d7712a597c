//! The command line: arguments in, reports and exit codes out.
//!
//! With `project`, which reads, and the language server this is the only place that touches the world: it runs the analysis
//! on threads with deep stacks, and writes. What is said stands in `report`, what is shown is decided in
//! `config`.

mod baseline;
pub mod cargo;
mod fix;
mod shell;

use crate::config::{self, Flag, Policy};
use crate::diagnostic::Level;
use crate::lsp::{self, Setup};
use crate::project::cache::Cache;
use crate::project::known::{self, Taken};
use crate::project::progress::Progress;
use crate::project::read::{self, Input, Wanted};
use crate::project::whole::write_whole;
use crate::project::{self, Found, STACK, enabled, options};
use crate::report::{self, Format, Report, Style, Summary, listing};
use crate::rules::timings::Timings;
use crate::rules::{self, page};
use crate::source::{Encoding, Sources};
use crate::{Options, analyze};
use clap::{ArgMatches, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use codespan_reporting::term::termcolor;
use fix::{Fixed, State};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// Words that are no paths in first place.
const COMMANDS: [&str; 9] = [
    "baseline",
    "completions",
    "config",
    "explain",
    "help",
    "lsp",
    "man",
    "modules",
    "rules",
];

/// Finds the C, C++ and Rust code that hangs or crashes Windows processes at the edges of a DLL's life
#[derive(Parser)]
#[command(name = "tplint", bin_name = "tplint", version)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(after_help = "\
Exit code 0: no finding at deny. 1: findings at deny or more than --max-warnings, with --fix such as are left, with --diff anything to change.
2: bad usage, a named path that cannot be read or is no source, or a broken configuration.
A path with the name of a command is written with ./ in front.")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: Check,
}

#[derive(Subcommand)]
enum Command {
    /// Print the page of a rule: why, what it flags, what it does not, its limits
    Explain {
        #[arg(value_name = "RULE")]
        rule: String,
    },
    /// Print what a command is for and takes, or the page of a rule
    Help {
        /// A command (`baseline write`), or a rule
        #[arg(value_name = "COMMAND | RULE")]
        words: Vec<String>,
    },
    /// List the rules with their default levels
    Rules {
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Accept the findings there are, so that only new ones are reported
    Baseline {
        #[command(subcommand)]
        what: baseline::Command,
    },
    /// About tplint.toml
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Serve an editor on standard input and output, by the language server protocol
    Lsp(ServerArguments),
    /// Show which sources make up which DLL or EXE, its entries, and what the analysis cannot see
    Modules {
        #[command(flatten)]
        input: InputArguments,
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Print the script by which a shell completes tplint's arguments
    Completions {
        #[arg(value_enum, value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print tplint's manual page
    Man {
        /// Write the pages of all commands to this folder instead
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print the JSON schema of tplint.toml, by which editors complete and check it
    Schema,
}

#[derive(Args)]
struct LevelArguments {
    /// Let findings of a rule fail the run; `all`, or `warnings` for every rule that is warn
    #[arg(short = 'D', long, value_name = "RULE")]
    deny: Vec<String>,
    /// Show findings of a rule without failing; `all` raises every allow rule to warn and shows notes
    #[arg(short = 'W', long, value_name = "RULE")]
    warn: Vec<String>,
    /// Switch a rule off, or `all`
    #[arg(short = 'A', long, value_name = "RULE")]
    allow: Vec<String>,
}

/// The same for the language server, which fails no run.
#[derive(Args)]
struct ShownLevels {
    /// Show findings of a rule as errors; `all`, or `warnings` for every rule that is warn
    #[arg(short = 'D', long, value_name = "RULE")]
    deny: Vec<String>,
    /// Show findings of a rule as warnings; `all` switches every rule on, and shows minor findings
    #[arg(short = 'W', long, value_name = "RULE")]
    warn: Vec<String>,
    /// Switch a rule off, or `all`
    #[arg(short = 'A', long, value_name = "RULE")]
    allow: Vec<String>,
}

/// The same for a baseline, in which levels only decide about what is in it.
#[derive(Args)]
struct AcceptedLevels {
    /// Accept findings of a rule also where it is off by default; `all` (a baseline holds no levels: -W does the same)
    #[arg(short = 'D', long, value_name = "RULE")]
    deny: Vec<String>,
    /// Accept findings of a rule also where it is off by default; `all`
    #[arg(short = 'W', long, value_name = "RULE")]
    warn: Vec<String>,
    /// Leave a rule's entries as they are, or `all`
    #[arg(short = 'A', long, value_name = "RULE")]
    allow: Vec<String>,
}

#[derive(Args)]
struct KnownArguments {
    /// Do not report what this file accepts [default: that of tplint.toml, else tplint-baseline.json beside it]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Report what the baseline accepts, too
    #[arg(long, conflicts_with = "baseline")]
    no_baseline: bool,
    /// Report only what was not there at this revision of git; REV... is where this branch left REV
    #[arg(long, value_name = "REV")]
    since: Option<String>,
}

impl KnownArguments {
    fn asked(&self) -> known::Asked {
        known::Asked {
            baseline: self.baseline.clone(),
            no_baseline: self.no_baseline,
            since: self.since.clone(),
        }
    }
}

/// How a project is read, by the command line and by the language server.
#[derive(Args)]
struct ProjectArguments {
    /// Use this configuration [default: the next tplint.toml upward from what is analysed]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Use so many threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Read what .gitignore leaves out, too
    #[arg(long)]
    no_ignore: bool,
    /// Read every function of every file, also where the index says that nothing can be found: the same findings, slower
    #[arg(long)]
    no_index: bool,
    /// Learn which sources make up which module from a build folder: CMake's file API, or compile_commands.json
    #[arg(long, value_name = "DIR")]
    build: Option<PathBuf>,
}

#[derive(Args)]
struct InputArguments {
    /// Folders, and source files: of a file only findings with a label in it are shown, and its project is read, which is
    /// the folder of the nearest tplint.toml or build file upward, else the repository, else its own folder's files
    /// [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    project: ProjectArguments,
    /// Read a source from standard input (with PATH - or without) as if it stood at this path, with its project from the
    /// disk
    #[arg(long, value_name = "PATH")]
    stdin_filename: Option<PathBuf>,
    /// What cargo has said about the paths.
    #[arg(skip)]
    cargo: Option<read::Project>,
}

#[derive(Args)]
struct ServerArguments {
    #[command(flatten)]
    project: ProjectArguments,
    #[command(flatten)]
    levels: ShownLevels,
    #[command(flatten)]
    known: KnownArguments,
    /// Show minor findings, too
    #[arg(long)]
    notes: bool,
    /// What most editors say, and what is done in any case
    #[arg(long, hide = true)]
    stdio: bool,
}

#[derive(Args)]
struct Check {
    #[command(flatten)]
    input: InputArguments,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the report to a file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    levels: LevelArguments,
    #[command(flatten)]
    known: KnownArguments,
    /// Keep in this folder what is found, for later runs over the same files [default: the platform's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Neither keep what is found nor use what an earlier run has kept
    #[arg(long, conflicts_with = "cache_dir")]
    no_cache: bool,
    /// Show minor findings, too
    #[arg(long)]
    notes: bool,
    /// Show how many findings each rule has, in place of the findings (text and json)
    #[arg(long)]
    statistics: bool,
    /// Analyse anew, or with --cache-dir what that does not hold, and tell at the end how long each stage and each rule took, summed over all threads
    #[arg(long)]
    timings: bool,
    /// Print the configuration that is in force, as a tplint.toml, and analyse nothing
    #[arg(long)]
    show_config: bool,
    /// Print which sources are read, and analyse nothing
    #[arg(long, conflicts_with = "show_config")]
    show_files: bool,
    /// Exit with 1 for more warnings than these, too
    #[arg(long, value_name = "N")]
    max_warnings: Option<usize>,
    /// Exit with 0 whatever is found
    #[arg(long)]
    exit_zero: bool,
    /// Apply the fixes of the findings that are shown, and report what is left
    #[arg(long)]
    fix: bool,
    /// Print what --fix would change as a unified diff, and change nothing
    #[arg(long, conflicts_with_all = ["format", "fix"])]
    diff: bool,
    /// Colour the text report
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    color: ColorChoice,
    /// Make the names of rules and articles in the text report links that a terminal opens
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    hyperlinks: ColorChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    Text,
    Json,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let matches = match Arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return shell::usage(&error),
    };
    on_deep_stack(move || run(&matches))
}

/// Runs a command line on a thread of its own and tells its error. The main thread's stack is the system's to choose,
/// 1 MiB on Windows.
fn on_deep_stack(run: impl FnOnce() -> Result<ExitCode, String> + Send + 'static) -> ExitCode {
    let run = std::thread::Builder::new().stack_size(STACK).spawn(run);
    let result = match run.map(std::thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        // A panic is a bug, has been told, and must look like one.
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => Err(format!("no thread can be started: {error}")),
    };
    result.unwrap_or_else(|message| {
        tell(&format!("error: {message}"));
        ExitCode::from(2)
    })
}

fn run(matches: &ArgMatches) -> Result<ExitCode, String> {
    let arguments = Arguments::from_arg_matches(matches).map_err(|error| error.to_string())?;
    match arguments.command {
        None => check(&arguments.check, &flags(matches)?),
        Some(Command::Rules { format }) => print(&match format {
            ListFormat::Text => listing::rules_text(),
            ListFormat::Json => listing::rules_json(),
        }),
        Some(Command::Explain { rule }) => explain(page::find(&rule)?),
        Some(Command::Help { words }) => help(&words),
        Some(Command::Config {
            what: ConfigCommand::Schema,
        }) => print(&config::schema()),
        Some(Command::Modules { input, format }) => modules(&input, format),
        Some(Command::Completions { shell }) => print(&shell::completions(shell)),
        Some(Command::Man { dir: None }) => print(&shell::manual()?),
        Some(Command::Man { dir: Some(folder) }) => {
            shell::write_manuals(&folder).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Lsp(server)) => {
            let matches = matches.subcommand_matches("lsp");
            let flags = matches.map_or(Ok(Vec::new()), flags)?;
            let known = server.known.asked();
            let project = server.project;
            start_threads(project.threads)?;
            lsp::serve(Setup {
                config: project.config,
                no_ignore: project.no_ignore,
                no_index: project.no_index,
                build: project.build,
                flags,
                notes: server.notes,
                known,
            })
        }
        Some(Command::Baseline { what }) => {
            let matches = matches
                .subcommand()
                .and_then(|(_, below)| below.subcommand());
            let flags = matches.map_or(Ok(Vec::new()), |(_, matches)| flags(matches))?;
            baseline::run(&what, &flags)
        }
    }
}

fn explain(rule: &str) -> Result<ExitCode, String> {
    print(&page::of(rule).map_or_else(String::new, |page| listing::explain(rule, page)))
}

/// `tplint help`: what `--help` prints behind these words, or a rule's page.
fn help(words: &[String]) -> Result<ExitCode, String> {
    if let [word] = words
        && let Ok(rule) = page::find(word)
    {
        return explain(rule);
    }
    let root = Arguments::command();
    let mut command = &root;
    for word in words {
        let Some(below) = command.find_subcommand(word) else {
            let commands = command.get_subcommands().map(clap::Command::get_name);
            let rules = page::catalogue().iter().map(|(name, _)| *name);
            let known: Vec<&str> = commands.chain(rules).collect();
            return Err(match page::nearest(word, known.into_iter()) {
                Some(near) => {
                    format!("`{word}` is no command and no rule; the nearest is `{near}`")
                }
                None => format!(
                    "`{word}` is no command and no rule; `tplint help` lists the commands, `tplint rules` the rules"
                ),
            });
        };
        command = below;
    }
    let words = std::iter::once("tplint").chain(words.iter().map(String::as_str));
    // clap prints it as it does for the option, in the colours of the terminal.
    match Arguments::command().try_get_matches_from(words.chain(["--help"])) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(help) => Ok(shell::usage(&help)),
    }
}

/// `-D`, `-W` and `-A` in the order in which they were written, which clap keeps by position only.
fn flags(matches: &ArgMatches) -> Result<Vec<Flag>, String> {
    let mut flags = Vec::new();
    for (name, level) in [
        ("deny", Level::Deny),
        ("warn", Level::Warn),
        ("allow", Level::Allow),
    ] {
        let places = matches.indices_of(name).into_iter().flatten();
        let words = matches.get_many::<String>(name).into_iter().flatten();
        for (place, word) in places.zip(words) {
            flags.push((place, Flag::new(level, word)?));
        }
    }
    flags.sort_by_key(|(place, _)| *place);
    Ok(flags.into_iter().map(|(_, flag)| flag).collect())
}

/// The moment from which times are counted.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

fn check(arguments: &Check, flags: &[Flag]) -> Result<ExitCode, String> {
    if arguments.statistics && !matches!(arguments.format, Format::Text | Format::Json) {
        return Err("--statistics has the formats text and json".into());
    }
    if arguments.input.stdin_filename.is_some() && (arguments.fix || arguments.diff) {
        return Err("a source from standard input can be checked, and not fixed".into());
    }
    let progress = Progress::start();
    let start = Instant::now();
    let mut input = read_input(&arguments.input, &progress)?;
    let read = start.elapsed();
    if arguments.timings {
        input.timings = Arc::new(Timings::by(|| START.elapsed()));
    }
    if !arguments.no_cache && (!arguments.timings || arguments.cache_dir.is_some()) {
        input.cache = Cache::open(arguments.cache_dir.as_deref());
    }
    let config = Arc::clone(&input.config);
    let policy = Policy {
        config: &config,
        flags,
        notes: arguments.notes,
    };
    if arguments.show_config || arguments.show_files {
        drop(progress);
        return print(&if arguments.show_config {
            let from = match &input.config_file {
                Some(file) => format!("# from {file}, with defaults and flags written out"),
                None => "# no tplint.toml: the defaults, with flags written out".to_string(),
            };
            format!("{from}\n{}", policy.resolved())
        } else {
            listing::files(&input.sources, |path| input.asks_about(path))
        });
    }
    let rules = enabled(&policy);
    progress.stage("analysing", 0);
    let known = known::read(&arguments.known.asked(), &input, &policy)?;
    let find_new = |sources: &Sources| {
        let Found {
            mut judged,
            partly,
            modules,
        } = project::find(sources, &input, &policy, |finding| input.shows(finding))?;
        let taken = known.take(&mut judged, sources, &input, &policy);
        Ok(State {
            partly,
            modules,
            judged,
            taken,
        })
    };
    let mut found = find_new(&input.sources)?;
    if arguments.fix || arguments.diff {
        let may_write = |path: &str| input.holds(path);
        let fixed = fix::apply(&input.sources, found, &may_write, &find_new)?;
        drop(progress);
        tell_fixes(&input.sources, &fixed, arguments.diff);
        if arguments.diff {
            return show_diff(arguments, &input, &fixed.sources);
        }
        fix::write(&input.sources, &fixed.sources)?;
        found = fixed.state;
        input.sources = fixed.sources;
    } else {
        drop(progress);
    }
    let judged = found.judged;
    let Taken {
        accepted,
        old,
        stale,
    } = found.taken;
    let summary = Summary {
        files: source_count(&input),
        partly: found.partly,
        modules: found.modules,
        notes_hidden: judged.hidden_notes.len(),
        suppressed: judged.suppressed,
        accepted,
        stale: stale.len(),
        known: old,
        unread: input.unread.clone(),
    };
    let unseen = summary.notes_hidden + summary.suppressed + summary.accepted + summary.known;
    let found_nothing = judged.findings.is_empty() && unseen == 0;
    let [errors, warnings, _] = report::counts(&judged.findings);
    let failed = errors > 0 || arguments.max_warnings.is_some_and(|most| warnings > most);
    let exit_code = u8::from(failed && !arguments.exit_zero);
    let report = Report {
        sources: &input.sources,
        findings: &judged.findings,
        rules: &rules,
        summary: &summary,
        origin: &input.origin,
        exit_code,
    };
    let style = style(arguments);
    let text = match (arguments.statistics, arguments.format) {
        (true, Format::Json) => listing::statistics_json(&judged.findings),
        (true, _) => listing::statistics_text(&judged.findings),
        (false, format) => report::render(format, &report, style),
    };
    match &arguments.output {
        Some(file) => write_whole(file, text.as_bytes())?,
        None => write_out(&text, style.color || style.links)?,
    }
    warn_about(&input);
    let file = known.file.as_ref();
    if let Some(text) = file.and_then(|file| known::stale_text(file, &stale)) {
        tell(&text);
    }
    tell(&report::summary_line(&summary, &judged.findings));
    let hidden = judged.hidden_notes.iter();
    let doubtful = hidden.filter(|note| note.notes.iter().any(|text| text == rules::NO_DLL));
    let doubtful = doubtful.count();
    if doubtful > 0 {
        let notes = report::counted(doubtful, "note", "s");
        tell(&format!(
            "note: {notes} hidden because nothing tells whether the sources make up a DLL; if they do, a [[module]] with kind = \"dll\" in tplint.toml says so"
        ));
    }
    if found_nothing && summary.files > 0 && !input.mentions_windows() {
        tell(
            "note: no source read here mentions Windows, and all that tplint looks for happens there",
        );
    }
    if arguments.timings {
        tell(&listing::timings_text(
            read,
            start.elapsed(),
            &input.timings.shares(),
            input.timings.extent(),
        ));
    }
    Ok(ExitCode::from(exit_code))
}

/// Tells what the fixes come to.
fn tell_fixes(before: &Sources, fixed: &Fixed, is_diff: bool) {
    for (path, why) in &fixed.refused {
        tell(&format!("warning: cannot fix `{path}`: {why}"));
    }
    for finding in &fixed.declined {
        tell(&format!(
            "warning: not fixed, because the fix leads to another finding: {finding}"
        ));
    }
    let findings = report::counted(fixed.count, "finding", "s");
    let files = report::counted(fix::changed(before, &fixed.sources), "file", "s");
    match (fixed.count, is_diff) {
        (0, _) => tell("nothing to fix"),
        (_, true) => tell(&format!("{findings} in {files} would be fixed")),
        (_, false) => tell(&format!("{findings} in {files} fixed")),
    }
}

fn show_diff(arguments: &Check, input: &Input, fixed: &Sources) -> Result<ExitCode, String> {
    let text = fix::diff(&input.sources, fixed);
    match &arguments.output {
        Some(file) => write_whole(file, text.as_bytes())?,
        None => write_out(&text, false)?,
    }
    warn_about(input);
    let changes = !text.is_empty();
    Ok(ExitCode::from(u8::from(changes && !arguments.exit_zero)))
}

fn modules(arguments: &InputArguments, format: ListFormat) -> Result<ExitCode, String> {
    let progress = Progress::start();
    let input = read_input(arguments, &progress)?;
    progress.stage("analysing", 0);
    let options = Options {
        summaries: true,
        ..options(&input, &input.sources)
    };
    let analysis = analyze(&input.sources, &options)?;
    drop(progress);
    print(&match format {
        ListFormat::Text => listing::modules_text(&analysis.modules, &input.sources),
        ListFormat::Json => listing::modules_json(&analysis.modules, &input.sources),
    })?;
    warn_about(&input);
    Ok(ExitCode::SUCCESS)
}

fn read_input(arguments: &InputArguments, progress: &Progress) -> Result<Input, String> {
    let project = &arguments.project;
    start_threads(project.threads)?;
    let wanted = Wanted {
        working: std::env::current_dir()
            .map_err(|error| format!("the working directory cannot be read: {error}"))?,
        paths: arguments.paths.clone(),
        config: project.config.clone(),
        no_ignore: project.no_ignore,
        build: project.build.clone(),
        commands: &COMMANDS,
        project: arguments.cargo.clone(),
        unsaved: Vec::new(),
    };
    let mut input = read::read(&wanted, arguments.stdin_filename.as_deref(), progress)?;
    input.whole = project.no_index;
    Ok(input)
}

fn start_threads(threads: Option<u16>) -> Result<(), String> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0).into())
        .stack_size(STACK)
        .build_global()
        .map_err(|error| format!("the threads cannot be started: {error}"))
}

fn source_count(input: &Input) -> usize {
    let sources = &input.sources;
    sources
        .ids()
        .map(|id| sources.file(id))
        .filter(|file| file.lang.is_some() && file.encoding != Encoding::Binary)
        .count()
}

fn warn_about(input: &Input) {
    for (path, why) in &input.unread {
        tell(&format!("warning: cannot read `{path}`: {why}"));
    }
    for warning in &input.warnings {
        tell(&format!("warning: {warning}"));
    }
    for claim in input.config.modules(&input.sources) {
        if claim.files.is_empty() {
            let name = claim.name;
            tell(&format!(
                "warning: no file matches the paths of [[module]] `{name}`"
            ));
        }
    }
    if source_count(input) == 0 {
        tell("warning: no C, C++ or Rust source found: nothing was checked");
        return;
    }
    for folder in input.without_sources() {
        tell(&format!(
            "warning: no C, C++ or Rust source in `{folder}`: nothing was checked there"
        ));
    }
}

/// How the text report looks; a file gets plain text.
fn style(arguments: &Check) -> Style {
    if arguments.output.is_some() || arguments.format != Format::Text {
        return Style::default();
    }
    Style {
        color: colored(arguments.color),
        links: match arguments.hyperlinks {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout),
        },
    }
}

/// Whether the text report on standard output is coloured.
fn colored(choice: ColorChoice) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            std::io::stdout().is_terminal()
                && !is_set("NO_COLOR")
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// A line to standard error; whether anybody reads it is not our concern.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn print(text: &str) -> Result<ExitCode, String> {
    write_out(text, false)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output. A reader that has seen enough and closed the pipe is no error.
fn write_out(text: &str, color: bool) -> Result<(), String> {
    let written = if color {
        // Only termcolor's stream makes an old Windows console understand the sequences.
        let mut out = termcolor::StandardStream::stdout(termcolor::ColorChoice::Always);
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    } else {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    };
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("the report cannot be written: {error}"))
        }
        _ => Ok(()),
    }
}
