//! Record → what policies in Rego say about it.
//!
//! A [`bundle`] is compiled once ([`Engine::new`], all bundles or none of them): its modules are parsed,
//! looked through for what the engine does not have or what would not be pure ([`error::Refusal`]), and
//! compiled for regorus's virtual machine. [`Engine::decide`] then evaluates an [`input`] within
//! [`limits::Limits`] and gives a [`decision::Decision`]; a policy that fails makes an error decision, never
//! an error of the agent, and one that does not come back is left behind on its thread.

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
pub use tracego_model::record::policy::Decision;
