//! Policy decisions about records, with policies written in Rego.
//!
//! A [`bundle`] is compiled once ([`Engine::new`] compiles all bundles or none): its modules are parsed,
//! checked for functions that the engine lacks or that would not be pure ([`error::Refusal`]), and compiled
//! for regorus's virtual machine. [`Engine::decide`] then evaluates an [`input`] within [`limits::Limits`]
//! and returns a [`PolicyDecision`](tracego_model::record::policy::PolicyDecision). A policy that fails yields an error decision, never an error of the
//! agent. An evaluation that hangs is abandoned on its thread.

pub mod bundle;
mod compiler;
pub mod decision_log;
pub mod engine;
pub mod error;
mod evaluation;
pub mod input;
pub mod limits;
pub mod offline;
pub mod stage;

#[cfg(test)]
mod tests;

pub use engine::PolicyEngine;
pub use error::PolicyError;
pub use limits::Limits;
pub use tracego_model::record::policy::PolicyDecision;
