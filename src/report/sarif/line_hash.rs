//! `primaryLocationLineHash`: what GitHub knows an alert by when lines move, computed as its upload action does.
//!
//! Source of the algorithm: `src/fingerprints.ts` of github/codeql-action. From the start of a line 100 characters are
//! hashed, those of the lines below included; blanks and tabs do not count, every line end counts as one line feed, and
//! behind the end of the file stand a mark and zeros. Written here, the value is there for uploads through GitHub's
//! interface, too, where nobody else computes it, and the action finds its own value and keeps quiet.

use crate::source::{Encoding, SourceFile};
use std::borrow::Cow;
use std::collections::HashMap;

/// How many characters are hashed.
const WINDOW: usize = 100;
const BASE: u64 = 37;
const END_OF_FILE: u16 = 65535;

/// The hash of every line of a file, as `hex:count`: the count tells lines with equal hashes apart, from 1.
pub(super) fn of(file: &SourceFile) -> Vec<String> {
    hashes(&as_the_action_reads(file))
}

/// The action takes every file for UTF-8 and keeps a byte order mark.
fn as_the_action_reads(file: &SourceFile) -> Cow<'_, str> {
    let text = &*file.text;
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        let bytes: Vec<u8> = mark
            .into_iter()
            .chain(text.encode_utf16().flat_map(bytes))
            .collect();
        Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
    };
    match file.encoding {
        Encoding::Utf8 | Encoding::Binary => Cow::Borrowed(text),
        Encoding::Utf8Bom => Cow::Owned(format!("\u{FEFF}{text}")),
        // Every byte has a letter in this code page, so that the way back gives the bytes of the file.
        Encoding::Legacy => {
            let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(text);
            Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
        }
        Encoding::Utf16Le => utf16([0xFF, 0xFE], u16::to_le_bytes),
        Encoding::Utf16Be => utf16([0xFE, 0xFF], u16::to_be_bytes),
    }
}

/// The characters that count, one after the other, with a mark on those that begin a line.
fn hashes(text: &str) -> Vec<String> {
    let mut line = Rolling::default();
    let mut after_return = false;
    let mut starts_line = true;
    for unit in text.encode_utf16().chain([END_OF_FILE]) {
        let is_second_of_pair = after_return && unit == u16::from(b'\n');
        after_return = unit == u16::from(b'\r');
        if is_second_of_pair || unit == u16::from(b' ') || unit == u16::from(b'\t') {
            // A blank between the two makes them two line ends, as the action has it.
            continue;
        }
        let unit = if after_return { u16::from(b'\n') } else { unit };
        line.push(unit, starts_line);
        starts_line = unit == u16::from(b'\n');
    }
    for _ in 0..WINDOW {
        line.push(0, false);
    }
    line.hashes
}

/// The last 100 characters and their hash.
struct Rolling {
    window: [u16; WINDOW],
    /// Whether the character at this place begins a line whose hash is not yet known.
    starts_line: [bool; WINDOW],
    /// The place of the oldest character, which the next one takes.
    index: usize,
    hash: u64,
    /// `BASE` to the power of `WINDOW`: the weight of the character that leaves the window.
    weight: u64,
    hashes: Vec<String>,
    seen: HashMap<u64, usize>,
}

impl Default for Rolling {
    fn default() -> Rolling {
        Rolling {
            window: [0; WINDOW],
            starts_line: [false; WINDOW],
            index: 0,
            hash: 0,
            weight: (0..WINDOW).fold(1, |power, _| BASE.wrapping_mul(power)),
            hashes: Vec::new(),
            seen: HashMap::new(),
        }
    }
}

impl Rolling {
    fn push(&mut self, unit: u16, starts_line: bool) {
        // The window is full from the line that leaves it to here: this is that line's hash.
        if std::mem::replace(&mut self.starts_line[self.index], starts_line) {
            let count = self.seen.entry(self.hash).or_default();
            *count += 1;
            self.hashes.push(format!("{:x}:{count}", self.hash));
        }
        let leaving = std::mem::replace(&mut self.window[self.index], unit);
        self.hash = BASE
            .wrapping_mul(self.hash)
            .wrapping_add(u64::from(unit))
            .wrapping_sub(self.weight.wrapping_mul(u64::from(leaving)));
        self.index = (self.index + 1) % WINDOW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Sources};

    fn check(text: &str, expected: &[&str]) {
        let expected: Vec<String> = expected
            .iter()
            .map(|hash| match hash.contains(':') {
                true => (*hash).to_string(),
                false => format!("{hash}:1"),
            })
            .collect();
        assert_eq!(hashes(text), expected, "{text:?}");
    }

    const GREETING: [&str; 7] = [
        "e9496ae3ebfced30",
        "fb7c023a8b9ccb3f",
        "ce8ba1a563dcdaca",
        "e20e36e16fcb0cc8",
        "b3edc88f2938467e",
        "c8e28b0b4002a3a0",
        "c129715d7a2bc9a3",
    ];

    /// The inputs and values of the action's own test, `src/fingerprints.test.ts`.
    #[test]
    fn the_values_are_those_of_the_action() {
        check("", &["c129715d7a2bc9a3"]);
        check(
            " a\nb\n  \t\tc\n d",
            &[
                "271789c17abda88f",
                "54703d4cd895b18",
                "180aee12dab6264",
                "a23a3dc5e078b07b",
            ],
        );
        check(
            " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End",
            &[
                "8b7cf3e952e7aeb2",
                "b1ae1287ec4718d9",
                "bff680108adb0fcc",
                "c6805c5e1288b612",
                "b86d3392aea1be30",
                "e6ceba753e1a442",
            ],
        );
        for text in [
            " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n",
            " hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r",
            " hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n",
            " hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n",
        ] {
            check(text, &GREETING);
        }
        check(
            &"Lorem ipsum dolor sit amet.\n".repeat(10),
            &[
                "a7f2ff13bc495cf2:1",
                "a7f2ff13bc495cf2:2",
                "a7f2ff13bc495cf2:3",
                "a7f2ff13bc495cf2:4",
                "a7f2ff13bc495cf2:5",
                "a7f2ff13bc495cf2:6",
                "a7f2ff1481e87703",
                "a9cf91f7bbf1862b",
                "55ec222b86bcae53",
                "cc97dc7b1d7d8f7b",
                "c129715d7a2bc9a3",
            ],
        );
        check(
            "x = 2\nx = 1\nprint(x)\nx = 3\nprint(x)\nx = 4\nprint(x)\n",
            &[
                "e54938cc54b302f1",
                "bb609acbe9138d60",
                "1131fd5871777f34",
                "5c482a0f8b35ea28",
                "54517377da7028d2",
                "2c644846cb18d53e",
                "f1b89f20de0d133",
                "c129715d7a2bc9a3",
            ],
        );
    }

    fn read(bytes: &[u8]) -> String {
        let sources = Sources::new(vec![("a.c".into(), bytes.to_vec())]);
        as_the_action_reads(sources.file(FileId(0))).into_owned()
    }

    #[test]
    fn every_encoding_is_read_as_the_bytes_of_the_file() {
        let utf16: Vec<u8> = "\u{FEFF}\u{DF}a\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [
            "int \u{E9};\n".as_bytes(),
            "\u{FEFF}int \u{E9};\n".as_bytes(),
            b"// \x95\xB6\x81 \xE4\xF6\nint a;\n",
            &utf16,
        ] {
            assert_eq!(read(bytes), String::from_utf8_lossy(bytes));
        }
    }
}
