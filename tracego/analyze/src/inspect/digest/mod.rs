//! Hashes executed files in a process of its own, beside the way of the events.
//!
//! A worker that has opened an executed file hands its descriptor to the hasher, so that no file has to be found a
//! second time: by then, most files of a build are gone. The agent gets the digest later, and knows whether the content
//! was what ran.
//!
//! ```text
//! job        a file to hash and its answer, as bytes
//! channel    the sockets between workers, hasher and agent
//! hasher     the work of the process
//! answers    the thread that takes answers and calls the pipeline
//! requests   the agent's side: what is known, what is waited for, and what it proves
//! ```

pub mod answers;
pub mod channel;
pub mod hasher;
pub mod job;
pub mod requests;
