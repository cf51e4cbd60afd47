//! Decisions that are remembered.
//!
//! They are found by what the policies see ([`super::seen`]), all of which is compared: one decision never stands for
//! another.

use std::num::NonZeroUsize;

use lru::LruCache;

use super::reads::Reads;
use tracego_model::record::policy::Decision;

/// Bytes of what is seen; where there are more, it is decided each time.
const BYTES: usize = 16 << 10;

/// The least recently used goes first.
#[derive(Debug)]
pub(super) struct Cache(LruCache<Box<[u8]>, Decision>);

impl Cache {
    /// Nothing when decisions must not be remembered.
    pub(super) fn new(reads: &Reads, size: Option<NonZeroUsize>) -> Option<Self> {
        let same = reads.uncacheable.is_none() && !reads.whole;
        size.filter(|_| same).map(|size| Self(LruCache::new(size)))
    }

    /// Whether it is remembered what is decided about this.
    pub(super) fn takes(seen: &[u8]) -> bool {
        seen.len() <= BYTES
    }

    pub(super) fn get(&mut self, seen: &[u8]) -> Option<&Decision> {
        self.0.get(seen)
    }

    pub(super) fn put(&mut self, seen: &[u8], decision: Decision) {
        self.0.put(seen.into(), decision);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
