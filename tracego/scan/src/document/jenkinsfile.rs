//! Jenkinsfiles and other Groovy with the steps of Jenkins.
//!
//! Source: <https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/>

use std::collections::HashSet;

use super::quoted::{self, Token};
use crate::{
    command::CommandReader,
    extract::{Context, Extract},
    setting::Setting,
    shell::Variables,
    source::SourceFile,
    text::Text,
    word::Word,
};

/// Steps that take a script.
const STEPS: [&str; 4] = ["sh", "bat", "pwsh", "powershell"];
/// Maximum number of tokens between a step and its script.
const MAX_AHEAD: usize = 12;

/// Reads the scripts in the steps of a Jenkinsfile: `sh 'script'`, `sh(script: "…")`, `bat`, `pwsh`, with variables that are
/// set to a text.
pub(super) fn read(file: &SourceFile, extract: &mut Extract) {
    let tokens = quoted::tokens(file.bytes(), &quoted::GROOVY);
    let variables = variables_of(&tokens);
    let functions = functions_of(&tokens);
    let mut step: Option<usize> = None;
    // The folders of `dir('x') { … }` around, each with the depth of braces inside of it.
    let mut folders: Vec<(usize, String)> = Vec::new();
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        let here = tokens.get(index..).unwrap_or_default();
        match token {
            Token::Name(name) if name == "dir" => {
                if let [_, Token::Sign(b'('), Token::Text(folder), Token::Sign(b')'), Token::Sign(b'{'), ..] =
                    here
                {
                    folders.push((depth + 1, folder.to_str().into_owned()));
                }
            }
            Token::Name(name)
                if functions.contains(name)
                    && matches!(here.get(1), Some(Token::Sign(b'(') | Token::Text(_))) =>
            {
                step = Some(index);
            }
            Token::Name(name) if STEPS.contains(&name.as_str()) => {
                step = Some(index);
                // `sh command`, `sh(command)`, `sh(script: command)`
                let name = match here {
                    [_, Token::Name(name), ..] => Some(name),
                    [_, Token::Sign(b'('), Token::Name(name), Token::Sign(b')'), ..] => Some(name),
                    [_, Token::Sign(b'('), Token::Name(label), Token::Sign(b':'), Token::Name(name), ..]
                        if label == "script" =>
                    {
                        Some(name)
                    }
                    _ => None,
                };
                if let Some([script]) = name.and_then(|name| variables.get(name)) {
                    read_step(&script.text, &variables, &folders, extract);
                    step = None;
                }
            }
            Token::Text(text) => {
                // `sh 'x'`, `sh('x')`, `sh(script: 'x')`, `sh label: 'l', script: 'x'`.
                let label = index.checked_sub(2).and_then(|at| tokens.get(at));
                let is_other = matches!(label, Some(Token::Name(name)) if name != "script" && !STEPS.contains(&name.as_str()))
                    && matches!(index.checked_sub(1).and_then(|at| tokens.get(at)), Some(Token::Sign(b':')));
                if step.is_some_and(|at| index - at <= MAX_AHEAD) && !is_other {
                    // `sh 'a' + b + 'c'`
                    let script = sum(here, text, &variables);
                    read_step(&script, &variables, &folders, extract);
                    step = None;
                }
            }
            Token::Sign(b'{') => {
                depth += 1;
                step = None;
            }
            Token::Sign(b'}') => {
                depth = depth.saturating_sub(1);
                folders.retain(|(inside, _)| *inside <= depth);
                step = None;
            }
            Token::Sign(b';') => step = None,
            _ => {}
        }
    }
}

/// Returns the names of functions that give their first parameter to a step: `def run(command) { sh command }`.
fn functions_of(tokens: &[Token]) -> HashSet<String> {
    let mut found = HashSet::new();
    for (at, window) in tokens.windows(4).enumerate() {
        let [Token::Name(keyword), Token::Name(name), Token::Sign(b'('), Token::Name(first)] = window else {
            continue;
        };
        if !matches!(keyword.as_str(), "def" | "void") || found.len() >= 64 {
            continue;
        }
        let uses = |token: &Token| match token {
            Token::Name(used) => used == first,
            Token::Text(text) => {
                let text = text.to_str();
                text.contains(&format!("${first}")) || text.contains(&format!("${{{first}}}"))
            }
            _ => false,
        };
        let body = tokens.get(at + 4..).unwrap_or_default();
        let end = body.iter().take(256).position(|token| matches!(token, Token::Sign(b'}'))).unwrap_or(0);
        let body = body.get(..end).unwrap_or_default();
        let is_step = |token: &Token| matches!(token, Token::Name(step) if STEPS.contains(&step.as_str()));
        let step = body.iter().position(is_step);
        if step
            .and_then(|step| body.get(step + 1..))
            .is_some_and(|behind| behind.iter().take(MAX_AHEAD).any(uses))
        {
            found.insert(name.clone());
        }
    }
    found
}

fn read_step(script: &Text, variables: &Variables, folders: &[(usize, String)], extract: &mut Extract) {
    let folder = (!folders.is_empty())
        .then(|| folders.iter().map(|(_, folder)| folder.as_str()).collect::<Vec<_>>().join("/"));
    let context = Context { setting: Setting::Ci, unit: None, folder };
    let mut reader = CommandReader::new(&context, extract);
    reader.variables = variables.clone();
    reader.read_script(&without_scopes(script));
}

/// Returns the variables that a file sets to a text: `NAME = 'value'`, `withEnv(['NAME=value'])`, and parameters.
fn variables_of(tokens: &[Token]) -> Variables {
    let mut variables = Variables::default();
    for index in 0..tokens.len() {
        match tokens.get(index..).unwrap_or_default() {
            [Token::Name(name), Token::Sign(b'='), Token::Text(value), ..] => {
                variables.set(name, Word::known(value.clone()));
            }
            [Token::Name(name), Token::Sign(b'('), Token::Sign(b'['), list @ ..] if name == "withEnv" => {
                let values = list.iter().take_while(|token| !matches!(token, Token::Sign(b']'))).take(64);
                for token in values {
                    if let Token::Text(text) = token
                        && let Some((name, value)) = Word::known(text.clone()).split_at_equals()
                    {
                        variables.set(&name, value);
                    }
                }
            }
            // `string(name: 'NAME', defaultValue: 'value')`
            [Token::Name(label), Token::Sign(b':'), Token::Text(name), rest @ ..] if label == "name" => {
                let default = rest.windows(3).take(8).find_map(|window| match window {
                    [Token::Name(label), Token::Sign(b':'), Token::Text(value)]
                        if label == "defaultValue" =>
                    {
                        Some(value)
                    }
                    _ => None,
                });
                if let Some(value) = default {
                    variables.set(&name.to_str(), Word::known(value.clone()));
                }
            }
            _ => {}
        }
    }
    variables
}

/// Returns a text with those that `+` appends to it.
fn sum(tokens: &[Token], first: &Text, variables: &Variables) -> Text {
    let mut whole = first.clone();
    let mut rest = tokens.get(1..).unwrap_or_default();
    while let [Token::Sign(b'+'), next, behind @ ..] = rest {
        match next {
            Token::Text(text) => _ = whole.append(text, None),
            Token::Name(name) => match variables.get(name) {
                Some([value]) => _ = whole.append(&value.text, Some(whole.place(whole.len()))),
                _ => _ = whole.append(&Text::at(whole.place(whole.len()), &format!("${{{name}}}")), None),
            },
            _ => break,
        }
        rest = behind;
    }
    whole
}

/// Leaves out `env.` and `params.` in front of the names of variables.
fn without_scopes(script: &Text) -> Text {
    let mut plain = Text::default();
    let mut position = 0;
    while let Some(byte) = script.get(position) {
        let rest = script.bytes().get(position..).unwrap_or_default();
        plain.push(byte, script.place(position));
        position += 1;
        if rest.starts_with(b"${") {
            plain.push(b'{', script.place(position));
            let behind = rest.get(2..).unwrap_or_default();
            let scope = [&b"env."[..], b"params."].into_iter().find(|scope| behind.starts_with(scope));
            position += 1 + scope.map_or(0, <[u8]>::len);
        }
    }
    plain
}
