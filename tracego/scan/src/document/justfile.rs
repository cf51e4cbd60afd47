//! Justfiles.
//!
//! Source: <https://just.systems/man/en/>

use std::{collections::HashMap, sync::Arc};

use super::expression;
use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
};

/// Reads a justfile.
pub(super) fn read(file: &SourceFile, extract: &mut Extract) {
    let whole = Text::part(file.bytes(), 0..file.bytes().len());
    let mut values: HashMap<String, Text> = HashMap::new();
    let mut recipe: Option<(Arc<str>, Text)> = None;
    let context = |unit: Option<Arc<str>>| Context {
        setting: Setting::Open,
        unit,
        folder: Some(file.folder().to_owned()),
    };
    let finish = |recipe: Option<(Arc<str>, Text)>, values: &HashMap<String, Text>, extract: &mut Extract| {
        if let Some((name, body)) = recipe {
            let script = expression::replace(&body, |name| values.get(name).cloned());
            CommandReader::new(&context(Some(name)), extract).read_script(&script);
        }
    };
    for line in whole.lines() {
        let bytes = line.bytes();
        let is_indented = bytes.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        if is_indented && let Some((_, body)) = &mut recipe {
            let prefix = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'@' | b'-')).count();
            // An option in a continued line is no prefix.
            let blank = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            let continues = body.bytes().ends_with(b"\\\n");
            body.append(&line.slice(if continues { blank } else { prefix }..line.len()), None);
            body.push(b'\n', line.place(line.len()));
            continue;
        }
        let text = line.to_str().into_owned();
        if text.trim().is_empty() {
            continue;
        }
        finish(recipe.take(), &values, extract);
        if text.trim_start().starts_with('#') {
            continue;
        }
        if let Some((name, value)) = text.split_once(":=") {
            let name = name.trim().trim_start_matches("export ").trim();
            let value = value.trim().trim_matches(['"', '\'', '`']);
            if let Some(start) = text.find(value).filter(|_| !value.is_empty()) {
                values.insert(name.to_owned(), line.slice(start..start + value.len()));
            }
            continue;
        }
        let Some((head, dependencies)) = text.split_once(':') else { continue };
        let Some(name) = head.split_whitespace().next().map(|name| name.trim_start_matches('@')) else {
            continue;
        };
        let name: Arc<str> = name.into();
        for dependency in dependencies.split_whitespace().filter(|word| *word != "&&") {
            let callee = Callee::Unit(dependency.trim_matches(['(', ')']).to_owned());
            extract.call(callee, Some(line.place(0)), &context(Some(Arc::clone(&name))));
        }
        recipe = Some((name, Text::default()));
    }
    finish(recipe, &values, extract);
}
