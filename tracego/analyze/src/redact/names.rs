//! Names of variables, options, keys and headers whose value is a secret.

use std::cmp::Reverse;

use super::shape::{Shape, ValueForm};

/// The rule of a shape about the names that end with one of its words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NameRule {
    /// Which values are secret; `None` if none is.
    pub(super) form: Option<ValueForm>,
    /// Whether the name is one of a header, so that `Name: value` is looked for in running text, too.
    pub(super) header: bool,
    /// Whether the first word of the header's value names a scheme and stays.
    pub(super) scheme: bool,
    /// Whether a word that a verb such as `no` stands before is only a switch.
    pub(super) switch: bool,
}

/// A word that a name may end with.
#[derive(Debug)]
struct Word {
    /// Letters in lower case without separators.
    letters: Vec<u8>,
    /// Whether the name has no other words.
    whole: bool,
    /// Whether the word may stand behind other letters without a boundary.
    glued: bool,
    rule: NameRule,
}

/// All names.
#[derive(Debug)]
pub(super) struct NameTable {
    /// Words by a hash of their last two letters, longest first.
    by_end: Vec<Vec<Word>>,
    /// First words of options that have no value, such as `no`.
    verbs: Vec<String>,
}

/// Maximum length of a name.
pub(super) const NAME_MAX: usize = 128;
const ENDS: usize = 1024;

impl Default for NameTable {
    fn default() -> Self {
        Self { by_end: (0..ENDS).map(|_| Vec::new()).collect(), verbs: Vec::new() }
    }
}

fn end(last: u8, before: u8) -> usize {
    usize::from(last & 31) << 5 | usize::from(before & 31)
}

impl NameTable {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let mut table = Self::default();
        for shape in shapes {
            table.verbs.extend(shape.verbs.iter().cloned());
            let goes = shape.names.iter().map(|name| (name, Some(shape.value)));
            for (name, form) in goes.chain(shape.harmless.iter().map(|name| (name, None))) {
                let letters: Vec<u8> = name.bytes().filter(u8::is_ascii_alphanumeric).collect();
                let letters = letters.to_ascii_lowercase();
                let [.., before, last] = letters[..] else { continue };
                let rule = NameRule { form, header: shape.header, scheme: shape.scheme, switch: false };
                // A harmless name goes with its separators alone: `max-token`, not `climaxtoken`.
                table.by_end[end(last, before)].push(Word {
                    letters,
                    whole: shape.whole,
                    glued: shape.glued && form.is_some(),
                    rule,
                });
            }
        }
        for words in &mut table.by_end {
            words.sort_by_key(|word| (Reverse(word.letters.len()), !word.whole, word.rule.form.is_some()));
        }
        table
    }

    /// Returns the rule of the longest word that a name ends with. Dashes at the beginning and a number at the
    /// end do not matter.
    pub(super) fn find(&self, name: &[u8]) -> Option<NameRule> {
        let name = &name[name.len().saturating_sub(NAME_MAX)..];
        let letter = |byte: &u8| byte.is_ascii_alphanumeric();
        let mut name = &name[..name.iter().rposition(letter)? + 1];
        let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if (1..=2).contains(&digits) {
            name = &name[..name[..name.len() - digits].iter().rposition(letter)? + 1];
        }
        let letters = Letters::of(name);
        let [.., before, last] = letters.lower[..letters.count] else { return None };
        let words = &self.by_end[end(last, before)];
        let mut rule = words.iter().find_map(|word| word.is_end_of(name, &letters).then_some(word.rule))?;
        let start = name.iter().position(letter).unwrap_or(0);
        let first: &[u8] = name[start..].split(|byte| !letter(byte)).next().unwrap_or_default();
        rule.switch = self.verbs.iter().any(|verb| first.eq_ignore_ascii_case(verb.as_bytes()));
        Some(rule)
    }
}

/// The letters and digits of a name.
struct Letters {
    /// In lower case.
    lower: [u8; NAME_MAX],
    /// Position of each in the name.
    at: [u8; NAME_MAX],
    count: usize,
}

impl Letters {
    fn of(name: &[u8]) -> Self {
        let mut letters = Self { lower: [0; NAME_MAX], at: [0; NAME_MAX], count: 0 };
        for (at, byte) in (0..).zip(name.iter().take(NAME_MAX)) {
            if byte.is_ascii_alphanumeric() {
                letters.lower[letters.count] = byte.to_ascii_lowercase();
                letters.at[letters.count] = at;
                letters.count += 1;
            }
        }
        letters
    }
}

impl Word {
    fn is_end_of(&self, name: &[u8], letters: &Letters) -> bool {
        let Some(first) = letters.count.checked_sub(self.letters.len()) else { return false };
        if letters.lower[first..letters.count] != self.letters[..] {
            return false;
        }
        let at = usize::from(letters.at[first]);
        if first == 0 {
            return true;
        }
        let before = name[at - 1];
        let second = name.get(at + 1).copied().unwrap_or(b'a');
        // The hump of `apiToken` and of `APIToken`.
        let is_hump =
            name[at].is_ascii_uppercase() && (before.is_ascii_lowercase() || second.is_ascii_lowercase());
        !self.whole && (self.glued || !before.is_ascii_alphabetic() || is_hump)
    }
}
