//! The state of a sink's stream that its spool does not know: how the records in delivery are cut into
//! batches, and how far the numbers of the stream are ahead of those of the spool.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Name of the file, in the folder of the spool.
const NAME: &str = "stream";
const MAGIC: [u8; 8] = *b"TGOSTRM1";
/// Length of the content: the magic, two numbers, and the checksum.
const LEN: usize = 28;

/// The state, and its file if the queue survives the process.
#[derive(Debug, Default)]
pub(crate) struct StreamState {
    /// Sequence number in the queue of the last record of the batch in delivery; 0 for none. After a restart,
    /// the batch is cut there again, so that a receiver recognises it.
    cut: u64,
    /// Number of records that got a number and never came into the queue.
    skipped: u64,
    path: Option<PathBuf>,
    file: Option<File>,
}

impl StreamState {
    /// Reads the state of a spool in this folder. An invalid file counts as missing.
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let (cut, skipped) = read(&path).unwrap_or_default();
        Self { cut, skipped, path: Some(path), file: None }
    }

    /// Returns the number of the last record of the batch that was in delivery; 0 for none.
    pub(crate) fn cut(&self) -> u64 {
        self.cut
    }

    /// Sets the last record of the batch in delivery. The file survives a killed process; after a power loss,
    /// the batch may be cut in another way.
    pub(crate) fn set_cut(&mut self, cut: u64) {
        if self.cut != cut {
            self.cut = cut;
            self.save(false);
        }
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
            file.write_all_at(&encode(self.cut, self.skipped), 0)?;
            if sync { file.sync_data() } else { Ok(()) }
        };
        if let Err(error) = write(&mut self.file) {
            tracing::debug!(path = %path.display(), %error, "the state of a sink's stream cannot be written");
            self.file = None;
        }
    }
}

fn encode(cut: u64, skipped: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&cut.to_le_bytes());
    bytes[16..24].copy_from_slice(&skipped.to_le_bytes());
    let sum = checksum(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Returns the cut and the number of skipped records.
fn read(path: &Path) -> Option<(u64, u64)> {
    let file = File::open(path).ok()?;
    let mut bytes = [0; LEN];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let (cut, skipped) = (number(8)?, number(16)?);
    (bytes == encode(cut, skipped)).then_some((cut, skipped))
}

/// FNV-1a, which is enough to tell a file that was cut or overwritten.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_state_is_read_as_it_was_written_and_a_changed_byte_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = StreamState::open(dir.path());
        assert_eq!((state.cut(), state.skipped()), (0, 0));
        state.set_cut(7);
        state.skip(3);
        state.set_cut(9);
        let again = StreamState::open(dir.path());
        assert_eq!((again.cut(), again.skipped()), (9, 3));
        let path = dir.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            let damaged = StreamState::open(dir.path());
            assert_eq!((damaged.cut(), damaged.skipped()), (0, 0), "{at}");
        }
        fs::write(&path, &whole[..LEN - 1]).unwrap();
        assert_eq!(StreamState::open(dir.path()).cut(), 0);
    }
}
