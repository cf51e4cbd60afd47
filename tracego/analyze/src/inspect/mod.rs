//! Looks up what the kernel's events do not hold: executables, go.mod files, cgroup limits and services. The
//! only stage behind the reader that does input of its own. Reads may wait for a disk, so this stage runs
//! beside the data path.
//!
//! ```text
//! inspector     process starts of a batch → notes about them
//! note          facts that this stage adds to a process start
//! facts         surroundings of a process, state of a service
//!
//! images open   metadata of executables, cached; how executables are opened
//! surroundings  module and settings of a go command (gofiles), limits of a Go program (cgroups)
//! watcher       the thread that inspects services
//! services      the services that are watched; look is one inspection of one service
//!   candidates pidfile locks descriptors units whom   pidfiles: where they may be, what is wrong with them
//!   sockets health   where a service listens, and whether it answers
//!   family     which processes belong to one service
//!
//! proc root status unread   /proc, files as a process sees them, and why a read failed
//! ```

pub mod candidates;
pub mod cgroups;
pub mod descriptors;
pub mod diag;
pub mod family;
pub mod gofiles;
pub mod health;
pub mod images;
pub mod inspector;
pub mod locks;
mod look;
mod network;
pub mod open;
pub mod pidfile;
pub mod proc;
pub mod root;
pub mod services;
pub mod sockets;
pub mod status;
pub mod surroundings;
pub mod units;
pub mod unread;
pub mod watcher;
mod whom;

pub use inspector::{Inspector, Options};

#[cfg(test)]
mod tests;
