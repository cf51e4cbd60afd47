//! What this stage adds to a program start.

use std::{io, sync::Arc};

use serde::{Deserialize, Serialize};

use super::facts::Surroundings;
use crate::linux::errno;
use tracego_golang::Image;

/// What was found out about one program start of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Position of its record in the batch, from 0.
    pub record: u32,
    /// What its executable says about itself, or why that could not be read.
    pub image: Result<Arc<Image>, Failure>,
    /// What is around it; only looked at where a rule may need it.
    pub surroundings: Option<Arc<Surroundings>>,
}

/// Why a file could not be had. Where several ways failed, the greatest of their reasons is told: what
/// can be mended comes before what cannot.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// There is no such file; process and file may have gone.
    #[error("no such file")]
    Gone,
    /// There is another file in its place, or it changed while it was read.
    #[error("another file, or it changed meanwhile")]
    Changed,
    /// This kernel does not tell the change time of what was executed: no file can be held against it.
    #[error("it cannot be told apart from other files")]
    Unverified,
    /// No regular file.
    #[error("not a regular file")]
    NotRegular,
    /// Another error, by its number in errno(3); 0 without one.
    #[error("{}", io::Error::from_raw_os_error(*.0))]
    Io(i32),
    /// The agent may not read it: CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH are what it needs.
    #[error("permission denied")]
    Denied,
}

impl Failure {
    /// As in a record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Changed => "changed",
            Self::Unverified => "unverified",
            Self::NotRegular => "not-regular",
            Self::Io(number) => errno::name(number.unsigned_abs()),
            Self::Denied => "denied",
        }
    }
}

impl From<io::Error> for Failure {
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
