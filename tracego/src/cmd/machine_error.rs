//! Refusals of the machine, which no other option would avoid.

use std::fmt;

use tracego_probe::error::LoadError;

use crate::cli::UsageError;

/// A part of tracego that this machine does not let start, or that failed under a command: nothing is known about
/// what ran from then on. tracego ends with 3.
#[derive(Debug)]
pub(super) struct MachineError(String);

impl MachineError {
    /// Turns an error into a refusal of the machine, with the same text, unless it has a code of its own.
    pub(super) fn of(error: anyhow::Error) -> anyhow::Error {
        let has_code = error.is::<Self>() || error.is::<UsageError>() || error.is::<LoadError>();
        if has_code { error } else { Self(format!("{error:#}")).into() }
    }
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MachineError {}
