//! Tokens that are recognised by the format of their issuer: a prefix, and a run of certain characters.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    names::NameTable,
    pairs,
    shape::Shape,
    spans::Spans,
    urls, values,
    words::{self, Chunk, is_word},
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
    /// Characters behind the prefix, and how many there are at least.
    body: CharacterSet,
    least: usize,
}

impl Prefix {
    fn new(text: &[u8], at: usize, format: usize, of: &Format) -> Self {
        let (mut head, mut mask) = ([0; 4], [0; 4]);
        for (n, byte) in text.iter().take(4).enumerate() {
            (head[n], mask[n]) = (*byte, u8::MAX);
        }
        let mask = u32::from_le_bytes(mask);
        let least = of.parts.first().copied().unwrap_or(1).max(1);
        Self { text: text.to_vec(), head: (u32::from_le_bytes(head), mask), at, format, body: of.body, least }
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
    /// A bit for each hash of the first three bytes of the first words of blocks.
    blocks: Vec<u64>,
    /// The signs of each byte.
    signs: Vec<u8>,
    /// Whether a byte is a sign beside those that are known to all.
    has_other_signs: bool,
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
    // The multiplier is that of Fibonacci hashing.
    (u32::from_le_bytes([first, second, third, 0]).wrapping_mul(0x9e37_79b9) >> 17) as usize
}

impl Default for TokenTable {
    fn default() -> Self {
        Self {
            formats: Vec::new(),
            begins: PrefixTable::default(),
            triples: vec![0; TRIPLES / 64],
            blocks: vec![0; TRIPLES / 64],
            signs: SIGNS.to_vec(),
            has_other_signs: false,
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
        for shape in shapes {
            let begin = shape.begin.as_bytes();
            if let Some([first, second, third, ..]) = first_word(begin).and_then(|at| begin.get(at..)) {
                let three = triple(*first, *second, *third);
                table.add_triple(*first, Some(*second), Some(*third));
                table.blocks[three / 64] |= 1 << (three % 64);
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
        let of = self.formats[format].clone();
        let prefix = |at| Prefix::new(text, at, format, &of);
        if !self.formats[format].inside {
            let [first @ 0..128, second, ..] = *text else { return false };
            if is_word(first) {
                self.begins.add(pair(first, second), prefix(0));
                self.add_triple(first, Some(second), text.get(2).copied());
            }
            return is_word(first);
        }
        // The first long word, which is rarer than a short one.
        let word = (0..text.len().saturating_sub(1))
            .rev()
            .filter(|&at| !is_word(text[at]) && is_word(text[at + 1]))
            .max_by_key(|at| text[at + 1..].iter().take_while(|byte| is_word(**byte)).take(4).count());
        if let Some(at) = word {
            self.inside.add(pair(text[at], text[at + 1]), prefix(at));
            self.add_triple(text[at + 1], text.get(at + 2).copied(), text.get(at + 3).copied());
        } else if let Some(at) = text.iter().position(|byte| !is_word(*byte)) {
            self.closing.add(usize::from(text[at]), prefix(at));
            self.signs[usize::from(text[at])] |= Signs::TOKEN;
            self.has_other_signs |= !words::SIGNS.contains(&text[at]);
        } else {
            return false;
        }
        true
    }

    /// Enters the first bytes of a word, of which the later ones may be any.
    fn add_triple(&mut self, first: u8, second: Option<u8>, third: Option<u8>) {
        let or_any = |byte: Option<u8>| byte.map_or(0..=127, |byte| byte..=byte);
        for second in or_any(second) {
            for third in or_any(third) {
                let three = triple(first, second, third);
                self.triples[three / 64] |= 1 << (three % 64);
            }
        }
    }

    /// Whether a text has no sign, and no word that a token or a block may begin with.
    pub(super) fn is_plain(&self, text: &[u8]) -> bool {
        if self.has_other_signs || self.anywhere.is_some() {
            return false;
        }
        let (mut carry, mut is_plain) = (1, true);
        words::each(text, |base, Chunk { separators, signs }| {
            let mut starts = !separators & 0xffff & (separators << 1 | carry);
            carry = separators >> (words::CHUNK - 1) & 1;
            is_plain = signs == 0;
            while starts != 0 && is_plain {
                let at = base + starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let Some(&[first, second, third]) = text.get(at..at + 3) else { break };
                let three = triple(first, second, third);
                is_plain = self.triples[three / 64] >> (three % 64) & 1 == 0;
            }
            is_plain
        });
        is_plain
    }

    /// Finds tokens. Returns the signs of other secrets that the text may have.
    pub(super) fn scan(&self, text: &[u8], names: &NameTable, spans: &mut Spans, work: &Work) -> FoundSigns {
        let (mut progress, mut found) = (Progress::default(), FoundSigns::default());
        // The beginning of the text begins a word.
        let mut carry = 1;
        words::each(text, |base, Chunk { separators, signs: of_signs }| {
            let starts = !separators & 0xffff & (separators << 1 | carry);
            carry = separators >> (words::CHUNK - 1) & 1;
            let (mut left, mut steps) = (if self.has_other_signs { separators } else { of_signs }, 0);
            while left != 0 {
                let at = base + left.trailing_zeros() as usize;
                left &= left - 1;
                steps += 1;
                let sign = self.signs[usize::from(text[at])];
                found.signs.0 |= sign & Signs::AT;
                if sign & Signs::NAME != 0 {
                    let is_long = found.look_at(text, at, names);
                    steps += if is_long { 40 } else { 9 };
                }
                if sign & Signs::TOKEN != 0 {
                    found.signs.0 |= self.behind(text, at, &mut progress, spans, work);
                }
            }
            let mut left = starts;
            while left != 0 {
                let at = base + left.trailing_zeros() as usize;
                left &= left - 1;
                steps += 2;
                let Some(&[first, second, third]) = text.get(at..at + 3) else { break };
                let three = triple(first, second, third);
                if self.triples[three / 64] >> (three % 64) & 1 == 0 {
                    continue;
                }
                steps += 4;
                if let Some(before) = at.checked_sub(1)
                    && let Some(list) = self.inside.get(pair(text[before], first))
                {
                    self.look(text, list, before, &mut progress, spans, work);
                }
                found.signs.0 |= self.begin(text, at, &mut progress, spans, work);
            }
            work.spend(steps / 4 + 2);
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
        found
    }

    /// Looks for tokens at a separator that does not only end a word. Returns the sign of a block.
    fn behind(&self, text: &[u8], at: usize, progress: &mut Progress, spans: &mut Spans, work: &Work) -> u8 {
        work.spend(2);
        match text[at] {
            b'\\' if matches!(text.get(at + 1), Some(b'n' | b'r' | b't')) => {
                self.begin(text, at + 2, progress, spans, work)
            }
            b'%' => self.begin(text, at + 3, progress, spans, work),
            byte => {
                if let Some(list) = self.closing.get(usize::from(byte)) {
                    work.spend(36);
                    self.look(text, list, at, progress, spans, work);
                }
                0
            }
        }
    }

    /// Looks for a token at the beginning of a word, and for others directly behind it. Returns the sign of a
    /// block if the word may begin one.
    fn begin(
        &self,
        text: &[u8],
        mut at: usize,
        progress: &mut Progress,
        spans: &mut Spans,
        work: &Work,
    ) -> u8 {
        let mut sign = 0;
        if let Some([first, second, third, ..]) = text.get(at..) {
            let three = triple(*first, *second, *third);
            sign = Signs::BLOCK * u8::from(self.blocks[three / 64] >> (three % 64) & 1 == 1);
        }
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
        sign
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
            let behind = start + prefix.text.len();
            // Most words that begin with a prefix are too short.
            let has = |at: usize| text.get(behind + at).is_some_and(|&byte| prefix.body.has(byte));
            let last = prefix.least - 1;
            let is_long = || [last, last / 2, last.min(1), last / 4].into_iter().all(has);
            let is_found = prefix.begins(&text[start..]);
            if is_found && self.formats[prefix.format].before.is_some() {
                work.spend(8);
            }
            if is_found && is_long() {
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
        let of_before = if format.before.is_some() { 32 } else { 0 };
        work.spend(14 + of_before + length.unwrap_or_else(|run| run) / 2);
        let Some(length) = length.ok().filter(|_| format.starts(text, start)) else {
            let run = length.unwrap_or_else(|run| run);
            if run > 32 {
                progress.dead.resize(self.formats.len(), 0);
                progress.dead[n] = behind + run;
            }
            return;
        };
        let body = str::from_utf8(&text[behind..behind + length]);
        if format.keeps_prefix && body.is_ok_and(values::is_harmless) {
            return;
        }
        progress.done = behind + length;
        let first = match (format.keeps_prefix, format.before) {
            (true, _) => behind,
            (_, Some((set, _))) => start - before(set, text, start),
            _ => start,
        };
        spans.add(first..progress.done);
    }
}

/// The signs of secrets that a text may have beside tokens.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Signs(u8);

impl Signs {
    /// A sign behind the last letters of a name.
    const ASSIGN: u8 = 1;
    /// The sign between the user and the host of a URL.
    pub(super) const AT: u8 = 2;
    /// The first word of a block of lines.
    pub(super) const BLOCK: u8 = 4;
    /// Signs by which a token may be found that begins no word.
    const TOKEN: u8 = 8;
    /// The signs between the scheme and the user of a URL.
    const URL: u8 = 16;
    /// A sign that stands between a name and its value.
    const NAME: u8 = 32;

    pub(super) fn has(self, sign: u8) -> bool {
        self.0 & sign != 0
    }

    /// Whether a value may be secret because of what stands before it.
    pub(super) fn may_be_assigned(self, has_urls: bool) -> bool {
        self.has(Self::ASSIGN) || has_urls && self.has(Self::URL) && self.has(Self::AT)
    }
}

/// The signs of one text, and where the first of those stand that a value may follow.
#[derive(Debug, Default)]
pub(super) struct FoundSigns {
    pub(super) signs: Signs,
    places: [usize; PLACES_MAX],
    count: usize,
}

/// Maximum number of places of signs that are kept. A text with more is searched again.
const PLACES_MAX: usize = 6;

impl FoundSigns {
    /// Returns the places of the signs, unless there are too many.
    pub(super) fn places(&self) -> Option<&[usize]> {
        self.places.get(..self.count)
    }

    /// Looks at a sign that may stand between a name and its value. Returns whether more than the name before
    /// the sign was looked at.
    #[inline]
    fn look_at(&mut self, text: &[u8], at: usize, names: &NameTable) -> bool {
        let is_url = urls::begins(text, at);
        // The text is searched again.
        if self.count > PLACES_MAX && (is_url || self.signs.has(Signs::ASSIGN)) {
            self.signs.0 |= if is_url { Signs::URL } else { 0 };
            return false;
        }
        let (is_named, is_long) = names.may_be_assigned(text, at);
        let sign = if is_url {
            Signs::URL
        } else if is_named || pairs::begins(text, at) {
            Signs::ASSIGN
        } else {
            return is_long;
        };
        self.signs.0 |= sign;
        if let Some(place) = self.places.get_mut(self.count) {
            *place = at;
        }
        self.count += usize::from(self.count <= PLACES_MAX);
        is_long
    }
}

/// The sign of each byte.
static SIGNS: [u8; 256] = {
    let mut signs = [0; 256];
    signs[b'=' as usize] = Signs::NAME;
    signs[b'>' as usize] = Signs::NAME;
    signs[b':' as usize] = Signs::NAME;
    signs[b'@' as usize] = Signs::AT;
    signs[b'\\' as usize] = Signs::TOKEN;
    signs[b'%' as usize] = Signs::TOKEN;
    signs
};

/// Returns the position of the first word of a text, if it has three bytes at least.
pub(super) fn first_word(text: &[u8]) -> Option<usize> {
    let start = text.iter().position(|byte| is_word(*byte))?;
    text.get(start..start + 3)?.iter().all(|byte| is_word(*byte)).then_some(start)
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
