//! Real file systems that are full, or that the kernel remounts read-only while files are open.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tracego_deliver::sink::file::{Compress, FileSettings, FileTransport, SyncMode};
use tracego_model::{meta::Meta, units::Bytes};

use super::{OpenFile, Test, assert_holds, lines, runtime, sealed};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("disks::a_full_disk_tears_no_line_and_goes_on_when_there_is_room", full),
    ("disks::a_full_disk_leaves_a_sealed_log_whole", full_and_sealed),
    ("disks::a_disk_that_is_full_at_the_start_is_no_error_of_the_start", full_at_start),
    ("disks::a_full_disk_keeps_the_original_of_what_cannot_be_compressed", full_while_compressing),
    ("disks::a_disk_that_becomes_read_only_is_retried_until_it_is_back", read_only),
    ("disks::a_disk_that_fails_acknowledges_nothing_that_it_does_not_have", failing),
];

/// A separate file system, unmounted on drop.
struct Mount {
    dir: TempDir,
}

impl Mount {
    fn new(options: &[&str], source: &Path) -> Self {
        let mount = Self { dir: tempfile::tempdir().unwrap() };
        mount.mount(options, source);
        mount
    }

    fn mount(&self, options: &[&str], source: &Path) {
        let mut mount = Command::new("mount");
        let status = mount.args(options).arg(source).arg(self.dir.path()).status().unwrap();
        assert!(status.success(), "mount {options:?}: {status}");
    }

    fn unmount(&self) {
        let status = Command::new("umount").arg("-l").arg(self.dir.path()).status().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Creates a file system of a megabyte in memory.
    fn small() -> Self {
        Self::new(&["-t", "tmpfs", "-o", "size=1m"], Path::new("none"))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _status = Command::new("umount").args(["-l"]).arg(self.dir.path()).status();
    }
}

fn full() {
    for (batch, sync) in [(1, SyncMode::Batch), (100, SyncMode::Never), (1000, SyncMode::Batch)] {
        let mount = Mount::small();
        let (path, filler) = (mount.dir.path().join("log"), mount.dir.path().join("filler"));
        fs::write(&filler, vec![0; 500_000]).unwrap();
        let mut open = OpenFile::new(&FileSettings { sync, ..FileSettings::new(&path) });
        let lines = lines(1..2000);
        let (mut done, mut tries) = (0, 0);
        while done < lines.len() {
            let end = lines.len().min(done + batch);
            let (more, trouble) = open.deliver(&lines[done..end]);
            done += more;
            // The file holds exactly the lines that are done.
            if let Some(why) = trouble {
                assert!(why.contains("No space left on device"), "{why}");
                assert!(fs::read(&path).unwrap() == lines[..done].concat());
                tries += 1;
                assert!(tries < 10);
                if tries == 3 {
                    fs::remove_file(&filler).unwrap();
                }
            }
        }
        assert_eq!(tries, 3);
        open.close();
        assert_holds(&path, &lines);
    }
}

fn full_and_sealed() {
    for (batch, rotate) in [(1, None), (100, Some(Bytes(50_000))), (1000, None)] {
        let mount = Mount::small();
        let (path, filler) = (mount.dir.path().join("log"), mount.dir.path().join("filler"));
        fs::write(&filler, vec![0; 500_000]).unwrap();
        let settings = FileSettings { seal: true, rotate_bytes: rotate, ..FileSettings::new(&path) };
        let mut file = FileTransport::sealed(&settings, "it", &Meta::default()).unwrap();
        let records = sealed::records(1..800);
        let (mut done, mut tries) = (0, 0);
        while done < records.len() {
            let end = records.len().min(done + batch);
            let delivered = sealed::deliver(&mut file, &records[done..end]);
            done += delivered.done;
            if delivered.trouble.is_some() {
                sealed::whole(&sealed::files(&path));
                tries += 1;
                if tries == 3 {
                    fs::remove_file(&filler).unwrap();
                }
            }
        }
        assert!(tries >= 3, "{tries}");
        runtime().block_on(file.close());
        let report = sealed::whole(&sealed::files(&path));
        let runs = report["runs"].as_array().unwrap();
        assert_eq!(runs.last().unwrap()["closed"], true, "{report}");
        let own: u64 = runs.iter().map(|run| run["seals"].as_u64().unwrap() + 1).sum();
        assert_eq!(report["records"].as_u64().unwrap() - own, records.len() as u64, "none twice: {report}");
    }
}

fn full_at_start() {
    let mount = Mount::new(&["-t", "tmpfs", "-o", "size=1m,nr_inodes=3"], Path::new("none"));
    let (path, filler) = (mount.dir.path().join("log"), mount.dir.path().join("filler"));
    fs::write(&filler, "").unwrap();
    fs::write(mount.dir.path().join("filler2"), "").unwrap();
    let mut open =
        OpenFile::new(&FileSettings { rotate_bytes: Some(Bytes(2000)), ..FileSettings::new(&path) });
    let (done, trouble) = open.deliver(&lines(1..2));
    assert!(done == 0 && trouble.unwrap().contains("/log: No space left"));
    fs::remove_file(&filler).unwrap();
    open.all(&lines(1..3));
    // No room for a new file: the old one was moved, and is complete.
    let lines = lines(1..20);
    let (done, trouble) = open.deliver(&lines[2..]);
    assert!(trouble.unwrap().contains("No space left"));
    fs::remove_file(mount.dir.path().join("filler2")).unwrap();
    assert!(done > 0, "the first of them fitted into the file");
    let (more, _) = open.deliver(&lines[2 + done..]);
    open.close();
    assert!(more > 0);
    assert_holds_or_moved(&path, &lines[..2 + done + more]);
}

/// Checks the files; the current one may be missing between two rotations.
fn assert_holds_or_moved(path: &Path, lines: &[Vec<u8>]) {
    if !path.exists() {
        fs::write(path, "").unwrap_or_default();
    }
    let mut text: Vec<u8> = super::rotated(path).iter().flat_map(|path| fs::read(path).unwrap()).collect();
    text.extend(fs::read(path).unwrap_or_default());
    super::assert_text(&text, &lines.concat());
}

fn full_while_compressing() {
    let mount = Mount::small();
    let (path, filler) = (mount.dir.path().join("log"), mount.dir.path().join("filler"));
    let settings = FileSettings {
        rotate_bytes: Some(Bytes(300_000)),
        compress: Compress::Gzip,
        ..FileSettings::new(&path)
    };
    // Random enough that it hardly compresses.
    let mut dice = 1_u64;
    let lines: Vec<Vec<u8>> = (0..8000)
        .map(|_| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{dice:x}{:x}{:x}\n", dice ^ (dice << 13), dice ^ (dice >> 7)).into_bytes()
        })
        .collect();
    fs::write(&filler, vec![0; 700_000]).unwrap();
    let mut open = OpenFile::new(&settings);
    let mut done = 0;
    while done < lines.len() && open.file.counts().cleanup_failures == 0 {
        let end = lines.len().min(done + 50);
        done += open.deliver(&lines[done..end]).0;
    }
    assert!(open.file.counts().cleanup_failures > 0 && done < lines.len(), "{:?}", open.file.counts());
    assert_eq!(open.file.counts().compressed, 0);
    let names = super::rotated(&path);
    assert!(names.len() == 1 && names[0].to_str().unwrap().ends_with('Z'), "{names:?}");
    fs::remove_file(&filler).unwrap();
    while done < lines.len() {
        done += open.deliver(&lines[done..]).0;
    }
    open.close();
    assert_holds(&path, &lines);
}

fn image(dir: &TempDir) -> PathBuf {
    let image = dir.path().join("disk");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).status();
    assert!(made.is_ok_and(|status| status.success()), "this test needs mkfs.ext4 (e2fsprogs)");
    image
}

/// Copies a disk image. The kernel would recognise the mounted file system, which others may hold longer than
/// this test (a mount namespace of another test, or a child between fork and exec).
fn copy(image: &Path, to: &TempDir) -> PathBuf {
    let copy = to.path().join("copy");
    fs::copy(image, &copy).unwrap();
    copy
}

fn read_only() {
    let images = tempfile::tempdir().unwrap();
    let image = image(&images);
    let mount = Mount::new(&["-o", "loop,errors=remount-ro"], &image);
    let found = Command::new("findmnt").args(["-no", "SOURCE"]).arg(mount.dir.path()).output().unwrap();
    let device = String::from_utf8(found.stdout).unwrap();
    let device = device.trim().trim_start_matches("/dev/");
    let path = mount.dir.path().join("log");
    let settings = FileSettings { rotate_bytes: Some(Bytes(20_000)), ..FileSettings::new(&path) };
    let mut open = OpenFile::new(&settings);
    let lines = lines(1..300);
    open.all(&lines[..100]);
    // The kernel's reaction to a damaged file system, with files open for writing.
    fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "file").unwrap();
    for _ in 0..3 {
        let (done, trouble) = open.deliver(&lines[100..200]);
        let why = trouble.unwrap();
        assert!(done == 0 && (why.contains("Read-only") || why.contains("Input/output")), "{done} {why}");
    }
    // A start on a read-only file system does not fail.
    let mut second = OpenFile::new(&FileSettings::new(mount.dir.path().join("other")));
    let (done, trouble) = second.deliver(&lines[..1]);
    assert!(done == 0 && trouble.unwrap().contains("Read-only"));
    second.close();
    // Repaired and mounted again at the same place, while the sink runs.
    mount.unmount();
    let image = copy(&image, &images);
    let check = Command::new("e2fsck").args(["-f", "-y"]).arg(&image).output().unwrap();
    assert!(check.status.code().is_some_and(|code| code < 4), "{check:?}");
    mount.mount(&["-o", "loop"], &image);
    open.all(&lines[100..]);
    open.close();
    assert_holds(&path, &lines);
}

/// Tests a disk whose blocks cannot be written, under a working file system: a loop device over a file on a
/// full disk. Writing to the page cache succeeds, and fdatasync(2) fails.
///
/// All sizes are aligned to pages, because the loop driver (6.18) takes a partial write to its file for a
/// complete one.
fn failing() {
    let small = Mount::new(&["-t", "tmpfs", "-o", "size=4m"], Path::new("none"));
    let image = small.dir.path().join("disk");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let mut mkfs = Command::new("mkfs.ext4");
    mkfs.args(["-q", "-F", "-b", "4096", "-O", "^has_journal"]).arg(&image);
    assert!(mkfs.status().unwrap().success(), "this test needs mkfs.ext4 (e2fsprogs)");
    let mount = Mount::new(&["-o", "loop,errors=continue"], &image);
    let path = mount.dir.path().join("log");
    let mut open = OpenFile::new(&FileSettings::new(&path));
    let lines: Vec<Vec<u8>> = (0..4096).map(|n| format!("{n:0>511}\n").into_bytes()).collect();
    let filler = small.dir.path().join("filler");
    open.all(&lines[..64]);
    assert!(fs::write(&filler, vec![0; 4 << 20]).is_err());
    let (mut done, mut failed) = (64, 0);
    while done < lines.len() {
        let (more, trouble) = open.deliver(&lines[done..done + 64]);
        done += more;
        if let Some(why) = trouble {
            assert!(more == 0 && (why.contains("Input/output") || why.contains("No space")), "{more} {why}");
            assert!(fs::read(&path).unwrap() == lines[..done].concat());
            failed += 1;
            if failed == 3 {
                fs::remove_file(&filler).unwrap();
            }
        }
        assert!(failed < 10);
    }
    open.close();
    assert_eq!(failed, 3);
    assert_holds(&path, &lines);
    // The data is on the disk, not only in the page cache.
    let images = tempfile::tempdir().unwrap();
    let disk = Mount::new(&["-o", "loop"], &copy(&image, &images));
    assert_holds(&disk.dir.path().join("log"), &lines);
}
