//! `kill -9` at any moment, again and again.

use std::{
    collections::BTreeSet,
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::Test;

pub(crate) const TESTS: &[(&str, Test)] =
    &[("kill::two_hundred_and_fifty_kills_lose_nothing_that_was_durable", kills_lose_nothing)];

const ROUNDS: u64 = 250;
/// Size of the number range of one round.
const ROUND: u64 = 1_000_000;

fn kills_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("sink");
    let mut delivered = BTreeSet::new();
    let mut durable = Vec::new();
    let mut again = 0_u64;
    let mut dice = 0x2545_F491_4F6C_DD1D_u64;
    for round in 1..=ROUNDS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spooler"))
            .arg(&folder)
            .arg((round * ROUND).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let reader = thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        thread::sleep(Duration::from_micros(10_000 + dice % 40_000));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.is_empty(), "round {round}: {errors}");
        let mut last = 0;
        for line in reader.join().unwrap().lines() {
            let (kind, number) = line.split_once(' ').unwrap();
            let number: u64 = number.parse().unwrap();
            match kind {
                "R" => {
                    assert!(number > last, "round {round}: {number} behind {last}");
                    last = number;
                    again += u64::from(!delivered.insert(number));
                }
                "D" => durable.push(number),
                other => panic!("round {round}: {other} {number}"),
            }
        }
    }
    let output =
        Command::new(tracego_tests::tracego()).args(["spool", "drain"]).arg(&folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for line in std::str::from_utf8(&output.stdout).unwrap().lines() {
        again += u64::from(!delivered.insert(line.trim_end().parse().unwrap()));
    }
    // Records are durable in many rounds; how many depends on the machine.
    assert!(durable.len() as u64 > ROUNDS / 5, "{} syncs", durable.len());
    let mut missing = 0;
    for &end in &durable {
        // Everything of the round up to this number must have arrived.
        let first = end / ROUND * ROUND;
        missing += (first..=end).filter(|number| !delivered.contains(number)).count();
    }
    assert_eq!(missing, 0, "of {} delivered", delivered.len());
    // Only records in delivery when the process died are repeated, not all.
    assert!(again < delivered.len() as u64 / 2, "{again} of {} repeated", delivered.len());
    eprintln!("{} delivered, {again} repeated", delivered.len());
}
