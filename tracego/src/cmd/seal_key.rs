//! The command `tracego seal-key`: creates an evolving key for seals.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use tracego_deliver::seal::evolving;

use crate::cli::SealKey;

/// Creates the key, and prints the public key of its first epoch.
///
/// # Errors
/// Fails if the file exists or cannot be written.
pub(super) fn create(options: &SealKey) -> anyhow::Result<ExitCode> {
    let public = evolving::create(&options.file).with_context(|| format!("{}", options.file.display()))?;
    let mut out = io::stdout().lock();
    out.write_all(public.to_pem()?.as_bytes()).and_then(|()| out.flush()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}
