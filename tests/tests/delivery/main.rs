//! The guarantees of every type of sink, tested through the program itself: all records arrive in order, each
//! loss is counted, the end waits for queued records, and neither a dead receiver nor a kill of tracego loses
//! records.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod collector;
mod contract;
mod kill;
mod receivers;

use libtest_mimic::Arguments;
use tracego_tests::trial;

fn main() {
    let mut trials = contract::trials();
    trials.extend(kill::TESTS.iter().map(|&(name, test)| trial(name, None, test)));
    for &(name, test) in collector::TESTS {
        trials.push(trial(name, collector::missing(), test));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
