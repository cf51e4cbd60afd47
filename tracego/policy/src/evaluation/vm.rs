//! The virtual machine of a bundle, its limits, and messages about exceeded limits.

use std::{
    fmt::{self, Write as _},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use regorus::{
    Value,
    rvm::{
        RegoVM,
        vm::{ExecutionMode, VmError},
    },
    utils::limits::ExecutionTimerConfig,
};
use rustix::time::{ClockId, clock_gettime};
use tracego_model::record::policy::{ErrorKind, PolicyDecision};

use super::{
    conversion::{self, ValueOrigin},
    stack,
};
use crate::{
    compiler::{CompiledBundle, EntryPoint},
    limits::DecisionLimits,
};

/// Number of instructions between two checks of the clock.
const CHECK_INTERVAL: NonZeroU32 = match NonZeroU32::new(8) {
    Some(interval) => interval,
    None => NonZeroU32::MIN,
};

/// A compiled bundle with its name.
#[derive(Debug)]
pub(crate) struct NamedBundle {
    pub(crate) name: Arc<str>,
    pub(crate) compiled: CompiledBundle,
}

/// The virtual machine of a bundle, used by one thread.
pub(crate) struct PolicyVm(RegoVM);

impl PolicyVm {
    /// Creates the virtual machine of a bundle.
    ///
    /// # Errors
    /// Fails if the bundle's data conflicts with its rules.
    pub(crate) fn new(ready: &NamedBundle, limits: &DecisionLimits) -> Result<Self, VmError> {
        machine(&ready.compiled, limits).map(Self)
    }

    /// Evaluates a bundle and adds its result to `decision`. Evaluates again if the time ran out while the
    /// thread hardly had the processor. `at` receives the index of the current entry point.
    ///
    /// # Errors
    /// Fails with kind and message; `decision` is unchanged then.
    pub(super) fn evaluate_fairly(
        &mut self,
        ready: &NamedBundle,
        input: &Value,
        started: Instant,
        limits: &DecisionLimits,
        decision: &mut PolicyDecision,
        at: &AtomicUsize,
    ) -> Result<(), (ErrorKind, String)> {
        let used = processor_time();
        let mut done = self.evaluate(ready, input, started, limits, decision, at);
        for _ in 1..TRIES {
            match &done {
                Err((ErrorKind::Time, _)) if processor_time().saturating_sub(used) < limits.time / 2 => {
                    done = self.evaluate(ready, input, Instant::now(), limits, decision, at);
                }
                _ => break,
            }
        }
        done
    }

    /// Evaluates a bundle once and adds its result to `decision`, completely or not at all.
    fn evaluate(
        &mut self,
        ready: &NamedBundle,
        input: &Value,
        started: Instant,
        limits: &DecisionLimits,
        decision: &mut PolicyDecision,
        at: &AtomicUsize,
    ) -> Result<(), (ErrorKind, String)> {
        let NamedBundle { name: bundle, compiled } = ready;
        let vm = &mut self.0;
        vm.set_input(input.clone());
        let mut with = decision.clone();
        for (place, (entry, name)) in compiled.entries.iter().enumerate() {
            at.store(place, Ordering::Relaxed);
            let left = limits.time.saturating_sub(started.elapsed()).max(Duration::from_micros(1));
            vm.set_execution_timer_config(Some(timer(left)));
            let value = match stack::caught(|| vm.execute_entry_point_by_name(name)) {
                Ok(Ok(value)) => value,
                Ok(Err(error)) => return Err(failure(&error, limits)),
                Err(panic) => {
                    // The state of the machine is unknown after a panic.
                    if let Ok(fresh) = machine(compiled, limits) {
                        *vm = fresh;
                    }
                    return Err((ErrorKind::Panic, format!("the engine panicked: {panic}")));
                }
            };
            let EntryPoint { kind, path, rule, default } = entry;
            let from = ValueOrigin { bundle, path, rule, kind: *kind, default: *default };
            conversion::add(&mut with, &value, &from, limits).map_err(|text| (ErrorKind::Shape, text))?;
        }
        *decision = with;
        Ok(())
    }
}

/// Maximum number of evaluations of a bundle that runs out of time without having had the processor.
const TRIES: u32 = 8;

/// Returns the processor time of this thread.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL }
}

fn machine(compiled: &CompiledBundle, limits: &DecisionLimits) -> Result<RegoVM, VmError> {
    let mut vm = RegoVM::new_with_policy(compiled.policy.clone());
    vm.load_program(compiled.program.clone());
    vm.set_max_instructions(limits.instructions);
    // In this mode nested rules use the thread's stack; in the other mode a decision takes half as long
    // again. Recursion is refused at load. Recursion that is overlooked there reaches the instruction limit
    // before the end of the stack.
    vm.set_execution_mode(ExecutionMode::RunToCompletion);
    vm.set_data(compiled.data.clone())?;
    Ok(vm)
}

/// Message about a call that a limit ended; OPA's result is known only within them.
const TOO_LARGE: &str = "a value became too large, or a call is not one that has the result of OPA here";

fn failure(error: &VmError, limits: &DecisionLimits) -> (ErrorKind, String) {
    match error {
        VmError::TimeLimitExceeded { .. } => (ErrorKind::Time, format!("took more than {:?}", limits.time)),
        VmError::InstructionLimitExceeded { limit, .. } => {
            (ErrorKind::Instructions, format!("took more than {limit} instructions"))
        }
        VmError::MemoryLimitExceeded { .. }
        | VmError::MemoryBudgetExceeded { .. }
        | VmError::RegexSizeLimitExceeded { .. } => (ErrorKind::Size, TOO_LARGE.to_owned()),
        other => (ErrorKind::Evaluation, shortened(other)),
    }
}

/// Formats an error, shortened because some errors contain values of any size.
fn shortened(error: &VmError) -> String {
    let mut text = BoundedText(String::new());
    if write!(text, "{error}").is_err() {
        text.0.push('…');
    }
    text.0
}

/// A text of limited length, which stops the formatting when it is full.
struct BoundedText(String);

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = 512_usize.saturating_sub(self.0.len());
        self.0.extend(text.chars().take(left));
        if text.len() > left { Err(fmt::Error) } else { Ok(()) }
    }
}
