//! The kernel as seen by the agent: what it offers, the programs in it, their counters.

pub mod doctor;
pub mod enforce;
pub mod host;
pub mod reader;

pub mod btf;
pub mod counters;
pub mod fields;
pub mod handover;
pub mod hooks;
pub mod load;
pub mod log;
mod maps;
pub mod require;
pub mod ring;
