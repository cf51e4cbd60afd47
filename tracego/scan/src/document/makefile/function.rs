//! Functions of a Makefile.

use super::{Makefile, expansion::MAX_EXPANDED};
use crate::text::Text;

/// Maximum number of words that `$(foreach …)` goes over.
const MAX_ROUNDS: usize = 256;

impl Makefile {
    /// Returns the value of a function. Returns `None` for one whose value is not known.
    pub(super) fn function(&mut self, name: &str, rest: &Text, at: u32, depth: usize) -> Option<Text> {
        self.expanded += rest.len() + 1;
        if self.expanded > MAX_EXPANDED {
            return None;
        }
        let arguments = arguments(rest);
        let argument = |index: usize| arguments.get(index).cloned().unwrap_or_default();
        match name {
            "shell" => self.shell(rest, at, depth),
            "call" => self.call(&arguments, at, depth),
            "foreach" => Some(self.foreach(&arguments, depth)),
            "eval" => {
                let made = self.expand(rest, None, depth);
                self.evaluate(&made);
                Some(Text::default())
            }
            "info" | "warning" | "error" => Some(Text::default()),
            "strip" | "firstword" | "lastword" | "sort" | "value" => Some(self.expand(rest, Some(at), depth)),
            // A pattern stands for what it matches, as in `include $(wildcard mk/*.mk)`.
            "wildcard" => Some(self.expand(rest, Some(at), depth)),
            // The last argument is the default.
            "or" | "and" => {
                Some(self.expand(&arguments.last().cloned().unwrap_or_default(), Some(at), depth))
            }
            "if" => {
                let then = self.expand(&argument(1), Some(at), depth);
                let is_blank = then.bytes().trim_ascii().is_empty();
                Some(if is_blank { self.expand(&argument(2), Some(at), depth) } else { then })
            }
            "addprefix" | "addsuffix" => {
                let affix = self.expand(&argument(0), Some(at), depth).to_str().into_owned();
                let list = self.expand(&argument(1), Some(at), depth).to_str().into_owned();
                let affixed = |word: &str| match name {
                    "addprefix" => format!("{affix}{word}"),
                    _ => format!("{word}{affix}"),
                };
                let words: Vec<String> = list.split_whitespace().take(MAX_ROUNDS).map(affixed).collect();
                Some(Text::at(at, &words.join(" ")))
            }
            _ => None,
        }
    }

    /// Notes the script of `$(shell …)`. Where the shell is asked for the go command, the answer is known.
    fn shell(&mut self, script: &Text, at: u32, depth: usize) -> Option<Text> {
        let script = self.expand(script, None, depth);
        let looks =
            ["which go", "command -v go"].iter().any(|look| script.to_str().trim_start().starts_with(look));
        self.scripts.push(script);
        looks.then(|| Text::at(at, "go"))
    }

    /// Returns the value of `$(call NAME,ARGUMENTS)`.
    fn call(&mut self, arguments: &[Text], at: u32, depth: usize) -> Option<Text> {
        let (name, rest) = arguments.split_first()?;
        let name = self.expand(name, Some(at), depth).to_str().trim().to_owned();
        let value = self.variables.get(&name)?.clone();
        self.expanded += value.text.len();
        let text = if value.is_foreign { Text::at(at, &value.text.to_str()) } else { value.text };
        let rest = rest.iter().map(|argument| self.expand(argument, None, depth)).collect();
        self.arguments.push(rest);
        let made = self.expand(&text, Some(at).filter(|_| !value.is_macro), depth);
        self.arguments.pop();
        Some(made)
    }

    /// Returns the value of `$(foreach NAME,WORDS,TEXT)`.
    fn foreach(&mut self, arguments: &[Text], depth: usize) -> Text {
        let [name, list, text @ ..] = arguments else { return Text::default() };
        let mut whole = Text::default();
        for (index, part) in text.iter().enumerate() {
            if index > 0 {
                whole.push(b',', part.place(0));
            }
            whole.append(part, None);
        }
        let name = name.to_str().trim().to_owned();
        let list = self.expand(list, None, depth);
        let outer = self.variables.get(&name).cloned();
        let mut made = Text::default();
        let mut start = 0;
        for word in list.bytes().split(u8::is_ascii_whitespace).take(MAX_ROUNDS) {
            let value = list.slice(start..start + word.len());
            start += word.len() + 1;
            if value.is_empty() || self.expanded > MAX_EXPANDED {
                continue;
            }
            self.set(&name, value);
            let part = self.expand(&whole, None, depth);
            self.expanded += part.len() + 1;
            made.push(b' ', part.place(0));
            made.append(&part, None);
        }
        match outer {
            Some(value) => _ = self.variables.insert(name, value),
            None => _ = self.variables.remove(&name),
        }
        made
    }
}

/// Splits the arguments of a function at commas outside of brackets.
fn arguments(text: &Text) -> Vec<Text> {
    let mut found = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (position, byte) in text.bytes().iter().enumerate() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push(text.slice(start..position));
                start = position + 1;
            }
            _ => {}
        }
    }
    found.push(text.slice(start..text.len()));
    found
}
