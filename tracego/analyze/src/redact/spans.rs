//! The parts of a text that are replaced.

use std::ops::Range;

use super::{MARK, MARKS_MAX, work::Work};

/// Ranges of bytes of one text, in any order; they may overlap.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<Range<usize>>);

impl Spans {
    pub(super) fn of(range: Range<usize>) -> Self {
        let mut spans = Self::default();
        spans.add(range);
        spans
    }

    /// Adds a range. Empty ones are left out.
    pub(super) fn add(&mut self, range: Range<usize>) {
        if range.start < range.end && !self.is_full() {
            self.0.push(range);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the text has so many secrets that it is replaced as a whole, so that no more need to be found.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() > 4 * MARKS_MAX
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<usize>> {
        self.0.iter()
    }

    /// Replaces the ranges by marks. A mark that is there already is left alone. Returns whether the text
    /// changed.
    pub(super) fn apply(mut self, text: &mut String, work: &Work) -> bool {
        if self.0.is_empty() {
            return false;
        }
        if self.is_full() {
            return super::replace(text);
        }
        let mut marks = 0;
        for at in super::marks(text) {
            marks += 1;
            work.spend(4 + self.0.len() / 2);
            let mark = at..at + MARK.len();
            self.0.retain(|span| span.start < mark.start || span.end > mark.end);
            for span in &mut self.0 {
                if span.start < mark.end && mark.start < span.end {
                    *span = span.start.min(mark.start)..span.end.max(mark.end);
                }
            }
        }
        for span in &mut self.0 {
            while !text.is_char_boundary(span.start) {
                span.start -= 1;
            }
            while !text.is_char_boundary(span.end) {
                span.end += 1;
            }
        }
        self.0.sort_by_key(|span| span.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(self.0.len());
        for span in self.0 {
            match merged.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        if merged.len() + marks > MARKS_MAX {
            return super::replace(text);
        }
        if merged.is_empty() {
            return false;
        }
        let mut redacted = String::with_capacity(text.len() + merged.len() * MARK.len());
        let mut kept = 0;
        for span in merged {
            redacted.push_str(&text[kept..span.start]);
            redacted.push_str(MARK);
            kept = span.end;
        }
        redacted.push_str(&text[kept..]);
        *text = redacted;
        true
    }
}
