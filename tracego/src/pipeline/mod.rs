//! The pipeline: takes [`Input`] through decode → enrich → rules → policy → sink. Owns the process table and
//! the ledger.
//!
//! ```text
//! events  stages that an event passes through
//! later   findings about running processes, and their killing
//! losses  losses of the kernel side and of the sinks
//! output  writing of records to outputs and ledger, and of the seals over them
//! ```

mod consumer;
mod events;
mod later;
mod losses;
mod output;
mod reload;
mod thread;

use std::{collections::HashMap, io, sync::mpsc::Receiver, time::Duration};

pub use consumer::Consumer;
pub use reload::Reload;
pub use thread::{PipelineThread, RunReport};
use tracego_analyze::{
    enrich::Enricher,
    judge::{Judge, Selection},
    summary::Summary,
};
use tracego_common::TaskId;
use tracego_deliver::{sink::outputs::Outputs, traces::TracePipeline};
use tracego_model::{
    clock::Reading,
    counters::Counters,
    event::pieces::Assembler,
    input::{Input, Takeover},
    ledger::Ledger,
    meta::Meta,
    record::Record,
};
use tracego_policy::stage::Stage;
use tracego_probe::enforce::after::AfterStart;

use crate::metrics::tally::Tally;

/// Maximum wait for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// A callback that gets each record about a stopped start.
pub type Told = Box<dyn FnMut(&Record) + Send>;

/// The stages from the bytes of an event to the output.
pub struct Pipeline {
    assembler: Assembler,
    enricher: Enricher,
    outputs: Outputs,
    ledger: Ledger,
    tally: Tally,
    reported: Counters,
    /// Reported losses by the process that opened the job.
    reported_jobs: HashMap<(u32, u64), u64>,
    selection: Selection,
    judge: Option<Judge>,
    traces: Option<TracePipeline>,
    policy: Option<Stage>,
    after: Option<AfterStart>,
    /// Process of the last enforcement check.
    canary: Option<TaskId>,
    /// Callback for stopped starts, beside the records.
    told: Option<Told>,
    now: Reading,
    /// Number of this run's load.
    generation: u32,
    failed: Option<io::Error>,
    /// Settings for the next [`Input::Reload`].
    reloads: Option<Receiver<Reload>>,
}

impl Pipeline {
    /// Creates a pipeline. `selection`: records to write, either a [`Selection`] or bits of
    /// [`event`](tracego_common::settings::event). Without a judge there are no findings.
    #[must_use]
    pub fn new(
        meta: Meta,
        selection: impl Into<Selection>,
        judge: Option<Judge>,
        outputs: impl Into<Outputs>,
    ) -> Self {
        Self {
            assembler: Assembler::default(),
            enricher: Enricher::new(meta),
            outputs: outputs.into(),
            ledger: Ledger::default(),
            tally: Tally::default(),
            reported: Counters::default(),
            reported_jobs: HashMap::new(),
            selection: selection.into(),
            judge,
            traces: None,
            policy: None,
            after: None,
            canary: None,
            told: None,
            now: Reading::default(),
            generation: 0,
            failed: None,
            reloads: None,
        }
    }

    /// Adds tracing, which makes spans.
    #[must_use]
    pub fn with_traces(self, traces: Option<TracePipeline>) -> Self {
        Self { traces, ..self }
    }

    /// Adds the policy stage, which decides about starts.
    #[must_use]
    pub fn with_policy(self, policy: Option<Stage>) -> Self {
        Self { policy, ..self }
    }

    /// Adds a callback for stopped starts.
    #[must_use]
    pub fn with_told(self, told: Option<Told>) -> Self {
        Self { told, ..self }
    }

    fn take_over(&mut self, takeover: Takeover) {
        self.generation = takeover.generation;
        self.ledger.inherited += takeover.lost;
        self.enricher.take_over(takeover);
    }

    /// Applies new settings between two inputs.
    fn reload(&mut self, reload: Reload) {
        let Reload { selection, rules, feeds, output, findings, policy, done } = reload;
        self.flush();
        self.selection = selection;
        if let Some(judge) = &mut self.judge {
            judge.change(rules);
        }
        if let Some(after) = &mut self.after {
            after.change(findings);
        }
        if let (Some(stage), Some(engine)) = (&mut self.policy, policy) {
            stage.change(engine);
        }
        self.outputs.replace(feeds, output);
        if done.send(()).is_err() {
            tracing::debug!("nobody waits for the other settings");
        }
    }
}

impl Consumer for Pipeline {
    /// Processes an input. On return, its records have been handed to the operating system.
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.now = input.clock();
        self.open();
        match input {
            Input::Takeover(takeover, _) => self.take_over(takeover),
            Input::Seed(seeds, reading) => {
                self.enricher.set_clock(reading);
                self.enricher.seed(&seeds);
            }
            Input::Batch(batch) => self.batch(&batch),
            Input::LostJobs(jobs, reading) => self.lost_jobs(jobs, reading),
            Input::Counters(counters, reading) => {
                self.counters(counters, reading);
                self.tick(reading);
                self.sinks(reading);
            }
            Input::Services(states, reading) => self.services(&states, reading),
            Input::SinkLoss(loss, reading) => self.sink_loss(loss, reading),
            Input::Reload(_) => {
                if let Some(reload) = self.reloads.as_ref().and_then(|reloads| reloads.try_recv().ok()) {
                    self.reload(reload);
                }
            }
            Input::Heartbeat(counters, reading) => {
                self.counters(counters, reading);
                self.tick(reading);
                self.sinks(reading);
                let mut record = self.enricher.heartbeat(self.ledger, reading);
                record.tracego.sinks = self.outputs.counts();
                self.emit(&record, None);
            }
        }
        self.flush();
        self.failed.take().map_or(Ok(()), Err)
    }

    fn end(&mut self) -> io::Result<()> {
        self.seal(true);
        self.flush();
        // Before the wait: the sinks have their own deadline.
        self.outputs.close_sinks();
        if let Some(traces) = self.traces.take() {
            self.tally.traces = Some(traces.close(LAST_SPANS));
        }
        self.failed.take().map_or(Ok(()), Err)
    }

    fn ledger(&self) -> Ledger {
        self.ledger
    }

    fn tally(&self) -> Option<Tally> {
        let forgotten = self.judge.as_ref().map_or(0, Judge::forgotten);
        let mut tally = self.tally.copy(forgotten, self.enricher.processes());
        tally.policy = self.policy.as_ref().map(Stage::counts);
        Some(tally)
    }

    fn refusal(&self) -> Option<String> {
        self.tally.refusal().map(str::to_owned)
    }

    fn enforce(&mut self, after: AfterStart) {
        self.after = Some(after);
    }

    fn reloads(&mut self, reloads: Receiver<Reload>) {
        self.reloads = Some(reloads);
    }

    fn mark(&mut self) -> u64 {
        self.outputs.mark()
    }

    fn settled(&mut self) -> u64 {
        self.outputs.persisted_mark()
    }

    fn offset(&self) -> Option<i64> {
        Some(self.enricher.offset())
    }

    fn summary(&self) -> Summary {
        self.judge.as_ref().map_or_else(Summary::default, |judge| judge.summary().clone())
    }
}
