//! Looks up what the kernel's events do not hold: executables, go.mod files, cgroup limits and services. The
//! only stage behind the reader that does input of its own. Reads may wait for a disk, so this stage runs
//! beside the data path.
//!
//! ```text
//! inspector     program starts of a batch → notes about them
//! image         executables of processes, with a cache
//! surroundings  module and settings of a go command, limits of a Go program
//! service       running services: the thread that watches them, inspections, pidfiles
//! network       listening sockets and health addresses
//! proc          /proc, files as a process sees them, and why a read failed
//! ```
//!
//! `proc` knows none of the others; `network` and `surroundings` know `proc`; `service` knows these; `inspector`
//! knows all.

mod accounts;
pub mod image;
pub mod inspector;
pub mod network;
pub mod proc;
pub mod service;
pub mod surroundings;

pub use inspector::{InspectOptions, Inspector};
