//! Delivery of records: encoding, queueing, and sending to receivers.
//!
//! The direct output writes on the pipeline's own thread: all records of one input are with the operating
//! system before the next input is handled. Every other sink has a thread of its own behind a queue:
//!
//! ```text
//! pipeline │ filter → encode → chunk ──channel──▶ worker │ queue (spool) → batch → transport → ack
//! ```
//!
//! A slow or dead sink fills only its own queue. Only a sink that is set to block (`on-full = "block"`) holds
//! up the pipeline, and then the ring, when its queue is full.

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

pub use direct::{DirectFormat, DirectOutput, FlushResult};
