//! Least recently used memory that is bounded by the size of its values.

use lru::LruCache;
use serde_json::Value;

/// Approximate maximum of the bytes of all values in one memory.
const BYTES_MAX: usize = 64 << 20;
/// Approximate size of an entry beside its texts, in bytes.
const ENTRY: usize = 64;

/// Values by name; the least recently used are forgotten.
pub(super) struct BoundedMemory<T> {
    values: LruCache<String, (T, usize)>,
    bytes: usize,
}

impl<T> Default for BoundedMemory<T> {
    fn default() -> Self {
        Self { values: LruCache::unbounded(), bytes: 0 }
    }
}

impl<T> BoundedMemory<T> {
    /// Returns a value.
    pub(super) fn get(&mut self, name: &str) -> Option<&T> {
        self.values.get(name).map(|(value, _)| value)
    }

    /// Adds a value of a size in bytes.
    pub(super) fn put(&mut self, name: String, value: T, size: usize) {
        let size = size + name.len() + ENTRY;
        self.bytes += size;
        let before = self.values.put(name, (value, size));
        self.bytes -= before.map_or(0, |(_, size)| size);
        while self.bytes > BYTES_MAX
            && let Some((_, (_, size))) = self.values.pop_lru()
        {
            self.bytes -= size;
        }
    }
}

/// Returns the approximate size of a value in bytes.
pub(super) fn size(value: &Value) -> usize {
    ENTRY
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(size).sum(),
            Value::Object(members) => members.iter().map(|(name, value)| name.len() + size(value)).sum(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut memory = BoundedMemory::default();
        for n in 0..10 {
            memory.put(n.to_string(), n, BYTES_MAX / 4);
        }
        assert!(memory.get("6").is_none());
        assert_eq!(memory.get("9"), Some(&9));
        assert!(memory.bytes <= BYTES_MAX);
    }
}
