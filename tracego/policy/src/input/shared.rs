//! The parts of a record that other records share in memory, for keys that have the address of a part instead of
//! its content.

use std::{any::Any, sync::Arc};

use tracego_model::record::Record;

use super::{EncodingError, Projection, encode};

/// A part that keys have by its address.
#[derive(Debug)]
struct SharedPart {
    /// The members that hold the part and nothing else.
    members: &'static [&'static [&'static str]],
    /// Returns the address of the part, 0 if the record has none.
    address: fn(&Record) -> usize,
    /// Returns the part, to keep it.
    hold: fn(&Record) -> Option<HeldPart>,
}

/// A part that is kept alive.
type HeldPart = Arc<dyn Any + Send + Sync>;

fn address<T>(part: Option<&Arc<T>>) -> usize {
    part.map_or(0, |part| Arc::as_ptr(part).addr())
}

fn hold<T: Any + Send + Sync>(part: Option<&Arc<T>>) -> Option<HeldPart> {
    part.map(|part| Arc::clone(part) as HeldPart)
}

/// Defines a part: its members, and where a record has it.
macro_rules! part {
    ($members:expr, $record:ident => $part:expr) => {
        SharedPart { members: $members, address: |$record| address($part), hold: |$record| hold($part) }
    };
}

/// All parts. None of them changes while it is shared.
const PARTS: &[SharedPart] = &[
    part!(&[&["cicd"], &["vcs"]], record => record.context.as_ref()),
    part!(&[&["process", "environment_variable"]],
        record => record.process.as_ref().and_then(|process| process.environment_variable.as_ref())),
    part!(&[&["process", "runtime"]],
        record => record.process.as_ref().and_then(|process| process.runtime.as_ref())),
    part!(&[&["process", "executable", "build_id"]],
        record => record.process.as_ref().and_then(|process| process.executable.as_ref()?.build_id.as_ref())),
    part!(&[&["tracego", "ancestors"]],
        record => record.tracego.ancestors.as_ref().and_then(|line| line.0.as_ref())),
    part!(&[&["tracego", "elf"]], record => record.tracego.elf.as_ref()),
    part!(&[&["tracego", "go", "build"]],
        record => record.tracego.go.as_ref().and_then(|go| go.build.as_ref())),
    part!(&[&["tracego", "job"]], record => record.tracego.job.as_ref()),
    part!(&[&["tracego", "capability"]], record => record.tracego.capability.as_ref()),
    part!(&[&["tracego", "rlimit"]], record => record.tracego.rlimit.as_ref()),
];

/// The parts of a record that policies read and keep alive with a decision. While they live, no other part has their
/// addresses.
#[derive(Debug)]
#[expect(dead_code, reason = "kept for their addresses, and never read")]
pub(crate) struct HeldParts(Box<[HeldPart]>);

/// The members that policies read, split into the parts that are shared and the rest.
#[derive(Debug)]
pub(crate) struct SharedProjection {
    parts: Vec<&'static SharedPart>,
    rest: Projection,
}

impl SharedProjection {
    /// Splits the members that policies read. Returns `None` if no part is read in whole.
    pub(crate) fn new(projection: &Projection) -> Option<Self> {
        let mut rest = projection.clone();
        let mut parts: Vec<&SharedPart> = PARTS.iter().collect();
        parts.retain(|part| part.members.iter().filter(|member| rest.remove(member)).count() > 0);
        (!parts.is_empty()).then_some(Self { parts, rest })
    }

    /// Writes what policies read of a record, replacing the content of `into`: the addresses of the parts and the
    /// bytes of the rest. Records with the same bytes have the same input if the parts of one of them are still
    /// held.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised.
    pub(crate) fn encode(&self, record: &Record, into: &mut Vec<u8>) -> Result<(), EncodingError> {
        encode(record, &self.rest, into)?;
        for part in &self.parts {
            into.extend_from_slice(&(part.address)(record).to_ne_bytes());
        }
        Ok(())
    }

    /// Returns the parts of a record, to be kept as long as its addresses are.
    pub(crate) fn hold(&self, record: &Record) -> HeldParts {
        HeldParts(self.parts.iter().filter_map(|part| (part.hold)(record)).collect())
    }
}
