//! The loop that hands each piece of input to the stages, on the pipeline's own thread.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::Receiver;
use tracego_analyze::{inspect::Inspector, summary::Summary};
use tracego_deliver::sink::status::SinkStatus;
use tracego_model::{input::Input, ledger::Ledger};
use tracego_probe::handover::keeper::{Keeper, Step};

use super::Consumer;
use crate::metrics::{Board, Stages};

/// Minimum time between two copies of the pipeline's numbers.
const COPY: Duration = Duration::from_millis(500);

/// The result of a run.
#[derive(Debug)]
pub struct RunReport {
    /// Counts of the run.
    pub ledger: Ledger,
    /// Summary of the findings.
    pub summary: Summary,
    /// Error of the output, if it ended the run.
    pub output: Option<io::Error>,
    /// Status of each sink with a queue.
    pub sinks: Vec<Arc<SinkStatus>>,
}

impl RunReport {
    fn of(stages: &impl Consumer, output: Option<io::Error>) -> Self {
        Self { ledger: stages.ledger(), summary: stages.summary(), output, sinks: Vec::new() }
    }
}

/// The stages of a run, and what goes along with them on their thread.
pub struct PipelineThread<S> {
    stages: S,
    inspector: Inspector,
    keeper: Keeper,
    board: Arc<Board>,
    /// When the board had the last copy of the numbers.
    copied: Instant,
}

impl<S: Consumer> PipelineThread<S> {
    /// Puts the parts together. Nothing runs yet.
    pub fn new(stages: S, inspector: Inspector, keeper: Keeper, board: Arc<Board>) -> Self {
        Self { stages, inspector, keeper, board, copied: Instant::now() }
    }

    /// Takes input until no more can come, or until the output ends the run.
    pub fn run(mut self, mut input: Receiver<Input>) -> (RunReport, Keeper) {
        let mut refused = false;
        while let Some(mut input) = input.blocking_recv() {
            if let Input::Batch(batch) = &mut input {
                self.inspector.look(batch);
            }
            let step = Step::of(&input);
            match self.stages.take(input) {
                Ok(()) => refused = false,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return (RunReport::of(&self.stages, Some(error)), self.keeper);
                }
                Err(error) if !refused => {
                    tracing::error!(%error, "the output refuses records; they are counted");
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
            tracing::error!(%error, "the output refuses what is left");
        }
        self.copy();
        (RunReport::of(&self.stages, None), self.keeper)
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
        self.board.stages(Stages {
            ledger: self.stages.ledger(),
            tally: self.stages.tally(),
            refusal: self.stages.refusal(),
            figures: self.inspector.figures(),
        });
    }
}
