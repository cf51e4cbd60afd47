//! The names that records of a form can have.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use serde_json::Value;
use tracego_model::text::nearest;

use super::{RecordForm, permanent};

/// Schema of the native record.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../schema/record.schema.json")).unwrap_or_default()
});

/// Fields of ECS beside those that every document keeps, `cicd`, `vcs`, `k8s` and `tracego`; `*` stands for any names.
const ECS: &[&str] = &[
    "message",
    "log.level",
    "host.id",
    "host.name",
    "host.hostname",
    "host.boot.id",
    "host.os.type",
    "agent.type",
    "agent.version",
    "agent.ephemeral_id",
    "process.vpid",
    "process.name",
    "process.executable",
    "process.args",
    "process.args_count",
    "process.command_line",
    "process.working_directory",
    "process.start",
    "process.end",
    "process.exit_code",
    "process.interactive",
    "process.tty.char_device.major",
    "process.tty.char_device.minor",
    "process.thread.id",
    "process.thread.name",
    "process.user.id",
    "process.user.name",
    "process.real_user.id",
    "process.real_user.name",
    "process.saved_user.id",
    "process.saved_user.name",
    "process.group_leader.pid",
    "process.session_leader.pid",
    "process.parent.pid",
    "process.parent.name",
    "process.parent.executable",
    "process.parent.args",
    "process.parent.command_line",
    "process.parent.start",
    "process.env_vars",
    "process.linux.cgroup",
    "process.runtime.name",
    "process.runtime.version",
    "process.hash.sha256",
    "user.id",
    "user.name",
    "container.id",
    "container.runtime",
    "container.image.name",
    "container.image.tag",
    "container.image.hash.all",
    "orchestrator.type",
    "orchestrator.namespace",
    "orchestrator.resource.type",
    "orchestrator.resource.id",
    "orchestrator.resource.name",
    "trace.id",
    "span.id",
    "error.code",
    "labels.ci_job_id",
    "labels.git_commit",
    "related.user",
    "tracego.build_id.*",
];

/// Attributes of OCSF beside those that every event keeps, and those below `unmapped`. Objects of which OCSF requires
/// attributes have no names here: they are written whole.
const OCSF: &[&str] = &[
    "activity_name",
    "category_name",
    "class_name",
    "status_code",
    "time_dt",
    "message",
    "actor.user",
    "process.namespace_pid",
    "process.path",
    "process.cmd_line",
    "process.working_directory",
    "process.created_time",
    "process.created_time_dt",
    "process.terminated_time",
    "process.terminated_time_dt",
    "process.file",
    "process.user",
    "process.euid",
    "process.auid",
    "process.session",
    "process.parent_process",
    "process.ancestry",
    "process.container",
    "process.environment_variables",
    "process.xattributes.rlimit",
    "process.xattributes.capability",
    "exit_code",
    "policy",
    "enrichments",
    "unmapped.span_id",
    "unmapped.trace_flags",
];

/// Native attributes that are elsewhere in OTLP.
const ENVELOPE_OF_OTLP: [&str; 10] = [
    "schema",
    "schema_url",
    "event_name",
    "timestamp",
    "observed_timestamp",
    "severity_number",
    "severity_text",
    "trace_id",
    "span_id",
    "trace_flags",
];

/// The names below a member.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownNames {
    below: BTreeMap<Cow<'static, str>, KnownNames>,
    others: OtherNames,
}

/// Names that are not listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum OtherNames {
    /// No other names.
    #[default]
    None,
    /// One name, which may have dots in it.
    One,
    /// Any names, dots for nesting.
    Any,
}

impl KnownNames {
    /// Returns the names of a form.
    pub(super) fn of(form: RecordForm) -> Self {
        let native = || Self::of_schema(&SCHEMA);
        let mut known = match form {
            RecordForm::Native | RecordForm::CloudEvents => native(),
            RecordForm::Otlp => {
                let mut known = native();
                known.below.retain(|name, _| !ENVELOPE_OF_OTLP.contains(&&**name));
                known
            }
            RecordForm::Ecs => {
                let mut known = Self::default();
                for name in ["cicd", "vcs", "k8s", "tracego"] {
                    known.take_over(name, native());
                }
                ECS.iter().for_each(|name| known.add(name));
                known
            }
            RecordForm::Ocsf => {
                let (mut known, mut unmapped) = (Self::default(), Self::default());
                for name in ["process", "container", "k8s", "tracego"] {
                    unmapped.take_over(name, native());
                }
                known.below.insert("unmapped".into(), unmapped);
                OCSF.iter().for_each(|name| known.add(name));
                known
            }
        };
        permanent::paths(form).for_each(|name| known.add(&name));
        known
    }

    /// Returns the names that a schema gives to the members of a value.
    fn of_schema(schema: &'static Value) -> Self {
        let others = match schema.get("additionalProperties") {
            Some(Value::Object(of)) if of.get("type").is_some_and(|kind| kind == "string") => OtherNames::One,
            Some(Value::Object(_)) => OtherNames::Any,
            _ => OtherNames::None,
        };
        let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let below = members.map(|(name, schema)| (Cow::Borrowed(name.as_str()), Self::of_schema(schema)));
        Self { below: below.collect(), others }
    }

    /// Takes the names below a member from another form.
    fn take_over(&mut self, name: &'static str, mut from: Self) {
        self.below.extend(from.below.remove(name).map(|names| (name.into(), names)));
    }

    /// Adds a name, dots for nesting. A name that is there already keeps what is below it.
    fn add(&mut self, path: &str) {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        if name == "*" {
            self.others = OtherNames::Any;
        } else {
            let below = self.below.entry(Cow::Owned(name.to_owned())).or_default();
            if !rest.is_empty() {
                below.add(rest);
            }
        }
    }

    /// Returns the names from the outermost member to the one at a path.
    ///
    /// # Errors
    /// Fails if no member is there. The text names the nearest one.
    pub(super) fn path<'n>(&self, path: &'n str) -> Result<Vec<&'n str>, String> {
        let (mut at, mut rest, mut names) = (self, path, Vec::new());
        loop {
            let (name, below) =
                rest.split_once('.').map_or((rest, None), |(name, below)| (name, Some(below)));
            match (at.below.get(name), at.others) {
                (Some(next), _) => {
                    names.push(name);
                    at = next;
                    match below {
                        Some(below) => rest = below,
                        None => return Ok(names),
                    }
                }
                (None, OtherNames::One) if !rest.is_empty() => {
                    names.push(rest);
                    return Ok(names);
                }
                (None, OtherNames::Any) if rest.split('.').all(|name| !name.is_empty()) => {
                    names.extend(rest.split('.'));
                    return Ok(names);
                }
                _ => return Err(at.mistake(&names, name)),
            }
        }
    }

    /// Returns what is wrong with a name that stands behind these names.
    fn mistake(&self, above: &[&str], wrong: &str) -> String {
        let above = above.join(".");
        if self.below.is_empty() {
            return format!("'{above}' can only be named as a whole");
        }
        let whole = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        let all: Vec<String> = self.below.keys().map(|name| whole(name)).collect();
        nearest(&whole(wrong), all.iter().map(String::as_str))
    }
}
