//! Shell scripts, as far as the commands in them can be read without running them: words, quotes, expansions of
//! variables that the script itself sets, here-documents, command substitutions.
//!
//! All branches are read as if they were taken one after the other. The body of a function is read where it stands, and
//! again for each call with arguments; that of a loop over known words is read for each word.
//! Source: POSIX.1-2024, Shell Command Language, sections 2.2 to 2.10.

mod branch;
mod expansion;
mod group;
mod heredoc;
mod parser;
mod quotes;
mod statement;
mod substitution;
mod variables;
mod word_builder;

pub(crate) use parser::DECLARATIONS;
pub use parser::parse;
pub use variables::Variables;

use crate::{text::Text, word::Word};

/// One simple command of a script.
#[derive(Clone, Debug, Default)]
pub struct SimpleCommand {
    /// Words, without redirections and assignments in front.
    pub words: Vec<Word>,
    /// Assignments in front of the command, which hold for it alone.
    pub assignments: Vec<(String, Word)>,
    /// Standard input that the script itself holds: here-documents and here-strings.
    pub input: Vec<Text>,
    /// File that standard input comes from.
    pub input_file: Option<Word>,
    /// File that standard output goes to.
    pub output: Option<Word>,
    /// Place of the pipe that standard output goes to.
    pub pipe_out: Option<u32>,
    /// Place of the pipe that standard input comes from.
    pub pipe_in: Option<u32>,
    /// Whether the script itself defines the program, as a function whose commands are there.
    pub is_function: bool,
}

impl SimpleCommand {
    /// Whether there are neither words nor assignments nor input.
    fn is_empty(&self) -> bool {
        self.words.is_empty() && self.assignments.is_empty() && self.input.is_empty()
    }
}

/// Maximum depth of scripts in scripts.
pub const MAX_DEPTH: usize = 8;

/// Returns the words of a line, with quotes taken off; an assignment is a word, too.
pub(crate) fn words_of(line: &Text) -> Vec<Word> {
    let mut found = Vec::new();
    for SimpleCommand { words, assignments, .. } in parse(line, &mut Variables::default()) {
        for (name, value) in assignments {
            let mut text = Text::at(value.text.place(0), &format!("{name}="));
            text.append(&value.text, None);
            found.push(Word { text, ..value });
        }
        found.extend(words);
    }
    found
}

#[cfg(test)]
mod tests;
