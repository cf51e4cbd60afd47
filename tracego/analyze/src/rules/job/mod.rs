//! Rules about the job that a process belongs to.

pub mod commit;
pub mod identity;
pub(super) mod repository;
pub mod shared_state;
pub mod tracked_job;
