//! Standard output of reports, which never moves a terminal's cursor: the texts in them may be those of a watched
//! process.

use std::io::{self, Stdout, Write};

use tracego_deliver::format::controls;
use tracego_model::text::printable_lines;

/// A writer that escapes characters that a terminal obeys, or that cannot be seen. Lines are written whole.
pub(super) struct PlainOutput<W: Write = Stdout> {
    to: W,
    is_json: bool,
    line: Vec<u8>,
}

impl PlainOutput {
    /// Creates a writer to standard output. `is_json`: JSON is written, with escapes of its own.
    pub(super) fn stdout(is_json: bool) -> Self {
        Self::new(io::stdout(), is_json)
    }
}

impl<W: Write> PlainOutput<W> {
    fn new(to: W, is_json: bool) -> Self {
        Self { to, is_json, line: Vec::new() }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        if self.is_json {
            // In the strings of JSON the other controls are escaped already.
            controls::escape(&mut line, 0);
            self.to.write_all(&line)
        } else {
            self.to.write_all(printable_lines(&String::from_utf8_lossy(&line)).as_bytes())
        }
    }
}

impl<W: Write> Write for PlainOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |at| at + 1);
        self.line.extend_from_slice(&bytes[..end]);
        if self.line.last() == Some(&b'\n') {
            self.write_line()?;
        }
        Ok(end)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.write_line()?;
        }
        self.to.flush()
    }
}

impl<W: Write> Drop for PlainOutput<W> {
    fn drop(&mut self) {
        // Reports end with a line; an error of the last one was returned by `write`.
        let _unwritten = self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(is_json: bool, text: &str) -> String {
        let mut to = Vec::new();
        PlainOutput::new(&mut to, is_json).write_all(text.as_bytes()).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn a_terminal_gets_no_control_character() {
        assert_eq!(
            written(false, "a\u{1b}[31m\u{9b}\u{202e}ä\nb\u{7}"),
            "a\\u{1b}[31m\\u{9b}\\u{202e}ä\nb\\u{7}"
        );
        let json = written(true, "{\"a\":\"\u{9b}\u{7f}ä\u{202e}\"}\n");
        assert_eq!(json, "{\"a\":\"\\u009b\\u007fä\u{202e}\"}\n");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["a"], "\u{9b}\u{7f}ä\u{202e}");
    }
}
