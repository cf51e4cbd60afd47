//! Open descriptors of a process that tell something about a service: sockets, files named like pidfiles or
//! locks, databases.

use std::collections::HashSet;

use super::{
    procfs::Process,
    read_error::ReadError,
    root::{FileId, RootFolder},
};

/// Maximum number of descriptors that are looked at. A listening socket is opened before its connections, so
/// it is among the first.
pub const DESCRIPTORS_MAX: usize = 1024;

/// Maximum number of files that are kept.
const FILES_MAX: usize = 64;

/// Folders that unrelated programs share: a lock file directly in one says nothing about data.
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

/// The purpose of a file, judged by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FilePurpose {
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
    /// Last known path, as the process sees it.
    pub path: String,
    /// Whether the file was deleted.
    pub deleted: bool,
    /// Identity of the file.
    pub id: FileId,
    /// Purpose of the file.
    pub purpose: FilePurpose,
    /// Whether the descriptor is open for writing.
    pub writable: bool,
    /// Whether the process holds a lock through this descriptor.
    pub locked: bool,
}

impl OpenFile {
    /// Returns whether two processes that write to the file work on the same data: a lock or a database, in a
    /// folder that is not shared by unrelated programs.
    #[must_use]
    pub fn is_data(&self) -> bool {
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.writable && !self.deleted && self.purpose != FilePurpose::Pidfile && !SHARED.contains(&folder)
    }
}

/// The descriptors of a process.
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    /// Inode numbers of the sockets.
    pub sockets: HashSet<u64>,
    /// Open files with a known purpose.
    pub files: Vec<OpenFile>,
    /// Whether all descriptors were looked at.
    pub whole: bool,
}

/// Reads the descriptors of a process: one system call per descriptor, five per file with a known purpose.
///
/// # Errors
/// Fails if they cannot be listed.
pub fn read(process: &Process, root: &RootFolder) -> Result<Descriptors, ReadError> {
    let (numbers, whole) = process.descriptors(DESCRIPTORS_MAX)?;
    let mut found = Descriptors { whole, ..Descriptors::default() };
    for fd in numbers {
        // A descriptor closed meanwhile is skipped.
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

fn file(process: &Process, root: &RootFolder, fd: u32, link: &[u8]) -> Option<OpenFile> {
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

/// Returns the purpose of a file by its name; `None` when it has none of interest.
#[must_use]
pub fn purpose(path: &str) -> Option<FilePurpose> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name == "LOCK" {
        return Some(FilePurpose::Lock);
    }
    let (front, end) = name.rsplit_once('.')?;
    match end {
        "pid" => Some(FilePurpose::Pidfile),
        "lock" | "lck" if !front.is_empty() => Some(FilePurpose::Lock),
        "db" | "db-wal" | "sqlite" | "sqlite-wal" | "sqlite3" | "sqlite3-wal" | "wal" => {
            Some(FilePurpose::Data)
        }
        _ => None,
    }
}

/// Parses the text of /proc/PID/fdinfo/N (proc_pid_fdinfo(5)). Returns whether the descriptor is open for
/// writing, and whether a lock is held through it. That includes a lock taken before a fork, for which
/// /proc/locks names a process that is gone.
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
