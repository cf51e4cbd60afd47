//! The parser of scripts.

use super::{
    MAX_DEPTH, SimpleCommand, Variables,
    branch::ReplacedValue,
    group::{GroupKind, Groups},
    heredoc::PendingHeredoc,
};
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
    pub(super) current: SimpleCommand,
    pub(super) pending: Vec<PendingHeredoc>,
    pub(super) groups: Groups,
    pub(super) replaced: Vec<ReplacedValue>,
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
            groups: Groups::default(),
            replaced: Vec::new(),
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.position + ahead)
    }

    /// Reads commands until the end, or the byte that closes a substitution or a function, which is consumed.
    pub(super) fn read_script(&mut self, closing: Option<u8>) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.position += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.position += 2,
                b'\\' if self.peek(1) == Some(b'\r') && self.peek(2) == Some(b'\n') => self.position += 3,
                b'#' => self.skip_line(),
                b'\n' => {
                    self.position += 1;
                    self.end_command();
                    self.read_heredocs();
                }
                b')' if closing == Some(b')') && !self.groups.takes_parenthesis() => {
                    self.position += 1;
                    break;
                }
                b'}' if closing == Some(b'}') && self.is_closing_brace() => {
                    self.position += 1;
                    break;
                }
                b'(' => self.read_parenthesis(),
                b')' => {
                    self.position += 1;
                    if self.groups.is_pattern()
                        && self.current.words.first().is_none_or(|word| !word.is("case"))
                    {
                        // A pattern of `case` is no command.
                        self.current = SimpleCommand::default();
                    }
                    self.end_command();
                    self.groups.close(GroupKind::Parenthesis);
                }
                b';' | b'&' | b'|' => self.read_operator(byte),
                b'<' | b'>' => self.read_redirection(),
                _ => self.read_argument(),
            }
        }
        self.end_command();
        self.read_heredocs();
        self.read_with_replaced();
    }

    fn read_parenthesis(&mut self) {
        self.position += 1;
        if let Some(name) = self.function_name() {
            return self.read_function(&name);
        }
        self.end_command();
        self.groups.open(GroupKind::Parenthesis, self.commands.len());
    }

    fn read_operator(&mut self, byte: u8) {
        let place = self.text.place(self.position);
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
        if !is_pipe {
            return self.end_command();
        }
        let first = self.groups.ended().filter(|_| self.current.is_empty());
        self.current.pipe_out = Some(place);
        self.end_command();
        // A group prints what its commands print.
        for command in first.and_then(|first| self.commands.get_mut(first..)).into_iter().flatten() {
            command.pipe_out.get_or_insert(place);
        }
        self.current.pipe_in = Some(place);
    }

    pub(super) fn skip_line(&mut self) {
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
            (false, 1) => self.current.input_file = Some(word),
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
        let declares =
            self.current.words.first().is_some_and(|word| DECLARATIONS.iter().any(|name| word.is(name)));
        if (self.current.words.is_empty() || declares)
            && let Some((name, appends)) = self.read_assignment_name()
        {
            match declares {
                true => self.read_declaration(&name, appends, start),
                false => self.read_assignment(&name, appends),
            }
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
            if in_front && !word.is_quoted && !word.is_expanded && self.read_keyword(&word) {
                continue;
            }
            if word.is("{") && self.current.words.first().is_some_and(|first| first.is("function")) {
                match self.current.words.get(1).map(Word::value) {
                    Some(name) => self.read_function_body(&name, b'}'),
                    None => self.current.words.clear(),
                }
                continue;
            }
            self.current.words.push(word);
        }
    }

    /// Reads a word that begins or ends a group of commands, or stands in front of a command. Returns whether it is one that
    /// is no part of the command.
    fn read_keyword(&mut self, word: &Word) -> bool {
        let start = self.commands.len();
        if let Some(kind) = GroupKind::opened_by(word) {
            self.groups.open(kind, start);
        } else if let Some(kind) = GroupKind::closed_by(word) {
            let end = self.position.saturating_sub(word.text.len());
            if let Some(repeated) = self.groups.close(kind) {
                self.repeat(repeated, end);
            }
            self.end_branches();
            return true;
        }
        PREFIXES.iter().any(|prefix| word.is(prefix))
    }
}
