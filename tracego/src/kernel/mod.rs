//! The kernel as seen by the agent: what it offers, the programs in it, their counters.

pub mod btf;
pub mod counters;
pub mod fields;
pub mod handover;
pub mod hooks;
pub mod load;
pub mod log;
mod maps;
pub mod probe;
pub mod require;
pub mod ring;
