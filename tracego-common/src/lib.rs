//! The interface between the kernel side and the agent: integers and arrays of integers only.
//!
//! Both sides compile this crate, so their layouts cannot differ. Each enum is read from an integer by one
//! function ([`RecordKind::from_raw`], [`Loss::from_raw`]).
#![no_std]

pub mod flags;
pub mod handover;
pub mod limits;
pub mod loss;
pub mod offsets;
pub mod record;
pub mod settings;
pub mod verdict;

pub use loss::Loss;
pub use offsets::Offsets;
pub use record::{
    ArgvChunk, ExecFixed, ExitRecord, FailedFixed, ForkRecord, Header, RecordKind, Span, TaskId,
};
pub use settings::{Settings, TaskCtx};
