//! The kernel as seen by the agent: what it offers, the programs in it, their counters.

pub mod btf;
pub mod counters;
pub mod load;
