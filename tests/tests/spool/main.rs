//! The spool on real disks, with real processes that are really killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod disks;
mod kill;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn();

fn main() {
    let root = tracego_tests::is_root();
    let missing = (!root).then_some("needs root to mount");
    let mut trials = Vec::new();
    for (name, test) in [kill::TESTS, commands::TESTS].concat() {
        trials.push(trial(name, test, None));
    }
    for (name, test) in disks::TESTS {
        trials.push(trial(name, *test, missing));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A test that is ignored where something is missing, with that in its name.
fn trial(name: &str, test: Test, missing: Option<&str>) -> Trial {
    let shown = missing.map_or(name.to_owned(), |missing| format!("{name} ({missing})"));
    let run = move || -> Result<(), Failed> {
        test();
        Ok(())
    };
    Trial::test(shown, run).with_ignored_flag(missing.is_some())
}
