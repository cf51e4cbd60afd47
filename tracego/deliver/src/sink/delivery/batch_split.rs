//! Splitting a batch that a receiver does not take as a whole, down to the record at fault.
//!
//! A request that is refused for good is halved at once, down to the record that is refused. A receiver that
//! has taken no record yet may refuse all of them, because its address or its settings are wrong: its
//! refusals count only once it has taken another record of the batch, and until then the batch is retried.
//!
//! A request at which the receiver fails is retried
//! without end: a receiver that is down says nothing about the records. But if the same record stays in front
//! for long enough, the receiver may fail because of that record, and everything behind it would wait
//! forever. The worker then asks to [`isolate`](BatchSplit::isolate) the record: it is given up when it fails
//! alone, another record is taken, and then it fails alone once more. A request without records cannot
//! replace the other record: a collector takes such a request while everything behind the collector is down.

use std::ops::Range;

use super::{DeliveryError, DeliveryResult, RefusedRecords};

/// The receiver's answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RequestOutcome {
    /// Taken, except for the rejected records.
    Taken {
        /// Number of records refused for good; the receiver does not report which.
        rejected: u64,
        /// Reason for the refusal; if no record was refused, a note from the receiver.
        message: String,
    },
    /// Not taken now, but worth another attempt.
    Again(DeliveryError),
    /// Refused for good: the receiver will never take this request.
    Never(String),
    /// An answer for each record of the request.
    Items(Vec<ItemOutcome>),
}

/// The receiver's answer for one record of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ItemOutcome {
    /// Taken.
    Taken,
    /// Not taken now, but worth another attempt.
    Again(DeliveryError),
    /// Refused for good.
    Never(String),
}

impl RequestOutcome {
    /// Returns the answer for a request that is worth another attempt.
    pub(crate) fn again(why: impl Into<String>) -> Self {
        Self::Again(DeliveryError::new(why))
    }

    /// Returns the answer for a request that was taken completely.
    pub(crate) fn taken() -> Self {
        Self::Taken { rejected: 0, message: String::new() }
    }
}

/// Number of records that a receiver without a success may refuse one by one, before other records are tried.
const DOUBTS: usize = 4;

/// A batch that is being delivered, and its result so far.
pub(crate) struct BatchSplit {
    records: usize,
    isolate: bool,
    /// Whether the receiver has taken a record, of this batch or of an earlier one.
    proven: bool,
    /// Refusals of a receiver that has taken no record. They count once it takes one.
    doubtful: Vec<RefusedRecords>,
    /// Whether another record was taken while this batch was under way.
    alive: bool,
    delivered: DeliveryResult,
}

impl BatchSplit {
    /// Creates the delivery of `records` records. With `isolate`, a record that the receiver fails at again
    /// and again is given up, one per batch. `proven`: whether the receiver has taken a record before.
    pub(crate) fn new(records: usize, isolate: bool, proven: bool) -> Self {
        let (doubtful, delivered) = (Vec::new(), DeliveryResult::default());
        Self { records, isolate, proven, doubtful, alive: false, delivered }
    }

    /// Returns whether the receiver has taken a record.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven
    }

    /// Returns the number of records from the front that are done.
    pub(crate) fn done(&self) -> usize {
        self.delivered.done
    }

    /// Returns the result of the batch. Records whose refusal is doubtful are not done.
    pub(crate) fn delivered(self) -> DeliveryResult {
        let Self { mut delivered, doubtful, .. } = self;
        if let Some(RefusedRecords { first, why, .. }) = doubtful.into_iter().next() {
            delivered.done = delivered.done.min(first);
            delivered.refused.retain(|refused| refused.first < first);
            delivered.trouble.get_or_insert_with(|| unproven(&why));
        }
        delivered
    }

    /// Notes that the receiver took a record. Its refusals so far count from now on.
    fn prove(&mut self) {
        self.proven = true;
        self.delivered.refused.append(&mut self.doubtful);
    }

    /// Sends the next records of the batch as one request, or in parts. Returns `false` if the delivery of
    /// the batch ends here for now.
    pub(crate) async fn send(
        &mut self,
        request: Range<usize>,
        ask: &mut impl AsyncFnMut(Range<usize>) -> RequestOutcome,
    ) -> bool {
        // Ranges still to send; the next one is last.
        let mut left = vec![request];
        while let Some(range) = left.pop() {
            let answer = ask(range.clone()).await;
            match self.judge(&range, answer, ask).await {
                SplitStep::Settled => self.delivered.done = range.end,
                SplitStep::Halve => {
                    let middle = range.start + range.len() / 2;
                    left.extend([middle..range.end, range.start..middle]);
                }
                SplitStep::GivenUp(why) => {
                    self.refuse(&range, 1, why, true);
                    self.delivered.done = range.end;
                    return false;
                }
                SplitStep::Failed(trouble) => {
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
        answer: RequestOutcome,
        ask: &mut impl AsyncFnMut(Range<usize>) -> RequestOutcome,
    ) -> SplitStep {
        let alone = range.len() == 1;
        match self.whole(answer) {
            RequestOutcome::Again(trouble) if !self.isolate || trouble.sender_fault => {
                SplitStep::Failed(trouble)
            }
            RequestOutcome::Again(_) if !alone && self.alive => SplitStep::Halve,
            RequestOutcome::Again(trouble) => {
                if !self.takes_another(range.start, ask).await {
                    return SplitStep::Failed(trouble);
                }
                if !alone {
                    return SplitStep::Halve;
                }
                // The receiver may have been down, and come back for the other record.
                let answer = ask(range.clone()).await;
                match self.whole(answer) {
                    RequestOutcome::Again(trouble) if trouble.sender_fault => SplitStep::Failed(trouble),
                    RequestOutcome::Again(trouble) => SplitStep::GivenUp(trouble.why),
                    answer => self.evaluate(range, answer),
                }
            }
            answer => {
                let step = self.evaluate(range, answer);
                // Another record shows early whether the receiver refuses everything.
                if self.doubtful.len() >= DOUBTS && !self.takes_another(range.start, ask).await {
                    let why = self.doubtful.first().map(|refused| unproven(&refused.why));
                    return why.map_or(step, SplitStep::Failed);
                }
                step
            }
        }
    }

    /// Returns an answer for each record as one for the whole request, where the records at which the receiver
    /// fails are looked for.
    fn whole(&self, answer: RequestOutcome) -> RequestOutcome {
        let RequestOutcome::Items(items) = answer else { return answer };
        let failed = items.iter().position(|item| matches!(item, ItemOutcome::Again(_)));
        match failed.map(|at| (&items[at], self.isolate)) {
            Some((ItemOutcome::Again(trouble), true)) => RequestOutcome::Again(trouble.clone()),
            _ => RequestOutcome::Items(items),
        }
    }

    /// Evaluates the answers for single records. Records in front of the first failure are done.
    fn evaluate_items(&mut self, range: &Range<usize>, items: Vec<ItemOutcome>) -> SplitStep {
        if items.contains(&ItemOutcome::Taken) {
            self.prove();
        }
        for (at, item) in range.clone().zip(items) {
            match item {
                ItemOutcome::Taken => {}
                ItemOutcome::Again(trouble) => {
                    self.delivered.done = at;
                    return SplitStep::Failed(trouble);
                }
                ItemOutcome::Never(why) => {
                    self.refuse(&(at..at + 1), 1, why, false);
                    if !self.proven {
                        self.doubtful.extend(self.delivered.refused.pop());
                    }
                }
            }
        }
        SplitStep::Settled
    }

    /// Evaluates an answer that concerns the records.
    fn evaluate(&mut self, range: &Range<usize>, answer: RequestOutcome) -> SplitStep {
        match answer {
            RequestOutcome::Taken { rejected, message } => {
                if rejected < range.len() as u64 {
                    self.prove();
                }
                if rejected > 0 {
                    let none = || "the receiver gives no reason".to_owned();
                    let why = if message.is_empty() { none() } else { message };
                    self.refuse(range, rejected.min(range.len() as u64), why, false);
                }
                SplitStep::Settled
            }
            RequestOutcome::Never(why) if range.len() == 1 => {
                self.refuse(range, 1, why, false);
                if !self.proven {
                    self.doubtful.extend(self.delivered.refused.pop());
                }
                SplitStep::Settled
            }
            RequestOutcome::Never(_) => SplitStep::Halve,
            RequestOutcome::Again(trouble) => SplitStep::Failed(trouble),
            RequestOutcome::Items(items) => self.evaluate_items(range, items),
        }
    }

    fn refuse(&mut self, range: &Range<usize>, count: u64, why: String, poison: bool) {
        let (first, among) = (range.start, range.len());
        self.delivered.refused.push(RefusedRecords { first, among, count, why, poison });
    }

    /// Returns whether the receiver takes any of up to three records behind this one, each sent alone. These
    /// records are sent again in their place.
    async fn takes_another(
        &mut self,
        first: usize,
        ask: &mut impl AsyncFnMut(Range<usize>) -> RequestOutcome,
    ) -> bool {
        let mut others = vec![self.records - 1, first + (self.records - first) / 2, first + 1];
        others.retain(|&other| other > first && other < self.records);
        others.dedup();
        self.alive = false;
        for other in others {
            let is_taken = match ask(other..other + 1).await {
                RequestOutcome::Taken { rejected, .. } => rejected == 0,
                RequestOutcome::Items(items) => items == [ItemOutcome::Taken],
                RequestOutcome::Again(_) | RequestOutcome::Never(_) => false,
            };
            if is_taken {
                self.alive = true;
                self.prove();
                break;
            }
        }
        self.alive
    }
}

/// Returns the failure of a batch that a receiver refused which has taken no record yet.
fn unproven(why: &str) -> DeliveryError {
    let why = format!(
        "{why}; the receiver has taken no record yet, so none is given up: look at the sink's address and settings"
    );
    DeliveryError { unproven: true, ..DeliveryError::new(why) }
}

/// The consequence of an answer for the records of its request.
enum SplitStep {
    /// Records that are taken, or refused for good.
    Settled,
    /// Some of the records are at fault: the request is split.
    Halve,
    /// The one record is given up, since the receiver fails at it.
    GivenUp(String),
    /// Records that are delivered again.
    Failed(DeliveryError),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a batch of 20 records to a receiver whose answer depends on the records and the number of the
    /// request.
    fn sent(
        isolate: bool,
        mut answer: impl FnMut(&Range<usize>, usize) -> RequestOutcome,
    ) -> (DeliveryResult, Vec<Range<usize>>) {
        let mut asked = Vec::new();
        let mut parts = BatchSplit::new(20, isolate, false);
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

    fn fails_at(bad: &[usize]) -> impl FnMut(&Range<usize>, usize) -> RequestOutcome {
        move |range, _| match bad.iter().any(|bad| range.contains(bad)) {
            true => RequestOutcome::again("500"),
            false => RequestOutcome::taken(),
        }
    }

    #[test]
    fn a_record_that_the_receiver_fails_at_is_given_up_when_others_are_taken() {
        for bad in 0..20 {
            let (delivered, _) = sent(false, fails_at(&[bad]));
            assert!(delivered.refused.is_empty() && delivered.trouble.is_some(), "{delivered:?}");
            let (delivered, _) = sent(true, fails_at(&[bad]));
            if bad == 19 {
                // No record is behind this one, so the receiver may be down.
                assert_eq!((delivered.done, delivered.refused.len()), (19, 0));
                assert!(delivered.trouble.is_some());
                continue;
            }
            assert_eq!((delivered.done, &delivered.trouble), (bad + 1, &None), "{bad}");
            let refused =
                RefusedRecords { first: bad, among: 1, count: 1, why: "500".to_owned(), poison: true };
            assert_eq!(delivered.refused, [refused]);
        }
        // One record is given up at a time, and one other record that is taken is enough.
        let (delivered, _) = sent(true, fails_at(&[3, 4, 5, 19]));
        assert_eq!((delivered.done, delivered.refused.len(), delivered.refused[0].first), (4, 1, 3));
    }

    /// Answers for each record: these fail now, and those are refused.
    fn items(range: &Range<usize>, failing: &[usize], refused: &[usize]) -> RequestOutcome {
        let item = |at| match () {
            () if failing.contains(&at) => ItemOutcome::Again(DeliveryError::new("503")),
            () if refused.contains(&at) => ItemOutcome::Never("400".to_owned()),
            () => ItemOutcome::Taken,
        };
        RequestOutcome::Items(range.clone().map(item).collect())
    }

    #[test]
    fn answers_for_single_records_count_up_to_the_first_failure() {
        let (delivered, asked) = sent(false, |range, _| items(range, &[], &[0, 5, 13]));
        assert_eq!((delivered.done, &delivered.trouble, asked.len()), (20, &None, 2));
        assert_eq!(delivered.refused.iter().map(|refused| refused.first).collect::<Vec<_>>(), [0, 5, 13]);
        let (delivered, asked) = sent(false, |range, _| items(range, &[7], &[2, 9]));
        assert_eq!((delivered.done, delivered.refused.len(), asked.len()), (7, 1, 1));
        assert_eq!(delivered.trouble.unwrap().why, "503");
        // A receiver that fails at one record only is noticed as one without such answers.
        let (delivered, _) = sent(true, |range, _| items(range, &[7], &[]));
        assert_eq!((delivered.done, delivered.refused.len(), delivered.refused[0].first), (8, 1, 7));
        assert!(delivered.refused[0].poison);
    }

    #[test]
    fn a_receiver_that_refuses_every_single_record_costs_none() {
        let all: Vec<usize> = (0..20).collect();
        let (delivered, asked) = sent(false, |range, _| items(range, &[], &all));
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
        assert!(delivered.trouble.unwrap().unproven && asked.len() < 8, "{asked:?}");
    }

    #[test]
    fn a_receiver_that_is_down_or_comes_back_costs_no_record() {
        let (delivered, asked) = sent(true, |_, _| RequestOutcome::again("down"));
        assert_eq!((delivered.done, delivered.refused.len(), asked.len()), (0, 0, 4));
        // Every moment at which the receiver may come back or go away.
        for moment in 0..40 {
            for back in [true, false] {
                let (delivered, _) = sent(true, |_, n| match (n > moment) == back {
                    true => RequestOutcome::taken(),
                    false => RequestOutcome::again("down"),
                });
                assert!(delivered.refused.is_empty(), "{moment} {back}: {delivered:?}");
            }
        }
    }

    #[test]
    fn what_is_about_us_is_blamed_on_no_record() {
        let busy =
            || RequestOutcome::Again(DeliveryError { sender_fault: true, ..DeliveryError::new("429") });
        let (delivered, _) =
            sent(true, |range, _| if range.contains(&3) { busy() } else { RequestOutcome::taken() });
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0));
        let mut failed = false;
        let (delivered, _) = sent(true, |range, _| {
            if *range != (3..4) {
                return if range.contains(&3) {
                    RequestOutcome::again("500")
                } else {
                    RequestOutcome::taken()
                };
            }
            if std::mem::replace(&mut failed, true) { busy() } else { RequestOutcome::again("500") }
        });
        assert_eq!((delivered.done, delivered.refused.len()), (3, 0));
    }

    #[test]
    fn a_receiver_that_refuses_everything_costs_no_record() {
        let never = |range: &Range<usize>| RequestOutcome::Never(format!("400 for {}", range.len()));
        let (delivered, asked) = sent(false, |range, _| never(range));
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
        let trouble = delivered.trouble.unwrap();
        assert!(trouble.unproven && trouble.why.starts_with("400 for 1; the receiver has taken no record"));
        assert!(asked.len() < 16, "{asked:?}");
        // One record that is taken shows that the others are at fault, wherever it is.
        for good in 0..20 {
            let (delivered, asked) = sent(false, |range, _| match *range == (good..good + 1) {
                true => RequestOutcome::taken(),
                false => never(range),
            });
            let tried = asked.contains(&(good..good + 1));
            assert_eq!(delivered.refused.len(), if tried { 19 } else { 0 }, "{good}: {asked:?}");
            assert_eq!(delivered.done, if tried { 20 } else { 0 });
        }
        // Without a success, a failure after some refusals keeps all of them.
        let (delivered, _) = sent(false, |range, n| match n {
            ..8 => never(range),
            _ => RequestOutcome::again("down"),
        });
        assert_eq!((delivered.done, delivered.refused.len()), (0, 0), "{delivered:?}");
        assert_eq!(delivered.trouble.unwrap().why, "down");
        // Each record that is refused is named, in order, once the receiver takes one.
        let (delivered, _) =
            sent(false, |range, _| match [0, 1, 2, 19].iter().any(|bad| range.contains(bad)) {
                true => never(range),
                false => RequestOutcome::taken(),
            });
        let firsts: Vec<_> = delivered.refused.iter().map(|refused| refused.first).collect();
        assert_eq!((delivered.done, firsts), (20, vec![0, 1, 2, 19]));
    }
}
