//! Sealed logs, as the pipeline writes them: every single change is found at its line, and an intact log is
//! never called damaged.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs, io,
    path::Path,
    sync::{Arc, LazyLock, Mutex},
};

use proptest::{collection::vec, prelude::*, sample::Index, test_runner::Config};
use tracego::pipeline::{Consumer as _, Pipeline};
use tracego_deliver::{
    seal::{
        chain::{digest, split},
        key::Key,
        verify::{Kind, Lines, Options, Report, ordered, verify},
        window::Sealer,
    },
    sink::direct::{DirectFormat, DirectOutput},
};
use tracego_model::{
    capture::CaptureReader,
    clock::Reading,
    counters::{Counters, JobLoss},
    input::Input,
    meta::Meta,
};

/// A disk with limited space: writes fail with a full disk until it has more room.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.lock().unwrap();
        let length = bytes.len().min(disk.1.saturating_sub(disk.0.len()));
        if length == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.0.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn with_room(room: usize) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), room))))
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
}

fn reader(name: &str) -> CaptureReader<io::Cursor<Vec<u8>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden").join(name);
    CaptureReader::new(io::Cursor::new(fs::read(path).unwrap())).unwrap()
}

fn pipeline(meta: Meta, disk: &Disk, sealer: Sealer, torn: bool) -> Pipeline {
    let sink = DirectOutput::new(Box::new(disk.clone()), DirectFormat::JSON).sealed(sealer, torn);
    Pipeline::new(meta, u32::MAX, None, sink)
}

/// Records a run: a real session, then losses. Every reading of the counters ends a window.
fn run(capture: &str, nonce: u8, key: Option<Key>, follows: Option<[u8; 32]>) -> Vec<u8> {
    let disk = Disk::with_room(usize::MAX);
    let mut reader = reader(capture);
    let sealer = Sealer::new([nonce; 32], 0, key, follows);
    let mut pipeline = pipeline(reader.meta(), &disk, sealer, false);
    let (mut counters, mut now, mut job) = (Counters::default(), Reading::default(), None);
    while let Some(input) = reader.next_input().unwrap() {
        now = input.clock();
        if let Input::Counters(last, _) | Input::Heartbeat(last, _) = &input {
            counters = *last;
        }
        pipeline.take(input).unwrap();
        if job.is_none() {
            job = root(&disk.bytes());
        }
    }
    for more in 0..4_u64 {
        now.boot_ns += 1_000_000;
        now.unix_ns += 1_000_000;
        counters.hooked += 3 * more;
        counters.ring_full += 2 * more;
        counters.filtered += more;
        if let Some(root) = job {
            pipeline
                .take(Input::LostJobs(vec![JobLoss { root, ring_full: more, context_full: 0 }], now))
                .unwrap();
        }
        pipeline.take(Input::Heartbeat(counters, now)).unwrap();
    }
    pipeline.end().unwrap();
    assert!(pipeline.ledger().balanced(), "{}", pipeline.ledger());
    disk.bytes()
}

/// Finds pid and start of the process that opened the first job.
fn root(log: &[u8]) -> Option<(u32, u64)> {
    let text = std::str::from_utf8(log).unwrap();
    let id = text.split("\"root\":{\"pid\":").nth(1)?.split("\"exec_id\":\"").nth(1)?.split('"').next()?;
    let mut parts = id.rsplit('-');
    let pid = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some((pid, u64::from_str_radix(parts.next()?, 16).ok()?))
}

/// The lines of a log with two runs in one file.
static LOG: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut log = run("job.capture", 1, None, None);
    let last = log.split(|&byte| byte == b'\n').rev().nth(1).unwrap();
    let follows = Some(digest(last));
    log.extend(run("failed.capture", 2, Some(Key::from_bytes([5; 32])), follows));
    log.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect()
});

fn log() -> Vec<Vec<u8>> {
    LOG.clone()
}

fn check(log: &[u8]) -> Report {
    verify(&mut Lines::of_bytes(log.to_vec()), &Options::default()).unwrap()
}

fn number(line: &[u8], name: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap();
    value[name].as_u64().unwrap()
}

/// Verifies a log. Returns line and kind of the first damage.
fn damage(log: &[Vec<u8>]) -> Option<(usize, Kind)> {
    let report = check(&log.concat());
    assert_eq!(report.damage.is_none() && report.runs_total > 0, report.whole);
    report.damage.map(|damage| (usize::try_from(damage.line).unwrap() - 1, damage.kind))
}

#[test]
fn a_log_that_was_left_alone_is_whole() {
    let log = log();
    let report = check(&log.concat());
    assert!(report.whole, "{:?}", report.damage);
    assert_eq!((report.records, report.runs_total), (log.len() as u64, 2));
    for run in &report.runs {
        assert!(run.closed && run.opened && run.unsealed == 0 && run.seals >= 6, "{run:?}");
        assert_eq!((run.lost.get("ring_full"), run.refused, run.pending), (Some(&12), 0, 0), "{run:?}");
    }
    let text = String::from_utf8(log.concat()).unwrap();
    assert_eq!(text.matches("\"scope\":\"job\"").count(), 4, "the job and its losses later");
    assert!(text.contains("\"ended\":true") && !text.contains("\"ended\":false"));
}

#[test]
fn a_log_that_was_cut_anywhere_is_whole_up_to_there() {
    let (lines, log) = (log(), log().concat());
    let mut end = 0;
    for count in 0..lines.len() {
        let report = check(&log[..end]);
        assert!(report.damage.is_none(), "{count} {:?}", report.damage);
        assert_eq!(report.records, count as u64);
        let sealed = |line: &Vec<u8>| String::from_utf8_lossy(line).contains("\"scope\":\"run\"");
        let closed = lines[..count].last().is_none_or(sealed);
        assert!(closed || !report.runs.last().unwrap().closed);
        // Also within a line, as after a kill.
        for more in (1..lines[count].len()).step_by(97) {
            let report = check(&log[..end + more]);
            assert!(report.damage.is_none(), "{count} {more} {:?}", report.damage);
        }
        end += lines[count].len();
    }
}

#[test]
fn a_record_that_is_gone_is_named() {
    let log = log();
    let opening = log.iter().rposition(|line| number(line, "seq") == 1).unwrap();
    for at in 0..log.len() - 1 {
        let mut less = log.clone();
        let gone = less.remove(at);
        let report = check(&less.concat());
        let damage = report.damage.unwrap_or_else(|| panic!("line {at}"));
        assert_eq!((damage.line, damage.kind), (at as u64 + 1, Kind::Removed), "{damage}");
        if at != opening - 1 {
            assert_eq!(damage.seq, Some(number(&gone, "seq")), "{damage}");
        }
    }
}

#[test]
fn a_log_in_another_form_is_named_as_changed_at_its_first_record() {
    let log = log();
    let ended = |line: &[u8], end: &str| [line.strip_suffix(b"\n").unwrap(), end.as_bytes(), b"\n"].concat();
    let joined = |end| log.iter().flat_map(|line| ended(line, end)).collect::<Vec<u8>>();
    let bom = [b"\xef\xbb\xbf".as_slice(), &joined("")].concat();
    for (name, bytes) in [("CRLF", joined("\r")), ("a space", joined(" ")), ("a byte order mark", bom)] {
        let report = check(&bytes);
        let damage = report.damage.unwrap_or_else(|| panic!("{name}: nothing is named"));
        assert_eq!((damage.kind, damage.line), (Kind::Changed, 1), "{name}: {damage}");
        assert!(name != "CRLF" || damage.to_string().contains("carriage return"), "{damage}");
    }
    // The conversion of one line alone, wherever it is.
    for at in 0..log.len() {
        let mut changed = log.clone();
        changed[at] = ended(&log[at], "\r");
        assert_eq!(damage(&changed), Some((at, Kind::Changed)));
    }
}

#[test]
fn neighbours_that_changed_places_are_named() {
    let log = log();
    for at in 0..log.len() - 1 {
        let mut swapped = log.clone();
        swapped.swap(at, at + 1);
        let (line, kind) = damage(&swapped).unwrap_or_else(|| panic!("line {at}"));
        assert_eq!(line, at);
        let seq = number(&log[at + 1], "seq");
        assert!(kind == Kind::Moved || seq == 1 || number(&log[at], "seq") == 1, "{at} {kind:?}");
    }
}

#[test]
fn without_the_key_no_other_log_can_be_made() {
    let key = || Key::from_bytes([5; 32]);
    let options = Options { key: Some(key().public()), ..Options::default() };
    let check = |log: Vec<u8>| verify(&mut Lines::of_bytes(log), &options).unwrap();
    let signed = run("job.capture", 1, Some(key()), None);
    assert!(check(signed.clone()).whole);
    for other in [None, Some(Key::from_bytes([6; 32]))] {
        let forged = run("job.capture", 1, other, None);
        assert!(verify(&mut Lines::of_bytes(forged.clone()), &Options::default()).unwrap().whole);
        let damage = check(forged).damage.unwrap();
        assert_eq!((damage.kind, damage.line), (Kind::Seal, 1));
    }
    // The signature of another seal.
    let text = String::from_utf8(signed).unwrap();
    let signature = |line: &str| line.split("\"signature\":\"").nth(1).map(|rest| rest[..128].to_owned());
    let all: Vec<String> = text.lines().filter_map(signature).collect();
    let (first, last) = (all.first().unwrap(), all.last().unwrap());
    let lines = text.lines().count() as u64;
    let replaced = text.replace(last, first);
    let damage = check(replaced.clone().into_bytes()).damage.unwrap();
    assert_eq!((damage.kind, damage.line), (Kind::Changed, lines));
    // The same with a link that fits the signature.
    let all: Vec<&str> = replaced.lines().collect();
    let [.., before, line] = all[..] else { panic!() };
    let (before, line) = (split(before.as_bytes()).unwrap(), split(line.as_bytes()).unwrap());
    let relinked = replaced.replace(&line.link.text(), &before.link.record(line.body).text());
    let damage = check(relinked.into_bytes()).damage.unwrap();
    assert_eq!((damage.kind, damage.line), (Kind::Seal, lines));
}

#[test]
fn files_of_a_rotation_are_put_in_order_and_the_oldest_may_be_gone() {
    let dir = tempfile::tempdir().unwrap();
    let log = log();
    let paths: Vec<_> = ["log", "log.2", "log.1"].map(|name| dir.path().join(name)).into();
    let (first, second) = (log.len() / 3, 2 * log.len() / 3);
    for (path, lines) in paths.iter().zip([&log[second..], &log[..first], &log[first..second]]) {
        fs::write(path, lines.concat()).unwrap();
    }
    let report = verify(&mut Lines::of(ordered(&paths).unwrap()), &Options::default()).unwrap();
    assert!(report.whole && report.records == log.len() as u64, "{:?}", report.damage);
    let without = [paths[0].clone(), paths[2].clone()];
    let report = verify(&mut Lines::of(ordered(&without).unwrap()), &Options::default()).unwrap();
    let damage = report.damage.unwrap();
    assert!(damage.kind == Kind::Removed && damage.file.ends_with("log.1") && damage.line == 1, "{damage}");
    let partial = Options { partial: true, ..Options::default() };
    let report = verify(&mut Lines::of(ordered(&without).unwrap()), &partial).unwrap();
    assert!(report.whole && !report.runs[0].opened && report.runs[1].opened, "{:?}", report.damage);
    // A gap in the middle is damage even with --partial.
    let hole = [paths[0].clone(), paths[1].clone()];
    let report = verify(&mut Lines::of(ordered(&hole).unwrap()), &partial).unwrap();
    assert_eq!(report.damage.unwrap().kind, Kind::Removed);
    assert!(Lines::of(vec![dir.path().join("none")]).next_line().is_err());
}

/// A disk that refuses the first write and then has room.
struct FirstRefused {
    disk: Disk,
    is_refused: bool,
}

impl io::Write for FirstRefused {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if std::mem::replace(&mut self.is_refused, false) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.disk.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Checks an output that refuses the first records of a batch whose other records are judged already.
#[test]
fn the_first_record_of_a_log_is_before_records_that_were_judged_before_it() {
    let disk = Disk::with_room(usize::MAX);
    let mut reader = reader("job.capture");
    let out = FirstRefused { disk: disk.clone(), is_refused: true };
    let sealer = Sealer::new([4; 32], 60, None, None);
    let sink = DirectOutput::new(Box::new(out), DirectFormat::JSON).sealed(sealer, false);
    let mut pipeline = Pipeline::new(reader.meta(), u32::MAX, None, sink);
    let (mut counters, mut now) = (Counters::default(), Reading::default());
    while let Some(input) = reader.next_input().unwrap() {
        now = input.clock();
        // Batches alone, so that the first write is within one, and each of more than one write.
        if let Input::Batch(batch) = input {
            let events = (0..40).flat_map(|_| batch.decode()).collect();
            let _refused = pipeline.take_batch(&batch, events);
            counters.hooked += 40 * u64::try_from(batch.len()).unwrap();
        }
    }
    pipeline.take(Input::Heartbeat(counters, now)).unwrap();
    pipeline.end().unwrap();
    let log = disk.bytes();
    let report = check(&log);
    assert!(report.whole, "{:?}", report.damage);
    let run = &report.runs[0];
    assert!(run.refused > 10 && run.records > 10, "{run:?}");
    assert_eq!(run.refused + run.records, run.last_seq, "every number is there or was refused");
    let first = log.split(|&byte| byte == b'\n').next().unwrap();
    assert_eq!(number(first, "seq"), 1);
}

#[test]
fn runs_without_seals_between_are_said() {
    let plain = b"{\"schema\":\"tracego/1\",\"seq\":1}\n{\"schema\":\"tracego/1\",\"seq\":2}\n".to_vec();
    let last = digest(plain.split(|&byte| byte == b'\n').nth(1).unwrap());
    let sealed = run("job.capture", 1, None, Some(last));
    let report = check(&[plain.clone(), sealed.clone()].concat());
    assert!(report.whole && report.foreign == 2, "{:?}", report.damage);
    // Lines without seals that no later run names were added.
    let report = check(&[sealed, plain.clone()].concat());
    assert_eq!(report.damage.unwrap().kind, Kind::Removed);
    let report = check(&[run("job.capture", 1, None, None), plain.clone()].concat());
    assert_eq!(report.damage.unwrap().kind, Kind::Added);
    let report = check(&plain);
    assert!(!report.whole && report.damage.is_none() && report.foreign == 2);
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_changed_byte_is_found_at_its_line(at in any::<Index>(), change in 1_u8..) {
        let (lines, mut log) = (log(), log().concat());
        let at = at.index(log.len());
        let was = log[at];
        log[at] ^= change;
        let (mut line, mut end) = (0, 0);
        while end + lines[line].len() <= at {
            end += lines[line].len();
            line += 1;
        }
        let damage = check(&log).damage.unwrap();
        prop_assert_eq!(damage.line, line as u64 + 1, "{}", damage);
        // At the end of a run, a changed seq cannot be distinguished from missing records.
        let ends = lines.get(line + 1).is_none_or(|next| number(next, "seq") == 1);
        if was != b'\n' && log[at] != b'\n' && !ends {
            prop_assert_eq!(damage.kind, Kind::Changed, "{}", damage);
        }
    }

    #[test]
    fn an_added_line_is_found(at in any::<Index>(), text in "[^\n]{0,80}") {
        let mut log = log();
        let at = at.index(log.len() + 1);
        log.insert(at, format!("{text}\n").into_bytes());
        prop_assert_eq!(damage(&log), Some((at, Kind::Added)));
    }

    #[test]
    fn a_copy_of_a_line_is_found(from in any::<Index>(), to in any::<Index>()) {
        let mut log = log();
        let (from, to) = (from.index(log.len()), to.index(log.len() + 1));
        log.insert(to, log[from].clone());
        let (line, kind) = damage(&log).unwrap();
        // Of two equal adjacent lines the second is the added one.
        prop_assert_eq!(line, if to == from { from + 1 } else { to });
        prop_assert!(number(&log[to], "seq") == 1 || kind == Kind::Added, "{:?}", kind);
    }

    #[test]
    fn lines_that_changed_places_are_found(one in any::<Index>(), other in any::<Index>()) {
        let mut log = log();
        let (one, other) = (one.index(log.len()), other.index(log.len()));
        prop_assume!(one != other);
        log.swap(one, other);
        let (line, _) = damage(&log).unwrap();
        prop_assert_eq!(line, one.min(other));
    }

    #[test]
    fn a_line_that_was_taken_elsewhere_is_found(from in any::<Index>(), to in any::<Index>()) {
        let whole = log();
        let (from, to) = (from.index(whole.len()), to.index(whole.len()));
        prop_assume!(from != to);
        let mut log = whole.clone();
        let line = log.remove(from);
        log.insert(to, line);
        let report = check(&log.concat());
        let found = report.damage.unwrap();
        // Either the first of both places is reported, or the moved record itself.
        let first = from.min(to) as u64 + 1;
        prop_assert!(found.line == first || (found.kind == Kind::Moved && found.line == to as u64 + 1), "{}", found);
    }

    #[test]
    fn two_runs_cannot_be_spliced(at in any::<Index>(), again in any::<Index>()) {
        static RUNS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [1, 2].map(|nonce| run("job.capture", nonce, None, None)));
        let [one, two] = &*RUNS;
        let lines = |log: &[u8]| -> Vec<Vec<u8>> { log.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect() };
        let (one, two) = (lines(one), lines(two));
        let (at, again) = (1 + at.index(one.len() - 1), 1 + again.index(two.len() - 1));
        let spliced = [&one[..at], &two[again..]].concat();
        prop_assert_eq!(damage(&spliced).map(|(line, _)| line), Some(at));
    }

    /// Checks that accepted records are intact and refused ones are counted, wherever the output is cut.
    #[test]
    fn a_full_disk_damages_nothing(rooms in vec(0_usize..9000, 1..40), begin in 0_usize..2500) {
        let disk = Disk::with_room(begin);
        let mut reader = reader("job.capture");
        let mut pipeline = pipeline(reader.meta(), &disk, Sealer::new([3; 32], 60, None, None), false);
        let mut rooms = rooms.into_iter();
        let (mut last, mut now) = (Counters::default(), Reading::default());
        while let Some(input) = reader.next_input().unwrap() {
            now = input.clock();
            if let Input::Counters(counters, _) | Input::Heartbeat(counters, _) = &input {
                last = *counters;
            }
            let _refused = pipeline.take(input);
            disk.0.lock().unwrap().1 += rooms.next().unwrap_or_default();
        }
        for more in rooms {
            now.boot_ns += 20_000_000_000;
            let _refused = pipeline.take(Input::Heartbeat(last, now));
            disk.0.lock().unwrap().1 += more;
        }
        prop_assert!(check(&disk.bytes()).damage.is_none());
        disk.0.lock().unwrap().1 = usize::MAX;
        pipeline.take(Input::Heartbeat(last, now)).unwrap();
        pipeline.end().unwrap();
        let report = check(&disk.bytes());
        prop_assert!(report.whole, "{:?}", report.damage);
        let run = &report.runs[0];
        prop_assert!(run.closed && run.pending == 0 && pipeline.ledger().balanced());
        prop_assert!(run.refused >= pipeline.ledger().write_errors);
        prop_assert_eq!(run.refused + run.records, run.last_seq, "every number is there or was refused");
    }

    #[test]
    fn hostile_lines_are_no_panic(
        edits in vec((any::<Index>(), any::<Index>(), vec(any::<u8>(), 0..40), 0..4_u8), 0..12),
        partial in any::<bool>(),
    ) {
        let mut log = log();
        for (at, within, bytes, kind) in edits {
            let at = at.index(log.len());
            match kind {
                0 => log.insert(at, bytes),
                1 if log.len() > 1 => { log.remove(at); }
                2 => { let to = within.index(log.len()); log.swap(at, to); }
                _ => {
                    let line = &mut log[at];
                    let start = within.index(line.len() + 1);
                    line.splice(start..(start + bytes.len() / 2).min(line.len()), bytes);
                }
            }
        }
        let options = Options { partial, key: Some(Key::from_bytes([5; 32]).public()), ..Options::default() };
        let report = verify(&mut Lines::of_bytes(log.concat()), &options).unwrap();
        let _text = report.damage.map(|damage| damage.to_string());
    }
}
