//! What the bytes of the kernel side say once they are decoded; borrowed, nothing is copied twice.

pub mod decode;
pub mod pieces;

use std::borrow::Cow;

use tracego_common::{
    TaskId,
    record::{ArgvChunk, ExecFixed, ExitRecord, FailedFixed, ForkRecord},
    verdict::Verdict,
};

/// One decoded record.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A program was started.
    Exec(Box<Exec<'a>>),
    /// A process ended.
    Exit(ExitRecord),
    /// A process was made.
    Fork(ForkRecord),
    /// A program could not be started.
    Failed(Failed<'a>),
    /// A piece of the argv of a program start that follows.
    Chunk(Chunk<'a>),
    /// The kernel side decided about a program start.
    Verdict(Box<Verdict>),
}

impl Event<'_> {
    /// The process.
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

    /// When it happened, ns since boot.
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

    /// What the record says about its own completeness and about the process; see [`tracego_common::flags`].
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

/// A program start: the fixed part and what its spans point to. Texts are bytes: the kernel
/// promises no encoding.
#[derive(Clone, Debug)]
pub struct Exec<'a> {
    /// As the kernel side wrote it.
    pub fixed: ExecFixed,
    /// Path of the executable.
    pub exe: Vec<u8>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// cgroup path.
    pub cgroup: Vec<u8>,
    /// What the caller passed.
    pub filename: &'a [u8],
    /// The interpreter, or `filename` again.
    pub interp: &'a [u8],
    /// Arguments, each ended by a NUL; see [`Self::args`].
    pub argv: Cow<'a, [u8]>,
    /// Allowed variables, each ended by a NUL; see [`Self::variables`].
    pub env: &'a [u8],
}

impl Exec<'_> {
    /// The arguments. An empty last one counts, and so does one whose end was cut off.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> + Clone {
        strings(&self.argv)
    }

    /// The allowed variables as name and value; the first of a name wins, as in getenv(3).
    pub fn variables(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        strings(self.env).filter_map(|entry| {
            let at = entry.iter().position(|&b| b == b'=')?;
            Some((&entry[..at], &entry[at + 1..]))
        })
    }
}

/// A failed program start.
#[derive(Clone, Debug)]
pub struct Failed<'a> {
    /// As the kernel side wrote it.
    pub fixed: FailedFixed,
    /// What the caller passed.
    pub filename: &'a [u8],
    /// First arguments, each ended by a NUL.
    pub argv: &'a [u8],
}

impl Failed<'_> {
    /// The first arguments.
    pub fn args(&self) -> impl Iterator<Item = &[u8]> + Clone {
        strings(self.argv)
    }
}

/// A piece of argv.
#[derive(Clone, Debug)]
pub struct Chunk<'a> {
    /// As the kernel side wrote it.
    pub fixed: ArgvChunk,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// NUL-terminated strings; an empty last one counts, and so does one whose NUL was cut off.
pub(crate) fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let empty = bytes.is_empty();
    bytes.strip_suffix(&[0]).unwrap_or(bytes).split(|&b| b == 0).filter(move |_| !empty)
}
