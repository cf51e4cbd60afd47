//! The decision when the next batch is delivered: once enough records are gathered, and after an outage not
//! too fast.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;
use tracego_spool::Amount;

/// The settings of a sink's pace.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct PaceSettings {
    /// Longest time that a record waits for others.
    pub(crate) batch_wait: Duration,
    /// Number of waiting bytes that are delivered without waiting.
    pub(crate) batch_min_bytes: u64,
    /// Bytes a second after an outage; `None` for no bound.
    pub(crate) catch_up_bytes: Option<u64>,
}

/// The pace of deliveries to one receiver.
#[derive(Debug)]
pub(super) struct Pace {
    settings: PaceSettings,
    /// Number of used queue bytes above which nothing is slowed down, since the queue must not overflow.
    crowded: u64,
    /// Time at which the gathered records are delivered, if some are gathered.
    gathered_at: Option<Instant>,
    /// Whether the queue still has records from before the last outage, or from the last run.
    catching_up: bool,
    /// Time of the next batch while catching up.
    turn_at: Option<Instant>,
}

impl Pace {
    /// Creates the pace of a new receiver. `batch_bytes`: size of a full batch; `total_bytes`: size of the
    /// queue; `depth`: what waits already.
    pub(super) fn new(settings: PaceSettings, batch_bytes: usize, total_bytes: u64, depth: Amount) -> Self {
        let batch_min_bytes = settings.batch_min_bytes.min(batch_bytes as u64);
        Self {
            settings: PaceSettings { batch_min_bytes, ..settings },
            crowded: total_bytes / 2,
            gathered_at: None,
            catching_up: depth.records > 0,
            turn_at: None,
        }
    }

    /// Returns whether the next batch waits. `depth` and `used`: the records in the queue, and the space that
    /// they use; `retries`: whether the batch has waited before.
    pub(super) fn waits(&mut self, depth: Amount, used: u64, retries: bool) -> bool {
        let now = Instant::now();
        if used < self.crowded && self.turn_at.is_some_and(|at| now < at) {
            return true;
        }
        let PaceSettings { batch_wait, batch_min_bytes, .. } = self.settings;
        if retries || depth.records == 0 || batch_wait.is_zero() || depth.bytes >= batch_min_bytes {
            self.gathered_at = None;
            return false;
        }
        now < *self.gathered_at.get_or_insert_with(|| now + jittered(batch_wait))
    }

    /// Notes that a delivery begins.
    pub(super) fn begin(&mut self) {
        (self.gathered_at, self.turn_at) = (None, None);
    }

    /// Notes that a delivery failed.
    pub(super) fn failed(&mut self) {
        self.catching_up = true;
    }

    /// Notes that records of this size were delivered, and what is still in the queue.
    pub(super) fn delivered(&mut self, bytes: u64, depth: Amount) {
        self.catching_up &= depth.records > 0;
        if let (true, Some(rate)) = (self.catching_up, self.settings.catch_up_bytes) {
            let seconds = bytes as f64 / rate.max(1) as f64;
            self.turn_at = Some(Instant::now() + jittered(Duration::from_secs_f64(seconds) * 4 / 3));
        }
    }

    /// Returns the time at which a batch that waits is due, if one waits.
    pub(super) fn until(&self) -> Option<Instant> {
        let now = Instant::now();
        [self.gathered_at, self.turn_at].into_iter().flatten().filter(|at| *at > now).min()
    }
}

/// Returns between half and all of a time, at random, so that many agents do not deliver at once. std's
/// hasher has a new seed each time.
fn jittered(time: Duration) -> Duration {
    let chance = u32::try_from(RandomState::new().hash_one(0) % 1000).unwrap_or(0);
    time / 2 + time / 2 * chance / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::settings::{self, registry};

    const SETTINGS: PaceSettings = PaceSettings {
        batch_wait: Duration::from_secs(60),
        batch_min_bytes: 1000,
        catch_up_bytes: Some(100),
    };

    fn depth(records: u64, bytes: u64) -> Amount {
        Amount { records, bytes }
    }

    #[test]
    fn a_batch_waits_until_enough_is_gathered_or_for_its_time() {
        let mut pace = Pace::new(SETTINGS, 1 << 20, 1 << 20, depth(0, 0));
        assert!(!pace.waits(depth(0, 0), 0, false) && pace.until().is_none());
        assert!(pace.waits(depth(1, 10), 10, false));
        let until = pace.until().unwrap() - Instant::now();
        assert!(until > Duration::from_secs(29) && until <= Duration::from_secs(60), "{until:?}");
        // More records do not make it later.
        assert!(pace.waits(depth(2, 20), 20, false) && pace.until().unwrap() - Instant::now() <= until);
        assert!(!pace.waits(depth(3, 1000), 1000, false));
        assert!(!pace.waits(depth(1, 10), 10, true));
        let mut pace = Pace::new(PaceSettings { batch_wait: Duration::ZERO, ..SETTINGS }, 1, 1, depth(0, 0));
        assert!(!pace.waits(depth(1, 10), 10, false));
        // A small queue has small batches.
        let mut pace = Pace::new(SETTINGS, 100, 1 << 20, depth(0, 0));
        assert!(!pace.waits(depth(1, 100), 100, false));
    }

    /// Size of a process start in a job, as JSON, and of the usual number of them in five seconds.
    const START: u64 = 5600;
    const IN_FIVE_SECONDS: u64 = 5 * 25;

    #[test]
    fn at_25_starts_a_second_the_settings_for_a_fleet_make_no_two_requests_in_five_seconds() {
        let tables = [
            "type = 'clickhouse'\nurl = 'http://x'",
            "type = 'webhook'\nurl = 'http://x'\nbatch-wait = '10s'\nbatch-min-bytes = '2M'",
            "type = 'otlp'\nendpoint = 'http://x'\nbatch-wait = '10s'\nbatch-min-bytes = '2M'",
            "type = 'elasticsearch'\nurl = 'http://x'\nbatch-wait = '10s'\nbatch-min-bytes = '2M'",
        ];
        for text in tables {
            let table = toml::Value::Table(text.parse().unwrap());
            let sink = settings::read(vec![table]).unwrap().remove(0);
            let batch_bytes = registry::batch_bytes(&sink.kind);
            for _ in 0..200 {
                let mut pace = Pace::new(registry::pace(&sink), batch_bytes, 64 << 20, depth(0, 0));
                let begin = Instant::now();
                assert!(pace.waits(depth(1, START), START, false));
                let due = pace.until().unwrap();
                assert!(due >= begin + Duration::from_secs(5), "{text}: {:?}", due - begin);
                let gathered = IN_FIVE_SECONDS * START;
                assert!(pace.waits(depth(IN_FIVE_SECONDS, gathered), gathered, false), "{text}");
            }
        }
    }

    #[test]
    fn after_an_outage_batches_have_turns_unless_the_queue_is_crowded() {
        let mut pace = Pace::new(SETTINGS, 1 << 20, 10_000, depth(0, 0));
        pace.delivered(1000, depth(9, 4000));
        assert!(pace.until().is_none(), "no outage, no bound");
        pace.failed();
        pace.delivered(1000, depth(9, 4000));
        let wait = pace.until().unwrap() - Instant::now();
        assert!(wait > Duration::from_secs(6) && wait < Duration::from_secs(14), "{wait:?}");
        assert!(pace.waits(depth(9, 4000), 4000, false) && !pace.waits(depth(9, 4000), 5000, false));
        pace.begin();
        pace.delivered(1000, depth(0, 0));
        pace.delivered(1000, depth(9, 4000));
        assert!(pace.until().is_none(), "all that waited was delivered");
        // What waits from the last run is an outage, too.
        let mut pace = Pace::new(SETTINGS, 1 << 20, 10_000, depth(20, 9000));
        pace.delivered(1000, depth(9, 4000));
        assert!(pace.until().is_some());
    }
}
