//! The pipeline as the consumer of its input.

use std::{
    io,
    sync::{Arc, OnceLock, mpsc::Receiver},
    time::Duration,
};

use tracego_analyze::{
    inspect::{LateStart, digest::requests::LateDigest, inventory::InventoryStatus},
    summary::FindingSummary,
};
use tracego_kubernetes::status::PodWatchStatus;
use tracego_model::{
    clock::Reading,
    event::Event,
    input::{
        Input,
        batch::{Batch, DecodedEvent},
    },
    ledger::Ledger,
    record::privileges::AgentPrivileges,
};
use tracego_probe::enforce::killer::Killer;

use super::Pipeline;
use crate::{
    metrics::tally::PipelineTally,
    pipeline::{Consumer, PipelineChange, pending_executables::PendingExecutables},
    provenance::{ProvenanceStage, SettledExecutable},
};

/// Maximum wait for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);

impl Pipeline {
    /// Makes the records of executables until there is no `next`.
    fn take_settled(
        &mut self,
        next: fn(&mut PendingExecutables) -> Option<SettledExecutable>,
    ) -> io::Result<()> {
        let Some(first) = next(&mut self.executables) else { return Ok(()) };
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        self.record_executable(first, now);
        while let Some(settled) = next(&mut self.executables) {
            self.record_executable(settled, now);
        }
        self.finish()
    }
}

impl Consumer for Pipeline {
    /// Processes an input. On return, its records have been handed to the operating system, or wait.
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.writer.begin(input.clock(), &mut self.enricher);
        match input {
            Input::Takeover(takeover, _) => self.take_over(takeover),
            Input::Seed(seeds, reading) => {
                self.enricher.set_clock(reading);
                self.enricher.seed(&seeds);
            }
            Input::Batch(batch) => self.events(batch.clock, batch.decode()),
            Input::Inventory(batch) => self.inventory(batch.clock, batch.decode()),
            Input::LostJobs(jobs, reading) => {
                let lost = self.losses.jobs(jobs, &mut self.enricher, &mut self.writer, reading);
                self.own(lost);
            }
            Input::Counters(counters, reading) => self.tick(counters, reading),
            Input::Services(states, reading) => {
                let found = self.judgement.services(&states);
                self.findings(found, reading);
            }
            Input::Digests(digests, reading) => self.digests(&digests, reading),
            Input::Verdicts(verdicts, reading) => {
                self.executables.take_kept(verdicts);
                while let Some(settled) = self.executables.verdict() {
                    self.record_executable(settled, reading);
                }
            }
            // The thread takes them behind each input.
            Input::Answered(_) | Input::Drained(_) => {}
            Input::Pods(changes, reading) => {
                let records = self.enricher.pods(changes, reading);
                self.own(records);
            }
            Input::SinkLoss(loss, reading) => {
                let record = self.enricher.sink_lost(loss, reading);
                self.own([record]);
            }
            Input::Reload(_) => match self.reloads.as_ref().and_then(|reloads| reloads.try_recv().ok()) {
                Some(PipelineChange::Settings(reload)) => self.reload(*reload),
                Some(PipelineChange::Policies(change)) => self.change_policies(change),
                None => {}
            },
            Input::Heartbeat(counters, reading) => {
                self.tick(counters, reading);
                self.heartbeat(reading);
            }
        }
        self.finish()
    }

    fn take_batch(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.writer.begin(batch.clock, &mut self.enricher);
        self.events(batch.clock, events);
        self.finish()
    }

    fn take_inventory(&mut self, batch: &Batch, events: Vec<DecodedEvent<'_>>) -> io::Result<()> {
        self.writer.begin(batch.clock, &mut self.enricher);
        self.inventory(batch.clock, events);
        self.finish()
    }

    fn take_late(&mut self, starts: Vec<LateStart>) -> io::Result<()> {
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        starts.into_iter().for_each(|start| self.late(start, now));
        self.finish()
    }

    fn take_digests(&mut self, digests: Vec<LateDigest>) -> io::Result<()> {
        let now = Reading::now();
        self.writer.begin(now, &mut self.enricher);
        self.digests(&digests, now);
        self.finish()
    }

    fn take_verdicts(&mut self) -> io::Result<()> {
        self.take_settled(PendingExecutables::verdict)
    }

    fn give_up(&mut self) -> io::Result<()> {
        self.take_settled(PendingExecutables::give_up)
    }

    fn is_behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    fn release(&mut self) {
        self.backlog.release();
    }

    fn catch_up(&mut self) -> io::Result<()> {
        self.write_portion();
        self.finish()
    }

    fn end(&mut self) -> io::Result<()> {
        self.backlog.release();
        self.write_backlog();
        self.seal(true);
        self.flush();
        // Before the wait: the sinks have their own deadline.
        self.writer.outputs.close_sinks();
        if let Some(traces) = self.traces.take() {
            self.writer.tally.traces = Some(traces.close(LAST_SPANS));
        }
        self.writer.result()
    }

    fn ledger(&self) -> Ledger {
        self.writer.ledger
    }

    fn tally(&self) -> Option<PipelineTally> {
        let mut tally = self.writer.tally.copy(self.judgement.evicted(), self.enricher.processes());
        tally.pieces_evicted = self.assembler.evicted();
        tally.policy = self.judgement.policy_counts();
        tally.provenance = self.executables.counts();
        Some(tally)
    }

    fn refusal(&self) -> Option<String> {
        self.writer.tally.refusal().map(str::to_owned)
    }

    fn set_agent(&mut self, agent: u32) {
        self.judgement.set_agent(agent);
    }

    fn set_bpf_object(&mut self, name: &'static str) {
        self.status.bpf_object = Some(name);
    }

    fn is_check(&self, event: &Event<'_>) -> bool {
        self.judgement.is_check(event)
    }

    fn set_enforcement(&mut self, after: Killer) {
        self.judgement.killer = Some(after);
    }

    fn set_privileges(&mut self, privileges: Arc<OnceLock<AgentPrivileges>>) {
        self.status.privileges = privileges;
    }

    fn set_pods(&mut self, pods: Arc<PodWatchStatus>) {
        self.status.pods = Some(pods);
    }

    fn set_provenance(&mut self, stage: ProvenanceStage) {
        self.executables.provenance = Some(stage);
    }

    fn awaited(&self) -> usize {
        self.executables.unjudged()
    }

    fn set_inventory(&mut self, status: Arc<InventoryStatus>) {
        self.status.inventory = Some(status);
    }

    fn set_reloads(&mut self, reloads: Receiver<PipelineChange>) {
        self.reloads = Some(reloads);
    }

    fn made(&self) -> u64 {
        self.backlog.came()
    }

    fn concluded(&self) -> u64 {
        self.backlog.concluded()
    }

    fn mark(&mut self) -> u64 {
        self.writer.outputs.mark()
    }

    fn settled(&mut self) -> u64 {
        self.writer.outputs.persisted_mark()
    }

    fn offset(&self) -> Option<i64> {
        Some(self.enricher.offset())
    }

    fn summary(&self) -> FindingSummary {
        self.judgement.summary()
    }
}
