//! Lines of a watch, cut from the pieces in which they come.

/// Longest line. An object of the API has at most a megabyte and a half.
pub(crate) const LINE_MAX: usize = 4 << 20;

/// A line of a watch.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Line {
    /// A whole line, without its end.
    Whole(Vec<u8>),
    /// A line that was too long; its bytes are not kept.
    TooLong,
}

/// The lines of a watch.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    part: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    /// Takes a piece. Returns the lines that end in it.
    pub(crate) fn take(&mut self, mut piece: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = piece.split_at(end);
            self.keep(line);
            piece = rest.get(1..).unwrap_or_default();
            let part = std::mem::take(&mut self.part);
            if std::mem::take(&mut self.is_too_long) {
                lines.push(Line::TooLong);
            } else if !part.iter().all(u8::is_ascii_whitespace) {
                lines.push(Line::Whole(part));
            }
        }
        self.keep(piece);
        lines
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.is_too_long || self.part.len() + piece.len() > LINE_MAX {
            self.part = Vec::new();
            self.is_too_long = true;
        } else {
            self.part.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_are_put_together_and_those_that_are_too_long_are_left_out() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"{\"a\""), []);
        assert_eq!(lines.take(b":1}\n\n{}\n{"), [whole("{\"a\":1}"), whole("{}")]);
        assert_eq!(lines.take(&vec![b'x'; LINE_MAX]), []);
        assert!(lines.part.is_empty());
        assert_eq!(lines.take(b"x\nb\n"), [Line::TooLong, whole("b")]);
        let mut long = vec![b'y'; LINE_MAX + 1];
        long.push(b'\n');
        assert_eq!(lines.take(&long), [Line::TooLong]);
    }
}
