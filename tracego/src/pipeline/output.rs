//! Writing of records to the outputs and into the ledger, with the seals over them.

use std::io;

use tracego_deliver::seal::window::Moment;
use tracego_model::record::Record;

use super::Pipeline;

impl Pipeline {
    /// Writes the first record of a sealed output; again if the output did not take it.
    pub(super) fn open(&mut self) {
        let Some(start) = self.outputs.sealer().and_then(|sealer| sealer.opening(self.now)) else { return };
        let record = self.enricher.opening(start, self.now);
        if let Err(error) = self.outputs.push(&record, false) {
            self.refused(error);
        }
    }

    /// Writes the seals that are due. Refused seals are retried when the next ones are due.
    pub(super) fn seal(&mut self, last: bool) {
        if self.outputs.sealer().is_none() {
            return;
        }
        self.flush();
        let moment =
            Moment { ledger: self.ledger, now: self.now, running: self.enricher.running_jobs(), last };
        while let Some(seal) = self.outputs.sealer().and_then(|sealer| sealer.due(&moment)) {
            let record = self.enricher.seal(seal, self.now);
            self.emit(&record, None);
            self.flush();
            if !self.outputs.sealer().is_some_and(|sealer| sealer.took()) {
                break;
            }
        }
    }

    /// Writes a record. `event_ns`: time of the event that the record stands for and that the ledger counts.
    pub(super) fn emit(&mut self, record: &Record, event_ns: Option<u64>) {
        let counted = event_ns.is_some();
        if let Err(error) = self.outputs.push(record, counted) {
            self.ledger.write_errors += u64::from(counted);
            self.refused(error);
            return;
        }
        self.tally.given(event_ns);
        if self.outputs.is_full() {
            self.flush();
        }
    }

    pub(super) fn flush(&mut self) {
        let flushed = self.outputs.flush();
        self.tally.answered(flushed.written, flushed.error.as_ref());
        self.ledger.written += flushed.written;
        self.ledger.write_errors += flushed.refused;
        if let Some(error) = flushed.error {
            self.refused(error);
            self.open();
        }
    }

    fn refused(&mut self, error: io::Error) {
        self.failed.get_or_insert(error);
    }
}
