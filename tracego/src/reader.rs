//! Drains the ring on its own OS thread into one bounded queue.
//!
//! The kernel side wakes nobody, so this thread looks every [`POLL`]. A full queue blocks it, so
//! overload shows in one place, the ring.

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
    metrics::Board,
};

/// Pause between two looks, and with it the bound of the delay that polling adds to a record. Each
/// look takes the CPU from a process that works: at 2 ms a storm of /bin/true ran 5 % slower.
pub const POLL: Duration = Duration::from_millis(10);
/// Bytes handed over at once, about.
const BATCH_BYTES: usize = 256 * 1024;

/// The reader's thread.
pub struct Reader {
    stop: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Starts to drain `ring` into `queue`; `board` hears of each look.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(ring: RingBuf<MapData>, queue: mpsc::Sender<Input>, board: Arc<Board>) -> io::Result<Self> {
        let (stop, hold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stopped, held) = (Arc::clone(&stop), Arc::clone(&hold));
        let thread = thread::Builder::new()
            .name("tracego-reader".to_owned())
            .spawn(move || drain(ring, &queue, &board, &stopped, &held))?;
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

fn drain(
    mut ring: RingBuf<MapData>,
    queue: &mpsc::Sender<Input>,
    board: &Board,
    stop: &AtomicBool,
    hold: &AtomicBool,
) {
    loop {
        board.reader.beat();
        // Read before the drain: what was there when the stop was asked for is still taken.
        let last = stop.load(Ordering::Acquire);
        if hold.load(Ordering::Acquire) && !last {
            thread::sleep(POLL);
            continue;
        }
        let mut batch = Batch::default();
        let mut found = 0;
        while let Some(item) = ring.next() {
            batch.push(&item);
            // The item's end hands its room back to the kernel; a blocked send must not hold it.
            drop(item);
            if batch.bytes().len() >= BATCH_BYTES {
                found += batch.bytes().len();
                if !hand_over(&mut batch, queue) {
                    return;
                }
            }
        }
        board.found(found + batch.bytes().len());
        if (!batch.is_empty() && !hand_over(&mut batch, queue)) || last {
            return;
        }
        thread::sleep(POLL);
    }
}

/// Whether anybody still listens.
fn hand_over(batch: &mut Batch, queue: &mpsc::Sender<Input>) -> bool {
    let mut full = std::mem::take(batch);
    full.clock = Reading::now();
    queue.blocking_send(Input::Batch(full)).is_ok()
}
