//! Policy decisions about records, with policies written in Rego.
//!
//! A [`bundle`] is compiled once ([`Engine::new`] compiles all bundles or none): its modules are parsed,
//! checked for functions that the engine lacks or that would not be pure ([`error::Refusal`]), and compiled
//! for regorus's virtual machine. [`Engine::decide`] then evaluates an [`input`] within [`limits::Limits`]
//! and returns a [`PolicyDecision`](tracego_model::record::policy::PolicyDecision). A policy that fails yields an error decision, never an error of the
//! agent. An evaluation that hangs is abandoned on its thread.

mod abandoned;
mod alias;
pub mod bundle;
mod cache;
mod compile;
mod convert;
mod desk;
pub mod engine;
mod entry;
pub mod error;
pub mod explain;
mod guard;
pub mod input;
mod judge;
pub mod limits;
pub mod log;
mod machine;
mod nesting;
mod patience;
mod reads;
mod recursion;
mod refused;
mod said;
mod seen;
mod stack;
pub mod stage;
mod steps;
pub mod trial;
mod walk;
pub mod wanted;

#[cfg(test)]
mod tests;

pub use engine::Engine;
pub use error::PolicyError;
pub use limits::Limits;
pub use tracego_model::record::policy::PolicyDecision;
