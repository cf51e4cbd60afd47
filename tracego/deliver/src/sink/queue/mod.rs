//! The queue of a sink, from the pipeline's end to the receiver.
//!
//! [`SinkSender`](sender::SinkSender) filters and encodes on the pipeline's thread. The worker has a thread
//! of its own: it owns the queue, delivers batches through the transport, and acknowledges what the receiver
//! took.

mod backoff;
pub(crate) mod chunk_backlog;
mod dead_letters;
pub(crate) mod losses;
pub(crate) mod pace;
mod poison;
pub mod sender;
pub(crate) mod stream_state;
pub(crate) mod worker;

#[cfg(test)]
pub(crate) mod tests;
