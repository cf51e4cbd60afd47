//! The command `tracego detach`, and the cleanup by `--handover none`.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use tracego_probe::{
    error::{HandoverError, LoadError},
    handover::{self, folder::Removed},
};

use crate::cli::{Detach, Handover, WatchOptions};

/// Removes the programs and files that a tracego left, and prints their numbers.
///
/// # Errors
/// Fails if a tracego runs, or if something cannot be removed.
pub(super) fn detach(detach: &Detach) -> anyhow::Result<ExitCode> {
    let said = match handover::remove(&detach.pin_dir).map_err(LoadError::from)? {
        Some(Removed { programs, records }) => {
            format!("{programs} programs detached; {records} unread records were lost")
        }
        None => "nothing is attached".to_owned(),
    };
    writeln!(io::stdout(), "{said}")?;
    Ok(ExitCode::SUCCESS)
}

/// Removes leftovers of another tracego after the start of one without handover. Its own programs are already
/// attached.
///
/// # Errors
/// Fails like [`detach`].
pub(super) fn remove_leftovers(watch: &WatchOptions) -> anyhow::Result<()> {
    match watch.handover {
        Some(Handover::None) => match handover::remove(&watch.pin_dir) {
            // A running tracego is left alone.
            Err(HandoverError::InUse(_)) => {}
            Err(error) => return Err(LoadError::from(error).into()),
            Ok(Some(Removed { programs, records })) if programs + records > 0 => tracing::warn!(
                programs,
                records,
                "removed the programs of another tracego; its unread records are lost"
            ),
            Ok(_) => {}
        },
        None if handover::is_left(&watch.pin_dir) => tracing::warn!(
            path = %watch.pin_dir.display(),
            "programs of another tracego are still attached: start it again, or use `tracego detach`"
        ),
        _ => {}
    }
    Ok(())
}
