//! The thread that inspects running services. An inspection may wait for a disk or an answer, and must not
//! delay the pipeline.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracego_common::TaskId;
use tracego_model::{clock::Reading, input::Input};

use super::{
    watch_list::{ServiceWatch, WatchSettings},
    watched::WatchedService,
};
use crate::inspect::proc::procfs::Procfs;

/// Maximum number of queued changes; more are dropped and counted.
const QUEUE: usize = 4096;
/// Interval between two rounds of inspections.
const ROUND: Duration = Duration::from_secs(1);

enum WatchChange {
    Add(Box<WatchedService>),
    Remove(TaskId),
}

/// A handle that reports process starts and ends to the thread. The thread ends when it is dropped.
pub struct ServiceWatcher {
    changes: SyncSender<WatchChange>,
    refused: u64,
    counts: Arc<WatcherCounters>,
}

/// Figures that the thread publishes.
#[derive(Debug, Default)]
struct WatcherCounters {
    watched: AtomicUsize,
    refused: AtomicU64,
}

impl ServiceWatcher {
    /// Starts the thread, which looks processes up in `procfs` and sends its results into `queue` without keeping
    /// the queue open.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub fn start(
        settings: WatchSettings,
        procfs: Procfs,
        queue: mpsc::WeakSender<Input>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (changes, changed) = sync_channel(QUEUE);
        let counts = Arc::new(WatcherCounters::default());
        let told = Arc::clone(&counts);
        let thread = thread::Builder::new()
            .name("tracego-services".to_owned())
            .spawn(move || watch(ServiceWatch::new(procfs, settings), &changed, &queue, &told))?;
        Ok((Self { changes, refused: 0, counts }, thread))
    }

    /// Starts watching a process.
    pub fn add(&mut self, service: WatchedService) {
        self.send(WatchChange::Add(Box::new(service)));
    }

    /// Stops watching a process.
    pub fn remove(&mut self, id: TaskId) {
        self.send(WatchChange::Remove(id));
    }

    /// Returns the number of watched processes.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.counts.watched.load(Ordering::Relaxed)
    }

    /// Returns the number of processes not watched because there are too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    /// Returns the number of changes dropped because they came too fast.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.refused
    }

    fn send(&mut self, change: WatchChange) {
        if let Err(TrySendError::Full(_)) = self.changes.try_send(change) {
            self.refused += 1;
            if self.refused.is_power_of_two() {
                tracing::warn!(
                    self.refused,
                    "service changes arrive too fast; some services are not watched"
                );
            }
        }
    }
}

fn watch(
    mut services: ServiceWatch,
    changed: &Receiver<WatchChange>,
    queue: &mpsc::WeakSender<Input>,
    counts: &WatcherCounters,
) {
    let mut round = Instant::now() + ROUND;
    loop {
        counts.watched.store(services.len(), Ordering::Relaxed);
        counts.refused.store(services.refused(), Ordering::Relaxed);
        match changed.recv_timeout(round.saturating_duration_since(Instant::now())) {
            Ok(WatchChange::Add(service)) => {
                if !services.add(*service) && services.refused().is_power_of_two() {
                    tracing::warn!(refused = services.refused(), "too many services: some are not watched");
                }
            }
            Ok(WatchChange::Remove(id)) => services.remove(id),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                round = Instant::now() + ROUND;
                let now = Reading::now();
                let found = services.due(now);
                if found.is_empty() {
                    continue;
                }
                let Some(queue) = queue.upgrade() else { return };
                if queue.blocking_send(Input::Services(found, now)).is_err() {
                    return;
                }
            }
        }
    }
}
