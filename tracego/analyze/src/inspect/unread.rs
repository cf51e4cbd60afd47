//! Why something could not be read.

use std::{collections::BTreeMap, fmt};

use rustix::io::Errno;

/// Why something could not be read; shown as the reason in `unavailable`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unread {
    /// The process has ended, or its number belongs to another one by now.
    Gone,
    /// The right to do so is missing.
    Denied,
    /// There is no such file.
    NotFound,
    /// It is a folder, a device, a pipe, or a file of /proc.
    NotRegular,
    /// More than is read of one.
    TooLarge,
    /// More than are looked at.
    TooMany,
    /// It is not written as it should be.
    Malformed,
    /// Outside of what this process can see: another cgroup or mount namespace.
    Outside,
    /// Another error number (errno(3)).
    Errno(i32),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "gone",
            Self::Denied => "denied",
            Self::NotFound => "not found",
            Self::NotRegular => "no regular file",
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

impl From<Errno> for Unread {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ACCESS | Errno::PERM => Self::Denied,
            Errno::NOENT | Errno::NOTDIR => Self::NotFound,
            Errno::SRCH => Self::Gone,
            other => Self::Errno(other.raw_os_error()),
        }
    }
}

impl From<std::io::Error> for Unread {
    fn from(error: std::io::Error) -> Self {
        // What the library makes of a number that is none of the kernel's is a panic.
        let known = error.raw_os_error().is_some_and(|number| (1..4096).contains(&number));
        let errno = known.then(|| Errno::from_io_error(&error)).flatten();
        errno.map_or(Self::Malformed, Self::from)
    }
}

/// Fields that were looked for and could not be read, and why.
pub type Unavailable = BTreeMap<String, String>;

/// The value, or a note about why there is none.
pub(super) fn noted<T>(what: &str, result: Result<T, Unread>, unavailable: &mut Unavailable) -> Option<T> {
    result.map_err(|why| unavailable.insert(what.to_owned(), why.to_string())).ok()
}
