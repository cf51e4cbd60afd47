//! Tries out what this kernel and this user allow: the checks of `tracego doctor`.

mod capabilities;
mod kernel;
mod programs;
mod surroundings;

use aya::programs::ProgramError;
use serde::Serialize;

use crate::{error::LoadError, requirements};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// Available.
    Ok,
    /// Unavailable, and needed only by an option that nobody has to use.
    Optional,
    /// Unavailable, and part of what tracego does without further options.
    Degraded,
    /// Unavailable, and required by tracego.
    Missing,
}

/// One check and its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorCheck {
    /// Name of the check.
    pub name: String,
    /// Outcome of the check.
    pub state: CheckState,
    /// Details of the finding.
    pub detail: String,
    /// Remediation; empty when none is needed.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub remedy: String,
}

/// A program that the verifier accepted.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptedProgram {
    /// Name of the program.
    pub name: &'static str,
    /// Number of instructions that the verifier processed (`verified_insns` of bpf_prog_info).
    pub verified_insns: u32,
    /// Size of the program in bytes after the verifier's rewriting (`xlated_prog_len`).
    pub xlated_bytes: u32,
}

/// The result of all checks.
#[derive(Clone, Debug, Serialize)]
pub struct DoctorReport {
    /// Kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Whether tracego works here: no check is [`CheckState::Missing`].
    pub works: bool,
    /// Checks, in the order of startup.
    pub checks: Vec<DoctorCheck>,
    /// Accepted programs, in the order of the hooks.
    pub programs: Vec<AcceptedProgram>,
}

/// Runs all checks. Programs are attached for a moment, with settings that make them write nothing.
#[must_use]
pub fn examine() -> DoctorReport {
    let release = requirements::release();
    let mut checks = vec![
        check("kernel", CheckState::Ok, &*release, ""),
        needed("capabilities", requirements::capabilities(), "those to load and attach"),
        needed("lockdown", requirements::lockdown(), "kernel memory may be read"),
        kernel::btf(),
        kernel::ring_buffer(),
    ];
    checks.extend(capabilities::capabilities());
    let missing = kernel::helpers(&mut checks);
    let programs = programs::programs(&mut checks, &missing);
    checks.push(programs::enforcement());
    let tracefs = requirements::tracefs();
    checks.push(DoctorCheck { state: degraded(&tracefs), ..needed("tracefs", tracefs, "mounted") });
    let around = [
        surroundings::jit(),
        surroundings::cgroup(),
        surroundings::pid_namespace(),
        surroundings::host_files(),
    ];
    checks.extend(around);
    let works = checks.iter().all(|check| check.state != CheckState::Missing);
    DoctorReport { kernel: release, works, checks, programs }
}

fn check(name: &str, state: CheckState, detail: impl Into<String>, remedy: &str) -> DoctorCheck {
    DoctorCheck { name: name.to_owned(), state, detail: detail.into(), remedy: remedy.to_owned() }
}

/// Converts a [`LoadError`], which names the problem and the remediation, to a check.
fn needed(name: &str, found: Result<(), LoadError>, detail: &str) -> DoctorCheck {
    match found {
        Ok(()) => check(name, CheckState::Ok, detail, ""),
        Err(error) => check(name, CheckState::Missing, chain(&error), ""),
    }
}

fn degraded<T, E>(found: &Result<T, E>) -> CheckState {
    if found.is_ok() { CheckState::Ok } else { CheckState::Degraded }
}

/// Returns the error and its cause. The verifier's log appears only with `TRACEGO_LOG=debug`.
fn chain(error: &LoadError) -> String {
    if let LoadError::Program { program, source } = error
        && let ProgramError::LoadError { verifier_log, .. } = &**source
    {
        tracing::debug!(program, %verifier_log, "the verifier refused a program");
    }
    error.reason()
}
