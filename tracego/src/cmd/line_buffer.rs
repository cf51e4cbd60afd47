//! Whole lines of bytes that come in pieces.

use std::io::{self, Read};

use tracego_report::wire::LINE_MAX;

/// Size of one read in bytes.
const READ: usize = 64 << 10;

/// Bytes that were read, up to the end of a line that is still to come. A line that is too long is passed over.
#[derive(Default)]
pub(super) struct LineBuffer {
    /// Bytes that were read and not returned.
    bytes: Vec<u8>,
    /// Beginning of the next line in `bytes`.
    at: usize,
    /// Place up to which `bytes` has no end of a line.
    searched: usize,
    number: u64,
    /// Whether the line is too long, so that its rest is passed over.
    is_too_long: bool,
}

impl LineBuffer {
    /// Reads once. Returns the number of bytes; 0 at the end.
    ///
    /// # Errors
    /// Fails if the source cannot be read.
    pub(super) fn read_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        let begin = self.bytes.len();
        self.bytes.resize(begin + READ, 0);
        let read = source.read(&mut self.bytes[begin..]);
        self.bytes.truncate(begin + *read.as_ref().unwrap_or(&0));
        read
    }

    /// Returns the next whole line with its number; `None` until more is read.
    pub(super) fn next_line(&mut self) -> Option<(Vec<u8>, u64)> {
        loop {
            let end = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
            let Some(end) = end.map(|end| self.searched + end) else { break };
            let line = self.bytes[self.at..end].to_vec();
            (self.at, self.searched) = (end + 1, end + 1);
            self.number += 1;
            if !std::mem::take(&mut self.is_too_long) {
                return Some((line, self.number));
            }
        }
        self.bytes.drain(..self.at);
        self.at = 0;
        if self.bytes.len() > LINE_MAX {
            self.bytes.clear();
            self.is_too_long = true;
        }
        self.searched = self.bytes.len();
        None
    }

    /// Returns the line that has no end.
    pub(super) fn last_line(&mut self) -> Option<(Vec<u8>, u64)> {
        let rest = std::mem::take(&mut self.bytes);
        let number = self.number + 1;
        (!rest.is_empty() && !self.is_too_long).then_some((rest, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole() {
        let mut lines = LineBuffer::default();
        let mut read = |bytes: &[u8]| {
            lines.read_from(&mut &*bytes).unwrap();
            let mut all = Vec::new();
            while let Some((line, number)) = lines.next_line() {
                all.push((String::from_utf8(line).unwrap(), number));
            }
            all
        };
        assert_eq!(read(b"one\ntw"), [("one".to_owned(), 1)]);
        assert_eq!(read(b"o\n\nfour"), [("two".to_owned(), 2), (String::new(), 3)]);
        assert_eq!(lines.last_line(), Some((b"four".to_vec(), 4)));
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut lines = LineBuffer::default();
        let long = vec![b'x'; LINE_MAX + 2 * READ];
        let bytes = [&long, &b"\nshort\n"[..]].concat();
        let mut source = &*bytes;
        let mut found = None;
        while lines.read_from(&mut source).unwrap() > 0 {
            found = found.or_else(|| lines.next_line());
        }
        assert_eq!(found, Some((b"short".to_vec(), 2)));
    }
}
