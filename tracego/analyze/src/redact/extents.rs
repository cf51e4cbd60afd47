//! The ends of values within one text: at a quote, a separator, the end of a line, or of the text.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::{
    assignments::{Named, Place, SCHEMES, is_name},
    values,
};

/// Maximum length of a header within a longer text.
const HEADER_MAX: usize = 2048;

/// Bytes that may end a value within a longer text.
static MAY_END: [bool; 256] = {
    let mut may_end = [false; 256];
    let (mut n, bytes) = (0, b"\n\r\\ \t\"'`&#/;,|})<");
    while n < bytes.len() {
        may_end[bytes[n] as usize] = true;
        n += 1;
    }
    may_end
};

impl Named<'_> {
    /// Returns the extent of the value that begins at a position.
    pub(super) fn extent(&self, start: usize) -> Option<Range<usize>> {
        let (bytes, is_whole) = (self.bytes(), self.is_whole() && self.bytes()[self.sign] == b'=');
        let len = bytes.len();
        match bytes.get(start)? {
            b'\\' if matches!(bytes.get(start + 1), Some(b'"' | b'\'')) => {
                let quote = &bytes[start..start + 2];
                self.work.spend(16);
                let end = memmem::find(&bytes[start + 2..], quote).map_or(len, |end| start + 2 + end);
                return Some(start + 2..end);
            }
            &quote @ (b'"' | b'\'' | b'`') => {
                let end = self.closing_quote(start, quote);
                return Some(match end {
                    Some(end) if !is_whole || end + 1 == len => start + 1..end,
                    Some(_) => start..self.end(start),
                    None => start..len,
                });
            }
            // A command substitution is one word.
            b'$' if !is_whole && bytes.get(start + 1) == Some(&b'(') => {
                let within = &self.text[start..];
                return Some(start..memchr(b')', within.as_bytes()).map_or(len, |end| start + end + 1));
            }
            b'{' if !is_whole && !self.text[start..].starts_with("{{") => {
                let is_list = matches!(self.separator(), Some(b';'));
                let end = || memchr(b'}', &bytes[start..]).map_or(len, |end| start + end);
                return is_list.then(|| start + 1..end());
            }
            b'[' if !is_whole && !self.text[start..].starts_with(super::MARK) => return None,
            _ => {}
        }
        Some(start..if is_whole { self.whole_end(start) } else { self.end(start) })
    }

    /// Returns the end of a value that begins an argument. Assignments to variables reach to the end of the
    /// argument; lists go on with another name.
    fn whole_end(&self, start: usize) -> usize {
        let name = &self.bytes()[self.name.clone()];
        let is_variable = !name.iter().any(u8::is_ascii_lowercase) && self.name.start == 0;
        let is_break = |(n, byte): (usize, &u8)| {
            b",;& \n".contains(byte) && goes_on(&self.bytes()[start + n + 1..], *byte == b';')
        };
        self.work.spend((self.bytes().len() - start) / if is_variable { 64 } else { 4 });
        match is_variable {
            true => self.bytes().len(),
            false => self.bytes()[start..]
                .iter()
                .enumerate()
                .position(is_break)
                .map_or(self.bytes().len(), |n| start + n),
        }
    }

    /// Returns the sign that separates this value from others, as far as the text before the name shows it.
    fn separator(&self) -> Option<u8> {
        self.bytes()[..self.name.start].trim_ascii_end().last().copied()
    }

    /// Returns the end of a value within a longer text.
    fn end(&self, start: usize) -> usize {
        let bytes = self.bytes();
        let len = bytes.len();
        // A quote that opens before the name and closes behind the value.
        if let Some(quote @ (b'"' | b'\'')) = self.before().filter(|_| !self.is_quoted)
            && let Some(end) = self.closing_quote(start.saturating_sub(1), quote)
        {
            return end;
        }
        let is_line =
            bytes[self.sign] == b':' && !self.is_quoted && matches!(bytes.get(self.sign + 1), Some(b' '));
        let separator = self.separator();
        // `a; TOKEN=x b` of a shell, unlike `a;PWD=x y;b` of a connection string.
        let is_variable = self.before() == Some(b' ')
            && !self.bytes()[self.name.clone()].iter().any(u8::is_ascii_lowercase)
            && bytes[self.sign] == b'=';
        let is_object = is_line && separator.is_some_and(|byte| b"{,([".contains(&byte));
        let mut at = start;
        while let Some(plain) = bytes[at..].iter().position(|byte| MAY_END[usize::from(*byte)]) {
            at += plain;
            self.work.spend(6 + plain / 2);
            if self.work.is_over() {
                return at;
            }
            let (byte, rest) = (bytes[at], &bytes[at + 1..]);
            let ends = match byte {
                b'\n' | b'\r' => true,
                b'\\' if matches!(rest.first(), Some(b'n' | b'r' | b'"')) => true,
                b' ' | b'\t' if is_line && !is_object => false,
                b' ' | b'\t' => separator != Some(b';') || is_variable,
                b'"' | b'\'' | b'`' => rest.first().is_none_or(|next| b" \t\n,;)}]&|\"'".contains(next)),
                b'&' | b'#' if matches!(separator, Some(b'?' | b'&' | b'#')) => true,
                b'/' if self.place == Place::Path => true,
                b';' if separator == Some(b';') => true,
                b',' | b';' | b'&' | b'|' => {
                    rest.is_empty() || b" &|".contains(&rest[0]) || goes_on(rest, byte == b';')
                }
                b'}' | b')' => rest.is_empty() || b" ,;}\"')".contains(&rest[0]),
                b'<' => rest.first() == Some(&b'/'),
                _ => false,
            };
            if ends {
                return at;
            }
            at += 1;
        }
        self.work.spend((len - at) / 8);
        len
    }

    /// Returns the value of a header without its scheme.
    pub(super) fn header(&self, start: usize) -> Range<usize> {
        let bytes = self.bytes();
        let front = &bytes[..self.name.start];
        let near = &front[front.len().saturating_sub(HEADER_MAX)..];
        let has_quotes = [b'"', b'\''].map(|quote| memchr(quote, near).is_some());
        let quote = self.before().filter(|byte| matches!(byte, b'"' | b'\''));
        let quote_end = quote.and_then(|quote| self.closing_quote(start.saturating_sub(1), quote));
        let is_quote = |(n, byte): (usize, &u8)| match byte {
            b'\n' | b'\r' => true,
            b'\\' => matches!(bytes.get(start + n + 1), Some(b'n' | b'r')),
            b'"' => has_quotes[0] || n == 0,
            b'\'' => has_quotes[1] || n == 0,
            _ => false,
        };
        if let Some(quote @ (b'"' | b'\'')) = bytes.get(start).copied() {
            return start + 1..self.closing_quote(start, quote).unwrap_or(bytes.len());
        }
        let is_alone = (self.is_whole() || front.ends_with(b"=")) && self.place != Place::Prose;
        let most = if is_alone { bytes.len() } else { bytes.len().min(start + HEADER_MAX) };
        let line = bytes[start..most].iter().enumerate().position(is_quote).map_or(most, |n| start + n);
        self.work.spend((line - start) / 3 + 20 + near.len() / 40);
        let end = quote_end.unwrap_or(line).min(line);
        let end = (end..=bytes.len()).find(|end| self.text.is_char_boundary(*end)).unwrap_or(bytes.len());
        let value = &self.text[start..end];
        let Some(space) = value.find(' ') else { return start..end };
        let (first, second) = (&value[..space], value[space..].trim_start());
        let second_end = second.find(' ').unwrap_or(second.len());
        let is_word =
            first.len() <= 32 && first.bytes().all(|byte| is_name(byte) || byte == b'/') && !first.is_empty();
        let is_known = SCHEMES.iter().any(|scheme| first.eq_ignore_ascii_case(scheme));
        let is_alone = quote_end.is_some() || is_alone;
        let after = start + value.len() - second.len();
        if self.rule.scheme && is_word && (is_known || is_alone || values::is_random(&second[..second_end])) {
            let one = matches!(self.place, Place::Text | Place::Prose) || !is_alone;
            let is_list = second[..second_end].ends_with([',', ';']) || second.contains("=\"");
            return after..if one && !is_list && quote_end.is_none() { after + second_end } else { end };
        }
        // Cookies go on behind a semicolon.
        let mut short = space;
        while !is_alone && value[..short].ends_with(';') {
            let next = value[short + 1..].find(' ').map(|next| short + 1 + next);
            short = next.unwrap_or(value.len());
            if next.is_none() {
                break;
            }
        }
        start..if is_alone { end } else { start + short }
    }

    /// Returns the position of the quote that closes the one at a position; a backslash escapes.
    fn closing_quote(&self, open: usize, quote: u8) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = open + 1;
        loop {
            let found = at + memchr(quote, bytes.get(at..)?)?;
            let slashes = bytes[at..found].iter().rev().take_while(|byte| **byte == b'\\').count();
            self.work.spend(2 + slashes / 2 + (found - at) / 32);
            if slashes % 2 == 0 || quote == b'\'' {
                return Some(found);
            }
            if self.work.is_over() {
                return None;
            }
            at = found + 1;
        }
    }
}

/// Whether a list goes on with another name: letters, then `=`.
fn goes_on(rest: &[u8], has_spaces: bool) -> bool {
    let rest = &rest[..rest.len().min(64)];
    let rest = rest.trim_ascii_start();
    let name = rest
        .iter()
        .take_while(|byte| is_name(**byte) || b"[]".contains(byte) || has_spaces && **byte == b' ')
        .count();
    name > 0 && rest[0].is_ascii_alphabetic() && matches!(rest.get(name), Some(b'='))
}
