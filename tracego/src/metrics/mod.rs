//! What the parts of the agent say about themselves, and who may ask: `/metrics`, `/livez`, `/readyz`.
//!
//! Nobody counts twice: each part keeps the numbers that it has anyway and puts a copy of them on the
//! [`Board`] at most twice a second, so the way of the data pays nothing for being watched.
//!
//! ```text
//! pulse      when a thread was last seen at work
//! tally      what the pipeline counts beside the ledger: latency, findings, what records lack
//! board      the newest copies, from all threads
//! collect    board → metrics and their names; families writes them as Prometheus reads them
//! kernel     what of these the kernel side and the ledger count; sinks, spans, enforcement: those parts
//! otlp       the same to a collector, every minute
//! process    the agent's own memory and CPU
//! health     board → alive? ready? and why not
//! listen     an address from the command line → a socket
//! server     the thread that answers
//! ```

pub mod board;
mod collect;
mod enforcement;
mod families;
pub mod health;
pub mod jobs;
mod kernel;
pub mod latency;
pub mod listen;
pub mod otlp;
mod process;
pub mod server;
mod sinks;
mod spans;
pub mod tally;

pub use board::{Board, Stages};
pub use listen::Listen;

/// What is served and where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where; nowhere without.
    pub listen: Option<Listen>,
    /// SHA-256 of the configuration file, in hexadecimal.
    pub config: Option<String>,
    /// Where they are pushed to, too.
    pub push: Option<otlp::Settings>,
}
