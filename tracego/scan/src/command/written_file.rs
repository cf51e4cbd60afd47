//! Files that commands write.

use super::{Chain, CommandReader, is_option, script_input::printed};
use crate::{
    document::{self, WrittenFile},
    shell::SimpleCommand,
    word::Word,
};

impl CommandReader<'_> {
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
                    Some(written) => document::read_written(written, content, self.extract),
                    None => {}
                }
            }
        }
    }
}
