//! Records about losses, and the losses of the kernel side that were reported so far.

use std::collections::{BTreeMap, HashMap};

use tracego_analyze::enrich::Enricher;
use tracego_common::TaskId;
use tracego_model::{
    clock::Reading,
    counters::{Counters, JobLoss},
    input::SinkLoss,
    record::Record,
};

use super::writer::RecordWriter;

/// The losses that have records already. Counters only grow, so that the next record gets the difference.
#[derive(Default)]
pub(super) struct LossReporter {
    counters: Counters,
    /// Number of evicted argv pieces.
    evicted: u64,
    /// Losses by the process that opened the job.
    jobs: HashMap<(u32, u64), JobLoss>,
}

impl LossReporter {
    /// Makes a record if losses of the kernel side grew. `evicted`: number of argv pieces that were evicted so far.
    pub(super) fn kernel(
        &mut self,
        counters: Counters,
        evicted: u64,
        enricher: &mut Enricher,
        reading: Reading,
    ) -> Option<Record> {
        let lost = self.of_counters(counters, evicted);
        (!lost.is_empty()).then(|| enricher.lost(lost, None, reading))
    }

    /// Makes a record with the job's identity for each job whose losses grew, and counts them by its name.
    pub(super) fn jobs(
        &mut self,
        jobs: Vec<JobLoss>,
        enricher: &mut Enricher,
        writer: &mut RecordWriter,
        reading: Reading,
    ) -> Vec<Record> {
        let grown = self.of_jobs(jobs).into_iter();
        let records = grown.map(|JobLoss { root, ring_full, context_full }| {
            let id = TaskId { tgid: root.0, start_boottime: root.1, ..TaskId::default() };
            let lost = [("ring_full", ring_full), ("context_full", context_full)];
            let lost = lost.into_iter().filter(|&(_, count)| count > 0).collect();
            let mut record = enricher.lost(lost, Some(id), reading);
            writer.redaction.redact(&mut record);
            writer.tally.jobs.add(&job(&record, root), ring_full + context_full);
            record
        });
        records.collect()
    }

    /// Makes records of losses that sinks had before their queues.
    pub(super) fn sinks(enricher: &mut Enricher, writer: &mut RecordWriter, reading: Reading) -> Vec<Record> {
        let losses = writer.outputs.losses().into_iter();
        let records = losses.map(|(status, reason, count)| {
            let sink = status.name.clone();
            let lost = BTreeMap::from([(reason, count)]);
            enricher.sink_lost(SinkLoss { sink, lost, first: None, last: None, why: None }, reading)
        });
        records.collect()
    }

    /// Returns each job whose losses grew, with the new losses alone. The counters that follow contain the
    /// same losses, so they are subtracted there.
    fn of_jobs(&mut self, jobs: Vec<JobLoss>) -> Vec<JobLoss> {
        let before = std::mem::take(&mut self.jobs);
        let mut grown = Vec::new();
        for now in jobs {
            let reported = before.get(&now.root);
            // A smaller count means that the job's entry was evicted and created again.
            let more =
                |now: u64, before: Option<u64>| now - before.filter(|&before| before <= now).unwrap_or(0);
            let more = JobLoss {
                root: now.root,
                ring_full: more(now.ring_full, reported.map(|job| job.ring_full)),
                context_full: more(now.context_full, reported.map(|job| job.context_full)),
            };
            self.jobs.insert(now.root, now);
            if more.ring_full > 0 || more.context_full > 0 {
                self.counters.ring_full += more.ring_full;
                self.counters.context_full += more.context_full;
                grown.push(more);
            }
        }
        grown
    }

    /// Returns the new losses by reason. `evicted` is the number of argv pieces that were evicted before their
    /// event came.
    fn of_counters(&mut self, counters: Counters, evicted: u64) -> BTreeMap<&'static str, u64> {
        let both = counters.losses().into_iter().zip(self.counters.losses());
        let grown = both.filter(|((_, now), (_, before))| now > before);
        let mut lost: BTreeMap<_, _> =
            grown.map(|((reason, now), (_, before))| (reason, now - before)).collect();
        if evicted > self.evicted {
            lost.insert("argv_piece_evicted", evicted - self.evicted);
        }
        (self.counters, self.evicted) = (counters, evicted);
        lost
    }
}

/// Returns the name of the job of a record, or a name from the process that opened it if the job is unknown.
fn job(record: &Record, root: (u32, u64)) -> String {
    let named = record.context.as_ref().and_then(|context| context.cicd.get("pipeline.task.run.id"));
    named.map_or_else(|| format!("process-{}-{:x}", root.0, root.1), str::to_owned)
}
