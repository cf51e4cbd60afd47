//! The sinks that send records over the network, with independent receivers and with faulty ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certificates;
mod clickhouse;
mod elasticsearch;
mod kafka;
mod kill;
mod poison_record;
mod receiver;
mod replay;
mod rsyslog;
mod syslog;
mod tls;
mod webhook;

use std::{thread::sleep, time::Duration};

use libtest_mimic::Arguments;
use tracego_deliver::sink::delivery::DeliveryResult;
use tracego_tests::trial;

type Test = fn();

fn main() {
    let missing = rsyslog::missing();
    let mut trials = Vec::new();
    for (name, test) in [syslog::TESTS, kill::TESTS, tls::TESTS].concat() {
        trials.push(trial(name, missing.clone(), test));
    }
    let alone = [tls::ALONE, webhook::TESTS, poison_record::TESTS, clickhouse::TESTS, elasticsearch::TESTS];
    for (name, test) in alone.concat() {
        trials.push(trial(name, None, test));
    }
    for &(name, test) in kafka::TESTS {
        trials.push(trial(name, tracego_tests::kafka::missing(), test));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Runs a future, on a runtime like that of a sink.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Checks that all records were accepted.
fn all(delivered: &DeliveryResult, count: usize) {
    assert!(delivered.trouble.is_none() && delivered.refused.is_empty(), "{delivered:?}");
    assert_eq!(delivered.done, count);
}

/// Checks that delivery failed, with this reason.
fn trouble(delivered: &DeliveryResult, said: &str) {
    let why = delivered.trouble.as_ref().map(|trouble| trouble.why.as_str()).unwrap_or_default();
    assert!(why.contains(said), "'{said}' is not in {delivered:?}");
}

fn pause(millis: u64) {
    sleep(Duration::from_millis(millis));
}

fn slices(payloads: &[Vec<u8>]) -> Vec<&[u8]> {
    payloads.iter().map(Vec::as_slice).collect()
}
