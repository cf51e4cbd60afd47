//! The sink that appends records to a file, which is rotated by size and age.
//!
//! One process writes to a file, and locks it (flock(2)). Records are appended and never changed. A file is
//! rotated between two records, by rename(2), so that every record is in exactly one file. After a kill of
//! tracego the file holds whole lines, except perhaps the last; the next start ends that line, and its record
//! is delivered again from the queue.
//!
//! Each file is complete by itself: the references that its records need come first, also when the file was
//! rotated while these records waited in the queue.
//!
//! Other programs may rotate the file, too: before each batch tracego checks whether the path still leads to
//! it.

mod chain;
mod compression;
pub(crate) mod machine_check;
mod output_file;
mod references;
mod retention;
pub mod rotated_name;
mod rotation;
mod settings;
mod target;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub use self::machine_check::has_folder;
pub use self::settings::{Compress, FileGroup, FileMode, FileSettings, SyncMode};
use self::{chain::FileChain, rotation::RotatingFile};
use rustix::io::Errno;
use tokio::task::JoinHandle;
use tracego_model::meta::Meta;

use super::{
    delivery::{DeliveryResult, blocking},
    status::FileCounts,
};
use crate::detail::memory::SharedMemory;

/// The reason why a file cannot be written to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FileError {
    /// A wrong setting; the text names the key.
    #[error("{0}")]
    Setting(String),
    /// A file that another process has locked.
    #[error("path: another process has locked {}; give each sink its own file", .0.display())]
    Locked(PathBuf),
    /// A symbolic link to a regular file.
    #[error(
        "path: {} is a symbolic link to a file; give the path that it leads to (for /dev/stdout: type = \"stdout\")",
        .0.display()
    )]
    Link(PathBuf),
    /// A folder, a socket or a disk.
    #[error("path: {} is not a file, FIFO or character device", .0.display())]
    Kind(PathBuf),
    /// A group or mode that cannot be set.
    #[error("{key}: {}: {why}", .path.display())]
    Own {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Error text of the operating system.
        why: String,
    },
    /// An error while opening or writing the file.
    #[error("path: {}: {why}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Error text.
        why: String,
        /// errno(3), if the operating system reported the error.
        number: Option<i32>,
    },
}

impl FileError {
    fn number(&self) -> Option<i32> {
        match self {
            Self::Io { number, .. } => *number,
            _ => None,
        }
    }

    /// Returns whether the same call can succeed later without a change of settings: the disk is full, or the
    /// FIFO has no reader yet.
    fn is_transient(&self) -> bool {
        let passing = [
            Errno::NOSPC,
            Errno::DQUOT,
            Errno::ROFS,
            Errno::IO,
            Errno::NXIO,
            Errno::STALE,
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
            Errno::TIMEDOUT,
        ];
        self.number().is_some_and(|number| passing.iter().any(|errno| errno.raw_os_error() == number))
    }
}

#[derive(Debug, Default)]
struct FileCounters {
    rotated: AtomicU64,
    compressed: AtomicU64,
    removed: AtomicU64,
    removed_bytes: AtomicU64,
    reopened: AtomicU64,
    untidy: AtomicU64,
}

/// The state that the threads of one sink share.
#[derive(Debug, Default)]
struct FileShared {
    counts: FileCounters,
    /// Whether to reopen the path.
    reopen: AtomicBool,
    /// Whether a file was rotated since the last tidying.
    tidy: AtomicBool,
    /// Whether long work has to stop, since the sink ends.
    stop: AtomicBool,
}

/// Pause before failed tidying is retried.
const AGAIN: Duration = Duration::from_secs(60);
/// Longest wait for the last seal.
const END: Duration = Duration::from_secs(2);
/// Longest time between two checks for files that became too old.
const LOOK: Duration = Duration::from_secs(600);

/// The transport that appends records to a file.
#[derive(Debug)]
pub struct FileTransport {
    settings: FileSettings,
    log: Arc<Mutex<RotatingFile>>,
    shared: Arc<FileShared>,
    tidying: Option<JoinHandle<io::Result<()>>>,
    /// Time of the next tidying if no file is rotated before.
    due: Option<Instant>,
}

impl FileTransport {
    /// Opens the file, locks it, and gives it its mode and group. A disk that is full, read-only or broken is
    /// no error here but one of the first delivery, as is a FIFO without a reader.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(settings: &FileSettings) -> Result<Self, FileError> {
        Self::with(settings, None)
    }

    /// Opens the file as [`open`](Self::open) does, and seals the lines of JSON written to it. `name`: name
    /// of the sink.
    ///
    /// # Errors
    /// See [`FileError`]; a key that cannot be read is a wrong setting.
    pub fn sealed(settings: &FileSettings, name: &str, meta: &Meta) -> Result<Self, FileError> {
        Self::with(settings, Some(FileChain::new(settings, name, meta).map_err(FileError::Setting)?))
    }

    fn with(settings: &FileSettings, chain: Option<FileChain>) -> Result<Self, FileError> {
        let shared = Arc::<FileShared>::default();
        // The first delivery cleans up what a crash left.
        shared.tidy.store(settings.rotation_key().is_some(), Ordering::Relaxed);
        let log = RotatingFile::open(settings, Arc::clone(&shared), chain)?;
        let log = Arc::new(Mutex::new(log));
        Ok(Self { settings: settings.clone(), log, shared, tidying: None, due: None })
    }

    /// Appends finished lines, each with its newline. A line is done when the file has it; with
    /// [`SyncMode::Batch`], when the disk has it.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> DeliveryResult {
        if batch.is_empty() {
            return DeliveryResult::default();
        }
        let delivered = blocking::write(&self.log, batch, RotatingFile::deliver).await;
        self.tidy().await;
        delivered
    }

    /// Shares the memory of references with the worker of the sink, which adds what it queues.
    pub(crate) fn remember(&mut self, memory: &SharedMemory) {
        blocking::lock(&self.log).remember(Arc::clone(memory));
    }

    /// Reopens the path with the next batch, after SIGHUP: the open file may have been moved.
    pub fn reopen(&mut self) {
        self.shared.reopen.store(true, Ordering::Relaxed);
    }

    /// Closes the file. Done records are in the file already. Compression is interrupted, and repeated at the
    /// next start.
    pub async fn close(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(tidying) = self.tidying.take() {
            self.tidied(tidying.await);
        }
        let log = Arc::clone(&self.log);
        let end = tokio::task::spawn_blocking(move || blocking::lock(&log).end());
        // A disk that hangs keeps the lock, so the wait has a limit.
        let _ended = tokio::time::timeout(END, end).await;
    }

    /// Returns the counts of actions on files.
    #[must_use]
    pub fn counts(&self) -> FileCounts {
        let counts = &self.shared.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FileCounts {
            rotated: get(&counts.rotated),
            compressed: get(&counts.compressed),
            removed: get(&counts.removed),
            removed_bytes: get(&counts.removed_bytes),
            reopened: get(&counts.reopened),
            cleanup_failures: get(&counts.untidy),
        }
    }

    /// Removes and compresses rotated files on a separate thread, one such thread at a time.
    async fn tidy(&mut self) {
        if let Some(tidying) = self.tidying.take_if(|tidying| tidying.is_finished()) {
            self.tidied(tidying.await);
        }
        let due = self.due.is_some_and(|due| due <= Instant::now());
        if self.tidying.is_some() || !(self.shared.tidy.swap(false, Ordering::Relaxed) || due) {
            return;
        }
        self.due = None;
        let (settings, shared) = (self.settings.clone(), Arc::clone(&self.shared));
        self.tidying = Some(tokio::task::spawn_blocking(move || retention::tidy(&settings, &shared)));
    }

    fn tidied(&mut self, done: Result<io::Result<()>, tokio::task::JoinError>) {
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
        let old = self.settings.keep_age.map(|age| Instant::now() + age.0.min(LOOK));
        match done {
            Ok(()) => self.due = old,
            Err(_) if self.shared.stop.load(Ordering::Relaxed) => {}
            Err(error) => {
                self.shared.counts.untidy.fetch_add(1, Ordering::Relaxed);
                self.due = Some(Instant::now() + AGAIN);
                let path = self.settings.path.display();
                tracing::warn!(%error, %path, "rotated files could not all be removed or compressed");
            }
        }
    }
}

impl Drop for FileTransport {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}
