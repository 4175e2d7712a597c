//! How accurate tplint is on real code: places in public repositories, and what a rule has to say there.
//!
//! In come `corpus.tsv`, a row for each place (`bad`: the rule reports it, `good`: it does not), and a folder of
//! checkouts. Out go a table of the rules, the rows that went wrong, and the difference to `corpus.recorded.tsv`, which
//! holds all findings of the run that was recorded, as lines with `-` (recorded) and `+` (now). A difference is for the
//! reader; what fails is a bad row that is missed and was found when the result was recorded, a good row that is
//! violated, a tree whose run fails, and a checkout that is missing.
//!
//! ```console
//! TPLINT_CORPUS=/path/to/checkouts cargo test --release --test corpus -- --ignored --nocapture
//! ```
//!
//! The folder holds one checkout for each commit, named `owner+name@` and the first twelve digits of the commit. With
//! `TPLINT_CORPUS_PARTIAL=1` those that are missing are named and left out; `UPDATE_EXPECT=1` records this run.
//!
//! Nothing is fetched, and no checkout is changed. That a checkout stands at its commit is not proved, only that it
//! holds the files of its rows. A finding that no row speaks of is neither right nor wrong.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tplint::rules::RULES;

/// Rows and reports may name different lines of one statement.
const SLACK: u32 = 3;
/// What a tree is given.
const PATIENCE: Duration = Duration::from_secs(120);
const COLUMNS: &str = "repository\tcommit\tpath\tline\tfunction\trule\tverdict\treason";
const RECORDED_COLUMNS: &str = "tree\trule\tlevel\tpath\tline\tmessage\tfinds";
/// Stands in a column that would be empty.
const NONE: &str = "-";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Bad,
    Good,
}

/// A place where a rule has to speak, or to be silent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    repository: String,
    commit: String,
    path: String,
    line: u32,
    function: String,
    rule: String,
    verdict: Verdict,
    reason: String,
}

impl Row {
    /// The name of the folder with the checkout.
    fn tree(&self) -> String {
        let repository = self.repository.replace('/', "+");
        format!("{repository}@{}", &self.commit[..12])
    }

    fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }

    /// What rows are sorted by, and what no two of them share.
    fn key(&self) -> (&str, &str, &str, u32, &str) {
        (
            &self.rule,
            &self.repository,
            &self.path,
            self.line,
            &self.commit,
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let (rule, tree, place) = (&self.rule, self.tree(), self.place());
        let (function, reason) = (&self.function, &self.reason);
        write!(out, "{rule} {tree} {place} ({function}): {reason}")
    }
}

/// The lines below the line of columns, with their numbers for people.
fn lines_below<'t>(
    text: &'t str,
    columns: &str,
) -> Result<impl Iterator<Item = (usize, &'t str)>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(columns) {
        return Err(format!("1: the first line names the columns: {columns}"));
    }
    Ok((2..).zip(lines))
}

fn parse_rows(text: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in lines_below(text, COLUMNS)? {
        let row = parse_row(line).map_err(|error| format!("{number}: {error}"))?;
        if rows.last().is_some_and(|last| last.key() >= row.key()) {
            return Err(format!(
                "{number}: rows are sorted by rule, repository, path, line and commit, and each stands there once"
            ));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn parse_row(line: &str) -> Result<Row, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let &[
        repository,
        commit,
        path,
        number,
        function,
        rule,
        verdict,
        reason,
    ] = &fields[..]
    else {
        return Err(format!("{} columns instead of 8", fields.len()));
    };
    if fields
        .iter()
        .any(|field| field.is_empty() || field.trim() != *field)
    {
        return Err("a column is empty, or begins or ends with a space".to_string());
    }
    if repository
        .split('/')
        .filter(|part| !part.is_empty())
        .count()
        != 2
    {
        return Err(format!("`{repository}` is not an owner and a name"));
    }
    let is_digit = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
    if commit.len() != 40 || !commit.chars().all(is_digit) {
        return Err(format!("`{commit}` is no commit of 40 digits"));
    }
    if path.starts_with('/') || path.contains('\\') {
        return Err(format!("`{path}` is not a path below the checkout"));
    }
    let number = match number.parse() {
        Ok(number) if number > 0 => number,
        _ => return Err(format!("`{number}` is no line")),
    };
    if RULES.iter().all(|known| known.name != rule) {
        return Err(format!("no rule is called `{rule}`"));
    }
    let verdict = match verdict {
        "bad" => Verdict::Bad,
        "good" => Verdict::Good,
        _ => return Err(format!("`{verdict}` is neither `bad` nor `good`")),
    };
    if !reason.ends_with('.') {
        return Err("the reason is no sentence".to_string());
    }
    Ok(Row {
        repository: repository.to_string(),
        commit: commit.to_string(),
        path: path.to_string(),
        line: number,
        function: function.to_string(),
        rule: rule.to_string(),
        verdict,
        reason: reason.to_string(),
    })
}

/// What tplint reported, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    rule: String,
    level: String,
    /// The first line.
    message: String,
    path: String,
    line: u32,
    /// The places on its call paths.
    steps: Vec<(String, u32)>,
}

impl Finding {
    /// Whether a bad row counts as found: the primary place or a step is there.
    fn finds(&self, row: &Row) -> bool {
        let steps = self.steps.iter().map(|(path, line)| (&**path, *line));
        self.rule == row.rule
            && steps
                .chain([(&*self.path, self.line)])
                .any(|at| is_near(at, row))
    }

    /// Whether a good row counts as violated: the primary place is there. A step may well lead through sound code.
    fn violates(&self, row: &Row) -> bool {
        self.rule == row.rule && is_near((&self.path, self.line), row)
    }
}

fn is_near((path, line): (&str, u32), row: &Row) -> bool {
    path == row.path && line.abs_diff(row.line) <= SLACK
}

/// The findings of a report in tplint's own JSON.
fn parse_report(report: &str) -> Result<Vec<Finding>, String> {
    let report: Value = serde_json::from_str(report).map_err(|error| error.to_string())?;
    let findings = report["findings"].as_array().ok_or("no findings")?;
    findings
        .iter()
        .map(|finding| {
            parse_finding(finding).ok_or_else(|| format!("a finding in part: {finding}"))
        })
        .collect()
}

fn parse_finding(finding: &Value) -> Option<Finding> {
    let text = |name: &str| finding[name].as_str().map(str::to_string);
    let place = |value: &Value| {
        let line = u32::try_from(value["line"].as_u64()?).ok()?;
        Some((value["path"].as_str()?.to_string(), line))
    };
    let (path, line) = place(finding)?;
    let steps = finding["labels"]
        .as_array()?
        .iter()
        .filter(|label| label["role"] == "step");
    Some(Finding {
        rule: text("rule")?,
        level: text("level")?,
        message: text("message")?.lines().next()?.replace('\t', " "),
        path,
        line,
        steps: steps.map(place).collect::<Option<_>>()?,
    })
}

/// Runs tplint as people do, on one tree.
fn run_on(tree: &Path) -> Result<Vec<Finding>, String> {
    let name = tree.file_name().unwrap_or_default().to_string_lossy();
    // Files and not pipes: nobody has to empty them while the process runs.
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let out = scratch.join(format!("corpus-{name}.json"));
    let err = scratch.join(format!("corpus-{name}.txt"));
    let result = run_into(tree, &out, &err);
    let _ = fs::remove_file(&out);
    let _ = fs::remove_file(&err);
    result
}

fn run_into(tree: &Path, out: &Path, err: &Path) -> Result<Vec<Finding>, String> {
    let text = |error: std::io::Error| error.to_string();
    // All rules and the notes. Ignore files have no say: a tree is judged the same whether it is a clone or an archive,
    // and wherever the folder of checkouts lies.
    let mut child = Command::new(env!("CARGO_BIN_EXE_tplint"))
        .args(["-W", "all", "--no-ignore", "--format", "json"])
        .current_dir(tree)
        .stdin(Stdio::null())
        .stdout(File::create(out).map_err(text)?)
        .stderr(File::create(err).map_err(text)?)
        .spawn()
        .map_err(text)?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(text)? {
            break status;
        }
        if started.elapsed() >= PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("no result after {} s", PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    if !matches!(status.code(), Some(0 | 1)) {
        let told = fs::read(err).map_err(text)?;
        let told = String::from_utf8_lossy(&told);
        return Err(format!("{status}: {}", told.trim_end()));
    }
    parse_report(&fs::read_to_string(out).map_err(text)?)
}

/// A finding as it is recorded. Sorted by tree, rule, level, path and line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Recorded {
    tree: String,
    rule: String,
    level: String,
    path: String,
    line: u32,
    message: String,
    /// The places of the bad rows that it finds. Where it finds one by a step, its own line does not tell.
    finds: Vec<String>,
}

impl fmt::Display for Recorded {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let (tree, path, line) = (&self.tree, &self.path, self.line);
        let (level, rule, message) = (&self.level, &self.rule, &self.message);
        write!(out, "{tree} {path}:{line}: {level}[{rule}]: {message}")?;
        if !self.finds.is_empty() {
            write!(out, " (finds {})", self.finds.join(", "))?;
        }
        Ok(())
    }
}

fn recorded(tree: &str, finding: &Finding, rows: &[&Row]) -> Recorded {
    let finds = rows
        .iter()
        .filter(|row| row.verdict == Verdict::Bad && finding.finds(row))
        .map(|row| row.place());
    Recorded {
        tree: tree.to_string(),
        rule: finding.rule.clone(),
        level: finding.level.clone(),
        path: finding.path.clone(),
        line: finding.line,
        message: finding.message.clone(),
        finds: finds.collect(),
    }
}

fn parse_recorded(text: &str) -> Result<Vec<Recorded>, String> {
    let mut all = Vec::new();
    for (number, line) in lines_below(text, RECORDED_COLUMNS)? {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[tree, rule, level, path, at, message, finds] = &fields[..] else {
            return Err(format!("{number}: {} columns instead of 7", fields.len()));
        };
        let at = at
            .parse()
            .map_err(|_| format!("{number}: `{at}` is no line"))?;
        let finds: Vec<String> = match finds {
            NONE => Vec::new(),
            places => places.split(", ").map(str::to_string).collect(),
        };
        all.push(Recorded {
            tree: tree.to_string(),
            rule: rule.to_string(),
            level: level.to_string(),
            path: path.to_string(),
            line: at,
            message: message.to_string(),
            finds,
        });
    }
    Ok(all)
}

fn write_recorded(all: &[Recorded]) -> String {
    let mut text = format!("{RECORDED_COLUMNS}\n");
    for entry in all {
        let finds = match &entry.finds[..] {
            [] => NONE.to_string(),
            places => places.join(", "),
        };
        let (tree, rule, level) = (&entry.tree, &entry.rule, &entry.level);
        let (path, line, message) = (&entry.path, entry.line, &entry.message);
        let _ = writeln!(
            text,
            "{tree}\t{rule}\t{level}\t{path}\t{line}\t{message}\t{finds}"
        );
    }
    text
}

/// The lines of the difference between two sorted lists; what stands in one twice must stand in the other twice.
fn difference(before: &[Recorded], now: &[Recorded]) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    loop {
        match (before.peek(), now.peek()) {
            (Some(old), Some(new)) if old == new => {
                before.next();
                now.next();
            }
            (Some(old), new) if new.is_none_or(|new| old < new) => {
                lines.push(format!("- {old}"));
                before.next();
            }
            (_, Some(new)) => {
                lines.push(format!("+ {new}"));
                now.next();
            }
            (_, None) => return lines,
        }
    }
}

/// What is to be recorded: this run for the trees that it has read, and what was there for the other listed ones.
fn merged(
    before: &[Recorded],
    now: &[Recorded],
    listed: &BTreeSet<String>,
    read: &BTreeSet<String>,
) -> Vec<Recorded> {
    let kept = before
        .iter()
        .filter(|entry| listed.contains(&entry.tree) && !read.contains(&entry.tree));
    let mut all: Vec<Recorded> = kept.chain(now).cloned().collect();
    all.sort();
    all
}

/// The rows of one rule, counted.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    found: usize,
    bad: usize,
    silent: usize,
    good: usize,
}

fn table(scores: &BTreeMap<&str, Score>) -> String {
    let mut all = Score::default();
    let mut text = format!("{:<34}{:>10}{:>13}\n", "rule", "bad found", "good silent");
    let mut tell = |name: &str, score: &Score| {
        let bad = format!("{}/{}", score.found, score.bad);
        let good = format!("{}/{}", score.silent, score.good);
        let _ = writeln!(text, "{name:<34}{bad:>10}{good:>13}");
    };
    for (rule, score) in scores {
        tell(rule, score);
        all.found += score.found;
        all.bad += score.bad;
        all.silent += score.silent;
        all.good += score.good;
    }
    tell("all", &all);
    text
}

/// What one pass over the checkouts has shown.
#[derive(Default)]
struct Outcome<'r> {
    scores: BTreeMap<&'r str, Score>,
    missed: Vec<&'r Row>,
    violated: Vec<&'r Row>,
    /// Trees without a checkout.
    absent: Vec<String>,
    /// Trees whose run failed, and why.
    failed: Vec<String>,
    /// Trees that were read.
    read: BTreeSet<String>,
    /// All findings, sorted.
    findings: Vec<Recorded>,
}

fn judge<'r>(
    trees: &BTreeMap<String, Vec<&'r Row>>,
    analyse: impl Fn(&str) -> Option<Result<Vec<Finding>, String>>,
) -> Outcome<'r> {
    let mut outcome = Outcome::default();
    for (tree, rows) in trees {
        let findings = match analyse(tree) {
            None => {
                outcome.absent.push(tree.clone());
                continue;
            }
            Some(Err(error)) => {
                outcome.failed.push(format!("{tree}: {error}"));
                None
            }
            Some(Ok(findings)) => {
                outcome.read.insert(tree.clone());
                let entries = findings.iter().map(|finding| recorded(tree, finding, rows));
                outcome.findings.extend(entries);
                Some(findings)
            }
        };
        for &row in rows {
            let score = outcome.scores.entry(&row.rule).or_default();
            let mut findings_of = findings.iter().flatten();
            match row.verdict {
                Verdict::Bad => {
                    score.bad += 1;
                    if findings_of.any(|finding| finding.finds(row)) {
                        score.found += 1;
                    } else {
                        outcome.missed.push(row);
                    }
                }
                Verdict::Good => {
                    score.good += 1;
                    // Silence after a failure is none.
                    if findings.is_some() && !findings_of.any(|finding| finding.violates(row)) {
                        score.silent += 1;
                    } else {
                        outcome.violated.push(row);
                    }
                }
            }
        }
    }
    outcome.findings.sort();
    outcome
}

/// The rows by the name of their checkout.
fn by_tree(rows: &[Row]) -> BTreeMap<String, Vec<&Row>> {
    let mut trees: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        trees.entry(row.tree()).or_default().push(row);
    }
    trees
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("tests/corpus.tsv")).unwrap();
    parse_rows(&text).unwrap_or_else(|error| panic!("tests/corpus.tsv:{error}"))
}

fn was_found(row: &Row, before: &[Recorded]) -> bool {
    let place = row.place();
    before.iter().any(|entry| {
        entry.rule == row.rule && entry.tree == row.tree() && entry.finds.contains(&place)
    })
}

/// One below the other, with a heading that counts them; nothing where there is none.
fn list(heading: &str, lines: impl IntoIterator<Item = impl fmt::Display>) {
    let lines: Vec<String> = lines.into_iter().map(|line| format!("  {line}")).collect();
    if !lines.is_empty() {
        println!("\n{heading}: {}\n{}", lines.len(), lines.join("\n"));
    }
}

#[test]
#[ignore = "needs a folder of checkouts: see docs/accuracy.md"]
fn findings_on_real_code_are_as_recorded() {
    let folder = std::env::var_os("TPLINT_CORPUS")
        .map(PathBuf::from)
        .expect("the environment variable TPLINT_CORPUS names a folder of checkouts");
    let rows = rows();
    let trees = by_tree(&rows);
    let outcome = judge(&trees, |name| {
        let tree = folder.join(name);
        if !tree.is_dir() {
            return None;
        }
        // A checkout without these files would be silent about them for the wrong reason.
        let lacking = trees[name]
            .iter()
            .find(|row| !tree.join(&row.path).is_file());
        Some(match lacking {
            Some(row) => Err(format!("the checkout holds no `{}`", row.path)),
            None => run_on(&tree),
        })
    });
    assert!(
        outcome.absent.len() < trees.len(),
        "{} holds none of the {} checkouts, such as {}",
        folder.display(),
        trees.len(),
        outcome.absent[0]
    );

    let file = root().join("tests/corpus.recorded.tsv");
    let before = if file.exists() {
        let text = fs::read_to_string(&file).unwrap();
        parse_recorded(&text).unwrap_or_else(|error| panic!("{}:{error}", file.display()))
    } else {
        println!("tests/corpus.recorded.tsv does not exist: the difference is to an empty result");
        Vec::new()
    };
    // Of a tree that is listed and was not read now nothing can be said.
    let compared: Vec<Recorded> = before
        .iter()
        .filter(|entry| outcome.read.contains(&entry.tree) || !trees.contains_key(&entry.tree))
        .cloned()
        .collect();
    list(
        "difference to the recorded result (- recorded, + now)",
        difference(&compared, &outcome.findings),
    );
    list("bad rows missed", &outcome.missed);
    list("good rows violated", &outcome.violated);
    list("trees failed", &outcome.failed);
    list("checkouts missing", &outcome.absent);
    println!(
        "\n{}\n{} of {} trees read, {} findings",
        table(&outcome.scores),
        outcome.read.len(),
        trees.len(),
        outcome.findings.len()
    );

    let mut problems = Vec::new();
    if is_set("UPDATE_EXPECT") {
        let listed = trees.keys().cloned().collect();
        let all = merged(&before, &outcome.findings, &listed, &outcome.read);
        fs::write(&file, write_recorded(&all)).unwrap();
    } else {
        let lost = outcome.missed.iter().filter(|row| was_found(row, &before));
        problems.extend(lost.map(|row| format!("missed, and found when recorded: {row}")));
    }
    problems.extend(
        outcome
            .violated
            .iter()
            .map(|row| format!("violated: {row}")),
    );
    problems.extend(outcome.failed.iter().map(|tree| format!("failed: {tree}")));
    if !is_set("TPLINT_CORPUS_PARTIAL") {
        let absent = outcome.absent.iter();
        problems.extend(absent.map(|tree| format!("no checkout: {tree}")));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_rows_are_well_formed_and_listed_once() {
    let rows = rows();
    let names: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (&*row.repository, &*row.commit))
        .collect();
    assert_eq!(
        by_tree(&rows).len(),
        names.len(),
        "two commits share the name of their checkout"
    );
    // The list of what a recorded finding finds is written with this between the places.
    assert!(rows.iter().all(|row| !row.path.contains(", ")));
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A row of rule `wait_in_dll_main` at `src/a.c:20`.
fn example(verdict: Verdict) -> Row {
    Row {
        repository: "owner/name".to_string(),
        commit: COMMIT.to_string(),
        path: "src/a.c".to_string(),
        line: 20,
        function: "DllMain".to_string(),
        rule: "wait_in_dll_main".to_string(),
        verdict,
        reason: "It waits.".to_string(),
    }
}

fn example_line() -> String {
    format!("owner/name\t{COMMIT}\tsrc/a.c\t20\tDllMain\twait_in_dll_main\tbad\tIt waits.")
}

fn example_finding(path: &str, line: u32, steps: &[(&str, u32)]) -> Finding {
    Finding {
        rule: "wait_in_dll_main".to_string(),
        level: "error".to_string(),
        message: "it waits".to_string(),
        path: path.to_string(),
        line,
        steps: steps
            .iter()
            .map(|(path, line)| (path.to_string(), *line))
            .collect(),
    }
}

#[test]
fn rows_are_read_and_broken_ones_refused() {
    let parse = |lines: &[&str]| parse_rows(&format!("{COLUMNS}\n{}\n", lines.join("\n")));
    let line = example_line();
    assert_eq!(parse(&[&line]), Ok(vec![example(Verdict::Bad)]));
    assert_eq!(example(Verdict::Bad).tree(), "owner+name@0123456789ab");
    assert!(parse_rows(&line).unwrap_err().contains("the columns"));
    for (from, to, told) in [
        ("owner/name", "name", "an owner and a name"),
        ("01234567\t", "0123456\t", "40 digits"),
        ("abcdef", "ABCDEF", "40 digits"),
        ("src/a.c", "/src/a.c", "below the checkout"),
        ("src/a.c", r"src\a.c", "below the checkout"),
        ("\t20\t", "\t0\t", "no line"),
        ("\t20\t", "\t2o\t", "no line"),
        ("_main", "_mian", "no rule"),
        ("\tbad\t", "\tBad\t", "neither"),
        ("waits.", "waits", "no sentence"),
        ("DllMain", "", "empty"),
        ("It waits.", "It\twaits.", "9 columns"),
        ("\tIt waits.", "", "7 columns"),
    ] {
        let broken = line.replace(from, to);
        let error = parse(&[&broken]).unwrap_err();
        assert!(
            error.starts_with("2: ") && error.contains(told),
            "{broken}: {error}"
        );
    }
    let later = line.replace("\t20\t", "\t21\t");
    assert_eq!(parse(&[&line, &later]).unwrap().len(), 2);
    for lines in [[&*line, &*line], [&*later, &*line]] {
        assert!(parse(&lines).unwrap_err().starts_with("3: rows are sorted"));
    }
}

#[test]
fn a_step_finds_a_bad_row_and_violates_no_good_one() {
    for (finding, finds, violates) in [
        (example_finding("src/a.c", 20, &[]), true, true),
        (example_finding("src/a.c", 17, &[]), true, true),
        (example_finding("src/a.c", 23, &[]), true, true),
        (example_finding("src/a.c", 16, &[]), false, false),
        (example_finding("src/a.c", 24, &[]), false, false),
        (example_finding("a.c", 20, &[]), false, false),
        (example_finding("b.c", 1, &[("src/a.c", 23)]), true, false),
        (example_finding("b.c", 1, &[("src/a.c", 24)]), false, false),
        (example_finding("b.c", 20, &[("b.c", 20)]), false, false),
    ] {
        assert_eq!(finding.finds(&example(Verdict::Bad)), finds, "{finding:?}");
        assert_eq!(
            finding.violates(&example(Verdict::Good)),
            violates,
            "{finding:?}"
        );
        let other = Finding {
            rule: "lock_under_loader_lock".to_string(),
            ..finding
        };
        assert!(!other.finds(&example(Verdict::Bad)));
        assert!(!other.violates(&example(Verdict::Good)));
    }
}

#[test]
fn absent_and_failed_trees_are_no_success() {
    let good = Row {
        line: 40,
        ..example(Verdict::Good)
    };
    let rows = [example(Verdict::Bad), good];
    let trees = by_tree(&rows);

    let absent = judge(&trees, |_| None);
    assert_eq!(absent.absent, ["owner+name@0123456789ab"]);
    assert!(absent.scores.is_empty() && absent.read.is_empty());

    let failed = judge(&trees, |_| Some(Err("it hangs".to_string())));
    assert_eq!(failed.failed, ["owner+name@0123456789ab: it hangs"]);
    assert_eq!(failed.missed, [&rows[0]]);
    assert_eq!(failed.violated, [&rows[1]]);
    assert!(failed.read.is_empty());

    let finding = example_finding("b.c", 1, &[("src/a.c", 20), ("src/a.c", 40)]);
    let passed = judge(&trees, |_| Some(Ok(vec![finding.clone()])));
    assert!(passed.missed.is_empty() && passed.violated.is_empty());
    assert_eq!(passed.findings[0].finds, ["src/a.c:20"]);
    assert!(was_found(&rows[0], &passed.findings));
    assert!(!was_found(&rows[1], &passed.findings));
    let table = table(&passed.scores);
    let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last, ["all", "1/1", "1/1"]);
}

#[test]
fn differences_count_what_stands_twice() {
    let entry = |tree: &str, line| {
        let finding = example_finding("src/a.c", line, &[]);
        recorded(tree, &finding, &[&example(Verdict::Bad)])
    };
    let before = [entry("a", 5), entry("a", 5), entry("b", 20), entry("c", 1)];
    let now = [entry("a", 5), entry("b", 21), entry("c", 1), entry("c", 2)];
    let tail = "error[wait_in_dll_main]: it waits";
    assert_eq!(
        difference(&before, &now),
        [
            format!("- a src/a.c:5: {tail}"),
            format!("- b src/a.c:20: {tail} (finds src/a.c:20)"),
            format!("+ b src/a.c:21: {tail} (finds src/a.c:20)"),
            format!("+ c src/a.c:2: {tail}"),
        ]
    );
    assert!(difference(&before, &before).is_empty());
    assert_eq!(difference(&[], &now).len(), now.len());
    assert_eq!(parse_recorded(&write_recorded(&before)).unwrap(), before);

    // Of the trees that were recorded, a is not read, b is read anew, and c is listed no more.
    let names = |of: &[&str]| of.iter().map(|name| name.to_string()).collect();
    let all = merged(
        &before,
        &[entry("b", 21)],
        &names(&["a", "b"]),
        &names(&["b"]),
    );
    assert_eq!(all, [entry("a", 5), entry("a", 5), entry("b", 21)]);
}

#[test]
fn a_tree_is_analysed_as_people_do_it() {
    let findings = run_on(&root().join("fixtures/demo")).unwrap();
    let wait = findings
        .iter()
        .find(|finding| finding.rule == "wait_in_dll_main")
        .expect("the demonstration waits in DllMain");
    assert_eq!((&*wait.level, &*wait.path), ("error", "worker.cpp"));
    assert!(
        wait.steps.iter().any(|(path, _)| path == "dllmain.cpp"),
        "{wait:?}"
    );
    assert!(run_on(&root().join("nowhere")).is_err());
}
