//! Batches of records and gaps for the reader.

use std::ops::Range;

use crate::gap::Gap;

/// A batch of records and gaps, in order.
#[derive(Debug, Default)]
pub struct QueueBatch {
    bytes: Vec<u8>,
    pub(crate) entries: Vec<BatchEntry>,
}

#[derive(Debug)]
pub(crate) enum BatchEntry {
    Record(u64, Range<usize>),
    Gap(Gap),
}

/// A record or a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Item<'a> {
    /// A record and its sequence number.
    Record(u64, &'a [u8]),
    /// A gap where records are missing.
    Gap(Gap),
}

impl Item<'_> {
    /// Returns the sequence number to acknowledge once the item is delivered.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        match self {
            Self::Record(seq, _) => *seq,
            Self::Gap(gap) => gap.last,
        }
    }
}

impl QueueBatch {
    /// Returns the items.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Item<'_>> {
        self.entries.iter().map(|entry| match entry {
            BatchEntry::Record(seq, range) => {
                Item::Record(*seq, self.bytes.get(range.clone()).unwrap_or_default())
            }
            BatchEntry::Gap(gap) => Item::Gap(*gap),
        })
    }

    /// Returns the number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the batch has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the sequence number to acknowledge once the batch is delivered; `None` if the batch is empty.
    #[must_use]
    pub fn last_seq(&self) -> Option<u64> {
        self.iter().last().map(|item| item.last_seq())
    }

    /// Adds a record.
    pub(crate) fn put_record(&mut self, seq: u64, bytes: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.entries.push(BatchEntry::Record(seq, begin..self.bytes.len()));
    }

    /// Whether a reader that wants about `max_bytes` may add another item.
    pub(crate) fn has_room(&self, max_bytes: usize) -> bool {
        self.is_empty() || self.size() < max_bytes
    }

    /// Returns the size in bytes. Each item counts too, because a batch of gaps would otherwise have no end.
    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<BatchEntry>()
    }
}
