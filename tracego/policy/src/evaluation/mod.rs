//! Evaluation of compiled bundles.
//!
//! [`worker`] evaluates an input with the virtual machines ([`vm`]) of all bundles on a separate thread,
//! which it abandons if an evaluation hangs. [`conversion`] makes decisions of the results, and [`cache`]
//! keeps them.

pub(crate) mod cache;
mod conversion;
pub(crate) mod hang_deadline;
mod rendezvous;
pub(crate) mod stack;
pub(crate) mod thread_usage;
pub(crate) mod vm;
pub(crate) mod worker;
