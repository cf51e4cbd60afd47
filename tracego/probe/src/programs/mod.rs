//! The programs in the object, their maps, and the numbers that they count.

pub mod counters;
pub(crate) mod diagnostics;
pub mod hooks;
pub(crate) mod maps;
mod statistics;

pub(crate) use statistics::account;
pub use statistics::{ProgramStats, grace};
