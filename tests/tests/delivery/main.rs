//! What every type of sink promises, through the program itself: all arrive in order, each loss is counted, the
//! end waits for what is left, and a receiver that is dead or a kill of tracego costs nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod collector;
mod contract;
mod kill;
mod peers;

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
