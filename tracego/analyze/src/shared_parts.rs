//! Parts of records that many records share, and what is made of them once.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;

/// The forms of recently used parts, by the address of the part.
#[derive(Debug)]
pub(crate) struct SharedParts<T, R>(LruCache<usize, (Arc<T>, R)>);

impl<T, R> SharedParts<T, R> {
    /// Creates an empty collection that keeps at most `kept` parts.
    pub(crate) fn new(kept: usize) -> Self {
        Self(LruCache::new(NonZeroUsize::new(kept).unwrap_or(NonZeroUsize::MIN)))
    }

    /// Forgets all parts.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the form of a part, made by `make` where the part is new. The part is kept beside its form, so that
    /// its address stands for it alone.
    pub(crate) fn of(&mut self, part: &Arc<T>, make: impl FnOnce(&Arc<T>) -> R) -> &R {
        let key = Arc::as_ptr(part).cast::<()>() as usize;
        &self.0.get_or_insert(key, || (Arc::clone(part), make(part))).1
    }
}
