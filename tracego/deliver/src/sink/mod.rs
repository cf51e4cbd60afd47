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
//!
//! [`outputs`] is what the pipeline sees: the [`direct`] output and the senders of each [`queue`].
//! [`lifecycle`] starts, reloads and ends the threads. [`settings`] knows all types of sinks, and each type knows only
//! [`delivery`] and [`status`].

pub mod clickhouse;
pub mod delivery;
pub mod direct;
pub mod elasticsearch;
pub mod file;
pub mod journald;
pub mod kafka;
pub mod lifecycle;
pub mod otlp;
pub mod outputs;
pub mod queue;
pub mod settings;
pub mod status;
pub mod stdout;
pub mod syslog;
pub mod webhook;
