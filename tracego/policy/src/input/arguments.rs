//! The bound on the arguments that policies see: rules go over each, and their number is up to whoever starts
//! the program.
//!
//! Behind the bound, `process.args_count` still is the true number, and `tracego.completeness.truncated` names
//! `process.command_args`.

use std::borrow::Cow;

use serde_json::Value;
use tracego_model::record::Record;

/// Maximum number of arguments.
const COUNT: usize = 512;
/// Maximum size of all arguments together in bytes.
const BYTES: usize = 64 << 10;
/// Name of the arguments in the list of truncated members.
const NAME: &str = "process.command_args";

/// The part of a record that [`cut`] took away.
pub(crate) struct RemovedArguments {
    rest: Vec<String>,
    count: Option<u32>,
    is_marked: bool,
}

/// Returns the number of arguments that fit.
fn fitting<'a>(args: impl Iterator<Item = &'a str>) -> usize {
    let mut left = BYTES;
    args.take(COUNT)
        .take_while(|arg| left.checked_sub(arg.len()).inspect(|rest| left = *rest).is_some())
        .count()
}

/// Cuts the arguments of a record. Returns what [`restore`] needs.
pub(crate) fn cut(record: &mut Record) -> Option<RemovedArguments> {
    let process = record.process.as_mut()?;
    let args = process.command_args.as_mut()?;
    let fitting = fitting(args.iter().map(String::as_str));
    if fitting == args.len() {
        return None;
    }
    let (all, rest) = (args.len(), args.split_off(fitting));
    let count = process.args_count;
    process.args_count = count.or(u32::try_from(all).ok());
    let truncated = &mut record.tracego.completeness.truncated;
    let is_marked = truncated.contains(&NAME);
    if !is_marked {
        truncated.push(NAME);
    }
    Some(RemovedArguments { rest, count, is_marked })
}

/// Gives a record back what [`cut`] took away.
pub(crate) fn restore(record: &mut Record, removed: Option<RemovedArguments>) {
    let (Some(mut removed), Some(process)) = (removed, record.process.as_mut()) else { return };
    if let Some(args) = &mut process.command_args {
        args.append(&mut removed.rest);
    }
    process.args_count = removed.count;
    if !removed.is_marked {
        record.tracego.completeness.truncated.retain(|name| *name != NAME);
    }
}

/// Returns a JSON record with its arguments cut.
pub(crate) fn bounded(record: &Value) -> Cow<'_, Value> {
    let args = record.pointer("/process/command_args").and_then(Value::as_array);
    let Some(args) = args else { return Cow::Borrowed(record) };
    let fitting = fitting(args.iter().map(|arg| arg.as_str().unwrap_or_default()));
    if fitting == args.len() {
        return Cow::Borrowed(record);
    }
    let all = args.len();
    let mut record = record.clone();
    if let Some(args) = record.pointer_mut("/process/command_args").and_then(Value::as_array_mut) {
        args.truncate(fitting);
    }
    if let Some(process) = record.get_mut("process").and_then(Value::as_object_mut) {
        process.entry("args_count").or_insert_with(|| all.into());
    }
    if let Some(own) = record
        .as_object_mut()
        .map(|record| record.entry("tracego").or_insert_with(|| Value::Object(Default::default())))
        && let Some(own) = own.as_object_mut()
    {
        let completeness = own.entry("completeness").or_insert_with(|| Value::Object(Default::default()));
        if let Some(completeness) = completeness.as_object_mut() {
            let list = completeness.entry("truncated").or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut().filter(|list| !list.iter().any(|name| name == NAME)) {
                list.push(NAME.into());
            }
        }
    }
    Cow::Owned(record)
}
