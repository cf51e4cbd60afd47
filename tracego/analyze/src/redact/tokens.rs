//! Tokens that are recognised by the format of their issuer: a prefix, and a run of certain characters.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    shape::Shape,
    spans::Spans,
    words::{self, is_word},
    work::Work,
};

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
/// Number of hashes of two bytes.
const PAIRS: usize = 4096;
/// Number of hashes of three bytes.
const TRIPLES: usize = 32768;

/// A prefix, and the position in it by which it is found.
#[derive(Debug)]
struct Prefix {
    text: Vec<u8>,
    /// The first four bytes, and which of their bits count if the prefix is shorter.
    head: (u32, u32),
    at: usize,
    format: usize,
}

impl Prefix {
    fn new(text: &[u8], at: usize, format: usize) -> Self {
        let (mut head, mut mask) = ([0; 4], [0; 4]);
        for (n, byte) in text.iter().take(4).enumerate() {
            (head[n], mask[n]) = (*byte, u8::MAX);
        }
        let mask = u32::from_le_bytes(mask);
        Self { text: text.to_vec(), head: (u32::from_le_bytes(head), mask), at, format }
    }

    /// Whether a text begins with the prefix.
    fn begins(&self, text: &[u8]) -> bool {
        let differs =
            text.first_chunk().is_some_and(|first| u32::from_le_bytes(*first) & self.head.1 != self.head.0);
        !differs && text.starts_with(&self.text)
    }
}

/// Prefixes by the two bytes at their position.
#[derive(Debug)]
struct PrefixTable {
    /// One more than the index of the list, or 0.
    by_pair: Vec<u16>,
    lists: Vec<Vec<Prefix>>,
}

/// All formats of tokens.
#[derive(Debug)]
pub(super) struct TokenTable {
    /// Format of each prefix.
    formats: Vec<Format>,
    /// Prefixes that begin a word.
    begins: PrefixTable,
    /// A bit for each hash of the first three bytes of these; most words have another.
    triples: Vec<u64>,
    /// The signs of each byte.
    signs: Vec<u8>,
    /// Prefixes with a separator and the beginning of a word, which may follow anything.
    inside: PrefixTable,
    /// Bytes that are the separators of the prefixes that have no word behind them.
    closing: PrefixTable,
    /// Prefixes that have neither.
    anywhere: Option<(AhoCorasick, Vec<usize>)>,
}

/// The place in one text up to which tokens were found.
#[derive(Default)]
struct Progress {
    /// End of the last token.
    done: usize,
    /// End of a run that is known to be no token, for each format: a prefix may be repeated in the run.
    dead: Vec<usize>,
}

impl Default for PrefixTable {
    fn default() -> Self {
        Self { by_pair: vec![0; PAIRS], lists: Vec::new() }
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(first & 63) << 6 | usize::from(second & 63)
}

/// Returns a hash of three bytes.
#[inline]
fn triple(first: u8, second: u8, third: u8) -> usize {
    usize::from(first & 31) << 10 | usize::from(second & 31) << 5 | usize::from(third & 31)
}

impl Default for TokenTable {
    fn default() -> Self {
        Self {
            formats: Vec::new(),
            begins: PrefixTable::default(),
            triples: vec![0; TRIPLES / 64],
            signs: SIGNS.to_vec(),
            inside: PrefixTable::default(),
            closing: PrefixTable::default(),
            anywhere: None,
        }
    }
}

impl PrefixTable {
    fn add(&mut self, pair: usize, prefix: Prefix) {
        if self.by_pair[pair] == 0 {
            self.lists.push(Vec::new());
            self.by_pair[pair] = u16::try_from(self.lists.len()).unwrap_or(u16::MAX);
        }
        let list = &mut self.lists[usize::from(self.by_pair[pair]) - 1];
        list.push(prefix);
        list.sort_by_key(|prefix| prefix.text.len());
    }

    fn get(&self, pair: usize) -> Option<&[Prefix]> {
        let list = usize::from(*self.by_pair.get(pair)?);
        (list != 0).then(|| &self.lists[list - 1][..])
    }
}

impl TokenTable {
    pub(super) fn new(shapes: &[Shape]) -> Result<Self, String> {
        let (mut table, mut rest) = (Self::default(), Vec::<(&String, usize)>::new());
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
                table.formats.push(format.clone());
                let n = table.formats.len() - 1;
                if !table.add(prefix.as_bytes(), n) {
                    rest.push((prefix, n));
                }
            }
        }
        if !rest.is_empty() {
            let search = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::DFA))
                .build(rest.iter().map(|(prefix, _)| prefix))
                .map_err(|error| format!("prefixes: {error}"))?;
            table.anywhere = Some((search, rest.iter().map(|(_, format)| *format).collect()));
        }
        Ok(table)
    }

    /// Enters a prefix. Returns whether it is found by its words.
    fn add(&mut self, text: &[u8], format: usize) -> bool {
        let prefix = |at| Prefix::new(text, at, format);
        if !self.formats[format].inside {
            let [first @ 0..128, second, ..] = *text else { return false };
            if is_word(first) {
                self.begins.add(pair(first, second), prefix(0));
                let third = text.get(2).map_or(0..=31, |third| *third..=*third);
                for three in third.map(|third| triple(first, second, third)) {
                    self.triples[three / 64] |= 1 << (three % 64);
                }
            }
            return is_word(first);
        }
        let word = text.windows(2).position(|two| !is_word(two[0]) && is_word(two[1]));
        if let Some(at) = word {
            self.inside.add(pair(text[at], text[at + 1]), prefix(at));
        } else if let Some(at) = text.iter().position(|byte| !is_word(*byte)) {
            self.closing.add(usize::from(text[at]), prefix(at));
            self.signs[usize::from(text[at])] |= Signs::TOKEN;
        } else {
            return false;
        }
        true
    }

    /// Finds tokens. Returns the separators that the text has.
    pub(super) fn scan(&self, text: &[u8], spans: &mut Spans, work: &Work) -> Signs {
        let (mut progress, mut signs) = (Progress::default(), Signs::default());
        // The beginning of the text begins a word.
        let mut carry = 1;
        words::each(text, |base, separators| {
            let starts = !separators & 0xffff & (separators << 1 | carry);
            carry = separators >> (words::CHUNK - 1) & 1;
            let (mut left, mut steps) = (separators, 0);
            while left != 0 {
                let at = base + left.trailing_zeros() as usize;
                left &= left - 1;
                steps += 1;
                let sign = self.signs[usize::from(text[at])];
                signs.0 |= sign;
                if sign & Signs::TOKEN != 0 {
                    self.behind(text, at, &mut progress, spans, work);
                }
            }
            let mut left = starts;
            while left != 0 {
                let at = base + left.trailing_zeros() as usize;
                left &= left - 1;
                steps += 2;
                let Some(&[first, second, third]) = text.get(at..at + 3) else { break };
                if let Some(before) = at.checked_sub(1)
                    && let Some(list) = self.inside.get(pair(text[before], first))
                {
                    self.look(text, list, before, &mut progress, spans, work);
                }
                if self.has_begin(first, second, third) {
                    self.begin(text, at, &mut progress, spans, work);
                }
            }
            work.spend(steps / 4 + 1);
            !spans.is_full() && !work.is_over()
        });
        if let Some((search, formats)) = &self.anywhere {
            work.spend(text.len());
            let mut progress = Progress::default();
            for hit in search.find_overlapping_iter(text) {
                let format = formats[hit.pattern().as_usize()];
                let is_boundary = self.formats[format].inside || is_boundary(text, hit.start());
                work.spend(1);
                if hit.start() == progress.done || is_boundary {
                    self.token(text, hit.start(), hit.end(), format, &mut progress, spans, work);
                }
                if spans.is_full() || work.is_over() {
                    break;
                }
            }
        }
        signs
    }

    /// Looks for tokens at a separator that does not only end a word.
    fn behind(&self, text: &[u8], at: usize, progress: &mut Progress, spans: &mut Spans, work: &Work) {
        work.spend(2);
        match text[at] {
            b'\\' if matches!(text.get(at + 1), Some(b'n' | b'r' | b't')) => {
                self.begin(text, at + 2, progress, spans, work);
            }
            b'%' => self.begin(text, at + 3, progress, spans, work),
            byte => {
                if let Some(list) = self.closing.get(usize::from(byte)) {
                    self.look(text, list, at, progress, spans, work);
                }
            }
        }
    }

    /// Whether a prefix may begin with three bytes.
    #[inline]
    fn has_begin(&self, first: u8, second: u8, third: u8) -> bool {
        let three = triple(first, second, third);
        self.triples[three / 64] >> (three % 64) & 1 == 1
    }

    /// Looks for a token at the beginning of a word, and for others directly behind it.
    fn begin(&self, text: &[u8], mut at: usize, progress: &mut Progress, spans: &mut Spans, work: &Work) {
        while let Some(&[first, second]) = text.get(at..at + 2)
            && let Some(list) = self.begins.get(pair(first, second))
        {
            let done = progress.done;
            if at == done || is_boundary(text, at) {
                self.look(text, list, at, progress, spans, work);
            }
            if progress.done == done || spans.is_full() {
                break;
            }
            at = progress.done;
        }
    }

    /// Looks for the tokens of certain prefixes whose position is known.
    fn look(
        &self,
        text: &[u8],
        list: &[Prefix],
        at: usize,
        progress: &mut Progress,
        spans: &mut Spans,
        work: &Work,
    ) {
        for prefix in list {
            let Some(start) = at.checked_sub(prefix.at) else { continue };
            if prefix.begins(&text[start..]) {
                let behind = start + prefix.text.len();
                self.token(text, start, behind, prefix.format, progress, spans, work);
            }
        }
        work.spend(list.len());
    }

    /// Adds the token whose prefix is at a position, if it is one.
    #[expect(clippy::too_many_arguments, reason = "the state of one scan")]
    fn token(
        &self,
        text: &[u8],
        start: usize,
        behind: usize,
        n: usize,
        progress: &mut Progress,
        spans: &mut Spans,
        work: &Work,
    ) {
        let format = &self.formats[n];
        if start < progress.done || progress.dead.get(n).is_some_and(|&until| start < until) {
            return;
        }
        let length = format.length(&text[behind..]);
        work.spend(10 + length.unwrap_or_else(|run| run) / 2);
        let Some(length) = length.ok().filter(|_| format.starts(text, start)) else {
            let run = length.unwrap_or_else(|run| run);
            if run > 32 {
                progress.dead.resize(self.formats.len(), 0);
                progress.dead[n] = behind + run;
            }
            return;
        };
        progress.done = behind + length;
        let first = match (format.keeps_prefix, format.before) {
            (true, _) => behind,
            (_, Some((set, _))) => start - before(set, text, start),
            _ => start,
        };
        spans.add(first..progress.done);
    }
}

/// The separators in a text that others look for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Signs(u8);

impl Signs {
    /// Signs between a name and its value.
    pub(super) const ASSIGN: u8 = 1;
    /// The sign between the user and the host of a URL.
    pub(super) const AT: u8 = 2;
    /// Signs by which a token may be found that begins no word.
    const TOKEN: u8 = 8;
    /// Signs of a block of lines.
    pub(super) const BLOCK: u8 = 4;

    pub(super) fn has(self, sign: u8) -> bool {
        self.0 & sign != 0
    }
}

/// The sign of each byte.
static SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    signs[b'=' as usize] = Signs::ASSIGN;
    signs[b'>' as usize] = Signs::ASSIGN;
    signs[b':' as usize] = Signs::ASSIGN | Signs::BLOCK;
    signs[b'@' as usize] = Signs::AT;
    signs[b' ' as usize] = Signs::BLOCK;
    signs[b'\\' as usize] = Signs::TOKEN;
    signs[b'%' as usize] = Signs::TOKEN;
    signs
};

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
