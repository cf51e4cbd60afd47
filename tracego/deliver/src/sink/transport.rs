//! The second half of every sink: the bytes of many records reach their receiver.

use super::{deliver::Delivered, file::Counts};

/// Runs on the sink's own thread.
pub(super) trait Deliver {
    /// Delivers records, in their order; what it does not report as done comes again.
    fn deliver(&mut self, batch: &[&[u8]]) -> impl Future<Output = Delivered>;

    /// As [`deliver`](Self::deliver), after the record in front came back too often: where the receiver fails at it
    /// alone and takes another one, it is given up. Transports whose receiver does not answer have nothing
    /// to go by.
    fn isolate(&mut self, batch: &[&[u8]]) -> impl Future<Output = Delivered> {
        self.deliver(batch)
    }

    /// The operator moved the output away (SIGHUP).
    fn reopen(&mut self);

    /// No more comes.
    fn close(&mut self) -> impl Future<Output = ()>;

    /// What became of files, where the sink has some.
    fn files(&self) -> Option<Counts>;

    /// A payload as people and programs can read it, for the dead letters.
    fn readable(&self, payload: &[u8]) -> serde_json::Value;
}
