//! Losses of a sink: each is counted, and reported to the pipeline as a record.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tracego_model::{
    clock::Reading,
    input::{Input, SinkLoss},
};
use tracego_spool::Gap;

use crate::sink::{
    delivery::RefusedRecords,
    status::{self, SinkStatus},
};

/// Shortest time between two records that report losses for one reason. Such records may be lost, too, and
/// reporting that must not go round in a circle.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);

/// Longest wait until the pipeline accepts the last report of a sink that ends before it.
const LAST: Duration = Duration::from_secs(1);

/// The channel for reporting losses to the pipeline. Weak, since the pipeline ends when no sender is left;
/// unset before the pipeline exists.
pub(crate) type LossChannel = Arc<OnceLock<mpsc::WeakSender<Input>>>;

/// The losses for one reason that are not reported yet, and the time of the last report.
#[derive(Default)]
struct LossReport {
    unreported: u64,
    reported: Option<Instant>,
}

/// The losses of one sink.
pub(crate) struct SinkLosses {
    status: Arc<SinkStatus>,
    channel: LossChannel,
    /// State of the reports, by reason.
    reports: BTreeMap<&'static str, LossReport>,
}

impl SinkLosses {
    pub(crate) fn new(status: Arc<SinkStatus>, channel: LossChannel) -> Self {
        Self { status, channel, reports: BTreeMap::new() }
    }

    /// Reports a gap. The queue's own counts already include the gap.
    pub(crate) fn gap(&self, gap: Gap) {
        self.status.next_epoch();
        let lost = BTreeMap::from([(status::reason(gap.reason), gap.count())]);
        let (first, last) = (Some(gap.first), Some(gap.last));
        self.report(SinkLoss { sink: self.status.name.clone(), lost, first, last, why: None });
    }

    /// Counts and reports records that the receiver refused.
    pub(crate) fn refused(&mut self, refused: RefusedRecords) {
        self.count(refused.reason(), refused.count, Some(refused.why));
    }

    /// Counts a loss, and reports it with the earlier losses for that reason that are not reported yet.
    /// Reports are at least [`REPORT_INTERVAL`] apart.
    pub(crate) fn count(&mut self, reason: &'static str, records: u64, why: Option<String>) {
        if records == 0 {
            return;
        }
        self.status.count_lost(reason, records);
        let report = self.reports.entry(reason).or_default();
        report.unreported += records;
        if report.reported.is_some_and(|reported| reported.elapsed() < REPORT_INTERVAL) {
            if let Some(why) = why {
                tracing::warn!(sink = self.status.name, records, reason, why, "records are refused");
            }
            return;
        }
        report.reported = Some(Instant::now());
        let lost = BTreeMap::from([(reason, std::mem::take(&mut report.unreported))]);
        self.report(SinkLoss { sink: self.status.name.clone(), lost, first: None, last: None, why });
    }

    fn report(&self, loss: SinkLoss) {
        tracing::warn!(sink = loss.sink, lost = ?loss.lost, why = loss.why, "records are lost");
        if let Some(sender) = self.sender() {
            // The pipeline may be waiting for this very thread, so another task waits for the pipeline.
            tokio::spawn(async move { drop(sender.send(Input::SinkLoss(loss, Reading::now())).await) });
        }
    }

    fn sender(&self) -> Option<mpsc::Sender<Input>> {
        self.channel.get().and_then(mpsc::WeakSender::upgrade)
    }

    /// Reports the losses not reported yet, and the `stopped` records that ended with the sink, if the run
    /// goes on without it.
    pub(crate) async fn report_remaining(self, stopped: u64) {
        let sender = self.sender();
        let Self { status, reports, .. } = self;
        let mut lost: BTreeMap<_, _> =
            reports.into_iter().map(|(reason, report)| (reason, report.unreported)).collect();
        *lost.entry(status::lost::STOPPED).or_default() += stopped;
        lost.retain(|_, count| *count > 0);
        if let (Some(sender), false) = (sender, lost.is_empty()) {
            let loss = SinkLoss { sink: status.name.clone(), lost, first: None, last: None, why: None };
            if timeout(LAST, sender.send(Input::SinkLoss(loss, Reading::now()))).await.is_err() {
                tracing::warn!(
                    sink = status.name,
                    "could not report the sink's losses: the pipeline did not accept the record in time"
                );
            }
        }
    }
}
