//! A value without the members that were not chosen.

use serde::{Serialize, Serializer, de::value::Error, ser::SerializeMap};
use tracego_model::walk::{MemberVisitor, walk_members};

use super::MemberTree;

/// Name of the member that says that others were left out.
const MARK: &str = "selected";

/// An object that is serialised with its chosen members. Arrays are written whole, or not at all; an object of which
/// nothing is chosen is left out of the one around it.
pub(in crate::format) struct ChosenMembers<'a, T: ?Sized>(
    pub(in crate::format) &'a T,
    pub(in crate::format) &'a MemberTree,
);

impl<T: Serialize + ?Sized> Serialize for ChosenMembers<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, tree) = *self;
        let mut kept = KeptMembers { map: serializer.serialize_map(None)?, tree };
        walk_members(value, &mut kept)?;
        if tree.is_marked {
            kept.map.serialize_entry(MARK, &true)?;
        }
        kept.map.end()
    }
}

struct KeptMembers<'a, M> {
    map: M,
    tree: &'a MemberTree,
}

impl<M: SerializeMap> MemberVisitor for KeptMembers<'_, M> {
    type Error = M::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        let Some(below) = self.tree.below(name) else {
            return if self.tree.keeps_other(name) { self.map.serialize_entry(name, value) } else { Ok(()) };
        };
        match (below.uniform(), MemberPresence::of(value, below)) {
            (Some(true), _) | (None, MemberPresence::NoObject { is_kept: true }) => {
                self.map.serialize_entry(name, value)
            }
            (None, MemberPresence::Some) => self.map.serialize_entry(name, &ChosenMembers(value, below)),
            _ => Ok(()),
        }
    }
}

/// The chosen members that an object has.
enum MemberPresence {
    None,
    Some,
    /// A value without members.
    NoObject {
        is_kept: bool,
    },
}

impl MemberPresence {
    fn of<T: Serialize + ?Sized>(value: &T, tree: &MemberTree) -> Self {
        if tree.uniform().is_some() {
            return Self::None;
        }
        let mut search = MemberSearch { tree, is_found: tree.is_marked };
        match walk_members(value, &mut search) {
            Err(_) => Self::NoObject { is_kept: tree.keeps_value() },
            Ok(()) if search.is_found => Self::Some,
            Ok(()) => Self::None,
        }
    }
}

/// The search for a chosen member.
struct MemberSearch<'a> {
    tree: &'a MemberTree,
    is_found: bool,
}

impl MemberVisitor for MemberSearch<'_> {
    type Error = Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.is_found = self.is_found
            || match self.tree.below(name) {
                None => self.tree.keeps_other(name),
                Some(below) => match (below.uniform(), MemberPresence::of(value, below)) {
                    (Some(keeps), _) | (None, MemberPresence::NoObject { is_kept: keeps }) => keeps,
                    (None, presence) => matches!(presence, MemberPresence::Some),
                },
            };
        Ok(())
    }
}
