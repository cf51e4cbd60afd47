//! The policy stage and its bundles from servers, or a stand-in in a build without the feature `policy`.

#[cfg(feature = "policy")]
pub(crate) mod remote;

#[cfg(feature = "policy")]
pub use tracego_policy::{PolicyEngine, stage::PolicyStage};

#[cfg(not(feature = "policy"))]
mod absent;
#[cfg(not(feature = "policy"))]
pub use absent::{PolicyEngine, PolicyStage};
