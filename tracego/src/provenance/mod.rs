//! The stage that says where executables come from.
//!
//! ```text
//! stage         verdicts that are known, and starts that wait for one
//! gap           reasons why an executable was not judged
//! judge_thread  the thread that verifies: digest → verdict
//! trust         what is trusted, as a reload can change it
//! ```

mod gap;
mod judge_thread;
mod stage;
mod trust;

pub(crate) use gap::JudgementGap;
pub(crate) use stage::SettledExecutable;
pub use stage::{ProvenanceCounters, ProvenanceStage};
