//! Real file systems that are full, or that the kernel remounts read-only while files are open.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tracego_spool::{Appended, GapReason, Item, Moment, OnFull, QueueFull, QueueLimits, Spool};

use super::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("disks::a_full_disk_loses_nothing_and_goes_on_when_there_is_room", full_disk_blocks),
    ("disks::a_full_disk_gives_up_the_oldest_where_that_is_wanted", full_disk_drops),
    ("disks::a_disk_that_becomes_read_only_still_delivers", read_only),
];

/// A separate file system, unmounted on drop.
struct Mount {
    dir: TempDir,
}

impl Mount {
    fn new(options: &[&str], source: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let status = mount.args(options).arg(source).arg(dir.path()).status().unwrap();
        assert!(status.success(), "mount {options:?}: {status}");
        Self { dir }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("sink")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _status = Command::new("umount").args(["-l"]).arg(self.dir.path()).status();
    }
}

fn limits() -> QueueLimits {
    QueueLimits { segment_bytes: 100_000, memory_bytes: 60_000, ..QueueLimits::default() }
}

fn open(folder: &Path, limits: QueueLimits) -> Spool {
    Spool::open(folder, limits, Moment::now()).unwrap().0
}

fn record(number: u64) -> Vec<u8> {
    format!("{number:>700}").into_bytes()
}

/// Reads and acknowledges all records. Returns their numbers, and how many are missing.
fn drain(spool: &mut Spool) -> (Vec<u64>, u64) {
    let (mut numbers, mut missing) = (Vec::new(), 0);
    loop {
        spool.due(Moment::now());
        let batch = spool.read(50_000);
        let Some(last) = batch.last_seq() else { return (numbers, missing) };
        for item in batch.iter() {
            match item {
                Item::Record(_, bytes) => {
                    numbers.push(std::str::from_utf8(bytes).unwrap().trim().parse().unwrap());
                }
                Item::Gap(gap) => missing += gap.count(),
            }
        }
        spool.ack(last);
    }
}

/// Retries until the disk works again.
fn recover(spool: &mut Spool) {
    let start = Instant::now();
    while spool.stats().failing {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", spool.notice());
        std::thread::sleep(Duration::from_millis(20));
        if spool.due(Moment::now()) {
            spool.sync();
        }
    }
}

fn full_disk_blocks() {
    let mount = Mount::new(&["-t", "tmpfs", "-o", "size=1m"], Path::new("none"));
    fs::write(mount.dir.path().join("filler"), vec![0; 200_000]).unwrap();
    let mut spool = open(&mount.folder(), limits());
    let mut stored = 0;
    while spool.append(&record(stored + 1)) != Err(QueueFull) {
        stored += 1;
        if spool.due(Moment::now()) {
            spool.sync();
        }
    }
    assert!(stored > 1000, "{stored}");
    let told: Vec<String> = std::iter::from_fn(|| spool.notice()).map(|notice| notice.to_string()).collect();
    assert!(told.len() == 1 && told[0].contains("No space left"), "{told:?}");
    // Half of the records: the cursor advances on a full disk, and acknowledged records free space.
    let batch = spool.read(300_000);
    spool.ack(batch.last_seq().unwrap());
    let got = batch.len() as u64;
    recover(&mut spool);
    assert!(matches!(spool.append(&record(stored + 1)), Ok(Appended::Stored(_))));
    stored += 1;
    assert!(spool.sync(), "{:?}", spool.notice());
    drop(spool);
    let mut spool = open(&mount.folder(), limits());
    let (numbers, missing) = drain(&mut spool);
    assert_eq!((numbers, missing), ((got + 1..=stored).collect(), 0));
}

fn full_disk_drops() {
    let mount = Mount::new(&["-t", "tmpfs", "-o", "size=1m"], Path::new("none"));
    let limits = QueueLimits { on_full: OnFull::DropOldest, ..limits() };
    let mut spool = open(&mount.folder(), limits);
    for number in 1..=5000 {
        assert!(matches!(spool.append(&record(number)), Ok(Appended::Stored(_))), "{number}");
        if spool.due(Moment::now()) {
            spool.sync();
        }
    }
    assert_eq!(spool.close(), 0);
    let mut spool = open(&mount.folder(), limits);
    let (numbers, missing) = drain(&mut spool);
    assert_eq!(numbers.first().copied(), Some(missing + 1));
    assert_eq!(numbers, (missing + 1..=5000).collect::<Vec<_>>());
    assert!(numbers.len() > 800, "{}", numbers.len());
}

fn read_only() {
    let images = tempfile::tempdir().unwrap();
    let image = images.path().join("disk");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status();
    assert!(made.is_ok_and(|status| status.success()), "this test needs mkfs.ext4 (e2fsprogs)");
    let mount = Mount::new(&["-o", "loop,errors=remount-ro"], &image);
    let found = Command::new("findmnt").args(["-no", "SOURCE"]).arg(mount.dir.path()).output().unwrap();
    let device = String::from_utf8(found.stdout).unwrap();
    let device = device.trim().trim_start_matches("/dev/");

    let limits = QueueLimits { on_full: OnFull::DropNewest, ..limits() };
    let mut spool = open(&mount.folder(), limits);
    for number in 1..=300 {
        spool.append(&record(number)).unwrap();
    }
    assert!(spool.sync());
    // The kernel's reaction to a damaged file system, with files open for writing.
    fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "spool").unwrap();
    let mut refused = 0;
    for number in 301..=600 {
        if let Appended::Dropped(_, reason) = spool.append(&record(number)).unwrap() {
            assert_eq!(reason, GapReason::Disk);
            refused += 1;
        }
        if spool.due(Moment::now()) {
            spool.sync();
        }
    }
    assert!(!spool.sync() && refused > 0, "{refused}");
    let told = spool.notice().map(|notice| notice.to_string()).unwrap_or_default();
    assert!(told.contains("Read-only file system") || told.contains("Input/output"), "{told}");
    let (numbers, missing) = drain(&mut spool);
    assert_eq!(numbers, (1..=600 - refused).collect::<Vec<_>>());
    assert_eq!(missing, 0, "the gap waits for the reader to have all else");
    // Delivered records leave memory, so the next records find room and the gap its place.
    assert!(matches!(spool.append(&record(601)), Ok(Appended::Stored(_))));
    assert_eq!(drain(&mut spool), (vec![601], refused));
    drop(spool);
    // Verification changes nothing, so it works here too.
    let verify = Command::new(tracego_tests::tracego())
        .args(["spool", "verify"])
        .arg(mount.folder())
        .output()
        .unwrap();
    assert!(verify.status.success(), "{verify:?}");
    let Err(error) = Spool::open(&mount.folder(), limits, Moment::now()) else { panic!() };
    assert!(format!("{:?}", std::error::Error::source(&error)).contains("Read-only"), "{error:?}");
}
