//! The programs, and the places in the kernel to which they are attached.

use std::{
    collections::HashMap,
    io,
    os::fd::AsFd as _,
    path::Path,
    thread::{self, ScopedJoinHandle},
};

use aya::{
    Btf, Ebpf,
    maps::ProgramArray,
    programs::{
        BtfTracePoint, Lsm, Program, ProgramError, ProgramInfo, TracePoint,
        links::{FdLink, LinkError},
    },
};

use super::{account, maps};
use crate::{error::LoadError, helpers::Helper};

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

/// The function by which 32-bit callers execute programs; kernels without CONFIG_IA32_EMULATION (x86-64) or
/// CONFIG_COMPAT (arm64) lack it.
pub const CALLS_32: &str =
    if cfg!(target_arch = "aarch64") { "__arm64_compat_sys_execve" } else { "__ia32_compat_sys_execve" };

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
    /// Returns the helpers that this program needs beside those of the others.
    #[must_use]
    pub fn helpers(&self) -> &'static [Helper] {
        let is = |hook: &Hook| hook.program == self.program;
        if FAILED.iter().any(is) || is(&FAILED_32) || is(&DENIED) {
            &[Helper::CurrentTaskBtf, Helper::TaskPtRegs]
        } else {
            &[]
        }
    }

    /// Loads the program, which includes the verifier.
    ///
    /// # Errors
    /// Fails if the object lacks the program or the kernel refuses it.
    pub fn load(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.load_program(program, btf)
    }

    fn load_program(&self, program: &mut Program, btf: &Btf) -> Result<(), LoadError> {
        for _ in 1..ATTEMPTS {
            match self.try_load(program, btf) {
                Err(error) if is_interrupted(&error) => {}
                done => return done.map_err(|source| self.refused(source)),
            }
        }
        self.try_load(program, btf).map_err(|source| self.refused(source))
    }

    fn try_load(&self, program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
        match self.place {
            AttachPoint::Tracepoint(name) => <&mut BtfTracePoint>::try_from(program)?.load(name, btf),
            AttachPoint::Syscall(_) => <&mut TracePoint>::try_from(program)?.load(),
            AttachPoint::Lsm(name) => <&mut Lsm>::try_from(program)?.load(name, btf),
        }
    }

    fn refused(&self, source: ProgramError) -> LoadError {
        LoadError::Program { program: self.program, source: Box::new(source) }
    }

    /// Attaches the loaded program.
    ///
    /// # Errors
    /// Fails if the object lacks the program or the kernel refuses it.
    pub fn attach(&self, ebpf: &mut Ebpf) -> Result<(), LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.try_attach(program).map_err(|source| self.refused(source))
    }

    fn try_attach(&self, program: &mut Program) -> Result<(), ProgramError> {
        match self.place {
            AttachPoint::Tracepoint(_) => <&mut BtfTracePoint>::try_from(program)?.attach().map(drop),
            AttachPoint::Syscall(name) => {
                <&mut TracePoint>::try_from(program)?.attach("syscalls", name).map(drop)
            }
            AttachPoint::Lsm(_) => <&mut Lsm>::try_from(program)?.attach().map(drop),
        }
    }

    /// Has the exec program call the loaded program from now on, as long as this process lives.
    ///
    /// # Errors
    /// Fails like [`Self::attach`], and for programs of another kind than the exec program.
    pub fn call(&self, ebpf: &mut Ebpf) -> Result<(), LoadError> {
        const MAP: &str = "DECIDES";
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        let program: &mut BtfTracePoint = program.try_into().map_err(|source| self.refused(source))?;
        let fd = program.fd().map_err(|source| self.refused(source))?.try_clone();
        let fd = fd.map_err(|source| self.refused(ProgramError::IOError(source)))?;
        let mut called: ProgramArray<_> = maps::write(ebpf, MAP)?;
        called.set(0, &fd, 0).map_err(|error| LoadError::Map(MAP, error))
    }

    /// Attaches the program like [`Self::attach`]. The program stays attached as long as the link exists.
    ///
    /// # Errors
    /// Fails like [`Self::attach`], and for LSM hooks.
    pub fn attach_link(&self, ebpf: &mut Ebpf) -> Result<FdLink, LoadError> {
        let program = ebpf.program_mut(self.program).ok_or(LoadError::Lacks(self.program))?;
        self.try_attach_link(program).map_err(|source| self.refused(source))
    }

    fn try_attach_link(&self, program: &mut Program) -> Result<FdLink, ProgramError> {
        match self.place {
            AttachPoint::Tracepoint(_) => {
                let program: &mut BtfTracePoint = program.try_into()?;
                let id = program.attach()?;
                program.take_link(id).map(FdLink::from)
            }
            AttachPoint::Syscall(name) => {
                let program: &mut TracePoint = program.try_into()?;
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

/// Number of attempts to load a program, as in libbpf: the verifier gives up with EAGAIN when a signal comes
/// (`do_check` in kernel/bpf/verifier.c).
const ATTEMPTS: u32 = 5;

/// Whether a signal came while the verifier worked.
fn is_interrupted(error: &ProgramError) -> bool {
    matches!(error, ProgramError::LoadError { io_error, .. } if io_error.kind() == io::ErrorKind::WouldBlock)
}

/// Loads programs at the same time, each in a thread of its own: the verifier takes most of the start, and it works on
/// several programs at once. Returns the results in the order of the hooks.
pub(crate) fn load_all(ebpf: &mut Ebpf, hooks: &[Hook], btf: &Btf) -> Vec<Result<(), LoadError>> {
    let mut programs: HashMap<&str, &mut Program> = ebpf.programs_mut().collect();
    let tasks: Vec<_> = hooks.iter().map(|&hook| (hook, programs.remove(hook.program))).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = tasks
            .into_iter()
            .map(|(hook, program)| {
                let program = program.ok_or(LoadError::Lacks(hook.program))?;
                let thread = thread::Builder::new().name("tracego-load".to_owned());
                thread.spawn_scoped(scope, move || hook.load_program(program, btf)).map_err(LoadError::Thread)
            })
            .collect();
        let join = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or(Err(LoadError::Panicked));
        threads.into_iter().map(|thread| thread.and_then(join)).collect()
    })
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
