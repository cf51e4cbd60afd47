//! Chunks that the queue has no room for yet.

use std::collections::VecDeque;

use tracego_spool::Queue;

use super::sender::RecordChunk;

/// Held chunks in their order. Usually there is at most one. While a sink is changed, all chunks that arrive
/// are held, so that the pipeline does not wait for the old sink's receiver.
#[derive(Default)]
pub(crate) struct ChunkBacklog {
    chunks: VecDeque<RecordChunk>,
    /// Number of records of the first chunk that the queue already has.
    from: usize,
    /// Number of chunks at the front that another worker was given.
    inherited: usize,
}

impl ChunkBacklog {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(crate) fn push(&mut self, chunk: RecordChunk) {
        self.chunks.push_back(chunk);
    }

    /// Returns the chunks as the next worker gets them: all count as inherited.
    pub(crate) fn inherited(self) -> Self {
        Self { inherited: self.chunks.len(), ..self }
    }

    /// Moves held chunks into the queue until it is full. Returns how many of this worker's chunks are now
    /// fully queued.
    pub(crate) fn place(&mut self, queue: &mut Queue) -> u64 {
        let mut placed = 0;
        while let Some(chunk) = self.chunks.front() {
            for record in chunk.iter_from(self.from) {
                if queue.append(record).is_err() {
                    return placed;
                }
                self.from += 1;
            }
            placed += self.drop_first();
        }
        placed
    }

    /// Discards all held chunks. Returns the number of lost records, and of chunks that this worker was
    /// given.
    pub(crate) fn discard(&mut self) -> (u64, u64) {
        let (mut records, mut chunks) = (0, 0);
        while let Some(chunk) = self.chunks.front() {
            records += chunk.ends.len().saturating_sub(self.from) as u64;
            chunks += self.drop_first();
        }
        (records, chunks)
    }

    /// Removes the first chunk. Returns 1 if this worker was given the chunk, and 0 if it was inherited.
    fn drop_first(&mut self) -> u64 {
        self.chunks.pop_front();
        self.from = 0;
        let own = self.inherited == 0;
        self.inherited = self.inherited.saturating_sub(1);
        u64::from(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracego_spool::Moment;

    use tracego_spool::{Limits, OnFull, Ram};

    fn chunk(records: usize) -> RecordChunk {
        RecordChunk { bytes: vec![b'x'; records * 1000], ends: (1..=records).map(|n| n * 1000).collect() }
    }

    #[test]
    fn what_is_placed_and_what_is_given_up_are_all() {
        let limits = Limits { total_bytes: 8 << 10, on_full: OnFull::Block, ..Limits::default() };
        let mut queue = Queue::Memory(Box::new(Ram::new(limits, Moment::now())));
        let mut held = ChunkBacklog::default();
        held.push(chunk(2));
        let mut held = held.inherited();
        (0..3).for_each(|_| held.push(chunk(3)));
        let placed = held.place(&mut queue);
        let there = queue.stats().depth.records;
        assert!(placed >= 1 && there > 4, "{placed} {there}");
        let (records, chunks) = held.discard();
        assert_eq!((there + records, placed + chunks), (11, 3));
        assert!(held.is_empty());
        assert_eq!(held.discard(), (0, 0));
    }
}
