//! Cache of decisions.
//!
//! The key is the encoded part of a record that policies read ([`super::seen`]). The whole key is compared,
//! so one decision never stands for another.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_model::record::policy::PolicyDecision;

use super::reads::Reads;

/// Maximum size of a key in bytes; decisions with a larger one are not cached.
const BYTES: usize = 16 << 10;

/// A cache that evicts the least recently used decision first.
#[derive(Debug)]
pub(super) struct Cache(LruCache<Box<[u8]>, PolicyDecision>);

impl Cache {
    /// Creates a cache; returns `None` if decisions must not be cached.
    pub(super) fn new(reads: &Reads, size: Option<NonZeroUsize>) -> Option<Self> {
        let same = reads.uncacheable.is_none() && !reads.whole;
        size.filter(|_| same).map(|size| Self(LruCache::new(size)))
    }

    /// Whether the decision for a key is cached.
    pub(super) fn takes(seen: &[u8]) -> bool {
        seen.len() <= BYTES
    }

    pub(super) fn get(&mut self, seen: &[u8]) -> Option<&PolicyDecision> {
        self.0.get(seen)
    }

    pub(super) fn put(&mut self, seen: &[u8], decision: PolicyDecision) {
        self.0.put(seen.into(), decision);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
