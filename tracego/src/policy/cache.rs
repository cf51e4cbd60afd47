//! Decisions that are remembered.
//!
//! The key is what the policies can see: the values of the members that their text reads. They are compared
//! as a whole, so one decision never stands for another.

use std::{
    hash::{Hash, Hasher},
    num::NonZeroUsize,
};

use lru::LruCache;
use regorus::Value;

use super::{decision::Decision, reads::Reads};

/// Parts of a key; an input with more is decided each time.
const PARTS: usize = 1024;
/// Bytes of its texts.
const BYTES: usize = 16 << 10;

/// What the policies see of an input.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Key(Vec<Value>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash(value, state));
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    std::mem::discriminant(value).hash(state);
    match value {
        Value::Null | Value::Undefined => {}
        Value::Bool(value) => value.hash(state),
        // Numbers that are equal have the same approximation.
        Value::Number(number) => {
            number.as_f64().map(|value| if value == 0.0 { 0 } else { value.to_bits() }).hash(state);
        }
        Value::String(text) => text.hash(state),
        Value::Array(items) => {
            items.len().hash(state);
            items.iter().for_each(|item| hash(item, state));
        }
        Value::Set(items) => {
            items.len().hash(state);
            items.iter_sorted().for_each(|item| hash(item, state));
        }
        Value::Object(members) => {
            members.len().hash(state);
            for (key, value) in members.iter_sorted() {
                hash(key, state);
                hash(value, state);
            }
        }
    }
}

/// The least recently used goes first.
#[derive(Debug)]
pub(super) struct Cache {
    paths: Vec<Vec<Value>>,
    kept: LruCache<Key, Decision>,
}

impl Cache {
    /// Nothing when decisions must not be remembered.
    pub(super) fn new(reads: &Reads, size: Option<NonZeroUsize>) -> Option<Self> {
        if reads.uncacheable.is_some() || reads.whole {
            return None;
        }
        // A path below one that is there already adds nothing.
        let all = &reads.paths;
        let within = |path: &[String]| (1..path.len()).any(|end| all.contains(&path[..end]));
        let paths = all.iter().filter(|path| !within(path));
        let paths = paths.map(|path| path.iter().map(|part| Value::from(part.as_str())).collect()).collect();
        Some(Self { paths, kept: LruCache::new(size?) })
    }

    /// The key of an input; nothing when it is too large.
    pub(super) fn key(&self, input: &Value) -> Option<Key> {
        let (mut parts, mut bytes) = (PARTS, BYTES);
        let mut values = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let value = path.iter().try_fold(input, |at, part| match at {
                Value::Object(members) => members.get(part),
                _ => None,
            });
            let value = value.cloned().unwrap_or(Value::Undefined);
            weigh(&value, &mut parts, &mut bytes)?;
            values.push(value);
        }
        Some(Key(values))
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<&Decision> {
        self.kept.get(key)
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    pub(super) fn put(&mut self, key: Key, decision: Decision) {
        self.kept.put(key, decision);
    }
}

fn weigh(value: &Value, parts: &mut usize, bytes: &mut usize) -> Option<()> {
    *parts = parts.checked_sub(1)?;
    match value {
        Value::String(text) => *bytes = bytes.checked_sub(text.len())?,
        Value::Array(items) => {
            for item in items.iter() {
                weigh(item, parts, bytes)?;
            }
        }
        Value::Set(items) => {
            for item in items.iter() {
                weigh(item, parts, bytes)?;
            }
        }
        Value::Object(members) => {
            for (key, value) in members.iter() {
                weigh(key, parts, bytes)?;
                weigh(value, parts, bytes)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Undefined => {}
    }
    Some(())
}
