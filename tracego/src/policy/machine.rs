//! The virtual machine of a bundle, its bounds, and what it says when they end it.

use std::{
    fmt::{self, Write as _},
    num::NonZeroU32,
    time::Duration,
};

use regorus::{
    rvm::{
        RegoVM,
        vm::{ExecutionMode, VmError},
    },
    utils::limits::ExecutionTimerConfig,
};
use rustix::time::{ClockId, clock_gettime};

use super::{compile::Compiled, decision::ErrorKind, limits::Limits};

/// Instructions between two looks at the clock.
const CHECK_INTERVAL: NonZeroU32 = match NonZeroU32::new(8) {
    Some(interval) => interval,
    None => NonZeroU32::MIN,
};

/// What this thread had of a processor.
pub(super) fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

pub(super) fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig { limit, check_interval: CHECK_INTERVAL }
}

pub(super) fn machine(compiled: &Compiled, limits: &Limits) -> Result<RegoVM, VmError> {
    let mut vm = RegoVM::new_with_policy(compiled.policy.clone());
    vm.load_program(compiled.program.clone());
    vm.set_max_instructions(limits.instructions);
    // A policy that calls itself fills the memory of a stack of its own until its time is over; in the other
    // mode it would be the thread's stack, and the end of the agent.
    vm.set_execution_mode(ExecutionMode::Suspendable);
    vm.set_data(compiled.data.clone())?;
    Ok(vm)
}

pub(super) fn failure(error: &VmError, limits: &Limits) -> (ErrorKind, String) {
    match error {
        VmError::TimeLimitExceeded { .. } => (ErrorKind::Time, format!("took more than {:?}", limits.time)),
        VmError::InstructionLimitExceeded { limit, .. } => {
            (ErrorKind::Instructions, format!("took more than {limit} instructions"))
        }
        VmError::MemoryLimitExceeded { .. }
        | VmError::MemoryBudgetExceeded { .. }
        | VmError::RegexSizeLimitExceeded { .. } => (ErrorKind::Size, "a value became too large".to_owned()),
        other => (ErrorKind::Evaluation, shortened(other)),
    }
}

/// Some errors show values, and those may be of any size.
fn shortened(error: &VmError) -> String {
    let mut text = Short(String::new());
    if write!(text, "{error}").is_err() {
        text.0.push('…');
    }
    text.0
}

/// Ends the formatting when it is full.
struct Short(String);

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = 512_usize.saturating_sub(self.0.len());
        self.0.extend(text.chars().take(left));
        if text.len() > left { Err(fmt::Error) } else { Ok(()) }
    }
}
