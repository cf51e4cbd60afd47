//! The pipeline's end of a sink: it filters and encodes records, and passes them on in chunks.

use std::{
    collections::VecDeque,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{self, error::TrySendError};
use tracego_model::record::Record;

use crate::{
    detail::{Detail, book::ReferenceBook},
    sink::{
        settings::{encoder::SinkEncoder, filter::Filter},
        status::{SinkStatus, lost},
    },
};

/// Encoded records on their way to the sink's worker.
#[derive(Debug, Default)]
pub(crate) struct RecordChunk {
    pub(crate) bytes: Vec<u8>,
    /// End of each record in `bytes`.
    pub(crate) ends: Vec<usize>,
    /// Number of records that the sink was given before the first one.
    pub(crate) before: u64,
}

impl RecordChunk {
    /// Joins several chunks into one.
    fn joined(chunks: impl Iterator<Item = Self>, bytes: usize) -> Self {
        let mut all = Self { bytes: Vec::with_capacity(bytes), ..Self::default() };
        for chunk in chunks {
            if all.ends.is_empty() {
                all.before = chunk.before;
            }
            let begin = all.bytes.len();
            all.bytes.extend_from_slice(&chunk.bytes);
            all.ends.extend(chunk.ends.iter().map(|end| begin + end));
        }
        all
    }

    /// Returns the records from index `from` on.
    pub(crate) fn iter_from(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).skip(from).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// Number of chunks that may wait in the channel, and number of bytes after which a chunk is passed on.
const CHANNEL: usize = 16;
const CHUNK: usize = 64 * 1024;
/// Room of the channel that is reserved for the backlog left at the end.
const REST: usize = 1;
/// Number of bytes that may wait in the backlog while the worker takes none.
const BACKLOG: usize = 8 << 20;

/// Creates the channel to a sink's worker.
pub(crate) fn channel() -> (mpsc::Sender<RecordChunk>, mpsc::Receiver<RecordChunk>) {
    mpsc::channel(CHANNEL + REST)
}

/// Shortest and longest time between two renewals.
const RENEWAL_MIN: Duration = Duration::from_millis(500);
const RENEWAL_MAX: Duration = Duration::from_mins(1);

/// The pace at which references are given again to a receiver that may lack them. A receiver that fails again and again
/// gets them more and more seldom.
#[derive(Default)]
struct Renewal {
    last: Option<(Instant, Duration)>,
}

impl Renewal {
    /// Whether references may be given again now; notes that they are.
    fn is_due(&mut self) -> bool {
        let pause = match self.last {
            None => RENEWAL_MIN,
            Some((last, pause)) if last.elapsed() < pause => return false,
            Some((last, pause)) if last.elapsed() < 4 * pause => (2 * pause).min(RENEWAL_MAX),
            Some(_) => RENEWAL_MIN,
        };
        self.last = Some((Instant::now(), pause));
        true
    }
}

/// A sink, and the number of chunks in its queue once everything pushed so far is there.
pub(crate) type QueueMark = (Arc<SinkStatus>, u64);

/// The pipeline's end of a sink.
pub struct SinkSender {
    status: Arc<SinkStatus>,
    filter: Filter,
    /// Whether the filter let the current record through.
    chosen: bool,
    encoder: SinkEncoder,
    /// The records that others can refer to; `None` where the sink gets full records alone.
    book: Option<ReferenceBook>,
    /// Epoch of the book.
    epoch: u64,
    renewal: Renewal,
    chunk: RecordChunk,
    sender: mpsc::Sender<RecordChunk>,
    /// Whether a full sink blocks the pipeline instead of losing records.
    blocks: bool,
    backlog: VecDeque<RecordChunk>,
    waiting: usize,
    /// Number of chunks that the worker was given.
    passed: u64,
    /// Number of records that were encoded since the sink's worker was started.
    encoded: u64,
    /// Number of records counted here and not yet in the status, which has a lock.
    filtered: u64,
    given: u64,
    /// Number of records lost here since the last report, by reason.
    stalled: u64,
    unwritable: u64,
}

impl SinkSender {
    pub(crate) fn new(
        status: Arc<SinkStatus>,
        filter: Filter,
        encoder: SinkEncoder,
        sender: mpsc::Sender<RecordChunk>,
        blocks: bool,
        book: Option<ReferenceBook>,
    ) -> Self {
        Self {
            epoch: status.epoch(),
            renewal: Renewal::default(),
            status,
            filter,
            chosen: false,
            encoder,
            book,
            chunk: RecordChunk::default(),
            sender,
            blocks,
            backlog: VecDeque::new(),
            waiting: 0,
            passed: 0,
            encoded: 0,
            filtered: 0,
            given: 0,
            stalled: 0,
            unwritable: 0,
        }
    }

    /// Returns the sink's status, which all threads share.
    #[must_use]
    pub fn status(&self) -> &Arc<SinkStatus> {
        &self.status
    }

    /// Asks the filter about a full record. Returns whether the sink takes it, or loses it.
    pub(crate) fn choose(&mut self, record: &Record) -> bool {
        let takes = self.filter.takes(record);
        let is_taken = !matches!(takes, Ok(false));
        self.chosen = matches!(takes, Ok(true));
        match takes {
            Ok(false) => self.filtered += 1,
            Ok(true) => {}
            Err(error) => self.unwritable(&error),
        }
        is_taken
    }

    /// Returns the records that others can refer to, if the sink gets any.
    pub(crate) fn book(&self) -> Option<&ReferenceBook> {
        self.book.as_ref()
    }

    /// Returns the same if the sink takes the record of the last [`choose`](Self::choose). What the receiver may lack by
    /// now is forgotten.
    pub(crate) fn chosen_book(&mut self) -> Option<&mut ReferenceBook> {
        let book = self.book.as_mut().filter(|_| self.chosen)?;
        let epoch = self.status.epoch();
        if epoch != self.epoch && self.renewal.is_due() {
            self.epoch = epoch;
            book.clear();
        }
        Some(book)
    }

    /// Takes the record of the last [`choose`](Self::choose), if the filter let it through and the sink gets records of
    /// this detail.
    pub(crate) fn put_chosen(&mut self, record: &Record, detail: Detail) {
        let own = self.book.as_ref().is_some_and(ReferenceBook::is_lean);
        if self.chosen && own == (detail == Detail::Lean) {
            self.put(record);
        }
    }

    /// Takes a record that goes ahead of the current one, in the same chunk: both are lost, or neither is.
    pub(crate) fn put_ahead(&mut self, record: &Record) {
        self.encode(record);
    }

    /// Takes a record.
    fn put(&mut self, record: &Record) {
        self.encode(record);
        if self.chunk.bytes.len() >= CHUNK {
            self.pass();
        }
    }

    /// Adds the record to the chunk, with its number in the stream of the sink.
    fn encode(&mut self, record: &Record) {
        let number = self.status.stream_begin().map_or(0, |begin| begin + self.encoded + 1);
        record.tracego.sink_seq.set(number);
        let done = self.encoder.encode(record, &mut self.chunk.bytes);
        record.tracego.sink_seq.set(0);
        match done {
            Ok(()) => {
                if self.chunk.ends.is_empty() {
                    self.chunk.before = self.encoded;
                }
                self.encoded += 1;
                self.given += 1;
                self.chunk.ends.push(self.chunk.bytes.len());
            }
            Err(error) => self.unwritable(&error),
        }
    }

    fn unwritable(&mut self, error: &std::io::Error) {
        self.unwritable += 1;
        tracing::warn!(sink = self.status.name, %error, "a record cannot be written in the sink's format");
    }

    /// Passes gathered records on, and adds the counts to the status.
    pub(crate) fn flush(&mut self) {
        self.pass();
        if self.filtered + self.given > 0 {
            let mut numbers = self.status.numbers_mut();
            numbers.filtered += mem::take(&mut self.filtered);
            numbers.given += mem::take(&mut self.given);
            numbers.shortened += self.encoder.take_shortened();
        }
    }

    fn pass(&mut self) {
        if !self.chunk.ends.is_empty() {
            let chunk = mem::take(&mut self.chunk);
            self.waiting += chunk.bytes.len();
            self.backlog.push_back(chunk);
        }
        while let Some(chunk) = self.backlog.pop_front() {
            let size = chunk.bytes.len();
            let sent = if self.blocks {
                self.sender.blocking_send(chunk).map_err(|error| TrySendError::Closed(error.0))
            } else if self.sender.capacity() > REST || self.sender.is_closed() {
                self.sender.try_send(chunk)
            } else {
                Err(TrySendError::Full(chunk))
            };
            match sent {
                Ok(()) => self.passed += 1,
                Err(TrySendError::Closed(chunk)) => {
                    self.stalled += chunk.ends.len() as u64;
                    self.status.next_epoch();
                }
                Err(TrySendError::Full(chunk)) if self.waiting <= BACKLOG => {
                    self.backlog.push_front(chunk);
                    return;
                }
                Err(TrySendError::Full(chunk)) => {
                    // The newest chunks are dropped: the oldest are nearer to the disk.
                    self.backlog.push_front(chunk);
                    while self.waiting > BACKLOG
                        && let Some(newest) = self.backlog.pop_back()
                    {
                        self.waiting = self.waiting.saturating_sub(newest.bytes.len());
                        self.stalled += newest.ends.len() as u64;
                        self.status.next_epoch();
                    }
                    return;
                }
            }
            self.waiting = self.waiting.saturating_sub(size);
        }
    }

    /// Returns this sink and the number of chunks in its queue once everything pushed and flushed is there;
    /// `None` for a queue that does not survive tracego.
    pub(crate) fn mark(&self) -> Option<QueueMark> {
        let chunks = self.passed + self.backlog.len() as u64;
        self.status.durable.then(|| (Arc::clone(&self.status), chunks))
    }

    /// Returns whether the mark is of this sink's queue, which lacks some of these chunks and will get them.
    pub(crate) fn lacks(&self, (status, chunks): &QueueMark) -> bool {
        Arc::ptr_eq(&self.status, status) && !self.sender.is_closed() && !status.has_placed(*chunks)
    }

    /// Takes over from another sender of the same sink, with its backlog and losses. Flush the other sender
    /// before.
    pub(crate) fn inherit(&mut self, mut old: Self) {
        if Arc::ptr_eq(&self.status, &old.status) {
            self.passed += old.passed;
            self.encoded += old.encoded;
        }
        self.waiting += mem::take(&mut old.waiting);
        self.backlog.append(&mut old.backlog);
        self.stalled += mem::take(&mut old.stalled);
        self.unwritable += mem::take(&mut old.unwritable);
    }

    /// Returns the losses on this side of the queue since the last call, by reason, and counts them in the
    /// status.
    pub(crate) fn losses(&mut self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let losses = [
            (lost::STALLED, mem::take(&mut self.stalled)),
            (lost::UNWRITABLE, mem::take(&mut self.unwritable)),
        ];
        let status = Arc::clone(&self.status);
        losses
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .inspect(move |&(reason, count)| status.count_lost(reason, count))
    }
}

/// Passes on the backlog when the run or the sink ends, as the last chunk for the worker. The queue takes it
/// even after the deadline, as far as there is room. Flush before.
impl Drop for SinkSender {
    fn drop(&mut self) {
        let rest = RecordChunk::joined(self.backlog.drain(..), self.waiting);
        if !rest.ends.is_empty()
            && let Err(error) = self.sender.try_send(rest)
        {
            self.stalled += error.into_inner().ends.len() as u64;
        }
        for (reason, records) in self.losses() {
            tracing::warn!(sink = self.status.name, reason, records, "records are lost: the sink ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_again_more_and_more_seldom_while_a_receiver_fails() {
        let mut renewal = Renewal::default();
        assert!(renewal.is_due() && !renewal.is_due());
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let (last, pause) = renewal.last.unwrap();
            pauses.push(pause.as_millis());
            renewal.last = last.checked_sub(pause).map(|last| (last, pause));
            assert!(renewal.is_due());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        // A while without failures begins anew.
        let (last, pause) = renewal.last.unwrap();
        renewal.last = last.checked_sub(4 * pause).map(|last| (last, pause));
        assert!(renewal.is_due());
        assert_eq!(renewal.last.map(|(_, pause)| pause), Some(RENEWAL_MIN));
    }
}
