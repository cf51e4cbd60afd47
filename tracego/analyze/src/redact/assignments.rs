//! Values of names within one text: `NAME=value`, `name: value`, JSON, queries, connection strings and headers.

use std::ops::Range;

use memchr::{memchr, memchr3_iter};

use super::{
    Redactor,
    names::{NAME_MAX, NameRule},
    pairs,
    shape::ValueForm,
    spans::Spans,
    tokens::Signs,
    urls, values,
    work::Work,
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

/// A name and the sign behind it.
pub(super) struct Named<'a> {
    pub(super) text: &'a str,
    pub(super) place: Place,
    pub(super) name: Range<usize>,
    /// Quote around the name.
    pub(super) is_quoted: bool,
    /// Position of the sign.
    pub(super) sign: usize,
    pub(super) rule: NameRule,
    pub(super) is_header: bool,
    pub(super) work: &'a Work,
}

impl Redactor {
    /// Finds values by the names before them, and credentials in URLs. The places are those of the signs that
    /// count, if they are known.
    pub(super) fn assignments(
        &self,
        text: &str,
        place: Place,
        signs: Signs,
        places: Option<&[usize]>,
        spans: &mut Spans,
        work: &Work,
    ) {
        if !signs.may_be_assigned(self.has_urls) {
            return;
        }
        let bytes = text.as_bytes();
        let mut done = 0;
        let mut look = |sign: usize| {
            work.spend(1);
            if sign >= done
                && (places.is_some()
                    || urls::begins(bytes, sign)
                    || self.may_be_assigned(bytes, sign, work)
                    || pairs::begins(bytes, sign))
                && let Some(range) = self.behind_sign(text, sign, place, signs, work)
            {
                done = range.end;
                spans.add(range);
            }
            !spans.is_full() && !work.is_over()
        };
        if let Some(places) = places {
            let _ = places.iter().all(|sign| look(*sign));
            return;
        }
        work.spend(4 + bytes.len() / 64);
        let _ = memchr3_iter(b'=', b':', b'>', bytes).all(look);
    }

    /// Whether a sign may stand between a name and a secret value.
    fn may_be_assigned(&self, text: &[u8], sign: usize, work: &Work) -> bool {
        let (may_be, is_long) = self.names.may_be_assigned(text, sign);
        work.spend(if is_long { 10 } else { 2 });
        may_be
    }

    /// Returns the secret behind a sign: the value of a name, or the credentials of a URL.
    fn behind_sign(
        &self,
        text: &str,
        sign: usize,
        place: Place,
        signs: Signs,
        work: &Work,
    ) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        if !urls::begins(bytes, sign) {
            let is_pair = place != Place::Plain && pairs::begins(bytes, sign);
            let found = if is_pair { pairs::secret(text, sign, &self.names, work) } else { None };
            let is_named = || !is_pair || self.may_be_assigned(bytes, sign, work);
            return found.or_else(|| if is_named() { self.assigned(text, sign, place, work) } else { None });
        }
        if !self.has_urls || !signs.has(Signs::AT) {
            return None;
        }
        let start = run_before(bytes, sign, 16, |byte| byte.is_ascii_alphanumeric() || byte == b'+');
        let scheme = &text[start..sign];
        (!scheme.is_empty()).then(|| urls::secret(text, sign, scheme, work)).flatten()
    }

    /// Returns the secret behind a sign.
    fn assigned(&self, text: &str, sign: usize, place: Place, work: &Work) -> Option<Range<usize>> {
        let named = if place == Place::Plain { None } else { self.named_at(text, sign, place, work) }?;
        // Values that have to look random are mostly too short.
        work.spend(if named.rule.form == Some(ValueForm::Random) { 4 } else { 34 });
        let Some(value) = named.value() else {
            work.spend(8);
            return None;
        };
        let value_text = text.get(value.clone())?;
        // Long values are compared by their beginnings and searched for single signs.
        let rate = if value_text.starts_with('$') { 2 } else { 16 };
        work.spend(2 + value.len().min(8192) / 8 + value.len() / rate);
        let part = values::secret_part(value_text, named.rule)?;
        let part = value.start + part.start..value.start + part.end;
        named.is_credible(value_text).then_some(part)
    }

    /// Returns the secret name that a sign belongs to.
    fn named_at<'a>(&self, text: &'a str, sign: usize, place: Place, work: &'a Work) -> Option<Named<'a>> {
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
        work.spend(6 + (end - start) / 8);
        let mut name = &bytes[start..end];
        // `-Dname` and `-Pname` of Java.
        if let [b'-', b'A'..=b'Z', rest @ ..] = name
            && rest.first().is_some_and(u8::is_ascii_lowercase)
        {
            name = rest;
        }
        let Some(rule) = self.names.find_likely(name).filter(|rule| rule.form.is_some()) else {
            work.spend(8);
            return None;
        };
        let x = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-"));
        let is_header = rule.header || x || name.get(..3) == Some(b"-HX");
        Some(Named { text, place, name: start..end, is_quoted, sign, rule, is_header, work })
    }
}

impl Named<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the byte before the name.
    pub(super) fn before(&self) -> Option<u8> {
        byte_before(self.bytes(), self.name.start)
    }

    /// Whether the name begins an argument, or the value of a long option.
    pub(super) fn is_whole(&self) -> bool {
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
    pub(super) fn begins(&self) -> bool {
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
                // The quote closes a text that ends with the name: `echo "password:" && read x`.
                let closes = |next: Option<&u8>| next.is_none_or(|next| b" \t\n;|&)".contains(next));
                start = self.skip_space(start);
                if !self.is_quoted
                    && matches!(bytes.get(start), Some(b'"' | b'\''))
                    && closes(bytes.get(start + 1))
                {
                    return None;
                }
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
}

/// Schemes of `Authorization` that are known in running text.
pub(super) const SCHEMES: [&str; 26] = [
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

pub(super) fn is_name(byte: u8) -> bool {
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
