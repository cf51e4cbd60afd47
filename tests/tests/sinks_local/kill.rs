//! `kill -9` at any moment of writing, rotating and compressing, again and again.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use super::{Test, rotated, unpacked};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("kill::a_hundred_kills_while_files_are_compressed_with_gzip", gzip),
    ("kill::a_hundred_kills_while_files_are_compressed_with_zstd", zstd),
    ("kill::a_hundred_kills_without_compression", plain),
];

const ROUNDS: u64 = 100;
/// Size of the number range of one round.
const ROUND: u64 = 1_000_000;

fn gzip() {
    kills("gzip");
}

fn zstd() {
    kills("zstd");
}

fn plain() {
    kills("none");
}

fn kills(compress: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut done = Vec::new();
    let mut packed = 0;
    let mut dice = 0x2545_F491_4F6C_DD1D_u64;
    for round in 1..=ROUNDS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_filer"))
            .arg(&path)
            .args([(round * ROUND).to_string().as_str(), compress])
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
        thread::sleep(Duration::from_micros(5_000 + dice % 40_000));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.is_empty(), "round {round}: {errors}");
        if let Some((last, files)) =
            reader.join().unwrap().lines().last().and_then(|line| line.split_once(' '))
        {
            done.push(last.parse::<u64>().unwrap());
            packed += files.parse::<u64>().unwrap();
        }
    }
    // After a kill in between, a file and its compressed form both exist; their content is the same.
    let (mut text, mut both) = (Vec::new(), 0);
    let names = rotated(&path);
    for name in &names {
        let name = name.to_str().unwrap();
        if name.ends_with(".tmp") {
            continue;
        }
        let plain = name.split_at_checked(name.rfind('Z').unwrap() + 1).unwrap().0;
        if plain != name && names.iter().any(|other| other.to_str() == Some(plain)) {
            both += 1;
            assert_eq!(unpacked(name.as_ref()), unpacked(plain.as_ref()), "{name}");
            continue;
        }
        text.extend(unpacked(name.as_ref()));
    }
    // The last kill may have come between moving a file and creating the next.
    text.extend(fs::read(&path).unwrap_or_default());
    let (mut last, mut torn) = (0, 0_u64);
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    let mut count = 0_u64;
    for line in std::str::from_utf8(&text).unwrap().lines() {
        let number = line.parse::<u64>().unwrap_or_default();
        if line.len() as u64 != 12 + number * 7919 % 900 {
            torn += 1;
            continue;
        }
        let round = number / ROUND;
        let wanted = if last / ROUND == round { last + 1 } else { round * ROUND };
        assert_eq!(number, wanted, "behind {last}");
        (last, count) = (number, count + 1);
        ends.insert(round, number);
    }
    for &end in &done {
        assert!(ends.get(&(end / ROUND)).is_some_and(|&last| last >= end), "{end} was done and is not there");
    }
    // Only the last line of a round can be cut.
    assert!(torn <= ROUNDS, "{torn}");
    assert!(done.len() as u64 > ROUNDS / 2 && names.len() as u64 > ROUNDS, "{} {}", done.len(), names.len());
    assert_eq!(packed > ROUNDS / 10, compress != "none", "{packed}");
    eprintln!(
        "{compress}: {count} lines, {} files, {packed} compressed, {both} double, {torn} torn",
        names.len()
    );
}
