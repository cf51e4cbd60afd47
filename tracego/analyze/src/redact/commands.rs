//! Options and positions of certain commands whose value is a secret although their names do not say so.

use std::{collections::HashMap, ops::Range};

use super::{assignments::Place, shape::Shape, values};

/// All rules about commands.
#[derive(Debug, Default)]
pub(super) struct CommandTable {
    rules: Vec<Shape>,
    by_command: HashMap<String, Vec<usize>>,
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
    seen: usize,
    positions: usize,
}

impl CommandTable {
    pub(super) fn new(shapes: &[Shape]) -> Self {
        let mut table = Self::default();
        for shape in shapes.iter().filter(|shape| !shape.commands.is_empty()) {
            for command in &shape.commands {
                table.by_command.entry(command.clone()).or_default().push(table.rules.len());
            }
            table.rules.push(shape.clone());
        }
        table
    }

    /// Returns the rules about a program.
    pub(super) fn rules(&self, program: &str) -> impl Iterator<Item = ActiveRule<'_>> {
        let found = self.by_command.get(base(program)).map(Vec::as_slice).unwrap_or_default();
        found.iter().map(|&rule| ActiveRule { shape: &self.rules[rule], seen: 0, positions: 0 })
    }
}

/// Returns the name of a program without its folder.
pub(super) fn base(program: &str) -> &str {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.strip_suffix(".exe").unwrap_or(name)
}

impl<'a> ActiveRule<'a> {
    /// Whether the command runs others.
    pub(super) fn is_wrapper(&self) -> bool {
        self.shape.wrapper
    }

    /// Returns the steps that it takes to look at an argument.
    pub(super) fn steps(&self, word: &str) -> usize {
        let shape = self.shape;
        let texts = shape.prose.len() + shape.plain.len();
        let options = if word.starts_with(['-', '/']) { 2 * (shape.options.len() + texts) } else { texts };
        1 + options + if shape.positions.is_empty() { 0 } else { 8 + word.len().min(4096) / 4 }
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
    (!values::is_harmless(value) && !values::is_path(value)).then_some(start..word.len())
}
