//! What is read about a process beside its kernel record: off the drain path, ahead of decode.

pub mod candidates;
pub mod cgroups;
pub mod descriptors;
pub mod diag;
pub mod facts;
pub mod family;
pub mod gofiles;
pub mod health;
pub mod locks;
mod look;
mod network;
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
