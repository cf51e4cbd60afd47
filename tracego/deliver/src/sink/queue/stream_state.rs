//! The state of a sink's stream that its spool does not know: how the records in delivery are cut into
//! batches, and how far the numbers of the stream are ahead of those of the spool.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Name of the file, in the folder of the spool.
const NAME: &str = "stream";
const MAGIC: [u8; 8] = *b"TGOSTRM2";
/// Length of the content: the magic, three numbers, and the checksum.
const LEN: usize = 36;
/// Magic and length of the first version, which had two numbers.
const FIRST_MAGIC: [u8; 8] = *b"TGOSTRM1";
const FIRST_LEN: usize = 28;

/// The state, and its file if the queue survives the process.
#[derive(Debug, Default)]
pub(crate) struct StreamState {
    /// Sequence number in the queue of the last record of the batch in delivery; 0 for none. After a restart,
    /// the batch is cut there again, so that a receiver recognises it.
    cut: u64,
    /// Number of records that got a number and never came into the queue.
    skipped: u64,
    /// Sequence number in the queue of the last record in front of the batch in delivery. The receiver has all
    /// records up to it, also where the cursor of a killed process is behind.
    taken: u64,
    path: Option<PathBuf>,
    file: Option<File>,
}

impl StreamState {
    /// Reads the state of a spool in this folder, whose next record gets the number `next`. An invalid file
    /// counts as missing. A batch with numbers that the spool has not given out yet was in memory only: the
    /// numbers will belong to other records, so the batch is forgotten.
    pub(crate) fn open(folder: &Path, next: u64) -> Self {
        let path = folder.join(NAME);
        let [cut, skipped, taken] = read(&path).unwrap_or_default();
        let mut state = Self { cut, skipped, taken, path: Some(path), file: None };
        if cut.max(taken) >= next {
            (state.cut, state.taken) = (0, 0);
            state.save(true);
        }
        state
    }

    /// Returns the number of the last record that the receiver has taken for certain.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Returns the number of the last record of the batch that was in delivery; 0 for none.
    pub(crate) fn cut(&self) -> u64 {
        self.cut
    }

    /// Sets the batch in delivery: the record in front of it, which the receiver has taken, and its last one.
    /// The file survives a killed process; after a power loss, the batch may be cut in another way.
    pub(crate) fn set_batch(&mut self, taken: u64, cut: u64) {
        if (self.taken, self.cut) != (taken, cut) {
            (self.taken, self.cut) = (taken, cut);
            self.save(false);
        }
    }

    /// Forgets how the records in delivery were cut.
    pub(crate) fn forget_cut(&mut self) {
        self.set_batch(self.taken, 0);
    }

    /// Returns the number of records that never came into the queue.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Notes that records which had a number did not come into the queue.
    pub(crate) fn skip(&mut self, records: u64) {
        if records > 0 {
            self.skipped += records;
            self.save(true);
        }
    }

    /// Writes the file. On an error, the numbers of the next run may repeat some, and a batch may be cut in
    /// another way: records are not lost.
    fn save(&mut self, sync: bool) {
        let Some(path) = &self.path else { return };
        let write = |kept: &mut Option<File>| -> io::Result<()> {
            let file = match kept {
                Some(file) => file,
                none => {
                    let mut options = OpenOptions::new();
                    none.insert(options.write(true).create(true).truncate(false).mode(0o600).open(path)?)
                }
            };
            file.write_all_at(&encode([self.cut, self.skipped, self.taken]), 0)?;
            if sync { file.sync_data() } else { Ok(()) }
        };
        if let Err(error) = write(&mut self.file) {
            tracing::debug!(path = %path.display(), %error, "the state of a sink's stream cannot be written");
            self.file = None;
        }
    }
}

fn encode(numbers: [u64; 3]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    for (place, number) in bytes[8..LEN - 4].chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let sum = checksum(&bytes[..LEN - 4]);
    bytes[LEN - 4..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Returns the cut, the number of skipped records, and the last record that was taken. A file of the first
/// version has no such record.
fn read(path: &Path) -> Option<[u64; 3]> {
    let bytes = fs::read(path).ok()?;
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if bytes.len() == FIRST_LEN && bytes.starts_with(&FIRST_MAGIC) {
        let (covered, sum) = bytes.split_at(FIRST_LEN - 4);
        return (checksum(covered).to_le_bytes() == sum).then_some([number(8)?, number(16)?, 0]);
    }
    let numbers = [number(8)?, number(16)?, number(24)?];
    (bytes == encode(numbers)).then_some(numbers)
}

/// FNV-1a, which is enough to tell a file that was cut or overwritten.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_as_it_was_written_and_a_changed_byte_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let numbers = |state: &StreamState| (state.cut(), state.skipped(), state.taken());
        let open = || numbers(&StreamState::open(dir.path(), 100));
        let mut state = StreamState::open(dir.path(), 100);
        assert_eq!(numbers(&state), (0, 0, 0));
        state.set_batch(2, 7);
        state.skip(3);
        state.set_batch(7, 9);
        assert_eq!(open(), (9, 3, 7));
        let path = dir.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert_eq!(open(), (0, 0, 0), "{at}");
        }
        fs::write(&path, &whole[..LEN - 1]).unwrap();
        assert_eq!(open(), (0, 0, 0));
    }

    #[test]
    fn numbers_that_will_belong_to_other_records_are_forgotten_for_good() {
        let dir = tempfile::tempdir().unwrap();
        StreamState::open(dir.path(), 100).set_batch(7, 9);
        assert_eq!(StreamState::open(dir.path(), 10).cut(), 9);
        let behind = StreamState::open(dir.path(), 9);
        assert_eq!((behind.cut(), behind.taken()), (0, 0));
        let later = StreamState::open(dir.path(), 100);
        assert_eq!((later.cut(), later.taken()), (0, 0));
    }

    #[test]
    fn the_file_of_the_first_version_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = FIRST_MAGIC.to_vec();
        bytes.extend([9_u64.to_le_bytes(), 3_u64.to_le_bytes()].concat());
        bytes.extend(checksum(&bytes).to_le_bytes());
        fs::write(dir.path().join(NAME), bytes).unwrap();
        let mut state = StreamState::open(dir.path(), 100);
        assert_eq!((state.cut(), state.skipped(), state.taken()), (9, 3, 0));
        state.set_batch(9, 12);
        assert_eq!(StreamState::open(dir.path(), 100).taken(), 9);
    }
}
