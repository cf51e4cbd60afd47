//! Open descriptors of a process, those that say something about a service: sockets, files that are
//! called like pidfiles or locks, databases.

use std::collections::HashSet;

use super::{
    proc::Process,
    root::{FileId, Root},
    unread::Unread,
};

/// Descriptors that are looked at. A listening socket is opened ahead of its connections, so it is
/// among the first.
pub const DESCRIPTORS_MAX: usize = 1024;

/// Files that are remembered.
const FILES_MAX: usize = 64;

/// Folders that programs share: a lock file right there says nothing about data.
const SHARED: [&str; 10] = [
    "/dev/shm",
    "/run",
    "/run/lock",
    "/tmp",
    "/var/lock",
    "/var/log",
    "/var/run",
    "/var/run/lock",
    "/var/tmp",
    "/etc",
];

/// What a file is for, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// `*.pid`.
    Pidfile,
    /// `*.lock`, `*.lck`, `LOCK`.
    Lock,
    /// A database or its log.
    Data,
}

/// An open file.
#[derive(Clone, Debug)]
pub struct OpenFile {
    /// Where it is or was, as the process sees it.
    pub path: String,
    /// It has no name any more.
    pub deleted: bool,
    /// Which file.
    pub id: FileId,
    /// See [`Purpose`].
    pub purpose: Purpose,
    /// It is open for writing.
    pub writable: bool,
    /// The process holds a lock on it through this descriptor.
    pub locked: bool,
}

impl OpenFile {
    /// Whether two processes that write to it work on the same data: it is a lock or a database, in a
    /// folder that is not one for everybody.
    #[must_use]
    pub fn is_data(&self) -> bool {
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.writable && !self.deleted && self.purpose != Purpose::Pidfile && !SHARED.contains(&folder)
    }
}

/// The descriptors of a process.
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    /// Inode numbers of its sockets.
    pub sockets: HashSet<u64>,
    /// Its files.
    pub files: Vec<OpenFile>,
    /// These are all.
    pub whole: bool,
}

/// Looks at the descriptors of a process: one system call for each, five for a file that counts.
///
/// # Errors
/// When they cannot be listed.
pub fn read(process: &Process, root: &Root) -> Result<Descriptors, Unread> {
    let (numbers, whole) = process.descriptors(DESCRIPTORS_MAX)?;
    let mut found = Descriptors { whole, ..Descriptors::default() };
    for fd in numbers {
        // One that is closed meanwhile is none.
        let Ok(link) = process.link(&format!("fd/{fd}")) else { continue };
        if let Some(inode) = socket(&link) {
            found.sockets.insert(inode);
        } else if let Some(file) = file(process, root, fd, &link) {
            if found.files.len() == FILES_MAX {
                found.whole = false;
                break;
            }
            found.files.push(file);
        }
    }
    Ok(found)
}

fn socket(link: &[u8]) -> Option<u64> {
    let inode = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

fn file(process: &Process, root: &Root, fd: u32, link: &[u8]) -> Option<OpenFile> {
    let (path, deleted) = match link.strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (link, false),
    };
    let path = String::from_utf8_lossy(root.inside(path)?).into_owned();
    let purpose = purpose(&path)?;
    let id = process.descriptor(fd).ok()?;
    let info = process.read(&format!("fdinfo/{fd}"), 64 << 10).ok()?;
    let (writable, locked) = info_of(&info);
    Some(OpenFile { path, deleted, id, purpose, writable, locked })
}

/// What a file is for.
#[must_use]
pub fn purpose(path: &str) -> Option<Purpose> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name == "LOCK" {
        return Some(Purpose::Lock);
    }
    let (front, end) = name.rsplit_once('.')?;
    match end {
        "pid" => Some(Purpose::Pidfile),
        "lock" | "lck" if !front.is_empty() => Some(Purpose::Lock),
        "db" | "db-wal" | "sqlite" | "sqlite-wal" | "sqlite3" | "sqlite3-wal" | "wal" => Some(Purpose::Data),
        _ => None,
    }
}

/// Of the text of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)): open for writing, and a lock is held. That
/// also names a lock that was taken ahead of a fork, of which /proc/locks names a process that is gone.
#[must_use]
pub fn info_of(text: &[u8]) -> (bool, bool) {
    let text = String::from_utf8_lossy(text);
    let value = |line: &str, name: &str| line.strip_prefix(name).map(|rest| rest.trim().to_owned());
    let flags = text.lines().find_map(|line| value(line, "flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(&flags, 8).ok()).unwrap_or_default();
    // O_WRONLY is 1, O_RDWR 2 (open(2)).
    let writable = matches!(flags & 3, 1 | 2);
    (writable, text.lines().any(|line| value(line, "lock:").is_some_and(|lock| super::locks::is_held(&lock))))
}
