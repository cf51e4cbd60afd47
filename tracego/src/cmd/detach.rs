//! `tracego detach`, and what `--handover none` does with what another tracego left.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use crate::cli::{Detach, Handover, Watch};
use tracego_probe::{
    handover::{self, HandoverError, folder::Removed},
    load::LoadError,
};

/// Removes what a tracego left, and says what it was.
///
/// # Errors
/// When one runs, or something cannot be removed.
pub(super) fn detach(detach: &Detach) -> anyhow::Result<ExitCode> {
    let said = match handover::remove(&detach.pin_dir).map_err(LoadError::from)? {
        Some(Removed { programs, records }) => {
            format!("{programs} programs detached; {records} records that nobody had read are gone")
        }
        None => "nothing is attached".to_owned(),
    };
    writeln!(io::stdout(), "{said}")?;
    Ok(ExitCode::SUCCESS)
}

/// Behind the start of a tracego that hands nothing over: its own programs are attached.
///
/// # Errors
/// As [`detach`].
pub(super) fn tidy(watch: &Watch) -> anyhow::Result<()> {
    match watch.handover {
        Some(Handover::None) => match handover::remove(&watch.pin_dir) {
            // One that runs is none of this one's business.
            Err(HandoverError::InUse(_)) => {}
            Err(error) => return Err(LoadError::from(error).into()),
            Ok(Some(Removed { programs, records })) if programs + records > 0 => tracing::warn!(
                programs,
                records,
                "removed what another tracego left; records that nobody had read are lost"
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
