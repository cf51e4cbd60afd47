//! The parts that records of all kinds have, and the records that no event stands for: losses, signs of life, seals.

use std::{collections::BTreeMap, sync::Arc};

use tracego_common::TaskId;

use super::{
    Log, LogRecord, OtelSeverity, Own, Record, SCHEMA, SCHEMA_URL, SinkFacts,
    enforcement::Enforcement,
    event_name, exec_id,
    job::Identified,
    seal::{ChainStart, Scope, Seal},
    uid::Stamp,
};
use crate::{
    clock::{Clock, Reading, Time},
    input::{SinkLoss, Takeover},
    ledger::Ledger,
    meta::Meta,
};

/// Numbers records and gives them their times and ids. One for each stream of records.
pub struct RecordBuilder {
    /// Facts that do not change during a run.
    pub meta: Meta,
    /// Boot time to wall time, as of the last [`Self::set_clock`].
    pub clock: Clock,
    observed: Reading,
    /// Identity of the runs that continue each other.
    takeover: Takeover,
    seq: u64,
}

impl RecordBuilder {
    /// Starts a stream of records at `seq` 1.
    #[must_use]
    pub fn new(meta: Meta) -> Self {
        let takeover = Takeover { instance: meta.instance, ..Takeover::default() };
        Self { meta, clock: Clock::default(), observed: Reading::default(), takeover, seq: 0 }
    }

    /// Sets the clocks to the moment when the coming events were taken from the ring.
    pub fn set_clock(&mut self, reading: Reading) {
        self.clock.set(reading);
        self.observed = reading;
    }

    /// Continues another run: events get the ids and times that it would have given them.
    pub fn take_over(&mut self, takeover: Takeover) {
        self.takeover = takeover;
        if let Some(offset) = takeover.offset {
            self.clock = Clock::continued(offset);
        }
    }

    /// Returns the identity of a process as text.
    #[must_use]
    pub fn exec_id(&self, id: TaskId) -> String {
        exec_id(&self.meta.boot_id, id)
    }

    /// Returns the `tracego` member that every record starts with.
    #[must_use]
    pub fn own(&self) -> Own {
        let enforcement = self.enforcement();
        Own { boot_id: Arc::clone(&self.meta.boot_id), enforcement, ..Own::default() }
    }

    /// Returns what is in force, for every record; `None` where nothing is enforced.
    fn enforcement(&self) -> Option<Box<Enforcement>> {
        let in_force = self.meta.enforcement.as_ref()?.in_force();
        let mode = in_force.mode.name();
        Some(Box::new(Enforcement { state: in_force.state, mode, decision: None }))
    }

    /// Makes a record with the next number.
    pub fn envelope(
        &mut self,
        name: &'static str,
        severity: OtelSeverity,
        stamp: Stamp,
        body: String,
        own: Own,
    ) -> Record {
        self.seq += 1;
        let timestamp = self.clock.wall(stamp.boot_ns);
        let uid = self.uid(stamp, timestamp);
        let (severity_number, severity_text) = severity.parts();
        Record {
            schema: SCHEMA,
            schema_url: SCHEMA_URL,
            event_name: name,
            timestamp,
            observed_timestamp: self.clock.wall(self.observed.boot_ns.unsigned_abs()),
            severity_number,
            severity_text,
            trace: None,
            body,
            log: Log { record: LogRecord { uid } },
            seq: self.seq,
            origin: Arc::clone(&self.meta.origin),
            process: None,
            context: None,
            container: None,
            k8s: None,
            tracego: Box::new(own),
            brief: None,
            brief_pod: None,
            is_lean: false,
        }
    }

    /// Returns the stamp of a record that no event stands for.
    #[must_use]
    pub fn stamp(&self, reading: Reading) -> Stamp {
        Stamp::own(reading.boot_ns.unsigned_abs(), self.seq + 1)
    }

    fn uid(&self, stamp: Stamp, timestamp: Time) -> String {
        let Some(generation) = stamp.generation else {
            return stamp.uid(timestamp.0, self.meta.instance);
        };
        // The run that took the event may have written its record already, before the wall clock was set.
        let before = self.takeover.offset.filter(|_| generation != self.takeover.generation);
        let time = before.map_or(timestamp, |offset| Clock::continued(offset).wall(stamp.boot_ns));
        stamp.uid(time.0, self.takeover.instance)
    }

    /// Makes the record of events that were lost since the last such record; `job`: the job that they belong to,
    /// where losses are told apart by it.
    pub fn lost(
        &mut self,
        lost: BTreeMap<&'static str, u64>,
        job: Option<Identified>,
        reading: Reading,
    ) -> Record {
        self.set_clock(reading);
        let body =
            lost.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ");
        let (context, job) = job.unzip();
        let own = Own { lost: Some(lost), job, ..self.own() };
        let stamp = self.stamp(reading);
        let record = self.envelope(event_name::LOST, OtelSeverity::Warn, stamp, format!("lost: {body}"), own);
        Record { context, ..record }
    }

    /// Makes the record of a sink that lost records.
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
        let sink = Some(Box::new(SinkFacts { name: sink, first, last, error: why }));
        let own = Own { lost: Some(lost), sink, ..self.own() };
        self.envelope(event_name::LOST, OtelSeverity::Warn, self.stamp(reading), body, own)
    }

    /// Makes a sign of life.
    pub fn heartbeat(&mut self, ledger: Ledger, reading: Reading) -> Record {
        self.set_clock(reading);
        let body = format!("{} events, {} lost", ledger.kernel.happened(), ledger.kernel.lost());
        let host = self.meta.host.clone();
        let own = Own { ledger: Some(Box::new(ledger)), host, ..self.own() };
        self.envelope(event_name::HEARTBEAT, OtelSeverity::Info, self.stamp(reading), body, own)
    }

    /// Makes the first record of a sealed output.
    pub fn opening(&mut self, start: ChainStart, reading: Reading) -> Record {
        self.set_clock(reading);
        let host = self.meta.host.clone();
        let own = Own { chain_start: Some(Box::new(start)), host, ..self.own() };
        let body = "the chain of this run starts".to_owned();
        self.envelope(event_name::SEAL_OPENED, OtelSeverity::Info, self.stamp(reading), body, own)
    }

    /// Makes the first record of a sealed output anew, with the number `seq` that it had when the output refused it.
    pub fn reopening(&mut self, start: ChainStart, seq: u64, reading: Reading) -> Record {
        let latest = std::mem::replace(&mut self.seq, seq.saturating_sub(1));
        let record = self.opening(start, reading);
        self.seq = latest;
        record
    }

    /// Makes a seal; `job`: the job that it is about.
    pub fn seal(&mut self, seal: Seal, job: Option<Identified>, reading: Reading) -> Record {
        self.set_clock(reading);
        let (context, job) = job.unzip();
        let of = match seal.scope {
            Scope::Window => "window",
            Scope::Job => "job",
            Scope::Run => "run",
        };
        let dropped = seal.dropped.values().fold(0, |sum: u64, more| sum.saturating_add(*more));
        let body = format!("seal of a {of}: {} records, {dropped} lost", seal.records);
        let own = Own { seal: Some(Box::new(seal)), job, ..self.own() };
        let record = self.envelope(event_name::SEAL, OtelSeverity::Info, self.stamp(reading), body, own);
        Record { context, ..record }
    }
}
