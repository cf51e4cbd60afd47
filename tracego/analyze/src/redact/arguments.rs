//! Arguments in their order: options and their values, commands within commands, and shell texts.

use std::ops::Range;

use super::{
    Redactor,
    assignments::Place,
    commands::{ActiveRule, Meaning, Next, base, secret_behind},
    names::NameRule,
    shell,
    spans::Spans,
    values,
};

/// Maximum depth of shell texts within shell texts. Deeper ones are looked at as plain text.
const DEPTH_MAX: u32 = 4;
/// Maximum number of rules about commands at a time; a command line may name many commands.
const RULES_MAX: usize = 32;
/// Programs that take a shell text behind `-c`.
const SHELLS: [&str; 14] = [
    "sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "mksh", "rbash", "busybox", "su", "runuser", "script",
    "flock",
];
/// Shells that may take other arguments before `-c`.
const TAKES_USER: [&str; 4] = ["su", "runuser", "script", "flock"];
/// Programs that take a shell text as an argument.
const TAKES_TEXT: [&str; 5] = ["ssh", "watch", "eval", "parallel", "entr"];

/// The meaning of the next argument.
enum Pending<'a> {
    Nothing,
    Named(NameRule),
    Of(Next<'a>),
    Shell,
}

impl Redactor {
    /// Finds the secrets in the arguments of a command and calls back with the position of each and its place
    /// within the argument.
    pub(super) fn arguments(&self, words: &[&str], depth: u32, found: &mut dyn FnMut(usize, Range<usize>)) {
        let program = words.iter().position(|word| !is_assignment(word)).unwrap_or(0);
        let mut rules: Vec<ActiveRule<'_>> = Vec::new();
        let (mut is_shell, mut takes_user, mut takes_text, mut is_wrapper) = (false, false, false, false);
        let mut pending = Pending::Nothing;
        for (n, &word) in words.iter().enumerate() {
            let current = std::mem::replace(&mut pending, Pending::Nothing);
            if self.pending(n, word, &current, depth, found) {
                continue;
            }
            if n == program || (n > program && !word.starts_with('-')) {
                let name = base(word);
                if n == program || is_wrapper {
                    let known = rules.len();
                    if known < RULES_MAX {
                        rules.extend(self.commands.rules(name));
                    }
                    is_wrapper |= rules[known..].iter().any(ActiveRule::is_wrapper);
                    takes_text |= TAKES_TEXT.contains(&name);
                }
                let is_value = n > program && matches!(words[n - 1].as_bytes(), [b'-' | b'+', .., b'o']);
                is_shell = SHELLS.contains(&name) || is_shell && (is_value || takes_user);
                takes_user |= is_shell && TAKES_USER.contains(&name);
                if n == program && !word.starts_with("--") {
                    self.scan_word(n, word, Place::Argument, found);
                    continue;
                }
            } else if is_shell && word.starts_with('-') && is_command_option(word) {
                pending = Pending::Shell;
                continue;
            }
            if takes_text && n > program && word.contains(' ') && !word.starts_with('-') {
                self.shell_text(n, word, depth, found);
                continue;
            }
            let mut place = Place::Argument;
            let mut is_settled = false;
            for rule in &mut rules {
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
                        let rule = (!word.contains('=')).then(|| self.names.find(word.as_bytes())).flatten();
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
                let rule =
                    self.names.find(word.as_bytes()).filter(|rule| rule.form.is_some() && !rule.switch);
                if let Some(rule) = rule {
                    pending = Pending::Named(rule);
                    continue;
                }
            }
            self.scan_word(n, word, place, found);
        }
    }

    /// Applies what the argument before says about this one. Returns whether nothing else is to be done.
    fn pending(
        &self,
        n: usize,
        word: &str,
        pending: &Pending<'_>,
        depth: u32,
        found: &mut dyn FnMut(usize, Range<usize>),
    ) -> bool {
        let range = match pending {
            Pending::Nothing | Pending::Of(Next::Pair) => None,
            Pending::Shell => {
                self.shell_text(n, word, depth, found);
                return true;
            }
            Pending::Of(Next::Text(place)) => {
                self.scan_word(n, word, *place, found);
                return true;
            }
            Pending::Named(_) | Pending::Of(Next::Secret(_)) if is_option(word) => None,
            Pending::Named(rule) => values::secret_part(word, *rule),
            Pending::Of(Next::Secret(after)) => secret_behind(word, 0, after),
        };
        if let Some(range) = range {
            if range.start > 0 {
                self.scan_word(n, word, Place::Argument, found);
            }
            found(n, range);
            return true;
        }
        if matches!(pending, Pending::Nothing) || is_option(word) {
            return false;
        }
        self.scan_word(n, word, Place::Argument, found);
        true
    }

    fn scan_word(&self, n: usize, word: &str, place: Place, found: &mut dyn FnMut(usize, Range<usize>)) {
        let mut spans = Spans::default();
        self.scan(word, place, &mut spans);
        if spans.is_full() {
            found(n, 0..word.len());
        }
        spans.iter().for_each(|span| found(n, span.clone()));
    }

    /// Finds secrets in a shell text: in the arguments of its commands, and in the text itself.
    fn shell_text(&self, n: usize, text: &str, depth: u32, found: &mut dyn FnMut(usize, Range<usize>)) {
        if depth < DEPTH_MAX {
            let shell = shell::cut(text);
            for command in &shell.commands {
                let words: Vec<&str> = command.iter().map(|word| word.text.as_str()).collect();
                self.arguments(&words, depth + 1, &mut |word, range| found(n, command[word].place(&range)));
            }
            for inner in &shell.inner {
                let (start, inner) = (inner.start, &text[inner.clone()]);
                self.shell_text(n, inner, depth + 1, &mut |n, range| {
                    found(n, range.start + start..range.end + start);
                });
            }
        }
        if depth == 0 || depth >= DEPTH_MAX {
            self.scan_word(n, text, Place::Text, found);
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
    let name = word.split('=').next().unwrap_or_default();
    name.len() < word.len()
        && !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
