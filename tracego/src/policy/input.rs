//! Record → the input of a policy: the record as `--output json` writes it, and members with the names that
//! other policies have for the same.
//!
//! | member | the same as |
//! |---|---|
//! | `process.argv`, `process.args` | `process.command_args` |
//! | `process.name` | `process.executable.name`, else `process.command` |
//! | `process.cwd` | `process.working_directory` |
//! | `process.user_id` | `process.user.id` |
//! | `process.env` | `process.environment_variable`, empty where there is none |
//! | `job` | `tracego.job` |
//! | `findings` | `tracego.findings`, empty where there is none |
//!
//! What the record itself has under such a name stays: `process.executable` is the record's object.

use regorus::{Value, value::Object};

use super::{
    value::{self, Failed},
    wanted::Wanted,
};
use crate::enrich::Record;

/// The input for a record, as far as it is wanted.
///
/// # Errors
/// When the record says that it cannot be serialised.
pub fn of(record: &Record, wanted: &Wanted) -> Result<Value, Failed> {
    let mut input = value::to_value(record, wanted)?;
    alias(&mut input);
    Ok(input)
}

/// The input for a record that was written as JSON.
#[must_use]
pub fn of_json(record: serde_json::Value) -> Value {
    let mut input = Value::from(record);
    alias(&mut input);
    input
}

fn alias(input: &mut Value) {
    let Ok(input) = input.as_object_mut() else { return };
    let tracego = |name| input.get(&key("tracego")).and_then(|tracego| member(tracego, name)).cloned();
    let (job, findings) = (tracego("job"), tracego("findings"));
    if let Some(job) = job {
        add(input, "job", job);
    }
    add(input, "findings", findings.unwrap_or_else(Value::new_array));
    let Some(Ok(process)) = input.get_mut(&key("process")).map(Value::as_object_mut) else { return };
    let of = |name| process.get(&key(name)).cloned();
    let below = |name, second| process.get(&key(name)).and_then(|value| member(value, second)).cloned();
    let found = [
        ("argv", of("command_args")),
        ("args", of("command_args")),
        ("name", below("executable", "name").or_else(|| of("command"))),
        ("cwd", of("working_directory")),
        ("user_id", below("user", "id")),
        ("env", of("environment_variable").or_else(|| Some(Value::new_object()))),
    ];
    for (name, value) in found {
        if let Some(value) = value {
            add(process, name, value);
        }
    }
}

fn add(object: &mut Object, name: &str, value: Value) {
    let key = key(name);
    if !object.contains_key(&key) {
        object.insert(key, value);
    }
}

fn key(name: &str) -> Value {
    Value::from(name)
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().ok()?.get(&key(name))
}
