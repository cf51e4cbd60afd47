//! References to variables in a Makefile.

use super::Makefile;
use crate::text::Text;

/// Maximum depth of variables in variables.
pub(super) const MAX_NESTING: usize = 16;
/// Maximum number of bytes that expansions may make of one file.
pub(super) const MAX_EXPANDED: usize = 4 << 20;

impl Makefile {
    /// Expands variables. What is not known becomes a variable of the shell of that name.
    pub(super) fn expand(&mut self, text: &Text, place: Option<u32>, depth: usize) -> Text {
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
                Some(name) if name.is_ascii_alphanumeric() => {
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
        if let Some(argument) = self.argument(&name, at) {
            return argument;
        }
        if let Some(value) = self.value(&name, at, depth) {
            return value;
        }
        if let Some((function, rest)) = name.split_once([' ', '\t', '\n']) {
            let offset =
                inner.len().saturating_sub(inner.bytes().trim_ascii_start().len()) + function.len() + 1;
            let rest_text = inner.slice(offset..(offset + rest.len()).min(inner.len()));
            if depth < MAX_NESTING
                && let Some(value) = self.function(function, &rest_text, at, depth + 1)
            {
                return value;
            }
        }
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Text::at(at, &if is_name { format!("${{{name}}}") } else { "${FUNCTION}".to_owned() })
    }

    /// Returns the expanded value of a variable.
    fn value(&mut self, name: &str, at: u32, depth: usize) -> Option<Text> {
        if depth >= MAX_NESTING {
            return None;
        }
        let of_target = self.target.as_ref().filter(|_| !self.of_targets.is_empty());
        let of_target = of_target.and_then(|target| self.of_targets.get(&(target.clone(), name.to_owned())));
        let (text, is_macro) = match (of_target, self.variables.get(name)) {
            (Some(text), _) => (text.clone(), false),
            (None, Some(value)) if self.expanded + value.text.len() < MAX_EXPANDED => {
                let text =
                    if value.is_foreign { Text::at(at, &value.text.to_str()) } else { value.text.clone() };
                (text, value.is_macro)
            }
            _ => return None,
        };
        self.expanded += text.len() + 1;
        Some(self.expand(&text, Some(at).filter(|_| !is_macro), depth + 1))
    }

    /// Returns an argument of the function that is expanded. One that is a command of go has the place of the call.
    fn argument(&self, name: &str, at: u32) -> Option<Text> {
        let number: usize = name.parse().ok()?;
        let value = self.arguments.last()?.get(number.checked_sub(1)?)?;
        let text = value.to_str();
        let first = text.split_whitespace().next().unwrap_or_default();
        let begins_command = first == "go" || first.ends_with("/go") || first.starts_with("${GO");
        Some(if begins_command { value.clone() } else { Text::at(at, &text) })
    }
}

/// Returns the position of the bracket that closes the one at `start`, or the end.
pub(super) fn closing(text: &Text, start: usize, open: u8, close: u8) -> usize {
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
