//! What executed files say about themselves. Each is read once, as long as it stays what it is.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lru::LruCache;
use serde::Serialize;

use super::open::{Opener, Process};
use tracego_golang::{self as golang, Image};
use tracego_model::input::note::Failure;

/// Bytes of memory that images take by default.
pub const BYTES: usize = 8 << 20;

/// A file whose change time is as young as this is read again the next time: the clock of change times
/// stands still for up to 10 ms, so it may yet be written to and keep that time.
const SETTLED: Duration = Duration::from_millis(20);

/// Which file: device, inode and change time, as the kernel gives them. The change time covers size and
/// modification time too, because no program can set it.
pub type Key = (u32, u64, u64);

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// Answers from memory.
    pub hits: u64,
    /// Files that were opened, or could not be.
    pub misses: u64,
    /// Images that had to go.
    pub evicted: u64,
    /// [`Failure::Gone`].
    pub gone: u64,
    /// [`Failure::Changed`].
    pub changed: u64,
    /// [`Failure::Unverified`].
    pub unverified: u64,
    /// [`Failure::NotRegular`].
    pub not_regular: u64,
    /// [`Failure::Denied`].
    pub denied: u64,
    /// [`Failure::Io`].
    pub io: u64,
}

/// Images by file; the least recently used one goes first.
pub struct Images {
    opener: Opener,
    entries: LruCache<Key, Arc<Image>>,
    bytes: usize,
    bytes_max: usize,
    counts: Counts,
}

impl Images {
    /// `bytes_max`: bytes of memory that images take together, see [`BYTES`].
    #[must_use]
    pub fn new(opener: Opener, bytes_max: usize) -> Self {
        Self { opener, entries: LruCache::unbounded(), bytes: 0, bytes_max, counts: Counts::default() }
    }

    /// The image that a process executed. One that is no ELF file is remembered as well, a failure is not.
    ///
    /// # Errors
    /// Why the file could not be read.
    pub fn get(&mut self, process: &Process<'_>) -> Result<Arc<Image>, Failure> {
        let key = (process.device, process.inode, process.ctime_ns);
        if let Some(image) = self.known(key) {
            return Ok(image);
        }
        self.counts.misses += 1;
        match self.read(process) {
            Ok(image) => {
                let image = Arc::new(image);
                if is_settled(process.ctime_ns, SystemTime::now()) {
                    self.remember(key, &image);
                }
                Ok(image)
            }
            Err(failure) => Err(self.refused(failure)),
        }
    }

    /// Counts a file that is not read.
    pub fn refused(&mut self, failure: Failure) -> Failure {
        *self.count(failure) += 1;
        failure
    }

    /// An image that was read before.
    pub fn known(&mut self, key: Key) -> Option<Arc<Image>> {
        let image = Arc::clone(self.entries.get(&key)?);
        self.counts.hits += 1;
        Some(image)
    }

    fn read(&self, process: &Process<'_>) -> Result<Image, Failure> {
        let file = self.opener.open(process)?;
        let image = golang::read(&file)?;
        file.verify()?;
        Ok(image)
    }

    fn remember(&mut self, key: Key, image: &Arc<Image>) {
        let bytes = cost(image);
        if bytes > self.bytes_max {
            return;
        }
        self.bytes += bytes;
        self.entries.put(key, Arc::clone(image));
        while self.bytes > self.bytes_max
            && let Some((_, image)) = self.entries.pop_lru()
        {
            self.bytes = self.bytes.saturating_sub(cost(&image));
            self.counts.evicted += 1;
        }
    }

    fn count(&mut self, failure: Failure) -> &mut u64 {
        match failure {
            Failure::Gone => &mut self.counts.gone,
            Failure::Changed => &mut self.counts.changed,
            Failure::Unverified => &mut self.counts.unverified,
            Failure::NotRegular => &mut self.counts.not_regular,
            Failure::Denied => &mut self.counts.denied,
            Failure::Io(_) => &mut self.counts.io,
        }
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes of memory that images take now, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bytes of memory of an entry, about: the image, its counters, and its place in the table.
fn cost(image: &Image) -> usize {
    const TABLE: usize = 96;
    size_of::<Image>() + image.heap_bytes() + TABLE
}

fn is_settled(ctime_ns: u64, now: SystemTime) -> bool {
    let ctime = SystemTime::UNIX_EPOCH + Duration::from_nanos(ctime_ns);
    let age = now.duration_since(ctime).unwrap_or_else(|early| early.duration());
    age >= SETTLED
}
