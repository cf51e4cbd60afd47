//! Shell scripts, as far as the commands in them can be read without running them: words, quotes, expansions of
//! variables that the script itself sets, here-documents, command substitutions.
//!
//! The grammar of statements does not matter: all branches are read as if they were taken one after the other.
//! Source: POSIX.1-2024, Shell Command Language, sections 2.2 to 2.10.

mod expansion;
mod heredoc;
mod parser;
mod variables;

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
    /// File that standard output goes to.
    pub output: Option<Word>,
    /// Whether the next command reads what this one prints.
    pub is_piped: bool,
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
