//! Here-documents.

use crate::text::Text;

/// A here-document whose body has not been reached.
#[derive(Debug)]
pub(super) struct PendingHeredoc {
    /// Index of the command that reads it.
    pub(super) command: usize,
    /// The line that ends the body.
    pub(super) delimiter: Vec<u8>,
    /// Whether tabs in front of lines are left out (`<<-`).
    pub(super) strips_tabs: bool,
}

impl PendingHeredoc {
    /// Reads the body that begins at `start`. Returns the body and the position behind the delimiter.
    pub(super) fn read(&self, text: &Text, start: usize) -> (Text, usize) {
        let mut position = start;
        while position < text.len() {
            let rest = text.bytes().get(position..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let bare = if self.strips_tabs {
                let tabs = line.iter().take_while(|b| **b == b'\t').count();
                line.get(tabs..).unwrap_or_default()
            } else {
                line
            };
            let next = (position + length + 1).min(text.len());
            if bare == self.delimiter {
                return (text.slice(start..position), next);
            }
            position = next;
        }
        (text.slice(start..text.len()), text.len())
    }
}
