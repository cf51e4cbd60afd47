//! The loop that hands each piece of input to the stages, on the pipeline's own thread.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::Receiver;
use tracego_analyze::{inspect::Inspector, summary::FindingSummary};
use tracego_deliver::sink::status::SinkStatus;
use tracego_model::{input::Input, ledger::Ledger};
use tracego_probe::handover::acknowledger::{Acknowledger, Step};

use super::{Consumer, children::AgentChildren};
use crate::metrics::{Board, StageNumbers};

/// Minimum time between two copies of the pipeline's numbers.
const COPY: Duration = Duration::from_millis(500);

/// The result of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Counts of the run.
    pub ledger: Ledger,
    /// Summary of the findings.
    pub summary: FindingSummary,
    /// Error of the output, if it ended the run.
    pub output: Option<io::Error>,
    /// Status of each sink with a queue.
    pub sinks: Vec<Arc<SinkStatus>>,
    /// The processes that the agent itself started and that were seen executing a program.
    pub children: AgentChildren,
}

impl RunReport {
    fn of(stages: &impl Consumer, output: Option<io::Error>) -> Self {
        Self {
            ledger: stages.ledger(),
            summary: stages.summary(),
            output,
            sinks: Vec::new(),
            children: AgentChildren::default(),
        }
    }
}

/// The stages of a run, and what goes along with them on their thread.
pub(crate) struct PipelineThread<S> {
    stages: S,
    inspector: Inspector,
    keeper: Acknowledger,
    board: Arc<Board>,
    /// Time of the last copy of the numbers.
    copied: Instant,
    children: AgentChildren,
}

impl<S: Consumer> PipelineThread<S> {
    /// Puts the parts together. Nothing runs yet.
    pub(crate) fn new(
        stages: S,
        inspector: Inspector,
        keeper: Acknowledger,
        board: Arc<Board>,
        agent: u32,
    ) -> Self {
        let children = AgentChildren::of(agent);
        Self { stages, inspector, keeper, board, copied: Instant::now(), children }
    }

    /// Takes input until no more can come, or until the output ends the run.
    pub(crate) fn run(mut self, mut input: Receiver<Input>) -> (RunReport, Acknowledger) {
        let mut refused = false;
        while let Some(input) = input.blocking_recv() {
            let step = Step::of(&input);
            let mut taken = match input {
                Input::Batch(batch) => {
                    let mut events = batch.decode();
                    self.children.note(&events, &self.stages);
                    self.inspector.annotate(&mut events, batch.clock);
                    self.stages.take_batch(&batch, events)
                }
                input => self.stages.take(input),
            };
            let late = self.inspector.late();
            if taken.is_ok() && !late.is_empty() {
                taken = self.stages.take_late(late);
            }
            match taken {
                Ok(()) => refused = false,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return self.report(Some(error));
                }
                Err(error) if !refused => {
                    tracing::error!(%error, "the output refuses records; refused records are counted");
                    refused = true;
                }
                Err(_) => {}
            }
            self.keep(step);
            self.board.pipeline.beat();
            if self.copied.elapsed() >= COPY {
                self.copy();
            }
        }
        if let Err(error) = self.stages.end() {
            tracing::error!(%error, "the output refuses the remaining records");
        }
        self.copy();
        self.report(None)
    }

    fn report(self, output: Option<io::Error>) -> (RunReport, Acknowledger) {
        let report = RunReport { children: self.children, ..RunReport::of(&self.stages, output) };
        (report, self.keeper)
    }

    /// Does what may be done about the input that is settled by now.
    fn keep(&mut self, step: Option<Step>) {
        if !self.keeper.is_active() {
            return;
        }
        self.keeper.keep_offset(self.stages.offset());
        if let Some(step) = step {
            self.keeper.wait(self.stages.mark(), step);
        }
        self.keeper.settled(self.stages.settled());
    }

    /// Puts the numbers as they are now onto the board.
    fn copy(&mut self) {
        self.copied = Instant::now();
        self.board.set_stages(StageNumbers {
            ledger: self.stages.ledger(),
            tally: self.stages.tally(),
            refusal: self.stages.refusal(),
            figures: self.inspector.figures(),
        });
    }
}
