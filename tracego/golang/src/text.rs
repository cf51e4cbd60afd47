//! Bounded copies of the texts of command lines.

/// Maximum number of bytes kept of one text.
const TEXT: usize = 4096;

/// Copies a text, cut to [`TEXT`] bytes.
pub(crate) fn text(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(TEXT)].into()
}
