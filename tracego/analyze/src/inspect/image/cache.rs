//! A cache of the metadata of executables. Each file is read once, as long as it does not change.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use lru::LruCache;
use serde::Serialize;
use tracego_golang::{self as golang, Image};
use tracego_model::input::note::OpenFailure;

use super::executable::{ExecutedProcess, Opener};

/// Default number of bytes of memory for images.
pub const BYTES: usize = 8 << 20;

/// Minimum age of a change time for caching. A younger file is read again next time: the clock of change
/// times stands still for up to 10 ms, so the file may still be written to without a new change time.
const SETTLED: Duration = Duration::from_millis(20);

/// Key of a file: device, inode and change time, as the kernel reports them. The change time covers size and
/// modification time, because no program can set it.
pub type FileKey = (u32, u64, u64);

/// Counters of the cache.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ImageCacheCounters {
    /// Number of lookups answered from the cache.
    pub hits: u64,
    /// Number of lookups that opened a file, or failed to.
    pub misses: u64,
    /// Number of images evicted.
    pub evicted: u64,
    /// Number of failures of kind [`OpenFailure::Gone`].
    pub gone: u64,
    /// Number of failures of kind [`OpenFailure::Changed`].
    pub changed: u64,
    /// Number of failures of kind [`OpenFailure::Unverified`].
    pub unverified: u64,
    /// Number of failures of kind [`OpenFailure::NotRegular`].
    pub not_regular: u64,
    /// Number of failures of kind [`OpenFailure::Denied`].
    pub denied: u64,
    /// Number of failures of kind [`OpenFailure::Io`].
    pub io: u64,
}

/// Images by file; the least recently used one is evicted first.
pub struct ImageCache {
    opener: Opener,
    entries: LruCache<FileKey, Arc<Image>>,
    bytes: usize,
    bytes_max: usize,
    counts: ImageCacheCounters,
}

impl ImageCache {
    /// Creates a cache. `bytes_max` is the total size of the images in bytes, see [`BYTES`].
    #[must_use]
    pub fn new(opener: Opener, bytes_max: usize) -> Self {
        Self {
            opener,
            entries: LruCache::unbounded(),
            bytes: 0,
            bytes_max,
            counts: ImageCacheCounters::default(),
        }
    }

    /// Returns the image that a process executed. Files that are not ELF are cached as well; failures are
    /// not.
    ///
    /// # Errors
    /// Fails if the file cannot be read, see [`OpenFailure`].
    pub fn get(&mut self, process: &ExecutedProcess<'_>) -> Result<Arc<Image>, OpenFailure> {
        let key = (process.device, process.inode, process.ctime_ns);
        if let Some(image) = self.cached(key) {
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
            Err(failure) => Err(self.count_failure(failure)),
        }
    }

    /// Counts a file that could not be read. Returns the same failure.
    pub fn count_failure(&mut self, failure: OpenFailure) -> OpenFailure {
        *self.count(failure) += 1;
        failure
    }

    /// Returns a cached image.
    pub fn cached(&mut self, key: FileKey) -> Option<Arc<Image>> {
        let image = Arc::clone(self.entries.get(&key)?);
        self.counts.hits += 1;
        Some(image)
    }

    fn read(&self, process: &ExecutedProcess<'_>) -> Result<Image, OpenFailure> {
        let file = self.opener.open(process)?;
        let image = golang::read(&file)?;
        file.verify()?;
        Ok(image)
    }

    fn remember(&mut self, key: FileKey, image: &Arc<Image>) {
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

    fn count(&mut self, failure: OpenFailure) -> &mut u64 {
        match failure {
            OpenFailure::Gone => &mut self.counts.gone,
            OpenFailure::Changed => &mut self.counts.changed,
            OpenFailure::Unverified => &mut self.counts.unverified,
            OpenFailure::NotRegular => &mut self.counts.not_regular,
            OpenFailure::Denied => &mut self.counts.denied,
            OpenFailure::Io(_) => &mut self.counts.io,
        }
    }

    /// Returns the counters.
    #[must_use]
    pub fn counts(&self) -> ImageCacheCounters {
        self.counts
    }

    /// Returns the approximate number of bytes that images occupy now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Returns the approximate size of an entry in bytes: the image, its reference counts, and its slot in the
/// table.
fn cost(image: &Image) -> usize {
    const TABLE: usize = 96;
    size_of::<Image>() + image.heap_bytes() + TABLE
}

fn is_settled(ctime_ns: u64, now: SystemTime) -> bool {
    let ctime = SystemTime::UNIX_EPOCH + Duration::from_nanos(ctime_ns);
    let age = now.duration_since(ctime).unwrap_or_else(|early| early.duration());
    age >= SETTLED
}
