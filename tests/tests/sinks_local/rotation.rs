//! Rotation of files.

use std::{
    fs::{self, FileTimes},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    thread::sleep,
    time::{Duration, SystemTime},
};

use tracego_deliver::sink::file::{Compress, FileGroup, FileMode, FileSettings, SyncMode};
use tracego_model::units::{Bytes, Span};
use tracego_tests::wait_until;

use super::{OpenFile, Test, assert_holds, assert_text, lines, rotated, whole};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("rotation::by_size_each_line_is_there_once_and_in_order", by_size),
    ("rotation::by_age_each_line_is_there_once_and_in_order", by_age),
    ("rotation::the_age_of_a_file_survives_a_restart", age_survives),
    ("rotation::only_so_many_are_kept_and_what_goes_is_counted", kept),
    ("rotation::old_ones_go_without_any_rotation", aged),
    ("rotation::mode_and_group_hold_for_all_files", owned),
    ("rotation::what_a_crash_left_is_put_right_at_the_next_start", leftovers),
    ("rotation::a_clock_that_was_set_back_does_not_reorder_files", clock),
    ("rotation::a_torn_line_is_ended_before_its_file_is_rotated", torn),
    ("rotation::closing_breaks_compression_off_and_the_next_start_ends_it", broken_off),
];

fn settings(path: &Path, bytes: u64, compress: Compress) -> FileSettings {
    FileSettings {
        rotate_bytes: Some(Bytes(bytes)),
        compress,
        sync: SyncMode::Never,
        ..FileSettings::new(path)
    }
}

fn by_size() {
    for (bytes, batch, compress) in [
        // Each record gets a file of its own.
        (1, 7, Compress::None),
        (600, 1, Compress::Gzip),
        (10_000, 100, Compress::Zstd),
        (64 << 10, 1000, Compress::Gzip),
        (1 << 20, 333, Compress::None),
        (100 << 20, 500, Compress::Zstd),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.ndjson");
        let lines = lines(1..if bytes < 1000 { 150 } else { 5000 });
        let sync = if batch < 100 { SyncMode::Never } else { SyncMode::Batch };
        let mut open = OpenFile::new(&FileSettings { sync, ..settings(&path, bytes, compress) });
        for batch in lines.chunks(batch) {
            open.all(batch);
        }
        let total: usize = lines.iter().map(Vec::len).sum();
        let rotations = open.file.counts().rotated;
        assert_eq!(rotations > 0, bytes < total as u64, "{bytes}");
        // Closing aborts compression; the next start completes it.
        open.close();
        for file in rotated(&path) {
            let size = super::unpacked(&file).len() as u64;
            assert!(size <= bytes.max(1000) && size > 0, "{}: {size}", file.display());
        }
        let mut open = OpenFile::new(&settings(&path, bytes, compress));
        open.all(&[b"end\n".to_vec()]);
        let suffix = match compress {
            Compress::None => "Z",
            Compress::Gzip => ".gz",
            Compress::Zstd => ".zst",
        };
        wait_until("all are compressed", || rotated(&path).iter().all(|path| ends_with(path, suffix)));
        open.close();
        assert!(rotated(&path).len() as u64 >= rotations);
        assert_text(&whole(&path), &[lines.concat(), b"end\n".to_vec()].concat());
    }
}

fn ends_with(path: &Path, suffix: &str) -> bool {
    path.to_str().unwrap().ends_with(suffix)
}

fn by_age() {
    for (age, pause) in [(1, 3), (40, 7)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let rotate_age = Some(Span(Duration::from_millis(age)));
        let mut open = OpenFile::new(&FileSettings { rotate_age, ..FileSettings::new(&path) });
        let lines = lines(1..301);
        for batch in lines.chunks(10) {
            open.all(batch);
            sleep(Duration::from_millis(pause));
        }
        let rotated = open.file.counts().rotated;
        // 30 batches: each gets a file of its own, or several share one.
        let wanted = if age < pause { 29..=29 } else { 3..=28 };
        assert!(wanted.contains(&rotated), "{age} ms: {rotated}");
        open.close();
        assert_holds(&path, &lines);
    }
}

fn age_survives() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let settings =
        FileSettings { rotate_age: Some(Span(Duration::from_millis(600))), ..FileSettings::new(&path) };
    for n in 0..3 {
        let mut open = OpenFile::new(&settings);
        open.all(&lines(n..n + 1));
        assert_eq!(open.file.counts().rotated, 0, "start {n}");
        open.close();
        sleep(Duration::from_millis(100));
    }
    sleep(Duration::from_millis(400));
    // Last written to 400 ms ago, and begun 700 ms ago.
    let mut open = OpenFile::new(&settings);
    open.all(&lines(3..4));
    assert_eq!(open.file.counts().rotated, 1, "needs a file system that knows when a file was made");
    assert_eq!(fs::read(&path).unwrap(), lines(3..4).concat());
    open.close();
    assert_holds(&path, &lines(0..4));
}

fn kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    // Neighbours with similar names are not files of this sink.
    let others = ["log.1", "log.gz", "log.20261125T042048.123Z.xz", "log2.20261125T042048.123Z", "other"];
    for name in others {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let mut open = OpenFile::new(&FileSettings { keep: Some(3), ..settings(&path, 5000, Compress::None) });
    let lines = lines(1..2001);
    for batch in lines.chunks(50) {
        open.all(batch);
    }
    let rotations = open.file.counts().rotated;
    assert!(rotations > 50, "{rotations}");
    open.until(|file| file.counts().removed == rotations - 3);
    let counts = open.file.counts();
    open.close();
    for name in others {
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), name);
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    assert_eq!(rotated(&path).len(), 3);
    // The end of the delivered lines, followed by the empty lines of the wait.
    let mut text = whole(&path);
    text.truncate(text.trim_ascii_end().len() + 1);
    let all = lines.concat();
    assert!(all.ends_with(&text));
    assert_eq!(counts.removed_bytes, (all.len() - text.len()) as u64);
}

fn aged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let day = Duration::from_secs(86_400);
    for (name, days) in [("log.20200101T000000.000Z.gz", 8), ("log.20200102T000000.000Z", 6)] {
        fs::write(dir.path().join(name), "old\n").unwrap();
        let file = fs::File::options().write(true).open(dir.path().join(name)).unwrap();
        file.set_times(FileTimes::new().set_modified(SystemTime::now() - days * day)).unwrap();
    }
    let keep_age = Some(Span(7 * day));
    let mut open = OpenFile::new(&FileSettings { keep_age, ..settings(&path, 1 << 20, Compress::None) });
    open.until(|file| file.counts().removed == 1);
    assert_eq!((open.file.counts().rotated, open.file.counts().removed_bytes), (0, 4));
    open.close();
    assert_eq!(rotated(&path), [dir.path().join("log.20200102T000000.000Z")]);
}

fn owned() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let root = tracego_tests::is_root();
    let group = root.then_some(FileGroup::Id(4321));
    let wanted = |path: &Path, mode: u32| {
        let meta = fs::metadata(path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, mode, "{}", path.display());
        assert!(!root || meta.gid() == 4321, "{}: {}", path.display(), meta.gid());
    };
    let settings = FileSettings {
        mode: Some(FileMode(0o664)),
        group: group.clone(),
        ..settings(&path, 5000, Compress::Gzip)
    };
    let mut open = OpenFile::new(&settings);
    wanted(&path, 0o664);
    open.all(&lines(1..101));
    open.until(|file| file.counts().compressed >= 3);
    open.close();
    assert!(rotated(&path).len() > 3);
    for path in rotated(&path) {
        wanted(&path, 0o664);
    }
    // An existing file gets mode and owner, too. Without `mode` it keeps its own, and a new one has the
    // owner's only.
    let open = OpenFile::new(&FileSettings { mode: Some(FileMode(0o640)), ..settings.clone() });
    wanted(&path, 0o640);
    open.close();
    let mut open = OpenFile::new(&FileSettings { mode: None, ..settings });
    wanted(&path, 0o640);
    fs::remove_file(&path).unwrap();
    open.all(&lines(1..2));
    wanted(&path, 0o600);
    open.close();
}

fn leftovers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let put = |name: &str, text: &[u8]| fs::write(dir.path().join(name), text).unwrap();
    let lines = lines(1..5);
    // Killed while compressing; after compressing; between creating one file and removing the other; before
    // compressing.
    put("log.20200101T000000.000Z", &lines[0]);
    put("log.20200101T000000.000Z.zst.tmp", b"half of");
    put("log.20200102T000000.000Z", &lines[1]);
    put("log.20200102T000000.000Z.zst", b"cut by a disk that lies");
    put("log.20200103T000000.000Z", &lines[2]);
    put("log", &lines[3]);
    let mut open = OpenFile::new(&settings(&path, 1 << 20, Compress::Zstd));
    open.until(|file| file.counts().compressed == 3);
    open.close();
    let names: Vec<_> = rotated(&path).iter().map(|path| path.extension().unwrap().to_owned()).collect();
    assert_eq!(names, ["zst", "zst", "zst"]);
    let text = whole(&path);
    assert!(text.starts_with(&lines.concat()) && text[lines.concat().len()..].iter().all(|&b| b == b'\n'));
}

fn clock() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let lines = lines(1..41);
    fs::write(dir.path().join("log.21991231T235959.999Z"), &lines[0]).unwrap();
    let mut open = OpenFile::new(&settings(&path, 1, Compress::None));
    open.all(&lines[1..]);
    open.close();
    assert_eq!(rotated(&path)[1], dir.path().join("log.22000101T000000.000Z"));
    assert_holds(&path, &lines);
}

fn torn() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "half of a reco").unwrap();
    let mut open = OpenFile::new(&settings(&path, 10, Compress::None));
    open.all(&[b"whole\n".to_vec()]);
    open.close();
    assert_eq!(rotated(&path).len(), 1);
    assert_eq!(whole(&path), b"half of a reco\nwhole\n");
}

fn broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let lines = lines(1..60_001);
    let wanted = settings(&path, 20 << 20, Compress::Gzip);
    let mut open = OpenFile::new(&wanted);
    open.all(&lines);
    open.close();
    assert!(rotated(&path).len() == 1 && ends_with(&rotated(&path)[0], "Z"), "{:?}", rotated(&path));
    assert_holds(&path, &lines);
    let mut open = OpenFile::new(&wanted);
    open.until(|file| file.counts().compressed == 1);
    assert_eq!(open.file.counts().cleanup_failures, 0);
    open.close();
    assert!(rotated(&path).len() == 1 && !ends_with(&rotated(&path)[0], "Z"), "{:?}", rotated(&path));
}
