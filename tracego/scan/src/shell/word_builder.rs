//! The word that is being read.

use crate::{text::Text, word::Word};

/// Maximum number of bytes of one word.
const MAX_WORD: usize = 64 << 10;

/// The word that is being read, and those that expansions have split from it.
#[derive(Default)]
pub(super) struct WordBuilder {
    pub(super) words: Vec<Word>,
    pub(super) current: Word,
    has_begun: bool,
}

impl WordBuilder {
    pub(super) fn push(&mut self, byte: u8, place: u32) {
        self.has_begun = true;
        if self.current.text.len() >= MAX_WORD || !self.current.text.push(byte, place) {
            self.current.has_holes = true;
        }
    }

    pub(super) fn begin_quotes(&mut self) {
        self.has_begun = true;
        self.current.is_quoted = true;
    }

    pub(super) fn end_word(&mut self) {
        if std::mem::take(&mut self.has_begun) {
            self.words.push(std::mem::take(&mut self.current));
        }
    }

    /// Appends a value, without splitting it. A value that was passed keeps its place where it begins a word.
    pub(super) fn append(&mut self, value: &Word, place: u32) {
        self.has_begun = true;
        let room = MAX_WORD.saturating_sub(self.current.text.len());
        let is_whole = value.text.len() <= room;
        let keeps_place = value.is_passed && self.current.text.is_empty();
        self.current.is_passed |= keeps_place;
        let place = Some(place).filter(|_| !keeps_place);
        self.current.text.append(&value.text.slice(0..value.text.len().min(room)), place);
        self.current.has_holes |= value.has_holes | !is_whole;
        self.current.is_expanded = true;
    }

    /// Appends a value that was not quoted, split between words.
    pub(super) fn append_split(&mut self, value: &Word, place: u32) {
        let mut start = 0;
        for (index, part) in value.text.bytes().split(|b| b.is_ascii_whitespace()).enumerate() {
            if index > 0 {
                self.end_word();
            }
            if !part.is_empty() {
                let text = value.text.slice(start..start + part.len());
                let (has_holes, is_passed) = (value.has_holes, value.is_passed);
                self.append(&Word { text, has_holes, is_passed, ..Word::default() }, place);
            }
            start += part.len() + 1;
        }
    }

    /// Appends a part that is not known, as it is written.
    pub(super) fn append_hole(&mut self, source: &Text) {
        self.has_begun = true;
        let room = MAX_WORD.saturating_sub(self.current.text.len());
        self.current.text.append(&source.slice(0..source.len().min(room)), None);
        self.current.has_holes = true;
        self.current.is_expanded = true;
    }
}
