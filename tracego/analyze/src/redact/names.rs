//! Names of variables, options, keys and headers whose value is a secret.

use super::{
    shape::{Shape, ValueForm},
    values,
};

/// The rule of a shape about the names that end with one of its words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NameRule {
    /// Form of the values that are secret; `None` if none is.
    pub(super) form: Option<ValueForm>,
    /// Whether the name is one of a header, so that `Name: value` is looked for in running text, too.
    pub(super) header: bool,
    /// Whether the first word of the header's value names a scheme and stays.
    pub(super) scheme: bool,
}

/// The meaning of the last letters of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum EndKind {
    /// No word ends so.
    None,
    /// Only words end so whose values have to look random.
    Weak,
    /// A word may end so.
    Known,
}

/// A word that a name may end with; its letters are the way to its node.
#[derive(Debug)]
struct Word {
    /// Whether the name has no other words.
    whole: bool,
    /// Whether the word may stand behind other letters without a boundary.
    glued: bool,
    rule: NameRule,
}

/// A place in the tree of all words, which are read from their last letter to the first.
#[derive(Debug, Default)]
struct Node {
    /// A bit for each letter before.
    letters: u64,
    /// The nodes of these letters, in the order of their bits.
    before: Vec<usize>,
    /// Words that begin here.
    words: Vec<Word>,
}

/// All names.
#[derive(Debug)]
pub(super) struct NameTable {
    /// The tree; the first node is the end of all words.
    nodes: Vec<Node>,
    /// A bit for each hash of the last letters of a word.
    ends: Vec<u64>,
    /// The same for words whose values have to look random.
    weak_ends: Vec<u64>,
    /// A bit for each two letters at the end of a word: the index is the last one.
    pairs: [u32; 32],
    /// First words of options that have no value, such as `no`.
    verbs: Vec<String>,
}

/// Maximum length of a name.
pub(super) const NAME_MAX: usize = 128;
/// Number of last letters of a name that are hashed.
const END_LETTERS: usize = 6;
/// Number of hashes of last letters.
const ENDS: usize = 1 << 15;
/// Maximum number of bytes before a sign in which the last letters of a name have to stand.
const END_MAX: usize = 12;

impl Default for NameTable {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            ends: vec![0; ENDS / 64],
            weak_ends: vec![0; ENDS / 64],
            pairs: [0; 32],
            verbs: Vec::new(),
        }
    }
}

/// Bytes that may stand between the last letter of a name and its sign, or between its letters.
static SKIPPED: [bool; 256] = {
    let mut skipped = [false; 256];
    let (mut n, bytes) = (0, b" \t?+]\"'\\_-.0123456789");
    while n < bytes.len() {
        skipped[bytes[n] as usize] = true;
        n += 1;
    }
    skipped
};

/// Returns the hash of letters that were read from the last one to the first, with the last in the highest
/// bits.
#[inline]
fn end(letters: u64) -> usize {
    // The multiplier is that of the last step of MurmurHash3.
    (letters.wrapping_mul(0xff51_afd7_ed55_8ccd) >> 49) as usize
}

/// Appends a letter, without its case, to those that are hashed.
#[inline]
fn push_letter(letters: u64, letter: u8) -> u64 {
    letters << 8 | u64::from(letter | 0x20)
}

impl NameTable {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let mut table = Self::default();
        for shape in shapes {
            table.verbs.extend(shape.verbs.iter().cloned());
            let goes = shape.names.iter().map(|name| (name, Some(shape.value)));
            for (name, form) in goes.chain(shape.harmless.iter().map(|name| (name, None))) {
                let rule = NameRule { form, header: shape.header, scheme: shape.scheme };
                // A harmless name goes with its separators alone: `max-token`, not `climaxtoken`.
                table.add(name, Word { whole: shape.whole, glued: shape.glued && form.is_some(), rule });
            }
        }
        for node in &mut table.nodes {
            node.words.sort_by_key(|word| (!word.whole, word.rule.form.is_some()));
        }
        table
    }

    fn add(&mut self, name: &str, word: Word) {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        let letters: Vec<u8> = letters.collect();
        if letters.len() < 2 {
            return;
        }
        let last = letters.iter().rev().skip_while(|letter| letter.is_ascii_digit());
        // Harmless words need not be found if no other word ends alike.
        let ends = match word.rule.form {
            Some(ValueForm::Random) if !word.rule.header => Some(&mut self.weak_ends),
            form => form.map(|_| &mut self.ends),
        };
        if let Some(ends) = ends
            && let [Some(last_letter), Some(before)] = [0, 1].map(|n| last.clone().nth(n).copied())
        {
            self.pairs[usize::from(last_letter & 31)] |= 1 << (before & 31);
            let hash = end(last.take(END_LETTERS).fold(0, |all, letter| push_letter(all, *letter)));
            ends[hash / 64] |= 1 << (hash % 64);
        }
        let mut at = 0;
        for &letter in letters.iter().rev() {
            at = self.nodes[at].before(letter).unwrap_or_else(|| {
                self.nodes.push(Node::default());
                let new = self.nodes.len() - 1;
                self.nodes[at].add(letter, new);
                new
            });
        }
        self.nodes[at].words.push(word);
    }

    /// Returns whether a sign may stand between one of the names and a secret value, as the last letters of
    /// the name and the first of the value show, and whether the value was looked at. Most names are none.
    #[inline]
    pub(super) fn may_be_assigned(&self, text: &[u8], sign: usize) -> (bool, bool) {
        match self.kind(text, sign) {
            EndKind::None => (false, false),
            EndKind::Weak => (values::may_be_random(&text[sign + 1..]), true),
            EndKind::Known => (true, false),
        }
    }

    /// Returns what the last letters before a position are for the names of the table.
    #[inline]
    fn kind(&self, text: &[u8], end: usize) -> EndKind {
        let near = &text[end.saturating_sub(END_MAX)..end];
        let (mut letters, mut count, mut kind) = (0, 0, EndKind::None);
        for &byte in near.iter().rev() {
            if byte.is_ascii_alphabetic() || byte.is_ascii_digit() && count > 0 {
                if count == 1 && self.pairs[letters as usize & 31] >> (byte & 31) & 1 == 0 {
                    return EndKind::None;
                }
                letters = push_letter(letters, byte);
                count += 1;
                if count >= 2 {
                    let hash = self::end(letters);
                    let is_in = |bits: &[u64]| bits[hash / 64] >> (hash % 64) & 1 == 1;
                    if is_in(&self.ends) {
                        return EndKind::Known;
                    }
                    if is_in(&self.weak_ends) {
                        kind = EndKind::Weak;
                    }
                }
                if count == END_LETTERS {
                    return kind;
                }
            } else if !SKIPPED[usize::from(byte)] {
                return kind;
            }
        }
        if near.len() == END_MAX { EndKind::Known } else { kind }
    }

    /// Returns the rule of the longest word that a name ends with. Dashes at the beginning and a number at the
    /// end do not matter.
    pub(super) fn find(&self, name: &[u8]) -> Option<NameRule> {
        if self.kind(name, name.len()) == EndKind::None { None } else { self.find_likely(name) }
    }

    /// Returns the rule of a name whose last letters are those of a word.
    pub(super) fn find_likely(&self, name: &[u8]) -> Option<NameRule> {
        let name = &name[name.len().saturating_sub(NAME_MAX)..];
        let letter = |byte: &u8| byte.is_ascii_alphanumeric();
        let mut name = &name[..name.iter().rposition(letter)? + 1];
        let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if (1..=2).contains(&digits) {
            name = &name[..name[..name.len() - digits].iter().rposition(letter)? + 1];
        }
        let first = name.iter().position(letter)?;
        let (mut node, mut rule) = (&self.nodes[0], None);
        for (at, &byte) in name.iter().enumerate().skip(first).rev() {
            if !byte.is_ascii_alphanumeric() {
                continue;
            }
            let Some(next) = node.before(byte) else { break };
            node = &self.nodes[next];
            // The longest word decides, so later ones replace it.
            if let Some(word) = node.words.iter().find(|word| at == first || word.may_begin(name, at)) {
                rule = Some(word.rule);
            }
        }
        rule
    }

    /// Whether a verb such as `no` stands before the name, so that the option is only a switch.
    pub(super) fn is_switch(&self, name: &[u8]) -> bool {
        let letter = |byte: &u8| byte.is_ascii_alphanumeric();
        let start = name.iter().position(letter).unwrap_or(0);
        let first: &[u8] = name[start..].split(|byte| !letter(byte)).next().unwrap_or_default();
        self.verbs.iter().any(|verb| first.eq_ignore_ascii_case(verb.as_bytes()))
    }
}

impl Node {
    /// Returns the bit of a letter or a digit.
    fn bit(letter: u8) -> u64 {
        1 << (letter & 31 | if letter.is_ascii_digit() { 32 } else { 0 })
    }

    /// Returns the node of a letter before.
    fn before(&self, letter: u8) -> Option<usize> {
        let bit = Self::bit(letter);
        (self.letters & bit != 0).then(|| self.before[self.place(bit)])
    }

    /// Returns the number of nodes before the one with a bit.
    fn place(&self, bit: u64) -> usize {
        (self.letters & (bit - 1)).count_ones() as usize
    }

    fn add(&mut self, letter: u8, node: usize) {
        let bit = Self::bit(letter);
        self.before.insert(self.place(bit), node);
        self.letters |= bit;
    }
}

impl Word {
    /// Whether the word may begin at a position of a name that is not its beginning.
    fn may_begin(&self, name: &[u8], at: usize) -> bool {
        let before = name[at - 1];
        let second = name.get(at + 1).copied().unwrap_or(b'a');
        // The hump of `apiToken` and of `APIToken`.
        let is_hump =
            name[at].is_ascii_uppercase() && (before.is_ascii_lowercase() || second.is_ascii_lowercase());
        !self.whole && (self.glued || !before.is_ascii_alphabetic() || is_hump)
    }
}
