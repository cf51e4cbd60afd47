//! The parts that all kinds of records share: time, number and id, and the known facts about a process.

use std::sync::Arc;

use tracego_common::{TaskId, flags, record::Header};
use tracego_model::{
    record::{At, OtelSeverity, Own, Process, Record, job::Context, lineage::Lineage, uid::Stamp},
    text,
};

use super::{Enricher, exec, process_table::ProcessEntry};

impl Enricher {
    pub(super) fn own(&self) -> Own {
        self.builder.own()
    }

    pub(super) fn envelope(
        &mut self,
        name: &'static str,
        severity: OtelSeverity,
        stamp: Stamp,
        body: String,
        own: Own,
    ) -> Record {
        self.builder.envelope(name, severity, stamp, body, own)
    }

    pub(super) fn exec_id(&self, id: TaskId) -> String {
        self.builder.exec_id(id)
    }

    /// Creates the process part that all kinds of records share.
    pub(super) fn process(&self, header: &Header, command: &[u8; 16]) -> Box<Process> {
        Box::new(Process {
            pid: header.id.tgid,
            parent_pid: header.parent.tgid,
            creation: At { time: self.builder.clock.wall(header.id.start_boottime) },
            command: text::lossy(text::comm(command)),
            ..Process::default()
        })
    }

    pub(super) fn entry(&mut self, id: TaskId) -> Option<ProcessEntry> {
        let clock = self.builder.clock;
        self.table.get(id, |ns| clock.wall(ns)).cloned()
    }

    /// Adds the known facts about a process to a record that is not about a program start.
    pub(super) fn known(
        &mut self,
        header: &Header,
        own: &mut Own,
        process: &mut Process,
    ) -> Option<Arc<Context>> {
        own.exec_id = Some(self.exec_id(header.id));
        own.in_tree = header.flags & flags::IN_TREE != 0;
        let entry = self.entry(header.id)?;
        if !entry.line.executable.is_empty() {
            process.executable = Some(exec::executable(entry.line.executable.clone()));
        }
        own.reparented = entry.line.up.as_ref().is_some_and(|up| up.id.tgid != header.parent.tgid);
        own.ancestors = entry.line.up.clone().map(|up| Lineage(Some(up)));
        let (context, job) = entry.identity?;
        own.job = Some(job);
        Some(context)
    }
}
