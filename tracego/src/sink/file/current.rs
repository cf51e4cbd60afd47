//! The file that is written to now.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError},
    io,
    ops::Range,
    os::unix::fs::{
        FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{FileError, names::folder};
use crate::{
    clock::Reading,
    sink::blocking::{Batch, write_all},
};

/// What file, and how it is made.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) mode: Option<u32>,
    pub(super) group: Option<u32>,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Current {
    file: File,
    /// Only regular files are cut, synced, locked and rotated.
    regular: bool,
    /// Device and inode.
    id: (u64, u64),
    /// Where the next record begins.
    len: u64,
    /// It ends within a line.
    torn: bool,
    /// When it was begun, on the clock that counts from boot: it stays right when the time is set.
    begun: i64,
}

/// Others may make, move and remove the file while it is opened.
const TRIES: usize = 8;

impl Current {
    /// Opens or makes the file.
    ///
    /// A symbolic link in the last place of the path is never followed to a regular file: whoever may write
    /// to the folder could lead a daemon with all rights to any file of the system. It is followed to
    /// FIFOs and character devices, which are neither cut nor given another mode, so that /dev/stdout works.
    pub(super) fn open(place: &Place) -> Result<Self, FileError> {
        for _ in 0..TRIES {
            if let Some(current) = Self::try_open(place)? {
                return Ok(current);
            }
        }
        Err(place.failed(&io::Error::other("it is moved again and again while it is opened")))
    }

    /// Nothing when the path leads to another file by now.
    fn try_open(place: &Place) -> Result<Option<Self>, FileError> {
        let path = &place.path;
        let failed = |error: io::Error| place.failed(&error);
        let mut regular = OpenOptions::new();
        regular
            .read(true)
            .append(true)
            .mode(0o600)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NOCTTY).bits().cast_signed());
        let created = match regular.clone().create_new(true).open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => return Err(failed(error)),
        };
        let is_new = created.is_some();
        let file = match created {
            Some(file) => file,
            None => match open_existing(place, &regular)? {
                Some(file) => file,
                None => return Ok(None),
            },
        };
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
            place.own(&current.file, is_new)?;
            current.torn = current.ends_within_a_line().map_err(failed)?;
            if is_new {
                sync_folder(path).map_err(failed)?;
            }
        } else {
            // Waiting for a slow reader is what the thread is for.
            rustix::fs::fcntl_setfl(&current.file, OFlags::APPEND).map_err(|error| failed(error.into()))?;
        }
        Ok(Some(current))
    }

    /// Whether the path still leads to this file. Takes note of what others did to it, too: logrotate's
    /// `copytruncate` empties it in place.
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

    /// Nobody can find the file any more.
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

    /// Whether it is one that can be rotated.
    pub(super) fn is_regular(&self) -> bool {
        self.regular
    }

    /// Its size.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Nanoseconds since it was begun.
    pub(super) fn age(&self, now: Reading) -> u64 {
        now.boot_ns.saturating_sub(self.begun).try_into().unwrap_or(0)
    }

    /// Ends the line that a crash or a full disk cut, so that the next record stands on its own.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if self.torn {
            if let (_, Some(error)) = write_all(&mut self.file, b"\n") {
                return Err(error);
            }
            (self.torn, self.len) = (false, self.len + 1);
        }
        Ok(())
    }

    /// Appends records; how many are settled, and why not more. What is not settled leaves nothing behind
    /// where that can be helped: it is cut off again.
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
            // Linux drops pages whose write failed and says that the next sync is fine: the records
            // have to be written again. Where the cut fails they are there twice, perhaps.
            let _cut = self.cut(start);
            return (0, Some(error));
        }
        (whole, error)
    }

    /// Cuts it to this length, unless somebody else appended meanwhile.
    fn cut(&mut self, len: u64) -> bool {
        let ours = self.regular && self.file.metadata().is_ok_and(|meta| meta.len() == self.len);
        let done = ours && self.file.set_len(len).is_ok();
        if done {
            self.len = len;
        }
        done
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that was just forked, until its exec.
        if self.regular {
            let _closed_anyway = self.file.unlock();
        }
    }
}

/// Opens what is there; nothing when it is gone by now.
fn open_existing(place: &Place, regular: &OpenOptions) -> Result<Option<File>, FileError> {
    let path = &place.path;
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let kind = match fs::symlink_metadata(path) {
        Ok(meta) => meta.file_type(),
        Err(error) if gone(&error) => return Ok(None),
        Err(error) => return Err(place.failed(&error)),
    };
    let special = kind.is_symlink() || kind.is_fifo() || kind.is_char_device();
    let opened = if special {
        // Without a reader of a FIFO this fails at once instead of waiting for one.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        OpenOptions::new().append(true).custom_flags(flags).open(path)
    } else if kind.is_file() {
        regular.open(path)
    } else {
        return Err(FileError::Kind(path.clone()));
    };
    let file = match opened {
        Ok(file) => file,
        // A link that leads nowhere stays an error.
        Err(error) if gone(&error) && !kind.is_symlink() => return Ok(None),
        Err(error) => return Err(place.failed(&error)),
    };
    let found = file.metadata().map_err(|error| place.failed(&error))?.file_type();
    match (special, found.is_fifo() || found.is_char_device(), found.is_file()) {
        (true, true, _) | (false, _, true) => Ok(Some(file)),
        (true, _, true) => Err(FileError::Link(path.clone())),
        _ => Err(FileError::Kind(path.clone())),
    }
}

impl Place {
    pub(super) fn failed(&self, error: &io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), why: error.to_string(), number: error.raw_os_error() }
    }

    fn not_owned(&self, key: &'static str, error: &io::Error) -> FileError {
        FileError::Own { key, path: self.path.clone(), why: error.to_string() }
    }

    /// Gives a file its group and mode. The group comes first: with the mode alone, the group that it had
    /// could read.
    fn own(&self, file: &File, is_new: bool) -> Result<(), FileError> {
        let meta = file.metadata().map_err(|error| self.failed(&error))?;
        if let Some(group) = self.group.filter(|&group| group != meta.gid()) {
            let done = std::os::unix::fs::fchown(file, None, Some(group));
            done.map_err(|error| self.not_owned("group", &error))?;
        }
        // The umask may have taken bits away.
        let mode = self.mode.or(is_new.then_some(0o600));
        if let Some(mode) = mode.filter(|&mode| mode != meta.mode() & 0o7777) {
            let done = file.set_permissions(Permissions::from_mode(mode));
            done.map_err(|error| self.not_owned("mode", &error))?;
        }
        Ok(())
    }
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// When a file was begun, on the clock that counts from boot.
fn begun(meta: &Metadata, now: Reading) -> i64 {
    if meta.len() == 0 {
        return now.boot_ns;
    }
    let at = meta.created().or_else(|_| meta.modified()).ok();
    let at = at.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let at = at.and_then(|at| i64::try_from(at.as_nanos()).ok()).unwrap_or(now.unix_ns);
    now.boot_ns.saturating_sub(now.unix_ns.saturating_sub(at).max(0))
}

/// fsync(2) of the folder: names are as they are now after a power loss.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}
