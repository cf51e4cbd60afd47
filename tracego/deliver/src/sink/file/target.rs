//! The path of an output file, and the safe ways to open it.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::PathBuf,
};

use rustix::fs::OFlags;

use super::FileError;

/// The path of an output file, and the mode and group that it gets.
#[derive(Clone, Debug)]
pub(super) struct FileTarget {
    pub(super) path: PathBuf,
    pub(super) mode: Option<u32>,
    pub(super) group: Option<u32>,
}

impl FileTarget {
    /// Makes the file, or opens the existing one. Returns the file and whether it is new; `None` if another
    /// program made or removed it meanwhile.
    ///
    /// A symbolic link in the last place of the path is never followed to a regular file: whoever may write
    /// to the folder could lead a daemon with all rights to any file of the system. The link is followed to
    /// FIFOs and character devices, which are neither cut nor given another mode, so that /dev/stdout works.
    pub(super) fn open(&self) -> Result<Option<(File, bool)>, FileError> {
        let flags = (OFlags::NOFOLLOW | OFlags::NOCTTY).bits().cast_signed();
        let mut regular = OpenOptions::new();
        regular.read(true).append(true).mode(0o600).custom_flags(flags);
        match regular.clone().create_new(true).open(&self.path) {
            Ok(file) => Ok(Some((file, true))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok(self.open_existing(&regular)?.map(|file| (file, false)))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Opens the existing file. Returns `None` if it is gone by now.
    fn open_existing(&self, regular: &OpenOptions) -> Result<Option<File>, FileError> {
        let path = &self.path;
        let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let kind = match fs::symlink_metadata(path) {
            Ok(meta) => meta.file_type(),
            Err(error) if gone(&error) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let special = kind.is_symlink() || kind.is_fifo() || kind.is_char_device();
        let opened = if special {
            // Without a reader, opening a FIFO fails at once instead of waiting for one.
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
            Err(error) => return Err(self.failed(&error)),
        };
        let found = file.metadata().map_err(|error| self.failed(&error))?.file_type();
        match (special, found.is_fifo() || found.is_char_device(), found.is_file()) {
            (true, true, _) | (false, _, true) => Ok(Some(file)),
            (true, _, true) => Err(FileError::Link(path.clone())),
            _ => Err(FileError::Kind(path.clone())),
        }
    }

    pub(super) fn failed(&self, error: &io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), why: error.to_string(), number: error.raw_os_error() }
    }

    fn not_owned(&self, key: &'static str, error: &io::Error) -> FileError {
        FileError::Own { key, path: self.path.clone(), why: error.to_string() }
    }

    /// Gives a file its group and mode. The group comes first: with only the mode set, the old group could
    /// read.
    pub(super) fn set_owner(&self, file: &File, is_new: bool) -> Result<(), FileError> {
        let meta = file.metadata().map_err(|error| self.failed(&error))?;
        if let Some(group) = self.group.filter(|&group| group != meta.gid()) {
            let done = std::os::unix::fs::fchown(file, None, Some(group));
            done.map_err(|error| self.not_owned("group", &error))?;
        }
        // The umask may have removed bits.
        let mode = self.mode.or(is_new.then_some(0o600));
        if let Some(mode) = mode.filter(|&mode| mode != meta.mode() & 0o7777) {
            let done = file.set_permissions(Permissions::from_mode(mode));
            done.map_err(|error| self.not_owned("mode", &error))?;
        }
        Ok(())
    }
}
