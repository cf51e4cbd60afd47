//! JSON as names and values: `a.b[].c`.

use serde_json::Value;
use tracego_model::record::Record;

/// Leaves of a value: names joined with dots, `[]` after a list, and every value in order.
pub(crate) type Leaves = Vec<(String, Value)>;

/// Returns the leaves of a value.
pub(crate) fn flat(value: &Value) -> Leaves {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, name: String, found: &mut Leaves) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(value, name, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, format!("{name}[]"), found)),
        leaf => found.push((name, leaf.clone())),
    }
}

/// Returns the leaves of the native record.
pub(crate) fn native(record: &Record) -> Leaves {
    flat(&serde_json::to_value(record).unwrap())
}
