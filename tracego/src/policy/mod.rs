//! The policy stage, or its stand-in in a build without the feature `policy`.

#[cfg(feature = "policy")]
pub use tracego_policy::{PolicyEngine, stage::PolicyStage};

#[cfg(not(feature = "policy"))]
mod absent;
#[cfg(not(feature = "policy"))]
pub use absent::{PolicyEngine, PolicyStage};
