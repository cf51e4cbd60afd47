//! Variables that commands set or are given.

use super::{Chain, CommandReader, GO_ENVIRONMENT};
use crate::{extract::Declaration, word::Word};

impl CommandReader<'_> {
    pub(super) fn declare_word(&mut self, word: &Word) {
        if let Some((name, value)) = word.split_at_equals() {
            self.declare(&name, &value);
        }
    }

    /// Notes the variables that `go env -w NAME=value …` sets for all commands behind it.
    pub(super) fn declare_settings(&mut self, rest: &[Word]) {
        if let [verb, option, settings @ ..] = rest
            && verb.is("env")
            && (option.is("-w") || option.is("--w"))
        {
            settings.iter().for_each(|word| self.declare_word(word));
        }
    }

    /// Notes a variable of the go command.
    pub fn declare(&mut self, name: &str, value: &Word) {
        if GO_ENVIRONMENT.contains(&name) {
            let context = self.context.clone();
            self.extract.declarations.push(Declaration {
                name: name.to_owned(),
                value: value.clone(),
                context,
            });
        }
    }

    /// Reads the variables that a command line of make sets.
    pub(super) fn read_settings(&mut self, name: &str, rest: &[Word], chain: &Chain) {
        if matches!(name, "make" | "gmake" | "task" | "just" | "mage") {
            for (_, value) in rest.iter().filter_map(Word::split_at_equals) {
                self.read_given(&value, chain);
            }
        }
    }
}
