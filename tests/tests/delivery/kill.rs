//! SIGKILL at any moment: records that were in a spool arrive.

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, SystemTime},
};

use tracego_spool::survey;
use tracego_tests::{wait_until, with_full_records};

use crate::{
    contract::golden,
    receivers::{self, Receiver},
};

pub(crate) const TESTS: &[(&str, fn())] =
    &[("two hundred kills take nothing that was in a spool, and add nothing", kills)];

/// Number of rounds, unless `TRACEGO_KILLS` sets another one.
const ROUNDS: u64 = 200;

fn kills() {
    let rounds = env::var("TRACEGO_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut receiver = Receiver::new(folder.path());
    receivers::http(&mut receiver);
    let config = format!(
        "[[sinks]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\nbatch-records = 7\n\
         [[sinks]]\nname = \"file\"\ntype = \"file\"\npath = \"{}\"\nrotate-bytes = \"64K\"\n",
        receiver.port,
        path("log").display()
    );
    fs::write(path("tracego.toml"), config).unwrap();
    let start = |round: u64| {
        let mut command = with_full_records();
        command.arg("replay").args(["-e", "execve", "--env", &format!("ROUND={round}")]);
        command.arg("--config").arg(path("tracego.toml"));
        command.arg("--spool-dir").arg(path("spool")).arg(golden("go.capture"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut random = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    let mut cut = 0;
    for round in 0..rounds {
        let mut child = start(round);
        // xorshift: a moment between the start of the program and well after its usual end.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        sleep(Duration::from_micros(random % 60_000));
        child.kill().unwrap();
        cut += u64::from(!child.wait().unwrap().success());
    }
    assert!(cut > rounds / 4, "{cut} of {rounds} were cut short");
    assert!(start(rounds).wait().unwrap().success());
    for sink in ["hook", "file"] {
        let survey = || survey(&path("spool").join(sink)).unwrap();
        wait_until(sink, || survey().waiting.records == 0);
        let spool = survey();
        let got = if sink == "hook" { receiver.got() } else { log(folder.path()) };
        assert!(spool.gaps.is_empty() && spool.whole, "{spool:?}");
        let known: BTreeSet<&String> = got.iter().collect();
        // Every sequence number of the queue is one record, and each of them has arrived.
        assert_eq!(known.len() as u64, spool.next - 1, "{sink}: {} came, {cut} cut", got.len());
        // Retried records came first: no record of a later round is before them.
        let mut first = BTreeSet::new();
        let once: Vec<&String> = got.iter().filter(|uid| first.insert(*uid)).collect();
        let runs = once.chunk_by(|one, next| run(one) == run(next)).count();
        let different: BTreeSet<&str> = once.iter().map(|uid| run(uid)).collect();
        assert_eq!(runs, different.len(), "{sink}: records of two runs are mixed");
    }
    receiver.stop();
}

/// Returns the run of tracego that a record belongs to.
fn run(uid: &str) -> &str {
    uid.split(' ').next().unwrap()
}

/// Returns the identifiers in all files of a log, oldest first.
fn log(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("log")).collect();
    // The current file has no time in its name.
    names.sort_by_key(|name| (name == "log", name.clone()));
    names.iter().flat_map(|name| receivers::lines(&folder.join(name))).collect()
}
