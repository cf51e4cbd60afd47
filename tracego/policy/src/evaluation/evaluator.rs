//! Evaluation of a bundle in a process of its own, so that neither a policy that never returns nor one that
//! crashes the engine can stop the agent.
//!
//! The virtual machine checks the clock between instructions, and one instruction may take any time: a
//! comparison of two values that share parts visits everything that they would contain without sharing. The
//! agent therefore waits for the answer with a deadline, kills a process that misses it, and starts another.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tracego_model::record::policy::{ErrorKind, PolicyDecision};

use super::{
    child::{ChildFailure, PolicyChild},
    message::{self, DecisionAnswer, LoadAnswer, LoadedBundle},
};
use crate::{bundle::Bundle, error::PolicyProblem, limits::DecisionLimits};

/// Maximum time to load a bundle.
const LOAD: Duration = Duration::from_secs(60);
/// Maximum time that decisions wait for a new process to load a bundle; later ones are errors until it has.
const RELOAD: Duration = Duration::from_secs(1);
/// Minimum time between a start of a process that failed and the next.
const RETRY: Duration = Duration::from_secs(5);
/// Number of processes that a bundle may lose in [`LOST_WINDOW`]; then it is out of force until the end of it.
const LOST_MAX: u32 = 8;
const LOST_WINDOW: Duration = Duration::from_secs(60);

/// A bundle and its process.
#[derive(Debug)]
pub(crate) struct BundleEvaluator {
    name: Arc<str>,
    /// Paths of the entry points, for messages.
    entries: String,
    /// The frame that a new process gets.
    load: Vec<u8>,
    limits: DecisionLimits,
    process: ProcessState,
    /// Time of the first lost process in the window, and the number of them.
    lost: Option<(Instant, u32)>,
    /// Time of the last start that failed.
    failed: Option<Instant>,
    /// The question; the buffer is reused.
    question: Vec<u8>,
}

#[derive(Debug)]
enum ProcessState {
    /// No process, with the reason.
    Absent(String),
    /// A process that compiles the bundle again.
    Loading(PolicyChild, Instant),
    Ready(PolicyChild),
}

impl BundleEvaluator {
    /// Starts a process and waits until it has compiled the bundle.
    ///
    /// # Errors
    /// Fails with everything that is wrong in the bundle, or because the process cannot be started or crashed.
    pub(crate) fn load(
        bundle: &Bundle,
        limits: &DecisionLimits,
    ) -> Result<(Self, LoadedBundle), Vec<PolicyProblem>> {
        let problem = |what| vec![PolicyProblem { bundle: bundle.name.clone(), place: None, what }];
        let load = message::encode_load(bundle, limits).map_err(problem)?;
        let mut evaluator = Self {
            name: Arc::from(bundle.name.as_str()),
            entries: String::new(),
            load,
            limits: *limits,
            process: ProcessState::Absent(String::new()),
            lost: None,
            failed: None,
            question: Vec::new(),
        };
        evaluator.start(LOAD);
        let (child, loaded) = match evaluator.take_process() {
            ProcessState::Loading(mut child, _) => loaded(&mut child, &evaluator.limits, LOAD)
                .map(|answer| (child, answer))
                .map_err(|why| problem(format!("{why} while it loaded the bundle")))?,
            ProcessState::Absent(why) => return Err(problem(why)),
            ProcessState::Ready(_) => return Err(problem("is loaded already".to_owned())),
        };
        let loaded = loaded?;
        evaluator.process = ProcessState::Ready(child);
        evaluator.entries = loaded.entries.join(", ");
        Ok((evaluator, loaded))
    }

    /// Returns the name of the bundle.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the id of the process.
    #[cfg(test)]
    pub(crate) fn process(&self) -> Option<i32> {
        match &self.process {
            ProcessState::Loading(child, _) | ProcessState::Ready(child) => Some(child.pid()),
            ProcessState::Absent(_) => None,
        }
    }

    /// Evaluates an encoded input and adds the result to `decision`. `left`: time that is left for it.
    ///
    /// # Errors
    /// Fails with kind and message; `decision` is unchanged then.
    pub(crate) fn decide(
        &mut self,
        input: &[u8],
        left: Duration,
        decision: &mut PolicyDecision,
    ) -> Result<(), (ErrorKind, String)> {
        if self.is_out_of_force() {
            let why = format!(
                "is out of force for up to {LOST_WINDOW:?}: evaluations hung or crashed {LOST_MAX} times in it"
            );
            return Err((ErrorKind::OutOfForce, why));
        }
        // A start that fails may have taken seconds, which decisions after it do not wait for again.
        let is_due = self.failed.is_none_or(|failed| failed.elapsed() >= RETRY);
        if matches!(self.process, ProcessState::Absent(_)) && is_due {
            self.start(RELOAD);
        }
        let mut child = match self.take_process() {
            ProcessState::Ready(child) => child,
            ProcessState::Loading(mut child, since) => {
                let wait = deadline(&self.limits).max(RELOAD).saturating_sub(since.elapsed());
                let why = if child.is_answering(wait) {
                    loaded(&mut child, &self.limits, RELOAD).err()
                } else if since.elapsed() < LOAD {
                    self.process = ProcessState::Loading(child, since);
                    return Err((ErrorKind::Crash, "a new process is loading it".to_owned()));
                } else {
                    Some(format!("the engine took more than {LOAD:?}"))
                };
                if let Some(why) = why {
                    drop(child);
                    let text = format!("{why} while it loaded the bundle again");
                    return Err(self.lose(ErrorKind::Crash, text));
                }
                child
            }
            ProcessState::Absent(why) => {
                self.process = ProcessState::Absent(why.clone());
                return Err((ErrorKind::Crash, why));
            }
        };
        message::encode_question(left, input, &mut self.question);
        let answer = child.ask(&self.question, work(&self.limits)).and_then(|answer| {
            serde_json::from_slice::<DecisionAnswer>(answer).map_err(|_| ChildFailure::Crashed)
        });
        match answer {
            Ok(answer) => {
                self.process = ProcessState::Ready(child);
                answer.map(|made| made.add_to(decision, &self.name, self.limits.violations))
            }
            Err(failure) => {
                // Kills the process.
                drop(child);
                let (kind, text) = match failure {
                    ChildFailure::Hung => {
                        let (entries, deadline) = (&self.entries, deadline(&self.limits));
                        (ErrorKind::Hang, format!("no result from {entries} within {deadline:?}"))
                    }
                    ChildFailure::Starved => (ErrorKind::Time, "got no processor time".to_owned()),
                    ChildFailure::Crashed => (
                        ErrorKind::Crash,
                        "the process that evaluates it ended: the engine crashed, or it was killed"
                            .to_owned(),
                    ),
                };
                Err(self.lose(kind, text))
            }
        }
    }

    /// Notes the loss of the process, and starts another. Returns the failure of the decision.
    fn lose(&mut self, kind: ErrorKind, text: String) -> (ErrorKind, String) {
        let (since, count) = self.lost.unwrap_or_else(|| (Instant::now(), 0));
        // A machine without processor time is not the fault of the policy.
        let count = if kind == ErrorKind::Time { count } else { count + 1 };
        self.lost = Some((since, count));
        tracing::warn!(bundle = %self.name, kind = kind.name(), "a policy failed, and its process is replaced: {text}");
        if count >= LOST_MAX {
            tracing::error!(
                bundle = %self.name,
                "a policy hung or crashed {LOST_MAX} times and is out of force for up to {LOST_WINDOW:?}: its \
                 decisions are errors; look for comparisons of values that share their parts many times and for \
                 values that grow, fix or remove the bundle, and send SIGHUP"
            );
        }
        self.start(RELOAD);
        (kind, text)
    }

    fn is_out_of_force(&mut self) -> bool {
        self.lost = self.lost.filter(|(since, _)| since.elapsed() < LOST_WINDOW);
        self.lost.is_some_and(|(_, count)| count >= LOST_MAX)
    }

    /// Starts a process, which has to take the bundle `within` a time, and compiles it while other work goes on.
    fn start(&mut self, within: Duration) {
        self.process = match PolicyChild::start(&self.load, within, deadline(&self.limits)) {
            Ok(child) => ProcessState::Loading(child, Instant::now()),
            Err(error) => {
                self.failed = Some(Instant::now());
                ProcessState::Absent(format!("no process to evaluate it: {error}"))
            }
        };
    }

    fn take_process(&mut self) -> ProcessState {
        std::mem::replace(&mut self.process, ProcessState::Absent(String::new()))
    }
}

/// Waits until a process has compiled its bundle.
fn loaded(child: &mut PolicyChild, limits: &DecisionLimits, within: Duration) -> Result<LoadAnswer, String> {
    let rounds = (within.as_nanos() / (deadline(limits) / 2).as_nanos().max(1)).max(1);
    let answer = child.answer(u32::try_from(rounds).unwrap_or(u32::MAX), within);
    let answer = answer.and_then(|answer| serde_json::from_slice(answer).map_err(|_| ChildFailure::Crashed));
    answer.map_err(|failure| match failure {
        ChildFailure::Hung | ChildFailure::Starved => format!("the engine took more than {within:?}"),
        ChildFailure::Crashed => "the engine crashed, or its process was killed".to_owned(),
    })
}

/// Returns the time to wait for an answer: several times what an evaluation may take by its own clock.
fn deadline(limits: &DecisionLimits) -> Duration {
    limits.hang.max(limits.time.saturating_mul(3))
}

/// Returns the processor time, over half of the deadline and more, from which a process is not starved.
/// Evaluations that end use less.
fn work(limits: &DecisionLimits) -> Duration {
    (deadline(limits) / 4).max(limits.time.saturating_mul(2))
}
