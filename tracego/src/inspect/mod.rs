//! What is read about a process beside its kernel record: off the drain path, ahead of decode.

pub mod cgroups;
pub mod facts;
pub mod gofiles;
pub mod proc;
pub mod root;
pub mod status;
pub mod surroundings;
pub mod unread;
