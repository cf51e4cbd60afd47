//! The words of a shell's text, each with the place where it stands.

use std::ops::Range;

/// A word without its quotes.
#[derive(Debug, Default)]
pub(super) struct ShellWord {
    pub(super) text: String,
    /// Position of each byte in the shell's text.
    from: Vec<u32>,
}

/// The parts of a shell's text.
#[derive(Debug, Default)]
pub(super) struct ShellText {
    /// Simple commands.
    pub(super) commands: Vec<Vec<ShellWord>>,
    /// Texts of command substitutions.
    pub(super) inner: Vec<Range<usize>>,
}

impl ShellWord {
    /// Returns the range of the shell's text that a range of the word comes from.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let first = self.from.get(range.start).copied().unwrap_or(0);
        let last =
            range.end.checked_sub(1).and_then(|last| self.from.get(last)).map_or(first, |last| last + 1);
        first as usize..last as usize
    }

    fn push(&mut self, text: &str, at: usize) {
        self.text.push_str(text);
        self.from.extend((at..at + text.len()).map(|at| u32::try_from(at).unwrap_or(u32::MAX)));
    }
}

/// Cuts a shell's text into words. Anything can be cut: quotes that do not close reach to the end.
pub(super) fn cut(text: &str) -> ShellText {
    let mut out = ShellText::default();
    let (mut command, mut word): (Vec<ShellWord>, Option<ShellWord>) = (Vec::new(), None);
    // Whether the text is within double quotes, and the position.
    let (mut is_quoted, mut at) = (false, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let length = text[at..].chars().next().map_or(1, char::len_utf8);
        let one = &text[at..at + length];
        let mut take = length;
        match bytes[at] {
            b'\\' => {
                let next = text[at + 1..].chars().next().map_or(0, char::len_utf8);
                let escaped = &text[at + 1..at + 1 + next];
                let is_kept = is_quoted && !matches!(escaped, "\"" | "\\" | "$" | "`" | "\n");
                let word = word.get_or_insert_default();
                match (is_kept, escaped) {
                    (true, _) => word.push(&text[at..at + 1 + next], at),
                    (false, "\n") => {}
                    (false, _) => word.push(escaped, at + 1),
                }
                take = 1 + next;
            }
            b'"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            b'\'' if !is_quoted => {
                let end = text[at + 1..].find('\'').map_or(text.len(), |end| at + 1 + end);
                word.get_or_insert_default().push(&text[at + 1..end], at + 1);
                take = end + 1 - at;
            }
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                let end = closing(bytes, at + 1);
                out.inner.push(at + 2..end);
                take = (end + 1).min(bytes.len()) - at;
                word.get_or_insert_default().push(&text[at..at + take], at);
            }
            b'`' => {
                let end = text[at + 1..].find('`').map_or(text.len(), |end| at + 1 + end);
                out.inner.push(at + 1..end);
                take = (end + 1).min(bytes.len()) - at;
                word.get_or_insert_default().push(&text[at..at + take], at);
            }
            _ if is_quoted => word.get_or_insert_default().push(one, at),
            b' ' | b'\t' | b'>' | b'<' => command.extend(word.take()),
            b';' | b'\n' | b'&' | b'|' | b'(' | b')' => {
                command.extend(word.take());
                out.commands.push(std::mem::take(&mut command));
            }
            _ => word.get_or_insert_default().push(one, at),
        }
        at += take.max(1);
    }
    command.extend(word);
    out.commands.push(command);
    out.commands.retain(|command| !command.is_empty());
    out
}

/// Returns the position of the parenthesis that closes the one at a position, or the end.
fn closing(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return at,
            b')' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}
