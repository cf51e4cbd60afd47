//! Shell scripts, and texts of documents.

use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
};

/// Reads a shell script. Files that it writes from here-documents are read, too.
pub(super) fn read_shell(file: &SourceFile, setting: Setting, extract: &mut Extract) {
    let context = Context { setting, unit: None, folder: None };
    let mut reader = CommandReader::new(&context, extract);
    reader.read_script(&Text::part(file.bytes(), 0..file.bytes().len()));
}

/// Reads the fenced blocks of a document in Markdown.
pub(super) fn read_markdown(file: &SourceFile, extract: &mut Extract) {
    let context = Context { setting: Setting::Document, unit: None, folder: None };
    let mut block: Option<Text> = None;
    for line in Text::part(file.bytes(), 0..file.bytes().len()).lines() {
        if line.bytes().trim_ascii_start().starts_with(b"```") {
            match block.take() {
                Some(script) => CommandReader::new(&context, extract).read_script(&script),
                None => block = Some(Text::default()),
            }
        } else if let Some(script) = &mut block {
            let prompt = line.bytes().starts_with(b"$ ");
            script.append(&line.slice(if prompt { 2 } else { 0 }..line.len()), None);
            script.push(b'\n', line.place(line.len()));
        }
    }
}
