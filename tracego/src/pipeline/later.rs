//! Findings about running processes, and the killing of processes.

use tracego_common::TaskId;
use tracego_model::{
    clock::{Reading, Time},
    finding::Finding,
    input::facts::ServiceState,
};
use tracego_probe::enforce::after::AfterStart;

use super::Pipeline;

impl Pipeline {
    /// Kills processes that the kernel side did not stop because it could not know them.
    pub(super) fn end_processes(&mut self) {
        let ended = self.after.as_mut().map(AfterStart::end).unwrap_or_default();
        for (pending, action, ended) in ended {
            let record = self.enricher.ended(&pending, action, ended, Reading::now());
            self.stopped(&record);
            self.emit(&record, None);
        }
    }

    /// Writes findings about running processes as records of their own.
    fn found(&mut self, found: Vec<(TaskId, Vec<Finding>)>, reading: Reading) {
        for (id, findings) in found.into_iter().filter(|(_, findings)| !findings.is_empty()) {
            let body = findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
            let mut record = self.enricher.finding(id, body, reading);
            if let Some(judge) = &mut self.judge {
                judge.put(&mut record, findings);
            }
            if let Some(traces) = &mut self.traces {
                traces.take(&record);
                traces.set_trace_context(&mut record);
            }
            self.tally.made(&record);
            if self.selection.takes(&record) {
                self.emit(&record, None);
            } else {
                self.enricher.withdraw(&record);
            }
        }
    }

    pub(super) fn services(&mut self, states: &[ServiceState], reading: Reading) {
        let Some(judge) = &mut self.judge else { return };
        let found = states.iter().map(|state| (state.id(), judge.service(state))).collect();
        self.found(found, reading);
    }

    pub(super) fn tick(&mut self, reading: Reading) {
        if let Some(traces) = &mut self.traces {
            traces.tick(Time(reading.unix_ns));
            self.tally.traces = Some(traces.counts());
        }
        let Some(judge) = &mut self.judge else { return };
        let found = judge.tick(reading.boot_ns.unsigned_abs());
        self.found(found.into_iter().map(|(id, finding)| (id, vec![finding])).collect(), reading);
    }
}
