//! Effects of a command on those behind it: assignments, functions, loops, aliases.

use super::{MAX_DEPTH, SimpleCommand, group::WordLoop, parser::Parser};
use crate::{text::Text, word::Word};

/// Maximum number of words for which the body of a loop is read.
const MAX_ROUNDS: usize = 32;

impl Parser<'_> {
    /// Returns the name in front of `=` or `+=` at this position, and consumes both.
    pub(super) fn read_assignment_name(&mut self) -> Option<(String, bool)> {
        let rest = self.text.bytes().get(self.position..)?;
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let name = rest.get(..length).filter(|name| name.first().is_some_and(|b| !b.is_ascii_digit()))?;
        let appends = rest.get(length..)?.starts_with(b"+=");
        if !appends && rest.get(length) != Some(&b'=') {
            return None;
        }
        self.position += length + 1 + usize::from(appends);
        Some((String::from_utf8_lossy(name).into_owned(), appends))
    }

    pub(super) fn read_assignment(&mut self, name: &str, appends: bool) {
        if self.peek(0) == Some(b'(') {
            self.position += 1;
            let words = self.read_list();
            if appends {
                self.variables.extend_array(name, words);
            } else {
                self.variables.set_array(name, words);
            }
            return;
        }
        let mut value = self.read_unsplit_word();
        if appends && let Some([old]) = self.variables.get(name) {
            let mut whole = old.clone();
            whole.text.append(&value.text, None);
            whole.has_holes |= value.has_holes;
            value = whole;
        }
        self.current.assignments.push((name.to_owned(), value));
    }

    /// Reads the words of an array.
    fn read_list(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(byte) = self.peek(0) {
            match byte {
                b')' => {
                    self.position += 1;
                    break;
                }
                b'#' => self.skip_line(),
                b' ' | b'\t' | b'\n' | b'\r' => self.position += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.position += 2,
                _ => {
                    let start = self.position;
                    self.skip_key();
                    words.extend(self.read_word());
                    self.position = self.position.max(start + 1);
                }
            }
        }
        words
    }

    /// Skips the key of `[key]=value`.
    fn skip_key(&mut self) {
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        let rest = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        if rest.starts_with(b"[")
            && let Some(end) = memchr::memmem::find(rest, b"]=")
        {
            self.position += end + 2;
        }
    }

    /// Reads `NAME=value` as an argument of `local` and its like, which is never split.
    pub(super) fn read_declaration(&mut self, name: &str, appends: bool, start: usize) {
        if self.peek(0) == Some(b'(') {
            return self.read_assignment(name, appends);
        }
        let value_start = self.position;
        let value = self.read_unsplit_word();
        let mut word = Word { text: self.text.slice(start..value_start), ..value.clone() };
        word.text.append(&value.text, None);
        self.variables.set(name, value);
        self.current.words.push(word);
    }

    /// Ends the current command.
    pub(super) fn end_command(&mut self) {
        let mut command = std::mem::take(&mut self.current);
        if command.words.is_empty() {
            let has_pending = self.pending.iter().any(|pending| pending.command == self.commands.len());
            for (name, value) in &command.assignments {
                self.keep_replaced(name, value);
                self.variables.set(name, value.clone());
            }
            if !has_pending && command.input.is_empty() && command.assignments.is_empty() {
                return;
            }
        }
        self.groups.go_on();
        self.expand_alias(&mut command);
        self.take_effect(&command);
        let body = self.called_function(&mut command);
        let arguments = command.words.get(1..).unwrap_or_default().to_vec();
        self.commands.push(command);
        if let Some(body) = body {
            self.read_call(&body, arguments);
        }
    }

    /// Does what commands of the shell itself do to variables.
    fn take_effect(&mut self, command: &SimpleCommand) {
        let Some((first, rest)) = command.words.split_first() else { return };
        match first.text.bytes() {
            b"alias" => {
                for (name, value) in rest.iter().filter_map(Word::split_at_equals) {
                    self.variables.set_alias(&name, value.text);
                }
            }
            b"set" => {
                if let Some(dashes) = rest.iter().position(|word| word.is("--")) {
                    let arguments = rest.get(dashes + 1..).unwrap_or_default().to_vec();
                    self.variables.exchange_arguments(Some(arguments));
                }
            }
            b"shift" => {
                let count = rest.first().and_then(|word| word.value().parse().ok());
                self.variables.shift(count.unwrap_or(1));
            }
            b"read" => {
                if let (Some(name), [line]) = (rest.last(), command.input.as_slice()) {
                    self.variables.set(&name.value(), Word::known(line.clone()));
                }
            }
            b"for" => self.begin_loop(rest),
            _ => {}
        }
    }

    /// Begins `for NAME in WORDS`.
    fn begin_loop(&mut self, words: &[Word]) {
        let [name, keyword, items @ ..] = words else { return };
        let is_known =
            |word: &Word| !word.has_holes && !word.text.bytes().iter().any(|byte| b"*?[{".contains(byte));
        if !keyword.is("in") || items.is_empty() || !items.iter().all(is_known) {
            return self.variables.forget(&name.value());
        }
        let passed = |word: &Word| Word { is_passed: true, ..word.clone() };
        let mut items = items.iter().take(MAX_ROUNDS).map(passed);
        if let Some(first) = items.next() {
            self.variables.set(&name.value(), first);
        }
        let repeated = WordLoop { name: name.value(), rest: items.collect(), start: self.position };
        self.groups.set_loop(repeated);
    }

    /// Reads the body of a loop, which ends at `end`, for the words behind the first.
    pub(super) fn repeat(&mut self, repeated: WordLoop, end: usize) {
        let body = self.text.slice(repeated.start.min(end)..end);
        let is_used = memchr::memmem::find(body.bytes(), repeated.name.as_bytes()).is_some();
        for word in repeated.rest.into_iter().filter(|_| is_used) {
            self.variables.set(&repeated.name, word);
            self.read_again(&body);
        }
    }

    /// Reads commands that stand elsewhere, or once more.
    pub(super) fn read_again(&mut self, script: &Text) {
        if self.depth >= MAX_DEPTH || !self.variables.spend(script.len() + 64) {
            return;
        }
        let mut inner = Parser::new(script, self.variables, self.depth + 1);
        inner.read_script(None);
        let commands = std::mem::take(&mut inner.commands);
        self.add_earlier(commands);
    }

    /// Puts the words of an alias in the place of its name.
    fn expand_alias(&mut self, command: &mut SimpleCommand) {
        let Some(first) = command.words.first().filter(|first| !first.is_quoted && !first.has_holes) else {
            return;
        };
        let name = first.value();
        let Some(value) = self.variables.alias(&name).filter(|_| self.depth < MAX_DEPTH) else { return };
        let script = Text::at(first.text.place(0), &value.to_str());
        if value.to_str().split_whitespace().next() == Some(&*name)
            || !self.variables.spend(script.len() + 64)
        {
            return;
        }
        let mut inner = Parser::new(&script, self.variables, self.depth + 1);
        inner.read_script(None);
        let mut commands = std::mem::take(&mut inner.commands);
        let Some(last) = commands.pop() else { return };
        command.words.splice(0..1, last.words);
        self.add_earlier(commands);
    }

    /// Returns the name of a function whose parameter list begins at this position, and consumes the list.
    pub(super) fn function_name(&mut self) -> Option<String> {
        let name = match self.current.words.as_slice() {
            [name] | [_, name]
                if self.current.assignments.is_empty() && !name.is_quoted && !name.has_holes =>
            {
                name.value()
            }
            _ => return None,
        };
        if self.current.words.len() == 2 && !self.current.words.first()?.is("function") {
            return None;
        }
        let rest = self.text.bytes().get(self.position..)?;
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if rest.get(blank) != Some(&b')') {
            return None;
        }
        self.position += blank + 1;
        Some(name)
    }

    /// Reads what stands behind the parameter list of a function.
    pub(super) fn read_function(&mut self, name: &str) {
        self.current = SimpleCommand::default();
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let closing = match rest.get(blank) {
            Some(b'{') => b'}',
            Some(b'(') => b')',
            _ => return,
        };
        self.position += blank + 1;
        self.read_function_body(name, closing);
    }

    /// Reads the body of a function up to the byte that closes it.
    pub(super) fn read_function_body(&mut self, name: &str, closing: u8) {
        self.current = SimpleCommand::default();
        if self.depth >= MAX_DEPTH {
            return;
        }
        let start = self.position;
        let arguments = self.variables.exchange_arguments(None);
        let mut inner = Parser::new(self.text, self.variables, self.depth + 1);
        inner.position = start;
        inner.read_script(Some(closing));
        self.position = inner.position;
        let commands = std::mem::take(&mut inner.commands);
        self.variables.exchange_arguments(arguments);
        self.add_earlier(commands);
        let body = self.text.slice(start..self.position.saturating_sub(1).max(start));
        self.variables.set_function(name, uses_arguments(body.bytes()).then_some(body));
    }

    /// Whether a closing brace here ends the body of a function.
    pub(super) fn is_closing_brace(&self) -> bool {
        let is_in_front = self.current.words.is_empty() && self.current.assignments.is_empty();
        let ends = self.peek(1).is_none_or(|byte| byte.is_ascii_whitespace() || b";&|)<>".contains(&byte));
        is_in_front && ends && !self.groups.takes_brace()
    }

    /// Marks the call of a function. Returns the body, if the arguments matter to it.
    fn called_function(&self, command: &mut SimpleCommand) -> Option<std::sync::Arc<Text>> {
        let first = command.words.first().filter(|first| !first.has_holes && !first.is_go_command())?;
        let body = self.variables.function(&first.value())?;
        command.is_function = true;
        let mut arguments = command.words.iter().skip(1);
        body.filter(|_| arguments.any(|word| !word.has_holes))
    }

    /// Reads the body of a function with arguments.
    fn read_call(&mut self, body: &Text, arguments: Vec<Word>) {
        let passed = arguments.into_iter().map(|word| Word { is_passed: true, ..word }).collect();
        let outer = self.variables.exchange_arguments(Some(passed));
        self.read_again(body);
        self.variables.exchange_arguments(outer);
    }

    pub(super) fn read_heredocs(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let (body, next) = pending.read(self.text, self.position);
            self.position = next;
            if let Some(command) = self.commands.get_mut(pending.command) {
                command.input.push(body);
            }
        }
    }
}

/// Whether the body of a function does something with its arguments.
fn uses_arguments(body: &[u8]) -> bool {
    memchr::memchr_iter(b'$', body).any(|dollar| {
        let rest = body.get(dollar + 1..).unwrap_or_default();
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        rest.first().is_some_and(|byte| matches!(byte, b'@' | b'*' | b'1'..=b'9'))
    })
}
