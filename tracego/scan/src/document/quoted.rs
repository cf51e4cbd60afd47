//! Names, strings and signs of source in languages with quotes: Groovy, Python, JavaScript, Ruby, Go.

use crate::text::Text;

/// A token.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// A name or a number.
    Name(String),
    /// The content of a string, with the common escapes taken off.
    Text(Text),
    /// A sign, or a line feed.
    Sign(u8),
    /// A comment of a line, without its marker.
    Comment(Text),
}

/// The forms of comments and strings of a language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Language {
    /// Beginnings of comments that end with their line.
    line_comments: &'static [&'static [u8]],
    /// Whether `/* … */` is a comment.
    has_block_comments: bool,
    /// Quotes of strings, the longest first.
    quotes: &'static [&'static [u8]],
    /// Quotes of strings without escapes.
    raw_quotes: &'static [u8],
}

/// Groovy.
pub(super) const GROOVY: Language = Language {
    line_comments: &[b"//"],
    has_block_comments: true,
    quotes: &[b"'''", b"\"\"\"", b"'", b"\""],
    raw_quotes: b"",
};
/// Go. A rune is read as a short string.
pub(super) const GO: Language = Language {
    line_comments: &[b"//"],
    has_block_comments: true,
    quotes: &[b"\"", b"`", b"'"],
    raw_quotes: b"`",
};
/// TOML.
pub(super) const TOML: Language = Language {
    line_comments: &[b"#"],
    has_block_comments: false,
    quotes: &[b"\"\"\"", b"'''", b"\"", b"'"],
    raw_quotes: b"'",
};
/// Python.
pub(super) const PYTHON: Language = Language {
    line_comments: &[b"#"],
    has_block_comments: false,
    quotes: &[b"'''", b"\"\"\"", b"'", b"\""],
    raw_quotes: b"",
};
/// JavaScript and TypeScript.
pub(super) const JAVASCRIPT: Language = Language {
    line_comments: &[b"//"],
    has_block_comments: true,
    quotes: &[b"\"", b"'", b"`"],
    raw_quotes: b"",
};
/// Ruby.
pub(super) const RUBY: Language = Language {
    line_comments: &[b"#"],
    has_block_comments: false,
    quotes: &[b"\"", b"'", b"`"],
    raw_quotes: b"",
};

/// Splits source into tokens. A string that does not close ends at the end of its line, where its quotes are single.
pub(super) fn tokens(bytes: &[u8], language: &Language) -> Vec<Token> {
    tokens_with_places(bytes, language).0
}

/// Splits source into tokens, as [`tokens`] does, with the place of each.
pub(super) fn tokens_with_places(bytes: &[u8], language: &Language) -> (Vec<Token>, Vec<u32>) {
    let mut found = Vec::new();
    let mut places = Vec::new();
    let mut position = 0;
    while let Some(&byte) = bytes.get(position) {
        let rest = bytes.get(position..).unwrap_or_default();
        let start = u32::try_from(position).unwrap_or(u32::MAX);
        if let Some(marker) = language.line_comments.iter().find(|marker| rest.starts_with(marker)) {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            found.push(Token::Comment(Text::part(bytes, position + marker.len()..position + end)));
            position += end;
        } else if language.has_block_comments && rest.starts_with(b"/*") {
            position += memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2);
        } else if let Some(quote) = language.quotes.iter().find(|quote| rest.starts_with(quote)) {
            let (text, end) =
                read_string(bytes, position + quote.len(), quote, language.raw_quotes.contains(&byte));
            found.push(Token::Text(text));
            position = end;
        } else if byte.is_ascii_alphanumeric() || byte == b'_' {
            let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            found.push(Token::Name(
                String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned(),
            ));
            position += length;
        } else {
            if byte == b'\n' || !byte.is_ascii_whitespace() {
                found.push(Token::Sign(byte));
            }
            position += 1;
        }
        places.resize(found.len(), start);
    }
    (found, places)
}

/// Reads a string up to its closing quote. Returns its content and the position behind the quote.
fn read_string(bytes: &[u8], start: usize, quote: &[u8], is_raw: bool) -> (Text, usize) {
    let mut text = Text::default();
    let mut position = start;
    while let Some(&byte) = bytes.get(position) {
        let place = u32::try_from(position).unwrap_or(u32::MAX);
        if bytes.get(position..).is_some_and(|rest| rest.starts_with(quote)) {
            return (text, position + quote.len());
        }
        if byte == b'\n' && quote.len() == 1 && quote != b"`" {
            return (text, position);
        }
        if byte == b'\\' && !is_raw {
            let meant = match bytes.get(position + 1) {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(other) => *other,
                None => b'\\',
            };
            text.push(meant, place);
            position += 2;
            continue;
        }
        text.push(byte, place);
        position += 1;
    }
    (text, position.min(bytes.len()))
}
