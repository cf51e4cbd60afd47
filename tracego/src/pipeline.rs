//! Takes [`Input`] through decode → enrich → sink; owns the process table and the ledger.

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use tracego_common::{TaskId, flags, settings::event};

use crate::{
    assemble::Assembler,
    clock::Reading,
    decode::decode,
    enrich::{Enricher, Meta, Record},
    event::Event,
    input::{Batch, Consumer, Input},
    inspect::note::Note,
    kernel::counters::{Counters, JobLoss},
    ledger::Ledger,
    sink::Sink,
};

/// The way of the data from bytes to the output.
pub struct Pipeline {
    assembler: Assembler,
    enricher: Enricher,
    sink: Sink,
    ledger: Ledger,
    reported: Counters,
    /// By the process that opened the job.
    reported_jobs: HashMap<(u32, u64), u64>,
    wanted: u32,
    failed: Option<io::Error>,
}

impl Pipeline {
    /// `wanted`: the kinds that are written, bits of [`event`].
    #[must_use]
    pub fn new(meta: Meta, wanted: u32, sink: Sink) -> Self {
        Self {
            assembler: Assembler::default(),
            enricher: Enricher::new(meta),
            sink,
            ledger: Ledger::default(),
            reported: Counters::default(),
            reported_jobs: HashMap::new(),
            wanted,
            failed: None,
        }
    }

    fn batch(&mut self, batch: &Batch) {
        self.enricher.set_clock(batch.clock);
        for (bytes, note) in batch.noted() {
            match decode(bytes) {
                Err(error) => {
                    self.ledger.decode_errors += 1;
                    tracing::warn!(%error, "a record of the kernel side could not be decoded");
                }
                Ok(event) => match self.assembler.take(event) {
                    None => self.ledger.pieces += 1,
                    Some(event) => self.event(&event, note),
                },
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, note: Option<&Note>) {
        self.ledger.processed += 1;
        if self.wanted & kind(event) == 0 || event.flags() & flags::OUTSIDE != 0 {
            self.ledger.unrequested += 1;
            self.enricher.note(event, note);
        } else if let Some(enriched) = self.enricher.record(event, note) {
            self.emit(&enriched.record, true);
        }
    }

    /// A growing loss of a job becomes a record with the job's identity; the counters that follow hold
    /// the same losses, so what is told here is taken off there.
    fn lost_jobs(&mut self, jobs: Vec<JobLoss>, reading: Reading) {
        let mut now = HashMap::with_capacity(jobs.len());
        for JobLoss { root, ring_full } in jobs {
            // A count that fell belongs to an entry that made room and came again.
            let before = self.reported_jobs.get(&root).copied().filter(|&before| before <= ring_full);
            let more = ring_full - before.unwrap_or(0);
            now.insert(root, ring_full);
            if more > 0 {
                let id = TaskId { tgid: root.0, start_boottime: root.1, ..TaskId::default() };
                let record = self.enricher.lost(BTreeMap::from([("ring_full", more)]), Some(id), reading);
                self.reported.ring_full += more;
                self.emit(&record, false);
            }
        }
        self.reported_jobs = now;
    }

    /// A growing loss becomes a record.
    fn counters(&mut self, counters: Counters, reading: Reading) {
        let mut lost: BTreeMap<&'static str, u64> = BTreeMap::new();
        for ((reason, now), (_, before)) in counters.losses().into_iter().zip(self.reported.losses()) {
            if now > before {
                lost.insert(reason, now - before);
            }
        }
        self.reported = counters;
        self.ledger.kernel = counters;
        if !lost.is_empty() {
            let record = self.enricher.lost(lost, None, reading);
            self.emit(&record, false);
        }
    }

    fn emit(&mut self, record: &Record, counted: bool) {
        if let Err(error) = self.sink.push(record, counted) {
            self.ledger.write_errors += u64::from(counted);
            self.refused(error);
        } else if self.sink.is_full() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let flushed = self.sink.flush();
        self.ledger.written += flushed.written;
        self.ledger.write_errors += flushed.refused;
        if let Some(error) = flushed.error {
            self.refused(error);
        }
    }

    fn refused(&mut self, error: io::Error) {
        self.failed.get_or_insert(error);
    }
}

impl Consumer for Pipeline {
    /// What a piece yields is with the operating system when this returns.
    fn take(&mut self, input: Input) -> io::Result<()> {
        match input {
            Input::Seed(seeds, reading) => {
                self.enricher.set_clock(reading);
                self.enricher.seed(&seeds);
            }
            Input::Batch(batch) => self.batch(&batch),
            Input::LostJobs(jobs, reading) => self.lost_jobs(jobs, reading),
            Input::Counters(counters, reading) => self.counters(counters, reading),
            Input::Heartbeat(counters, reading) => {
                self.counters(counters, reading);
                let record = self.enricher.heartbeat(self.ledger, reading);
                self.emit(&record, false);
            }
        }
        self.flush();
        self.failed.take().map_or(Ok(()), Err)
    }

    fn end(&mut self) -> io::Result<()> {
        self.flush();
        self.failed.take().map_or(Ok(()), Err)
    }

    fn ledger(&self) -> Ledger {
        self.ledger
    }
}

/// The bit of [`event`] for a kind.
fn kind(of: &Event<'_>) -> u32 {
    match of {
        Event::Exec(_) => event::EXEC,
        Event::Exit(_) => event::EXIT,
        Event::Fork(_) => event::FORK,
        Event::Failed(_) => event::EXEC_FAILED,
        Event::Chunk(_) => 0,
    }
}
