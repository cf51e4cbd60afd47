//! What a reader gets.

use std::ops::Range;

use super::gap::Gap;

/// Some records and gaps, in order.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug)]
pub(super) enum Entry {
    Record(u64, Range<usize>),
    Gap(Gap),
}

/// A record or a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Item<'a> {
    /// A record and its sequence number.
    Record(u64, &'a [u8]),
    /// Records that are missing here.
    Gap(Gap),
}

impl Item<'_> {
    /// What to acknowledge once this is delivered.
    #[must_use]
    pub fn last(&self) -> u64 {
        match self {
            Self::Record(seq, _) => *seq,
            Self::Gap(gap) => gap.last,
        }
    }
}

impl Batch {
    /// Each item.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_>> {
        self.entries.iter().map(|entry| match entry {
            Entry::Record(seq, range) => {
                Item::Record(*seq, self.bytes.get(range.clone()).unwrap_or_default())
            }
            Entry::Gap(gap) => Item::Gap(*gap),
        })
    }

    /// Items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there was nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What to acknowledge once everything here is delivered.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.iter().last().map(|item| item.last())
    }

    /// Room that it takes; an item counts too, or a batch of gaps would have no end.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }
}
