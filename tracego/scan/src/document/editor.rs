//! Commands of a developer's machine in JSON with comments: VS Code, devcontainers, nodemon.

use std::rc::Rc;

use super::yaml::Node;
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    word::Word,
};

/// Keys whose values are a command line, its words, or several of them by name.
const COMMANDS: [&str; 9] = [
    "initializeCommand",
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
    "postStartCommand",
    "postAttachCommand",
    "exec",
    "command",
    "runtimeExecutable",
];

/// Reads the commands of an editor, or of a container for development.
pub(super) fn read(documents: &[Rc<Node>], setting: Setting, extract: &mut Extract) {
    let context = Context { setting, unit: None, folder: None };
    for document in documents {
        document.each_mapping(&mut |mapping| {
            for value in COMMANDS.iter().filter_map(|key| mapping.get(key)) {
                let named = value.entries().iter().map(|(_, command)| command);
                for command in std::iter::once(value).chain(named) {
                    read_command(command, mapping, &context, extract);
                }
            }
            true
        });
    }
}

fn read_command(command: &Node, mapping: &Node, context: &Context, extract: &mut Extract) {
    let mut reader = CommandReader::new(context, extract);
    let arguments = ["args", "runtimeArgs"].iter().find_map(|key| mapping.get(key)).map(|list| list.words());
    match (command.text(), arguments) {
        (Some(program), Some(arguments)) => {
            reader.read_words(std::iter::once(Word::known(program.clone())).chain(arguments).collect());
        }
        (Some(script), None) => reader.read_script(script),
        (None, _) => reader.read_words(command.words()),
    }
}

/// Replaces the comments of JSON by blanks, so that places stay.
pub(super) fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut position = 0;
    let mut is_text = false;
    while let Some(&byte) = bytes.get(position) {
        let rest = bytes.get(position..).unwrap_or_default();
        let length = match () {
            () if is_text && byte == b'\\' => {
                position += 2;
                continue;
            }
            () if byte == b'"' => {
                is_text = !is_text;
                0
            }
            () if is_text => 0,
            () if rest.starts_with(b"//") => memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            () if rest.starts_with(b"/*") => {
                memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end + 2)
            }
            () => 0,
        };
        for byte in plain.get_mut(position..position + length).unwrap_or_default() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        position += length.max(1);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blanks_and_texts_stay() {
        let plain = without_comments(b"{\"a\": \"//x\\\"\", // b\n/* c\n*/ \"d\": 1}");
        assert_eq!(plain, b"{\"a\": \"//x\\\"\",     \n    \n   \"d\": 1}");
        assert_eq!(without_comments(b"\"a\\"), b"\"a\\");
    }
}
