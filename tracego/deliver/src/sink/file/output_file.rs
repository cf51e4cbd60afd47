//! The file that records are appended to now.

use std::{
    fs::{self, File, Metadata, TryLockError},
    io,
    ops::Range,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
};

use rustix::fs::OFlags;
use tracego_model::clock::Reading;

use super::{FileError, rotated_name::folder, target::FileTarget};
use crate::sink::delivery::blocking::{Batch, write_all};

/// An open output file.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: File,
    /// Whether the file is regular: only regular files are cut, synced, locked and rotated.
    regular: bool,
    /// Device and inode.
    id: (u64, u64),
    /// Offset where the next record begins, in bytes.
    len: u64,
    /// Whether the file ends within a line.
    torn: bool,
    /// Time when the file was begun, in ns since boot: this clock stays right when the time is set.
    begun: i64,
}

/// Number of attempts to open: other programs may make, move and remove the file meanwhile.
const TRIES: usize = 8;

impl OutputFile {
    /// Opens or makes the file (see [`FileTarget::open`]), and locks it.
    pub(super) fn open(place: &FileTarget) -> Result<Self, FileError> {
        for _ in 0..TRIES {
            if let Some(current) = Self::try_open(place)? {
                return Ok(current);
            }
        }
        Err(place.failed(&io::Error::other("other programs keep moving the file while tracego opens it")))
    }

    /// Tries to open the file. Returns `None` if the path leads to another file by now.
    fn try_open(place: &FileTarget) -> Result<Option<Self>, FileError> {
        let path = &place.path;
        let failed = |error: io::Error| place.failed(&error);
        let Some((file, is_new)) = place.open()? else { return Ok(None) };
        let meta = file.metadata().map_err(failed)?;
        let mut current = Self {
            regular: meta.is_file(),
            id: id(&meta),
            len: meta.len(),
            torn: false,
            begun: begun(&meta, Reading::now()),
            file,
        };
        if current.regular {
            match current.file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(FileError::Locked(path.clone())),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            if !current.is_at(path) {
                return Ok(None);
            }
            place.set_owner(&current.file, is_new)?;
            current.torn = current.ends_within_a_line().map_err(failed)?;
            if is_new {
                sync_folder(path).map_err(failed)?;
            }
        } else {
            // Clears O_NONBLOCK: this thread may wait for a slow reader.
            rustix::fs::fcntl_setfl(&current.file, OFlags::APPEND).map_err(|error| failed(error.into()))?;
        }
        Ok(Some(current))
    }

    /// Returns whether the path still leads to this file. Also notes what other programs did to the file: the
    /// `copytruncate` of logrotate empties it in place.
    pub(super) fn is_still_at(&mut self, path: &Path) -> bool {
        if !self.is_at(path) {
            return false;
        }
        let Ok(meta) = self.file.metadata() else { return false };
        if self.regular && meta.len() != self.len {
            self.len = meta.len();
            self.torn = self.ends_within_a_line().unwrap_or(true);
            if self.len == 0 {
                self.begun = Reading::now().boot_ns;
            }
        }
        true
    }

    fn is_at(&self, path: &Path) -> bool {
        let meta = if self.regular { fs::symlink_metadata(path) } else { fs::metadata(path) };
        meta.is_ok_and(|meta| id(&meta) == self.id)
    }

    /// Returns whether the file has no name any more.
    pub(super) fn is_removed(&self) -> bool {
        self.regular && self.file.metadata().is_ok_and(|meta| meta.nlink() == 0)
    }

    fn ends_within_a_line(&self) -> io::Result<bool> {
        let mut last = [b'\n'];
        if let Some(at) = self.len.checked_sub(1) {
            self.file.read_exact_at(&mut last, at)?;
        }
        Ok(last != [b'\n'])
    }

    /// Returns whether the file is regular, and can be rotated.
    pub(super) fn is_regular(&self) -> bool {
        self.regular
    }

    /// Returns the size in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns the nanoseconds since the file was begun.
    pub(super) fn age(&self, now: Reading) -> u64 {
        now.boot_ns.saturating_sub(self.begun).try_into().unwrap_or(0)
    }

    /// Ends the line that a crash or a full disk cut, so that the next record has a line of its own.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if self.torn {
            if let (_, Some(error)) = write_all(&mut self.file, b"\n") {
                return Err(error);
            }
            (self.torn, self.len) = (false, self.len + 1);
        }
        Ok(())
    }

    /// Appends records. Returns the number of records that are done, and the error that stopped the write.
    /// Bytes of other records are cut off again where possible.
    pub(super) fn append(
        &mut self,
        batch: &Batch,
        records: Range<usize>,
        sync: bool,
    ) -> (usize, Option<io::Error>) {
        if let Err(error) = self.end_line() {
            return (0, Some(error));
        }
        let start = self.len;
        let (written, error) = write_all(&mut self.file, batch.bytes(records.clone()));
        let whole = batch.whole(records.start, written).min(records.len());
        let kept = batch.bytes(records.start..records.start + whole).len();
        self.len = start + written as u64;
        if written != kept {
            self.torn = !self.cut(start + kept as u64);
        }
        if sync
            && self.regular
            && whole > 0
            && let Err(error) = self.file.sync_data()
        {
            // Linux drops pages whose write failed and reports the next sync as fine: the records have to be
            // written again. If the cut fails, they may be there twice.
            let _cut = self.cut(start);
            return (0, Some(error));
        }
        (whole, error)
    }

    /// Cuts the file to this length, unless another program appended meanwhile. Returns whether it did.
    fn cut(&mut self, len: u64) -> bool {
        let ours = self.regular && self.file.metadata().is_ok_and(|meta| meta.len() == self.len);
        let done = ours && self.file.set_len(len).is_ok();
        if done {
            self.len = len;
        }
        done
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that was just forked, until its exec.
        if self.regular {
            let _closed_anyway = self.file.unlock();
        }
    }
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// Returns the time when a file was begun, in ns since boot.
fn begun(meta: &Metadata, now: Reading) -> i64 {
    if meta.len() == 0 {
        return now.boot_ns;
    }
    let at = meta.created().or_else(|_| meta.modified()).ok();
    let at = at.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let at = at.and_then(|at| i64::try_from(at.as_nanos()).ok()).unwrap_or(now.unix_ns);
    now.boot_ns.saturating_sub(now.unix_ns.saturating_sub(at).max(0))
}

/// Syncs the folder of a file with fsync(2): current names survive a power loss.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}
