//! The acknowledged position: one small file with two slots, written in turn.
//!
//! The slots are overwritten in place, instead of replacing the file, because on a full disk the cursor must
//! move to free space, and an overwrite needs no new block. An overwrite also takes one fdatasync, where a
//! replacement takes two syncs and two changes of the folder. Each slot has a page of its own, so that a
//! write torn by a power loss harms only that slot; the other one then repeats a little.

use std::io;

use crate::{
    Moment,
    disk::{Disk, read_full, write_all},
    frame::{SEQ_END, u32_at, u64_at},
    gap::{Gap, GapReason},
    stats::{DiskContext as _, DiskError},
};

/// Name of the file.
pub(crate) const NAME: &str = "cursor";
/// Temporary name of a new file.
const FRESH: &str = "cursor.tmp";
/// Bytes from one slot to the next.
const PAGE: usize = 4096;
/// Size of the file in bytes.
pub(crate) const SIZE: u64 = 2 * PAGE as u64;

const MAGIC: [u8; 8] = *b"TGOCURSR";
const VERSION: u32 = 1;
const SLOT: usize = 76;

/// The content of a slot.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct CursorMark {
    /// Id of the spool, as in its segments.
    pub(crate) spool: u64,
    /// Last acknowledged sequence number.
    pub(crate) acked: u64,
    /// Last sequence number that was on the disk at the time.
    pub(crate) durable: u64,
    /// Refused records after the durable ones, which no frame in a segment names yet.
    pub(crate) refused: Option<Gap>,
}

fn encode(mark: &CursorMark, generation: u64) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let gap = mark.refused;
    let numbers = [
        mark.spool,
        generation,
        mark.acked,
        mark.durable,
        gap.map_or(0, |gap| gap.first),
        gap.map_or(0, |gap| gap.last),
        gap.map_or(0, |gap| gap.bytes),
    ];
    for (to, number) in bytes[12..68].chunks_exact_mut(8).zip(numbers) {
        to.copy_from_slice(&number.to_le_bytes());
    }
    bytes[68..72].copy_from_slice(&gap.map_or(0, |gap| gap.reason.to_raw()).to_le_bytes());
    let sum = crc32c::crc32c(&bytes[..72]);
    bytes[72..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(u64, CursorMark)> {
    let (covered, sum) = bytes.get(..SLOT)?.split_at(72);
    let ours = covered.starts_with(&MAGIC) && u32_at(covered, 8) == VERSION;
    if !ours || crc32c::crc32c(covered) != u32_at(sum, 0) {
        return None;
    }
    let [spool, generation, acked, durable, first, last, bytes] =
        std::array::from_fn(|number| u64_at(covered, 12 + 8 * number));
    let refused = GapReason::from_raw(u32_at(covered, 68)).map(|reason| Gap { first, last, reason, bytes });
    let bounded =
        [generation, acked, durable, first, last].iter().all(|&number| number < SEQ_END) && first <= last;
    bounded.then_some((generation, CursorMark { spool, acked, durable, refused }))
}

/// The state in which the cursor was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CursorState {
    /// Both slots are valid.
    Whole,
    /// One slot is damaged; the other may be older, so records may be delivered again.
    OneSlot,
    /// The cursor is missing: everything is delivered again.
    Missing,
    /// Neither slot is valid: everything is delivered again.
    Damaged,
    /// The cursor is that of another spool: everything is delivered again.
    Foreign,
}

/// Reads the file without changes. Returns the state, and the newest valid generation and mark.
pub(crate) fn read<D: Disk>(disk: &D) -> io::Result<(CursorState, Option<(u64, CursorMark)>)> {
    let file = match disk.open(NAME, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((CursorState::Missing, None)),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; 2 * PAGE];
    read_full(disk, &file, &mut bytes, 0)?;
    let slots = [bytes.get(..PAGE), bytes.get(PAGE..)].map(Option::unwrap_or_default);
    let marks = slots.map(decode);
    let best = marks.into_iter().flatten().max_by_key(|&(generation, _)| generation);
    let state = match best {
        None => CursorState::Damaged,
        // A new file has its mark in both slots, so an invalid slot is damaged.
        Some(_) if marks.contains(&None) => CursorState::OneSlot,
        Some(_) => CursorState::Whole,
    };
    Ok((state, best))
}

/// The cursor of a spool that is in use.
#[derive(Debug)]
pub(crate) struct Cursor<F> {
    file: F,
    generation: u64,
    /// Content that each slot certainly has on the disk.
    slots: [Option<CursorMark>; 2],
    /// Whether the file has to be written because the mark has changed.
    dirty: bool,
    /// Time when the file was last up to date, in ns since boot.
    saved_at: i64,
}

impl<F> Cursor<F> {
    /// Creates the file, with `mark` in both slots, if `generation` is 0; otherwise opens it.
    pub(crate) fn start<D: Disk<File = F>>(
        disk: &D,
        generation: u64,
        mark: &CursorMark,
        now: Moment,
    ) -> io::Result<Self> {
        let cursor =
            |file, generation, slots| Self { file, generation, slots, dirty: true, saved_at: now.boot_ns };
        if generation == 0 {
            let file = disk.create(FRESH)?;
            let mut bytes = vec![0; 2 * PAGE];
            for slot in 0..2 {
                bytes[slot * PAGE..][..SLOT].copy_from_slice(&encode(mark, slot as u64 + 1));
            }
            write_all(disk, &file, &bytes, 0)?;
            disk.sync(&file)?;
            disk.rename(FRESH, NAME)?;
            disk.sync_folder()?;
            return Ok(cursor(file, 2, [Some(*mark); 2]));
        }
        // The content that was read may not be on the disk: a killed process leaves writes that were not
        // synced.
        Ok(cursor(disk.open(NAME, true)?, generation, [None; 2]))
    }

    /// Notes that the mark has changed.
    pub(crate) fn touch(&mut self) {
        self.dirty = true;
    }

    /// Returns the time since which a changed mark waits to be written, in ns since boot.
    pub(crate) fn dirty_since(&self) -> Option<i64> {
        self.dirty.then_some(self.saved_at)
    }

    /// Writes the mark if it has changed.
    pub(crate) fn save<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        mark: &CursorMark,
        now: Moment,
    ) -> Result<(), DiskError> {
        if self.dirty {
            if self.slots[self.newest()].as_ref() != Some(mark) {
                self.write(disk, mark)?;
            }
            self.set_saved(now);
        }
        Ok(())
    }

    /// Notes that the file is up to date.
    pub(crate) fn set_saved(&mut self, now: Moment) {
        self.dirty = false;
        self.saved_at = now.boot_ns;
    }

    /// Prepares the removal of acknowledged records up to `seq`: writes both slots until they acknowledge
    /// them, so that with one slot damaged, the other does not refer to removed records.
    pub(crate) fn write_past<D: Disk<File = F>>(
        &mut self,
        disk: &D,
        mark: &CursorMark,
        seq: u64,
    ) -> Result<(), DiskError> {
        let past = |slot: &Option<CursorMark>| slot.is_some_and(|mark| mark.acked >= seq);
        let mut tries = 0;
        while !self.slots.iter().all(past) && tries < 2 {
            self.write(disk, mark)?;
            tries += 1;
        }
        Ok(())
    }

    /// Writes the mark to the slot with the older one, and syncs it.
    fn write<D: Disk<File = F>>(&mut self, disk: &D, mark: &CursorMark) -> Result<(), DiskError> {
        let generation = self.generation + 1;
        let slot = usize::from(generation.is_multiple_of(2));
        // Unknown until the write succeeds: a failed write may have changed it.
        self.slots[slot] = None;
        write_all(disk, &self.file, &encode(mark, generation), (slot * PAGE) as u64)
            .and_then(|()| disk.sync(&self.file))
            .context("write the cursor")?;
        self.generation = generation;
        self.slots[slot] = Some(*mark);
        Ok(())
    }

    /// Returns the slot with the newest mark.
    fn newest(&self) -> usize {
        usize::from(self.generation.is_multiple_of(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_a_changed_bit_is_seen() {
        let refused = Some(Gap { first: 10, last: 12, reason: GapReason::DropNewest, bytes: 300 });
        for mark in [CursorMark { spool: 9, acked: 4, durable: 9, refused }, CursorMark::default()] {
            let bytes = encode(&mark, 77);
            assert_eq!(decode(&bytes), Some((77, mark)));
            for bit in 0..SLOT * 8 {
                let mut bytes = bytes;
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decode(&bytes), None, "{bit}");
            }
        }
        assert_eq!(decode(&[0; PAGE]), None);
    }
}
