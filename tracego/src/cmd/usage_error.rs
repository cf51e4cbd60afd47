//! Wrong usage that only shows when options are seen together.

use std::fmt;

/// Options that cannot be combined, or a value that this machine cannot have. tracego ends with 2.
#[derive(Debug)]
pub(super) struct UsageError(pub(super) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Returns with a [`UsageError`].
macro_rules! wrong_usage {
    ($($text:tt)*) => {
        return Err($crate::cmd::usage_error::UsageError(format!($($text)*)).into())
    };
}

pub(super) use wrong_usage;
