//! Processes of earlier runs, and what is new since then.
//!
//! ```text
//! shape       arguments and paths without what differs from run to run
//! key         the identity of a process in all runs
//! file        the baseline file
//! comparison  a run held against a baseline
//! new_process TG024, the finding about a process that no earlier run had
//! ```

mod comparison;
mod file;
mod key;
mod new_process;
mod shape;

pub use comparison::{BaselineComparison, ChangedExecutable, NewProcess, OtherUser, SlowerProcess};
pub use file::{Baseline, BaselineEntry, BaselineError, RUNS_NEEDED, WallTimes};
pub use key::{KeyMaker, ProcessKey};
pub use new_process::{NEW_PROCESS, NewProcessRule};
