//! Why something could not be read.

use std::{collections::BTreeMap, fmt};

use rustix::io::Errno;

/// The reason why something could not be read; shown in `unavailable`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadError {
    /// The process has ended, or its number belongs to another process by now.
    Gone,
    /// Permission denied.
    Denied,
    /// The file does not exist.
    NotFound,
    /// A folder, a device, a pipe, or a file of /proc.
    NotRegular,
    /// More bytes than are read of one file.
    TooLarge,
    /// More items than are looked at.
    TooMany,
    /// The content does not have the expected format.
    Malformed,
    /// Outside of what this process can see: another cgroup or mount namespace.
    Outside,
    /// Another error, by its number in errno(3).
    Errno(i32),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::NotFound => "not found",
            Self::NotRegular => "not a regular file",
            Self::TooLarge => "too large",
            Self::TooMany => "too many",
            Self::Malformed => "malformed",
            Self::Outside => "outside of this namespace",
            Self::Errno(number) => {
                let number = number.unsigned_abs();
                return match tracego_model::linux::errno::name(number) {
                    "unknown" => write!(f, "error {number}"),
                    name => f.write_str(name),
                };
            }
        })
    }
}

impl From<Errno> for ReadError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::NOENT | Errno::NOTDIR => Self::NotFound,
            Errno::SRCH => Self::Gone,
            other => Self::Errno(other.raw_os_error()),
        }
    }
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        // The library panics on a number that is not one of the kernel's.
        let known = error.raw_os_error().is_some_and(|number| (1..4096).contains(&number));
        let errno = known.then(|| Errno::from_io_error(&error)).flatten();
        errno.map_or(Self::Malformed, Self::from)
    }
}

/// Fields that were looked for but could not be read, each with the reason.
pub type Unavailable = BTreeMap<String, String>;

/// Returns the value, or notes in `unavailable` why there is none.
pub(in crate::inspect) fn noted<T>(
    what: &str,
    result: Result<T, ReadError>,
    unavailable: &mut Unavailable,
) -> Option<T> {
    result.map_err(|why| unavailable.insert(what.to_owned(), why.to_string())).ok()
}
