//! What a record says once it is decoded.

use tracego_common::{
    TaskId,
    record::{ExecFixed, ExitRecord, ForkRecord},
};

/// One decoded record.
#[derive(Clone, Debug)]
pub enum Event {
    /// A program was started.
    Exec(Box<Exec>),
    /// A process ended.
    Exit(ExitRecord),
    /// A process was made.
    Fork(ForkRecord),
}

impl Event {
    /// The process.
    #[must_use]
    pub fn id(&self) -> TaskId {
        match self {
            Self::Exec(exec) => exec.fixed.header.id,
            Self::Exit(exit) => exit.header.id,
            Self::Fork(fork) => fork.header.id,
        }
    }
}

/// A program start: the fixed part and what its spans point to. Texts are bytes: the kernel
/// promises no encoding.
#[derive(Clone, Debug)]
pub struct Exec {
    /// As the kernel side wrote it.
    pub fixed: ExecFixed,
    /// Path of the executable.
    pub exe: Vec<u8>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// cgroup path.
    pub cgroup: Vec<u8>,
    /// What the caller passed.
    pub filename: Vec<u8>,
    /// The interpreter, or `filename` again.
    pub interp: Vec<u8>,
    /// Arguments.
    pub argv: Vec<Vec<u8>>,
    /// Allowed variables, name and value.
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
}
