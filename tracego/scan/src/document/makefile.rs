//! Makefiles: variables, targets, prerequisites and recipes; no functions but `shell`.
//!
//! Source: GNU make, https://www.gnu.org/software/make/manual/

use std::{collections::HashMap, sync::Arc};

use crate::{
    command::CommandReader,
    extract::{Call, Callee, Context, Extract},
    setting::Setting,
    source::SourceFile,
    text::Text,
    word::Word,
};

/// Maximum depth of variables in variables.
const MAX_NESTING: usize = 16;
/// Maximum number of bytes that expansions may make of one file.
const MAX_EXPANDED: usize = 4 << 20;

/// A recipe line with its targets.
struct Recipe {
    targets: Vec<String>,
    script: Text,
}

/// A Makefile that has been split into its parts.
#[derive(Default)]
struct Makefile {
    variables: HashMap<String, Text>,
    recipes: Vec<Recipe>,
    prerequisites: Vec<(String, Text)>,
    /// Scripts of `$(shell …)` outside of recipes.
    scripts: Vec<Text>,
    first: Option<String>,
    expanded: usize,
}

/// Reads a Makefile.
pub(super) fn read(file: &SourceFile, extract: &mut Extract) {
    let mut makefile = Makefile::default();
    makefile.split(&Text::part(file.bytes(), 0..file.bytes().len()));
    let context = |unit: Option<&str>| Context {
        setting: Setting::Open,
        unit: unit.map(Arc::from),
        folder: Some(file.folder().to_owned()),
    };
    if let Some(first) = makefile.first.clone() {
        // The goal that make takes when none is given.
        let text = Text::default();
        extract.calls.push(Call { callee: Callee::Unit(first), text, context: context(Some("")) });
    }
    for (target, prerequisites) in std::mem::take(&mut makefile.prerequisites) {
        let expanded = makefile.expand(&prerequisites, None, 0);
        for name in expanded.to_str().split_whitespace() {
            let (callee, text) = (Callee::Unit(name.to_owned()), expanded.clone());
            extract.calls.push(Call { callee, text, context: context(Some(&target)) });
        }
    }
    for Recipe { targets, script } in std::mem::take(&mut makefile.recipes) {
        let script = makefile.expand(&script, None, 0);
        for target in &targets {
            CommandReader::new(&context(Some(target)), extract).read_script(&script);
        }
    }
    for script in std::mem::take(&mut makefile.scripts) {
        CommandReader::new(&context(None), extract).read_script(&script);
    }
    for name in crate::command::GO_ENVIRONMENT {
        if let Some(value) = makefile.variables.get(name).cloned() {
            let value = makefile.expand(&value, None, 0);
            let has_holes = memchr::memchr(b'$', value.bytes()).is_some();
            let word = Word { text: value, has_holes, ..Word::default() };
            CommandReader::new(&context(None), extract).declare(name, &word);
        }
    }
}

impl Makefile {
    fn split(&mut self, file: &Text) {
        let mut targets: Vec<String> = Vec::new();
        let mut lines = file.lines();
        while let Some(mut line) = lines.next() {
            // A line goes on behind a backslash.
            while line.bytes().trim_ascii_end().ends_with(b"\\") {
                let Some(next) = lines.next() else { break };
                line.push(b'\n', next.place(0));
                line.append(&next, None);
            }
            let bytes = line.bytes();
            if bytes.first() == Some(&b'\t') && !targets.is_empty() {
                let prefix =
                    bytes.iter().take_while(|b| matches!(b, b'\t' | b' ' | b'@' | b'-' | b'+')).count();
                let script = line.slice(prefix..line.len());
                self.recipes.push(Recipe { targets: targets.clone(), script });
                continue;
            }
            let trimmed = bytes.trim_ascii();
            if trimmed.is_empty() || trimmed.starts_with(b"#") {
                continue;
            }
            if let Some(name) = trimmed.strip_prefix(b"define ") {
                let name = String::from_utf8_lossy(name).trim_end_matches('=').trim().to_owned();
                let mut body = Text::default();
                for line in lines.by_ref().take_while(|line| line.bytes().trim_ascii() != b"endef") {
                    body.append(&line, None);
                    body.push(b'\n', line.place(line.len()));
                }
                self.variables.insert(name, body);
                continue;
            }
            if self.read_assignment(&line) {
                continue;
            }
            if let Some(found) = self.read_rule(&line) {
                targets = found;
            }
        }
    }

    /// Reads `NAME = value` in its forms.
    fn read_assignment(&mut self, line: &Text) -> bool {
        let text = line.to_str().into_owned();
        let Some(equals) = text.find('=') else { return false };
        let (mut left, _) = text.split_at(equals);
        let appends = left.ends_with('+');
        let is_shell = left.ends_with('!');
        left = left.trim_end_matches([':', '?', '+', '!']).trim();
        for keyword in ["export ", "override ", "private ", "unexport "] {
            left = left.strip_prefix(keyword).unwrap_or(left).trim();
        }
        // `target: NAME = value` sets it for one target; the value counts for all here.
        let name = left.rsplit(':').next().unwrap_or_default().trim();
        if name.is_empty() || name.contains([' ', '\t', '(', ')', '$']) {
            return false;
        }
        let rest = line.slice(equals + 1..line.len());
        let blank = rest.bytes().iter().take_while(|b| b.is_ascii_whitespace()).count();
        let end = memchr::memmem::find(rest.bytes(), b" #").unwrap_or(rest.len());
        let value = rest.slice(blank..end.max(blank));
        if is_shell {
            self.scripts.push(value);
            return true;
        }
        match self.variables.get_mut(name) {
            Some(old) if appends => {
                old.push(b' ', value.place(0));
                old.append(&value, None);
            }
            // The first of several definitions is that of the usual case.
            Some(_) if text.contains("?=") => {}
            _ => {
                self.variables.insert(name.to_owned(), value);
            }
        }
        true
    }

    /// Reads `targets: prerequisites ; recipe`. Returns the targets.
    fn read_rule(&mut self, line: &Text) -> Option<Vec<String>> {
        let colon = memchr::memchr(b':', line.bytes())?;
        let names = self.expand(&line.slice(0..colon), None, 0).to_str().into_owned();
        let targets: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        let mut rest = line.slice(colon + 1..line.len());
        if rest.bytes().first() == Some(&b':') {
            rest = rest.slice(1..rest.len());
        }
        let semicolon = memchr::memchr(b';', rest.bytes());
        if let Some(at) = semicolon {
            let script = rest.slice(at + 1..rest.len());
            self.recipes.push(Recipe { targets: targets.clone(), script });
        }
        let end = semicolon.or_else(|| memchr::memchr(b'#', rest.bytes())).unwrap_or(rest.len());
        for target in targets.iter().filter(|target| !target.starts_with('.')) {
            self.first.get_or_insert_with(|| target.clone());
            self.prerequisites.push((target.clone(), rest.slice(0..end)));
        }
        Some(targets)
    }

    /// Expands variables. What is not known becomes a variable of the shell of that name.
    fn expand(&mut self, text: &Text, place: Option<u32>, depth: usize) -> Text {
        let mut result = Text::default();
        let mut position = 0;
        while let Some(byte) = text.get(position) {
            let at = place.unwrap_or_else(|| text.place(position));
            if byte != b'$' {
                result.push(byte, at);
                position += 1;
                continue;
            }
            match text.get(position + 1) {
                Some(b'$') => {
                    result.push(b'$', at);
                    position += 2;
                }
                Some(open @ (b'(' | b'{')) => {
                    let close = if open == b'(' { b')' } else { b'}' };
                    let end = closing(text, position + 1, open, close);
                    let inner = text.slice(position + 2..end);
                    result.append(&self.reference(&inner, at, depth), None);
                    position = end + 1;
                }
                Some(name) if name.is_ascii_alphabetic() => {
                    let inner = text.slice(position + 1..position + 2);
                    result.append(&self.reference(&inner, at, depth), None);
                    position += 2;
                }
                // An automatic variable such as `$@`.
                Some(_) => {
                    result.append(&Text::at(at, "${AUTOMATIC}"), None);
                    position += 2;
                }
                None => position += 1,
            }
        }
        result
    }

    /// Returns the value of a reference to a variable or a function.
    fn reference(&mut self, inner: &Text, at: u32, depth: usize) -> Text {
        let name = inner.to_str().trim().to_owned();
        if let Some(value) = self.variables.get(&name).cloned() {
            self.expanded += value.len() + 1;
            if depth < MAX_NESTING && self.expanded < MAX_EXPANDED {
                return self.expand(&value, Some(at), depth + 1);
            }
        }
        if let Some(script) = name.strip_prefix("shell ") {
            let script = inner.slice(inner.len().saturating_sub(script.len())..inner.len());
            if depth < MAX_NESTING {
                let script = self.expand(&script, None, depth + 1);
                self.scripts.push(script.clone());
                // Where the shell is asked for the go command, the answer is known.
                if ["which go", "command -v go"].iter().any(|look| script.to_str().starts_with(look)) {
                    return Text::at(at, "go");
                }
            }
        }
        // `$(or $(X),go)` and `$(if …,go)`: the last argument is the default.
        if let Some(arguments) = name.strip_prefix("or ").filter(|_| depth < MAX_NESTING) {
            let last = arguments.rsplit(',').next().unwrap_or_default();
            return self.expand(&Text::at(at, last), Some(at), depth + 1);
        }
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Text::at(at, &if is_name { format!("${{{name}}}") } else { "${FUNCTION}".to_owned() })
    }
}

/// Returns the position of the bracket that closes the one at `start`, or the end.
fn closing(text: &Text, start: usize, open: u8, close: u8) -> usize {
    let mut depth = 0_usize;
    for position in start..text.len() {
        match text.get(position) {
            Some(byte) if byte == open => depth += 1,
            Some(byte) if byte == close => {
                depth -= 1;
                if depth == 0 {
                    return position;
                }
            }
            _ => {}
        }
    }
    text.len()
}
