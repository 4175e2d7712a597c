//! What `tplint rules`, `tplint explain` and `tplint modules` print: pure functions, like the reports.

use super::{Link, TOOL, Tool, articles, pretty};
use crate::ModuleSummary;
use crate::diagnostic::Diagnostic;
use crate::rules::page::{self, Page};
use crate::rules::timings::Extent;
use crate::source::{Sources, Span};
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;

/// Name, default level and summary of every rule, in columns.
pub fn rules_text() -> String {
    let all = page::catalogue();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, page) in all {
        let _ = writeln!(
            out,
            "{name:width$}  {level:5}  {summary}",
            level = page.level.name(),
            summary = page.summary
        );
    }
    out
}

/// The same with the articles, for machines.
pub fn rules_json() -> String {
    #[derive(Serialize)]
    struct Document {
        version: u32,
        tool: Tool,
        rules: Vec<Rule>,
        /// What tplint says about the use of tplint; levels can be set for them as for rules.
        checks: Vec<Rule>,
    }
    #[derive(Serialize)]
    struct Rule {
        name: &'static str,
        level: &'static str,
        summary: &'static str,
        articles: Vec<Link>,
    }
    let (checks, rules) = page::catalogue()
        .iter()
        .map(|(name, page)| Rule {
            name,
            level: page.level.name(),
            summary: page.summary,
            articles: articles(page),
        })
        .partition(|rule| page::is_check(rule.name));
    pretty(&Document {
        version: 1,
        tool: TOOL,
        rules,
        checks,
    })
}

/// How many findings each rule has, the most first.
fn counts_by_rule(findings: &[Diagnostic]) -> Vec<(&'static str, usize, usize)> {
    let mut counts: Vec<(&str, usize, usize)> = Vec::new();
    for (name, _) in page::catalogue() {
        let of_rule = || findings.iter().filter(|finding| finding.rule == *name);
        let fixable = of_rule().filter(|finding| finding.fix.is_some()).count();
        counts.push((name, of_rule().count(), fixable));
    }
    counts.retain(|(_, count, _)| *count > 0);
    counts.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    counts
}

/// `--timings`: what reading, each stage and each rule took, in columns; what took nothing is left out.
///
/// `read` and `all` are of the clock, the shares are summed over all threads. Behind them stands how much was looked into;
/// where an earlier run has found everything, that is nothing.
pub fn timings_text(
    read: Duration,
    all: Duration,
    shares: &[(&str, Duration)],
    extent: Extent,
) -> String {
    let sum: Duration = shares.iter().map(|(_, spent)| *spent).sum();
    let mut text = format!(
        "{:>8.3} s  in all\n{:>8.3} s  finding and reading files\n{:>8.3} s  of all threads:\n",
        all.as_secs_f64(),
        read.as_secs_f64(),
        sum.as_secs_f64()
    );
    for (name, spent) in shares.iter().filter(|(_, spent)| !spent.is_zero()) {
        let share = 100.0 * spent.as_secs_f64() / sum.as_secs_f64();
        text.push_str(&format!(
            "{:>8.3} s {share:>5.1} %  {name}\n",
            spent.as_secs_f64()
        ));
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let _ = write!(
        text,
        "{:>8.1} MB parsed, of {:.1} MB in files that were looked into\n{:>8} of {} modules looked into",
        megabytes(extent.lowered),
        megabytes(extent.files),
        extent.linked,
        extent.modules
    );
    text
}

/// `--statistics`: the number of findings of each rule, and of those that `--fix` mends, in columns.
pub fn statistics_text(findings: &[Diagnostic]) -> String {
    let counts = counts_by_rule(findings);
    let name_width = counts
        .iter()
        .map(|(name, ..)| name.len())
        .max()
        .unwrap_or(0);
    let width = findings.len().to_string().len();
    let mut out = String::new();
    for (name, count, fixable) in counts {
        let summary = page::of(name).map_or("", |page| page.summary);
        let fixable = match fixable {
            0 => String::new(),
            count => format!(" ({count} with a fix)"),
        };
        let _ = writeln!(
            out,
            "{count:width$}  {name:name_width$}  {summary}{fixable}"
        );
    }
    out
}

/// The same for machines.
pub fn statistics_json(findings: &[Diagnostic]) -> String {
    #[derive(Serialize)]
    struct Document {
        version: u32,
        tool: Tool,
        statistics: Vec<Count>,
    }
    #[derive(Serialize)]
    struct Count {
        rule: &'static str,
        findings: usize,
        fixable: usize,
    }
    let counts = counts_by_rule(findings).into_iter();
    pretty(&Document {
        version: 1,
        tool: TOOL,
        statistics: counts
            .map(|(rule, findings, fixable)| Count {
                rule,
                findings,
                fixable,
            })
            .collect(),
    })
}

/// `--show-files`: the sources that are read, one a line; behind a tab, that nothing in them is reported.
pub fn files(sources: &Sources, is_shown: impl Fn(&str) -> bool) -> String {
    let mut out = String::new();
    let files = sources.ids().map(|id| sources.file(id));
    for file in files.filter(|file| file.lang.is_some()) {
        let told = if is_shown(&file.path) {
            ""
        } else {
            "\tnot reported on"
        };
        let _ = writeln!(out, "{}{told}", file.path);
    }
    out
}

/// A rule's page.
pub fn explain(name: &str, page: &Page) -> String {
    page.markdown(name)
}

/// The modules for people: kind and why, sources, entries, and where the analysis sees nothing.
pub fn modules_text(modules: &[ModuleSummary], sources: &Sources) -> String {
    let mut out = String::new();
    for module in modules {
        if !out.is_empty() {
            out.push('\n');
        }
        let kind = match module.kind {
            "dll" => "a DLL",
            "exe" => "a program",
            _ => "a DLL or a program: nothing tells",
        };
        let _ = writeln!(out, "{} ({kind})", module.name);
        for reason in &module.evidence {
            let _ = writeln!(out, "  because: {reason}");
        }
        let _ = writeln!(out, "  sources: {}", module.sources.len());
        for &file in &module.sources {
            let _ = writeln!(out, "    {}", sources.file(file).path);
        }
        for import in &module.imports {
            let _ = writeln!(out, "  calls into another DLL of this tree: {import}");
        }
        let _ = writeln!(
            out,
            "  called by Windows or the C runtime, where the analysis begins: {}",
            module.entries.len()
        );
        for (kind, name, span) in &module.entries {
            let name = bare(name);
            let _ = writeln!(out, "    {}: {kind} {name}", place(sources, *span));
        }
        let _ = writeln!(
            out,
            "  exported, for the host to call: {}",
            module.exports.len()
        );
        for (name, span) in &module.exports {
            let _ = writeln!(out, "    {}: {name}", place(sources, *span));
        }
        let _ = writeln!(
            out,
            "  called on the way from there, but neither defined in these sources nor in tplint's table, so that what they do is not seen: {}",
            module.unresolved.len()
        );
        for (name, calls) in &module.unresolved {
            let _ = writeln!(out, "    {calls:4} × {name}");
        }
        let _ = writeln!(
            out,
            "  pieces of source that could not be understood and are skipped: {}",
            module.opaque.len()
        );
        for &span in &module.opaque {
            let _ = writeln!(out, "    {}", place(sources, span));
        }
    }
    out
}

/// Where something begins: path, line and column.
fn place(sources: &Sources, span: Span) -> String {
    let at = sources.start(span);
    format!("{}:{}:{}", sources.file(span.file).path, at.line, at.column)
}

/// The name of an entry without the marks that it has within a sentence.
fn bare(name: &str) -> &str {
    name
}

/// The same for machines.
pub fn modules_json(modules: &[ModuleSummary], sources: &Sources) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        version: u32,
        tool: Tool,
        modules: Vec<Module<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Module<'a> {
        name: &'a str,
        kind: &'a str,
        evidence: &'a [String],
        sources: Vec<&'a str>,
        imports: &'a [String],
        entries: Vec<Entry<'a>>,
        exports: Vec<Export<'a>>,
        unresolved: Vec<Unresolved<'a>>,
        opaque_regions: usize,
        opaque: Vec<Place<'a>>,
    }
    #[derive(Serialize)]
    struct Export<'a> {
        name: &'a str,
        #[serde(flatten)]
        place: Place<'a>,
    }
    #[derive(Serialize)]
    struct Place<'a> {
        path: &'a str,
        line: u32,
        column: u32,
    }
    #[derive(Serialize)]
    struct Entry<'a> {
        kind: &'a str,
        name: &'a str,
        path: &'a str,
        line: u32,
        column: u32,
    }
    #[derive(Serialize)]
    struct Unresolved<'a> {
        name: &'a str,
        calls: usize,
    }
    let path = |file| &*sources.file(file).path;
    let place = |span: Span| {
        let at = sources.start(span);
        Place {
            path: path(span.file),
            line: at.line,
            column: at.column,
        }
    };
    let modules = modules.iter().map(|module| Module {
        name: &module.name,
        kind: module.kind,
        evidence: &module.evidence,
        sources: module.sources.iter().map(|&file| path(file)).collect(),
        imports: &module.imports,
        entries: module
            .entries
            .iter()
            .map(|(kind, name, span)| {
                let at = sources.start(*span);
                Entry {
                    kind,
                    name: bare(name),
                    path: path(span.file),
                    line: at.line,
                    column: at.column,
                }
            })
            .collect(),
        unresolved: module
            .unresolved
            .iter()
            .map(|(name, calls)| Unresolved {
                name,
                calls: *calls,
            })
            .collect(),
        exports: module
            .exports
            .iter()
            .map(|(name, span)| Export {
                name,
                place: place(*span),
            })
            .collect(),
        opaque_regions: module.opaque.len(),
        opaque: module.opaque.iter().map(|&span| place(span)).collect(),
    });
    pretty(&Document {
        version: 1,
        tool: TOOL,
        modules: modules.collect(),
    })
}
