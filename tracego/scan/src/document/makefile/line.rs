//! The lines of a Makefile: assignments, rules, macros, included files.

use std::rc::Rc;

use super::{MakeVariable, Makefile, Recipe};
use crate::text::Text;

/// Maximum depth of `$(eval …)` in `$(eval …)`.
const MAX_EVAL: usize = 4;

impl Makefile {
    /// Splits a text into the parts of a Makefile.
    pub(super) fn split(&mut self, file: &Text) {
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
            if bytes.first() == Some(&self.prefix.unwrap_or(b'\t')) && !targets.is_empty() {
                let is_prefix = |byte: &u8| matches!(byte, b'\t' | b' ' | b'@' | b'-' | b'+');
                let prefix = 1 + bytes.iter().skip(1).take_while(|byte| is_prefix(byte)).count();
                let script = line.slice(prefix..line.len());
                self.recipes.push(Recipe { targets: Rc::clone(&targets), script });
                continue;
            }
            let trimmed = bytes.trim_ascii();
            if trimmed.is_empty() || trimmed.starts_with(b"#") {
                continue;
            }
            let macro_name = trimmed.strip_prefix(b"override ").unwrap_or(trimmed).strip_prefix(b"define ");
            if let Some(name) = macro_name {
                let name = String::from_utf8_lossy(name)
                    .trim_end()
                    .trim_end_matches(['=', ':', '?', '+'])
                    .trim()
                    .to_owned();
                let mut text = Text::default();
                for line in lines.by_ref().take_while(|line| line.bytes().trim_ascii() != b"endef") {
                    text.append(&line, None);
                    text.push(b'\n', line.place(line.len()));
                }
                self.variables.insert(name, MakeVariable { text, is_macro: true, is_foreign: false });
                continue;
            }
            if self.read_inclusion(&line) || self.read_assignment(&line) {
                continue;
            }
            if trimmed.starts_with(b"$(") || trimmed.starts_with(b"${") {
                // A call that makes lines, such as `$(foreach …,$(eval …))`.
                let made = self.expand(&line, None, 0);
                if !made.bytes().trim_ascii().is_empty() && self.depth < MAX_EVAL && is_whole_call(trimmed) {
                    self.evaluate(&made);
                    continue;
                }
            }
            if let Some(found) = self.read_rule(&line) {
                targets = found.into();
            }
        }
    }

    /// Reads a text that the Makefile makes as a part of it.
    pub(super) fn evaluate(&mut self, made: &Text) {
        self.expanded += made.len() + 1;
        if self.depth < MAX_EVAL && self.expanded < super::expansion::MAX_EXPANDED {
            self.depth += 1;
            self.split(made);
            self.depth -= 1;
        }
    }

    /// Reads `include FILES`.
    fn read_inclusion(&mut self, line: &Text) -> bool {
        let text = line.to_str().into_owned();
        let mut words = text.split_whitespace();
        if !words.next().is_some_and(|word| matches!(word, "include" | "-include" | "sinclude")) {
            return false;
        }
        let start = text.find("include").unwrap_or_default() + "include".len();
        let names = self.expand(&line.slice(start..line.len()), None, 0).to_str().into_owned();
        self.included.extend(names.split_whitespace().filter(|name| !name.contains('$')).map(str::to_owned));
        true
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
        // `target: NAME = value` sets it for one target.
        let (targets, mut name) = match left.rsplit_once(':') {
            Some((targets, name)) => (targets.trim(), name.trim()),
            None => ("", left),
        };
        for keyword in ["export ", "override ", "private ", "unexport "] {
            name = name.strip_prefix(keyword).unwrap_or(name).trim();
        }
        if name.is_empty() || name.contains([' ', '\t', '(', ')', '$']) {
            return false;
        }
        let rest = line.slice(equals + 1..line.len());
        let blank = rest.bytes().iter().take_while(|b| b.is_ascii_whitespace()).count();
        let end = memchr::memmem::find(rest.bytes(), b" #").unwrap_or(rest.len());
        let value = rest.slice(blank..end.max(blank));
        match name {
            ".RECIPEPREFIX" => self.prefix = value.bytes().first().copied(),
            ".DEFAULT_GOAL" => self.first = Some(value.to_str().trim().to_owned()),
            _ => {}
        }
        if is_shell {
            self.scripts.push(value);
            return true;
        }
        if !targets.is_empty() {
            for target in targets.split_whitespace().take(64) {
                self.of_targets.insert((target.to_owned(), name.to_owned()), value.clone());
            }
        }
        match self.variables.get_mut(name).filter(|old| !old.is_foreign) {
            Some(old) if appends => {
                old.text.push(b' ', value.place(0));
                old.text.append(&value, None);
            }
            // `?=` keeps an earlier definition.
            Some(_) if is_default => {}
            _ => self.set(name, value),
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
}

/// Whether a line is one reference to a function, and nothing else.
fn is_whole_call(line: &[u8]) -> bool {
    let text = Text::part(line, 0..line.len());
    let (open, close) = if line.get(1) == Some(&b'(') { (b'(', b')') } else { (b'{', b'}') };
    super::expansion::closing(&text, 1, open, close) + 1 == line.len()
}
