//! The agent: runs kernel side, reader thread and pipeline, and stops them in the order of the data.
//!
//! ```text
//! clock_steps  moments when the wall clock is set
//! confinement  rights that the agent keeps once its programs are attached
//! memory       memory of the start, which goes back to the operating system
//! pods         watch of this node's pods
//! settings     settings of a run, and those that can change during it
//! start        start of all parts
//! run          a run in progress: counters, heartbeats, reload and stop
//! ```

mod clock_steps;
mod confinement;
mod memory;
mod pods;
mod run;
mod settings;
mod start;

pub use pods::PodWatchOptions;
pub use run::Agent;
pub use settings::AgentOptions;
pub(crate) use settings::ReloadSettings;
pub use start::start;
