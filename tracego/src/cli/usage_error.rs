//! Wrong usage that only shows when options are seen together, or when what they name is opened.

use std::fmt;

/// Options that cannot be combined, or a value that cannot be used here: tracego starts nothing and ends with 2.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl UsageError {
    /// Turns an error about an option or the configuration into one about usage, with the same text.
    pub(crate) fn of(error: anyhow::Error) -> anyhow::Error {
        if error.is::<Self>() { error } else { Self(format!("{error:#}")).into() }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Returns with a [`UsageError`].
macro_rules! wrong_usage {
    ($($text:tt)*) => {
        return Err($crate::cli::UsageError(format!($($text)*)).into())
    };
}

pub(crate) use wrong_usage;
