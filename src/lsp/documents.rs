//! What an editor speaks of: open texts, places in them, and addresses of files.
//!
//! In come addresses, places and edits as the protocol has them; out come texts, byte offsets and paths. A place that
//! is nowhere is the nearest that there is.

use crate::source::{SourceFile, Sources, Span};
use lsp_types::{Position, PositionEncodingKind, Range, TextDocumentContentChangeEvent, Uri};
use std::str::FromStr;

/// What the columns of the protocol count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// What every client knows, and what counts where nothing is said.
    #[default]
    Utf16,
    /// Code points.
    Utf32,
}

impl Encoding {
    /// The first of those that a client offers, in its order.
    pub fn offered(kinds: &[PositionEncodingKind]) -> Encoding {
        let known = kinds.iter().find_map(|kind| match kind.as_str() {
            "utf-8" => Some(Encoding::Utf8),
            "utf-16" => Some(Encoding::Utf16),
            "utf-32" => Some(Encoding::Utf32),
            _ => None,
        });
        known.unwrap_or_default()
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    /// How many columns a letter takes.
    fn width(self, letter: char) -> u32 {
        match self {
            Encoding::Utf8 => letter.len_utf8() as u32,
            Encoding::Utf16 => letter.len_utf16() as u32,
            Encoding::Utf32 => 1,
        }
    }

    /// The columns of a text.
    fn columns(self, text: &str) -> u32 {
        text.chars().map(|letter| self.width(letter)).sum()
    }
}

/// The place of an offset.
pub fn position(file: &SourceFile, offset: u32, encoding: Encoding) -> Position {
    let line = file.line_of(offset);
    let start = file.line_range(line).map_or(0, |range| range.start);
    let before = file.text.get(start..offset as usize).unwrap_or("");
    Position::new(line, encoding.columns(before))
}

/// Both ends of a span.
pub fn range(sources: &Sources, span: Span, encoding: Encoding) -> Range {
    let file = sources.file(span.file);
    Range::new(
        position(file, span.start, encoding),
        position(file, span.end, encoding),
    )
}

/// The offset of a place. Behind the end of a line is its end, and behind the last line the end of the text; in the
/// middle of a letter is before it.
pub fn offset(text: &str, place: Position, encoding: Encoding) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut line) = (0, 0);
    while line < place.line {
        let Some(next) = line_end(bytes, at).1 else {
            return text.len();
        };
        at = next;
        line += 1;
    }
    let end = line_end(bytes, at).0;
    let mut column = 0;
    for (index, letter) in text[at..end].char_indices() {
        column += encoding.width(letter);
        if column > place.character {
            return at + index;
        }
    }
    end
}

/// Where the line ends that begins here, and where the next one begins.
fn line_end(bytes: &[u8], start: usize) -> (usize, Option<usize>) {
    let rest = bytes.get(start..).unwrap_or(&[]);
    match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        None => (bytes.len(), None),
        Some(at) => {
            let at = start + at;
            let is_pair = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
            (at, Some(at + if is_pair { 2 } else { 1 }))
        }
    }
}

/// Makes the changes of a message, one after the other.
pub fn change(text: &mut String, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
    for change in changes {
        let Some(range) = change.range else {
            *text = change.text;
            continue;
        };
        let start = offset(text, range.start, encoding);
        let end = offset(text, range.end, encoding).max(start);
        text.replace_range(start..end, &change.text);
    }
}

/// The path of a file's address, absolute and with `/` between the parts; none for what is no file.
pub fn path(address: &Uri) -> Option<String> {
    let rest = address.as_str().strip_prefix("file:")?;
    let (host, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/')?),
        None => ("", rest),
    };
    let path = decoded(path.split(['?', '#']).next()?)?;
    let mut path = match host {
        "" | "localhost" => path,
        host => format!("//{host}{path}"),
    };
    // `/c:/a`: editors on Windows write the drive in either case.
    if matches!(path.as_bytes(), [b'/', drive, b':', ..] if drive.is_ascii_alphabetic())
        && cfg!(windows)
    {
        path.remove(0);
        path[..1].make_ascii_uppercase();
    }
    Some(path)
}

/// A text without percent codes; none where that is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The address of an absolute path with `/` between the parts.
pub fn address(path: &str) -> Option<Uri> {
    let mut text = String::from(match path.as_bytes() {
        [b'/', b'/', ..] => "file:",
        [b'/', ..] => "file://",
        _ => "file:///",
    });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    Uri::from_str(&text).ok()
}

/// Whether a path lies below a folder; both absolute.
pub fn lies_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\u{E9}\u{1F600}x\r\nb\rc\n";

    #[test]
    fn columns_count_what_was_agreed_on() {
        let sources = Sources::new(vec![("a.c".into(), TEXT.as_bytes().to_vec())]);
        let file = sources.file(crate::source::FileId(0));
        for (encoding, column) in [
            (Encoding::Utf8, 7),
            (Encoding::Utf16, 4),
            (Encoding::Utf32, 3),
        ] {
            let place = Position::new(0, column);
            assert_eq!(position(file, 7, encoding), place);
            assert_eq!(offset(TEXT, place, encoding), 7);
        }
        let kind = |kind: &'static str| PositionEncodingKind::new(kind);
        assert_eq!(Encoding::offered(&[]), Encoding::Utf16);
        assert_eq!(
            Encoding::offered(&[kind("x"), kind("utf-32"), kind("utf-8")]),
            Encoding::Utf32
        );
    }

    #[test]
    fn every_place_has_an_offset_and_every_offset_its_place() {
        let sources = Sources::new(vec![("a.c".into(), TEXT.as_bytes().to_vec())]);
        let file = sources.file(crate::source::FileId(0));
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            for (at, _) in TEXT.char_indices().chain([(TEXT.len(), ' ')]) {
                // The second half of a line end has no place of its own.
                let back = offset(TEXT, position(file, at as u32, encoding), encoding);
                assert!(
                    back == at || TEXT.as_bytes()[at] == b'\n' && back == at - 1,
                    "{at}"
                );
            }
            for line in 0..6 {
                for column in 0..12 {
                    let at = offset(TEXT, Position::new(line, column), encoding);
                    assert!(TEXT.is_char_boundary(at));
                }
            }
        }
        assert_eq!(offset(TEXT, Position::new(0, 3), Encoding::Utf16), 3);
        assert_eq!(offset(TEXT, Position::new(0, 99), Encoding::Utf16), 8);
        assert_eq!(offset(TEXT, Position::new(2, 1), Encoding::Utf16), 13);
        assert_eq!(
            offset(TEXT, Position::new(u32::MAX, 0), Encoding::Utf16),
            TEXT.len()
        );
    }

    #[test]
    fn changes_are_made_in_their_order() {
        let event = |range: Option<[u32; 4]>, text: &str| TextDocumentContentChangeEvent {
            range: range.map(|[a, b, c, d]| Range::new(Position::new(a, b), Position::new(c, d))),
            range_length: None,
            text: text.into(),
        };
        let mut text = TEXT.to_string();
        let changes = vec![
            event(Some([0, 2, 0, 4]), "y"),
            event(Some([1, 0, 9, 9]), "end"),
            event(Some([0, 1, 0, 0]), "!"),
        ];
        change(&mut text, changes, Encoding::Utf16);
        assert_eq!(text, "a!\u{E9}yx\r\nend");
        change(
            &mut text,
            vec![event(None, "new"), event(Some([0, 3, 0, 3]), "!")],
            Encoding::Utf16,
        );
        assert_eq!(text, "new!");
    }

    #[test]
    fn addresses_and_paths() {
        let uri = |text: &str| Uri::from_str(text).unwrap();
        for at in ["/r/a b.c", "/r/\u{E9}%20#?+[x].c", "/a:b/c"] {
            let address = address(at).unwrap();
            assert!(address.as_str().is_ascii());
            assert_eq!(path(&address).as_deref(), Some(at));
        }
        assert_eq!(address("C:/a").unwrap().as_str(), "file:///C%3A/a");
        assert_eq!(address("//server/a").unwrap().as_str(), "file://server/a");
        assert_eq!(path(&uri("file://localhost/a?b#c")).as_deref(), Some("/a"));
        assert_eq!(path(&uri("file://server/a")).as_deref(), Some("//server/a"));
        assert_eq!(path(&uri("file:///%FF")), None);
        assert_eq!(path(&uri("untitled:Untitled-1")), None);
        assert!(lies_below("/a/b", "/a") && lies_below("/a/b", "/a/") && lies_below("/a", "/"));
        assert!(!lies_below("/ab", "/a") && !lies_below("/a", "/a"));
    }
}
