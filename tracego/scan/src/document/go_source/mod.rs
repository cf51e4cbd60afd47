//! Go source: calls that start programs, and directives of `go generate`.

mod expression;

use std::sync::Arc;

use expression::{Expressions, MAX_TOKENS, Values};

use super::quoted::{self, Token};
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    source::SourceFile,
    word::Word,
};

/// A function that starts a program, with the number of arguments in front of the program.
const STARTERS: [(&str, usize); 17] = [
    // os/exec, golang.org/x/sys/execabs
    ("Command", 0),
    ("CommandContext", 1),
    // os, syscall
    ("StartProcess", 0),
    ("ForkExec", 0),
    // github.com/magefile/mage/sh
    ("Run", 0),
    ("RunV", 0),
    ("RunWith", 1),
    ("RunWithV", 1),
    ("RunCmd", 0),
    ("OutCmd", 0),
    ("Output", 0),
    ("OutputWith", 1),
    ("Exec", 3),
    // dagger.io/dagger
    ("WithExec", 0),
    ("WithEntrypoint", 0),
    ("WithDefaultArgs", 0),
    ("NewCommand", 0),
];

/// Reads a Go file.
pub(super) fn read(file: &SourceFile, extract: &mut Extract) {
    let (tokens, places) = quoted::tokens_with_places(file.bytes(), &quoted::GO);
    let setting = setting_of(file);
    read_directives(file, &tokens, extract);
    let source = Expressions { tokens: &tokens, places: &places };
    let mut values = Values::new();
    // Variables of the package, which stand in front of the first function.
    let mut package: Option<Values> = None;
    let mut unit: Option<Arc<str>> = None;
    let mut index = 0;
    while index < tokens.len() {
        match tokens.get(index..).unwrap_or_default() {
            [Token::Sign(b'\n'), Token::Name(keyword), rest @ ..] if keyword == "func" => {
                values = package.get_or_insert_with(|| values.clone()).clone();
                unit = function_name(rest).map(|name| Arc::from(name.to_lowercase()));
            }
            [Token::Name(name), Token::Sign(b':'), Token::Sign(b'='), ..] => {
                source.assign(name, index + 3, &mut values, extract);
            }
            // `path, err := exec.LookPath("go")`
            [
                Token::Name(name),
                Token::Sign(b','),
                Token::Name(_),
                Token::Sign(b':'),
                Token::Sign(b'='),
                ..,
            ] => {
                source.assign(name, index + 5, &mut values, extract);
            }
            [Token::Name(name), Token::Sign(b'='), ..] => {
                source.assign(name, index + 2, &mut values, extract)
            }
            [Token::Name(field), Token::Sign(b':'), rest @ ..] if field == "Args" && is_strings(rest) => {
                // The literal of an exec.Cmd.
                let words = source.expression(index + 2, &values, 0).0;
                let context = Context { setting, unit: unit.clone(), folder: None };
                CommandReader::new(&context, extract).read_words(words);
            }
            [Token::Name(receiver), Token::Sign(b'.'), Token::Name(name), Token::Sign(b'('), ..] => {
                let starter = STARTERS.iter().find(|(starter, _)| starter == name);
                if let Some((_, skipped)) = starter.filter(|_| is_starter(receiver, name, file)) {
                    let words: Vec<Word> = source
                        .arguments(index + 4, index + MAX_TOKENS, &values, 0)
                        .into_iter()
                        .skip(*skipped)
                        .flatten()
                        .collect();
                    let is_pipeline = name.starts_with("With");
                    let setting = if is_pipeline { Setting::Ci } else { setting };
                    let context = Context { setting, unit: unit.clone(), folder: None };
                    CommandReader::new(&context, extract).read_words(words);
                }
            }
            _ => {}
        }
        index += 1;
    }
}

/// Whether a slice of strings follows.
fn is_strings(tokens: &[Token]) -> bool {
    matches!(tokens, [Token::Sign(b'['), Token::Sign(b']'), Token::Name(kind), Token::Sign(b'{'), ..] if kind == "string")
}

/// Whether a function of this name starts programs: that of os/exec if it is called on the package, whatever the file calls it.
fn is_starter(receiver: &str, name: &str, file: &SourceFile) -> bool {
    let renames = |package: &str| {
        let import = format!("{receiver} \"{package}\"");
        memchr::memmem::find(file.bytes(), import.as_bytes()).is_some()
    };
    match name {
        "Command" | "CommandContext" => {
            matches!(receiver, "exec" | "execabs" | "safeexec")
                || renames("os/exec")
                || renames("golang.org/x/sys/execabs")
        }
        "StartProcess" => receiver == "os",
        "ForkExec" => receiver == "syscall",
        "Run" | "RunV" | "RunWith" | "RunWithV" | "RunCmd" | "OutCmd" | "Output" | "OutputWith" | "Exec" => {
            receiver == "sh" || renames("github.com/magefile/mage/sh")
        }
        _ => true,
    }
}

/// Returns the name of a function or method whose declaration follows.
fn function_name(tokens: &[Token]) -> Option<&str> {
    let behind = match tokens {
        [Token::Sign(b'('), ..] => {
            let close = tokens.iter().take(16).position(|token| matches!(token, Token::Sign(b')')))?;
            tokens.get(close + 1..)?
        }
        _ => tokens,
    };
    match behind.first() {
        Some(Token::Name(name)) => Some(name),
        _ => None,
    }
}

/// Returns the place of the calls of a file.
fn setting_of(file: &SourceFile) -> Setting {
    let head = file.bytes().get(..file.bytes().len().min(4096)).unwrap_or_default();
    let has = |text: &str| memchr::memmem::find(head, text.as_bytes()).is_some();
    let in_folder = |name: &str| file.path.split('/').any(|part| part == name);
    // The go command leaves such folders out of `./...`.
    let is_hidden = file.folder().split('/').any(|part| part.starts_with(['_', '.']));
    match () {
        () if file.name().ends_with("_test.go") || in_folder("testdata") || in_folder("vendor") => {
            Setting::Helper
        }
        () if has("//go:build mage") || file.name().starts_with("magefile") || in_folder("magefiles") => {
            Setting::Open
        }
        // A program of its own, which the go command leaves out of packages.
        () if is_hidden => Setting::Helper,
        () if has("//go:build ignore") || has("// +build ignore") || has("//go:build tools") => {
            Setting::Helper
        }
        () => Setting::Program,
    }
}

/// Reads `//go:generate` and a script in the first line, which the shell reads as a command.
fn read_directives(file: &SourceFile, tokens: &[Token], extract: &mut Extract) {
    let mut context = Context { setting: Setting::Generate, unit: None, folder: None };
    for token in tokens {
        let Token::Comment(text) = token else { continue };
        let bytes = text.bytes();
        let command = [&b"go:generate "[..], b"go:run "].into_iter().find(|prefix| bytes.starts_with(prefix));
        if let Some(prefix) = command {
            // The directive begins its line.
            let position = file.position(text.place(0) as usize);
            if position.column == 3 {
                let script = text.slice(prefix.len()..text.len());
                CommandReader::new(&context, extract).read_script(&script);
            }
        }
    }
    if let Some(Token::Comment(text)) = tokens.first()
        && text.bytes().starts_with(b"usr/bin/env go run")
    {
        context.setting = Setting::Open;
        CommandReader::new(&context, extract).read_script(text);
    }
}
