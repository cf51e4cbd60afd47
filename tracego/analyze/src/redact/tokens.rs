//! Tokens that are recognised by the format of their issuer: a prefix, and a run of certain characters.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{shape::Shape, spans::Spans};

/// A set of ASCII characters, written like `A-Za-z0-9_-`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CharacterSet(u128);

impl CharacterSet {
    /// Reads a set. A `-` at the end stands for itself.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut set, bytes) = (0, text.as_bytes());
        let mut at = 0;
        while let Some(&first) = bytes.get(at) {
            let last = match (bytes.get(at + 1), bytes.get(at + 2)) {
                (Some(b'-'), Some(&last)) => last,
                _ => first,
            };
            if first > last || last > 127 {
                return None;
            }
            (first..=last).for_each(|byte| set |= 1_u128 << byte);
            at += if last == first { 1 } else { 3 };
        }
        (set != 0).then_some(Self(set))
    }

    pub(super) fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// Returns the number of characters of the set at the beginning of a text.
    fn run(self, text: &[u8]) -> usize {
        text.iter().position(|&byte| !self.has(byte)).unwrap_or(text.len())
    }
}

/// The format behind one prefix.
#[derive(Clone, Debug)]
struct Format {
    body: CharacterSet,
    /// Least length of each part.
    parts: Vec<usize>,
    separator: u8,
    /// Whether each part has exactly that length.
    exact: bool,
    /// Whether letters and digits must both be in the body.
    mixed: bool,
    /// Whether the prefix stays.
    keeps_prefix: bool,
    /// Whether a letter may stand before the prefix.
    inside: bool,
    /// Characters that belong to the token before its prefix, and how many there are at least.
    before: Option<(CharacterSet, usize)>,
}

/// Maximum number of characters before a prefix.
const BEFORE_MAX: usize = 40;

/// All formats of tokens.
#[derive(Debug, Default)]
pub(super) struct TokenTable {
    search: Option<AhoCorasick>,
    /// Format of each pattern of the search.
    formats: Vec<Format>,
}

impl TokenTable {
    pub(super) fn new(shapes: &[Shape]) -> Result<Self, String> {
        let (mut prefixes, mut formats) = (Vec::new(), Vec::new());
        for shape in shapes.iter().filter(|shape| !shape.prefixes.is_empty()) {
            let set = |text: &str| {
                CharacterSet::parse(text)
                    .ok_or_else(|| format!("{}: no set of characters: {text}", shape.name))
            };
            let before = match shape.before.as_str() {
                "" => None,
                text => Some((set(text)?, shape.before_min)),
            };
            let format = Format {
                body: set(&shape.body)?,
                parts: shape.parts.clone(),
                separator: shape.separator.bytes().next().unwrap_or(b'.'),
                exact: shape.exact,
                mixed: shape.mixed,
                keeps_prefix: shape.keep_prefix,
                inside: shape.keep_prefix || before.is_some(),
                before,
            };
            for prefix in &shape.prefixes {
                prefixes.push(prefix);
                formats.push(format.clone());
            }
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&prefixes)
            .map_err(|error| format!("prefixes: {error}"))?;
        Ok(Self { search: Some(search), formats })
    }

    /// Finds tokens.
    pub(super) fn scan(&self, text: &[u8], spans: &mut Spans) {
        let Some(search) = &self.search else { return };
        // End of the last token, and for each format the end of a run that is known to be no token: a prefix may
        // be repeated in it.
        let (mut done, mut dead) = (0, Vec::new());
        for hit in search.find_overlapping_iter(text) {
            let (start, behind, n) = (hit.start(), hit.end(), hit.pattern().as_usize());
            let format = &self.formats[n];
            if start < done || dead.get(n).is_some_and(|&until| start < until) {
                continue;
            }
            if !format.inside && start > done && !is_boundary(text, start) {
                continue;
            }
            let length = format.length(&text[behind..]);
            let Some(length) = length.ok().filter(|_| format.starts(text, start)) else {
                let run = length.unwrap_or_else(|run| run);
                if run > 32 {
                    dead.resize(self.formats.len(), 0);
                    dead[n] = behind + run;
                }
                continue;
            };
            done = behind + length;
            let first = match (format.keeps_prefix, format.before) {
                (true, _) => behind,
                (_, Some((set, _))) => start - before(set, text, start),
                _ => start,
            };
            spans.add(first..done);
            if spans.is_full() {
                return;
            }
        }
    }
}

impl Format {
    /// Returns the length of the body, or the length of the first run of characters if it is no token.
    fn length(&self, text: &[u8]) -> Result<usize, usize> {
        let mut length = 0;
        for (n, &least) in self.parts.iter().enumerate() {
            if n > 0 {
                if text.get(length) != Some(&self.separator) {
                    return Err(self.body.run(text));
                }
                length += 1;
            }
            let rest = &text[length..];
            let run = self.body.run(if self.exact { &rest[..rest.len().min(least + 1)] } else { rest });
            if run < least || (self.exact && run > least && !self.more_may_follow(&rest[least..])) {
                return Err(if n == 0 { run } else { self.body.run(text) });
            }
            length += if self.exact { least } else { run };
        }
        if !self.exact && self.parts.len() > 1 {
            // The rest of a token with an optional last part.
            let set = CharacterSet(self.body.0 | 1 << (self.separator & 127));
            length += set.run(&text[length..]);
            while text[..length].last() == Some(&self.separator) {
                length -= 1;
            }
        }
        let body = &text[..length.min(256)];
        let mixed = body.iter().any(u8::is_ascii_digit) && body.iter().any(u8::is_ascii_alphabetic);
        if self.mixed && !mixed { Err(self.body.run(text)) } else { Ok(length) }
    }

    /// Whether another token may be glued to one of exact length: only where case changes.
    fn more_may_follow(&self, rest: &[u8]) -> bool {
        rest.first().is_none_or(|byte| !self.body.has(*byte))
    }

    fn starts(&self, text: &[u8], start: usize) -> bool {
        self.before.is_none_or(|(set, least)| before(set, text, start) >= least)
    }
}

/// Returns the number of characters of the set that end before a position.
fn before(set: CharacterSet, text: &[u8], start: usize) -> usize {
    text[start.saturating_sub(BEFORE_MAX)..start].iter().rev().take_while(|byte| set.has(**byte)).count()
}

/// Whether a token may begin here: behind no letter or digit, except those of an escape such as `\n` or `%3D`.
fn is_boundary(text: &[u8], start: usize) -> bool {
    let back = |n: usize| start.checked_sub(n).map(|at| text[at]);
    match back(1) {
        Some(b'0'..=b'9' | b'A'..=b'F') if back(3) == Some(b'%') => true,
        Some(b'n' | b'r' | b't') if back(2) == Some(b'\\') => true,
        Some(byte) => !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'+'),
        None => true,
    }
}
