//! What `tplint rules`, `tplint explain` and `tplint modules` print: pure functions, like the reports.

use super::{Link, TOOL, Tool, articles, pretty};
use crate::ModuleSummary;
use crate::rules::page::{self, Page};
use crate::source::Sources;
use serde::Serialize;
use std::fmt::Write;

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
        let _ = writeln!(out, "{} ({})", module.name, module.kind);
        for reason in &module.evidence {
            let _ = writeln!(out, "  because: {reason}");
        }
        let _ = writeln!(out, "  sources: {}", module.sources.len());
        for &file in &module.sources {
            let _ = writeln!(out, "    {}", sources.file(file).path);
        }
        for import in &module.imports {
            let _ = writeln!(out, "  calls into: {import}");
        }
        let _ = writeln!(out, "  entries: {}", module.entries.len());
        for (kind, name, span) in &module.entries {
            let at = sources.start(*span);
            let path = &sources.file(span.file).path;
            let name = bare(name);
            let _ = writeln!(out, "    {path}:{}:{}: {kind} {name}", at.line, at.column);
        }
        let _ = writeln!(
            out,
            "  called on the way from an entry, but neither defined nor known: {}",
            module.unresolved.len()
        );
        for (name, calls) in &module.unresolved {
            let _ = writeln!(out, "    {calls:4} × {name}");
        }
        let _ = writeln!(out, "  opaque regions: {}", module.opaque_regions);
    }
    out
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
        unresolved: Vec<Unresolved<'a>>,
        opaque_regions: usize,
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
        opaque_regions: module.opaque_regions,
    });
    pretty(&Document {
        version: 1,
        tool: TOOL,
        modules: modules.collect(),
    })
}
