//! The pods of this node: the table of those that are known, and the jobs that their labels and annotations name.

mod agreement;
mod identity;
mod systems;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use agreement::contradictions;
pub(super) use identity::PodJob;
pub use identity::{names, systems};
pub(crate) use table::KnownPod;
pub(super) use table::PodTable;
