//! Facts about processes that are read beside the kernel events, tested with real processes. No BPF is
//! needed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod daemon;
mod health;
mod instances;
mod limits;
mod modules;
mod pidfiles;
mod schedule;

use libtest_mimic::Arguments;
use tracego_tests::trial;

type Test = fn();

/// A test, and a function that returns why it cannot run on this machine.
type ConditionalTest = (&'static str, Test, fn() -> Option<String>);

fn main() {
    let always = [pidfiles::TESTS, instances::TESTS, schedule::TESTS, health::TESTS, modules::TESTS].concat();
    let sometimes =
        [pidfiles::CONDITIONAL, health::CONDITIONAL, limits::CONDITIONAL, modules::CONDITIONAL].concat();
    let always = always.into_iter().map(|(name, test)| trial(name, None, test));
    let sometimes = sometimes.into_iter().map(|(name, test, needs)| trial(name, needs(), test));
    let trials = always.chain(sometimes).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn needs_root() -> Option<String> {
    (!tracego_tests::is_root()).then(|| "needs root".to_owned())
}
