//! A process as the last record of its start or of itself describes it.

use std::sync::Arc;

use serde_json::{Value, json};
use tracego_model::record::{event_name, parent};

use super::{Members, bounded_memory::size, object};
use crate::detail::lean::ARGS;

/// The processes above another one.
#[derive(Clone, Default)]
pub(super) enum Above {
    /// No process above is known.
    #[default]
    Unknown,
    /// `tracego.exec_id` of the process that forked it.
    Parent(String),
    /// `tracego.ancestors` of a full record.
    Listed(Value),
}

/// A process as the last record of its start or of itself describes it.
pub(super) struct ProcessFacts {
    pub(super) above: Above,
    /// The members of `process` that exits and ancestors show.
    shown: Members,
    in_tree: bool,
    /// The arguments that starts of its children show.
    shown_args: Option<Arc<[String]>>,
}

impl ProcessFacts {
    /// Reads a full record.
    pub(super) fn new(record: &Value, above: Above) -> Option<Self> {
        let process = record.get("process")?.as_object()?;
        let mut shown = Members::new();
        for name in ["pid", "parent_pid", "creation", "command", "real_user"] {
            if let Some(value) = process.get(name) {
                shown.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(file) = process.get("executable") {
            // The build id is in another record.
            let file = json!({ "path": file.get("path"), "name": file.get("name") });
            shown.insert("executable".to_owned(), file);
        }
        let in_tree = record.pointer("/tracego/in_tree").is_some_and(|is| *is == true);
        Some(Self { above, shown, in_tree, shown_args: shown_args(record) })
    }

    /// Returns the approximate size in bytes.
    pub(super) fn size(&self) -> usize {
        let above = match &self.above {
            Above::Unknown => 0,
            Above::Parent(id) => id.len(),
            Above::Listed(list) => size(list),
        };
        let args = self.shown_args.iter().flat_map(|args| args.iter()).map(String::len).sum::<usize>();
        above + args + self.shown.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>()
    }

    /// Returns `tracego.parent` of a process that it forked.
    pub(super) fn as_parent(&self) -> Option<Value> {
        self.shown_args.as_ref().map(|args| json!({ "command_args": **args }))
    }

    /// Returns the process as an entry of `tracego.ancestors`.
    pub(super) fn as_ancestor(&self) -> Value {
        let mut ancestor = Members::new();
        for name in ["pid", "creation", "command"] {
            if let Some(value) = self.shown.get(name) {
                ancestor.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(path) = self.shown.get("executable").and_then(|file| file.get("path")) {
            ancestor.insert("executable".to_owned(), json!({ "path": path }));
        }
        Value::Object(ancestor)
    }

    /// Adds to the record of an exit what it takes from its process.
    pub(super) fn fill_exit(&self, record: &mut Members) {
        let process = object(record, "process");
        for name in ["parent_pid", "creation", "executable", "real_user"] {
            if let Some(value) = self.shown.get(name)
                && !process.contains_key(name)
            {
                process.insert(name.to_owned(), value.clone());
            }
        }
        if self.in_tree {
            object(record, "tracego").insert("in_tree".to_owned(), true.into());
        }
    }
}

/// Returns the arguments that starts of the children of a process show; `None` for a record that is not its start.
fn shown_args(record: &Value) -> Option<Arc<[String]>> {
    record.get("event_name").filter(|name| **name == event_name::START)?;
    let args = record.pointer("/process/command_args")?.as_array()?;
    // The bound of the shown arguments, each of which has a byte at least, or a space behind it.
    let args: Vec<_> = args.iter().take(512).filter_map(|arg| arg.as_str().map(str::to_owned)).collect();
    let is_named = |list: &str| {
        let names = record.pointer("/tracego/completeness").and_then(|whole| whole.get(list)?.as_array());
        names.is_some_and(|names| names.iter().any(|name| name == ARGS))
    };
    let is_cut = is_named("truncated") || is_named("unavailable");
    (!args.is_empty()).then(|| parent::cut(&args, is_cut))
}
