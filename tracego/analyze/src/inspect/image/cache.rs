//! A cache of the metadata of executables. Each file is read once, as long as it does not change.

use std::sync::Arc;

use lru::LruCache;
use serde::Serialize;
use tracego_golang::Image;
use tracego_model::input::note::OpenFailure;

use super::executable::{ExecutedProcess, ReadImage};

/// Default number of bytes of memory for images.
pub const BYTES: usize = 8 << 20;

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
    /// Number of failures of kind [`OpenFailure::Unstable`].
    pub unstable: u64,
    /// Number of failures of kind [`OpenFailure::Timeout`].
    pub timeout: u64,
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
    entries: LruCache<FileKey, Arc<Image>>,
    bytes: usize,
    bytes_max: usize,
    counts: ImageCacheCounters,
}

impl ImageCache {
    /// Creates a cache. `bytes_max` is the total size of the images in bytes, see [`BYTES`].
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, bytes_max, counts: ImageCacheCounters::default() }
    }

    /// Returns the image that a process executed; `read` reads it if it is not known. Files that are not ELF are
    /// cached as well; failures are not.
    ///
    /// # Errors
    /// Fails if the file cannot be read, see [`OpenFailure`].
    pub fn get(
        &mut self,
        process: &ExecutedProcess<'_>,
        read: impl FnOnce(&ExecutedProcess<'_>) -> Result<ReadImage, OpenFailure>,
    ) -> Result<Arc<Image>, OpenFailure> {
        if let Some(image) = self.cached(process) {
            return Ok(image);
        }
        self.counts.misses += 1;
        match read(process) {
            Ok(found) => Ok(self.put(key(process), found)),
            Err(failure) => {
                *self.count(failure) += 1;
                Err(failure)
            }
        }
    }

    /// Returns a cached image. A file that was changed within a tick of its start may have had other content
    /// with the same change time, so its image is none of the cached ones.
    fn cached(&mut self, process: &ExecutedProcess<'_>) -> Option<Arc<Image>> {
        if !process.is_settled() {
            return None;
        }
        let image = Arc::clone(self.entries.get(&key(process))?);
        self.counts.hits += 1;
        Some(image)
    }

    /// Takes an image that was read, and remembers it if its file has this content for good.
    pub fn put(&mut self, key: FileKey, found: ReadImage) -> Arc<Image> {
        let image = Arc::new(found.image);
        if found.is_lasting {
            self.remember(key, &image);
        }
        image
    }

    fn remember(&mut self, key: FileKey, image: &Arc<Image>) {
        let bytes = cost(image);
        if bytes > self.bytes_max {
            return;
        }
        self.bytes += bytes;
        if let Some(before) = self.entries.put(key, Arc::clone(image)) {
            self.bytes = self.bytes.saturating_sub(cost(&before));
        }
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
            OpenFailure::Unstable => &mut self.counts.unstable,
            OpenFailure::Timeout => &mut self.counts.timeout,
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

/// Returns the key of the file that a process executed.
#[must_use]
pub fn key(process: &ExecutedProcess<'_>) -> FileKey {
    (process.device, process.inode, process.ctime_ns)
}
