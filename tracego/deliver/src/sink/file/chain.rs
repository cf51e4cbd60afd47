//! The chain of a sealed file. Lines are linked where they are written, since only here it is known what was
//! written.
//!
//! A chain continues as long as the file ends with the chain's last line; after a rotation it continues in
//! the empty file. Otherwise (the first time, after a crash, after another program wrote to the file) a new
//! chain is opened. It names the line that the file ends with.

mod state;

use std::{fmt, io, ops::Range, time::Duration};

use state::{ChainState, LinkedLine, job_seal, linked};
use tracego_model::{
    clock::{Reading, Time},
    meta::Meta,
    record::{
        Record,
        builder::RecordBuilder,
        seal::{ChainStart, Scope, Seal, Span},
    },
};

use super::settings::FileSettings;
use crate::{
    format::Format,
    seal::{
        before::Before,
        chain::{LINK, Link, digest, hex},
        key::Key,
        nonce,
    },
    sink::delivery::{RefusedRecords, blocking::Batch},
};

/// Default time between two seals.
const INTERVAL: Duration = Duration::from_mins(1);

/// The chain that links the lines of one sink.
pub(super) struct FileChain {
    name: String,
    key: Option<Key>,
    interval: Duration,
    /// Makes what the chain itself has to say.
    builder: RecordBuilder,
    state: Option<ChainState>,
    /// Whether a write failed: an empty file may then not be one that was just begun.
    doubt: bool,
    /// Digest of the line that the next chain follows.
    follows: Option<[u8; LINK]>,
}

/// A batch whose lines are linked.
pub(super) struct LinkedBatch {
    lines: Batch,
    /// Facts about each line, without its bytes.
    about: Vec<LinkedLine>,
    records: usize,
    refused: Vec<RefusedRecords>,
    /// State at the start of a new chain, if the batch begins one.
    begins: Option<ChainState>,
    now: Reading,
}

impl LinkedBatch {
    /// Returns the number of lines that are written together: those up to the first record. A file with seals alone
    /// could be followed by another one for ever.
    pub(super) fn least(&self) -> usize {
        self.about.iter().position(|line| line.of.is_some()).map_or(1, |first| first + 1)
    }

    /// Returns the finished lines.
    pub(super) fn lines(&self) -> &Batch {
        &self.lines
    }

    /// Returns the number of records that are done when this number of lines is written, and those of them
    /// that cannot be linked.
    pub(super) fn done_and_refused(mut self, lines: usize) -> (usize, Vec<RefusedRecords>) {
        let done = self.about.iter().skip(lines).find_map(|line| line.of);
        // If lines are missing, only the records before the first missing one are done.
        let done = done.unwrap_or(self.records);
        self.refused.retain(|refused| refused.first < done);
        (done, self.refused)
    }
}

impl FileChain {
    /// Creates the chain, and reads its key.
    ///
    /// # Errors
    /// Fails if the key cannot be used; the text names the key of the settings.
    pub(super) fn new(settings: &FileSettings, name: &str, meta: &Meta) -> Result<Self, String> {
        let read = |path: &std::path::PathBuf| {
            Key::read(path, &settings.path)
                .map_err(|error| format!("seal-key: {}: {error:#}", path.display()))
        };
        let random = nonce().map_err(|error| format!("seal: /dev/urandom: {error}"))?;
        // The chain numbers its own records, as the run does: another instance keeps the two apart.
        let apart = u32::from_ne_bytes([random[0], random[1], random[2], random[3]]);
        let meta = Meta { instance: meta.instance ^ apart, ..meta.clone() };
        Ok(Self {
            name: name.to_owned(),
            key: settings.seal_key.as_ref().map(read).transpose()?,
            interval: settings.seal_interval.map_or(INTERVAL, |span| span.0),
            builder: RecordBuilder::new(meta),
            state: None,
            doubt: false,
            follows: None,
        })
    }

    /// Returns whether the chain has begun.
    pub(super) fn is_open(&self) -> bool {
        self.state.is_some()
    }

    /// Compares the chain with the end of the file. If they do not match, the next batch opens a new chain.
    pub(super) fn resume_or_reopen(&mut self, file: &Before) {
        let doubt = std::mem::take(&mut self.doubt);
        let last = self.state.as_ref().map(|state| state.last);
        let goes_on = |state: &ChainState| match file.link {
            Some(link) => link == state.link && file.last == last,
            None => file.last.is_none() && !doubt,
        };
        if !self.state.as_ref().is_some_and(goes_on) {
            self.follows = file.last.or(last).or(self.follows);
            self.state = None;
        }
    }

    /// Links records behind the lines already written. `again`: lines that are written again ahead of the records.
    pub(super) fn link(
        &mut self,
        again: &[Vec<u8>],
        batch: &Batch,
        records: Range<usize>,
        now: Reading,
    ) -> io::Result<LinkedBatch> {
        let mut begins = None;
        let (mut lines, mut link, mut number) = match self.state.take() {
            Some(state) => {
                let sealed = if state.is_due(self.interval, now) {
                    self.seals(&state, Scope::Window, true, now)
                        .map(|(lines, ahead)| (lines, ahead.link, ahead.number))
                } else {
                    Ok((Vec::new(), state.link, state.number))
                };
                self.state = Some(state);
                sealed?
            }
            None => {
                let (line, state) = self.opening(now)?;
                begins = Some(state);
                let link = line.link;
                (vec![line], link, 1)
            }
        };
        let mut refused = Vec::new();
        for bytes in again {
            if let Some(line) = linked(bytes.clone(), number + 1, link, None, now) {
                (link, number) = (line.link, number + 1);
                lines.push(LinkedLine { again: true, ..line });
            }
        }
        for (n, record) in records.clone().enumerate() {
            if let Some(line) = linked(batch.bytes(record..record + 1).to_vec(), number + 1, link, None, now)
            {
                (link, number) = (line.link, number + 1);
                lines.push(LinkedLine { of: Some(n), ..line });
            } else {
                refused.push(RefusedRecords {
                    first: n,
                    among: 1,
                    count: 1,
                    why: "the record is not JSON and cannot be sealed".to_owned(),
                    poison: false,
                });
            }
        }
        // Evidence is sealed at once.
        let state = self.state.as_ref().or(begins.as_ref());
        if lines.iter().any(|line| line.facts.urgent)
            && let Some(mut ahead) = state.cloned()
        {
            lines.iter().for_each(|line| ahead.take(line, now));
            lines.extend(self.seals(&ahead, Scope::Window, false, now)?.0);
        }
        let bytes: Vec<&[u8]> = lines.iter().map(|line| line.bytes.as_slice()).collect();
        let written = Batch::new(&bytes);
        lines.iter_mut().for_each(|line| line.bytes = Vec::new());
        Ok(LinkedBatch { lines: written, about: lines, records: records.len(), refused, begins, now })
    }

    /// Notes that this number of lines is in the file; `failed`: whether writing the next line failed.
    pub(super) fn wrote(&mut self, linked: &LinkedBatch, lines: usize, failed: bool) {
        self.doubt |= failed;
        if lines == 0 {
            return;
        }
        if let Some(begins) = &linked.begins {
            self.state = Some(begins.clone());
        }
        let Some(state) = &mut self.state else { return };
        for line in linked.about.iter().take(lines) {
            state.take(line, linked.now);
        }
        let last = linked.lines.bytes(lines - 1..lines);
        state.last = digest(last.strip_suffix(b"\n").unwrap_or(last));
        let signed = linked.about.iter().take(lines).rfind(|line| line.of.is_none() && !line.again);
        if let Some((key, line)) = self.key.as_ref().zip(signed) {
            key.advance(line.link, linked.begins.is_some());
        }
    }

    /// Notes that the last lines of the chain are in the file.
    pub(super) fn ended(&self, link: Link) {
        if let Some(key) = &self.key {
            key.advance(link, false);
        }
    }

    /// Ends the chain. Returns the last seals, of the remaining jobs and of the whole chain, and the link
    /// behind them, if there is a chain.
    pub(super) fn end(&mut self, now: Reading) -> io::Result<Option<(Vec<Vec<u8>>, Link)>> {
        let Some(state) = self.state.take() else { return Ok(None) };
        let (lines, ahead) = self.seals(&state, Scope::Run, true, now)?;
        Ok(Some((lines.into_iter().map(|line| line.bytes).collect(), ahead.link)))
    }

    /// Opens a chain. Returns its first line, and its state before that line.
    fn opening(&mut self, now: Reading) -> io::Result<(LinkedLine, ChainState)> {
        let nonce = nonce()?;
        let mut start = ChainStart {
            nonce: hex(&nonce),
            interval_s: self.interval.as_secs().max(1),
            follows: self.follows.map(|follows| hex(&follows)),
            sink: Some(self.name.clone()),
            ..ChainStart::default()
        };
        if let Some(key) = &self.key {
            key.open_run(&mut start);
        }
        let state = ChainState::new(Link::start(&nonce), now);
        let record = self.builder.opening(start, now);
        Ok((self.chain_line(record, &state, now)?, state))
    }

    /// Returns the seals of jobs, unless `jobs` is false, then one of the window or of the whole chain, and
    /// the state behind them.
    ///
    /// Lines do not show when a job ends. A job is therefore sealed after a window without a line of it, and
    /// sealed again if it goes on after that.
    fn seals(
        &mut self,
        state: &ChainState,
        scope: Scope,
        jobs: bool,
        now: Reading,
    ) -> io::Result<(Vec<LinkedLine>, ChainState)> {
        let mut ahead = state.clone();
        let quiet = state.jobs(scope == Scope::Run).filter(|_| jobs);
        let mut seals: Vec<Seal> = quiet.map(|(job, counts)| job_seal(job, counts)).collect();
        seals.sort_by_key(|seal| seal.first_seq);
        let mut lines = Vec::with_capacity(seals.len() + 1);
        for job in seals.into_iter().map(Some).chain([None]) {
            let seal = job.unwrap_or_else(|| ahead.seal(scope));
            let window = Span { start: seal.window.start, end: Time(now.unix_ns) };
            let epoch = self.key.as_ref().and_then(Key::epoch);
            let seal = Seal { window, sink: Some(self.name.clone()), link: ahead.link.text(), epoch, ..seal };
            let record = self.builder.seal(seal, None, now);
            let line = self.chain_line(record, &ahead, now)?;
            ahead.take(&line, now);
            lines.push(line);
        }
        Ok((lines, ahead))
    }

    /// Returns a line of the chain itself, linked behind the state.
    fn chain_line(&self, record: Record, behind: &ChainState, now: Reading) -> io::Result<LinkedLine> {
        let (mut line, number) = (Vec::new(), behind.number + 1);
        Format::Json.write(&Record { seq: number, ..record }, &mut line)?;
        let line = linked(line, number, behind.link, self.key.as_ref(), now);
        line.ok_or_else(|| io::Error::other("a seal that cannot be linked"))
    }
}

impl fmt::Debug for FileChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("name", &self.name).finish_non_exhaustive()
    }
}
