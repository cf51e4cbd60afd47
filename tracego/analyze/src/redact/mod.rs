//! Removes secrets from arguments, variables, paths and texts before anything is written.
//!
//! The forms of secrets are data: `shapes.toml` has one line for each, and `[redact]` of the configuration adds
//! and removes some. [`shape`] reads them. [`names`], [`tokens`], [`blocks`] and [`commands`] are the tables made
//! of them; [`assignments`], [`urls`] and [`arguments`] find the places where a value may stand; [`values`] decides
//! whether it is a secret, and [`spans`] replaces it. A secret in a form without a shape passes.
//!
//! The text is untrusted. Each pass is linear in its length, at most [`LOOKED_AT_MAX`] bytes of a process are
//! looked at, and what is not looked at is replaced as a whole.

mod arguments;
mod assignments;
mod blocks;
mod commands;
#[cfg(test)]
mod examples;
mod names;
mod shape;
mod shell;
mod spans;
mod tokens;
mod urls;
mod values;

use std::{
    ops::Range,
    sync::{Arc, LazyLock},
};

use assignments::Place;
use memchr::memmem;
pub use shape::{RedactSettings, Shape, TABLE, ValueForm};
use spans::Spans;

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
        let mut is_changed = vec![false; args.len()];
        let mut unread = 0;
        let mut left = LOOKED_AT_MAX;
        for (arg, is_changed) in args.iter_mut().zip(&mut is_changed) {
            // A mark counts as one byte: a redacted command line must not cost more than the original.
            let cost = cost(arg);
            match left.checked_sub(cost.unwrap_or(0)).filter(|_| !self.closed) {
                Some(rest) if cost.is_some() => left = rest,
                known => {
                    unread += u32::from(known.is_none());
                    *is_changed |= replace(arg);
                }
            }
        }
        for pass in 0..=PASSES_MAX {
            let mut found: Vec<(usize, Spans)> = Vec::new();
            {
                let words: Vec<&str> = args.iter().map(String::as_str).collect();
                self.arguments(&words, 0, &mut |index, range| match found.last_mut() {
                    Some((last, spans)) if *last == index => spans.add(range),
                    _ => found.push((index, Spans::of(range))),
                });
            }
            let mut again = false;
            // Spans of one argument may come in several parts; each is applied to the text as it then is, so
            // they are joined first.
            found.sort_by_key(|(index, _)| *index);
            for group in found.chunk_by(|a, b| a.0 == b.0) {
                let Some(arg) = args.get_mut(group[0].0) else { continue };
                let spans = group.iter().fold(Spans::default(), |all, (_, spans)| all.join(spans));
                let changed = if pass == PASSES_MAX { replace(arg) } else { spans.apply(arg) };
                is_changed[group[0].0] |= changed;
                again |= changed;
            }
            if !again {
                break;
            }
        }
        let changed = is_changed.iter().zip(0..).filter(|(changed, _)| **changed).map(|(_, n)| n).collect();
        Redaction { changed, unread }
    }

    /// Redacts a text that is no argument, such as a message or a flag of the linker. Returns whether the text
    /// changed.
    pub fn text(&self, text: &mut String) -> bool {
        self.passes(text, Place::Text)
    }

    /// Redacts the value of an environment variable. Returns whether the value changed.
    pub fn variable(&self, name: &str, value: &mut String) -> bool {
        if let Some(range) = self.named(name, value) {
            let start = range.start;
            let mut spans = Spans::of(range);
            if start > 0 {
                self.scan(value, Place::Text, &mut spans);
            }
            return spans.apply(value);
        }
        self.passes(value, Place::Text)
    }

    /// Redacts a path: credentials of URLs, tokens of known formats, and values of names. Returns whether the
    /// path changed.
    pub fn path(&self, path: &mut String) -> bool {
        self.passes(path, Place::Path)
    }

    fn passes(&self, text: &mut String, place: Place) -> bool {
        if self.closed || cost(text).is_none_or(|cost| cost > LOOKED_AT_MAX) {
            return replace(text);
        }
        for pass in 0..=PASSES_MAX {
            let mut spans = Spans::default();
            self.scan(text, place, &mut spans);
            let changed =
                if pass == PASSES_MAX && !spans.is_empty() { replace(text) } else { spans.apply(text) };
            if !changed {
                return pass > 0;
            }
        }
        true
    }

    /// Finds the secrets in one text that are recognised without the arguments before it.
    fn scan(&self, text: &str, place: Place, spans: &mut Spans) {
        self.blocks.scan(text.as_bytes(), spans);
        self.tokens.scan(text.as_bytes(), spans);
        self.assignments(text, place, spans);
    }

    /// Returns the part of a value that is secret because of its name.
    fn named(&self, name: &str, value: &str) -> Option<Range<usize>> {
        self.names.find(name.as_bytes()).and_then(|found| values::secret_part(value, found))
    }
}

/// Returns the number of bytes that count, or `None` if the text has too many marks.
fn cost(text: &str) -> Option<usize> {
    if text == MARK {
        return Some(0);
    }
    let marks = memmem::find_iter(text.as_bytes(), MARK).take(MARKS_MAX + 1).count();
    (marks <= MARKS_MAX).then(|| text.len() - marks * (MARK.len() - 1))
}

/// Replaces a text as a whole. Returns whether it changed.
fn replace(text: &mut String) -> bool {
    let changed = text != MARK;
    MARK.clone_into(text);
    changed
}

/// Redacts the arguments of one process with tracego's shapes. Returns the number of changed arguments.
pub fn args(args: &mut [String]) -> u32 {
    u32::try_from(STANDARD.args(args).changed.len()).unwrap_or(u32::MAX)
}

/// Redacts one text with tracego's shapes. Returns whether the text changed.
pub fn text(text: &mut String) -> bool {
    STANDARD.text(text)
}
