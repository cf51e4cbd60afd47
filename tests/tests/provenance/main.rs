//! `tracego provenance` on bundles of a certificate authority of the tests, on signatures by openssl, and beside Sigstore's
//! own verifier in Python. If a package is unavailable, its test is ignored with the reason.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod keyless;
mod managed;
mod offline;
mod peer;
mod store;
mod verified;

use libtest_mimic::Arguments;
use tracego_tests::trial;

type Test = fn();

fn main() {
    let groups = [
        (keyless::TESTS, keyless::MADE.as_ref().err().cloned()),
        (managed::TESTS, managed::missing()),
        (offline::TESTS, offline::missing()),
        (peer::TESTS, peer::missing()),
        (store::TESTS, None),
    ];
    let mut trials = Vec::new();
    for (tests, missing) in groups {
        for &(name, test) in tests {
            trials.push(trial(name, missing.clone(), test));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
