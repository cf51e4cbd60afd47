//! The commands of `tracego spool`.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tracego_spool::{Moment, OnFull, OpenError, QueueLimits, Spool};

use super::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("commands::ls_and_verify_change_nothing_and_see_everything", looking),
    ("commands::drain_writes_and_acknowledges", draining),
    ("commands::drain_keeps_what_a_pipe_did_not_take", broken_pipe),
    ("commands::two_processes_do_not_share_a_folder", locked),
    ("commands::files_are_for_their_owner", modes),
];

fn limits() -> QueueLimits {
    QueueLimits {
        segment_bytes: 2000,
        total_bytes: 30_000,
        on_full: OnFull::DropOldest,
        ..QueueLimits::default()
    }
}

/// Creates a spool with 100 records, of which the oldest were evicted.
fn spool(folder: &Path) -> Spool {
    let (mut spool, _) = Spool::open(folder, limits(), Moment::now()).unwrap();
    for number in 1..=100 {
        spool.append(format!("{{\"number\":{number},\"filling\":\"{:300}\"}}", "").as_bytes()).unwrap();
    }
    spool
}

fn tracego(args: &[&str], folder: &Path) -> Output {
    Command::new(tracego_tests::tracego()).arg("spool").args(args).arg(folder).output().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn looking() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("otlp");
    let spool = spool(&folder);
    // The spool is still in use.
    assert_eq!(tracego(&["ls"], &folder).status.code(), Some(0));
    assert_eq!(spool.close(), 0);
    let before = content(&folder);
    for dir in [dir.path(), &folder] {
        let ls = tracego(&["ls", "--json"], dir);
        let found = &lines(&ls)[0]["spool"];
        assert_eq!(found["whole"], true, "{found:#}");
        let waiting = found["waiting"]["records"].as_u64().unwrap();
        assert_eq!(found["gaps"][0]["count"], 100 - waiting);
        assert_eq!(found["gaps"][0]["reason"], "drop-oldest");
        assert_eq!(tracego(&["verify"], dir).status.code(), Some(0));
    }
    let text = String::from_utf8(tracego(&["ls"], &folder).stdout).unwrap();
    assert!(text.contains("records wait") && text.contains("(drop-oldest)"), "{text}");
    assert_eq!(content(&folder), before);

    // One flipped bit in the middle of a segment.
    let (name, bytes) =
        before.iter().rfind(|(name, _)| name.extension().is_some_and(|e| e == "seg")).unwrap();
    let mut broken = bytes.clone();
    broken[500] ^= 4;
    fs::write(name, &broken).unwrap();
    let before = content(&folder);
    let verify = tracego(&["verify", "--json"], &folder);
    assert_eq!(verify.status.code(), Some(1));
    let found = &lines(&verify)[0]["spool"];
    assert_eq!(found["whole"], false);
    assert_eq!(found["gaps"].as_array().unwrap().last().unwrap()["count"], 1, "{found:#}");
    assert_eq!(content(&folder), before);
    let nowhere = tracego(&["ls"], &dir.path().join("nothing"));
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("nothing"), "{nowhere:?}");
}

fn draining() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("otlp");
    let first = spool(&folder);
    assert_eq!(first.close(), 0);
    let drain = tracego(&["drain", "--json"], &folder);
    // Exit code 4: records are missing.
    assert_eq!(drain.status.code(), Some(4), "{drain:?}");
    let found = lines(&drain);
    let missing = found[0]["gap"]["count"].as_u64().unwrap();
    assert_eq!(found.len() as u64, 1 + 100 - missing);
    let last: Value = serde_json::from_str(found.last().unwrap()["record"].as_str().unwrap()).unwrap();
    assert_eq!((last["number"].as_u64(), found.last().unwrap()["seq"].as_u64()), (Some(100), Some(100)));
    let again = tracego(&["drain"], &folder);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(0), 0), "{again:?}");

    // Sequence numbers continue. Without --json the output is the records themselves.
    let second = spool(&folder);
    assert_eq!(second.close(), 0);
    let drain = tracego(&["drain"], &folder);
    let records = lines(&drain);
    assert_eq!(records.last().unwrap()["number"], 100);
    assert!(String::from_utf8_lossy(&drain.stderr).contains("missing: 101 to"), "{drain:?}");
}

fn broken_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("sink");
    let limits = QueueLimits::default();
    let (mut spool, _) = Spool::open(&folder, limits, Moment::now()).unwrap();
    for number in 0..20_000 {
        spool.append(format!("{number:>500}").as_bytes()).unwrap();
    }
    assert_eq!(spool.close(), 0);
    let script =
        format!("{} spool drain {} | head -n 3000", tracego_tests::tracego().display(), folder.display());
    let first = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(first.stdout.len(), 3000 * 501);
    let rest = tracego(&["drain"], &folder);
    assert!(rest.status.success(), "{}", String::from_utf8_lossy(&rest.stderr));
    let text = String::from_utf8(rest.stdout).unwrap();
    let numbers: Vec<u64> = text.lines().map(|line| line.trim().parse().unwrap()).collect();
    assert!(numbers[0] <= 3000 + 2 * (1 << 20) / 500, "{}", numbers[0]);
    assert_eq!(numbers, (numbers[0]..20_000).collect::<Vec<_>>());
}

fn locked() {
    let dir = tempfile::tempdir().unwrap();
    let first = spool(dir.path());
    let Err(error) = Spool::open(dir.path(), limits(), Moment::now()) else { panic!() };
    assert!(matches!(error, OpenError::Locked(..)));
    let drain = tracego(&["drain"], dir.path());
    let text = String::from_utf8_lossy(&drain.stderr).into_owned();
    assert!(text.contains(&format!("is in use by process {}", std::process::id())), "{text}");
    assert_eq!(drain.status.code(), Some(1));
    drop(first);
    assert!(Spool::open(dir.path(), limits(), Moment::now()).is_ok());
}

fn modes() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("deep/sink");
    let spool = spool(&folder);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files = content(&folder);
    assert!(files.len() >= 3, "{:?}", files.keys());
    for path in files.keys() {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
    drop(spool);
    // A folder that others can read is made private.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Spool::open(&folder, limits(), Moment::now()).is_ok());
    assert_eq!(mode(&folder), 0o700);
}
