//! Properties that hold for every input of a parser, tested with generated inputs.
//!
//! A failure prints the smallest input that proptest found. It belongs in a unit test beside the fix, so
//! inputs are not persisted here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod btf;
#[cfg(feature = "policy")]
mod bundle;
mod capture;
mod cgroup;
mod command;
mod decode;
mod golang;
mod inspect;
mod otlp;
mod sanitize;
mod seal;
mod text;

use proptest::test_runner::Config;

/// Returns a configuration with a number of cases per property.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
