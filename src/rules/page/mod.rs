//! A rule's page, read: the front matter and the sections of `rules/<rule>.md`.
//!
//! In comes the compiled-in text of a page, out go its parts, borrowed from it. The page is the only source of a rule's
//! summary, level, links and prose; this file renders nothing but the list of links.

use super::{RULES, Rule};
use crate::diagnostic::Level;
use std::sync::LazyLock;

/// The finding about a suppression comment that suppresses nothing: no rule of the catalogue, as it needs no program,
/// but named, set and explained like one.
pub const UNUSED_SUPPRESSION: &str = "unused_suppression";

const UNUSED_SUPPRESSION_PAGE: &str = "---
summary: a suppression comment suppresses nothing
level: warn
see: CWE-1164: Irrelevant Code | https://cwe.mitre.org/data/definitions/1164.html
---
A comment `// tplint: allow(rule) reason` takes back the findings of a rule that have a label on its line, or on the next
line where it stands alone.
One that takes nothing back is left over from code that was mended, stands on the wrong line, or names no rule; it would
hide the next real finding there.

## Flagged

A comment whose rule has no finding with a label on that line, whose rule does not exist, or that cannot be read.

## Not flagged

A comment for a rule that is `allow` at present.

## Limits

Comments are found line by line, without a parser: one inside a string literal of several lines counts as a comment.
";

/// The finding about a suppression comment that does not say why.
pub const SUPPRESSION_WITHOUT_REASON: &str = "suppression_without_reason";

const SUPPRESSION_WITHOUT_REASON_PAGE: &str = "---
summary: a suppression comment gives no reason
level: allow
see: CWE-1116: Inaccurate Comments | https://cwe.mitre.org/data/definitions/1116.html
---
A comment `// tplint: allow(rule) reason` says that a hazard is none here, and the reader cannot see why unless it is said.
Where every suppression has to be accounted for, set this rule to `deny` in `tplint.toml`.

## Flagged

A comment with nothing behind the closing bracket, neither in the comment itself nor, where it stands alone, in the line
comments right below it.

## Not flagged

Whether the reason is a good one.

## Limits

Comments are found line by line, without a parser: one inside a string literal of several lines counts as a comment.
";

/// Whether a name of the catalogue is about the use of tplint, and no rule about a program.
pub fn is_check(name: &str) -> bool {
    matches!(name, UNUSED_SUPPRESSION | SUPPRESSION_WITHOUT_REASON)
}

/// A page. Its parts borrow from the compiled-in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// One line, lower case, no full stop.
    pub summary: &'static str,
    /// `Deny`, `Warn` or `Allow`: what the rule does where nobody says otherwise.
    pub level: Level,
    /// Title and address; the address is empty where none is known.
    pub articles: Vec<(&'static str, &'static str)>,
    /// CWE, Application Verifier stops, Microsoft's pages: title and address.
    pub see: Vec<(&'static str, &'static str)>,
    /// Everything after the front matter.
    pub body: &'static str,
}

impl Page {
    /// Reads a page: `key: value` lines between two lines `---`, then Markdown.
    ///
    /// # Errors
    /// A message that names the line and says what belongs there.
    pub fn parse(text: &'static str) -> Result<Page, String> {
        let mut rest = text;
        if next_line(&mut rest) != Some("---") {
            return Err("line 1: a page begins with a line `---`".into());
        }
        let (mut summary, mut level) = (None, None);
        let (mut articles, mut see) = (Vec::new(), Vec::new());
        for number in 2.. {
            let line = next_line(&mut rest)
                .ok_or("the front matter has no end: a line `---` is missing")?;
            if line == "---" {
                break;
            }
            let (key, value) = line
                .split_once(':')
                .ok_or_else(|| format!("line {number}: `key: value` expected"))?;
            let value = value.trim();
            if value.is_empty() {
                return Err(format!("line {number}: `{key}` has no value"));
            }
            match key {
                "summary" if summary.is_none() => summary = Some(value),
                "level" if level.is_none() => level = Some(parse_level(value, number)?),
                "article" => articles.push(link(value)),
                "see" => see.push(link(value)),
                "summary" | "level" => {
                    return Err(format!("line {number}: `{key}` stands there twice"));
                }
                _ => {
                    return Err(format!(
                        "line {number}: `{key}` is none of summary, level, article, see"
                    ));
                }
            }
        }
        Ok(Page {
            summary: summary.ok_or("the front matter has no `summary`")?,
            level: level.ok_or("the front matter has no `level`")?,
            articles,
            see,
            body: rest.trim(),
        })
    }

    /// The articles, then everything else worth reading, in the order of the front matter.
    pub fn links(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.articles.iter().chain(&self.see).copied()
    }

    /// The address to send a reader to: the first that any link has.
    pub fn address(&self) -> Option<&'static str> {
        self.links()
            .map(|(_, address)| address)
            .find(|address| !address.is_empty())
    }

    /// The section that the front matter stands for, as Markdown; empty without links.
    pub fn see_also(&self) -> String {
        let mut text = String::new();
        for (title, address) in self.links() {
            if text.is_empty() {
                text.push_str("## See also\n\n");
            }
            if address.is_empty() {
                text.push_str(&format!("- {title}\n"));
            } else {
                text.push_str(&format!("- [{title}]({address})\n"));
            }
        }
        text
    }

    /// What `tplint explain` prints and SARIF carries as help: the whole page as Markdown, with a title and the links. The
    /// marks by which the examples are tested become words.
    pub fn markdown(&self, name: &str) -> String {
        let mut text = format!(
            "# {name}\n\n{}.\nDefault level: {}.\n",
            capitalised(self.summary),
            self.level.name()
        );
        for part in [&readable_marks(self.body), self.see_also().trim_end()] {
            if !part.is_empty() {
                text.push('\n');
                text.push_str(part);
                text.push('\n');
            }
        }
        text
    }

    /// The first paragraph of the page as plain text on one line: the fact that the rule rests on. The summary where
    /// the page has no text before its first section.
    pub fn why(&self) -> String {
        let paragraph: Vec<&str> = self
            .body
            .lines()
            .skip_while(|line| line.trim().is_empty())
            .take_while(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .map(str::trim)
            .collect();
        if paragraph.is_empty() {
            format!("{}.", capitalised(self.summary))
        } else {
            paragraph.join(" ")
        }
    }

    /// The titles of the `##` sections, in order; headings inside fenced examples are none.
    pub fn sections(&self) -> Vec<&'static str> {
        let mut fenced = false;
        let mut titles = Vec::new();
        for line in self.body.lines() {
            if line.starts_with("```") {
                fenced = !fenced;
            } else if let Some(title) = line.strip_prefix("## ").filter(|_| !fenced) {
                titles.push(title.trim());
            }
        }
        titles
    }
}

/// A page as people read it: the marks of the tests in its examples in words.
fn readable_marks(body: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in body.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            out.push_str(&readable_mark(line));
        } else {
            out.push_str(line);
        }
    }
    out
}

/// `//~ rule` at the end of a line of an example, in words: `// ← rule`.
pub fn readable_mark(line: &str) -> String {
    let content = line.trim_end_matches(['\r', '\n']);
    let Some((code, mark)) = content.split_once("//~") else {
        return line.to_string();
    };
    let above = mark.starts_with('^');
    let mark = mark.trim_start_matches('^');
    let arrow = if above { '↑' } else { '←' };
    let said = match mark.split_at_checked(1) {
        Some(("?", rule)) => format!("{} is missed here", rule.trim()),
        Some(("!", rule)) => format!("{}, wrongly", rule.trim()),
        _ => match mark.trim().strip_suffix(" note") {
            Some(rule) => format!("{rule}, a note"),
            None => mark.trim().to_string(),
        },
    };
    format!("{code}// {arrow} {said}{}", &line[content.len()..])
}

impl Rule {
    /// The rule's page, read.
    ///
    /// # Panics
    /// When the compiled-in page is malformed, which a test rules out.
    pub fn page(&self) -> Page {
        Page::parse(self.page).unwrap_or_else(|error| panic!("rules/{}.md: {error}", self.name))
    }
}

/// Every name that can be set, suppressed and explained, with its page, by name.
pub fn catalogue() -> &'static [(&'static str, Page)] {
    static ALL: LazyLock<Vec<(&str, Page)>> = LazyLock::new(|| {
        let mut all: Vec<_> = RULES.iter().map(|rule| (rule.name, rule.page())).collect();
        for (name, text) in [
            (UNUSED_SUPPRESSION, UNUSED_SUPPRESSION_PAGE),
            (SUPPRESSION_WITHOUT_REASON, SUPPRESSION_WITHOUT_REASON_PAGE),
        ] {
            all.extend(Page::parse(text).map(|page| (name, page)));
        }
        all.sort_by_key(|(name, _)| *name);
        all
    });
    &ALL
}

/// The page of this rule; none for a name that is not in the catalogue.
pub fn of(name: &str) -> Option<&'static Page> {
    let all = catalogue();
    let index = all.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(&all[index].1)
}

/// A part of a rule's name with fewer letters says nothing about which one is meant.
const SHORTEST_PART: usize = 4;

/// The rule of this name, as the catalogue writes it.
///
/// # Errors
/// A message with the nearest name there is, or those that the word is a part of.
pub fn find(name: &str) -> Result<&'static str, String> {
    let names = || catalogue().iter().map(|(known, _)| *known);
    names().find(|known| *known == name).ok_or_else(|| {
        if let Some(near) = nearest(name, names()) {
            return format!("no rule is called `{name}`; the nearest is `{near}`");
        }
        let part = name.to_ascii_lowercase().replace(['-', ' '], "_");
        let alike: Vec<String> = names()
            .filter(|known| part.len() >= SHORTEST_PART && known.contains(&*part))
            .map(|known| format!("`{known}`"))
            .collect();
        match &alike[..] {
            [] => format!("no rule is called `{name}`; `tplint rules` lists them"),
            [one] => format!("no rule is called `{name}`; is {one} meant?"),
            several => format!(
                "no rule is called `{name}`; is one of {} meant?",
                several.join(", ")
            ),
        }
    })
}

/// The candidate that the fewest edits lead to; none if more than a third of the letters would change.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.to_ascii_lowercase().replace('-', "_");
    candidates
        .map(|candidate| (edits(&word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in code points; one row of the table at a time.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // Nobody means a rule by a word that is far longer than any of them.
    for (line, letter) in from.chars().take(200).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

/// The first letter in upper case, unless the first word is a name (has upper case, digits or signs in it).
pub fn capitalised(text: &str) -> String {
    let word = text.split([' ', ',']).next().unwrap_or("");
    let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    match text.chars().next() {
        Some(first) if plain => first.to_ascii_uppercase().to_string() + &text[1..],
        _ => text.to_string(),
    }
}

fn parse_level(value: &str, number: usize) -> Result<Level, String> {
    match value {
        "deny" => Ok(Level::Deny),
        "warn" => Ok(Level::Warn),
        "allow" => Ok(Level::Allow),
        _ => Err(format!(
            "line {number}: level `{value}` is none of deny, warn, allow"
        )),
    }
}

fn link(value: &'static str) -> (&'static str, &'static str) {
    match value.rsplit_once(" | ") {
        Some((title, address)) => (title.trim(), address.trim()),
        None => (value.trim_end_matches(" |"), ""),
    }
}

fn next_line(rest: &mut &'static str) -> Option<&'static str> {
    if rest.is_empty() {
        return None;
    }
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    *rest = after;
    Some(line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;

    #[test]
    fn every_page_is_read_and_in_order() {
        for rule in RULES {
            let page = rule.page();
            let name = rule.name;
            assert!(
                !page.summary.ends_with('.') && !page.summary.contains('\n'),
                "{name}: summary is one line without full stop"
            );
            let first = page.summary.split([' ', ',']).next().unwrap_or("");
            let titled = first.starts_with(|letter: char| letter.is_ascii_uppercase())
                && first[1..].bytes().all(|byte| byte.is_ascii_lowercase());
            assert!(
                !titled,
                "{name}: the summary begins in lower case, or with a name"
            );
            assert!(page.links().next().is_some(), "{name}: no article");
            assert!(
                page.articles
                    .is_sorted_by_key(|(_, address)| address.is_empty()),
                "{name}: an article without an address stands before one that can be opened"
            );
            for (title, address) in page.links() {
                assert!(!title.is_empty(), "{name}: a link without title");
                assert!(
                    address.is_empty() || address.starts_with("https://"),
                    "{name}: {address}"
                );
            }
            assert!(
                !page.body.is_empty() && !page.body.starts_with('#'),
                "{name}: the page begins with the why"
            );
            assert_eq!(
                page.sections(),
                ["Flagged", "Not flagged", "Limits"],
                "{name}: sections"
            );
        }
    }

    const PAGE: &str = "---\nsummary: DllMain waits\nlevel: warn\narticle: A, b | https://a.example/?p=1\n\
        article: no address\nsee: CWE-833 | https://c.example\n---\n\nBecause.\nIt hangs.\n\n## Flagged\n\n\
        ```c\n## no heading\n```\n\n## Limits\n";

    #[test]
    fn the_parts_of_a_page() {
        let page = Page::parse(PAGE).unwrap();
        assert_eq!(page.summary, "DllMain waits");
        assert_eq!(page.level, Level::Warn);
        assert_eq!(
            page.articles,
            [("A, b", "https://a.example/?p=1"), ("no address", "")]
        );
        assert_eq!(page.see, [("CWE-833", "https://c.example")]);
        assert_eq!(page.why(), "Because. It hangs.");
        assert_eq!(page.sections(), ["Flagged", "Limits"]);
        assert_eq!(page.address(), Some("https://a.example/?p=1"));
        assert!(page.markdown("x").ends_with(
            "## See also\n\n- [A, b](https://a.example/?p=1)\n- no address\n- [CWE-833](https://c.example)\n"
        ));
    }

    #[test]
    fn marks_of_tests_are_words_in_examples() {
        let page = Page::parse(
            "---\nsummary: s\nlevel: warn\nsee: CWE | https://c.example\n---\nWhy: `//~ x`.\n\n```cpp\nStop(); //~ x\nGo(); //~? x\nRun(); //~! x\n//~^ x note\n```\n",
        )
        .unwrap();
        let text = page.markdown("x");
        assert!(
            text.contains(
                "Why: `//~ x`.\n\n```cpp\nStop(); // ← x\nGo(); // ← x is missed here\nRun(); // ← x, wrongly\n// ↑ x, a note\n```\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn errors_name_the_line() {
        for (text, message) in [
            ("", "line 1"),
            ("---\nsummary: a", "no end"),
            ("---\nsummary: a\n---\n", "no `level`"),
            ("---\nlevel: deny\n---\n", "no `summary`"),
            (
                "---\nsummary: a\nlevel: high\n---\n",
                "line 3: level `high`",
            ),
            ("---\nsumary: a\n---\n", "line 2: `sumary`"),
            ("---\nsummary:\n---\n", "line 2: `summary` has no value"),
            (
                "---\nlevel: deny\nlevel: deny\n---\n",
                "line 3: `level` stands there twice",
            ),
            ("---\nsummary\n---\n", "line 2: `key: value`"),
        ] {
            let error = Page::parse(text).unwrap_err();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_nearest_name_is_told() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(find("wait_in_dll_main"), Ok("wait_in_dll_main"));
        assert!(
            find("Wait-in-dllmain")
                .unwrap_err()
                .contains("the nearest is `wait_in_dll_main`")
        );
        assert!(
            find("zzz")
                .unwrap_err()
                .ends_with("`tplint rules` lists them")
        );
        assert!(
            find("Terminate-Thread")
                .unwrap_err()
                .ends_with("is `terminate_thread_at_unload` meant?")
        );
        let several = find("dll_main").unwrap_err();
        assert!(
            several.ends_with("is one of `forbidden_call_in_dll_main`, `wait_in_dll_main` meant?"),
            "{several}"
        );
    }

    #[test]
    fn the_catalogue_is_sorted_and_whole() {
        let all = catalogue();
        assert!(all.iter().all(|(name, page)| of(name) == Some(page)));
        let checks = all.iter().filter(|(name, _)| is_check(name)).count();
        assert_eq!((checks, all.len()), (2, RULES.len() + 2));
        assert!(all.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn names_keep_their_letters() {
        assert_eq!(capitalised("a wait"), "A wait");
        assert_eq!(capitalised("std::thread waits"), "std::thread waits");
        assert_eq!(capitalised("`x` waits"), "`x` waits");
        assert_eq!(capitalised(""), "");
    }
}
