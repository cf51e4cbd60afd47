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
    abandoned,
    desk::{Closed, Front, desk},
    limits::Limits,
    machine::{Machine, Ready},
    patience::{Late, Patience},
    stack,
};

/// The combined result of the bundles.
pub(super) struct Answer {
    pub(super) decision: PolicyDecision,
    /// Failures, in the order of the bundles.
    pub(super) failures: Vec<Failure>,
}

/// The failure of a bundle.
pub(super) struct Failure {
    pub(super) bundle: Arc<str>,
    pub(super) kind: ErrorKind,
    pub(super) text: String,
}

/// Index of a bundle, with kind and message of its failure.
type Failed = (usize, ErrorKind, String);

/// Evaluates the bundles that are in force.
#[derive(Debug)]
pub(super) struct Judge {
    ready: Arc<[Ready]>,
    bundles: Arc<[Identity]>,
    limits: Limits,
    /// Whether each bundle is out of force because it hung, by index.
    out: Vec<bool>,
    worker: Option<Worker>,
}

/// The thread that evaluates. If this is dropped, the thread ends after its current evaluation; nothing waits
/// for it.
#[derive(Debug)]
struct Worker {
    front: Front<Value, (PolicyDecision, Vec<Failed>)>,
    place: Arc<Place>,
    /// Id of the thread.
    thread: i32,
    /// Processor that the thread was sent to.
    processor: Option<usize>,
}

/// The progress of a thread.
#[derive(Debug, Default)]
struct Place {
    /// Index of the current bundle.
    bundle: AtomicUsize,
    /// Index of the current entry point.
    entry: AtomicUsize,
}

/// The reason why there is no answer.
enum Lost {
    /// The bundle with the first index hangs in the entry point with the second index.
    Hung(usize, usize),
    /// The thread got no processor time.
    Starved,
    /// The thread could not be started, or has ended.
    Gone(String),
}

impl Judge {
    pub(super) fn new(ready: Arc<[Ready]>, bundles: Arc<[Identity]>, limits: Limits) -> Self {
        let out = vec![false; ready.len()];
        Self { ready, bundles, limits, out, worker: None }
    }

    /// Evaluates all bundles. A bundle that hangs costs the deadline once; the others are evaluated again.
    pub(super) fn decide(&mut self, input: &Value) -> Answer {
        let mut failed: Vec<Failed> = Vec::new();
        for (place, _) in self.out.iter().enumerate().filter(|(_, out)| **out) {
            let why =
                "is out of force: it did not come back from an evaluation; load the bundles anew (SIGHUP)";
            failed.push((place, ErrorKind::OutOfForce, why.to_owned()));
        }
        let mut decision = None;
        while decision.is_none() && self.out.contains(&false) {
            match self.ask(input) {
                Ok((made, mut more)) => {
                    failed.append(&mut more);
                    decision = Some(made);
                }
                Err(Lost::Hung(place, entry)) => {
                    let entries = self.ready.get(place).map(|ready| &ready.compiled.entries);
                    let path = entries.and_then(|entries| entries.get(entry)).map(|(entry, _)| &*entry.path);
                    let (path, deadline) = (path.unwrap_or("its rules"), self.patience().deadline);
                    let text = format!("did not come back from {path} within {deadline:?}");
                    failed.push((place, ErrorKind::Hang, text));
                }
                Err(Lost::Starved) => {
                    self.fail(&mut failed, ErrorKind::Time, "the machine gave it no processor");
                    break;
                }
                Err(Lost::Gone(why)) => {
                    self.fail(&mut failed, ErrorKind::Panic, &why);
                    break;
                }
            }
        }
        self.answer(decision, failed)
    }

    /// Returns the answer without an input: all bundles fail.
    pub(super) fn unasked(&self, why: &str) -> Answer {
        let all = (0..self.ready.len()).map(|place| (place, ErrorKind::Evaluation, why.to_owned()));
        self.answer(None, all.collect())
    }

    fn answer(&self, decision: Option<PolicyDecision>, mut failed: Vec<Failed>) -> Answer {
        failed.sort_by_key(|(place, ..)| *place);
        let named = |(place, kind, text): Failed| {
            let bundle = self.ready.get(place).map_or_else(|| Arc::from("?"), |ready| ready.name.clone());
            Failure { bundle, kind, text }
        };
        let decision = decision.unwrap_or_else(|| PolicyDecision::new(self.bundles.clone()));
        Answer { decision, failures: failed.into_iter().map(named).collect() }
    }

    /// Adds the same failure for all bundles in force.
    fn fail(&self, failed: &mut Vec<Failed>, kind: ErrorKind, text: &str) {
        let places = self.out.iter().enumerate().filter(|(_, out)| !**out);
        failed.extend(places.map(|(place, _)| (place, kind, text.to_owned())));
    }

    fn patience(&self) -> Patience {
        let Limits { hang, time, .. } = self.limits;
        let bundles = u32::try_from(self.ready.len()).unwrap_or(u32::MAX);
        let deadline = hang.max(time.saturating_mul(bundles.saturating_add(2)));
        Patience { deadline, work: (deadline / 16).max(time.saturating_mul(bundles).saturating_mul(2)) }
    }

    fn ask(&mut self, input: &Value) -> Result<(PolicyDecision, Vec<Failed>), Lost> {
        let patience = self.patience();
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start(&self.ready, &self.bundles, self.limits, self.out.clone())
                .map_err(|error| Lost::Gone(format!("no thread for policies: {error}")))?,
        };
        let answer = worker.ask(input.clone(), &patience);
        match &answer {
            Ok(_) => {
                self.worker = Some(worker);
                return answer;
            }
            Err(Lost::Hung(place, _)) => {
                if let (Some(out), Some(ready)) = (self.out.get_mut(*place), self.ready.get(*place)) {
                    *out = true;
                    tracing::error!(
                        bundle = %ready.name,
                        "a policy did not come back and is out of force: its decisions are errors until the \
                         bundles are loaded anew; look for comparisons of values that hold each other many \
                         times, mend or leave out the bundle, and send SIGHUP"
                    );
                }
            }
            Err(Lost::Starved) => {}
            Err(Lost::Gone(_)) => return answer,
        }
        // Nothing waits for the thread's current evaluation any more.
        abandoned::rest(worker.thread);
        answer
    }
}

impl Worker {
    /// Starts the thread and waits until it is ready, so that the first decision does not pay for creating
    /// the machines.
    fn start(
        ready: &Arc<[Ready]>,
        bundles: &Arc<[Identity]>,
        limits: Limits,
        out: Vec<bool>,
    ) -> io::Result<Self> {
        let (front, back) = desk();
        let place = Arc::new(Place::default());
        let (begun, begins) = mpsc::channel();
        let (ready, bundles, at) = (ready.clone(), bundles.clone(), place.clone());
        let body = move || {
            let in_force = ready.iter().enumerate().zip(out).filter(|(_, out)| !out);
            let mut machines: Vec<_> =
                in_force.map(|((place, ready), _)| (place, ready, Machine::new(ready, &limits))).collect();
            // The starting thread waits for this message.
            let _heard: Result<(), _> = begun.send(rustix::thread::gettid().as_raw_pid());
            while let Some(input) = back.question() {
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
                back.answer((decision, failed));
            }
        };
        thread::Builder::new().name("tracego-policy".to_owned()).stack_size(stack::STACK).spawn(body)?;
        let thread = begins.recv().map_err(|_| io::Error::other("it panicked when it began"))?;
        Ok(Self { front, place, thread, processor: None })
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
            tracing::debug!(%error, "the thread of policies is on a processor of its own");
        }
        self.processor = Some(here);
    }

    fn ask(&mut self, input: Value, patience: &Patience) -> Result<(PolicyDecision, Vec<Failed>), Lost> {
        self.follow();
        self.front.ask(input);
        let answer = patience.wait(self.thread, |time| self.front.answer(time).map_err(|Closed| Late::Gone));
        answer.map_err(|late| match late {
            Late::Hung => {
                let Place { bundle, entry } = &*self.place;
                Lost::Hung(bundle.load(Ordering::Relaxed), entry.load(Ordering::Relaxed))
            }
            Late::Starved => Lost::Starved,
            Late::Gone => Lost::Gone("the thread of policies is gone".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use regorus::unstable::{Expr, Ref, Span};

    use super::*;
    use crate::{compile, tests::bundle};

    fn boom(_: &Span, _: &[Ref<Expr>], args: &[Value], _: bool) -> anyhow::Result<Value> {
        assert!(args[0] != Value::from("boom"), "boom in the engine");
        Ok(Value::from("A"))
    }

    #[test]
    fn a_panic_is_an_error_and_the_machine_after_it_is_fresh() {
        let bundle = bundle("b", "package main\ndeny contains \"no\" if upper(input.x) == \"A\"");
        let mut compiled = compile::compile(&bundle).unwrap();
        Arc::make_mut(&mut compiled.program).resolved_builtins[0] = (boom, 1);
        let limits = Limits { time: Duration::from_secs(10), ..Limits::default() };
        let ready = Ready { name: Arc::from("b"), compiled };
        let mut judge = Judge::new(Arc::from([ready]), Arc::from([]), limits);
        let input = |x: &str| Value::from(serde_json::json!({ "x": x }));
        for _ in 0..2 {
            let answer = judge.decide(&input("boom"));
            let [failure] = answer.failures.as_slice() else { panic!("it did not fail") };
            assert_eq!((failure.kind, &*failure.bundle), (ErrorKind::Panic, "b"));
            assert_eq!(failure.text, "the engine panicked: boom in the engine");
            assert!(answer.decision.violations.is_empty());
            assert_eq!(judge.decide(&input("a")).decision.violations.len(), 1);
        }
    }
}
