//! Unusual paths of a file sink, and files that a crash leaves.

use std::{
    fs::{self, OpenOptions},
    io::Read as _,
    os::unix::fs::{OpenOptionsExt as _, symlink},
    path::Path,
    process::Command,
};

use tracego_deliver::sink::file::{FileGroup, FileSettings, FileTransport};
use tracego_model::units::Bytes;

use super::{Open, Test, lines};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("file::a_line_that_a_crash_cut_is_ended", torn),
    ("file::two_do_not_share_a_file", locked),
    ("file::a_symbolic_link_is_not_followed_to_a_file", links),
    ("file::what_cannot_be_a_log_is_refused_with_its_key", refused),
    ("file::devices_are_written_to_as_they_are", devices),
    ("file::a_fifo_waits_for_its_reader_and_for_the_next_one", fifo),
    ("file::an_empty_batch_does_nothing", empty),
];

fn refusal(settings: &FileSettings) -> String {
    FileTransport::open(settings).unwrap_err().to_string()
}

fn torn() {
    for (before, after) in [("", ""), ("whole\n", "whole\n"), ("whole\nhal", "whole\nhal\n"), ("h", "h\n")] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, before).unwrap();
        let mut open = Open::new(&FileSettings::new(&path));
        // The file is not touched before there is something to write.
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        open.all(&[b"new\n".to_vec()]);
        open.close();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{after}new\n"));
    }
}

fn locked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut first = Open::new(&FileSettings::new(&path));
    let error = refusal(&FileSettings::new(&path));
    assert!(error.contains("another process has locked") && error.contains("/log"), "{error}");
    // After a rename a second writer takes the path; the first finds it taken when it opens it again.
    fs::rename(&path, dir.path().join("log.old")).unwrap();
    let mut second = Open::new(&FileSettings::new(&path));
    let (done, trouble) = first.deliver(&lines(1..2));
    assert!(done == 0 && trouble.as_ref().unwrap().contains("another process"), "{trouble:?}");
    second.all(&lines(2..3));
    second.close();
    first.all(&lines(1..2));
    first.close();
    assert_eq!(fs::read(&path).unwrap(), [lines(2..3), lines(1..2)].concat().concat());
}

fn links() {
    let dir = tempfile::tempdir().unwrap();
    let (path, victim) = (dir.path().join("log"), dir.path().join("victim"));
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, &path).unwrap();
    let error = refusal(&FileSettings::new(&path));
    assert!(error.contains("is a symbolic link to a file"), "{error}");
    // The same when the link appears while the file is open.
    fs::remove_file(&path).unwrap();
    let mut open = Open::new(&FileSettings::new(&path));
    fs::remove_file(&path).unwrap();
    symlink(&victim, &path).unwrap();
    let (done, trouble) = open.deliver(&lines(1..2));
    assert!(done == 0 && trouble.unwrap().contains("is a symbolic link to a file"));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    open.close();
    fs::remove_file(&path).unwrap();
    symlink(dir.path().join("none"), &path).unwrap();
    let error = refusal(&FileSettings::new(&path));
    assert!(error.contains("No such file"), "{error}");
    assert!(!dir.path().join("none").exists());
    // A link in a parent folder belongs to the administrator.
    symlink(dir.path(), dir.path().join("link")).unwrap();
    let mut open = Open::new(&FileSettings::new(dir.path().join("link/other")));
    open.all(&lines(1..2));
    open.close();
    assert_eq!(fs::read(dir.path().join("other")).unwrap(), lines(1..2).concat());
}

fn refused() {
    let dir = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    for (path, wanted) in [
        (dir.path().to_owned(), "is not a file, FIFO or character device"),
        (dir.path().join("socket"), "is not a file, FIFO or character device"),
        (dir.path().join("none/log"), "none/log: No such file or directory"),
        ("/proc/self/cmdline/log".into(), "Not a directory"),
    ] {
        let error = refusal(&FileSettings::new(&path));
        assert!(error.starts_with("path: ") && error.contains(wanted), "{error}");
    }
    let path = dir.path().join("log");
    let group = Some(FileGroup::Name("no-such-group".into()));
    let error = refusal(&FileSettings { group, ..FileSettings::new(&path) });
    assert!(error.starts_with("group: no group 'no-such-group'"), "{error}");
    let error = refusal(&FileSettings { rotate_bytes: Some(Bytes(0)), ..FileSettings::new(&path) });
    assert!(error.starts_with("rotate-bytes: 0"), "{error}");
    let error = refusal(&FileSettings { rotate_bytes: Some(Bytes(9)), ..FileSettings::new("/dev/null") });
    assert!(error.starts_with("rotate-bytes: /dev/null is not a regular file"), "{error}");
    assert!(!path.exists());
}

fn devices() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link");
    symlink("/dev/null", &link).unwrap();
    for path in [Path::new("/dev/null"), &link] {
        let mut open = Open::new(&FileSettings::new(path));
        open.all(&lines(1..1000));
        open.file.reopen();
        open.all(&lines(1..2));
        open.close();
    }
    let mut open = Open::new(&FileSettings::new("/dev/full"));
    let (done, trouble) = open.deliver(&lines(1..3));
    assert!(done == 0 && trouble.unwrap().contains("/dev/full: No space left"));
    open.close();
}

fn fifo() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let reader = || OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
    let lines = lines(1..6);
    let mut open = Open::new(&FileSettings::new(&path));
    let (done, trouble) = open.deliver(&lines[..1]);
    assert!(done == 0 && trouble.as_ref().unwrap().contains("No such device or address"), "{trouble:?}");
    let mut first = reader();
    open.all(&lines[..2]);
    // The reader would take a reopened FIFO for its end.
    open.file.reopen();
    open.all(&lines[2..3]);
    let mut text = vec![0; 10_000];
    let mut len = 0;
    // An empty FIFO returns `WouldBlock`; a closed one would return 0.
    while let Ok(more) = first.read(&mut text[len..]) {
        assert_ne!(more, 0);
        len += more;
    }
    assert_eq!(text[..len], lines[..3].concat());
    drop(first);
    let (done, trouble) = open.deliver(&lines[3..]);
    assert!(done == 0 && trouble.as_ref().unwrap().contains("Broken pipe"), "{trouble:?}");
    let mut second = reader();
    open.all(&lines[3..]);
    open.close();
    text.clear();
    second.read_to_end(&mut text).unwrap();
    assert_eq!(text, lines[3..].concat());
}

fn empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "half").unwrap();
    let mut open = Open::new(&FileSettings::new(&path));
    assert_eq!(open.deliver(&[]), (0, None));
    open.close();
    assert_eq!(fs::read_to_string(&path).unwrap(), "half");
}
