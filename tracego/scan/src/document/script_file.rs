//! Shell scripts, Jenkinsfiles and texts of documents.

use super::quoted;
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

/// Reads the scripts in the steps of a Jenkinsfile: `sh 'script'`, `sh(script: "…")`, `bat`, `pwsh`.
///
/// Source: <https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/>
pub(super) fn read_jenkinsfile(file: &SourceFile, extract: &mut Extract) {
    const STEPS: [&str; 4] = ["sh", "bat", "pwsh", "powershell"];
    let context = Context { setting: Setting::Ci, unit: None, folder: None };
    let tokens = quoted::tokens(file.bytes(), &quoted::GROOVY);
    let mut step: Option<usize> = None;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            quoted::Token::Name(name) if STEPS.contains(&name.as_str()) => step = Some(index),
            quoted::Token::Text(text) => {
                // `sh 'x'`, `sh('x')`, `sh(script: 'x')`, `sh label: 'l', script: 'x'`.
                let label = index.checked_sub(2).and_then(|at| tokens.get(at));
                let is_other = matches!(label, Some(quoted::Token::Name(name)) if name != "script" && !STEPS.contains(&name.as_str()))
                    && matches!(
                        index.checked_sub(1).and_then(|at| tokens.get(at)),
                        Some(quoted::Token::Sign(b':'))
                    );
                if step.is_some_and(|at| index - at <= 12) && !is_other {
                    CommandReader::new(&context, extract).read_script(text);
                    step = None;
                }
            }
            quoted::Token::Sign(b'{' | b'}' | b';') => step = None,
            _ => {}
        }
    }
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
