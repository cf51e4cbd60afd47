//! Filters of system calls (seccomp(2)). A refused call fails with EPERM.
//!
//! ```text
//! agent      the agent, once the programs are attached: a list of what it never does
//! reader     a process that reads hostile files: a list of all that it does
//! evaluator  a process that computes: the same, without files
//! ```

mod agent;
mod evaluator;
mod reader;

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch, sock_filter};

pub use agent::AgentNeeds;

/// The failure to put a filter in force.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// The filter cannot be made for this CPU.
    #[error("no filter of system calls for this CPU: {0}")]
    Made(#[from] seccompiler::BackendError),
    /// The kernel refuses the filter.
    #[error("the kernel refuses the filter of system calls: {0}")]
    Refused(#[from] seccompiler::Error),
}

/// System calls with the conditions under which they match; without a condition they always do.
type Calls = BTreeMap<c_long, Vec<SeccompRule>>;

/// A filter that is ready to be put in force, which takes system calls alone.
#[derive(Clone, Debug)]
pub struct CallFilter(BpfProgram);

impl CallFilter {
    /// Makes the filter of the agent, which refuses what it never does once its programs are attached.
    ///
    /// # Errors
    /// Fails on a CPU without system calls known here.
    pub fn agent(needs: AgentNeeds) -> Result<Self, FilterError> {
        Self::new(agent::refused(needs)?, SeccompAction::Allow, refuse())
    }

    /// Makes the filter of a process that reads files of others.
    ///
    /// # Errors
    /// As [`CallFilter::agent`].
    pub fn reader() -> Result<Self, FilterError> {
        Self::new(reader::allowed()?, refuse(), SeccompAction::Allow)
    }

    /// Makes the filter of a process that computes: it uses what it has open, and opens nothing.
    ///
    /// # Errors
    /// As [`CallFilter::agent`].
    pub fn evaluator() -> Result<Self, FilterError> {
        Self::new(evaluator::allowed()?, refuse(), SeccompAction::Allow)
    }

    fn new(calls: Calls, otherwise: SeccompAction, matched: SeccompAction) -> Result<Self, FilterError> {
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let program: BpfProgram = SeccompFilter::new(calls, otherwise, matched, arch)?.try_into()?;
        Ok(Self(other_numbers().into_iter().chain(program).collect()))
    }

    /// Puts the filter in force on the calling thread and on what it starts. Sets no_new_privs.
    ///
    /// # Errors
    /// Fails if the kernel has no seccomp, or refuses the filter.
    pub fn confine_thread(&self) -> Result<(), FilterError> {
        Ok(seccompiler::apply_filter(&self.0)?)
    }

    /// Puts the filter in force on all threads of this process. Sets no_new_privs on all.
    ///
    /// # Errors
    /// As [`CallFilter::confine_thread`], or if a thread has a filter of its own.
    pub fn confine_process(&self) -> Result<(), FilterError> {
        Ok(seccompiler::apply_filter_all_threads(&self.0)?)
    }
}

fn refuse() -> SeccompAction {
    SeccompAction::Errno(libc::EPERM.cast_unsigned())
}

/// Returns instructions that refuse the second set of numbers that x86-64 has for its system calls (x32), which
/// a list of numbers would not know: `__X32_SYSCALL_BIT`, arch/x86/include/uapi/asm/unistd.h.
fn other_numbers() -> Vec<sock_filter> {
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    const LOAD_NUMBER: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS; `nr` is first in `struct seccomp_data`
    const AT_LEAST: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const X32: u32 = 0x4000_0000;
    let refused = u32::from(refuse());
    vec![
        sock_filter { code: LOAD_NUMBER, jt: 0, jf: 0, k: 0 },
        sock_filter { code: AT_LEAST, jt: 0, jf: 1, k: X32 },
        sock_filter { code: RETURN, jt: 0, jf: 0, k: refused },
    ]
}

/// Returns rules that match always, for each of the numbers.
fn always(numbers: &[c_long]) -> Calls {
    numbers.iter().map(|&number| (number, Vec::new())).collect()
}

#[cfg(test)]
mod tests;
