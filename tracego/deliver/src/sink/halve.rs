//! What a receiver does not take whole goes in halves, down to the record that is meant.
//!
//! A request that is refused for good is halved at once. One that the receiver fails at is tried again, for ever:
//! a receiver that is down says nothing about the records. But when the same record is in front for long enough, it
//! may be that record which the receiver fails at, and everything behind it would wait for ever. Then the
//! worker asks to [`isolate`](Parts::isolate) it: a record is given up when it fails alone, another one is taken,
//! and then it fails alone once more. No request without records can stand for the other one: a collector takes
//! such a request while all that is behind it is down.

use std::ops::Range;

use super::deliver::{Delivered, Refused, Trouble};

/// What became of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Taken, but for so many of its records.
    Taken {
        /// Refused for good; the receiver does not say which.
        rejected: u64,
        /// Why; or, where none was refused, what the receiver wants to be known.
        message: String,
    },
    /// Not now.
    Again(Trouble),
    /// This request will never be taken.
    Never(String),
}

impl Answer {
    /// Not taken, and worth another try.
    pub(super) fn again(why: impl Into<String>) -> Self {
        Self::Again(Trouble::new(why))
    }

    /// All of it was taken.
    pub(super) fn taken() -> Self {
        Self::Taken { rejected: 0, message: String::new() }
    }
}

/// A batch on its way, and what is known of it.
pub(super) struct Parts {
    records: usize,
    isolate: bool,
    /// Another record was taken while this batch was under way.
    alive: bool,
    delivered: Delivered,
}

impl Parts {
    /// Of so many records. `isolate`: one that the receiver fails at again and again is given up, one a batch.
    pub(super) fn new(records: usize, isolate: bool) -> Self {
        Self { records, isolate, alive: false, delivered: Delivered::default() }
    }

    /// Records from the front that are settled.
    pub(super) fn done(&self) -> usize {
        self.delivered.done
    }

    /// What became of the batch.
    pub(super) fn delivered(self) -> Delivered {
        self.delivered
    }

    /// Sends the next records of the batch as one request, or in parts. `Break`: the batch ends here for now.
    pub(super) async fn send(
        &mut self,
        request: Range<usize>,
        ask: &mut impl AsyncFnMut(Range<usize>) -> Answer,
    ) -> bool {
        // What is left, the next last.
        let mut left = vec![request];
        while let Some(range) = left.pop() {
            let answer = ask(range.clone()).await;
            match self.judge(&range, answer, ask).await {
                Step::Settled => self.delivered.done = range.end,
                Step::Halve => {
                    let middle = range.start + range.len() / 2;
                    left.extend([middle..range.end, range.start..middle]);
                }
                Step::GivenUp(why) => {
                    self.refuse(&range, 1, why, true);
                    self.delivered.done = range.end;
                    return false;
                }
                Step::Failed(trouble) => {
                    self.delivered.trouble = Some(trouble);
                    return false;
                }
            }
        }
        true
    }

    async fn judge(
        &mut self,
        range: &Range<usize>,
        answer: Answer,
        ask: &mut impl AsyncFnMut(Range<usize>) -> Answer,
    ) -> Step {
        let alone = range.len() == 1;
        match answer {
            Answer::Again(trouble) if !self.isolate || trouble.ours => Step::Failed(trouble),
            Answer::Again(_) if !alone && self.alive => Step::Halve,
            Answer::Again(trouble) => {
                if !self.takes_another(range.start, ask).await {
                    return Step::Failed(trouble);
                }
                if !alone {
                    return Step::Halve;
                }
                // It may have been down, and have come back for the other one.
                match ask(range.clone()).await {
                    Answer::Again(trouble) if trouble.ours => Step::Failed(trouble),
                    Answer::Again(trouble) => Step::GivenUp(trouble.why),
                    answer => self.said(range, answer),
                }
            }
            answer => self.said(range, answer),
        }
    }

    /// An answer that is about the records.
    fn said(&mut self, range: &Range<usize>, answer: Answer) -> Step {
        match answer {
            Answer::Taken { rejected, message } => {
                if rejected > 0 {
                    let none = || "the receiver gives no reason".to_owned();
                    let why = if message.is_empty() { none() } else { message };
                    self.refuse(range, rejected.min(range.len() as u64), why, false);
                }
                Step::Settled
            }
            Answer::Never(why) if range.len() == 1 => {
                self.refuse(range, 1, why, false);
                Step::Settled
            }
            Answer::Never(_) => Step::Halve,
            Answer::Again(trouble) => Step::Failed(trouble),
        }
    }

    fn refuse(&mut self, range: &Range<usize>, count: u64, why: String, poison: bool) {
        let (first, among) = (range.start, range.len());
        self.delivered.refused.push(Refused { first, among, count, why, poison });
    }

    /// Whether the receiver takes any of three records behind this one, each alone. They come again in
    /// their place.
    async fn takes_another(
        &mut self,
        first: usize,
        ask: &mut impl AsyncFnMut(Range<usize>) -> Answer,
    ) -> bool {
        let mut others = vec![self.records - 1, first + (self.records - first) / 2, first + 1];
        others.retain(|&other| other > first && other < self.records);
        others.dedup();
        self.alive = false;
        for other in others {
            if matches!(ask(other..other + 1).await, Answer::Taken { rejected: 0, .. }) {
                self.alive = true;
                break;
            }
        }
        self.alive
    }
}

/// What an answer to a request means for its records.
enum Step {
    /// Taken, or refused for good.
    Settled,
    /// It is about some of them.
    Halve,
    /// The one is what the receiver fails at.
    GivenUp(String),
    /// They come again.
    Failed(Trouble),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a batch of 20 to a receiver that answers by the records and the number of the request.
    fn sent(
        isolate: bool,
        mut answer: impl FnMut(&Range<usize>, usize) -> Answer,
    ) -> (Delivered, Vec<Range<usize>>) {
        let mut asked = Vec::new();
        let mut parts = Parts::new(20, isolate);
        let mut ask = async |range: Range<usize>| {
            asked.push(range.clone());
            answer(&range, asked.len())
        };
        let work = async {
            for request in [0..12, 12..20] {
                if !parts.send(request, &mut ask).await {
                    break;
                }
            }
        };
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
        (parts.delivered(), asked)
    }

    fn fails_at(bad: &[usize]) -> impl FnMut(&Range<usize>, usize) -> Answer {
        move |range, _| match bad.iter().any(|bad| range.contains(bad)) {
            true => Answer::again("500"),
            false => Answer::taken(),
        }
    }

    #[test]
    fn a_record_that_the_receiver_fails_at_is_given_up_when_others_are_taken() {
        for bad in 0..20 {
            let (delivered, _) = sent(false, fails_at(&[bad]));
            assert!(delivered.refused.is_empty() && delivered.trouble.is_some(), "{delivered:?}");
            let (delivered, _) = sent(true, fails_at(&[bad]));
            if bad == 19 {
                // Nothing is behind it: nobody knows.
                assert_eq!((delivered.done, delivered.refused.len()), (19, 0));
                assert!(delivered.trouble.is_some());
                continue;
            }
            assert_eq!((delivered.done, &delivered.trouble), (bad + 1, &None), "{bad}");
            let refused = Refused { first: bad, among: 1, count: 1, why: "500".to_owned(), poison: true };
            assert_eq!(delivered.refused, [refused]);
        }
        // One at a time, and no other is needed than one that is taken.
        let (delivered, _) = sent(true, fails_at(&[3, 4, 5, 19]));
        assert_eq!((delivered.done, delivered.refused.len(), delivered.refused[0].first), (4, 1, 3));
    }

    #[test]
    fn a_receiver_that_is_down_or_comes_back_costs_no_record() {
        let (delivered, asked) = sent(true, |_, _| Answer::again("down"));
        assert_eq!((delivered.done, delivered.refused.len(), asked.len()), (0, 0, 4));
        // For every moment that it comes back at, or goes away at.
        for moment in 0..40 {
            for back in [true, false] {
                let (delivered, _) = sent(true, |_, n| match (n > moment) == back {
                    true => Answer::taken(),
                    false => Answer::again("down"),
                });
                assert!(delivered.refused.is_empty(), "{moment} {back}: {delivered:?}");
            }
        }
    }

    #[test]
    fn what_is_about_us_is_blamed_on_no_record() {
        let busy = || Answer::Again(Trouble { ours: true, ..Trouble::new("429") });
        let (delivered, _) = sent(true, |range, _| if range.contains(&3) { busy() } else { Answer::taken() });
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0));
        let mut failed = false;
        let (delivered, _) = sent(true, |range, _| {
            if *range != (3..4) {
                return if range.contains(&3) { Answer::again("500") } else { Answer::taken() };
            }
            if std::mem::replace(&mut failed, true) { busy() } else { Answer::again("500") }
        });
        assert_eq!((delivered.done, delivered.refused.len()), (3, 0));
    }
}
