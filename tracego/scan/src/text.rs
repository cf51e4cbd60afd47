//! Text that was taken out of a file, with the place of each byte.

use std::ops::Range;

/// Maximum number of bytes of one text: those of the largest file.
pub const MAX_LENGTH: usize = 1 << 20;

/// Maximum number of bytes between two decoded bytes.
const MAX_GAP: usize = 512;

/// A text with the offset of each byte in its file. What an expansion put in has the offset of the expansion.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text {
    bytes: Vec<u8>,
    offsets: Vec<u32>,
}

impl Text {
    /// Returns a part of a file.
    #[must_use]
    pub fn part(file: &[u8], range: Range<usize>) -> Self {
        let bytes = file.get(range.clone()).unwrap_or_default().to_vec();
        let offsets = (range.start..range.start + bytes.len()).map(offset).collect();
        Self { bytes, offsets }
    }

    /// Returns a text all of whose bytes are at one place.
    #[must_use]
    pub fn at(place: u32, text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), offsets: vec![place; text.len()] }
    }

    /// Returns a decoded text, such as the value of a YAML scalar, placed in the bytes from `start` on that it was
    /// decoded from. A byte without a counterpart has the place of the one before.
    #[must_use]
    pub fn decoded(file: &[u8], source: Range<usize>, value: &str) -> Self {
        let mut cursor = source.start;
        let mut offsets = Vec::with_capacity(value.len());
        let at = |place: usize| file.get(place).copied().filter(|_| place < source.end);
        for &byte in value.as_bytes() {
            let place = match byte {
                // A line break may have been folded, escaped or kept.
                b'\n' | b' ' | b'\t' => {
                    let escaped = at(cursor) == Some(b'\\');
                    let found = at(cursor).is_some_and(|b| b.is_ascii_whitespace());
                    let place = cursor;
                    if escaped {
                        cursor += 2;
                    } else if found {
                        cursor += 1;
                    }
                    place
                }
                _ => {
                    // Indentation, quotes and escapes lie between: never many bytes.
                    let end = source.end.min(cursor.saturating_add(MAX_GAP));
                    let rest = file.get(cursor..end).unwrap_or_default();
                    match rest.iter().position(|b| *b == byte) {
                        Some(ahead) => {
                            cursor += ahead + 1;
                            cursor - 1
                        }
                        None => cursor,
                    }
                }
            };
            offsets.push(offset(place.min(source.end.saturating_sub(1)).max(source.start)));
        }
        Self { bytes: value.as_bytes().to_vec(), offsets }
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn to_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the byte at a position.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<u8> {
        self.bytes.get(position).copied()
    }

    /// Returns the place of a byte in the file; behind the end, that of the last byte.
    #[must_use]
    pub fn place(&self, position: usize) -> u32 {
        self.offsets.get(position).or(self.offsets.last()).copied().unwrap_or_default()
    }

    /// Returns a part.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self {
            bytes: self.bytes.get(range.clone()).unwrap_or_default().to_vec(),
            offsets: self.offsets.get(range).unwrap_or_default().to_vec(),
        }
    }

    /// Returns the text with the places that a text around it has: its own places are positions there.
    #[must_use]
    pub fn within(&self, outer: &Self) -> Self {
        let offsets = self.offsets.iter().map(|place| outer.place(*place as usize)).collect();
        Self { bytes: self.bytes.clone(), offsets }
    }

    /// Appends a byte. Returns whether there was room.
    pub fn push(&mut self, byte: u8, place: u32) -> bool {
        let has_room = self.bytes.len() < MAX_LENGTH;
        if has_room {
            self.bytes.push(byte);
            self.offsets.push(place);
        }
        has_room
    }

    /// Appends a text; with `place`, as if all of it stood there. Returns whether there was room.
    pub fn append(&mut self, other: &Self, place: Option<u32>) -> bool {
        other.bytes.iter().zip(&other.offsets).all(|(byte, own)| self.push(*byte, place.unwrap_or(*own)))
    }

    /// Returns the lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = Self> + '_ {
        let mut start = 0;
        std::iter::from_fn(move || {
            let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = self.slice(start..start + length);
            start += length + 1;
            Some(line)
        })
    }
}

/// Offsets are 32 bits: larger files are not read.
#[expect(clippy::cast_possible_truncation, reason = "files are at most MAX_FILE bytes")]
fn offset(place: usize) -> u32 {
    place as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_text_knows_where_it_stands() {
        let file = b"run: >-\n  go\n  run .\n";
        let text = Text::decoded(file, 8..21, "go run .");
        assert_eq!(text.place(0), 10);
        assert_eq!(text.place(3), 15);
        let file = br#"run: "go\trun \"x\"""#;
        let text = Text::decoded(file, 5..file.len(), "go\trun \"x\"");
        assert_eq!(text.place(0), 6);
        assert_eq!(text.place(3), 10);
    }

    #[test]
    fn lines_keep_their_places() {
        let text = Text::part(b"..ab\ncd", 2..7);
        let lines: Vec<(String, u32)> =
            text.lines().map(|line| (line.to_str().into_owned(), line.place(0))).collect();
        assert_eq!(lines, [("ab".into(), 2), ("cd".into(), 5)]);
    }
}
