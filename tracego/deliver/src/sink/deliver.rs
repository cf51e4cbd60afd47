//! What a transport is given and what it answers.
//!
//! Every transport has the same two halves. Its encoder turns a record into bytes on the pipeline's
//! thread; these bytes wait in a queue, perhaps through a restart. Its transport runs on the sink's own
//! thread and gets them back in batches, in order, until it says what became of each.

use std::time::Duration;

use super::status::lost;

/// What became of a batch. The default is: nothing was taken, and nothing is wrong.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Records from the front of the batch that are settled: taken by the receiver, or refused for good.
    /// The others come again.
    pub done: usize,
    /// Of these, what the receiver refused for good.
    pub refused: Vec<Refused>,
    /// Why the rest was not taken.
    pub trouble: Option<Trouble>,
}

impl Delivered {
    /// All of a batch was taken.
    #[must_use]
    pub fn all(records: usize) -> Self {
        Self { done: records, ..Self::default() }
    }

    /// Only the first `done` were.
    #[must_use]
    pub fn until(done: usize, trouble: Trouble) -> Self {
        Self { done, refused: Vec::new(), trouble: Some(trouble) }
    }
}

/// Records that a receiver will never take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The first, by its place in the batch.
    pub first: usize,
    /// The receiver had this many to choose from, and says no more than how many it refused.
    pub among: usize,
    /// How many it refused.
    pub count: u64,
    /// Its words, for people.
    pub why: String,
    /// It did not say so: it fails at this record again and again, and takes others.
    pub poison: bool,
}

impl Refused {
    /// As it is counted.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        if self.poison { lost::POISON } else { lost::REFUSED }
    }
}

/// Why a batch was not taken; it is tried again, for ever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// For people: names the receiver and what it said.
    pub why: String,
    /// The receiver asked to be left alone for so long.
    pub after: Option<Duration>,
    /// Nobody reads any more and nobody will: the reader of standard output is gone.
    pub ended: bool,
    /// It is about who sends and how often, and never about a record.
    pub ours: bool,
}

impl Trouble {
    /// Worth another try soon.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), after: None, ended: false, ours: false }
    }
}
