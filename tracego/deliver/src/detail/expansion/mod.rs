//! The way back from lean records in JSON to the full ones that they stand for.
//!
//! ```text
//! bounded_memory  least recently used memory of earlier records
//! process         a process as the last record of its start or of itself describes it
//! inferred        the members that follow from other members of a record
//! shared          the members that a record shares with others
//! ```
//!
//! Records are taken in the order in which they were written. All of them are untrusted: a record that lies gives a
//! record that lies, and nothing worse.

mod bounded_memory;
mod inferred;
mod process;
mod shared;

use std::fmt;

use bounded_memory::{BoundedMemory, size};
use process::{Above, ProcessFacts};
use serde_json::{Map, Value};
use tracego_model::record::event_name;

use super::ANCESTORS_MAX;

/// Name of what a record lacks whose output did not choose all members.
const SELECTED: &str = "the members that fields or drop left out";

type Members = Map<String, Value>;

/// The references of a lean record that no earlier record gave, by name: `tracego.job 735cb0b9ccbc812e`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MissingReferences(pub Vec<String>);

impl fmt::Display for MissingReferences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no earlier record gives {}", self.0.join(", "))
    }
}

impl std::error::Error for MissingReferences {}

/// Turns lean records into the full ones that they stand for.
///
/// Two members cannot come back: `seq` counts the records of the output, and `observed_timestamp` is absent where it is
/// less than a second after `timestamp`.
#[derive(Default)]
pub struct Expander {
    /// Records that others refer to, by kind and id.
    references: BoundedMemory<Value>,
    /// Processes by their `tracego.exec_id`.
    processes: BoundedMemory<ProcessFacts>,
}

impl Expander {
    /// Takes the next record, and makes it full if it is lean. Other records stay as they are; those that later ones
    /// may refer to are remembered.
    ///
    /// # Errors
    /// Fails if the record refers to what no earlier record gave, or lacks members that its output did not choose. The
    /// record then stays as it is.
    pub fn expand(&mut self, record: &mut Value) -> Result<(), MissingReferences> {
        if record.pointer("/tracego/selected").is_some() {
            return Err(MissingReferences(vec![SELECTED.to_owned()]));
        }
        if !is_lean(record) {
            self.learn(record);
            return Ok(());
        }
        let mut full = record.clone();
        let Some(members) = full.as_object_mut() else { return Ok(()) };
        let own = object(members, "tracego");
        let references = own.remove("ref").unwrap_or_default();
        own.remove("lineage");
        let above = own.remove("parent_exec_id").and_then(|id| Some(Above::Parent(id.as_str()?.to_owned())));
        let above = above.unwrap_or_default();
        inferred::fill(members);
        let mut missing = MissingReferences::default();
        let above = self.fill_exit(members, &mut missing).unwrap_or(above);
        self.fill_shared(members, &references, &mut missing);
        self.learn_start(&full, above.clone());
        self.fill_parent(&mut full, &above);
        if let Some(ancestors) = self.ancestors(above, &mut missing)
            && let Some(members) = full.as_object_mut()
        {
            object(members, "tracego").insert("ancestors".to_owned(), ancestors);
        }
        if missing.0.is_empty() {
            *record = full;
            return Ok(());
        }
        Err(missing)
    }

    /// Remembers what later records may refer to.
    fn learn(&mut self, record: &Value) {
        let name = text(record, "/event_name").unwrap_or_default();
        if let Some(kind) = shared::kind(name) {
            if let Some(id) = text(record, &format!("/tracego/ref/{kind}")) {
                self.references.put(format!("{name} {id}"), record.clone(), size(record));
            }
            return;
        }
        let parent = text(record, "/tracego/parent_exec_id").map(|id| Above::Parent(id.to_owned()));
        let listed = || record.pointer("/tracego/ancestors").map(|list| Above::Listed(list.clone()));
        self.learn_start(record, parent.or_else(listed).unwrap_or_default());
    }

    /// Remembers the process of a full record of its start, its fork or itself.
    fn learn_start(&mut self, record: &Value, above: Above) {
        let starts = [event_name::START, event_name::FORK, event_name::PROCESS];
        if text(record, "/event_name").is_some_and(|name| starts.contains(&name))
            && let Some(id) = text(record, "/tracego/exec_id")
            && let Some(facts) = ProcessFacts::new(record, above)
        {
            let size = facts.size();
            self.processes.put(id.to_owned(), facts, size);
        }
    }

    /// Adds to an exit the members that its process has. Returns what is above the process.
    fn fill_exit(&mut self, record: &mut Members, missing: &mut MissingReferences) -> Option<Above> {
        record.get("event_name").filter(|name| *name == event_name::EXIT)?;
        let id = object(record, "tracego").get("exec_id")?.as_str()?.to_owned();
        let Some(facts) = self.processes.get(&id) else {
            missing.0.push(format!("{} {id}", event_name::PROCESS));
            return None;
        };
        facts.fill_exit(record);
        Some(facts.above.clone())
    }

    /// Adds the command line of the parent to a start, if the record of the parent's start came before.
    fn fill_parent(&mut self, full: &mut Value, above: &Above) {
        if let Above::Parent(id) = above
            && full.get("event_name").is_some_and(|name| *name == event_name::START)
            && let Some(parent) = self.processes.get(id).and_then(ProcessFacts::as_parent)
            && let Some(members) = full.as_object_mut()
        {
            object(members, "tracego").insert("parent".to_owned(), parent);
        }
    }

    /// Adds what the records hold that a record refers to.
    fn fill_shared(&mut self, record: &mut Members, references: &Value, missing: &mut MissingReferences) {
        for (name, kind) in shared::KINDS {
            let Some(id) = references.get(kind).and_then(Value::as_str) else { continue };
            let name = format!("{name} {id}");
            match self.references.get(&name) {
                Some(reference) => shared::fill(record, kind, reference),
                None => missing.0.push(name),
            }
        }
    }

    /// Returns `tracego.ancestors`; `None` if no process is above.
    fn ancestors(&mut self, mut above: Above, missing: &mut MissingReferences) -> Option<Value> {
        let mut list = Vec::new();
        while list.len() < ANCESTORS_MAX {
            match above {
                Above::Unknown => break,
                Above::Listed(Value::Array(rest)) => {
                    list.extend(rest);
                    break;
                }
                Above::Listed(_) => break,
                Above::Parent(id) => {
                    let Some(facts) = self.processes.get(&id) else {
                        missing.0.push(format!("{} {id}", event_name::PROCESS));
                        return None;
                    };
                    list.push(facts.as_ancestor());
                    above = facts.above.clone();
                }
            }
        }
        (!list.is_empty()).then_some(Value::Array(list))
    }
}

/// Whether a record leaves out what it refers to.
fn is_lean(record: &Value) -> bool {
    let name = text(record, "/event_name").unwrap_or_default();
    record.pointer("/tracego/ref").is_some() && !event_name::REFERENCES.contains(&name)
}

fn text<'a>(record: &'a Value, pointer: &str) -> Option<&'a str> {
    record.pointer(pointer)?.as_str()
}

/// Returns the members of a member that is an object; it becomes one.
fn object<'a>(of: &'a mut Members, name: &str) -> &'a mut Members {
    let member = of.entry(name).or_insert_with(|| Value::Object(Members::new()));
    if !member.is_object() {
        *member = Value::Object(Members::new());
    }
    match member {
        Value::Object(members) => members,
        _ => unreachable!("it was made an object"),
    }
}
