//! Source texts: what the analysis reads, decoded once.
//!
//! In come paths and bytes, out go texts with line tables; everything later speaks of `FileId` and byte
//! `Span` in the *decoded* text. This file opens nothing: the command line and the server hand the bytes in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A file of one `Sources`, by position. The order of files is the order of their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A byte range in the decoded text of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span {
            file,
            start: start as u32,
            end: end as u32,
        }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that covers both; both must be of one file.
    pub fn to(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// The language a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lang {
    C,
    Cpp,
    Rust,
}

impl Lang {
    /// The language by the file name's ending. Headers are read as C++, a superset for our purposes
    /// (a C header whose folder holds only C is still parsed as C++).
    pub fn of_path(path: &str) -> Option<Lang> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        Some(match ending.as_str() {
            "c" => Lang::C,
            "cc" | "cpp" | "cxx" | "c++" | "h" | "hh" | "hpp" | "hxx" | "h++" | "inl" | "ipp"
            | "ixx" | "cppm" | "tcc" => Lang::Cpp,
            "rs" => Lang::Rust,
            _ => return None,
        })
    }
}

/// How the bytes of a file became text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Utf8,
    Utf8Bom,
    Utf16Le,
    Utf16Be,
    /// Not valid UTF-8 and without a byte order mark: read as Windows-1252, where every byte has a meaning, so
    /// that identifiers and line ends (ASCII in every legacy code page in use) stay what they are.
    Legacy,
    /// Holds NUL bytes: no text. Kept with an empty text and counted.
    Binary,
}

/// One file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Relative to the working directory, `/` between the parts.
    pub path: Arc<str>,
    /// `None` for build files (Cargo.toml, *.vcxproj, CMakeLists.txt, …).
    pub lang: Option<Lang>,
    pub text: Arc<str>,
    pub encoding: Encoding,
    /// Found when somebody asks for the first time: of most files nobody does.
    line_starts: OnceLock<Arc<[u32]>>,
}

/// All files of one run, sorted by path. A clone shares them.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    files: Arc<Vec<SourceFile>>,
}

/// A place for people: both count from 1; the column counts Unicode code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Sources {
    /// Decodes and sorts. A path that comes twice is kept once.
    pub fn new(files: Vec<(String, Vec<u8>)>) -> Sources {
        use rayon::prelude::*;
        Sources::of(
            files
                .into_par_iter()
                .map(|(path, bytes)| SourceFile::new(path, &bytes))
                .collect(),
        )
    }

    /// Sorts. Of two files with the same path the first one is kept.
    pub fn of(mut files: Vec<SourceFile>) -> Sources {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Sources {
            files: Arc::new(files),
        }
    }

    /// The same files, some of them with another text. Their numbers stay.
    pub fn with_texts(&self, texts: &BTreeMap<FileId, String>) -> Sources {
        let files = self.ids().map(|id| match texts.get(&id) {
            None => self.file(id).clone(),
            Some(text) => SourceFile {
                line_starts: OnceLock::new(),
                text: text.as_str().into(),
                ..self.file(id).clone()
            },
        });
        Sources {
            files: Arc::new(files.collect()),
        }
    }

    /// The same files, one of them with other bytes. Its number stays.
    pub fn with_bytes(&self, id: FileId, bytes: Vec<u8>) -> Sources {
        let mut files = Vec::clone(&self.files);
        files[id.0 as usize] = SourceFile::new(self.file(id).path.to_string(), &bytes);
        Sources {
            files: Arc::new(files),
        }
    }

    /// The same files, of which only some are sources.
    pub fn masked(&self, wanted: &[bool]) -> Sources {
        let mut files = Vec::clone(&self.files);
        for (file, wanted) in files.iter_mut().zip(wanted) {
            file.lang = file.lang.filter(|_| *wanted);
        }
        Sources {
            files: Arc::new(files),
        }
    }

    /// Whether these are the same files with the same texts.
    pub fn same_texts(&self, other: &Sources) -> bool {
        self.changed(other)
            .is_some_and(|changed| changed.is_empty())
    }

    /// The files whose texts are others there; none where these are not the same files.
    pub fn changed(&self, other: &Sources) -> Option<Vec<FileId>> {
        let mut changed = Vec::new();
        for (id, (one, other)) in self.ids().zip(self.files.iter().zip(&*other.files)) {
            if !Arc::ptr_eq(&one.path, &other.path) && one.path != other.path {
                return None;
            }
            if !Arc::ptr_eq(&one.text, &other.text) && one.text != other.text {
                changed.push(id);
            }
        }
        (self.len() == other.len()).then_some(changed)
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The file with exactly this path.
    pub fn find(&self, path: &str) -> Option<FileId> {
        self.files
            .binary_search_by(|file| (*file.path).cmp(path))
            .ok()
            .map(|index| FileId(index as u32))
    }

    /// The text below a span.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.range()).unwrap_or("")
    }

    pub fn position(&self, file: FileId, offset: u32) -> Position {
        let source = self.file(file);
        let line = source.line_of(offset);
        let start = source.line_starts()[line as usize] as usize;
        let before = source.text.get(start..offset as usize).unwrap_or("");
        Position {
            line: line + 1,
            column: before.chars().count() as u32 + 1,
        }
    }

    pub fn start(&self, span: Span) -> Position {
        self.position(span.file, span.start)
    }
}

impl SourceFile {
    /// Decodes the bytes of a file.
    pub fn new(path: String, bytes: &[u8]) -> SourceFile {
        let lang = Lang::of_path(&path);
        let (text, encoding) = decode(bytes);
        SourceFile {
            path: path.into(),
            lang,
            text: text.into(),
            encoding,
            line_starts: OnceLock::new(),
        }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts
            .get_or_init(|| line_starts(&self.text).into())
    }

    /// The line (from 0) that holds this offset.
    pub fn line_of(&self, offset: u32) -> u32 {
        self.line_starts()
            .partition_point(|&start| start <= offset)
            .saturating_sub(1) as u32
    }

    pub fn line_count(&self) -> u32 {
        self.line_starts().len() as u32
    }

    /// The byte range of a line (from 0), its line end included.
    pub fn line_range(&self, line: u32) -> Option<Range<usize>> {
        let start = *self.line_starts().get(line as usize)? as usize;
        let end = self
            .line_starts()
            .get(line as usize + 1)
            .map_or(self.text.len(), |&next| next as usize);
        Some(start..end)
    }
}

/// The text that is analysed: every lone CR in it, the line end of the old Macintosh, has become a LF, so that whatever
/// looks for the end of a line need not know of it. Offsets and lines stay.
fn decode(bytes: &[u8]) -> (Cow<'_, str>, Encoding) {
    let (text, encoding) = decode_as_is(bytes);
    (with_line_feeds(text), encoding)
}

fn with_line_feeds(text: Cow<'_, str>) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_lone = |at: usize| bytes.get(at + 1) != Some(&b'\n');
    let mut returns = memchr::memchr_iter(b'\r', bytes);
    let Some(first) = returns.find(|&at| is_lone(at)) else {
        return text;
    };
    let lone: Vec<usize> = std::iter::once(first)
        .chain(returns.filter(|&at| is_lone(at)))
        .collect();
    let mut bytes = text.into_owned().into_bytes();
    for at in lone {
        bytes[at] = b'\n';
    }
    // One ASCII character gave way to another.
    Cow::Owned(String::from_utf8(bytes).unwrap_or_default())
}

fn decode_as_is(bytes: &[u8]) -> (Cow<'_, str>, Encoding) {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return (String::from_utf8_lossy(rest), Encoding::Utf8Bom);
    }
    if bytes.starts_with(b"\xFF\xFE") {
        let text = encoding_rs::UTF_16LE.decode_with_bom_removal(bytes).0;
        return (text, Encoding::Utf16Le);
    }
    if bytes.starts_with(b"\xFE\xFF") {
        let text = encoding_rs::UTF_16BE.decode_with_bom_removal(bytes).0;
        return (text, Encoding::Utf16Be);
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        let decoder = if encoding == Encoding::Utf16Le {
            encoding_rs::UTF_16LE
        } else {
            encoding_rs::UTF_16BE
        };
        return (decoder.decode_without_bom_handling(bytes).0, encoding);
    }
    if memchr::memchr(0, bytes).is_some() {
        return (Cow::Borrowed(""), Encoding::Binary);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), Encoding::Utf8),
        Err(_) => (Cow::Owned(legacy_text(bytes)), Encoding::Legacy),
    }
}

/// Stands for the second half of a character of Shift-JIS or GBK that is the byte of a backslash and ends a line. As a
/// backslash it would join the next line to a comment. Windows-1252 has no such character, so that it can be told apart.
const HALF: char = '\u{FF3C}';

/// Windows-1252, where every byte has a meaning; but see `HALF`.
fn legacy_text(bytes: &[u8]) -> String {
    let decoded = |bytes: &[u8]| {
        let text = encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes);
        text.0.into_owned()
    };
    let ends_line = |at: usize| matches!(bytes.get(at + 1), None | Some(b'\n' | b'\r'));
    // Behind whole characters of two bytes it is a backslash of its own.
    let is_half = |at: usize| {
        let before = bytes[..at].iter().rev();
        before.take_while(|byte| **byte >= 0x80).count() % 2 == 1
    };
    let mut text = String::new();
    let mut from = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\\') {
        if ends_line(at) && is_half(at) {
            text.push_str(&decoded(&bytes[from..at]));
            text.push(HALF);
            from = at + 1;
        }
    }
    text.push_str(&decoded(&bytes[from..]));
    text
}

/// The bytes of a text that `legacy_text` has made.
fn legacy_bytes(text: &str) -> Vec<u8> {
    let parts = text.split(HALF);
    let parts: Vec<Vec<u8>> = parts
        .map(|part| encoding_rs::WINDOWS_1252.encode(part).0.into_owned())
        .collect();
    parts.join(&b'\\')
}

/// The bytes of a new text for a file, in the encoding of those that it has now, with or without a byte order mark as
/// they are.
///
/// # Errors
/// Why it can't be done, for people: the bytes now do not come out of their own text again, or are no longer those of
/// `old`.
pub fn encode(bytes: Vec<u8>, old: &str, new: &str) -> Result<Vec<u8>, &'static str> {
    let is_marked = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    let (as_is, encoding) = decode_as_is(&bytes);
    // Of line ends of several kinds nobody can say which a LF was.
    let is_cr_only = as_is.contains('\r') && !as_is.contains('\n');
    let text = with_line_feeds(as_is);
    if text != old {
        return Err("the file has changed since it was read");
    }
    let into_bytes = |text: &str| {
        let text = match is_cr_only {
            true => Cow::Owned(text.replace('\n', "\r")),
            false => Cow::Borrowed(text),
        };
        encoded(&text, encoding, is_marked)
    };
    if into_bytes(&text) != bytes {
        return Err(
            "the file holds bytes that are no text in its encoding, or line ends of several kinds: they would be lost",
        );
    }
    Ok(into_bytes(new))
}

fn encoded(text: &str, encoding: Encoding, is_marked: bool) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf8Bom => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        Encoding::Utf16Le | Encoding::Utf16Be => {
            let mark = if is_marked { "\u{FEFF}" } else { "" };
            let units = mark.encode_utf16().chain(text.encode_utf16());
            if encoding == Encoding::Utf16Le {
                units.flat_map(u16::to_le_bytes).collect()
            } else {
                units.flat_map(u16::to_be_bytes).collect()
            }
        }
        Encoding::Legacy => legacy_bytes(text),
        Encoding::Binary => Vec::new(),
    }
}

/// UTF-16 text of mostly ASCII has a NUL in every second byte.
fn utf16_without_mark(bytes: &[u8]) -> Option<Encoding> {
    let head = &bytes[..bytes.len().min(512) & !1];
    if head.len() < 8 {
        return None;
    }
    let zeros = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let half = head.len() / 2;
    match (zeros(0), zeros(1)) {
        (0, high) if high * 10 >= half * 9 => Some(Encoding::Utf16Le),
        (low, 0) if low * 10 >= half * 9 => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Offsets at which lines start. LF, CR LF and a lone CR (of a text that no file held) end a line.
fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (index, &byte) in bytes.iter().enumerate() {
        if byte == b'\n' || (byte == b'\r' && bytes.get(index + 1) != Some(&b'\n')) {
            starts.push(index as u32 + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(bytes: &[u8], offset: u32) -> (u32, u32) {
        let sources = Sources::new(vec![("a.c".into(), bytes.to_vec())]);
        let at = sources.position(FileId(0), offset);
        (at.line, at.column)
    }

    #[test]
    fn every_line_end_counts_once() {
        assert_eq!(position(b"a\nb", 2), (2, 1));
        assert_eq!(position(b"a\r\nb", 3), (2, 1));
        assert_eq!(position(b"a\rb", 2), (2, 1));
        assert_eq!(position("é\u{1F600}x".as_bytes(), 6), (1, 3));
    }

    #[test]
    fn new_texts_keep_the_encoding() {
        let text = "int a;\r\n// \u{e9}\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().copied().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units.iter().copied().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            little.clone(),
            [b"\xFF\xFE".to_vec(), little].concat(),
            big.clone(),
            [b"\xFE\xFF".to_vec(), big].concat(),
            // Shift-JIS, every byte of which Windows-1252 can say.
            b"int a; // \x95\x5c\x8e\xa6\x81\x40\r\n".to_vec(),
            b"int a; // \x95\x5c\r\nint b; // \xe9\\ \\\n".to_vec(),
        ] {
            let text = decode(&bytes).0;
            assert_eq!(encode(bytes.clone(), &text, &text).unwrap(), bytes);
            let new = text.replacen("int a;", "int ab;", 1);
            let encoded = encode(bytes.clone(), &text, &new).unwrap();
            assert_eq!(decode(&encoded).0, new);
            assert!(encoded.len() > bytes.len() && encoded.len() <= bytes.len() + 2);
        }
        let mac = b"int a;\rint b;\r".to_vec();
        let text = decode(&mac).0.into_owned();
        assert_eq!(text, "int a;\nint b;\n");
        assert_eq!(
            encode(mac, &text, "int a;\nint c;\n").unwrap(),
            b"int a;\rint c;\r"
        );
        // Half a surrogate, no UTF-8 behind the mark of it, and line ends that are CR here and LF there.
        for bytes in [
            &b"int a;\rint b;\n"[..],
            b"\xFF\xFEa\0\x00\xD8b\0",
            b"\xEF\xBB\xBFint a; // \x95\x5c",
        ] {
            let text = decode(bytes).0;
            assert!(
                encode(bytes.to_vec(), &text, &text)
                    .unwrap_err()
                    .contains("no text")
            );
        }
        assert!(
            encode(b"a".to_vec(), "b", "c")
                .unwrap_err()
                .contains("changed")
        );
    }

    #[test]
    fn legacy_and_utf16_texts_are_decoded() {
        let utf16: Vec<u8> = "int a;\r\nint b;"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            decode(&utf16),
            ("int a;\r\nint b;".into(), Encoding::Utf16Le)
        );
        let marked = [vec![0xFF, 0xFE], utf16].concat();
        assert_eq!(decode(&marked).0, "int a;\r\nint b;");
        assert_eq!(decode(b"// \x95\xB6\nint a;").1, Encoding::Legacy);
        assert_eq!(decode(b"int\0a").1, Encoding::Binary);
        // The first is one character of Shift-JIS, the second one of GBK and a backslash.
        assert_eq!(
            decode(b"\x95\x5c\n\xd6\xd0\x5c\n").0,
            "\u{2022}\u{FF3C}\n\u{d6}\u{d0}\\\n"
        );
    }
}
