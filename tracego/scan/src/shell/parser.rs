//! The parser of scripts.

use super::{MAX_DEPTH, SimpleCommand, Variables, heredoc::PendingHeredoc};
use crate::{text::Text, word::Word};

/// Parses a script, and gives its commands in the order in which they stand. Variables that the script sets are kept in
/// `variables`.
#[must_use]
pub fn parse(text: &Text, variables: &mut Variables) -> Vec<SimpleCommand> {
    let mut parser = Parser::new(text, variables, 0);
    parser.read_script(None);
    parser.commands
}

/// The state of a parse.
pub(super) struct Parser<'a> {
    pub(super) text: &'a Text,
    pub(super) position: usize,
    pub(super) variables: &'a mut Variables,
    pub(super) depth: usize,
    pub(super) commands: Vec<SimpleCommand>,
    current: SimpleCommand,
    pending: Vec<PendingHeredoc>,
}

/// Maximum number of here-documents whose bodies have not been reached.
const MAX_PENDING: usize = 64;
/// Words that stand in front of a command.
const PREFIXES: [&str; 10] = ["if", "then", "else", "elif", "while", "until", "do", "!", "{", "coproc"];
/// Commands that set variables.
pub(crate) const DECLARATIONS: [&str; 5] = ["export", "local", "declare", "readonly", "typeset"];

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a Text, variables: &'a mut Variables, depth: usize) -> Self {
        Self {
            text,
            position: 0,
            variables,
            depth,
            commands: Vec::new(),
            current: SimpleCommand::default(),
            pending: Vec::new(),
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.position + ahead)
    }

    /// Reads commands until the end, or the byte that closes a substitution, which is consumed.
    pub(super) fn read_script(&mut self, closing: Option<u8>) {
        let mut open = 0_usize;
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.position += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.position += 2,
                b'\\' if self.peek(1) == Some(b'\r') && self.peek(2) == Some(b'\n') => self.position += 3,
                b'#' => self.skip_line(),
                b'\n' => {
                    self.position += 1;
                    self.end_command(false);
                    self.read_heredocs();
                }
                b')' if open == 0 && closing == Some(b')') => {
                    self.position += 1;
                    break;
                }
                b'(' => {
                    open += 1;
                    self.position += 1;
                    // Behind a word, it is the list of a function's parameters.
                    self.end_command(false);
                }
                b')' => {
                    open = open.saturating_sub(1);
                    self.position += 1;
                    self.end_command(false);
                }
                b';' | b'&' | b'|' => self.read_operator(byte),
                b'<' | b'>' => self.read_redirection(),
                _ => self.read_argument(),
            }
        }
        self.end_command(false);
        self.read_heredocs();
    }

    fn read_operator(&mut self, byte: u8) {
        self.position += 1;
        if byte == b'&' && self.peek(0) == Some(b'>') {
            self.read_redirection();
            return;
        }
        let is_doubled = self.peek(0) == Some(byte);
        if is_doubled {
            self.position += 1;
        }
        let is_pipe = byte == b'|' && !is_doubled;
        if is_pipe && self.peek(0) == Some(b'&') {
            self.position += 1;
        }
        self.end_command(is_pipe);
    }

    fn skip_line(&mut self) {
        let rest = self.text.bytes().get(self.position..).unwrap_or_default();
        self.position += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    /// Reads a redirection with its file, or a here-document's operator.
    fn read_redirection(&mut self) {
        let is_output = self.peek(0) == Some(b'>');
        let mut angles = 0;
        while let Some(byte @ (b'<' | b'>')) = self.peek(0) {
            if (byte == b'>') != is_output || angles == 3 {
                break;
            }
            angles += 1;
            self.position += 1;
        }
        if angles == 1 && self.peek(0) == Some(b'(') {
            // A process substitution: its commands are commands, too.
            self.position += 1;
            self.read_substitution(b')');
            return;
        }
        let strips_tabs = !is_output && angles == 2 && self.peek(0) == Some(b'-');
        if strips_tabs || matches!(self.peek(0), Some(b'&' | b'|')) {
            self.position += 1;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.position += 1;
        }
        let mut words = self.read_word();
        let Some(word) = words.pop() else { return };
        match (is_output, angles) {
            (true, _) => self.current.output = Some(word),
            (false, 2) if self.pending.len() < MAX_PENDING => {
                let delimiter = word.text.bytes().to_vec();
                self.pending.push(PendingHeredoc { command: self.commands.len(), delimiter, strips_tabs });
            }
            (false, 3) => self.current.input.push(word.text),
            _ => {}
        }
    }

    /// Reads the commands of a substitution that closes with `closing`, which may not be there.
    pub(super) fn read_substitution(&mut self, closing: u8) {
        if self.depth >= MAX_DEPTH {
            return self.skip_substitution(closing);
        }
        let mut inner = Parser::new(self.text, self.variables, self.depth + 1);
        inner.position = self.position;
        inner.read_script(Some(closing));
        self.position = inner.position;
        let commands = std::mem::take(&mut inner.commands);
        self.add_earlier(commands);
    }

    /// Skips a substitution that is too deep to be read.
    fn skip_substitution(&mut self, closing: u8) {
        let mut open = 1_usize;
        while let Some(byte) = self.peek(0).filter(|_| open > 0) {
            match byte {
                b'(' => open += 1,
                _ if byte == closing => open -= 1,
                _ => {}
            }
            self.position += 1;
        }
    }

    /// Adds commands that run before the current one.
    pub(super) fn add_earlier(&mut self, commands: Vec<SimpleCommand>) {
        // Here-documents that are pending belong to the current command, which comes behind these.
        let (index, added) = (self.commands.len(), commands.len());
        for pending in self.pending.iter_mut().filter(|pending| pending.command == index) {
            pending.command += added;
        }
        self.commands.extend(commands);
    }

    /// Reads one word as an argument, an assignment or a number of a redirection.
    fn read_argument(&mut self) {
        let start = self.position;
        if self.current.words.is_empty()
            && let Some((name, appends)) = self.read_assignment_name()
        {
            self.read_assignment(&name, appends);
            return;
        }
        let words = self.read_word();
        if self.position == start {
            // A byte that begins nothing.
            self.position += 1;
            return;
        }
        let is_number = |word: &Word| !word.is_quoted && word.text.bytes().iter().all(u8::is_ascii_digit);
        if matches!(self.peek(0), Some(b'<' | b'>')) && words.len() == 1 && words.iter().all(is_number) {
            return;
        }
        for word in words {
            let in_front = self.current.words.is_empty() && self.current.assignments.is_empty();
            if in_front && !word.is_quoted && PREFIXES.iter().any(|prefix| word.is(prefix)) {
                continue;
            }
            if word.is("{") && self.current.words.first().is_some_and(|first| first.is("function")) {
                self.current.words.clear();
                continue;
            }
            self.current.words.push(word);
        }
    }

    /// Returns the name in front of `=` or `+=` at this position, and consumes both.
    fn read_assignment_name(&mut self) -> Option<(String, bool)> {
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

    fn read_assignment(&mut self, name: &str, appends: bool) {
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
                    words.extend(self.read_word());
                    self.position = self.position.max(start + 1);
                }
            }
        }
        words
    }

    /// Ends the current command.
    fn end_command(&mut self, is_piped: bool) {
        let mut command = std::mem::take(&mut self.current);
        if command.words.is_empty() {
            let has_pending = self.pending.iter().any(|pending| pending.command == self.commands.len());
            for (name, value) in &command.assignments {
                self.variables.set(name, value.clone());
            }
            if !has_pending && command.input.is_empty() && command.assignments.is_empty() {
                return;
            }
        } else if command.words.first().is_some_and(|word| DECLARATIONS.iter().any(|name| word.is(name))) {
            self.declare(&command);
        }
        command.is_piped = is_piped;
        self.commands.push(command);
    }

    fn declare(&mut self, command: &SimpleCommand) {
        for word in command.words.iter().skip(1) {
            if let Some((name, value)) = word.split_at_equals() {
                self.variables.set(&name, value);
            }
        }
    }

    fn read_heredocs(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let (body, next) = pending.read(self.text, self.position);
            self.position = next;
            if let Some(command) = self.commands.get_mut(pending.command) {
                command.input.push(body);
            }
        }
    }
}
