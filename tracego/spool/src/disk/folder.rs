//! A folder of the real file system, and its lock.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::Disk;

/// The reason why a folder cannot be opened as a spool.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the spool; its pid, if known.
    #[error("the spool {} is in use by {}", .0.display(), holder(*.1))]
    Locked(PathBuf, Option<u32>),
    /// The operating system reported an error.
    #[error("the spool {}", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
}

/// Name of the file that holds the lock and the pid of its holder.
pub(crate) const LOCK: &str = "lock";

/// Time to wait for a lock. A program that another thread starts inherits all open files until its exec, and
/// with them a lock that was just released. A process that ends keeps its locks a little longer, too.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause between two tries.
const AGAIN: Duration = Duration::from_millis(10);

/// A folder of the real file system.
#[derive(Debug)]
pub struct DiskFolder {
    path: PathBuf,
    folder: File,
    /// File with the flock(2), which lasts as long as the file is open, and so ends with the process in any
    /// case.
    _lock: Option<File>,
}

impl DiskFolder {
    /// Creates the folder if needed, mode 0700, and locks it against other processes.
    ///
    /// # Errors
    /// Fails if another process holds the lock, or on an I/O error.
    pub fn lock(path: &Path) -> Result<Self, OpenError> {
        let io = |error| OpenError::Io(path.to_owned(), error);
        make(path).map_err(io)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path.join(LOCK)).map_err(io)?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(AGAIN),
                Err(TryLockError::WouldBlock) => {
                    let text = fs::read_to_string(path.join(LOCK)).unwrap_or_default();
                    return Err(OpenError::Locked(path.to_owned(), text.trim().parse().ok()));
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
        }
        // The pid is only informative: on a full disk the lock holds without it.
        let pid = format!("{}\n", std::process::id());
        drop(file.set_len(0).and_then(|()| file.write_all_at(pid.as_bytes(), 0)));
        let folder = File::open(path).map_err(io)?;
        Ok(Self { path: path.to_owned(), folder, _lock: Some(file) })
    }

    /// Opens a folder for inspection, without a lock. Inspection changes nothing.
    ///
    /// # Errors
    /// Fails if there is no such folder.
    pub fn open_unlocked(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), folder: File::open(path)?, _lock: None })
    }
}

/// Creates the folder, accessible only to its owner: records hold arguments of all users.
fn make(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
    }
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

impl Disk for DiskFolder {
    type File = File;

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // A file that another process just removed is skipped.
            let Ok(meta) = entry.metadata() else { continue };
            if let Some(name) = entry.file_name().to_str().filter(|_| meta.is_file()) {
                found.push((name.to_owned(), meta.len()));
            }
        }
        Ok(found)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600).open(self.path.join(name))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(write).open(self.path.join(name))
    }

    fn read_at(&self, file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
        file.read_at(to, at)
    }

    fn write_at(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        file.write_at(bytes, at)
    }

    fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_given_back_is_waited_for_and_one_that_is_kept_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let first = DiskFolder::lock(&path).unwrap();
        let ending = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            drop(first);
        });
        let _second = DiskFolder::lock(&path).unwrap();
        ending.join().unwrap();
        let error = DiskFolder::lock(&path).unwrap_err();
        assert!(matches!(error, OpenError::Locked(_, Some(pid)) if pid == std::process::id()), "{error}");
    }
}
