//! What is read about processes beside the kernel record, from real ones. No BPF is needed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod daemon;
mod health;
mod instances;
mod limits;
mod modules;
mod pidfiles;
mod watching;

use libtest_mimic::{Arguments, Failed, Trial};

type Test = fn();

/// A test, and what says why it cannot run on this machine.
type Conditional = (&'static str, Test, fn() -> Option<String>);

fn main() {
    let always = [pidfiles::TESTS, instances::TESTS, watching::TESTS, health::TESTS, modules::TESTS].concat();
    let sometimes =
        [pidfiles::CONDITIONAL, health::CONDITIONAL, limits::CONDITIONAL, modules::CONDITIONAL].concat();
    let always = always.into_iter().map(|(name, test)| trial(name, test, None));
    let sometimes = sometimes.into_iter().map(|(name, test, needs)| trial(name, test, needs()));
    let trials = always.chain(sometimes).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A test that is ignored where something is missing, with that in its name.
fn trial(name: &str, test: Test, missing: Option<String>) -> Trial {
    let shown = missing.as_ref().map_or(name.to_owned(), |missing| format!("{name} ({missing})"));
    let run = move || -> Result<(), Failed> {
        test();
        Ok(())
    };
    Trial::test(shown, run).with_ignored_flag(missing.is_some())
}

fn needs_root() -> Option<String> {
    (!tracego_tests::is_root()).then(|| "needs root".to_owned())
}
