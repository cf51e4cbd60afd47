//! The jobs that records are of.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Value, value::RawValue};
use tracego_model::text::printable;

use super::{activity::ActivityTable, finding::FindingCounts};
use crate::{
    history::{job_attributes, job_id},
    wire::WireRecord,
};

/// Maximum number of texts that are remembered, and the maximum length of one in bytes.
const CONTEXTS_MAX: usize = 5000;
const CONTEXT_MAX: usize = 4000;

/// Facts about a job.
#[derive(Clone, Debug, Default)]
pub struct JobFacts {
    /// Attributes of `cicd` and `vcs` by their names, such as `vcs.ref.head.revision`.
    pub attributes: BTreeMap<&'static str, String>,
    /// Numbers of its findings and decisions.
    pub findings: FindingCounts,
    /// Number of its events that are lost.
    pub lost: u64,
    /// Number of its processes that ended with another code than 0.
    pub failed: u64,
    /// Largest resident set of a process that ended, in bytes.
    pub max_rss_bytes: u64,
}

impl JobFacts {
    /// Returns an attribute; an empty text if the job has none.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// Jobs by the text of the members `cicd` and `vcs`, which many records share, and by the ids of their records.
#[derive(Clone, Debug, Default)]
pub(super) struct JobContexts {
    known: HashMap<Box<str>, Box<str>>,
}

impl JobContexts {
    /// Returns the key of the job of a record, and adds the job if it is new.
    pub(super) fn key(&mut self, record: &WireRecord<'_>, jobs: &mut ActivityTable<JobFacts>) -> Arc<str> {
        let raw = |value: Option<&RawValue>| value.map_or("", RawValue::get).to_owned();
        let own = raw(record.cicd) + "\n" + &raw(record.vcs);
        let reference = &*record.tracego.references.job;
        let has_own = record.cicd.is_some() || record.vcs.is_some();
        if let Some(id) = self.known.get(if has_own { &*own } else { reference })
            && jobs.get(id).is_some()
        {
            return jobs.key(id);
        }
        let attributes = job_attributes(&parsed(record.cicd), &parsed(record.vcs));
        let id = printable(job_id(&attributes));
        let key = jobs.key(&id);
        if let Some(row) = jobs.row(&key).filter(|_| *key == *id && !id.is_empty()) {
            for (name, value) in attributes {
                row.facts.attributes.entry(name).or_insert_with(|| printable(&value));
            }
        }
        if *key == *id && has_own {
            self.remember(&own, &id);
            self.remember(reference, &id);
        }
        key
    }

    fn remember(&mut self, text: &str, id: &str) {
        if !text.is_empty() && text.len() <= CONTEXT_MAX {
            if self.known.len() >= CONTEXTS_MAX {
                self.known.clear();
            }
            self.known.insert(text.into(), id.into());
        }
    }
}

/// Returns a member as a value; null if it is absent.
fn parsed(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}
