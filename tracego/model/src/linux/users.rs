//! Names of users, from passwd(5).

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use serde::Serialize;

/// `process.user.*`, and the other users of a process.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct User {
    /// Id in the initial user namespace.
    pub id: u32,
    /// Name on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

/// The names of users, by id. A clone shares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users(Arc<BTreeMap<u32, Arc<str>>>);

impl Users {
    /// Reads a passwd file. If it cannot be read, no user has a name.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        fs::read(path).map_or_else(|_| Self::default(), |bytes| Self::parse(&bytes))
    }

    /// Parses the lines of a passwd file. The first entry of an id wins, as in getpwuid(3).
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut names = BTreeMap::new();
        for line in String::from_utf8_lossy(bytes).lines() {
            let mut fields = line.split(':');
            let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            if let Ok(id) = id.parse() {
                names.entry(id).or_insert_with(|| Arc::from(name));
            }
        }
        Self(Arc::new(names))
    }

    /// Returns the user with this id.
    #[must_use]
    pub fn get(&self, id: u32) -> User {
        User { id, name: self.0.get(&id).cloned() }
    }

    /// Returns the id of a user.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<u32> {
        self.iter().find(|(_, known)| *known == name).map(|(id, _)| id)
    }

    /// Iterates over all users, for a capture file.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.0.iter().map(|(id, name)| (*id, name.as_ref()))
    }

    /// Creates the map from the pairs in a capture file.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (u32, String)>) -> Self {
        Self(Arc::new(pairs.into_iter().map(|(id, name)| (id, Arc::from(name))).collect()))
    }

    /// Returns the names with others added.
    #[must_use]
    pub fn with(&self, others: impl IntoIterator<Item = (u32, Arc<str>)>) -> Self {
        let mut names = BTreeMap::clone(&self.0);
        names.extend(others);
        Self(Arc::new(names))
    }

    /// Returns the names of some ids alone.
    #[must_use]
    pub fn only(&self, ids: &[u32]) -> Self {
        let named = ids.iter().filter_map(|id| Some((*id, Arc::clone(self.0.get(id)?))));
        Self(Arc::new(named.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_wins_and_damage_is_skipped() {
        let users =
            Users::parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbad\nx:y:z\n\xff:x:7:7\n");
        assert_eq!(users.get(0).name.as_deref(), Some("root"));
        assert_eq!(users.get(7).name.as_deref(), Some("\u{fffd}"));
        assert!(users.get(1).name.is_none());
    }
}
