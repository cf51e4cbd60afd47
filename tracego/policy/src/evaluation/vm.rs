//! The virtual machine of a bundle, its limits, and messages about exceeded limits.

use std::{
    fmt::{self, Write as _},
    num::NonZeroU32,
    sync::Arc,
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
pub(super) struct NamedBundle {
    pub(super) name: Arc<str>,
    pub(super) compiled: CompiledBundle,
}

/// The virtual machine of a bundle, used by one thread.
pub(super) struct PolicyVm(RegoVM);

impl PolicyVm {
    /// Creates the virtual machine of a bundle.
    ///
    /// # Errors
    /// Fails if the bundle's data conflicts with its rules.
    pub(super) fn new(ready: &NamedBundle, limits: &DecisionLimits) -> Result<Self, VmError> {
        machine(&ready.compiled, limits).map(Self)
    }

    /// Evaluates a bundle and adds its result to `decision`, within the time that is left at an instant.
    /// Evaluates again if the time ran out while the thread hardly had the processor.
    ///
    /// # Errors
    /// Fails with kind and message; `decision` is unchanged then.
    pub(super) fn evaluate_fairly(
        &mut self,
        ready: &NamedBundle,
        input: &Value,
        time: (Instant, Duration),
        limits: &DecisionLimits,
        decision: &mut PolicyDecision,
    ) -> Result<(), (ErrorKind, String)> {
        let used = processor_time();
        let mut done = self.evaluate(ready, input, time, limits, decision);
        for _ in 1..TRIES {
            match &done {
                Err((ErrorKind::Time, _)) if processor_time().saturating_sub(used) < limits.time / 2 => {
                    done = self.evaluate(ready, input, (Instant::now(), limits.time), limits, decision);
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
        (started, time): (Instant, Duration),
        limits: &DecisionLimits,
        decision: &mut PolicyDecision,
    ) -> Result<(), (ErrorKind, String)> {
        let NamedBundle { name: bundle, compiled } = ready;
        let vm = &mut self.0;
        vm.set_input(input.clone());
        let mut with = decision.clone();
        for (entry, name) in &compiled.entries {
            let left = time.saturating_sub(started.elapsed()).max(Duration::from_micros(1));
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
    // again. Recursion is refused at load.
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

#[cfg(test)]
mod tests {
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
        let mut compiled = compiler::compile(&(&bundle).into()).unwrap();
        Arc::make_mut(&mut compiled.program).resolved_builtins[0] = (boom, 1);
        let limits = DecisionLimits { time: Duration::from_secs(10), ..DecisionLimits::default() };
        let ready = NamedBundle { name: Arc::from("b"), compiled };
        let mut vm = PolicyVm::new(&ready, &limits).unwrap();
        let mut decide = |x: &str| {
            let input = Value::from(serde_json::json!({ "x": x }));
            let mut decision = PolicyDecision::new([].into());
            let time = (Instant::now(), limits.time);
            let done = vm.evaluate_fairly(&ready, &input, time, &limits, &mut decision);
            done.map(|()| decision.violations.len())
        };
        for _ in 0..2 {
            let wanted = "the engine panicked: boom in the engine".to_owned();
            assert_eq!(decide("boom"), Err((ErrorKind::Panic, wanted)));
            assert_eq!(decide("a"), Ok(1));
        }
    }
}
