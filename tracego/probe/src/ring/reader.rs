//! Drains the ring on its own OS thread into one bounded queue.
//!
//! The kernel side does not wake the reader for each event, so the thread polls the ring every [`POLL`]. When it has
//! found nothing for 50 ms, it sleeps until the next event wakes it. A full queue blocks the thread, so overload
//! shows in one place: the ring.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracego_model::{
    clock::Reading,
    input::{Batch, End, Input},
    pulse::Pulse,
};

use super::{Ring, alarm::AlarmBell};
use crate::precedence;

/// Interval of polling, which bounds the delay that polling adds to a record. Each poll takes the CPU from a
/// working process: at 2 ms a storm of /bin/true ran 5 % slower.
pub const POLL: Duration = Duration::from_millis(10);
/// Interval of polling while processes are killed because of findings about their start.
pub const POLL_ENFORCING: Duration = Duration::from_millis(1);
/// Time without an event after which the thread sleeps.
const QUIET: Duration = Duration::from_millis(50);
/// Maximum length of a sleep: the pulse shows that the thread lives.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Approximate maximum number of bytes in a batch.
const BATCH_BYTES: usize = 256 * 1024;

/// The thread that reads the ring.
pub struct RingReader {
    stop: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
    bell: Option<AlarmBell>,
    thread: JoinHandle<Option<Ring>>,
}

/// Signs of life of the reader's thread.
#[derive(Debug, Default)]
pub struct ReaderVitals {
    /// Beats at each look at the ring.
    pub pulse: Pulse,
    found: AtomicU64,
}

impl ReaderVitals {
    fn found(&self, bytes: usize) {
        self.found.fetch_max(bytes as u64, Ordering::Relaxed);
    }

    /// Returns the most bytes that one look took from the ring since the last call.
    pub fn take_found(&self) -> u64 {
        self.found.swap(0, Ordering::Relaxed)
    }
}

/// The point at which the space of an event is freed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpaceRelease {
    /// Freed by the reader, as soon as the event is read.
    AtOnce,
    /// Freed at the end of the pipeline, once the batch is acknowledged; it carries its end position
    /// ([`Batch::end`]).
    Later,
}

impl RingReader {
    /// Starts to drain `rings` into `queue`, one after the other; nobody writes any more to those before the
    /// last. `vitals` shows each look, between which it pauses.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        rings: Vec<Ring>,
        room: SpaceRelease,
        queue: mpsc::Sender<Input>,
        vitals: Arc<ReaderVitals>,
        pause: Duration,
    ) -> io::Result<Self> {
        let (stop, hold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let bell = rings.last().and_then(Ring::bell);
        let (stopped, held) = (Arc::clone(&stop), Arc::clone(&hold));
        let thread = thread::Builder::new().name("tracego-reader".to_owned()).spawn(move || {
            if pause == POLL_ENFORCING {
                precedence::take();
            }
            let last = rings.len().saturating_sub(1);
            for (number, mut ring) in rings.into_iter().enumerate() {
                let mut look = Look { ring: &mut ring, number, room, queue: &queue, vitals: &vitals, pause };
                let whole = if number < last { look.take().is_some() } else { look.drain(&stopped, &held) };
                if !whole || number == last {
                    return Some(ring);
                }
            }
            None
        })?;
        Ok(Self { stop, hold, bell, thread })
    }

    /// Makes the thread empty the ring once more and end, and waits for it. Returns the ring as the thread
    /// left it.
    ///
    /// # Errors
    /// Fails if the thread panicked.
    pub fn finish(self) -> thread::Result<Option<Ring>> {
        self.stop.store(true, Ordering::Release);
        self.wake();
        self.thread.join()
    }

    /// Leaves events in the ring until called with `false`: simulates a reader that cannot keep up.
    pub fn hold(&self, hold: bool) {
        self.hold.store(hold, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    /// Returns whether the thread has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.thread.is_finished()
    }
}

/// State of the thread.
struct Look<'a> {
    ring: &'a mut Ring,
    number: usize,
    room: SpaceRelease,
    queue: &'a mpsc::Sender<Input>,
    vitals: &'a ReaderVitals,
    pause: Duration,
}

impl Look<'_> {
    /// Drains the ring until the stop. Returns whether the queue stayed open to the end.
    fn drain(&mut self, stop: &AtomicBool, hold: &AtomicBool) -> bool {
        let mut active = Instant::now();
        let mut reported: Option<Instant> = None;
        loop {
            self.vitals.pulse.beat();
            // Read before the drain, so that events present at the time of the stop are still taken.
            let last = stop.load(Ordering::Acquire);
            if hold.load(Ordering::Acquire) && !last {
                thread::sleep(self.pause);
                continue;
            }
            let before = Reading::now();
            let Some(found) = self.take() else { return false };
            self.vitals.found(found);
            if last {
                return true;
            }
            if found > 0 {
                (active, reported) = (Instant::now(), None);
                thread::sleep(self.pause);
                continue;
            }
            // A stage that waits for the next event learns that there was none.
            if active.elapsed() >= QUIET
                && reported.is_none_or(|reported| reported.elapsed() >= SLEEP_MAX / 2)
            {
                let _full_or_closed = self.queue.try_send(Input::Drained(before));
                reported = Some(Instant::now());
            }
            if active.elapsed() >= QUIET && self.ring.sleep(SLEEP_MAX) {
                continue;
            }
            thread::sleep(self.pause);
        }
    }

    /// Moves all events of the ring into the queue. Returns their size in bytes; `None` when the queue is
    /// closed.
    fn take(&mut self) -> Option<usize> {
        let release = self.ring.release();
        let mut batch = Batch::default();
        let mut found = 0;
        while let Some(record) = self.ring.read() {
            batch.push(record);
            if self.room == SpaceRelease::AtOnce {
                // Freed before the send, which may wait.
                release.up_to(self.ring.position());
            }
            if batch.bytes().len() >= BATCH_BYTES {
                found += batch.bytes().len();
                self.hand_over(&mut batch)?;
            }
        }
        found += batch.bytes().len();
        if !batch.is_empty() {
            self.hand_over(&mut batch)?;
        }
        Some(found)
    }

    fn hand_over(&self, batch: &mut Batch) -> Option<()> {
        let mut full = std::mem::take(batch);
        full.clock = Reading::now();
        let end = End { ring: self.number, position: self.ring.position() };
        full.end = Some(end).filter(|_| self.room == SpaceRelease::Later);
        self.queue.blocking_send(Input::Batch(full)).ok()
    }
}
