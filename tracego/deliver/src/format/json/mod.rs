//! NDJSON: one object a line.

pub(super) mod lean;

use std::io::{self, Write as _};

use lean::LeanRecord;
use serde::{Serialize, Serializer};
use tracego_model::record::Record;

use super::selection::{ChosenMembers, MemberTree};

/// Writes one record as a line of JSON.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Written(record))?;
    out.write_all(b"\n")
}

/// Writes the chosen members of one record as a line of JSON.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub(super) fn write_chosen(record: &Record, tree: &MemberTree, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &ChosenMembers(&Written(record), tree))?;
    out.write_all(b"\n")
}

/// Record as it is written, for formats that hold it.
pub(super) struct Written<'a>(pub(super) &'a Record);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_lean { LeanRecord(self.0).serialize(serializer) } else { self.0.serialize(serializer) }
    }
}
