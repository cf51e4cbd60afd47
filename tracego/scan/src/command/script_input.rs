//! Standard input of a command, as far as the script itself holds it.

use crate::{shell::SimpleCommand, text::Text, word::Word};

/// Standard input of a command.
#[derive(Clone, Debug, Default)]
pub(super) struct ScriptInput {
    /// Here-documents, and what commands in front of a pipe print.
    pub(super) texts: Vec<Text>,
    /// File that is read instead.
    pub(super) file: Option<Word>,
}

impl ScriptInput {
    pub(super) fn of(command: &SimpleCommand) -> Self {
        Self { texts: command.input.clone(), file: command.input_file.clone() }
    }
}

/// Gives each command the text that the one in front of its pipe prints.
pub(super) fn connect_pipes(commands: &mut [SimpleCommand]) {
    if commands.iter().all(|command| command.pipe_out.is_none()) {
        return;
    }
    let mut readers = std::collections::HashMap::new();
    let mut pairs = Vec::new();
    for (index, command) in commands.iter().enumerate().rev() {
        if let Some(reader) = command.pipe_out.and_then(|pipe| readers.get(&pipe)) {
            pairs.push((index, *reader));
        }
        if let Some(pipe) = command.pipe_in {
            readers.insert(pipe, index);
        }
    }
    for (index, reader) in pairs.into_iter().rev() {
        let Some(command) = commands.get(index) else { continue };
        let (texts, file) = (printed(command), printed_file(command));
        if let Some(reader) = commands.get_mut(reader) {
            reader.input.extend(texts);
            if reader.input_file.is_none() {
                reader.input_file = file;
            }
        }
    }
}

/// Returns the texts that a command prints, where they are known.
pub(super) fn printed(command: &SimpleCommand) -> Vec<Text> {
    let Some((first, rest)) = command.words.split_first() else { return Vec::new() };
    match first.base_name().as_str() {
        "cat" | "tee" | "envsubst" => command.input.clone(),
        "sudo" if rest.iter().any(|word| word.is("tee") || word.is("cat")) => command.input.clone(),
        "echo" => {
            let options = rest
                .iter()
                .take_while(|word| ["-e", "-n", "-ne", "-en", "-E"].iter().any(|option| word.is(option)));
            let options = options.count();
            let escapes = rest.iter().take(options).any(|word| word.text.bytes().contains(&b'e'));
            let text = joined(rest.get(options..).unwrap_or_default(), b' ');
            vec![if escapes { unescaped(&text) } else { text }]
        }
        "printf" => {
            let Some((format, arguments)) = rest.split_first() else { return Vec::new() };
            match format.text.bytes().contains(&b'%') {
                true => vec![joined(arguments, b'\n')],
                false => vec![unescaped(&format.text)],
            }
        }
        _ => Vec::new(),
    }
}

fn printed_file(command: &SimpleCommand) -> Option<Word> {
    match command.words.as_slice() {
        [cat, file] if cat.base_name() == "cat" && !file.is("-") => Some(file.clone()),
        _ => None,
    }
}

/// Joins words to a text.
pub(super) fn joined(words: &[Word], separator: u8) -> Text {
    let mut whole = Text::default();
    for word in words {
        if !whole.is_empty() {
            whole.push(separator, word.text.place(0));
        }
        whole.append(&word.text, None);
    }
    whole
}

/// Takes off the escapes of `printf` and `echo -e`.
fn unescaped(text: &Text) -> Text {
    let mut plain = Text::default();
    let mut position = 0;
    while let Some(byte) = text.get(position) {
        let place = text.place(position);
        let meant = match text.get(position + 1).filter(|_| byte == b'\\') {
            Some(b'n') => Some(b'\n'),
            Some(b't') => Some(b'\t'),
            Some(b'\\') => Some(b'\\'),
            _ => None,
        };
        plain.push(meant.unwrap_or(byte), place);
        position += if meant.is_some() { 2 } else { 1 };
    }
    plain
}
