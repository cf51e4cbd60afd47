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
mod pairs;
mod pipes;
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
use memchr::{memchr, memchr_iter, memmem::Finder};
pub use shape::{RedactSettings, Shape, TABLE, ValueForm};
use spans::Spans;
use tokens::Signs;
use work::{ARGUMENT_STEPS, Work};

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

/// Maximum length of a text that is looked at twice if the first look finds that it may have a secret, in
/// bytes.
const PLAIN_MAX: usize = 256;

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
        let mut originals = Originals { kept: Some(Vec::new()), ..Originals::default() };
        self.change_args(args, &Work::default(), &mut originals);
        originals.kept.unwrap_or_default().into_iter().collect()
    }

    fn args_with(&self, args: &mut [String], work: &Work) -> Redaction {
        let mut originals = Originals::default();
        let unread = self.change_args(args, work, &mut originals);
        let is_changed = originals.is_changed.iter().enumerate().filter(|(_, is_changed)| **is_changed);
        Redaction { changed: is_changed.map(|(n, _)| position(n)).collect(), unread }
    }

    /// Redacts arguments. Returns the number of those that were replaced without being looked at.
    fn change_args(&self, args: &mut [String], work: &Work, originals: &mut Originals) -> u32 {
        originals.is_changed = vec![false; args.len()];
        let mut unread = 0;
        let mut left = LOOKED_AT_MAX;
        let is_small = args.iter().map(String::len).sum::<usize>() <= LOOKED_AT_MAX;
        for (n, arg) in args.iter_mut().enumerate() {
            // A short argument has room for few marks.
            if is_small && arg.len() <= MARKS_MAX * MARK.len() && !self.closed {
                continue;
            }
            // A mark counts as one byte: a redacted command line must not cost more than the original.
            let cost = cost(arg);
            match left.checked_sub(cost.unwrap_or(0)).filter(|_| !self.closed) {
                Some(rest) if cost.is_some() => left = rest,
                known => {
                    unread += u32::from(known.is_none());
                    originals.replace(n, arg);
                }
            }
        }
        // The replacement of each is paid for before, because it may be left to do when the work is over.
        work.spend(args.len() * ARGUMENT_STEPS);
        let looks = vec![Cell::default(); args.len()];
        for pass in 0..=PASSES_MAX {
            let mut found: Vec<(usize, Range<usize>)> = Vec::new();
            let command = Command { words: &*args, work, looks: &looks, depth: 0, signs: None };
            let end = self.arguments(&command, &mut |index, range| {
                work.spend(16);
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
                    work.spend(80);
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
                unread += u32::from(originals.replace(n, arg));
            }
            if !again || end < args.len() {
                break;
            }
        }
        unread
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

    /// Redacts a path as [`Self::path`] does. Returns the original of one that changed.
    pub fn take_from_path(&self, path: &mut String) -> Option<String> {
        let work = Work::default();
        if !self.closed && self.is_plain(path, &work) {
            return None;
        }
        let original = path.clone();
        self.passes(path, Place::Path, &work).then_some(original)
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
        if self.is_plain(text, work) {
            return Signs::default();
        }
        let found = self.tokens.scan(text.as_bytes(), &self.names, spans, work);
        self.blocks.scan(text.as_bytes(), found.signs, spans, work);
        self.assignments(text, place, found.signs, found.places(), spans, work);
        let has_credentials = self.has_urls && matches!(place, Place::Argument | Place::Text);
        if has_credentials && found.signs.has(Signs::AT) {
            work.spend(4 + text.len() / 64);
            for at in memchr_iter(b'@', text.as_bytes()) {
                if spans.is_full() || work.is_over() {
                    break;
                }
                urls::bare(text, at, work).into_iter().for_each(|range| spans.add(range));
            }
        }
        found.signs
    }

    /// Whether a short text has neither a sign nor the beginning of a token or a block, so that nothing in it
    /// is secret. Most arguments are such.
    fn is_plain(&self, text: &str, work: &Work) -> bool {
        let is_plain =
            text.len() <= PLAIN_MAX && self.blocks.have_signs() && self.tokens.is_plain(text.as_bytes());
        work.spend(if is_plain { 1 + text.len() / 16 } else { 0 });
        is_plain
    }

    /// Returns the part of a value that is secret because of its name.
    fn named(&self, name: &str, value: &str) -> Option<Range<usize>> {
        self.names.find(name.as_bytes()).and_then(|found| values::secret_part(value, found))
    }
}

/// The changed arguments of one process.
#[derive(Default)]
struct Originals {
    /// The original of each with its position, if they are wanted.
    kept: Option<Vec<(u32, String)>>,
    /// Whether the argument at each position changed.
    is_changed: Vec<bool>,
}

impl Originals {
    /// Changes an argument, and keeps its original at its first change. Returns whether the argument changed.
    fn change(&mut self, n: usize, arg: &mut String, change: impl FnOnce(&mut String) -> bool) -> bool {
        let before = self.kept.as_ref().map(|_| arg.clone());
        let is_changed = change(arg);
        if is_changed && !std::mem::replace(&mut self.is_changed[n], true) {
            self.keep(n, before);
        }
        is_changed
    }

    /// Replaces an argument as a whole, and keeps its original at its first change. Returns whether the
    /// argument changed.
    fn replace(&mut self, n: usize, arg: &mut String) -> bool {
        if arg == MARK {
            return false;
        }
        let is_first = !std::mem::replace(&mut self.is_changed[n], true);
        if is_first && self.kept.is_some() {
            let before = std::mem::replace(arg, MARK.to_owned());
            self.keep(n, Some(before));
        } else {
            MARK.clone_into(arg);
        }
        true
    }

    fn keep(&mut self, n: usize, before: Option<String>) {
        if let (Some(kept), Some(before)) = (&mut self.kept, before) {
            kept.push((position(n), before));
        }
    }
}

/// Returns the position of an argument in the form in which positions are recorded.
fn position(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
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
