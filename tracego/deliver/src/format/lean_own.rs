//! `tracego.*` of a lean record, for formats that have places of their own for some of its members.

use serde::{Serialize, Serializer, ser::SerializeMap};
use tracego_model::{
    record::{Record, go::Go},
    walk::{MemberVisitor, walk_members},
};

use super::{omit_fields::OmitFields, parent_exec_id};

/// `tracego.*` without some of its members. A go command that is the process or its parent is
/// not identified again.
pub(super) struct LeanOwn<'a> {
    pub(super) record: &'a Record,
    pub(super) left_out: &'a [&'static str],
    /// Members of `tracego.exit` that are elsewhere.
    pub(super) exit_left_out: &'static [&'static str],
}

impl Serialize for LeanOwn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kept = KeptMembers { map: serializer.serialize_map(None)?, own: self };
        walk_members(&*self.record.tracego, &mut kept)?;
        kept.map.end()
    }
}

struct KeptMembers<'a, M> {
    map: M,
    own: &'a LeanOwn<'a>,
}

impl<M: SerializeMap> MemberVisitor for KeptMembers<'_, M> {
    type Error = M::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        let LeanOwn { record, left_out, exit_left_out } = *self.own;
        let own = &record.tracego;
        if left_out.contains(&name) {
            return Ok(());
        }
        match (name, own.go.as_deref(), &own.exit) {
            ("go", Some(go), _) => self.map.serialize_entry(name, &LeanGo(record, go)),
            ("exit", _, Some(exit)) => self.map.serialize_entry(name, &OmitFields(exit, exit_left_out)),
            _ => self.map.serialize_entry(name, value),
        }
    }
}

/// `tracego.go`.
struct LeanGo<'a>(&'a Record, &'a Go);

impl Serialize for LeanGo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(record, go) = *self;
        let Some(command) = &go.command else { return go.serialize(serializer) };
        let id = Some(command.exec_id.as_str());
        // The pid says that it is the process itself; without one, it is the parent.
        let left_out: &[&str] = match () {
            () if id == record.tracego.exec_id.as_deref() => &["exec_id"],
            () if id == parent_exec_id(record) => &["exec_id", "pid"],
            () => return go.serialize(serializer),
        };
        let mut map = serializer.serialize_map(None)?;
        let mut kept = KeptGo(&mut map);
        walk_members(go, &mut kept)?;
        map.serialize_entry("command", &OmitFields(command, left_out))?;
        map.end()
    }
}

/// Members of `tracego.go` but for the command.
struct KeptGo<'a, M>(&'a mut M);

impl<M: SerializeMap> MemberVisitor for KeptGo<'_, M> {
    type Error = M::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), M::Error> {
        if name == "command" { Ok(()) } else { self.0.serialize_entry(name, value) }
    }
}
