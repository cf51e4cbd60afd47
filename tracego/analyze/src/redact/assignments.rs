//! Values of names within one text: `NAME=value`, `name: value`, JSON, queries, connection strings and headers.

use std::{cell::Cell, ops::Range};

use memchr::{memchr, memchr3_iter, memmem};

use super::{
    Redactor,
    names::{NAME_MAX, NameRule},
    shape::ValueForm,
    spans::Spans,
    urls, values,
};

/// The kind of text that is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// One argument: a value at its beginning reaches to its end.
    Argument,
    /// A text in which values are separated by space.
    Text,
    /// A path, whose parts are separated by slashes.
    Path,
    /// A text for people, in which a colon is punctuation.
    Prose,
    /// A text in which the names of secrets stand for something else.
    Plain,
}

/// Number of bytes that may be looked at in vain for each byte of a text, and beside that. Texts that need more
/// are made to, and are replaced as a whole.
const WORK_MAX: (usize, usize) = (2, 32 * 1024);

/// A name and the sign behind it.
struct Named<'a> {
    text: &'a str,
    place: Place,
    name: Range<usize>,
    /// Quote around the name.
    is_quoted: bool,
    /// Position of the sign.
    sign: usize,
    rule: NameRule,
    is_header: bool,
    /// Number of bytes that were looked at to find the end of the value.
    looked_at: Cell<usize>,
}

impl Redactor {
    /// Finds values by the names before them, and credentials in URLs.
    pub(super) fn assignments(&self, text: &str, place: Place, spans: &mut Spans) {
        let bytes = text.as_bytes();
        let (mut done, mut work) = (0, 0);
        for sign in memchr3_iter(b'=', b':', b'>', bytes) {
            if sign < done {
                continue;
            }
            if bytes[sign..].starts_with(b"://") {
                let scheme = &text
                    [run_before(bytes, sign, 16, |byte| byte.is_ascii_alphanumeric() || byte == b'+')..sign];
                let url =
                    (self.has_urls && !scheme.is_empty()).then(|| urls::secret(text, sign, scheme)).flatten();
                if let Some(range) = url {
                    done = range.end;
                    spans.add(range);
                }
                continue;
            }
            let named = if place == Place::Plain { None } else { self.named_at(text, sign, place) };
            let Some(named) = named else { continue };
            let Some(value) = named.value() else { continue };
            let Some(value_text) = text.get(value.clone()) else { continue };
            match values::secret_part(value_text, named.rule) {
                Some(part) if named.is_credible(value_text) => {
                    done = value.start + part.end;
                    spans.add(value.start + part.start..done);
                }
                _ => work += value.len().max(named.looked_at.get()),
            }
            if work > WORK_MAX.0 * text.len() + WORK_MAX.1 {
                spans.fill();
            }
            if spans.is_full() {
                return;
            }
        }
    }

    /// Returns the secret name that a sign belongs to.
    fn named_at<'a>(&self, text: &'a str, sign: usize, place: Place) -> Option<Named<'a>> {
        let bytes = text.as_bytes();
        let mut end = sign;
        if bytes[sign] == b'=' && matches!(byte_before(bytes, end), Some(b'?' | b'+')) {
            end -= 1;
        }
        while end > 0 && sign - end < 2 && matches!(bytes[end - 1], b' ' | b'\t') {
            end -= 1;
        }
        if byte_before(bytes, end) == Some(b']') {
            end -= 1;
        }
        let is_quoted = matches!(byte_before(bytes, end), Some(b'"' | b'\''));
        if is_quoted {
            end -= 1;
            end -= usize::from(byte_before(bytes, end) == Some(b'\\'));
        }
        let start = run_before(bytes, end, NAME_MAX, is_name);
        let mut name = &bytes[start..end];
        // `-Dname` and `-Pname` of Java.
        if let [b'-', b'A'..=b'Z', rest @ ..] = name
            && rest.first().is_some_and(u8::is_ascii_lowercase)
        {
            name = rest;
        }
        let rule = self.names.find(name).filter(|rule| rule.form.is_some())?;
        let x = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-"));
        let is_header = rule.header || x || name.get(..3) == Some(b"-HX");
        Some(Named {
            text,
            place,
            name: start..end,
            is_quoted,
            sign,
            rule,
            is_header,
            looked_at: Cell::default(),
        })
    }
}

impl Named<'_> {
    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the byte before the name.
    fn before(&self) -> Option<u8> {
        byte_before(self.bytes(), self.name.start)
    }

    /// Whether the name begins an argument, or the value of a long option.
    fn is_whole(&self) -> bool {
        let front = &self.bytes()[..self.name.start];
        self.place == Place::Argument
            && !self.is_quoted
            && match front {
                [] => true,
                [b'-', option @ .., b'='] => {
                    front.len() < NAME_MAX && option.iter().all(|byte| is_name(*byte))
                }
                _ => false,
            }
    }

    /// Whether the name begins a line, or a member of a list or an object.
    fn begins(&self) -> bool {
        let front = self.bytes()[..self.name.start].trim_ascii_end();
        let front = front.strip_suffix(b"\n-").unwrap_or(front);
        match front.last() {
            None => true,
            Some(last) if b"{[(,;\"'`&|=".contains(last) => true,
            Some(b'n' | b'r') => front.len() > 1 && front[front.len() - 2] == b'\\',
            Some(b'-') => front.len() == 1,
            _ => self.bytes()[front.len()..self.name.start].contains(&b'\n'),
        }
    }

    /// Returns the value with its quotes removed, or `None` if there is none at this sign.
    fn value(&self) -> Option<Range<usize>> {
        let bytes = self.bytes();
        let has_space_before = self.sign > self.name.end && matches!(bytes[self.sign - 1], b' ' | b'\t');
        let mut start = self.sign + 1;
        match bytes[self.sign] {
            b'=' => {
                start += usize::from(matches!(bytes.get(start), Some(b'=' | b'>' | b'~')));
                if !has_space_before && bytes.get(start) == Some(&b' ') && bytes[start - 1] == b'=' {
                    return None;
                }
                start = self.skip_space(start);
                let is_quote = matches!(bytes.get(start), Some(b'"' | b'\'' | b'`' | b'\\'));
                let is_call = || memchr(b'(', &bytes[start..bytes.len().min(start + 256)]).is_some();
                if has_space_before && !is_quote && (!self.begins() || is_call()) {
                    return None;
                }
            }
            b':' => {
                start += usize::from(bytes.get(start) == Some(&b'='));
                let is_close = !matches!(bytes.get(start), Some(b' ' | b'\t' | b'\n'));
                start = self.skip_space(start);
                if !self.takes_colon(start, is_close) {
                    return None;
                }
            }
            // An element of XML.
            _ => {
                let is_element = self.before() == Some(b'<') && !has_space_before && !self.is_quoted;
                let end = || memchr(b'<', &bytes[start..]).unwrap_or(bytes.len() - start);
                return is_element.then(|| start..start + end());
            }
        }
        if self.is_header && bytes[self.sign] == b':' {
            return Some(self.header(start));
        }
        self.extent(start)
    }

    fn skip_space(&self, start: usize) -> usize {
        let space = self.bytes()[start..].iter().take(64).take_while(|byte| matches!(byte, b' ' | b'\t'));
        start + space.count()
    }

    /// Whether a colon behind the name begins a value.
    fn takes_colon(&self, start: usize, is_close: bool) -> bool {
        let is_quote = matches!(self.bytes().get(start), Some(b'"' | b'\'' | b'\\'));
        let is_password = self.rule.form == Some(ValueForm::Password);
        if self.place == Place::Prose {
            return self.is_header;
        }
        if self.is_quoted || is_quote {
            return true;
        }
        match is_close {
            false => self.is_header || self.begins(),
            true if self.before() == Some(b'/') => self.name.start == 1 && is_password,
            true if self.is_header => self.before().is_none_or(|byte| !byte.is_ascii_alphanumeric()),
            true => self.before().is_none_or(|byte| byte != b'/'),
        }
    }

    /// Whether a value is no part of a sentence.
    fn is_credible(&self, value: &str) -> bool {
        let is_password = self.rule.form == Some(ValueForm::Password);
        let colon = self.bytes()[self.sign] == b':' && !self.is_header;
        // `name:value` is mostly something else, such as an image and its tag.
        let is_close = colon
            && !matches!(self.bytes().get(self.sign + 1), Some(b' ' | b'\t' | b'"' | b'\'' | b'\\' | b'\n'));
        let is_member =
            self.is_quoted || self.before() == Some(b'{') || self.text.starts_with('{') && self.begins();
        let is_option = self.name.start == 0 && matches!(self.bytes()[0], b'-' | b'/');
        if is_close && !is_password && !is_member && !is_option && !values::is_random(value) {
            return false;
        }
        match self.place {
            Place::Prose => {
                (is_password && !colon && value.len() > 3)
                    || values::is_random(value)
                    || self.is_header && self.has_scheme()
            }
            _ => !colon || is_password || !values::is_prose(value),
        }
    }

    /// Whether a known scheme stands behind the sign.
    fn has_scheme(&self) -> bool {
        let rest = self.text[self.sign + 1..].trim_start();
        SCHEMES
            .iter()
            .take(6)
            .any(|scheme| rest.get(..scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme)))
    }

    /// Returns the extent of the value that begins at a position.
    fn extent(&self, start: usize) -> Option<Range<usize>> {
        let (bytes, is_whole) = (self.bytes(), self.is_whole() && self.bytes()[self.sign] == b'=');
        let len = bytes.len();
        match bytes.get(start)? {
            b'\\' if matches!(bytes.get(start + 1), Some(b'"' | b'\'')) => {
                let quote = &bytes[start..start + 2];
                let end = memmem::find(&bytes[start + 2..], quote).map_or(len, |end| start + 2 + end);
                return Some(start + 2..end);
            }
            &quote @ (b'"' | b'\'' | b'`') => {
                let end = closing_quote(bytes, start, quote);
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
            && let Some(end) = closing_quote(bytes, start.saturating_sub(1), quote)
        {
            return end;
        }
        let is_line =
            bytes[self.sign] == b':' && !self.is_quoted && matches!(bytes.get(self.sign + 1), Some(b' '));
        let separator = self.separator();
        let is_object = is_line && separator.is_some_and(|byte| b"{,([".contains(&byte));
        for (n, &byte) in bytes[start..].iter().enumerate() {
            let rest = &bytes[start + n + 1..];
            let ends = match byte {
                b'\n' | b'\r' => true,
                b'\\' if matches!(rest.first(), Some(b'n' | b'r' | b'"')) => true,
                b' ' | b'\t' if is_line && !is_object => false,
                b' ' | b'\t' => separator != Some(b';'),
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
                return start + n;
            }
        }
        len
    }

    /// Returns the value of a header without its scheme.
    fn header(&self, start: usize) -> Range<usize> {
        let bytes = self.bytes();
        let front = &bytes[..self.name.start];
        let near = &front[front.len().saturating_sub(HEADER_MAX)..];
        let has_quotes = [b'"', b'\''].map(|quote| memchr(quote, near).is_some());
        let quote = self.before().filter(|byte| matches!(byte, b'"' | b'\''));
        let quote_end = quote.and_then(|quote| closing_quote(bytes, start.saturating_sub(1), quote));
        let is_quote = |(n, byte): (usize, &u8)| match byte {
            b'\n' | b'\r' => true,
            b'\\' => matches!(bytes.get(start + n + 1), Some(b'n' | b'r')),
            b'"' => has_quotes[0] || n == 0,
            b'\'' => has_quotes[1] || n == 0,
            _ => false,
        };
        if let Some(quote @ (b'"' | b'\'')) = bytes.get(start).copied() {
            return start + 1..closing_quote(bytes, start, quote).unwrap_or(bytes.len());
        }
        let is_alone = (self.is_whole() || front.ends_with(b"=")) && self.place != Place::Prose;
        let most = if is_alone { bytes.len() } else { bytes.len().min(start + HEADER_MAX) };
        let line = bytes[start..most].iter().enumerate().position(is_quote).map_or(most, |n| start + n);
        self.looked_at.set(line - start + near.len());
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
}

/// Maximum length of a header within a longer text.
const HEADER_MAX: usize = 2048;
/// Schemes of `Authorization` that are known in running text.
const SCHEMES: [&str; 26] = [
    "bearer",
    "basic",
    "token",
    "apikey",
    "api-key",
    "api_key",
    "digest",
    "negotiate",
    "ntlm",
    "key",
    "hmac",
    "oauth",
    "dpop",
    "hawk",
    "aws4-hmac-sha256",
    "splunk",
    "sharedkey",
    "ssws",
    "googlelogin",
    "genie",
    "genlekey",
    "bot",
    "jwt",
    "sso-key",
    "zoho-oauthtoken",
    "snowflake",
];

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

fn byte_before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).map(|before| bytes[before])
}

/// Returns the beginning of the run of bytes that ends at a position.
fn run_before(bytes: &[u8], end: usize, most: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let run = bytes[end.saturating_sub(most)..end].iter().rev().take_while(|byte| is_part(**byte)).count();
    end - run
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

/// Returns the position of the quote that closes the one at a position; a backslash escapes.
fn closing_quote(bytes: &[u8], open: usize, quote: u8) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let found = at + memchr(quote, bytes.get(at..)?)?;
        let slashes = bytes[at..found].iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 0 || quote == b'\'' {
            return Some(found);
        }
        at = found + 1;
    }
}
