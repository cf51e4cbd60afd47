//! Evaluates policies in a separate worker, so that a policy that never returns cannot block the pipeline.
//!
//! The virtual machine checks the clock between instructions, and one instruction may take any time: a
//! comparison of two values that share parts visits everything that they would contain without sharing. The
//! caller therefore waits for the answer with a deadline. An evaluation that misses it is abandoned on its
//! thread, which ends when the evaluation does. Its bundle is out of force until the bundles are reloaded;
//! the others continue on a new thread.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use regorus::Value;
use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getcpu, sched_setaffinity},
};
use tracego_model::record::policy::{ErrorKind, Identity, PolicyDecision};

use super::{
    hang_deadline::{HangDeadline, WaitFailure},
    rendezvous::{Disconnected, Requester, rendezvous},
    stack, thread_usage,
    vm::{NamedBundle, PolicyVm},
};
use crate::limits::DecisionLimits;

/// The combined result of the bundles.
pub(crate) struct EvaluationResult {
    pub(crate) decision: PolicyDecision,
    /// Failures, in the order of the bundles.
    pub(crate) failures: Vec<BundleFailure>,
}

/// The failure of a bundle.
pub(crate) struct BundleFailure {
    pub(crate) bundle: Arc<str>,
    pub(crate) kind: ErrorKind,
    pub(crate) text: String,
}

/// Index of a bundle, with kind and message of its failure.
type IndexedFailure = (usize, ErrorKind, String);

/// Evaluates the bundles that are in force.
#[derive(Debug)]
pub(crate) struct Evaluator {
    ready: Arc<[NamedBundle]>,
    bundles: Arc<[Identity]>,
    limits: DecisionLimits,
    /// Whether each bundle is out of force because it hung, by index.
    out: Vec<bool>,
    worker: Option<PolicyWorker>,
}

/// The thread that evaluates. If this is dropped, the thread ends after its current evaluation; nothing waits
/// for it.
#[derive(Debug)]
struct PolicyWorker {
    requester: Requester<Value, (PolicyDecision, Vec<IndexedFailure>)>,
    place: Arc<WorkerProgress>,
    /// Id of the thread.
    thread: i32,
    /// Processor that the thread was sent to.
    processor: Option<usize>,
}

/// The progress of a thread.
#[derive(Debug, Default)]
struct WorkerProgress {
    /// Index of the current bundle.
    bundle: AtomicUsize,
    /// Index of the current entry point.
    entry: AtomicUsize,
}

/// The reason why there is no answer.
enum WorkerFailure {
    /// The bundle with the first index hangs in the entry point with the second index.
    Hung(usize, usize),
    /// The thread got no processor time.
    Starved,
    /// The thread could not be started, or has ended.
    Gone(String),
}

impl Evaluator {
    pub(crate) fn new(ready: Arc<[NamedBundle]>, bundles: Arc<[Identity]>, limits: DecisionLimits) -> Self {
        let out = vec![false; ready.len()];
        Self { ready, bundles, limits, out, worker: None }
    }

    /// Evaluates all bundles. A bundle that hangs costs the deadline once; the others are evaluated again.
    pub(crate) fn decide(&mut self, input: &Value) -> EvaluationResult {
        let mut failed: Vec<IndexedFailure> = Vec::new();
        for (place, _) in self.out.iter().enumerate().filter(|(_, out)| **out) {
            let why = "is out of force because an evaluation hung; reload the bundles (SIGHUP)";
            failed.push((place, ErrorKind::OutOfForce, why.to_owned()));
        }
        let mut decision = None;
        while decision.is_none() && self.out.contains(&false) {
            match self.ask(input) {
                Ok((made, mut more)) => {
                    failed.append(&mut more);
                    decision = Some(made);
                }
                Err(WorkerFailure::Hung(place, entry)) => {
                    let entries = self.ready.get(place).map(|ready| &ready.compiled.entries);
                    let path = entries.and_then(|entries| entries.get(entry)).map(|(entry, _)| &*entry.path);
                    let (path, deadline) = (path.unwrap_or("its rules"), self.hang_deadline().deadline);
                    let text = format!("no result from {path} within {deadline:?}");
                    failed.push((place, ErrorKind::Hang, text));
                }
                Err(WorkerFailure::Starved) => {
                    self.fail(&mut failed, ErrorKind::Time, "got no processor time");
                    break;
                }
                Err(WorkerFailure::Gone(why)) => {
                    self.fail(&mut failed, ErrorKind::Panic, &why);
                    break;
                }
            }
        }
        self.answer(decision, failed)
    }

    /// Returns the answer without an input: all bundles fail.
    pub(crate) fn fail_all(&self, why: &str) -> EvaluationResult {
        let all = (0..self.ready.len()).map(|place| (place, ErrorKind::Evaluation, why.to_owned()));
        self.answer(None, all.collect())
    }

    fn answer(&self, decision: Option<PolicyDecision>, mut failed: Vec<IndexedFailure>) -> EvaluationResult {
        failed.sort_by_key(|(place, ..)| *place);
        let named = |(place, kind, text): IndexedFailure| {
            let bundle = self.ready.get(place).map_or_else(|| Arc::from("?"), |ready| ready.name.clone());
            BundleFailure { bundle, kind, text }
        };
        let decision = decision.unwrap_or_else(|| PolicyDecision::new(self.bundles.clone()));
        EvaluationResult { decision, failures: failed.into_iter().map(named).collect() }
    }

    /// Adds the same failure for all bundles in force.
    fn fail(&self, failed: &mut Vec<IndexedFailure>, kind: ErrorKind, text: &str) {
        let places = self.out.iter().enumerate().filter(|(_, out)| !**out);
        failed.extend(places.map(|(place, _)| (place, kind, text.to_owned())));
    }

    fn hang_deadline(&self) -> HangDeadline {
        let DecisionLimits { hang, time, .. } = self.limits;
        let bundles = u32::try_from(self.ready.len()).unwrap_or(u32::MAX);
        let deadline = hang.max(time.saturating_mul(bundles.saturating_add(2)));
        HangDeadline { deadline, work: (deadline / 16).max(time.saturating_mul(bundles).saturating_mul(2)) }
    }

    fn ask(&mut self, input: &Value) -> Result<(PolicyDecision, Vec<IndexedFailure>), WorkerFailure> {
        let deadline = self.hang_deadline();
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => PolicyWorker::start(&self.ready, &self.bundles, self.limits, self.out.clone())
                .map_err(|error| WorkerFailure::Gone(format!("no thread for policies: {error}")))?,
        };
        let answer = worker.ask(input.clone(), &deadline);
        match &answer {
            Ok(_) => {
                self.worker = Some(worker);
                return answer;
            }
            Err(WorkerFailure::Hung(place, _)) => {
                if let (Some(out), Some(ready)) = (self.out.get_mut(*place), self.ready.get(*place)) {
                    *out = true;
                    tracing::error!(
                        bundle = %ready.name,
                        "a policy hung and is out of force: its decisions are errors until the \
                         bundles are reloaded; look for comparisons of values that share their parts many \
                         times, fix or remove the bundle, and send SIGHUP"
                    );
                }
            }
            Err(WorkerFailure::Starved) => {}
            Err(WorkerFailure::Gone(_)) => return answer,
        }
        // Nothing waits for the thread's current evaluation any more.
        thread_usage::lower_priority(worker.thread);
        answer
    }
}

impl PolicyWorker {
    /// Starts the thread and waits until it is ready, so that the first decision does not pay for creating
    /// the machines.
    fn start(
        ready: &Arc<[NamedBundle]>,
        bundles: &Arc<[Identity]>,
        limits: DecisionLimits,
        out: Vec<bool>,
    ) -> io::Result<Self> {
        let (requester, responder) = rendezvous();
        let place = Arc::new(WorkerProgress::default());
        let (begun, begins) = mpsc::channel();
        let (ready, bundles, at) = (ready.clone(), bundles.clone(), place.clone());
        let body = move || {
            let in_force = ready.iter().enumerate().zip(out).filter(|(_, out)| !out);
            let mut machines: Vec<_> =
                in_force.map(|((place, ready), _)| (place, ready, PolicyVm::new(ready, &limits))).collect();
            // The starting thread waits for this message.
            let _heard: Result<(), _> = begun.send(rustix::thread::gettid().as_raw_pid());
            while let Some(input) = responder.question() {
                let (mut decision, mut failed) = (PolicyDecision::new(bundles.clone()), Vec::new());
                let started = Instant::now();
                for (place, ready, machine) in &mut machines {
                    at.bundle.store(*place, Ordering::Relaxed);
                    let done = match machine {
                        Ok(machine) => {
                            machine.evaluate_fairly(ready, &input, started, &limits, &mut decision, &at.entry)
                        }
                        Err(error) => Err((ErrorKind::Evaluation, error.to_string())),
                    };
                    if let Err((kind, text)) = done {
                        failed.push((*place, kind, text));
                    }
                }
                responder.answer((decision, failed));
            }
        };
        thread::Builder::new().name("tracego-policy".to_owned()).stack_size(stack::STACK).spawn(body)?;
        let thread =
            begins.recv().map_err(|_| io::Error::other("the policy thread panicked at its start"))?;
        Ok(Self { requester, place, thread, processor: None })
    }

    /// Moves the thread to the caller's processor, which is free because the caller waits. Waking another
    /// processor that sleeps takes longer than a decision.
    fn follow(&mut self) {
        let here = sched_getcpu();
        if self.processor == Some(here) || here >= CpuSet::MAX_CPU {
            return;
        }
        let mut only = CpuSet::new();
        only.set(here);
        // If the thread may not run there, it stays where it is.
        if let Err(error) = sched_setaffinity(Pid::from_raw(self.thread), &only) {
            tracing::debug!(%error, "the policy thread could not be moved to the caller's processor");
        }
        self.processor = Some(here);
    }

    fn ask(
        &mut self,
        input: Value,
        deadline: &HangDeadline,
    ) -> Result<(PolicyDecision, Vec<IndexedFailure>), WorkerFailure> {
        self.follow();
        self.requester.ask(input);
        let answer = deadline
            .wait(self.thread, |time| self.requester.answer(time).map_err(|Disconnected| WaitFailure::Gone));
        answer.map_err(|late| match late {
            WaitFailure::Hung => {
                let WorkerProgress { bundle, entry } = &*self.place;
                WorkerFailure::Hung(bundle.load(Ordering::Relaxed), entry.load(Ordering::Relaxed))
            }
            WaitFailure::Starved => WorkerFailure::Starved,
            WaitFailure::Gone => WorkerFailure::Gone("the policy thread has ended".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use regorus::unstable::{Expr, Ref, Span};

    use super::*;
    use crate::{compiler, tests::bundle};

    fn boom(_: &Span, _: &[Ref<Expr>], args: &[Value], _: bool) -> anyhow::Result<Value> {
        assert!(args[0] != Value::from("boom"), "boom in the engine");
        Ok(Value::from("A"))
    }

    #[test]
    fn a_panic_is_an_error_and_the_machine_after_it_is_fresh() {
        let bundle = bundle("b", "package main\ndeny contains \"no\" if upper(input.x) == \"A\"");
        let mut compiled = compiler::compile(&bundle).unwrap();
        Arc::make_mut(&mut compiled.program).resolved_builtins[0] = (boom, 1);
        let limits = DecisionLimits { time: Duration::from_secs(10), ..DecisionLimits::default() };
        let ready = NamedBundle { name: Arc::from("b"), compiled };
        let mut evaluator = Evaluator::new(Arc::from([ready]), Arc::from([]), limits);
        let input = |x: &str| Value::from(serde_json::json!({ "x": x }));
        for _ in 0..2 {
            let answer = evaluator.decide(&input("boom"));
            let [failure] = answer.failures.as_slice() else { panic!("it did not fail") };
            assert_eq!((failure.kind, &*failure.bundle), (ErrorKind::Panic, "b"));
            assert_eq!(failure.text, "the engine panicked: boom in the engine");
            assert!(answer.decision.violations.is_empty());
            assert_eq!(evaluator.decide(&input("a")).decision.violations.len(), 1);
        }
    }
}
