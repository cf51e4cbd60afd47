//! Structure without some of its fields: those that a format has its own names for.

use serde::{Serialize, Serializer, ser::SerializeMap};
use tracego_model::walk::{MemberVisitor, walk_members};

/// Structure that is serialised without the named fields.
pub(super) struct OmitFields<'a, T>(pub(super) &'a T, pub(super) &'a [&'static str]);

impl<T: Serialize> Serialize for OmitFields<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kept = KeptFields { map: serializer.serialize_map(None)?, left_out: self.1 };
        walk_members(self.0, &mut kept)?;
        kept.map.end()
    }
}

struct KeptFields<'a, M> {
    map: M,
    left_out: &'a [&'static str],
}

impl<M: SerializeMap> MemberVisitor for KeptFields<'_, M> {
    type Error = M::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        if self.left_out.contains(&name) { Ok(()) } else { self.map.serialize_entry(name, value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Pair {
        one: u8,
        other: u8,
    }

    #[test]
    fn what_is_named_is_left_out() {
        let pair = Pair { one: 1, other: 2 };
        assert_eq!(serde_json::to_string(&OmitFields(&pair, &["one"])).unwrap(), r#"{"other":2}"#);
        assert_eq!(serde_json::to_string(&OmitFields(&pair, &[])).unwrap(), r#"{"one":1,"other":2}"#);
        assert!(serde_json::to_string(&OmitFields(&7, &["one"])).is_err());
    }
}
