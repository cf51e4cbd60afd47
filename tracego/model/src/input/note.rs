//! Facts that this stage adds to a process start.

use std::{io, sync::Arc};

use serde::{Deserialize, Serialize};
use tracego_golang::Image;

use super::{digest::FileDigest, facts::Surroundings};
use crate::linux::{errno, users::Users};

/// The facts found about one process start.
#[derive(Clone, Debug, PartialEq)]
pub struct StartNote {
    /// Metadata of the executable, or why it could not be read.
    pub image: Result<Arc<Image>, OpenFailure>,
    /// The environment of the process; `None` where no rule needs it.
    pub surroundings: Option<Arc<Surroundings>>,
    /// The program that the executable interprets for a machine of another kind (binfmt_misc); `None` for most
    /// starts.
    pub program: Option<Arc<Image>>,
    /// Names of the process's users, as its root folder has them; `None` if they are those that the run started
    /// with.
    pub users: Option<Users>,
    /// State of the digest of the executed file; `None` where files are not hashed.
    pub digest: Option<FileDigest>,
}

impl Default for StartNote {
    fn default() -> Self {
        Self { image: Err(OpenFailure::Gone), surroundings: None, program: None, users: None, digest: None }
    }
}

impl StartNote {
    /// Returns the image of the program that runs: the interpreted one, where there is one.
    ///
    /// # Errors
    /// Fails if the executable could not be read.
    pub fn running(&self) -> Result<&Arc<Image>, OpenFailure> {
        self.program.as_ref().map_or_else(|| self.image.as_ref().map_err(|&failure| failure), Ok)
    }
}

/// Why a file could not be opened. Of several failed attempts the greatest failure is reported: failures that
/// a user can fix are greater than those that nobody can.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum OpenFailure {
    /// The file does not exist; process and file may have gone.
    #[error("no such file")]
    Gone,
    /// Another file is in its place, or the file changed while it was read.
    #[error("the path leads to another file, or the file changed")]
    Changed,
    /// The file was changed so shortly before its start that its change time does not show later changes, and the
    /// process has ended: its content now need not be what ran.
    #[error("the file was changed just before its start, and its process has ended")]
    Unstable,
    /// The kernel does not report the change time of the executed file, so no file can be verified.
    #[error("the file cannot be verified: this kernel does not report its change time")]
    Unverified,
    /// Not a regular file.
    #[error("not a regular file")]
    NotRegular,
    /// The file system did not answer in time, or files of it were given up because it did not.
    #[error("the file system does not answer")]
    Timeout,
    /// Another error, by its number in errno(3); 0 if it has none.
    #[error("{}", io::Error::from_raw_os_error(*.0))]
    Io(i32),
    /// Permission denied: the agent needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.
    #[error("permission denied")]
    Denied,
}

impl OpenFailure {
    /// Returns the name used in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Unstable => "unstable",
            Self::Unverified => "unverified",
            Self::NotRegular => "not-regular",
            Self::Timeout => "timeout",
            Self::Io(number) => errno::name(number.unsigned_abs()),
            Self::Denied => "denied",
        }
    }
}

impl From<io::Error> for OpenFailure {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH | libc::ENOTDIR | libc::ELOOP | libc::ESTALE) => Self::Gone,
            Some(libc::EACCES | libc::EPERM) => Self::Denied,
            Some(number) => Self::Io(number),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Changed,
            None => Self::Io(0),
        }
    }
}
