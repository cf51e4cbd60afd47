//! Go source: calls that start programs, and directives of `go generate`.

use std::{collections::HashMap, sync::Arc};

use super::quoted::{self, Token};
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
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

/// Maximum depth of expressions in expressions.
const MAX_DEPTH: usize = 16;
/// Maximum number of tokens of one expression.
const MAX_TOKENS: usize = 4096;
/// Maximum number of words of one expression.
const MAX_WORDS: usize = 1024;

/// A value that a variable has within a function.
type Values = HashMap<String, Vec<Word>>;

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

/// The expressions of a file.
struct Expressions<'a> {
    tokens: &'a [Token],
    /// The place of each token.
    places: &'a [u32],
}

impl Expressions<'_> {
    /// Notes the value that an assignment gives to a variable.
    fn assign(&self, name: &str, start: usize, values: &mut Values, extract: &mut Extract) {
        let (words, _) = self.expression(start, values, 0);
        let length = words.iter().map(|word| word.text.len() + 8).sum();
        if words.iter().any(|word| !word.has_holes) && extract.spend(length) {
            values.insert(name.to_owned(), words);
        }
    }

    /// Returns the words of each argument of a call whose bracket stands in front of `start`.
    fn arguments(&self, start: usize, limit: usize, values: &Values, depth: usize) -> Vec<Vec<Word>> {
        let mut found = Vec::new();
        let mut index = start;
        while self
            .tokens
            .get(index)
            .is_some_and(|token| index < limit && !matches!(token, Token::Sign(b')' | b'}')))
        {
            if matches!(self.tokens.get(index), Some(Token::Sign(b',' | b'\n') | Token::Comment(_))) {
                index += 1;
                continue;
            }
            let (words, end) = self.expression(index, values, depth);
            found.push(words);
            index = end.max(index + 1);
        }
        found
    }

    /// Returns the words of an expression, and the position behind it: a string, a slice of strings, `append`, a
    /// variable. Anything else is one word that is not known.
    fn expression(&self, start: usize, values: &Values, depth: usize) -> (Vec<Word>, usize) {
        let end = self.end_of_expression(start);
        let place = self.places.get(start).copied().unwrap_or_default();
        let hole = |name: &str| {
            let text = Text::at(place, &format!("${name}"));
            vec![Word { text, has_holes: true, ..Word::default() }]
        };
        let words = match self.tokens.get(start..end).unwrap_or_default() {
            _ if depth > MAX_DEPTH => hole("EXPRESSION"),
            [Token::Text(text)] => vec![Word { text: text.clone(), is_quoted: true, ..Word::default() }],
            [Token::Name(name)]
            | [Token::Name(name), Token::Sign(b'.'), Token::Sign(b'.'), Token::Sign(b'.')] => {
                let here = |word: &Word| Word { text: Text::at(place, &word.value()), ..word.clone() };
                values.get(name).map_or_else(|| hole(name), |words| words.iter().map(here).collect())
            }
            [Token::Sign(b'['), Token::Sign(b']'), Token::Name(kind), Token::Sign(b'{'), ..]
                if kind == "string" =>
            {
                self.arguments(start + 4, end, values, depth + 1).into_iter().flatten().collect()
            }
            [Token::Name(name), Token::Sign(b'('), ..] if name == "append" => {
                self.arguments(start + 2, end, values, depth + 1).into_iter().flatten().collect()
            }
            // `args[0]` and `args[1:]...`
            [Token::Name(name), Token::Sign(b'['), Token::Name(number), Token::Sign(b']')] => {
                let word = values.get(name).and_then(|words| words.get(number.parse::<usize>().ok()?));
                word.map_or_else(
                    || hole(name),
                    |word| vec![Word { text: Text::at(place, &word.value()), ..word.clone() }],
                )
            }
            [Token::Name(name), Token::Sign(b'['), Token::Name(number), Token::Sign(b':'), ..] => {
                let rest = values.get(name).and_then(|words| words.get(number.parse::<usize>().ok()?..));
                rest.map_or_else(|| hole(name), <[Word]>::to_vec)
            }
            [
                Token::Name(_),
                Token::Sign(b'.'),
                Token::Name(name),
                Token::Sign(b'('),
                Token::Text(text),
                ..,
            ] if matches!(name.as_str(), "LookPath" | "Sprintf") => {
                let has_holes = name == "Sprintf" && text.bytes().contains(&b'%');
                vec![Word { text: text.clone(), has_holes, is_quoted: true, ..Word::default() }]
            }
            // `"a" + "b"`
            [Token::Text(first), Token::Sign(b'+'), ..] => {
                let mut text = first.clone();
                for token in self.tokens.get(start + 1..end).unwrap_or_default() {
                    match token {
                        Token::Text(more) => _ = text.append(more, None),
                        Token::Name(name) => _ = text.append(&Text::at(place, &format!("${name}")), None),
                        _ => {}
                    }
                }
                vec![Word { text, is_quoted: true, ..Word::default() }]
            }
            [Token::Name(name), ..] => hole(name),
            _ => hole("EXPRESSION"),
        };
        (words.into_iter().take(MAX_WORDS).collect(), end)
    }

    /// Returns the position of the comma, bracket or line feed that ends an expression.
    fn end_of_expression(&self, start: usize) -> usize {
        let mut depth = 0_usize;
        let mut index = start;
        while let Some(token) = self.tokens.get(index).filter(|_| index - start < MAX_TOKENS) {
            match token {
                Token::Sign(b'(' | b'{' | b'[') => depth += 1,
                Token::Sign(b')' | b'}' | b']') if depth == 0 => return index,
                Token::Sign(b')' | b'}' | b']') => depth -= 1,
                Token::Sign(b',' | b'\n') | Token::Comment(_) if depth == 0 => return index,
                _ => {}
            }
            index += 1;
        }
        index
    }
}
