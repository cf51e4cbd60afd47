//! Files that commands write.

use super::{Chain, CommandReader, is_option, is_shell, script_input::printed};
use crate::{shell::SimpleCommand, word::Word, written_file::WrittenFile};

/// Maximum number of files that are kept until a command runs them.
const MAX_WRITTEN: usize = 16;

impl CommandReader<'_> {
    /// Reads a file that was written before, if a command runs it or makes it a program.
    pub(super) fn run_written(&mut self, words: &[Word], chain: &Chain) {
        let Some((first, rest)) = words.split_first() else { return };
        let program = first.base_name();
        let operand = rest.iter().find(|word| !is_option(word));
        let file = match program.as_str() {
            "chmod" if operand.is_some_and(|mode| mode.value().contains(['x', '5', '7'])) => rest.last(),
            "source" | "." => operand,
            _ if is_shell(first) => operand,
            _ if first.text.bytes().contains(&b'/') => Some(first),
            _ => None,
        };
        let Some(name) = file.map(|file| base_name(&file.value())) else { return };
        if let Some(index) = self.written.iter().position(|(written, _)| *written == name) {
            let (_, content) = self.written.swap_remove(index);
            self.script(&content, chain);
        }
    }

    /// Reads what a command writes into a file, if it is a script, a unit or a crontab.
    pub(super) fn read_written(&mut self, command: &SimpleCommand, chain: &Chain) {
        let tee = command.words.iter().take(8).position(|word| word.is("tee"));
        let tee = tee.and_then(|tee| command.words.get(tee + 1..)?.iter().find(|word| !is_option(word)));
        let paths: Vec<String> =
            [command.output.as_ref(), tee].into_iter().flatten().map(Word::value).collect();
        if paths.is_empty() {
            return;
        }
        let is_redirected = command.words.is_empty();
        let contents = if is_redirected { command.input.clone() } else { printed(command) };
        for path in &paths {
            for content in &contents {
                match WrittenFile::of(path, content) {
                    Some(WrittenFile::Script) => self.script(content, chain),
                    Some(written) => self.extract.write(written, content),
                    None if self.written.len() < MAX_WRITTEN => {
                        self.written.push((base_name(path), content.clone()))
                    }
                    None => {}
                }
            }
        }
    }
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
