//! Chunks that the queue has no room for yet.

use std::{collections::VecDeque, mem};

use tracego_spool::RecordQueue;

use super::sender::RecordChunk;

/// Held chunks in their order. Usually there is at most one. During a reload that changes the sink, all
/// chunks that arrive are held, so that the pipeline does not wait for the old receiver.
#[derive(Default)]
pub(crate) struct ChunkBacklog {
    chunks: VecDeque<RecordChunk>,
    /// Number of records of the first chunk that the queue already has.
    from: usize,
    /// Number of records of the sink up to the last chunk that is queued, with those that never arrived.
    reached: u64,
    /// Number of records that never arrived, and are not reported yet.
    skipped: u64,
}

impl ChunkBacklog {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the number of bytes of all held chunks.
    pub(crate) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum()
    }

    /// Returns the records of all held chunks.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.chunks.iter().flat_map(|chunk| chunk.iter_from(0))
    }

    pub(crate) fn push(&mut self, chunk: RecordChunk) {
        self.chunks.push_back(chunk);
    }

    /// Moves held chunks into the queue until it is full. Returns how many chunks are now fully queued.
    pub(super) fn place(&mut self, queue: &mut RecordQueue) -> u64 {
        let mut placed = 0;
        while let Some(chunk) = self.chunks.front() {
            if self.from == 0 {
                self.skipped += chunk.before.saturating_sub(self.reached);
                self.reached = self.reached.max(chunk.before);
            }
            for record in chunk.iter_from(self.from) {
                if queue.append(record).is_err() {
                    return placed;
                }
                self.from += 1;
                self.reached += 1;
            }
            self.drop_first();
            placed += 1;
        }
        placed
    }

    /// Returns the number of records that were given to the sink and never arrived, since the last call.
    pub(super) fn take_skipped(&mut self) -> u64 {
        mem::take(&mut self.skipped)
    }

    /// Returns the number of records at the end of the run that were given to the sink and are not queued.
    /// `given`: the number of all.
    pub(super) fn missing(&self, given: u64) -> u64 {
        given.saturating_sub(self.reached)
    }

    /// Discards all held chunks. Returns the number of lost records, and of chunks.
    pub(super) fn discard(&mut self) -> (u64, u64) {
        let (mut records, mut chunks) = (0, 0);
        while let Some(chunk) = self.chunks.front() {
            records += chunk.ends.len().saturating_sub(self.from) as u64;
            self.drop_first();
            chunks += 1;
        }
        (records, chunks)
    }

    fn drop_first(&mut self) {
        self.chunks.pop_front();
        self.from = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracego_spool::Moment;

    use tracego_spool::{MemoryQueue, OnFull, QueueLimits};

    fn chunk(records: usize) -> RecordChunk {
        RecordChunk {
            bytes: vec![b'x'; records * 1000],
            ends: (1..=records).map(|n| n * 1000).collect(),
            before: 0,
        }
    }

    #[test]
    fn what_is_placed_and_what_is_given_up_are_all() {
        let limits = QueueLimits { total_bytes: 8 << 10, on_full: OnFull::Block, ..QueueLimits::default() };
        let mut queue = RecordQueue::Memory(Box::new(MemoryQueue::new(limits, Moment::now())));
        let mut held = ChunkBacklog::default();
        held.push(chunk(2));
        (0..3).for_each(|_| held.push(chunk(3)));
        let placed = held.place(&mut queue);
        let there = queue.stats().depth.records;
        assert!(placed >= 1 && there > 4, "{placed} {there}");
        let (records, chunks) = held.discard();
        assert_eq!((there + records, placed + chunks), (11, 4));
        assert!(held.is_empty());
        assert_eq!(held.discard(), (0, 0));
    }
}
