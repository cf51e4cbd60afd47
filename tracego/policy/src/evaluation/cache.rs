//! Cache of decisions.
//!
//! The key is the encoded part of a record that policies read ([`crate::input`]). The whole key is compared,
//! so one decision never stands for another.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_model::record::policy::PolicyDecision;

use crate::compiler::InputUse;

/// Maximum size of a key in bytes; decisions with a larger one are not cached.
const BYTES: usize = 16 << 10;

/// A cache that evicts the least recently used decision first.
#[derive(Debug)]
pub(crate) struct DecisionCache(LruCache<Box<[u8]>, PolicyDecision>);

impl DecisionCache {
    /// Creates a cache; returns `None` if decisions must not be cached.
    pub(crate) fn new(input_use: &InputUse, size: Option<NonZeroUsize>) -> Option<Self> {
        let same = input_use.uncacheable.is_none() && !input_use.whole;
        size.filter(|_| same).map(|size| Self(LruCache::new(size)))
    }

    /// Whether the decision for a key is cached.
    pub(crate) fn accepts(seen: &[u8]) -> bool {
        seen.len() <= BYTES
    }

    pub(crate) fn get(&mut self, seen: &[u8]) -> Option<&PolicyDecision> {
        self.0.get(seen)
    }

    pub(crate) fn put(&mut self, seen: &[u8], decision: PolicyDecision) {
        self.0.put(seen.into(), decision);
    }
}
