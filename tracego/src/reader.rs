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

use crate::{
    clock::Reading,
    input::{Batch, Input},
};

/// Pause between two looks while records come.
pub const POLL_MIN: Duration = Duration::from_millis(2);
/// Longest pause; the bound of the delay that polling adds to a record.
pub const POLL_MAX: Duration = Duration::from_millis(10);
/// Bytes handed over at once, about.
const BATCH_BYTES: usize = 256 * 1024;

/// The reader's thread.
pub struct Reader {
    stop: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Starts to drain `ring` into `queue`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(ring: RingBuf<MapData>, queue: mpsc::Sender<Input>) -> io::Result<Self> {
        let (stop, hold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stopped, held) = (Arc::clone(&stop), Arc::clone(&hold));
        let thread = thread::Builder::new()
            .name("tracego-reader".to_owned())
            .spawn(move || drain(ring, &queue, &stopped, &held))?;
        Ok(Self { stop, hold, thread })
    }

    /// Asks it to empty the ring once more and to end, and waits for that.
    ///
    /// # Errors
    /// When the thread panicked.
    pub fn finish(self) -> thread::Result<()> {
        self.stop.store(true, Ordering::Release);
        self.thread.join()
    }

    /// Leaves records in the ring until called with `false`: shows what a reader that cannot keep up costs.
    pub fn hold(&self, hold: bool) {
        self.hold.store(hold, Ordering::Release);
    }

    /// Whether it has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.thread.is_finished()
    }
}

fn drain(mut ring: RingBuf<MapData>, queue: &mpsc::Sender<Input>, stop: &AtomicBool, hold: &AtomicBool) {
    let mut pause = POLL_MIN;
    loop {
        // Read before the drain: what was there when the stop was asked for is still taken.
        let last = stop.load(Ordering::Acquire);
        if hold.load(Ordering::Acquire) && !last {
            thread::sleep(POLL_MAX);
            continue;
        }
        let mut batch = Batch::default();
        let mut any = false;
        while let Some(item) = ring.next() {
            any = true;
            batch.push(&item);
            // The item's end hands its room back to the kernel; a blocked send must not hold it.
            drop(item);
            if batch.bytes().len() >= BATCH_BYTES && !hand_over(&mut batch, queue) {
                return;
            }
        }
        if (!batch.is_empty() && !hand_over(&mut batch, queue)) || last {
            return;
        }
        pause = if any { POLL_MIN } else { (pause * 2).min(POLL_MAX) };
        thread::sleep(pause);
    }
}

/// Whether anybody still listens.
fn hand_over(batch: &mut Batch, queue: &mpsc::Sender<Input>) -> bool {
    let mut full = std::mem::take(batch);
    full.clock = Reading::now();
    queue.blocking_send(Input::Batch(full)).is_ok()
}
