//! Counts of the pipeline beside the ledger.

pub mod jobs;
pub mod latency;

use std::collections::BTreeMap;

use jobs::JobLosses;
use latency::Latency;
use tracego_deliver::traces;
use tracego_model::{
    clock::Reading,
    finding::{Finding, Severity},
    policy::PolicyCounts,
    record::Record,
};

use crate::provenance::ProvenanceCounters;

/// The counts of a field that records lack, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MissingCounts {
    /// Number of records in which the field could not be read.
    pub unavailable: u64,
    /// Number of records in which the field is truncated.
    pub truncated: u64,
}

/// The counts of one run.
#[derive(Clone, Debug, Default)]
pub struct PipelineTally {
    /// Findings by rule and severity, including those on records that are not written.
    pub findings: BTreeMap<(&'static str, Severity), u64>,
    /// Fields that records lack. A list, because there are few and every record searches it.
    pub missing: Vec<(&'static str, MissingCounts)>,
    /// Number of values in which a secret was replaced.
    pub redacted: u64,
    /// Time from an event to the end of the write of its record.
    pub latency: Latency,
    /// Losses by job.
    pub jobs: JobLosses,
    /// Number of entries that rules had to evict.
    pub forgotten: u64,
    /// Number of argv pieces that were evicted before their event came.
    pub pieces_evicted: u64,
    /// Number of processes in the table.
    pub processes: usize,
    /// Counts of spans, if traces are on.
    pub traces: Option<traces::TraceCounts>,
    /// Counts of verdicts about executables, if provenance is configured.
    pub provenance: Option<ProvenanceCounters>,
    /// Counts of policies, if there are any.
    pub policy: Option<PolicyCounts>,
    refusal: Option<String>,
    /// Event times, in ns since boot, of the records that are on their way to the output.
    pending: Vec<u64>,
    /// Whether something is on its way to the output.
    given: bool,
}

impl PipelineTally {
    /// Returns a copy, with the counts kept elsewhere: [`Self::forgotten`] and [`Self::processes`].
    #[must_use]
    pub fn copy(&self, forgotten: u64, processes: usize) -> Self {
        Self { forgotten, processes, ..self.clone() }
    }

    /// Returns the last error of the output, if it refused the most recent records.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Counts findings.
    pub fn count_findings(&mut self, findings: &[Finding]) {
        for finding in findings {
            *self.findings.entry((finding.id, finding.severity)).or_default() += 1;
        }
    }

    /// Counts a record made of an event.
    pub fn count_record(&mut self, record: &Record) {
        self.count_findings(&record.tracego.findings);
        let whole = &record.tracego.completeness;
        self.redacted += u64::from(whole.redacted);
        for &field in &whole.unavailable {
            self.missing(field).unavailable += 1;
        }
        for &field in &whole.truncated {
            self.missing(field).truncated += 1;
        }
    }

    fn missing(&mut self, field: &'static str) -> &mut MissingCounts {
        let at = self.missing.iter().position(|&(known, _)| known == field);
        let at = at.unwrap_or_else(|| {
            self.missing.push((field, MissingCounts::default()));
            self.missing.len() - 1
        });
        &mut self.missing[at].1
    }

    /// Notes a record that was given to the output. `event_ns`: time of its event, if it has one, in ns since
    /// boot.
    pub fn given(&mut self, event_ns: Option<u64>) {
        self.given = true;
        self.pending.extend(event_ns);
    }

    /// Notes the answer of the output: the number of event records that it took, and the error if it refused
    /// some.
    pub fn answered(&mut self, written: u64, error: Option<&std::io::Error>) {
        if !std::mem::take(&mut self.given) {
            return;
        }
        self.refusal = error.map(ToString::to_string);
        let written = usize::try_from(written).unwrap_or(usize::MAX);
        if written > 0 {
            let now = Reading::now().boot_ns.unsigned_abs();
            self.pending.iter().take(written).for_each(|&then| self.latency.add(now.saturating_sub(then)));
        }
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_refusal_stays_until_the_output_takes_something() {
        let mut tally = PipelineTally::default();
        tally.given(Some(1));
        tally.given(Some(2));
        tally.answered(1, Some(&io::ErrorKind::StorageFull.into()));
        assert_eq!((tally.latency.count(), tally.refusal.is_some()), (1, true));
        // A tick without records says nothing about the output.
        tally.answered(0, None);
        assert!(tally.refusal.is_some());
        tally.given(None);
        tally.answered(0, None);
        assert_eq!((tally.latency.count(), tally.refusal), (1, None));
    }
}
