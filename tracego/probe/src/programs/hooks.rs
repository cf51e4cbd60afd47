//! The programs, and the places in the kernel to which they are attached.

use std::{os::fd::AsFd as _, path::Path};

use aya::{
    Btf, Ebpf,
    maps::ProgramArray,
    programs::{
        BtfTracePoint, Lsm, Program, ProgramError, ProgramInfo, TracePoint,
        links::{FdLink, LinkError},
    },
};

use super::{account, maps};
use crate::error::LoadError;

/// The place in the kernel to which a program is attached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AttachPoint {
    /// A BTF tracepoint: `tp_btf/NAME`.
    Tracepoint(&'static str),
    /// A system call tracepoint: `tracepoint/syscalls/NAME`. Slows down every system call.
    Syscall(&'static str),
    /// A hook of the security modules: `lsm/NAME`.
    Lsm(&'static str),
}

/// A program and its place.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Name of the program in the object.
    pub program: &'static str,
    /// Attach point of the program.
    pub place: AttachPoint,
}

const fn hook(program: &'static str, place: AttachPoint) -> Hook {
    Hook { program, place }
}

/// Programs that are always attached: the process table needs all three, whatever is recorded. Forks come
/// first, so that the children of every recorded exec are seen.
pub const ALWAYS: [Hook; 3] = [
    hook("process_fork", AttachPoint::Tracepoint("sched_process_fork")),
    hook("process_exit", AttachPoint::Tracepoint("sched_process_exit")),
    hook("process_exec", AttachPoint::Tracepoint("sched_process_exec")),
];

/// Programs attached on request, for failed attempts.
pub const FAILED: [Hook; 2] = [
    hook("execve_failed", AttachPoint::Syscall("sys_exit_execve")),
    hook("execveat_failed", AttachPoint::Syscall("sys_exit_execveat")),
];

/// The program attached on request for failed attempts of 32-bit callers, whose system calls have no tracepoint
/// of their own. Needed only where [`CALLS_32`] exists.
pub const FAILED_32: Hook = hook("exec_failed_32", AttachPoint::Tracepoint("sys_exit"));

/// The function by which 32-bit callers execute programs; kernels without CONFIG_IA32_EMULATION lack it.
pub const CALLS_32: &str = "__ia32_compat_sys_execve";

/// The program that evaluates rules in the kernel. It is not attached: the exec program of [`ALWAYS`] calls it
/// when it has seen to new jobs, see [`Hook::call`].
pub const VERDICT: Hook = hook("exec_verdict", AttachPoint::Tracepoint("sched_process_exec"));

/// The program that makes execve fail.
pub const DENIED: Hook = hook("exec_denied", AttachPoint::Lsm("bprm_check_security"));

/// Programs attached for a moment by `tracego doctor`.
pub const PROBES: [Hook; 1] = [hook("lsm_probe", AttachPoint::Lsm("bprm_check_security"))];

/// Returns every program of the object.
pub fn all() -> impl Iterator<Item = Hook> {
    ALWAYS.into_iter().chain(FAILED).chain([FAILED_32]).chain(PROBES).chain([VERDICT, DENIED])
}

impl Hook {
    /// Loads the program, which includes the verifier, and attaches it.
    ///
    /// # Errors
    /// Fails if the object lacks the program or the kernel refuses it.
    pub fn attach(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.try_attach(program, btf)
            .map_err(|source| LoadError::Program { program: self.program, source: Box::new(source) })
    }

    fn try_attach(&self, program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
        match self.place {
            AttachPoint::Tracepoint(name) => {
                let program: &mut BtfTracePoint = program.try_into()?;
                program.load(name, btf)?;
                program.attach().map(drop)
            }
            AttachPoint::Syscall(name) => {
                let program: &mut TracePoint = program.try_into()?;
                program.load()?;
                program.attach("syscalls", name).map(drop)
            }
            AttachPoint::Lsm(name) => {
                let program: &mut Lsm = program.try_into()?;
                program.load(name, btf)?;
                program.attach().map(drop)
            }
        }
    }

    /// Loads the program and has the exec program call it from now on, as long as this process lives.
    ///
    /// # Errors
    /// Fails like [`Self::attach`], and for programs of another kind than the exec program.
    pub fn call(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        const MAP: &str = "DECIDES";
        let refused = |source| LoadError::Program { program: self.program, source: Box::new(source) };
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        let AttachPoint::Tracepoint(name) = self.place else {
            return Err(refused(ProgramError::UnexpectedProgramType));
        };
        let program: &mut BtfTracePoint = program.try_into().map_err(refused)?;
        program.load(name, btf).map_err(refused)?;
        let fd = program.fd().map_err(refused)?.try_clone();
        let fd = fd.map_err(|source| refused(ProgramError::IOError(source)))?;
        let mut called: ProgramArray<_> = maps::write(ebpf, MAP)?;
        called.set(0, &fd, 0).map_err(|error| LoadError::Map(MAP, error))
    }

    /// Attaches the program like [`Self::attach`]. The program stays attached as long as the link exists.
    ///
    /// # Errors
    /// Fails like [`Self::attach`], and for LSM hooks.
    pub fn attach_link(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<FdLink, LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.try_attach_link(program, btf)
            .map_err(|source| LoadError::Program { program: self.program, source: Box::new(source) })
    }

    fn try_attach_link(&self, program: &mut Program, btf: &Btf) -> Result<FdLink, ProgramError> {
        match self.place {
            AttachPoint::Tracepoint(name) => {
                let program: &mut BtfTracePoint = program.try_into()?;
                program.load(name, btf)?;
                let id = program.attach()?;
                program.take_link(id).map(FdLink::from)
            }
            AttachPoint::Syscall(name) => {
                let program: &mut TracePoint = program.try_into()?;
                program.load()?;
                let id = program.attach("syscalls", name)?;
                let refused = |_: LinkError| ProgramError::UnexpectedProgramType;
                program.take_link(id)?.try_into().map_err(refused)
            }
            // Programs of LSM hooks are never pinned.
            AttachPoint::Lsm(_) => Err(ProgramError::UnexpectedProgramType),
        }
    }

    /// Returns how often the kernel skipped the program with a given pin.
    #[must_use]
    pub fn misses(&self, pin: &Path) -> Option<u64> {
        let info = match self.place {
            AttachPoint::Tracepoint(_) => account("", BtfTracePoint::from_pin(pin).ok()?.fd().ok()?.as_fd()),
            AttachPoint::Syscall(_) => account("", TracePoint::from_pin(pin).ok()?.fd().ok()?.as_fd()),
            AttachPoint::Lsm(_) => None,
        };
        info.map(|(misses, _)| misses)
    }

    /// Returns the kernel's information about the loaded program.
    #[must_use]
    pub fn info(&self, ebpf: &Ebpf) -> Option<ProgramInfo> {
        ebpf.program(self.program)?.info().ok()
    }
}

/// Detaches and unloads a program. Does nothing if it was not loaded.
///
/// # Errors
/// Fails if the kernel refuses.
pub fn detach(name: &str, program: &mut Program) -> Result<(), LoadError> {
    let done = match program {
        Program::BtfTracePoint(program) if program.fd().is_ok() => program.unload(),
        Program::TracePoint(program) if program.fd().is_ok() => program.unload(),
        Program::Lsm(program) if program.fd().is_ok() => program.unload(),
        _ => Ok(()),
    };
    done.map_err(|source| LoadError::Detach { program: name.to_owned(), source: Box::new(source) })
}
