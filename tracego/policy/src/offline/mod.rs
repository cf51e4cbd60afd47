//! Work of the command line on a bundle with the engine's interpreter: its tests ([`bundle_tests`]) and the
//! explanation of a decision ([`explanation`]).

pub mod bundle_tests;
pub mod explanation;
mod steps;
