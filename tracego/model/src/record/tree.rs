//! Dotted attributes, written as nested objects.

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::frozen::Frozen;

/// Attributes with a common first segment, sorted by name. `vcs.ref.head.revision` is written as
/// `{"ref":{"head":{"revision":…}}}` under `vcs`. No name may be the start of another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tree(Frozen<Attributes>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Attributes(Vec<(&'static str, String)>);

impl Tree {
    /// Creates a tree from attributes without their common first segment.
    #[must_use]
    pub fn new(mut attributes: Vec<(&'static str, String)>) -> Self {
        attributes.sort_unstable_by_key(|&(name, _)| name);
        Self(Attributes(attributes).into())
    }

    /// Returns the value of an attribute, named as in [`Self::new`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Iterates over all attributes, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Whether the tree has no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Level { attributes: &self.0, skip: 0 }.serialize(serializer)
    }
}

/// The attributes that agree in their first `skip` bytes.
struct Level<'a> {
    attributes: &'a [(&'static str, String)],
    skip: usize,
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut rest = self.attributes;
        while let Some(((name, value), _)) = rest.split_first() {
            let tail = name.get(self.skip..).unwrap_or_default();
            match tail.split_once('.') {
                None => {
                    map.serialize_entry(tail, value)?;
                    rest = &rest[1..];
                }
                Some((segment, _)) => {
                    let skip = self.skip + segment.len() + 1;
                    let front = name.get(..skip).unwrap_or_default();
                    let same = rest.iter().take_while(|(other, _)| other.starts_with(front)).count();
                    map.serialize_entry(segment, &Level { attributes: &rest[..same], skip })?;
                    rest = &rest[same..];
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_become_objects() {
        let tree = Tree::new(vec![
            ("ref.head.revision", "abc".into()),
            ("change.id", "7".into()),
            ("ref.head.name", "main".into()),
        ]);
        let wanted = r#"{"change":{"id":"7"},"ref":{"head":{"name":"main","revision":"abc"}}}"#;
        assert_eq!(serde_json::to_string(&tree).unwrap(), wanted);
        assert_eq!(serde_json::to_string(&Tree::default()).unwrap(), "{}");
    }
}
