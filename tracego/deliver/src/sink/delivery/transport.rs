//! The second half of every sink: delivering the bytes of many records to a receiver.

use super::DeliveryResult;
use crate::{detail::memory::SharedMemory, sink::status::FileCounts};

/// A transport, which runs on the sink's own thread.
pub(crate) trait Transport {
    /// Delivers records in their order. Records that are not reported as done are delivered again.
    fn deliver(&mut self, batch: &[&[u8]]) -> impl Future<Output = DeliveryResult>;

    /// Delivers like [`deliver`](Self::deliver), when too many attempts failed with the same record in front:
    /// a record that fails alone, while the receiver takes another one, is given up. A transport whose
    /// receiver does not answer cannot know that, and only delivers.
    fn isolate(&mut self, batch: &[&[u8]]) -> impl Future<Output = DeliveryResult> {
        self.deliver(batch)
    }

    /// Offers a memory of the references that the queue was given. Returns whether the transport writes them again
    /// where they are missing.
    fn remember(&mut self, _memory: &SharedMemory) -> bool {
        false
    }

    /// Reopens the output, which the operator moved away (SIGHUP).
    fn reopen(&mut self);

    /// Closes the transport: no more records follow.
    fn close(&mut self) -> impl Future<Output = ()>;

    /// Returns the counts of the sink's files, if it has some.
    fn files(&self) -> Option<FileCounts>;

    /// Returns a note for the operator about the way of delivery, if there is one.
    fn note(&self) -> Option<String> {
        None
    }

    /// Returns a payload in a form that people and programs can read, for the dead letters.
    fn readable(&self, payload: &[u8]) -> serde_json::Value;
}
