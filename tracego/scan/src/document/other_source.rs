//! Calls that start programs in Python, JavaScript, TypeScript and Ruby.

use super::quoted::{self, Language, Token};
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
    word::Word,
};

/// Maximum number of tokens of one list.
const MAX_TOKENS: usize = 1024;

/// Functions that take a command line as one string.
const SHELLS: [&str; 18] = [
    "system",
    "popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "Popen",
    "getoutput",
    "getstatusoutput",
    "exec",
    "execSync",
    "getExecOutput",
    "spawn",
    "spawnSync",
    "execa",
    "execaCommand",
    "shell",
    "sh",
];

/// Reads a source file in a language with quotes.
pub(super) fn read(file: &SourceFile, language: &Language, setting: Setting, extract: &mut Extract) {
    let context = Context { setting, unit: None, folder: None };
    read_tokens(quoted::tokens(file.bytes(), language), &context, extract);
}

/// Reads source that stands in another file.
pub(super) fn read_text(source: &Text, language: &Language, context: &Context, extract: &mut Extract) {
    let mut tokens = quoted::tokens(source.bytes(), language);
    for token in &mut tokens {
        if let Token::Text(text) = token {
            *text = text.within(source);
        }
    }
    read_tokens(tokens, context, extract);
}

fn read_tokens(mut tokens: Vec<Token>, context: &Context, extract: &mut Extract) {
    // Lists often go over several lines.
    tokens.retain(|token| !matches!(token, Token::Sign(b'\n') | Token::Comment(_)));
    for index in 0..tokens.len() {
        let here = tokens.get(index..).unwrap_or_default();
        let words = match here {
            // `["go", "run", …]` and `("go", "run", …)`
            [Token::Sign(b'[' | b'('), Token::Text(first), Token::Sign(b','), Token::Text(_), ..]
            // `spawn("go", ["run", …])`
            | [Token::Sign(b'('), Token::Text(first), Token::Sign(b','), Token::Sign(b'['), Token::Text(_), ..]
                if starts_command(first, here) => list(here),
            // `script: "go", args: ["run", …]`, as in a configuration of pm2
            [Token::Name(name), Token::Sign(b':'), Token::Text(first), ..] if name == "script" => {
                process(first, here)
            }
            [Token::Name(name), Token::Sign(b'('), Token::Text(script), ..]
                if SHELLS.contains(&name.as_str()) && is_of_processes(&tokens, index) =>
            {
                CommandReader::new(context, extract).read_script(script);
                continue;
            }
            _ => continue,
        };
        CommandReader::new(context, extract).read_words(words);
    }
}

/// Whether a list is a command line: its first word is the go command, or a shell with an option.
fn starts_command(first: &Text, list: &[Token]) -> bool {
    let first = Word::known(first.clone());
    let mut texts = list.iter().take(6).filter_map(|token| match token {
        Token::Text(text) => Some(text),
        _ => None,
    });
    let option = texts.nth(1).is_some_and(|text| text.bytes().starts_with(b"-"));
    first.is_go_command() || option && matches!(first.base_name().as_str(), "sh" | "bash")
}

/// Whether a function is called by its name alone, or on something that starts processes. A regular expression has `exec`, too.
fn is_of_processes(tokens: &[Token], index: usize) -> bool {
    const MODULES: [&str; 11] = [
        "exec",
        "child_process",
        "cp",
        "childProcess",
        "os",
        "subprocess",
        "sp",
        "shell",
        "shelljs",
        "sh",
        "Kernel",
    ];
    let before = |back: usize| index.checked_sub(back).and_then(|at| tokens.get(at));
    match (before(1), before(2)) {
        (Some(Token::Sign(b'.')), Some(Token::Name(module))) => MODULES.contains(&module.as_str()),
        (Some(Token::Sign(b'.')), _) => false,
        _ => true,
    }
}

/// Returns the strings up to the bracket that closes the list.
fn list(tokens: &[Token]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut depth = 0_usize;
    for token in tokens.iter().take(MAX_TOKENS) {
        match token {
            Token::Sign(b'[' | b'(' | b'{') => depth += 1,
            Token::Sign(b']' | b')' | b'}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            Token::Text(text) if depth <= 2 => words.push(Word::known(text.clone())),
            _ => {}
        }
    }
    words
}

/// Returns the command of a process of pm2.
fn process(script: &Text, tokens: &[Token]) -> Vec<Word> {
    let mut words = vec![Word::known(script.clone())];
    let near = tokens.get(..tokens.len().min(60)).unwrap_or_default();
    let end = near.iter().position(|token| matches!(token, Token::Sign(b'}'))).unwrap_or(near.len());
    let near = near.get(..end).unwrap_or_default();
    let arguments = near.iter().position(|token| matches!(token, Token::Name(name) if name == "args"));
    match arguments.and_then(|at| near.get(at + 2..)) {
        Some([Token::Text(text), ..]) => {
            for part in text.bytes().split(|b| *b == b' ').filter(|part| !part.is_empty()) {
                let place = text.place(0);
                words.push(Word::known(Text::at(place, &String::from_utf8_lossy(part))));
            }
        }
        Some(rest) => words.extend(list(rest)),
        None => {}
    }
    words
}
