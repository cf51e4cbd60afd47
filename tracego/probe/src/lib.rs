//! The kernel side as the agent sees it: kernel features, loaded BPF programs, their ring and counters.

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
