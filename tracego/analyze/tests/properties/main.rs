//! Properties that hold for every input, tested with generated inputs: texts of other programs, and arguments with secrets.
//!
//! A failure prints the smallest input that proptest found. It belongs in a unit test beside the fix, so
//! inputs are not persisted here.

mod inspect;
mod redact;

use proptest::test_runner::Config;

/// Returns a configuration with a number of cases per property.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
