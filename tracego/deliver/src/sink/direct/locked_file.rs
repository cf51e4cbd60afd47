//! The file of the direct output, with its lock.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Time to wait for a lock, which a process that ends keeps a little longer.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

/// A file to which records are appended.
///
/// A sealed file has one writer: an exclusive lock (flock(2)). Writers of files without seals share a lock,
/// so that none of them writes to a sealed file.
pub(super) struct LockedFile {
    file: File,
    /// Whether the lock is exclusive.
    sealed: bool,
    /// Whether the lock has to be taken before the next write: this process held it through the file that is
    /// replaced.
    later: bool,
}

impl LockedFile {
    /// Opens a file for appending. A new file gets mode 0600: records hold arguments of all users.
    pub(super) fn open(path: &Path, sealed: bool) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let mut locked = Self { file, sealed, later: false };
        if locked.file.metadata()?.is_file() && !locked.is_locked(PATIENCE)? {
            if !locked.is_open_here()? {
                return Err(in_use());
            }
            locked.later = true;
        }
        Ok(locked)
    }

    /// Tries to lock the file for some time. Returns whether that worked.
    fn is_locked(&self, patience: Duration) -> io::Result<bool> {
        let since = Instant::now();
        loop {
            let tried = if self.sealed { self.file.try_lock() } else { self.file.try_lock_shared() };
            match tried {
                Ok(()) => return Ok(true),
                Err(TryLockError::WouldBlock) if self.is_open_here()? => return Ok(false),
                Err(TryLockError::WouldBlock) if since.elapsed() < patience => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(false),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Whether this process has the file open a second time.
    fn is_open_here(&self) -> io::Result<bool> {
        let own = self.file.metadata()?;
        let open = fs::read_dir("/proc/self/fd")?.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
        Ok(open.filter(|other| (other.dev(), other.ino()) == (own.dev(), own.ino())).count() > 1)
    }
}

fn in_use() -> io::Error {
    io::Error::other("another process writes to this file, and a sealed file has only one writer")
}

impl Write for LockedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.later {
            let is_locked = self.is_locked(Duration::ZERO)?;
            if !is_locked {
                return Err(in_use());
            }
            self.later = false;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that was just forked, until its exec.
        let _closed_anyway = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Locks a file in another process until its standard input ends.
    fn elsewhere(path: &Path, kind: &str) -> std::process::Child {
        let mut flock = std::process::Command::new("flock");
        let child = flock.args([kind]).arg(path).args(["-c", "echo; cat"]);
        let piped = std::process::Stdio::piped;
        let mut child = child.stdin(piped()).stdout(piped()).spawn().unwrap();
        let mut line = [0];
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        child
    }

    #[test]
    fn a_sealed_file_has_one_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for (theirs, ours, fits) in
            [("-x", true, false), ("-x", false, false), ("-s", true, false), ("-s", false, true)]
        {
            let mut other = elsewhere(&path, theirs);
            let opened = LockedFile::open(&path, ours);
            assert_eq!(opened.is_ok(), fits, "{theirs} {ours}");
            drop(other.stdin.take());
            other.wait().unwrap();
            assert!(LockedFile::open(&path, ours).is_ok());
        }
    }

    #[test]
    fn a_file_that_is_opened_again_is_locked_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let first = LockedFile::open(&path, true).unwrap();
        let mut second = LockedFile::open(&path, true).unwrap();
        assert!(second.write(b"x").is_err());
        drop(first);
        second.write_all(b"x").unwrap();
        let other = std::process::Command::new("flock").args(["-n", "-x"]).arg(&path).arg("true").status();
        assert!(!other.unwrap().success());
    }
}
