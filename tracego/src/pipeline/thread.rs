//! The loop that hands each piece of input to the stages, on the pipeline's own thread.

use std::{
    collections::VecDeque,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{Receiver, error::TryRecvError};
use tracego_analyze::{inspect::Inspector, summary::FindingSummary};
use tracego_deliver::sink::status::SinkStatus;
use tracego_model::{input::Input, ledger::Ledger};
use tracego_probe::handover::acknowledger::{Acknowledger, Step};

use super::{Consumer, children::AgentChildren};
use crate::metrics::{Board, StageNumbers};

/// Minimum time between two copies of the pipeline's numbers.
const COPY: Duration = Duration::from_millis(500);

/// Maximum wait for the last digests.
const LAST_DIGESTS: Duration = Duration::from_secs(2);

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
    /// Steps that wait for the records made before them: number of those records, step.
    steps: VecDeque<(u64, Step)>,
}

/// The next step of the thread.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
enum Next {
    Input(Input),
    /// No input waits, but records do.
    Idle,
    /// No more input can come.
    End,
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
        let steps = VecDeque::new();
        Self { stages, inspector, keeper, board, copied: Instant::now(), children, steps }
    }

    /// Takes input until no more can come, or until the output ends the run.
    pub(crate) fn run(mut self, mut input: Receiver<Input>) -> (RunReport, Acknowledger) {
        let mut refused = false;
        loop {
            let step;
            let taken = match self.next(&mut input) {
                Next::End => break,
                Next::Idle => {
                    step = None;
                    self.stages.catch_up()
                }
                Next::Input(input) => {
                    step = Step::of(&input);
                    self.take(input)
                }
            };
            match taken {
                Ok(()) => refused = false,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    // Decisions that were carried out are in the summary, and records that wait are counted as refused.
                    self.stages.release();
                    while self.stages.is_behind() {
                        _ = self.stages.catch_up();
                    }
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
        let digests = self.last_digests();
        if let Err(error) = self.stages.end().and(digests) {
            tracing::error!(%error, "the output refuses the remaining records");
        }
        self.keep(None);
        self.copy();
        self.report(None)
    }

    /// Returns what is to be done next: input comes before records that wait.
    fn next(&self, input: &mut Receiver<Input>) -> Next {
        if self.stages.is_behind() {
            match input.try_recv() {
                Ok(input) => return Next::Input(input),
                Err(TryRecvError::Empty) => return Next::Idle,
                Err(TryRecvError::Disconnected) => return Next::End,
            }
        }
        input.blocking_recv().map_or(Next::End, Next::Input)
    }

    fn take(&mut self, input: Input) -> io::Result<()> {
        let taken = match input {
            Input::Batch(batch) => {
                let mut events = batch.decode();
                self.children.note(&events, &self.stages);
                self.inspector.annotate(&mut events, batch.clock);
                self.stages.take_batch(&batch, events)
            }
            Input::Inventory(batch) => {
                let mut events = batch.decode();
                self.inspector.annotate(&mut events, batch.clock);
                self.stages.take_inventory(&batch, events)
            }
            input => self.stages.take(input),
        };
        let late = self.inspector.late();
        taken?;
        if !late.is_empty() {
            self.stages.take_late(late)?;
        }
        self.take_digests()
    }

    /// Takes the digests and the verdicts that have come.
    fn take_digests(&mut self) -> io::Result<()> {
        let digests = self.inspector.late_digests();
        if !digests.is_empty() {
            self.stages.take_digests(digests)?;
        }
        self.stages.take_verdicts()
    }

    /// Waits for the digests and the verdicts of the last starts, for a short time.
    fn last_digests(&mut self) -> io::Result<()> {
        let start = Instant::now();
        self.inspector.settle_digests();
        while self.inspector.awaited_digests() + self.stages.awaited() > 0 && start.elapsed() < LAST_DIGESTS {
            self.take_digests()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        self.inspector.give_up_digests();
        self.take_digests()
    }

    fn report(self, output: Option<io::Error>) -> (RunReport, Acknowledger) {
        let report = RunReport { children: self.children, ..RunReport::of(&self.stages, output) };
        (report, self.keeper)
    }

    /// Acknowledges the input whose records are settled by now.
    fn keep(&mut self, step: Option<Step>) {
        if !self.keeper.is_active() {
            return;
        }
        self.keeper.keep_offset(self.stages.offset());
        if let Some(step) = step {
            self.steps.push_back((self.stages.made(), step));
        }
        let concluded = self.stages.concluded();
        while let Some((_, step)) = self.steps.pop_front_if(|&mut (made, _)| made <= concluded) {
            self.keeper.wait(self.stages.mark(), step);
        }
        self.keeper.settled(self.stages.settled());
    }

    /// Copies the current numbers onto the board.
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
