//! Frames that are not on the disk yet.

use std::iter;

use crate::{
    frame::{GAP_FRAME, HEAD, ParsedFrame, StoredRecord, parse, put_gap, put_packed, put_record},
    gap::{Gap, GapReason},
};

/// Frames in memory that are not on the disk yet, and the numbers of the next ones.
pub(super) struct PendingFrames {
    bytes: Vec<u8>,
    /// Bytes that were handed to the operating system, from the start of `bytes`.
    written: usize,
    /// Number of record frames.
    records: u64,
    /// Time of the first frame, in ns since boot.
    since: Option<i64>,
    /// First sequence number that is not on the disk.
    first: u64,
    /// First sequence number after the frames.
    next: u64,
    /// Refused records after the frames.
    refused: Option<Gap>,
}

impl PendingFrames {
    /// Creates an empty set, whose first frame will have the number `next`.
    pub(super) fn new(next: u64, refused: Option<Gap>) -> Self {
        Self { bytes: Vec::new(), written: 0, records: 0, since: None, first: next, next, refused }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the size of the frames in bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Returns the time of the first frame, in ns since boot.
    pub(super) fn since(&self) -> Option<i64> {
        self.since
    }

    /// Returns the first sequence number that is not on the disk.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Returns the first sequence number after the frames.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Returns the number that the next record gets, behind those that were refused.
    pub(super) fn next_record(&self) -> u64 {
        self.refused.map_or(self.next, |gap| gap.last + 1)
    }

    /// Returns the refused records after the frames.
    pub(super) fn refused(&self) -> Option<Gap> {
        self.refused
    }

    /// Adds a record, after the gap of refused ones. Returns its sequence number.
    pub(super) fn put_record(&mut self, record: StoredRecord<'_>, now: i64) -> u64 {
        self.put_refused(now);
        let seq = self.next;
        let put = if record.packed { put_packed } else { put_record };
        put(&mut self.bytes, seq, record.bytes);
        self.next += 1;
        self.records += 1;
        self.since.get_or_insert(now);
        seq
    }

    /// Counts a refused record, under the next sequence number. Returns the number, and the reason that
    /// counts for the record: if there is no memory for a frame at each change of reason, one stands for
    /// both.
    pub(super) fn refuse(
        &mut self,
        reason: GapReason,
        bytes: u64,
        memory_max: usize,
        now: i64,
    ) -> (u64, GapReason) {
        let crowded = self.bytes.len() >= memory_max;
        if self.refused.is_some_and(|gap| gap.reason != reason) && !crowded {
            self.put_refused(now);
        }
        let seq = self.next_record();
        let gap = self.refused.get_or_insert(Gap { first: seq, last: seq, reason, bytes: 0 });
        gap.last = seq;
        gap.bytes = gap.bytes.saturating_add(bytes);
        (seq, gap.reason)
    }

    /// Adds the gap of refused records to the frames.
    pub(super) fn put_refused(&mut self, now: i64) {
        if let Some(gap) = self.refused.take() {
            put_gap(&mut self.bytes, &gap);
            self.next = gap.last + 1;
            self.since.get_or_insert(now);
        }
    }

    /// Returns the records and gaps in the frames.
    pub(super) fn items(&self) -> impl Iterator<Item = PendingItem<'_>> {
        let (mut rest, mut seq) = (self.bytes.as_slice(), self.first);
        iter::from_fn(move || {
            let item = match parse(rest, seq) {
                ParsedFrame::Record(len) => {
                    PendingItem::Record(seq, StoredRecord::of(rest.get(..HEAD + len)?))
                }
                ParsedFrame::Gap(gap) => PendingItem::Gap(gap),
                ParsedFrame::Short(_) | ParsedFrame::Bad(_) => return None,
            };
            rest = rest.get(size(&item)..)?;
            seq = item.last_seq() + 1;
            Some(item)
        })
    }

    /// Removes frames that were acknowledged before they were on the disk. Returns whether there were any; if
    /// so, all other frames have to be written again.
    pub(super) fn remove_acked(&mut self, acked: u64) -> bool {
        let (mut end, mut next, mut records) = (0, self.first, 0);
        for item in self.items() {
            if next > acked {
                break;
            }
            end += size(&item);
            next = item.last_seq() + 1;
            records += u64::from(matches!(item, PendingItem::Record(..)));
        }
        if end == 0 {
            return false;
        }
        self.bytes.drain(..end);
        self.written = 0;
        self.records = self.records.saturating_sub(records);
        self.first = next;
        if self.bytes.is_empty() {
            self.since = None;
        }
        true
    }

    /// Returns the bytes that were not handed to the operating system.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Returns the number of bytes that were handed to the operating system.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Counts bytes that were handed to the operating system.
    pub(super) fn add_written(&mut self, bytes: usize) {
        self.written += bytes;
    }

    /// Notes that all frames have to be written again, to another segment.
    pub(super) fn reset_written(&mut self) {
        self.written = 0;
    }

    /// Removes all frames, because they are on the disk.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.records = 0;
        self.since = None;
        self.first = self.next;
    }
}

/// A record or a gap that is not on the disk yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum PendingItem<'a> {
    /// A record and its sequence number.
    Record(u64, StoredRecord<'a>),
    /// A gap where records are missing.
    Gap(Gap),
}

impl PendingItem<'_> {
    /// Returns the last sequence number that the item stands for.
    pub(super) fn last_seq(&self) -> u64 {
        match self {
            Self::Record(seq, _) => *seq,
            Self::Gap(gap) => gap.last,
        }
    }
}

/// Returns the size of an item's frame in bytes.
fn size(item: &PendingItem<'_>) -> usize {
    match item {
        PendingItem::Record(_, record) => HEAD + record.bytes.len(),
        PendingItem::Gap(_) => GAP_FRAME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Item;

    fn plain(bytes: &[u8]) -> StoredRecord<'_> {
        StoredRecord { bytes, packed: false }
    }

    fn shown(item: PendingItem<'_>) -> Item<'_> {
        match item {
            PendingItem::Record(seq, record) => Item::Record(seq, record.bytes),
            PendingItem::Gap(gap) => Item::Gap(gap),
        }
    }

    #[test]
    fn refused_records_become_one_gap_before_the_next_record() {
        let mut pending = PendingFrames::new(5, None);
        assert_eq!(pending.refuse(GapReason::Disk, 10, 1000, 0), (5, GapReason::Disk));
        assert_eq!(pending.refuse(GapReason::Disk, 20, 1000, 0), (6, GapReason::Disk));
        assert!(pending.is_empty());
        assert_eq!(pending.put_record(plain(b"a"), 3), 7);
        let gap = Gap { first: 5, last: 6, reason: GapReason::Disk, bytes: 30 };
        assert_eq!(pending.items().map(shown).collect::<Vec<_>>(), [Item::Gap(gap), Item::Record(7, b"a")]);
        assert_eq!((pending.first(), pending.next(), pending.since()), (5, 8, Some(3)));
    }

    #[test]
    fn acknowledged_frames_are_removed_and_the_others_are_written_again() {
        let mut pending = PendingFrames::new(1, None);
        for text in [b"a", b"b", b"c"] {
            pending.put_record(plain(text), 0);
        }
        pending.add_written(pending.len());
        assert!(!pending.remove_acked(0));
        assert!(pending.remove_acked(2));
        assert_eq!(pending.items().map(shown).collect::<Vec<_>>(), [Item::Record(3, b"c")]);
        assert_eq!((pending.records(), pending.written(), pending.first()), (1, 0, 3));
        assert!(pending.remove_acked(9) && pending.is_empty());
        assert_eq!((pending.since(), pending.next()), (None, 4));
    }
}
