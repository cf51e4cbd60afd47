//! Names of variables, options, keys and headers whose value is a secret.

use super::shape::{Shape, ValueForm};

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
    /// Letters before, in lower case, and their nodes.
    before: Vec<(u8, usize)>,
    /// Words that begin here.
    words: Vec<Word>,
}

/// All names.
#[derive(Debug)]
pub(super) struct NameTable {
    /// The tree; the first node is the end of all words.
    nodes: Vec<Node>,
    /// Whether a word ends with two letters, by a hash of them.
    ends: Vec<bool>,
    /// First words of options that have no value, such as `no`.
    verbs: Vec<String>,
}

/// Maximum length of a name.
pub(super) const NAME_MAX: usize = 128;
const ENDS: usize = 1024;

impl Default for NameTable {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], ends: vec![false; ENDS], verbs: Vec::new() }
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
        let [.., before, last] = letters[..] else { return };
        self.ends[end(last, before)] = true;
        let mut at = 0;
        for &letter in letters.iter().rev() {
            let known = self.nodes[at].before.iter().find(|(byte, _)| *byte == letter).map(|(_, node)| *node);
            at = known.unwrap_or_else(|| {
                self.nodes.push(Node::default());
                let new = self.nodes.len() - 1;
                self.nodes[at].before.push((letter, new));
                new
            });
        }
        self.nodes[at].words.push(word);
    }

    /// Whether a name may be one of the table, as its last two bytes show. Most names are none.
    pub(super) fn may_end_with(&self, before: u8, last: u8) -> bool {
        !(last.is_ascii_alphabetic() && before.is_ascii_alphanumeric()) || self.ends[end(last, before)]
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
        let (mut node, mut rule) = (&self.nodes[0], None);
        for (at, byte) in name.iter().enumerate().rev().filter(|(_, byte)| letter(byte)) {
            let byte = byte.to_ascii_lowercase();
            let Some((_, next)) = node.before.iter().find(|(letter, _)| *letter == byte) else { break };
            node = &self.nodes[*next];
            // The longest word decides, so later ones replace it.
            if let Some(word) = node.words.iter().find(|word| word.may_begin(name, at)) {
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

impl Word {
    /// Whether the word may begin at a position of a name.
    fn may_begin(&self, name: &[u8], at: usize) -> bool {
        if !name[..at].iter().any(u8::is_ascii_alphanumeric) {
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
