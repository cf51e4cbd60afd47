//! Records without an event: losses, later findings, heartbeats and seals.

use std::collections::BTreeMap;

use tracego_common::{TaskId, record::Header};

use super::{
    Enricher, Record, context,
    record::{self, Own, Severity, event_name},
};
use crate::{
    clock::Reading,
    input::SinkLoss,
    ledger::Ledger,
    seal::{ChainStart, Scope, Seal},
};

impl Enricher {
    /// Makes the record of the losses since the last such record. `root` is the process that opened the job,
    /// where losses are counted per job.
    pub fn lost(
        &mut self,
        lost: BTreeMap<&'static str, u64>,
        root: Option<TaskId>,
        reading: Reading,
    ) -> Record {
        self.set_clock(reading);
        let body =
            lost.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ");
        let (context, job) = root.and_then(|root| self.identity(root)).unzip();
        let own = Own { lost: Some(lost), job, ..self.own() };
        let record =
            self.envelope(event_name::LOST, Severity::Warn, self.now(reading), format!("lost: {body}"), own);
        Record { context, ..record }
    }

    /// Makes the record of a sink's losses.
    pub fn sink_lost(&mut self, loss: SinkLoss, reading: Reading) -> Record {
        self.set_clock(reading);
        let SinkLoss { sink, lost, first, last, why } = loss;
        let mut body = format!("sink {sink} lost:");
        for (reason, count) in &lost {
            body.push_str(&format!(" {reason} {count}"));
        }
        if let Some(why) = &why {
            body.push_str(&format!(": {why}"));
        }
        let sink = Some(Box::new(record::SinkFacts { name: sink, first, last, error: why }));
        let own = Own { lost: Some(lost), sink, ..self.own() };
        self.envelope(event_name::LOST, Severity::Warn, self.now(reading), body, own)
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
        let record = self.envelope(event_name::FINDING, Severity::Info, self.now(reading), body, own);
        Record { process: Some(process), context, ..record }
    }

    /// Makes a heartbeat record.
    pub fn heartbeat(&mut self, ledger: Ledger, reading: Reading) -> Record {
        self.set_clock(reading);
        let body = format!("{} events, {} lost", ledger.kernel.happened(), ledger.kernel.lost());
        let own = Own { ledger: Some(Box::new(ledger)), ..self.own() };
        self.envelope(event_name::HEARTBEAT, Severity::Info, self.now(reading), body, own)
    }

    /// Makes the first record of a sealed output.
    pub fn opening(&mut self, start: ChainStart, reading: Reading) -> Record {
        self.set_clock(reading);
        let own = Own { chain_start: Some(Box::new(start)), ..self.own() };
        let body = "the chain of this run starts".to_owned();
        self.envelope(event_name::SEAL_OPENED, Severity::Info, self.now(reading), body, own)
    }

    /// Makes the record of a seal.
    pub fn seal(&mut self, seal: Seal, reading: Reading) -> Record {
        self.set_clock(reading);
        let root = seal
            .job
            .as_ref()
            .and_then(|wanted| self.jobs.keys().find(|root| self.exec_id(**root) == *wanted).copied());
        let (context, job) = root.and_then(|root| self.identity(root)).unzip();
        let of = match seal.scope {
            Scope::Window => "window",
            Scope::Job => "job",
            Scope::Run => "run",
        };
        let dropped = seal.dropped.values().fold(0, |sum: u64, more| sum.saturating_add(*more));
        let body = format!("seal of a {of}: {} records, {dropped} lost", seal.records);
        let own = Own { seal: Some(Box::new(seal)), job, ..self.own() };
        let record = self.envelope(event_name::SEAL, Severity::Info, self.now(reading), body, own);
        Record { context, ..record }
    }

    /// Returns the commit and job that the opener of a job claimed.
    fn identity(&self, root: TaskId) -> Option<context::Identified> {
        let job = self.jobs.get(&root)?.upgrade()?;
        let id = self.exec_id(job.root);
        context::merge(&self.explicit, &job.identity, Some((&job, id)), true)
    }
}
