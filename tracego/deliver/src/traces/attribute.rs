//! Attributes of a span from a record, with the names of the native record.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{Array, KeyValue, StringValue, Value, trace::Event};
use tracego_model::{
    clock::Time,
    finding::Finding,
    record::{Exit, ExitFacts, Origin, Process, Record, job::Context},
};

/// Maximum size of the arguments in a span, in bytes. `process.args_count` is the number of all; the record
/// has them.
const ARGS_MAX: usize = 2048;
/// Maximum size of any other text, in bytes.
const TEXT_MAX: usize = 1024;

/// Converts a time for the SDK; times before 1970 become 1970.
pub(super) fn system_time(time: Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(time.0).unwrap_or(0))
}

/// Returns the beginning of a text: at most `max` bytes, whole characters.
fn cut(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default()
}

fn text(value: &str) -> Value {
    Value::String(StringValue::from(cut(value, TEXT_MAX).to_owned()))
}

fn int(value: impl TryInto<i64>) -> Value {
    Value::I64(value.try_into().unwrap_or(i64::MAX))
}

fn texts(values: &[String]) -> Value {
    let mut room = ARGS_MAX;
    let kept = values.iter().map_while(|value| {
        let taken = cut(value, room);
        let whole = taken.len() == value.len();
        room -= taken.len();
        (whole || !taken.is_empty()).then(|| StringValue::from(taken.to_owned()))
    });
    Value::Array(Array::String(kept.take(128).collect()))
}

/// Returns the attributes of the agent and its machine, for the resource.
#[must_use]
pub fn resource(origin: &Origin) -> Vec<KeyValue> {
    let pairs = [
        ("host.id", &origin.host.id[..]),
        ("host.name", &origin.host.name),
        ("service.name", origin.service.name),
        ("service.version", origin.service.version),
        ("service.instance.id", &origin.service.instance.id),
    ];
    let told = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| KeyValue::new(name, value.to_owned())).collect()
}

/// Returns `cicd.*` and `vcs.*`, which all spans of a job share.
pub(super) fn job(context: &Context) -> Vec<KeyValue> {
    let all = [("cicd", &context.cicd), ("vcs", &context.vcs)];
    let pairs = all.into_iter().flat_map(|(prefix, tree)| tree.iter().map(move |pair| (prefix, pair)));
    pairs
        .map(|(prefix, (name, value))| {
            let key: Arc<str> = format!("{prefix}.{name}").into();
            KeyValue::new(key, Value::String(Arc::<str>::from(cut(value, TEXT_MAX)).into()))
        })
        .collect()
}

/// Returns the attributes of the program that a process runs.
pub(super) fn program(record: &Record, process: &Process) -> Vec<KeyValue> {
    let mut out = Vec::with_capacity(16);
    let mut put = |name: &'static str, value: Option<Value>| {
        out.extend(value.map(|value| KeyValue::new(name, value)));
    };
    let own = &record.tracego;
    put("process.pid", Some(int(process.pid)));
    put("process.parent_pid", Some(int(process.parent_pid)));
    put("process.creation.time", Some(process.creation.time.text().into()));
    put("process.command", Some(text(&process.command)));
    put("process.command_args", process.command_args.as_deref().map(texts));
    put("process.args_count", process.args_count.map(int));
    put("process.executable.path", process.executable.as_ref().map(|file| text(&file.path)));
    put("process.executable.name", process.executable.as_ref().map(|file| text(&file.name)));
    let build_id = process.executable.as_ref().and_then(|file| file.build_id.as_ref());
    put("process.executable.build_id.htlhash", build_id.map(|id| text(&id.htlhash)));
    put("process.working_directory", process.working_directory.as_deref().map(text));
    put("process.user.id", process.user.as_ref().map(|user| int(user.id)));
    put("process.user.name", process.user.as_ref().and_then(|user| user.name.as_deref().map(text)));
    put("process.runtime.name", process.runtime.as_ref().map(|language| Value::from(language.name)));
    put("process.runtime.version", process.runtime.as_ref().map(|language| text(&language.version)));
    put("container.id", record.container.as_ref().map(|container| text(&container.id)));
    if let Some(k8s) = &record.k8s {
        put("k8s.pod.uid", Some(text(&k8s.pod.uid)));
        put("k8s.pod.name", k8s.pod.name.as_deref().map(text));
        put("k8s.namespace.name", k8s.namespace.as_ref().map(|namespace| text(&namespace.name)));
        put("k8s.container.name", k8s.container.as_ref().map(|container| text(&container.name)));
    }
    put("tracego.exec_id", own.exec_id.as_deref().map(text));
    if let Some(go) = &own.go {
        put("tracego.go.role", go.role.map(|role| Value::from(role.as_str())));
        if let Some(command) = &go.command {
            put("tracego.go.command.subcommand", Some(text(&command.subcommand)));
            put("tracego.go.command.package", command.package.as_deref().map(text));
        }
    }
    out
}

/// Returns the attributes of the exit of a process.
pub(super) fn exit(exit: Exit, facts: Option<ExitFacts>) -> Vec<KeyValue> {
    let mut out = vec![KeyValue::new("process.exit.code", int(exit.code))];
    if exit.code != 0 {
        // Semantic conventions, "Recording errors": a word of low cardinality for the kind of error.
        out.push(KeyValue::new("error.type", exit.code.to_string()));
    }
    if let Some(facts) = facts {
        out.extend(facts.signal.map(|signal| KeyValue::new("tracego.exit.signal", int(signal))));
        if facts.core_dumped {
            out.push(KeyValue::new("tracego.exit.core_dumped", true));
        }
        out.push(KeyValue::new("tracego.exit.max_rss_bytes", int(facts.max_rss_bytes)));
    }
    out
}

/// Returns the event `tracego.finding`: the finding of a rule.
pub(super) fn finding(finding: &Finding, time: Time) -> Event {
    let mut attributes = vec![
        KeyValue::new("tracego.finding.id", finding.id),
        KeyValue::new("tracego.finding.name", finding.name),
        KeyValue::new("tracego.finding.severity", finding.severity.name()),
        KeyValue::new("tracego.finding.message", text(&finding.message)),
        KeyValue::new("tracego.finding.remedy", finding.remedy),
    ];
    attributes.extend(finding.variant.map(|variant| KeyValue::new("tracego.finding.variant", variant)));
    attributes.extend(finding.claimed.then(|| KeyValue::new("tracego.finding.claimed", true)));
    Event::new("tracego.finding", system_time(time), attributes, 0)
}

/// Returns the event `tracego.exec`: the process executed another program. The event has the previous one.
pub(super) fn exec(before: &[KeyValue], name: String, time: Time) -> Event {
    let mut attributes = vec![KeyValue::new("tracego.exec.before.name", name)];
    let path = before.iter().find(|pair| pair.key.as_str() == "process.executable.path");
    attributes.extend(path.map(|pair| KeyValue::new("tracego.exec.before.path", pair.value.clone())));
    Event::new("tracego.exec", system_time(time), attributes, 0)
}

/// Returns the event `tracego.process.exec_failed`: a program could not be started.
pub(super) fn failed(record: &Record) -> Event {
    let mut attributes = Vec::new();
    attributes.extend(
        record.tracego.exec.as_ref().map(|call| KeyValue::new("tracego.exec.filename", text(&call.filename))),
    );
    if let Some(error) = record.tracego.error {
        attributes.push(KeyValue::new("tracego.error.name", error.name));
        attributes.push(KeyValue::new("tracego.error.errno", int(error.errno)));
    }
    Event::new("tracego.process.exec_failed", system_time(record.timestamp), attributes, 0)
}

/// Returns the event `tracego.lost`: events of the job were lost.
pub(super) fn lost(record: &Record) -> Event {
    let lost = record.tracego.lost.iter().flatten();
    let attributes = lost.map(|(reason, count)| KeyValue::new(format!("tracego.lost.{reason}"), int(*count)));
    Event::new("tracego.lost", system_time(record.timestamp), attributes.collect(), 0)
}

/// Returns the approximate size of attributes, in bytes.
pub(super) fn size(attributes: &[KeyValue]) -> usize {
    let value = |value: &Value| match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(all)) => all.iter().map(|text| 24 + text.as_str().len()).sum(),
        _ => 0,
    };
    attributes.iter().map(|pair| size_of::<KeyValue>() + value(&pair.value)).sum()
}
