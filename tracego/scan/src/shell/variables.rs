//! The variables, functions and aliases that a script sets.

use std::{collections::HashMap, sync::Arc};

use crate::{text::Text, word::Word};

/// Maximum number of variables, functions or aliases of one script.
const MAX_VARIABLES: usize = 4096;

/// Maximum number of bytes that the expansions of one script may make.
const MAX_EXPANDED: usize = 4 << 20;

/// Names whose value is known.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: HashMap<String, Vec<Word>>,
    /// Bodies of functions; `None` for one that does nothing with its arguments.
    functions: HashMap<String, Option<Arc<Text>>>,
    aliases: HashMap<String, Arc<Text>>,
    /// Arguments of the script or of the function that is read; `None` if they are not known.
    arguments: Option<Vec<Word>>,
    /// Number of bytes that expansions have made.
    expanded: usize,
    /// Whether an expansion was left out because there were too many.
    is_exhausted: bool,
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

    /// Forgets the value of a variable.
    pub(super) fn forget(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Returns the words of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[Word]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// Sets a function. Without a body, its arguments do not matter.
    pub(super) fn set_function(&mut self, name: &str, body: Option<Text>) {
        if self.functions.len() < MAX_VARIABLES {
            self.functions.insert(name.to_owned(), body.map(Arc::new));
        }
    }

    /// Returns the body of a function; `None` if there is no such function.
    pub(super) fn function(&self, name: &str) -> Option<Option<Arc<Text>>> {
        self.functions.get(name).cloned()
    }

    /// Sets an alias.
    pub(super) fn set_alias(&mut self, name: &str, value: Text) {
        if self.aliases.len() < MAX_VARIABLES {
            self.aliases.insert(name.to_owned(), Arc::new(value));
        }
    }

    /// Returns the text of an alias.
    pub(super) fn alias(&self, name: &str) -> Option<Arc<Text>> {
        if self.aliases.is_empty() { None } else { self.aliases.get(name).cloned() }
    }

    /// Exchanges the arguments. Returns those of before.
    pub fn exchange_arguments(&mut self, arguments: Option<Vec<Word>>) -> Option<Vec<Word>> {
        std::mem::replace(&mut self.arguments, arguments)
    }

    /// Leaves out the first arguments, as `shift` does.
    pub(super) fn shift(&mut self, count: usize) {
        if let Some(arguments) = &mut self.arguments {
            arguments.drain(..count.min(arguments.len()));
        }
    }

    /// Counts bytes that an expansion makes. Returns whether the script has not had too many.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let has_room = self.expanded.saturating_add(bytes) <= MAX_EXPANDED;
        if has_room {
            self.expanded += bytes;
        } else {
            self.is_exhausted = true;
        }
        has_room
    }

    /// Whether an expansion was left out because there were too many.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    /// Returns the number of bytes that expansions have made.
    #[must_use]
    pub fn expanded(&self) -> usize {
        self.expanded
    }

    /// Returns at most `count` words of a variable for an expansion. Returns `None` for one that is not known, and when
    /// the script has expanded too much.
    pub fn expand(&mut self, name: &str, count: usize) -> Option<Vec<Word>> {
        let words: Vec<Word> = self.values.get(name)?.iter().take(count).cloned().collect();
        self.spent(words)
    }

    /// Returns the element of a list for an expansion.
    pub(super) fn expand_element(&mut self, name: &str, index: usize) -> Option<Vec<Word>> {
        let word = self.values.get(name)?.get(index)?.clone();
        self.spent(vec![word])
    }

    /// Returns the first element of a list that begins with `go run`.
    pub(super) fn expand_run(&mut self, name: &str) -> Option<Vec<Word>> {
        let word =
            self.values.get(name)?.iter().find(|word| word.text.bytes().starts_with(b"go run"))?.clone();
        self.spent(vec![word])
    }

    /// Returns arguments for an expansion: at most `count` from the number `from` on, which begins at 1.
    pub(super) fn expand_arguments(&mut self, from: usize, count: usize) -> Option<Vec<Word>> {
        let arguments = self.arguments.as_ref()?;
        let words = arguments.iter().skip(from.saturating_sub(1)).take(count).cloned().collect();
        self.spent(words)
    }

    fn spent(&mut self, words: Vec<Word>) -> Option<Vec<Word>> {
        let length: usize = words.iter().map(|word| word.text.len() + 1).sum();
        self.spend(length).then_some(words)
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
