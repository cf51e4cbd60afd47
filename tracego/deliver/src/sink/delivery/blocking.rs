//! Writes that may wait for a disk or a slow reader. They run on a thread of tokio's pool, so that a wait
//! holds up only its own sink.

use std::{
    io::{self, Write},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{DeliveryError, DeliveryResult};

/// A copy of a batch, for a thread that may outlive the call. Its records lie one behind the other.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// End of each record in `bytes`.
    ends: Vec<usize>,
}

impl Batch {
    pub(crate) fn new(records: &[&[u8]]) -> Self {
        let mut batch = Self {
            bytes: Vec::with_capacity(records.iter().map(|record| record.len()).sum()),
            ends: Vec::with_capacity(records.len()),
        };
        for record in records {
            batch.bytes.extend_from_slice(record);
            batch.ends.push(batch.bytes.len());
        }
        batch
    }

    /// Returns the number of records.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns where a record begins; for the index behind the last record, the end of all bytes.
    fn start(&self, record: usize) -> usize {
        record.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(self.bytes.len()))
    }

    /// Returns the bytes of a range of records.
    pub(crate) fn bytes(&self, records: Range<usize>) -> &[u8] {
        self.bytes.get(self.start(records.start)..self.start(records.end)).unwrap_or_default()
    }

    /// Returns how many records, from `first` on, fit completely into this number of bytes.
    pub(crate) fn whole(&self, first: usize, bytes: usize) -> usize {
        let end = self.start(first).saturating_add(bytes);
        self.ends.partition_point(|&each| each <= end).saturating_sub(first)
    }
}

/// Writes a batch on a thread that may wait.
///
/// The state stays behind a lock instead of being moved: when the caller gives up and calls again, the second
/// write waits for the first, so that the two do not interleave.
pub(crate) async fn write<T: Send + 'static>(
    state: &Arc<Mutex<T>>,
    records: &[&[u8]],
    write: fn(&mut T, &Batch) -> DeliveryResult,
) -> DeliveryResult {
    let (state, batch) = (Arc::clone(state), Batch::new(records));
    let work = tokio::task::spawn_blocking(move || write(&mut lock(&state), &batch));
    work.await.unwrap_or_else(|error| {
        DeliveryResult::partial(0, DeliveryError::new(format!("the thread of a write failed: {error}")))
    })
}

/// Locks the state, even after a thread panicked: what it left is as good as what a killed thread leaves.
pub(crate) fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes all bytes. Returns the number of bytes taken, and the error that stopped the write.
pub(crate) fn write_all(out: &mut impl Write, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return (done, Some(io::ErrorKind::WriteZero.into())),
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_counted_from_any_record() {
        let batch = Batch::new(&[b"one\n", b"", b"three\n", b"4\n"]);
        assert_eq!(batch.len(), 4);
        assert_eq!(batch.bytes(0..4), b"one\nthree\n4\n");
        assert_eq!(batch.bytes(2..3), b"three\n");
        assert_eq!(batch.bytes(4..4), b"");
        for (first, bytes, whole) in [(0, 3, 0), (0, 4, 2), (0, 9, 2), (0, 12, 4), (2, 5, 0), (2, 6, 1)] {
            assert_eq!(batch.whole(first, bytes), whole, "{first} {bytes}");
        }
    }
}
