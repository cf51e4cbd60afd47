//! Makefiles: variables, targets, prerequisites and recipes; no functions but `shell`.
//!
//! Source: GNU make, <https://www.gnu.org/software/make/manual/>

use std::{collections::HashMap, rc::Rc, sync::Arc};

use crate::{
    command::CommandReader,
    extract::{Callee, Context, Extract},
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
    targets: Rc<[String]>,
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
    makefile.variables.insert("MAKE".to_owned(), Text::at(0, "make"));
    makefile.split(&Text::part(file.bytes(), 0..file.bytes().len()));
    let context = |unit: Option<&str>| Context {
        setting: Setting::Open,
        unit: unit.map(Arc::from),
        folder: Some(file.folder().to_owned()),
    };
    if let Some(first) = makefile.first.clone() {
        // The goal that make takes when none is given.
        extract.call(Callee::Unit(first), None, &context(Some("")));
    }
    for (target, prerequisites) in std::mem::take(&mut makefile.prerequisites) {
        let expanded = makefile.expand(&prerequisites, None, 0);
        for name in expanded.to_str().split_whitespace() {
            let callee = Callee::Unit(name.to_owned());
            extract.call(callee, Some(prerequisites.place(0)), &context(Some(&target)));
        }
    }
    for Recipe { targets, script } in std::mem::take(&mut makefile.recipes) {
        let script = makefile.expand(&script, None, 0);
        for target in targets.iter() {
            CommandReader::new(&context(Some(target)), extract).read_script(&script);
        }
    }
    // Values that the shell makes are made whether a recipe uses them or not.
    let made: Vec<Text> =
        makefile.variables.values().filter(|value| is_made_by_shell(value)).cloned().collect();
    for value in made {
        makefile.expand(&value, None, 0);
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
        let mut targets: Rc<[String]> = Rc::new([]);
        let mut lines = file.lines();
        while let Some(mut line) = lines.next() {
            // A line goes on behind a backslash.
            let mut continues = line.bytes().ends_with(b"\\") || line.bytes().ends_with(b"\\\r");
            while continues {
                let Some(next) = lines.next() else { break };
                line.push(b'\n', next.place(0));
                line.append(&next, None);
                continues = next.bytes().ends_with(b"\\") || next.bytes().ends_with(b"\\\r");
            }
            let bytes = line.bytes();
            if bytes.first() == Some(&b'\t') && !targets.is_empty() {
                let prefix =
                    bytes.iter().take_while(|b| matches!(b, b'\t' | b' ' | b'@' | b'-' | b'+')).count();
                let script = line.slice(prefix..line.len());
                self.recipes.push(Recipe { targets: Rc::clone(&targets), script });
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
                targets = found.into();
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
        let is_default = left.ends_with('?');
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
            // `?=` keeps an earlier definition.
            Some(_) if is_default => {}
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
            let prefix =
                script.bytes().iter().take_while(|b| matches!(b, b'\t' | b' ' | b'@' | b'-' | b'+')).count();
            let script = script.slice(prefix..script.len());
            self.recipes.push(Recipe { targets: targets.clone().into(), script });
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
        if let Some(length) = self.variables.get(&name).map(Text::len) {
            self.expanded += length + 1;
            if depth < MAX_NESTING && self.expanded < MAX_EXPANDED {
                let value = self.variables.get(&name).cloned().unwrap_or_default();
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
        if let Some(arguments) = name.strip_prefix("if ").filter(|_| depth < MAX_NESTING) {
            let then = arguments.split(',').nth(1).unwrap_or_default();
            return self.expand(&Text::at(at, then), Some(at), depth + 1);
        }
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Text::at(at, &if is_name { format!("${{{name}}}") } else { "${FUNCTION}".to_owned() })
    }
}

fn is_made_by_shell(value: &Text) -> bool {
    memchr::memmem::find(value.bytes(), b"$(shell ").is_some()
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
