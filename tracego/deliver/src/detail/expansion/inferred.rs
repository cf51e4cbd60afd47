//! The members that follow from other members of a record.

use serde_json::{Value, json};
use tracego_model::{
    record::{OtelSeverity, SCHEMA_URL, event_name},
    text,
};

use super::{Members, object};
use crate::detail::lean::{ARGS_COUNT, FILENAME, TTY};

/// Adds the members that a lean record leaves out because they follow from others.
pub(super) fn fill(record: &mut Members) {
    put(record, "schema_url", || Some(SCHEMA_URL.into()));
    let number = record.get("severity_number").and_then(Value::as_u64);
    let all = [OtelSeverity::Info, OtelSeverity::Warn, OtelSeverity::Error, OtelSeverity::Fatal];
    let severity =
        all.map(OtelSeverity::parts).into_iter().find(|(known, _)| number == Some((*known).into()));
    put(record, "severity_text", || Some(severity?.1.into()));
    if !record.contains_key("process") {
        return;
    }
    fill_names(object(record, "process"));
    let name = record.get("event_name").and_then(Value::as_str).unwrap_or_default().to_owned();
    match name.as_str() {
        event_name::START => fill_start(record),
        event_name::EXIT => {
            let timestamp = record.get("timestamp").cloned();
            if let Some(Value::Object(exit)) = object(record, "process").get_mut("exit") {
                put(exit, "time", || timestamp);
            }
        }
        _ => {}
    }
    let body = body(record, &name);
    put(record, "body", || body.map(Value::String));
}

/// Adds a member that is absent.
fn put(of: &mut Members, name: &str, value: impl FnOnce() -> Option<Value>) {
    if !of.contains_key(name)
        && let Some(value) = value()
    {
        of.insert(name.to_owned(), value);
    }
}

/// Adds the names of the executable and of the task.
fn fill_names(process: &mut Members) {
    let Some(Value::Object(file)) = process.get_mut("executable") else { return };
    let Some(path) = file.get("path").and_then(Value::as_str) else { return };
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let cut = text::task_name(&name).to_owned();
    put(file, "name", || Some(name.into()));
    put(process, "command", || Some(cut.into()));
}

/// Adds what the start of a program leaves out, unless it calls the value unavailable.
fn fill_start(record: &mut Members) {
    let unavailable = object(record, "tracego").get("completeness").and_then(|all| all.get("unavailable"));
    let unavailable = unavailable.and_then(Value::as_array).cloned().unwrap_or_default();
    let is_there = |name: &str| !unavailable.iter().any(|unavailable| unavailable == name);
    let process = object(record, "process");
    let pid = process.get("pid").cloned();
    put(process, "vpid", || pid);
    let user = process.get("user").cloned();
    put(process, "real_user", || user.clone());
    put(process, "saved_user", || user);
    put(process, "interactive", || is_there(TTY).then_some(false.into()));
    let args = args(process);
    put(process, "args_count", || Some(args.as_ref()?.len().into()).filter(|_| is_there(ARGS_COUNT)));
    let path = process.get("executable").and_then(|file| file.get("path")).cloned();
    let exec = object(object(record, "tracego"), "exec");
    put(exec, "filename", || path.filter(|_| is_there(FILENAME)));
    let bytes = || Some(args.as_ref()?.iter().map(|arg| arg.len() + 1).sum::<usize>());
    put(exec, "args_bytes", || bytes().map(Value::from));
}

fn args(process: &Members) -> Option<Vec<String>> {
    let args = process.get("command_args")?.as_array()?;
    Some(args.iter().filter_map(|arg| arg.as_str().map(str::to_owned)).collect())
}

/// Returns the body that follows from the process.
fn body(record: &Members, name: &str) -> Option<String> {
    let process = record.get("process")?.as_object()?;
    let number = |name| process.get(name).and_then(Value::as_u64);
    match name {
        event_name::START => Some(text::one_line(&args(process)?)),
        event_name::FORK => Some(format!("fork {} by {}", number("pid")?, number("parent_pid")?)),
        event_name::EXIT => {
            let command = process.get("command")?.as_str()?;
            let exit = record.get("tracego")?.get("exit").unwrap_or(&json!(null)).clone();
            Some(match exit.get("signal").and_then(Value::as_u64) {
                Some(signal) => format!("{command} ended by signal {signal}"),
                None => {
                    format!("{command} ended with {}", process.get("exit")?.get("code")?.as_u64()?)
                }
            })
        }
        _ => None,
    }
}
