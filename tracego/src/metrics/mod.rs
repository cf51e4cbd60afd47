//! Metrics and health of the agent, served as `/metrics`, `/livez` and `/readyz`.
//!
//! No number is counted twice: each part keeps the numbers that it has anyway and copies them to the
//! [`Board`] at most twice a second, so metrics cost the data path nothing.
//!
//! ```text
//! board     newest numbers of all threads
//! tally     counts of the pipeline beside the ledger: latency, findings, missing fields, losses by job
//! families  board → metrics and their names, in the format of Prometheus or of OTLP
//! otlp      push of the families to a collector, every minute
//! health    board → liveness and readiness, with reasons
//! status    board → one line for systemd
//! server    thread that answers requests; socket: its listening socket
//! ```

mod board;
mod families;
mod health;
pub mod otlp;
pub(crate) mod server;
mod socket;
mod status;
pub mod tally;

pub use board::{Board, StageNumbers};

use crate::cli::ListenAddress;

/// The settings of metrics.
#[derive(Clone, Debug, Default)]
pub struct MetricsOptions {
    /// Address to serve metrics on; not served without one.
    pub listen: Option<ListenAddress>,
    /// SHA-256 of the configuration file, in hexadecimal.
    pub config: Option<String>,
    /// Settings of the push to an OpenTelemetry collector, if it is on.
    pub push: Option<otlp::PushSettings>,
}
