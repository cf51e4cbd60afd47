//! The programs, by the place in the kernel that each is attached to.

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Btf, Ebpf,
    programs::{
        BtfTracePoint, Lsm, Program, ProgramError, ProgramInfo, TracePoint,
        links::{FdLink, LinkError},
    },
};

use super::load::{LoadError, account};

/// Where a program is attached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// `tp_btf/NAME`.
    Tracepoint(&'static str),
    /// `tracepoint/syscalls/NAME`: taxes every system call.
    Syscall(&'static str),
    /// `lsm/NAME`.
    Lsm(&'static str),
}

/// A program and its place.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Its place.
    pub place: Place,
}

const fn hook(program: &'static str, place: Place) -> Hook {
    Hook { program, place }
}

/// Always attached: the process table needs all three, whatever is written. Forks come first, so that
/// no child of a program start that is seen goes unnoticed.
pub const ALWAYS: [Hook; 3] = [
    hook("process_fork", Place::Tracepoint("sched_process_fork")),
    hook("process_exit", Place::Tracepoint("sched_process_exit")),
    hook("process_exec", Place::Tracepoint("sched_process_exec")),
];

/// Attached on request: failed attempts.
pub const FAILED: [Hook; 2] = [
    hook("execve_failed", Place::Syscall("sys_exit_execve")),
    hook("execveat_failed", Place::Syscall("sys_exit_execveat")),
];

/// Attached where rules are decided in the kernel; behind [`ALWAYS`], whose program start sees new jobs first.
pub const VERDICT: Hook = hook("exec_verdict", Place::Tracepoint("sched_process_exec"));

/// Attached where execve is to fail.
pub const DENIED: Hook = hook("exec_denied", Place::Lsm("bprm_check_security"));

/// Attached for a moment by `tracego doctor`.
pub const PROBES: [Hook; 1] = [hook("lsm_probe", Place::Lsm("bprm_check_security"))];

/// Every program of the object.
pub fn all() -> impl Iterator<Item = Hook> {
    ALWAYS.into_iter().chain(FAILED).chain(PROBES).chain([VERDICT, DENIED])
}

impl Hook {
    /// Has the verifier accept the program, and attaches it.
    ///
    /// # Errors
    /// When the object lacks it or the kernel refuses it.
    pub fn attach(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.try_attach(program, btf)
            .map_err(|source| LoadError::Program { program: self.program, source: Box::new(source) })
    }

    fn try_attach(&self, program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
        match self.place {
            Place::Tracepoint(name) => {
                let program: &mut BtfTracePoint = program.try_into()?;
                program.load(name, btf)?;
                program.attach().map(drop)
            }
            Place::Syscall(name) => {
                let program: &mut TracePoint = program.try_into()?;
                program.load()?;
                program.attach("syscalls", name).map(drop)
            }
            Place::Lsm(name) => {
                let program: &mut Lsm = program.try_into()?;
                program.load(name, btf)?;
                program.attach().map(drop)
            }
        }
    }

    /// As [`Self::attach`]; the program stays attached as long as the link does.
    ///
    /// # Errors
    /// As there.
    pub fn attach_link(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<FdLink, LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.try_attach_link(program, btf)
            .map_err(|source| LoadError::Program { program: self.program, source: Box::new(source) })
    }

    fn try_attach_link(&self, program: &mut Program, btf: &Btf) -> Result<FdLink, ProgramError> {
        match self.place {
            Place::Tracepoint(name) => {
                let program: &mut BtfTracePoint = program.try_into()?;
                program.load(name, btf)?;
                let id = program.attach()?;
                program.take_link(id).map(FdLink::from)
            }
            Place::Syscall(name) => {
                let program: &mut TracePoint = program.try_into()?;
                program.load()?;
                let id = program.attach("syscalls", name)?;
                let refused = |_: LinkError| ProgramError::UnexpectedProgramType;
                program.take_link(id)?.try_into().map_err(refused)
            }
            // Attached for a moment alone.
            Place::Lsm(_) => Err(ProgramError::UnexpectedProgramType),
        }
    }

    /// How often the kernel skipped a program that is pinned there.
    #[must_use]
    pub fn misses(&self, pin: &Path) -> Option<u64> {
        let info = match self.place {
            Place::Tracepoint(_) => account("", BtfTracePoint::from_pin(pin).ok()?.fd().ok()?.as_fd()),
            Place::Syscall(_) => account("", TracePoint::from_pin(pin).ok()?.fd().ok()?.as_fd()),
            Place::Lsm(_) => None,
        };
        info.map(|(misses, _)| misses)
    }

    /// What the kernel says about the loaded program.
    #[must_use]
    pub fn info(&self, ebpf: &Ebpf) -> Option<ProgramInfo> {
        ebpf.program(self.program)?.info().ok()
    }
}

/// Detaches and unloads a program; nothing when it was not loaded.
///
/// # Errors
/// When the kernel refuses.
pub fn detach(name: &str, program: &mut Program) -> Result<(), LoadError> {
    let done = match program {
        Program::BtfTracePoint(program) if program.fd().is_ok() => program.unload(),
        Program::TracePoint(program) if program.fd().is_ok() => program.unload(),
        Program::Lsm(program) if program.fd().is_ok() => program.unload(),
        _ => Ok(()),
    };
    done.map_err(|source| LoadError::Detach { program: name.to_owned(), source: Box::new(source) })
}
