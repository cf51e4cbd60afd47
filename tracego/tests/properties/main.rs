//! What holds for every input of a parser, tried on generated ones.
//!
//! A failure prints the smallest input that proptest found; it belongs into a unit test beside the
//! fix, so nothing is persisted here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod btf;
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

/// So many cases for each property.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
