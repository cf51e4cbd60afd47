//! Records without an event: losses, later findings, heartbeats and seals.

use std::collections::BTreeMap;

use tracego_common::{TaskId, record::Header};
use tracego_model::{
    clock::Reading,
    input::SinkLoss,
    ledger::Ledger,
    record::{
        OtelSeverity, Record, event_name,
        job::Identified,
        seal::{ChainStart, Seal},
    },
};

use super::{Enricher, context};

impl Enricher {
    /// Makes the record of events that were lost since the last such record; `root` is the process that opened their
    /// job, where losses are told apart by it.
    pub fn lost(
        &mut self,
        lost: BTreeMap<&'static str, u64>,
        root: Option<TaskId>,
        reading: Reading,
    ) -> Record {
        let job = root.and_then(|root| self.identity(root));
        self.builder.lost(lost, job, reading)
    }

    /// Makes the record of a sink that lost records.
    pub fn sink_lost(&mut self, loss: SinkLoss, reading: Reading) -> Record {
        self.builder.sink_lost(loss, reading)
    }

    /// Makes a sign of life.
    pub fn heartbeat(&mut self, ledger: Ledger, reading: Reading) -> Record {
        self.builder.heartbeat(ledger, reading)
    }

    /// Makes the first record of a sealed output.
    pub fn opening(&mut self, start: ChainStart, reading: Reading) -> Record {
        self.builder.opening(start, reading)
    }

    /// Makes a seal.
    pub fn seal(&mut self, seal: Seal, reading: Reading) -> Record {
        let root = seal
            .job
            .as_ref()
            .and_then(|wanted| self.jobs.keys().find(|root| self.exec_id(**root) == *wanted).copied());
        let job = root.and_then(|root| self.identity(root));
        self.builder.seal(seal, job, reading)
    }

    /// Makes a record about a process that started before. The caller adds the findings.
    pub fn finding(&mut self, id: TaskId, body: String, reading: Reading) -> Record {
        self.set_clock(reading);
        let boot_ns = reading.boot_ns.unsigned_abs();
        let header = Header { id, boot_ns, ..Header::default() };
        let (mut own, mut process) = (self.own(), self.process(&header, &[0; 16]));
        let context = self.known(&header, &mut own, &mut process);
        // Nothing is read anew here: parent and name are those of the start.
        own.reparented = false;
        if let Some(entry) = self.entry(id) {
            process.command.clone_from(&entry.line.command);
            process.parent_pid = entry.line.up.as_ref().map_or(0, |up| up.id.tgid);
        }
        let record =
            self.envelope(event_name::FINDING, OtelSeverity::Info, self.builder.stamp(reading), body, own);
        Record { process: Some(process), context, ..record }
    }

    /// What the process that opened a job said of it.
    fn identity(&self, root: TaskId) -> Option<Identified> {
        let job = self.jobs.get(&root)?.upgrade()?;
        let id = self.exec_id(job.root);
        context::merge(&self.explicit, &job.identity, Some((&job, id)), true)
    }
}
