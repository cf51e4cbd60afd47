//! The job, and what identifies it.

use std::collections::BTreeMap;

use serde::Serialize;
use tracego_report::history::ReportedJob;

use crate::record_origin::RecordOrigin;

/// Type of jobs of a CI system that publishes none, and of programs of no job.
const OTHER: &str = "urn:tracego:job:1";
/// Types of jobs that CI systems publish for provenance (SLSA `buildType`).
const TYPES: [(&str, &str); 1] = [("github", "https://actions.github.io/buildtypes/workflow/v1")];

/// `monitoredProcess`.
#[derive(Debug, Serialize)]
pub(super) struct MonitoredProcess {
    #[serde(rename = "hostID")]
    host_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    event: String,
}

/// The attributes of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TracedJob {
    id: String,
    is_change: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
}

impl MonitoredProcess {
    /// Returns the identity of a job; without one, that of the run of tracego.
    pub(super) fn new(job: Option<&ReportedJob>, origin: &RecordOrigin) -> Self {
        let attribute = |name: &str| job.map_or("", |job| job.attribute(name));
        let system = attribute("cicd.system.component");
        let url = attribute("cicd.pipeline.run.url.full");
        let host = host_of(url).or_else(|| host_of(attribute("vcs.repository.url.full")));
        let machine = || {
            let id = if origin.host.is_empty() { "unknown" } else { &origin.host };
            format!("urn:tracego:host:{}", encoded(id))
        };
        let id = job.map_or("", |job| &job.id);
        let event = match (url, id) {
            ("", "") => format!("run {}", origin.run),
            ("", id) => id.to_owned(),
            (url, id) => with_attempt(system, url, id),
        };
        Self {
            host_id: host.unwrap_or_else(machine),
            kind: TYPES.iter().find(|(name, _)| *name == system).map_or(OTHER, |(_, kind)| kind),
            event,
        }
    }
}

/// Returns the address of a run with its attempt, which GitHub's ids of jobs hold: `42/1/build`.
fn with_attempt(system: &str, url: &str, id: &str) -> String {
    let attempt = id.split('/').nth(1).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match attempt.filter(|text| system == "github" && !text.is_empty() && !url.contains("/attempts/")) {
        Some(attempt) => format!("{}/attempts/{attempt}", url.trim_end_matches('/')),
        None => url.to_owned(),
    }
}

/// Returns scheme and host of an address.
fn host_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))?;
    // A user and a password are not a part of the host.
    let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    (!host.is_empty() && host.chars().all(is_good)).then(|| format!("{scheme}://{host}"))
}

/// Returns a text as a part of a URI.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

impl TracedJob {
    /// Returns the attributes of a job. Their names have no dots, which in-toto advises against.
    pub(super) fn new(job: &ReportedJob) -> Self {
        let names = [
            ("cicd.pipeline.name", "pipelineName"),
            ("cicd.pipeline.run.id", "runId"),
            ("cicd.pipeline.run.url.full", "runUrl"),
            ("cicd.pipeline.task.name", "taskName"),
            ("cicd.pipeline.task.run.id", "taskRunId"),
            ("cicd.system.component", "system"),
            ("vcs.ref.head.name", "ref"),
            ("vcs.ref.head.revision", "commit"),
            ("vcs.repository.url.full", "repository"),
        ];
        let value = |(name, short): (&str, &'static str)| {
            Some((short, job.attribute(name).to_owned())).filter(|(_, value)| !value.is_empty())
        };
        Self {
            id: job.id.clone(),
            is_change: job.is_change,
            attributes: names.into_iter().filter_map(value).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_attempts_are_found() {
        assert_eq!(host_of("https://u:p@example.com:8443/a").as_deref(), Some("https://example.com:8443"));
        assert_eq!(
            (host_of("git@example.com:a"), host_of("https://"), host_of("ssh://a/b")),
            (None, None, None)
        );
        let url = "https://github.com/a/b/actions/runs/42";
        assert_eq!(with_attempt("github", url, "42/3/build"), format!("{url}/attempts/3"));
        assert_eq!(with_attempt("gitlab", url, "42/3/build"), url);
        assert_eq!(with_attempt("github", url, "42"), url);
        assert_eq!(encoded("a b"), "a%20b");
    }
}
