//! Values that many records share, serialised once.
//!
//! Half of a record equals the one before: limits, capabilities, ancestors, the job. Writing these keys and
//! values anew each time took most of the time of the JSON sink.

use std::{ops::Deref, sync::OnceLock};

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

/// A value with its JSON, which is created on first use. Formats that are not for people (serde's
/// `is_human_readable`) get the value itself.
#[derive(Debug, Default)]
pub struct Frozen<T> {
    value: T,
    json: OnceLock<Option<Box<RawValue>>>,
}

impl<T: Clone> Clone for Frozen<T> {
    fn clone(&self) -> Self {
        self.value.clone().into()
    }
}

impl<T: PartialEq> PartialEq for Frozen<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> From<T> for Frozen<T> {
    fn from(value: T) -> Self {
        Self { value, json: OnceLock::new() }
    }
}

impl<T> Deref for Frozen<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Serialize for Frozen<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.value.serialize(serializer);
        }
        match self.json.get_or_init(|| to_raw_value(&self.value).ok()) {
            Some(json) => json.serialize(serializer),
            // Serialising the value reports why it cannot be JSON.
            None => self.value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_serialises_as_what_it_holds() {
        let frozen = Frozen::from(vec![("a", 1), ("b", 2)]);
        for _ in 0..2 {
            assert_eq!(serde_json::to_string(&frozen).unwrap(), serde_json::to_string(&*frozen).unwrap());
        }
        assert_eq!(serde_json::to_value(&frozen).unwrap(), serde_json::to_value(&*frozen).unwrap());
    }
}
