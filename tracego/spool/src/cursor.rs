//! What was acknowledged: one small file with two slots, written in turn.
//!
//! Two slots in place and not a new file under the old name: on a full disk the cursor must move, since
//! that is what makes room, and an overwrite needs no new block. It also takes one fdatasync where the
//! other way takes two syncs and two changes of the folder. Each slot has a page of its own, so that a
//! write that the power cuts harms only the slot that is written; the other one then repeats a little.

use std::io;

use super::{
    disk::{Disk, read_full, write_all},
    frame::{SEQ_END, u32_at, u64_at},
    gap::{Gap, Reason},
};

/// Its name.
pub(super) const NAME: &str = "cursor";
/// Where it is made, before it has its name.
const FRESH: &str = "cursor.tmp";
/// Bytes from one slot to the next.
const PAGE: usize = 4096;
/// Bytes of the file.
pub(super) const SIZE: u64 = 2 * PAGE as u64;

const MAGIC: [u8; 8] = *b"TGOCURSR";
const VERSION: u32 = 1;
const SLOT: usize = 76;

/// What a slot holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Mark {
    /// Of the spool, as in its segments.
    pub(super) spool: u64,
    /// Everything up to this sequence number was acknowledged.
    pub(super) acked: u64,
    /// Everything up to this sequence number was on the disk at the time.
    pub(super) durable: u64,
    /// Records behind it that were refused, and that no frame in a segment names yet.
    pub(super) refused: Option<Gap>,
}

fn encode(mark: &Mark, generation: u64) -> [u8; SLOT] {
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

fn decode(bytes: &[u8]) -> Option<(u64, Mark)> {
    let (covered, sum) = bytes.get(..SLOT)?.split_at(72);
    let ours = covered.starts_with(&MAGIC) && u32_at(covered, 8) == VERSION;
    if !ours || crc32c::crc32c(covered) != u32_at(sum, 0) {
        return None;
    }
    let [spool, generation, acked, durable, first, last, bytes] =
        std::array::from_fn(|number| u64_at(covered, 12 + 8 * number));
    let refused = Reason::from_raw(u32_at(covered, 68)).map(|reason| Gap { first, last, reason, bytes });
    let bounded =
        [generation, acked, durable, first, last].iter().all(|&number| number < SEQ_END) && first <= last;
    bounded.then_some((generation, Mark { spool, acked, durable, refused }))
}

/// What was found where the cursor should be.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CursorState {
    /// Both slots are valid.
    Whole,
    /// One slot is damaged; the other may be older, so records may come again.
    OneSlot,
    /// There is none: everything comes again.
    Missing,
    /// Neither slot is valid: everything comes again.
    Damaged,
    /// It is that of another spool: everything comes again.
    Foreign,
}

/// Reads the file without changing anything; the mark, and the generation to go on from.
pub(super) fn read<D: Disk>(disk: &D) -> io::Result<(CursorState, Option<(u64, Mark)>)> {
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
        // The first mark goes into both slots.
        Some(_) if marks.contains(&None) => CursorState::OneSlot,
        Some(_) => CursorState::Whole,
    };
    Ok((state, best))
}

/// The cursor of a spool that is in use.
#[derive(Debug)]
pub(super) struct Cursor<F> {
    file: F,
    generation: u64,
    /// What each slot holds for certain.
    slots: [Option<Mark>; 2],
}

impl<F> Cursor<F> {
    /// Makes the file, or makes it anew where `generation` is 0; a mark that is read goes into both slots.
    pub(super) fn start<D: Disk<File = F>>(disk: &D, generation: u64, mark: &Mark) -> io::Result<Self> {
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
            return Ok(Self { file, generation: 2, slots: [Some(*mark); 2] });
        }
        // What was read need not be on the disk: a killed process leaves writes that nobody synced.
        Ok(Self { file: disk.open(NAME, true)?, generation, slots: [None; 2] })
    }

    /// Puts the mark into the slot with the older one; it is on the disk when this returns.
    pub(super) fn write<D: Disk<File = F>>(&mut self, disk: &D, mark: &Mark) -> io::Result<()> {
        let generation = self.generation + 1;
        let slot = usize::from(generation.is_multiple_of(2));
        // Until it is known again: a write that fails may have changed it.
        self.slots[slot] = None;
        write_all(disk, &self.file, &encode(mark, generation), (slot * PAGE) as u64)?;
        disk.sync(&self.file)?;
        self.generation = generation;
        self.slots[slot] = Some(*mark);
        Ok(())
    }

    /// Whether the newest slot holds this.
    pub(super) fn holds(&self, mark: &Mark) -> bool {
        self.slots[usize::from(self.generation.is_multiple_of(2))].as_ref() == Some(mark)
    }

    /// Whether both slots say that everything up to this was acknowledged: then even the loss of a slot
    /// asks for nothing that is gone.
    pub(super) fn both_past(&self, seq: u64) -> bool {
        self.slots.iter().all(|slot| slot.is_some_and(|mark| mark.acked >= seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_a_changed_bit_is_seen() {
        let refused = Some(Gap { first: 10, last: 12, reason: Reason::DropNewest, bytes: 300 });
        for mark in [Mark { spool: 9, acked: 4, durable: 9, refused }, Mark::default()] {
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
