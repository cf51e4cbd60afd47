//! The sockets on which a process listens, and the answers of its health addresses.
//!
//! ```text
//! namespace  runs a function in the network namespace of a process
//! diag       listening sockets, from the kernel's socket diagnostics
//! sockets    listening sockets, from /proc where diagnostics are not available
//! health     requests of /healthz and /metrics
//! ```

pub mod diag;
pub mod health;
mod namespace;
pub mod sockets;
