//! What has to be looked up outside of the kernel's records: the only part behind the reader that does
//! input of its own. It may wait for a disk, so it runs off the way of the data.
//!
//! ```text
//! inspector     program starts of a batch → notes to them
//! note          what this stage adds to a program start
//! facts         what is around a process, what a service looks like
//!
//! images open   what executed files say about themselves, remembered; how they are opened
//! surroundings  of a go command (gofiles) and of a Go program (cgroups)
//! watcher       the thread that looks at services
//! services      services that are watched; look is one look at one of them
//!   candidates pidfile locks descriptors units whom   pidfiles: where they may be, what is wrong with them
//!   sockets health   where a service listens, and whether it answers
//!   family     which processes belong together
//!
//! proc root status unread   /proc, files as a process sees them, and why something could not be read
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
