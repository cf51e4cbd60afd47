//! Merge of several files into one table.
//!
//! A later file overrides an earlier one key by key, also within tables. A list replaces the earlier list as a
//! whole, with two exceptions: values of `env` add up, as on the command line, and so do the tables of a list
//! of tables (`[[sinks]]`, `[[enforce.rules]]`, `[[enforce.exceptions]]`, `redact.add`, `[[provenance.signers]]`,
//! `[[provenance.keys]]`). A table that gives the
//! `name` of an earlier one takes its place.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::ADDS_UP;

/// Lists of tables that add up.
const LISTS: [&str; 6] =
    ["sinks", "enforce.rules", "enforce.exceptions", "redact.add", "provenance.signers", "provenance.keys"];

/// The files that keys are from, by the path of the key: `rules.TG007.nofile`, `sinks.NAME`.
pub(super) type KeyOrigins = BTreeMap<String, PathBuf>;

/// The merge of the files so far.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) table: Table,
    pub(super) origins: KeyOrigins,
}

impl Layers {
    /// Adds a file, which overrides the files before it.
    pub(super) fn add(&mut self, file: &Path, table: &Table) {
        merge(&mut self.table, table, "", file, &mut self.origins);
    }
}

fn merge(into: &mut Table, from: &Table, above: &str, file: &Path, origins: &mut KeyOrigins) {
    for (key, value) in from {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match (into.get_mut(key), value) {
            (Some(Value::Table(earlier)), Value::Table(later)) => merge(earlier, later, &path, file, origins),
            (None, Value::Table(later)) => {
                let mut table = Table::new();
                merge(&mut table, later, &path, file, origins);
                into.insert(key.clone(), table.into());
            }
            (earlier, Value::Array(later)) if LISTS.contains(&path.as_str()) => {
                let mut list = match earlier {
                    Some(Value::Array(earlier)) => std::mem::take(earlier),
                    _ => Vec::new(),
                };
                later.iter().for_each(|table| add(&mut list, table, &path, file, origins));
                into.insert(key.clone(), list.into());
            }
            (Some(earlier), later) if path == ADDS_UP => {
                let values = |value: &Value| match value {
                    Value::Array(list) => list.clone(),
                    one => vec![one.clone()],
                };
                *earlier = [values(earlier), values(later)].concat().into();
                origins.insert(path, file.to_owned());
            }
            (_, later) => {
                into.insert(key.clone(), later.clone());
                origins.insert(path, file.to_owned());
            }
        }
    }
}

/// Adds a table to a list of tables, in place of one with the same name.
fn add(list: &mut Vec<Value>, table: &Value, path: &str, file: &Path, origins: &mut KeyOrigins) {
    let text = |table: &Value, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let own = |table: &Value| text(table, "name").or_else(|| text(table, "type"));
    if let Some(name) = own(table) {
        origins.insert(format!("{path}.{name}"), file.to_owned());
    }
    let named = text(table, "name");
    match list.iter_mut().find(|known| named.is_some() && own(known) == named) {
        // A name that is used twice within one file was refused before.
        Some(known) => known.clone_from(table),
        None => list.push(table.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(files: &[&str]) -> Layers {
        let mut layers = Layers::default();
        for (n, text) in files.iter().enumerate() {
            layers.add(Path::new(&format!("{n}")), &text.parse().unwrap());
        }
        layers
    }

    #[test]
    fn a_later_file_overrides_key_by_key_and_replaces_lists() {
        let layers = merged(&[
            "heartbeat = 5\nevent = [\"execve\", \"exit\"]\n[rules.TG007]\nnofile = 1\nenabled = false",
            "event = \"execve\"\n[rules.TG007]\nnofile = 2\n[rules.TG004]\nprivate = [\"a\"]",
            "[rules.TG004]\nprivate = [\"b\"]",
        ]);
        let wanted = "heartbeat = 5\nevent = \"execve\"\n[rules.TG007]\nnofile = 2\nenabled = false\n[rules.TG004]\n\
                      private = [\"b\"]";
        assert_eq!(layers.table, wanted.parse().unwrap());
        let of = |key: &str| layers.origins[key].to_str().unwrap().to_owned();
        assert_eq!(
            ["heartbeat", "event", "rules.TG007.nofile", "rules.TG007.enabled", "rules.TG004.private"]
                .map(of),
            ["0", "1", "1", "0", "2"]
        );
    }

    #[test]
    fn env_and_lists_of_tables_add_up_and_a_name_replaces() {
        let layers = merged(&[
            "env = \"A=1\"\n[[sinks]]\ntype = \"file\"\npath = \"/a\"\n[[sinks]]\nname = \"b\"\ntype = \"stdout\"",
            "env = [\"B\"]\n[[sinks]]\nname = \"b\"\ntype = \"journald\"\n[[sinks]]\ntype = \"file\"",
        ]);
        let names = |key: &str| -> Vec<&str> {
            let sinks = layers.table["sinks"].as_array().unwrap();
            sinks.iter().map(|sink| sink.get(key).map_or("", |value| value.as_str().unwrap())).collect()
        };
        assert_eq!(layers.table["env"], Value::from(vec!["A=1", "B"]));
        // A sink without a name of its own replaces none: that would lose one by accident.
        assert_eq!((names("type"), names("name")), (vec!["file", "journald", "file"], vec!["", "b", ""]));
        assert_eq!(layers.origins["sinks.b"], Path::new("1"));
    }
}
