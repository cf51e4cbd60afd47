//! Decisions that are remembered.
//!
//! They are found by what the policies can see: the values of the members that their text reads. A hash finds
//! the place, and the values are compared as a whole, so one decision never stands for another.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, Hash, Hasher},
    num::NonZeroUsize,
};

use lru::{DefaultHasher, LruCache};
use regorus::{Value, value::Object};

use super::{decision::Decision, reads::Reads};

/// Parts of what is seen; an input with more is decided each time.
const PARTS: usize = 1024;
/// Bytes of its texts.
const BYTES: usize = 16 << 10;

/// What stands for a member that is not there.
static NOTHING: Value = Value::Undefined;

/// A member that policies read, or one that such members are below of.
#[derive(Debug)]
struct Node {
    name: Value,
    below: Vec<Node>,
    /// Members that are read from here on down.
    leaves: usize,
}

/// What the policies see of an input.
pub(super) struct Seen<'a> {
    hash: u64,
    values: Vec<&'a Value>,
}

/// A decision, and the values that it was made with.
#[derive(Debug)]
struct Kept {
    values: Vec<Value>,
    decision: Decision,
}

/// The least recently used goes first.
#[derive(Debug)]
pub(super) struct Cache {
    nodes: Vec<Node>,
    leaves: usize,
    hasher: DefaultHasher,
    kept: LruCache<u64, Kept>,
}

impl Cache {
    /// Nothing when decisions must not be remembered.
    pub(super) fn new(reads: &Reads, size: Option<NonZeroUsize>) -> Option<Self> {
        if reads.uncacheable.is_some() || reads.whole {
            return None;
        }
        let nodes = nodes(&reads.paths.iter().map(Vec::as_slice).collect());
        let leaves = nodes.iter().map(|node| node.leaves).sum();
        Some(Self { nodes, leaves, hasher: DefaultHasher::default(), kept: LruCache::new(size?) })
    }

    /// What is seen of an input; nothing when it is too large.
    pub(super) fn see<'a>(&self, input: &'a Value) -> Option<Seen<'a>> {
        let mut values = Vec::with_capacity(self.leaves);
        match input {
            Value::Object(members) => collect(&self.nodes, members, &mut values),
            _ => values.resize(self.leaves, &NOTHING),
        }
        let mut left = Left { parts: PARTS, bytes: BYTES };
        let mut hasher = self.hasher.build_hasher();
        for value in &values {
            hash(value, &mut hasher, &mut left)?;
        }
        Some(Seen { hash: hasher.finish(), values })
    }

    pub(super) fn get(&mut self, seen: &Seen<'_>) -> Option<&Decision> {
        let kept = self.kept.get(&seen.hash)?;
        let same = kept.values.iter().eq(seen.values.iter().copied());
        same.then_some(&kept.decision)
    }

    /// Keeps one, in place of another with the same hash.
    pub(super) fn put(&mut self, seen: &Seen<'_>, decision: Decision) {
        let values = seen.values.iter().map(|value| (*value).clone()).collect();
        self.kept.put(seen.hash, Kept { values, decision });
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}

/// The members that paths begin with. A path below one that is there already adds nothing.
fn nodes(paths: &BTreeSet<&[String]>) -> Vec<Node> {
    let names: BTreeSet<&String> = paths.iter().filter_map(|path| path.first()).collect();
    let node = |name: &String| {
        let ours = paths.iter().filter_map(|path| path.split_first().filter(|(first, _)| *first == name));
        let rest: BTreeSet<&[String]> = ours.map(|(_, rest)| rest).collect();
        let below = if rest.iter().any(|rest| rest.is_empty()) { Vec::new() } else { nodes(&rest) };
        let leaves = below.iter().map(|node| node.leaves).sum::<usize>().max(1);
        Node { name: Value::from(name.as_str()), below, leaves }
    };
    names.into_iter().map(node).collect()
}

/// As many values for each input: one for each leaf.
fn collect<'a>(nodes: &[Node], members: &'a Object, into: &mut Vec<&'a Value>) {
    for node in nodes {
        match members.get(&node.name) {
            Some(value) if node.below.is_empty() => into.push(value),
            Some(Value::Object(members)) => collect(&node.below, members, into),
            _ => into.resize(into.len() + node.leaves, &NOTHING),
        }
    }
}

/// What may still be seen.
struct Left {
    parts: usize,
    bytes: usize,
}

fn hash<H: Hasher>(value: &Value, state: &mut H, left: &mut Left) -> Option<()> {
    left.parts = left.parts.checked_sub(1)?;
    match value {
        Value::Null => state.write_u8(1),
        Value::Undefined => state.write_u8(2),
        Value::Bool(value) => state.write_u8(3 + u8::from(*value)),
        // Numbers that are equal have the same approximation.
        Value::Number(number) => {
            number.as_f64().map(|value| if value == 0.0 { 0 } else { value.to_bits() }).hash(state);
        }
        Value::String(text) => {
            left.bytes = left.bytes.checked_sub(text.len())?;
            state.write(text.as_bytes());
        }
        Value::Array(items) => {
            state.write_usize(items.len());
            items.iter().try_for_each(|item| hash(item, state, left))?;
        }
        Value::Set(items) => {
            state.write_usize(items.len());
            items.iter_sorted().try_for_each(|item| hash(item, state, left))?;
        }
        Value::Object(members) => {
            state.write_usize(members.len());
            // Their names hardly differ where the values do not.
            for (name, value) in members.iter_sorted() {
                left.bytes = left.bytes.checked_sub(name.as_string().map_or(0, |name| name.len()))?;
                hash(value, state, left)?;
            }
        }
    }
    Some(())
}
