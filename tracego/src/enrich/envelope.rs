//! The parts that all kinds of records share: time, number and id, and the known facts about a process.

use std::sync::Arc;

use tracego_common::{TaskId, flags, record::Header};

use super::{
    Enricher, Record, context, exec_id,
    record::{self, At, Log, LogRecord, Own, Process, Severity},
    start,
    table::{Entry, Lineage},
    text,
    uid::Stamp,
};
use crate::clock::{Clock, Reading, Time};

impl Enricher {
    pub(super) fn own(&self) -> Own {
        let enforcement = self.enforcement();
        Own { boot_id: Arc::clone(&self.meta.boot_id), enforcement, ..Own::default() }
    }

    pub(super) fn envelope(
        &mut self,
        name: &'static str,
        severity: Severity,
        stamp: Stamp,
        body: String,
        own: Own,
    ) -> Record {
        self.seq += 1;
        let timestamp = self.clock.wall(stamp.boot_ns);
        let uid = self.uid(stamp, timestamp);
        let (severity_number, severity_text) = severity.parts();
        Record {
            schema: record::SCHEMA,
            schema_url: record::SCHEMA_URL,
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
        }
    }

    /// Creates the stamp of tracego's own record.
    pub(super) fn now(&self, reading: Reading) -> Stamp {
        Stamp::own(reading.boot_ns.unsigned_abs(), self.seq + 1)
    }

    fn uid(&self, stamp: Stamp, timestamp: Time) -> String {
        let Some(generation) = stamp.generation else {
            return stamp.uid(timestamp.0, self.meta.instance);
        };
        // The earlier run that took the event may have written its record before the wall clock was set.
        let before = self.takeover.offset.filter(|_| generation != self.takeover.generation);
        let time = before.map_or(timestamp, |offset| Clock::continued(offset).wall(stamp.boot_ns));
        stamp.uid(time.0, self.takeover.instance)
    }

    pub(super) fn exec_id(&self, id: TaskId) -> String {
        exec_id(&self.meta.boot_id, id)
    }

    /// Creates the process part that all kinds of records share.
    pub(super) fn process(&self, header: &Header, command: &[u8; 16]) -> Box<Process> {
        Box::new(Process {
            pid: header.id.tgid,
            parent_pid: header.parent.tgid,
            creation: At { time: self.clock.wall(header.id.start_boottime) },
            command: text::lossy(text::comm(command)),
            ..Process::default()
        })
    }

    pub(super) fn entry(&mut self, id: TaskId) -> Option<Entry> {
        let clock = self.clock;
        self.table.get(id, |ns| clock.wall(ns)).cloned()
    }

    /// Adds the known facts about a process to a record that is not about a program start.
    pub(super) fn known(
        &mut self,
        header: &Header,
        own: &mut Own,
        process: &mut Process,
    ) -> Option<Arc<context::Context>> {
        own.exec_id = Some(self.exec_id(header.id));
        own.in_tree = header.flags & flags::IN_TREE != 0;
        let entry = self.entry(header.id)?;
        if !entry.line.executable.is_empty() {
            process.executable = Some(start::executable(entry.line.executable.clone()));
        }
        own.reparented = entry.line.up.as_ref().is_some_and(|up| up.id.tgid != header.parent.tgid);
        own.ancestors = entry.line.up.clone().map(|up| Lineage(Some(up)));
        let (context, job) = entry.identity?;
        own.job = Some(job);
        Some(context)
    }
}
