//! Options and positions of certain commands whose value is a secret although their names do not say so.

use std::ops::Range;

use super::{assignments::Place, shape::Shape, values};

/// All rules about commands.
#[derive(Debug, Default)]
pub(super) struct CommandTable {
    rules: Vec<CommandRule>,
    commands: Vec<KnownCommand>,
    /// One more than the index of the first command with a hash, or 0.
    by_hash: Vec<u16>,
    /// A bit for each two bytes at the end of a command; most words end with others.
    ends: Vec<u64>,
}

/// A rule about commands.
#[derive(Debug)]
struct CommandRule {
    shape: Shape,
    /// Whether the rule is about options and the values behind them only.
    is_about_options: bool,
}

impl From<&Shape> for CommandRule {
    fn from(shape: &Shape) -> Self {
        let is_option = |front: &String| front.starts_with(['-', '/']);
        let is_about_options = shape.positions.is_empty()
            && !shape.pairs
            && shape.prose.iter().chain(&shape.plain).all(is_option);
        Self { shape: shape.clone(), is_about_options }
    }
}

/// Programs that take a shell text behind `-c`.
const SHELLS: [&str; 14] = [
    "sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "mksh", "rbash", "busybox", "su", "runuser", "script",
    "flock",
];
/// Shells that may take other arguments before `-c`.
const TAKES_USER: [&str; 4] = ["su", "runuser", "script", "flock"];
/// Programs that take a shell text as an argument.
const TAKES_TEXT: [&str; 15] = [
    "ssh",
    "watch",
    "eval",
    "parallel",
    "entr",
    "ansible",
    "tmux",
    "pssh",
    "pdsh",
    "clush",
    "hyperfine",
    "concurrently",
    "salt",
    "kadmin",
    "kadmin.local",
];

/// A command that shapes are about, or one that runs others.
#[derive(Debug, Default)]
pub(super) struct KnownCommand {
    name: String,
    rules: Vec<usize>,
    /// Whether the names of other commands are among its arguments.
    pub(super) is_wrapper: bool,
    /// Whether a shell text stands behind `-c`.
    pub(super) is_shell: bool,
    /// Whether other arguments may stand before `-c`.
    pub(super) takes_user: bool,
    /// Whether an argument is a shell text.
    pub(super) takes_text: bool,
    /// One more than the index of the next command with the same hash, or 0.
    next: u16,
}

/// Number of hashes of the names of commands.
const HASHES: usize = 1 << 12;
/// Number of pairs of bytes.
const ENDS: usize = 1 << 16;

/// Returns a hash of the name of a command.
#[inline]
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |n: usize| bytes.get(n).copied().unwrap_or(0);
    let (half, last) = (at(bytes.len() / 2), at(bytes.len().wrapping_sub(1)));
    let key = u32::from_le_bytes([at(0), half, last, bytes.len().min(255) as u8]);
    (key.wrapping_mul(0x9e37_79b9) >> 20) as usize
}

/// The options or beginnings of arguments that a shape names.
type Fronts = fn(&Shape) -> &[String];

/// The kinds of text that shapes name, and where they name the options.
const TEXTS: [(Place, Fronts); 2] =
    [(Place::Prose, |shape| &shape.prose), (Place::Plain, |shape| &shape.plain)];

/// The meaning of an argument for the next one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next<'a> {
    /// The next argument is a secret, behind this text if it is not empty.
    Secret(&'a str),
    /// The next argument is this kind of text.
    Text(Place),
    /// The next argument is a secret if the name is one.
    Pair,
}

/// The meaning of an argument.
#[derive(Debug)]
pub(super) enum Meaning<'a> {
    /// A part of the argument is secret.
    Secret(Range<usize>),
    /// The argument is this kind of text.
    Text(Place),
    /// The argument is one that the rule waits for.
    Expected,
    /// The argument is about the next one.
    Next(Next<'a>),
}

/// A rule about a command that is running, and how far its conditions hold.
pub(super) struct ActiveRule<'a> {
    shape: &'a Shape,
    /// Whether the rule is about options and the values behind them only.
    is_about_options: bool,
    seen: usize,
    positions: usize,
}

impl CommandTable {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let (by_hash, ends) = (vec![0; HASHES], vec![0; ENDS / 64]);
        let mut table = Self { by_hash, ends, ..Self::default() };
        for shape in shapes.iter().filter(|shape| !shape.commands.is_empty()) {
            let rule = table.rules.len();
            for name in &shape.commands {
                table.change(name, |command| {
                    command.is_wrapper |= shape.wrapper;
                    if !shape.is_only_wrapper() {
                        command.rules.push(rule);
                    }
                });
            }
            table.rules.push(shape.into());
        }
        for name in SHELLS {
            table.change(name, |command| command.is_shell = true);
        }
        for name in TAKES_USER {
            table.change(name, |command| command.takes_user = true);
        }
        for name in TAKES_TEXT {
            table.change(name, |command| command.takes_text = true);
        }
        table
    }

    /// Changes what is known about a command.
    fn change(&mut self, name: &str, change: impl FnOnce(&mut KnownCommand)) {
        if let Some(index) = self.position(name) {
            return change(&mut self.commands[index]);
        }
        let Ok(next) = u16::try_from(self.commands.len() + 1) else { return };
        let first = std::mem::replace(&mut self.by_hash[hash(name)], next);
        let mut command = KnownCommand { name: name.to_owned(), next: first, ..KnownCommand::default() };
        change(&mut command);
        self.commands.push(command);
        let before = match name.as_bytes() {
            [.., before, _] => *before..=*before,
            // The name of one letter may stand behind anything.
            _ => 0..=u8::MAX,
        };
        for before in before {
            let end = usize::from(before) << 8 | usize::from(name.bytes().last().unwrap_or(0));
            self.ends[end / 64] |= 1 << (end % 64);
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        let mut next = *self.by_hash.get(hash(name))?;
        while let Some(index) = usize::from(next).checked_sub(1) {
            if self.commands[index].name == name {
                return Some(index);
            }
            next = self.commands[index].next;
        }
        None
    }

    /// Returns what is known about the program that an argument names.
    #[inline]
    pub(super) fn find(&self, word: &str) -> Option<&KnownCommand> {
        let end = match *word.as_bytes() {
            [.., b'x', b'e'] if word.ends_with(".exe") => return self.find_name(word),
            [.., before, last] => usize::from(before) << 8 | usize::from(last),
            [only] => usize::from(only),
            [] => return None,
        };
        let may_be = self.ends.get(end / 64).is_some_and(|bits| bits >> (end % 64) & 1 == 1);
        if may_be { self.find_name(word) } else { None }
    }

    fn find_name(&self, word: &str) -> Option<&KnownCommand> {
        self.position(base(word)).map(|index| &self.commands[index])
    }

    /// Returns the rules about a command.
    pub(super) fn rules<'a>(&'a self, command: &'a KnownCommand) -> impl Iterator<Item = ActiveRule<'a>> {
        command.rules.iter().map(|&rule| {
            let CommandRule { shape, is_about_options } = &self.rules[rule];
            let is_about_options = *is_about_options;
            ActiveRule { shape, is_about_options, seen: 0, positions: 0 }
        })
    }
}

/// Returns the name of a program without its folder.
fn base(program: &str) -> &str {
    let name = program.bytes().rposition(|byte| byte == b'/').map_or(program, |slash| &program[slash + 1..]);
    if name.ends_with('e') { name.strip_suffix(".exe").unwrap_or(name) } else { name }
}

impl KnownCommand {
    /// Whether nothing but the names of other commands is known about its arguments.
    pub(super) fn is_plain(&self) -> bool {
        self.rules.is_empty() && !self.is_shell && !self.takes_text
    }

    /// Returns the number of rules about the command.
    pub(super) fn rules(&self) -> usize {
        self.rules.len()
    }
}

impl<'a> ActiveRule<'a> {
    /// Whether an argument may mean something to the rule.
    #[inline]
    pub(super) fn may_be_about(&self, word: &str) -> bool {
        !self.is_about_options || word.starts_with(['-', '/']) || self.seen < self.shape.within.len()
    }

    /// Returns the steps that it takes to look at an argument.
    pub(super) fn steps(&self, word: &str) -> usize {
        let shape = self.shape;
        let texts = shape.prose.len() + shape.plain.len();
        let options = if word.starts_with(['-', '/']) { shape.options.len() + texts } else { texts };
        1 + options * 3 / 4 + if shape.positions.is_empty() { 0 } else { 8 + word.len().min(4096) / 4 }
    }

    /// Returns what the rule says about an argument.
    pub(super) fn look(&mut self, word: &str) -> Option<Meaning<'a>> {
        let shape = self.shape;
        if let Some(wanted) = shape.within.get(self.seen) {
            let is_expected = word == wanted;
            self.seen += usize::from(is_expected);
            return is_expected.then_some(Meaning::Expected);
        }
        let is_slash = word.starts_with('/') && shape.options.iter().any(|option| option == word);
        if is_slash || word.len() > 1 && word.starts_with('-') {
            let of = |options: &'a [String]| options.iter().find_map(|option| self.option(option, word));
            return match of(&shape.options) {
                Some(Some(value)) => secret_behind(word, value, &shape.after).map(Meaning::Secret),
                Some(None) => Some(Meaning::Next(Next::Secret(&shape.after))),
                None => TEXTS.iter().find_map(|(place, options)| {
                    Some(match of(options(shape))? {
                        Some(_) => Meaning::Text(*place),
                        None => Meaning::Next(Next::Text(*place)),
                    })
                }),
            };
        }
        let is_text = |fronts: &[String]| fronts.iter().any(|front| word.starts_with(front.as_str()));
        if let Some((place, _)) = TEXTS.iter().find(|(_, fronts)| is_text(fronts(shape))) {
            return Some(Meaning::Text(*place));
        }
        // `+login user password +quit` has commands among the arguments.
        if word.starts_with('+') && shape.within.iter().any(|within| within.starts_with('+')) {
            return None;
        }
        self.positions += 1;
        if shape.positions.contains(&self.positions) || shape.positions.contains(&0) {
            return secret_behind(word, 0, &shape.after).map(Meaning::Secret);
        }
        shape.pairs.then_some(Meaning::Next(Next::Pair))
    }

    /// Returns where the value of an option begins in a word; `Some(None)` if it is the next word.
    fn option(&self, option: &str, word: &str) -> Option<Option<usize>> {
        let shape = self.shape;
        let is_letter = option.len() == 2;
        let third = |text: &str| text.as_bytes().get(2).copied();
        if !is_letter && third(option) != third(word) {
            return None;
        }
        if word == option {
            return (!shape.joined).then_some(None);
        }
        if shape.separate {
            return None;
        }
        if let Some(rest) = word.strip_prefix(option)
            && (rest.starts_with('=') || (is_letter || shape.joined) && !word.starts_with("--"))
        {
            return Some(Some(option.len() + usize::from(rest.starts_with('='))));
        }
        if !is_letter || shape.letters.is_empty() || word.starts_with("--") {
            return None;
        }
        let letter = char::from(option.as_bytes()[1]);
        let front = word[1..].find(|c| !shape.letters.contains(c))? + 1;
        match word[front..].strip_prefix(letter)? {
            "" => Some(None),
            _ => Some(Some(front + 1)),
        }
    }
}

/// Returns the secret part of an argument from a position: behind a text, if one is given.
pub(super) fn secret_behind(word: &str, start: usize, after: &str) -> Option<Range<usize>> {
    let start = start + if after.is_empty() { 0 } else { word[start..].find(after)? + after.len() };
    let value = &word[start..];
    // The colon of a URL separates no password.
    let is_url = after == ":" && value.starts_with("//")
        || (value.starts_with("http://") || value.starts_with("https://")) && !value.contains('@');
    (!is_url && !values::is_harmless(value) && !values::is_path(value)).then_some(start..word.len())
}
