//! A process as the last record of its start or of itself describes it.

use serde_json::{Value, json};

use super::{Members, bounded_memory::size, object};

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
        Some(Self { above, shown, in_tree })
    }

    /// Returns the approximate size in bytes.
    pub(super) fn size(&self) -> usize {
        let above = match &self.above {
            Above::Unknown => 0,
            Above::Parent(id) => id.len(),
            Above::Listed(list) => size(list),
        };
        above + self.shown.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>()
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
