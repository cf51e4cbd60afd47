//! Hooks of pre-commit, releases, processes of pm2, rules of Bazel.

use std::rc::Rc;

use super::yaml::Node;
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    word::Word,
};

/// Reads the hooks of pre-commit, which run on a developer's machine before they run in a job.
pub(super) fn read_hooks(documents: &[Rc<Node>], extract: &mut Extract) {
    let context = Context { setting: Setting::Helper, unit: None, folder: None };
    for document in documents {
        document.each_mapping(&mut |mapping| {
            let texts = ["entry", "run", "hooks", "runner"].iter().filter_map(|key| mapping.get(key));
            let arguments =
                mapping.get("entry").and(mapping.get("args")).map(|list| list.words()).unwrap_or_default();
            for text in texts.flat_map(|value| value.scalars()) {
                // `entry: go` and `args: [run, ./x]` are one command.
                let mut reader = CommandReader::new(&context, extract);
                match text.bytes().contains(&b' ') || arguments.is_empty() {
                    true => reader.read_script(text),
                    false => reader.read_words(
                        std::iter::once(Word::known(text.clone())).chain(arguments.clone()).collect(),
                    ),
                }
            }
            true
        });
    }
}

/// Reads the processes of pm2: `script` and `args`.
pub(super) fn read_processes(documents: &[Rc<Node>], extract: &mut Extract) {
    let context = Context { setting: Setting::Production, unit: None, folder: None };
    for document in documents {
        document.each_mapping(&mut |mapping| {
            if let Some(script) = mapping.get("script").and_then(|script| script.text()) {
                let mut reader = CommandReader::new(&context, extract);
                match mapping.get("args") {
                    Some(arguments) if arguments.text().is_some() => {
                        let mut whole = script.clone();
                        if let Some(arguments) = arguments.text() {
                            whole.push(b' ', arguments.place(0));
                            whole.append(arguments, None);
                        }
                        reader.read_script(&whole);
                    }
                    Some(arguments) => {
                        let program = Word::known(script.clone());
                        reader.read_words(std::iter::once(program).chain(arguments.words()).collect());
                    }
                    None => reader.read_script(script),
                }
            }
            true
        });
    }
}

/// Reads the commands of Bazel's `genrule`.
pub(super) fn read_bazel(bytes: &[u8], extract: &mut Extract) {
    use super::quoted::{self, Token};
    let context = Context { setting: Setting::Helper, unit: None, folder: None };
    let tokens = quoted::tokens(bytes, &quoted::PYTHON);
    for window in tokens.windows(3) {
        if let [Token::Name(name), Token::Sign(b'='), Token::Text(script)] = window
            && matches!(name.as_str(), "cmd" | "cmd_bash")
        {
            CommandReader::new(&context, extract).read_script(script);
        }
    }
}
