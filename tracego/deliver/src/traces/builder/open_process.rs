//! Open processes: those that run.

use tracego_model::clock::Time;

use crate::traces::{
    id::{JobId, ProcessId},
    span::RunningProcess,
};

/// Running process of a job.
#[derive(Debug)]
pub(super) enum OpenProcess {
    Span(Box<RunningProcess>),
    /// Compiler: the go command that it is counted on, its place there, and its start time.
    Folded {
        id: ProcessId,
        job: JobId,
        command: ProcessId,
        place: usize,
        began: Time,
    },
}

impl OpenProcess {
    pub(super) fn id(&self) -> ProcessId {
        match self {
            Self::Span(running) => running.id,
            Self::Folded { id, .. } => *id,
        }
    }

    pub(super) fn job(&self) -> JobId {
        match self {
            Self::Span(running) => running.job,
            Self::Folded { job, .. } => *job,
        }
    }
}
