//! What has to be looked up outside of the kernel's records: the only part behind the reader that does
//! input of its own. It may wait for a disk, so it runs off the way of the data.
//!
//! ```text
//! facts         what is read, as it goes on to the rules and into captures
//! open          the file that a process executed, or why it cannot be had
//! images        what such files say about themselves, remembered
//! surroundings  module and settings of a go command, limits of a Go program
//! services      looks at running services
//! ```

pub mod candidates;
pub mod cgroups;
pub mod descriptors;
pub mod facts;
pub mod family;
pub mod gofiles;
pub mod health;
pub mod images;
pub mod locks;
mod look;
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
mod whom;

#[cfg(test)]
mod tests;
