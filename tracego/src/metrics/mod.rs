//! Metrics and health of the agent, served as `/metrics`, `/livez` and `/readyz`.
//!
//! No number is counted twice: each part keeps the numbers that it has anyway and copies them to the
//! [`Board`] at most twice a second, so metrics cost the data path nothing.
//!
//! ```text
//! pulse   last sign of life of a thread
//! tally   counts of the pipeline beside the ledger: latency, findings, missing fields
//! board   newest copies, from all threads
//! collect board → metrics and their names; families writes them in the format of Prometheus
//! kernel  metrics of the kernel side and the ledger; sinks, spans, enforcement: of those parts
//! otlp    push of the same metrics to a collector, every minute
//! process the agent's own memory and CPU
//! health  board → liveness and readiness, with reasons
//! socket  socket of the listening address
//! server  thread that answers requests
//! ```

pub mod board;
mod collect;
mod enforcement;
mod families;
pub mod health;
pub mod jobs;
mod kernel;
pub mod latency;
pub mod otlp;
mod process;
pub mod server;
mod sinks;
mod socket;
mod spans;
pub mod tally;

pub use board::{Board, Stages};

use crate::cli::ListenAddress;

/// The settings of metrics.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Address to serve metrics on; not served without one.
    pub listen: Option<ListenAddress>,
    /// SHA-256 of the configuration file, in hexadecimal.
    pub config: Option<String>,
    /// Settings of the push to an OpenTelemetry collector, if it is on.
    pub push: Option<otlp::Settings>,
}
