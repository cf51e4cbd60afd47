//! The members of a record that the text for people shows, of a live record or of one that was written before.

use std::borrow::Cow;

use serde_json::Value;
use tracego_model::{
    clock::Time,
    finding::{Finding, Severity},
    record::{Process, Record, event_name, policy::DenyReason},
    text::printable,
};

use super::shown::Attribution;

/// A record as the text shows it.
pub struct TextRecord<'a> {
    pub(super) event_name: &'a str,
    /// Time in RFC 3339.
    pub(super) timestamp: Cow<'a, str>,
    pub(super) body: Cow<'a, str>,
    pub(super) process: Option<TextProcess<'a>>,
    pub(super) claims_other_job: bool,
    pub(super) signal: Option<u64>,
    pub(super) findings: Vec<TextFinding<'a>>,
    pub(super) reasons: Vec<DenyReason<'a>>,
}

/// The process of a record.
pub(super) struct TextProcess<'a> {
    pub(super) pid: u32,
    pub(super) created: Time,
    pub(super) command: &'a str,
    pub(super) arguments: Cow<'a, [String]>,
    pub(super) path: Option<&'a str>,
    pub(super) exit: Option<i64>,
    pub(super) attribution: Attribution,
}

/// A finding of a record, without control characters.
pub(super) struct TextFinding<'a> {
    pub(super) severity: Severity,
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) message: Cow<'a, str>,
    pub(super) remedy: Cow<'a, str>,
}

/// Maximum length of a commit in the text, in characters.
const COMMIT_MAX: usize = 12;

impl<'a> TextRecord<'a> {
    /// Returns what the text shows of a live record.
    pub(super) fn of(record: &'a Record) -> Self {
        let job = record.tracego.job.as_ref();
        let policy = record.tracego.policy.as_ref();
        Self {
            event_name: record.event_name,
            timestamp: record.timestamp.text().into(),
            body: Cow::Borrowed(&record.body),
            process: record.process.as_deref().map(|process| TextProcess::of(record, process)),
            claims_other_job: job.is_some_and(|job| !job.changed.is_empty()),
            signal: record.tracego.exit.and_then(|exit| exit.signal).map(u64::from),
            findings: record.tracego.findings.iter().map(TextFinding::of).collect(),
            reasons: policy.map(|policy| policy.reasons()).unwrap_or_default(),
        }
    }

    /// Returns what the text shows of a full record in JSON; `None` if it is no record. The record is untrusted.
    #[must_use]
    pub fn of_json(record: &'a Value) -> Option<Self> {
        let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        let list = |pointer: &str| record.pointer(pointer).and_then(Value::as_array);
        let known = event_name::ALL.into_iter().find(|name| Some(*name) == text("/event_name"))?;
        Some(Self {
            event_name: known,
            timestamp: Cow::Borrowed(text("/timestamp").filter(|time| Time::parse(time).is_some())?),
            // The end of a process that was seen to start is in one line with its start, which has no body of its own.
            body: Cow::Borrowed(text("/body").unwrap_or_default()),
            process: record.get("process").and_then(|process| TextProcess::of_json(record, process)),
            claims_other_job: list("/tracego/job/changed").is_some_and(|changed| !changed.is_empty()),
            signal: record.pointer("/tracego/exit/signal").and_then(Value::as_u64),
            findings: list("/tracego/findings")
                .into_iter()
                .flatten()
                .filter_map(TextFinding::of_json)
                .collect(),
            reasons: record.pointer("/tracego/policy").map(reasons).unwrap_or_default(),
        })
    }

    /// Returns the processes above, the nearest first, by pid and start.
    pub(super) fn ancestors_of_json(record: &Value) -> impl Iterator<Item = (u32, i64)> {
        let list = record.pointer("/tracego/ancestors").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(identity)
    }
}

impl<'a> TextProcess<'a> {
    fn of(record: &'a Record, process: &'a Process) -> Self {
        let user = process.user.as_ref().or(process.real_user.as_ref());
        let user = user.map(|user| user.name.as_deref().map_or_else(|| user.id.to_string(), str::to_owned));
        let context = record.context.as_deref();
        let job = context.and_then(|context| context.cicd.get("pipeline.task.run.id"));
        let commit = context.and_then(|context| context.vcs.get("ref.head.revision"));
        Self {
            pid: process.pid,
            created: process.creation.time,
            command: &process.command,
            arguments: Cow::Borrowed(process.command_args.as_deref().unwrap_or_default()),
            path: process.executable.as_ref().map(|file| &*file.path),
            exit: process.exit.map(|exit| i64::from(exit.code)),
            attribution: Attribution { user, job: job.map(str::to_owned), commit: commit.map(short) },
        }
    }

    fn of_json(record: &'a Value, process: &'a Value) -> Option<Self> {
        let (pid, created) = identity(process)?;
        let text = |of: &'a Value, pointer: &str| of.pointer(pointer).and_then(Value::as_str);
        let user = process.get("user").or_else(|| process.get("real_user"));
        let user = user.and_then(|user| {
            let number = || user.get("id").and_then(Value::as_u64).map(|id| id.to_string());
            user.get("name").and_then(Value::as_str).map(str::to_owned).or_else(number)
        });
        let words = process.get("command_args").and_then(Value::as_array).into_iter().flatten();
        let words: Vec<String> = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        Some(Self {
            pid,
            created: Time(created),
            command: text(process, "/command").unwrap_or_default(),
            arguments: Cow::Owned(words),
            path: text(process, "/executable/path"),
            exit: process.pointer("/exit/code").and_then(Value::as_i64),
            attribution: Attribution {
                user,
                job: text(record, "/cicd/pipeline/task/run/id").map(str::to_owned),
                commit: text(record, "/vcs/ref/head/revision").map(short),
            },
        })
    }
}

impl<'a> TextFinding<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            severity: finding.severity,
            id: finding.id.into(),
            name: finding.name.into(),
            message: Cow::Borrowed(&finding.message),
            remedy: finding.remedy.into(),
        }
    }

    fn of_json(finding: &Value) -> Option<Self> {
        let text = |name| finding.get(name).and_then(Value::as_str).map(printable).unwrap_or_default();
        Some(Self {
            severity: severity(finding)?,
            id: text("id").into(),
            name: text("name").into(),
            message: text("message").into(),
            remedy: text("remedy").into(),
        })
    }
}

/// Returns the reasons of a decision that does not allow.
fn reasons(policy: &Value) -> Vec<DenyReason<'_>> {
    if policy.get("allow").and_then(Value::as_bool) != Some(false) {
        return Vec::new();
    }
    let default = severity(policy).unwrap_or(Severity::High);
    let violations =
        policy.get("violations").and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
    if violations.is_empty() {
        let (id, message) = match policy.get("error").and_then(Value::as_str) {
            Some(error) => ("on-error", error),
            None => ("policy", "a policy does not allow the program"),
        };
        return vec![DenyReason { bundle: None, id, message, severity: default, remediation: None }];
    }
    violations
        .iter()
        .map(|violation| DenyReason {
            bundle: violation.get("bundle").and_then(Value::as_str),
            id: violation.get("id").and_then(Value::as_str).unwrap_or_default(),
            message: violation.get("msg").and_then(Value::as_str).unwrap_or_default(),
            severity: severity(violation).unwrap_or(default),
            remediation: violation.get("remediation").and_then(Value::as_str),
        })
        .collect()
}

fn severity(of: &Value) -> Option<Severity> {
    of.get("severity")?.as_str()?.parse().ok()
}

/// Returns pid and start of a process.
fn identity(process: &Value) -> Option<(u32, i64)> {
    let pid = u32::try_from(process.get("pid")?.as_u64()?).ok()?;
    Some((pid, Time::parse(process.pointer("/creation/time")?.as_str()?)?.0))
}

fn short(commit: &str) -> String {
    commit.chars().take(COMMIT_MAX).collect()
}
