//! Settings of single rules, besides their scope: one table of keys, each with its default.

use std::collections::BTreeMap;

use tracego_common::limits::ENV_NAME_MAX;
use tracego_model::{
    matcher::{self, Pattern, ProcessMatcher},
    record::linux::RLIMITS,
    text::nearest,
};

use crate::{named_services::NamedServices, rules::runtime::sandbox};

/// The places where a binary without a commit is a finding.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CommitStampPolicy {
    /// Nowhere: images are often built without the repository.
    #[default]
    Off,
    /// In production.
    Production,
    /// In production and in CI jobs.
    Always,
}

/// The values that the rules compare with.
#[derive(Clone, Debug, Default)]
pub struct RuleOptions {
    /// TG003: where a binary without a commit is a finding.
    pub stamp: CommitStampPolicy,
    /// TG003: main modules that belong to the job.
    pub modules: Vec<Pattern>,
    /// TG004: allowed patterns of GOPRIVATE, GONOSUMDB and GOINSECURE.
    pub private: Vec<String>,
    /// TG006, TG017: services beside units and containers, and pidfiles of services.
    pub named: NamedServices,
    /// TG006: time that a process has to run before it is a service, in seconds.
    pub service_grace: u64,
    /// TG007: least soft limit of open files.
    pub nofile: u64,
    /// TG007: least soft value of other limits, by name.
    pub limits: BTreeMap<String, u64>,
    /// TG008: percent of the memory limit that GOMEMLIMIT leaves to memory that Go does not count.
    pub memory_headroom: u64,
    /// TG008: whether GOMEMLIMIT has to be set where memory is limited.
    pub memory_limit: bool,
    /// TG009: variables that a service has to be given.
    pub required: Vec<String>,
    /// TG010: whether CI jobs have to hand on a trace.
    pub trace_context: bool,
    /// TG015: capabilities that a program in a container should not have.
    pub capabilities: Vec<String>,
    /// TG016: time that a process may run after the last opener of its job, in seconds.
    pub job_grace: u64,
    /// TG018: whether services are asked for their health.
    pub probe: bool,
}

type Set = fn(&mut RuleOptions, &toml::Value) -> Result<(), String>;

/// A key in the table of a rule.
pub struct RuleKey {
    /// Id of the rule.
    pub rule: &'static str,
    /// Name of the key.
    pub name: &'static str,
    /// Default value, in TOML.
    pub default: &'static str,
    /// Description of the key.
    pub about: &'static str,
    set: Set,
}

impl RuleKey {
    /// Reads a value into the thresholds.
    ///
    /// # Errors
    /// Fails if the value is not allowed; the message says what it must be.
    pub fn set(&self, thresholds: &mut RuleOptions, value: &toml::Value) -> Result<(), String> {
        (self.set)(thresholds, value)
    }
}

/// All keys, in the order of the rules.
#[rustfmt::skip]
pub const KEYS: [RuleKey; 15] = [
    RuleKey { rule: "TG003", name: "stamp", default: "\"off\"",
          about: "Where an own binary without a commit is a finding: off, production or always.",
          set: |t, v| stamp(v).map(|value| t.stamp = value) },
    RuleKey { rule: "TG003", name: "modules", default: "[]",
          about: "Main modules that belong to the job (globs), beside those that its go commands build.",
          set: |t, v| globs(v).map(|value| t.modules = value) },
    RuleKey { rule: "TG004", name: "private", default: "[]",
          about: "Allowed patterns of GOPRIVATE, GONOSUMDB and GOINSECURE.",
          set: |t, v| texts(v).map(|value| t.private = value) },
    RuleKey { rule: "TG006", name: "grace-seconds", default: "30",
          about: "How long a process has run before it counts as a service.",
          set: |t, v| number(v).map(|value| t.service_grace = value) },
    RuleKey { rule: "TG006", name: "services", default: "[]",
          about: "What counts as a service beside systemd units and containers: a list of matchers.",
          set: |t, v| matcher::read(v).map(|value| t.named.services = value) },
    RuleKey { rule: "TG006", name: "pidfiles", default: "[]",
          about: "Pidfiles of services, as paths seen by the service, beside those that systemd names and it holds open: \
                  \"/run/{name}.pid\", or with a matcher { unit = \"api.service\", file = \"/run/api.pid\" }.",
          set: |t, v| pidfiles(v).map(|value| t.named.pidfiles = value) },
    RuleKey { rule: "TG007", name: "nofile", default: "65536",
          about: "Minimum limit of open files of a service.",
          set: |t, v| number(v).map(|value| t.nofile = value) },
    RuleKey { rule: "TG007", name: "limits", default: "{}",
          about: "Minimum of other limits, by name: { nproc = 4096, memlock = 65536 }.",
          set: |t, v| limits(v).map(|value| t.limits = value) },
    RuleKey { rule: "TG008", name: "memory-headroom", default: "5",
          about: "Percent of the memory limit that GOMEMLIMIT has to leave to stacks of C, maps and kernel memory.",
          set: |t, v| percent(v).map(|value| t.memory_headroom = value) },
    RuleKey { rule: "TG008", name: "require-gomemlimit", default: "false",
          about: "A service under a memory limit has to set GOMEMLIMIT.",
          set: |t, v| truth(v).map(|value| t.memory_limit = value) },
    RuleKey { rule: "TG009", name: "required", default: "[\"APP_ENV\"]",
          about: "Variables that a service has to be given.",
          set: |t, v| variables(v).map(|value| t.required = value) },
    RuleKey { rule: "TG010", name: "trace-context", default: "false",
          about: "A Go program of a CI job has to be given TRACEPARENT.",
          set: |t, v| truth(v).map(|value| t.trace_context = value) },
    RuleKey { rule: "TG015", name: "capabilities",
          default: "[\"sys_admin\", \"sys_module\", \"sys_ptrace\", \"sys_rawio\", \"sys_boot\", \"dac_read_search\", \"mac_admin\", \"net_admin\", \"bpf\", \"perfmon\"]",
          about: "Capabilities that no program in a container should have in force.",
          set: |t, v| capabilities(v).map(|value| t.capabilities = value) },
    RuleKey { rule: "TG016", name: "grace-seconds", default: "60",
          about: "Seconds that a process may run after the end of its job. Between two steps of a job, no process of it runs.",
          set: |t, v| number(v).map(|value| t.job_grace = value) },
    RuleKey { rule: "TG018", name: "probe", default: "false",
          about: "Request /healthz and /metrics from services that listen, inside their network namespace.",
          set: |t, v| truth(v).map(|value| t.probe = value) },
];

/// Returns the defaults of all keys.
#[must_use]
pub fn defaults() -> RuleOptions {
    let mut thresholds = RuleOptions::default();
    for key in &KEYS {
        // A test ensures that every default can be read.
        if let Ok(table) = format!("value = {}", key.default).parse::<toml::Table>() {
            table.get("value").map(|value| key.set(&mut thresholds, value));
        }
    }
    thresholds
}

fn stamp(value: &toml::Value) -> Result<CommitStampPolicy, String> {
    match value.as_str() {
        Some("off") => Ok(CommitStampPolicy::Off),
        Some("production") => Ok(CommitStampPolicy::Production),
        Some("always") => Ok(CommitStampPolicy::Always),
        _ => Err("must be \"off\", \"production\" or \"always\"".into()),
    }
}

fn number(value: &toml::Value) -> Result<u64, String> {
    value.as_integer().and_then(|n| u64::try_from(n).ok()).ok_or_else(|| "must be a number, 0 or more".into())
}

fn percent(value: &toml::Value) -> Result<u64, String> {
    number(value).ok().filter(|n| *n <= 100).ok_or_else(|| "must be a number from 0 to 100".into())
}

fn truth(value: &toml::Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".into())
}

fn texts(value: &toml::Value) -> Result<Vec<String>, String> {
    let list = value.as_array().and_then(|list| list.iter().map(|v| Some(v.as_str()?.to_owned())).collect());
    list.ok_or_else(|| "must be a list of strings".into())
}

fn globs(value: &toml::Value) -> Result<Vec<Pattern>, String> {
    texts(value)?.iter().map(|text| Pattern::new(text, true)).collect()
}

/// Reads the pidfiles. A text is for every service, a table with a matcher for the services that it names.
fn pidfiles(value: &toml::Value) -> Result<Vec<(Option<ProcessMatcher>, String)>, String> {
    let one = |value: &toml::Value| {
        if let Some(path) = value.as_str() {
            return Ok((None, path.to_owned()));
        }
        let mut table = value.as_table().ok_or("must be a string or a table")?.clone();
        let file = table.remove("file").ok_or("file: is missing")?;
        let file = file.as_str().ok_or("file: must be a string")?.to_owned();
        Ok((Some(ProcessMatcher::read(&toml::Value::Table(table))?), file))
    };
    let list = value.as_array().ok_or("must be a list of strings and tables")?;
    let placed = |(n, value)| one(value).map_err(|error: String| format!("[{n}]: {error}"));
    list.iter().enumerate().map(placed).collect()
}

fn variables(value: &toml::Value) -> Result<Vec<String>, String> {
    let names = texts(value)?;
    let wrong = |name: &&String| name.is_empty() || name.len() >= ENV_NAME_MAX || name.contains(['=', ' ']);
    match names.iter().find(wrong) {
        Some(name) => Err(format!("'{name}' is not a variable name of at most {} bytes", ENV_NAME_MAX - 1)),
        None => Ok(names),
    }
}

fn capabilities(value: &toml::Value) -> Result<Vec<String>, String> {
    let names = texts(value)?;
    match names.iter().find(|name| sandbox::bit(name).is_none()) {
        Some(name) => Err(format!("'{name}' is not a capability; {}", nearest(name, sandbox::CAPABILITIES))),
        None => Ok(names),
    }
}

fn limits(value: &toml::Value) -> Result<BTreeMap<String, u64>, String> {
    let table = value.as_table().ok_or("must be a table such as { nproc = 4096 }")?;
    let one = |(name, value): (&String, &toml::Value)| {
        if !RLIMITS.contains(&name.as_str()) {
            return Err(format!("'{name}' is not a limit; {}", nearest(name, RLIMITS)));
        }
        Ok((name.clone(), number(value).map_err(|error| format!("{name}: {error}"))?))
    };
    table.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_one_and_keys_are_told_apart() {
        for (n, key) in KEYS.iter().enumerate() {
            let table: toml::Table = format!("value = {}", key.default).parse().unwrap();
            let set = key.set(&mut RuleOptions::default(), &table["value"]);
            assert_eq!(set, Ok(()), "{} {}", key.rule, key.name);
            assert!(!KEYS[..n].iter().any(|other| (other.rule, other.name) == (key.rule, key.name)));
            assert!(key.about.ends_with('.') && key.about.len() > 20, "{}", key.name);
        }
        let all = defaults();
        assert_eq!((all.nofile, all.required[0].as_str(), all.job_grace), (65_536, "APP_ENV", 60));
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        let refused = |name: &str, text: &str| {
            let table: toml::Table = format!("value = {text}").parse().unwrap();
            let key = KEYS.iter().find(|key| key.name == name).unwrap();
            key.set(&mut RuleOptions::default(), &table["value"]).unwrap_err()
        };
        assert!(refused("nofile", "-1").contains("0 or more"));
        assert!(refused("memory-headroom", "101").contains("0 to 100"));
        assert!(refused("stamp", "true").contains("\"production\""));
        assert!(refused("limits", "{ nprocs = 1 }").contains("did you mean 'nproc'?"));
        assert!(refused("limits", "{ nproc = \"x\" }").contains("nproc: must be a number"));
        assert!(refused("capabilities", "[\"sys_admn\"]").contains("did you mean 'sys_admin'?"));
        assert!(refused("required", "[\"A=B\"]").contains("'A=B' is not a variable name"));
        assert!(refused("modules", "[\"[\"]").contains("glob"));
        assert!(refused("services", "[{ unix = \"x\" }]").contains("did you mean 'unit'?"));
        assert!(refused("pidfiles", "[{ unit = \"x\" }]").contains("[0]: file: is missing"));
        assert!(
            refused("pidfiles", "[\"x\", { file = \"x\", unix = \"x\" }]").contains("[1]: unix: unknown key")
        );
        assert!(refused("probe", "1").contains("true or false"));
    }
}
