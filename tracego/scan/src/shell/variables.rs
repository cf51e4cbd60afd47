//! The variables that a script sets.

use std::collections::HashMap;

use crate::word::Word;

/// Maximum number of variables of one script.
const MAX_VARIABLES: usize = 4096;

/// Maximum number of bytes that the expansions of one script may make.
const MAX_EXPANDED: usize = 4 << 20;

/// Variables whose value is known.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: HashMap<String, Vec<Word>>,
    /// Number of bytes that expansions have made.
    expanded: usize,
}

impl Variables {
    /// Sets a variable to one word.
    pub fn set(&mut self, name: &str, value: Word) {
        self.set_array(name, vec![value]);
    }

    /// Sets a variable to a list of words.
    pub fn set_array(&mut self, name: &str, words: Vec<Word>) {
        if self.values.len() < MAX_VARIABLES || self.values.contains_key(name) {
            self.values.insert(name.to_owned(), words.into_iter().take(MAX_VARIABLES).collect());
        }
    }

    /// Appends words to a list.
    pub fn extend_array(&mut self, name: &str, words: Vec<Word>) {
        let list = self.values.entry(name.to_owned()).or_default();
        if list.len() < MAX_VARIABLES {
            list.extend(words.into_iter().take(MAX_VARIABLES));
        }
    }

    /// Returns the words of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[Word]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// Returns the number of bytes that expansions have made.
    #[must_use]
    pub fn expanded(&self) -> usize {
        self.expanded
    }

    /// Returns at most `count` words of a variable for an expansion. Returns `None` for one that is not known, and when
    /// the script has expanded too much.
    pub fn expand(&mut self, name: &str, count: usize) -> Option<Vec<Word>> {
        let words: Vec<&Word> = self.values.get(name)?.iter().take(count).collect();
        let length: usize = words.iter().map(|word| word.text.len() + 1).sum();
        if self.expanded + length > MAX_EXPANDED {
            return None;
        }
        self.expanded += length;
        Some(words.into_iter().cloned().collect())
    }

    /// Returns the value of a variable that is one word without holes.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            [word] if !word.has_holes => Some(word.value()),
            _ => None,
        }
    }
}
