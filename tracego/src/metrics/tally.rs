//! What the pipeline counts beside the ledger.

use std::collections::BTreeMap;

use super::{jobs::JobLosses, latency::Latency};
use tracego_deliver::traces;
use tracego_model::{
    clock::Reading,
    finding::{Finding, Severity},
    record::Record,
};
use tracego_policy as policy;

/// Why a record lacks a field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Missing {
    /// It could not be read.
    pub unavailable: u64,
    /// It is cut.
    pub truncated: u64,
}

/// Counts of one run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Findings by rule and severity, those on records that are not written too.
    pub findings: BTreeMap<(&'static str, Severity), u64>,
    /// Fields that records lack. A list, because there are few and every record looks here.
    pub missing: Vec<(&'static str, Missing)>,
    /// Values in which a secret was replaced.
    pub redacted: u64,
    /// From an event to the end of the write of its record.
    pub latency: Latency,
    /// What jobs lost.
    pub jobs: JobLosses,
    /// What rules had to forget.
    pub forgotten: u64,
    /// Processes in the table.
    pub processes: usize,
    /// What became of spans, where they are made.
    pub traces: Option<traces::Counts>,
    /// Of policies.
    pub policy: Option<policy::engine::Counts>,
    refusal: Option<String>,
    /// When the events of the records happened that are on their way to the output, ns since boot.
    pending: Vec<u64>,
    /// Something is on its way to the output.
    given: bool,
}

impl Tally {
    /// As it is now, with what others count: [`Self::forgotten`] and [`Self::processes`].
    #[must_use]
    pub fn copy(&self, forgotten: u64, processes: usize) -> Self {
        Self { forgotten, processes, ..self.clone() }
    }

    /// Why the output took nothing the last time it was given something.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// Something was found.
    pub fn found(&mut self, findings: &[Finding]) {
        for finding in findings {
            *self.findings.entry((finding.id, finding.severity)).or_default() += 1;
        }
    }

    /// A record was made of an event.
    pub fn made(&mut self, record: &Record) {
        self.found(&record.tracego.findings);
        let whole = &record.tracego.completeness;
        self.redacted += u64::from(whole.redacted);
        for &field in &whole.unavailable {
            self.missing(field).unavailable += 1;
        }
        for &field in &whole.truncated {
            self.missing(field).truncated += 1;
        }
    }

    fn missing(&mut self, field: &'static str) -> &mut Missing {
        let at = self.missing.iter().position(|&(known, _)| known == field);
        let at = at.unwrap_or_else(|| {
            self.missing.push((field, Missing::default()));
            self.missing.len() - 1
        });
        &mut self.missing[at].1
    }

    /// A record was given to the output; of an event, when that happened, in ns since boot.
    pub fn given(&mut self, event_ns: Option<u64>) {
        self.given = true;
        self.pending.extend(event_ns);
    }

    /// The output has answered: it took the first `written` records of events, or says why not all.
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
        let mut tally = Tally::default();
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
