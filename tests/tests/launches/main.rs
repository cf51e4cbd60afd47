//! Roles of real processes: each way to start a Go program, with real toolchains, on the running kernel.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cases;
mod flags;
mod replay;

use libtest_mimic::Arguments;
use tracego_tests::{go, is_root, trial};

fn main() {
    let mut arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (version, _) in go::TOOLCHAINS {
        let name = |what: &str| format!("Go {version}: {what}");
        let rows = cases::ROWS.iter().filter(|row| row.is_for(version)).map(|row| name(row.name));
        let names: Vec<String> = rows.chain([name(flags::NAME)]).collect();
        // Nothing is downloaded for tests that were not selected.
        let asked =
            arguments.filter.as_ref().is_none_or(|filter| names.iter().any(|name| name.contains(filter)));
        let missing = if asked && !arguments.list { go::toolchain(version).err() } else { None };
        let root = (!is_root()).then(|| "needs root to load BPF programs".to_owned());
        for row in cases::ROWS.iter().filter(|row| row.is_for(version)) {
            let missing = missing.clone().or_else(|| root.clone());
            trials.push(trial(&name(row.name), missing, move || cases::check(row, version)));
        }
        trials.push(trial(&name(flags::NAME), missing, move || flags::check(version)));
    }
    // Two cores: more agents at a time would only wait for each other.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials).exit();
}
