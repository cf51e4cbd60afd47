//! Events of running processes: findings, programs that could not be started, losses.

use tracego_model::record::Record;

use super::{OpenProcess, SpanBuilder, identity};
use crate::traces::{attribute, id::ProcessId, span::RunningProcess};

impl SpanBuilder {
    /// Returns the span for a record about a process: its own, or that of the go command that it helps, or
    /// that of the nearest ancestor.
    fn subject(&mut self, record: &Record) -> Option<&mut RunningProcess> {
        let own = identity(record).map(|(_, id)| id);
        let ancestors = record.tracego.ancestors.iter().flat_map(|all| all.iter());
        let above = ancestors.map(|line| ProcessId { start: line.id.start_boottime, pid: line.id.tgid });
        let pid = own.into_iter().chain(above).find_map(|id| match self.open.get(&id.pid)? {
            OpenProcess::Span(running) => (running.id == id).then_some(id.pid),
            OpenProcess::Folded { id: known, command, .. } => (*known == id).then_some(command.pid),
        })?;
        match self.open.get_mut(&pid) {
            Some(OpenProcess::Span(running)) => Some(running),
            _ => None,
        }
    }

    pub(super) fn failed(&mut self, record: &Record) {
        self.on_subject(record, |running| running.event(attribute::failed(record)));
    }

    pub(super) fn finding(&mut self, record: &Record) {
        self.on_subject(record, |running| running.findings(record));
    }

    fn on_subject(&mut self, record: &Record, change: impl FnOnce(&mut RunningProcess)) {
        let full = self.bytes >= self.limits.bytes;
        let Some(running) = self.subject(record).filter(|_| !full) else { return };
        let before = running.size();
        change(running);
        let after = running.size();
        self.bytes = self.bytes - before + after;
    }

    /// Adds lost events of a job to the job's span, because its processes have none for them.
    pub(super) fn lost(&mut self, record: &Record) {
        let Some(trace) = record.tracego.job.as_ref().and_then(|_| self.traces.trace_of(record)) else {
            return;
        };
        if let Some(job) = self.jobs.get_mut(&trace.job) {
            job.event(attribute::lost(record));
        }
    }
}
