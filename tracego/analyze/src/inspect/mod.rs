//! Looks up what the kernel's events do not hold: executables, go.mod files, cgroup limits and services. The
//! only stage behind the reader that does input of its own. A read may wait for ever, so files of other processes
//! are read in processes of their own, and nobody waits for these longer than a moment.
//!
//! ```text
//! inspector          program starts of a batch → notes about them
//! executable_reader  images and digests of executed files, at the start or later
//! files              processes that read files, with a deadline
//! digest             a process that hashes executed files
//! image              executables of processes, with a cache
//! lifetimes          ends of processes as evidence about their files
//! surroundings       module and settings of a go command, limits of a Go program
//! service            running services: the thread that watches them, inspections, pidfiles
//! inventory          programs that ran before tracego, as events
//! network            listening sockets and health addresses
//! proc               /proc, files as a process sees them, and why a read failed
//! ```
//!
//! `proc` knows none of the others; `image`, `inventory`, `network` and `surroundings` know `proc`; `service` knows these; `digest` knows `image`; `files` knows
//! these and `surroundings`; `lifetimes` knows `files`; `executable_reader` knows these; `inspector` knows all.

mod accounts;
pub mod digest;
mod executable_reader;
pub mod files;
pub mod image;
pub mod inspector;
pub mod inventory;
mod lifetimes;
pub mod network;
pub mod proc;
pub mod service;
pub mod surroundings;

pub use executable_reader::LateStart;
pub use inspector::{FileWorkers, InspectOptions, Inspector};
