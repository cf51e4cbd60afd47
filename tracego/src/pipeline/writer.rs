//! Writing of records to the outputs, with the seals over them and the counts of what was written.

use std::{io, sync::Arc};

use tracego_analyze::{enrich::Enricher, redaction_stage::RedactionStage};
use tracego_deliver::{seal::window::Moment, sink::outputs::Outputs};
use tracego_model::{
    clock::Reading,
    ledger::Ledger,
    record::{Record, configuration::ConfigurationReport},
};

use crate::metrics::tally::PipelineTally;

/// The last stage: the outputs, and the counts of what they took.
///
/// Records of seals come from the enricher, which numbers all records; so every method that may write one
/// takes it.
pub(super) struct RecordWriter {
    pub(super) outputs: Outputs,
    pub(super) redaction: RedactionStage,
    pub(super) ledger: Ledger,
    pub(super) tally: PipelineTally,
    /// Configuration and policies in force.
    pub(super) configuration: Option<Arc<ConfigurationReport>>,
    now: Reading,
    /// Number of the first record of a sealed output.
    opening: Option<u64>,
    failed: Option<io::Error>,
}

impl RecordWriter {
    pub(super) fn new(outputs: Outputs, redaction: RedactionStage) -> Self {
        Self {
            outputs,
            redaction,
            ledger: Ledger::default(),
            tally: PipelineTally::default(),
            configuration: None,
            now: Reading::default(),
            opening: None,
            failed: None,
        }
    }

    /// Begins the records of an input: sets the time of seals, and opens a sealed output.
    pub(super) fn begin(&mut self, now: Reading, enricher: &mut Enricher) {
        self.now = now;
        self.open(enricher);
    }

    /// Returns the first error since the last call.
    pub(super) fn result(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Writes the first record of a sealed output; again if the output did not take it. The record keeps its number, by
    /// which sinks have it already.
    fn open(&mut self, enricher: &mut Enricher) {
        let Some(start) = self.outputs.sealer().and_then(|sealer| sealer.opening(self.now)) else { return };
        let pushed = match self.opening {
            None => {
                let mut record = enricher.opening(start, self.now);
                record.tracego.configuration.clone_from(&self.configuration);
                let pushed = self.outputs.push(&mut record, false);
                self.opening = Some(record.seq);
                pushed.map(drop)
            }
            Some(seq) => {
                let mut record = enricher.reopening(start, seq, self.now);
                record.tracego.configuration.clone_from(&self.configuration);
                self.outputs.push_direct(&record, false)
            }
        };
        if let Err(error) = pushed {
            self.refused(error);
        }
    }

    /// Writes the seals of a sealed output that are due. Refused seals are retried when the next ones are due.
    pub(super) fn seal(&mut self, last: bool, enricher: &mut Enricher) {
        self.flush(enricher);
        let moment = Moment { ledger: self.ledger, now: self.now, running: enricher.running_jobs(), last };
        while let Some(seal) = self.outputs.sealer().and_then(|sealer| sealer.due(&moment)) {
            let mut record = enricher.seal(seal, self.now);
            // A seal of a job has the job's identity.
            self.redaction.redact(&mut record);
            self.write(&mut record, None, enricher);
            self.flush(enricher);
            if !self.outputs.sealer().is_some_and(|sealer| sealer.took()) {
                break;
            }
        }
    }

    /// Whether evidence has to be sealed now.
    pub(super) fn is_seal_urgent(&mut self) -> bool {
        let now = self.now;
        self.outputs.sealer().is_some_and(|sealer| sealer.is_urgent(now))
    }

    /// Writes a record. `event_ns`: time of the event that the record stands for and that the ledger counts.
    pub(super) fn write(&mut self, record: &mut Record, event_ns: Option<u64>, enricher: &mut Enricher) {
        let counted = event_ns.is_some();
        match self.outputs.push(record, counted) {
            Ok(true) => {}
            Ok(false) => {
                self.ledger.unrequested += u64::from(counted);
                return;
            }
            Err(error) => {
                self.ledger.write_errors += u64::from(counted);
                self.refused(error);
                return;
            }
        }
        self.tally.given(event_ns);
        if self.outputs.is_full() {
            self.flush(enricher);
        }
    }

    /// Hands what was written to the operating system and to the sinks.
    pub(super) fn flush(&mut self, enricher: &mut Enricher) {
        let flushed = self.outputs.flush();
        self.tally.answered(flushed.written, flushed.error.as_ref());
        self.ledger.written += flushed.written;
        self.ledger.write_errors += flushed.refused;
        if let Some(error) = flushed.error {
            self.refused(error);
            self.open(enricher);
        }
    }

    fn refused(&mut self, error: io::Error) {
        self.failed.get_or_insert(error);
    }
}
