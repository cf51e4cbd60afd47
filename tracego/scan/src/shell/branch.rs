//! Variables that the branches of a script set to different values.

use super::parser::Parser;
use crate::word::Word;

/// Maximum number of values that are kept beside the last ones.
const MAX_ALTERNATIVES: usize = 4;

/// A value that another branch has replaced.
#[derive(Debug)]
pub(super) struct ReplacedValue {
    name: String,
    value: Word,
    /// Position behind the branches.
    start: Option<usize>,
}

impl Parser<'_> {
    /// Keeps the value of a variable that a branch replaces, if it runs something and the new one does not.
    pub(super) fn keep_replaced(&mut self, name: &str, value: &Word) {
        let runs = |word: &Word| word.text.bytes().starts_with(b"go run");
        if self.replaced.len() >= MAX_ALTERNATIVES || !self.groups.is_branch() || runs(value) {
            return;
        }
        if let Some([old]) = self.variables.get(name)
            && runs(old)
        {
            self.replaced.push(ReplacedValue { name: name.to_owned(), value: old.clone(), start: None });
        }
    }

    /// Notes that branches end here.
    pub(super) fn end_branches(&mut self) {
        if !self.groups.is_branch() {
            let position = self.position;
            for replaced in &mut self.replaced {
                replaced.start.get_or_insert(position);
            }
        }
    }

    /// Reads what stands behind branches once more, with the values that were replaced in them.
    pub(super) fn read_with_replaced(&mut self) {
        for ReplacedValue { name, value, start } in std::mem::take(&mut self.replaced) {
            let Some(start) = start.filter(|start| *start < self.position) else { continue };
            let behind = self.text.slice(start..self.position.min(self.text.len()));
            self.variables.set(&name, value);
            self.read_again(&behind);
        }
    }
}
