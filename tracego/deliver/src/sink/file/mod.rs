//! Records into a file that is rotated by size and age.
//!
//! One process writes to a file: it is locked (flock(2)). Records are appended and never changed; a file is
//! rotated between two of them, by rename(2), so that none is in two files or in none. What the file holds
//! when tracego is killed is whole lines, but perhaps the last; the next start ends that line, and its
//! record comes again from the queue.
//!
//! Others may rotate the file, too: before each batch it is looked up whether the path still leads to it.

mod compress;
mod current;
mod log;
pub mod names;
mod place;
mod sealed;
mod settings;
mod tidy;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::io::Errno;
use tokio::task::JoinHandle;

pub use self::settings::{Compress, Group, Mode, Settings, Sync};
use self::{log::Log, sealed::Chain};
use super::{blocking, deliver::Delivered};
use tracego_model::meta::Meta;

/// Why a file cannot be written to.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FileError {
    /// The settings are wrong; names the key.
    #[error("{0}")]
    Setting(String),
    /// Another process has it.
    #[error("path: another process writes to {} and has it locked; give each sink a file of its own", .0.display())]
    Locked(PathBuf),
    /// It is a symbolic link to a regular file.
    #[error(
        "path: {} is a symbolic link to a file; give the path that it leads to (for /dev/stdout: type = \"stdout\")",
        .0.display()
    )]
    Link(PathBuf),
    /// It is a folder, a socket or a disk.
    #[error("path: {} is no file, FIFO or character device", .0.display())]
    Kind(PathBuf),
    /// Group or mode cannot be set.
    #[error("{key}: {}: {why}", .path.display())]
    Own {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// What the operating system says.
    #[error("path: {}: {why}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// In words.
        why: String,
        /// errno(3), where it was the operating system.
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

    /// Whether the same call can succeed later, without anybody changing a setting: the disk is full, or
    /// nobody reads the FIFO yet.
    fn passes(&self) -> bool {
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

/// What was done to files, since the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Files that were rotated.
    pub rotated: u64,
    /// Rotated files that were compressed.
    pub compressed: u64,
    /// Rotated files that were removed, as `keep` and `keep-age` want it.
    pub removed: u64,
    /// Bytes of these, as they were on the disk.
    pub removed_bytes: u64,
    /// How often the path was opened anew: on SIGHUP, or because others moved the file.
    pub reopened: u64,
    /// How often removing or compressing failed; it is tried again.
    pub untidy: u64,
}

#[derive(Debug, Default)]
struct Counters {
    rotated: AtomicU64,
    compressed: AtomicU64,
    removed: AtomicU64,
    removed_bytes: AtomicU64,
    reopened: AtomicU64,
    untidy: AtomicU64,
}

/// What the threads of one sink share.
#[derive(Debug, Default)]
struct Shared {
    counts: Counters,
    /// The path is to be opened anew.
    reopen: AtomicBool,
    /// Something was rotated since the last tidying.
    tidy: AtomicBool,
    /// What takes long is to end.
    stop: AtomicBool,
}

/// Until tidying that failed is tried again.
const AGAIN: Duration = Duration::from_secs(60);
/// For the last seal.
const END: Duration = Duration::from_secs(2);
/// How often it is looked whether files became too old, at most.
const LOOK: Duration = Duration::from_secs(600);

/// Appends records to a file.
#[derive(Debug)]
pub struct File {
    settings: Settings,
    log: Arc<Mutex<Log>>,
    shared: Arc<Shared>,
    tidying: Option<JoinHandle<io::Result<()>>>,
    /// When to tidy again without anything being rotated.
    due: Option<Instant>,
}

impl File {
    /// Opens the file, locks it, and gives it its mode and group. A disk that is full, read-only or broken is
    /// no error here but one of the first delivery, as is a FIFO that nobody reads.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(settings: &Settings) -> Result<Self, FileError> {
        Self::with(settings, None)
    }

    /// As [`open`](Self::open), and seals what it writes: lines of JSON. `name`: of the sink.
    ///
    /// # Errors
    /// See [`FileError`]; a key that cannot be read is one of the settings.
    pub fn sealed(settings: &Settings, name: &str, meta: &Meta) -> Result<Self, FileError> {
        Self::with(settings, Some(Chain::new(settings, name, meta).map_err(FileError::Setting)?))
    }

    fn with(settings: &Settings, chain: Option<Chain>) -> Result<Self, FileError> {
        let shared = Arc::<Shared>::default();
        // What a crash left is put right, with the first delivery.
        shared.tidy.store(settings.rotation().is_some(), Ordering::Relaxed);
        let log = Log::open(settings, Arc::clone(&shared), chain)?;
        let log = Arc::new(Mutex::new(log));
        Ok(Self { settings: settings.clone(), log, shared, tidying: None, due: None })
    }

    /// Appends finished lines, each with its end. Done are those that the file has; with
    /// [`Sync::Batch`], that the disk has.
    pub async fn deliver(&mut self, batch: &[&[u8]]) -> Delivered {
        if batch.is_empty() {
            return Delivered::default();
        }
        let delivered = blocking::write(&self.log, batch, Log::deliver).await;
        self.tidy().await;
        delivered
    }

    /// The path is opened anew with the next batch: on SIGHUP, because what was open may have been moved.
    pub fn reopen(&mut self) {
        self.shared.reopen.store(true, Ordering::Relaxed);
    }

    /// Ends. Everything that is done is in the file already; compressing is broken off, and done at the next
    /// start.
    pub async fn close(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(tidying) = self.tidying.take() {
            self.tidied(tidying.await);
        }
        let log = Arc::clone(&self.log);
        let end = tokio::task::spawn_blocking(move || blocking::lock(&log).end());
        // A disk that hangs has the lock.
        let _ended = tokio::time::timeout(END, end).await;
    }

    /// See [`Counts`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        let counts = &self.shared.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            rotated: get(&counts.rotated),
            compressed: get(&counts.compressed),
            removed: get(&counts.removed),
            removed_bytes: get(&counts.removed_bytes),
            reopened: get(&counts.reopened),
            untidy: get(&counts.untidy),
        }
    }

    /// Removes and compresses rotated files on a thread of its own, one such thread at a time.
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
        self.tidying = Some(tokio::task::spawn_blocking(move || tidy::tidy(&settings, &shared)));
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

impl Drop for File {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}
