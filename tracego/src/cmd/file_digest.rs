//! SHA-256 of files.

use std::{io, path::Path};

use ring::digest::{Context, SHA256};
use tracego_analyze::inspect::image::executable::{self, OpenedFile};
use tracego_golang::Source as _;
use tracego_model::input::digest::Sha256Digest;

/// Size of the parts in which a file is read.
const PART: usize = 1 << 20;

/// Returns the SHA-256 of a regular file in hexadecimal digits.
///
/// # Errors
/// Fails if the file cannot be read, or is written meanwhile.
pub(super) fn of_path(path: &Path) -> anyhow::Result<String> {
    let file = executable::file(path)?;
    let digest = of(&file)?;
    file.verify()?;
    Ok(digest)
}

/// Returns the SHA-256 of an opened file in hexadecimal digits.
///
/// # Errors
/// Fails if the file cannot be read.
pub(super) fn of(file: &OpenedFile) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut part = vec![0; PART];
    let mut at = 0;
    while at < file.size() {
        let length = usize::try_from(file.size() - at).unwrap_or(PART).min(PART);
        let bytes = part.get_mut(..length).unwrap_or_default();
        file.read_exact_at(bytes, at)?;
        context.update(bytes);
        at += length as u64;
    }
    let digest = <[u8; 32]>::try_from(context.finish().as_ref()).map_err(io::Error::other)?;
    Ok(Sha256Digest(digest).to_string())
}
