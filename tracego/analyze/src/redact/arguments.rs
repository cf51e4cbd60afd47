//! Arguments in their order: options and their values, commands within commands, and shell texts.

use std::{cell::Cell, ops::Range};

use super::{
    Redactor,
    assignments::Place,
    commands::{ActiveRule, KnownCommand, Meaning, Next, secret_behind},
    names::NameRule,
    pipes,
    shell::{self, ShellWord},
    spans::Spans,
    tokens::Signs,
    values,
    work::Work,
};

/// Maximum depth of shell texts within shell texts. Deeper ones are looked at as plain text.
const DEPTH_MAX: u32 = 4;
/// Maximum number of rules about commands at a time; a command line may name many commands.
const RULES_MAX: usize = 32;
/// The meaning of the next argument.
enum Pending<'a> {
    Nothing,
    Named(NameRule),
    Of(Next<'a>),
    Shell,
}

/// An argument of a command line, or a word of a shell's text.
pub(super) trait Word {
    fn text(&self) -> &str;

    /// Whether the word is a part of the text around it as it is.
    fn is_part(&self) -> bool {
        false
    }
}

impl Word for String {
    fn text(&self) -> &str {
        self
    }
}

impl Word for ShellWord<'_> {
    fn text(&self) -> &str {
        &self.text
    }

    fn is_part(&self) -> bool {
        self.is_one_part()
    }
}

/// The way in which an argument was looked at since it changed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Look {
    #[default]
    None,
    As(Place),
    Shell,
}

/// The words that are looked at, and what is known about them.
pub(super) struct Command<'a, W> {
    pub(super) words: &'a [W],
    pub(super) work: &'a Work,
    /// The ways in which the arguments were looked at; none for the words of a shell's text.
    pub(super) looks: &'a [Cell<Look>],
    /// Number of shell texts around the command.
    pub(super) depth: u32,
    /// The signs of the text around the words, if its tokens and blocks are found already.
    pub(super) signs: Option<Signs>,
}

impl<W: Word> Command<'_, W> {
    /// Returns what is known about the signs of a word.
    fn signs(&self, n: usize) -> Option<Signs> {
        self.signs.filter(|_| self.words.get(n).is_some_and(Word::is_part))
    }

    /// Notes that an argument is looked at in a way. Returns whether it was already.
    fn is_known(&self, n: usize, look: Look) -> bool {
        self.looks.get(n).is_some_and(|last| last.replace(look) == look)
    }
}

/// Receives the position of an argument and the place of a secret in it.
pub(super) type Found<'a> = &'a mut dyn FnMut(usize, Range<usize>);

impl Redactor {
    /// Finds the secrets in the arguments of a command and calls back with the position of each and its place
    /// within the argument. Returns the number of arguments that were looked at before the work was over.
    pub(super) fn arguments<W: Word>(&self, command: &Command<'_, W>, found: Found<'_>) -> usize {
        let (words, work) = (command.words, command.work);
        let program = words.iter().position(|word| !is_assignment(word.text())).unwrap_or(0);
        let mut rules: Vec<ActiveRule<'_>> = Vec::new();
        let (mut is_shell, mut takes_user, mut takes_text, mut is_wrapper) = (false, false, false, false);
        let mut pending = Pending::Nothing;
        for (n, word) in words.iter().map(Word::text).enumerate() {
            if work.is_over() {
                return n.saturating_sub(1);
            }
            work.spend(
                if command.words[n].is_part() || command.depth == 0 { 3 } else { 36 } + word.len() / 64,
            );
            let current = std::mem::replace(&mut pending, Pending::Nothing);
            if self.pending(command, n, &current, found) {
                continue;
            }
            if n == program || (n > program && !word.starts_with('-')) {
                let known = self.commands.find(word);
                if let Some(known) = known.filter(|_| n == program || is_wrapper) {
                    work.spend(4 + 16 * known.rules());
                    if rules.len() < RULES_MAX {
                        rules.extend(self.commands.rules(known));
                    }
                    is_wrapper |= known.is_wrapper;
                    takes_text |= known.takes_text;
                }
                let is = |kind: fn(&KnownCommand) -> bool| known.is_some_and(kind);
                let is_value =
                    || n > program && matches!(words[n - 1].text().as_bytes(), [b'-' | b'+', .., b'o']);
                takes_user |= is(|known| known.takes_user);
                is_shell = is(|known| known.is_shell) || is_shell && (takes_user || is_value());
                // Whatever `argv[0]` looks like, it is the program.
                if n == program {
                    self.scan_word(command, n, Place::Argument, found);
                    continue;
                }
            } else if is_shell && word.starts_with('-') && is_command_option(word) {
                pending = Pending::Shell;
                continue;
            }
            if takes_text && n > program && word.contains(' ') && !word.starts_with('-') {
                self.shell_word(command, n, found);
                continue;
            }
            let mut place = Place::Argument;
            let mut is_settled = false;
            for rule in rules.iter_mut().filter(|rule| rule.may_be_about(word)) {
                work.spend(rule.steps(word));
                match rule.look(word) {
                    None => {}
                    Some(Meaning::Secret(range)) => {
                        found(n, range);
                        is_settled = true;
                    }
                    Some(Meaning::Text(of)) => place = of,
                    Some(Meaning::Expected) => is_settled = true,
                    Some(Meaning::Next(Next::Pair)) if is_settled || !matches!(pending, Pending::Nothing) => {
                    }
                    Some(Meaning::Next(Next::Pair)) => {
                        let rule = (!word.contains('=') && !word.starts_with('.'))
                            .then(|| self.names.find(word.as_bytes()))
                            .flatten();
                        if let Some(rule) = rule {
                            pending = Pending::Named(rule);
                        }
                    }
                    Some(Meaning::Next(next)) => {
                        pending = Pending::Of(next);
                        is_settled = true;
                    }
                }
            }
            if !is_settled && place == Place::Argument && is_option_name(word) {
                work.spend(4);
                let is_value =
                    |rule: &NameRule| rule.form.is_some() && !self.names.is_switch(word.as_bytes());
                let rule = self.names.find(word.as_bytes()).filter(is_value);
                if let Some(rule) = rule {
                    pending = Pending::Named(rule);
                    continue;
                }
            }
            self.scan_word(command, n, place, found);
        }
        // The last word may have been too much.
        words.len() - usize::from(work.is_over() && !words.is_empty())
    }

    /// Applies what the argument before says about this one. Returns whether nothing else is to be done.
    fn pending<W: Word>(
        &self,
        command: &Command<'_, W>,
        n: usize,
        pending: &Pending<'_>,
        found: Found<'_>,
    ) -> bool {
        let word = command.words[n].text();
        let range = match pending {
            Pending::Nothing => return false,
            Pending::Of(Next::Pair) => None,
            Pending::Shell => {
                self.shell_word(command, n, found);
                return true;
            }
            Pending::Of(Next::Text(place)) => {
                self.scan_word(command, n, *place, found);
                return true;
            }
            Pending::Named(_) | Pending::Of(Next::Secret(_)) if is_option(word) => None,
            Pending::Named(rule) => values::secret_part(word, *rule),
            Pending::Of(Next::Secret(after)) => secret_behind(word, 0, after),
        };
        command.work.spend(8 + word.len().min(8192) / 4);
        if let Some(range) = range {
            if range.start > 0 {
                self.scan_word(command, n, Place::Argument, found);
            }
            found(n, range);
            return true;
        }
        if is_option(word) {
            return false;
        }
        self.scan_word(command, n, Place::Argument, found);
        true
    }

    fn scan_word<W: Word>(&self, command: &Command<'_, W>, n: usize, place: Place, found: Found<'_>) {
        let is_plain = command.signs(n).is_some_and(|signs| !signs.may_be_assigned(self.has_urls));
        if is_plain || command.is_known(n, Look::As(place)) {
            return;
        }
        self.scan_part(command.words[n].text(), place, command.signs(n), command.work, &mut |range| {
            found(n, range);
        });
    }

    /// Finds the secrets in a text that are recognised without others. Returns the signs of the text.
    fn scan_part(
        &self,
        text: &str,
        place: Place,
        signs: Option<Signs>,
        work: &Work,
        found: &mut dyn FnMut(Range<usize>),
    ) -> Signs {
        let mut spans = Spans::default();
        let signs = match signs {
            Some(signs) => {
                self.assignments(text, place, signs, None, &mut spans, work);
                signs
            }
            None => self.scan(text, place, &mut spans, work),
        };
        if spans.is_full() {
            found(0..text.len());
        }
        spans.iter().for_each(|span| found(span.clone()));
        signs
    }

    /// Finds secrets in a word that is a shell text.
    fn shell_word<W: Word>(&self, command: &Command<'_, W>, n: usize, found: Found<'_>) {
        if command.is_known(n, Look::Shell) {
            return;
        }
        let (text, work) = (command.words[n].text(), command.work);
        let mut signs = command.signs(n);
        if command.depth == 0 || command.depth >= DEPTH_MAX {
            signs = Some(self.scan_part(text, Place::Text, signs, work, &mut |range| found(n, range)));
        }
        if command.depth < DEPTH_MAX {
            self.shell_text(text, signs, command.depth, work, &mut |range| found(n, range));
        }
    }

    /// Whether a command of a text with these signs has neither an option with a name nor a word that shapes
    /// are about, so that nothing beside the tokens of the text is secret.
    fn is_plain_command(&self, words: &[ShellWord<'_>], signs: Option<Signs>) -> bool {
        let is_plain = |word: &ShellWord<'_>| {
            word.is_part()
                && (word.text.len() <= 2 || !word.text.starts_with('-'))
                && self.commands.find(&word.text).is_none_or(KnownCommand::is_plain)
        };
        signs.is_some_and(|signs| !signs.may_be_assigned(self.has_urls)) && words.iter().all(is_plain)
    }

    /// Finds secrets in the arguments of the commands of a shell text.
    fn shell_text(
        &self,
        text: &str,
        signs: Option<Signs>,
        depth: u32,
        work: &Work,
        found: &mut dyn FnMut(Range<usize>),
    ) {
        work.spend(52);
        let mut input = Vec::new();
        let inner = shell::cut(text, work, &mut |words, is_piped| {
            work.spend(8);
            for range in pipes::secret_input(words, &std::mem::take(&mut input), text) {
                found(range);
            }
            if is_piped {
                input = pipes::output(words);
            }
            if self.is_plain_command(words, signs) {
                work.spend(2 * words.len());
                return;
            }
            let command = Command { words, work, looks: &[], depth: depth + 1, signs };
            self.arguments(&command, &mut |word, range| found(words[word].place(&range)));
        });
        for inner in inner {
            work.spend(12);
            if work.is_over() {
                return;
            }
            let (start, inner) = (inner.start, &text[inner]);
            let mut place = |range: Range<usize>| found(range.start + start..range.end + start);
            if depth + 1 < DEPTH_MAX {
                self.shell_text(inner, signs, depth + 1, work, &mut place);
            } else {
                self.scan_part(inner, Place::Text, signs, work, &mut place);
            }
        }
    }
}

/// Whether an argument is an option and not a value.
fn is_option(word: &str) -> bool {
    let bytes = word.as_bytes();
    match bytes {
        [b'-', b'-', third, ..] => third.is_ascii_alphabetic(),
        [b'-', letter] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Whether an argument is the name of an option alone.
fn is_option_name(word: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    word.len() > 2 && word.starts_with('-') && word.len() <= 128 && word.bytes().all(is_name)
}

/// Whether an argument of a shell is the option that a text follows: `-c`, `-lc`, `--command`.
fn is_command_option(word: &str) -> bool {
    word == "--command" || (word.len() <= 6 && !word.starts_with("--") && word.contains('c'))
}

/// Whether a word is an assignment before a command.
fn is_assignment(word: &str) -> bool {
    let name =
        word.bytes().take(129).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    (1..=128).contains(&name) && word.as_bytes().get(name) == Some(&b'=')
}
