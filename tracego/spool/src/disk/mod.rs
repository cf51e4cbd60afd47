//! The file system as a spool uses it.
//!
//! [`Disk`] is a trait, because tests replace the disk by one that fails and forgets as real ones do.
//! [`DiskFolder`] is the real one.

use std::io;

mod folder;

pub(crate) use folder::LOCK;
pub use folder::{DiskFolder, OpenError};

/// The file system below one spool: flat names in one folder.
///
/// Content is durable only after `sync`, and names only after `sync_folder`: when the power fails, an
/// implementation may lose or reorder anything that was not synced.
pub trait Disk {
    /// An open file.
    type File;
    /// Returns names and sizes of the regular files, in any order.
    ///
    /// # Errors
    /// Fails on an error of the operating system, as do all methods below.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
    /// Creates a file for writing, mode 0600; an existing one is emptied.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file for reading, and also for writing if `write` is true.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn open(&self, name: &str, write: bool) -> io::Result<Self::File>;
    /// Reads at an offset. Returns the number of bytes, which is less than requested only at the end of the
    /// file or if the call was cut short.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn read_at(&self, file: &Self::File, to: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes at an offset. Returns the number of bytes, perhaps fewer than given.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn write_at(&self, file: &Self::File, bytes: &[u8], at: u64) -> io::Result<usize>;
    /// Truncates a file to a length.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn truncate(&self, file: &Self::File, len: u64) -> io::Result<()>;
    /// Syncs a file, as with fdatasync(2): written data is on the disk afterwards, or the call fails.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// Renames a file, and replaces any file with the new name.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Syncs the folder, as with fsync(2): the current names survive a power loss.
    ///
    /// # Errors
    /// Fails as [`list`](Self::list) does.
    fn sync_folder(&self) -> io::Result<()>;
}

/// Writes all bytes, with further calls after short writes.
pub(crate) fn write_all<D: Disk>(disk: &D, file: &D::File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match disk.write_at(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(done) => {
                bytes = bytes.get(done..).unwrap_or_default();
                at += done as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the file ends. Returns the number of bytes.
pub(crate) fn read_full<D: Disk>(disk: &D, file: &D::File, to: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = to.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match disk.read_at(file, rest, at + done as u64) {
            Ok(0) => break,
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
