//! Files that others take away while they are written, as logrotate(8) does.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{self, sleep},
    time::Duration,
};

use tracego_deliver::sink::file::{FileSettings, SyncMode};
use tracego_model::units::Bytes;

use super::{OpenFile, Test, assert_text, lines, rotated};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("taken::a_file_that_was_moved_or_removed_is_begun_anew_without_a_signal", moved),
    ("taken::moving_and_signals_while_it_is_written_lose_and_tear_nothing", under_load),
    ("taken::a_file_that_is_emptied_in_place_goes_on_at_its_beginning", emptied),
    ("taken::a_reopened_file_that_nobody_moved_goes_on", reopened),
];

fn moved() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("log"), dir.path().join("old"));
    let mut open = OpenFile::new(&FileSettings::new(&path));
    open.all(&lines(1..3));
    fs::rename(&path, &old).unwrap();
    open.all(&lines(3..5));
    assert_eq!(fs::read(&old).unwrap(), lines(1..3).concat());
    fs::remove_file(&path).unwrap();
    open.all(&lines(5..7));
    assert_eq!(fs::read(&path).unwrap(), lines(5..7).concat());
    // logrotate's `create`: a new file is already there, and may end within a line.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "not ours").unwrap();
    open.all(&lines(7..8));
    assert_eq!(fs::read(&path).unwrap(), [b"not ours\n", &lines(7..8)[0][..]].concat());
    // The whole folder is moved.
    let other = dir.path().join("folder");
    fs::create_dir(&other).unwrap();
    let mut second = OpenFile::new(&FileSettings::new(other.join("log")));
    second.all(&lines(1..2));
    fs::rename(&other, dir.path().join("away")).unwrap();
    let (done, trouble) = second.deliver(&lines(2..3));
    assert!(done == 0 && trouble.unwrap().contains("No such file or directory"));
    fs::create_dir(&other).unwrap();
    second.all(&lines(2..3));
    assert_eq!(fs::read(other.join("log")).unwrap(), lines(2..3).concat());
    assert_eq!((open.file.counts().reopened, second.file.counts().reopened), (3, 1));
    second.close();
    open.close();
}

fn under_load() {
    for rotate in [None, Some(Bytes(40_000))] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let lines = lines(1..20_001);
        let mut open = OpenFile::new(&FileSettings {
            rotate_bytes: rotate,
            sync: SyncMode::Never,
            ..FileSettings::new(&path)
        });
        let ended = AtomicBool::new(false);
        let signal = AtomicBool::new(false);
        let moves = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    // While the sink itself rotates, there is nothing to move.
                    let count = moves.load(Ordering::Relaxed);
                    if fs::rename(&path, dir.path().join(format!("moved.{count:06}"))).is_ok() {
                        moves.store(count + 1, Ordering::Relaxed);
                        signal.store(count.is_multiple_of(2), Ordering::Relaxed);
                    }
                    sleep(Duration::from_micros(700));
                }
            });
            for (batch, n) in lines.chunks(23).zip(1..) {
                if signal.swap(false, Ordering::Relaxed) {
                    open.file.reopen();
                }
                // The folder changes in the middle of a call: undelivered lines are retried.
                let mut done = 0;
                while done < batch.len() {
                    done += open.deliver(&batch[done..]).0;
                }
                // On a busy machine the other thread may not get its turn.
                while moves.load(Ordering::Relaxed) < n / 8 && path.exists() {
                    sleep(Duration::from_micros(100));
                }
            }
            ended.store(true, Ordering::Relaxed);
        });
        let moves = moves.into_inner();
        let counts = open.file.counts();
        open.close();
        assert!(moves > 50 && counts.reopened > 10, "{moves} {counts:?}");
        assert_eq!(counts.rotated > 5, rotate.is_some(), "{counts:?}");
        every_line_once(dir.path(), &path, &lines);
    }
}

/// Checks each line. The order of the moved files is unknown, but lines are in order within each.
fn every_line_once(dir: &Path, path: &Path, lines: &[Vec<u8>]) {
    let mut files: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let text = fs::read(entry.unwrap().path()).unwrap();
        let first = text.split(|&b| b == b'\n').next().unwrap_or_default();
        if let Ok(first) = std::str::from_utf8(first).unwrap().parse() {
            assert!(files.insert(first, text).is_none(), "{first} is there twice");
        }
    }
    assert!(rotated(path).len() < files.len());
    let text: Vec<u8> = files.into_values().flatten().collect();
    assert_text(&text, &lines.concat());
}

fn emptied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut open = OpenFile::new(&FileSettings::new(&path));
    open.all(&lines(1..100));
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    open.all(&lines(100..102));
    assert_eq!(fs::read(&path).unwrap(), lines(100..102).concat());
    // Cut within a line by another program.
    fs::File::options().write(true).open(&path).unwrap().set_len(4).unwrap();
    open.all(&lines(102..103));
    open.close();
    assert_text(&fs::read(&path).unwrap(), &[b"0000\n", &lines(102..103)[0][..]].concat());
}

fn reopened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut open = OpenFile::new(&FileSettings::new(&path));
    for n in 0..50 {
        open.all(&lines(n..n + 1));
        open.file.reopen();
    }
    assert_eq!(open.file.counts().reopened, 49);
    open.close();
    assert_text(&fs::read(&path).unwrap(), &lines(0..50).concat());
}
