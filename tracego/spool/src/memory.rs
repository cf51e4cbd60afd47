//! Reading of frames that are only in memory, while the disk fails.

use super::{
    Disk, Spool,
    batch::{BatchEntry, QueueBatch},
    frame::{GAP_FRAME, HEAD, ParsedFrame, name, parse},
    read::{ItemKind, UnackedItem, put_gap},
};

impl<D: Disk> Spool<D> {
    /// Adds records that are only in memory to a batch.
    pub(super) fn read_pending(&mut self, max_bytes: usize, batch: &mut QueueBatch) {
        let (mut at, mut seq) = (0, self.durable);
        while let Some(rest) = self.pending.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if !batch.is_empty() && batch.size() >= max_bytes {
                return;
            }
            let wanted = seq >= self.reading.seq;
            match parse(rest, seq) {
                ParsedFrame::Record(len) => {
                    if wanted {
                        let begin = batch.bytes.len();
                        batch.bytes.extend_from_slice(rest.get(HEAD..HEAD + len).unwrap_or_default());
                        batch.entries.push(BatchEntry::Record(seq, begin..batch.bytes.len()));
                        let what = ItemKind::Record(len as u32);
                        self.reading.in_hand.push_back(UnackedItem { last: seq, what, at: None });
                    }
                    at += HEAD + len;
                    seq += 1;
                }
                ParsedFrame::Gap(gap) => {
                    if wanted {
                        put_gap(batch, &mut self.reading.in_hand, gap, None);
                    }
                    at += GAP_FRAME;
                    seq = gap.last + 1;
                }
                ParsedFrame::Short(_) | ParsedFrame::Bad(_) => return,
            }
            if wanted {
                self.reading.seq = seq;
                self.reading.at = None;
            }
        }
    }

    /// Removes frames from memory that were delivered while the disk failed.
    pub(super) fn forget_pending(&mut self) {
        let (mut at, mut seq, mut records) = (0, self.durable, 0);
        while let Some(rest) = self.pending.bytes.get(at..).filter(|_| seq <= self.acked) {
            match parse(rest, seq) {
                ParsedFrame::Record(len) => {
                    at += HEAD + len;
                    seq += 1;
                    records += 1;
                }
                ParsedFrame::Gap(gap) => {
                    at += GAP_FRAME;
                    seq = gap.last + 1;
                }
                ParsedFrame::Short(_) | ParsedFrame::Bad(_) => break,
            }
        }
        if at == 0 {
            return;
        }
        // Parts of these frames in the file are not needed; the next segment begins after them.
        if let Some(writing) = self.writing.as_ref().filter(|writing| !writing.listed) {
            drop(self.disk.remove(&name(writing.first)));
        }
        self.abandon();
        self.pending.bytes.drain(..at);
        self.pending.records = self.pending.records.saturating_sub(records);
        self.durable = seq;
        if self.pending.bytes.is_empty() {
            self.pending.since = None;
        }
    }
}
