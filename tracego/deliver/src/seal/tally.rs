//! Counts over written lines. The writer and the verifier of a log use the same code.

use std::{borrow::Cow, collections::BTreeMap};

use tracego_model::{clock::Time, record::seal::Scope};

/// Maximum number of jobs counted at a time. Further jobs are not counted until another job is sealed.
const JOBS_MAX: usize = 4096;
/// Maximum number of references to jobs that are known at a time.
const REFERENCES_MAX: usize = 4096;
/// Maximum number of reasons that losses are counted by.
const REASONS_MAX: usize = 32;

/// The facts about a line that are counted.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Sequence number of the line.
    pub seq: u64,
    /// Time of writing; not used when a log is verified.
    pub time: Time,
    /// Whether the line stands for an event of the kernel side.
    pub event: bool,
    /// Whether something is truncated.
    pub truncated: bool,
    /// Whether something could not be read.
    pub unread: bool,
    /// Losses by reason, `tracego.lost`.
    pub lost: Option<Cow<'a, BTreeMap<String, u64>>>,
    /// Id of the job, `tracego.job.root.exec_id` or `tracego.job.pod`; in a job's seal, the job that it covers.
    pub job: Option<Cow<'a, str>>,
    /// Id of the record of the job, `tracego.ref.job`: a lean line has no other sign of its job.
    pub job_reference: Option<Cow<'a, str>>,
    /// Scope of the seal, if the line is one.
    pub seal: Option<Scope>,
    /// Whether the line is sealed at once: a finding, a stop, or a violation of a policy.
    pub urgent: bool,
}

impl Facts<'_> {
    /// Copies the facts, so that they do not borrow from the line.
    #[must_use]
    pub fn into_owned(self) -> Facts<'static> {
        Facts {
            lost: self.lost.map(|lost| Cow::Owned(lost.into_owned())),
            job: self.job.map(|job| Cow::Owned(job.into_owned())),
            job_reference: self.job_reference.map(|id| Cow::Owned(id.into_owned())),
            ..self
        }
    }
}

/// The counts of a window, a job or a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Number of lines.
    pub records: u64,
    /// Time at which the first line was written.
    pub began: Time,
    /// Sequence number of the first line.
    pub first_seq: Option<u64>,
    /// Sequence number of the last line.
    pub last_seq: Option<u64>,
    /// Number of lines that stand for an event.
    pub written: u64,
    /// Number of lines with something truncated.
    pub truncated: u64,
    /// Number of lines with something that could not be read.
    pub unread: u64,
    /// Losses by reason, as reported by the lines.
    pub dropped: BTreeMap<String, u64>,
    /// Number of sequence numbers that no line has. Not known by job.
    pub gaps: u64,
    /// Number of lines that the output refused; known only to the writer.
    pub refused: u64,
}

impl Counts {
    fn add(&mut self, facts: &Facts<'_>) {
        if self.records == 0 {
            self.began = facts.time;
        }
        self.records += 1;
        self.first_seq.get_or_insert(facts.seq);
        self.last_seq = Some(facts.seq);
        self.written += u64::from(facts.event);
        self.truncated += u64::from(facts.truncated);
        self.unread += u64::from(facts.unread);
        for (reason, &count) in facts.lost.as_deref().into_iter().flatten() {
            add_reason(&mut self.dropped, reason, count);
        }
    }
}

/// Adds a number of losses to a reason.
pub fn add_reason(to: &mut BTreeMap<String, u64>, reason: &str, count: u64) {
    let room = to.len() < REASONS_MAX;
    if let Some(known) = to.get_mut(reason) {
        *known = known.saturating_add(count);
    } else if room {
        to.insert(reason.to_owned(), count);
    }
}

/// The counts of a run and its parts.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Counts since the last window seal.
    pub window: Counts,
    /// Counts of the whole run.
    pub run: Counts,
    /// Counts of each job since its last seal.
    pub jobs: BTreeMap<String, Counts>,
    /// Jobs of the records that lean lines refer to.
    references: BTreeMap<String, String>,
    last_seq: u64,
}

impl Tally {
    /// Creates a tally that begins in the middle of a run, after the line with this number.
    #[must_use]
    pub fn behind(last_seq: u64) -> Self {
        Self { last_seq, ..Self::default() }
    }

    /// Returns the number of the last line.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Advances to a line number. Skipped numbers are counted as missing.
    pub fn reach(&mut self, seq: u64) {
        let gap = seq.saturating_sub(self.last_seq).saturating_sub(1);
        self.window.gaps = self.window.gaps.saturating_add(gap);
        self.run.gaps = self.run.gaps.saturating_add(gap);
        self.last_seq = seq;
    }

    /// Counts a line that is in the log.
    pub fn add(&mut self, facts: &Facts<'_>) {
        self.reach(facts.seq);
        self.run.add(facts);
        self.refer(facts);
        match (facts.seal, job(facts, &self.references)) {
            (Some(Scope::Window | Scope::Run), _) => self.window = Counts::default(),
            (Some(Scope::Job), job) => {
                self.window.add(facts);
                if let Some(job) = job {
                    self.jobs.remove(job);
                }
            }
            (None, job) => {
                self.window.add(facts);
                if let Some(job) = job {
                    let room = self.jobs.len() < JOBS_MAX;
                    if let Some(counts) = self.jobs.get_mut(job) {
                        counts.add(facts);
                    } else if room {
                        self.jobs.entry(job.to_owned()).or_default().add(facts);
                    }
                }
            }
        }
    }

    /// Notes the job of a record that others refer to.
    fn refer(&mut self, facts: &Facts<'_>) {
        if let (Some(id), Some(job)) = (&facts.job_reference, &facts.job)
            && !self.references.contains_key(&**id)
        {
            if self.references.len() >= REFERENCES_MAX {
                self.references.clear();
            }
            self.references.insert(id.to_string(), job.to_string());
        }
    }

    /// Counts a line that the output refused.
    pub fn refuse(&mut self, facts: &Facts<'_>) {
        self.window.refused += 1;
        self.run.refused += 1;
        let job = job(facts, &self.references);
        if let Some(counts) = job.filter(|_| facts.seal.is_none()).and_then(|job| self.jobs.get_mut(job)) {
            counts.refused += 1;
        }
    }
}

/// Returns the job of a line: its own, or that of the record that it refers to.
fn job<'a>(facts: &'a Facts<'_>, references: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let referred = facts.job_reference.as_deref().and_then(|id| references.get(id));
    facts.job.as_deref().or(referred.map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_for_window_job_and_run() {
        let mut tally = Tally::default();
        let lost = BTreeMap::from([("ring_full".to_owned(), 3)]);
        let line = |seq, job: Option<&'static str>| Facts {
            seq,
            event: true,
            job: job.map(Cow::from),
            ..Facts::default()
        };
        tally.add(&line(1, Some("a")));
        let told = Some(Cow::Borrowed(&lost));
        tally.add(&Facts { seq: 2, lost: told, job: Some("a".into()), ..Facts::default() });
        tally.refuse(&line(3, Some("a")));
        tally.add(&line(4, None));
        assert_eq!((tally.window.records, tally.window.written, tally.window.gaps), (3, 2, 1));
        assert_eq!((tally.window.refused, tally.jobs["a"].refused), (1, 1));
        assert_eq!((tally.jobs["a"].last_seq, &tally.jobs["a"].dropped), (Some(2), &lost));
        tally.add(&Facts { seq: 5, job: Some("a".into()), seal: Some(Scope::Job), ..Facts::default() });
        assert!(tally.jobs.is_empty() && tally.window.records == 4);
        tally.add(&Facts { seq: 6, seal: Some(Scope::Window), ..Facts::default() });
        assert_eq!((&tally.window, tally.run.records), (&Counts::default(), 5));
        // Lean lines refer to the record of their job.
        let lean = |seq, job: Option<&'static str>, id: &'static str| Facts {
            job_reference: Some(id.into()),
            ..line(seq, job)
        };
        tally.add(&lean(7, None, "1"));
        tally.add(&lean(8, Some("b"), "1"));
        tally.add(&lean(9, None, "1"));
        tally.refuse(&lean(10, None, "1"));
        assert_eq!((tally.jobs.len(), tally.jobs["b"].records, tally.jobs["b"].refused), (1, 2, 1));
    }

    #[test]
    fn jobs_and_reasons_without_end_take_no_memory_without_end() {
        let mut tally = Tally::default();
        for n in 0..JOBS_MAX as u64 + 100 {
            let lost = BTreeMap::from([(format!("reason {n}"), u64::MAX)]);
            let job = Some(format!("job {n}").into());
            tally.add(&Facts { seq: n + 1, job, lost: Some(Cow::Owned(lost)), ..Facts::default() });
        }
        assert_eq!((tally.jobs.len(), tally.run.dropped.len()), (JOBS_MAX, REASONS_MAX));
    }
}
