//! Open processes: those that run.

use tracego_model::clock::Time;

use crate::traces::{
    id::{JobId, ProcessId},
    span::Running,
};

/// Running process of a job.
#[derive(Debug)]
pub(super) enum Open {
    Span(Box<Running>),
    /// Compiler: the go command that it is counted on, its place there, and its start time.
    Folded {
        id: ProcessId,
        job: JobId,
        command: ProcessId,
        place: usize,
        began: Time,
    },
}

impl Open {
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
