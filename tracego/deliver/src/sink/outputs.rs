//! All outputs of a run, as the pipeline sees them.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use super::{
    direct::{Flushed, Sink},
    feed::{Ahead, Feed},
    status::Status,
};
use crate::seal::window::Sealer;
use tracego_model::record::{Record, SinkCounts};

/// Where records go: the direct output, and sinks with queues.
#[derive(Default)]
pub struct Outputs {
    direct: Option<Sink>,
    feeds: Vec<Feed>,
    /// Records of events since the last flush, where there is no direct output to count them.
    counted: u64,
    mark: u64,
    /// Points that the queues have not come to yet: chunks that each has then.
    marks: VecDeque<(u64, Vec<Ahead>)>,
}

impl From<Sink> for Outputs {
    fn from(sink: Sink) -> Self {
        Self { direct: Some(sink), ..Self::default() }
    }
}

impl Outputs {
    /// Of these parts.
    #[must_use]
    pub fn new(direct: Option<Sink>, feeds: Vec<Feed>) -> Self {
        Self { direct, feeds, ..Self::default() }
    }

    /// Replaces the sinks with queues, of which those that are left out end by themselves, and what the
    /// direct output writes to. Flush before.
    pub fn replace(&mut self, feeds: Vec<Feed>, output: Option<Box<dyn io::Write + Send>>) {
        let before = std::mem::replace(&mut self.feeds, feeds);
        for old in before {
            // What the sink's thread could not take yet goes to the feed that has its name now.
            if let Some(new) = self.feeds.iter_mut().find(|new| new.status().name == old.status().name) {
                new.inherit(old);
            }
        }
        if let (Some(direct), Some(output)) = (&mut self.direct, output) {
            direct.set_output(output);
        }
    }

    /// What seals the direct output.
    pub fn sealer(&mut self) -> Option<&mut Sealer> {
        self.direct.as_mut()?.sealer()
    }

    /// Adds a record to all; `counted` as [`Sink::push`] has it.
    ///
    /// # Errors
    /// When the direct output cannot write it down.
    pub fn push(&mut self, record: &Record, counted: bool) -> io::Result<()> {
        for feed in &mut self.feeds {
            feed.push(record);
        }
        self.push_direct(record, counted)
    }

    /// Adds a record to the direct output alone.
    ///
    /// # Errors
    /// When it cannot write it down.
    pub fn push_direct(&mut self, record: &Record, counted: bool) -> io::Result<()> {
        match &mut self.direct {
            Some(sink) => sink.push(record, counted),
            None => {
                self.counted += u64::from(counted);
                Ok(())
            }
        }
    }

    /// Whether enough is gathered for a write.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.direct.as_ref().is_some_and(Sink::is_full)
    }

    /// Hands on what is gathered. Without a direct output, what the queues were given counts as written;
    /// each sink then has counts of its own.
    pub fn flush(&mut self) -> Flushed {
        self.feeds.iter_mut().for_each(Feed::flush);
        match &mut self.direct {
            Some(sink) => sink.flush(),
            None => Flushed { written: std::mem::take(&mut self.counted), ..Flushed::default() },
        }
    }

    /// No more comes: what waits ahead of the sinks goes to their threads. Flush before.
    pub fn end(&mut self) {
        self.feeds.clear();
    }

    /// The point that the output has come to: what was flushed so far.
    pub fn mark(&mut self) -> u64 {
        self.mark += 1;
        let ahead: Vec<_> = self.feeds.iter().filter_map(Feed::mark).collect();
        if !ahead.is_empty() {
            self.marks.push_back((self.mark, ahead));
        }
        self.mark
    }

    /// The point up to which a kill of tracego would take nothing: the operating system has it, or the spools
    /// of all sinks that have one. A point and not a yes or no, since there is always something on its way
    /// while much happens.
    pub fn settled(&mut self) -> u64 {
        while let Some((_, ahead)) = self.marks.front() {
            let waits = |ahead: &Ahead| self.feeds.iter().any(|feed| feed.lacks(ahead));
            if ahead.iter().any(waits) {
                break;
            }
            self.marks.pop_front();
        }
        self.marks.front().map_or(self.mark, |(mark, _)| mark - 1)
    }

    /// Whether [`settled`](Self::settled) is at the end of what was flushed.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let waits = |ahead: &Ahead| self.feeds.iter().any(|feed| feed.lacks(ahead));
        !self.feeds.iter().filter_map(Feed::mark).any(|ahead| waits(&ahead))
    }

    /// What became of the records in each sink with a queue.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, SinkCounts> {
        let each = self.feeds.iter().map(|feed| {
            let numbers = feed.status().numbers();
            let counts = SinkCounts {
                given: numbers.given,
                delivered: numbers.delivered,
                lost: numbers.losses().values().sum(),
                waiting: numbers.queue.depth.records,
            };
            (feed.status().name.clone(), counts)
        });
        each.collect()
    }

    /// What sinks lost on this side of their queues since this was asked last: sink, reason, records.
    pub fn losses(&mut self) -> Vec<(Arc<Status>, &'static str, u64)> {
        let losses = self.feeds.iter_mut().flat_map(|feed| {
            let status = Arc::clone(feed.status());
            feed.losses().map(move |(reason, count)| (Arc::clone(&status), reason, count))
        });
        losses.collect()
    }
}
