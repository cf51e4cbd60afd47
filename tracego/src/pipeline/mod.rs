//! The pipeline: the way of an input to records, outputs and counts, on a thread of its own.
//!
//! ```text
//! children             processes that the agent itself started
//! consumer             what takes input: the pipeline, or the writer of a capture
//! stages               the pipeline: decode → enrich → judge → redact → write; owns the process table
//! stages::inputs       the pipeline as the consumer of its input
//! backlog              records that are judged and not yet redacted and written
//! held_starts          starts that wait for their exit, so that one record has both
//! capture_stage        the writer of a capture, with the verdicts about executables
//! judgement            stages that judge a start: rules, policies, and enforcement after the start
//! pending_executables  starts whose record leaves the digest of their executable or the verdict about it open
//! losses               records about losses, and the losses of the kernel side that were reported so far
//! agent_status         the state of the agent, as heartbeats report it
//! writer               writing of records to the outputs, with their seals and counts
//! reload               settings that change between two inputs
//! thread               the pipeline's thread
//! ```

mod agent_status;
mod backlog;
mod capture_stage;
mod children;
mod consumer;
mod held_starts;
mod judgement;
mod losses;
mod pending_executables;
mod reload;
mod stages;
mod thread;
mod writer;

pub(crate) use capture_stage::CaptureStage;
pub use children::AgentChildren;
pub use consumer::Consumer;
pub(crate) use judgement::DecisionCallback;
pub use reload::{PipelineChange, PolicyChange, Reload};
pub use stages::Pipeline;
pub(crate) use thread::PipelineThread;
pub use thread::RunReport;
