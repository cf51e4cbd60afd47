//! The configurations that were in force while records were written, as heartbeats and the first records of sealed outputs
//! name them. Each change is recorded at once, so a configuration holds from the first record of its run, or from its own
//! record, until the next.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use tracego_model::{clock::Time, record::configuration::ConfigurationFile, text::printable};
use tracego_report::wire::{self, NativeRecord};

/// Maximum number of runs, and of configurations of one run.
const RUNS_MAX: usize = 1000;
const CHANGES_MAX: usize = 100;
/// Maximum number of files, and of policies, of one configuration.
const PARTS_MAX: usize = 1000;
/// Maximum length of a text that is kept, in bytes.
const TEXT_MAX: usize = 4096;

/// A configuration as a record names it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct RecordedConfiguration {
    /// SHA-256 of the file; of several files, that of their SHA-256 one behind the other.
    pub sha256: Option<String>,
    /// The files.
    #[serde(default)]
    pub files: Vec<ConfigurationFile>,
    /// Options whose value in the files was not in force.
    #[serde(default)]
    pub needs_restart: Vec<String>,
    /// The policies.
    pub policies: Vec<RecordedPolicy>,
}

/// A policy as a record names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct RecordedPolicy {
    /// Name of the bundle.
    pub name: String,
    /// `sha256:HEX`.
    pub digest: String,
    /// Revision in the manifest.
    pub revision: Option<String>,
}

/// A configuration, and the time from which it was in force.
#[derive(Clone, Debug)]
pub struct ConfigurationPeriod {
    /// Id of the run.
    pub run: String,
    /// Beginning.
    pub from: Time,
    /// The configuration; `None` if no record of the run says it.
    pub configuration: Option<RecordedConfiguration>,
}

/// The configurations of each run.
#[derive(Debug, Default)]
pub struct ConfigurationHistory {
    runs: BTreeMap<String, RunConfigurations>,
    /// The run that the records belong to, which lean records do not repeat.
    current: String,
}

#[derive(Debug)]
struct RunConfigurations {
    first: Time,
    last: Time,
    changes: Vec<(Time, RecordedConfiguration)>,
    /// Whether a configuration could not be kept, so that nothing is known for certain.
    is_cut: bool,
}

#[derive(Deserialize)]
struct ConfigurationRecord<'a> {
    #[serde(borrow, default)]
    schema: Cow<'a, str>,
    #[serde(borrow, default)]
    event_name: Cow<'a, str>,
    #[serde(borrow, default)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    service: Option<RecordService<'a>>,
    tracego: Option<RecordOwn>,
}

#[derive(Deserialize)]
struct RecordService<'a> {
    #[serde(borrow)]
    instance: Option<RecordInstance<'a>>,
}

#[derive(Deserialize)]
struct RecordInstance<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RecordOwn {
    configuration: Option<RecordedConfiguration>,
}

impl<'a> NativeRecord<'a> for ConfigurationRecord<'a> {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn event_name(&self) -> &str {
        &self.event_name
    }
}

impl ConfigurationHistory {
    /// Takes a line of records.
    pub fn take(&mut self, line: &[u8]) {
        let Ok(record) = wire::parse::<ConfigurationRecord<'_>>(line) else { return };
        let Some(time) = Time::parse(&record.timestamp) else { return };
        let instance = record.service.as_ref().and_then(|service| service.instance.as_ref());
        if let Some(instance) = instance.filter(|run| *run.id != *self.current && run.id.len() <= TEXT_MAX) {
            instance.id.as_ref().clone_into(&mut self.current);
        }
        let is_full = self.runs.len() >= RUNS_MAX;
        let run = match self.runs.get_mut(&self.current) {
            Some(run) => run,
            None if is_full => return,
            None => self.runs.entry(self.current.clone()).or_insert_with(|| RunConfigurations::new(time)),
        };
        run.first = run.first.min(time);
        run.last = run.last.max(time);
        if let Some(configuration) = record.tracego.and_then(|own| own.configuration) {
            run.take(time, configuration);
        }
    }

    /// Returns the configurations that were in force from `began` to `ended`; without these times, all of them.
    #[must_use]
    pub fn periods(&self, began: Option<Time>, ended: Option<Time>) -> Vec<ConfigurationPeriod> {
        let mut periods = Vec::new();
        for (name, run) in &self.runs {
            let overlaps =
                began.is_none_or(|began| run.last >= began) && ended.is_none_or(|ended| run.first <= ended);
            if overlaps {
                run.add_periods(name, (began, ended), &mut periods);
            }
        }
        periods.sort_by_key(|period| period.from);
        periods
    }
}

impl RunConfigurations {
    fn new(time: Time) -> Self {
        Self { first: time, last: time, changes: Vec::new(), is_cut: false }
    }

    fn take(&mut self, time: Time, configuration: RecordedConfiguration) {
        if self.changes.last().is_some_and(|(_, last)| *last == configuration) {
            return;
        }
        if self.changes.len() >= CHANGES_MAX || !configuration.is_kept() {
            self.is_cut = true;
            return;
        }
        self.changes.push((time, configuration));
    }

    fn add_periods(
        &self,
        name: &str,
        (began, ended): (Option<Time>, Option<Time>),
        periods: &mut Vec<ConfigurationPeriod>,
    ) {
        let run = printable(name);
        if self.changes.is_empty() || self.is_cut {
            periods.push(ConfigurationPeriod { run, from: self.first, configuration: None });
            return;
        }
        for (n, (time, configuration)) in self.changes.iter().enumerate() {
            let from = if n == 0 { self.first } else { *time };
            let until = self.changes.get(n + 1).map(|(time, _)| *time);
            let is_over = until.is_some_and(|until| began.is_some_and(|began| until <= began));
            if !is_over && ended.is_none_or(|ended| from <= ended) {
                let configuration = Some(configuration.clone());
                periods.push(ConfigurationPeriod { run: run.clone(), from, configuration });
            }
        }
    }
}

impl RecordedConfiguration {
    /// Whether it is of a size that is kept, and its digests are some.
    fn is_kept(&self) -> bool {
        let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_policy = |one: &RecordedPolicy| {
            let revision = one.revision.as_ref().map_or(0, String::len);
            one.name.len().max(revision) <= TEXT_MAX
                && one.digest.strip_prefix("sha256:").is_some_and(is_digest)
        };
        self.files.len().max(self.policies.len()).max(self.needs_restart.len()) <= PARTS_MAX
            && self.sha256.as_deref().is_none_or(is_digest)
            && self.files.iter().all(|file| file.path.len() <= TEXT_MAX && is_digest(&file.sha256))
            && self.needs_restart.iter().all(|name| name.len() <= TEXT_MAX)
            && self.policies.iter().all(is_policy)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DIGEST: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn take(history: &mut ConfigurationHistory, second: u32, run: &str, policy: Option<&str>) {
        let policies = policy.map(|name| json!([{ "name": name, "digest": format!("sha256:{DIGEST}") }]));
        let record = json!({ "schema": "tracego/2", "event_name": "tracego.heartbeat",
            "timestamp": format!("2026-11-25T02:00:{second:02}.000000000Z"), "service": { "instance": { "id": run } },
            "tracego": { "configuration": policies.map(|policies| json!({ "policies": policies })) } });
        history.take(record.to_string().as_bytes());
    }

    fn names(history: &ConfigurationHistory, began: u32, ended: u32) -> Vec<String> {
        let time = |second: u32| Time::parse(&format!("2026-11-25T02:00:{second:02}.000000000Z"));
        let name = |period: ConfigurationPeriod| period.configuration.map(|of| of.policies[0].name.clone());
        let periods = history.periods(time(began), time(ended)).into_iter();
        periods.map(|period| name(period).unwrap_or_default()).collect()
    }

    #[test]
    fn a_configuration_holds_from_the_start_of_its_run_until_the_next() {
        let mut history = ConfigurationHistory::default();
        for (second, run, policy) in [
            (1, "a", None),
            (5, "a", Some("one")),
            (10, "a", Some("one")),
            (20, "a", Some("two")),
            (29, "a", None),
            (30, "b", None),
            (39, "b", None),
            (41, "c", None),
            (49, "c", Some("three")),
        ] {
            take(&mut history, second, run, policy);
        }
        assert_eq!(names(&history, 2, 3), ["one"]);
        assert_eq!(names(&history, 2, 21), ["one", "two"]);
        assert_eq!(names(&history, 20, 22), ["two"]);
        assert_eq!(names(&history, 31, 32), [""]);
        assert_eq!(names(&history, 38, 42), ["", "three"]);
        assert!(names(&history, 50, 51).is_empty());
        assert_eq!(history.periods(None, None).len(), 4);
    }

    #[test]
    fn a_configuration_that_cannot_be_kept_is_not_known() {
        let mut history = ConfigurationHistory::default();
        take(&mut history, 1, "a", Some("one"));
        take(&mut history, 2, "a", Some(&"x".repeat(TEXT_MAX + 1)));
        assert_eq!(names(&history, 1, 3), [""]);
    }
}
