//! Handling of a delivery's result and of losses: acknowledgements, dead letters, pauses, and reports.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tracego_model::{
    clock::Reading,
    input::{Input, SinkLoss},
};
use tracego_spool::{Gap, Item};

use super::{
    deliver::{DeliveryResult, RefusedRecords},
    status::{self, SinkStatus},
    transport::Transport,
    worker::{BatchInDelivery, LossChannel, Worker},
};

/// Shortest time between two records that report losses for one reason. Such records may be lost, too, and
/// reporting that must not go round in a circle.
const TELL: Duration = Duration::from_mins(1);

/// Longest wait until the pipeline accepts the last report of a sink that ends before it.
const LAST: Duration = Duration::from_secs(1);

/// The state of loss reports for one reason.
#[derive(Default)]
pub(super) struct LossReport {
    untold: u64,
    told: Option<Instant>,
}

/// Reports the losses not reported yet, and the records that ended with the sink, if the run goes on without
/// it.
pub(super) async fn report_remaining(
    status: &SinkStatus,
    losses: &LossChannel,
    told: BTreeMap<&'static str, LossReport>,
    stopped: u64,
) {
    let mut lost: BTreeMap<_, _> =
        told.into_iter().map(|(reason, telling)| (reason, telling.untold)).collect();
    *lost.entry(status::lost::STOPPED).or_default() += stopped;
    lost.retain(|_, count| *count > 0);
    let sender = losses.get().and_then(mpsc::WeakSender::upgrade);
    if let (Some(sender), false) = (sender, lost.is_empty()) {
        let loss = SinkLoss { sink: status.name.clone(), lost, first: None, last: None, why: None };
        if timeout(LAST, sender.send(Input::SinkLoss(loss, Reading::now()))).await.is_err() {
            tracing::warn!(sink = status.name, "the stream does not hear what the sink has lost");
        }
    }
}

impl<T: Transport + 'static> Worker<T> {
    /// Handles the result of a delivery.
    pub(super) fn handle_result(&mut self, mut current: BatchInDelivery, delivered: DeliveryResult) {
        let DeliveryResult { done, refused, trouble } = delivered;
        for refused in &refused {
            if let Err(error) = self.write_dead_letters(&current, refused) {
                // The records are neither delivered nor in the dead letters: all of them are delivered again.
                let path = self.dead_letters.path().map(|path| path.display().to_string());
                let path = path.unwrap_or_default();
                self.fail(format!("{} and {path}: {error}", refused.why), None);
                self.progress.current = Some(current);
                return;
            }
        }
        let left = current.done + done < current.batch.len();
        match current.batch.iter().nth(current.done + done) {
            Some(front) if trouble.is_some() => self.suspicion.failed(front.last()),
            _ => self.suspicion.succeeded(left),
        }
        let rejected: u64 = refused.iter().map(|refused| refused.count).sum();
        let last = current.batch.iter().skip(current.done).take(done).last().map(|item| item.last());
        if let Some(last) = last {
            self.queue.ack(last);
        }
        current.done += done;
        self.status.set_files(self.transport.as_ref().and_then(T::files));
        for refused in refused {
            self.refused(refused);
        }
        {
            let mut numbers = self.status.numbers_mut();
            numbers.delivered += (done as u64).saturating_sub(rejected);
            numbers.queue = self.queue.stats();
            if trouble.is_none()
                && let Some(before) = numbers.trouble.take()
            {
                tracing::info!(sink = self.status.name, before, "the sink takes records again");
            }
        }
        if done > 0 || trouble.is_none() {
            self.progress.backoff.reset();
        }
        if let Some(trouble) = trouble {
            if trouble.reader_gone {
                self.status.end();
            }
            self.fail(trouble.why, trouble.after);
        }
        if current.done < current.batch.len() {
            self.progress.current = Some(current);
        }
    }

    fn fail(&mut self, why: String, after: Option<Duration>) {
        self.progress.backoff.wait(after);
        let mut numbers = self.status.numbers_mut();
        numbers.failures += 1;
        if numbers.trouble.as_ref() != Some(&why) {
            tracing::warn!(sink = self.status.name, "{why}; it is tried again");
        }
        numbers.trouble = Some(why);
    }

    /// Writes refused records to the dead letters.
    fn write_dead_letters(
        &mut self,
        current: &BatchInDelivery,
        refused: &RefusedRecords,
    ) -> std::io::Result<()> {
        let Some(transport) = &self.transport else { return Ok(()) };
        let records = current.batch.iter().skip(current.done + refused.first).take(refused.among);
        let records = records.filter_map(|item| match item {
            Item::Record(_, bytes) => Some(transport.readable(bytes)),
            Item::Gap(_) => None,
        });
        self.dead_letters.write(&self.status.name, refused, records.collect())
    }

    /// Reports a gap. The queue's own counts already include the gap.
    pub(super) fn gap(&mut self, gap: Gap) {
        let lost = BTreeMap::from([(status::reason(gap.reason), gap.count())]);
        self.report(SinkLoss {
            sink: self.status.name.clone(),
            lost,
            first: Some(gap.first),
            last: Some(gap.last),
            why: None,
        });
    }

    fn refused(&mut self, refused: RefusedRecords) {
        let (reason, RefusedRecords { count, why, .. }) = (refused.reason(), refused);
        self.lose(reason, count, Some(why));
    }

    /// Counts a loss, and reports it with the earlier losses for that reason that are not reported yet.
    /// Reports are at least [`TELL`] apart.
    pub(super) fn lose(&mut self, reason: &'static str, records: u64, why: Option<String>) {
        if records == 0 {
            return;
        }
        self.status.count_lost(reason, records);
        let telling = self.progress.losses.entry(reason).or_default();
        telling.untold += records;
        if telling.told.is_some_and(|told| told.elapsed() < TELL) {
            if let Some(why) = why {
                tracing::warn!(sink = self.status.name, records, reason, why, "records are refused");
            }
            return;
        }
        telling.told = Some(Instant::now());
        let lost = BTreeMap::from([(reason, std::mem::take(&mut telling.untold))]);
        self.report(SinkLoss { sink: self.status.name.clone(), lost, first: None, last: None, why });
    }

    fn report(&self, loss: SinkLoss) {
        tracing::warn!(sink = loss.sink, lost = ?loss.lost, why = loss.why, "records are lost");
        let sender = self.losses.get().and_then(mpsc::WeakSender::upgrade);
        if let Some(sender) = sender {
            // The pipeline may be waiting for this very thread, so another task waits for the pipeline.
            tokio::spawn(async move { drop(sender.send(Input::SinkLoss(loss, Reading::now())).await) });
        }
    }
}
