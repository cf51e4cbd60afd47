//! The words of a shell's text, each with the place where it stands.

use std::{borrow::Cow, ops::Range};

use super::work::Work;

/// A word without its quotes.
#[derive(Debug, Default)]
pub(super) struct ShellWord<'a> {
    pub(super) text: Cow<'a, str>,
    /// Position of the first byte in the shell's text.
    start: usize,
    /// Later parts: their position in the word and in the shell's text.
    parts: Vec<(usize, usize)>,
}

impl<'a> ShellWord<'a> {
    /// Whether the word stands in the shell's text as it is.
    pub(super) fn is_one_part(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns the range of the shell's text that a range of the word comes from.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let later = self.parts.partition_point(|(within, _)| *within <= at);
            let (within, from) = later.checked_sub(1).map_or((0, self.start), |part| self.parts[part]);
            from + (at - within)
        };
        let first = if range.start < self.text.len() { place(range.start) } else { 0 };
        let last = range.end.checked_sub(1).filter(|last| *last < self.text.len());
        first..last.map_or(first, |last| place(last) + 1)
    }

    /// Appends a part of the shell's text.
    fn push(&mut self, text: &'a str, part: Range<usize>) {
        if self.text.is_empty() {
            self.start = part.start;
            self.text = Cow::Borrowed(&text[part]);
        } else if self.parts.is_empty() && self.start + self.text.len() == part.start {
            self.text = Cow::Borrowed(&text[self.start..part.end]);
        } else if !part.is_empty() {
            self.parts.push((self.text.len(), part.start));
            self.text.to_mut().push_str(&text[part]);
        }
    }
}

/// Bytes with a meaning to a shell.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut n = 0;
    let bytes = b"\\\"'$` \t><;\n&|()";
    while n < bytes.len() {
        special[bytes[n] as usize] = true;
        n += 1;
    }
    special
};

/// Cuts a shell's text into words and calls back with each simple command, and whether the next one reads
/// what it writes. Anything can be cut: quotes that do not close reach to the end. Returns the ranges of
/// command substitutions.
pub(super) fn cut<'a>(
    text: &'a str,
    work: &Work,
    found: &mut dyn FnMut(&[ShellWord<'a>], bool),
) -> Vec<Range<usize>> {
    let mut inner = Vec::new();
    let (mut command, mut word): (Vec<ShellWord<'a>>, Option<ShellWord<'a>>) = (Vec::new(), None);
    // Whether the text is within double quotes, and the position.
    let (mut is_quoted, mut at) = (false, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() && !work.is_over() {
        let plain =
            bytes[at..].iter().position(|byte| SPECIAL[usize::from(*byte)]).unwrap_or(bytes.len() - at);
        work.spend(usize::from(plain == 0) + plain / 8);
        let next = bytes.get(at + plain);
        if word.is_none() && !is_quoted && next.is_none_or(|next| b" \n;|&()<>\t".contains(next)) {
            // Most words have no quotes.
            if plain > 0 {
                let text = Cow::Borrowed(&text[at..at + plain]);
                command.push(ShellWord { text, start: at, parts: Vec::new() });
            }
            at += plain + usize::from(next == Some(&b' '));
            if plain > 0 || next == Some(&b' ') {
                continue;
            }
        }
        if plain > 0 {
            word.get_or_insert_default().push(text, at..at + plain);
            at += plain;
            continue;
        }
        let mut take = 1;
        match bytes[at] {
            b'\\' => {
                let next = text[at + 1..].chars().next().map_or(0, char::len_utf8);
                let escaped = &text[at + 1..at + 1 + next];
                let is_kept = is_quoted && !matches!(escaped, "\"" | "\\" | "$" | "`" | "\n");
                let word = word.get_or_insert_default();
                match (is_kept, escaped) {
                    (true, _) => word.push(text, at..at + 1 + next),
                    (false, "\n") => {}
                    (false, _) => word.push(text, at + 1..at + 1 + next),
                }
                take = 1 + next;
            }
            b'"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            b'\'' if !is_quoted => {
                let end = text[at + 1..].find('\'').map_or(text.len(), |end| at + 1 + end);
                word.get_or_insert_default().push(text, at + 1..end);
                take = end + 1 - at;
            }
            b'$' if bytes.get(at + 1) == Some(&b'(') => {
                let end = closing(bytes, at + 1);
                inner.push(at + 2..end);
                take = (end + 1).min(bytes.len()) - at;
                word.get_or_insert_default().push(text, at..at + take);
            }
            b'`' => {
                let end = text[at + 1..].find('`').map_or(text.len(), |end| at + 1 + end);
                inner.push(at + 1..end);
                take = (end + 1).min(bytes.len()) - at;
                word.get_or_insert_default().push(text, at..at + take);
            }
            b' ' | b'\t' | b'>' | b'<' if !is_quoted => command.extend(word.take()),
            b';' | b'\n' | b'&' | b'|' | b'(' | b')' if !is_quoted => {
                command.extend(word.take());
                if !command.is_empty() {
                    found(&command, bytes[at] == b'|' && bytes.get(at + 1) != Some(&b'|'));
                    command.clear();
                }
            }
            _ => word.get_or_insert_default().push(text, at..at + 1),
        }
        let is_quote = matches!(bytes[at], b'"' | b'\'' | b'\\' | b'`');
        work.spend(take / 4 + if is_quote { 12 } else { 0 });
        at += take.max(1);
    }
    command.extend(word);
    if !command.is_empty() {
        found(&command, false);
    }
    inner
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
