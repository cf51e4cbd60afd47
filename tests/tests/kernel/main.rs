//! On the running kernel, as root. Each test follows its own tree, so the machine's other processes
//! do not matter.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent;
mod capture;
mod config;
mod context;
mod doctor;
mod edges;
mod fields;
mod output;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn();

fn main() {
    let root = tracego_tests::is_root();
    let all: Vec<(&str, Test)> = [
        fields::TESTS,
        edges::TESTS,
        context::TESTS,
        config::TESTS,
        doctor::TESTS,
        output::TESTS,
        capture::TESTS,
        agent::TESTS,
    ]
    .concat();
    let trials = all.into_iter().map(|(name, test)| {
        let name = if root { name.to_owned() } else { format!("{name} (needs root to load BPF programs)") };
        let run = move || -> Result<(), Failed> {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(!root)
    });
    let mut arguments = Arguments::from_args();
    // Two cores: more agents at a time than that only wait for each other.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

const VICTIM: &str = env!("CARGO_BIN_EXE_victim");
