//! A text with a limit.

/// Room for the sentences about what is missing, in bytes.
const RESERVE: usize = 2 << 10;

/// A text that does not become longer than its limit.
pub(super) struct BoundedDocument {
    text: String,
    limit: usize,
}

impl BoundedDocument {
    /// Creates an empty document.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// Returns the number of bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.limit.saturating_sub(RESERVE).saturating_sub(self.text.len())
    }

    /// Appends a text if there is room for it. Returns whether there was.
    pub(super) fn push(&mut self, text: &str) -> bool {
        let fits = text.len() <= self.left();
        if fits {
            self.text.push_str(text);
        }
        fits
    }

    /// Appends a short sentence, for which room is reserved, or a part with a limit of its own.
    pub(super) fn force(&mut self, text: &str) {
        if self.text.len() + text.len() <= self.limit {
            self.text.push_str(text);
        }
    }

    /// Appends parts up to a number of bytes. Returns the number of parts that had no room.
    pub(super) fn push_all(&mut self, parts: impl ExactSizeIterator<Item = String>, bytes: usize) -> usize {
        let total = parts.len();
        let mut used = 0;
        for (n, part) in parts.enumerate() {
            used += part.len();
            if used > bytes || !self.push(&part) {
                return total - n;
            }
        }
        0
    }

    /// Returns the text.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}
