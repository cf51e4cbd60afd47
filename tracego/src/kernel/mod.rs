//! The kernel as seen by the agent: what it offers, the programs in it, their counters.

pub mod btf;
pub mod load;
pub mod counters;
