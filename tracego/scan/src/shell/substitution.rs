//! Substitutions of commands.

use super::{MAX_DEPTH, SimpleCommand, expansion::Expansion, parser::Parser};

impl Parser<'_> {
    pub(super) fn read_command_substitution(&mut self) -> Expansion {
        self.position += 2;
        let before = self.commands.len();
        self.read_substitution(b')');
        self.result_of(before)
    }

    pub(super) fn read_backticks(&mut self) -> Expansion {
        self.position += 1;
        let start = self.position;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'`' => break,
                b'\\' => self.position += 2,
                _ => self.position += 1,
            }
        }
        self.position = self.position.min(self.text.len());
        let inner_text = self.text.slice(start..self.position);
        self.position += 1;
        let before = self.commands.len();
        if self.depth < MAX_DEPTH {
            let mut inner = Parser::new(&inner_text, self.variables, self.depth + 1);
            inner.read_script(None);
            let commands = std::mem::take(&mut inner.commands);
            self.add_earlier(commands);
        }
        self.result_of(before)
    }

    /// Returns the output of the commands from an index on, where it is known: a look for the go command finds it.
    fn result_of(&self, before: usize) -> Expansion {
        let added: Vec<&SimpleCommand> = self.commands.iter().skip(before).collect();
        let [command] = added.as_slice() else { return Expansion::Hole };
        let mut words = command.words.iter();
        let looks_up = match words.next() {
            Some(word) if word.is("which") => true,
            Some(word) if word.is("command") || word.is("type") => {
                words.next().is_some_and(|option| option.is("-v") || option.is("-p") || option.is("-P"))
            }
            _ => false,
        };
        match words.next() {
            Some(name) if looks_up && !name.has_holes => Expansion::Value(vec![name.clone()]),
            _ => Expansion::Hole,
        }
    }
}
