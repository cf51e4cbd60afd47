//! Names of variables, options, keys and headers whose value is a secret.

use std::cmp::Reverse;

use super::shape::{Shape, ValueForm};

/// What a shape says about the names that end with one of its words.
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
        let mut back = name.iter().rev().filter(|byte| letter(byte));
        let (last, before) = (back.next()?, back.next()?);
        let words = &self.by_end[end(*last, *before)];
        let mut rule = words.iter().find_map(|word| word.is_end_of(name).then_some(word.rule))?;
        let start = name.iter().position(|byte| letter(byte)).unwrap_or(0);
        let first: &[u8] = name[start..].split(|byte| !letter(byte)).next().unwrap_or_default();
        rule.switch = self.verbs.iter().any(|verb| first.eq_ignore_ascii_case(verb.as_bytes()));
        Some(rule)
    }
}

impl Word {
    fn is_end_of(&self, name: &[u8]) -> bool {
        let mut at = name.len();
        for &letter in self.letters.iter().rev() {
            loop {
                let Some(byte) = at.checked_sub(1).map(|before| name[before]) else { return false };
                at -= 1;
                if byte.is_ascii_alphanumeric() {
                    if byte.to_ascii_lowercase() != letter {
                        return false;
                    }
                    break;
                }
            }
        }
        let Some(before) = at.checked_sub(1).map(|before| name[before]) else { return true };
        let (first, second) = (name[at], name.get(at + 1).copied().unwrap_or(b'a'));
        !self.whole
            && (self.glued
            || !before.is_ascii_alphabetic()
            // The hump of `apiToken` and of `APIToken`.
            || (first.is_ascii_uppercase() && (before.is_ascii_lowercase() || second.is_ascii_lowercase())))
    }
}
