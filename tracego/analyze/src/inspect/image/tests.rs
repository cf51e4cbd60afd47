//! Tests with real processes, real files, and a folder that stands in for a procfs.

use std::{
    fs::{self, File},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::Arc,
    thread::sleep,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use tracego_golang::{self as golang, Image, Linkage, Source as _};
use tracego_model::input::note::OpenFailure;

use super::{
    cache::{BYTES, ImageCache},
    executable::{self, ExecutedProcess, Opener},
};

/// Returns the image of a process through a cache.
fn get(images: &mut ImageCache, process: &ExecutedProcess<'_>) -> Result<Arc<Image>, OpenFailure> {
    images.get(process, |process| Opener::default().read(process))
}

/// A process that is killed when its test ends.
struct Sleeper(Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        // An error means that the process has already ended.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Copies a program into a new folder and waits until it is old enough to be cached.
fn program() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    fs::copy("/bin/sleep", &path).unwrap();
    sleep(Duration::from_millis(30));
    (folder, path)
}

/// Starts a process that executes the program; returns after its exec.
fn start(path: &Path) -> Sleeper {
    let child = Sleeper(Command::new(path).arg("1000").spawn().unwrap());
    // spawn() returns when exec has succeeded.
    assert_eq!(fs::read_link(format!("/proc/{}/exe", child.0.id())).unwrap(), path);
    child
}

/// Describes a file as the kernel's event would, without a process.
fn of(path: &Path) -> ExecutedProcess<'_> {
    let meta = fs::metadata(path).unwrap();
    let dev = meta.dev();
    ExecutedProcess {
        path: path.as_os_str().as_bytes(),
        device: (libc::major(dev) << 20) | libc::minor(dev),
        inode: meta.ino(),
        ctime_ns: u64::try_from(meta.ctime() * 1_000_000_000 + meta.ctime_nsec()).unwrap(),
        ..ExecutedProcess::default()
    }
}

/// Describes a running process of a file as the kernel's event would.
fn running<'a>(path: &'a Path, child: &Sleeper) -> ExecutedProcess<'a> {
    let pid = child.0.id();
    let ticks = procfs::process::Process::new(pid.cast_signed()).unwrap().stat().unwrap().starttime;
    let start_ns = ticks * 1_000_000_000 / procfs::ticks_per_second() + 999_999;
    ExecutedProcess { pid: Some(pid), parent: Some(std::process::id()), start_ns, ..of(path) }
}

fn failure(process: &ExecutedProcess<'_>) -> OpenFailure {
    Opener::default().open(process).unwrap_err()
}

#[test]
fn a_running_process_gives_its_file_even_when_that_is_removed() {
    let (_folder, path) = program();
    let child = start(&path);
    let process = running(&path, &child);
    assert!(Opener::default().open(&process).is_ok());
    fs::rename(&path, path.with_extension("away")).unwrap();
    let process = ExecutedProcess { ctime_ns: of(&path.with_extension("away")).ctime_ns, ..process };
    assert!(Opener::default().open(&process).is_ok());
    fs::remove_file(path.with_extension("away")).unwrap();
    let ctime = fs::metadata(format!("/proc/{}/exe", child.0.id())).unwrap();
    let ctime_ns = u64::try_from(ctime.ctime() * 1_000_000_000 + ctime.ctime_nsec()).unwrap();
    let size = Opener::default().open(&ExecutedProcess { ctime_ns, ..process }).unwrap().size();
    assert_eq!(size, fs::metadata("/bin/sleep").unwrap().len());
}

#[test]
fn the_device_counts_by_path_and_not_through_the_process() {
    let (_folder, path) = program();
    let child = start(&path);
    let other = ExecutedProcess { device: 1, ..running(&path, &child) };
    assert!(Opener::default().open(&other).is_ok(), "overlayfs reports another device");
    drop(child);
    assert_eq!(failure(&other), OpenFailure::Changed);
}

#[test]
fn a_process_that_is_gone_leaves_its_file_by_path() {
    let (folder, path) = program();
    let process = running(&path, &start(&path));
    assert!(Opener::default().open(&process).is_ok());
    let other = folder.path().join("other");
    fs::copy("/bin/true", &other).unwrap();
    fs::rename(&other, &path).unwrap();
    assert_eq!(failure(&process), OpenFailure::Changed);
    fs::remove_file(&path).unwrap();
    assert_eq!(failure(&process), OpenFailure::Gone);
    assert_eq!(failure(&ExecutedProcess { path: b"relative", ..process }), OpenFailure::Gone);
}

#[test]
fn another_process_of_that_number_does_not_count() {
    let (_folder, path) = program();
    let child = start(&path);
    let process = ExecutedProcess { path: b"/gone", ..running(&path, &child) };
    // Without a list of mounts, the file is not found by its inode number.
    let procfs = tempfile::tempdir().unwrap();
    let link = procfs.path().join(child.0.id().to_string());
    std::os::unix::fs::symlink(format!("/proc/{}", child.0.id()), link).unwrap();
    let opener = Opener::new(procfs.path().to_owned());
    assert!(opener.open(&process).is_ok());
    for start_ns in [process.start_ns + 30_000_000, process.start_ns - 30_000_000, 0] {
        let other = ExecutedProcess { start_ns, ..process };
        assert_eq!(opener.open(&other).unwrap_err(), OpenFailure::Gone);
    }
}

#[test]
fn a_file_that_no_path_leads_to_is_found_by_its_inode_number() {
    let (folder, path) = program();
    let process = ExecutedProcess { path: b"/of/a/container", ..of(&path) };
    let process = ExecutedProcess { ran_ns: process.ctime_ns + 1_000_000_000, ..process };
    let kind = rustix::fs::statfs(folder.path()).unwrap().f_type.cast_unsigned();
    // SAFETY: a call without arguments.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root || !matches!(kind & 0xffff_ffff, 0xef53 | 0xf2f5_2010) {
        assert_eq!(failure(&process), OpenFailure::Gone);
        return;
    }
    let opened = Opener::default().open(&process).unwrap();
    assert_eq!(opened.size(), fs::metadata("/bin/sleep").unwrap().len());
    // Neither another inode, nor another state of it, nor a file of another device.
    let (inode, device) = (process.inode, process.device);
    let folder_inode = fs::metadata(folder.path()).unwrap().ino();
    for inode in [inode + (1 << 32), folder_inode, 2] {
        assert_eq!(failure(&ExecutedProcess { inode, ..process }), OpenFailure::Gone, "{inode}");
    }
    let other = ExecutedProcess { device: device + 1000, ..process };
    assert_eq!(failure(&other), OpenFailure::Gone);
    let later = ExecutedProcess { ctime_ns: process.ctime_ns + 1, ..process };
    assert_eq!(failure(&later), OpenFailure::Gone);
    let fresh = ExecutedProcess { ran_ns: process.ctime_ns, ..process };
    assert_eq!(failure(&fresh), OpenFailure::Unstable);
    drop(opened);
    fs::remove_file(&path).unwrap();
    assert_eq!(failure(&process), OpenFailure::Gone);
}

#[test]
fn the_root_of_the_parent_is_tried_before_the_own_root() {
    let (folder, path) = program();
    let procfs = tempfile::tempdir().unwrap();
    fs::create_dir(procfs.path().join("7")).unwrap();
    std::os::unix::fs::symlink(folder.path(), procfs.path().join("7/root")).unwrap();
    let opener = Opener::new(procfs.path().to_owned());
    let process = ExecutedProcess { parent: Some(7), path: b"/program", ..of(&path) };
    assert!(opener.open(&process).is_ok());
    assert_eq!(opener.open(&ExecutedProcess { parent: Some(8), ..process }).unwrap_err(), OpenFailure::Gone);
}

#[test]
fn neither_a_fifo_nor_a_device_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(failure(&of(&path)), OpenFailure::NotRegular);
    for path in [path.as_path(), Path::new("/dev/null"), folder.path()] {
        assert_eq!(executable::file(path).unwrap_err(), OpenFailure::NotRegular);
    }
}

#[test]
fn what_can_be_mended_is_told_first() {
    let of = |number| OpenFailure::from(std::io::Error::from_raw_os_error(number));
    assert_eq!((of(libc::ENOENT), of(libc::EACCES)), (OpenFailure::Gone, OpenFailure::Denied));
    assert_eq!(of(libc::EIO).max(OpenFailure::Gone), OpenFailure::Io(libc::EIO));
    assert!(OpenFailure::Denied > OpenFailure::Io(libc::EIO) && OpenFailure::Changed > OpenFailure::Gone);
    assert_eq!(serde_json::to_string(&OpenFailure::NotRegular).unwrap(), "\"not-regular\"");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let (_folder, path) = program();
    let opened = executable::file(&path).unwrap();
    assert_eq!(opened.verify(), Ok(()));
    File::options().write(true).open(&path).unwrap().set_len(100).unwrap();
    assert_eq!(opened.verify(), Err(OpenFailure::Changed));
    assert_eq!(golang::read(&opened).map_err(OpenFailure::from), Err(OpenFailure::Changed));
}

#[test]
fn a_file_is_read_once() {
    let (_folder, path) = program();
    let mut images = ImageCache::new(BYTES);
    let process = of(&path);
    let first = get(&mut images, &process).unwrap();
    assert_eq!(first.elf.as_ref().unwrap().linkage, Linkage::Dynamic);
    // From here on the file is not needed.
    fs::remove_file(&path).unwrap();
    assert_eq!(get(&mut images, &process).unwrap(), first);
    assert_eq!((images.counts().hits, images.counts().misses), (1, 1));
    // Another change time means another file.
    let other = ExecutedProcess { ctime_ns: process.ctime_ns + 1, ..process };
    assert_eq!(get(&mut images, &other).unwrap_err(), OpenFailure::Gone);
    assert_eq!((images.counts().misses, images.counts().gone), (2, 1));
}

/// Returns the time now, in nanoseconds since 1970.
fn now() -> u64 {
    u64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap()
}

#[test]
fn a_file_that_changed_just_before_its_start_is_read_through_its_process_alone() {
    let (_folder, path) = program();
    let child = start(&path);
    let process = running(&path, &child);
    let young = ExecutedProcess { ran_ns: process.ctime_ns + 500_000, ..process };
    let mut images = ImageCache::new(BYTES);
    get(&mut images, &young).unwrap();
    assert_eq!(images.bytes(), 0, "the content may change yet under the same change time");
    // Another content of the file is known by that change time, which this start need not have had.
    get(&mut images, &process).unwrap();
    assert!(images.bytes() > 0);
    get(&mut images, &young).unwrap();
    assert_eq!((images.counts().hits, images.counts().misses), (0, 3));
    drop(child);
    assert_eq!(get(&mut images, &young).unwrap_err(), OpenFailure::Unstable);
    // Nothing could change it before the process ended, and later changes have another time.
    let ended = ExecutedProcess { ran_ns: process.ctime_ns + 30_000_000, ..young };
    assert!(Opener::default().read(&ended).is_ok());
    assert!(Opener::default().read(&process).is_ok());
}

#[test]
fn the_change_time_of_a_running_file_does_not_matter() {
    let (_folder, path) = program();
    let child = start(&path);
    let process = running(&path, &child);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o711)).unwrap();
    assert_ne!(of(&path).ctime_ns, process.ctime_ns);
    let found = Opener::default().read(&process).unwrap();
    assert!(!found.is_lasting, "a later start is asked again");
    // Nor does it have to be known.
    assert!(Opener::default().read(&ExecutedProcess { ctime_ns: 0, ..process }).is_ok());
    assert_eq!(failure(&ExecutedProcess { inode: 1, ..process }), OpenFailure::Changed);
    drop(child);
    assert_eq!(failure(&process), OpenFailure::Changed);
    assert_eq!(failure(&ExecutedProcess { ctime_ns: 0, ..process }), OpenFailure::Unverified);
}

#[test]
fn content_that_was_replaced_in_place_is_never_taken_for_what_ran() {
    let (_folder, path) = program();
    for _ in 0..100 {
        fs::copy("/bin/sleep", &path).unwrap();
        let process = ExecutedProcess { ran_ns: now(), ..of(&path) };
        fs::write(&path, b"").unwrap();
        assert!(Opener::default().read(&process).is_err());
    }
}

/// Makes a procfs whose first process has a root folder and a mount namespace of its own.
fn elsewhere(root: &Path, namespace: &str) -> TempDir {
    let procfs = tempfile::tempdir().unwrap();
    for (process, namespace) in [("self", "mnt:[2]"), ("1", namespace)] {
        fs::create_dir_all(procfs.path().join(process).join("ns")).unwrap();
        symlink(namespace, procfs.path().join(process).join("ns/mnt")).unwrap();
    }
    symlink(root, procfs.path().join("1/root")).unwrap();
    procfs
}

#[test]
fn a_program_of_the_machine_that_is_gone_is_found_from_another_mount_namespace() {
    let (folder, path) = program();
    let process = ExecutedProcess { path: b"/program", ..of(&path) };
    let procfs = elsewhere(folder.path(), "mnt:[1]");
    assert!(Opener::new(procfs.path().to_owned()).read(&process).unwrap().image.elf.is_some());
    // Another file of this path is not what ran.
    let other = ExecutedProcess { inode: process.inode + 1, ..process };
    assert_eq!(Opener::new(procfs.path().to_owned()).open(&other).unwrap_err(), OpenFailure::Changed);
    // In one namespace with the first process, its root folder is tracego's own.
    let same = elsewhere(folder.path(), "mnt:[2]");
    assert_eq!(Opener::new(same.path().to_owned()).open(&process).unwrap_err(), OpenFailure::Gone);
}

#[test]
fn a_mount_of_the_machine_is_found_from_another_mount_namespace() {
    let (folder, path) = program();
    let procfs = elsewhere(folder.path(), "mnt:[1]");
    // The program lay deeper in its container, which is gone.
    let process = ExecutedProcess { path: b"/gone/program", ..of(&path) };
    let open = || Opener::new(procfs.path().to_owned()).open(&process);
    assert_eq!(open().unwrap_err(), OpenFailure::Gone);
    let device = process.device;
    let line = format!("30 1 {}:{} / / rw - ext4 /dev/x rw\n", device >> 20, device & 0xf_ffff);
    fs::write(procfs.path().join("1/mountinfo"), line).unwrap();
    open().unwrap();
}

#[test]
fn no_more_is_remembered_than_there_is_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..20).map(|n| folder.path().join(n.to_string())).collect();
    paths.iter().for_each(|path| fs::write(path, "no ELF file").unwrap());
    sleep(Duration::from_millis(30));
    let mut one = ImageCache::new(BYTES);
    get(&mut one, &of(&paths[0])).unwrap();
    let room = one.bytes() * 5;

    let mut images = ImageCache::new(room);
    for path in &paths {
        get(&mut images, &of(path)).unwrap();
        // The entry used most often stays.
        get(&mut images, &of(&paths[0])).unwrap();
        assert!(images.bytes() <= room);
    }
    assert_eq!((images.bytes(), images.counts().evicted), (room, 15));
    assert_eq!((images.counts().hits, images.counts().misses), (20, 20));

    let mut none = ImageCache::new(100);
    get(&mut none, &of(&paths[0])).unwrap();
    assert_eq!((none.bytes(), none.counts().evicted), (0, 0));
}
