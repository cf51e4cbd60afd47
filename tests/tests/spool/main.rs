//! The spool on real disks, with real processes that are killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod disks;
mod kill;

use libtest_mimic::Arguments;
use tracego_tests::trial;

type Test = fn();

fn main() {
    let root = tracego_tests::is_root();
    let missing = (!root).then_some("needs root to mount");
    let mut trials = Vec::new();
    for (name, test) in [kill::TESTS, commands::TESTS].concat() {
        trials.push(trial(name, None, test));
    }
    for (name, test) in disks::TESTS {
        trials.push(trial(name, missing.map(str::to_owned), *test));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
