//! The stand-in of the policy stage: types without values, so that the pipeline needs no other code.

use tracego_model::{
    policy::{PolicyCounts, PolicyStop},
    record::Record,
};

/// The policy engine, which does not exist in this build.
#[derive(Debug)]
pub enum PolicyEngine {}

/// The policy stage, which does not exist in this build.
#[derive(Debug)]
pub enum PolicyStage {}

impl PolicyStage {
    /// Replaces the bundles on reload.
    pub fn reload(&mut self, engine: PolicyEngine) {
        match engine {}
    }

    /// Returns the policies in force.
    #[must_use]
    pub fn bundles(&self) -> &std::sync::Arc<[tracego_model::record::policy::Identity]> {
        match *self {}
    }

    /// Returns the counters.
    #[must_use]
    pub fn counts(&self) -> PolicyCounts {
        match *self {}
    }

    /// Adds the decision to the record of a process start.
    pub fn decide(&mut self, _: &mut Record) -> Option<PolicyStop> {
        match *self {}
    }

    /// Whether a start has to be decided about again.
    #[must_use]
    pub fn is_undecided(&self, _: &Record, _: bool) -> bool {
        match *self {}
    }

    /// Decides about a start again.
    pub fn decide_again(&mut self, _: Record, _: &mut Record) -> Option<PolicyStop> {
        match *self {}
    }

    /// Writes the decision about a process start to the decision log.
    pub fn log(&mut self, _: &Record) {
        match *self {}
    }
}
