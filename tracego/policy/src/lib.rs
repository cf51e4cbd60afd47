//! Policy decisions about records, with policies written in Rego.
//!
//! A [`bundle`] is compiled once ([`PolicyEngine::new`] compiles all bundles or none): its modules are
//! parsed, checked for functions that the engine lacks or that would not be pure
//! ([`error::PolicyProblem`]), and compiled for regorus's virtual machine. [`PolicyEngine::decide`] then
//! evaluates an [`input`] within [`limits::DecisionLimits`] and returns a [`PolicyDecision`]. A policy that fails
//! yields an error decision, never an error of the agent. Each bundle is compiled and evaluated in a process of
//! its own, which is bounded in memory, and replaced if it hangs or crashes.
//!
//! Modules, each of which uses only modules before it: `error` and `limits`; `bundle`, the files of a bundle
//! and its signature; `compiler`, from modules to a program; `input`, from a record to what policies read of
//! it; `evaluation`, from program and input to a decision; `engine`, all of them together; `offline`, tests
//! and explanations; `decision_log` and `stage`, the policies' place in the pipeline.

mod builtins;
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
pub use limits::DecisionLimits;
pub use tracego_model::record::policy::PolicyDecision;
