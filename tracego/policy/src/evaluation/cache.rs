//! Cache of decisions.
//!
//! A decision is found by the encoded part of a record that policies read ([`crate::input`]), and quicker by a shorter
//! key, which has the parts that records share by their addresses ([`SharedProjection`]). Keys are compared in whole,
//! and shared parts live as long as the keys with their addresses, so one decision never stands for another.

use std::num::NonZeroUsize;

use lru::LruCache;
use tracego_model::record::{Record, policy::PolicyDecision};

use crate::{
    compiler::InputUse,
    input::{HeldParts, Projection, SharedProjection},
};

/// Maximum size of a key in bytes; decisions with a larger one are not cached.
const BYTES: usize = 16 << 10;
/// Maximum number of decisions that keep shared parts alive.
const HOLDING: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);
/// Highest credit of short keys. A decision that a short key finds adds one, and one that only the content finds takes
/// one away: then each process has parts of its own, as where each opens a job of its own.
const CREDIT: u32 = 32;
/// Credit of short keys after a pause.
const TRIAL: u32 = 8;
/// Number of decisions without short keys once their credit is used up.
const PAUSE: u32 = 512;

/// A cache that evicts the least recently used decision first.
#[derive(Debug)]
pub(crate) struct DecisionCache {
    by_content: LruCache<Box<[u8]>, PolicyDecision>,
    by_address: Option<AddressCache>,
}

/// The decisions by short keys.
#[derive(Debug)]
struct AddressCache {
    projection: SharedProjection,
    /// Key of the latest record; empty if it has none. The buffer is reused.
    key: Vec<u8>,
    decisions: LruCache<Box<[u8]>, (PolicyDecision, HeldParts)>,
    credit: u32,
    /// Number of decisions until short keys are tried again.
    pause: u32,
}

impl DecisionCache {
    /// Creates a cache; returns `None` if decisions must not be cached.
    pub(crate) fn new(
        input_use: &InputUse,
        projection: &Projection,
        size: Option<NonZeroUsize>,
    ) -> Option<Self> {
        let same = input_use.uncacheable.is_none() && !input_use.whole;
        let size = size.filter(|_| same)?;
        let by_address = SharedProjection::new(projection).map(|projection| AddressCache {
            projection,
            key: Vec::new(),
            decisions: LruCache::new(size.min(HOLDING)),
            credit: TRIAL,
            pause: 0,
        });
        Some(Self { by_content: LruCache::new(size), by_address })
    }

    /// Whether the decision for a key is cached.
    pub(crate) fn accepts(seen: &[u8]) -> bool {
        seen.len() <= BYTES
    }

    pub(crate) fn get(&mut self, seen: &[u8]) -> Option<&PolicyDecision> {
        self.by_content.get(seen)
    }

    pub(crate) fn put(&mut self, seen: &[u8], decision: PolicyDecision) {
        self.by_content.put(seen.into(), decision);
    }

    /// Returns the decision about a record with the same shared parts and the same rest.
    pub(crate) fn get_shared(&mut self, record: &Record) -> Option<&PolicyDecision> {
        let cache = self.by_address.as_mut()?;
        if cache.pause > 0 {
            cache.pause -= 1;
            cache.key.clear();
            return None;
        }
        if cache.projection.encode(record, &mut cache.key).is_err() {
            cache.key.clear();
            return None;
        }
        let (decision, _) = cache.decisions.get(&cache.key[..])?;
        cache.credit = CREDIT.min(cache.credit + 1);
        Some(decision)
    }

    /// Stores the decision about the record that [`Self::get_shared`] had none for.
    pub(crate) fn put_shared(&mut self, record: &Record, decision: &PolicyDecision) {
        let Some(cache) = self.by_address.as_mut().filter(|cache| !cache.key.is_empty()) else { return };
        if decision.cached {
            cache.credit = cache.credit.saturating_sub(1);
            if cache.credit == 0 {
                (cache.credit, cache.pause) = (TRIAL, PAUSE);
            }
        }
        let held = (decision.clone(), cache.projection.hold(record));
        cache.decisions.put(cache.key.as_slice().into(), held);
    }
}
