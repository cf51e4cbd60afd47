//! JSON objects with their members in the order of the source, without absent ones.

use serde::{Serialize, Serializer};

/// Serialises an object: `"key": value,` is always written, `"key"? option,` only if the option is set.
macro_rules! object {
    ($serializer:expr; $($key:literal $kind:tt $value:expr,)*) => {{
        use serde::ser::SerializeMap as _;
        let mut map = $serializer.serialize_map(None)?;
        $(object!(@member map, $key $kind $value);)*
        map.end()
    }};
    (@member $map:ident, $key:literal : $value:expr) => {
        $map.serialize_entry($key, &$value)?;
    };
    (@member $map:ident, $key:literal ? $value:expr) => {
        if let Some(value) = $value {
            $map.serialize_entry($key, &value)?;
        }
    };
}
pub(super) use object;

/// Object with one member.
pub(super) struct SingleMember<T>(pub(super) &'static str, pub(super) T);

impl<T: Serialize> Serialize for SingleMember<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// Number that is written as a string.
pub(super) struct AsText<T>(pub(super) T);

impl<T: std::fmt::Display> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
