//! The contract between the queue and the types of sinks: what a transport does, and what it reports.
//!
//! The encoder turns a record into bytes on the pipeline's thread. These bytes wait in a queue, perhaps
//! through a restart. The transport runs on the sink's own thread and gets the bytes in batches, in order,
//! until it reports what became of each record.

pub(crate) mod batch_split;
pub(crate) mod blocking;
pub(crate) mod transport;

use std::time::Duration;

use super::status::lost;

/// The result of the delivery of a batch. By default nothing was taken and nothing is wrong.
#[derive(Debug, Default)]
pub struct DeliveryResult {
    /// Number of records from the front of the batch that are done: taken by the receiver, or refused for
    /// good. The others are delivered again.
    pub done: usize,
    /// Done records that the receiver refused for good.
    pub refused: Vec<RefusedRecords>,
    /// Reason why the rest was not taken.
    pub trouble: Option<DeliveryError>,
}

impl DeliveryResult {
    /// Returns the result of a batch that was taken completely.
    #[must_use]
    pub fn all(records: usize) -> Self {
        Self { done: records, ..Self::default() }
    }

    /// Returns the result of a batch of which only the first `done` records were taken.
    #[must_use]
    pub fn partial(done: usize, trouble: DeliveryError) -> Self {
        Self { done, refused: Vec::new(), trouble: Some(trouble) }
    }
}

/// Records that a receiver will never take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusedRecords {
    /// Index of the first record in the batch.
    pub first: usize,
    /// Number of records, from `first` on, among which the refused ones are. The receiver reports only how
    /// many it refused.
    pub among: usize,
    /// Number of refused records.
    pub count: u64,
    /// The receiver's reason, for people.
    pub why: String,
    /// Whether the refusal is inferred: the receiver fails at this record again and again, and takes others.
    pub poison: bool,
}

impl RefusedRecords {
    /// Returns the reason under which the loss is counted.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        if self.poison { lost::POISON } else { lost::REFUSED }
    }
}

/// The reason why a batch was not taken. The batch is retried without end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeliveryError {
    /// Text for people; names the receiver and its answer.
    pub why: String,
    /// Pause that the receiver asked for.
    pub after: Option<Duration>,
    /// Whether the receiver is gone for good: standard output has no reader any more.
    pub reader_gone: bool,
    /// Whether the failure concerns the sender or its rate, and never a record.
    pub sender_fault: bool,
    /// Whether the receiver refused these records and has taken none before. The next attempt reads the queue
    /// anew, because the receiver may take one of the records that arrived since.
    pub unproven: bool,
}

impl DeliveryError {
    /// Returns a failure that is worth another attempt soon.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), after: None, reader_gone: false, sender_fault: false, unproven: false }
    }
}
