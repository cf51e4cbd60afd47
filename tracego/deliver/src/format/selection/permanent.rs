//! The members that every record keeps: what delivery, deduplication, verification and references need, and what makes
//! a record valid in its form. Members of records that are always whole are among them.

use super::RecordForm;

/// Members of the native record.
const NATIVE: &[&str] = &[
    "schema",
    "event_name",
    "timestamp",
    "log",
    "seq",
    "process.pid",
    // A process that another file has begun is described by these.
    "process.parent_pid",
    "process.creation",
    "process.command",
];

/// Attributes of OTLP. The resource names the machine and the agent once a request.
const OTLP: &[&str] = &["log", "host", "service", "process.pid", "tracego.schema", "tracego.seq"];

/// Fields of ECS.
const ECS: &[&str] = &[
    "@timestamp",
    "ecs",
    "event",
    "process.pid",
    "process.entity_id",
    "process.parent.entity_id",
    // Of findings and decisions.
    "rule",
    "file",
];

/// Attributes of OCSF.
const OCSF: &[&str] = &[
    "activity_id",
    "category_uid",
    "class_uid",
    "type_uid",
    "severity_id",
    "status_id",
    "time",
    "metadata",
    "device",
    "actor.process",
    "process.pid",
    "process.uid",
    "process.name",
    "launch_type_id",
    "action_id",
    "disposition_id",
    "is_alert",
    "unmapped.schema",
    "unmapped.seq",
    // Of other classes.
    "log_name",
    "log_type_id",
    "query_result_id",
    "finding_info",
    "evidences",
    "remediation",
    "confidence_id",
];

/// Members below `tracego`.
const OWN: &[&str] = &[
    "exec_id",
    "ref",
    "parent_exec_id",
    "in_tree",
    "selected",
    "sink_seq",
    "completeness.truncated",
    "completeness.unavailable",
    // Of records that are always whole.
    "image",
    "environment_variable",
    "cgroup_path",
    "findings",
    "lost",
    "sink",
    "sinks",
    "ledger",
    "privileges",
    "chain_start",
    "seal",
    "chain_seq",
    "chain",
    "signature",
];

/// Attributes of a CloudEvent around its data.
const ENVELOPE: &[&str] = &[
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "traceparent",
    "severitytext",
    "severitynumber",
    "sequence",
    "recordedtime",
];

/// Returns the place of `tracego` in a form.
pub(super) fn own(form: RecordForm) -> &'static [&'static str] {
    match form {
        RecordForm::Ocsf => &["unmapped", "tracego"],
        RecordForm::Native | RecordForm::CloudEvents | RecordForm::Ecs | RecordForm::Otlp => &["tracego"],
    }
}

/// Returns the names of the members that every record of a form keeps, with all below them.
pub(super) fn paths(form: RecordForm) -> impl Iterator<Item = String> {
    let outer = match form {
        RecordForm::Native | RecordForm::CloudEvents => NATIVE,
        RecordForm::Otlp => OTLP,
        RecordForm::Ecs => ECS,
        RecordForm::Ocsf => OCSF,
    };
    let place = own(form).join(".");
    outer.iter().map(|name| (*name).to_owned()).chain(OWN.iter().map(move |name| format!("{place}.{name}")))
}

/// Returns the names of the members around the one that is chosen from.
pub(super) fn envelope(form: RecordForm) -> impl Iterator<Item = &'static str> {
    let names = if form == RecordForm::CloudEvents { ENVELOPE } else { &[] };
    names.iter().copied()
}
