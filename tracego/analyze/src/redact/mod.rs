//! Removes secrets from arguments, variables, paths and texts before anything is written.
//!
//! The forms of secrets are data: `shapes.toml` has one line for each, and `[redact]` of the configuration adds
//! and removes some. `shape` reads them. `names`, `tokens`, `blocks` and `commands` are the tables made
//! of them; `assignments`, `urls` and `arguments` find the places where a value may stand; `values` decides
//! whether it is a secret, and `spans` replaces it. A secret in a form without a shape passes.
//!
//! The text is untrusted. Each pass is linear in its length, at most [`LOOKED_AT_MAX`] bytes of a process are
//! looked at, and what is not looked at is replaced as a whole.

mod arguments;
mod assignments;
mod blocks;
#[cfg(test)]
mod bounds;
mod commands;
#[cfg(test)]
mod examples;
mod extents;
mod names;
mod shape;
mod shell;
mod spans;
mod tokens;
mod urls;
mod values;
mod words;
mod work;

use std::{
    cell::Cell,
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, LazyLock},
};

use arguments::Command;
use assignments::Place;
use memchr::{memchr, memmem::Finder};
pub use shape::{RedactSettings, Shape, TABLE, ValueForm};
use spans::Spans;
use tokens::Signs;
use work::Work;

/// The replacement for a secret.
pub const MARK: &str = "[tracego:redacted]";
/// Maximum number of bytes of one process's arguments, or of one text, that are looked at. Later arguments are
/// replaced as a whole.
pub const LOOKED_AT_MAX: usize = 256 * 1024;
/// Maximum number of marks in one text. A text with more is replaced as a whole, which bounds its growth.
const MARKS_MAX: usize = 64;
/// Maximum number of passes. A mark separates what the secret joined, so its neighbours may only match in the
/// next pass. A text that changes in each pass is replaced as a whole.
const PASSES_MAX: usize = 4;

/// The result of redacting arguments.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Redaction {
    /// Positions of the changed arguments, ascending.
    pub changed: Vec<u32>,
    /// Number of arguments that were replaced without being looked at. They count as changed, too.
    pub unread: u32,
}

/// The shapes of secrets, ready to be looked for.
#[derive(Debug)]
pub struct Redactor {
    names: names::NameTable,
    tokens: tokens::TokenTable,
    blocks: blocks::BlockTable,
    commands: commands::CommandTable,
    has_urls: bool,
    /// Whether everything is replaced, because the shapes are unusable.
    closed: bool,
}

/// The redactor of the shapes that tracego brings.
static STANDARD: LazyLock<Arc<Redactor>> = LazyLock::new(|| {
    Arc::new(Redactor::new(&RedactSettings::default()).unwrap_or_else(|_| Redactor::closed()))
});

impl Redactor {
    /// Makes a redactor of tracego's shapes, without those that the operator removes and with those that the
    /// operator adds.
    ///
    /// # Errors
    /// Fails if a shape is invalid or a removed shape does not exist; the text names the key.
    pub fn new(settings: &RedactSettings) -> Result<Self, String> {
        let shapes = shape::all(settings)?;
        Ok(Self {
            names: names::NameTable::new(&shapes),
            tokens: tokens::TokenTable::new(&shapes)?,
            blocks: blocks::BlockTable::new(&shapes),
            commands: commands::CommandTable::new(&shapes),
            has_urls: shapes.iter().any(|shape| shape.url),
            closed: false,
        })
    }

    /// Returns the redactor of the shapes that tracego brings.
    #[must_use]
    pub fn standard() -> Arc<Self> {
        Arc::clone(&STANDARD)
    }

    fn closed() -> Self {
        Self {
            names: names::NameTable::default(),
            tokens: tokens::TokenTable::default(),
            blocks: blocks::BlockTable::default(),
            commands: commands::CommandTable::default(),
            has_urls: false,
            closed: true,
        }
    }

    /// Redacts the arguments of one process, of which the first is the program.
    pub fn args(&self, args: &mut [String]) -> Redaction {
        self.args_with(args, &Work::default())
    }

    /// Redacts the arguments of one process. Returns the originals of the changed ones, by position.
    pub fn take_from_args(&self, args: &mut [String]) -> BTreeMap<u32, String> {
        self.change_args(args, &Work::default()).0
    }

    fn args_with(&self, args: &mut [String], work: &Work) -> Redaction {
        let (originals, unread) = self.change_args(args, work);
        Redaction { changed: originals.into_keys().collect(), unread }
    }

    /// Redacts arguments. Returns the originals of the changed ones by position, and the number of those that were replaced
    /// without being looked at.
    fn change_args(&self, args: &mut [String], work: &Work) -> (BTreeMap<u32, String>, u32) {
        let mut originals = Originals::default();
        let mut unread = 0;
        let mut left = LOOKED_AT_MAX;
        for (n, arg) in args.iter_mut().enumerate() {
            // A mark counts as one byte: a redacted command line must not cost more than the original.
            let cost = cost(arg);
            match left.checked_sub(cost.unwrap_or(0)).filter(|_| !self.closed) {
                Some(rest) if cost.is_some() => left = rest,
                known => {
                    unread += u32::from(known.is_none());
                    originals.change(n, arg, replace);
                }
            }
        }
        let looks = vec![Cell::default(); args.len()];
        for pass in 0..=PASSES_MAX {
            let mut found: Vec<(usize, Range<usize>)> = Vec::new();
            let command = Command { words: &*args, work, looks: &looks, depth: 0, signs: None };
            let end = self.arguments(&command, &mut |index, range| {
                work.spend(8);
                found.push((index, range));
            });
            // Secrets of one argument may come in several parts; each is applied to the text as it then is, so
            // they are joined first.
            found.sort_by_key(|(index, _)| *index);
            let mut again = false;
            for group in found.chunk_by(|a, b| a.0 == b.0) {
                let n = group[0].0;
                let Some(arg) = args.get_mut(n).filter(|_| n < end) else { continue };
                let mut spans = Spans::default();
                group.iter().for_each(|(_, range)| spans.add(range.clone()));
                if !work.is_over() {
                    work.spend(40);
                }
                // Without another pass, the neighbours of a mark are not looked at.
                let is_last = pass == PASSES_MAX || work.is_over();
                let changed = originals
                    .change(n, arg, |arg| if is_last { replace(arg) } else { spans.apply(arg, work) });
                unread += u32::from(changed && work.is_over());
                again |= changed;
                if changed {
                    looks[n].take();
                }
            }
            for (n, arg) in args.iter_mut().enumerate().skip(end) {
                unread += u32::from(originals.change(n, arg, replace));
            }
            if !again || end < args.len() {
                break;
            }
        }
        (originals.0, unread)
    }

    /// Redacts a text that is no argument, such as a message or a flag of the linker. Returns whether the text
    /// changed.
    pub fn text(&self, text: &mut String) -> bool {
        self.passes(text, Place::Text, &Work::default())
    }

    /// Redacts the value of an environment variable. Returns whether the value changed.
    pub fn variable(&self, name: &str, value: &mut String) -> bool {
        let work = Work::default();
        if let Some(range) = self.named(name, value) {
            let start = range.start;
            let mut spans = Spans::of(range);
            if start > 0 {
                self.scan(value, Place::Text, &mut spans, &work);
            }
            return spans.apply(value, &work);
        }
        self.passes(value, Place::Text, &work)
    }

    /// Redacts a path: credentials of URLs, tokens of known formats, and values of names. Returns whether the
    /// path changed.
    pub fn path(&self, path: &mut String) -> bool {
        self.passes(path, Place::Path, &Work::default())
    }

    fn passes(&self, text: &mut String, place: Place, work: &Work) -> bool {
        if self.closed || cost(text).is_none_or(|cost| cost > LOOKED_AT_MAX) {
            return replace(text);
        }
        for pass in 0..=PASSES_MAX {
            let mut spans = Spans::default();
            self.scan(text, place, &mut spans, work);
            let is_last = (pass == PASSES_MAX && !spans.is_empty()) || work.is_over();
            let changed = if is_last { replace(text) } else { spans.apply(text, work) };
            if !changed {
                return pass > 0;
            }
        }
        true
    }

    /// Finds the secrets in one text that are recognised without the arguments before it. Returns the signs of
    /// the text.
    fn scan(&self, text: &str, place: Place, spans: &mut Spans, work: &Work) -> Signs {
        let signs = self.tokens.scan(text.as_bytes(), spans, work);
        self.blocks.scan(text.as_bytes(), signs, spans, work);
        if signs.has(Signs::ASSIGN) {
            self.assignments(text, place, signs, spans, work);
        }
        signs
    }

    /// Returns the part of a value that is secret because of its name.
    fn named(&self, name: &str, value: &str) -> Option<Range<usize>> {
        self.names.find(name.as_bytes()).and_then(|found| values::secret_part(value, found))
    }
}

/// The originals of changed arguments, by position.
#[derive(Default)]
struct Originals(BTreeMap<u32, String>);

impl Originals {
    /// Changes an argument, and keeps its original at its first change. Returns whether the argument changed.
    fn change(&mut self, n: usize, arg: &mut String, change: impl FnOnce(&mut String) -> bool) -> bool {
        let before = arg.clone();
        let changed = change(arg);
        if changed {
            self.0.entry(u32::try_from(n).unwrap_or(u32::MAX)).or_insert(before);
        }
        changed
    }
}

/// Returns the number of bytes that count, or `None` if the text has too many marks.
fn cost(text: &str) -> Option<usize> {
    if text == MARK {
        return Some(0);
    }
    let marks = marks(text).take(MARKS_MAX + 1).count();
    (marks <= MARKS_MAX).then(|| text.len() - marks * (MARK.len() - 1))
}

/// Returns the positions of the marks in a text.
fn marks(text: &str) -> impl Iterator<Item = usize> {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));
    let from = if text.len() < MARK.len() { None } else { memchr(b'[', text.as_bytes()) };
    let rest = from.map_or(&b""[..], |from| &text.as_bytes()[from..]);
    FINDER.find_iter(rest).map(move |at| at + from.unwrap_or(0))
}

/// Replaces a text as a whole. Returns whether it changed.
fn replace(text: &mut String) -> bool {
    let changed = text != MARK;
    MARK.clone_into(text);
    changed
}
