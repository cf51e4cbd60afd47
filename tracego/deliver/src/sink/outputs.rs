//! All outputs of a run, as the pipeline sees them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::Arc,
};

use tracego_model::record::{Record, SinkCounts};

use super::{
    direct::{DirectOutput, FlushResult},
    queue::sender::{QueueMark, SinkSender},
    status::SinkStatus,
};
use crate::{
    detail::{
        Detail,
        stage::{DetailStage, WantedDetail},
    },
    seal::window::Sealer,
};

/// The outputs of a run: the direct output, and sinks with queues.
#[derive(Default)]
pub struct Outputs {
    direct: Option<DirectOutput>,
    senders: Vec<SinkSender>,
    detail: DetailStage,
    /// Number of the last record.
    seq: u64,
    /// Number of event records since the last flush, if there is no direct output to count them.
    counted: u64,
    mark: u64,
    /// Marks that the queues have not reached yet, with the number of chunks that each queue has then.
    marks: VecDeque<(u64, Vec<QueueMark>)>,
}

impl From<DirectOutput> for Outputs {
    fn from(sink: DirectOutput) -> Self {
        Self { direct: Some(sink), ..Self::default() }
    }
}

impl Outputs {
    /// Creates the outputs from their parts.
    #[must_use]
    pub fn new(direct: Option<DirectOutput>, senders: Vec<SinkSender>) -> Self {
        Self { direct, senders, ..Self::default() }
    }

    /// Replaces the sinks with queues, and the file that the direct output writes to. Sinks that are left out
    /// end by themselves. Call [`flush`](Self::flush) before.
    pub fn replace(&mut self, senders: Vec<SinkSender>, output: Option<Box<dyn io::Write + Send>>) {
        let before = std::mem::replace(&mut self.senders, senders);
        for old in before {
            // Chunks that the old worker could not take yet go to the new sender of the same name.
            if let Some(new) = self.senders.iter_mut().find(|new| new.status().name == old.status().name) {
                new.inherit(old);
            }
        }
        if let (Some(direct), Some(output)) = (&mut self.direct, output) {
            direct.set_output(output);
        }
    }

    /// Returns the part that seals the direct output, if it is sealed.
    pub fn sealer(&mut self) -> Option<&mut Sealer> {
        self.direct.as_mut()?.sealer()
    }

    /// Sets the variables that the operator asked for, which lean records show themselves.
    #[must_use]
    pub fn asked(mut self, variables: BTreeSet<String>) -> Self {
        self.detail.set_asked(Arc::new(variables));
        self
    }

    /// Whether an output has the modules of executables.
    #[must_use]
    pub fn has_modules(&self) -> bool {
        let mut wanted = WantedDetail::default();
        let direct = self.direct.iter().map(DirectOutput::book);
        direct.chain(self.senders.iter().map(SinkSender::book)).for_each(|book| wanted.add(book));
        wanted.has_modules
    }

    /// Adds a full record to all outputs, and gives it the next number; `counted` is that of
    /// [`DirectOutput::push`]. Where an output gets it lean, the record is lean afterwards. Returns whether any output
    /// took the record: without a direct output, the filters of all sinks may leave it out.
    ///
    /// # Errors
    /// Fails if the record cannot be written in the format of the direct output.
    pub fn push(&mut self, record: &mut Record, counted: bool) -> io::Result<bool> {
        let Self { direct, senders, detail, seq, .. } = self;
        let mut wanted = WantedDetail::default();
        wanted.add(direct.as_ref().and_then(DirectOutput::book));
        let (is_lean, wanted_directly) = (wanted.is_lean, wanted);
        detail.begin(record, wanted);
        if let Some(direct) = direct
            && let Some(book) = direct.book_mut()
        {
            for mut one in detail.ahead(record, book) {
                *seq += 1;
                one.seq = *seq;
                if direct.push(&one, false).is_err() {
                    direct.forget();
                }
            }
        }
        // Filters see the number, so a record that no sink takes has one, too.
        *seq += 1;
        record.seq = *seq;
        let mut is_taken = direct.is_some();
        for sender in senders.iter_mut() {
            let takes = sender.choose(record);
            is_taken |= takes;
            wanted.add(sender.book().filter(|_| takes));
        }
        if !is_taken {
            return Ok(false);
        }
        if wanted != wanted_directly {
            detail.begin(record, wanted);
        }
        for sender in senders.iter_mut() {
            if let Some(book) = sender.chosen_book() {
                // The direct output would lack a number of their own.
                for one in detail.ahead(record, book) {
                    sender.put_ahead(&Record { seq: record.seq, ..one });
                }
            }
        }
        let mut done = Ok(());
        senders.iter_mut().for_each(|sender| sender.put_chosen(record, Detail::Full));
        if let Some(direct) = direct.as_mut().filter(|_| !is_lean) {
            done = direct.push(record, counted);
        }
        detail.finish(record);
        senders.iter_mut().for_each(|sender| sender.put_chosen(record, Detail::Lean));
        match direct.as_mut() {
            Some(direct) if is_lean => done = direct.push(record, counted),
            Some(_) => {}
            None => self.counted += u64::from(counted),
        }
        done.map(|()| true)
    }

    /// Adds a record to the direct output alone.
    ///
    /// # Errors
    /// Fails if the record cannot be written in the format of the direct output.
    pub fn push_direct(&mut self, record: &Record, counted: bool) -> io::Result<()> {
        match &mut self.direct {
            Some(sink) => sink.push(record, counted),
            None => {
                self.counted += u64::from(counted);
                Ok(())
            }
        }
    }

    /// Returns whether enough is gathered for a write.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.direct.as_ref().is_some_and(DirectOutput::is_full)
    }

    /// Passes on what is gathered. Without a direct output, records given to the queues count as written;
    /// each sink then has counts of its own.
    pub fn flush(&mut self) -> FlushResult {
        self.senders.iter_mut().for_each(SinkSender::flush);
        match &mut self.direct {
            Some(sink) => sink.flush(),
            None => FlushResult { written: std::mem::take(&mut self.counted), ..FlushResult::default() },
        }
    }

    /// Drops the senders at the end: records that wait ahead of the sinks go to their threads. Call
    /// [`flush`](Self::flush) before.
    pub fn close_sinks(&mut self) {
        self.senders.clear();
    }

    /// Returns a mark for the point that the outputs have reached: everything flushed so far.
    pub fn mark(&mut self) -> u64 {
        self.mark += 1;
        let ahead: Vec<_> = self.senders.iter().filter_map(SinkSender::mark).collect();
        if !ahead.is_empty() {
            self.marks.push_back((self.mark, ahead));
        }
        self.mark
    }

    /// Returns the last mark up to which a kill of tracego loses nothing: the records are with the operating
    /// system, or in the spools of all sinks that have one. The result is a mark and not a yes or no, since
    /// under load some records are always on their way.
    pub fn persisted_mark(&mut self) -> u64 {
        while let Some((_, ahead)) = self.marks.front() {
            let waits = |ahead: &QueueMark| self.senders.iter().any(|sender| sender.lacks(ahead));
            if ahead.iter().any(waits) {
                break;
            }
            self.marks.pop_front();
        }
        self.marks.front().map_or(self.mark, |(mark, _)| mark - 1)
    }

    /// Returns whether [`persisted_mark`](Self::persisted_mark) has reached the end of what was flushed.
    #[must_use]
    pub fn is_persisted(&self) -> bool {
        let waits = |ahead: &QueueMark| self.senders.iter().any(|sender| sender.lacks(ahead));
        !self.senders.iter().filter_map(SinkSender::mark).any(|ahead| waits(&ahead))
    }

    /// Returns the record counts of each sink with a queue, by name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, SinkCounts> {
        let each = self.senders.iter().map(|sender| {
            let numbers = sender.status().numbers();
            let counts = SinkCounts {
                given: numbers.given,
                delivered: numbers.delivered,
                lost: numbers.losses().values().sum(),
                waiting: numbers.queue.depth.records,
                waiting_bytes: numbers.queue.depth.bytes,
                oldest_age_ms: numbers
                    .queue
                    .oldest
                    .map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            };
            (sender.status().name.clone(), counts)
        });
        each.collect()
    }

    /// Returns the losses on this side of the queues since the last call: sink, reason, number of records.
    pub fn losses(&mut self) -> Vec<(Arc<SinkStatus>, &'static str, u64)> {
        let losses = self.senders.iter_mut().flat_map(|sender| {
            let status = Arc::clone(sender.status());
            sender.losses().map(move |(reason, count)| (Arc::clone(&status), reason, count))
        });
        losses.collect()
    }
}
