//! Drains the ring on its own OS thread into one bounded queue.
//!
//! The kernel side wakes nobody, so this thread polls: every [`POLL_MIN`] while records come, up to
//! [`POLL_MAX`] when idle. A full queue blocks it, so overload shows in one place, the ring.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use aya::maps::{MapData, RingBuf};
use tokio::sync::mpsc;

/// Pause between two looks while records come.
pub const POLL_MIN: Duration = Duration::from_millis(2);
/// Longest pause; the bound of the delay that polling adds to a record.
pub const POLL_MAX: Duration = Duration::from_millis(10);
/// Records handed over at once, at most.
const BATCH: usize = 256;

/// Raw records, oldest first.
pub type Batch = Vec<Vec<u8>>;

/// The reader's thread.
pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Starts to drain `ring` into `queue`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(ring: RingBuf<MapData>, queue: mpsc::Sender<Batch>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("tracego-reader".to_owned())
            .spawn(move || drain(ring, &queue, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Asks it to empty the ring once more and to end; the queue closes when it has.
    pub fn finish(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether it has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.thread.is_finished()
    }
}

fn drain(mut ring: RingBuf<MapData>, queue: &mpsc::Sender<Batch>, stop: &AtomicBool) {
    let mut pause = POLL_MIN;
    loop {
        // Read before the drain: what was there when the stop was asked for is still taken.
        let last = stop.load(Ordering::Acquire);
        let mut batch = Batch::new();
        let mut any = false;
        while let Some(item) = ring.next() {
            any = true;
            batch.push(item.to_vec());
            // The item's end hands its room back to the kernel; a blocked send must not hold it.
            drop(item);
            if batch.len() == BATCH && queue.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
        if !batch.is_empty() && queue.blocking_send(batch).is_err() {
            return;
        }
        if last {
            return;
        }
        pause = if any { POLL_MIN } else { (pause * 2).min(POLL_MAX) };
        thread::sleep(pause);
    }
}
