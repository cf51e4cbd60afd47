//! The pipeline's end of a sink: filter, encode, and pass on in chunks.

use std::{collections::VecDeque, mem, sync::Arc};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    encode::Encoder,
    filter::Filter,
    status::{Status, lost},
};
use tracego_model::record::Record;

/// Encoded records on their way to the sink's thread.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// End of each record.
    pub(super) ends: Vec<usize>,
}

impl Chunk {
    /// Many as one.
    fn joined(chunks: impl Iterator<Item = Self>, bytes: usize) -> Self {
        let mut all = Self { bytes: Vec::with_capacity(bytes), ends: Vec::new() };
        for chunk in chunks {
            let begin = all.bytes.len();
            all.bytes.extend_from_slice(&chunk.bytes);
            all.ends.extend(chunk.ends.iter().map(|end| begin + end));
        }
        all
    }

    /// The records from the `from`th on.
    pub(super) fn iter_from(&self, from: usize) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).skip(from).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }
}

/// Chunks that may wait in the channel, and bytes after which a chunk is passed on.
const CHANNEL: usize = 16;
const CHUNK: usize = 64 * 1024;
/// Room of the channel that is kept for what waits here at the end.
const REST: usize = 1;
/// Bytes that may wait here while the sink's thread does not take any.
const BACKLOG: usize = 8 << 20;

/// The way to a sink's thread.
pub(super) fn channel() -> (mpsc::Sender<Chunk>, mpsc::Receiver<Chunk>) {
    mpsc::channel(CHANNEL + REST)
}

/// A sink, and how many chunks are in its queue when it has what was pushed so far.
pub(super) type Ahead = (Arc<Status>, u64);

/// The pipeline's end of a sink.
pub struct Feed {
    status: Arc<Status>,
    filter: Filter,
    encoder: Encoder,
    chunk: Chunk,
    sender: mpsc::Sender<Chunk>,
    /// Wait for the sink instead of losing records.
    blocks: bool,
    backlog: VecDeque<Chunk>,
    waiting: usize,
    /// Chunks that the sink's thread was given.
    passed: u64,
    /// Counted here and not yet in the status, which has a lock.
    filtered: u64,
    given: u64,
    /// Lost here since somebody asked last, by the reason.
    stalled: u64,
    unwritable: u64,
}

impl Feed {
    pub(super) fn new(
        status: Arc<Status>,
        filter: Filter,
        encoder: Encoder,
        sender: mpsc::Sender<Chunk>,
        blocks: bool,
    ) -> Self {
        Self {
            status,
            filter,
            encoder,
            chunk: Chunk::default(),
            sender,
            blocks,
            backlog: VecDeque::new(),
            waiting: 0,
            passed: 0,
            filtered: 0,
            given: 0,
            stalled: 0,
            unwritable: 0,
        }
    }

    /// What others may know of the sink.
    #[must_use]
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// Takes a record that the filter lets through.
    pub(super) fn push(&mut self, record: &Record) {
        match self.filter.takes(record) {
            Ok(false) => self.filtered += 1,
            Ok(true) => match self.encoder.encode(record, &mut self.chunk.bytes) {
                Ok(()) => {
                    self.given += 1;
                    self.chunk.ends.push(self.chunk.bytes.len());
                }
                Err(error) => self.unwritable(&error),
            },
            Err(error) => self.unwritable(&error),
        }
        if self.chunk.bytes.len() >= CHUNK {
            self.pass();
        }
    }

    fn unwritable(&mut self, error: &std::io::Error) {
        self.unwritable += 1;
        tracing::warn!(sink = self.status.name, %error, "a record cannot be written in the sink's format");
    }

    /// Passes on what is gathered.
    pub(super) fn flush(&mut self) {
        self.pass();
        if self.filtered + self.given > 0 {
            let mut numbers = self.status.change();
            numbers.filtered += mem::take(&mut self.filtered);
            numbers.given += mem::take(&mut self.given);
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
                Err(TrySendError::Closed(chunk)) => self.stalled += chunk.ends.len() as u64,
                Err(TrySendError::Full(chunk)) if self.waiting <= BACKLOG => {
                    self.backlog.push_front(chunk);
                    return;
                }
                Err(TrySendError::Full(chunk)) => {
                    // The newest give way: the oldest are nearer to the disk.
                    self.backlog.push_front(chunk);
                    while self.waiting > BACKLOG
                        && let Some(newest) = self.backlog.pop_back()
                    {
                        self.waiting = self.waiting.saturating_sub(newest.bytes.len());
                        self.stalled += newest.ends.len() as u64;
                    }
                    return;
                }
            }
            self.waiting = self.waiting.saturating_sub(size);
        }
    }

    /// How many chunks the queue has once all that was pushed and flushed is there; nothing where it would
    /// not survive in any case.
    pub(super) fn mark(&self) -> Option<Ahead> {
        let chunks = self.passed + self.backlog.len() as u64;
        self.status.durable.then(|| (Arc::clone(&self.status), chunks))
    }

    /// Whether the queue of that sink is this one's, lacks some of so many chunks and will get them.
    pub(super) fn lacks(&self, (status, chunks): &Ahead) -> bool {
        Arc::ptr_eq(&self.status, status) && !self.sender.is_closed() && !status.has_placed(*chunks)
    }

    /// Goes on for another feed of the same sink. Flush that one before.
    pub(super) fn inherit(&mut self, mut old: Self) {
        if Arc::ptr_eq(&self.status, &old.status) {
            self.passed += old.passed;
        }
        self.waiting += mem::take(&mut old.waiting);
        self.backlog.append(&mut old.backlog);
        self.stalled += mem::take(&mut old.stalled);
        self.unwritable += mem::take(&mut old.unwritable);
    }

    /// What was lost here since this was asked last, by the reason.
    pub(super) fn losses(&mut self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let losses = [
            (lost::STALLED, mem::take(&mut self.stalled)),
            (lost::UNWRITABLE, mem::take(&mut self.unwritable)),
        ];
        let status = Arc::clone(&self.status);
        losses
            .into_iter()
            .filter(|&(_, count)| count > 0)
            .inspect(move |&(reason, count)| status.lose(reason, count))
    }
}

/// The run or the sink ends: what waits here is the last that the sink's thread is given. Its queue takes it even when the
/// deadline has passed, as far as there is room. Flush before.
impl Drop for Feed {
    fn drop(&mut self) {
        let rest = Chunk::joined(self.backlog.drain(..), self.waiting);
        if !rest.ends.is_empty()
            && let Err(error) = self.sender.try_send(rest)
        {
            self.stalled += error.into_inner().ends.len() as u64;
        }
        for (reason, records) in self.losses() {
            tracing::warn!(sink = self.status.name, reason, records, "lost with the end of the sink");
        }
    }
}
