//! The state of what runs now, from records in the order in which they are written.
//!
//! ```text
//! rate           program starts by second
//! activity       starts and living processes of jobs and programs, in tables of bounded size
//! process_table  processes that run
//! finding        the latest findings and decisions
//! job            facts about jobs
//! host           machines, and the runs of tracego on them
//! state          all of it, line by line
//! verdicts       findings and decisions of a line
//! ```
//!
//! A history keeps what a job did, and is made when all records are there. This is the opposite: it forgets processes when
//! they end, can be read between any two lines, and its size has a bound.

mod activity;
mod finding;
mod host;
mod job;
mod process_table;
mod rate;
mod state;
#[cfg(test)]
mod tests;
mod verdicts;

pub use activity::{Activity, ActivityRow, ActivityTable};
pub use finding::{FindingCounts, FindingGrade, LatestFindings, LiveFinding};
pub use host::{HostTable, LiveHost};
pub use job::JobFacts;
pub use process_table::{LiveProcess, ProcessTable, TreeLine};
pub use rate::StartRate;
pub use state::{LiveLimits, LiveState};
