//! The same sources give the same bytes out, whatever the number of threads and the order in which files come.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tplint::diagnostic::Level;
use tplint::report::{self, Format, Origin, Report, Style, Summary};
use tplint::rules::RULES;
use tplint::source::{Lang, Sources};
use tplint::{Options, analyze};

const FORMATS: [Format; 6] = [
    Format::Text,
    Format::Concise,
    Format::Json,
    Format::Sarif,
    Format::Github,
    Format::Gitlab,
];
/// That of the command's threads.
const STACK: usize = 16 << 20;
/// One fixture in so many: the rest has nothing to add, and this runs eight times.
const EACH: usize = 5;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().flatten();
    let mut all: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

fn read(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, files);
            continue;
        }
        let shown = path
            .strip_prefix(root())
            .unwrap()
            .to_string_lossy()
            .replace('\\', "/");
        if Lang::of_path(&shown).is_some() || tplint::module::is_build_file(&shown) {
            files.push((shown, fs::read(&path).unwrap()));
        }
    }
}

/// All formats of the report on some files, and what `tplint modules` shows of them.
fn reports(files: Vec<(String, Vec<u8>)>) -> Vec<String> {
    let sources = Sources::new(files);
    let options = Options {
        summaries: true,
        ..Options::default()
    };
    let analysis = analyze(&sources, &options).unwrap();
    assert!(
        analysis.diagnostics.len() > 20,
        "{} findings",
        analysis.diagnostics.len()
    );
    let rules: Vec<(&'static str, Level)> =
        RULES.iter().map(|rule| (rule.name, Level::Deny)).collect();
    let summary = Summary {
        partly: analysis.partly.clone(),
        ..Summary::default()
    };
    let report = Report {
        sources: &sources,
        findings: &analysis.diagnostics,
        rules: &rules,
        summary: &summary,
        origin: &Origin::default(),
        exit_code: 1,
    };
    let mut all: Vec<String> = FORMATS
        .iter()
        .map(|format| report::render(*format, &report, Style::default()))
        .collect();
    all.push(report::listing::modules_json(&analysis.modules, &sources));
    all
}

/// The first line in which two texts differ.
fn difference(one: &str, other: &str) -> String {
    let lines = one.lines().zip(other.lines()).enumerate();
    let mut lines = lines.filter(|(_, (one, other))| one != other);
    match lines.next() {
        Some((at, (one, other))) => format!("line {}:\n{one}\n{other}", at + 1),
        None => format!("{} bytes, and {}", one.len(), other.len()),
    }
}

#[test]
fn one_to_eight_threads_give_the_same_bytes() {
    let cases = folders(&root().join("fixtures"));
    let cases = cases.iter().flat_map(|rule| folders(rule)).step_by(EACH);
    let mut files = Vec::new();
    for case in cases {
        read(&case, &mut files);
    }
    let mut expected: Option<Vec<String>> = None;
    for threads in 1..=8 {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .stack_size(STACK);
        let pool = pool.build().unwrap();
        // The listing of another disk.
        let mut files = files.clone();
        let middle = files.len() * (threads - 1) / 8;
        files.rotate_left(middle);
        let all = pool.install(|| reports(files));
        let Some(expected) = &expected else {
            expected = Some(all);
            continue;
        };
        for (number, (one, other)) in expected.iter().zip(&all).enumerate() {
            assert!(
                one == other,
                "report {number} with 1 and with {threads} threads differs in {}",
                difference(one, other)
            );
        }
    }
}

#[test]
fn the_command_gives_the_same_bytes_with_any_number_of_threads() {
    for format in ["text", "concise", "json", "sarif", "github", "gitlab"] {
        let run = |threads: &str| {
            let output = Command::new(env!("CARGO_BIN_EXE_tplint"))
                .current_dir(root().join("fixtures/demo"))
                .args([
                    "--no-cache",
                    "-W",
                    "all",
                    "--notes",
                    "--format",
                    format,
                    "--threads",
                    threads,
                ])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(
                output.status.code(),
                Some(1),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(!output.stdout.is_empty());
            (output.stdout, output.stderr)
        };
        let expected = run("1");
        for threads in ["2", "3", "8"] {
            assert!(run(threads) == expected, "{format} with {threads} threads");
        }
    }
}
