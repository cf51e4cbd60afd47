//! The interface between the kernel side and the agent: integers and arrays of integers only.
//!
//! Both sides compile this crate, so their layouts cannot differ. Each enum is read from an integer by one
//! function ([`EventKind::from_raw`], [`KernelCounter::from_raw`]).
#![no_std]

pub mod counter;
pub mod env_table;
pub mod event;
pub mod flags;
pub mod handover;
pub mod limits;
pub mod offsets;
pub mod settings;
pub mod system_calls;
pub mod verdict;

pub use counter::KernelCounter;
pub use event::{
    ArgvChunk, EventHeader, EventKind, ExecFailedFixed, ExecFixed, ExitEvent, ForkEvent, Span, TaskId,
};
pub use offsets::Offsets;
pub use settings::{AgentIdentity, KernelSettings, LostOfJob, TaskContext};
pub use system_calls::SystemCalls;
