//! Comments and preprocessor directives, before the parse.
//!
//! In comes the text of a file, out goes a text of the same length without comments and directives, and the directives
//! and the arms of undecided conditions beside it. Offsets stay true; the grammar never meets a directive.

use super::truth::{Environment, Truth, evaluate};
use crate::ir::{Cond, Guard};
use std::ops::Range;

/// How deep `#if` may nest before the inner ones are taken as they stand, and counted as opaque.
const DEEPEST: usize = 64;

/// How many arms of one `#if` are told apart. Each is compiled where all before it are not; those behind are left out, and
/// counted as opaque.
const MOST_ARMS: usize = 64;

/// One directive, with its continuation lines.
#[derive(Debug)]
pub struct Directive {
    pub range: Range<usize>,
    /// `define`, `include`, `if`, ….
    pub name: String,
    /// What follows the name, as long as in the file: comments and line continuations are blanks.
    pub rest: String,
    /// The offset of `rest`.
    pub rest_at: usize,
    /// Inside an arm that is never compiled.
    pub dead: bool,
}

/// An arm of an undecided condition that stands at a boundary of statements or items.
#[derive(Debug)]
pub struct Arm {
    pub range: Range<usize>,
    pub parent: Option<u32>,
    pub group: u32,
    pub when: Vec<Guard>,
    /// The arm was kept without a condition, because its borders cut something in two.
    transparent: bool,
}

/// `#if … #endif` as a whole.
#[derive(Debug)]
pub struct Group {
    /// What holds when none of the arms does; empty where one always does.
    pub otherwise: Option<Vec<Guard>>,
    pub arms: Vec<u32>,
}

#[derive(Debug, Default)]
pub struct Arms {
    arms: Vec<Arm>,
    groups: Vec<Group>,
}

impl Arms {
    /// The innermost arm around an offset.
    pub fn at(&self, offset: usize) -> Option<u32> {
        let mut found = self.arms.partition_point(|arm| arm.range.start <= offset);
        found = found.checked_sub(1)?;
        loop {
            let arm = &self.arms[found];
            if offset < arm.range.end && !arm.transparent {
                return Some(found as u32);
            }
            found = arm.parent? as usize;
        }
    }

    pub fn arm(&self, index: u32) -> &Arm {
        &self.arms[index as usize]
    }

    pub fn group(&self, index: u32) -> &Group {
        &self.groups[index as usize]
    }

    /// The nearest arm around an arm that carries a condition.
    pub fn parent(&self, index: u32) -> Option<u32> {
        let mut up = self.arm(index).parent?;
        while self.arm(up).transparent {
            up = self.arm(up).parent?;
        }
        Some(up)
    }

    /// All conditions that hold at an offset.
    pub fn when(&self, offset: usize) -> Vec<Guard> {
        let mut chain = Vec::new();
        let mut at = self.at(offset);
        while let Some(index) = at {
            chain.push(index);
            at = self.parent(index);
        }
        chain
            .into_iter()
            .rev()
            .flat_map(|index| self.arm(index).when.iter().cloned())
            .collect()
    }
}

#[derive(Debug)]
pub struct Stripped {
    /// As long as the file.
    pub bytes: Vec<u8>,
    pub directives: Vec<Directive>,
    pub arms: Arms,
    /// Arms that had to be blanked although they may be compiled.
    pub opaque: Vec<Range<usize>>,
}

/// Takes comments, directives and dead arms out of the text.
pub fn strip(text: &str, cpp: bool) -> Stripped {
    let (mut bytes, mut directives) = without_comments(text.as_bytes());
    let mut opaque = Vec::new();
    let tree = group_tree(&directives, bytes.len(), &mut opaque);
    let guard = include_guard(&directives, &bytes);
    let mut undefined = undefined(&directives);
    undefined.extend(of_other_systems(&directives, cpp));
    let mut decider = Decider {
        bytes: &mut bytes,
        directives: &mut directives,
        environment: Environment {
            cpp,
            guard,
            undefined,
        },
        arms: Arms::default(),
        opaque,
    };
    decider.groups(&tree, None, 0);
    let (arms, opaque) = (decider.arms, decider.opaque);
    Stripped {
        bytes,
        directives,
        arms,
        opaque,
    }
}

/// Overwrites a range with blanks; line ends stay.
pub fn blank(bytes: &mut [u8], range: Range<usize>) {
    for byte in &mut bytes[range] {
        if *byte != b'\n' && *byte != b'\r' {
            *byte = b' ';
        }
    }
}

fn without_comments(text: &[u8]) -> (Vec<u8>, Vec<Directive>) {
    let mut bytes = text.to_vec();
    let mut directives = Vec::new();
    let mut at = 0;
    let mut line_start = true;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                line_start = true;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | 0x0B | 0x0C => at += 1,
            b'/' if matches!(bytes.get(at + 1), Some(b'/' | b'*')) => {
                let end = comment_end(&bytes, at);
                blank(&mut bytes, at..end);
                at = end;
            }
            b'#' if line_start => {
                let directive = read_directive(&bytes, at);
                blank(&mut bytes, directive.range.clone());
                at = directive.range.end;
                directives.push(directive);
            }
            b'\\' => {
                if matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) {
                    bytes[at] = b' ';
                    // The next line goes on with this one: a `#` there is no directive.
                    at += if bytes[at + 1] == b'\r' && bytes.get(at + 2) == Some(&b'\n') {
                        3
                    } else {
                        2
                    };
                } else {
                    at += 1;
                    line_start = false;
                }
            }
            b'"' | b'\'' => {
                at = literal_end(&bytes, at);
                line_start = false;
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                line_start = false;
                at = word_end(&bytes, at);
            }
            _ => {
                line_start = false;
                at += 1;
            }
        }
    }
    (bytes, directives)
}

/// The end of the word or number at `at`; digit separators belong to it.
pub fn word_end(bytes: &[u8], at: usize) -> usize {
    let number = bytes[at].is_ascii_digit();
    let mut end = at;
    while let Some(&byte) = bytes.get(end) {
        let part = byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let separator = number
            && byte == b'\''
            && bytes
                .get(end + 1)
                .is_some_and(|next| next.is_ascii_alphanumeric());
        if !part && !separator {
            break;
        }
        end += 1;
    }
    end
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    if bytes[at + 1] == b'*' {
        let mut end = at + 2;
        while end + 1 < bytes.len() {
            if bytes[end] == b'*' && bytes[end + 1] == b'/' {
                return end + 2;
            }
            end += 1;
        }
        return bytes.len();
    }
    line_end(bytes, at)
}

/// The end of the line, continuation lines included; the line end itself is not part of it.
fn line_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while end < bytes.len() && bytes[end] != b'\n' {
        if bytes[end] == b'\\' {
            if bytes.get(end + 1) == Some(&b'\n') {
                end += 2;
                continue;
            }
            if bytes.get(end + 1) == Some(&b'\r') && bytes.get(end + 2) == Some(&b'\n') {
                end += 3;
                continue;
            }
        }
        end += 1;
    }
    end
}

/// The end of the string or character literal whose quote stands at `at`. A literal ends with its line at the latest.
pub fn literal_end(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    if quote == b'"' && is_raw(bytes, at) {
        let open = bytes[at..].iter().take(20).position(|&byte| byte == b'(');
        if let Some(open) = open {
            let mut close = vec![b')'];
            close.extend_from_slice(&bytes[at + 1..at + open]);
            close.push(b'"');
            let body = at + open + 1;
            return bytes[body..]
                .windows(close.len())
                .position(|window| window == close)
                .map_or(bytes.len(), |found| body + found + close.len());
        }
    }
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' => {
                end += if bytes.get(end + 1) == Some(&b'\r') {
                    3
                } else {
                    2
                }
            }
            b'\n' => return end,
            _ if byte == quote => return end + 1,
            _ => end += 1,
        }
    }
    bytes.len()
}

fn is_raw(bytes: &[u8], at: usize) -> bool {
    let mut start = at;
    while start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_') {
        start -= 1;
    }
    matches!(&bytes[start..at], b"R" | b"LR" | b"uR" | b"UR" | b"u8R")
}

fn read_directive(bytes: &[u8], at: usize) -> Directive {
    let mut text = Vec::new();
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'\n' => break,
            b'\\' if bytes.get(end + 1) == Some(&b'\n') => {
                text.extend_from_slice(b"  ");
                end += 2;
            }
            b'\\' if bytes.get(end + 1) == Some(&b'\r') && bytes.get(end + 2) == Some(&b'\n') => {
                text.extend_from_slice(b"   ");
                end += 3;
            }
            b'/' if matches!(bytes.get(end + 1), Some(b'/' | b'*')) => {
                let stop = comment_end(bytes, end);
                text.resize(text.len() + stop - end, b' ');
                end = stop;
            }
            b'"' | b'\'' => {
                let stop = literal_end(bytes, end).min(bytes.len());
                text.extend_from_slice(&bytes[end..stop]);
                end = stop;
            }
            b'\r' => {
                text.push(b' ');
                end += 1;
            }
            byte => {
                text.push(byte);
                end += 1;
            }
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let trimmed = text.trim_start();
    let name_at = text.len() - trimmed.len();
    let name_length = trimmed
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(trimmed.len());
    Directive {
        range: at..end,
        name: trimmed[..name_length].to_string(),
        rest: trimmed[name_length..].to_string(),
        rest_at: at + 1 + name_at + name_length,
        dead: false,
    }
}

#[derive(Debug)]
struct ArmNode {
    /// Index of the `#if`, `#elif` or `#else`.
    directive: usize,
    body: Range<usize>,
    children: Vec<GroupNode>,
}

#[derive(Debug)]
struct GroupNode {
    range: Range<usize>,
    arms: Vec<ArmNode>,
}

/// The groups of a file. What is nested too deep for one is added to `opaque`.
fn group_tree(
    directives: &[Directive],
    length: usize,
    opaque: &mut Vec<Range<usize>>,
) -> Vec<GroupNode> {
    let mut top = Vec::new();
    let mut open: Vec<GroupNode> = Vec::new();
    // Groups nested too deep are not looked at; this counts them, from the outermost on.
    let mut ignored = 0;
    let mut ignored_from = 0;
    for (index, directive) in directives.iter().enumerate() {
        let (start, end) = (directive.range.start, directive.range.end);
        match directive.name.as_str() {
            "if" | "ifdef" | "ifndef" => {
                if open.len() >= DEEPEST {
                    if ignored == 0 {
                        ignored_from = start;
                    }
                    ignored += 1;
                    continue;
                }
                open.push(GroupNode {
                    range: start..length,
                    arms: vec![ArmNode {
                        directive: index,
                        body: end..length,
                        children: Vec::new(),
                    }],
                });
            }
            "elif" | "elifdef" | "elifndef" | "else" if ignored == 0 => {
                if let Some(group) = open.last_mut() {
                    if let Some(arm) = group.arms.last_mut() {
                        arm.body.end = start;
                    }
                    group.arms.push(ArmNode {
                        directive: index,
                        body: end..length,
                        children: Vec::new(),
                    });
                }
            }
            "endif" => {
                if ignored > 0 {
                    ignored -= 1;
                    if ignored == 0 {
                        opaque.push(ignored_from..end);
                    }
                } else if let Some(mut group) = open.pop() {
                    if let Some(arm) = group.arms.last_mut() {
                        arm.body.end = start;
                    }
                    group.range.end = end;
                    close(&mut top, &mut open, group);
                }
            }
            _ => {}
        }
    }
    if ignored > 0 {
        opaque.push(ignored_from..length);
    }
    while let Some(group) = open.pop() {
        close(&mut top, &mut open, group);
    }
    top
}

fn close(top: &mut Vec<GroupNode>, open: &mut [GroupNode], group: GroupNode) {
    match open.last_mut().and_then(|outer| outer.arms.last_mut()) {
        Some(arm) => arm.children.push(group),
        None => top.push(group),
    }
}

/// The name of the include guard, if the file has one.
fn include_guard(directives: &[Directive], bytes: &[u8]) -> Option<String> {
    let mut real = directives
        .iter()
        .filter(|directive| !matches!(directive.name.as_str(), "pragma" | "include"));
    let (first, second) = (real.next()?, real.next()?);
    let name = match first.name.as_str() {
        "ifndef" => first.rest.trim().to_string(),
        "if" => {
            let rest = first.rest.trim().strip_prefix('!')?.trim();
            let rest = rest.strip_prefix("defined")?.trim();
            rest.trim_start_matches('(')
                .trim_end_matches(')')
                .trim()
                .to_string()
        }
        _ => return None,
    };
    let defined = second.name == "define" && second.rest.split_whitespace().next() == Some(&name);
    let nothing_before = bytes[..first.range.start]
        .iter()
        .all(|byte| byte.is_ascii_whitespace());
    // A default, and nothing that it guards: `#ifndef X`, `#define X 1`, `#endif`.
    let ends_at_once = real.next().is_some_and(|third| {
        third.name == "endif"
            && bytes
                .get(second.range.end..third.range.start)
                .is_some_and(|between| between.trim_ascii().is_empty())
    });
    (defined && nothing_before && !ends_at_once).then_some(name)
}

/// The names that a file undefines before it mentions them otherwise, and never defines: headers that are only to be
/// read are kept out of the compiler's sight so.
fn undefined(directives: &[Directive]) -> Vec<String> {
    let word = |directive: &Directive| {
        directive
            .rest
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .find(|word| !word.is_empty())
            .unwrap_or("")
            .to_string()
    };
    directives
        .iter()
        .enumerate()
        .filter(|(_, directive)| directive.name == "undef")
        .take(64)
        .map(|(at, directive)| (at, word(directive)))
        .filter(|(at, name)| {
            let before = directives[..*at]
                .iter()
                .any(|other| other.rest.contains(name.as_str()));
            let defined = directives
                .iter()
                .any(|other| other.name == "define" && word(other) == *name);
            !name.is_empty() && !before && !defined
        })
        .map(|(_, name)| name)
        .collect()
}

/// Switches of the file's own that it sets for other systems only: of which the first that is heard is a `#define` in an
/// arm that is false on Windows, and that are defined nowhere else in the file.
fn of_other_systems(directives: &[Directive], cpp: bool) -> Vec<String> {
    let environment = Environment {
        cpp,
        guard: None,
        undefined: Vec::new(),
    };
    let mut dead = Vec::new();
    let mut live = Vec::new();
    // Of each open group: whether its present arm is false, and whether an earlier one was true.
    let mut open: Vec<(bool, bool)> = Vec::new();
    for (at, directive) in directives.iter().enumerate() {
        match directive.name.as_str() {
            name @ ("if" | "ifdef" | "ifndef") => {
                let truth = evaluate(name, &directive.rest, &environment);
                open.push((truth == Truth::False, truth == Truth::True));
            }
            name @ ("elif" | "elifdef" | "elifndef" | "else") => {
                if let Some((is_dead, is_decided)) = open.last_mut() {
                    let truth = evaluate(name, &directive.rest, &environment);
                    *is_dead = *is_decided || truth == Truth::False;
                    *is_decided |= truth == Truth::True;
                }
            }
            "endif" => {
                open.pop();
            }
            "define" => {
                let name: String = directive
                    .rest
                    .trim_start()
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if open.iter().any(|(is_dead, _)| *is_dead) {
                    dead.push((at, name));
                } else {
                    live.push(name);
                }
            }
            _ => {}
        }
    }
    dead.into_iter()
        .take(64)
        .filter(|(at, name)| {
            !name.is_empty()
                && !live.contains(name)
                && !directives[..*at]
                    .iter()
                    .any(|other| other.rest.contains(name.as_str()) && other.name != "define")
        })
        .map(|(_, name)| name)
        .collect()
}

struct Decider<'a> {
    bytes: &'a mut [u8],
    directives: &'a mut [Directive],
    environment: Environment,
    arms: Arms,
    opaque: Vec<Range<usize>>,
}

impl Decider<'_> {
    fn groups(&mut self, groups: &[GroupNode], parent: Option<u32>, depth: usize) {
        for group in groups {
            self.group(group, parent, depth);
        }
    }

    fn kill(&mut self, range: Range<usize>) {
        blank(self.bytes, range.clone());
        let first = self
            .directives
            .partition_point(|directive| directive.range.start < range.start);
        for directive in self.directives[first..]
            .iter_mut()
            .take_while(|directive| directive.range.start < range.end)
        {
            directive.dead = true;
        }
    }

    fn group(&mut self, group: &GroupNode, parent: Option<u32>, depth: usize) {
        let mut live: Vec<(&ArmNode, Vec<Guard>)> = Vec::new();
        let mut before: Vec<Guard> = Vec::new();
        let mut decided = false;
        let windows_later = group.arms.iter().skip(1).any(|arm| {
            let directive = &self.directives[arm.directive];
            directive.name.starts_with("elif")
                && self.mentions_windows(arm.directive)
                && evaluate(&directive.name, &directive.rest, &self.environment) == Truth::True
        });
        for arm in &group.arms {
            if decided {
                self.kill(arm.body.clone());
                continue;
            }
            if live.len() >= MOST_ARMS {
                self.opaque.push(arm.body.clone());
                self.kill(arm.body.clone());
                continue;
            }
            let directive = &self.directives[arm.directive];
            match evaluate(&directive.name, &directive.rest, &self.environment) {
                Truth::False => self.kill(arm.body.clone()),
                // `#if defined(__unix__) || defined(SOMETHING)` … `#elif defined(_WIN32)`: not for Windows.
                Truth::Open { .. } if windows_later && names_others(&directive.rest) => {
                    self.kill(arm.body.clone());
                }
                Truth::True => {
                    decided = true;
                    live.push((arm, before.clone()));
                }
                Truth::Open { text, holds } => {
                    let cond = Cond::Config(text.as_str().into());
                    let mut when = before.clone();
                    when.push(Guard {
                        cond: cond.clone(),
                        holds,
                    });
                    before.push(Guard {
                        cond,
                        holds: !holds,
                    });
                    live.push((arm, when));
                }
            }
        }
        if let [(arm, when)] = live.as_slice()
            && when.is_empty()
        {
            self.groups(&arm.children, parent, depth + 1);
            return;
        }
        if live.is_empty() {
            return;
        }
        let group_index = self.arms.groups.len() as u32;
        self.arms.groups.push(Group {
            otherwise: (!decided).then_some(before),
            arms: Vec::new(),
        });
        let mut indices = Vec::new();
        for (arm, when) in &live {
            let index = self.arms.arms.len() as u32;
            indices.push(index);
            self.arms.arms.push(Arm {
                range: arm.body.clone(),
                parent,
                group: group_index,
                when: when.clone(),
                transparent: false,
            });
            self.groups(&arm.children, Some(index), depth + 1);
        }
        self.arms.groups[group_index as usize].arms = indices.clone();
        let whole = live
            .iter()
            .all(|(arm, _)| self.is_whole(group.range.start, arm.body.clone()));
        if whole {
            return;
        }
        let kept = live
            .iter()
            .position(|(arm, _)| self.mentions_windows(arm.directive))
            .unwrap_or(0);
        for (position, (arm, _)) in live.iter().enumerate() {
            self.arms.arms[indices[position] as usize].transparent = true;
            if position != kept {
                let empty = self.bytes[arm.body.clone()]
                    .iter()
                    .all(|byte| byte.is_ascii_whitespace());
                if !empty {
                    self.opaque.push(arm.body.clone());
                }
                self.kill(arm.body.clone());
            }
        }
    }

    fn mentions_windows(&self, directive: usize) -> bool {
        let directive = &self.directives[directive];
        directive.name != "ifndef"
            && ["WIN32", "WINDOWS", "_MSC_VER", "_WIN64"]
                .iter()
                .any(|word| directive.rest.contains(word))
    }

    /// Whether an arm consists of whole statements or items: it balances, and its borders cut nothing.
    fn is_whole(&self, group_start: usize, body: Range<usize>) -> bool {
        let Some((first, last)) = ends(&self.bytes[body.clone()]) else {
            return true;
        };
        let (first, last) = (first + body.start, last + body.start);
        let before = ends(&self.bytes[..group_start]).map(|(_, last)| last);
        if !before.is_none_or(|at| self.ends_item(at, 0)) || !self.ends_item(last, body.start) {
            return false;
        }
        let word = &self.bytes[first..word_end(self.bytes, first)];
        if matches!(word, b"else" | b"catch" | b"__except" | b"__finally")
            || matches!(
                self.bytes[first],
                b',' | b'&' | b'|' | b')' | b'?' | b'=' | b'.' | b'<' | b'>' | b'/' | b'%' | b'}'
            )
        {
            return false;
        }
        balanced(&self.bytes[body])
    }

    /// Whether an item or statement may end with the byte at `at`.
    fn ends_item(&self, at: usize, floor: usize) -> bool {
        match self.bytes[at] {
            b';' | b'{' | b'}' => true,
            b':' => at == 0 || self.bytes[at - 1] != b':',
            b')' => {
                let Some(open) = open_parenthesis(&self.bytes[floor..=at]) else {
                    return false;
                };
                starts_line_in_capitals(&self.bytes[..floor + open])
            }
            _ => starts_line_in_capitals(&self.bytes[..=at]),
        }
    }
}

/// Whether a condition is a list of macros of which any suffices, and one of them is another platform's.
fn names_others(condition: &str) -> bool {
    let words = condition
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && *word != "defined");
    !condition.contains(['!', '=', '<', '>', '&'])
        && words
            .into_iter()
            .any(|word| crate::index::preprocessor::defined(word) == Some(false))
}

/// Whether the text ends with a word in capitals that stands first on its line.
fn starts_line_in_capitals(bytes: &[u8]) -> bool {
    let end = bytes
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    let start = bytes[..end]
        .iter()
        .rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
        .map_or(0, |last| last + 1);
    let word = &bytes[start..end];
    let first = bytes[..start]
        .iter()
        .rev()
        .find(|byte| !matches!(byte, b' ' | b'\t'))
        .is_none_or(|&byte| byte == b'\n');
    word.len() > 2 && first && super::super::blank::is_capitals(word)
}

/// The first and last byte that is no blank.
fn ends(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let last = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace())?;
    Some((first, last))
}

/// The offset of the parenthesis that the last byte closes. Looks back over at most a few thousand bytes.
fn open_parenthesis(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    for (index, byte) in bytes.iter().enumerate().rev().take(4096) {
        match byte {
            b')' => depth += 1,
            b'(' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            b';' | b'{' | b'}' => return None,
            _ => {}
        }
    }
    None
}

fn balanced(bytes: &[u8]) -> bool {
    let mut open = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            byte @ (b'(' | b'[' | b'{') => open.push(byte),
            byte @ (b')' | b']' | b'}') => {
                let expected = match byte {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if open.pop() != Some(expected) {
                    return false;
                }
            }
            b'"' | b'\'' => {
                at = literal_end(bytes, at);
                continue;
            }
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                at = word_end(bytes, at);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    open.is_empty()
}
