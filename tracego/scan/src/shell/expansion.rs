//! Words with their quotes and expansions.

use super::{MAX_DEPTH, SimpleCommand, parser::Parser};
use crate::{text::Text, word::Word};

/// Maximum number of bytes of one word.
const MAX_WORD: usize = 64 << 10;

/// The word that is being read, and those that expansions have split from it.
#[derive(Default)]
struct WordBuilder {
    words: Vec<Word>,
    current: Word,
    has_begun: bool,
}

impl WordBuilder {
    fn push(&mut self, byte: u8, place: u32) {
        self.has_begun = true;
        if self.current.text.len() >= MAX_WORD || !self.current.text.push(byte, place) {
            self.current.has_holes = true;
        }
    }

    fn begin_quotes(&mut self) {
        self.has_begun = true;
        self.current.is_quoted = true;
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.has_begun) {
            self.words.push(std::mem::take(&mut self.current));
        }
    }

    /// Appends a value, without splitting it.
    fn append(&mut self, value: &Word, place: u32) {
        self.has_begun = true;
        let room = MAX_WORD.saturating_sub(self.current.text.len());
        let is_whole = value.text.len() <= room;
        self.current.text.append(&value.text.slice(0..value.text.len().min(room)), Some(place));
        self.current.has_holes |= value.has_holes | !is_whole;
        self.current.is_expanded = true;
    }

    /// Appends a value that was not quoted, split between words.
    fn append_split(&mut self, value: &Word, place: u32) {
        for (index, part) in value.text.bytes().split(|b| b.is_ascii_whitespace()).enumerate() {
            if index > 0 {
                self.end_word();
            }
            if !part.is_empty() {
                let text = Text::at(place, &String::from_utf8_lossy(part));
                self.append(&Word { text, has_holes: value.has_holes, ..Word::default() }, place);
            }
        }
    }

    /// Appends a part that is not known, as it is written.
    fn append_hole(&mut self, source: &Text) {
        self.has_begun = true;
        let room = MAX_WORD.saturating_sub(self.current.text.len());
        self.current.text.append(&source.slice(0..source.len().min(room)), None);
        self.current.has_holes = true;
        self.current.is_expanded = true;
    }
}

/// The result of an expansion.
enum Expansion {
    Value(Vec<Word>),
    Hole,
}

impl Parser<'_> {
    /// Reads one word; expansions may make several or none of it.
    pub(super) fn read_word(&mut self) -> Vec<Word> {
        self.read(true)
    }

    /// Reads one word whose expansions are not split, as the value of an assignment.
    pub(super) fn read_unsplit_word(&mut self) -> Word {
        self.read(false).into_iter().next().unwrap_or_default()
    }

    fn read(&mut self, splits: bool) -> Vec<Word> {
        let mut builder = WordBuilder::default();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => break,
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') | None => {}
                        Some(next) => builder.push(next, place),
                    }
                    self.position += 2;
                }
                b'\'' => self.read_single_quotes(&mut builder),
                b'"' => self.read_double_quotes(&mut builder),
                b'$' if self.peek(1) == Some(b'\'') => {
                    self.position += 1;
                    self.read_ansi_quotes(&mut builder);
                }
                b'$' if self.peek(1) == Some(b'"') => {
                    self.position += 1;
                    self.read_double_quotes(&mut builder);
                }
                b'$' | b'`' => self.expand(&mut builder, splits),
                _ => {
                    builder.push(byte, place);
                    self.position += 1;
                }
            }
        }
        builder.end_word();
        builder.words
    }

    fn read_single_quotes(&mut self, builder: &mut WordBuilder) {
        self.position += 1;
        builder.begin_quotes();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            self.position += 1;
            if byte == b'\'' {
                break;
            }
            builder.push(byte, place);
        }
    }

    /// Reads `$'…'`, whose escapes are those of C.
    fn read_ansi_quotes(&mut self, builder: &mut WordBuilder) {
        self.position += 1;
        builder.begin_quotes();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            self.position += 1;
            match byte {
                b'\'' => break,
                b'\\' => {
                    let escaped = self.peek(0).unwrap_or(b'\\');
                    self.position += 1;
                    let meant = match escaped {
                        b'n' => b'\n',
                        b't' => b'\t',
                        other => other,
                    };
                    builder.push(meant, place);
                }
                _ => builder.push(byte, place),
            }
        }
    }

    fn read_double_quotes(&mut self, builder: &mut WordBuilder) {
        self.position += 1;
        builder.begin_quotes();
        while let Some(byte) = self.peek(0) {
            let place = self.text.place(self.position);
            match byte {
                b'"' => {
                    self.position += 1;
                    break;
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') => {}
                        Some(next @ (b'"' | b'\\' | b'$' | b'`')) => builder.push(next, place),
                        Some(next) => {
                            builder.push(b'\\', place);
                            builder.push(next, place);
                        }
                        None => {}
                    }
                    self.position += 2;
                }
                b'$' | b'`' => self.expand(builder, false),
                _ => {
                    builder.push(byte, place);
                    self.position += 1;
                }
            }
        }
    }

    /// Reads an expansion that begins here.
    fn expand(&mut self, builder: &mut WordBuilder, splits: bool) {
        let start = self.position;
        let place = self.text.place(start);
        let expansion = match (self.peek(0), self.peek(1), self.peek(2)) {
            (Some(b'`'), ..) => self.read_backticks(),
            // An expression of a CI system, which is put in before the shell sees the script.
            (_, Some(b'{'), Some(b'{')) => self.read_expression(),
            (_, Some(b'('), Some(b'(')) => self.skip_arithmetic(),
            (_, Some(b'('), _) => self.read_command_substitution(),
            (_, Some(b'{'), _) => self.read_braces(),
            (_, Some(byte), _) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.position += 1;
                let name = self.read_name();
                self.lookup(&name, false)
            }
            (_, Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' | b'0'..=b'9'), _) => {
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

    /// Reads `${…}`. A variable that is not known has its default, if it has one.
    fn read_braces(&mut self) -> Expansion {
        self.position += 2;
        let name = self.read_name();
        let all = [&b"[@]"[..], b"[*]"].into_iter().find(|all| self.starts_with(all));
        let is_all = all.is_some();
        self.position += all.map_or(0, |all| all.len());
        let known = if name.is_empty() { Expansion::Hole } else { self.lookup(&name, is_all) };
        let operator =
            [&b":-"[..], b"-", b":=", b"="].into_iter().find(|operator| self.starts_with(operator));
        if let Some(operator) = operator {
            self.position += operator.len();
            let default = self.read_until_brace();
            return match known {
                Expansion::Hole if self.depth < MAX_DEPTH => Expansion::Value(vec![self.evaluate(&default)]),
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

    fn read_command_substitution(&mut self) -> Expansion {
        self.position += 2;
        let before = self.commands.len();
        self.read_substitution(b')');
        self.result_of(before)
    }

    fn read_backticks(&mut self) -> Expansion {
        self.position += 1;
        let start = self.position;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'`' => break,
                b'\\' => self.position += 2,
                _ => self.position += 1,
            }
        }
        self.position = self.position.min(self.text.len());
        let inner_text = self.text.slice(start..self.position);
        self.position += 1;
        let before = self.commands.len();
        if self.depth < MAX_DEPTH {
            let mut inner = Parser::new(&inner_text, self.variables, self.depth + 1);
            inner.read_script(None);
            let commands = std::mem::take(&mut inner.commands);
            self.add_earlier(commands);
        }
        self.result_of(before)
    }

    /// Returns the output of the commands from an index on, where it is known: a look for the go command finds it.
    fn result_of(&self, before: usize) -> Expansion {
        let added: Vec<&SimpleCommand> = self.commands.iter().skip(before).collect();
        let [command] = added.as_slice() else { return Expansion::Hole };
        let mut words = command.words.iter();
        let looks_up = match words.next() {
            Some(word) if word.is("which") => true,
            Some(word) if word.is("command") || word.is("type") => {
                words.next().is_some_and(|option| option.is("-v") || option.is("-p") || option.is("-P"))
            }
            _ => false,
        };
        match words.next() {
            Some(name) if looks_up && !name.has_holes => Expansion::Value(vec![name.clone()]),
            _ => Expansion::Hole,
        }
    }
}
