//! Record → bytes → whoever reads them.
//!
//! The direct output writes on the pipeline's own thread: what a piece of input yields is with the
//! operating system before the next piece. Every other sink has a thread of its own behind a queue:
//!
//! ```text
//! pipeline │ filter → encode → chunk ──channel──▶ worker │ queue (spool) → batch → transport → ack
//! ```
//!
//! A sink that is slow or dead fills its own queue and nothing else; only one that is told to block
//! (`on-full = "block"`) holds the pipeline, and then the ring, when its queue is full.

mod any;
mod backoff;
mod blocking;
pub mod change;
mod dead_letters;
pub mod deliver;
mod direct;
mod encode;
pub mod feed;
pub mod file;
pub mod filter;
mod halve;
mod held;
pub mod journald;
pub mod json;
mod opening;
pub mod otlp;
pub mod outputs;
pub mod settings;
mod settle;
pub mod start;
pub mod status;
pub mod stdout;
mod suspicion;
pub mod syslog;
pub mod text;
mod transport;
pub mod webhook;
mod worker;

#[cfg(test)]
mod tests;

pub use direct::{Flushed, Format, Sink};
