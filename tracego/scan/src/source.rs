//! A file that is scanned.

use std::{ops::Range, sync::Arc};

/// Maximum size of a file that is read, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// Maximum number of bytes of a line that a report has.
const MAX_EXCERPT: usize = 400;

/// A file with its lines.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the root of the scan, with `/`.
    pub path: Arc<str>,
    bytes: Arc<[u8]>,
    starts: Vec<usize>,
}

/// A place in a file. Lines and columns begin at 1; columns count Unicode characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl SourceFile {
    /// Creates a file of its content.
    #[must_use]
    pub fn new(path: &str, bytes: Vec<u8>) -> Self {
        let starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', &bytes).map(|end| end + 1)).collect();
        Self { path: path.into(), bytes: bytes.into(), starts }
    }

    /// Returns the content.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the name of the file, without its folders.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the folder of the file; empty for the root.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the position of a byte.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let index = self.line_number(offset) - 1;
        let start = self.starts.get(index).copied().unwrap_or_default();
        let ahead = self.bytes.get(start..offset.min(self.bytes.len())).unwrap_or_default();
        // Each character has one byte that continues none.
        let column = ahead.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        Position { line: index + 1, column }
    }

    /// Returns the number of the line of a byte.
    #[must_use]
    pub fn line_number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    /// Returns the bytes of a line, without its end.
    #[must_use]
    pub fn line(&self, number: usize) -> &[u8] {
        let Range { start, end } = self.line_range(number);
        let line = self.bytes.get(start..end).unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Returns the part of a line around a byte, and the number of characters in front of it.
    #[must_use]
    pub fn excerpt(&self, offset: usize) -> (String, usize) {
        let position = self.position(offset);
        let line = self.line(position.line);
        if line.len() <= MAX_EXCERPT {
            return (String::from_utf8_lossy(line).into_owned(), 0);
        }
        let start = self.line_range(position.line).start;
        let is_inside = |at: usize| line.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        let mut from = offset.saturating_sub(start).saturating_sub(MAX_EXCERPT / 4);
        while is_inside(from) {
            from += 1;
        }
        let mut to = (from + MAX_EXCERPT).min(line.len());
        while is_inside(to) {
            to -= 1;
        }
        let text = String::from_utf8_lossy(line.get(from..to).unwrap_or_default()).into_owned();
        (text, self.position(start + from).column - 1)
    }

    /// Returns the number of lines.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// Returns the bytes that a line has, without its line feed.
    #[must_use]
    pub fn line_range(&self, number: usize) -> Range<usize> {
        let index = number.saturating_sub(1);
        let Some(&start) = self.starts.get(index) else { return 0..0 };
        let end = self.starts.get(index + 1).map_or(self.bytes.len(), |next| next - 1);
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let file = SourceFile::new("a/b", "x\nä€go\r\n".into());
        assert_eq!(file.position(7), Position { line: 2, column: 3 });
        assert_eq!(file.line(2), "ä€go".as_bytes());
        assert_eq!((file.line(3), file.line(9)), (&b""[..], &b""[..]));
        assert_eq!((file.name(), file.folder()), ("b", "a"));
    }
}
