//! The sealer of an output: counts and links its lines, and decides when a seal is due.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use tracego_model::{
    clock::{Reading, Time},
    ledger::Ledger,
    record::{
        Record, event_name,
        frozen::Frozen,
        job::Job,
        seal::{ChainStart, Events, Scope, Seal, Span},
    },
};

use super::{
    chain::{self, LINK, Link, digest, hex},
    key::Key,
    tally::{Counts, Facts, Tally},
};

/// A record that is gathered but not yet written to the operating system.
struct Waiting {
    link: Link,
    seq: u64,
    time: Time,
    event: bool,
    truncated: bool,
    unread: bool,
    lost: Option<BTreeMap<String, u64>>,
    job: Option<Arc<Frozen<Job>>>,
    job_reference: Option<Arc<str>>,
    /// Job that is sealed, if the record is a job's seal.
    sealed: Option<String>,
    seal: Option<Scope>,
    opens: bool,
    urgent: bool,
}

impl Waiting {
    fn new(record: &Record, event: bool, link: Link) -> Self {
        let own = &record.tracego;
        let unread = own.executable.as_ref().is_some_and(|file| file.unread.is_some());
        let lost = own.lost.as_ref();
        Self {
            link,
            seq: record.seq,
            time: record.observed_timestamp,
            event,
            truncated: !own.completeness.truncated.is_empty(),
            unread: unread || !own.completeness.unavailable.is_empty(),
            lost: lost.map(|lost| lost.iter().map(|(&reason, &count)| (reason.to_owned(), count)).collect()),
            job: own.job.clone(),
            job_reference: own.references.as_ref().and_then(|references| references.job.clone()),
            sealed: own.seal.as_ref().and_then(|seal| seal.job.clone()),
            seal: own.seal.as_ref().map(|seal| seal.scope),
            opens: record.event_name == event_name::SEAL_OPENED,
            urgent: is_urgent(record),
        }
    }

    fn facts(&self) -> Facts<'_> {
        let key = self.job.as_ref().and_then(|job| job.key());
        Facts {
            seq: self.seq,
            time: self.time,
            event: self.event,
            truncated: self.truncated,
            unread: self.unread,
            lost: self.lost.as_ref().map(Cow::Borrowed),
            job: self.sealed.as_deref().or(key).map(Cow::Borrowed),
            job_reference: self.job_reference.as_deref().map(Cow::Borrowed),
            seal: self.seal,
            urgent: self.urgent,
        }
    }
}

/// Returns whether a record is evidence that is sealed at once.
fn is_urgent(record: &Record) -> bool {
    let own = &record.tracego;
    !own.findings.is_empty()
        || own.enforcement.as_ref().is_some_and(|enforcement| enforcement.decision.is_some())
        || own.policy.as_ref().is_some_and(|policy| !policy.allow || !policy.violations.is_empty())
}

/// Maximum number of seals in a second that are written at once. Later evidence waits for the second to end.
const URGENT_MAX: usize = 4;
const SECOND: i64 = 1_000_000_000;

/// The state of the agent at a seal, beside the lines.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Counts of the run. Those of the kernel side are of their latest reading: fresh at the end of a window, and up
    /// to a second old when evidence is sealed at once. More events may be processed by then than were hooked.
    pub ledger: Ledger,
    /// Current time.
    pub now: Reading,
    /// Running jobs, by `tracego.job.root.exec_id`, or `tracego.job.pod` of those that no process opened.
    pub running: BTreeSet<String>,
    /// Whether the run ends.
    pub last: bool,
}

/// The sealer of one output.
pub struct Sealer {
    start: ChainStart,
    key: Option<Key>,
    interval_ns: u64,
    /// Link of the last line that the operating system took.
    taken: Link,
    waiting: Vec<Waiting>,
    tally: Tally,
    opened: Option<Reading>,
    /// Time, counts and link at the beginning of this window.
    window: (Reading, Ledger, Link),
    /// Time and counts in the window seal that is being written, and whether it is the last.
    offered: (Reading, Ledger, bool),
    /// Whether the last window and the run have their seals.
    ended: (bool, bool),
    first: Link,
    took: bool,
    /// Whether evidence was written since the last seal.
    urgent: bool,
    /// Times of the last seals because of evidence, in ns since boot.
    urgent_seals: VecDeque<i64>,
}

impl Sealer {
    /// Creates the sealer of one run. `follows`: digest of the line that the output ends with, see
    /// [`ChainStart`].
    #[must_use]
    pub fn new(nonce: [u8; LINK], interval_s: u64, key: Option<Key>, follows: Option<[u8; LINK]>) -> Self {
        let follows = follows.map(|digest| hex(&digest));
        let start = ChainStart { nonce: hex(&nonce), interval_s, follows, ..ChainStart::default() };
        let first = Link::start(&nonce);
        Self {
            start,
            key,
            // At least 1 ns: a window has to end before the next one can be due.
            interval_ns: interval_s.saturating_mul(1_000_000_000).max(1),
            taken: first,
            waiting: Vec::new(),
            tally: Tally::default(),
            opened: None,
            window: (Reading::default(), Ledger::default(), first),
            offered: <(Reading, Ledger, bool)>::default(),
            ended: (false, false),
            first,
            took: false,
            urgent: false,
            urgent_seals: VecDeque::new(),
        }
    }

    /// Returns whether evidence has to be sealed now: at once, but not more than four times in a second.
    #[must_use]
    pub fn is_urgent(&self, now: Reading) -> bool {
        let begin = now.boot_ns.saturating_sub(SECOND);
        let recent = self.urgent_seals.iter().filter(|at| **at > begin).count();
        self.urgent && self.opened.is_some() && recent < URGENT_MAX
    }

    /// Returns the content of the first record until the output has taken that record.
    pub fn opening(&mut self, now: Reading) -> Option<ChainStart> {
        if self.opened.is_some() || !self.waiting.is_empty() {
            return None;
        }
        self.window.0 = now;
        let mut start = self.start.clone();
        if let Some(key) = &self.key {
            key.open_run(&mut start);
        }
        Some(start)
    }

    /// Appends the link to the record that begins at `start` of the buffer. Returns whether it could.
    pub fn close(&mut self, record: &Record, event: bool, buffer: &mut Vec<u8>, start: usize) -> bool {
        let before = self.waiting.last().map_or(self.taken, |last| last.link);
        let signed = record.tracego.seal.is_some() || record.tracego.chain_start.is_some();
        let Some(link) = chain::close(buffer, start, before, self.key.as_ref().filter(|_| signed)) else {
            self.unwritable(record);
            return false;
        };
        self.waiting.push(Waiting::new(record, event, link));
        true
    }

    /// Counts a record that could not be serialized as refused.
    pub fn unwritable(&mut self, record: &Record) {
        self.refuse(&Waiting::new(record, false, self.taken));
    }

    /// Counts a record as refused, except for the first one, which is written again with the same number.
    fn refuse(&mut self, waiting: &Waiting) {
        if !waiting.opens {
            self.tally.refuse(&waiting.facts());
        }
    }

    /// Reports that the operating system took `whole` of the waiting records, and the bytes `torn` of the
    /// next one.
    pub fn flushed(&mut self, whole: usize, torn: &[u8]) {
        for (n, waiting) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            if n >= whole {
                self.refuse(&waiting);
                self.took = false;
                continue;
            }
            self.tally.add(&waiting.facts());
            (self.taken, self.took) = (waiting.link, true);
            self.urgent |= waiting.urgent;
            let ends_epoch = waiting.opens || matches!(waiting.seal, Some(Scope::Window | Scope::Run));
            if let Some(key) = self.key.as_ref().filter(|_| ends_epoch) {
                key.advance(waiting.link, waiting.opens);
            }
            match waiting.seal {
                Some(Scope::Window) => {
                    let (now, ledger, last) = self.offered;
                    self.window = (now, ledger, waiting.link);
                    self.ended.0 = last;
                    self.urgent = false;
                }
                Some(Scope::Run) => self.ended.1 = true,
                _ if waiting.opens => self.opened = Some(self.window.0),
                _ => {}
            }
        }
        if torn.is_empty() {
            return;
        }
        if self.opened.is_some() {
            self.taken = self.taken.torn(torn);
        } else {
            // The first record itself was cut off; the next attempt follows the rest of it.
            self.start.follows = Some(hex(&digest(torn)));
        }
    }

    /// Whether the operating system took the last record that was handed over.
    #[must_use]
    pub fn took(&self) -> bool {
        self.took
    }

    /// Returns the next seal that has to be written: first of jobs that have ended, then of the window. No
    /// record may be waiting.
    pub fn due(&mut self, moment: &Moment) -> Option<Seal> {
        let opened = self.opened?;
        let over = |job: &str| moment.last || !moment.running.contains(job);
        let job = self.tally.jobs.iter().filter(|(job, _)| over(job));
        if let Some((job, counts)) = job.min_by_key(|(_, counts)| counts.first_seq) {
            let ended = Some(!moment.running.contains(job));
            let job = Some(job.clone());
            return Some(Seal { scope: Scope::Job, job, ended, ..self.seal(counts, counts.began, moment) });
        }
        let age = moment.now.boot_ns.saturating_sub(self.window.0.boot_ns);
        if moment.last && self.ended.0 {
            return (!self.ended.1)
                .then(|| self.whole(Scope::Run, opened, &Ledger::default(), self.first, moment));
        }
        let is_old = u64::try_from(age).is_ok_and(|age| age >= self.interval_ns);
        let is_urgent = self.is_urgent(moment.now);
        if is_urgent {
            self.urgent_seals.push_back(moment.now.boot_ns);
            if self.urgent_seals.len() > URGENT_MAX {
                self.urgent_seals.pop_front();
            }
        }
        if moment.last || is_old || is_urgent {
            self.offered = (moment.now, moment.ledger, moment.last);
            let (began, before, previous) = self.window;
            return Some(self.whole(Scope::Window, began, &before, previous, moment));
        }
        None
    }

    fn seal(&self, counts: &Counts, began: Time, moment: &Moment) -> Seal {
        Seal {
            window: Span { start: began, end: Time(moment.now.unix_ns) },
            records: counts.records,
            first_seq: counts.first_seq,
            last_seq: counts.last_seq,
            written: counts.written,
            truncated: counts.truncated,
            unread: counts.unread,
            refused: counts.refused,
            dropped: counts.dropped.clone(),
            link: self.taken.text(),
            epoch: self.key.as_ref().and_then(Key::epoch),
            ..Seal::default()
        }
    }

    /// Builds the seal of a window or of the run. Where lines could give the same number, the ledger's is
    /// used.
    fn whole(&self, scope: Scope, began: Reading, before: &Ledger, previous: Link, moment: &Moment) -> Seal {
        let counts = if scope == Scope::Run { &self.tally.run } else { &self.tally.window };
        let now = &moment.ledger;
        let losses = now.kernel.losses().into_iter().zip(before.kernel.losses());
        let dropped =
            losses.map(|((reason, now), (_, before))| (reason.to_owned(), now.saturating_sub(before)));
        let events = Events {
            hooked: happened(now).saturating_sub(happened(before)),
            filtered: now.kernel.filtered.saturating_sub(before.kernel.filtered),
            undecodable: now.decode_errors - before.decode_errors,
            unrequested: now.unrequested - before.unrequested,
            refused_events: now.write_errors - before.write_errors,
            pending: pending(now),
        };
        Seal {
            scope,
            written: now.written - before.written,
            dropped: dropped.filter(|&(_, count)| count > 0).collect(),
            events: Some(events),
            previous: Some(previous.text()),
            ..self.seal(counts, Time(began.unix_ns), moment)
        }
    }
}

/// Returns the number of events that the run has to account for.
fn happened(ledger: &Ledger) -> u64 {
    ledger.kernel.happened().saturating_add(ledger.inherited)
}

/// Returns the number of events that are counted but not processed; negative if events were processed that are
/// younger than the counters.
fn pending(ledger: &Ledger) -> i64 {
    let kernel = &ledger.kernel;
    let parts = [kernel.lost(), kernel.filtered, ledger.decode_errors, ledger.processed];
    let there: i128 = parts.into_iter().map(i128::from).sum();
    let pending = i128::from(happened(ledger)) - there;
    i64::try_from(pending).unwrap_or(if pending < 0 { i64::MIN } else { i64::MAX })
}
