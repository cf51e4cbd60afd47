//! Expansions of variables, arguments and expressions.

use super::{MAX_DEPTH, parser::Parser, word_builder::WordBuilder};
use crate::{text::Text, word::Word};

/// The result of an expansion.
pub(super) enum Expansion {
    Value(Vec<Word>),
    Hole,
}

impl Parser<'_> {
    /// Reads an expansion that begins here.
    pub(super) fn expand(&mut self, builder: &mut WordBuilder, splits: bool) {
        let start = self.position;
        let place = self.text.place(start);
        let expansion = match (self.peek(0), self.peek(1), self.peek(2)) {
            (Some(b'`'), ..) => self.read_backticks(),
            // An expression of a CI system, which is put in before the shell sees the script.
            (_, Some(b'{'), Some(b'{')) => self.read_expression(),
            (_, Some(b'('), Some(b'(')) => self.skip_arithmetic(),
            (_, Some(b'('), _) => self.read_command_substitution(),
            (_, Some(b'{'), _) => self.read_braces(splits),
            (_, Some(byte), _) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.position += 1;
                let name = self.read_name();
                self.lookup(&name, false)
            }
            (_, Some(byte @ (b'@' | b'*' | b'1'..=b'9')), _) => {
                self.position += 2;
                self.arguments(byte, None, splits)
            }
            (_, Some(b'#' | b'?' | b'-' | b'$' | b'!' | b'0'), _) => {
                self.position += 2;
                Expansion::Hole
            }
            _ => {
                builder.push(b'$', place);
                self.position += 1;
                return;
            }
        };
        match expansion {
            Expansion::Hole => builder.append_hole(&self.text.slice(start..self.position)),
            Expansion::Value(words) => {
                for (index, word) in words.iter().enumerate() {
                    if index > 0 {
                        builder.end_word();
                    }
                    match splits {
                        true => builder.append_split(word, place),
                        false => builder.append(word, place),
                    }
                }
            }
        }
    }

    fn read_name(&mut self) -> String {
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        self.position += length;
        String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned()
    }

    fn lookup(&mut self, name: &str, all: bool) -> Expansion {
        let count = if all { usize::MAX } else { 1 };
        self.variables.expand(name, count).map_or(Expansion::Hole, Expansion::Value)
    }

    /// Returns the arguments that `$@`, `$*` or `$1` names; with a range, those of `${@:from:count}`.
    fn arguments(&mut self, name: u8, range: Option<(usize, usize)>, splits: bool) -> Expansion {
        let (from, count) = match name {
            b'1'..=b'9' => (usize::from(name - b'0'), 1),
            _ => range.unwrap_or((1, usize::MAX)),
        };
        let Some(words) = self.variables.expand_arguments(from, count) else { return Expansion::Hole };
        if name != b'*' || splits {
            return Expansion::Value(words);
        }
        // `"$*"` is one word.
        let mut whole = Word::default();
        for word in words {
            if !whole.text.is_empty() {
                whole.text.push(b' ', word.text.place(0));
            }
            whole.text.append(&word.text, None);
            whole.has_holes |= word.has_holes;
            whole.is_passed |= word.is_passed;
        }
        Expansion::Value(vec![whole])
    }

    /// Reads `:from:count` of `${@:from:count}`.
    fn read_range(&mut self) -> Option<(usize, usize)> {
        let mut numbers = [1, usize::MAX];
        for number in &mut numbers {
            if self.peek(0) != Some(b':') || !self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
                break;
            }
            self.position += 1;
            *number = self.read_name().parse().ok()?;
        }
        Some((numbers[0], numbers[1]))
    }

    /// Reads `[3]` behind the name of a list.
    fn read_index(&mut self) -> Option<usize> {
        let rest = self.text.bytes().get(self.position..)?.strip_prefix(b"[")?;
        let end = memchr::memchr(b']', rest)?;
        self.position += end + 2;
        std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()
    }

    /// Reads `${…}`. A variable that is not known has its default, if it has one.
    fn read_braces(&mut self, splits: bool) -> Expansion {
        self.position += 2;
        let name = self.read_name();
        let all = [&b"[@]"[..], b"[*]"].into_iter().find(|all| self.starts_with(all));
        let is_all = all.is_some();
        self.position += all.map_or(0, |all| all.len());
        let known = match (name.as_bytes(), self.peek(0)) {
            ([], Some(sign @ (b'@' | b'*'))) => {
                self.position += 1;
                let range = self.read_range();
                self.arguments(sign, range, splits)
            }
            ([], _) => Expansion::Hole,
            ([digit @ b'1'..=b'9'], _) => self.arguments(*digit, None, splits),
            (_, Some(b'[')) => {
                let element = match self.read_index() {
                    Some(index) => self.variables.expand_element(&name, index),
                    // A key that is not known may mean the element that runs something.
                    None => self.variables.expand_run(&name),
                };
                element.map_or(Expansion::Hole, Expansion::Value)
            }
            _ => self.lookup(&name, is_all),
        };
        let operator =
            [&b":-"[..], b"-", b":=", b"="].into_iter().find(|operator| self.starts_with(operator));
        if let Some(operator) = operator {
            self.position += operator.len();
            let default = self.read_until_brace();
            let sets = operator.ends_with(b"=") && !name.is_empty();
            return match known {
                Expansion::Value(words) if !words.is_empty() => Expansion::Value(words),
                _ if self.depth < MAX_DEPTH => {
                    let value = self.evaluate(&default);
                    if sets {
                        self.variables.set(&name, value.clone());
                    }
                    Expansion::Value(vec![value])
                }
                known => known,
            };
        }
        let is_plain = self.peek(0) == Some(b'}');
        self.read_until_brace();
        if is_plain { known } else { Expansion::Hole }
    }

    fn starts_with(&self, prefix: &[u8]) -> bool {
        self.text.bytes().get(self.position..).is_some_and(|rest| rest.starts_with(prefix))
    }

    /// Reads up to the brace that closes an expansion, and consumes it.
    fn read_until_brace(&mut self) -> Text {
        let start = self.position;
        let mut open = 1_usize;
        let mut quote = None;
        while let Some(byte) = self.peek(0) {
            self.position += 1;
            match byte {
                b'\\' => self.position += 1,
                b'\'' | b'"' if quote.is_none() => quote = Some(byte),
                _ if quote == Some(byte) => quote = None,
                b'{' if quote.is_none() => open += 1,
                b'}' if quote.is_none() => {
                    open -= 1;
                    if open == 0 {
                        return self.text.slice(start..self.position - 1);
                    }
                }
                _ => {}
            }
        }
        self.position = self.position.min(self.text.len());
        self.text.slice(start..self.position)
    }

    /// Evaluates the default of an expansion to one word.
    fn evaluate(&mut self, text: &Text) -> Word {
        let mut inner = Parser::new(text, self.variables, self.depth + 1);
        let mut whole = Word::default();
        while inner.position < text.len() {
            let start = inner.position;
            for word in inner.read(false) {
                whole.has_holes |= word.has_holes;
                whole.text.append(&word.text, None);
            }
            if let Some(byte) = inner.peek(0) {
                // Spaces and operators stand for themselves here.
                whole.text.push(byte, text.place(inner.position));
                inner.position = (inner.position + 1).max(start + 1);
            }
        }
        let commands = std::mem::take(&mut inner.commands);
        self.add_earlier(commands);
        whole
    }

    fn read_expression(&mut self) -> Expansion {
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        self.position += memchr::memmem::find(rest, b"}}").map_or(rest.len(), |end| end + 2);
        Expansion::Hole
    }

    fn skip_arithmetic(&mut self) -> Expansion {
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        self.position += memchr::memmem::find(rest, b"))").map_or(rest.len(), |end| end + 2);
        Expansion::Hole
    }
}
