//! Records of losses in the kernel and in sinks.

use std::collections::{BTreeMap, HashMap};

use tracego_common::TaskId;
use tracego_model::{
    clock::Reading,
    counters::{Counters, JobLoss},
    input::SinkLoss,
    record::Record,
};

use super::Pipeline;

impl Pipeline {
    /// Writes a record with the job's identity for each job whose losses grew. The counters that follow
    /// contain the same losses, so they are subtracted there.
    pub(super) fn lost_jobs(&mut self, jobs: Vec<JobLoss>, reading: Reading) {
        let mut now = HashMap::with_capacity(jobs.len());
        for JobLoss { root, ring_full } in jobs {
            // A smaller count means that the job's entry was evicted and created again.
            let before = self.reported_jobs.get(&root).copied().filter(|&before| before <= ring_full);
            let more = ring_full - before.unwrap_or(0);
            now.insert(root, ring_full);
            if more > 0 {
                let id = TaskId { tgid: root.0, start_boottime: root.1, ..TaskId::default() };
                let record = self.enricher.lost(BTreeMap::from([("ring_full", more)]), Some(id), reading);
                self.reported.ring_full += more;
                self.tally.jobs.add(&job(&record, root), more);
                self.emit(&record, None);
            }
        }
        self.reported_jobs = now;
    }

    /// Writes a record if losses grew.
    pub(super) fn counters(&mut self, counters: Counters, reading: Reading) {
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
            self.emit(&record, None);
        }
        self.seal(false);
    }

    /// Writes a record of a sink's loss to all sinks.
    pub(super) fn sink_loss(&mut self, loss: SinkLoss, reading: Reading) {
        let record = self.enricher.sink_lost(loss, reading);
        self.emit(&record, None);
    }

    /// Writes records of losses that sinks had before their queues.
    pub(super) fn sinks(&mut self, reading: Reading) {
        for (status, reason, count) in self.outputs.losses() {
            let sink = status.name.clone();
            let lost = BTreeMap::from([(reason, count)]);
            self.sink_loss(SinkLoss { sink, lost, first: None, last: None, why: None }, reading);
        }
    }
}

/// Returns the name of the job of a record, or a name from the process that opened it if the job is unknown.
fn job(record: &Record, root: (u32, u64)) -> String {
    let named = record.context.as_ref().and_then(|context| context.cicd.get("pipeline.task.run.id"));
    named.map_or_else(|| format!("process-{}-{:x}", root.0, root.1), str::to_owned)
}
