//! Removal of acknowledged segments, once the cursor is durable.

use std::io;

use super::{
    Disk, Segment, Spool,
    frame::name,
    stats::{DiskContext as _, DiskError},
};

/// Divisor of the total size that gives the limit for damaged segments; beyond it the oldest is removed.
const BAD: u64 = 8;

impl<D: Disk> Spool<D> {
    pub(super) fn write_mark(&mut self) -> Result<(), DiskError> {
        let mark = self.mark();
        if !self.cursor.holds(&mark) {
            self.cursor.write(&self.disk, &mark).context("write the cursor")?;
        }
        self.marked_at = self.now.boot_ns;
        self.moved = false;
        Ok(())
    }

    /// Removes segments that were acknowledged completely; the segment being written only if `all` is true.
    /// Returns whether there was one.
    pub(super) fn reclaim(&mut self, all: bool) -> Result<bool, DiskError> {
        let written = self.writing.as_ref().filter(|_| !all).map(|writing| writing.first);
        let done = |segment: &&Segment| segment.next <= self.acked + 1 && written != Some(segment.first);
        let count = self.segments.iter().take_while(done).count();
        let Some(last) = count.checked_sub(1).and_then(|last| self.segments.get(last)) else {
            return Ok(false);
        };
        let last = last.next - 1;
        self.mark_past(last)?;
        self.moved = false;
        self.marked_at = self.now.boot_ns;
        for _ in 0..count {
            let Some(segment) = self.segments.front() else { break };
            let (first, len) = (segment.first, segment.len);
            self.set_aside(first, len, segment.damaged).context("remove a segment")?;
            self.segments.pop_front();
            self.bytes = self.bytes.saturating_sub(len);
            if self.writing.as_ref().is_some_and(|writing| writing.first == first) {
                // Frames in this segment that were not synced are written again to the next one.
                self.writing = None;
                self.pending.written = 0;
            }
        }
        self.holes.retain(|hole| hole.last > self.acked);
        Ok(true)
    }

    /// Prepares the removal of acknowledged records up to `last`: writes both slots of the cursor, so that
    /// with one of them damaged, the other does not refer to removed records.
    pub(super) fn mark_past(&mut self, last: u64) -> Result<(), DiskError> {
        let mut tries = 0;
        while !self.cursor.both_past(last) && tries < 2 {
            let mark = self.mark();
            self.cursor.write(&self.disk, &mark).context("write the cursor")?;
            tries += 1;
        }
        Ok(())
    }

    /// Removes the file of a segment, or sets it aside for inspection if it is damaged.
    pub(super) fn set_aside(&mut self, first: u64, len: u64, damaged: bool) -> io::Result<()> {
        let name = name(first);
        if !damaged {
            return match self.disk.remove(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            };
        }
        let aside = format!("{name}.bad");
        self.disk.rename(&name, &aside)?;
        self.bad.push_back((aside, len));
        let bytes =
            |bad: &std::collections::VecDeque<(String, u64)>| bad.iter().map(|(_, len)| len).sum::<u64>();
        while bytes(&self.bad) > self.limits.total_bytes / BAD {
            let Some((oldest, _)) = self.bad.front() else { break };
            self.disk.remove(oldest)?;
            self.bad.pop_front();
        }
        Ok(())
    }
}
