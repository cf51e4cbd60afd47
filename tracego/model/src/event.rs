//! Decoded events of the kernel side, borrowed from the raw bytes so that nothing is copied twice.

pub mod decode;
pub mod pieces;

use std::borrow::Cow;

use tracego_common::{
    TaskId,
    event::{ArgvChunk, ExecFailedFixed, ExecFixed, ExitEvent, ForkEvent},
    limits::ENV_VAR_MAX,
    verdict::Verdict,
};

/// One decoded event.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A program was executed.
    Exec(Box<Exec<'a>>),
    /// A process ended.
    Exit(ExitEvent),
    /// A process was forked.
    Fork(ForkEvent),
    /// An exec that failed.
    Failed(FailedExec<'a>),
    /// A part of the arguments of an exec event that follows.
    Chunk(ArgvPart<'a>),
    /// A decision of the kernel side about a program start.
    Verdict(Box<Verdict>),
}

impl Event<'_> {
    /// Returns the process that the event is about.
    #[must_use]
    pub fn id(&self) -> TaskId {
        match self {
            Self::Exec(exec) => exec.fixed.header.id,
            Self::Exit(exit) => exit.header.id,
            Self::Fork(fork) => fork.header.id,
            Self::Failed(failed) => failed.fixed.header.id,
            Self::Chunk(chunk) => chunk.fixed.header.id,
            Self::Verdict(verdict) => verdict.header.id,
        }
    }

    /// Returns the time of the event, in nanoseconds since boot.
    #[must_use]
    pub fn boot_ns(&self) -> u64 {
        match self {
            Self::Exec(exec) => exec.fixed.header.boot_ns,
            Self::Exit(exit) => exit.header.boot_ns,
            Self::Fork(fork) => fork.header.boot_ns,
            Self::Failed(failed) => failed.fixed.header.boot_ns,
            Self::Chunk(chunk) => chunk.fixed.header.boot_ns,
            Self::Verdict(verdict) => verdict.header.boot_ns,
        }
    }

    /// Returns the flags: the completeness of the event, and facts about the process; see
    /// [`tracego_common::flags`].
    #[must_use]
    pub fn flags(&self) -> u64 {
        match self {
            Self::Exec(exec) => exec.fixed.header.flags,
            Self::Exit(exit) => exit.header.flags,
            Self::Fork(fork) => fork.header.flags,
            Self::Failed(failed) => failed.fixed.header.flags,
            Self::Chunk(chunk) => chunk.fixed.header.flags,
            Self::Verdict(verdict) => verdict.header.flags,
        }
    }
}

/// An exec: the fixed part, and the data that its spans point to. Texts are bytes, since the kernel promises
/// no encoding.
#[derive(Clone, Debug)]
pub struct Exec<'a> {
    /// The fixed part as the kernel side wrote it.
    pub fixed: ExecFixed,
    /// Path of the executable.
    pub exe: Vec<u8>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// Path of the cgroup.
    pub cgroup: Vec<u8>,
    /// The path that the caller passed to exec.
    pub filename: &'a [u8],
    /// The interpreter; equal to `filename` where there is none.
    pub interp: &'a [u8],
    /// Arguments, each ended by a NUL; see [`Self::args`].
    pub argv: Cow<'a, [u8]>,
    /// Allow-listed environment variables, each ended by a NUL; see [`Self::variables`].
    pub env: &'a [u8],
}

impl Exec<'_> {
    /// Returns the arguments. An empty last one counts, and so does one whose end was cut off.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> + Clone {
        strings(&self.argv)
    }

    /// Returns the allow-listed variables as name and value. For a repeated name, the first value counts, as
    /// in getenv(3).
    pub fn variables(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        strings(self.env).filter_map(|entry| {
            let at = entry.iter().position(|&b| b == b'=')?;
            Some((&entry[..at], &entry[at + 1..]))
        })
    }
}

/// A copy of an exec that does not borrow from its batch.
#[derive(Clone, Debug)]
pub struct ExecCopy {
    fixed: ExecFixed,
    exe: Vec<u8>,
    cwd: Vec<u8>,
    cgroup: Vec<u8>,
    filename: Vec<u8>,
    interp: Vec<u8>,
    argv: Vec<u8>,
    env: Vec<u8>,
}

impl From<&Exec<'_>> for ExecCopy {
    fn from(exec: &Exec<'_>) -> Self {
        Self {
            fixed: exec.fixed,
            exe: exec.exe.clone(),
            cwd: exec.cwd.clone(),
            cgroup: exec.cgroup.clone(),
            filename: exec.filename.to_vec(),
            interp: exec.interp.to_vec(),
            argv: exec.argv.to_vec(),
            env: exec.env.to_vec(),
        }
    }
}

impl ExecCopy {
    /// Returns the number of bytes of the copy.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Self { fixed: _, exe, cwd, cgroup, filename, interp, argv, env } = self;
        let parts = [exe, cwd, cgroup, filename, interp, argv, env];
        size_of::<Self>() + parts.iter().map(|part| part.len()).sum::<usize>()
    }

    /// Returns the exec.
    #[must_use]
    pub fn exec(&self) -> Exec<'_> {
        Exec {
            fixed: self.fixed,
            exe: self.exe.clone(),
            cwd: self.cwd.clone(),
            cgroup: self.cgroup.clone(),
            filename: &self.filename,
            interp: &self.interp,
            argv: Cow::Borrowed(&self.argv),
            env: &self.env,
        }
    }
}

/// Returns whether the kernel side may have cut a variable, which is then unknown.
#[must_use]
pub fn is_cut(name: &[u8], value: &[u8]) -> bool {
    name.len() + "=".len() + value.len() + "\0".len() >= ENV_VAR_MAX as usize
}

/// A failed exec.
#[derive(Clone, Debug)]
pub struct FailedExec<'a> {
    /// The fixed part as the kernel side wrote it.
    pub fixed: ExecFailedFixed,
    /// The path that the caller passed to exec.
    pub filename: &'a [u8],
    /// The first arguments, each ended by a NUL.
    pub argv: &'a [u8],
}

impl FailedExec<'_> {
    /// Returns the first arguments.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> + Clone {
        strings(self.argv)
    }
}

/// A part of the arguments of a process.
#[derive(Clone, Debug)]
pub struct ArgvPart<'a> {
    /// The fixed part as the kernel side wrote it.
    pub fixed: ArgvChunk,
    /// The bytes of the part.
    pub bytes: &'a [u8],
}

/// Splits NUL-terminated strings. An empty last one counts, and so does one whose NUL was cut off.
pub(crate) fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let empty = bytes.is_empty();
    bytes.strip_suffix(&[0]).unwrap_or(bytes).split(|&b| b == 0).filter(move |_| !empty)
}
