//! What is counted over written lines: by who writes them and by who checks them, with the same code.

use std::{borrow::Cow, collections::BTreeMap};

use tracego_model::clock::Time;
use tracego_model::record::seal::Scope;

/// Jobs that are counted at a time. Of one more nothing is counted by job until another has its seal.
const JOBS_MAX: usize = 4096;
/// Kinds of losses that are told apart.
const REASONS_MAX: usize = 32;

/// What a line says that is counted.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Its sequence number.
    pub seq: u64,
    /// When it was written; who checks does not need it.
    pub time: Time,
    /// It stands for an event of the kernel side.
    pub event: bool,
    /// Something is cut.
    pub truncated: bool,
    /// Something could not be read.
    pub unread: bool,
    /// `tracego.lost`.
    pub lost: Option<Cow<'a, BTreeMap<String, u64>>>,
    /// `tracego.job.root.exec_id`; of a job's seal the job that it is about.
    pub job: Option<Cow<'a, str>>,
    /// It is a seal.
    pub seal: Option<Scope>,
}

impl Facts<'_> {
    /// Without the line.
    #[must_use]
    pub fn into_owned(self) -> Facts<'static> {
        Facts {
            lost: self.lost.map(|lost| Cow::Owned(lost.into_owned())),
            job: self.job.map(|job| Cow::Owned(job.into_owned())),
            ..self
        }
    }
}

/// Counts of a window, a job or a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Lines.
    pub records: u64,
    /// When the first of them was written.
    pub began: Time,
    /// The first of them.
    pub first_seq: Option<u64>,
    /// The last of them.
    pub last_seq: Option<u64>,
    /// Those that stand for an event.
    pub written: u64,
    /// Those that are cut.
    pub truncated: u64,
    /// Those that lack something.
    pub unread: u64,
    /// What was lost, as the lines say it.
    pub dropped: BTreeMap<String, u64>,
    /// Sequence numbers that no line has. Not known by job.
    pub gaps: u64,
    /// Lines that the output refused, as who writes them knows.
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

/// Adds to what was lost for a reason.
pub fn add_reason(to: &mut BTreeMap<String, u64>, reason: &str, count: u64) {
    let room = to.len() < REASONS_MAX;
    if let Some(known) = to.get_mut(reason) {
        *known = known.saturating_add(count);
    } else if room {
        to.insert(reason.to_owned(), count);
    }
}

/// The counts of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Since the window's seal before.
    pub window: Counts,
    /// Of the run.
    pub run: Counts,
    /// Of each job since its seal before.
    pub jobs: BTreeMap<String, Counts>,
    last_seq: u64,
}

impl Tally {
    /// What a part of a run begins with whose line before had this number.
    #[must_use]
    pub fn behind(last_seq: u64) -> Self {
        Self { last_seq, ..Self::default() }
    }

    /// Number of the last line.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Goes up to a line: numbers that are passed over are missing.
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
        match (facts.seal, facts.job.as_deref()) {
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

    /// Counts a line that the output refused.
    pub fn refuse(&mut self, facts: &Facts<'_>) {
        self.window.refused += 1;
        self.run.refused += 1;
        if let Some(counts) =
            facts.job.as_deref().filter(|_| facts.seal.is_none()).and_then(|job| self.jobs.get_mut(job))
        {
            counts.refused += 1;
        }
    }
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
        assert_eq!((tally.window, tally.run.records), (Counts::default(), 5));
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
