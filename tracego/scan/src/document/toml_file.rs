//! Tasks and commands in TOML: mise, air, fly, netlify.

use std::sync::Arc;

use super::quoted::{self, Token};
use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
};

/// Keys of air whose values are commands.
const OF_AIR: [&str; 7] = ["cmd", "full_bin", "bin", "pre_cmd", "post_cmd", "entrypoint", "args_bin"];
/// Keys of platforms whose values are commands.
const OF_PLATFORMS: [&str; 5] =
    ["command", "release_command", "startCommand", "buildCommand", "preDeployCommand"];

/// One key of a file with its values.
struct TomlEntry<'a> {
    /// Names of the table, such as `tasks` and `build`.
    table: Vec<String>,
    key: String,
    values: Vec<&'a Text>,
}

/// Reads a file with tasks or commands; its name says which keys matter.
pub(super) fn read(file: &SourceFile, extract: &mut Extract) {
    let tokens = quoted::tokens(file.bytes(), &quoted::TOML);
    let name = file.name().to_ascii_lowercase();
    for entry in entries(&tokens) {
        let table: Vec<&str> = entry.table.iter().map(String::as_str).collect();
        let key = entry.key.as_str();
        match () {
            () if name.contains("air") => read_if(OF_AIR.contains(&key), &entry, Setting::Developer, extract),
            () if name.contains("mise") || file.path.contains("mise/") => {
                read_mise(&table, key, &entry, extract)
            }
            () if table.first() == Some(&"processes") => read_if(true, &entry, Setting::Production, extract),
            () if name.starts_with("netlify") => {
                read_if(OF_PLATFORMS.contains(&key), &entry, Setting::Ci, extract)
            }
            () => read_if(OF_PLATFORMS.contains(&key), &entry, Setting::Production, extract),
        }
    }
}

fn read_if(is_command: bool, entry: &TomlEntry<'_>, setting: Setting, extract: &mut Extract) {
    let context = Context { setting, unit: None, folder: None };
    for value in entry.values.iter().filter(|_| is_command) {
        CommandReader::new(&context, extract).read_script(value);
    }
}

/// Reads a task of mise: `[tasks.NAME] run = "…"`, `[tasks] NAME = "…"`, and hooks.
fn read_mise(table: &[&str], key: &str, entry: &TomlEntry<'_>, extract: &mut Extract) {
    let (name, field) = match table {
        ["tasks", name @ ..] if !name.is_empty() => (name.join("."), key),
        ["tasks"] => match key.split_once('.') {
            Some((name, field)) => (name.to_owned(), field),
            None => (key.to_owned(), "run"),
        },
        ["hooks", ..] => return read_if(true, entry, Setting::Developer, extract),
        _ => return,
    };
    let context = Context { setting: Setting::Open, unit: Some(Arc::from(name)), folder: None };
    for value in &entry.values {
        match field {
            "run" => CommandReader::new(&context, extract).read_script(value),
            "depends" | "depends_post" | "wait_for" => {
                let callee = Callee::Unit(value.to_str().into_owned());
                extract.call(callee, Some(value.place(0)), &context);
            }
            _ => {}
        }
    }
}

/// Splits a file into its keys.
fn entries(tokens: &[Token]) -> Vec<TomlEntry<'_>> {
    let mut found: Vec<TomlEntry<'_>> = Vec::new();
    let mut table: Vec<String> = Vec::new();
    let mut index = 0;
    let mut begins_line = true;
    while let Some(token) = tokens.get(index) {
        let rest = tokens.get(index..).unwrap_or_default();
        match token {
            Token::Sign(b'\n') => begins_line = true,
            Token::Sign(b'[') if begins_line => {
                let end =
                    rest.iter().position(|token| matches!(token, Token::Sign(b'\n'))).unwrap_or(rest.len());
                table = names(rest.get(..end).unwrap_or_default());
                index += end;
                continue;
            }
            Token::Name(_) | Token::Text(_) if begins_line => {
                let equals = rest.iter().take(16).position(|token| matches!(token, Token::Sign(b'=')));
                begins_line = false;
                if let Some(equals) = equals {
                    let key = names(rest.get(..equals).unwrap_or_default()).join(".");
                    let (values, length) = values(rest.get(equals + 1..).unwrap_or_default());
                    found.push(TomlEntry { table: table.clone(), key, values });
                    index += equals + 1 + length;
                    continue;
                }
            }
            _ => begins_line = false,
        }
        index += 1;
    }
    found
}

/// Returns the names in a header or in front of an equals sign; one with `-` is one name.
fn names(tokens: &[Token]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut joins = false;
    for token in tokens {
        let name = match token {
            Token::Name(name) => name.clone(),
            Token::Text(text) => text.to_str().into_owned(),
            Token::Sign(sign @ (b'-' | b':')) => char::from(*sign).to_string(),
            _ => {
                joins = false;
                continue;
            }
        };
        match found.last_mut().filter(|_| joins) {
            Some(last) => last.push_str(&name),
            None => found.push(name),
        }
        joins = true;
    }
    found
}

/// Returns the texts of a value, and the number of its tokens.
fn values(tokens: &[Token]) -> (Vec<&Text>, usize) {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign(b'[' | b'{') => depth += 1,
            Token::Sign(b']' | b'}') => depth = depth.saturating_sub(1),
            Token::Sign(b'\n') if depth == 0 => return (found, index),
            Token::Text(text) => found.push(text),
            _ => {}
        }
    }
    (found, tokens.len())
}
